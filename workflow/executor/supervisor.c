/* workflow/executor/supervisor.c: one pod, from the claim of its state file to its final status.
 *
 * The state file <data>/pods/<uid>/<node id> is the truth about a pod: whoever brings it there (a
 * rename that replaces nothing) runs the pod, nobody else ever will; the supervisor holds a write
 * lock on it as long as it lives, and the lock tells its pid (F_GETLK); it is empty until just
 * before main starts, then has a RUNNING frame, in the end a FINAL frame. So a runner that was
 * killed learns all it needs from the file, without pid files and without mistaking one process for
 * another.
 *
 * The file is one that another pod has left, where there is one: a file system looks long for the
 * place of a new file when thousands were deleted lately. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int create_in(int folder, const char *sub, const char *name, int flags, mode_t mode)
{
        char path[NAME_MAX * 2 + 2];
        snprintf(path, sizeof(path), "%s/%s", sub, name);
        int fd = openat(folder, path, flags | O_CREAT | O_CLOEXEC, mode);
        if (fd < 0 && errno == ENOENT) {
                mkdirat(folder, sub, 0700);
                fd = openat(folder, path, flags | O_CREAT | O_CLOEXEC, mode);
        }
        return fd;
}

static bool lock_whole(int fd)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        return fcntl(fd, F_SETLK, &lock) == 0;
}

/* An empty file, locked, that nobody knows yet. One that was left may still be locked by the worker
 * that is about to let go of it. */
static int take_file(struct pod *p, uint64_t spare, struct err *e)
{
        struct stat st;
        if (spare) {
                snprintf(p->spare, sizeof(p->spare), "%llu", (unsigned long long)spare);
                p->state = openat(p->x->spare, p->spare, O_RDWR | O_APPEND | O_CLOEXEC);
                if (p->state >= 0 && lock_whole(p->state) && fstat(p->state, &st) == 0 &&
                    st.st_size == 0)
                        return 0;
                if (p->state >= 0)
                        close(p->state);
                unlinkat(p->x->spare, p->spare, 0);
        }
        snprintf(p->spare, sizeof(p->spare), "%d-%llu", (int)p->x->pid,
                 (unsigned long long)p->serial);
        p->state = openat(p->x->spare, p->spare, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC,
                          0600);
        if (p->state < 0 || !lock_whole(p->state))
                return err_errno(e, errno, "spare/%s", p->spare);
        return 0;
}

static void give_file_back(struct pod *p)
{
        if (p->state >= 0 && *p->spare)
                unlinkat(p->x->spare, p->spare, 0);
}

/* 1: ours; 0: it was there before; -1: cannot. */
static int claim(struct pod *p, struct err *e)
{
        char path[NAME_MAX * 2 + 2];
        snprintf(path, sizeof(path), "%s/%s", p->spec.uid, p->spec.node);
        for (int tries = 0;; tries++) {
                if (renameat2(p->x->spare, p->spare, p->x->pods, path, RENAME_NOREPLACE) == 0) {
                        *p->spare = '\0';
                        return 1;
                }
                if (errno == EEXIST)
                        return 0;
                if (errno != ENOENT || tries)
                        return err_errno(e, errno, "pods/%s", path);
                mkdirat(p->x->pods, p->spec.uid, 0700);
        }
}

/* The worker's: its last pod left it empty, or that of the worker before. */
static int open_slot(struct pod *p, struct worker *w, struct err *e)
{
        p->tmp = w->tmp >= 0 ? w->tmp : slot_open_tmp(p->dir, p->tmp_name);
        if (p->tmp < 0 || (!w->clean && slot_clean(p->dir, p->tmp) < 0))
                return err_errno(e, errno, "scratch/%u", p->slot);
        w->tmp = p->tmp;
        w->clean = true;
        return 0;
}

static int prepare(struct pod *p, struct worker *w, struct err *e)
{
        if (open_slot(p, w, e) < 0)
                return -1;
        if (p->spec.isolate && (network_private(p, e) < 0 || volumes_make(p, e) < 0))
                return -1;
        return p->spec.grouped ? 0 : container_prepare(p, e);
}

/* ---- what is told while it runs ---- */

static void put_running(const struct pod *p, struct buf *b)
{
        wire_put_u64(b, R_STARTED, (uint64_t)p->started_ns);
        wire_put_u64(b, R_READY, p->ready);
        if (*p->ip)
                wire_put_str(b, R_IP, p->ip);
        group_put_containers(p, b);
}

/* Into the state file: a runner that comes back knows it too. */
bool record_running(struct pod *p)
{
        AUTO_BUF struct buf frame = BUF_INIT(RUNNING_MAX + 4096), body = BUF_INIT(RUNNING_MAX);
        put_running(p, &body);
        frame_put(&frame, frame_owner(p->spec.uid, p->spec.node), FRAME_RUNNING, body.data,
                  body.len);
        return write(p->state, frame.data, frame.len) == (ssize_t)frame.len;
}

