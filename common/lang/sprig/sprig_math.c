/* common/lang/sprig/sprig_math.c: integers wrap around as in Go; the float functions compute in
 * exact decimals, so that addf 0.1 0.2 is 0.3. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include <math.h>
#include <openssl/bn.h>
#include <stdlib.h>

SPRIG_FN(fn_add)
{
        SPRIG_ARGS;
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
                sum += (uint64_t)sprig_to_int(args[i]);
        *out = sprig_int64((int64_t)sum);
        return true;
}

SPRIG_FN(fn_add1)
{
        SPRIG_ARGS;
        *out = sprig_int64((int64_t)((uint64_t)sprig_to_int(args[0]) + 1));
        return true;
}

SPRIG_FN(fn_sub)
{
        SPRIG_ARGS;
        *out = sprig_int64(
                (int64_t)((uint64_t)sprig_to_int(args[0]) - (uint64_t)sprig_to_int(args[1])));
        return true;
}

SPRIG_FN(fn_mul)
{
        SPRIG_ARGS;
        uint64_t product = (uint64_t)sprig_to_int(args[0]);
        for (size_t i = 1; i < n; i++)
                product *= (uint64_t)sprig_to_int(args[i]);
        *out = sprig_int64((int64_t)product);
        return true;
}

static bool divisible(struct go_env *env, int64_t by)
{
        return by ? true : go_fail(env, ERR_INVALID, "integer divide by zero");
}

SPRIG_FN(fn_div)
{
        SPRIG_ARGS;
        int64_t a = sprig_to_int(args[0]), b = sprig_to_int(args[1]);
        *out = val_nil();
        if (!divisible(env, b))
                return false;
        *out = sprig_int64(b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b);
        return true;
}

SPRIG_FN(fn_mod)
{
        SPRIG_ARGS;
        int64_t a = sprig_to_int(args[0]), b = sprig_to_int(args[1]);
        *out = val_nil();
        if (!divisible(env, b))
                return false;
        *out = sprig_int64(b == -1 ? 0 : a % b);
        return true;
}

SPRIG_FN(fn_max)
{
        SPRIG_ARGS;
        int64_t best = sprig_to_int(args[0]);
        for (size_t i = 1; i < n; i++)
                if (sprig_to_int(args[i]) > best)
                        best = sprig_to_int(args[i]);
        *out = sprig_int64(best);
        return true;
}

SPRIG_FN(fn_min)
{
        SPRIG_ARGS;
        int64_t best = sprig_to_int(args[0]);
        for (size_t i = 1; i < n; i++)
                if (sprig_to_int(args[i]) < best)
                        best = sprig_to_int(args[i]);
        *out = sprig_int64(best);
        return true;
}

/* math.Max: NaN wins, +0 is above -0. */
static double larger(double a, double b)
{
        if (isinf(a) && a > 0)
                return a;
        if (isinf(b) && b > 0)
                return b;
        if (isnan(a) || isnan(b))
                return NAN;
        if (a == 0 && b == 0)
                return signbit(a) ? b : a;
        return a > b ? a : b;
}

SPRIG_FN(fn_maxf)
{
        SPRIG_ARGS;
        double best = sprig_to_float(args[0]);
        for (size_t i = 1; i < n; i++)
                best = larger(best, sprig_to_float(args[i]));
        *out = val_float(best);
        return true;
}

SPRIG_FN(fn_minf)
{
        SPRIG_ARGS;
        double best = -sprig_to_float(args[0]);
        for (size_t i = 1; i < n; i++)
                best = larger(best, -sprig_to_float(args[i]));
        *out = val_float(-best);
        return true;
}

SPRIG_FN(fn_floor)
{
        SPRIG_ARGS;
        *out = val_float(floor(sprig_to_float(args[0])));
        return true;
}

SPRIG_FN(fn_ceil)
{
        SPRIG_ARGS;
        *out = val_float(ceil(sprig_to_float(args[0])));
        return true;
}

SPRIG_FN(fn_round)
{
        SPRIG_ARGS;
        double on = n > 2 ? args[2].f : 0.5, whole;
        double power = gonum_pow(10, (double)args[1].i), digit = power * sprig_to_float(args[0]);
        double rounded = modf(digit, &whole) >= on ? ceil(digit) : floor(digit);
        *out = val_float(rounded / power);
        return true;
}

/* ---- decimals: value * 10^exp ---- */

struct decimal {
        BIGNUM *value;
        int exp;
};
enum { DECIMAL_BITS = 60000, DIVISION_DIGITS = 16 };

static bool decimal_power(BIGNUM *out, int n, BN_CTX *ctx)
{
        BIGNUM *ten = BN_new(), *e = BN_new();
        bool ok = ten && e && BN_set_word(ten, 10) && BN_set_word(e, (BN_ULONG)n) &&
                  BN_exp(out, ten, e, ctx);
        BN_free(ten);
        BN_free(e);
        return ok;
}

