/* tests/unit/workflow_engine/faults.c: see faults.h.
 *
 * The world is what survives a crash: the stored object as of the last commit, and the pods. A step
 * may be lost before its commit, or its commands behind it. Until the world heals, news of pods may
 * be lost too; then everything is told once more, as a runner does that is asked again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_engine/faults.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/workflow_engine/faults_objects.h"
#include "tests/unit/workflow_engine/faults_rival.h"
#include "tests/unit/workflow_engine/invariants.h"
#include "tests/unit/workflow_engine/random_workflow.h"
#include "workflow/engine/locks.h"
#include "workflow/engine/replay.h"
#include <uthash.h>

enum { MAX_STEPS = 20000, HEAL_AFTER = 120, MAX_CRASHES = 25 };

struct pod {
        char *id, *name;
        json_t *template;
        int phase, last; /* now; and how it will end */
        int64_t ends_ns; /* INT64_MAX: when it is killed */
        UT_hash_handle hh;
};
struct news {
        char *id;
        int phase;
        bool ready; /* a daemon serves; of a set the first container has ended */
};
struct world {
        uint64_t random;
        json_t *test_case, *object, *objects;    /* stored: the workflow; ConfigMaps */
        json_t *born, *born_objects, *recording; /* since the last restart */
        struct wf *wf;
        struct locks *locks;
        struct rival rival;
        struct wf_lookup lookup;
        bool dead; /* the process was killed in the middle of a step */
        struct pod *pods;
        struct news *news;
        size_t n_news, cap_news, next_action;
        int64_t now_ns, start_ns, timer_ns;
        bool healed;
        unsigned crashes;
        struct faults_report *sum;
        char *wrong;
};

static const struct wf_defaults defaults = {.any_storage = true};

static unsigned below(struct world *w, unsigned n)
{
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(w->random >> 33) % n;
}

static void accuse(struct world *w, char *words_taken)
{
        if (!w->wrong)
                w->wrong = words_taken;
        else
                mem_free(words_taken);
}

/* ---- pods ---- */

static void tell(struct world *w, const struct pod *p, int phase, bool ready)
{
        mem_grow(w->news, w->cap_news, w->n_news + 1);
        w->news[w->n_news++] = (struct news){mem_strdup(p->id), phase, ready};
}

static int outcome(const struct world *w, const char *name)
{
        unsigned dice = (fnv1a32(name, strlen(name)) ^ (uint32_t)w->random >> 7) % 12;
        return dice == 0 ? POD_ERROR : dice < 3 ? POD_FAILED : POD_SUCCEEDED;
}

static void check_locks(struct world *w, const json_t *template)
{
        static const struct {
                const char *template;
                unsigned most;
        } locked[] = {{"locked", 1}, {"limited", 2}};
        const char *name = json_str(template, "name");
        for (size_t i = 0; i < ARRAY_LEN(locked); i++) {
                unsigned n = streq(name, "locked") && w->rival.holds;
                if (!streq(name, locked[i].template))
                        continue;
                for (const struct pod *p = w->pods; p; p = p->hh.next)
                        n += p->phase < POD_SUCCEEDED && p->ends_ns > w->now_ns &&
                             streq(json_str(p->template, "name"), name);
                if (n >= locked[i].most)
                        accuse(w, mem_printf("one more \"%s\" starts than its lock allows", name));
        }
}

