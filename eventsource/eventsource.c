/* eventsource/eventsource.c: EventSource objects come and go; each of their events has a slot in
 * which one source runs. A changed event gets a new source that takes the slot over as soon as its
 * secrets are known; what did not change is not touched. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "eventsource/source_priv.h"
#include "eventsource/sources.h"
#include "eventsource/webhook_context.h"
#include <stdlib.h>

enum { SECRETS_AGAIN_MS = 30000 };

/* ---- slots ---- */

static void take_over(struct source *s)
{
        struct es_slot *slot = s->object->slots;
        while (slot && slot->next != s)
                slot = slot->link;
        if (slot) { /* else it runs already and tries again */
                source_retire(slot->running);
                slot->running = s;
                slot->next = NULL;
        }
        source_run(s);
}

static void fill_slot(struct eventsources *es, struct es_slot *slot, json_t *config)
{
        struct source *s =
                source_new(slot->object, es, source_driver_find(slot->type), slot->event, config);
        source_retire(slot->next);
        slot->next = s;
        source_resolve(s, take_over);
}

static struct es_slot *find_slot(struct es_object *o, const char *type, const char *event)
{
        for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                if (streq(slot->type, type) && streq(slot->event, event))
                        return slot;
        return NULL;
}

static void drop_slot(struct es_slot **at)
{
        struct es_slot *slot = *at;
        *at = slot->link;
        source_retire(slot->next);
        source_retire(slot->running);
        free(slot->type);
        free(slot->event);
        free(slot);
}

static void wish(struct eventsources *es, struct es_object *o, const char *type, const char *event,
                 json_t *config)
{
        struct es_slot *slot = find_slot(o, type, event);
        const struct source *now = slot ? (slot->next ? slot->next : slot->running) : NULL;
        if (now && json_equal(now->spec, config) && now->compat_argo == o->compat_argo)
                return;
        if (!slot) {
                slot = NEW(struct es_slot);
                *slot = (struct es_slot){.link = o->slots,
                                         .object = o,
                                         .type = mem_strdup(type),
                                         .event = mem_strdup(event)};
                o->slots = slot;
        }
        fill_slot(es, slot, config);
}

/* ---- objects ---- */

static json_t *wanted_config(const json_t *spec, const char *type, const char *event)
{
        return json_object_get(json_object_get(spec, type), event);
}

static void drop_unwanted(struct es_object *o, const json_t *spec)
{
        for (struct es_slot **at = &o->slots; *at;)
                if (wanted_config(spec, (*at)->type, (*at)->event))
                        at = &(*at)->link;
                else
                        drop_slot(at);
}

static void add_wanted(struct eventsources *es, struct es_object *o, const json_t *spec)
{
        for (const struct source_driver *const *d = source_drivers(); *d; d++) {
                const char *event;
                json_t *config;
                json_object_foreach (json_object_get(spec, (*d)->type), event, config)
                        wish(es, o, (*d)->type, event, config);
        }
}

/* A route or port may have become free. */
static void retry_failed(struct eventsources *es)
{
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        source_retry_failed(slot->running);
}

static char *object_key(const char *ns, const char *name)
{
        return mem_printf("%s/%s", ns, name);
}

static struct es_object *find_object(struct eventsources *es, const char *ns, const char *name)
{
        AUTO(mem_free) char *key = object_key(ns, name);
        struct es_object *o;
        HASH_FIND_STR(es->objects, key, o);
        return o;
}

static struct es_object *get_object(struct eventsources *es, const char *ns, const char *name)
{
        struct es_object *o = find_object(es, ns, name);
        if (o)
                return o;
        o = NEW(struct es_object);
        o->key = object_key(ns, name);
        o->ns = mem_strdup(ns);
        o->name = mem_strdup(name);
        o->running = metric_series(METRIC_ES_RUNNING, name, NULL, NULL);
        HASH_ADD_KEYPTR(hh, es->objects, o->key, strlen(o->key), o);
        return o;
}

static void free_object(struct eventsources *es, struct es_object *o)
{
        while (o->slots)
                drop_slot(&o->slots);
        metric_set(o->running, 0);
        HASH_DEL(es->objects, o);
        free(o->key);
        free(o->ns);
        free(o->name);
        free(o->error);
        free(o);
}

void eventsources_count_running(struct es_object *o)
{
        int64_t up = 0;
        for (const struct es_slot *slot = o->slots; slot; slot = slot->link)
                up += slot->running && slot->running->phase == SOURCE_UP;
        metric_set(o->running, up);
}

/* An invalid object changes nothing that runs. */
static bool acceptable(struct es_object *o, struct eventsources *es, const json_t *object)
{
        AUTO_DIAGS struct diags d;
        ERR_SLOT(e);
        diags_init(&d);
        free(o->error);
        o->error = NULL;
        if (eventsource_validate(object, false, &d) == 0)
                return true;
        diags_err(&d, &e);
        o->error = mem_strdup(err_msg(&e));
        log_error(es->log, "EventSource is invalid and not applied", F_STR("namespace", o->ns),
                  F_STR("eventSource", o->name), F_ERR(&e));
        err_clear(&e);
        return false;
}

