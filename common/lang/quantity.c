/* common/lang/quantity.c: see quantity.h. Decimal digits are kept as they are written, so nothing
 * is lost; binary suffixes multiply them by doubling. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/quantity.h"
#include "common/lang/gonum.h"
#include <stdio.h>
#include <string.h>

struct parts {
        struct str whole, fraction, suffix;
        bool negative, digits; /* any digit at all, before leading zeros went */
};

static size_t digits_at(struct str s, size_t i)
{
        size_t n = 0;
        while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
                n++;
        return n;
}

/* Loose on purpose: "", "+" and "." are zero, "1." is one, as in Kubernetes. */
static bool split(struct str s, struct parts *p)
{
        size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
        p->negative = s.n && s.p[0] == '-';
        size_t start = i;
        while (i < s.n && s.p[i] == '0')
                i++;
        p->whole = (struct str){s.p + i, digits_at(s, i)};
        i += p->whole.n;
        p->fraction = (struct str){s.p + i, 0};
        if (i < s.n && s.p[i] == '.') {
                p->fraction = (struct str){s.p + i + 1, digits_at(s, i + 1)};
                i += 1 + p->fraction.n;
        }
        p->digits = i > start && (p->whole.n || p->fraction.n || s.p[start] == '0');
        p->suffix = (struct str){s.p + i, s.n - i};
        while (i < s.n && memchr("eEinumkKMGTP", s.p[i], 12))
                i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
                i++;
        return i + digits_at(s, i) == s.n;
}

static const struct {
        const char *text;
        int exponent; /* of ten, or of two */
        enum quantity_format format;
} suffixes[] = {
        {"", 0, QUANTITY_DECIMAL},   {"n", -9, QUANTITY_DECIMAL}, {"u", -6, QUANTITY_DECIMAL},
        {"m", -3, QUANTITY_DECIMAL}, {"k", 3, QUANTITY_DECIMAL},  {"M", 6, QUANTITY_DECIMAL},
        {"G", 9, QUANTITY_DECIMAL},  {"T", 12, QUANTITY_DECIMAL}, {"P", 15, QUANTITY_DECIMAL},
        {"E", 18, QUANTITY_DECIMAL}, {"Ki", 10, QUANTITY_BINARY}, {"Mi", 20, QUANTITY_BINARY},
        {"Gi", 30, QUANTITY_BINARY}, {"Ti", 40, QUANTITY_BINARY}, {"Pi", 50, QUANTITY_BINARY},
        {"Ei", 60, QUANTITY_BINARY},
};

static bool read_suffix(struct str s, int64_t *exponent, enum quantity_format *format)
{
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                if (str_eq(s, suffixes[i].text)) {
                        *exponent = suffixes[i].exponent;
                        *format = suffixes[i].format;
                        return true;
                }
        }
        *format = QUANTITY_EXPONENT;
        return s.n > 1 && (s.p[0] == 'e' || s.p[0] == 'E') &&
               gonum_int((struct str){s.p + 1, s.n - 1}, 10, 32, exponent) == GONUM_OK;
}

/* ---- digits ---- */

/* No zeros on either side; then exp tells the size. */
static void trim(struct quantity *q)
{
        size_t zeros = 0;
        while (q->n && !q->digits[q->n - 1])
                q->n--;
        while (zeros < q->n && !q->digits[zeros])
                zeros++;
        memmove(q->digits, q->digits + zeros, q->n - zeros);
        q->n = (uint8_t)(q->n - zeros);
        q->exp = q->n ? q->exp - (int32_t)zeros : 0;
}

static void twice(struct quantity *q)
{
        unsigned carry = 0;
        for (size_t i = q->n; i-- > 0;) {
                unsigned d = q->digits[i] * 2u + carry;
                q->digits[i] = (uint8_t)(d % 10);
                carry = d / 10;
        }
        if (carry) {
                memmove(q->digits + 1, q->digits, q->n);
                q->digits[0] = 1;
                q->n++;
                q->exp++;
        }
}

/* Away from zero to a multiple of 10^-places. False: something was lost. */
static bool round_up(struct quantity *q, int places)
{
        int64_t keep = (int64_t)q->exp + places; /* digits that stay */
        if (keep >= q->n)
                return true;
        if (keep <= 0) {
                q->digits[0] = 1;
                q->n = 1;
                q->exp = 1 - places;
                return false;
        }
        q->n = (uint8_t)keep;
        while (q->n && ++q->digits[q->n - 1] == 10)
                q->n--;
        if (!q->n) {
                q->digits[0] = 1;
                q->n = 1;
                q->exp++;
        }
        trim(q);
        return false;
}

