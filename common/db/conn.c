/* common/db/conn.c: one SQLite connection: how it is opened, its statement cache, and what its
 * failures mean to us. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/db/db_priv.h"
#include <errno.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 10000 };

static enum err_code code_of(sqlite3 *sql, int rc)
{
        switch (rc & 0xff) {
        case SQLITE_CONSTRAINT: return ERR_CONFLICT;
        case SQLITE_FULL: return ERR_FULL;
        case SQLITE_IOERR: return sqlite3_system_errno(sql) == EDQUOT ? ERR_FULL : ERR_UNAVAILABLE;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_READONLY:
        case SQLITE_NOMEM:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL: return ERR_UNAVAILABLE;
        case SQLITE_TOOBIG: return ERR_LIMIT;
        case SQLITE_NOTADB: return ERR_INVALID;
        default: return ERR_INTERNAL;
        }
}

/* Failures after which the transaction is over, whatever the single operation thinks of it. */
static bool ends_transaction(int rc)
{
        switch (rc & 0xff) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_READONLY:
        case SQLITE_NOMEM:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_CANTOPEN:
        case SQLITE_BUSY:
        case SQLITE_PROTOCOL:
        case SQLITE_INTERRUPT: return true;
        default: return false;
        }
}

static void die_of_fsync(const struct db_tx *tx)
{
        struct err e = {0};
        err_set(&e, ERR_INTERNAL, "%s", sqlite3_errmsg(tx->sql));
        log_error(log_root(),
                  "the disk failed to sync; what it holds is unknown; exiting to recover by "
                  "reopening",
                  F_STR("file", sqlite3_db_filename(tx->sql, "main")), F_ERR(&e));
        _exit(70);
}

int conn_fail(struct db_tx *tx, int rc, const char *what, struct err *e)
{
        int extended = sqlite3_extended_errcode(tx->sql);
        if ((extended & 0xff) != (rc & 0xff))
                extended = rc;
        if (tx->fatal_fsync &&
            (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC))
                die_of_fsync(tx);
        if (ends_transaction(rc))
                tx->broken = extended;
        const char *words = sqlite3_errmsg(tx->sql);
        return err_set(e, code_of(tx->sql, rc), "database: %s%s%s", what ? what : "",
                       what ? ": " : "", words);
}

int conn_run(struct db_tx *tx, const char *sql, struct err *e)
{
        int rc = sqlite3_exec(tx->sql, sql, NULL, NULL, NULL);
        return rc == SQLITE_OK ? 0 : conn_fail(tx, rc, NULL, e);
}

static int on_wal(void *arg, sqlite3 *sql UNUSED, const char *name UNUSED, int frames)
{
        struct db_tx *tx = arg;
        tx->wal_frames = frames;
        tx->committed = true;
        return SQLITE_OK;
}

/* SQLite's own autocheckpoint swallows errors, a failed fsync among them; and it runs before COMMIT
 * returns, so that the answers would wait for it. */
void conn_checkpoint(struct db_tx *tx, int min_frames)
{
        if (tx->wal_frames < min_frames)
                return;
        int rc = sqlite3_wal_checkpoint_v2(tx->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (rc == SQLITE_OK || rc == SQLITE_BUSY)
                return;
        struct err e = {0};
        conn_fail(tx, rc, "checkpoint", &e);
        log_warn(log_root(), "the write-ahead log cannot be copied back yet; it grows until it can",
                 F_ERR(&e));
        err_clear(&e);
}

int conn_open(struct db_tx **out, const char *path, int flags, struct err *e)
{
        AUTO(conn_close) struct db_tx *tx = NEW(struct db_tx);
        int rc = sqlite3_open_v2(path, &tx->sql,
                                 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        if (rc != SQLITE_OK)
                return tx->sql ? conn_fail(tx, rc, path, e)
                               : err_set(e, ERR_UNAVAILABLE, "%s: out of memory", path);
        sqlite3_busy_timeout(tx->sql, BUSY_TIMEOUT_MS);
        sqlite3_wal_hook(tx->sql, on_wal, tx); /* in the place of the automatic checkpoint */
        sqlite3_db_config(tx->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(tx->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        *out = TAKE(tx);
        return 0;
}

struct db_tx *conn_close(struct db_tx *tx)
{
        if (!tx)
                return NULL;
        for (size_t i = 0; i < tx->n_slots; i++)
                sqlite3_finalize(tx->slots[i].stmt);
        mem_free(tx->slots);
        sqlite3_close(tx->sql);
        mem_free(tx);
        return NULL;
}

/* ---- statements ---- */

static struct stmt_slot *slot_of(struct stmt_slot *slots, size_t n, const char *sql)
{
        size_t i = ((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
        for (;; i++) {
                struct stmt_slot *s = &slots[i & (n - 1)];
                if (!s->sql || s->sql == sql)
                        return s;
        }
}

static void grow(struct db_tx *tx)
{
        size_t n = tx->n_slots ? tx->n_slots * 2 : 32;
        struct stmt_slot *slots = mem_calloc(n, sizeof(*slots));
        for (size_t i = 0; i < tx->n_slots; i++)
                if (tx->slots[i].sql)
                        *slot_of(slots, n, tx->slots[i].sql) = tx->slots[i];
        mem_free(tx->slots);
        tx->slots = slots;
        tx->n_slots = n;
}

int db_stmt(sqlite3_stmt **out, struct db_tx *tx, const char *sql, struct err *e)
{
        if (2 * (tx->n_used + 1) > tx->n_slots)
                grow(tx);
        struct stmt_slot *s = slot_of(tx->slots, tx->n_slots, sql);
        if (!s->sql) {
                sqlite3_stmt *stmt;
                int rc = sqlite3_prepare_v3(tx->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                                            NULL);
                if (rc != SQLITE_OK)
                        return conn_fail(tx, rc, sql, e);
                *s = (struct stmt_slot){sql, stmt};
                tx->n_used++;
        } else {
                sqlite3_reset(s->stmt);
                sqlite3_clear_bindings(s->stmt);
        }
        *out = s->stmt;
        return 0;
}

int db_step(struct db_tx *tx, sqlite3_stmt *s, struct err *e)
{
        int rc = sqlite3_step(s);
        if (rc == SQLITE_ROW)
                return 1;
        int r = rc == SQLITE_DONE ? 0 : conn_fail(tx, rc, NULL, e);
        sqlite3_reset(s);
        return r;
}

int db_exec(struct db_tx *tx, sqlite3_stmt *s, struct err *e)
{
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                ;
        return r;
}

void conn_reset_all(struct db_tx *tx)
{
        for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(tx->sql, s));)
                if (sqlite3_stmt_busy(s))
                        sqlite3_reset(s);
}

int64_t db_changes(struct db_tx *tx)
{
        return sqlite3_changes64(tx->sql);
}

int db_read_begin(struct db_tx *tx, struct err *e)
{
        sqlite3_stmt *s;
        if (tx->depth == 0 && (db_stmt(&s, tx, "BEGIN", e) < 0 || db_exec(tx, s, e) < 0))
                return -1;
        tx->depth++;
        return 0;
}

void db_read_end(struct db_tx *tx)
{
        struct err e = {0};
        sqlite3_stmt *s;
        if (--tx->depth > 0)
                return;
        if (db_stmt(&s, tx, "COMMIT", &e) < 0 || db_exec(tx, s, &e) < 0)
                log_error(log_root(), "a read transaction did not end", F_ERR(&e));
        err_clear(&e);
}
