/* tests/unit/workflow_spec/test_merge.c: workflow/spec/merge.c and the normal form.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "tests/unit/unit.h"
#include "workflow/spec/merge.h"
#include "workflow/spec/shape.h"

static void assert_json(json_t *got, const char *expected)
{
        char *text = json_text(got, JSON_STYLE_SORTED);
        assert_string_equal(text, expected);
        free(text);
        json_decref(got);
}

static void merges_maps_and_lists_with_a_key(void **state)
{
        static const struct {
                const char *under, *over, *result;
        } rows[] = {
                {"{\"a\":1,\"b\":{\"c\":1}}", "{\"b\":{\"d\":2}}",
                 "{\"a\":1,\"b\":{\"c\":1,\"d\":2}}"},
                {"{\"parameters\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"y\",\"value\":"
                 "\"2\"}]}",
                 "{\"parameters\":[{\"name\":\"y\",\"value\":\"3\"},{\"name\":\"z\"}]}",
                 "{\"parameters\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"y\",\"value\":"
                 "\"3\"},{\"name\":\"z\"}]}"},
                {"{\"args\":[\"a\",\"b\"]}", "{\"args\":[\"c\"]}", "{\"args\":[\"c\"]}"},
                {"{\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}",
                 "{\"env\":[{\"name\":\"A\",\"value\":\"2\"}]}",
                 "{\"env\":[{\"name\":\"A\",\"value\":\"2\"}]}"},
                {"{\"a\":1}", "{\"a\":null}", "{\"a\":1}"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *under = json_loads(rows[i].under, 0, NULL),
                                 *over = json_loads(rows[i].over, 0, NULL);
                assert_json(spec_merge(under, over), rows[i].result);
        }
}

static void the_workflow_wins_over_its_template_over_the_defaults(void **state)
{
        AUTO_JSON json_t *own =
                json_loads("{\"workflowTemplateRef\":{\"name\":\"t\"},\"priority\":1}", 0, NULL);
        AUTO_JSON json_t *referenced =
                json_loads("{\"entrypoint\":\"e\",\"priority\":2,\"parallelism\":2}", 0, NULL);
        AUTO_JSON json_t *defaults =
                json_loads("{\"priority\":3,\"parallelism\":3,\"archiveLogs\":true}", 0, NULL);
        (void)state;
        assert_json(spec_effective(own, referenced, defaults),
                    "{\"archiveLogs\":true,\"entrypoint\":\"e\",\"parallelism\":2,\"priority\":1}");
        assert_non_null(json_object_get(own, "workflowTemplateRef"));
}

static void numbers_become_text_where_a_string_belongs(void **state)
{
        AUTO_JSON json_t *spec = json_loads("{\"entrypoint\":true,\"templates\":[{\"name\":5,"
                                            "\"container\":{\"image\":\"i\",\"args\":[1,\"a\"]}}],"
                                            "\"arguments\":{\"parameters\":[{\"name\":\"p\","
                                            "\"value\":2.5}]},\"parallelism\":3}",
                                            0, NULL);
        char *before = json_text(spec, 0);
        (void)state;
        assert_json(spec_normal(spec), "{\"arguments\":{\"parameters\":[{\"name\":\"p\",\"value\":"
                                       "\"2.5\"}]},\"entrypoint\":\"true\","
                                       "\"parallelism\":3,\"templates\":[{\"container\":{\"args\":["
                                       "\"1\",\"a\"],\"image\":\"i\"},\"name\":\"5\"}]}");
        char *after = json_text(spec, 0);
        assert_string_equal(before, after);
        free(before);
        free(after);
}

static void what_is_normal_is_not_copied(void **state)
{
        AUTO_JSON json_t *spec = json_loads("{\"entrypoint\":\"e\"}", 0, NULL);
        json_t *same = spec_normal(spec);
        (void)state;
        assert_ptr_equal(same, spec);
        json_decref(same);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(merges_maps_and_lists_with_a_key),
                cmocka_unit_test(the_workflow_wins_over_its_template_over_the_defaults),
                cmocka_unit_test(numbers_become_text_where_a_string_belongs),
                cmocka_unit_test(what_is_normal_is_not_copied),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
