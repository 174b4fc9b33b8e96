/* common/lang/expr/expr_fn_num.c: see expr_priv.h: builtins on numbers. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gonum.h"
#include <math.h>
#include <stdlib.h>

#define FN(name) EX_BUILTIN_FN(name)

static bool bad(struct ex_eval *ev, const char *name, struct val v)
{
        return ex_fail(ev, "invalid argument for %s (type %s)", name, ex_val_type(v));
}

FN(abs)
{
        *out = args[0];
        if (!ex_is_num(args[0]))
                return bad(ev, "abs", args[0]);
        if (out->kind == VAL_FLOAT)
                out->f = out->f < 0 ? -out->f : out->f;
        else if (out->i < 0 && out->type != VAL_T_UINT64)
                out->i = (int64_t)(0 - (uint64_t)out->i);
        return true;
}

static bool rounded(struct ex_eval *ev, const char *name, double (*fn)(double), struct val v,
                    struct val *out)
{
        if (!ex_is_num(v))
                return bad(ev, name, v);
        *out = val_float(v.kind == VAL_FLOAT ? fn(v.f) : ex_num(v));
        return true;
}

FN(ceil)
{
        return rounded(ev, "ceil", ceil, args[0], out);
}

FN(floor)
{
        return rounded(ev, "floor", floor, args[0], out);
}

FN(round)
{
        return rounded(ev, "round", round, args[0], out);
}

FN(int)
{
        struct val v = args[0];
        int64_t i;
        if (v.kind == VAL_FLOAT)
                *out = val_int(gonum_f64_to_i64(v.f));
        else if (ex_is_num(v) ||
                 (ev->dialect == EXPR_WORKFLOWS && (v.kind == VAL_INT || v.kind == VAL_DURATION)))
                *out = val_int(v.i);
        else if (v.kind == VAL_STR && v.type == VAL_T_USUAL &&
                 gonum_int(v.s, 10, 64, &i) == GONUM_OK)
                *out = val_int(i);
        else
                return ex_fail(ev, "invalid operation: int(%s)",
                               v.kind == VAL_STR ? "a string that is no integer" : ex_val_type(v));
        return true;
}

FN(float)
{
        struct val v = args[0];
        double f;
        if (ex_is_num(v))
                *out = val_float(ex_num(v));
        else if (v.kind == VAL_STR && v.type == VAL_T_USUAL && gonum_float(v.s, &f) == GONUM_OK)
                *out = val_float(f);
        else
                return ex_fail(ev, "invalid operation: float(%s)",
                               v.kind == VAL_STR ? "a string that is no number" : ex_val_type(v));
        return true;
}

/* ---- of several ---- */

struct extreme {
        enum ex_op op; /* replace when best op candidate */
        const char *name;
        struct val best; /* VAL_MISSING: none yet */
};

static bool candidate(struct ex_eval *ev, struct extreme *x, struct val v)
{
        struct val better = val_bool(true);
        if (!go_step(&ev->go, 1) ||
            (x->best.kind != VAL_MISSING && !ex_compare(ev, x->op, x->best, v, &better)))
                return false;
        if (better.b)
                x->best = v;
        return true;
}

static bool extreme_list(struct ex_eval *ev, struct extreme *x, struct val list, unsigned depth)
{
        struct val_list *l;
        if (depth > EX_MAX_NESTING)
                return go_fail(&ev->go, ERR_LIMIT, "nested deeper than %d levels", EX_MAX_NESTING);
        if (!ex_open_list(ev, list, &l))
                return false;
        for (size_t i = 0; i < l->n; i++) {
                struct val v = l->items[i];
                if (v.kind == VAL_LIST) {
                        struct extreme inner = {.op = x->op, .name = x->name};
                        if (!extreme_list(ev, &inner, v, depth + 1) ||
                            (inner.best.kind != VAL_MISSING && !candidate(ev, x, inner.best)))
                                return false;
                } else if (!ex_is_num(v)) {
                        return bad(ev, x->name, v);
                } else if (!candidate(ev, x, v)) {
                        return false;
                }
        }
        return true;
}

static bool extreme(struct ex_eval *ev, struct extreme x, const struct val *args, size_t n,
                    struct val *out)
{
        bool old = ev->dialect == EXPR_EVENTS;
        for (size_t i = 0; i < n; i++) {
                struct val v = args[i];
                bool number = ex_is_num(v) || v.kind == VAL_INT || v.kind == VAL_DURATION;
                if (v.kind == VAL_LIST && !old) {
                        if (!extreme_list(ev, &x, v, 1))
                                return false;
                } else if (number || old) {
                        if (old && ex_is_nil(x.best))
                                x.best = v;
                        else if (!candidate(ev, &x, v))
                                return false;
                } else if (n == 1) {
                        *out = v;
                        return true;
                } else {
                        return bad(ev, x.name, v);
                }
        }
        *out = x.best;
        return true;
}

FN(max)
{
        return extreme(ev, (struct extreme){.op = EX_OP_LT, .name = "max"}, args, n, out);
}

FN(min)
{
        return extreme(ev, (struct extreme){.op = EX_OP_GT, .name = "min"}, args, n, out);
}

