/* common/base/json_reread.c: trees from text that json_put() wrote.
 *
 * Stored objects are read far more often than anything else is parsed, and a large workflow says
 * the same short strings thousands of times (names of tasks, phases, templates). So short strings
 * are looked for in a small table of those met before and shared: strings of a tree are never
 * changed in place. UTF-8 is not checked again; everything else is, for a damaged file must not
 * crash us. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 512, KNOWN = 2048, SHARED_MAX = 64, NUMBER_MAX = 400, SAFE_DIGITS = 18 };

struct reader {
        const char *p, *from, *end;
        int depth;
        json_t *known[KNOWN];
        struct buf unescaped;
        struct err *e;
};

static json_t *read_value(struct reader *r);

static json_t *damaged(struct reader *r, const char *what)
{
        if (!err_is_set(r->e))
                err_set(r->e, ERR_INVALID, "byte %zu: %s", (size_t)(r->p - r->from), what);
        return NULL;
}

static void skip_space(struct reader *r)
{
        while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
                r->p++;
}

static bool take(struct reader *r, char c)
{
        skip_space(r);
        if (r->p >= r->end || *r->p != c)
                return false;
        r->p++;
        return true;
}

/* The text of the string at p: in the document, or unescaped in the buffer (until the next one). */
static bool string_text(struct reader *r, struct str *out)
{
        skip_space(r);
        const char *open = r->p;
        if (open >= r->end || *open != '"')
                return damaged(r, "expected a string") != NULL;
        bool escaped = false;
        const char *p = open + 1;
        while (p < r->end && *p != '"') {
                escaped |= *p == '\\';
                p += *p == '\\' ? 2 : 1;
        }
        if (p >= r->end)
                return damaged(r, "a string has no end") != NULL;
        r->p = p + 1;
        *out = (struct str){open + 1, (size_t)(p - open - 1)};
        if (!escaped)
                return true;
        buf_reset(&r->unescaped);
        if (!json_unquote(&r->unescaped, (struct str){open, (size_t)(p + 1 - open)}))
                return damaged(r, "a string is broken") != NULL;
        *out = (struct str){buf_str(&r->unescaped), r->unescaped.len};
        return true;
}

static uint32_t slot_of(struct str s)
{
        uint64_t head = 0, tail = 0;
        memcpy(&head, s.p, s.n < 8 ? s.n : 8);
        if (s.n > 8)
                memcpy(&tail, s.p + s.n - 8, 8);
        uint64_t h =
                (head ^ (tail * UINT64_C(0x9E3779B97F4A7C15)) ^ s.n) * UINT64_C(0xD6E8FEB86659FD93);
        return (uint32_t)(h >> 40) % KNOWN;
}

static json_t *read_string(struct reader *r)
{
        struct str s;
        if (!string_text(r, &s))
                return NULL;
        if (s.n > SHARED_MAX)
                return json_stringn_nocheck(s.p, s.n);
        json_t **known = &r->known[slot_of(s)];
        if (*known && json_string_length(*known) == s.n &&
            memcmp(json_string_value(*known), s.p, s.n) == 0)
                return json_incref(*known);
        json_decref(*known);
        *known = json_stringn_nocheck(s.p, s.n);
        return json_incref(*known);
}

static bool is_number_byte(char c)
{
        return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static json_t *read_number(struct reader *r)
{
        const char *from = r->p;
        bool whole = true;
        while (r->p < r->end && is_number_byte(*r->p)) {
                whole &= *r->p != '.' && *r->p != 'e' && *r->p != 'E';
                r->p++;
        }
        size_t n = (size_t)(r->p - from);
        char text[NUMBER_MAX + 1], *end = text;
        if (!n || n > NUMBER_MAX)
                return damaged(r, "expected a value");
        memcpy(text, from, n);
        text[n] = '\0';
        errno = 0;
        long long i = whole ? strtoll(text, &end, 10) : 0;
        if (whole && errno == 0 && *end == '\0')
                return json_integer(i);
        double d = strtod(text, &end); /* also what is whole and large: 1e20 is written so */
        return *end == '\0' ? json_real(d) : damaged(r, "a number is broken");
}

static json_t *read_array(struct reader *r)
{
        json_t *list = json_array();
        r->p++;
        if (take(r, ']'))
                return list;
        do {
                json_t *item = read_value(r);
                if (!item)
                        break;
                json_array_append_new(list, item);
        } while (take(r, ','));
        if (err_is_set(r->e) || !take(r, ']')) {
                json_decref(list);
                return damaged(r, "expected ',' or ']'");
        }
        return list;
}

static bool read_member(struct reader *r, json_t *object)
{
        struct str key;
        char copy[SHARED_MAX];
        AUTO(mem_free) char *large = NULL;
        if (!string_text(r, &key))
                return false;
        if (key.p == buf_str(&r->unescaped)) { /* the value may need the buffer */
                large = key.n > sizeof(copy) ? mem_strndup(key.p, key.n) : NULL;
                key.p = large ? large : memcpy(copy, key.p, key.n);
        }
        if (!take(r, ':'))
                return damaged(r, "expected ':'") != NULL;
        json_t *value = read_value(r);
        return value && json_object_setn_new_nocheck(object, key.p, key.n, value) == 0;
}

static json_t *read_object(struct reader *r)
{
        json_t *object = json_object();
        r->p++;
        if (take(r, '}'))
                return object;
        bool fine;
        do
                fine = read_member(r, object);
        while (fine && take(r, ','));
        if (!fine || !take(r, '}')) {
                json_decref(object);
                return damaged(r, "expected ',' or '}'");
        }
        return object;
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
        size_t n = strlen(word);
        if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) {
                json_decref(value);
                return damaged(r, "expected a value");
        }
        r->p += n;
        return value;
}

static json_t *read_value(struct reader *r)
{
        skip_space(r);
        if (r->p >= r->end)
                return damaged(r, "the text ends too early");
        if (r->depth >= DEPTH_MAX)
                return damaged(r, "nested too deeply");
        r->depth++;
        json_t *value;
        switch (*r->p) {
        case '"': value = read_string(r); break;
        case '{': value = read_object(r); break;
        case '[': value = read_array(r); break;
        case 't': value = read_word(r, "true", json_true()); break;
        case 'f': value = read_word(r, "false", json_false()); break;
        case 'n': value = read_word(r, "null", json_null()); break;
        default: value = read_number(r);
        }
        r->depth--;
        return value;
}

int json_reread(json_t **out, const char *text, size_t n, struct err *e)
{
        struct reader r = {.p = text, .from = text, .end = text + n, .e = e};
        r.unescaped = (struct buf)BUF_INIT(BUF_UNBOUNDED);
        json_t *value = read_value(&r);
        if (value) {
                skip_space(&r);
                if (r.p != r.end) {
                        json_decref(value);
                        value = damaged(&r, "expected the end");
                }
        }
        for (size_t i = 0; i < KNOWN; i++)
                json_decref(r.known[i]);
        buf_deinit(&r.unescaped);
        if (!value)
                return -1;
        *out = value;
        return 0;
}
