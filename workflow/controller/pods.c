/* workflow/controller/pods.c: pods between the engine and the runner. A pod starts only when its
 * node is durable, and is made ready while that is on its way; one that is killed before that never
 * starts. SPDX-License-Identifier: Apache-2.0
 */
#include "workflow/controller/controller_priv.h"
#include <stdlib.h>

enum { DEFAULT_GRACE = -1 }; /* of the runner: 30 s between SIGTERM and SIGKILL */

static const char *const phase_names[] = {"Pending", "Running", "Succeeded", "Failed", "Error"};

/* ---- counting ---- */

static void count(const struct run *r, int from, int to)
{
        if (from >= 0)
                metric_add(metric_series(METRIC_PODS_GAUGE, phase_names[from], NULL, NULL), -1);
        if (to < 0)
                return;
        if (to < POD_SUCCEEDED)
                metric_add(metric_series(METRIC_PODS_GAUGE, phase_names[to], NULL, NULL), 1);
        metric_add(metric_series(METRIC_PODS_TOTAL, phase_names[to], r->ns, NULL), 1);
}

static struct run_pod *find(struct run *r, const char *node_id)
{
        struct run_pod *p;
        HASH_FIND_STR(r->pods, node_id, p);
        return p;
}

static void track(struct run *r, const char *node_id)
{
        if (find(r, node_id))
                return;
        struct run_pod *p = NEW(struct run_pod);
        p->node_id = mem_strdup(node_id);
        p->phase = POD_PENDING;
        HASH_ADD_KEYPTR(hh, r->pods, p->node_id, strlen(p->node_id), p);
        r->c->n_pods++;
        count(r, -1, POD_PENDING);
}

static void untrack(struct run *r, struct run_pod *p)
{
        HASH_DEL(r->pods, p);
        r->c->n_pods--;
        free(p->node_id);
        free(p);
}

/* ---- starting ---- */

static void start_deinit(struct pod_start *s)
{
        free(s->node_id);
        free(s->node_name);
        free(s->pod_name);
        json_decref(s->template);
}

static bool report_lost(struct run *r, const struct wf_command *cmd);

/* Its own, or what a retry's maxDuration leaves: the smaller; 0: none. */
static int64_t deadline_of(const struct wf_command *cmd)
{
        if (!cmd->deadline_s ||
            (cmd->execution_limit_s && cmd->execution_limit_s < cmd->deadline_s))
                return cmd->execution_limit_s;
        return cmd->deadline_s;
}

void pods_queue(struct run *r, struct wf_command *cmd)
{
        struct pod_starts *q = &r->next;
        if (report_lost(r, cmd))
                return;
        mem_grow(q->items, q->cap, q->n + 1);
        q->items[q->n++] = (struct pod_start){.work = cmd->work,
                                              .node_id = mem_strdup(cmd->node_id),
                                              .node_name = mem_strdup(cmd->node_name),
                                              .pod_name = mem_strdup(cmd->pod_name),
                                              .template = TAKE(cmd->template),
                                              .capture_result = cmd->capture_result,
                                              .deadline_s = deadline_of(cmd)};
}

static struct pod_request request_of(const struct run *r, const struct pod_start *s)
{
        return (struct pod_request){.ns = r->ns,
                                    .workflow = r->name,
                                    .workflow_uid = r->uid,
                                    .node_id = s->node_id,
                                    .node_name = s->node_name,
                                    .pod_name = s->pod_name,
                                    .template = s->template,
                                    .capture_result = s->capture_result,
                                    .deadline_s = s->deadline_s,
                                    .spec = wf_spec_json(r->wf)};
}

static void start(struct run *r, const struct pod_start *s)
{
        const struct pod_request req = request_of(r, s);
        track(r, s->node_id);
        if (s->held)
                runner_release(r->c->runner, r->uid, s->node_id);
        else if (s->work == WORK_POD)
                runner_start(r->c->runner, &req);
        else
                effects_start(r->c->effects, &req);
}

void pods_hold(struct run *r)
{
        for (size_t i = 0; i < r->flight.n; i++) {
                struct pod_start *s = &r->flight.items[i];
                if (s->killed || s->held || s->work != WORK_POD || r->c->draining)
                        continue;
                struct pod_request req = request_of(r, s);
                s->held = req.held = true;
                runner_start(r->c->runner, &req);
        }
}

