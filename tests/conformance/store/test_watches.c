/* tests/conformance/store/test_watches.c: watches and follow. SPDX-License-Identifier: Apache-2.0
 */
#include "tests/conformance/store/suite.h"
#include "tests/conformance/store/tests.h"

static void make(const char *name, const char *labels)
{
        AUTO_JSON json_t *in = workflow(name, labels);
        json_decref(create(in));
}

static void ignore_answer(void *arg UNUSED, json_t *obj UNUSED, const struct err *e UNUSED)
{
}

static void wait_version(struct recorder *r, const char *version)
{
        struct mono end = mono_add_ms(clock_mono(clock_system()), 10000);
        while (!(r->n && streq(obj_version(r->objects[r->n - 1]), version))) {
                bool never = false;
                if (clock_mono(clock_system()).ns > end.ns)
                        fail_msg("version %s was never recorded", version);
                loop_run_until(suite.loop, &never, 2);
        }
}

static char *version_now(void)
{
        AUTO_JSON json_t *l = list(NULL);
        return mem_strdup(json_str(l, "metadata", "resourceVersion"));
}

static void test_a_watch_tells_what_happens_after_its_version(void **state UNUSED)
{
        struct recorder r;
        make("before", NULL);
        AUTO(mem_free) char *version = version_now();
        make("between", NULL);
        record(&r, NULL, version);
        wait_line(&r, "ADDED between");
        make("a", NULL);
        wait_line(&r, "ADDED a");
        json_decref(patch("a", "{'spec': {'n': 1}}"));
        wait_line(&r, "MODIFIED a");
        delete ("a");
        wait_line(&r, "DELETED a");
        assert_int_equal(count_line(&r, "ADDED before"), 0);
        assert_int_equal(count_line(&r, "ADDED between"), 1);
        assert_int_equal(r.n, 4);
        stop(&r);
}

static void test_a_watch_without_a_version_begins_with_what_is_there(void **state UNUSED)
{
        struct recorder r;
        make("a", NULL);
        record(&r, NULL, NULL);
        wait_line(&r, "ADDED a");
        make("b", NULL);
        wait_line(&r, "ADDED b");
        assert_int_equal(r.n, 2);
        stop(&r);
}

static void test_versions_of_a_watch_never_go_back(void **state UNUSED)
{
        struct recorder r;
        AUTO(mem_free) char *version = version_now();
        record(&r, NULL, version);
        make("a", NULL);
        for (int i = 0; i < 20; i++) {
                AUTO(mem_free) char *text = mem_printf("{'spec': {'n': %d}}", i);
                json_decref(patch("a", text));
        }
        make("last", NULL);
        wait_line(&r, "ADDED last");
        int64_t before = 0;
        for (size_t i = 0; i < r.n; i++) {
                int64_t v;
                assert_true(str_to_i64(obj_version(r.objects[i]), &v));
                assert_true(v > before);
                before = v;
        }
        const json_t *newest = r.objects[r.n - 2];
        assert_int_equal(json_integer_value(json_at(newest, "spec", "n")), 19);
        stop(&r);
}

static void test_objects_enter_and_leave_a_selector(void **state UNUSED)
{
        struct recorder r;
        make("a", "on=no");
        AUTO(mem_free) char *version = version_now();
        record(&r, &(struct store_list_opts){.label_selector = "on=yes"}, version);
        json_decref(patch("a", "{'metadata': {'labels': {'on': 'yes'}}}"));
        wait_line(&r, "ADDED a");
        json_decref(patch("a", "{'spec': {'n': 1}}"));
        wait_line(&r, "MODIFIED a");
        json_decref(patch("a", "{'metadata': {'labels': {'on': 'no'}}}"));
        wait_line(&r, "DELETED a");
        delete ("a");
        make("b", "on=yes");
        wait_line(&r, "ADDED b");
        delete ("b");
        wait_line(&r, "DELETED b");
        assert_int_equal(r.n, 5);
        stop(&r);
}

