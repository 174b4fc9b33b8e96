/* common/base/secret.h: a value that cannot be printed: no log field, no JSON, wiped on free.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include <stdbool.h>
#include <stddef.h>

struct secret; /* immutable bytes */
struct secret *secret_new(const void *data, size_t n);
struct secret *secret_free(struct secret *s); /* wipes */
AUTO_DEFINE(secret_free, struct secret *);
bool secret_matches(const struct secret *s, const void *data,
                    size_t n); /* constant time; false when s is NULL */
/* The bytes, NUL-terminated, for the one call that must send them. Grep for this name in reviews.
 */
const char *secret_reveal(const struct secret *s);
size_t secret_len(const struct secret *s);

/* Where secretKeyRef and configMapKeyRef values come from. The store (Secrets, ConfigMaps as
 * resources) is asked first by the caller; these are the directories and variables of
 * reference/argo-events.md 0.1: <prefix>/secrets/<name>/<key>, <prefix>/config/<name>/<key>
 * (prefix: TIPHYS_MOUNTS, default /argo-events), then the environment TIPHYS_SECRET_<NAME>_<KEY>,
 * TIPHYS_CONFIG_<NAME>_<KEY> (upper case, other characters as _). One trailing newline is trimmed;
 * at most 1 MiB. NOT_FOUND names every place that was tried. */
struct err;
int secret_from_mounts(struct secret **out, const char *name, const char *key,
                       struct err *e) MUST_CHECK;
int config_from_mounts(char **out, const char *name, const char *key, struct err *e) MUST_CHECK;
