/* tests/unit/workflow_controller/test_controller.c: the controller on a real engine and a real
 * embedded store, in a world of fake pods. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "common/store/store.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "tests/unit/workflow_controller/fake_runner.h"
#include "workflow/controller/action.h"
#include "workflow/controller/controller.h"
#include <stdlib.h>
#include <unistd.h>

struct house {
        char dir[64], *path;
        struct world world;
        struct loop *loop;
        struct db *db;
        struct store *store;
        struct runner *runner;
        struct controller *controller;
};

static void open_store(struct house *h)
{
        struct err e = {0};
        struct db_options o = {.unsafe_no_sync = true};
        assert_int_equal(loop_new(&h->loop, clock_system(), &e), 0);
        if (db_open(&h->db, h->loop, h->path, &o, &e) < 0 ||
            store_embedded(&h->store, h->db, &e) < 0)
                fail_msg("%s", err_msg(&e));
}

static void start(struct house *h)
{
        struct err e = {0};
        struct controller_options o = {.loop = h->loop, .store = h->store};
        assert_int_equal(controller_new(&h->controller, &o, &e), 0);
        h->runner = fake_runner_new(&h->world, h->loop, controller_on_pod, h->controller);
        assert_int_equal(controller_start(h->controller, h->runner, &e), 0);
}

/* As kill -9 does it, but for what the database has in hand. */
static void crash(struct house *h)
{
        h->controller = controller_free(h->controller);
        h->runner = runner_free(h->runner);
        h->store = store_close(h->store);
        h->db = db_close(h->db);
        h->loop = loop_free(h->loop);
}

static void setup(struct house *h)
{
        *h = (struct house){.dir = "/tmp/tiphys-controller-XXXXXX"};
        log_configure(LOG_ERROR, LOG_LOGFMT);
        assert_non_null(mkdtemp(h->dir));
        h->path = fs_join(h->dir, "tiphys.db");
        h->world.db = h->path;
        open_store(h);
}

static void teardown(struct house *h)
{
        struct err e = {0};
        crash(h);
        assert_int_equal(fs_remove_tree(h->dir, &e), 0);
        free(h->path);
}

/* ---- helpers ---- */

