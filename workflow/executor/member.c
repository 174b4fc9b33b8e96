/* workflow/executor/member.c: one container of several, in a process of its own: with a mount and a
 * pid namespace inside the pod's, which has the network, the host name and the IPC that all share.
 *
 * It tells its group over a socket when main runs, is ready and has ended, waits for the word to
 * collect its outputs (what others write into shared volumes until then belongs to them), and
 * leaves its status records in a memfd. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

void member_note(const struct pod *p, unsigned kind, int value)
{
        struct note n = {.kind = kind, .value = value, .at_ns = p->started_ns};
        while (send(p->channel, &n, sizeof(n), MSG_NOSIGNAL) < 0 && errno == EINTR)
                ; /* a group that is gone takes us along */
}

/* True: outputs are required. */
static bool wait_for_collect(const struct pod *p)
{
        struct note n = {0};
        ssize_t got;
        do
                got = recv(p->channel, &n, sizeof(n), 0);
        while (got < 0 && errno == EINTR);
        return got == (ssize_t)sizeof(n) && n.kind == NOTE_COLLECT && n.value;
}

static struct pod *member_new(const struct pod *group, int index, int channel)
{
        struct pod *p = pod_new(group->x, group->serial);
        p->worker = group->worker;
        p->member = index;
        p->channel = channel;
        p->dir = group->dir;
        p->slot = group->slot;
        snprintf(p->slot_at, sizeof(p->slot_at), "%s", group->slot_at);
        snprintf(p->ip, sizeof(p->ip), "%s", group->ip);
        snprintf(p->tmp_name, sizeof(p->tmp_name), "t%d", index);
        snprintf(p->plain_name, sizeof(p->plain_name), "log%d", index);
        return p;
}

static void put_down(const struct pod *p, int fd)
{
        const char *at = p->status.data;
        for (size_t left = p->status.len; left;) {
                ssize_t n = write(fd, at, left);
                if (n < 0 && errno != EINTR)
                        return;
                at += n > 0 ? n : 0;
                left -= n > 0 ? (size_t)n : 0;
        }
}

int member_run(struct pod *group, const struct wire *records, int index, int channel, int status)
{
        struct err e = {0};
        struct pod *p = member_new(group, index, channel);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        p->tmp = slot_open_tmp(p->dir, p->tmp_name);
        if (p->tmp < 0)
                err_errno(&e, errno, "scratch/%u/%s", p->slot, p->tmp_name);
        if (p->tmp < 0 || spec_read(&p->spec, group->spec.all, records, &e) < 0 ||
            container_prepare(p, &e) < 0) {
                status_put(p, PHASE_ERROR, -1, err_msg(&e));
        } else if (!container_killed_early(p)) {
                p->started_ns = now_wall_ns();
                p->spec.deadline_ms = 0; /* the group's */
                container_run(p);
                member_note(p, NOTE_ENDED, container_exit_code(p));
                container_conclude(p, wait_for_collect(p));
        }
        limits_remove(p);
        put_down(p, status);
        return 0;
}
