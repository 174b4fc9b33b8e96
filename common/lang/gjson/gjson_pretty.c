/* common/lang/gjson/gjson_pretty.c: @pretty: one member a line, arrays on one line where they fit
 * in the width. An array is first tried on one line (nothing but arrays and scalars inside); if it
 * is too long the text is taken back and written again over several. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include <stdlib.h>

struct pretty {
        struct gj *g;
        struct str json, prefix, indent;
        struct abuf out;
        int64_t width;
        bool sort;
        size_t line; /* where the last line begins in out */
};
enum { NO_LIMIT = -1 }; /* not inside an attempt to stay on one line */

static void new_line(struct pretty *p)
{
        p->line = p->out.n;
        if (p->out.n && p->out.p[p->out.n - 1] == ' ')
                p->out.p[p->out.n - 1] = '\n';
        else
                abuf_addc(&p->out, '\n');
}

static void put_tabs(struct pretty *p, size_t tabs)
{
        abuf_add(&p->out, p->prefix);
        for (size_t i = 0; i < tabs && !p->out.failed; i++)
                abuf_add(&p->out, p->indent);
}

static bool put_any(struct pretty *p, size_t *i, size_t tabs, int64_t max);

/* ---- sorted members ---- */

struct pair {
        struct str key;   /* unescaped */
        struct str value; /* behind the colon, to break ties */
        struct str text;  /* the member as written */
};

static int value_order(struct str v)
{
        if (v.n == 0 || v.p[0] == 'n')
                return GJSON_NULL;
        switch (v.p[0]) {
        case '"': return GJSON_STRING;
        case 'f': return GJSON_FALSE;
        case 't': return GJSON_TRUE;
        case '[':
        case '{': return GJSON_JSON;
        default: return GJSON_NUMBER;
        }
}

static int compare_pairs(const void *va, const void *vb)
{
        const struct pair *a = va, *b = vb;
        int order = gj_compare(a->key, b->key);
        if (order)
                return order;
        int ka = value_order(a->value), kb = value_order(b->value);
        if (ka != kb)
                return ka < kb ? -1 : 1;
        order = gj_compare(a->value, b->value);
        return order ? order : a->text.p < b->text.p ? -1 : a->text.p > b->text.p;
}

static void write_sorted(struct pretty *p, const struct abuf *list)
{
        size_t n = list->n / sizeof(struct pair);
        struct pair *pairs = (struct pair *)(void *)list->p;
        if (n < 2)
                return;
        size_t from = (size_t)(pairs[0].text.p - p->out.p);
        char *copy = arena_try_alloc(p->g->arena, p->out.n - from);
        if (!copy) {
                p->out.failed = true;
                return;
        }
        memcpy(copy, p->out.p + from, p->out.n - from);
        for (size_t i = 0; i < n; i++)
                pairs[i].text.p = copy + (pairs[i].text.p - p->out.p - from);
        qsort(pairs, n, sizeof(*pairs), compare_pairs);
        p->out.n = from;
        for (size_t i = 0; i < n; i++) {
                abuf_add(&p->out, pairs[i].text);
                if (i + 1 < n)
                        abuf_add(&p->out, STR(",\n"));
        }
}

/* out.p moves while it grows, so places are kept as offsets until the object ends. */
struct place {
        size_t key_from, key_to, text_from, value_from, text_to;
};

static void sort_members(struct pretty *p, const struct abuf *places)
{
        struct abuf list = abuf_in(p->g->arena);
        size_t n = places->n / sizeof(struct place);
        for (size_t k = 0; k < n; k++) {
                struct place at;
                memcpy(&at, places->p + k * sizeof(at), sizeof(at));
                struct str key = gj_slice(p->json, at.key_from + 1, at.key_to - 1);
                struct pair pair = {
                        .key = memchr(key.p, '\\', key.n) ? gj_unescape(p->g, key) : key,
                        .value = gj_trim(gj_slice(abuf_str(&p->out), at.value_from, at.text_to)),
                        .text = gj_slice(abuf_str(&p->out), at.text_from, at.text_to)};
                abuf_add(&list, (struct str){(const char *)&pair, sizeof(pair)});
        }
        if (list.failed || places->failed)
                p->out.failed = true;
        else
                write_sorted(p, &list);
}

/* ---- containers ---- */

static void close_container(struct pretty *p, char open, size_t members, size_t tabs,
                            const struct abuf *places)
{
        if (open == '{' && p->sort)
                sort_members(p, places);
        if (members)
                new_line(p);
        if (!p->out.failed && p->out.p[p->out.n - 1] != open)
                put_tabs(p, tabs);
}

static void put_key(struct pretty *p, size_t *i)
{
        bool escapes;
        size_t end = gj_string_end(p->json, *i + 1, &escapes) + 1;
        abuf_add(&p->out, gj_slice(p->json, *i, end));
        abuf_addc(&p->out, ':');
        *i = end < p->json.n ? end : p->json.n;
}

