/* workflow/engine/simulate_result.c: the end of a simulation in the form of the recorded cases.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/simulate_priv.h"

static void set(json_t *o, const char *key, const json_t *v)
{
        if (v)
                json_object_set_nocheck(o, key, (json_t *)(uintptr_t)v);
}

static void set_text(json_t *o, const char *key, const char *text)
{
        if (!str_empty(text))
                json_object_set_new(o, key, json_string(text));
}

static const char *url_path(const char *url)
{
        const char *host = url ? strstr(url, "://") : NULL;
        return host ? strchr(host + 3, '/') : NULL;
}

/* [{name, value}] -> {name: value}; artifacts -> {name: {key}|{raw}|{}}. */
json_t *sim_data(const json_t *io)
{
        json_t *out = json_object(), *params = json_object(), *artifacts = json_object(), *item;
        static const char *const kinds[] = {"folder", "s3", "gcs", "oss", "azure", "hdfs"};
        size_t i;
        json_array_foreach (json_object_get(io, "parameters"), i, item) {
                json_t *v = json_object_get(item, "value");
                json_object_set_new(params, json_str(item, "name"),
                                    v ? json_incref(v) : json_null());
        }
        json_array_foreach (json_object_get(io, "artifacts"), i, item) {
                json_t *a = json_object();
                for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                        const char *field = streq(kinds[k], "azure")  ? "blob"
                                            : streq(kinds[k], "hdfs") ? "path"
                                                                      : "key";
                        set_text(a, "key", json_str(item, kinds[k], field));
                }
                set_text(a, "key", url_path(json_str(item, "http", "url")));
                set_text(a, "raw", json_str(item, "raw", "data"));
                json_object_set_new(artifacts, json_str(item, "name"), a);
        }
        if (json_object_size(params))
                json_object_set(out, "parameters", params);
        if (json_object_size(artifacts))
                json_object_set(out, "artifacts", artifacts);
        json_decref(params);
        json_decref(artifacts);
        set(out, "result", json_object_get(io, "result"));
        set(out, "exitCode", json_object_get(io, "exitCode"));
        if (json_object_size(out))
                return out;
        json_decref(out);
        return NULL;
}

static json_t *env_of(const json_t *container)
{
        json_t *out = json_array(), *item;
        size_t i;
        json_array_foreach (json_object_get(container, "env"), i, item) {
                if (!json_object_get(item, "valueFrom"))
                        json_array_append(out, item);
        }
        if (json_array_size(out))
                return out;
        json_decref(out);
        return NULL;
}

static json_t *non_empty(json_t *j)
{
        return (json_is_array(j) && !json_array_size(j)) ||
                               (json_is_object(j) && !json_object_size(j))
                       ? NULL
                       : j;
}

static void put_container(json_t *out, const json_t *container)
{
        static const char *const plain[] = {"image", "command", "args", "workingDir"};
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                set(out, plain[i], non_empty(json_object_get(container, plain[i])));
        json_t *resources = json_object();
        set(resources, "limits", non_empty(json_at(container, "resources", "limits")));
        set(resources, "requests", non_empty(json_at(container, "resources", "requests")));
        set(out, "resources", non_empty(resources));
        json_decref(resources);
        json_t *env = env_of(container);
        if (env)
                json_object_set_new(out, "env", env);
}

static json_t *containers_of(const json_t *list)
{
        json_t *out = json_array(), *c;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)list, i, c) {
                json_t *one = json_object();
                set(one, "name", json_object_get(c, "name"));
                put_container(one, c);
                json_array_append_new(out, one);
        }
        return out;
}

static json_t *resource_of(const json_t *resource)
{
        static const char *const shown[] = {"action", "manifest", "successCondition", "flags",
                                            "failureCondition"};
        json_t *out = json_object();
        for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
                json_t *v = non_empty(json_object_get(resource, shown[i]));
                if (!json_is_string(v) || json_string_length(v))
                        set(out, shown[i], v);
        }
        return out;
}

static json_t *pod_of(const struct sim_pod *p)
{
        json_t *out = json_object(), *t = p->template;
        json_t *container = json_object_get(t, "container");
        container = container ? container : json_object_get(t, "script");
        put_container(out, container);
        if (json_object_get(t, "script")) {
                const char *source = json_str(container, "source");
                json_object_set_new(out, "source", json_string(source ? source : ""));
        }
        set(out, "labels", non_empty(json_at(t, "metadata", "labels")));
        set(out, "annotations", non_empty(json_at(t, "metadata", "annotations")));
        set(out, "nodeSelector", non_empty(json_object_get(t, "nodeSelector")));
        if (p->deadline_s)
                json_object_set_new(out, "activeDeadlineSeconds", json_integer(p->deadline_s));
        if (p->exit_tree)
                json_object_set_new(out, "onExit", json_true());
        if (p->capture)
                json_object_set_new(out, "captureResult", json_true());
        if (json_object_get(t, "containerSet"))
                json_object_set_new(out, "containers",
                                    containers_of(json_at(t, "containerSet", "containers")));
        else
                json_object_set_new(out, "container", json_string("main"));
        if (json_object_get(t, "resource"))
                json_object_set_new(out, "resource", resource_of(json_object_get(t, "resource")));
        return out;
}

