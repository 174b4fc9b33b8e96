/* tests/unit/workflow_controller/test_controller.c: the controller on a real engine and a real
 * embedded store, in a world of fake pods. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"
#include <stdlib.h>

struct turns {
        bool over;
};

static void on_over(void *arg)
{
        ((struct turns *)arg)->over = true;
}

static void assert_each_started_once(const struct house *h, size_t pods)
{
        assert_int_equal(h->world.n, pods);
        for (size_t i = 0; i < h->world.n; i++) {
                assert_int_equal(h->world.pods[i].starts, 1);
                assert_true(h->world.pods[i].recorded);
        }
}

/* ---- tests ---- */

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"

static const char hello[] = HEAD "metadata: {name: hello}\n"
                                 "spec: {entrypoint: main, templates: [{name: main, container: "
                                 "{image: x, command: [run]}}]}\n";

static const char graph[] = HEAD
        "metadata: {name: graph}\n"
        "spec:\n"
        "  entrypoint: main\n"
        "  templates:\n"
        "    - name: main\n"
        "      dag:\n"
        "        tasks:\n"
        "          - {name: a, template: pod}\n"
        "          - {name: b, template: pod, dependencies: [a], withSequence: {count: \"4\"}}\n"
        "          - {name: c, template: pod, dependencies: [a]}\n"
        "          - {name: d, template: two, dependencies: [b, c]}\n"
        "          - {name: e, template: pod, dependencies: [d]}\n"
        "    - name: two\n"
        "      steps:\n"
        "        - - {name: x, template: pod}\n"
        "          - {name: v, template: pod}\n"
        "        - - {name: z, template: pod}\n"
        "    - {name: pod, container: {image: x, command: [run]}}\n";
enum { GRAPH_PODS = 10 };

static void pod_starts_only_when_its_node_is_durable(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, hello);
        house_run_to(&h, "hello", "Succeeded");
        assert_each_started_once(&h, 1);
        AUTO_JSON json_t *wf = house_get(&h, "hello");
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/phase"), "Succeeded");
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/completed"), "true");
        assert_string_equal(json_str(wf, "status", "nodes", "hello", "phase"), "Succeeded");
        house_run_ms(&h, 5);
        assert_int_equal(h.world.forgotten, 1);
        assert_int_equal(controller_info(h.controller).workflows, 0);
        house_teardown(&h);
}

static void nothing_runs_twice_whenever_the_controller_dies(void **state UNUSED)
{
        for (unsigned seed = 1; seed <= 40; seed++) {
                struct house h;
                house_setup(&h);
                house_start(&h);
                house_create(&h, graph);
                unsigned dice = seed * 2654435761u;
                int crashes = 0;
                for (int i = 0; i < 4000 && !house_has_phase(&h, "graph", "Succeeded"); i++) {
                        dice = dice * 1664525u + 1013904223u;
                        if (dice >> 28 == 0 && crashes++ < 30) {
                                house_crash(&h);
                                house_open_store(&h);
                                house_start(&h);
                        }
                        if (dice >> 30 == 1)
                                fake_runner_advance(h.runner, 1, dice >> 8 & 15);
                        loop_run_ready(h.loop);
                }
                house_run_to(&h, "graph", "Succeeded");
                assert_each_started_once(&h, GRAPH_PODS);
                house_teardown(&h);
        }
}

static void deleted_workflow_kills_its_pods_and_is_forgotten(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup(&h);
        house_start(&h);
        house_create(&h, hello);
        house_wait_pods(&h);
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        for (int i = 0; i < 1000 && h.world.forgotten == 0; i++)
                house_run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_int_equal(h.world.forgotten, 1);
        assert_int_equal(controller_info(h.controller).workflows, 0);
        house_create(&h, hello); /* the name is free again */
        house_run_to(&h, "hello", "Succeeded");
        house_teardown(&h);
}

static void workflow_deleted_while_nobody_looked_leaves_nothing(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup(&h);
        house_start(&h);
        house_create(&h, hello);
        house_wait_pods(&h);
        house_crash(&h);
        house_open_store(&h);
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        house_start(&h);
        for (int i = 0; i < 1000 && h.world.forgotten == 0; i++)
                house_run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_int_equal(h.world.forgotten, 1);
        house_teardown(&h);
}

