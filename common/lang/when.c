/* common/lang/when.c: see when.h. A precedence climber that evaluates while it reads; the side of
 * && || ?: that does not count is read with `dead` set, so its types are not checked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/when.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum value_kind { V_NIL, V_BOOL, V_NUM, V_STR, V_LIST };
struct value {
        enum value_kind kind;
        bool b;
        double num;
        struct str s;        /* in the arena or the text */
        struct value *items; /* list, in the arena */
        size_t n;
};
enum token_kind { T_END, T_NUM, T_STR, T_WORD, T_OP };
struct token {
        enum token_kind kind;
        struct str text; /* unescaped for T_STR and T_WORD */
        double num;
        const char *at;
};
struct parser {
        const char *text, *p, *end;
        struct token tok;
        struct arena arena;
        enum when_words words;
        int depth, dead;
        bool check_only;
        struct err *e;
};

static int fail(struct parser *s, const char *why, struct str what)
{
        return err_set(s->e, ERR_INVALID, "invalid 'when' expression '%s': %s%s%.*s%s", s->text,
                       why, what.n ? " '" : "", (int)what.n, what.p, what.n ? "'" : "");
}

static bool word_start(unsigned char c)
{
        return isalpha(c) || c == '_' || c >= 0x80;
}

static int read_quoted(struct parser *s, char close_also)
{
        char *out = arena_alloc(&s->arena, (size_t)(s->end - s->p) + 1);
        size_t n = 0;
        s->p++;
        while (s->p < s->end && *s->p != '\'' && *s->p != '"' && *s->p != close_also) {
                if (*s->p == '\\' && s->p + 1 < s->end)
                        s->p++;
                out[n++] = *s->p++;
        }
        if (s->p >= s->end)
                return fail(s, "a string is not closed", STR(""));
        s->p++;
        s->tok.text = (struct str){out, n};
        return 0;
}

static int read_bracketed(struct parser *s)
{
        const char *close = memchr(s->p, ']', (size_t)(s->end - s->p));
        if (!close)
                return fail(s, "'[' is not closed", STR(""));
        s->tok = (struct token){T_WORD, {s->p + 1, (size_t)(close - s->p - 1)}, 0, s->p};
        s->p = close + 1;
        return 0;
}

static int read_number(struct parser *s)
{
        const char *from = s->p;
        char *stop;
        if (s->p[0] == '0' && s->p + 1 < s->end && (s->p[1] | 32) == 'x') {
                s->tok.num = (double)strtoull(from, &stop, 16);
                s->p = stop;
        } else {
                while (s->p < s->end && (isdigit((unsigned char)*s->p) || *s->p == '.'))
                        s->p++;
                char *copy = arena_strndup(&s->arena, from, (size_t)(s->p - from));
                if (!str_to_double(copy, &s->tok.num))
                        return fail(s, "not a number:", str_of(copy));
        }
        s->tok.kind = T_NUM;
        s->tok.text = (struct str){from, (size_t)(s->p - from)};
        if (s->p < s->end && word_start((unsigned char)*s->p))
                return fail(s, "a word must not begin with a digit (quote it):", s->tok.text);
        return 0;
}

static int read_op(struct parser *s)
{
        static const char *const ops[] = {"==", "!=", "<=", ">=", "=~", "!~", "&&", "||",
                                          "**", "??", "<<", ">>", "<",  ">",  "!",  "(",
                                          ")",  "+",  "-",  "*",  "/",  "%",  ",",  "?",
                                          ":",  "&",  "|",  "^",  "~"};
        size_t left = (size_t)(s->end - s->p);
        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
                size_t n = strlen(ops[i]);
                if (left >= n && memcmp(s->p, ops[i], n) == 0) {
                        s->tok = (struct token){T_OP, {ops[i], n}, 0, s->p};
                        s->p += n;
                        return 0;
                }
        }
        return fail(s,
                    "unexpected character (try quotes around the value):", (struct str){s->p, 1});
}

static int next(struct parser *s)
{
        while (s->p < s->end && isspace((unsigned char)*s->p))
                s->p++;
        s->tok = (struct token){T_END, {"", 0}, 0, s->p};
        if (s->p >= s->end)
                return 0;
        unsigned char c = (unsigned char)*s->p;
        if (s->check_only && c == '{' && s->p + 1 < s->end && s->p[1] == '{') {
                const char *close = strstr(s->p, "}}");
                s->tok = (struct token){T_WORD, {"tag", 3}, 0, s->p};
                s->p = close ? close + 2 : s->end;
                return 0;
        }
        if (isdigit(c))
                return read_number(s);
        if (c == '\'' || c == '"') {
                s->tok.kind = T_STR;
                return read_quoted(s, (char)c);
        }
        if (c == '[')
                return read_bracketed(s);
        if (!word_start(c))
                return read_op(s);
        const char *from = s->p;
        while (s->p < s->end &&
               (word_start((unsigned char)*s->p) || isdigit((unsigned char)*s->p) || *s->p == '.'))
                s->p++;
        s->tok = (struct token){T_WORD, {from, (size_t)(s->p - from)}, 0, from};
        return 0;
}

