/* sensor/reset.c: conditionsReset: at its times a trigger forgets the events it holds.
 *
 * When a sensor starts, held events that came before the last such time are forgotten, so that a
 * tick that fell into a pause counts. Cron times are wall-clock times: a timer never sleeps longer
 * than an hour, then looks again. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_priv.h"
#include <stdlib.h>

#define LOOK_AGAIN_NS (3600 * NS_PER_S)

static const struct reset_spec *spec_of(const struct reset_timer *r)
{
        return &sensor_trigger(r->sensor->spec, r->trigger)->resets[r->index];
}

static void arm(struct reset_timer *r)
{
        struct loop *l = r->sensor->env.loop;
        int64_t wait = r->due_ns - loop_wall(l).ns;
        wait = wait > LOOK_AGAIN_NS ? LOOK_AGAIN_NS : wait < 0 ? 0 : wait;
        timer_set(l, &r->timer, (struct mono){loop_now(l).ns + wait + NS_PER_MS});
}

static void plan_next(struct reset_timer *r, int64_t after_ns)
{
        const struct reset_spec *spec = spec_of(r);
        if (cron_next_ns(spec->cron, after_ns, spec->zone, &r->due_ns))
                arm(r);
}

static void on_time(void *arg)
{
        struct reset_timer *r = arg;
        struct sensor *s = r->sensor;
        int64_t now = loop_wall(s->env.loop).ns;
        if (now < r->due_ns) {
                arm(r);
                return;
        }
        log_info(s->log, "conditions reset",
                 F_STR("trigger", sensor_trigger(s->spec, r->trigger)->name));
        sensor_forget_before(s, r->trigger, (struct wall){INT64_MAX});
        lane_commit(&s->decisions);
        plan_next(r, now);
}

void resets_start(struct sensor *s)
{
        size_t n = 0;
        int64_t now = loop_wall(s->env.loop).ns, past;
        for (size_t t = 0; t < s->spec->triggers.n; t++)
                n += sensor_trigger(s->spec, t)->n_resets;
        s->resets = mem_calloc(n, sizeof(*s->resets));
        for (size_t t = 0; t < s->spec->triggers.n; t++) {
                const struct trigger_spec *trigger = sensor_trigger(s->spec, t);
                for (size_t i = 0; i < trigger->n_resets; i++) {
                        struct reset_timer *r = &s->resets[s->n_resets++];
                        *r = (struct reset_timer){.sensor = s, .trigger = t, .index = i};
                        timer_init(&r->timer, on_time, r);
                        if (cron_prev_ns(trigger->resets[i].cron, now, trigger->resets[i].zone,
                                         &past))
                                sensor_forget_before(s, t, (struct wall){past});
                        plan_next(r, now);
                }
        }
}

void resets_stop(struct sensor *s)
{
        for (size_t i = 0; i < s->n_resets; i++)
                timer_cancel(s->owner->o.loop, &s->resets[i].timer);
        free(s->resets);
        s->resets = NULL;
        s->n_resets = 0;
}
