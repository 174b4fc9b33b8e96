/* sensor/redrive.c: see redrive.h. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/redrive.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "sensor/sensor.h"

#define PREFIX "tiphys.io/redrive-"
enum { ID_IN_KEY = 40 }; /* Kubernetes allows 63 characters behind the slash */

struct redrive {
        struct sensors *sensors;
        struct store *store;
        struct store_follow *follow;
        char *name; /* only this Sensor, NULL = all */
        struct log *log;
};

json_t *redrive_patch(const char *firing_id)
{
        json_t *patch = json_object();
        AUTO(mem_free) char *key = mem_printf(PREFIX "%.*s", ID_IN_KEY, firing_id);
        json_put_at(patch, json_string(firing_id), "metadata", "annotations", key);
        return patch;
}

/* The answer of a patch that nobody waits for. */
static void on_taken_away(void *arg UNUSED, json_t *obj UNUSED, const struct err *e)
{
        if (e && e->code != ERR_NOT_FOUND)
                log_warn(log_root(), "A wish to try a dead letter again stays on its sensor.",
                         F_ERR(e));
}

static void try_again(struct redrive *r, const json_t *sensor, const char *firing_id)
{
        ERR_SLOT(e);
        if (sensors_redrive(r->sensors, obj_ns(sensor), obj_name(sensor), firing_id, &e) == 0) {
                log_info(r->log, "A dead letter is tried again.", F_STR("sensor", obj_name(sensor)),
                         F_STR("firing", firing_id));
                return;
        }
        log_warn(r->log, "A dead letter cannot be tried again.", F_STR("sensor", obj_name(sensor)),
                 F_STR("firing", firing_id), F_ERR(&e));
        err_clear(&e);
}

static void on_set(void *arg, json_t *sensor)
{
        struct redrive *r = arg;
        AUTO_JSON json_t *patch = json_object();
        const char *key;
        json_t *value;
        if (r->name && !streq(r->name, obj_name(sensor)))
                return;
        json_object_foreach (json_at(sensor, "metadata", "annotations"), key, value) {
                if (!str_starts(key, PREFIX) || !json_is_string(value))
                        continue;
                try_again(r, sensor, json_string_value(value));
                json_put_at(patch, json_null(), "metadata", "annotations", key);
        }
        if (json_object_size(patch))
                store_patch(r->store,
                            (struct store_ref){&STORE_SENSOR, obj_ns(sensor), obj_name(sensor)},
                            STORE_PATCH_MERGE, patch, on_taken_away, NULL);
}

static void on_gone(void *arg UNUSED, json_t *sensor UNUSED)
{
}

int redrive_follow(struct redrive **out, struct sensors *sensors, const struct sensors_options *o,
                   struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, NULL};
        struct redrive *r = NEW(struct redrive);
        const struct store_list_opts lo = {.label_selector = o->label_selector};
        *r = (struct redrive){.sensors = sensors,
                              .store = o->store,
                              .name = mem_strdup(o->name),
                              .log = log_with(log_root(), F_STR("component", "sensor"))};
        *out = r;
        return store_follow(&r->follow, o->store, &STORE_SENSOR, o->ns, &lo, &handlers, r, e);
}

struct redrive *redrive_free(struct redrive *r)
{
        if (!r)
                return NULL;
        r->follow = store_follow_stop(r->follow);
        log_free(r->log);
        mem_free(r->name);
        mem_free(r);
        return NULL;
}
