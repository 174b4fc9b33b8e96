/* workflow/controller/artifact_gc.c: artifacts that go with their workflow (artifactGC).
 *
 * A workflow that has something to collect carries a finalizer from its first patch on, so it
 * cannot vanish before its artifacts did; the finalizer is also what makes a restarted controller
 * look again. When it has completed, artifacts of OnWorkflowCompletion are due; when it is being
 * deleted, those of OnWorkflowDeletion too. What was deleted is marked so in the outputs of its
 * nodes, in the same patch that says the strategy is done and takes the finalizer away. A failure
 * is a condition of the workflow; then the finalizer stays, unless forceFinalizerRemoval says
 * otherwise. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/job.h"
#include "workflow/artifact/location.h"
#include "workflow/controller/config.h"
#include "workflow/controller/finished.h"

#define ON_COMPLETION "OnWorkflowCompletion"
#define ON_DELETION "OnWorkflowDeletion"

struct artifact_gc {
        struct controller *c;
        struct pool *pool;
        struct collection *by_uid;
        bool stopped;
};
struct collection {             /* of one workflow */
        struct artifact_gc *gc; /* NULL: the controller has gone */
        char *uid, *ns, *name;
        bool deleting;
        json_t *object; /* with its nodes */
        json_t *due;    /* [{"node", "index", "artifact": whole, "deleted"}] */
        bool later;     /* artifacts remain that wait for the deletion of the workflow */
        char *trouble;  /* the first one */
        struct artifact_job *job;
        UT_hash_handle hh;
};

static void collection_free(struct collection *g)
{
        if (g->gc)
                HASH_DEL(g->gc->by_uid, g);
        artifact_job_abandon(g->job);
        json_decref(g->object);
        json_decref(g->due);
        mem_free(g->trouble);
        mem_free(g->uid);
        mem_free(g->ns);
        mem_free(g->name);
        mem_free(g);
}

/* ---- what is due ---- */

static const char *strategy_of(const json_t *object, const json_t *artifact)
{
        const char *own = json_str(artifact, "artifactGC", "strategy"),
                   *all = json_str(object, "spec", "artifactGC", "strategy"),
                   *stored = json_str(object, "status", "storedWorkflowTemplateSpec", "artifactGC",
                                      "strategy");
        return !str_empty(own) ? own : !str_empty(all) ? all : stored ? stored : "Never";
}

static void look_at(struct collection *g, const char *node, size_t index, const json_t *artifact)
{
        const char *strategy = strategy_of(g->object, artifact);
        bool on_deletion = streq(strategy, ON_DELETION);
        if (json_is_true(json_object_get(artifact, "deleted")) ||
            (!on_deletion && !streq(strategy, ON_COMPLETION)))
                return;
        if (on_deletion && !g->deleting) {
                g->later = true;
                return;
        }
        json_array_append_new(
                g->due,
                json_pack("{s:s, s:I, s:o}", "node", node, "index", (json_int_t)index, "artifact",
                          location_complete(artifact,
                                            json_at(g->object, "status", "artifactRepositoryRef",
                                                    "artifactRepository"))));
}

static void find_due(struct collection *g)
{
        const char *id;
        json_t *node, *artifact;
        size_t i;
        g->due = json_array();
        json_object_foreach (json_at(g->object, "status", "nodes"), id, node)
                json_array_foreach (json_at(node, "outputs", "artifacts"), i, artifact)
                        look_at(g, id, i, artifact);
}

/* ---- deleting, on a thread ---- */

struct deletion { /* the job's; the collection may be gone */
        struct collection *of;
        json_t *due;
};

static int delete_all(struct artifacts *a, void *arg, struct err *e)
{
        struct deletion *d = arg;
        size_t i;
        json_t *item;
        json_array_foreach (d->due, i, item) {
                struct err one = {0};
                if (artifact_delete(a, json_object_get(item, "artifact"), &one) == 0)
                        json_object_set_new(item, "deleted", json_true());
                else if (!err_is_set(e))
                        err_move(e, &one);
                err_clear(&one);
        }
        return err_is_set(e) ? -1 : 0;
}

/* ---- saying so ---- */

static void mark_deleted(const struct collection *g, json_t *patch)
{
        size_t i;
        json_t *item;
        json_array_foreach (g->due, i, item) {
                const char *node = json_str(item, "node");
                json_t *list = json_at(patch, "status", "nodes", node, "outputs", "artifacts");
                if (!json_is_true(json_object_get(item, "deleted")))
                        continue;
                if (!list) { /* lists are replaced whole */
                        list = json_deep_copy(json_at(g->object, "status", "nodes", node, "outputs",
                                                      "artifacts"));
                        json_put_at(patch, list, "status", "nodes", node, "outputs", "artifacts");
                }
                size_t index = (size_t)json_integer_value(json_object_get(item, "index"));
                json_object_set_new(json_array_get(list, index), "deleted", json_true());
        }
}

static void put_condition(const struct collection *g, json_t *patch)
{
        json_t *conditions = json_array(), *old;
        size_t i;
        json_array_foreach (json_at(g->object, "status", "conditions"), i, old) {
                if (!streq(json_str(old, "type"), "ArtifactGCError"))
                        json_array_append(conditions, old);
        }
        if (g->trouble)
                json_array_append_new(conditions,
                                      json_pack("{s:s, s:s, s:s}", "type", "ArtifactGCError",
                                                "status", "True", "message", g->trouble));
        json_put_at(patch, conditions, "status", "conditions");
}

static bool may_go(const struct collection *g)
{
        bool force =
                json_is_true(json_at(g->object, "spec", "artifactGC", "forceFinalizerRemoval"));
        return g->trouble ? g->deleting && force : g->deleting || !g->later;
}

