/* common/store/embedded_patch.c: merge and JSON patches. A merge patch touches the nodes it names
 * and no others; a JSON patch may speak of anything and is applied to the whole object.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/store/embedded_write.h"

/* The nodes a merge patch names; the rest of the patch is for the body. The answer holds these
 * nodes only. */
static int merge_nodes(struct db_tx *tx, int64_t object, const json_t *patch, json_t *named,
                       json_t **changed, struct err *e)
{
        const char *id;
        json_t *part;
        json_object_foreach ((json_t *)(uintptr_t)patch, id, part) {
                int64_t pos;
                AUTO_JSON json_t *node = NULL;
                if (node_get(tx, object, id, &pos, &node, e) < 0)
                        return -1;
                if (json_is_null(part)) {
                        json_decref(node);
                        node = NULL;
                } else {
                        json_merge_patch(&node, part);
                        json_object_set(named, id, node);
                }
                if (node_put(tx, object, id, node, changed, e) < 0)
                        return -1;
        }
        return 0;
}

static bool replaces_status(const json_t *patch)
{
        const json_t *status = json_object_get(patch, "status");
        return status && !json_is_object(status);
}

static int merge_split(struct db_tx *tx, struct write_op *w, const struct row *old, json_t *body,
                       struct err *e)
{
        AUTO_JSON json_t *named = json_object();
        const json_t *nodes = json_at(w->input, "status", "nodes");
        AUTO_JSON json_t *changed = NULL;
        int r = 0;
        if (replaces_status(w->input) || (nodes && !json_is_object(nodes)))
                r = nodes_delete(tx, old->id, &changed, e);
        else if (nodes)
                r = merge_nodes(tx, old->id, nodes, named, &changed, e);
        if (r < 0 || write_body(tx, w, old, body, changed, e) < 0)
                return -1;
        if (json_object_size(named)) {
                json_t *answer = with_nodes(w->result, json_incref(named));
                json_decref(w->result);
                w->result = answer;
        }
        return 0;
}

/* What `body` has there is its own from here on. */
static void unshare(json_t *body, const char *key)
{
        json_t *part = json_object_get(body, key);
        if (part)
                json_object_set_new(body, key, json_copy(part));
}

static int merge(struct db_tx *tx, struct write_op *w, const struct row *old, struct err *e)
{
        struct change_of_meta c = {.old = old->body, .kind = w->kind, .ns = w->ns, .name = w->name};
        AUTO_JSON json_t *patch =
                splits_nodes(w->kind) ? body_without_nodes(w->input) : json_incref(w->input);
        AUTO_JSON json_t *body = json_merge_patched(old->body, patch);
        unshare(body, "metadata"); /* meta_prepare() writes there */
        unshare(body, "data");
        if (meta_prepare(body, &c, &w->refused) < 0)
                return 0;
        return splits_nodes(w->kind) ? merge_split(tx, w, old, body, e)
                                     : write_body(tx, w, old, body, NULL, e);
}

static int apply_json_patch(struct db_tx *tx, struct write_op *w, const struct row *old,
                            struct err *e)
{
        AUTO_JSON json_t *whole = NULL;
        if (!splits_nodes(w->kind))
                whole = json_incref(old->body);
        else if (row_with_nodes(tx, old, &whole, e) < 0)
                return -1;
        AUTO_JSON json_t *obj = json_deep_copy(whole);
        if (json_apply_patch(&obj, w->input, &w->refused) < 0)
                return 0;
        if (!write_version_matches(obj, old))
                return write_stale(w);
        return write_replace(tx, w, old, obj, e);
}

int write_run_patch(struct db_tx *tx, struct write_op *w, struct err *e)
{
        struct key k = write_key(w);
        struct row old = {0};
        int found = row_find(tx, &k, &old, e);
        if (found <= 0)
                return found < 0 ? -1 : write_missing(w);
        int r = write_next_version(tx, w, e);
        if (r == 0 && w->patch == STORE_PATCH_JSON)
                r = apply_json_patch(tx, w, &old, e);
        else if (r == 0 && !write_version_matches(w->input, &old))
                write_stale(w);
        else if (r == 0)
                r = merge(tx, w, &old, e);
        row_deinit(&old);
        return r;
}
