/* workflow/controller/controller.c: start, follow, drain; see controller.h. Workflows are followed
 * once the caches are filled, and only those that are not completed: a data folder with a long
 * history starts as fast as an empty one. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/user_metrics.h"
#include "workflow/controller/config.h"
#include "workflow/controller/finished.h"
#include "workflow/cron/crons.h"
#include <malloc.h>
#include <stdlib.h>

#define NOT_COMPLETED "workflows.argoproj.io/completed!=true"

static const json_t *look_up(void *arg, const char *kind, const char *ns, const char *name)
{
        struct controller *c = arg;
        if (streq(kind, "WorkflowTemplate"))
                return cache_get(c->templates, ns, name);
        if (streq(kind, "ClusterWorkflowTemplate"))
                return cache_get(c->cluster_templates, ns, name);
        if (streq(kind, "ConfigMap"))
                return cache_get(c->config_maps, ns, name);
        return NULL;
}

static void on_drain_check(void *arg);
static void on_drain_timeout(void *arg);

int controller_new(struct controller **out, const struct controller_options *o, struct err *e)
{
        struct controller *c = NEW(struct controller);
        /* Trees of many small blocks come and go as wholes: glibc's fast bins would be consolidated
         * again and again while they do (a quarter of the time of a recovery). */
        mallopt(M_MXFAST, 0);
        c->o = *o;
        c->o.ns = c->ns = mem_strdup(o->ns);
        c->o.data_dir = c->data_dir = mem_strdup(o->data_dir ? o->data_dir : ".");
        c->selector = o->label_selector ? mem_printf("%s,%s", NOT_COMPLETED, o->label_selector)
                                        : mem_strdup(NOT_COMPLETED);
        c->log = log_with(log_root(), F_STR("component", "controller"));
        c->lookup = (struct wf_lookup){look_up, c};
        c->locks = locks_new(&c->lookup);
        locks_open(c->locks, false);
        c->memos = memos_new(c);
        if (o->config && (o->config->parallelism || o->config->namespace_parallelism))
                c->throttle =
                        throttle_new(o->config->parallelism, o->config->namespace_parallelism);
        const json_t *given = o->config ? o->config->artifact_repository : NULL;
        c->artifact_repository =
                given ? json_incref((json_t *)(uintptr_t)given)
                      : json_pack("{s:b, s:{s:s}}", "archiveLogs", 0, "folder", "keyFormat",
                                  "{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}");
        c->defaults = (struct wf_defaults){.artifact_repository = c->artifact_repository};
        if (o->config) {
                c->defaults.workflow_defaults = o->config->workflow_defaults;
                c->defaults.max_nodes = (uint32_t)o->config->limits.nodes;
                c->defaults.max_output_bytes = (uint64_t)o->config->limits.output_bytes;
        }
        c->metrics = measure_new(c);
        c->podgc = podgc_new(c);
        task_init(&c->drain_check, on_drain_check, c);
        timer_init(&c->drain_timer, on_drain_timeout, c);
        const struct effects_options effects = {
                .loop = o->loop,
                .store = o->store,
                .data_dir = c->data_dir,
                .plugins = o->config ? o->config->executor_plugins : NULL,
                .guard_addresses = o->config && o->config->guard_addresses};
        if (effects_new(&c->effects, &effects, controller_on_pod, c, e) < 0) {
                controller_free(c);
                return -1;
        }
        *out = c;
        return 0;
}

struct controller *controller_free(struct controller *c)
{
        if (!c)
                return NULL;
        c->crons = crons_free(c->crons);
        c->finished = finished_free(c->finished);
        c->sweep = sweep_free(c->sweep);
        c->workflows = store_follow_stop(c->workflows);
        struct run *r, *next;
        HASH_ITER (hh, c->runs, r, next)
                run_free(r);
        c->throttle = throttle_free(c->throttle);
        c->memos = memos_free(c->memos);
        c->locks = locks_free(c->locks);
        c->effects = effects_free(c->effects);
        c->templates = cache_free(c->templates);
        c->cluster_templates = cache_free(c->cluster_templates);
        c->config_maps = cache_free(c->config_maps);
        loop_undefer(c->o.loop, &c->drain_check);
        timer_cancel(c->o.loop, &c->drain_timer);
        c->metrics = user_metrics_free(c->metrics);
        c->podgc = podgc_free(c->podgc);
        json_decref(c->artifact_repository);
        log_free(c->log);
        free(c->selector);
        free(c->data_dir);
        free(c->ns);
        free(c);
        return NULL;
}

/* ---- following ---- */

static void on_set(void *arg, json_t *obj)
{
        run_set(arg, obj);
}

static void on_gone(void *arg, json_t *obj)
{
        run_gone(arg, obj);
}

