/* tests/conformance/bus/test_consumers.c: durable consumers: order, windows, positions, commits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/bus/bench.h"
#include "tests/conformance/bus/tests.h"

#define BENCH(o)                             \
        struct bench b = {.driver = *state}; \
        bench_open(&b, (o))

static void test_a_consumer_reads_what_is_there_and_what_comes(void **state)
{
        BENCH(NULL);
        struct reader r = {.commit = true};
        append(&b, "es.a", "1", "{}");
        append(&b, "es.b", "2", "{}");
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        assert_string_equal(buf_str(&r.log), "1 2");
        append(&b, "es.a", "3", "{}");
        bench_quiet(&b);
        assert_string_equal(buf_str(&r.log), "1 2 3");
        assert_int_equal(bus_consumer_position(r.c), 3);
        assert_int_equal(bus_consumer_lag(r.c), 0);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_consumer_gets_its_subjects_only(void **state)
{
        BENCH(NULL);
        static const char *const subjects[] = {"es.a", "es.c", NULL};
        static const char *const none[] = {NULL};
        struct reader some = {0}, nothing = {0};
        for (char id[2] = "1"; id[0] <= '6'; id[0]++) {
                char subject[] = "es.a";
                subject[3] = (char)('a' + (id[0] - '1') % 3);
                append(&b, subject, id, "{}");
        }
        reader_open(&some, &b,
                    &(struct bus_consumer_options){.name = "some", .subjects = subjects});
        reader_open(&nothing, &b,
                    &(struct bus_consumer_options){.name = "nothing", .subjects = none});
        bench_quiet(&b);
        append(&b, "es.b", "7", "{}");
        append(&b, "es.c", "8", "{}");
        append(&b, "es.ab", "9", "{}");
        bench_quiet(&b);
        assert_string_equal(buf_str(&some.log), "1 3 4 6 8");
        assert_int_equal(nothing.n, 0);
        reader_close(&some);
        reader_close(&nothing);
        bench_close(&b);
}

static void test_no_more_than_a_window_is_outstanding(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        append_many(&b, "s", 10, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .window = 4});
        bench_quiet(&b);
        assert_int_equal(r.n, 4);
        commit(&b, r.c, 1);
        bench_quiet(&b);
        assert_int_equal(r.n, 5);
        assert_int_equal(bus_consumer_lag(r.c), 5);
        commit(&b, r.c, r.last);
        bench_quiet(&b);
        assert_int_equal(r.n, 9);
        append_many(&b, "t", 3, 10);
        bench_quiet(&b);
        assert_int_equal(r.n, 9);
        commit(&b, r.c, r.last);
        bench_quiet(&b);
        assert_int_equal(r.n, 13);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_window_of_bytes_holds_but_for_one(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        append_many(&b, "s", 10, 100);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .window_bytes = 250});
        bench_quiet(&b);
        assert_int_equal(r.n, 3);
        commit(&b, r.c, 3);
        bench_quiet(&b);
        assert_int_equal(r.n, 6);
        commit(&b, r.c, 6);
        append_many(&b, "large", 2, 5000);
        commit(&b, r.c, 9);
        bench_quiet(&b);
        commit(&b, r.c, 10);
        bench_quiet(&b);
        assert_int_equal(r.n, 11);
        commit(&b, r.c, 11);
        bench_quiet(&b);
        assert_int_equal(r.n, 12);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_long_backlog_comes_whole_and_in_order(void **state)
{
        BENCH(NULL);
        struct reader r = {.commit = true};
        append_many(&b, "old", 3000, 50);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .window = 100});
        append_many(&b, "new", 3000, 50);
        while (r.n < 6000)
                bench_quiet(&b);
        assert_int_equal(r.n, 6000);
        assert_int_equal(r.last, 6000);
        assert_true(r.largest <= 100);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_reopened_consumer_goes_on_behind_its_last_commit(void **state)
{
        BENCH(NULL);
        struct reader first = {0}, second = {0};
        append_many(&b, "s", 5, 10);
        reader_open(&first, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        assert_int_equal(first.n, 5);
        commit(&b, first.c, 3);
        reader_close(&first);
        append(&b, "s", "late", "{}");
        reader_open(&second, &b, &(struct bus_consumer_options){.name = "c"});
        assert_int_equal(bus_consumer_position(second.c), 3);
        bench_quiet(&b);
        assert_string_equal(buf_str(&second.log), "s-3 s-4 late");
        reader_close(&second);
        bench_close(&b);
}

static void test_a_commit_on_its_way_counts_for_who_reopens(void **state)
{
        BENCH(NULL);
        struct reader first = {0}, second = {0};
        struct done d = {0};
        append_many(&b, "s", 3, 10);
        reader_open(&first, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        bus_commit(first.c, 2, NULL, 0, on_done, &d);
        reader_close(&first);
        assert_true(d.done);
        assert_int_equal(d.code, ERR_TIMEOUT);
        if (streq(*state, "embedded")) {
                reader_open(&second, &b, &(struct bus_consumer_options){.name = "c"});
                bench_quiet(&b);
                assert_string_equal(buf_str(&second.log), "s-2");
                reader_close(&second);
        }
        bench_close(&b);
}

static void test_a_new_consumer_begins_where_it_is_told(void **state)
{
        static const struct {
                int64_t start_s;
                const char *expected;
        } rows[] = {{0, "0 10 20 30"}, {10, "10 20 30"}, {11, "20 30"}, {30, "30"}, {31, ""}};
        BENCH(NULL);
        for (int i = 0; i < 4; i++) {
                char id[8];
                snprintf(id, sizeof(id), "%d", i * 10);
                append(&b, "s", id, "{}");
                fake_clock_advance(&b.clock, 10 * NS_PER_S);
        }
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct reader r = {0};
                AUTO(mem_free) char *name = mem_printf("c%zu", i);
                struct wall start = {rows[i].start_s ? BENCH_START + rows[i].start_s * NS_PER_S
                                                     : 0};
                reader_open(&r, &b,
                            &(struct bus_consumer_options){.name = name, .start_at = start});
                bench_quiet(&b);
                assert_string_equal(buf_str(&r.log), rows[i].expected);
                reader_close(&r);
        }
        bench_close(&b);
}

static void test_a_new_consumer_at_the_end_sees_the_next_message(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        append(&b, "s", "old", "{}");
        fake_clock_advance(&b.clock, NS_PER_S);
        reader_open(&r, &b,
                    &(struct bus_consumer_options){.name = "c", .start_at = loop_wall(b.loop)});
        append(&b, "s", "new", "{}");
        bench_quiet(&b);
        assert_string_equal(buf_str(&r.log), "new");
        reader_close(&r);
        bench_close(&b);
}

static void test_paused_means_nothing_comes(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        bus_consumer_pause(r.c);
        append_many(&b, "s", 3, 10);
        bench_quiet(&b);
        assert_int_equal(r.n, 0);
        assert_int_equal(bus_consumer_lag(r.c), 3);
        bus_consumer_resume(r.c);
        bench_quiet(&b);
        assert_int_equal(r.n, 3);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_commit_moves_position_and_state_together(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        struct done d = {0};
        append_many(&b, "s", 2, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        const struct bus_put puts[] = {{"s", "k", "v", 1}};
        bus_commit(r.c, 2, puts, 1, on_done, &d);
        assert_int_equal(bus_consumer_position(r.c), 0);
        bench_until(&b, &d.done);
        assert_int_equal(bus_consumer_position(r.c), 2);
        AUTO(mem_free) char *text = state_text(&b, "s", "");
        assert_string_equal(text, "k=v");
        struct done only_state = {0};
        bus_commit(r.c, 0, &(struct bus_put){"s", "k", "w", 1}, 1, on_done, &only_state);
        bench_until(&b, &only_state.done);
        assert_int_equal(bus_consumer_position(r.c), 2);
        reader_close(&r);
        bench_close(&b);
}

static void test_a_consumer_may_be_closed_while_it_is_served(void **state)
{
        BENCH(NULL);
        struct reader r = {.close_after = 1};
        append_many(&b, "s", 5, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .window = 2});
        bench_quiet(&b);
        assert_null(r.c);
        assert_int_equal(r.n, 2);
        buf_deinit(&r.log);
        bench_close(&b);
}

static void test_a_name_is_open_once(void **state)
{
        BENCH(NULL);
        struct reader r = {0};
        struct bus_consumer *again = NULL;
        struct err e = {0};
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        assert_int_equal(bus_consume(&again, b.bus, &(struct bus_consumer_options){.name = "c"},
                                     NULL, NULL, &e),
                         -1);
        assert_int_equal(e.code, ERR_CONFLICT);
        err_clear(&e);
        reader_close(&r);
        bench_close(&b);
}

static bool add_consumer(void *arg, const char *name, uint64_t position)
{
        buf_addf(arg, "%s=%llu ", name, (unsigned long long)position);
        return true;
}

static void test_consumers_are_listed_and_forgotten(void **state)
{
        BENCH(NULL);
        struct reader r = {.commit = true};
        struct err e = {0};
        append_many(&b, "s", 2, 10);
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c"});
        bench_quiet(&b);
        reader_close(&r);
        AUTO_BUF struct buf before = BUF_INIT(1000), after = BUF_INIT(1000);
        assert_int_equal(bus_consumers_each(b.bus, add_consumer, &before, &e), 0);
        assert_string_equal(buf_str(&before), "c=2 ");
        bus_consumer_forget(b.bus, "c");
        bench_quiet(&b);
        assert_int_equal(bus_consumers_each(b.bus, add_consumer, &after, &e), 0);
        assert_string_equal(buf_str(&after), "");
        bench_close(&b);
}

static void test_rare_subjects_do_not_look_far_behind(void **state)
{
        BENCH(NULL);
        static const char *const subjects[] = {"rare", NULL};
        struct reader r = {.commit = true}, again = {0};
        append(&b, "rare", "1", "{}");
        reader_open(&r, &b, &(struct bus_consumer_options){.name = "c", .subjects = subjects});
        for (int i = 0; i < 3; i++)
                append_many(&b, "other", 4000, 1);
        bench_quiet(&b);
        assert_int_equal(bus_consumer_position(r.c), 1);
        reader_close(&r);
        reader_open(&again, &b, &(struct bus_consumer_options){.name = "c", .subjects = subjects});
        assert_true(bus_consumer_position(again.c) > 8000);
        reader_close(&again);
        bench_close(&b);
}

const struct CMUnitTest consumer_tests[] = {
        cmocka_unit_test(test_a_consumer_reads_what_is_there_and_what_comes),
        cmocka_unit_test(test_a_consumer_gets_its_subjects_only),
        cmocka_unit_test(test_no_more_than_a_window_is_outstanding),
        cmocka_unit_test(test_a_window_of_bytes_holds_but_for_one),
        cmocka_unit_test(test_a_long_backlog_comes_whole_and_in_order),
        cmocka_unit_test(test_a_reopened_consumer_goes_on_behind_its_last_commit),
        cmocka_unit_test(test_a_commit_on_its_way_counts_for_who_reopens),
        cmocka_unit_test(test_a_new_consumer_begins_where_it_is_told),
        cmocka_unit_test(test_a_new_consumer_at_the_end_sees_the_next_message),
        cmocka_unit_test(test_paused_means_nothing_comes),
        cmocka_unit_test(test_a_commit_moves_position_and_state_together),
        cmocka_unit_test(test_a_consumer_may_be_closed_while_it_is_served),
        cmocka_unit_test(test_a_name_is_open_once),
        cmocka_unit_test(test_consumers_are_listed_and_forgotten),
        cmocka_unit_test(test_rare_subjects_do_not_look_far_behind),
};
const size_t n_consumer_tests = ARRAY_LEN(consumer_tests);
