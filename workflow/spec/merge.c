/* workflow/spec/merge.c: see merge.h. The merge keys are those of the Go types' patchMergeKey tags.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/merge.h"
#include "common/base/json.h"
#include "common/base/str.h"
#include "workflow/spec/shape.h"

enum { MERGE_MAX_DEPTH = 64 };

static const struct {
        const char *list, *key;
} merge_keys[] = {
        {"parameters", "name"},
        {"artifacts", "name"},
        {"templates", "name"},
        {"tasks", "name"},
        {"volumes", "name"},
        {"volumeClaimTemplates", "name"},
        {"env", "name"},
        {"volumeMounts", "mountPath"},
        {"volumeDevices", "devicePath"},
        {"ports", "containerPort"},
        {"containers", "name"},
        {"initContainers", "name"},
        {"sidecars", "name"},
        {"imagePullSecrets", "name"},
        {"hostAliases", "ip"},
        {"tolerations", "key"},
        {"headers", "name"},
};

static const char *merge_key_of(const char *list)
{
        for (size_t i = 0; i < ARRAY_LEN(merge_keys); i++)
                if (streq(merge_keys[i].list, list))
                        return merge_keys[i].key;
        return NULL;
}

static json_t *merge(const json_t *under, const json_t *over, const char *at, int depth);

static json_t *merge_lists(const json_t *under, const json_t *over, const char *key, int depth)
{
        json_t *out = json_copy((json_t *)(uintptr_t)under);
        size_t i, j, n = json_array_size(under);
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)over, i, item) {
                json_t *id = json_object_get(item, key);
                for (j = 0; id && j < n; j++)
                        if (json_equal(json_object_get(json_array_get(under, j), key), id))
                                break;
                if (id && j < n)
                        json_array_set_new(out, j,
                                           merge(json_array_get(under, j), item, "", depth));
                else
                        json_array_append(out, item);
        }
        return out;
}

static json_t *merge_maps(const json_t *under, const json_t *over, int depth)
{
        json_t *out = json_copy((json_t *)(uintptr_t)under);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)over, key, value) {
                if (json_is_null(value))
                        continue;
                json_t *old = json_object_get(under, key);
                json_object_set_new_nocheck(
                        out, key, old ? merge(old, value, key, depth) : json_incref(value));
        }
        return out;
}

static json_t *merge(const json_t *under, const json_t *over, const char *at, int depth)
{
        const char *key = merge_key_of(at);
        if (depth < MERGE_MAX_DEPTH && json_is_object(under) && json_is_object(over))
                return merge_maps(under, over, depth + 1);
        if (depth < MERGE_MAX_DEPTH && key && json_is_array(under) && json_is_array(over))
                return merge_lists(under, over, key, depth + 1);
        return json_incref((json_t *)(uintptr_t)over);
}

json_t *spec_merge(const json_t *under, const json_t *over)
{
        return merge(under, over, "", 0);
}

json_t *spec_effective(const json_t *own, const json_t *referenced, const json_t *defaults)
{
        AUTO_JSON json_t *base =
                defaults ? spec_merge(defaults, referenced ? referenced : own) : NULL;
        if (!referenced)
                return base ? TAKE(base) : json_incref((json_t *)(uintptr_t)own);
        json_t *out = spec_merge(base ? base : referenced, own);
        json_object_del(out, "workflowTemplateRef");
        return out;
}

json_t *spec_normal(const json_t *spec)
{
        return shape_normal(spec, workflow_spec_shape);
}

json_t *spec_normal_templates(const json_t *templates)
{
        json_t *list = json_array(), *t;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)templates, i, t)
                json_array_append_new(list, shape_normal(t, template_shape));
        return list;
}
