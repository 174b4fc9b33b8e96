/* sensor/intake.c: bus messages in, decisions out to the lane that makes them durable (lane.c).
 *
 * A firing starts when its intent is durable, or, where the effect is an idempotent write to the
 * same database, right behind the submitted intent (the ORDER promise of db.h). On the embedded bus
 * messages may come while their own transaction is open: event, decision and created object then
 * share one sync; if that fails, the bus revokes them and the sensor starts again from what is
 * stored. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "sensor/sensor_priv.h"
#include <stdlib.h>

enum { FIRINGS_HIGH = 1024, FIRINGS_LOW = 512 };

static void put_holds(struct sensor *s)
{
        for (size_t i = 0; i < s->output.n_holds; i++) {
                const struct core_hold *h = &s->output.holds[i];
                const struct trigger_spec *t = sensor_trigger(s->spec, h->trigger);
                AUTO(mem_free)
                char *key = mem_printf("%s/%s", t->name, sensor_dep(s->spec, h->dep)->name);
                ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_HOLD], key,
                                h->event ? ledger_event_text(h->event) : NULL);
        }
}

static void put_firings(struct sensor *s, const char **ids)
{
        struct wall now = loop_wall(s->env.loop);
        for (size_t i = 0; i < s->output.n_firings; i++) {
                struct core_firing *cf = &s->output.firings[i];
                const char *trigger = sensor_trigger(s->spec, cf->trigger)->name;
                char id[FIRING_ID_LEN + 1];
                firing_id_of(id, s->spec, trigger, cf->held, cf->n);
                ledger_put_take(
                        &s->decisions.gather, s->spaces[LEDGER_INTENT], id,
                        ledger_firing_text(s->spec, trigger, now, cf->held, cf->n, true, NULL));
                struct firing *f = firing_new(s, cf->trigger, id, now, TAKE(cf->held), cf->n);
                cf->n = 0;
                lane_add_firing(&s->decisions, f);
                ids[i] = f->id;
        }
}

static void count(struct sensor *s)
{
        bool related = false, passed = false, failed = false;
        for (size_t i = 0; i < s->spec->dependencies.n; i++) {
                related |= s->output.verdicts[i] != DEP_UNRELATED;
                passed |= s->output.verdicts[i] == DEP_PASS;
                failed |= s->output.verdicts[i] == DEP_ERROR;
        }
        metric_add(!related ? s->m_unrelated
                   : failed ? s->m_errors
                   : passed ? s->m_fired
                            : s->m_rejected,
                   1);
}

/* A poisoned message: recorded, passed over, never in the way of others. */
static void record_unreadable(struct sensor *s, const struct bus_msg *msg, const struct err *e)
{
        log_error(s->log, "event cannot be read", F_STR("event", msg->id), F_UINT("pos", msg->pos),
                  F_ERR(e));
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_addf(&b, "{\"pos\":%llu,\"error\":", (unsigned long long)msg->pos);
        json_put_string(&b, err_msg(e), strlen(err_msg(e)));
        buf_addc(&b, '}');
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_TRACE], msg->id, buf_take(&b));
}

void sensor_decide(struct sensor *s, struct bus_msg *msg, struct sensor_event *read,
                   struct judgement *judged)
{
        ERR_SLOT(e);
        AUTO(sensor_event_unref)
        struct sensor_event *ev = read ? sensor_event_ref(read) : NULL;
        if (!ev && sensor_event_new(&ev, msg, &e) < 0) {
                record_unreadable(s, msg, &e);
                err_clear(&e);
                return;
        }
        core_output_reset(&s->output, s->core);
        if (judged && read)
                sensor_core_decide(s->core, ev, judged, &s->output);
        else
                sensor_core_event(s->core, ev, &s->output);
        const char **ids = mem_calloc(s->output.n_firings, sizeof(*ids));
        put_holds(s);
        put_firings(s, ids);
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_TRACE], ev->ce.id,
                        ledger_trace_text(s->core, ev, &s->output, ids));
        count(s);
        free(ids);
}

void sensor_forget_before(struct sensor *s, size_t trigger, struct wall before)
{
        core_output_reset(&s->output, s->core);
        sensor_core_forget_before(s->core, trigger, before, &s->output);
        put_holds(s);
}

/* An event that waits for its script may become a few firings. */
static size_t pressure(const struct sensor *s)
{
        return s->n_firings + 4 * s->eval.waiting;
}

static void mind_pressure(struct sensor *s)
{
        if (!s->paused && pressure(s) >= FIRINGS_HIGH) {
                s->paused = true;
                bus_consumer_pause(s->consumer);
        }
}

void sensor_decided(struct sensor *s, uint64_t pos)
{
        s->decisions.gather_pos = pos;
        lane_commit(&s->decisions);
        mind_pressure(s);
        sensor_relieve_pressure(s);
}

void sensor_on_messages(void *arg, struct bus_msg *const *msgs, size_t n)
{
        struct sensor *s = arg;
        if (s->closing)
                return;
        if (s->slow) {
                eval_messages(s, msgs, n);
                mind_pressure(s);
                return;
        }
        for (size_t i = 0; i < n; i++)
                sensor_decide(s, msgs[i], NULL, NULL);
        sensor_decided(s, msgs[n - 1]->pos);
}

void sensor_relieve_pressure(struct sensor *s)
{
        if (s->paused && pressure(s) <= FIRINGS_LOW && !s->closing) {
                s->paused = false;
                bus_consumer_resume(s->consumer);
        }
}

/* ---- start-up ---- */

