/* common/lang/expr/expr_jsonpath.c: see expr_jsonpath.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_jsonpath.h"
#include "common/lang/gonum.h"
#include "common/lang/sprig/sprig_priv.h"
#include <math.h>

bool jp_soft(struct jp *j, const char *why)
{
        j->why = why;
        return false;
}

void *jp_alloc(struct jp *j, size_t size)
{
        void *p = arena_try_alloc(j->ev->go.arena, size ? size : 1);
        if (!p) {
                go_full(&j->ev->go);
                return NULL;
        }
        return memset(p, 0, size);
}

bool jp_integer(struct val v, int64_t *out)
{
        if (v.kind == VAL_INT)
                *out = v.i;
        else if (v.kind == VAL_FLOAT && trunc(v.f) == v.f)
                *out = gonum_f64_to_i64(v.f);
        else
                return false;
        return true;
}

static bool next_step(struct jp *j, const struct jp_path *p, size_t i, struct val root,
                      struct val current, struct val *out)
{
        if (i + 1 < p->n)
                return jp_apply(j, p, i + 1, root, current, out);
        *out = current;
        return true;
}

static bool is_container(struct val v)
{
        return v.kind == VAL_LIST || v.kind == VAL_MAP;
}

/* Children in order: of lists, and of maps by key. */
static bool children(struct jp *j, struct val v, size_t *n)
{
        struct arena *a = j->ev->go.arena;
        if (!(v.kind == VAL_MAP ? val_open_sorted(a, v) : val_open(a, v)))
                return go_full(&j->ev->go);
        *n = v.kind == VAL_MAP ? v.map->n : v.list->n;
        return go_step(&j->ev->go, *n + 1);
}

static struct val child(struct val v, size_t i)
{
        return v.kind == VAL_MAP ? v.map->entries[i].value : v.list->items[i];
}

static bool put(struct jp *j, struct sprig_list *l, struct val v)
{
        return ex_items(j->ev, 1) && sprig_push(l, v);
}

static bool done(struct sprig_list *l, struct val *out)
{
        return sprig_list_value(l, 0, out);
}

/* What follows is applied to an element; failures and nil leave it out. */
static bool put_result(struct jp *j, struct sprig_list *l, const struct jp_path *p, size_t i,
                       struct val root, struct val element)
{
        struct val v;
        if (!jp_apply(j, p, i, root, element, &v))
                return !j->ev->go.failed;
        return ex_is_nil(v) || put(j, l, v);
}

/* ---- steps ---- */

static bool key(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                struct val *out)
{
        if (v.kind != VAL_MAP)
                return jp_soft(j, "key: a map is expected");
        if (!val_open(j->ev->go.arena, v))
                return go_full(&j->ev->go);
        struct val found = val_get(j->ev->go.arena, v, p->steps[i].key);
        if (found.kind == VAL_MISSING)
                return jp_soft(j, "key: it is not there");
        return next_step(j, p, i, root, found, out);
}

static bool index_of(struct jp *j, int64_t index, const struct jp_path *p, size_t i,
                     struct val root, struct val v, struct val *out)
{
        size_t n;
        if (v.kind != VAL_LIST)
                return jp_soft(j, "index: a list is expected");
        if (!children(j, v, &n))
                return false;
        if (index < 0)
                index += (int64_t)n;
        if (index < 0 || (uint64_t)index >= n)
                return jp_soft(j, "index: out of range");
        return next_step(j, p, i, root, v.list->items[index], out);
}

static bool length(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                   struct val *out)
{
        size_t n = v.kind == VAL_STR ? v.s.n : 0;
        if (v.kind != VAL_STR && !is_container(v))
                return jp_soft(j, "length: a list, map or string is expected");
        if (v.kind != VAL_STR && !children(j, v, &n))
                return false;
        struct val len = {.kind = VAL_INT, .type = VAL_T_INT64, .i = (int64_t)n};
        if (v.kind == VAL_MAP) {
                struct val own = val_get(j->ev->go.arena, v, STR("length"));
                len = own.kind == VAL_MISSING ? len : own;
        }
        return next_step(j, p, i, root, len, out);
}

static bool wildcard(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                     struct val *out)
{
        struct sprig_list l = {.env = &j->ev->go};
        size_t n;
        if (!is_container(v))
                return jp_soft(j, "wildcard: a list or map is expected");
        if (!children(j, v, &n))
                return false;
        for (size_t k = 0; k < n; k++)
                if (!(i + 1 < p->n ? put_result(j, &l, p, i + 1, root, child(v, k))
                                   : put(j, &l, child(v, k))))
                        return false;
        return done(&l, out);
}

