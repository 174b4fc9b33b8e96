/* workflow/runner/local/local.c: the local runner: pods, their queue, and what is told when.
 *
 * A pod is PREPARING (its environment is fetched), QUEUED (max_running), SENT (its supervisor
 * reports over the socket) or ADOPTED (a supervisor of an earlier runner: watched by pidfd, its end
 * read from the state file). What is to be told waits until the end of the turn, so no update ever
 * comes from inside a call. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OWN_GRACE = -2 /* the pod's */, REQUEST_MAX = 64 * 1024 * 1024 };

/* ---- pods ---- */

static struct runner_pod *find_key(struct runner *r, const char *uid, const char *node)
{
        AUTO(mem_free) char *key = mem_printf("%s/%s", uid, node);
        struct runner_pod *p;
        HASH_FIND(by_key, r->by_key, key, strlen(key), p);
        return p;
}

static struct runner_pod *find_serial(struct runner *r, uint64_t serial)
{
        struct runner_pod *p;
        HASH_FIND(by_serial, r->by_serial, &serial, sizeof(serial), p);
        return p;
}

static struct runner_pod *pod_new(struct runner *r, const char *uid, const char *node)
{
        struct runner_pod *p = NEW(struct runner_pod);
        p->key = mem_printf("%s/%s", uid, node);
        p->uid = mem_strdup(uid);
        p->node = mem_strdup(node);
        p->serial = ++r->last_serial;
        p->kill_grace_ms = p->pidfd = -1;
        p->request = BUF_INIT(REQUEST_MAX);
        p->final = BUF_INIT(BUF_UNBOUNDED);
        p->running = BUF_INIT(BUF_UNBOUNDED);
        p->runner = r;
        HASH_ADD_KEYPTR(by_key, r->by_key, p->key, strlen(p->key), p);
        HASH_ADD(by_serial, r->by_serial, serial, sizeof(p->serial), p);
        return p;
}

static void wipe_request(struct runner_pod *p)
{
        if (p->request.data) /* it may hold secrets */
                explicit_bzero(p->request.data, p->request.cap);
        buf_deinit(&p->request);
}

void pod_free(struct runner_pod *p)
{
        struct runner *r = p->runner;
        HASH_DELETE(by_key, r->by_key, p);
        HASH_DELETE(by_serial, r->by_serial, p);
        build_free(p->build);
        buf_deinit(&p->running);
        transfer_abandon(p->transfer);
        json_decref(p->fetches);
        mem_free(p->ns);
        if (p->worker)
                worker_drop(p);
        wipe_request(p);
        buf_deinit(&p->final);
        proc_free(p->watch);
        adopted_unwatch(p);
        if (p->pidfd >= 0)
                close(p->pidfd);
        mem_free(p->key);
        mem_free(p->uid);
        mem_free(p->node);
        mem_free(p);
}

bool runner_busy(const struct runner *r, const char *workflow_uid)
{
        struct runner_pod *p, *next;
        HASH_ITER (by_key, r->by_key, p, next)
                if (p->stage != POD_ENDED && streq(p->uid, workflow_uid))
                        return true;
        return false;
}

/* ---- telling ---- */

static void tell_later(struct runner_pod *p)
{
        struct runner *r = p->runner;
        if (p->held)
                return; /* runner_release() does */
        if (!p->listed) {
                p->listed = true;
                p->next_told = NULL;
                *r->told_end = p;
                r->told_end = &p->next_told;
        }
        loop_defer(r->o.loop, &r->tell);
}

static bool counts(const struct runner_pod *p)
{
        return !p->beside && (p->stage == POD_SENT || p->stage == POD_ADOPTED);
}

static void set_stage(struct runner_pod *p, enum pod_stage stage)
{
        bool was = counts(p);
        p->stage = stage;
        p->runner->running += (int)counts(p) - (int)was;
}

static void unqueue(struct runner_pod *p)
{
        struct runner *r = p->runner;
        for (struct runner_pod **at = &r->queue; *at; at = &(*at)->next_queued) {
                if (*at != p)
                        continue;
                *at = p->next_queued;
                if (!*at)
                        r->queue_end = at;
                return;
        }
}

static void pod_end(struct runner_pod *p, const void *status, size_t n)
{
        if (p->stage == POD_ENDED)
                return;
        if (p->stage == POD_QUEUED)
                unqueue(p);
        transfer_abandon(TAKE(p->transfer));
        if (p->fetched) /* they were copied or linked */
                forget_fetched(p->runner, p->uid, p->node);
        set_stage(p, POD_ENDED);
        buf_reset(&p->final);
        buf_add(&p->final, status, n);
        wipe_request(p);
        tell_later(p);
}

/* Its outputs did not get where they belong: a success becomes an error, a failure stays what it
 * was. */
