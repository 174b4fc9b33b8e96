/* workflow/engine/control.c: what people and clocks do to a workflow: suspend, resume, set, stop,
 * terminate, the deadline (argo-workflows.md 2.13, 2.20). These look at every node once; they are
 * rare. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/fieldsel.h"
#include "workflow/engine/suspend.h"
#include "workflow/engine/sync.h"

const char *wf_over_message(const struct wf *wf)
{
        if (wf->shutdown == SHUTDOWN_NONE)
                return "Step exceeded its deadline";
        return wf->shutdown == SHUTDOWN_STOP ? "Stopped with strategy 'Stop'"
                                             : "Stopped with strategy 'Terminate'";
}

bool node_selected(const struct wf *wf, const struct node *n, const char *selector)
{
        if (str_empty(selector))
                return true;
        struct arena a;
        arena_init(&a, 0);
        AUTO_JSON json_t *node = wf_node_json(wf, node_id_text(wf, n, &a));
        arena_deinit(&a);
        return fieldsel_matches(selector, node);
}

/* ---- actions ---- */

/* As Argo: with a selector nodes just succeed, with what was supplied; without one defaults are
 * filled in, and who resumed stands behind the message. */
static void resume_node(struct wf *wf, uint32_t i, const struct wf_input *in)
{
        const char *was = node_at(wf, i)->message, *given = in->message ? in->message : "";
        bool selected = !str_empty(in->node_field_selector);
        AUTO(mem_free) char *text = was && !selected ? mem_printf("%s; %s", was, given) : NULL;
        const char *message = text ? text : *given ? given : NULL;
        if (message)
                node_set(wf, i, node_at(wf, i)->phase, message);
        if (!selected) {
                suspend_resume(wf, i);
                return;
        }
        node_set(wf, i, PHASE_SUCCEEDED, NULL);
        globals_take_outputs(wf, i);
}

static void resume(struct wf *wf, const struct wf_input *in)
{
        if (str_empty(in->node_field_selector)) {
                wf->suspended = false;
                wf->freed = wf->lock_again = true;
        }
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                const struct node *n = node_at(wf, i);
                if (suspend_is_active(n) && node_selected(wf, n, in->node_field_selector))
                        resume_node(wf, i, in);
        }
}

static void set_nodes(struct wf *wf, const struct wf_input *in)
{
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                if (suspend_is_active(node_at(wf, i)) &&
                    node_selected(wf, node_at(wf, i), in->node_field_selector))
                        suspend_set(wf, i, in);
}

static void stop(struct wf *wf, const struct wf_input *in)
{
        if (str_empty(in->node_field_selector)) {
                if (wf->shutdown == SHUTDOWN_NONE)
                        wf->shutdown = SHUTDOWN_STOP;
                control_shut_down(wf);
                return;
        }
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                if (suspend_is_active(node_at(wf, i)) &&
                    node_selected(wf, node_at(wf, i), in->node_field_selector))
                        node_set(wf, i, PHASE_FAILED, str_empty(in->message) ? NULL : in->message);
}

static void take_spec(struct wf *wf, const json_t *spec)
{
        const char *shutdown = json_str(spec, "shutdown");
        const json_t *deadline = json_object_get(spec, "activeDeadlineSeconds");
        bool suspended = json_is_true(json_object_get(spec, "suspend"));
        wf->freed = wf->freed || (wf->suspended && !suspended);
        wf->lock_again = wf->lock_again || (wf->suspended && !suspended);
        wf->suspended = suspended;
        if (json_is_integer(deadline) && wf->started_ns) {
                wf->deadline_ns = wf->started_ns + json_integer_value(deadline) * NS_PER_S;
                control_timer(wf, wf->deadline_ns, NONE);
        }
        if (streq(shutdown, "Terminate"))
                wf->shutdown = SHUTDOWN_TERMINATE;
        else if (streq(shutdown, "Stop") && wf->shutdown == SHUTDOWN_NONE)
                wf->shutdown = SHUTDOWN_STOP;
        if (wf->shutdown != SHUTDOWN_NONE)
                control_shut_down(wf);
}

void control_input(struct wf *wf, const struct wf_input *in)
{
        switch (in->kind) {
        case WF_POD:
                limits_outputs(wf, in->outputs);
                pod_update(wf, in);
                break;
        case WF_LOCK: sync_answer(wf, in); break;
        case WF_SUSPEND: wf->suspended = true; break;
        case WF_RESUME: resume(wf, in); break;
        case WF_SET: set_nodes(wf, in); break;
        case WF_STOP: stop(wf, in); break;
        case WF_TERMINATE:
                wf->shutdown = SHUTDOWN_TERMINATE;
                control_shut_down(wf);
                break;
        case WF_SPEC: take_spec(wf, in->spec); break;
        case WF_START:
        case WF_TIMER: break;
        }
}

