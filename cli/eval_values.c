/* cli/eval_values.c: `tiphys eval`: languages that compute with an event.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval.h"
#include "common/base/jsonscan.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "common/lang/gjson.h"
#include "common/lang/gotemplate.h"
#include "common/lang/govaluate.h"
#include "common/lang/jq.h"
#include "common/lang/jsonpath.h"
#include "common/lang/lua.h"
#include "common/lang/sprig/gojson.h"
#include "common/lang/tag.h"
#include "common/lang/tagexpr.h"
#include "common/lang/when.h"

static int run_expr(struct eval *v, enum expr_dialect d, struct err *e)
{
        bool events = d == EXPR_EVENTS;
        AUTO(expr_free) struct expr *x = NULL;
        struct val flat, out;
        if (eval_variables(v, events ? VAL_FLOATS : VAL_INTS_AND_FLOATS, &flat, e) < 0 ||
            expr_new(&x, v->program, d, NULL, e) < 0)
                return -1;
        v->compiling = false;
        if (expr_eval(x, expr_expand(v->arena, flat, events), v->clock, v->arena, &out, e) < 0)
                return -1;
        return eval_result(v, out, e);
}

int eval_expr(struct eval *v, struct err *e)
{
        return run_expr(v, EXPR_WORKFLOWS, e);
}

int eval_filter(struct eval *v, struct err *e)
{
        return run_expr(v, EXPR_EVENTS, e);
}

/* ---- tags ---- */

struct tags {
        struct eval *v;
        struct val flat, nested;
};

static enum tag_found lookup(void *arg, struct str name, struct buf *out)
{
        const struct tags *t = arg;
        struct abuf b = abuf_in(t->v->arena);
        struct val found = val_get(t->v->arena, t->flat, name);
        if (found.kind == VAL_MISSING)
                return TAG_UNKNOWN;
        if (found.kind == VAL_STR)
                buf_add(out, found.s.p, found.s.n);
        else if (expr_json(&b, found))
                buf_add(out, b.p, b.n);
        return TAG_VALUE;
}

static int on_expr(void *arg, struct str expression, struct buf *out, bool *keep, struct err *e)
{
        const struct tags *t = arg;
        bool strict = t->v->o->strict;
        const struct tag_expr x = {.env = t->nested,
                                   .clock = t->v->clock,
                                   .arena = t->v->arena,
                                   .may_stay = !strict,
                                   .must = strict ? tag_must_all : NULL};
        return tag_expr_put(&x, expression, out, keep, e);
}

static int substitute(struct eval *v, struct buf *out, bool strict, struct err *e)
{
        struct tags t = {.v = v};
        if (eval_variables(v, VAL_INTS_AND_FLOATS, &t.flat, e) < 0)
                return -1;
        t.nested = expr_expand(v->arena, t.flat, false);
        v->compiling = false;
        const struct tag_opts o = {
                .lookup = lookup, .expr = on_expr, .arg = &t, .strict = strict, .closed = strict};
        return tag_text(out, v->program.p, v->program.n, &o, e);
}

int eval_tag(struct eval *v, struct err *e)
{
        return substitute(v, &v->text, v->o->strict, e);
}

int eval_when(struct eval *v, struct err *e)
{
        AUTO_BUF struct buf condition = BUF_INIT(TAG_MAX_BYTES);
        bool holds = false;
        if (substitute(v, &condition, true, e) < 0 ||
            when_eval(&holds, buf_str(&condition), WHEN_WORDS_ARE_STRINGS, e) < 0)
                return -1;
        return eval_result(v, val_bool(holds), e);
}

/* ---- govaluate ---- */

static int field_value(struct eval *v, struct str path, struct val *out, struct err *e)
{
        struct gjson found;
        if (gjson_get(v->data, path, v->arena, &found, e) < 0)
                return -1;
        if (found.exists)
                *out = found.type == GJSON_STRING ? val_str(found.str)
                                                  : val_from_json(v->arena, found.raw, VAL_FLOATS);
        return 0;
}

/* --field first, as `fields` of a Sensor's exprs; then --var and the event's own members. */
static int variable(struct eval *v, struct val flat, const char *wanted, struct val *out,
                    struct err *e)
{
        for (size_t i = 0; i < v->o->fields.n; i++) {
                struct str name, path;
                if (eval_pair("--field", v->o->fields.items[i], &name, &path, e) < 0)
                        return -1;
                if (str_eq(name, wanted))
                        return field_value(v, path, out, e);
        }
        *out = val_get(v->arena, flat, str_of(wanted));
        return 0;
}

