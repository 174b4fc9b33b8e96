/* tests/unit/kube/test_kube_list.c: pages become one list. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/kube_bench.h"

#define PAGE(items, cont)                                                                         \
        "{\"kind\":\"WorkflowList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"" cont \
        "\"},\"items\":" items "}"
#define GONE                                                                                      \
        {                                                                                         \
                .status = 410, .body = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":" \
                                       "\"too old\",\"code\":410}"                                \
        }

static void list(struct bench *b, size_t limit, const char *cont)
{
        struct kube_list_opts o = {.label_selector = "a=b", .limit = limit, .cont = cont};
        kube_list(b->client, &bench_workflows, &o, bench_done, b);
        loop_run_ready(b->loop);
}

static bool asked(size_t request, const char *what)
{
        return strstr(fake_http.requests[request].url, what) != NULL;
}

static void pages_are_put_together_and_items_named(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 200, .body = PAGE("[{\"metadata\":{\"name\":\"a\"}}]", "next")},
                {.status = 200,
                 .body = PAGE("[{\"metadata\":{\"name\":\"b\"},\"kind\":\"Own\"}]", "")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 0, NULL);
        assert_true(asked(0, "?labelSelector=a%3Db&limit=500") && !asked(0, "continue"));
        assert_true(asked(1, "&limit=500&continue=next"));
        assert_string_equal(b.answer, "{\"kind\":\"WorkflowList\",\"metadata\":{"
                                      "\"resourceVersion\":\"9\",\"continue\":\"\"},\"items\":["
                                      "{\"metadata\":{\"name\":\"a\"},\"kind\":\"Workflow\","
                                      "\"apiVersion\":\"argoproj.io/v1alpha1\"},"
                                      "{\"metadata\":{\"name\":\"b\"},\"kind\":\"Own\","
                                      "\"apiVersion\":\"argoproj.io/v1alpha1\"}]}");
        bench_stop(&b);
}

static void an_empty_list_may_be_null(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 200, .body = PAGE("null", "")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 0, NULL);
        assert_non_null(strstr(b.answer, "\"items\":[]"));
        bench_stop(&b);
}

static void a_caller_that_pages_gets_one_page_and_its_token(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 200, .body = PAGE("[]", "next")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 2, "before");
        assert_int_equal(fake_http.n_requests, 1);
        assert_true(asked(0, "&limit=2&continue=before"));
        assert_non_null(strstr(b.answer, "\"continue\":\"next\""));
        bench_stop(&b);
}

static void an_expired_token_starts_the_list_again(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 200, .body = PAGE("[{}]", "next")},
                                                    GONE,
                                                    {.status = 200, .body = PAGE("[{},{}]", "")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 0, NULL);
        assert_false(asked(2, "continue"));
        AUTO_JSON json_t *answer = json_loads(b.answer, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(answer, "items")), 2);
        bench_stop(&b);
}

static void a_list_that_expires_all_the_time_is_read_in_one_go(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 200, .body = PAGE("[{}]", "n")}, GONE,
                {.status = 200, .body = PAGE("[{}]", "n")}, GONE,
                {.status = 200, .body = PAGE("[{}]", "n")}, GONE,
                {.status = 200, .body = PAGE("[{}]", "")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 0, NULL);
        assert_int_equal(fake_http.n_requests, 7);
        assert_false(asked(6, "limit"));
        assert_non_null(b.answer);
        bench_stop(&b);
}

static void a_callers_expired_token_is_gone(void **state UNUSED)
{
        static const struct fake_reply replies[] = {GONE};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 2, "before");
        assert_int_equal(b.error.code, ERR_GONE);
        assert_int_equal(fake_http.n_requests, 1);
        bench_stop(&b);
}

static void pages_that_are_too_large_are_asked_for_in_smaller_portions(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.fail = ERR_LIMIT}, {.fail = ERR_LIMIT}, {.status = 200, .body = PAGE("[]", "")}};
        struct bench b;
        bench_start(&b, replies);
        list(&b, 0, NULL);
        assert_true(asked(1, "limit=62") && asked(2, "limit=7"));
        assert_non_null(b.answer);
        bench_stop(&b);
        static const struct fake_reply never[] = {{.fail = ERR_LIMIT}};
        bench_start(&b, never);
        list(&b, 0, NULL);
        assert_int_equal(b.error.code, ERR_LIMIT);
        assert_int_equal(b.done, 1);
        bench_stop(&b);
}

static void a_canceled_list_does_not_answer(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 200}};
        struct bench b;
        bench_start(&b, replies);
        kube_list_cancel(
                kube_list(b.client, &bench_workflows, &(struct kube_list_opts){0}, bench_done, &b));
        loop_run_ready(b.loop);
        assert_int_equal(b.done, 0);
        bench_stop(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pages_are_put_together_and_items_named),
                cmocka_unit_test(an_empty_list_may_be_null),
                cmocka_unit_test(a_caller_that_pages_gets_one_page_and_its_token),
                cmocka_unit_test(an_expired_token_starts_the_list_again),
                cmocka_unit_test(a_list_that_expires_all_the_time_is_read_in_one_go),
                cmocka_unit_test(a_callers_expired_token_is_gone),
                cmocka_unit_test(pages_that_are_too_large_are_asked_for_in_smaller_portions),
                cmocka_unit_test(a_canceled_list_does_not_answer),
        };
        return cmocka_run_group_tests_name("kube_list", tests, NULL, NULL);
}
