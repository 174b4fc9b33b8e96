/* common/lang/expr/expr_opt.c: see expr_priv.h.
 *
 * The original rewrites expressions before it runs them, and some of it shows: "x and false" does
 * not look at x, filter(l, p)[0] stops at the first hit, all(l, p) and all(l, q) walks the list
 * once, count(l, p) > 0 ends early, x in ["a"] wants a string. The same rewriting is done here on
 * a copy, from the leaves up; what cannot be noticed is left out. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gonum.h"

struct opt {
        struct arena *arena;
        enum expr_dialect dialect;
        struct ex_error *ee;
};

static struct ex_node *optimize(struct opt *o, const struct ex_node *n);

static struct ex_node *new_node(struct opt *o, const struct ex_node *like, size_t kids)
{
        struct ex_node *n = arena_try_alloc(o->arena, sizeof(*n) + kids * sizeof(n->kid[0]));
        if (!n) {
                o->ee->limit = true;
                ex_error_set(o->ee, like->at, "the expression needs too much memory");
                return NULL;
        }
        *n = *like;
        n->n = (uint32_t)kids;
        n->kid = (struct ex_node **)(n + 1);
        return n;
}

static struct ex_node *leaf(struct opt *o, const struct ex_node *like, enum ex_kind kind)
{
        struct ex_node *n = new_node(o, like, 0);
        if (!n)
                return NULL;
        n->kind = (uint8_t)kind;
        n->op = 0;
        n->text = (struct str){0};
        return n;
}

static struct ex_node *make_bool(struct opt *o, const struct ex_node *like, bool b)
{
        struct ex_node *n = leaf(o, like, EX_BOOL);
        if (n)
                n->b = b;
        return n;
}

static struct ex_node *make_int(struct opt *o, const struct ex_node *like, int64_t i)
{
        struct ex_node *n = leaf(o, like, EX_INT);
        if (n)
                n->i = i;
        return n;
}

static struct ex_node *make_float(struct opt *o, const struct ex_node *like, double f)
{
        struct ex_node *n = leaf(o, like, EX_FLOAT);
        if (n)
                n->f = f;
        return n;
}

static struct ex_node *make_binary(struct opt *o, const struct ex_node *like, enum ex_op op,
                                   struct ex_node *l, struct ex_node *r)
{
        struct ex_node *n = new_node(o, like, 2);
        if (!n)
                return NULL;
        n->kind = EX_BINARY;
        n->op = (uint8_t)op;
        n->regex = NULL;
        n->keys = false;
        n->kid[0] = l;
        n->kid[1] = r;
        return n;
}

static bool is_builtin(const struct ex_node *n, enum ex_loop loop, size_t args)
{
        return n->kind == EX_BUILTIN && n->builtin->loop == loop && n->n == args;
}

static bool is_call_of(const struct ex_node *n, const char *name)
{
        return n->kind == EX_BUILTIN && n->n == 1 && strcmp(n->builtin->name, name) == 0;
}

/* ---- constants ---- */

static uint64_t u(const struct ex_node *n)
{
        return (uint64_t)n->i;
}

static struct ex_node *fold_ints(struct opt *o, struct ex_node *n, const struct ex_node *a,
                                 const struct ex_node *b)
{
        switch (n->op) {
        case EX_OP_ADD: return make_int(o, n, (int64_t)(u(a) + u(b)));
        case EX_OP_SUB: return make_int(o, n, (int64_t)(u(a) - u(b)));
        case EX_OP_MUL: return make_int(o, n, (int64_t)(u(a) * u(b)));
        case EX_OP_DIV: return make_float(o, n, (double)a->i / (double)b->i);
        case EX_OP_POW: return make_float(o, n, gonum_pow((double)a->i, (double)b->i));
        case EX_OP_EQ: return make_bool(o, n, a->i == b->i);
        case EX_OP_MOD:
                if (b->i == 0) {
                        ex_error_set(o->ee, n->at, "integer divide by zero");
                        return NULL;
                }
                return make_int(o, n, b->i == -1 ? 0 : a->i % b->i);
        default: return n;
        }
}

static struct ex_node *fold_floats(struct opt *o, struct ex_node *n, double a, double b)
{
        switch (n->op) {
        case EX_OP_ADD: return make_float(o, n, a + b);
        case EX_OP_SUB: return make_float(o, n, a - b);
        case EX_OP_MUL: return make_float(o, n, a * b);
        case EX_OP_DIV: return make_float(o, n, a / b);
        case EX_OP_POW: return make_float(o, n, gonum_pow(a, b));
        default: return n;
        }
}

