/* sensor/firing.c: the attempts of one firing: queue, rate limit, retries, outcome, dead letter.
 *
 * Wrapped around every trigger driver, once. Without a retryStrategy a retryable failure is
 * repeated with growing pauses for about half an hour (an API server that restarts loses nothing);
 * with one, the user's numbers hold. What cannot succeed (REJECT) or has used its attempts becomes
 * a dead letter with its reason. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "sensor/sensor_priv.h"
#include "triggers/parameters.h"
#include <math.h>
#include <stdlib.h>

enum { RUNNING_PER_TRIGGER = 32 };
static const struct retry_spec default_retry = {.duration_ns = NS_PER_S / 2,
                                                .factor = 2,
                                                .jitter = 0.2,
                                                .steps = 36,
                                                .cap_ns = 60 * NS_PER_S};

static void pump(struct trigger_queue *q);

static struct trigger_queue *queue_of(struct firing *f)
{
        return &f->sensor->queues[f->trigger];
}

static const struct trigger_spec *trigger_of(const struct firing *f)
{
        return sensor_trigger(f->spec, f->trigger);
}

static void fill_events(struct firing *f)
{
        f->events = mem_calloc(f->n_held, sizeof(*f->events));
        for (size_t i = 0; i < f->n_held; i++) {
                const struct cloudevent *ce = &f->held[i].event->ce;
                struct arena *a = &f->held[i].event->arena;
                char time[40];
                time_rfc3339(ce->time.ns, time);
                f->events[i] = (struct trigger_event){
                        .dependency = sensor_dep(f->spec, f->held[i].dep)->name,
                        .id = ce->id,
                        .source = ce->source,
                        .subject = ce->subject,
                        .type = ce->type,
                        .datacontenttype =
                                ce->datacontenttype ? ce->datacontenttype : "application/json",
                        .time = arena_strndup(a, time, strlen(time)),
                        .specversion = "1.0",
                        .data = ce->data};
        }
}

static void on_pause_over(void *arg);
static void on_finish(struct trigger_action *a, enum trigger_outcome outcome, const char *what,
                      const struct err *e);

struct firing *firing_new(struct sensor *s, size_t trigger, const char *id, struct wall created,
                          struct core_held *held, size_t n)
{
        struct firing *f = NEW(struct firing);
        f->sensor = s;
        f->spec = sensor_spec_ref(s->spec);
        f->trigger = trigger;
        memcpy(f->id, id, FIRING_ID_LEN);
        f->held = held;
        f->n_held = n;
        f->created = created;
        f->started = loop_now(s->env.loop);
        timer_init(&f->timer, on_pause_over, f);
        fill_events(f);
        f->all_next = s->firings;
        f->all_prev = &s->firings;
        if (s->firings)
                s->firings->all_prev = &f->all_next;
        s->firings = f;
        s->n_firings++;
        return f;
}

void firing_free(struct firing *f)
{
        timer_cancel(f->sensor->env.loop, &f->timer);
        *f->all_prev = f->all_next;
        if (f->all_next)
                f->all_next->all_prev = f->all_prev;
        f->sensor->n_firings--;
        for (size_t i = 0; i < f->n_held; i++)
                sensor_event_unref(f->held[i].event);
        free(f->held);
        free(f->events);
        trigger_action_free(f->action);
        sensor_spec_unref(f->spec);
        free(f);
}

bool firing_early(const struct firing *f)
{
        return f->sensor->owner->o.shared_database && trigger_of(f)->driver->store_only;
}

static struct trigger_action *action_new(struct firing *f)
{
        const struct trigger_spec *t = trigger_of(f);
        struct trigger_action *a = NEW(struct trigger_action);
        *a = (struct trigger_action){
                .env = &f->sensor->env,
                .trigger = t->name,
                .firing_id = f->id,
                .policy = t->policy,
                .events = f->events,
                .n_events = f->n_held,
                .attempt = f->attempts,
                .core = f,
                .finish = on_finish,
                .log = log_with(f->sensor->log, F_STR("trigger", t->name), F_STR("firing", f->id)),
                .state = t->driver->state_size ? mem_alloc(t->driver->state_size) : NULL};
        return a;
}

static void attempt(struct firing *f)
{
        const struct trigger_spec *t = trigger_of(f);
        f->attempts++;
        f->finished = false;
        trigger_action_free(f->action);
        struct trigger_action *a = f->action = action_new(f);
        ERR_SLOT(e);
        if (params_apply_json(&a->template, t->template, t->parameters, f->events, f->n_held, &e) <
            0) {
                err_wrap(&e, "trigger %s: parameters", t->name);
                on_finish(a, TRIGGER_REJECT, NULL, &e);
                err_clear(&e);
                return;
        }
        a->spec = json_object_get(a->template, t->driver->type);
        t->driver->execute(a);
}

static void on_pause_over(void *arg)
{
        attempt(arg);
}

/* ---- the queue of one trigger ---- */

void firing_enqueue(struct firing *f)
{
        struct trigger_queue *q = queue_of(f);
        f->next = NULL;
        *q->waiting_end = f;
        q->waiting_end = &f->next;
        pump(q);
}

static bool rate_allows(struct trigger_queue *q, const struct rate_limit_spec *limit)
{
        static const int64_t unit_ns[] = {NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S};
        struct loop *l = q->sensor->env.loop;
        struct mono now = loop_now(l);
        if (now.ns < q->next_start.ns) {
                timer_set(l, &q->timer, q->next_start);
                return false;
        }
        q->next_start.ns = now.ns + unit_ns[limit->unit] / limit->requests_per_unit;
        return true;
}

