/* tests/unit/workflow_engine/test_fail_fast.c: failFast of a template: what fails when, and what is
 * left. Each case also with a restart after every step. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_engine/cases.h"

#define HEAD                                                                      \
        CASE_HEAD                                                                 \
        "    - {name: ok, container: {image: i}}\n"                               \
        "    - {name: bad, container: {image: i}}\n"                              \
        "    - {name: again, retryStrategy: {limit: 2}, container: {image: i}}\n" \
        "    - {name: serve, daemon: true, container: {image: i}}\n"              \
        "    - {name: hold, synchronization: {mutexes: [{name: m}]}, container: {image: i}}\n"
#define PODS                                              \
        "pods:\n  rules:\n"                               \
        "  - {match: {template: bad}, phase: Failed}\n"   \
        "  - {match: {template: again}, phase: Failed}\n" \
        "  - {match: {node: long*}, duration: 5}\n"
#define WORDS "template has failed or errored children and failFast enabled"

static void steps_fail_with_words_of_their_own_when_the_last_pod_has_ended(void **state)
{
        (void)state;
        assert_case(HEAD "    - {name: main, failFast: true, steps: [[{name: b, template: bad},"
                         " {name: long, template: ok}], [{name: never, template: ok}]]}\n" PODS,
                    "Failed (" WORDS ") w:Failed w[0]:Failed w[0].b:Failed w[0].long:Succeeded");
}

static void the_items_of_a_loop_that_were_held_back_do_not_hold_up_a_dag(void **state)
{
        (void)state;
        assert_case(HEAD "    - {name: main, failFast: true, parallelism: 1,"
                         " dag: {tasks: [{name: l, template: bad, withItems: [x, y]}]}}\n" PODS,
                    "Failed (" WORDS ") w:Failed w.l:Running w.l(0:x):Failed");
}

static void an_attempt_that_failed_is_enough(void **state)
{
        (void)state;
        assert_case(HEAD "    - {name: main, failFast: true,"
                         " dag: {tasks: [{name: r, template: again}]}}\n" PODS,
                    "Failed (" WORDS ") w:Failed w.r:Running w.r(0):Failed");
}

static void what_serves_or_waits_for_a_lock_is_not_waited_for(void **state)
{
        (void)state;
        assert_case(HEAD "    - name: main\n"
                         "      dag: {tasks: [{name: long, template: hold},"
                         " {name: f, template: fast}]}\n"
                         "    - {name: fast, failFast: true, dag: {tasks: ["
                         "{name: s, template: serve}, {name: b, template: bad, depends: s},"
                         " {name: h, template: hold}]}}\n" PODS,
                    "Failed w:Failed w.f:Failed w.f.b:Failed w.f.h:Failed w.f.s:Succeeded "
                    "w.long:Succeeded");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(steps_fail_with_words_of_their_own_when_the_last_pod_has_ended),
                cmocka_unit_test(the_items_of_a_loop_that_were_held_back_do_not_hold_up_a_dag),
                cmocka_unit_test(an_attempt_that_failed_is_enough),
                cmocka_unit_test(what_serves_or_waits_for_a_lock_is_not_waited_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
