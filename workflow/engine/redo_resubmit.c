/* workflow/engine/redo_resubmit.c: a new workflow from one that has been. Memoized, it begins with
 * the nodes of the old one: what succeeded is Skipped ("original pod: ..."), what failed is
 * Pending, the rest is opened again. Unlike Argo, which leaves the failed attempts of a Retry node
 * Pending for ever and then starts one attempt too many, a step with retries begins anew, or keeps
 * what it came to. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/redo.h"

static const char *const of_the_old_run[] = {"workflows.argoproj.io/creator",
                                             "workflows.argoproj.io/creator-email",
                                             "workflows.argoproj.io/creator-preferred-username",
                                             "workflows.argoproj.io/phase",
                                             "workflows.argoproj.io/completed",
                                             "workflows.argoproj.io/workflow-archiving-status"};

/* ---- metadata and spec ---- */

static bool stays(const char *key)
{
        for (size_t i = 0; i < ARRAY_LEN(of_the_old_run); i++)
                if (streq(key, of_the_old_run[i]))
                        return false;
        return !str_starts(key, "tiphys.io/action-");
}

static json_t *copy_map(const json_t *map)
{
        json_t *out = json_object(), *v;
        const char *key;
        json_object_foreach ((json_t *)(uintptr_t)map, key, v)
                if (stays(key))
                        json_object_set(out, key, v);
        return out;
}

static json_t *metadata_of(const json_t *workflow, const struct redo *r)
{
        json_t *meta = json_object(), *owners = json_at(workflow, "metadata", "ownerReferences");
        const char *prefix = json_str(workflow, "metadata", "generateName"),
                   *name = json_str(workflow, "metadata", "name"),
                   *ns = json_str(workflow, "metadata", "namespace");
        AUTO(mem_free) char *own = mem_printf("%s-", name ? name : "workflow");
        if (r->new_name)
                json_object_set_new(meta, "name", json_string(r->new_name));
        else
                json_object_set_new(meta, "generateName",
                                    json_string(str_empty(prefix) ? own : prefix));
        json_object_set_new(meta, "namespace", json_string(str_empty(ns) ? "default" : ns));
        json_object_set_new(meta, "labels", copy_map(json_at(workflow, "metadata", "labels")));
        json_put_at(meta, json_string(name ? name : ""), "labels",
                    "workflows.argoproj.io/resubmitted-from-workflow");
        json_t *annotations = copy_map(json_at(workflow, "metadata", "annotations"));
        if (json_object_size(annotations))
                json_object_set(meta, "annotations", annotations);
        json_decref(annotations);
        if (owners)
                json_object_set(meta, "ownerReferences", owners);
        return meta;
}

static json_t *spec_of(const json_t *workflow)
{
        json_t *spec = json_deep_copy(json_object_get(workflow, "spec"));
        const json_t *deadline = json_object_get(spec, "activeDeadlineSeconds");
        if (json_is_integer(deadline) && json_integer_value(deadline) == 0)
                json_object_del(spec, "activeDeadlineSeconds");
        json_object_del(spec, "shutdown");
        return spec;
}

/* ---- the nodes of a memoized one ---- */

struct renaming {
        const json_t *nodes; /* of the old workflow */
        const char *from, *to;
        json_t *dropped;   /* set of old ids */
        json_t *as_it_was; /* names of attempts */
        struct wall now;
};

static char *new_node_name(const struct renaming *r, const char *name)
{
        bool begins = str_starts(name, r->from);
        return begins ? mem_printf("%s%s", r->to, name + strlen(r->from)) : mem_strdup(name);
}

static char *new_id(const struct renaming *r, const char *old_id)
{
        const char *name = json_str(json_object_get(r->nodes, old_id), "name");
        AUTO(mem_free) char *renamed = new_node_name(r, name ? name : "");
        if (streq(renamed, r->to))
                return mem_strdup(r->to);
        return mem_printf("%s-%u", r->to, fnv1a32(renamed, strlen(renamed)));
}

static void rename_ids(const struct renaming *r, json_t *node, const char *key)
{
        json_t *old = json_object_get(node, key), *renamed = json_array(), *id;
        size_t i;
        json_array_foreach (old, i, id) {
                if (json_object_get(r->dropped, json_string_value(id)))
                        continue;
                AUTO(mem_free) char *text = new_id(r, json_string_value(id));
                json_array_append_new(renamed, json_string(text));
        }
        if (old)
                json_object_set(node, key, renamed);
        json_decref(renamed);
}

