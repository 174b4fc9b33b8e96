/* common/lang/jq/jq_regex.c: see jq_priv.h: regular expressions (RE2's) and @formats.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"
#include "common/lang/jq/jq_priv.h"
#include <ctype.h>
#include <stdlib.h>

static bool give(struct jv *out, struct jv v)
{
        *out = v;
        return true;
}

/* ---- match ---- */

struct jq_regex { /* owned by the run */
        struct goregex *re;
        struct str pattern, flags;
        struct jq_regex *next;
};

void jq_regexes_free(struct jq_run *r)
{
        for (struct jq_regex *x = r->regexes; x; x = x->next)
                goregex_free(x->re);
}

static bool compile(struct jq_run *r, struct str pattern, struct str flags, struct goregex **out)
{
        struct abuf b = abuf_in(&r->arena);
        struct err e = {0};
        bool fold = flags.n && memchr(flags.p, 'i', flags.n);
        bool dotall = flags.n && memchr(flags.p, 'm', flags.n);
        for (size_t i = 0; i < flags.n; i++)
                if (!strchr("gim", flags.p[i]) || !flags.p[i]) {
                        struct str shown = jv_json(&r->mem, jv_str(flags));
                        return jq_fail(r, "unsupported regular expression flag: %.*s",
                                       SHOWN(shown));
                }
        abuf_adds(&b, dotall ? "(?s)" : "");
        abuf_adds(&b, fold ? "(?i)" : "");
        abuf_add(&b, pattern);
        jv_charge(&r->mem, 100 + pattern.n);
        if (goregex_new(out, abuf_str(&b), NULL, &e) == 0)
                return true;
        char why[200];
        snprintf(why, sizeof(why), "%s", err_msg(&e));
        err_clear(&e); /* before anything that may leave */
        struct str shown = jv_json(&r->mem, jv_str(abuf_str(&b)));
        return jq_fail(r, "invalid regular expression %.*s: %s", SHOWN(shown), why);
}

static bool search_failed(struct jq_run *r, struct err *e)
{
        char why[200];
        snprintf(why, sizeof(why), "%s", err_msg(e));
        err_clear(e);
        return jq_fail(r, "%s", why);
}

static bool regex(struct jq_run *r, struct str pattern, struct str flags,
                  const struct goregex **out)
{
        for (struct jq_regex *x = r->regexes; x; x = x->next) {
                if (str_order(x->pattern, pattern) == 0 && str_order(x->flags, flags) == 0) {
                        *out = x->re;
                        return true;
                }
        }
        struct jq_regex *x = jv_alloc(&r->mem, sizeof(*x));
        *x = (struct jq_regex){.pattern = pattern, .flags = flags};
        if (!compile(r, pattern, flags, &x->re))
                return false;
        x->next = r->regexes;
        r->regexes = x;
        *out = x->re;
        return true;
}

/* Code points in front of a byte offset; offsets come in rising order, mostly. */
struct counter {
        struct str s;
        size_t bytes, points;
};

static int64_t points_at(struct counter *c, size_t bytes)
{
        if (bytes < c->bytes)
                c->bytes = c->points = 0;
        c->points += utf8_count((struct str){c->s.p + c->bytes, bytes - c->bytes});
        c->bytes = bytes;
        return (int64_t)c->points;
}

static struct jv set(struct jq_run *r, struct jv o, const char *key, struct jv v)
{
        return jv_set(&r->mem, o, str_of(key), v);
}

static struct jv span_object(struct jq_run *r, struct counter *c, struct goregex_span s)
{
        struct jv o = jv_object();
        if (s.from == SIZE_MAX) {
                o = set(r, o, "offset", jv_int(-1));
                o = set(r, o, "length", jv_int(0));
                return set(r, o, "string", jv_null());
        }
        int64_t from = points_at(c, s.from);
        struct str text = {c->s.p + s.from, s.to - s.from};
        o = set(r, o, "offset", jv_int(from));
        o = set(r, o, "length", jv_int((int64_t)utf8_count(text)));
        return set(r, o, "string", jv_str(text));
}

static struct jv match_object(struct jq_run *r, const struct goregex *re, struct counter *c,
                              const struct goregex_span *spans, size_t n)
{
        struct jv captures = jv_array_new(&r->mem, n), o;
        for (size_t g = 1; g < n; g++) {
                const char *name = goregex_group_name(re, g);
                o = span_object(r, c, spans[g]);
                o = set(r, o, "name",
                        name ? jv_str(jv_text(&r->mem, name, strlen(name))) : jv_null());
                captures = jv_append(&r->mem, captures, o);
        }
        return set(r, span_object(r, c, spans[0]), "captures", captures);
}

static bool all_matches(struct jq_run *r, const struct goregex *re, struct str s, bool global,
                        struct jv *out)
{
        size_t n = goregex_groups(re) + 1;
        struct goregex_span *spans = jv_alloc(&r->mem, n * sizeof(*spans));
        struct goregex_iter it = {0};
        struct counter c = {.s = s};
        struct err e = {0};
        *out = jv_array_new(&r->mem, 4);
        for (bool found = true;;) {
                if (goregex_next(re, s, &it, &r->arena, &found, spans, n, &e) < 0)
                        return search_failed(r, &e);
                jv_charge(&r->mem, 10);
                if (!found)
                        return true;
                *out = jv_append(&r->mem, *out, match_object(r, re, &c, spans, n));
                if (!global)
                        return true;
        }
}

