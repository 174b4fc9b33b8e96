/* workflow/controller/throttle.h: how many workflows run at once, in all and per namespace; the
 * others wait by priority, then by age. What runs already is never held back. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct throttle;
/* 0: no limit. */
struct throttle *throttle_new(int64_t total, int64_t per_namespace);
struct throttle *throttle_free(struct throttle *t);
/* Joins: it runs already, or it waits until throttle_next() names it. Adding again changes nothing.
 */
void throttle_add(struct throttle *t, const char *ns, const char *key, bool runs, int64_t priority,
                  int64_t created_ns);
bool throttle_admits(const struct throttle *t, const char *key); /* it runs */
/* The next for which there is room: it runs from here on. NULL: none. Borrowed until it leaves. */
const char *throttle_next(struct throttle *t);
void throttle_remove(struct throttle *t, const char *key);
