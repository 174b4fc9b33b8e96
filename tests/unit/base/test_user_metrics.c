/* tests/unit/base/test_user_metrics.c: metrics that come into being at run time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "common/base/metrics.h"
#include "common/base/user_metrics.h"
#include "tests/unit/unit.h"

static bool exposes(const char *text)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put(&b);
        return strstr(buf_str(&b), text) != NULL;
}

static const struct user_label red[] = {{"team", "red"}, {"say", "a\"b"}};
static const struct user_metric counter = {"jobs", "Jobs.", USER_COUNTER, red, 2, NULL, 0};
static const struct user_metric gauge = {"busy", "Busy.", USER_GAUGE, NULL, 0, NULL, 0};
static const double bounds[] = {1, 2.5}, descending[] = {2, 1};
static const struct user_metric histogram = {"took", "Took.", USER_HISTOGRAM, red, 1, bounds, 2};

static void each_kind_is_exposed_as_prometheus_wants(void **state UNUSED)
{
        struct err e = {0};
        struct user_metrics *u = user_metrics_new("x_", clock_system(), 0);
        assert_int_equal(user_metric_add(u, &counter, 1, &e), 0);
        assert_int_equal(user_metric_add(u, &counter, 2.5, &e), 0);
        assert_int_equal(user_metric_set(u, &gauge, 7, &e), 0);
        assert_int_equal(user_metric_add(u, &gauge, -2, &e), 0);
        assert_int_equal(user_metric_observe(u, &histogram, 2, &e), 0);
        assert_int_equal(user_metric_observe(u, &histogram, 9, &e), 0);
        assert_true(exposes("# HELP x_jobs Jobs.\n# TYPE x_jobs counter\n"
                            "x_jobs{team=\"red\",say=\"a\\\"b\"} 3.5\n"));
        assert_true(exposes("# TYPE x_busy gauge\nx_busy 5\n"));
        assert_true(exposes("x_took_bucket{team=\"red\",le=\"1\"} 0\n"
                            "x_took_bucket{team=\"red\",le=\"2.5\"} 1\n"
                            "x_took_bucket{team=\"red\",le=\"+Inf\"} 2\n"
                            "x_took_sum{team=\"red\"} 11\nx_took_count{team=\"red\"} 2\n"));
        user_metrics_free(u);
        assert_false(exposes("x_jobs"));
}

static void real_time_gauges_count_until_their_owner_is_forgotten(void **state UNUSED)
{
        struct err e = {0};
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){100 * NS_PER_S});
        struct user_metrics *u = user_metrics_new("x_", &clock.clock, 10 * NS_PER_S);
        assert_int_equal(user_metric_count_since(u, &gauge, (struct wall){90 * NS_PER_S}, "wf", &e),
                         0);
        assert_true(exposes("x_busy 10\n"));
        fake_clock_advance(&clock, 20 * NS_PER_S);
        assert_true(exposes("x_busy 30\n")); /* the TTL is for those that stand still */
        assert_int_equal(user_metric_set(u, &gauge, 31, &e), 0);
        assert_true(exposes("x_busy 31\n"));
        user_metrics_forget(u, "wf");
        assert_false(exposes("x_busy"));
        assert_int_equal(user_metric_add(u, &counter, 1, &e), 0);
        fake_clock_advance(&clock, 11 * NS_PER_S);
        assert_false(exposes("x_jobs")); /* not touched for longer than the TTL */
        user_metrics_free(u);
}

static void what_contradicts_or_is_too_much_is_refused(void **state UNUSED)
{
        static const struct {
                struct user_metric m;
                const char *words;
        } rows[] = {
                {{"jobs", "Jobs.", USER_GAUGE, red, 2, NULL, 0}, "another type"},
                {{"jobs", "Other.", USER_COUNTER, red, 2, NULL, 0}, "help"},
                {{"jobs", "Jobs.", USER_COUNTER, red, 1, NULL, 0}, "labels"},
                {{"1jobs", "Jobs.", USER_COUNTER, red, 1, NULL, 0}, "'1jobs' is invalid"},
                {{NULL, "Jobs.", USER_COUNTER, red, 1, NULL, 0}, "invalid"},
                {{"db_commits_total", "x", USER_COUNTER, NULL, 0, NULL, 0}, "built-in"},
                {{"h", "x", USER_HISTOGRAM, NULL, 0, descending, 2}, "ascending"},
        };
        struct err e = {0};
        struct user_metrics *u = user_metrics_new("tiphys_", clock_system(), 0);
        assert_int_equal(user_metric_add(u, &counter, 1, &e), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(user_metric_add(u, &rows[i].m, 1, &e), -1);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("row %zu: %s", i, err_msg(&e));
                err_clear(&e);
        }
        user_metrics_free(u);
}

static void label_values_are_bounded(void **state UNUSED)
{
        struct err e = {0};
        struct user_metrics *u = user_metrics_new("x_", clock_system(), 0);
        char text[16];
        struct user_label label = {"i", text};
        const struct user_metric m = {"many", "Many.", USER_COUNTER, &label, 1, NULL, 0};
        for (int i = 0; i < USER_SERIES_MAX; i++) {
                snprintf(text, sizeof(text), "%d", i);
                assert_int_equal(user_metric_add(u, &m, 1, &e), 0);
        }
        snprintf(text, sizeof(text), "more");
        assert_int_equal(user_metric_add(u, &m, 1, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
        user_metrics_free(u);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_kind_is_exposed_as_prometheus_wants),
                cmocka_unit_test(real_time_gauges_count_until_their_owner_is_forgotten),
                cmocka_unit_test(what_contradicts_or_is_too_much_is_refused),
                cmocka_unit_test(label_values_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
