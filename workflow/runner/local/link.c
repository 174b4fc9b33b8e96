/* workflow/runner/local/link.c: the executor process: started with our end of a SEQPACKET pair as
 * its stdin, told what to start, heard from. Its supervisors speak over the same socket.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        READY_TIMEOUT_MS = 10000,
        MESSAGES_PER_TURN = 128,
        RESTART_MS = 200,
        RESTART_MAX_MS = 30000,
        STABLE_MS = 60000
};

struct packet {
        struct msg_head head;
        char body[WIRE_INLINE_MAX];
};

static void on_packet(struct runner *r, const struct packet *p, size_t body)
{
        switch (p->head.kind) {
        case MSG_RUNNING:
                on_link_running(r, p->head.serial, (int64_t)p->head.arg, p->body, body);
                break;
        case MSG_FINAL: on_link_final(r, p->head.serial, p->body, body); break;
        case MSG_EXISTS: on_link_exists(r, p->head.serial); break;
        case MSG_GONE: on_link_gone(r, p->head.serial, (int64_t)(int32_t)p->head.arg); break;
        default: break;
        }
}

static void on_readable(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct runner *r = arg;
        struct packet p;
        for (int i = 0; i < MESSAGES_PER_TURN; i++) {
                ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < (ssize_t)sizeof(p.head)) {
                        if (n >= 0)
                                event_del(r->readable); /* the other end is closed; on_exit of the
                                                           process does the rest */
                        return;
                }
                on_packet(r, &p, (size_t)n - sizeof(p.head));
        }
}

static void on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        on_link_writable(arg);
}

static int body_memfd(const struct buf *b)
{
        int fd = memfd_create("tiphys-step", MFD_CLOEXEC);
        for (size_t at = 0; fd >= 0 && at < b->len;) {
                ssize_t n = write(fd, b->data + at, b->len - at);
                if (n < 0 && errno != EINTR) {
                        close(fd);
                        return -1;
                }
                at += n > 0 ? (size_t)n : 0;
        }
        return fd;
}

