/* common/lang/gjson/gjson_walk.c: see gjson_priv.h: one path followed through the document, left to
 * right.
 *
 * A walk skips members until one matches the next component, goes into it, and returns at once when
 * the path is used up. If the inside has no such place the walk goes on behind it: a later member
 * may match too (wildcards, duplicate keys). Results that need all of an array (#, #(..)#) are
 * built when its end is reached, and the walk of the outer containers goes on, as in the original:
 * a later duplicate can still add to it. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"
#include <stdio.h>

static void set_pipe(struct gj_walk *w, struct str pipe)
{
        w->pipe = pipe;
        w->piped = true;
}

/* The next key at or after *i: true with its inside; *i moves behind the closing quote. */
static bool next_key(struct str json, size_t *i, struct str *key, bool *escapes, bool *end)
{
        *end = false;
        for (; *i < json.n; (*i)++) {
                if (json.p[*i] == '"') {
                        size_t close = gj_string_end(json, *i + 1, escapes);
                        if (close >= json.n)
                                return false;
                        *key = gj_slice(json, *i + 1, close);
                        *i = close + 1;
                        return true;
                }
                if (json.p[*i] == '}') {
                        *end = true;
                        ++*i;
                        return false;
                }
        }
        return false;
}

static bool key_matches(struct gj *g, const struct gj_part *part, struct str key, bool escapes)
{
        if (!part->wild && !escapes)
                return gj_same(part->part, key);
        if (escapes)
                key = gj_unescape_scratch(g, key);
        if (g->failed)
                return false;
        return part->wild ? gj_wildcard(g, key, part->part) : gj_same(part->part, key);
}

/* Behind a key: the first byte that can begin a value. */
static enum gj_kind member_value(struct str json, size_t *i)
{
        for (; *i < json.n; (*i)++) {
                enum gj_kind kind = gj_kind_at(json, *i);
                if (kind != GJ_SKIP && kind != GJ_END)
                        return kind;
        }
        return GJ_SKIP;
}

/* Move *i behind a value that is not wanted; false: broken. */
static bool skip_value(struct str json, enum gj_kind kind, size_t *i)
{
        bool escapes;
        switch (kind) {
        case GJ_STRING: *i = gj_string_end(json, *i + 1, &escapes) + 1; return *i <= json.n;
        case GJ_OBJECT:
        case GJ_ARRAY: *i = gj_squash(json, *i); return true;
        case GJ_LITERAL: *i = gj_literal_end(json, *i); return true;
        default: *i = gj_number_end(json, *i); return true;
        }
}

static size_t go_inside(struct gj_walk *w, enum gj_kind kind, size_t i, struct str path, bool *hit)
{
        *hit = false;
        if (!gj_enter(w->g))
                return w->json.n;
        i = kind == GJ_OBJECT ? gj_walk_object(w, i + 1, path, hit)
                              : gj_walk_array(w, i + 1, path, hit);
        gj_leave(w->g);
        return i;
}

size_t gj_walk_object(struct gj_walk *w, size_t i, struct str path, bool *hit)
{
        struct gj_part part;
        struct str key;
        bool escapes, end;
        *hit = false;
        gj_object_part(w->g, path, &part);
        if (!part.more && part.piped)
                set_pipe(w, part.pipe);
        while (i < w->json.n && gj_step(w->g, 1)) {
                if (!next_key(w->json, &i, &key, &escapes, &end))
                        return i;
                bool match = key_matches(w->g, &part, key, escapes);
                enum gj_kind kind = member_value(w->json, &i);
                if (kind == GJ_SKIP)
                        return i;
                if (match && !part.more) {
                        *hit = gj_read(w->g, w->json, kind, &i, &w->value);
                        return i;
                }
                if (match && (kind == GJ_OBJECT || kind == GJ_ARRAY)) {
                        i = go_inside(w, kind, i, part.path, hit);
                        if (*hit)
                                return i;
                } else if (!skip_value(w->json, kind, &i)) {
                        return i;
                }
        }
        return i;
}

/* ---- arrays ---- */

struct array_walk {
        struct gj_walk *w;
        struct gj_array_part part;
        long wanted; /* index, -1: none */
        long at;     /* elements begun */
        size_t *starts;
        size_t nstarts, cap_starts; /* #.key: where the elements begin */
        struct abuf all;            /* #(..)#: the matches so far, with '[' in front */
        size_t *indexes;
        size_t nindexes, cap_indexes;
};

static bool push_index(struct gj *g, size_t **list, size_t *n, size_t *cap, size_t value)
{
        if (*n == *cap) {
                size_t more_cap = *cap ? *cap * 2 : 16;
                size_t *more = arena_try_alloc(g->arena, more_cap * sizeof(*more));
                if (!more)
                        return gj_fail(g, "the result needs too much memory");
                if (*n)
                        memcpy(more, *list, *n * sizeof(*more));
                *list = more;
                *cap = more_cap;
        }
        (*list)[(*n)++] = value;
        return true;
}

/* The text a result contributes to a list. */
static struct str list_text(struct gj *g, const struct gjson *r)
{
        return r->raw.n ? r->raw : gj_text(g, r);
}

