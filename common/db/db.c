/* common/db/db.c: the loop's side of the database: gathers the operations of a turn, hands them
 * over as one list, answers them, tells the listeners. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/db/db_priv.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_WEIGHT = 64, FAST_NS = 500 * 1000 };

/* ---- submitting ---- */

struct db_ops db_take_submitted(struct db *db)
{
        struct db_ops ops = {db->first, db->last, db->gathered};
        db->first = db->last = NULL;
        db->gathered = 0;
        db->urgent = db->in_order = false;
        timer_cancel(db->loop, &db->linger);
        return ops;
}

static struct batch *gather(struct db *db)
{
        struct db_ops ops = db_take_submitted(db);
        if (!ops.n)
                return NULL;
        struct batch *b = NEW(struct batch);
        *b = (struct batch){.db = db, .first = ops.first, .last = ops.last, .n = ops.n};
        return b;
}

static void deliver_mail(struct mail *m)
{
        db_deliver(container_of(m, struct batch, mail));
}

static void hand_over(struct db *db)
{
        struct batch *b = gather(db);
        if (!b)
                return;
        b->mail.deliver = deliver_mail;
        pthread_mutex_lock(&db->lock);
        if (db->inbox) { /* the committer is busy: join those who wait already */
                db->inbox->last->next = b->first;
                db->inbox->last = b->last;
                db->inbox->n += b->n;
                mem_free(b);
        } else {
                db->inbox = b;
        }
        bool idle = !db->busy;
        pthread_mutex_unlock(&db->lock);
        if (idle) /* a busy one looks by itself */
                pthread_cond_signal(&db->work);
}

/* Handing over to another thread and back costs two wake-ups, about as much as a sync on a fast
 * disk. So a small transaction that meets an idle committer and a fast disk is committed here and
 * now: as in a loop with one thread, what arrives meanwhile is the next transaction. Once per turn,
 * so that a chain of operations cannot keep the loop from its sockets; and checkpoints are left to
 * the committer. */
static bool worth_doing_here(struct db *db)
{
        bool slow = db->usual_ns > FAST_NS && !db->any_disk_is_fast;
        if (slow || db->wal_frames >= CHECKPOINT_FRAMES || db->unanswered != db->gathered)
                return false;
        unsigned weight = 0;
        for (const struct db_op *op = db->first; op && weight <= SMALL_WEIGHT; op = op->next)
                weight += op->weight ? op->weight : 1;
        if (weight > SMALL_WEIGHT || !wake_alone(db->wake))
                return false;
        pthread_mutex_lock(&db->lock);
        bool idle = !db->busy && !db->inbox;
        pthread_mutex_unlock(&db->lock);
        return idle;
}

static void append(struct db_ops *list, struct db_op *op)
{
        op->next = NULL;
        if (list->last)
                list->last->next = op;
        else
                list->first = op;
        list->last = op;
        list->n++;
}

/* Those of the batch that only wait for company, when everything in a hurry may overtake them: the
 * bookkeeping of the event before must not make the next one wait. Their time runs on. */
static struct db_ops leave_behind(struct batch *b)
{
        struct db_ops ahead = {0}, behind = {0};
        for (struct db_op *op = b->first, *next; op; op = next) {
                next = op->next;
                append(op->overtakes ? &ahead : &behind, op);
        }
        b->first = ahead.first;
        b->last = ahead.last;
        b->n = ahead.n;
        return behind;
}

static void commit_here(struct db *db)
{
        bool overtake = !db->in_order && timer_armed(&db->linger);
        struct mono until = db->linger.at;
        struct batch *b = gather(db);
        struct db_ops behind = overtake ? leave_behind(b) : (struct db_ops){0};
        db->had_its_turn = true;
        timer_after_ms(db->loop, &db->next_turn, 0);
        b->may_join = true;
        committer_run(db, b, false);
        db->first = behind.first;
        db->last = behind.last;
        db->gathered = behind.n;
        if (behind.n)
                timer_set(db->loop, &db->linger, until);
        db_deliver(b);
}

static void refuse_all(struct db *db)
{
        struct batch *b = gather(db);
        if (!b)
                return;
        for (struct db_op *op = b->first; op; op = op->next)
                err_set(&op->result, ERR_DENIED, "database %s is open for reading only", db->path);
        db_deliver(b);
}

static void on_turn_end(void *arg)
{
        struct db *db = arg;
        if (db->had_its_turn || !db->first || !db->urgent)
                return;
        if (db->read_only)
                refuse_all(db);
        else if (worth_doing_here(db))
                commit_here(db);
        else
                hand_over(db);
}

static void on_next_turn(void *arg)
{
        struct db *db = arg;
        db->had_its_turn = false;
        on_turn_end(db);
}

