/* common/lang/gotemplate/gt_lex.c: see gt_priv.h: the text in items. White space inside actions is
 * an item of its own: it separates arguments. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotemplate/gt_priv.h"
#include "common/lang/unicode/unicode.h"

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool starts(const struct gt_lexer *l, size_t at, const char *text)
{
        size_t n = strlen(text);
        return at <= l->in.n && l->in.n - at >= n && memcmp(l->in.p + at, text, n) == 0;
}

static char byte_at(const struct gt_lexer *l, size_t at)
{
        return at < l->in.n ? l->in.p[at] : '\0';
}

static struct gt_item emit(struct gt_lexer *l, enum gt_item_type type)
{
        struct gt_item item = {type, l->start, {l->in.p + l->start, l->pos - l->start}};
        l->start = l->pos;
        return item;
}

static struct gt_item fail(struct gt_lexer *l, const char *words)
{
        struct gt_item item = {GT_ERROR, l->start, {l->in.p + l->start, 0}};
        l->error = words;
        l->pos = l->start = l->in.n;
        l->inside = false;
        return item;
}

/* "{{- ": the marker and a space behind it. */
static bool left_trim(const struct gt_lexer *l, size_t at)
{
        return byte_at(l, at) == '-' && at + 1 < l->in.n && is_space(l->in.p[at + 1]);
}

/* " -}}" or "}}" at this place? */
static bool right_delimiter(const struct gt_lexer *l, size_t at, bool *trim)
{
        *trim = at < l->in.n && is_space(l->in.p[at]) && starts(l, at + 1, "-}}");
        return *trim || starts(l, at, "}}");
}

static void skip_spaces(struct gt_lexer *l)
{
        while (l->pos < l->in.n && is_space(l->in.p[l->pos]))
                l->pos++;
        l->start = l->pos;
}

/* Behind "{{" (and its marker) at a comment. */
static bool comment(struct gt_lexer *l, struct gt_item *out)
{
        bool trim;
        const char *from = l->in.p + l->pos + 2;
        const char *end =
                l->in.n - l->pos >= 4 ? memmem(from, l->in.n - l->pos - 2, "*/", 2) : NULL;
        if (!end) {
                *out = fail(l, "unclosed comment");
                return false;
        }
        l->pos = (size_t)(end - l->in.p) + 2;
        if (!right_delimiter(l, l->pos, &trim)) {
                *out = fail(l, "comment ends before closing delimiter");
                return false;
        }
        l->pos += trim ? 4 : 2;
        l->start = l->pos;
        if (trim)
                skip_spaces(l);
        return true;
}

/* Plain text up to the next action, comments skipped. */
static struct gt_item text(struct gt_lexer *l)
{
        for (;;) {
                struct gt_item item = {GT_TEXT, l->start, {l->in.p + l->start, 0}};
                const char *left = l->in.n - l->pos >= 2
                                           ? memmem(l->in.p + l->pos, l->in.n - l->pos, "{{", 2)
                                           : NULL;
                size_t at = left ? (size_t)(left - l->in.p) : l->in.n;
                bool trim = left && left_trim(l, at + 2);
                size_t end = at;
                while (trim && end > l->start && is_space(l->in.p[end - 1]))
                        end--;
                item.val.n = end - l->start;
                l->pos = l->start = at;
                if (item.val.n)
                        return item;
                if (!left)
                        return emit(l, GT_EOF);
                size_t after = at + 2 + (trim ? 2 : 0);
                if (starts(l, after, "/*")) {
                        l->pos = l->start = after;
                        if (!comment(l, &item))
                                return item;
                        continue;
                }
                l->pos = at + 2;
                item = emit(l, GT_LEFT);
                l->pos = l->start = after;
                l->inside = true;
                l->parens = 0;
                return item;
        }
}

static struct gt_item right(struct gt_lexer *l, bool trim)
{
        if (trim)
                l->pos = l->start = l->pos + 2;
        l->pos += 2;
        struct gt_item item = emit(l, GT_RIGHT);
        if (trim)
                skip_spaces(l);
        l->inside = false;
        return item;
}

static struct gt_item space(struct gt_lexer *l)
{
        bool trim;
        size_t n = 0;
        while (l->pos < l->in.n && is_space(l->in.p[l->pos])) {
                l->pos++;
                n++;
        }
        if (right_delimiter(l, l->pos - 1, &trim) && trim) {
                l->pos--; /* the last space belongs to the delimiter */
                if (n == 1)
                        return right(l, true);
        }
        return emit(l, GT_SPACE);
}

static bool alphanumeric_at(const struct gt_lexer *l, size_t *len)
{
        uint32_t cp;
        if (l->pos >= l->in.n)
                return false;
        *len = utf8_decode(l->in.p + l->pos, l->in.n - l->pos, &cp);
        return cp == '_' || uni_is_letter(cp) || uni_is_digit(cp);
}

static void skip_word(struct gt_lexer *l)
{
        size_t len;
        while (alphanumeric_at(l, &len))
                l->pos += len;
}

static bool at_terminator(const struct gt_lexer *l)
{
        char c = byte_at(l, l->pos);
        return l->pos >= l->in.n || is_space(c) || (c && strchr(".,|:)(", c)) ||
               starts(l, l->pos, "}}");
}

