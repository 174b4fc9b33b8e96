/* tests/unit/sensor/test_scripts.c: transforms, script and time filters, conditionsReset: what a
 * sensor decides with them. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sensor/sensor_fixture.h"
#include "tests/unit/unit.h"

struct stage {
        struct sensor_spec *spec;
        struct sensor_core *core;
        struct core_output out;
};

/* A sensor with one dependency with these fields, and one trigger on it. */
static void stage_init(struct stage *s, const char *fields)
{
        AUTO(mem_free)
        char *yaml = mem_printf("metadata: {name: s}\n"
                                "spec:\n"
                                "  dependencies:\n"
                                "  - {name: a, eventSourceName: web, eventName: up, %s}\n"
                                "  triggers:\n"
                                "  - template: {name: t, log: {}}\n",
                                fields);
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

static void feed(struct stage *s, const char *id, const char *data)
{
        struct sensor_event *ev = event_of("web", "up", id, data);
        core_output_reset(&s->out, s->core);
        sensor_core_event(s->core, ev, &s->out);
        sensor_event_unref(ev);
}

static void assert_data(const struct stage *s, const char *want)
{
        assert_int_equal(s->out.n_firings, 1);
        struct str data = s->out.firings[0].held[0].event->ce.data;
        if (!str_eq(data, want))
                fail_msg("%.*s is not %s", (int)data.n, data.p, want);
}

static void a_transform_makes_the_payload_that_triggers_see(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, "transform: {script: 'event.sum = event.a + event.b return event'}");
        assert_true(sensor_judge_is_slow(s.spec));
        feed(&s, "1", "{\"b\":2,\"a\":1}");
        assert_data(&s, "{\"a\":1,\"b\":2,\"sum\":3}");
        assert_string_equal(s.out.firings[0].held[0].event->ce.id, "1");
        stage_deinit(&s);
}

static void jq_makes_the_payload_of_its_first_output(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, "transform: {jq: '{sum: (.a + .b), all: .}, {}', script: 'never run ('}");
        assert_true(sensor_judge_is_slow(s.spec));
        feed(&s, "1", "{\"b\":2,\"a\":12345678901234567890}");
        assert_data(&s,
                    "{\"all\":{\"a\":12345678901234567000,\"b\":2},\"sum\":12345678901234567000}");
        stage_deinit(&s);
}

static void a_jq_transform_that_fails_says_why(void **state UNUSED)
{
        static const struct {
                const char *program, *data, *why;
        } rows[] = {
                {".a", "{\"a\":5}", "transform: the jq program's first output must be an object"},
                {"empty", "{}", "no output"},
                {"error(.a)", "{\"a\":\"b\"}", "transform: jq: error: b"},
                {"{a: nan}", "{}", "NaN"},
                {"repeat(.) | empty", "{}", "transform: jq: "},
                {".", "[1]", "the payload is a list"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct stage s;
                AUTO(mem_free) char *fields = mem_printf("transform: {jq: '%s'}", rows[i].program);
                stage_init(&s, fields);
                feed(&s, "1", rows[i].data);
                assert_int_equal(s.out.verdicts[0], DEP_ERROR);
                if (!strstr(s.out.why[0], rows[i].why))
                        fail_msg("%s: %s", rows[i].program, s.out.why[0]);
                stage_deinit(&s);
        }
}

static void filters_see_what_the_transform_made(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, "transform: {script: 'return {len = #event.list}'}, filters: {data: [{path: "
                       "len, type: number, comparator: '>', value: ['2']}]}");
        feed(&s, "1", "{\"list\":[1,2]}");
        assert_int_equal(s.out.verdicts[0], DEP_REJECT);
        feed(&s, "2", "{\"list\":[1,2,3]}");
        assert_data(&s, "{\"len\":3}");
        stage_deinit(&s);
}

