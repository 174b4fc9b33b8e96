/* tests/unit/sensor/test_ledger.c: what a sensor writes down can be read back, digits included.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sensor/ledger.h"
#include "tests/unit/sensor/sensor_fixture.h"
#include "tests/unit/unit.h"

static const char yaml[] = "metadata: {name: s, namespace: n, uid: u-1}\n"
                           "spec:\n"
                           "  dependencies:\n"
                           "  - {name: a, eventSourceName: web, eventName: up}\n"
                           "  - {name: b, eventSourceName: web, eventName: down}\n"
                           "  triggers:\n"
                           "  - template: {name: t, log: {}}\n";

static void firing_id_does_not_depend_on_order(void **state UNUSED)
{
        struct sensor_spec *spec = spec_of(yaml);
        struct sensor_event *x = event_of("web", "up", "1", "{}"),
                            *y = event_of("web", "down", "2", "{}");
        struct core_held one[] = {{0, x}, {1, y}}, two[] = {{1, y}, {0, x}},
                         other[] = {{0, y}, {1, x}};
        char a[FIRING_ID_LEN + 1], b[FIRING_ID_LEN + 1], c[FIRING_ID_LEN + 1], d[FIRING_ID_LEN + 1];
        firing_id_of(a, spec, "t", one, 2);
        firing_id_of(b, spec, "t", two, 2);
        firing_id_of(c, spec, "t", other, 2);
        firing_id_of(d, spec, "t2", one, 2);
        assert_string_equal(a, b);
        assert_string_not_equal(a, c);
        assert_string_not_equal(a, d);
        assert_int_equal(strlen(a), FIRING_ID_LEN);
        sensor_event_unref(x);
        sensor_event_unref(y);
        sensor_spec_unref(spec);
}

static void intent_reads_back_with_every_digit(void **state UNUSED)
{
        struct sensor_spec *spec = spec_of(yaml);
        static const char data[] =
                "{\"big\":12345678901234567890,\"f\":1.50,\"t\":\"\\u00e9 \\\"q\\\"\"}";
        struct sensor_event *x = event_of("web", "up", "1", data),
                            *y = event_of("web", "down", "2", "[]");
        x->msg->pos = 77;
        struct core_held held[] = {{0, x}, {1, y}};
        struct wall created = {INT64_C(1700000000123456789)};
        AUTO(mem_free) char *text = ledger_firing_text(spec, "t", created, held, 2, true, NULL);
        struct ledger_firing f;
        ERR_SLOT(e);
        assert_int_equal(ledger_read_firing(&f, text, strlen(text), &e), 0);
        assert_string_equal(f.trigger, "t");
        assert_int_equal(f.created.ns, created.ns);
        assert_int_equal(f.n, 2);
        assert_string_equal(f.events[0].dependency, "a");
        assert_int_equal(f.events[0].event->msg->pos, 77);
        assert_int_equal(f.events[0].event->ce.data.n, strlen(data));
        assert_memory_equal(f.events[0].event->ce.data.p, data, strlen(data));
        assert_string_equal(f.events[1].event->ce.id, "2");
        ledger_firing_deinit(&f);
        sensor_event_unref(x);
        sensor_event_unref(y);
        sensor_spec_unref(spec);
}

static void broken_records_are_errors_not_crashes(void **state UNUSED)
{
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"trigger\":\"t\",\"events\":[{\"dependency\":\"a\"}]}",
                "{\"trigger\":\"t\",\"events\":[{\"dependency\":\"a\",\"stored\":{\"event\":{}}}]"
                "}"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct ledger_firing f = {0};
                ERR_SLOT(e);
                assert_int_equal(ledger_read_firing(&f, texts[i], strlen(texts[i]), &e), -1);
                assert_true(err_is_set(&e));
                err_clear(&e);
        }
}

static void outcome_keeps_ids_and_reason(void **state UNUSED)
{
        struct sensor_spec *spec = spec_of(yaml);
        struct sensor_event *x = event_of("web", "up", "1", "{}");
        struct core_held held[] = {{0, x}};
        ERR_SLOT(why);
        err_set(&why, ERR_DENIED, "workflows is forbidden");
        struct ledger_outcome o = {3, {0}, {0}, NULL, &why};
        AUTO(mem_free)
        char *text = ledger_firing_text(spec, "t", (struct wall){0}, held, 1, false, &o);
        AUTO_JSON json_t *j = json_loads(text, 0, NULL);
        assert_non_null(j);
        assert_string_equal(json_str(j, "outcome"), "dead-letter");
        assert_string_equal(json_str(j, "error"), "workflows is forbidden");
        assert_int_equal(json_integer_value(json_object_get(j, "attempts")), 3);
        assert_string_equal(json_string_value(json_object_get(
                                    json_array_get(json_object_get(j, "events"), 0), "id")),
                            "1");
        err_clear(&why);
        sensor_event_unref(x);
        sensor_spec_unref(spec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(firing_id_does_not_depend_on_order),
                cmocka_unit_test(intent_reads_back_with_every_digit),
                cmocka_unit_test(broken_records_are_errors_not_crashes),
                cmocka_unit_test(outcome_keeps_ids_and_reason),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
