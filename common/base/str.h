/* common/base/str.h: text helpers: borrowed slices, UTF-8, near matches, numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str { /* borrowed, not terminated */
        const char *p;
        size_t n;
};
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
static inline struct str str_of(const char *s)
{
        return (struct str){s, s ? strlen(s) : 0};
}
static inline bool str_eq(struct str a, const char *b)
{
        return strlen(b) == a.n && memcmp(a.p, b, a.n) == 0;
}
static inline bool streq(const char *a, const char *b) /* NULL equals NULL only */
{
        return a == b || (a && b && strcmp(a, b) == 0);
}
static inline bool str_empty(const char *s)
{
        return !s || !*s;
}
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
struct str str_trim(struct str s); /* ASCII white space on both sides */

bool utf8_valid(const char *s, size_t n);
/* The number of bytes of the code point at s (1 for an invalid byte), and the code point (0xFFFD if
 * invalid). */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
#define utf8_encode                                                                   \
        str_utf8_encode /* libjansson.a has a utf8_encode of its own: static programs \
                         */
size_t utf8_encode(uint32_t cp, char out[4]);

/* The candidate nearest to `word` (edit distance at most a third of its length), or NULL: "did you
 * mean". */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

/* The whole text must be a number in range; false otherwise. */
bool str_to_i64(const char *s, int64_t *out);
bool str_to_u64(const char *s, uint64_t *out);
bool str_to_double(const char *s, double *out); /* decimal and finite; locale-independent */

/* Go durations ("1h2m3.5s", "300ms"); negative allowed. Units: ns us µs ms s m h. */
bool duration_parse(const char *s, int64_t *ns);
void duration_format(int64_t ns, char out[40]); /* as Go's Duration.String() */

/* RFC 3339. Format is UTC with seconds ("2026-01-02T03:04:05Z"), or with nanoseconds, trailing
 * zeros cut. */
void time_rfc3339(int64_t unix_ns, char out[40]);
void time_rfc3339_nano(int64_t unix_ns, char out[40]);
bool time_parse_rfc3339(
        const char *s,
        int64_t *unix_ns); /* years 1677 to 2262; strict as Go: no 30 February, no second 60 */
