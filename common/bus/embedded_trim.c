/* common/bus/embedded_trim.c: retention: once a minute, in small operations, so that appends pass
 * in between.
 *
 * What may go: rows older than retain_ms or beyond retain_bytes that every durable consumer has
 * passed, where a consumer is held up only by messages of its own subjects. Beyond four times
 * retain_bytes the disk is worth more: rows go although somebody needs them, and the loss is
 * written down in "expired/<consumer>" before they go. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/bus/embedded.h"

enum { EVERY_MS = 60000, ROWS_PER_OP = 2000, DEDUP_PER_OP = 5000 };

struct trim_op {
        struct db_op op;
        struct embedded *b;
        int64_t now_ns;
        bool more;
        uint64_t expired; /* messages that were needed */
};

static int count_needed(struct db_tx *tx, const char *consumer, uint64_t from, uint64_t to,
                        uint64_t *first, uint64_t *n, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT min(pos), count(*) FROM bus_event WHERE pos > ?1 AND pos <= ?2 AND"
                    " (NOT EXISTS (SELECT 1 FROM bus_subject WHERE consumer = ?3)"
                    " OR subject IN (SELECT subject FROM bus_subject WHERE consumer = ?3))",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)from);
        sqlite3_bind_int64(s, 2, (int64_t)to);
        sqlite3_bind_text(s, 3, consumer, -1, SQLITE_STATIC);
        if (db_step(tx, s, e) < 0)
                return -1;
        *first = (uint64_t)sqlite3_column_int64(s, 0);
        *n = (uint64_t)sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
        return 0;
}

static int record_expired(struct db_tx *tx, const struct trim_op *t, const char *consumer,
                          uint64_t first, uint64_t last, uint64_t n, struct err *e)
{
        char at[40];
        time_rfc3339(t->now_ns, at);
        AUTO(mem_free) char *space = mem_printf("expired/%s", consumer);
        AUTO(mem_free) char *key = mem_printf("%020llu", (unsigned long long)last);
        AUTO_BUF struct buf value = BUF_INIT(1024);
        buf_addf(&value, "{\"from\":%llu,\"to\":%llu,\"events\":%llu,\"at\":\"%s\"}",
                 (unsigned long long)first, (unsigned long long)last, (unsigned long long)n, at);
        return embedded_put(tx, &(struct bus_put){space, key, value.data, value.len}, e);
}

/* Lower *last to what this consumer has passed; with `force`, write its loss down instead. */
static int ask_consumer(struct db_tx *tx, struct trim_op *t, const char *name, uint64_t position,
                        bool force, uint64_t *last, struct err *e)
{
        uint64_t first, n;
        if (position >= *last)
                return 0;
        if (count_needed(tx, name, position, *last, &first, &n, e) < 0)
                return -1;
        if (!n)
                return 0;
        if (!force) {
                *last = first - 1;
                return 0;
        }
        t->expired += n;
        if (embedded_move_position(tx, name, *last, e) < 0)
                return -1;
        return record_expired(tx, t, name, first, *last, n, e);
}

static int ask_consumers(struct db_tx *tx, struct trim_op *t, bool force, uint64_t *last,
                         struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT name, position FROM bus_consumer WHERE position < ? ORDER BY name",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)*last);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                if (ask_consumer(tx, t, (const char *)sqlite3_column_text(s, 0),
                                 (uint64_t)sqlite3_column_int64(s, 1), force, last, e) < 0)
                        return -1;
        return r;
}

/* The last position beyond `bytes` bytes, counted from the end; 0: all fits. */
static int beyond_bytes(struct db_tx *tx, uint64_t bytes, uint64_t first, uint64_t tail,
                        uint64_t *last, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT t.cum, t.cum - f.cum + length(f.data) FROM bus_event f, bus_event t "
                    "WHERE f.pos = ? AND t.pos = ?",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)first);
        sqlite3_bind_int64(s, 2, (int64_t)tail);
        if (db_step(tx, s, e) < 0)
                return -1;
        int64_t cum = sqlite3_column_int64(s, 0);
        uint64_t stored = (uint64_t)sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
        *last = 0;
        return stored <= bytes ? 0 : embedded_seek_cum(tx, cum - (int64_t)bytes, last, e);
}

