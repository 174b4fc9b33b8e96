/* common/lang/jq/jq_parse.c: see jq_priv.h: texts to trees, by recursive descent without a token
 * list: strings hold programs and programs hold strings, so each rule reads characters.
 *
 * Weakest to strongest: def and label, |, `as`, comma, //, = |= += ..., or, and, comparison, + -,
 * * / %, then terms with their suffixes. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_priv.h"
#include "common/lang/unicode/unicode.h"
#include <stdarg.h>
#include <stdio.h>

int jq_refuse(struct jq_compile *c, size_t at, const char *fmt, ...)
{
        char words[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        if (at > c->text.n)
                at = c->text.n;
        if (c->at)
                *c->at = at;
        return err_is_set(c->e) ? -1 : err_set(c->e, ERR_INVALID, "offset %zu: %s", at, words);
}

static void *refused(struct jq_compile *c, const char *expected)
{
        size_t at = c->pos;
        if (at >= c->text.n)
                jq_refuse(c, at, "expected %s, found the end", expected);
        else
                jq_refuse(c, at, "expected %s, found '%.*s'", expected,
                          (int)(c->text.n - at > 12 ? 12 : c->text.n - at), c->text.p + at);
        return NULL;
}

struct jn *jq_node(struct jq_compile *c, enum jn_kind kind)
{
        struct jn *n = arena_zalloc(c->arena, sizeof(*n));
        n->kind = (uint8_t)kind;
        n->at = (uint32_t)c->pos;
        return n;
}

static struct jn *node2(struct jq_compile *c, enum jn_kind kind, struct jn *a, struct jn *b)
{
        struct jn *n = jq_node(c, kind);
        n->a = a;
        n->b = b;
        if (a)
                n->at = a->at;
        return n;
}

static struct jn *constant(struct jq_compile *c, struct jv v)
{
        struct jn *n = jq_node(c, J_CONST);
        n->value = v;
        return n;
}

static struct jn *call(struct jq_compile *c, struct str name)
{
        struct jn *n = jq_node(c, J_CALL);
        n->name = name;
        return n;
}

/* ---- characters ---- */

static int look(const struct jq_compile *c, size_t ahead)
{
        return c->pos + ahead < c->text.n ? (unsigned char)c->text.p[c->pos + ahead] : -1;
}

static bool is_ident(int ch, bool tail)
{
        return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' ||
               (tail && ch >= '0' && ch <= '9');
}

static bool is_digit(int ch)
{
        return ch >= '0' && ch <= '9';
}

/* A comment ends with its line, unless a single backslash stands before the end. */
static void skip_comment(struct jq_compile *c)
{
        for (int ch; (ch = look(c, 0)) >= 0 && ch != '\n' && ch != '\r' && ch != 0;) {
                c->pos++;
                if (ch != '\\')
                        continue;
                ch = look(c, 0);
                if (ch == '\\' || ch == '\n')
                        c->pos++;
                else if (ch == '\r')
                        c->pos += look(c, 1) == '\n' ? 2 : 1;
        }
}

static void skip_space(struct jq_compile *c)
{
        for (int ch; (ch = look(c, 0)) >= 0;) {
                if (ch == '#')
                        skip_comment(c);
                else if (strchr(" \t\r\n", ch) && ch)
                        c->pos++;
                else
                        return;
        }
}

/* The next token is this punctuation: taken. Longer operators are looked at by the callers. */
static bool take(struct jq_compile *c, char ch)
{
        skip_space(c);
        if (look(c, 0) != ch)
                return false;
        c->pos++;
        return true;
}

static bool expect(struct jq_compile *c, char ch)
{
        char words[4] = {'\'', ch, '\'', 0};
        return take(c, ch) || refused(c, words);
}

static struct str peek_word(struct jq_compile *c)
{
        size_t n = 0;
        skip_space(c);
        if (is_ident(look(c, 0), false))
                while (is_ident(look(c, n), true))
                        n++;
        return (struct str){c->text.p + c->pos, n};
}