static void test_an_object_made_again_is_another_one(void **state UNUSED)
{
        struct recorder r;
        make("a", NULL);
        AUTO(mem_free) char *version = version_now();
        delete ("a");
        make("a", NULL);
        record(&r, NULL, version);
        wait_line(&r, "ADDED a");
        assert_string_equal(r.lines[0], "DELETED a");
        assert_string_equal(r.lines[1], "ADDED a");
        assert_string_not_equal(obj_uid(r.objects[0]), obj_uid(r.objects[1]));
        stop(&r);
}

static void test_a_watch_keeps_to_its_namespace_and_kind(void **state UNUSED)
{
        struct recorder own, all;
        AUTO(mem_free) char *version = version_now();
        record(&own, NULL, version);
        record_all_ns(&all, NULL, version);
        AUTO_JSON json_t *map =
                parse("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'map'}}");
        json_decref(create(map));
        suite_begin_test(NULL);
        make("elsewhere", NULL);
        wait_line(&all, "ADDED elsewhere");
        assert_int_equal(count_line(&all, "ADDED map"), 0);
        assert_int_equal(own.n, 0);
        stop(&own);
        stop(&all);
}

static void test_nothing_comes_after_a_watch_was_stopped(void **state UNUSED)
{
        struct recorder stopped, other;
        AUTO(mem_free) char *version = version_now();
        record(&stopped, NULL, version);
        record(&other, NULL, version);
        stop(&stopped);
        make("a", NULL);
        wait_line(&other, "ADDED a");
        assert_int_equal(stopped.n, 0);
        stop(&other);
}

static void test_a_watch_shows_nodes_unless_asked_not_to(void **state UNUSED)
{
        struct recorder with, without;
        make("a", NULL);
        AUTO(mem_free) char *version = version_now();
        record(&with, NULL, version);
        record(&without, &(struct store_list_opts){.no_nodes = true}, version);
        json_decref(patch("a", "{'status': {'phase': 'Running', 'nodes': {'x': {'id': 'x'}}}}"));
        wait_line(&with, "MODIFIED a");
        wait_line(&without, "MODIFIED a");
        assert_string_equal(json_str(with.objects[0], "status", "nodes", "x", "id"), "x");
        assert_null(json_at(without.objects[0], "status", "nodes"));
        assert_string_equal(json_str(without.objects[0], "status", "phase"), "Running");
        stop(&with);
        stop(&without);
}

/* Large enough to be kept parsed by the embedded driver; every way to change nodes must still be
 * seen. */
static void test_nodes_of_a_large_workflow_are_always_the_newest(void **state UNUSED)
{
        struct recorder r;
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *nodes = json_object();
        for (int i = 0; i < 100; i++) {
                AUTO(mem_free) char *id = mem_printf("n%03d", i);
                json_object_set_new(nodes, id, json_pack("{s:s}", "phase", "Pending"));
        }
        json_put_at(in, json_incref(nodes), "status", "nodes");
        json_decref(create(in));
        AUTO(mem_free) char *version = version_now();
        record(&r, NULL, version);
        static const char *const patches[] = {
                "{'status': {'nodes': {'n001': {'phase': 'Running'}}}}",
                "{'spec': {'x': 1}}",
                "{'status': {'nodes': {'n001': {'phase': 'Failed'}, 'new': {'phase': 'Pending'}, "
                "'n002': null}}}",
                "{'status': {'nodes': null}}",
                "{'status': {'nodes': {'n050': {'phase': 'Running'}}}}",
        };
        for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
                json_decref(patch("a", patches[i]));
                AUTO_JSON json_t *now = get("a");
                wait_version(&r, obj_version(now));
                assert_true(json_equal(r.objects[r.n - 1], now));
        }
        assert_int_equal(json_object_size(json_at(r.objects[0], "status", "nodes")), 100);
        assert_string_equal(json_str(r.objects[0], "status", "nodes", "n001", "phase"), "Running");
        assert_string_equal(json_str(r.objects[1], "status", "nodes", "n001", "phase"), "Running");
        stop(&r);
}

