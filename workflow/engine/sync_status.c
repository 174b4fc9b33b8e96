/* workflow/engine/sync_status.c: locks as they stand in status.synchronization, and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/lock_name.h"
#include "workflow/engine/sync.h"

static json_t *entry_of(json_t *list, const char *key, const char *name)
{
        size_t i;
        json_t *entry;
        json_array_foreach (list, i, entry) {
                if (streq(json_str(entry, key), name))
                        return entry;
        }
        entry = json_pack("{s:s}", key, name);
        json_array_append_new(list, entry);
        return entry;
}

/* {"semaphore": {"holding": [...], "waiting": [...]}, "mutex": {...}} */
static json_t *entry_for(json_t *out, const char *name, const char *what)
{
        const char *kind = lock_name_is_semaphore(name) ? "semaphore" : "mutex";
        json_t *part = json_object_get(out, kind);
        if (!part) {
                part = json_object();
                json_object_set_new_nocheck(out, kind, part);
        }
        json_t *list = json_object_get(part, what);
        if (!list) {
                list = json_array();
                json_object_set_new_nocheck(part, what, list);
        }
        struct arena a;
        arena_init(&a, 0);
        json_t *entry = entry_of(list, kind, lock_name_shown(name, &a));
        arena_deinit(&a);
        return entry;
}

static void put_holding(json_t *out, const json_t *names, const char *holder)
{
        size_t i;
        json_t *name;
        json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
                const char *lock = json_string_value(name);
                json_t *entry = entry_for(out, lock, "holding");
                if (!lock_name_is_semaphore(lock)) {
                        json_object_set_new_nocheck(entry, "holder", json_string_nocheck(holder));
                        continue;
                }
                if (!json_object_get(entry, "holders"))
                        json_object_set_new_nocheck(entry, "holders", json_array());
                json_array_append_new(json_object_get(entry, "holders"),
                                      json_string_nocheck(holder));
        }
}

/* Many may wait for one lock: it is put once. */
static void put_waiting(json_t *out, const struct wf *wf, const json_t *names, json_t *put)
{
        size_t i;
        json_t *name;
        json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
                const char *lock = json_string_value(name);
                if (json_object_get(put, lock))
                        continue;
                json_object_set_new_nocheck(put, lock, json_true());
                json_t *holders = json_object_get(wf->lock_told, lock);
                if (lock_name_is_semaphore(lock))
                        json_object_set_nocheck(entry_for(out, lock, "waiting"), "holders",
                                                holders);
                else if (json_array_size(holders))
                        json_object_set_nocheck(entry_for(out, lock, "waiting"), "holder",
                                                json_array_get(holders, 0));
        }
}

static void put_nodes(json_t *out, const struct wf *wf, json_t *put)
{
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->lock_holders.n; i++) {
                const struct node *n = node_at(wf, wf->lock_holders.v[i]);
                put_holding(out, n->sync->names,
                            arena_printf(&a, "%s/%s", wf->key, node_id_text(wf, n, &a)));
        }
        for (uint32_t i = 0; i < wf->lock_waiters.n; i++) {
                const struct node_sync *s = node_at(wf, wf->lock_waiters.v[i])->sync;
                if (s->waiting)
                        put_waiting(out, wf, s->names, put);
        }
        arena_deinit(&a);
}

json_t *sync_status(const struct wf *wf)
{
        if (!wf->lock && !wf->lock_waiters.n && !wf->lock_holders.n)
                return NULL;
        AUTO_JSON json_t *put = json_object();
        json_t *out = json_object();
        if (wf->lock && wf->lock->state == SYNC_HOLDS)
                put_holding(out, wf->lock->names, wf->key);
        else if (wf->lock && wf->lock->waiting)
                put_waiting(out, wf, wf->lock->names, put);
        put_nodes(out, wf, put);
        if (json_object_size(out))
                return out;
        json_decref(out);
        return NULL;
}

/* ---- and back ---- */

static void load_holder(struct wf *wf, const char *holder, const char *lock)
{
        size_t n = strlen(wf->ns) + 1 + strlen(wf->name);
        struct node_sync **at = &wf->lock;
        if (str_empty(holder) || str_empty(lock) || strlen(holder) < n)
                return;
        if (holder[n] == '/') {
                uint32_t index = node_by_id_text(wf, holder + n + 1);
                if (index == NONE || node_fulfilled(node_at(wf, index)))
                        return;
                at = &node_at(wf, index)->sync;
                if (!*at)
                        ids_add(&wf->lock_holders, index);
        } else if (holder[n])
                return;
        if (!*at) {
                *at = NEW(struct node_sync);
                (*at)->names = json_array();
        }
        (*at)->state = SYNC_HOLDS;
        json_array_append_new((*at)->names, json_string_nocheck(lock));
}

void sync_load(struct wf *wf, const json_t *status)
{
        size_t i, k;
        json_t *entry, *holder;
        json_array_foreach (json_at(status, "mutex", "holding"), i, entry) {
                const char *shown = json_str(entry, "mutex");
                AUTO(mem_free) char *lock = shown ? lock_name_of_mutex(shown) : NULL;
                load_holder(wf, json_str(entry, "holder"), lock);
        }
        json_array_foreach (json_at(status, "semaphore", "holding"), i, entry) {
                json_array_foreach (json_object_get(entry, "holders"), k, holder)
                        load_holder(wf, json_string_value(holder), json_str(entry, "semaphore"));
        }
}

void wf_each_lock_held(const struct wf *wf, wf_held_fn *each, void *arg)
{
        struct arena a;
        arena_init(&a, 0);
        if (wf->lock && wf->lock->state == SYNC_HOLDS)
                each(arg, arena_printf(&a, "%s/%s", wf->ns, wf->name), wf->lock->names);
        for (uint32_t i = 0; i < wf->n_nodes; i++) {
                const struct node *n = node_at(wf, i);
                if (n->sync && n->sync->state == SYNC_HOLDS)
                        each(arg,
                             arena_printf(&a, "%s/%s/%s", wf->ns, wf->name,
                                          node_id_text(wf, n, &a)),
                             n->sync->names);
        }
        arena_deinit(&a);
}
