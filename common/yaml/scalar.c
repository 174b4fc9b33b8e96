/* common/yaml/scalar.c: which value a scalar denotes: the rules of go-yaml v2, which Kubernetes and
 * Argo read with.
 *
 * The first byte decides what a plain scalar can be at all, so most text is settled by one table
 * look-up. Two rules come from the JSON between YAML and the API server: a number without a
 * fraction is an integer (1e3, 1.0), and timestamps are strings. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/hash.h"
#include "common/yaml/yaml_priv.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 512 };

enum scalar_tag scalar_tag_of(const char *tag)
{
        static const char prefix[] = "tag:yaml.org,2002:";
        static const struct {
                const char *name;
                enum scalar_tag tag;
        } tags[] = {{"str", TAG_STR},      {"bool", TAG_BOOL}, {"int", TAG_INT},
                    {"float", TAG_FLOAT},  {"null", TAG_NULL}, {"binary", TAG_BINARY},
                    {"timestamp", TAG_STR}};
        if (!tag)
                return TAG_NONE;
        if (streq(tag, "!"))
                return TAG_STR;
        if (str_starts(tag, prefix))
                for (size_t i = 0; i < ARRAY_LEN(tags); i++)
                        if (streq(tag + sizeof(prefix) - 1, tags[i].name))
                                return tags[i].tag;
        return TAG_OTHER;
}

/* ---- words ---- */

enum word { WORD_NOT, WORD_TRUE, WORD_FALSE, WORD_NULL, WORD_INF };

static enum word word_of(const char *text, size_t n)
{
        static const struct {
                const char *text;
                enum word word;
        } words[] = {
                {"", WORD_NULL},       {"~", WORD_NULL},      {"null", WORD_NULL},
                {"Null", WORD_NULL},   {"NULL", WORD_NULL},   {"y", WORD_TRUE},
                {"Y", WORD_TRUE},      {"yes", WORD_TRUE},    {"Yes", WORD_TRUE},
                {"YES", WORD_TRUE},    {"true", WORD_TRUE},   {"True", WORD_TRUE},
                {"TRUE", WORD_TRUE},   {"on", WORD_TRUE},     {"On", WORD_TRUE},
                {"ON", WORD_TRUE},     {"n", WORD_FALSE},     {"N", WORD_FALSE},
                {"no", WORD_FALSE},    {"No", WORD_FALSE},    {"NO", WORD_FALSE},
                {"false", WORD_FALSE}, {"False", WORD_FALSE}, {"FALSE", WORD_FALSE},
                {"off", WORD_FALSE},   {"Off", WORD_FALSE},   {"OFF", WORD_FALSE},
                {".nan", WORD_INF},    {".NaN", WORD_INF},    {".NAN", WORD_INF},
                {".inf", WORD_INF},    {".Inf", WORD_INF},    {".INF", WORD_INF},
                {"+.inf", WORD_INF},   {"+.Inf", WORD_INF},   {"+.INF", WORD_INF},
                {"-.inf", WORD_INF},   {"-.Inf", WORD_INF},   {"-.INF", WORD_INF},
        };
        if (n > 5)
                return WORD_NOT;
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (str_eq((struct str){text, n}, words[i].text))
                        return words[i].word;
        return WORD_NOT;
}

/* ---- numbers ---- */

