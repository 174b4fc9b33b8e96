/* sensor/sensor.c: the life of sensors: set, replaced, removed, drained. See sensor.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "sensor/sensor_priv.h"
#include <stdlib.h>

int sensors_new(struct sensors **out, const struct sensors_options *o, struct err *e UNUSED)
{
        struct sensors *s = NEW(struct sensors);
        s->o = *o;
        s->o.ns = s->ns = mem_strdup(o->ns);
        s->o.label_selector = s->label_selector = mem_strdup(o->label_selector);
        s->o.name = s->name = mem_strdup(o->name);
        s->log = log_with(log_root(), F_STR("component", "sensor"));
        *out = s;
        return 0;
}

/* ---- one sensor ---- */

static void find_metrics(struct sensor *s)
{
        const char *name = s->spec->name;
        s->m_fired = metric_series(METRIC_SENSOR_EVENTS, name, "passed", NULL);
        s->m_rejected = metric_series(METRIC_SENSOR_EVENTS, name, "rejected", NULL);
        s->m_errors = metric_series(METRIC_SENSOR_EVENTS, name, "error", NULL);
        s->m_unrelated = metric_series(METRIC_SENSOR_EVENTS, name, "unrelated", NULL);
        s->m_lag = metric_series(METRIC_SENSOR_LAG, name, NULL, NULL);
        s->m_dead = metric_series(METRIC_DEAD_LETTERS, name, NULL, NULL);
}

static char *consumer_name(const struct sensor_spec *spec)
{
        return mem_printf("sensor/%s/%s/%s", spec->ns, spec->name, spec->uid);
}

static void on_revoked(void *arg)
{
        struct sensor *s = arg;
        log_warn(s->log, "an event was not stored after all; starting again from what is");
        loop_defer(s->owner->o.loop, &s->start_again);
}

static int consume(struct sensor *s, struct err *e)
{
        size_t n = s->spec->dependencies.n;
        char **subjects = mem_calloc(n + 1, sizeof(*subjects));
        for (size_t i = 0; i < n; i++)
                subjects[i] = mem_printf("%s.%s", sensor_dep(s->spec, i)->event_source,
                                         sensor_dep(s->spec, i)->event);
        AUTO(mem_free) char *name = consumer_name(s->spec);
        struct bus_consumer_options o = {.name = name,
                                         .subjects = (const char *const *)subjects,
                                         .start_at = s->spec->created,
                                         .revoked = on_revoked};
        int r = bus_consume(&s->consumer, s->owner->o.bus, &o, sensor_on_messages, s, e);
        for (size_t i = 0; i < n; i++)
                free(subjects[i]);
        free(subjects);
        return r;
}

static int sensor_start(struct sensor *s, struct err *e)
{
        const struct sensors_options *o = &s->owner->o;
        s->log = log_with(s->owner->log, F_STR("sensor", s->spec->name),
                          F_STR("namespace", s->spec->ns));
        s->env = (struct trigger_env){o->loop, o->store,    o->http,
                                      o->pool, s->spec->ns, s->spec->name};
        for (int i = 0; i < LEDGER_SPACES; i++)
                s->spaces[i] = ledger_space_name((enum ledger_space)i, s->spec);
        lane_init(&s->decisions, s);
        lane_init(&s->outcomes, s);
        s->slow = o->pool && sensor_judge_is_slow(s->spec);
        eval_init(&s->eval);
        s->core = sensor_core_new(s->spec);
        core_output_init(&s->output, s->core);
        find_metrics(s);
        s->queues = mem_calloc(s->spec->n_all, sizeof(*s->queues));
        for (size_t i = 0; i < s->spec->n_all; i++)
                queue_init(&s->queues[i], s, i);
        if (consume(s, e) < 0 || sensor_load_state(s, e) < 0)
                return -1;
        resets_start(s);
        lane_commit(&s->decisions);
        log_info(s->log, "Sensor started.", F_UINT("dependencies", s->spec->dependencies.n),
                 F_UINT("triggers", s->spec->triggers.n), F_UINT("unfinished", s->n_firings));
        return 0;
}

