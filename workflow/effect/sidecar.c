/* workflow/effect/sidecar.c: when a plugin's pod runs: see sidecar.h. Each start of a plugin is a
 * pod of its own ("plugin_<index>_<attempt>"), since a pod that has ended never runs again; after a
 * restart the latest one with a trace is the one that counts. SPDX-License-Identifier: Apache-2.0
 */
#include "workflow/effect/sidecar_priv.h"

enum { DEATHS_MAX = 5, PAUSE_FIRST_MS = 250, OWN_GRACE = -1, YIELD_GRACE_S = 5 };

static bool has_pod(const struct sidecar *s)
{
        return s->state >= SIDECAR_STARTED;
}

static void sidecar_free(struct sidecar *s)
{
        HASH_DEL(s->all->by_key, s);
        timer_cancel(s->all->loop, &s->pause);
        char *texts[] = {s->key, s->ns, s->workflow, s->uid, s->name, s->death};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                mem_free(texts[i]);
        json_decref(s->template);
        secret_free(s->token);
        err_clear(&s->wrong);
        mem_free(s);
}

/* ---- ports of the machine ---- */

static bool shares_port(const struct sidecar *a, const struct sidecar *b)
{
        return a != b && !a->own_network && !b->own_network && a->port == b->port;
}

static void end_pod(struct sidecar *s, int grace_s)
{
        AUTO(mem_free) char *node = sidecar_node_id(s->index, s->attempt);
        s->state = SIDECAR_ENDS;
        runner_kill(s->all->runner, s->uid, node, grace_s);
}

/* Who has the port; it gives it up if nobody needs it now. */
static const struct sidecar *port_holder(struct sidecar *wants)
{
        struct sidecar *s, *next;
        HASH_ITER (hh, wants->all->by_key, s, next) {
                if (!shares_port(s, wants) || !has_pod(s))
                        continue;
                if (!s->users && s->state != SIDECAR_ENDS)
                        end_pod(s, YIELD_GRACE_S);
                return s;
        }
        return NULL;
}

static struct sidecar *first_waiting(const struct sidecar *of)
{
        struct sidecar *s, *next, *first = NULL;
        HASH_ITER (hh, of->all->by_key, s, next)
                if (shares_port(s, of) && s->state == SIDECAR_WAITS &&
                    (!first || s->turn < first->turn))
                        first = s;
        return first;
}

/* ---- starting ---- */

static void launch(struct sidecar *s)
{
        AUTO(mem_free) char *node = sidecar_node_id(s->index, s->attempt);
        AUTO(mem_free) char *pod = mem_printf("%s-agent", s->workflow);
        const struct pod_request req = {.ns = s->ns,
                                        .workflow = s->workflow,
                                        .workflow_uid = s->uid,
                                        .node_id = node,
                                        .node_name = node,
                                        .pod_name = pod,
                                        .template = s->template,
                                        .beside = true};
        s->state = SIDECAR_STARTED;
        s->launched_ns = loop_wall(s->all->loop).ns;
        runner_start(s->all->runner, &req);
}

static void give_up(struct sidecar *s, const struct err *e)
{
        s->state = SIDECAR_IDLE;
        s->failures = 0;
        sidecar_users_fail(s, e);
}

static void begin(struct sidecar *s);

static void refuse_port(struct sidecar *s)
{
        struct err e = {0};
        err_set(&e, ERR_CONFLICT,
                "plugin %s: another program of this machine listens on its port %u; with the "
                "annotation tiphys.io/network: private it has a network of its own",
                s->name, s->port);
        give_up(s, &e);
        err_clear(&e);
        struct sidecar *next = first_waiting(s);
        if (next) /* for what nobody of ours has any more */
                begin(next);
}

static void wait_for_port(struct sidecar *s, const struct sidecar *holder)
{
        AUTO(mem_free)
        char *why = mem_printf("waits for port %u: plugin %s of workflow %s/%s has it", s->port,
                               holder->name, holder->ns, holder->workflow);
        s->state = SIDECAR_WAITS;
        s->turn = ++s->all->turn;
        sidecar_users_note(s, why);
}

