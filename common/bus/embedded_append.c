/* common/bus/embedded_append.c: the hot path: all appends of a turn are one operation and one
 * prepared INSERT. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/bus/embedded.h"
#include <string.h>

enum { CONFLICTS_KEPT = 1000, SPARE_CAP = 1024 };

/* ---- committer ---- */

struct end { /* of the log, inside the transaction */
        int64_t pos, cum;
};

static int find_end(struct db_tx *tx, struct end *end, struct err *e)
{
        sqlite3_stmt *s;
        *end = (struct end){0};
        if (db_stmt(&s, tx, "SELECT pos, cum FROM bus_event ORDER BY pos DESC LIMIT 1", e) < 0)
                return -1;
        int r = db_step(tx, s, e);
        if (r > 0) {
                *end = (struct end){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
                sqlite3_reset(s);
        }
        return r < 0 ? -1 : 0;
}

static int insert(struct db_tx *tx, sqlite3_stmt *s, const struct bus_msg *m, struct end *end,
                  struct err *e)
{
        sqlite3_bind_int64(s, 1, end->pos + 1);
        sqlite3_bind_int64(s, 2, m->time.ns);
        sqlite3_bind_int64(s, 3, end->cum + (int64_t)m->len);
        sqlite3_bind_int64(s, 4, embedded_sum(m->data, m->len));
        sqlite3_bind_text(s, 5, m->subject, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 6, m->id, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(s, 7, m->data, m->len, SQLITE_STATIC);
        if (db_exec(tx, s, e) < 0)
                return -1;
        end->pos++;
        end->cum += (int64_t)m->len;
        return 0;
}

int64_t embedded_dedup_key(const char *id)
{
        unsigned char digest[32];
        int64_t key;
        sha256_of(id, strlen(id), digest);
        memcpy(&key, digest, sizeof(key));
        return key;
}

static int64_t content_of(const struct bus_msg *m)
{
        return (int64_t)(m->fingerprint ? m->fingerprint : fnv1a64(m->data, m->len));
}

/* 1: known, with *pos and *outcome. */
static int recognise(struct db_tx *tx, const struct embedded *b, struct append_item *it,
                     struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT pos, content FROM bus_dedup WHERE key = ? AND subject = ? AND time >= ?"
                    " ORDER BY pos DESC LIMIT 1",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, embedded_dedup_key(it->m->id));
        sqlite3_bind_text(s, 2, it->m->subject, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 3, it->m->time.ns - b->bus.o.dedup_window_ms * NS_PER_MS);
        int r = db_step(tx, s, e);
        if (r > 0) {
                it->pos = (uint64_t)sqlite3_column_int64(s, 0);
                it->outcome = sqlite3_column_int64(s, 1) == content_of(it->m) ? BUS_DUPLICATE
                                                                              : BUS_CONFLICT;
                sqlite3_reset(s);
        }
        return r;
}

static int remember(struct db_tx *tx, const struct append_item *it, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "INSERT INTO bus_dedup(pos, time, key, content, subject) VALUES(?, ?, ?, ?, ?)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)it->pos);
        sqlite3_bind_int64(s, 2, it->m->time.ns);
        sqlite3_bind_int64(s, 3, embedded_dedup_key(it->m->id));
        sqlite3_bind_int64(s, 4, content_of(it->m));
        sqlite3_bind_text(s, 5, it->m->subject, -1, SQLITE_STATIC);
        return db_exec(tx, s, e);
}

static void conflict_value(struct buf *value, const struct append_item *it)
{
        char at[40];
        time_rfc3339_nano(it->m->time.ns, at);
        buf_addf(value,
                 "{\"storedPosition\":%llu,\"at\":\"%s\",\"data\":", (unsigned long long)it->pos,
                 at);
        json_put_string(value, it->m->data, it->m->len);
        buf_addc(value, '}');
}

/* The refused bytes are kept where people can look; the oldest records of a subject make room. */
static int record_conflict(struct db_tx *tx, const struct append_item *it, struct err *e)
{
        AUTO(mem_free) char *space = mem_printf("conflict/%s", it->m->subject);
        AUTO(mem_free)
        char *key = mem_printf("%016llx %s", (unsigned long long)it->m->time.ns, it->m->id);
        AUTO_BUF struct buf value = BUF_INIT(BUF_UNBOUNDED);
        conflict_value(&value, it);
        sqlite3_stmt *s;
        if (embedded_put(tx, &(struct bus_put){space, key, value.data, value.len}, e) < 0 ||
            db_stmt(&s, tx,
                    "DELETE FROM bus_state WHERE space = ?1 AND key <= (SELECT key FROM bus_state "
                    "WHERE space = ?1"
                    " ORDER BY key DESC LIMIT 1 OFFSET ?2)",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, space, -1, SQLITE_STATIC);
        sqlite3_bind_int(s, 2, CONFLICTS_KEPT);
        return db_exec(tx, s, e);
}

static int store_one(struct db_tx *tx, sqlite3_stmt *s, const struct embedded *b,
                     struct append_item *it, struct end *end, struct err *e)
{
        if (it->m->dedup) {
                int known = recognise(tx, b, it, e);
                if (known)
                        return known < 0                     ? -1
                               : it->outcome == BUS_CONFLICT ? record_conflict(tx, it, e)
                                                             : 0;
        }
        if (insert(tx, s, it->m, end, e) < 0)
                return -1;
        it->outcome = BUS_STORED;
        it->pos = (uint64_t)end->pos;
        return it->m->dedup ? remember(tx, it, e) : 0;
}

static int work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct append_op *a = container_of(op, struct append_op, op);
        struct end end;
        sqlite3_stmt *s;
        if (find_end(tx, &end, e) < 0 || db_stmt(&s, tx,
                                                 "INSERT INTO bus_event(pos, time, cum, sum, "
                                                 "subject, id, data) VALUES(?, ?, ?, ?, ?, ?, ?)",
                                                 e) < 0)
                return -1;
        for (size_t i = 0; i < a->n; i++)
                if (store_one(tx, s, a->b, &a->items[i], &end, e) < 0)
                        return -1;
        return 0;
}

/* ---- loop ---- */

static size_t collect_stored(struct bus_msg **out, const struct append_op *a)
{
        size_t n = 0;
        for (size_t i = 0; i < a->n; i++)
                if (a->items[i].outcome == BUS_STORED) {
                        a->items[i].m->pos = a->items[i].pos;
                        out[n++] = a->items[i].m;
                }
        return n;
}

/* Between the INSERTs and their commit: consumers who keep up decide now, and share the sync. */
static void executed(struct db_op *op)
{
        struct append_op *a = container_of(op, struct append_op, op);
        AUTO(mem_free) struct bus_msg **stored = mem_calloc(a->n, sizeof(*stored));
        size_t n = collect_stored(stored, a);
        if (n && bus_offer(&a->b->bus, stored, n))
                a->offered = stored[0]->pos;
}

static void tell_of_offer(struct append_op *a, bool holds)
{
        uint64_t from = a->offered;
        if (!from)
                return;
        if (holds) {
                bus_offer_holds(&a->b->bus);
        } else {
                a->offered = 0;
                bus_take_back(&a->b->bus, from);
        }
}

void embedded_append_op_free(struct append_op *a)
{
        mem_free(a->items);
        mem_free(a);
}

static void answer(struct append_op *a, struct append_item *it, const struct err *e)
{
        struct embedded *b = a->b;
        if (!e && it->outcome == BUS_STORED && !a->offered) {
                it->m->pos = it->pos;
                bus_stored(&b->bus, it->m);
        }
        bus_done_fn *tell = TAKE(it->done);
        if (tell)
                bus_append_answer(&b->bus, it->m, tell, it->arg, it->outcome, it->pos, e);
        bus_msg_unref(it->m);
}

static void done(struct db_op *op, const struct err *e)
{
        struct append_op *a = container_of(op, struct append_op, op);
        struct embedded *b = a->b;
        if (b->gathering == a)
                b->gathering = NULL;
        tell_of_offer(a, !e && !op->parted);
        uint64_t last = 0;
        for (size_t i = 0; i < a->n; i++) {
                if (!e && a->items[i].outcome == BUS_STORED)
                        last = a->items[i].pos;
                answer(a, &a->items[i], e);
        }
        if (b->bus.consumers)
                bus_tail_moved(&b->bus, last);
        *a->prev = a->next;
        if (a->next)
                a->next->prev = a->prev;
        a->n = 0;
        if (b->spare || a->cap > SPARE_CAP)
                embedded_append_op_free(a);
        else
                b->spare = a;
        embedded_op_ends(b);
}

static struct append_op *gathering(struct embedded *b)
{
        if (b->gathering && db_op_open(b->db, &b->gathering->op))
                return b->gathering;
        struct append_op *a = b->spare ? TAKE(b->spare) : NEW(struct append_op);
        a->b = b;
        a->op = (struct db_op){.work = work, .executed = executed, .done = done, .overtakes = true};
        a->offered = 0;
        a->next = b->appends;
        a->prev = &b->appends;
        if (a->next)
                a->next->prev = &a->next;
        b->appends = a;
        embedded_op_begins(b);
        db_submit(b->db, &a->op);
        return b->gathering = a;
}

void embedded_append(struct bus *bus, struct bus_msg *m, bus_done_fn *done_fn, void *arg)
{
        struct append_op *a = gathering(embedded_of(bus));
        mem_grow(a->items, a->cap, a->n + 1);
        a->items[a->n++] = (struct append_item){.m = m, .done = done_fn, .arg = arg};
        a->op.weight = (unsigned)a->n;
}

/* The bus closes: those who wait are told now; what is on its way goes on without them. */
void embedded_append_forsake(struct embedded *b)
{
        struct err e = {0};
        err_set(&e, ERR_TIMEOUT, "the bus is closing; whether this event was stored is unknown");
        for (struct append_op *a = b->appends; a; a = a->next)
                for (size_t i = 0; i < a->n; i++) {
                        bus_done_fn *tell = TAKE(a->items[i].done);
                        if (tell)
                                bus_append_answer(&b->bus, a->items[i].m, tell, a->items[i].arg,
                                                  BUS_STORED, 0, &e);
                }
        err_clear(&e);
}
