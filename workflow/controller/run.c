/* workflow/controller/run.c: one workflow in progress: what the store and the runner tell becomes
 * inputs of one turn, the engine's commands become pods, timers and a patch.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"
#include <malloc.h>
#include <stdlib.h>

enum { READ_RETRY_MS = 1000, BIG_NODES = 20000 };

static bool is_completed(const json_t *obj)
{
        return streq(obj_label(obj, "workflows.argoproj.io/completed"), "true");
}

static json_int_t generation_of(const json_t *obj)
{
        return json_integer_value(json_at(obj, "metadata", "generation"));
}

struct run *run_find(struct controller *c, const char *uid)
{
        struct run *r;
        HASH_FIND(hh, c->runs, uid, strlen(uid), r);
        return r;
}

static struct run *find_by_key(struct controller *c, const json_t *obj)
{
        AUTO(mem_free) char *key = mem_printf("%s/%s", obj_ns(obj), obj_name(obj));
        struct run *r;
        HASH_FIND(by_key, c->runs_by_key, key, strlen(key), r);
        return r;
}

/* ---- calls to the store ---- */

struct run_op *run_op_new(struct run *r)
{
        r->op = NEW(struct run_op);
        r->op->run = r;
        return r->op;
}

struct run *run_op_end(struct run_op *op)
{
        struct run *r = op->run;
        free(op);
        if (r)
                r->op = NULL;
        return r;
}

/* ---- inputs ---- */

static const char *keep(struct run_input *i, int slot, const char *text)
{
        return i->texts[slot] = mem_strdup(text);
}

static const json_t *keep_json(struct run_input *i, int slot, const json_t *j)
{
        return i->json[slot] = json_incref((json_t *)(uintptr_t)j);
}

static bool ends_it(const struct wf_input *in)
{
        return in->kind == WF_TERMINATE ||
               (in->kind == WF_STOP && str_empty(in->node_field_selector)) ||
               (in->kind == WF_SPEC && !str_empty(json_str(in->spec, "shutdown")));
}

void run_input(struct run *r, const struct wf_input *in)
{
        mem_grow(r->inputs, r->cap_inputs, r->n_inputs + 1);
        struct run_input *i = &r->inputs[r->n_inputs++];
        *i = (struct run_input){.in = *in};
        i->in.node_id = keep(i, 0, in->node_id);
        i->in.message = keep(i, 1, in->message);
        i->in.ip = keep(i, 2, in->ip);
        i->in.host = keep(i, 3, in->host);
        i->in.node_field_selector = keep(i, 4, in->node_field_selector);
        i->in.progress = keep(i, 5, in->progress);
        i->in.outputs = keep_json(i, 0, in->outputs);
        i->in.spec = keep_json(i, 1, in->spec);
        i->in.containers = keep_json(i, 2, in->containers);
        r->ending = r->ending || ends_it(in);
        loop_defer(r->c->o.loop, &r->turn);
}

static void drop_inputs(struct run_input *inputs, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                for (size_t t = 0; t < ARRAY_LEN(inputs[i].texts); t++)
                        free(inputs[i].texts[t]);
                for (size_t k = 0; k < ARRAY_LEN(inputs[i].json); k++)
                        json_decref(inputs[i].json[k]);
        }
        free(inputs);
}

/* ---- the step ---- */

static void set_timer(struct run *r, struct wall at)
{
        struct loop *l = r->c->o.loop;
        if (at.ns == 0) {
                timer_cancel(l, &r->timer);
                return;
        }
        int64_t wait_ns = at.ns - loop_wall(l).ns;
        timer_set(l, &r->timer, (struct mono){loop_now(l).ns + (wait_ns > 0 ? wait_ns : 0)});
}

void run_carry_out(struct run *r, struct wf_commands *cmds)
{
        for (size_t i = 0; i < cmds->n; i++) {
                struct wf_command *cmd = &cmds->items[i];
                switch (cmd->kind) {
                case WF_START_POD: pods_queue(r, cmd); break;
                case WF_KILL_POD: pods_kill(r, cmd->node_id); break;
                case WF_SET_TIMER: set_timer(r, cmd->at); break;
                case WF_NODE_CHANGED:
                        json_object_set_new(r->dirty, cmd->node_id, json_true());
                        measure_node(r, cmd->node_id);
                        break;
                case WF_CHANGED: r->dirty_status = true; break;
                case WF_FINISHED:
                        r->finished = true;
                        /* before that is stored: nobody would look for them afterwards */
                        sidecars_end(effects_sidecars(r->c->effects), r->uid);
                        break;
                case WF_RELEASE: run_locks_release(r, cmd); break;
                case WF_CACHE: memos_put(r->c->memos, r->ns, cmd->data); break;
                case WF_LOCKS: break; /* locks_step() */
                }
        }
}

static void carry_out(void *arg, const struct wf_input *in UNUSED, size_t n UNUSED,
                      struct wf_commands *cmds)
{
        run_carry_out(arg, cmds);
}

