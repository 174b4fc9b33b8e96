/* common/bus/embedded_read.c: reading the log: by position, by time, by id.
 *
 * Ids of ours begin with 12 hex digits of milliseconds, and time grows with the position but for
 * steps of the clock; so an id is looked for near its time first, and only then everywhere.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/bus/embedded.h"
#include <string.h>

#define ID_SLACK_NS (60 * NS_PER_S)

int embedded_tail(struct db_tx *tx, uint64_t *pos, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT max(pos) FROM bus_event", e) < 0 || db_step(tx, s, e) < 0)
                return -1;
        *pos = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return 0;
}

/* The columns of one row by its position; *there false when it is gone. */
static int look(struct db_tx *tx, uint64_t pos, int64_t *time, int64_t *cum, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT time, cum FROM bus_event WHERE pos >= ? ORDER BY pos LIMIT 1",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)pos);
        int r = db_step(tx, s, e);
        if (r > 0) {
                *time = sqlite3_column_int64(s, 0);
                *cum = sqlite3_column_int64(s, 1);
                sqlite3_reset(s);
        }
        return r;
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

static int seek(struct db_tx *tx, bool by_time, int64_t value, uint64_t *pos, struct err *e)
{
        uint64_t from, tail;
        if (first_pos(tx, &from, e) < 0 || embedded_tail(tx, &tail, e) < 0)
                return -1;
        if (!tail) {
                *pos = 1;
                return 0;
        }
        uint64_t to = tail + 1;
        while (from < to) {
                uint64_t mid = from + (to - from) / 2;
                int64_t time = 0, cum = 0;
                if (look(tx, mid, &time, &cum, e) < 0)
                        return -1;
                if ((by_time ? time : cum) < value)
                        from = mid + 1;
                else
                        to = mid;
        }
        *pos = from;
        return 0;
}

int embedded_seek_time(struct db_tx *tx, int64_t time_ns, uint64_t *pos, struct err *e)
{
        return seek(tx, true, time_ns, pos, e);
}

int embedded_seek_cum(struct db_tx *tx, int64_t cum, uint64_t *pos, struct err *e)
{
        return seek(tx, false, cum, pos, e);
}

/* ---- messages ---- */

/* Rows of the first versions carry 32 bits of FNV-1a; what is written now is negative. */
static bool is_whole(const struct bus_msg *m, int64_t sum)
{
        return sum == (sum < 0 ? embedded_sum(m->data, m->len) : (int64_t)fnv1a32(m->data, m->len));
}

/* Columns: pos, time, sum, subject, id, data. NULL: its bytes are not those that were stored. */
static struct bus_msg *message(sqlite3_stmt *s)
{
        const void *data = sqlite3_column_blob(s, 5);
        size_t len = (size_t)sqlite3_column_bytes(s, 5);
        struct wall time = {sqlite3_column_int64(s, 1)};
        struct bus_msg *m =
                bus_msg_new((const char *)sqlite3_column_text(s, 3),
                            (const char *)sqlite3_column_text(s, 4), data, len, time, false);
        m->pos = (uint64_t)sqlite3_column_int64(s, 0);
        if (is_whole(m, sqlite3_column_int64(s, 2)))
                return m;
        metric_add(metric_series(METRIC_BUS_DAMAGED, NULL, NULL, NULL), 1);
        log_error(log_root(), "a stored event is damaged; it is not used",
                  F_UINT("position", m->pos), F_STR("id", m->id));
        return bus_msg_unref(m);
}

int embedded_read(struct bus *bus, uint64_t after, size_t scan, bus_read_fn *each, void *arg,
                  uint64_t *to, struct err *e)
{
        struct db_tx *tx = db_read(embedded_of(bus)->db);
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT pos, time, sum, subject, id, data FROM bus_event WHERE pos > ? ORDER "
                    "BY pos LIMIT ?",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)after);
        sqlite3_bind_int64(s, 2, (int64_t)scan);
        int r;
        *to = after;
        while ((r = db_step(tx, s, e)) > 0) {
                *to = (uint64_t)sqlite3_column_int64(s, 0);
                struct bus_msg *m = message(s);
                if (m && !each(arg, m))
                        break;
        }
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

int embedded_messages(struct bus *bus, const struct bus_query *q, bus_msg_fn *each, void *arg,
                      struct err *e)
{
        struct db_tx *tx = db_read(embedded_of(bus)->db);
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT pos, time, sum, subject, id, data FROM bus_event WHERE pos < ?1"
                    " AND (?2 IS NULL OR substr(subject, 1, length(?2)) = ?2) ORDER BY pos DESC "
                    "LIMIT ?3",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, q->before_pos ? (int64_t)q->before_pos : INT64_MAX);
        sqlite3_bind_text(s, 2, q->subject_prefix, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 3, (int64_t)q->limit);
        int r;
        while ((r = db_step(tx, s, e)) > 0) {
                AUTO(bus_msg_unref) struct bus_msg *m = message(s);
                if (m && !each(arg, m))
                        break;
        }
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

