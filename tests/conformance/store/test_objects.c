/* tests/conformance/store/test_objects.c: one object: create, get, update, patch, delete.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/store/suite.h"
#include "tests/conformance/store/tests.h"

static int64_t generation(const json_t *o)
{
        return json_integer_value(json_at(o, "metadata", "generation"));
}

static void test_create_fills_in_what_the_server_owns(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", "team=x");
        AUTO_JSON json_t *made = create(in);
        assert_string_equal(obj_name(made), "a");
        assert_string_equal(obj_ns(made), suite.ns);
        assert_int_equal(strlen(obj_uid(made)), 36);
        assert_int_equal(strlen(json_str(made, "metadata", "creationTimestamp")), 20);
        assert_int_equal(generation(made), 1);
        assert_non_null(obj_version(made));
        assert_string_equal(obj_label(made, "team"), "x");
        assert_null(json_at(in, "metadata", "uid")); /* what was passed in is borrowed */
        AUTO_JSON json_t *got = get("a");
        assert_true(json_equal(got, made));
}

static void test_a_name_that_is_taken_is_a_conflict(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_decref(create(in));
        assert_int_equal(create_code(in), ERR_CONFLICT);
}

static void test_the_same_name_may_exist_in_another_kind(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_decref(create(in));
        AUTO_JSON json_t *map = parse("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': "
                                      "{'name': 'a'}, 'data': {'k': 'v'}}");
        json_decref(create(map));
}

static void test_generate_name_makes_different_names(void **state UNUSED)
{
        AUTO_JSON json_t *in = parse("{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow',"
                                     " 'metadata': {'generateName': 'hello-'}, 'spec': {}}");
        AUTO_JSON json_t *a = create(in);
        AUTO_JSON json_t *b = create(in);
        assert_true(str_starts(obj_name(a), "hello-"));
        assert_int_equal(strlen(obj_name(a)), 11);
        assert_string_not_equal(obj_name(a), obj_name(b));
}

static void test_wrong_objects_are_refused(void **state UNUSED)
{
        static const char *const rows[] = {
                "{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow', 'metadata': {}, "
                "'spec': {}}",
                "{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow', 'metadata': {'name': "
                "'A b'}, 'spec': {}}",
                "{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow', 'metadata': {'name': "
                "'-a'}, 'spec': {}}",
                "{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow', 'metadata': {'name': "
                "'a', 'labels': {'x': 1}}, 'spec': {}}",
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *o = parse(rows[i]);
                if (create_code(o) != ERR_INVALID)
                        fail_msg("not refused: %s", rows[i]);
        }
}

static void test_what_is_not_there_is_not_found(void **state UNUSED)
{
        AUTO_JSON json_t *ghost = workflow("ghost", NULL);
        json_put_at(ghost, json_string(suite.ns), "metadata", "namespace");
        json_put_at(ghost, json_string("1"), "metadata", "resourceVersion");
        assert_int_equal(get_code("ghost"), ERR_NOT_FOUND);
        assert_int_equal(patch_code("ghost", STORE_PATCH_MERGE, "{'spec': {}}"), ERR_NOT_FOUND);
        assert_int_equal(delete_code("ghost", NULL), ERR_NOT_FOUND);
        assert_int_equal(update_code(ghost), ERR_NOT_FOUND);
}

static void test_an_update_with_a_stale_version_is_a_conflict(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *old = create(in);
        json_decref(patch("a", "{'spec': {'entrypoint': 'other'}}"));
        json_put_at(old, json_string("mine"), "spec", "entrypoint");
        assert_int_equal(update_code(old), ERR_CONFLICT);
        AUTO_JSON json_t *now = get("a");
        assert_string_equal(json_str(now, "spec", "entrypoint"), "other");
        json_put_at(now, json_string("mine"), "spec", "entrypoint");
        AUTO_JSON json_t *updated = update(now);
        assert_string_equal(json_str(updated, "spec", "entrypoint"), "mine");
        assert_string_not_equal(obj_version(updated), obj_version(now));
}

