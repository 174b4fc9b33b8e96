/* common/lang/jq/jq_number.c: see jq_value.h: int64 while it fits, decimal text of any length (by
 * OpenSSL's BIGNUM) beyond, doubles as soon as one side is one. SPDX-License-Identifier: Apache-2.0
 */
#include "common/lang/gonum.h"
#include "common/lang/jq/jq_value.h"
#include <math.h>
#include <openssl/bn.h>

enum { MAX_DIGITS = 20000 };

/* An error leaves by longjmp: while a BIGNUM is held nothing here allocates in the run. */
static char *digits_of(struct jv_mem *m, struct jv v)
{
        char *text = jv_alloc(m, v.kind == JV_INT ? 40 : v.s.n + 1);
        if (v.kind == JV_INT) {
                snprintf(text, 40, "%lld", (long long)v.i);
        } else {
                memcpy(text, v.s.p, v.s.n);
                text[v.s.n] = '\0';
        }
        return text;
}

static BIGNUM *big_of(const char *digits)
{
        BIGNUM *b = NULL;
        BN_dec2bn(&b, digits);
        return b;
}

static struct jv of_digits(struct str s)
{
        int64_t i;
        if (gonum_int(s, 10, 64, &i) == GONUM_OK)
                return jv_int(i);
        return (struct jv){.kind = JV_BIG, .s = s};
}

/* Takes b; `room` holds its digits. */
static struct jv of_big(BIGNUM *b, char *room)
{
        char *text = BN_bn2dec(b);
        struct str s = {room, text ? strlen(text) : 0};
        memcpy(room, text ? text : "", s.n);
        OPENSSL_free(text);
        BN_free(b);
        return of_digits(s);
}

struct jv jv_number(struct jv_mem *m, struct str t)
{
        int64_t i;
        double d;
        bool negative = t.n && t.p[0] == '-', fraction = false;
        for (size_t k = 0; k < t.n; k++)
                fraction |= t.p[k] == '.' || t.p[k] == 'e' || t.p[k] == 'E';
        if (!fraction && gonum_int(t, 10, 64, &i) == GONUM_OK)
                return jv_int(i);
        if (fraction)
                return gonum_float(t, &d) == GONUM_OK ? jv_float(d)
                                                      : jv_float(negative ? -INFINITY : INFINITY);
        if (t.n > MAX_DIGITS)
                return jv_float(negative ? -INFINITY : INFINITY);
        char *digits = digits_of(m, (struct jv){.kind = JV_BIG, .s = t});
        char *room = jv_alloc(m, t.n + 2);
        jv_charge(m, t.n);
        return of_big(big_of(digits), room);
}

struct jv jv_plain(struct jv_mem *m, struct jv v)
{
        return v.kind == JV_TEXT ? jv_number(m, v.s) : v;
}

bool jv_to_double(struct jv_mem *m, struct jv v, double *out)
{
        switch (v.kind) {
        case JV_INT: *out = (double)v.i; return true;
        case JV_FLOAT: *out = v.f; return true;
        case JV_BIG:
        case JV_TEXT:
                jv_charge(m, v.s.n / 64);
                if (gonum_float(v.s, out) == GONUM_OK)
                        return true;
                *out = v.s.p[0] == '-' ? -INFINITY : INFINITY;
                return v.kind == JV_BIG;
        default: return false;
        }
}

static int64_t clamp(double d)
{
        if (d >= -9223372036854775808.0 && d < 9223372036854775808.0)
                return (int64_t)d;
        return d > 0 ? INT64_MAX : INT64_MIN;
}

bool jv_to_int(struct jv_mem *m, struct jv v, int64_t *out)
{
        v = jv_plain(m, v);
        switch (v.kind) {
        case JV_INT: *out = v.i; return true;
        case JV_FLOAT: *out = clamp(v.f); return true;
        case JV_BIG: *out = v.s.p[0] == '-' ? INT64_MIN : INT64_MAX; return true;
        default: return false;
        }
}

struct jv jv_negate(struct jv_mem *m, struct jv v)
{
        if (v.kind == JV_INT && v.i != INT64_MIN)
                return jv_int(-v.i);
        if (v.kind == JV_FLOAT)
                return jv_float(-v.f);
        if (v.kind == JV_TEXT) {
                if (v.s.p[0] == '-')
                        return (struct jv){.kind = JV_TEXT, .s = {v.s.p + 1, v.s.n - 1}};
                char *p = jv_alloc(m, v.s.n + 2);
                p[0] = '-';
                memcpy(p + 1, v.s.p, v.s.n);
                return (struct jv){.kind = JV_TEXT, .s = {p, v.s.n + 1}};
        }
        char *digits = digits_of(m, v), *room = jv_alloc(m, strlen(digits) + 3);
        BIGNUM *b = big_of(digits);
        BN_set_negative(b, !BN_is_negative(b));
        return of_big(b, room);
}

struct jv jv_abs(struct jv_mem *m, struct jv v)
{
        if (v.kind == JV_FLOAT)
                return jv_float(fabs(v.f));
        bool negative = v.kind == JV_INT ? v.i < 0 : v.s.p[0] == '-';
        return negative ? jv_negate(m, v) : v;
}