static void completed_workflow_is_forgotten_when_it_is_deleted(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup(&h);
        house_start(&h);
        house_create(&h, hello);
        house_run_to(&h, "hello", "Succeeded");
        house_run_ms(&h, 5);
        assert_int_equal(h.world.forgotten, 1); /* its pods; the logs stay */
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        for (int i = 0; i < 1000 && h.world.forgotten == 1; i++)
                house_run_ms(&h, 1);
        assert_int_equal(h.world.forgotten, 2);
        house_teardown(&h);
}

static const char gate[] = HEAD "metadata: {name: gate}\n"
                                "spec:\n"
                                "  entrypoint: main\n"
                                "  templates:\n"
                                "    - name: main\n"
                                "      steps:\n"
                                "        - - {name: first, template: hold}\n"
                                "        - - {name: second, template: hold}\n"
                                "    - {name: hold, suspend: {}}\n";

static size_t nodes_in(struct house *h, const char *name, const char *phase)
{
        AUTO_JSON json_t *wf = house_get(h, name);
        size_t n = 0;
        const char *id;
        json_t *node;
        json_object_foreach (json_at(wf, "status", "nodes"), id, node)
                n += streq(json_str(node, "type"), "Suspend") &&
                     streq(json_str(node, "phase"), phase);
        return n;
}

static void wait_nodes(struct house *h, const char *name, const char *phase, size_t n)
{
        for (int i = 0; i < 2000 && nodes_in(h, name, phase) != n; i++)
                house_run_ms(h, 1);
        assert_int_equal(nodes_in(h, name, phase), n);
}

static bool has_action(struct house *h, const char *name)
{
        AUTO_JSON json_t *wf = house_get(h, name);
        const char *key;
        json_t *value;
        json_object_foreach (json_at(wf, "metadata", "annotations"), key, value)
                if (str_starts(key, ACTION_ANNOTATION))
                        return true;
        return false;
}

static void one_resume_resumes_one_gate_across_crashes(void **state UNUSED)
{
        for (int crashes_after = 0; crashes_after < 12; crashes_after++) {
                struct house h;
                house_setup(&h);
                house_start(&h);
                house_create(&h, gate);
                wait_nodes(&h, "gate", "Running", 1);
                house_act(&h, "gate", &(struct action){.kind = ACTION_RESUME});
                for (int i = 0; i < crashes_after; i++)
                        loop_run_ready(h.loop);
                house_crash(&h);
                house_open_store(&h);
                house_start(&h);
                wait_nodes(&h, "gate", "Succeeded", 1);
                house_run_ms(&h, 5);
                assert_int_equal(nodes_in(&h, "gate", "Running"),
                                 1); /* the second gate still holds */
                assert_false(has_action(&h, "gate"));
                house_teardown(&h);
        }
}

static void refused_action_goes_away(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, gate);
        wait_nodes(&h, "gate", "Running", 1);
        house_act(&h, "gate",
                  &(struct action){.kind = ACTION_RESUME,
                                   .node_field_selector = "displayName=nobody"});
        for (int i = 0; i < 1000 && has_action(&h, "gate"); i++)
                house_run_ms(&h, 1);
        assert_false(has_action(&h, "gate"));
        assert_int_equal(nodes_in(&h, "gate", "Running"), 1);
        house_patch(&h, "gate",
                    house_yaml("{metadata: {annotations: {tiphys.io/action-garbage: \"{\"}}}"));
        for (int i = 0; i < 1000 && has_action(&h, "gate"); i++)
                house_run_ms(&h, 1);
        assert_false(has_action(&h, "gate"));
        house_teardown(&h);
}

static void terminate_kills_running_pods(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, hello);
        house_wait_pods(&h);
        house_act(&h, "hello", &(struct action){.kind = ACTION_TERMINATE});
        for (int i = 0; i < 1000 && !house_has_phase(&h, "hello", "Failed"); i++)
                house_run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_true(house_has_phase(&h, "hello", "Failed"));
        house_teardown(&h);
}

/* The node was stored as ended, and the process died before it told the runner. */
static void a_kill_that_was_lost_is_repeated_after_a_restart(void **state UNUSED)
{
        static const char guarded[] =
                "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: guarded},"
                " spec: {entrypoint: main, onExit: main, templates: [{name: main, container:"
                " {image: busybox, command: [sleep, '9']}}]}}";
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, guarded);
        house_wait_pods(&h);
        fake_runner_advance(h.runner, 1, 0);
        house_act(&h, "guarded", &(struct action){.kind = ACTION_STOP});
        for (int i = 0; i < 1000 && h.world.n < 2; i++)
                house_run_ms(&h, 1);
        assert_int_equal(h.world.n, 2); /* the exit handler */
        assert_true(h.world.pods[0].killed);
        house_crash(&h);
        h.world.pods[0].killed = false;
        h.world.pods[0].phase = POD_RUNNING;
        house_open_store(&h);
        house_start(&h);
        for (int i = 0; i < 1000 && !h.world.pods[0].killed; i++)
                house_run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        house_teardown(&h);
}

