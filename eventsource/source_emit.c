/* eventsource/source_emit.c: from a driver's payload to the bus and back.
 *
 * This is the hot path: no tree, one reused envelope buffer, one allocation for the message
 * (bus_msg_new), filters compiled before and evaluated in a reused arena, recycled records, no log
 * line, metrics through cached series. When the bus refuses, everybody is paused for a moment that
 * doubles up to a second, so that a full disk does not keep the committer busy with failing
 * transactions. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/net/cloudevent.h"
#include "eventsource/source_priv.h"
#include <stdlib.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000, SPARE_MAX = 1024, FILTER_MEMORY = 16 << 20 };

struct source_emission {
        struct source_emission *next; /* of the spare ones */
        struct source *s;
        unsigned run;
        struct bus_msg *msg;
        source_done_fn *done;
        void *arg;
        struct mono began;
        struct loop_task answer; /* of what the filter dropped */
};

static struct source_emission *take_record(struct eventsources *es)
{
        struct source_emission *em = es->spare;
        if (!em)
                return NEW(struct source_emission);
        es->spare = em->next;
        return em;
}

static void give_record(struct eventsources *es, struct source_emission *em)
{
        if (!es) {
                free(em);
                return;
        }
        em->next = es->spare;
        es->spare = em;
        es->outstanding--;
}

static void put_envelope(struct buf *out, const struct source *s, const struct source_event *ev,
                         const char *id, struct wall now)
{
        struct cloudevent ce = {.id = id,
                                .source = s->name,
                                .type = s->driver->ce_type ? s->driver->ce_type : s->driver->type,
                                .subject = s->event,
                                .time = now,
                                .data = ev->data};
        for (const struct source_ext *x = ev->ext; x && x->name && ce.n_ext < ARRAY_LEN(ce.ext);
             x++) {
                ce.ext[ce.n_ext].name = x->name;
                ce.ext[ce.n_ext++].value = x->value;
        }
        cloudevent_put(out, &ce);
}

static struct bus_msg *make_message(struct source *s, const struct source_event *ev)
{
        struct buf *b = &s->es->envelope;
        struct wall now = loop_wall(s->es->opt.loop);
        char fresh[33];
        const char *id = ev->id;
        if (!id) {
                event_id_new(now, fresh);
                id = fresh;
        }
        buf_reset(b);
        put_envelope(b, s, ev, id, now);
        bool dedup = ev->id && ev->dedup;
        struct bus_msg *m = bus_msg_new(s->subject, id, b->data, b->len, now, dedup);
        if (dedup) {
                struct str same = ev->same.p ? ev->same : ev->data;
                m->fingerprint = fnv1a64(same.p, same.n) | 1; /* 0 means: not set */
        }
        if (b->cap > 1 << 20)
                buf_deinit(b);
        return m;
}

/* ---- the answer ---- */

static void resume(void *arg)
{
        struct eventsources *es = arg;
        es->paused = false;
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        source_pause(slot->running, false);
}

void eventsources_emit_init(struct eventsources *es)
{
        buf_init(&es->envelope, BUF_UNBOUNDED);
        arena_init(&es->scratch, FILTER_MEMORY);
        timer_init(&es->resume, resume, es);
}

static void pause_all(struct eventsources *es)
{
        if (es->paused)
                return;
        es->paused = true;
        es->pause_ms = es->pause_ms ? es->pause_ms * 2 : PAUSE_FIRST_MS;
        if (es->pause_ms > PAUSE_MAX_MS)
                es->pause_ms = PAUSE_MAX_MS;
        timer_after_ms(es->opt.loop, &es->resume, es->pause_ms);
        for (struct es_object *o = es->objects; o; o = o->hh.next)
                for (struct es_slot *slot = o->slots; slot; slot = slot->link)
                        source_pause(slot->running, true);
}

static void count(struct source *s, struct source_emission *em, enum bus_outcome outcome,
                  const struct err *e)
{
        if (e) {
                metric_add(s->metric.failed, 1);
                metric_add(s->metric.bad, 1);
                log_warn(s->log, "the bus did not take an event", F_ERR(e));
                return;
        }
        metric_add(outcome == BUS_STORED ? s->metric.sent : s->metric.duplicate, 1);
        if (s->es) {
                int64_t ms = (loop_now(s->es->opt.loop).ns - em->began.ns) / NS_PER_MS;
                metric_observe(s->metric.duration, (double)ms);
        }
}

static void ended(struct source_emission *em, const char *id, const struct err *e)
{
        struct source *s = em->s;
        if (em->run == s->run || s->driver->done_after_stop)
                em->done(em->arg, id, e);
        struct eventsources *es = s->es; /* done may have freed the runtime */
        if (em->msg)
                bus_msg_unref(em->msg);
        source_emission_ended(s);
        give_record(es, em);
        if (es)
                eventsources_check_drained(es);
}

static void on_appended(void *arg, enum bus_outcome outcome, uint64_t pos UNUSED,
                        const struct err *e)
{
        struct source_emission *em = arg;
        struct source *s = em->s;
        struct eventsources *es = s->es;
        ERR_SLOT(conflict);
        count(s, em, outcome, e);
        if (!e && outcome == BUS_CONFLICT) {
                err_set(&conflict, ERR_CONFLICT,
                        "event id %s was used before by an event with other content", em->msg->id);
                log_warn(s->log, "an event id came twice with different content",
                         F_STR("id", em->msg->id));
                e = &conflict;
        } else if (es && !e) {
                es->pause_ms = 0;
        } else if (es && e->code != ERR_INVALID) {
                pause_all(es);
        }
        ended(em, em->msg->id, e);
        err_clear(&conflict);
}

/* ---- filters ---- */

static bool passes(struct source *s, const struct source_event *ev)
{
        struct eventsources *es = s->es;
        ERR_SLOT(why);
        bool pass = source_filter_passes(s->filter, ev->data, loop_clock(es->opt.loop),
                                         &es->scratch, &why);
        arena_reset(&es->scratch);
        if (!pass) {
                metric_add(s->metric.filtered, 1);
                if (why.code)
                        log_debug(s->log, "an event was dropped: its filter fails", F_ERR(&why));
        }
        err_clear(&why);
        return pass;
}

static void on_dropped(void *arg)
{
        ended(arg, NULL, NULL);
}

void source_emit(struct source *s, const struct source_event *ev, source_done_fn *done, void *arg)
{
        struct eventsources *es = s->es;
        struct source_emission *em = take_record(es);
        bool pass = !s->filter || passes(s, ev);
        *em = (struct source_emission){.s = s,
                                       .run = s->run,
                                       .msg = pass ? make_message(s, ev) : NULL,
                                       .done = done,
                                       .arg = arg,
                                       .began = loop_now(es->opt.loop)};
        s->n_emits++;
        es->outstanding++;
        if (pass) {
                bus_append(es->opt.bus, em->msg, on_appended, em);
        } else {
                task_init(&em->answer, on_dropped, em);
                loop_defer(es->opt.loop, &em->answer);
        }
}

void eventsources_emit_deinit(struct eventsources *es)
{
        timer_cancel(es->opt.loop, &es->resume);
        buf_deinit(&es->envelope);
        arena_deinit(&es->scratch);
        while (es->spare) {
                struct source_emission *em = es->spare;
                es->spare = em->next;
                free(em);
        }
}
