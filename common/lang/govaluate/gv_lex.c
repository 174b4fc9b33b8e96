/* common/lang/govaluate/gv_lex.c: see gv_priv.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/govaluate/gv_priv.h"
#include "common/lang/unicode/unicode.h"
#include <stdarg.h>

bool gv_fail(struct gv_error *ge, size_t at, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(ge->words, sizeof(ge->words), fmt, ap);
        va_end(ap);
        ge->at = at;
        return false;
}

/* ---- operators ---- */

static const struct op {
        const char *text;
        enum gv_level level;
        enum gv_symbol symbol;
} ops[] = {
        {"-", GV_L_PREFIX, GV_NEGATE},
        {"!", GV_L_PREFIX, GV_INVERT},
        {"~", GV_L_PREFIX, GV_BIT_NOT},
        {"**", GV_L_EXPONENT, GV_EXPONENT},
        {"*", GV_L_MULTIPLY, GV_MULTIPLY},
        {"/", GV_L_MULTIPLY, GV_DIVIDE},
        {"%", GV_L_MULTIPLY, GV_MODULUS},
        {"+", GV_L_ADD, GV_PLUS},
        {"-", GV_L_ADD, GV_MINUS},
        {">>", GV_L_SHIFT, GV_RSHIFT},
        {"<<", GV_L_SHIFT, GV_LSHIFT},
        {"^", GV_L_BITWISE, GV_BIT_XOR},
        {"&", GV_L_BITWISE, GV_BIT_AND},
        {"|", GV_L_BITWISE, GV_BIT_OR},
        {"==", GV_L_COMPARE, GV_EQ},
        {"!=", GV_L_COMPARE, GV_NEQ},
        {">", GV_L_COMPARE, GV_GT},
        {">=", GV_L_COMPARE, GV_GTE},
        {"<", GV_L_COMPARE, GV_LT},
        {"<=", GV_L_COMPARE, GV_LTE},
        {"=~", GV_L_COMPARE, GV_REQ},
        {"!~", GV_L_COMPARE, GV_NREQ},
        {"in", GV_L_COMPARE, GV_IN},
        {"&&", GV_L_AND, GV_AND},
        {"||", GV_L_OR, GV_OR},
        {"?", GV_L_TERNARY, GV_TERNARY_TRUE},
        {":", GV_L_TERNARY, GV_TERNARY_FALSE},
        {"??", GV_L_TERNARY, GV_COALESCE},
        {",", GV_L_SEPARATE, GV_SEPARATE},
};

bool gv_operator(enum gv_level level, struct str text, enum gv_symbol *out)
{
        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
                if (ops[i].level == level && str_eq(text, ops[i].text)) {
                        *out = ops[i].symbol;
                        return true;
                }
        }
        return false;
}

const char *gv_symbol_name(enum gv_symbol s)
{
        for (size_t i = 0; i < ARRAY_LEN(ops); i++)
                if (ops[i].symbol == s)
                        return s == GV_EQ ? "=" : s == GV_SEPARATE ? "" : ops[i].text;
        return s == GV_NOOP ? "NOOP" : s == GV_VALUE ? "VALUE" : "";
}

/* ---- characters ---- */

struct reader {
        struct str text;
        size_t i;
        struct arena *arena;
};
typedef bool char_fn(uint32_t c);

static bool is_numeric(uint32_t c)
{
        return uni_is_digit(c) || c == '.';
}