static void start_pod(struct world *w, const struct wf_command *c)
{
        struct pod *p;
        HASH_FIND_STR(w->pods, c->node_id, p);
        if (p &&
            p->phase <
                    POD_SUCCEEDED) /* a runner recognises it; the engine must not count on that */
                accuse(w, mem_printf("%s is started while it runs", c->node_name));
        if (p)
                return;
        char *words = invariant_start(w->object, c->node_id);
        if (words)
                accuse(w, words);
        check_locks(w, c->template);
        p = NEW(struct pod);
        p->id = mem_strdup(c->node_id);
        p->name = mem_strdup(c->node_name);
        p->template = json_incref(c->template);
        p->phase = POD_RUNNING;
        p->last = outcome(w, p->name);
        bool serves = json_is_true(json_object_get(c->template, "daemon")) && below(w, 4);
        p->ends_ns = serves ? INT64_MAX : w->now_ns + (1 + (int64_t)below(w, 5)) * NS_PER_S;
        HASH_ADD_KEYPTR(hh, w->pods, p->id, strlen(p->id), p);
        w->sum->pods++;
        if (below(w, 3) == 0)
                tell(w, p, POD_RUNNING, false);
        tell(w, p, POD_RUNNING, true);
}

static void kill_pod(struct world *w, const char *id)
{
        struct pod *p;
        HASH_FIND_STR(w->pods, id, p);
        if (!p || p->phase >= POD_SUCCEEDED)
                return;
        p->last = POD_FAILED;
        p->ends_ns = w->now_ns;
}

static void end_pods(struct world *w)
{
        for (struct pod *p = w->pods; p; p = p->hh.next)
                if (p->phase < POD_SUCCEEDED && p->ends_ns <= w->now_ns) {
                        p->phase = p->last;
                        tell(w, p, p->phase, true);
                }
}

/* ---- a step, its commit, its commands ---- */

static void crash(struct world *w);

static void write_back(struct world *w)
{
        json_t *before = json_object_get(w->object, "status"), *status = wf_status_json(w->wf);
        json_object_set_new(status, "nodes", wf_nodes_json(w->wf));
        char *words = invariant_forward(before, status);
        if (words)
                accuse(w, words);
        json_object_set_new(w->object, "status", json_deep_copy(status));
        json_decref(status);
}

static void carry_out(struct world *w, const struct wf_commands *commands)
{
        for (size_t i = 0; i < commands->n; i++) {
                const struct wf_command *c = &commands->items[i];
                if (c->kind == WF_START_POD)
                        start_pod(w, c);
                else if (c->kind == WF_KILL_POD)
                        kill_pod(w, c->node_id);
                else if (c->kind == WF_SET_TIMER)
                        w->timer_ns = c->at.ns;
                else if (c->kind == WF_CACHE)
                        faults_store(w->objects, c->data);
                else if (c->kind == WF_RELEASE)
                        locks_release_command(w->locks, wf_key(w->wf), c->node_id, c->data);
        }
}

static void kill_pods(struct world *w, const struct wf_commands *commands)
{
        for (size_t i = 0; i < commands->n; i++)
                if (commands->items[i].kind == WF_KILL_POD)
                        kill_pod(w, commands->items[i].node_id);
}

static bool strikes(struct world *w)
{
        return !w->healed && w->crashes < MAX_CRASHES && below(w, 20) == 0;
}

/* One step of the engine with its commit. */
static void commit(void *arg, const struct wf_input *in, size_t n, struct wf_commands *commands)
{
        struct world *w = arg;
        replay_record(w->recording, in, n, (struct wall){w->now_ns});
        w->sum->steps++;
        if (w->dead)
                return;
        w->dead = strikes(w);
        if (w->dead)
                return;
        if (wf_completed(w->wf)) /* nobody looks at it again: the controller kills ahead of it */
                kill_pods(w, commands);
        write_back(w);
        w->dead = strikes(w);
        if (!w->dead)
                carry_out(w, commands);
}

static void step_woken(struct world *w, const struct wf_input *in, size_t n, bool woken)
{
        do {
                locks_step(w->locks, &(struct locks_step){.wf = w->wf,
                                                          .in = in,
                                                          .n = n,
                                                          .now = {w->now_ns},
                                                          .woken = woken,
                                                          .carry_out = commit,
                                                          .arg = w});
                if (w->dead) {
                        crash(w);
                        return;
                }
                woken = rival_wake(&w->rival, w->locks, wf_key(w->wf));
                n = 0;
        } while (woken && !w->wrong && !wf_completed(w->wf));
}

