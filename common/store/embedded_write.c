/* common/store/embedded_write.c: create, update, patch and delete: prepared on the loop, carried
 * out on the committer.
 *
 * What a caller may expect (a name that is taken, a stale version, an object that is gone) is an
 * outcome of the operation and no failure of the transaction: its neighbours in the group commit do
 * not notice. SPDX-License-Identifier: Apache-2.0 */
#include "common/store/embedded_write.h"
#include "common/base/json.h"

enum { NAME_TRIES = 8 };

struct key write_key(const struct write_op *w)
{
        return (struct key){w->kind, w->ns, w->name};
}

/* ---- outcomes ---- */

int write_missing(struct write_op *w)
{
        err_set(&w->refused, ERR_NOT_FOUND, "%s \"%s\" not found", w->words, w->name);
        return 0;
}

int write_stale(struct write_op *w)
{
        err_set(&w->refused, ERR_CONFLICT,
                "%s \"%s\" was modified meanwhile: read it again and repeat the change", w->words,
                w->name);
        return 0;
}

static void forget_outcome(struct write_op *w)
{
        err_clear(&w->refused);
        json_decref(w->result);
        json_decref(w->body);
        w->result = w->body = NULL;
}

int write_next_version(struct db_tx *tx, struct write_op *w, struct err *e)
{
        if (version_newest(tx, &w->version, e) < 0)
                return -1;
        w->version++;
        return 0;
}

/* ---- nodes of a workflow ---- */

static int put_nodes(struct db_tx *tx, int64_t object, const json_t *nodes, json_t **changed,
                     struct err *e)
{
        const char *id;
        json_t *node;
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, node)
                if (node_put(tx, object, id, node, changed, e) < 0)
                        return -1;
        return 0;
}

/* Afterwards there are these nodes and no others. */
static int replace_nodes(struct db_tx *tx, int64_t object, const json_t *nodes, json_t **changed,
                         struct err *e)
{
        if (json_object_size(nodes) == 0)
                return nodes_delete(tx, object, changed, e);
        AUTO_JSON json_t *old = NULL;
        if (nodes_get(tx, object, &old, e) < 0)
                return -1;
        const char *id;
        json_t *node;
        json_object_foreach (old, id, node)
                if (!json_object_get(nodes, id) && node_put(tx, object, id, NULL, changed, e) < 0)
                        return -1;
        return put_nodes(tx, object, nodes, changed, e);
}

/* ---- create ---- */

static int name_taken(struct db_tx *tx, const struct key *k, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT 1 FROM store_object WHERE kind = ? AND ns = ? AND name = ?",
                    e) < 0)
                return -1;
        sqlite3_bind_text(s, 1, k->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 2, k->ns, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 3, k->name, -1, SQLITE_STATIC);
        int r = db_step(tx, s, e);
        sqlite3_reset(s);
        return r;
}

static int free_name(struct db_tx *tx, struct write_op *w, struct key *k, struct err *e)
{
        int taken;
        for (int i = 0; (taken = name_taken(tx, k, e)) > 0 && !w->name && i < NAME_TRIES; i++) {
                meta_new_name(w->input);
                k->name = obj_name(w->input);
        }
        if (taken > 0)
                err_set(&w->refused, ERR_CONFLICT, "%s \"%s\" already exists", w->words, k->name);
        return taken < 0 ? -1 : 0;
}

static int run_create(struct db_tx *tx, struct write_op *w, struct err *e)
{
        struct key k = {w->kind, w->ns, obj_name(w->input)};
        AUTO_JSON json_t *changed = NULL;
        if (free_name(tx, w, &k, e) < 0 || write_next_version(tx, w, e) < 0)
                return -1;
        if (err_is_set(&w->refused))
                return 0;
        meta_set_version(w->input, w->version);
        w->object = w->version;
        w->body = splits_nodes(w->kind) ? body_without_nodes(w->input) : json_incref(w->input);
        w->result = json_incref(w->input);
        if (row_insert(tx, &k, w->body, w->version, e) < 0)
                return -1;
        return w->body == w->input ? 0
                                   : put_nodes(tx, w->object, json_at(w->input, "status", "nodes"),
                                               &changed, e);
}

/* ---- what changes an existing object ---- */

bool write_version_matches(const json_t *obj, const struct row *old)
{
        const char *given = obj_version(obj);
        int64_t version;
        return str_empty(given) || (str_to_i64(given, &version) && version == old->version);
}

/* `last`: its last state, which differs from the old one when an update took the last finalizer
 * away. */
