/* workflow/runner/local/state.c: what became of a pod, from its state file (see
 * workflow/executor/supervisor.c).
 *
 * Locked: the supervisor lives, and the lock names its pid, which stays its own as long as the lock
 * is held. Not locked: we take the lock ourselves, so nobody can begin while we look. Then a FINAL
 * frame is the end; a RUNNING frame without FINAL means that the supervisor was killed or the
 * machine went down ("pod deleted"); an empty file means that main was never started: the file is
 * given up (ABANDONED, in case its creator still sits before its own lock call) and removed, the
 * pod may start anew. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STATE_MAX = 32 * 1024 * 1024 };

static pid_t lock_holder(int fd)
{
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK ? l.l_pid : 0;
}

/* 1: it runs, 0: nobody holds the lock. */
static int find_supervisor(struct trace *t, int fd, struct err *e)
{
        for (pid_t pid; (pid = lock_holder(fd));) {
                if (pid < 0)
                        return err_set(e, ERR_UNAVAILABLE,
                                       "its supervisor runs in another pid namespace");
                t->pidfd = pidfd_open_pid(pid);
                if (t->pidfd >= 0 && lock_holder(fd) == pid) {
                        t->pid = pid;
                        return 1;
                }
                if (t->pidfd >= 0)
                        close(t->pidfd);
                else if (errno != ESRCH)
                        return err_errno(e, errno, "pidfd_open");
        }
        return 0;
}

static void read_frames(struct trace *t, const struct buf *text)
{
        enum frame_kind kind;
        struct wire content;
        for (size_t at = 0; frame_next(text->data, text->len, &at, t->owner, &kind, &content);) {
                if (kind == FRAME_RUNNING) {
                        t->started_ns = (int64_t)wire_find_u64(content, R_STARTED, 0);
                        buf_reset(&t->running);
                        buf_add(&t->running, content.p, (size_t)(content.end - content.p));
                }
                if (kind != FRAME_FINAL)
                        continue;
                buf_reset(&t->final);
                buf_add(&t->final, content.p, (size_t)(content.end - content.p));
                t->kind = TRACE_FINAL;
        }
}

/* Older than this boot: an empty file may have lost its content with the power. */
static bool from_earlier_boot(int fd)
{
        struct timespec up, now;
        struct stat st;
        clock_gettime(CLOCK_BOOTTIME, &up);
        clock_gettime(CLOCK_REALTIME, &now);
        return fstat(fd, &st) == 0 && st.st_mtim.tv_sec + 1 < now.tv_sec - up.tv_sec;
}

static int give_up(int fd, const char *path, struct err *e)
{
        AUTO_BUF struct buf frame = BUF_INIT(64);
        frame_put(&frame, 0, FRAME_ABANDONED, "", 0);
        if (fs_write_all(fd, frame.data, frame.len, e) < 0)
                return -1;
        return unlink(path) < 0 ? err_errno(e, errno, "%s", path) : 0;
}

static int look_inside(struct trace *t, int fd, const char *path, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(STATE_MAX);
        if (lseek(fd, 0, SEEK_SET) < 0 || fs_read_fd(&text, fd, STATE_MAX, e) < 0)
                return err_is_set(e) ? -1 : err_errno(e, errno, "%s", path);
        read_frames(t, &text);
        if (t->kind == TRACE_FINAL || t->pid)
                return 0;
        t->kind = TRACE_LOST;
        if (text.len || from_earlier_boot(fd))
                return 0;
        t->kind = TRACE_NONE;
        return give_up(fd, path, e);
}

static int trace_file(struct trace *t, int fd, const char *path, struct err *e)
{
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        for (;;) {
                int found = find_supervisor(t, fd, e);
                if (found < 0)
                        return -1;
                if (found) {
                        t->kind = TRACE_RUNNING;
                        return look_inside(t, fd, path, e); /* FINAL may stand there already */
                }
                if (fcntl(fd, F_SETLK, &l) == 0)
                        return look_inside(t, fd, path, e);
                if (errno != EAGAIN && errno != EACCES)
                        return err_errno(e, errno, "%s", path);
        }
}

int trace_pod(struct trace *t, const char *data_dir, const char *uid, const char *node,
              struct err *e)
{
        *t = (struct trace){.pidfd = -1,
                            .owner = frame_owner(uid, node),
                            .running = BUF_INIT(STATE_MAX),
                            .final = BUF_INIT(STATE_MAX)};
        AUTO(mem_free) char *path = mem_printf("%s/pods/%s/%s", data_dir, uid, node);
        int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path);
        int rc = trace_file(t, fd, path, e);
        close(fd); /* and with it our lock */
        if (t->kind != TRACE_RUNNING && t->pidfd >= 0) {
                close(t->pidfd);
                t->pidfd = -1;
        }
        return rc < 0 ? err_wrap(e, "pod %s", node) : 0;
}

void trace_deinit(struct trace *t)
{
        buf_deinit(&t->running);
        buf_deinit(&t->final);
}
