/* common/lang/gjson/sjson.c: see sjson.h.
 *
 * The path is followed with gjson, component by component: text before the place is copied, the
 * rest of the path goes on inside the value found. Where a component is missing its container gets
 * a new member, and what is left of the path is built around the value. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sjson.h"
#include "common/lang/gjson/gjson_priv.h"
#include <stdio.h>
#include <stdlib.h>

struct part {
        struct str name;   /* without escapes */
        struct str search; /* as gjson reads it */
        bool force;        /* ":" in front: an object key, whatever it looks like */
};
struct edit {
        struct gj g;
        struct buf *out;
        size_t base; /* out's length before */
        struct part *parts;
        size_t n, cap;
        struct str value; /* JSON text */
        bool remove;
};

/* ---- the path ---- */

static bool add_part(struct edit *ed, struct part part)
{
        if (ed->n == GJSON_DEPTH)
                return gj_fail(&ed->g, "the path is nested too deeply");
        if (ed->n == ed->cap) {
                size_t cap = ed->cap ? ed->cap * 4 : 8;
                struct part *more = arena_try_alloc(ed->g.arena, cap * sizeof(*more));
                if (!more)
                        return gj_fail(&ed->g, "the path needs too much memory");
                if (ed->n)
                        memcpy(more, ed->parts, ed->n * sizeof(*more));
                ed->parts = more;
                ed->cap = cap;
        }
        ed->parts[ed->n++] = part;
        return true;
}

/* Where the component at the start of `path` ends. False: it holds an operator of gjson. */
static bool component_end(struct str path, size_t *end, bool *escapes)
{
        *escapes = false;
        for (size_t i = 0; i < path.n; i++) {
                if (path.p[i] == '.') {
                        *end = i;
                        return true;
                }
                if (path.p[i] && strchr("|#@*?", path.p[i]))
                        return false;
                if (path.p[i] == '\\') {
                        *escapes = true;
                        i++;
                }
        }
        *end = path.n;
        return true;
}

static struct str without_escapes(struct edit *ed, struct str s)
{
        char *copy = arena_try_alloc(ed->g.arena, s.n + 1);
        size_t n = 0;
        if (!copy) {
                gj_fail(&ed->g, "the path needs too much memory");
                return STR("");
        }
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] == '\\' && ++i == s.n)
                        break;
                copy[n++] = s.p[i];
        }
        return (struct str){copy, n};
}

/* False: a complex path, to be left to gjson as a whole. */
static bool split_path(struct edit *ed, struct str path)
{
        for (bool more = true; more;) {
                struct part part = {0};
                size_t end;
                bool escapes;
                if (path.n && path.p[0] == ':') {
                        part.force = true;
                        path = gj_from(path, 1);
                }
                if (!component_end(path, &end, &escapes))
                        return false;
                part.search = part.name = gj_slice(path, 0, end);
                if (escapes)
                        part.name = without_escapes(ed, part.name);
                if (!add_part(ed, part))
                        return true;
                more = end < path.n;
                path = gj_from(path, end + 1);
        }
        return true;
}

static bool is_append(const struct part *p)
{
        return !p->force && str_eq(p->name, "-1");
}

static bool is_index(const struct part *p, int64_t *n)
{
        uint64_t u = 0;
        if (p->force)
                return false;
        for (size_t i = 0; i < p->name.n; i++) {
                if (p->name.p[i] < '0' || p->name.p[i] > '9')
                        return false;
                u = u * 10 + (uint64_t)(p->name.p[i] - '0');
        }
        *n = (int64_t)u;
        return true;
}

/* ---- writing ---- */

static void put(struct edit *ed, struct str s)
{
        buf_add(ed->out, s.p, s.n);
}

static struct str as_json_string(struct edit *ed, struct str s)
{
        struct abuf b = abuf_in(ed->g.arena);
        bool plain = true;
        for (size_t i = 0; i < s.n && plain; i++) {
                unsigned char c = (unsigned char)s.p[i];
                plain = c >= ' ' && c <= 0x7f && c != '"' && c != '\\';
        }
        if (plain) { /* then < > & stay */
                abuf_addc(&b, '"');
                abuf_add(&b, s);
                abuf_addc(&b, '"');
        } else {
                gj_quote(&b, s);
        }
        if (b.failed)
                gj_fail(&ed->g, "the value needs too much memory");
        return abuf_str(&b);
}

