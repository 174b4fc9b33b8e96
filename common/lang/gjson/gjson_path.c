/* common/lang/gjson/gjson_path.c: see gjson_priv.h: paths taken apart, one component at a time.
 * The grammar depends on what a component meets: under an object `#` is a letter, under an array it
 * is an operator. So a component is parsed when the walk arrives there. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"

/* After a dot: does a modifier or a multipath follow? Then the dot is a pipe. */
static bool dot_is_pipe(struct str rest)
{
        if (rest.n == 0)
                return false;
        if (rest.p[0] != '@')
                return rest.p[0] == '[' || rest.p[0] == '{';
        size_t i = 1;
        while (i < rest.n && rest.p[i] != '.' && rest.p[i] != '|' && rest.p[i] != ':')
                i++;
        return gj_is_modifier(gj_slice(rest, 1, i));
}

static void end_at_dot(struct gj_part *out, struct str path, size_t i)
{
        struct str rest = gj_from(path, i + 1);
        if (dot_is_pipe(rest)) {
                out->pipe = rest;
                out->piped = true;
        } else {
                out->path = rest;
                out->more = true;
        }
}

/* The slow way from the first backslash at `i` on: the part is copied without its escapes. */
static void escaped_part(struct gj *g, struct str path, size_t i, struct gj_part *out)
{
        char *copy = arena_try_alloc(g->arena, path.n + 1);
        if (!copy) {
                gj_fail(g, "the path needs too much memory");
                return;
        }
        size_t n = i;
        memcpy(copy, path.p, i);
        for (; i < path.n; i++) {
                char c = path.p[i];
                if (c == '\\') {
                        if (++i < path.n)
                                copy[n++] = path.p[i];
                        continue;
                }
                if (c == '.' || c == '|') {
                        out->part = (struct str){copy, n};
                        if (c == '.') {
                                end_at_dot(out, path, i);
                        } else {
                                out->pipe = gj_from(path, i + 1);
                                out->piped = true;
                        }
                        return;
                }
                if (c == '*' || c == '?')
                        out->wild = true;
                copy[n++] = c;
        }
        out->part = (struct str){copy, n};
}

void gj_object_part(struct gj *g, struct str path, struct gj_part *out)
{
        *out = (struct gj_part){.part = path};
        for (size_t i = 0; i < path.n; i++) {
                switch (path.p[i]) {
                case '|':
                        out->part = gj_slice(path, 0, i);
                        out->pipe = gj_from(path, i + 1);
                        out->piped = true;
                        return;
                case '.':
                        out->part = gj_slice(path, 0, i);
                        end_at_dot(out, path, i);
                        return;
                case '*':
                case '?': out->wild = true; break;
                case '\\': escaped_part(g, path, i, out); return;
                default: break;
                }
        }
}

/* Behind an opening quote at i: the index of the closing one (or the end). */
static size_t skip_quoted(struct str s, size_t i, bool *escapes)
{
        for (; i < s.n && s.p[i] != '"'; i++)
                if (s.p[i] == '\\') {
                        *escapes = true;
                        i++;
                }
        return i;
}

static void split_operator(struct gj_query *q, struct str value)
{
        size_t size = 1;
        bool two = value.n > 1;
        if (two && value.p[0] == '=' && value.p[1] == '=')
                value = gj_from(value, 1);
        else if (two && ((value.p[0] == '!' && (value.p[1] == '=' || value.p[1] == '%')) ||
                         ((value.p[0] == '<' || value.p[0] == '>') && value.p[1] == '=')))
                size = 2;
        else if (two && value.p[0] == '!')
                size = 0;
        q->op = gj_slice(value, 0, size);
        q->value = gj_trim(gj_from(value, size));
}

/* text begins with "#(" or "#["; *end is the index behind the closing bracket. */
static bool parse_query(struct gj *g, struct str text, struct gj_query *q, size_t *end)
{
        size_t i = 2, value_at = 0;
        unsigned depth = 1;
        bool escapes = false;
        for (; i < text.n; i++) {
                char c = text.p[i];
                if (depth == 1 && value_at == 0 && strchr("!=<>%", c) && c) {
                        value_at = i;
                } else if (c == '\\') {
                        i++;
                } else if (c == '[' || c == '(') {
                        depth++;
                } else if (c == ']' || c == ')') {
                        if (--depth == 0)
                                break;
                } else if (c == '"') {
                        i = skip_quoted(text, i + 1, &escapes);
                }
        }
        if (depth)
                return false;
        q->path = gj_trim(gj_slice(text, 2, value_at ? value_at : i));
        if (value_at)
                split_operator(q, gj_trim(gj_slice(text, value_at, i)));
        *end = i + 1;
        if (q->value.n >= 2 && q->value.p[0] == '"' && q->value.p[q->value.n - 1] == '"') {
                q->value = gj_slice(q->value, 1, q->value.n - 1);
                if (escapes)
                        q->value = gj_unescape(g, q->value);
        }
        return true;
}

/* A component that begins with '#'. Moves *i over a query; false: a broken query, the rest is the
 * part. */
static bool hash_component(struct gj *g, struct str path, size_t *i, struct gj_array_part *out)
{
        if (path.p[1] == '.') {
                out->each = true;
                out->each_key = gj_from(path, 2);
                out->path = gj_slice(path, 0, 1);
        } else if (path.p[1] == '[' || path.p[1] == '(') {
                size_t end;
                out->query.on = true;
                if (!parse_query(g, path, &out->query, &end))
                        return false;
                *i = end - 1;
                out->query.all = end < path.n && path.p[end] == '#';
        }
        return true;
}

