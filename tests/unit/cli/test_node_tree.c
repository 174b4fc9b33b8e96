/* tests/unit/cli/test_node_tree.c: the tree of `get`, as argo draws it. SPDX-License-Identifier:
 * Apache-2.0 */
#include "cli/tree.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include <locale.h>

static const struct term utf8 = {.utf8 = true}, ascii = {0};

static char *draw(const char *nodes, const struct tree_view *v)
{
        struct err e = {0};
        json_t *list = NULL;
        if (yaml_parse_one(&list, nodes, strlen(nodes), &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO_JSON json_t *wf =
                json_pack("{s:{s:s}, s:{s:o}}", "metadata", "name", "wf", "status", "nodes", list);
        struct buf b = BUF_INIT(100000);
        tree_put_nodes(&b, wf, v);
        return buf_take(&b);
}

static void expect(const char *nodes, const struct tree_view *v, const char *tree)
{
        AUTO(mem_free) char *text = draw(nodes, v);
        assert_string_equal(text ? text : "", tree);
}

/* id: {name, type, phase, children, boundary, message} */
static const char steps[] =
        "wf: {name: wf, displayName: wf, type: Steps, phase: Failed, templateName: main, children: "
        "[g0]}\n"
        "g0: {name: 'wf[0]', displayName: '[0]', type: StepGroup, phase: Succeeded, boundaryID: "
        "wf, children: [a]}\n"
        "a: {name: 'wf[0].a', displayName: a, type: Pod, phase: Succeeded, templateName: say, "
        "boundaryID: wf, children: [g1],\n"
        "    startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:04Z'}\n"
        "g1: {name: 'wf[1]', displayName: '[1]', type: StepGroup, phase: Failed, boundaryID: wf, "
        "children: [b, c]}\n"
        "b: {name: 'wf[1].b', displayName: b, type: Pod, phase: Running, templateName: say, "
        "boundaryID: wf,\n"
        "    startedAt: '2026-01-01T00:00:04Z'}\n"
        "c: {name: 'wf[1].c', displayName: c, type: Pod, phase: Failed, templateName: say, "
        "boundaryID: wf,\n"
        "    startedAt: '2026-01-01T00:00:04Z', finishedAt: '2026-01-01T00:01:05Z', message: 'exit "
        "code 1'}\n";
enum { FIVE_PAST = 1767225600 + 300 };

static void step_groups_give_their_place_to_their_steps(void **state UNUSED)
{
        const struct tree_view v = {.term = &utf8, .now = {FIVE_PAST * INT64_C(1000000000)}};
        expect(steps, &v,
               "STEP      TEMPLATE  PODNAME            DURATION  MESSAGE\n"
               " ✖ wf     main\n"
               " ├───✔ a  say       wf-say-3986212215  4s\n"
               " └─┬─● b  say       wf-say-2760215211  4m\n"
               "   └─✖ c  say       wf-say-2743437592  1m        exit code 1\n");
}

static void ascii_alone_when_asked(void **state UNUSED)
{
        const struct tree_view v = {.term = &ascii, .status = "Failed"};
        expect(steps, &v,
               "STEP           TEMPLATE  PODNAME            DURATION  MESSAGE\n"
               " Failed wf     main\n"
               "   `-Failed c  say       wf-say-2743437592  1m        exit code 1\n");
}

static void rows_that_do_not_fit_are_counted(void **state UNUSED)
{
        const struct tree_view v = {
                .term = &utf8, .max_rows = 2, .now = {FIVE_PAST * INT64_C(1000000000)}};
        expect(steps, &v,
               "STEP      TEMPLATE  PODNAME            DURATION  MESSAGE\n"
               " ✖ wf     main\n"
               " ├───✔ a  say       wf-say-3986212215  4s\n"
               " ... and 2 more (`tiphys get wf` shows all)\n");
}

static void one_attempt_takes_the_place_of_its_retry_more_do_not(void **state UNUSED)
{
        static const char nodes[] =
                "wf: {name: wf, displayName: wf, type: DAG, phase: Running, children: [r, s]}\n"
                "r: {name: wf.r, displayName: r, type: Retry, phase: Succeeded, boundaryID: wf, "
                "children: [r0]}\n"
                "r0: {name: 'wf.r(0)', displayName: 'r(0)', type: Pod, phase: Succeeded, "
                "boundaryID: wf}\n"
                "s: {name: wf.s, displayName: s, type: Retry, phase: Running, boundaryID: wf, "
                "children: [s0, s1]}\n"
                "s0: {name: 'wf.s(0)', displayName: 's(0)', type: Pod, phase: Failed, boundaryID: "
                "wf}\n"
                "s1: {name: 'wf.s(1)', displayName: 's(1)', type: Pod, phase: Pending, boundaryID: "
                "wf}\n";
        const struct tree_view v = {.term = &utf8};
        AUTO(mem_free) char *text = draw(nodes, &v);
        assert_non_null(strstr(text, " ├───✔ r(0)"));
        assert_non_null(strstr(text, " └─● s\n"));
        assert_non_null(strstr(text, "   ├─✖ s(0)"));
        assert_non_null(strstr(text, "   └─◷ s(1)"));
}

static void loops_stand_in_the_order_of_their_items(void **state UNUSED)
{
        static const char nodes[] =
                "wf: {name: wf, displayName: wf, type: DAG, phase: Running, children: [t]}\n"
                "t: {name: wf.t, displayName: t, type: TaskGroup, phase: Running, boundaryID: wf, "
                "children: [t10, t2]}\n"
                "t10: {name: 'wf.t(10:a)', displayName: 't(10:a)', type: Pod, phase: Running, "
                "boundaryID: wf}\n"
                "t2: {name: 'wf.t(2:b)', displayName: 't(2:b)', type: Pod, phase: Running, "
                "boundaryID: wf}\n";
        const struct tree_view v = {.term = &utf8};
        AUTO(mem_free) char *text = draw(nodes, &v);
        assert_non_null(strstr(text, " ├─● t(2:b) "));
        assert_non_null(strstr(text, " └─● t(10:a) "));
        assert_null(strstr(text, "● t "));
}

static void broken_trees_do_no_harm(void **state UNUSED)
{
        static const char *const rows[] = {
                "wf: {name: wf, type: DAG, children: [wf]}",
                "wf: {name: wf, type: StepGroup, children: [a]}\na: {name: a, type: StepGroup, "
                "children: [wf]}",
                "wf: {name: wf, boundaryID: wf}",
                "wf: {}",
                "a: {boundaryID: b}\nb: {boundaryID: a}",
                "wf: {name: wf, type: Retry, children: [a, a, b, 7]}\na: {name: a, type: Retry, "
                "children: [b]}\nb: {type: 7}",
        };
        const struct tree_view v = {.term = &utf8};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free) char *text = draw(rows[i], &v);
                assert_non_null(text);
        }
}

