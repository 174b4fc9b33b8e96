/* common/db/db_priv.h: what the files of this folder share. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/db/db.h"
#include "common/db/wake.h"
#include <pthread.h>

/* ---- conn.c: one SQLite connection ---- */

struct stmt_slot {
        const char *sql;
        sqlite3_stmt *stmt;
};
struct db_tx {
        sqlite3 *sql;
        struct stmt_slot *slots; /* open addressing by the address of the literal */
        size_t n_slots, n_used;
        int broken; /* writer: extended code of a failure that ends the whole transaction, 0 = none
                     */
        int wal_frames;   /* writer: length of the WAL after the last commit */
        int depth;        /* reader: db_read_begin() without end */
        bool committed;   /* writer: set by a commit that wrote something */
        bool fatal_fsync; /* writer: a failed fsync ends the process */
};
int conn_open(struct db_tx **out, const char *path, int flags, struct err *e) MUST_CHECK;
struct db_tx *conn_close(struct db_tx *tx);
AUTO_DEFINE(conn_close, struct db_tx *);
/* For statements that are not worth caching. */
int conn_run(struct db_tx *tx, const char *sql, struct err *e) MUST_CHECK;
int conn_fail(struct db_tx *tx, int rc, const char *what, struct err *e);
/* A work function may have left a SELECT half read: it would pin the WAL. */
void conn_reset_all(struct db_tx *tx);
/* Copy the WAL back and let it be reused when it is long. */
void conn_checkpoint(struct db_tx *tx, int min_frames);

/* ---- walcheck.c ---- */

/* INVALID when the write-ahead log is damaged before its end. Nobody else may have the database
 * open. */
int wal_check(const char *db_path, struct err *e) MUST_CHECK;

/* ---- logroom.c ---- */

/* Make the log as long as it is going to be: syncs are cheaper then. */
int log_room(struct db_tx *tx, const char *db_path, struct err *e) MUST_CHECK;

/* ---- committer.c ---- */

enum { CHECKPOINT_FRAMES = 1000 };

struct batch { /* what one turn handed over */
        struct mail mail;
        struct db *db;
        struct db_op *first, *last;
        size_t n;
        bool may_join; /* it runs on the loop's thread: others may join */
        bool changed;
        int wal_frames;
        int64_t took_ns;
};
/* With `post` the loop is told and b is gone. */
void committer_run(struct db *db, struct batch *b, bool post);
void *committer_main(void *db);

/* ---- db.c ---- */

struct db {
        struct loop *loop;
        char *path;
        struct db_tx *reader, *writer;
        struct wake *wake;
        bool read_only, any_disk_is_fast;

        /* loop thread */
        struct db_op *first, *last; /* submitted in this turn */
        size_t gathered, unanswered;
        struct loop_task hand_over, notify;
        struct loop_timer next_turn, linger;
        bool patient;      /* operations submitted now may wait for company */
        bool urgent;       /* one of those gathered may not */
        bool in_order;     /* ... and does not overtake: all of them go */
        bool had_its_turn; /* committed on the loop already in this turn */
        unsigned touched;  /* since the listeners were told last */
        bool joining;      /* what is submitted now joins the transaction under way */
        int64_t usual_ns;  /* how long commits take these days */
        int wal_frames;
        struct metric_series *commits, *ops;
        struct mailbox *answers;
        struct db_listener *listeners, *next_listener;

        /* between the two threads */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t work, idle;
        struct batch *inbox;
        bool busy, closing, started;
        pthread_mutex_t writing; /* the writer connection: committer, or db_migrate at start-up */
};
void db_deliver(struct batch *b); /* loop thread: answer and free */
/* Takes what was submitted since; n 0: nothing. */
struct db_ops {
        struct db_op *first, *last;
        size_t n;
};
struct db_ops db_take_submitted(struct db *db);
