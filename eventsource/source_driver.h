/* eventsource/source_driver.h: for people who write event sources (style.md 4).
 *
 * A driver is its file, one line in sources.def, one CMake line and one example YAML. Reconnect and
 * back-off, pause and resume, filters, the CloudEvents envelope, de-duplication ids, metrics and
 * log lines live in the runtime (eventsource.h), once. start   may be unfinished when it returns 0;
 * state is reported by source_up()/source_down(). -1: the configuration can never work (the runtime
 * reports it and does not retry), unless err_retryable(e->code): then as source_down(). stop    is
 * called exactly once per start, also after a half-done start; afterwards no callback of the driver
 * may run and outstanding emits of it are answered into the void by the runtime. pause   no more
 * source_emit until resume: the bus is full. Push sources answer 503; pull sources stop reading.
 * After source_down() the runtime stops the driver and starts it again after a jittered back-off
 * (connectionBackoff, default 1 s doubling to 30 s), for ever. When the EventSource changes, only
 * changed events are stopped and started, both in one turn of the loop. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/field.h"
#include "common/base/log.h"
#include "common/base/loop.h"
#include "common/base/str.h"

struct source; /* one event of one EventSource: (type, event name) */

struct source_event {    /* everything borrowed for the call */
        struct str data; /* the payload of reference/argo-events.md 1, as JSON bytes, complete with
                            metadata */
        const char *id;  /* id from upstream (delivery header, kafka topic-partition-offset ...),
                            NULL: a fresh one */
        bool dedup;      /* the id identifies a redelivery */
        struct str same; /* what a redelivery has in common with the first (a webhook's body); .p
                            NULL: all of data */
        const struct source_ext { /* CloudEvent extension attributes, NULL-terminated names; may be
                                     NULL */
                const char *name, *value;
        } * ext;
};
/* The event is durable on the bus (or was recognised, or filtered out): only then acknowledge
 * upstream. `e` not NULL: it was not taken (retry later or answer 503/500); CONFLICT: its id
 * belongs to other bytes already, so it never will be (counted and logged here; let upstream go
 * on). `event_id` is the id it has on the bus (NULL: the filter dropped it). Comes later, exactly
 * once per emit, on the loop. */
typedef void source_done_fn(void *arg, const char *event_id, const struct err *e);
void source_emit(struct source *s, const struct source_event *ev, source_done_fn *done, void *arg);

void source_up(struct source *s);
void source_set_url(struct source *s,
                    const char *url); /* push sources: where they listen, for banners; copied */
void source_down(struct source *s,
                 const struct err *e); /* borrowed; from any callback but start/stop */
void source_bad_event(struct source *s,
                      const struct err *e); /* one upstream message could not be read: counted,
                                               logged, upstream position may pass */

/* What a driver needs from its surroundings. */
void *source_state(struct source *s);        /* zeroed, driver->state_size */
const void *source_config(struct source *s); /* the struct filled by driver->fields */
struct loop *source_loop(struct source *s);
struct log *source_log(struct source *s);
const char *source_name(struct source *s); /* EventSource metadata.name */
const char *source_event_name(struct source *s);
const char *source_ns(struct source *s);
bool source_compat_argo(struct source *s); /* annotation tiphys.io/compat: argo: Argo's answers
                                              where ours are safer */
/* A retry budget {duration, factor, jitter, steps}: put a FIELD_OBJ_PTR of backoff_fields into the
 * table under "connectionBackoff" and the runtime obeys it. */
struct backoff_config {
        int64_t duration_ns;
        double factor, jitter;
        int64_t steps; /* ours never give up */
};
extern const struct field backoff_fields[];
/* Secrets and ConfigMaps, resolved before start when the field table says FIELD_OBJ/FIELD_OBJ_PTR
 * of key_ref_fields: the cached value, NULL when the reference is absent or optional and missing.
 * Re-resolved when the Secret changes; the driver is then restarted. */
struct secret;
const struct secret *source_secret(struct source *s, const struct key_ref *ref);
/* The value behind a configMapKeyRef (a key_ref whose field name ends in "ConfigMap"), the same
 * way. */
const char *source_config_value(struct source *s, const struct key_ref *ref);
/* Push sources share listeners: see webhook_context.h. */
struct webhooks;
struct webhooks *source_webhooks(struct source *s);

typedef int source_start_fn(struct source *s, struct err *e) MUST_CHECK;
typedef void source_stop_fn(struct source *s);
typedef void source_pause_fn(struct source *s, bool paused);
/* Extra checks of a loaded config beyond the table (argo-events.md 9.3); may be NULL. */
typedef void source_check_fn(const void *config, const struct jpath *at, struct diags *d);

struct source_driver {
        const char *type;    /* YAML key under spec, e.g. "webhook" */
        const char *ce_type; /* CloudEvent type; NULL: same as type */
        const struct field *fields;
        size_t config_size, state_size;
        bool active_active; /* HA class of argo-events.md 0.3: the two may not mix in one
                               EventSource */
        source_check_fn *check;
        source_start_fn *start;
        source_stop_fn *stop;
        source_pause_fn *pause;      /* NULL: nothing to do */
        bool starts_without_secrets; /* start even if a required secret is missing; source_secret()
                                        is NULL then and the driver refuses service */
        bool done_after_stop; /* its done callbacks touch nothing of the source: outstanding emits
                                 are answered after stop too */
};
