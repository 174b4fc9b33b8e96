/* common/lang/jq/jq_list.c: see jq_priv.h: functions of arrays and objects.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_priv.h"
#include <math.h>
#include <stdlib.h>

static bool give(struct jv *out, struct jv v)
{
        *out = v;
        return true;
}

static bool is_container(struct jv v)
{
        return v.kind == JV_ARRAY || v.kind == JV_OBJECT;
}

static bool fn_length(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        switch (in.kind) {
        case JV_NULL: return give(out, jv_int(0));
        case JV_STR: return give(out, jv_int((int64_t)utf8_count(in.s)));
        case JV_ARRAY: return give(out, jv_int((int64_t)jv_len(in)));
        case JV_OBJECT: return give(out, jv_int((int64_t)jv_size(in)));
        default: break;
        }
        return jv_is_number(in) ? give(out, jv_abs(&r->mem, in)) : jq_unfit0(r, "length", in);
}

static bool fn_abs(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return jv_is_number(in) ? give(out, jv_abs(&r->mem, in)) : jq_unfit0(r, "abs", in);
}

static bool fn_type(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)r;
        (void)args;
        return give(out, jv_str(str_of(jv_type(in))));
}

static bool fn_keys(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind == JV_OBJECT)
                return give(out, jv_keys(&r->mem, in));
        if (in.kind != JV_ARRAY)
                return jq_unfit0(r, "keys", in);
        *out = jv_array_new(&r->mem, jv_len(in));
        for (size_t i = 0; i < jv_len(in); i++)
                *out = jv_append(&r->mem, *out, jv_int((int64_t)i));
        return true;
}

static bool fn_has(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        int64_t i;
        if (in.kind == JV_NULL)
                return give(out, jv_bool(false));
        if (in.kind == JV_ARRAY && jv_to_int(&r->mem, args[0], &i))
                return give(out, jv_bool(i >= 0 && (size_t)i < jv_len(in)));
        if (in.kind == JV_OBJECT && args[0].kind == JV_STR)
                return give(out, jv_bool(jv_get(in, args[0].s) != NULL));
        return jq_unfit1(r, "has", in, args[0]);
}

static bool sum(struct jq_run *r, struct jv values, struct jv *out)
{
        *out = jv_null();
        for (size_t i = 0; i < jv_len(values); i++)
                if (!jq_binary(r, JV_ADD, *out, jv_at(values, i), out))
                        return false;
        return true;
}

/* Texts are joined in one go: one by one would copy them all each time. */
static bool all_texts(struct jq_run *r, struct jv values, struct str by, struct jv *out)
{
        size_t n = 0, at = 0;
        for (size_t i = 0; i < jv_len(values); i++) {
                if (jv_at(values, i).kind != JV_STR)
                        return false;
                n += jv_at(values, i).s.n + by.n;
        }
        char *p = jv_alloc(&r->mem, n + 1);
        jv_charge(&r->mem, n / 64);
        for (size_t i = 0; i < jv_len(values); i++) {
                struct str s = jv_at(values, i).s;
                if (i && by.n)
                        memcpy(p + at, by.p, by.n);
                at += i ? by.n : 0;
                if (s.n)
                        memcpy(p + at, s.p, s.n);
                at += s.n;
        }
        return give(out, jv_str((struct str){p, at}));
}

static bool fn_add(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (!is_container(in))
                return jq_unfit0(r, "add", in);
        struct jv values = jv_values(&r->mem, in);
        return (jv_len(values) && all_texts(r, values, STR(""), out)) || sum(r, values, out);
}

