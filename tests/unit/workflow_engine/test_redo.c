/* tests/unit/workflow_engine/test_redo.c: which nodes a retry or a memoized resubmit keeps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/engine/fieldsel.h"
#include "workflow/engine/redo.h"

static json_t *yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        if (yaml_parse_one(&j, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return j;
}

/* ---- retry ---- */

/* A tree in one line: "name:type:phase>child>child ...": ids are w-<name>, the root is w; a type
 * in lower case is an attempt's; "@x" behind the phase is the boundary. */
static json_t *workflow_of(const char *phase, const char *tree)
{
        AUTO(mem_free) char *text = mem_strdup(tree);
        json_t *nodes = json_object();
        for (char *save, *word = strtok_r(text, " ", &save); word;
             word = strtok_r(NULL, " ", &save)) {
                char *colon = strchr(word, ':'), *type = colon + 1, *at = strchr(type, ':');
                *colon = *at++ = '\0';
                json_t *children = json_array();
                for (char *c = strchr(at, '>'), *end; c; c = end) {
                        *c++ = '\0';
                        end = strchr(c, '>');
                        json_array_append_new(children,
                                              json_stringn(c, end ? (size_t)(end - c) : strlen(c)));
                }
                char *boundary = strchr(at, '@');
                if (boundary)
                        *boundary++ = '\0';
                json_t *n = json_pack("{s:s,s:s,s:s,s:o,s:s}", "name", word, "displayName", word,
                                      "type", type, "children", children, "phase", at);
                if (boundary)
                        json_object_set_new(n, "boundaryID", json_string(boundary));
                if (strchr(word, '('))
                        json_object_set_new(n, "nodeFlag", json_pack("{s:b}", "retried", 1));
                json_object_set_new(nodes, word, n);
        }
        return json_pack("{s:{s:s,s:{s:s,s:s}},s:{s:s,s:s},s:{s:s,s:s,s:o}}", "metadata", "name",
                         "w", "labels", "workflows.argoproj.io/completed", "true", "team", "red",
                         "spec", "entrypoint", "m", "shutdown", "Stop", "status", "phase", phase,
                         "message", "no", "nodes", nodes);
}

/* "name:phase" of each node, by name. */
static char *nodes_text(const json_t *workflow)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        const json_t *nodes = json_at(workflow, "status", "nodes");
        const char *id;
        json_t *n;
        AUTO(mem_free) char *sorted = json_text(nodes, JSON_STYLE_SORTED);
        AUTO_JSON json_t *in_order = json_loads(sorted, 0, NULL);
        json_object_foreach (in_order, id, n)
                buf_addf(&b, "%s%s:%s", b.len ? " " : "", id, json_str(n, "phase"));
        return buf_take(&b);
}