/* Ids to names; "?<id>" for what does not exist. */
static json_t *names_of(const json_t *nodes, const json_t *ids)
{
        json_t *out = json_array(), *id;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)ids, i, id) {
                const char *name = json_str(json_object_get(nodes, json_string_value(id)), "name");
                char *unknown = name ? NULL : mem_printf("?%s", json_string_value(id));
                json_array_append_new(out, json_string(name ? name : unknown));
                mem_free(unknown);
        }
        return out;
}

static json_t *node_of(const struct simulation *s, const json_t *nodes, const json_t *n)
{
        static const char *const plain[] = {"name",         "id",          "displayName",
                                            "type",         "phase",       "message",
                                            "templateName", "templateRef", "templateScope"};
        json_t *out = json_object(), *data;
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                set(out, plain[i], json_object_get(n, plain[i]));
        const char *boundary = json_str(n, "boundaryID");
        if (boundary)
                set(out, "boundary", json_object_get(json_object_get(nodes, boundary), "name"));
        if (json_object_get(n, "children"))
                json_object_set_new(out, "children",
                                    names_of(nodes, json_object_get(n, "children")));
        if (json_object_get(n, "outboundNodes"))
                json_object_set_new(out, "outboundNodes",
                                    names_of(nodes, json_object_get(n, "outboundNodes")));
        if ((data = sim_data(json_object_get(n, "inputs"))))
                json_object_set_new(out, "inputs", data);
        if ((data = sim_data(json_object_get(n, "outputs"))))
                json_object_set_new(out, "outputs", data);
        set(out, "hooked", json_at(n, "nodeFlag", "hooked"));
        set(out, "retried", json_at(n, "nodeFlag", "retried"));
        set(out, "daemoned", json_object_get(n, "daemoned"));
        set(out, "memoization", json_object_get(n, "memoizationStatus"));
        set(out, "waitingFor", json_at(n, "synchronizationStatus", "waiting"));
        const char *id = json_str(n, "id");
        struct sim_pod *p;
        HASH_FIND_STR(s->pods, id, p);
        if (p && p->work == WORK_HTTP)
                set(out, "http", json_object_get(p->template, "http"));
        else if (p && p->work == WORK_PLUGIN)
                set(out, "plugin", json_object_get(p->template, "plugin"));
        else if (p) {
                set_text(out, "podName", p->pod_name);
                json_object_set_new(out, "pod", pod_of(p));
        }
        return out;
}

static void count(json_t *counts, const json_t *n)
{
        char *key = mem_printf("%s/%s", json_str(n, "type"), json_str(n, "phase"));
        json_int_t old = json_integer_value(json_object_get(counts, key));
        json_object_set_new(counts, key, json_integer(old + 1));
        mem_free(key);
}

/* The workflow's own labels: those of the object and those it gave itself. */
static void put_labels(const struct simulation *s, json_t *out)
{
        AUTO_JSON json_t *metadata = wf_metadata_json(s->wf), *labels = json_object();
        json_object_update(labels, json_at(s->workflow, "metadata", "labels"));
        json_object_update(labels, json_object_get(metadata, "labels"));
        void *tmp;
        const char *key;
        json_t *v;
        json_object_foreach_safe(labels, tmp, key, v) if (str_starts(key, "workflows.argoproj.io/"))
                json_object_del(labels, key);
        if (json_object_size(labels))
                json_object_set(out, "labels", labels);
}

json_t *sim_result(const struct simulation *s, bool stalled)
{
        json_t *out = json_object(), *data;
        AUTO_JSON json_t *status = wf_status_json(s->wf), *nodes = wf_nodes_json(s->wf);
        json_t *list = json_array(), *counts = json_object(), *n;
        const char *id;
        set_text(out, "phase", json_str(status, "phase"));
        set_text(out, "message", json_str(status, "message"));
        set_text(out, "progress", json_str(status, "progress"));
        if ((data = sim_data(json_object_get(status, "outputs"))))
                json_object_set_new(out, "outputs", data);
        put_labels(s, out);
        if ((data = sim_caches(s)))
                json_object_set_new(out, "caches", data);
        json_object_foreach (nodes, id, n) {
                json_array_append_new(list, node_of(s, nodes, n));
                count(counts, n);
        }
        json_object_set_new(out, "nodeTotal", json_integer((json_int_t)json_array_size(list)));
        json_object_set_new(out, "nodes", list);
        json_object_set_new(out, "nodeCounts", counts);
        json_object_set(out, "waves", s->waves);
        if (s->run)
                set_text(out, "workflowName", json_str(s->workflow, "metadata", "name"));
        if (stalled)
                json_object_set_new(out, "stalled", json_true());
        if (s->failed_action)
                json_object_set_new(out, "failedAction", json_string(s->failed_action));
        return out;
}