static bool fn_join(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        if (!is_container(in))
                return jq_unfit1(r, "join", in, args[0]);
        struct jv values = jv_values(&r->mem, in), texts = jv_array_new(&r->mem, 8);
        if (jv_len(values) == 0)
                return give(out, jv_str(STR("")));
        for (size_t i = 0; i < jv_len(values); i++) {
                struct jv v = jv_at(values, i);
                if (jv_is_number(v) || v.kind == JV_TRUE || v.kind == JV_FALSE)
                        v = jv_str(jv_json(&r->mem, v));
                if (v.kind == JV_NULL && args[0].kind == JV_STR)
                        v = jv_str(STR(""));
                texts = jv_append(&r->mem, texts, v);
        }
        if (args[0].kind == JV_STR && all_texts(r, texts, args[0].s, out))
                return true;
        struct jv mixed = jv_array_new(&r->mem, 8); /* fails, or adds what is no text */
        for (size_t i = 0; i < jv_len(texts); i++) {
                mixed = jv_append(&r->mem, mixed, i ? args[0] : jv_str(STR("")));
                mixed = jv_append(&r->mem, mixed, jv_at(texts, i));
        }
        return sum(r, mixed, out);
}

static bool fn_reverse(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_ARRAY)
                return jq_unfit0(r, "reverse", in);
        *out = jv_array_new(&r->mem, jv_len(in));
        jv_charge(&r->mem, jv_len(in) / 4);
        for (size_t i = jv_len(in); i-- > 0;)
                *out = jv_append(&r->mem, *out, jv_at(in, i));
        return true;
}

/* ---- contains ---- */

struct containment {
        struct jq_run *r;
        struct jv whole;
        bool all, ok;
};

static bool contains(struct jq_run *r, struct jv a, struct jv b, bool *yes);

static void contains_member(void *arg, struct str key, struct jv v)
{
        struct containment *c = arg;
        const struct jv *own = jv_get(c->whole, key);
        bool yes = false;
        if (!c->all || !c->ok)
                return;
        if (own && !contains(c->r, *own, v, &yes)) {
                c->r->fault = FAULT_NONE; /* does not fit: not contained */
                yes = false;
        }
        c->all = yes;
}

static bool contains_items(struct jq_run *r, struct jv a, struct jv b)
{
        for (size_t i = 0; i < jv_len(b); i++) {
                bool found = false;
                for (size_t k = 0; k < jv_len(a) && !found; k++)
                        if (!contains(r, jv_at(a, k), jv_at(b, i), &found)) {
                                r->fault = FAULT_NONE;
                                found = false;
                        }
                if (!found)
                        return false;
        }
        return true;
}

static bool contains(struct jq_run *r, struct jv a, struct jv b, bool *yes)
{
        jv_charge(&r->mem, 1);
        if (jv_is_number(a) && jv_is_number(b)) {
                double x, y;
                *yes = jv_number_order(&r->mem, a, b) == 0;
                if (a.kind == JV_FLOAT || b.kind == JV_FLOAT)
                        *yes = jv_to_double(&r->mem, a, &x) && jv_to_double(&r->mem, b, &y) &&
                               x == y;
                return true;
        }
        if (a.kind == JV_STR && b.kind == JV_STR) {
                jv_charge(&r->mem, a.s.n / 64);
                *yes = memmem(a.s.n ? a.s.p : "", a.s.n, b.s.n ? b.s.p : "", b.s.n) != NULL;
                return true;
        }
        if (a.kind == JV_ARRAY && b.kind == JV_ARRAY) {
                *yes = contains_items(r, a, b);
                return true;
        }
        if (a.kind == JV_OBJECT && b.kind == JV_OBJECT) {
                struct containment c = {r, a, jv_size(a) >= jv_size(b), true};
                jv_each(b, contains_member, &c);
                *yes = c.all;
                return true;
        }
        *yes = a.kind == b.kind && a.kind <= JV_TRUE;
        return *yes || jq_unfit1(r, "contains", a, b);
}

static bool fn_contains(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        bool yes;
        return contains(r, in, args[0], &yes) && give(out, jv_bool(yes));
}

static bool fn_inside(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        bool yes;
        return contains(r, args[0], in, &yes) && give(out, jv_bool(yes));
}

/* ---- indices ---- */

