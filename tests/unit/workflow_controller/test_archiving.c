/* tests/unit/workflow_controller/test_archiving.c: what has finished is in the archive, whole,
 * before it may go. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"
static const char on[] = "persistence: {archive: true}";

static void create_finished(struct house *h, const char *name, int second, const char *labels,
                            const char *ttl)
{
        AUTO(mem_free)
        char *text = mem_printf(
                HEAD "metadata: {name: %s, labels: {workflows.argoproj.io/completed: \"true\"%s}}\n"
                     "spec: {ttlStrategy: %s}\n"
                     "status: {phase: Succeeded, startedAt: \"2026-01-01T00:00:%02dZ\",\n"
                     "  finishedAt: \"2026-01-01T00:01:00Z\",\n"
                     "  nodes: {%s: {id: %s, phase: Succeeded}, b: {id: b}, a: {id: a}}}\n",
                name, labels, ttl, second, name, name);
        house_create(h, text);
}

static json_t *list(struct house *h, const struct archive_query *q)
{
        struct err e = {0};
        json_t *answer = NULL;
        if (archive_list_now(h->archive, q, &answer, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return answer;
}

static size_t count(struct house *h)
{
        AUTO_JSON json_t *all = list(h, &(struct archive_query){0});
        return json_array_size(json_object_get(all, "items"));
}

static void wait_count(struct house *h, size_t n)
{
        for (int i = 0; i < 3000 && count(h) != n; i++)
                house_run_ms(h, 1);
        assert_int_equal(count(h), n);
}

static void archived_whole_then_deleted(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup_with(&h, NULL, on);
        house_start(&h);
        house_create(&h,
                     HEAD "metadata: {name: wf, labels: {team: red}}\n"
                          "spec: {entrypoint: main, ttlStrategy: {secondsAfterSuccess: 0},\n"
                          "  templates: [{name: main, container: {image: x, command: [run]}}]}\n");
        house_wait_pods(&h);
        for (int i = 0; i < 2000 && house_has(&h, &STORE_WORKFLOW, "wf"); i++) {
                fake_runner_advance(h.runner, WORLD_PODS, 0);
                house_run_ms(&h, 1);
        }
        assert_false(house_has(&h, &STORE_WORKFLOW, "wf"));
        AUTO_JSON json_t *wf = NULL;
        const struct archive_key key = {.ns = "default", .name = "wf"};
        if (archive_get_now(h.archive, &key, &wf, &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_string_equal(json_str(wf, "status", "phase"), "Succeeded");
        assert_string_equal(json_str(wf, "status", "nodes", "wf", "phase"), "Succeeded");
        assert_string_equal(obj_label(wf, "workflows.argoproj.io/workflow-archiving-status"),
                            "Persisted");
        house_teardown(&h);
}

static void only_what_the_selector_and_the_strategy_say(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL,
                         "persistence: {archive: true, archiveLabelSelector: {matchLabels: {keep: "
                         "\"1\"}}}");
        create_finished(&h, "with", 1, ", keep: \"1\"", "null");
        create_finished(&h, "without", 1, "", "null");
        create_finished(&h, "not", 1,
                        ", keep: \"1\", workflows.argoproj.io/archive-strategy: \"false\"", "null");
        house_start(&h);
        wait_count(&h, 1);
        house_run_ms(&h, 20);
        assert_int_equal(count(&h), 1);
        house_teardown(&h);
}

static void lists_are_newest_first_in_pages_by_labels(void **state UNUSED)
{
        struct house h;
        house_setup_with(&h, NULL, on);
        create_finished(&h, "old", 1, ", team: red", "null");
        create_finished(&h, "new", 3, ", team: red", "null");
        create_finished(&h, "mid", 2, ", team: blue", "null");
        house_start(&h);
        wait_count(&h, 3);
        AUTO_JSON json_t *first = list(&h, &(struct archive_query){.limit = 2});
        AUTO_JSON json_t *second = list(&h, &(struct archive_query){.limit = 2, .offset = 2});
        AUTO_JSON json_t *red =
                list(&h, &(struct archive_query){.label_selector = "team=red", .limit = 1});
        AUTO_JSON json_t *other = list(&h, &(struct archive_query){.ns = "other"});
        AUTO_JSON json_t *prefix = list(&h, &(struct archive_query){.prefix = "m"});
        json_t *items = json_object_get(first, "items");
        assert_string_equal(obj_name(json_array_get(items, 0)), "new");
        assert_string_equal(obj_name(json_array_get(items, 1)), "mid");
        assert_null(json_at(json_array_get(items, 0), "status", "nodes"));
        assert_string_equal(json_str(first, "metadata", "continue"), "2");
        items = json_object_get(second, "items");
        assert_int_equal(json_array_size(items), 1);
        assert_null(json_at(second, "metadata", "continue"));
        items = json_object_get(red, "items");
        assert_int_equal(json_array_size(items), 1);
        assert_string_equal(json_str(red, "metadata", "continue"), "1");
        assert_int_equal(json_array_size(json_object_get(other, "items")), 0);
        assert_int_equal(json_array_size(json_object_get(prefix, "items")), 1);
        struct err e = {0};
        AUTO_JSON json_t *values = NULL;
        assert_int_equal(archive_labels_now(h.archive, NULL, "team", &values, &e), 0);
        AUTO_JSON json_t *wanted = json_pack("[s,s]", "blue", "red");
        assert_true(json_equal(json_object_get(values, "items"), wanted));
        house_teardown(&h);
}

static void nodes_keep_their_order_and_a_second_copy_replaces_the_first(void **state UNUSED)
{
        struct house h;
        struct err e = {0};
        house_setup_with(&h, NULL, on);
        create_finished(&h, "wf", 1, "", "null");
        house_start(&h);
        wait_count(&h, 1);
        for (int i = 0; i < 2000; i++) { /* until it carries the label */
                AUTO_JSON json_t *wf = house_get(&h, "wf");
                if (streq(obj_label(wf, "workflows.argoproj.io/workflow-archiving-status"),
                          "Archived"))
                        break;
                house_run_ms(&h, 1);
        }
        house_patch(&h, "wf",
                    house_yaml("{metadata: {labels: {workflows.argoproj.io/"
                               "workflow-archiving-status: null}}, status: {message: again}}"));
        const struct archive_key key = {.ns = "default", .name = "wf"};
        for (int i = 0; i < 2000; i++) {
                AUTO_JSON json_t *wf = NULL;
                assert_int_equal(archive_get_now(h.archive, &key, &wf, &e), 0);
                if (streq(json_str(wf, "status", "message"), "again"))
                        break;
                house_run_ms(&h, 1);
        }
        AUTO_JSON json_t *wf = NULL;
        assert_int_equal(archive_get_now(h.archive, &key, &wf, &e), 0);
        assert_string_equal(json_str(wf, "status", "message"), "again");
        AUTO(mem_free) char *text = json_text(json_at(wf, "status", "nodes"), JSON_STYLE_COMPACT);
        assert_string_equal(text, "{\"wf\":{\"id\":\"wf\",\"phase\":\"Succeeded\"},\"b\":{\"id\":"
                                  "\"b\"},\"a\":{\"id\":\"a\"}}");
        assert_int_equal(count(&h), 1);
        assert_int_equal(archive_delete_now(h.archive, obj_uid(wf), &e), 0);
        assert_int_equal(count(&h), 0);
        assert_int_equal(archive_delete_now(h.archive, obj_uid(wf), &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
        house_teardown(&h);
}

static void old_workflows_leave_the_archive(void **state UNUSED)
{
        int64_t at;
        assert_true(time_parse_rfc3339("2026-01-01T01:00:00Z", &at));
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){at});
        struct house h;
        house_setup_with(&h, &clock, "persistence: {archive: true, archiveTTL: 2h}");
        create_finished(&h, "wf", 1, "", "null");
        house_start(&h);
        wait_count(&h, 1);
        fake_clock_advance(&clock, 2 * 3600 * NS_PER_S);
        wait_count(&h, 0);
        house_teardown(&h);
}

static void nothing_is_lost_whenever_the_controller_dies(void **state UNUSED)
{
        for (int turns = 0; turns < 20; turns++) {
                struct house h;
                house_setup_with(&h, NULL, on);
                create_finished(&h, "wf", 1, "", "{secondsAfterCompletion: 0}");
                house_start(&h);
                for (int i = 0; i < turns; i++)
                        loop_run_ready(h.loop);
                house_crash(&h);
                house_open_store(&h);
                house_start(&h);
                for (int i = 0; i < 2000 && house_has(&h, &STORE_WORKFLOW, "wf"); i++)
                        house_run_ms(&h, 1);
                assert_int_equal(count(&h), 1);
                assert_false(house_has(&h, &STORE_WORKFLOW, "wf"));
                house_teardown(&h);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(archived_whole_then_deleted),
                cmocka_unit_test(only_what_the_selector_and_the_strategy_say),
                cmocka_unit_test(lists_are_newest_first_in_pages_by_labels),
                cmocka_unit_test(nodes_keep_their_order_and_a_second_copy_replaces_the_first),
                cmocka_unit_test(old_workflows_leave_the_archive),
                cmocka_unit_test(nothing_is_lost_whenever_the_controller_dies),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
