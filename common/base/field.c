/* common/base/field.c: see field.h. One loader function per kind, in a table; the loop around them
 * deals with what all fields share: absent or null, required, deprecated, not supported yet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX = 256 /* fields of one table that near matches look at */ };

struct load {
        const struct field_opts *opts;
        struct diags *d;
};
typedef void load_fn(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                     const struct load *l);

static void load_struct(void *out, const struct field *table, const json_t *obj,
                        const struct jpath *here, const struct load *l);

static void wrong_type(const struct load *l, const struct jpath *here, const char *wanted,
                       const json_t *v, const char *hint)
{
        diag_error(l->d, here, "E003", hint, "expected %s, found %s", wanted, json_kind_name(v));
}

static const char *quotes_hint(const json_t *v)
{
        if (json_is_boolean(v))
                return "put it in quotes: bare y, yes, no, on, off, true, false are booleans in "
                       "YAML";
        return json_is_number(v) ? "put it in quotes" : NULL;
}

static const char *no_quotes_hint(const json_t *v)
{
        return json_is_string(v) ? "remove the quotes" : NULL;
}

/* ---- scalars ---- */

static void load_str(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                     const struct load *l)
{
        if (l->opts->text_scalars && (json_is_number(v) || json_is_boolean(v))) {
                char *text = *(char **)at = json_scalar_text(v);
                diag_warn(l->d, here, "W004", "put it in quotes", "read as the text \"%s\"", text);
                return;
        }
        if (!json_is_string(v)) {
                wrong_type(l, here, "a string", v, quotes_hint(v));
                return;
        }
        if (strlen(json_string_value(v)) != json_string_length(v)) {
                diag_error(l->d, here, "E003", NULL, "a NUL character stands in the text");
                return;
        }
        if ((f->flags & FIELD_NONEMPTY) && !json_string_length(v))
                diag_error(l->d, here, "E004", NULL, "must not be empty");
        *(char **)at = mem_strdup(json_string_value(v));
}

static void load_bool(void *at, const struct field *f UNUSED, const json_t *v,
                      const struct jpath *here, const struct load *l)
{
        if (json_is_boolean(v))
                *(bool *)at = json_is_true(v);
        else
                wrong_type(l, here, "a boolean", v, no_quotes_hint(v));
}

static void load_int(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                     const struct load *l)
{
        if (!json_is_integer(v)) {
                wrong_type(l, here, "a whole number", v,
                           json_is_real(v) ? "no fraction, at most 9223372036854775807"
                                           : no_quotes_hint(v));
                return;
        }
        int64_t n = json_integer_value(v);
        if (f->max > f->min && (n < f->min || n > f->max)) {
                diag_error(l->d, here, "E006", NULL, "%lld is out of range: %lld to %lld",
                           (long long)n, (long long)f->min, (long long)f->max);
                return;
        }
        *(int64_t *)at = n;
}

static void load_double(void *at, const struct field *f UNUSED, const json_t *v,
                        const struct jpath *here, const struct load *l)
{
        if (json_is_number(v))
                *(double *)at = json_number_value(v);
        else
                wrong_type(l, here, "a number", v, no_quotes_hint(v));
}

static void load_duration(void *at, const struct field *f, const json_t *v,
                          const struct jpath *here, const struct load *l)
{
        static const char hint[] = "for example \"300ms\", \"10s\", \"1h30m\"";
        int64_t ns;
        if (json_is_integer(v)) {
                if (__builtin_mul_overflow(json_integer_value(v), f->unit_ns ? f->unit_ns : 1, &ns))
                        diag_error(l->d, here, "E006", NULL, "longer than 292 years");
                else
                        *(int64_t *)at = ns;
        } else if (!json_is_string(v)) {
                wrong_type(l, here, "a duration", v, hint);
        } else if (!duration_parse(json_string_value(v), &ns)) {
                diag_error(l->d, here, "E011", hint, "\"%s\" is not a duration",
                           json_string_value(v));
        } else {
                *(int64_t *)at = ns;
        }
}

