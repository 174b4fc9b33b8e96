/* common/db/migrate.c: numbered steps per component, each applied once, all in one transaction,
 * whichever of several processes comes first. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/db/db_priv.h"

static int last_step(struct db_tx *tx, const char *component, int *out, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT coalesce(max(step), 0) FROM migration WHERE component = ?", e) <
            0)
                return -1;
        sqlite3_bind_text(s, 1, component, -1, SQLITE_STATIC);
        if (db_step(tx, s, e) < 0)
                return -1;
        *out = sqlite3_column_int(s, 0);
        sqlite3_reset(s);
        return 0;
}

static int known_step(const struct db_migration *steps, size_t n, const char *component)
{
        int last = 0;
        for (size_t i = 0; i < n; i++)
                if (streq(steps[i].component, component) && steps[i].step > last)
                        last = steps[i].step;
        return last;
}

static int apply(struct db_tx *tx, const struct db_migration *m, struct err *e)
{
        sqlite3_stmt *s;
        if (conn_run(tx, m->sql, e) < 0 ||
            db_stmt(&s, tx, "INSERT INTO migration(component, step, at) VALUES(?, ?, unixepoch())",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, m->component, -1, SQLITE_STATIC);
        sqlite3_bind_int(s, 2, m->step);
        return db_exec(tx, s, e);
}

static int check(struct db *db, struct db_tx *tx, const struct db_migration *steps, size_t n,
                 struct err *e)
{
        for (size_t i = 0; i < n; i++) {
                int done, known = known_step(steps, n, steps[i].component);
                if (last_step(tx, steps[i].component, &done, e) < 0)
                        return -1;
                if (done > known)
                        return err_set(e, ERR_UNSUPPORTED,
                                       "%s was written by a newer version (%s: step %d, this "
                                       "program knows %d)",
                                       db->path, steps[i].component, done, known);
                if (db->read_only && done < known)
                        return err_set(
                                e, ERR_UNSUPPORTED,
                                "%s was written by an older version; start a daemon on it once",
                                db->path);
        }
        return 0;
}

static int apply_missing(struct db *db, const struct db_migration *steps, size_t n, struct err *e)
{
        struct db_tx *tx = db->writer;
        if (conn_run(
                    tx,
                    "CREATE TABLE IF NOT EXISTS migration(component TEXT, step INTEGER, at INTEGER,"
                    " PRIMARY KEY(component, step)) WITHOUT ROWID",
                    e) < 0 ||
            check(db, tx, steps, n, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                int done;
                if (last_step(tx, steps[i].component, &done, e) < 0)
                        return -1;
                if (steps[i].step > done && apply(tx, &steps[i], e) < 0)
                        return err_wrap(e, "%s: migration %s %d", db->path, steps[i].component,
                                        steps[i].step);
        }
        return 0;
}

static int migrate_writing(struct db *db, const struct db_migration *steps, size_t n, struct err *e)
{
        struct db_tx *tx = db->writer;
        if (conn_run(tx, "BEGIN IMMEDIATE", e) < 0)
                return -1;
        if (apply_missing(db, steps, n, e) == 0 && conn_run(tx, "COMMIT", e) == 0)
                return 0;
        conn_reset_all(tx);
        if (!sqlite3_get_autocommit(tx->sql))
                sqlite3_exec(tx->sql, "ROLLBACK", NULL, NULL, NULL);
        return -1;
}

int db_migrate(struct db *db, const struct db_migration *steps, size_t n, struct err *e)
{
        if (db->read_only)
                return check(db, db->reader, steps, n, e);
        pthread_mutex_lock(&db->writing);
        int r = wake_turn_begin(db->wake, e);
        if (r == 0) {
                r = migrate_writing(db, steps, n, e);
                wake_turn_end(db->wake);
        }
        pthread_mutex_unlock(&db->writing);
        return r;
}
