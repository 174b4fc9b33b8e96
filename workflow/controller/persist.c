/* workflow/controller/persist.c: what changed in a turn becomes one merge patch; one patch per
 * workflow is in flight, the rest gathers. What nobody waits for (a step runs) is held for a
 * moment: the end of a short step then comes in the same patch, one sync a step instead of two.
 * Status and labels are compared with what was stored last, so the patch says exactly what differs;
 * nodes are named by the engine. Pods whose nodes the patch records start when it is durable.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/rand.h"
#include "workflow/controller/controller_priv.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_STEPS = 7, PATCH_NODES_MAX = 20000, SETTLE_MS = 5 };

static void on_retry(void *arg)
{
        struct run *r = arg;
        if (r->state == RUN_READING)
                run_read(r);
        else
                persist_flush(r);
}

static void on_settled(void *arg)
{
        struct run *r = arg;
        r->settled = true;
        persist_flush(r);
}

void persist_init(struct run *r)
{
        r->dirty = json_object();
        r->view = json_object();
        r->applied = json_object();
        timer_init(&r->retry, on_retry, r);
        timer_init(&r->settle, on_settled, r);
}

void persist_stop(struct run *r)
{
        timer_cancel(r->c->o.loop, &r->retry);
        if (!r->patching)
                return;
        r->c->patching--;
        json_decref(TAKE(r->patching));
        json_decref(TAKE(r->patching_view));
}

void persist_deinit(struct run *r)
{
        persist_stop(r);
        timer_cancel(r->c->o.loop, &r->settle);
        json_decref(r->dirty);
        json_decref(r->view);
        json_decref(r->applied);
}

static json_t *view_of(const struct run *r, json_t *metadata_taken)
{
        return json_pack("{s:o, s:o}", "metadata", metadata_taken, "status", wf_status_json(r->wf));
}

/* What the object says now of the labels or annotations that are ours to write. */
static json_t *stored(const json_t *ours, const json_t *obj, const char *kind)
{
        json_t *out = json_object(), *value;
        const char *key;
        json_object_foreach (json_object_get(ours, kind), key, value) {
                json_t *there = json_object_get(json_at(obj, "metadata", kind), key);
                if (there)
                        json_object_set(out, key, there);
        }
        return out;
}

void persist_restored(struct run *r, const json_t *obj)
{
        AUTO_JSON json_t *ours = wf_metadata_json(r->wf);
        json_decref(r->view);
        r->view = view_of(r, json_pack("{s:o,s:o}", "labels", stored(ours, obj, "labels"),
                                       "annotations", stored(ours, obj, "annotations")));
        json_t *locks = json_at(obj, "status", "synchronization");
        if (locks) /* the engine says again what it waits for when it has asked again */
                json_put_at(r->view, json_deep_copy(locks), "status", "synchronization");
}

void persist_reopened(struct run *r, const json_t *obj)
{
        persist_restored(r, obj);
        json_t *status = json_deep_copy(json_object_get(obj, "status"));
        json_object_del(status, "nodes");
        json_object_set_new(r->view, "status", status); /* much of it is of the run before */
}

/* ---- the patch ---- */

/* A merge patch leaves what it does not name: what a node may lose has to be named. */
static json_t *node_patch(const struct run *r, const char *id)
{
        static const char *const may_vanish[] = {"message", "daemoned", "synchronizationStatus"};
        json_t *node = wf_node_json(r->wf, id);
        for (size_t i = 0; node && i < ARRAY_LEN(may_vanish); i++)
                if (!json_object_get(node, may_vanish[i]))
                        json_object_set_new(node, may_vanish[i], json_null());
        return node;
}

static void put_nodes(const struct run *r, json_t *patch)
{
        const char *id;
        json_t *unused;
        json_object_foreach (r->patching, id, unused) {
                json_t *node = node_patch(r, id);
                if (node)
                        json_put_at(patch, node, "status", "nodes", id);
        }
}

/* Before anything can be collected, and once more at the end: templates of others are known then.
 */
static void put_finalizer(struct run *r, json_t *patch)
{
        size_t i;
        json_t *name;
        bool first = json_object_size(r->view) == 0;
        if (r->collects || (!first && !wf_completed(r->wf)) || !wf_collects_artifacts(r->wf))
                return;
        r->collects = true;
        json_array_foreach (r->finalizers, i, name) {
                if (streq(json_string_value(name), ARTIFACT_GC_FINALIZER))
                        return;
        }
        json_t *all = r->finalizers ? json_copy(r->finalizers) : json_array();
        json_array_append_new(all, json_string(ARTIFACT_GC_FINALIZER));
        json_put_at(patch, all, "metadata", "finalizers");
}

static bool is_dirty(const struct run *r)
{
        return r->dirty_status || json_object_size(r->dirty) || r->next.n || r->next_releases;
}

static void on_patched(void *arg, json_t *obj, const struct err *e);

/* The nodes of one patch. A turn that changed very many goes in parts, so that a patch has a
 * bounded size; true: this is the last part. */
