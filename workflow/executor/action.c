/* workflow/executor/action.c: probes (startup, readiness, liveness) and hooks (postStart, preStop).
 *
 * Each look is a short-lived process of the container: it may block, and a time limit kills it.
 * exec runs a command as main would run; httpGet and tcpSocket speak to the pod's address.
 * Kubernetes' rules: the startup probe comes first, a probe that fails often enough in a row ends
 * the container, readiness only tells. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_PERIOD_MS = 10000, DEFAULT_TIMEOUT_MS = 1000, DEFAULT_FAILURES = 3 };

/* ---- one look, in a process of its own ---- */

static int connect_to(const struct pod *p, struct wire action)
{
        const char *host = wire_find_str(action, A_HOST);
        host = host ? host : *p->ip ? p->ip : "127.0.0.1";
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)wire_find_u64(action, A_PORT, 0))};
        if (inet_pton(AF_INET, streq(host, "localhost") ? "127.0.0.1" : host, &to.sin_addr) != 1)
                return -1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

static bool http_good(const struct pod *p, struct wire action)
{
        AUTO_BUF struct buf b = BUF_INIT(64 * 1024);
        const char *path = wire_find_str(action, A_PATH), *host = wire_find_str(action, A_HOST);
        char answer[64] = "";
        unsigned status = 0;
        int fd = connect_to(p, action);
        buf_addf(&b, "GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kube-probe/tiphys\r\n",
                 path && *path == '/' ? "" : "/", path ? path : "", host ? host : "localhost");
        for (struct wire w = action; wire_find(&w, A_HEADER);)
                buf_addf(&b, "%s\r\n", w.data);
        buf_adds(&b, "Accept: */*\r\nConnection: close\r\n\r\n");
        if (fd < 0 || b.overflow || write(fd, b.data, b.len) != (ssize_t)b.len ||
            read(fd, answer, sizeof(answer) - 1) <= 0)
                return false;
        return sscanf(answer, "HTTP/1.%*u %u", &status) == 1 && status >= 200 && status < 400;
}

static NORETURN void exec_action(const struct pod *p, struct wire action)
{
        size_t n = 0, max = 0;
        for (struct wire w = action; wire_find(&w, A_ARG);)
                max++;
        char **argv = mem_calloc(max + 1, sizeof(char *));
        for (struct wire w = action; wire_find(&w, A_ARG);)
                argv[n++] = (char *)(uintptr_t)w.data; /* exec wants char *const[] */
        action_exec(p, argv);
        _exit(127);
}

static NORETURN void look(const struct pod *p, struct wire action)
{
        sigset_t none;
        sigemptyset(&none);
        setpgid(0, 0);
        sigprocmask(SIG_SETMASK, &none, NULL);
        switch ((enum action_how)wire_find_u64(action, A_HOW, ACTION_EXEC)) {
        case ACTION_EXEC: exec_action(p, action);
        case ACTION_HTTP: _exit(!http_good(p, action));
        case ACTION_TCP: _exit(connect_to(p, action) < 0);
        case ACTION_SLEEP: sleep((unsigned)wire_find_u64(action, A_PERIOD_MS, 0) / 1000); _exit(0);
        }
        _exit(1);
}

static pid_t start_look(const struct pod *p, struct wire action)
{
        pid_t pid = fork();
        if (pid == 0)
                look(p, action);
        return pid;
}

/* ---- probes ---- */

static int64_t number(const struct probe *b, enum wire_tag tag, int64_t fallback)
{
        return (int64_t)wire_find_u64(b->spec, tag, (uint64_t)fallback);
}

static void turn_on(struct pod *p, bool startup)
{
        int64_t now = now_mono_ms();
        for (unsigned i = 0; i < p->n_probes; i++) {
                struct probe *b = &p->probes[i];
                if ((b->kind == PROBE_STARTUP) != startup)
                        continue;
                b->on = true;
                b->next_at_ms = now + number(b, A_DELAY_MS, 0) + 1;
        }
}

static struct probe *find_probe(struct pod *p, enum action_kind kind)
{
        for (unsigned i = 0; i < p->n_probes; i++)
                if (p->probes[i].kind == kind)
                        return &p->probes[i];
        return NULL;
}

