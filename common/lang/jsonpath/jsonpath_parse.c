/* common/lang/jsonpath/jsonpath_parse.c: see jsonpath.h: texts to nodes.
 *
 * The grammar has no table: it is what the original's scanner does, which parses the insides of
 * [...] again as if they stood alone in braces. A part keeps the offset of its text in the whole,
 * so that errors name the place. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/gounquote.h"
#include "common/lang/jsonpath/jsonpath_priv.h"
#include "common/lang/unicode/unicode.h"

enum { END = -1 };

struct parser {
        struct arena *arena;
        struct str in;
        size_t pos, start; /* start: of the piece that is being read */
        size_t width;      /* of the last character */
        struct jp_list *root;
        size_t base; /* what in.p[0] is in the whole text; synthetic braces make it an estimate */
        size_t total;
        int depth;
        size_t *at;
        struct err *e;
};
static size_t place(struct parser *p, size_t pos)
{
        size_t at = p->base + pos;
        if (at > p->total)
                at = p->total;
        if (p->at)
                *p->at = at;
        return at;
}
#define refuse(p, pos, fmt, ...)                         \
        err_set((p)->e, ERR_INVALID, "offset %zu: " fmt, \
                place((p), (pos)) __VA_OPT__(, ) __VA_ARGS__)

/* ---- characters ---- */

static int32_t next(struct parser *p)
{
        uint32_t c;
        p->width = 0;
        if (p->pos >= p->in.n)
                return END;
        p->width = utf8_decode(p->in.p + p->pos, p->in.n - p->pos, &c);
        p->pos += p->width;
        return (int32_t)c;
}

static void backup(struct parser *p)
{
        p->pos -= p->width;
}

static int32_t peek(struct parser *p)
{
        int32_t c = next(p);
        backup(p);
        return c;
}

/* What was read since the last call. */
static struct str consume(struct parser *p)
{
        struct str s = {p->in.p + p->start, p->pos - p->start};
        p->start = p->pos;
        return s;
}

static bool starts(const struct parser *p, const char *prefix)
{
        size_t n = strlen(prefix);
        return p->in.n - p->pos >= n && memcmp(p->in.p + p->pos, prefix, n) == 0;
}

static bool is_terminator(int32_t c)
{
        return c == END || (c < 128 && c > 0 && strchr(" \t\r\n.,[]$@{}", c));
}

static bool is_word(int32_t c)
{
        return c == '_' || (c > 0 && (uni_is_letter((uint32_t)c) || uni_is_digit((uint32_t)c)));
}

static struct jp_node *append(struct parser *p, struct jp_list *list, enum jp_kind kind)
{
        struct jp_node *n = arena_zalloc(p->arena, sizeof(*n));
        n->kind = kind;
        if (list->last)
                list->last->next = n;
        else
                list->first = n;
        list->last = n;
        return n;
}

/* ---- parts that are parsed as if they stood alone ---- */

static int parse_text(struct parser *p);

/* "{" open text close "}"; `text` is a piece of p->in. The first action is the answer. */
static int parse_part(struct parser *p, const char *open, struct str text, const char *close,
                      struct jp_list *out)
{
        size_t extra = strlen(open) + 1, n = text.n + extra + strlen(close) + 1;
        if (p->depth >= LANG_DEPTH)
                return err_set(p->e, ERR_LIMIT, "offset %zu: nested deeper than %d",
                               place(p, p->pos), LANG_DEPTH);
        char *copy = arena_alloc(p->arena, n + 1), *end; /* the text may hold NULs */
        end = stpcpy(stpcpy(copy, "{"), open);
        memcpy(end, text.p, text.n);
        stpcpy(stpcpy(end + text.n, close), "}");
        struct jp_list root = {0};
        size_t at = (size_t)(text.p - p->in.p) + p->base;
        struct parser part = {.arena = p->arena,
                              .in = {copy, n},
                              .root = &root,
                              .base = at > extra ? at - extra : 0,
                              .total = p->total,
                              .depth = p->depth + 1,
                              .at = p->at,
                              .e = p->e};
        if (parse_text(&part) < 0)
                return -1;
        *out = root.first->list;
        return 0;
}