static void drop_finalizer(const struct collection *g, json_t *patch)
{
        json_t *kept = json_array(), *name;
        size_t i;
        json_array_foreach (json_at(g->object, "metadata", "finalizers"), i, name) {
                if (!streq(json_string_value(name), ARTIFACT_GC_FINALIZER))
                        json_array_append(kept, name);
        }
        json_put_at(patch, json_array_size(kept) ? json_incref(kept) : json_null(), "metadata",
                    "finalizers");
        json_decref(kept);
}

static void on_patched(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct collection *g = arg;
        if (g->gc && e && e->code != ERR_NOT_FOUND) /* the next change makes it seen again */
                log_warn(g->gc->c->log, "Deleted artifacts cannot be recorded.",
                         F_STR("workflow", g->name), F_ERR(e));
        collection_free(g);
}

static void record(struct collection *g)
{
        AUTO_JSON json_t *patch = json_object();
        mark_deleted(g, patch);
        put_condition(g, patch);
        if (!g->trouble) {
                json_put_at(patch, json_true(), "status", "artifactGCStatus", "strategiesProcessed",
                            ON_COMPLETION);
                if (g->deleting)
                        json_put_at(patch, json_true(), "status", "artifactGCStatus",
                                    "strategiesProcessed", ON_DELETION);
        }
        if (may_go(g))
                drop_finalizer(g, patch);
        store_patch(g->gc->c->o.store, (struct store_ref){&STORE_WORKFLOW, g->ns, g->name},
                    STORE_PATCH_MERGE, patch, on_patched, g);
}

static void on_deleted(void *arg, const struct err *e)
{
        struct deletion *d = arg;
        struct collection *g = d->of;
        g->job = NULL;
        g->trouble = e ? mem_strdup(err_msg(e)) : NULL;
        if (e)
                log_warn(g->gc->c->log, "Artifacts could not be deleted.",
                         F_STR("workflow", g->name), F_ERR(e));
        record(g);
}

static void free_deletion(void *arg)
{
        struct deletion *d = arg;
        json_decref(d->due);
        mem_free(d);
}

static void start_job(struct collection *g)
{
        struct controller *c = g->gc->c;
        struct deletion *d = NEW(struct deletion);
        *d = (struct deletion){g, json_incref(g->due)};
        const struct artifact_job_spec spec = {.loop = c->o.loop,
                                               .pool = &g->gc->pool,
                                               .store = c->o.store,
                                               .ns = g->ns,
                                               .data_dir = c->data_dir,
                                               .guard = c->o.config && c->o.config->guard_addresses,
                                               .locations = g->due,
                                               .work = delete_all,
                                               .done = on_deleted,
                                               .free_arg = free_deletion,
                                               .arg = d};
        g->job = artifact_job_start(&spec);
}

/* ---- seeing ---- */

static void on_read(void *arg, json_t *object, const struct err *e)
{
        struct collection *g = arg;
        if (!g->gc || e || !streq(obj_uid(object), g->uid)) {
                collection_free(g);
                return;
        }
        g->object = json_incref(object);
        g->deleting = !str_empty(json_str(object, "metadata", "deletionTimestamp"));
        find_due(g);
        if (json_array_size(g->due))
                start_job(g);
        else
                record(g);
}

static bool has_finalizer(const json_t *object)
{
        size_t i;
        json_t *name;
        json_array_foreach (json_at(object, "metadata", "finalizers"), i, name) {
                if (streq(json_string_value(name), ARTIFACT_GC_FINALIZER))
                        return true;
        }
        return false;
}

/* Collected as far as that goes now, or given up? */
static bool is_done(const json_t *object)
{
        bool deleting = !str_empty(json_str(object, "metadata", "deletionTimestamp"));
        const json_t *done = json_at(object, "status", "artifactGCStatus", "strategiesProcessed");
        json_t *condition;
        size_t i;
        if (json_is_true(json_object_get(done, deleting ? ON_DELETION : ON_COMPLETION)))
                return true;
        json_array_foreach (json_at(object, "status", "conditions"), i, condition) {
                if (streq(json_str(condition, "type"), "ArtifactGCError") && !deleting)
                        return true; /* once more when it is deleted */
        }
        return false;
}

bool artifact_gc_look(struct artifact_gc *gc, const json_t *object)
{
        struct collection *g;
        const char *uid = obj_uid(object);
        HASH_FIND_STR(gc->by_uid, uid, g);
        if (g || !has_finalizer(object) || is_done(object))
                return !g;
        g = NEW(struct collection);
        g->gc = gc;
        g->uid = mem_strdup(uid);
        g->ns = mem_strdup(obj_ns(object));
        g->name = mem_strdup(obj_name(object));
        HASH_ADD_KEYPTR(hh, gc->by_uid, g->uid, strlen(g->uid), g);
        store_get(gc->c->o.store, (struct store_ref){&STORE_WORKFLOW, g->ns, g->name}, on_read, g);
        return false;
}

struct artifact_gc *artifact_gc_new(struct controller *c)
{
        struct artifact_gc *gc = NEW(struct artifact_gc);
        gc->c = c;
        return gc;
}

struct artifact_gc *artifact_gc_free(struct artifact_gc *gc)
{
        if (!gc)
                return NULL;
        struct collection *g, *next;
        HASH_ITER (hh, gc->by_uid, g, next) {
                bool working = g->job != NULL;
                artifact_job_abandon(TAKE(g->job));
                HASH_DEL(gc->by_uid, g);
                g->gc = NULL;
                if (working) /* else an answer of the store frees it */
                        collection_free(g);
        }
        pool_free(gc->pool);
        mem_free(gc);
        return NULL;
}
