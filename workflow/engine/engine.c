/* workflow/engine/engine.c: a workflow comes in, takes steps, goes out. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/memo.h"
#include "workflow/engine/sync.h"

/* ---- life ---- */

static char *text_at(const json_t *metadata, const char *key, const char *fallback)
{
        const char *s = json_str(metadata, key);
        return mem_strdup(s ? s : fallback);
}

static json_t *keep(const json_t *j)
{
        return json_incref((json_t *)(uintptr_t)j);
}

static void load_status(struct wf *wf, const json_t *status)
{
        int64_t ns;
        const char *phase = json_str(status, "phase"), *message = json_str(status, "message");
        const char *started = json_str(status, "startedAt"),
                   *finished = json_str(status, "finishedAt");
        wf->phase = mem_strdup(phase ? phase : "");
        wf->message = mem_strdup(message ? message : "");
        if (started && time_parse_rfc3339(started, &ns))
                wf->started_ns = ns;
        if (finished && time_parse_rfc3339(finished, &ns))
                wf->finished_ns = ns;
        wf->completed =
                streq(phase, "Succeeded") || streq(phase, "Failed") || streq(phase, "Error");
        wf->stored_spec = keep(json_object_get(status, "storedWorkflowTemplateSpec"));
        if (json_is_object(json_object_get(status, "storedTemplates")))
                wf->stored_templates = json_copy(json_object_get(status, "storedTemplates"));
        wf->repository_ref = keep(json_object_get(status, "artifactRepositoryRef"));
        wf->outputs = json_deep_copy(json_object_get(status, "outputs"));
        wf_load_nodes(wf, json_object_get(status, "nodes"));
        sync_load(wf, json_object_get(status, "synchronization"));
}

int wf_new(struct wf **out, const json_t *workflow, const struct wf_lookup *lookup,
           const struct wf_defaults *defaults, struct err *e)
{
        const json_t *metadata = json_object_get(workflow, "metadata");
        const char *name = json_str(metadata, "name"),
                   *created = json_str(metadata, "creationTimestamp");
        if (str_empty(name))
                return err_set(e, ERR_INVALID, "a workflow needs metadata.name");
        struct wf *wf = NEW(struct wf);
        wf->name = mem_strdup(name);
        wf->ns = text_at(metadata, "namespace", "default");
        wf->uid = text_at(metadata, "uid", "");
        wf->key = mem_printf("%s/%s", wf->ns, wf->name);
        if (created)
                time_parse_rfc3339(created, &wf->created_ns);
        wf->object = json_copy((json_t *)(uintptr_t)workflow);
        json_object_del(wf->object, "status");
        wf->lookup = lookup ? *lookup : (struct wf_lookup){0};
        if (defaults) {
                wf->workflow_defaults = keep(defaults->workflow_defaults);
                wf->artifact_repository = keep(defaults->artifact_repository);
                wf->any_storage = defaults->any_storage;
        }
        limits_init(wf, defaults);
        wf->entry = wf->exit_node = NONE;
        wf->deadline_ns = INT64_MAX;
        arena_init(&wf->names, 0);
        arena_init(&wf->step, 0);
        load_status(wf, json_object_get(workflow, "status"));
        *out = wf;
        return 0;
}

static void free_nodes(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                struct node *n = &wf->nodes[i];
                frame_free(n->frame);
                mem_free(n->message);
                json_decref(n->template_ref);
                json_decref(n->inputs);
                json_decref(n->outputs);
                json_decref(n->memo);
                node_sync_free(n->sync);
                mem_free(n->children.v);
                mem_free(n->outbound.v);
        }
        mem_free(wf->nodes);
        mem_free(wf->by_id);
}

static void free_plan(struct wf *wf)
{
        struct tmpl_scope *s, *next;
        struct interned *t, *next_text;
        HASH_ITER (hh, wf->scopes, s, next) {
                HASH_DEL(wf->scopes, s);
                tmpl_scope_free(s);
        }
        for (size_t i = 0; i < wf->n_inlined; i++) {
                tmpl_free(wf->inlined[i]);
                json_decref(wf->inlined_from[i]);
        }
        mem_free(wf->inlined);
        mem_free(wf->inlined_from);
        HASH_ITER (hh, wf->strings, t, next_text) {
                HASH_DEL(wf->strings, t);
                mem_free(t);
        }
}

