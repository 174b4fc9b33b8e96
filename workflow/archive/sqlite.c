/* workflow/archive/sqlite.c: the archive in the data folder's SQLite file.
 *
 * Tables: archive_workflow, one row per workflow with the object without its nodes (lists read
 * nothing else); archive_node, its nodes in their order, copied from the store's rows on the
 * committer without parsing them; archive_label, for selectors and for the lists of keys and
 * values. Writing is an operation of the database (db.h); reading answers at the end of the turn.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/archive/sqlite.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/raw.h"
#include <stdlib.h>

static const struct db_migration steps[] = {
        {"archive", 1,
         "CREATE TABLE archive_workflow(id INTEGER PRIMARY KEY, uid TEXT UNIQUE, ns TEXT, name "
         "TEXT,"
         " phase TEXT, created INTEGER, started INTEGER, finished INTEGER, body BLOB);"
         "CREATE INDEX archive_started ON archive_workflow(started);"
         "CREATE INDEX archive_finished ON archive_workflow(finished);"
         "CREATE INDEX archive_name ON archive_workflow(ns, name);"
         "CREATE TABLE archive_label(key TEXT, value TEXT, workflow INTEGER,"
         " PRIMARY KEY(key, value, workflow)) WITHOUT ROWID;"
         "CREATE INDEX archive_label_of ON archive_label(workflow);"
         "CREATE TABLE archive_node(workflow INTEGER, pos INTEGER, id TEXT, body BLOB,"
         " PRIMARY KEY(workflow, pos))"},
};

static int run_sql(struct db_tx *tx, const char *literal, int64_t number, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, literal, e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, number);
        return db_exec(tx, s, e);
}

/* ---- writing: all on the committer ---- */

struct write {
        struct db_op op;
        struct store_ref ref; /* strings below */
        char *ns, *name, *uid;
        json_t *workflow; /* put */
        int64_t before;   /* trim */
        int64_t deleted;
        struct err refused; /* expected: not there */
        archive_done_fn *done;
        void *arg;
};

static int remove_row(struct db_tx *tx, int64_t id, struct err *e)
{
        if (run_sql(tx, "DELETE FROM archive_node WHERE workflow = ?", id, e) < 0 ||
            run_sql(tx, "DELETE FROM archive_label WHERE workflow = ?", id, e) < 0)
                return -1;
        return run_sql(tx, "DELETE FROM archive_workflow WHERE id = ?", id, e);
}

/* 1 found, 0 not. */
static int find_uid(struct db_tx *tx, const char *uid, int64_t *id, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT id FROM archive_workflow WHERE uid = ?", e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, uid, -1, SQLITE_STATIC);
        int r = db_step(tx, s, e);
        if (r > 0)
                *id = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return r;
}

