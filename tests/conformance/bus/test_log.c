/* tests/conformance/bus/test_log.c: appending, recognising, looking at what is stored, state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/bus/bench.h"
#include "tests/conformance/bus/tests.h"

#define BENCH(o)                             \
        struct bench b = {.driver = *state}; \
        bench_open(&b, (o))

static void test_positions_grow_by_one_in_the_order_of_appends(void **state)
{
        BENCH(NULL);
        struct stored s[3] = {0};
        for (size_t i = 0; i < 3; i++) {
                struct bus_msg *m = message(&b, "es.ev", "id", "{}");
                bus_append(b.bus, m, on_stored, &s[i]);
                bus_msg_unref(m);
        }
        bench_until(&b, &s[2].done);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(s[i].code, ERR_NONE);
                assert_int_equal(s[i].outcome, BUS_STORED);
                assert_int_equal(s[i].pos, i + 1);
        }
        assert_int_equal(append(&b, "es.ev", "next", "{}").pos, 4);
        bench_close(&b);
}

static void test_more_than_max_queue_is_refused_and_can_be_tried_again(void **state)
{
        BENCH((&(struct bus_options){.max_queue = 2}));
        struct stored s[4] = {0};
        for (size_t i = 0; i < 4; i++) {
                struct bus_msg *m = message(&b, "es.ev", "id", "{}");
                bus_append(b.bus, m, on_stored, &s[i]);
                bus_msg_unref(m);
        }
        assert_int_equal(bus_queue_length(b.bus), 2);
        for (size_t i = 0; i < 4; i++)
                bench_until(&b, &s[i].done);
        assert_int_equal(s[1].code, ERR_NONE);
        assert_int_equal(s[2].code, ERR_UNAVAILABLE);
        assert_int_equal(s[3].code, ERR_UNAVAILABLE);
        assert_int_equal(append(&b, "es.ev", "id", "{}").pos, 3);
        bench_close(&b);
}

static void test_bytes_count_as_well_but_a_lone_event_is_taken(void **state)
{
        BENCH((&(struct bus_options){.max_queue_bytes = 10}));
        static const char *const data[] = {"much longer than that", "x", "much longer than that"};
        static const enum err_code expected[] = {ERR_NONE, ERR_UNAVAILABLE, ERR_UNAVAILABLE};
        struct stored s[3] = {0};
        for (size_t i = 0; i < 3; i++) {
                struct bus_msg *m = message(&b, "es.ev", "id", data[i]);
                bus_append(b.bus, m, on_stored, &s[i]);
                bus_msg_unref(m);
        }
        for (size_t i = 0; i < 3; i++) {
                bench_until(&b, &s[i].done);
                assert_int_equal(s[i].code, expected[i]);
        }
        assert_int_equal(append(&b, "es.ev", "id", data[2]).pos, 2);
        bench_close(&b);
}

static void test_a_redelivery_is_recognised_within_the_window(void **state)
{
        BENCH((&(struct bus_options){.dedup_window_ms = 1000}));
        struct stored first = append_dedup(&b, "es.a", "d1", "{\"x\":1}");
        struct stored again = append_dedup(&b, "es.a", "d1", "{\"x\":1}");
        assert_int_equal(again.code, ERR_NONE);
        assert_int_equal(again.outcome, BUS_DUPLICATE);
        assert_int_equal(again.pos, first.pos);
        assert_int_equal(append_dedup(&b, "es.b", "d1", "{\"x\":1}").outcome, BUS_STORED);
        assert_int_equal(append_dedup(&b, "es.a", "d2", "{\"x\":1}").outcome, BUS_STORED);
        assert_int_equal(append(&b, "es.a", "d1", "{\"x\":1}").outcome,
                         BUS_STORED); /* not asked for */
        fake_clock_advance(&b.clock, 1001 * INT64_C(1000000));
        struct stored late = append_dedup(&b, "es.a", "d1", "{\"x\":1}");
        assert_int_equal(late.outcome, BUS_STORED);
        assert_int_equal(append_dedup(&b, "es.a", "d1", "{\"x\":1}").pos, late.pos);
        bench_close(&b);
}

static void test_redeliveries_in_one_turn_are_recognised(void **state)
{
        BENCH(NULL);
        struct stored s[2] = {0};
        for (size_t i = 0; i < 2; i++) {
                struct bus_msg *m = message(&b, "es.a", "d1", "{}");
                m->dedup = true;
                bus_append(b.bus, m, on_stored, &s[i]);
                bus_msg_unref(m);
        }
        bench_until(&b, &s[1].done);
        assert_int_equal(s[0].outcome, BUS_STORED);
        assert_int_equal(s[1].outcome, BUS_DUPLICATE);
        bench_close(&b);
}