static bool is_keyword(struct str w)
{
        static const char *const words[] = {
                "or",    "and",   "module", "import", "include", "def",    "as",
                "label", "break", "null",   "true",   "false",   "if",     "then",
                "elif",  "else",  "end",    "try",    "catch",   "reduce", "foreach"};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (str_eq(w, words[i]))
                        return true;
        return false;
}

static bool take_word(struct jq_compile *c, const char *word)
{
        if (!str_eq(peek_word(c), word))
                return false;
        c->pos += strlen(word);
        return true;
}

static bool expect_word(struct jq_compile *c, const char *word)
{
        return take_word(c, word) || refused(c, word);
}

/* An identifier that is no keyword; n 0: refused. With a $ in front when `variable`. */
static struct str read_name(struct jq_compile *c, bool variable)
{
        skip_space(c);
        size_t from = c->pos;
        if (variable && look(c, 0) == '$')
                c->pos++;
        size_t n = 0;
        if (is_ident(look(c, 0), false))
                while (is_ident(look(c, n), true))
                        n++;
        bool bare = c->pos == from;
        struct str name = {c->text.p + from, c->pos - from + n};
        if (n == 0 || (bare && is_keyword(name))) {
                c->pos = from;
                refused(c, variable ? "a name or variable" : "a name");
                return (struct str){0};
        }
        c->pos += n;
        return name;
}

static struct str read_variable(struct jq_compile *c)
{
        skip_space(c);
        if (look(c, 0) != '$' || !is_ident(look(c, 1), false)) {
                refused(c, "a variable");
                return (struct str){0};
        }
        return read_name(c, true);
}

/* ---- strings ---- */

static struct jn *parse_pipe(struct jq_compile *c);
static struct jn *parse_expr(struct jq_compile *c, int level);
static struct jn *parse_postfix(struct jq_compile *c);

/* A piece of a string up to an unescaped " or \( ; broken bytes become U+FFFD. */
static bool read_piece(struct jq_compile *c, struct str *out)
{
        struct abuf b = abuf_in(c->arena);
        for (int ch; (ch = look(c, 0)) != '"';) {
                char utf8[4];
                uint32_t cp;
                if (ch < 0)
                        return refused(c, "the \" that ends a string");
                if (ch == '\\' && look(c, 1) == '(')
                        break;
                if (ch != '\\') {
                        size_t n = utf8_decode(c->text.p + c->pos, c->text.n - c->pos, &cp);
                        abuf_add(&b, (struct str){utf8, utf8_encode(cp, utf8)});
                        c->pos += n;
                        continue;
                }
                /* Escapes are JSON's: let its reader take them, pairs of surrogates together. */
                size_t n = 0;
                while (look(c, n) == '\\' && look(c, n + 1) == 'u')
                        n += 6;
                n = n ? n : 2;
                struct abuf json = abuf_in(c->arena);
                struct jv v;
                const char *why;
                abuf_addc(&json, '"');
                abuf_add(&json, (struct str){c->text.p + c->pos,
                                             n < c->text.n - c->pos ? n : c->text.n - c->pos});
                abuf_addc(&json, '"');
                if (!jv_parse(&c->mem, abuf_str(&json), false, &v, &why))
                        return refused(c, "an escape (\\n, \\\", \\u00e9, \\(program))");
                abuf_add(&b, v.s);
                c->pos += n;
        }
        *out = abuf_str(&b);
        return true;
}

static struct jn *joined(struct jq_compile *c, struct jn *left, struct jn *right)
{
        if (!left)
                return right;
        struct jn *n = node2(c, J_BINARY, left, right);
        n->op = JV_ADD;
        return n;
}

