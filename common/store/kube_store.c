/* common/store/kube_store.c: the store in a cluster. Nearly every call is one request of
 * common/kube; what is left here are the places where the API server's manners differ from store.h:
 * an update without a resourceVersion, lists without status.nodes, watches that hand out store
 * events. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kube_client.h"
#include "common/kube/kube_stream.h"
#include "common/store/store_driver.h"
#include <stdlib.h>

enum { PING_TIMEOUT_MS = 20 * 1000, UPDATE_ATTEMPTS = 5 };

struct kube_store {
        struct store base;
        struct kube_client *client;
};

static struct kube_client *client_of(struct store *s)
{
        return container_of(s, struct kube_store, base)->client;
}

static struct kube_target target_of(const struct store_kind *kind, const char *ns, const char *name)
{
        return (struct kube_target){.group = kind->group,
                                    .version = kind->version,
                                    .kind = kind->kind,
                                    .plural = kind->plural,
                                    .ns = kind->cluster_scoped ? NULL : ns,
                                    .name = name};
}

static struct kube_target target_of_ref(struct store_ref ref)
{
        return target_of(ref.kind, str_empty(ref.ns) ? "default" : ref.ns,
                         ref.name ? ref.name : "");
}

/* ---- create, get, patch, delete ---- */

/* An object that was read somewhere may be created elsewhere; the server refuses what only it may
 * set. */
static json_t *without_identity(const json_t *obj)
{
        json_t *copy = json_copy((json_t *)(uintptr_t)obj);
        json_t *meta = json_copy(json_object_get(obj, "metadata"));
        json_object_del(meta, "resourceVersion");
        json_object_del(meta, "uid");
        json_object_set_new(copy, "metadata", meta ? meta : json_object());
        return copy;
}

static void kube_create(struct store *s, const struct store_kind *kind, const char *ns,
                        const json_t *obj, store_done_fn *done, void *arg)
{
        const char *own = json_str(obj, "metadata", "namespace");
        const char *where = !str_empty(own) ? own : str_empty(ns) ? "default" : ns;
        AUTO_JSON json_t *body = without_identity(obj);
        struct kube_request r = {
                .verb = KUBE_CREATE, .target = target_of(kind, where, NULL), .body = body};
        kube_call(client_of(s), &r, done, arg);
}

static void kube_get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg)
{
        struct kube_request r = {.verb = KUBE_GET, .target = target_of_ref(ref)};
        kube_call(client_of(s), &r, done, arg);
}

static void kube_patch(struct store *s, struct store_ref ref, enum store_patch type,
                       const json_t *patch, store_done_fn *done, void *arg)
{
        static const char *const types[] = {[STORE_PATCH_MERGE] = "application/merge-patch+json",
                                            [STORE_PATCH_JSON] = "application/json-patch+json",
                                            [STORE_PATCH_STRATEGIC] =
                                                    "application/strategic-merge-patch+json"};
        struct kube_request r = {.verb = KUBE_PATCH,
                                 .target = target_of_ref(ref),
                                 .body = patch,
                                 .content_type = types[type]};
        kube_call(client_of(s), &r, done, arg);
}

static void kube_remove(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                        store_done_fn *done, void *arg)
{
        AUTO_JSON json_t *body = json_pack("{s:s, s:s, s:s}", "kind", "DeleteOptions", "apiVersion",
                                           "v1", "propagationPolicy", "Background");
        if (o && o->uid)
                json_put_at(body, json_string(o->uid), "preconditions", "uid");
        struct kube_request r = {.verb = KUBE_DELETE, .target = target_of_ref(ref), .body = body};
        kube_call(client_of(s), &r, done, arg);
}

/* ---- update ---- */

/* Custom resources cannot be replaced without saying which version: it is read first, and again
 * when another writer was quicker. */
struct update {
        struct store *s;
        json_t *obj;
        char *group, *version, *kind_name, *plural;
        struct store_kind kind; /* of these four */
        int attempts;
        store_done_fn *done;
        void *arg;
};