static void test_a_version_from_nowhere_ends_the_watch(void **state UNUSED)
{
        struct recorder r;
        record(&r, NULL, "not-a-number");
        struct mono end = mono_add_ms(clock_mono(clock_system()), 10000);
        while (!r.ended && clock_mono(clock_system()).ns < end.ns)
                loop_run_until(suite.loop, &r.ended, 50);
        assert_true(r.ended);
        stop(&r);
}

static void test_trimmed_history_is_gone(void **state UNUSED)
{
        if (on_kube()) /* compaction of etcd cannot be had in a test's time */
                skip();
        struct recorder r;
        AUTO(mem_free) char *version = version_now();
        make("a", NULL);
        for (int i = 0; i < 10400; i++) {
                AUTO_JSON json_t *p = json_pack("{s:{s:i}}", "spec", "n", i);
                store_patch(suite.store, wf("a"), STORE_PATCH_MERGE, p, ignore_answer, NULL);
        }
        json_decref(get("a"));
        json_decref(patch("a", "{'spec': {'n': 'last'}}"));
        record(&r, NULL, version);
        wait_line(&r, "GONE GONE");
        stop(&r);
}

/* ---- follow ---- */

struct followed {
        struct buf log;
        bool synced;
};

static void on_set(void *arg, json_t *obj)
{
        buf_addf(&((struct followed *)arg)->log, "+%s ", obj_name(obj));
}

static void on_gone(void *arg, json_t *obj)
{
        buf_addf(&((struct followed *)arg)->log, "-%s ", obj_name(obj));
}

static void on_synced(void *arg)
{
        struct followed *f = arg;
        buf_adds(&f->log, "synced ");
        f->synced = true;
}

static void wait_log(struct followed *f, const char *text)
{
        struct mono end = mono_add_ms(clock_mono(clock_system()), 10000);
        while (!strstr(buf_str(&f->log), text) && clock_mono(clock_system()).ns < end.ns) {
                bool never = false;
                loop_run_until(suite.loop, &never, 2);
        }
        if (!strstr(buf_str(&f->log), text))
                fail_msg("\"%s\" never came; only \"%s\"", text, buf_str(&f->log));
}

static void test_follow_lists_and_then_watches(void **state UNUSED)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        struct followed f = {.log = BUF_INIT(4096)};
        struct store_follow *follow;
        struct err e = {0};
        make("a", NULL);
        assert_int_equal(store_follow(&follow, suite.store, &STORE_WORKFLOW, suite.ns, NULL,
                                      &handlers, &f, &e),
                         0);
        wait_log(&f, "synced ");
        assert_string_equal(buf_str(&f.log), "+a synced ");
        make("b", NULL);
        wait_log(&f, "+b ");
        delete ("a");
        wait_log(&f, "-a ");
        store_follow_stop(follow);
        make("c", NULL);
        json_decref(get("c"));
        assert_string_equal(buf_str(&f.log), "+a synced +b -a ");
        buf_deinit(&f.log);
}

#define T(name) cmocka_unit_test_setup(name, suite_begin_test)
const struct CMUnitTest watch_tests[] = {
        T(test_a_watch_tells_what_happens_after_its_version),
        T(test_a_watch_without_a_version_begins_with_what_is_there),
        T(test_versions_of_a_watch_never_go_back),
        T(test_objects_enter_and_leave_a_selector),
        T(test_an_object_made_again_is_another_one),
        T(test_a_watch_keeps_to_its_namespace_and_kind),
        T(test_nothing_comes_after_a_watch_was_stopped),
        T(test_a_watch_shows_nodes_unless_asked_not_to),
        T(test_nodes_of_a_large_workflow_are_always_the_newest),
        T(test_a_version_from_nowhere_ends_the_watch),
        T(test_trimmed_history_is_gone),
        T(test_follow_lists_and_then_watches),
};
const size_t n_watch_tests = ARRAY_LEN(watch_tests);