static void drop(struct run *r, struct pod_start *s)
{
        if (s->held)
                runner_drop(r->c->runner, r->uid, s->node_id);
        s->held = false;
}

static void report_never_started(struct run *r, const char *node_id)
{
        struct wall now = loop_wall(r->c->o.loop);
        run_input(r, &(struct wf_input){.kind = WF_POD,
                                        .node_id = node_id,
                                        .pod_phase = POD_FAILED,
                                        .message = "killed before it started",
                                        .exit_code = -1,
                                        .started = now,
                                        .finished = now});
}

void pods_start(struct run *r, struct pod_starts *starts)
{
        struct pod_starts list = *starts;
        *starts = (struct pod_starts){0};
        for (size_t i = 0; i < list.n; i++) {
                if (list.items[i].killed || r->c->draining)
                        drop(r, &list.items[i]);
                if (list.items[i].killed)
                        report_never_started(r, list.items[i].node_id);
                else if (!r->c->draining) /* else it stays Pending without a trace: the next start
                                             runs it */
                        start(r, &list.items[i]);
                start_deinit(&list.items[i]);
        }
        free(list.items);
}

void pods_requeue(struct run *r)
{
        struct pod_starts all = r->flight;
        r->flight = (struct pod_starts){0};
        for (size_t i = 0; i < all.n; i++)
                drop(r, &all.items[i]);
        mem_grow(all.items, all.cap, all.n + r->next.n);
        for (size_t i = 0; i < r->next.n; i++)
                all.items[all.n++] = r->next.items[i];
        free(r->next.items);
        r->next = all;
}

/* ---- ending ---- */

static bool cancel_start(struct pod_starts *starts, const char *node_id)
{
        for (size_t i = 0; i < starts->n; i++) {
                if (streq(starts->items[i].node_id, node_id)) {
                        starts->items[i].killed = true;
                        return true;
                }
        }
        return false;
}

static void end_work(struct run *r, const char *node_id, int grace_s)
{
        if (!effects_kill(r->c->effects, r->uid, node_id))
                runner_kill(r->c->runner, r->uid, node_id, grace_s);
}

void pods_kill(struct run *r, const char *node_id)
{
        if (!cancel_start(&r->next, node_id) && !cancel_start(&r->flight, node_id))
                end_work(r, node_id, DEFAULT_GRACE);
}

void pods_kill_all(struct run *r, int grace_s)
{
        struct run_pod *p, *next;
        HASH_ITER (hh, r->pods, p, next)
                end_work(r, p->node_id, grace_s);
}

void pods_adopt(struct run *r, const char *node_id)
{
        if (runner_adopt(r->c->runner, r->uid, node_id))
                track(r, node_id);
}

/* ---- news ---- */

static void pass_on(struct run *r, const char *node_id, const struct pod_status *st)
{
        run_input(r, &(struct wf_input){.kind = WF_POD,
                                        .node_id = node_id,
                                        .pod_phase = st->phase,
                                        .message = st->message,
                                        .exit_code = st->exit_code,
                                        .outputs = st->outputs,
                                        .ready = st->ready,
                                        .progress = st->progress,
                                        .containers = st->containers,
                                        .ip = st->ip,
                                        .host = st->host,
                                        .started = st->started,
                                        .finished = st->finished});
}

bool pods_busy(const struct run *r)
{
        return r->pods || sidecars_busy(effects_sidecars(r->c->effects), r->uid);
}

static void look_whether_done(struct run *r)
{
        if (r->state != RUN_DELETED || pods_busy(r))
                return;
        pods_forget_claims(r);
        runner_forget(r->c->runner, r->uid, FORGET_LOGS);
        run_free(r);
}

/* The run before is over when all of it has ended. */
static void look_whether_to_read(struct run *r)
{
        if (!r->waits_for_pods)
                return;
        r->waits_for_pods = false;
        run_read(r);
}

void pods_sidecar_ended(struct run *r)
{
        look_whether_to_read(r);
        look_whether_done(r);
}

void pods_on_update(struct run *r, const char *node_id, const struct pod_status *st)
{
        struct run_pod *p = find(r, node_id);
        if (p && p->phase != (int)st->phase) {
                count(r, p->phase, st->phase);
                p->phase = st->phase;
        }
        if (p && st->phase >= POD_SUCCEEDED)
                untrack(r, p);
        if (st->phase >= POD_SUCCEEDED)
                look_whether_to_read(r);
        if (r->state == RUN_LIVE) {
                pass_on(r, node_id, st);
                if (st->phase >= POD_SUCCEEDED)
                        podgc_pod_ended(r, node_id, st->phase == POD_SUCCEEDED);
        }
        look_whether_done(r);
}

