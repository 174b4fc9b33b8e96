/* workflow/controller/action.h: what users do to a running workflow, as edits of its object that
 * work on every store.
 *
 *   suspend, stop, terminate   spec.suspend, spec.shutdown, as Argo.
 *   resume                     spec.suspend is removed, and suspend nodes are resumed
 *   resume, stop with a node field selector, set   touch suspend nodes. Argo's CLI writes their
 * phase into status.nodes; here the controller alone writes status, so the wish is an annotation
 * "tiphys.io/action-<id>" with JSON
 *       {"action","nodeFieldSelector","message","phase","outputs"}; ids sort by time.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include "workflow/engine/engine.h"
#include <jansson.h>

#define ACTION_ANNOTATION "tiphys.io/action-"

enum action_kind {
        ACTION_SUSPEND,
        ACTION_RESUME,
        ACTION_STOP,
        ACTION_TERMINATE,
        ACTION_SET,
        ACTION_COUNT
};
struct action { /* borrowed strings */
        enum action_kind kind;
        const char *node_field_selector; /* NULL: all */
        const char *message;
        const char *phase;     /* SET */
        const json_t *outputs; /* SET: {"parameters": [{name, value}]} */
};
const char *action_name(enum action_kind k); /* "suspend", ... */
/* The merge patch for the object. */
json_t *action_patch(const struct action *a, struct wall now) MUST_CHECK;
/* The engine's view of it; strings stay borrowed. */
struct wf_input action_input(const struct action *a);
/* Reads one annotation value; *keep holds what `out` borrows from. */
int action_read(struct action *out, json_t **keep, const char *text, struct err *e) MUST_CHECK;
/* Would it be refused? `workflow` is the object as stored, with its nodes. */
int action_check(const struct action *a, const json_t *workflow, struct err *e) MUST_CHECK;