static void drain_starts_nothing_and_next_start_goes_on(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, graph);
        house_wait_pods(&h);
        struct turns t = {0};
        fake_runner_advance(h.runner, WORLD_PODS, 0);
        controller_drain(h.controller, 1000, on_over, &t);
        assert_true(loop_run_until(h.loop, &t.over, 2000));
        size_t before = h.world.n;
        house_run_ms(&h, 5);
        assert_int_equal(h.world.n, before);
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        house_run_to(&h, "graph", "Succeeded");
        assert_each_started_once(&h, GRAPH_PODS);
        house_teardown(&h);
}

static void template_is_found_in_the_cache(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_create(
                &h,
                "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: t}\n"
                "spec: {entrypoint: main, templates: [{name: main, container: {image: x, "
                "command: [run]}}]}\n");
        house_start(&h);
        house_create(&h, HEAD "metadata: {name: user}\nspec: {workflowTemplateRef: {name: t}}\n");
        house_run_to(&h, "user", "Succeeded");
        house_create(&h,
                     HEAD "metadata: {name: lost}\nspec: {workflowTemplateRef: {name: nobody}}\n");
        for (int i = 0; i < 1000 && !house_has_phase(&h, "lost", "Failed") &&
                        !house_has_phase(&h, "lost", "Error");
             i++)
                house_run_ms(&h, 1);
        AUTO_JSON json_t *wf = house_get(&h, "lost");
        assert_non_null(strstr(json_str(wf, "status", "message"), "nobody"));
        house_teardown(&h);
}

static const char wide[] =
        HEAD "metadata: {name: wide}\n"
             "spec:\n"
             "  entrypoint: main\n"
             "  templates:\n"
             "    - name: main\n"
             "      steps:\n"
             "        - - {name: many, template: hold, withSequence: {count: \"21000\"}}\n"
             "          - {name: one, template: pod}\n"
             "    - {name: hold, suspend: {}}\n"
             "    - {name: pod, container: {image: x, command: [run]}}\n";

static size_t stored_nodes(struct house *h, const char *name)
{
        AUTO_JSON json_t *wf = house_get(h, name);
        return json_object_size(json_at(wf, "status", "nodes"));
}

static void a_turn_that_changes_very_many_nodes_goes_in_parts(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        house_create(&h, wide);
        house_wait_pods(&h); /* the pod starts when all of the turn is durable */
        assert_int_equal(stored_nodes(&h, "wide"), 21003);
        assert_true(h.world.pods[0].recorded);
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        house_act(&h, "wide", &(struct action){.kind = ACTION_RESUME});
        for (int i = 0; i < 20000 && (!controller_ready(h.controller) ||
                                      controller_info(h.controller).workflows != 0);
             i++) {
                fake_runner_advance(h.runner, WORLD_PODS, 0);
                house_run_ms(&h, 2);
        }
        AUTO_JSON json_t *wf = house_get(&h, "wide");
        assert_string_equal(json_str(wf, "status", "phase"), "Succeeded");
        assert_int_equal(json_object_size(json_at(wf, "status", "nodes")), 21003);
        assert_int_equal(h.world.pods[0].starts, 1);
        house_teardown(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pod_starts_only_when_its_node_is_durable),
                cmocka_unit_test(nothing_runs_twice_whenever_the_controller_dies),
                cmocka_unit_test(deleted_workflow_kills_its_pods_and_is_forgotten),
                cmocka_unit_test(workflow_deleted_while_nobody_looked_leaves_nothing),
                cmocka_unit_test(completed_workflow_is_forgotten_when_it_is_deleted),
                cmocka_unit_test(one_resume_resumes_one_gate_across_crashes),
                cmocka_unit_test(refused_action_goes_away),
                cmocka_unit_test(terminate_kills_running_pods),
                cmocka_unit_test(a_kill_that_was_lost_is_repeated_after_a_restart),
                cmocka_unit_test(drain_starts_nothing_and_next_start_goes_on),
                cmocka_unit_test(template_is_found_in_the_cache),
                cmocka_unit_test(a_turn_that_changes_very_many_nodes_goes_in_parts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
