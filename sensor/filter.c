/* sensor/filter.c: see filter.h. Paths, patterns and expressions are compiled once; a check works
 * on the raw payload. Order and combination of the kinds are upstream's: expr, data, context (time
 * and script are not there yet). SPDX-License-Identifier: Apache-2.0 */
#include "sensor/filter.h"
#include "common/base/field.h"
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/lang/gjson.h"
#include "common/lang/goregex.h"
#include "common/lang/gotemplate.h"
#include "common/lang/govaluate.h"
#include "common/lang/limits.h"
#include <stdlib.h>

static const char *const and_or[] = {"and", "or", NULL};
static const char *const data_types[] = {"string", "number", "bool", NULL};
enum { TYPE_STRING, TYPE_NUMBER, TYPE_BOOL };
static const char *const comparators[] = {"=", "!=", ">=", ">", "<", "<=", NULL};
enum { CMP_EQ, CMP_NE, CMP_GE, CMP_GT, CMP_LT, CMP_LE };

struct data_filter {
        char *path, *template_text;
        int type, comparator;
        struct field_strs values;
        struct gjson_path *compiled;
        struct gotmpl *template;
        struct goregex **patterns; /* string: one per value */
        double *numbers;           /* number */
        bool *bools, *usable;      /* a value that does not parse never matches */
};
struct expr_field {
        char *path, *name;
        struct gjson_path *compiled;
};
struct expr_filter {
        char *expr;
        struct field_list fields;
        struct govaluate *compiled;
};
struct context_filter {
        char *type, *subject, *source, *datacontenttype;
};
struct filter {
        struct field_list exprs, data;
        struct context_filter *context;
        int expr_operator, data_operator;
        bool operator_or;
};

static const struct field data_fields[] = {
        FIELD(struct data_filter, path, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "path into the payload"),
        FIELD(struct data_filter, type, FIELD_ENUM, .choices = data_types, .flags = FIELD_REQUIRED,
              .help = "how values compare"),
        FIELD(struct data_filter, values, FIELD_STRS, .name = "value",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "any of these; for strings regular expressions"),
        FIELD(struct data_filter, comparator, FIELD_ENUM, .choices = comparators, .def = "=",
              .help = "relation to the value"),
        FIELD(struct data_filter, template_text, FIELD_STR, .name = "template",
              .help = "Go template over .Input, the value as text"),
        FIELD_END};
static const struct field expr_field_fields[] = {
        FIELD(struct expr_field, path, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "path into the payload"),
        FIELD(struct expr_field, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "its name in the expression"),
        FIELD_END};
static const struct field expr_fields[] = {
        FIELD(struct expr_filter, expr, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "must be true"),
        FIELD(struct expr_filter, fields, FIELD_LIST, .sub = expr_field_fields,
              .sub_size = sizeof(struct expr_field), .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "names for values of the payload"),
        FIELD_END};
static const struct field context_fields[] = {
        FIELD(struct context_filter, type, FIELD_STR, .help = "CloudEvent type"),
        FIELD(struct context_filter, subject, FIELD_STR, .help = "event name"),
        FIELD(struct context_filter, source, FIELD_STR, .help = "EventSource name"),
        FIELD(struct context_filter, datacontenttype, FIELD_STR,
              .help = "content type of the payload"),
        {.name = "id", .kind = FIELD_NO_EFFECT, .help = "not compared, upstream either"},
        {.name = "specversion", .kind = FIELD_NO_EFFECT, .help = "not compared, upstream either"},
        {.name = "time", .kind = FIELD_NO_EFFECT, .help = "not compared, upstream either"},
        FIELD_END};
