/* workflow/engine/order.c: the order of the tree: who gets the room under a limit when several
 * wait. Argo walks from the entry node down, steps by group, step and item, tasks dependencies
 * first. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

enum { CHAIN_MAX = WF_MAX_DEPTH * 4 + 8 };

/* From the node up to the entry; returns the length. */
static uint32_t chain(const struct wf *wf, uint32_t node, uint32_t *out)
{
        uint32_t n = 0;
        for (; node != NONE && n < CHAIN_MAX; node = node_at(wf, node)->owner)
                out[n++] = node;
        return n;
}

static uint64_t place(const struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        uint64_t slot = n->slot;
        const struct frame *f = n->owner == NONE ? NULL : node_at(wf, n->owner)->frame;
        if (n->role == ROLE_TASK && f && f->order && n->slot < f->n_slots)
                slot = f->order[n->slot];
        return n->role == ROLE_EXIT ? UINT64_MAX : slot << 32 | (n->item == NONE ? 0 : n->item);
}

/* Where the first thing that a composite holds back stands among its children. */
static uint64_t held_place(const struct wf *wf, uint32_t composite)
{
        const struct frame *f = node_at(wf, composite)->frame;
        if (!f || !f->ready.n)
                return 0; /* it stands for itself */
        uint64_t slot = f->ready.v[0];
        const struct fanout *l = f->slots[slot].loop;
        return (f->order ? f->order[slot] : slot) << 32 | (l ? l->next : 0);
}

/* `a` holds something back; the chain of b's ancestors below a begins at up[n - 1]. */
static int against_descendant(const struct wf *wf, uint32_t a, const uint32_t *up, uint32_t n)
{
        uint32_t below = up[n - 1];
        bool wraps = node_at(wf, below)->type == NODE_STEP_GROUP ||
                     node_at(wf, below)->type == NODE_TASK_GROUP;
        uint64_t there = place(wf, below), held = held_place(wf, a);
        if (wraps && n > 1 && node_at(wf, below)->type == NODE_STEP_GROUP)
                there = place(wf, up[n - 2]);
        else if (wraps && n > 1)
                there |= place(wf, up[n - 2]) & UINT32_MAX;
        return held < there ? -1 : 1;
}

int node_order(const struct wf *wf, uint32_t a, uint32_t b)
{
        uint32_t up_a[CHAIN_MAX], up_b[CHAIN_MAX];
        uint32_t n_a = chain(wf, a, up_a), n_b = chain(wf, b, up_b);
        if (a == b)
                return 0;
        while (n_a && n_b && up_a[n_a - 1] == up_b[n_b - 1])
                n_a--, n_b--;
        if (!n_a)
                return against_descendant(wf, a, up_b, n_b);
        if (!n_b)
                return -against_descendant(wf, b, up_a, n_a);
        uint64_t x = place(wf, up_a[n_a - 1]), y = place(wf, up_b[n_b - 1]);
        if (x != y)
                return x < y ? -1 : 1;
        return up_a[n_a - 1] < up_b[n_b - 1] ? -1 : 1;
}
