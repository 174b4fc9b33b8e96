/* workflow/runner/local/env.c: the environment of main, and nothing of the host's.
 *
 * Order: our defaults, envFrom, env; a later name replaces an earlier one. $(NAME) in a value means
 * an earlier variable, in command and args any variable, $$ is a dollar sign; unknown names stay as
 * they are (Kubernetes' rules). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/base/str.h"
#include "workflow/runner/local/env_priv.h"
#include <stdio.h>

void env_set(struct env *env, const char *name, const char *value)
{
        struct variable *v;
        HASH_FIND_STR(env->vars, name, v);
        if (!v) {
                v = NEW(struct variable);
                v->name = mem_strdup(name);
                HASH_ADD_KEYPTR(hh, env->vars, v->name, strlen(v->name), v);
        }
        if (v->value)
                explicit_bzero(v->value, strlen(v->value));
        mem_free(v->value);
        v->value = mem_strdup(value);
}

static const char *lookup(const struct env *env, const char *name, size_t n)
{
        struct variable *v;
        HASH_FIND(hh, env->vars, name, n, v);
        return v ? v->value : NULL;
}

/* Kubernetes' expansion: $(NAME), $$. */
static char *expand(const struct env *env, const char *text)
{
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        while (*text) {
                size_t plain = strcspn(text, "$");
                buf_add(&b, text, plain);
                text += plain;
                if (!*text)
                        break;
                const char *end = text[1] == '(' ? strchr(text, ')') : NULL;
                const char *value = end ? lookup(env, text + 2, (size_t)(end - text - 2)) : NULL;
                if (value) {
                        buf_adds(&b, value);
                        text = end + 1;
                } else {
                        buf_addc(&b, '$');
                        text += text[1] == '$' ? 2 : 1;
                }
        }
        return b.data ? buf_take(&b) : mem_strdup("");
}

/* A pod's uid: the same for the same node of the same workflow, different for any other. */
static void pod_uid(const struct pod_request *req, char out[37])
{
        AUTO(mem_free) char *text = mem_printf("%s/%s", req->workflow_uid, req->node_id);
        unsigned char h[32];
        char hex[65];
        sha256_of(text, strlen(text), h);
        h[6] = (unsigned char)((h[6] & 0x0f) | 0x50);
        h[8] = (unsigned char)((h[8] & 0x3f) | 0x80);
        hex_put(hex, h, sizeof(h));
        snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

struct env *env_new(struct runner *r, const struct pod_request *req, const json_t *container,
                    const char *name)
{
        struct env *env = NEW(struct env);
        env->runner = r;
        env->ns = mem_strdup(req->ns ? req->ns : "default");
        env->pod_name = mem_strdup(req->pod_name);
        env->metadata = json_incref(json_at(req->template, "metadata"));
        env->container = json_incref((json_t *)(uintptr_t)container);
        env->template = json_incref((json_t *)(uintptr_t)req->template);
        env->service_account = mem_strdup(json_str(req->template, "serviceAccountName"));
        env->args = json_array();
        pod_uid(req, env->uid);
        env_set(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        env_set(env, "HOSTNAME", req->pod_name);
        env_set(env, "ARGO_CONTAINER_NAME", name);
        env_set(env, "ARGO_NODE_ID", req->node_id);
        env_set(env, "ARGO_POD_NAME", req->pod_name);
        env_set(env, "ARGO_POD_UID", env->uid);
        env_set(env, "ARGO_WORKFLOW_NAME", req->workflow);
        env_set(env, "ARGO_WORKFLOW_UID", req->workflow_uid);
        env_set(env, "ARGO_INCLUDE_SCRIPT_OUTPUT", req->capture_result ? "true" : "false");
        return env;
}

static void destroy(struct env *env)
{
        struct variable *v, *next;
        HASH_ITER (hh, env->vars, v, next) {
                HASH_DEL(env->vars, v);
                if (v->value)
                        explicit_bzero(v->value, strlen(v->value));
                mem_free(v->value);
                mem_free(v->name);
                mem_free(v);
        }
        json_decref(env->args);
        json_decref(env->sources);
        json_decref(env->metadata);
        json_decref(env->container);
        json_decref(env->template);
        mem_free(env->ns);
        mem_free(env->pod_name);
        mem_free(env->service_account);
        mem_free(env);
}

struct env *env_free(struct env *env)
{
        if (env && env->asking)
                env->abandoned = true; /* the answer frees it */
        else if (env)
                destroy(env);
        return NULL;
}

int env_add_container(struct env *env, const json_t *container, struct err *e)
{
        const json_t *from = json_object_get(container, "envFrom"),
                     *list = json_object_get(container, "env");
        size_t i;
        json_t *item;
        env->sources = json_array();
        json_array_foreach (from, i, item)
                json_array_append_new(env->sources, json_pack("{s:O}", "from", item));
        json_array_foreach (list, i, item) {
                if (str_empty(json_str(item, "name")))
                        return err_set(e, ERR_INVALID, "env[%zu]: no name", i);
                json_array_append(env->sources, item);
        }
        return 0;
}

void env_args(struct env *env, const json_t *args)
{
        json_array_extend(env->args, (json_t *)(uintptr_t)args);
}

/* One env item without a reference to the store. 1: done, 0: it refers to the store. */
static int take_plain(struct env *env, const json_t *item, struct err *e)
{
        const char *name = json_str(item, "name");
        const json_t *from = json_object_get(item, "valueFrom");
        AUTO(mem_free) char *value = NULL;
        if (json_object_get(from, "secretKeyRef") || json_object_get(from, "configMapKeyRef"))
                return 0;
        if (from && env_downward(env, from, &value, e) < 0)
                return err_wrap(e, "env %s", name);
        if (!value) {
                const json_t *given = json_object_get(item, "value");
                AUTO(mem_free) char *text = given ? json_scalar_text(given) : mem_strdup("");
                value = expand(env, text);
        }
        env_set(env, name, value);
        return 1;
}

void env_resolve(struct env *env, env_done_fn *done, void *arg)
{
        env->done = done;
        env->done_arg = arg;
        env_continue(env);
}

/* Sources in order; one that needs the store stops the walk until its answer. */
void env_continue(struct env *env)
{
        ERR_SLOT(e);
        while (env->next < json_array_size(env->sources)) {
                const json_t *item = json_array_get(env->sources, env->next++);
                int rc = json_object_get(item, "from") ? 0 : take_plain(env, item, &e);
                if (rc == 0) {
                        env_fetch(env, item); /* continues later, or at once */
                        return;
                }
                if (rc < 0) {
                        env_fail(env, &e);
                        return;
                }
        }
        env->done(env->done_arg, NULL); /* may free env */
}

void env_fail(struct env *env, struct err *e)
{
        env->done(env->done_arg, e);
        err_clear(e);
}

void env_destroy_abandoned(struct env *env)
{
        destroy(env);
}

void env_put(const struct env *env, struct buf *b)
{
        for (const struct variable *v = env->vars; v; v = v->hh.next) {
                AUTO(mem_free) char *pair = mem_printf("%s=%s", v->name, v->value);
                wire_put_str(b, S_ENV, pair);
                explicit_bzero(pair, strlen(pair));
        }
        size_t i;
        json_t *arg;
        json_array_foreach (env->args, i, arg) {
                AUTO(mem_free) char *raw = json_scalar_text(arg), *text = expand(env, raw);
                wire_put_str(b, S_ARG, text);
        }
}
