/* tests/unit/workflow_controller/test_locks.c: locks among workflows, memoization and retries on a
 * real engine and a real store; the controller is killed at any turn. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"
#include "workflow/engine/lock_name.h"

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"

enum { WORKFLOWS = 4 };

static void create_numbered(struct house *h, const char *format, int i)
{
        AUTO(mem_free) char *text = mem_strdup(format);
        for (char *at; (at = strstr(text, "%d"));) {
                at[0] = (char)('0' + i);
                at[1] = 'x';
        }
        house_create(h, text);
}

/* Pods that run under this mutex now, by what the world sees. */
static int running(const struct house *h, const char *node_prefix)
{
        int n = 0;
        for (size_t i = 0; i < h->world.n; i++) {
                const struct world_pod *p = &h->world.pods[i];
                n += !p->forgotten && p->phase < POD_SUCCEEDED && str_starts(p->node, node_prefix);
        }
        return n;
}

/* Holders of one mutex, by what is stored at one moment: a list is a snapshot, and one workflow
 * after the other would be none, for the loop runs on between them. */
static int holders(struct house *h, const char *mutex)
{
        struct err e = {0};
        AUTO_JSON json_t *all = NULL;
        const struct store_list_opts lean = {.no_nodes = true};
        size_t i, k;
        json_t *wf, *entry;
        int n = 0;
        if (store_list_now(h->store, &STORE_WORKFLOW, "default", &lean, &all, &e) < 0)
                fail_msg("%s", err_msg(&e));
        json_array_foreach (json_object_get(all, "items"), i, wf)
                json_array_foreach (json_at(wf, "status", "synchronization", "mutex", "holding"), k,
                                    entry)
                        n += streq(json_str(entry, "mutex"), mutex);
        return n;
}

static bool all_are(struct house *h, const char *names, const char *phase)
{
        for (int i = 0; i < WORKFLOWS; i++) {
                AUTO(mem_free) char *name = mem_printf("%s%dx", names, i);
                if (!house_has_phase(h, name, phase))
                        return false;
        }
        return true;
}

#define LOCKED(mutex)                                        \
        HEAD "metadata: {name: locked-%d}\n"                 \
             "spec:\n"                                       \
             "  entrypoint: main\n"                          \
             "  templates:\n"                                \
             "    - name: main\n"                            \
             "      dag:\n"                                  \
             "        tasks:\n"                              \
             "          - {name: a, template: alone}\n"      \
             "          - {name: b, template: alone}\n"      \
             "    - name: alone\n"                           \
             "      container: {image: x, command: [run]}\n" \
             "      synchronization: {mutexes: [" mutex "]}\n"
/* The two kinds of mutex, and what stands in the status. */
static const struct {
        const char *workflow, *shown;
} locked[] = {
        {LOCKED("{name: m}"), "default/Mutex/m"},
        {LOCKED("{name: m, database: true}"), "default/Database/m"},
};

/* One turn of a controller that may die in it. */
static void play_turn(struct house *h, unsigned *dice, int *crashes)
{
        *dice = *dice * 1664525u + 1013904223u;
        if (*dice >> 28 == 0 && (*crashes)++ < 20) {
                house_crash(h);
                house_open_store(h);
                house_start(h);
        }
        if (*dice >> 30 == 1)
                fake_runner_advance(h->runner, 1, *dice >> 8 & 15);
        loop_run_ready(h->loop);
}

static void a_mutex_serialises_workflows_whenever_the_controller_dies(void **state UNUSED)
{
        for (unsigned seed = 1; seed <= 12; seed++) {
                struct house h;
                int crashes = 0;
                unsigned dice = seed * 2654435761u;
                house_setup(&h);
                house_start(&h);
                for (int i = 0; i < WORKFLOWS; i++)
                        create_numbered(&h, locked[seed & 1].workflow, i);
                for (int i = 0; i < 4000 && !all_are(&h, "locked-", "Succeeded"); i++) {
                        play_turn(&h, &dice, &crashes);
                        if (running(&h, "locked-") > 1)
                                fail_msg("seed %u: two run under one mutex", seed);
                        if (i % 16 == 0 && holders(&h, locked[seed & 1].shown) > 1)
                                fail_msg("seed %u: two hold one mutex", seed);
                }
                for (int i = 0; i < WORKFLOWS; i++) {
                        AUTO(mem_free) char *name = mem_printf("locked-%dx", i);
                        house_run_to(&h, name, "Succeeded");
                }
                assert_int_equal(h.world.n, 2 * WORKFLOWS);
                for (size_t i = 0; i < h.world.n; i++)
                        assert_int_equal(h.world.pods[i].starts, 1);
                house_teardown(&h);
        }
}

static const char whole[] =
        HEAD "metadata: {name: whole-%d}\n"
             "spec:\n"
             "  entrypoint: main\n"
             "  synchronization: {mutexes: [{name: w}]}\n"
             "  templates: [{name: main, container: {image: x, command: [run]}}]\n";

