/* common/lang/tagexpr.h: what stands between {{= and }}: an expression of expr.h, and Argo's rules
 * for what happens when it has no value (yet).
 *
 * A variable that is named in the expression and does not exist fails the substitution if it must
 * be there (`strict`), else the tag stays as it is; so does a tag whose expression cannot be
 * compiled or evaluated or is nil, as long as anything may stay. `a.b ?? x` does not need a.b.
 * Syntax errors always fail. Texts are inserted as they are, all other values as compact JSON.
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/lang/value.h"

/* Must a variable of this (dotted) name exist? */
typedef bool tag_must_fn(void *arg, struct str name);
struct tag_expr {
        struct val env;      /* VAL_MAP, nested (expr_expand); VAL_NIL: known, without a value */
        struct clock *clock; /* may be NULL */
        struct arena *arena; /* for one evaluation */
        bool may_stay;       /* nothing must be resolved */
        tag_must_fn *must;   /* NULL: no name must exist */
        void *arg;
};
/* *keep: the tag stays. NOT_FOUND "failed to evaluate expression: x is missing" | INVALID | LIMIT.
 */
int tag_expr_put(const struct tag_expr *t, struct str expression, struct buf *out, bool *keep,
                 struct err *e) MUST_CHECK;
/* Only the grammar, for lint. */
int tag_expr_check(struct str expression, size_t *at, struct err *e) MUST_CHECK;
/* tag_must_fn for "all names". */
bool tag_must_all(void *arg, struct str name);
