/* tests/unit/workflow_controller/test_measure.c: metrics that workflows define.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/metrics.h"
#include "tests/unit/workflow_controller/house.h"

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"

static char *exposition(void)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put(&b);
        return mem_strdup(buf_str(&b));
}

static void assert_exposes(const char *line)
{
        AUTO(mem_free) char *text = exposition();
        if (!strstr(text, line)) {
                const char *own = strstr(text, "argo_workflows_my");
                fail_msg("no \"%s\" in:\n%s", line, own ? own : "(no argo_workflows_my...)");
        }
}

static const char measured[] = HEAD
        "metadata: {name: m}\n"
        "spec:\n"
        "  entrypoint: main\n"
        "  arguments: {parameters: [{name: team, value: red}]}\n"
        "  metrics:\n"
        "    prometheus:\n"
        "      - {name: my_result, help: R., when: \"{{status}} == Succeeded\",\n"
        "         labels: [{key: phase, value: \"{{workflow.status}}\"}], counter: {value: "
        "\"1\"}}\n"
        "      - {name: my_bad, help: R., when: \"{{status}} == Failed\", counter: {value: "
        "\"1\"}}\n"
        "      - {name: my_live, help: L., gauge: {realtime: true, value: "
        "\"{{workflow.duration}}\"}}\n"
        "  templates:\n"
        "    - name: main\n"
        "      metrics: {prometheus: [{name: my_main, help: M., counter: {value: \"2\"}}]}\n"
        "      steps:\n"
        "        - - {name: a, template: pod, arguments: {parameters: [{name: n1, value: x}]}}\n"
        "          - {name: b, template: pod, arguments: {parameters: [{name: n1, value: q}]}}\n"
        "          - {name: c, template: pod, when: \"1 == 2\",\n"
        "             arguments: {parameters: [{name: n1, value: z}]}}\n"
        "    - name: pod\n"
        "      inputs: {parameters: [{name: n1}]}\n"
        "      metrics:\n"
        "        prometheus:\n"
        "          - name: my_steps\n"
        "            help: Steps of {{workflow.parameters.team}}.\n"
        "            labels: [{key: name, value: \"{{inputs.parameters.n1}}\"},\n"
        "              {key: phase, value: \"{{status}}\"}]\n"
        "            counter: {value: \"1\"}\n"
        "          - {name: my_took, help: T., histogram: {value: \"{{duration}}\", buckets: [5, "
        "100]}}\n"
        "          - {name: my_twice, help: T., gauge: {operation: Add, value: "
        "\"{{=asFloat(duration) * 0 "
        "+ 1.5}}\"}}\n"
        "          - {name: my_wrong, help: W., gauge: {value: \"{{nosuch}}\"}}\n"
        "      container: {image: x, command: [run]}\n";

static void steps_and_workflow_emit_once_when_they_end(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, measured);
        house_wait_pods(&h);
        assert_exposes("# TYPE argo_workflows_my_live gauge\nargo_workflows_my_live ");
        house_run_to(&h, "m", "Succeeded");
        house_run_ms(&h, 5);
        assert_exposes("# HELP argo_workflows_my_steps Steps of red.\n");
        assert_exposes("argo_workflows_my_steps{name=\"x\",phase=\"Succeeded\"} 1\n");
        assert_exposes("argo_workflows_my_steps{name=\"q\",phase=\"Succeeded\"} 1\n");
        assert_exposes("argo_workflows_my_took_bucket{le=\"5\"} 2\n");
        assert_exposes("argo_workflows_my_took_count 2\n");
        assert_exposes("argo_workflows_my_twice 3\n");
        assert_exposes("argo_workflows_my_main 2\n");
        assert_exposes("argo_workflows_my_result{phase=\"Succeeded\"} 1\n");
        AUTO(mem_free) char *text = exposition();
        assert_null(strstr(text, "my_wrong"));
        assert_null(strstr(text, "my_bad"));
        assert_null(strstr(text, "name=\"z\""));
        assert_null(strstr(text, "my_live")); /* it has ended */
        assert_non_null(strstr(text, "argo_workflows_error_count{cause=\"MetricsError\"} 2\n"));
        house_teardown(&h);
}

static void real_time_goes_on_after_a_restart(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(
                &h, HEAD
                "metadata: {name: r}\n"
                "spec:\n"
                "  entrypoint: main\n"
                "  templates:\n"
                "    - name: main\n"
                "      metrics: {prometheus: [{name: my_age, help: A., gauge: {realtime: true, "
                "value: \"{{duration}}\"}}, {name: my_ends, help: E., counter: {value: \"1\"}}]}\n"
                "      container: {image: x, command: [run]}\n");
        house_wait_pods(&h);
        assert_exposes("argo_workflows_my_age ");
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        for (int i = 0; i < 2000 && !controller_ready(h.controller); i++)
                house_run_ms(&h, 1);
        house_run_ms(&h, 5);
        assert_exposes("argo_workflows_my_age ");
        house_run_to(&h, "r", "Succeeded");
        assert_exposes("argo_workflows_my_ends 1\n");
        house_teardown(&h);
}

static void can_be_switched_off(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL, "metricsConfig: {enabled: false}");
        house_start(&h);
        house_create(&h, measured);
        house_run_to(&h, "m", "Succeeded");
        AUTO(mem_free) char *text = exposition();
        assert_null(strstr(text, "argo_workflows_my"));
        house_teardown(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(steps_and_workflow_emit_once_when_they_end),
                cmocka_unit_test(real_time_goes_on_after_a_restart),
                cmocka_unit_test(can_be_switched_off),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