static bool take_dirty(struct run *r)
{
        const char *id;
        json_t *yes;
        void *tmp;
        bool all = json_object_size(r->dirty) <= PATCH_NODES_MAX;
        r->patching = all ? TAKE(r->dirty) : json_object();
        if (all)
                r->dirty = json_object();
        if (all)
                return true;
        json_object_foreach_safe(r->dirty, tmp, id, yes)
        {
                if (json_object_size(r->patching) == PATCH_NODES_MAX)
                        break;
                json_object_set(r->patching, id, yes);
                json_object_del(r->dirty, id);
        }
        return false;
}

/* What waits for the nodes, and the end, go with the last part. */
static void take_rest(struct run *r, bool last)
{
        bool status = last || !wf_completed(r->wf);
        if (last) {
                r->dirty_status = false;
                r->flight = r->next;
                r->next = (struct pod_starts){0};
                r->flight_releases = TAKE(r->next_releases);
        }
        r->patching_view = status ? view_of(r, wf_metadata_json(r->wf)) : json_incref(r->view);
}

static void send_patch(struct run *r)
{
        timer_cancel(r->c->o.loop, &r->settle);
        r->settled = false;
        bool last = take_dirty(r);
        take_rest(r, last);
        AUTO_JSON json_t *diff = json_merge_diff(r->view, r->patching_view);
        AUTO_JSON json_t *patch =
                json_deep_copy(diff); /* the difference shares parts with the view */
        put_nodes(r, patch);
        if (last)
                annotations_put_done(r, patch);
        put_finalizer(r, patch);
        r->c->patching++;
        /* a change of state that nothing waits for may share the next commit */
        r->patient = r->flight.n == 0 && !wf_completed(r->wf);
        store_patient(r->c->o.store, r->patient);
        store_patch(r->c->o.store, (struct store_ref){&STORE_WORKFLOW, r->ns, r->name},
                    STORE_PATCH_MERGE, patch, on_patched, run_op_new(r));
        store_patient(r->c->o.store, false);
        pods_hold(r);
}

/* Do steps, other workflows or users wait for what changed? */
static bool is_awaited(const struct run *r)
{
        return r->next.n || r->next_releases || wf_completed(r->wf) || r->c->draining ||
               json_object_size(r->view) == 0 || json_object_size(r->applied);
}

/* Steps or users wait for what changed while a patch that was in no hurry is on its way. */
static void hurry(struct run *r)
{
        if (!r->patient || (r->next.n == 0 && !r->finished))
                return;
        r->patient = false;
        store_hurry(r->c->o.store);
}

void persist_flush(struct run *r)
{
        if (r->state != RUN_LIVE)
                return;
        if (r->patching)
                hurry(r);
        else if (timer_armed(&r->retry) || !is_dirty(r))
                return;
        else if (r->settled || is_awaited(r))
                send_patch(r);
        else if (!timer_armed(&r->settle))
                timer_after_ms(r->c->o.loop, &r->settle, SETTLE_MS);
}

/* ---- the answer ---- */

static void on_failure(struct run *r, const struct err *e)
{
        json_object_update(r->dirty, r->patching);
        r->collects = false; /* said again */
        persist_stop(r);
        r->dirty_status = true;
        pods_requeue(r);
        run_locks_requeue(r);
        if (r->failures++ == 0)
                log_warn(r->log, "The state of a workflow cannot be stored, trying again.",
                         F_ERR(e));
        int step = r->failures < BACKOFF_STEPS ? r->failures : BACKOFF_STEPS;
        int64_t wait = (int64_t)BACKOFF_FIRST_MS << step;
        timer_after_ms(r->c->o.loop, &r->retry, wait / 2 + (int64_t)(rand_u64() % (uint64_t)wait));
        metric_add(metric_series(METRIC_WF_ERRORS, "persist", NULL, NULL), 1);
}

static void on_finished(struct run *r)
{
        if (!json_at(r->view, "status", "persistentVolumeClaims"))
                pods_forget_claims(r);
        log_info(r->log, "Workflow finished.", F_STR("phase", wf_phase(r->wf)),
                 F_UINT("nodes", wf_node_count(r->wf)),
                 F_STR("message", json_str(r->view, "status", "message")));
        runner_forget(r->c->runner, r->uid, FORGET_PODS);
        podgc_workflow_ended(r);
        run_free(r);
}

static void on_stored(struct run *r)
{
        pods_start(r, &r->flight); /* first: they have waited for this */
        controller_count_phase(r->ns, json_str(r->view, "status", "phase"),
                               json_str(r->patching_view, "status", "phase"));
        json_decref(r->view);
        r->view = TAKE(r->patching_view);
        persist_stop(r);
        r->failures = 0;
        run_locks_durable(r);
        if (r->finished && !is_dirty(r))
                on_finished(r);
        else
                persist_flush(r);
}

static void on_patched(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct run *r = run_op_end(arg);
        if (!r)
                return;
        struct controller *c = r->c;
        if (!e) {
                on_stored(r);
        } else if (e->code == ERR_NOT_FOUND) { /* deleted, perhaps as it finished */
                AUTO_JSON json_t *gone = json_pack("{s:{s:s}}", "metadata", "uid", r->uid);
                r->finished = false;
                run_gone(c, gone);
        } else {
                on_failure(r, e);
        }
        controller_look_drained(c);
}