static void test_an_update_without_a_change_keeps_the_version(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *made = create(in);
        AUTO_JSON json_t *updated = update(made);
        assert_string_equal(obj_version(updated), obj_version(made));
        AUTO_JSON json_t *patched = patch("a", "{'spec': {'entrypoint': 'main'}}");
        assert_string_equal(obj_version(patched), obj_version(made));
}

static void test_an_update_cannot_change_what_the_server_owns(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *made = create(in);
        AUTO_JSON json_t *edit = json_deep_copy(made);
        json_put_at(edit, json_string("2001-01-01T00:00:00Z"), "metadata", "creationTimestamp");
        json_put_at(edit, json_integer(77), "metadata", "generation");
        json_put_at(edit, json_string("other"), "spec", "entrypoint");
        AUTO_JSON json_t *updated = update(edit);
        assert_string_equal(json_str(updated, "metadata", "creationTimestamp"),
                            json_str(made, "metadata", "creationTimestamp"));
        assert_int_equal(generation(updated), 2);
        json_put_at(edit, json_string("00000000-0000-0000-0000-000000000000"), "metadata", "uid");
        json_object_del(json_object_get(edit, "metadata"), "resourceVersion");
        assert_int_not_equal(update_code(edit), ERR_NONE);
}

static void test_generation_counts_changes_of_the_spec(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_decref(create(in));
        AUTO_JSON json_t *labelled = patch("a", "{'metadata': {'labels': {'x': 'y'}}}");
        assert_int_equal(generation(labelled), 1);
        AUTO_JSON json_t *changed = patch("a", "{'spec': {'entrypoint': 'b'}}");
        assert_int_equal(generation(changed), 2);
}

static void test_a_merge_patch_merges_and_null_removes(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", "x=1,y=2");
        json_decref(create(in));
        AUTO_JSON json_t *got = patch(
                "a", "{'metadata': {'labels': {'x': null, 'z': '3'}}, 'spec': {'list': [1, 2]}}");
        assert_null(obj_label(got, "x"));
        assert_string_equal(obj_label(got, "y"), "2");
        assert_string_equal(obj_label(got, "z"), "3");
        AUTO_JSON json_t *replaced = patch("a", "{'spec': {'list': [3]}}");
        assert_int_equal(json_array_size(json_at(replaced, "spec", "list")), 1);
        assert_string_equal(json_str(replaced, "spec", "entrypoint"), "main");
}

static void test_a_version_in_a_patch_is_a_precondition(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *made = create(in);
        AUTO(mem_free)
        char *with_version = mem_printf("{'metadata': {'resourceVersion': '%s'}, 'spec': {'n': 1}}",
                                        obj_version(made));
        assert_int_equal(patch_code("a", STORE_PATCH_MERGE, with_version), ERR_NONE);
        AUTO(mem_free)
        char *again = mem_printf("{'metadata': {'resourceVersion': '%s'}, 'spec': {'n': 2}}",
                                 obj_version(made));
        assert_int_equal(patch_code("a", STORE_PATCH_MERGE, again), ERR_CONFLICT);
        AUTO_JSON json_t *now = get("a");
        assert_int_equal(json_integer_value(json_at(now, "spec", "n")), 1);
}

static void test_a_json_patch_happens_wholly_or_not_at_all(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_decref(create(in));
        assert_int_equal(
                patch_code("a", STORE_PATCH_JSON,
                           "[{'op': 'add', 'path': '/spec/n', 'value': 1},"
                           " {'op': 'replace', 'path': '/spec/entrypoint', 'value': 'b'}]"),
                ERR_NONE);
        assert_int_not_equal(
                patch_code("a", STORE_PATCH_JSON,
                           "[{'op': 'replace', 'path': '/spec/n', 'value': 2},"
                           " {'op': 'test', 'path': '/spec/entrypoint', 'value': 'main'}]"),
                ERR_NONE);
        AUTO_JSON json_t *now = get("a");
        assert_int_equal(json_integer_value(json_at(now, "spec", "n")), 1);
        assert_string_equal(json_str(now, "spec", "entrypoint"), "b");
}

