/* tests/unit/lang/test_cron.c: schedules, forwards and backwards. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LAYOUT STR("2006-01-02T15:04:05Z07:00")

struct row {
        const char *text, *zone, *from, *want; /* want NULL: none */
};

static struct val_time at(struct arena *a, const char *text, const char *zone)
{
        struct val_time t;
        const struct val_zone *z;
        assert_true(gotime_parse(a, LAYOUT, str_of(text), NULL, &t, NULL));
        assert_true(gozone_load(a, str_of(zone), &z));
        t.zone = z;
        return t;
}

typedef bool search_fn(const struct cron *c, struct val_time t, struct val_time *out);

static void check(search_fn *search, const struct row *row)
{
        AUTO(cron_free) struct cron *c = NULL;
        struct arena a;
        struct val_time got;
        arena_init(&a, 0);
        assert_int_equal(cron_new(&c, str_of(row->text), CRON_STANDARD, NULL, NULL), 0);
        bool found = search(c, at(&a, row->from, row->zone), &got);
        if (row->want) {
                assert_true(found);
                struct abuf text = abuf_in(&a);
                gotime_format(&text, LAYOUT, got);
                abuf_addc(&text, '\0');
                assert_string_equal(text.p, row->want);
        } else {
                assert_false(found);
        }
        arena_deinit(&a);
}

