/* sensor/filter_check.c: evaluates compiled filters on the raw payload. Kinds in upstream's order:
 * exprs, data, context, time, script. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/lang/limits.h"
#include "sensor/filter_priv.h"
#include "sensor/transform.h"

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
        if (!f->compiled)
                return err_set(e, ERR_INVALID, "the path cannot be read");
        if (gjson_find(f->compiled, data, a, &v, e) < 0)
                return -1;
        if (!v.exists)
                return err_set(e, ERR_INVALID, "the payload has nothing at this path");
        if (f->values.n == 0)
                return err_set(e, ERR_INVALID, "there are no values to compare with");
        if (!f->template && !str_empty(f->template_text))
                return err_set(e, ERR_INVALID, "the template does not compile");
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
        size_t n = f->compiled ? govaluate_nvars(f->compiled) : 0;
        struct val *vars = arena_zalloc(a, (n ? n : 1) * sizeof(*vars));
        for (size_t i = 0; i < f->fields.n; i++) {
                const struct expr_field *field =
                        &field_items(f->fields, const struct expr_field)[i];
                struct gjson v;
                if (!field->compiled)
                        return err_set(e, ERR_INVALID, "a path cannot be read");
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
        if (!f->compiled)
                return err_set(e, ERR_INVALID, "the expression does not compile");
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

/* ---- time ---- */

static bool on_day(const struct time_filter *f, struct str day, const char *text, struct arena *a,
                   struct val_time *out)
{
        struct abuf b = abuf_in(a);
        abuf_add(&b, day);
        abuf_addc(&b, ' ');
        abuf_adds(&b, text ? text : "");
        return gotime_parse(a, STR("2006-01-02 15:04:05"), abuf_str(&b), f->zone, out, NULL);
}

/* [start, stop) of the day the event fell on, in the filter's zone; over midnight when stop is
 * first. */
static enum filter_verdict check_time(const struct time_filter *f, const struct cloudevent *ev,
                                      struct arena *a, struct buf *why)
{
        struct abuf day = abuf_in(a);
        struct val_time start, stop;
        struct val_time t = gotime_add((struct val_time){.zone = f->zone}, ev->time.ns);
        gotime_format(&day, STR("2006-01-02"), t);
        if (!f->zone_known || !on_day(f, abuf_str(&day), f->start, a, &start) ||
            !on_day(f, abuf_str(&day), f->stop, a, &stop)) {
                because(why, "time", f->start ? f->start : "", "cannot be read");
                return FILTER_ERROR;
        }
        bool after = gotime_compare(t, start) >= 0, before = gotime_compare(t, stop) < 0;
        if (gotime_compare(start, stop) < 0 ? after && before : after || before)
                return FILTER_PASS;
        struct abuf now = abuf_in(a);
        gotime_format(&now, STR("15:04:05"), t);
        buf_addf(why, "%stime: %.*s is not between %s and %s", why->len ? "; " : "", (int)now.n,
                 now.p, f->start, f->stop);
        return FILTER_REJECT;
}

/* ---- script ---- */

static int script_says(const struct filter *f, const struct cloudevent *ev, struct arena *a,
                       bool *yes, struct err *e)
{
        struct luascript_host host = {.clock = clock_system(), .seed = payload_seed(ev)};
        struct val v;
        if (f->script_bad)
                return err_set(e, ERR_INVALID, "does not compile");
        if (payload_object(ev->data, a, &host.event, e) < 0 ||
            luascript_run(f->script, &host, a, &v, e) < 0)
                return -1;
        *yes = v.kind == VAL_BOOL && v.b;
        return 0;
}

static enum filter_verdict check_script(const struct filter *f, const struct cloudevent *ev,
                                        struct arena *a, struct buf *why)
{
        ERR_SLOT(e);
        bool yes = !ev->data.p;
        if (!yes && script_says(f, ev, a, &yes, &e) < 0) {
                because(why, "script", "error", err_msg(&e));
                err_clear(&e);
                return FILTER_ERROR;
        }
        if (!yes)
                buf_addf(why, "%sscript: did not return true", why->len ? "; " : "");
        return yes ? FILTER_PASS : FILTER_REJECT;
}

/* ---- all kinds, in upstream's order ---- */

enum { KIND_EXPRS, KIND_DATA, KIND_CONTEXT, KIND_TIME, KIND_SCRIPT, KINDS };

/* False: the filter has no such kind. */
static bool check_kind(const struct filter *f, int kind, const struct cloudevent *ev,
                       struct arena *a, struct buf *why, enum filter_verdict *v)
{
        switch (kind) {
        case KIND_EXPRS:
                if (f->exprs.n)
                        *v = check_exprs(f, ev->data, a, why);
                return f->exprs.n;
        case KIND_DATA:
                if (f->data.n)
                        *v = check_data(f, ev->data, a, why);
                return f->data.n;
        case KIND_CONTEXT:
                if (f->context)
                        *v = check_context(f->context, ev, why);
                return f->context;
        case KIND_TIME:
                if (f->time)
                        *v = check_time(f->time, ev, a, why);
                return f->time;
        default:
                if (f->script || f->script_bad)
                        *v = check_script(f, ev, a, why);
                return f->script || f->script_bad;
        }
}

bool filter_is_slow(const struct filter *f)
{
        return f && f->script;
}

/* An error rejects, under `or` too; under `and` it is an error even where another kind has said no
 * before. */
enum filter_verdict filter_check(const struct filter *f, const struct cloudevent *ev,
                                 struct arena *a, struct buf *why)
{
        bool passed = false, rejected = false, error = false;
        for (int kind = 0; f && kind < KINDS; kind++) {
                enum filter_verdict v;
                if (!check_kind(f, kind, ev, a, why, &v))
                        continue;
                if (v == FILTER_ERROR && (!f->operator_or || kind == KIND_SCRIPT))
                        return v;
                passed |= v == FILTER_PASS;
                rejected |= v == FILTER_REJECT;
                error |= v == FILTER_ERROR;
        }
        if (error)
                return FILTER_ERROR;
        if (f && f->operator_or)
                return passed ? FILTER_PASS : FILTER_REJECT;
        return rejected ? FILTER_REJECT : FILTER_PASS;
}