static void pump(struct trigger_queue *q)
{
        const struct rate_limit_spec *limit = sensor_trigger(q->sensor->spec, q->index)->rate_limit;
        while (q->waiting && q->running < RUNNING_PER_TRIGGER && !q->sensor->closing) {
                if (limit && !rate_allows(q, limit))
                        return;
                struct firing *f = q->waiting;
                q->waiting = f->next;
                if (!q->waiting)
                        q->waiting_end = &q->waiting;
                f->running = true;
                q->running++;
                attempt(f);
        }
}

static void on_rate_timer(void *arg)
{
        pump(arg);
}

void queue_init(struct trigger_queue *q, struct sensor *s, size_t index)
{
        const char *trigger = sensor_trigger(s->spec, index)->name;
        *q = (struct trigger_queue){.sensor = s, .index = index};
        q->waiting_end = &q->waiting;
        timer_init(&q->timer, on_rate_timer, q);
        q->m_ok = metric_series(METRIC_ACTION_TRIGGERED, s->spec->name, trigger, NULL);
        q->m_failed = metric_series(METRIC_ACTION_FAILED, s->spec->name, trigger, NULL);
        q->m_gave_up = metric_series(METRIC_ACTION_RETRIES_FAILED, s->spec->name, trigger, NULL);
        q->m_duration = metric_series(METRIC_ACTION_DURATION, s->spec->name, trigger, NULL);
}

void queue_deinit(struct trigger_queue *q)
{
        timer_cancel(q->sensor->env.loop, &q->timer);
}

/* ---- outcomes ---- */

/* Given up: its dlqTrigger gets the same events; the intent goes with the dead letter. */
static void start_dlq(struct firing *f)
{
        struct sensor *s = f->sensor;
        size_t index = trigger_of(f)->dlq_index;
        if (!index)
                return;
        const char *key = sensor_trigger(f->spec, index)->key;
        char id[FIRING_ID_LEN + 1];
        struct wall now = loop_wall(s->env.loop);
        struct core_held *held = mem_calloc(f->n_held, sizeof(*held));
        for (size_t i = 0; i < f->n_held; i++)
                held[i] = (struct core_held){f->held[i].dep, sensor_event_ref(f->held[i].event)};
        firing_id_of(id, f->spec, key, held, f->n_held);
        ledger_put_take(&s->outcomes.gather, s->spaces[LEDGER_INTENT], id,
                        ledger_firing_text(f->spec, key, now, held, f->n_held, true, NULL));
        lane_add_firing(&s->outcomes, firing_new(s, index, id, now, held, f->n_held));
}

static void settle(struct firing *f, const char *what, const struct err *e)
{
        struct sensor *s = f->sensor;
        struct trigger_queue *q = queue_of(f);
        struct ledger_outcome o = {f->attempts, f->created, loop_wall(s->env.loop), what, e};
        const char *trigger = trigger_of(f)->key;
        char *text =
                ledger_firing_text(f->spec, trigger, f->created, f->held, f->n_held, e != NULL, &o);
        ledger_put_take(&s->outcomes.gather, s->spaces[LEDGER_INTENT], f->id, NULL);
        ledger_put_take(&s->outcomes.gather, s->spaces[e ? LEDGER_DEAD : LEDGER_DONE], f->id, text);
        if (e) {
                metric_set(s->m_dead, (int64_t)++s->dead);
                start_dlq(f);
        }
        q->running--;
        firing_free(f);
        lane_commit(&s->outcomes);
        pump(q);
        sensor_relieve_pressure(s);
        if (s->owner->draining)
                loop_defer(s->env.loop, &s->owner->drain_check);
}

static int64_t pause_ns(const struct retry_spec *r, int attempts)
{
        double ns = (double)r->duration_ns * pow(r->factor, attempts - 1);
        if (r->cap_ns && ns > (double)r->cap_ns)
                ns = (double)r->cap_ns;
        ns += ns * r->jitter * ((double)(rand_u64() >> 11) / 9007199254740992.0);
        return ns < 1e15 ? (int64_t)ns : INT64_C(1000000000000000);
}

static void on_finish(struct trigger_action *a, enum trigger_outcome outcome, const char *what,
                      const struct err *e)
{
        struct firing *f = a->core;
        struct sensor *s = f->sensor;
        struct trigger_queue *q = queue_of(f);
        if (f->finished)
                return;
        f->finished = true;
        if (outcome == TRIGGER_OK) {
                metric_add(q->m_ok, 1);
                metric_observe(q->m_duration,
                               (double)((loop_now(s->env.loop).ns - f->started.ns) / NS_PER_MS));
                log_debug(a->log, "Successfully processed trigger", F_STR("what", what));
                settle(f, what, NULL);
                return;
        }
        metric_add(q->m_failed, 1);
        const struct retry_spec *r = trigger_of(f)->retry ? trigger_of(f)->retry : &default_retry;
        if (outcome == TRIGGER_RETRY && f->attempts < r->steps) {
                int64_t ns = pause_ns(r, f->attempts);
                if (e && e->retry_after_ms > 0 && e->retry_after_ms * NS_PER_MS > ns)
                        ns = e->retry_after_ms * NS_PER_MS;
                log_warn(a->log, "trigger failed, trying again", F_INT("attempt", f->attempts),
                         F_INT("in_ms", ns / NS_PER_MS), F_ERR(e));
                timer_set(s->env.loop, &f->timer, (struct mono){loop_now(s->env.loop).ns + ns});
                return;
        }
        metric_add(q->m_gave_up, 1);
        log_error(a->log, "Failed to execute a trigger; it is a dead letter now",
                  F_INT("attempts", f->attempts), F_ERR(e));
        struct err unknown = {.code = ERR_INTERNAL};
        settle(f, NULL, e ? e : &unknown);
}
