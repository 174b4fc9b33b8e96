/* sensor/eval.c: events of sensors with scripts, judged on the worker pool.
 *
 * A script may take half a second; the loop must not. Messages of such a sensor go through one
 * queue, a few at a time, so that they are decided in the order in which they came. What is under
 * way when the sensor stops is dropped when it returns: its position was never committed, so the
 * bus gives it again. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_priv.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 };

struct eval_item {
        struct bus_msg *msg;
        struct sensor_event *event; /* NULL: cannot be read */
        struct judgement *judged;   /* one per dependency */
};
struct eval_batch {
        struct sensor *sensor; /* NULL: it has stopped */
        struct sensor_spec *spec;
        atomic_bool dropped;
        size_t n;
        struct eval_item items[BATCH];
        struct eval_batch *next;
};

static void batch_free(struct eval_batch *b)
{
        for (size_t i = 0; i < b->n; i++) {
                judgements_free(b->items[i].judged, b->spec->dependencies.n);
                sensor_event_unref(b->items[i].event);
                bus_msg_unref(b->items[i].msg);
        }
        sensor_spec_unref(b->spec);
        free(b);
}

/* On a worker: nothing here touches a reference count. */
static void judge_batch(void *arg)
{
        struct eval_batch *b = arg;
        struct arena scratch;
        arena_init(&scratch, LANG_MEMORY);
        for (size_t i = 0; i < b->n && !atomic_load(&b->dropped); i++)
                if (b->items[i].event)
                        sensor_judge(b->spec, b->items[i].event, &scratch, b->items[i].judged);
        arena_deinit(&scratch);
}

static void start_next(struct sensor *s);

static void on_judged(void *arg)
{
        struct eval_batch *b = arg;
        struct sensor *s = b->sensor;
        if (s) {
                s->eval.under_way = NULL;
                s->eval.waiting -= b->n;
                for (size_t i = 0; i < b->n; i++)
                        sensor_decide(s, b->items[i].msg, b->items[i].event, b->items[i].judged);
                sensor_decided(s, b->items[b->n - 1].msg->pos);
                start_next(s);
        }
        batch_free(b);
}

static void start_next(struct sensor *s)
{
        struct eval_batch *b = s->eval.first;
        if (!b || s->eval.under_way)
                return;
        s->eval.first = b->next;
        if (!s->eval.first)
                s->eval.end = &s->eval.first;
        s->eval.under_way = b;
        pool_run(s->env.pool, judge_batch, on_judged, b);
}

static void add_item(struct eval_batch *b, struct bus_msg *msg)
{
        struct eval_item *item = &b->items[b->n++];
        struct err e = {0};
        item->msg = bus_msg_ref(msg);
        item->judged = mem_calloc(b->spec->dependencies.n, sizeof(*item->judged));
        if (sensor_event_new(&item->event, msg, &e) < 0)
                err_clear(&e); /* sensor_decide meets it again and reports it */
}

void eval_messages(struct sensor *s, struct bus_msg *const *msgs, size_t n)
{
        for (size_t i = 0; i < n; i += BATCH) {
                struct eval_batch *b = NEW(struct eval_batch);
                b->sensor = s;
                b->spec = sensor_spec_ref(s->spec);
                for (size_t k = i; k < n && k < i + BATCH; k++)
                        add_item(b, msgs[k]);
                *s->eval.end = b;
                s->eval.end = &b->next;
                s->eval.waiting += b->n;
        }
        start_next(s);
}

void eval_init(struct eval_queue *q)
{
        *q = (struct eval_queue){0};
        q->end = &q->first;
}

void eval_stop(struct eval_queue *q)
{
        if (q->under_way) {
                q->under_way->sensor = NULL;
                atomic_store(&q->under_way->dropped, true);
        }
        while (q->first) {
                struct eval_batch *b = q->first;
                q->first = b->next;
                batch_free(b);
        }
        eval_init(q);
}
