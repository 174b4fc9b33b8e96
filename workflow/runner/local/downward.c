/* workflow/runner/local/downward.c: what a pod may know of itself: fieldRef and resourceFieldRef,
 * of the environment and of downwardAPI volumes. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/build_priv.h"
#include <sys/sysinfo.h>

/* Labels or annotations as a file: key="value" lines, in the order of the keys. */
static char *all_of(const json_t *map)
{
        AUTO_BUF struct buf b = BUF_INIT(1024 * 1024);
        AUTO_JSON json_t *sorted = json_object();
        const char *key;
        json_t *value;
        AUTO(mem_free) char *text = json_text(map ? map : sorted, JSON_STYLE_SORTED);
        struct err e = {0};
        json_t *again = NULL;
        if (json_parse(&again, text, strlen(text), &e) < 0)
                err_clear(&e);
        json_object_foreach (again, key, value) {
                const char *plain = json_string_value(value);
                buf_addf(&b, "%s=", key);
                json_put_string(&b, plain ? plain : "", plain ? strlen(plain) : 0);
                buf_addc(&b, '\n');
        }
        json_decref(again);
        return mem_strdup(buf_str(&b));
}

/* metadata.labels, metadata.labels['key'], the same of annotations. NULL: another field. */
static char *of_metadata(const struct env *env, const char *path)
{
        static const char *const maps[] = {"labels", "annotations"};
        for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
                AUTO(mem_free)
                char *whole = mem_printf("metadata.%s", maps[i]),
                     *prefix = mem_printf("metadata.%s['", maps[i]);
                if (streq(path, whole))
                        return all_of(json_object_get(env->metadata, maps[i]));
                if (!str_starts(path, prefix) || !str_ends(path, "']"))
                        continue;
                size_t n = strlen(prefix);
                AUTO(mem_free) char *key = mem_strndup(path + n, strlen(path) - n - 2);
                const char *found = json_str(env->metadata, maps[i], key);
                return mem_strdup(found ? found : "");
        }
        return NULL;
}

static int field_ref(const struct env *env, const char *path, char **value, struct err *e)
{
        const char *ip = env->private_network ? POD_IP_PLACE : "127.0.0.1";
        const struct {
                const char *path, *value;
        } fields[] = {
                {"metadata.name", env->pod_name},
                {"metadata.namespace", env->ns},
                {"metadata.uid", env->uid},
                {"spec.nodeName", env->runner->host},
                {"spec.serviceAccountName",
                 env->service_account ? env->service_account : "default"},
                {"status.hostIP", "127.0.0.1"},
                {"status.hostIPs", "127.0.0.1"},
                {"status.podIP", ip},
                {"status.podIPs", ip},
        };
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                if (streq(fields[i].path, path)) {
                        *value = mem_strdup(fields[i].value);
                        return 0;
                }
        }
        *value = of_metadata(env, path);
        return *value ? 0
                      : err_set(e, ERR_UNSUPPORTED, "not supported yet: fieldRef %s (local runner)",
                                path);
}

static const json_t *container_named(const struct env *env, const char *name)
{
        static const char *const lists[] = {"sidecars", "initContainers"};
        size_t i;
        json_t *c;
        if (!name || streq(name, json_str(env->container, "name")))
                return env->container;
        for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
                json_array_foreach (json_object_get(env->template, lists[l]), i, c) {
                        if (streq(json_str(c, "name"), name))
                                return c;
                }
        }
        json_array_foreach (json_at(env->template, "containerSet", "containers"), i, c) {
                if (streq(json_str(c, "name"), name))
                        return c;
        }
        const json_t *script = json_object_get(env->template, "script");
        return streq(name, "main") ? script ? script : json_object_get(env->template, "container")
                                   : NULL;
}

/* In thousandths. Without a limit: all that the machine has; without a request: the limit. */
static int64_t resource_milli(const json_t *container, bool limits, const char *what)
{
        const json_t *j = json_at(container, "resources", limits ? "limits" : "requests", what);
        int64_t n = 0;
        if (!j)
                j = json_at(container, "resources", "limits", what);
        if (quantity_of(j, true, &n) || !limits)
                return n;
        if (streq(what, "cpu"))
                return (int64_t)get_nprocs() * 1000;
        struct sysinfo si;
        return streq(what, "memory") && sysinfo(&si) == 0
                       ? (int64_t)si.totalram * si.mem_unit * 1000
                       : 0;
}

static int resource_ref(const struct env *env, const json_t *ref, char **value, struct err *e)
{
        const char *name = json_str(ref, "resource"), *container = json_str(ref, "containerName");
        const json_t *c = container_named(env, container), *unit = json_object_get(ref, "divisor");
        bool limits = name && str_starts(name, "limits."),
             requests = name && str_starts(name, "requests.");
        int64_t divisor = 1000;
        if (!limits && !requests)
                return err_set(e, ERR_INVALID,
                               "resourceFieldRef.resource: expected limits.cpu, "
                               "limits.memory and the like, found \"%s\"",
                               name ? name : "");
        if (!c)
                return err_set(e, ERR_INVALID, "resourceFieldRef: no container \"%s\"", container);
        if (unit && (!quantity_of(unit, true, &divisor) || divisor < 0))
                return err_set(e, ERR_INVALID, "resourceFieldRef.divisor: not a quantity");
        divisor = divisor ? divisor : 1000;
        int64_t n = resource_milli(c, limits, strchr(name, '.') + 1);
        *value = mem_printf("%lld", (long long)((n + divisor - 1) / divisor));
        return 0;
}

int env_downward(const struct env *env, const json_t *item, char **value, struct err *e)
{
        const char *field = json_str(item, "fieldRef", "fieldPath"), *other;
        const json_t *resource = json_object_get(item, "resourceFieldRef");
        if (field)
                return field_ref(env, field, value, e);
        if (resource)
                return resource_ref(env, resource, value, e);
        other = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)item));
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: valueFrom.%s (local runner)",
                       other ? other : "");
}
