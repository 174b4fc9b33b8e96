/* common/store/meta.c: what an API server does to metadata: names, what clients may not change,
 * generation, and a Secret's stringData. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/rand.h"
#include "common/store/embedded.h"
#include <string.h>

enum { NAME_MAX_LEN = 253, GENERATED_PREFIX_MAX = 58, SUFFIX = 5 };

/* Lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit. */
static bool valid_name(const char *name)
{
        size_t n = strlen(name);
        if (n == 0 || n > NAME_MAX_LEN)
                return false;
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n)
                return false;
        return !strchr("-.", name[0]) && !strchr("-.", name[n - 1]);
}

void meta_new_name(json_t *obj)
{
        const char *prefix = json_str(obj, "metadata", "generateName");
        char suffix[SUFFIX + 1];
        rand_suffix(suffix, SUFFIX);
        AUTO(mem_free) char *name = mem_printf("%.*s%s", GENERATED_PREFIX_MAX, prefix, suffix);
        json_put_at(obj, json_string(name), "metadata", "name");
}

void meta_set_version(json_t *obj, int64_t version)
{
        AUTO(mem_free) char *text = mem_printf("%lld", (long long)version);
        json_put_at(obj, json_string(text), "metadata", "resourceVersion");
}

bool meta_has_finalizers(const json_t *obj)
{
        return json_array_size(json_at(obj, "metadata", "finalizers")) > 0;
}

bool meta_is_deleting(const json_t *obj)
{
        return json_at(obj, "metadata", "deletionTimestamp") != NULL;
}

static bool server_owned(const char *key)
{
        return streq(key, "metadata") || streq(key, "status") || streq(key, "apiVersion") ||
               streq(key, "kind");
}

static bool has_other(const json_t *a, const json_t *b)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)a, key, value)
                if (!server_owned(key) && !json_equal(value, json_object_get(b, key)))
                        return true;
        return false;
}

bool meta_spec_differs(const json_t *a, const json_t *b)
{
        return has_other(a, b) || has_other(b, a);
}

static int fold_one(json_t *data, const char *key, const json_t *value, struct err *e)
{
        if (!json_is_string(value))
                return err_set(e, ERR_INVALID, "stringData.%s: expected a string", key);
        AUTO_BUF struct buf text = BUF_INIT(BUF_UNBOUNDED);
        base64_put(&text, json_string_value(value), json_string_length(value));
        json_object_set_new(data, key, json_string(buf_str(&text)));
        return 0;
}

/* stringData is write-only: it lands in data. */
static int fold_string_data(json_t *obj, struct err *e)
{
        AUTO_JSON json_t *plain = json_incref(json_object_get(obj, "stringData"));
        if (!plain)
                return 0;
        json_object_del(obj, "stringData");
        if (json_is_null(plain))
                return 0;
        if (!json_is_object(plain))
                return err_set(e, ERR_INVALID, "stringData: expected a map");
        if (!json_is_object(json_object_get(obj, "data")))
                json_object_set_new(obj, "data", json_object());
        const char *key;
        json_t *value;
        json_object_foreach (plain, key, value)
                if (fold_one(json_object_get(obj, "data"), key, value, e) < 0)
                        return -1;
        return 0;
}

static int check_labels(const json_t *meta, const char *what, struct err *e)
{
        const json_t *map = json_object_get(meta, what);
        if (!map || json_is_null(map))
                return 0;
        if (!json_is_object(map))
                return err_set(e, ERR_INVALID, "metadata.%s: expected a map", what);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)map, key, value)
                if (!json_is_string(value))
                        return err_set(e, ERR_INVALID, "metadata.%s[\"%s\"]: expected a string",
                                       what, key);
        return 0;
}

