/* common/lang/gofmt/gofmt_pieces.c: numbers and texts under width, precision and flags, as Go's fmt
 * prints them. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt/gofmt_priv.h"
#include "common/lang/gonum.h"
#include "common/lang/unicode/unicode.h"
#include <math.h>
#include <stdlib.h>

static size_t count_runes(struct str s)
{
        size_t n = 0;
        for (size_t i = 0; i < s.n; n++) {
                uint32_t cp;
                i += utf8_decode(s.p + i, s.n - i, &cp);
        }
        return n;
}

static void put_padding(struct gofmt *f, long n, bool zeros)
{
        char *at = n > 0 ? abuf_reserve(f->b, (size_t)n) : NULL;
        if (at) {
                memset(at, zeros && f->zero && !f->minus ? '0' : ' ', (size_t)n);
                f->b->n += (size_t)n;
        }
}

static void pad(struct gofmt *f, struct str s, bool zeros)
{
        long n = f->has_width ? f->width - (long)count_runes(s) : 0;
        if (!f->minus)
                put_padding(f, n, zeros);
        abuf_add(f->b, s);
        if (f->minus)
                put_padding(f, n, zeros);
}

void gofmt_pad(struct gofmt *f, struct str s)
{
        pad(f, s, true);
}

/* ---- integers ---- */

static char *digits_backwards(char *p, uint64_t u, unsigned base, bool upper)
{
        const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
        do
                *--p = digits[u % base];
        while (u /= base);
        return p;
}

void gofmt_integer(struct gofmt *f, uint64_t u, unsigned base, bool is_signed, char verb,
                   bool upper)
{
        bool negative = is_signed && (int64_t)u < 0;
        char text[80], *end = text + sizeof(text), prefix[4];
        size_t np = 0, least = 0;
        if (negative)
                u = 0 - u;
        if (f->has_precision) {
                least = (size_t)f->precision;
                if (least == 0 && u == 0) {
                        put_padding(f, f->width, false);
                        return;
                }
        } else if (f->zero && !f->minus && f->has_width) {
                least = (size_t)f->width;
                if (least && (negative || f->plus || f->space))
                        least--;
        }
        char *p = digits_backwards(end, u, base, upper);
        size_t n = (size_t)(end - p), zeros = least > n ? least - n : 0;
        if (negative || f->plus || f->space)
                prefix[np++] = negative ? '-' : f->plus ? '+' : ' ';
        if (f->sharp && base == 8 && *p != '0' && !zeros)
                prefix[np++] = '0';
        if ((f->sharp && base != 8 && base != 10) || verb == 'O') {
                prefix[np++] = '0';
                prefix[np++] = verb == 'O' ? 'o' : base == 2 ? 'b' : upper ? 'X' : 'x';
        }
        struct abuf whole = abuf_in(f->b->arena);
        abuf_add(&whole, (struct str){prefix, np});
        char *at = zeros ? abuf_reserve(&whole, zeros) : NULL;
        if (at) {
                memset(at, '0', zeros);
                whole.n += zeros;
        }
        abuf_add(&whole, (struct str){p, n});
        f->b->failed |= whole.failed;
        pad(f, abuf_str(&whole), false);
}

static uint32_t as_rune(uint64_t c)
{
        return c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? 0xFFFD : (uint32_t)c;
}

void gofmt_char(struct gofmt *f, uint64_t c)
{
        char utf8[4];
        gofmt_pad(f, (struct str){utf8, utf8_encode(as_rune(c), utf8)});
}

void gofmt_quoted_char(struct gofmt *f, uint64_t c)
{
        struct abuf q = abuf_in(f->b->arena);
        gofmt_quote_rune(&q, as_rune(c), f->plus);
        gofmt_pad(f, abuf_str(&q));
}

void gofmt_unicode(struct gofmt *f, uint64_t u)
{
        char text[400];
        int digits = f->has_precision && f->precision > 4 ? f->precision : 4;
        if (digits > 300)
                digits = 300;
        int n = snprintf(text, sizeof(text), "U+%0*llX", digits, (unsigned long long)u);
        if (f->sharp && u <= 0x10FFFF && uni_is_print((uint32_t)u)) {
                text[n++] = ' ';
                text[n++] = '\'';
                n += (int)utf8_encode((uint32_t)u, text + n);
                text[n++] = '\'';
        }
        pad(f, (struct str){text, (size_t)n}, false);
}