static void step(struct world *w, const struct wf_input *in, size_t n)
{
        step_woken(w, in, n, false);
}

/* The other workflow does something at the table. */
static void meet_rival(struct world *w)
{
        if (w->healed)
                rival_leave(&w->rival, w->locks);
        else
                rival_act(&w->rival, w->locks);
        if (rival_wake(&w->rival, w->locks, wf_key(w->wf)))
                step_woken(w, NULL, 0, true);
}

/* ---- restart ---- */

static void check_replay(struct world *w)
{
        const struct wf_lookup lookup = {faults_find, &w->born_objects};
        struct err why = {0};
        if (replay_check(w->wf, w->born, w->recording, &lookup, &defaults, &why) < 0)
                accuse(w, mem_printf("INV-10: %s", err_msg(&why)));
        err_clear(&why);
}

struct live {
        char **ids;
        size_t n, cap;
};

static void note_live(void *arg, const char *node_id, const char *pod_name)
{
        struct live *live = arg;
        (void)pod_name;
        mem_grow(live->ids, live->cap, live->n + 1);
        live->ids[live->n++] = mem_strdup(node_id);
}

static void report_lost(struct world *w, const char *id)
{
        struct wf_input in = {.kind = WF_POD,
                              .node_id = id,
                              .pod_phase = POD_ERROR,
                              .message = "pod deleted",
                              .exit_code = -1};
        step(w, &in, 1);
}

static void restart_pod(struct world *w, const char *id)
{
        struct wf_commands commands = {0};
        replay_record_restart(w->recording, id, (struct wall){w->now_ns});
        wf_restart_pod(w->wf, id, (struct wall){w->now_ns}, &commands);
        write_back(w);
        carry_out(w, &commands);
        wf_commands_deinit(&commands);
}

/* A kill that was lost with its process: pods whose nodes are done are ended now. */
static void sweep(struct world *w)
{
        for (struct pod *p = w->pods; p; p = p->hh.next) {
                AUTO_JSON json_t *node = wf_node_json(w->wf, p->id);
                const char *phase = json_str(node, "phase");
                if (!streq(phase, "Pending") && !streq(phase, "Running"))
                        kill_pod(w, p->id);
        }
}

/* What runs is found again; what never began is begun. */
static void adopt(struct world *w)
{
        struct live live = {0};
        unsigned crashes = w->crashes;
        wf_each_live_pod(w->wf, note_live, &live);
        for (size_t i = 0; i < live.n; i++) {
                struct pod *p;
                HASH_FIND_STR(w->pods, live.ids[i], p);
                AUTO_JSON json_t *node = wf_node_json(w->wf, live.ids[i]);
                if (w->crashes != crashes) /* it was killed meanwhile: what follows is another's */
                        continue;
                if (p)
                        tell(w, p, p->phase, true);
                else if (streq(json_str(node, "phase"), "Running"))
                        report_lost(w, live.ids[i]);
                else
                        restart_pod(w, live.ids[i]);
        }
        for (size_t i = 0; i < live.n; i++)
                mem_free(live.ids[i]);
        mem_free(live.ids);
}

static void forget_news(struct world *w)
{
        for (size_t i = 0; i < w->n_news; i++)
                mem_free(w->news[i].id);
        w->n_news = 0;
}

static void open_world(struct world *w)
{
        struct err why = {0};
        json_decref(w->recording);
        json_decref(w->born);
        json_decref(w->born_objects);
        w->recording = json_object();
        w->born = json_deep_copy(w->object);
        w->born_objects = json_deep_copy(w->objects);
        w->locks = locks_new(&w->lookup);
        if (wf_new(&w->wf, w->object, &w->lookup, &defaults, &why) < 0)
                accuse(w, mem_printf("wf_new: %s", err_msg(&why)));
        else {
                rival_restore(&w->rival, w->locks);
                locks_restore_all(w->locks, w->wf);
        }
        err_clear(&why);
}

