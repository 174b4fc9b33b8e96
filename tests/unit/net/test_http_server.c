/* tests/unit/net/test_http_server.c: the server over real loopback sockets, with a clock the test
 * turns. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/net/http_server.h"
#include "tests/unit/net/http_wire.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
        struct fake_clock clock;
        struct loop *loop;
        struct http_server *server;
        struct http_req *held; /* /hold keeps its request */
        int closed, writable;
        bool drained;
};

static void echo(struct http_req *r, void *arg UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct str body = http_req_body(r);
        const char *id = http_req_param(r, "id");
        buf_addf(&b, "%s %s|%s|%s|%.*s", http_req_method(r), http_req_path(r), http_req_query(r),
                 id ? id : "", (int)body.n, body.p);
        http_reply_text(r, 200, buf_str(&b));
}

static void on_close(struct http_req *r UNUSED, void *arg)
{
        ((struct fixture *)arg)->closed++;
}

static void hold(struct http_req *r, void *arg)
{
        struct fixture *f = arg;
        f->held = r;
        http_req_on_close(r, on_close, f);
}

static void start(struct fixture *f, const struct http_server_options *o)
{
        struct err e = {0};
        assert_int_equal(http_server_new(&f->server, f->loop, o, &e), 0);
        assert_non_null(http_route_add(f->server, NULL, "/echo", echo, f, &e));
        assert_non_null(http_route_add(f->server, "GET", "/get", echo, f, &e));
        assert_non_null(http_route_add(f->server, "POST", "/post", echo, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/items/{id}", echo, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/num/{id:[0-9]+}", echo, f, &e));
        assert_non_null(http_route_add(f->server, NULL, "/hold", hold, f, &e));
        struct http_route *small = http_route_add(f->server, NULL, "/small", echo, f, &e);
        http_route_set_max_body(small, 5);
}

static int setup(void **state)
{
        struct fixture *f = NEW(struct fixture);
        struct err e = {0};
        fake_clock_init(&f->clock, (struct wall){1700000000 * NS_PER_S});
        assert_int_equal(loop_new(&f->loop, &f->clock.clock, &e), 0);
        start(f, &(struct http_server_options){.name = "test"});
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        http_server_free(f->server);
        loop_free(f->loop);
        free(f);
        return 0;
}

static void advance_ms(struct fixture *f, int64_t ms)
{
        loop_run_ready(f->loop);
        fake_clock_advance(&f->clock, ms * NS_PER_MS);
        loop_run_ready(f->loop);
}

/* ---- one request, one answer ---- */

