/* tests/unit/kube/test_kube_client.c: one call: address, credentials, retries, errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "tests/unit/kube/kube_bench.h"
#include <unistd.h>

static struct kube_call *call(struct bench *b, enum kube_verb verb, const char *name)
{
        struct kube_request r = {.verb = verb, .target = bench_workflows};
        r.target.name = name;
        return kube_call(b->client, &r, bench_done, b);
}

static void addresses_follow_the_api(void **state UNUSED)
{
        static const struct {
                struct kube_target target;
                enum kube_verb verb;
                const char *method, *url;
        } cases[] = {
                {{"argoproj.io", "v1alpha1", "Workflow", "workflows", "t", "a", NULL},
                 KUBE_GET,
                 "GET",
                 "https://api:6443/apis/argoproj.io/v1alpha1/namespaces/t/workflows/a"},
                {{"", "v1", "ConfigMap", "configmaps", "t", NULL, NULL},
                 KUBE_CREATE,
                 "POST",
                 "https://api:6443/api/v1/namespaces/t/configmaps"},
                {{NULL, "v1", "Node", "nodes", NULL, "n:1", NULL},
                 KUBE_DELETE,
                 "DELETE",
                 "https://api:6443/api/v1/nodes/n%3A1"},
                {{"", "v1", "Pod", "pods", "t", "p", "status"},
                 KUBE_PATCH,
                 "PATCH",
                 "https://api:6443/api/v1/namespaces/t/pods/p/status"},
                {{"argoproj.io", "v1alpha1", "Workflow", "workflows", NULL, NULL, NULL},
                 KUBE_LIST,
                 "GET",
                 "https://api:6443/apis/argoproj.io/v1alpha1/"
                 "workflows?labelSelector=a%3Db%2Cc%20in%20%28d%29"},
        };
        static const struct fake_reply ok[] = {{.status = 200}};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct bench b;
                bench_start(&b, ok);
                const struct kube_param query[] = {
                        {"labelSelector", cases[i].verb == KUBE_LIST ? "a=b,c in (d)" : NULL}, {0}};
                struct kube_request r = {
                        .verb = cases[i].verb, .target = cases[i].target, .query = query};
                kube_call(b.client, &r, bench_done, &b);
                loop_run_ready(b.loop);
                assert_string_equal(fake_http.requests[0].url, cases[i].url);
                assert_string_equal(fake_http.requests[0].method, cases[i].method);
                assert_string_equal(fake_http.requests[0].bearer, "tok");
                assert_int_equal(b.done, 1);
                bench_stop(&b);
        }
}

static void names_that_would_address_something_else_are_not_sent(void **state UNUSED)
{
        static const char *const names[] = {"", ".", "..", "../secrets/x", "a/b", "a%2fb", NULL};
        static const struct fake_reply ok[] = {{.status = 200}};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct bench b;
                bench_start(&b, ok);
                call(&b, KUBE_DELETE, names[i]);
                assert_int_equal(b.done, 0); /* answers come later */
                loop_run_ready(b.loop);
                assert_int_equal(b.done, 1);
                assert_int_equal(b.error.code, ERR_INVALID);
                assert_int_equal(fake_http.n_requests, 0);
                bench_stop(&b);
        }
}

static void sends_the_body_with_its_content_type(void **state UNUSED)
{
        static const struct fake_reply ok[] = {
                {.status = 201, .body = "{\"metadata\":{\"uid\":\"u\"}}"}};
        struct bench b;
        bench_start(&b, ok);
        AUTO_JSON json_t *body = json_pack("{s:s}", "kind", "Workflow");
        struct kube_request r = {.verb = KUBE_CREATE, .target = bench_workflows, .body = body};
        kube_call(b.client, &r, bench_done, &b);
        r.content_type = "application/merge-patch+json";
        kube_call(b.client, &r, bench_done, &b);
        loop_run_ready(b.loop);
        assert_string_equal(fake_http.requests[0].body, "{\"kind\":\"Workflow\"}");
        assert_string_equal(fake_http.requests[0].content_type, "application/json");
        assert_string_equal(fake_http.requests[1].content_type, "application/merge-patch+json");
        assert_string_equal(b.answer, "{\"metadata\":{\"uid\":\"u\"}}");
        bench_stop(&b);
}