static void pad(struct edit *ed, struct str item, int64_t n)
{
        if (n > 0 && (uint64_t)n > ed->out->max / item.n) {
                gj_fail(&ed->g, "the index is too large");
                return;
        }
        for (; n > 0 && !ed->out->overflow; n--)
                put(ed, item);
}

/* The value inside the containers of parts[from..], the first of which is a member of an open
 * container. */
static void build(struct edit *ed, bool in_array, size_t from)
{
        char closers[GJSON_DEPTH];
        size_t depth = 0;
        for (size_t i = from;; i++) {
                int64_t index = 0;
                if (!in_array) {
                        put(ed, as_json_string(ed, ed->parts[i].name));
                        buf_addc(ed->out, ':');
                }
                if (i + 1 == ed->n)
                        break;
                in_array = is_index(&ed->parts[i + 1], &index) || is_append(&ed->parts[i + 1]);
                buf_addc(ed->out, in_array ? '[' : '{');
                closers[depth++] = in_array ? ']' : '}';
                if (in_array)
                        pad(ed, STR("null,"), index);
        }
        put(ed, ed->value);
        while (depth)
                buf_addc(ed->out, closers[--depth]);
}

/* ---- taking away what stands before a removed value: its key and a comma ---- */

/* text[i] is the colon behind a key: where to cut, with the comma (or behind the brace) before the
 * key. */
static bool cut_key(struct str text, ptrdiff_t i, ptrdiff_t *cut, bool *first)
{
        while (i >= 0 && text.p[i] != '"')
                i--;
        for (i--; i >= 0; i--) {
                if (text.p[i] != '"')
                        continue;
                i--;
                if (i >= 0 && text.p[i] == '\\') {
                        i--;
                        continue;
                }
                for (; i >= 0; i--) {
                        if (text.p[i] == '{' || text.p[i] == ',') {
                                *first = text.p[i] == '{';
                                *cut = *first ? i + 1 : i;
                                return true;
                        }
                }
        }
        return false;
}

/* True: the removed value was the first of its container, so the comma behind it goes too. */
static bool cut_before(struct edit *ed)
{
        struct str text = {ed->out->data + ed->base, ed->out->len - ed->base};
        bool first = false;
        for (ptrdiff_t i = (ptrdiff_t)text.n - 1; i >= 0; i--) {
                ptrdiff_t cut = i;
                if (text.p[i] == '[')
                        return true;
                if (text.p[i] != ',' && text.p[i] != ':')
                        continue;
                if (text.p[i] == ',' || cut_key(text, i, &cut, &first))
                        buf_truncate(ed->out, ed->base + (size_t)cut);
                return first;
        }
        return false;
}

static size_t comma_behind(struct str rest)
{
        for (size_t i = 0; i < rest.n; i++) {
                if ((unsigned char)rest.p[i] <= ' ')
                        continue;
                return rest.p[i] == ',' ? i + 1 : 0;
        }
        return 0;
}

static void replace(struct edit *ed, struct str json, const struct gjson *at)
{
        struct str rest = gj_from(json, at->index + at->raw.n);
        put(ed, gj_slice(json, 0, at->index));
        if (!ed->remove)
                put(ed, ed->value);
        else if (cut_before(ed))
                rest = gj_from(rest, comma_behind(rest));
        put(ed, rest);
}

/* ---- new members ---- */

/* Is there anything between the brackets? */
static bool has_content(struct str json)
{
        for (size_t i = 1; i < json.n; i++)
                if ((unsigned char)json.p[i] > ' ')
                        return json.p[i] != '}' && json.p[i] != ']';
        return false;
}

