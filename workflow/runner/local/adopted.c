/* workflow/runner/local/adopted.c: news of a pod whose supervisor speaks to a runner that is gone:
 * it still writes them into the state file, so that file is watched (inotify): a daemon becomes
 * ready, a container of a set ends. Its own end is told by its pidfd (local.c).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static void on_change(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct runner_pod *p = arg;
        struct trace t;
        struct err e = {0};
        char drained[4096];
        while (read(fd, drained, sizeof(drained)) > 0)
                ;
        if (trace_pod(&t, p->runner->data_dir, p->uid, p->node, &e) == 0 &&
            t.kind == TRACE_RUNNING) {
                bool same = t.running.len == p->running.len &&
                            (!t.running.len ||
                             memcmp(t.running.data, p->running.data, t.running.len) == 0);
                close(t.pidfd);
                if (!same)
                        pod_note_running(p, t.started_ns, t.running.data, t.running.len);
        }
        err_clear(&e); /* its end says what is wrong */
        trace_deinit(&t);
}

void adopted_watch(struct runner_pod *p)
{
        AUTO(mem_free)
        char *path = mem_printf("%s/pods/%s/%s", p->runner->data_dir, p->uid, p->node);
        if (p->news)
                return;
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0) {
                if (fd >= 0)
                        close(fd);
                return; /* then only its end is seen */
        }
        p->news = event_new(loop_base(p->runner->o.loop), fd, EV_READ | EV_PERSIST, on_change, p);
        event_add(p->news, NULL);
        on_change(fd, 0, p); /* what was written before we looked */
}

void adopted_unwatch(struct runner_pod *p)
{
        if (!p->news)
                return;
        int fd = (int)event_get_fd(p->news);
        event_free(p->news);
        close(fd);
        p->news = NULL;
}
