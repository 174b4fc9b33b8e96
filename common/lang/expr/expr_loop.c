/* common/lang/expr/expr_loop.c: see expr_priv.h: the builtins that take a predicate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"

/* A list under construction. */
struct kept {
        struct val *v;
        size_t n, cap;
};

static bool keep(struct ex_eval *ev, struct kept *k, struct val v)
{
        if (k->n == k->cap) {
                size_t cap = k->cap ? k->cap * 2 : 8;
                struct val *more = arena_try_alloc(ev->go.arena, cap * sizeof(*more));
                if (!more)
                        return go_full(&ev->go);
                if (k->n)
                        memcpy(more, k->v, k->n * sizeof(*more));
                k->v = more;
                k->cap = cap;
        }
        k->v[k->n++] = v;
        return true;
}

static bool as_list(struct ex_eval *ev, const struct kept *k, struct val *out)
{
        struct val_list *l = arena_try_alloc(ev->go.arena, sizeof(*l));
        if (!l)
                return go_full(&ev->go);
        *l = (struct val_list){.items = k->v, .n = k->n};
        *out = (struct val){.kind = VAL_LIST, .list = l};
        return ex_items(ev, k->n);
}

static struct val item(const struct ex_scope *s)
{
        return s->list.list->items[s->index];
}

/* ---- yes or no ---- */

static bool quantifier(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s,
                       struct val *out)
{
        enum ex_loop kind = n->builtin->loop;
        size_t hits = 0;
        for (; s->index < s->list.list->n; s->index++) {
                bool yes;
                if (!ex_run_bool(ev, n->kid[1], &yes))
                        return false;
                hits += yes;
                if ((kind == EX_ALL && !yes) || (kind == EX_ANY && yes) ||
                    (kind == EX_NONE && yes)) {
                        *out = val_bool(kind == EX_ANY);
                        return true;
                }
        }
        *out = val_bool(kind == EX_ONE ? hits == 1 : kind != EX_ANY);
        return true;
}

static bool count(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        int64_t hits = 0;
        for (; s->index < s->list.list->n; s->index++) {
                bool yes;
                if (n->n > 1) {
                        if (!ex_run_bool(ev, n->kid[1], &yes))
                                return false;
                } else if (item(s).kind != VAL_BOOL) {
                        return ex_fail(ev, "count wants booleans, found %s", ex_val_type(item(s)));
                } else {
                        yes = item(s).b;
                }
                hits += yes;
                if (n->i && hits >= n->i)
                        break;
        }
        *out = val_int(hits);
        return true;
}

/* ---- lists ---- */

static bool filter(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        struct kept k = {0};
        for (; s->index < s->list.list->n; s->index++) {
                bool yes;
                struct val v = item(s);
                if (!ex_run_bool(ev, n->kid[1], &yes) ||
                    (yes && n->map && !ex_run(ev, n->map, &v)) || (yes && !keep(ev, &k, v)))
                        return false;
        }
        return as_list(ev, &k, out);
}

static bool map(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        struct val l = ex_list(ev, s->list.list->n);
        if (l.kind != VAL_LIST)
                return false;
        for (; s->index < s->list.list->n; s->index++)
                if (!ex_run(ev, n->kid[1], &l.list->items[s->index]))
                        return false;
        *out = l;
        return true;
}

static bool find(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        enum ex_loop kind = n->builtin->loop;
        bool backwards = kind == EX_FIND_LAST || kind == EX_FIND_LAST_INDEX;
        bool place = kind == EX_FIND_INDEX || kind == EX_FIND_LAST_INDEX;
        size_t len = s->list.list->n;
        for (size_t i = 0; i < len; i++) {
                bool yes;
                s->index = backwards ? len - 1 - i : i;
                if (!ex_run_bool(ev, n->kid[1], &yes))
                        return false;
                if (!yes)
                        continue;
                *out = place ? val_int((int64_t)s->index) : item(s);
                return !n->map || ex_run(ev, n->map, out);
        }
        *out = val_nil();
        return !n->throws || ex_fail(ev, "index out of range: nothing passes the filter");
}

/* ---- folds ---- */

static bool sum(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        struct val total = val_int(0), v;
        for (; s->index < s->list.list->n; s->index++) {
                v = item(s);
                if ((n->n > 1 && !ex_run(ev, n->kid[1], &v)) ||
                    !ex_arithmetic(ev, EX_OP_ADD, v, total, &total))
                        return false;
        }
        *out = total;
        return true;
}

