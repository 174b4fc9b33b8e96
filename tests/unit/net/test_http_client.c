/* tests/unit/net/test_http_client.c: the client against our own server on the same loop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_client.h"
#include "common/net/http_server.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
        struct loop *loop;
        struct http_server *server;
        struct http_client *client;
        struct http_req *held;
        char url[128];
        /* what the last call told */
        int answers, status, status_told;
        enum err_code code;
        char *words;
        struct buf body, streamed;
        int64_t retry_after_ms;
        bool done, abort;
        struct http_call *cancel_in_data;
};

static bool put_header(void *arg, const char *name, const char *value)
{
        buf_addf(arg, "%s: %s\n", name, value);
        return true;
}

static void mirror(struct http_req *r, void *arg UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct str body = http_req_body(r);
        buf_addf(&b, "%s %s?%s\n", http_req_method(r), http_req_path(r), http_req_query(r));
        http_req_headers(r, put_header, &b);
        buf_addf(&b, "\n%.*s", (int)body.n, body.p);
        http_reply_text(r, 200, buf_str(&b));
}

static void busy(struct http_req *r, void *arg UNUSED)
{
        http_reply_header(r, "Retry-After", "7");
        http_reply(r, 503, "application/json", "{\"message\":\"come back\"}", 23);
}

static void big(struct http_req *r, void *arg UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(2 << 20);
        while (b.len < 1500000)
                buf_adds(&b, "0123456789");
        http_reply_text(r, 200, buf_str(&b));
}

static void hold(struct http_req *r, void *arg)
{
        ((struct fixture *)arg)->held = r;
}

static void elsewhere(struct http_req *r, void *arg UNUSED)
{
        http_reply_header(r, "Location", "/mirror?moved=1");
        http_reply_text(r, 302, "see there");
}

static int setup(void **state)
{
        struct fixture *f = NEW(struct fixture);
        struct err e = {0};
        assert_int_equal(loop_new(&f->loop, clock_system(), &e), 0);
        assert_int_equal(http_server_new(&f->server, f->loop,
                                         &(struct http_server_options){.name = "t"}, &e),
                         0);
        assert_int_equal(http_client_new(&f->client, f->loop, &e), 0);
        assert_non_null(http_route_add(f->server, NULL, "/mirror", mirror, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/busy", busy, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/big", big, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/hold", hold, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/elsewhere", elsewhere, f, &e));
        buf_init(&f->body, BUF_UNBOUNDED);
        buf_init(&f->streamed, BUF_UNBOUNDED);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        http_client_free(f->client);
        http_server_free(f->server);
        if (f->held)
                http_reply_text(f->held, 200, "");
        loop_free(f->loop);
        buf_deinit(&f->body);
        buf_deinit(&f->streamed);
        free(f->words);
        free(f);
        return 0;
}

static void on_done(void *arg, const struct http_response *r, const struct err *e)
{
        struct fixture *f = arg;
        f->answers++;
        f->done = true;
        f->status = r->status;
        f->retry_after_ms = r->retry_after_ms;
        f->code = e ? e->code : ERR_NONE;
        free(f->words);
        f->words = mem_strdup(e ? err_msg(e) : "");
        buf_reset(&f->body);
        buf_add(&f->body, buf_str(&r->body), r->body.len);
}

static bool on_data(void *arg, const void *data, size_t n)
{
        struct fixture *f = arg;
        buf_add(&f->streamed, data, n);
        if (f->cancel_in_data)
                http_call_cancel(f->cancel_in_data);
        return !f->abort;
}

static void on_status(void *arg, int status)
{
        ((struct fixture *)arg)->status_told = status;
}

static struct http_call *start(struct fixture *f, struct http_call_spec *spec, const char *path)
{
        snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u%s", http_server_port(f->server),
                 path);
        spec->url = spec->url ? spec->url : f->url;
        spec->method = spec->method ? spec->method : "GET";
        f->done = false;
        return http_call(f->client, spec, on_done, f);
}

static void call(struct fixture *f, struct http_call_spec *spec, const char *path)
{
        start(f, spec, path);
        assert_true(loop_run_until(f->loop, &f->done, 5000));
}

