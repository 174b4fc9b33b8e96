/* eventsource/eventsource_follow.c: EventSources from the store. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/store/store.h"
#include "eventsource/source_priv.h"

static bool is_ours(const struct eventsources *es, const json_t *obj)
{
        return !es->name || streq(es->name, obj_name(obj));
}

static void on_set(void *arg, json_t *obj)
{
        if (is_ours(arg, obj))
                eventsources_set(arg, obj);
}

static void on_gone(void *arg, json_t *obj)
{
        if (is_ours(arg, obj))
                eventsources_remove(arg, obj_ns(obj), obj_name(obj));
}

static void on_synced(void *arg)
{
        ((struct eventsources *)arg)->synced = true;
}

int eventsources_follow_start(struct eventsources *es, struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        struct store_list_opts opts = {.label_selector = es->label_selector};
        return store_follow(&es->follow, es->opt.store, &STORE_EVENT_SOURCE, es->ns, &opts,
                            &handlers, es, e);
}

void eventsources_follow_stop(struct eventsources *es)
{
        if (es->follow)
                es->follow = store_follow_stop(es->follow);
}
