/* workflow/executor/worker.c: a process that waits on a socket of its own for a pod to carry out,
 * so that a step need not wait for a clone.
 *
 * A pod may be held: the worker prepares it (folders, sandbox, inputs) while its node is on its way
 * to the disk, and goes on at GO; until then nothing of it is claimed, and when the socket ends
 * instead, no trace is left. A sandbox takes its worker with it, and so does a pod of several
 * containers; other pods leave the worker as they found it, and it waits for the next one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct packet {
        struct msg_head head;
        char body[WIRE_INLINE_MAX];
};

/* Bytes of the body; -1: the runner has gone. *fd is the body when it came as a memfd. */
static ssize_t receive(int link, struct packet *p, int *fd)
{
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {p, sizeof(*p)};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        ssize_t n;
        do
                n = recvmsg(link, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
        *fd = -1;
        if (c && c->cmsg_type == SCM_RIGHTS)
                memcpy(fd, CMSG_DATA(c), sizeof(*fd));
        return n < (ssize_t)sizeof(p->head) ? -1 : n - (ssize_t)sizeof(p->head);
}

/* The word about a pod that is held. */
bool worker_may_go(struct worker *w, uint64_t serial)
{
        struct msg_head h;
        for (;;) {
                ssize_t n = recv(w->link, &h, sizeof(h), 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < (ssize_t)sizeof(h))
                        return false;
                if (h.serial == serial && h.kind == MSG_GO)
                        return true;
        }
}

static void carry_out(struct worker *w, const struct msg_head *h, const void *body, size_t n)
{
        oom_look(w->x, &w->oom_read_ms);
        supervise(w, h, wire_read(body, n));
}

/* The body came as a memfd because it is large. */
static void carry_out_memfd(struct worker *w, const struct msg_head *h, int fd)
{
        struct stat st;
        void *at = fstat(fd, &st) < 0
                           ? MAP_FAILED
                           : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED) {
                send_msg(w->x, MSG_GONE, w->id, (uint64_t)(uint32_t)-errno, NULL, 0);
                w->spent = true;
                return;
        }
        carry_out(w, h, at, (size_t)st.st_size);
        munmap(at, (size_t)st.st_size);
}

int worker_serve(struct worker *w)
{
        struct packet *p = mem_alloc(sizeof(*p));
        setsid();
        while (!w->spent) {
                int fd;
                ssize_t n = receive(w->link, p, &fd);
                if (n < 0)
                        break;
                if (p->head.kind == MSG_START && fd >= 0)
                        carry_out_memfd(w, &p->head, fd);
                else if (p->head.kind == MSG_START)
                        carry_out(w, &p->head, p->body, (size_t)n);
                explicit_bzero(p->body, (size_t)n); /* it may hold secrets */
                if (fd >= 0)
                        close(fd);
        }
        mem_free(p);
        if (w->unfit)
                send_msg(w->x, MSG_GONE, w->id, 0, NULL, 0);
        return w->unfit;
}
