/* tests/conformance/store/test_lists.c: lists, selectors, pages, and values behind references.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/secret.h"
#include "tests/conformance/store/suite.h"
#include "tests/conformance/store/tests.h"

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a list, sorted and joined: "a b c". */
static char *names(const json_t *list)
{
        const char *all[32];
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        size_t i, n = json_array_size(json_object_get(list, "items"));
        json_t *item;
        assert_true(n <= ARRAY_LEN(all));
        json_array_foreach (json_object_get(list, "items"), i, item)
                all[i] = obj_name(item);
        qsort(all, n, sizeof(*all), by_text);
        for (i = 0; i < n; i++)
                buf_addf(&b, "%s%s", i ? " " : "", all[i]);
        return b.data ? buf_take(&b) : mem_strdup("");
}

static void make(const char *name, const char *labels)
{
        AUTO_JSON json_t *in = workflow(name, labels);
        json_decref(create(in));
}

static void test_selectors_choose(void **state UNUSED)
{
        static const struct {
                const char *labels, *fields, *expected;
        } rows[] = {
                {NULL, NULL, "a b c d"},
                {"", "", "a b c d"},
                {"team=red", NULL, "a b"},
                {"team==blue", NULL, "c"},
                {"team!=red", NULL, "c d"},
                {"team in (red, blue)", NULL, "a b c"},
                {"team notin (red)", NULL, "c d"},
                {"team", NULL, "a b c"},
                {"!team", NULL, "d"},
                {"team=red,size=big", NULL, "b"},
                {"size=big", NULL, "b c"},
                {"team=green", NULL, ""},
                {"events.argoproj.io/action-timestamp=17", NULL, "b"}, /* in no index */
                {"events.argoproj.io/action-timestamp=17,team=red", NULL, "b"},
                {NULL, "metadata.name=c", "c"},
                {"team=red", "metadata.name=c", ""},
        };
        make("b", "team=red,size=big,events.argoproj.io/action-timestamp=17");
        make("a", "team=red");
        make("d", NULL);
        make("c", "team=blue,size=big");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *found = list(&(struct store_list_opts){
                        .label_selector = rows[i].labels, .field_selector = rows[i].fields});
                AUTO(mem_free) char *got = names(found);
                if (!streq(got, rows[i].expected))
                        fail_msg("labels \"%s\" fields \"%s\": expected \"%s\", got \"%s\"",
                                 rows[i].labels ? rows[i].labels : "",
                                 rows[i].fields ? rows[i].fields : "", rows[i].expected, got);
        }
}

static void test_selectors_follow_changed_labels(void **state UNUSED)
{
        make("a", "team=red");
        json_decref(patch("a", "{'metadata': {'labels': {'team': 'blue'}}}"));
        AUTO_JSON json_t *red = list(&(struct store_list_opts){.label_selector = "team=red"});
        AUTO_JSON json_t *blue = list(&(struct store_list_opts){.label_selector = "team=blue"});
        assert_int_equal(json_array_size(json_object_get(red, "items")), 0);
        assert_int_equal(json_array_size(json_object_get(blue, "items")), 1);
        delete ("a");
        AUTO_JSON json_t *none = list(&(struct store_list_opts){.label_selector = "team=blue"});
        assert_int_equal(json_array_size(json_object_get(none, "items")), 0);
}

static void test_a_bad_selector_is_refused(void **state UNUSED)
{
        assert_int_equal(list_code(&(struct store_list_opts){.label_selector = "a in (b"}),
                         ERR_INVALID);
        assert_int_equal(list_code(&(struct store_list_opts){.cont = "***"}),
                         on_kube() ? ERR_INVALID : ERR_INVALID);
}

static void read_pages(const char *selector, size_t limit, struct buf *got)
{
        AUTO(mem_free) char *cont = NULL;
        do {
                AUTO_JSON json_t *page = list(&(struct store_list_opts){
                        .label_selector = selector, .limit = limit, .cont = cont});
                assert_true(json_array_size(json_object_get(page, "items")) <= limit);
                AUTO(mem_free) char *some = names(page);
                buf_addf(got, "%s%s", got->len ? "|" : "", some);
                mem_free(cont);
                cont = mem_strdup(json_str(page, "metadata", "continue"));
        } while (!str_empty(cont));
}

