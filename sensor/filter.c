/* sensor/filter.c: loads and compiles filters; filter_check.c evaluates them. What upstream's
 * validation refuses is an error here; the filter is built all the same where it can be, because
 * its evaluation is defined (recorded cases run it). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "sensor/filter_priv.h"
#include <math.h>
#include <stdlib.h>
#include <strings.h>

static const char *const data_types[] = {"string", "number", "bool"};
static const char *const comparators[] = {"=", "!=", ">=", ">", "<", "<="};

static const struct field data_fields[] = {
        FIELD(struct data_filter, path, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "path into the payload"),
        FIELD(struct data_filter, type_text, FIELD_STR, .name = "type", .flags = FIELD_REQUIRED,
              .help = "string, number or bool: how values compare"),
        FIELD(struct data_filter, values, FIELD_STRS, .name = "value",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "any of these; for strings unanchored regular expressions"),
        FIELD(struct data_filter, comparator_text, FIELD_STR, .name = "comparator",
              .help = "= (default) != >= > < <="),
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
              .sub_size = sizeof(struct expr_field),
              .help = "names for values of the payload; without any the expression counts as true"),
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
static const struct field time_fields[] = {
        FIELD(struct time_filter, start, FIELD_STR, .flags = FIELD_REQUIRED,
              .help = "HH:MM:SS, inclusive"),
        FIELD(struct time_filter, stop, FIELD_STR, .flags = FIELD_REQUIRED,
              .help = "HH:MM:SS, exclusive; before `start`: on the next day"),
        FIELD(struct time_filter, timezone, FIELD_STR, .help = "IANA name, default UTC"),
        FIELD_END};
const struct field filter_fields[] = {
        FIELD(struct filter, exprs, FIELD_LIST, .sub = expr_fields,
              .sub_size = sizeof(struct expr_filter), .help = "expressions over named fields"),
        FIELD(struct filter, data, FIELD_LIST, .sub = data_fields,
              .sub_size = sizeof(struct data_filter), .help = "comparisons of payload values"),
        FIELD(struct filter, context, FIELD_OBJ_PTR, .sub = context_fields,
              .sub_size = sizeof(struct context_filter), .help = "equality of context attributes"),
        FIELD(struct filter, expr_operator, FIELD_STR, .name = "exprLogicalOperator",
              .help = "and (default) or or: how exprs are joined"),
        FIELD(struct filter, data_operator, FIELD_STR, .name = "dataLogicalOperator",
              .help = "and (default) or or: how data filters are joined"),
        FIELD(struct filter, time, FIELD_OBJ_PTR, .sub = time_fields,
              .sub_size = sizeof(struct time_filter), .help = "time of day of the event"),
        FIELD(struct filter, script_text, FIELD_STR, .name = "script",
              .help = "Lua script over the global `event`; must return true"),
        FIELD_END};

static void complain(struct diags *d, const struct jpath *at, const char *code, struct err *e)
{
        diag_error(d, at, code, NULL, "%s", err_msg(e));
        err_clear(e);
}

/* The index of `text` in `names`; an unknown one is an error with a near match. */
static size_t choose(const char *text, const char *const *names, size_t n, const struct jpath *at,
                     const char *key, struct diags *d)
{
        for (size_t i = 0; i < n; i++)
                if (streq(text, names[i]))
                        return i;
        struct jpath here = jpath_key(at, key);
        const char *near = str_nearest(text ? text : "", names, n);
        AUTO(mem_free) char *hint = near ? mem_printf("did you mean %s?", near) : NULL;
        struct buf all = BUF_INIT(256);
        for (size_t i = 0; i < n; i++)
                buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
        diag_error(d, &here, "E005", hint, "expected one of %s, found \"%s\"", buf_str(&all),
                   text ? text : "");
        buf_deinit(&all);
        return n;
}

static void check_operator(const char *text, const char *key, const struct jpath *at,
                           struct diags *d)
{
        static const char *const and_or[] = {"and", "or"};
        if (!str_empty(text))
                choose(text, and_or, ARRAY_LEN(and_or), at, key, d);
}