const struct field filter_fields[] = {
        FIELD(struct filter, exprs, FIELD_LIST, .sub = expr_fields,
              .sub_size = sizeof(struct expr_filter), .help = "expressions over named fields"),
        FIELD(struct filter, data, FIELD_LIST, .sub = data_fields,
              .sub_size = sizeof(struct data_filter), .help = "comparisons of payload values"),
        FIELD(struct filter, context, FIELD_OBJ_PTR, .sub = context_fields,
              .sub_size = sizeof(struct context_filter), .help = "equality of context attributes"),
        FIELD(struct filter, expr_operator, FIELD_ENUM, .name = "exprLogicalOperator",
              .choices = and_or, .def = "and", .help = "how exprs are joined"),
        FIELD(struct filter, data_operator, FIELD_ENUM, .name = "dataLogicalOperator",
              .choices = and_or, .def = "and", .help = "how data filters are joined"),
        {.name = "time", .kind = FIELD_LATER, .help = "time of day"},
        {.name = "script", .kind = FIELD_LATER, .help = "Lua"},
        FIELD_END};

/* ---- compile ---- */

static void complain(struct diags *d, const struct jpath *at, const char *code, struct err *e)
{
        diag_error(d, at, code, NULL, "%s", err_msg(e));
        err_clear(e);
}

static void compile_values(struct data_filter *f, const struct jpath *at, struct diags *d)
{
        size_t n = f->values.n;
        struct jpath list = jpath_key(at, "value");
        f->usable = mem_calloc(n, sizeof(*f->usable));
        f->patterns = mem_calloc(n, sizeof(*f->patterns));
        f->numbers = mem_calloc(n, sizeof(*f->numbers));
        f->bools = mem_calloc(n, sizeof(*f->bools));
        for (size_t i = 0; i < n; i++) {
                struct jpath here = jpath_index(&list, i);
                const char *v = f->values.items[i];
                ERR_SLOT(e);
                if (f->type == TYPE_STRING) {
                        f->usable[i] = goregex_new(&f->patterns[i], str_of(v), NULL, &e) == 0;
                        if (!f->usable[i])
                                complain(d, &here, "E040", &e);
                } else if (f->type == TYPE_NUMBER) {
                        f->usable[i] = str_to_double(v, &f->numbers[i]);
                        if (!f->usable[i])
                                diag_error(d, &here, "E041", NULL,
                                           "expected a number, found \"%s\"", v);
                } else {
                        static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
                        static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
                        for (size_t k = 0; k < ARRAY_LEN(yes); k++) {
                                f->bools[i] |= streq(v, yes[k]);
                                f->usable[i] |= streq(v, yes[k]) || streq(v, no[k]);
                        }
                        if (!f->usable[i])
                                diag_error(d, &here, "E041", NULL,
                                           "expected true or false, found \"%s\"", v);
                }
        }
}

static void compile_data(struct filter *f, const struct jpath *at, struct diags *d)
{
        struct jpath list = jpath_key(at, "data");
        for (size_t i = 0; i < f->data.n; i++) {
                struct data_filter *df = &field_items(f->data, struct data_filter)[i];
                struct jpath here = jpath_index(&list, i), path = jpath_key(&here, "path"),
                             tmpl = jpath_key(&here, "template");
                ERR_SLOT(e);
                if (df->path && gjson_path_new(&df->compiled, str_of(df->path), &e) < 0)
                        complain(d, &path, "E042", &e);
                if (!str_empty(df->template_text) &&
                    gotmpl_new(&df->template, str_of(df->template_text), NULL, &e) < 0)
                        complain(d, &tmpl, "E032", &e);
                compile_values(df, &here, d);
        }
}

static void compile_exprs(struct filter *f, const struct jpath *at, struct diags *d)
{
        struct jpath list = jpath_key(at, "exprs");
        for (size_t i = 0; i < f->exprs.n; i++) {
                struct expr_filter *ef = &field_items(f->exprs, struct expr_filter)[i];
                struct jpath here = jpath_index(&list, i), expr = jpath_key(&here, "expr"),
                             fields = jpath_key(&here, "fields");
                ERR_SLOT(e);
                if (ef->expr && govaluate_new(&ef->compiled, str_of(ef->expr), NULL, &e) < 0)
                        complain(d, &expr, "E043", &e);
                for (size_t k = 0; k < ef->fields.n; k++) {
                        struct expr_field *field = &field_items(ef->fields, struct expr_field)[k];
                        struct jpath item = jpath_index(&fields, k),
                                     path = jpath_key(&item, "path");
                        if (field->path &&
                            gjson_path_new(&field->compiled, str_of(field->path), &e) < 0)
                                complain(d, &path, "E042", &e);
                }
        }
}

