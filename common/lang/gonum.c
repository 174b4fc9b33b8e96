/* common/lang/gonum.c: see gonum.h.
 * Reading checks Go's grammar first and leaves the rounding to strtod, with a short cut for numbers
 * that are exact anyway (up to 15 digits, powers of ten up to 22: one multiplication rounds right).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

static bool same_word(struct str s, const char *word)
{
        return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool special_float(struct str s, double *out)
{
        struct str rest = s;
        double sign = 1;
        if (rest.n && (*rest.p == '+' || *rest.p == '-')) {
                sign = *rest.p == '-' ? -1 : 1;
                rest.p++;
                rest.n--;
        }
        if (same_word(rest, "inf") || same_word(rest, "infinity")) {
                *out = sign * INFINITY;
                return true;
        }
        if (same_word(s, "nan")) {
                *out = NAN;
                return true;
        }
        return false;
}

/* Underscores only between digits or after a base prefix. */
static bool underscores_ok(struct str s)
{
        char last = '^';
        size_t i = 0;
        if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
                i++;
        bool hex = false;
        if (s.n - i >= 2 && s.p[i] == '0' && strchr("bBoOxX", s.p[i + 1])) {
                hex = (s.p[i + 1] | 0x20) == 'x';
                i += 2;
                last = '0';
        }
        for (; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (isdigit(c) || (hex && isxdigit(c))) {
                        last = '0';
                } else if (c == '_') {
                        if (last != '0')
                                return false;
                        last = '_';
                } else {
                        if (last == '_')
                                return false;
                        last = '!';
                }
        }
        return last != '_';
}

struct float_scan {
        bool negative, hex, underscore, has_digits;
        uint64_t mantissa; /* of the first 19 digits */
        unsigned digits;   /* significant ones */
        int point_shift;   /* decimal exponent from the fraction */
        int exponent;
};

static size_t scan_mantissa(struct str s, size_t i, struct float_scan *f)
{
        bool dot = false;
        for (; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (c == '_') {
                        f->underscore = true;
                } else if (c == '.') {
                        if (dot)
                                break;
                        dot = true;
                } else if (isdigit(c) || (f->hex && isxdigit(c))) {
                        f->has_digits = true;
                        if (c != '0' || f->digits) {
                                f->digits++;
                                if (f->digits <= 19)
                                        f->mantissa = f->mantissa * 10 + (uint64_t)(c - '0');
                        }
                        if (dot)
                                f->point_shift--;
                } else {
                        break;
                }
        }
        return i;
}

/* Is the whole text a number by Go's grammar? */
static bool scan_float(struct str s, struct float_scan *f)
{
        size_t i = 0;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
                f->negative = s.p[i++] == '-';
        if (s.n - i > 2 && s.p[i] == '0' && (s.p[i + 1] | 0x20) == 'x') {
                f->hex = true;
                i += 2;
        }
        i = scan_mantissa(s, i, f);
        if (!f->has_digits)
                return false;
        if (i < s.n && (s.p[i] | 0x20) == (f->hex ? 'p' : 'e')) {
                i++;
                int sign = 1;
                if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
                        sign = s.p[i++] == '-' ? -1 : 1;
                if (i >= s.n || !isdigit((unsigned char)s.p[i]))
                        return false;
                for (; i < s.n && (isdigit((unsigned char)s.p[i]) || s.p[i] == '_'); i++) {
                        if (s.p[i] == '_')
                                f->underscore = true;
                        else if (f->exponent < 10000)
                                f->exponent = f->exponent * 10 + (s.p[i] - '0');
                }
                f->exponent *= sign;
        } else if (f->hex) {
                return false;
        }
        return i == s.n && (!f->underscore || underscores_ok(s));
}

static enum gonum_status slow_float(struct str s, double *out)
{
        char small[512], *text = small;
        if (s.n >= sizeof(small))
                text = mem_alloc(s.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] != '_')
                        text[n++] = s.p[i];
        text[n] = '\0';
        *out = strtod(text, NULL);
        if (text != small)
                mem_free(text);
        return isinf(*out) ? GONUM_RANGE : GONUM_OK;
}

enum gonum_status gonum_float(struct str s, double *out)
{
        static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        struct float_scan f = {0};
        *out = 0;
        if (!scan_float(s, &f))
                return special_float(s, out) ? GONUM_OK : GONUM_SYNTAX;
        int exponent = f.exponent + f.point_shift;
        if (!f.hex && f.digits <= 15 && exponent >= -22 && exponent <= 22) {
                double d = (double)f.mantissa;
                d = exponent < 0 ? d / ten[-exponent] : d * ten[exponent];
                *out = f.negative ? -d : d;
                return GONUM_OK;
        }
        return slow_float(s, out);
}

