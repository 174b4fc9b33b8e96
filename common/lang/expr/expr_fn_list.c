/* common/lang/expr/expr_fn_list.c: see expr_priv.h: builtins on lists and maps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/sprig/sprig_priv.h"

#define FN(name) EX_BUILTIN_FN(name)

static bool empty_list(struct ex_eval *ev, uint32_t extra, struct val *out)
{
        *out = val_list_new(ev->go.arena, 0);
        out->extra = extra;
        return out->kind == VAL_LIST || go_full(&ev->go);
}

FN(len)
{
        struct val v = args[0];
        if (v.kind == VAL_OTHER && v.type == EX_V_SPRIG)
                return ex_fail(ev, "the functions of sprig are not counted");
        if (v.kind != VAL_STR && v.kind != VAL_LIST && v.kind != VAL_MAP)
                return ex_fail(ev, "invalid argument for len (type %s)", ex_val_type(v));
        if (!val_open(ev->go.arena, v))
                return go_full(&ev->go);
        size_t count = val_len(ev->go.arena, v);
        if (v.kind == VAL_STR && v.type == VAL_T_USUAL && ev->dialect == EXPR_WORKFLOWS) {
                uint32_t c;
                count = 0;
                for (size_t i = 0; i < v.s.n; count++)
                        i += utf8_decode(v.s.p + i, v.s.n - i, &c);
        }
        *out = val_int((int64_t)count);
        return true;
}

/* ---- one element ---- */

/* The element of a list, the byte of a string; nil where there is none. */
static bool element(struct ex_eval *ev, struct val v, int64_t i, struct val *out)
{
        *out = val_nil();
        if (v.kind != VAL_LIST && v.kind != VAL_STR)
                return true;
        if (!val_open(ev->go.arena, v))
                return go_full(&ev->go);
        int64_t len = (int64_t)(v.kind == VAL_STR ? v.s.n : v.list->n);
        if (i < 0)
                i += len;
        if (i < 0 || i >= len)
                return true;
        if (v.kind == VAL_LIST) {
                *out = v.list->items[i];
        } else {
                *out = val_int((unsigned char)v.s.p[i]);
                out->type = VAL_T_UINT8;
        }
        return true;
}

static bool end(struct ex_eval *ev, struct val v, int64_t i, struct val *out)
{
        if (v.kind != VAL_MAP || (v.type != EX_V_ANYMAP && v.type != EX_V_GROUPS))
                return element(ev, v, i, out);
        *out = val_get_key(ev->go.arena, v, val_int(i));
        return true;
}

FN(first)
{
        return end(ev, args[0], 0, out);
}

FN(last)
{
        return end(ev, args[0], -1, out);
}

FN(get)
{
        struct val v = args[0], key = args[1];
        int64_t i;
        *out = val_nil();
        if (ex_is_nil(v))
                return true;
        if (key.kind == VAL_STR && ex_method_value(ev, v, key.s, out))
                return !ev->go.failed;
        if (v.kind == VAL_LIST || v.kind == VAL_STR) {
                if (!ex_is_num(key) && ev->dialect == EXPR_EVENTS)
                        return true;
                return ex_to_int(ev, key, &i) && element(ev, v, i, out);
        }
        if (ev->dialect == EXPR_EVENTS && (key.kind == VAL_LIST || key.kind == VAL_MAP))
                return true;
        bool map = v.kind == VAL_MAP || (v.kind == VAL_OTHER && v.type == EX_V_SPRIG);
        if (!map || (ev->dialect == EXPR_EVENTS && key.kind != VAL_STR && v.type == VAL_T_USUAL))
                return true;
        if (!ex_fetch(ev, v, key, out))
                return false;
        if (v.type == EX_V_GROUPS && out->extra & VAL_X_NIL && ev->dialect == EXPR_WORKFLOWS)
                *out = val_nil(); /* no such group */
        return true;
}

FN(take)
{
        struct val_list *l;
        if (args[0].kind != VAL_LIST)
                return ex_fail(ev, "cannot take from %s", ex_val_type(args[0]));
        bool number = args[1].kind == VAL_DURATION ||
                      (args[1].kind == VAL_INT && args[1].type != VAL_T_UINT8);
        if (!number)
                return ex_fail(ev, "cannot take %s elements", ex_val_type(args[1]));
        if (!ex_open_list(ev, args[0], &l))
                return false;
        if (args[1].i < 0)
                return ex_fail(ev, "slice index out of bounds: a negative number of elements");
        struct val to = val_int(args[1].i < (int64_t)l->n ? args[1].i : (int64_t)l->n);
        return ex_slice(ev, args[0], NULL, &to, out);
}

/* ---- maps ---- */

enum part { KEYS, VALUES, PAIRS };

static bool pair(struct ex_eval *ev, const struct val_entry *e, struct val *out)
{
        *out = val_list_new(ev->go.arena, 2);
        if (out->kind != VAL_LIST)
                return go_full(&ev->go);
        out->type = EX_V_PAIR;
        out->list->items[0] = e->key;
        out->list->items[1] = e->value;
        return true;
}