/* At the opening quote. `format` is what values inside go through (NULL: tostring). */
static struct jn *parse_string(struct jq_compile *c, struct jn *format)
{
        struct jn *all = NULL;
        bool pure = true;
        c->pos++;
        for (;;) {
                struct str piece = {0};
                if (!read_piece(c, &piece))
                        return NULL;
                bool ends = look(c, 0) == '"';
                if (piece.n || (ends && pure))
                        all = joined(c, all, constant(c, jv_str(piece)));
                if (ends)
                        break;
                pure = false;
                c->pos += 2;
                struct jn *q = parse_pipe(c), *show = format ? format : call(c, STR("tostring"));
                if (!q || !expect(c, ')'))
                        return NULL;
                all = joined(c, all, node2(c, J_PIPE, q, show));
        }
        c->pos++;
        return all;
}

static struct jn *parse_format(struct jq_compile *c)
{
        static const char *const names[][2] = {{"text", "tostring"},    {"json", "tojson"},
                                               {"html", "_tohtml"},     {"uri", "_touri"},
                                               {"urid", "_tourid"},     {"csv", "_tocsv"},
                                               {"tsv", "_totsv"},       {"sh", "_tosh"},
                                               {"base64", "_tobase64"}, {"base64d", "_tobase64d"}};
        size_t n = 1;
        while (is_ident(look(c, n), true))
                n++;
        struct str name = {c->text.p + c->pos + 1, n - 1};
        const char *fn = NULL;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (str_eq(name, names[i][0]))
                        fn = names[i][1];
        c->pos += n;
        struct jn *format = call(c, str_of(fn ? fn : "format"));
        if (!fn) { /* there is none: known when it runs, as in gojq */
                format->args = arena_alloc(c->arena, sizeof(*format->args));
                format->args[0] = constant(c, jv_str(name));
                format->n_args = 1;
        }
        skip_space(c);
        return look(c, 0) == '"' ? parse_string(c, format) : format;
}

/* ---- numbers ---- */

static struct jn *parse_number(struct jq_compile *c)
{
        size_t from = c->pos;
        bool point = false;
        for (int ch; is_digit(ch = look(c, 0)) || (ch == '.' && !point); c->pos++)
                point |= ch == '.';
        if (look(c, 0) == '.') {
                jq_refuse(c, from, "a number with two points");
                return NULL;
        }
        if ((look(c, 0) | 0x20) == 'e') {
                c->pos++;
                if (look(c, 0) == '+' || look(c, 0) == '-')
                        c->pos++;
                if (!is_digit(look(c, 0)))
                        return refused(c, "the digits of an exponent");
                while (is_digit(look(c, 0)))
                        c->pos++;
        }
        if (is_ident(look(c, 0), false))
                return refused(c, "the end of a number");
        struct str text = {c->text.p + from, c->pos - from};
        return constant(c, jv_number(&c->mem, text));
}

/* ---- patterns ---- */

static struct jpattern *parse_pattern(struct jq_compile *c);

static struct jpattern *new_pattern(struct jq_compile *c, int kind)
{
        struct jpattern *p = arena_zalloc(c->arena, sizeof(*p));
        p->kind = (__typeof__(p->kind))kind;
        return p;
}

static struct jpattern *variable_pattern(struct jq_compile *c)
{
        struct jpattern *p = new_pattern(c, PAT_VARIABLE);
        p->name = read_variable(c);
        return p->name.n ? p : NULL;
}

/* One member of {...}: $a, $a: p, key: p, "key": p, (program): p. */
static struct jpattern *parse_member(struct jq_compile *c)
{
        struct jpattern *m = new_pattern(c, PAT_OBJECT);
        skip_space(c);
        int ch = look(c, 0);
        if (ch == '$') {
                m->key_variable = variable_pattern(c);
                if (!m->key_variable)
                        return NULL;
                struct str name = m->key_variable->name;
                m->key = constant(c, jv_str((struct str){name.p + 1, name.n - 1}));
                if (!take(c, ':'))
                        return m;
        } else {
                if (ch == '"') {
                        m->key = parse_string(c, NULL);
                } else if (ch == '(') {
                        c->pos++;
                        m->key = parse_pipe(c);
                        if (m->key && !expect(c, ')'))
                                return NULL;
                } else {
                        struct str word = peek_word(c);
                        if (!word.n)
                                return refused(c, "a key, a string or a variable");
                        c->pos += word.n;
                        m->key = constant(c, jv_str(word));
                }
                if (!m->key || !expect(c, ':'))
                        return NULL;
        }
        m->value = parse_pattern(c);
        return m->value ? m : NULL;
}

