/* tests/unit/workflow_controller/test_throttle.c: how many workflows run at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"
#include "workflow/controller/throttle.h"

/* Events: "a/x" joins (namespace a), "a/x*" joins and runs already, "a/X" joins with priority, "-x"
 * ends. After each, who is let in. */
static void lets_in_by_priority_then_age(void **state UNUSED)
{
        static const struct {
                const char *what, *events, *said;
                int total, per_namespace;
        } cases[] = {
                {"two at once", "a/x a/y a/z -x", "x y z ", 2, 0},
                {"priority first, then age", "a/x* a/c a/a a/B -x -b -a", "b a c ", 1, 0},
                {"one in each namespace", "a/x a/y b/z -z -x", "x z y ", 0, 1},
                {"a full namespace is passed over", "a/x a/y b/z", "x z ", 2, 1},
                {"what runs already is never held back", "a/x* a/y* a/z -x -y", "z ", 1, 0},
                {"adding again changes nothing", "a/x a/x a/y -x", "x y ", 1, 0},
                {"leaving the queue", "a/x a/y a/z -y -x", "x z ", 1, 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct throttle *t = throttle_new(cases[i].total, cases[i].per_namespace);
                char said[128] = "", events[128];
                snprintf(events, sizeof(events), "%s", cases[i].events);
                for (char *save, *e = strtok_r(events, " ", &save); e;
                     e = strtok_r(NULL, " ", &save)) {
                        char ns[2] = {e[0], 0},
                             key[2] = {(char)((e[0] == '-' ? e[1] : e[2]) | 32), 0};
                        if (e[0] == '-')
                                throttle_remove(t, key);
                        else
                                throttle_add(t, ns, key, e[3] == '*', e[2] < 'a', e[2]);
                        for (const char *in; (in = throttle_next(t));)
                                sprintf(said + strlen(said), "%s ", in);
                }
                throttle_free(t);
                if (strcmp(said, cases[i].said) != 0)
                        fail_msg("%s: expected %s, found %s", cases[i].what, cases[i].said, said);
        }
}

#define ONE(name, more)                                                            \
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: " name \
        "}\nspec: {entrypoint: main, " more                                        \
        "templates: [{name: main, container: {image: x, command: [run]}}]}\n"

static void wait_postponed(struct house *h, const char *name)
{
        for (int i = 0; i < 1000 && !house_has_phase(h, name, "Pending"); i++)
                house_run_ms(h, 1);
        AUTO_JSON json_t *wf = house_get(h, name);
        assert_string_equal(json_str(wf, "status", "message"),
                            "Workflow processing has been postponed because too many workflows are "
                            "already running");
}

static void who_has_no_room_says_so_and_runs_later(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL, "parallelism: 1\n");
        house_start(&h);
        house_create(&h, ONE("first", ""));
        house_wait_pods(&h);
        house_create(&h, ONE("second", ""));
        wait_postponed(&h, "second");
        house_create(&h, ONE("urgent", "priority: 5, "));
        wait_postponed(&h, "urgent");
        assert_int_equal(h.world.n, 1);
        house_crash(&h); /* the next controller knows who runs before it lets anybody in */
        house_open_store(&h);
        house_start(&h);
        house_run_ms(&h, 20);
        assert_int_equal(h.world.n, 1);
        house_run_to(&h, "urgent", "Succeeded");
        assert_true(house_has_phase(&h, "first", "Succeeded"));
        house_run_to(&h, "second", "Succeeded");
        AUTO_JSON json_t *wf = house_get(&h, "second");
        assert_null(json_at(wf, "status", "message"));
        house_teardown(&h);
}

static void who_waits_can_be_terminated(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL, "namespaceParallelism: 1\n");
        house_start(&h);
        house_create(&h, ONE("first", ""));
        house_wait_pods(&h);
        house_create(&h, ONE("second", ""));
        wait_postponed(&h, "second");
        house_act(&h, "second", &(struct action){.kind = ACTION_TERMINATE});
        for (int i = 0; i < 1000 && !house_has_phase(&h, "second", "Failed"); i++)
                house_run_ms(&h, 1);
        assert_true(house_has_phase(&h, "second", "Failed"));
        assert_int_equal(h.world.n, 1);
        house_teardown(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lets_in_by_priority_then_age),
                cmocka_unit_test(who_has_no_room_says_so_and_runs_later),
                cmocka_unit_test(who_waits_can_be_terminated),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
