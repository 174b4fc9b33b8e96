/* common/store/embedded_rows.c: between JSON trees and rows. Trees are shared, not copied: only the
 * objects on the way to status.nodes are made anew. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/store/embedded.h"
#include <string.h>

void row_deinit(struct row *r)
{
        json_decref(r->body);
        *r = (struct row){0};
}

bool splits_nodes(const char *kind)
{
        return streq(kind, "Workflow.argoproj.io");
}

json_t *body_without_nodes(const json_t *obj)
{
        json_t *whole = (json_t *)(uintptr_t)obj;
        if (!json_at(obj, "status", "nodes"))
                return json_incref(whole);
        json_t *body = json_copy(whole), *status = json_copy(json_object_get(whole, "status"));
        json_object_del(status, "nodes");
        json_object_set_new(body, "status", status);
        return body;
}

json_t *with_nodes(const json_t *body, json_t *nodes_taken)
{
        json_t *whole = json_copy((json_t *)(uintptr_t)body);
        json_t *status = json_object_get(whole, "status");
        status = json_is_object(status) ? json_copy(status) : json_object();
        json_object_set_new(status, "nodes", nodes_taken);
        json_object_set_new(whole, "status", status);
        return whole;
}

/* ---- reading ---- */

int json_column(json_t **out, sqlite3_stmt *s, int column, struct err *e)
{
        const char *text = sqlite3_column_blob(s, column);
        if (json_reread(out, text ? text : "", (size_t)sqlite3_column_bytes(s, column), e) < 0)
                return err_wrap(e, "a stored object is damaged");
        return 0;
}

static void bind_key(sqlite3_stmt *s, int from, const struct key *k)
{
        sqlite3_bind_text(s, from, k->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, from + 1, k->ns, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, from + 2, k->name, -1, SQLITE_STATIC);
}

static int one_row(struct db_tx *tx, sqlite3_stmt *s, struct row *out, struct err *e)
{
        int r = db_step(tx, s, e);
        if (r <= 0)
                return r;
        struct row row = {.id = sqlite3_column_int64(s, 0), .version = sqlite3_column_int64(s, 1)};
        r = json_column(&row.body, s, 2, e) < 0 ? -1 : 1;
        sqlite3_reset(s);
        if (r > 0)
                *out = row;
        return r;
}

int row_find(struct db_tx *tx, const struct key *k, struct row *out, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT id, version, body FROM store_object WHERE kind = ? AND ns = ? AND name "
                    "= ?",
                    e) < 0)
                return -1;
        bind_key(s, 1, k);
        return one_row(tx, s, out, e);
}

int row_by_id(struct db_tx *tx, int64_t id, struct row *out, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT id, version, body FROM store_object WHERE id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, id);
        return one_row(tx, s, out, e);
}

json_t *body_and_nodes(const json_t *body, json_t *nodes_taken)
{
        if (json_object_size(nodes_taken))
                return with_nodes(body, nodes_taken);
        json_decref(nodes_taken);
        return json_incref((json_t *)(uintptr_t)body);
}

int row_with_nodes(struct db_tx *tx, const struct row *r, json_t **out, struct err *e)
{
        json_t *nodes;
        if (nodes_get(tx, r->id, &nodes, e) < 0)
                return -1;
        *out = body_and_nodes(r->body, nodes);
        return 0;
}

static int one_number(struct db_tx *tx, const char *sql_literal, int64_t *out, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, sql_literal, e) < 0 || db_step(tx, s, e) < 0)
                return -1;
        *out = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return 0;
}

int version_newest(struct db_tx *tx, int64_t *version, struct err *e)
{
        return one_number(tx, "SELECT max(version) FROM store_change", version, e);
}

int version_oldest(struct db_tx *tx, int64_t *version, struct err *e)
{
        return one_number(tx, "SELECT min(version) FROM store_change", version, e);
}

int json_bind(sqlite3_stmt *s, int column, const json_t *body)
{
        struct buf text = BUF_INIT(BUF_UNBOUNDED);
        json_put(&text, body, JSON_STYLE_COMPACT);
        return sqlite3_bind_blob64(s, column, buf_take(&text), text.len, mem_free);
}

/* ---- labels ---- */

bool label_is_indexed(const char *label)
{
        return !streq(label, "events.argoproj.io/action-timestamp");
}

int64_t label_hash(const char *kind, const char *label, const char *value)
{
        AUTO_BUF struct buf text = BUF_INIT(BUF_UNBOUNDED);
        buf_add(&text, kind, strlen(kind) + 1);
        buf_add(&text, label, strlen(label) + 1);
        buf_adds(&text, value);
        return (int64_t)fnv1a64(text.data, text.len);
}