static struct jpattern *parse_members(struct jq_compile *c, int kind, char end)
{
        struct jpattern *p = new_pattern(c, kind), **last = &p->items;
        do {
                *last = kind == PAT_ARRAY ? parse_pattern(c) : parse_member(c);
                if (!*last)
                        return NULL;
                last = &(*last)->next;
        } while (take(c, ','));
        return expect(c, end) ? p : NULL;
}

static struct jpattern *parse_pattern(struct jq_compile *c)
{
        struct jpattern *p = NULL;
        if (++c->depth > LANG_DEPTH)
                return refused(c, "a program that is nested less deep");
        if (take(c, '['))
                p = parse_members(c, PAT_ARRAY, ']');
        else if (take(c, '{'))
                p = parse_members(c, PAT_OBJECT, '}');
        else
                p = variable_pattern(c);
        c->depth--;
        return p;
}

static struct jbind *parse_binding(struct jq_compile *c, bool alternatives)
{
        struct jbind *b = arena_zalloc(c->arena, sizeof(*b));
        struct jpattern **last = &b->patterns;
        for (;;) {
                *last = parse_pattern(c);
                if (!*last)
                        return NULL;
                last = &(*last)->next;
                skip_space(c);
                if (!alternatives || look(c, 0) != '?' || look(c, 1) != '/' || look(c, 2) != '/')
                        return b;
                c->pos += 3;
        }
}

/* ---- terms ---- */

static struct jn *object_value(struct jq_compile *c)
{
        struct jn *n = parse_expr(c, 0);
        skip_space(c);
        if (!n || look(c, 0) != '|' || look(c, 1) == '=')
                return n;
        c->pos++;
        if (++c->depth > LANG_DEPTH)
                return refused(c, "a program that is nested less deep");
        struct jn *rest = object_value(c);
        c->depth--;
        return rest ? node2(c, J_PIPE, n, rest) : NULL;
}

static struct jentry *parse_entry(struct jq_compile *c)
{
        struct jentry *e = arena_zalloc(c->arena, sizeof(*e));
        bool needs_value = false;
        skip_space(c);
        int ch = look(c, 0);
        if (ch == '"') {
                e->key = parse_string(c, NULL);
        } else if (ch == '(') {
                c->pos++;
                needs_value = true;
                e->key = parse_pipe(c);
                if (e->key && !expect(c, ')'))
                        return NULL;
        } else if (ch == '$') {
                struct str name = read_variable(c);
                if (!name.n)
                        return NULL;
                e->key = constant(c, jv_str((struct str){name.p + 1, name.n - 1}));
                e->value = call(c, name);
                skip_space(c);
                if (look(c, 0) == ':') { /* the variable's value is the key */
                        e->key = e->value;
                        e->value = NULL;
                }
        } else {
                struct str word = peek_word(c);
                if (!word.n)
                        return refused(c, "a key of an object");
                c->pos += word.n;
                e->key = constant(c, jv_str(word));
        }
        if (!e->key)
                return NULL;
        if (take(c, ':'))
                return (e->value = object_value(c)) ? e : NULL;
        return needs_value ? refused(c, "':'") : e;
}

static struct jn *parse_object(struct jq_compile *c)
{
        struct jn *n = jq_node(c, J_OBJECT);
        struct jentry **last = &n->entries;
        if (take(c, '}'))
                return n;
        do {
                skip_space(c);
                if (n->entries && look(c, 0) == '}')
                        break; /* a comma before the end */
                *last = parse_entry(c);
                if (!*last)
                        return NULL;
                last = &(*last)->next;
        } while (take(c, ','));
        return expect(c, '}') ? n : NULL;
}

