/* workflow/spec/patch.c: a strategic merge patch laid over a pod spec (podSpecPatch): maps are
 * merged, null deletes, lists with a merge key are merged item by item, "$patch" says otherwise
 * (kubernetes.io, strategic merge patch). The keys are those of the PodSpec's types, which differ
 * from a workflow's: tolerations are replaced here. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "workflow/spec/merge.h"

enum { PATCH_MAX_DEPTH = 64 };

static const struct {
        const char *list, *key;
} merge_keys[] = {
        {"containers", "name"},
        {"initContainers", "name"},
        {"ephemeralContainers", "name"},
        {"volumes", "name"},
        {"env", "name"},
        {"volumeMounts", "mountPath"},
        {"volumeDevices", "devicePath"},
        {"ports", "containerPort"},
        {"imagePullSecrets", "name"},
        {"hostAliases", "ip"},
        {"resourceClaims", "name"},
        {"schedulingGates", "name"},
        {"topologySpreadConstraints", "topologyKey"},
};

static const char *merge_key_of(const char *list)
{
        for (size_t i = 0; i < ARRAY_LEN(merge_keys); i++)
                if (streq(merge_keys[i].list, list))
                        return merge_keys[i].key;
        return NULL;
}

static json_t *patched(const json_t *doc, const json_t *patch, const char *at, int depth);

static size_t index_of(const json_t *list, const char *key, const json_t *id)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                if (id && json_equal(json_object_get(item, key), id))
                        return i;
        }
        return SIZE_MAX;
}

static json_t *patched_list(const json_t *doc, const json_t *patch, const char *key, int depth)
{
        json_t *out = json_copy((json_t *)(uintptr_t)doc), *item;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)patch, i, item) {
                size_t at = index_of(out, key, json_object_get(item, key));
                const char *how = json_str(item, "$patch");
                if (streq(how, "replace"))
                        json_array_clear(out);
                else if (streq(how, "delete") && at != SIZE_MAX)
                        json_array_remove(out, at);
                else if (!how && at != SIZE_MAX)
                        json_array_set_new(out, at,
                                           patched(json_array_get(out, at), item, "", depth));
                else if (!how)
                        json_array_append_new(out, patched(NULL, item, "", depth));
        }
        return out;
}

static json_t *patched_map(const json_t *doc, const json_t *patch, int depth)
{
        const char *how = json_str(patch, "$patch"), *key;
        bool fresh = streq(how, "replace") || streq(how, "delete") || !json_is_object(doc);
        json_t *out = fresh ? json_object() : json_copy((json_t *)(uintptr_t)doc), *value;
        json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
                if (key[0] == '$')
                        continue;
                if (json_is_null(value))
                        json_object_del(out, key);
                else
                        json_object_set_new_nocheck(
                                out, key, patched(json_object_get(out, key), value, key, depth));
        }
        return out;
}

static json_t *patched(const json_t *doc, const json_t *patch, const char *at, int depth)
{
        const char *key = merge_key_of(at);
        if (depth > PATCH_MAX_DEPTH)
                return json_incref((json_t *)(uintptr_t)patch);
        if (json_is_object(patch))
                return patched_map(doc, patch, depth + 1);
        if (key && json_is_array(patch)) {
                AUTO_JSON json_t *none = json_is_array(doc) ? NULL : json_array();
                return patched_list(none ? none : doc, patch, key, depth + 1);
        }
        return json_incref((json_t *)(uintptr_t)patch);
}

json_t *spec_patch(const json_t *doc, const json_t *patch)
{
        return patched(doc, patch, "", 0);
}
