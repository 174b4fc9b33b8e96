/* common/lang/govaluate.h: Knetic/govaluate expressions: Sensor filters.exprs, trigger conditions,
 * `when`.
 *
 * + - * / % ** & | ^ << >> ~ ! == != < <= > >= =~ !~ && || ?? ?: in (a, b), parentheses, [names
 * with spaces], 'text' and "text" (text that looks like a date becomes unix seconds), hexadecimal,
 * true, false. Numbers are doubles; ** is left-associative; there is no null literal. No functions
 * are registered. Evaluation allocates only for string concatenation and lists. A constant regex on
 * the right of =~ is compiled once, others per evaluation. Limits: nesting LANG_DEPTH, caps of the
 * arena. Threads: a compiled expression is immutable. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/lang/value.h"

struct govaluate;
int govaluate_new(struct govaluate **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct govaluate *govaluate_free(struct govaluate *g);
AUTO_DEFINE(govaluate_free, struct govaluate *);

/* The names used in it, each once, in order of appearance. NUL-terminated, borrowed. */
size_t govaluate_nvars(const struct govaluate *g);
const char *govaluate_var(const struct govaluate *g, size_t i);

/* `vars` is parallel to the names: no lookups while evaluating. VAL_MISSING is an error only when
 * the variable is reached
 * (&& || ?: ?? decide early). JSON null is VAL_NIL. Lists for `in` are VAL_LIST. */
int govaluate_eval(const struct govaluate *g, const struct val *vars, struct arena *a,
                   struct val *out, struct err *e) MUST_CHECK;
/* The same where the result must be a boolean. */
int govaluate_test(const struct govaluate *g, const struct val *vars, struct arena *a, bool *out,
                   struct err *e) MUST_CHECK;
