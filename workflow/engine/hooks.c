/* workflow/engine/hooks.c: what hangs on a step, a task or the workflow (argo-workflows.md 2.11).
 *
 * x.onExit runs when x is completed. x.hooks.<name> runs when its expression holds: Argo looks at
 * every pass; here it is looked at when x changes, and once in every step when it speaks of the
 * workflow. What comes behind x waits for all of them; their own failure does not fail x.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "workflow/engine/engine_priv.h"

/* ---- one hook ---- */

struct place {
        uint32_t composite, child; /* composite NONE: the workflow; child: the node it hangs on */
        const json_t *hook;
        const char *name; /* "exit": the exit hook */
        bool too_late;    /* none begins any more */
};

static bool is_exit(const struct place *p)
{
        return strcmp(p->name, "exit") == 0;
}

static struct scope scope_at(struct wf *wf, const struct place *p)
{
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        if (p->composite == NONE)
                return s;
        const struct node *c = node_at(wf, p->child);
        s = scope_of(wf, p->composite);
        const struct slot *slot = &node_at(wf, p->composite)->frame->slots[c->slot];
        if (slot->loop && c->item != NONE)
                s.item = json_array_get(slot->loop->items, c->item);
        s.self = p->child;
        return s;
}

/* Without arguments of its own an exit hook gets the workflow's. */
static json_t *with_arguments(const struct wf *wf, const struct place *p)
{
        json_t *args = json_object_get(wf->spec, "arguments"),
               *copy = json_copy((json_t *)(uintptr_t)p->hook);
        json_object_del(copy, "expression"); /* it is no text with tags */
        if (is_exit(p) && args && !json_object_get(copy, "arguments"))
                json_object_set_nocheck(copy, "arguments", args);
        return copy;
}

static json_t *hook_ref(struct wf *wf, const struct place *p, struct err *e)
{
        struct scope s = scope_at(wf, p);
        json_t *out = NULL;
        AUTO_JSON json_t *hook = with_arguments(wf, p);
        args_drop_absent(&hook, &s);
        if (scope_tree(&out, hook, &s, e) < 0)
                return NULL;
        json_t *args = json_object_get(out, "arguments");
        if (!json_array_size(json_object_get(args, "artifacts")))
                return out;
        json_t *resolved = json_incref(args), *copy = json_copy(out);
        json_decref(out);
        if (args_resolve_artifacts(&resolved, &s, e) < 0) {
                json_decref(resolved);
                json_decref(copy);
                return NULL;
        }
        json_object_set_new_nocheck(copy, "arguments", resolved);
        return copy;
}

static char *node_name(const struct wf *wf, const struct place *p)
{
        const char *parent = node_at(wf, p->child)->name;
        return is_exit(p) ? mem_printf("%s.onExit", parent)
                          : mem_printf("%s.hooks.%s", parent, p->name);
}

static struct exec exec_of(struct wf *wf, const struct place *p)
{
        struct exec x = {.boundary = NONE,
                         .owner = NONE,
                         .slot = 0,
                         .item = NONE,
                         .scope = wf->local,
                         .depth = 1};
        if (p->composite != NONE) {
                const struct node *c = node_at(wf, p->child);
                x = exec_child(wf, p->composite, c->owner, ROLE_HOOK, c->slot);
                x.item = c->item;
        }
        x.role = ROLE_HOOK;
        x.hooked = true;
        x.exit_tree = x.exit_tree || is_exit(p);
        return x;
}

/* Creates its node, or takes the existing one over. */
static enum hook_result start(struct wf *wf, const struct place *p, const char *name, struct err *e)
{
        uint32_t hook = node_find(wf, name);
        bool exists = hook != NONE;
        AUTO_JSON json_t *ref = hook_ref(wf, p, e);
        struct exec x = exec_of(wf, p);
        if (!ref && !exists)
                return HOOK_FAILED;
        x.name = name;
        x.ref = ref ? ref : (json_t *)(uintptr_t)p->hook;
        enum exec_result r = exec_template(wf, &x, &hook);
        err_clear(e);
        if (r == EXEC_BLOCKED) { /* its place is that of the child: try again when there is room */
                task_wait(wf, &wf->hooks_waiting, p->child);
                return HOOK_WAIT;
        }
        node_at(wf, hook)->hook_of = p->child;
        if (!exists)
                node_link(wf, p->child, hook);
        if (!node_at(wf, hook)->raised)
                return node_fulfilled(node_at(wf, hook)) ? HOOK_NONE : HOOK_WAIT;
        err_set(e, ERR_INVALID, "%s", node_at(wf, hook)->message);
        return HOOK_FAILED;
}

/* HOOK_NONE: it is done, or its time has not come. */
static enum hook_result look(struct wf *wf, const struct place *p, struct err *e)
{
        const char *condition = json_str(p->hook, "expression");
        char *name = node_name(wf, p);
        uint32_t node = node_find(wf, name);
        bool known = node != NONE && node_at(wf, node)->hook_of != NONE, holds = true;
        enum hook_result r = HOOK_NONE;
        if (known && !node_fulfilled(node_at(wf, node)))
                r = HOOK_WAIT;
        else if (!known && (node != NONE || (wf->shutdown != SHUTDOWN_TERMINATE && !p->too_late))) {
                struct scope s = scope_at(wf, p);
                if (node == NONE && !str_empty(condition) &&
                    scope_test(&holds, condition, &s, e) < 0)
                        r = HOOK_FAILED;
                else if (holds)
                        r = start(wf, p, name, e);
        }
        mem_free(name);
        return r;
}