static int digit_of(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* A JSON number for a double: whole ones become integers where they fit. NULL where JSON has none.
 */
json_t *scalar_of_double(double d)
{
        if (!isfinite(d))
                return NULL;
        if (d == trunc(d) && d >= -0x1p63 && d < 0x1p63)
                return json_integer((json_int_t)d);
        return json_real(d);
}

/* 12, 0x1f, 0o14, 014, 0b11, as Go's ParseInt with base 0. NULL when it is none of these or past 64
 * bits. */
static json_t *parse_int(const char *s)
{
        bool negative = *s == '-', is_signed = negative || *s == '+';
        s += is_signed;
        int base = 10;
        if (*s == '0' && s[1]) {
                char prefix = s[1] | 0x20;
                base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
                s += prefix == 'x' || prefix == 'b' || prefix == 'o' ? 2 : 1;
        }
        if (!*s)
                return NULL;
        uint64_t v = 0;
        for (; *s; s++) {
                int digit = digit_of(*s);
                if (digit >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
                    __builtin_add_overflow(v, (uint64_t)digit, &v))
                        return NULL;
        }
        if (v > INT64_MAX && !is_signed)
                return scalar_of_double((double)v);
        if (v > (uint64_t)INT64_MAX + negative)
                return NULL;
        return json_integer(negative ? (json_int_t)(0 - v) : (json_int_t)v);
}

static const char *skip_digits(const char *s)
{
        while (*s >= '0' && *s <= '9')
                s++;
        return s;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? and nothing behind it */
static bool is_float(const char *s)
{
        s += *s == '-' || *s == '+';
        const char *whole = skip_digits(s), *end = whole;
        if (*whole == '.')
                end = skip_digits(whole + 1);
        if (whole == s && end <= whole + 1)
                return false;
        if (*end == 'e' || *end == 'E') {
                end += end[1] == '-' || end[1] == '+' ? 2 : 1;
                const char *exponent = end;
                end = skip_digits(exponent);
                if (end == exponent)
                        return false;
        }
        return !*end;
}

/* NULL when the text is no number; 1e999 is none either. */
static json_t *parse_number(const char *text, size_t n)
{
        char plain[NUMBER_BYTES_MAX + 1];
        size_t len = 0;
        if (n > NUMBER_BYTES_MAX || memchr(text, '\0', n))
                return NULL;
        for (size_t i = 0; i < n; i++) {
                bool inside = i && i + 1 < n && isdigit((unsigned char)text[i - 1]) &&
                              isdigit((unsigned char)text[i + 1]);
                if (text[i] != '_')
                        plain[len++] = text[i];
                else if (text[0] == '.' && !inside) /* go-yaml takes 1__0_ and refuses .1_ */
                        return NULL;
        }
        plain[len] = '\0';
        json_t *j = plain[0] == '.' ? NULL : parse_int(plain);
        double d;
        if (!j && is_float(plain) && str_to_double(plain, &d))
                j = scalar_of_double(d);
        return j;
}

/* ---- the whole ---- */

static bool may_be_special(const char *text, size_t n)
{
        return n == 0 || (text[0] && strchr("yYnNtTfFoO~.+-0123456789", text[0]));
}

static json_t *resolve_binary(const char *text, size_t n, const char **why)
{
        AUTO_BUF struct buf b = BUF_INIT(n);
        json_t *j = base64_get(&b, text, n) ? json_stringn(buf_str(&b), b.len) : NULL;
        if (!j)
                *why = "!!binary must be base64 of UTF-8 text";
        return j;
}

static bool fits_tag(const json_t *j, enum scalar_tag tag)
{
        switch (tag) {
        case TAG_BOOL: return json_is_boolean(j);
        case TAG_INT: return json_is_integer(j);
        case TAG_FLOAT: return json_is_number(j);
        case TAG_NULL: return json_is_null(j);
        default: return true;
        }
}

static json_t *resolve_plain(const char *text, size_t n, const char **why)
{
        json_t *j = NULL;
        switch (may_be_special(text, n) ? word_of(text, n) : WORD_NOT) {
        case WORD_TRUE: return json_true();
        case WORD_FALSE: return json_false();
        case WORD_NULL: return json_null();
        case WORD_INF: *why = "JSON has no infinity and no NaN"; return NULL;
        case WORD_NOT: break;
        }
        if (n && strchr(".+-0123456789", text[0]))
                j = parse_number(text, n);
        return j ? j : json_stringn(text, n);
}

json_t *scalar_resolve(const char *text, size_t n, enum scalar_tag tag, const char **why)
{
        if (tag == TAG_STR)
                return json_stringn(text, n);
        if (tag == TAG_BINARY)
                return resolve_binary(text, n, why);
        json_t *j = resolve_plain(text, n, why);
        if (j && !fits_tag(j, tag)) {
                json_decref(j);
                *why = "the text does not fit its tag";
                return NULL;
        }
        return j;
}

/* 12:30:45 and 2024-01-01 are strings to go-yaml and something else to YAML 1.1 readers: kept in
 * quotes. */
static bool looks_like_time(const char *text, size_t n)
{
        if (!n || text[0] < '0' || text[0] > '9')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!memchr("0123456789:-.TtZz +", text[i], 19))
                        return false;
        return memchr(text, ':', n) || (n > 4 && text[4] == '-'); /* an id of digits is neither */
}

bool scalar_reads_as_text(const char *text, size_t n)
{
        if (!may_be_special(text, n))
                return true;
        if (looks_like_time(text, n) || word_of(text, n) != WORD_NOT)
                return false;
        if (n && strchr(".+-0123456789", text[0]) && n <= NUMBER_BYTES_MAX) {
                json_t *number = parse_number(text, n);
                bool is_number = number || is_float(text); /* 1e999 is one to other readers */
                json_decref(number);
                return !is_number;
        }
        return true;
}
