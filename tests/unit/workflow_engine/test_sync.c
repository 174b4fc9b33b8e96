/* tests/unit/workflow_engine/test_sync.c: locks and remembered results inside one workflow, by what
 * a simulation creates and when. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/engine/simulate.h"

#define WORKFLOW                                                                 \
        "workflow:\n"                                                            \
        "  kind: Workflow\n"                                                     \
        "  metadata: {name: wf, namespace: default, uid: u, creationTimestamp: " \
        "'2000-01-01T00:00:00Z'}\n"                                              \
        "  spec:\n"                                                              \
        "    entrypoint: main\n"
#define TEMPLATES                                                                               \
        "    - {name: plain, container: {image: i, command: [c]}}\n"                            \
        "    - {name: alone, container: {image: i, command: [c]}, synchronization: {mutexes: "  \
        "[{name: m}]}}\n"                                                                       \
        "    - {name: trying, retryStrategy: {limit: 2}, container: {image: i, command: [c]}, " \
        "synchronization: {mutexes: [{name: m}]}}\n"                                            \
        "    - {name: known, container: {image: i, command: [c]}, synchronization: {mutexes: "  \
        "[{name: m}]}, memoize: {key: k, cache: {configMap: {name: c}}}}\n"                     \
        "    - {name: inner, steps: [[{name: x, template: plain}], [{name: z, template: "       \
        "plain}]], synchronization: {mutexes: [{name: m}]}}\n"

/* "0:wf[0].a,wf[0].c 5:wf[0].b": what was created at which second. */
static char *waves_text(const json_t *result)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        size_t i, k;
        json_t *wave, *node;
        json_int_t last = -1;
        json_array_foreach (json_object_get(result, "waves"), i, wave) {
                json_int_t t = json_integer_value(json_object_get(wave, "t"));
                json_array_foreach (json_object_get(wave, "nodes"), k, node) {
                        const char *name = json_string_value(node) + strlen("wf[0].");
                        if (t != last)
                                buf_addf(&b, "%s%lld:%s", b.len ? " " : "", (long long)t, name);
                        else
                                buf_addf(&b, ",%s", name);
                        last = t;
                }
        }
        return b.len ? buf_take(&b) : mem_strdup("");
}

