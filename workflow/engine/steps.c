/* workflow/engine/steps.c: groups one after the other, the steps of a group together
 * (argo-workflows.md 2.6).
 *
 * A group is prepared as a whole, then started. Its node is Failed as soon as all children are
 * fulfilled and one is bad without continueOn; it is Error at once when a step could not be
 * resolved or started. The Steps node then always is Failed. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static void finish_steps(struct wf *wf, uint32_t steps, enum node_phase phase, const char *message);

static char *group_name(const struct wf *wf, uint32_t steps, uint32_t group)
{
        return mem_printf("%s[%u]", node_at(wf, steps)->name, group);
}

/* ---- a group ---- */

static void fail_group(struct wf *wf, uint32_t group, struct err *e)
{
        if (!node_fulfilled(node_at(wf, group)))
                node_set(wf, group, PHASE_ERROR, err_msg(e));
        err_clear(e);
}

static bool tolerated(const struct wf *wf, const struct frame *f, const struct node *child)
{
        (void)wf;
        const struct task *task = &f->tmpl->tasks[child->slot];
        return child->phase == PHASE_FAILED ? task->continue_failed : task->continue_error;
}

static void judge_group(struct wf *wf, uint32_t steps, uint32_t group)
{
        const struct frame *f = node_at(wf, steps)->frame;
        const struct node *g = node_at(wf, group);
        if (f->starting || f->pending || f->ready.n || node_fulfilled(g))
                return;
        for (uint32_t i = 0; i < g->children.n; i++) {
                const struct node *child = node_at(wf, g->children.v[i]);
                if (child->hooked || !phase_bad(child->phase) || tolerated(wf, f, child))
                        continue;
                struct arena a;
                arena_init(&a, 0);
                node_set(wf, group, PHASE_FAILED,
                         arena_printf(&a, "child '%s' failed", node_id_text(wf, child, &a)));
                arena_deinit(&a);
                return;
        }
        node_set(wf, group, PHASE_SUCCEEDED, NULL);
}

static char *step_name(const struct wf *wf, const struct frame *f, uint32_t index)
{
        const struct task *task = &f->tmpl->tasks[index];
        const char *name = task->name_tagged ? json_str(f->slots[index].body, "name") : task->name;
        return mem_printf("%s.%s", node_at(wf, f->group_node)->name, name);
}

static enum exec_result start_step(struct wf *wf, uint32_t steps, uint32_t index, bool all)
{
        struct frame *f = node_at(wf, steps)->frame;
        char *name = step_name(wf, f, index);
        f->starting = true;
        enum exec_result r = task_start(wf, steps, index, f->group_node, ROLE_STEP, name, all);
        f->starting = false;
        mem_free(name);
        return r;
}

/* Starts what can be started of f->ready; the rest stays there. */
static void start_ready(struct wf *wf, uint32_t steps)
{
        struct frame *f = node_at(wf, steps)->frame;
        uint32_t left = 0;
        for (uint32_t i = 0; i < f->ready.n; i++) {
                enum exec_result r = start_step(wf, steps, f->ready.v[i], true);
                if (r == EXEC_RAISED) {
                        f->ready.n = 0;
                        return; /* the queue tells steps_child_done */
                }
                if (r == EXEC_BLOCKED)
                        f->ready.v[left++] = f->ready.v[i];
        }
        f->ready.n = left;
        if (left)
                task_block(wf, steps);
        judge_group(wf, steps, f->group_node);
}

/* Starts the first of f->ready; false: it still is held back. */
static bool start_first(struct wf *wf, uint32_t steps)
{
        struct frame *f = node_at(wf, steps)->frame;
        const struct fanout *l = f->slots[f->ready.v[0]].loop;
        uint32_t before = l ? l->next : 0;
        enum exec_result r = start_step(wf, steps, f->ready.v[0], false);
        if (r == EXEC_RAISED)
                f->ready.n = 0;
        if (r != EXEC_OK)
                return r == EXEC_RAISED || (l && l->next > before);
        f->ready.n--;
        memmove(f->ready.v, f->ready.v + 1, f->ready.n * sizeof(*f->ready.v));
        return true;
}

bool steps_unblock(struct wf *wf, uint32_t steps)
{
        struct frame *f = node_at(wf, steps)->frame;
        if (!f || node_fulfilled(node_at(wf, steps)) || !f->ready.n)
                return true;
        bool started = start_first(wf, steps);
        if (started && f->ready.n)
                task_block(wf, steps);
        judge_group(wf, steps, f->group_node);
        return started;
}