static bool parse_bool(const char *text, bool *out)
{
        static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
        static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                if (streq(text, yes[i]) || streq(text, no[i])) {
                        *out = streq(text, yes[i]);
                        return true;
                }
        }
        return false;
}

/* As Go's ParseFloat here: underscores between digits are passed over. */
static bool parse_number(const char *text, double *out)
{
        AUTO(mem_free) char *plain = mem_strdup(text);
        char *w = plain;
        for (const char *r = plain; *r; r++)
                if (*r != '_')
                        *w++ = *r;
        *w = '\0';
        static const char *const infinities[] = {"inf",  "+inf",      "infinity", "+infinity",
                                                 "-inf", "-infinity", "nan"};
        for (size_t i = 0; i < ARRAY_LEN(infinities); i++) {
                if (strcasecmp(plain, infinities[i]) == 0) {
                        *out = i == 6 ? NAN : i >= 4 ? -INFINITY : INFINITY;
                        return true;
                }
        }
        return str_to_double(plain, out);
}

static void parse_value(struct data_filter *f, size_t i, const struct jpath *at, struct diags *d)
{
        struct data_value *v = &f->parsed[i];
        const char *text = f->values.items[i];
        ERR_SLOT(e);
        switch (f->type) {
        case TYPE_STRING:
                v->usable = goregex_new(&v->pattern, str_of(text), NULL, &e) == 0;
                if (!v->usable)
                        complain(d, at, "E040", &e);
                break;
        case TYPE_NUMBER:
                v->usable = parse_number(text, &v->number);
                if (!v->usable)
                        diag_error(d, at, "E041", NULL, "expected a number, found \"%s\"", text);
                break;
        case TYPE_BOOL:
                v->usable = parse_bool(text, &v->boolean);
                if (!v->usable)
                        diag_error(d, at, "E041", NULL, "expected true or false, found \"%s\"",
                                   text);
                break;
        case TYPE_UNKNOWN: break;
        }
}

static void compile_data(struct data_filter *f, const struct jpath *at, struct diags *d)
{
        struct jpath path = jpath_key(at, "path"), tmpl = jpath_key(at, "template"),
                     list = jpath_key(at, "value");
        ERR_SLOT(e);
        f->type = (enum data_type)choose(f->type_text, data_types, ARRAY_LEN(data_types), at,
                                         "type", d);
        f->comparator =
                str_empty(f->comparator_text)
                        ? CMP_EQ
                        : (enum comparator)choose(f->comparator_text, comparators,
                                                  ARRAY_LEN(comparators), at, "comparator", d);
        if (f->path && gjson_path_new(&f->compiled, str_of(f->path), &e) < 0)
                complain(d, &path, "E042", &e);
        if (!str_empty(f->template_text) &&
            gotmpl_new(&f->template, str_of(f->template_text), NULL, &e) < 0)
                complain(d, &tmpl, "E032", &e);
        f->parsed = mem_calloc(f->values.n, sizeof(*f->parsed));
        for (size_t i = 0; i < f->values.n; i++) {
                struct jpath here = jpath_index(&list, i);
                parse_value(f, i, &here, d);
        }
}

static void compile_expr(struct expr_filter *f, const struct jpath *at, struct diags *d)
{
        struct jpath expr = jpath_key(at, "expr"), fields = jpath_key(at, "fields");
        ERR_SLOT(e);
        if (f->expr && govaluate_new(&f->compiled, str_of(f->expr), NULL, &e) < 0)
                complain(d, &expr, "E043", &e);
        if (f->fields.n == 0)
                diag_error(d, at, "E044", NULL,
                           "an expression needs fields: without any it would count as true");
        for (size_t k = 0; k < f->fields.n; k++) {
                struct expr_field *field = &field_items(f->fields, struct expr_field)[k];
                struct jpath item = jpath_index(&fields, k), path = jpath_key(&item, "path");
                if (field->path && gjson_path_new(&field->compiled, str_of(field->path), &e) < 0)
                        complain(d, &path, "E042", &e);
        }
}

