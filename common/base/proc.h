/* common/base/proc.h: child processes by pidfd: no SIGCHLD, no pid reuse races, never fork from a
 * large parent. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include <sys/types.h>

struct proc;
struct proc_exit {
        int code;   /* exit code, or 128 + signal; -1 unknown (not a child of ours) */
        int signal; /* 0 unless killed */
};
typedef void proc_exit_fn(void *arg, const struct proc_exit *how);
struct proc_spec {
        const char *const
                *argv; /* argv[0] is the program, looked up in PATH when it holds no slash */
        const char *const *envp;            /* NULL: the parent's */
        const char *cwd;                    /* NULL: the parent's */
        int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; borrowed */
};
/* posix_spawn in its own process group; on_exit comes exactly once, later. */
int proc_spawn(struct proc **out, struct loop *l, const struct proc_spec *spec,
               proc_exit_fn *on_exit, void *arg, struct err *e) MUST_CHECK;
/* Watch a process that already runs, by its pidfd, which the watch owns once this succeeded (-1: it
 * opens one itself). The exit code is known only for children. */
int proc_watch(struct proc **out, struct loop *l, pid_t pid, int pidfd, proc_exit_fn *on_exit,
               void *arg, struct err *e) MUST_CHECK;
pid_t proc_pid(const struct proc *p);
void proc_signal(struct proc *p, int sig, bool group); /* harmless after the exit */
struct proc *proc_free(struct proc *p);                /* stops watching; a running child goes on */
int pidfd_open_pid(pid_t pid);                         /* -1 and errno */
uint64_t proc_start_ticks(pid_t pid); /* field 22 of /proc/PID/stat, 0 if gone: tells pid reuse */