static void load_text(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                      const struct load *l)
{
        if (json_is_string(v))
                load_str(at, f, v, here, l);
        else if (f->kind == FIELD_INTSTR ? json_is_integer(v)
                                         : json_is_number(v) || json_is_boolean(v))
                *(char **)at = json_scalar_text(v);
        else
                wrong_type(l, here,
                           f->kind == FIELD_INTSTR ? "a whole number or a string"
                                                   : "a string, a number or a boolean",
                           v, NULL);
}

static void load_enum(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                      const struct load *l)
{
        if (!json_is_string(v)) {
                wrong_type(l, here, "a string", v, quotes_hint(v));
                return;
        }
        int n = 0;
        for (; f->choices[n]; n++)
                if (streq(f->choices[n], json_string_value(v))) {
                        *(int *)at = n;
                        return;
                }
        AUTO_BUF struct buf list = BUF_INIT(1024);
        for (int i = 0; i < n; i++)
                buf_addf(&list, "%s%s", i ? ", " : "", f->choices[i]);
        const char *near = str_nearest(json_string_value(v), f->choices, (size_t)n);
        AUTO(mem_free) char *hint = near ? mem_printf("did you mean \"%s\"?", near) : NULL;
        diag_error(l->d, here, "E005", hint, "\"%s\" is not one of: %s", json_string_value(v),
                   buf_str(&list));
}

static void load_json(void *at, const struct field *f UNUSED, const json_t *v,
                      const struct jpath *here UNUSED, const struct load *l UNUSED)
{
        *(json_t **)at = json_incref((json_t *)(uintptr_t)v);
}

/* ---- containers ---- */

static bool is_map(const json_t *v, const struct jpath *here, const struct load *l)
{
        if (json_is_object(v))
                return true;
        wrong_type(l, here, "a map", v, NULL);
        return false;
}

static void check_nonempty(const struct field *f, size_t n, const struct jpath *here,
                           const struct load *l)
{
        if ((f->flags & FIELD_NONEMPTY) && n == 0)
                diag_error(l->d, here, "E004", NULL, "must not be empty");
}

static void load_obj(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                     const struct load *l)
{
        if (is_map(v, here, l))
                load_struct(at, f->sub, v, here, l);
}

static void load_obj_ptr(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                         const struct load *l)
{
        if (!is_map(v, here, l))
                return;
        *(void **)at = mem_alloc(f->sub_size);
        load_struct(*(void **)at, f->sub, v, here, l);
}

static void load_list(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                      const struct load *l)
{
        if (!json_is_array(v)) {
                wrong_type(l, here, "a list", v,
                           json_is_object(v) ? "begin each item with \"- \"" : NULL);
                return;
        }
        struct field_list *list = at;
        size_t n = json_array_size(v);
        check_nonempty(f, n, here, l);
        list->items = mem_calloc(n, f->sub_size);
        for (; list->n < n; list->n++) {
                struct jpath item = jpath_index(here, list->n);
                const json_t *j = json_array_get(v, list->n);
                if (is_map(j, &item, l))
                        load_struct((char *)list->items + list->n * f->sub_size, f->sub, j, &item,
                                    l);
        }
}

static void load_named(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                       const struct load *l)
{
        if (!is_map(v, here, l))
                return;
        struct field_list *list = at;
        check_nonempty(f, json_object_size(v), here, l);
        list->items = mem_calloc(json_object_size(v), f->sub_size);
        const char *key;
        json_t *j;
        json_object_foreach ((json_t *)(uintptr_t)v, key, j) {
                struct jpath item = jpath_key(here, key);
                char *to = (char *)list->items + list->n++ * f->sub_size;
                if (is_map(j, &item, l))
                        load_struct(to, f->sub, j, &item, l);
                *(char **)(void *)to = mem_strdup(key);
        }
}

static char *load_item_text(const struct field *f, const json_t *v, const struct jpath *here,
                            const struct load *l)
{
        char *text = NULL;
        const struct field item = {.kind = FIELD_ANYSTR};
        if (f->flags & FIELD_ANY_ITEMS)
                load_text(&text, &item, v, here, l);
        else
                load_str(&text, &item, v, here, l);
        return text ? text : mem_strdup("");
}