static json_t *yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        if (yaml_parse_one(&j, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return j;
}

static void create(struct house *h, const char *text)
{
        struct err e = {0};
        AUTO_JSON json_t *obj = yaml(text), *stored = NULL;
        struct store_kind kind;
        assert_int_equal(store_kind_of(&kind, obj, &e), 0);
        if (store_create_now(h->store, &kind, "default", obj, &stored, &e) < 0)
                fail_msg("%s", err_msg(&e));
        store_kind_deinit(&kind);
}

static json_t *get(struct house *h, const char *name)
{
        struct err e = {0};
        json_t *wf = NULL;
        if (store_get_now(h->store, (struct store_ref){&STORE_WORKFLOW, "default", name}, &wf, &e) <
            0)
                fail_msg("%s", err_msg(&e));
        return wf;
}

static void patch(struct house *h, const char *name, json_t *what)
{
        struct err e = {0};
        AUTO_JSON json_t *stored = NULL;
        const struct store_ref ref = {&STORE_WORKFLOW, "default", name};
        if (store_patch_now(h->store, ref, STORE_PATCH_MERGE, what, &stored, &e) < 0)
                fail_msg("%s", err_msg(&e));
        json_decref(what);
}

static void act(struct house *h, const char *name, const struct action *a)
{
        patch(h, name, action_patch(a, loop_wall(h->loop)));
}

struct turns {
        struct loop_timer timer;
        bool over;
};

static void on_over(void *arg)
{
        ((struct turns *)arg)->over = true;
}

/* Let the loop run for some milliseconds: commits are real. */
static void run_ms(struct house *h, int ms)
{
        struct turns t = {0};
        timer_init(&t.timer, on_over, &t);
        timer_after_ms(h->loop, &t.timer, ms);
        loop_run_until(h->loop, &t.over, 10000);
}

static bool has_phase(struct house *h, const char *name, const char *phase)
{
        AUTO_JSON json_t *wf = get(h, name);
        return streq(json_str(wf, "status", "phase"), phase);
}

/* Pods go on until the workflow has this phase. */
static void run_to(struct house *h, const char *name, const char *phase)
{
        for (int i = 0; i < 2000; i++) {
                if (has_phase(h, name, phase))
                        return;
                fake_runner_advance(h->runner, WORLD_PODS, 0);
                run_ms(h, 1);
        }
        AUTO_JSON json_t *wf = get(h, name);
        AUTO(mem_free) char *text = json_text(wf, JSON_STYLE_INDENT);
        fail_msg("%s did not become %s:\n%s", name, phase, text);
}

static void wait_pods(struct house *h)
{
        for (int i = 0; i < 2000 && h->world.n == 0; i++)
                run_ms(h, 1);
        assert_int_not_equal(h->world.n, 0);
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
        setup(&h);
        start(&h);
        create(&h, hello);
        run_to(&h, "hello", "Succeeded");
        assert_each_started_once(&h, 1);
        AUTO_JSON json_t *wf = get(&h, "hello");
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/phase"), "Succeeded");
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/completed"), "true");
        assert_string_equal(json_str(wf, "status", "nodes", "hello", "phase"), "Succeeded");
        run_ms(&h, 5);
        assert_int_equal(h.world.forgotten, 1);
        assert_int_equal(controller_info(h.controller).workflows, 0);
        teardown(&h);
}

static void nothing_runs_twice_whenever_the_controller_dies(void **state UNUSED)
{
        for (unsigned seed = 1; seed <= 40; seed++) {
                struct house h;
                setup(&h);
                start(&h);
                create(&h, graph);
                unsigned dice = seed * 2654435761u;
                int crashes = 0;
                for (int i = 0; i < 4000 && !has_phase(&h, "graph", "Succeeded"); i++) {
                        dice = dice * 1664525u + 1013904223u;
                        if (dice >> 28 == 0 && crashes++ < 30) {
                                crash(&h);
                                open_store(&h);
                                start(&h);
                        }
                        if (dice >> 30 == 1)
                                fake_runner_advance(h.runner, 1, dice >> 8 & 15);
                        loop_run_ready(h.loop);
                }
                run_to(&h, "graph", "Succeeded");
                assert_each_started_once(&h, GRAPH_PODS);
                teardown(&h);
        }
}

static void deleted_workflow_kills_its_pods_and_is_forgotten(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        setup(&h);
        start(&h);
        create(&h, hello);
        wait_pods(&h);
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        for (int i = 0; i < 1000 && h.world.forgotten == 0; i++)
                run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_int_equal(h.world.forgotten, 1);
        assert_int_equal(controller_info(h.controller).workflows, 0);
        create(&h, hello); /* the name is free again */
        run_to(&h, "hello", "Succeeded");
        teardown(&h);
}

static void workflow_deleted_while_nobody_looked_leaves_nothing(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        setup(&h);
        start(&h);
        create(&h, hello);
        wait_pods(&h);
        crash(&h);
        open_store(&h);
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        start(&h);
        for (int i = 0; i < 1000 && h.world.forgotten == 0; i++)
                run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_int_equal(h.world.forgotten, 1);
        teardown(&h);
}

static void completed_workflow_is_forgotten_when_it_is_deleted(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        setup(&h);
        start(&h);
        create(&h, hello);
        run_to(&h, "hello", "Succeeded");
        run_ms(&h, 5);
        assert_int_equal(h.world.forgotten, 1); /* its pods; the logs stay */
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "hello"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        for (int i = 0; i < 1000 && h.world.forgotten == 1; i++)
                run_ms(&h, 1);
        assert_int_equal(h.world.forgotten, 2);
        teardown(&h);
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
        AUTO_JSON json_t *wf = get(h, name);
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
                run_ms(h, 1);
        assert_int_equal(nodes_in(h, name, phase), n);
}

static bool has_action(struct house *h, const char *name)
{
        AUTO_JSON json_t *wf = get(h, name);
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
                setup(&h);
                start(&h);
                create(&h, gate);
                wait_nodes(&h, "gate", "Running", 1);
                act(&h, "gate", &(struct action){.kind = ACTION_RESUME});
                for (int i = 0; i < crashes_after; i++)
                        loop_run_ready(h.loop);
                crash(&h);
                open_store(&h);
                start(&h);
                wait_nodes(&h, "gate", "Succeeded", 1);
                run_ms(&h, 5);
                assert_int_equal(nodes_in(&h, "gate", "Running"),
                                 1); /* the second gate still holds */
                assert_false(has_action(&h, "gate"));
                teardown(&h);
        }
}

