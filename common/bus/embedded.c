/* common/bus/embedded.c: the bus in our SQLite file: tables, opening, closing.
 *
 * bus_event is the log itself and has no index but its position: what the hot path does not pay
 * for. `cum` is the number of data bytes up to and including the row, so that "how many bytes lie
 * between two positions" is two look-ups; `sum` guards the bytes. The newest row is never deleted:
 * positions go on from it. SPDX-License-Identifier: Apache-2.0 */
#include "common/bus/embedded.h"
#include "common/base/log.h"

static const struct db_migration steps[] = {
        {"bus", 1,
         "CREATE TABLE bus_event(pos INTEGER PRIMARY KEY, time INTEGER, cum INTEGER, sum INTEGER, "
         "subject TEXT, id TEXT,"
         " data BLOB);"
         "CREATE TABLE bus_dedup(pos INTEGER PRIMARY KEY, time INTEGER, key INTEGER, content "
         "INTEGER, subject TEXT);"
         "CREATE INDEX bus_dedup_key ON bus_dedup(key);"
         "CREATE TABLE bus_state(space TEXT, key TEXT, value BLOB, PRIMARY KEY(space, key)) "
         "WITHOUT ROWID;"
         "CREATE TABLE bus_consumer(name TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID;"
         "CREATE TABLE bus_subject(consumer TEXT, subject TEXT, PRIMARY KEY(consumer, subject)) "
         "WITHOUT ROWID"},
};

static void on_change(void *arg)
{
        struct embedded *b = arg;
        if (!b->bus.consumers ||
            !(db_touched(b->db) & DB_BY_OTHERS)) /* of our own we know already */
                return;
        uint64_t tail;
        struct err e = {0};
        if (embedded_tail(db_read(b->db), &tail, &e) == 0) {
                bus_tail_moved(&b->bus, tail);
                return;
        }
        log_error(log_root(), "the bus cannot be read", F_ERR(&e));
        err_clear(&e);
}

static void embedded_free(struct embedded *b)
{
        bus_deinit(&b->bus);
        if (b->spare)
                embedded_append_op_free(b->spare);
        mem_free(b);
}

void embedded_op_begins(struct embedded *b)
{
        b->on_their_way++;
}

void embedded_op_ends(struct embedded *b)
{
        if (--b->on_their_way == 0 && b->bus.closed)
                embedded_free(b);
}

static void embedded_close(struct bus *bus)
{
        struct embedded *b = embedded_of(bus);
        db_off_change(b->db, &b->changed);
        timer_cancel(bus->loop, &b->trim);
        embedded_append_forsake(b);
        if (!b->on_their_way)
                embedded_free(b);
}

static void set_patient(struct bus *b, bool patient)
{
        db_patient(embedded_of(b)->db, patient);
}

int bus_embedded(struct bus **out, struct db *db, const struct bus_options *o, struct err *e)
{
        static const struct bus_driver driver = {
                .name = "embedded",
                .close = embedded_close,
                .append = embedded_append,
                .commit = embedded_commit,
                .open_consumer = embedded_open_consumer,
                .read = embedded_read,
                .state_each = embedded_state_each,
                .spaces_each = embedded_spaces_each,
                .consumers_each = embedded_consumers_each,
                .messages = embedded_messages,
                .by_id = embedded_by_id,
                .patient = set_patient,
        };
        if (db_migrate(db, steps, ARRAY_LEN(steps), e) < 0)
                return -1;
        uint64_t tail;
        if (embedded_tail(db_read(db), &tail, e) < 0)
                return -1;
        struct embedded *b = NEW(struct embedded);
        bus_init(&b->bus, &driver, db_loop(db), o);
        b->db = db;
        b->bus.tail = tail;
        db_on_change(db, &b->changed, on_change, b);
        if (!db_read_only(db))
                embedded_trim_start(b);
        *out = &b->bus;
        return 0;
}
