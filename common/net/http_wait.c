/* common/net/http_wait.c: see http_wait.h. Cancelling wakes the loop through an eventfd.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http_wait.h"
#include "common/base/mem.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct http_wait {
        struct loop *loop;
        struct http_client *client;
        struct http_call *call;
        const struct http_call_spec *spec; /* of the call that runs */
        void *arg;
        struct http_response answer; /* owned copy */
        char *content_type;
        struct err why;
        bool done;
        int wake;
        struct event *wakes;
        atomic_bool cancelled;
        struct loop_timer pause;
};

static void on_wake(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct http_wait *w = arg;
        w->done = true; /* the descriptor stays readable: later waits end at once */
        loop_stop(w->loop);
}

static void on_pause(void *arg)
{
        struct http_wait *w = arg;
        w->done = true;
        loop_stop(w->loop);
}

int http_wait_new(struct http_wait **out, struct err *e)
{
        AUTO(http_wait_free) struct http_wait *w = NEW(struct http_wait);
        w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->wake < 0)
                return err_errno(e, errno, "eventfd");
        timer_init(&w->pause, on_pause, w);
        if (loop_new(&w->loop, clock_system(), e) < 0 ||
            http_client_new(&w->client, w->loop, e) < 0)
                return -1;
        w->wakes = event_new(loop_base(w->loop), w->wake, EV_READ | EV_PERSIST, on_wake, w);
        event_add(w->wakes, NULL);
        *out = TAKE(w);
        return 0;
}

static void drop_answer(struct http_wait *w)
{
        for (struct http_header *h = w->answer.headers; h && h->name; h++)
                mem_free((char *)(uintptr_t)h->name);
        mem_free(w->answer.headers);
        buf_deinit(&w->answer.body);
        mem_free(TAKE(w->content_type));
        w->answer = (struct http_response){0};
}

struct http_wait *http_wait_free(struct http_wait *w)
{
        if (!w)
                return NULL;
        http_client_free(w->client);
        if (w->wakes)
                event_free(w->wakes);
        loop_free(w->loop);
        if (w->wake >= 0)
                close(w->wake);
        drop_answer(w);
        err_clear(&w->why);
        mem_free(w);
        return NULL;
}

static struct http_header *copy_headers(const struct http_header *from)
{
        size_t n = 0;
        while (from && from[n].name)
                n++;
        struct http_header *to = mem_calloc(n + 1, sizeof(*to));
        for (size_t i = 0; i < n; i++) {
                size_t name = strlen(from[i].name) + 1, value = strlen(from[i].value) + 1;
                char *both = mem_alloc(name + value);
                memcpy(both, from[i].name, name);
                memcpy(both + name, from[i].value, value);
                to[i] = (struct http_header){both, both + name};
        }
        return to;
}

static void on_done(void *arg, const struct http_response *r, const struct err *e)
{
        struct http_wait *w = arg;
        w->call = NULL;
        w->done = true;
        loop_stop(w->loop);
        if (e)
                err_copy(&w->why, e);
        w->content_type = mem_strdup(r->content_type);
        w->answer = (struct http_response){.status = r->status,
                                           .body = BUF_INIT(BUF_UNBOUNDED),
                                           .retry_after_ms = r->retry_after_ms,
                                           .content_type = w->content_type,
                                           .headers = copy_headers(r->headers)};
        buf_add(&w->answer.body, r->body.data, r->body.len);
}

static int refuse_cancelled(const struct http_wait *w, struct err *e)
{
        return w->cancelled ? err_set(e, ERR_UNAVAILABLE, "cancelled") : 0;
}

static bool on_data(void *arg, const void *data, size_t n)
{
        struct http_wait *w = arg;
        return w->spec->on_data(w->arg, data, n);
}

static void on_status(void *arg, int status)
{
        struct http_wait *w = arg;
        w->spec->on_status(w->arg, status);
}

int http_wait_call(struct http_wait *w, const struct http_call_spec *spec, void *arg,
                   const struct http_response **out, struct err *e)
{
        drop_answer(w);
        if (refuse_cancelled(w, e) < 0)
                return -1;
        struct http_call_spec ours = *spec;
        ours.on_data = spec->on_data ? on_data : NULL;
        ours.on_status = spec->on_status ? on_status : NULL;
        w->spec = spec;
        w->arg = arg;
        w->done = false;
        w->call = http_call(w->client, &ours, on_done, w);
        while (!w->done)
                loop_run(w->loop);
        if (w->call) { /* woken before the answer */
                http_call_cancel(w->call);
                w->call = NULL;
                return refuse_cancelled(w, e);
        }
        if (err_is_set(&w->why)) {
                err_move(e, &w->why);
                return -1;
        }
        *out = &w->answer;
        return 0;
}

const struct http_response *http_wait_partial(const struct http_wait *w)
{
        return &w->answer;
}

int http_wait_pause(struct http_wait *w, int64_t ms, struct err *e)
{
        w->done = false;
        timer_after_ms(w->loop, &w->pause, ms);
        while (!w->done)
                loop_run(w->loop);
        timer_cancel(w->loop, &w->pause);
        return refuse_cancelled(w, e);
}

void http_wait_cancel(struct http_wait *w)
{
        uint64_t one = 1;
        w->cancelled = true;
        while (write(w->wake, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

int http_wait_wake_fd(const struct http_wait *w)
{
        return w->wake;
}
