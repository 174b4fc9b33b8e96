/* tests/unit/workflow_effect/test_sidecar.c: when plugins of workflows run, who has a port, what
 * becomes of those that die: on a runner and a clock that are played.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"
#include "workflow/effect/sidecar.h"
#include <limits.h>
#include <unistd.h>

enum { PODS = 32 };
struct fake_pod {
        char uid[16], node[32];
        enum pod_phase phase;
        int grace_s; /* of its end; INT_MIN: nobody has ended it */
        json_t *template;
};
struct runner {
        struct fake_pod pods[PODS];
        size_t n;
        bool own_network, listens;
        int dials;
};
struct runner_dial {
        struct loop_task answer;
        runner_dialed_fn *done;
        void *arg;
        bool good;
};
struct bench {
        struct fake_clock clock;
        struct loop *loop;
        struct runner runner;
        struct sidecars *all;
        char dir[64];
};
struct user { /* a template that asks a plugin */
        struct sidecar_user *user;
        int ready, failed;
        char words[512], waits[256];
};
static struct bench *now; /* runner.h gives no room for a pointer in a dial */

/* ---- the runner ---- */

static struct fake_pod *find(struct runner *r, const char *uid, const char *node)
{
        for (size_t i = 0; i < r->n; i++)
                if (streq(r->pods[i].uid, uid) && streq(r->pods[i].node, node))
                        return &r->pods[i];
        return NULL;
}

void runner_start(struct runner *r, const struct pod_request *req)
{
        assert_null(find(r, req->workflow_uid, req->node_id));
        assert_true(req->beside && r->n < PODS);
        struct fake_pod *p = &r->pods[r->n++];
        snprintf(p->uid, sizeof(p->uid), "%s", req->workflow_uid);
        snprintf(p->node, sizeof(p->node), "%s", req->node_id);
        p->grace_s = INT_MIN;
        p->template = json_incref((json_t *)(uintptr_t)req->template);
}

void runner_kill(struct runner *r, const char *uid, const char *node, int grace_s)
{
        find(r, uid, node)->grace_s = grace_s;
}

bool runner_adopt(struct runner *r, const char *uid, const char *node)
{
        return find(r, uid, node) != NULL;
}

static void on_answer(void *arg)
{
        struct runner_dial *d = arg;
        struct err e = {0};
        if (!d->good)
                err_set(&e, ERR_UNAVAILABLE, "port 7: Connection refused");
        d->done(d->arg, d->good ? dup(0) : -1, d->good ? NULL : &e);
        err_clear(&e);
        mem_free(d);
}

struct runner_dial *runner_dial(struct runner *r, const char *uid UNUSED, const char *node UNUSED,
                                uint16_t port UNUSED, runner_dialed_fn *done, void *arg)
{
        struct runner_dial *d = NEW(struct runner_dial);
        *d = (struct runner_dial){.done = done, .arg = arg, .good = r->listens};
        r->dials++;
        task_init(&d->answer, on_answer, d);
        loop_defer(now->loop, &d->answer);
        return d;
}

void runner_dial_cancel(struct runner_dial *d)
{
        if (d)
                loop_undefer(now->loop, &d->answer);
        mem_free(d);
}

bool runner_own_network(const struct runner *r, const json_t *template UNUSED)
{
        return r->own_network;
}

bool runner_sandboxes(const struct runner *r UNUSED)
{
        return true;
}

/* ---- what happens ---- */

static void told(struct bench *b, const char *uid, const char *node, enum pod_phase phase,
                 const char *message)
{
        struct wall t = loop_wall(b->loop);
        const struct pod_status st = {.phase = phase,
                                      .message = message,
                                      .exit_code = phase == POD_FAILED ? 1 : -1,
                                      .started = {phase == POD_ERROR ? 0 : t.ns},
                                      .finished = {phase >= POD_SUCCEEDED ? t.ns : 0}};
        find(&b->runner, uid, node)->phase = phase;
        assert_true(sidecars_on_pod(b->all, uid, node, &st));
        loop_run_ready(b->loop);
}