static bool is_hex(uint32_t c)
{
        c = uni_lower(c);
        return uni_is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool not_quote(uint32_t c)
{
        return c != '\'' && c != '"';
}

static bool not_bracket(uint32_t c)
{
        return c != ']';
}

static bool in_name(uint32_t c)
{
        return uni_is_letter(c) || uni_is_digit(c) || c == '_' || c == '.';
}

static bool in_operator(uint32_t c)
{
        return !(uni_is_digit(c) || uni_is_letter(c) || c == '(' || c == ')' || c == '[' ||
                 c == ']' || !not_quote(c));
}

static size_t peek(const struct reader *r, uint32_t *c)
{
        return utf8_decode(r->text.p + r->i, r->text.n - r->i, c);
}

static void put(struct abuf *b, uint32_t c)
{
        char utf8[4];
        abuf_add(b, (struct str){utf8, utf8_encode(c, utf8)});
}

/* Characters while `fn` holds; a backslash takes the next one as it is. `spaces`: white space
 * belongs to the text; else it is skipped in front and ends what has begun. *ended: something ended
 * it. False: a backslash at the very end. */
static bool read_while(struct reader *r, bool spaces, char_fn *fn, struct str *out, bool *ended)
{
        struct abuf b = abuf_in(r->arena);
        *ended = false;
        while (r->i < r->text.n) {
                uint32_t c;
                size_t len = peek(r, &c);
                if (c == '\\') {
                        r->i++;
                        if (r->i >= r->text.n)
                                return false;
                        len = peek(r, &c);
                        put(&b, c);
                        r->i += len;
                        continue;
                }
                if (!spaces && uni_is_space(c)) {
                        r->i += len;
                        if (b.n == 0)
                                continue;
                        *ended = true;
                        break;
                }
                if (!fn(c)) {
                        *ended = true;
                        break;
                }
                put(&b, c);
                r->i += len;
        }
        *out = abuf_str(&b);
        return true;
}

/* ---- tokens ---- */

static bool trailing_backslash(struct gv_error *ge, const struct reader *r)
{
        return gv_fail(ge, r->i, "a backslash at the end");
}

static bool read_number(struct reader *r, struct gv_token *t, struct gv_error *ge)
{
        bool ended;
        uint64_t hex;
        t->kind = GV_NUMERIC;
        if (r->text.n - r->i > 2 && r->text.p[r->i] == '0' && r->text.p[r->i + 1] == 'x') {
                r->i += 2;
                if (!read_while(r, false, is_hex, &t->text, &ended))
                        return trailing_backslash(ge, r);
                if (gonum_uint(t->text, 16, 64, &hex) != GONUM_OK)
                        return gv_fail(ge, t->at, "Unable to parse hex value '%.*s' to uint64\n",
                                       (int)t->text.n, t->text.p);
                t->number = (double)hex;
                return true;
        }
        if (!read_while(r, false, is_numeric, &t->text, &ended))
                return trailing_backslash(ge, r);
        if (gonum_float(t->text, &t->number) != GONUM_OK)
                return gv_fail(ge, t->at, "Unable to parse numeric value '%.*s' to float64\n",
                               (int)t->text.n, t->text.p);
        return true;
}

/* a.B.C: fields must look exported. */
static bool check_accessor(struct gv_token *t, struct gv_error *ge)
{
        t->kind = GV_ACCESSOR;
        if (t->text.p[t->text.n - 1] == '.')
                return gv_fail(ge, t->at, "Hanging accessor on token '%.*s'", (int)t->text.n,
                               t->text.p);
        for (size_t i = 0; i < t->text.n; i++) {
                uint32_t c = 0;
                if (t->text.p[i] != '.')
                        continue;
                size_t end = i + 1;
                while (end < t->text.n && t->text.p[end] != '.')
                        end++;
                if (end > i + 1)
                        utf8_decode(t->text.p + i + 1, t->text.n - i - 1, &c);
                if (uni_upper(c) != c)
                        return gv_fail(ge, t->at,
                                       "Unable to access unexported field '%.*s' in token '%.*s'",
                                       (int)(end - i - 1), t->text.p + i + 1, (int)t->text.n,
                                       t->text.p);
        }
        return true;
}

static bool read_word(struct reader *r, struct gv_token *t, struct gv_error *ge)
{
        bool ended;
        if (!read_while(r, false, in_name, &t->text, &ended))
                return trailing_backslash(ge, r);
        t->kind = GV_VARIABLE;
        if (str_eq(t->text, "true") || str_eq(t->text, "false")) {
                t->kind = GV_BOOLEAN;
                t->truth = t->text.p[0] == 't';
        } else if (str_eq(t->text, "in") || str_eq(t->text, "IN")) {
                t->kind = GV_COMPARATOR;
                t->text = STR("in");
        }
        const char *dot = memchr(t->text.p, '.', t->text.n);
        return dot && dot > t->text.p ? check_accessor(t, ge) : true;
}

static bool looks_like_time(struct arena *a, struct str s, struct val_time *out)
{
        static const char *const layouts[] = {
                "Mon Jan _2 15:04:05 2006",
                "Mon Jan _2 15:04:05 MST 2006",
                "Mon Jan 02 15:04:05 -0700 2006",
                "3:04PM",
                "2006-01-02T15:04:05Z07:00",
                "2006-01-02T15:04:05.999999999Z07:00",
                "2006-01-02",
                "2006-01-02 15:04",
                "2006-01-02 15:04:05",
                "2006-01-02 15:04:05-07:00",
                "2006-01-02T15Z0700",
                "2006-01-02T15:04Z0700",
                "2006-01-02T15:04:05Z0700",
                "2006-01-02T15:04:05.999999999Z0700",
        };
        for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
                if (gotime_parse(a, str_of(layouts[i]), s, NULL, out, NULL))
                        return true;
        return false;
}

/* A text in quotes or a name in brackets; r->i is behind the opening one. */
static bool read_enclosed(struct reader *r, struct gv_token *t, char_fn *fn, const char *words,
                          struct gv_error *ge)
{
        bool ended;
        if (!read_while(r, true, fn, &t->text, &ended))
                return trailing_backslash(ge, r);
        if (!ended)
                return gv_fail(ge, t->at, "%s", words);
        r->i++;
        return true;
}

static bool read_quoted(struct reader *r, struct gv_token *t, struct gv_error *ge)
{
        r->i++;
        if (!read_enclosed(r, t, not_quote, "Unclosed string literal", ge))
                return false;
        t->kind = looks_like_time(r->arena, t->text, &t->time) ? GV_TIME : GV_STRING;
        return true;
}

static bool may_follow(enum gv_kind last, enum gv_kind next);

static bool read_operator(struct reader *r, struct gv_token *t, enum gv_kind last,
                          struct gv_error *ge)
{
        static const struct {
                enum gv_level from, to;
                enum gv_kind kind;
        } kinds[] = {{GV_L_EXPONENT, GV_L_BITWISE, GV_MODIFIER},
                     {GV_L_AND, GV_L_OR, GV_LOGICALOP},
                     {GV_L_COMPARE, GV_L_COMPARE, GV_COMPARATOR},
                     {GV_L_TERNARY, GV_L_TERNARY, GV_TERNARY}};
        enum gv_symbol symbol;
        bool ended;
        if (!read_while(r, false, in_operator, &t->text, &ended))
                return trailing_backslash(ge, r);
        if (may_follow(last, GV_PREFIX) && gv_operator(GV_L_PREFIX, t->text, &symbol)) {
                t->kind = GV_PREFIX;
                return true;
        }
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                for (unsigned level = kinds[k].from; level <= kinds[k].to; level++) {
                        if (gv_operator(level, t->text, &symbol)) {
                                t->kind = kinds[k].kind;
                                return true;
                        }
                }
        }
        return gv_fail(ge, t->at, "Invalid token: '%.*s'", (int)t->text.n, t->text.p);
}