static void test_status_nodes_are_patched_one_by_one(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_decref(create(in));
        json_decref(patch(
                "a",
                "{'status': {'phase': 'Running', 'nodes': {'z': {'id': 'z', 'phase': 'Running'},"
                " 'm': {'id': 'm', 'phase': 'Pending'}, 'b': {'id': 'b'}}}}"));
        AUTO_JSON json_t *named =
                patch("a", "{'status': {'nodes': {'m': {'phase': 'Failed'}, 'b': null}}}");
        assert_string_equal(json_str(named, "status", "nodes", "m", "phase"), "Failed");
        AUTO_JSON json_t *got = get("a");
        assert_string_equal(json_str(got, "status", "phase"), "Running");
        assert_int_equal(json_object_size(json_at(got, "status", "nodes")), 2);
        assert_string_equal(json_str(got, "status", "nodes", "m", "id"), "m");
        assert_string_equal(json_str(got, "status", "nodes", "m", "phase"), "Failed");
        assert_string_equal(json_str(got, "status", "nodes", "z", "phase"), "Running");
        assert_string_not_equal(obj_version(got), "");
        if (!on_kube()) /* in the order they were added; an API server sorts */
                assert_string_equal(
                        json_object_iter_key(json_object_iter(json_at(got, "status", "nodes"))),
                        "z");
}

static void test_an_update_replaces_status_nodes(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *nodes = parse("{'x': {'id': 'x'}, 'y': {'id': 'y'}}");
        json_put_at(in, json_incref(nodes), "status", "nodes");
        AUTO_JSON json_t *made = create(in);
        assert_true(json_equal(json_at(made, "status", "nodes"), nodes));
        AUTO_JSON json_t *edit = json_deep_copy(made);
        json_object_del(json_at(edit, "status", "nodes"), "x");
        json_put_at(edit, json_string("Failed"), "status", "nodes", "y", "phase");
        AUTO_JSON json_t *updated = update(edit);
        AUTO_JSON json_t *got = get("a");
        assert_true(json_equal(got, updated));
        assert_int_equal(json_object_size(json_at(got, "status", "nodes")), 1);
        assert_string_equal(json_str(got, "status", "nodes", "y", "phase"), "Failed");
}

static void test_a_status_that_is_removed_takes_its_nodes_with_it(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_put_at(in, json_string("x"), "status", "nodes", "x", "id");
        json_decref(create(in));
        json_decref(patch("a", "{'status': null}"));
        AUTO_JSON json_t *got = get("a");
        assert_null(json_at(got, "status"));
}

static void test_delete_asks_for_the_uid_it_was_given(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *made = create(in);
        assert_int_equal(delete_code("a", "00000000-0000-0000-0000-000000000000"), ERR_CONFLICT);
        assert_int_equal(delete_code("a", obj_uid(made)), ERR_NONE);
        assert_int_equal(get_code("a"), ERR_NOT_FOUND);
        AUTO_JSON json_t *again = create(in);
        assert_string_not_equal(obj_uid(again), obj_uid(made));
}

static void test_finalizers_hold_an_object_until_the_last_is_removed(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", "x=1");
        json_put_at(in, parse("['example.com/keep']"), "metadata", "finalizers");
        json_decref(create(in));
        delete ("a");
        AUTO_JSON json_t *dying = get("a");
        assert_non_null(json_str(dying, "metadata", "deletionTimestamp"));
        assert_int_equal(patch_code("a", STORE_PATCH_MERGE,
                                    "{'metadata': {'finalizers': null, 'labels': {'x': '2'}}}"),
                         ERR_NONE);
        assert_int_equal(get_code("a"), ERR_NOT_FOUND);
        json_decref(create(in));
        AUTO_JSON json_t *found = list(&(struct store_list_opts){.label_selector = "x=1"});
        assert_int_equal(json_array_size(json_object_get(found, "items")), 1);
        json_decref(patch("a", "{'metadata': {'finalizers': null}}"));
}