static void fill_group(struct wf *wf, uint32_t steps)
{
        struct frame *f = node_at(wf, steps)->frame;
        const struct tmpl *t = f->tmpl;
        f->pending = 0;
        f->ready.n = 0;
        for (uint32_t i = t->group_start[f->group]; i < t->group_start[f->group + 1]; i++) {
                struct err why = {0};
                if (task_prepare(wf, steps, i, &why) < 0) {
                        f->ready.n = 0;
                        fail_group(wf, f->group_node, &why);
                        return;
                }
                ids_add(&f->ready, i);
        }
        start_ready(wf, steps);
}

static void link_group(struct wf *wf, uint32_t steps, uint32_t before, uint32_t group)
{
        if (before == NONE) {
                node_link(wf, steps, group);
                return;
        }
        struct ids last = {0};
        const struct ids *children = &node_at(wf, before)->children;
        for (uint32_t i = 0; i < children->n; i++)
                ids_add(&last, children->v[i]);
        for (uint32_t i = 0; i < last.n; i++)
                node_link_behind(wf, last.v[i], group);
        if (!last.n)
                node_link(wf, before, group);
        mem_free(last.v);
}

static int adopt_group(struct wf *wf, uint32_t steps, uint32_t index, uint32_t group);

static void start_group(struct wf *wf, uint32_t steps, uint32_t index)
{
        struct frame *f = node_at(wf, steps)->frame;
        uint32_t before = f->group_node;
        char *name = group_name(wf, steps, index);
        uint32_t group = node_find(wf, name);
        bool exists = group != NONE;
        if (!exists) {
                struct node_new how = {.name = name,
                                       .type = NODE_STEP_GROUP,
                                       .phase = PHASE_RUNNING,
                                       .boundary = steps,
                                       .owner = steps,
                                       .slot = index,
                                       .role = ROLE_GROUP};
                group = node_add(wf, &how);
        }
        mem_free(name);
        struct node *g = node_at(wf, group);
        g->owner = steps;
        g->slot = index;
        g->role = ROLE_GROUP;
        g->scope = wf_intern(wf, f->tmpl->scope->full);
        g->depth = node_at(wf, steps)->depth;
        g->exit_tree = node_at(wf, steps)->exit_tree;
        if (!exists)
                link_group(wf, steps, before, group);
        if (node_fulfilled(g)) { /* kept by a retry, behind a group that ran again */
                adopt_group(wf, steps, index, group);
                node_requeue(wf, group);
                return;
        }
        f->group = index;
        f->group_node = group;
        fill_group(wf, steps);
}

/* ---- recovery: groups that were done before ---- */

/* A daemon of it that has died and whose hooks may run, or that is tried again. */
static void adopt_undone(struct wf *wf, uint32_t group, uint32_t child)
{
        const struct node *n = node_at(wf, child), *g = node_at(wf, group);
        bool serves = n->tmpl && n->tmpl->daemon;
        if (!serves || g->phase != PHASE_SUCCEEDED || n->phase == PHASE_SUCCEEDED || n->daemoned)
                return;
        node_at(wf, child)->told = false;
        node_at(wf, g->owner)->frame->undone++;
        if (node_fulfilled(n))
                node_requeue(wf, child);
}

static void adopt_child(struct wf *wf, uint32_t group, uint32_t task, uint32_t child, uint32_t item,
                        const json_t *body)
{
        struct tmpl *t = NULL;
        struct err why = {0};
        if (child == NONE)
                return;
        struct node *n = node_at(wf, child);
        n->owner = group;
        n->slot = task;
        n->item = item;
        n->role = ROLE_STEP;
        n->exit_tree = node_at(wf, node_at(wf, group)->owner)->exit_tree;
        n->depth = (uint16_t)(node_at(wf, node_at(wf, group)->owner)->depth + 1);
        if (exec_resolve(wf, node_at(wf, node_at(wf, group)->owner)->frame->tmpl->scope, body, &t,
                         &why) == 0)
                n->tmpl = t;
        err_clear(&why);
        n->told = true;
        adopt_undone(wf, group, child);
        if (n->phase < PHASE_SUCCEEDED && n->type == NODE_RETRY && t)
                retry_open(wf, child);
}

