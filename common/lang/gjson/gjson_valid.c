/* common/lang/gjson/gjson_valid.c: the strictness of @valid and @fromstr: RFC 8259 syntax, except
 * that bytes above 127 are not looked at. Iterative, so any depth is fine. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include <ctype.h>

static size_t space(struct str s, size_t i)
{
        while (i < s.n && memchr(" \t\n\r", s.p[i], 4))
                i++;
        return i;
}

/* All return the index behind, or 0 when broken (no value ends at 0). */
static size_t string_at(struct str s, size_t i)
{
        for (i++; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (c == '"')
                        return i + 1;
                if (c < ' ')
                        return 0;
                if (c != '\\')
                        continue;
                if (++i >= s.n || !s.p[i] || !strchr("\"\\/bfnrtu", s.p[i]))
                        return 0;
                if (s.p[i] == 'u') {
                        for (int k = 0; k < 4; k++)
                                if (++i >= s.n || !isxdigit((unsigned char)s.p[i]))
                                        return 0;
                }
        }
        return 0;
}

static size_t digits_at(struct str s, size_t i)
{
        while (i < s.n && isdigit((unsigned char)s.p[i]))
                i++;
        return i;
}

static size_t number_at(struct str s, size_t i)
{
        if (s.p[i] == '-')
                i++;
        size_t end = i < s.n && s.p[i] == '0' ? i + 1 : digits_at(s, i);
        if (end == i)
                return 0;
        i = end;
        if (i < s.n && s.p[i] == '.') {
                end = digits_at(s, i + 1);
                if (end == i + 1)
                        return 0;
                i = end;
        }
        if (i < s.n && (s.p[i] | 0x20) == 'e') {
                i++;
                if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
                        i++;
                end = digits_at(s, i);
                if (end == i)
                        return 0;
                i = end;
        }
        return i;
}

static size_t scalar_at(struct str s, size_t i)
{
        static const char *const words[] = {"true", "false", "null"};
        if (s.p[i] == '"')
                return string_at(s, i);
        if (s.p[i] == '-' || isdigit((unsigned char)s.p[i]))
                return number_at(s, i);
        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
                size_t n = strlen(words[k]);
                if (s.n - i >= n && memcmp(s.p + i, words[k], n) == 0)
                        return i + n;
        }
        return 0;
}

/* Open brackets as a stack of bits would need memory without bound; instead the kind of the
 * enclosing container is found again by matching when one closes. The stack is small and deeper
 * documents are called invalid. */
enum { VALID_DEPTH = 10000 };

static size_t member_key(struct str s, size_t i)
{
        i = space(s, i);
        if (i >= s.n || s.p[i] != '"' || !(i = string_at(s, i)))
                return 0;
        i = space(s, i);
        return i < s.n && s.p[i] == ':' ? i + 1 : 0;
}

/* Behind a value: closes containers and finds the next value. *more false: the outermost value
 * ended. */
static size_t after_value(struct str s, size_t i, unsigned char *stack, size_t *depth, bool *more)
{
        for (;;) {
                i = space(s, i);
                *more = *depth > 0;
                if (!*more)
                        return i;
                if (i >= s.n)
                        return 0;
                bool object = stack[(*depth - 1) / 8] >> ((*depth - 1) % 8) & 1;
                if (s.p[i] == ',')
                        return object ? member_key(s, i + 1) : i + 1;
                if (s.p[i] != (object ? '}' : ']'))
                        return 0;
                --*depth;
                i++;
        }
}

static void push(unsigned char *stack, size_t *depth, bool object)
{
        unsigned char bit = (unsigned char)(1u << (*depth % 8));
        stack[*depth / 8] =
                (unsigned char)(object ? stack[*depth / 8] | bit : stack[*depth / 8] & ~bit);
        ++*depth;
}

bool gj_valid(struct str s)
{
        unsigned char stack[VALID_DEPTH / 8 + 1];
        size_t depth = 0, i = 0;
        for (bool more = true; more;) {
                i = space(s, i);
                if (i >= s.n)
                        return false;
                bool object = s.p[i] == '{';
                if (object || s.p[i] == '[') {
                        if (depth == VALID_DEPTH)
                                return false;
                        push(stack, &depth, object);
                        size_t inner = space(s, i + 1);
                        bool empty = inner < s.n && s.p[inner] == (object ? '}' : ']');
                        i = empty ? inner : object ? member_key(s, inner) : i + 1;
                        if (i == 0)
                                return false;
                        if (!empty)
                                continue;
                } else {
                        i = scalar_at(s, i);
                        if (i == 0)
                                return false;
                }
                i = after_value(s, i, stack, &depth, &more);
                if (i == 0)
                        return false;
        }
        return i == s.n;
}