static bool is_op(const struct parser *s, const char *op)
{
        return s->tok.kind == T_OP && str_eq(s->tok.text, op);
}

static int expression(struct parser *s, struct value *out, int min_power);

/* ( a, b, c ) is a list, ( a ) is a. */
static int group(struct parser *s, struct value *out)
{
        size_t n = 0, cap = 0;
        struct value *items = NULL;
        for (;;) {
                struct value v;
                if (next(s) < 0 || expression(s, &v, 0) < 0)
                        goto failed;
                mem_grow(items, cap, n + 1);
                items[n++] = v;
                if (!is_op(s, ","))
                        break;
        }
        if (!is_op(s, ")")) {
                fail(s, "unbalanced parenthesis", STR(""));
                goto failed;
        }
        if (next(s) < 0)
                goto failed;
        *out = items[0];
        if (n > 1) {
                *out = (struct value){.kind = V_LIST,
                                      .n = n,
                                      .items = arena_alloc(&s->arena, n * sizeof(*items))};
                memcpy(out->items, items, n * sizeof(*items));
        }
        mem_free(items);
        return 0;
failed:
        mem_free(items);
        return -1;
}

static int word(struct parser *s, struct value *out)
{
        struct str w = s->tok.text;
        bool bracketed = *s->tok.at == '[';
        if (!bracketed && str_eq(w, "true"))
                *out = (struct value){.kind = V_BOOL, .b = true};
        else if (!bracketed && str_eq(w, "false"))
                *out = (struct value){.kind = V_BOOL};
        else if (!bracketed && memchr(w.p, '.', w.n) && !s->check_only)
                return fail(s, "words with dots need quotes:", w);
        else if (s->words == WHEN_WORDS_ARE_UNKNOWN && !s->dead)
                return fail(s, "unknown variable", w);
        else
                *out = (struct value){.kind = V_STR, .s = w};
        if (next(s) < 0)
                return -1;
        if (is_op(s, "(") && !s->check_only)
                return fail(s, "there is no function", w);
        return 0;
}

static int prefix(struct parser *s, struct value *out)
{
        char op = s->tok.text.p[0];
        struct value v;
        if (next(s) < 0 || expression(s, &v, 100) < 0)
                return -1;
        bool fits = op == '!' ? v.kind == V_BOOL : v.kind == V_NUM;
        if (!fits && !s->dead)
                return fail(s, op == '!' ? "'!' needs a boolean" : "a sign needs a number",
                            STR(""));
        *out = v;
        if (op == '!')
                out->b = !v.b;
        else
                out->num = op == '-' ? -v.num : (double)~(int64_t)v.num;
        return 0;
}

static int operand(struct parser *s, struct value *out)
{
        switch (s->tok.kind) {
        case T_NUM: *out = (struct value){.kind = V_NUM, .num = s->tok.num}; return next(s);
        case T_STR: *out = (struct value){.kind = V_STR, .s = s->tok.text}; return next(s);
        case T_WORD: return word(s, out);
        case T_OP:
                if (is_op(s, "("))
                        return group(s, out);
                if (is_op(s, "!") || is_op(s, "-") || is_op(s, "~"))
                        return prefix(s, out);
                return fail(s, "a value is expected before", s->tok.text);
        case T_END: break;
        }
        return fail(s, "unexpected end of expression", STR(""));
}

static bool equal(const struct value *a, const struct value *b)
{
        if (a->kind != b->kind)
                return false;
        switch (a->kind) {
        case V_NIL: return true;
        case V_BOOL: return a->b == b->b;
        case V_NUM: return a->num == b->num;
        case V_STR: return a->s.n == b->s.n && memcmp(a->s.p, b->s.p, a->s.n) == 0;
        case V_LIST: break;
        }
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!equal(&a->items[i], &b->items[i]))
                        return false;
        return true;
}