static void begin(struct sidecar *s)
{
        const struct sidecar *holder = s->own_network ? NULL : port_holder(s);
        if (s->over)
                s->state = SIDECAR_IDLE;
        else if (holder)
                wait_for_port(s, holder);
        else if (!s->own_network && sidecar_port_taken(s->port))
                refuse_port(s);
        else
                launch(s);
}

static void on_pause(void *arg)
{
        begin(arg);
}

void sidecar_want(struct sidecar *s)
{
        if (s->state == SIDECAR_IDLE)
                begin(s);
}

void sidecar_unused(struct sidecar *s)
{
        if (s->users || !s->all->runner)
                return;
        if (s->state == SIDECAR_WAITS || s->state == SIDECAR_PAUSES) {
                timer_cancel(s->all->loop, &s->pause);
                s->state = SIDECAR_IDLE;
        } else if (has_pod(s) && s->state != SIDECAR_ENDS && first_waiting(s)) {
                end_pod(s, YIELD_GRACE_S);
        }
        if (s->over && s->state == SIDECAR_IDLE)
                sidecar_free(s);
}

/* ---- news ---- */

static void start_again(struct sidecar *s)
{
        struct err e = {0};
        if (s->failures < DEATHS_MAX) {
                s->state = SIDECAR_PAUSES;
                timer_after_ms(s->all->loop, &s->pause,
                               (int64_t)PAUSE_FIRST_MS << (s->failures - 1));
                return;
        }
        AUTO(mem_free) char *story = sidecar_story(s);
        err_set(&e, ERR_UNAVAILABLE, "plugin %s: %s", s->name, story);
        give_up(s, &e);
        err_clear(&e);
}

static void never_ran(struct sidecar *s)
{
        struct err e = {0};
        err_set(&e, ERR_INVALID, "plugin %s cannot be started: %s", s->name, s->death);
        give_up(s, &e);
        err_clear(&e);
}

/* Of a pod that ended before this process wanted it nobody says that it has died. */
static void on_end(struct sidecar *s, const struct pod_status *st)
{
        bool was_told = s->state == SIDECAR_ENDS,
             ours = s->launched_ns && st->finished.ns >= s->launched_ns;
        struct sidecar *next = s->own_network ? NULL : first_waiting(s);
        mem_free(s->death);
        s->death = str_empty(st->message) ? mem_printf("exit code %d", st->exit_code)
                                          : mem_strdup(st->message);
        s->attempt++;
        s->state = SIDECAR_IDLE;
        s->failures += ours && !was_told;
        if (next) /* before this one asks for the port again */
                begin(next);
        if (s->over && !s->users)
                sidecar_free(s);
        else if (!sidecar_is_awaited(s))
                return;
        else if (was_told || !ours)
                begin(s);
        else if (st->phase == POD_ERROR && !st->started.ns)
                never_ran(s);
        else
                start_again(s);
}

static void on_running(struct sidecar *s)
{
        if (s->state != SIDECAR_STARTED)
                return;
        s->state = SIDECAR_RUNS;
        s->running_ns = loop_now(s->all->loop).ns;
        sidecar_users_dial(s);
}

static struct sidecar *find(const struct sidecars *all, const char *uid, size_t index)
{
        AUTO(mem_free) char *key = mem_printf("%s/%zu", uid, index);
        struct sidecar *s;
        HASH_FIND_STR(all->by_key, key, s);
        return s;
}

bool sidecars_on_pod(struct sidecars *all, const char *uid, const char *node_id,
                     const struct pod_status *st)
{
        size_t index;
        unsigned attempt;
        struct sidecar *s =
                sidecar_node_of(node_id, &index, &attempt) ? find(all, uid, index) : NULL;
        if (!s)
                return false;
        if (attempt != s->attempt || !has_pod(s))
                return true;
        if (st->phase >= POD_SUCCEEDED)
                on_end(s, st);
        else if (st->phase == POD_RUNNING)
                on_running(s);
        return true;
}