struct wf *wf_free(struct wf *wf)
{
        if (!wf)
                return NULL;
        free_nodes(wf);
        free_plan(wf);
        globals_free(wf);
        json_t *const trees[] = {wf->object,
                                 wf->spec,
                                 wf->stored_spec,
                                 wf->stored_templates,
                                 wf->workflow_defaults,
                                 wf->artifact_repository,
                                 wf->repository_ref,
                                 wf->repository,
                                 wf->outputs,
                                 wf->metadata,
                                 wf->lock_told,
                                 wf->cache};
        for (size_t i = 0; i < ARRAY_LEN(trees); i++)
                json_decref(trees[i]);
        void *const blocks[] = {wf->too_big,         wf->name,           wf->ns,     wf->uid,
                                wf->phase,           wf->message,        wf->queue,  wf->blocked.v,
                                wf->hooks_waiting.v, wf->dirty.v,        wf->timers, wf->daemons.v,
                                wf->lock_waiters.v,  wf->lock_holders.v, wf->key,    wf->look.v,
                                wf->watchers.v,      wf->left.v};
        for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
                mem_free(blocks[i]);
        node_sync_free(wf->lock);
        arena_deinit(&wf->names);
        arena_deinit(&wf->step);
        mem_free(wf);
        return NULL;
}

void wf_commands_deinit(struct wf_commands *c)
{
        for (size_t i = 0; i < c->n; i++) {
                json_decref(c->items[i].template);
                json_decref(c->items[i].data);
        }
        mem_free(c->items);
        *c = (struct wf_commands){0};
}

/* ---- a step ---- */

static void tell_hook_owner(struct wf *wf, uint32_t i)
{
        uint32_t owner = node_at(wf, i)->owner, child = node_at(wf, i)->hook_of;
        if (child == NONE)
                return;
        if (owner == NONE) {
                if (node_fulfilled(node_at(wf, wf->entry)))
                        finish_entry(wf);
                return;
        }
        switch ((enum node_type)node_at(wf, owner)->type) {
        case NODE_STEP_GROUP: steps_child_done(wf, owner, child); break;
        case NODE_DAG: dag_child_done(wf, owner, child); break;
        case NODE_TASK_GROUP: dag_item_done(wf, owner, child); break;
        default: break;
        }
}

static void look_at_workflow(struct wf *wf)
{
        struct err why = {0};
        if (hooks_of_workflow(wf, &why) == HOOK_FAILED) {
                if (node_is_work(node_at(wf, wf->entry)))
                        pod_kill(wf, wf->entry);
                exec_raise(wf, wf->entry, &why);
        }
        err_clear(&why);
}

/* Node i is fulfilled: tell whoever waits for it. */
static void tell_owner(struct wf *wf, uint32_t i)
{
        const struct node *n = node_at(wf, i);
        if (n->boundary != NONE && fail_fast_end(wf, n->boundary))
                return;
        switch ((enum node_role)n->role) {
        case ROLE_ENTRY:
                if (node_fulfilled(n))
                        finish_entry(wf);
                else
                        look_at_workflow(wf); /* a hook of it waited for room */
                break;
        case ROLE_EXIT: finish_entry(wf); break;
        case ROLE_GROUP: steps_group_done(wf, n->owner, i); break;
        case ROLE_STEP: steps_child_done(wf, n->owner, i); break;
        case ROLE_TASK: dag_child_done(wf, n->owner, i); break;
        case ROLE_ITEM: dag_item_done(wf, n->owner, i); break;
        case ROLE_ATTEMPT: retry_child_done(wf, n->owner, i); break;
        case ROLE_HOOK: tell_hook_owner(wf, i); break;
        case ROLE_CONTAINER: break;
        }
}

static void drain(struct wf *wf)
{
        while (wf->q_head < wf->q_tail && !wf->completed && !wf->too_big) {
                uint32_t i = wf->queue[wf->q_head++];
                node_at(wf, i)->queued = false;
                enum node_role role = node_at(wf, i)->role;
                memo_fulfilled(wf, i);
                sync_fulfilled(wf, i);
                if (node_at(wf, i)->owner != NONE || role == ROLE_ENTRY || role == ROLE_EXIT ||
                    role == ROLE_HOOK)
                        tell_owner(wf, i);
        }
        if (wf->q_head == wf->q_tail)
                wf->q_head = wf->q_tail = 0;
}

static bool unblock(struct wf *wf, uint32_t i)
{
        switch ((enum node_type)node_at(wf, i)->type) {
        case NODE_STEPS: return steps_unblock(wf, i);
        case NODE_DAG: return dag_unblock(wf, i);
        case NODE_RETRY: return retry_unblock(wf, i);
        default: return true;
        }
}

