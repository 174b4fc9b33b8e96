/* tests/unit/workflow_engine/test_wf_simulate.c: the simulator, and with it properties of the
 * engine over random workflows: restoring it from its status after every step does not show, every
 * run ends, what has succeeded has no unfulfilled node below it. SPDX-License-Identifier:
 * Apache-2.0
 */
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "tests/unit/workflow_engine/random_workflow.h"
#include "workflow/engine/simulate.h"

enum { SEEDS = 500, AGAIN_SEEDS = 200 };

static json_t *simulate(const json_t *test_case, bool restore)
{
        struct simulate_options o = {.restore_each_step = restore, .max_steps = 20000};
        struct err e = {0};
        json_t *result = NULL;
        if (simulate_run(&result, test_case, &o, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return result;
}

static void check_ends(uint64_t seed, const json_t *result)
{
        if (json_object_get(result, "stalled") || strcmp(json_str(result, "phase"), "Running") == 0)
                fail_msg("seed %llu does not end", (unsigned long long)seed);
}

/* What failed before all of it was done leaves things as they were, as in Argo. */
static bool is_below_failure(const json_t *nodes, const json_t *node)
{
        while (node) {
                const char *around = json_str(node, "boundary"), *phase;
                size_t i;
                json_t *n;
                node = NULL;
                json_array_foreach ((json_t *)(uintptr_t)nodes, i, n)
                        if (around && strcmp(json_str(n, "name"), around) == 0)
                                node = n;
                phase = node ? json_str(node, "phase") : "";
                if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Error") == 0)
                        return true;
        }
        return false;
}

static void check_end(uint64_t seed, const json_t *result)
{
        const char *phase = json_str(result, "phase");
        size_t i;
        json_t *n;
        check_ends(seed, result);
        if (strcmp(phase, "Succeeded") != 0)
                return;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                const char *p = json_str(n, "phase");
                if ((strcmp(p, "Running") == 0 || strcmp(p, "Pending") == 0) &&
                    !is_below_failure(json_object_get(result, "nodes"), n))
                        fail_msg("seed %llu succeeded while %s is %s", (unsigned long long)seed,
                                 json_str(n, "name"), p);
        }
}

static void restoring_after_every_step_does_not_show(void **state)
{
        (void)state;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
                AUTO_JSON json_t *test_case = random_workflow(seed, false);
                AUTO_JSON json_t *plain = simulate(test_case, false),
                                 *restored = simulate(test_case, true);
                AUTO_BUF struct buf differences = BUF_INIT(1 << 20);
                check_end(seed, plain);
                if (simulate_compare(&differences, plain, restored))
                        fail_msg("seed %llu:\n%s", (unsigned long long)seed, buf_str(&differences));
        }
}

/* What is retried or resubmitted at its end, whatever it came to, ends again. (A step group that
 * runs again in front of others that wait, under a limit that these fill: that stands still, as in
 * Argo. What is opened again behind an exit hook of a step that stays done may be left open.) */
static void every_workflow_that_is_run_again_ends_again(void **state)
{
        static const char *const again[] = {
                "[{\"when\":\"completed\",\"do\":\"retry\"},{\"when\":\"completed\",\"do\":"
                "\"retry\"}]",
                "[{\"when\":\"completed\",\"do\":\"retry\",\"restartSuccessful\":true,"
                "\"nodeFieldSelector\":\"templateName=ok\"}]",
                "[{\"when\":\"completed\",\"do\":\"resubmit\",\"memoized\":true,\"newName\":"
                "\"new\"}]",
                "[{\"when\":\"completed\",\"do\":\"resubmit\",\"newName\":\"new\"},"
                "{\"when\":\"completed\",\"do\":\"retry\"}]",
        };
        (void)state;
        for (uint64_t seed = 0; seed < AGAIN_SEEDS; seed++) {
                AUTO_JSON json_t *test_case = random_workflow(2 * seed, false); /* without limits */
                AUTO_JSON json_t *actions = json_loads(again[seed % ARRAY_LEN(again)], 0, NULL);
                json_array_extend(json_object_get(test_case, "actions"), actions);
                AUTO_JSON json_t *plain = simulate(test_case, false),
                                 *restored = simulate(test_case, true);
                AUTO_BUF struct buf differences = BUF_INIT(1 << 20);
                json_object_del(plain, "failedAction"); /* what succeeded is not retried */
                json_object_del(restored, "failedAction");
                check_ends(seed, plain);
                if (simulate_compare(&differences, plain, restored))
                        fail_msg("seed %llu:\n%s", (unsigned long long)seed, buf_str(&differences));
        }
}

