/* common/lang/jq/jq_text.c: see jq_value.h: JSON in and out. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/jq/jq_value.h"
#include <float.h>
#include <math.h>

/* ---- out ---- */

struct out { /* grows in the run's memory; past `max` nothing is added */
        struct jv_mem *m;
        char *p;
        size_t n, cap, max;
};

static void put(struct out *o, const char *p, size_t n)
{
        if (n > o->max - o->n)
                n = o->max - o->n;
        if (n > o->cap - o->n) {
                size_t cap = o->cap * 2 > o->n + n ? o->cap * 2 : o->n + n;
                char *q = jv_alloc(o->m, cap);
                if (o->n)
                        memcpy(q, o->p, o->n);
                o->p = q;
                o->cap = cap;
        }
        if (n)
                memcpy(o->p + o->n, p, n);
        o->n += n;
}

static void puts_(struct out *o, const char *s)
{
        put(o, s, strlen(s));
}

static void put_double(struct out *o, double d)
{
        char text[GONUM_TEXT];
        if (isnan(d)) {
                puts_(o, "null");
                return;
        }
        d = d > DBL_MAX ? DBL_MAX : d < -DBL_MAX ? -DBL_MAX : d;
        put(o, text, gonum_format_json(text, d));
}

static void put_char(struct out *o, unsigned char c)
{
        static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
        const char *at = c ? strchr(from, (char)c) : NULL;
        char text[8];
        if (at)
                snprintf(text, sizeof(text), "\\%c", to[at - from]);
        else
                snprintf(text, sizeof(text), "\\u%04x", c);
        puts_(o, text);
}

static void put_string(struct out *o, struct str s)
{
        size_t from = 0;
        put(o, "\"", 1);
        for (size_t i = 0; i < s.n && o->n < o->max;) {
                unsigned char c = (unsigned char)s.p[i];
                uint32_t cp = c;
                size_t len = c < 0x80 ? 1 : utf8_decode(s.p + i, s.n - i, &cp);
                bool plain = c < 0x80 ? c >= ' ' && c <= '~' && c != '"' && c != '\\'
                                      : !(cp == 0xFFFD && len == 1);
                if (!plain) {
                        put(o, s.p + from, i - from);
                        if (c < 0x80)
                                put_char(o, c);
                        else
                                puts_(o, "\\ufffd");
                        from = i + len;
                }
                i += len;
        }
        put(o, s.p + from, s.n - from);
        put(o, "\"", 1);
}

static void put_value(struct out *o, struct jv v);

struct members {
        struct out *o;
        bool any;
};

static void put_member(void *arg, struct str key, struct jv v)
{
        struct members *x = arg;
        if (x->o->n >= x->o->max)
                return;
        if (x->any)
                put(x->o, ",", 1);
        x->any = true;
        put_string(x->o, key);
        put(x->o, ":", 1);
        put_value(x->o, v);
}

static void put_value(struct out *o, struct jv v)
{
        char text[32];
        struct members x = {o, false};
        jv_charge(o->m, 1);
        switch (v.kind) {
        case JV_FALSE: puts_(o, "false"); break;
        case JV_TRUE: puts_(o, "true"); break;
        case JV_INT:
                snprintf(text, sizeof(text), "%lld", (long long)v.i);
                puts_(o, text);
                break;
        case JV_FLOAT: put_double(o, v.f); break;
        case JV_BIG:
        case JV_TEXT: put(o, v.s.p, v.s.n); break;
        case JV_STR: put_string(o, v.s); break;
        case JV_ARRAY:
                put(o, "[", 1);
                for (size_t i = 0; i < jv_len(v) && o->n < o->max; i++) {
                        if (i)
                                put(o, ",", 1);
                        put_value(o, jv_at(v, i));
                }
                put(o, "]", 1);
                break;
        case JV_OBJECT:
                put(o, "{", 1);
                jv_each(v, put_member, &x);
                put(o, "}", 1);
                break;
        default: puts_(o, "null"); break;
        }
}

struct str jv_json(struct jv_mem *m, struct jv v)
{
        struct out o = {.m = m, .max = SIZE_MAX};
        put_value(&o, v);
        jv_charge(m, o.n / 64);
        return (struct str){o.p, o.n};
}