void gj_array_part(struct gj *g, struct str path, struct gj_array_part *out)
{
        *out = (struct gj_array_part){0};
        for (size_t i = 0; i < path.n; i++) {
                char c = path.p[i];
                if (c == '|') {
                        out->part = gj_slice(path, 0, i);
                        out->pipe = gj_from(path, i + 1);
                        out->piped = true;
                        return;
                }
                if (c == '.') {
                        struct gj_part dot = {0};
                        out->part = gj_slice(path, 0, i);
                        if (out->hash) {
                                dot.path = gj_from(path, i + 1);
                                dot.more = true;
                        } else {
                                end_at_dot(&dot, path, i);
                        }
                        out->path = dot.more ? dot.path : out->path;
                        out->more = dot.more;
                        out->pipe = dot.pipe;
                        out->piped = dot.piped;
                        return;
                }
                if (c == '#') {
                        out->hash = true;
                        if (i == 0 && path.n > 1 && !hash_component(g, path, &i, out))
                                break;
                }
        }
        out->part = path;
        out->path = STR("");
}

/* Behind ".#(" or ".#[" at i: the index of the matching bracket, or the end. */
static size_t skip_brackets(struct str path, size_t i, char open, char close)
{
        bool escapes = false;
        unsigned depth = 1;
        for (; i < path.n; i++) {
                char c = path.p[i];
                if (c == '\\')
                        i++;
                else if (c == open)
                        depth++;
                else if (c == close && --depth == 0)
                        break;
                else if (c == '"')
                        i = skip_quoted(path, i + 1, &escapes);
        }
        return i;
}

/* A multipath {..} at the start of the path: only a pipe right behind it counts. */
static bool split_after_braces(struct str path, struct str *left, struct str *right)
{
        struct str inner = gj_from(path, 1);
        if (inner.n == 0)
                return false;
        size_t n = 1;
        if (inner.p[0] != '"') {
                n = gj_squash(inner, 0);
        } else {
                bool escapes;
                n = gj_string_end(inner, 1, &escapes) + 1;
        }
        if (n >= inner.n || path.p[n + 1] != '|')
                return false;
        *left = gj_slice(path, 0, n + 1);
        *right = gj_from(path, n + 2);
        return true;
}

bool gj_split_pipe(struct str path, struct str *left, struct str *right)
{
        if (path.n == 0 || !memchr(path.p, '|', path.n))
                return false;
        if (path.p[0] == '{')
                return split_after_braces(path, left, right);
        for (size_t i = 0; i < path.n; i++) {
                char c = path.p[i];
                if (c == '\\') {
                        i++;
                } else if (c == '.') {
                        if (i + 1 >= path.n)
                                return false;
                        if (path.p[i + 1] != '#')
                                continue;
                        i += 2;
                        if (i >= path.n)
                                return false;
                        if (path.p[i] == '[' || path.p[i] == '(')
                                i = skip_brackets(path, i + 1, path.p[i],
                                                  path.p[i] == '[' ? ']' : ')');
                } else if (c == '|') {
                        *left = gj_slice(path, 0, i);
                        *right = gj_from(path, i + 1);
                        return true;
                }
        }
        return false;
}

struct selector_scan {
        struct gj_selector *items;
        size_t n, cap, start, colon, modifier;
};

static bool push_selector(struct gj *g, struct selector_scan *s, struct str path, size_t i)
{
        if (s->n == s->cap) {
                size_t cap = s->cap ? s->cap * 2 : 8;
                struct gj_selector *more = arena_try_alloc(g->arena, cap * sizeof(*more));
                if (!more)
                        return gj_fail(g, "the path needs too much memory");
                if (s->n)
                        memcpy(more, s->items, s->n * sizeof(*more));
                s->items = more;
                s->cap = cap;
        }
        struct gj_selector *sel = &s->items[s->n++];
        sel->name = s->colon ? gj_slice(path, s->start, s->colon) : STR("");
        sel->path = gj_slice(path, s->colon ? s->colon + 1 : s->start, i);
        s->colon = s->modifier = 0;
        s->start = i + 1;
        return true;
}

bool gj_selectors(struct gj *g, struct str path, struct gj_selector **out, size_t *n,
                  struct str *rest)
{
        struct selector_scan s = {.start = 1};
        unsigned depth = 1;
        bool escapes = false;
        for (size_t i = 1; i < path.n; i++) {
                switch (path.p[i]) {
                case '\\': i++; break;
                case '@':
                        if (!s.modifier && (path.p[i - 1] == '.' || path.p[i - 1] == '|'))
                                s.modifier = i;
                        break;
                case ':':
                        if (!s.modifier && !s.colon && depth == 1)
                                s.colon = i;
                        break;
                case ',':
                        if (depth == 1 && !push_selector(g, &s, path, i))
                                return false;
                        break;
                case '"': i = skip_quoted(path, i + 1, &escapes); break;
                case '[':
                case '(':
                case '{': depth++; break;
                case ']':
                case ')':
                case '}':
                        if (--depth)
                                break;
                        if (!push_selector(g, &s, path, i))
                                return false;
                        *rest = gj_from(path, i + 1);
                        *out = s.items;
                        *n = s.n;
                        return true;
                default: break;
                }
        }
        return false;
}
