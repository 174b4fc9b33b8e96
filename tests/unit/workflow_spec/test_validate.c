/* tests/unit/workflow_spec/test_validate.c: the rules of workflow/spec: each with the place and
 * code of its problem. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/engine/engine.h"

#define HEAD "kind: Workflow\nmetadata: {name: w}\nspec:\n  entrypoint: main\n"
#define OK_TEMPLATE "  - {name: ok, container: {image: i}}\n"
#define ECHO_TEMPLATE                                                                             \
        "  - name: echo\n    inputs: {parameters: [{name: m}]}\n    container: {image: i, args: " \
        "['{{inputs.parameters.m}}']}\n"

struct verdict {
        struct yaml_docs docs;
        struct diags d;
};

static void check(struct verdict *v, const char *text)
{
        *v = (struct verdict){0};
        diags_init(&v->d);
        if (yaml_load(&v->docs, "f.yaml", text, strlen(text), &v->d) < 0)
                fail_msg("yaml: %s", v->d.items[0].msg);
        v->d.marks = v->docs.items[0].marks;
        int r = wf_validate(v->docs.items[0].root, NULL, false, &v->d);
        assert_int_equal(r, diags_refused(&v->d) ? -1 : 0);
}

static void done(struct verdict *v)
{
        diags_deinit(&v->d);
        yaml_docs_deinit(&v->docs);
}

static void finds_each_problem_at_its_place(void **state)
{
        static const struct {
                const char *text, *code, *path;
        } rows[] = {
                {"kind: Workflow\nspec: {templates: [{name: a, container: {image: i}}]}\n", "E300",
                 "spec"},
                {HEAD "  templates:\n" OK_TEMPLATE, "E301", "spec.entrypoint"},
                {HEAD "  templates:\n  - {name: main, steps: [[{name: a, template: nope}]]}\n",
                 "E301", "spec.templates[0].steps[0][0].template"},
                {HEAD
                 "  templates:\n  - {name: main, steps: [[{name: a, template: main, oops: 1}]]}\n",
                 "E302", "spec.templates[0].steps[0][0].oops"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}}\n  - {name: a_b, "
                      "container: {image: i}}\n",
                 "E303", "spec.templates[1].name"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}}\n  - {name: main, "
                      "container: {image: i}}\n",
                 "E304", "spec.templates[1].name"},
                {HEAD "  templates:\n  - {name: main, container: {image: i, args: "
                      "['{{inputs.parameters.x}}']}}\n",
                 "E305", "spec.templates[0].container.args[0]"},
                {HEAD "  templates:\n  - {name: main, container: {image: i, args: "
                      "['{{workflow.nam}}']}}\n",
                 "E305", "spec.templates[0].container.args[0]"},
                {HEAD "  templates:\n  - {name: main, container: {image: i, args: "
                      "['{{workflow.name']}}\n",
                 "E305", "spec.templates[0].container.args[0]"},
                {HEAD "  arguments: {parameters: [{name: p}]}\n  templates:\n  - {name: main, "
                      "container: {image: i}}\n",
                 "E306", "spec.arguments.parameters[0]"},
                {HEAD "  templates:\n  - {name: main, steps: [[{name: a, template: "
                      "echo}]]}\n" ECHO_TEMPLATE,
                 "E307", "spec.templates[0].steps[0][0]"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}, suspend: {}}\n",
                 "E308", "spec.templates[0]"},
                {HEAD "  templates:\n  - {name: main, script: {source: x}}\n", "E309",
                 "spec.templates[0].script.image"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}, parallelism: 2}\n",
                 "E310", "spec.templates[0].parallelism"},
                {HEAD "  arguments: {parameters: [{name: p, value: z, enum: [x, y]}]}\n  "
                      "templates:\n  - {name: main, container: {image: i}}\n",
                 "E311", "spec.arguments.parameters[0].value"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}, outputs: {parameters: "
                      "[{name: p, valueFrom: {parameter: x}}]}}\n",
                 "E312", "spec.templates[0].outputs.parameters[0].valueFrom"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}, outputs: {artifacts: "
                      "[{name: p}]}}\n",
                 "E313", "spec.templates[0].outputs.artifacts[0]"},
                {HEAD "  templates:\n  - {name: main, steps: [[{name: a, template: ok, "
                      "withSequence: {count: 1, end: 2}}]]}\n" OK_TEMPLATE,
                 "E315", "spec.templates[0].steps[0][0].withSequence"},
                {HEAD "  templates:\n  - {name: main, dag: {tasks: [{name: a, template: ok, "
                      "dependencies: [b]}]}}\n" OK_TEMPLATE,
                 "E316", "spec.templates[0].dag.tasks[0].dependencies[0]"},
                {HEAD "  templates:\n  - {name: main, dag: {tasks: [{name: a, template: ok, "
                      "depends: b}, {name: b, template: ok, depends: a}]}}\n" OK_TEMPLATE,
                 "E316", "spec.templates[0].dag.tasks"},
                {"kind: Workflow\nspec: {workflowTemplateRef: {name: t}}\n", "E317",
                 "spec.workflowTemplateRef"},
                {HEAD "  templates:\n  - {name: main, container: {image: i}, outputs: {artifacts: "
                      "[{name: a, gcs: {bucket: b, key: k}}]}}\n",
                 "E007", "spec.templates[0].outputs.artifacts[0].gcs"},
                {HEAD "  templates:\n  - {name: main, container: {image: [i]}}\n", "E003",
                 "spec.templates[0].container.image"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct verdict v;
                bool found = false;
                check(&v, rows[i].text);
                for (size_t k = 0; k < v.d.n; k++)
                        found = found || ((v.d.items[k].severity == SEV_ERROR ||
                                           v.d.items[k].severity == SEV_UNSUPPORTED) &&
                                          strcmp(v.d.items[k].code, rows[i].code) == 0 &&
                                          strcmp(v.d.items[k].path, rows[i].path) == 0 &&
                                          v.d.items[k].at.line > 0);
                if (!found)
                        fail_msg("%s: no %s at %s; first: %s %s", rows[i].text, rows[i].code,
                                 rows[i].path, v.d.n ? v.d.items[0].code : "nothing",
                                 v.d.n ? v.d.items[0].path : "");
                done(&v);
        }
}

static void accepts_what_runs(void **state)
{
        static const char *const texts[] = {
                "kind: Workflow\nmetadata: {generateName: hello-world-}\nspec:\n  entrypoint: "
                "main\n  templates:\n  - name: main\n    container: "
                "{image: alpine, command: [echo, 'Hello World']}\n",
                HEAD "  templates:\n  - name: main\n    dag:\n      tasks:\n      - {name: A, "
                     "template: ok}\n      - {name: B, template: ok, "
                     "dependencies: [A]}\n      - {name: C, template: ok, dependencies: [A]}\n     "
                     " - {name: D, template: ok, dependencies: [B, "
                     "C]}\n" OK_TEMPLATE,
                HEAD "  templates:\n  - name: main\n    steps:\n    - - {name: g, template: gen}\n "
                     "   - - name: p\n        template: echo\n        "
                     "withParam: '{{steps.g.outputs.result}}'\n        arguments: {parameters: "
                     "[{name: m, value: '{{item.any}}'}]}\n  - {name: gen, "
                     "script: {image: i, source: x}}\n" ECHO_TEMPLATE,
                HEAD "  templates:\n  - {name: main, container: {image: i, args: ['{{ .Values.x }} "
                     "{{ tags of others }} {{']}}\n",
                "kind: WorkflowTemplate\nmetadata: {name: t}\nspec:\n  arguments: {parameters: "
                "[{name: p}]}\n  templates:\n  - {name: a, "
                "container: {image: i, args: ['{{workflow.parameters.q}}']}}\n",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct verdict v;
                check(&v, texts[i]);
                if (v.d.errors)
                        fail_msg("%s: %s: %s", texts[i], v.d.items[0].path, v.d.items[0].msg);
                done(&v);
        }
}

static void reports_all_problems_in_one_run_with_hints(void **state)
{
        static const char text[] = HEAD "  templates:\n  - name: main\n    dag:\n      tasks:\n    "
                                        "  - {name: render, template: rendr}\n      - "
                                        "name: extract\n        template: echo\n        "
                                        "dependencies: [rendre]\n        arguments: {parameters: "
                                        "[{name: m, value: '{{tasks.zzz.outputs.result}}'}]}\n  - "
                                        "{name: render, container: {image: ''}}\n" ECHO_TEMPLATE;
        struct verdict v;
        size_t hints = 0;
        (void)state;
        check(&v, text);
        assert_true(v.d.errors >= 4);
        for (size_t i = 0; i < v.d.n; i++)
                hints += v.d.items[i].hint &&
                         strstr(v.d.items[i].hint, "did you mean 'render'?") != NULL;
        assert_int_equal(hints, 2);
        done(&v);
}

static void names_fields_without_effect_and_unknown_ones(void **state)
{
        static const char text[] = HEAD "  nodeSelector: {a: b}\n  templats: []\n  templates:\n  - "
                                        "{name: main, container: {image: i}}\n";
        struct verdict v;
        bool effect = false, unknown = false;
        (void)state;
        check(&v, text);
        assert_int_equal(v.d.errors, 0);
        for (size_t i = 0; i < v.d.n; i++) {
                effect = effect || strcmp(v.d.items[i].code, "W002") == 0;
                unknown = unknown || (strcmp(v.d.items[i].code, "W001") == 0 &&
                                      strstr(v.d.items[i].hint, "'templates'"));
        }
        assert_true(effect && unknown);
        AUTO_DIAGS struct diags strict;
        diags_init(&strict);
        assert_int_equal(wf_validate(v.docs.items[0].root, NULL, true, &strict), -1);
        done(&v);
}

static void survives_a_spec_of_any_shape(void **state)
{
        static const char *const texts[] = {
                "kind: Workflow\n",
                "kind: Workflow\nspec: 5\n",
                "kind: Workflow\nspec: []\n",
                HEAD "  templates: {a: b}\n",
                HEAD "  templates: [1, null, [], {}]\n",
                HEAD "  templates: [{name: main, steps: 5}, {name: b, steps: [5]}, {name: c, "
                     "steps: [[5]]}]\n",
                HEAD "  templates: [{name: main, dag: 5}, {name: b, dag: {tasks: 5}}, {name: c, "
                     "dag: {tasks: [5, {}]}}]\n",
                HEAD "  templates: [{name: main, dag: {tasks: [{name: a, depends: 5, dependencies: "
                     "{a: b}, template: []}]}}]\n",
                HEAD "  arguments: {parameters: [[], 5, {name: [], value: {}, enum: 5}]}\n  "
                     "templates: [{name: main, inputs: [], outputs: 5}]\n",
                HEAD "  hooks: [5]\n  onExit: []\n  podGC: 5\n  templates: [{name: main, inline: "
                     "5, container: []}]\n",
                "kind: CronWorkflow\nspec: {schedules: [5, [], '* * *'], workflowSpec: 5}\n",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct verdict v;
                check(&v, texts[i]);
                done(&v);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_each_problem_at_its_place),
                cmocka_unit_test(accepts_what_runs),
                cmocka_unit_test(reports_all_problems_in_one_run_with_hints),
                cmocka_unit_test(names_fields_without_effect_and_unknown_ones),
                cmocka_unit_test(survives_a_spec_of_any_shape),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
