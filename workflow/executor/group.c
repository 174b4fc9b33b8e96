/* workflow/executor/group.c: a pod of several containers: init containers one after the other, then
 * sidecars, then main, or a graph of mains (containerSet); in the end the sidecars are told to go.
 *
 * Each container is a process of member.c. This one decides who starts, passes signals and the
 * deadline on, and makes one status of theirs. main waits for sidecars that have a readiness or
 * startup probe (with Kubernetes it would not), but not for ever. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MEMBERS_MAX = 256, SIDECAR_PATIENCE_MS = 120000, CODE_NOT_RUN = 64, FORCE_AFTER_MS = 5000 };

enum stage { WAITING, STARTED, RUNNING, ENDED, GONE };
struct member {
        struct wire records;
        const char *name;
        enum container_role role;
        enum stage stage;
        bool probed, ready, collecting, told_to_end;
        pid_t pid;
        int channel, status_fd;
        int code; /* of its end */
        struct buf status;
};
struct group {
        struct member *all;
        size_t n;
        bool main_ran;
        int64_t inits_done_ms; /* monotonic */
        int64_t force_at_ms;   /* who then is still there gets a SIGKILL */
        enum ending passed_on;
};

/* ---- what it consists of ---- */

static bool has_probe(struct wire records)
{
        while (wire_find(&records, S_PROBE))
                if (wire_find_u64(wire_group(&records), A_KIND, 0) != PROBE_LIVENESS)
                        return true;
        return false;
}

static int read_members(struct group *g, struct wire request, struct err *e)
{
        size_t n = 0;
        for (struct wire w = request; wire_find(&w, S_CONTAINER);)
                n++;
        if (n > MEMBERS_MAX)
                return err_set(e, ERR_LIMIT, "a pod has at most %d containers", MEMBERS_MAX);
        g->all = mem_calloc(n, sizeof(*g->all));
        for (struct wire w = request; wire_find(&w, S_CONTAINER);) {
                struct member *m = &g->all[g->n++];
                m->records = wire_group(&w);
                m->name = wire_find_str(m->records, S_NAME);
                m->role = (enum container_role)wire_find_u64(m->records, S_ROLE, ROLE_MAIN);
                m->probed = has_probe(m->records);
                m->channel = m->status_fd = -1;
                m->status = BUF_INIT(STATUS_MAX);
                if (!m->name)
                        return err_set(e, ERR_INTERNAL, "a container without a name");
        }
        return 0;
}

static bool is_init(const struct member *m)
{
        return m->role == ROLE_INIT || m->role == ROLE_INIT_SIDECAR;
}

static bool is_sidecar(const struct member *m)
{
        return m->role == ROLE_SIDECAR || m->role == ROLE_INIT_SIDECAR;
}

static struct member *find(struct group *g, const char *name)
{
        for (size_t i = 0; i < g->n; i++)
                if (streq(g->all[i].name, name))
                        return &g->all[i];
        return NULL;
}

/* ---- starting ---- */

static void end_unstarted(struct member *m, int phase, int code, const char *words)
{
        AUTO(mem_free)
        char *message = mem_printf("%s: Error (exit code %d): %s", m->name, code, words);
        wire_put_u64(&m->status, R_PHASE, (uint64_t)phase);
        wire_put_u64(&m->status, R_EXIT_CODE, (uint64_t)(int64_t)code);
        wire_put_str(&m->status, R_MESSAGE, message);
        m->stage = GONE;
        m->code = code;
}

static pid_t clone_member(const struct pod *p)
{
        unsigned long ns = p->spec.isolate ? CLONE_NEWNS | CLONE_NEWPID : 0;
        return (pid_t)syscall(SYS_clone, ns | SIGCHLD, 0, 0, 0, 0);
}

