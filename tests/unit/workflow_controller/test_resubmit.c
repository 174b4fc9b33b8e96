/* tests/unit/workflow_controller/test_resubmit.c: what a new run takes over from the old one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/controller/resubmit.h"

static json_t *yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        assert_int_equal(yaml_parse_one(&j, text, strlen(text), &e), 0);
        return j;
}

static void labels_of_the_old_run_stay_behind(void **state UNUSED)
{
        struct err e = {0};
        AUTO_JSON json_t *old =
                yaml("metadata:\n"
                     "  name: a\n"
                     "  uid: u\n"
                     "  labels: {team: red, workflows.argoproj.io/phase: Failed,\n"
                     "    workflows.argoproj.io/completed: \"true\", "
                     "workflows.argoproj.io/creator: me}\n"
                     "  annotations: {note: x, tiphys.io/action-1: \"{}\"}\n"
                     "spec: {entrypoint: m, shutdown: Stop, activeDeadlineSeconds: 0}\n"
                     "status: {phase: Failed}\n");
        AUTO_JSON json_t *made = resubmit_workflow(old, NULL, 0, &e);
        AUTO_JSON json_t *wanted =
                yaml("apiVersion: argoproj.io/v1alpha1\n"
                     "kind: Workflow\n"
                     "metadata:\n"
                     "  generateName: a-\n"
                     "  namespace: default\n"
                     "  labels: {team: red, workflows.argoproj.io/resubmitted-from-workflow: a}\n"
                     "  annotations: {note: x}\n"
                     "spec: {entrypoint: m}\n");
        assert_true(json_equal(made, wanted));
}

static void parameters_are_replaced_or_added(void **state UNUSED)
{
        static const char *const parameters[] = {"x=2", "w=a=b"};
        struct err e = {0};
        AUTO_JSON json_t *old = yaml(
                "metadata: {name: a, generateName: g-}\n"
                "spec: {arguments: {parameters: [{name: x, value: 1}, {name: z, value: 3}]}}\n");
        AUTO_JSON json_t *made = resubmit_workflow(old, parameters, 2, &e);
        AUTO_JSON json_t *wanted = yaml("[{name: x, value: \"2\"}, {name: z, value: 3}, {name: w, "
                                        "value: a=b}]");
        assert_string_equal(json_str(made, "metadata", "generateName"), "g-");
        assert_true(json_equal(json_at(made, "spec", "arguments", "parameters"), wanted));
        assert_null(resubmit_workflow(old, (const char *const[]){"novalue"}, 1, &e));
        assert_non_null(strstr(err_msg(&e), "expected NAME=VALUE, found \"novalue\""));
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(labels_of_the_old_run_stay_behind),
                cmocka_unit_test(parameters_are_replaced_or_added),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
