/* bench/bare.c: see bare.h. SPDX-License-Identifier: Apache-2.0 */
#include "bench/bare.h"
#include "bench/rows.h"
#include "common/base/attr.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 64 * 1024, AT_ONCE_MAX = 64 };

struct job {
        const char *program, *dir;
        int number; /* of the sandbox to start */
};

static NORETURN void die(const char *what)
{
        fprintf(stderr, "bench: the bare side: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void spawn_one(struct job *j)
{
        char *argv[] = {(char *)(uintptr_t)j->program, NULL}, *envp[] = {NULL};
        pid_t pid;
        if (posix_spawn(&pid, j->program, NULL, NULL, argv, envp))
                die("posix_spawn");
}

static int sandbox_child(void *arg)
{
        const struct job *j = arg;
        char at[PATH_MAX], upper[PATH_MAX + 8], work[PATH_MAX + 8], options[3 * PATH_MAX];
        char *argv[] = {(char *)(uintptr_t)j->program, NULL}, *envp[] = {NULL};
        snprintf(at, sizeof(at), "%s/bare/%d", j->dir, j->number);
        snprintf(upper, sizeof(upper), "%s/u", at);
        snprintf(work, sizeof(work), "%s/w", at);
        if (mkdir(at, 0755) < 0 || mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0)
                _exit(2);
        snprintf(options, sizeof(options), "lowerdir=/,upperdir=%s,workdir=%s,volatile", upper,
                 work);
        snprintf(at, sizeof(at), "%s/bare/root", j->dir);
        if (mount("overlay", at, "overlay", 0, options) < 0 || chdir(at) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                _exit(3);
        execve(j->program, argv, envp);
        _exit(4);
}

static void sandbox_one(struct job *j)
{
        static char stacks[AT_ONCE_MAX][STACK] __attribute__((aligned(64)));
        int flags = CLONE_VM | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                    CLONE_NEWUTS | SIGCHLD;
        if (clone(sandbox_child, stacks[j->number % AT_ONCE_MAX] + STACK, flags, j) < 0)
                die("clone");
}

static void run_batch(enum bare_kind kind, struct job *j, struct bare_batch b)
{
        int running = 0, status;
        for (int i = 0; i < b.steps || running;) {
                if (i < b.steps && running < b.at_once) {
                        kind == BARE_SPAWN ? spawn_one(j) : sandbox_one(j);
                        j->number++;
                        running++;
                        i++;
                } else if (wait(&status) > 0) {
                        if (status)
                                die("a process failed");
                        running--;
                }
        }
}

static double timed(enum bare_kind kind, struct job *j, const struct bare_batch *batches, size_t n)
{
        double from = bench_now_us();
        for (size_t i = 0; i < n; i++)
                run_batch(kind, j, batches[i]);
        return bench_now_us() - from;
}

/* A mount namespace of its own, and upper layers in memory. */
static void private_mounts(const struct job *j)
{
        char bare[PATH_MAX], root[PATH_MAX + 8];
        snprintf(bare, sizeof(bare), "%s/bare", j->dir);
        snprintf(root, sizeof(root), "%s/root", bare);
        if (mkdir(bare, 0755) < 0 && errno != EEXIST)
                die(bare);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
            mount("bench", bare, "tmpfs", 0, NULL) < 0 || mkdir(root, 0755) < 0)
                die("mounts");
}

double bare_run(enum bare_kind kind, const char *program, const char *dir,
                const struct bare_batch *batches, size_t n)
{
        struct job j = {program, dir, 0};
        int ends[2];
        double us;
        if (kind == BARE_SPAWN)
                return timed(kind, &j, batches, n);
        if (pipe2(ends, O_CLOEXEC) < 0)
                die("pipe");
        pid_t pid = fork();
        if (pid == 0) {
                private_mounts(&j);
                us = timed(kind, &j, batches, n);
                _exit(write(ends[1], &us, sizeof(us)) != sizeof(us));
        }
        close(ends[1]);
        if (read(ends[0], &us, sizeof(us)) != sizeof(us))
                die("the reference");
        close(ends[0]);
        waitpid(pid, NULL, 0);
        return us;
}