static void load_strs(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                      const struct load *l)
{
        if (!json_is_array(v)) {
                wrong_type(l, here, "a list of strings", v,
                           json_is_string(v) ? "begin each item with \"- \"" : NULL);
                return;
        }
        struct field_strs *strs = at;
        size_t n = json_array_size(v);
        check_nonempty(f, n, here, l);
        strs->items = mem_calloc(n, sizeof(*strs->items));
        for (; strs->n < n; strs->n++) {
                struct jpath item = jpath_index(here, strs->n);
                strs->items[strs->n] = load_item_text(f, json_array_get(v, strs->n), &item, l);
        }
}

static void load_map(void *at, const struct field *f, const json_t *v, const struct jpath *here,
                     const struct load *l)
{
        if (!is_map(v, here, l))
                return;
        struct field_map *map = at;
        check_nonempty(f, json_object_size(v), here, l);
        map->items = mem_calloc(json_object_size(v), sizeof(*map->items));
        const char *key;
        json_t *j;
        json_object_foreach ((json_t *)(uintptr_t)v, key, j) {
                struct jpath item = jpath_key(here, key);
                map->items[map->n++] =
                        (struct field_pair){mem_strdup(key), load_item_text(f, j, &item, l)};
        }
}

static load_fn *const loaders[] = {
        [FIELD_STR] = load_str,       [FIELD_BOOL] = load_bool,         [FIELD_INT] = load_int,
        [FIELD_DOUBLE] = load_double, [FIELD_DURATION] = load_duration, [FIELD_ANYSTR] = load_text,
        [FIELD_INTSTR] = load_text,   [FIELD_ENUM] = load_enum,         [FIELD_JSON] = load_json,
        [FIELD_OBJ] = load_obj,       [FIELD_OBJ_PTR] = load_obj_ptr,   [FIELD_LIST] = load_list,
        [FIELD_STRS] = load_strs,     [FIELD_MAP] = load_map,           [FIELD_NAMED] = load_named,
};

/* ---- a whole struct ---- */

/* Defaults are part of the tables, so a bad one is a fault of ours: it is caught by loading {} in a
 * test. */
static void set_default(void *at, const struct field *f, const struct jpath *here,
                        const struct load *l)
{
        AUTO_JSON json_t *v = NULL;
        ERR_SLOT(e);
        switch (f->kind) {
        case FIELD_STR:
        case FIELD_ANYSTR:
        case FIELD_INTSTR:
        case FIELD_DURATION:
        case FIELD_ENUM: v = json_string(f->def); break;
        default:
                if (json_parse(&v, f->def, strlen(f->def), &e) < 0) {
                        err_wrap(&e, "default of %s", f->name);
                        return;
                }
        }
        loaders[f->kind](at, f, v, here, l);
}

static void load_absent(void *at, const struct field *f, const struct jpath *here,
                        const struct load *l)
{
        if (f->flags & FIELD_REQUIRED)
                diag_error(l->d, here, "E004", NULL, "required field is missing");
        else if (f->kind == FIELD_OBJ)
                load_struct(at, f->sub, NULL, here, l);
        else if (f->def)
                set_default(at, f, here, l);
}

static void load_field(void *out, const struct field *f, const json_t *v, const struct jpath *up,
                       const struct load *l)
{
        struct jpath here = jpath_key(up, f->name);
        void *at = (char *)out + f->offset;
        /* Go's zero value of a word is "": as good as absent. */
        bool blank = f->kind == FIELD_ENUM && f->def && json_is_string(v) && !json_string_length(v);
        if (!v || json_is_null(v) || blank) {
                load_absent(at, f, &here, l);
                return;
        }
        if (f->flags & FIELD_DEPRECATED)
                diag_at_key(l->d, SEV_WARNING, &here, "W003", f->help, "deprecated");
        if (f->kind == FIELD_LATER)
                diag_at_key(l->d, l->opts->allow_later ? SEV_WARNING : SEV_ERROR, &here, "E007",
                            NULL, "not supported yet: field %s", f->name);
        else if (f->kind == FIELD_NO_EFFECT)
                diag_at_key(l->d, SEV_INFO, &here, "W002", NULL, "has no effect here");
        else
                loaders[f->kind](at, f, v, &here, l);
}

static const struct field *find_field(const struct field *table, const char *name)
{
        for (; table->name; table++)
                if (streq(table->name, name))
                        return table;
        return NULL;
}

