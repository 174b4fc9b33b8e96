/* common/db/db.h: SQLite with one committer thread and group commit.
 *
 * Writers hand operations to the database from their loop; everything queued in one turn goes to
 * the committer as one list, is executed in order inside ONE transaction (BEGIN IMMEDIATE ...
 * COMMIT, WAL, synchronous=FULL) and answered together after the commit: a `done` with no error
 * means durable. While a commit runs, later operations gather for the next one, so the sync itself
 * is the batching window; nothing waits for a timer. If any operation fails, the transaction is
 * rolled back and its operations are run again one by one in savepoints, so that one bad operation
 * never fails its neighbours: an operation must therefore be repeatable. Outcomes that are expected
 * (a name is taken) are better answered through the operation's own fields with `work` returning 0:
 * that costs no second run. ORDER: operations of one process are executed in the order of
 * db_submit(). A later one never becomes durable before an earlier one, unless the earlier one
 * failed. Disk full (or read-only, or I/O error at commit): the operations fail with
 * FULL/UNAVAILABLE and nothing is acknowledged; the database recovers by itself when space returns.
 * A failed fsync (SQLITE_IOERR_FSYNC) is fatal: the process exits with 70 and recovers by reopening
 * (REL-14). Several processes may share the file: db_on_change() fires after every commit of this
 * or another process (slots in <file>-wake, watched by inotify), never by polling; writers of
 * different processes take turns. The WAL is recycled: checkpointed at 1000 pages, after the
 * answers went out. Threads: everything here on the loop's thread; work functions run on the
 * committer thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include <sqlite3.h>

struct db;
struct db_tx; /* a connection: what a work function may use on the committer thread, and db_read()
               */

struct db_options {
        bool read_only;      /* CLI looking at a data folder; operations are answered with DENIED */
        bool unsafe_no_sync; /* synchronous=OFF; tests only, logged as unsafe */
        bool accept_damage;  /* open although durable changes at the end of the log are lost; logged
                              */
        bool many_commits;   /* a daemon: the log gets its final length at once (4 MB) */
        int reader_cache_kib;  /* 0: 512 */
        bool any_disk_is_fast; /* tests: small transactions run on the loop however long a sync
                                * takes
                                */
};
/* Creates the file (mode 0600) when it is not there. INVALID for a foreign file, and for a
 * write-ahead log that is damaged before its end (INV-15). */
int db_open(struct db **out, struct loop *l, const char *path, const struct db_options *opts,
            struct err *e) MUST_CHECK;
/* Waits for what is queued and answers it. Not from a callback of the database. */
struct db *db_close(struct db *db);
AUTO_DEFINE(db_close, struct db *);
struct loop *db_loop(struct db *db);
bool db_read_only(const struct db *db);

struct db_migration { /* steps are numbered 1..n per component and recorded in table `migration` */
        const char *component;
        int step;
        const char *sql;
};
/* Blocking, at start-up. UNSUPPORTED when the file was written by a newer version; read-only
 * databases are only checked. */
int db_migrate(struct db *db, const struct db_migration *steps, size_t n, struct err *e) MUST_CHECK;

enum db_touch {
        DB_TOUCH_STORE = 1,
        DB_BY_OTHERS = 2, /* a commit of another process: anything */
};
struct db_op { /* embed it; owned by the caller until done */
        /* Inside the transaction. -1 with *e set undoes this operation only. */
        int (*work)(struct db_tx *tx, struct db_op *op, struct err *e);
        /* Loop thread, after the commit, never from inside db_submit. `e` is NULL when durable;
         * borrowed. */
        void (*done)(struct db_op *op, const struct err *e);
        /* NULL, or: whoever acts on this operation may do so in its transaction. Called on the loop
         * between work() and the commit, where the transaction runs on the loop (small ones of a
         * process that is alone); what is submitted from inside joins the transaction. It may not
         * call db_settle(). When `done` comes with an error, or with `parted` set, what joined has
         * failed too and is told so. */
        void (*executed)(struct db_op *op);
        bool parted;      /* this operation was stored without what joined it */
        bool overtakes;   /* it depends on nothing that was submitted before: where it is in a hurry
                           * and   runs on the loop, what is patient stays behind */
        unsigned touches; /* enum db_touch: what listeners are told of */
        unsigned weight;  /* rough number of rows, for whom it matters; 0 counts as 1 */
        struct db_op *next; /* private from here */
        struct err result;
};
void db_submit(struct db *db, struct db_op *op);
/* What is submitted while this is set is in no hurry: it may wait up to DB_LINGER_MS for company,
 * so that bookkeeping (a firing is done, a phase has changed) shares the next commit instead of
 * standing in its way. The order stays, but for operations that overtake. */
enum { DB_LINGER_MS = 3 };
void db_patient(struct db *db, bool patient);
void db_hurry(struct db *db); /* what waits for company goes now: something else depends on it */
/* True while nothing was submitted after `op` and this turn is not over: its owner may still add to
 * the work it will do without breaking ORDER. */
bool db_op_open(const struct db *db, const struct db_op *op);
/* Operations not answered yet: back-pressure looks here. */
size_t db_queue_length(const struct db *db);
/* Blocks until everything submitted so far was executed, so that db_read() sees it; the answers
 * still come on the loop. For start-up and rare moments such as reopening a consumer. */
void db_settle(struct db *db);

/* A prepared statement, cached per (connection, literal). sql must be a literal: its address is the
 * cache key. Reset and unbound when handed out. */
int db_stmt(sqlite3_stmt **out, struct db_tx *tx, const char *sql, struct err *e) MUST_CHECK;
/* Step to completion and reset: INSERT, UPDATE, DELETE. Fails with SQLite's words. CONFLICT for
 * constraint failures, FULL, UNAVAILABLE (busy, read-only, I/O), LIMIT (too big), INTERNAL. */
int db_exec(struct db_tx *tx, sqlite3_stmt *s, struct err *e) MUST_CHECK;
/* 1 row, 0 done (and reset), -1 error (and reset). Who stops before 0 calls sqlite3_reset(). */
int db_step(struct db_tx *tx, sqlite3_stmt *s, struct err *e) MUST_CHECK;
int64_t db_changes(struct db_tx *tx); /* rows of the last INSERT, UPDATE or DELETE */

/* The loop thread's own read connection: sees what is committed, never blocks on writers. Use
 * db_stmt/db_step with it; keep no statement open across turns. */
struct db_tx *db_read(struct db *db);
/* Several statements that must see one moment stand between these two; pairs may nest. */
int db_read_begin(struct db_tx *tx, struct err *e) MUST_CHECK;
void db_read_end(struct db_tx *tx);

typedef void db_change_fn(void *arg);
struct db_listener { /* embed it, zeroed */
        db_change_fn *fn;
        void *arg;
        struct db_listener *next, **prev;
};
/* Called on the loop, once per turn in which something was committed, by whomever, after the
 * answers. */
void db_on_change(struct db *db, struct db_listener *l, db_change_fn *fn, void *arg);
/* Inside a listener: whose tables may have changed (enum db_touch). Who finds its own not among
 * them need not look. */
unsigned db_touched(const struct db *db);
void db_off_change(struct db *db, struct db_listener *l);
