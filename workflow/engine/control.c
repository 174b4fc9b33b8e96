/* workflow/engine/control.c: what people and clocks do to a workflow: suspend, resume, set, stop,
 * terminate, the deadline (argo-workflows.md 2.13, 2.20). These look at every node once; they are
 * rare. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/suspend.h"
#include "workflow/engine/sync.h"

const char *wf_over_message(const struct wf *wf)
{
        if (wf->shutdown == SHUTDOWN_NONE)
                return "Step exceeded its deadline";
        return wf->shutdown == SHUTDOWN_STOP ? "Stopped with strategy 'Stop'"
                                             : "Stopped with strategy 'Terminate'";
}

/* ---- selectors: "displayName=a,phase!=Failed,inputs.parameters.x.value=1" ---- */

static bool field_matches(const struct wf *wf, const struct node *n, struct str key,
                          struct str value)
{
        struct arena a;
        arena_init(&a, 0);
        const char *found = "";
        struct str rest = key;
        static const char in[] = "inputs.parameters.", out[] = "outputs.parameters.";
        if (str_eq(key, "displayName"))
                found = n->display;
        else if (str_eq(key, "name"))
                found = n->name;
        else if (str_eq(key, "id"))
                found = node_id_text(wf, n, &a);
        else if (str_eq(key, "phase"))
                found = node_phase_name(n->phase);
        else if (str_eq(key, "type"))
                found = node_type_name(n->type);
        else if (str_eq(key, "templateName"))
                found = n->template_name;
        else if (str_eq(key, "templateRef.name"))
                found = json_str(n->template_ref, "name");
        else if (str_eq(key, "templateRef.template"))
                found = json_str(n->template_ref, "template");
        else if (key.n > 24 && (memcmp(key.p, in, 18) == 0 || memcmp(key.p, out, 19) == 0)) {
                size_t skip = key.p[0] == 'i' ? 18 : 19;
                rest = (struct str){key.p + skip, key.n - skip};
                if (rest.n > 6 && memcmp(rest.p + rest.n - 6, ".value", 6) == 0)
                        rest.n -= 6;
                const json_t *list =
                        json_object_get(key.p[0] == 'i' ? n->inputs : n->outputs, "parameters");
                found = json_str(named_item(list, rest.p, rest.n), "value");
        }
        bool same = found && str_eq(value, found);
        arena_deinit(&a);
        return same;
}

bool node_selected(const struct wf *wf, const struct node *n, const char *selector)
{
        for (const char *p = selector; p && *p;) {
                size_t len = strcspn(p, ",");
                const char *eq = memchr(p, '=', len);
                if (!eq)
                        return false;
                bool negated = eq > p && eq[-1] == '!';
                struct str key = str_trim((struct str){p, (size_t)(eq - p) - negated});
                const char *v = eq + 1 + (eq + 1 < p + len && eq[1] == '=');
                struct str value = str_trim((struct str){v, (size_t)(p + len - v)});
                if (field_matches(wf, n, key, value) == negated)
                        return false;
                p += len + (p[len] == ',');
        }
        return true;
}

/* ---- actions ---- */

static void resume(struct wf *wf, const struct wf_input *in)
{
        if (str_empty(in->node_field_selector)) {
                wf->suspended = false;
                wf->freed = wf->lock_again = true;
        }
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                struct err why = {0};
                const struct node *n = node_at(wf, i);
                if (!suspend_is_active(n) || !node_selected(wf, n, in->node_field_selector))
                        continue;
                if (suspend_check_resume(n, &why) == 0) {
                        if (!str_empty(in->message))
                                node_set(wf, i, n->phase, in->message);
                        suspend_resume(wf, i);
                }
                err_clear(&why);
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
                        node_set(wf, i, PHASE_FAILED, in->message ? in->message : "");
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
        case WF_POD: pod_update(wf, in); break;
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

void control_shut_down(struct wf *wf)
{
        char *running = mem_printf("workflow shutdown with strategy:  %s",
                                   wf->shutdown == SHUTDOWN_STOP ? "Stop" : "Terminate");
        wf->changed = wf->freed = true;
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                struct node *n = node_at(wf, i);
                if (n->phase >= PHASE_SUCCEEDED || (wf->shutdown == SHUTDOWN_STOP && n->exit_tree))
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
                if (n->phase >= PHASE_SUCCEEDED || n->exit_tree)
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

static int check_nodes(const struct wf *wf, const struct wf_input *in, struct err *e)
{
        bool any = false;
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                const struct node *n = node_at(wf, i);
                if (!suspend_is_active(n) || !node_selected(wf, n, in->node_field_selector))
                        continue;
                any = true;
                if (in->kind == WF_RESUME && suspend_check_resume(n, e) < 0)
                        return -1;
                if (in->kind == WF_SET && suspend_check_set(n, in->outputs, e) < 0)
                        return -1;
        }
        if (!any && !str_empty(in->node_field_selector))
                return err_set(e, ERR_NOT_FOUND,
                               "currently, set only targets suspend nodes: no suspend nodes "
                               "matching nodeFieldSelector: %s",
                               in->node_field_selector);
        return 0;
}

int wf_check_action(const struct wf *wf, const struct wf_input *in, struct err *e)
{
        if (wf->completed)
                return err_set(e, ERR_INVALID, "workflow %s is already completed", wf->name);
        switch (in->kind) {
        case WF_RESUME:
        case WF_SET: return check_nodes(wf, in, e);
        case WF_STOP: return str_empty(in->node_field_selector) ? 0 : check_nodes(wf, in, e);
        default: return 0;
        }
}
