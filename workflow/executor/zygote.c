/* workflow/executor/zygote.c: receives requests, clones a supervisor for each, and reports those
 * that died early.
 *
 * The clone inherits the request in its memory (no copy), the folders, and the socket, over which
 * it speaks to the runner itself: a step costs this process one receive, one clone and one wait.
 * When the runner goes away the socket ends, this process ends too, and the supervisors go on
 * without it. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
        pid_t pid;
        uint64_t serial;
};
struct zygote {
        struct executor *x;
        struct child *children;
        size_t n, cap;
        int64_t oom_read_ms; /* when the counter was read last: not for every step */
};
enum { OOM_READ_MS = 1000 };
struct packet {
        struct msg_head head;
        char body[WIRE_INLINE_MAX];
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

static void start(struct zygote *z, const struct msg_head *h, struct wire request)
{
        unsigned long ns = 0;
        if (wire_find_u64(request, S_ISOLATE, 0))
                ns = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
        unsigned number;
        int slot = slot_take(z->x, &number);
        if (now_mono_ms() - z->oom_read_ms > OOM_READ_MS) {
                z->oom_read_ms = now_mono_ms();
                z->x->oom_kills = oom_kills();
        }
        pid_t pid = slot < 0 ? -1 : clone_process(ns);
        if (pid == 0)
                _exit(supervise(z->x, h->serial, request, slot, number));
        int err = errno;
        if (slot >= 0)
                close(slot); /* the lock is the supervisor's now */
        errno = err;
        if (pid < 0) {
                send_msg(z->x, MSG_GONE, h->serial, (uint64_t)(uint32_t)-errno, NULL, 0);
                return;
        }
        mem_grow(z->children, z->cap, z->n + 1);
        z->children[z->n++] = (struct child){pid, h->serial};
}

static void kill_pod(const struct zygote *z, const struct msg_head *h)
{
        for (size_t i = 0; i < z->n; i++)
                if (z->children[i].serial == h->serial)
                        sigqueue(z->children[i].pid, SIGTERM,
                                 (union sigval){.sival_int = (int)h->arg});
}

/* What a killed supervisor has left in memory. */
static void drop_layers(const struct executor *x, uint64_t serial)
{
        char name[32];
        snprintf(name, sizeof(name), "layers/%llu", (unsigned long long)serial);
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
                        if (status != 0)
                                drop_layers(z->x, z->children[i].serial);
                        if (status != 0)
                                send_msg(z->x, MSG_GONE, z->children[i].serial, (uint64_t)status,
                                         NULL, 0);
                        z->children[i] = z->children[--z->n];
                        break;
                }
        }
}

/* The body came as a memfd because it is large. */
static void start_from_memfd(struct zygote *z, const struct msg_head *h, int fd)
{
        struct stat st;
        void *at = fstat(fd, &st) < 0
                           ? MAP_FAILED
                           : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED) {
                send_msg(z->x, MSG_GONE, h->serial, (uint64_t)(uint32_t)-errno, NULL, 0);
        } else {
                start(z, h, wire_read(at, (size_t)st.st_size));
                munmap(at, (size_t)st.st_size);
        }
}

/* False when the runner has gone. */
static bool receive(struct zygote *z, struct packet *p)
{
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {p, sizeof(*p)};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(z->x->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n < (ssize_t)sizeof(p->head))
                return false;
        int fd = -1;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        if (p->head.kind == MSG_KILL)
                kill_pod(z, &p->head);
        else if (p->head.kind == MSG_START && fd >= 0)
                start_from_memfd(z, &p->head, fd);
        else if (p->head.kind == MSG_START)
                start(z, &p->head, wire_read(p->body, (size_t)n - sizeof(p->head)));
        explicit_bzero(p->body, (size_t)n - sizeof(p->head)); /* it may hold secrets */
        if (fd >= 0)
                close(fd);
        return true;
}

int serve(struct executor *x)
{
        struct zygote z = {.x = x};
        struct packet *p = mem_alloc(sizeof(*p));
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
                        open = receive(&z, p) && open;
        }
        mem_free(z.children);
        mem_free(p);
        return 0;
}
