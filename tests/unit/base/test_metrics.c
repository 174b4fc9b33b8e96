/* tests/unit/base/test_metrics.c: series and their exposition. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/attr.h"
#include "common/base/metrics.h"
#include "tests/unit/unit.h"
#include <pthread.h>

static bool exposes(const char *line)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put(&b);
        return strstr(buf_str(&b), line) != NULL;
}

static void the_same_labels_give_the_same_series(void **state UNUSED)
{
        struct metric_series *a = metric_series(METRIC_ES_SENT, "es", "ev", NULL);
        assert_ptr_equal(a, metric_series(METRIC_ES_SENT, "es", "ev", ""));
        assert_ptr_not_equal(a, metric_series(METRIC_ES_SENT, "es", "other", NULL));
        assert_ptr_not_equal(a, metric_series(METRIC_ES_SENT_FAILED, "es", "ev", NULL));
}

static void counters_and_gauges_are_exposed_with_their_labels(void **state UNUSED)
{
        struct metric_series *s = metric_series(METRIC_ACTION_TRIGGERED, "sens\"or\\\n", "t", NULL);
        metric_add(s, 2);
        metric_add(s, 3);
        assert_int_equal(metric_value(s), 5);
        assert_true(exposes("# TYPE argo_events_action_triggered_total counter\n"
                            "argo_events_action_triggered_total{sensor_name=\"sens\\\"or\\\\\\n\","
                            "trigger_name=\"t\"} 5\n"));
        metric_set(metric_series(METRIC_SENSOR_LAG, "s", NULL, NULL), -4);
        assert_true(exposes("tiphys_sensor_lag{sensor_name=\"s\"} -4\n"));
}

static void a_metric_without_labels_is_there_from_the_start(void **state UNUSED)
{
        assert_true(exposes("\ntiphys_db_commits_total 0\n"));
        metric_add(metric_series(METRIC_DB_COMMITS, NULL, NULL, NULL), 7);
        assert_true(exposes("\ntiphys_db_commits_total 7\n"));
        assert_false(exposes("\ntiphys_db_commits_total 0\n"));
}

static void summaries_have_sum_and_count(void **state UNUSED)
{
        struct metric_series *s = metric_series(METRIC_ACTION_DURATION, "a", "b", NULL);
        metric_observe(s, 1.5);
        metric_observe(s, 2);
        assert_true(exposes("argo_events_action_duration_milliseconds_sum{sensor_name=\"a\","
                            "trigger_name=\"b\"} 3.5\n"
                            "argo_events_action_duration_milliseconds_count{sensor_name=\"a\","
                            "trigger_name=\"b\"} 2\n"));
}

static void *bump(void *arg)
{
        for (int i = 0; i < 20000; i++) {
                metric_add(metric_series(METRIC_WF_TOTAL, "Running", "ns", NULL), 1);
                metric_observe(arg, 1);
        }
        return NULL;
}

static void threads_lose_no_count(void **state UNUSED)
{
        struct metric_series *sum = metric_series(METRIC_ES_DURATION, "x", "y", NULL);
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, bump, sum), 0);
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(metric_value(metric_series(METRIC_WF_TOTAL, "Running", "ns", NULL)),
                         80000);
        assert_int_equal(metric_value(sum), 80000);
        assert_true(exposes("_milliseconds_sum{eventsource_name=\"x\",event_name=\"y\"} 80000\n"));
}

static void metrics_and_series_are_sorted(void **state UNUSED)
{
        metric_add(metric_series(METRIC_WF_ERRORS, "zz", NULL, NULL), 1);
        metric_add(metric_series(METRIC_WF_ERRORS, "aa", NULL, NULL), 1);
        assert_true(exposes("cause=\"aa\"} 1\nargo_workflows_error_count{cause=\"zz\"} 1\n"));
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put(&b);
        char last[128] = "";
        for (const char *p = buf_str(&b); (p = strstr(p, "# TYPE ")); p++) {
                char name[128];
                assert_int_equal(sscanf(p, "# TYPE %127s", name), 1);
                assert_true(strcmp(last, name) < 0);
                memcpy(last, name, sizeof(last));
        }
}

static void label_values_without_end_share_one_series(void **state UNUSED)
{
        for (int i = 0; i < 6000; i++) {
                char name[16];
                snprintf(name, sizeof(name), "v%d", i);
                metric_add(metric_series(METRIC_WF_GAUGE, name, NULL, NULL), 1);
        }
        assert_true(metric_value(metric_series(METRIC_WF_GAUGE, "one more", NULL, NULL)) >= 999);
        assert_true(exposes("phase=\"_other\"}"));
}

static void the_constant_label_stands_first(void **state UNUSED)
{
        metrics_set_const_label("namespace", "argo");
        assert_true(exposes("tiphys_sensor_lag{namespace=\"argo\",sensor_name=\"s\"} -4\n"));
        assert_true(exposes("tiphys_db_commits_total{namespace=\"argo\"} 7\n"));
}

static void the_docs_name_every_metric(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put_doc(&b);
        size_t rows = 0;
        for (const char *p = buf_str(&b); (p = strchr(p, '\n')); p++)
                rows++;
        assert_int_equal(rows, METRIC_COUNT + 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_labels_give_the_same_series),
                cmocka_unit_test(counters_and_gauges_are_exposed_with_their_labels),
                cmocka_unit_test(a_metric_without_labels_is_there_from_the_start),
                cmocka_unit_test(summaries_have_sum_and_count),
                cmocka_unit_test(threads_lose_no_count),
                cmocka_unit_test(metrics_and_series_are_sorted),
                cmocka_unit_test(label_values_without_end_share_one_series),
                cmocka_unit_test(the_constant_label_stands_first),
                cmocka_unit_test(the_docs_name_every_metric),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