static bool reduce(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s, struct val *out)
{
        if (n->n > 2) {
                s->acc = val_nil();
                if (!ex_run(ev, n->kid[2], &s->acc))
                        return false;
        } else {
                if (!s->list.list->n)
                        return ex_fail(ev, "reduce of empty array with no initial value");
                s->acc = item(s);
                s->index++;
        }
        for (; s->index < s->list.list->n; s->index++) {
                struct val v;
                if (!ex_run(ev, n->kid[1], &v))
                        return false;
                s->acc = v;
        }
        *out = s->acc;
        return true;
}

/* ---- groups and order ---- */

static bool group_by(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s,
                     struct val *out)
{
        struct val groups = val_map_new(ev->go.arena, 8), key;
        if (groups.kind != VAL_MAP)
                return go_full(&ev->go);
        groups.type = EX_V_GROUPS;
        for (; s->index < s->list.list->n; s->index++) {
                if (!ex_run(ev, n->kid[1], &key))
                        return false;
                if (key.kind == VAL_LIST || key.kind == VAL_MAP)
                        return ex_fail(ev, "%s cannot be a key", ex_val_type(key));
                struct val g = val_get_key(ev->go.arena, groups, key);
                if (g.kind == VAL_MISSING) {
                        g = val_list_new(ev->go.arena, 0);
                        if (g.kind != VAL_LIST || !val_map_set(ev->go.arena, groups, key, g))
                                return go_full(&ev->go);
                }
                struct val_list *l = g.list;
                /* Room is doubled whenever the length is a power of two. */
                if ((l->n & (l->n - 1)) == 0) {
                        size_t cap = l->n ? l->n * 2 : 1;
                        struct val *more = arena_try_alloc(ev->go.arena, cap * sizeof(*more));
                        if (!more)
                                return go_full(&ev->go);
                        if (l->n)
                                memcpy(more, l->items, l->n * sizeof(*more));
                        l->items = more;
                }
                l->items[l->n++] = item(s);
        }
        if (ev->dialect == EXPR_EVENTS && !s->list.list->n)
                groups.extra = VAL_X_NIL;
        *out = groups;
        return ex_items(ev, s->list.list->n);
}

static bool direction(struct ex_eval *ev, const struct ex_node *n, bool *descending)
{
        struct val order = val_str(STR("asc"));
        if (n->n > 2 && !ex_run(ev, n->kid[2], &order))
                return false;
        *descending = order.kind == VAL_STR && str_eq(order.s, "desc");
        if (*descending || (order.kind == VAL_STR && str_eq(order.s, "asc")))
                return true;
        return ex_fail(ev, "unknown order, use asc or desc");
}

static bool sort_by(struct ex_eval *ev, const struct ex_node *n, struct ex_scope *s,
                    struct val *out)
{
        size_t len = s->list.list->n;
        bool descending;
        struct val l = ex_list(ev, len), keys = ex_list(ev, len);
        if (keys.kind != VAL_LIST || !direction(ev, n, &descending))
                return false;
        for (; s->index < len; s->index++) {
                l.list->items[s->index] = item(s);
                if (!ex_run(ev, n->kid[1], &keys.list->items[s->index]))
                        return false;
        }
        *out = l;
        return ex_sort(ev, l.list->items, keys.list->items, len, descending);
}

bool ex_run_loop(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        static bool (*const bodies[])(struct ex_eval *, const struct ex_node *, struct ex_scope *,
                                      struct val *) = {
                [EX_ALL] = quantifier,    [EX_NONE] = quantifier, [EX_ANY] = quantifier,
                [EX_ONE] = quantifier,    [EX_FILTER] = filter,   [EX_MAP_LOOP] = map,
                [EX_COUNT] = count,       [EX_SUM] = sum,         [EX_FIND] = find,
                [EX_FIND_INDEX] = find,   [EX_FIND_LAST] = find,  [EX_FIND_LAST_INDEX] = find,
                [EX_GROUP_BY] = group_by, [EX_SORT_BY] = sort_by, [EX_REDUCE] = reduce,
        };
        struct ex_scope s = {.outer = ev->scope};
        struct val_list *opened;
        if (!ex_run(ev, n->kid[0], &s.list) || !ex_open_list(ev, s.list, &opened))
                return false;
        s.list = (struct val){.kind = VAL_LIST, .list = opened};
        ev->scope = &s;
        bool ok = bodies[n->builtin->loop](ev, n, &s, out);
        ev->scope = s.outer;
        return ok;
}
