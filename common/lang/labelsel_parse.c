/* common/lang/labelsel_parse.c: label selectors: tokens, requirements, and what keys and values may
 * look like. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/lang/gonum.h"
#include "common/lang/labelsel_priv.h"
#include <stdlib.h>

enum tok { T_END, T_WORD, T_OPEN, T_CLOSE, T_COMMA, T_NOT, T_EQ, T_EQEQ, T_NE, T_GT, T_LT };

struct parser {
        struct labelsel *s;
        size_t i; /* behind the current token */
        enum tok tok;
        struct str lit;
        struct str *values; /* of the requirement at hand */
        size_t nvalues, capvalues;
        size_t at;
        struct err *e;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
        return memchr("=!(),><", c, 7);
}

static size_t symbol(struct str text, size_t i, enum tok *tok)
{
        bool eq = i + 1 < text.n && text.p[i + 1] == '=';
        switch (text.p[i]) {
        case '(': *tok = T_OPEN; return 1;
        case ')': *tok = T_CLOSE; return 1;
        case ',': *tok = T_COMMA; return 1;
        case '>': *tok = T_GT; return 1;
        case '<': *tok = T_LT; return 1;
        case '!': *tok = eq ? T_NE : T_NOT; return 1 + (size_t)eq;
        default: *tok = eq ? T_EQEQ : T_EQ; return 1 + (size_t)eq;
        }
}

static void next(struct parser *p)
{
        struct str text = p->s->text;
        size_t i = p->i;
        while (i < text.n && is_space(text.p[i]))
                i++;
        size_t start = i;
        if (i >= text.n) {
                p->tok = T_END;
        } else if (is_special(text.p[i])) {
                i += symbol(text, i, &p->tok);
        } else {
                while (i < text.n && !is_special(text.p[i]) && !is_space(text.p[i]))
                        i++;
                p->tok = T_WORD;
        }
        p->lit = (struct str){text.p + start, i - start};
        p->i = i;
}

static int fail(struct parser *p, const char *expected)
{
        p->at = (size_t)(p->lit.p - p->s->text.p);
        return p->tok == T_END ? err_set(p->e, ERR_INVALID,
                                         "label selector: offset %zu: the text ends, expected: %s",
                                         p->at, expected)
                               : err_set(p->e, ERR_INVALID,
                                         "label selector: offset %zu: found '%.*s', expected: %s",
                                         p->at, (int)p->lit.n, p->lit.p, expected);
}

static int fail_word(struct parser *p, const char *what, struct str word, const char *why)
{
        p->at = word.p >= p->s->text.p && word.p <= p->s->text.p + p->s->text.n
                        ? (size_t)(word.p - p->s->text.p)
                        : p->at;
        return err_set(p->e, ERR_INVALID, "label selector: offset %zu: %s '%.*s': %s", p->at, what,
                       (int)word.n, word.p, why);
}

/* ---- keys and values ---- */

