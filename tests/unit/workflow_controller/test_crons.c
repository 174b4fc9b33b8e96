/* tests/unit/workflow_controller/test_crons.c: CronWorkflows in the controller, on a clock that the
 * test turns. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"

#define START "2026-01-01T00:00:30Z"
#define SLOT(name, minute) name "-" #minute
enum { SLOT0 = 1767225660 /* 2026-01-01T00:01:00Z */ };

#define CRON_OF(name, more)                                                                    \
        "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: " name "}\n"   \
        "spec:\n  schedules: [\"* * * * *\"]\n" more "  workflowSpec:\n    entrypoint: main\n" \
        "    templates: [{name: main, container: {image: x, command: [run]}}]\n"

struct fixture {
        struct fake_clock clock;
        struct house h;
};

static void setup(struct fixture *f)
{
        int64_t ns;
        assert_true(time_parse_rfc3339(START, &ns));
        fake_clock_init(&f->clock, (struct wall){ns});
        house_setup_with(&f->h, &f->clock, "");
}

static void begin(struct fixture *f)
{
        house_start(&f->h);
        for (int i = 0; i < 3000 && !controller_ready(f->h.controller); i++)
                house_run_ms(&f->h, 1);
        assert_true(controller_ready(f->h.controller));
}

static void restart(struct fixture *f)
{
        house_crash(&f->h);
        house_open_store(&f->h);
        begin(f);
}

static json_t *cron(struct fixture *f, const char *name)
{
        struct err e = {0};
        json_t *obj = NULL;
        const struct store_ref ref = {&STORE_CRON_WORKFLOW, "default", name};
        if (store_get_now(f->h.store, ref, &obj, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return obj;
}

static bool has_run(struct fixture *f, const char *name, int minute)
{
        AUTO(mem_free) char *child = mem_printf("%s-%d", name, SLOT0 + 60 * minute);
        return house_has(&f->h, &STORE_WORKFLOW, child);
}

static void wait_run(struct fixture *f, const char *name, int minute)
{
        for (int i = 0; i < 3000 && !has_run(f, name, minute); i++)
                house_run_ms(&f->h, 1);
        assert_true(has_run(f, name, minute));
}

static void advance_s(struct fixture *f, int s)
{
        fake_clock_advance(&f->clock, s * NS_PER_S);
        loop_run_ready(f->h.loop);
}

static json_int_t status_int(struct fixture *f, const char *name, const char *key)
{
        AUTO_JSON json_t *obj = cron(f, name);
        return json_integer_value(json_at(obj, "status", key));
}

static size_t active(struct fixture *f, const char *name)
{
        AUTO_JSON json_t *obj = cron(f, name);
        return json_array_size(json_at(obj, "status", "active"));
}

#define WAIT(f, condition)                                        \
        do {                                                      \
                for (int i_ = 0; i_ < 3000 && !(condition); i_++) \
                        house_run_ms(&(f)->h, 1);                 \
                assert_true(condition);                           \
        } while (0)

static void finish_all(struct fixture *f)
{
        for (int i = 0; i < 3000 && controller_info(f->h.controller).workflows; i++) {
                fake_runner_advance(f->h.runner, WORLD_PODS, 0);
                house_run_ms(&f->h, 1);
        }
        assert_int_equal(controller_info(f->h.controller).workflows, 0);
}

static void each_minute_has_its_workflow_and_the_status_says_so(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("tick", ""));
        house_run_ms(&f.h, 20);
        assert_false(has_run(&f, "tick", -1)); /* nothing from before it was made */
        advance_s(&f, 30);
        wait_run(&f, "tick", 0);
        advance_s(&f, 60);
        wait_run(&f, "tick", 1);
        WAIT(&f, active(&f, "tick") == 2);
        AUTO_JSON json_t *obj = cron(&f, "tick");
        assert_string_equal(json_str(obj, "status", "lastScheduledTime"), "2026-01-01T00:02:00Z");
        assert_string_equal(json_str(obj, "status", "phase"), "Active");
        assert_string_equal(obj_annotation(obj, "cronworkflows.argoproj.io/last-used-schedule"),
                            "* * * * *");
        finish_all(&f);
        WAIT(&f, status_int(&f, "tick", "succeeded") == 2 && active(&f, "tick") == 0);
        AUTO(mem_free) char *name = mem_printf("tick-%d", SLOT0);
        AUTO_JSON json_t *wf = house_get(&f.h, name);
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/cron-workflow"), "tick");
        house_teardown(&f.h);
}

static void forbid_skips_and_replace_terminates(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("forbid", "  concurrencyPolicy: Forbid\n"));
        house_create(&f.h, CRON_OF("replace", "  concurrencyPolicy: Replace\n"));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        wait_run(&f, "forbid", 0);
        wait_run(&f, "replace", 0);
        WAIT(&f, active(&f, "forbid") == 1 && active(&f, "replace") == 1);
        advance_s(&f, 60);
        wait_run(&f, "replace", 1);
        AUTO(mem_free) char *old = mem_printf("replace-%d", SLOT0);
        WAIT(&f, house_has_phase(&f.h, old, "Failed"));
        assert_false(has_run(&f, "forbid", 1));
        finish_all(&f);
        WAIT(&f, active(&f, "forbid") == 0);
        advance_s(&f, 60);
        wait_run(&f, "forbid", 2);
        house_teardown(&f.h);
}

