/* workflow/executor/start.c: main is started by vfork and exec: the child borrows our memory until
 * the exec, so nothing is copied and it can leave the reason of a failure behind. Looking the
 * command up happens before, in the parent. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT = 126, EXIT_NOT_FOUND = 127, CAPS = 41 };

static const char enter_cwd[] = "enter workingDir";

struct child {
        const struct pod *p;
        const char *program;
        int out, err;
        volatile int error; /* errno of the step that failed */
        const char *volatile step;
};

static bool runnable(const char *path, struct stat *st)
{
        return stat(path, st) == 0 && S_ISREG(st->st_mode) && (st->st_mode & 0111);
}

/* As execvp, with main's PATH, seen from where main will be. */
static bool look_up(const struct spec *s, const char *command, char out[PATH_MAX])
{
        struct stat st;
        const char *path = spec_env(s, "PATH");
        if (strchr(command, '/')) {
                snprintf(out, PATH_MAX, "%s", command);
                return true; /* exec says what is wrong with it */
        }
        while (path && *command) {
                size_t n = strcspn(path, ":");
                int len =
                        snprintf(out, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? path : ".", command);
                if (len < PATH_MAX && runnable(out, &st))
                        return true;
                path = path[n] ? path + n + 1 : NULL;
        }
        return false;
}

static bool keeps_caps(const struct pod *p)
{
        /* in a user namespace they reach nothing of the host */
        return !p->spec.isolate || p->spec.privileged || p->x->host.user;
}

/* What no program that is started later can get. */
static int bound_caps(const struct pod *p)
{
        const struct spec *s = &p->spec;
        if (keeps_caps(p))
                return 0;
        for (int cap = 0; cap < CAPS; cap++)
                if (!(s->caps >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
                    errno != EINVAL)
                        return -1;
        return 0;
}

/* What we have ourselves: after the change of user, which may need what is to go. */
static int drop_caps(const struct pod *p)
{
        const struct spec *s = &p->spec;
        if (keeps_caps(p))
                return 0;
        struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct have[2], want[2];
        if (syscall(SYS_capget, &h, have) < 0)
                return -1;
        for (int i = 0; i < 2; i++) {
                want[i].permitted = have[i].permitted & (uint32_t)(s->caps >> (32 * i));
                want[i].effective = want[i].permitted;
                want[i].inheritable = 0;
        }
        return (int)syscall(SYS_capset, &h, want);
}

/* Raw system calls: glibc's wrappers would tell "other threads", which here is the parent. */
static int become_user(const struct pod *p)
{
        const struct spec *s = &p->spec;
        if (s->run_uid == UINT64_MAX && s->run_gid == UINT64_MAX && !p->n_groups)
                return 0;
        if (p->x->host.user || geteuid() != 0)
                return 0; /* nobody else can be had: it stays the user of the daemon */
        gid_t gid = s->run_gid == UINT64_MAX ? 0 : (gid_t)s->run_gid;
        if (syscall(SYS_setgroups, p->n_groups, p->groups) < 0 ||
            syscall(SYS_setresgid, gid, gid, gid) < 0)
                return -1;
        uid_t uid = s->run_uid == UINT64_MAX ? 0 : (uid_t)s->run_uid;
        return (int)syscall(SYS_setresuid, uid, uid, uid);
}

/* What does not concern its output: place, limits, rights. */
static int arrange_rest(struct child *c)
{
        const struct spec *s = &c->p->spec;
        sigset_t none;
        sigemptyset(&none);
        c->step = "enter its cgroup";
        if (limits_enter(c->p) < 0)
                return -1;
        c->step = enter_cwd;
        if (s->cwd ? chdir(s->cwd) < 0 : !s->isolate && fchdir(c->p->tmp) < 0)
                return -1; /* without one: the pod's own folder, or the root of the sandbox */
        c->step = "drop privileges";
        if (bound_caps(c->p) < 0 || become_user(c->p) < 0 || drop_caps(c->p) < 0)
                return -1;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* a change of user clears it */
                return -1;
        if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -1;
        c->step = NULL;
        return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int arrange(struct child *c)
{
        c->step = "start the process";
        if (setpgid(0, 0) < 0)
                return -1;
        int null = open("/dev/null", O_RDONLY);
        if ((null < 0 && c->p->spec.isolate) || (null >= 0 && dup2(null, 0) < 0) ||
            dup2(c->out, 1) < 0 || dup2(c->err, 2) < 0)
                return -1;
        return arrange_rest(c);
}

void action_exec(const struct pod *p, char **argv)
{
        char program[PATH_MAX];
        struct child c = {.p = p, .program = program};
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; null >= 0 && fd < 3; fd++)
                (void)dup2(null, fd);
        if (argv[0] && look_up(&p->spec, argv[0], program) && arrange_rest(&c) == 0)
                execve(program, argv, p->spec.envp);
}

static NORETURN void run_child(struct child *c)
{
        if (arrange(c) == 0)
                execve(c->program, c->p->spec.argv, c->p->spec.envp);
        c->error = errno;
        _exit(EXIT_NOT_FOUND);
}

static void explain(struct pod *p, const struct child *c)
{
        const char *command = p->spec.argv[0];
        bool missing = c->error == ENOENT && !c->step;
        p->wait_status = (missing ? EXIT_NOT_FOUND : EXIT_CANNOT) << 8;
        const char *why = strerror(c->error);
        if (missing && access(c->program, F_OK) == 0)
                why = "its interpreter (first line of a script) or loader (of a program) was not "
                      "found";
        else if (missing)
                why = "no such file";
        bool in_cwd = p->spec.cwd && c->step == enter_cwd;
        if (c->step)
                snprintf(p->start_failure, sizeof(p->start_failure),
                         "cannot start \"%s\": %s: %s%s%s", command, c->step,
                         in_cwd ? p->spec.cwd : "", in_cwd ? ": " : "", why);
        else
                snprintf(p->start_failure, sizeof(p->start_failure), "cannot start \"%s\": %s",
                         command, why);
}

static int make_pipe(const struct pod *p, struct stream *s, const char *name, int *write_end)
{
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        s->fd = ends[0];
        s->name = name;
        *write_end = ends[1];
        if (p->spec.run_uid != UINT64_MAX && !p->x->host.user && geteuid() == 0 &&
            fchown(ends[1], (uid_t)p->spec.run_uid, (gid_t)-1) < 0)
                return -1; /* else main could not open /dev/stdout */
        return 0;
}

int main_start(struct pod *p)
{
        char program[PATH_MAX];
        struct child c = {.p = p, .program = program, .out = -1, .err = -1};
        if (!look_up(&p->spec, p->spec.argv[0], program)) {
                snprintf(p->start_failure, sizeof(p->start_failure),
                         "cannot start \"%s\": not found in PATH", p->spec.argv[0]);
                p->wait_status = EXIT_NOT_FOUND << 8;
                return -1;
        }
        pid_t pid = -1;
        if (make_pipe(p, &p->out, "stdout", &c.out) == 0 &&
            make_pipe(p, &p->err, "stderr", &c.err) == 0) {
                pid = vfork();
                if (pid == 0)
                        run_child(&c);
        }
        if (pid < 0) {
                c.error = errno;
                c.step = "start the process";
        }
        if (c.out >= 0)
                close(c.out);
        if (c.err >= 0)
                close(c.err);
        if (c.error) {
                if (pid > 0)
                        waitpid(pid, NULL, 0);
                explain(p, &c);
                return -1;
        }
        p->main = pid;
        return 0;
}