static void start_member(struct pod *p, struct member *m)
{
        int ends[2] = {-1, -1};
        int fd = memfd_create("tiphys-status", MFD_CLOEXEC);
        pid_t pid = -1;
        if (fd >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
                pid = clone_member(p);
        if (pid == 0)
                _exit(member_run(p, &m->records, (int)(m - p->group->all), ends[1], fd));
        if (pid < 0)
                end_unstarted(m, PHASE_ERROR, CODE_NOT_RUN, strerror(errno));
        if (ends[1] >= 0)
                close(ends[1]);
        m->channel = ends[0];
        m->status_fd = fd;
        m->pid = pid;
        if (pid > 0)
                m->stage = STARTED;
}

/* 1: may start, 0: not yet, -1: never. */
static int dependencies_met(struct group *g, const struct member *m, char words[256])
{
        int met = 1;
        for (struct wire w = m->records; wire_find(&w, S_AFTER);) {
                const struct member *d = find(g, w.data);
                if (d && d->stage < ENDED)
                        met = met < 0 ? met : 0;
                else if (!d || d->code) {
                        snprintf(words, 256, "dependency \"%s\" exited with non-zero code: %d",
                                 w.data, d ? d->code : -1);
                        return -1;
                }
        }
        return met;
}

/* The init container whose turn it is. */
static struct member *next_init(struct group *g, bool *failed)
{
        *failed = false;
        for (size_t i = 0; i < g->n; i++) {
                struct member *m = &g->all[i];
                if (!is_init(m))
                        continue;
                bool up = m->role == ROLE_INIT_SIDECAR &&
                          (m->stage == RUNNING || m->stage >= ENDED) &&
                          (m->ready || !m->probed || m->stage >= ENDED);
                if (up || (m->role == ROLE_INIT && m->stage == GONE && m->code == 0))
                        continue;
                *failed = m->stage == GONE;
                return m;
        }
        return NULL;
}

static bool sidecars_up(const struct group *g)
{
        if (now_mono_ms() - g->inits_done_ms > SIDECAR_PATIENCE_MS)
                return true;
        for (size_t i = 0; i < g->n; i++) {
                const struct member *m = &g->all[i];
                if (is_sidecar(m) && m->stage < ENDED &&
                    (m->stage < RUNNING || (m->probed && !m->ready)))
                        return false;
        }
        return true;
}

static void start_rest(struct pod *p)
{
        struct group *g = p->group;
        char words[256];
        if (!g->inits_done_ms)
                g->inits_done_ms = now_mono_ms();
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].role == ROLE_SIDECAR && g->all[i].stage == WAITING)
                        start_member(p, &g->all[i]);
        bool up = sidecars_up(g);
        for (size_t i = 0; i < g->n; i++) {
                struct member *m = &g->all[i];
                if (m->role != ROLE_MAIN || m->stage != WAITING)
                        continue;
                int met = dependencies_met(g, m, words);
                if (met > 0 && up)
                        start_member(p, m);
                if (met >= 0)
                        continue;
                end_unstarted(m, PHASE_FAILED, CODE_NOT_RUN, words);
                i = (size_t)-1; /* others may depend on it */
        }
}

static void give_up_waiting(struct group *g, int phase, int code, const char *words)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].stage == WAITING)
                        end_unstarted(&g->all[i], phase, code, words);
}

static void start_what_may(struct pod *p)
{
        struct group *g = p->group;
        bool failed;
        if (p->ending != END_BY_ITSELF) {
                give_up_waiting(g, PHASE_FAILED, 128 + SIGTERM, "killed before it was started");
                return;
        }
        struct member *init = next_init(g, &failed);
        if (failed)
                give_up_waiting(g, PHASE_ERROR, CODE_NOT_RUN, "an init container failed");
        else if (!init)
                start_rest(p);
        else if (init->stage == WAITING)
                start_member(p, init);
}

/* ---- ending ---- */

static void end_member(struct member *m, int64_t grace_ms)
{
        if (m->pid > 0 && m->stage >= STARTED && m->stage < GONE && !m->told_to_end)
                sigqueue(m->pid, SIGTERM,
                         (union sigval){.sival_ptr = (void *)(uintptr_t)(uint32_t)grace_ms});
        m->told_to_end = true;
}

static bool all_mains_at(const struct group *g, enum stage stage)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].role == ROLE_MAIN && g->all[i].stage < stage)
                        return false;
        return true;
}

static bool any_main_failed(const struct group *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].role == ROLE_MAIN && g->all[i].code)
                        return true;
        return false;
}

static void collect(const struct pod *p, struct member *m)
{
        struct note n = {.kind = NOTE_COLLECT,
                         .value = p->ending != END_DEADLINE && !any_main_failed(p->group)};
        if (m->stage == ENDED && !m->collecting)
                (void)!send(m->channel, &n, sizeof(n), MSG_NOSIGNAL);
        m->collecting = m->collecting || m->stage == ENDED;
}

