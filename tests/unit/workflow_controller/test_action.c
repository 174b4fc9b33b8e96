/* tests/unit/workflow_controller/test_action.c: user actions as patches, and read back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"
#include "workflow/controller/action.h"

static void plain_actions_are_argos_edits(void **state UNUSED)
{
        static const struct {
                enum action_kind kind;
                const char *patch;
        } rows[] = {{ACTION_SUSPEND, "{\"spec\":{\"suspend\":true}}"},
                    {ACTION_STOP, "{\"spec\":{\"shutdown\":\"Stop\"}}"},
                    {ACTION_TERMINATE, "{\"spec\":{\"shutdown\":\"Terminate\"}}"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *p =
                        action_patch(&(struct action){.kind = rows[i].kind}, (struct wall){0});
                AUTO(mem_free) char *text = json_text(p, JSON_STYLE_COMPACT);
                assert_string_equal(text, rows[i].patch);
        }
}

static void node_actions_survive_the_way_through_an_annotation(void **state UNUSED)
{
        AUTO_JSON json_t *outputs =
                json_pack("{s:[{s:s,s:s}]}", "parameters", "name", "a", "value", "b");
        const struct action a = {ACTION_SET, "displayName=x", "hello", "Succeeded", outputs};
        AUTO_JSON json_t *p = action_patch(&a, (struct wall){1}), *keep = NULL;
        json_t *annotations = json_at(p, "metadata", "annotations"), *value;
        const char *key;
        assert_int_equal(json_object_size(annotations), 1);
        json_object_foreach (annotations, key, value) {
                struct action back;
                struct err e = {0};
                assert_true(str_starts(key, ACTION_ANNOTATION));
                assert_int_equal(action_read(&back, &keep, json_string_value(value), &e), 0);
                assert_int_equal(back.kind, ACTION_SET);
                assert_string_equal(back.node_field_selector, "displayName=x");
                assert_string_equal(back.message, "hello");
                assert_string_equal(back.phase, "Succeeded");
                assert_true(json_equal(back.outputs, outputs));
        }
}

static void resume_lifts_the_suspension_only_without_a_selector(void **state UNUSED)
{
        AUTO_JSON json_t *all =
                action_patch(&(struct action){.kind = ACTION_RESUME}, (struct wall){1});
        AUTO_JSON json_t *one = action_patch(
                &(struct action){.kind = ACTION_RESUME, .node_field_selector = "name=x"},
                (struct wall){1});
        assert_true(json_is_null(json_at(all, "spec", "suspend")));
        assert_null(json_object_get(one, "spec"));
}

static void garbage_is_refused_with_words(void **state UNUSED)
{
        static const char *const rows[] = {
                "", "{", "[]", "{}", "{\"action\":\"explode\"}", "{\"action\":7}"};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct action a;
                struct err e = {0};
                json_t *keep = NULL;
                assert_int_equal(action_read(&a, &keep, rows[i], &e), -1);
                assert_non_null(strstr(err_msg(&e), "action"));
                err_clear(&e);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_actions_are_argos_edits),
                cmocka_unit_test(node_actions_survive_the_way_through_an_annotation),
                cmocka_unit_test(resume_lifts_the_suspension_only_without_a_selector),
                cmocka_unit_test(garbage_is_refused_with_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
