/* common/lang/jq/jq_value.c: see jq_value.h: arrays, objects (AVL trees by key), order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_value.h"

struct str jv_text(struct jv_mem *m, const char *p, size_t n)
{
        char *q = jv_alloc(m, n + 1);
        if (n)
                memcpy(q, p, n);
        return (struct str){q, n};
}

static int depth_of(struct jv v)
{
        return v.kind == JV_ARRAY ? v.a->depth : v.kind == JV_OBJECT && v.o ? v.o->depth : 0;
}

static int deeper(struct jv_mem *m, int depth, struct jv child)
{
        int d = depth_of(child) + 1;
        if (d > JV_MAX_DEPTH)
                jv_too_deep(m);
        return d > depth ? d : depth;
}

/* ---- arrays ---- */

static struct jv array_of(struct jv_mem *m, struct jv_store *s, struct jv *items, size_t n,
                          int depth)
{
        struct jv_array *a = jv_alloc(m, sizeof(*a));
        *a = (struct jv_array){s, items, n, depth};
        return (struct jv){.kind = JV_ARRAY, .a = a};
}

struct jv jv_array_new(struct jv_mem *m, size_t cap)
{
        struct jv_store *s = jv_alloc(m, sizeof(*s));
        *s = (struct jv_store){jv_alloc(m, (cap ? cap : 1) * sizeof(struct jv)), 0, cap};
        return array_of(m, s, s->items, 0, 1);
}

struct jv jv_append(struct jv_mem *m, struct jv array, struct jv v)
{
        const struct jv_array *a = array.a;
        struct jv_store *s = a->store;
        bool at_end = a->items + a->n == s->items + s->used;
        if (!at_end || s->used == s->cap) {
                size_t cap = a->n < 4 ? 8 : 2 * a->n;
                s = jv_alloc(m, sizeof(*s));
                *s = (struct jv_store){jv_alloc(m, cap * sizeof(struct jv)), a->n, cap};
                jv_charge(m, a->n / 16);
                if (a->n)
                        memcpy(s->items, a->items, a->n * sizeof(struct jv));
                s->items[s->used++] = v;
                return array_of(m, s, s->items, a->n + 1, deeper(m, a->depth, v));
        }
        s->items[s->used++] = v;
        return array_of(m, s, a->items, a->n + 1, deeper(m, a->depth, v));
}

struct jv jv_slice(struct jv_mem *m, struct jv array, size_t from, size_t to)
{
        return array_of(m, array.a->store, array.a->items + from, to - from, array.a->depth);
}

/* ---- objects ---- */

static int height(const struct jv_node *n)
{
        return n ? n->height : 0;
}

static size_t size(const struct jv_node *n)
{
        return n ? n->size : 0;
}

static const struct jv_node *node(struct jv_mem *m, const struct jv_node *like,
                                  const struct jv_node *left, const struct jv_node *right)
{
        struct jv_node *n = jv_alloc(m, sizeof(*n));
        int l = height(left), r = height(right);
        *n = *like;
        n->left = left;
        n->right = right;
        n->height = (l > r ? l : r) + 1;
        n->size = size(left) + size(right) + 1;
        n->depth = deeper(m, 1, like->value);
        if (left && left->depth > n->depth)
                n->depth = left->depth;
        if (right && right->depth > n->depth)
                n->depth = right->depth;
        return n;
}

static const struct jv_node *balanced(struct jv_mem *m, const struct jv_node *like,
                                      const struct jv_node *l, const struct jv_node *r)
{
        if (height(l) > height(r) + 1) {
                if (height(l->left) >= height(l->right))
                        return node(m, l, l->left, node(m, like, l->right, r));
                const struct jv_node *lr = l->right;
                return node(m, lr, node(m, l, l->left, lr->left), node(m, like, lr->right, r));
        }
        if (height(r) > height(l) + 1) {
                if (height(r->right) >= height(r->left))
                        return node(m, r, node(m, like, l, r->left), r->right);
                const struct jv_node *rl = r->left;
                return node(m, rl, node(m, like, l, rl->left), node(m, r, rl->right, r->right));
        }
        return node(m, like, l, r);
}

int str_order(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int c = n ? memcmp(a.p, b.p, n) : 0;
        return c ? c : (a.n > b.n) - (a.n < b.n);
}

static const struct jv_node *insert(struct jv_mem *m, const struct jv_node *n, struct str key,
                                    struct jv v)
{
        if (!n)
                return node(m, &(struct jv_node){.key = key, .value = v}, NULL, NULL);
        int c = str_order(key, n->key);
        if (c == 0)
                return node(m, &(struct jv_node){.key = n->key, .value = v}, n->left, n->right);
        if (c < 0)
                return balanced(m, n, insert(m, n->left, key, v), n->right);
        return balanced(m, n, n->left, insert(m, n->right, key, v));
}