static void test_string_data_of_a_secret_becomes_data(void **state UNUSED)
{
        AUTO_JSON json_t *in =
                parse("{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 's'},"
                      " 'data': {'a': 'b2xk'}, 'stringData': {'token': 'pass word'}}");
        json_decref(create(in));
        AUTO_JSON json_t *got = NULL;
        struct err e = {0};
        assert_int_equal(store_get_now(suite.store,
                                       (struct store_ref){&STORE_SECRET, suite.ns, "s"}, &got, &e),
                         0);
        assert_null(json_at(got, "stringData"));
        assert_string_equal(json_str(got, "data", "token"), "cGFzcyB3b3Jk");
        assert_string_equal(json_str(got, "data", "a"), "b2xk");
}

static void test_cluster_scoped_objects_have_no_namespace(void **state UNUSED)
{
        AUTO(mem_free) char *name = mem_printf("%s-ct", suite.ns);
        AUTO_JSON json_t *in =
                parse("{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'ClusterWorkflowTemplate',"
                      " 'metadata': {}, 'spec': {}}");
        json_put_at(in, json_string(name), "metadata", "name");
        AUTO_JSON json_t *made = create(in);
        assert_null(json_at(made, "metadata", "namespace"));
        struct err e = {0};
        AUTO_JSON json_t *got = NULL;
        struct store_ref ref = {&STORE_CLUSTER_WORKFLOW_TEMPLATE, "whatever", name};
        assert_int_equal(store_get_now(suite.store, ref, &got, &e), 0);
        assert_int_equal(store_delete_now(suite.store, ref, NULL, &e), 0);
}

static void test_apply_creates_and_then_merges(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", "x=1");
        AUTO_JSON json_t *first = NULL, *second = NULL;
        struct err e = {0};
        bool created = false;
        assert_int_equal(store_apply_now(suite.store, suite.ns, in, &first, &created, &e), 0);
        assert_true(created);
        json_put_at(in, json_string("b"), "spec", "entrypoint");
        assert_int_equal(store_apply_now(suite.store, suite.ns, in, &second, &created, &e), 0);
        assert_false(created);
        assert_string_equal(json_str(second, "spec", "entrypoint"), "b");
        assert_string_equal(obj_uid(first), obj_uid(second));
}

static void test_values_survive_byte_for_byte(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        AUTO_JSON json_t *values = parse("{'text': 'a\\u0001\\u00e9\\ud83d\\ude00\\\\ /', 'zero': "
                                         "0, 'big': 9007199254740993,"
                                         " 'real': 0.1, 'empty': {}, 'none': [], 'yes': true, "
                                         "'nested': [[{'x': [1, -1]}]]}");
        json_put_at(in, json_incref(values), "spec", "values");
        json_decref(create(in));
        AUTO_JSON json_t *got = get("a");
        assert_true(json_equal(json_at(got, "spec", "values"), values));
}

#define T(name) cmocka_unit_test_setup(name, suite_begin_test)
const struct CMUnitTest object_tests[] = {
        T(test_create_fills_in_what_the_server_owns),
        T(test_a_name_that_is_taken_is_a_conflict),
        T(test_the_same_name_may_exist_in_another_kind),
        T(test_generate_name_makes_different_names),
        T(test_wrong_objects_are_refused),
        T(test_what_is_not_there_is_not_found),
        T(test_an_update_with_a_stale_version_is_a_conflict),
        T(test_an_update_without_a_change_keeps_the_version),
        T(test_an_update_cannot_change_what_the_server_owns),
        T(test_generation_counts_changes_of_the_spec),
        T(test_a_merge_patch_merges_and_null_removes),
        T(test_a_version_in_a_patch_is_a_precondition),
        T(test_a_json_patch_happens_wholly_or_not_at_all),
        T(test_status_nodes_are_patched_one_by_one),
        T(test_an_update_replaces_status_nodes),
        T(test_a_status_that_is_removed_takes_its_nodes_with_it),
        T(test_delete_asks_for_the_uid_it_was_given),
        T(test_finalizers_hold_an_object_until_the_last_is_removed),
        T(test_string_data_of_a_secret_becomes_data),
        T(test_cluster_scoped_objects_have_no_namespace),
        T(test_apply_creates_and_then_merges),
        T(test_values_survive_byte_for_byte),
};
const size_t n_object_tests = ARRAY_LEN(object_tests);
