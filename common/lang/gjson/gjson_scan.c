/* common/lang/gjson/gjson_scan.c: see gjson_priv.h: the loops over document bytes.
 *
 * Skipping a container is where the time goes. With SSE2, 64 bytes are classified at once: the
 * parity of quote bits so far says which bits stand inside strings (a prefix xor), and the brackets
 * outside them are counted. A block with a backslash is left to the plain loop, which ends outside
 * a string, so no state of escapes crosses blocks. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const unsigned char kinds[256] = {
        ['"'] = GJ_STRING,  ['{'] = GJ_OBJECT,  ['['] = GJ_ARRAY,  ['t'] = GJ_LITERAL,
        ['f'] = GJ_LITERAL, ['n'] = GJ_LITERAL, ['+'] = GJ_NUMBER, ['-'] = GJ_NUMBER,
        ['0'] = GJ_NUMBER,  ['1'] = GJ_NUMBER,  ['2'] = GJ_NUMBER, ['3'] = GJ_NUMBER,
        ['4'] = GJ_NUMBER,  ['5'] = GJ_NUMBER,  ['6'] = GJ_NUMBER, ['7'] = GJ_NUMBER,
        ['8'] = GJ_NUMBER,  ['9'] = GJ_NUMBER,  ['i'] = GJ_NUMBER, ['I'] = GJ_NUMBER,
        ['N'] = GJ_NUMBER,  [']'] = GJ_END};

enum gj_kind gj_kind_at(struct str json, size_t i)
{
        enum gj_kind kind = kinds[(unsigned char)json.p[i]];
        if (kind == GJ_LITERAL && json.p[i] == 'n' && i + 1 < json.n && json.p[i + 1] != 'u')
                return GJ_NUMBER; /* nan */
        return kind;
}

/* A quote behind an odd number of backslashes is part of the string, which began at `from`. */
static bool escaped(struct str json, size_t from, size_t i)
{
        size_t slashes = 0;
        while (i - slashes > from && json.p[i - slashes - 1] == '\\')
                slashes++;
        return slashes & 1;
}

#ifdef __SSE2__
static inline unsigned eq16(__m128i v, char c)
{
        return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

/* The first '"' or '\' at or after i, or n. */
static inline size_t quote_or_slash(struct str json, size_t i)
{
        for (; i + 16 <= json.n; i += 16) {
                __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(json.p + i));
                unsigned hits = eq16(v, '"') | eq16(v, '\\');
                if (hits)
                        return i + (unsigned)__builtin_ctz(hits);
        }
        while (i < json.n && json.p[i] != '"' && json.p[i] != '\\')
                i++;
        return i;
}
#else
static inline size_t quote_or_slash(struct str json, size_t i)
{
        while (i < json.n && json.p[i] != '"' && json.p[i] != '\\')
                i++;
        return i;
}
#endif

size_t gj_string_end(struct str json, size_t i, bool *escapes)
{
        size_t at = quote_or_slash(json, i);
        *escapes = at < json.n && json.p[at] == '\\';
        if (!*escapes)
                return at;
        for (at++; at < json.n; at++) {
                const char *quote = memchr(json.p + at, '"', json.n - at);
                at = quote ? (size_t)(quote - json.p) : json.n;
                if (at < json.n && !escaped(json, i, at))
                        break;
        }
        return at < json.n ? at : json.n;
}

/* The plain loop: from outside a string at *i up to the end of the container (true) or to the first
 * place at or after `stop` that is outside a string. */
static bool squash_plain(struct str json, size_t *i, size_t stop, long *depth)
{
        for (; *i < stop; (*i)++) {
                bool escapes;
                switch (json.p[*i]) {
                case '"': *i = gj_string_end(json, *i + 1, &escapes); break;
                case '{':
                case '[':
                case '(': ++*depth; break;
                case '}':
                case ']':
                case ')':
                        if (--*depth == 0) {
                                ++*i;
                                return true;
                        }
                        break;
                default: break;
                }
        }
        return false;
}

#ifdef __SSE2__
struct block {
        uint64_t quotes, slashes, opens, closes;
};

static inline void classify(const char *p, struct block *b)
{
        *b = (struct block){0};
        const __m128i bit5 = _mm_set1_epi8(0x20);
        for (unsigned k = 0; k < 4; k++) {
                __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * k));
                __m128i low = _mm_or_si128(v, bit5); /* [ is { and ] is } without bit 5 */
                uint64_t open = eq16(low, '{') | eq16(v, '('),
                         close = eq16(low, '}') | eq16(v, ')');
                b->quotes |= (uint64_t)eq16(v, '"') << (16 * k);
                b->slashes |= (uint64_t)eq16(v, '\\') << (16 * k);
                b->opens |= open << (16 * k);
                b->closes |= close << (16 * k);
        }
}

