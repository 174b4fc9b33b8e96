/* common/lang/goregex/goregex_translate.c: see goregex_priv.h.
 *
 * One pass over the pattern with a stack of open groups. Each atom is written with its meaning
 * spelled out (classes as code points, ^ and $ as look-around), so that nothing depends on PCRE2's
 * own reading; only repeat operators, groups, bars and literals go over as they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex/goregex_priv.h"
#include <ctype.h>

enum { GROUPS_MAX = 500, REPEAT_MAX = 1000 };

struct group {
        bool fold, multiline, dotall, lazy, out_fold; /* to come back to */
        size_t start;                                 /* in out */
        unsigned copies; /* of the atom with most repeats so far inside */
};
struct state {
        struct gre *g;
        struct group stack[GROUPS_MAX];
        size_t depth;
        size_t atom;     /* where the last atom begins in out */
        bool has_atom;   /* there is something to repeat */
        bool repeated;   /* it is a repeat already */
        bool just_now;   /* the token right before was a repeat operator */
        bool is_repeat;  /* this token is one */
        unsigned copies; /* of the innermost thing in the last atom */
};

int gre_error(struct gre *g, size_t at, const char *words)
{
        g->error_at = at;
        return err_set(g->e, ERR_INVALID, "regex: offset %zu: %s", at, words);
}

int gre_next(struct gre *g, uint32_t *cp)
{
        size_t len = utf8_decode(g->text.p + g->at, g->text.n - g->at, cp);
        if (len == 1 && *cp == 0xFFFD)
                return gre_error(g, g->at, "not UTF-8");
        g->at += len;
        return 0;
}

static int hex_value(uint32_t c)
{
        if (c >= '0' && c <= '9')
                return (int)c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
}

static bool peek(const struct gre *g, char c)
{
        return g->at < g->text.n && g->text.p[g->at] == c;
}

/* Behind "\x". */
static bool hex_escape(struct gre *g, uint32_t *cp)
{
        const char *p = g->text.p + g->at, *end = g->text.p + g->text.n;
        uint32_t v = 0;
        if (p < end && *p == '{') {
                const char *first = ++p;
                for (; p < end && hex_value((unsigned char)*p) >= 0 && v <= 0x10FFFF; p++)
                        v = v * 16 + (uint32_t)hex_value((unsigned char)*p);
                if (p == first || p >= end || *p != '}' || v > 0x10FFFF)
                        return false;
                p++;
        } else {
                if (end - p < 2 || hex_value((unsigned char)p[0]) < 0 ||
                    hex_value((unsigned char)p[1]) < 0)
                        return false;
                v = (uint32_t)(hex_value((unsigned char)p[0]) * 16 +
                               hex_value((unsigned char)p[1]));
                p += 2;
        }
        g->at = (size_t)(p - g->text.p);
        *cp = v;
        return true;
}

int gre_escape(struct gre *g, uint32_t *cp)
{
        static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
        size_t start = g->at - 1;
        uint32_t c;
        if (g->at >= g->text.n)
                return gre_error(g, start, "a backslash at the end");
        if (gre_next(g, &c) < 0)
                return -1;
        const char *plain = c && c < 0x80 ? strchr(from, (int)c) : NULL;
        bool octal = c == '0' || (c >= '1' && c <= '7' && g->at < g->text.n &&
                                  g->text.p[g->at] >= '0' && g->text.p[g->at] <= '7');
        if (plain) {
                *cp = (unsigned char)to[plain - from];
        } else if (octal) {
                uint32_t v = c - '0';
                for (int i = 1; i < 3 && g->at < g->text.n && g->text.p[g->at] >= '0' &&
                                g->text.p[g->at] <= '7';
                     i++)
                        v = v * 8 + (uint32_t)(g->text.p[g->at++] - '0');
                *cp = v;
        } else if (c == 'x') {
                if (!hex_escape(g, cp))
                        return gre_error(g, start, "\\x wants two hexadecimal digits or {digits}");
        } else if (c >= '1' && c <= '9') {
                return gre_error(g, start, "back-references are not supported by RE2");
        } else if (c < 0x80 && !isalnum((int)c)) {
                *cp = c;
        } else {
                return gre_error(g, start, "no such escape sequence");
        }
        return 0;
}

void gre_put_char(struct buf *b, uint32_t cp)
{
        if (cp < 0x80 && isalnum((int)cp))
                buf_addc(b, (char)cp);
        else
                buf_addf(b, "\\x{%x}", cp);
}

void gre_sync_fold(struct gre *g)
{
        if (g->fold != g->out_fold)
                buf_adds(&g->out, g->fold ? "(?i)" : "(?-i)");
        g->out_fold = g->fold;
}

/* ---- atoms ---- */

static void new_atom(struct state *s)
{
        gre_sync_fold(s->g);
        s->atom = s->g->out.len;
        s->has_atom = true;
        s->repeated = false;
        s->copies = 1;
}

static void put_atom(struct state *s, const char *text)
{
        new_atom(s);
        buf_adds(&s->g->out, text);
}