static const struct {
        const char *name, *request, *status, *in_answer;
} cases[] = {
        {"get", "GET /get HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200 OK",
         "\r\n\r\nGET /get|||"},
        {"query and escapes", "GET /%65cho?a=1&b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "200 OK", "GET /echo|a=1&b||"},
        {"empty query", "GET /get? HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200 OK",
         "GET /get|||"},
        {"a body",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
         "200 OK", "POST /post|||abc"},
        {"any method",
         "PATCH /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
         "200 OK", "PATCH /echo|||x"},
        {"an unheard-of method", "BREW /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "200 OK", "BREW /echo"},
        {"a chunked body",
         "POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
         "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
         "200 OK", "|abcde"},
        {"HTTP/1.0", "GET /get HTTP/1.0\r\n\r\n", "200 OK", "Connection: close"},
        {"absolute form", "GET http://h:1/get HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "200 OK", "GET /get|"},
        {"variable", "GET /items/42 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200 OK",
         "|42|"},
        {"regex variable", "GET /num/42 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200 OK",
         "|42|"},
        {"regex variable misses", "GET /num/4x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "404 Not Found", ""},
        {"variable is one segment",
         "GET /items/a/b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "404 Not Found",
         "404 page not found\n"},
        {"no such path", "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "404 Not Found", ""},
        {"trailing slash", "GET /get/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "404 Not Found", ""},
        {"encoded slash", "GET /get%2F HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "404 Not Found", ""},
        {"unclean path", "GET //get?q=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "301 Moved Permanently", "Location: /get?q=1\r\n"},
        {"dots", "GET /a/../get HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "301 Moved Permanently", "Location: /get\r\n"},
        {"wrong method",
         "POST /get HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         "405 Method Not Allowed", "Allow: GET, HEAD\r\n"},
        {"no host", "GET /get HTTP/1.1\r\n\r\n", "400 Bad Request", "Host"},
        {"two hosts", "GET /get HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request", ""},
        {"bare LF", "GET /get HTTP/1.1\nHost: h\n\n", "400 Bad Request", "CRLF"},
        {"a folded line", "GET /get HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "400 Bad Request",
         "folded"},
        {"space before the colon", "GET /get HTTP/1.1\r\nHost : h\r\n\r\n", "400 Bad Request",
         "header name"},
        {"NUL escape in the path", "GET /a%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "400 Bad Request", ""},
        {"broken escape", "GET /a%zz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "400 Bad Request", ""},
        {"TE and CL",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         "400 Bad Request", "Transfer-Encoding"},
        {"two lengths",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
         "400 Bad Request", "twice"},
        {"a list of lengths", "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
         "400 Bad Request", ""},
        {"a signed length", "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
         "400 Bad Request", ""},
        {"unknown coding",
         "POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         "501 Not Implemented", ""},
        {"malformed chunk",
         "POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
         "400 Bad Request", "chunk"},
        {"chunk longer than said",
         "POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
         "400 Bad Request", "chunk"},
        {"content encoding",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: "
         "1\r\nConnection: close\r\n\r\nx",
         "415 Unsupported Media Type", ""},
        {"too large for the route",
         "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabcdef",
         "413 Content Too Large", ""},
        {"fits the route",
         "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
         "200 OK", "abcde"},
        {"too large in chunks",
         "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
         "chunked\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n",
         "413 Content Too Large", ""},
        {"too large, not sent yet",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
         "413 Content Too Large", "Connection: close"},
        {"absurd length",
         "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
         "413 Content Too Large", ""},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported",
         ""},
        {"garbage", "\x16\x03\x01\x02\r\n\r\n", "400 Bad Request", ""},
        {"unknown expectation", "GET /get HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n",
         "417 Expectation Failed", ""},
};

static void answers_as_the_table_says(void **state)
{
        struct fixture *f = *state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_BUF struct buf got = BUF_INIT(1 << 20);
                wire_exchange(f->loop, http_server_port(f->server), cases[i].request, &got);
                char status[64];
                snprintf(status, sizeof(status), "HTTP/1.1 %s\r\n", cases[i].status);
                if (strncmp(buf_str(&got), status, strlen(status)) != 0 ||
                    !strstr(buf_str(&got), cases[i].in_answer))
                        fail_msg("%s: got\n%s", cases[i].name, buf_str(&got));
        }
}

static void answers_the_same_when_bytes_come_one_by_one(void **state)
{
        struct fixture *f = *state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_BUF struct buf got = BUF_INIT(1 << 20);
                int fd = wire_connect(http_server_port(f->server));
                for (const char *c = cases[i].request; *c; c++) {
                        wire_send(fd, c, 1);
                        loop_run_ready(f->loop);
                }
                assert_true(wire_read(f->loop, fd, &got, NULL));
                close(fd);
                if (!strstr(buf_str(&got), cases[i].status) ||
                    !strstr(buf_str(&got), cases[i].in_answer))
                        fail_msg("%s: got\n%s", cases[i].name, buf_str(&got));
        }
}

/* ---- connections ---- */

static void keeps_connections_and_answers_pipelined_requests_in_order(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        const char *three = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1"
                            "POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n1\r\n2\r\n0\r\n\r\n"
                            "\r\nPOST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n3";
        wire_sends(fd, three);
        assert_true(wire_read(f->loop, fd, &got, "|3"));
        const char *one = strstr(buf_str(&got), "|1"), *two = strstr(buf_str(&got), "|2");
        assert_true(one && two && one < two);
        wire_sends(fd, "GET /get HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(wire_read(f->loop, fd, &got, "GET /get"));
        close(fd);
}

static void a_pipelined_request_waits_for_the_answer_before_it(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        const char *two =
                "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /get HTTP/1.1\r\nHost: h\r\n\r\n";
        wire_sends(fd, two);
        loop_run_ready(f->loop);
        wire_sends(fd, two); /* and more while it is held */
        loop_run_ready(f->loop);
        assert_non_null(f->held);
        http_reply_text(f->held, 200, "first");
        assert_true(wire_read(f->loop, fd, &got, "GET /get"));
        assert_true(strstr(buf_str(&got), "first") < strstr(buf_str(&got), "GET /get"));
        assert_int_equal(f->closed, 0);
        http_reply_text(f->held, 200, "third");
        assert_true(wire_read(f->loop, fd, &got, "third"));
        close(fd);
}

static void says_100_continue_when_asked(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        const char *head = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: "
                           "100-continue\r\n\r\n";
        wire_sends(fd, head);
        assert_true(wire_read(f->loop, fd, &got, "HTTP/1.1 100 Continue\r\n\r\n"));
        wire_sends(fd, "abc");
        assert_true(wire_read(f->loop, fd, &got, "|abc"));
        close(fd);
}

static void head_has_the_length_but_no_body(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        wire_exchange(f->loop, http_server_port(f->server),
                      "HEAD /get HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &got);
        assert_non_null(strstr(buf_str(&got), "Content-Length: 12\r\n"));
        assert_true(buf_str(&got)[got.len - 1] == '\n');
}

static void large_bodies_arrive_whole(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(4 << 20), body = BUF_INIT(2 << 20);
        while (body.len < 900000)
                buf_adds(&body, "0123456789");
        int fd = wire_connect(http_server_port(f->server));
        const char *head = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: "
                           "900000\r\nConnection: close\r\n\r\n";
        wire_sends(fd, head);
        for (size_t at = 0; at < body.len; at += 100000) {
                wire_send(fd, body.data + at, 100000);
                loop_run_ready(f->loop);
        }
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), buf_str(&body)));
        close(fd);
}

static void headers_over_the_limit_are_431(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20), req = BUF_INIT(1 << 20);
        buf_adds(&req, "GET /get HTTP/1.1\r\nHost: h\r\n");
        for (int i = 0; i < 9; i++) {
                buf_addf(&req, "X-%d: ", i);
                for (int k = 0; k < 2000; k++)
                        buf_addc(&req, 'x');
                buf_adds(&req, "\r\n");
        }
        buf_adds(&req, "\r\n");
        wire_exchange(f->loop, http_server_port(f->server), buf_str(&req), &got);
        assert_non_null(strstr(buf_str(&got), "431 "));
}

static void long_targets_are_414(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20), req = BUF_INIT(1 << 20);
        buf_adds(&req, "GET /");
        for (int k = 0; k < 9000; k++)
                buf_addc(&req, 'x');
        buf_adds(&req, " HTTP/1.1\r\nHost: h\r\n\r\n");
        wire_exchange(f->loop, http_server_port(f->server), buf_str(&req), &got);
        assert_non_null(strstr(buf_str(&got), "414 "));
}

/* ---- time ---- */

static void a_slow_head_is_cut_off(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /get HTTP/1.1\r\n");
        for (int i = 0; i < 11; i++) {
                advance_ms(f, 1000);
                wire_sends(fd, "X: y\r\n"); /* a byte now and then does not help */
        }
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "408 "));
        close(fd);
}

static void a_slow_body_is_cut_off(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        const char *head = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
        wire_sends(fd, head);
        for (int i = 0; i < 11; i++) {
                wire_sends(fd, "abcdefgh");
                advance_ms(f, 1000);
        }
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "408 "));
        close(fd);
}

static void a_body_that_is_fast_enough_has_thirty_seconds(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        const char *head = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
        char part[2000];
        memset(part, 'x', sizeof(part));
        wire_sends(fd, head);
        for (int i = 0; i < 29; i++) {
                wire_send(fd, part, sizeof(part));
                advance_ms(f, 1000);
        }
        loop_run_ready(f->loop);
        assert_true(wire_is_silent(f->loop, fd));
        advance_ms(f, 1500);
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "408 "));
        close(fd);
}

static void idle_connections_end_after_a_minute(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /get HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(wire_read(f->loop, fd, &got, "GET /get"));
        advance_ms(f, 59000);
        assert_false(wire_is_closed(f->loop, fd));
        advance_ms(f, 2000);
        assert_true(wire_is_closed(f->loop, fd));
        close(fd);
}

static void a_handler_may_take_as_long_as_it_wants(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        advance_ms(f, 500000);
        http_reply_text(f->held, 200, "late");
        assert_true(wire_read(f->loop, fd, &got, "late"));
        close(fd);
}

/* ---- clients that go away ---- */

static void tells_the_handler_when_the_client_is_gone(void **state)
{
        struct fixture *f = *state;
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        assert_non_null(f->held);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd); /* a reset */
        loop_run_ready(f->loop);
        assert_int_equal(f->closed, 1);
        http_reply_text(f->held, 200, "into the void");
        loop_run_ready(f->loop);
}