static int settle_name(json_t *obj, const struct change_of_meta *c, struct err *e)
{
        const char *name = obj_name(obj);
        if (c->name && !str_empty(name) && !streq(name, c->name))
                return err_set(e, ERR_INVALID, "metadata.name: \"%s\" cannot become \"%s\"",
                               c->name, name);
        if (c->name)
                json_put_at(obj, json_string(c->name), "metadata", "name");
        else if (str_empty(name) && str_empty(json_str(obj, "metadata", "generateName")))
                return err_set(e, ERR_INVALID, "metadata: name or generateName is required");
        else if (str_empty(name))
                meta_new_name(obj);
        name = obj_name(obj);
        if (!valid_name(name))
                return err_set(e, ERR_INVALID,
                               "metadata.name: \"%s\" is no valid name: lower-case letters, "
                               "digits, '-' and '.', at most"
                               " %d, beginning and ending with a letter or digit",
                               name, NAME_MAX_LEN);
        return 0;
}

static int settle_ns(json_t *obj, const struct change_of_meta *c, struct err *e)
{
        const char *ns = json_str(obj, "metadata", "namespace");
        if (!*c->ns) {
                json_object_del(json_object_get(obj, "metadata"), "namespace");
                return 0;
        }
        if (!str_empty(ns) && !streq(ns, c->ns))
                return err_set(
                        e, ERR_INVALID,
                        "metadata.namespace: \"%s\" is not the namespace of the request, \"%s\"",
                        ns, c->ns);
        json_put_at(obj, json_string(c->ns), "metadata", "namespace");
        return 0;
}

static void fill_in_new(json_t *meta, struct wall now)
{
        char uid[37], at[40];
        uuid_v4(uid);
        time_rfc3339(now.ns, at);
        json_object_set_new(meta, "uid", json_string(uid));
        json_object_set_new(meta, "creationTimestamp", json_string(at));
        json_object_set_new(meta, "generation", json_integer(1));
        json_object_del(meta, "deletionTimestamp");
        json_object_del(meta, "deletionGracePeriodSeconds");
}

static int restore(json_t *meta, const json_t *old, struct err *e)
{
        static const char *const owned[] = {"uid",
                                            "creationTimestamp",
                                            "generation",
                                            "deletionTimestamp",
                                            "deletionGracePeriodSeconds",
                                            "resourceVersion"};
        const char *uid = json_str(old, "uid"), *given = json_str(meta, "uid");
        if (!str_empty(given) && !streq(given, uid))
                return err_set(e, ERR_CONFLICT, "metadata.uid: the object has uid %s, not %s", uid,
                               given);
        for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
                json_t *value = json_object_get(old, owned[i]);
                if (value)
                        json_object_set(meta, owned[i], value);
                else
                        json_object_del(meta, owned[i]);
        }
        return 0;
}

static int settle_kind(json_t *obj, const struct change_of_meta *c, struct err *e)
{
        const char *kind = json_str(obj, "kind");
        size_t n = strcspn(c->kind, ".");
        if (str_empty(kind))
                return err_set(e, ERR_INVALID, "kind: required");
        if (strlen(kind) != n || strncmp(kind, c->kind, n) != 0)
                return err_set(e, ERR_INVALID, "kind: expected %.*s, found %s", (int)n, c->kind,
                               kind);
        return 0;
}

int meta_prepare(json_t *obj, const struct change_of_meta *c, struct err *e)
{
        if (!json_is_object(obj))
                return err_set(e, ERR_INVALID, "expected an object");
        json_t *meta = json_object_get(obj, "metadata");
        if (!meta)
                json_object_set_new(obj, "metadata", meta = json_object());
        if (!json_is_object(meta))
                return err_set(e, ERR_INVALID, "metadata: expected a map");
        if (settle_kind(obj, c, e) < 0 || settle_name(obj, c, e) < 0 || settle_ns(obj, c, e) < 0 ||
            check_labels(meta, "labels", e) < 0 || check_labels(meta, "annotations", e) < 0)
                return -1;
        if (streq(c->kind, "Secret.") && fold_string_data(obj, e) < 0)
                return -1;
        if (c->old)
                return restore(meta, json_object_get(c->old, "metadata"), e);
        if (!str_empty(json_str(meta, "resourceVersion")))
                return err_set(
                        e, ERR_INVALID,
                        "metadata.resourceVersion: must not be set on an object to be created");
        fill_in_new(meta, c->now);
        return 0;
}
