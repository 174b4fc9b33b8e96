/* common/store/object.c: small accessors, and values behind secretKeyRef and configMapKeyRef.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include <stdlib.h>

const char *obj_name(const json_t *o)
{
        return json_str(o, "metadata", "name");
}

const char *obj_ns(const json_t *o)
{
        const char *ns = json_str(o, "metadata", "namespace");
        return str_empty(ns) ? "default" : ns;
}

const char *obj_uid(const json_t *o)
{
        return json_str(o, "metadata", "uid");
}

const char *obj_version(const json_t *o)
{
        return json_str(o, "metadata", "resourceVersion");
}

const char *obj_label(const json_t *o, const char *key)
{
        return json_str(o, "metadata", "labels", key);
}

const char *obj_annotation(const json_t *o, const char *key)
{
        return json_str(o, "metadata", "annotations", key);
}

/* ---- secrets and config ---- */

struct lookup {
        char *ns, *name, *key;
        store_secret_fn *secret_done;
        store_config_fn *config_done;
        void *arg;
};

static void lookup_free(struct lookup *l)
{
        free(l->ns);
        free(l->name);
        free(l->key);
        free(l);
}

static struct lookup *lookup_new(const char *ns, const char *name, const char *key, void *arg)
{
        struct lookup *l = NEW(struct lookup);
        *l = (struct lookup){
                .ns = mem_strdup(ns), .name = mem_strdup(name), .key = mem_strdup(key), .arg = arg};
        return l;
}

/* The store has no such object or key: the mounted folders and the environment may. */
static void answer_secret_from_mounts(struct lookup *l, const struct err *from_store)
{
        struct secret *value = NULL;
        ERR_SLOT(e);
        if (secret_from_mounts(&value, l->name, l->key, &e) == 0) {
                l->secret_done(l->arg, value, NULL);
                return;
        }
        err_clear(&e);
        if (from_store)
                err_set(&e, from_store->code, "Secret %s/%s: %s", l->ns, l->name,
                        err_msg(from_store));
        else
                err_set(&e, ERR_NOT_FOUND, "Secret %s/%s has no key \"%s\"", l->ns, l->name,
                        l->key);
        l->secret_done(l->arg, NULL, &e);
        err_clear(&e);
}

static void on_secret(void *arg, json_t *obj, const struct err *e)
{
        struct lookup *l = arg;
        const char *text = obj ? json_str(obj, "data", l->key) : NULL;
        struct buf plain = BUF_INIT(4u << 20);
        if (text && base64_get(&plain, text, strlen(text)))
                l->secret_done(l->arg, secret_new(buf_str(&plain), plain.len), NULL);
        else
                answer_secret_from_mounts(l, e);
        if (plain.data)
                explicit_bzero(plain.data, plain.cap);
        buf_deinit(&plain);
        lookup_free(l);
}

void store_secret(struct store *s, const char *ns, const char *name, const char *key,
                  store_secret_fn *done, void *arg)
{
        struct lookup *l = lookup_new(ns, name, key, arg);
        l->secret_done = done;
        store_get(s, (struct store_ref){&STORE_SECRET, l->ns, l->name}, on_secret, l);
}

static void on_config(void *arg, json_t *obj, const struct err *from_store)
{
        struct lookup *l = arg;
        const char *value = obj ? json_str(obj, "data", l->key) : NULL;
        AUTO(mem_free) char *mounted = NULL;
        ERR_SLOT(e);
        if (!value && config_from_mounts(&mounted, l->name, l->key, &e) == 0)
                value = mounted;
        if (value) {
                l->config_done(l->arg, value, NULL);
        } else {
                err_clear(&e);
                if (from_store)
                        err_set(&e, from_store->code, "ConfigMap %s/%s: %s", l->ns, l->name,
                                err_msg(from_store));
                else
                        err_set(&e, ERR_NOT_FOUND, "ConfigMap %s/%s has no key \"%s\"", l->ns,
                                l->name, l->key);
                l->config_done(l->arg, NULL, &e);
        }
        err_clear(&e);
        lookup_free(l);
}

void store_config(struct store *s, const char *ns, const char *name, const char *key,
                  store_config_fn *done, void *arg)
{
        struct lookup *l = lookup_new(ns, name, key, arg);
        l->config_done = done;
        store_get(s, (struct store_ref){&STORE_CONFIG_MAP, l->ns, l->name}, on_config, l);
}