enum which { ALL, FIRST, LAST };

static bool find(struct jq_run *r, const char *name, enum which which, struct jv in, struct jv what,
                 struct jv *out)
{
        struct jv all;
        if (in.kind == JV_NULL)
                return give(out, jv_null());
        if (in.kind == JV_STR && what.kind == JV_STR) {
                in = jq_explode(&r->mem, in.s);
                what = jq_explode(&r->mem, what.s);
        } else if (in.kind != JV_ARRAY) {
                return jq_unfit1(r, name, in, what);
        } else if (what.kind != JV_ARRAY) {
                what = jv_append(&r->mem, jv_array_new(&r->mem, 1), what);
        }
        if (!jq_index(r, in, what, &all))
                return false;
        size_t n = jv_len(all);
        if (which == ALL)
                return give(out, all);
        return give(out, n == 0 ? jv_null() : jv_at(all, which == FIRST ? 0 : n - 1));
}

static bool fn_indices(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return find(r, "indices", ALL, in, args[0], out);
}

static bool fn_index(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return find(r, "index", FIRST, in, args[0], out);
}

static bool fn_rindex(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return find(r, "rindex", LAST, in, args[0], out);
}

/* ---- flatten, transpose ---- */

static struct jv flattened(struct jq_run *r, struct jv to, struct jv values, double depth)
{
        for (size_t i = 0; i < jv_len(values); i++) {
                struct jv v = jv_at(values, i);
                jv_charge(&r->mem, 1);
                if (v.kind == JV_ARRAY && depth != 0)
                        to = flattened(r, to, v, depth - 1);
                else
                        to = jv_append(&r->mem, to, v);
        }
        return to;
}

static bool fn_flatten(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (!is_container(in))
                return jq_unfit0(r, "flatten", in);
        return give(out, flattened(r, jv_array_new(&r->mem, 8), jv_values(&r->mem, in), -1));
}

static bool fn_flatten1(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double depth;
        if (!is_container(in))
                return jq_unfit0(r, "flatten", in);
        if (!jv_to_double(&r->mem, args[0], &depth))
                return jq_unfit0(r, "flatten", args[0]);
        if (depth < 0 || isnan(depth)) {
                struct str shown = jv_preview(&r->mem, jv_float(depth));
                return jq_fail(r, "flatten depth should not be negative: %.*s", SHOWN(shown));
        }
        return give(out, flattened(r, jv_array_new(&r->mem, 8), jv_values(&r->mem, in), depth));
}

static bool fn_transpose(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        size_t width = 0;
        (void)args;
        for (size_t i = 0; in.kind == JV_ARRAY && i < jv_len(in); i++) {
                if (jv_at(in, i).kind != JV_ARRAY)
                        return jq_unfit0(r, "transpose", in);
                width = jv_len(jv_at(in, i)) > width ? jv_len(jv_at(in, i)) : width;
        }
        if (in.kind != JV_ARRAY)
                return jq_unfit0(r, "transpose", in);
        *out = jv_array_new(&r->mem, width);
        for (size_t k = 0; k < width; k++) {
                struct jv row = jv_array_new(&r->mem, jv_len(in));
                for (size_t i = 0; i < jv_len(in); i++) {
                        struct jv from = jv_at(in, i);
                        jv_charge(&r->mem, 1);
                        row = jv_append(&r->mem, row,
                                        k < jv_len(from) ? jv_at(from, k) : jv_null());
                }
                *out = jv_append(&r->mem, *out, row);
        }
        return true;
}

/* ---- order ---- */

static struct jv least(struct jq_run *r, struct jv values, struct jv keys, bool min)
{
        size_t best = 0;
        if (jv_len(values) == 0)
                return jv_null();
        for (size_t i = 1; i < jv_len(keys); i++)
                if ((jv_compare(&r->mem, jv_at(keys, best), jv_at(keys, i)) > 0) == min)
                        best = i;
        return jv_at(values, best);
}

