/* common/base/json.h: thin helpers around jansson trees, and our own writer.
 * Trees are for resources and API documents. Event payloads stay raw bytes (jsonscan.h,
 * lang/gjson.h). The writer prints the shortest number that reads back the same and keeps member
 * order. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

#define AUTO_JSON __attribute__((cleanup(auto_json_decref)))
static inline UNUSED void auto_json_decref(json_t **j)
{
        json_decref(*j);
        *j = NULL;
}

enum json_style {
        JSON_STYLE_COMPACT = 0,
        JSON_STYLE_INDENT = 1, /* two spaces */
        JSON_STYLE_SORTED = 2,
        JSON_STYLE_GO_HTML = 4, /* < > & as \u003c \u003e \u0026, as Go's encoding/json */
};
void json_put(struct buf *b, const json_t *j, unsigned style);
void json_put_string(struct buf *b, const char *s,
                     size_t n); /* quoted; invalid UTF-8 becomes U+FFFD */
void json_put_string_html(struct buf *b, const char *s, size_t n);
void json_put_double(struct buf *b, double d); /* shortest; 1e21 and up with exponent, as Go */
char *json_text(const json_t *j, unsigned style) MUST_CHECK; /* heap string */

/* A JSON string of bytes that may be anything: what is no UTF-8 becomes U+FFFD. */
json_t *json_string_of_bytes(const void *data, size_t n);

/* Limits of SEC-3/SEC-13: depth 64, duplicate keys and trailing bytes refused. The error names line
 * and column. */
int json_parse(json_t **out, const char *text, size_t n, struct err *e) MUST_CHECK;
/* Read back what json_put() wrote (stored objects): several times as fast, and equal short strings
 * of the tree are one node, so strings must not be changed in place (nothing here does). INVALID
 * with the byte where the text is damaged. */
int json_reread(json_t **out, const char *text, size_t n, struct err *e) MUST_CHECK;

/* Walk by keys: json_at(wf, "metadata", "name") is the node or NULL; any missing step gives NULL.
 */
#define json_at(j, ...) json_at_keys((j), (const char *const[]){__VA_ARGS__, NULL})
json_t *json_at_keys(const json_t *j, const char *const *keys);
/* The string there, or NULL when absent or not a string. Borrowed. */
#define json_str(j, ...) json_string_value(json_at((j), __VA_ARGS__))
/* Create objects on the way and set (steals value): json_put_at(o, v, "status", "phase"). */
#define json_put_at(j, value, ...) \
        json_put_at_keys((j), (value), (const char *const[]){__VA_ARGS__, NULL})
void json_put_at_keys(json_t *j, json_t *value_taken, const char *const *keys);

/* RFC 7396 merge patch applied in place to *target (which may be replaced). `patch` is borrowed. */
void json_merge_patch(json_t **target, const json_t *patch);
/* The same as a new value, which shares with `old` what the patch does not name: whoever changes it
 * copies first. */
json_t *json_merge_patched(const json_t *old, const json_t *patch);
/* RFC 6902. A failed "test" or a missing path is INVALID; *target is unchanged on failure. */
int json_apply_patch(json_t **target, const json_t *patch_list, struct err *e) MUST_CHECK;
/* The merge patch that turns `from` into `to` (new reference; an empty object when equal). */
json_t *json_merge_diff(const json_t *from, const json_t *to);

/* Scalar as text the way Argo prints an "any string": strings as they are, numbers without
 * exponent, true/false, null as "null", containers as compact JSON. Heap string. */
char *json_scalar_text(const json_t *j) MUST_CHECK;
