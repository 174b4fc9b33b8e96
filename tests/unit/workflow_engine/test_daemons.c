/* tests/unit/workflow_engine/test_daemons.c: daemons that die before they may: who waits for their
 * hooks and for their next attempts. Each case also with a restart after every step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_engine/cases.h"

#define HEAD                                                          \
        CASE_HEAD                                                     \
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

static void a_dag_waits_for_the_exit_hook_of_a_daemon_that_died(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.d.onExit:Succeeded w.long:Succeeded");
}

static void what_depends_on_a_dead_daemon_waits_for_its_exit_hook(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok},"
                         " {name: next, template: ok, depends: d.Failed && long}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.d.onExit:Succeeded w.long:Succeeded "
                    "w.next:Succeeded");
}

static void a_daemon_that_nobody_asks_for_any_more_has_no_exit_hook(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: serve, onExit: ok},"
                         " {name: quick, template: ok, depends: d},"
                         " {name: long, template: ok}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Failed w.long:Succeeded w.quick:Succeeded");
}

static void a_dag_waits_for_the_next_attempt_of_a_daemon(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: again},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0):Failed w.d(1):Succeeded "
                    "w.long:Succeeded");
}

static void what_depends_on_a_daemon_waits_for_its_next_attempt(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: again},"
                         " {name: long, template: ok},"
                         " {name: next, template: ok, depends: d && long}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0):Failed w.d(1):Succeeded "
                    "w.long:Succeeded w.next:Succeeded");
}

static void a_step_group_waits_for_the_exit_hook_of_a_daemon_that_died(void **state)
{
        (void)state;
        assert_case(HEAD "      steps: [[{name: d, template: serve, onExit: ok},"
                         " {name: long, template: ok}]]\n" PODS,
                    "Failed w:Failed w[0]:Failed w[0].d:Failed w[0].d.onExit:Succeeded "
                    "w[0].long:Succeeded");
}

static void steps_fail_behind_the_exit_hook_of_a_daemon_of_an_earlier_group(void **state)
{
        (void)state;
        assert_case(HEAD "      steps: [[{name: d, template: serve, onExit: ok}],"
                         " [{name: long, template: ok}], [{name: never, template: ok}]]\n" PODS,
                    "Failed w:Failed w[0]:Failed w[0].d:Failed w[0].d.onExit:Succeeded "
                    "w[1]:Succeeded w[1].long:Succeeded");
}

static void the_next_group_waits_for_the_next_attempt_of_a_daemon(void **state)
{
        (void)state;
        assert_case(HEAD "      steps: [[{name: d, template: again}],"
                         " [{name: long, template: ok}], [{name: next, template: ok}]]\n" PODS,
                    "Succeeded w:Succeeded w[0]:Succeeded w[0].d:Succeeded w[0].d(0):Failed "
                    "w[0].d(1):Succeeded w[1]:Succeeded w[1].long:Succeeded w[2]:Succeeded "
                    "w[2].next:Succeeded");
}

static void items_that_serve_are_not_looked_at_again(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: d, template: again, withItems: [x]},"
                         " {name: long, template: ok, depends: d}]}\n" PODS,
                    "Succeeded w:Succeeded w.d:Succeeded w.d(0:x):Succeeded w.d(0:x)(0):Failed "
                    "w.long:Succeeded");
}

static void daemons_of_an_exit_handler_outlive_stop_and_deadline(void **state)
{
        (void)state;
        assert_case(HEAD "      container: {image: i}\n"
                         "    - {name: exit, steps: [[{name: d, template: again}],"
                         " [{name: long, template: ok}]]}\n"
                         "    - {name: loop, dag: {tasks: ["
                         "{name: d, template: again, withItems: [x]},"
                         " {name: s, template: exit, depends: d}]}}\n"
                         "    onExit: loop\n    activeDeadlineSeconds: 2\n"
                         "actions: [{at: 2, do: stop}]\n"
                         "pods: {rules: [{match: {node: long*}, duration: 5},"
                         " {match: {template: again, attempt: 0, node: d}, phase: Failed,"
                         " duration: 4}]}\n",
                    "Succeeded w:Succeeded w.onExit:Succeeded w.onExit.d:Succeeded "
                    "w.onExit.d(0:x):Succeeded w.onExit.d(0:x)(0):Succeeded "
                    "w.onExit.s:Succeeded w.onExit.s[0]:Succeeded w.onExit.s[0].d:Succeeded "
                    "w.onExit.s[0].d(0):Succeeded w.onExit.s[1]:Succeeded "
                    "w.onExit.s[1].long:Succeeded");
}

static void containers_of_an_exit_handler_outlive_the_deadline(void **state)
{
        (void)state;
        assert_case(HEAD "      container: {image: i}\n"
                         "    - {name: set, containerSet: {containers: [{name: main, image: i}]}}\n"
                         "    onExit: set\n    activeDeadlineSeconds: 2\n"
                         "pods: {rules: [{match: {template: set}, duration: 5},"
                         " {match: {template: main}, duration: 2}]}\n",
                    "Succeeded w:Succeeded w.onExit:Succeeded w.onExit.main:Succeeded");
}

static void stopped_daemons_do_not_hold_up_their_steps(void **state)
{
        (void)state;
        assert_case(HEAD "      dag: {tasks: [{name: a, template: inner}]}\n"
                         "    - {name: inner, steps: [[{name: long, template: ok},"
                         " {name: d, template: again}]]}\n"
                         "    onExit: ok\n"
                         "actions: [{at: 2, do: stop}]\n" PODS,
                    "Failed (Stopped with strategy 'Stop') w:Failed w.a:Failed w.a[0]:Failed "
                    "w.a[0].d:Failed w.a[0].d(0):Failed w.a[0].long:Failed w.onExit:Succeeded");
}

static void an_item_that_was_resubmitted_is_known_after_a_restart(void **state)
{
        (void)state;
        assert_case(HEAD
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
                cmocka_unit_test(daemons_of_an_exit_handler_outlive_stop_and_deadline),
                cmocka_unit_test(containers_of_an_exit_handler_outlive_the_deadline),
                cmocka_unit_test(stopped_daemons_do_not_hold_up_their_steps),
                cmocka_unit_test(an_item_that_was_resubmitted_is_known_after_a_restart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
