/* common/lang/expr/expr_lex.c: see expr_priv.h: text into tokens. All of the text is read before
 * it is parsed: whatever comes first, a broken token is an error. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/unicode/unicode.h"
#include <stdarg.h>

struct lexer {
        struct arena *arena;
        struct str text;
        size_t i, from; /* of the token at work */
        bool old;       /* EXPR_EVENTS */
        struct ex_token *tokens;
        size_t n, cap;
        struct ex_error *ee;
};

enum { END = 0xFFFFFFFF }; /* no character: the text is over */

bool ex_error_set(struct ex_error *ee, size_t at, const char *fmt, ...)
{
        va_list ap;
        if (ee->set)
                return false;
        va_start(ap, fmt);
        vsnprintf(ee->words, sizeof(ee->words), fmt, ap);
        va_end(ap);
        ee->at = at;
        ee->set = true;
        return false;
}

static uint32_t peek(const struct lexer *l)
{
        uint32_t c;
        if (l->i >= l->text.n)
                return END;
        utf8_decode(l->text.p + l->i, l->text.n - l->i, &c);
        return c;
}

static uint32_t next(struct lexer *l)
{
        uint32_t c;
        if (l->i >= l->text.n)
                return END;
        l->i += utf8_decode(l->text.p + l->i, l->text.n - l->i, &c);
        return c;
}

static bool among(uint32_t c, const char *set)
{
        return c && c < 128 && strchr(set, (int)c);
}

static bool accept(struct lexer *l, const char *set)
{
        if (!among(peek(l), set))
                return false;
        l->i++;
        return true;
}

static bool is_word(uint32_t c)
{
        return c != END && (c == '_' || c == '$' || uni_is_letter(c) || uni_is_digit(c));
}

static bool emit_text(struct lexer *l, enum ex_tok kind, struct str text)
{
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 32;
                struct ex_token *more = arena_try_alloc(l->arena, cap * sizeof(*more));
                if (!more) {
                        l->ee->limit = true;
                        return ex_error_set(l->ee, l->from, "the expression needs too much memory");
                }
                if (l->n)
                        memcpy(more, l->tokens, l->n * sizeof(*more));
                l->tokens = more;
                l->cap = cap;
        }
        l->tokens[l->n++] = (struct ex_token){kind, (uint32_t)l->from, text};
        l->from = l->i;
        return true;
}

static bool emit(struct lexer *l, enum ex_tok kind)
{
        return emit_text(l, kind, (struct str){l->text.p + l->from, l->i - l->from});
}

/* ---- strings ---- */

static int hex_digit(uint32_t c)
{
        if (c >= '0' && c <= '9')
                return (int)c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : 16;
}

static bool bad_escape(struct lexer *l)
{
        return ex_error_set(l->ee, l->i ? l->i - 1 : 0, "invalid char escape");
}

/* n digits of the base. */
static bool escape_digits(struct lexer *l, int base, int n, uint32_t *out)
{
        uint64_t v = 0;
        for (int k = 0; k < n; k++) {
                int d = peek(l) == END ? 16 : hex_digit(peek(l));
                if (d >= base)
                        return bad_escape(l);
                v = v * (unsigned)base + (unsigned)d;
                l->i++;
        }
        if (v > 0x10FFFF)
                return bad_escape(l);
        *out = (uint32_t)v;
        return true;
}

/* \u{1F600} */
static bool escape_braces(struct lexer *l, uint32_t *out)
{
        int digits = 0;
        uint32_t v = 0;
        l->i++;
        for (; digits < 7 && hex_digit(peek(l)) < 16; digits++, l->i++)
                v = v * 16 + (uint32_t)hex_digit(peek(l));
        if (digits == 0 || digits > 6 || v > 0x10FFFF || !accept(l, "}"))
                return bad_escape(l);
        *out = v;
        return true;
}

/* Behind a backslash. *byte: the value is one byte as it stands. */
static bool escape(struct lexer *l, uint32_t quote, bool bytes, uint32_t *out, bool *byte)
{
        static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
        uint32_t c = next(l);
        *byte = bytes;
        if (c == quote) {
                *out = c;
                return true;
        }
        if (among(c, from)) {
                *out = (unsigned char)to[strchr(from, (int)c) - from];
                return true;
        }
        if (among(c, "0123")) {
                l->i--;
                return escape_digits(l, 8, 3, out);
        }
        if (c == 'x')
                return escape_digits(l, 16, 2, out);
        *byte = false;
        if (c == 'u' && !bytes && peek(l) == '{' && !l->old)
                return escape_braces(l, out);
        if ((c == 'u' || c == 'U') && !bytes)
                return escape_digits(l, 16, c == 'u' ? 4 : 8, out);
        return bad_escape(l);
}