/* One element against #(...). True: it is the result. */
static bool try_query(struct array_walk *a, struct gjson element)
{
        struct gj_walk *w = a->w;
        struct gj_query *q = &a->part.query;
        if (q->all && a->all.n == 0)
                abuf_addc(&a->all, '[');
        size_t parent = gj_index_of(w->json, element.raw);
        struct gjson subject = element;
        if (element.type == GJSON_JSON)
                subject = gj_get_in(w->g, &element, q->path);
        else if (q->path.n)
                return false;
        if (!gj_query_matches(w->g, q, subject))
                return false;
        struct gjson found = element;
        if (a->part.more) {
                struct str left, right;
                if (gj_split_pipe(a->part.path, &left, &right)) {
                        a->part.path = left;
                        set_pipe(w, right);
                }
                found = gj_get_in(w->g, &element, a->part.path);
        }
        if (!q->all) {
                w->value = found;
                return true;
        }
        struct str raw = list_text(w->g, &found);
        if (raw.n) {
                if (a->all.n > 1)
                        abuf_addc(&a->all, ',');
                abuf_add(&a->all, raw);
                push_index(w->g, &a->indexes, &a->nindexes, &a->cap_indexes, found.index + parent);
        }
        return false;
}

/* #.key at the end of the array: the key of each element that has it. */
static void collect_each(struct array_walk *a)
{
        struct gj_walk *w = a->w;
        struct gj *g = w->g;
        struct str left, right;
        if (gj_split_pipe(a->part.each_key, &left, &right)) {
                a->part.each_key = left;
                set_pipe(w, right);
        }
        struct abuf out = abuf_in(g->arena);
        abuf_addc(&out, '[');
        for (size_t k = 0; k < a->nstarts && !g->failed; k++) {
                size_t i = a->starts[k];
                while (i < w->json.n && memchr(" \t\r\n", w->json.p[i], 4))
                        i++;
                struct gjson element, found;
                if (i >= w->json.n || w->json.p[i] == ']' || !gj_any(g, w->json, &i, &element))
                        continue;
                found = gj_get_in(g, &element, a->part.each_key);
                if (!gj_exists(&found))
                        continue;
                if (out.n > 1)
                        abuf_addc(&out, ',');
                abuf_add(&out, list_text(g, &found));
                push_index(g, &a->indexes, &a->nindexes, &a->cap_indexes, found.index);
        }
        abuf_addc(&out, ']');
        if (out.failed)
                gj_fail(g, "the result needs too much memory");
        static const size_t none[1];
        w->value.type = GJSON_JSON;
        w->value.raw = abuf_str(&out);
        w->value.indexes = a->indexes ? a->indexes : none;
        w->value.nindexes = a->nindexes;
}

static void count_elements(struct array_walk *a)
{
        struct gj_walk *w = a->w;
        char text[24];
        int n = snprintf(text, sizeof(text), "%ld", a->at - 1);
        struct abuf out = abuf_in(w->g->arena);
        abuf_add(&out, (struct str){text, (size_t)n});
        if (out.failed)
                gj_fail(w->g, "the result needs too much memory");
        w->value.type = GJSON_NUMBER;
        w->value.num = (double)(a->at - 1);
        w->value.raw = abuf_str(&out);
        w->computed = true;
}

/* The closing bracket was reached. True: the result stands. */
static bool array_end(struct array_walk *a)
{
        struct gj_walk *w = a->w;
        if (a->part.hash && str_eq(a->part.part, "#")) {
                if (a->part.each)
                        collect_each(a);
                else
                        count_elements(a);
                return true;
        }
        if (gj_exists(&w->value))
                return false;
        if (a->all.n) {
                abuf_addc(&a->all, ']');
                w->value = (struct gjson){.type = GJSON_JSON,
                                          .raw = abuf_str(&a->all),
                                          .indexes = a->indexes,
                                          .nindexes = a->nindexes};
        } else if (a->part.query.all) {
                w->value = (struct gjson){.type = GJSON_JSON, .raw = STR("[]")};
        }
        if (a->all.failed)
                gj_fail(w->g, "the result needs too much memory");
        return false;
}

/* One element of this kind at *i. True: the walk ends here with *hit. */
static bool element(struct array_walk *a, enum gj_kind kind, size_t *i, bool *hit)
{
        struct gj_walk *w = a->w;
        bool match = !a->part.hash && a->wanted == a->at - 1;
        *hit = match && !a->part.more;
        if (match && a->part.more && (kind == GJ_OBJECT || kind == GJ_ARRAY)) {
                *i = go_inside(w, kind, *i, a->part.path, hit);
                return *hit;
        }
        if (a->part.query.on) {
                struct gjson value;
                if (!gj_read(w->g, w->json, kind, i, &value))
                        return true;
                *hit = try_query(a, value);
                return *hit;
        }
        if (*hit) {
                *hit = gj_read(w->g, w->json, kind, i, &w->value);
                return true;
        }
        return !skip_value(w->json, kind, i);
}

size_t gj_walk_array(struct gj_walk *w, size_t i, struct str path, bool *hit)
{
        struct array_walk a = {.w = w, .wanted = -1, .all = abuf_in(w->g->arena)};
        uint64_t index;
        *hit = false;
        gj_array_part(w->g, path, &a.part);
        if (!a.part.hash && gj_digits(a.part.part, &index))
                a.wanted = (long)index;
        if (!a.part.more && a.part.piped)
                set_pipe(w, a.part.pipe);
        while (i <= w->json.n && gj_step(w->g, 1)) {
                a.at++;
                if (a.part.each && !push_index(w->g, &a.starts, &a.nstarts, &a.cap_starts, i))
                        return i;
                enum gj_kind kind = GJ_END; /* the end of the text closes the array */
                for (; i < w->json.n; i++) {
                        kind = gj_kind_at(w->json, i);
                        if (kind != GJ_SKIP)
                                break;
                        kind = GJ_END;
                }
                if (kind == GJ_END) {
                        *hit = array_end(&a);
                        return i + 1;
                }
                if (element(&a, kind, &i, hit))
                        return i;
        }
        *hit = false;
        return i;
}