/* With a descriptor, -1: none. False and errno when it was not sent. */
static bool send_packet(int sock, const struct msg_head *h, const struct buf *body, int fd)
{
        union {
                char room[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec iov[2] = {{(void *)(uintptr_t)h, sizeof(*h)},
                               {body ? body->data : NULL, body ? body->len : 0}};
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
        if (fd >= 0) {
                m.msg_control = control.room;
                m.msg_controllen = sizeof(control.room);
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS};
                memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        }
        ssize_t n;
        do
                n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n >= 0;
}

static bool send_to_executor(struct runner *r, const struct msg_head *h, int fd)
{
        if (r->sock < 0 || !r->proc)
                return false;
        bool sent = send_packet(r->sock, h, NULL, fd);
        if (!sent && errno == EAGAIN)
                event_add(r->writable, NULL);
        return sent;
}

bool link_worker(struct runner *r, uint64_t id, bool sandbox, int sock)
{
        struct msg_head h = {.kind = MSG_WORKER, .serial = id, .arg = sandbox};
        return send_to_executor(r, &h, sock);
}

static bool give(const struct runner_pod *p)
{
        struct msg_head h = {.kind = MSG_START,
                             .serial = p->serial,
                             .arg = spare_take(p->runner->spares) << START_SPARE |
                                    (p->held ? START_HELD : 0)};
        bool large = p->request.len > WIRE_INLINE_MAX;
        int fd = large ? body_memfd(&p->request) : -1, sock = worker_sock(p->worker);
        if (large && fd < 0)
                return false;
        bool sent = send_packet(sock, &h, large ? NULL : &p->request, fd);
        if (fd >= 0)
                close(fd);
        return sent;
}

bool link_start(struct runner_pod *p)
{
        while (worker_take(p)) {
                bool sandbox = worker_sandbox(p->worker);
                if (!give(p)) {
                        worker_drop(p); /* it has just died, and we shall hear of it */
                        continue;
                }
                if (sandbox && !p->held)
                        workers_ready(p->runner);
                return true;
        }
        return false;
}

void link_go(struct runner_pod *p)
{
        struct msg_head h = {.kind = MSG_GO, .serial = p->serial};
        if (!p->worker)
                return;
        (void)send_packet(worker_sock(p->worker), &h, NULL, -1); /* else it is dead: GONE comes */
        if (worker_sandbox(p->worker))
                workers_ready(p->runner);
}

bool link_kill(const struct runner_pod *p, int grace_ms)
{
        if (!p->worker)
                return false;
        struct msg_head h = {.kind = MSG_KILL,
                             .serial = worker_id(p->worker),
                             .arg = p->serial << 32 | (uint32_t)grace_ms};
        return send_to_executor(p->runner, &h, -1);
}

/* Soon at first, then less and less often; steps wait as Pending meanwhile. */
static void restart_later(struct runner *r)
{
        int64_t lived_ms = (loop_now(r->o.loop).ns - r->opened.ns) / NS_PER_MS;
        r->pause_ms = lived_ms > STABLE_MS || !r->pause_ms ? RESTART_MS : r->pause_ms * 2;
        if (r->pause_ms > RESTART_MAX_MS)
                r->pause_ms = RESTART_MAX_MS;
        timer_after_ms(r->o.loop, &r->restart, r->pause_ms);
}

static void on_exit_of_executor(void *arg, const struct proc_exit *how)
{
        struct runner *r = arg;
        log_error(log_root(), "tiphys-executor ended and is started again",
                  F_INT("exit_code", how->code));
        r->proc = proc_free(r->proc);
        on_readable(r->sock, 0, r); /* what its workers have sent so far */
        on_link_lost(r);
        restart_later(r);
}

static void drop_socket(struct runner *r)
{
        if (r->readable)
                event_free(r->readable);
        if (r->writable)
                event_free(r->writable);
        if (r->sock >= 0)
                close(r->sock);
        r->readable = r->writable = NULL;
        r->sock = -1;
}

static void on_restart(void *arg)
{
        struct runner *r = arg;
        ERR_SLOT(e);
        drop_socket(r);
        if (link_open(r, &e) == 0) {
                on_link_writable(r);
                return;
        }
        log_error(log_root(), "tiphys-executor does not start again", F_ERR(&e));
        err_clear(&e);
        restart_later(r);
}

static int spawn(struct runner *r, int their_end, struct err *e)
{
        const char *const argv[] = {
                r->executor, "--serve",   "0",
                "--data",    r->data_dir, r->o.isolation == ISOLATION_NONE ? "--no-sandbox" : NULL,
                NULL};
        static const char *const envp[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
        const struct proc_spec spec = {
                .argv = argv, .envp = envp, .stdin_fd = their_end, .stdout_fd = -1, .stderr_fd = 2};
        return proc_spawn(&r->proc, r->o.loop, &spec, on_exit_of_executor, r, e);
}

/* READY, perhaps after UNABLE. */
static int wait_ready(struct runner *r, struct err *e)
{
        struct packet p;
        for (;;) {
                struct pollfd fd = {.fd = r->sock, .events = POLLIN};
                int ready = poll(&fd, 1, READY_TIMEOUT_MS);
                if (ready < 0 && errno == EINTR)
                        continue;
                ssize_t n = ready > 0 ? recv(r->sock, &p, sizeof(p), 0) : -1;
                if (n < (ssize_t)sizeof(p.head))
                        return err_set(e, ERR_UNAVAILABLE, "%s: %s", r->executor,
                                       n < 0 ? "it does not answer" : "it ended at once");
                AUTO(mem_free) char *words = mem_strndup(p.body, (size_t)n - sizeof(p.head));
                if (p.head.kind == MSG_UNABLE)
                        return err_set(e, ERR_UNSUPPORTED, "%s", words);
                if (p.head.kind != MSG_READY)
                        continue;
                if (p.head.arg != WIRE_VERSION)
                        return err_set(e, ERR_PROTOCOL, "%s is of another version", r->executor);
                mem_free(r->words);
                r->words = TAKE(words);
                return 0;
        }
}

int link_open(struct runner *r, struct err *e)
{
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return err_errno(e, errno, "socketpair");
        r->sock = ends[0];
        int rc = spawn(r, ends[1], e);
        close(ends[1]);
        if (rc < 0 || wait_ready(r, e) < 0) {
                r->proc = proc_free(r->proc);
                drop_socket(r);
                return -1;
        }
        r->readable =
                event_new(loop_base(r->o.loop), r->sock, EV_READ | EV_PERSIST, on_readable, r);
        r->writable = event_new(loop_base(r->o.loop), r->sock, EV_WRITE, on_writable, r);
        event_add(r->readable, NULL);
        timer_init(&r->restart, on_restart, r);
        r->opened = loop_now(r->o.loop);
        return 0;
}

void link_close(struct runner *r)
{
        timer_cancel(r->o.loop, &r->restart);
        workers_close(r);
        drop_socket(r); /* the executor sees the end and goes; its supervisors stay */
        if (r->proc)
                waitpid(proc_pid(r->proc), NULL, 0);
        r->proc = proc_free(r->proc);
}
