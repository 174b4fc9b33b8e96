/* workflow/executor/status.c: the final status: first into the state file (so that a runner that
 * restarts finds it), then to the runner that listens. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_mono_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_wall_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t oom_kills(void)
{
        char text[8192];
        int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *at = strstr(text, "\noom_kill ");
        return at ? strtoull(at + 10, NULL, 10) : 0;
}

/* Not for every step: the file costs more than a sandbox's mount. */
void oom_look(struct executor *x, int64_t *read_ms)
{
        enum { OOM_READ_MS = 1000 };
        int64_t now = now_mono_ms();
        if (now - *read_ms <= OOM_READ_MS)
                return;
        *read_ms = now;
        x->oom_kills = oom_kills();
}

void status_put(struct pod *p, int phase, int exit_code, const char *message)
{
        struct buf *b = &p->status;
        if (!p->finished_ns)
                p->finished_ns = now_wall_ns();
        wire_put_u64(b, R_PHASE, (uint64_t)phase);
        wire_put_u64(b, R_EXIT_CODE, (uint64_t)(int64_t)exit_code);
        wire_put_str(b, R_MESSAGE, message);
        if (p->started_ns)
                wire_put_u64(b, R_STARTED, (uint64_t)p->started_ns);
        wire_put_u64(b, R_FINISHED, (uint64_t)p->finished_ns);
        if (*p->ip)
                wire_put_str(b, R_IP, p->ip);
        if (p->log_failed)
                wire_put_str(b, R_NOTE, "the log could not be written to its end");
}

static void record_final(const struct pod *p)
{
        const struct buf *b = &p->status;
        AUTO_BUF struct buf frame = BUF_INIT(STATUS_MAX + 4096);
        if (p->state < 0)
                return; /* it was never ours */
        frame_put(&frame, frame_owner(p->spec.uid, p->spec.node), FRAME_FINAL, b->data, b->len);
        const char *at = frame.data;
        for (size_t left = frame.len; left;) {
                ssize_t n = write(p->state, at, left);
                if (n < 0 && errno != EINTR)
                        return; /* disk full: the live runner still hears it; a restarted one says
                                   "pod deleted" */
                at += n > 0 ? n : 0;
                left -= n > 0 ? (size_t)n : 0;
        }
}

void status_send(struct pod *p)
{
        const struct buf *b = &p->status;
        record_final(p);
        bool small = b->len <= WIRE_INLINE_MAX;
        send_msg(p->x, MSG_FINAL, p->serial, 0, b->data, small ? b->len : 0);
}