static int too_old(struct db_tx *tx, const struct trim_op *t, uint64_t *last, struct err *e)
{
        if (embedded_seek_time(tx, t->now_ns - t->b->bus.o.retain_ms * NS_PER_MS, last, e) < 0)
                return -1;
        (*last)--;
        return 0;
}

static int delete_up_to(struct db_tx *tx, uint64_t last, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "DELETE FROM bus_event WHERE pos <= ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)last);
        return db_exec(tx, s, e);
}

static int delete_old_dedup(struct db_tx *tx, struct trim_op *t, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "DELETE FROM bus_dedup WHERE pos IN (SELECT pos FROM bus_dedup WHERE time < ?1 "
                    "AND pos <"
                    " (SELECT min(pos) FROM bus_dedup) + ?2 ORDER BY pos)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, t->now_ns - t->b->bus.o.dedup_window_ms * NS_PER_MS);
        sqlite3_bind_int(s, 2, DEDUP_PER_OP);
        if (db_exec(tx, s, e) < 0)
                return -1;
        t->more |= db_changes(tx) > 0;
        return 0;
}

static int first_pos(struct db_tx *tx, uint64_t *pos, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT min(pos) FROM bus_event", e) < 0 || db_step(tx, s, e) < 0)
                return -1;
        *pos = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static int trim_events(struct db_tx *tx, struct trim_op *t, struct err *e)
{
        uint64_t first, tail, old, big, huge;
        const struct bus_options *o = &t->b->bus.o;
        if (first_pos(tx, &first, e) < 0 || embedded_tail(tx, &tail, e) < 0)
                return -1;
        if (first >= tail)
                return 0;
        if (too_old(tx, t, &old, e) < 0 ||
            beyond_bytes(tx, o->retain_bytes, first, tail, &big, e) < 0 ||
            beyond_bytes(tx, 4 * o->retain_bytes, first, tail, &huge, e) < 0)
                return -1;
        /* rows that go whoever needs them come first, in steps of their own */
        bool force = huge >= first;
        uint64_t want = force ? huge : old > big ? old : big;
        uint64_t last = least(least(want, first + ROWS_PER_OP - 1), tail - 1);
        if (last < first || ask_consumers(tx, t, force, &last, e) < 0)
                return last < first ? 0 : -1;
        if (last < first)
                return 0;
        t->more |= force || last < least(want, tail - 1);
        return delete_up_to(tx, last, e);
}

static int work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct trim_op *t = container_of(op, struct trim_op, op);
        t->more = false;
        t->expired = 0;
        if (trim_events(tx, t, e) < 0)
                return -1;
        return delete_old_dedup(tx, t, e);
}

static void trim(struct embedded *b);

static void done(struct db_op *op, const struct err *e)
{
        struct trim_op *t = container_of(op, struct trim_op, op);
        struct embedded *b = t->b;
        if (e && !b->bus.closed)
                log_warn(log_root(), "old events could not be removed; trying again", F_ERR(e));
        if (!e && t->expired) {
                metric_add(metric_series(METRIC_BUS_EXPIRED, NULL, NULL, NULL),
                           (int64_t)t->expired);
                log_error(log_root(),
                          "events were removed before a consumer had read them: the log is full",
                          F_UINT("events", t->expired));
        }
        bool again = t->more && !e && !b->bus.closed;
        mem_free(t);
        b->trimming = false;
        if (again)
                trim(b);
        embedded_op_ends(b);
}

static void trim(struct embedded *b)
{
        if (b->trimming)
                return;
        b->trimming = true;
        struct trim_op *t = NEW(struct trim_op);
        *t = (struct trim_op){.op = {.work = work, .done = done, .weight = ROWS_PER_OP}, .b = b};
        t->now_ns = loop_wall(b->bus.loop).ns;
        embedded_op_begins(b);
        db_submit(b->db, &t->op);
}

static void on_timer(void *arg)
{
        struct embedded *b = arg;
        trim(b);
        timer_after_ms(b->bus.loop, &b->trim, EVERY_MS);
}

void embedded_trim_start(struct embedded *b)
{
        timer_init(&b->trim, on_timer, b);
        timer_after_ms(b->bus.loop, &b->trim, EVERY_MS);
}