static struct wall step_time(struct run *r)
{
        struct wall now = loop_wall(r->c->o.loop);
        if (now.ns > r->last.ns)
                r->last = now;
        return r->last;
}

static void step(struct run *r)
{
        struct run_input *inputs = TAKE(r->inputs);
        size_t n = r->n_inputs;
        r->n_inputs = r->cap_inputs = 0;
        struct wf_input *flat = mem_calloc(n, sizeof(*flat));
        for (size_t i = 0; i < n; i++)
                flat[i] = inputs[i].in;
        locks_step(r->c->locks, &(struct locks_step){.wf = r->wf,
                                                     .in = flat,
                                                     .n = n,
                                                     .now = step_time(r),
                                                     .woken = r->woken,
                                                     .carry_out = carry_out,
                                                     .arg = r});
        r->woken = false;
        measure_turn(r);
        controller_locks_wake(r->c);
        free(flat);
        drop_inputs(inputs, n);
}

static void on_turn(void *arg)
{
        struct run *r = arg;
        if (r->state != RUN_LIVE || r->c->draining)
                return;
        if ((r->n_inputs || r->woken) && !run_must_wait(r))
                step(r);
        persist_flush(r);
}

static void on_timer(void *arg)
{
        run_input(arg, &(struct wf_input){.kind = WF_TIMER, .exit_code = -1});
}

/* ---- life ---- */

static struct run *run_new(struct controller *c, const json_t *obj)
{
        struct run *r = NEW(struct run);
        r->c = c;
        r->ns = mem_strdup(obj_ns(obj));
        r->name = mem_strdup(obj_name(obj));
        r->uid = mem_strdup(obj_uid(obj));
        r->key = mem_printf("%s/%s", r->ns, r->name);
        r->log = log_with(c->log, F_STR("workflow", r->name), F_STR("namespace", r->ns));
        task_init(&r->turn, on_turn, r);
        timer_init(&r->timer, on_timer, r);
        persist_init(r);
        HASH_ADD_KEYPTR(hh, c->runs, r->uid, strlen(r->uid), r);
        HASH_ADD_KEYPTR(by_key, c->runs_by_key, r->key, strlen(r->key), r);
        return r;
}

void run_free(struct run *r)
{
        struct controller *c = r->c;
        if (r->state == RUN_READING)
                c->reading--;
        if (r->op)
                r->op->run = NULL;
        HASH_DELETE(hh, c->runs, r);
        HASH_DELETE(by_key, c->runs_by_key, r);
        run_leave(r);
        loop_undefer(c->o.loop, &r->turn);
        timer_cancel(c->o.loop, &r->timer);
        drop_inputs(r->inputs, r->n_inputs);
        pods_deinit(r);
        run_locks_deinit(r);
        persist_deinit(r);
        json_decref(r->newest);
        json_decref(r->finalizers);
        measure_end(r);
        bool big = r->wf && wf_node_count(r->wf) > BIG_NODES;
        wf_free(r->wf);
        if (big) /* hundreds of megabytes are worth the milliseconds */
                malloc_trim(0);
        log_free(r->log);
        free(r->key);
        free(r->ns);
        free(r->name);
        free(r->uid);
        free(r);
}

/* An object that is being deleted and still there waits for us (artifact_gc.c): it ends now. */
static void look_at_metadata(struct run *r, const json_t *obj)
{
        json_decref(r->finalizers);
        r->finalizers = json_incref(json_at(obj, "metadata", "finalizers"));
        if (!str_empty(json_str(obj, "metadata", "deletionTimestamp")) && !wf_completed(r->wf))
                run_input(r, &(struct wf_input){.kind = WF_TERMINATE, .exit_code = -1});
}

/* Retried, or resubmitted with what succeeded: it has a status and did not begin yet. */
static bool is_reopened(const json_t *obj)
{
        return json_object_size(json_object_get(obj, "status")) &&
               str_empty(json_str(obj, "status", "phase"));
}

/* Plugins that run beside it. */
static void adopt_sidecars(struct run *r, const json_t *obj)
{
        const json_t *stored = json_at(obj, "status", "storedWorkflowTemplateSpec"),
                     *spec = stored ? stored : json_object_get(obj, "spec");
        const struct sidecar_of of = {
                .ns = r->ns, .workflow = r->name, .uid = r->uid, .spec = spec};
        sidecars_adopt(effects_sidecars(r->c->effects), &of);
}