/* ---- [ ] ---- */

static bool to_int(struct str s, int64_t *out)
{
        return gonum_int(s, 10, 64, out) == GONUM_OK;
}

/* -?digits, perhaps nothing at all. */
static struct str scan_bound(struct str s, size_t *i)
{
        size_t from = *i;
        if (*i < s.n && s.p[*i] == '-')
                (*i)++;
        while (*i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9')
                (*i)++;
        return (struct str){s.p + from, *i - from};
}

static int parse_bounds(struct parser *p, struct str text, struct jp_list *cur)
{
        struct jp_bound bounds[3] = {{0}};
        size_t i = 0;
        bool given[3] = {true, false, false};
        struct str piece[3] = {scan_bound(text, &i)};
        for (size_t k = 1; k < 3 && i < text.n && text.p[i] == ':'; k++) {
                i++;
                given[k] = true;
                piece[k] = scan_bound(text, &i);
        }
        if (i < text.n)
                return refuse(p, (size_t)(text.p - p->in.p), "invalid array index [%.*s]",
                              (int)text.n, text.p);
        for (size_t k = 0; k < 3; k++) {
                if (!piece[k].n)
                        continue;
                bounds[k].known = true;
                if (!to_int(piece[k], &bounds[k].value))
                        return refuse(p, (size_t)(text.p - p->in.p),
                                      "array index %.*s is not a number", (int)piece[k].n,
                                      piece[k].p);
        }
        if (!given[1])
                bounds[1] = (struct jp_bound){.value = (int64_t)((uint64_t)bounds[0].value + 1),
                                              .known = true,
                                              .derived = true};
        memcpy(append(p, cur, JP_ARRAY)->bounds, bounds, sizeof(bounds));
        return 0;
}

static struct str trim_spaces(struct str s)
{
        while (s.n && s.p[0] == ' ')
                s = (struct str){s.p + 1, s.n - 1};
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        return s;
}

static int parse_union(struct parser *p, struct str text, struct jp_list *cur)
{
        struct jp_node *u = append(p, cur, JP_UNION);
        for (size_t i = 0; i <= text.n; i++) {
                const char *comma = memchr(text.p + i, ',', text.n - i);
                size_t end = comma ? (size_t)(comma - text.p) : text.n;
                struct str item = trim_spaces((struct str){text.p + i, end - i});
                struct jp_list list;
                if (parse_part(p, "[", item, "]", &list) < 0)
                        return -1;
                append(p, &u->list, JP_LIST)->list = list;
                i = end;
        }
        return 0;
}

static int parse_array(struct parser *p, struct jp_list *cur)
{
        for (int32_t c; (c = next(p)) != ']';)
                if (c == END || c == '\n')
                        return refuse(p, p->start, "unterminated array: expected ]");
        struct str text = consume(p);
        text = (struct str){text.p + 1, text.n - 2};
        if (str_eq(text, "*")) {
                append(p, cur, JP_ARRAY); /* all bounds open */
                return 0;
        }
        if (text.n && memchr(text.p, ',', text.n))
                return parse_union(p, text, cur);
        if (text.n < 2 || text.p[0] != '\'' || text.p[text.n - 1] != '\'' ||
            memchr(text.p + 1, '\'', text.n - 2))
                return parse_bounds(p, text, cur);
        struct jp_list list;
        if (parse_part(p, ".", (struct str){text.p + 1, text.n - 2}, "", &list) < 0)
                return -1;
        if (!list.first)
                return 0;
        if (cur->last)
                cur->last->next = list.first;
        else
                cur->first = list.first;
        cur->last = list.last;
        return 0;
}

/* ---- [?( )] ---- */

static enum jp_op op_of(struct str s)
{
        static const struct {
                const char *text;
                enum jp_op op;
        } ops[] = {{"<", JP_LT},  {">", JP_GT},  {"==", JP_EQ},
                   {"!=", JP_NE}, {"<=", JP_LE}, {">=", JP_GE}};
        for (size_t i = 0; i < ARRAY_LEN(ops); i++)
                if (str_eq(s, ops[i].text))
                        return ops[i].op;
        return JP_BAD_OP;
}

/* left, a run of !<>=, right: none of them empty. */
static bool split_comparison(struct str s, struct str *left, struct str *op, struct str *right)
{
        size_t i = 0, k;
        while (i < s.n && !memchr("!<>=", s.p[i], 4))
                i++;
        for (k = i; k < s.n && memchr("!<>=", s.p[k], 4);)
                k++;
        if (k == s.n && k > i)
                k--; /* the last one is what is compared with */
        *left = (struct str){s.p, i};
        *op = (struct str){s.p + i, k - i};
        *right = (struct str){s.p + k, s.n - k};
        return left->n && op->n && right->n;
}

/* Reads to the ) that is outside of the first pair of quotes. */
static int scan_filter(struct parser *p)
{
        int32_t quote = 0;
        bool begun = false, ended = false;
        for (;;) {
                int32_t c = next(p);
                if (c == END || c == '\n')
                        return refuse(p, p->start, "unterminated filter: expected )]");
                if (c == ')' && begun == ended)
                        break;
                if (c != '"' && c != '\'')
                        continue;
                if (!begun) {
                        begun = true;
                        quote = c;
                } else if (c == quote && p->in.p[p->pos - 2] != '\\') {
                        ended = true;
                }
        }
        if (next(p) != ']')
                return refuse(p, p->pos - p->width, "expected ] behind a filter");
        return 0;
}

static int parse_filter(struct parser *p, struct jp_list *cur)
{
        struct str left, op, right;
        p->pos += 3;
        consume(p);
        if (scan_filter(p) < 0)
                return -1;
        struct str text = consume(p);
        text.n -= 2;
        struct jp_node n = {.filter.op = JP_EXISTS};
        if (!split_comparison(text, &left, &op, &right)) {
                if (parse_part(p, "", text, "", &n.filter.left) < 0)
                        return -1;
        } else {
                n.filter.op = op_of(op);
                if (parse_part(p, "", left, "", &n.filter.left) < 0 ||
                    parse_part(p, "", right, "", &n.filter.right) < 0)
                        return -1;
        }
        append(p, cur, JP_FILTER)->filter = n.filter;
        return 0;
}

/* ---- the rest of what stands in braces ---- */

static int parse_field(struct parser *p, struct jp_list *cur)
{
        consume(p);
        for (;;) {
                int32_t c = next(p);
                if (c == '\\') {
                        next(p);
                } else if (is_terminator(c)) {
                        backup(p);
                        break;
                }
        }
        struct str value = consume(p);
        if (str_eq(value, "*")) {
                append(p, cur, JP_WILDCARD);
                return 0;
        }
        char *plain = arena_alloc(p->arena, value.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < value.n; i++)
                if (value.p[i] != '\\')
                        plain[n++] = value.p[i];
        append(p, cur, JP_FIELD)->text = (struct str){plain, n};
        return 0;
}

static int parse_recursive(struct parser *p, struct jp_list *cur)
{
        if (cur->last && cur->last->kind == JP_RECURSIVE)
                return refuse(p, p->pos, "two recursive descents in a row");
        p->pos += 2;
        consume(p);
        append(p, cur, JP_RECURSIVE);
        return is_word(peek(p)) ? parse_field(p, cur) : 0;
}

static int parse_number(struct parser *p, struct jp_list *cur)
{
        int32_t c = peek(p);
        double d;
        int64_t i;
        size_t from = p->pos;
        if (c == '+' || c == '-')
                next(p);
        while ((c = next(p)) == '.' || (c > 0 && uni_is_digit((uint32_t)c)))
                continue;
        backup(p);
        struct str text = consume(p);
        if (to_int(text, &i))
                append(p, cur, JP_INT)->i = i;
        else if (gonum_float(text, &d) == GONUM_OK)
                append(p, cur, JP_FLOAT)->f = d;
        else
                return refuse(p, from, "cannot parse number %.*s", (int)text.n, text.p);
        return 0;
}

static int parse_identifier(struct parser *p, struct jp_list *cur)
{
        while (!is_terminator(next(p)))
                continue;
        backup(p);
        struct str text = consume(p);
        bool yes = str_eq(text, "true");
        if (yes || str_eq(text, "false"))
                append(p, cur, JP_BOOL)->b = yes;
        else
                append(p, cur, JP_IDENTIFIER)->text = text;
        return 0;
}

static bool unquote(struct parser *p, struct str s, struct str *out)
{
        char quote = s.p[0];
        s = (struct str){s.p + 1, s.n - 2};
        char *text = arena_alloc(p->arena, s.n + 4);
        size_t n = 0;
        for (size_t i = 0; i < s.n;) {
                char c = s.p[i++];
                size_t len = 1;
                if (c == quote)
                        return false;
                text[n] = c;
                if (c == '\\' && !gounquote_escape(s, &i, quote, text + n, &len))
                        return false;
                n += len;
        }
        *out = (struct str){text, n};
        return true;
}

static int parse_quote(struct parser *p, struct jp_list *cur, int32_t quote)
{
        size_t from = p->start;
        for (int32_t c; (c = next(p)) != quote || p->in.p[p->pos - 2] == '\\';)
                if (c == END || c == '\n')
                        return refuse(p, from, "unterminated quoted text");
        struct str text = consume(p), plain;
        if (!unquote(p, text, &plain))
                return refuse(p, from, "invalid escape in %.*s", (int)text.n, text.p);
        append(p, cur, JP_TEXT)->text = plain;
        return 0;
}

/* One item inside of braces. */
static int parse_item(struct parser *p, struct jp_list *cur)
{
        if (starts(p, "[?("))
                return parse_filter(p, cur);
        if (starts(p, ".."))
                return parse_recursive(p, cur);
        size_t from = p->pos;
        int32_t c = next(p);
        switch (c) {
        case END:
        case '\r':
        case '\n': return refuse(p, from, "expected }");
        case ' ':
        case '@':
        case '$': consume(p); return 0;
        case '[': return parse_array(p, cur);
        case '"':
        case '\'': return parse_quote(p, cur, c);
        case '.': return parse_field(p, cur);
        default: break;
        }
        backup(p);
        if (c == '+' || c == '-' || uni_is_digit((uint32_t)c))
                return parse_number(p, cur);
        if (is_word(c))
                return parse_identifier(p, cur);
        return refuse(p, from, "unexpected character '%.*s' inside of braces", (int)p->width,
                      p->in.p + from);
}

static int parse_text(struct parser *p)
{
        while (p->pos < p->in.n) {
                if (p->in.p[p->pos] != '{') {
                        p->pos++;
                        continue;
                }
                if (p->pos > p->start)
                        append(p, p->root, JP_TEXT)->text = consume(p);
                p->pos++;
                consume(p);
                struct jp_node *action = append(p, p->root, JP_LIST);
                while (!starts(p, "}"))
                        if (parse_item(p, &action->list) < 0)
                                return -1;
                p->pos++;
                consume(p);
        }
        if (p->pos > p->start)
                append(p, p->root, JP_TEXT)->text = consume(p);
        return 0;
}

int jsonpath_new(struct jsonpath **out, struct str text, size_t *at, struct err *e)
{
        if (text.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "a path of more than %d bytes", LANG_TEXT);
        AUTO(jsonpath_free) struct jsonpath *j = NEW(struct jsonpath);
        arena_init(&j->arena, 0);
        struct parser p = {.arena = &j->arena,
                           .in = {arena_strndup(&j->arena, text.p ? text.p : "", text.n), text.n},
                           .root = &j->root,
                           .total = text.n,
                           .at = at,
                           .e = e};
        if (parse_text(&p) < 0)
                return -1;
        *out = TAKE(j);
        return 0;
}

struct jsonpath *jsonpath_free(struct jsonpath *j)
{
        if (j) {
                arena_deinit(&j->arena);
                mem_free(j);
        }
        return NULL;
}