/* Outputs when the last main has ended, then the sidecars go. */
static void end_what_may(struct pod *p)
{
        struct group *g = p->group;
        bool mains_ended = all_mains_at(g, ENDED), mains_gone = all_mains_at(g, GONE);
        for (size_t i = 0; i < g->n; i++) {
                struct member *m = &g->all[i];
                if (m->role != ROLE_MAIN || mains_ended)
                        collect(p, m);
                if (is_sidecar(m) && mains_gone)
                        end_member(m, p->spec.grace_ms);
        }
}

/* A kill or the deadline: everybody hears of it once. */
static void pass_on(struct pod *p)
{
        struct group *g = p->group;
        if (p->ending == END_BY_ITSELF || !p->kill_at_ms)
                return;
        int64_t left = p->kill_at_ms - now_mono_ms();
        if (g->passed_on != p->ending) {
                for (size_t i = 0; i < g->n; i++) {
                        g->all[i].told_to_end = false;
                        end_member(&g->all[i], left < 0 ? 0 : left);
                }
                g->passed_on = p->ending;
                g->force_at_ms = p->kill_at_ms + FORCE_AFTER_MS;
        }
        for (size_t i = 0; now_mono_ms() > g->force_at_ms && i < g->n; i++)
                if (g->all[i].stage < GONE && g->all[i].pid > 0)
                        kill(g->all[i].pid, SIGKILL);
}

/* ---- news ---- */

static bool everybody_ready(const struct group *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].role != ROLE_INIT && !g->all[i].ready)
                        return false;
        return true;
}

static void tell(struct pod *p)
{
        if (p->group->main_ran)
                announce(p);
}

static void on_note(struct pod *p, struct member *m, const struct note *n)
{
        if (n->kind == NOTE_ENDED) {
                m->code = n->value;
                m->stage = ENDED;
        } else if (m->stage < RUNNING) {
                m->stage = RUNNING;
        }
        if (m->role == ROLE_MAIN && !p->group->main_ran) {
                p->group->main_ran = true;
                p->started_ns = n->at_ns;
        }
        m->ready = m->ready || n->kind == NOTE_READY;
        p->ready = p->ready || everybody_ready(p->group);
        if (m->role == ROLE_MAIN || n->kind == NOTE_READY)
                tell(p);
}

static void read_notes(struct pod *p, struct member *m)
{
        struct note n;
        while (m->channel >= 0) {
                ssize_t got = recv(m->channel, &n, sizeof(n), MSG_DONTWAIT);
                if (got == (ssize_t)sizeof(n))
                        on_note(p, m, &n);
                else if (got >= 0 || errno != EINTR)
                        return;
        }
}

static void read_status(struct member *m)
{
        struct stat st;
        char *to = fstat(m->status_fd, &st) < 0 || !st.st_size
                           ? NULL
                           : buf_reserve(&m->status, (size_t)st.st_size);
        if (to && pread(m->status_fd, to, (size_t)st.st_size, 0) == st.st_size)
                m->status.len += (size_t)st.st_size;
        else
                end_unstarted(m, PHASE_ERROR, -1, "its supervisor was killed");
        struct wire w = wire_read(m->status.data, m->status.len);
        m->code = (int)(int64_t)wire_find_u64(w, R_EXIT_CODE, UINT64_MAX);
}

static void on_member_gone(struct pod *p, pid_t pid, int status UNUSED)
{
        for (size_t i = 0; i < p->group->n; i++) {
                struct member *m = &p->group->all[i];
                if (m->pid != pid)
                        continue;
                read_notes(p, m);
                read_status(m);
                m->stage = GONE;
                m->pid = -1;
                close(m->channel);
                close(m->status_fd);
                m->channel = m->status_fd = -1;
        }
}

/* ---- the whole ---- */

static bool everybody_gone(const struct group *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->all[i].stage < GONE)
                        return false;
        return true;
}

static int due_in(const struct pod *p)
{
        int due = container_due(p);
        bool waiting = p->group->inits_done_ms && !p->group->main_ran; /* for sidecars */
        return waiting && (due < 0 || due > 1000) ? 1000 : due;
}

static void wait_for_news(struct pod *p)
{
        struct group *g = p->group;
        struct pollfd fds[MEMBERS_MAX + 1] = {{.fd = p->x->signals, .events = POLLIN}};
        for (size_t i = 0; i < g->n; i++)
                fds[i + 1] = (struct pollfd){.fd = g->all[i].channel, .events = POLLIN};
        if (poll(fds, g->n + 1, due_in(p)) < 0 && errno != EINTR)
                return;
        for (size_t i = 0; i < g->n; i++)
                read_notes(p, &g->all[i]);
        on_signals(p);
        container_on_time(p);
        pass_on(p);
}