static void put(struct store *s, const struct store_kind *kind, const json_t *obj,
                store_done_fn *done, void *arg)
{
        const char *name = obj_name(obj);
        struct kube_request r = {.verb = KUBE_UPDATE,
                                 .target = target_of(kind, obj_ns(obj), name ? name : ""),
                                 .body = obj};
        kube_call(client_of(s), &r, done, arg);
}

static void read_version(struct update *u);

static void update_end(struct update *u, json_t *obj, const struct err *e)
{
        store_done_fn *done = u->done;
        void *arg = u->arg;
        json_decref(u->obj);
        free(u->group);
        free(u->version);
        free(u->kind_name);
        free(u->plural);
        free(u);
        done(arg, obj, e);
}

static void on_put(void *arg, json_t *obj, const struct err *e)
{
        struct update *u = arg;
        if (e && e->code == ERR_CONFLICT && ++u->attempts < UPDATE_ATTEMPTS)
                read_version(u);
        else
                update_end(u, obj, e);
}

static void on_version(void *arg, json_t *now, const struct err *e)
{
        struct update *u = arg;
        if (e) {
                update_end(u, NULL, e);
                return;
        }
        json_put_at(u->obj, json_incref(json_at(now, "metadata", "resourceVersion")), "metadata",
                    "resourceVersion");
        put(u->s, &u->kind, u->obj, on_put, u);
}

static void read_version(struct update *u)
{
        kube_get(u->s, (struct store_ref){&u->kind, obj_ns(u->obj), obj_name(u->obj)}, on_version,
                 u);
}

static void kube_update(struct store *s, const struct store_kind *kind, const json_t *obj,
                        store_done_fn *done, void *arg)
{
        if (!str_empty(obj_version(obj))) {
                put(s, kind, obj, done, arg);
                return;
        }
        struct update *u = NEW(struct update);
        *u = (struct update){.s = s,
                             .obj = json_deep_copy(obj),
                             .group = mem_strdup(kind->group),
                             .version = mem_strdup(kind->version),
                             .kind_name = mem_strdup(kind->kind),
                             .plural = mem_strdup(kind->plural),
                             .done = done,
                             .arg = arg};
        u->kind = (struct store_kind){u->group, u->version, u->kind_name, u->plural,
                                      kind->cluster_scoped};
        read_version(u);
}

/* ---- list ---- */

struct list {
        store_done_fn *done;
        void *arg;
};

static void drop_nodes(json_t *obj)
{
        json_object_del(json_at(obj, "status"), "nodes");
}

static void on_list_without_nodes(void *arg, json_t *answer, const struct err *e)
{
        struct list l = *(struct list *)arg;
        free(arg);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(answer, "items"), i, item)
                drop_nodes(item);
        l.done(l.arg, answer, e);
}

static struct kube_list_opts list_opts(const struct store_list_opts *o)
{
        return (struct kube_list_opts){.label_selector = o->label_selector,
                                       .field_selector = o->field_selector,
                                       .limit = o->limit,
                                       .cont = o->cont};
}

static void kube_store_list(struct store *s, const struct store_kind *kind, const char *ns,
                            const struct store_list_opts *o, store_done_fn *done, void *arg)
{
        struct kube_target t = target_of(kind, ns, NULL);
        struct kube_list_opts opts = list_opts(o);
        if (!o->no_nodes) {
                kube_list(client_of(s), &t, &opts, done, arg);
                return;
        }
        struct list *l = NEW(struct list);
        *l = (struct list){done, arg};
        kube_list(client_of(s), &t, &opts, on_list_without_nodes, l);
}

/* ---- watch ---- */

struct kube_store_watch {
        struct store_watch base;
        struct kube_watch *watch;
        store_watch_fn *fn;
        void *arg;
        bool no_nodes;
};