static void test_the_same_id_with_other_content_is_a_recorded_conflict(void **state)
{
        BENCH(NULL);
        struct stored first = append_dedup(&b, "es.a", "d1", "{\"x\":1}");
        struct stored other = append_dedup(&b, "es.a", "d1", "{\"x\":2}");
        assert_int_equal(other.code, ERR_NONE);
        assert_int_equal(other.outcome, BUS_CONFLICT);
        assert_int_equal(other.pos, first.pos);
        AUTO(mem_free) char *records = state_text(&b, "conflict/es.a", "");
        assert_non_null(strstr(records, "d1"));
        assert_non_null(strstr(records, "x"));
        bench_close(&b);
}

static void test_the_fingerprint_decides_what_the_same_content_is(void **state)
{
        BENCH(NULL);
        static const struct {
                const char *data;
                uint64_t fingerprint;
                enum bus_outcome expected;
        } rows[] = {{"{\"time\":1}", 7, BUS_STORED},
                    {"{\"time\":2}", 7, BUS_DUPLICATE},
                    {"{\"time\":1}", 8, BUS_CONFLICT}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct stored s = {0};
                struct bus_msg *m = message(&b, "es.a", "d1", rows[i].data);
                m->dedup = true;
                m->fingerprint = rows[i].fingerprint;
                bus_append(b.bus, m, on_stored, &s);
                bus_msg_unref(m);
                bench_until(&b, &s.done);
                assert_int_equal(s.outcome, rows[i].expected);
        }
        bench_close(&b);
}

static void test_closing_answers_what_is_outstanding(void **state)
{
        BENCH(NULL);
        struct stored s = {0};
        struct done put = {0};
        struct bus_msg *m = message(&b, "es.a", "1", "{}");
        bus_append(b.bus, m, on_stored, &s);
        bus_msg_unref(m);
        bus_put_state(b.bus, &(struct bus_put){"s", "k", "v", 1}, 1, on_done, &put);
        b.bus = bus_close(b.bus);
        assert_true(s.done && put.done);
        bench_close(&b);
}

/* ---- looking ---- */

static bool add_id(void *arg, const struct bus_msg *m)
{
        struct buf *text = arg;
        buf_addf(text, "%s%s", text->len ? " " : "", m->id);
        return text->len < 10; /* enough */
}

static void test_messages_come_newest_first(void **state)
{
        static const struct {
                struct bus_query q;
                const char *expected;
        } rows[] = {
                {{0}, "f e d c b a"},
                {{.limit = 2}, "f e"},
                {{.before_pos = 4}, "c b a"},
                {{.subject_prefix = "es.x"}, "e c a"},
                {{.subject_prefix = "es."}, "f e d c b a"},
                {{.subject_prefix = "e_"}, ""},
                {{.subject_prefix = "es.x", .before_pos = 5, .limit = 1}, "c"},
        };
        BENCH(NULL);
        for (char id[2] = "a"; id[0] <= 'f'; id[0]++)
                append(&b, (id[0] - 'a') % 2 ? "es.y" : "es.x", id, "{}");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf text = BUF_INIT(1000);
                struct err e = {0};
                assert_int_equal(bus_messages(b.bus, &rows[i].q, add_id, &text, &e), 0);
                assert_string_equal(buf_str(&text), rows[i].expected);
        }
        bench_close(&b);
}

static void test_a_message_is_found_by_id_or_unique_prefix(void **state)
{
        static const struct {
                const char *id, *expected;
                enum err_code code;
        } rows[] = {
                {"019b76c0a8001234aaaaaaaaaaaaaaaa", "one", ERR_NONE},
                {"019b76c0a8001234b", "two", ERR_NONE},
                {"019b76c0a8001234", NULL, ERR_INVALID},
                {"019b76c0a8", NULL, ERR_INVALID},
                {"delivery-77", "three", ERR_NONE},
                {"delivery", "three", ERR_NONE},
                {"delivery-8", NULL, ERR_NOT_FOUND},
                {"019b76", NULL, ERR_INVALID},
                {"019b7", NULL, ERR_INVALID},
                {"ffffffffffff", NULL, ERR_NOT_FOUND},
        };
        BENCH(NULL);
        b.clock.wall_now.ns = INT64_C(0x019b76c0a800) * NS_PER_MS;
        append(&b, "es.a", "019b76c0a8001234aaaaaaaaaaaaaaaa", "one");
        append(&b, "es.a", "019b76c0a8001234bbbbbbbbbbbbbbbb", "two");
        append_dedup(&b, "es.a", "delivery-77", "three");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct bus_msg *m = NULL;
                struct err e = {0};
                int r = bus_message_by_id(b.bus, rows[i].id, &m, &e);
                if (e.code != rows[i].code || (r == 0 && !streq(m->data, rows[i].expected)))
                        fail_msg("%s: %s", rows[i].id, r < 0 ? err_msg(&e) : m->data);
                bus_msg_unref(m);
                err_clear(&e);
        }
        bench_close(&b);
}

