/* common/lang/expr/expr_jsonpath_parse.c: see expr_jsonpath.h. The original cuts the text into
 * pieces first and then looks at each; what is refused depends on it. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/expr/expr_jsonpath.h"
#include "common/lang/gonum.h"
#include "common/lang/unicode/unicode.h"
#include <math.h>

bool jp_parse_int(struct str s, int64_t *out)
{
        return gonum_int(s, 10, 64, out) == GONUM_OK;
}

struct str jp_trim(struct str s)
{
        uint32_t c;
        while (s.n) {
                size_t n = utf8_decode(s.p, s.n, &c);
                if (!uni_is_space(c))
                        break;
                s.p += n;
                s.n -= n;
        }
        while (s.n) {
                size_t n = 1;
                while (n < s.n && n < 4 && ((unsigned char)s.p[s.n - n] & 0xC0) == 0x80)
                        n++;
                utf8_decode(s.p + s.n - n, n, &c);
                if (!uni_is_space(c))
                        break;
                s.n -= n;
        }
        return s;
}

static bool begins(struct str s, char c)
{
        return s.n && s.p[0] == c;
}

static bool ends(struct str s, char c)
{
        return s.n && s.p[s.n - 1] == c;
}

/* ---- pieces ---- */

struct pieces {
        struct str *v;
        size_t n, cap;
};

static bool add_piece(struct jp *j, struct pieces *l, struct str s)
{
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 8;
                struct str *v = jp_alloc(j, cap * sizeof(*v));
                if (!v)
                        return false;
                if (l->n)
                        memcpy(v, l->v, l->n * sizeof(*v));
                l->v = v;
                l->cap = cap;
        }
        l->v[l->n++] = begins(s, '.') && !str_eq(s, "..") ? (struct str){s.p + 1, s.n - 1} : s;
        return true;
}

struct cutter {
        size_t start, quotes, round_open, round_close, square_open, square_close;
};

static void count(struct cutter *c, char at)
{
        switch (at) {
        case '\'': c->quotes++; break;
        case '(': c->round_open++; break;
        case ')': c->round_close++; break;
        case '[': c->square_open++; break;
        case ']': c->square_close++; break;
        default: break;
        }
}

static size_t brackets(struct str s)
{
        size_t n = 0;
        for (size_t i = 0; i < s.n; i++)
                n += s.p[i] == '[';
        return n;
}

/* What the character at i means for the piece from c->start on. */
static bool cut_at(struct jp *j, struct cutter *c, struct pieces *l, struct str text, size_t i)
{
        struct str piece = {text.p + c->start, i + 1 - c->start};
        struct str before = {piece.p, piece.n - 1};
        char at = text.p[i];
        bool inside = c->quotes % 2 == 1 || c->round_open != c->round_close;
        if (str_eq(piece, "."))
                return true;
        if (str_eq(piece, "..")) {
                c->start = i + 1;
                return add_piece(j, l, piece);
        }
        if (at == '[') {
                if (str_eq(piece, "[") || str_eq(piece, ".[") || brackets(piece) > 1)
                        return true;
                c->start = i;
                return add_piece(j, l, before);
        }
        if (brackets(piece)) {
                if (inside || at != ']' || c->square_open != c->square_close)
                        return true;
                c->start = i + 1;
                return add_piece(j, l, piece);
        }
        if (at != '.' || inside)
                return true;
        c->start = i;
        return add_piece(j, l, before);
}

static bool cut(struct jp *j, struct str text, struct pieces *l)
{
        struct cutter c = {0};
        if (!text.n || (text.p[0] != '$' && text.p[0] != '@') ||
            (text.n > 1 && text.p[1] != '.' && text.p[1] != '['))
                return jp_soft(j, "invalid JSONPath: it begins with $ or @, then . or [");
        if (!add_piece(j, l, (struct str){text.p, 1}))
                return false;
        c.start = 1;
        for (size_t i = 1; i < text.n; i++) {
                if (c.start == i)
                        c.quotes = c.round_open = c.round_close = 0;
                count(&c, text.p[i]);
                if (!cut_at(j, &c, l, text, i))
                        return false;
        }
        if (c.start >= text.n)
                return true;
        struct str last = {text.p + c.start, text.n - c.start};
        if (begins(last, '.'))
                last = (struct str){last.p + 1, last.n - 1};
        size_t n = l->n;
        if (!add_piece(j, l, last))
                return false;
        l->v[n] = last;
        return true;
}

/* ---- one piece ---- */

static bool is_script(struct str s)
{
        return s.n > 2 && begins(s, '(') && ends(s, ')');
}

static bool is_key(struct str s)
{
        return s.n > 1 && ((begins(s, '\'') && ends(s, '\'')) || (begins(s, '"') && ends(s, '"')));
}