static const struct {
        const char *what, *text, *waves, *phase;
} cases[] = {
        {"who waits for a lock takes no room",
         WORKFLOW
         "    parallelism: 2\n    templates:\n    - {name: main, steps: [[{name: a, "
         "template: alone}, {name: b, template: alone}, {name: c, template: plain}]]}\n" TEMPLATES
         "pods: {default: {duration: 5}}\n",
         "0:a,c 5:b", "Succeeded"},
        {"the lock and the room go to who is first in the tree",
         WORKFLOW "    parallelism: 1\n    templates:\n    - {name: main, steps: [[{name: a, "
                  "template: alone}, {name: b, template: alone}, {name: c, template: plain}, "
                  "{name: d, template: plain}]]}\n" TEMPLATES,
         "0:a 1:b 2:c 3:d", "Succeeded"},
        {"a lock is kept from one attempt to the next",
         WORKFLOW "    templates:\n    - {name: main, steps: [[{name: a, template: trying}, {name: "
                  "b, template: alone}]]}\n" TEMPLATES
                  "pods: {rules: [{match: {node: 'a(0)'}, phase: Failed}]}\n",
         "0:a(0) 1:a(1) 2:b", "Succeeded"},
        {"what was remembered while it waited is not computed again",
         WORKFLOW
         "    templates:\n    - {name: main, steps: [[{name: a, template: known}, {name: b, "
         "template: known}, {name: c, template: alone}]]}\n" TEMPLATES,
         "0:a 1:c", "Succeeded"},
        {"a steps template holds its lock until it ends",
         WORKFLOW
         "    templates:\n    - {name: main, steps: [[{name: a, template: inner}, {name: b, "
         "template: alone}]]}\n" TEMPLATES,
         "0:a[0].x 1:a[1].z 2:b", "Succeeded"},
        {"a suspended workflow takes no lock",
         WORKFLOW
         "    templates:\n    - {name: main, steps: [[{name: a, template: alone}, {name: b, "
         "template: alone}]]}\n" TEMPLATES "pods: {default: {duration: 2}}\n"
         "actions: [{at: 1, do: suspend}, {at: 7, do: resume}]\n",
         "0:a 7:b", "Succeeded"},
        {"who waits ends with the deadline",
         WORKFLOW
         "    activeDeadlineSeconds: 3\n    templates:\n    - {name: main, steps: [[{name: "
         "a, template: alone}, {name: b, template: inner}]]}\n" TEMPLATES
         "pods: {default: {duration: 9}}\n",
         "0:a", "Failed"},
        {"a lock that its own caller holds is waited for, until somebody stops it",
         WORKFLOW
         "    templates:\n    - {name: main, synchronization: {mutexes: [{name: m}]}, steps: "
         "[[{name: a, template: alone}]]}\n" TEMPLATES "actions: [{at: 4, do: stop}]\n",
         "", "Failed"},
        {"the same lock twice is a mistake",
         WORKFLOW "    templates:\n    - {name: main, container: {image: i, command: [c]}, "
                  "synchronization: {mutexes: [{name: m}, {name: m}]}}\n" TEMPLATES,
         "", "Error"},
        {"a sync limit decides how many run",
         WORKFLOW "    templates:\n    - {name: main, steps: [[{name: s, template: row, "
                  "withSequence: {count: "
                  "3}}]]}\n    - {name: row, container: {image: i, command: [c]}, synchronization: "
                  "{semaphores: [{database: {key: k}}]}}\nsyncLimits: {k: 2}\n",
         "0:s(0:0),s(1:1) 1:s(2:2)", "Succeeded"},
        {"a mutex of the database needs no limit, and is no other mutex of its name",
         WORKFLOW
         "    templates:\n    - {name: main, steps: [[{name: a, template: row}, {name: b, "
         "template: "
         "row}, {name: c, template: alone}]]}\n    - {name: row, container: {image: i, command: "
         "[c]}, synchronization: {mutexes: [{name: m, database: true}]}}\n" TEMPLATES
         "pods: {default: {duration: 5}}\n",
         "0:a,c 5:b", "Succeeded"},
        {"a semaphore without its sync limit is an error",
         WORKFLOW "    templates:\n    - {name: main, container: {image: i, command: [c]}, "
                  "synchronization: {semaphores: [{database: {key: k}}]}}\n" TEMPLATES
                  "syncLimits: {other: 2}\n",
         "", "Error"},
        {"a semaphore has its limit in one place",
         WORKFLOW "    templates:\n    - {name: main, container: {image: i, command: [c]}, "
                  "synchronization: {semaphores: [{database: {key: k}, configMapKeyRef: {name: "
                  "tiphys-sync-limits, key: k}}]}}\n" TEMPLATES "syncLimits: {k: 2}\n",
         "", "Error"},
        {"a semaphore has a limit at all",
         WORKFLOW "    templates:\n    - {name: main, container: {image: i, command: [c]}, "
                  "synchronization: {semaphores: [{namespace: default}]}}\n" TEMPLATES,
         "", "Error"},
        {"a workflow without its sync limit fails",
         WORKFLOW
         "    synchronization: {semaphores: [{database: {key: k}}]}\n"
         "    templates:\n    - {name: main, steps: [[{name: a, template: plain}]]}\n" TEMPLATES,
         "", "Failed"},
        {"a workflow that cannot have its lock fails",
         WORKFLOW
         "    synchronization: {semaphores: [{configMapKeyRef: {name: none, key: k}}]}\n"
         "    templates:\n    - {name: main, steps: [[{name: a, template: plain}]]}\n" TEMPLATES,
         "", "Failed"},
};

static void locks_decide_what_runs_when(void **state UNUSED)
{
        for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
                struct err e = {0};
                AUTO_JSON json_t *test_case = NULL, *result = NULL;
                const size_t k = i / 2;
                const struct simulate_options o = {
                        .restore_each_step = i % 2, .check_replay = true, .max_steps = 1000};
                if (yaml_parse_one(&test_case, cases[k].text, strlen(cases[k].text), &e) < 0 ||
                    simulate_run(&result, test_case, &o, &e) < 0)
                        fail_msg("%s: %s", cases[k].what, err_msg(&e));
                AUTO(mem_free) char *waves = waves_text(result);
                if (strcmp(waves, cases[k].waves) != 0)
                        fail_msg("%s%s: expected %s, found %s", cases[k].what,
                                 i % 2 ? " (restored)" : "", cases[k].waves, waves);
                assert_string_equal(json_str(result, "phase"), cases[k].phase);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(locks_decide_what_runs_when)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
