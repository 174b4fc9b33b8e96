/* workflow/controller/resubmit.c: see resubmit.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/resubmit.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/controller/action.h"

static const char *const of_the_old_run[] = {"workflows.argoproj.io/creator",
                                             "workflows.argoproj.io/creator-email",
                                             "workflows.argoproj.io/creator-preferred-username",
                                             "workflows.argoproj.io/phase",
                                             "workflows.argoproj.io/completed",
                                             "workflows.argoproj.io/workflow-archiving-status"};

static bool stays(const char *key)
{
        for (size_t i = 0; i < ARRAY_LEN(of_the_old_run); i++)
                if (streq(key, of_the_old_run[i]))
                        return false;
        return !str_starts(key, ACTION_ANNOTATION);
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

static json_t *metadata_of(const json_t *workflow)
{
        json_t *meta = json_object(), *owners = json_at(workflow, "metadata", "ownerReferences");
        const char *prefix = json_str(workflow, "metadata", "generateName");
        AUTO(mem_free)
        char *own = mem_printf("%s-", obj_name(workflow) ? obj_name(workflow) : "workflow");
        json_object_set_new(meta, "generateName", json_string(str_empty(prefix) ? own : prefix));
        json_object_set_new(meta, "namespace", json_string(obj_ns(workflow)));
        json_object_set_new(meta, "labels", copy_map(json_at(workflow, "metadata", "labels")));
        json_put_at(meta, json_string(obj_name(workflow) ? obj_name(workflow) : ""), "labels",
                    "workflows.argoproj.io/resubmitted-from-workflow");
        json_t *annotations = copy_map(json_at(workflow, "metadata", "annotations"));
        if (json_object_size(annotations))
                json_object_set(meta, "annotations", annotations);
        json_decref(annotations);
        if (owners)
                json_object_set(meta, "ownerReferences", owners);
        return meta;
}

void workflow_set_parameter(json_t *wf, const char *name, json_t *value_taken)
{
        json_t *list = json_at(wf, "spec", "arguments", "parameters"), *p;
        size_t i;
        if (!json_is_array(list)) {
                json_put_at(wf, json_array(), "spec", "arguments", "parameters");
                list = json_at(wf, "spec", "arguments", "parameters");
        }
        json_array_foreach (list, i, p) {
                if (streq(json_str(p, "name"), name)) {
                        json_object_set_new(p, "value", value_taken);
                        json_object_del(p, "valueFrom");
                        return;
                }
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "value", value_taken));
}

json_t *resubmit_workflow(const json_t *workflow, const char *const *parameters, size_t n,
                          struct err *e)
{
        AUTO_JSON json_t *spec = json_deep_copy(json_object_get(workflow, "spec"));
        if (!json_is_object(spec)) {
                err_set(e, ERR_INVALID, "the workflow has no spec");
                return NULL;
        }
        json_object_del(spec, "shutdown");
        const json_t *deadline = json_object_get(spec, "activeDeadlineSeconds");
        if (json_is_integer(deadline) && json_integer_value(deadline) == 0)
                json_object_del(spec, "activeDeadlineSeconds");
        json_t *out =
                json_pack("{s:s, s:s, s:o, s:O}", "apiVersion", "argoproj.io/v1alpha1", "kind",
                          "Workflow", "metadata", metadata_of(workflow), "spec", spec);
        for (size_t i = 0; i < n; i++) {
                const char *eq = strchr(parameters[i], '=');
                if (!eq || eq == parameters[i] || !utf8_valid(eq + 1, strlen(eq + 1))) {
                        err_set(e, ERR_INVALID, "--parameter: expected NAME=VALUE, found \"%s\"",
                                parameters[i]);
                        json_decref(out);
                        return NULL;
                }
                AUTO(mem_free)
                char *name = mem_strndup(parameters[i], (size_t)(eq - parameters[i]));
                workflow_set_parameter(out, name, json_string(eq + 1));
        }
        return out;
}
