/* workflow/engine/status.c: the state as Argo writes it: status, status.nodes, labels.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/lock_name.h"
#include "workflow/engine/sync.h"

static void set_text(json_t *o, const char *key, const char *value)
{
        if (!str_empty(value))
                json_object_set_new_nocheck(o, key, json_string(value));
}

static void set_time(json_t *o, const char *key, int64_t s)
{
        char text[40];
        if (s)
                time_rfc3339(s * NS_PER_S, text);
        json_object_set_new_nocheck(o, key, s ? json_string(text) : json_null());
}

static void set_links(const struct wf *wf, json_t *o, const char *key, const struct ids *links,
                      struct arena *a)
{
        if (!links->n)
                return;
        json_t *list = json_array();
        for (uint32_t i = 0; i < links->n; i++)
                json_array_append_new(
                        list, json_string_nocheck(node_id_text(wf, node_at(wf, links->v[i]), a)));
        json_object_set_new_nocheck(o, key, list);
}

static void set_flags(json_t *o, const struct node *n)
{
        if (!n->hooked && !n->retried)
                return;
        json_t *flag = json_object();
        if (n->hooked)
                json_object_set_new_nocheck(flag, "hooked", json_true());
        if (n->retried)
                json_object_set_new_nocheck(flag, "retried", json_true());
        json_object_set_new_nocheck(o, "nodeFlag", flag);
}

static json_t *node_json(const struct wf *wf, const struct node *n)
{
        struct arena a;
        arena_init(&a, 0);
        json_t *o = json_object();
        set_text(o, "id", node_id_text(wf, n, &a));
        set_text(o, "name", n->name);
        set_text(o, "displayName", n->display);
        set_text(o, "type", node_type_name(n->type));
        set_text(o, "templateName", n->template_name);
        if (n->template_ref)
                json_object_set_nocheck(o, "templateRef", n->template_ref);
        set_text(o, "templateScope", n->scope);
        set_text(o, "phase", node_phase_name(n->phase));
        if (n->boundary != NONE)
                set_text(o, "boundaryID", node_id_text(wf, node_at(wf, n->boundary), &a));
        set_text(o, "message", n->message);
        set_time(o, "startedAt", n->started_s);
        set_time(o, "finishedAt", n->finished_s);
        if (n->progress_all)
                set_text(o, "progress",
                         arena_printf(&a, "%u/%u", n->progress_done, n->progress_all));
        set_text(o, "podIP", n->pod_ip);
        if (n->daemoned)
                json_object_set_new_nocheck(o, "daemoned", json_true());
        set_flags(o, n);
        if (n->inputs)
                json_object_set_nocheck(o, "inputs", n->inputs);
        if (n->outputs)
                json_object_set_nocheck(o, "outputs", n->outputs);
        if (n->memo)
                json_object_set_nocheck(o, "memoizationStatus", n->memo);
        const char *waiting = n->sync ? n->sync->waiting : NULL;
        if (!waiting && sync_waits(n)) /* asked and not answered yet: restored, it asks again */
                waiting = json_string_value(json_array_get(n->sync->names, 0));
        if (waiting)
                json_object_set_new_nocheck(
                        o, "synchronizationStatus",
                        json_pack("{s:s}", "waiting", lock_name_shown(waiting, &a)));
        set_links(wf, o, "children", &n->children, &a);
        set_links(wf, o, "outboundNodes", &n->outbound, &a);
        set_text(o, "hostNodeName", n->host);
        arena_deinit(&a);
        return o;
}

json_t *wf_node_json(const struct wf *wf, const char *node_id)
{
        uint32_t i = node_by_id_text(wf, node_id);
        return i == NONE ? NULL : node_json(wf, node_at(wf, i));
}

json_t *wf_nodes_json(const struct wf *wf)
{
        json_t *nodes = json_object();
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                json_object_set_new_nocheck(nodes, node_id_text(wf, node_at(wf, i), &a),
                                            node_json(wf, node_at(wf, i)));
        arena_deinit(&a);
        return nodes;
}