static struct ex_node *fold_strings(struct opt *o, struct ex_node *n, struct str a, struct str b)
{
        if (n->op == EX_OP_EQ)
                return make_bool(o, n, a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0));
        if (n->op != EX_OP_ADD)
                return n;
        char *p = arena_try_alloc(o->arena, a.n + b.n + 1);
        struct ex_node *s = p ? leaf(o, n, EX_STR) : NULL;
        if (!s)
                return n;
        if (a.n)
                memcpy(p, a.p, a.n);
        if (b.n)
                memcpy(p + a.n, b.p, b.n);
        s->text = (struct str){p, a.n + b.n};
        return s;
}

/* true and x: x, whatever it is; x and false: false, without a look at x. */
static struct ex_node *fold_logic(struct opt *o, struct ex_node *n)
{
        struct ex_node *a = n->kid[0], *b = n->kid[1];
        bool neutral = n->op == EX_OP_AND, known_a = a->kind == EX_BOOL,
             known_b = b->kind == EX_BOOL;
        if (known_a && a->b == neutral)
                return b;
        if (known_b && b->b == neutral)
                return a;
        if (known_a || known_b)
                return make_bool(o, n, !neutral);
        return n;
}

static struct ex_node *fold_binary(struct opt *o, struct ex_node *n)
{
        struct ex_node *a = n->kid[0], *b = n->kid[1];
        bool int_a = a->kind == EX_INT, int_b = b->kind == EX_INT;
        if (n->op == EX_OP_AND || n->op == EX_OP_OR)
                return fold_logic(o, n);
        if (int_a && int_b)
                return fold_ints(o, n, a, b);
        if ((int_a || a->kind == EX_FLOAT) && (int_b || b->kind == EX_FLOAT))
                return fold_floats(o, n, int_a ? (double)a->i : a->f, int_b ? (double)b->i : b->f);
        if (a->kind == EX_STR && b->kind == EX_STR)
                return fold_strings(o, n, a->text, b->text);
        if (n->op == EX_OP_EQ && a->kind == EX_BOOL && b->kind == EX_BOOL)
                return make_bool(o, n, a->b == b->b);
        return n;
}

static struct ex_node *fold_unary(struct opt *o, struct ex_node *n)
{
        const struct ex_node *a = n->kid[0];
        if (n->op == EX_OP_NOT)
                return a->kind == EX_BOOL ? make_bool(o, n, !a->b) : n;
        bool negate = n->op == EX_OP_NEGATE;
        if (a->kind == EX_INT)
                return make_int(o, n, negate ? (int64_t)(0 - u(a)) : a->i);
        if (a->kind == EX_FLOAT)
                return make_float(o, n, negate ? -a->f : a->f);
        return n;
}

static struct ex_node *fold_array(struct opt *o, struct ex_node *n)
{
        for (size_t i = 0; i < n->n; i++) {
                enum ex_kind k = n->kid[i]->kind;
                if (k != EX_INT && k != EX_FLOAT && k != EX_STR && k != EX_BOOL)
                        return n;
        }
        struct val list = n->n ? val_list_new(o->arena, n->n) : val_nil();
        if (list.kind != VAL_LIST)
                return n;
        for (size_t i = 0; i < n->n; i++) {
                const struct ex_node *k = n->kid[i];
                list.list->items[i] = k->kind == EX_INT     ? val_int(k->i)
                                      : k->kind == EX_FLOAT ? val_float(k->f)
                                      : k->kind == EX_STR   ? val_str(k->text)
                                                            : val_bool(k->b);
        }
        struct ex_node *c = leaf(o, n, EX_CONST);
        if (c)
                c->value = list;
        return c;
}

/* ---- loops ---- */

static struct ex_node *renamed(struct opt *o, const struct ex_node *filter,
                               const struct ex_node *like, const char *name)
{
        struct ex_node *n = new_node(o, filter, filter->n);
        if (!n)
                return NULL;
        memcpy(n->kid, filter->kid, filter->n * sizeof(n->kid[0]));
        n->builtin = ex_builtin_find(o->dialect, str_of(name));
        n->at = like->at;
        n->id = like->id;
        return n;
}

static struct ex_node *joined_predicate(struct opt *o, enum ex_op op, const struct ex_node *a,
                                        const struct ex_node *b)
{
        struct ex_node *n = new_node(o, a, 1);
        if (n)
                n->kid[0] = make_binary(o, a, op, a->kid[0], b->kid[0]);
        return n && n->kid[0] ? n : NULL;
}

