/* common/base/jsonscan.c: see jsonscan.h.
 *
 * One table lookup per token (state x class of its first byte), one loop per string. Strings are
 * most of the bytes of an event, so their loop takes eight plain ASCII bytes at a time. What is
 * open (object or array) is one bit per level in a 64-bit word. Line and column are counted only
 * when something is wrong. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 512 };

/* ---- tables ---- */

enum class {
        C_OTHER,
        C_SPACE,
        C_QUOTE,
        C_OBJECT,
        C_ARRAY,
        C_END_OBJECT,
        C_END_ARRAY,
        C_COLON,
        C_COMMA,
        C_NUMBER,
        C_WORD,
        CLASSES
};
static const uint8_t class_of[256] = {
        [' '] = C_SPACE,          ['\t'] = C_SPACE, ['\n'] = C_SPACE, ['\r'] = C_SPACE,
        ['"'] = C_QUOTE,          ['{'] = C_OBJECT, ['['] = C_ARRAY,  ['}'] = C_END_OBJECT,
        [']'] = C_END_ARRAY,      [':'] = C_COLON,  [','] = C_COMMA,  ['-'] = C_NUMBER,
        ['0' ... '9'] = C_NUMBER, ['t'] = C_WORD,   ['f'] = C_WORD,   ['n'] = C_WORD,
};

enum state {
        S_VALUE,
        S_FIRST_ITEM,
        S_FIRST_KEY,
        S_KEY,
        S_COLON,
        S_NEXT_MEMBER,
        S_NEXT_ITEM,
        S_DONE,
        STATES
};
enum action { A_BAD, A_STRING, A_KEY, A_NUMBER, A_WORD, A_OPEN, A_CLOSE, A_TO_VALUE, A_TO_KEY };
#define VALUE_STARTS                                                                          \
        [C_QUOTE] = A_STRING, [C_OBJECT] = A_OPEN, [C_ARRAY] = A_OPEN, [C_NUMBER] = A_NUMBER, \
        [C_WORD] = A_WORD
static const uint8_t actions[STATES][CLASSES] = {
        [S_VALUE] = {VALUE_STARTS},
        [S_FIRST_ITEM] = {VALUE_STARTS, [C_END_ARRAY] = A_CLOSE},
        [S_FIRST_KEY] = {[C_QUOTE] = A_KEY, [C_END_OBJECT] = A_CLOSE},
        [S_KEY] = {[C_QUOTE] = A_KEY},
        [S_COLON] = {[C_COLON] = A_TO_VALUE},
        [S_NEXT_MEMBER] = {[C_COMMA] = A_TO_KEY, [C_END_OBJECT] = A_CLOSE},
        [S_NEXT_ITEM] = {[C_COMMA] = A_TO_VALUE, [C_END_ARRAY] = A_CLOSE},
};
static const char *const expected[STATES] = {
        [S_VALUE] = "expected a value",
        [S_FIRST_ITEM] = "expected a value or ']'",
        [S_FIRST_KEY] = "expected a key in quotes or '}'",
        [S_KEY] = "expected a key in quotes",
        [S_COLON] = "expected ':' after the key",
        [S_NEXT_MEMBER] = "expected ',' or '}' after the member",
        [S_NEXT_ITEM] = "expected ',' or ']' after the item",
        [S_DONE] = "expected the end after the value",
};

/* ---- errors ---- */

static int fail_at(struct str text, size_t at, struct err *e, const char *what)
{
        size_t line = 1, column = 1;
        for (size_t i = 0; i < at && i < text.n; i++) {
                if (text.p[i] == '\n') {
                        line++;
                        column = 1;
                } else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
                        column++;
                }
        }
        char found[24] = "the end of the text";
        if (at < text.n) {
                unsigned char c = (unsigned char)text.p[at];
                snprintf(found, sizeof(found), c > ' ' && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
        }
        return err_set(e, ERR_INVALID, "line %zu column %zu: %s, found %s", line, column, what,
                       found);
}

/* ---- tokens: each returns the index behind it, or 0 with *bad and *what set ---- */

struct fault {
        size_t at;
        const char *what;
};

static size_t fault(struct fault *f, size_t at, const char *what)
{
        *f = (struct fault){at, what};
        return 0;
}

