/* workflow/runner/local/workers.c: the executor's processes that carry out pods, as the runner sees
 * them: each has a socket on which it is given pods, one at a time.
 *
 * A worker without a sandbox takes one pod after the other and is replaced now and then; one with a
 * sandbox has a single pod, so while pods start one or two fresh ones are kept ready. Who has had
 * nothing to do for a while is sent away. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/runner/local/local_priv.h"
#include <sys/socket.h>
#include <unistd.h>

enum {
        PODS_PER_WORKER = 500, /* what it may have left in its memory goes with it */
        READY = 2,             /* sandboxes kept ready while pods start */
        IDLE_MS = 10000
};

struct worker {
        uint64_t id;
        int sock;
        bool sandbox;
        unsigned pods; /* it was given so far */
        struct runner_pod *pod;
        struct worker *next_idle;
        UT_hash_handle hh;
};

static struct worker **idle_list(struct runner *r, bool sandbox)
{
        return sandbox ? &r->idle_sandboxes : &r->idle_workers;
}

static void unlist(struct runner *r, const struct worker *w)
{
        for (struct worker **at = idle_list(r, w->sandbox); *at; at = &(*at)->next_idle) {
                if (*at != w)
                        continue;
                *at = w->next_idle;
                return;
        }
}

/* The socket's end is its end, when it has nothing to do any more. */
static void dismiss(struct runner *r, struct worker *w)
{
        if (!w->pod)
                unlist(r, w);
        else
                w->pod->worker = NULL;
        HASH_DEL(r->workers, w);
        close(w->sock);
        mem_free(w);
}

static struct worker *hire(struct runner *r, bool sandbox)
{
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return NULL;
        bool sent = link_worker(r, r->last_worker + 1, sandbox, ends[1]);
        close(ends[1]);
        if (!sent) {
                close(ends[0]);
                return NULL;
        }
        struct worker *w = NEW(struct worker);
        w->id = ++r->last_worker;
        w->sock = ends[0];
        w->sandbox = sandbox;
        HASH_ADD(hh, r->workers, id, sizeof(w->id), w);
        return w;
}

/* ---- idle ones ---- */

static void on_idle(void *arg)
{
        struct runner *r = arg;
        if (r->worked) {
                r->worked = false;
                timer_after_ms(r->o.loop, &r->idle, IDLE_MS);
                return;
        }
        while (r->idle_workers)
                dismiss(r, r->idle_workers);
        while (r->idle_sandboxes)
                dismiss(r, r->idle_sandboxes);
}

static void put_idle(struct runner *r, struct worker *w)
{
        struct worker **list = idle_list(r, w->sandbox);
        w->next_idle = *list;
        *list = w;
        if (!timer_armed(&r->idle))
                timer_after_ms(r->o.loop, &r->idle, IDLE_MS);
}

void workers_ready(struct runner *r)
{
        int n = 0;
        for (const struct worker *w = r->idle_sandboxes; w; w = w->next_idle)
                n++;
        struct worker *w;
        if (n < READY && (w = hire(r, true)))
                put_idle(r, w);
}

/* ---- pods ---- */

bool worker_take(struct runner_pod *p)
{
        struct runner *r = p->runner;
        struct wire request = wire_read(p->request.data, p->request.len), group = request;
        bool sandbox = wire_find_u64(request, S_ISOLATE, 0) != 0;
        struct worker **list = idle_list(r, sandbox), *w = *list;
        r->worked = true;
        if (w)
                *list = w->next_idle;
        else if (!(w = hire(r, sandbox)))
                return false;
        w->pod = p;
        w->pods = sandbox || wire_find(&group, S_CONTAINER) ? PODS_PER_WORKER : w->pods + 1;
        p->worker = w;
        return true;
}

void worker_done(struct runner_pod *p)
{
        struct worker *w = p->worker;
        if (!w)
                return;
        if (w->pods >= PODS_PER_WORKER) {
                dismiss(p->runner, w);
                return;
        }
        w->pod = NULL;
        p->worker = NULL;
        put_idle(p->runner, w);
}

void worker_drop(struct runner_pod *p)
{
        if (p->worker)
                dismiss(p->runner, p->worker);
}

uint64_t worker_id(const struct worker *w)
{
        return w->id;
}

int worker_sock(const struct worker *w)
{
        return w->sock;
}

bool worker_sandbox(const struct worker *w)
{
        return w->sandbox;
}

struct runner_pod *worker_gone(struct runner *r, uint64_t id)
{
        struct worker *w;
        HASH_FIND(hh, r->workers, &id, sizeof(id), w);
        struct runner_pod *p = w ? w->pod : NULL;
        if (w)
                dismiss(r, w);
        return p;
}

void workers_init(struct runner *r)
{
        timer_init(&r->idle, on_idle, r);
}

void workers_close(struct runner *r)
{
        struct worker *w, *next;
        HASH_ITER (hh, r->workers, w, next)
                dismiss(r, w);
        timer_cancel(r->o.loop, &r->idle);
}
