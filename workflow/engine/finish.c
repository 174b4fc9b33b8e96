/* workflow/engine/finish.c: phases of the workflow, its exit handler, its end
 * (argo-workflows.md 2.4, 2.11). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/sync.h"

void wf_put_command(struct wf *wf, struct wf_command c)
{
        mem_grow(wf->out->items, wf->out->cap, wf->out->n + 1);
        wf->out->items[wf->out->n++] = c;
}

void wf_set_phase(struct wf *wf, const char *phase, const char *message)
{
        mem_free(wf->phase);
        wf->phase = mem_strdup(phase);
        mem_free(wf->message);
        wf->message = mem_strdup(message);
        wf->changed = true;
}

/* What was to start in this very step does not. */
static void drop_starts(struct wf *wf)
{
        size_t n = 0;
        for (size_t i = 0; i < wf->out->n; i++) {
                struct wf_command *c = &wf->out->items[i];
                if (c->kind != WF_START_POD) {
                        wf->out->items[n++] = *c;
                        continue;
                }
                json_decref(c->template);
                json_decref(c->data);
        }
        wf->out->n = n;
}

static void complete(struct wf *wf, const char *phase, const char *message)
{
        wf_set_phase(wf, phase, message);
        wf->finished_ns = wf->now_ns;
        wf->completed = true;
        drop_starts(wf);
        for (uint32_t i = 0; i < wf->n_nodes && wf->active_pods;
             i++) { /* whatever still runs belongs to nobody now */
                const struct node *n = node_at(wf, i);
                if (node_is_work(n) && n->phase < PHASE_SUCCEEDED)
                        pod_kill(wf, i);
        }
        sync_end(wf);
}

void wf_fail(struct wf *wf, const char *phase, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        char *message = mem_vprintf(fmt, ap);
        va_end(ap);
        complete(wf, phase, message);
        mem_free(message);
}

void wf_start_entry(struct wf *wf)
{
        const char *entry = json_str(wf->spec, "entrypoint");
        AUTO_JSON json_t *ref = json_pack("{s:s}", "template", entry ? entry : "");
        if (json_object_get(wf->spec, "arguments"))
                json_object_set_nocheck(ref, "arguments", json_object_get(wf->spec, "arguments"));
        struct exec x = {.name = wf->name,
                         .boundary = NONE,
                         .owner = NONE,
                         .slot = 0,
                         .item = NONE,
                         .role = ROLE_ENTRY,
                         .ref = ref,
                         .scope = wf->local,
                         .depth = 1};
        uint32_t node = NONE;
        if (exec_template(wf, &x, &node) == EXEC_OK)
                wf->entry = node;
}

static const char *phase_of_entry(enum node_phase p)
{
        return p == PHASE_FAILED ? "Failed" : p == PHASE_ERROR ? "Error" : "Succeeded";
}

void finish_put_status(struct wf *wf)
{
        const struct node *entry = wf->entry == NONE ? NULL : node_at(wf, wf->entry);
        bool ended = entry && entry->phase >= PHASE_SUCCEEDED && !wf->completed;
        global_set(wf, "workflow.status", ended ? phase_of_entry(entry->phase) : wf->phase);
}

/* ---- the exit handler ---- */

static json_t *exit_hook(const struct wf *wf)
{
        json_t *hook = json_at(wf->spec, "hooks", "exit");
        const char *old = json_str(wf->spec, "onExit");
        json_t *args = json_object_get(wf->spec, "arguments"), *ref = NULL;
        if (json_is_object(hook))
                ref = json_copy(hook);
        else if (!str_empty(old))
                ref = json_pack("{s:s}", "template", old);
        if (ref && args && !json_object_get(ref, "arguments"))
                json_object_set_nocheck(ref, "arguments", args);
        return ref;
}

/* [{displayName, message, templateName, phase, podName, finishedAt}], quoted once more as Argo
 * does. */