static void start_crons(struct controller *c)
{
        ERR_SLOT(e);
        const struct crons_options o = {.loop = c->o.loop,
                                        .store = c->o.store,
                                        .ns = c->o.ns,
                                        .lookup = &c->lookup,
                                        .may_go = finished_may_go,
                                        .arg = c->finished};
        if (crons_start(&c->crons, &o, &e) < 0) {
                log_error(c->log, "CronWorkflows cannot be followed.", F_ERR(&e));
                err_clear(&e);
        }
}

static void on_synced(void *arg)
{
        struct controller *c = arg;
        if (c->synced) /* the follow began anew */
                return;
        c->synced = true;
        controller_locks_open(c);
        c->sweep = sweep_start(c);
        c->finished = finished_start(c);
        start_crons(c);
        log_info(c->log, "Workflows are followed.", F_UINT("unfinished", HASH_COUNT(c->runs)));
}

static int follow_workflows(struct controller *c, struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        const struct store_list_opts opts = {.label_selector = c->selector, .no_nodes = true};
        return store_follow(&c->workflows, c->o.store, &STORE_WORKFLOW, c->o.ns, &opts, &handlers,
                            c, e);
}

void controller_cache_synced(struct controller *c)
{
        if (c->workflows || !c->started || !cache_synced(c->templates) ||
            !cache_synced(c->cluster_templates) || !cache_synced(c->config_maps))
                return;
        ERR_SLOT(e);
        if (follow_workflows(c, &e) < 0) {
                log_error(c->log, "Workflows cannot be followed.", F_ERR(&e));
                err_clear(&e);
        }
}

int controller_start(struct controller *c, struct runner *r, struct err *e)
{
        c->runner = r;
        sidecars_use(effects_sidecars(c->effects), r);
        if (cache_follow(&c->templates, c, &STORE_WORKFLOW_TEMPLATE, c->o.ns, NULL, e) < 0 ||
            cache_follow(&c->cluster_templates, c, &STORE_CLUSTER_WORKFLOW_TEMPLATE, NULL, NULL,
                         e) < 0 ||
            cache_follow(&c->config_maps, c, &STORE_CONFIG_MAP, c->o.ns,
                         controller_locks_map_changed, e) < 0)
                return -1;
        c->started = true;
        controller_cache_synced(c);
        return 0;
}

bool controller_ready(struct controller *c)
{
        return c->synced && c->reading == 0 && !c->draining && (!c->crons || crons_ready(c->crons));
}

void controller_on_pod(void *arg, const char *workflow_uid, const char *node_id,
                       const struct pod_status *st)
{
        struct controller *c = arg;
        bool beside = sidecars_on_pod(effects_sidecars(c->effects), workflow_uid, node_id, st);
        struct run *r = run_find(c, workflow_uid);
        if (r && !beside)
                pods_on_update(r, node_id, st);
        else if (r && st->phase >= POD_SUCCEEDED)
                pods_sidecar_ended(r);
}

struct controller_info controller_info(const struct controller *c)
{
        return (struct controller_info){HASH_COUNT(c->runs),
                                        c->n_pods + sidecars_running(effects_sidecars(c->effects))};
}

void controller_count_phase(const char *ns, const char *from, const char *to)
{
        if (streq(from, to))
                return;
        if (!str_empty(from))
                metric_add(metric_series(METRIC_WF_GAUGE, from, NULL, NULL), -1);
        if (str_empty(to))
                return;
        metric_add(metric_series(METRIC_WF_GAUGE, to, NULL, NULL), 1);
        metric_add(metric_series(METRIC_WF_TOTAL, to, ns, NULL), 1);
}

void controller_kill_pods(struct controller *c)
{
        struct run *r, *next;
        HASH_ITER (hh, c->runs, r, next)
                pods_kill_all(r, 0);
        sidecars_kill(effects_sidecars(c->effects));
}

/* ---- drain ---- */

static void end_drain(struct controller *c)
{
        timer_cancel(c->o.loop, &c->drain_timer);
        loop_fn *done = TAKE(c->drained);
        if (done)
                done(c->drained_arg);
}

static void on_drain_check(void *arg)
{
        struct controller *c = arg;
        if (c->drained && c->patching == 0)
                end_drain(c);
}

static void on_drain_timeout(void *arg)
{
        struct controller *c = arg;
        log_warn(c->log, "Stopping before every state was stored; the next start repeats it.",
                 F_UINT("workflows", c->patching));
        end_drain(c);
}

void controller_look_drained(struct controller *c)
{
        if (c->draining)
                loop_defer(c->o.loop, &c->drain_check);
}

void controller_drain(struct controller *c, int grace_ms, loop_fn *done, void *arg)
{
        c->draining = true;
        c->crons = crons_free(c->crons);
        c->drained = done;
        c->drained_arg = arg;
        struct run *r, *next;
        HASH_ITER (hh, c->runs, r, next)
                persist_flush(r); /* what was held for a moment */
        timer_after_ms(c->o.loop, &c->drain_timer, grace_ms);
        loop_defer(c->o.loop, &c->drain_check);
}
