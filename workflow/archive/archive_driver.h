/* workflow/archive/archive_driver.h: for people who write archive drivers. The calls are those of
 * archive.h. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/archive/archive.h"

struct archive_driver {
        const char *name;
        void (*close)(struct archive *a);
        /* Store a whole workflow; replaces one of the same uid. */
        void (*put)(struct archive *a, const json_t *workflow, archive_done_fn *done, void *arg);
        /* The same inside the store's own database, without reading it; NULL: put is used. */
        void (*take)(struct archive *a, struct store_ref ref, const char *uid,
                     archive_done_fn *done, void *arg);
        void (*get)(struct archive *a, const struct archive_key *key, archive_done_fn *done,
                    void *arg);
        void (*list)(struct archive *a, const struct archive_query *q, archive_done_fn *done,
                     void *arg);
        void (*remove)(struct archive *a, const char *uid, archive_done_fn *done, void *arg);
        void (*trim)(struct archive *a, struct wall before, archive_done_fn *done, void *arg);
        void (*labels)(struct archive *a, const char *ns, const char *key, archive_done_fn *done,
                       void *arg);
};
struct archive { /* first member of a driver's own struct */
        const struct archive_driver *driver;
        struct loop *loop;
};

/* The columns beside the object itself. Borrowed from it. */
struct archive_row {
        const char *uid, *ns, *name, *phase;
        int64_t created, started, finished; /* nanoseconds; 0: never */
};
int archive_row_of(struct archive_row *out, const json_t *workflow, struct err *e) MUST_CHECK;
