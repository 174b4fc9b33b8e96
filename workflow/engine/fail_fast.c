/* workflow/engine/fail_fast.c: failFast of a template (not that of a DAG): once a child is bad, an
 * attempt that will be repeated included, nothing below it starts, and when the last pod right
 * below it has ended it fails, whatever else there is (argo-workflows.md 2.12). In Argo what is
 * left stays as it is; here it ends, for it would keep its locks. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/engine_priv.h"

bool fail_fast_holds(const struct wf *wf, uint32_t composite)
{
        const struct node *n = composite == NONE ? NULL : node_at(wf, composite);
        return n && n->tmpl && n->tmpl->fail_fast && n->bad_children > 0;
}

static uint32_t count_work(const struct wf *wf, const struct ids *list, uint32_t composite)
{
        uint32_t count = 0;
        for (uint32_t i = 0; i < list->n; i++) {
                const struct node *n = node_at(wf, list->v[i]);
                count += n->boundary == composite && node_is_work(n) && n->phase < PHASE_SUCCEEDED;
        }
        return count;
}

/* What serves does not end by itself; what waits for a lock has not begun. */
static bool has_active_work(const struct wf *wf, uint32_t composite)
{
        uint32_t active = node_at(wf, composite)->active_work;
        if (active)
                active -= count_work(wf, &wf->daemons, composite);
        if (active)
                active -= count_work(wf, &wf->lock_waiters, composite);
        return active > 0;
}

bool fail_fast_end(struct wf *wf, uint32_t composite)
{
        static const char words[] = "template has failed or errored children and failFast enabled";
        if (!fail_fast_holds(wf, composite))
                return false;
        if (node_fulfilled(node_at(wf, composite)))
                return true;
        if (has_active_work(wf, composite))
                return false;
        const struct frame *f = node_at(wf, composite)->frame;
        uint32_t group = f && node_at(wf, composite)->type == NODE_STEPS ? f->group_node : NONE;
        if (group != NONE && !node_fulfilled(node_at(wf, group)))
                node_set(wf, group, PHASE_FAILED, words);
        node_set(wf, composite, PHASE_FAILED, words);
        node_close(wf, composite);
        ids_add(&wf->left, composite);
        return true;
}
