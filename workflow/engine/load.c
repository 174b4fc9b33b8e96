/* workflow/engine/load.c: nodes from status.nodes. Only what the nodes say is restored here; their
 * places in the tree (owner, role, frame) follow when the first step opens the entry node again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/sync.h"

static int64_t seconds(const json_t *node, const char *key)
{
        int64_t ns;
        const char *text = json_str(node, key);
        return text && time_parse_rfc3339(text, &ns) ? ns / NS_PER_S : 0;
}

static const char *interned_or_null(struct wf *wf, const char *text)
{
        return str_empty(text) ? NULL : wf_intern(wf, text);
}

static void load_waiting(struct wf *wf, struct node *n, const char *lock)
{
        if (str_empty(lock) || n->phase >= PHASE_SUCCEEDED)
                return;
        n->sync = NEW(struct node_sync);
        n->sync->state = SYNC_WAITS;
        n->sync->waiting = wf_intern(wf, lock);
}

static void fill(struct wf *wf, uint32_t index, const json_t *j)
{
        struct node *n = node_at(wf, index);
        const char *message = json_str(j, "message"), *template = json_str(j, "templateName"),
                   *scope = json_str(j, "templateScope");
        const char *display = json_str(j, "displayName"), *progress = json_str(j, "progress");
        unsigned done, all;
        n->phase = (uint8_t)node_phase_parse(json_str(j, "phase"));
        n->message = str_empty(message) ? NULL : mem_strdup(message);
        n->template_name = template ? wf_intern(wf, template) : "";
        n->scope = scope ? wf_intern(wf, scope) : "";
        n->template_ref = json_incref(json_object_get(j, "templateRef"));
        n->started_s = seconds(j, "startedAt");
        n->finished_s = seconds(j, "finishedAt");
        n->pod_ip = interned_or_null(wf, json_str(j, "podIP"));
        n->host = interned_or_null(wf, json_str(j, "hostNodeName"));
        n->inputs = json_incref(json_object_get(j, "inputs"));
        n->outputs = json_deep_copy(json_object_get(j, "outputs"));
        n->daemoned = json_is_true(json_object_get(j, "daemoned"));
        n->hooked = json_is_true(json_at(j, "nodeFlag", "hooked"));
        n->retried = json_is_true(json_at(j, "nodeFlag", "retried"));
        if (n->daemoned)
                ids_add(&wf->daemons, index);
        n->memo = json_incref(json_object_get(j, "memoizationStatus"));
        n->memo_saved = n->phase >= PHASE_SUCCEEDED; /* it was stored before the node was */
        load_waiting(wf, n, json_str(j, "synchronizationStatus", "waiting"));
        n->linked = true;
        n->pod_started = !n->sync && n->started_s && node_is_work(n);
        if (display && strcmp(display, n->display) != 0)
                n->display = wf_intern(wf, display);
        if (progress && sscanf(progress, "%u/%u", &done, &all) == 2 && done <= all &&
            all <= UINT16_MAX) {
                wf->progress_done += done;
                wf->progress_all += all - n->progress_all;
                n->progress_done = (uint16_t)done;
                n->progress_all = (uint16_t)all;
        }
}

static void load_links(struct wf *wf, struct ids *to, const json_t *list)
{
        size_t i;
        json_t *id;
        json_array_foreach ((json_t *)(uintptr_t)list, i, id) {
                uint32_t child =
                        json_is_string(id) ? node_by_id_text(wf, json_string_value(id)) : NONE;
                if (child != NONE)
                        ids_add(to, child);
        }
}

/* The counters that node_set keeps otherwise. */
static void count(struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        bool pod = node_is_work(n);
        bool active = n->phase == PHASE_PENDING || n->phase == PHASE_RUNNING;
        wf->failed_nodes += phase_bad(n->phase);
        wf->active_pods += pod && active;
        if (n->boundary == NONE || (!pod && n->type != NODE_STEPS && n->type != NODE_DAG))
                return;
        node_at(wf, n->boundary)->active_work += pod && active;
        node_at(wf, n->boundary)->active_children += active;
        node_at(wf, n->boundary)->bad_children += phase_bad(n->phase);
}

void wf_load_nodes(struct wf *wf, const json_t *nodes)
{
        const char *id;
        json_t *j;
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, j) {
                const char *name = json_str(j, "name");
                enum node_type type = node_type_parse(json_str(j, "type"));
                if (str_empty(name) || type == NODE_TYPE_COUNT || node_find(wf, name) != NONE)
                        continue;
                struct node_new how = {.name = name,
                                       .type = type,
                                       .phase = PHASE_NONE,
                                       .boundary = NONE,
                                       .owner = NONE,
                                       .role = ROLE_STEP};
                fill(wf, node_add(wf, &how), j);
        }
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, j) {
                const char *name = json_str(j, "name"), *boundary = json_str(j, "boundaryID");
                uint32_t index = name ? node_find(wf, name) : NONE;
                if (index == NONE)
                        continue;
                if (boundary)
                        node_at(wf, index)->boundary = node_by_id_text(wf, boundary);
                load_links(wf, &node_at(wf, index)->children, json_object_get(j, "children"));
                load_links(wf, &node_at(wf, index)->outbound, json_object_get(j, "outboundNodes"));
                count(wf, index);
                sync_loaded(wf, index);
        }
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                node_at(wf, i)->dirty = false;
        wf->dirty.n = 0;
        wf->changed = wf->freed = false;
        wf->q_head = wf->q_tail = 0;
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                node_at(wf, i)->queued = false;
}
