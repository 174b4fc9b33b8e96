/* workflow/engine/redo.h: a workflow that has ended is run again: the same one, without what
 * failed (retry), or a new one (resubmit). By Argo v4.1's rules (argo-workflows.md 2.20); objects
 * in, objects out. Pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include <jansson.h>

struct redo {
        const char *const *parameters; /* "name=value": replace arguments */
        size_t n_parameters;
        struct wall now;
        /* retry */
        bool restart_successful;
        const char *node_field_selector; /* NULL; nodes that run again although they succeeded */
        /* resubmit */
        bool memoized;        /* keeps what succeeded as Skipped nodes */
        const char *new_name; /* memoized: needed; else NULL: by generateName */
};
/* The object as it is to be stored instead: nodes that failed and all behind them are gone, the
 * groups around them run again, its phase is open. INVALID "Cannot retry a workflow in phase
 * Running". `workflow` has its nodes. */
int redo_retry(json_t **out, const json_t *workflow, const struct redo *r,
               struct err *e) MUST_CHECK;
/* A new object, to be created: its spec, its labels and annotations without those that tell of the
 * old run, the label resubmitted-from-workflow. INVALID "workflow must be Failed/Error to resubmit
 * in memoized mode". */
int redo_resubmit(json_t **out, const json_t *workflow, const struct redo *r,
                  struct err *e) MUST_CHECK;

/* A retried object that is created again (out of the archive): without what the store gives it. */
void redo_detach(json_t *workflow);

/* The parameters of a spec: those given first, then the others. */
int redo_override(json_t *spec, const struct redo *r, struct err *e) MUST_CHECK;
/* Does a node below have succeeded? NULL: unknown ids count as none. `but`: a set of ids that do
 * not count. Answers for all nodes at once: {id: true}. */
json_t *redo_above_success(const json_t *nodes, const json_t *but);
/* spec.arguments.parameters[name].value = value; takes value. */
void workflow_set_parameter(json_t *workflow, const char *name, json_t *value_taken);
