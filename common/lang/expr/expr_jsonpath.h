/* common/lang/expr/expr_jsonpath.h: JSONPath in the dialect of evilmonkeyinc/jsonpath v0.8.1, the
 * function jsonpath() of Argo: what its files share.
 *
 *   expr_jsonpath.c        the function, and paths applied to values
 *   expr_jsonpath_parse.c  text into steps
 *   expr_jsonpath_script.c the expressions of [?(...)], [(...)] and ranges
 * Two kinds of failure: soft ones (a key that is not there), which a wildcard or a filter passes
 * over, and those of the budget, which end the evaluation (ev->go.failed).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/expr/expr_priv.h"

struct jp_expr;
enum jp_kind {
        JP_ROOT,
        JP_CURRENT,
        JP_WILDCARD,
        JP_RECURSIVE,
        JP_LENGTH,
        JP_KEY,
        JP_INDEX,
        JP_RANGE,
        JP_UNION,
        JP_FILTER,
        JP_SCRIPT,
};
enum jp_arg_kind { JP_NONE, JP_INT, JP_TEXT, JP_EXPR, JP_COLON, JP_COMMA };
struct jp_arg {
        enum jp_arg_kind kind;
        int64_t i;
        struct str s;
        struct jp_expr *expr;
};
struct jp_step {
        enum jp_kind kind;
        struct str key;
        int64_t index;
        struct jp_arg *args; /* JP_RANGE: from, to, step; JP_UNION */
        size_t nargs;
        struct jp_expr *expr;
};
struct jp_path {
        struct jp_step *steps;
        size_t n;
};
struct jp {
        struct ex_eval *ev;
        const char *why; /* of the last soft failure, a static text */
        unsigned depth;
};
bool jp_soft(struct jp *j, const char *why); /* false */
bool jp_parse(struct jp *j, struct str text, struct jp_path *out);
bool jp_apply(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val current,
              struct val *out);
bool jp_compile(struct jp *j, struct str text, struct jp_expr **out);
bool jp_evaluate(struct jp *j, const struct jp_expr *x, struct val root, struct val current,
                 struct val *out);
/* A whole number, as the original has it: floats too. */
bool jp_integer(struct val v, int64_t *out);
bool jp_parse_int(struct str s, int64_t *out);
struct str jp_trim(struct str s);
void *jp_alloc(struct jp *j, size_t size); /* zeroed; NULL: the budget */
