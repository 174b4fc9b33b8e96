/* workflow/archive/archive.h: finished workflows, kept after their objects are gone.
 *
 * A row per workflow: the object as it was at the end, with all its nodes, found by uid, or by
 * name (the newest of that name); lists are newest first and come without nodes. Writing one again
 * replaces it (a workflow that was retried). Drivers: sqlite (tables in the data folder's file);
 * database servers follow. Every call takes a completion, called later on the loop, exactly once;
 * objects handed out are borrowed for the callback. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/store/store.h"

struct archive;
struct db;
/* Tables are made on first use; a read-only database without them is an empty archive. */
int archive_sqlite(struct archive **out, struct db *db, struct err *e) MUST_CHECK;
struct archive *archive_close(struct archive *a); /* not while a call is outstanding */
AUTO_DEFINE(archive_close, struct archive *);

typedef store_done_fn archive_done_fn; /* obj NULL when e is not; writes hand out NULL for both */

/* Copies a completed workflow of the store. NOT_FOUND: it is gone, or another one has its name. */
void archive_take(struct archive *a, struct store *s, struct store_ref ref, const char *uid,
                  archive_done_fn *done, void *arg);
struct archive_key { /* uid, or namespace and name */
        const char *uid, *ns, *name;
};
/* The whole workflow, labelled workflow-archiving-status=Persisted as Argo does. */
void archive_get(struct archive *a, const struct archive_key *key, archive_done_fn *done,
                 void *arg);
struct archive_query {
        const char *ns;                        /* NULL: all */
        const char *name, *prefix;             /* NULL: any */
        const char *label_selector;            /* NULL: any */
        int64_t started_after, started_before; /* nanoseconds; 0: any */
        size_t limit, offset;                  /* limit 0: all */
};
/* {"items": [...], "metadata": {"continue"?: "<offset>"}} */
void archive_list(struct archive *a, const struct archive_query *q, archive_done_fn *done,
                  void *arg);
void archive_delete(struct archive *a, const char *uid, archive_done_fn *done, void *arg);
/* Deletes what finished before; answers {"deleted": n}. */
void archive_trim(struct archive *a, struct wall before, archive_done_fn *done, void *arg);
/* {"items": [...]}: the keys of labels, or the values of one. ns NULL: all. */
void archive_labels(struct archive *a, const char *ns, const char *key, archive_done_fn *done,
                    void *arg);

/* Blocking conveniences for commands. */
int archive_get_now(struct archive *a, const struct archive_key *key, json_t **out,
                    struct err *e) MUST_CHECK;
int archive_list_now(struct archive *a, const struct archive_query *q, json_t **out,
                     struct err *e) MUST_CHECK;
int archive_delete_now(struct archive *a, const char *uid, struct err *e) MUST_CHECK;
int archive_labels_now(struct archive *a, const char *ns, const char *key, json_t **out,
                       struct err *e) MUST_CHECK;
