/* workflow/engine/dag.c: tasks that wait for others (argo-workflows.md 2.7).
 *
 * Only ancestors of the targets take part. Each task counts the dependencies that are not
 * fulfilled; the last one to finish makes it ready: its `depends` is judged and it runs, is
 * skipped, or is Omitted. The DAG itself is judged when nothing of it is unfulfilled.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static void judge(struct wf *wf, uint32_t dag);

static char *task_node_name(const struct wf *wf, uint32_t dag, uint32_t task)
{
        const struct frame *f = node_at(wf, dag)->frame;
        return mem_printf("%s.%s", node_at(wf, dag)->name, f->tmpl->tasks[task].name);
}

/* ---- what a dependency came to ---- */

struct results_of {
        const struct wf *wf;
        const struct frame *f;
};

static unsigned loop_results(const struct wf *wf, const struct node *group)
{
        bool any_succeeded = false, all_failed = group->children.n > 0;
        for (uint32_t i = 0; i < group->children.n; i++) {
                const struct node *child = node_at(wf, group->children.v[i]);
                if (child->hooked)
                        continue;
                any_succeeded = any_succeeded || child->phase == PHASE_SUCCEEDED;
                all_failed = all_failed && child->phase == PHASE_FAILED;
        }
        return (any_succeeded ? DEP_ANY_SUCCEEDED : 0) | (all_failed ? DEP_ALL_FAILED : 0);
}

static unsigned results(void *arg, uint32_t task)
{
        const struct results_of *r = arg;
        uint32_t index = r->f->slots[task].node;
        if (index == NONE)
                return 0;
        const struct node *n = node_at(r->wf, index);
        unsigned bits = n->type == NODE_TASK_GROUP ? loop_results(r->wf, n) : 0;
        if (n->daemoned && n->phase != PHASE_PENDING)
                bits |= DEP_DAEMONED;
        switch ((enum node_phase)n->phase) {
        case PHASE_SUCCEEDED: return bits | DEP_SUCCEEDED;
        case PHASE_FAILED: return bits | DEP_FAILED;
        case PHASE_ERROR: return bits | DEP_ERRORED;
        case PHASE_SKIPPED: return bits | DEP_SKIPPED;
        case PHASE_OMITTED: return bits | DEP_OMITTED;
        default: return bits;
        }
}

/* ---- starting ---- */

/* A task hangs on the outbound nodes of its dependencies, or on the DAG. */
static void link_task(struct wf *wf, uint32_t dag, uint32_t task, uint32_t node)
{
        const struct frame *f = node_at(wf, dag)->frame;
        size_t n = 0;
        const struct depends *d = f->tmpl->tasks[task].depends;
        const uint32_t *deps = d ? depends_tasks(d, &n) : NULL;
        if (!n)
                node_link(wf, dag, node);
        for (size_t i = 0; i < n; i++)
                if (f->slots[deps[i]].node != NONE)
                        node_link_behind(wf, f->slots[deps[i]].node, node);
}

static void place(struct wf *wf, uint32_t dag, uint32_t task, uint32_t node, bool is_new)
{
        struct frame *f = node_at(wf, dag)->frame;
        f->slots[task].node = node;
        if (is_new)
                link_task(wf, dag, task, node);
}

static void start_idle(struct wf *wf, uint32_t dag, uint32_t task, enum node_phase phase,
                       const char *message)
{
        struct frame *f = node_at(wf, dag)->frame;
        struct exec x = exec_child(wf, dag, dag, ROLE_TASK, task);
        char *name = task_node_name(wf, dag, task);
        x.name = name;
        x.ref = f->tmpl->tasks[task].body;
        uint32_t node = exec_idle_node(wf, &x, phase, message);
        mem_free(name);
        f->slots[task].state = SLOT_STARTED;
        f->pending++;
        place(wf, dag, task, node, true);
}