static void a_workflow_that_waits_says_for_what(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        create_numbered(&h, whole, 0);
        house_wait_pods(&h);
        create_numbered(&h, whole, 1);
        for (int i = 0; i < 1000 && !house_has_phase(&h, "whole-1x", "Pending"); i++)
                house_run_ms(&h, 1);
        AUTO_JSON json_t *wf = house_get(&h, "whole-1x");
        assert_string_equal(json_str(wf, "status", "message"),
                            "Waiting for default/Mutex/w lock. Lock status: 0/1");
        const json_t *waiting =
                json_array_get(json_at(wf, "status", "synchronization", "mutex", "waiting"), 0);
        assert_string_equal(json_str(waiting, "holder"), "default/whole-0x");
        assert_int_equal(h.world.n, 1);
        house_run_to(&h, "whole-0x", "Succeeded");
        house_run_to(&h, "whole-1x", "Succeeded");
        AUTO_JSON json_t *done = house_get(&h, "whole-1x");
        assert_null(json_at(done, "status", "synchronization"));
        house_teardown(&h);
}

static void a_deleted_holder_lets_the_next_on(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup(&h);
        house_start(&h);
        create_numbered(&h, whole, 0);
        house_wait_pods(&h);
        create_numbered(&h, whole, 1);
        for (int i = 0; i < 1000 && !house_has_phase(&h, "whole-1x", "Pending"); i++)
                house_run_ms(&h, 1);
        const struct store_ref ref = {&STORE_WORKFLOW, "default", "whole-0x"};
        assert_int_equal(store_delete_now(h.store, ref, NULL, &e), 0);
        house_run_to(&h, "whole-1x", "Succeeded");
        house_teardown(&h);
}

#define MANY(semaphore)                                                            \
        HEAD "metadata: {name: many}\n"                                            \
             "spec:\n"                                                             \
             "  entrypoint: main\n"                                                \
             "  templates:\n"                                                      \
             "    - name: main\n"                                                  \
             "      steps: [[{name: s, template: t, withSequence: {count: 3}}]]\n" \
             "    - name: t\n"                                                     \
             "      container: {image: x, command: [run]}\n"                       \
             "      synchronization: {semaphores: [" semaphore "]}\n"

/* Restarted while two wait: who holds is known, and the limit that is changed then counts. */
static void play_higher_limit(const char *map, const char *workflow)
{
        struct house h;
        house_setup(&h);
        AUTO(mem_free)
        char *limits = mem_printf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
                                  "data: {n: \"1\"}\n",
                                  map);
        house_create(&h, limits);
        house_start(&h);
        house_create(&h, workflow);
        house_wait_pods(&h);
        house_run_ms(&h, 20);
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        house_run_ms(&h, 20);
        assert_int_equal(h.world.n, 1);
        struct err e = {0};
        AUTO_JSON json_t *patch = house_yaml("{data: {n: \"3\"}}"), *stored = NULL;
        const struct store_ref ref = {&STORE_CONFIG_MAP, "default", map};
        assert_int_equal(store_patch_now(h.store, ref, STORE_PATCH_MERGE, patch, &stored, &e), 0);
        for (int i = 0; i < 1000 && h.world.n < 3; i++)
                house_run_ms(&h, 1);
        assert_int_equal(h.world.n, 3);
        house_run_to(&h, "many", "Succeeded");
        house_teardown(&h);
}

static void a_higher_limit_lets_more_in_at_once(void **state UNUSED)
{
        play_higher_limit("limits", MANY("{configMapKeyRef: {name: limits, key: n}}"));
        play_higher_limit(SYNC_LIMITS, MANY("{database: {key: n}}"));
}

static const char known[] = HEAD "metadata: {name: known-%d}\n"
                                 "spec:\n"
                                 "  entrypoint: main\n"
                                 "  templates:\n"
                                 "    - name: main\n"
                                 "      container: {image: x, command: [run]}\n"
                                 "      memoize: {key: k, cache: {configMap: {name: results}}}\n";

static void a_memoized_step_runs_once_for_all_workflows(void **state UNUSED)
{
        struct house h;
        house_setup(&h);
        house_start(&h);
        create_numbered(&h, known, 0);
        house_run_to(&h, "known-0x", "Succeeded");
        create_numbered(&h, known, 1);
        house_run_to(&h, "known-1x", "Succeeded");
        house_crash(&h);
        house_open_store(&h);
        house_start(&h);
        create_numbered(&h, known, 2);
        house_run_to(&h, "known-2x", "Succeeded");
        assert_int_equal(h.world.n, 1);
        AUTO_JSON json_t *wf = house_get(&h, "known-2x");
        assert_true(json_is_true(
                json_at(wf, "status", "nodes", "known-2x", "memoizationStatus", "hit")));
        house_teardown(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mutex_serialises_workflows_whenever_the_controller_dies),
                cmocka_unit_test(a_workflow_that_waits_says_for_what),
                cmocka_unit_test(a_deleted_holder_lets_the_next_on),
                cmocka_unit_test(a_higher_limit_lets_more_in_at_once),
                cmocka_unit_test(a_memoized_step_runs_once_for_all_workflows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
