/* workflow/engine/fieldsel.h: field selectors over nodes: "displayName=a,phase!=Failed", with
 * Kubernetes' grammar ("=", "==", "!=", comma, backslash escapes of these). A field that a node
 * does not have is "". Pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

/* INVALID with the part that is no requirement. NULL and "" select everything. */
int fieldsel_check(const char *selector, struct err *e) MUST_CHECK;
/* Over an entry of status.nodes: displayName, name, id, phase, type, templateName,
 * templateRef.name, templateRef.template, inputs.parameters.X.value, outputs.parameters.X.value.
 * A selector that is not valid selects nothing. */
bool fieldsel_matches(const char *selector, const json_t *node);
