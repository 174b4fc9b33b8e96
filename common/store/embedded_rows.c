/* common/store/embedded_rows.c: between JSON trees and rows. Trees are shared, not copied: only the
 * objects on the way to status.nodes are made anew. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/store/embedded.h"

/* A node's position holds its object's id and its number: all nodes of an object lie together, in
 * order. */
enum { NODE_BITS = 24 };
#define NODE_MAX ((INT64_C(1) << NODE_BITS) - 1)

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
        json_error_t je;
        *out = json_loadb(text ? text : "", (size_t)sqlite3_column_bytes(s, column),
                          JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
        if (!*out)
                return err_set(e, ERR_INTERNAL, "a stored object is damaged: %s", je.text);
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

int row_with_nodes(struct db_tx *tx, const struct row *r, json_t **out, struct err *e)
{
        json_t *nodes;
        if (nodes_get(tx, r->id, &nodes, e) < 0)
                return -1;
        if (json_object_size(nodes)) {
                *out = with_nodes(r->body, nodes);
        } else {
                json_decref(nodes);
                *out = json_incref(r->body);
        }
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

/* ---- nodes ---- */

int nodes_get(struct db_tx *tx, int64_t object, json_t **out, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT id, body FROM store_node WHERE pos >= ? AND pos <= ? ORDER BY pos",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, object << NODE_BITS);
        sqlite3_bind_int64(s, 2, object << NODE_BITS | NODE_MAX);
        AUTO_JSON json_t *nodes = json_object();
        int r;
        while ((r = db_step(tx, s, e)) > 0) {
                json_t *node;
                if (json_column(&node, s, 1, e) < 0)
                        break;
                json_object_set_new_nocheck(nodes, (const char *)sqlite3_column_text(s, 0), node);
        }
        sqlite3_reset(s);
        if (r != 0)
                return -1;
        *out = TAKE(nodes);
        return 0;
}

int node_get(struct db_tx *tx, int64_t object, const char *id, int64_t *pos, json_t **out,
             struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT pos, body FROM store_node WHERE object = ? AND id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, object);
        sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
        int r = db_step(tx, s, e);
        if (r <= 0)
                return r;
        *pos = sqlite3_column_int64(s, 0);
        r = json_column(out, s, 1, e) < 0 ? -1 : 1;
        sqlite3_reset(s);
        return r;
}

static int bind_body(sqlite3_stmt *s, int column, const json_t *body)
{
        struct buf text = BUF_INIT(BUF_UNBOUNDED);
        json_put(&text, body, JSON_STYLE_COMPACT);
        return sqlite3_bind_blob64(s, column, buf_take(&text), text.len, mem_free);
}

static int node_delete(struct db_tx *tx, int64_t pos, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "DELETE FROM store_node WHERE pos = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, pos);
        return db_exec(tx, s, e);
}

static int node_rewrite(struct db_tx *tx, int64_t pos, const json_t *node, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "UPDATE store_node SET body = ? WHERE pos = ?", e) < 0)
                return -1;
        bind_body(s, 1, node);
        sqlite3_bind_int64(s, 2, pos);
        return db_exec(tx, s, e);
}