/* Nothing more can start; but failFast of DAGs may end what waits. */
static void judge_blocked(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->blocked.n; i++)
                if (node_at(wf, wf->blocked.v[i])->type == NODE_DAG)
                        dag_judge_blocked(wf, wf->blocked.v[i]);
}

static uint32_t take_first(struct ids *list)
{
        uint32_t first = list->v[0];
        memmove(list->v, list->v + 1, --list->n * sizeof(first));
        return first;
}

/* Room came free: those that were held back try again, one start at a time, first in the tree
 * first. */
static void try_blocked(struct wf *wf)
{
        struct ids hooks = wf->hooks_waiting, held = {0};
        wf->hooks_waiting = (struct ids){0};
        wf->freed = false;
        wf->unblocking = true;
        while ((wf->blocked.n || hooks.n) && !wf->completed && !wf->too_big) {
                bool ended =
                        wf->late || wf->shutdown != SHUTDOWN_NONE; /* then most fail without room */
                if (wf->parallelism && wf->active_pods >= wf->parallelism && !ended) {
                        judge_blocked(wf);
                        break;
                }
                if (hooks.n &&
                    (!wf->blocked.n || node_order(wf, hooks.v[0], wf->blocked.v[0]) < 0)) {
                        tell_owner(wf, take_first(&hooks)); /* it waits again when it must */
                        continue;
                }
                uint32_t first = take_first(&wf->blocked);
                if (!unblock(wf, first))
                        ids_add(&held, first);
        }
        for (uint32_t i = 0; i < held.n; i++)
                task_block(wf, held.v[i]);
        for (uint32_t i = 0; i < hooks.n; i++)
                task_wait(wf, &wf->hooks_waiting, hooks.v[i]);
        wf->unblocking = false;
        mem_free(hooks.v);
        mem_free(held.v);
}

/* A hook of the workflow has no room: it is tried when there is some. */
static bool workflow_waits(const struct wf *wf)
{
        for (uint32_t i = 0; i < wf->hooks_waiting.n; i++)
                if (wf->hooks_waiting.v[i] == wf->entry)
                        return true;
        return false;
}

/* Nodes with hooks that have changed, then the hooks of the workflow. */
static void look_at_hooks(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->look.n && !wf->completed; i++)
                if (node_at(wf, wf->look.v[i])->owner != NONE)
                        tell_owner(wf, wf->look.v[i]);
        wf->look.n = 0;
        finish_put_status(wf); /* Argo's next pass would see it */
        if (!wf->completed && !workflow_waits(wf))
                look_at_workflow(wf);
}

static bool is_left(const struct wf *wf, const struct node *n)
{
        while (n->boundary != NONE) {
                for (uint32_t i = 0; i < wf->left.n; i++)
                        if (wf->left.v[i] == n->boundary)
                                return true;
                n = node_at(wf, n->boundary);
        }
        return false;
}

/* What runs below steps that have failed meanwhile would keep its locks for good (and does, in
 * Argo): it ends, unless the workflow has ended. True: something changed. */
static bool end_left(struct wf *wf)
{
        bool any = false;
        for (uint32_t i = 0; wf->left.n && i < wf->n_nodes; i++) {
                const struct node *n = node_at(wf, i);
                if (node_fulfilled(n) || !is_left(wf, n))
                        continue; /* daemons are told to end already */
                if (node_is_work(n))
                        pod_kill(wf, i);
                node_close(wf, i);
                node_set(wf, i, PHASE_FAILED, "the steps around it have failed");
                any = true;
        }
        wf->left.n = 0;
        return any;
}

/* Of a suspended workflow that was restored: pods to be started again which nothing has opened,
 * for what is around them has ended. */
static void start_left(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->n_nodes && !wf->completed; i++) {
                const struct node *n = node_at(wf, i);
                if (node_is_work(n) && n->phase < PHASE_SUCCEEDED && !n->pod_started && !n->sync &&
                    !n->tmpl)
                        pod_start_left(wf, i);
        }
}

static void run(struct wf *wf)
{
        if (!sync_workflow_may_run(wf))
                return;
        bool opened = wf->entry == NONE && wf->n_nodes;
        if (wf->entry == NONE) {
                wf->opening = wf->n_nodes > 0;
                wf_start_entry(wf);
                wf->opening = false;
        }
        for (uint32_t i = 0; i < wf->watchers.n; i++)
                if (!node_at(wf, wf->watchers.v[i])->told)
                        ids_add(&wf->look, wf->watchers.v[i]);
        for (;;) {
                drain(wf);
                look_at_hooks(wf);
                limits_end(wf);
                if (!wf->completed && (wf->q_head < wf->q_tail || end_left(wf)))
                        continue;
                if (wf->completed || !wf->freed ||
                    (!wf->blocked.n && !wf->hooks_waiting.n && wf->entry != NONE))
                        break;
                if (wf->entry == NONE)
                        wf_start_entry(wf);
                try_blocked(wf);
        }
        if (opened)
                start_left(wf);
}

