/* workflow/executor/dial.c: connections into a pod (runner_dial()).
 *
 * A pod's network may be a namespace of its own, and no process of another user namespace may join
 * that of a supervisor. So a pod that is to be dialled has a small process for it, made when the
 * pod was claimed: it listens beside the pod's state file, at ".<node>.dial". A message there is a
 * port; what goes back is a socket that is connected to it on the loopback device, as a descriptor,
 * or words. It needs no files and sees none. It goes with everything of the pod.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/executor/executor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

/* ---- a connection ---- */

/* Begun without blocking, and waited for: so a connect() of whoever gets the socket still says 0,
 * not EISCONN (runner.h). */
static int await_connection(int fd, const struct sockaddr *a, socklen_t n)
{
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int err = 0;
        socklen_t size = sizeof(err);
        if (connect(fd, a, n) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -1;
        if (poll(&p, 1, -1) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
                return -1;
        errno = err;
        return err ? -1 : 0;
}

static int connect_to(const struct sockaddr *a, socklen_t n)
{
        int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || await_connection(fd, a, n) == 0)
                return fd;
        int err = errno;
        close(fd);
        errno = err;
        return -1;
}

/* What "localhost" means: 127.0.0.1, else ::1. */
static int connect_port(uint16_t port)
{
        struct sockaddr_in v4 = {.sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(port),
                                  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        int fd = connect_to((const struct sockaddr *)&v4, sizeof(v4)), err = errno;
        if (fd < 0)
                fd = connect_to((const struct sockaddr *)&v6, sizeof(v6));
        errno = err;
        return fd;
}

/* ---- the process ---- */

static void answer(int to, int fd, const char *words)
{
        union {
                char room[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec text = {(void *)(uintptr_t)words, strlen(words) + 1};
        struct msghdr m = {.msg_iov = &text, .msg_iovlen = 1};
        if (fd >= 0) {
                m.msg_control = control.room;
                m.msg_controllen = sizeof(control.room);
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS};
                memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        }
        (void)sendmsg(to, &m, MSG_NOSIGNAL); /* who has asked may be gone */
}

static NORETURN void serve_dials(const struct pod *p, int listening)
{
        sigset_t none;
        sigemptyset(&none);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || fchdir(p->tmp) < 0 ||
            (p->spec.isolate && chroot(".") < 0) || dup2(listening, 3) < 0 ||
            close_range(4, ~0u, 0) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                _exit(1);
        for (;;) {
                uint16_t port = 0;
                int asks = accept4(3, NULL, NULL, SOCK_CLOEXEC);
                if (asks < 0)
                        continue;
                if (recv(asks, &port, sizeof(port), 0) == (ssize_t)sizeof(port)) {
                        int fd = connect_port(port);
                        answer(asks, fd, fd < 0 ? strerror(errno) : "");
                        if (fd >= 0)
                                close(fd);
                }
                close(asks);
        }
}

/* Its path may be longer than the address of a socket: by way of the open folder. */
static int listen_there(const struct pod *p)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int n = snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s/.%s.dial", p->x->pods,
                         p->spec.uid, p->spec.node);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        errno = n < (int)sizeof(a.sun_path) ? errno : ENAMETOOLONG;
        if (fd >= 0 && n < (int)sizeof(a.sun_path) &&
            bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        int err = errno;
        if (fd >= 0)
                close(fd);
        errno = err;
        return -1;
}

int dialled_by_others(const struct pod *p, struct err *e)
{
        if (!p->spec.dialled)
                return 0;
        int fd = listen_there(p);
        pid_t pid = fd < 0 ? -1 : fork();
        if (pid == 0)
                serve_dials(p, fd);
        int rc = pid < 0 ? err_errno(e, errno, "pods/%s/.%s.dial", p->spec.uid, p->spec.node) : 0;
        if (fd >= 0)
                close(fd);
        return rc;
}