/* ---- shutdown and deadline ---- */

/* Restored containers and items that serve are not taken over: they go with what is around them. */
static bool in_exit_tree(const struct wf *wf, const struct node *n)
{
        while (!n->exit_tree && n->boundary != NONE)
                n = node_at(wf, n->boundary);
        return n->exit_tree;
}

void control_shut_down(struct wf *wf)
{
        char *running = mem_printf("workflow shutdown with strategy:  %s",
                                   wf->shutdown == SHUTDOWN_STOP ? "Stop" : "Terminate");
        wf->changed = wf->freed = true;
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                struct node *n = node_at(wf, i);
                if (n->phase >= PHASE_SUCCEEDED ||
                    (wf->shutdown == SHUTDOWN_STOP && in_exit_tree(wf, n)))
                        continue;
                if (sync_waits(n)) {
                        node_set(wf, i, PHASE_FAILED, wf_over_message(wf));
                } else if (n->type == NODE_POD) {
                        pod_kill(wf, i);
                        daemon_unmark(wf, i);
                        node_set(wf, i, PHASE_FAILED, running);
                        container_set_fail(wf, i, PHASE_FAILED, running);
                } else if (node_is_work(n)) {
                        pod_kill(wf, i);
                        node_set(wf, i, PHASE_FAILED, wf_over_message(wf));
                } else if (n->type == NODE_SUSPEND)
                        node_set(wf, i, PHASE_FAILED, wf_over_message(wf));
                else if (n->type == NODE_RETRY && n->frame && n->frame->wait_until_ns)
                        control_timer(wf, wf->now_ns - 1, i); /* it does not wait any longer */
        }
        mem_free(running);
}

/* Running pods end by their own deadline; what is pending or suspended is failed here. */
void control_deadline(struct wf *wf)
{
        wf->late = wf->freed = true;
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                struct node *n = node_at(wf, i);
                if (n->phase >= PHASE_SUCCEEDED || in_exit_tree(wf, n))
                        continue;
                bool waits = sync_waits(n), pending = node_is_work(n) && n->phase == PHASE_PENDING;
                if (pending && !waits)
                        pod_kill(wf, i);
                pending = pending || (n->type == NODE_CONTAINER && n->phase == PHASE_PENDING);
                if (pending || waits || n->type == NODE_SUSPEND)
                        node_set(wf, i, PHASE_FAILED, "Step exceeded its deadline");
                else if (n->type == NODE_RETRY)
                        retry_due(wf, i); /* no further attempt */
        }
}

/* ---- would it be refused? ---- */

static bool says_nothing(const struct wf_input *in)
{
        return in->kind == WF_SET && str_empty(in->set_phase) && str_empty(in->message) &&
               !json_array_size(json_object_get(in->outputs, "parameters"));
}

static int check_nodes(const struct wf *wf, const struct wf_input *in, struct err *e)
{
        bool any = false, selects = !str_empty(in->node_field_selector);
        if (fieldsel_check(in->node_field_selector, e) < 0)
                return -1;
        for (uint32_t i = 0; i < wf->n_nodes && !wf->completed; i++) {
                const struct node *n = node_at(wf, i);
                if (!suspend_is_active(n) || !node_selected(wf, n, in->node_field_selector))
                        continue;
                any = true;
                if (in->kind == WF_RESUME && !selects && suspend_check_resume(n, e) < 0)
                        return -1;
                if (in->kind == WF_SET && suspend_check_set(n, in->outputs, e) < 0)
                        return -1;
        }
        if (selects && (!any || says_nothing(in)))
                return err_set(e, ERR_NOT_FOUND,
                               "currently, set only targets suspend nodes: no suspend nodes "
                               "matching nodeFieldSelector: %s",
                               in->node_field_selector);
        return 0;
}

int wf_check_action(const struct wf *wf, const struct wf_input *in, struct err *e)
{
        bool selects = !str_empty(in->node_field_selector);
        switch (in->kind) {
        case WF_SET:
                if (!selects)
                        return err_set(e, ERR_INVALID,
                                       "'set' currently only targets suspend nodes, use a node "
                                       "field selector to target them");
                return check_nodes(wf, in, e);
        case WF_RESUME: return check_nodes(wf, in, e);
        case WF_SUSPEND:
                if (wf->completed)
                        return err_set(e, ERR_INVALID, "cannot suspend completed workflows");
                return 0;
        case WF_STOP:
        case WF_TERMINATE:
                if (selects)
                        return check_nodes(wf, in, e);
                if (wf->completed)
                        return err_set(e, ERR_INVALID,
                                       "cannot shutdown a completed workflow: workflow: \"%s\", "
                                       "namespace: \"%s\"",
                                       wf->name, wf->ns);
                return 0;
        default: return 0;
        }
}
