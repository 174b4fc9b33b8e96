/* workflow/spec/shape.c: see shape.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/shape.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

enum { SHAPE_MAX_DEPTH = 64 };

struct walk {
        const struct shape_options *o;
        struct diags *d;
        int depth;
        bool strict_here; /* the object under work may not have unknown fields */
        bool in_groups;   /* inside of steps */
        bool quiet;
};

static void check_object(struct walk *w, const json_t *object, const struct shape *table,
                         const struct jpath *at);

static void wrong(struct walk *w, const struct jpath *at, const char *expected, const json_t *v)
{
        diag_error(w->d, at, "E003", NULL, "expected %s, found %s", expected, json_kind_name(v));
}

static const struct shape *find(const struct shape *table, const char *name)
{
        for (; table->name; table++)
                if (strcmp(table->name, name) == 0)
                        return table;
        return NULL;
}

static void unknown(struct walk *w, const struct shape *table, bool strict, const char *name,
                    const struct jpath *at)
{
        const char *names[128];
        size_t n = 0;
        if (!table[0].name) /* Argo's empty structs: nothing to be near of */
                return;
        for (; table[n].name && n < ARRAY_LEN(names); n++)
                names[n] = table[n].name;
        const char *near = str_nearest(name, names, n);
        char hint[160] = "";
        if (near)
                snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
        bool error = w->o->strict || strict;
        diag_at_key(w->d, error ? SEV_ERROR : SEV_WARNING, at, error ? "E302" : "W001",
                    near ? hint : NULL, "unknown field '%s'", name);
}