static void crash(struct world *w)
{
        struct wf_input start = {.kind = WF_START};
        w->crashes++;
        w->sum->crashes++;
        w->dead = false;
        check_replay(w);
        w->wf = wf_free(w->wf);
        w->locks = locks_free(w->locks);
        forget_news(w);
        w->timer_ns = 0;
        open_world(w);
        unsigned crashes = w->crashes;
        if (!w->wf || w->wrong)
                return;
        step(w, &start, 1);
        if (w->crashes == crashes && !w->wrong)
                adopt(w);
        if (w->crashes == crashes && !w->wrong)
                sweep(w);
}

/* ---- what happens ---- */

static void deliver(struct world *w)
{
        size_t i = below(w, (unsigned)w->n_news);
        struct news news = w->news[i];
        struct pod *p;
        unsigned dice = w->healed ? 99 : below(w, 10);
        HASH_FIND_STR(w->pods, news.id, p);
        if (dice != 0) /* else it comes once more */
                w->news[i] = w->news[--w->n_news];
        if (dice == 1 && p) {
                w->sum->lost++;
                mem_free(news.id);
                return;
        }
        char *id = mem_strdup(news.id);
        if (dice != 0)
                mem_free(news.id);
        bool ended = news.phase >= POD_SUCCEEDED;
        AUTO_JSON json_t *outputs = ended ? pod_outputs(p ? p->template : NULL, news.phase) : NULL,
                         *containers =
                                 pod_containers(p ? p->template : NULL, news.phase, news.ready);
        struct wf_input in = {.kind = WF_POD,
                              .node_id = id,
                              .pod_phase = news.phase,
                              .message =
                                      news.phase == POD_FAILED ? "main: Error (exit code 1)" : "",
                              .exit_code = -1,
                              .outputs = outputs,
                              .containers = containers,
                              .ready = news.ready,
                              .ip = "10.0.0.1",
                              .finished = {ended ? w->now_ns : 0}};
        step(w, &in, 1);
        mem_free(id);
}

/* Jumps to the next moment at which anything happens. False: there is none. */
static bool advance(struct world *w)
{
        int64_t at = w->timer_ns ? w->timer_ns : INT64_MAX;
        for (const struct pod *p = w->pods; p; p = p->hh.next)
                if (p->phase < POD_SUCCEEDED && p->ends_ns < at)
                        at = p->ends_ns;
        if (at == INT64_MAX)
                return false;
        w->now_ns = at > w->now_ns ? at : w->now_ns;
        end_pods(w);
        if (w->timer_ns && w->timer_ns <= w->now_ns) {
                struct wf_input timer = {.kind = WF_TIMER};
                w->timer_ns = 0;
                step(w, &timer, 1);
        }
        return true;
}

static void act(struct world *w)
{
        static const struct {
                const char *name;
                enum wf_input_kind kind;
                const char *key, *value;
        } known[] = {{"stop", WF_STOP, "shutdown", "Stop"},
                     {"terminate", WF_TERMINATE, "shutdown", "Terminate"},
                     {"suspend", WF_SUSPEND, "suspend", NULL},
                     {"resume", WF_RESUME, "suspend", NULL}};
        const json_t *a = json_array_get(json_object_get(w->test_case, "actions"), w->next_action);
        for (size_t i = 0; a && i < ARRAY_LEN(known); i++) {
                struct wf_input in = {.kind = known[i].kind};
                if (!streq(known[i].name, json_str(a, "do")))
                        continue;
                w->next_action++;
                json_object_set_new(json_object_get(w->object, "spec"), known[i].key,
                                    known[i].value ? json_string(known[i].value)
                                                   : json_boolean(in.kind == WF_SUSPEND));
                step(w, &in, 1);
                return;
        }
}