static void refused_action_goes_away(void **state UNUSED)
{
        struct house h;
        setup(&h);
        start(&h);
        create(&h, gate);
        wait_nodes(&h, "gate", "Running", 1);
        act(&h, "gate",
            &(struct action){.kind = ACTION_RESUME, .node_field_selector = "displayName=nobody"});
        for (int i = 0; i < 1000 && has_action(&h, "gate"); i++)
                run_ms(&h, 1);
        assert_false(has_action(&h, "gate"));
        assert_int_equal(nodes_in(&h, "gate", "Running"), 1);
        patch(&h, "gate", yaml("{metadata: {annotations: {tiphys.io/action-garbage: \"{\"}}}"));
        for (int i = 0; i < 1000 && has_action(&h, "gate"); i++)
                run_ms(&h, 1);
        assert_false(has_action(&h, "gate"));
        teardown(&h);
}

static void terminate_kills_running_pods(void **state UNUSED)
{
        struct house h;
        setup(&h);
        start(&h);
        create(&h, hello);
        wait_pods(&h);
        act(&h, "hello", &(struct action){.kind = ACTION_TERMINATE});
        for (int i = 0; i < 1000 && !has_phase(&h, "hello", "Failed"); i++)
                run_ms(&h, 1);
        assert_true(h.world.pods[0].killed);
        assert_true(has_phase(&h, "hello", "Failed"));
        teardown(&h);
}

static void drain_starts_nothing_and_next_start_goes_on(void **state UNUSED)
{
        struct house h;
        setup(&h);
        start(&h);
        create(&h, graph);
        wait_pods(&h);
        struct turns t = {0};
        fake_runner_advance(h.runner, WORLD_PODS, 0);
        controller_drain(h.controller, 1000, on_over, &t);
        assert_true(loop_run_until(h.loop, &t.over, 2000));
        size_t before = h.world.n;
        run_ms(&h, 5);
        assert_int_equal(h.world.n, before);
        crash(&h);
        open_store(&h);
        start(&h);
        run_to(&h, "graph", "Succeeded");
        assert_each_started_once(&h, GRAPH_PODS);
        teardown(&h);
}

static void template_is_found_in_the_cache(void **state UNUSED)
{
        struct house h;
        setup(&h);
        create(&h, "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: t}\n"
                   "spec: {entrypoint: main, templates: [{name: main, container: {image: x, "
                   "command: [run]}}]}\n");
        start(&h);
        create(&h, HEAD "metadata: {name: user}\nspec: {workflowTemplateRef: {name: t}}\n");
        run_to(&h, "user", "Succeeded");
        create(&h, HEAD "metadata: {name: lost}\nspec: {workflowTemplateRef: {name: nobody}}\n");
        for (int i = 0;
             i < 1000 && !has_phase(&h, "lost", "Failed") && !has_phase(&h, "lost", "Error"); i++)
                run_ms(&h, 1);
        AUTO_JSON json_t *wf = get(&h, "lost");
        assert_non_null(strstr(json_str(wf, "status", "message"), "nobody"));
        teardown(&h);
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
                cmocka_unit_test(drain_starts_nothing_and_next_start_goes_on),
                cmocka_unit_test(template_is_found_in_the_cache),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