static size_t put_rune(char *p, uint32_t c)
{
        return utf8_encode((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF ? 0xFFFD : c, p);
}

/* Behind the opening quote. */
static bool string(struct lexer *l, uint32_t quote, bool bytes)
{
        char *p = arena_try_alloc(l->arena, (l->text.n - l->i) * 3 + 4);
        size_t n = 0;
        if (!p) {
                l->ee->limit = true;
                return ex_error_set(l->ee, l->from, "the expression needs too much memory");
        }
        for (;;) {
                bool byte = false;
                uint32_t c = next(l);
                if (c == END || c == '\n')
                        return ex_error_set(l->ee, l->from, "literal not terminated");
                if (c == quote)
                        break;
                if (c == '\\' && !escape(l, quote, bytes, &c, &byte))
                        return false;
                if (c == '\r' && l->text.p[l->i - 1] == '\r') { /* a newline, however written */
                        accept(l, "\n");
                        c = '\n';
                }
                if (byte)
                        p[n++] = (char)c;
                else
                        n += put_rune(p + n, c);
        }
        return emit_text(l, bytes ? EX_T_BYTES : EX_T_STRING, (struct str){p, n});
}

/* Behind the opening `: no escapes but `` for `. */
static bool raw_string(struct lexer *l)
{
        char *p = arena_try_alloc(l->arena, l->text.n - l->i + 1);
        size_t n = 0;
        if (!p) {
                l->ee->limit = true;
                return ex_error_set(l->ee, l->from, "the expression needs too much memory");
        }
        for (; l->i < l->text.n; p[n++] = l->text.p[l->i++]) {
                if (l->text.p[l->i] != '`')
                        continue;
                if (l->i + 1 >= l->text.n || l->text.p[l->i + 1] != '`') {
                        l->i++;
                        return emit_text(l, EX_T_STRING, (struct str){p, n});
                }
                l->i++;
        }
        return ex_error_set(l->ee, l->from, "literal not terminated");
}

/* ---- the rest ---- */

static bool number(struct lexer *l)
{
        const char *digits = "0123456789_";
        if (accept(l, "0")) {
                if (accept(l, "xX"))
                        digits = "0123456789abcdefABCDEF_";
                else if (accept(l, "oO"))
                        digits = "01234567_";
                else if (accept(l, "bB"))
                        digits = "01_";
        }
        while (accept(l, digits))
                ;
        size_t whole = l->i;
        if (accept(l, ".")) {
                if (peek(l) == '.') { /* 1..2 */
                        l->i = whole;
                        return emit(l, EX_T_NUMBER);
                }
                while (accept(l, digits))
                        ;
        }
        if (accept(l, "eE")) {
                accept(l, "+-");
                while (accept(l, digits))
                        ;
        }
        if (is_word(peek(l)))
                return ex_error_set(l->ee, l->from, "bad number syntax: \"%.*s\"",
                                    (int)(l->i - l->from > 40 ? 40 : l->i - l->from) + 1,
                                    l->text.p + l->from);
        return emit(l, EX_T_NUMBER);
}

static bool word(struct lexer *l)
{
        static const char *const operators[] = {
                "not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let"};
        while (is_word(peek(l)))
                next(l);
        struct str s = {l->text.p + l->from, l->i - l->from};
        bool op = !l->old && (str_eq(s, "if") || str_eq(s, "else"));
        for (size_t k = 0; k < ARRAY_LEN(operators) && !op; k++)
                op = str_eq(s, operators[k]);
        return emit(l, op ? EX_T_OP : EX_T_IDENT);
}

/* Behind #: a name that follows at once belongs to it, whatever it is. */
static bool pointer(struct lexer *l)
{
        accept(l, "#");
        if (!emit(l, EX_T_OP))
                return false;
        while (is_word(peek(l)))
                next(l);
        return l->i == l->from || emit(l, EX_T_IDENT);
}

static bool comment(struct lexer *l, bool block)
{
        if (!block) {
                const char *end = memchr(l->text.p + l->i, '\n', l->text.n - l->i);
                l->i = end ? (size_t)(end - l->text.p) + 1 : l->text.n;
                l->from = l->i;
                return true;
        }
        for (; l->i + 1 < l->text.n; l->i++) {
                if (l->text.p[l->i] == '*' && l->text.p[l->i + 1] == '/') {
                        l->i += 2;
                        l->from = l->i;
                        return true;
                }
        }
        return ex_error_set(l->ee, l->from, "unclosed comment");
}

static bool dot(struct lexer *l)
{
        if (among(peek(l), "0123456789")) {
                l->i = l->from;
                return number(l);
        }
        accept(l, ".");
        return emit(l, EX_T_OP);
}

static bool token(struct lexer *l)
{
        uint32_t c = next(l);
        if (uni_is_space(c)) {
                l->from = l->i;
                return true;
        }
        if (c == '\'' || c == '"')
                return string(l, c, false);
        if (c == '`' && !l->old)
                return raw_string(l);
        if ((c == 'b' || c == 'B') && !l->old && among(peek(l), "'\""))
                return string(l, next(l), true);
        if (among(c, "0123456789")) {
                l->i = l->from;
                return number(l);
        }
        if (c == '/' && (accept(l, "/") || accept(l, "*")))
                return comment(l, l->text.p[l->i - 1] == '*');
        if (c == '#')
                return pointer(l);
        if (c == '.')
                return dot(l);
        if (among(c, "([{)]}"))
                return emit(l, EX_T_BRACKET);
        if (c == '?')
                accept(l, ".?");
        else if (c == '|' || (c == ':' && !l->old))
                accept(l, c == '|' ? "|" : ":");
        else if (among(c, "&!=*<>"))
                accept(l, "&=*");
        else if (is_word(c))
                return word(l);
        else if (!among(c, "/:,;%+-^"))
                return ex_error_set(l->ee, l->from, "unrecognized character: U+%04X", c);
        return emit(l, EX_T_OP);
}

bool ex_lex(struct arena *a, struct str text, enum expr_dialect d, struct ex_token **out,
            struct ex_error *ee)
{
        struct lexer l = {.arena = a, .text = text, .old = d == EXPR_EVENTS, .ee = ee};
        while (l.i < text.n)
                if (!token(&l))
                        return false;
        if (!emit(&l, EX_T_EOF))
                return false;
        *out = l.tokens;
        return true;
}