static bool parts(struct ex_eval *ev, struct val v, enum part part, struct val *out)
{
        if (v.kind != VAL_MAP)
                return ex_fail(ev, "a map is expected, found %s", ex_val_type(v));
        if (!val_open_sorted(ev->go.arena, v))
                return go_full(&ev->go);
        *out = ex_list(ev, v.map->n);
        if (out->kind != VAL_LIST)
                return false;
        for (size_t i = 0; i < v.map->n; i++) {
                const struct val_entry *e = &v.map->entries[i];
                if (part == PAIRS && !pair(ev, e, &out->list->items[i]))
                        return false;
                if (part != PAIRS)
                        out->list->items[i] = part == KEYS ? e->key : e->value;
        }
        if (part == PAIRS)
                out->type = EX_V_PAIRS;
        return true;
}

FN(keys)
{
        return parts(ev, args[0], KEYS, out);
}

FN(values)
{
        return parts(ev, args[0], VALUES, out);
}

FN(toPairs)
{
        return parts(ev, args[0], PAIRS, out);
}

FN(fromPairs)
{
        struct val_list *l, *p;
        if (!ex_open_list(ev, args[0], &l))
                return false;
        *out = val_map_new(ev->go.arena, l->n);
        if (out->kind != VAL_MAP)
                return go_full(&ev->go);
        out->type = EX_V_ANYMAP;
        for (size_t i = 0; i < l->n; i++) {
                if (l->items[i].kind != VAL_LIST)
                        return ex_fail(ev, "invalid pair: a list is expected, found %s",
                                       ex_val_type(l->items[i]));
                if (!ex_open_list(ev, l->items[i], &p))
                        return false;
                if (p->n != 2)
                        return ex_fail(ev, "invalid pair: it has %zu elements", p->n);
                if (p->items[0].kind == VAL_LIST || p->items[0].kind == VAL_MAP)
                        return ex_fail(ev, "%s cannot be a key", ex_val_type(p->items[0]));
                if (!val_map_set(ev->go.arena, *out, p->items[0], p->items[1]))
                        return go_full(&ev->go);
        }
        return ex_items(ev, l->n);
}

/* ---- lists ---- */

FN(reverse)
{
        struct val_list *l;
        if (!ex_open_list(ev, args[0], &l))
                return false;
        *out = ex_list(ev, l->n);
        for (size_t i = 0; out->kind == VAL_LIST && i < l->n; i++)
                out->list->items[i] = l->items[l->n - 1 - i];
        return out->kind == VAL_LIST;
}

FN(uniq)
{
        struct val_list *l;
        if (!ex_open_list(ev, args[0], &l))
                return false;
        *out = ex_list(ev, l->n);
        if (out->kind != VAL_LIST)
                return false;
        struct val_list *kept = out->list;
        kept->n = 0;
        for (size_t i = 0; i < l->n; i++) {
                bool seen = false;
                for (size_t k = 0; k < kept->n && !seen; k++)
                        seen = ex_equal(ev, l->items[i], kept->items[k], 0);
                if (ev->go.failed)
                        return false;
                if (!seen)
                        kept->items[kept->n++] = l->items[i];
        }
        return true;
}

FN(concat)
{
        struct val_list *l;
        size_t total = 0, at = 0;
        for (size_t i = 0; i < n; i++) {
                if (!ex_open_list(ev, args[i], &l))
                        return false;
                total += l->n;
        }
        if (!total)
                return empty_list(ev, VAL_X_NIL, out);
        *out = ex_list(ev, total);
        if (out->kind != VAL_LIST)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (!ex_open_list(ev, args[i], &l))
                        return false;
                for (size_t k = 0; k < l->n; k++)
                        out->list->items[at++] = l->items[k];
        }
        return true;
}

static bool flatten(struct ex_eval *ev, struct val v, struct sprig_list *out, unsigned depth)
{
        struct val_list *l;
        if (depth > EX_MAX_NESTING)
                return go_fail(&ev->go, ERR_LIMIT, "nested deeper than %d levels", EX_MAX_NESTING);
        if (!ex_open_list(ev, v, &l))
                return false;
        for (size_t i = 0; i < l->n; i++) {
                if (!go_step(&ev->go, 1))
                        return false;
                if (l->items[i].kind == VAL_LIST ? !flatten(ev, l->items[i], out, depth + 1)
                                                 : !sprig_push(out, l->items[i]))
                        return false;
        }
        return true;
}

FN(flatten)
{
        struct sprig_list l = {.env = &ev->go};
        return flatten(ev, args[0], &l, 0) && ex_items(ev, l.n) && sprig_list_value(&l, 0, out);
}

/* ---- order ---- */

static void exchange(struct val *v, size_t i, size_t j)
{
        struct val t = v[i];
        v[i] = v[j];
        v[j] = t;
}

static bool before(struct ex_eval *ev, struct val a, struct val b, bool descending, bool *out)
{
        return go_step(&ev->go, 1) &&
               (descending ? ex_less(ev, b, a, out) : ex_less(ev, a, b, out));
}

