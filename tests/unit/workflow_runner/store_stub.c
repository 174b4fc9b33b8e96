/* tests/unit/workflow_runner/store_stub.c: a store that knows one Secret and one ConfigMap, and
 * answers later, as a real one. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include <string.h>

const struct store_kind STORE_SECRET = {"", "v1", "Secret", "secrets", false};
const struct store_kind STORE_CONFIG_MAP = {"", "v1", "ConfigMap", "configmaps", false};

struct store {
        struct loop *loop;
};
struct answer {
        struct loop_task task;
        const char *secret, *config, *object;
        store_secret_fn *on_secret;
        store_config_fn *on_config;
        store_done_fn *on_object;
        void *arg;
};

struct store *stub_store(struct loop *l);
struct store *stub_store(struct loop *l)
{
        struct store *s = NEW(struct store);
        s->loop = l;
        return s;
}

static void on_answer(void *arg)
{
        struct answer *a = arg;
        struct err e = {0};
        if (!a->secret && !a->config && !a->object)
                err_set(&e, ERR_NOT_FOUND, "no such thing");
        if (a->on_secret)
                a->on_secret(a->arg, a->secret ? secret_new(a->secret, strlen(a->secret)) : NULL,
                             a->secret ? NULL : &e);
        if (a->on_config)
                a->on_config(a->arg, a->config, a->config ? NULL : &e);
        if (a->on_object) {
                AUTO_JSON json_t *o = a->object ? json_loads(a->object, 0, NULL) : NULL;
                a->on_object(a->arg, o, o ? NULL : &e);
        }
        err_clear(&e);
        mem_free(a);
}

static void later(struct store *s, struct answer a)
{
        struct answer *p = NEW(struct answer);
        *p = a;
        task_init(&p->task, on_answer, p);
        loop_defer(s->loop, &p->task);
}

void store_secret(struct store *s, const char *ns, const char *name, const char *key,
                  store_secret_fn *done, void *arg)
{
        bool known = streq(ns, "default") && streq(name, "keys") && streq(key, "token");
        later(s, (struct answer){.secret = known ? "s3cret" : NULL, .on_secret = done, .arg = arg});
}

void store_config(struct store *s, const char *ns, const char *name, const char *key,
                  store_config_fn *done, void *arg)
{
        bool known = streq(ns, "default") && streq(name, "settings") && streq(key, "colour");
        later(s, (struct answer){.config = known ? "green" : NULL, .on_config = done, .arg = arg});
}

void store_get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg)
{
        const char *object = NULL;
        if (ref.kind == &STORE_SECRET && streq(ref.name, "keys"))
                object = "{\"data\": {\"token\": \"czNjcmV0\"}}";
        if (ref.kind == &STORE_CONFIG_MAP && streq(ref.name, "settings"))
                object = "{\"data\": {\"colour\": \"green\", \"size\": \"7\"}}";
        later(s, (struct answer){.object = object, .on_object = done, .arg = arg});
}