/* Finds the nodes of a done group again, so that later steps can refer to them. */
static int adopt_group(struct wf *wf, uint32_t steps, uint32_t index, uint32_t group)
{
        struct frame *f = node_at(wf, steps)->frame;
        const struct tmpl *t = f->tmpl;
        f->group = index;
        f->group_node = group;
        for (uint32_t i = t->group_start[index]; i < t->group_start[index + 1]; i++) {
                struct slot *slot = &f->slots[i];
                struct err why = {0};
                if (task_prepare(wf, steps, i, &why) < 0) {
                        err_clear(&why);
                        continue;
                }
                char *base = step_name(wf, f, i);
                if (!slot->loop || !slot->loop->n) {
                        slot->node = node_find(wf, base);
                        slot->loop = fanout_free(slot->loop);
                }
                for (uint32_t k = 0; slot->loop && k < slot->loop->n; k++) {
                        char *name = loop_child_name(base, k, json_array_get(slot->loop->items, k));
                        slot->loop->nodes[k] = node_find(wf, name);
                        mem_free(name);
                }
                mem_free(base);
                slot->state = SLOT_STARTED;
                for (uint32_t k = 0; k < (slot->loop ? slot->loop->n : 1); k++)
                        adopt_child(wf, group, i, slot->loop ? slot->loop->nodes[k] : slot->node,
                                    slot->loop ? k : NONE, slot->body);
        }
        return 0;
}

/* Of all that are done, or down to the one that failed. The group behind them; has it begun? */
static uint32_t adopt_groups(struct wf *wf, uint32_t steps, bool *begun)
{
        const struct tmpl *t = node_at(wf, steps)->tmpl;
        uint32_t index = 0, group = NONE;
        for (*begun = false; index < t->n_groups; index++) {
                char *name = group_name(wf, steps, index);
                group = node_find(wf, name);
                mem_free(name);
                *begun = group != NONE;
                if (!*begun || !node_fulfilled(node_at(wf, group)))
                        break;
                node_at(wf, group)->owner = steps;
                node_at(wf, group)->slot = index;
                node_at(wf, group)->role = ROLE_GROUP;
                adopt_group(wf, steps, index, group);
                if (phase_bad(node_at(wf, group)->phase))
                        break;
        }
        return index;
}

/* ---- the composite ---- */

void steps_open(struct wf *wf, uint32_t steps)
{
        struct node *n = node_at(wf, steps);
        struct frame *f = NEW(struct frame);
        n->frame = f;
        f->tmpl = n->tmpl;
        f->n_slots = n->tmpl->n_tasks;
        f->slots = mem_calloc(f->n_slots + 1, sizeof(*f->slots));
        f->group_node = NONE;
        for (uint32_t i = 0; i < f->n_slots; i++)
                f->slots[i].node = NONE;
        bool begun;
        uint32_t index = adopt_groups(wf, steps, &begun);
        bool failed = f->group_node != NONE && phase_bad(node_at(wf, f->group_node)->phase);
        if (index < f->tmpl->n_groups && !failed) {
                if (begun || !f->undone)
                        start_group(wf, steps, index);
        } else if (f->group_node != NONE)
                node_requeue(wf, f->group_node);
        else
                finish_steps(wf, steps, PHASE_SUCCEEDED, NULL);
}

/* The outbound nodes of the last group that was begun. */
static void set_outbound(struct wf *wf, uint32_t steps)
{
        struct node *n = node_at(wf, steps);
        const struct frame *f = n->frame;
        n->outbound.n = 0;
        if (f->group_node == NONE)
                return;
        const struct ids *children = &node_at(wf, f->group_node)->children;
        for (uint32_t i = 0; i < children->n; i++)
                node_outbound(wf, children->v[i], &n->outbound);
}

/* A daemon of a group that is done has died: the group failed after all, and with it the whole. */
static void fail_late(struct wf *wf, uint32_t steps, uint32_t group, const char *message)
{
        node_set(wf, group, PHASE_FAILED, message);
        set_outbound(wf, steps);
        finish_steps(wf, steps, PHASE_FAILED, message);
        ids_add(&wf->left, steps);
}

/* A daemon of a group that was done is settled: it is dead, and so are its hooks, or it serves
 * again. */