struct str jv_preview(struct jv_mem *m, struct jv v)
{
        enum { SHOWN = 30, LOOKED_AT = 32 };
        struct out o = {.m = m, .max = LOOKED_AT};
        put_value(&o, v);
        if (o.n <= SHOWN)
                return (struct str){o.p, o.n};
        const char *end = v.kind == JV_STR      ? " ...\""
                          : v.kind == JV_ARRAY  ? " ...]"
                          : v.kind == JV_OBJECT ? " ...}"
                                                : " ...";
        while (o.n > SHOWN - strlen(end)) { /* whole characters; what is cut in two goes bytewise */
                size_t from = o.n - 1, len;
                uint32_t cp;
                while (from > 0 && o.n - from < 4 && ((unsigned char)o.p[from] & 0xC0) == 0x80)
                        from--;
                len = utf8_decode(o.p + from, o.n - from, &cp);
                o.n -= len == o.n - from ? len : 1;
        }
        puts_(&o, end);
        return (struct str){o.p, o.n};
}

/* ---- code points ---- */

size_t utf8_count(struct str s)
{
        size_t n = 0;
        uint32_t cp;
        for (size_t i = 0; i < s.n; n++)
                i += utf8_decode(s.p + i, s.n - i, &cp);
        return n;
}

size_t utf8_offset(struct str s, size_t points)
{
        size_t i = 0;
        uint32_t cp;
        for (; points && i < s.n; points--)
                i += utf8_decode(s.p + i, s.n - i, &cp);
        return i;
}

/* ---- in ---- */

struct in {
        struct jv_mem *m;
        struct str s;
        size_t i;
        bool keep;
        int depth;
        const char *why;
};

static void skip_space(struct in *x)
{
        while (x->i < x->s.n && strchr(" \t\r\n", x->s.p[x->i]) && x->s.p[x->i])
                x->i++;
}

static bool bad(struct in *x, const char *why)
{
        x->why = why;
        return false;
}

static int hex4(const char *p)
{
        int v = 0;
        for (int i = 0; i < 4; i++) {
                char c = p[i];
                int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
                if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
                        return -1;
                v = v * 16 + d;
        }
        return v;
}

/* Behind \u; surrogates that do not fit become U+FFFD. */
static bool unicode_escape(struct in *x, char *out, size_t *n)
{
        int c = x->s.n - x->i >= 4 ? hex4(x->s.p + x->i) : -1;
        if (c < 0)
                return bad(x, "invalid character in \\u escape");
        x->i += 4;
        uint32_t cp = (uint32_t)c;
        if (c >= 0xD800 && c < 0xDC00 && x->s.n - x->i >= 6 && x->s.p[x->i] == '\\' &&
            x->s.p[x->i + 1] == 'u') {
                int d = hex4(x->s.p + x->i + 2);
                if (d >= 0xDC00 && d < 0xE000) {
                        cp = 0x10000 + (((uint32_t)c - 0xD800) << 10) + ((uint32_t)d - 0xDC00);
                        x->i += 6;
                }
        }
        if (cp >= 0xD800 && cp < 0xE000)
                cp = 0xFFFD;
        *n += utf8_encode(cp, out + *n);
        return true;
}

static bool parse_string(struct in *x, struct str *out)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        size_t start = ++x->i, n = 0, end = start;
        while (end < x->s.n && x->s.p[end] != '"')
                end += x->s.p[end] == '\\' ? 2 : 1;
        if (end >= x->s.n)
                return bad(x, "unexpected end of JSON input");
        char *p = jv_alloc(x->m, 3 * (end - start) + 4);
        while (x->i < end) {
                unsigned char c = (unsigned char)x->s.p[x->i];
                uint32_t cp;
                if (c == '\\') {
                        char e = x->s.p[x->i + 1];
                        const char *at = e ? strchr(from, e) : NULL;
                        x->i += 2;
                        if (at)
                                p[n++] = to[at - from];
                        else if (e != 'u')
                                return bad(x, "invalid character in string escape code");
                        else if (!unicode_escape(x, p, &n))
                                return false;
                } else if (c < ' ') {
                        return bad(x, "invalid character in string literal");
                } else if (c < 0x80) {
                        p[n++] = (char)c;
                        x->i++;
                } else { /* broken bytes become U+FFFD */
                        x->i += utf8_decode(x->s.p + x->i, end - x->i, &cp);
                        n += utf8_encode(cp, p + n);
                }
        }
        x->i = end + 1;
        *out = (struct str){p, n};
        return true;
}

static size_t digits(struct in *x)
{
        size_t from = x->i;
        while (x->i < x->s.n && x->s.p[x->i] >= '0' && x->s.p[x->i] <= '9')
                x->i++;
        return x->i - from;
}