static void a_client_that_ends_its_side_still_gets_the_answer(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        shutdown(fd, SHUT_WR);
        loop_run_ready(f->loop);
        assert_int_equal(f->closed, 0);
        http_reply_text(f->held, 200, "still here");
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "still here"));
        close(fd);
}

static void freeing_the_server_leaves_held_requests_answerable(void **state)
{
        struct fixture *f = *state;
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        f->server = http_server_free(f->server);
        assert_int_equal(f->closed, 1);
        http_reply_text(f->held, 200, "into the void");
        close(fd);
}

/* ---- streams ---- */

static void on_writable(struct http_req *r UNUSED, void *arg)
{
        ((struct fixture *)arg)->writable++;
}

static void streams_chunks_until_the_end(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        http_stream_start(f->held, 200, "text/event-stream");
        assert_true(http_stream_chunk(f->held, "data: 1\n\n", 9));
        assert_true(wire_read(f->loop, fd, &got, "9\r\ndata: 1\n\n\r\n"));
        http_stream_end(f->held);
        assert_true(wire_read(f->loop, fd, &got, "\r\n0\r\n\r\n"));
        assert_non_null(strstr(buf_str(&got), "Transfer-Encoding: chunked\r\n"));
        close(fd);
}

static void a_slow_reader_is_told_and_then_cut_off(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(64 << 20);
        int fd = wire_connect(http_server_port(f->server));
        char *part = mem_alloc(1 << 20);
        memset(part, 'x', 1 << 20);
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        http_stream_start(f->held, 200, "text/plain");
        int sent = 0;
        while (http_stream_chunk(f->held, part, 1 << 20))
                assert_true(sent++ < 64);
        http_stream_on_writable(f->held, on_writable, f);
        assert_true(wire_read(f->loop, fd, &got, "HTTP/1.1 200"));
        for (int i = 0; i < 1000 && !f->writable; i++)
                wire_read(f->loop, fd, &got, "x");
        assert_int_equal(f->writable, 1);
        for (int i = 0; i < 64 && f->closed == 0; i++)
                http_stream_chunk(f->held, part, 1 << 20);
        assert_int_equal(f->closed, 1);
        http_stream_end(f->held);
        free(part);
        close(fd);
}

