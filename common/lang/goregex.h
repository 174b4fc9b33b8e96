/* common/lang/goregex.h: Go's regular expressions (RE2 syntax), run by PCRE2 with match limits.
 *
 * The pattern is parsed as Go's regexp/syntax does and written out again for PCRE2, so what RE2
 * refuses is refused (look-around, back-references, possessive quantifiers, x{1001}) and what
 * differs means what it means in Go: $ is the end of the text, \s has no \v, \d \w \b are ASCII, .
 * excludes \n only, (?U) and (?s) work, text need not be UTF-8. Matching is unanchored and
 * leftmost-first as Go's. A match that costs too much ends with ERR_LIMIT ("regex: too expensive"),
 * which RE2 would have answered: patterns with nested repeats only. Threads: a compiled regex is
 * immutable. Memory of a match comes from the arena. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdbool.h>

struct goregex;
int goregex_new(struct goregex **out, struct str pattern, size_t *at, struct err *e) MUST_CHECK;
struct goregex *goregex_free(struct goregex *re);
AUTO_DEFINE(goregex_free, struct goregex *);
size_t goregex_groups(const struct goregex *re);                        /* without group 0 */
const char *goregex_group_name(const struct goregex *re, size_t group); /* NULL: it has none */

struct goregex_span {
        size_t from, to; /* from = SIZE_MAX: the group took no part */
};
/* The leftmost match at or after byte `start`. `spans` gets the groups 0..n-1, surplus ones "no
 * part". */
int goregex_find(const struct goregex *re, struct str text, size_t start, struct arena *a,
                 bool *found, struct goregex_span *spans, size_t n, struct err *e) MUST_CHECK;
int goregex_match(const struct goregex *re, struct str text, struct arena *a, bool *matched,
                  struct err *e) MUST_CHECK;

/* Go's ReplaceAllString: $1 ${1} $name ${name} in the template, $$ a dollar; literal: the template
 * as it stands. */
int goregex_replace(const struct goregex *re, struct str text, struct str template, bool literal,
                    struct arena *a, struct buf *out, struct err *e) MUST_CHECK;
/* Successive non-overlapping matches, as FindAll: until *found is false, with the same text and
 * arena. */
struct goregex_iter { /* all zeros to begin with; private */
        size_t pos, last_end;
        bool started;
        void *run; /* in the arena */
};
int goregex_next(const struct goregex *re, struct str text, struct goregex_iter *it,
                 struct arena *a, bool *found, struct goregex_span *spans, size_t n,
                 struct err *e) MUST_CHECK;
/* Go's regexp.QuoteMeta. */
void goregex_quote(struct buf *out, struct str text);

/* A small cache for patterns that come from data or from templates: the least recently used goes.
 * Not for several threads. */
struct goregex_cache;
struct goregex_cache *goregex_cache_new(size_t entries);
struct goregex_cache *goregex_cache_free(struct goregex_cache *c);
AUTO_DEFINE(goregex_cache_free, struct goregex_cache *);
/* Borrowed until the next call with this cache. */
int goregex_cached(struct goregex_cache *c, struct str pattern, const struct goregex **out,
                   struct err *e) MUST_CHECK;
