/* common/base/rand.h: identifiers. Random bytes come from getrandom(2) through a per-thread pool.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t n);
uint64_t rand_u64(void);
void rand_suffix(char *out,
                 size_t n); /* n characters of Kubernetes' generateName alphabet, then NUL */
void uuid_v4(char out[37]);
/* Event ids: 32 lower-case hex characters; the first 12 are milliseconds since 1970, so ids sort by
 * time. */
void event_id_new(struct wall now, char out[33]);