static void the_same_case_gives_the_same_bytes(void **state)
{
        (void)state;
        for (uint64_t seed = 0; seed < 100; seed++) {
                AUTO_JSON json_t *test_case = random_workflow(seed, false);
                AUTO_JSON json_t *a = simulate(test_case, false), *b = simulate(test_case, false);
                char *x = json_text(a, 0), *y = json_text(b, 0);
                assert_string_equal(x, y);
                free(x);
                free(y);
        }
}

/* ---- how a pod ends ---- */

static json_t *one_pod(const char *rule)
{
        AUTO_JSON json_t *test_case = json_loads(
                "{\"workflow\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
                "\"metadata\":{\"name\":\"one\",\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T01:00:00Z\"},\"spec\":{\"entrypoint\":\"main\","
                "\"templates\":[{"
                "\"name\":\"main\",\"container\":{\"image\":\"i\",\"command\":[\"c\"]}}]}}}",
                0, NULL);
        json_object_set_new(test_case, "pods",
                            json_pack("{s:o}", "default", json_loads(rule, 0, NULL)));
        return simulate(test_case, false);
}

static void a_program_that_failed_goes_before_an_executor_that_died(void **state)
{
        static const struct {
                const char *rule, *phase, *message;
        } cases[] = {
                {"{\"phase\":\"Error\"}", "Error", "wait: Error (exit code 64)"},
                {"{\"phase\":\"Error\",\"exitCode\":0}", "Error", "wait: Error (exit code 64)"},
                {"{\"phase\":\"Error\",\"exitCode\":3}", "Failed", "main: Error (exit code 3)"},
                {"{\"phase\":\"Error\",\"podMessage\":\"evicted\"}", "Failed", "evicted"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_JSON json_t *result = one_pod(cases[i].rule);
                assert_string_equal(json_str(result, "phase"), cases[i].phase);
                assert_string_equal(json_str(result, "message"), cases[i].message);
        }
}

/* Argo judges `when` first, and of a task that is skipped it reads nothing else: a list that its
 * dependency never made is no mistake then. */
static void a_loop_that_is_skipped_needs_no_list(void **state)
{
        (void)state;
        AUTO_JSON json_t *test_case = json_loads(
                "{\"workflow\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
                "\"metadata\":{\"name\":\"w\",\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T01:00:00Z\"},\"spec\":{\"entrypoint\":\"m\","
                "\"templates\":[{\"name\":\"m\",\"dag\":{\"tasks\":["
                "{\"name\":\"a\",\"template\":\"gen\",\"when\":\"false\"},"
                "{\"name\":\"c\",\"template\":\"use\",\"depends\":\"a\","
                "\"when\":\"{{tasks.a.status}} == Succeeded\","
                "\"withParam\":\"{{tasks.a.outputs.parameters.v}}\",\"arguments\":{"
                "\"parameters\":[{\"name\":\"p\",\"value\":\"{{item}}\"}]}},"
                "{\"name\":\"z\",\"template\":\"use\",\"depends\":\"c\",\"arguments\":{"
                "\"parameters\":[{\"name\":\"p\",\"value\":\"z\"}]}}]}},"
                "{\"name\":\"gen\",\"container\":{\"image\":\"i\",\"command\":[\"c\"]},"
                "\"outputs\":{\"parameters\":[{\"name\":\"v\",\"valueFrom\":{\"path\":\"/v\"}}]}},"
                "{\"name\":\"use\",\"inputs\":{\"parameters\":[{\"name\":\"p\"}]},"
                "\"container\":{\"image\":\"i\",\"command\":[\"c\"]}}]}},\"pods\":{}}",
                0, NULL);
        AUTO_JSON json_t *result = simulate(test_case, false);
        assert_string_equal(json_str(result, "phase"), "Succeeded");
        size_t i;
        json_t *n;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                if (strcmp(json_str(n, "name"), "w.c") != 0)
                        continue;
                assert_string_equal(json_str(n, "phase"), "Skipped");
                assert_string_equal(json_str(n, "message"), "Skipped, empty params");
        }
        assert_int_equal(i, 4);
}