static bool descend(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                    struct sprig_list *l)
{
        size_t n;
        struct val found;
        if (ex_is_nil(v))
                return true;
        if (++j->depth > EX_MAX_NESTING)
                return go_fail(&j->ev->go, ERR_LIMIT, "nested deeper than %d levels",
                               EX_MAX_NESTING);
        if (i + 1 >= p->n) {
                if (!put(j, l, v))
                        return false;
        } else if (jp_apply(j, p, i + 1, root, v, &found) && !ex_is_nil(found)) {
                if (found.kind != VAL_LIST) {
                        if (!put(j, l, found))
                                return false;
                } else {
                        if (!children(j, found, &n))
                                return false;
                        for (size_t k = 0; k < n; k++)
                                if (!put(j, l, child(found, k)))
                                        return false;
                }
        }
        if (j->ev->go.failed || (is_container(v) && !children(j, v, &n)))
                return false;
        for (size_t k = 0; is_container(v) && k < n; k++)
                if (!descend(j, p, i, root, child(v, k), l))
                        return false;
        j->depth--;
        return true;
}

static bool includes(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return v.b;
        case VAL_LIST: return v.list->n > 0;
        case VAL_MAP: return v.map->n > 0;
        case VAL_INT: return v.i != 0;
        case VAL_FLOAT: return v.f != 0 || signbit(v.f);
        case VAL_STR: {
                bool quoted = v.s.n > 1 && (v.s.p[0] == '\'' || v.s.p[0] == '"') &&
                              v.s.p[v.s.n - 1] == v.s.p[0];
                return v.s.n > (quoted ? 2 : 0);
        }
        default: return false;
        }
}

static bool filter(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                   struct val *out)
{
        struct sprig_list kept = {.env = &j->ev->go}, l = {.env = &j->ev->go};
        size_t n;
        struct val answer;
        if (!is_container(v))
                return jp_soft(j, "filter: a list or map is expected");
        if (!children(j, v, &n))
                return false;
        for (size_t k = 0; k < n; k++) {
                bool ok = jp_evaluate(j, p->steps[i].expr, root, child(v, k), &answer);
                if (j->ev->go.failed ||
                    (ok && is_container(answer) && !val_open(j->ev->go.arena, answer)))
                        return go_full(&j->ev->go);
                if (ok && includes(answer) && !put(j, &kept, child(v, k)))
                        return false;
        }
        if (i + 1 >= p->n)
                return done(&kept, out);
        if (p->steps[i + 1].kind == JP_INDEX)
                return done(&kept, out) && jp_apply(j, p, i + 1, v, *out, out);
        for (size_t k = 0; k < kept.n; k++)
                if (!put_result(j, &l, p, i + 1, root, kept.items[k]))
                        return false;
        return done(&l, out);
}

static bool script(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                   struct val *out)
{
        struct val answer;
        int64_t index;
        if (!jp_evaluate(j, p->steps[i].expr, root, v, &answer))
                return false;
        if (jp_integer(answer, &index))
                return index_of(j, index, p, i, root, v, out);
        if (answer.kind != VAL_STR)
                return jp_soft(j, "unexpected expression result: an integer or string is expected");
        if (v.kind != VAL_MAP)
                return jp_soft(j, "key: a map is expected");
        struct val found = val_get(j->ev->go.arena, v, answer.s);
        if (found.kind == VAL_MISSING)
                return jp_soft(j, "key: it is not there");
        return next_step(j, p, i, root, found, out);
}

/* Elements picked one by one: what follows is applied to each, but an index to the list of them. */
struct picked {
        struct jp *j;
        const struct jp_path *p;
        size_t i;
        struct val root;
        bool each;
        struct sprig_list l;
};

static struct picked pick_from(struct jp *j, const struct jp_path *p, size_t i, struct val root)
{
        return (struct picked){.j = j,
                               .p = p,
                               .i = i,
                               .root = root,
                               .each = i + 1 < p->n && p->steps[i + 1].kind != JP_INDEX,
                               .l = {.env = &j->ev->go}};
}

static bool pick(struct picked *k, struct val v)
{
        return k->each ? put_result(k->j, &k->l, k->p, k->i + 1, k->root, v) : put(k->j, &k->l, v);
}

static bool end_pick(struct picked *k, struct val *out)
{
        if (!done(&k->l, out))
                return false;
        return k->each || next_step(k->j, k->p, k->i, k->root, *out, out);
}

static bool bound(struct jp *j, const struct jp_arg *arg, struct val root, struct val v,
                  int64_t *out)
{
        struct val answer;
        if (arg->kind == JP_INT) {
                *out = arg->i;
                return true;
        }
        if (!jp_evaluate(j, arg->expr, root, v, &answer))
                return false;
        return jp_integer(answer, out) ||
               jp_soft(j, "range: unexpected expression result: an integer is expected");
}

static int64_t clamp(int64_t i, int64_t n)
{
        if (i < 0)
                i += n;
        return i < 0 ? 0 : i > n ? n : i;
}