static void waits_as_long_as_a_429_asks(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 429, .body = "storage is (re)initializing", .retry_after_ms = 3000},
                {.status = 200}};
        struct bench b;
        bench_start(&b, replies);
        call(&b, KUBE_LIST, NULL);
        loop_run_ready(b.loop);
        bench_pass(&b, 2999);
        assert_int_equal(fake_http.n_requests, 1);
        bench_pass(&b, 1000);
        assert_int_equal(fake_http.n_requests, 2);
        assert_string_equal(b.answer, "{}");
        bench_stop(&b);
}

static void gives_up_after_some_429_and_keeps_the_hint(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 429, .body = "Too many requests", .retry_after_ms = 2000}};
        struct bench b;
        bench_start(&b, replies);
        call(&b, KUBE_CREATE, NULL);
        for (int i = 0; i < 20; i++)
                bench_pass(&b, 5000);
        assert_int_equal(fake_http.n_requests, KUBE_ATTEMPTS);
        assert_int_equal(b.done, 1);
        assert_int_equal(b.error.code, ERR_UNAVAILABLE);
        assert_int_equal(b.error.retry_after_ms, 2000);
        bench_stop(&b);
}

static void a_pause_beyond_reason_is_cut(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 429, .retry_after_ms = 3600 * 1000},
                                                    {.status = 200}};
        struct bench b;
        bench_start(&b, replies);
        call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        bench_pass(&b, 13 * 1000);
        assert_int_equal(b.done, 1);
        bench_stop(&b);
}

static void other_failures_are_the_callers(void **state UNUSED)
{
        static const struct fake_reply replies[][1] = {{{.status = 503}},
                                                       {{.status = 409}},
                                                       {{.fail = ERR_TIMEOUT}},
                                                       {{.fail = ERR_UNAVAILABLE}}};
        static const enum err_code codes[] = {ERR_UNAVAILABLE, ERR_CONFLICT, ERR_TIMEOUT,
                                              ERR_UNAVAILABLE};
        for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
                struct bench b;
                bench_start(&b, replies[i]);
                call(&b, KUBE_CREATE, NULL);
                bench_pass(&b, 60 * 1000);
                assert_int_equal(fake_http.n_requests, 1);
                assert_int_equal(b.error.code, codes[i]);
                assert_non_null(strstr(b.error.msg, "create workflows.argoproj.io in namespace t"));
                bench_stop(&b);
        }
}

static void an_answer_that_is_not_json_is_a_fault_of_the_peer(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 200, .body = "{\"metadata\":"}};
        struct bench b;
        bench_start(&b, replies);
        call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        assert_int_equal(b.error.code, ERR_PROTOCOL);
        bench_stop(&b);
}

static void a_canceled_call_does_not_answer(void **state UNUSED)
{
        static const struct fake_reply replies[][1] = {
                {{.status = 200}}, {{.status = 0}}, {{.status = 429}}};
        for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
                struct bench b;
                bench_start(&b, replies[i]);
                struct kube_call *c = call(&b, KUBE_GET, "a");
                if (replies[i][0].status == 429)
                        loop_run_ready(b.loop); /* it waits for its next attempt */
                kube_call_cancel(c);
                kube_call_cancel(call(&b, KUBE_GET, "..")); /* failed, not yet answered */
                bench_pass(&b, 60 * 1000);
                assert_int_equal(b.done, 0);
                bench_stop(&b);
        }
}

static void closing_answers_what_runs(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 0}};
        struct bench b;
        bench_start(&b, replies);
        call(&b, KUBE_GET, "a");
        call(&b, KUBE_GET, "..");
        b.client = kube_client_free(b.client);
        assert_int_equal(b.done, 2);
        assert_int_equal(b.error.code, ERR_UNAVAILABLE);
        bench_stop(&b);
}

static void more_than_64_calls_wait_for_their_turn(void **state UNUSED)
{
        static const struct fake_reply silence[] = {{.status = 0}}, ok[] = {{.status = 200}};
        struct bench b;
        struct kube_call *calls[70];
        bench_start(&b, silence);
        for (size_t i = 0; i < ARRAY_LEN(calls); i++)
                calls[i] = call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        assert_int_equal(fake_http.running, 64);
        kube_call_cancel(calls[69]); /* waits */
        kube_call_cancel(calls[0]);  /* runs: its place is the next one's */
        assert_int_equal(fake_http.running, 63);
        fake_http_script(ok, 1);
        fake_http.running = 63;
        loop_run_ready(b.loop);
        assert_int_equal(fake_http.n_requests, 5); /* one after the other on that place */
        assert_int_equal(b.done, 5);
        assert_int_equal(fake_http.running, 63);
        bench_stop(&b);
}