int filter_new(struct filter **out, const json_t *filters, bool operator_or, const struct jpath *at,
               bool strict, struct diags *d)
{
        if (!filters || json_is_null(filters)) {
                *out = NULL;
                return 0;
        }
        size_t errors = d->errors;
        AUTO(filter_free) struct filter *f = NEW(struct filter);
        f->operator_or = operator_or;
        if (fields_load(f, filter_fields, filters, at, &(struct field_opts){.strict = strict}, d) <
                    0 &&
            d->errors == errors)
                return -1;
        compile_data(f, at, d);
        compile_exprs(f, at, d);
        if (d->errors > errors)
                return -1;
        *out = TAKE(f);
        return 0;
}

struct filter *filter_free(struct filter *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->data.n; i++) {
                struct data_filter *df = &field_items(f->data, struct data_filter)[i];
                gjson_path_free(df->compiled);
                gotmpl_free(df->template);
                for (size_t k = 0; df->patterns && k < df->values.n; k++)
                        goregex_free(df->patterns[k]);
                free(df->patterns);
                free(df->numbers);
                free(df->bools);
                free(df->usable);
        }
        for (size_t i = 0; i < f->exprs.n; i++) {
                struct expr_filter *ef = &field_items(f->exprs, struct expr_filter)[i];
                govaluate_free(ef->compiled);
                for (size_t k = 0; k < ef->fields.n; k++)
                        gjson_path_free(field_items(ef->fields, struct expr_field)[k].compiled);
        }
        fields_free(f, filter_fields);
        free(f);
        return NULL;
}

/* ---- check ---- */

/* One round over a list under `and` / `or`. Under `or` one pass is enough although others failed
 * with an error: upstream keeps the errors only when nothing passed. */
struct tally {
        bool any_or;
        enum filter_verdict result;
        bool decided;
};

static void count(struct tally *t, enum filter_verdict v)
{
        if (t->decided)
                return;
        if (t->any_or) {
                if (v == FILTER_PASS) {
                        t->result = FILTER_PASS;
                        t->decided = true;
                } else if (v == FILTER_ERROR || t->result == FILTER_PASS) {
                        t->result = v == FILTER_ERROR ? FILTER_ERROR : FILTER_REJECT;
                }
        } else if (v != FILTER_PASS) {
                t->result = v;
                t->decided = true;
        }
}

static bool compare(double a, double b, int cmp)
{
        switch (cmp) {
        case CMP_NE: return a != b;
        case CMP_GE: return a >= b;
        case CMP_GT: return a > b;
        case CMP_LT: return a < b;
        case CMP_LE: return a <= b;
        default: return a == b;
        }
}

static int render(const struct data_filter *f, struct gjson *v, struct arena *a, struct err *e)
{
        AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT);
        struct val dot = val_map_new(a, 1);
        val_map_put(a, dot, "Input", val_str(gjson_string(v, a)));
        if (gotmpl_render(f->template, dot, clock_system(), a, &out, e) < 0)
                return -1;
        struct str text = {buf_str(&out), out.len};
        if (gotmpl_is_empty(text))
                return err_set(e, ERR_INVALID, "the template gives nothing");
        char *copy = arena_strndup(a, text.p, text.n);
        AUTO_BUF struct buf quoted = BUF_INIT(LANG_OUTPUT);
        json_put_string(&quoted, text.p, text.n);
        *v = (struct gjson){.type = GJSON_STRING, .exists = true, .str = {copy, text.n}};
        v->raw = (struct str){arena_strndup(a, buf_str(&quoted), quoted.len), quoted.len};
        return 0;
}