static void unknown_field(const struct field *table, const char *key, const struct jpath *up,
                          const struct load *l)
{
        const char *names[TABLE_MAX];
        size_t n = 0;
        for (; table->name && n < TABLE_MAX; table++)
                names[n++] = table->name;
        const char *near = str_nearest(key, names, n);
        AUTO(mem_free) char *hint = near ? mem_printf("did you mean \"%s\"?", near) : NULL;
        struct jpath here = jpath_key(up, key);
        diag_at_key(l->d, l->opts->strict ? SEV_ERROR : SEV_WARNING, &here, "W001", hint,
                    "unknown field");
}

static void load_struct(void *out, const struct field *table, const json_t *obj,
                        const struct jpath *here, const struct load *l)
{
        for (const struct field *f = table; f->name; f++)
                load_field(out, f, json_object_get(obj, f->name), here, l);
        const char *key;
        json_t *v UNUSED;
        json_object_foreach ((json_t *)(uintptr_t)obj, key, v)
                if (!find_field(table, key))
                        unknown_field(table, key, here, l);
}

int fields_load(void *out, const struct field *table, const json_t *obj, const struct jpath *at,
                const struct field_opts *opts, struct diags *d)
{
        static const struct field_opts defaults = {0};
        struct load l = {opts ? opts : &defaults, d};
        size_t errors = d->errors;
        if (obj && !json_is_null(obj) && !is_map(obj, at, &l))
                obj = NULL;
        else
                load_struct(out, table, obj, at, &l);
        return d->errors > errors ? -1 : 0;
}

/* ---- release ---- */

static void free_items(struct field_list *list, const struct field *f)
{
        for (size_t i = 0; i < list->n; i++) {
                void *item = (char *)list->items + i * f->sub_size;
                fields_free(item, f->sub);
                if (f->kind == FIELD_NAMED)
                        free(*(char **)item);
        }
        free(list->items);
        *list = (struct field_list){0};
}

static void free_strs(struct field_strs *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i]);
        free(s->items);
        *s = (struct field_strs){0};
}

static void free_map(struct field_map *m)
{
        for (size_t i = 0; i < m->n; i++) {
                free(m->items[i].key);
                free(m->items[i].value);
        }
        free(m->items);
        *m = (struct field_map){0};
}

static void free_text(char **s, bool secret)
{
        if (*s && secret)
                explicit_bzero(*s, strlen(*s));
        free(*s);
        *s = NULL;
}

static void free_field(void *at, const struct field *f)
{
        switch (f->kind) {
        case FIELD_STR:
        case FIELD_ANYSTR:
        case FIELD_INTSTR: free_text(at, f->flags & FIELD_SECRET); break;
        case FIELD_JSON:
                json_decref(*(json_t **)at);
                *(json_t **)at = NULL;
                break;
        case FIELD_OBJ: fields_free(at, f->sub); break;
        case FIELD_OBJ_PTR:
                if (*(void **)at)
                        fields_free(*(void **)at, f->sub);
                free(*(void **)at);
                *(void **)at = NULL;
                break;
        case FIELD_LIST:
        case FIELD_NAMED: free_items(at, f); break;
        case FIELD_STRS: free_strs(at); break;
        case FIELD_MAP: free_map(at); break;
        case FIELD_BOOL:
        case FIELD_INT:
        case FIELD_DOUBLE:
        case FIELD_DURATION:
        case FIELD_ENUM:
        case FIELD_LATER:
        case FIELD_NO_EFFECT: break;
        }
}

void fields_free(void *obj, const struct field *table)
{
        for (const struct field *f = table; f->name; f++)
                free_field((char *)obj + f->offset, f);
}

/* ---- the rest ---- */

const char *field_map_get(const struct field_map *m, const char *key)
{
        for (size_t i = 0; i < m->n; i++)
                if (streq(m->items[i].key, key))
                        return m->items[i].value;
        return NULL;
}

const struct field key_ref_fields[] = {
        FIELD(struct key_ref, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "name of the Secret or ConfigMap"),
        FIELD(struct key_ref, key, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "key inside it"),
        FIELD(struct key_ref, optional, FIELD_BOOL, .help = "absent is fine"),
        FIELD_END,
};