static int label_write(struct db_tx *tx, const char *sql_literal, const char *kind, int64_t object,
                       const char *label, const json_t *value, struct err *e)
{
        sqlite3_stmt *s;
        if (!label_is_indexed(label))
                return 0;
        if (db_stmt(&s, tx, sql_literal, e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, label_hash(kind, label, json_string_value(value)));
        sqlite3_bind_int64(s, 2, object);
        return db_exec(tx, s, e);
}

/* Only what differs is written. Either may be NULL. */
static int labels_write(struct db_tx *tx, const char *kind, int64_t object, const json_t *old,
                        const json_t *new, struct err *e)
{
        static const char remove[] = "DELETE FROM store_label WHERE hash = ? AND object = ?";
        static const char add[] = "INSERT OR IGNORE INTO store_label(hash, object) VALUES(?, ?)";
        const char *label;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)old, label, value)
                if (!json_equal(value, json_object_get(new, label)) &&
                    label_write(tx, remove, kind, object, label, value, e) < 0)
                        return -1;
        json_object_foreach ((json_t *)(uintptr_t) new, label, value)
                if (!json_equal(value, json_object_get(old, label)) &&
                    label_write(tx, add, kind, object, label, value, e) < 0)
                        return -1;
        return 0;
}

/* ---- changes ---- */

static int trim_changes(struct db_tx *tx, int64_t version, struct err *e)
{
        sqlite3_stmt *s;
        if (version % 256 != 0)
                return 0;
        if (db_stmt(&s, tx, "DELETE FROM store_change WHERE version <= ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, version - CHANGES_KEPT);
        return db_exec(tx, s, e);
}

/* What selectors saw before, when they may see something else now. */
static json_t *selector_view(const json_t *body)
{
        json_t *view = json_object();
        json_put_at(view, json_incref(json_at(body, "metadata", "name")), "metadata", "name");
        json_t *ns = json_at(body, "metadata", "namespace"),
               *labels = json_at(body, "metadata", "labels");
        json_t *phase = json_at(body, "status", "phase");
        if (ns)
                json_put_at(view, json_incref(ns), "metadata", "namespace");
        if (labels)
                json_put_at(view, json_incref(labels), "metadata", "labels");
        if (phase)
                json_put_at(view, json_incref(phase), "status", "phase");
        return view;
}

struct change_row {
        int64_t object, version;
        enum change_type type;
        const json_t *was,
                *nodes; /* what selectors saw before; which nodes: a list of ids, or true for all */
        const json_t *body; /* of a deleted object */
};

static int change_insert(struct db_tx *tx, const struct key *k, const struct change_row *c,
                         struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "INSERT INTO store_change(version, object, type, kind, ns, name, was, body, "
                    "nodes)"
                    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, c->version);
        sqlite3_bind_int64(s, 2, c->object);
        sqlite3_bind_int(s, 3, (int)c->type);
        bind_key(s, 4, k);
        if (c->was)
                json_bind(s, 7, c->was);
        if (c->body)
                json_bind(s, 8, c->body);
        if (c->nodes)
                json_bind(s, 9, c->nodes);
        if (db_exec(tx, s, e) < 0)
                return -1;
        return trim_changes(tx, c->version, e);
}

/* ---- objects ---- */

int row_insert(struct db_tx *tx, const struct key *k, const json_t *body, int64_t version,
               struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "INSERT INTO store_object(id, version, kind, ns, name, body) VALUES(?1, ?1, "
                    "?2, ?3, ?4, ?5)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, version);
        bind_key(s, 2, k);
        json_bind(s, 5, body);
        if (db_exec(tx, s, e) < 0 ||
            labels_write(tx, k->kind, version, NULL, json_at(body, "metadata", "labels"), e) < 0)
                return -1;
        return change_insert(tx, k, &(struct change_row){version, version, CHANGE_ADDED}, e);
}

int row_update(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *body,
               const json_t *nodes, int64_t version, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "UPDATE store_object SET version = ?, body = ? WHERE id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, version);
        json_bind(s, 2, body);
        sqlite3_bind_int64(s, 3, old->id);
        const json_t *old_labels = json_at(old->body, "metadata", "labels"),
                     *labels = json_at(body, "metadata", "labels");
        if (db_exec(tx, s, e) < 0 || labels_write(tx, k->kind, old->id, old_labels, labels, e) < 0)
                return -1;
        AUTO_JSON json_t *before = selector_view(old->body);
        AUTO_JSON json_t *after = selector_view(body);
        struct change_row c = {old->id, version, CHANGE_MODIFIED, .nodes = nodes};
        c.was = json_equal(before, after) ? NULL : before;
        return change_insert(tx, k, &c, e);
}

int row_delete(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *last,
               int64_t version, struct err *e)
{
        sqlite3_stmt *s;
        AUTO_JSON json_t *changed = NULL;
        if (db_stmt(&s, tx, "DELETE FROM store_object WHERE id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, old->id);
        if (db_exec(tx, s, e) < 0 ||
            labels_write(tx, k->kind, old->id, json_at(old->body, "metadata", "labels"), NULL, e) <
                    0)
                return -1;
        if (splits_nodes(k->kind) && nodes_delete(tx, old->id, &changed, e) < 0)
                return -1;
        struct change_row c = {old->id, version, CHANGE_DELETED, .body = last};
        return change_insert(tx, k, &c, e);
}
