/* workflow/engine/daemon.c: pods that serve while their neighbours run (argo-workflows.md 1.3). A
 * daemon counts as done once it is ready; it is ended when the composite around it has finished,
 * and is a failure when it ends by itself. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

bool daemon_is(const struct node *n)
{
        return n->type == NODE_POD && n->tmpl && n->tmpl->daemon;
}

static void mark(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        if (n->daemoned)
                return;
        n->daemoned = true;
        ids_add(&wf->daemons, index);
        node_touch(wf, index);
        node_requeue(wf, index);
}

void daemon_ready(struct wf *wf, uint32_t index)
{
        mark(wf, index);
}

void daemon_mark_retry(struct wf *wf, uint32_t retry)
{
        mark(wf, retry);
}

/* Whoever counted it as done waits for it again: for its hooks, or for its next attempt. */
static void count_again(struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        if (!n->told || n->owner == NONE)
                return;
        switch ((enum node_role)n->role) {
        case ROLE_STEP: steps_child_undone(wf, n->owner, index); break;
        case ROLE_TASK: dag_child_undone(wf, n->owner, index); break;
        case ROLE_ITEM: dag_item_undone(wf, n->owner, index); break;
        default: break;
        }
}

/* The items of a loop are looked at no more when all of them serve, as in Argo. */
bool daemon_is_forgotten(const struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        return n->role == ROLE_ITEM && node_fulfilled(node_at(wf, n->owner));
}

void daemon_unmark(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        if (!n->daemoned)
                return;
        count_again(wf, index);
        n->daemoned = false;
        for (uint32_t i = 0; i < wf->daemons.n; i++)
                if (wf->daemons.v[i] == index) {
                        wf->daemons.v[i] = wf->daemons.v[--wf->daemons.n];
                        break;
                }
        node_touch(wf, index);
}

/* It ended by itself; whoever counted it as done is told again. */
void daemon_died(struct wf *wf, uint32_t index, enum node_phase phase, const char *message)
{
        daemon_unmark(wf, index);
        node_set(wf, index, phase == PHASE_SUCCEEDED ? PHASE_FAILED : phase, message);
}

void daemons_end(struct wf *wf, uint32_t boundary)
{
        for (uint32_t i = wf->daemons.n; i > 0; i--) {
                uint32_t index = wf->daemons.v[i - 1];
                struct node *n = node_at(wf, index);
                if (n->boundary != boundary)
                        continue;
                daemon_unmark(wf, index);
                if (n->type == NODE_POD)
                        pod_kill(wf, index);
                if (n->type == NODE_RETRY)
                        node_close(wf, index);
                n->queued = true; /* nobody is to be told: they counted it long ago */
                node_set(wf, index, PHASE_SUCCEEDED, NULL);
                n->queued = false;
        }
}