static void set_times(const struct renaming *r, json_t *node, bool started)
{
        char text[40];
        time_rfc3339(r->now.ns / NS_PER_S * NS_PER_S, text);
        json_object_set_new(node, "startedAt", started ? json_string(text) : json_null());
        json_object_set_new(node, "finishedAt", started ? json_string(text) : json_null());
}

static bool is_bad(const json_t *node)
{
        const char *phase = json_str(node, "phase");
        return streq(phase, "Failed") || streq(phase, "Error");
}

static bool is_work(const json_t *node)
{
        const char *type = json_str(node, "type");
        return streq(type, "Pod") || streq(type, "HTTP") || streq(type, "Plugin");
}

static bool is_attempt(const json_t *node)
{
        return json_is_true(json_at(node, "nodeFlag", "retried"));
}

static void set_phase(json_t *node, const char *phase, const char *message)
{
        json_object_set_new(node, "phase", json_string(phase));
        if (message)
                json_object_set_new(node, "message", json_string(message));
        else
                json_object_del(node, "message");
}

/* ---- attempts of Retry nodes ---- */

/* Nodes of an attempt that was a steps or dag template and gave way to another one. */
static bool is_as_it_was(const struct renaming *r, const char *name)
{
        size_t i;
        json_t *attempt;
        json_array_foreach (r->as_it_was, i, attempt) {
                size_t n = json_string_length(attempt);
                if (strncmp(name, json_string_value(attempt), n) == 0 &&
                    (!name[n] || name[n] == '.' || name[n] == '['))
                        return true;
        }
        return false;
}

static void keep_attempts(struct renaming *r, const json_t *retry)
{
        const json_t *children = json_object_get(retry, "children");
        size_t last = json_array_size(children);
        for (size_t i = json_array_size(children); i-- > 0;) {
                const char *id = json_string_value(json_array_get(children, i));
                const json_t *attempt = json_object_get(r->nodes, id ? id : "");
                if (!attempt || !is_attempt(attempt) || is_work(attempt))
                        continue;
                last = last == json_array_size(children) ? i : last;
                if (is_bad(attempt) && (i != last || !is_bad(retry)))
                        json_array_append(r->as_it_was, json_object_get(attempt, "name"));
        }
}

/* Pods of a step that came to nothing begin anew, with the first attempt. */
static void drop_attempts(struct renaming *r, const json_t *retry)
{
        json_t *child;
        size_t i;
        json_array_foreach (json_object_get(retry, "children"), i, child) {
                const char *id = json_string_value(child);
                const json_t *attempt = json_object_get(r->nodes, id ? id : "");
                if (attempt && is_attempt(attempt) && is_bad(attempt) && is_work(attempt))
                        json_object_set_new(r->dropped, id, json_true());
        }
}

static void decide_attempts(struct renaming *r)
{
        const char *id;
        json_t *node;
        json_object_foreach ((json_t *)(uintptr_t)r->nodes, id, node)
                if (streq(json_str(node, "type"), "Retry"))
                        keep_attempts(r, node);
        json_object_foreach ((json_t *)(uintptr_t)r->nodes, id, node)
                if (streq(json_str(node, "type"), "Retry") && is_bad(node) &&
                    !is_as_it_was(r, json_str(node, "name")))
                        drop_attempts(r, node);
}

/* ---- nodes ---- */

/* Of a container set: what its pod is. */
static const json_t *pod_of(const struct renaming *r, const json_t *node)
{
        const char *pod = json_str(node, "boundaryID");
        bool container = streq(json_str(node, "type"), "Container");
        return container && pod ? json_object_get(r->nodes, pod) : NULL;
}

static bool keeps_phase(const struct renaming *r, const json_t *node)
{
        const json_t *pod = pod_of(r, node);
        bool never_ran = streq(json_str(node, "type"), "Skipped");
        bool gave_way = is_attempt(node) && is_work(node) && is_bad(node); /* and is not dropped */
        return never_ran || gave_way || (pod && !is_bad(pod)) ||
               is_as_it_was(r, json_str(node, "name"));
}