static struct jn *parse_if(struct jq_compile *c);

static struct jn *parse_elif(struct jq_compile *c)
{
        if (++c->depth > LANG_DEPTH)
                return refused(c, "a program that is nested less deep");
        struct jn *n = parse_if(c);
        c->depth--;
        return n;
}

static struct jn *parse_if(struct jq_compile *c)
{
        struct jn *n = jq_node(c, J_IF);
        n->a = parse_pipe(c);
        if (!n->a || !expect_word(c, "then") || !(n->b = parse_pipe(c)))
                return NULL;
        if (take_word(c, "elif"))
                return (n->c = parse_elif(c)) ? n : NULL;
        if (take_word(c, "else") && !(n->c = parse_pipe(c)))
                return NULL;
        return expect_word(c, "end") ? n : NULL;
}

static struct jn *parse_loop(struct jq_compile *c, bool foreach)
{
        struct jn *n = jq_node(c, foreach ? J_FOREACH : J_REDUCE);
        n->a = parse_expr(c, 0);
        if (!n->a || !expect_word(c, "as") || !(n->bind = parse_binding(c, false)) ||
            !expect(c, '(') || !(n->b = parse_pipe(c)) || !expect(c, ';') ||
            !(n->c = parse_pipe(c)))
                return NULL;
        if (foreach && take(c, ';') && !(n->d = parse_pipe(c)))
                return NULL;
        return expect(c, ')') ? n : NULL;
}

static struct jn *parse_try(struct jq_compile *c)
{
        struct jn *n = jq_node(c, J_TRY);
        n->a = parse_postfix(c);
        if (n->a && take_word(c, "catch") && !(n->b = parse_postfix(c)))
                return NULL;
        return n->a ? n : NULL;
}

static struct jn *parse_call(struct jq_compile *c, struct str name)
{
        struct jn *args[32], *n = call(c, name);
        n->at -= name.n;
        if (!take(c, '('))
                return n;
        do {
                if (n->n_args == ARRAY_LEN(args))
                        return refused(c, "at most 32 arguments");
                args[n->n_args] = parse_pipe(c);
                if (!args[n->n_args++])
                        return NULL;
        } while (take(c, ';'));
        n->args = arena_alloc(c->arena, n->n_args * sizeof(*args));
        memcpy(n->args, args, n->n_args * sizeof(*args));
        return expect(c, ')') ? n : NULL;
}

static struct jn *parse_word(struct jq_compile *c, struct str word)
{
        c->pos += word.n;
        if (str_eq(word, "null"))
                return constant(c, jv_null());
        if (str_eq(word, "true") || str_eq(word, "false"))
                return constant(c, jv_bool(word.p[0] == 't'));
        if (str_eq(word, "if"))
                return parse_if(c);
        if (str_eq(word, "try"))
                return parse_try(c);
        if (str_eq(word, "reduce") || str_eq(word, "foreach"))
                return parse_loop(c, word.p[0] == 'f');
        if (str_eq(word, "break")) {
                struct jn *n = jq_node(c, J_BREAK);
                n->name = read_variable(c);
                return n->name.n ? n : NULL;
        }
        if (is_keyword(word)) {
                c->pos -= word.n;
                return refused(c, "a term");
        }
        return parse_call(c, word);
}

/* Behind a point: .name, ."name", .[...]; or the point alone. */
static struct jn *parse_point(struct jq_compile *c)
{
        struct jn *here = jq_node(c, J_IDENTITY);
        c->pos++;
        if (look(c, 0) == '.') {
                c->pos++;
                return call(c, STR("recurse"));
        }
        if (is_ident(look(c, 0), false)) {
                struct str word = peek_word(c);
                c->pos += word.n;
                return node2(c, J_INDEX, here, constant(c, jv_str(word)));
        }
        if (is_digit(look(c, 0))) {
                c->pos--;
                return parse_number(c);
        }
        skip_space(c);
        if (look(c, 0) != '"')
                return here;
        struct jn *key = parse_string(c, NULL);
        return key ? node2(c, J_INDEX, here, key) : NULL;
}

