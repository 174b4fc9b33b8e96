/* workflow/archive/sqlite.h: what the two files of the sqlite driver share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/db/db.h"
#include "workflow/archive/archive_driver.h"

struct read_job;
struct sqlite_archive {
        struct archive archive;
        struct db *db;
        bool empty; /* read only, and there are no tables */
        struct read_job *reads;
};
static inline struct sqlite_archive *archive_sqlite_of(struct archive *a)
{
        return container_of(a, struct sqlite_archive, archive);
}
void archive_sqlite_get(struct archive *a, const struct archive_key *key, archive_done_fn *done,
                        void *arg);
void archive_sqlite_list(struct archive *a, const struct archive_query *q, archive_done_fn *done,
                         void *arg);
void archive_sqlite_labels(struct archive *a, const char *ns, const char *key,
                           archive_done_fn *done, void *arg);
void archive_sqlite_forsake(struct sqlite_archive *s); /* reads that nobody will answer */
