/* common/bus/embedded_state.c: positions, commits and state of the embedded bus.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/bus/embedded.h"
#include <string.h>

/* ---- committer ---- */

int embedded_put(struct db_tx *tx, const struct bus_put *p, struct err *e)
{
        sqlite3_stmt *s;
        if (!p->value) {
                if (db_stmt(&s, tx, "DELETE FROM bus_state WHERE space = ? AND key = ?", e) < 0)
                        return -1;
        } else {
                if (db_stmt(&s, tx,
                            "INSERT INTO bus_state(space, key, value) VALUES(?1, ?2, ?3)"
                            " ON CONFLICT DO UPDATE SET value = ?3",
                            e) < 0)
                        return -1;
                sqlite3_bind_blob64(s, 3, p->value, p->len, SQLITE_STATIC);
        }
        sqlite3_bind_text(s, 1, p->space, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 2, p->key, -1, SQLITE_STATIC);
        return db_exec(tx, s, e);
}

int embedded_move_position(struct db_tx *tx, const char *name, uint64_t position, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "INSERT INTO bus_consumer(name, position) VALUES(?1, ?2)"
                    " ON CONFLICT DO UPDATE SET position = ?2 WHERE position < ?2",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, (int64_t)position);
        return db_exec(tx, s, e);
}

static int run_named(struct db_tx *tx, const char *sql_literal, const char *name, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, sql_literal, e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        return db_exec(tx, s, e);
}

static int forget(struct db_tx *tx, const char *name, struct err *e)
{
        if (run_named(tx, "DELETE FROM bus_consumer WHERE name = ?", name, e) < 0 ||
            run_named(tx, "DELETE FROM bus_subject WHERE consumer = ?", name, e) < 0)
                return -1;
        return run_named(tx, "DELETE FROM bus_state WHERE space = 'expired/' || ?", name, e);
}

struct commit_op {
        struct db_op op;
        struct embedded *b;
        struct bus_commit *c;
};

static int commit_work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        const struct bus_commit *c = container_of(op, struct commit_op, op)->c;
        if (c->forget && forget(tx, c->name, e) < 0)
                return -1;
        if (!c->forget && c->name && c->position &&
            embedded_move_position(tx, c->name, c->position, e) < 0)
                return -1;
        for (size_t i = 0; i < c->n; i++)
                if (embedded_put(tx, &c->puts[i], e) < 0)
                        return -1;
        return 0;
}

/* ---- loop ---- */

static void commit_done(struct db_op *op, const struct err *e)
{
        struct commit_op *co = container_of(op, struct commit_op, op);
        struct embedded *b = co->b;
        bus_commit_answer(co->c, e);
        mem_free(co);
        embedded_op_ends(b);
}

void embedded_commit(struct bus *bus, struct bus_commit *c)
{
        struct embedded *b = embedded_of(bus);
        struct commit_op *co = NEW(struct commit_op);
        *co = (struct commit_op){.op = {.work = commit_work, .done = commit_done}, .b = b, .c = c};
        co->op.weight = (unsigned)c->n + 1;
        embedded_op_begins(b);
        db_submit(b->db, &co->op);
}

/* ---- opening a consumer ---- */

struct enrol_op { /* one allocation: subjects and name behind it */
        struct db_op op;
        struct embedded *b;
        char *name, **subjects; /* NULL: all */
        uint64_t position;
};

static int insert_subjects(struct db_tx *tx, const struct enrol_op *o, struct err *e)
{
        if (run_named(tx, "DELETE FROM bus_subject WHERE consumer = ?", o->name, e) < 0)
                return -1;
        for (size_t i = 0; o->subjects && o->subjects[i]; i++) {
                sqlite3_stmt *s;
                if (db_stmt(&s, tx,
                            "INSERT OR IGNORE INTO bus_subject(consumer, subject) VALUES(?, ?)",
                            e) < 0)
                        return -1;
                sqlite3_bind_text(s, 1, o->name, -1, SQLITE_STATIC);
                sqlite3_bind_text(s, 2, o->subjects[i], -1, SQLITE_STATIC);
                if (db_exec(tx, s, e) < 0)
                        return -1;
        }
        return 0;
}

static int enrol_work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct enrol_op *o = container_of(op, struct enrol_op, op);
        if (embedded_move_position(tx, o->name, o->position, e) < 0)
                return -1;
        return insert_subjects(tx, o, e);
}