static int finish_delete(struct db_tx *tx, struct write_op *w, const struct row *old,
                         const json_t *last, struct err *e)
{
        struct key k = write_key(w);
        w->object = old->id;
        w->result = json_deep_copy(last);
        meta_set_version(w->result, w->version);
        return row_delete(tx, &k, old, w->result, w->version, e);
}

/* `body` is prepared but for its version: store it if it or the nodes differ from what is there. */
int write_body(struct db_tx *tx, struct write_op *w, const struct row *old, json_t *body,
               const json_t *nodes, struct err *e)
{
        struct key k = write_key(w);
        if (!nodes && json_equal(body, old->body)) {
                w->body = NULL;
                w->result = json_incref(body);
                return 0;
        }
        if (meta_spec_differs(body, old->body)) {
                json_int_t generation =
                        json_integer_value(json_at(old->body, "metadata", "generation"));
                json_put_at(body, json_integer(generation + 1), "metadata", "generation");
        }
        if (meta_is_deleting(body) && !meta_has_finalizers(body))
                return finish_delete(tx, w, old, body, e);
        meta_set_version(body, w->version);
        w->object = old->id;
        w->body = json_incref(body);
        w->result = json_incref(body);
        return row_update(tx, &k, old, body, nodes, w->version, e);
}

/* A whole new object, nodes included, takes the place of the old one. `obj` is ours. */
int write_replace(struct db_tx *tx, struct write_op *w, const struct row *old, json_t *obj,
                  struct err *e)
{
        struct change_of_meta c = {.old = old->body, .kind = w->kind, .ns = w->ns, .name = w->name};
        AUTO_JSON json_t *changed = NULL;
        if (meta_prepare(obj, &c, &w->refused) < 0)
                return 0;
        AUTO_JSON json_t *body = splits_nodes(w->kind) ? body_without_nodes(obj) : json_incref(obj);
        if (splits_nodes(w->kind) &&
            replace_nodes(tx, old->id, json_at(obj, "status", "nodes"), &changed, e) < 0)
                return -1;
        if (write_body(tx, w, old, body, changed, e) < 0)
                return -1;
        json_t *nodes = splits_nodes(w->kind) ? json_at(obj, "status", "nodes") : NULL;
        if (nodes) {
                json_t *whole = with_nodes(w->result, json_incref(nodes));
                json_decref(w->result);
                w->result = whole;
        }
        return 0;
}

static int run_update(struct db_tx *tx, struct write_op *w, struct err *e)
{
        struct key k = write_key(w);
        struct row old = {0};
        int found = row_find(tx, &k, &old, e);
        if (found <= 0)
                return found < 0 ? -1 : write_missing(w);
        int r = 0;
        if (!write_version_matches(w->input, &old)) {
                write_stale(w);
        } else {
                AUTO_JSON json_t *obj = json_deep_copy(w->input);
                r = write_next_version(tx, w, e) < 0 ? -1 : write_replace(tx, w, &old, obj, e);
        }
        row_deinit(&old);
        return r;
}

/* ---- delete ---- */

static int mark_deleting(struct db_tx *tx, struct write_op *w, const struct row *old, struct err *e)
{
        AUTO_JSON json_t *body = json_deep_copy(old->body);
        if (!meta_is_deleting(body)) {
                char at[40];
                time_rfc3339(w->now.ns, at);
                json_int_t generation = json_integer_value(json_at(body, "metadata", "generation"));
                json_put_at(body, json_string(at), "metadata", "deletionTimestamp");
                json_put_at(body, json_integer(0), "metadata", "deletionGracePeriodSeconds");
                json_put_at(body, json_integer(generation + 1), "metadata", "generation");
        }
        return write_body(tx, w, old, body, NULL, e);
}

static int run_delete(struct db_tx *tx, struct write_op *w, struct err *e)
{
        struct key k = write_key(w);
        struct row old = {0};
        int found = row_find(tx, &k, &old, e);
        if (found <= 0)
                return found < 0 ? -1 : write_missing(w);
        int r = 0;
        if (w->uid && !streq(w->uid, obj_uid(old.body)))
                err_set(&w->refused, ERR_CONFLICT,
                        "%s \"%s\" has uid %s, not %s: it is another object of that name", w->words,
                        w->name, obj_uid(old.body), w->uid);
        else if (write_next_version(tx, w, e) < 0)
                r = -1;
        else if (meta_has_finalizers(old.body))
                r = mark_deleting(tx, w, &old, e);
        else
                r = finish_delete(tx, w, &old, old.body, e);
        row_deinit(&old);
        return r;
}

/* ---- carrying out ---- */

static int work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct write_op *w = container_of(op, struct write_op, op);
        if (!w->run) /* refused before it began, answered in its turn */
                return 0;
        forget_outcome(w);
        return w->run(tx, w, e);
}