static void a_retry_keeps_what_succeeded_and_opens_the_groups(void **state UNUSED)
{
        static const struct {
                const char *what, *tree, *selector, *parameter, *left;
        } cases[] = {
                {"a step fails: it goes, the groups run",
                 "w:Steps:Failed>w0 w0:StepGroup:Succeeded@w>a a:Pod:Succeeded@w>w1 "
                 "w1:StepGroup:Failed@w>b b:Pod:Failed@w",
                 NULL, NULL, "a:Succeeded w:Running w0:Succeeded w1:Running"},
                {"what hangs below a failed task goes with it",
                 "w:DAG:Failed>a>b a:Pod:Failed@w>c b:Pod:Succeeded@w c:Skipped:Omitted@w", NULL,
                 NULL, "b:Succeeded w:Running"},
                {"a failed task whose handler succeeded stays",
                 "w:DAG:Failed>a a:Pod:Failed@w>h>n h:Pod:Succeeded@w n:Skipped:Omitted@w", NULL,
                 NULL, "a:Failed h:Succeeded n:Omitted w:Failed"},
                {"the exit handler goes", "w:Pod:Failed w.onExit:Pod:Succeeded", NULL, NULL, ""},
                {"a failed Retry node runs again without its attempts",
                 "w:Steps:Failed>w0 w0:StepGroup:Failed@w>r r:Retry:Failed@w>r(0)>r(1) "
                 "r(0):Pod:Failed@w r(1):Pod:Failed@w",
                 NULL, NULL, "r:Running w:Running w0:Running"},
                {"a Retry node that succeeded is kept with its failed attempt",
                 "w:DAG:Failed>r>x r:Retry:Succeeded@w>r(0)>r(1) r(0):Pod:Failed@w "
                 "r(1):Pod:Succeeded@w x:Pod:Failed@w",
                 NULL, NULL, "r:Succeeded r(0):Failed r(1):Succeeded w:Running"},
                {"a selected node runs again with all behind it",
                 "w:Steps:Succeeded>w0 w0:StepGroup:Succeeded@w>a a:Pod:Succeeded@w>w1 "
                 "w1:StepGroup:Succeeded@w>b b:Pod:Succeeded@w",
                 "displayName=a", NULL, "w:Running w0:Running"},
                {"new arguments expand the loop anew",
                 "w:DAG:Failed>l l:TaskGroup:Failed@w>l0>l1 l0:Pod:Succeeded@w l1:Pod:Failed@w",
                 NULL, "x=1", "l:Running w:Running"},
                {"without, its other items are kept",
                 "w:DAG:Failed>l l:TaskGroup:Failed@w>l0>l1 l0:Pod:Succeeded@w l1:Pod:Failed@w",
                 NULL, NULL, "l:Running l0:Succeeded w:Running"},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = {0};
                AUTO_JSON json_t *old = workflow_of(
                        strstr(cases[i].tree, ":Failed") ? "Failed" : "Succeeded", cases[i].tree);
                AUTO_JSON json_t *again = NULL;
                struct redo r = {.now = {NS_PER_S},
                                 .restart_successful = cases[i].selector != NULL,
                                 .node_field_selector = cases[i].selector,
                                 .parameters = &cases[i].parameter,
                                 .n_parameters = cases[i].parameter != NULL};
                if (redo_retry(&again, old, &r, &e) < 0)
                        fail_msg("%s: %s", cases[i].what, err_msg(&e));
                AUTO(mem_free) char *left = nodes_text(again);
                if (strcmp(left ? left : "", cases[i].left) != 0)
                        fail_msg("%s: expected %s, found %s", cases[i].what, cases[i].left, left);
        }
}

static void a_retry_opens_the_object_again(void **state UNUSED)
{
        struct err e = {0};
        AUTO_JSON json_t *old = workflow_of("Failed", "w:Pod:Failed"), *again = NULL;
        assert_int_equal(redo_retry(&again, old, &(struct redo){0}, &e), 0);
        assert_null(json_at(again, "spec", "shutdown"));
        assert_null(json_at(again, "metadata", "labels", "workflows.argoproj.io/completed"));
        assert_string_equal(json_str(again, "metadata", "labels", "team"), "red");
        assert_string_equal(json_str(again, "status", "phase"), "");
        assert_null(json_at(again, "status", "message"));
}

static void refuses_what_cannot_be_done_again(void **state UNUSED)
{
        static const struct {
                const char *phase, *selector, *parameter, *words;
                bool resubmit, restart;
        } cases[] = {
                {"Running", NULL, NULL, "Cannot retry a workflow in phase Running", false, false},
                {"Succeeded", NULL, NULL, "To retry a succeeded workflow", false, true},
                {"Succeeded", "displayName=a", NULL, "To retry a succeeded workflow", false, false},
                {"Failed", "displayName", NULL, "can't understand \"displayName\"", false, true},
                {"Failed", NULL, "x", "expected parameter of the form: NAME=VALUE", false, false},
                {"Succeeded", NULL, NULL, "workflow must be Failed/Error to resubmit", true, false},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = {0};
                AUTO_JSON json_t *old = workflow_of(cases[i].phase, "w:Pod:Failed"), *again = NULL;
                struct redo r = {.restart_successful = cases[i].restart,
                                 .node_field_selector = cases[i].selector,
                                 .parameters = &cases[i].parameter,
                                 .n_parameters = cases[i].parameter != NULL,
                                 .memoized = true,
                                 .new_name = "v"};
                int done = cases[i].resubmit ? redo_resubmit(&again, old, &r, &e)
                                             : redo_retry(&again, old, &r, &e);
                assert_int_equal(done, -1);
                if (!strstr(err_msg(&e), cases[i].words))
                        fail_msg("expected %s, found %s", cases[i].words, err_msg(&e));
                err_clear(&e);
        }
}

/* ---- resubmit ---- */