/* a *= 10^n */
static bool decimal_shift(struct decimal *a, int n, BN_CTX *ctx)
{
        BIGNUM *p = BN_new();
        bool ok = p && n <= 20000 && decimal_power(p, n, ctx) && BN_mul(a->value, a->value, p, ctx);
        a->exp -= n;
        BN_free(p);
        return ok;
}

static bool decimal_from(struct go_env *env, double d, struct decimal *out)
{
        char digits[20], text[24];
        int exp;
        if (!isfinite(d))
                return go_fail(env, ERR_INVALID, "Cannot create a Decimal from an infinity or NaN");
        gonum_digits(d, digits, &exp);
        snprintf(text, sizeof(text), "%s%s", d < 0 ? "-" : "", digits);
        out->exp = exp - (int)strlen(digits);
        out->value = NULL;
        return BN_dec2bn(&out->value, text) > 0 || go_fail(env, ERR_INTERNAL, "decimal");
}

/* Rounds the 16th digit behind the point half away from zero. */
static bool decimal_divide(struct go_env *env, struct decimal *a, struct decimal *b, BN_CTX *ctx)
{
        if (BN_is_zero(b->value))
                return go_fail(env, ERR_INVALID, "decimal division by 0");
        BIGNUM *q = BN_new(), *r = BN_new();
        int scale = a->exp - b->exp + DIVISION_DIGITS;
        bool ok = q && r &&
                  (scale >= 0 ? decimal_shift(a, scale, ctx) : decimal_shift(b, -scale, ctx)) &&
                  BN_div(q, r, a->value, b->value, ctx) && BN_lshift1(r, r);
        if (ok && BN_ucmp(r, b->value) >= 0)
                ok = BN_is_negative(a->value) != BN_is_negative(b->value) ? BN_sub_word(q, 1)
                                                                          : BN_add_word(q, 1);
        BN_free(a->value);
        BN_free(r);
        a->value = q;
        a->exp = -DIVISION_DIGITS;
        return ok;
}

static bool decimal_apply(struct go_env *env, char op, struct decimal *a, struct decimal *b,
                          BN_CTX *ctx)
{
        bool ok = true;
        if (op == '*') {
                ok = BN_mul(a->value, a->value, b->value, ctx);
                a->exp += b->exp;
        } else if (op == '/') {
                ok = decimal_divide(env, a, b, ctx);
        } else {
                if (a->exp > b->exp)
                        ok = decimal_shift(a, a->exp - b->exp, ctx);
                else if (b->exp > a->exp)
                        ok = decimal_shift(b, b->exp - a->exp, ctx);
                ok = ok && (op == '+' ? BN_add(a->value, a->value, b->value)
                                      : BN_sub(a->value, a->value, b->value));
        }
        if (ok && BN_num_bits(a->value) > DECIMAL_BITS)
                return go_fail(env, ERR_LIMIT, "the number has too many digits");
        return ok || go_fail(env, ERR_INTERNAL, "decimal arithmetic failed");
}

static bool decimal_to(struct go_env *env, const struct decimal *a, struct val *out)
{
        char *digits = BN_bn2dec(a->value);
        if (!digits)
                return go_fail(env, ERR_INTERNAL, "decimal");
        char *text = mem_printf("%se%d", digits, a->exp);
        *out = val_float(strtod(text, NULL));
        mem_free(text);
        OPENSSL_free(digits);
        return true;
}

static bool decimals(struct go_env *env, char op, double first, const struct val *args, size_t n,
                     struct val *out)
{
        BN_CTX *ctx = BN_CTX_new();
        struct decimal a = {0}, b = {0};
        bool ok = ctx && decimal_from(env, first, &a);
        for (size_t i = 0; i < n && ok; i++) {
                ok = go_step(env, 20) && decimal_from(env, sprig_to_float(args[i]), &b) &&
                     decimal_apply(env, op, &a, &b, ctx);
                BN_free(b.value);
                b.value = NULL;
        }
        ok = ok && decimal_to(env, &a, out);
        BN_free(a.value);
        BN_CTX_free(ctx);
        return ok;
}

SPRIG_FN(fn_addf)
{
        SPRIG_ARGS;
        return decimals(env, '+', 0, args, n, out);
}

SPRIG_FN(fn_add1f)
{
        SPRIG_ARGS;
        return decimals(env, '+', 1, args, n, out);
}

SPRIG_FN(fn_subf)
{
        SPRIG_ARGS;
        return decimals(env, '-', sprig_to_float(args[0]), args + 1, n - 1, out);
}

SPRIG_FN(fn_mulf)
{
        SPRIG_ARGS;
        return decimals(env, '*', sprig_to_float(args[0]), args + 1, n - 1, out);
}

SPRIG_FN(fn_divf)
{
        SPRIG_ARGS;
        return decimals(env, '/', sprig_to_float(args[0]), args + 1, n - 1, out);
}
