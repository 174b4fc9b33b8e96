/* workflow/executor/container.c: one container, from its log and its root to its outputs. A pod of
 * one container lives in its supervisor, others each in a process of their own (member.c).
 * SPDX-License-Identifier: Apache-2.0 */
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

/* A step that is over by then is told with its end: nobody shows it running for so short. */
enum { ANNOUNCE_MS = 3 };

/* ---- before main ---- */

/* The bytes as they are, for the archive; the log itself is made for its first line (pump.c). */
static int open_plain(struct pod *p, struct err *e)
{
        if (!p->spec.log_key)
                return 0;
        p->plain = openat(p->dir, p->plain_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return p->plain < 0 ? err_errno(e, errno, "scratch/%u/%s", p->slot, p->plain_name) : 0;
}

/* Without a sandbox the slot's tmp/ is main's working folder. */
static void add_env(struct pod *p)
{
        struct spec *s = &p->spec;
        size_t n = 0;
        while (s->envp[n])
                n++;
        if (!spec_env(s, "HOME"))
                s->envp[n++] =
                        mem_printf("HOME=%s/scratch/%u/%s", p->x->data_dir, p->slot, p->tmp_name);
        if (!spec_env(s, "TMPDIR"))
                s->envp[n++] =
                        mem_printf("TMPDIR=%s/scratch/%u/%s", p->x->data_dir, p->slot, p->tmp_name);
}

/* The pod's address, wherever the runner left a place for it. */
static void put_address(const struct pod *p, char **list)
{
        for (; *p->ip && *list; list++) {
                AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
                const char *at = *list, *place = strstr(at, WIRE_POD_IP);
                if (!place)
                        continue;
                for (; place; place = strstr(at, WIRE_POD_IP)) {
                        buf_add(&b, at, (size_t)(place - at));
                        buf_adds(&b, p->ip);
                        at = place + strlen(WIRE_POD_IP);
                }
                buf_adds(&b, at);
                *list = buf_take(&b);
        }
}

int container_prepare(struct pod *p, struct err *e)
{
        put_address(p, p->spec.argv);
        put_address(p, p->spec.envp);
        if (open_plain(p, e) < 0)
                return -1;
        limits_prepare(p);
        if (p->spec.isolate)
                return sandbox_enter(p, e) < 0 ? -1 : user_resolve(p, e);
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || chdir("/") < 0)
                return err_errno(e, errno, "prepare");
        add_env(p);
        return inputs_place(p, e) < 0 ? -1 : user_resolve(p, e);
}

/* ---- while it runs ---- */

static void signal_main(const struct pod *p, int sig)
{
        if (p->main && !p->main_ended)
                kill(-p->main, sig);
}

void container_end(struct pod *p, enum ending why, int64_t grace_ms)
{
        int64_t at = now_mono_ms() + grace_ms;
        if (p->ending == END_BY_ITSELF)
                p->ending = why;
        if (!p->kill_at_ms || at < p->kill_at_ms)
                p->kill_at_ms = at ? at : 1;
        if (!grace_ms)
                signal_main(p, SIGKILL);
        else if (!p->stopping && !stopping_begin(p)) /* else when its preStop hook is done */
                signal_main(p, SIGTERM);
}

static void reap(struct pod *p)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
                if (p->on_child) {
                        p->on_child(p, pid, status);
                } else if (pid == p->main) {
                        p->main_ended = true;
                        p->wait_status = status;
                } else if (pid == p->stopping) {
                        signal_main(p, SIGTERM);
                } else {
                        (void)actions_reaped(p, pid, status);
                }
        }
}