static bool is_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(struct str s)
{
        if (!s.n || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
                        return false;
        return true;
}

static bool is_subdomain(struct str s)
{
        for (size_t i = 0; i < s.n; i++) {
                char c = s.p[i];
                bool edge = i == 0 || i + 1 == s.n || s.p[i - 1] == '.' || s.p[i + 1] == '.';
                bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                if (!plain && (edge || (c != '-' && c != '.')))
                        return false;
        }
        return s.n > 0 && s.n <= 253;
}

bool label_key_valid(struct str key, const char **why)
{
        const char *none;
        const char *slash = memchr(key.p ? key.p : "", '/', key.n);
        struct str name = key;
        if (!why)
                why = &none;
        if (slash) {
                struct str prefix = {key.p, (size_t)(slash - key.p)};
                name = (struct str){slash + 1, key.n - prefix.n - 1};
                *why = "what stands before the / must be a DNS name in small letters";
                if (!is_subdomain(prefix))
                        return false;
        }
        *why = name.n > 63 ? "longer than 63 characters"
                           : "a name must be made of letters, digits, -, _ and . and begin and end "
                             "with a letter or digit";
        return name.n <= 63 && is_name(name);
}

bool label_value_valid(struct str value, const char **why)
{
        const char *none;
        *(why ? why : &none) =
                value.n > 63 ? "longer than 63 characters"
                             : "a value must be made of letters, digits, -, _ and . and begin and "
                               "end with a letter or digit";
        return value.n == 0 || (value.n <= 63 && is_name(value));
}

/* ---- requirements ---- */

static void add_value(struct parser *p, struct str value)
{
        mem_grow(p->values, p->capvalues, p->nvalues + 1);
        p->values[p->nvalues] = value;
        p->nvalues++;
}

/* (a, b,, c): nothing between two commas is the empty value. */
static int read_set(struct parser *p)
{
        if (p->tok != T_OPEN)
                return fail(p, "'('");
        next(p);
        bool want = true;
        for (; p->tok != T_CLOSE; next(p)) {
                if (p->tok == T_WORD && want)
                        add_value(p, p->lit);
                else if (p->tok == T_COMMA && want)
                        add_value(p, STR(""));
                else if (p->tok != T_COMMA)
                        return fail(p, want ? "',', ')' or identifier" : "',' or ')'");
                want = p->tok == T_COMMA;
        }
        if (want)
                add_value(p, STR(""));
        next(p);
        return 0;
}

static int read_operator(struct parser *p, struct labelsel_term *t)
{
        static const enum labelsel_op ops[] = {[T_EQ] = SEL_EQUAL,
                                               [T_EQEQ] = SEL_EQUAL,
                                               [T_NE] = SEL_NOT_EQUAL,
                                               [T_GT] = SEL_GREATER,
                                               [T_LT] = SEL_LESS};
        if (p->tok == T_WORD && str_eq(p->lit, "in"))
                t->op = SEL_IN;
        else if (p->tok == T_WORD && str_eq(p->lit, "notin"))
                t->op = SEL_NOT_IN;
        else if (p->tok >= T_EQ && p->tok <= T_LT)
                t->op = ops[p->tok];
        else
                return fail(p, "in, notin, =, ==, !=, gt, lt");
        t->doubled = p->tok == T_EQEQ;
        next(p);
        return 0;
}

static int read_values(struct parser *p, struct labelsel_term *t)
{
        if (t->op == SEL_IN || t->op == SEL_NOT_IN)
                return read_set(p);
        if (p->tok == T_END || p->tok == T_COMMA) {
                add_value(p, STR(""));
                return 0;
        }
        if (p->tok != T_WORD)
                return fail(p, "identifier");
        add_value(p, p->lit);
        next(p);
        return 0;
}

static int check_values(struct parser *p, const struct labelsel_term *t)
{
        const char *why;
        int64_t number;
        for (size_t i = 0; i < p->nvalues; i++) {
                if ((t->op == SEL_GREATER || t->op == SEL_LESS) &&
                    gonum_int(p->values[i], 10, 64, &number) != GONUM_OK)
                        return fail_word(p, "value", p->values[i],
                                         "what > and < compare with must be an integer");
                if (!label_value_valid(p->values[i], &why))
                        return fail_word(p, "value", p->values[i], why);
        }
        return 0;
}

static int read_requirement(struct parser *p, struct labelsel_term *t)
{
        const char *why;
        bool not = p->tok == T_NOT;
        p->nvalues = 0;
        if (not )
                next(p);
        if (p->tok != T_WORD)
                return fail(p, "identifier");
        t->key = p->lit;
        if (!label_key_valid(t->key, &why))
                return fail_word(p, "key", t->key, why);
        next(p);
        t->op = not ? SEL_ABSENT : SEL_EXISTS;
        if (not || p->tok == T_END || p->tok == T_COMMA)
                return 0;
        if (read_operator(p, t) < 0 || read_values(p, t) < 0 || check_values(p, t) < 0)
                return -1;
        labelsel_values(p->s, t, p->values, p->nvalues);
        return 0;
}

static int read_all(struct parser *p)
{
        next(p);
        if (p->tok == T_END)
                return 0;
        for (;;) {
                if (p->tok != T_WORD && p->tok != T_NOT)
                        return fail(p, p->s->n ? "identifier after ','"
                                               : "!, identifier, or 'end of string'");
                struct labelsel_term *t = labelsel_add(p->s);
                if (read_requirement(p, t) < 0)
                        return -1;
                if (p->tok == T_END)
                        return 0;
                if (p->tok != T_COMMA)
                        return fail(p, "',' or 'end of string'");
                next(p);
        }
}

/* Terms of one key keep their order, which is that of their keys' places in the text. */
static int by_key(const void *a, const void *b)
{
        const struct labelsel_term *x = a, *y = b;
        int c = labelsel_order(x->key, y->key);
        return c ? c : (x->key.p > y->key.p) - (x->key.p < y->key.p);
}

int labelsel_labels(struct labelsel **out, struct str text, size_t *at, struct err *e)
{
        AUTO(labelsel_free) struct labelsel *s = NULL;
        if (labelsel_start(&s, text, e) < 0)
                return -1;
        struct parser p = {.s = s, .e = e};
        int rc = read_all(&p);
        mem_free(p.values);
        if (at)
                *at = p.at;
        if (rc < 0)
                return -1;
        if (s->n)
                qsort(s->terms, s->n, sizeof(*s->terms), by_key);
        *out = TAKE(s);
        return 0;
}