static int insert_row(struct db_tx *tx, const struct archive_row *row, const json_t *body,
                      int64_t *id, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT coalesce(max(id), 0) + 1 FROM archive_workflow", e) < 0 ||
            db_step(tx, s, e) < 0)
                return -1;
        *id = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        if (db_stmt(&s, tx,
                    "INSERT INTO archive_workflow(id, uid, ns, name, phase, created, started,"
                    " finished, body) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    e) < 0)
                return -1;
        struct buf text = BUF_INIT(BUF_UNBOUNDED);
        json_put(&text, body, JSON_STYLE_COMPACT);
        sqlite3_bind_int64(s, 1, *id);
        sqlite3_bind_text(s, 2, row->uid, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 3, row->ns, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 4, row->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 5, row->phase, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 6, row->created);
        sqlite3_bind_int64(s, 7, row->started);
        sqlite3_bind_int64(s, 8, row->finished);
        sqlite3_bind_blob64(s, 9, buf_take(&text), text.len, mem_free);
        return db_exec(tx, s, e);
}

static int insert_labels(struct db_tx *tx, int64_t id, const json_t *body, struct err *e)
{
        const char *key;
        json_t *value;
        json_object_foreach (json_at(body, "metadata", "labels"), key, value) {
                sqlite3_stmt *s;
                if (!json_is_string(value))
                        continue;
                if (db_stmt(&s, tx,
                            "INSERT INTO archive_label(key, value, workflow) VALUES(?, ?, ?)",
                            e) < 0)
                        return -1;
                sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
                sqlite3_bind_text(s, 2, json_string_value(value), -1, SQLITE_STATIC);
                sqlite3_bind_int64(s, 3, id);
                if (db_exec(tx, s, e) < 0)
                        return -1;
        }
        return 0;
}

struct nodes {
        struct db_tx *tx;
        int64_t id, pos;
};

static int insert_node(void *arg, const char *node_id, const void *json, size_t n, struct err *e)
{
        struct nodes *nodes = arg;
        sqlite3_stmt *s;
        if (db_stmt(&s, nodes->tx,
                    "INSERT INTO archive_node(workflow, pos, id, body) VALUES(?, ?, ?, ?)", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, nodes->id);
        sqlite3_bind_int64(s, 2, nodes->pos++);
        sqlite3_bind_text(s, 3, node_id, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(s, 4, json, n, SQLITE_STATIC);
        return db_exec(nodes->tx, s, e);
}

/* The object without nodes; an older row of the same workflow goes. */
static int store_body(struct db_tx *tx, const json_t *body, int64_t *id, struct err *e)
{
        struct archive_row row;
        int64_t old;
        if (archive_row_of(&row, body, e) < 0)
                return -1;
        int found = find_uid(tx, row.uid, &old, e);
        if (found < 0 || (found && remove_row(tx, old, e) < 0))
                return -1;
        return insert_row(tx, &row, body, id, e) < 0 ? -1 : insert_labels(tx, *id, body, e);
}

static int run_take(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct write *w = container_of(op, struct write, op);
        AUTO_JSON json_t *body = NULL;
        int64_t object = 0, id = 0;
        err_clear(&w->refused);
        int found = store_raw_find(tx, w->ref, &object, &body, e);
        if (found < 0)
                return -1;
        if (!found || !streq(obj_uid(body), w->uid)) {
                err_set(&w->refused, ERR_NOT_FOUND, "workflow %s is gone", w->name);
                return 0;
        }
        if (store_body(tx, body, &id, e) < 0)
                return -1;
        struct nodes nodes = {tx, id, 0};
        return store_raw_each_node(tx, object, insert_node, &nodes, e);
}

static int run_put(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct write *w = container_of(op, struct write, op);
        json_t *nodes = json_at(w->workflow, "status", "nodes"), *node;
        AUTO_JSON json_t *body = json_copy(w->workflow),
                         *status = json_copy(json_object_get(body, "status"));
        const char *node_id;
        int64_t id;
        if (status) {
                json_object_del(status, "nodes");
                json_object_set(body, "status", status);
        }
        if (store_body(tx, body, &id, e) < 0)
                return -1;
        struct nodes into = {tx, id, 0};
        json_object_foreach (nodes, node_id, node) {
                AUTO(mem_free) char *text = json_text(node, JSON_STYLE_COMPACT);
                if (insert_node(&into, node_id, text, strlen(text), e) < 0)
                        return -1;
        }
        return 0;
}

static int run_remove(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct write *w = container_of(op, struct write, op);
        int64_t id;
        err_clear(&w->refused);
        int found = find_uid(tx, w->uid, &id, e);
        if (found < 0)
                return -1;
        if (!found) {
                err_set(&w->refused, ERR_NOT_FOUND,
                        "there is no workflow with uid %s in the archive", w->uid);
                return 0;
        }
        return remove_row(tx, id, e);
}

/* One workflow after the other: the statements above are those of one row. */
static int run_trim(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct write *w = container_of(op, struct write, op);
        w->deleted = 0;
        for (;;) {
                sqlite3_stmt *s;
                if (db_stmt(&s, tx,
                            "SELECT id FROM archive_workflow WHERE finished > 0 AND finished < ?"
                            " LIMIT 1",
                            e) < 0)
                        return -1;
                sqlite3_bind_int64(s, 1, w->before);
                int r = db_step(tx, s, e);
                int64_t id = r > 0 ? sqlite3_column_int64(s, 0) : 0;
                sqlite3_reset(s);
                if (r <= 0)
                        return r;
                if (remove_row(tx, id, e) < 0)
                        return -1;
                w->deleted++;
        }
}

static void on_written(struct db_op *op, const struct err *e)
{
        struct write *w = container_of(op, struct write, op);
        AUTO_JSON json_t *answer = json_pack("{s:I}", "deleted", (json_int_t)w->deleted);
        if (!e && err_is_set(&w->refused))
                e = &w->refused;
        w->done(w->arg, e ? NULL : answer, e);
        err_clear(&w->refused);
        json_decref(w->workflow);
        free(w->ns);
        free(w->name);
        free(w->uid);
        free(w);
}

static struct write *write_new(int (*work)(struct db_tx *, struct db_op *, struct err *),
                               archive_done_fn *done, void *arg)
{
        struct write *w = NEW(struct write);
        w->op = (struct db_op){.work = work, .done = on_written};
        w->done = done;
        w->arg = arg;
        return w;
}

static void sqlite_take(struct archive *a, struct store_ref ref, const char *uid,
                        archive_done_fn *done, void *arg)
{
        struct write *w = write_new(run_take, done, arg);
        w->ns = mem_strdup(ref.ns);
        w->name = mem_strdup(ref.name);
        w->uid = mem_strdup(uid);
        w->ref = (struct store_ref){ref.kind, w->ns, w->name};
        db_submit(archive_sqlite_of(a)->db, &w->op);
}

static void sqlite_put(struct archive *a, const json_t *workflow, archive_done_fn *done, void *arg)
{
        struct write *w = write_new(run_put, done, arg);
        w->workflow = json_deep_copy(workflow);
        db_submit(archive_sqlite_of(a)->db, &w->op);
}

static void sqlite_remove(struct archive *a, const char *uid, archive_done_fn *done, void *arg)
{
        struct write *w = write_new(run_remove, done, arg);
        w->uid = mem_strdup(uid);
        db_submit(archive_sqlite_of(a)->db, &w->op);
}

static void sqlite_trim(struct archive *a, struct wall before, archive_done_fn *done, void *arg)
{
        struct write *w = write_new(run_trim, done, arg);
        w->before = before.ns;
        db_submit(archive_sqlite_of(a)->db, &w->op);
}

/* ---- life ---- */

static bool has_tables(struct db *db)
{
        sqlite3_stmt *s;
        struct err e = {0};
        int r = db_stmt(&s, db_read(db),
                        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = "
                        "'archive_workflow'",
                        &e) < 0
                        ? -1
                        : db_step(db_read(db), s, &e);
        if (r > 0)
                sqlite3_reset(s);
        err_clear(&e);
        return r > 0;
}

static void sqlite_close(struct archive *a)
{
        struct sqlite_archive *s = archive_sqlite_of(a);
        archive_sqlite_forsake(s);
        free(s);
}

int archive_sqlite(struct archive **out, struct db *db, struct err *e)
{
        static const struct archive_driver driver = {
                "sqlite",      sqlite_close,       sqlite_put,
                sqlite_take,   archive_sqlite_get, archive_sqlite_list,
                sqlite_remove, sqlite_trim,        archive_sqlite_labels};
        bool empty = db_read_only(db) && !has_tables(db);
        if (!empty && db_migrate(db, steps, ARRAY_LEN(steps), e) < 0)
                return err_wrap(e, "archive");
        struct sqlite_archive *s = NEW(struct sqlite_archive);
        s->archive = (struct archive){&driver, db_loop(db)};
        s->db = db;
        s->empty = empty;
        *out = &s->archive;
        return 0;
}
