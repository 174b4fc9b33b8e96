/* workflow/controller/memos.c: entries of memoization caches go to their ConfigMaps. What was
 * stored is shown to every workflow at once; a ConfigMap has one write in flight, the rest gathers.
 * An entry that cannot be stored is tried again; should the controller die before, it is only a
 * miss. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"
#include <stdlib.h>

#define CACHE_LABEL "workflows.argoproj.io/configmap-type"
enum { RETRY_MS = 1000 };

struct memos {
        struct controller *c; /* gone when stopped */
        struct loop *loop;
        struct memo_map *maps; /* uthash by "ns/name" */
        bool stopped;
};
struct memo_map { /* one cache with something to store */
        struct memos *memos;
        char *key, *ns, *name;
        json_t *next, *flight; /* {key: text} */
        bool exists;
        struct loop_timer retry;
        UT_hash_handle hh;
};

static void send_entries(struct memo_map *m);

static void on_retry(void *arg)
{
        send_entries(arg);
}

static struct memo_map *map_get(struct memos *s, const char *ns, const char *name)
{
        AUTO(mem_free) char *key = mem_printf("%s/%s", ns, name);
        struct memo_map *m;
        HASH_FIND_STR(s->maps, key, m);
        if (m)
                return m;
        m = NEW(struct memo_map);
        m->memos = s;
        m->key = TAKE(key);
        m->ns = mem_strdup(ns);
        m->name = mem_strdup(name);
        m->exists = cache_get(s->c->config_maps, ns, name) != NULL;
        timer_init(&m->retry, on_retry, m);
        HASH_ADD_KEYPTR(hh, s->maps, m->key, strlen(m->key), m);
        return m;
}

static void map_free(struct memo_map *m)
{
        struct memos *s = m->memos;
        HASH_DEL(s->maps, m);
        timer_cancel(s->loop, &m->retry);
        json_decref(m->next);
        json_decref(m->flight);
        free(m->key);
        free(m->ns);
        free(m->name);
        free(m);
}

/* What the engine's look-ups see until the store shows it. */
static void show(struct memos *s, const char *ns, const char *name, const char *key,
                 const char *text)
{
        const json_t *known = cache_get(s->c->config_maps, ns, name);
        AUTO_JSON json_t *map =
                known ? json_copy((json_t *)(uintptr_t)known)
                      : json_pack("{s:s,s:{s:s,s:s,s:{s:s}}}", "kind", "ConfigMap", "metadata",
                                  "name", name, "namespace", ns, "labels", CACHE_LABEL, "Cache");
        json_t *data = json_copy(json_object_get(map, "data"));
        json_object_set_new(map, "data", data ? data : json_object());
        json_object_set_new(json_object_get(map, "data"), key, json_string(text));
        cache_put(s->c->config_maps, map);
}

/* ---- storing ---- */

static void on_stored(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct memo_map *m = arg;
        struct memos *s = m->memos;
        json_t *sent = TAKE(m->flight);
        if (!e) {
                m->exists = true;
        } else {
                if (m->next)
                        json_object_update(sent, m->next);
                json_decref(m->next);
                m->next = TAKE(sent);
                m->exists = e->code != ERR_NOT_FOUND && (m->exists || e->code == ERR_CONFLICT);
                if (!s->stopped && e->code != ERR_NOT_FOUND && e->code != ERR_CONFLICT)
                        log_warn(s->c->log, "A memoized result cannot be stored, trying again.",
                                 F_STR("configMap", m->key), F_ERR(e));
        }
        json_decref(sent);
        if (s->stopped) {
                map_free(m);
                if (!s->maps)
                        free(s);
        } else if (!m->next)
                map_free(m);
        else if (e && e->code != ERR_NOT_FOUND && e->code != ERR_CONFLICT)
                timer_after_ms(s->loop, &m->retry, RETRY_MS);
        else
                send_entries(m);
}

static void send_entries(struct memo_map *m)
{
        struct store *store = m->memos->c->o.store;
        m->flight = TAKE(m->next);
        if (m->exists) {
                AUTO_JSON json_t *patch = json_pack("{s:O}", "data", m->flight);
                store_patch(store, (struct store_ref){&STORE_CONFIG_MAP, m->ns, m->name},
                            STORE_PATCH_MERGE, patch, on_stored, m);
                return;
        }
        AUTO_JSON json_t *map = json_pack("{s:s,s:s,s:{s:s,s:{s:s}},s:O}", "apiVersion", "v1",
                                          "kind", "ConfigMap", "metadata", "name", m->name,
                                          "labels", CACHE_LABEL, "Cache", "data", m->flight);
        store_create(store, &STORE_CONFIG_MAP, m->ns, map, on_stored, m);
}

void memos_put(struct memos *s, const char *ns, const json_t *data)
{
        const char *name = json_str(data, "configMap"), *key = json_str(data, "key");
        AUTO(mem_free) char *text = json_text(json_object_get(data, "entry"), JSON_STYLE_COMPACT);
        struct memo_map *m = map_get(s, ns, name);
        show(s, ns, name, key, text);
        if (!m->next)
                m->next = json_object();
        json_object_set_new(m->next, key, json_string(text));
        if (!m->flight && !timer_armed(&m->retry))
                send_entries(m);
}

/* ---- life ---- */

struct memos *memos_new(struct controller *c)
{
        struct memos *s = NEW(struct memos);
        s->c = c;
        s->loop = c->o.loop;
        return s;
}

struct memos *memos_free(struct memos *s)
{
        struct memo_map *m, *next;
        if (!s)
                return NULL;
        s->stopped = true;
        HASH_ITER (hh, s->maps, m, next)
                if (!m->flight)
                        map_free(m);
        if (!s->maps) /* else the last answer frees it */
                free(s);
        return NULL;
}