static void sends_method_headers_and_body_as_given(void **state)
{
        struct fixture *f = *state;
        const struct http_header headers[] = {
                {"X-One", "1"}, {"X-Empty", ""}, {"Content-Type", "a/b"}, {NULL, NULL}};
        call(f,
             &(struct http_call_spec){
                     .method = "PATCH", .headers = headers, .body = "hello", .body_len = 5},
             "/mirror?a=b");
        assert_int_equal(f->status, 200);
        const char *got = buf_str(&f->body);
        assert_true(str_starts(got, "PATCH /mirror?a=b\n"));
        assert_non_null(strstr(got, "X-One: 1\n"));
        assert_non_null(strstr(got, "X-Empty: \n"));
        assert_non_null(strstr(got, "Content-Type: a/b\n"));
        assert_non_null(strstr(got, "Content-Length: 5\n"));
        assert_true(str_ends(got, "\n\nhello"));
}

static void sends_no_more_than_it_is_told(void **state)
{
        struct fixture *f = *state;
        call(f,
             &(struct http_call_spec){
                     .method = "POST", .no_default_headers = true, .host = "example.com"},
             "/mirror");
        assert_string_equal(buf_str(&f->body),
                            "POST /mirror?\nHost: example.com\nContent-Length: 0\n\n");
}

static void secrets_become_an_authorization_header(void **state)
{
        struct fixture *f = *state;
        AUTO(secret_free) struct secret *s = secret_new("s3cret", 6);
        call(f, &(struct http_call_spec){.bearer = s}, "/mirror");
        assert_non_null(strstr(buf_str(&f->body), "Authorization: Bearer s3cret\n"));
        call(f, &(struct http_call_spec){.user = "u", .password = s}, "/mirror");
        assert_non_null(strstr(buf_str(&f->body), "Authorization: Basic dTpzM2NyZXQ=\n"));
}

static void error_answers_become_errors_with_words_and_retry_after(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){0}, "/busy");
        assert_int_equal(f->code, ERR_NONE);
        assert_int_equal(f->status, 503);
        assert_int_equal(f->retry_after_ms, 7000);
        struct http_response r = {.status = 503, .body = f->body, .retry_after_ms = 7000};
        ERR_SLOT(e);
        assert_int_equal(http_status_err(&r, &e), -1);
        assert_int_equal(e.code, ERR_UNAVAILABLE);
        assert_int_equal(e.retry_after_ms, 7000);
        assert_string_equal(err_msg(&e), "HTTP 503: come back");
        err_clear(&e);
}

static void answers_over_the_limit_are_cut_off(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){0}, "/big");
        assert_int_equal(f->code, ERR_LIMIT);
        call(f, &(struct http_call_spec){.max_response_bytes = 2000000}, "/big");
        assert_int_equal(f->code, ERR_NONE);
        assert_int_equal(f->body.len, 1500000);
}

static void streams_bytes_as_they_come(void **state)
{
        struct fixture *f = *state;
        start(f,
              &(struct http_call_spec){
                      .on_data = on_data, .on_status = on_status, .timeout_ms = -1},
              "/hold");
        while (!f->held)
                loop_run_ready(f->loop);
        http_stream_start(f->held, 200, "text/plain");
        bool *never = &(bool){false};
        loop_run_until(f->loop, never, 50);
        assert_int_equal(f->status_told, 200); /* before the first byte */
        http_stream_chunk(f->held, "one", 3);
        while (f->streamed.len < 3)
                loop_run_ready(f->loop);
        assert_false(f->done);
        http_stream_chunk(f->held, "two", 3);
        http_stream_end(TAKE(f->held));
        assert_true(loop_run_until(f->loop, &f->done, 5000));
        assert_string_equal(buf_str(&f->streamed), "onetwo");
        assert_int_equal(f->body.len, 0);
}

static void a_reader_may_stop_a_stream(void **state)
{
        struct fixture *f = *state;
        f->abort = true;
        call(f, &(struct http_call_spec){.on_data = on_data}, "/big");
        assert_int_equal(f->code, ERR_UNAVAILABLE);
        assert_int_equal(f->answers, 1);
}