static const struct jv_node *without_first(struct jv_mem *m, const struct jv_node *n,
                                           const struct jv_node **first)
{
        if (!n->left) {
                *first = n;
                return n->right;
        }
        return balanced(m, n, without_first(m, n->left, first), n->right);
}

static const struct jv_node *erase(struct jv_mem *m, const struct jv_node *n, struct str key)
{
        if (!n)
                return NULL;
        int c = str_order(key, n->key);
        if (c < 0)
                return balanced(m, n, erase(m, n->left, key), n->right);
        if (c > 0)
                return balanced(m, n, n->left, erase(m, n->right, key));
        if (!n->right)
                return n->left;
        const struct jv_node *next, *rest = without_first(m, n->right, &next);
        return balanced(m, next, n->left, rest);
}

struct jv jv_object(void)
{
        return (struct jv){.kind = JV_OBJECT};
}

size_t jv_size(struct jv object)
{
        return size(object.o);
}

const struct jv *jv_get(struct jv object, struct str key)
{
        for (const struct jv_node *n = object.o; n;) {
                int c = str_order(key, n->key);
                if (c == 0)
                        return &n->value;
                n = c < 0 ? n->left : n->right;
        }
        return NULL;
}

struct jv jv_set(struct jv_mem *m, struct jv object, struct str key, struct jv v)
{
        return (struct jv){.kind = JV_OBJECT, .o = insert(m, object.o, key, v)};
}

struct jv jv_unset(struct jv_mem *m, struct jv object, struct str key)
{
        return (struct jv){.kind = JV_OBJECT, .o = erase(m, object.o, key)};
}

static void each(const struct jv_node *n, void (*fn)(void *arg, struct str key, struct jv v),
                 void *arg)
{
        if (!n)
                return;
        each(n->left, fn, arg);
        fn(arg, n->key, n->value);
        each(n->right, fn, arg);
}

void jv_each(struct jv object, void (*fn)(void *arg, struct str key, struct jv v), void *arg)
{
        each(object.o, fn, arg);
}

struct listing {
        struct jv_mem *m;
        struct jv array;
};

static void add_key(void *arg, struct str key, struct jv v)
{
        struct listing *l = arg;
        (void)v;
        l->array = jv_append(l->m, l->array, jv_str(key));
}

static void add_value(void *arg, struct str key, struct jv v)
{
        struct listing *l = arg;
        (void)key;
        l->array = jv_append(l->m, l->array, v);
}

struct jv jv_keys(struct jv_mem *m, struct jv object)
{
        struct listing l = {m, jv_array_new(m, jv_size(object))};
        jv_charge(m, jv_size(object));
        jv_each(object, add_key, &l);
        return l.array;
}

struct jv jv_values(struct jv_mem *m, struct jv container)
{
        if (container.kind == JV_ARRAY)
                return container;
        struct listing l = {m, jv_array_new(m, jv_size(container))};
        jv_charge(m, jv_size(container));
        jv_each(container, add_value, &l);
        return l.array;
}

/* ---- order ---- */

const char *jv_type(struct jv v)
{
        switch (v.kind) {
        case JV_FALSE:
        case JV_TRUE: return "boolean";
        case JV_INT:
        case JV_FLOAT:
        case JV_BIG:
        case JV_TEXT: return "number";
        case JV_STR: return "string";
        case JV_ARRAY: return "array";
        case JV_OBJECT: return "object";
        default: return "null";
        }
}

static int rank(struct jv v)
{
        switch (v.kind) {
        case JV_FALSE: return 1;
        case JV_TRUE: return 2;
        case JV_STR: return 4;
        case JV_ARRAY: return 5;
        case JV_OBJECT: return 6;
        default: return jv_is_number(v) ? 3 : 0;
        }
}

static int compare_arrays(struct jv_mem *m, struct jv a, struct jv b)
{
        size_t x = jv_len(a), y = jv_len(b);
        for (size_t i = 0; i < x && i < y; i++) {
                int c = jv_compare(m, jv_at(a, i), jv_at(b, i));
                if (c)
                        return c;
        }
        return (x > y) - (x < y);
}

static int compare_objects(struct jv_mem *m, struct jv a, struct jv b)
{
        int c = compare_arrays(m, jv_keys(m, a), jv_keys(m, b));
        return c ? c : compare_arrays(m, jv_values(m, a), jv_values(m, b));
}

int jv_compare(struct jv_mem *m, struct jv a, struct jv b)
{
        int x = rank(a), y = rank(b);
        jv_charge(m, 1);
        if (x != y)
                return (x > y) - (x < y);
        switch (a.kind) {
        case JV_STR: {
                int c = str_order(a.s, b.s);
                return (c > 0) - (c < 0);
        }
        case JV_ARRAY: return compare_arrays(m, a, b);
        case JV_OBJECT: return compare_objects(m, a, b);
        default: return jv_is_number(a) ? jv_number_order(m, a, b) : 0;
        }
}
