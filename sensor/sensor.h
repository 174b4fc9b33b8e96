/* sensor/sensor.h: the Sensor runtime: follows Sensor resources (or takes them from files); per
 * sensor one durable consumer of the bus, the decision core, the ledger of firings, and the
 * triggers. Also validation, for lint and apply.
 *
 * Guarantees (design.md 4): position, held events and firing intents move in one commit; a firing
 * ends as done or as a dead letter with its reason; recovery repeats intents without an outcome,
 * which is harmless because created objects are named from the firing. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include "common/base/loop.h"
#include <jansson.h>

struct bus;
struct http_client;
struct pool;
struct sensors;
struct store;

struct sensors_options {
        struct loop *loop;
        struct bus *bus;
        struct store *store;
        struct http_client *http;
        struct pool *pool;
        const char *ns; /* namespace to follow, NULL = all */
        const char *label_selector;
        const char *name;     /* only this one, NULL = all */
        bool shared_database; /* bus and store are one embedded database: intents and created
                                 objects share commits */
};
int sensors_new(struct sensors **out, const struct sensors_options *o, struct err *e) MUST_CHECK;
int sensors_follow(struct sensors *s, struct err *e) MUST_CHECK;
void sensors_set(struct sensors *s, const json_t *object);
void sensors_remove(struct sensors *s, const char *ns, const char *name);
/* No new events; running actions finish or are left to recovery after grace_ms. */
void sensors_drain(struct sensors *s, int grace_ms, loop_fn *done, void *arg);
struct sensors *sensors_free(struct sensors *s);
AUTO_DEFINE(sensors_free, struct sensors *);

struct sensor_info {
        const char *ns, *name;
        const char *error; /* why it does not run, NULL */
        size_t dependencies, triggers;
        uint64_t lag, firing, dead_letters;
};
void sensors_each(struct sensors *s, void (*each)(void *arg, const struct sensor_info *i),
                  void *arg);
bool sensors_ready(struct sensors *s);
/* Re-drive a dead letter (same firing id) by its sensor and firing id. */
int sensors_redrive(struct sensors *s, const char *ns, const char *name, const char *firing_id,
                    struct err *e) MUST_CHECK;

int sensor_validate(const json_t *object, bool strict, struct diags *d) MUST_CHECK;