static void go_on(struct bench *b, int64_t ms)
{
        fake_clock_advance(&b->clock, ms * NS_PER_MS);
        loop_run_ready(b->loop);
}

static void on_ready(void *arg, int fd, const struct err *e)
{
        struct user *u = arg;
        u->ready += fd >= 0;
        u->failed += fd < 0;
        snprintf(u->words, sizeof(u->words), "%s", e ? err_msg(e) : "");
        if (fd >= 0)
                close(fd);
}

static void on_waits(void *arg, const char *why)
{
        snprintf(((struct user *)arg)->waits, sizeof(((struct user *)arg)->waits), "%s", why);
}

static json_t *spec_of(int port)
{
        return json_pack("{s:[{s:{s:s}, s:{s:{s:{s:s, s:[{s:i}]}}}}], s:{s:{s:s}}}",
                         "executorPlugins", "metadata", "name", "hello", "spec", "sidecar",
                         "container", "name", "c", "ports", "containerPort", port, "podMetadata",
                         "annotations", "a", "b");
}

static void join(struct bench *b, struct user *u, const char *uid, int port)
{
        AUTO_JSON json_t *spec = spec_of(port);
        const struct sidecar_of of = {.ns = "default", .workflow = uid, .uid = uid, .spec = spec};
        u->user = sidecar_join(b->all, &of, 0, on_ready, on_waits, u);
        sidecar_connect(u->user);
        loop_run_ready(b->loop);
}

static void leave(struct user *u)
{
        sidecar_leave(u->user);
        u->user = NULL;
}

