/* workflow/engine/dag_phase.c: what phase the targets of a DAG give it. A target that never ran
 * (omitted, skipped) inherits the phase of its branches. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

/* The phase that an omitted or skipped target inherits: that of its branches, Failed and Error
 * before Succeeded. Walks the children from the DAG down, each node at most once per inherited
 * phase. */
struct branch {
        uint32_t node;
        uint8_t phase;
};
struct branches {
        struct branch *v;
        size_t n, cap;
};
static void push_branches(struct wf *wf, const struct ids *children, enum node_phase phase,
                          struct branches *q)
{
        uint8_t bit = (uint8_t)(1u << (phase - PHASE_SUCCEEDED));
        for (uint32_t i = 0; i < children->n; i++) {
                struct node *n = node_at(wf, children->v[i]);
                if (n->seen & bit)
                        continue;
                n->seen |= bit;
                mem_grow(q->v, q->cap, q->n + 1);
                q->v[q->n++] = (struct branch){children->v[i], (uint8_t)phase};
        }
}

/* A Retry node stands for its attempts: the walk goes on behind the last one, and with the hooks.
 */
static void push_behind_retry(struct wf *wf, uint32_t retry, enum node_phase phase,
                              struct branches *q)
{
        const struct ids *children = &node_at(wf, retry)->children;
        for (uint32_t i = children->n; i > 0; i--) {
                const struct node *child = node_at(wf, children->v[i - 1]);
                struct ids one = {&children->v[i - 1], 1, 1};
                push_branches(wf, child->hooked ? &one : &child->children, phase, q);
                if (!child->hooked)
                        return;
        }
}

static void inherit_phases(struct wf *wf, uint32_t dag, uint8_t *phases)
{
        const struct frame *f = node_at(wf, dag)->frame;
        uint32_t *target_of = mem_calloc(f->n_slots + 1, sizeof(*target_of));
        struct branches q = {0};
        for (uint32_t k = 0; k < f->n_targets; k++)
                target_of[f->targets[k]] = k + 1;
        push_branches(wf, &node_at(wf, dag)->children, PHASE_SUCCEEDED, &q);
        for (size_t i = 0; i < q.n; i++) {
                const struct node *node = node_at(wf, q.v[i].node);
                enum node_phase phase = phase_completed(node->phase) ? node->phase : q.v[i].phase;
                bool ours = node->boundary == dag && node->role == ROLE_TASK;
                uint32_t k = ours ? target_of[node->slot] : 0;
                if (k && !phase_bad(phases[k - 1]))
                        phases[k - 1] = (uint8_t)phase;
                if (node->type == NODE_RETRY)
                        push_behind_retry(wf, q.v[i].node, phase, &q);
                else
                        push_branches(wf, &node->children, phase, &q);
        }
        for (size_t i = 0; i < q.n; i++)
                node_at(wf, q.v[i].node)->seen = 0;
        mem_free(q.v);
        mem_free(target_of);
}

/* A target that ended and that no branch leads to (it hangs below an attempt of a Retry node that
 * was not the last one, for a retry kept it): what its dependencies came to. */
static enum node_phase phase_of_dependencies(const struct wf *wf, const struct frame *f,
                                             uint32_t task)
{
        size_t n = 0;
        const struct depends *d = f->tmpl->tasks[task].depends;
        const uint32_t *deps = d ? depends_tasks(d, &n) : NULL;
        for (size_t i = 0; i < n; i++) {
                uint32_t node = f->slots[deps[i]].node;
                if (node != NONE && phase_bad(node_at(wf, node)->phase))
                        return node_at(wf, node)->phase;
        }
        return PHASE_SUCCEEDED;
}

/* Running while a target has no phase yet. */
enum node_phase dag_phase(struct wf *wf, uint32_t dag)
{
        const struct frame *f = node_at(wf, dag)->frame;
        uint8_t *phases = mem_calloc(f->n_targets + 1, 1);
        bool inherit = false;
        enum node_phase result = PHASE_SUCCEEDED;
        for (uint32_t k = 0; k < f->n_targets; k++) {
                uint32_t node = f->slots[f->targets[k]].node;
                if (node == NONE)
                        continue;
                const struct node *n = node_at(wf, node);
                phases[k] = phase_completed(n->phase) ? n->phase : PHASE_SUCCEEDED;
                inherit = inherit || n->phase == PHASE_OMITTED || n->phase == PHASE_SKIPPED;
        }
        if (inherit && wf->failed_nodes) {
                memset(phases, 0, f->n_targets);
                inherit_phases(wf, dag, phases);
        }
        for (uint32_t k = 0; k < f->n_targets; k++) {
                const struct task *task = &f->tmpl->tasks[f->targets[k]];
                uint32_t node = f->slots[f->targets[k]].node;
                if (phases[k] == PHASE_NONE && node != NONE && node_fulfilled(node_at(wf, node)))
                        phases[k] = (uint8_t)phase_of_dependencies(wf, f, f->targets[k]);
                if (phases[k] == PHASE_NONE) {
                        result = PHASE_RUNNING;
                        if (!f->tmpl->dag_fail_fast)
                                break;
                } else if (phase_bad(phases[k])) {
                        if (phases[k] == PHASE_FAILED ? task->continue_failed
                                                      : task->continue_error)
                                continue;
                        result = phases[k];
                        if (f->tmpl->dag_fail_fast)
                                break;
                }
        }
        mem_free(phases);
        return result;
}
