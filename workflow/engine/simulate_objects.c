/* workflow/engine/simulate_objects.c: the objects of a simulation, and the memoization caches among
 * them. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/lock_name.h"
#include "workflow/engine/simulate_priv.h"

#define CACHE_LABEL "workflows.argoproj.io/configmap-type"

json_t *sim_object(const struct simulation *s, const char *kind, const char *name)
{
        size_t i;
        json_t *o;
        json_array_foreach (s->objects, i, o) {
                if (streq(json_str(o, "kind"), kind) &&
                    streq(json_str(o, "metadata", "name"), name))
                        return o;
        }
        return NULL;
}

/* The one of that name, made when there is none. */
static json_t *config_map(struct simulation *s, const char *name)
{
        json_t *map = sim_object(s, "ConfigMap", name);
        if (!map) {
                map = json_pack("{s:s,s:{s:s}}", "kind", "ConfigMap", "metadata", "name", name);
                json_array_append_new(s->objects, map);
        }
        return map;
}

void sim_put_limits(struct simulation *s)
{
        const char *key;
        json_t *limit;
        json_object_foreach (json_object_get(s->test_case, "syncLimits"), key, limit) {
                AUTO(mem_free) char *text = json_scalar_text(limit);
                json_put_at(config_map(s, SYNC_LIMITS), json_string(text ? text : ""), "data", key);
        }
}

void sim_store_entry(struct simulation *s, const json_t *data)
{
        bool is_new = !sim_object(s, "ConfigMap", json_str(data, "configMap"));
        json_t *map = config_map(s, json_str(data, "configMap"));
        if (is_new)
                json_put_at(map, json_string("Cache"), "metadata", "labels", CACHE_LABEL);
        AUTO(mem_free) char *text = json_text(json_object_get(data, "entry"), JSON_STYLE_COMPACT);
        json_put_at(map, json_string(text), "data", json_str(data, "key"));
}

static json_t *entry_of(const char *text)
{
        struct err why = {0};
        AUTO_JSON json_t *entry = NULL;
        json_t *out = json_object(), *outputs;
        if (text && json_parse(&entry, text, strlen(text), &why) == 0) {
                const char *node = json_str(entry, "nodeID");
                if (node)
                        json_object_set_new(out, "nodeID", json_string(node));
                if ((outputs = sim_data(json_object_get(entry, "outputs"))))
                        json_object_set_new(out, "outputs", outputs);
        }
        err_clear(&why);
        return out;
}

json_t *sim_caches(const struct simulation *s)
{
        json_t *out = json_object(), *o, *value;
        const char *key;
        size_t i;
        json_array_foreach (s->objects, i, o) {
                if (!streq(json_str(o, "kind"), "ConfigMap") ||
                    !streq(json_str(o, "metadata", "labels", CACHE_LABEL), "Cache"))
                        continue;
                json_t *entries = json_object();
                json_object_foreach (json_object_get(o, "data"), key, value)
                        json_object_set_new(entries, key, entry_of(json_string_value(value)));
                json_object_set_new(out, json_str(o, "metadata", "name"), entries);
        }
        if (json_object_size(out))
                return out;
        json_decref(out);
        return NULL;
}
