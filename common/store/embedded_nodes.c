/* common/store/embedded_nodes.c: the nodes of a workflow, one row each. A node's position holds its
 * object's id and its number: all nodes of an object lie together, in the order they were added.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/store/embedded.h"

enum { NODE_BITS = 24 };
#define NODE_MAX ((INT64_C(1) << NODE_BITS) - 1)

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
        json_bind(s, 1, node);
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
        json_bind(s, 4, node);
        return db_exec(tx, s, e);
}

static void note(json_t **changed, const char *id)
{
        if (!*changed)
                *changed = json_array();
        json_array_append_new(*changed, json_string(id)); /* nothing when it is "all" already */
}

int node_put(struct db_tx *tx, int64_t object, const char *id, const json_t *node, json_t **changed,
             struct err *e)
{
        int64_t pos = 0;
        AUTO_JSON json_t *old = NULL;
        int found = node_get(tx, object, id, &pos, &old, e);
        if (found < 0)
                return -1;
        if (found ? (node && json_equal(old, node)) : !node)
                return 0;
        note(changed, id);
        if (!node)
                return node_delete(tx, pos, e);
        return found ? node_rewrite(tx, pos, node, e) : node_add(tx, object, id, node, e);
}

int nodes_delete(struct db_tx *tx, int64_t object, json_t **changed, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "DELETE FROM store_node WHERE pos >= ? AND pos <= ?", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, object << NODE_BITS);
        sqlite3_bind_int64(s, 2, object << NODE_BITS | NODE_MAX);
        if (db_exec(tx, s, e) < 0)
                return -1;
        if (db_changes(tx) > 0) {
                json_decref(*changed);
                *changed = json_true();
        }
        return 0;
}