/* ---- all of a step or task ---- */

static enum hook_result look_at_all(struct wf *wf, uint32_t composite, uint32_t child,
                                    const json_t *hooks, struct err *e)
{
        enum hook_result all = HOOK_NONE;
        const char *key;
        json_t *hook;
        json_object_foreach ((json_t *)(uintptr_t)hooks, key, hook) {
                struct place p = {composite, child, hook, key, false};
                if (is_exit(&p))
                        continue;
                enum hook_result r = look(wf, &p, e);
                if (r == HOOK_FAILED)
                        return r;
                all = r == HOOK_WAIT ? r : all;
        }
        return all;
}

/* Of the items of a looped task one alone has an exit hook, the first to be done: Argo's way. The
 * hooks of such a task hang on its group, which has an exit hook, too. */
static bool exit_is_for(struct wf *wf, uint32_t dag, uint32_t child)
{
        struct slot *slot = &node_at(wf, dag)->frame->slots[node_at(wf, child)->slot];
        const struct fanout *l = slot->loop;
        for (uint32_t i = 0; slot->exit_item == NONE && l && i < l->n; i++) {
                if (l->nodes[i] == NONE) /* restored: it may have begun */
                        continue;
                char *name = mem_printf("%s.onExit", node_at(wf, l->nodes[i])->name);
                if (node_find(wf, name) != NONE)
                        slot->exit_item = i;
                mem_free(name);
        }
        if (slot->exit_item == NONE)
                slot->exit_item = node_at(wf, child)->item;
        return slot->exit_item == node_at(wf, child)->item;
}

/* Of a DAG Argo sees again what is a target and what somebody waits for: a daemon that dies behind
 * all that depended on it has no exit hook. */
static bool is_seen(const struct wf *wf, uint32_t dag, uint32_t task)
{
        const struct frame *f = node_at(wf, dag)->frame;
        const struct task *t = &f->tmpl->tasks[task];
        for (uint32_t i = 0; i < f->n_targets; i++)
                if (f->targets[i] == task)
                        return true;
        for (uint32_t i = 0; i < t->n_dependents; i++) {
                const struct slot *slot = &f->slots[t->dependents[i]];
                if (slot->wanted &&
                    (slot->node == NONE || !node_fulfilled(node_at(wf, slot->node))))
                        return true;
        }
        return false;
}

enum hook_result hooks_settle(struct wf *wf, uint32_t composite, uint32_t child, struct err *e)
{
        const struct node *c = node_at(wf, child);
        const struct task *task = &node_at(wf, composite)->frame->tmpl->tasks[c->slot];
        bool dag = node_at(wf, composite)->type == NODE_DAG, item = c->role == ROLE_ITEM;
        enum hook_result r = HOOK_NONE;
        if (task->hooks && !item && !(dag && c->phase == PHASE_PENDING))
                r = look_at_all(wf, composite, child, task->hooks, e);
        c = node_at(wf, child);
        if (r == HOOK_FAILED)
                return HOOK_BAD;
        if (!node_fulfilled(c) || r == HOOK_WAIT)
                return HOOK_WAIT;
        if (!task->exit_hook || !phase_completed(c->phase) ||
            (item && !exit_is_for(wf, composite, child)))
                return r;
        struct place p = {composite, child, task->exit_hook, "exit", false};
        p.too_late = dag && c->role == ROLE_TASK && !is_seen(wf, composite, c->slot);
        enum hook_result exit = look(wf, &p, e);
        return exit == HOOK_NONE ? r : exit;
}

/* ---- of the workflow ---- */

enum hook_result hooks_of_workflow(struct wf *wf, struct err *e)
{
        const json_t *hooks = json_object_get(wf->spec, "hooks");
        if (!hooks || wf->entry == NONE)
                return HOOK_NONE;
        return look_at_all(wf, NONE, wf->entry, hooks, e);
}

bool hooks_exit_wanted(struct wf *wf, const json_t *hook, struct err *e)
{
        const char *condition = json_str(hook, "expression");
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        bool holds = true;
        if (!str_empty(condition) && scope_test(&holds, condition, &s, e) < 0)
                return true; /* the words are in `e` */
        return holds;
}

/* ---- when to look ---- */

/* Does it speak of something that changes while x does not? */
static void note_workflow(void *arg, struct str name)
{
        bool *found = arg;
        *found = *found || (name.n >= 8 && memcmp(name.p, "workflow", 8) == 0);
}

bool hooks_speak_of_workflow(const json_t *hooks)
{
        const char *key;
        json_t *hook;
        bool found = false;
        json_object_foreach ((json_t *)(uintptr_t)hooks, key, hook) {
                AUTO(expr_free) struct expr *x = NULL;
                const char *condition = json_str(hook, "expression");
                if (!condition || expr_new(&x, str_of(condition), EXPR_WORKFLOWS, NULL, NULL) < 0)
                        continue;
                expr_each_name(x, note_workflow, &found);
        }
        return found;
}

void hooks_watch(struct wf *wf, uint32_t child, const struct task *task)
{
        if (!task->hooks || node_at(wf, child)->watched)
                return;
        node_at(wf, child)->watched = true;
        ids_add(&wf->look, child);
        if (task->hooks_see_workflow)
                ids_add(&wf->watchers, child);
}