static void a_streams_reader_that_leaves_is_noticed(void **state)
{
        struct fixture *f = *state;
        int fd = wire_connect(http_server_port(f->server));
        wire_sends(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        http_stream_start(f->held, 200, "text/plain");
        close(fd);
        loop_run_ready(f->loop);
        assert_int_equal(f->closed, 1);
        assert_false(http_stream_chunk(f->held, "x", 1));
        http_stream_end(f->held);
}

/* ---- drain and caps ---- */

static void drained(void *arg)
{
        ((struct fixture *)arg)->drained = true;
}

static void drain_finishes_open_requests_and_refuses_new_ones(void **state)
{
        struct fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        int idle = wire_connect(http_server_port(f->server)),
            busy = wire_connect(http_server_port(f->server));
        wire_sends(busy, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        http_server_drain(f->server, 5000, drained, f);
        assert_true(wire_is_closed(f->loop, idle));
        assert_false(f->drained);
        http_reply_text(f->held, 200, "last");
        assert_true(wire_read(f->loop, busy, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "Connection: close\r\n"));
        assert_non_null(strstr(buf_str(&got), "last"));
        assert_true(f->drained);
        close(idle);
        close(busy);
}

static void drain_ends_after_its_grace(void **state)
{
        struct fixture *f = *state;
        int busy = wire_connect(http_server_port(f->server));
        wire_sends(busy, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        loop_run_ready(f->loop);
        http_server_drain(f->server, 5000, drained, f);
        advance_ms(f, 5001);
        assert_true(f->drained);
        close(busy);
        loop_run_ready(f->loop);
        http_reply_text(f->held, 200, "too late");
        loop_run_ready(f->loop);
}

static void connections_over_the_cap_are_turned_away(void **state)
{
        struct fixture *f = *state;
        http_server_free(f->server);
        start(f, &(struct http_server_options){.name = "small", .max_connections = 2});
        AUTO_BUF struct buf got = BUF_INIT(1 << 20);
        uint16_t port = http_server_port(f->server);
        int a = wire_connect(port), b = wire_connect(port), c = wire_connect(port);
        assert_true(wire_read(f->loop, c, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "503 "));
        close(a);
        close(c);
        loop_run_ready(f->loop);
        int d = wire_connect(port);
        wire_sends(d, "GET /get HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(wire_read(f->loop, d, &got, "GET /get"));
        close(b);
        close(d);
}

static void a_taken_port_is_an_error_with_its_number(void **state)
{
        struct fixture *f = *state;
        struct http_server *second = NULL;
        ERR_SLOT(e);
        struct http_server_options o = {.port = http_server_port(f->server)};
        assert_int_equal(http_server_new(&second, f->loop, &o, &e), -1);
        assert_non_null(strstr(err_msg(&e), "cannot listen on 127.0.0.1:"));
        err_clear(&e);
}

static void routes_collide_by_path_and_method(void **state)
{
        struct fixture *f = *state;
        ERR_SLOT(e);
        assert_null(http_route_add(f->server, "GET", "/get", echo, f, &e));
        assert_int_equal(e.code, ERR_CONFLICT);
        err_clear(&e);
        struct http_route *r = http_route_add(f->server, "PUT", "/get", echo, f, &e);
        assert_non_null(r);
        http_route_remove(f->server, r);
        assert_null(http_route_add(f->server, NULL, "/x/{a", echo, f, &e));
        err_clear(&e);
        assert_null(http_route_add(f->server, NULL, "/x/{a:[}", echo, f, &e));
        err_clear(&e);
        assert_null(http_route_add(f->server, NULL, "x", echo, f, &e));
        err_clear(&e);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                T(answers_as_the_table_says),
                T(answers_the_same_when_bytes_come_one_by_one),
                T(keeps_connections_and_answers_pipelined_requests_in_order),
                T(a_pipelined_request_waits_for_the_answer_before_it),
                T(says_100_continue_when_asked),
                T(head_has_the_length_but_no_body),
                T(large_bodies_arrive_whole),
                T(headers_over_the_limit_are_431),
                T(long_targets_are_414),
                T(a_slow_head_is_cut_off),
                T(a_slow_body_is_cut_off),
                T(a_body_that_is_fast_enough_has_thirty_seconds),
                T(idle_connections_end_after_a_minute),
                T(a_handler_may_take_as_long_as_it_wants),
                T(tells_the_handler_when_the_client_is_gone),
                T(a_client_that_ends_its_side_still_gets_the_answer),
                T(freeing_the_server_leaves_held_requests_answerable),
                T(streams_chunks_until_the_end),
                T(a_slow_reader_is_told_and_then_cut_off),
                T(a_streams_reader_that_leaves_is_noticed),
                T(drain_finishes_open_requests_and_refuses_new_ones),
                T(drain_ends_after_its_grace),
                T(connections_over_the_cap_are_turned_away),
                T(a_taken_port_is_an_error_with_its_number),
                T(routes_collide_by_path_and_method),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
