/* tests/unit/workflow_engine/test_daemons.c: daemons that die before they may: who waits for their
 * hooks and for their next attempts. Each case also with a restart after every step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/engine/simulate.h"

#define HEAD                                                          \
        "workflow:\n"                                                 \
        "  kind: Workflow\n"                                          \
        "  metadata: {name: w, namespace: default, uid: u,"           \
        " creationTimestamp: \"2000-01-01T00:00:00Z\"}\n"             \
        "  spec:\n    entrypoint: main\n    templates:\n"             \
        "    - {name: ok, container: {image: i}}\n"                   \
        "    - {name: serve, daemon: true, container: {image: i}}\n"  \
        "    - {name: again, daemon: true, retryStrategy: {limit: 2," \
        " backoff: {duration: \"5\"}}, container: {image: i}}\n"      \
        "    - name: main\n"
/* The first daemon dies after 3 s, others serve; node "long" needs 5 s, "hook" 20 s. */
#define PODS                                                                       \
        "pods:\n  rules:\n"                                                        \
        "  - {match: {template: serve}, phase: Failed, duration: 3}\n"             \
        "  - {match: {template: again, attempt: 0}, phase: Failed, duration: 3}\n" \
        "  - {match: {name: \"*.onExit\"}, duration: 20}\n"                        \
        "  - {match: {node: long*}, duration: 5}\n"

static int by_name(const void *a, const void *b)
{
        return strcmp(json_str(*(json_t *const *)a, "name"), json_str(*(json_t *const *)b, "name"));
}

static char *phases(const json_t *result)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        const json_t *list = json_object_get(result, "nodes"), *nodes[16];
        size_t n = json_array_size(list);
        assert_true(n <= 16);
        for (size_t i = 0; i < n; i++)
                nodes[i] = json_array_get(list, i);
        qsort(nodes, n, sizeof(*nodes), by_name);
        buf_addf(&b, "%s%s", json_str(result, "phase"),
                 json_object_get(result, "stalled") ? " stalled" : "");
        for (size_t i = 0; i < n; i++)
                buf_addf(&b, " %s:%s", json_str(nodes[i], "name"), json_str(nodes[i], "phase"));
        return buf_take(&b);
}

static void assert_ends(const char *text, const char *wanted)
{
        AUTO_JSON json_t *test_case = NULL;
        struct err e = {0};
        if (yaml_parse_one(&test_case, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        for (int restored = 0; restored < 2; restored++) {
                struct simulate_options o = {.restore_each_step = restored, .max_steps = 1000};
                AUTO_JSON json_t *result = NULL;
                if (simulate_run(&result, test_case, &o, &e) < 0)
                        fail_msg("%s", err_msg(&e));
                char *found = phases(result);
                if (strcmp(found, wanted) != 0)
                        fail_msg("%s:\nexpected %s\nfound    %s", restored ? "restored" : "plain",
                                 wanted, found);
                free(found);
        }
}

static void a_dag_waits_for_the_exit_hook_of_a_daemon_that_died(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.d.onExit:Succeeded w.long:Succeeded");
}

static void what_depends_on_a_dead_daemon_waits_for_its_exit_hook(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok},"
                         " {name: next, template: ok, depends: d.Failed && long}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.d.onExit:Succeeded w.long:Succeeded "
                    "w.next:Succeeded");
}

static void a_daemon_that_nobody_asks_for_any_more_has_no_exit_hook(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: quick, template: ok, depends: d},"
                         " {name: long, template: ok}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.long:Succeeded w.quick:Succeeded");
}

static void a_dag_waits_for_the_next_attempt_of_a_daemon(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: again},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0):Failed w.d(1):Succeeded "
                    "w.long:Succeeded");
}

static void what_depends_on_a_daemon_waits_for_its_next_attempt(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: again},"
                         " {name: long, template: ok},"
                         " {name: next, template: ok, depends: d && long}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0):Failed w.d(1):Succeeded "
                    "w.long:Succeeded w.next:Succeeded");
}

static void a_step_group_waits_for_the_exit_hook_of_a_daemon_that_died(void **state)
{
        (void)state;
        assert_ends(HEAD "      steps: [[{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok}]]\n" PODS,
                    "Failed w:Failed w[0]:Failed w[0].d:Failed w[0].d.onExit:Succeeded "
                    "w[0].long:Succeeded");
}

static void steps_fail_behind_the_exit_hook_of_a_daemon_of_an_earlier_group(void **state)
{
        (void)state;
        assert_ends(HEAD "      steps: [[{name: d, template: serve, onExit: ok}],"
                         " [{name: long, template: ok}], [{name: never, template: ok}]]\n" PODS,
                    "Failed w:Failed w[0]:Failed w[0].d:Failed w[0].d.onExit:Succeeded "
                    "w[1]:Succeeded w[1].long:Succeeded");
}

static void the_next_group_waits_for_the_next_attempt_of_a_daemon(void **state)
{
        (void)state;
        assert_ends(HEAD "      steps: [[{name: d, template: again}],"
                         " [{name: long, template: ok}], [{name: next, template: ok}]]\n" PODS,
                    "Succeeded w:Succeeded w[0]:Succeeded w[0].d:Succeeded w[0].d(0):Failed "
                    "w[0].d(1):Succeeded w[1]:Succeeded w[1].long:Succeeded w[2]:Succeeded "
                    "w[2].next:Succeeded");
}

static void items_that_serve_are_not_looked_at_again(void **state)
{
        (void)state;
        assert_ends(HEAD "      dag: {tasks: [{name: d, template: again, withItems: [x]},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0:x):Succeeded w.d(0:x)(0):Failed "
                    "w.long:Succeeded");
}

static void an_item_that_was_resubmitted_is_known_after_a_restart(void **state)
{
        (void)state;
        assert_ends(HEAD
                    "      dag: {tasks: [{name: d, template: serve, withItems: [x]},"
                    " {name: long, template: ok, depends: d}]}\n"
                    "actions: [{when: completed, do: resubmit, memoized: true, newName: new}]\n"
                    "pods:\n  rules:\n"
                    "  - {match: {template: serve}, phase: Failed, duration: 3}\n"
                    "  - {match: {node: long, run: 0}, phase: Failed, duration: 5}\n"
                    "  - {match: {node: long}, duration: 5}\n",
                    "Succeeded new:Succeeded new.d:Succeeded new.d(0:x):Failed "
                    "new.long:Succeeded");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_dag_waits_for_the_exit_hook_of_a_daemon_that_died),
                cmocka_unit_test(what_depends_on_a_dead_daemon_waits_for_its_exit_hook),
                cmocka_unit_test(a_daemon_that_nobody_asks_for_any_more_has_no_exit_hook),
                cmocka_unit_test(a_dag_waits_for_the_next_attempt_of_a_daemon),
                cmocka_unit_test(what_depends_on_a_daemon_waits_for_its_next_attempt),
                cmocka_unit_test(a_step_group_waits_for_the_exit_hook_of_a_daemon_that_died),
                cmocka_unit_test(steps_fail_behind_the_exit_hook_of_a_daemon_of_an_earlier_group),
                cmocka_unit_test(the_next_group_waits_for_the_next_attempt_of_a_daemon),
                cmocka_unit_test(items_that_serve_are_not_looked_at_again),
                cmocka_unit_test(an_item_that_was_resubmitted_is_known_after_a_restart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
