/* tests/unit/net/test_tls.c: HTTPS with certificates made on the spot; client and server are ours.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/net/http_client.h"
#include "common/net/http_server.h"
#include "common/net/tls.h"
#include "tests/unit/net/http_wire.h"
#include "tests/unit/net/test_cert.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
        struct loop *loop;
        struct http_server *server;
        struct http_client *client;
        struct tls_server *tls;
        struct test_cert cert;
        struct buf body;
        enum err_code code;
        char words[256], url[64];
        bool done;
};

static void echo(struct http_req *r, void *arg UNUSED)
{
        struct str body = http_req_body(r);
        http_reply(r, 200, "text/plain", body.p, body.n);
}

static int setup(void **state)
{
        struct fixture *f = NEW(struct fixture);
        struct err e = {0};
        assert_int_equal(loop_new(&f->loop, clock_system(), &e), 0);
        test_cert_make(&f->cert, "first.test");
        assert_int_equal(tls_server_new(&f->tls, f->cert.cert, f->cert.key, NULL, &e), 0);
        struct http_server_options o = {.name = "tls", .tls = f->tls, .max_body_bytes = 8 << 20};
        assert_int_equal(http_server_new(&f->server, f->loop, &o, &e), 0);
        assert_non_null(http_route_add(f->server, NULL, "/echo", echo, f, &e));
        assert_int_equal(http_client_new(&f->client, f->loop, &e), 0);
        buf_init(&f->body, BUF_UNBOUNDED);
        snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/echo", http_server_port(f->server));
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        http_client_free(f->client);
        http_server_free(f->server);
        tls_server_free(f->tls);
        loop_free(f->loop);
        test_cert_free(&f->cert);
        buf_deinit(&f->body);
        free(f);
        return 0;
}

static void on_done(void *arg, const struct http_response *r, const struct err *e)
{
        struct fixture *f = arg;
        f->done = true;
        f->code = e ? e->code : ERR_NONE;
        snprintf(f->words, sizeof(f->words), "%s", e ? err_msg(e) : "");
        buf_reset(&f->body);
        buf_add(&f->body, buf_str(&r->body), r->body.len);
}

static enum err_code post(struct fixture *f, const struct http_tls *tls, const char *body, size_t n)
{
        f->done = false;
        http_call(f->client,
                  &(struct http_call_spec){.method = "POST",
                                           .url = f->url,
                                           .tls = *tls,
                                           .body = body,
                                           .body_len = n,
                                           .max_response_bytes = 8 << 20},
                  on_done, f);
        assert_true(loop_run_until(f->loop, &f->done, 10000));
        return f->code;
}

static void serves_https_to_clients_that_trust_it(void **state)
{
        struct fixture *f = *state;
        struct http_tls tls = {.ca_pem = f->cert.cert, .server_name = "first.test"};
        if (post(f, &tls, "hello", 5) != ERR_NONE)
                fail_msg("%s", f->words);
        assert_string_equal(buf_str(&f->body), "hello");
}

static void clients_refuse_who_they_do_not_trust(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(post(f, &(struct http_tls){0}, "x", 1), ERR_UNAVAILABLE);
        struct http_tls wrong_name = {.ca_pem = f->cert.cert, .server_name = "second.test"};
        assert_int_equal(post(f, &wrong_name, "x", 1), ERR_UNAVAILABLE);
        struct http_tls careless = {.insecure_skip_verify = true};
        assert_int_equal(post(f, &careless, "x", 1), ERR_NONE);
}

static void large_bodies_pass_in_both_directions(void **state)
{
        struct fixture *f = *state;
        size_t n = 5000000;
        char *body = mem_alloc(n);
        for (size_t i = 0; i < n; i++)
                body[i] = (char)('a' + i * 7 % 26);
        struct http_tls tls = {.insecure_skip_verify = true};
        assert_int_equal(post(f, &tls, body, n), ERR_NONE);
        assert_int_equal(f->body.len, n);
        assert_memory_equal(f->body.data, body, n);
        free(body);
}

static void a_certificate_is_renewed_without_closing_the_listener(void **state)
{
        struct fixture *f = *state;
        struct err e = {0};
        struct test_cert next;
        test_cert_make(&next, "second.test");
        assert_int_equal(tls_server_reload(f->tls, next.cert, "no key", NULL, &e),
                         -1); /* the old one stays */
        err_clear(&e);
        struct http_tls old = {.ca_pem = f->cert.cert, .server_name = "first.test"};
        assert_int_equal(post(f, &old, "x", 1), ERR_NONE);
        assert_int_equal(tls_server_reload(f->tls, next.cert, next.key, NULL, &e), 0);
        struct http_tls renewed = {.ca_pem = next.cert, .server_name = "second.test"};
        assert_int_equal(post(f, &renewed, "x", 1), ERR_NONE);
        test_cert_free(&next);
}

static void asks_for_client_certificates_when_told_to(void **state)
{
        struct fixture *f = *state;
        struct err e = {0};
        struct test_cert client;
        test_cert_make(&client, "client.test");
        assert_int_equal(tls_server_reload(f->tls, f->cert.cert, f->cert.key, client.cert, &e), 0);
        struct http_tls without = {.insecure_skip_verify = true};
        assert_int_equal(post(f, &without, "x", 1), ERR_UNAVAILABLE);
        struct http_tls with = {
                .insecure_skip_verify = true, .cert_pem = client.cert, .key_pem = client.key};
        assert_int_equal(post(f, &with, "x", 1), ERR_NONE);
        test_cert_free(&client);
}

static void plain_http_on_a_tls_port_is_closed(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(4096);
        wire_exchange(f->loop, http_server_port(f->server), "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n",
                      &got);
        assert_null(strstr(buf_str(&got), "200 OK"));
}

static void a_certificate_and_a_key_that_do_not_fit_are_refused(void **state)
{
        struct fixture *f = *state;
        struct test_cert other;
        struct tls_server *t = NULL;
        ERR_SLOT(e);
        test_cert_make(&other, "other.test");
        assert_int_equal(tls_server_new(&t, f->cert.cert, other.key, NULL, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
        assert_int_equal(tls_server_new(&t, "nonsense", other.key, NULL, &e), -1);
        err_clear(&e);
        test_cert_free(&other);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                T(serves_https_to_clients_that_trust_it),
                T(clients_refuse_who_they_do_not_trust),
                T(large_bodies_pass_in_both_directions),
                T(a_certificate_is_renewed_without_closing_the_listener),
                T(asks_for_client_certificates_when_told_to),
                T(plain_http_on_a_tls_port_is_closed),
                T(a_certificate_and_a_key_that_do_not_fit_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
