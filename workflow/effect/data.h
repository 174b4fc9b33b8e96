/* workflow/effect/data.h: what data.c (the result) and data_out.c (its artifacts) share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/effect/effect_priv.h"

struct artifact_job;
bool data_has_artifacts(const struct effect *f);
/* `records`: of the node's outputs.artifacts, borrowed; e NULL: all of them are kept. */
typedef void data_saved_fn(struct effect *f, const json_t *records, const struct err *e);
/* `saved` may come before this returns only as a failure; then *job is NULL. */
int data_save(struct artifact_job **job, struct effect *f, const char *text, data_saved_fn *saved,
              struct err *e) MUST_CHECK;