static void put_changes(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->dirty.n; i++) {
                struct node *n = node_at(wf, wf->dirty.v[i]);
                n->dirty = false;
                wf_put_command(wf, (struct wf_command){.kind = WF_NODE_CHANGED,
                                                       .node_id = node_id_text(wf, n, &wf->step),
                                                       .node_name = n->name});
        }
        wf->dirty.n = 0;
        sync_put_wanted(wf);
        control_put_timer(wf);
        if (wf->changed)
                wf_put_command(wf, (struct wf_command){.kind = WF_CHANGED});
        wf->changed = false;
}

/* What was decided before the restart, carried out once the tree is open and exit handlers are
 * known. */
static void end_late(struct wf *wf)
{
        if (wf->restored_late)
                control_deadline(wf);
        if (wf->restored_shutdown)
                control_shut_down(wf);
        wf->restored_late = wf->restored_shutdown = false;
        if (!wf_is_held(wf))
                run(wf);
}

void engine_step(struct wf *wf, const struct wf_input *in, size_t n, struct wall now,
                 struct wf_commands *out)
{
        bool timer = false, was_complete = wf->completed;
        wf->pods_before = wf->active_pods;
        arena_reset(&wf->step);
        wf->out = out;
        wf->now_ns = now.ns > wf->now_ns ? now.ns : wf->now_ns;
        if (!wf->completed && (wf->begun || wf_begin(wf))) {
                for (size_t i = 0; i < n; i++) {
                        control_input(wf, &in[i]);
                        timer = timer || in[i].kind == WF_TIMER;
                }
                control_due(wf, timer);
                if (!wf_is_held(wf))
                        run(wf);
                if (!wf->completed && (wf->restored_shutdown || wf->restored_late))
                        end_late(wf);
                limits_end(wf);
                finish_put_status(wf);
        }
        put_changes(wf);
        if (wf->completed && !was_complete)
                wf_put_command(wf, (struct wf_command){.kind = WF_FINISHED});
        wf->out = NULL;
}

typedef bool pod_test_fn(const struct node *n);

static void each_pod(const struct wf *wf, pod_test_fn *test,
                     void (*each)(void *arg, const char *node_id, const char *pod_name), void *arg)
{
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                const struct node *n = node_at(wf, i);
                if (test(n))
                        each(arg, node_id_text(wf, n, &a), node_pod_name(wf, n, &a));
        }
        arena_deinit(&a);
}

static bool is_live(const struct node *n)
{
        return node_is_work(n) && n->phase < PHASE_SUCCEEDED && n->pod_started;
}

/* A pod that ended by itself has told its exit code. */
static bool is_cut(const struct node *n)
{
        return n->type == NODE_POD && phase_completed(n->phase) &&
               !json_object_get(n->outputs, "exitCode");
}

void wf_each_live_pod(const struct wf *wf,
                      void (*each)(void *arg, const char *node_id, const char *pod_name), void *arg)
{
        each_pod(wf, is_live, each, arg);
}

void wf_each_cut_pod(const struct wf *wf,
                     void (*each)(void *arg, const char *node_id, const char *pod_name), void *arg)
{
        each_pod(wf, is_cut, each, arg);
}

void wf_restart_pod(struct wf *wf, const char *node_id, struct wall now, struct wf_commands *out)
{
        uint32_t i = node_by_id_text(wf, node_id);
        if (i == NONE || !node_is_work(node_at(wf, i)) ||
            node_at(wf, i)->phase >= PHASE_SUCCEEDED || !node_at(wf, i)->pod_started)
                return; /* what waits for a lock or for room starts by itself */
        node_at(wf, i)->pod_started = false;
        bool left = !node_at(wf, i)->tmpl;
        if (left && wf->entry == NONE) /* not opened yet: the first step starts it */
                return;
        wf->out = out;
        wf->now_ns = now.ns > wf->now_ns ? now.ns : wf->now_ns;
        if (left)
                pod_start_left(wf, i);
        else
                pod_start(wf, i);
        drain(wf);
        put_changes(wf);
        wf->out = NULL;
}
