/* common/lang/gjson/gjson_text.c: see gjson_priv.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"

struct str gj_slice(struct str s, size_t from, size_t to)
{
        if (to > s.n)
                to = s.n;
        if (from > to)
                from = to;
        return (struct str){s.p + from, to - from};
}

struct str gj_trim(struct str s)
{
        while (s.n && (unsigned char)s.p[0] <= ' ')
                s = gj_from(s, 1);
        while (s.n && (unsigned char)s.p[s.n - 1] <= ' ')
                s.n--;
        return s;
}

bool gj_same(struct str a, struct str b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int gj_compare(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static uint32_t hex4(const char *p)
{
        uint64_t v;
        return gonum_uint((struct str){p, 4}, 16, 64, &v) == GONUM_OK ? (uint32_t)v : 0;
}

/* in[*i] is the 'u'; moves to the last byte used. False: too short. */
static bool unescape_u(struct str in, size_t *i, char out[4], size_t *len)
{
        if (*i + 5 > in.n)
                return false;
        uint32_t cp = hex4(in.p + *i + 1);
        *i += 5;
        if (cp >= 0xD800 && cp <= 0xDFFF && in.n - *i >= 6 && in.p[*i] == '\\' &&
            in.p[*i + 1] == 'u') {
                uint32_t low = hex4(in.p + *i + 2);
                bool pair = cp < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF;
                cp = pair ? ((cp - 0xD800) << 10) + (low - 0xDC00) + 0x10000 : 0xFFFD;
                *i += 6;
        }
        *len = utf8_encode(cp, out);
        (*i)--;
        return true;
}

/* The result is never longer than the input. */
static size_t unescape_into(char *out, struct str in)
{
        static const char from[] = "\\/bfnrt\"", to[] = "\\/\b\f\n\r\t\"";
        size_t n = 0;
        for (size_t i = 0; i < in.n; i++) {
                unsigned char c = (unsigned char)in.p[i];
                if (c < ' ')
                        break;
                if (c != '\\') {
                        out[n++] = (char)c;
                        continue;
                }
                if (++i >= in.n)
                        break;
                const char *at = in.p[i] ? strchr(from, in.p[i]) : NULL;
                if (at) {
                        out[n++] = to[at - from];
                } else if (in.p[i] == 'u') {
                        size_t len;
                        if (!unescape_u(in, &i, out + n, &len))
                                break;
                        n += len;
                } else {
                        break;
                }
        }
        return n;
}

struct str gj_unescape(struct gj *g, struct str inner)
{
        char *out = arena_try_alloc(g->arena, inner.n + 4);
        if (!out) {
                gj_fail(g, "the result needs too much memory");
                return STR("");
        }
        return (struct str){out, unescape_into(out, inner)};
}

struct str gj_unescape_scratch(struct gj *g, struct str inner)
{
        if (g->scratch_cap < inner.n + 4) {
                char *more = arena_try_alloc(g->arena, inner.n * 2 + 64);
                if (!more) {
                        gj_fail(g, "a key needs too much memory");
                        return STR("");
                }
                g->scratch = more;
                g->scratch_cap = inner.n * 2 + 64;
        }
        return (struct str){g->scratch, unescape_into(g->scratch, inner)};
}

static void quote_u(struct abuf *b, unsigned v)
{
        static const char hex[] = "0123456789abcdef";
        char u[] = {'\\', 'u', hex[v >> 12 & 15], hex[v >> 8 & 15], hex[v >> 4 & 15], hex[v & 15]};
        abuf_add(b, (struct str){u, sizeof(u)});
}

static void quote_high(struct abuf *b, struct str s, size_t *i)
{
        uint32_t cp;
        size_t len = utf8_decode(s.p + *i, s.n - *i, &cp);
        if (cp == 0xFFFD && len == 1)
                abuf_add(b, STR("\\ufffd"));
        else if (cp == 0x2028 || cp == 0x2029)
                quote_u(b, cp);
        else
                abuf_add(b, gj_slice(s, *i, *i + len));
        *i += len - 1;
}

void gj_quote(struct abuf *b, struct str s)
{
        static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
        abuf_addc(b, '"');
        for (size_t i = 0; i < s.n && !b->failed; i++) {
                unsigned char c = (unsigned char)s.p[i];
                const char *at = c ? strchr(from, c) : NULL;
                if (at) {
                        abuf_addc(b, '\\');
                        abuf_addc(b, to[at - from]);
                } else if (c < ' ' || c == '<' || c == '>' || c == '&') {
                        quote_u(b, c);
                } else if (c > 127) {
                        quote_high(b, s, &i);
                } else {
                        abuf_addc(b, (char)c);
                }
        }
        abuf_addc(b, '"');
}

/* One term of a pattern: the character it wants, or any. False: a lone backslash at the end. */
static bool next_term(struct str pattern, size_t *i, uint32_t *cp, bool *any, bool after_star)
{
        *any = pattern.p[*i] == '?';
        if (pattern.p[*i] == '\\') {
                if (*i + 1 == pattern.n && !after_star)
                        return false;
                if (*i + 1 < pattern.n)
                        (*i)++;
        }
        *i += utf8_decode(pattern.p + *i, pattern.n - *i, cp);
        return true;
}

/* '*' any run, '?' any character, '\' takes the next one as it is. On a mismatch the last star
 * takes one character more: quadratic at worst. */
bool gj_wildcard(struct gj *g, struct str text, struct str pattern)
{
        size_t tries = 0, t = 0, p = 0, star = SIZE_MAX, star_text = 0;
        for (;;) {
                if ((++tries & 63) == 0 && !gj_step(g, 1))
                        return false;
                if (p < pattern.n && pattern.p[p] == '*') {
                        star = ++p;
                        star_text = t;
                        continue;
                }
                if (t == text.n)
                        return p == pattern.n;
                uint32_t want = 0, have;
                bool any = false;
                size_t len = utf8_decode(text.p + t, text.n - t, &have);
                if (p < pattern.n && next_term(pattern, &p, &want, &any, star != SIZE_MAX) &&
                    (any || want == have)) {
                        t += len;
                        continue;
                }
                if (star == SIZE_MAX)
                        return false;
                p = star;
                star_text += utf8_decode(text.p + star_text, text.n - star_text, &have);
                t = star_text;
        }
}

bool gj_truth(struct str word, bool *out)
{
        char low[8];
        if (word.n >= sizeof(low))
                return false;
        for (size_t i = 0; i < word.n; i++)
                low[i] =
                        (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] | 0x20 : word.p[i]);
        return gonum_bool((struct str){low, word.n}, out);
}

bool gj_digits(struct str s, uint64_t *out)
{
        *out = 0;
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] < '0' || s.p[i] > '9')
                        return false;
                *out = *out * 10 + (uint64_t)(s.p[i] - '0');
        }
        return s.n > 0;
}
