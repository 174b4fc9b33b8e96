/* common/lang/expr.h: the expr language: {{=...}} tags, retry, hook and memoize expressions of
 * workflows, and filter.expression of EventSources.
 *
 * Two dialects of one language, each as its original answers:
 *   EXPR_WORKFLOWS  expr-lang/expr v1.17 with Argo Workflows' environment: the variables, asInt,
 *     asFloat, toJson, jsonpath (evilmonkeyinc dialect) and the map `sprig`. Types are checked
 *     against the variables before anything runs: an unknown name, 1 == "1", a call with too many
 *     arguments are errors even where they would not be reached. A variable named like a builtin
 *     hides it. Integers and floats are kept apart: give VAL_INTS_AND_FLOATS.
 *   EXPR_EVENTS     antonmedv/expr v1.15: names are not checked (nosuch == nil); numbers of events
 *     are doubles (VAL_FLOATS).
 * Compile once, evaluate many times: an evaluation allocates from the arena only (a regex that is
 * no literal costs a malloc). Text of events is opened lazily (value.h). Limits: LANG_TEXT bytes,
 * 10,000 nodes, LANG_DEPTH levels of brackets, LANG_STEPS, a million list items (as the original),
 * the arena's max. now() needs a clock. Threads: a compiled expression is immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/lang/value.h"

enum expr_dialect { EXPR_WORKFLOWS, EXPR_EVENTS };
struct expr;

/* Parse (EXPR_EVENTS: and check). INVALID "offset N: ..."; *at (may be NULL) is the offset. */
int expr_new(struct expr **out, struct str text, enum expr_dialect d, size_t *at,
             struct err *e) MUST_CHECK;
struct expr *expr_free(struct expr *x);
AUTO_DEFINE(expr_free, struct expr *);

/* `env` is a VAL_MAP (VAL_NIL: no variables). clock may be NULL where now() is not needed.
 * INVALID "offset N: ..." for types and values, LIMIT past a budget. */
int expr_eval(const struct expr *x, struct val env, struct clock *clock, struct arena *a,
              struct val *out, struct err *e) MUST_CHECK;
/* The same where the result must be a boolean. */
int expr_test(const struct expr *x, struct val env, struct clock *clock, struct arena *a, bool *out,
              struct err *e) MUST_CHECK;

/* Every use of a variable as a dotted path from the root: "steps.a.outputs.result"; also x["a"].b.
 * Names of builtins that are called are none. */
typedef void expr_name_fn(void *arg, struct str dotted);
void expr_each_name(const struct expr *x, expr_name_fn *each, void *arg);

/* Variables given by dotted names become nested maps, as Argo does it: of "a" and "a.b" the longer
 * one wins. dashes: '-' in the names becomes '_' (EventSources). Values are not looked into. */
struct val expr_expand(struct arena *a, struct val flat, bool dashes);
/* A result as {{=...}} inserts it: JSON of encoding/json; false: it has no JSON form (or the arena
 * is full). */
struct abuf;
bool expr_json(struct abuf *b, struct val v);