static void set_int64_max(struct quantity *q)
{
        static const char max[] = "9223372036854775807";
        for (size_t i = 0; i < sizeof(max) - 1; i++)
                q->digits[i] = (uint8_t)(max[i] - '0');
        q->n = q->exp = sizeof(max) - 1;
}

static int compare_sizes(const struct quantity *a, const struct quantity *b)
{
        if (!a->n || !b->n)
                return (a->n > 0) - (b->n > 0);
        if (a->exp != b->exp)
                return a->exp > b->exp ? 1 : -1;
        int c = memcmp(a->digits, b->digits, a->n < b->n ? a->n : b->n);
        return c ? c : (a->n > b->n) - (a->n < b->n);
}

static void add_digits(struct quantity *q, struct str s)
{
        for (size_t i = 0; i < s.n; i++)
                q->digits[q->n++] = (uint8_t)(s.p[i] - '0');
}

/* ---- reading ---- */

/* Kubernetes computes with plain inputs as int64, others as big decimals. */
static bool is_plain(const struct parts *p, enum quantity_format format, int64_t exponent)
{
        size_t n = p->whole.n ? p->whole.n : 1; /* none is read as one zero */
        if (format == QUANTITY_BINARY)
                return !p->fraction.n && 14 - (int)n - (int)(exponent * 3 / 10) >= 0;
        return n + p->fraction.n <= 18 && exponent - (int64_t)p->fraction.n >= -9;
}

/* It keeps the text of most plain inputs and prints it again. */
static bool keeps_text(const struct parts *p, enum quantity_format format, int64_t exponent)
{
        size_t n = p->whole.n, all = n + p->fraction.n;
        if (!n || !is_plain(p, format, exponent))
                return false;
        if (format == QUANTITY_BINARY) { /* not a multiple of eight */
                int low = 0;
                for (size_t i = n > 3 ? n - 3 : 0; i < n; i++)
                        low = low * 10 + (p->whole.p[i] - '0');
                return low % 8;
        }
        if ((exponent - (int64_t)p->fraction.n) % 3)
                return false;
        int zeros = 0;
        for (size_t i = 0; i < 3 && i < all; i++)
                zeros += (i < p->fraction.n ? p->fraction.p[p->fraction.n - 1 - i]
                                            : p->whole.p[n - 1 - (i - p->fraction.n)]) == '0';
        return zeros < 3;
}

static int fail(struct err *e, struct str text, const char *why)
{
        return err_set(e, ERR_INVALID, "quantity \"%.*s\": %s", (int)text.n, text.p, why);
}

static void scale_binary(struct quantity *q, int64_t exponent)
{
        struct quantity max, one = {.n = 1, .exp = 1, .digits = {1}};
        for (int64_t i = 0; i < exponent; i++)
                twice(q);
        trim(q);
        if (q->n)
                round_up(q, 9);
        set_int64_max(&max);
        if (compare_sizes(q, &max) > 0)
                set_int64_max(q);
        if (compare_sizes(q, &one) < 0)
                q->format = QUANTITY_DECIMAL;
}

int quantity_parse(struct quantity *out, struct str text, struct err *e)
{
        struct parts p;
        struct quantity q = {0};
        int64_t exponent = 0;
        if (text.n > QUANTITY_TEXT)
                return err_set(e, ERR_INVALID, "quantity: longer than %d characters",
                               QUANTITY_TEXT);
        if (!text.n || !split(text, &p))
                return fail(e, text, "expected a number and a unit such as m, k, Mi, Gi or e3");
        if (!read_suffix(p.suffix, &exponent, &q.format))
                return fail(e, text,
                            "unknown unit (known: n u m k M G T P E Ki Mi Gi Ti Pi Ei e3)");
        if (!p.digits && !is_plain(&p, q.format, exponent))
                return fail(e, text, "a unit without a number");
        q.negative = p.negative;
        q.exact = !is_plain(&p, q.format, exponent);
        q.as_written = keeps_text(&p, q.format, exponent);
        q.text_n = (uint8_t)text.n;
        memcpy(q.text, text.p, text.n);
        add_digits(&q, p.whole);
        add_digits(&q, p.fraction);
        int64_t size = (int64_t)p.whole.n + (q.format == QUANTITY_BINARY ? 0 : exponent);
        q.exp = (int32_t)(size > INT32_MAX / 2   ? INT32_MAX / 2
                          : size < INT32_MIN / 2 ? INT32_MIN / 2
                                                 : size);
        trim(&q);
        if (q.format == QUANTITY_BINARY)
                scale_binary(&q, exponent);
        else if (q.n)
                round_up(&q, 9);
        *out = q;
        return 0;
}

