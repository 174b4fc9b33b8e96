/* workflow/runner/local/dial.c: a connection into a pod: asked of the process that stands in the
 * pod for this (workflow/executor/dial.c), by a socket beside its state file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DIAL_TIMEOUT_S = 10, WORDS_MAX = 256 };

struct runner_dial {
        struct loop *loop;
        struct event *readable;
        struct loop_task fail; /* what went wrong at once is told later */
        int sock;
        uint16_t port;
        struct err failed;
        runner_dialed_fn *done;
        void *arg;
};

static void dial_free(struct runner_dial *d)
{
        if (d->readable)
                event_free(d->readable);
        if (d->sock >= 0)
                close(d->sock);
        loop_undefer(d->loop, &d->fail);
        err_clear(&d->failed);
        mem_free(d);
}

static void finish(struct runner_dial *d, int fd, struct err *e)
{
        runner_dialed_fn *done = d->done;
        void *arg = d->arg;
        dial_free(d);
        done(arg, fd, fd < 0 ? e : NULL);
        err_clear(e);
}

static void on_fail(void *arg)
{
        struct runner_dial *d = arg;
        struct err e = {0};
        err_move(&e, &d->failed);
        finish(d, -1, &e);
}

/* The descriptor, or the words. */
static int read_answer(const struct runner_dial *d, char *words, size_t n)
{
        union {
                char room[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec text = {words, n - 1};
        struct msghdr m = {.msg_iov = &text,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof(control.room)};
        int fd = -1;
        ssize_t got = recvmsg(d->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        words[got > 0 ? got : 0] = '\0';
        struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        return fd;
}

static void on_answer(evutil_socket_t sock UNUSED, short what, void *arg)
{
        struct runner_dial *d = arg;
        struct err e = {0};
        char words[WORDS_MAX] = "";
        int fd = what & EV_READ ? read_answer(d, words, sizeof(words)) : -1;
        if (fd < 0)
                err_set(&e, ERR_UNAVAILABLE, "port %u: %s", d->port,
                        *words           ? words
                        : what & EV_READ ? "the pod has ended"
                                         : "no answer in time");
        finish(d, fd, &e);
}

static int connect_beneath(int sock, int folder, const char *name, struct err *e)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", folder, name);
        if (connect(sock, (const struct sockaddr *)&a, sizeof(a)) == 0)
                return 0;
        return errno == ENOENT || errno == ECONNREFUSED
                       ? err_set(e, ERR_NOT_FOUND, "it does not run")
                       : err_errno(e, errno, "%s", name);
}

static int call(struct runner_dial *d, const char *data_dir, const char *uid, const char *node,
                struct err *e)
{
        AUTO(mem_free) char *path = mem_printf("%s/pods/%s", data_dir, uid);
        AUTO(mem_free) char *name = mem_printf(".%s.dial", node);
        int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        d->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int rc = folder < 0 ? err_set(e, ERR_NOT_FOUND, "it does not run")
                            : connect_beneath(d->sock, folder, name, e);
        if (folder >= 0)
                close(folder);
        if (rc == 0 && send(d->sock, &d->port, sizeof(d->port), MSG_NOSIGNAL) < 0)
                return err_errno(e, errno, "%s", name);
        return rc;
}

struct runner_dial *runner_dial(struct runner *r, const char *workflow_uid, const char *node_id,
                                uint16_t port, runner_dialed_fn *done, void *arg)
{
        static const struct timeval patience = {.tv_sec = DIAL_TIMEOUT_S};
        struct runner_dial *d = NEW(struct runner_dial);
        d->loop = r->o.loop;
        d->sock = -1;
        d->port = port;
        d->done = done;
        d->arg = arg;
        task_init(&d->fail, on_fail, d);
        if (call(d, r->data_dir, workflow_uid, node_id, &d->failed) < 0) {
                loop_defer(r->o.loop, &d->fail);
                return d;
        }
        d->readable = event_new(loop_base(r->o.loop), d->sock, EV_READ, on_answer, d);
        event_add(d->readable, &patience);
        return d;
}

void runner_dial_cancel(struct runner_dial *d)
{
        if (d)
                dial_free(d);
}
