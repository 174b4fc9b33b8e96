/* tests/unit/workflow_effect/test_resource_retry.c: an API server that is away, on a scripted store
 * and a fake clock. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store_driver.h"
#include "tests/unit/unit.h"
#include "workflow/effect/effect.h"
#include <limits.h>

struct scripted { /* a store: `fails` calls fail with `code`, the others work */
        struct store base;
        int fails, calls, watches;
        enum err_code code;
        char created[4][64]; /* names of objects that were to be created */
        store_watch_fn *on_watch;
        void *watch_arg;
};
struct answer {
        struct loop_task task;
        struct err e;
        json_t *object;
        store_done_fn *done;
        void *arg;
};
struct bench {
        struct fake_clock clock;
        struct loop *loop;
        struct scripted store;
        struct effects *effects;
        enum pod_phase phase;
        char message[256];
};

static void on_answer(void *arg)
{
        struct answer *a = arg;
        a->done(a->arg, a->object, a->object ? NULL : &a->e);
        err_clear(&a->e);
        json_decref(a->object);
        mem_free(a);
}

static void reply(struct store *s, json_t *object, store_done_fn *done, void *arg)
{
        struct scripted *me = (struct scripted *)s;
        struct answer *a = NEW(struct answer);
        a->done = done;
        a->arg = arg;
        if (me->calls++ < me->fails) {
                err_set(&a->e, me->code, "the server is away");
                json_decref(object);
        } else {
                a->object = object;
        }
        task_init(&a->task, on_answer, a);
        loop_defer(s->loop, &a->task);
}

static void create(struct store *s, const struct store_kind *kind UNUSED, const char *ns UNUSED,
                   const json_t *obj, store_done_fn *done, void *arg)
{
        struct scripted *me = (struct scripted *)s;
        if (me->calls < 4)
                snprintf(me->created[me->calls], sizeof(me->created[0]), "%s", obj_name(obj));
        reply(s, json_deep_copy(obj), done, arg);
}

static void get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg)
{
        reply(s, json_pack("{s:{s:s}}", "metadata", "name", ref.name), done, arg);
}

static struct store_watch a_watch;

static void watch(struct store_watch **out, struct store *s, const struct store_kind *kind UNUSED,
                  const char *ns UNUSED, const struct store_list_opts *o UNUSED,
                  const char *version UNUSED, store_watch_fn *fn, void *arg)
{
        struct scripted *me = (struct scripted *)s;
        me->watches++;
        me->on_watch = fn;
        me->watch_arg = arg;
        a_watch.store = s;
        *out = &a_watch;
}

static struct store_watch *watch_stop(struct store_watch *w UNUSED)
{
        return NULL;
}

static const struct store_driver driver = {
        .name = "scripted", .create = create, .get = get, .watch = watch, .watch_stop = watch_stop};

static void on_update(void *arg, const char *uid UNUSED, const char *node UNUSED,
                      const struct pod_status *st)
{
        struct bench *b = arg;
        b->phase = st->phase;
        snprintf(b->message, sizeof(b->message), "%s", st->message);
}

static void go_on(struct bench *b, int64_t ms)
{
        fake_clock_advance(&b->clock, ms * NS_PER_MS);
        loop_run_ready(b->loop);
}

static void begin(struct bench *b, const char *template)
{
        AUTO_JSON json_t *t = json_loads(template, 0, NULL);
        assert_non_null(t);
        const struct pod_request req = {.ns = "default",
                                        .workflow = "wf",
                                        .workflow_uid = "uid",
                                        .node_id = "node",
                                        .node_name = "wf",
                                        .pod_name = "wf",
                                        .template = t};
        effects_start(b->effects, &req);
        loop_run_ready(b->loop);
}

