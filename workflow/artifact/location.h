/* workflow/artifact/location.h: where an artifact is: the key that needs a repository to be whole,
 * and the secrets that a location names.
 *
 * A location is one member of the artifact: {"s3": {...}}. One that gives only a key is completed
 * from the repository of its workflow, {"s3": {...}} or {"folder": {...}}: what is written in the
 * artifact wins over the repository. Without an s3 repository a lone key means the folder store.
 * Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/secret.h"
#include <jansson.h>
#include <stdbool.h>

/* Every kind of location that Argo knows, and "folder". NULL at the end. */
extern const char *const location_types[];
/* Those that need more than this machine: fetched before a step, saved after it. */
bool location_is_remote(const char *type);

/* A copy of the artifact whose location is whole; remote key-only locations without a fitting
 * repository become {"folder": {"key"}}. New reference. */
json_t *location_complete(const json_t *artifact, const json_t *repository) MUST_CHECK;
/* Its location and *type; NULL when it has none. Borrowed. */
const json_t *location_of(const json_t *artifact, const char **type);
/* The key (s3.key, azure.blob, ...), "" when there is none. Borrowed. */
const char *location_key(const json_t *at);

/* ---- secrets ---- */

/* Every {"name", "key"} under a member that ends in "Secret". */
typedef void location_secret_fn(void *arg, const char *name, const char *key);
void location_each_secret(const json_t *location, location_secret_fn *each, void *arg);

struct location_secrets; /* values that were looked up */
struct location_secrets *location_secrets_new(void);
struct location_secrets *location_secrets_free(struct location_secrets *s);
AUTO_DEFINE(location_secrets_free, struct location_secrets *);
void location_secrets_add(struct location_secrets *s, const char *name, const char *key,
                          struct secret *value_taken);
/* The value of location[member] = {"name", "key"}. *out NULL and 0 when the member is absent;
 * NOT_FOUND when it was not looked up. */
int location_secret(const struct location_secrets *s, const json_t *location, const char *member,
                    const struct secret **out, struct err *e) MUST_CHECK;