static bool unfit(struct jq_run *r, bool testing, struct jv in, const struct jv *args)
{
        struct str re = jv_preview(&r->mem, args[0]), flags = jv_preview(&r->mem, args[1]);
        return jq_fail(r, "%s(%.*s; %.*s) cannot be applied to: %.*s", testing ? "test" : "match",
                       SHOWN(re), SHOWN(flags), SHOWN(jq_shown(r, in)));
}

static bool fn_match(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        const struct goregex *re;
        struct err e = {0};
        bool testing = args[2].kind == JV_TRUE, yes;
        struct str flags = args[1].kind == JV_STR ? args[1].s : STR("");
        if ((args[1].kind != JV_NULL && args[1].kind != JV_STR) || in.kind != JV_STR ||
            args[0].kind != JV_STR)
                return unfit(r, testing, in, args);
        if (!regex(r, args[0].s, flags, &re))
                return false;
        jv_charge(&r->mem, in.s.n / 16);
        if (!testing)
                return all_matches(r, re, in.s, flags.n && memchr(flags.p, 'g', flags.n), out);
        if (goregex_match(re, in.s, &r->arena, &yes, &e) == 0)
                return give(out, jv_bool(yes));
        return search_failed(r, &e);
}

static bool fn_captures(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_ARRAY)
                return jq_fail(r, "expected an array but got: %.*s", SHOWN(jq_shown(r, in)));
        *out = jv_object();
        for (size_t i = 0; i < jv_len(in); i++) {
                struct jv c = jv_at(in, i);
                const struct jv *name = c.kind == JV_OBJECT ? jv_get(c, STR("name")) : NULL,
                                *text = c.kind == JV_OBJECT ? jv_get(c, STR("string")) : NULL;
                if (name && name->kind == JV_STR)
                        *out = jv_set(&r->mem, *out, name->s, text ? *text : jv_null());
        }
        return true;
}

/* ---- @formats ---- */

struct escape { /* what stands for a byte; NULL: itself */
        const char *of[256];
};
static const struct escape html = {.of = {['<'] = "&lt;",
                                          ['>'] = "&gt;",
                                          ['&'] = "&amp;",
                                          ['\''] = "&apos;",
                                          ['"'] = "&quot;"}};
static const struct escape csv = {.of = {['"'] = "\"\"", [0] = "\\0"}};
static const struct escape tsv = {
        .of = {['\t'] = "\\t", ['\r'] = "\\r", ['\n'] = "\\n", ['\\'] = "\\\\", [0] = "\\0"}};
static const struct escape sh = {.of = {['\''] = "'\\''", [0] = "\\0"}};

static void put_escaped(struct abuf *b, struct str s, const struct escape *e)
{
        for (size_t i = 0; i < s.n; i++) {
                const char *as = e->of[(unsigned char)s.p[i]];
                if (as)
                        abuf_adds(b, as);
                else
                        abuf_addc(b, s.p[i]);
        }
}

static bool finish(struct jq_run *r, const struct abuf *b, struct jv *out)
{
        if (b->failed)
                (void)jv_alloc(&r->mem, SIZE_MAX / 2); /* leaves: no memory */
        jv_charge(&r->mem, b->n / 16);
        return give(out, jv_str(abuf_str(b)));
}

static struct str as_text(struct jq_run *r, struct jv v)
{
        return v.kind == JV_STR ? v.s : jv_json(&r->mem, v);
}

static bool fn_tohtml(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        (void)args;
        put_escaped(&b, as_text(r, in), &html);
        return finish(r, &b, out);
}

static bool fn_touri(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        struct str s = as_text(r, in);
        (void)args;
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if ((c < 0x80 && isalnum(c)) || (c && strchr("-_.~", c)))
                        abuf_addc(&b, (char)c);
                else
                        abuf_addf(&b, "%%%02X", c);
        }
        return finish(r, &b, out);
}

static int hex(char c)
{
        return c >= '0' && c <= '9'         ? c - '0'
               : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10
                                            : -1;
}

static bool fn_tourid(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        struct str s = as_text(r, in);
        (void)args;
        for (size_t i = 0; i < s.n; i++) {
                int h = -1, l = -1;
                if (s.p[i] != '%') {
                        abuf_addc(&b, s.p[i]);
                        continue;
                }
                if (i + 2 < s.n) {
                        h = hex(s.p[i + 1]);
                        l = hex(s.p[i + 2]);
                }
                if (h < 0 || l < 0) {
                        char why[80];
                        size_t n = s.n - i < 3 ? s.n - i : 3;
                        snprintf(why, sizeof(why), "invalid URL escape \"%.*s\"", (int)n, s.p + i);
                        return jq_failed0(r, "@urid", in, why);
                }
                abuf_addc(&b, (char)(h * 16 + l));
                i += 2;
        }
        return finish(r, &b, out);
}