static void a_transform_that_fails_says_why(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, "transform: {script: 'return event.a + 1'}");
        feed(&s, "1", "{\"a\":{}}");
        assert_int_equal(s.out.verdicts[0], DEP_ERROR);
        assert_non_null(strstr(s.out.why[0], "transform: script: <string>:1:"));
        feed(&s, "2", "{\"a\":1}");
        assert_non_null(strstr(s.out.why[0], "must return a table"));
        feed(&s, "3", "[1]");
        assert_non_null(strstr(s.out.why[0], "the payload is a list"));
        assert_int_equal(s.out.n_firings, 0);
        stage_deinit(&s);
}

static void a_script_filter_must_return_true(void **state UNUSED)
{
        struct stage s;
        stage_init(&s, "filters: {script: 'if event.n == nil then error(\"no n\") end return "
                       "event.n > 5'}");
        feed(&s, "1", "{\"n\":6}");
        assert_int_equal(s.out.verdicts[0], DEP_PASS);
        feed(&s, "2", "{\"n\":5}");
        assert_int_equal(s.out.verdicts[0], DEP_REJECT);
        assert_string_equal(s.out.why[0], "script: did not return true");
        feed(&s, "3", "{}");
        assert_int_equal(s.out.verdicts[0], DEP_ERROR);
        assert_non_null(strstr(s.out.why[0], "no n"));
        stage_deinit(&s);
}

/* Events of the fixture are of 2023-11-14T22:13:20Z. */
static void a_time_filter_takes_its_part_of_the_day(void **state UNUSED)
{
        static const struct {
                const char *fields;
                enum dep_verdict want;
        } rows[] = {
                {"start: '22:13:20', stop: '22:13:21'", DEP_PASS},
                {"start: '22:00:00', stop: '22:13:20'", DEP_REJECT},
                {"start: '23:00:00', stop: '22:13:21'", DEP_PASS}, /* over midnight */
                {"start: '23:00:00', stop: '23:30:00', timezone: Europe/Berlin", DEP_PASS},
                {"start: '23:00:00', stop: '23:30:00'", DEP_REJECT},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct stage s;
                AUTO(mem_free)
                char *fields = mem_printf("filters: {time: {%s}}", rows[i].fields);
                stage_init(&s, fields);
                feed(&s, "1", "{}");
                if (s.out.verdicts[0] != rows[i].want)
                        fail_msg("%s: %s", fields, s.out.why[0] ? s.out.why[0] : "passed");
                stage_deinit(&s);
        }
}

static void a_reset_forgets_what_came_before_it(void **state UNUSED)
{
        struct sensor_spec *spec = spec_of(
                "metadata: {name: s}\n"
                "spec:\n"
                "  dependencies:\n"
                "  - {name: a, eventSourceName: web, eventName: up}\n"
                "  - {name: b, eventSourceName: web, eventName: down}\n"
                "  triggers:\n"
                "  - template: {name: t, conditions: a && b, log: {}, conditionsReset: [{byTime: "
                "{cron: '0 0 * * *', timezone: Asia/Tokyo}}]}\n");
        struct sensor_core *core = sensor_core_new(spec);
        struct core_output out;
        core_output_init(&out, core);
        assert_int_equal(sensor_trigger(spec, 0)->n_resets, 1);
        struct sensor_event *ev = event_of("web", "up", "1", "{}");
        sensor_core_event(core, ev, &out);
        core_output_reset(&out, core);
        sensor_core_forget_before(core, 0, ev->msg->time, &out);
        assert_int_equal(out.n_holds, 0);
        sensor_core_forget_before(core, 0, (struct wall){ev->msg->time.ns + 1}, &out);
        assert_int_equal(out.n_holds, 1);
        assert_null(sensor_core_held(core, 0, 0));
        sensor_event_unref(ev);
        core_output_deinit(&out, core);
        sensor_core_free(core);
        sensor_spec_unref(spec);
}