static void an_exit_handler_that_serves_is_ended_with_its_workflow(void **state)
{
        (void)state;
        AUTO_JSON json_t *test_case = json_loads(
                "{\"workflow\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
                "\"metadata\":{\"name\":\"w\",\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T01:00:00Z\"},\"spec\":{\"entrypoint\":\"m\","
                "\"onExit\":\"d\",\"templates\":[{\"name\":\"m\",\"container\":{\"image\":\"i\","
                "\"command\":[\"c\"]}},{\"name\":\"d\",\"daemon\":true,\"container\":{"
                "\"image\":\"i\",\"command\":[\"c\"]}}]}},\"pods\":{}}",
                0, NULL);
        AUTO_JSON json_t *result = simulate(test_case, false);
        size_t i;
        json_t *n;
        assert_string_equal(json_str(result, "phase"), "Succeeded");
        json_array_foreach (json_object_get(result, "nodes"), i, n)
                assert_string_equal(json_str(n, "phase"), "Succeeded");
        assert_int_equal(i, 2);
}

/* Each step has a hook that begins the template again: it doubles with every round. */
static void a_recursion_that_fans_out_ends_at_the_limit_of_nodes(void **state)
{
        (void)state;
        AUTO_JSON json_t *test_case = json_loads(
                "{\"workflow\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
                "\"metadata\":{\"name\":\"w\",\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T01:00:00Z\"},\"spec\":{\"entrypoint\":\"m\","
                "\"templates\":[{\"name\":\"m\",\"steps\":[[{\"name\":\"s\",\"template\":\"p\","
                "\"withSequence\":{\"count\":\"2\"},\"hooks\":{\"x\":{\"template\":\"m\","
                "\"expression\":\"steps[\\\"s\\\"].status == \\\"Running\\\"\"}}}]]},"
                "{\"name\":\"p\",\"container\":{\"image\":\"i\",\"command\":[\"c\"]}}]}},"
                "\"pods\":{}}",
                0, NULL);
        const struct simulate_options o = {.max_nodes = 500};
        AUTO_JSON json_t *result = NULL;
        struct err e = {0};
        assert_int_equal(simulate_run(&result, test_case, &o, &e), 0);
        assert_string_equal(json_str(result, "phase"), "Error");
        assert_non_null(strstr(json_str(result, "message"), "more than 500 nodes"));
}

static void an_exit_handler_that_is_retried_has_the_flags_of_its_attempts(void **state)
{
        (void)state;
        AUTO_JSON json_t *test_case = json_loads(
                "{\"workflow\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
                "\"metadata\":{\"name\":\"one\",\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T01:00:00Z\"},\"spec\":{\"entrypoint\":\"main\","
                "\"onExit\":\"main\",\"templates\":[{\"name\":\"main\",\"retryStrategy\":{"
                "\"limit\":1},\"container\":{\"image\":\"i\",\"command\":[\"c\"]}}]}},\"pods\":{}}",
                0, NULL);
        AUTO_JSON json_t *result = simulate(test_case, false);
        size_t i;
        json_t *n;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                bool entry = strcmp(json_str(n, "name"), "one") == 0;
                assert_int_equal(json_is_true(json_object_get(n, "retried")), !entry);
        }
        assert_int_equal(i, 4);
}

/* ---- the shipped pipeline ---- */

static json_t *load_yaml(const char *path)
{
        struct yaml_docs docs = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        assert_int_equal(yaml_load_file(&docs, path, &d), 0);
        json_t *root = json_incref(docs.items[0].root);
        yaml_docs_deinit(&docs);
        return root;
}