static bool fn_min(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return in.kind == JV_ARRAY ? give(out, least(r, in, in, true)) : jq_unfit0(r, "min", in);
}

static bool fn_max(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return in.kind == JV_ARRAY ? give(out, least(r, in, in, false)) : jq_unfit0(r, "max", in);
}

/* What f makes of each item, for NAME(f). */
static bool check_keys(struct jq_run *r, const char *name, struct jv in, struct jv keys)
{
        if (in.kind != JV_ARRAY || keys.kind != JV_ARRAY)
                return jq_unfit1(r, name, in, keys);
        if (jv_len(in) != jv_len(keys))
                return jq_failed1(r, name, in, keys, "length mismatch");
        return true;
}

static bool fn_min_by(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return check_keys(r, "min_by", in, args[0]) && give(out, least(r, in, args[0], true));
}

static bool fn_max_by(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return check_keys(r, "max_by", in, args[0]) && give(out, least(r, in, args[0], false));
}

struct keyed {
        struct jv value, key;
};

/* Stable: a merge of halves. */
static void sort(struct jv_mem *m, struct keyed *a, struct keyed *room, size_t n)
{
        size_t h = n / 2, i = 0, k = h, at = 0;
        if (n < 2)
                return;
        sort(m, a, room, h);
        sort(m, a + h, room, n - h);
        while (i < h && k < n)
                room[at++] = jv_compare(m, a[k].key, a[i].key) < 0 ? a[k++] : a[i++];
        while (i < h)
                room[at++] = a[i++];
        while (k < n)
                room[at++] = a[k++];
        memcpy(a, room, n * sizeof(*a));
}

static struct keyed *sorted(struct jq_run *r, struct jv in, struct jv keys)
{
        size_t n = jv_len(in);
        struct keyed *a = jv_alloc(&r->mem, (n + 1) * sizeof(*a)),
                     *room = jv_alloc(&r->mem, (n + 1) * sizeof(*a));
        for (size_t i = 0; i < n; i++)
                a[i] = (struct keyed){jv_at(in, i), jv_at(keys, i)};
        sort(&r->mem, a, room, n);
        return a;
}

static bool sort_by(struct jq_run *r, struct jv in, struct jv keys, struct jv *out)
{
        struct keyed *a = sorted(r, in, keys);
        *out = jv_array_new(&r->mem, jv_len(in));
        for (size_t i = 0; i < jv_len(in); i++)
                *out = jv_append(&r->mem, *out, a[i].value);
        return true;
}

static bool unique_by(struct jq_run *r, struct jv in, struct jv keys, struct jv *out)
{
        struct keyed *a = sorted(r, in, keys);
        *out = jv_array_new(&r->mem, jv_len(in));
        for (size_t i = 0; i < jv_len(in); i++)
                if (i == 0 || jv_compare(&r->mem, a[i - 1].key, a[i].key) != 0)
                        *out = jv_append(&r->mem, *out, a[i].value);
        return true;
}

static bool fn_sort(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return in.kind == JV_ARRAY ? sort_by(r, in, in, out) : jq_unfit0(r, "sort", in);
}

static bool fn_sort_by(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return check_keys(r, "sort_by", in, args[0]) && sort_by(r, in, args[0], out);
}

static bool fn_unique(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return in.kind == JV_ARRAY ? unique_by(r, in, in, out) : jq_unfit0(r, "unique", in);
}

static bool fn_unique_by(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return check_keys(r, "unique_by", in, args[0]) && unique_by(r, in, args[0], out);
}

static bool fn_group_by(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        if (!check_keys(r, "group_by", in, args[0]))
                return false;
        struct keyed *a = sorted(r, in, args[0]);
        struct jv group = jv_array_new(&r->mem, 4);
        *out = jv_array_new(&r->mem, 4);
        for (size_t i = 0; i < jv_len(in); i++) {
                if (i && jv_compare(&r->mem, a[i - 1].key, a[i].key) != 0) {
                        *out = jv_append(&r->mem, *out, group);
                        group = jv_array_new(&r->mem, 4);
                }
                group = jv_append(&r->mem, group, a[i].value);
        }
        if (jv_len(in))
                *out = jv_append(&r->mem, *out, group);
        return true;
}

