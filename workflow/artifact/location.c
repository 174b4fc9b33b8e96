/* workflow/artifact/location.c: see location.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/location.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

const char *const location_types[] = {"folder", "s3",  "http", "artifactory", "git", "gcs",
                                      "azure",  "oss", "hdfs", "plugin",      NULL};
static const char *const says_where[] = {"bucket", "endpoint", "container",    "addresses",
                                         "url",    "repo",     "configuration"};

bool location_is_remote(const char *type)
{
        return type && !streq(type, "folder") && !streq(type, "raw");
}

const json_t *location_of(const json_t *artifact, const char **type)
{
        for (const char *const *t = location_types; *t; t++) {
                const json_t *at = json_object_get(artifact, *t);
                if (json_is_object(at)) {
                        *type = *t;
                        return at;
                }
        }
        return NULL;
}

const char *location_key(const json_t *at)
{
        const char *blob = json_str(at, "blob"), *key = blob ? blob : json_str(at, "key");
        while (key && *key == '/')
                key++;
        return key ? key : "";
}

static bool is_whole(const json_t *at)
{
        for (size_t i = 0; i < ARRAY_LEN(says_where); i++)
                if (json_object_get(at, says_where[i]))
                        return true;
        return false;
}

/* The repository's settings below the location's own. */
static json_t *over_repository(const json_t *at, const json_t *repository)
{
        json_t *whole = json_copy((json_t *)(uintptr_t)repository);
        json_object_del(whole, "keyFormat");
        json_object_del(whole, "keyPrefix");
        json_object_del(whole, "key");
        json_object_update(whole, (json_t *)(uintptr_t)at);
        return whole;
}

json_t *location_complete(const json_t *artifact, const json_t *repository)
{
        const char *type = NULL;
        json_t *copy = json_copy((json_t *)(uintptr_t)artifact);
        const json_t *at = location_of(artifact, &type);
        if (!at || streq(type, "folder"))
                return copy;
        const json_t *same = json_object_get(repository, type);
        if (same) {
                json_object_set_new(copy, type, over_repository(at, same));
        } else if (!is_whole(at)) {
                AUTO(mem_free) char *key = mem_strdup(location_key(at));
                json_object_del(copy, type);
                json_object_set_new(copy, "folder", json_pack("{s:s}", "key", key));
        }
        return copy;
}

/* ---- secrets ---- */

void location_each_secret(const json_t *location, location_secret_fn *each, void *arg)
{
        const char *member;
        json_t *value;
        size_t i;
        if (json_is_array(location)) {
                json_array_foreach ((json_t *)(uintptr_t)location, i, value)
                        location_each_secret(value, each, arg);
                return;
        }
        json_object_foreach ((json_t *)(uintptr_t)location, member, value) {
                const char *name = json_str(value, "name"), *key = json_str(value, "key");
                if (str_ends(member, "Secret") && name && key)
                        each(arg, name, key);
                else if (json_is_object(value) || json_is_array(value))
                        location_each_secret(value, each, arg);
        }
}

struct known {
        char *name, *key;
        struct secret *value;
};
struct location_secrets {
        struct known *items;
        size_t n, cap;
};

struct location_secrets *location_secrets_new(void)
{
        return NEW(struct location_secrets);
}

struct location_secrets *location_secrets_free(struct location_secrets *s)
{
        for (size_t i = 0; s && i < s->n; i++) {
                mem_free(s->items[i].name);
                mem_free(s->items[i].key);
                secret_free(s->items[i].value);
        }
        if (s)
                mem_free(s->items);
        mem_free(s);
        return NULL;
}

void location_secrets_add(struct location_secrets *s, const char *name, const char *key,
                          struct secret *value_taken)
{
        mem_grow(s->items, s->cap, s->n + 1);
        s->items[s->n++] = (struct known){mem_strdup(name), mem_strdup(key), value_taken};
}

int location_secret(const struct location_secrets *s, const json_t *location, const char *member,
                    const struct secret **out, struct err *e)
{
        const json_t *ref = json_object_get(location, member);
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        *out = NULL;
        if (!ref || json_is_null(ref))
                return 0;
        if (str_empty(name) || str_empty(key))
                return err_set(e, ERR_INVALID, "%s: needs a name and a key", member);
        for (size_t i = 0; s && i < s->n; i++)
                if (streq(s->items[i].name, name) && streq(s->items[i].key, key)) {
                        *out = s->items[i].value;
                        return 0;
                }
        return err_set(e, ERR_NOT_FOUND, "%s: there is no Secret %s with the key %s", member, name,
                       key);
}
