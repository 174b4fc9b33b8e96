/* common/lang/jsonpath.h: JSONPath templates as kubectl knows them: "{.items[*].metadata.name}".
 *
 * Text outside of braces stands for itself; inside: .field, ['field'], [n], [a:b:step], [a,b],
 * [*], .*, .., [?(@.x == "y")], 'text', numbers, {range ...} ... {end}. A backslash in a field
 * keeps the character behind it ('a\.b'). Several results are joined by a space; maps and lists
 * print as compact JSON, null as null. Members of a map come in the order of their keys (the
 * original's order is random). Comparisons know one type at a time: 3 is no float, so numbers of
 * data that was read with VAL_FLOATS compare with 3.0 only. Source: k8s.io/client-go v0.35
 * util/jsonpath. Limits: limits.h. Threads: a compiled path is immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/lang/value.h"

struct jsonpath;
/* INVALID, "offset N: ..." and N in *at (may be NULL). */
int jsonpath_new(struct jsonpath **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct jsonpath *jsonpath_free(struct jsonpath *p);
AUTO_DEFINE(jsonpath_free, struct jsonpath *);

enum jsonpath_missing {
        JSONPATH_MISSING_FAILS, /* NOT_FOUND: a field that no value has */
        JSONPATH_MISSING_IS_EMPTY
};
/* Appends the printed results to `out`; on failure `out` may hold a part of them. */
int jsonpath_put(const struct jsonpath *p, struct val data, enum jsonpath_missing missing,
                 struct arena *a, struct buf *out, struct err *e) MUST_CHECK;