static int value_matches(const struct data_filter *f, size_t i, const struct gjson *v,
                         struct arena *a, bool *matches, struct err *e)
{
        *matches = false;
        if (!f->usable[i])
                return 0;
        if (f->type == TYPE_BOOL) {
                *matches = gjson_bool(v) == f->bools[i];
                return 0;
        }
        if (f->type == TYPE_NUMBER) {
                *matches = compare(gjson_float(v), f->numbers[i], f->comparator);
                return 0;
        }
        if (goregex_match(f->patterns[i], gjson_string(v, a), a, matches, e) < 0)
                return -1;
        if (f->comparator == CMP_NE)
                *matches = !*matches;
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
        if (f->template && render(f, &v, a, e) < 0)
                return -1;
        for (size_t i = 0; i < f->values.n; i++) {
                if (value_matches(f, i, &v, a, matches, e) < 0)
                        return -1;
                if (*matches)
                        return 0;
        }
        return 0;
}

static enum filter_verdict check_data(const struct filter *f, struct str data, struct arena *a,
                                      struct buf *why)
{
        struct tally t = {.any_or = f->data_operator == 1};
        for (size_t i = 0; i < f->data.n && !t.decided; i++) {
                const struct data_filter *df = &field_items(f->data, const struct data_filter)[i];
                ERR_SLOT(e);
                bool matches = false;
                enum filter_verdict v = data_matches(df, data, a, &matches, &e) < 0 ? FILTER_ERROR
                                        : matches                                   ? FILTER_PASS
                                                                                    : FILTER_REJECT;
                if (v == FILTER_ERROR)
                        buf_addf(why, "%sdata %s: %s", why->len ? "; " : "", df->path, err_msg(&e));
                else if (v == FILTER_REJECT)
                        buf_addf(why, "%sdata %s: value is not %s %s%s", why->len ? "; " : "",
                                 df->path, comparators[df->comparator], df->values.items[0],
                                 df->values.n > 1 ? " (or the others)" : "");
                err_clear(&e);
                if (t.any_or && i == 0)
                        t.result = v;
                else
                        count(&t, v);
                t.decided |= t.any_or && v == FILTER_PASS;
        }
        return t.result;
}

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
        return govaluate_test(f->compiled, vars, a, holds, e);
}

static enum filter_verdict check_exprs(const struct filter *f, struct str data, struct arena *a,
                                       struct buf *why)
{
        struct tally t = {.any_or = f->expr_operator == 1};
        for (size_t i = 0; i < f->exprs.n && !t.decided; i++) {
                const struct expr_filter *ef = &field_items(f->exprs, const struct expr_filter)[i];
                ERR_SLOT(e);
                bool holds = false;
                enum filter_verdict v = FILTER_PASS;
                if (ef->fields.n)
                        v = expr_holds(ef, data, a, &holds, &e) < 0 ? FILTER_ERROR
                            : holds                                 ? FILTER_PASS
                                                                    : FILTER_REJECT;
                if (v == FILTER_ERROR)
                        buf_addf(why, "%sexpr %s: %s", why->len ? "; " : "", ef->expr, err_msg(&e));
                else if (v == FILTER_REJECT)
                        buf_addf(why, "%sexpr %s is false", why->len ? "; " : "", ef->expr);
                err_clear(&e);
                if (t.any_or && i == 0)
                        t.result = v;
                else
                        count(&t, v);
                t.decided |= t.any_or && v == FILTER_PASS;
        }
        return t.result;
}

static bool differs(const char *wanted, const char *have, const char *what, struct buf *why)
{
        if (str_empty(wanted) || streq(wanted, have))
                return false;
        buf_addf(why, "%scontext %s is %s, not %s", why->len ? "; " : "", what,
                 have ? have : "absent", wanted);
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
        bool present[3] = {f->exprs.n > 0, f->data.n > 0, f->context != NULL}, passed = false,
             rejected = false, error = false;
        for (int kind = 0; kind < 3; kind++) {
                if (!present[kind])
                        continue;
                enum filter_verdict v = kind == 0   ? check_exprs(f, ev->data, a, why)
                                        : kind == 1 ? check_data(f, ev->data, a, why)
                                                    : check_context(f->context, ev, why);
                if (!f->operator_or && v != FILTER_PASS)
                        return v;
                passed |= v == FILTER_PASS;
                rejected |= v == FILTER_REJECT;
                error |= v == FILTER_ERROR;
        }
        if (error) /* an error rejects under `or` too */
                return FILTER_ERROR;
        return passed || !rejected ? FILTER_PASS : FILTER_REJECT;
}