#define REPEAT(byte) (UINT64_C(0x0101010101010101) * (byte))
/* The number of bytes at p, up to 8, before the first that is not plain ASCII of a string. */
static inline size_t plain_run(const char *p)
{
        uint64_t v;
        memcpy(&v, p, 8);
        v = le64toh(v);
        uint64_t quote = v ^ REPEAT('"'), slash = v ^ REPEAT('\\');
        uint64_t stop = ((quote - REPEAT(1)) & ~quote) | ((slash - REPEAT(1)) & ~slash) |
                        ((v - REPEAT(0x20)) & ~v) | v;
        stop &= REPEAT(0x80);
        return stop ? (size_t)__builtin_ctzll(stop) >> 3 : 8;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* text[i] is a backslash. */
static size_t scan_escape(struct str text, size_t i, struct fault *f)
{
        if (i + 1 < text.n && text.p[i + 1] != 'u' && text.p[i + 1] &&
            strchr("\"\\/bfnrt", text.p[i + 1]))
                return i + 2;
        if (i + 1 >= text.n || text.p[i + 1] != 'u')
                return fault(f, i + 1, "not an escape of JSON strings");
        for (size_t k = i + 2; k < i + 6; k++)
                if (k >= text.n || !is_hex(text.p[k]))
                        return fault(f, k, "expected four hex digits after \\u");
        return i + 6;
}

/* The length of the UTF-8 sequence at u, 0 when it is none; u[0] is not ASCII. utf8_decode(),
 * inlined and without a value. */
static inline size_t sequence_length(const unsigned char *u, size_t left)
{
        if (u[0] < 0xE0)
                return u[0] >= 0xC2 && left >= 2 && (u[1] & 0xC0) == 0x80 ? 2 : 0;
        if (left < 3 || (u[1] & 0xC0) != 0x80 || (u[2] & 0xC0) != 0x80)
                return 0;
        if (u[0] < 0xF0) /* no overlong forms, no surrogates */
                return (u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) ? 0 : 3;
        if (left < 4 || (u[3] & 0xC0) != 0x80 || u[0] > 0xF4)
                return 0;
        return (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F) ? 0 : 4;
}

/* Behind the sequences at text[i], at least one. */
static size_t scan_utf8(struct str text, size_t i, struct fault *f)
{
        do {
                size_t n = sequence_length((const unsigned char *)text.p + i, text.n - i);
                if (!n)
                        return fault(f, i, "not UTF-8");
                i += n;
        } while (i < text.n && (unsigned char)text.p[i] >= 0x80);
        return i;
}

/* text[i] is the opening quote. */
static size_t scan_string(struct str text, size_t i, struct fault *f)
{
        for (i++; i < text.n;) {
                if (i + 8 <= text.n) {
                        size_t run = plain_run(text.p + i);
                        i += run;
                        if (run == 8)
                                continue;
                }
                unsigned char c = (unsigned char)text.p[i];
                if (c == '"')
                        return i + 1;
                if (c < 0x20)
                        return fault(f, i, "control characters in strings must be escaped");
                if (c == '\\')
                        i = scan_escape(text, i, f);
                else
                        i = c < 0x80 ? i + 1 : scan_utf8(text, i, f);
                if (!i)
                        return 0;
        }
        return fault(f, i, "expected '\"' at the end of the string");
}

static size_t scan_digits(struct str text, size_t i)
{
        while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
                i++;
        return i;
}

static size_t scan_number(struct str text, size_t from, struct fault *f)
{
        size_t i = from + (text.p[from] == '-'), start = i;
        i = i < text.n && text.p[i] == '0' ? i + 1 : scan_digits(text, i);
        if (i == start)
                return fault(f, i, "expected a digit");
        if (i < text.n && text.p[i] == '.') {
                start = i + 1;
                i = scan_digits(text, start);
                if (i == start)
                        return fault(f, i, "expected a digit after '.'");
        }
        if (i < text.n && (text.p[i] | 0x20) == 'e') {
                start = i + 1;
                if (start < text.n && (text.p[start] == '+' || text.p[start] == '-'))
                        start++;
                i = scan_digits(text, start);
                if (i == start)
                        return fault(f, i, "expected a digit in the exponent");
        }
        return i - from > NUMBER_BYTES_MAX ? fault(f, from, "a number of at most 512 characters")
                                           : i;
}

static size_t scan_word(struct str text, size_t i, struct fault *f)
{
        static const struct str words[] = {STR("true"), STR("false"), STR("null")};
        for (size_t w = 0; w < ARRAY_LEN(words); w++)
                if (text.n - i >= words[w].n && memcmp(text.p + i, words[w].p, words[w].n) == 0)
                        return i + words[w].n;
        return fault(f, i, "expected a value");
}

/* ---- the scan ---- */

struct nesting {
        uint64_t is_object; /* one bit per level */
        unsigned depth;
};

static inline enum state after_value(const struct nesting *s)
{
        if (s->depth == 0)
                return S_DONE;
        return s->is_object >> (s->depth - 1) & 1 ? S_NEXT_MEMBER : S_NEXT_ITEM;
}

static inline enum state open_level(struct nesting *s, bool object)
{
        uint64_t bit = UINT64_C(1) << s->depth++;
        s->is_object = object ? s->is_object | bit : s->is_object & ~bit;
        return object ? S_FIRST_KEY : S_FIRST_ITEM;
}

int json_scan(const char *p, size_t n, struct err *e)
{
        struct str text = {p, n};
        struct nesting nest = {0};
        struct fault f = {0};
        enum state state = S_VALUE;
        size_t i = 0, next = 0;
        for (;; i = next) {
                while (i < n && class_of[(unsigned char)p[i]] == C_SPACE)
                        i++;
                if (i == n)
                        break;
                switch ((enum action)actions[state][class_of[(unsigned char)p[i]]]) {
                case A_BAD: return fail_at(text, i, e, expected[state]);
                case A_STRING:
                        next = scan_string(text, i, &f);
                        state = after_value(&nest);
                        break;
                case A_KEY:
                        next = scan_string(text, i, &f);
                        state = S_COLON;
                        break;
                case A_NUMBER:
                        next = scan_number(text, i, &f);
                        state = after_value(&nest);
                        break;
                case A_WORD:
                        next = scan_word(text, i, &f);
                        state = after_value(&nest);
                        break;
                case A_OPEN:
                        if (nest.depth == JSON_SCAN_DEPTH)
                                return err_set(e, ERR_LIMIT, "nested deeper than %d",
                                               JSON_SCAN_DEPTH);
                        state = open_level(&nest, p[i] == '{');
                        next = i + 1;
                        break;
                case A_CLOSE:
                        nest.depth--;
                        state = after_value(&nest);
                        next = i + 1;
                        break;
                case A_TO_VALUE:
                        state = S_VALUE;
                        next = i + 1;
                        break;
                case A_TO_KEY:
                        state = S_KEY;
                        next = i + 1;
                        break;
                }
                if (!next)
                        return fail_at(text, f.at, e, f.what);
        }
        return state == S_DONE ? 0 : fail_at(text, i, e, expected[state]);
}

/* ---- well-formed text ---- */

size_t json_skip_space(const char *text, size_t n, size_t i)
{
        while (i < n && class_of[(unsigned char)text[i]] == C_SPACE)
                i++;
        return i;
}

static size_t skip_string(const char *text, size_t n, size_t i)
{
        for (i++; i < n && text[i] != '"';) {
                size_t run = i + 8 <= n ? plain_run(text + i) : 0;
                i += run ? run : text[i] == '\\' ? 2 : 1;
        }
        return i < n ? i + 1 : n;
}

static bool in_scalar(char c)
{
        uint8_t class = class_of[(unsigned char)c];
        return class == C_OTHER || class == C_NUMBER || class == C_WORD;
}

size_t json_skip(const char *text, size_t n, size_t i)
{
        for (unsigned depth = 0; i < n;) {
                switch (class_of[(unsigned char)text[i]]) {
                case C_QUOTE: i = skip_string(text, n, i); break;
                case C_OBJECT:
                case C_ARRAY:
                        depth++;
                        i++;
                        continue;
                case C_END_OBJECT:
                case C_END_ARRAY:
                        depth--;
                        i++;
                        break;
                case C_SPACE:
                case C_COLON:
                case C_COMMA: i++; continue;
                default: /* a number or a word */
                        do
                                i++;
                        while (i < n && in_scalar(text[i]));
                }
                if (depth == 0)
                        break;
        }
        return i;
}

static bool key_is(struct str raw, const char *key, size_t key_len)
{
        if (!memchr(raw.p, '\\', raw.n))
                return raw.n == key_len + 2 && memcmp(raw.p + 1, key, key_len) == 0;
        AUTO_BUF struct buf b = BUF_INIT(raw.n);
        return json_unquote(&b, raw) && b.len == key_len && memcmp(buf_str(&b), key, key_len) == 0;
}

struct str json_member(const char *text, size_t n, const char *key)
{
        size_t key_len = strlen(key), i = json_skip_space(text, n, 0);
        if (i >= n || text[i] != '{')
                return (struct str){0};
        for (i = json_skip_space(text, n, i + 1); i < n && text[i] == '"';) {
                size_t end = skip_string(text, n, i);
                bool wanted = key_is((struct str){text + i, end - i}, key, key_len);
                i = json_skip_space(text, n, end); /* at the colon */
                i = json_skip_space(text, n, i + 1);
                end = json_skip(text, n, i);
                if (wanted)
                        return (struct str){text + i, end - i};
                i = json_skip_space(text, n, end); /* at the comma or brace */
                i = json_skip_space(text, n, i + 1);
        }
        return (struct str){0};
}

/* ---- compaction ---- */

/* The escape for the bytes at s[i], or NULL; *len is how many bytes it stands for. */
static const char *html_escape(const char *s, size_t n, size_t i, size_t *len)
{
        *len = 1;
        switch (s[i]) {
        case '<': return "\\u003c";
        case '>': return "\\u003e";
        case '&': return "\\u0026";
        case '\xE2':
                *len = 3;
                if (n - i >= 3 && s[i + 1] == '\x80' && (s[i + 2] == '\xA8' || s[i + 2] == '\xA9'))
                        return s[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
                return NULL;
        default: return NULL;
        }
}

static void add_html(struct buf *out, const char *s, size_t n)
{
        size_t from = 0;
        for (size_t i = 0; i < n; i++) {
                size_t len;
                const char *escape = html_escape(s, n, i, &len);
                if (!escape)
                        continue;
                buf_add(out, s + from, i - from);
                buf_adds(out, escape);
                from = i + len;
                i = from - 1;
        }
        buf_add(out, s + from, n - from);
}

int json_compact(struct buf *out, const char *text, size_t n, bool html, struct err *e)
{
        if (json_scan(text, n, e) < 0)
                return -1;
        for (size_t i = json_skip_space(text, n, 0); i < n; i = json_skip_space(text, n, i)) {
                size_t from = i;
                while (i < n && class_of[(unsigned char)text[i]] != C_SPACE)
                        i = text[i] == '"' ? skip_string(text, n, i) : i + 1;
                if (html)
                        add_html(out, text + from, i - from);
                else
                        buf_add(out, text + from, i - from);
        }
        return out->overflow ? err_set(e, ERR_LIMIT, "larger than %zu bytes", out->max) : 0;
}

/* ---- strings ---- */

static unsigned hex4(const char *p)
{
        unsigned v = 0;
        for (int i = 0; i < 4; i++)
                v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
        return v;
}

/* p is behind the backslash, n bytes are left and were found well-formed; returns how many it took.
 */
static size_t put_escape(struct buf *out, const char *p, size_t n)
{
        static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
        if (*p != 'u') {
                buf_addc(out, plain[(unsigned char)*p]);
                return 1;
        }
        uint32_t cp = hex4(p + 1);
        size_t took = 5;
        if (cp >= 0xD800 && cp < 0xDC00 && n >= 11 && p[5] == '\\' && p[6] == 'u') {
                uint32_t low = hex4(p + 7);
                if (low >= 0xDC00 && low < 0xE000) {
                        cp = 0x10000 + ((cp - 0xD800) << 10 | (low - 0xDC00));
                        took = 11;
                }
        }
        char utf8[4];
        buf_add(out, utf8, utf8_encode(cp, utf8)); /* a lone surrogate becomes U+FFFD, as in Go */
        return took;
}

bool json_unquote(struct buf *out, struct str raw)
{
        struct fault f;
        if (raw.n < 2 || raw.p[0] != '"' || scan_string(raw, 0, &f) != raw.n)
                return false;
        for (size_t i = 1; i < raw.n - 1;) {
                const char *slash = memchr(raw.p + i, '\\', raw.n - 1 - i);
                size_t end = slash ? (size_t)(slash - raw.p) : raw.n - 1;
                buf_add(out, raw.p + i, end - i);
                i = end;
                if (slash)
                        i += 1 + put_escape(out, slash + 1, raw.n - 2 - i);
        }
        return !out->overflow;
}