void eventsources_set(struct eventsources *es, const json_t *object)
{
        const char *name = json_str(object, "metadata", "name"),
                   *ns = json_str(object, "metadata", "namespace");
        if (!name || es->draining)
                return;
        struct es_object *o = get_object(es, ns ? ns : es->ns ? es->ns : "default", name);
        if (!acceptable(o, es, object))
                return;
        const json_t *spec = json_object_get(object, "spec");
        o->compat_argo =
                streq(json_str(object, "metadata", "annotations", "tiphys.io/compat"), "argo");
        drop_unwanted(o, spec);
        add_wanted(es, o, spec);
        eventsources_count_running(o);
        retry_failed(es);
}

void eventsources_remove(struct eventsources *es, const char *ns, const char *name)
{
        struct es_object *o = find_object(es, ns ? ns : "default", name);
        if (!o)
                return;
        free_object(es, o);
        retry_failed(es);
}

int eventsources_follow(struct eventsources *es, struct err *e)
{
        es->following = true;
        return eventsources_follow_start(es, e);
}

/* ---- secrets that change ---- */

static void refresh_secrets(void *arg)
{
        struct eventsources *es = arg;
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        if (slot->running && slot->running->phase != SOURCE_DOWN)
                                source_refresh(slot->running, source_run);
        timer_after_ms(es->opt.loop, &es->secrets, SECRETS_AGAIN_MS);
}

/* ---- the runtime ---- */

static void call_drained(void *arg)
{
        struct eventsources *es = arg;
        timer_cancel(es->opt.loop, &es->drain_timer);
        loop_undefer(es->opt.loop, &es->drained_task);
        loop_fn *fn = es->drained;
        es->drained = NULL;
        if (fn)
                fn(es->drained_arg);
}

int eventsources_new(struct eventsources **out, const struct eventsources_options *o,
                     struct err *e UNUSED)
{
        struct eventsources *es = NEW(struct eventsources);
        es->opt = *o;
        es->ns = mem_strdup(o->ns);
        es->name = mem_strdup(o->name);
        es->label_selector = mem_strdup(o->label_selector);
        es->log = log_with(log_root(), F_STR("component", "eventsource"));
        es->webhooks = webhooks_new(o->loop, o->listen_address, o->port_override);
        eventsources_emit_init(es);
        timer_init(&es->secrets, refresh_secrets, es);
        timer_init(&es->drain_timer, call_drained, es);
        task_init(&es->drained_task, call_drained, es);
        timer_after_ms(o->loop, &es->secrets, SECRETS_AGAIN_MS);
        *out = es;
        return 0;
}

struct eventsources *eventsources_free(struct eventsources *es)
{
        if (!es)
                return NULL;
        struct loop *l = es->opt.loop;
        eventsources_follow_stop(es);
        timer_cancel(l, &es->secrets);
        timer_cancel(l, &es->drain_timer);
        loop_undefer(l, &es->drained_task);
        struct es_object *o, *next;
        HASH_ITER (hh, es->objects, o, next) {
                free_object(es, o);
        }
        for (struct source *s = es->retired; s; s = s->next_retired)
                s->es = NULL; /* freed with their last emit */
        webhooks_free(es->webhooks);
        eventsources_emit_deinit(es);
        log_free(es->log);
        free(es->ns);
        free(es->name);
        free(es->label_selector);
        free(es);
        return NULL;
}

/* ---- drain ---- */

void eventsources_check_drained(struct eventsources *es)
{
        if (es->draining && es->drained && es->listeners_drained && es->outstanding == 0)
                loop_defer(es->opt.loop, &es->drained_task);
}

static void on_listeners_drained(void *arg)
{
        struct eventsources *es = arg;
        es->listeners_drained = true;
        eventsources_check_drained(es);
}

/* Pull sources stop reading; push sources answer what they have taken. */
void eventsources_drain(struct eventsources *es, int grace_ms, loop_fn *done, void *arg)
{
        es->draining = true;
        es->drained = done;
        es->drained_arg = arg;
        eventsources_follow_stop(es);
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        if (slot->running && !slot->running->driver->done_after_stop)
                                source_pause(slot->running, true);
        timer_after_ms(es->opt.loop, &es->drain_timer, grace_ms);
        webhooks_drain(es->webhooks, grace_ms, on_listeners_drained, es);
}

/* ---- what others see ---- */

static void tell(const struct es_object *o, const struct es_slot *slot,
                 void (*each)(void *arg, const struct source_info *i), void *arg)
{
        const struct source *s = slot->running ? slot->running : slot->next;
        each(arg, &(struct source_info){.ns = o->ns,
                                        .name = o->name,
                                        .type = slot->type,
                                        .event = slot->event,
                                        .state = source_phase_name(s),
                                        .error = s->error,
                                        .url = s->url});
}

void eventsources_each(struct eventsources *es,
                       void (*each)(void *arg, const struct source_info *i), void *arg)
{
        for (struct es_object *o = es->objects; o; o = o->hh.next) {
                if (o->error)
                        each(arg, &(struct source_info){.ns = o->ns,
                                                        .name = o->name,
                                                        .type = "",
                                                        .event = "",
                                                        .state = "failed",
                                                        .error = o->error});
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        tell(o, slot, each, arg);
        }
}

bool eventsources_ready(struct eventsources *es)
{
        if (es->following && !es->synced)
                return false;
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link) {
                        if (slot->next || !slot->running)
                                return false;
                        if (slot->running->phase != SOURCE_UP &&
                            slot->running->phase != SOURCE_FAILED)
                                return false;
                }
        return true;
}