/* Kubernetes' amounts: a decimal number, then nothing, an exponent or one of its suffixes. */
static bool is_quantity(const json_t *v)
{
        static const char *const suffixes[] = {"",  "n", "u",  "m",  "k",  "M",  "G",  "T",
                                               "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
        const char *p = json_string_value(v);
        if (json_is_number(v))
                return true;
        if (!p || strstr(p, "{{"))
                return p != NULL;
        p += *p == '+' || *p == '-';
        size_t whole = strspn(p, "0123456789"), part = 0;
        p += whole;
        if (*p == '.')
                part = strspn(++p, "0123456789");
        p += part;
        if (!whole && !part)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
                if (strcmp(p, suffixes[i]) == 0)
                        return true;
        if (*p != 'e' && *p != 'E')
                return false;
        p += 1 + (p[1] == '+' || p[1] == '-');
        return *p && !p[strspn(p, "0123456789")];
}

static bool is_text(const json_t *v)
{
        return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

/* Argo's decoder makes text of numbers and booleans where a string belongs; not inside of steps,
 * which it decodes in a way of its own. */
static void check_string(struct walk *w, const json_t *v, const struct jpath *at)
{
        if (w->in_groups && (json_is_boolean(v) || json_is_number(v)))
                diag_error(w->d, at, "E003", "put it in quotes", "expected a string, found %s",
                           json_kind_name(v));
        else if (json_is_boolean(v) || json_is_number(v))
                diag_warn(w->d, at, "W302", "put it in quotes", "expected a string, found %s",
                          json_kind_name(v));
        else if (!json_is_string(v) && !json_is_null(v))
                wrong(w, at, "a string", v);
}

static void check_list(struct walk *w, const json_t *v, const struct shape *s,
                       const struct jpath *at)
{
        size_t i;
        json_t *item;
        if (!json_is_array(v)) {
                wrong(w, at, "a list", v);
                return;
        }
        json_array_foreach ((json_t *)(uintptr_t)v, i, item) {
                struct jpath here = jpath_index(at, i);
                if (s->kind == SHAPE_STRS)
                        check_string(w, item, &here);
                else if (s->kind == SHAPE_TEXTS && !is_text(item))
                        wrong(w, &here, "a string", item);
                else if (s->kind == SHAPE_LIST)
                        check_object(w, item, s->sub, &here);
        }
}

static void check_groups(struct walk *w, const json_t *v, const struct shape *s,
                         const struct jpath *at)
{
        size_t i, k;
        json_t *group, *item;
        bool before = w->in_groups;
        if (!json_is_array(v)) {
                wrong(w, at, "a list of lists", v);
                return;
        }
        w->in_groups = true;
        json_array_foreach ((json_t *)(uintptr_t)v, i, group) {
                struct jpath outer = jpath_index(at, i);
                if (!json_is_array(group)) {
                        wrong(w, &outer, "a list (steps that run together)", group);
                        continue;
                }
                json_array_foreach (group, k, item) {
                        struct jpath here = jpath_index(&outer, k);
                        w->strict_here = true;
                        check_object(w, item, s->sub, &here);
                }
        }
        w->in_groups = before;
}

static void check_map(struct walk *w, const json_t *v, const struct shape *s,
                      const struct jpath *at)
{
        const char *key;
        json_t *item;
        if (!json_is_object(v)) {
                wrong(w, at, "a map", v);
                return;
        }
        json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
                struct jpath here = jpath_key(at, key);
                if (s->kind == SHAPE_NAMED)
                        check_object(w, item, s->sub, &here);
                else if (s->kind == SHAPE_MAP)
                        check_string(w, item, &here);
                else if (s->kind == SHAPE_QUANTITIES && !is_quantity(item))
                        wrong(w, &here, "an amount (500m, 1Gi, 2)", item);
        }
        if (s->kind == SHAPE_ONE_KEY && json_object_size(v) != 1)
                diag_error(w->d, at, "E321", NULL, "expected exactly one key, found %zu",
                           json_object_size(v));
}

static void check_value(struct walk *w, const json_t *v, const struct shape *s,
                        const struct jpath *at)
{
        switch (s->kind) {
        case SHAPE_ANY: break;
        case SHAPE_STR: check_string(w, v, at); break;
        case SHAPE_BOOL:
                if (!json_is_boolean(v))
                        wrong(w, at, "a boolean", v);
                break;
        case SHAPE_INT:
                if (!json_is_integer(v))
                        wrong(w, at, "an integer", v);
                break;
        case SHAPE_INTSTR:
                if (!json_is_integer(v) && !json_is_string(v))
                        wrong(w, at, "an integer or a string", v);
                break;
        case SHAPE_TEXT:
                if (!is_text(v))
                        wrong(w, at, "a string", v);
                break;
        case SHAPE_STRS:
        case SHAPE_TEXTS:
        case SHAPE_VALUES:
        case SHAPE_LIST: check_list(w, v, s, at); break;
        case SHAPE_GROUPS: check_groups(w, v, s, at); break;
        case SHAPE_MAP:
        case SHAPE_QUANTITIES:
        case SHAPE_ONE_KEY:
        case SHAPE_NAMED: check_map(w, v, s, at); break;
        case SHAPE_QUANTITY:
                if (!is_quantity(v))
                        wrong(w, at, "an amount (500m, 1Gi, 2)", v);
                break;
        case SHAPE_OBJ: check_object(w, v, s->sub, at); break;
        }
}

static bool says_something(const json_t *v)
{
        return !(json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
                 (json_is_string(v) && !json_string_length(v)));
}

/* What this version makes of a field that Argo takes. True: it covers all that is below. */
static bool say_support(struct walk *w, const struct shape *s, const struct jpath *at)
{
        bool later = s->support == LATER || (s->support == LATER_BESIDE && !w->o->simulation);
        if (later)
                diag_unsupported(w->d, at, "not supported yet: field %s", s->name);
        else if (s->support == KUBE_ONLY)
                diag_at_key(w->d, SEV_INFO, at, "W002", NULL,
                            "no effect without Kubernetes: field '%s'", s->name);
        return later || s->support == KUBE_ONLY;
}

static void check_field(struct walk *w, const json_t *v, const struct shape *s,
                        const struct jpath *at)
{
        bool quiet = w->quiet;
        if (json_is_null(v))
                return;
        if (!quiet && says_something(v))
                w->quiet = say_support(w, s, at);
        check_value(w, v, s, at);
        w->quiet = quiet;
}

static void check_object(struct walk *w, const json_t *object, const struct shape *table,
                         const struct jpath *at)
{
        const char *key;
        json_t *v;
        bool strict = w->strict_here;
        w->strict_here = false; /* what is below it may */
        if (json_is_null(object))
                return;
        if (!json_is_object(object)) {
                wrong(w, at, "a map", object);
                return;
        }
        if (++w->depth > SHAPE_MAX_DEPTH) {
                diag_error(w->d, at, "E009", NULL, "nested deeper than %d levels", SHAPE_MAX_DEPTH);
                w->depth--;
                return;
        }
        json_object_foreach ((json_t *)(uintptr_t)object, key, v) {
                struct jpath here = jpath_key(at, key);
                const struct shape *s = find(table, key);
                if (s)
                        check_field(w, v, s, &here);
                else
                        unknown(w, table, strict, key, &here);
        }
        w->depth--;
}

void shape_check(const json_t *object, const struct shape *table, const struct jpath *at,
                 const struct shape_options *o, struct diags *d)
{
        struct walk w = {.o = o, .d = d};
        check_object(&w, object, table, at);
}

/* ---- normal form ---- */

static bool is_number_or_bool(const json_t *v)
{
        return json_is_boolean(v) || json_is_number(v);
}

/* One walk for both questions: is anything to be changed (fix false: stops at the first), and
 * changing it. */
static bool normalize(json_t *object, const struct shape *table, bool fix, int depth);

static json_t *as_text(const json_t *v)
{
        char *text = json_scalar_text(v);
        json_t *s = json_string(text);
        mem_free(text);
        return s;
}

/* A list of texts; a wide DAG has a million names in such lists. */
static bool normalize_texts(json_t *list, bool fix)
{
        bool found = false;
        for (size_t i = 0, n = json_array_size(list); i < n; i++) {
                const json_t *item = json_array_get(list, i);
                if (json_is_string(item) || !is_number_or_bool(item))
                        continue;
                found = true;
                if (!fix)
                        return true;
                json_array_set_new(list, i, as_text(item));
        }
        return found;
}

static bool normalize_list(json_t *list, const struct shape *s, bool fix, int depth)
{
        const struct shape inner = {s->name, SHAPE_LIST, SUPPORTED, s->sub, NULL};
        bool found = false;
        size_t i;
        json_t *item;
        if (s->kind == SHAPE_ANY || s->kind == SHAPE_VALUES)
                return false;
        if (s->kind != SHAPE_LIST && s->kind != SHAPE_GROUPS)
                return normalize_texts(list, fix);
        json_array_foreach (list, i, item) {
                if (s->kind == SHAPE_LIST)
                        found |= normalize(item, s->sub, fix, depth);
                else
                        found |= normalize_list(item, &inner, fix, depth + 1);
                if (found && !fix)
                        return true;
        }
        return found;
}

static bool normalize_map(json_t *map, const struct shape *s, bool fix, int depth)
{
        bool found = false;
        const char *key;
        json_t *v;
        void *next;
        json_object_foreach_safe(map, next, key, v)
        {
                if (s->kind == SHAPE_NAMED)
                        found |= normalize(v, s->sub, fix, depth);
                else if (s->kind == SHAPE_MAP && is_number_or_bool(v)) {
                        found = true;
                        if (fix)
                                json_object_set_new(map, key, as_text(v));
                }
        }
        return found;
}

static bool normalize(json_t *object, const struct shape *table, bool fix, int depth)
{
        bool found = false;
        const char *key;
        json_t *v;
        void *next;
        if (depth > SHAPE_MAX_DEPTH || !json_is_object(object))
                return false;
        json_object_foreach_safe(object, next, key, v)
        {
                const struct shape *s = find(table, key);
                if (!s)
                        continue;
                if ((s->kind == SHAPE_STR || s->kind == SHAPE_TEXT) && is_number_or_bool(v)) {
                        found = true;
                        if (fix)
                                json_object_set_new(object, key, as_text(v));
                } else if (s->kind == SHAPE_OBJ)
                        found |= normalize(v, s->sub, fix, depth + 1);
                else if (json_is_array(v))
                        found |= normalize_list(v, s, fix, depth + 1);
                else if (s->kind == SHAPE_NAMED || s->kind == SHAPE_MAP)
                        found |= normalize_map(v, s, fix, depth + 1);
                if (found && !fix)
                        return true;
        }
        return found;
}

json_t *shape_normal(const json_t *object, const struct shape *table)
{
        json_t *same = (json_t *)(uintptr_t)object;
        if (!normalize(same, table, false, 0))
                return json_incref(same);
        json_t *copy = json_deep_copy(object);
        normalize(copy, table, true, 0);
        return copy;
}