static void the_next_activation_is_after_the_time(void **state)
{
        (void)state;
        static const struct row rows[] = {
                {"* * * * *", "", "2024-03-08T22:59:00Z", "2024-03-08T23:00:00Z"},
                {"*/15 9-17 * * MON-FRI", "", "2024-03-08T17:45:00Z", "2024-03-11T09:00:00Z"},
                {"0 0 13 * 5", "", "2024-03-08T22:59:30Z", "2024-03-13T00:00:00Z"},
                {"0 0 29 2 *", "", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
                {"0 0 30 2 *", "", "2024-03-01T00:00:00Z", NULL},
                {", * * * *", "", "2024-03-01T00:00:00Z", NULL},
                {"@weekly", "", "2024-03-08T22:59:30Z", "2024-03-10T00:00:00Z"},
                {"@every 1500ms", "", "2024-03-08T22:59:30Z", "2024-03-08T22:59:31Z"},
                {"@every -5m", "", "2024-03-08T22:59:30Z", "2024-03-08T22:59:31Z"},
                /* a gap leaves it out, an overlap has it twice */
                {"30 2 * * *", "Europe/Berlin", "2024-03-31T00:00:00+01:00",
                 "2024-04-01T02:30:00+02:00"},
                {"30 2 * * *", "Europe/Berlin", "2024-10-27T02:30:00+02:00",
                 "2024-10-27T02:30:00+01:00"},
                {"CRON_TZ=Asia/Tokyo 0 9 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z",
                 "2024-10-27T02:00:00+02:00"},
                {"TZ=UTC @daily", "Asia/Tokyo", "2024-10-26T12:00:00Z",
                 "2024-10-27T09:00:00+09:00"},
                /* a day that was left out of the calendar */
                {"0 0 2 1 *", "Pacific/Apia", "2011-12-20T00:00:00Z", "2012-01-02T00:00:00+14:00"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(cron_next, &rows[i]);
}

static void the_previous_activation_is_before_the_time(void **state)
{
        (void)state;
        static const struct row rows[] = {
                {"* * * * *", "", "2024-03-08T22:59:00Z", "2024-03-08T22:58:00Z"},
                {"0 0 29 2 *", "", "2024-02-29T00:00:00Z", "2020-02-29T00:00:00Z"},
                {"0 0 30 2 *", "", "2024-03-01T00:00:00Z", NULL},
                {"@every 1h", "", "2024-03-01T00:00:00Z", NULL},
                {"CRON_TZ=Asia/Tokyo 0 9 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z",
                 "2024-10-26T02:00:00+02:00"},
                /* the original never returns here: an hour that happens twice lies between */
                {"0 1 * * *", "Europe/Berlin", "2024-10-27T12:00:00Z", "2024-10-27T01:00:00+02:00"},
                {"0 1 31 * *", "Asia/Amman", "2021-10-29T12:00:00Z", "2021-08-31T01:00:00+03:00"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(cron_prev, &rows[i]);
}

static void a_bad_schedule_is_refused_with_its_place(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                size_t at;
                const char *words;
        } rows[] = {
                {"", 0, "empty"},
                {"* * * *", 0, "found 4"},
                {"0 * * * * *", 0, "seconds"},
                {"0 0 * * 7", 8, "Sunday is 0"},
                {"0 24 * * *", 2, "above 23"},
                {"0 0 0 * *", 4, "below 1"},
                {"1,2,x * * * *", 4, "expected a number"},
                {"* * * * FRI-MON", 8, "backwards"},
                {"* * * 1-FOO *", 8, "JAN to DEC"},
                {"*/0 * * * *", 2, "step of 0"},
                {"1/2/3 * * * *", 0, "slashes"},
                {"1-2-3 * * * *", 0, "hyphens"},
                {"TZ=UTC", 6, "expected a space"},
                {"CRON_TZ=Mars/Base * * * * *", 8, "unknown time zone"},
                {"TZ=../../etc/passwd * * * * *", 3, "unknown time zone"},
                {"@reboot", 0, "unrecognized"},
                {"@every 1d", 7, "duration"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct cron *c = NULL;
                struct err e = {0};
                size_t where = 999;
                assert_int_equal(cron_new(&c, str_of(rows[i].text), CRON_STANDARD, &where, &e), -1);
                assert_int_equal(where, rows[i].at);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("'%s': %s", rows[i].text, err_msg(&e));
                err_clear(&e);
        }
        struct cron *c = NULL;
        assert_int_equal(cron_new(&c, STR("@daily"), CRON_FIELDS, NULL, NULL), -1);
}

/* Whatever the schedule: the next activation is later, the one before that is not before the time
 * we came from, and both read as the fields say. */
static void next_and_previous_agree(void **state)
{
        (void)state;
        static const char *const texts[] = {"*/7 * * * *", "0 */5 * * *", "5 4 * * 1-5",
                                            "0 12 1,15 * *", "59 23 31 */2 *"};
        static const char *const zones[] = {"", "America/New_York", "Asia/Kolkata",
                                            "Australia/Lord_Howe", "Africa/Cairo"};
        struct arena a;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_LEN(texts) * ARRAY_LEN(zones); i++) {
                AUTO(cron_free) struct cron *c = NULL;
                struct val_time t = at(&a, "2024-02-20T10:11:12Z", zones[i / ARRAY_LEN(texts)]);
                assert_int_equal(
                        cron_new(&c, str_of(texts[i % ARRAY_LEN(texts)]), CRON_FIELDS, NULL, NULL),
                        0);
                for (int k = 0; k < 50; k++) {
                        struct val_time next, back;
                        assert_true(cron_next(c, t, &next));
                        assert_true(gotime_compare(next, t) > 0);
                        assert_int_equal(gotime_civil(next).second, 0);
                        assert_true(cron_prev(c, gotime_add(next, 1000000000), &back));
                        assert_int_equal(gotime_compare(back, next), 0);
                        t = gotime_add(next, 3600 * INT64_C(1000000000) * (k + 1));
                }
        }
        arena_deinit(&a);
}

static void nanoseconds_will_do(void **state)
{
        (void)state;
        AUTO(cron_free) struct cron *c = NULL;
        int64_t ns = 0;
        assert_int_equal(cron_new(&c, STR("0 0 * * *"), CRON_FIELDS, NULL, NULL), 0);
        assert_true(cron_next_ns(c, INT64_C(1709938770123456789), NULL, &ns));
        assert_true(ns == INT64_C(1709942400000000000));
        assert_true(cron_prev_ns(c, INT64_C(1709938770123456789), NULL, &ns));
        assert_true(ns == INT64_C(1709856000000000000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_next_activation_is_after_the_time),
                cmocka_unit_test(the_previous_activation_is_before_the_time),
                cmocka_unit_test(a_bad_schedule_is_refused_with_its_place),
                cmocka_unit_test(next_and_previous_agree),
                cmocka_unit_test(nanoseconds_will_do),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