static bool is_dropped(const struct renaming *r, const char *id, const json_t *node)
{
        const char *boundary = json_str(node, "boundaryID");
        return json_object_get(r->dropped, id) ||
               (pod_of(r, node) && json_object_get(r->dropped, boundary));
}

static json_t *new_node(const struct renaming *r, const char *old_id, const json_t *old)
{
        json_t *node = json_deep_copy(old);
        const char *boundary = json_str(old, "boundaryID");
        bool pod = streq(json_str(old, "type"), "Pod"), bad = is_bad(old);
        AUTO(mem_free) char *name = new_node_name(r, json_str(old, "name"));
        AUTO(mem_free) char *id = new_id(r, old_id);
        AUTO(mem_free) char *original = mem_printf("original pod: %s", old_id);
        json_object_set_new(node, "name", json_string(name));
        json_object_set_new(node, "id", json_string(id));
        if (boundary) {
                AUTO(mem_free) char *around = new_id(r, boundary);
                json_object_set_new(node, "boundaryID", json_string(around));
        }
        rename_ids(r, node, "children");
        rename_ids(r, node, "outboundNodes");
        json_object_del(node, "progress");
        if (keeps_phase(r, old))
                return node;
        set_times(r, node, (pod && !bad) || !is_work(old)); /* without a time it is started anew */
        if (pod && !bad) {
                json_object_set_new(node, "type", json_string("Skipped"));
                set_phase(node, "Skipped", original);
        } else
                set_phase(node, "Pending", NULL);
        return node;
}

static json_t *new_nodes(struct renaming *r)
{
        AUTO_JSON json_t *above = redo_above_success(r->nodes, NULL);
        AUTO(mem_free) char *exit = mem_printf("%s.onExit", r->from);
        json_t *nodes = json_object(), *node;
        const char *id;
        decide_attempts(r);
        json_object_foreach ((json_t *)(uintptr_t)r->nodes, id, node) {
                bool idle = streq(json_str(node, "type"), "Skipped") && !json_object_get(above, id);
                const char *name = json_str(node, "name");
                if (!name || str_starts(name, exit) || idle || is_dropped(r, id, node))
                        continue;
                json_t *renamed = new_node(r, id, node);
                json_object_set_new(nodes, json_str(renamed, "id"), renamed);
        }
        return nodes;
}

static int add_status(json_t *out, const json_t *workflow, const struct redo *r, struct err *e)
{
        const char *phase = json_str(workflow, "status", "phase"),
                   *name = json_str(workflow, "metadata", "name");
        if (!streq(phase, "Failed") && !streq(phase, "Error"))
                return err_set(e, ERR_INVALID,
                               "workflow must be Failed/Error to resubmit in memoized mode");
        AUTO_JSON json_t *dropped = json_object(), *as_it_was = json_array();
        struct renaming names = {.nodes = json_at(workflow, "status", "nodes"),
                                 .from = name,
                                 .to = r->new_name,
                                 .dropped = dropped,
                                 .as_it_was = as_it_was,
                                 .now = r->now};
        json_t *stored = json_at(workflow, "status", "storedTemplates");
        json_t *status = json_pack("{s:o,s:s,s:[{s:s,s:s}]}", "nodes", new_nodes(&names), "phase",
                                   "", "conditions", "type", "Completed", "status", "False");
        if (stored)
                json_object_set_new(status, "storedTemplates", json_deep_copy(stored));
        json_object_set_new(out, "status", status);
        return 0;
}

int redo_resubmit(json_t **out, const json_t *workflow, const struct redo *r, struct err *e)
{
        if (!json_is_object(json_object_get(workflow, "spec")))
                return err_set(e, ERR_INVALID, "the workflow has no spec");
        AUTO_JSON json_t *made = json_pack("{s:s, s:s, s:o, s:o}", "apiVersion",
                                           "argoproj.io/v1alpha1", "kind", "Workflow", "metadata",
                                           metadata_of(workflow, r), "spec", spec_of(workflow));
        if (redo_override(json_object_get(made, "spec"), r, e) < 0 ||
            (r->memoized && add_status(made, workflow, r, e) < 0))
                return -1;
        *out = TAKE(made);
        return 0;
}