static bool uses_index(const struct ex_node *n)
{
        if (n->kind == EX_POINTER && n->i == EX_P_INDEX)
                return true;
        for (size_t i = 0; i < n->n; i++)
                if (n->kid[i] && uses_index(n->kid[i]))
                        return true;
        return n->map && uses_index(n->map);
}

/* filter(l, p)[0], [-1], first(), last(), len() of it. */
static struct ex_node *of_filter(struct opt *o, struct ex_node *n)
{
        const struct ex_node *f = n->kid[0];
        if (!is_builtin(f, EX_FILTER, 2))
                return n;
        if (n->kind == EX_MEMBER && !n->optional && n->kid[1]->kind == EX_INT &&
            (n->kid[1]->i == 0 || n->kid[1]->i == -1)) {
                struct ex_node *found = renamed(o, f, n, n->kid[1]->i == 0 ? "find" : "findLast");
                if (found)
                        found->throws = true;
                return found;
        }
        if (is_call_of(n, "first") || is_call_of(n, "last"))
                return renamed(o, f, n, is_call_of(n, "first") ? "find" : "findLast");
        if (is_call_of(n, "len")) {
                struct ex_node *count = renamed(o, f, n, "count");
                if (count)
                        count->map = NULL;
                return count;
        }
        return n;
}

static struct ex_node *of_loop(struct opt *o, struct ex_node *n)
{
        struct ex_node *inner = n->n ? n->kid[0] : NULL;
        if (is_builtin(n, EX_FILTER, 2) && is_builtin(inner, EX_FILTER, 2) && !inner->map) {
                struct ex_node *all = joined_predicate(o, EX_OP_AND, inner->kid[1], n->kid[1]);
                if (!all)
                        return NULL;
                n->kid[0] = inner->kid[0];
                n->kid[1] = all;
                return n;
        }
        if (is_builtin(n, EX_MAP_LOOP, 2) && is_builtin(inner, EX_FILTER, 2) && !inner->map &&
            !uses_index(n->kid[1])) {
                struct ex_node *f = renamed(o, inner, n, "filter");
                if (f)
                        f->map = n->kid[1]->kid[0];
                return f;
        }
        return n;
}

static bool same(const struct ex_node *a, const struct ex_node *b)
{
        if (!a || !b)
                return a == b;
        if (a->kind != b->kind || a->op != b->op || a->n != b->n || a->optional != b->optional ||
            a->builtin != b->builtin || a->throws != b->throws || a->text.n != b->text.n ||
            (a->text.n && memcmp(a->text.p, b->text.p, a->text.n) != 0) || !same(a->map, b->map))
                return false;
        if (a->kind == EX_CONST) {
                size_t n = a->value.list->n;
                if (n != b->value.list->n)
                        return false;
                for (size_t i = 0; i < n; i++) {
                        struct val x = a->value.list->items[i], y = b->value.list->items[i];
                        if (x.kind != y.kind ||
                            (x.kind == VAL_STR
                                     ? x.s.n != y.s.n || (x.s.n && memcmp(x.s.p, y.s.p, x.s.n) != 0)
                                     : x.i != y.i))
                                return false;
                }
        } else if (a->kind == EX_BOOL ? a->b != b->b : a->kind != EX_BINARY && a->i != b->i) {
                return false;
        }
        for (size_t i = 0; i < a->n; i++)
                if (!same(a->kid[i], b->kid[i]))
                        return false;
        return true;
}

/* all(l, p) and all(l, q): all(l, p and q) */
static struct ex_node *combine(struct opt *o, struct ex_node *n)
{
        struct ex_node *a = n->kid[0], *b = n->kid[1];
        bool and = n->op == EX_OP_AND;
        if (!and&&n->op != EX_OP_OR)
                return n;
        bool fits = a->kind == EX_BUILTIN && b->kind == EX_BUILTIN && a->builtin == b->builtin &&
                    a->n == 2 &&
                    ((and&&(a->builtin->loop == EX_ALL || a->builtin->loop == EX_NONE)) ||
                     (!and&&a->builtin->loop == EX_ANY));
        if (!fits || !same(a->kid[0], b->kid[0]))
                return n;
        enum ex_op op = a->builtin->loop == EX_NONE ? EX_OP_OR : n->op;
        struct ex_node *all = new_node(o, a, 2), *p = joined_predicate(o, op, a->kid[1], b->kid[1]);
        if (!all || !p)
                return NULL;
        p->kid[0] = combine(o, p->kid[0]);
        all->id = n->id;
        all->kid[0] = a->kid[0];
        all->kid[1] = p;
        return p->kid[0] ? all : NULL;
}