static void put_trouble(struct buf *b, struct wire status, const struct err *e)
{
        if (wire_find_u64(status, R_PHASE, POD_ERROR) != POD_SUCCEEDED) {
                wire_put_str(b, R_NOTE, err_msg(e));
                return;
        }
        wire_put_u64(b, R_PHASE, POD_ERROR);
        wire_put_str(b, R_MESSAGE, err_msg(e));
}

static void on_saved(struct runner_pod *p, const struct err *e)
{
        AUTO_BUF struct buf status = BUF_INIT(BUF_UNBOUNDED); /* what stands first counts */
        if (e)
                put_trouble(&status, wire_read(p->final.data, p->final.len), e);
        buf_add(&status, p->final.data, p->final.len);
        pod_end(p, status.data, status.len);
}

/* Main has ended; what it wrote may have to travel. */
static void pod_finish(struct runner_pod *p, const void *status, size_t n)
{
        if (p->stage >= POD_SAVING)
                return;
        buf_reset(&p->final);
        buf_add(&p->final, status, n);
        wipe_request(p);
        set_stage(p, POD_SAVING);
        tell_later(p); /* its place is free */
        if (!transfer_save(p, wire_read(p->final.data, p->final.len), on_saved))
                on_saved(p, NULL);
}

static void end_with(struct runner_pod *p, enum pod_phase phase, int exit_code, const char *message)
{
        AUTO_BUF struct buf b = BUF_INIT(64 * 1024);
        struct wall now = loop_wall(p->runner->o.loop);
        wire_put_u64(&b, R_PHASE, phase);
        wire_put_u64(&b, R_EXIT_CODE, (uint64_t)(int64_t)exit_code);
        wire_put_str(&b, R_MESSAGE, message);
        if (p->started_ns)
                wire_put_u64(&b, R_STARTED, (uint64_t)p->started_ns);
        wire_put_u64(&b, R_FINISHED, (uint64_t)now.ns);
        pod_end(p, b.data, b.len);
}

void pod_fail(struct runner_pod *p, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        AUTO(mem_free) char *message = mem_vprintf(fmt, ap);
        va_end(ap);
        end_with(p, POD_ERROR, -1, message);
}

static void fill(struct runner *r);

static void tell_one(struct runner *r, struct runner_pod *p)
{
        bool pending = p->tell_pending, running = p->tell_running && !p->told_running;
        p->tell_pending = p->tell_running = false;
        p->told_running |= running;
        if (p->stage != POD_ENDED) {
                if (running)
                        report_phase(r, p->uid, p->node, POD_RUNNING, p->started_ns,
                                     wire_read(p->running.data, p->running.len));
                else if (pending && !p->told_running)
                        report_phase(r, p->uid, p->node, POD_PENDING, 0, (struct wire){0});
                return;
        }
        /* The pod is gone before its end is told: the callback may start the same node again. */
        AUTO(mem_free) char *uid = mem_strdup(p->uid), *node = mem_strdup(p->node);
        AUTO_BUF struct buf final = p->final, last = p->running;
        int64_t started_ns = p->started_ns;
        p->final = p->running = BUF_INIT(0);
        pod_free(p);
        if (running)
                report_phase(r, uid, node, POD_RUNNING, started_ns, wire_read(last.data, last.len));
        report_final(r, uid, node, wire_read(final.data, final.len));
}

void on_tell(void *arg)
{
        struct runner *r = arg;
        struct runner_pod *first = r->told;
        r->told = NULL;
        r->told_end = &r->told;
        for (struct runner_pod *p = first, *next; p; p = next) {
                next = p->next_told;
                p->listed = false;
                tell_one(r, p);
        }
        fill(r);
}

/* ---- what the executor says ---- */

void pod_note_running(struct runner_pod *p, int64_t started_ns, const void *records, size_t n)
{
        p->started_ns = started_ns;
        buf_reset(&p->running);
        buf_add(&p->running, records, n);
        p->told_running = false;
        p->tell_running = started_ns != 0;
        tell_later(p);
}

void on_link_running(struct runner *r, uint64_t serial, int64_t started_ns, const void *body,
                     size_t n)
{
        struct runner_pod *p = find_serial(r, serial);
        if (!p || p->stage != POD_SENT)
                return;
        wipe_request(p); /* it will not be sent again */
        pod_note_running(p, started_ns, body, n);
}

static void learn(struct runner_pod *p);

void on_link_final(struct runner *r, uint64_t serial, const void *status, size_t n)
{
        struct runner_pod *p = find_serial(r, serial);
        if (!p || p->stage != POD_SENT)
                return;
        worker_done(p);
        if (n)
                pod_finish(p, status, n);
        else
                learn(p); /* too large for a message */
}

