/* common/base/loop.h: one event loop per thread, on libevent.
 *
 * A turn: due timers, then ready sockets, then deferred tasks. Whoever wants to act once for
 * everything that happened in a turn (group commit, batching) defers a task. Timers run on the
 * loop's clock, so a fake clock makes time-outs testable: advance it and call loop_run_ready().
 * Threads: everything here belongs to the loop's own thread. Other threads talk through a mailbox.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include <event2/event.h>
#include <stdbool.h>

struct loop;
int loop_new(struct loop **out, struct clock *clock, struct err *e) MUST_CHECK;
struct loop *loop_free(struct loop *l);
AUTO_DEFINE(loop_free, struct loop *);
void loop_run(struct loop *l);       /* until loop_stop() */
void loop_stop(struct loop *l);      /* from a callback of this loop */
void loop_run_ready(struct loop *l); /* everything that can run now, without blocking: for tests */
/* Run until *done is true or `timeout_ms` of real time went by; true when done: for tests and
 * one-shot commands. */
bool loop_run_until(struct loop *l, const bool *done, int64_t timeout_ms);
struct event_base *loop_base(struct loop *l);
struct clock *loop_clock(struct loop *l);
static inline struct mono loop_now(struct loop *l)
{
        return clock_mono(loop_clock(l));
}
static inline struct wall loop_wall(struct loop *l)
{
        return clock_wall(loop_clock(l));
}

typedef void loop_fn(void *arg);

struct loop_timer { /* embed it; zero-initialise with timer_init */
        loop_fn *fn;
        void *arg;
        struct mono at;
        size_t slot; /* place in the heap + 1; 0 = not armed */
};
void timer_init(struct loop_timer *t, loop_fn *fn, void *arg);
void timer_set(struct loop *l, struct loop_timer *t, struct mono at); /* re-arms when armed */
void timer_after_ms(struct loop *l, struct loop_timer *t, int64_t ms);
void timer_cancel(struct loop *l, struct loop_timer *t);
static inline bool timer_armed(const struct loop_timer *t)
{
        return t->slot != 0;
}

struct loop_task { /* embed it; runs once at the end of this turn however often it was deferred */
        loop_fn *fn;
        void *arg;
        struct loop_task *next;
        bool queued;
};
void task_init(struct loop_task *t, loop_fn *fn, void *arg);
void loop_defer(struct loop *l, struct loop_task *t);
void loop_undefer(struct loop *l, struct loop_task *t);

/* Mailbox: other threads post mails, the loop drains the whole list at once. */
struct mail {
        struct mail *next;
        void (*deliver)(struct mail *m); /* on the loop's thread; owns m from then on */
};
struct mailbox;
int mailbox_new(struct mailbox **out, struct loop *l, struct err *e) MUST_CHECK;
struct mailbox *mailbox_free(struct mailbox *mb); /* delivers what is left first */
AUTO_DEFINE(mailbox_free, struct mailbox *);
void mailbox_post(struct mailbox *mb, struct mail *m); /* any thread; in order per thread */
void mailbox_post_list(struct mailbox *mb, struct mail *first, struct mail *last);

/* Worker pool for blocking work (files, archives): fn runs on a worker thread, then done on the
 * loop. */
struct pool;
int pool_new(struct pool **out, struct loop *l, int threads, struct err *e) MUST_CHECK;
struct pool *pool_free(struct pool *p); /* waits for running jobs; jobs not begun are run too */
AUTO_DEFINE(pool_free, struct pool *);
void pool_run(struct pool *p, loop_fn *fn, loop_fn *done, void *arg);
