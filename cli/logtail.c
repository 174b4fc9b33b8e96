/* cli/logtail.c: see logtail.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/logtail.h"
#include "common/base/buf.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/runner.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { CHUNK = 65536, MAX_LINE = 16 << 20 };

struct log_tail {
        char *path, *pod;
        size_t index;
        off_t at;        /* read so far */
        struct buf rest; /* an unfinished line */
};

void log_tails_add(struct log_tails *t, const char *data_dir, const char *uid, const char *node_id,
                   const char *container, const char *pod)
{
        AUTO(mem_free) char *path = runner_log_path(data_dir, uid, node_id, container);
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i]->path, path))
                        return;
        struct log_tail *one = NEW(struct log_tail);
        one->path = mem_strdup(path);
        one->pod = mem_strdup(pod);
        one->index = t->n;
        buf_init(&one->rest, MAX_LINE);
        mem_grow(t->items, t->cap, t->n + 1);
        t->items[t->n++] = one;
}

static void tail_free(struct log_tail *one)
{
        buf_deinit(&one->rest);
        free(one->path);
        free(one->pod);
        free(one);
}

/* "<RFC3339Nano> stdout|stderr <text>"; what is not so is shown as it is. */
static void split(const struct log_tail *one, char *text, struct log_line *line)
{
        *line = (struct log_line){
                .pod = one->pod, .time = "", .text = text, .tail_index = one->index};
        char *stream = strchr(text, ' ');
        char *rest = stream ? strchr(stream + 1, ' ') : NULL;
        if (!rest)
                return;
        *stream = *rest = '\0';
        if (!time_parse_rfc3339(text, &line->time_ns)) {
                *stream = *rest = ' ';
                return;
        }
        line->time = text;
        line->is_stderr = streq(stream + 1, "stderr");
        line->text = rest + 1;
}

static void take_lines(struct log_tail *one, log_line_fn *fn, void *arg)
{
        size_t from = 0;
        char *end;
        while (from < one->rest.len &&
               (end = memchr(one->rest.data + from, '\n', one->rest.len - from))) {
                *end = '\0';
                struct log_line line;
                char *text = one->rest.data + from;
                from = (size_t)(end - one->rest.data) + 1;
                split(one, text, &line);
                fn(arg, &line);
        }
        buf_consume(&one->rest, from);
}

static void read_tail(struct log_tail *one, log_line_fn *fn, void *arg)
{
        int fd = open(one->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return; /* it has not begun, or was removed */
        ssize_t n;
        char *room;
        while ((room = buf_reserve(&one->rest, CHUNK)) &&
               (n = pread(fd, room, CHUNK, one->at)) > 0) {
                one->at += n;
                one->rest.len += (size_t)n;
                take_lines(one, fn, arg);
        }
        if (one->rest.overflow) { /* a line without end */
                buf_reset(&one->rest);
                one->rest.overflow = false;
        }
        close(fd);
}

void log_tails_read(struct log_tails *t, log_line_fn *fn, void *arg)
{
        for (size_t i = 0; i < t->n; i++)
                read_tail(t->items[i], fn, arg);
}

/* ---- merged ---- */

struct kept {
        struct log_line line;
        char *time, *text;
        size_t order;
};
struct merge {
        struct kept *items;
        size_t n, cap;
};

static void keep(void *arg, const struct log_line *line)
{
        struct merge *m = arg;
        mem_grow(m->items, m->cap, m->n + 1);
        struct kept *k = &m->items[m->n];
        *k = (struct kept){*line, mem_strdup(line->time), mem_strdup(line->text), m->n};
        k->line.time = k->time;
        k->line.text = k->text;
        m->n++;
}

static int by_time(const void *a, const void *b)
{
        const struct kept *x = a, *y = b;
        if (x->line.time_ns != y->line.time_ns)
                return x->line.time_ns < y->line.time_ns ? -1 : 1;
        return x->order < y->order ? -1 : 1;
}

void log_tails_read_merged(struct log_tails *t, int64_t last, log_line_fn *fn, void *arg)
{
        struct merge m = {0};
        log_tails_read(t, keep, &m);
        if (m.n)
                qsort(m.items, m.n, sizeof(*m.items), by_time);
        size_t from = last >= 0 && (uint64_t)last < m.n ? m.n - (size_t)last : 0;
        for (size_t i = 0; i < m.n; i++) {
                if (i >= from)
                        fn(arg, &m.items[i].line);
                free(m.items[i].time);
                free(m.items[i].text);
        }
        free(m.items);
}

/* ---- watching ---- */

static void on_inotify(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct log_tails *t = arg;
        char events[4096];
        while (read((int)fd, events, sizeof(events)) > 0)
                continue;
        t->grown(t->arg);
}

int log_tails_watch(struct log_tails *t, struct loop *l, const char *data_dir, const char *uid,
                    loop_fn *grown, void *arg, struct err *e)
{
        AUTO(mem_free) char *folder = runner_log_path(data_dir, uid, "", "");
        *strrchr(folder, '/') = '\0';
        t->grown = grown;
        t->arg = arg;
        t->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (t->inotify < 0)
                return err_errno(e, errno, "inotify");
        t->event = event_new(loop_base(l), t->inotify, EV_READ | EV_PERSIST, on_inotify, t);
        event_add(t->event, NULL);
        struct err ignored = {
                0}; /* it may be another user's: then changes of the workflow alone wake us */
        if (fs_mkdirs(folder, 0700, &ignored) == 0)
                (void)inotify_add_watch(t->inotify, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
        err_clear(&ignored);
        return 0;
}

void log_tails_deinit(struct log_tails *t)
{
        for (size_t i = 0; i < t->n; i++)
                tail_free(t->items[i]);
        if (t->event)
                event_free(t->event);
        if (t->inotify > 0)
                close(t->inotify);
        free(t->items);
        *t = (struct log_tails){0};
}