static bool fn_bsearch(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        if (in.kind != JV_ARRAY)
                return jq_unfit1(r, "bsearch", in, args[0]);
        size_t lo = 0, hi = jv_len(in);
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                if (jv_compare(&r->mem, jv_at(in, mid), args[0]) >= 0)
                        hi = mid;
                else
                        lo = mid + 1;
        }
        bool found = lo < jv_len(in) && jv_compare(&r->mem, jv_at(in, lo), args[0]) == 0;
        return give(out, jv_int(found ? (int64_t)lo : -(int64_t)lo - 1));
}

/* ---- paths ---- */

static bool fn_setpath(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return jq_setpath(r, in, args[0], args[1], out);
}

static bool fn_getpath(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return jq_getpath(r, in, args[0], out);
}

static bool fn_delpaths(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return jq_delpaths(r, in, args[0], out);
}

/* ---- builtins ---- */

struct names {
        struct jv_mem *m;
        struct jv list;
};

static void add_name(void *arg, const char *name, size_t n_args)
{
        struct names *x = arg;
        char text[80];
        if (name[0] == '_')
                return;
        snprintf(text, sizeof(text), "%s/%zu", name, n_args);
        x->list = jv_append(x->m, x->list, jv_str(jv_text(x->m, text, strlen(text))));
}

static bool fn_builtins(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        static const struct {
                const char *name;
                size_t n_args;
        } others[] = {{"empty", 0}, {"path", 1},   {"env", 0},
                      {"input", 0}, {"inputs", 0}, {"debug", 1}};
        struct names x = {&r->mem, jv_array_new(&r->mem, 256)};
        (void)in;
        (void)args;
        jq_native_each(add_name, &x);
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                add_name(&x, others[i].name, others[i].n_args);
        for (const struct jdef *d = r->prelude; d; d = d->next) {
                struct str name = jv_text(&r->mem, d->name.p, d->name.n);
                ((char *)(uintptr_t)name.p)[name.n] = '\0';
                add_name(&x, name.p, d->n_args);
        }
        return sort_by(r, x.list, x.list, out);
}

const struct native jq_list_natives[] = {{"length", 0, fn_length},
                                         {"abs", 0, fn_abs},
                                         {"type", 0, fn_type},
                                         {"keys", 0, fn_keys},
                                         {"has", 1, fn_has},
                                         {"add", 0, fn_add},
                                         {"join", 1, fn_join},
                                         {"reverse", 0, fn_reverse},
                                         {"contains", 1, fn_contains},
                                         {"inside", 1, fn_inside},
                                         {"indices", 1, fn_indices},
                                         {"index", 1, fn_index},
                                         {"rindex", 1, fn_rindex},
                                         {"flatten", 0, fn_flatten},
                                         {"flatten", 1, fn_flatten1},
                                         {"transpose", 0, fn_transpose},
                                         {"min", 0, fn_min},
                                         {"max", 0, fn_max},
                                         {"_min_by", 1, fn_min_by},
                                         {"_max_by", 1, fn_max_by},
                                         {"sort", 0, fn_sort},
                                         {"_sort_by", 1, fn_sort_by},
                                         {"unique", 0, fn_unique},
                                         {"_unique_by", 1, fn_unique_by},
                                         {"_group_by", 1, fn_group_by},
                                         {"bsearch", 1, fn_bsearch},
                                         {"setpath", 2, fn_setpath},
                                         {"getpath", 1, fn_getpath},
                                         {"delpaths", 1, fn_delpaths},
                                         {"builtins", 0, fn_builtins},
                                         {NULL, 0, NULL}};
