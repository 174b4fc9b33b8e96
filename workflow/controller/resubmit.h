/* workflow/controller/resubmit.h: a new workflow from one that has been: its spec, its labels and
 * annotations without those that tell of the old run, and the label resubmitted-from-workflow.
 * Pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>

/* A new object, to be created: generateName as it was, else "<name>-". `parameters`: "name=value",
 * replacing arguments. NULL with *e set. */
json_t *resubmit_workflow(const json_t *workflow, const char *const *parameters, size_t n,
                          struct err *e) MUST_CHECK;
/* spec.arguments.parameters[name].value = value; takes value. */
void workflow_set_parameter(json_t *workflow, const char *name, json_t *value_taken);