static void add_to_object(struct edit *ed, struct str json, size_t from)
{
        size_t end = json.n - 1;
        while (end > 0 && json.p[end] != '}')
                end--;
        put(ed, gj_slice(json, 0, end));
        if (has_content(json))
                buf_addc(ed->out, ',');
        build(ed, false, from);
        buf_addc(ed->out, '}');
}

static void append_to_array(struct edit *ed, struct str json, size_t from)
{
        struct str inner = gj_trim(json);
        if (inner.n && inner.p[inner.n - 1] == ']')
                inner.n--;
        put(ed, inner);
        if (has_content(json))
                buf_addc(ed->out, ',');
        build(ed, true, from);
        buf_addc(ed->out, ']');
}

/* The elements without the space around them. */
static size_t copy_elements(struct edit *ed, struct str json)
{
        size_t n = 0;
        for (size_t i = 1; i < json.n && gj_step(&ed->g, 1); i++) {
                struct gjson value;
                if (json.p[i] == ']' || json.p[i] == '}')
                        break;
                enum gj_kind kind = gj_kind_at(json, i);
                bool known =
                        kind != GJ_SKIP && (kind != GJ_NUMBER || strchr("-0123456789n", json.p[i]));
                if (!known)
                        continue;
                if (json.p[i] == 'n')
                        kind = GJ_LITERAL;
                size_t start = i;
                if (!gj_read(&ed->g, json, kind, &i, &value))
                        value.raw = gj_from(json, start); /* a string without end */
                if (n++)
                        buf_addc(ed->out, ',');
                put(ed, value.raw);
                i--;
        }
        return n;
}

static void extend_array(struct edit *ed, struct str json, size_t from, int64_t index)
{
        buf_addc(ed->out, '[');
        size_t n = copy_elements(ed, json);
        if (n == 0) {
                pad(ed, STR("null,"), index);
        } else {
                pad(ed, STR(",null"), index - (int64_t)n);
                if (has_content(json))
                        buf_addc(ed->out, ',');
        }
        build(ed, true, from);
        buf_addc(ed->out, ']');
}

static int add_member(struct edit *ed, struct str json, size_t from, struct err *e)
{
        int64_t index = 0;
        bool numeric = is_index(&ed->parts[from], &index);
        struct gjson r = gj_parse(&ed->g, json);
        if (r.type != GJSON_JSON) /* empty, or a scalar that gives way */
                r.raw = numeric ? STR("[]") : STR("{}");
        if (r.raw.p[0] == '{')
                add_to_object(ed, r.raw, from);
        else if (numeric)
                extend_array(ed, r.raw, from, index);
        else if (is_append(&ed->parts[from]))
                append_to_array(ed, r.raw, from);
        else
                return err_set(e, ERR_INVALID,
                               "sjson: \"%.*s\" is no index, and its place is a list",
                               (int)(ed->parts[from].name.n > 200 ? 200 : ed->parts[from].name.n),
                               ed->parts[from].name.p);
        return 0;
}

/* ---- the edit ---- */

/* The value of one component; index 0: not there. */
static struct gjson find_part(struct edit *ed, struct str json, const struct part *part)
{
        if (ed->remove && is_append(part)) {
                struct gjson count = gj_get(&ed->g, json, STR("#"));
                if (gjson_int(&count) > 0) {
                        char last[24];
                        int n = snprintf(last, sizeof(last), "%lld",
                                         (long long)gjson_int(&count) - 1);
                        return gj_get(&ed->g, json, (struct str){last, (size_t)n});
                }
        }
        return gj_get(&ed->g, json, part->search);
}

/* *changed false: there was nothing to remove. */
static int edit_simple(struct edit *ed, struct str json, bool *changed, struct err *e)
{
        struct str tails[GJSON_DEPTH];
        size_t depth = 0;
        int rc = 0;
        *changed = true;
        for (;; depth++) {
                struct gjson at = find_part(ed, json, &ed->parts[depth]);
                if (ed->g.failed)
                        return 0;
                if (at.index == 0) {
                        *changed = !ed->remove;
                        if (*changed)
                                rc = add_member(ed, json, depth, e);
                        break;
                }
                if (depth + 1 == ed->n) {
                        replace(ed, json, &at);
                        break;
                }
                put(ed, gj_slice(json, 0, at.index));
                tails[depth] = gj_from(json, at.index + at.raw.n);
                json = at.raw;
        }
        while (depth)
                put(ed, tails[--depth]);
        return rc;
}