/* The node that holds the items of a loop. */
static uint32_t task_group(struct wf *wf, uint32_t dag, uint32_t task, const char *name)
{
        struct frame *f = node_at(wf, dag)->frame;
        uint32_t group = node_find(wf, name);
        bool is_new = group == NONE;
        if (is_new) {
                struct node_new how = {.name = name,
                                       .type = NODE_TASK_GROUP,
                                       .phase = PHASE_RUNNING,
                                       .boundary = dag,
                                       .owner = dag,
                                       .slot = task,
                                       .role = ROLE_TASK};
                group = node_add(wf, &how);
                const char *template = json_str(f->slots[task].body, "template");
                struct node *g = node_at(wf, group);
                g->template_name = template ? wf_intern(wf, template) : "";
                g->template_ref = json_incref(json_object_get(f->slots[task].body, "templateRef"));
        }
        struct node *g = node_at(wf, group);
        g->owner = dag;
        g->slot = task;
        g->role = ROLE_TASK;
        g->scope = wf_intern(wf, f->tmpl->scope->full);
        g->exit_tree = node_at(wf, dag)->exit_tree;
        g->depth = node_at(wf, dag)->depth;
        hooks_watch(wf, group, &f->tmpl->tasks[task]);
        if (f->slots[task].node == NONE) {
                f->pending++;
                place(wf, dag, task, group, is_new);
                if (node_fulfilled(g))
                        node_requeue(wf, group);
        }
        if (!g->frame) {
                g->frame = NEW(struct frame);
                g->frame->tmpl = f->tmpl;
        }
        return group;
}

static void judge_items(struct wf *wf, uint32_t group)
{
        struct node *g = node_at(wf, group);
        if (!g->frame || g->frame->pending || g->frame->starting || node_fulfilled(g))
                return;
        const struct frame *f = node_at(wf, g->owner)->frame;
        const struct fanout *l = f ? f->slots[g->slot].loop : NULL;
        if (!l || l->next < l->n)
                return;
        enum node_phase phase = PHASE_SUCCEEDED;
        for (uint32_t i = 0; i < l->n; i++)
                if (l->nodes[i] != NONE && phase_bad(node_at(wf, l->nodes[i])->phase))
                        phase = node_at(wf, l->nodes[i])->phase;
        node_set(wf, group, phase, NULL);
        node_close(wf, group);
}

static enum exec_result start_loop(struct wf *wf, uint32_t dag, uint32_t task, const char *name,
                                   bool all)
{
        uint32_t group = task_group(wf, dag, task, name);
        if (node_fulfilled(node_at(wf, group))) { /* recovery: find its items again */
                struct fanout *l = node_at(wf, dag)->frame->slots[task].loop;
                for (uint32_t i = 0; i < l->n; i++) {
                        char *item = loop_child_name(name, i, json_array_get(l->items, i));
                        l->nodes[i] = node_find(wf, item);
                        mem_free(item);
                }
                l->next = l->n;
                node_close(wf, group);
                node_at(wf, dag)->frame->slots[task].state = SLOT_STARTED;
                return EXEC_OK;
        }
        node_at(wf, group)->frame->starting = true;
        enum exec_result r = task_start(wf, dag, task, group, ROLE_ITEM, name, all);
        node_at(wf, group)->frame->starting = false;
        judge_items(wf, group);
        return r;
}

static enum exec_result start_prepared(struct wf *wf, uint32_t dag, uint32_t task, bool all)
{
        struct frame *f = node_at(wf, dag)->frame;
        char *name = task_node_name(wf, dag, task);
        enum exec_result r;
        if (f->slots[task].loop && f->slots[task].loop->n)
                r = start_loop(wf, dag, task, name, all);
        else {
                bool is_new = node_find(wf, name) == NONE;
                r = task_start(wf, dag, task, dag, ROLE_TASK, name, all);
                if (r == EXEC_OK)
                        place(wf, dag, task, node_at(wf, dag)->frame->slots[task].node, is_new);
        }
        mem_free(name);
        return r;
}

static void wait_for_room(struct wf *wf, uint32_t dag, uint32_t task)
{
        struct frame *f = node_at(wf, dag)->frame;
        uint32_t i = f->ready.n;
        ids_add(&f->ready, task);
        for (; i > 0 && f->order[f->ready.v[i - 1]] > f->order[task]; i--)
                f->ready.v[i] = f->ready.v[i - 1];
        f->ready.v[i] = task;
        task_block(wf, dag);
}

static void start_task(struct wf *wf, uint32_t dag, uint32_t task)
{
        struct frame *f = node_at(wf, dag)->frame;
        struct results_of r = {wf, f};
        const struct depends *d = f->tmpl->tasks[task].depends;
        struct err why = {0};
        if (f->slots[task].state != SLOT_WAITING)
                return;
        if (d && !depends_eval(d, results, &r)) {
                start_idle(wf, dag, task, PHASE_OMITTED, "omitted: depends condition not met");
                return;
        }
        if (task_prepare(wf, dag, task, &why) < 0) {
                start_idle(wf, dag, task, PHASE_ERROR, err_msg(&why));
                err_clear(&why);
                return;
        }
        if (start_prepared(wf, dag, task, true) == EXEC_BLOCKED)
                wait_for_room(wf, dag, task);
}

