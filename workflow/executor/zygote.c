/* workflow/executor/zygote.c: clones workers when the runner asks for them, and reports those that
 * died.
 *
 * A worker inherits the folders, the end of a socket on which the runner will give it pods, and our
 * socket, over which it speaks to the runner itself. What pods are asked for this process never
 * sees. When the runner goes away the socket ends, this process ends too, and workers finish what
 * they have without it. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS_KNOWN = 1024 };
struct child {
        pid_t pid;
        uint64_t worker;
        unsigned slot;
};
struct zygote {
        struct executor *x;
        struct child *children;
        size_t n, cap;
        bool clean[SLOTS_KNOWN]; /* slots that their last worker left empty */
        int64_t oom_read_ms;
};

void send_msg(const struct executor *x, enum msg_kind kind, uint64_t serial, uint64_t arg,
              const void *body, size_t n)
{
        struct msg_head h = {.kind = kind, .serial = serial, .arg = arg};
        struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)body, n}};
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = n ? 2 : 1};
        while (sendmsg(x->sock, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
                ; /* any other failure: the runner is gone; its successor reads the state file */
}

/* As fork, with the namespaces of a sandbox. */
static pid_t clone_process(unsigned long namespaces)
{
        return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0);
}

static void start(struct zygote *z, const struct msg_head *h, int link)
{
        bool isolate = h->arg != 0;
        unsigned long ns = isolate ? CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS : 0;
        struct worker w = {.x = z->x, .id = h->serial, .link = link, .isolate = isolate, .tmp = -1};
        w.dir = slot_take(z->x, &w.slot);
        w.clean = w.slot < SLOTS_KNOWN && z->clean[w.slot];
        if (w.slot < SLOTS_KNOWN)
                z->clean[w.slot] = false;
        oom_look(z->x, &z->oom_read_ms);
        w.oom_read_ms = z->oom_read_ms;
        pid_t pid = w.dir < 0 ? -1 : clone_process(ns);
        if (pid == 0)
                _exit(worker_serve(&w));
        int err = errno;
        if (w.dir >= 0)
                close(w.dir); /* the lock is the worker's now */
        if (pid < 0) {
                send_msg(z->x, MSG_GONE, h->serial, (uint64_t)(uint32_t)-err, NULL, 0);
                return;
        }
        mem_grow(z->children, z->cap, z->n + 1);
        z->children[z->n++] = (struct child){pid, h->serial, w.slot};
}

static void kill_pod(const struct zygote *z, const struct msg_head *h)
{
        for (size_t i = 0; i < z->n; i++)
                if (z->children[i].worker == h->serial)
                        sigqueue(z->children[i].pid, SIGTERM,
                                 (union sigval){.sival_ptr = (void *)(uintptr_t)h->arg});
}

/* What a killed worker has left in memory. */
static void drop_layers(const struct executor *x, uint64_t worker)
{
        char name[32];
        snprintf(name, sizeof(name), "layers/%llu", (unsigned long long)worker);
        if (x->host.in_memory && tree_remove(x->host.base, name) < 0)
                fprintf(stderr, "tiphys-executor: %s stays in memory: %s\n", name, strerror(errno));
}

static void reap(struct zygote *z)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
                for (size_t i = 0; i < z->n; i++) {
                        if (z->children[i].pid != pid)
                                continue;
                        if (z->children[i].slot < SLOTS_KNOWN)
                                z->clean[z->children[i].slot] = status == 0;
                        if (status != 0) {
                                drop_layers(z->x, z->children[i].worker);
                                send_msg(z->x, MSG_GONE, z->children[i].worker, (uint64_t)status,
                                         NULL, 0);
                        }
                        z->children[i] = z->children[--z->n];
                        break;
                }
        }
}

/* False when the runner has gone. */
static bool receive(struct zygote *z)
{
        struct msg_head h;
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {&h, sizeof(h)};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(z->x->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n < (ssize_t)sizeof(h))
                return false;
        int fd = -1;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        if (h.kind == MSG_KILL)
                kill_pod(z, &h);
        else if (h.kind == MSG_WORKER && fd >= 0)
                start(z, &h, fd);
        if (fd >= 0)
                close(fd);
        return true;
}

int serve(struct executor *x)
{
        struct zygote z = {.x = x};
        struct pollfd fds[2] = {{.fd = x->sock, .events = POLLIN},
                                {.fd = x->signals, .events = POLLIN}};
        send_msg(x, MSG_READY, 0, WIRE_VERSION, x->host.words, strlen(x->host.words));
        for (bool open = true; open;) {
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return 1;
                struct signalfd_siginfo si;
                while (fds[1].revents && read(x->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
                        open = open && si.ssi_signo != SIGTERM;
                reap(&z);
                if (fds[0].revents)
                        open = receive(&z) && open;
        }
        mem_free(z.children);
        return 0;
}
