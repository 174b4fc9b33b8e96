/* eventsource/eventsource.h: the EventSource runtime: follows EventSource resources (or takes them
 * from files), runs one source per event, puts events on the bus. Also validation, for lint and
 * apply. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include "common/base/loop.h"
#include <jansson.h>

struct bus;
struct store;
struct eventsources;
struct source_driver;

struct eventsources_options {
        struct loop *loop;
        struct bus *bus;
        struct store *store;        /* secrets and, when `follow`, the resources */
        const char *ns;             /* namespace to follow, NULL = all */
        const char *label_selector; /* NULL = all */
        const char *name;           /* only this one, NULL = all */
        const char *listen_address; /* for push sources: "127.0.0.1" by default */
        int port_override; /* tests and `--port 0`: -1 none, 0 any free port, else this one for the
                              first listener */
};
int eventsources_new(struct eventsources **out, const struct eventsources_options *o,
                     struct err *e) MUST_CHECK;
int eventsources_follow(struct eventsources *es,
                        struct err *e) MUST_CHECK; /* list + watch the store */
void eventsources_set(struct eventsources *es,
                      const json_t *object); /* add or replace one, from a file */
void eventsources_remove(struct eventsources *es, const char *ns, const char *name);
/* No new requests, outstanding emits finish, then `done`. */
void eventsources_drain(struct eventsources *es, int grace_ms, loop_fn *done, void *arg);
struct eventsources *eventsources_free(struct eventsources *es);
AUTO_DEFINE(eventsources_free, struct eventsources *);

/* State for banners, health and `get`: one line per source. */
struct source_info {
        const char *ns, *name, *type, *event, *state; /* "up", "down", "starting", "failed" */
        const char *error;                            /* NULL, or why it is not up */
        const char *url;                              /* push sources: where they listen */
};
void eventsources_each(struct eventsources *es,
                       void (*each)(void *arg, const struct source_info *i), void *arg);
bool eventsources_ready(struct eventsources *es); /* every source is up or has failed for good */

/* Problems of one EventSource object, all of them; returns 0 when there is no error. */
int eventsource_validate(const json_t *object, bool strict, struct diags *d) MUST_CHECK;
const struct source_driver *source_driver_find(const char *type);
const struct source_driver *const *source_drivers(void); /* NULL-terminated */
