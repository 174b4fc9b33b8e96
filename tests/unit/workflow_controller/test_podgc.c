/* tests/unit/workflow_controller/test_podgc.c: what pods leave goes as podGC says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"

#define WF                                                                                   \
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\n"           \
        "spec:\n  entrypoint: main\n  podMetadata: {labels: {all: \"1\"}}\n"                 \
        "  templates:\n"                                                                     \
        "    - name: main\n"                                                                 \
        "      steps: [[{name: a, template: red}, {name: b, template: blue}]]\n"             \
        "    - {name: red, metadata: {labels: {team: red}}, container: {image: x, command: " \
        "[run]}}\n"                                                                          \
        "    - {name: blue, container: {image: x, command: [run]}}\n"

static size_t run_with(const char *pod_gc, char first[128])
{
        struct house h;
        AUTO(mem_free) char *text = mem_printf("%s  podGC: %s\n", WF, pod_gc);
        house_setup(&h);
        house_start(&h);
        house_create(&h, text);
        house_run_to(&h, "wf", "Succeeded");
        for (int i = 0; i < 300 && h.world.n_pods_forgotten < 2; i++)
                house_run_ms(&h, 1);
        size_t n = h.world.n_pods_forgotten;
        snprintf(first, 128, "%s", n ? h.world.pods_forgotten[0] : "");
        for (size_t i = 0; i < h.world.n; i++)
                assert_int_equal(h.world.pods[i].starts, 1);
        house_teardown(&h);
        return n;
}

static void each_strategy_takes_what_it_says(void **state UNUSED)
{
        static const struct {
                const char *pod_gc;
                size_t n;
                const char *first; /* NULL: any */
        } rows[] = {
                {"{strategy: OnPodCompletion, deleteDelayDuration: 0s}", 2, NULL},
                {"{strategy: OnPodSuccess, deleteDelayDuration: 1ms}", 2, NULL},
                {"{strategy: OnPodCompletion, deleteDelayDuration: 1h}", 0, ""},
                {"{strategy: OnWorkflowCompletion, deleteDelayDuration: 0s}", 1, "*"},
                {"{strategy: OnWorkflowSuccess, deleteDelayDuration: 0s}", 1, "*"},
                {"{strategy: OnPodCompletion, deleteDelayDuration: 0s, labelSelector: "
                 "{matchLabels: {team: red}}}",
                 1, NULL},
                {"{strategy: OnWorkflowCompletion, deleteDelayDuration: 0s, labelSelector: "
                 "{matchExpressions: [{key: team, operator: DoesNotExist}, {key: all, operator: "
                 "Exists}]}}",
                 1, NULL},
                {"{deleteDelayDuration: 0s}", 0, ""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char first[128];
                size_t n = run_with(rows[i].pod_gc, first);
                if (n != rows[i].n || (rows[i].first && !streq(first, rows[i].first)))
                        fail_msg("%s: %zu, \"%s\"", rows[i].pod_gc, n, first);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_strategy_takes_what_it_says),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
