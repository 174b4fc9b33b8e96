/* workflow/executor/supervisor.c: one pod, from the claim of its state file to its final status.
 *
 * The state file <data>/pods/<uid>/<node id> is the truth about a pod: whoever creates it (O_EXCL)
 * runs the pod, nobody else ever will; the supervisor holds a write lock on it as long as it lives,
 * and the lock tells its pid (F_GETLK); it is empty until just before main starts, then has a
 * RUNNING frame, in the end a FINAL frame. So a runner that was killed learns all it needs from the
 * file, without pid files and without mistaking one process for another. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int create_in(int folder, const char *sub, const char *name, int flags, mode_t mode)
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

/* 1: ours; 0: it was there before; -1: cannot. */
static int claim(struct pod *p, struct err *e)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        struct stat st;
        p->state =
                create_in(p->x->pods, p->spec.uid, p->spec.node, O_RDWR | O_EXCL | O_APPEND, 0600);
        if (p->state < 0)
                return errno == EEXIST
                               ? 0
                               : err_errno(e, errno, "pods/%s/%s", p->spec.uid, p->spec.node);
        if (fcntl(p->state, F_SETLK, &lock) < 0 || fstat(p->state, &st) < 0 || st.st_size)
                return 0; /* a runner found the file before it was locked and gave it up: it will
                             start another */
        return 1;
}

static int open_logs(struct pod *p, struct err *e)
{
        char name[NAME_MAX + 1];
        snprintf(name, sizeof(name), "%s.main.log", p->spec.node);
        p->log = create_in(p->x->logs, p->spec.uid, name, O_WRONLY | O_APPEND, 0600);
        if (p->log < 0)
                return err_errno(e, errno, "logs/%s/%s", p->spec.uid, name);
        return 0;
}

static int open_slot(struct pod *p, struct err *e)
{
        p->tmp = slot_open_tmp(p->dir);
        if (p->tmp < 0 || slot_clean(p->dir, p->tmp) < 0)
                return err_errno(e, errno, "scratch/%u", p->slot);
        if (p->spec.log_key) {
                p->plain = openat(p->dir, "log", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
                if (p->plain < 0)
                        return err_errno(e, errno, "scratch/%u/log", p->slot);
        }
        return 0;
}

/* Without a sandbox the slot's tmp/ is main's working folder. */
static void add_env(struct pod *p)
{
        struct spec *s = &p->spec;
        size_t n = 0;
        while (s->envp[n])
                n++;
        if (!spec_env(s, "HOME"))
                s->envp[n++] = mem_printf("HOME=%s/scratch/%u/tmp", p->x->data_dir, p->slot);
        if (!spec_env(s, "TMPDIR"))
                s->envp[n++] = mem_printf("TMPDIR=%s/scratch/%u/tmp", p->x->data_dir, p->slot);
}

static int prepare(struct pod *p, struct err *e)
{
        if (open_logs(p, e) < 0 || open_slot(p, e) < 0)
                return -1;
        if (p->spec.isolate)
                return sandbox_enter(p, e);
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || chdir("/") < 0)
                return err_errno(e, errno, "prepare");
        add_env(p);
        return inputs_place(p, e);
}

static void signal_main(const struct pod *p, int sig)
{
        if (p->main && !p->main_ended)
                kill(-p->main, sig);
}

static void end_main(struct pod *p, enum ending why, int64_t grace_ms)
{
        int64_t at = now_mono_ms() + grace_ms;
        if (p->ending == END_BY_ITSELF)
                p->ending = why;
        if (!p->kill_at_ms || at < p->kill_at_ms)
                p->kill_at_ms = at ? at : 1;
        signal_main(p, grace_ms ? SIGTERM : SIGKILL);
}

static void reap(struct pod *p)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
                if (pid != p->main)
                        continue;
                p->main_ended = true;
                p->wait_status = status;
        }
}

