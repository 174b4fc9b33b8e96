/* tests/unit/workflow_controller/test_config.c: the configuration file, in both forms.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include "workflow/controller/config.h"
#include "workflow/controller/labels.h"

static struct controller_config *parse(const char *text)
{
        struct err e = {0};
        struct controller_config *c = NULL;
        if (controller_config_parse(&c, "c.yaml", text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return c;
}

static const char plain[] =
        "retentionPolicy: {completed: 10, failed: 3, errored: 2}\n"
        "persistence:\n"
        "  archive: true\n"
        "  archiveTTL: 180d\n"
        "  archiveLabelSelector:\n"
        "    matchLabels: {team: a}\n"
        "    matchExpressions: [{key: tier, operator: In, values: [p, q]}]\n"
        "workflowDefaults: {spec: {ttlStrategy: {secondsAfterCompletion: 5}}}\n";
static const char config_map[] =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: workflow-controller-configmap}\n"
        "data:\n"
        "  retentionPolicy: |\n"
        "    completed: 10\n"
        "    failed: 3\n"
        "    errored: 2\n"
        "  persistence: |\n"
        "    archive: true\n"
        "    archiveTTL: 180d\n"
        "    archiveLabelSelector: {matchLabels: {team: a}, matchExpressions: [{key: tier, "
        "operator: In, values: [p, q]}]}\n"
        "  workflowDefaults: |\n"
        "    spec: {ttlStrategy: {secondsAfterCompletion: 5}}\n";

static void plain_map_and_config_map_say_the_same(void **state UNUSED)
{
        const char *const texts[] = {plain, config_map};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                AUTO(controller_config_free) struct controller_config *c = parse(texts[i]);
                assert_int_equal(c->retention->completed, 10);
                assert_int_equal(c->retention->errored, 2);
                assert_true(c->persistence.archive);
                assert_int_equal(c->archive_ttl_ns / NS_PER_S, 180 * 24 * 3600);
                assert_string_equal(c->archive_selector, "team=a,tier in (p,q)");
                assert_int_equal(
                        json_integer_value(json_at(c->workflow_defaults, "spec", "ttlStrategy",
                                                   "secondsAfterCompletion")),
                        5);
        }
}

static void nothing_said_means_nothing_is_deleted_or_archived(void **state UNUSED)
{
        AUTO(controller_config_free) struct controller_config *c = parse("");
        assert_null(c->retention);
        assert_false(c->persistence.archive);
        assert_null(c->archive_selector);
        assert_true(c->metrics.enabled);
        assert_int_equal(c->pod_gc_delay_ns / NS_PER_S, 5);
}

static void mistakes_are_named(void **state UNUSED)
{
        static const struct {
                const char *text, *words;
        } rows[] = {{"retentionPolicy: {complete: 1}", "complete"},
                    {"retentionPolicy: {completed: -2}", "completed"},
                    {"persistence: {archiveTTL: soon}", "archiveTTL: \"soon\""},
                    {"persistence: {postgresql: {host: x}}", "not supported yet"},
                    {"synchronization: {postgresql: {host: x}}", "not supported yet"},
                    {"synchronization: {pollTime: 5}", "pollTime"},
                    {"persistence: {archiveLabelSelector: {matchExpressions: [{key: a, operator: "
                     "Is}]}}",
                     "operator \"Is\""},
                    {"[1]", "expected a map"},
                    {"{kind: ConfigMap, data: {persistence: \"{\"}}", "data.persistence"},
                    {"kind: ConfigMap\ndata: {persistence: 7}", "expected a string"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                struct controller_config *c = NULL;
                assert_int_equal(controller_config_parse(&c, "c.yaml", rows[i].text,
                                                         strlen(rows[i].text), &e),
                                 -1);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("%s: %s", rows[i].text, err_msg(&e));
                err_clear(&e);
        }
}

static void what_argo_says_of_locks_in_a_database_server_is_taken(void **state UNUSED)
{
        static const char text[] =
                "synchronization: {enableAPI: true, controllerName: a, pollSeconds: "
                "10, semaphoreLimitCacheSeconds: 5}";
        struct err e = {0};
        struct controller_config *c = NULL;
        assert_int_equal(controller_config_parse(&c, "c.yaml", text, strlen(text), &e), 0);
        controller_config_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_map_and_config_map_say_the_same),
                cmocka_unit_test(nothing_said_means_nothing_is_deleted_or_archived),
                cmocka_unit_test(mistakes_are_named),
                cmocka_unit_test(what_argo_says_of_locks_in_a_database_server_is_taken),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
