/* tests/unit/workflow_binding/test_binding.c: selectors over an event, and the workflow it makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/binding/binding.h"

static json_t *yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        if (yaml_parse_one(&j, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return j;
}

struct fixture {
        json_t *payload, *metadata;
        struct binding *b;
};

static void setup(struct fixture *f, const char *key)
{
        f->payload = yaml("{type: hello, count: 5, list: [1, 2.5], nested: {a: b}, none: null}");
        f->metadata = yaml("{x-argo-e2e: [yes-it-is]}");
        const struct binding_event ev = {"ns", "disc", f->payload, f->metadata, key};
        f->b = binding_new(&ev, clock_system());
}

static void teardown(struct fixture *f)
{
        binding_free(f->b);
        json_decref(f->payload);
        json_decref(f->metadata);
}

static void selectors_see_payload_metadata_namespace_and_discriminator(void **state UNUSED)
{
        static const struct {
                const char *selector;
                int result; /* -1: an error */
        } rows[] = {{"payload.type == 'hello'", 1},
                    {"payload.count == 5 && payload.count > 4.5", 1},
                    {"payload.nosuch == nil", 1},
                    {"payload.type == 'x'", 0},
                    {"metadata['x-argo-e2e'] == ['yes-it-is']", 1},
                    {"'yes-it-is' in metadata['x-argo-e2e']", 1},
                    {"namespace == 'ns' && discriminator == 'disc'", 1},
                    {"sprig.upper(payload.type) == 'HELLO'", 1},
                    {"payload.type", -1},
                    {"nosuch == 1", -1},
                    {"payload.", -1},
                    {"", -1}};
        struct fixture f;
        setup(&f, NULL);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                bool result = false;
                AUTO_JSON json_t *object =
                        json_pack("{s:{s:{s:s}}}", "spec", "event", "selector", rows[i].selector);
                int r = binding_selects(f.b, object, &result, &e);
                if ((r < 0) != (rows[i].result < 0) || (r == 0 && result != (rows[i].result == 1)))
                        fail_msg("%s: %d %d %s", rows[i].selector, r, result, r ? err_msg(&e) : "");
                err_clear(&e);
        }
        teardown(&f);
}

static void arguments_and_metadata_are_expressions(void **state UNUSED)
{
        struct fixture f;
        struct err e = {0};
        setup(&f, NULL);
        AUTO_JSON json_t *object =
                yaml("metadata: {name: bind}\n"
                     "spec:\n"
                     "  submit:\n"
                     "    workflowTemplateRef: {name: tmpl}\n"
                     "    metadata:\n"
                     "      labels: {kind: payload.type}\n"
                     "      annotations: {note: \"'n' + payload.type\"}\n"
                     "    arguments:\n"
                     "      parameters:\n"
                     "        - {name: text, valueFrom: {event: payload.type}}\n"
                     "        - {name: number, valueFrom: {event: payload.count}}\n"
                     "        - {name: list, valueFrom: {event: payload.list}}\n"
                     "        - {name: map, valueFrom: {event: payload.nested}}\n"
                     "        - {name: sum, valueFrom: {event: payload.count + 1}}\n"
                     "        - {name: nothing, valueFrom: {event: payload.none}}\n");
        AUTO_JSON json_t *wf = NULL;
        if (binding_workflow(f.b, object, &wf, &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO_JSON json_t *wanted =
                yaml("apiVersion: argoproj.io/v1alpha1\n"
                     "kind: Workflow\n"
                     "metadata:\n"
                     "  generateName: tmpl-\n"
                     "  namespace: ns\n"
                     "  labels: {workflows.argoproj.io/workflow-template: tmpl, kind: hello,\n"
                     "    workflows.argoproj.io/workflow-event-binding: bind}\n"
                     "  annotations: {note: nhello}\n"
                     "spec:\n"
                     "  workflowTemplateRef: {name: tmpl}\n"
                     "  arguments:\n"
                     "    parameters:\n"
                     "      - {name: text, value: hello}\n"
                     "      - {name: number, value: \"5\"}\n"
                     "      - {name: list, value: \"[1,2.5]\"}\n"
                     "      - {name: map, value: '{\"a\":\"b\"}'}\n"
                     "      - {name: sum, value: \"6\"}\n"
                     "      - {name: nothing, value: \"null\"}\n");
        if (!json_equal(wf, wanted)) {
                AUTO(mem_free) char *text = json_text(wf, JSON_STYLE_INDENT);
                fail_msg("%s", text);
        }
        teardown(&f);
}

static void one_delivery_has_one_name(void **state UNUSED)
{
        AUTO_JSON json_t *object = yaml("metadata: {name: bind}\n"
                                        "spec: {submit: {workflowTemplateRef: {name: tmpl, "
                                        "clusterScope: true}}}\n");
        char *names[3];
        static const char *const keys[] = {"d-1", "d-1", "d-2"};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                struct fixture f;
                struct err e = {0};
                AUTO_JSON json_t *wf = NULL;
                setup(&f, keys[i]);
                assert_int_equal(binding_workflow(f.b, object, &wf, &e), 0);
                names[i] = mem_strdup(json_str(wf, "metadata", "name"));
                assert_true(str_starts(names[i], "tmpl-"));
                assert_true(
                        json_is_true(json_at(wf, "spec", "workflowTemplateRef", "clusterScope")));
                teardown(&f);
        }
        assert_string_equal(names[0], names[1]);
        assert_string_not_equal(names[0], names[2]);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                mem_free(names[i]);
}

static void mistakes_are_named(void **state UNUSED)
{
        static const struct {
                const char *submit, *words;
        } rows[] = {{"{workflowTemplateRef: {}}", "workflowTemplateRef.name is required"},
                    {"{workflowTemplateRef: {name: t}, metadata: {labels: {a: payload.count}}}",
                     "labels \"a\" expression must evaluate to a string"},
                    {"{workflowTemplateRef: {name: t}, metadata: {name: \"nosuch()\"}}",
                     "metadata \"name\""},
                    {"{workflowTemplateRef: {name: t}, arguments: {parameters: [{name: p, value: "
                     "x}]}}",
                     "parameter \"p\": valueFrom.event is required"},
                    {"{workflowTemplateRef: {name: t}, arguments: {parameters: [{name: p, "
                     "valueFrom: {event: \"payload +\"}}]}}",
                     "parameter \"p\" expression"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct fixture f;
                struct err e = {0};
                AUTO_JSON json_t *wf = NULL;
                AUTO(mem_free)
                char *text =
                        mem_printf("metadata: {name: b}\nspec: {submit: %s}\n", rows[i].submit);
                AUTO_JSON json_t *object = yaml(text);
                setup(&f, NULL);
                assert_int_equal(binding_workflow(f.b, object, &wf, &e), -1);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("%s: %s", rows[i].submit, err_msg(&e));
                err_clear(&e);
                teardown(&f);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(selectors_see_payload_metadata_namespace_and_discriminator),
                cmocka_unit_test(arguments_and_metadata_are_expressions),
                cmocka_unit_test(one_delivery_has_one_name),
                cmocka_unit_test(mistakes_are_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