static void sensor_stop(struct sensor *s)
{
        s->closing = true;
        eval_stop(&s->eval);
        loop_undefer(s->owner->o.loop, &s->start_again);
        while (s->firings) {
                struct firing *f = s->firings;
                if (f->running && !f->finished && f->attempts > 0) {
                        f->finished = true;
                        const struct trigger_driver *driver =
                                sensor_trigger(f->spec, f->trigger)->driver;
                        if (driver->cancel)
                                driver->cancel(TAKE(f->action));
                }
                firing_free(f); /* its intent stays on the bus: recovery repeats it */
        }
        s->consumer = bus_consumer_close(s->consumer);
        if (!s->spec)
                return;
        lane_stop(&s->decisions);
        lane_stop(&s->outcomes);
        resets_stop(s);
        for (size_t i = 0; s->queues && i < s->spec->n_all; i++)
                queue_deinit(&s->queues[i]);
        if (s->core) {
                core_output_deinit(&s->output, s->core);
                s->core = sensor_core_free(s->core);
        }
}

static void sensor_free(struct sensor *s)
{
        sensor_stop(s);
        for (int i = 0; i < LEDGER_SPACES; i++)
                free(s->spaces[i]);
        lane_deinit(&s->decisions);
        lane_deinit(&s->outcomes);
        free(s->queues);
        free(s->error);
        json_decref(s->object);
        s->log = log_free(s->log);
        sensor_spec_unref(s->spec);
        free(s);
}

/* ---- the set of them ---- */

static struct sensor **find(struct sensors *all, const char *ns, const char *name)
{
        struct sensor **p = &all->list;
        while (*p && !(streq(obj_ns((*p)->object), ns) && streq(obj_name((*p)->object), name)))
                p = &(*p)->next;
        return p;
}

static bool same_spec(const json_t *a, const json_t *b)
{
        return streq(obj_uid(a), obj_uid(b)) &&
               json_equal(json_object_get(a, "spec"), json_object_get(b, "spec"));
}

static void start_one(struct sensor *s)
{
        ERR_SLOT(e);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        if (sensor_spec_new(&s->spec, s->object, false, &d) < 0)
                diags_err(&d, &e);
        else if (sensor_start(s, &e) < 0)
                sensor_stop(s);
        if (!err_is_set(&e))
                return;
        s->error = mem_strdup(err_msg(&e));
        log_error(s->owner->log, "sensor does not run", F_STR("sensor", obj_name(s->object)),
                  F_ERR(&e));
        err_clear(&e);
}

static void on_start_again(void *arg);

static void add(struct sensors *all, json_t *object_taken)
{
        struct sensor *s = NEW(struct sensor);
        s->owner = all;
        s->object = object_taken;
        task_init(&s->start_again, on_start_again, s);
        s->next = all->list;
        all->list = s;
        start_one(s);
}

void sensors_set(struct sensors *all, const json_t *object)
{
        const char *name = obj_name(object);
        if (!name || (all->name && !streq(all->name, name)))
                return;
        struct sensor **p = find(all, obj_ns(object), name);
        if (*p && same_spec((*p)->object, object))
                return;
        if (*p)
                sensors_remove(all, obj_ns(object), name);
        add(all, json_deep_copy(object));
}

void sensors_remove(struct sensors *all, const char *ns, const char *name)
{
        struct sensor **p = find(all, ns, name), *s = *p;
        if (!s)
                return;
        *p = s->next;
        sensor_free(s);
}

static void on_start_again(void *arg)
{
        struct sensor *s = arg;
        struct sensors *all = s->owner;
        json_t *object = json_incref(s->object);
        sensors_remove(all, obj_ns(object), obj_name(object));
        add(all, object);
}

static void on_set(void *arg, json_t *object)
{
        sensors_set(arg, object);
}

/* A deleted Sensor takes its place in the bus with it, so that it holds no events back; its dead
 * letters stay. */
static void on_gone(void *arg, json_t *object)
{
        struct sensors *all = arg;
        struct sensor *s = *find(all, obj_ns(object), obj_name(object));
        AUTO(mem_free) char *name = s && s->spec ? consumer_name(s->spec) : NULL;
        sensors_remove(all, obj_ns(object), obj_name(object));
        if (name)
                bus_consumer_forget(all->o.bus, name);
}

static void on_synced(void *arg)
{
        ((struct sensors *)arg)->synced = true;
}

