/* sensor/condition.h: a trigger's `conditions`: dependency names joined by &&, || and parentheses.
 *
 * Parsed once to a small tree over dependency indices, evaluated against a bit set of satisfied
 * ones. Any name a dependency may have is accepted, also those that break the original (and, true,
 * len, 1st, a.b); what differs is in docs/compatibility.md. Absent or empty: all dependencies of
 * the sensor joined by &&. Pure; any thread. Source: argo-events.md 6.3. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { CONDITION_DEPS_MAX = 64 };
struct condition;
/* The error says the column, what was found and what was expected; `names` has at most
 * CONDITION_DEPS_MAX entries. */
int condition_new(struct condition **out, const char *text, const char *const *names, size_t n,
                  struct err *e) MUST_CHECK;
struct condition *condition_free(struct condition *c);
AUTO_DEFINE(condition_free, struct condition *);
bool condition_holds(const struct condition *c, uint64_t satisfied);
uint64_t condition_uses(const struct condition *c); /* bit i: names[i] occurs */
/* No && in it: fires on every single event and stores nothing. */
bool condition_simple(const struct condition *c);
const char *condition_text(const struct condition *c); /* normalised: "(a&&b)||c" */
/* The names that are still missing for it to hold, as words for a trace ("b and c"); heap. */
char *condition_missing(const struct condition *c, uint64_t satisfied,
                        const char *const *names) MUST_CHECK;