/* Starts the first of those that wait for room. True: it did, or there is nothing to do. */
bool dag_unblock(struct wf *wf, uint32_t dag)
{
        struct frame *f = node_at(wf, dag)->frame;
        if (!f || node_fulfilled(node_at(wf, dag)) || !f->ready.n)
                return true;
        const struct fanout *l = f->slots[f->ready.v[0]].loop;
        uint32_t before = l ? l->next : 0;
        f->starting = true;
        enum exec_result r = start_prepared(wf, dag, f->ready.v[0], false);
        f->starting = false;
        bool started = r != EXEC_BLOCKED || (l && l->next > before);
        if (r != EXEC_BLOCKED) {
                f->ready.n--;
                memmove(f->ready.v, f->ready.v + 1, f->ready.n * sizeof(*f->ready.v));
        }
        if (started && f->ready.n)
                task_block(wf, dag);
        judge(wf, dag);
        return started;
}

/* ---- opening ---- */

static void raise_dag(struct wf *wf, uint32_t dag, struct err *e)
{
        exec_raise(wf, dag, e);
        node_close(wf, dag);
}

/* Tasks whose nodes exist (recovery) are taken over before any new one is started: references need
 * them. */
static void adopt_existing(struct wf *wf, uint32_t dag)
{
        struct frame *f = node_at(wf, dag)->frame;
        uint32_t *by_order = mem_calloc(f->n_slots + 1, sizeof(*by_order)), n = 0;
        for (uint32_t i = 0; i < f->n_slots; i++)
                if (f->slots[i].wanted) {
                        by_order[f->order[i]] = i;
                        n++;
                }
        for (uint32_t k = 0; k < n; k++) {
                uint32_t i = by_order[k];
                char *name = task_node_name(wf, dag, i);
                uint32_t node = node_find(wf, name);
                struct err why = {0};
                if (node != NONE && node_at(wf, node)->type == NODE_SKIPPED) {
                        struct exec x = exec_child(wf, dag, dag, ROLE_TASK, i);
                        x.name = name;
                        x.ref = f->tmpl->tasks[i].body;
                        exec_template(wf, &x, &node);
                        f->slots[i].node = node;
                        f->slots[i].state = SLOT_STARTED;
                        f->pending++;
                } else if (node != NONE) {
                        if (task_prepare(wf, dag, i, &why) < 0 ||
                            start_prepared(wf, dag, i, true) == EXEC_BLOCKED)
                                wait_for_room(wf, dag, i);
                        err_clear(&why);
                }
                mem_free(name);
        }
        mem_free(by_order);
}

void dag_open(struct wf *wf, uint32_t dag)
{
        struct node *n = node_at(wf, dag);
        struct frame *f = NEW(struct frame);
        struct err why = {0};
        n->frame = f;
        f->tmpl = n->tmpl;
        f->n_slots = n->tmpl->n_tasks;
        f->slots = mem_calloc(f->n_slots + 1, sizeof(*f->slots));
        dag_count_dependencies(f);
        if (dag_find_targets(wf, dag, &why) < 0) {
                raise_dag(wf, dag, &why);
                return;
        }
        dag_walk_targets(f);
        f->starting = true;
        if (node_at(wf, dag)->children.n)
                adopt_existing(wf, dag);
        for (uint32_t i = 0; i < f->n_slots; i++)
                if (f->slots[i].wanted && !f->slots[i].waiting)
                        start_task(wf, dag, i);
        f->starting = false;
        judge(wf, dag);
}

/* ---- a child is done ---- */

/* A hook of a task that still runs could not be judged or started: the task is an Error. */
static enum hook_result end_child(struct wf *wf, uint32_t child, struct err *e)
{
        if (node_is_work(node_at(wf, child)))
                pod_kill(wf, child);
        node_set(wf, child, PHASE_ERROR, err_msg(e));
        return HOOK_WAIT; /* the queue tells again */
}

void dag_item_done(struct wf *wf, uint32_t group, uint32_t child)
{
        struct node *g = node_at(wf, group);
        if (!g->frame || !node_at(wf, g->owner)->frame || node_fulfilled(g))
                return;
        struct err why = {0};
        enum hook_result hook = hooks_settle(wf, g->owner, child, &why);
        if (hook == HOOK_BAD && !node_fulfilled(node_at(wf, child)))
                hook = end_child(wf, child, &why);
        err_clear(&why);
        if (hook == HOOK_WAIT)
                return;
        node_at(wf, group)->frame->pending -= !node_at(wf, child)->told;
        node_at(wf, child)->told = true;
        judge_items(wf, group);
}