/* *found false: the text is used up. */
static bool read_token(struct reader *r, enum gv_kind last, struct gv_token *t, bool *found,
                       struct gv_error *ge)
{
        uint32_t c = 0;
        size_t len = 0;
        *t = (struct gv_token){.text = STR("")};
        while (r->i < r->text.n) {
                len = peek(r, &c);
                if (!uni_is_space(c))
                        break;
                r->i += len;
        }
        *found = r->i < r->text.n;
        t->at = r->i;
        if (!*found)
                return true;
        if (is_numeric(c))
                return read_number(r, t, ge);
        if (uni_is_letter(c))
                return read_word(r, t, ge);
        if (!not_quote(c))
                return read_quoted(r, t, ge);
        t->text = (struct str){r->text.p + r->i, 1};
        switch (c) {
        case ',':
        case '(':
        case ')':
                t->kind = c == ',' ? GV_SEPARATOR : c == '(' ? GV_CLAUSE : GV_CLAUSE_CLOSE;
                r->i++;
                return true;
        case '[':
                r->i++;
                t->kind = GV_VARIABLE;
                return read_enclosed(r, t, not_bracket, "Unclosed parameter bracket", ge);
        default: return read_operator(r, t, last, ge);
        }
}

bool gv_tokenize(struct govaluate *g, struct str text, struct gv_error *ge)
{
        struct reader r = {.text = text, .arena = &g->arena};
        enum gv_kind last = GV_UNKNOWN;
        for (;;) {
                struct gv_token t;
                bool found;
                if (!read_token(&r, last, &t, &found, ge))
                        return false;
                if (!found)
                        return true;
                mem_grow(g->tokens, g->cap_tokens, g->ntokens + 1);
                g->tokens[g->ntokens++] = t;
                last = t.kind;
        }
}