static struct str inner(struct str s)
{
        return (struct str){s.p + 1, s.n - 2};
}

static bool bad_format(struct jp *j)
{
        return jp_soft(j, "invalid JSONPath: a part matches no format");
}

struct args {
        struct jp_arg *v;
        size_t n, cap;
        char *buf; /* the argument at work */
        size_t len;
        bool single, dbl; /* in quotes */
        size_t open, close;
};

static bool push(struct jp *j, struct args *a, struct jp_arg arg)
{
        if (a->n == a->cap) {
                size_t cap = a->cap ? a->cap * 2 : 8;
                struct jp_arg *v = jp_alloc(j, cap * sizeof(*v));
                if (!v)
                        return false;
                if (a->n)
                        memcpy(v, a->v, a->n * sizeof(*v));
                a->v = v;
                a->cap = cap;
        }
        a->v[a->n++] = arg;
        return true;
}

/* The buffer becomes an argument of its own memory. */
static bool push_text(struct jp *j, struct args *a, size_t n)
{
        int64_t i;
        struct str s = {a->buf, n};
        if (jp_parse_int(s, &i))
                return push(j, a, (struct jp_arg){.kind = JP_INT, .i = i});
        char *copy = jp_alloc(j, n + 1);
        if (!copy)
                return false;
        memcpy(copy, a->buf, n);
        return push(j, a, (struct jp_arg){.kind = JP_TEXT, .s = {copy, n}});
}

static bool push_quoted(struct jp *j, struct args *a)
{
        char *copy = jp_alloc(j, a->len + 1);
        if (!copy)
                return false;
        memcpy(copy, a->buf, a->len);
        bool ok = push(j, a, (struct jp_arg){.kind = JP_TEXT, .s = {copy, a->len}});
        a->len = 0;
        return ok;
}

static bool quote(struct jp *j, struct args *a, char c)
{
        bool *mine = c == '\'' ? &a->single : &a->dbl, other = c == '\'' ? a->dbl : a->single;
        if (other || a->open != a->close)
                return true;
        if (a->len > 1 && a->buf[a->len - 2] == '\\') {
                a->buf[a->len - 2] = c;
                a->len--;
                return true;
        }
        *mine = !*mine;
        if (*mine)
                return a->len == 1 || bad_format(j);
        if (!is_key((struct str){a->buf, a->len}))
                return bad_format(j);
        return push_quoted(j, a);
}

static bool separator(struct jp *j, struct args *a, char c, bool first)
{
        int64_t i;
        if (a->single || a->dbl || a->open != a->close)
                return true;
        size_t n = a->len - 1;
        if (c == ':' && n) {
                if (!jp_parse_int((struct str){a->buf, n}, &i))
                        return bad_format(j);
                if (!push(j, a, (struct jp_arg){.kind = JP_INT, .i = i}))
                        return false;
        } else if (c == ':' && first) {
                if (!push(j, a, (struct jp_arg){.kind = JP_NONE}))
                        return false;
        } else if (n && !push_text(j, a, n)) {
                return false;
        }
        a->len = 0;
        return push(j, a, (struct jp_arg){.kind = c == ':' ? JP_COLON : JP_COMMA});
}

static bool argument_char(struct jp *j, struct args *a, char c, bool first)
{
        a->buf[a->len++] = c;
        switch (c) {
        case ' ':
                if (!a->single && !a->dbl && a->open == a->close) {
                        struct str s = jp_trim((struct str){a->buf, a->len});
                        memmove(a->buf, s.p, s.n);
                        a->len = s.n;
                }
                return true;
        case '(': a->open += !a->single && !a->dbl; return true;
        case ')':
                a->close++;
                if (a->open != a->close)
                        return true;
                if (!is_script((struct str){a->buf, a->len}))
                        return jp_soft(j, "invalid expression");
                return push_quoted(j, a);
        case '\'':
        case '"': return quote(j, a, c);
        case ':':
        case ',': return separator(j, a, c, first);
        default: return true;
        }
}

/* The arguments of [ ] with their separators. */
static bool arguments(struct jp *j, struct str s, struct args *a)
{
        a->buf = jp_alloc(j, s.n + 1);
        if (!a->buf)
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (!argument_char(j, a, s.p[i], i == 0))
                        return false;
        return !a->len || push_text(j, a, a->len);
}

static bool single(struct jp *j, const struct jp_arg *arg, struct jp_step *out)
{
        if (arg->kind == JP_INT) {
                *out = (struct jp_step){.kind = JP_INDEX, .index = arg->i};
                return true;
        }
        if (arg->kind != JP_TEXT)
                return bad_format(j);
        if (is_key(arg->s)) {
                *out = (struct jp_step){.kind = JP_KEY, .key = inner(arg->s)};
                return true;
        }
        if (!is_script(arg->s))
                return bad_format(j);
        *out = (struct jp_step){.kind = JP_SCRIPT};
        return jp_compile(j, inner(arg->s), &out->expr);
}

