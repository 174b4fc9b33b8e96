/* common/store/embedded_raw.c: see raw.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/store/embedded.h"
#include "common/store/raw.h"

int store_raw_find(struct db_tx *tx, struct store_ref ref, int64_t *id, json_t **body,
                   struct err *e)
{
        AUTO(mem_free) char *kind = kind_key(ref.kind);
        struct key k = {kind, ref.kind->cluster_scoped ? "" : ref.ns, ref.name};
        struct row row = {0};
        int r = row_find(tx, &k, &row, e);
        if (r > 0) {
                *id = row.id;
                *body = json_incref(row.body);
        }
        row_deinit(&row);
        return r;
}

int store_raw_each_node(struct db_tx *tx, int64_t id, store_raw_node_fn *each, void *arg,
                        struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT id, body FROM store_node WHERE object = ? ORDER BY pos", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, id);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                if (each(arg, (const char *)sqlite3_column_text(s, 0), sqlite3_column_blob(s, 1),
                         (size_t)sqlite3_column_bytes(s, 1), e) < 0)
                        break;
        sqlite3_reset(s);
        return r == 0 ? 0 : -1;
}