void announce(struct pod *p)
{
        AUTO_BUF struct buf body = BUF_INIT(RUNNING_MAX);
        p->announce_at_ms = 0;
        if (p->channel >= 0) {
                member_note(p, p->ready ? NOTE_READY : NOTE_RUNNING, 0);
                return;
        }
        if (p->announced)
                (void)record_running(p); /* else it stands there already; a full disk shows at the
                                            end */
        p->announced = true;
        put_running(p, &body);
        send_msg(p->x, MSG_RUNNING, p->serial, (uint64_t)p->started_ns, body.data, body.len);
}

static void run(struct pod *p)
{
        p->started_ns = now_wall_ns();
        if (!record_running(p)) {
                status_put(p, PHASE_ERROR, -1,
                           "the state file of the pod cannot be written: is the disk full?");
        } else if (p->spec.grouped) {
                group_run(p);
        } else {
                container_run(p);
                container_conclude(p, true);
        }
}

/* What overlayfs leaves of a root that nobody wrote to; else, and for the rest, the whole tree. */
static int remove_layers(const struct pod *p)
{
        static const char *const left[] = {"w/work/incompat/volatile/dirty",
                                           "w/work/incompat/volatile",
                                           "w/work/incompat",
                                           "w/work",
                                           "w",
                                           "u"};
        bool bare = true;
        for (size_t i = 0; bare && i < ARRAY_LEN(left); i++)
                bare = unlinkat(p->layers, left[i], i ? AT_REMOVEDIR : 0) == 0;
        if (bare && unlinkat(p->x->host.base, p->layers_at, AT_REMOVEDIR) == 0)
                return 0;
        return tree_remove(p->x->host.base, p->layers_at);
}

/* After the final status. Back in the zygote's mount namespace: ours goes with us, its overlays
 * too, and the folders are only folders. */
static void clean_up(struct pod *p, struct worker *w)
{
        int rc = 0;
        limits_remove(p);
        if (p->spec.isolate && setns(p->x->host.mounts, CLONE_NEWNS) < 0)
                return;
        if (p->layers >= 0 && p->x->host.in_memory)
                rc = remove_layers(p);
        if (p->tmp >= 0 &&
            (w->spent ? slot_clean(p->dir, p->tmp) : slot_renew(p->dir, &w->tmp)) < 0)
                rc = -1;
        if (rc == 0 || errno == ENOENT) /* the data folder has gone */
                return;
        fprintf(stderr, "tiphys-executor: scratch/%u stays behind: %s\n", p->slot, strerror(errno));
        w->unfit = w->spent = true; /* the next worker looks again */
}

struct pod *pod_new(const struct executor *x, uint64_t serial)
{
        struct pod *p = mem_alloc(sizeof(*p));
        p->x = x;
        p->serial = serial;
        p->member = p->channel = p->cgroups[LIMIT_MEMORY] = p->cgroups[LIMIT_CPU] = -1;
        p->state = p->log = p->plain = p->tmp = p->layers = p->upper = p->out.fd = p->err.fd = -1;
        p->status = BUF_INIT(STATUS_MAX);
        snprintf(p->tmp_name, sizeof(p->tmp_name), "tmp");
        snprintf(p->plain_name, sizeof(p->plain_name), "log");
        return p;
}

static void close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
}

/* Of a pod that leaves its worker alive. */
static void pod_free(struct pod *p)
{
        close_fd(p->state); /* and with it its lock */
        close_fd(p->log);
        close_fd(p->plain);
        buf_deinit(&p->status);
        mem_free(p->spec.argv);
        mem_free(p->spec.envp);
        mem_free(p);
}

static void run_or_explain(struct pod *p, int prepared, const struct err *e)
{
        if (p->spec.deadline_ms)
                p->deadline_at_ms = now_mono_ms() + p->spec.deadline_ms;
        if (prepared < 0)
                status_put(p, PHASE_ERROR, -1, err_msg(e));
        else if (!container_killed_early(p))
                run(p);
        status_send(p);
}

void supervise(struct worker *w, const struct msg_head *h, struct wire request)
{
        struct err e = {0}, trouble = {0};
        struct pod *p = pod_new(w->x, h->serial);
        p->worker = w->id;
        p->dir = w->dir;
        p->slot = w->slot;
        snprintf(p->slot_at, sizeof(p->slot_at), "../scratch/%u", p->slot);
        int mine = 1, rc = spec_read(&p->spec, request, NULL, &e);
        w->spent = w->isolate || p->spec.grouped;
        int file = rc < 0 ? -1 : take_file(p, h->arg >> START_SPARE, &trouble);
        if (rc == 0)
                rc = prepare(p, w, &e);
        if (h->arg & START_HELD && !worker_may_go(w, h->serial))
                mine = 0;
        else if ((mine = file < 0 ? -1 : claim(p, &trouble)) == 0)
                send_msg(w->x, MSG_EXISTS, h->serial, 0, NULL, 0);
        give_file_back(p);
        if (mine > 0 && rc == 0) /* its socket stands beside the state file */
                rc = dialled_by_others(p, &e);
        if (mine)
                run_or_explain(p, mine < 0 ? -1 : rc, err_is_set(&e) ? &e : &trouble);
        clean_up(p, w);
        err_clear(&e);
        err_clear(&trouble);
        if (!w->spent)
                pod_free(p);
}