static int node_add(struct db_tx *tx, int64_t object, const char *id, const json_t *node,
                    struct err *e)
{
        sqlite3_stmt *s;
        int64_t pos;
        if (db_stmt(&s, tx, "SELECT max(pos) FROM store_node WHERE pos >= ? AND pos <= ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, object << NODE_BITS);
        sqlite3_bind_int64(s, 2, object << NODE_BITS | NODE_MAX);
        if (db_step(tx, s, e) < 0)
                return -1;
        pos = sqlite3_column_type(s, 0) == SQLITE_NULL ? object << NODE_BITS
                                                       : sqlite3_column_int64(s, 0) + 1;
        sqlite3_reset(s);
        if (pos >> NODE_BITS != object)
                return err_set(e, ERR_LIMIT, "a workflow has at most %lld nodes",
                               (long long)NODE_MAX);
        if (db_stmt(&s, tx, "INSERT INTO store_node(pos, object, id, body) VALUES(?, ?, ?, ?)", e) <
            0)
                return -1;
        sqlite3_bind_int64(s, 1, pos);
        sqlite3_bind_int64(s, 2, object);
        sqlite3_bind_text(s, 3, id, -1, SQLITE_STATIC);
        bind_body(s, 4, node);
        return db_exec(tx, s, e);
}

int node_put(struct db_tx *tx, int64_t object, const char *id, const json_t *node, bool *changed,
             struct err *e)
{
        int64_t pos = 0;
        AUTO_JSON json_t *old = NULL;
        int found = node_get(tx, object, id, &pos, &old, e);
        if (found < 0)
                return -1;
        if (found ? (node && json_equal(old, node)) : !node)
                return 0;
        *changed = true;
        if (!node)
                return node_delete(tx, pos, e);
        return found ? node_rewrite(tx, pos, node, e) : node_add(tx, object, id, node, e);
}

int nodes_delete(struct db_tx *tx, int64_t object, bool *changed, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "DELETE FROM store_node WHERE pos >= ? AND pos <= ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, object << NODE_BITS);
        sqlite3_bind_int64(s, 2, object << NODE_BITS | NODE_MAX);
        if (db_exec(tx, s, e) < 0)
                return -1;
        *changed |= db_changes(tx) > 0;
        return 0;
}

/* ---- labels ---- */

static int label_write(struct db_tx *tx, const char *sql_literal, const struct key *k,
                       const char *label, const json_t *value, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, sql_literal, e) < 0)
                return -1;
        bind_key(s, 1, k);
        sqlite3_bind_text(s, 4, label, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 5, json_string_value(value), -1, SQLITE_STATIC);
        return db_exec(tx, s, e);
}

/* Only what differs is written. Either may be NULL. */
static int labels_write(struct db_tx *tx, const struct key *k, const json_t *old, const json_t *new,
                        struct err *e)
{
        const char *label;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)old, label, value)
                if (!json_equal(value, json_object_get(new, label)) &&
                    label_write(tx,
                                "DELETE FROM store_label WHERE kind = ?1 AND ns = ?2 AND name = ?3 "
                                "AND label = ?4 AND value = ?5",
                                k, label, value, e) < 0)
                        return -1;
        json_object_foreach ((json_t *)(uintptr_t) new, label, value)
                if (!json_equal(value, json_object_get(old, label)) &&
                    label_write(tx,
                                "INSERT INTO store_label(kind, ns, name, label, value) VALUES(?, "
                                "?, ?, ?, ?)",
                                k, label, value, e) < 0)
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

static int change_insert(struct db_tx *tx, const struct key *k, int64_t object, int64_t version,
                         enum change_type type, const json_t *was, const json_t *body,
                         struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "INSERT INTO store_change(version, object, type, kind, ns, name, was, body) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, version);
        sqlite3_bind_int64(s, 2, object);
        sqlite3_bind_int(s, 3, type);
        bind_key(s, 4, k);
        if (was)
                bind_body(s, 7, was);
        if (body)
                bind_body(s, 8, body);
        if (db_exec(tx, s, e) < 0)
                return -1;
        return trim_changes(tx, version, e);
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
        bind_body(s, 5, body);
        if (db_exec(tx, s, e) < 0 ||
            labels_write(tx, k, NULL, json_at(body, "metadata", "labels"), e) < 0)
                return -1;
        return change_insert(tx, k, version, version, CHANGE_ADDED, NULL, NULL, e);
}

int row_update(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *body,
               int64_t version, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "UPDATE store_object SET version = ?, body = ? WHERE id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, version);
        bind_body(s, 2, body);
        sqlite3_bind_int64(s, 3, old->id);
        const json_t *old_labels = json_at(old->body, "metadata", "labels"),
                     *labels = json_at(body, "metadata", "labels");
        if (db_exec(tx, s, e) < 0 || labels_write(tx, k, old_labels, labels, e) < 0)
                return -1;
        AUTO_JSON json_t *before = selector_view(old->body);
        AUTO_JSON json_t *after = selector_view(body);
        return change_insert(tx, k, old->id, version, CHANGE_MODIFIED,
                             json_equal(before, after) ? NULL : before, NULL, e);
}

int row_delete(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *last,
               int64_t version, struct err *e)
{
        sqlite3_stmt *s;
        bool changed = false;
        if (db_stmt(&s, tx, "DELETE FROM store_object WHERE id = ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, old->id);
        if (db_exec(tx, s, e) < 0 ||
            labels_write(tx, k, json_at(old->body, "metadata", "labels"), NULL, e) < 0)
                return -1;
        if (splits_nodes(k->kind) && nodes_delete(tx, old->id, &changed, e) < 0)
                return -1;
        return change_insert(tx, k, old->id, version, CHANGE_DELETED, NULL, last, e);
}