static void become_urgent(struct db *db, bool in_order)
{
        db->urgent = true;
        db->in_order |= in_order;
        loop_defer(db->loop, &db->hand_over);
}

static void on_lingered(void *arg)
{
        become_urgent(arg, true);
}

void db_submit(struct db *db, struct db_op *op)
{
        op->next = NULL;
        op->result = (struct err){0};
        op->parted = false;
        if (db->last)
                db->last->next = op;
        else
                db->first = op;
        db->last = op;
        db->gathered++;
        db->unanswered++;
        if (!db->patient)
                become_urgent(db, !op->overtakes);
        else if (!db->urgent && !timer_armed(&db->linger))
                timer_after_ms(db->loop, &db->linger, DB_LINGER_MS);
}

void db_patient(struct db *db, bool patient)
{
        db->patient = patient;
}

void db_hurry(struct db *db)
{
        if (db->first && !(db->urgent && db->in_order))
                become_urgent(db, true);
}

bool db_op_open(const struct db *db, const struct db_op *op)
{
        return op && db->last == op;
}

size_t db_queue_length(const struct db *db)
{
        return db->unanswered;
}

void db_settle(struct db *db)
{
        assert(!db->joining);
        if (db->read_only)
                return;
        hand_over(db);
        pthread_mutex_lock(&db->lock);
        while (db->inbox || db->busy)
                pthread_cond_wait(&db->idle, &db->lock);
        pthread_mutex_unlock(&db->lock);
}

/* ---- answering ---- */

void db_deliver(struct batch *b)
{
        struct db *db = b->db;
        if (b->changed)
                loop_defer(db->loop, &db->notify);
        if (b->changed)
                metric_add(db->commits, 1);
        metric_add(db->ops, (int64_t)b->n);
        db->wal_frames = b->wal_frames;
        db->usual_ns += (b->took_ns - db->usual_ns) / 8;
        struct db_op *next;
        for (struct db_op *op = b->first; op; op = next) {
                next = op->next;
                struct err result = op->result; /* op may be gone after done */
                op->result = (struct err){0};
                db->unanswered--;
                db->touched |= op->touches;
                op->done(op, err_is_set(&result) ? &result : NULL);
                err_clear(&result);
        }
        mem_free(b);
}

static void notify_listeners(void *arg)
{
        struct db *db = arg;
        for (struct db_listener *l = db->listeners; l; l = db->next_listener) {
                db->next_listener = l->next;
                l->fn(l->arg);
        }
        db->next_listener = NULL;
        db->touched = 0;
}

unsigned db_touched(const struct db *db)
{
        return db->touched;
}

static void on_foreign_commit(void *arg)
{
        struct db *db = arg;
        db->touched |= DB_BY_OTHERS;
        loop_defer(db->loop, &db->notify);
}

void db_on_change(struct db *db, struct db_listener *l, db_change_fn *fn, void *arg)
{
        *l = (struct db_listener){fn, arg, db->listeners, &db->listeners};
        if (l->next)
                l->next->prev = &l->next;
        db->listeners = l;
}

void db_off_change(struct db *db, struct db_listener *l)
{
        if (!l->prev)
                return;
        if (db->next_listener == l)
                db->next_listener = l->next;
        *l->prev = l->next;
        if (l->next)
                l->next->prev = l->prev;
        *l = (struct db_listener){0};
}

/* ---- opening and closing ---- */

struct loop *db_loop(struct db *db)
{
        return db->loop;
}

bool db_read_only(const struct db *db)
{
        return db->read_only;
}

struct db_tx *db_read(struct db *db)
{
        return db->reader;
}

/* The first to open looks for damage, and copies the log back so that what a crash left in it is
 * never mixed with what comes. */
static int look_after_log(struct db *db, const struct db_options *o, struct err *e)
{
        if (!wake_first_writer(db->wake))
                return 0;
        if (wal_check(db->path, e) < 0) {
                if (!o->accept_damage)
                        return -1;
                log_error(log_root(), "the loss of durable changes is accepted", F_ERR(e));
                err_clear(e);
        }
        return 0;
}

static int set_up_writer(struct db *db, const struct db_options *o, struct err *e)
{
        struct db_tx *tx = db->writer;
        tx->fatal_fsync = true;
        if (o->unsafe_no_sync)
                log_warn(log_root(), "unsafe: nothing is synced to disk",
                         F_STR("database", db->path));
        if (conn_run(tx, "PRAGMA journal_mode=WAL", e) < 0 ||
            conn_run(tx, o->unsafe_no_sync ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL",
                     e) < 0 ||
            (wake_first_writer(db->wake) && conn_run(tx, "PRAGMA wal_checkpoint(TRUNCATE)", e) < 0))
                return -1;
        /* a WAL that once grew long is cut; deleted secrets are overwritten */
        if (conn_run(tx,
                     "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-4096; PRAGMA "
                     "secure_delete=FAST;"
                     "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY",
                     e) < 0)
                return -1;
        return o->many_commits ? log_room(tx, db->path, e) : 0;
}