/* ---- credentials ---- */

static char dir[] = "/tmp/tiphys-kube-client-XXXXXX";

static char *write_file(const char *name, const char *text)
{
        char *path = fs_join(dir, name);
        struct err e = {0};
        assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, &e), 0);
        return path;
}

static struct kube_config *pod(void)
{
        struct kube_config *c = NEW(struct kube_config);
        c->origin = mem_strdup("the service account of this pod");
        c->server = mem_strdup("https://api");
        c->ns = mem_strdup("default");
        c->token_file = write_file("token", "one\n");
        c->ca_file = write_file("ca.crt", "CA one");
        return c;
}

static void token_and_ca_follow_their_files(void **state UNUSED)
{
        static const struct fake_reply ok[] = {{.status = 200}};
        struct bench b;
        bench_start_with(&b, pod(), ok, 1);
        call(&b, KUBE_GET, "a");
        mem_free(write_file("token", "two"));
        mem_free(write_file("ca.crt", "CA two"));
        call(&b, KUBE_GET, "a");
        AUTO(mem_free) char *token = fs_join(dir, "token");
        assert_int_equal(unlink(token), 0); /* gone for a moment: the old one serves */
        call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        assert_string_equal(fake_http.requests[0].bearer, "one");
        assert_string_equal(fake_http.requests[0].ca_pem, "CA one");
        assert_string_equal(fake_http.requests[1].bearer, "two");
        assert_string_equal(fake_http.requests[1].ca_pem, "CA two");
        assert_string_equal(fake_http.requests[2].bearer, "two");
        bench_stop(&b);
}

static void a_token_that_was_never_there_is_an_error_with_the_file(void **state UNUSED)
{
        static const struct fake_reply ok[] = {{.status = 200}};
        struct bench b;
        struct kube_config *c = pod();
        assert_int_equal(unlink(c->token_file), 0);
        bench_start_with(&b, c, ok, 1);
        call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        assert_int_equal(fake_http.n_requests, 0);
        assert_non_null(strstr(b.error.msg, "the service account of this pod: /tmp/"));
        bench_stop(&b);
}

static void a_401_is_tried_once_more_with_another_token(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 401}, {.status = 401}, {.status = 200}};
        struct bench b;
        bench_start_with(&b, pod(), replies, ARRAY_LEN(replies));
        call(&b, KUBE_GET, "a");
        mem_free(write_file("token", "two"));
        loop_run_ready(b.loop);
        assert_int_equal(fake_http.n_requests, 2);
        assert_string_equal(fake_http.requests[1].bearer, "two");
        assert_int_equal(b.error.code, ERR_DENIED);
        call(&b, KUBE_GET, "a");
        loop_run_ready(b.loop);
        assert_int_equal(fake_http.n_requests, 3);
        assert_string_equal(b.answer, "{}");
        bench_stop(&b);
}

static int make_dir(void **state UNUSED)
{
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state UNUSED)
{
        struct err e = {0};
        return fs_remove_tree(dir, &e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_follow_the_api),
                cmocka_unit_test(names_that_would_address_something_else_are_not_sent),
                cmocka_unit_test(sends_the_body_with_its_content_type),
                cmocka_unit_test(waits_as_long_as_a_429_asks),
                cmocka_unit_test(gives_up_after_some_429_and_keeps_the_hint),
                cmocka_unit_test(a_pause_beyond_reason_is_cut),
                cmocka_unit_test(other_failures_are_the_callers),
                cmocka_unit_test(an_answer_that_is_not_json_is_a_fault_of_the_peer),
                cmocka_unit_test(a_canceled_call_does_not_answer),
                cmocka_unit_test(closing_answers_what_runs),
                cmocka_unit_test(more_than_64_calls_wait_for_their_turn),
                cmocka_unit_test(token_and_ca_follow_their_files),
                cmocka_unit_test(a_token_that_was_never_there_is_an_error_with_the_file),
                cmocka_unit_test(a_401_is_tried_once_more_with_another_token),
        };
        return cmocka_run_group_tests_name("kube_client", tests, make_dir, remove_dir);
}