static json_t *condition(const char *type, bool yes)
{
        return json_pack("{s:s,s:s}", "type", type, "status", yes ? "True" : "False");
}

json_t *wf_status_json(const struct wf *wf)
{
        json_t *o = json_object();
        char progress[32];
        set_text(o, "phase", wf->phase);
        set_text(o, "message", wf->message);
        set_time(o, "startedAt", wf->started_ns / NS_PER_S);
        set_time(o, "finishedAt", wf->finished_ns / NS_PER_S);
        snprintf(progress, sizeof(progress), "%u/%u", wf->progress_done, wf->progress_all);
        set_text(o, "progress", progress);
        if (wf->outputs)
                json_object_set_new_nocheck(o, "outputs", json_deep_copy(wf->outputs));
        json_t *conditions = json_array();
        if (wf->begun || wf->completed)
                json_array_append_new(
                        conditions, condition("PodRunning", wf->active_pods > 0 && !wf->completed));
        if (wf->completed)
                json_array_append_new(conditions, condition("Completed", true));
        json_object_set_new_nocheck(o, "conditions", conditions);
        json_t *locks = sync_status(wf);
        if (locks)
                json_object_set_new_nocheck(o, "synchronization", locks);
        json_t *claims = claims_status(wf);
        if (claims)
                json_object_set_new_nocheck(o, "persistentVolumeClaims", claims);
        if (wf->stored_templates)
                json_object_set_new_nocheck(o, "storedTemplates", json_copy(wf->stored_templates));
        if (wf->stored_spec)
                json_object_set_nocheck(o, "storedWorkflowTemplateSpec", wf->stored_spec);
        if (wf->repository_ref)
                json_object_set_nocheck(o, "artifactRepositoryRef", wf->repository_ref);
        return o;
}

json_t *wf_metadata_json(const struct wf *wf)
{
        json_t *all = json_object(), *labels = json_copy(json_object_get(wf->metadata, "labels"));
        json_t *annotations = json_object_get(wf->metadata, "annotations");
        json_t *o = labels ? labels : json_object();
        if (*wf->phase)
                json_object_set_new_nocheck(o, "workflows.argoproj.io/phase",
                                            json_string(wf->phase));
        if (wf->completed)
                json_object_set_new_nocheck(o, "workflows.argoproj.io/completed",
                                            json_string("true"));
        json_object_set_new_nocheck(all, "labels", o);
        json_object_set_new_nocheck(all, "annotations",
                                    annotations ? json_copy(annotations) : json_object());
        return all;
}

const char *wf_phase(const struct wf *wf)
{
        return wf->phase;
}

bool wf_completed(const struct wf *wf)
{
        return wf->completed;
}

size_t wf_node_count(const struct wf *wf)
{
        return wf->n_nodes;
}

const json_t *wf_spec_json(const struct wf *wf)
{
        return wf->spec;
}

json_t *wf_pod_labels(const struct wf *wf, const char *node_id)
{
        uint32_t i = node_by_id_text(wf, node_id);
        const struct tmpl *t = i == NONE ? NULL : node_at(wf, i)->tmpl;
        json_t *labels = json_object();
        json_t *const from[] = {json_at(wf->spec, "podMetadata", "labels"),
                                t ? json_at(t->body, "metadata", "labels") : NULL};
        for (size_t k = 0; k < ARRAY_LEN(from); k++)
                if (from[k])
                        json_object_update(labels, from[k]);
        return labels;
}

void wf_each_pod(const struct wf *wf, void (*each)(void *arg, const char *node_id), void *arg)
{
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                if (node_at(wf, i)->type == NODE_POD)
                        each(arg, node_id_text(wf, node_at(wf, i), &a));
        arena_deinit(&a);
}
