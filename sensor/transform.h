/* sensor/transform.h: a dependency's `transform`: the payload as a jq program or a Lua script makes
 * it anew, before filters see it. Pure, any thread; may take long (lang/limits.h), so it is run off
 * the loop (sensor/eval.h). Semantics: argo-events.md 6.4. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/field.h"
#include "common/lang/value.h"
#include "common/net/cloudevent.h"

struct transform {
        char *jq, *script; /* jq wins when both are given */
        struct luascript *lua;
        struct jq *program;
};
extern const struct field transform_fields[];
/* After the fields are loaded. Problems go to `d`. */
void transform_compile(struct transform *t, const struct jpath *at, struct diags *d);
void transform_clear(struct transform *t); /* what transform_compile made */

/* The new payload in `a`; .p NULL: there is none, and nothing to change. A payload that is no JSON
 * object, a result that is none: INVALID. */
int transform_apply(const struct transform *t, const struct cloudevent *ev, struct arena *a,
                    struct str *out, struct err *e) MUST_CHECK;
/* The payload as scripts see it: an object; null counts as an empty one. */
int payload_object(struct str data, struct arena *a, struct val *out, struct err *e) MUST_CHECK;
/* A seed for random numbers of scripts: the same for the same event. */
uint64_t payload_seed(const struct cloudevent *ev);
