/* eventsource/kafka_marks.h: which offset may be committed: the lowest contiguous done one, per
 * partition. Events finish in any order; marks of a revoked partition are dropped, and what still
 * finishes for them is ignored. Pure; the loop's thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

struct kafka_marks;
struct kafka_mark; /* one record under way */
/* `next` is the offset to continue at. Called when it moved. */
typedef void kafka_store_fn(void *arg, int32_t partition, int64_t next);
struct kafka_marks *kafka_marks_new(kafka_store_fn *store, void *arg);
struct kafka_marks *kafka_marks_free(
        struct kafka_marks *m); /* marks under way become meaningless */
void kafka_marks_begin_partition(struct kafka_marks *m,
                                 int32_t partition); /* assigned: start afresh */
void kafka_marks_drop_partition(struct kafka_marks *m, int32_t partition); /* revoked */
struct kafka_mark *kafka_mark_begin(struct kafka_marks *m, int32_t partition,
                                    int64_t offset); /* in rising order per partition */
void kafka_mark_done(struct kafka_marks *m,
                     struct kafka_mark *mark); /* frees it when its turn has come */
