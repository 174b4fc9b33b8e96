/* workflow/spec/advice_expr.c: do the expressions that stand in fields of their own parse? Argo
 * never looks before it evaluates them. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "workflow/spec/check.h"

enum { WALK_MAX_DEPTH = 64 };

struct expr_walk {
        struct check *c;
        const struct jpath *at;
        const char *text;
};

/* `part` is the expression within `text`; one that holds simple tags is known only when those are
 * put in. */
static void parse(const struct expr_walk *w, struct str part)
{
        AUTO(expr_free) struct expr *x = NULL;
        struct err why = {0};
        size_t at = 0;
        if (memmem(part.p, part.n, "{{", 2) || expr_new(&x, part, EXPR_WORKFLOWS, &at, &why) == 0)
                return;
        size_t n = at < part.n ? strcspn(part.p + at, " \t\n)}],") : 0;
        struct str where =
                at < part.n ? (struct str){part.p + at, n && at + n <= part.n ? n : 1} : part;
        diag_in_text(w->c->d, SEV_WARNING, w->at, w->text, where, "W316", NULL,
                     "expression does not parse: %s", err_msg(&why));
        err_clear(&why);
}

static bool holds_expression(const char *key)
{
        return strcmp(key, "expression") == 0 || strcmp(key, "fromExpression") == 0;
}

static void walk(struct check *c, const json_t *j, const char *key, const struct jpath *at,
                 int depth)
{
        const char *k;
        json_t *v;
        size_t i;
        if (depth > WALK_MAX_DEPTH)
                return;
        if (json_is_string(j)) {
                struct expr_walk w = {c, at, json_string_value(j)};
                if (holds_expression(key) && json_string_length(j))
                        parse(&w, (struct str){json_string_value(j), json_string_length(j)});
        }
        json_array_foreach ((json_t *)(uintptr_t)j, i, v) {
                struct jpath here = jpath_index(at, i);
                walk(c, v, "", &here, depth + 1);
        }
        json_object_foreach ((json_t *)(uintptr_t)j, k, v) {
                struct jpath here = jpath_key(at, k);
                walk(c, v, k, &here, depth + 1);
        }
}

void check_expression(struct check *c, const json_t *text, const struct jpath *at)
{
        struct expr_walk w = {c, at, json_string_value(text)};
        if (c->options.advice && json_string_length(text))
                parse(&w, (struct str){json_string_value(text), json_string_length(text)});
}

void check_expressions(struct check *c, const json_t *tree, const struct jpath *at)
{
        walk(c, tree, "", at, 0);
}