static bool range(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                  struct val *out)
{
        const struct jp_arg *args = p->steps[i].args;
        struct picked k = pick_from(j, p, i, root);
        size_t len;
        if (v.kind != VAL_LIST)
                return jp_soft(j, "range: a list is expected");
        if (!children(j, v, &len))
                return false;
        int64_t n = (int64_t)len, from = 0, to = n, by = 1;
        if ((args[0].kind && !bound(j, &args[0], root, v, &from)) ||
            (args[1].kind && !bound(j, &args[1], root, v, &to)) ||
            (args[2].kind && !bound(j, &args[2], root, v, &by)))
                return false;
        from = clamp(from, n);
        to = clamp(to, n);
        if (by == 0)
                return jp_soft(j, "range: out of range");
        if (by > n)
                by = n + 1;
        if (by < -n)
                by = -n - 1;
        for (int64_t at = by > 0 ? from : to - 1; by > 0 ? at < to : at >= from; at += by)
                if (!pick(&k, v.list->items[at]))
                        return false;
        return end_pick(&k, out);
}

static bool union_argument(struct jp *j, const struct jp_arg *arg, struct val root, struct val v,
                           struct val *out)
{
        int64_t i;
        if (arg->kind == JP_INT)
                *out = val_int(arg->i);
        else if (arg->kind == JP_TEXT)
                *out = val_str(arg->s);
        else if (!jp_evaluate(j, arg->expr, root, v, out))
                return false;
        if (out->kind == VAL_STR)
                return true;
        if (!jp_integer(*out, &i))
                return jp_soft(j, "union: invalid argument");
        *out = val_int(i);
        return true;
}

static bool union_pick(struct picked *k, struct val v, struct val arg)
{
        struct val found;
        if (arg.kind == VAL_STR) {
                found = val_get(k->j->ev->go.arena, v, arg.s);
                return found.kind == VAL_MISSING || pick(k, found);
        }
        int64_t n = (int64_t)v.list->n, at = arg.i < 0 ? arg.i + n : arg.i;
        return at < 0 || at >= n || pick(k, v.list->items[at]);
}

static bool union_of(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
                     struct val *out)
{
        const struct jp_step *s = &p->steps[i];
        struct picked k = pick_from(j, p, i, root);
        struct val *args = jp_alloc(j, s->nargs * sizeof(*args));
        size_t n;
        if (!args)
                return false;
        for (size_t a = 0; a < s->nargs; a++) {
                if (!union_argument(j, &s->args[a], root, v, &args[a]))
                        return false;
                if (args[a].kind != args[0].kind)
                        return jp_soft(j, "union: keys and indexes are mixed");
        }
        if (v.kind != (args[0].kind == VAL_STR ? VAL_MAP : VAL_LIST))
                return jp_soft(j, "union: the target is of another type");
        if (!children(j, v, &n))
                return false;
        for (size_t a = 0; a < s->nargs; a++)
                if (!union_pick(&k, v, args[a]))
                        return false;
        return end_pick(&k, out);
}

bool jp_apply(struct jp *j, const struct jp_path *p, size_t i, struct val root, struct val v,
              struct val *out)
{
        if (!go_step(&j->ev->go, 1))
                return false;
        switch (p->steps[i].kind) {
        case JP_ROOT: return next_step(j, p, i, root, root, out);
        case JP_CURRENT: return next_step(j, p, i, root, v, out);
        case JP_WILDCARD: return wildcard(j, p, i, root, v, out);
        case JP_RECURSIVE: {
                struct sprig_list l = {.env = &j->ev->go};
                return descend(j, p, i, root, v, &l) && done(&l, out);
        }
        case JP_LENGTH: return length(j, p, i, root, v, out);
        case JP_KEY: return key(j, p, i, root, v, out);
        case JP_INDEX: return index_of(j, p->steps[i].index, p, i, root, v, out);
        case JP_RANGE: return range(j, p, i, root, v, out);
        case JP_UNION: return union_of(j, p, i, root, v, out);
        case JP_FILTER: return filter(j, p, i, root, v, out);
        default: return script(j, p, i, root, v, out);
        }
}

EX_BUILTIN_FN(jsonpath)
{
        struct jp j = {.ev = ev, .why = "it finds nothing"};
        struct jp_path path = {0};
        struct val root;
        if (!sprig_fn_mustFromJson(&ev->go, args, 1, &root))
                return false;
        if (args[1].s.n > LANG_TEXT)
                return go_fail(&ev->go, ERR_LIMIT, "the JSONPath is too long");
        if (jp_parse(&j, args[1].s, &path) && jp_apply(&j, &path, 0, root, root, out))
                return true;
        return ex_fail(ev, "jsonpath: %s", j.why);
}
