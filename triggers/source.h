/* triggers/source.h: where a trigger's resource comes from: Argo's ArtifactLocation
 * (argo-events.md 6.8). Here: resource, inline, file, url, configmap, in Argo's order of
 * precedence; s3 and git are refused as not supported yet. Fetched on every attempt, no cache, 512
 * KiB at most; one YAML or JSON object. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "triggers/trigger_driver.h"

struct source_fetch;
/* `object` is a new reference owned by the callee (NULL with `e`). Comes later or from inside the
 * call, once. */
typedef void source_fetched_fn(void *arg, json_t *object_taken, const struct err *e);
/* NULL when the answer has been given already. */
struct source_fetch *source_fetch(const struct trigger_env *env, const json_t *location,
                                  source_fetched_fn *done, void *arg);
void source_fetch_cancel(struct source_fetch *f);
void source_check(const json_t *location, const struct jpath *at, struct diags *d);
extern const struct field source_fields[];
extern const size_t source_size; /* of the struct the table fills */