/* ---- the order of tokens ---- */

#define K(kind) (1u << GV_##kind)
#define VALUES (K(NUMERIC) | K(BOOLEAN) | K(VARIABLE) | K(ACCESSOR) | K(CLAUSE))
#define AFTER_VALUE (K(MODIFIER) | K(COMPARATOR) | K(LOGICALOP) | K(CLAUSE_CLOSE) | K(SEPARATOR))
static const struct {
        unsigned next;
        bool end; /* the expression may end here */
} states[] = {
        [GV_UNKNOWN] = {VALUES | K(PREFIX) | K(PATTERN) | K(STRING) | K(TIME), false},
        [GV_CLAUSE] = {VALUES | K(PREFIX) | K(PATTERN) | K(STRING) | K(TIME) | K(CLAUSE_CLOSE),
                       false},
        [GV_CLAUSE_CLOSE] = {AFTER_VALUE | K(TERNARY) | K(NUMERIC) | K(BOOLEAN) | K(VARIABLE) |
                                     K(STRING) | K(PATTERN) | K(TIME) | K(CLAUSE),
                             true},
        [GV_NUMERIC] = {AFTER_VALUE | K(TERNARY), true},
        [GV_BOOLEAN] = {AFTER_VALUE | K(TERNARY), true},
        [GV_STRING] = {AFTER_VALUE | K(TERNARY), true},
        [GV_TIME] = {AFTER_VALUE, true},
        [GV_PATTERN] = {AFTER_VALUE, true},
        [GV_VARIABLE] = {AFTER_VALUE | K(TERNARY), true},
        [GV_ACCESSOR] = {AFTER_VALUE | K(TERNARY) | K(CLAUSE), true},
        [GV_MODIFIER] = {VALUES | K(PREFIX) | K(STRING) | K(CLAUSE_CLOSE), false},
        [GV_COMPARATOR] = {VALUES | K(PREFIX) | K(STRING) | K(TIME) | K(PATTERN) | K(CLAUSE_CLOSE),
                           false},
        [GV_LOGICALOP] = {VALUES | K(PREFIX) | K(STRING) | K(TIME) | K(CLAUSE_CLOSE), false},
        [GV_PREFIX] = {VALUES | K(CLAUSE_CLOSE), false},
        [GV_TERNARY] = {VALUES | K(PREFIX) | K(STRING) | K(TIME) | K(SEPARATOR), false},
        [GV_SEPARATOR] = {VALUES | K(PREFIX) | K(STRING) | K(TIME), false},
};

static bool may_follow(enum gv_kind last, enum gv_kind next)
{
        return states[last].next >> next & 1;
}