/* "15:04:05" as Go reads it behind a date. */
static bool time_of_day(const char *text, struct arena *a, struct val_time *out)
{
        struct abuf b = abuf_in(a);
        abuf_addf(&b, "2024-01-01 %.100s", text ? text : "");
        return gotime_parse(a, STR("2006-01-02 15:04:05"), abuf_str(&b), NULL, out, NULL);
}

static void compile_time(struct filter *f, const struct jpath *at, struct diags *d)
{
        struct time_filter *t = f->time;
        struct jpath start = jpath_key(at, "start"), stop = jpath_key(at, "stop"),
                     zone = jpath_key(at, "timezone");
        struct val_time from, to;
        bool from_ok = time_of_day(t->start, &f->arena, &from),
             to_ok = time_of_day(t->stop, &f->arena, &to);
        if (!from_ok)
                diag_error(d, &start, "E047", NULL, "expected HH:MM:SS, found \"%s\"",
                           t->start ? t->start : "");
        if (!to_ok)
                diag_error(d, &stop, "E047", NULL, "expected HH:MM:SS, found \"%s\"",
                           t->stop ? t->stop : "");
        if (from_ok && to_ok && gotime_compare(from, to) == 0)
                diag_error(d, &stop, "E047", NULL, "start and stop must differ");
        t->zone_known = gozone_load(&f->arena, str_of(t->timezone ? t->timezone : ""), &t->zone);
        if (!t->zone_known)
                diag_error(d, &zone, "E048", "IANA names, such as Europe/Berlin",
                           "unknown time zone \"%s\"", t->timezone);
}

static void compile_script(struct filter *f, const struct jpath *at, struct diags *d)
{
        ERR_SLOT(e);
        if (str_empty(f->script_text) ||
            luascript_new(&f->script, str_of(f->script_text), NULL, &e) == 0)
                return;
        f->script_bad = true;
        complain(d, at, "E046", &e);
}

int filter_new(struct filter **out, const json_t *filters, bool operator_or, const struct jpath *at,
               bool strict, struct diags *d)
{
        *out = NULL;
        if (!filters || json_is_null(filters))
                return 0;
        size_t errors = d->errors;
        AUTO(filter_free) struct filter *f = NEW(struct filter);
        f->operator_or = operator_or;
        arena_init(&f->arena, 0);
        bool loaded = fields_load(f, filter_fields, filters, at,
                                  &(struct field_opts){.strict = strict}, d) == 0;
        struct jpath data = jpath_key(at, "data"), exprs = jpath_key(at, "exprs"),
                     time = jpath_key(at, "time"), script = jpath_key(at, "script");
        check_operator(f->data_operator, "dataLogicalOperator", at, d);
        check_operator(f->expr_operator, "exprLogicalOperator", at, d);
        for (size_t i = 0; i < f->data.n; i++) {
                struct jpath here = jpath_index(&data, i);
                compile_data(&field_items(f->data, struct data_filter)[i], &here, d);
        }
        for (size_t i = 0; i < f->exprs.n; i++) {
                struct jpath here = jpath_index(&exprs, i);
                compile_expr(&field_items(f->exprs, struct expr_filter)[i], &here, d);
        }
        if (f->time)
                compile_time(f, &time, d);
        compile_script(f, &script, d);
        (void)loaded; /* what could be read has a meaning, which the recorded cases ask for */
        *out = TAKE(f);
        return d->errors > errors ? -1 : 0;
}

struct filter *filter_free(struct filter *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->data.n; i++) {
                struct data_filter *df = &field_items(f->data, struct data_filter)[i];
                gjson_path_free(df->compiled);
                gotmpl_free(df->template);
                for (size_t k = 0; df->parsed && k < df->values.n; k++)
                        goregex_free(df->parsed[k].pattern);
                free(df->parsed);
        }
        for (size_t i = 0; i < f->exprs.n; i++) {
                struct expr_filter *ef = &field_items(f->exprs, struct expr_filter)[i];
                govaluate_free(ef->compiled);
                for (size_t k = 0; k < ef->fields.n; k++)
                        gjson_path_free(field_items(ef->fields, struct expr_field)[k].compiled);
        }
        luascript_free(f->script);
        arena_deinit(&f->arena);
        fields_free(f, filter_fields);
        free(f);
        return NULL;
}