static struct jn *parse_term(struct jq_compile *c)
{
        skip_space(c);
        int ch = look(c, 0);
        struct jn *n;
        switch (ch) {
        case '.': return parse_point(c);
        case '"': return parse_string(c, NULL);
        case '@': return is_ident(look(c, 1), true) ? parse_format(c) : refused(c, "a term");
        case '{': c->pos++; return parse_object(c);
        case '[':
                c->pos++;
                n = jq_node(c, J_ARRAY);
                if (take(c, ']'))
                        return n;
                n->a = parse_pipe(c);
                return n->a && expect(c, ']') ? n : NULL;
        case '(':
                c->pos++;
                n = parse_pipe(c);
                if (!n || !expect(c, ')'))
                        return NULL;
                n->grouped = true;
                return n;
        case '-':
        case '+':
                c->pos++;
                n = jq_node(c, ch == '-' ? J_NEGATE : J_PLUS);
                n->a = parse_postfix(c);
                if (n->a && n->a->kind == J_CONST && jv_is_number(n->a->value))
                        return constant(c,
                                        ch == '-' ? jv_negate(&c->mem, n->a->value) : n->a->value);
                return n->a ? n : NULL;
        case '$': {
                struct str name = read_variable(c);
                if (!name.n)
                        return NULL;
                n = call(c, name);
                n->at -= name.n;
                return n;
        }
        default: break;
        }
        if (is_digit(ch))
                return parse_number(c);
        struct str word = peek_word(c);
        return word.n ? parse_word(c, word) : refused(c, "a term");
}

/* Behind a [: ] or e] or e:] or :e] or e:e]. */
static struct jn *parse_brackets(struct jq_compile *c, struct jn *term)
{
        struct jn *from = NULL, *to = NULL;
        if (take(c, ']'))
                return node2(c, J_ITERATE, term, NULL);
        skip_space(c);
        if (look(c, 0) != ':' && !(from = parse_pipe(c)))
                return NULL;
        if (!take(c, ':'))
                return expect(c, ']') ? node2(c, J_INDEX, term, from) : NULL;
        skip_space(c);
        if ((!from || look(c, 0) != ']') && !(to = parse_pipe(c)))
                return NULL;
        struct jn *n = node2(c, J_SLICE, term, from);
        n->c = to;
        return expect(c, ']') ? n : NULL;
}

/* `?`: only the last step is under it. */
static struct jn *optional(struct jq_compile *c, struct jn *term)
{
        bool step = term->kind == J_INDEX || term->kind == J_SLICE || term->kind == J_ITERATE;
        struct jn *n = jq_node(c, J_TRY);
        if (!step || term->grouped || term->a->kind == J_IDENTITY) {
                n->a = term;
                return n;
        }
        struct jn *rest = term->a, *own = arena_alloc(c->arena, sizeof(*own));
        *own = *term;
        own->a = jq_node(c, J_IDENTITY);
        n->a = own;
        return node2(c, J_PIPE, rest, n);
}