int sensors_follow(struct sensors *all, struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        struct store_list_opts o = {.label_selector = all->o.label_selector};
        return store_follow(&all->follow, all->o.store, &STORE_SENSOR, all->o.ns, &o, &handlers,
                            all, e);
}

bool sensors_ready(struct sensors *all)
{
        return all->synced || !all->follow;
}

void sensors_each(struct sensors *all, void (*each)(void *arg, const struct sensor_info *i),
                  void *arg)
{
        for (struct sensor *s = all->list; s; s = s->next) {
                struct sensor_info i = {
                        .ns = obj_ns(s->object), .name = obj_name(s->object), .error = s->error};
                if (s->spec && s->consumer) {
                        i.dependencies = s->spec->dependencies.n;
                        i.triggers = s->spec->triggers.n;
                        i.lag = bus_consumer_lag(s->consumer);
                        i.firing = s->n_firings;
                        i.dead_letters = s->dead;
                }
                each(arg, &i);
        }
}

/* ---- drain ---- */

static bool idle(const struct sensors *all)
{
        for (const struct sensor *s = all->list; s; s = s->next)
                if (s->consumer && (s->n_firings || s->eval.under_way ||
                                    !lane_idle(&s->decisions) || !lane_idle(&s->outcomes)))
                        return false;
        return true;
}

static void finish_drain(struct sensors *all)
{
        loop_fn *done = all->drained;
        all->drained = NULL;
        timer_cancel(all->o.loop, &all->drain_timer);
        if (done)
                done(all->drained_arg);
}

static void on_drain_check(void *arg)
{
        if (idle(arg))
                finish_drain(arg);
}

static void on_drain_timeout(void *arg)
{
        finish_drain(arg);
}

void sensors_drain(struct sensors *all, int grace_ms, loop_fn *done, void *arg)
{
        all->draining = true;
        all->drained = done;
        all->drained_arg = arg;
        for (struct sensor *s = all->list; s; s = s->next)
                if (s->consumer)
                        bus_consumer_pause(s->consumer);
        task_init(&all->drain_check, on_drain_check, all);
        timer_init(&all->drain_timer, on_drain_timeout, all);
        timer_after_ms(all->o.loop, &all->drain_timer, grace_ms);
        loop_defer(all->o.loop, &all->drain_check);
}

struct sensors *sensors_free(struct sensors *all)
{
        if (!all)
                return NULL;
        if (all->draining) {
                loop_undefer(all->o.loop, &all->drain_check);
                timer_cancel(all->o.loop, &all->drain_timer);
        }
        store_follow_stop(all->follow);
        while (all->list) {
                struct sensor *s = all->list;
                all->list = s->next;
                sensor_free(s);
        }
        log_free(all->log);
        free(all->ns);
        free(all->label_selector);
        free(all->name);
        free(all);
        return NULL;
}

/* ---- dead letters, validation ---- */

struct redrive {
        const char *id;
        char *text;
};

static bool match_dead(void *arg, const char *key, const char *value, size_t len)
{
        struct redrive *r = arg;
        if (!streq(key, r->id))
                return true;
        r->text = mem_strndup(value, len);
        return false;
}

int sensors_redrive(struct sensors *all, const char *ns, const char *name, const char *firing_id,
                    struct err *e)
{
        struct sensor *s = *find(all, ns, name);
        if (!s || !s->consumer)
                return err_set(e, ERR_NOT_FOUND, "no running sensor %s/%s", ns, name);
        struct redrive r = {firing_id, NULL};
        if (bus_state_each(all->o.bus, s->spaces[LEDGER_DEAD], firing_id, match_dead, &r, e) < 0)
                return -1;
        if (!r.text)
                return err_set(e, ERR_NOT_FOUND, "sensor %s/%s has no dead letter %s", ns, name,
                               firing_id);
        s->dead--;
        metric_set(s->m_dead, (int64_t)s->dead);
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_DEAD], firing_id, NULL);
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_INTENT], firing_id,
                        mem_strdup(r.text));
        AUTO(mem_free) char *text = TAKE(r.text);
        return sensor_revive(s, firing_id, text, e);
}

int sensor_validate(const json_t *object, bool strict, struct diags *d)
{
        AUTO(sensor_spec_unref) struct sensor_spec *spec = NULL;
        return sensor_spec_new(&spec, object, strict, d);
}