static const char *kind_name(enum gv_kind k)
{
        static const char *const names[] = {"UNKNOWN",  "PREFIX",    "NUMERIC",      "BOOLEAN",
                                            "STRING",   "PATTERN",   "TIME",         "VARIABLE",
                                            "ACCESSOR", "SEPARATOR", "COMPARATOR",   "LOGICALOP",
                                            "MODIFIER", "CLAUSE",    "CLAUSE_CLOSE", "TERNARY"};
        return names[k];
}

/* The value of a token as Go prints it. */
static struct str shown(struct govaluate *g, const struct gv_token *t)
{
        struct abuf b = abuf_in(&g->arena);
        if (!t)
                return STR("<nil>");
        switch (t->kind) {
        case GV_NUMERIC: gofmt_value(&b, val_float(t->number)); break;
        case GV_TIME: gotime_put(&b, t->time); break;
        case GV_CLAUSE: return STR("40");
        case GV_CLAUSE_CLOSE: return STR("41");
        case GV_ACCESSOR:
                abuf_addc(&b, '[');
                for (size_t i = 0; i < t->text.n; i++)
                        abuf_addc(&b, t->text.p[i] == '.' ? ' ' : t->text.p[i]);
                abuf_addc(&b, ']');
                break;
        default: return t->text;
        }
        return abuf_str(&b);
}

static bool wrong_order(struct govaluate *g, const struct gv_token *last, const struct gv_token *t,
                        struct gv_error *ge)
{
        if (last && last->kind == GV_VARIABLE && t->kind == GV_CLAUSE)
                return gv_fail(ge, last->at, "Undefined function %.*s", (int)last->text.n,
                               last->text.p);
        struct str a = shown(g, last), b = shown(g, t);
        return gv_fail(ge, t->at, "Cannot transition token types from %s [%.*s] to %s [%.*s]",
                       kind_name(last ? last->kind : GV_UNKNOWN), (int)(a.n > 200 ? 200 : a.n), a.p,
                       kind_name(t->kind), (int)(b.n > 200 ? 200 : b.n), b.p);
}

bool gv_check(struct govaluate *g, struct gv_error *ge)
{
        long open = 0;
        const struct gv_token *last = NULL;
        for (size_t i = 0; i < g->ntokens; i++)
                open += (g->tokens[i].kind == GV_CLAUSE) - (g->tokens[i].kind == GV_CLAUSE_CLOSE);
        if (open)
                return gv_fail(ge, 0, "Unbalanced parenthesis");
        for (size_t i = 0; i < g->ntokens; i++) {
                struct gv_token *t = &g->tokens[i];
                if (!may_follow(last ? last->kind : GV_UNKNOWN, t->kind))
                        return wrong_order(g, last, t, ge);
                last = t;
        }
        if (!last || !states[last->kind].end)
                return gv_fail(ge, last ? last->at : 0, "Unexpected end of expression");
        return true;
}

bool gv_patterns(struct govaluate *g, struct gv_error *ge)
{
        enum gv_symbol symbol;
        for (size_t i = 0; i + 1 < g->ntokens; i++) {
                struct gv_token *t = &g->tokens[i], *next = t + 1;
                if (t->kind != GV_COMPARATOR || !gv_operator(GV_L_COMPARE, t->text, &symbol) ||
                    (symbol != GV_REQ && symbol != GV_NREQ) || next->kind != GV_STRING)
                        continue;
                struct goregex *re;
                struct err e = {0};
                if (goregex_new(&re, next->text, NULL, &e) < 0) {
                        gv_fail(ge, next->at, "error parsing regexp: %s", err_msg(&e));
                        err_clear(&e);
                        return false;
                }
                mem_grow(g->regexes, g->cap_regexes, g->nregexes + 1);
                g->regexes[g->nregexes++] = re;
                next->kind = GV_PATTERN;
                next->number = (double)(g->nregexes - 1); /* which one */
        }
        return true;
}