void dag_child_done(struct wf *wf, uint32_t dag, uint32_t child)
{
        struct frame *f = node_at(wf, dag)->frame;
        if (!f || node_fulfilled(node_at(wf, dag)))
                return;
        uint32_t task = node_at(wf, child)->slot;
        struct err why = {0};
        enum hook_result hook = hooks_settle(wf, dag, child, &why);
        if (hook == HOOK_BAD && !node_fulfilled(node_at(wf, child)))
                hook = end_child(wf, child, &why);
        err_clear(&why); /* a hook that cannot be started is as good as none */
        if (hook == HOOK_WAIT)
                return;
        f->pending -= !node_at(wf, child)->told;
        node_at(wf, child)->told = true;
        if (f->slots[task].state == SLOT_DONE)
                return;
        f->slots[task].state = SLOT_DONE;
        f->bad += f->slots[task].node != NONE && phase_bad(node_at(wf, f->slots[task].node)->phase);
        const struct tmpl *t = f->tmpl;
        f->starting = true;
        for (uint32_t i = 0; i < t->tasks[task].n_dependents; i++) {
                uint32_t next = t->tasks[task].dependents[i];
                if (f->slots[next].waiting && --f->slots[next].waiting == 0 &&
                    f->slots[next].wanted)
                        start_task(wf, dag, next);
        }
        f->starting = false;
        judge(wf, dag);
}

void dag_child_undone(struct wf *wf, uint32_t dag, uint32_t child)
{
        struct frame *f = node_at(wf, dag)->frame;
        if (!f || node_fulfilled(node_at(wf, dag)))
                return;
        uint32_t task = node_at(wf, child)->slot;
        const struct task *t = &f->tmpl->tasks[task];
        node_at(wf, child)->told = false;
        f->pending++;
        if (f->slots[task].state != SLOT_DONE)
                return;
        f->slots[task].state = SLOT_STARTED;
        for (uint32_t i = 0; i < t->n_dependents; i++) /* what has not been judged yet */
                f->slots[t->dependents[i]].waiting +=
                        f->slots[t->dependents[i]].state == SLOT_WAITING;
}

void dag_item_undone(struct wf *wf, uint32_t group, uint32_t child)
{
        struct node *g = node_at(wf, group);
        if (!g->frame || node_fulfilled(g))
                return;
        node_at(wf, child)->told = false;
        g->frame->pending++;
}

/* ---- the whole ---- */

static void set_outbound(struct wf *wf, uint32_t dag)
{
        const struct frame *f = node_at(wf, dag)->frame;
        struct ids out = {0};
        for (uint32_t k = 0; k < f->n_targets; k++)
                if (f->slots[f->targets[k]].node != NONE)
                        node_outbound(wf, f->slots[f->targets[k]].node, &out);
        mem_free(node_at(wf, dag)->outbound.v);
        node_at(wf, dag)->outbound = out;
}

static int check_aggregates(const struct wf *wf, const struct frame *f, struct err *e)
{
        for (uint32_t i = 0; i < f->n_slots; i++)
                if (f->slots[i].loop && f->slots[i].loop->n &&
                    outputs_aggregate_check(wf, f->slots[i].loop, e) < 0)
                        return -1;
        return 0;
}

static void judge(struct wf *wf, uint32_t dag)
{
        struct frame *f = node_at(wf, dag)->frame;
        if (!f || f->starting || f->pending || node_fulfilled(node_at(wf, dag)))
                return;
        if (f->ready.n && exec_has_room(wf, dag)) {
                wf->freed = true; /* what can still be started will be before the DAG is judged */
                return;
        }
        enum node_phase phase = dag_phase(wf, dag);
        struct err why = {0};
        json_t *outputs = NULL;
        if (phase == PHASE_RUNNING)
                return;
        set_outbound(wf, dag);
        if (phase == PHASE_SUCCEEDED && (check_aggregates(wf, f, &why) < 0 ||
                                         outputs_of_composite(&outputs, wf, dag, &why) < 0)) {
                raise_dag(wf, dag, &why);
                return;
        }
        if (outputs) {
                node_set_outputs(wf, dag, outputs);
                globals_take_outputs(wf, dag);
        }
        node_set(wf, dag, phase, NULL);
        node_close(wf, dag);
}

void dag_judge_blocked(struct wf *wf, uint32_t dag)
{
        const struct frame *f = node_at(wf, dag)->frame;
        if (f && f->bad && !f->pending)
                judge(wf, dag);
}