static int set_up(void **state)
{
        struct bench *b = NEW(struct bench);
        struct err e = {0};
        fake_clock_init(&b->clock, (struct wall){NS_PER_S});
        assert_int_equal(loop_new(&b->loop, &b->clock.clock, &e), 0);
        b->store.base = (struct store){&driver, b->loop};
        b->store.code = ERR_UNAVAILABLE;
        const struct effects_options o = {
                .loop = b->loop, .store = &b->store.base, .data_dir = "/nowhere"};
        assert_int_equal(effects_new(&b->effects, &o, on_update, b, &e), 0);
        *state = b;
        return 0;
}

static int tear_down(void **state)
{
        struct bench *b = *state;
        effects_free(b->effects);
        loop_free(b->loop);
        mem_free(b);
        return 0;
}

#define MAKE                                                                              \
        "{\"resource\": {\"action\": \"create\", \"manifest\": \"{apiVersion: v1, kind: " \
        "ConfigMap, metadata: {generateName: made-}}\"}}"
#define GET(conditions)                                                                        \
        "{\"resource\": {\"action\": \"get\"" conditions ", \"manifest\": \"{apiVersion: v1, " \
        "kind: ConfigMap, metadata: {name: it}}\"}}"

static void a_server_that_is_away_is_waited_for_and_asked_for_the_same(void **state)
{
        struct bench *b = *state;
        b->store.fails = 2;
        begin(b, MAKE);
        assert_int_equal(b->phase, POD_RUNNING);
        assert_string_equal(b->message, "the server is away");
        go_on(b, 1000);
        go_on(b, 1999);
        assert_int_equal(b->store.calls, 2);
        go_on(b, 1);
        assert_int_equal(b->phase, POD_SUCCEEDED);
        assert_string_equal(b->message, "");
        assert_string_equal(b->store.created[0], b->store.created[1]);
        assert_string_equal(b->store.created[1], b->store.created[2]);
        assert_true(str_starts(b->store.created[0], "made-"));
}

static void a_server_that_stays_away_is_given_up_after_ten_minutes(void **state)
{
        struct bench *b = *state;
        b->store.fails = INT_MAX;
        begin(b, GET(""));
        for (int i = 0; i < 600; i++)
                go_on(b, 1000);
        assert_int_equal(b->phase, POD_RUNNING);
        go_on(b, 30000);
        assert_int_equal(b->phase, POD_FAILED);
        assert_string_equal(b->message, "main: Error (exit code 64): get ConfigMap default/it: the "
                                        "server is away");
}

static void what_is_refused_is_told_at_once(void **state)
{
        struct bench *b = *state;
        b->store.fails = INT_MAX;
        b->store.code = ERR_DENIED;
        begin(b, GET(""));
        assert_int_equal(b->phase, POD_FAILED);
        assert_int_equal(b->store.calls, 1);
}

static void deny_watch(struct bench *b)
{
        struct err e = {0};
        err_set(&e, ERR_DENIED, "no role");
        b->store.on_watch(b->store.watch_arg, STORE_ENDED, NULL, &e);
        err_clear(&e);
        loop_run_ready(b->loop);
}

static void a_watch_that_is_refused_for_a_moment_is_begun_again(void **state)
{
        struct bench *b = *state;
        begin(b, GET(", \"successCondition\": \"data.state == done\""));
        assert_int_equal(b->store.watches, 1);
        deny_watch(b);
        assert_int_equal(b->phase, POD_RUNNING);
        go_on(b, 1000);
        assert_int_equal(b->store.watches, 2);
        go_on(b, 28000);
        deny_watch(b);
        assert_int_equal(b->phase, POD_RUNNING);
        go_on(b, 1000);
        deny_watch(b);
        assert_int_equal(b->phase, POD_FAILED);
        assert_string_equal(b->message,
                            "main: Error (exit code 64): get ConfigMap default/it: no role");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_server_that_is_away_is_waited_for_and_asked_for_the_same),
                T(a_server_that_stays_away_is_given_up_after_ten_minutes),
                T(what_is_refused_is_told_at_once),
                T(a_watch_that_is_refused_for_a_moment_is_begun_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