static bool script_argument(struct jp *j, struct jp_arg *arg)
{
        if (arg->kind != JP_TEXT)
                return true;
        if (!is_script(arg->s))
                return jp_soft(j, "invalid expression");
        arg->kind = JP_EXPR;
        return jp_compile(j, inner(arg->s), &arg->expr);
}

static bool union_of(struct jp *j, struct args *a, size_t commas, struct jp_step *out)
{
        if (commas >= a->n)
                return bad_format(j);
        for (size_t i = 0; i < a->n; i++) {
                struct jp_arg *arg = &a->v[i];
                if (arg->kind == JP_TEXT && is_key(arg->s) && !is_script(arg->s))
                        arg->s = inner(arg->s);
                else if (arg->kind == JP_NONE || (arg->kind == JP_TEXT && !is_script(arg->s)))
                        return bad_format(j);
                else if (!script_argument(j, arg))
                        return false;
        }
        *out = (struct jp_step){.kind = JP_UNION, .args = a->v, .nargs = a->n};
        return true;
}

static bool range_of(struct jp *j, struct args *a, size_t colons, struct jp_step *out)
{
        struct jp_arg *v = jp_alloc(j, 3 * sizeof(*v));
        if (!v)
                return false;
        if (colons > 2 || a->n == 0 || (a->n == 1 && colons != 1))
                return bad_format(j);
        for (size_t i = 0; i < 3 && i < a->n; i++)
                v[i] = a->v[i];
        for (size_t i = 0; i < 3; i++)
                if (!script_argument(j, &v[i]))
                        return false;
        *out = (struct jp_step){.kind = JP_RANGE, .args = v, .nargs = 3};
        return true;
}

static bool subscript(struct jp *j, struct str s, struct jp_step *out)
{
        struct args a = {0}, just = {0};
        size_t colons = 0, commas = 0;
        bool after_colon = false;
        if (!arguments(j, s, &a))
                return false;
        if (a.n == 1)
                return single(j, &a.v[0], out);
        for (size_t i = 0; i < a.n; i++) {
                bool colon = a.v[i].kind == JP_COLON;
                if (colon && after_colon && !push(j, &just, (struct jp_arg){.kind = JP_NONE}))
                        return false;
                colons += colon;
                commas += a.v[i].kind == JP_COMMA;
                after_colon = colon;
                if (!colon && a.v[i].kind != JP_COMMA && !push(j, &just, a.v[i]))
                        return false;
        }
        if (colons && commas)
                return bad_format(j);
        if (commas)
                return union_of(j, &just, commas, out);
        return colons ? range_of(j, &just, colons, out) : bad_format(j);
}

static bool step(struct jp *j, struct str s, struct jp_step *out)
{
        static const struct {
                const char *text;
                enum jp_kind kind;
        } words[] = {{"$", JP_ROOT},
                     {"@", JP_CURRENT},
                     {"*", JP_WILDCARD},
                     {"..", JP_RECURSIVE},
                     {"length", JP_LENGTH}};
        s = jp_trim(s);
        if (!s.n)
                return jp_soft(j, "invalid JSONPath: a part is empty");
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (str_eq(s, words[i].text)) {
                        *out = (struct jp_step){.kind = words[i].kind};
                        return true;
                }
        }
        if (!begins(s, '[')) {
                *out = (struct jp_step){.kind = JP_KEY, .key = s};
                return true;
        }
        struct str in = s.n > 1 && ends(s, ']') ? jp_trim(inner(s)) : (struct str){0};
        if (!in.n)
                return bad_format(j);
        if (str_eq(in, "*")) {
                *out = (struct jp_step){.kind = JP_WILDCARD};
                return true;
        }
        if (begins(in, '?')) {
                if (in.n < 3 || in.p[1] != '(' || !ends(in, ')'))
                        return bad_format(j);
                *out = (struct jp_step){.kind = JP_FILTER};
                return jp_compile(j, jp_trim((struct str){in.p + 2, in.n - 3}), &out->expr);
        }
        return subscript(j, in, out);
}

bool jp_parse(struct jp *j, struct str text, struct jp_path *out)
{
        struct pieces l = {0};
        if (!go_step(&j->ev->go, 1 + text.n / 64) || !cut(j, text, &l))
                return false;
        out->steps = jp_alloc(j, l.n * sizeof(*out->steps));
        out->n = l.n;
        for (size_t i = 0; out->steps && i < l.n; i++)
                if (!step(j, l.v[i], &out->steps[i]))
                        return false;
        return out->steps != NULL;
}
