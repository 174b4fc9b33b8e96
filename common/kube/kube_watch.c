/* common/kube/kube_watch.c: a watch: bytes are kept as they come and become events at the end of
 * the turn, outside of the HTTP client's callback, so that a handler may cancel the watch, or do
 * anything else. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/kube/kube_priv.h"
#include "common/kube/kube_stream.h"
#include <stdio.h>
#include <stdlib.h>

enum {
        /* The server sends a bookmark every minute or so; more than two missed and the connection
           is taken for dead. */
        IDLE_MS = 130 * 1000,
        TIMEOUT_S = 240, /* the server closes watches at random after 30 min and more; with ours the
                            load spreads */
        TIMEOUT_JITTER_S = 120,
};

struct kube_watch {
        struct loop *loop;
        struct kube_call *call; /* NULL when it is over */
        struct kube_stream stream;
        struct loop_task deliver;
        struct kube_watch_handlers handlers;
        void *arg;
        struct kube_target target; /* for the words; texts owned */
        struct err result;
        bool ended, overflow;     /* no more bytes will come */
        bool handling, cancelled; /* inside a handler; cancelled meanwhile */
};

static void watch_free(struct kube_watch *w)
{
        kube_call_cancel(w->call);
        loop_undefer(w->loop, &w->deliver);
        kube_stream_deinit(&w->stream);
        err_clear(&w->result);
        mem_free((void *)w->target.group);
        mem_free((void *)w->target.plural);
        mem_free((void *)w->target.ns);
        free(w);
}

void kube_watch_cancel(struct kube_watch *w)
{
        if (w && w->handling)
                w->cancelled = true;
        else if (w)
                watch_free(w);
}

static void end(struct kube_watch *w)
{
        w->handling = true; /* a cancel from the handler has nothing left to do */
        w->handlers.end(w->arg, err_is_set(&w->result) ? &w->result : NULL);
        watch_free(w);
}

/* 1 go on, 0 no more for now, -1 the watch is over and `result` says why. */
static int deliver_one(struct kube_watch *w)
{
        struct kube_event ev = {0};
        struct err e = {0};
        int r = kube_stream_next(&w->stream, &ev, &e);
        if (r == 1 && ev.type == KUBE_ERROR) {
                struct kube_question q = {KUBE_WATCH, &w->target, NULL};
                kube_event_err(&q, ev.object, &e);
                r = -1;
        }
        if (r == 1)
                w->handlers.event(w->arg, ev.type, ev.object);
        kube_event_deinit(&ev);
        if (r < 0) {
                err_clear(&w->result);
                err_move(&w->result, &e);
        }
        return r;
}

static void on_deliver(void *arg)
{
        struct kube_watch *w = arg;
        int r = 1;
        w->handling = true;
        while (r == 1 && !w->cancelled)
                r = deliver_one(w);
        w->handling = false;
        if (w->cancelled)
                watch_free(w);
        else if (r < 0 || w->ended)
                end(w);
}

static bool on_data(void *arg, const void *data, size_t n)
{
        struct kube_watch *w = arg;
        loop_defer(w->loop, &w->deliver);
        w->overflow = !kube_stream_add(&w->stream, data, n);
        return !w->overflow;
}

static void on_over(void *arg, json_t *answer UNUSED, const struct err *e)
{
        struct kube_watch *w = arg;
        w->call = NULL;
        w->ended = true;
        if (w->overflow)
                err_set(&w->result, ERR_LIMIT, "watch %s: more came at once than is taken",
                        w->target.plural);
        else if (e)
                err_copy(&w->result, e);
        loop_defer(w->loop, &w->deliver);
}

struct kube_watch *kube_watch(struct kube_client *c, const struct kube_target *t,
                              const struct kube_list_opts *o, const char *resource_version,
                              const struct kube_watch_handlers *h, void *arg)
{
        struct kube_watch *w = NEW(struct kube_watch);
        w->loop = kube_client_loop(c);
        w->handlers = *h;
        w->arg = arg;
        w->target = (struct kube_target){.group = mem_strdup(t->group),
                                         .plural = mem_strdup(t->plural),
                                         .ns = mem_strdup(t->ns)};
        kube_stream_init(&w->stream, KUBE_LINE_MAX);
        task_init(&w->deliver, on_deliver, w);
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%u",
                 TIMEOUT_S + (unsigned)(rand_u64() % TIMEOUT_JITTER_S));
        const struct kube_param query[] = {{"watch", "1"},
                                           {"allowWatchBookmarks", "true"},
                                           {"resourceVersion", resource_version},
                                           {"timeoutSeconds", seconds},
                                           {"labelSelector", o->label_selector},
                                           {"fieldSelector", o->field_selector},
                                           {NULL, NULL}};
        struct kube_request r = {.verb = KUBE_WATCH, .target = *t, .query = query};
        r.target.name = NULL;
        w->call = kube_call_stream(c, &r, on_data, IDLE_MS, on_over, w);
        return w;
}