static int set_up(void **state)
{
        struct bench *b = now = NEW(struct bench);
        struct err e = {0};
        snprintf(b->dir, sizeof(b->dir), "/tmp/test-sidecar-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        fake_clock_init(&b->clock, (struct wall){NS_PER_S});
        assert_int_equal(loop_new(&b->loop, &b->clock.clock, &e), 0);
        b->all = sidecars_new(b->loop, b->dir);
        sidecars_use(b->all, &b->runner);
        b->runner.listens = true;
        *state = b;
        return 0;
}

static int tear_down(void **state)
{
        struct bench *b = *state;
        struct err e = {0};
        sidecars_free(b->all);
        loop_free(b->loop);
        for (size_t i = 0; i < b->runner.n; i++)
                json_decref(b->runner.pods[i].template);
        assert_int_equal(fs_remove_tree(b->dir, &e), 0);
        mem_free(b);
        return 0;
}

/* ---- tests ---- */

enum { FREE_PORT = 1 /* nobody listens there; privileged, so no test does by chance */ };

static void a_plugin_starts_for_its_first_user_and_is_dialled_until_it_listens(void **state)
{
        struct bench *b = *state;
        struct user one = {0}, two = {0};
        b->runner.listens = false;
        join(b, &one, "w", FREE_PORT);
        join(b, &two, "w", FREE_PORT);
        assert_int_equal(b->runner.n, 1);
        assert_int_equal(b->runner.dials, 0);
        told(b, "w", "plugin_0_0", POD_RUNNING, "");
        assert_int_equal(b->runner.dials, 2);
        b->runner.listens = true;
        go_on(b, 20);
        assert_int_equal(one.ready + two.ready, 2);
        const json_t *t = b->runner.pods[0].template;
        const json_t *token = json_array_get(json_at(t, "inputs", "artifacts"), 0);
        assert_string_equal(json_str(t, "metadata", "annotations", "a"), "b");
        assert_string_equal(json_str(token, "path"), "/var/run/argo/token");
        assert_string_equal(json_str(token, "raw", "data"), secret_reveal(sidecar_token(one.user)));
        leave(&one);
        leave(&two);
        assert_int_equal(b->runner.pods[0].grace_s, INT_MIN); /* it stays with its workflow */
        sidecars_end(b->all, "w");
        assert_int_equal(b->runner.pods[0].grace_s, -1);
        told(b, "w", "plugin_0_0", POD_FAILED, "");
        assert_int_equal(sidecars_running(b->all), 0);
}

static void one_that_never_listens_is_given_up(void **state)
{
        struct bench *b = *state;
        struct user u = {0};
        b->runner.listens = false;
        join(b, &u, "w", FREE_PORT);
        told(b, "w", "plugin_0_0", POD_RUNNING, "");
        for (int i = 0; i < 62; i++)
                go_on(b, 1000);
        assert_int_equal(u.failed, 1);
        assert_string_equal(u.words, "plugin hello: it has run for 60 s and cannot be reached: "
                                     "port 7: Connection refused");
        leave(&u);
}

static void one_that_dies_is_started_again_five_times_in_a_row(void **state)
{
        struct bench *b = *state;
        struct user u = {0};
        join(b, &u, "w", FREE_PORT);
        for (int i = 0; i < 4; i++) {
                AUTO(mem_free) char *node = mem_printf("plugin_0_%d", i);
                told(b, "w", node, POD_FAILED, "main: Error (exit code 1)");
                assert_int_equal(b->runner.n, i + 1);
                go_on(b, 250 << i);
                assert_int_equal(b->runner.n, i + 2);
        }
        told(b, "w", "plugin_0_4", POD_FAILED, "main: Error (exit code 1)");
        assert_string_equal(u.words,
                            "plugin hello: it has ended 5 times: main: Error (exit code 1); see "
                            "`tiphys logs w hello`");
        leave(&u);
        join(b, &u, "w", FREE_PORT); /* the next template may try its luck */
        assert_int_equal(b->runner.n, 6);
        leave(&u);
}

static void an_answer_forgives_earlier_deaths(void **state)
{
        struct bench *b = *state;
        struct user u = {0};
        join(b, &u, "w", FREE_PORT);
        for (int i = 0; i < 8; i++) {
                AUTO(mem_free) char *node = mem_printf("plugin_0_%d", i);
                told(b, "w", node, POD_RUNNING, "");
                assert_int_equal(u.ready, i + 1);
                sidecar_answered(u.user);
                told(b, "w", node, POD_FAILED, "main: Error (exit code 1)");
                sidecar_connect(u.user);
                assert_int_equal(b->runner.n, i + 2);
        }
        assert_int_equal(u.failed, 0);
        leave(&u);
}

static void what_cannot_be_started_is_told_at_once(void **state)
{
        struct bench *b = *state;
        struct user u = {0};
        join(b, &u, "w", FREE_PORT);
        told(b, "w", "plugin_0_0", POD_ERROR, "no such volume");
        assert_string_equal(u.words, "plugin hello cannot be started: no such volume");
        assert_int_equal(b->runner.n, 1);
        leave(&u);
        join(b, &u, "x", 0);
        assert_string_equal(u.words, "executorPlugins[0]: spec.sidecar.container.ports[0]."
                                     "containerPort: a port is expected");
        leave(&u);
}

static void a_port_in_use_is_waited_for_in_turn(void **state)
{
        struct bench *b = *state;
        struct user a = {0}, first = {0}, second = {0};
        join(b, &a, "a", FREE_PORT);
        told(b, "a", "plugin_0_0", POD_RUNNING, "");
        join(b, &first, "b", FREE_PORT);
        join(b, &second, "c", FREE_PORT);
        assert_string_equal(first.waits, "waits for port 1: plugin hello of workflow default/a has "
                                         "it");
        assert_int_equal(b->runner.n, 1);
        assert_int_equal(b->runner.pods[0].grace_s, INT_MIN); /* it works */
        leave(&a);
        assert_int_equal(b->runner.pods[0].grace_s, 5); /* it makes room */
        assert_int_equal(b->runner.n, 1);               /* when it has gone */
        told(b, "a", "plugin_0_0", POD_FAILED, "");
        assert_non_null(find(&b->runner, "b", "plugin_0_0"));
        assert_null(find(&b->runner, "c", "plugin_0_0"));
        told(b, "b", "plugin_0_0", POD_RUNNING, "");
        assert_int_equal(first.ready, 1);
        join(b, &a, "a", FREE_PORT); /* wanted again: behind who waits */
        leave(&first);
        told(b, "b", "plugin_0_0", POD_FAILED, "");
        assert_non_null(find(&b->runner, "c", "plugin_0_0"));
        leave(&second);
        told(b, "c", "plugin_0_0", POD_FAILED, "");
        assert_non_null(find(&b->runner, "a", "plugin_0_1"));
        leave(&a);
}

static void networks_of_their_own_share_nothing(void **state)
{
        struct bench *b = *state;
        struct user one = {0}, two = {0};
        b->runner.own_network = true;
        join(b, &one, "a", FREE_PORT);
        join(b, &two, "b", FREE_PORT);
        assert_int_equal(b->runner.n, 2);
        leave(&one);
        leave(&two);
        assert_int_equal(b->runner.pods[0].grace_s, INT_MIN);
}

static void what_ran_before_a_restart_is_known_again(void **state)
{
        struct bench *b = *state;
        struct user u = {0};
        join(b, &u, "w", FREE_PORT);
        told(b, "w", "plugin_0_0", POD_FAILED, "");
        go_on(b, 250);
        told(b, "w", "plugin_0_1", POD_RUNNING, "");
        AUTO(mem_free) char *token = mem_strdup(secret_reveal(sidecar_token(u.user)));
        leave(&u);
        sidecars_free(b->all); /* kill -9 */
        b->all = sidecars_new(b->loop, b->dir);
        sidecars_use(b->all, &b->runner);
        AUTO_JSON json_t *spec = spec_of(FREE_PORT);
        const struct sidecar_of of = {.ns = "default", .workflow = "w", .uid = "w", .spec = spec};
        sidecars_adopt(b->all, &of);
        assert_true(sidecars_busy(b->all, "w"));
        told(b, "w", "plugin_0_0", POD_FAILED, ""); /* of an earlier one: of no interest */
        told(b, "w", "plugin_0_1", POD_RUNNING, "");
        join(b, &u, "w", FREE_PORT);
        assert_int_equal(u.ready, 2);
        assert_int_equal(b->runner.n, 2);
        assert_string_equal(token, secret_reveal(sidecar_token(u.user)));
        leave(&u);
        struct user other = {0};
        join(b, &other, "x", FREE_PORT);
        assert_int_equal(find(&b->runner, "w", "plugin_0_1")->grace_s, 5);
        leave(&other);
        sidecars_kill(b->all);
        assert_int_equal(find(&b->runner, "w", "plugin_0_1")->grace_s, 0);
}

static void pods_of_steps_are_none_of_ours(void **state)
{
        struct bench *b = *state;
        const struct pod_status st = {.phase = POD_RUNNING, .message = ""};
        static const char *const nodes[] = {"wf", "wf-123", "plugin_0", "plugin_0_0x",
                                            "plugin_0_0"};
        for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
                assert_false(sidecars_on_pod(b->all, "w", nodes[i], &st));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_plugin_starts_for_its_first_user_and_is_dialled_until_it_listens),
                T(one_that_never_listens_is_given_up),
                T(one_that_dies_is_started_again_five_times_in_a_row),
                T(an_answer_forgives_earlier_deaths),
                T(what_cannot_be_started_is_told_at_once),
                T(a_port_in_use_is_waited_for_in_turn),
                T(networks_of_their_own_share_nothing),
                T(what_ran_before_a_restart_is_known_again),
                T(pods_of_steps_are_none_of_ours),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