static void test_pages_return_everything_once(void **state UNUSED)
{
        for (char name[2] = "a"; name[0] <= 'g'; name[0]++)
                make(name, name[0] == 'c' ? "odd=no" : "odd=yes");
        static const struct {
                const char *selector;
                size_t limit;
                const char *expected;
        } rows[] = {
                {NULL, 3, "a b c|d e f|g"},
                {NULL, 7, "a b c d e f g"},
                {"odd=yes", 2, "a b|d e|f g"},
                {"odd!=no", 4, "a b d e|f g"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf got = BUF_INIT(4096);
                read_pages(rows[i].selector, rows[i].limit, &got);
                assert_string_equal(buf_str(&got), rows[i].expected);
        }
}

static bool contains(const json_t *list, const char *ns, const char *name)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(list, "items"), i, item)
                if (streq(obj_ns(item), ns) && streq(obj_name(item), name))
                        return true;
        return false;
}

static void test_a_list_may_span_namespaces(void **state UNUSED)
{
        make("a", "span=yes");
        AUTO(mem_free) char *first = mem_strdup(suite.ns);
        suite_begin_test(NULL);
        make("a", "span=yes");
        AUTO_JSON json_t *all = NULL;
        struct err e = {0};
        assert_int_equal(store_list_now(suite.store, &STORE_WORKFLOW, NULL,
                                        &(struct store_list_opts){.label_selector = "span=yes"},
                                        &all, &e),
                         0);
        assert_true(contains(all, first, "a"));
        assert_true(contains(all, suite.ns, "a"));
        AUTO_JSON json_t *own = list(NULL);
        assert_false(contains(own, first, "a"));
}

static void test_a_list_says_what_it_is(void **state UNUSED)
{
        make("a", NULL);
        AUTO_JSON json_t *l = list(NULL);
        assert_string_equal(json_str(l, "kind"), "WorkflowList");
        assert_string_equal(json_str(l, "apiVersion"), "argoproj.io/v1alpha1");
        assert_false(str_empty(json_str(l, "metadata", "resourceVersion")));
}

static void test_a_list_may_leave_nodes_out(void **state UNUSED)
{
        AUTO_JSON json_t *in = workflow("a", NULL);
        json_put_at(in, json_string("x"), "status", "nodes", "x", "id");
        json_put_at(in, json_string("Running"), "status", "phase");
        json_decref(create(in));
        AUTO_JSON json_t *with = list(NULL);
        AUTO_JSON json_t *without = list(&(struct store_list_opts){.no_nodes = true});
        assert_non_null(
                json_at(json_array_get(json_object_get(with, "items"), 0), "status", "nodes"));
        const json_t *bare = json_array_get(json_object_get(without, "items"), 0);
        assert_null(json_at(bare, "status", "nodes"));
        assert_string_equal(json_str(bare, "status", "phase"), "Running");
}

/* ---- values behind references ---- */

struct value {
        char *text;
        bool done, failed;
};

static void on_secret(void *arg, struct secret *s, const struct err *e)
{
        struct value *v = arg;
        v->text = s ? mem_strdup(secret_reveal(s)) : NULL;
        v->failed = e != NULL;
        v->done = true;
        secret_free(s);
}

static void on_config(void *arg, const char *value, const struct err *e)
{
        struct value *v = arg;
        v->text = mem_strdup(value);
        v->failed = e != NULL;
        v->done = true;
}

static void test_secrets_and_config_are_found_by_key(void **state UNUSED)
{
        AUTO_JSON json_t *secret =
                parse("{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 's'},"
                      " 'stringData': {'k': 'hidden'}}");
        AUTO_JSON json_t *map = parse("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': "
                                      "{'name': 'm'}, 'data': {'k': 'open'}}");
        json_decref(create(secret));
        json_decref(create(map));
        struct value hidden = {0}, open = {0}, missing = {0};
        store_secret(suite.store, suite.ns, "s", "k", on_secret, &hidden);
        store_config(suite.store, suite.ns, "m", "k", on_config, &open);
        store_secret(suite.store, suite.ns, "s", "other", on_secret, &missing);
        assert_true(loop_run_until(suite.loop, &hidden.done, 10000));
        assert_true(loop_run_until(suite.loop, &open.done, 10000));
        assert_true(loop_run_until(suite.loop, &missing.done, 10000));
        assert_string_equal(hidden.text, "hidden");
        assert_string_equal(open.text, "open");
        assert_true(missing.failed);
        mem_free(hidden.text);
        mem_free(open.text);
}

#define T(name) cmocka_unit_test_setup(name, suite_begin_test)
const struct CMUnitTest list_tests[] = {
        T(test_selectors_choose),           T(test_selectors_follow_changed_labels),
        T(test_a_bad_selector_is_refused),  T(test_pages_return_everything_once),
        T(test_a_list_may_span_namespaces), T(test_a_list_says_what_it_is),
        T(test_a_list_may_leave_nodes_out), T(test_secrets_and_config_are_found_by_key),
};
const size_t n_list_tests = ARRAY_LEN(list_tests);