struct spot {
        size_t index, len;
};

static int later_first(const void *va, const void *vb)
{
        const struct spot *a = va, *b = vb;
        return a->index > b->index ? -1 : a->index < b->index;
}

/* A path with wildcards or queries: what it finds is replaced, last place first. */
static bool edit_complex(struct edit *ed, struct str json, struct str path)
{
        struct gjson r = gj_get(&ed->g, json, path), key, value;
        if (ed->g.failed || !gj_exists(&r) || (r.index == 0 && r.nindexes == 0))
                return false;
        size_t n = r.index ? 1 : r.nindexes, found = 0;
        struct spot *spots = arena_try_alloc(ed->g.arena, n * sizeof(*spots));
        if (!spots)
                return gj_fail(&ed->g, "the result needs too much memory");
        if (r.index) {
                spots[found++] = (struct spot){r.index, r.raw.n};
        } else {
                struct gj_each it;
                if (!gj_each_start(&it, &r))
                        return false;
                for (; gj_each_next(&ed->g, &it, &key, &value); found++)
                        if (found < n)
                                spots[found] = (struct spot){r.indexes[found], value.raw.n};
                if (found != n)
                        return false;
        }
        qsort(spots, n, sizeof(*spots), later_first);
        size_t from = 0;
        for (size_t i = n; i-- > 0; from = spots[i].index + spots[i].len) {
                if (spots[i].index < from) /* one inside the other: no such edit */
                        continue;
                put(ed, gj_slice(json, from, spots[i].index));
                put(ed, ed->value);
        }
        put(ed, gj_from(json, from));
        return true;
}

static int run(struct edit *ed, struct str json, struct str path, struct err *e)
{
        bool changed = false;
        int rc = 0;
        if (path.n == 0)
                return err_set(e, ERR_INVALID, "sjson: the path is empty");
        if (path.n > 65536)
                return err_set(e, ERR_LIMIT, "sjson: a path of %zu bytes is too long", path.n);
        if (split_path(ed, path)) {
                if (!ed->g.failed)
                        rc = edit_simple(ed, json, &changed, e);
        } else if (ed->remove) {
                return err_set(e, ERR_INVALID,
                               "sjson: cannot delete by a path with wildcards or queries");
        } else {
                changed = edit_complex(ed, json, path);
        }
        if (rc == 0 && !ed->g.failed && !changed) {
                buf_truncate(ed->out, ed->base);
                put(ed, json);
        }
        if (rc == 0 && ed->g.failed)
                rc = err_set(e, ERR_LIMIT, "sjson: %s", ed->g.failed);
        if (rc == 0 && ed->out->overflow)
                rc = err_set(e, ERR_LIMIT, "sjson: the result is larger than %zu bytes",
                             ed->out->max);
        if (rc < 0)
                buf_truncate(ed->out, ed->base);
        return rc;
}

static void start(struct edit *ed, struct buf *out, struct str json, struct arena *a)
{
        *ed = (struct edit){.out = out, .base = out->len};
        gj_init(&ed->g, a, json.n);
}

int sjson_set_raw(struct buf *out, struct str json, struct str path, struct str raw,
                  struct arena *a, struct err *e)
{
        struct edit ed;
        start(&ed, out, json, a);
        ed.value = raw;
        return run(&ed, json, path, e);
}

int sjson_set_string(struct buf *out, struct str json, struct str path, struct str text,
                     struct arena *a, struct err *e)
{
        struct edit ed;
        start(&ed, out, json, a);
        ed.value = as_json_string(&ed, text);
        return run(&ed, json, path, e);
}

int sjson_delete(struct buf *out, struct str json, struct str path, struct arena *a, struct err *e)
{
        struct edit ed;
        start(&ed, out, json, a);
        ed.remove = true;
        return run(&ed, json, path, e);
}