static bool restore_hold(void *arg, const char *key, const char *value, size_t len)
{
        struct sensor *s = arg;
        ERR_SLOT(e);
        AUTO(sensor_event_unref) struct sensor_event *ev = NULL;
        const char *slash = strrchr(key, '/');
        if (!slash || ledger_read_event(&ev, value, len, &e) < 0) {
                log_error(s->log, "held event cannot be read", F_STR("key", key), F_ERR(&e));
                err_clear(&e);
                return true;
        }
        AUTO(mem_free) char *trigger = mem_strndup(key, (size_t)(slash - key));
        sensor_core_restore(s->core, trigger, slash + 1, ev);
        return true;
}

static size_t find_trigger(const struct sensor_spec *spec, const char *name)
{
        size_t t = 0;
        while (t < spec->n_all && !streq(sensor_trigger(spec, t)->key, name))
                t++;
        return t;
}

static size_t find_dep(const struct sensor_spec *spec, const char *name)
{
        size_t i = 0;
        while (i < spec->dependencies.n && !streq(spec->dep_names[i], name))
                i++;
        return i;
}

static void bury_orphan(struct sensor *s, const char *id, const char *value, size_t len,
                        const char *trigger)
{
        log_warn(s->log, "firing of a trigger that is gone; now a dead letter",
                 F_STR("trigger", trigger), F_STR("firing", id));
        AUTO(mem_free) char *text = mem_strndup(value, len);
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_DEAD], id, TAKE(text));
        ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_INTENT], id, NULL);
        s->dead++;
}

static bool restore_firing(void *arg, const char *id, const char *value, size_t len)
{
        struct sensor *s = arg;
        ERR_SLOT(e);
        struct ledger_firing lf;
        if (strlen(id) != FIRING_ID_LEN || ledger_read_firing(&lf, value, len, &e) < 0) {
                log_error(s->log, "firing cannot be read", F_STR("firing", id), F_ERR(&e));
                err_clear(&e);
                return true;
        }
        size_t t = find_trigger(s->spec, lf.trigger);
        struct core_held *held = mem_calloc(lf.n, sizeof(*held));
        bool complete = t < s->spec->n_all;
        size_t n = 0;
        for (size_t i = 0; i < lf.n; i++) {
                size_t dep = find_dep(s->spec, lf.events[i].dependency);
                complete &= dep < s->spec->dependencies.n;
                if (complete)
                        held[n++] = (struct core_held){dep, sensor_event_ref(lf.events[i].event)};
        }
        if (complete) {
                struct firing *f = firing_new(s, t, id, lf.created, TAKE(held), n);
                lane_add_firing(&s->decisions, f);
        } else {
                for (size_t i = 0; i < n; i++)
                        sensor_event_unref(held[i].event);
                bury_orphan(s, id, value, len, lf.trigger);
        }
        free(held);
        ledger_firing_deinit(&lf);
        return true;
}

int sensor_revive(struct sensor *s, const char *firing_id, const char *text, struct err *e)
{
        size_t born = s->decisions.n_born;
        restore_firing(s, firing_id, text, strlen(text));
        if (s->decisions.n_born == born)
                return err_set(e, ERR_INVALID, "firing %s: its trigger or a dependency is gone",
                               firing_id);
        lane_commit(&s->decisions);
        return 0;
}

struct expr_check {
        struct sensor *s;
        bool *known; /* per trigger: the stored condition is the present one */
};

static bool check_expr(void *arg, const char *key, const char *value, size_t len)
{
        struct expr_check *c = arg;
        size_t t = find_trigger(c->s->spec, key);
        if (t < c->s->spec->triggers.n)
                c->known[t] = str_eq((struct str){value, len},
                                     condition_text(sensor_trigger(c->s->spec, t)->conditions));
        return true;
}

/* A changed condition starts from nothing, as upstream: what was held for the old one is dropped.
 */
static int drop_stale_holds(struct sensor *s, struct err *e)
{
        size_t n = s->spec->triggers.n;
        AUTO(mem_free) bool *known = mem_calloc(n, sizeof(*known));
        struct expr_check check = {s, known};
        if (bus_state_each(s->owner->o.bus, s->spaces[LEDGER_EXPR], "", check_expr, &check, e) < 0)
                return -1;
        for (size_t t = 0; t < n; t++) {
                if (known[t])
                        continue;
                const struct trigger_spec *spec = sensor_trigger(s->spec, t);
                core_output_reset(&s->output, s->core);
                sensor_core_forget(s->core, t, &s->output);
                put_holds(s);
                ledger_put_take(&s->decisions.gather, s->spaces[LEDGER_EXPR], spec->name,
                                mem_strdup(condition_text(spec->conditions)));
        }
        return 0;
}

static bool count_dead(void *arg, const char *key UNUSED, const char *value UNUSED,
                       size_t len UNUSED)
{
        ((struct sensor *)arg)->dead++;
        return true;
}

int sensor_load_state(struct sensor *s, struct err *e)
{
        struct bus *bus = s->owner->o.bus;
        if (bus_state_each(bus, s->spaces[LEDGER_HOLD], "", restore_hold, s, e) < 0 ||
            drop_stale_holds(s, e) < 0 ||
            bus_state_each(bus, s->spaces[LEDGER_INTENT], "", restore_firing, s, e) < 0 ||
            bus_state_each(bus, s->spaces[LEDGER_DEAD], "", count_dead, s, e) < 0)
                return err_wrap(e, "reading the sensor's state");
        metric_set(s->m_dead, (int64_t)s->dead);
        for (size_t i = 0; i < s->decisions.n_born; i++)
                firing_enqueue(s->decisions.born[i]);
        s->decisions.n_born = 0;
        lane_commit(&s->decisions);
        return 0;
}