static bool parse_number(struct in *x, struct jv *out)
{
        size_t from = x->i;
        double d;
        if (x->s.p[x->i] == '-')
                x->i++;
        if (x->i < x->s.n && x->s.p[x->i] == '0')
                x->i++;
        else if (!digits(x))
                return bad(x, "invalid character in numeric literal");
        if (x->i < x->s.n && x->s.p[x->i] == '.') {
                x->i++;
                if (!digits(x))
                        return bad(x, "invalid character after decimal point in numeric literal");
        }
        if (x->i < x->s.n && (x->s.p[x->i] | 0x20) == 'e') {
                x->i++;
                if (x->i < x->s.n && (x->s.p[x->i] == '+' || x->s.p[x->i] == '-'))
                        x->i++;
                if (!digits(x))
                        return bad(x, "invalid character in exponent of numeric literal");
        }
        struct str text = {x->s.p + from, x->i - from};
        if (x->keep) {
                *out = (struct jv){.kind = JV_TEXT, .s = text};
                return true;
        }
        if (gonum_float(text, &d) != GONUM_OK)
                return bad(x, "a number out of range");
        *out = jv_float(d);
        return true;
}

static bool parse_value(struct in *x, struct jv *out);

static bool parse_array(struct in *x, struct jv *out)
{
        *out = jv_array_new(x->m, 4);
        for (x->i++;;) {
                struct jv v;
                skip_space(x);
                if (x->i < x->s.n && x->s.p[x->i] == ']' && jv_len(*out) == 0)
                        break;
                if (!parse_value(x, &v))
                        return false;
                *out = jv_append(x->m, *out, v);
                skip_space(x);
                if (x->i < x->s.n && x->s.p[x->i] == ']')
                        break;
                if (x->i >= x->s.n || x->s.p[x->i] != ',')
                        return bad(x, "invalid character after array element");
                x->i++;
        }
        x->i++;
        return true;
}

static bool parse_object(struct in *x, struct jv *out)
{
        *out = jv_object();
        x->i++;
        for (bool first = true;; first = false) {
                struct str key;
                struct jv v;
                skip_space(x);
                if (first && x->i < x->s.n && x->s.p[x->i] == '}')
                        break;
                if (x->i >= x->s.n || x->s.p[x->i] != '"')
                        return bad(x, "invalid character looking for object key string");
                if (!parse_string(x, &key))
                        return false;
                skip_space(x);
                if (x->i >= x->s.n || x->s.p[x->i++] != ':')
                        return bad(x, "invalid character after object key");
                if (!parse_value(x, &v))
                        return false;
                *out = jv_set(x->m, *out, key, v);
                skip_space(x);
                if (x->i < x->s.n && x->s.p[x->i] == '}')
                        break;
                if (x->i >= x->s.n || x->s.p[x->i] != ',')
                        return bad(x, "invalid character after object key:value pair");
                x->i++;
        }
        x->i++;
        return true;
}

static bool word(struct in *x, const char *w)
{
        size_t n = strlen(w);
        if (x->s.n - x->i < n || memcmp(x->s.p + x->i, w, n) != 0)
                return bad(x, "invalid character looking for beginning of value");
        x->i += n;
        return true;
}

static bool parse_value(struct in *x, struct jv *out)
{
        bool ok;
        skip_space(x);
        jv_charge(x->m, 1);
        if (x->i >= x->s.n)
                return bad(x, "unexpected end of JSON input");
        if (x->depth >= JQ_DEPTH)
                return bad(x, "exceeded max depth");
        x->depth++;
        switch (x->s.p[x->i]) {
        case '[': ok = parse_array(x, out); break;
        case '{': ok = parse_object(x, out); break;
        case '"':
                out->kind = JV_STR;
                ok = parse_string(x, &out->s);
                break;
        case 't':
                *out = jv_bool(true);
                ok = word(x, "true");
                break;
        case 'f':
                *out = jv_bool(false);
                ok = word(x, "false");
                break;
        case 'n':
                *out = jv_null();
                ok = word(x, "null");
                break;
        default: {
                char c = x->s.p[x->i];
                ok = c == '-' || (c >= '0' && c <= '9')
                             ? parse_number(x, out)
                             : bad(x, "invalid character looking for beginning of value");
                break;
        }
        }
        x->depth--;
        return ok;
}

bool jv_parse(struct jv_mem *m, struct str text, bool keep, struct jv *out, const char **why)
{
        struct in x = {.m = m, .s = text, .keep = keep};
        bool ok = parse_value(&x, out);
        if (ok) {
                skip_space(&x);
                if (x.i < text.n)
                        ok = bad(&x, "invalid character after top-level value");
        }
        *why = x.why;
        return ok;
}
