/* tests/unit/workflow_effect/test_resource_template.c: conditions of resources, kubectl's flags,
 * output parameters. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "workflow/effect/effect_priv.h"

static const char job[] =
        "{\"metadata\": {\"name\": \"j\"}, \"status\": {\"phase\": \"Running\", \"succeeded\": 3, "
        "\"ready\": true, \"conditions\": [{\"type\": \"A\", \"status\": \"True\"}, {\"type\": "
        "\"B\", \"status\": \"False\"}]}}";

static json_t *parse(const char *text)
{
        json_t *j = json_loads(text, 0, NULL);
        assert_non_null(j);
        return j;
}

static void a_condition_is_a_label_selector_over_paths(void **state UNUSED)
{
        static const struct {
                const char *success, *failure;
                enum condition want;
        } rows[] = {
                {"status.phase == Running", NULL, CONDITION_MET},
                {"status.phase = Done", NULL, CONDITION_WAIT},
                {"status.phase in (Done, Running)", NULL, CONDITION_MET},
                {"status.phase notin (Done, Running)", NULL, CONDITION_WAIT},
                {"status.phase != Done", NULL, CONDITION_MET},
                {"status.nothing != Done", NULL, CONDITION_MET},
                {"status.succeeded > 2", NULL, CONDITION_MET},
                {"status.succeeded > 3", NULL, CONDITION_WAIT},
                {"status.succeeded < 4", NULL, CONDITION_MET},
                {"status.nothing > 0", NULL, CONDITION_WAIT},
                {"status.ready == true", NULL, CONDITION_MET},
                {"status.ready", NULL, CONDITION_MET},
                {"!status.nothing", NULL, CONDITION_MET},
                {"status.conditions.1.status == False", NULL, CONDITION_MET},
                {"status.phase == Running, status.succeeded > 5", NULL, CONDITION_WAIT},
                {NULL, "status.phase == Failed", CONDITION_MET},
                {NULL, "status.phase == Running", CONDITION_FAILED},
                {"status.phase == Running", "status.succeeded > 1", CONDITION_FAILED},
                {"status.phase == Done", "status.phase == Broken, status.succeeded > 1",
                 CONDITION_FAILED},
        };
        AUTO_JSON json_t *object = parse(job);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                AUTO(conditions_free) struct conditions *c = NULL;
                assert_int_equal(conditions_new(&c, rows[i].success, rows[i].failure, &e), 0);
                enum condition got = conditions_check(c, object, &e);
                if (got != rows[i].want)
                        fail_msg("%s / %s: %d", rows[i].success, rows[i].failure, got);
                assert_int_equal(err_is_set(&e), got == CONDITION_FAILED);
                err_clear(&e);
        }
}

static void what_is_no_condition_is_refused_with_its_text(void **state UNUSED)
{
        struct err e = {0};
        struct conditions *c = NULL;
        assert_int_equal(conditions_new(&c, "status.phase ==== x", NULL, &e), -1);
        assert_non_null(strstr(err_msg(&e), "resource.successCondition: \"status.phase ==== x\""));
        err_clear(&e);
}

static void flags_name_the_object_and_the_rest_is_known_or_refused(void **state UNUSED)
{
        static const struct {
                const char *flags, *kind, *name, *ns, *refused;
        } rows[] = {
                {"[]", NULL, NULL, NULL, NULL},
                {"[\"cm/a\"]", "cm", "a", NULL, NULL},
                {"[\"cm\", \"a\"]", "cm", "a", NULL, NULL},
                {"[\"cm/a\", \"-n\", \"other\"]", "cm", "a", "other", NULL},
                {"[\"--namespace=other\", \"--validate=false\"]", NULL, NULL, "other", NULL},
                {"[\"--wait\", \"\", \"cm\"]", "cm", NULL, NULL, NULL},
                {"[\"--server-side\"]", NULL, NULL, NULL,
                 "not supported yet: resource.flags --server-side"},
                {"[\"cm\", \"a\", \"b\"]", NULL, NULL, NULL, "one object is expected"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct resource_flags f = {0};
                struct err e = {0};
                AUTO_JSON json_t *flags = parse(rows[i].flags);
                int rc = resource_flags_read(&f, flags, &e);
                assert_int_equal(rc, rows[i].refused ? -1 : 0);
                if (rows[i].refused) {
                        assert_non_null(strstr(err_msg(&e), rows[i].refused));
                } else {
                        assert_true(streq(f.kind, rows[i].kind));
                        assert_true(streq(f.name, rows[i].name));
                        assert_true(streq(f.ns, rows[i].ns));
                }
                err_clear(&e);
                resource_flags_deinit(&f);
        }
}

static void output_parameters_come_from_the_object(void **state UNUSED)
{
        AUTO_JSON json_t *object = parse(job), *outputs = NULL;
        AUTO_JSON json_t *template = parse(
                "{\"outputs\": {\"parameters\": ["
                "{\"name\": \"name\", \"valueFrom\": {\"jsonPath\": \"{.metadata.name}\"}},"
                "{\"name\": \"n\", \"valueFrom\": {\"jsonPath\": \"n={.status.succeeded}\"}},"
                "{\"name\": \"all\", \"valueFrom\": {\"jsonPath\": "
                "\"{.status.conditions[*].type}\"}},"
                "{\"name\": \"q\", \"valueFrom\": {\"jqFilter\": "
                "\".status.conditions[].type, .status.succeeded, {a: 1}\"}},"
                "{\"name\": \"none\", \"valueFrom\": {\"jsonPath\": \"{.no.such}\"}},"
                "{\"name\": \"bad\", \"valueFrom\": {\"jsonPath\": \"{.a\", \"default\": \"d\"}}"
                "]}}");
        struct err e = {0};
        assert_int_equal(resource_outputs(&outputs, template, object, &e), 0);
        AUTO(mem_free) char *text = json_text(outputs, JSON_STYLE_COMPACT);
        assert_string_equal(text,
                            "{\"exitCode\":\"0\",\"parameters\":[{\"name\":\"name\","
                            "\"value\":\"j\"},{\"name\":\"n\",\"value\":\"n=3\"},{\"name\":"
                            "\"all\",\"value\":\"A B\"},{\"name\":\"q\",\"value\":"
                            "\"A\\nB\\n3\\n{\\\"a\\\":1}\"},{\"name\":\"none\",\"value\":\"\"},"
                            "{\"name\":\"bad\",\"value\":\"d\"}]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_condition_is_a_label_selector_over_paths),
                cmocka_unit_test(what_is_no_condition_is_refused_with_its_text),
                cmocka_unit_test(flags_name_the_object_and_the_rest_is_known_or_refused),
                cmocka_unit_test(output_parameters_come_from_the_object),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
