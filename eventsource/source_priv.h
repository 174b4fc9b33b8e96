/* eventsource/source_priv.h: what the files of the runtime share. Drivers see source_driver.h only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/bus/bus.h"
#include "eventsource/eventsource.h"
#include "eventsource/source_driver.h"
#include "eventsource/source_filter.h"
#include <uthash.h>

enum source_phase {
        SOURCE_RESOLVING, /* secrets are being read */
        SOURCE_STARTING,  /* start was called, source_up() is awaited */
        SOURCE_UP,
        SOURCE_DOWN,   /* stopped; a timer starts it again */
        SOURCE_FAILED, /* its configuration cannot work */
        SOURCE_STOPPED /* for good: replaced or removed */
};

struct resolved { /* one secretKeyRef or configMapKeyRef of the config */
        const struct key_ref *ref;
        bool is_config;
        struct secret *secret;
        char *value;
        struct err why; /* not found, denied ... */
};

struct source {
        struct eventsources *es; /* NULL once the runtime is freed */
        struct es_object *object;
        const struct source_driver *driver;
        char *ns, *name, *event, *subject, *url, *error;
        json_t *spec;
        void *config, *state;
        struct expr *filter; /* NULL: everything passes */
        struct log *log;
        bool compat_argo;
        struct resolved *refs, *fresh; /* in use; being asked for */
        size_t n_refs, n_asked;
        struct source_ask *asks;
        void (*on_refs)(struct source *s);
        bool only_when_changed;

        enum source_phase phase;
        enum err_code failed_code;
        bool started;  /* start was called, stop was not */
        bool in_start; /* inside driver->start */
        unsigned run;  /* counts starts: answers of an earlier run go into the void */
        int failures;  /* in a row, for the back-off */
        struct loop_timer retry;
        struct loop_task fall; /* source_down() was called: stop at the end of the turn */
        size_t n_emits;
        bool retired; /* free when the last emit is answered */
        struct source *next_retired;
        struct {
                struct metric_series *sent, *failed, *bad, *duplicate, *filtered, *duration,
                        *reconnects;
        } metric;
};

struct es_slot { /* one event of one EventSource; `next` takes over from `running` as soon as its
                    secrets are known */
        struct es_slot *link;
        struct es_object *object;
        char *type, *event;
        struct source *running, *next;
};

struct es_object {
        char *key; /* "namespace/name" */
        char *ns, *name, *error;
        bool compat_argo;
        struct es_slot *slots;
        struct metric_series *running;
        UT_hash_handle hh;
};

struct eventsources {
        struct eventsources_options opt;
        char *ns, *name, *label_selector, *address;
        struct log *log;
        struct es_object *objects;
        struct webhooks *webhooks;
        struct store_follow *follow;
        bool following, synced;
        struct buf envelope;  /* reused for every event */
        struct arena scratch; /* of one filter */
        struct source_emission *spare;
        struct source *retired; /* stopped, with emits outstanding */
        size_t outstanding;
        bool paused; /* the bus refuses: nobody may emit until the timer */
        int pause_ms;
        struct loop_timer resume;
        struct loop_timer secrets; /* reads secrets again now and then */
        bool draining;
        loop_fn *drained;
        void *drained_arg;
        struct loop_timer drain_timer;
        struct loop_task drained_task;
        bool listeners_drained;
};

/* source.c: one supervised source */
struct source *source_new(struct es_object *o, struct eventsources *es,
                          const struct source_driver *d, const char *event, json_t *spec);
void source_run(struct source *s);    /* start now; stops it first when it runs */
void source_halt(struct source *s);   /* stop the driver; source_run() starts it again */
void source_retire(struct source *s); /* stop for good, free as soon as no emit is outstanding */
void source_retry_failed(struct source *s); /* something changed that may have been the reason */
void source_pause(struct source *s, bool paused);
void source_emission_ended(struct source *s);
const char *source_phase_name(const struct source *s);

/* source_refs.c: secrets and config maps. The callback comes when all answers are there, perhaps
 * from inside the call. */
void source_resolve(struct source *s, void (*done)(struct source *s));
void source_refresh(struct source *s,
                    void (*changed)(struct source *s)); /* called only when a value changed */
void source_refs_free(struct source *s);
/* The first required reference without a value, as an error; 0 when there is none. */
int source_refs_missing(const struct source *s, struct err *e) MUST_CHECK;

/* source_emit.c */
void eventsources_emit_init(struct eventsources *es);
void eventsources_emit_deinit(struct eventsources *es);

/* eventsource.c */
void eventsources_count_running(struct es_object *o);
void eventsources_check_drained(struct eventsources *es);

/* eventsource_follow.c */
int eventsources_follow_start(struct eventsources *es, struct err *e) MUST_CHECK;
void eventsources_follow_stop(struct eventsources *es);
