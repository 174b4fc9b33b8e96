/* common/lang/jq/jq_math.c: see jq_priv.h: functions of numbers, with the edges of Go's math.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/jq/jq_priv.h"
#include <math.h>

static bool give(struct jv *out, struct jv v)
{
        *out = v;
        return true;
}

static double significand_(double d)
{
        int e;
        return frexp(d, &e) * 2;
}

static double exp10_(double d)
{
        return gonum_pow(10, d);
}

/* In Go's way, whose last digits differ from C's. */
static double log2_(double d)
{
        int e = 0;
        double part = frexp(d, &e);
        return part == 0.5 ? e - 1 : log(part) * M_LOG2E + e;
}

static double log10_(double d)
{
        return log2_(d) * 0.30102999566398119521; /* the logarithm of 2 */
}

static double gamma_(double d)
{
        return d == -INFINITY ? NAN : tgamma(d);
}

static double lgamma_(double d)
{
        int sign;
        return lgamma_r(d, &sign);
}

static double drem_(double a, double b)
{
        double x = remainder(a, b);
        return x == 0 ? copysign(x, a) : x;
}

static double fmax_(double a, double b)
{
        return isnan(a) ? b : isnan(b) ? a : a > b ? a : b;
}

static double fmin_(double a, double b)
{
        return isnan(a) ? b : isnan(b) ? a : a < b ? a : b;
}

static int to_int(double d)
{
        return isnan(d) ? 0 : d > 1e9 ? 1000000000 : d < -1e9 ? -1000000000 : (int)d;
}

static double ldexp_(double a, double b)
{
        return ldexp(a, to_int(b));
}

static double jn_(double a, double b)
{
        return jn(to_int(a > 1e4 ? 1e4 : a < -1e4 ? -1e4 : a), b);
}

static double yn_(double a, double b)
{
        return yn(to_int(a > 1e4 ? 1e4 : a < -1e4 ? -1e4 : a), b);
}

#define ONE(name, expression)                                                        \
        static bool fn_##name(struct jq_run *r, struct jv in, const struct jv *args, \
                              struct jv *out)                                        \
        {                                                                            \
                double x;                                                            \
                (void)args;                                                          \
                if (!jv_to_double(&r->mem, in, &x))                                  \
                        return jq_unfit0(r, #name, in);                              \
                return give(out, jv_float(expression));                              \
        }
#define TWO(name, expression)                                                        \
        static bool fn_##name(struct jq_run *r, struct jv in, const struct jv *args, \
                              struct jv *out)                                        \
        {                                                                            \
                double x, y;                                                         \
                (void)in;                                                            \
                for (int i = 0; i < 2; i++)                                          \
                        if (!jv_to_double(&r->mem, args[i], i ? &y : &x))            \
                                return jq_unfit0(r, #name, args[i]);                 \
                return give(out, jv_float(expression));                              \
        }
#include "common/lang/jq/jq_math.def"
#undef ONE
#undef TWO

static bool fn_fma(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double v[3];
        (void)in;
        for (int i = 0; i < 3; i++)
                if (!jv_to_double(&r->mem, args[i], &v[i]))
                        return jq_unfit0(r, "fma", args[i]);
        return give(out, jv_float(fma(v[0], v[1], v[2])));
}

static struct jv pair(struct jq_run *r, struct jv a, struct jv b)
{
        return jv_append(&r->mem, jv_append(&r->mem, jv_array_new(&r->mem, 2), a), b);
}

static bool fn_frexp(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x;
        int e = 0;
        (void)args;
        if (!jv_to_double(&r->mem, in, &x))
                return jq_unfit0(r, "frexp", in);
        double f = isfinite(x) ? frexp(x, &e) : x;
        return give(out, pair(r, jv_float(f), jv_int(e)));
}

static bool fn_modf(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x, whole;
        (void)args;
        if (!jv_to_double(&r->mem, in, &x))
                return jq_unfit0(r, "modf", in);
        double rest = isinf(x) ? copysign(0, x) : modf(x, &whole);
        return give(out, pair(r, jv_float(rest), jv_float(isinf(x) ? x : whole)));
}

static bool fn_infinite(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)r;
        (void)in;
        (void)args;
        return give(out, jv_float(INFINITY));
}

static bool fn_nan(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)r;
        (void)in;
        (void)args;
        return give(out, jv_float(NAN));
}

static bool fn_isfinite(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x;
        (void)args;
        return give(out, jv_bool(jv_to_double(&r->mem, in, &x) && !isinf(x)));
}

static bool fn_isinfinite(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x;
        (void)args;
        return give(out, jv_bool(jv_to_double(&r->mem, in, &x) && isinf(x)));
}

static bool fn_isnormal(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x;
        (void)args;
        return give(out, jv_bool(jv_to_double(&r->mem, in, &x) && isnormal(x)));
}

static bool fn_isnan(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double x;
        (void)args;
        if (jv_to_double(&r->mem, in, &x))
                return give(out, jv_bool(isnan(x)));
        return in.kind == JV_NULL ? give(out, jv_bool(false)) : jq_unfit0(r, "isnan", in);
}

#define ONE(name, expression) {#name, 0, fn_##name},
#define TWO(name, expression) {#name, 2, fn_##name},
const struct native jq_math_natives[] = {
#include "common/lang/jq/jq_math.def"
        {"fma", 3, fn_fma},
        {"frexp", 0, fn_frexp},
        {"modf", 0, fn_modf},
        {"infinite", 0, fn_infinite},
        {"nan", 0, fn_nan},
        {"isfinite", 0, fn_isfinite},
        {"isinfinite", 0, fn_isinfinite},
        {"isnormal", 0, fn_isnormal},
        {"isnan", 0, fn_isnan},
        {NULL, 0, NULL}};
