/* common/db/db.h: SQLite with one committer thread and group commit.
 *
 * Writers hand operations to the database from their loop; everything queued in one turn goes to the committer as one
 * list, is executed in order inside ONE transaction (BEGIN IMMEDIATE ... COMMIT, WAL, synchronous=FULL) and answered
 * together after the commit: a `done` with no error means durable. While a commit runs, later operations gather for the
 * next one, so the sync itself is the batching window; nothing waits for a timer.
 * If any operation fails, the transaction is rolled back and its operations are run again one by one in savepoints, so that
 * one bad operation never fails its neighbours: an operation must therefore be repeatable.
 * ORDER: operations of one process are executed in the order of db_submit(). A later one never becomes durable before
 * an earlier one, unless the earlier one failed.
 * Disk full (or read-only, or I/O error at commit): the operations fail with LIMIT/UNAVAILABLE and nothing is acknowledged; the database
 * recovers by itself when space returns. A failed fsync (SQLITE_IOERR_FSYNC) is fatal: exit, recover by reopening (REL-14).
 * Several processes may share the file: db_on_change() fires after every commit of this or another process
 * (a counter in <file>-wake, watched by inotify), never by polling.
 * The WAL is recycled (autocheckpoint 1000 pages; busy timeout 10 s).
 * Threads: db_submit and db_read on the loop's thread; work functions run on the committer thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include <sqlite3.h>

struct db;
struct db_tx; /* what a work function may use, on the committer thread */

struct db_migration { /* steps are numbered 1..n per component and recorded in table `migration` */
        const char *component;
        int step;
        const char *sql;
};
struct db_options {
        bool read_only;       /* CLI looking at a data folder */
        bool unsafe_no_sync;  /* synchronous=OFF; tests only, logged as unsafe */
        int reader_cache_kib; /* 0: 512 */
};
int db_open(struct db **out, struct loop *l, const char *path, const struct db_options *opts, struct err *e) MUST_CHECK;
/* Waits for what is queued. */
struct db *db_close(struct db *db);
AUTO_DEFINE(db_close, struct db *);
/* Blocking, at start-up. */
int db_migrate(struct db *db, const struct db_migration *steps, size_t n, struct err *e) MUST_CHECK;

struct db_op { /* embed it; owned by the caller until done */
        /* Committer thread, inside the transaction. -1 with *e set undoes this operation only. */
        int (*work)(struct db_tx *tx, struct db_op *op, struct err *e);
        /* Loop thread, after the commit. `e` is NULL when durable; borrowed. */
        void (*done)(struct db_op *op, const struct err *e);
        struct db_op *next;   /* private from here */
        struct err result;
};
void db_submit(struct db *db, struct db_op *op);
size_t db_queue_length(const struct db *db); /* operations not answered yet: back-pressure looks here */

/* A prepared statement, cached per (connection, literal text). sql must be a literal: it is the cache key. Never NULL on
 * success; reset and unbound when handed out. */
int db_stmt(sqlite3_stmt **out, struct db_tx *tx, const char *sql, struct err *e) MUST_CHECK;
/* Step to completion: INSERT, UPDATE, DELETE. Returns -1 with SQLite's words. CONFLICT for constraint failures. */
int db_exec(struct db_tx *tx, sqlite3_stmt *s, struct err *e) MUST_CHECK;
/* 1 row, 0 done, -1 error. */
int db_step(struct db_tx *tx, sqlite3_stmt *s, struct err *e) MUST_CHECK;
int64_t db_changes(struct db_tx *tx);

/* The loop thread's own read connection: sees what is committed, never blocks on writers. Use db_stmt/db_step with it; keep
 * no statement open across turns. */
struct db_tx *db_read(struct db *db);

typedef void db_change_fn(void *arg);
struct db_listener { /* embed it */
        db_change_fn *fn;
        void *arg;
        struct db_listener *next, **prev;
};
/* Called on the loop once per turn in which something was committed, by whomever. */
void db_on_change(struct db *db, struct db_listener *l, db_change_fn *fn, void *arg);
void db_off_change(struct db_listener *l);
struct loop *db_loop(struct db *db);