/* From here on the engine decides. `restored`: it has run before. */
static void go_live(struct run *r, const json_t *obj, bool restored)
{
        ERR_SLOT(e);
        r->generation = generation_of(obj);
        if (wf_new(&r->wf, obj, &r->c->lookup, &r->c->defaults, &e) < 0) {
                r->state = RUN_BROKEN;
                log_error(r->log, "A workflow cannot be read; it is left alone.", F_ERR(&e));
                metric_add(metric_series(METRIC_WF_ERRORS, "unreadable", NULL, NULL), 1);
                err_clear(&e);
                return;
        }
        r->state = RUN_LIVE;
        if (restored && is_reopened(obj)) {
                log_info(r->log, "Workflow started again.");
                runner_forget(r->c->runner, r->uid, FORGET_PODS);
                persist_reopened(r, obj);
        } else if (restored) {
                locks_restore_all(r->c->locks, r->wf);
                r->restored = true;
                persist_restored(r, obj);
                adopt_sidecars(r, obj);
                pods_recover(r);
        } else {
                log_info(r->log, "Workflow started.");
        }
        run_join(r, obj);
        run_input(r, &(struct wf_input){.kind = WF_START, .exit_code = -1});
        look_at_metadata(r, obj);
        annotations_look(r, obj);
}

static void on_changed(struct run *r, const json_t *obj)
{
        if (generation_of(obj) != r->generation) {
                r->generation = generation_of(obj);
                run_input(r, &(struct wf_input){.kind = WF_SPEC,
                                                .spec = json_object_get(obj, "spec"),
                                                .exit_code = -1});
        }
        look_at_metadata(r, obj);
        annotations_look(r, obj);
}

static void on_read(void *arg, json_t *obj, const struct err *e)
{
        struct run *r = run_op_end(arg);
        if (!r)
                return;
        if (e ? e->code == ERR_NOT_FOUND : !streq(obj_uid(obj), r->uid)) { /* deleted meanwhile */
                struct controller *c = r->c;
                run_free(r);
                controller_locks_open(c);
                return;
        }
        if (e) {
                log_warn(r->log, "A workflow cannot be read, trying again.", F_ERR(e));
                timer_after_ms(r->c->o.loop, &r->retry, READ_RETRY_MS);
                return;
        }
        r->waits_for_pods = is_reopened(obj) && runner_busy(r->c->runner, r->uid);
        if (r->waits_for_pods) /* killed ones of the run before: pods_on_update() */
                return;
        r->c->reading--;
        AUTO_JSON json_t *newest = TAKE(r->newest);
        go_live(r, obj, true);
        controller_locks_open(r->c);
        if (newest && r->state == RUN_LIVE)
                on_changed(r, newest);
}

void run_read(struct run *r)
{
        store_get(r->c->o.store, (struct store_ref){&STORE_WORKFLOW, r->ns, r->name}, on_read,
                  run_op_new(r));
}

static void begin(struct controller *c, json_t *obj)
{
        struct run *r = run_new(c, obj);
        if (str_empty(json_str(obj, "status", "phase")) && !is_reopened(obj)) {
                go_live(r, obj, false);
                return;
        }
        c->reading++;
        r->state = RUN_READING;
        run_read(r);
}

void run_set(struct controller *c, json_t *obj)
{
        if (c->draining)
                return;
        struct run *r = find_by_key(c, obj);
        if (r && !streq(r->uid, obj_uid(obj))) { /* deleted and made again */
                AUTO_JSON json_t *old = json_pack("{s:{s:s}}", "metadata", "uid", r->uid);
                run_gone(c, old);
                r = NULL;
        }
        if (!r) {
                if (!is_completed(obj))
                        begin(c, obj);
        } else if (r->state == RUN_LIVE) {
                on_changed(r, obj);
        } else if (r->state == RUN_READING) {
                json_decref(r->newest);
                r->newest = json_incref(obj);
        }
}

void run_gone(struct controller *c, const json_t *obj)
{
        struct run *r = run_find(c, obj_uid(obj));
        if (!r || r->finished || r->state == RUN_DELETED)
                return; /* finished ones leave by themselves once that is durable */
        log_info(r->log, "Workflow was deleted.", F_UINT("pods", HASH_COUNT(r->pods)));
        if (r->op)
                TAKE(r->op)->run = NULL;
        persist_stop(r);
        run_locks_gone(r);
        run_leave(r);
        if (r->state == RUN_READING)
                c->reading--;
        controller_locks_open(c);
        r->state = RUN_DELETED;
        loop_undefer(c->o.loop, &r->turn);
        timer_cancel(c->o.loop, &r->timer);
        run_orphan_end(r);
}

struct run *run_orphan(struct controller *c, const char *uid)
{
        AUTO_JSON json_t *obj = json_pack("{s:{s:s, s:s, s:s}}", "metadata", "name", uid,
                                          "namespace", "", "uid", uid);
        struct run *r = run_new(c, obj);
        r->state = RUN_DELETED;
        return r;
}

void run_orphan_end(struct run *r)
{
        sidecars_end(effects_sidecars(r->c->effects), r->uid);
        if (pods_busy(r)) {
                pods_kill_all(r, -1);
                return;
        }
        pods_forget_claims(r);
        runner_forget(r->c->runner, r->uid, FORGET_LOGS);
        run_free(r);
}
