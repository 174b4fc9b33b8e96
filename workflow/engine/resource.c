/* workflow/engine/resource.c: resource templates: the manifest gets the workflow as its owner when
 * setOwnerReference says so (argo-workflows.md 1.2). SPDX-License-Identifier: Apache-2.0 */
#include "common/yaml/yaml.h"
#include "workflow/engine/engine_priv.h"

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As Go writes maps: keys in order. */
static json_t *sorted(const json_t *j, int depth)
{
        size_t i, n = json_object_size(j);
        const char *key;
        json_t *v, *out;
        if (json_is_array(j) && depth < TAG_MAX_DEPTH) {
                out = json_array();
                json_array_foreach ((json_t *)(uintptr_t)j, i, v)
                        json_array_append_new(out, sorted(v, depth + 1));
                return out;
        }
        if (!json_is_object(j) || depth >= TAG_MAX_DEPTH)
                return json_incref((json_t *)(uintptr_t)j);
        const char **keys = mem_calloc(n + 1, sizeof(*keys));
        i = 0;
        json_object_foreach ((json_t *)(uintptr_t)j, key, v)
                keys[i++] = key;
        qsort(keys, n, sizeof(*keys), by_text);
        out = json_object();
        for (i = 0; i < n; i++)
                json_object_set_new_nocheck(out, keys[i],
                                            sorted(json_object_get(j, keys[i]), depth + 1));
        mem_free(keys);
        return out;
}

static void add_owner(const struct wf *wf, json_t *manifest)
{
        json_t *metadata = json_copy(json_object_get(manifest, "metadata"));
        metadata = metadata ? metadata : json_object();
        json_t *owners = json_copy(json_object_get(metadata, "ownerReferences"));
        owners = owners ? owners : json_array();
        json_array_append_new(owners, json_pack("{s:s,s:b,s:b,s:s,s:s,s:s}", "apiVersion",
                                                "argoproj.io/v1alpha1", "blockOwnerDeletion", 1,
                                                "controller", 1, "kind", "Workflow", "name",
                                                wf->name, "uid", wf->uid));
        json_object_set_new_nocheck(metadata, "ownerReferences", owners);
        json_object_set_new_nocheck(manifest, "metadata", metadata);
}

int resource_own(struct wf *wf, json_t *tmpl, struct err *e)
{
        const json_t *resource = json_object_get(tmpl, "resource");
        const char *text = json_str(resource, "manifest");
        AUTO_JSON json_t *manifest = NULL;
        if (!json_is_true(json_object_get(resource, "setOwnerReference")) || str_empty(text))
                return 0;
        if (yaml_parse_one(&manifest, text, strlen(text), e) < 0)
                return err_wrap(e, "resource.manifest");
        if (!json_is_object(manifest))
                return err_set(e, ERR_INVALID, "resource.manifest: a map is expected");
        add_owner(wf, manifest);
        AUTO_JSON json_t *ordered = sorted(manifest, 0);
        AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
        yaml_put(&b, ordered);
        json_t *copy = json_copy((json_t *)(uintptr_t)resource);
        json_object_set_new_nocheck(copy, "manifest", json_string_nocheck(buf_str(&b)));
        json_object_set_new_nocheck(tmpl, "resource", copy);
        return 0;
}