/* sum([a, b, c]): a + (b + c) */
static struct ex_node *sum_array(struct opt *o, const struct ex_node *like,
                                 struct ex_node *const *kid, size_t n)
{
        if (n == 1)
                return kid[0];
        struct ex_node *rest = sum_array(o, like, kid + 1, n - 1);
        return rest ? make_binary(o, like, EX_OP_ADD, kid[0], rest) : NULL;
}

static bool is_const_range(const struct ex_node *n)
{
        return n->kind == EX_BINARY && n->op == EX_OP_RANGE && n->kid[0]->kind == EX_INT &&
               n->kid[1]->kind == EX_INT && n->kid[1]->i >= n->kid[0]->i;
}

/* sum(1..1000000) does not make the list. */
static struct ex_node *of_sum(struct opt *o, struct ex_node *n)
{
        if (!is_builtin(n, EX_SUM, 1))
                return n;
        const struct ex_node *l = n->kid[0];
        if (is_const_range(l)) {
                uint64_t count = u(l->kid[1]) - u(l->kid[0]) + 1;
                return make_int(o, n, (int64_t)(count * (u(l->kid[0]) + u(l->kid[1]))) / 2);
        }
        if (l->kind == EX_ARRAY && l->n >= 2 && l->n < 200)
                return sum_array(o, n, l->kid, l->n);
        return n;
}

/* count(l, p) > 2: three are enough. */
static struct ex_node *of_count(struct opt *o, struct ex_node *n)
{
        struct ex_node *c = n->kid[0];
        if (!is_builtin(c, EX_COUNT, 2) || n->kid[1]->kind != EX_INT)
                return n;
        int64_t limit = n->kid[1]->i;
        if ((n->op == EX_OP_GT && limit == 0) || (n->op == EX_OP_GE && limit == 1))
                return renamed(o, c, n, "any");
        bool more = n->op == EX_OP_GT || n->op == EX_OP_LE;
        if (limit < 0 || limit == INT64_MAX || (!more && n->op != EX_OP_GE && n->op != EX_OP_LT))
                return n;
        if (limit + more > 1)
                c->i = limit + more;
        return n;
}

/* ---- all of it ---- */

/* Before the list of literals becomes a constant. */
static bool all_strings(const struct ex_node *n)
{
        for (size_t i = 0; i < n->n; i++)
                if (n->kid[i]->kind != EX_STR)
                        return false;
        return n->kind == EX_ARRAY && n->n;
}

static struct ex_node *rewrite(struct opt *o, struct ex_node *n)
{
        bool new = o->dialect == EXPR_WORKFLOWS;
        switch (n->kind) {
        case EX_UNARY: return fold_unary(o, n);
        case EX_ARRAY: return fold_array(o, n);
        case EX_MEMBER: return of_filter(o, n);
        case EX_BUILTIN:
                n = n->n ? of_filter(o, n) : n;
                n = n && n->kind == EX_BUILTIN ? of_loop(o, n) : n;
                return n && new && n->kind == EX_BUILTIN ? of_sum(o, n) : n;
        case EX_BINARY:
                n = fold_binary(o, n);
                if (n && new && n->kind == EX_BINARY)
                        n = combine(o, n);
                return n && new && n->kind == EX_BINARY ? of_count(o, n) : n;
        default: return n;
        }
}

static struct ex_node *optimize(struct opt *o, const struct ex_node *old)
{
        struct ex_node *n = new_node(o, old, old->n);
        if (!n)
                return NULL;
        if (n->kind == EX_BINARY && n->op == EX_OP_IN)
                n->keys = all_strings(old->kid[1]);
        for (size_t i = 0; i < old->n; i++) {
                n->kid[i] = old->kid[i] ? optimize(o, old->kid[i]) : NULL;
                if (old->kid[i] && !n->kid[i])
                        return NULL;
        }
        return rewrite(o, n);
}

struct ex_node *ex_optimize(struct arena *a, const struct ex_node *root, enum expr_dialect d,
                            struct ex_error *ee)
{
        struct opt o = {.arena = a, .dialect = d, .ee = ee};
        return optimize(&o, root);
}
