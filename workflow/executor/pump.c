/* workflow/executor/pump.c: what main writes: whole lines with a timestamp into the pod's log, the
 * bytes as they are into the log that is archived, the end of stdout for outputs.result.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Made for the first line: many steps say nothing, and making a file costs more than starting
 * them. */
static int log_fd(struct pod *p)
{
        char name[NAME_MAX + 1];
        if (p->log >= 0 || p->log_failed)
                return p->log;
        snprintf(name, sizeof(name), "%s.%s.log", p->spec.node, p->spec.name);
        p->log = create_in(p->x->logs, p->spec.uid, name, O_WRONLY | O_APPEND, 0600);
        p->log_failed = p->log < 0;
        return p->log;
}

static void write_out(struct pod *p, int fd, const char *data, size_t n)
{
        while (n && fd >= 0) {
                ssize_t w = write(fd, data, n);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w < 0) {
                        p->log_failed = true; /* main goes on; the final status has a note */
                        return;
                }
                data += w;
                n -= (size_t)w;
        }
}

static void tail_add(struct tail *t, const char *data, size_t n)
{
        t->total += n;
        if (n > RESULT_MAX) {
                data += n - RESULT_MAX;
                n = RESULT_MAX;
        }
        size_t first = RESULT_MAX - t->at < n ? RESULT_MAX - t->at : n;
        memcpy(t->ring + t->at, data, first);
        memcpy(t->ring, data + first, n - first);
        t->at = (t->at + n) % RESULT_MAX;
}

/* Lines of s->buf[0..len) to the log; an unfinished one only when `all`. Answers how many bytes
 * went. */
static size_t put_lines(struct pod *p, struct stream *s, bool all)
{
        char out[PUMP_BUF / 2 + 256], when[40], prefix[64];
        time_rfc3339_nano(now_wall_ns(), when);
        size_t prefix_len = (size_t)snprintf(prefix, sizeof(prefix), "%s %s ", when, s->name);
        size_t used = 0, at = 0;
        while (at < s->len) {
                const char *nl = memchr(s->buf + at, '\n', s->len - at);
                if (!nl && !all)
                        break;
                size_t n = (nl ? (size_t)(nl - s->buf) : s->len) - at;
                size_t part = n < PUMP_BUF / 2 ? n : PUMP_BUF / 2; /* longer lines are split */
                if (used + prefix_len + part + 1 > sizeof(out)) {
                        write_out(p, log_fd(p), out, used);
                        used = 0;
                }
                memcpy(out + used, prefix, prefix_len);
                memcpy(out + used + prefix_len, s->buf + at, part);
                used += prefix_len + part;
                out[used++] = '\n';
                at += part + (part == n && nl ? 1 : 0);
        }
        if (used)
                write_out(p, log_fd(p), out, used);
        return at;
}

void pump_end(struct pod *p, struct stream *s)
{
        if (s->len)
                put_lines(p, s, true);
        s->len = 0;
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

void pump_read(struct pod *p, struct stream *s)
{
        ssize_t n = read(s->fd, s->buf + s->len, sizeof(s->buf) - s->len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                pump_end(p, s);
                return;
        }
        if (p->plain >= 0)
                write_out(p, p->plain, s->buf + s->len, (size_t)n);
        if (p->spec.capture && s == &p->out)
                tail_add(&p->tail, s->buf + s->len, (size_t)n);
        s->len += (size_t)n;
        size_t gone = put_lines(p, s, s->len == sizeof(s->buf));
        memmove(s->buf, s->buf + gone, s->len - gone);
        s->len -= gone;
}
