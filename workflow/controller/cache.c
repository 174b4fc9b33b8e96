/* workflow/controller/cache.c: a store_follow whose objects stay at hand, so that the engine's
 * lookups need no I/O. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"
#include <stdlib.h>

struct cached {
        char *key;
        json_t *object;
        UT_hash_handle hh;
};
struct cache {
        struct controller *c;
        const struct store_kind *kind;
        struct store_follow *follow;
        struct cached *items;
        cache_changed_fn *changed; /* NULL: nobody minds */
        bool synced;
};

static char *key_of(const struct cache *cache, const char *ns, const char *name)
{
        return cache->kind->cluster_scoped ? mem_strdup(name) : mem_printf("%s/%s", ns, name);
}

static struct cached *find(const struct cache *cache, const char *ns, const char *name)
{
        AUTO(mem_free) char *key = key_of(cache, ns, name);
        struct cached *item;
        HASH_FIND_STR(cache->items, key, item);
        return item;
}

void cache_put(struct cache *cache, json_t *obj)
{
        struct cached *item = find(cache, obj_ns(obj), obj_name(obj));
        if (!item) {
                item = NEW(struct cached);
                item->key = key_of(cache, obj_ns(obj), obj_name(obj));
                HASH_ADD_KEYPTR(hh, cache->items, item->key, strlen(item->key), item);
        }
        json_decref(item->object);
        item->object = json_incref(obj);
}

static void tell(const struct cache *cache, const json_t *obj)
{
        if (cache->changed)
                cache->changed(cache->c, obj_ns(obj), obj_name(obj));
}

static void on_set(void *arg, json_t *obj)
{
        cache_put(arg, obj);
        tell(arg, obj);
}

static void forget(struct cache *cache, struct cached *item)
{
        HASH_DEL(cache->items, item);
        json_decref(item->object);
        free(item->key);
        free(item);
}

static void on_gone(void *arg, json_t *obj)
{
        struct cache *cache = arg;
        struct cached *item = find(cache, obj_ns(obj), obj_name(obj));
        if (item)
                forget(cache, item);
        tell(cache, obj);
}

static void on_synced(void *arg)
{
        struct cache *cache = arg;
        cache->synced = true;
        controller_cache_synced(cache->c);
}

/* With a Role of one namespace nothing outside of it can be read, and some clusters lack the kind:
 * then there are none, as for Argo's controller. */
static void on_failed(void *arg, const struct err *e)
{
        struct cache *cache = arg;
        if (cache->synced || !cache->kind->cluster_scoped ||
            (e->code != ERR_DENIED && e->code != ERR_NOT_FOUND))
                return;
        log_warn(cache->c->log, "Nothing of this kind can be used: it cannot be listed.",
                 F_STR("kind", cache->kind->kind), F_ERR(e));
        on_synced(cache);
}

int cache_follow(struct cache **out, struct controller *c, const struct store_kind *kind,
                 const char *ns, cache_changed_fn *changed, struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced,
                                                              on_failed};
        struct cache *cache = NEW(struct cache);
        cache->c = c;
        cache->kind = kind;
        cache->changed = changed;
        *out = cache; /* before it can call back */
        if (store_follow(&cache->follow, c->o.store, kind, kind->cluster_scoped ? NULL : ns, NULL,
                         &handlers, cache, e) == 0)
                return 0;
        *out = cache_free(cache);
        return err_wrap(e, "%s", kind->plural);
}

struct cache *cache_free(struct cache *cache)
{
        if (!cache)
                return NULL;
        cache->follow = store_follow_stop(cache->follow);
        struct cached *item, *next;
        HASH_ITER (hh, cache->items, item, next)
                forget(cache, item);
        free(cache);
        return NULL;
}

const json_t *cache_get(const struct cache *cache, const char *ns, const char *name)
{
        const struct cached *item = find(cache, ns, name);
        return item ? item->object : NULL;
}

bool cache_synced(const struct cache *cache)
{
        return cache->synced;
}
