/* workflow/engine/hooks.c: exit hooks of steps and tasks (argo-workflows.md 2.11): x.onExit runs
 * when x is completed, and what comes behind x waits for it. Its own failure does not fail x.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static json_t *hook_ref(struct wf *wf, uint32_t composite, uint32_t child, const struct task *task,
                        struct err *e)
{
        const struct frame *f = node_at(wf, composite)->frame;
        const struct node *c = node_at(wf, child);
        const struct slot *slot = &f->slots[c->slot];
        struct scope s = scope_of(wf, composite);
        json_t *out = NULL;
        if (slot->loop && c->item != NONE)
                s.item = json_array_get(slot->loop->items, c->item);
        AUTO_JSON json_t *hook = json_incref(task->exit_hook);
        if (!json_object_get(hook, "arguments") && json_object_get(wf->spec, "arguments")) {
                json_decref(hook); /* without arguments of its own it gets the workflow's */
                hook = json_copy(task->exit_hook);
                json_object_set_nocheck(hook, "arguments", json_object_get(wf->spec, "arguments"));
        }
        args_drop_absent(&hook, &s);
        if (scope_tree(&out, hook, &s, e) < 0)
                return NULL;
        json_t *args = json_object_get(out, "arguments");
        if (json_array_size(json_object_get(args, "artifacts"))) {
                json_t *resolved = json_incref(args), *copy = json_copy(out);
                if (args_resolve_artifacts(&resolved, &s, e) < 0) {
                        json_decref(resolved);
                        json_decref(copy);
                        json_decref(out);
                        return NULL;
                }
                json_object_set_new_nocheck(copy, "arguments", resolved);
                json_decref(out);
                out = copy;
        }
        return out;
}

enum hook_result hooks_exit(struct wf *wf, uint32_t composite, uint32_t child, struct err *e)
{
        const struct node *c = node_at(wf, child);
        const struct frame *f = node_at(wf, composite)->frame;
        const struct task *task = &f->tmpl->tasks[c->slot];
        if (c->role == ROLE_HOOK || !task->exit_hook || !phase_completed(c->phase) ||
            wf->shutdown == SHUTDOWN_TERMINATE)
                return HOOK_NONE;
        char *name = mem_printf("%s.onExit", c->name);
        uint32_t hook = node_find(wf, name);
        bool exists = hook != NONE;
        AUTO_JSON json_t *ref = hook_ref(wf, composite, child, task, e);
        struct exec x = exec_child(wf, composite, c->owner, ROLE_HOOK, c->slot);
        x.name = name;
        x.item = c->item;
        x.hooked = x.exit_tree = true;
        x.ref = ref ? ref : task->exit_hook;
        enum exec_result r = ref || exists ? exec_template(wf, &x, &hook) : EXEC_RAISED;
        mem_free(name);
        if (r == EXEC_RAISED)
                return HOOK_FAILED;
        err_clear(e);
        if (r == EXEC_BLOCKED) { /* its place is that of the child: try again when there is room */
                task_wait(wf, &wf->hooks_waiting, child);
                return HOOK_WAIT;
        }
        node_at(wf, hook)->hook_of = child;
        if (!exists)
                node_link(wf, child, hook);
        if (!node_at(wf, hook)->raised)
                return HOOK_WAIT;
        err_set(e, ERR_INVALID, "%s", node_at(wf, hook)->message);
        node_at(wf, hook)->owner = NONE; /* nobody waits for it */
        return HOOK_FAILED;
}