/* ---- floats ---- */

enum { FLOAT_PRECISION_MAX = 1000 };

/* Exponents of %x have two digits at least. */
static size_t hex_float(char *out, size_t max, double d, char verb, int precision)
{
        char text[1200];
        if (precision < 0)
                snprintf(text, sizeof(text), verb == 'X' ? "%A" : "%a", d);
        else
                snprintf(text, sizeof(text), verb == 'X' ? "%.*A" : "%.*a", precision, d);
        char *p = strpbrk(text, "pP");
        if (!p)
                return (size_t)snprintf(out, max, "%s", text);
        return (size_t)snprintf(out, max, "%.*s%c%c%02d", (int)(p - text), text, *p, p[1],
                                atoi(p + 2));
}

static size_t binary_float(char *out, size_t max, double d)
{
        int exp;
        double m = frexp(d, &exp);
        long long mantissa = (long long)ldexp(m, 53);
        return (size_t)snprintf(out, max, "%lldp%+d", mantissa, exp - 53);
}

/* strconv.AppendFloat into out (1500 bytes). */
static size_t float_text(char *out, double d, char verb, int precision)
{
        if (!isfinite(d))
                return gonum_format(out, d, 'g');
        if (verb == 'x' || verb == 'X')
                return hex_float(out, 1500, d, verb, precision);
        if (verb == 'b')
                return binary_float(out, 1500, d);
        if (precision < 0)
                return gonum_format(out, d, verb);
        switch (verb) {
        case 'e': return (size_t)snprintf(out, 1500, "%.*e", precision, d);
        case 'E': return (size_t)snprintf(out, 1500, "%.*E", precision, d);
        case 'f': return (size_t)snprintf(out, 1500, "%.*f", precision, d);
        case 'G': return (size_t)snprintf(out, 1500, "%.*G", precision ? precision : 1, d);
        default: return (size_t)snprintf(out, 1500, "%.*g", precision ? precision : 1, d);
        }
}

/* '#': a decimal point always, and the digits that %g drops. num has its sign in front. */
static void sharp_float(struct abuf *out, struct str num, char verb, int precision)
{
        int digits =
                verb == 'g' || verb == 'G' || verb == 'x' ? (precision < 0 ? 6 : precision) : 0;
        bool point = false, nonzero = false;
        size_t tail = num.n;
        for (size_t i = 1; i < num.n; i++) {
                char c = num.p[i];
                bool hex = verb == 'x' || verb == 'X';
                if (c == '.') {
                        point = true;
                } else if (c == 'p' || c == 'P' || (!hex && (c == 'e' || c == 'E'))) {
                        tail = i;
                        break;
                } else {
                        nonzero |= c != '0';
                        digits -= nonzero;
                }
        }
        abuf_add(out, (struct str){num.p, tail});
        if (!point) {
                if (tail == 2 && num.p[1] == '0')
                        digits--;
                abuf_addc(out, '.');
        }
        for (; digits > 0; digits--)
                abuf_addc(out, '0');
        abuf_add(out, (struct str){num.p + tail, num.n - tail});
}

void gofmt_float(struct gofmt *f, double d, char verb, int precision)
{
        char text[1600];
        if (f->has_precision)
                precision = f->precision > FLOAT_PRECISION_MAX ? FLOAT_PRECISION_MAX : f->precision;
        size_t n = float_text(text + 1, d, verb, precision);
        struct str num = {text + 1, n};
        if (text[1] != '-' && text[1] != '+') {
                text[0] = '+';
                num = (struct str){text, n + 1};
        }
        char *sign = text + (num.p - text);
        if (f->space && *sign == '+' && !f->plus)
                *sign = ' ';
        if (!isfinite(d)) {
                if (isnan(d) && !f->space && !f->plus) /* infinities keep their sign */
                        num = (struct str){num.p + 1, num.n - 1};
                pad(f, num, false);
                return;
        }
        struct abuf sharp = abuf_in(f->b->arena);
        if (f->sharp && verb != 'b') {
                sharp_float(&sharp, num, verb, precision);
                num = abuf_str(&sharp);
                f->b->failed |= sharp.failed;
        }
        if (!f->plus && num.p[0] == '+') {
                gofmt_pad(f, (struct str){num.p + 1, num.n - 1});
        } else if (f->zero && !f->minus && f->has_width && (size_t)f->width > num.n) {
                abuf_addc(f->b, num.p[0]); /* the sign stands before the zeros */
                put_padding(f, f->width - (long)num.n, true);
                abuf_add(f->b, (struct str){num.p + 1, num.n - 1});
        } else {
                gofmt_pad(f, num);
        }
}