int eval_govaluate(struct eval *v, struct err *e)
{
        AUTO(govaluate_free) struct govaluate *g = NULL;
        struct val flat, out;
        if (eval_variables(v, VAL_FLOATS, &flat, e) < 0 ||
            govaluate_new(&g, v->program, NULL, e) < 0)
                return -1;
        size_t n = govaluate_nvars(g);
        struct val *vars = arena_zalloc(v->arena, (n + 1) * sizeof(*vars));
        for (size_t i = 0; i < n; i++)
                if (variable(v, flat, govaluate_var(g, i), &vars[i], e) < 0)
                        return -1;
        v->compiling = false;
        return govaluate_eval(g, vars, v->arena, &out, e) < 0 ? -1 : eval_result(v, out, e);
}

/* ---- paths, templates, scripts ---- */

int eval_gjson(struct eval *v, struct err *e)
{
        struct gjson found;
        v->compiling = false;
        if (gjson_get(v->data, v->program, v->arena, &found, e) < 0)
                return -1;
        if (!found.exists)
                return err_set(e, ERR_NOT_FOUND, "nothing is there");
        struct str text = found.type == GJSON_NULL ? found.raw : gjson_string(&found, v->arena);
        buf_add(&v->text, text.p, text.n);
        buf_add(&v->json, found.raw.p, found.raw.n);
        v->truth = found.type == GJSON_TRUE;
        return 0;
}

int eval_jsonpath(struct eval *v, struct err *e)
{
        AUTO(jsonpath_free) struct jsonpath *p = NULL;
        struct val data;
        if (eval_data(v, VAL_INTS_AND_FLOATS, &data, e) < 0 ||
            jsonpath_new(&p, v->program, NULL, e) < 0)
                return -1;
        v->compiling = false;
        return jsonpath_put(p, data, JSONPATH_MISSING_FAILS, v->arena, &v->text, e);
}

int eval_template(struct eval *v, struct err *e)
{
        AUTO(gotmpl_free) struct gotmpl *t = NULL;
        struct val data, dot = val_map_new(v->arena, 1);
        if (eval_data(v, VAL_FLOATS, &data, e) < 0 || gotmpl_new(&t, v->program, NULL, e) < 0)
                return -1;
        v->compiling = false;
        if (!val_map_put(v->arena, dot, "Input", data))
                return err_set(e, ERR_LIMIT, "out of memory for values");
        return gotmpl_render(t, dot, v->clock, v->arena, &v->text, e);
}

int eval_lua(struct eval *v, struct err *e)
{
        AUTO(luascript_free) struct luascript *s = NULL;
        struct luascript_host host = {.clock = v->clock, .seed = 1};
        struct val out;
        if (eval_variables(v, VAL_FLOATS, &host.event, e) < 0 ||
            luascript_new(&s, v->program, NULL, e) < 0)
                return -1;
        v->compiling = false;
        if (luascript_run(s, &host, v->arena, &out, e) < 0)
                return -1;
        struct abuf text = abuf_in(v->arena);
        struct gojson j = {.b = &text};
        if (out.kind != VAL_STR && !gojson_put(&j, out))
                return err_set(e, ERR_INVALID,
                               "the result holds what JSON cannot (a function, an infinity)");
        return eval_result(v, out, e);
}

static bool put_output(void *arg, struct str json, bool finite)
{
        struct eval *v = arg;
        (void)finite;
        v->truth = v->json.len == 0 && str_eq(json, "true");
        buf_addc(&v->json, v->json.len ? ',' : '[');
        buf_add(&v->json, json.p, json.n);
        if (v->text.len)
                buf_addc(&v->text, '\n');
        if (*json.p != '"' || !json_unquote(&v->text, json))
                buf_add(&v->text, json.p, json.n);
        return !v->json.overflow;
}

int eval_jq(struct eval *v, struct err *e)
{
        AUTO(jq_free) struct jq *q = NULL;
        if (jq_new(&q, v->program, NULL, e) < 0)
                return -1;
        v->compiling = false;
        if (jq_run(q, v->data.n ? v->data : STR("null"), v->clock, put_output, v, e) < 0)
                return -1;
        if (!v->json.len)
                return err_set(e, ERR_NOT_FOUND, "no output");
        buf_addc(&v->json, ']');
        return 0;
}
