/* sensor/filter_check.c: evaluates compiled filters on the raw payload. Kinds in upstream's order:
 * exprs, data, context. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/lang/limits.h"
#include "sensor/filter_priv.h"

/* Joins verdicts under `and` / `or`. Under `or` one pass is enough although others failed with an
 * error. */
struct tally {
        bool any;
        enum filter_verdict result;
};

static struct tally tally_begin(const char *operator)
{
        bool any = streq(operator, "or"); /* anything else counts as `and` */
        return (struct tally){any, any ? FILTER_REJECT : FILTER_PASS};
}

/* True when the result stands. */
static bool tally_add(struct tally *t, enum filter_verdict v)
{
        if (t->any ? v == FILTER_PASS : v != FILTER_PASS) {
                t->result = v;
                return true;
        }
        if (v == FILTER_ERROR)
                t->result = v;
        return false;
}

static void because(struct buf *why, const char *kind, const char *what, const char *words)
{
        buf_addf(why, "%s%s %s: %s", why->len ? "; " : "", kind, what, words);
}

/* ---- data ---- */

static bool compare(double a, double b, enum comparator cmp)
{
        switch (cmp) {
        case CMP_EQ: return a == b;
        case CMP_NE: return a != b;
        case CMP_GE: return a >= b;
        case CMP_GT: return a > b;
        case CMP_LT: return a < b;
        case CMP_LE: return a <= b;
        case CMP_UNKNOWN: break;
        }
        return false;
}

/* The value becomes what the template makes of it, a string. */
static int render(const struct data_filter *f, struct gjson *v, struct arena *a, struct err *e)
{
        AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT), quoted = BUF_INIT(LANG_OUTPUT);
        struct val dot = val_map_new(a, 1);
        val_map_put(a, dot, "Input", val_str(gjson_string(v, a)));
        if (gotmpl_render(f->template, dot, clock_system(), a, &out, e) < 0)
                return -1;
        struct str text = {buf_str(&out), out.len};
        if (gotmpl_is_empty(text))
                return err_set(e, ERR_INVALID, "the template gives nothing");
        json_put_string(&quoted, text.p, text.n);
        *v = (struct gjson){.type = GJSON_STRING, .exists = true};
        v->str = (struct str){arena_strndup(a, text.p, text.n), text.n};
        v->raw = (struct str){arena_strndup(a, buf_str(&quoted), quoted.len), quoted.len};
        return 0;
}

static int value_matches(const struct data_filter *f, size_t i, const struct gjson *v,
                         struct arena *a, bool *matches, struct err *e)
{
        const struct data_value *wanted = &f->parsed[i];
        *matches = false;
        if (!wanted->usable)
                return err_set(e, ERR_INVALID, "the filter's value \"%s\" is no %s",
                               f->values.items[i], f->type_text);
        if (f->type == TYPE_BOOL) {
                *matches = gjson_bool(v) == wanted->boolean;
                return 0;
        }
        if (f->type == TYPE_NUMBER) {
                *matches = compare(gjson_float(v), wanted->number, f->comparator);
                return 0;
        }
        if (goregex_match(wanted->pattern, gjson_string(v, a), a, matches, e) < 0)
                return -1;
        if (f->comparator == CMP_NE)
                *matches = !*matches;
        else if (f->comparator != CMP_EQ)
                *matches = false;
        return 0;
}

static int data_matches(const struct data_filter *f, struct str data, struct arena *a,
                        bool *matches, struct err *e)
{
        struct gjson v;
        if (gjson_find(f->compiled, data, a, &v, e) < 0)
                return -1;
        if (!v.exists)
                return err_set(e, ERR_INVALID, "the payload has nothing at this path");
        if (f->type == TYPE_UNKNOWN)
                return err_set(e, ERR_INVALID, "unknown type \"%s\"", f->type_text);
        if (f->template && render(f, &v, a, e) < 0)
                return -1;
        for (size_t i = 0; i < f->values.n && !*matches; i++)
                if (value_matches(f, i, &v, a, matches, e) < 0)
                        return -1;
        return 0;
}