static void pod_names_are_argos_second_form(void **state UNUSED)
{
        AUTO_JSON json_t *wf = json_pack("{s:{s:s}}", "metadata", "name", "steps-x");
        AUTO_JSON json_t *node = json_pack("{s:s, s:s, s:s}", "id", "steps-x-1", "name",
                                           "steps-x[0].a", "templateName", "say");
        AUTO_JSON json_t *root = json_pack("{s:s, s:s}", "id", "steps-x", "name", "steps-x");
        AUTO(mem_free) char *pod = tree_pod_name(wf, node), *whole = tree_pod_name(wf, root);
        assert_memory_equal(pod, "steps-x-say-", 12);
        assert_string_equal(whole, "steps-x");
        json_put_at(wf, json_string("v1"), "metadata", "annotations",
                    "workflows.argoproj.io/pod-name-format");
        AUTO(mem_free) char *first = tree_pod_name(wf, node);
        assert_string_equal(first, "steps-x-1");
}

int main(void)
{
        setlocale(LC_CTYPE, "C.UTF-8");
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(step_groups_give_their_place_to_their_steps),
                cmocka_unit_test(ascii_alone_when_asked),
                cmocka_unit_test(rows_that_do_not_fit_are_counted),
                cmocka_unit_test(one_attempt_takes_the_place_of_its_retry_more_do_not),
                cmocka_unit_test(loops_stand_in_the_order_of_their_items),
                cmocka_unit_test(broken_trees_do_no_harm),
                cmocka_unit_test(pod_names_are_argos_second_form),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
