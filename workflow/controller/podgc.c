/* workflow/controller/podgc.c: spec.podGC: what a pod leaves (its folder, its logs) goes when it,
 * or its workflow, has ended, after a delay. Only pods whose labels match; only what is durable: a
 * pod without a trace whose node is not stored yet would run again. Entries outlive their run;
 * those that a restart cuts off stay until the workflow is deleted. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/store/selector.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller_priv.h"
#include "workflow/controller/labels.h"
#include <stdlib.h>

enum { DEFAULT_DELAY_MS = 5000, NOT_STORED_MS = 200 };

struct leaving {
        struct podgc *g;
        char *uid, *node_id; /* node_id NULL: all pods of the workflow */
        struct loop_timer timer;
        struct leaving *next, **prev;
};
struct podgc {
        struct controller *c;
        struct leaving *first;
};

/* ---- what the spec says ---- */

enum when { WHEN_NEVER, WHEN_POD, WHEN_POD_SUCCESS, WHEN_WORKFLOW, WHEN_WORKFLOW_SUCCESS };

static enum when strategy_of(const struct run *r)
{
        static const char *const words[] = {"", "OnPodCompletion", "OnPodSuccess",
                                            "OnWorkflowCompletion", "OnWorkflowSuccess"};
        const char *text = json_str(wf_spec_json(r->wf), "podGC", "strategy");
        for (size_t i = 1; text && i < ARRAY_LEN(words); i++)
                if (streq(text, words[i]))
                        return (enum when)i;
        return WHEN_NEVER;
}

static int64_t delay_ms(const struct run *r)
{
        const char *text = json_str(wf_spec_json(r->wf), "podGC", "deleteDelayDuration");
        const struct controller_config *config = r->c->o.config;
        int64_t ns = config ? config->pod_gc_delay_ns : DEFAULT_DELAY_MS * (int64_t)NS_PER_MS;
        if (!str_empty(text) && !duration_parse(text, &ns))
                log_warn(r->log, "podGC.deleteDelayDuration is no duration.", F_STR("value", text));
        return ns > 0 ? ns / NS_PER_MS : 0;
}

static bool is_selected(const struct run *r, const char *node_id)
{
        ERR_SLOT(e);
        const json_t *wanted = json_at(wf_spec_json(r->wf), "podGC", "labelSelector");
        AUTO(mem_free) char *text = NULL;
        AUTO(selector_free) struct selector *s = NULL;
        if (!wanted)
                return true;
        if (label_selector_text(&text, wanted, &e) < 0 || selector_labels(&s, text, &e) < 0) {
                log_warn(r->log, "podGC.labelSelector cannot be read; pods stay.", F_ERR(&e));
                err_clear(&e);
                return false;
        }
        AUTO_JSON json_t *pod =
                json_pack("{s:{s:o}}", "metadata", "labels", wf_pod_labels(r->wf, node_id));
        json_put_at(pod, json_string(r->name), "metadata", "labels",
                    "workflows.argoproj.io/workflow");
        return !s || selector_matches(s, pod);
}

/* ---- leaving ---- */

static void leaving_free(struct leaving *x)
{
        timer_cancel(x->g->c->o.loop, &x->timer);
        *x->prev = x->next;
        if (x->next)
                x->next->prev = x->prev;
        free(x->uid);
        free(x->node_id);
        free(x);
}

static bool is_stored(const struct run *r, const char *node_id)
{
        return !json_object_get(r->dirty, node_id) && !json_object_get(r->patching, node_id);
}

static bool runs_again(const struct run *r, const char *node_id)
{
        AUTO_JSON json_t *node = r->wf ? wf_node_json(r->wf, node_id) : NULL;
        const char *phase = json_str(node, "phase");
        return !phase || streq(phase, "Pending") || streq(phase, "Running");
}

static void on_time(void *arg)
{
        struct leaving *x = arg;
        struct controller *c = x->g->c;
        struct run *r = run_find(c, x->uid);
        if (r && x->node_id && r->state == RUN_LIVE && !is_stored(r, x->node_id)) {
                timer_after_ms(c->o.loop, &x->timer, NOT_STORED_MS);
                return;
        }
        /* a workflow that was retried meanwhile makes new ones */
        if (!r || (x->node_id && r->state == RUN_LIVE && !runs_again(r, x->node_id)))
                runner_forget_pod(c->runner, x->uid, x->node_id);
        leaving_free(x);
}

static void leave(struct run *r, const char *node_id)
{
        struct podgc *g = r->c->podgc;
        struct leaving *x = NEW(struct leaving);
        *x = (struct leaving){.g = g,
                              .uid = mem_strdup(r->uid),
                              .node_id = mem_strdup(node_id),
                              .next = g->first,
                              .prev = &g->first};
        if (x->next)
                x->next->prev = &x->next;
        g->first = x;
        timer_init(&x->timer, on_time, x);
        timer_after_ms(r->c->o.loop, &x->timer, delay_ms(r));
}

void podgc_pod_ended(struct run *r, const char *node_id, bool succeeded)
{
        enum when when = strategy_of(r);
        if ((when == WHEN_POD || (when == WHEN_POD_SUCCESS && succeeded)) &&
            is_selected(r, node_id))
                leave(r, node_id);
}

static void on_pod(void *arg, const char *node_id)
{
        struct run *r = arg;
        if (is_selected(r, node_id))
                leave(r, node_id);
}

void podgc_workflow_ended(struct run *r)
{
        enum when when = strategy_of(r);
        if (when != WHEN_WORKFLOW &&
            !(when == WHEN_WORKFLOW_SUCCESS && streq(wf_phase(r->wf), "Succeeded")))
                return;
        if (json_at(wf_spec_json(r->wf), "podGC", "labelSelector"))
                wf_each_pod(r->wf, on_pod, r);
        else
                leave(r, NULL);
}

struct podgc *podgc_new(struct controller *c)
{
        struct podgc *g = NEW(struct podgc);
        g->c = c;
        return g;
}

struct podgc *podgc_free(struct podgc *g)
{
        while (g && g->first)
                leaving_free(g->first);
        free(g);
        return NULL;
}