static void write_free(struct write_op *w)
{
        err_clear(&w->refused);
        json_decref(w->input);
        json_decref(w->result);
        json_decref(w->body);
        mem_free(w->kind);
        mem_free(w->words);
        mem_free(w->ns);
        mem_free(w->name);
        mem_free(w->uid);
        mem_free(w);
}

static void answer(struct write_op *w, const struct err *e)
{
        store_done_fn *done = TAKE(w->done);
        if (!done)
                return;
        if (!e && err_is_set(&w->refused))
                e = &w->refused;
        done(w->arg, e ? NULL : w->result, e);
}

static void finished(struct db_op *op, const struct err *e)
{
        struct write_op *w = container_of(op, struct write_op, op);
        struct estore *s = w->s;
        if (!e && w->body)
                fresh_keep(s, w->object, w->version, w->body);
        answer(w, e);
        *w->prev = w->next;
        if (w->next)
                w->next->prev = w->prev;
        write_free(w);
        estore_end(s);
}

static struct write_op *write_new(struct store *store, const struct store_kind *kind,
                                  const char *ns, const char *name, store_done_fn *done, void *arg)
{
        struct estore *s = estore_of(store);
        struct write_op *w = NEW(struct write_op);
        w->op = (struct db_op){.work = work, .done = finished, .touches = DB_TOUCH_STORE};
        w->s = s;
        w->kind = kind_key(kind);
        w->words = kind_words(kind);
        w->ns = mem_strdup(kind->cluster_scoped ? "" : str_empty(ns) ? "default" : ns);
        w->name = str_empty(name) ? NULL : mem_strdup(name);
        w->now = loop_wall(s->store.loop);
        w->done = done;
        w->arg = arg;
        return w;
}

static void submit(struct write_op *w)
{
        struct estore *s = w->s;
        w->next = s->writes;
        w->prev = &s->writes;
        if (w->next)
                w->next->prev = &w->next;
        s->writes = w;
        estore_begin(s);
        db_submit(s->db, &w->op);
}

void estore_forsake_writes(struct estore *s)
{
        struct err e = {0};
        err_set(&e, ERR_TIMEOUT, "the store is closing; whether this was stored is unknown");
        for (struct write_op *w = s->writes; w; w = w->next)
                answer(w, &e);
        err_clear(&e);
}

/* ---- the calls ---- */

void estore_create(struct store *s, const struct store_kind *kind, const char *ns,
                   const json_t *obj, store_done_fn *done, void *arg)
{
        const char *own = json_str(obj, "metadata", "namespace");
        struct write_op *w =
                write_new(s, kind, str_empty(own) ? ns : own, obj_name(obj), done, arg);
        struct change_of_meta c = {.kind = w->kind, .ns = w->ns, .now = w->now};
        w->input = json_deep_copy(obj);
        w->run = meta_prepare(w->input, &c, &w->refused) < 0 ? NULL : run_create;
        submit(w);
}

void estore_update(struct store *s, const struct store_kind *kind, const json_t *obj,
                   store_done_fn *done, void *arg)
{
        struct write_op *w = write_new(s, kind, json_str(obj, "metadata", "namespace"),
                                       obj_name(obj), done, arg);
        w->input = json_deep_copy(obj);
        w->run = run_update;
        if (!w->name) {
                w->run = NULL;
                err_set(&w->refused, ERR_INVALID, "metadata.name: required");
        }
        submit(w);
}

void estore_patch(struct store *s, struct store_ref ref, enum store_patch type, const json_t *patch,
                  store_done_fn *done, void *arg)
{
        struct write_op *w = write_new(s, ref.kind, ref.ns, ref.name, done, arg);
        w->input = json_deep_copy(patch);
        w->patch = type;
        w->run = write_run_patch;
        bool list = type == STORE_PATCH_JSON;
        if (!w->name || !(list ? json_is_array(patch) : json_is_object(patch))) {
                w->run = NULL;
                err_set(&w->refused, ERR_INVALID,
                        !w->name ? "a name is required"
                        : list   ? "a JSON patch is a list"
                                 : "a merge patch is a map");
        }
        submit(w);
}

void estore_delete(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                   store_done_fn *done, void *arg)
{
        struct write_op *w = write_new(s, ref.kind, ref.ns, ref.name, done, arg);
        w->uid = o ? mem_strdup(o->uid) : NULL;
        w->run = run_delete;
        if (!w->name) {
                w->run = NULL;
                err_set(&w->refused, ERR_INVALID, "a name is required");
        }
        submit(w);
}
