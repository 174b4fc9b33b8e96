/* sensor/core.c: see core.h. Redeliveries of a bus without transactions over our state, and senders
 * that repeat an id, are recognised by a window of ids (60 s of event time, 4096 ids), as upstream;
 * the durable de-duplication is the bus's. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/core.h"
#include "common/base/hash.h"
#include "common/base/str.h"
#include <stdlib.h>

enum { SEEN_SLOTS = 8192 };
#define SEEN_WINDOW_NS (60 * NS_PER_S)

struct seen {
        uint64_t id_hash;
        int64_t time_ns;
};

struct sensor_core {
        struct sensor_spec *spec;
        struct sensor_event **held; /* [trigger * n_deps + dep] */
        uint64_t *satisfied;        /* per trigger */
        struct seen *seen;          /* allocated with the first event */
        struct arena scratch;
};

int sensor_event_new(struct sensor_event **out, struct bus_msg *msg, struct err *e)
{
        AUTO(sensor_event_unref) struct sensor_event *ev = NEW(struct sensor_event);
        ev->refs = 1;
        arena_init(&ev->arena, 0);
        ev->msg = bus_msg_ref(msg);
        if (cloudevent_parse(&ev->ce, msg->data, msg->len, &ev->arena, e) < 0)
                return err_wrap(e, "event %s", msg->id);
        *out = TAKE(ev);
        return 0;
}

struct sensor_event *sensor_event_ref(struct sensor_event *ev)
{
        ev->refs++;
        return ev;
}

struct sensor_event *sensor_event_unref(struct sensor_event *ev)
{
        if (!ev || --ev->refs > 0)
                return NULL;
        bus_msg_unref(ev->msg);
        arena_deinit(&ev->arena);
        free(ev);
        return NULL;
}

static size_t n_deps(const struct sensor_core *c)
{
        return c->spec->dependencies.n;
}

struct sensor_core *sensor_core_new(struct sensor_spec *spec)
{
        struct sensor_core *c = NEW(struct sensor_core);
        c->spec = sensor_spec_ref(spec);
        c->held = mem_calloc(spec->triggers.n * spec->dependencies.n, sizeof(*c->held));
        c->satisfied = mem_calloc(spec->triggers.n, sizeof(*c->satisfied));
        arena_init(&c->scratch, 4u << 20);
        return c;
}

struct sensor_core *sensor_core_free(struct sensor_core *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->spec->triggers.n * n_deps(c); i++)
                sensor_event_unref(c->held[i]);
        free(c->held);
        free(c->satisfied);
        free(c->seen);
        arena_deinit(&c->scratch);
        sensor_spec_unref(c->spec);
        free(c);
        return NULL;
}

void core_output_init(struct core_output *o, const struct sensor_core *c)
{
        *o = (struct core_output){0};
        o->verdicts = mem_calloc(n_deps(c), sizeof(*o->verdicts));
        o->why = mem_calloc(n_deps(c), sizeof(*o->why));
}

void core_output_reset(struct core_output *o, const struct sensor_core *c)
{
        for (size_t i = 0; i < n_deps(c); i++) {
                free(o->why[i]);
                o->why[i] = NULL;
                o->verdicts[i] = DEP_UNRELATED;
        }
        for (size_t i = 0; i < o->n_firings; i++) {
                for (size_t k = 0; k < o->firings[i].n; k++)
                        sensor_event_unref(o->firings[i].held[k].event);
                free(o->firings[i].held);
        }
        for (size_t i = 0; i < o->n_holds; i++)
                sensor_event_unref(o->holds[i].event);
        o->n_firings = o->n_holds = 0;
        o->duplicate = false;
}

void core_output_deinit(struct core_output *o, const struct sensor_core *c)
{
        core_output_reset(o, c);
        free(o->verdicts);
        free(o->why);
        free(o->firings);
        free(o->holds);
}

static bool seen_before(struct sensor_core *c, const struct sensor_event *ev)
{
        if (!c->seen)
                c->seen = mem_calloc(SEEN_SLOTS, sizeof(*c->seen));
        uint64_t h = fnv1a64(ev->ce.id, strlen(ev->ce.id)) ^
                     fnv1a64(ev->msg->subject, strlen(ev->msg->subject)) * 31;
        struct seen *s = &c->seen[h % SEEN_SLOTS];
        bool known = s->id_hash == h && ev->msg->time.ns - s->time_ns <= SEEN_WINDOW_NS &&
                     s->time_ns != 0;
        if (!known)
                *s = (struct seen){h, ev->msg->time.ns ? ev->msg->time.ns : 1};
        return known;
}