/* ---- texts ---- */

static struct str truncated(const struct gofmt *f, struct str s)
{
        int left = f->precision;
        if (!f->has_precision)
                return s;
        for (size_t i = 0; i < s.n; left--) {
                uint32_t cp;
                if (left <= 0)
                        return (struct str){s.p, i};
                i += utf8_decode(s.p + i, s.n - i, &cp);
        }
        return s;
}

void gofmt_string(struct gofmt *f, struct str s)
{
        gofmt_pad(f, truncated(f, s));
}

static bool can_backquote(struct str s)
{
        for (size_t i = 0; i < s.n;) {
                uint32_t cp;
                size_t len = utf8_decode(s.p + i, s.n - i, &cp);
                if ((len == 1 &&
                     (cp == 0xFFFD || (cp < ' ' && cp != '\t') || cp == '`' || cp == 0x7F)) ||
                    cp == 0xFEFF)
                        return false;
                i += len;
        }
        return true;
}

void gofmt_quoted(struct gofmt *f, struct str s)
{
        struct abuf q = abuf_in(f->b->arena);
        s = truncated(f, s);
        if (f->sharp && can_backquote(s)) {
                abuf_addc(&q, '`');
                abuf_add(&q, s);
                abuf_addc(&q, '`');
        } else {
                gofmt_quote(&q, s, f->plus);
        }
        f->b->failed |= q.failed;
        gofmt_pad(f, abuf_str(&q));
}

void gofmt_hex(struct gofmt *f, struct str s, bool upper)
{
        const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
        struct abuf out = abuf_in(f->b->arena);
        if (f->has_precision && (size_t)f->precision < s.n)
                s.n = (size_t)f->precision;
        for (size_t i = 0; i < s.n && !out.failed; i++) {
                if (i && f->space)
                        abuf_addc(&out, ' ');
                if (f->sharp && (i == 0 || f->space)) {
                        abuf_addc(&out, '0');
                        abuf_addc(&out, upper ? 'X' : 'x');
                }
                abuf_addc(&out, digits[(unsigned char)s.p[i] >> 4]);
                abuf_addc(&out, digits[(unsigned char)s.p[i] & 15]);
        }
        f->b->failed |= out.failed;
        gofmt_pad(f, abuf_str(&out));
}

/* ---- quoting ---- */

static void put_escaped(struct abuf *b, uint32_t r, char quote, bool ascii)
{
        static const char from[] = "\a\b\f\n\r\t\v", to[] = "abfnrtv";
        char utf8[4];
        const char *at = r && r < 0x80 ? strchr(from, (int)r) : NULL;
        if (r == (uint32_t)quote || r == '\\')
                abuf_addf(b, "\\%c", (char)r);
        else if (r < 0x80 ? (r >= ' ' && r != 0x7F) : (!ascii && uni_is_print(r)))
                abuf_add(b, (struct str){utf8, utf8_encode(r, utf8)});
        else if (at)
                abuf_addf(b, "\\%c", to[at - from]);
        else if (r < ' ' || r == 0x7F)
                abuf_addf(b, "\\x%02x", r);
        else
                abuf_addf(b, r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
}

void gofmt_quote(struct abuf *b, struct str s, bool ascii)
{
        abuf_addc(b, '"');
        for (size_t i = 0; i < s.n && !b->failed;) {
                uint32_t cp;
                size_t len = utf8_decode(s.p + i, s.n - i, &cp);
                if (len == 1 && cp == 0xFFFD)
                        abuf_addf(b, "\\x%02x", (unsigned char)s.p[i]);
                else
                        put_escaped(b, cp, '"', ascii);
                i += len;
        }
        abuf_addc(b, '"');
}

void gofmt_quote_rune(struct abuf *b, uint32_t r, bool ascii)
{
        abuf_addc(b, '\'');
        put_escaped(b, r, '\'', ascii);
        abuf_addc(b, '\'');
}