static int matches(struct parser *s, struct str subject, struct str pattern, bool *out)
{
        int code;
        PCRE2_SIZE offset;
        pcre2_code *re =
                pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_UTF, &code, &offset, NULL);
        if (!re)
                return fail(s, "not a regular expression:", pattern);
        pcre2_match_context *limits = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(limits, 1000000);
        pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
        int found = pcre2_match(re, (PCRE2_SPTR)subject.p, subject.n, 0, 0, data, limits);
        pcre2_match_data_free(data);
        pcre2_match_context_free(limits);
        pcre2_code_free(re);
        if (found < 0 && found != PCRE2_ERROR_NOMATCH)
                return fail(s, "the regular expression needs too much work:", pattern);
        *out = found >= 0;
        return 0;
}

static int ordered(struct parser *s, const char *op, const struct value *a, const struct value *b,
                   bool *out)
{
        int c;
        if (a->kind == V_NUM && b->kind == V_NUM)
                c = (a->num > b->num) - (a->num < b->num);
        else if (a->kind == V_STR && b->kind == V_STR) {
                size_t n = a->s.n < b->s.n ? a->s.n : b->s.n;
                c = memcmp(a->s.p, b->s.p, n);
                c = c ? c : (a->s.n > b->s.n) - (a->s.n < b->s.n);
        } else
                return fail(s, "both sides must be numbers or both strings around", str_of(op));
        *out = op[0] == '<' ? (op[1] ? c <= 0 : c < 0) : (op[1] ? c >= 0 : c > 0);
        return 0;
}

static int compare(struct parser *s, const char *op, const struct value *a, const struct value *b,
                   struct value *out)
{
        bool r = false;
        if (streq(op, "=="))
                r = equal(a, b);
        else if (streq(op, "!="))
                r = !equal(a, b);
        else if (streq(op, "in")) {
                if (b->kind != V_LIST)
                        return fail(s, "'in' needs a list of two or more values", STR(""));
                for (size_t i = 0; i < b->n && !r; i++)
                        r = equal(a, &b->items[i]);
        } else if (op[1] == '~') {
                if (a->kind != V_STR || b->kind != V_STR)
                        return fail(s, "strings are needed around", str_of(op));
                if (matches(s, a->s, b->s, &r) < 0)
                        return -1;
                r = op[0] == '=' ? r : !r;
        } else if (ordered(s, op, a, b, &r) < 0)
                return -1;
        *out = (struct value){.kind = V_BOOL, .b = r};
        return 0;
}

static void put_value(struct buf *b, const struct value *v)
{
        switch (v->kind) {
        case V_NUM: json_put_double(b, v->num); break;
        case V_BOOL: buf_adds(b, v->b ? "true" : "false"); break;
        case V_STR: buf_add(b, v->s.p, v->s.n); break;
        default: break;
        }
}

static int arithmetic(struct parser *s, const char *op, const struct value *a,
                      const struct value *b, struct value *out)
{
        if (op[0] == '+' && (a->kind == V_STR || b->kind == V_STR)) {
                AUTO_BUF struct buf t = BUF_INIT(2 * WHEN_MAX_BYTES);
                put_value(&t, a);
                put_value(&t, b);
                *out = (struct value){.kind = V_STR,
                                      .s = {arena_strndup(&s->arena, buf_str(&t), t.len), t.len}};
                return 0;
        }
        if (a->kind != V_NUM || b->kind != V_NUM)
                return fail(s, "numbers are needed around", str_of(op));
        double r = 0, x = a->num, y = b->num;
        switch (op[0]) {
        case '+': r = x + y; break;
        case '-': r = x - y; break;
        case '*': r = op[1] ? pow(x, y) : x * y; break;
        case '/': r = x / y; break;
        case '%': r = fmod(x, y); break;
        case '&': r = (double)((int64_t)x & (int64_t)y); break;
        case '|': r = (double)((int64_t)x | (int64_t)y); break;
        case '^': r = (double)((int64_t)x ^ (int64_t)y); break;
        case '<': r = (double)((uint64_t)(int64_t)x << ((unsigned)y & 63)); break;
        case '>': r = (double)((int64_t)x >> ((unsigned)y & 63)); break;
        default: break;
        }
        *out = (struct value){.kind = V_NUM, .num = r};
        return 0;
}

struct infix {
        const char *op;
        int power; /* binds tighter the higher */
};
static const struct infix infixes[] = {
        {"?", 1},  {"??", 1}, {"||", 2}, {"&&", 3}, {"==", 4}, {"!=", 4}, {"<", 4}, {"<=", 4},
        {">", 4},  {">=", 4}, {"=~", 4}, {"!~", 4}, {"in", 4}, {"&", 5},  {"|", 5}, {"^", 5},
        {"<<", 6}, {">>", 6}, {"+", 7},  {"-", 7},  {"*", 8},  {"/", 8},  {"%", 8}, {"**", 9}};

