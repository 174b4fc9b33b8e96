/* tests/unit/cli/test_term.c: tables and times. SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"
#include "tests/unit/unit.h"
#include <locale.h>

static const struct term plain = {.utf8 = true, .width = 80, .height = 24};

static void columns_are_aligned_by_what_is_seen(void **state UNUSED)
{
        static const char *const rows[] = {"NAME", "SIZE", "NOTE", "✔ größe", "7",
                                           "",     "日本", "1234", "x",       NULL};
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(1000);
        table_init(&t, 3);
        table_row(&t, rows);
        table_put(&b, &t, &plain, 0);
        assert_string_equal(buf_str(&b), "NAME     SIZE  NOTE\n"
                                         "✔ größe  7\n"
                                         "日本     1234  x\n");
}

static void long_rows_are_cut_at_the_edge_of_the_screen(void **state UNUSED)
{
        static const char *const rows[] = {"abc", "defghij", "abcdef", "", NULL};
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(1000);
        table_init(&t, 2);
        table_row(&t, rows);
        table_put(&b, &t, &plain, 10);
        assert_string_equal(buf_str(&b), "abc     de\nabcdef\n");
}

static void cells_keep_to_their_line(void **state UNUSED)
{
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(1000);
        table_init(&t, 1);
        table_cell(&t, "a\nb\033[31mc\td");
        table_put(&b, &t, &plain, 0);
        assert_string_equal(buf_str(&b), "a b [31mc d\n");
}

static void ages_and_durations_read_as_argos(void **state UNUSED)
{
        static const struct {
                int64_t s;
                const char *age, *duration;
        } rows[] = {{0, "0s", "0 seconds"},           {1, "1s", "1 second"},
                    {59, "59s", "59 seconds"},        {61, "1m", "1 minute 1 second"},
                    {120, "2m", "2 minutes"},         {3600, "1h", "1 hour"},
                    {7265, "2h", "2 hours 1 minute"}, {90000, "1d", "1 day 1 hour"},
                    {-5, "0s", "0 seconds"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char age[24], duration[64];
                human_age(age, rows[i].s * 1000000000);
                human_duration(duration, rows[i].s * 1000000000);
                assert_string_equal(age, rows[i].age);
                assert_string_equal(duration, rows[i].duration);
        }
}

int main(void)
{
        setlocale(LC_CTYPE, "C.UTF-8");
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_aligned_by_what_is_seen),
                cmocka_unit_test(long_rows_are_cut_at_the_edge_of_the_screen),
                cmocka_unit_test(cells_keep_to_their_line),
                cmocka_unit_test(ages_and_durations_read_as_argos),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
