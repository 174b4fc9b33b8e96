/* workflow/engine/scope_eval.c: fields that are expressions: conditions of hooks and retries,
 * valueFrom.expression, fromExpression, labelsFrom. They see what a tag at the same place sees
 * (scope_expr.c), and artifacts. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "common/lang/gofmt.h"
#include "common/lang/limits.h"
#include "workflow/engine/engine_priv.h"

/* Everything an evaluation needs, for as long as its result is looked at. */
struct evaluation {
        struct scope *s;
        struct arena a;
        struct expr *x;
        struct fake_clock clock; /* now() is the moment of the step */
        struct val env;
};

static void evaluation_deinit(struct evaluation *v)
{
        expr_free(v->x);
        arena_deinit(&v->a);
        json_decref(v->s->kept);
        v->s->kept = NULL;
}

static int evaluation_init(struct evaluation *v, const char *text, struct scope *s, struct err *e)
{
        *v = (struct evaluation){.s = s};
        s->kept = json_array();
        arena_init(&v->a, LANG_MEMORY);
        fake_clock_init(&v->clock, (struct wall){s->wf->now_ns});
        if (expr_new(&v->x, str_of(text), EXPR_WORKFLOWS, NULL, e) == 0) {
                v->env = scope_env(s, v->x, &v->a);
                return 0;
        }
        evaluation_deinit(v);
        return -1;
}

/* Tags inside of an expression are part of its text, as everywhere in a template. */
static int evaluation_of_field(struct evaluation *v, const char *text, struct scope *s,
                               struct err *e)
{
        struct tag_opts o = scope_tags(s);
        char *plain = NULL;
        if (tag_string(&plain, text, &o, e) < 0)
                return -1;
        int r = evaluation_init(v, plain, s, e);
        mem_free(plain);
        return r;
}

int scope_test(bool *out, const char *text, struct scope *s, struct err *e)
{
        struct evaluation v;
        if (evaluation_of_field(&v, text, s, e) < 0)
                return -1;
        int r = expr_test(v.x, v.env, &v.clock.clock, &v.a, out, e);
        evaluation_deinit(&v);
        return r;
}

int scope_eval_tree(json_t **out, const char *text, struct scope *s, struct err *e)
{
        struct evaluation v;
        struct val result;
        if (evaluation_of_field(&v, text, s, e) < 0)
                return -1;
        int r = expr_eval(v.x, v.env, &v.clock.clock, &v.a, &result, e);
        *out = r == 0 ? val_to_tree(&v.a, result) : NULL;
        if (r == 0 && !*out)
                r = err_set(e, ERR_INVALID, "the result has no JSON form");
        evaluation_deinit(&v);
        return r;
}

int scope_artifact_of(json_t **out, const char *expression, struct scope *s, struct err *e)
{
        AUTO_JSON json_t *found = NULL;
        if (scope_eval_tree(&found, expression, s, e) < 0)
                return -1;
        if (!json_is_object(found))
                return err_set(e, ERR_NOT_FOUND, "'%s' is not an artifact", expression);
        *out = TAKE(found);
        return 0;
}

int scope_eval_text(char **out, const char *text, struct scope *s, struct err *e)
{
        struct evaluation v;
        struct val result;
        *out = NULL;
        if (evaluation_of_field(&v, text, s, e) < 0)
                return -1;
        int r = expr_eval(v.x, v.env, &v.clock.clock, &v.a, &result, e);
        if (r == 0 && result.kind != VAL_NIL && result.kind != VAL_MISSING) {
                struct abuf b = abuf_in(&v.a);
                gofmt_value(&b, result);
                if (b.failed)
                        r = err_set(e, ERR_LIMIT, "the result is too large");
                else
                        *out = mem_strndup(b.n ? b.p : "", b.n);
        }
        evaluation_deinit(&v);
        return r;
}