/* ---- printing ---- */

static void put_number(const struct quantity *q, int32_t zeros, struct buf *out)
{
        if (q->negative)
                buf_addc(out, '-');
        for (size_t i = 0; i < q->n; i++)
                buf_addc(out, (char)('0' + q->digits[i]));
        for (int32_t i = 0; i < zeros; i++)
                buf_addc(out, '0');
}

/* The largest power of 1000 that divides it stands behind the digits. */
static void put_decimal(const struct quantity *q, bool exponent_form, struct buf *out)
{
        int32_t exponent = q->exp - q->n, zeros = ((exponent % 3) + 3) % 3;
        put_number(q, zeros, out);
        exponent -= zeros;
        if (exponent_form && exponent)
                buf_addf(out, "e%d", exponent);
        for (size_t i = 0; !exponent_form && i < ARRAY_LEN(suffixes); i++)
                if (suffixes[i].format == QUANTITY_DECIMAL && suffixes[i].exponent == exponent)
                        buf_adds(out, suffixes[i].text);
}

/* At most 9223372036854775807 and whole. */
static uint64_t whole(const struct quantity *q)
{
        uint64_t v = 0;
        for (int32_t i = 0; i < q->exp; i++)
                v = v * 10 + (i < q->n ? q->digits[i] : 0);
        return v;
}

static void put_binary(const struct quantity *q, struct buf *out)
{
        static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
        uint64_t v = whole(q);
        size_t unit = 0;
        for (; v % 1024 == 0; v /= 1024)
                unit++;
        buf_addf(out, "%s%llu%s", q->negative ? "-" : "", (unsigned long long)v, units[unit]);
}

void quantity_put(const struct quantity *q, struct buf *out)
{
        static const struct quantity limit = {.n = 4, .exp = 4, .digits = {1, 0, 2, 4}};
        if (q->as_written)
                buf_add(out, q->text, q->text_n);
        else if (!q->n)
                buf_addc(out, '0');
        else if (q->format == QUANTITY_BINARY && q->exp >= q->n && compare_sizes(q, &limit) >= 0)
                put_binary(q, out);
        else
                put_decimal(q, q->format == QUANTITY_EXPONENT, out);
}

/* ---- numbers ---- */

static int64_t scaled(const struct quantity *q, int places)
{
        struct quantity r = *q, max;
        if (!q->n)
                return 0;
        r.exp += places;
        bool lost = !round_up(&r, 0);
        set_int64_max(&max);
        if (compare_sizes(&r, &max) > 0)
                return q->negative ? INT64_MIN : INT64_MAX;
        if (lost && q->negative && q->exact)
                return 2 - (int64_t)whole(&r);
        return q->negative ? -(int64_t)whole(&r) : (int64_t)whole(&r);
}

int64_t quantity_value(const struct quantity *q)
{
        return scaled(q, 0);
}

int64_t quantity_milli(const struct quantity *q)
{
        return scaled(q, 3);
}

double quantity_double(const struct quantity *q)
{
        char text[QUANTITY_TEXT + 64];
        size_t n = 0;
        double d = 0;
        text[n++] = q->negative ? '-' : '+';
        text[n++] = '.';
        for (size_t i = 0; i < q->n; i++)
                text[n++] = (char)('0' + q->digits[i]);
        text[n++] = '0';
        n += (size_t)snprintf(text + n, sizeof(text) - n, "e%d", q->exp);
        (void)gonum_float((struct str){text, n}, &d);
        return d;
}

int quantity_compare(const struct quantity *a, const struct quantity *b)
{
        bool minus = a->negative && a->n;
        if (minus != (b->negative && b->n))
                return minus ? -1 : 1;
        return minus ? -compare_sizes(a, b) : compare_sizes(a, b);
}