/* ---- life ---- */

static struct sidecar *sidecar_new(struct sidecars *all, const struct sidecar_of *of, size_t index)
{
        struct sidecar *s = NEW(struct sidecar);
        s->all = all;
        s->key = mem_printf("%s/%zu", of->uid, index);
        s->uid = mem_strdup(of->uid);
        s->ns = mem_strdup(of->ns);
        s->workflow = mem_strdup(of->workflow);
        s->index = index;
        timer_init(&s->pause, on_pause, s);
        HASH_ADD_KEYPTR(hh, all->by_key, s->key, strlen(s->key), s);
        return s;
}

/* While nobody uses it what it is may change: the workflow is retried, or its parameters are known
 * better now than when it was found again. */
struct sidecar *sidecar_get(struct sidecars *all, const struct sidecar_of *of, size_t index)
{
        struct sidecar *s = find(all, of->uid, index);
        if (s && s->users)
                return s;
        if (!s)
                s = sidecar_new(all, of, index);
        s->over = false;
        err_clear(&s->wrong);
        if (sidecar_describe(s, of, &s->wrong) < 0)
                s->own_network = true; /* it does not run: it needs no port */
        return s;
}

/* The latest start that has left a trace. */
static void adopt(struct sidecar *s)
{
        for (unsigned n = 0;; n++) {
                AUTO(mem_free) char *node = sidecar_node_id(s->index, n);
                if (!runner_adopt(s->all->runner, s->uid, node))
                        return;
                s->attempt = n;
                s->state = SIDECAR_STARTED;
        }
}

void sidecars_adopt(struct sidecars *all, const struct sidecar_of *of)
{
        size_t i;
        json_t *plugin;
        json_array_foreach (json_object_get(of->spec, "executorPlugins"), i, plugin) {
                struct sidecar *s = sidecar_get(all, of, i);
                if (s->state == SIDECAR_IDLE)
                        adopt(s);
        }
}

void sidecars_end(struct sidecars *all, const char *uid)
{
        struct sidecar *s, *next;
        HASH_ITER (hh, all->by_key, s, next) {
                if (!streq(s->uid, uid))
                        continue;
                s->over = true;
                if (has_pod(s) && s->state != SIDECAR_ENDS)
                        end_pod(s, OWN_GRACE);
                else if (!has_pod(s) && !s->users)
                        sidecar_free(s);
        }
}

void sidecars_kill(struct sidecars *all)
{
        struct sidecar *s, *next;
        HASH_ITER (hh, all->by_key, s, next)
                if (has_pod(s))
                        end_pod(s, 0);
}

bool sidecars_busy(const struct sidecars *all, const char *uid)
{
        struct sidecar *s, *next;
        HASH_ITER (hh, all->by_key, s, next)
                if (has_pod(s) && streq(s->uid, uid))
                        return true;
        return false;
}

size_t sidecars_running(const struct sidecars *all)
{
        struct sidecar *s, *next;
        size_t n = 0;
        HASH_ITER (hh, all->by_key, s, next)
                n += has_pod(s);
        return n;
}

struct sidecars *sidecars_new(struct loop *l, const char *data_dir)
{
        struct sidecars *all = NEW(struct sidecars);
        all->loop = l;
        all->data_dir = mem_strdup(data_dir);
        return all;
}

void sidecars_use(struct sidecars *all, struct runner *r)
{
        all->runner = r;
}

struct sidecars *sidecars_free(struct sidecars *all)
{
        if (!all)
                return NULL;
        struct sidecar *s, *next;
        HASH_ITER (hh, all->by_key, s, next)
                sidecar_free(s);
        mem_free(all->data_dir);
        mem_free(all);
        return NULL;
}