static unsigned digit_value(unsigned char c)
{
        if (isdigit(c))
                return c - '0';
        if (isalpha(c))
                return (unsigned)(c | 0x20) - 'a' + 10;
        return 99;
}

/* The digits without sign; *base 0 is decided by the prefix. */
static enum gonum_status magnitude(struct str s, unsigned base, uint64_t max, uint64_t *out)
{
        struct str whole = s;
        bool underscores = false, any_base = base == 0;
        *out = 0;
        if (any_base) {
                base = 10;
                if (s.n && s.p[0] == '0') {
                        char c = s.n >= 3 ? (char)(s.p[1] | 0x20) : 0;
                        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
                        size_t skip = c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
                        s.p += skip;
                        s.n -= skip;
                        if (s.n == 0)
                                return GONUM_OK; /* "0" */
                }
        }
        if (s.n == 0)
                return GONUM_SYNTAX;
        bool over = false;
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] == '_' && any_base) {
                        underscores = true;
                        continue;
                }
                unsigned d = digit_value((unsigned char)s.p[i]);
                if (d >= base)
                        return GONUM_SYNTAX;
                if (*out > (UINT64_MAX - d) / base)
                        over = true;
                *out = *out * base + d;
        }
        if (underscores && !underscores_ok(whole))
                return GONUM_SYNTAX;
        if (over || *out > max) {
                *out = max;
                return GONUM_RANGE;
        }
        return GONUM_OK;
}

enum gonum_status gonum_uint(struct str s, unsigned base, unsigned bits, uint64_t *out)
{
        return magnitude(s, base, bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1, out);
}

enum gonum_status gonum_int(struct str s, unsigned base, unsigned bits, int64_t *out)
{
        bool negative = s.n && s.p[0] == '-';
        if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
                s.p++;
                s.n--;
        }
        uint64_t limit = UINT64_C(1) << (bits - 1), value;
        enum gonum_status status = magnitude(s, base, negative ? limit : limit - 1, &value);
        *out = negative ? (int64_t)(0 - value) : (int64_t)value;
        return status;
}

bool gonum_bool(struct str s, bool *out)
{
        static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"},
                                 *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                if (str_eq(s, yes[i]) || str_eq(s, no[i])) {
                        *out = str_eq(s, yes[i]);
                        return true;
                }
        }
        return false;
}

int64_t gonum_f64_to_i64(double d)
{
        return d >= -0x1p63 && d < 0x1p63 ? (int64_t)d : INT64_MIN;
}

uint64_t gonum_f64_to_u64(double d)
{
        if (d < 0x1p63)
                return (uint64_t)gonum_f64_to_i64(d);
        return d < 0x1p64 ? (uint64_t)d : UINT64_C(1) << 63;
}

static bool odd(double y)
{
        double whole;
        return fabs(y) < 0x1p53 && modf(y, &whole) == 0 && ((int64_t)whole & 1);
}

/* Zeros, infinities, NaN and what needs no computing. False: compute. */
static bool special_power(double x, double y, double *out)
{
        if (y == 0 || x == 1)
                *out = 1;
        else if (y == 1)
                *out = x;
        else if (isnan(x) || isnan(y))
                *out = NAN;
        else if (x == 0)
                *out = y < 0 ? (signbit(x) && odd(y) ? -INFINITY : INFINITY) : (odd(y) ? x : 0);
        else if (isinf(y))
                *out = x == -1 ? 1 : (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
        else if (isinf(x) && x < 0)
                *out = gonum_pow(1 / x, -y);
        else if (isinf(x))
                *out = y < 0 ? 0 : INFINITY;
        else if (y == 0.5)
                *out = sqrt(x);
        else if (y == -0.5)
                *out = 1 / sqrt(x);
        else
                return false;
        return true;
}

/* The whole part of the exponent by repeated squaring of the mantissa, as Go does it: its last bits
 * differ from the C library's pow. */
double gonum_pow(double x, double y)
{
        double result, whole, part = modf(fabs(y), &whole), a = 1;
        if (special_power(x, y, &result))
                return result;
        if (part != 0 && x < 0)
                return NAN;
        if (whole >= 0x1p63)
                return x == -1 ? 1 : (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
        if (part != 0) {
                if (part > 0.5) {
                        part--;
                        whole++;
                }
                a = exp(part * log(x));
        }
        int exponent = 0, xe;
        double m = frexp(x, &xe);
        for (int64_t i = (int64_t)whole; i != 0; i >>= 1) {
                if (xe < -(1 << 12) || xe > 1 << 12) {
                        exponent += xe; /* out of any range */
                        break;
                }
                if (i & 1) {
                        a *= m;
                        exponent += xe;
                }
                m *= m;
                xe *= 2;
                if (m < 0.5) {
                        m += m;
                        xe--;
                }
        }
        if (y < 0) {
                a = 1 / a;
                exponent = -exponent;
        }
        return ldexp(a, exponent);
}