static struct jn *parse_suffix(struct jq_compile *c, struct jn *term, bool *more)
{
        skip_space(c);
        int ch = look(c, 0);
        *more = true;
        if (ch == '[') {
                c->pos++;
                return parse_brackets(c, term);
        }
        if (ch == '?' && !(look(c, 1) == '/' && look(c, 2) == '/')) {
                c->pos++;
                return optional(c, term);
        }
        if (ch == '.' && is_ident(look(c, 1), false)) {
                c->pos++;
                struct str word = peek_word(c);
                c->pos += word.n;
                return node2(c, J_INDEX, term, constant(c, jv_str(word)));
        }
        if (ch == '.' && look(c, 1) != '.' && !is_digit(look(c, 1))) {
                c->pos++;
                skip_space(c);
                if (look(c, 0) == '[') {
                        c->pos++;
                        return parse_brackets(c, term);
                }
                if (look(c, 0) != '"')
                        return refused(c, "a key or [");
                struct jn *key = parse_string(c, NULL);
                return key ? node2(c, J_INDEX, term, key) : NULL;
        }
        *more = false;
        return term;
}

static struct jn *parse_postfix(struct jq_compile *c)
{
        if (++c->depth > LANG_DEPTH)
                return refused(c, "a program that is nested less deep");
        struct jn *n = parse_term(c);
        for (bool more = true; n && more;)
                n = parse_suffix(c, n, &more);
        c->depth--;
        return n;
}

/* ---- operators ---- */

struct operator
{
        const char *text;
        uint8_t level, kind, op;
};
enum { L_ALT, L_UPDATE, L_OR, L_AND, L_COMPARE, L_ADD, L_MUL };
static const struct operator operators[] =
        {/* longer ones first */
         {"//=", L_UPDATE, J_UPDATE, OP_ALT},  {"//", L_ALT, J_ALT, 0},
         {"|=", L_UPDATE, J_MODIFY, 0},        {"+=", L_UPDATE, J_UPDATE, JV_ADD},
         {"-=", L_UPDATE, J_UPDATE, JV_SUB},   {"*=", L_UPDATE, J_UPDATE, JV_MUL},
         {"/=", L_UPDATE, J_UPDATE, JV_DIV},   {"%=", L_UPDATE, J_UPDATE, JV_MOD},
         {"==", L_COMPARE, J_COMPARE, CMP_EQ}, {"!=", L_COMPARE, J_COMPARE, CMP_NE},
         {"<=", L_COMPARE, J_COMPARE, CMP_LE}, {">=", L_COMPARE, J_COMPARE, CMP_GE},
         {"<", L_COMPARE, J_COMPARE, CMP_LT},  {">", L_COMPARE, J_COMPARE, CMP_GT},
         {"=", L_UPDATE, J_ASSIGN, 0},         {"+", L_ADD, J_BINARY, JV_ADD},
         {"-", L_ADD, J_BINARY, JV_SUB},       {"*", L_MUL, J_BINARY, JV_MUL},
         {"/", L_MUL, J_BINARY, JV_DIV},       {"%", L_MUL, J_BINARY, JV_MOD}};
static const struct operator word_operators[] = {{"or", L_OR, J_OR, 0}, {"and", L_AND, J_AND, 0}};

static const struct operator* peek_operator(struct jq_compile *c)
{
        struct str word = peek_word(c);
        for (size_t i = 0; word.n && i < ARRAY_LEN(word_operators); i++)
                if (str_eq(word, word_operators[i].text))
                        return &word_operators[i];
        for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
                size_t n = strlen(operators[i].text);
                if (c->text.n - c->pos >= n &&
                    memcmp(c->text.p + c->pos, operators[i].text, n) == 0)
                        return &operators[i];
        }
        return NULL;
}

/* Operators of this level or stronger. */
static struct jn *parse_expr(struct jq_compile *c, int level)
{
        struct jn *left = parse_postfix(c);
        int used = -1; /* an operator of this level stands once */
        for (const struct operator* o; left && (o = peek_operator(c)) && o->level >= level;) {
                if (o->level == used)
                        return refused(c, "parentheses: this operator does not chain");
                if (++c->depth > LANG_DEPTH)
                        return refused(c, "a program that is nested less deep");
                c->pos += strlen(o->text);
                struct jn *right = parse_expr(c, o->level == L_ALT ? L_ALT : o->level + 1);
                if (!right)
                        return NULL;
                left = node2(c, (enum jn_kind)o->kind, left, right);
                left->op = o->op;
                used = o->level == L_UPDATE || o->level == L_COMPARE ? o->level : -1;
                c->depth--;
        }
        return left;
}