static void on_event(void *arg, int type, json_t *obj)
{
        static const enum store_event types[] = {[KUBE_ADDED] = STORE_ADDED,
                                                 [KUBE_MODIFIED] = STORE_MODIFIED,
                                                 [KUBE_DELETED] = STORE_DELETED,
                                                 [KUBE_BOOKMARK] = STORE_BOOKMARK};
        struct kube_store_watch *w = arg;
        if (w->no_nodes)
                drop_nodes(obj);
        w->fn(w->arg, types[type], obj, NULL);
}

/* A stream that made no sense is no place to go on from: list again. */
static enum store_event end_of(const struct err *e)
{
        bool again = e && (e->code == ERR_GONE || e->code == ERR_LIMIT || e->code == ERR_PROTOCOL);
        return again ? STORE_GONE : STORE_ENDED;
}

static void on_end(void *arg, const struct err *e)
{
        struct kube_store_watch *w = arg;
        w->watch = NULL; /* it frees itself; the handle is its owner's until he stops it */
        w->fn(w->arg, end_of(e), NULL, e);
}

static void kube_store_watch(struct store_watch **out, struct store *s,
                             const struct store_kind *kind, const char *ns,
                             const struct store_list_opts *o, const char *resource_version,
                             store_watch_fn *fn, void *arg)
{
        static const struct kube_watch_handlers handlers = {on_event, on_end};
        struct kube_store_watch *w = NEW(struct kube_store_watch);
        struct kube_target t = target_of(kind, ns, NULL);
        struct kube_list_opts opts = list_opts(o);
        *w = (struct kube_store_watch){
                .base.store = s, .fn = fn, .arg = arg, .no_nodes = o->no_nodes};
        w->watch = kube_watch(client_of(s), &t, &opts, resource_version, &handlers, w);
        *out = &w->base;
}

static struct store_watch *kube_store_watch_stop(struct store_watch *base)
{
        struct kube_store_watch *w = container_of(base, struct kube_store_watch, base);
        kube_watch_cancel(w->watch);
        free(w);
        return NULL;
}

/* ---- ping, open, close ---- */

struct ping {
        bool done;
        struct err err;
};

static void on_pong(void *arg, json_t *answer UNUSED, const struct err *e)
{
        struct ping *p = arg;
        if (e)
                err_copy(&p->err, e);
        p->done = true;
}

static int kube_ping(struct store *s, struct err *e)
{
        const struct kube_config *config = kube_client_config(client_of(s));
        struct ping p = {0};
        struct kube_request r = {.verb = KUBE_GET, .path = "/version"};
        struct kube_call *call = kube_call(client_of(s), &r, on_pong, &p);
        if (!loop_run_until(s->loop, &p.done, PING_TIMEOUT_MS)) {
                kube_call_cancel(call);
                err_set(&p.err, ERR_TIMEOUT, "no answer within %d s", PING_TIMEOUT_MS / 1000);
        }
        if (!err_is_set(&p.err))
                return 0;
        err_wrap(&p.err, "cluster %s (%s)", config->server, config->origin);
        err_move(e, &p.err);
        return -1;
}

static void kube_close(struct store *s)
{
        struct kube_store *k = container_of(s, struct kube_store, base);
        kube_client_free(k->client);
        free(k);
}

static const struct store_driver kube_driver = {.name = "kube",
                                                .close = kube_close,
                                                .ping = kube_ping,
                                                .get = kube_get,
                                                .create = kube_create,
                                                .update = kube_update,
                                                .patch = kube_patch,
                                                .remove = kube_remove,
                                                .list = kube_store_list,
                                                .watch = kube_store_watch,
                                                .watch_stop = kube_store_watch_stop};

int store_kube(struct store **out, struct kube_client *client, struct err *e UNUSED)
{
        struct kube_store *k = NEW(struct kube_store);
        k->base = (struct store){&kube_driver, kube_client_loop(client)};
        k->client = client;
        *out = &k->base;
        return 0;
}
