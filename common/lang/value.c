/* common/lang/value.c: see value.h: containers that open one level when they are looked into.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/value.h"
#include "common/lang/value_priv.h"
#include <stdlib.h>
#include <string.h>

enum { LINEAR_MAX = 12 }; /* up to so many members are searched one by one */

struct val val_map_new(struct arena *a, size_t expected)
{
        struct val_map *m = arena_try_alloc(a, sizeof(*m));
        if (!m)
                return val_nil();
        *m = (struct val_map){0};
        if (expected && !val_map_reserve(a, m, expected))
                return val_nil();
        return (struct val){.kind = VAL_MAP, .map = m};
}

struct val val_list_new(struct arena *a, size_t n)
{
        struct val_list *l = arena_try_alloc(a, sizeof(*l));
        struct val *items = l && n < SIZE_MAX / sizeof(*items)
                                    ? arena_try_alloc(a, (n ? n : 1) * sizeof(*items))
                                    : NULL;
        if (!items)
                return val_nil();
        for (size_t i = 0; i < n; i++)
                items[i] = val_nil();
        *l = (struct val_list){.items = items, .n = n};
        return (struct val){.kind = VAL_LIST, .list = l};
}

bool val_map_reserve(struct arena *a, struct val_map *m, size_t need)
{
        if (need <= m->cap)
                return true;
        size_t cap = m->cap ? m->cap * 2 : 4;
        while (cap < need)
                cap *= 2;
        struct val_entry *more = arena_try_alloc(a, cap * sizeof(*more));
        if (!more)
                return false;
        if (m->n)
                memcpy(more, m->entries, m->n * sizeof(*more));
        m->entries = more;
        m->cap = cap;
        return true;
}

/* ---- keys ---- */