static void test_an_id_is_found_although_the_clock_was_set_back(void **state)
{
        BENCH(NULL);
        int64_t day_ns = INT64_C(86400) * NS_PER_S;
        b.clock.wall_now.ns += 3 * day_ns;
        append(&b, "es.a", "aaaaaaaaaaaaaaaa", "one");
        b.clock.wall_now.ns -= 2 * day_ns;
        char id[40];
        snprintf(id, sizeof(id), "%012llx0000",
                 (unsigned long long)(b.clock.wall_now.ns / NS_PER_MS));
        append(&b, "es.a", id, "two");
        b.clock.wall_now.ns += 4 * day_ns;
        append(&b, "es.a", "bbbbbbbbbbbbbbbb", "three");
        struct bus_msg *m = NULL;
        struct err e = {0};
        assert_int_equal(bus_message_by_id(b.bus, id, &m, &e), 0);
        assert_string_equal(m->data, "two");
        bus_msg_unref(m);
        bench_close(&b);
}

/* ---- state ---- */

static void put(struct bench *b, const struct bus_put *puts, size_t n)
{
        struct done d = {0};
        bus_put_state(b->bus, puts, n, on_done, &d);
        assert_false(d.done);
        bench_until(b, &d.done);
        assert_int_equal(d.code, ERR_NONE);
}

static void test_state_is_put_replaced_and_deleted(void **state)
{
        BENCH(NULL);
        const struct bus_put first[] = {{"s", "b", "2", 1},
                                        {"s", "a", "1", 1},
                                        {"s/x", "a", "other", 5},
                                        {"s", "ab", "", 0}};
        put(&b, first, ARRAY_LEN(first));
        AUTO(mem_free) char *all = state_text(&b, "s", "");
        assert_string_equal(all, "a=1 ab= b=2");
        AUTO(mem_free) char *some = state_text(&b, "s", "a");
        assert_string_equal(some, "a=1 ab=");
        const struct bus_put second[] = {
                {"s", "a", NULL, 0}, {"s", "b", "22", 2}, {"s", "nothing", NULL, 0}};
        put(&b, second, ARRAY_LEN(second));
        AUTO(mem_free) char *rest = state_text(&b, "s", NULL);
        assert_string_equal(rest, "ab= b=22");
        AUTO(mem_free) char *other = state_text(&b, "s/x", "");
        assert_string_equal(other, "a=other");
        bench_close(&b);
}

static void test_state_that_was_submitted_is_read(void **state)
{
        BENCH(NULL);
        struct done d = {0};
        append(&b, "es.a", "1", "{}");
        bus_put_state(b.bus, &(struct bus_put){"s", "k", "v", 1}, 1, on_done, &d);
        if (streq(*state, "embedded")) {
                AUTO(mem_free) char *seen = state_text(&b, "s", "");
                assert_string_equal(seen, "k=v");
        }
        bench_until(&b, &d.done);
        bench_close(&b);
}

static bool add_space(void *arg, const char *space)
{
        struct buf *text = arg;
        buf_addf(text, "%s%s", text->len ? " " : "", space);
        return true;
}

static void test_spaces_are_listed_by_prefix(void **state)
{
        BENCH(NULL);
        const struct bus_put puts[] = {{"dead/a", "1", "", 0},
                                       {"dead/a", "2", "", 0},
                                       {"dead/b", "1", "", 0},
                                       {"deep", "1", "", 0}};
        put(&b, puts, ARRAY_LEN(puts));
        AUTO_BUF struct buf text = BUF_INIT(1000);
        struct err e = {0};
        assert_int_equal(bus_spaces_each(b.bus, "dead/", add_space, &text, &e), 0);
        assert_string_equal(buf_str(&text), "dead/a dead/b");
        bench_close(&b);
}

const struct CMUnitTest log_tests[] = {
        cmocka_unit_test(test_positions_grow_by_one_in_the_order_of_appends),
        cmocka_unit_test(test_more_than_max_queue_is_refused_and_can_be_tried_again),
        cmocka_unit_test(test_bytes_count_as_well_but_a_lone_event_is_taken),
        cmocka_unit_test(test_a_redelivery_is_recognised_within_the_window),
        cmocka_unit_test(test_redeliveries_in_one_turn_are_recognised),
        cmocka_unit_test(test_the_same_id_with_other_content_is_a_recorded_conflict),
        cmocka_unit_test(test_the_fingerprint_decides_what_the_same_content_is),
        cmocka_unit_test(test_closing_answers_what_is_outstanding),
        cmocka_unit_test(test_messages_come_newest_first),
        cmocka_unit_test(test_a_message_is_found_by_id_or_unique_prefix),
        cmocka_unit_test(test_an_id_is_found_although_the_clock_was_set_back),
        cmocka_unit_test(test_state_is_put_replaced_and_deleted),
        cmocka_unit_test(test_state_that_was_submitted_is_read),
        cmocka_unit_test(test_spaces_are_listed_by_prefix),
};
const size_t n_log_tests = ARRAY_LEN(log_tests);