static void enrol_done(struct db_op *op, const struct err *e)
{
        struct enrol_op *o = container_of(op, struct enrol_op, op);
        struct embedded *b = o->b;
        if (e && !b->bus.closed)
                log_warn(log_root(), "a new consumer is not stored yet; its first commit does it",
                         F_STR("consumer", o->name), F_ERR(e));
        for (size_t i = 0; o->subjects && o->subjects[i]; i++)
                mem_free(o->subjects[i]);
        mem_free(o->subjects);
        mem_free(o->name);
        mem_free(o);
        embedded_op_ends(b);
}

/* Retention asks the table which subjects a consumer waits for. */
static void enrol(struct embedded *b, const struct bus_consumer_options *co, uint64_t position)
{
        struct enrol_op *o = NEW(struct enrol_op);
        *o = (struct enrol_op){
                .op = {.work = enrol_work, .done = enrol_done}, .b = b, .position = position};
        o->name = mem_strdup(co->name);
        if (co->subjects) {
                size_t n = 0;
                while (co->subjects[n])
                        n++;
                o->subjects = mem_calloc(n + 1, sizeof(*o->subjects));
                for (size_t i = 0; i < n; i++)
                        o->subjects[i] = mem_strdup(co->subjects[i]);
        }
        embedded_op_begins(b);
        db_submit(b->db, &o->op);
}

static int find_consumer(struct db_tx *tx, const char *name, uint64_t *position, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT position FROM bus_consumer WHERE name = ?", e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        int r = db_step(tx, s, e);
        if (r > 0) {
                *position = (uint64_t)sqlite3_column_int64(s, 0);
                sqlite3_reset(s);
        }
        return r;
}

/* What is on its way must be seen by whoever reads next. */
static struct db_tx *settled(struct embedded *b)
{
        if (b->on_their_way)
                db_settle(b->db);
        return db_read(b->db);
}

int embedded_open_consumer(struct bus *bus, const struct bus_consumer_options *o,
                           uint64_t *position, struct err *e)
{
        struct embedded *b = embedded_of(bus);
        struct db_tx *tx = settled(b);
        int found = find_consumer(tx, o->name, position, e);
        if (found < 0)
                return -1;
        if (!found) {
                uint64_t first;
                if (embedded_seek_time(tx, o->start_at.ns, &first, e) < 0)
                        return -1;
                *position = first - 1;
        }
        if (embedded_tail(tx, &bus->tail, e) < 0) /* not followed while there was no consumer */
                return -1;
        enrol(b, o, *position);
        return 0;
}

/* ---- looking ---- */

/* The smallest text that is greater than every text with this prefix; empty: there is none. */
static char *after_prefix(const char *prefix)
{
        char *end = mem_strdup(prefix);
        size_t n = strlen(end);
        while (n && (unsigned char)end[n - 1] == 0xff)
                n--;
        end[n] = '\0';
        if (n)
                end[n - 1]++;
        return end;
}

int embedded_state_each(struct bus *bus, const char *space, const char *prefix, bus_state_fn *each,
                        void *arg, struct err *e)
{
        struct db_tx *tx = settled(embedded_of(bus));
        AUTO(mem_free) char *end = after_prefix(prefix);
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT key, value FROM bus_state WHERE space = ?1 AND key >= ?2 AND (?3 = '' "
                    "OR key < ?3)"
                    " ORDER BY key",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, space, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 2, prefix, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 3, end, -1, SQLITE_STATIC);
        int r;
        while ((r = db_step(tx, s, e)) > 0) {
                size_t n = (size_t)sqlite3_column_bytes(s, 1);
                AUTO(mem_free) char *value = mem_strndup(sqlite3_column_blob(s, 1), n);
                if (!each(arg, (const char *)sqlite3_column_text(s, 0), value, n))
                        break;
        }
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

int embedded_spaces_each(struct bus *bus, const char *prefix, bus_space_fn *each, void *arg,
                         struct err *e)
{
        struct db_tx *tx = settled(embedded_of(bus));
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT DISTINCT space FROM bus_state WHERE space >= ?1 AND substr(space, 1, "
                    "length(?1)) = ?1"
                    " ORDER BY space",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, prefix, -1, SQLITE_STATIC);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                if (!each(arg, (const char *)sqlite3_column_text(s, 0)))
                        break;
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

int embedded_consumers_each(struct bus *bus, bus_consumer_fn *each, void *arg, struct err *e)
{
        struct db_tx *tx = settled(embedded_of(bus));
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT name, position FROM bus_consumer ORDER BY name", e) < 0)
                return -1;
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                if (!each(arg, (const char *)sqlite3_column_text(s, 0),
                          (uint64_t)sqlite3_column_int64(s, 1)))
                        break;
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}
