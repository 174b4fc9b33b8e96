/* tests/unit/workflow_controller/test_gc.c: finished workflows go when their time has come, or when
 * there are too many. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"
#include "workflow/controller/finished.h"

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"

/* ---- when ---- */

static void each_phase_has_its_time(void **state UNUSED)
{
        static const struct {
                const char *phase, *ttl;
                int seconds; /* -1: never */
        } rows[] = {
                {"Succeeded", "{secondsAfterSuccess: 5}", 5},
                {"Succeeded", "{secondsAfterCompletion: 7}", 7},
                {"Succeeded", "{secondsAfterCompletion: 7, secondsAfterSuccess: 0}", 0},
                {"Succeeded", "{secondsAfterFailure: 5}", -1},
                {"Failed", "{secondsAfterFailure: 9, secondsAfterCompletion: 1}", 9},
                {"Error", "{secondsAfterFailure: 9, secondsAfterCompletion: 1}", 1},
                {"Error", "{secondsAfterFailure: 9}", -1},
                {"Running", "{}", -1},
                {"Failed", "null", -1},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free)
                char *text = mem_printf("spec: {ttlStrategy: %s}\nstatus: {phase: %s, finishedAt: "
                                        "\"1970-01-01T00:01:40Z\"}\n",
                                        rows[i].ttl, rows[i].phase);
                AUTO_JSON json_t *wf = house_yaml(text);
                struct wall at = {0};
                assert_int_equal(gc_expiry(wf, NULL, &at), rows[i].seconds >= 0);
                if (rows[i].seconds >= 0)
                        assert_int_equal(at.ns / NS_PER_S, 100 + rows[i].seconds);
        }
}

static void strategy_comes_from_workflow_then_template_then_defaults(void **state UNUSED)
{
        AUTO_JSON json_t *wf =
                house_yaml("status: {phase: Failed, finishedAt: \"1970-01-01T00:00:00Z\"}");
        AUTO_JSON json_t *defaults =
                house_yaml("spec: {ttlStrategy: {secondsAfterCompletion: 30}}");
        struct wall at;
        assert_true(gc_expiry(wf, defaults, &at));
        assert_int_equal(at.ns / NS_PER_S, 30);
        json_put_at(wf, json_integer(20), "status", "storedWorkflowTemplateSpec", "ttlStrategy",
                    "secondsAfterCompletion");
        assert_true(gc_expiry(wf, defaults, &at));
        assert_int_equal(at.ns / NS_PER_S, 20);
        json_put_at(wf, json_integer(10), "spec", "ttlStrategy", "secondsAfterCompletion");
        assert_true(gc_expiry(wf, defaults, &at));
        assert_int_equal(at.ns / NS_PER_S, 10);
}

/* ---- deleting ---- */

static void create_finished(struct house *h, const char *name, const char *phase, int second,
                            const char *ttl)
{
        AUTO(mem_free)
        char *text = mem_printf(
                HEAD "metadata: {name: %s, labels: {workflows.argoproj.io/completed: \"true\"}}\n"
                     "spec: {ttlStrategy: %s}\n"
                     "status: {phase: %s, finishedAt: \"2026-01-01T00:00:%02dZ\"}\n",
                name, ttl, phase, second);
        house_create(h, text);
}

static bool has(struct house *h, const char *name)
{
        return house_has(h, &STORE_WORKFLOW, name);
}

static void wait_gone(struct house *h, const char *name)
{
        for (int i = 0; i < 2000 && has(h, name); i++)
                house_run_ms(h, 1);
        assert_false(has(h, name));
}

static void wait_started(struct house *h)
{
        for (int i = 0; i < 2000 && !controller_ready(h->controller); i++)
                house_run_ms(h, 1);
}

static void deleted_when_the_time_has_come_also_after_a_restart(void **state UNUSED)
{
        int64_t start_ns;
        assert_true(time_parse_rfc3339("2026-01-01T00:00:10Z", &start_ns));
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){start_ns});
        struct house h;
        house_setup_with(&h, &clock, "");
        create_finished(&h, "soon", "Succeeded", 0, "{secondsAfterCompletion: 20}");
        create_finished(&h, "past", "Failed", 0, "{secondsAfterFailure: 1}");
        create_finished(&h, "never", "Succeeded", 0, "{secondsAfterFailure: 1}");
        house_start(&h);
        wait_gone(&h, "past");
        assert_true(has(&h, "soon"));
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        wait_started(&h);
        create_finished(&h, "later", "Succeeded", 5, "{secondsAfterCompletion: 60}");
        house_run_ms(&h, 30);
        assert_true(has(&h, "soon"));
        fake_clock_advance(&clock, 11 * NS_PER_S);
        wait_gone(&h, "soon");
        assert_true(has(&h, "later"));
        fake_clock_advance(&clock, 60 * NS_PER_S);
        wait_gone(&h, "later");
        assert_true(has(&h, "never"));
        house_teardown(&h);
}

static void edited_strategy_counts(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        create_finished(&h, "wf", "Succeeded", 0, "{secondsAfterCompletion: 1000000000}");
        house_start(&h);
        wait_started(&h);
        house_patch(&h, "wf", house_yaml("spec: {ttlStrategy: {secondsAfterCompletion: 0}}"));
        wait_gone(&h, "wf");
        house_teardown(&h);
}

static void the_newest_stay(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL, "retentionPolicy: {completed: 4, failed: 2}");
        create_finished(&h, "f3", "Failed", 3, "null");
        create_finished(&h, "f1", "Failed", 1, "null");
        create_finished(&h, "f2", "Failed", 2, "null");
        create_finished(&h, "s4", "Succeeded", 4, "null");
        house_start(&h);
        wait_gone(&h, "f1"); /* three failed ones are too many */
        create_finished(&h, "s6", "Succeeded", 6, "null");
        create_finished(&h, "e5", "Error", 5, "null");
        wait_gone(&h, "f2"); /* five of all phases are too many */
        assert_true(has(&h, "f3") && has(&h, "s4") && has(&h, "e5") && has(&h, "s6"));
        house_teardown(&h);
}

static void a_workflow_that_ends_is_deleted_with_its_files(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h,
                     HEAD "metadata: {name: wf}\n"
                          "spec: {entrypoint: main, ttlStrategy: {secondsAfterSuccess: 0},\n"
                          "  templates: [{name: main, container: {image: x, command: [run]}}]}\n");
        house_wait_pods(&h);
        for (int i = 0; i < 2000 && has(&h, "wf"); i++) {
                fake_runner_advance(h.runner, WORLD_PODS, 0);
                house_run_ms(&h, 1);
        }
        assert_false(has(&h, "wf"));
        for (int i = 0; i < 2000 && h.world.forgotten < 2; i++)
                house_run_ms(&h, 1);
        assert_int_equal(h.world.forgotten, 2);
        house_teardown(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_phase_has_its_time),
                cmocka_unit_test(strategy_comes_from_workflow_then_template_then_defaults),
                cmocka_unit_test(deleted_when_the_time_has_come_also_after_a_restart),
                cmocka_unit_test(edited_strategy_counts),
                cmocka_unit_test(the_newest_stay),
                cmocka_unit_test(a_workflow_that_ends_is_deleted_with_its_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