struct numbers {
        double *v, sum;
        size_t n, cap;
        const char *name;
        bool keep;
};

static bool number(struct ex_eval *ev, struct numbers *s, double d)
{
        s->sum += d;
        if (s->keep) {
                if (s->n == s->cap) {
                        size_t cap = s->cap ? s->cap * 2 : 16;
                        double *more = arena_try_alloc(ev->go.arena, cap * sizeof(*more));
                        if (!more)
                                return go_full(&ev->go);
                        if (s->n)
                                memcpy(more, s->v, s->n * sizeof(*more));
                        s->v = more;
                        s->cap = cap;
                }
                s->v[s->n] = d;
        }
        s->n++;
        return go_step(&ev->go, 1);
}

/* Numbers, and lists of them. */
static bool collect(struct ex_eval *ev, struct numbers *s, const struct val *args, size_t n,
                    unsigned depth)
{
        if (depth > EX_MAX_NESTING)
                return go_fail(&ev->go, ERR_LIMIT, "nested deeper than %d levels", EX_MAX_NESTING);
        for (size_t i = 0; i < n; i++) {
                struct val v = args[i];
                bool old = ev->dialect == EXPR_EVENTS; /* one list of numbers */
                if (v.kind == VAL_LIST && (!old || depth == 0)) {
                        struct val_list *l;
                        struct numbers inner = *s;
                        inner.sum = 0;
                        if (!ex_open_list(ev, v, &l) ||
                            !collect(ev, &inner, l->items, l->n, depth + 1))
                                return false;
                        inner.sum += s->sum;
                        *s = inner;
                } else if (old && depth == 0) {
                        return bad(ev, s->name, v);
                } else if (ex_is_num(v)) {
                        if (!number(ev, s, ex_num(v)))
                                return false;
                } else if (v.kind == VAL_INT || v.kind == VAL_DURATION) {
                        if (!number(ev, s, (double)v.i))
                                return false;
                } else {
                        return bad(ev, s->name, v);
                }
        }
        return true;
}

FN(mean)
{
        struct numbers s = {.name = "mean"};
        if (!collect(ev, &s, args, n, 0))
                return false;
        *out = val_float(s.n ? s.sum / (double)s.n : 0);
        return true;
}

static int by_value(const void *va, const void *vb)
{
        const double *a = va, *b = vb;
        if (isnan(*a) || isnan(*b))
                return isnan(*b) - isnan(*a); /* NaN comes first */
        return *a < *b ? -1 : *a > *b;
}

FN(median)
{
        struct numbers s = {.name = "median", .keep = true};
        if (!collect(ev, &s, args, n, 0))
                return false;
        if (s.n)
                qsort(s.v, s.n, sizeof(*s.v), by_value);
        *out = val_float(!s.n ? 0 : s.n % 2 ? s.v[s.n / 2] : (s.v[s.n / 2 - 1] + s.v[s.n / 2]) / 2);
        return true;
}

/* v1.15: ints until the first float. */
FN(sum_old)
{
        struct val_list *l;
        struct val total = val_int(0);
        if (!ex_open_list(ev, args[0], &l))
                return false;
        for (size_t i = 0; i < l->n; i++) {
                if (!ex_is_num(l->items[i]))
                        return bad(ev, "sum", l->items[i]);
                if (!ex_arithmetic(ev, EX_OP_ADD, total, l->items[i], &total))
                        return false;
        }
        *out = total;
        return true;
}

/* ---- bits ---- */

static bool two_ints(struct ex_eval *ev, const struct val *args, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (args[i].kind != VAL_INT || !ex_is_num(args[i]))
                        return ex_fail(ev, "cannot use %s as argument (type int)",
                                       ex_val_type(args[i]));
        return true;
}

#define BITS(name, expression)                            \
        FN(name)                                          \
        {                                                 \
                if (!two_ints(ev, args, n))               \
                        return false;                     \
                int64_t x = args[0].i, y = args[n - 1].i; \
                (void)y;                                  \
                *out = val_int((int64_t)(expression));    \
                return true;                              \
        }
BITS(bitand, x &y)
BITS(bitor, x | y)
BITS(bitxor, x ^ y)
BITS(bitnand, x & ~y)
BITS(bitnot, ~x)

static bool shift(struct ex_eval *ev, const struct val *args, size_t n, int how, struct val *out)
{
        if (!two_ints(ev, args, n))
                return false;
        int64_t x = args[0].i, by = args[1].i;
        if (by < 0)
                return ex_fail(ev, "invalid operation: negative shift count");
        if (by > 63)
                *out = val_int(how == 'a' && x < 0 ? -1 : 0);
        else if (how == 'l')
                *out = val_int((int64_t)((uint64_t)x << by));
        else if (how == 'u' || x >= 0)
                *out = val_int((int64_t)((uint64_t)x >> by));
        else
                *out = val_int((int64_t) ~(~(uint64_t)x >> by));
        return true;
}

FN(bitshl)
{
        return shift(ev, args, n, 'l', out);
}

FN(bitshr)
{
        return shift(ev, args, n, 'a', out);
}

FN(bitushr)
{
        return shift(ev, args, n, 'u', out);
}