/* ---- volumes that were made for the workflow ---- */

void claims_forget(struct controller *c, const char *ns, const json_t *volumes)
{
        size_t i;
        json_t *v;
        json_array_foreach (volumes, i, v)
                runner_forget_claim(c->runner, ns,
                                    json_str(v, "persistentVolumeClaim", "claimName"));
}

void pods_forget_claims(struct run *r)
{
        AUTO_JSON json_t *volumes = r->wf ? wf_claims_json(r->wf) : NULL;
        claims_forget(r->c, r->ns, volumes);
}

/* ---- recovery ---- */

struct live {
        char **ids;
        size_t n, cap;
};

static void collect(void *arg, const char *node_id, const char *pod_name UNUSED)
{
        struct live *live = arg;
        mem_grow(live->ids, live->cap, live->n + 1);
        live->ids[live->n++] = mem_strdup(node_id);
}

static bool was_running(const struct run *r, const char *node_id)
{
        AUTO_JSON json_t *node = wf_node_json(r->wf, node_id);
        return streq(json_str(node, "phase"), "Running");
}

/* It is asked for again, but it was seen running: a pod was taken away, and running it again is not
 * ours to decide. Other work leaves no trace and may be repeated. */
static bool report_lost(struct run *r, const struct wf_command *cmd)
{
        if (!r->lost || json_object_del(r->lost, cmd->node_id) < 0 || cmd->work != WORK_POD)
                return false;
        struct wall now = loop_wall(r->c->o.loop);
        const struct pod_status st = {.phase = POD_ERROR,
                                      .message = "pod deleted",
                                      .exit_code = -1,
                                      .started = now,
                                      .finished = now};
        pass_on(r, cmd->node_id, &st);
        return true;
}

/* No trace of it: it never began, unless it was seen running. */
static void recover_lost(struct run *r, const char *node_id)
{
        if (was_running(r, node_id)) {
                r->lost = r->lost ? r->lost : json_object();
                json_object_set_new(r->lost, node_id, json_true());
        }
        struct wf_commands cmds = {0};
        wf_restart_pod(r->wf, node_id, loop_wall(r->c->o.loop), &cmds);
        run_carry_out(r, &cmds);
        wf_commands_deinit(&cmds);
}

/* It may have been killed and not heard of it. */
static void kill_again(void *arg, const char *node_id, const char *pod_name UNUSED)
{
        struct run *r = arg;
        if (runner_adopt(r->c->runner, r->uid, node_id))
                runner_kill(r->c->runner, r->uid, node_id, DEFAULT_GRACE);
}

void pods_recover(struct run *r)
{
        struct live live = {0};
        size_t adopted = 0;
        wf_each_cut_pod(r->wf, kill_again, r);
        wf_each_live_pod(r->wf, collect, &live);
        for (size_t i = 0; i < live.n; i++) {
                track(r, live.ids[i]); /* before adopting: updates may come at once */
                if (runner_adopt(r->c->runner, r->uid, live.ids[i])) {
                        adopted++;
                } else {
                        struct run_pod *p = find(r, live.ids[i]);
                        count(r, p->phase, -1);
                        untrack(r, p);
                        recover_lost(r, live.ids[i]);
                }
                free(live.ids[i]);
        }
        free(live.ids);
        log_info(r->log, "Workflow resumed.", F_UINT("pods", live.n), F_UINT("adopted", adopted));
}

static void starts_deinit(struct run *r, struct pod_starts *starts)
{
        for (size_t i = 0; i < starts->n; i++) {
                drop(r, &starts->items[i]);
                start_deinit(&starts->items[i]);
        }
        free(starts->items);
        *starts = (struct pod_starts){0};
}

void pods_deinit(struct run *r)
{
        struct run_pod *p, *next;
        HASH_ITER (hh, r->pods, p, next) {
                count(r, p->phase, -1);
                untrack(r, p);
        }
        starts_deinit(r, &r->next);
        starts_deinit(r, &r->flight);
        json_decref(r->lost);
}
