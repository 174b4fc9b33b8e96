/* workflow/binding/binding.h: WorkflowEventBindings: which of them an event concerns, and the
 * workflow that each makes of it.
 *
 * Expressions (expr, workflow dialect) see payload (numbers are doubles), metadata (the request's
 * x-* headers, lower-cased, lists of values), namespace and discriminator. Source: Argo v4.1
 * server/event/dispatch. Pure; one struct serves one event. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

struct binding_event { /* borrowed */
        const char *ns, *discriminator;
        const json_t *payload;  /* NULL: none */
        const json_t *metadata; /* {"x-name": ["value"]} */
        const char *key; /* of the delivery; the same key makes the same workflow. NULL: none */
};
struct binding;
struct binding *binding_new(const struct binding_event *ev, struct clock *clock);
struct binding *binding_free(struct binding *b);
AUTO_DEFINE(binding_free, struct binding *);

/* Does spec.event.selector of this WorkflowEventBinding hold? */
int binding_selects(struct binding *b, const json_t *object, bool *out, struct err *e) MUST_CHECK;
/* The workflow to create; NULL when the binding submits nothing. With a key its name is final: who
 * creates it twice gets a conflict. */
int binding_workflow(struct binding *b, const json_t *object, json_t **out,
                     struct err *e) MUST_CHECK;
