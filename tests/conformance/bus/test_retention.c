/* tests/conformance/bus/test_retention.c: what is removed, and what never is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/bus/bench.h"
#include "tests/conformance/bus/tests.h"

#define BENCH(o)                             \
        struct bench b = {.driver = *state}; \
        bench_open(&b, (o))
enum { MINUTE_MS = 60000 };

static bool count(void *arg, const struct bus_msg *m UNUSED)
{
        (*(size_t *)arg)++;
        return true;
}

static size_t stored_messages(struct bench *b)
{
        size_t n = 0;
        struct err e = {0};
        assert_int_equal(bus_messages(b->bus, &(struct bus_query){.limit = 100000}, count, &n, &e),
                         0);
        return n;
}

static void test_old_events_go_when_everybody_has_read_them(void **state)
{
        BENCH((&(struct bus_options){.retain_ms = 10 * MINUTE_MS}));
        struct reader r = {.commit = true};
        append_many(&b, "s", 50, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        bench_advance_ms(&b, 5 * MINUTE_MS);
        append(&b, "s", "young", "{}");
        bench_quiet(&b);
        assert_int_equal(stored_messages(&b), 51);
        bench_advance_ms(&b, 6 * MINUTE_MS);
        assert_int_equal(stored_messages(&b), 1);
        reader_close(&r);
        bench_close(&b);
}

static void test_the_newest_event_stays_and_positions_go_on(void **state)
{
        BENCH((&(struct bus_options){.retain_ms = 1000}));
        append_many(&b, "s", 5, 10);
        bench_advance_ms(&b, 2 * MINUTE_MS);
        assert_int_equal(stored_messages(&b), 1);
        assert_int_equal(append(&b, "s", "next", "{}").pos, 6);
        bench_close(&b);
}

static void test_more_bytes_than_allowed_go_from_the_old_end(void **state)
{
        BENCH((&(struct bus_options){.retain_bytes = 1000}));
        append_many(&b, "s", 50, 100);
        bench_advance_ms(&b, MINUTE_MS + 1);
        assert_int_equal(stored_messages(&b), 10);
        bench_close(&b);
}

static void test_an_unread_event_stays_whatever_its_age(void **state)
{
        BENCH((&(struct bus_options){.retain_ms = 1000}));
        struct reader r = {0};
        append_many(&b, "s", 10, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "slow"});
        bench_quiet(&b);
        commit(&b, r.c, 4);
        bench_advance_ms(&b, 10 * MINUTE_MS);
        assert_int_equal(stored_messages(&b), 6);
        reader_close(&r);
        bench_advance_ms(&b, 10 * MINUTE_MS); /* closed is not forgotten */
        assert_int_equal(stored_messages(&b), 6);
        bus_consumer_forget(b.bus, "slow");
        bench_quiet(&b);
        bench_advance_ms(&b, 10 * MINUTE_MS);
        assert_int_equal(stored_messages(&b), 1);
        bench_close(&b);
}

static void test_beyond_four_times_the_bytes_a_loss_is_written_down(void **state)
{
        BENCH((&(struct bus_options){.retain_bytes = 1000}));
        struct reader r = {.commit = true}, late = {0};
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "late", .window = 1});
        bus_consumer_pause(r.c);
        append_many(&b, "s", 35, 100);
        bench_advance_ms(&b, MINUTE_MS + 1);
        assert_int_equal(stored_messages(&b), 35); /* within four times */
        AUTO(mem_free) char *nothing = state_text(&b, "expired/late", "");
        assert_string_equal(nothing, "");
        append_many(&b, "t", 15, 100);
        bench_advance_ms(&b, MINUTE_MS + 1);
        assert_int_equal(stored_messages(&b), 40);
        AUTO(mem_free) char *lost = state_text(&b, "expired/late", "");
        assert_string_not_equal(lost, "");
        reader_close(&r);
        reader_open(&late, &b, &(struct bus_consumer_options){.name = "late"});
        bench_quiet(&b);
        assert_int_equal(late.n, 40);
        reader_close(&late);
        bench_close(&b);
}

static void test_a_consumer_is_held_up_by_its_own_subjects_only(void **state)
{
        if (streq(*state, "memory")) /* holds everything for everyone: it is for tests */
                skip();
        static const char *const subjects[] = {"mine", NULL};
        BENCH((&(struct bus_options){.retain_ms = 1000}));
        struct reader r = {0};
        append(&b, "mine", "1", "{}");
        append_many(&b, "other", 10, 10);
        append(&b, "mine", "2", "{}");
        append_many(&b, "other", 10, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .subjects = subjects});
        bench_quiet(&b);
        commit(&b, r.c, 1);
        reader_close(&r);
        bench_advance_ms(&b, 10 * MINUTE_MS);
        assert_int_equal(stored_messages(&b), 11);
        bench_close(&b);
}

static void test_a_large_clean_up_is_done_in_parts_but_at_once(void **state)
{
        BENCH((&(struct bus_options){.retain_ms = 1000}));
        for (int i = 0; i < 3; i++)
                append_many(&b, "s", 3000, 1);
        bench_advance_ms(&b, MINUTE_MS + 1);
        while (stored_messages(&b) > 1)
                bench_quiet(&b);
        assert_int_equal(append(&b, "s", "next", "{}").pos, 9001);
        bench_close(&b);
}

const struct CMUnitTest retention_tests[] = {
        cmocka_unit_test(test_old_events_go_when_everybody_has_read_them),
        cmocka_unit_test(test_the_newest_event_stays_and_positions_go_on),
        cmocka_unit_test(test_more_bytes_than_allowed_go_from_the_old_end),
        cmocka_unit_test(test_an_unread_event_stays_whatever_its_age),
        cmocka_unit_test(test_beyond_four_times_the_bytes_a_loss_is_written_down),
        cmocka_unit_test(test_a_consumer_is_held_up_by_its_own_subjects_only),
        cmocka_unit_test(test_a_large_clean_up_is_done_in_parts_but_at_once),
};
const size_t n_retention_tests = ARRAY_LEN(retention_tests);