static void a_dlq_trigger_has_a_queue_and_no_events_of_its_own(void **state UNUSED)
{
        struct sensor_spec *spec = spec_of("metadata: {name: s}\n"
                                           "spec:\n"
                                           "  dependencies:\n"
                                           "  - {name: a, eventSourceName: web, eventName: up}\n"
                                           "  triggers:\n"
                                           "  - template: {name: t, log: {}}\n"
                                           "    dlqTrigger: {template: {name: t, log: {}}}\n"
                                           "  - template: {name: u, log: {}}\n");
        assert_int_equal(spec->triggers.n, 2);
        assert_int_equal(spec->n_all, 3);
        assert_int_equal(sensor_trigger(spec, 0)->dlq_index, 2);
        assert_string_equal(sensor_trigger(spec, 2)->key, "t/dlq");
        sensor_spec_unref(spec);
}

static void problems_name_their_place(void **state UNUSED)
{
        static const struct {
                const char *dependency, *trigger, *path, *words;
        } rows[] = {
                {"filters: {script: 'return ('}", "", "spec.dependencies[0].filters.script",
                 "<string>:1:"},
                {"transform: {script: 'x = = 1'}", "", "spec.dependencies[0].transform.script",
                 "<string>:1:"},
                {"filters: {context: {type: ''}}", "", "spec.dependencies[0].filters.context",
                 "type, subject"},
                {"filters: {data: [{path: a, type: string, value: [b, '']}]}", "",
                 "spec.dependencies[0].filters.data[0].value[1]", "empty"},
                {"transform: {jq: '.a | nope'}", "", "spec.dependencies[0].transform.jq",
                 "function not defined: nope/0"},
                {"filters: {time: {start: '25:00:00', stop: '10:00:00'}}", "",
                 "spec.dependencies[0].filters.time.start", "HH:MM:SS"},
                {"filters: {time: {start: '10:00:00', stop: '10:00:00'}}", "",
                 "spec.dependencies[0].filters.time.stop", "differ"},
                {"filters: {time: {start: '1:00:00', stop: '2:00:00', timezone: Mars}}", "",
                 "spec.dependencies[0].filters.time.timezone", "Mars"},
                {"", "conditionsReset: [{byTime: {cron: '@daily'}}]",
                 "spec.triggers[0].template.conditionsReset[0].byTime.cron", "five fields"},
                {"", "conditionsReset: [{}]", "spec.triggers[0].template.conditionsReset[0].byTime",
                 "byTime"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *object = NULL;
                AUTO_DIAGS struct diags d;
                ERR_SLOT(e);
                diags_init(&d);
                struct sensor_spec *spec = NULL;
                AUTO(mem_free)
                char *yaml = mem_printf(
                        "metadata: {name: s}\nspec:\n  dependencies:\n  - {name: a, "
                        "eventSourceName: web, eventName: up, %s}\n  triggers:\n  - template: "
                        "{name: t, log: {}, %s}\n",
                        rows[i].dependency, rows[i].trigger);
                assert_int_equal(yaml_parse_one(&object, yaml, strlen(yaml), &e), 0);
                assert_int_equal(sensor_spec_new(&spec, object, false, &d), -1);
                if (!streq(d.items[0].path, rows[i].path) || !strstr(d.items[0].msg, rows[i].words))
                        fail_msg("%s: %s", d.items[0].path, d.items[0].msg);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_transform_makes_the_payload_that_triggers_see),
                cmocka_unit_test(jq_makes_the_payload_of_its_first_output),
                cmocka_unit_test(a_jq_transform_that_fails_says_why),
                cmocka_unit_test(filters_see_what_the_transform_made),
                cmocka_unit_test(a_transform_that_fails_says_why),
                cmocka_unit_test(a_script_filter_must_return_true),
                cmocka_unit_test(a_time_filter_takes_its_part_of_the_day),
                cmocka_unit_test(a_reset_forgets_what_came_before_it),
                cmocka_unit_test(a_dlq_trigger_has_a_queue_and_no_events_of_its_own),
                cmocka_unit_test(problems_name_their_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