void on_link_exists(struct runner *r, uint64_t serial)
{
        struct runner_pod *p = find_serial(r, serial);
        if (!p || p->stage != POD_SENT)
                return;
        worker_done(p);
        learn(p);
}

static void enqueue(struct runner_pod *p);

void on_link_gone(struct runner *r, uint64_t worker, int64_t wait_status)
{
        struct runner_pod *p = worker_gone(r, worker);
        if (!p || p->stage != POD_SENT)
                return;
        if (wait_status < 0)
                pod_fail(p, "the step could not be started: %s", strerror((int)-wait_status));
        else if (wait_status == 0 && p->request.len)
                enqueue(p); /* it was not begun */
        else
                learn(p);
}

void on_link_lost(struct runner *r)
{
        struct runner_pod *p, *next;
        workers_close(r);
        HASH_ITER (by_key, r->by_key, p, next) {
                if (p->stage == POD_SENT && p->held)
                        enqueue(p); /* nothing of it was begun */
                else if (p->stage == POD_SENT)
                        learn(p);
        }
}

/* ---- what the state file says ---- */

static void on_adopted_end(void *arg, const struct proc_exit *how UNUSED)
{
        struct runner_pod *p = arg;
        p->watch = proc_free(p->watch);
        adopted_unwatch(p);
        learn(p);
}

static void watch_supervisor(struct runner_pod *p, struct trace *t)
{
        ERR_SLOT(e);
        set_stage(p, POD_ADOPTED);
        p->tell_pending = true;
        pod_note_running(p, t->started_ns, t->running.data, t->running.len);
        if (p->pidfd >= 0)
                close(p->pidfd);
        p->pidfd = dup(t->pidfd);
        if (proc_watch(&p->watch, p->runner->o.loop, t->pid, t->pidfd, on_adopted_end, p, &e) < 0) {
                close(t->pidfd);
                pod_fail(p, "the running step cannot be watched: %s", err_msg(&e));
                err_clear(&e);
                return;
        }
        adopted_watch(p);
}

/* The state file decides what became of it. */
static void learn(struct runner_pod *p)
{
        struct trace t;
        ERR_SLOT(e);
        if (trace_pod(&t, p->runner->data_dir, p->uid, p->node, &e) < 0) {
                pod_fail(p, "%s", err_msg(&e));
                err_clear(&e);
        } else if (t.kind == TRACE_FINAL) {
                pod_finish(p, t.final.data, t.final.len);
        } else if (t.kind == TRACE_RUNNING) {
                watch_supervisor(p, &t);
        } else {
                p->started_ns = t.started_ns;
                end_with(p, POD_ERROR, -1, "pod deleted");
        }
        trace_deinit(&t);
}

/* ---- the queue ---- */

static void signal_adopted(const struct runner_pod *p, int grace_ms)
{
        siginfo_t si = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
        si.si_pid = getpid();
        si.si_uid = getuid();
        si.si_value.sival_int = grace_ms;
        if (p->pidfd >= 0)
                syscall(SYS_pidfd_send_signal, p->pidfd, SIGTERM, &si, 0);
}

static void deliver_kill(struct runner_pod *p)
{
        if (p->stage == POD_ADOPTED)
                signal_adopted(p, p->kill_grace_ms);
        else if (p->stage != POD_SENT || !link_kill(p, p->kill_grace_ms))
                return;
        p->kill_grace_ms = -1;
}

/* Start what may start. */
static void fill(struct runner *r)
{
        while (r->queue && (r->queue->beside || r->running < r->o.max_running)) {
                struct runner_pod *p = r->queue;
                if (!link_start(p))
                        break;
                unqueue(p);
                set_stage(p, POD_SENT);
        }
}

void on_link_writable(struct runner *r)
{
        struct runner_pod *p, *next;
        HASH_ITER (by_key, r->by_key, p, next) {
                if (p->kill_grace_ms != -1)
                        deliver_kill(p);
        }
        fill(r);
}

static void enqueue(struct runner_pod *p)
{
        struct runner *r = p->runner;
        set_stage(p, POD_QUEUED);
        if (p->beside) { /* others wait for it, perhaps those that run */
                p->next_queued = r->queue;
                r->queue = p;
                if (!p->next_queued)
                        r->queue_end = &p->next_queued;
        } else {
                p->next_queued = NULL;
                *r->queue_end = p;
                r->queue_end = &p->next_queued;
        }
        fill(r);
        if (p->stage == POD_QUEUED) {
                p->tell_pending = true;
                tell_later(p);
        }
}

/* ---- the calls of runner.h ---- */

bool name_valid(const char *s)
{
        if (str_empty(s) || s[0] == '.' || strlen(s) > NAME_MAX - 16)
                return false;
        return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
               '\0';
}