static const struct infix *infix_of(const struct parser *s)
{
        if (s->tok.kind != T_OP && !(s->tok.kind == T_WORD && str_eq(s->tok.text, "in")))
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(infixes); i++)
                if (str_eq(s->tok.text, infixes[i].op))
                        return &infixes[i];
        return NULL;
}

static int logical(struct parser *s, const struct infix *in, struct value *left)
{
        if (left->kind != V_BOOL && !s->dead)
                return fail(s, "booleans are needed around", str_of(in->op));
        bool decided = in->op[0] == '&' ? !left->b : left->b;
        struct value right;
        s->dead += decided;
        int r = next(s) < 0 ? -1 : expression(s, &right, in->power + 1);
        s->dead -= decided;
        if (r < 0)
                return -1;
        if (!decided && !s->dead && right.kind != V_BOOL)
                return fail(s, "booleans are needed around", str_of(in->op));
        if (!decided)
                *left = right;
        return 0;
}

/* c ? a : b, and without ':' the value is nil when c is false. a ?? b. */
static int choose(struct parser *s, const struct infix *in, struct value *left)
{
        bool coalesce = in->op[1] == '?';
        if (!coalesce && left->kind != V_BOOL && !s->dead)
                return fail(s, "a boolean is needed before", str_of("?"));
        bool first = coalesce ? left->kind == V_NIL : left->b;
        struct value a, b = {0};
        s->dead += !first;
        int r = next(s) < 0 ? -1 : expression(s, &a, 1);
        s->dead -= !first;
        if (r < 0)
                return -1;
        if (coalesce) {
                if (first)
                        *left = a;
                return 0;
        }
        if (is_op(s, ":")) {
                s->dead += first;
                r = next(s) < 0 ? -1 : expression(s, &b, 1);
                s->dead -= first;
                if (r < 0)
                        return -1;
        }
        *left = first ? a : b;
        return 0;
}

static int apply(struct parser *s, const struct infix *in, struct value *left)
{
        if (in->power == 1)
                return choose(s, in, left);
        if (in->power <= 3)
                return logical(s, in, left);
        struct value right, result = {0};
        if (next(s) < 0 || expression(s, &right, in->power + 1) < 0)
                return -1;
        if (s->dead)
                result = (struct value){.kind = V_BOOL};
        else if ((in->power == 4 ? compare : arithmetic)(s, in->op, left, &right, &result) < 0)
                return -1;
        *left = result;
        return 0;
}

static int expression(struct parser *s, struct value *out, int min_power)
{
        if (++s->depth > WHEN_MAX_DEPTH)
                return fail(s, "nested too deeply", STR(""));
        if (operand(s, out) < 0)
                return -1;
        const struct infix *in;
        while ((in = infix_of(s)) && in->power >= min_power)
                if (apply(s, in, out) < 0)
                        return -1;
        s->depth--;
        return 0;
}

static int run(struct parser *s, struct value *out)
{
        if (s->end - s->text > WHEN_MAX_BYTES)
                return err_set(s->e, ERR_LIMIT, "the 'when' expression is longer than %d bytes",
                               WHEN_MAX_BYTES);
        if (next(s) < 0 || expression(s, out, 0) < 0)
                return -1;
        if (s->tok.kind == T_OP && str_eq(s->tok.text, ")"))
                return fail(s, "unbalanced parenthesis", STR(""));
        if (s->tok.kind != T_END)
                return fail(s, "an operator is missing before (try quotes around the value):",
                            s->tok.text);
        return 0;
}

static struct parser parser_for(const char *text, struct err *e)
{
        return (struct parser){.text = text, .p = text, .end = text + strlen(text), .e = e};
}

int when_eval(bool *out, const char *text, enum when_words words, struct err *e)
{
        if (!*text && words == WHEN_WORDS_ARE_STRINGS) {
                *out = true;
                return 0;
        }
        struct parser s = parser_for(text, e);
        struct value v = {0};
        s.words = words;
        arena_init(&s.arena, 0);
        int r = run(&s, &v);
        if (r == 0 && v.kind != V_BOOL) {
                AUTO_BUF struct buf got = BUF_INIT(WHEN_MAX_BYTES);
                put_value(&got, &v);
                r = err_set(e, ERR_INVALID, "Expected boolean evaluation for '%s'. Got %s", text,
                            buf_str(&got));
        }
        if (r == 0)
                *out = v.b;
        arena_deinit(&s.arena);
        return r;
}

int when_check(const char *text, struct err *e)
{
        struct parser s = parser_for(text, e);
        struct value v = {0};
        s.check_only = true;
        s.dead = 1;
        arena_init(&s.arena, 0);
        int r = *text ? run(&s, &v) : 0;
        arena_deinit(&s.arena);
        return r;
}