static enum gt_item_type keyword(struct str word)
{
        static const struct {
                const char *word;
                enum gt_item_type type;
        } keywords[] = {{"block", GT_BLOCK},
                        {"break", GT_BREAK},
                        {"continue", GT_CONTINUE},
                        {"define", GT_DEFINE},
                        {"else", GT_ELSE},
                        {"end", GT_END},
                        {"if", GT_IF},
                        {"nil", GT_NIL},
                        {"range", GT_RANGE},
                        {"template", GT_TEMPLATE},
                        {"with", GT_WITH},
                        {"true", GT_BOOL},
                        {"false", GT_BOOL}};
        for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
                if (str_eq(word, keywords[i].word))
                        return keywords[i].type;
        return GT_IDENT;
}

static struct gt_item word(struct gt_lexer *l)
{
        skip_word(l);
        if (!at_terminator(l))
                return fail(l, "bad character in a name");
        return emit(l, keyword((struct str){l->in.p + l->start, l->pos - l->start}));
}

/* Behind '.' or '$'. */
static struct gt_item field_or_variable(struct gt_lexer *l, enum gt_item_type type)
{
        if (at_terminator(l))
                return emit(l, type == GT_FIELD ? GT_DOT : GT_VARIABLE);
        skip_word(l);
        if (!at_terminator(l))
                return fail(l, "bad character in a name");
        return emit(l, type);
}

static struct gt_item quoted(struct gt_lexer *l, char quote, enum gt_item_type type,
                             const char *words)
{
        for (;;) {
                char c = byte_at(l, l->pos);
                if (l->pos >= l->in.n || c == '\n')
                        return fail(l, words);
                l->pos++;
                if (c == '\\') {
                        if (l->pos >= l->in.n || l->in.p[l->pos] == '\n')
                                return fail(l, words);
                        l->pos++;
                } else if (c == quote) {
                        return emit(l, type);
                }
        }
}

static struct gt_item raw_quoted(struct gt_lexer *l)
{
        const char *end = l->pos < l->in.n ? memchr(l->in.p + l->pos, '`', l->in.n - l->pos) : NULL;
        if (!end)
                return fail(l, "unterminated raw quoted string");
        l->pos = (size_t)(end - l->in.p) + 1;
        return emit(l, GT_RAWSTRING);
}

static bool accept(struct gt_lexer *l, const char *set)
{
        char c = byte_at(l, l->pos);
        if (!c || !strchr(set, c))
                return false;
        l->pos++;
        return true;
}

static void accept_run(struct gt_lexer *l, const char *set)
{
        while (accept(l, set))
                ;
}

static struct gt_item number(struct gt_lexer *l)
{
        const char *digits = "0123456789_";
        char exponent = 'e';
        size_t len;
        accept(l, "+-");
        if (accept(l, "0")) {
                if (accept(l, "xX")) {
                        digits = "0123456789abcdefABCDEF_";
                        exponent = 'p';
                } else if (accept(l, "oO")) {
                        digits = "01234567_";
                        exponent = 0;
                } else if (accept(l, "bB")) {
                        digits = "01_";
                        exponent = 0;
                }
        }
        accept_run(l, digits);
        if (accept(l, "."))
                accept_run(l, digits);
        if (exponent && accept(l, exponent == 'e' ? "eE" : "pP")) {
                accept(l, "+-");
                accept_run(l, "0123456789_");
        }
        if (accept(l, "i"))
                return fail(l, "complex numbers are not supported");
        if (alphanumeric_at(l, &len) || byte_at(l, l->pos) == '+' || byte_at(l, l->pos) == '-')
                return fail(l, "bad number syntax");
        return emit(l, GT_NUMBER);
}

static struct gt_item symbol(struct gt_lexer *l, char c)
{
        l->pos++;
        switch (c) {
        case '=': return emit(l, GT_ASSIGN);
        case ':':
                if (byte_at(l, l->pos) != '=')
                        return fail(l, "expected :=");
                l->pos++;
                return emit(l, GT_DECLARE);
        case '|': return emit(l, GT_PIPE);
        case ',': return emit(l, GT_COMMA);
        case '"': return quoted(l, '"', GT_STRING, "unterminated quoted string");
        case '\'': return quoted(l, '\'', GT_CHARCONST, "unterminated character constant");
        case '`': return raw_quoted(l);
        case '$': return field_or_variable(l, GT_VARIABLE);
        case '(': l->parens++; return emit(l, GT_LPAREN);
        case ')':
                if (--l->parens < 0)
                        return fail(l, "unexpected right paren");
                return emit(l, GT_RPAREN);
        default:
                if (c > ' ' && c < 0x7F)
                        return emit(l, GT_CHAR);
                return fail(l, "unrecognized character in action");
        }
}

struct gt_item gt_lex(struct gt_lexer *l)
{
        bool trim;
        size_t len;
        if (!l->inside)
                return text(l);
        if (right_delimiter(l, l->pos, &trim))
                return l->parens ? fail(l, "unclosed left paren") : right(l, trim);
        if (l->pos >= l->in.n)
                return fail(l, "unclosed action");
        char c = l->in.p[l->pos];
        char next = byte_at(l, l->pos + 1);
        if (is_space(c))
                return space(l);
        if (c == '.' && !(next >= '0' && next <= '9')) {
                l->pos++;
                return field_or_variable(l, GT_FIELD);
        }
        if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9'))
                return number(l);
        if (alphanumeric_at(l, &len))
                return word(l);
        return symbol(l, c);
}