static void set_failures(struct wf *wf)
{
        AUTO_JSON json_t *list = json_array();
        AUTO_BUF struct buf text = BUF_INIT(TAG_MAX_BYTES), quoted = BUF_INIT(TAG_MAX_BYTES);
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->n_nodes && wf->failed_nodes; i++) {
                const struct node *n = node_at(wf, i);
                char finished[40];
                if (!phase_bad(n->phase))
                        continue;
                time_rfc3339(n->finished_s * NS_PER_S, finished);
                json_array_append_new(list,
                                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "displayName",
                                                n->display, "message", n->message ? n->message : "",
                                                "templateName", n->template_name, "phase",
                                                node_phase_name(n->phase), "podName",
                                                node_id_text(wf, n, &a), "finishedAt", finished));
        }
        arena_deinit(&a);
        if (json_array_size(list))
                json_put(&text, list, JSON_STYLE_GO_HTML);
        else
                buf_adds(&text, "null");
        json_put_string(&quoted, buf_str(&text), text.len);
        global_set(wf, "workflow.failures", buf_str(&quoted));
}

/* One that was started before Terminate is taken over, to be ended. */
static bool may_start_exit(const struct wf *wf)
{
        if (wf->shutdown != SHUTDOWN_TERMINATE)
                return true;
        char *name = mem_printf("%s.onExit", wf->name);
        bool exists = node_find(wf, name) != NONE;
        mem_free(name);
        return exists;
}

static bool start_exit(struct wf *wf)
{
        AUTO_JSON json_t *ref = exit_hook(wf);
        if (!ref || !may_start_exit(wf))
                return false;
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        struct err why = {0};
        json_t *rendered = NULL, *args;
        if (!hooks_exit_wanted(wf, ref, &why))
                return false;
        json_object_del(ref, "expression");
        char *name = mem_printf("%s.onExit", wf->name);
        struct exec x = {.name = name,
                         .boundary = NONE,
                         .owner = NONE,
                         .item = NONE,
                         .role = ROLE_EXIT,
                         .scope = wf->local,
                         .hooked = true,
                         .exit_tree = true,
                         .depth = 1,
                         .ref = ref};
        if (!why.code && scope_tree(&rendered, ref, &s, &why) == 0) {
                x.ref = json_copy(rendered);
                args = json_incref(json_object_get(x.ref, "arguments"));
                if (args && args_resolve_artifacts(&args, &s, &why) == 0)
                        json_object_set_nocheck(x.ref, "arguments", args);
                json_decref(args);
        }
        if (why.code)
                wf->exit_node = exec_idle_node(wf, &x, PHASE_ERROR, err_msg(&why));
        else if (exec_template(wf, &x, &wf->exit_node) == EXEC_BLOCKED) {
                wf->exit_node = NONE;
                task_wait(wf, &wf->hooks_waiting, wf->entry);
        }
        err_clear(&why);
        if (rendered) {
                json_decref(x.ref);
                json_decref(rendered);
        }
        mem_free(name);
        return true;
}

/* ---- the end ---- */

static void end(struct wf *wf)
{
        const struct node *entry = node_at(wf, wf->entry);
        const struct node *exit = wf->exit_node == NONE ? NULL : node_at(wf, wf->exit_node);
        if (!phase_bad(entry->phase)) {
                bool bad_exit = exit && phase_bad(exit->phase);
                complete(wf, bad_exit ? phase_of_entry(exit->phase) : "Succeeded",
                         bad_exit && exit->message ? exit->message : "");
                return;
        }
        const char *message = entry->message ? entry->message : "";
        if (wf->shutdown != SHUTDOWN_NONE)
                message = wf->shutdown == SHUTDOWN_STOP ? "Stopped with strategy 'Stop'"
                                                        : "Stopped with strategy 'Terminate'";
        complete(wf, phase_of_entry(entry->phase), message);
}

void finish_entry(struct wf *wf)
{
        const struct node *entry = node_at(wf, wf->entry);
        if (entry->daemoned)
                daemons_end(wf, NONE);
        if (entry->raised) {
                wf_fail(wf, "Error", "error in entry template execution: %s",
                        entry->message ? entry->message : "");
                return;
        }
        struct err why = {0};
        finish_put_status(wf);
        set_failures(wf);
        enum hook_result hooks = hooks_of_workflow(wf, &why);
        if (hooks == HOOK_FAILED)
                wf_fail(wf, "Error", "%s", err_msg(&why));
        err_clear(&why);
        if (hooks != HOOK_NONE || (wf->exit_node == NONE && start_exit(wf)))
                return;
        if (wf->exit_node != NONE && !node_fulfilled(node_at(wf, wf->exit_node)))
                return;
        daemons_end(wf, NONE); /* an exit handler may be one that serves */
        end(wf);
}