/* ---- definitions, commas, pipes ---- */

static struct jdef *parse_def(struct jq_compile *c)
{
        struct jdef *d = arena_zalloc(c->arena, sizeof(*d));
        struct str args[32];
        d->name = read_name(c, false);
        if (!d->name.n)
                return NULL;
        if (take(c, '(')) {
                do {
                        if (d->n_args == ARRAY_LEN(args))
                                return refused(c, "at most 32 parameters");
                        args[d->n_args] = read_name(c, true);
                        if (!args[d->n_args++].n)
                                return NULL;
                } while (take(c, ';'));
                if (!expect(c, ')'))
                        return NULL;
        }
        d->args = arena_alloc(c->arena, (d->n_args + 1) * sizeof(*args));
        memcpy(d->args, args, d->n_args * sizeof(*args));
        if (!expect(c, ':') || !(d->body = parse_pipe(c)) || !expect(c, ';'))
                return NULL;
        return d;
}

static struct jn *parse_label(struct jq_compile *c)
{
        struct jn *n = jq_node(c, J_LABEL);
        n->name = read_variable(c);
        if (!n->name.n || !expect(c, '|'))
                return NULL;
        n->a = parse_pipe(c);
        return n->a ? n : NULL;
}

/* One side of a comma: an expression, perhaps with a binding that takes all that follows. */
static struct jn *parse_item(struct jq_compile *c)
{
        struct str word = peek_word(c);
        if (str_eq(word, "def") || str_eq(word, "label"))
                return parse_pipe(c);
        struct jn *n = parse_expr(c, 0);
        if (!n || !take_word(c, "as"))
                return n;
        struct jn *b = node2(c, J_BIND, n, NULL);
        b->bind = parse_binding(c, true);
        if (!b->bind || !expect(c, '|'))
                return NULL;
        b->b = parse_pipe(c);
        return b->b ? b : NULL;
}

static struct jn *parse_commas(struct jq_compile *c)
{
        struct jn *left = parse_item(c);
        while (left && take(c, ',')) {
                struct jn *right = parse_item(c);
                left = right ? node2(c, J_COMMA, left, right) : NULL;
        }
        return left;
}

static struct jn *parse_pipe_inner(struct jq_compile *c)
{
        if (take_word(c, "def")) {
                struct jn *n = jq_node(c, J_DEF);
                n->def = parse_def(c);
                return n->def && (n->a = parse_pipe(c)) ? n : NULL;
        }
        if (take_word(c, "label"))
                return parse_label(c);
        struct jn *left = parse_commas(c);
        skip_space(c);
        if (!left || look(c, 0) != '|')
                return left;
        c->pos++;
        struct jn *right = parse_pipe(c);
        return right ? node2(c, J_PIPE, left, right) : NULL;
}

static struct jn *parse_pipe(struct jq_compile *c)
{
        if (++c->depth > LANG_DEPTH)
                return refused(c, "a program that is nested less deep");
        struct jn *n = parse_pipe_inner(c);
        c->depth--;
        return n;
}

struct jn *jq_parse(struct jq_compile *c)
{
        struct str word = peek_word(c);
        if (str_eq(word, "module") || str_eq(word, "import") || str_eq(word, "include")) {
                jq_refuse(c, c->pos, "there are no modules here");
                return NULL;
        }
        struct jn *n = parse_pipe(c);
        skip_space(c);
        if (n && c->pos < c->text.n)
                return refused(c, "the end of the program");
        return n;
}

struct jdef *jq_parse_prelude(struct jq_compile *c)
{
        struct jdef *first = NULL, **last = &first;
        while (take_word(c, "def")) {
                *last = parse_def(c);
                if (!*last)
                        return NULL;
                last = &(*last)->next;
        }
        return first;
}