static BIGNUM *big_result(enum jv_op op, const BIGNUM *x, const BIGNUM *y, bool *exact)
{
        BIGNUM *r = BN_new(), *rest = BN_new();
        BN_CTX *ctx = BN_CTX_new();
        switch (op) {
        case JV_ADD: BN_add(r, x, y); break;
        case JV_SUB: BN_sub(r, x, y); break;
        case JV_MUL: BN_mul(r, x, y, ctx); break;
        case JV_DIV: BN_div(r, rest, x, y, ctx); break;
        case JV_MOD: BN_div(NULL, r, x, y, ctx); break;
        }
        *exact = BN_is_zero(rest);
        BN_free(rest);
        BN_CTX_free(ctx);
        return r;
}

static bool big_arith(struct jv_mem *m, enum jv_op op, struct jv a, struct jv b, struct jv *out)
{
        double p, q;
        bool exact, huge = (a.kind == JV_BIG && a.s.n > MAX_DIGITS) ||
                           (b.kind == JV_BIG && b.s.n > MAX_DIGITS);
        (void)jv_to_double(m, a, &p);
        (void)jv_to_double(m, b, &q);
        if (huge)
                return jv_arith(m, op, jv_float(p), jv_float(q), out);
        char *x_text = digits_of(m, a), *y_text = digits_of(m, b);
        size_t n = strlen(x_text) + strlen(y_text);
        char *room = jv_alloc(m, n + 4);
        jv_charge(m, 2 * n);
        BIGNUM *x = big_of(x_text), *y = big_of(y_text);
        BIGNUM *r = big_result(op, x, y, &exact);
        BN_free(x);
        BN_free(y);
        *out = of_big(r, room);
        if (op == JV_DIV && !exact)
                *out = jv_float(p / q);
        return true;
}

static bool int_arith(struct jv_mem *m, enum jv_op op, int64_t a, int64_t b, struct jv *out)
{
        int64_t r = 0;
        bool over = false;
        if (op >= JV_DIV && b == 0)
                return false;
        switch (op) {
        case JV_ADD: over = __builtin_add_overflow(a, b, &r); break;
        case JV_SUB: over = __builtin_sub_overflow(a, b, &r); break;
        case JV_MUL: over = __builtin_mul_overflow(a, b, &r); break;
        case JV_DIV:
                if (b == -1)
                        return *out = jv_negate(m, jv_int(a)), true;
                if (a % b != 0)
                        return *out = jv_float((double)a / (double)b), true;
                r = a / b;
                break;
        case JV_MOD: r = b == -1 ? 0 : a % b; break;
        }
        if (over)
                return big_arith(m, op, jv_int(a), jv_int(b), out);
        *out = jv_int(r);
        return true;
}

static bool float_arith(enum jv_op op, double a, double b, struct jv *out)
{
        switch (op) {
        case JV_ADD: *out = jv_float(a + b); return true;
        case JV_SUB: *out = jv_float(a - b); return true;
        case JV_MUL: *out = jv_float(a * b); return true;
        case JV_DIV: *out = jv_float(b != 0 ? a / b : 0); return b != 0;
        case JV_MOD: break;
        }
        if (isnan(a) || isnan(b))
                return *out = jv_float(NAN), true;
        int64_t d = clamp(b);
        if (d == 0)
                return false;
        *out = jv_int(d == -1 ? 0 : clamp(a) % d);
        return true;
}

bool jv_arith(struct jv_mem *m, enum jv_op op, struct jv a, struct jv b, struct jv *out)
{
        double x, y;
        a = jv_plain(m, a);
        b = jv_plain(m, b);
        if (a.kind == JV_INT && b.kind == JV_INT)
                return int_arith(m, op, a.i, b.i, out);
        if (a.kind != JV_FLOAT && b.kind != JV_FLOAT) {
                if (op >= JV_DIV && b.kind == JV_INT && b.i == 0)
                        return false;
                return big_arith(m, op, a, b, out);
        }
        (void)jv_to_double(m, a, &x);
        (void)jv_to_double(m, b, &y);
        return float_arith(op, x, y, out);
}

int jv_number_order(struct jv_mem *m, struct jv a, struct jv b)
{
        double x, y;
        a = jv_plain(m, a);
        b = jv_plain(m, b);
        if (a.kind == JV_INT && b.kind == JV_INT)
                return (a.i > b.i) - (a.i < b.i);
        if (a.kind != JV_FLOAT && b.kind != JV_FLOAT) {
                char *p_text = digits_of(m, a), *q_text = digits_of(m, b);
                BIGNUM *p = big_of(p_text), *q = big_of(q_text);
                int c = BN_cmp(p, q);
                BN_free(p);
                BN_free(q);
                return (c > 0) - (c < 0);
        }
        (void)jv_to_double(m, a, &x);
        (void)jv_to_double(m, b, &y);
        return x < y || isnan(x) ? -1 : x == y ? 0 : 1;
}