static const json_t *node_named(const json_t *result, const char *display)
{
        size_t i;
        json_t *n;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                if (strcmp(json_str(n, "displayName"), display) == 0)
                        return n;
        }
        return NULL;
}

static void the_document_pipeline_runs_a_page_at_a_time_in_parallel(void **state)
{
        static const char text[] =
                "{\"workflow\":{\"kind\":\"Workflow\",\"metadata\":{\"name\":\"docproc-x\","
                "\"namespace\":\"default\",\"uid\":\"u\","
                "\"creationTimestamp\":\"2000-01-01T00:00:00Z\"},\"spec\":{\"workflowTemplateRef\":"
                "{\"name\":\"docproc-pipeline\"},"
                "\"arguments\":{\"parameters\":[{\"name\":\"document-id\",\"value\":\"d1\"},{"
                "\"name\":\"file-path\",\"value\":\"d1.pdf\"}]}}},"
                "\"pods\":{\"rules\":[{\"match\":{\"template\":\"count-pages\"},\"parameters\":{"
                "\"count\":\"3\"}},"
                "{\"match\":{\"template\":\"render-single-page\",\"node\":\"*:1)\"},\"parameters\":"
                "{\"page\":\"{\\\"page\\\":1}\"}},"
                "{\"match\":{\"template\":\"render-single-page\"},\"parameters\":{\"page\":\"{"
                "\\\"page\\\":2}\"}}]}}";
        AUTO_JSON json_t *test_case = json_loads(text, 0, NULL);
        (void)state;
        json_object_set_new(test_case, "objects",
                            json_pack("[o]", load_yaml("config/docproc/workflowtemplate.yaml")));
        AUTO_JSON json_t *result = simulate(test_case, true);
        assert_string_equal(json_str(result, "phase"), "Succeeded");
        assert_non_null(node_named(result, "store"));
        assert_non_null(node_named(result, "render-page(2:3)"));
        assert_null(node_named(result, "render-page(3:4)"));
}

/* ---- comparing ---- */

static void comparison_names_every_difference_and_masks_times(void **state)
{
        static const char expected[] =
                "{\"phase\":\"Failed\",\"message\":\"any "
                "words\",\"nodes\":[{\"name\":\"wf\",\"phase\":\"Failed\",\"children\":"
                "[\"b\",\"a\"],\"inputs\":{\"parameters\":{\"t\":\"at "
                "2001-02-03T04:05:06Z\"}}},{\"name\":\"gone\"}]}";
        static const char actual[] =
                "{\"phase\":\"Failed\",\"message\":\"other "
                "words\",\"nodes\":[{\"name\":\"wf\",\"phase\":\"Error\",\"children\":"
                "[\"a\",\"b\"],\"inputs\":{\"parameters\":{\"t\":\"at "
                "2009-02-03T04:05:06Z\"}}},{\"name\":\"new\"}]}";
        AUTO_JSON json_t *e = json_loads(expected, 0, NULL), *a = json_loads(actual, 0, NULL);
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        (void)state;
        assert_int_equal(simulate_compare(&out, e, a), 3);
        assert_non_null(strstr(buf_str(&out), "wf: phase: expected \"Failed\", found \"Error\""));
        assert_int_equal(simulate_compare(&out, e, e), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(restoring_after_every_step_does_not_show),
                cmocka_unit_test(every_workflow_that_is_run_again_ends_again),
                cmocka_unit_test(the_same_case_gives_the_same_bytes),
                cmocka_unit_test(a_program_that_failed_goes_before_an_executor_that_died),
                cmocka_unit_test(a_loop_that_is_skipped_needs_no_list),
                cmocka_unit_test(an_exit_handler_that_serves_is_ended_with_its_workflow),
                cmocka_unit_test(a_recursion_that_fans_out_ends_at_the_limit_of_nodes),
                cmocka_unit_test(an_exit_handler_that_is_retried_has_the_flags_of_its_attempts),
                cmocka_unit_test(the_document_pipeline_runs_a_page_at_a_time_in_parallel),
                cmocka_unit_test(comparison_names_every_difference_and_masks_times),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
