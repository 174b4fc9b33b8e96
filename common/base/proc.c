/* common/base/proc.c: see proc.h. A pidfd becomes readable when its process ends, so the loop
 * learns it like any other event; waitid(P_PIDFD) then takes the exit code.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/proc.h"
#include "common/base/buf.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct proc {
        pid_t pid;
        int pidfd;
        bool ended;
        struct event *ready;
        proc_exit_fn *on_exit;
        void *arg;
};

int pidfd_open_pid(pid_t pid)
{
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

static struct proc_exit reap(int pidfd)
{
        siginfo_t si = {0};
        if (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
                return (struct proc_exit){.code = -1}; /* not our child */
        if (si.si_code == CLD_EXITED)
                return (struct proc_exit){.code = si.si_status};
        return (struct proc_exit){.code = 128 + si.si_status, .signal = si.si_status};
}

static void on_ended(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct proc *p = arg;
        struct proc_exit how = reap(fd);
        p->ended = true;
        event_del(p->ready);
        p->on_exit(p->arg, &how); /* may free p */
}

int proc_watch(struct proc **out, struct loop *l, pid_t pid, int pidfd, proc_exit_fn *on_exit,
               void *arg, struct err *e)
{
        if (pidfd < 0 && (pidfd = pidfd_open_pid(pid)) < 0)
                return err_errno(e, errno, "watch process %ld", (long)pid);
        struct proc *p = NEW(struct proc);
        *p = (struct proc){.pid = pid, .pidfd = pidfd, .on_exit = on_exit, .arg = arg};
        p->ready = event_new(loop_base(l), pidfd, EV_READ | EV_PERSIST, on_ended, p);
        event_add(p->ready, NULL);
        *out = p;
        return 0;
}

pid_t proc_pid(const struct proc *p)
{
        return p->pid;
}

void proc_signal(struct proc *p, int sig, bool group)
{
        if (p->ended)
                return;
        if (group)
                kill(-p->pid, sig); /* not reaped yet, so the number is still its own */
        else
                syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
}

struct proc *proc_free(struct proc *p)
{
        if (!p)
                return NULL;
        event_free(p->ready);
        close(p->pidfd);
        free(p);
        return NULL;
}

uint64_t proc_start_ticks(pid_t pid)
{
        char path[40];
        snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
        AUTO_BUF struct buf b = BUF_INIT(4096);
        if (fs_read(&b, path, 4096, NULL) < 0)
                return 0;
        const char *p = strrchr(buf_str(&b), ')'); /* the name before it may hold anything */
        for (int field = 2; p && field < 22; field++)
                p = strchr(p + 1, ' ');
        return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* ---- spawning ---- */

/* Descriptors 0 to 2 of the parent are moved out of the way first, so that the order of dup2 cannot
 * matter. */
static int plan_stdio(posix_spawn_file_actions_t *actions, const int want[3], int moved[3])
{
        for (int i = 0; i < 3; i++) {
                int from = want[i];
                if (from >= 0 && from < 3 && from != i) {
                        from = moved[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
                        if (from < 0)
                                return errno;
                }
                int r = from < 0 ? posix_spawn_file_actions_addopen(actions, i, "/dev/null",
                                                                    i ? O_WRONLY : O_RDONLY, 0)
                                 : posix_spawn_file_actions_adddup2(actions, from, i);
                if (r)
                        return r;
        }
        return posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int plan_attributes(posix_spawnattr_t *attr)
{
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setpgroup(attr, 0);
        posix_spawnattr_setsigmask(attr, &none);
        posix_spawnattr_setsigdefault(attr, &all);
        return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
}

static int spawn(pid_t *pid, const struct proc_spec *spec, posix_spawn_file_actions_t *actions,
                 posix_spawnattr_t *attr, int moved[3])
{
        extern char **environ;
        const int want[3] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd};
        int r = plan_attributes(attr);
        if (!r && spec->cwd)
                r = posix_spawn_file_actions_addchdir_np(actions, spec->cwd);
        if (!r)
                r = plan_stdio(actions, want, moved);
        if (r)
                return r;
        char *const *argv = (char *const *)(uintptr_t)spec->argv;
        char *const *envp = spec->envp ? (char *const *)(uintptr_t)spec->envp : environ;
        return posix_spawnp(pid, argv[0], actions, attr, argv, envp);
}

int proc_spawn(struct proc **out, struct loop *l, const struct proc_spec *spec,
               proc_exit_fn *on_exit, void *arg, struct err *e)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attr);
        int moved[3] = {-1, -1, -1};
        pid_t pid = -1;
        int why = spawn(&pid, spec, &actions, &attr, moved);
        for (int i = 0; i < 3; i++)
                if (moved[i] >= 0)
                        close(moved[i]);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        if (why)
                return err_errno(e, why, "cannot run %s%s%s", spec->argv[0],
                                 spec->cwd ? " in " : "", spec->cwd ? spec->cwd : "");
        if (proc_watch(out, l, pid, -1, on_exit, arg, e) == 0)
                return 0;
        kill(-pid, SIGKILL); /* nobody would ever hear of it */
        waitpid(pid, NULL, 0);
        return -1;
}
