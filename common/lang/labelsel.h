/* common/lang/labelsel.h: Kubernetes label and field selectors: "app in (web, db), !beta, tier>1"
 * and "metadata.name=x,status.phase!=Running".
 *
 * Label selectors: key, !key, = == != in notin > <; keys and values are checked as Kubernetes does.
 * Field selectors: = == != with values where a backslash stands before , = and itself; a field that
 * is absent is the empty text. Source: k8s.io/apimachinery v0.35 (pkg/labels, pkg/fields).
 * Threads: a compiled selector is immutable. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum labelsel_op {
        SEL_EXISTS,
        SEL_ABSENT,
        SEL_EQUAL,
        SEL_NOT_EQUAL,
        SEL_IN,
        SEL_NOT_IN,
        SEL_GREATER,
        SEL_LESS
};

struct labelsel_term {
        struct str key;
        enum labelsel_op op;
        const struct str *values; /* sorted, each once */
        size_t nvalues;
        bool doubled; /* written as == */
};
struct labelsel;
/* Sorted by key. Empty text: no terms, matches everything. */
int labelsel_labels(struct labelsel **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
int labelsel_fields(struct labelsel **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct labelsel *labelsel_free(struct labelsel *s);
AUTO_DEFINE(labelsel_free, struct labelsel *);

size_t labelsel_nterms(const struct labelsel *s);
const struct labelsel_term *labelsel_term(const struct labelsel *s, size_t i);

/* Finds the value of a key of the thing that is matched; false: it has none. */
typedef bool labelsel_get(const void *thing, struct str key, struct str *value);
bool labelsel_matches(const struct labelsel *s, labelsel_get *get, const void *thing);

/* The text in its canonical form. */
void labelsel_put(const struct labelsel *s, struct buf *out);
/* What Kubernetes takes as a label's key and as its value. *why (may be NULL) is a static text. */
bool label_key_valid(struct str key, const char **why);
bool label_value_valid(struct str value, const char **why);