static void a_memoized_resubmit_keeps_what_succeeded_as_skipped_nodes(void **state UNUSED)
{
        struct err e = {0};
        AUTO_JSON json_t *old = workflow_of("Failed",
                                            "w:DAG:Failed>w.a>w.b>w.r w.a:Pod:Succeeded@w "
                                            "w.b:Pod:Failed@w>w.c w.c:Skipped:Omitted@w "
                                            "w.r:Retry:Failed@w>w.r(0) w.r(0):Pod:Failed@w"),
                         *made = NULL;
        struct redo r = {.memoized = true, .new_name = "v"};
        assert_int_equal(redo_resubmit(&made, old, &r, &e), 0);
        const json_t *nodes = json_at(made, "status", "nodes");
        AUTO_BUF struct buf b = BUF_INIT(4096);
        const char *id;
        json_t *n;
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, n)
                buf_addf(&b, "%s:%s:%s:%zu ", json_str(n, "name"), json_str(n, "type"),
                         json_str(n, "phase"), json_array_size(json_object_get(n, "children")));
        assert_string_equal(buf_str(&b), "v:DAG:Pending:3 v.a:Skipped:Skipped:0 v.b:Pod:Pending:1 "
                                         "v.r:Retry:Pending:0 ");
        assert_non_null(json_object_get(nodes, "v"));
        assert_string_equal(json_str(made, "metadata", "name"), "v");
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
        AUTO_JSON json_t *made = NULL;
        assert_int_equal(redo_resubmit(&made, old, &(struct redo){0}, &e), 0);
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

static void parameters_that_are_given_come_first(void **state UNUSED)
{
        static const char *const parameters[] = {"x=2", "w=a=b"};
        struct err e = {0};
        AUTO_JSON json_t *old = yaml(
                "metadata: {name: a, generateName: g-}\n"
                "spec: {arguments: {parameters: [{name: z, value: 3}, {name: x, value: 1}]}}\n");
        AUTO_JSON json_t *made = NULL;
        struct redo r = {.parameters = parameters, .n_parameters = 2};
        assert_int_equal(redo_resubmit(&made, old, &r, &e), 0);
        AUTO_JSON json_t *wanted = yaml("[{name: x, value: \"2\"}, {name: w, value: a=b}, "
                                        "{name: z, value: 3}]");
        assert_string_equal(json_str(made, "metadata", "generateName"), "g-");
        assert_true(json_equal(json_at(made, "spec", "arguments", "parameters"), wanted));
}

/* ---- selectors ---- */

static void selectors_compare_the_fields_of_a_node(void **state UNUSED)
{
        static const struct {
                const char *selector;
                int matches; /* -1: it is not valid */
        } cases[] = {
                {"", 1},
                {"displayName=a", 1},
                {"displayName==a", 1},
                {"displayName!=a", 0},
                {"displayName=b", 0},
                {"displayName=a,phase=Failed", 1},
                {"displayName=a,phase!=Failed", 0},
                {"templateName=t", 1},
                {"templateRef.name=r", 1},
                {"templateRef.name=r,templateRef.template=t", 1},
                {"inputs.parameters.x.value=1\\,2", 1},
                {"inputs.parameters.y.value=", 1},
                {"nothing!=x", 1},
                {"displayName", -1},
                {"=a", -1},
                {"displayName=a=b", -1},
                {"a!b", -1},
        };
        AUTO_JSON json_t *node = yaml("{displayName: a, phase: Failed, templateName: own, "
                                      "templateRef: {name: r, template: t}, inputs: {parameters: "
                                      "[{name: x, value: '1,2'}]}}");
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = {0};
                int valid = fieldsel_check(cases[i].selector, &e);
                err_clear(&e);
                if (valid != (cases[i].matches < 0 ? -1 : 0) ||
                    fieldsel_matches(cases[i].selector, node) != (cases[i].matches == 1))
                        fail_msg("\"%s\"", cases[i].selector);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_retry_keeps_what_succeeded_and_opens_the_groups),
                cmocka_unit_test(a_retry_opens_the_object_again),
                cmocka_unit_test(refuses_what_cannot_be_done_again),
                cmocka_unit_test(a_memoized_resubmit_keeps_what_succeeded_as_skipped_nodes),
                cmocka_unit_test(labels_of_the_old_run_stay_behind),
                cmocka_unit_test(parameters_that_are_given_come_first),
                cmocka_unit_test(selectors_compare_the_fields_of_a_node),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
