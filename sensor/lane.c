/* sensor/lane.c: the commits of one sensor, in two lanes.
 *
 * In a lane one commit is under way at a time; what comes meanwhile gathers for the next, so a
 * failed commit (disk full) is simply repeated and nothing overtakes it. Decisions (position, held
 * events, intents, traces) and outcomes (done, dead) have a lane each: the outcome of the firing
 * before is bookkeeping that waits for company, and the next decision may be that company. Outcomes
 * never overtake the commit of their intent: they wait while decisions are being repeated.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_priv.h"
#include <stdlib.h>
#include <string.h>

enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 10000 };

static void start_born(struct lane *l, bool early)
{
        size_t kept = 0;
        for (size_t i = 0; i < l->n_flight_born; i++) {
                if (firing_early(l->flight_born[i]) == early)
                        firing_enqueue(l->flight_born[i]);
                else
                        l->flight_born[kept++] = l->flight_born[i];
        }
        l->n_flight_born = kept;
}

static void try_again_later(struct lane *l, const struct err *e)
{
        struct sensor *s = l->sensor;
        l->retry_ms = l->retry_ms ? l->retry_ms * 2 : RETRY_FIRST_MS;
        if (l->retry_ms > RETRY_MAX_MS)
                l->retry_ms = RETRY_MAX_MS;
        log_warn(s->log, "commit failed, repeating", F_INT("in_ms", l->retry_ms), F_ERR(e));
        timer_after_ms(s->env.loop, &l->retry, l->retry_ms);
}

static void on_committed(void *arg, const struct err *e)
{
        struct lane *l = arg;
        struct sensor *s = l->sensor;
        if (e) {
                try_again_later(l, e);
                return; /* committing stays set: nothing may overtake */
        }
        l->retry_ms = 0;
        l->committing = false;
        l->flight_pos = 0;
        ledger_puts_deinit(&l->flight);
        start_born(l, false);
        metric_set(s->m_lag, (int64_t)bus_consumer_lag(s->consumer));
        lane_commit(l);
        lane_commit(&s->outcomes); /* they may have waited for this */
        if (s->owner->draining)
                loop_defer(s->env.loop, &s->owner->drain_check);
}

static void take_gathered(struct lane *l)
{
        ledger_puts_move(&l->flight, &l->gather);
        l->flight_pos = l->gather_pos;
        l->gather_pos = 0;
        mem_grow(l->flight_born, l->flight_born_cap, l->n_born);
        if (l->n_born)
                memcpy(l->flight_born, l->born, l->n_born * sizeof(*l->born));
        l->n_flight_born = l->n_born;
        l->n_born = 0;
}

void lane_commit(struct lane *l)
{
        bool held = l == &l->sensor->outcomes && l->sensor->decisions.retry_ms;
        if (l->committing || held)
                return;
        bool again = l->flight.n || l->flight_pos; /* a failed one goes first, as it was */
        if (!again && l->gather.n == 0 && l->gather_pos == 0)
                return;
        if (!again)
                take_gathered(l);
        l->committing = true;
        struct sensors *owner = l->sensor->owner;
        /* no position, no intent: bookkeeping that may share the next commit */
        bool patient = l->flight_pos == 0 && l->n_flight_born == 0 && !owner->draining;
        bus_patient(owner->o.bus, patient);
        bus_commit(l->sensor->consumer, l->flight_pos, l->flight.items, l->flight.n, on_committed,
                   l);
        bus_patient(owner->o.bus, false);
        start_born(l, true);
}

static void on_retry(void *arg)
{
        struct lane *l = arg;
        l->committing = false;
        lane_commit(l);
}

void lane_add_firing(struct lane *l, struct firing *f)
{
        mem_grow(l->born, l->born_cap, l->n_born + 1);
        l->born[l->n_born++] = f;
}

bool lane_idle(const struct lane *l)
{
        return !l->committing && l->gather.n == 0;
}

void lane_init(struct lane *l, struct sensor *s)
{
        l->sensor = s;
        timer_init(&l->retry, on_retry, l);
}

void lane_stop(struct lane *l)
{
        if (l->sensor)
                timer_cancel(l->sensor->owner->o.loop, &l->retry);
}

void lane_deinit(struct lane *l)
{
        ledger_puts_deinit(&l->gather);
        ledger_puts_deinit(&l->flight);
        free(l->born);
        free(l->flight_born);
}