void group_put_containers(const struct pod *p, struct buf *b)
{
        const struct group *g = p->group;
        for (size_t i = 0; g && i < g->n; i++) {
                const struct member *m = &g->all[i];
                if (m->role != ROLE_MAIN || m->stage < RUNNING)
                        continue;
                size_t group = wire_begin(b, R_CONTAINER);
                wire_put_str(b, R_NAME, m->name);
                if (m->stage >= ENDED)
                        wire_put_u64(b, R_EXIT_CODE, (uint64_t)(int64_t)m->code);
                if (m->stage == GONE)
                        wire_put_str(
                                b, R_MESSAGE,
                                wire_find_str(wire_read(m->status.data, m->status.len), R_MESSAGE));
                wire_end(b, group);
        }
}

/* Kubernetes' and Argo's order of blame: init containers, mains, sidecars. A sidecar that was told
 * to go may end as such programs do. */
static const struct member *culprit(const struct group *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (is_init(&g->all[i]) && !is_sidecar(&g->all[i]) && g->all[i].code)
                        return &g->all[i];
        for (int pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < g->n; i++) {
                        const struct member *m = &g->all[i];
                        uint64_t phase = wire_find_u64(wire_read(m->status.data, m->status.len),
                                                       R_PHASE, PHASE_ERROR);
                        bool bad = phase != PHASE_SUCCEEDED;
                        if (pass == 0 && m->role == ROLE_MAIN && bad)
                                return m;
                        if (pass == 1 && is_sidecar(m) && bad && m->code != 128 + SIGKILL &&
                            m->code != 128 + SIGTERM)
                                return m;
                }
        return NULL;
}

static void copy_outputs(struct pod *p, const struct member *m)
{
        for (struct wire w = wire_read(m->status.data, m->status.len); wire_next(&w);)
                if (w.tag == R_PARAM || w.tag == R_ARTIFACT || w.tag == R_RESULT || w.tag == R_NOTE)
                        wire_put(&p->status, (enum wire_tag)w.tag, w.data, w.n);
}

static void conclude(struct pod *p)
{
        struct group *g = p->group;
        const struct member *main = find(g, "main"), *bad = culprit(g);
        int code = main && main->role == ROLE_MAIN ? main->code : -1;
        for (size_t i = 0; i < g->n; i++)
                copy_outputs(p, &g->all[i]);
        group_put_containers(p, &p->status);
        struct wire w = bad ? wire_read(bad->status.data, bad->status.len) : (struct wire){0};
        if (p->ending == END_DEADLINE)
                status_put(p, PHASE_FAILED, code,
                           "Pod was active on the node longer than the specified deadline");
        else if (!bad)
                status_put(p, PHASE_SUCCEEDED, code, "");
        else
                status_put(p,
                           is_init(bad) && !is_sidecar(bad)
                                   ? PHASE_ERROR
                                   : (int)wire_find_u64(w, R_PHASE, PHASE_ERROR),
                           code, wire_find_str(w, R_MESSAGE));
}

/* In memory each member has its upper layers beneath this one. */
static int make_layers(struct pod *p)
{
        if (!p->spec.isolate || !p->x->host.in_memory)
                return 0;
        snprintf(p->layers_at, sizeof(p->layers_at), "layers/%llu", (unsigned long long)p->worker);
        if (mkdirat(p->x->host.base, p->layers_at, 0700) < 0)
                return -1;
        p->layers = openat(p->x->host.base, p->layers_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return p->layers < 0 ? -1 : 0;
}

void group_run(struct pod *p)
{
        struct group *g = p->group = NEW(struct group);
        struct err e = {0};
        if (make_layers(p) < 0)
                err_errno(&e, errno, "sandbox: mkdir %s", p->layers_at);
        if (err_is_set(&e) || read_members(g, p->spec.all, &e) < 0) {
                status_put(p, PHASE_ERROR, -1, err_msg(&e));
                err_clear(&e);
                return;
        }
        p->on_child = on_member_gone;
        for (;;) {
                start_what_may(p);
                end_what_may(p);
                if (everybody_gone(g))
                        break;
                wait_for_news(p);
        }
        conclude(p);
}