static void suspended_runs_nothing_and_nothing_of_it_later(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("c", "  suspend: true\n  startingDeadlineSeconds: 600\n"));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        house_run_ms(&f.h, 20);
        assert_false(has_run(&f, "c", 0));
        struct err e = {0};
        AUTO_JSON json_t *patch = json_pack("{s:{s:n}}", "spec", "suspend"), *out = NULL;
        const struct store_ref ref = {&STORE_CRON_WORKFLOW, "default", "c"};
        assert_int_equal(store_patch_now(f.h.store, ref, STORE_PATCH_MERGE, patch, &out, &e), 0);
        house_run_ms(&f.h, 20);
        assert_false(has_run(&f, "c", 0));
        advance_s(&f, 60);
        wait_run(&f, "c", 1);
        house_teardown(&f.h);
}

static void history_keeps_the_newest(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("c", "  successfulJobsHistoryLimit: 2\n"));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        for (int minute = 0; minute < 4; minute++) {
                wait_run(&f, "c", minute);
                finish_all(&f);
                advance_s(&f, 60);
        }
        WAIT(&f, !has_run(&f, "c", 0) && !has_run(&f, "c", 1));
        assert_true(has_run(&f, "c", 2) && has_run(&f, "c", 3));
        house_teardown(&f.h);
}

static void missed_while_nobody_looked(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("late", "  startingDeadlineSeconds: 40\n"));
        house_create(&f.h, CRON_OF("strict", ""));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        wait_run(&f, "late", 0);
        wait_run(&f, "strict", 0);
        WAIT(&f, active(&f, "late") == 1);
        house_crash(&f.h);
        fake_clock_advance(&f.clock, 200 * NS_PER_S); /* three slots went by; 20 s since the last */
        house_open_store(&f.h);
        begin(&f);
        wait_run(&f, "late", 3);
        house_run_ms(&f.h, 20);
        assert_false(has_run(&f, "late", 1) || has_run(&f, "late", 2) || has_run(&f, "strict", 3));
        house_teardown(&f.h);
}

static void no_slot_is_lost_or_doubled_whenever_it_dies(void **state UNUSED)
{
        for (int turns = 0; turns < 24; turns++) {
                struct fixture f;
                setup(&f);
                begin(&f);
                house_create(&f.h, CRON_OF("c", "  startingDeadlineSeconds: 55\n"
                                                "  successfulJobsHistoryLimit: 10\n"));
                house_run_ms(&f.h, 5);
                fake_clock_advance(&f.clock, 30 * NS_PER_S);
                for (int i = 0; i < turns; i++) {
                        loop_run_ready(f.h.loop);
                        fake_runner_advance(f.h.runner, 1, 0);
                }
                restart(&f);
                fake_clock_advance(&f.clock, 2 * NS_PER_S);
                restart(&f);
                wait_run(&f, "c", 0);
                finish_all(&f);
                WAIT(&f, status_int(&f, "c", "succeeded") == 1 && active(&f, "c") == 0);
                restart(&f);
                house_run_ms(&f.h, 10);
                assert_int_equal(status_int(&f, "c", "succeeded"), 1);
                assert_int_equal(f.h.world.n, 1); /* one pod, ever */
                house_teardown(&f.h);
        }
}

static void workflows_go_with_their_cron_workflow(void **state UNUSED)
{
        struct fixture f;
        struct err e = {0};
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("c", ""));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        wait_run(&f, "c", 0);
        const struct store_ref ref = {&STORE_CRON_WORKFLOW, "default", "c"};
        assert_int_equal(store_delete_now(f.h.store, ref, NULL, &e), 0);
        WAIT(&f, !has_run(&f, "c", 0));
        house_teardown(&f.h);
}

static void what_cannot_run_says_so_and_recovers(void **state UNUSED)
{
        struct fixture f;
        struct err e = {0};
        setup(&f);
        begin(&f);
        house_create(&f.h, CRON_OF("c", "  when: \"{{cronworkflow.nosuch}} == 1\"\n"));
        house_create(&f.h, CRON_OF("w", "  when: \"{{cronworkflow.succeeded}} > 0\"\n"));
        house_run_ms(&f.h, 20);
        advance_s(&f, 30);
        WAIT(&f, status_int(&f, "c", "failed") == 1);
        AUTO_JSON json_t *obj = cron(&f, "c"), *out = NULL;
        json_t *condition = json_array_get(json_at(obj, "status", "conditions"), 0);
        assert_string_equal(json_str(condition, "type"), "SubmissionError");
        assert_non_null(strstr(json_str(condition, "message"), "cronworkflow.nosuch"));
        AUTO_JSON json_t *patch = house_yaml("spec: {when: \"'{{cronworkflow.name}}' == 'c'\"}");
        const struct store_ref ref = {&STORE_CRON_WORKFLOW, "default", "c"};
        assert_int_equal(store_patch_now(f.h.store, ref, STORE_PATCH_MERGE, patch, &out, &e), 0);
        house_run_ms(&f.h, 20);
        advance_s(&f, 60);
        wait_run(&f, "c", 1);
        WAIT(&f, active(&f, "c") == 1);
        AUTO_JSON json_t *after = cron(&f, "c");
        assert_int_equal(json_array_size(json_at(after, "status", "conditions")), 0);
        assert_false(has_run(&f, "w", 0) || has_run(&f, "w", 1));
        house_teardown(&f.h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_minute_has_its_workflow_and_the_status_says_so),
                cmocka_unit_test(forbid_skips_and_replace_terminates),
                cmocka_unit_test(suspended_runs_nothing_and_nothing_of_it_later),
                cmocka_unit_test(history_keeps_the_newest),
                cmocka_unit_test(missed_while_nobody_looked),
                cmocka_unit_test(no_slot_is_lost_or_doubled_whenever_it_dies),
                cmocka_unit_test(workflows_go_with_their_cron_workflow),
                cmocka_unit_test(what_cannot_run_says_so_and_recovers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