static void put_literal(struct state *s, uint32_t cp)
{
        new_atom(s);
        if (cp >= 0xD800 && cp <= 0xDFFF)
                buf_adds(&s->g->out, "(?!)"); /* no text has it */
        else
                gre_put_char(&s->g->out, cp);
}

/* \Q...\E, behind the Q. */
static int quoted(struct state *s)
{
        struct gre *g = s->g;
        while (g->at < g->text.n) {
                uint32_t cp;
                if (g->text.n - g->at >= 2 && g->text.p[g->at] == '\\' &&
                    g->text.p[g->at + 1] == 'E') {
                        g->at += 2;
                        return 0;
                }
                if (gre_next(g, &cp) < 0)
                        return -1;
                put_literal(s, cp);
        }
        return 0;
}

static int backslash(struct state *s)
{
        struct gre *g = s->g;
        uint32_t cp;
        char c = g->at < g->text.n ? g->text.p[g->at] : 0;
        switch (c) {
        case 'A': put_atom(s, "(?:\\A)"); break;
        case 'b': put_atom(s, "(?:\\b)"); break;
        case 'B': put_atom(s, "(?:\\B)"); break;
        case 'z': put_atom(s, "(?:\\z)"); break;
        case 'Q': g->at++; return quoted(s);
        case 'C': return gre_error(g, g->at - 1, "\\C is not supported");
        default:
                if (c && strchr("dDsSwWpP", c)) {
                        new_atom(s);
                        return gre_class_escape(g);
                }
                if (gre_escape(g, &cp) < 0)
                        return -1;
                put_literal(s, cp);
                return 0;
        }
        g->at++;
        return 0;
}

/* ---- repeats ---- */

static bool read_count(struct gre *g, size_t *i, long *n)
{
        size_t from = *i;
        *n = 0;
        for (; *i < g->text.n && isdigit((unsigned char)g->text.p[*i]); (*i)++)
                *n = *n > 100000000 ? *n : *n * 10 + (g->text.p[*i] - '0');
        return *i > from && (*i == from + 1 || g->text.p[from] != '0');
}

/* g->at is at '{': is it {n}, {n,} or {n,m}? *max -1: open. */
static bool read_braces(struct gre *g, long *min, long *max, size_t *end)
{
        size_t i = g->at + 1;
        if (!read_count(g, &i, min) || i >= g->text.n)
                return false;
        *max = *min;
        if (g->text.p[i] == ',') {
                i++;
                *max = -1;
                if (i < g->text.n && g->text.p[i] != '}' && !read_count(g, &i, max))
                        return false;
        }
        *end = i + 1;
        return i < g->text.n && g->text.p[i] == '}';
}

/* The operator is at g->at and ends at `end`. */
static int repeat(struct state *s, size_t end, long min, long max)
{
        struct gre *g = s->g;
        size_t from = g->at;
        bool braces = g->text.p[from] == '{', lazy = g->lazy;
        bool question = end < g->text.n && g->text.p[end] == '?';
        if (braces && (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max)))
                return gre_error(g, from, "repeat count out of order or above 1000");
        if (s->just_now)
                return gre_error(g, from, "nested repeat operators (**, +*, ++ ...)");
        if (!s->has_atom)
                return gre_error(g, from, "nothing to repeat");
        if (braces && (min >= 2 || max >= 2)) {
                s->copies *= (unsigned)(max < 0 ? min : max);
                if (s->copies > REPEAT_MAX)
                        return gre_error(g, from, "more than 1000 copies by nested repeats");
        }
        if (s->repeated) { /* a*(?i)*: the repeat is repeated */
                AUTO_BUF struct buf inner = BUF_INIT(g->out.max);
                buf_add(&inner, g->out.data + s->atom, g->out.len - s->atom);
                buf_truncate(&g->out, s->atom);
                buf_adds(&g->out, "(?:");
                buf_add(&g->out, inner.data, inner.len);
                buf_addc(&g->out, ')');
        }
        buf_add(&g->out, g->text.p + from, end - from);
        if (question) {
                lazy = !lazy;
                end++;
        }
        if (lazy)
                buf_addc(&g->out, '?');
        g->at = end;
        s->repeated = s->is_repeat = true;
        return 0;
}

/* ---- groups ---- */

static int open_group(struct state *s, const char *text)
{
        struct gre *g = s->g;
        if (s->depth == GROUPS_MAX)
                return gre_error(g, g->at, "groups are nested too deeply");
        gre_sync_fold(g);
        s->stack[s->depth++] = (struct group){g->fold,     g->multiline, g->dotall, g->lazy,
                                              g->out_fold, g->out.len,   1};
        buf_adds(&g->out, text);
        s->has_atom = false;
        return 0;
}

static void count_copies(struct state *s)
{
        if (s->depth && s->has_atom && s->copies > s->stack[s->depth - 1].copies)
                s->stack[s->depth - 1].copies = s->copies;
}

