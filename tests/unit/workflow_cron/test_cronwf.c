/* tests/unit/workflow_cron/test_cronwf.c: which slot is due, what a slot's workflow looks like.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/store/store.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/cron/cronwf.h"

static json_t *yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        if (yaml_parse_one(&j, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return j;
}

static struct cronwf_spec *spec_of(const char *text)
{
        struct err e = {0};
        struct cronwf_spec *s = NULL;
        AUTO(mem_free) char *whole = mem_printf("spec: %s", text);
        AUTO_JSON json_t *object = yaml(whole);
        if (cronwf_spec_new(&s, object, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return s;
}

static int64_t at(const char *text)
{
        int64_t ns;
        if (!time_parse_rfc3339(text, &ns))
                fail_msg("%s", text);
        return ns;
}

#define EACH_MINUTE "{schedules: [\"* * * * *\"]}"
#define EACH_5 "schedules: [\"*/5 * * * *\"]"

static void slots_are_run_once_each_and_old_ones_only_within_the_deadline(void **state UNUSED)
{
        static const struct {
                const char *spec, *looked, *now, *slot; /* NULL: none */
        } rows[] = {
                {EACH_MINUTE, "2026-01-01T00:00:30Z", "2026-01-01T00:00:59Z", NULL},
                {EACH_MINUTE, "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z",
                 "2026-01-01T00:01:00Z"},
                {EACH_MINUTE, "2026-01-01T00:01:00Z", "2026-01-01T00:01:09Z", NULL},
                /* the machine slept: only the newest, when it is not late */
                {EACH_MINUTE, "2026-01-01T00:01:00Z", "2026-01-01T00:05:03Z",
                 "2026-01-01T00:05:00Z"},
                {EACH_MINUTE, "2026-01-01T00:01:00Z", "2026-01-01T00:05:30Z", NULL},
                {"{schedules: [\"* * * * *\"], startingDeadlineSeconds: 60}",
                 "2026-01-01T00:01:00Z", "2026-01-01T00:05:30Z", "2026-01-01T00:05:00Z"},
                {"{schedules: [\"0 * * * *\"], startingDeadlineSeconds: 60}",
                 "2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z", NULL},
                /* a loop that was busy for two seconds */
                {"{schedules: [\"@every 1s\"]}", "2026-01-01T00:00:00Z", "2026-01-01T00:00:03Z",
                 "2026-01-01T00:00:01Z"},
                /* the first of several schedules; two at once are one slot */
                {"{schedules: [\"5 * * * *\", \"3 * * * *\", \"3 * * * *\"]}",
                 "2026-01-01T00:00:00Z", "2026-01-01T00:03:01Z", "2026-01-01T00:03:00Z"},
                {"{schedules: [\"0 9 * * *\"], timezone: Europe/Berlin}", "2026-07-01T00:00:00Z",
                 "2026-07-01T07:00:00Z", "2026-07-01T07:00:00Z"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(cronwf_spec_free) struct cronwf_spec *s = spec_of(rows[i].spec);
                int64_t slot = 0;
                bool due = cronwf_due(s, at(rows[i].looked), at(rows[i].now), &slot);
                if (due != (rows[i].slot != NULL) || (due && slot != at(rows[i].slot)))
                        fail_msg("row %zu: %d %lld", i, due, (long long)slot);
        }
}

static void after_a_downtime_the_newest_missed_slot_counts(void **state UNUSED)
{
        static const struct {
                const char *spec, *last, *now, *slot;
        } rows[] = {
                {"{" EACH_5 "}", "2026-01-01T00:00:00Z", "2026-01-01T00:11:00Z", NULL},
                {"{" EACH_5 ", startingDeadlineSeconds: 61}", "2026-01-01T00:00:00Z",
                 "2026-01-01T00:11:00Z", "2026-01-01T00:10:00Z"},
                {"{" EACH_5 ", startingDeadlineSeconds: 60}", "2026-01-01T00:00:00Z",
                 "2026-01-01T00:11:00Z", NULL},
                {"{" EACH_5 ", startingDeadlineSeconds: 600}", "2026-01-01T00:10:00Z",
                 "2026-01-01T00:11:00Z", NULL},
                {"{schedules: [\"0 0 * * *\", \"*/5 * * * *\"], startingDeadlineSeconds: 90}",
                 "2026-01-01T00:00:00Z", "2026-01-01T00:11:00Z", "2026-01-01T00:10:00Z"},
                {"{schedules: [\"@every 7m\"], startingDeadlineSeconds: 300}",
                 "2026-01-01T00:00:00Z", "2026-01-01T00:17:00Z", "2026-01-01T00:14:00Z"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(cronwf_spec_free) struct cronwf_spec *s = spec_of(rows[i].spec);
                int64_t slot = 0;
                bool missed = cronwf_missed(s, at(rows[i].last), at(rows[i].now), &slot);
                if (missed != (rows[i].slot != NULL) || (missed && slot != at(rows[i].slot)))
                        fail_msg("row %zu: %d %lld", i, missed, (long long)slot);
        }
}

static void mistakes_are_named(void **state UNUSED)
{
        static const struct {
                const char *spec, *words;
        } rows[] = {{"{schedules: []}", "at least one schedule"},
                    {"{schedules: [\"* * * *\"]}", "cron schedule * * * * is malformed"},
                    {"{schedules: [7]}", "schedules[0]"},
                    {"{schedules: [\"* * * * *\"], timezone: Mars/Base}", "malformed"},
                    {"{schedules: [\"* * * * *\"], concurrencyPolicy: Maybe}",
                     "'Maybe' is not a valid concurrencyPolicy"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                struct cronwf_spec *s = NULL;
                AUTO(mem_free) char *whole = mem_printf("spec: %s", rows[i].spec);
                AUTO_JSON json_t *object = yaml(whole);
                assert_int_equal(cronwf_spec_new(&s, object, &e), -1);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("%s: %s", rows[i].spec, err_msg(&e));
                err_clear(&e);
        }
}

static void a_slots_workflow_carries_its_time_and_its_owner(void **state UNUSED)
{
        AUTO_JSON json_t *cron = yaml("metadata: {name: hello, namespace: ns, uid: u-1}\n"
                                      "spec:\n"
                                      "  workflowMetadata:\n"
                                      "    labels: {team: red}\n"
                                      "    annotations: {note: x}\n"
                                      "    finalizers: [f]\n"
                                      "  workflowSpec: {entrypoint: main}\n");
        AUTO(mem_free) char *name = cronwf_child_name(cron, at("2026-01-01T00:05:00Z"));
        assert_string_equal(name, "hello-1767225900");
        AUTO_JSON json_t *child = cronwf_child(cron, name, at("2026-01-01T00:05:00Z"));
        AUTO_JSON json_t *wanted =
                yaml("apiVersion: argoproj.io/v1alpha1\n"
                     "kind: Workflow\n"
                     "metadata:\n"
                     "  name: hello-1767225900\n"
                     "  namespace: ns\n"
                     "  labels: {workflows.argoproj.io/cron-workflow: hello, team: red}\n"
                     "  annotations:\n"
                     "    workflows.argoproj.io/scheduled-time: \"2026-01-01T00:05:00Z\"\n"
                     "    note: x\n"
                     "  finalizers: [f]\n"
                     "  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: CronWorkflow,\n"
                     "    name: hello, uid: u-1, controller: true, blockOwnerDeletion: true}]\n"
                     "spec: {entrypoint: main}\n");
        assert_true(json_equal(child, wanted));
}

/* ---- conditions ---- */

#define CRON_TEXT                                                                 \
        "metadata: {name: hello, namespace: ns, labels: {team: red, a.b/c: d}}\n" \
        "spec: {schedules: [\"* * * * *\"], %s}\n"                                \
        "status: {succeeded: 2, failed: 1%s}\n"

static int test(bool stop, const char *spec, const char *status, bool *out, struct err *e)
{
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){at("2026-01-01T00:10:00Z")});
        AUTO(mem_free) char *text = mem_printf(CRON_TEXT, spec, status);
        AUTO_JSON json_t *cron = yaml(text);
        AUTO(cronwf_spec_free) struct cronwf_spec *s = NULL;
        assert_int_equal(cronwf_spec_new(&s, cron, e), 0);
        return stop ? cronwf_stop(s, cron, &clock.clock, out, e)
                    : cronwf_when(s, cron, &clock.clock, out, e);
}

#define LAST ", lastScheduledTime: \"2026-01-01T00:00:00Z\""

static void conditions_see_the_variables_of_the_cron_workflow(void **state UNUSED)
{
        static const struct {
                bool stop;
                const char *spec, *status;
                int result; /* -1: an error */
        } rows[] = {
                {false, "x: x", "", true},
                {false, "when: \"'{{cronworkflow.name}}' == 'hello'\"", "", true},
                {false, "when: \"{{cronworkflow.failed}} > 1\"", "", false},
                {false, "when: \"{{cronworkflow.name}} == hello\"", "", -1}, /* bare words */
                {false, "when: \"'{{cronworkflow.labels.team}}' == 'red'\"", "", true},
                {false, "when: \"{{cronworkflow.nosuch}} == 1\"", "", -1},
                {false,
                 "when: \"{{= cronworkflow.succeeded > 1 && cronworkflow.namespace == 'ns'}}\"", "",
                 true},
                {false, "when: \"{{= cronworkflow.labels['team'] == 'blue'}}\"", "", false},
                {false,
                 "when: \"{{= cronworkflow.lastScheduledTime == nil || (now() - "
                 "cronworkflow.lastScheduledTime).Seconds() > 360 }}\"",
                 "", true},
                {false,
                 "when: \"{{= cronworkflow.lastScheduledTime == nil || (now() - "
                 "cronworkflow.lastScheduledTime).Seconds() > 360 }}\"",
                 LAST, true},
                {false,
                 "when: \"{{= (now() - cronworkflow.lastScheduledTime).Seconds() > 3600 }}\"", LAST,
                 false},
                {true, "x: x", "", false},
                {true, "stopStrategy: {expression: \"cronworkflow.succeeded >= 2\"}", "", true},
                {true, "stopStrategy: {expression: \"cronworkflow.failed >= 2\"}", "", false},
                {true, "stopStrategy: {expression: \"cronworkflow.failed\"}", "", -1},
                {true, "stopStrategy: {expression: \"nosuch > 1\"}", "", -1},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                bool result = false;
                int r = test(rows[i].stop, rows[i].spec, rows[i].status, &result, &e);
                if ((r < 0) != (rows[i].result < 0) || (r == 0 && result != (rows[i].result == 1)))
                        fail_msg("%s: %d %d %s", rows[i].spec, r, result, r ? err_msg(&e) : "");
                err_clear(&e);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slots_are_run_once_each_and_old_ones_only_within_the_deadline),
                cmocka_unit_test(after_a_downtime_the_newest_missed_slot_counts),
                cmocka_unit_test(mistakes_are_named),
                cmocka_unit_test(a_slots_workflow_carries_its_time_and_its_owner),
                cmocka_unit_test(conditions_see_the_variables_of_the_cron_workflow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
