/* workflow/spec/needs.c: see needs.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/needs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/plan.h"
#include <stdlib.h>

enum { WALK_MAX_DEPTH = 64 };

struct needs {
        json_t *set; /* keys */
};

static void add(struct needs *n, const char *kind, const char *what)
{
        AUTO(mem_free) char *text = what ? mem_printf("%s %s", kind, what) : mem_strdup(kind);
        json_object_set_new(n->set, text, json_true());
}

/* Places that are stores of artifacts; raw and folder are ours. */
static void add_store(struct needs *n, const char *key, const json_t *v)
{
        static const char *const stores[] = {"s3",   "gcs", "azure",      "oss",
                                             "hdfs", "git", "artifactory"};
        for (size_t i = 0; i < ARRAY_LEN(stores); i++)
                if (strcmp(key, stores[i]) == 0 && json_is_object(v))
                        add(n, "store", key);
        if (strcmp(key, "http") == 0 && json_object_get(v, "url"))
                add(n, "network:", "http");
}

static void add_kubernetes(struct needs *n, const char *key, const json_t *v)
{
        static const char *const placement[] = {
                "affinity",       "tolerations",         "nodeSelector",
                "resourceClaims", "podDisruptionBudget", "podResources"};
        if (strcmp(key, "resource") == 0 && json_object_get(v, "action"))
                add(n, "kubernetes:", "resource template");
        for (size_t i = 0; i < ARRAY_LEN(placement); i++)
                if (strcmp(key, placement[i]) == 0 && (json_is_object(v) || json_is_array(v)))
                        add(n, "kubernetes:", key);
}

static void add_field(struct needs *n, const char *key, const json_t *v)
{
        if (strcmp(key, "image") == 0 && json_is_string(v) && json_string_length(v))
                add(n, "image", json_string_value(v));
        if ((strcmp(key, "secretKeyRef") == 0 || str_ends(key, "Secret") ||
             strcmp(key, "secretRef") == 0) &&
            json_str(v, "name"))
                add(n, "secret", json_str(v, "name"));
        if (strcmp(key, "secret") == 0 && json_str(v, "secretName"))
                add(n, "secret", json_str(v, "secretName"));
        if ((strcmp(key, "configMapKeyRef") == 0 || strcmp(key, "configMapRef") == 0 ||
             strcmp(key, "configMap") == 0) &&
            json_str(v, "name"))
                add(n, "configmap", json_str(v, "name"));
        if (strcmp(key, "database") == 0 && json_str(v, "key"))
                add(n, "sync limit", json_str(v, "key"));
        if (strcmp(key, "persistentVolumeClaim") == 0 && json_str(v, "claimName"))
                add(n, "volume claim", json_str(v, "claimName"));
        if (strcmp(key, "plugin") == 0 && json_is_object(v)) {
                const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)v));
                add(n, "plugin", json_str(v, "name") ? json_str(v, "name") : name);
        }
        if (strcmp(key, "suspend") == 0 && json_is_object(v) && !json_object_get(v, "duration"))
                add(n, "person: suspend without a duration", NULL);
        add_store(n, key, v);
        add_kubernetes(n, key, v);
}

static void walk(struct needs *n, const json_t *j, int depth)
{
        const char *key;
        json_t *v;
        size_t i;
        if (depth > WALK_MAX_DEPTH)
                return;
        json_array_foreach ((json_t *)(uintptr_t)j, i, v)
                walk(n, v, depth + 1);
        json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                add_field(n, key, v);
                walk(n, v, depth + 1);
        }
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *wf_needs(const json_t *spec)
{
        AUTO_JSON json_t *set = json_object();
        struct needs n = {set};
        walk(&n, spec, 0);
        size_t count = 0;
        const char **keys = mem_calloc(json_object_size(set) + 1, sizeof(*keys)), *key;
        json_t *v, *out = json_array();
        json_object_foreach (set, key, v)
                keys[count++] = key;
        qsort(keys, count, sizeof(*keys), by_text);
        for (size_t i = 0; i < count; i++)
                json_array_append_new(out, json_string(keys[i]));
        mem_free(keys);
        return out;
}
