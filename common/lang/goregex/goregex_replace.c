/* common/lang/goregex/goregex_replace.c: see goregex.h: replacement templates, quoting, the cache.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex/goregex_priv.h"
#include <ctype.h>

/* ---- $name in templates ---- */

struct reference {
        struct str name;
        long number; /* -1: a name */
        size_t end;  /* index behind it in the template */
};

static bool name_char(struct str t, size_t i, size_t *len)
{
        unsigned char c = (unsigned char)t.p[i];
        *len = 1;
        if (c < 0x80)
                return isalnum(c) || c == '_';
        uint32_t cp; /* letters and digits beyond ASCII: all of them are taken for letters */
        *len = utf8_decode(t.p + i, t.n - i, &cp);
        return *len > 1;
}

/* t.p[i] is behind a '$'. False: no reference, the dollar stands for itself. */
static bool read_reference(struct str t, size_t i, struct reference *r)
{
        bool brace = i < t.n && t.p[i] == '{';
        size_t from = brace ? i + 1 : i, end = from, len;
        while (end < t.n && name_char(t, end, &len))
                end += len;
        if (end == from || (brace && (end >= t.n || t.p[end] != '}')))
                return false;
        r->name = (struct str){t.p + from, end - from};
        r->end = brace ? end + 1 : end;
        r->number = 0;
        for (size_t k = 0; k < r->name.n && r->number >= 0; k++) {
                char c = r->name.p[k];
                bool ok = c >= '0' && c <= '9' && r->number < 100000000;
                r->number = ok ? r->number * 10 + (c - '0') : -1;
        }
        if (r->name.p[0] == '0' && r->name.n > 1)
                r->number = -1;
        return true;
}

static void put_group(struct buf *out, struct str text, const struct goregex_span *spans, size_t n,
                      size_t group)
{
        if (group < n && spans[group].from != SIZE_MAX)
                buf_add(out, text.p + spans[group].from, spans[group].to - spans[group].from);
}

static void put_named(struct buf *out, const struct goregex *re, struct str text,
                      const struct goregex_span *spans, size_t n, struct str name)
{
        for (size_t i = 0; i < re->nnames; i++) {
                size_t group = re->names[i].group;
                if (str_eq(name, re->names[i].name) && group < n && spans[group].from != SIZE_MAX) {
                        put_group(out, text, spans, n, group);
                        return;
                }
        }
}

static void expand(struct buf *out, const struct goregex *re, struct str text, struct str template,
                   const struct goregex_span *spans, size_t n)
{
        for (size_t i = 0; i < template.n; i++) {
                struct reference r;
                if (template.p[i] != '$') {
                        buf_addc(out, template.p[i]);
                } else if (i + 1 < template.n && template.p[i + 1] == '$') {
                        buf_addc(out, '$');
                        i++;
                } else if (!read_reference(template, i + 1, &r)) {
                        buf_addc(out, '$');
                } else {
                        if (r.number >= 0)
                                put_group(out, text, spans, n, (size_t)r.number);
                        else
                                put_named(out, re, text, spans, n, r.name);
                        i = r.end - 1;
                }
        }
}

int goregex_replace(const struct goregex *re, struct str text, struct str template, bool literal,
                    struct arena *a, struct buf *out, struct err *e)
{
        size_t n = re->ngroups + 1, last = 0, base = out->len;
        struct goregex_span *spans = arena_try_alloc(a, n * sizeof(*spans));
        struct gre_run run;
        if (!spans)
                return err_set(e, ERR_LIMIT, "regex: not enough memory for the match");
        if (gre_run_start(&run, re, text, a, e) < 0)
                return -1;
        for (size_t pos = 0; pos <= text.n;) {
                bool found;
                if (gre_run_find(&run, pos, &found, spans, n, e) < 0)
                        goto fail;
                if (!found)
                        break;
                buf_add(out, text.p + last, spans[0].from - last);
                bool empty_after_match = spans[0].to == last && spans[0].from != 0;
                if (!empty_after_match && literal)
                        buf_add(out, template.p, template.n);
                else if (!empty_after_match)
                        expand(out, re, text, template, spans, n);
                last = spans[0].to;
                uint32_t cp;
                size_t width = pos < text.n ? utf8_decode(text.p + pos, text.n - pos, &cp) : 1;
                pos = pos + width > last ? pos + width : last;
                if (out->overflow) {
                        err_set(e, ERR_LIMIT, "regex: the result is larger than %zu bytes",
                                out->max);
                        goto fail;
                }
        }
        buf_add(out, text.p + last, text.n - last);
        return 0;
fail:
        buf_truncate(out, base);
        return -1;
}

void goregex_quote(struct buf *out, struct str text)
{
        for (size_t i = 0; i < text.n; i++) {
                if (text.p[i] && strchr("\\.+*?()|[]{}^$", text.p[i]))
                        buf_addc(out, '\\');
                buf_addc(out, text.p[i]);
        }
}

/* ---- cache ---- */

struct cached {
        char *pattern;
        size_t n;
        struct goregex *re;
        uint64_t used;
};
struct goregex_cache {
        size_t size;
        uint64_t clock;
        struct cached entries[];
};

struct goregex_cache *goregex_cache_new(size_t entries)
{
        if (entries == 0)
                entries = 1;
        struct goregex_cache *c = mem_alloc(sizeof(*c) + entries * sizeof(c->entries[0]));
        c->size = entries;
        return c;
}

struct goregex_cache *goregex_cache_free(struct goregex_cache *c)
{
        for (size_t i = 0; c && i < c->size; i++) {
                mem_free(c->entries[i].pattern);
                goregex_free(c->entries[i].re);
        }
        mem_free(c);
        return NULL;
}

int goregex_cached(struct goregex_cache *c, struct str pattern, const struct goregex **out,
                   struct err *e)
{
        struct cached *oldest = &c->entries[0];
        for (size_t i = 0; i < c->size; i++) {
                struct cached *at = &c->entries[i];
                if (at->re && at->n == pattern.n &&
                    memcmp(at->pattern, pattern.p, pattern.n) == 0) {
                        at->used = ++c->clock;
                        *out = at->re;
                        return 0;
                }
                if (at->used < oldest->used)
                        oldest = at;
        }
        struct goregex *re;
        if (goregex_new(&re, pattern, NULL, e) < 0)
                return -1;
        mem_free(oldest->pattern);
        goregex_free(oldest->re);
        *oldest = (struct cached){mem_strndup(pattern.p, pattern.n), pattern.n, re, ++c->clock};
        *out = re;
        return 0;
}