static int close_group(struct state *s)
{
        struct gre *g = s->g;
        if (s->depth == 0)
                return gre_error(g, g->at, "a ) without its (");
        const struct group *up = &s->stack[--s->depth];
        g->fold = up->fold;
        g->multiline = up->multiline;
        g->dotall = up->dotall;
        g->lazy = up->lazy;
        g->out_fold = up->out_fold;
        buf_addc(&g->out, ')');
        s->atom = up->start;
        s->copies = up->copies;
        s->has_atom = true;
        s->repeated = false;
        g->at++;
        return 0;
}

/* Behind "(?P<" or "(?<". */
static int named_group(struct state *s)
{
        struct gre *g = s->g;
        size_t from = g->at;
        while (g->at < g->text.n && (isalnum((unsigned char)g->text.p[g->at]) || peek(g, '_')))
                g->at++;
        if (g->at == from || !peek(g, '>'))
                return gre_error(g, from, "a group name is letters, digits and _, then >");
        mem_grow(g->names, g->cap_names, g->nnames + 1);
        g->names[g->nnames++] =
                (struct gre_name){mem_strndup(g->text.p + from, g->at - from), ++g->ngroups};
        g->at++;
        return open_group(s, "(");
}

static void set_flags(struct gre *g, const char *flags, size_t n, bool on)
{
        for (size_t i = 0; i < n; i++) {
                switch (flags[i]) {
                case 'i': g->fold = on; break;
                case 'm': g->multiline = on; break;
                case 's': g->dotall = on; break;
                default: g->lazy = on;
                }
        }
}

static size_t flags_at(const struct gre *g)
{
        size_t n = 0;
        while (g->at + n < g->text.n && memchr("imsU", g->text.p[g->at + n], 4))
                n++;
        return n;
}

/* (?flags) (?flags-flags:...) (?:...), behind "(?". The group goes back to the flags before it. */
static int flag_group(struct state *s)
{
        struct gre *g = s->g;
        size_t start = g->at - 2, plus = g->at, n_plus = 0, minus = 0, n_minus = 0;
        n_plus = flags_at(g);
        g->at += n_plus;
        if (peek(g, '-')) {
                minus = ++g->at;
                n_minus = flags_at(g);
                g->at += n_minus;
                if (n_minus == 0)
                        return gre_error(g, start, "flags are missing behind -");
        }
        bool opens = peek(g, ':');
        if (!opens && !peek(g, ')'))
                return gre_error(g, start,
                                 "this (? is not supported (no look-around, no comments)");
        g->at++;
        if (opens && open_group(s, "(?:") < 0)
                return -1;
        set_flags(g, g->text.p + plus, n_plus, true);
        set_flags(g, g->text.p + minus, n_minus, false);
        return 0;
}

static int parenthesis(struct state *s)
{
        struct gre *g = s->g;
        const char *p = g->text.p + g->at, *end = g->text.p + g->text.n;
        if (end - p < 2 || p[1] != '?') {
                g->at++;
                g->ngroups++;
                return open_group(s, "(");
        }
        bool python = end - p > 4 && p[2] == 'P' && p[3] == '<';
        bool dotnet = end - p > 3 && p[2] == '<' && p[3] != '=' && p[3] != '!';
        g->at += python ? 4 : dotnet ? 3 : 2;
        return python || dotnet ? named_group(s) : flag_group(s);
}

/* ---- the pattern ---- */

static int token(struct state *s)
{
        struct gre *g = s->g;
        char c = g->text.p[g->at];
        uint32_t cp;
        long min, max;
        size_t end;
        switch (c) {
        case '(': return parenthesis(s);
        case ')': return close_group(s);
        case '|':
                g->at++;
                buf_addc(&g->out, '|');
                s->has_atom = false;
                return 0;
        case '^': put_atom(s, g->multiline ? "(?:(?<![^\\n]))" : "(?:\\A)"); break;
        case '$': put_atom(s, g->multiline ? "(?:(?![^\\n]))" : "(?:\\z)"); break;
        case '.': put_atom(s, g->dotall ? "(?s:.)" : "."); break;
        case '[':
                g->at++;
                new_atom(s);
                return gre_class(g);
        case '*':
        case '+':
        case '?': return repeat(s, g->at + 1, 0, 0);
        case '{':
                if (read_braces(g, &min, &max, &end))
                        return repeat(s, end, min, max);
                put_literal(s, '{');
                break;
        case '\\': g->at++; return backslash(s);
        default:
                if (gre_next(g, &cp) < 0)
                        return -1;
                put_literal(s, cp);
                return 0;
        }
        g->at++;
        return 0;
}

int gre_translate(struct gre *g)
{
        struct state s = {.g = g};
        while (g->at < g->text.n) {
                size_t at = g->at;
                count_copies(&s);
                s.is_repeat = false;
                if (token(&s) < 0)
                        return -1;
                s.just_now = s.is_repeat;
                if (g->out.overflow)
                        return gre_error(g, at, "the pattern is too large");
        }
        if (s.depth)
                return gre_error(g, g->text.n, "a ) is missing");
        return 0;
}