/* ---- by id ---- */

struct id_search {
        const char *id;
        size_t n; /* matches so far; more than one position counts */
        bool exact;
        struct bus_msg *found; /* owned */
};

static void keep(struct id_search *f, sqlite3_stmt *s)
{
        const char *id = (const char *)sqlite3_column_text(s, 4);
        bool exact = streq(id, f->id);
        if (f->exact && !exact)
                return;
        if (exact && !f->exact) {
                f->n = 0;
                f->exact = true;
        }
        uint64_t pos = (uint64_t)sqlite3_column_int64(s, 0);
        if (f->found && f->found->pos == pos)
                return;
        f->n++;
        if (!f->found || f->n == 1) {
                bus_msg_unref(f->found);
                f->found = message(s);
        }
}

/* Events with this id or prefix in [from, to). */
static int search_range(struct db_tx *tx, struct id_search *f, uint64_t from, uint64_t to,
                        struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT pos, time, sum, subject, id, data FROM bus_event WHERE pos >= ?1 AND "
                    "pos < ?2"
                    " AND substr(id, 1, length(?3)) = ?3 ORDER BY pos DESC",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, (int64_t)from);
        sqlite3_bind_int64(s, 2, (int64_t)to);
        sqlite3_bind_text(s, 3, f->id, -1, SQLITE_STATIC);
        int r;
        while ((r = db_step(tx, s, e)) > 0) {
                keep(f, s);
                if (!f->exact && f->n > 1)
                        break;
        }
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

/* Ids from upstream stand in the de-duplication index. */
static int search_dedup(struct db_tx *tx, struct id_search *f, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT e.pos, e.time, e.sum, e.subject, e.id, e.data FROM bus_dedup d JOIN "
                    "bus_event e USING(pos)"
                    " WHERE d.key = ? AND e.id = ?",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, embedded_dedup_key(f->id));
        sqlite3_bind_text(s, 2, f->id, -1, SQLITE_STATIC);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                keep(f, s);
        return r;
}

/* The milliseconds an id of ours may stem from. */
static bool id_time(const char *id, int64_t *from_ns, int64_t *to_ns)
{
        uint64_t ms = 0;
        size_t n = 0;
        for (; n < 12 && id[n]; n++) {
                const char *digit = strchr("0123456789abcdef", id[n]);
                if (!digit)
                        return false;
                ms = ms << 4 | (uint64_t)(digit - "0123456789abcdef");
        }
        unsigned shift = 4 * (unsigned)(12 - n);
        ms <<= shift;
        if (ms > INT64_MAX / NS_PER_MS / 2)
                return false;
        *from_ns = (int64_t)ms * NS_PER_MS;
        *to_ns = (int64_t)(ms + (UINT64_C(1) << shift)) * NS_PER_MS;
        return true;
}

static int search_near(struct db_tx *tx, struct id_search *f, struct err *e)
{
        int64_t from_ns, to_ns;
        uint64_t from, to;
        if (!id_time(f->id, &from_ns, &to_ns))
                return 0;
        if (embedded_seek_time(tx, from_ns - ID_SLACK_NS, &from, e) < 0 ||
            embedded_seek_time(tx, to_ns + ID_SLACK_NS, &to, e) < 0)
                return -1;
        return search_range(tx, f, from, to, e);
}

static int search(struct db_tx *tx, struct id_search *f, struct err *e)
{
        if (search_dedup(tx, f, e) < 0)
                return -1;
        if (!f->n && search_near(tx, f, e) < 0)
                return -1;
        return f->n ? 0 : search_range(tx, f, 0, INT64_MAX, e);
}

int embedded_by_id(struct bus *bus, const char *id, struct bus_msg **out, struct err *e)
{
        struct db_tx *tx = db_read(embedded_of(bus)->db);
        struct id_search f = {.id = id};
        int r = search(tx, &f, e);
        if (r == 0 && !f.found)
                r = err_set(e, ERR_NOT_FOUND, "no event %s", id);
        else if (r == 0 && f.n > 1)
                r = err_set(e, ERR_INVALID, "several events have or begin with id %s", id);
        if (r == 0)
                *out = TAKE(f.found);
        bus_msg_unref(f.found);
        return r;
}
