/* tests/unit/sensor/test_core.c: decisions. The recorded sequences of Argo Events run in
 * tests/conformance/events; here are the rules that are ours, and those worth a name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sensor/sensor_fixture.h"
#include "tests/unit/unit.h"

static const char two_of_two[] =
        "metadata: {name: s}\n"
        "spec:\n"
        "  dependencies:\n"
        "  - {name: a, eventSourceName: web, eventName: up, filters: {data: [{path: body.n, type: "
        "number, comparator: '>', value: ['5']}]}}\n"
        "  - {name: b, eventSourceName: web, eventName: down}\n"
        "  triggers:\n"
        "  - template: {name: both, conditions: a && b, log: {}}\n"
        "  - template: {name: any, conditions: a || b, log: {}}\n";

struct stage {
        struct sensor_spec *spec;
        struct sensor_core *core;
        struct core_output out;
};

static void stage_init(struct stage *s, const char *yaml)
{
        s->spec = spec_of(yaml);
        s->core = sensor_core_new(s->spec);
        core_output_init(&s->out, s->core);
}

static void stage_deinit(struct stage *s)
{
        core_output_deinit(&s->out, s->core);
        sensor_core_free(s->core);
        sensor_spec_unref(s->spec);
}

static void feed(struct stage *s, const char *name, const char *id, const char *data)
{
        struct sensor_event *ev = event_of("web", name, id, data);
        core_output_reset(&s->out, s->core);
        sensor_core_event(s->core, ev, &s->out);
        sensor_event_unref(ev);
}

static void filtered_event_neither_fires_nor_is_held(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, two_of_two);
        feed(&s, "up", "1", "{\"body\":{\"n\":5}}");
        assert_int_equal(s.out.verdicts[0], DEP_REJECT);
        assert_string_equal(s.out.why[0], "data body.n: value is not > 5");
        assert_int_equal(s.out.n_firings, 0);
        assert_int_equal(s.out.n_holds, 0);
        stage_deinit(&s);
}

static void filter_error_rejects_with_its_words(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, two_of_two);
        feed(&s, "up", "1", "{\"body\":{}}");
        assert_int_equal(s.out.verdicts[0], DEP_ERROR);
        assert_string_equal(s.out.why[0], "data body.n: the payload has nothing at this path");
        stage_deinit(&s);
}

static void condition_with_and_waits_and_then_takes_all(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, two_of_two);
        feed(&s, "up", "1", "{\"body\":{\"n\":6}}");
        assert_int_equal(s.out.n_firings, 1); /* any */
        assert_int_equal(s.out.n_holds, 1);
        assert_non_null(sensor_core_held(s.core, 0, 0));
        feed(&s, "down", "2", "{}");
        assert_int_equal(s.out.n_firings, 2);
        assert_int_equal(s.out.firings[0].trigger, 0);
        assert_int_equal(s.out.firings[0].n, 2);
        assert_null(sensor_core_held(s.core, 0, 0));
        stage_deinit(&s);
}

static void same_id_within_a_minute_is_a_duplicate(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, two_of_two);
        feed(&s, "down", "1", "{}");
        assert_int_equal(s.out.n_firings, 1);
        feed(&s, "down", "1", "{}");
        assert_true(s.out.duplicate);
        assert_int_equal(s.out.n_firings, 0);
        stage_deinit(&s);
}

static void restored_events_count_like_new_ones(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, two_of_two);
        struct sensor_event *held = event_of("web", "up", "1", "{\"body\":{\"n\":6}}");
        sensor_core_restore(s.core, "both", "a", held);
        sensor_core_restore(s.core, "gone", "a", held); /* a trigger that is no more */
        sensor_event_unref(held);
        feed(&s, "down", "2", "{}");
        assert_int_equal(s.out.firings[0].n, 2);
        stage_deinit(&s);
}

static void problems_of_a_sensor_come_all_at_once(void **state UNUSED)
{
        static const char yaml[] =
                "metadata: {name: s}\n"
                "spec:\n"
                "  dependencies:\n"
                "  - {name: a, eventSourceName: web}\n"
                "  - {name: a, eventSourceName: web, eventName: x, transform: {jq: '.a |'}}\n"
                "  triggers:\n"
                "  - template: {name: t, conditions: a && q, slack: {}}\n"
                "  - template: {name: t, log: {}, conditionsReset: []}\n"
                "    parameters: [{src: {dependencyName: a}, operation: zz}]\n"
                "  - template: {name: h, http: {url: 'http://h'}}\n"
                "    parameters: [{src: {dependencyName: a}, operation: ''}]\n"
                "    policy: {status: {}}\n";
        static const struct {
                const char *path, *part;
        } want[] = {{"spec.dependencies[0].eventName", ""},
                    {"spec.dependencies[1].transform.jq", "offset 4: "},
                    {"spec.dependencies[1].name", "exists already"},
                    {"spec.triggers[0].template.slack", "not supported yet: trigger type slack"},
                    {"spec.triggers[0].template.conditions", "no dependency is named \"q\""},
                    {"spec.triggers[1].template.name", "exists already"},
                    {"spec.triggers[1].parameters[0].operation", "zz"},
                    {"spec.triggers[2].parameters[0].dest", "a parameter needs dest"},
                    {"spec.triggers[2].policy.status.allow", "status codes"}};
        AUTO_JSON json_t *object = NULL;
        AUTO_DIAGS struct diags d;
        ERR_SLOT(e);
        diags_init(&d);
        struct sensor_spec *spec = NULL;
        assert_int_equal(yaml_parse_one(&object, yaml, strlen(yaml), &e), 0);
        assert_int_equal(sensor_spec_new(&spec, object, false, &d), -1);
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                bool found = false;
                for (size_t k = 0; k < d.n; k++)
                        found |= streq(d.items[k].path, want[i].path) &&
                                 strstr(d.items[k].msg, want[i].part);
                if (!found) {
                        for (size_t k = 0; k < d.n; k++)
                                print_message("have %s: %s\n", d.items[k].path, d.items[k].msg);
                        fail_msg("missing %s: %s", want[i].path, want[i].part);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(filtered_event_neither_fires_nor_is_held),
                cmocka_unit_test(filter_error_rejects_with_its_words),
                cmocka_unit_test(condition_with_and_waits_and_then_takes_all),
                cmocka_unit_test(same_id_within_a_minute_is_a_duplicate),
                cmocka_unit_test(restored_events_count_like_new_ones),
                cmocka_unit_test(problems_of_a_sensor_come_all_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
