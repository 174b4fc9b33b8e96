/* triggers/trigger_driver.h: for people who write triggers (style.md 4).
 *
 * A trigger answers with one of three outcomes: OK, RETRY, REJECT. Retries, rate limits, dead
 * letters, metrics and the one log line are wrapped around all drivers in the core (sensor/); a
 * driver never sleeps and never retries. load     fill the config struct by the field table (done
 * by the core) and check what a table cannot. execute  one firing: `action` holds the trigger
 * template object after template parameters, and the events. The answer comes by trigger_finish(),
 * later or from inside execute, exactly once. The core applies trigger.parameters before execute;
 * resource parameters and payload are built by the driver with parameters.h. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/field.h"
#include "common/base/log.h"
#include "common/base/loop.h"
#include "common/base/str.h"
#include <jansson.h>

enum trigger_outcome { TRIGGER_OK, TRIGGER_RETRY, TRIGGER_REJECT };

struct trigger_event { /* one satisfied dependency; raw bytes, shared, immutable */
        const char *dependency;
        const char *id, *source, *subject, *type, *datacontenttype;
        const char *time; /* RFC 3339 with second precision, as a context is rendered */
        const char *specversion;
        struct str data; /* payload JSON after transform */
};
struct trigger_env { /* what a trigger may use; lives as long as the sensor */
        struct loop *loop;
        struct store *store;
        struct http_client *http;
        struct pool *pool; /* files */
        const char *ns;    /* namespace of the sensor: default for created objects */
        const char *sensor;
};
struct trigger_action { /* one attempt of a firing; everything borrowed until trigger_finish() */
        const struct trigger_env *env;
        const char *trigger;   /* template name */
        const char *firing_id; /* 50 characters [0-9a-z], the same in every attempt */
        const json_t *spec;    /* the driver's part of the template ("k8s": {...}) after template
                                  parameters */
        const json_t *policy;  /* trigger.policy, NULL */
        const struct trigger_event *events;
        size_t n_events;
        int attempt; /* from 1 */
        struct log *log;
        void *state;      /* of the driver for this firing, state_size bytes, zeroed */
        json_t *template; /* owned: the whole template, which spec points into */
        void *core;       /* of whoever runs it: the sensor, a test */
        void (*finish)(struct trigger_action *a, enum trigger_outcome outcome, const char *what,
                       const struct err *e);
};
/* `what`: short words for the trace and the log ("created Workflow default/docproc-x7k2p"); `e` for
 * RETRY and REJECT. Both borrowed. */
static inline void trigger_finish(struct trigger_action *a, enum trigger_outcome outcome,
                                  const char *what, const struct err *e)
{
        a->finish(a, outcome, what, e);
}

typedef void trigger_execute_fn(struct trigger_action *a);
/* Shutdown before the answer: trigger_finish must not be called any more. The action now belongs to
 * the driver, which frees it with trigger_action_free() at once or when its last outstanding
 * callback has come; env and events are gone. */
typedef void trigger_cancel_fn(struct trigger_action *a);
struct trigger_action *trigger_action_free(struct trigger_action *a);
typedef void trigger_check_fn(const json_t *spec, const json_t *trigger, const struct jpath *at,
                              struct diags *d);

struct trigger_driver {
        const char *type; /* YAML key in the template: "k8s", "http", "log" */
        const struct field
                *fields; /* validates and documents the spec; the driver reads the json_t */
        size_t config_size, state_size;
        trigger_check_fn *check; /* argo-events.md 9.4 and 9.5; may be NULL */
        trigger_execute_fn *execute;
        trigger_cancel_fn *cancel;
        bool store_only; /* the effect is an idempotent write to the store: on the embedded store it
                            may be submitted right behind the intent and share its group commit
                            (design.md 4) */
};
const struct trigger_driver *trigger_driver_find(const char *type);
const struct trigger_driver *const *trigger_drivers(
        void); /* in Argo's order of precedence, NULL-terminated */
/* RETRY or REJECT from an error code: the one place that maps them (err_retryable). */
enum trigger_outcome trigger_outcome_of(const struct err *e);