static void a_call_may_be_cancelled_from_its_own_callback(void **state)
{
        struct fixture *f = *state;
        f->cancel_in_data = start(f, &(struct http_call_spec){.on_data = on_data}, "/big");
        while (f->streamed.len == 0)
                loop_run_ready(f->loop);
        f->cancel_in_data = NULL;
        call(f, &(struct http_call_spec){0}, "/mirror");
        assert_int_equal(f->answers, 1);
}

static void a_cancelled_call_never_answers(void **state)
{
        struct fixture *f = *state;
        struct http_call *c = start(f, &(struct http_call_spec){0}, "/hold");
        while (!f->held)
                loop_run_ready(f->loop);
        http_call_cancel(c);
        call(f, &(struct http_call_spec){0}, "/mirror");
        assert_int_equal(f->answers, 1);
        http_call_cancel(start(f, &(struct http_call_spec){.url = "nonsense://x"},
                               "")); /* finished already */
        loop_run_ready(f->loop);
        assert_int_equal(f->answers, 1);
}

static void silence_is_a_timeout(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){.timeout_ms = 50}, "/hold");
        assert_int_equal(f->code, ERR_TIMEOUT);
        assert_true(str_starts(f->words, "GET http://127.0.0.1:"));
}

static void freeing_the_client_answers_what_runs(void **state)
{
        struct fixture *f = *state;
        start(f, &(struct http_call_spec){0}, "/hold");
        f->client = http_client_free(f->client);
        assert_int_equal(f->answers, 1);
        assert_int_equal(f->code, ERR_UNAVAILABLE);
}

static void redirects_are_followed_only_when_allowed(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){.on_status = on_status}, "/elsewhere");
        assert_int_equal(f->status, 302);
        assert_int_equal(f->status_told, 302);
        call(f, &(struct http_call_spec){.on_status = on_status, .max_redirects = 1}, "/elsewhere");
        assert_int_equal(f->status, 200);
        assert_int_equal(f->status_told, 200);
        assert_true(str_starts(buf_str(&f->body), "GET /mirror?moved=1\n"));
}

static void the_guard_refuses_loopback(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){0}, "/mirror"); /* a connection that may not be reused */
        call(f, &(struct http_call_spec){.guard = true}, "/mirror");
        assert_int_equal(f->code, ERR_DENIED);
        assert_non_null(strstr(f->words, "loopback"));
}

static void what_cannot_be_sent_is_refused(void **state)
{
        struct fixture *f = *state;
        const struct http_header split[] = {{"X", "a\r\nEvil: 1"}, {NULL, NULL}};
        call(f, &(struct http_call_spec){.headers = split}, "/mirror");
        assert_int_equal(f->code, ERR_INVALID);
        call(f, &(struct http_call_spec){.url = "file:///etc/passwd"}, "");
        assert_int_equal(f->code, ERR_INVALID);
        call(f, &(struct http_call_spec){.url = "http://"}, "");
        assert_int_equal(f->code, ERR_INVALID);
}

static void messages_hide_credentials_and_query(void **state)
{
        struct fixture *f = *state;
        call(f, &(struct http_call_spec){.url = "http://user:hunter2@127.0.0.1:1/p?token=hunter2"},
             "");
        assert_int_equal(f->code, ERR_UNAVAILABLE);
        assert_null(strstr(f->words, "hunter2"));
        assert_true(str_starts(f->words, "GET http://127.0.0.1:1/p: "));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                T(sends_method_headers_and_body_as_given),
                T(sends_no_more_than_it_is_told),
                T(secrets_become_an_authorization_header),
                T(error_answers_become_errors_with_words_and_retry_after),
                T(answers_over_the_limit_are_cut_off),
                T(streams_bytes_as_they_come),
                T(a_reader_may_stop_a_stream),
                T(a_call_may_be_cancelled_from_its_own_callback),
                T(a_cancelled_call_never_answers),
                T(silence_is_a_timeout),
                T(freeing_the_client_answers_what_runs),
                T(redirects_are_followed_only_when_allowed),
                T(the_guard_refuses_loopback),
                T(what_cannot_be_sent_is_refused),
                T(messages_hide_credentials_and_query),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