/* Bit i of the result: an odd number of quotes up to and including i. */
static inline uint64_t prefix_xor(uint64_t x)
{
        x ^= x << 1;
        x ^= x << 2;
        x ^= x << 4;
        x ^= x << 8;
        x ^= x << 16;
        return x ^ x << 32;
}

/* Whole blocks; ends at the container's end (true) or where fewer than 64 bytes are left.
 * *in_string tells where it stopped. */
static bool squash_blocks(struct str json, size_t *i, long *depth, bool *in_string)
{
        uint64_t inside = 0; /* all ones: the block begins inside a string */
        while (*i + 64 <= json.n) {
                struct block b;
                classify(json.p + *i, &b);
                if (b.slashes) {
                        size_t stop = *i + 64;
                        bool escapes;
                        if (inside)
                                *i = gj_string_end(json, *i, &escapes) + 1;
                        inside = 0;
                        if (squash_plain(json, i, stop < json.n ? stop : json.n, depth))
                                return true;
                        continue;
                }
                uint64_t strings = prefix_xor(b.quotes) ^ inside;
                uint64_t brackets = (b.opens | b.closes) & ~strings;
                for (; brackets; brackets &= brackets - 1) {
                        unsigned bit = (unsigned)__builtin_ctzll(brackets);
                        *depth += (b.opens >> bit & 1) ? 1 : -1;
                        if (*depth == 0) {
                                *i += bit + 1;
                                return true;
                        }
                }
                inside = (uint64_t)((int64_t)strings >> 63);
                *i += 64;
        }
        *in_string = inside != 0;
        return false;
}
#endif

size_t gj_squash(struct str json, size_t i)
{
        long depth = 1;
        i++;
#ifdef __SSE2__
        bool in_string = false, escapes;
        if (squash_blocks(json, &i, &depth, &in_string))
                return i;
        if (in_string)
                i = gj_string_end(json, i, &escapes) + 1;
#endif
        squash_plain(json, &i, json.n, &depth);
        return i;
}

size_t gj_number_end(struct str json, size_t i)
{
        for (i++; i < json.n; i++) {
                unsigned char c = (unsigned char)json.p[i];
                if (c <= ' ' || c == ',' || c == ']' || c == '}')
                        break;
        }
        return i;
}

size_t gj_literal_end(struct str json, size_t i)
{
        for (i++; i < json.n && json.p[i] >= 'a' && json.p[i] <= 'z';)
                i++;
        return i;
}

static void read_literal(struct str json, size_t from, size_t to, struct gjson *r)
{
        r->raw = gj_slice(json, from, to);
        r->type = json.p[from] == 't' ? GJSON_TRUE : json.p[from] == 'f' ? GJSON_FALSE : GJSON_NULL;
}

bool gj_read(struct gj *g, struct str json, enum gj_kind kind, size_t *i, struct gjson *r)
{
        size_t from = *i, end;
        bool escapes;
        struct gjson value = {0};
        switch (kind) {
        case GJ_STRING:
                end = gj_string_end(json, from + 1, &escapes);
                if (end >= json.n) {
                        *i = json.n;
                        return false;
                }
                value.type = GJSON_STRING;
                value.raw = gj_slice(json, from, end + 1);
                value.str = gj_slice(json, from + 1, end);
                if (escapes)
                        value.str = gj_unescape(g, value.str);
                *i = end + 1;
                break;
        case GJ_OBJECT:
        case GJ_ARRAY:
                *i = gj_squash(json, from);
                value.type = GJSON_JSON;
                value.raw = gj_slice(json, from, *i);
                break;
        case GJ_LITERAL:
                *i = gj_literal_end(json, from);
                read_literal(json, from, *i, &value);
                break;
        default:
                *i = gj_number_end(json, from);
                value.type = GJSON_NUMBER;
                value.raw = gj_slice(json, from, *i);
                gonum_float(value.raw, &value.num);
        }
        *r = value;
        return true;
}

size_t gj_index_of(struct str json, struct str raw)
{
        if (raw.n == 0 || raw.p < json.p || raw.p >= json.p + json.n)
                return 0;
        return (size_t)(raw.p - json.p);
}

bool gj_any(struct gj *g, struct str json, size_t *i, struct gjson *r)
{
        for (; *i < json.n; (*i)++) {
                enum gj_kind kind = gj_kind_at(json, *i);
                if (kind == GJ_SKIP || kind == GJ_END)
                        continue;
                bool ok = gj_read(g, json, kind, i, r);
                if (ok && r->type == GJSON_JSON)
                        r->index = gj_index_of(json, r->raw);
                if (!ok)
                        *r = (struct gjson){0};
                return ok;
        }
        *r = (struct gjson){0};
        return false;
}
