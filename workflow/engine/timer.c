/* workflow/engine/timer.c: one heap of moments per workflow; the controller only hears of the
 * earliest. Entries are never removed early: who is told of a moment that no longer matters does
 * nothing. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static void swap(struct timer *a, struct timer *b)
{
        struct timer t = *a;
        *a = *b;
        *b = t;
}

/* At one moment the workflow's deadline comes first. */
static bool before(const struct timer *a, const struct timer *b)
{
        return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->node + 1 < b->node + 1);
}

void control_timer(struct wf *wf, int64_t at_ns, uint32_t node)
{
        mem_grow(wf->timers, wf->cap_timers, wf->n_timers + 1);
        size_t i = wf->n_timers++;
        wf->timers[i] = (struct timer){at_ns, node};
        for (; i && before(&wf->timers[i], &wf->timers[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&wf->timers[i], &wf->timers[(i - 1) / 2]);
}

static struct timer pop(struct wf *wf)
{
        struct timer first = wf->timers[0];
        wf->timers[0] = wf->timers[--wf->n_timers];
        for (size_t i = 0;;) {
                size_t least = i;
                for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < wf->n_timers; k++)
                        if (before(&wf->timers[k], &wf->timers[least]))
                                least = k;
                if (least == i)
                        break;
                swap(&wf->timers[i], &wf->timers[least]);
                i = least;
        }
        return first;
}

static bool is_stale(const struct wf *wf, const struct timer *t)
{
        if (t->node == NONE)
                return t->at_ns != wf->deadline_ns || wf->late;
        return node_fulfilled(node_at(wf, t->node));
}

/* A pod that is still Pending when its template's timeout passes will not run. */
static void pod_timed_out(struct wf *wf, uint32_t node)
{
        if (node_at(wf, node)->phase != PHASE_PENDING)
                return;
        pod_kill(wf, node);
        node_set(wf, node, PHASE_FAILED, "timeout");
}

static void fire(struct wf *wf, uint32_t node)
{
        if (node == NONE) {
                control_deadline(wf);
                return;
        }
        switch ((enum node_type)node_at(wf, node)->type) {
        case NODE_RETRY: retry_due(wf, node); break;
        case NODE_SUSPEND: suspend_due(wf, node); break;
        default: pod_timed_out(wf, node); break;
        }
}

static bool is_due(const struct wf *wf, int64_t at_ns, bool timer_input)
{
        return at_ns < wf->now_ns || (timer_input && at_ns == wf->now_ns);
}

/* A timer fires just after its moment: what else happens at that very moment is seen first. A
 * suspended workflow only minds its deadline; the rest is caught up with when it goes on. */
void control_due(struct wf *wf, bool timer_input)
{
        wf->timers_fire = true;
        if (timer_input)
                wf->timer_set_ns = 0; /* it is used up */
        if (wf_is_held(wf) && !wf->late && is_due(wf, wf->deadline_ns, timer_input))
                control_deadline(wf);
        while (wf->n_timers && !wf_is_held(wf) && is_due(wf, wf->timers[0].at_ns, timer_input)) {
                struct timer t = pop(wf);
                if (!is_stale(wf, &t))
                        fire(wf, t.node);
        }
        wf->timers_fire = false;
}

void control_put_timer(struct wf *wf)
{
        while (wf->n_timers && is_stale(wf, &wf->timers[0]))
                pop(wf);
        int64_t at = wf->n_timers ? wf->timers[0].at_ns : 0;
        if (wf_is_held(wf))
                at = wf->late || wf->deadline_ns == INT64_MAX ? 0 : wf->deadline_ns;
        if (wf->completed)
                at = 0;
        if (at == wf->timer_set_ns)
                return;
        wf->timer_set_ns = at;
        wf_put_command(wf, (struct wf_command){.kind = WF_SET_TIMER, .at = {at}});
}
