/* common/base/loop.c: see loop.h. Timers stand in a binary heap over one libevent timer, so that
 * thousands of them cost one system timer and obey the loop's clock. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/loop.h"
#include "common/base/mem.h"
#include <assert.h>
#include <stdlib.h>

struct loop {
        struct event_base *base;
        struct clock *clock;
        struct event *wake; /* the earliest timer */
        struct loop_timer **heap;
        size_t n, cap;
        struct loop_task *tasks, **tasks_end;
        bool stop;
};

static void on_wake(evutil_socket_t fd UNUSED, short what UNUSED, void *arg UNUSED)
{
        /* timers run at the start of the next turn */
}

int loop_new(struct loop **out, struct clock *clock, struct err *e)
{
        struct event_config *cfg = event_config_new();
        event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
        event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
        struct event_base *base = event_base_new_with_config(cfg);
        event_config_free(cfg);
        if (!base)
                return err_set(e, ERR_INTERNAL, "cannot create an event base");
        struct loop *l = NEW(struct loop);
        l->base = base;
        l->clock = clock;
        l->tasks_end = &l->tasks;
        l->wake = event_new(base, -1, 0, on_wake, l);
        *out = l;
        return 0;
}

struct loop *loop_free(struct loop *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; i < l->n; i++)
                l->heap[i]->slot = 0;
        event_free(l->wake);
        event_base_free(l->base);
        free(l->heap);
        free(l);
        return NULL;
}

struct event_base *loop_base(struct loop *l)
{
        return l->base;
}

struct clock *loop_clock(struct loop *l)
{
        return l->clock;
}

/* ---- timers ---- */

static void heap_place(struct loop *l, size_t i, struct loop_timer *t)
{
        l->heap[i] = t;
        t->slot = i + 1;
}

static void heap_up(struct loop *l, size_t i)
{
        struct loop_timer *t = l->heap[i];
        for (; i > 0 && t->at.ns < l->heap[(i - 1) / 2]->at.ns; i = (i - 1) / 2)
                heap_place(l, i, l->heap[(i - 1) / 2]);
        heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
        struct loop_timer *t = l->heap[i];
        for (;;) {
                size_t child = 2 * i + 1;
                if (child >= l->n)
                        break;
                if (child + 1 < l->n && l->heap[child + 1]->at.ns < l->heap[child]->at.ns)
                        child++;
                if (t->at.ns <= l->heap[child]->at.ns)
                        break;
                heap_place(l, i, l->heap[child]);
                i = child;
        }
        heap_place(l, i, t);
}

void timer_init(struct loop_timer *t, loop_fn *fn, void *arg)
{
        *t = (struct loop_timer){.fn = fn, .arg = arg};
}

void timer_cancel(struct loop *l, struct loop_timer *t)
{
        if (!t->slot)
                return;
        size_t i = t->slot - 1;
        t->slot = 0;
        struct loop_timer *last = l->heap[--l->n];
        if (i == l->n)
                return;
        heap_place(l, i, last);
        heap_up(l, i);
        heap_down(l, last->slot - 1);
}

void timer_set(struct loop *l, struct loop_timer *t, struct mono at)
{
        timer_cancel(l, t);
        t->at = at;
        mem_grow(l->heap, l->cap, l->n + 1);
        heap_place(l, l->n++, t);
        heap_up(l, l->n - 1);
}

void timer_after_ms(struct loop *l, struct loop_timer *t, int64_t ms)
{
        timer_set(l, t, mono_add_ms(loop_now(l), ms));
}

static bool run_timers(struct loop *l)
{
        bool any = false;
        struct mono now = loop_now(l);
        while (l->n && l->heap[0]->at.ns <= now.ns && !l->stop) {
                struct loop_timer *t = l->heap[0];
                timer_cancel(l, t);
                t->fn(t->arg);
                any = true;
        }
        return any;
}

/* ---- deferred tasks ---- */

void task_init(struct loop_task *t, loop_fn *fn, void *arg)
{
        *t = (struct loop_task){.fn = fn, .arg = arg};
}

void loop_defer(struct loop *l, struct loop_task *t)
{
        if (t->queued)
                return;
        t->queued = true;
        t->next = NULL;
        *l->tasks_end = t;
        l->tasks_end = &t->next;
}

void loop_undefer(struct loop *l, struct loop_task *t)
{
        if (!t->queued)
                return;
        for (struct loop_task **p = &l->tasks; *p; p = &(*p)->next)
                if (*p == t) {
                        *p = t->next;
                        if (l->tasks_end == &t->next)
                                l->tasks_end = p;
                        break;
                }
        t->queued = false;
}

static bool run_tasks(struct loop *l)
{
        bool any = false;
        while (l->tasks) {
                struct loop_task *t = l->tasks;
                l->tasks = t->next;
                if (!l->tasks)
                        l->tasks_end = &l->tasks;
                t->queued = false;
                t->fn(t->arg);
                any = true;
        }
        return any;
}

/* ---- running ---- */

static void arm(struct loop *l)
{
        if (!l->n) {
                event_del(l->wake);
                return;
        }
        int64_t ns = l->heap[0]->at.ns - loop_now(l).ns;
        if (ns < 0)
                ns = 0;
        struct timeval tv = {ns / NS_PER_S, (ns % NS_PER_S + 999) / 1000};
        if (tv.tv_usec >= 1000000) {
                tv.tv_sec++;
                tv.tv_usec = 0;
        }
        event_add(l->wake, &tv);
}

static bool turn(struct loop *l, int flags)
{
        bool any = run_timers(l);
        any |= run_tasks(l);
        if (l->stop)
                return any;
        if (any)
                flags |= EVLOOP_NONBLOCK;
        if (!(flags & EVLOOP_NONBLOCK))
                arm(l);
        event_base_loop(l->base, flags | EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
        return run_tasks(l) || any;
}

void loop_run(struct loop *l)
{
        l->stop = false;
        while (!l->stop)
                turn(l, 0);
}

void loop_stop(struct loop *l)
{
        l->stop = true;
        event_base_loopbreak(l->base);
}

void loop_run_ready(struct loop *l)
{
        l->stop = false;
        while (turn(l, EVLOOP_NONBLOCK))
                ;
        turn(l, EVLOOP_NONBLOCK);
}

static void on_nudge(evutil_socket_t fd UNUSED, short what UNUSED, void *arg UNUSED)
{
}

bool loop_run_until(struct loop *l, const bool *done, int64_t timeout_ms)
{
        struct mono end = mono_add_ms(clock_mono(clock_system()), timeout_ms);
        struct event *nudge = event_new(l->base, -1, EV_PERSIST, on_nudge, NULL);
        event_add(nudge, &(struct timeval){0, 20000});
        l->stop = false;
        while (!*done && !l->stop && clock_mono(clock_system()).ns < end.ns)
                turn(l, 0);
        event_free(nudge);
        return *done;
}