static void hold(struct sensor_core *c, size_t trigger, size_t dep, struct sensor_event *ev,
                 struct core_output *out)
{
        struct sensor_event **slot = &c->held[trigger * n_deps(c) + dep];
        sensor_event_unref(*slot);
        *slot = ev ? sensor_event_ref(ev) : NULL;
        uint64_t bit = UINT64_C(1) << dep;
        c->satisfied[trigger] = ev ? c->satisfied[trigger] | bit : c->satisfied[trigger] & ~bit;
        if (!out)
                return;
        for (size_t i = 0; i < out->n_holds; i++) /* the last change of a slot counts */
                if (out->holds[i].trigger == trigger && out->holds[i].dep == dep) {
                        sensor_event_unref(out->holds[i].event);
                        out->holds[i].event = ev ? sensor_event_ref(ev) : NULL;
                        return;
                }
        mem_grow(out->holds, out->holds_cap, out->n_holds + 1);
        out->holds[out->n_holds++] =
                (struct core_hold){trigger, dep, ev ? sensor_event_ref(ev) : NULL};
}

static struct core_firing *add_firing(struct core_output *out, size_t trigger, size_t room)
{
        mem_grow(out->firings, out->firings_cap, out->n_firings + 1);
        struct core_firing *f = &out->firings[out->n_firings++];
        *f = (struct core_firing){.trigger = trigger, .held = mem_calloc(room, sizeof(*f->held))};
        return f;
}

static void satisfy(struct sensor_core *c, size_t trigger, size_t dep, struct sensor_event *ev,
                    struct core_output *out)
{
        const struct condition *cond = sensor_trigger(c->spec, trigger)->conditions;
        if (condition_simple(cond)) {
                struct core_firing *f = add_firing(out, trigger, 1);
                f->held[f->n++] = (struct core_held){dep, sensor_event_ref(ev)};
                return;
        }
        hold(c, trigger, dep, ev, out);
        if (!condition_holds(cond, c->satisfied[trigger]))
                return;
        struct core_firing *f = add_firing(out, trigger, n_deps(c));
        for (size_t i = 0; i < n_deps(c); i++) {
                struct sensor_event *held = c->held[trigger * n_deps(c) + i];
                if (held)
                        f->held[f->n++] = (struct core_held){i, sensor_event_ref(held)};
        }
        sensor_core_forget(c, trigger, out);
}

static void judge(struct sensor_core *c, struct sensor_event *ev, struct core_output *out)
{
        struct buf why = BUF_INIT(1024);
        for (size_t i = 0; i < n_deps(c); i++) {
                const struct dependency_spec *dep = sensor_dep(c->spec, i);
                if (!streq(dep->event_source, ev->ce.source) || !streq(dep->event, ev->ce.subject))
                        continue;
                buf_reset(&why);
                arena_reset(&c->scratch);
                enum filter_verdict v = filter_check(dep->filter, &ev->ce, &c->scratch, &why);
                out->verdicts[i] = v == FILTER_PASS     ? DEP_PASS
                                   : v == FILTER_REJECT ? DEP_REJECT
                                                        : DEP_ERROR;
                if (v != FILTER_PASS)
                        out->why[i] = mem_strdup(buf_str(&why));
        }
        buf_deinit(&why);
}

void sensor_core_event(struct sensor_core *c, struct sensor_event *ev, struct core_output *out)
{
        if (seen_before(c, ev)) {
                out->duplicate = true;
                return;
        }
        judge(c, ev, out);
        for (size_t t = 0; t < c->spec->triggers.n; t++) {
                uint64_t uses = condition_uses(sensor_trigger(c->spec, t)->conditions);
                for (size_t i = 0; i < n_deps(c); i++)
                        if ((uses >> i & 1) && out->verdicts[i] == DEP_PASS)
                                satisfy(c, t, i, ev, out);
        }
}

void sensor_core_restore(struct sensor_core *c, const char *trigger, const char *dep,
                         struct sensor_event *ev)
{
        for (size_t t = 0; t < c->spec->triggers.n; t++) {
                const struct trigger_spec *spec = sensor_trigger(c->spec, t);
                for (size_t i = 0; streq(spec->name, trigger) && i < n_deps(c); i++)
                        if (streq(sensor_dep(c->spec, i)->name, dep) &&
                            (condition_uses(spec->conditions) >> i & 1))
                                hold(c, t, i, ev, NULL);
        }
}

void sensor_core_forget(struct sensor_core *c, size_t trigger, struct core_output *out)
{
        for (size_t i = 0; i < n_deps(c); i++)
                if (c->held[trigger * n_deps(c) + i])
                        hold(c, trigger, i, NULL, out);
}

const struct sensor_event *sensor_core_held(const struct sensor_core *c, size_t trigger, size_t dep)
{
        return c->held[trigger * n_deps(c) + dep];
}

struct sensor_spec *sensor_core_spec(const struct sensor_core *c)
{
        return c->spec;
}

uint64_t sensor_core_satisfied(const struct sensor_core *c, size_t trigger)
{
        return c->satisfied[trigger];
}