static bool find_hook(const struct pod *p, enum action_kind kind, struct wire *hook)
{
        for (struct wire w = p->spec.own; wire_find(&w, S_HOOK);) {
                *hook = wire_group(&w);
                if (wire_find_u64(*hook, A_KIND, 0) == kind)
                        return true;
        }
        return false;
}

void actions_begin(struct pod *p)
{
        struct wire hook;
        p->n_probes = 0;
        for (struct wire w = p->spec.own; wire_find(&w, S_PROBE) && p->n_probes < PROBES_MAX;) {
                struct wire spec = wire_group(&w);
                p->probes[p->n_probes++] = (struct probe){
                        .kind = (enum action_kind)wire_find_u64(spec, A_KIND, PROBE_READINESS),
                        .spec = spec};
        }
        bool startup = find_probe(p, PROBE_STARTUP);
        turn_on(p, startup);
        p->ready = !startup && !find_probe(p, PROBE_READINESS);
        if (find_hook(p, HOOK_STARTED, &hook))
                p->started_hook = start_look(p, hook);
}

static void become_ready(struct pod *p)
{
        if (p->ready)
                return;
        p->ready = true;
        announce(p);
}

static void on_success(struct pod *p, struct probe *b)
{
        b->failures = 0;
        if (++b->successes < (uint64_t)number(b, A_SUCCESSES, 1))
                return;
        if (b->kind == PROBE_STARTUP) {
                b->on = false;
                turn_on(p, false);
                if (!find_probe(p, PROBE_READINESS))
                        become_ready(p);
        } else if (b->kind == PROBE_READINESS) {
                become_ready(p);
        }
}

static void on_failure(struct pod *p, struct probe *b)
{
        b->successes = 0;
        if (++b->failures < (uint64_t)number(b, A_FAILURES, DEFAULT_FAILURES) ||
            b->kind == PROBE_READINESS)
                return;
        b->on = false;
        p->unhealthy =
                b->kind == PROBE_STARTUP ? "its startupProbe failed" : "its livenessProbe failed";
        container_end(p, END_UNHEALTHY, p->spec.grace_ms);
}

void actions_on_time(struct pod *p, int64_t now)
{
        for (unsigned i = 0; i < p->n_probes; i++) {
                struct probe *b = &p->probes[i];
                if (b->pid > 0 && now >= b->give_up_at_ms)
                        kill(-b->pid, SIGKILL);
                if (!b->on || b->pid > 0 || now < b->next_at_ms)
                        continue;
                b->pid = start_look(p, b->spec);
                b->give_up_at_ms = now + number(b, A_TIMEOUT_MS, DEFAULT_TIMEOUT_MS);
                b->next_at_ms = now + number(b, A_PERIOD_MS, DEFAULT_PERIOD_MS);
        }
}

bool actions_reaped(struct pod *p, pid_t pid, int status)
{
        if (pid == p->started_hook) {
                p->started_hook = 0;
                if (status != 0 && p->ending == END_BY_ITSELF) {
                        p->unhealthy = "its postStart hook failed";
                        container_end(p, END_UNHEALTHY, p->spec.grace_ms);
                }
                return true;
        }
        for (unsigned i = 0; i < p->n_probes; i++) {
                struct probe *b = &p->probes[i];
                if (b->pid != pid)
                        continue;
                b->pid = 0;
                if (!b->on)
                        return true;
                if (status == 0)
                        on_success(p, b);
                else
                        on_failure(p, b);
                return true;
        }
        return false;
}

int64_t actions_due(const struct pod *p)
{
        int64_t due = 0;
        for (unsigned i = 0; i < p->n_probes; i++) {
                const struct probe *b = &p->probes[i];
                int64_t at = b->pid > 0 ? b->give_up_at_ms : b->on ? b->next_at_ms : 0;
                if (at && (!due || at < due))
                        due = at;
        }
        return due;
}

bool stopping_begin(struct pod *p)
{
        struct wire hook;
        if (!p->main || p->main_ended || !find_hook(p, HOOK_STOPPING, &hook))
                return false;
        p->stopping = start_look(p, hook);
        return p->stopping > 0;
}