static int compare_str(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

int val_compare_keys(struct val a, struct val b)
{
        if (a.kind != b.kind)
                return a.kind < b.kind ? -1 : 1;
        switch (a.kind) {
        case VAL_STR: return compare_str(a.s, b.s);
        case VAL_FLOAT: return a.f < b.f ? -1 : a.f > b.f;
        case VAL_BOOL: return a.b - b.b;
        case VAL_INT:
        case VAL_DURATION: return a.i < b.i ? -1 : a.i > b.i;
        default: return 0;
        }
}

static int by_key(const void *va, const void *vb)
{
        const struct val_entry *a = va, *b = vb;
        return val_compare_keys(a->key, b->key);
}

/* Equal keys by place, so that the later one is behind. `extra` of the key carries the place. */
static int by_key_and_place(const void *va, const void *vb)
{
        const struct val_entry *a = va, *b = vb;
        int order = val_compare_keys(a->key, b->key);
        return order ? order : a->key.extra < b->key.extra ? -1 : a->key.extra > b->key.extra;
}

void val_map_drop_doubles(struct val_map *m)
{
        if (m->n < 2)
                return;
        if (m->n <= LINEAR_MAX) {
                size_t w = 0;
                for (size_t i = 0; i < m->n; i++) {
                        bool later = false;
                        for (size_t j = i + 1; j < m->n && !later; j++)
                                later = val_compare_keys(m->entries[i].key, m->entries[j].key) == 0;
                        if (!later)
                                m->entries[w++] = m->entries[i];
                }
                m->n = w;
                return;
        }
        for (size_t i = 0; i < m->n; i++)
                m->entries[i].key.extra = (uint32_t)i;
        qsort(m->entries, m->n, sizeof(m->entries[0]), by_key_and_place);
        size_t w = 0;
        for (size_t i = 0; i < m->n; i++) {
                if (w && val_compare_keys(m->entries[w - 1].key, m->entries[i].key) == 0)
                        w--;
                m->entries[w] = m->entries[i];
                m->entries[w++].key.extra = 0;
        }
        m->n = w;
        m->sorted = true;
}

static void sort_map(struct val_map *m)
{
        if (!m->sorted && m->n > 1)
                qsort(m->entries, m->n, sizeof(m->entries[0]), by_key);
        m->sorted = true;
}

static struct val_entry *find_entry(struct val_map *m, struct val key)
{
        if (m->n <= LINEAR_MAX) {
                for (size_t i = 0; i < m->n; i++) {
                        const struct val *k = &m->entries[i].key;
                        if (k->kind == VAL_STR && key.kind == VAL_STR) {
                                if (k->s.n == key.s.n &&
                                    (key.s.n == 0 || memcmp(k->s.p, key.s.p, key.s.n) == 0))
                                        return &m->entries[i];
                        } else if (val_compare_keys(*k, key) == 0) {
                                return &m->entries[i];
                        }
                }
                return NULL;
        }
        sort_map(m);
        struct val_entry wanted = {.key = key};
        return bsearch(&wanted, m->entries, m->n, sizeof(m->entries[0]), by_key);
}

/* ---- maps and lists ---- */

bool val_map_set(struct arena *a, struct val map, struct val key, struct val value)
{
        if (map.kind != VAL_MAP || !val_open(a, map))
                return false;
        struct val_entry *e = find_entry(map.map, key);
        if (e) {
                e->value = value;
                return true;
        }
        if (!val_map_reserve(a, map.map, map.map->n + 1))
                return false;
        map.map->entries[map.map->n++] = (struct val_entry){key, value};
        map.map->sorted = false;
        return true;
}

bool val_map_put(struct arena *a, struct val map, const char *key, struct val value)
{
        return val_map_set(a, map, val_text(key), value);
}

void val_map_unset(struct val map, struct val key)
{
        struct val_entry *e = find_entry(map.map, key);
        if (!e)
                return;
        size_t at = (size_t)(e - map.map->entries);
        memmove(e, e + 1, (map.map->n - at - 1) * sizeof(*e));
        map.map->n--;
}

bool val_open(struct arena *a, struct val v)
{
        if (v.kind == VAL_MAP && (v.map->raw.p || v.map->tree))
                return val_open_map(a, v.map);
        if (v.kind == VAL_LIST && (v.list->raw.p || v.list->tree))
                return val_open_list(a, v.list);
        return true;
}

bool val_open_sorted(struct arena *a, struct val map)
{
        if (!val_open(a, map))
                return false;
        sort_map(map.map);
        return true;
}

struct val val_get_key(struct arena *a, struct val map, struct val key)
{
        struct val_entry *e =
                map.kind == VAL_MAP && val_open(a, map) ? find_entry(map.map, key) : NULL;
        return e ? e->value : (struct val){0};
}

struct val val_get(struct arena *a, struct val map, struct str key)
{
        return val_get_key(a, map, val_str(key));
}

struct val val_at(struct arena *a, struct val list, size_t i)
{
        if (list.kind != VAL_LIST || !val_open(a, list) || i >= list.list->n)
                return (struct val){0};
        return list.list->items[i];
}

size_t val_len(struct arena *a, struct val v)
{
        if (!val_open(a, v))
                return 0;
        return v.kind == VAL_MAP    ? v.map->n
               : v.kind == VAL_LIST ? v.list->n
               : v.kind == VAL_STR  ? v.s.n
                                    : 0;
}

/* ---- as a tree ---- */

enum { TREE_DEPTH = 200 };

static json_t *to_tree(struct arena *a, struct val v, unsigned depth);

static json_t *list_to_tree(struct arena *a, struct val v, unsigned depth)
{
        json_t *out = json_array();
        for (size_t i = 0; i < v.list->n; i++) {
                json_t *item = to_tree(a, v.list->items[i], depth + 1);
                if (!item) {
                        json_decref(out);
                        return NULL;
                }
                json_array_append_new(out, item);
        }
        return out;
}

static json_t *map_to_tree(struct arena *a, struct val v, unsigned depth)
{
        json_t *out = json_object();
        for (size_t i = 0; i < v.map->n; i++) {
                const struct val_entry *e = &v.map->entries[i];
                json_t *item = e->key.kind == VAL_STR ? to_tree(a, e->value, depth + 1) : NULL;
                if (!item || json_object_setn_new(out, e->key.s.p, e->key.s.n, item) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

static json_t *to_tree(struct arena *a, struct val v, unsigned depth)
{
        if (depth > TREE_DEPTH || !val_open(a, v))
                return NULL;
        switch (v.kind) {
        case VAL_NIL: return json_null();
        case VAL_BOOL: return json_boolean(v.b);
        case VAL_INT:
        case VAL_DURATION: return json_integer(v.i);
        case VAL_FLOAT: return json_real(v.f);
        case VAL_STR: return json_stringn(v.s.p ? v.s.p : "", v.s.n);
        case VAL_LIST: return list_to_tree(a, v, depth);
        case VAL_MAP: return map_to_tree(a, v, depth);
        default: return NULL;
        }
}

json_t *val_to_tree(struct arena *a, struct val v)
{
        return to_tree(a, v, 0);
}