void on_signals(struct pod *p)
{
        struct signalfd_siginfo si;
        while (read(p->x->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
                bool told = si.ssi_code == SI_QUEUE && si.ssi_int >= 0;
                uint32_t whom = si.ssi_code == SI_QUEUE ? (uint32_t)(si.ssi_ptr >> 32) : 0;
                if (whom && whom != (uint32_t)p->serial)
                        continue; /* for a pod that was here before */
                if (si.ssi_signo == SIGTERM)
                        container_end(p, END_KILLED, told ? si.ssi_int : p->spec.grace_ms);
        }
        reap(p);
}

static void sooner(int64_t *at, int64_t other)
{
        if (other && (!*at || other < *at))
                *at = other;
}

/* Milliseconds until the next thing that is due, for poll. */
int container_due(const struct pod *p)
{
        int64_t at = p->kill_at_ms;
        sooner(&at, p->announce_at_ms);
        if (p->ending == END_BY_ITSELF) {
                sooner(&at, p->deadline_at_ms);
                sooner(&at, actions_due(p));
        }
        if (!at)
                return -1;
        int64_t left = at - now_mono_ms();
        return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

void container_on_time(struct pod *p)
{
        int64_t now = now_mono_ms();
        if (p->announce_at_ms && now >= p->announce_at_ms)
                announce(p);
        if (p->deadline_at_ms && p->ending == END_BY_ITSELF && now >= p->deadline_at_ms)
                container_end(p, END_DEADLINE, p->spec.grace_ms);
        if (p->ending == END_BY_ITSELF)
                actions_on_time(p, now);
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
                if (poll(fds, 3, container_due(p)) < 0 && errno != EINTR)
                        break;
                if (fds[1].revents)
                        pump_read(p, &p->out);
                if (fds[2].revents)
                        pump_read(p, &p->err);
                if (fds[0].revents)
                        on_signals(p);
                container_on_time(p);
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

/* ---- its end ---- */

int container_exit_code(const struct pod *p)
{
        return WIFSIGNALED(p->wait_status) ? 128 + WTERMSIG(p->wait_status)
                                           : WEXITSTATUS(p->wait_status);
}

/* Killed, not by us, while the kernel killed somebody for memory. */
static bool out_of_memory(const struct pod *p)
{
        if (!WIFSIGNALED(p->wait_status) || WTERMSIG(p->wait_status) != SIGKILL ||
            p->ending != END_BY_ITSELF)
                return false;
        return p->cgroups[LIMIT_MEMORY] >= 0 ? limits_oom(p) : oom_kills() > p->x->oom_kills;
}

/* "main: Error (exit code 1): <what it left in terminationMessagePath>" */
static void describe_failure(const struct pod *p, char out[MESSAGE_MAX])
{
        const char *log = p->spec.termination_log;
        int n = snprintf(out, MESSAGE_MAX, "%s: %s (exit code %d)", p->spec.name,
                         out_of_memory(p) ? "OOMKilled" : "Error", container_exit_code(p));
        const char *known = p->start_failure[0] ? p->start_failure : p->unhealthy;
        if (known) {
                snprintf(out + n, (size_t)(MESSAGE_MAX - n), ": %s", known);
                return;
        }
        if (!log || !p->spec.isolate)
                return;
        int fd = output_open(log, O_RDONLY);
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

void container_conclude(struct pod *p, bool required)
{
        struct err e = {0};
        char message[MESSAGE_MAX] = "";
        int code = container_exit_code(p);
        bool good = code == 0 && p->ending != END_DEADLINE;
        int rc = outputs_collect(p, good && required, &e);
        if (p->ending == END_DEADLINE)
                status_put(p, PHASE_FAILED, code,
                           "Pod was active on the node longer than the specified deadline");
        else if (!good)
                describe_failure(p, message), status_put(p, PHASE_FAILED, code, message);
        else if (rc < 0)
                status_put(p, PHASE_ERROR, code, err_msg(&e));
        else
                status_put(p, PHASE_SUCCEEDED, 0, "");
        err_clear(&e);
}

/* Between two tries. */
static void pause_for(struct pod *p, int64_t ms)
{
        for (int64_t end = now_mono_ms() + ms; p->ending == END_BY_ITSELF;) {
                struct pollfd fd = {.fd = p->x->signals, .events = POLLIN};
                int64_t left = end - now_mono_ms();
                if (left <= 0)
                        return;
                if (poll(&fd, 1, left > 3600000 ? 3600000 : (int)left) > 0)
                        on_signals(p);
                if (p->deadline_at_ms && now_mono_ms() >= p->deadline_at_ms)
                        container_end(p, END_DEADLINE, p->spec.grace_ms);
        }
}

void container_run(struct pod *p)
{
        for (uint64_t left = p->spec.retries;; left--) {
                if (main_start(p) == 0) {
                        actions_begin(p);
                        if (p->channel >= 0)
                                announce(p); /* its group waits for it */
                        else
                                p->announce_at_ms = now_mono_ms() + ANNOUNCE_MS;
                        watch_main(p);
                }
                end_rest(p);
                p->finished_ns = now_wall_ns();
                if (!container_exit_code(p) || !left || p->ending != END_BY_ITSELF)
                        return;
                pause_for(p, p->spec.retry_ms);
                if (p->ending != END_BY_ITSELF)
                        return;
                p->main = 0;
                p->main_ended = false;
                p->wait_status = 0;
                p->start_failure[0] = '\0';
        }
}

/* Killed while it was being prepared? */
bool container_killed_early(struct pod *p)
{
        char message[MESSAGE_MAX];
        on_signals(p);
        if (p->ending == END_BY_ITSELF)
                return false;
        snprintf(message, sizeof(message),
                 "%s: Error (exit code 143): killed before it was started", p->spec.name);
        status_put(p, PHASE_FAILED, 128 + SIGTERM, message);
        return true;
}
