/* common/db/committer.c: the thread that turns a list of operations into one durable transaction.
 *
 * The happy way is one pass: BEGIN IMMEDIATE, every work(), COMMIT. Only when an operation fails is
 * the list run again, each operation in a savepoint of its own, so that the common case pays
 * nothing for the isolation. On the loop's thread those who act on an operation may join its
 * transaction before the commit (an event, the decision on it and the object it creates are one
 * sync); if one of them fails, the rest is run again without them. What ends the transaction as
 * such (disk full, I/O, read-only, busy) fails all operations: a second try would meet the same
 * disk. SPDX-License-Identifier: Apache-2.0
 */
#include "common/db/db_priv.h"

static int begin(struct db_tx *tx, struct err *e)
{
        tx->broken = 0;
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "BEGIN IMMEDIATE", e) < 0)
                return -1;
        return db_exec(tx, s, e);
}

static int commit(struct db_tx *tx, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "COMMIT", e) < 0)
                return -1;
        return db_exec(tx, s, e);
}

static void rollback(struct db_tx *tx)
{
        if (!sqlite3_get_autocommit(tx->sql))
                sqlite3_exec(tx->sql, "ROLLBACK", NULL, NULL, NULL);
}

/* One operation. -1: it failed; *over when the whole transaction did. */
static int work(struct db_tx *tx, struct db_op *op, bool *over)
{
        int r = op->work(tx, op, &op->result);
        if (tx->broken || sqlite3_get_autocommit(tx->sql)) {
                *over = true;
                if (r == 0)
                        r = err_set(&op->result, ERR_UNAVAILABLE,
                                    "database: the transaction was rolled back");
        }
        return r;
}

/* Everything that has no error of its own gets this one. */
static void fail_all(struct batch *b, const struct err *e)
{
        for (struct db_op *op = b->first; op; op = op->next)
                if (!err_is_set(&op->result))
                        err_copy(&op->result, e);
}

static int run_isolated(struct db_tx *tx, struct db_op *op, bool *over, struct err *e)
{
        if (conn_run(tx, "SAVEPOINT op", e) < 0)
                return -1;
        if (work(tx, op, over) < 0) {
                if (*over) {
                        err_copy(e, &op->result);
                        return -1;
                }
                if (conn_run(tx, "ROLLBACK TO op", e) < 0)
                        return -1;
        }
        return conn_run(tx, "RELEASE op", e);
}

static int run_apart(struct db_tx *tx, struct batch *b, struct err *e)
{
        for (struct db_op *op = b->first; op; op = op->next)
                err_clear(&op->result);
        if (begin(tx, e) < 0)
                return -1;
        bool over = false;
        for (struct db_op *op = b->first; op; op = op->next)
                if (run_isolated(tx, op, &over, e) < 0)
                        return -1;
        return commit(tx, e);
}

static void append_ops(struct batch *b, struct db_ops more)
{
        b->last->next = more.first;
        b->last = more.last;
        b->n += more.n;
}

/* Lets others join and runs what they submit. -1: one of it failed. */
static int join(struct db *db, struct batch *b, struct db_ops *joined)
{
        db->joining = true;
        for (struct db_op *op = b->first; op; op = op->next)
                if (op->executed)
                        op->executed(op);
        db->joining = false;
        *joined = db_take_submitted(db);
        bool over = false;
        for (struct db_op *op = joined->first; op; op = op->next)
                if (work(db->writer, op, &over) < 0)
                        return -1;
        return 0;
}

/* Those who joined are told that it came to nothing; the others were stored without them. */
static void part(struct batch *b, struct db_ops joined)
{
        struct err e = {0};
        err_set(&e, ERR_UNAVAILABLE, "database: undone together with a neighbour that failed");
        for (struct db_op *op = joined.first; op; op = op->next)
                if (!err_is_set(&op->result))
                        err_copy(&op->result, &e);
        for (struct db_op *op = b->first; op; op = op->next)
                op->parted = op->executed != NULL;
        err_clear(&e);
}

static int run_together(struct db *db, struct batch *b, struct err *e);

/* The transaction holds all operations of b: commits it, with whoever joins. */
static int commit_joined(struct db *db, struct batch *b, struct err *e)
{
        struct db_ops joined = {0};
        if (!b->may_join)
                return commit(db->writer, e);
        int r = join(db, b, &joined);
        if (!joined.n)
                return commit(db->writer, e);
        if (r == 0) {
                append_ops(b, joined);
                return commit(db->writer, e);
        }
        rollback(db->writer);
        part(b, joined);
        b->may_join = false;
        r = run_together(db, b, e);
        append_ops(b, joined);
        return r;
}

/* 0: done, with results in the operations; -1: nothing was stored, *e says why. */
static int run_together(struct db *db, struct batch *b, struct err *e)
{
        struct db_tx *tx = db->writer;
        if (begin(tx, e) < 0)
                return -1;
        bool over = false;
        for (struct db_op *op = b->first; op; op = op->next) {
                if (work(tx, op, &over) == 0)
                        continue;
                rollback(tx);
                if (over) {
                        err_move(e, &op->result);
                        return -1;
                }
                return b->n == 1 ? 0 : run_apart(tx, b, e);
        }
        return commit_joined(db, b, e);
}

void committer_run(struct db *db, struct batch *b, bool post)
{
        struct db_tx *tx = db->writer;
        struct err e = {0};
        pthread_mutex_lock(&db->writing);
        int64_t began = clock_mono(clock_system()).ns;
        tx->committed = false;
        bool turn = wake_turn_begin(db->wake, &e) == 0;
        if (!turn || run_together(db, b, &e) < 0) {
                fail_all(b, &e);
                err_clear(&e);
        }
        conn_reset_all(tx);
        rollback(tx);
        bool changed = b->changed = tx->committed;
        b->wal_frames = tx->wal_frames;
        b->took_ns = clock_mono(clock_system()).ns - began;
        if (post)
                mailbox_post(db->answers, &b->mail);
        if (changed)
                wake_tell(db->wake);
        if (changed && post)
                conn_checkpoint(tx, CHECKPOINT_FRAMES);
        if (turn)
                wake_turn_end(db->wake);
        pthread_mutex_unlock(&db->writing);
}

void *committer_main(void *arg)
{
        struct db *db = arg;
        pthread_mutex_lock(&db->lock);
        for (;;) {
                while (!db->inbox && !db->closing) {
                        db->busy = false;
                        pthread_cond_broadcast(&db->idle);
                        pthread_cond_wait(&db->work, &db->lock);
                }
                struct batch *b = db->inbox;
                if (!b)
                        break;
                db->inbox = NULL;
                db->busy = true;
                pthread_mutex_unlock(&db->lock);
                committer_run(db, b, true);
                pthread_mutex_lock(&db->lock);
        }
        db->busy = false;
        pthread_mutex_unlock(&db->lock);
        return NULL;
}