static int open_writer(struct db *db, const struct db_options *o, struct err *e)
{
        /* it holds secrets; SQLite gives the WAL the mode of the file */
        int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, errno, "open database %s", db->path);
        close(fd);
        if (look_after_log(db, o, e) < 0 ||
            conn_open(&db->writer, db->path, SQLITE_OPEN_READWRITE, e) < 0)
                return -1;
        return set_up_writer(db, o, e);
}

static int open_reader(struct db *db, const struct db_options *o, struct err *e)
{
        if (conn_open(&db->reader, db->path,
                      o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, e) < 0)
                return -1;
        int kib = o->reader_cache_kib ? o->reader_cache_kib : 512;
        AUTO(mem_free)
        char *sql = mem_printf("PRAGMA cache_size=-%d; PRAGMA query_only=1;"
                               "PRAGMA temp_store=MEMORY; SELECT count(*) FROM sqlite_schema",
                               kib);
        return conn_run(db->reader, sql, e);
}

static int start_committer(struct db *db, struct err *e)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
        int r = pthread_create(&db->thread, NULL, committer_main, db);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r)
                return err_errno(e, r, "cannot start the committer thread");
        pthread_setname_np(db->thread, "committer");
        db->started = true;
        return 0;
}

int db_open(struct db **out, struct loop *l, const char *path, const struct db_options *opts,
            struct err *e)
{
        static const struct db_options defaults;
        const struct db_options *o = opts ? opts : &defaults;
        AUTO(db_close) struct db *db = NEW(struct db);
        db->loop = l;
        db->path = mem_strdup(path);
        db->read_only = o->read_only;
        db->any_disk_is_fast = o->any_disk_is_fast;
        pthread_mutex_init(&db->lock, NULL);
        pthread_mutex_init(&db->writing, NULL);
        pthread_cond_init(&db->work, NULL);
        pthread_cond_init(&db->idle, NULL);
        db->commits = metric_series(METRIC_DB_COMMITS, NULL, NULL, NULL);
        db->ops = metric_series(METRIC_DB_OPS, NULL, NULL, NULL);
        task_init(&db->hand_over, on_turn_end, db);
        timer_init(&db->next_turn, on_next_turn, db);
        timer_init(&db->linger, on_lingered, db);
        task_init(&db->notify, notify_listeners, db);
        /* present in the wake file before the first look, so that no commit goes unseen between the
         * two */
        if (wake_open(&db->wake, l, path, o->read_only, on_foreign_commit, db, e) < 0)
                return -1;
        if (!o->read_only && open_writer(db, o, e) < 0) /* holding the turn: closing ends it */
                return -1;
        if (!o->read_only)
                wake_turn_end(db->wake);
        if (open_reader(db, o, e) < 0 || mailbox_new(&db->answers, l, e) < 0)
                return -1;
        if (!o->read_only && start_committer(db, e) < 0)
                return -1;
        *out = TAKE(db);
        return 0;
}

static void stop_committer(struct db *db)
{
        if (!db->started)
                return;
        hand_over(db);
        pthread_mutex_lock(&db->lock);
        db->closing = true;
        pthread_cond_signal(&db->work);
        pthread_mutex_unlock(&db->lock);
        pthread_join(db->thread, NULL);
}

/* What was submitted by the last answers runs here, without the thread. */
static void run_rest(struct db *db)
{
        db->answers = mailbox_free(db->answers);
        while (db->first) {
                if (!db->started) {
                        refuse_all(db);
                        continue;
                }
                struct batch *b = gather(db);
                committer_run(db, b, false);
                db_deliver(b);
        }
}

struct db *db_close(struct db *db)
{
        if (!db)
                return NULL;
        stop_committer(db);
        run_rest(db);
        loop_undefer(db->loop, &db->hand_over);
        loop_undefer(db->loop, &db->notify);
        timer_cancel(db->loop, &db->next_turn);
        timer_cancel(db->loop, &db->linger);
        if (db->started)
                conn_checkpoint(db->writer, 0);
        conn_close(db->reader);
        conn_close(db->writer);
        wake_close(db->wake);
        pthread_mutex_destroy(&db->lock);
        pthread_mutex_destroy(&db->writing);
        pthread_cond_destroy(&db->work);
        pthread_cond_destroy(&db->idle);
        mem_free(db->path);
        mem_free(db);
        return NULL;
}