/* Somebody resumes what waits for it: the workflow itself, and suspend steps without an end. */
static bool resume(struct world *w)
{
        struct wf_input in = {.kind = WF_RESUME};
        const char *id;
        json_t *n;
        bool any = false;
        json_object_foreach (json_at(w->object, "status", "nodes"), id, n)
                any = any || (streq(json_str(n, "type"), "Suspend") &&
                              streq(json_str(n, "phase"), "Running"));
        if (!any)
                return false;
        json_object_set_new(json_object_get(w->object, "spec"), "suspend", json_false());
        step(w, &in, 1);
        return true;
}

/* Whatever was lost is told again; from here on all goes well. */
static void heal(struct world *w)
{
        w->healed = true;
        meet_rival(w);
        for (const struct pod *p = w->pods; p; p = p->hh.next)
                tell(w, p, p->phase, true);
}

static bool turn(struct world *w)
{
        if (w->next_action < json_array_size(json_object_get(w->test_case, "actions")) &&
            (w->healed || below(w, 8) == 0)) {
                act(w);
                return true;
        }
        if (!w->healed && below(w, 15) == 0) {
                meet_rival(w);
                return true;
        }
        if (w->n_news && (w->healed || below(w, 4))) {
                deliver(w);
                return true;
        }
        if (!w->healed && below(w, 25) == 0 && w->crashes < MAX_CRASHES) {
                crash(w);
                return true;
        }
        if (!w->healed && below(w, 30) == 0 && resume(w))
                return true;
        return advance(w) || w->n_news || resume(w);
}

static void live(struct world *w)
{
        struct wf_input start = {.kind = WF_START};
        step(w, &start, 1);
        for (unsigned turns = 0; !w->wrong && !wf_completed(w->wf); turns++) {
                if (turns == HEAL_AFTER)
                        heal(w);
                if (turns > MAX_STEPS)
                        accuse(w, invariant_undone(w->object, "INV-16: it does not end"));
                else if (!turn(w) && !w->healed)
                        heal(w);
                else if (w->healed && !w->n_news && !turn(w) && !wf_completed(w->wf))
                        accuse(w,
                               invariant_undone(w->object, "INV-16: nothing will happen any more"));
        }
}

static void check_end(struct world *w)
{
        check_replay(w);
        char *words = invariant_end(w->object);
        if (words)
                accuse(w, words);
        for (const struct pod *p = w->pods; p && !w->wrong; p = p->hh.next)
                if (p->phase < POD_SUCCEEDED && p->ends_ns == INT64_MAX)
                        accuse(w, mem_printf("%s runs on behind the end", p->name));
        w->sum->nodes += json_object_size(json_at(w->object, "status", "nodes"));
}

static void world_deinit(struct world *w)
{
        struct pod *p, *next;
        HASH_ITER (hh, w->pods, p, next) {
                HASH_DEL(w->pods, p);
                json_decref(p->template);
                mem_free(p->id);
                mem_free(p->name);
                mem_free(p);
        }
        forget_news(w);
        mem_free(w->news);
        wf_free(w->wf);
        locks_free(w->locks);
        json_decref(w->test_case);
        json_decref(w->object);
        json_decref(w->objects);
        json_decref(w->born_objects);
        json_decref(w->born);
        json_decref(w->recording);
}

char *faults_run(uint64_t seed, struct faults_report *sum)
{
        struct world w = {.random = seed * 2 + 1, .sum = sum};
        w.test_case = random_workflow(seed, true);
        w.object = json_deep_copy(json_object_get(w.test_case, "workflow"));
        w.objects = json_deep_copy(json_object_get(w.test_case, "objects"));
        w.lookup = (struct wf_lookup){faults_find, &w.objects};
        w.now_ns = w.start_ns = INT64_C(946684800) * NS_PER_S;
        open_world(&w);
        live(&w);
        if (!w.wrong)
                check_end(&w);
        world_deinit(&w);
        return w.wrong;
}
