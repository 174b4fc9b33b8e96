/* sensor/core.c: see core.h. Redeliveries of a bus without transactions over our state, and senders
 * that repeat an id, are recognised by a window of ids (60 s of event time, 4096 ids), as upstream;
 * the durable de-duplication is the bus's. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/core.h"
#include "common/base/hash.h"
#include "common/base/str.h"
#include "common/lang/limits.h"
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
        struct judgement *judged;   /* room for one event */
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

int sensor_event_with(struct sensor_event **out, const struct sensor_event *ev, const char *data,
                      struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(BUF_UNBOUNDED);
        struct cloudevent ce = ev->ce;
        ce.data = str_of(data);
        ce.datacontenttype = "application/json";
        cloudevent_put(&text, &ce);
        struct bus_msg *msg = bus_msg_new(ev->msg->subject, ev->msg->id, buf_str(&text), text.len,
                                          ev->msg->time, false);
        msg->pos = ev->msg->pos;
        int rc = sensor_event_new(out, msg, e);
        bus_msg_unref(msg);
        return rc;
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
        c->judged = mem_calloc(spec->dependencies.n, sizeof(*c->judged));
        arena_init(&c->scratch, LANG_MEMORY);
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
        free(c->judged);
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

static void transform(const struct transform *t, struct cloudevent *ce, struct arena *a,
                      struct judgement *j)
{
        ERR_SLOT(e);
        struct str data;
        if (transform_apply(t, ce, a, &data, &e) < 0) {
                j->verdict = DEP_ERROR;
                j->why = mem_strdup(err_msg(&e));
                err_clear(&e);
        } else if (data.p) {
                j->data = mem_strndup(data.p, data.n);
                ce->data = (struct str){j->data, data.n};
                ce->datacontenttype = "application/json";
        }
}

static void judge(const struct dependency_spec *dep, const struct cloudevent *event,
                  struct arena *a, struct judgement *j)
{
        AUTO_BUF struct buf why = BUF_INIT(1024);
        struct cloudevent ce = *event;
        j->verdict = DEP_PASS;
        if (dep->transform)
                transform(dep->transform, &ce, a, j);
        if (j->verdict == DEP_ERROR)
                return;
        enum filter_verdict v = filter_check(dep->filter, &ce, a, &why);
        j->verdict = v == FILTER_PASS ? DEP_PASS : v == FILTER_REJECT ? DEP_REJECT : DEP_ERROR;
        if (v != FILTER_PASS)
                j->why = mem_strdup(buf_str(&why));
}

void sensor_judge(const struct sensor_spec *spec, const struct sensor_event *ev,
                  struct arena *scratch, struct judgement *out)
{
        for (size_t i = 0; i < spec->dependencies.n; i++) {
                const struct dependency_spec *dep = sensor_dep(spec, i);
                out[i] = (struct judgement){.verdict = DEP_UNRELATED};
                if (!streq(dep->event_source, ev->ce.source) || !streq(dep->event, ev->ce.subject))
                        continue;
                arena_reset(scratch);
                judge(dep, &ev->ce, scratch, &out[i]);
        }
}

void judgements_free(struct judgement *j, size_t n)
{
        for (size_t i = 0; j && i < n; i++) {
                free(j[i].why);
                free(j[i].data);
        }
        free(j);
}

bool sensor_judge_is_slow(const struct sensor_spec *spec)
{
        for (size_t i = 0; i < spec->dependencies.n; i++)
                if (sensor_dep(spec, i)->transform || filter_is_slow(sensor_dep(spec, i)->filter))
                        return true;
        return false;
}

/* The event as this dependency sees it; NULL: it does not count after all. */
static struct sensor_event *seen_by(struct sensor_event *ev, struct judgement *j, char **why)
{
        ERR_SLOT(e);
        struct sensor_event *own = NULL;
        if (!j->data)
                return sensor_event_ref(ev);
        if (sensor_event_with(&own, ev, j->data, &e) < 0) {
                *why = mem_strdup(err_msg(&e));
                err_clear(&e);
        }
        return own;
}

void sensor_core_decide(struct sensor_core *c, struct sensor_event *ev, struct judgement *judged,
                        struct core_output *out)
{
        struct sensor_event *own[CONDITION_DEPS_MAX] = {NULL};
        if (seen_before(c, ev)) {
                out->duplicate = true;
                return;
        }
        for (size_t i = 0; i < n_deps(c); i++) {
                out->verdicts[i] = judged[i].verdict;
                out->why[i] = TAKE(judged[i].why);
                if (judged[i].verdict != DEP_PASS)
                        continue;
                own[i] = seen_by(ev, &judged[i], &out->why[i]);
                if (!own[i])
                        out->verdicts[i] = DEP_ERROR;
        }
        for (size_t t = 0; t < c->spec->triggers.n; t++) {
                uint64_t uses = condition_uses(sensor_trigger(c->spec, t)->conditions);
                for (size_t i = 0; i < n_deps(c); i++)
                        if ((uses >> i & 1) && own[i])
                                satisfy(c, t, i, own[i], out);
        }
        for (size_t i = 0; i < n_deps(c); i++)
                sensor_event_unref(own[i]);
}

void sensor_core_event(struct sensor_core *c, struct sensor_event *ev, struct core_output *out)
{
        sensor_judge(c->spec, ev, &c->scratch, c->judged);
        sensor_core_decide(c, ev, c->judged, out);
        for (size_t i = 0; i < n_deps(c); i++) {
                free(c->judged[i].why);
                free(c->judged[i].data);
                c->judged[i] = (struct judgement){0};
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

void sensor_core_forget_before(struct sensor_core *c, size_t trigger, struct wall before,
                               struct core_output *out)
{
        for (size_t i = 0; i < n_deps(c); i++) {
                const struct sensor_event *held = c->held[trigger * n_deps(c) + i];
                if (held && held->msg->time.ns < before.ns)
                        hold(c, trigger, i, NULL, out);
        }
}

void sensor_core_forget(struct sensor_core *c, size_t trigger, struct core_output *out)
{
        sensor_core_forget_before(c, trigger, (struct wall){INT64_MAX}, out);
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