static enum filter_verdict check_data(const struct filter *f, struct str data, struct arena *a,
                                      struct buf *why)
{
        struct tally t = tally_begin(f->data_operator);
        for (size_t i = 0; data.n && i < f->data.n; i++) {
                const struct data_filter *df = &field_items(f->data, const struct data_filter)[i];
                ERR_SLOT(e);
                bool matches = false;
                enum filter_verdict v = FILTER_PASS;
                if (data_matches(df, data, a, &matches, &e) < 0) {
                        v = FILTER_ERROR;
                        because(why, "data", df->path, err_msg(&e));
                        err_clear(&e);
                } else if (!matches) {
                        v = FILTER_REJECT;
                        buf_addf(why, "%sdata %s: value is not %s %s%s", why->len ? "; " : "",
                                 df->path,
                                 str_empty(df->comparator_text) ? "=" : df->comparator_text,
                                 df->values.items[0], df->values.n > 1 ? " (or the others)" : "");
                }
                if (tally_add(&t, v))
                        break;
        }
        return data.n ? t.result : FILTER_PASS;
}

/* ---- exprs ---- */

static int expr_holds(const struct expr_filter *f, struct str data, struct arena *a, bool *holds,
                      struct err *e)
{
        size_t n = govaluate_nvars(f->compiled);
        struct val *vars = arena_zalloc(a, (n ? n : 1) * sizeof(*vars));
        for (size_t i = 0; i < f->fields.n; i++) {
                const struct expr_field *field =
                        &field_items(f->fields, const struct expr_field)[i];
                struct gjson v;
                if (gjson_find(field->compiled, data, a, &v, e) < 0)
                        return -1;
                if (!v.exists)
                        return err_set(e, ERR_INVALID, "the payload has nothing at %s",
                                       field->path);
                for (size_t k = 0; k < n; k++)
                        if (streq(govaluate_var(f->compiled, k), field->name))
                                vars[k] = v.type == GJSON_STRING
                                                  ? val_str(v.str)
                                                  : val_from_json(a, v.raw, VAL_FLOATS);
        }
        struct val result;
        if (govaluate_eval(f->compiled, vars, a, &result, e) < 0)
                return -1;
        *holds = result.kind == VAL_BOOL &&
                 result.b; /* any other value does not pass, without being an error */
        return 0;
}

static enum filter_verdict check_exprs(const struct filter *f, struct str data, struct arena *a,
                                       struct buf *why)
{
        struct tally t = tally_begin(f->expr_operator);
        for (size_t i = 0; data.n && i < f->exprs.n; i++) {
                const struct expr_filter *ef = &field_items(f->exprs, const struct expr_filter)[i];
                ERR_SLOT(e);
                bool holds = true;
                enum filter_verdict v = FILTER_PASS;
                if (ef->fields.n && expr_holds(ef, data, a, &holds, &e) < 0) {
                        v = FILTER_ERROR;
                        because(why, "expr", ef->expr, err_msg(&e));
                        err_clear(&e);
                } else if (!holds) {
                        v = FILTER_REJECT;
                        because(why, "expr", ef->expr, "is false");
                }
                if (tally_add(&t, v))
                        break;
        }
        return data.n ? t.result : FILTER_PASS;
}

/* ---- context ---- */

static bool differs(const char *wanted, const char *have, const char *what, struct buf *why)
{
        if (str_empty(wanted) || streq(wanted, have))
                return false;
        buf_addf(why, "%scontext %s: %s is not %s", why->len ? "; " : "", what,
                 have ? have : "nothing", wanted);
        return true;
}

static enum filter_verdict check_context(const struct context_filter *c,
                                         const struct cloudevent *ev, struct buf *why)
{
        bool bad = differs(c->type, ev->type, "type", why);
        bad |= differs(c->subject, ev->subject, "subject", why);
        bad |= differs(c->source, ev->source, "source", why);
        bad |= differs(c->datacontenttype,
                       ev->datacontenttype ? ev->datacontenttype : "application/json",
                       "datacontenttype", why);
        return bad ? FILTER_REJECT : FILTER_PASS;
}

enum filter_verdict filter_check(const struct filter *f, const struct cloudevent *ev,
                                 struct arena *a, struct buf *why)
{
        if (!f)
                return FILTER_PASS;
        bool passed = false, error = false;
        for (int kind = 0; kind < 3; kind++) {
                enum filter_verdict v;
                if (kind == 0 && f->exprs.n)
                        v = check_exprs(f, ev->data, a, why);
                else if (kind == 1 && f->data.n)
                        v = check_data(f, ev->data, a, why);
                else if (kind == 2 && f->context)
                        v = check_context(f->context, ev, why);
                else
                        continue;
                if (!f->operator_or && v != FILTER_PASS)
                        return v;
                passed |= v == FILTER_PASS;
                error |= v == FILTER_ERROR;
        }
        if (!f->operator_or)
                return FILTER_PASS;
        return error    ? FILTER_ERROR
               : passed ? FILTER_PASS
                        : FILTER_REJECT; /* an error rejects under `or`, too */
}