static bool insertion_sort(struct ex_eval *ev, struct val *items, struct val *keys, size_t n,
                           bool descending)
{
        for (size_t i = 1; i < n; i++) {
                for (size_t j = i; j > 0; j--) {
                        bool less;
                        if (!before(ev, keys[j], keys[j - 1], descending, &less))
                                return false;
                        if (!less)
                                break;
                        exchange(keys, j, j - 1);
                        if (items != keys)
                                exchange(items, j, j - 1);
                }
        }
        return true;
}

/* Two sorted halves into `tmp` and back; equal keys keep their order. */
static bool merge(struct ex_eval *ev, struct val *items, struct val *keys, size_t n, size_t half,
                  bool descending, struct val *tmp)
{
        size_t i = 0, j = half, k = 0;
        struct val *tmp_keys = tmp + n;
        while (i < half || j < n) {
                bool right = i == half;
                if (!right && j < n && !before(ev, keys[j], keys[i], descending, &right))
                        return false;
                size_t from = right ? j++ : i++;
                tmp[k] = items[from];
                tmp_keys[k++] = keys[from];
        }
        memcpy(items, tmp, n * sizeof(*items));
        memcpy(keys, tmp_keys, n * sizeof(*keys));
        return true;
}

static bool sort(struct ex_eval *ev, struct val *items, struct val *keys, size_t n, bool descending,
                 struct val *tmp)
{
        if (n <= 12)
                return insertion_sort(ev, items, keys, n, descending);
        size_t half = n / 2;
        return sort(ev, items, keys, half, descending, tmp) &&
               sort(ev, items + half, keys + half, n - half, descending, tmp) &&
               merge(ev, items, keys, n, half, descending, tmp);
}

bool ex_sort(struct ex_eval *ev, struct val *items, struct val *keys, size_t n, bool descending)
{
        struct val *tmp = NULL;
        if (n > 12 && !(tmp = arena_try_alloc(ev->go.arena, 2 * n * sizeof(*tmp))))
                return go_full(&ev->go);
        return sort(ev, items, keys, n, descending, tmp);
}

static bool order(struct ex_eval *ev, const struct val *v, bool *descending)
{
        *descending = false;
        if (!v)
                return true;
        if (v->kind != VAL_STR)
                return ex_fail(ev, "sort order argument must be a string (got %s)",
                               ex_val_type(*v));
        *descending = str_eq(v->s, "desc");
        return *descending || str_eq(v->s, "asc") ||
               ex_fail(ev, "invalid order: expected asc or desc");
}

FN(sort)
{
        struct val_list *l;
        bool descending, known = args[0].kind == VAL_LIST && args[0].type != EX_V_PAIRS &&
                                 args[0].type != EX_V_PAIR && args[0].type != VAL_T_LISTS;
        if (!order(ev, n > 1 ? &args[1] : NULL, &descending))
                return false;
        if (!known)
                return empty_list(ev, VAL_X_NIL, out);
        if (!ex_open_list(ev, args[0], &l))
                return false;
        *out = ex_list(ev, l->n);
        if (out->kind != VAL_LIST)
                return false;
        if (l->n)
                memcpy(out->list->items, l->items, l->n * sizeof(*l->items));
        return ex_sort(ev, out->list->items, out->list->items, l->n, descending);
}

/* v1.15: all elements are of one type; of maps a member decides. */
static bool sort_old(struct ex_eval *ev, struct val list, struct str field, const struct val *dir,
                     struct val *out)
{
        struct val_list *l;
        bool descending;
        if (!order(ev, dir, &descending) || !ex_open_list(ev, list, &l))
                return false;
        struct val keys = ex_list(ev, l->n);
        *out = ex_list(ev, l->n);
        if (out->kind != VAL_LIST || keys.kind != VAL_LIST)
                return false;
        for (size_t i = 0; i < l->n; i++) {
                struct val v = l->items[i], key = v;
                if (v.kind == VAL_MAP)
                        key = val_get(ev->go.arena, v, field);
                bool sortable = ex_is_num(key) || key.kind == VAL_STR || l->n == 1;
                bool no_key = ex_is_nil(key) && (l->n > 1 || v.kind == VAL_MAP);
                if (no_key || !sortable ||
                    (i && (key.kind != keys.list->items[0].kind ||
                           key.type != keys.list->items[0].type)))
                        return ex_fail(ev, "the list cannot be sorted: %s", ex_val_type(key));
                out->list->items[i] = v;
                keys.list->items[i] = key;
        }
        return ex_sort(ev, out->list->items, keys.list->items, l->n, descending);
}

FN(sort_old)
{
        return sort_old(ev, args[0], STR(""), n > 1 ? &args[1] : NULL, out);
}

FN(sort_by_old)
{
        if (args[1].kind != VAL_STR)
                return ex_fail(ev, "the name of a field is expected, found %s",
                               ex_val_type(args[1]));
        return sort_old(ev, args[0], args[1].s, n > 2 ? &args[2] : NULL, out);
}