/* One member at *i. False: it does not fit on the line. */
static bool put_member(struct pretty *p, char open, bool first, size_t *i, size_t tabs, int64_t max,
                       struct abuf *places)
{
        struct place at = {.key_from = *i};
        if (!first) {
                abuf_addc(&p->out, ',');
                if (p->width != -1 && open == '[')
                        abuf_addc(&p->out, ' ');
        }
        if (max == NO_LIMIT) {
                new_line(p);
                at.text_from = p->out.n;
                put_tabs(p, tabs + 1);
        }
        if (open == '{') {
                put_key(p, i);
                at.key_to = *i;
                if (max == NO_LIMIT)
                        abuf_addc(&p->out, ' ');
                at.value_from = p->out.n;
        }
        bool fits = put_any(p, i, tabs + 1, max);
        if (max != NO_LIMIT)
                return fits;
        if (open == '{' && p->sort) {
                at.text_to = p->out.n;
                abuf_add(places, (struct str){(const char *)&at, sizeof(at)});
        }
        return true;
}

/* json[*i] is the bracket. The answer: may this stand in a one-line array? */
static bool put_container(struct pretty *p, size_t *i, size_t tabs, int64_t max)
{
        char open = p->json.p[*i], close = open == '{' ? '}' : ']';
        if (p->width > 0 && open == '[' && max == NO_LIMIT) {
                int64_t room = p->width - (int64_t)(p->out.n - p->line);
                size_t out = p->out.n, at = *i, line = p->line;
                if (room > 3) {
                        bool ok = put_container(p, i, 0, room);
                        p->line = line;
                        if (ok && (int64_t)(p->out.n - out) <= room)
                                return true;
                        p->out.n = out;
                        *i = at;
                }
        } else if (p->width > 0 && open == '{' && max != NO_LIMIT) {
                return false;
        }
        struct abuf places = abuf_in(p->g->arena);
        size_t members = 0;
        abuf_addc(&p->out, open);
        for (++*i; *i < p->json.n; ++*i) {
                char c = p->json.p[*i];
                if ((unsigned char)c <= ' ')
                        continue;
                if (c == close) {
                        if (max == NO_LIMIT)
                                close_container(p, open, members, tabs, &places);
                        abuf_addc(&p->out, close);
                        ++*i;
                        return open != '{';
                }
                if (open == '{' && c != '"')
                        continue;
                if (!gj_step(p->g, 1) || !put_member(p, open, members == 0, i, tabs, max, &places))
                        return false;
                --*i;
                members++;
        }
        return open != '{';
}

static bool is_number_start(struct str json, size_t i)
{
        char c = json.p[i];
        if ((c >= '0' && c <= '9') || c == '-' || c == 'i' || c == 'I' || c == '+' || c == 'N')
                return true;
        return c == 'n' && i + 1 < json.n && json.p[i + 1] != 'u';
}

static void put_number(struct pretty *p, size_t *i)
{
        size_t end = *i + 1;
        while (end < p->json.n && (unsigned char)p->json.p[end] > ' ' &&
               !strchr(",:]}", p->json.p[end]))
                end++;
        abuf_add(&p->out, gj_slice(p->json, *i, end));
        *i = end;
}

static bool put_any(struct pretty *p, size_t *i, size_t tabs, int64_t max)
{
        bool escapes;
        for (; *i < p->json.n; ++*i) {
                char c = p->json.p[*i];
                if ((unsigned char)c <= ' ')
                        continue;
                if (c == '"') {
                        size_t end = gj_string_end(p->json, *i + 1, &escapes) + 1;
                        abuf_add(&p->out, gj_slice(p->json, *i, end));
                        *i = end < p->json.n ? end : p->json.n;
                        return true;
                }
                if (is_number_start(p->json, *i)) {
                        put_number(p, i);
                        return true;
                }
                if (c == '{' || c == '[') {
                        if (!gj_enter(p->g))
                                return false;
                        bool fits = put_container(p, i, tabs, max);
                        gj_leave(p->g);
                        return fits;
                }
                struct str word = c == 't'   ? STR("true")
                                  : c == 'f' ? STR("false")
                                  : c == 'n' ? STR("null")
                                             : STR("");
                if (word.n) {
                        abuf_add(&p->out, word);
                        *i += word.n;
                        return true;
                }
        }
        return true;
}

/* indent and prefix may hold white space only. */
static struct str only_space(struct gj *g, struct str s)
{
        struct abuf b = abuf_in(g->arena);
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] && strchr(" \t\n\r", s.p[i]))
                        abuf_addc(&b, s.p[i]);
        return abuf_str(&b);
}

static void read_options(struct pretty *p, struct str options)
{
        struct gjson r = gj_parse(p->g, options), key, value;
        struct gj_each it;
        if (r.type != GJSON_JSON || !gj_each_start(&it, &r))
                return;
        while (gj_each_next(p->g, &it, &key, &value)) {
                if (str_eq(key.str, "sortKeys"))
                        p->sort = gjson_bool(&value);
                else if (str_eq(key.str, "indent"))
                        p->indent = only_space(p->g, gj_text(p->g, &value));
                else if (str_eq(key.str, "prefix"))
                        p->prefix = only_space(p->g, gj_text(p->g, &value));
                else if (str_eq(key.str, "width"))
                        p->width = gjson_int(&value);
        }
}

struct str gj_pretty(struct gj *g, struct str json, struct str options)
{
        struct pretty p = {
                .g = g, .json = json, .indent = STR("  "), .out = abuf_in(g->arena), .width = 80};
        size_t i = 0;
        if (options.n)
                read_options(&p, options);
        abuf_add(&p.out, p.prefix);
        put_any(&p, &i, 0, NO_LIMIT);
        if (p.out.n)
                abuf_addc(&p.out, '\n');
        if (p.out.failed)
                gj_fail(g, "the result needs too much memory");
        return abuf_str(&p.out);
}