static bool row(struct jq_run *r, const char *type, struct jv v, char sep, const struct escape *e,
                char quote, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        if (v.kind != JV_ARRAY) {
                char name[8];
                snprintf(name, sizeof(name), "@%s", type);
                return jq_unfit0(r, name, v);
        }
        for (size_t i = 0; i < jv_len(v); i++) {
                struct jv item = jv_at(v, i);
                if (i)
                        abuf_addc(&b, sep);
                if (item.kind == JV_ARRAY || item.kind == JV_OBJECT)
                        return jq_fail(r, "@%s cannot format an array including: %.*s", type,
                                       SHOWN(jq_shown(r, item)));
                if (item.kind == JV_STR) {
                        if (quote)
                                abuf_addc(&b, quote);
                        put_escaped(&b, item.s, e);
                        if (quote)
                                abuf_addc(&b, quote);
                        continue;
                }
                struct str text = jv_json(&r->mem, item);
                if (!str_eq(text, "null") || e == &sh)
                        abuf_add(&b, text);
        }
        return finish(r, &b, out);
}

static bool fn_tocsv(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return row(r, "csv", in, ',', &csv, '"', out);
}

static bool fn_totsv(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return row(r, "tsv", in, '\t', &tsv, '\0', out);
}

static bool fn_tosh(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_ARRAY)
                in = jv_append(&r->mem, jv_array_new(&r->mem, 1), in);
        return row(r, "sh", in, ' ', &sh, '\'', out);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool fn_tobase64(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        struct str s = as_text(r, in);
        (void)args;
        for (size_t i = 0; i < s.n; i += 3) {
                size_t n = s.n - i < 3 ? s.n - i : 3;
                uint32_t v = 0;
                for (size_t k = 0; k < 3; k++)
                        v = v << 8 | (k < n ? (unsigned char)s.p[i + k] : 0);
                for (size_t k = 0; k < 4; k++)
                        abuf_addc(&b, k <= n ? base64[v >> (18 - 6 * k) & 63] : '=');
        }
        return finish(r, &b, out);
}

static bool bad_base64(struct jq_run *r, struct jv in, size_t at)
{
        char why[80];
        snprintf(why, sizeof(why), "illegal base64 data at input byte %zu", at);
        return jq_failed0(r, "@base64d", in, why);
}

static bool fn_tobase64d(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct abuf b = abuf_in(&r->arena);
        struct str s = as_text(r, in);
        uint32_t v = 0;
        size_t n = 0, end = s.n;
        const char *pad = s.n ? memchr(s.p, '=', s.n) : NULL;
        (void)args;
        if (pad)
                end = (size_t)(pad - s.p);
        for (size_t i = 0; i < end; i++) {
                const char *at = s.p[i] ? strchr(base64, s.p[i]) : NULL;
                if (s.p[i] == '\n' || s.p[i] == '\r')
                        continue;
                if (!at)
                        return bad_base64(r, in, i);
                v = v << 6 | (uint32_t)(at - base64);
                if (++n % 4 == 0) {
                        abuf_addc(&b, (char)(v >> 16));
                        abuf_addc(&b, (char)(v >> 8));
                        abuf_addc(&b, (char)v);
                }
        }
        if (n % 4 == 1)
                return bad_base64(r, in, end - 1);
        if (n % 4 >= 2)
                abuf_addc(&b, (char)(n % 4 == 2 ? v >> 4 : v >> 10));
        if (n % 4 == 3)
                abuf_addc(&b, (char)(v >> 2));
        return finish(r, &b, out);
}

static bool fn_format(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        static const struct {
                const char *name;
                native_fn *fn;
        } formats[] = {{"text", jq_tostring}, {"html", fn_tohtml},     {"uri", fn_touri},
                       {"urid", fn_tourid},   {"csv", fn_tocsv},       {"tsv", fn_totsv},
                       {"sh", fn_tosh},       {"base64", fn_tobase64}, {"base64d", fn_tobase64d}};
        if (args[0].kind != JV_STR)
                return jq_unfit0(r, "format", args[0]);
        if (str_eq(args[0].s, "json"))
                return give(out, jv_str(jv_json(&r->mem, in)));
        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
                if (str_eq(args[0].s, formats[i].name))
                        return formats[i].fn(r, in, NULL, out);
        return jq_fail(r, "format not defined: @%.*s", SHOWN(args[0].s));
}

const struct native jq_regex_natives[] = {
        {"_match", 3, fn_match},       {"_captures", 0, fn_captures},   {"format", 1, fn_format},
        {"_tohtml", 0, fn_tohtml},     {"_touri", 0, fn_touri},         {"_tourid", 0, fn_tourid},
        {"_tocsv", 0, fn_tocsv},       {"_totsv", 0, fn_totsv},         {"_tosh", 0, fn_tosh},
        {"_tobase64", 0, fn_tobase64}, {"_tobase64d", 0, fn_tobase64d}, {NULL, 0, NULL}};
