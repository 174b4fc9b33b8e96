/* workflow/cron/child.c: the workflow of a slot; see cronwf.h. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/cron/cronwf.h"

#define INSTANCE_LABEL "workflows.argoproj.io/controller-instanceid"

char *cronwf_child_name(const json_t *cron, int64_t slot_ns)
{
        return mem_printf("%s-%lld", obj_name(cron), (long long)(slot_ns / NS_PER_S));
}

static json_t *owner_of(const json_t *cron)
{
        return json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion", "argoproj.io/v1alpha1",
                         "kind", "CronWorkflow", "name", obj_name(cron), "uid",
                         obj_uid(cron) ? obj_uid(cron) : "", "controller", 1, "blockOwnerDeletion",
                         1);
}

static void add_all(json_t *meta, const json_t *from, const char *part)
{
        const char *key;
        json_t *value;
        json_object_foreach (json_object_get(from, part), key, value)
                json_put_at(meta, json_incref(value), part, key);
}

json_t *cronwf_child(const json_t *cron, const char *name, int64_t slot_ns)
{
        const json_t *spec = json_object_get(cron, "spec"),
                     *wanted = json_object_get(spec, "workflowMetadata");
        char at[40];
        AUTO(mem_free) char *prefix = mem_printf("%s-", obj_name(cron));
        time_rfc3339(slot_ns, at);
        json_t *meta =
                json_pack("{s:s, s:s, s:{s:s}, s:{s:s}}", name ? "name" : "generateName",
                          name ? name : prefix, "namespace", obj_ns(cron), "labels", CRONWF_LABEL,
                          obj_name(cron), "annotations", CRONWF_TIME_ANNOTATION, at);
        if (obj_label(cron, INSTANCE_LABEL))
                json_put_at(meta, json_string(obj_label(cron, INSTANCE_LABEL)), "labels",
                            INSTANCE_LABEL);
        add_all(meta, wanted, "labels");
        add_all(meta, wanted, "annotations");
        if (json_array_size(json_object_get(wanted, "finalizers")))
                json_object_set(meta, "finalizers", json_object_get(wanted, "finalizers"));
        json_object_set_new(meta, "ownerReferences", owner_of(cron));
        json_t *body = json_object_get(spec, "workflowSpec");
        return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "argoproj.io/v1alpha1", "kind",
                         "Workflow", "metadata", meta, "spec",
                         body ? json_deep_copy(body) : json_object());
}

json_t *cronwf_reference(const json_t *workflow)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "apiVersion", "argoproj.io/v1alpha1",
                         "kind", "Workflow", "name", obj_name(workflow), "namespace",
                         obj_ns(workflow), "uid", obj_uid(workflow), "resourceVersion",
                         obj_version(workflow) ? obj_version(workflow) : "");
}
