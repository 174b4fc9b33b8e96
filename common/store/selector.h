/* common/store/selector.h: Kubernetes label and field selectors over objects: a=b, a!=b, a in
 * (b,c), a notin (b,c), a, !a. Fields are dotted paths (metadata.name, status.phase) with = == !=.
 * Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

struct selector;
/* NULL or "" matches everything (*out = NULL). The error says the offset, what was found and what
 * was expected. */
int selector_labels(struct selector **out, const char *text, struct err *e) MUST_CHECK;
int selector_fields(struct selector **out, const char *text, struct err *e) MUST_CHECK;
struct selector *selector_free(struct selector *s);
AUTO_DEFINE(selector_free, struct selector *);
bool selector_matches(const struct selector *s, const json_t *object);
/* A requirement `key = value` (or `in` with one value), for drivers that have an index: NULL when
 * there is none. */
const char *selector_equals(const struct selector *s, const char *key);
/* The n-th such requirement; false when there are fewer. */
bool selector_nth_equals(const struct selector *s, size_t n, const char **key, const char **value);
/* A key that is none of these (NULL-terminated), or NULL. */
const char *selector_other_key(const struct selector *s, const char *const *keys);
