/* common/lang/gjson.h: paths into raw JSON bytes, as Argo Events' dataKey, filters and parameters
 * use them.
 *
 * The language is tidwall/gjson v1.19.0, whole: a.b.0 with \ escapes, wildcards * and ?, # (length,
 * each), queries
 * #(x=="y") and #(x>1)# with == != < <= > >= % !% and ~, nested queries, | pipes, modifiers
 * @reverse @ugly @pretty @this @valid @flatten
 * @join @keys @values @tostr @fromstr @group @dig with arguments, multipaths [a,b] and {"k":a},
 * literals !"x", JSON lines (..). There are no syntax errors in it: a path that makes no sense
 * finds nothing. Like the original it also answers on broken documents (whatever the way to the
 * value shows), and never reads outside them. Cost: one pass up to the value at memory-scan speed;
 * no malloc, the arena is touched only for strings with escapes and for results that must be built
 * (#, queries with #, modifiers, multipaths). Limits: GJSON_DEPTH levels of path, LANG_STEPS plus
 * the length of the document, the arena's max; past them ERR_LIMIT. Threads: any; pure.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { GJSON_DEPTH = 300 };
enum gjson_type { GJSON_NULL, GJSON_FALSE, GJSON_NUMBER, GJSON_STRING, GJSON_TRUE, GJSON_JSON };
struct gjson {
        enum gjson_type type;
        bool exists;           /* false: nothing there; type is GJSON_NULL and raw empty */
        struct str raw;        /* the bytes of the value: in the document, or built in the arena */
        struct str str;        /* GJSON_STRING: unescaped, in the document or in the arena */
        double num;            /* GJSON_NUMBER */
        size_t index;          /* of raw in the document; 0 when it is not a place in it */
        const size_t *indexes; /* of the parts of a # result; NULL: not such a result */
        size_t nindexes;
};

/* A path prepared for many documents. */
struct gjson_path;
int gjson_path_new(struct gjson_path **out, struct str text, struct err *e) MUST_CHECK;
struct gjson_path *gjson_path_free(struct gjson_path *p);
AUTO_DEFINE(gjson_path_free, struct gjson_path *);
int gjson_find(const struct gjson_path *p, struct str json, struct arena *a, struct gjson *out,
               struct err *e) MUST_CHECK;

/* The same for a path used once. */
int gjson_get(struct str json, struct str path, struct arena *a, struct gjson *out,
              struct err *e) MUST_CHECK;
/* The whole document as a result (leading white space skipped). */
int gjson_parse(struct str json, struct arena *a, struct gjson *out, struct err *e) MUST_CHECK;

/* Conversions of a result, as gjson's String(), Float(), Int(), Uint(), Bool(). */
struct str gjson_string(
        const struct gjson *r,
        struct arena *a); /* "" for null; raw text of containers; .p NULL: arena full */
double gjson_float(const struct gjson *r);
int64_t gjson_int(const struct gjson *r);
uint64_t gjson_uint(const struct gjson *r);
bool gjson_bool(const struct gjson *r);
const char *gjson_type_name(enum gjson_type t); /* "Null" "False" "Number" "String" "True" "JSON" */

/* Walk an array (key.exists false) or object; a scalar is visited once. Return false to stop. */
typedef bool gjson_each_fn(void *arg, const struct gjson *key, const struct gjson *value);
int gjson_each(const struct gjson *r, struct arena *a, gjson_each_fn *fn, void *arg,
               struct err *e) MUST_CHECK;
