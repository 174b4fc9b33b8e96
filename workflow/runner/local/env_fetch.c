/* workflow/runner/local/env_fetch.c: values of Secrets and ConfigMaps for the environment, one
 * source at a time, so that their order stays. An answer may come after the pod was given up: then
 * it only frees the environment. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/runner/local/env_priv.h"

static const json_t *reference(const json_t *source, bool *secret, const char **kind)
{
        const json_t *from = json_object_get(source, "from");
        const json_t *holder = from ? from : json_object_get(source, "valueFrom");
        const json_t *ref = json_object_get(holder, from ? "secretRef" : "secretKeyRef");
        *secret = ref;
        *kind = *secret ? "Secret" : "ConfigMap";
        return ref ? ref : json_object_get(holder, from ? "configMapRef" : "configMapKeyRef");
}

/* Fills e unless the reference is optional. */
static void note_missing(const struct env *env, const json_t *source, struct err *e)
{
        bool secret;
        const char *kind;
        const json_t *ref = reference(source, &secret, &kind);
        const char *key = json_str(ref, "key"), *name = json_str(source, "name");
        if (!json_is_true(json_object_get(ref, "optional")))
                err_set(e, ERR_NOT_FOUND, "%s%s: %s %s/%s%s%s: not found, and not optional",
                        name ? "env " : "envFrom", name ? name : "", kind, env->ns,
                        json_str(ref, "name"), key ? " key " : "", key ? key : "");
}

/* An answer has come: go on, or free what was given up meanwhile. */
static void answered(struct env *env, struct err *e)
{
        env->asking = false;
        env->asked = NULL;
        if (env->abandoned) {
                err_clear(e);
                env_destroy_abandoned(env);
        } else if (err_is_set(e)) {
                env_fail(env, e);
        } else {
                env_continue(env);
        }
}

static void take_value(struct env *env, const char *value, const struct err *failed)
{
        struct err e = {0};
        if (value)
                env_set(env, json_str(env->asked, "name"), value);
        else if (failed && failed->code != ERR_NOT_FOUND)
                err_copy(&e, failed);
        else
                note_missing(env, env->asked, &e);
        answered(env, &e);
}

static void on_secret(void *arg, struct secret *value_taken, const struct err *e)
{
        AUTO(secret_free) struct secret *value = value_taken;
        take_value(arg, value ? secret_reveal(value) : NULL, e);
}

static void on_config(void *arg, const char *value, const struct err *e)
{
        take_value(arg, value, e);
}

/* envFrom: every key of the object is a variable. */
static void take_all(struct env *env, const json_t *object, bool secret)
{
        const char *prefix = json_str(env->asked, "from", "prefix"), *key;
        json_t *value;
        json_object_foreach (json_object_get(object, "data"), key, value) {
                const char *text = json_string_value(value);
                AUTO(mem_free) char *name = mem_printf("%s%s", prefix ? prefix : "", key);
                AUTO_BUF struct buf plain = BUF_INIT(1024 * 1024);
                if (text && secret && base64_get(&plain, text, strlen(text)))
                        text = buf_str(&plain);
                if (text)
                        env_set(env, name, text);
        }
}

static void on_object(void *arg, json_t *object, const struct err *failed)
{
        struct env *env = arg;
        struct err e = {0};
        bool secret;
        const char *kind;
        reference(env->asked, &secret, &kind);
        if (object)
                take_all(env, object, secret);
        else if (failed && failed->code != ERR_NOT_FOUND)
                err_copy(&e, failed);
        else
                note_missing(env, env->asked, &e);
        answered(env, &e);
}

/* Without a store: the mounts and variables of base/secret.h. */
static void fetch_mounted(struct env *env, const char *name, const char *key, bool secret)
{
        struct err e = {0};
        AUTO(secret_free) struct secret *value = NULL;
        AUTO(mem_free) char *text = NULL;
        int rc = secret ? secret_from_mounts(&value, name, key, &e)
                        : config_from_mounts(&text, name, key, &e);
        take_value(env, rc < 0 ? NULL : secret ? secret_reveal(value) : text, rc < 0 ? &e : NULL);
        err_clear(&e);
}

void env_fetch(struct env *env, const json_t *source)
{
        bool secret;
        const char *kind;
        const json_t *ref = reference(source, &secret, &kind);
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        struct store *s = env->runner->o.store;
        bool whole = json_object_get(source, "from");
        env->asking = true;
        env->asked = source;
        if (!name || (!whole && !key)) {
                struct err e = {0};
                err_set(&e, ERR_INVALID, "env: a reference needs a name%s",
                        whole ? "" : " and a key");
                answered(env, &e);
        } else if (whole && !s) {
                on_object(env, NULL, NULL);
        } else if (whole) {
                store_get(s,
                          (struct store_ref){secret ? &STORE_SECRET : &STORE_CONFIG_MAP, env->ns,
                                             name},
                          on_object, env);
        } else if (!s) {
                fetch_mounted(env, name, key, secret);
        } else if (secret) {
                store_secret(s, env->ns, name, key, on_secret, env);
        } else {
                store_config(s, env->ns, name, key, on_config, env);
        }
}