static void on_signals(struct pod *p)
{
        struct signalfd_siginfo si;
        while (read(p->x->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
                if (si.ssi_signo == SIGTERM)
                        end_main(p, END_KILLED,
                                 si.ssi_code == SI_QUEUE ? si.ssi_int : p->spec.grace_ms);
        }
        reap(p);
}

/* Milliseconds until the next thing that is due, for poll. */
static int due_in(const struct pod *p)
{
        int64_t at = p->kill_at_ms;
        if (p->deadline_at_ms && p->ending == END_BY_ITSELF)
                at = p->deadline_at_ms;
        if (!at)
                return -1;
        int64_t left = at - now_mono_ms();
        return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void on_time(struct pod *p)
{
        int64_t now = now_mono_ms();
        if (p->deadline_at_ms && p->ending == END_BY_ITSELF && now >= p->deadline_at_ms)
                end_main(p, END_DEADLINE, p->spec.grace_ms);
        if (p->kill_at_ms && now >= p->kill_at_ms) {
                signal_main(p, SIGKILL);
                p->kill_at_ms = now + 1000; /* again, should it have forked away at that moment */
        }
}

static void watch_main(struct pod *p)
{
        while (!p->main_ended) {
                struct pollfd fds[3] = {{.fd = p->x->signals, .events = POLLIN},
                                        {.fd = p->out.fd, .events = POLLIN},
                                        {.fd = p->err.fd, .events = POLLIN}};
                if (poll(fds, 3, due_in(p)) < 0 && errno != EINTR)
                        break;
                if (fds[1].revents)
                        pump_read(p, &p->out);
                if (fds[2].revents)
                        pump_read(p, &p->err);
                if (fds[0].revents)
                        on_signals(p);
                on_time(p);
        }
}

/* Kill the orphans that became our children (we are a subreaper). */
static void kill_children(void)
{
        char path[64], text[4096];
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        for (char *at = text, *end;; at = end) {
                long pid = strtol(at, &end, 10);
                if (end == at || pid <= 0)
                        return;
                kill((pid_t)pid, SIGKILL);
        }
}

/* A pod ends with its main: whatever it left running goes too, so that its output has an end. */
static void end_rest(struct pod *p)
{
        if (!p->main)
                return;
        if (!p->spec.isolate)
                kill(-p->main, SIGKILL);
        int flags = WNOHANG; /* first just ask whether there is anybody */
        while (waitpid(-1, NULL, flags) >= 0 || errno == EINTR) {
                if (p->spec.isolate)
                        kill(-1, SIGKILL); /* everything in our pid namespace */
                else
                        kill_children();
                flags = 0;
        }
        while (p->out.fd >= 0)
                pump_read(p, &p->out);
        while (p->err.fd >= 0)
                pump_read(p, &p->err);
}

static int exit_code(const struct pod *p)
{
        return WIFSIGNALED(p->wait_status) ? 128 + WTERMSIG(p->wait_status)
                                           : WEXITSTATUS(p->wait_status);
}

/* Killed, not by us, while the kernel killed somebody for memory. */
static bool out_of_memory(const struct pod *p)
{
        return WIFSIGNALED(p->wait_status) && WTERMSIG(p->wait_status) == SIGKILL &&
               p->ending == END_BY_ITSELF && oom_kills() > p->x->oom_kills;
}

/* "main: Error (exit code 1): <what it left in terminationMessagePath>" */
static void describe_failure(const struct pod *p, char out[MESSAGE_MAX])
{
        int n = snprintf(out, MESSAGE_MAX, "main: %s (exit code %d)",
                         out_of_memory(p) ? "OOMKilled" : "Error", exit_code(p));
        if (p->start_failure[0]) {
                snprintf(out + n, (size_t)(MESSAGE_MAX - n), ": %s", p->start_failure);
                return;
        }
        if (!p->spec.termination_log || !p->spec.isolate)
                return;
        int fd = output_open(p->spec.termination_log, O_RDONLY);
        ssize_t got = fd < 0 ? -1 : read(fd, out + n + 2, (size_t)(MESSAGE_MAX - n - 3));
        if (fd >= 0)
                close(fd);
        while (got > 0 && strchr(" \t\r\n", out[n + 1 + got]))
                got--;
        if (got > 0) {
                memcpy(out + n, ": ", 2);
                out[n + 2 + got] = '\0';
        }
}

static void conclude(struct pod *p)
{
        struct err e = {0};
        char message[MESSAGE_MAX] = "";
        int code = exit_code(p);
        bool good = code == 0 && p->ending != END_DEADLINE;
        int rc = outputs_collect(p, good, &e);
        if (p->ending == END_DEADLINE)
                status_final(p, PHASE_FAILED, code,
                             "Pod was active on the node longer than the specified deadline");
        else if (!good)
                describe_failure(p, message), status_final(p, PHASE_FAILED, code, message);
        else if (rc < 0)
                status_final(p, PHASE_ERROR, code, err_msg(&e));
        else
                status_final(p, PHASE_SUCCEEDED, 0, "");
        err_clear(&e);
}

static void run(struct pod *p)
{
        AUTO_BUF struct buf frame = BUF_INIT(4096), body = BUF_INIT(1024);
        p->started_ns = now_wall_ns();
        wire_put_u64(&body, R_STARTED, (uint64_t)p->started_ns);
        frame_put(&frame, FRAME_RUNNING, body.data, body.len);
        if (write(p->state, frame.data, frame.len) != (ssize_t)frame.len) {
                status_final(p, PHASE_ERROR, -1,
                             "the state file of the pod cannot be written: is the disk full?");
                return;
        }
        if (main_start(p) < 0) {
                conclude(p);
                return;
        }
        send_msg(p->x, MSG_RUNNING, p->serial, (uint64_t)p->started_ns, NULL, 0);
        watch_main(p);
        end_rest(p);
        conclude(p);
}

/* Killed while it was being prepared? */
static bool killed_early(struct pod *p)
{
        on_signals(p);
        if (p->ending == END_BY_ITSELF)
                return false;
        status_final(p, PHASE_FAILED, 128 + SIGTERM,
                     "main: Error (exit code 143): killed before it was started");
        return true;
}

/* After the final status. Back in the zygote's mount namespace: ours goes with us, its overlays
 * too, and the folders are only folders. */
static void clean_up(const struct pod *p)
{
        int rc = 0;
        if (p->layers >= 0 && setns(p->x->host.mounts, CLONE_NEWNS) < 0)
                return;
        if (p->layers >= 0 && p->x->host.in_memory)
                rc = tree_remove(p->x->host.base, p->layers_at);
        if (p->tmp >= 0 && slot_clean(p->dir, p->tmp) < 0)
                rc = -1;
        if (rc < 0)
                fprintf(stderr, "tiphys-executor: scratch/%u stays behind: %s\n", p->slot,
                        strerror(errno));
}

int supervise(const struct executor *x, uint64_t serial, struct wire request, int slot,
              unsigned slot_number)
{
        struct err e = {0};
        struct pod *p = mem_alloc(sizeof(*p));
        p->x = x;
        p->serial = serial;
        p->state = p->log = p->plain = p->tmp = p->layers = p->upper = p->out.fd = p->err.fd = -1;
        p->dir = slot;
        p->slot = slot_number;
        p->status = BUF_INIT(STATUS_MAX);
        setsid();
        int mine = spec_read(&p->spec, request, &e);
        if (mine == 0)
                mine = claim(p, &e);
        if (mine == 0) {
                send_msg(x, MSG_EXISTS, serial, 0, NULL, 0);
                return 0;
        }
        if (p->spec.deadline_ms)
                p->deadline_at_ms = now_mono_ms() + p->spec.deadline_ms;
        if (mine < 0 || prepare(p, &e) < 0)
                status_final(p, PHASE_ERROR, -1, err_msg(&e));
        else if (!killed_early(p))
                run(p);
        clean_up(p);
        return 0;
}
