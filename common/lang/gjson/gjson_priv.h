/* common/lang/gjson/gjson_priv.h: what the files of gjson share.
 *
 *   gjson_scan.c     skips and reads values: the only loops over document bytes
 *   gjson_path.c     takes paths apart: components, queries, pipes, multipaths
 *   gjson_walk.c     follows a path through objects and arrays
 *   gjson_query.c    #(...) tests
 *   gjson.c          entry points, conversions, multipaths, each
 *   gjson_mod.c      modifiers and literals; gjson_pretty.c: @pretty
 *   gjson_valid.c    the strict check behind @valid and @fromstr
 *   gjson_text.c     strings: unescape, quote, wildcards
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/lang/abuf.h"
#include "common/lang/gjson.h"
#include "common/lang/limits.h"

/* One evaluation. The first failure (limits only) stays; everything unwinds on it. */
struct gj {
        struct arena *arena;
        size_t steps; /* left */
        unsigned depth;
        const char *failed; /* words */
        char *scratch;      /* for comparing keys that have escapes */
        size_t scratch_cap;
};
bool gj_fail(struct gj *g, const char *words); /* returns false */
bool gj_step(struct gj *g, size_t cost);       /* false: stop */
bool gj_enter(struct gj *g);                   /* one level deeper; false: too deep */
static inline void gj_leave(struct gj *g)
{
        g->depth--;
}
void gj_init(struct gj *g, struct arena *a, size_t json_len);
int gj_report(const struct gj *g, struct err *e);

/* ---- strings ---- */
struct str gj_slice(struct str s, size_t from, size_t to); /* both clamped to the text */
static inline struct str gj_from(struct str s, size_t from)
{
        return gj_slice(s, from, s.n);
}
struct str gj_trim(struct str s); /* bytes up to ' ' on both sides */
bool gj_same(struct str a, struct str b);
int gj_compare(struct str a, struct str b);
/* The inside of a JSON string without its escapes; ends at the first broken one. */
struct str gj_unescape(struct gj *g, struct str inner);
struct str gj_unescape_scratch(struct gj *g, struct str inner); /* valid until the next such call */
void gj_quote(struct abuf *b, struct str s); /* as gjson writes strings: < > & escaped */
bool gj_wildcard(struct gj *g, struct str text, struct str pattern);
bool gj_truth(struct str word, bool *out); /* ParseBool of the lower-case word */
bool gj_digits(struct str s, uint64_t *out);

/* ---- scanning ---- */
enum gj_kind { GJ_SKIP, GJ_STRING, GJ_OBJECT, GJ_ARRAY, GJ_LITERAL, GJ_NUMBER, GJ_END };
enum gj_kind gj_kind_at(struct str json, size_t i); /* GJ_END is ']' */
/* i is behind the opening quote; returns the index of the closing one or json.n. */
size_t gj_string_end(struct str json, size_t i, bool *escapes);
/* json[i] opens something; the index behind its end, json.n or more when it is not closed. */
size_t gj_squash(struct str json, size_t i);
size_t gj_number_end(struct str json, size_t i);
size_t gj_literal_end(struct str json, size_t i);
/* Read the value of this kind at *i into r; false: an unterminated string. *i moves behind it. */
bool gj_read(struct gj *g, struct str json, enum gj_kind kind, size_t *i, struct gjson *r);
/* The next value at or after *i, whatever stands before it. */
bool gj_any(struct gj *g, struct str json, size_t *i, struct gjson *r);
struct gjson gj_parse(struct gj *g, struct str json);
size_t gj_index_of(struct str json, struct str raw);

static inline bool gj_exists(const struct gjson *r)
{
        return r->type != GJSON_NULL || r->raw.n;
}

/* ---- walking over members ---- */
struct gj_each {
        struct str json;
        size_t i;
        bool object;
};
bool gj_each_start(struct gj_each *it, const struct gjson *r);
bool gj_each_next(struct gj *g, struct gj_each *it, struct gjson *key, struct gjson *value);

/* ---- paths ---- */
struct gj_part {
        struct str part, path, pipe;
        bool piped, wild, more;
};
void gj_object_part(struct gj *g, struct str path, struct gj_part *out);
struct gj_query {
        bool on, all;
        struct str path, op, value;
};
struct gj_array_part {
        struct str part, path, pipe, each_key;
        bool piped, more, each, hash;
        struct gj_query query;
};
void gj_array_part(struct gj *g, struct str path, struct gj_array_part *out);
bool gj_split_pipe(struct str path, struct str *left, struct str *right);
struct gj_selector {
        struct str name, path;
};
/* path[0] is '[' or '{'. Calls fn per selector; *rest is what follows the closing bracket. */
bool gj_selectors(struct gj *g, struct str path, struct gj_selector **out, size_t *n,
                  struct str *rest);
bool gj_is_modifier(struct str name);

/* ---- evaluation ---- */
struct gj_walk {
        struct gj *g;
        struct str json;
        struct gjson value;
        struct str pipe;
        bool piped, computed;
};
size_t gj_walk_object(struct gj_walk *w, size_t i, struct str path, bool *hit);
size_t gj_walk_array(struct gj_walk *w, size_t i, struct str path, bool *hit);
bool gj_query_matches(struct gj *g, const struct gj_query *q, struct gjson value);
struct gjson gj_get(struct gj *g, struct str json, struct str path);
struct gjson gj_get_in(struct gj *g, const struct gjson *r, struct str path);
struct str gj_text(struct gj *g, const struct gjson *r); /* gjson's String() */
/* path starts with '@' or '!'. */
bool gj_modify(struct gj *g, struct str json, struct str path, struct str *rest,
               struct str *result);
bool gj_literal(struct gj *g, struct str path, struct str *rest, struct str *result);
struct str gj_pretty(struct gj *g, struct str json, struct str options);
bool gj_valid(struct str json);