static void on_fetched(struct runner_pod *p, const struct err *e)
{
        if (e && e->code == ERR_TIMEOUT && p->deadline_s)
                end_with(p, POD_FAILED, 128 + SIGTERM,
                         "Pod was active on the node longer than the specified deadline");
        else if (e)
                pod_fail(p, "%s", err_msg(e));
        else
                enqueue(p);
}

static void fetch(struct runner_pod *p)
{
        p->fetched = true;
        transfer_fetch(p, TAKE(p->fetches), p->deadline_s, on_fetched);
}

static void on_built(void *arg, const struct err *failed)
{
        struct runner_pod *p = arg;
        ERR_SLOT(e);
        if (failed)
                pod_fail(p, "%s", err_msg(failed));
        else if (build_put(p->build, &p->request, &e) < 0)
                pod_fail(p, "%s", err_msg(&e));
        else if (json_array_size(p->fetches) == 0)
                enqueue(p);
        else if (p->held)
                p->built = true;
        else
                fetch(p);
        err_clear(&e);
        p->build = build_free(p->build);
}

static void tell_again(struct runner_pod *p)
{
        p->told_running = false;
        p->tell_running = p->started_ns != 0;
        p->tell_pending = true;
        tell_later(p);
}

void runner_start(struct runner *r, const struct pod_request *req)
{
        ERR_SLOT(e);
        struct runner_pod *p = find_key(r, req->workflow_uid, req->node_id);
        if (p) {
                if (!req->held)
                        tell_again(p);
                return;
        }
        p = pod_new(r, req->workflow_uid, req->node_id);
        p->held = req->held;
        if (!name_valid(req->workflow_uid) || !name_valid(req->node_id)) {
                pod_fail(p, "workflow uid \"%s\" or node id \"%s\" cannot be a file name",
                         req->workflow_uid, req->node_id);
                return;
        }
        p->fetches = json_array();
        p->ns = mem_strdup(req->ns ? req->ns : "default");
        p->deadline_s = req->deadline_s;
        p->beside = req->beside;
        if (build_start(&p->build, r, req, p->fetches, &e) == 0) {
                build_resolve(p->build, on_built, p);
                return;
        }
        pod_fail(p, "%s", err_msg(&e));
        err_clear(&e);
        p->build = build_free(p->build);
}

void runner_release(struct runner *r, const char *workflow_uid, const char *node_id)
{
        struct runner_pod *p = find_key(r, workflow_uid, node_id);
        if (!p)
                return;
        if (!p->held) { /* it was known before it was asked for */
                tell_again(p);
                return;
        }
        p->held = false;
        if (p->stage == POD_SENT)
                link_go(p);
        else if (p->built)
                fetch(p);
        if (p->stage == POD_ENDED || p->tell_pending)
                tell_later(p);
}

void runner_drop(struct runner *r, const char *workflow_uid, const char *node_id)
{
        struct runner_pod *p = find_key(r, workflow_uid, node_id);
        if (!p || !p->held)
                return;
        if (p->stage == POD_QUEUED)
                unqueue(p);
        set_stage(p, POD_ENDED);
        pod_free(p);                     /* its worker sees the end of its socket */
        loop_defer(r->o.loop, &r->tell); /* there is room for another */
}

void runner_kill(struct runner *r, const char *workflow_uid, const char *node_id, int grace_s)
{
        struct runner_pod *p = find_key(r, workflow_uid, node_id);
        if (!p || p->stage == POD_ENDED)
                return;
        if (p->stage == POD_PREPARING || p->stage == POD_QUEUED) {
                end_with(p, POD_FAILED, 128 + SIGTERM,
                         "main: Error (exit code 143): killed before it was started");
                return;
        }
        if (p->stage == POD_SAVING) {
                transfer_cancel(p->transfer);
                return;
        }
        p->kill_grace_ms = grace_s < 0                ? OWN_GRACE
                           : grace_s > INT_MAX / 1000 ? INT_MAX
                                                      : grace_s * 1000;
        deliver_kill(p);
}

bool runner_adopt(struct runner *r, const char *workflow_uid, const char *node_id)
{
        struct trace t;
        ERR_SLOT(e);
        if (find_key(r, workflow_uid, node_id))
                return true;
        if (!name_valid(workflow_uid) || !name_valid(node_id))
                return false;
        if (trace_pod(&t, r->data_dir, workflow_uid, node_id, &e) == 0 && t.kind == TRACE_NONE)
                return false;
        struct runner_pod *p = pod_new(r, workflow_uid, node_id);
        if (err_is_set(&e)) {
                pod_fail(p, "%s", err_msg(&e));
                err_clear(&e);
        } else if (t.kind == TRACE_RUNNING) {
                watch_supervisor(p, &t);
        } else {
                learn(p);
        }
        trace_deinit(&t);
        return true;
}