static void late_child_done(struct wf *wf, uint32_t steps, uint32_t group, uint32_t child)
{
        struct frame *f = node_at(wf, steps)->frame;
        const struct node *c = node_at(wf, child);
        struct err why = {0};
        if (c->told)
                return;
        enum hook_result hook = hooks_settle(wf, steps, child, &why);
        if (hook == HOOK_WAIT)
                return;
        node_at(wf, child)->told = true;
        f->undone--;
        c = node_at(wf, child);
        if (hook == HOOK_FAILED || hook == HOOK_BAD)
                fail_late(wf, steps, group, err_msg(&why));
        else if (phase_bad(c->phase) && !tolerated(wf, f, c)) {
                struct arena a;
                arena_init(&a, 0);
                fail_late(wf, steps, group,
                          arena_printf(&a, "child '%s' failed", node_id_text(wf, c, &a)));
                arena_deinit(&a);
        } else if (node_fulfilled(node_at(wf, f->group_node)))
                steps_group_done(wf, steps, f->group_node);
        err_clear(&why);
}

void steps_child_undone(struct wf *wf, uint32_t group, uint32_t child)
{
        uint32_t steps = node_at(wf, group)->owner;
        struct frame *f = node_at(wf, steps)->frame;
        if (!f || node_fulfilled(node_at(wf, steps)) || phase_bad(node_at(wf, group)->phase))
                return;
        node_at(wf, child)->told = false;
        if (node_fulfilled(node_at(wf, group)))
                f->undone++;
        else
                f->pending++;
}

void steps_child_done(struct wf *wf, uint32_t group, uint32_t child)
{
        uint32_t steps = node_at(wf, group)->owner;
        struct frame *f = node_at(wf, steps)->frame;
        const struct node *c = node_at(wf, child);
        if (f && node_at(wf, group)->phase == PHASE_SUCCEEDED) {
                late_child_done(wf, steps, group, child);
                return;
        }
        if (!f || f->group_node != group || node_fulfilled(node_at(wf, group)))
                return;
        if (c->raised && c->role == ROLE_STEP) {
                struct err why = {0};
                err_set(&why, ERR_INVALID, "step group deemed errored due to child %s error: %s",
                        c->name, c->message ? c->message : "");
                fail_group(wf, group, &why);
                return;
        }
        struct err why = {0};
        enum hook_result hook = hooks_settle(wf, steps, child, &why);
        if (hook == HOOK_WAIT)
                return;
        if (hook == HOOK_FAILED || hook == HOOK_BAD) {
                f->raise = hook == HOOK_FAILED;
                fail_group(wf, group, &why);
                return;
        }
        f->pending -= !node_at(wf, child)->told;
        node_at(wf, child)->told = true;
        judge_group(wf, steps, group);
}

static void finish_steps(struct wf *wf, uint32_t steps, enum node_phase phase, const char *message)
{
        node_set(wf, steps, phase, message);
        node_close(wf, steps);
}

static void finish_well(struct wf *wf, uint32_t steps)
{
        struct err why = {0};
        json_t *outputs = NULL;
        set_outbound(wf, steps);
        if (outputs_of_composite(&outputs, wf, steps, &why) < 0) {
                exec_raise(wf, steps, &why);
                node_close(wf, steps);
                return;
        }
        if (outputs) {
                node_set_outputs(wf, steps, outputs);
                globals_take_outputs(wf, steps);
        }
        finish_steps(wf, steps, PHASE_SUCCEEDED, NULL);
}

void steps_group_done(struct wf *wf, uint32_t steps, uint32_t group)
{
        struct frame *f = node_at(wf, steps)->frame;
        if (!f || f->group_node != group || f->undone)
                return;
        const struct node *g = node_at(wf, group);
        const struct tmpl *t = f->tmpl;
        if (f->raise) {
                struct err why = {0};
                err_set(&why, ERR_INVALID, "%s", g->message ? g->message : "");
                exec_raise(wf, steps, &why);
                node_close(wf, steps);
                return;
        }
        if (phase_bad(g->phase)) {
                set_outbound(wf, steps);
                finish_steps(wf, steps, PHASE_FAILED, node_at(wf, group)->message);
                return;
        }
        for (uint32_t i = t->group_start[f->group]; i < t->group_start[f->group + 1]; i++) {
                struct err why = {0};
                if (f->slots[i].loop && outputs_aggregate_check(wf, f->slots[i].loop, &why) < 0) {
                        exec_raise(wf, steps, &why);
                        node_close(wf, steps);
                        return;
                }
        }
        if (f->group + 1 < t->n_groups)
                start_group(wf, steps, f->group + 1);
        else
                finish_well(wf, steps);
}
