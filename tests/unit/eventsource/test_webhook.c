/* tests/unit/eventsource/test_webhook.c: the webhook source with our own answers (Argo's are in
 * tests/conformance/events). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "tests/unit/eventsource/es_fixture.h"
#include "tests/unit/net/http_wire.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOOK(more) "{'webhook':{'ev':{'endpoint':'/x','port':'12000','method':'POST'" more "}}}"
#define JSON "Content-Type: application/json\r\n"

static void stores_the_event_and_answers_with_its_id(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(",'metadata':{'b':'<2>','a':'1'}"));
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "X-b: 2\r\nX-a: 1\r\n",
                                    "{\"a\": 12345678901234567890}"),
                         200);
        assert_string_equal(es_answer_body(f), "success");
        const struct bus_msg *m = f->bus.msgs[0];
        assert_string_equal(es_answer_header(f, "X-Tiphys-Event-Id"), m->id);
        assert_string_equal(m->subject, "web.ev");
        assert_int_equal(strlen(m->id), 32);
        assert_false(m->dedup);
        AUTO(mem_free)
        char *want = mem_printf(
                "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"web\",\"type\":\"webhook\","
                "\"subject\":\"ev\","
                "\"datacontenttype\":\"application/"
                "json\",\"time\":\"2026-01-02T03:04:05.678901234Z\",\"data\":"
                "{\"header\":{\"Connection\":[\"close\"],\"Content-Length\":[\"27\"],"
                "\"Content-Type\":[\"application/json\"],\"X-A\":[\"1\"],\"X-B\":[\"2\"]},"
                "\"body\":{\"a\":12345678901234567890},"
                "\"metadata\":{\"a\":\"1\",\"b\":\"\\u003c2\\u003e\"}}}",
                m->id);
        assert_string_equal(m->data, want);
}

/* ---- refusals and content, one row each ---- */

static const struct {
        const char *name, *line, *headers, *body;
        int status;
        const char *in_answer; /* of a refusal; of the stored event otherwise */
} rows[] = {
        {"wrong method", "GET /x", "", "", 405, "Allow: POST\r\n"},
        {"wrong path", "POST /y", JSON, "{}", 404, "404 page not found"},
        {"broken JSON has a place", "POST /x", JSON, "{\"a\":1,\n \"b\" 2}", 400,
         "line 2 column 6"},
        {"empty body", "POST /x", JSON, "", 400, "not JSON"},
        {"no content type means JSON", "POST /x", "", "a=b", 400, "not JSON"},
        {"vendor JSON must be JSON", "POST /x", "Content-Type: application/vnd.x+json\r\n", "x",
         400, "not JSON"},
        {"invalid UTF-8 in JSON", "POST /x", JSON, "{\"a\":\"\xff\"}", 400, "line 1"},
        {"encoded body", "POST /x", JSON "Content-Encoding: gzip\r\n", "x", 415, ""},
        {"text", "POST /x", "Content-Type: text/plain\r\n", "hello <you>", 200,
         "\"body\":\"hello \\u003cyou\\u003e\""},
        {"text that is JSON", "POST /x", "Content-Type: text/plain\r\n", "{\"a\": 1}", 200,
         "\"body\":{\"a\":1}"},
        {"XML", "POST /x", "Content-Type: application/xml\r\n", "<a/>", 200,
         "\"body\":\"\\u003ca/\\u003e\""},
        {"binary", "POST /x", "Content-Type: application/octet-stream\r\n", "\xff\xfe", 200,
         "\"body\":\"//4=\""},
        {"form", "POST /x", "Content-Type: application/x-www-form-urlencoded\r\n", "b=1&a=%3C&b=2",
         200, "\"body\":{\"a\":[\"\\u003c\"],\"b\":[\"1\",\"2\"]}"},
        {"form with parameters", "POST /x",
         "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n", "a=1", 200,
         "\"body\":{\"a\":[\"1\"]}"},
        {"form with a semicolon", "POST /x", "Content-Type: application/x-www-form-urlencoded\r\n",
         "a=1;b=2", 400, "semicolon"},
        {"form with a broken escape", "POST /x",
         "Content-Type: application/x-www-form-urlencoded\r\n", "a=%zz", 400, "escape"},
};

static void answers_as_the_table_says(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                size_t before = f->bus.n;
                int status = es_request(f, "ev", rows[i].line, rows[i].headers, rows[i].body);
                bool stored = f->bus.n > before;
                const char *where = stored ? es_last_event(f) : buf_str(&f->answer);
                if (status != rows[i].status || stored != (status == 200) ||
                    !strstr(where, rows[i].in_answer))
                        fail_msg("%s: %d\n%s", rows[i].name, status, where);
        }
}

static void takes_every_method(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web",
               "{'webhook':{'put':{'endpoint':'/"
               "a','port':'1','method':'PUT'},'patch':{'endpoint':'/"
               "a','port':'1','method':'PATCH'},"
               "'delete':{'endpoint':'/a','port':'1','method':'DELETE'},'get':{'endpoint':'/"
               "a','port':'1','method':'get'}}}");
        assert_int_equal(es_request(f, "put", "PUT /a", JSON, "{\"m\":1}"), 200);
        assert_string_equal(f->bus.msgs[0]->subject, "web.put");
        assert_int_equal(es_request(f, "put", "PATCH /a", JSON, "{\"m\":2}"), 200);
        assert_string_equal(f->bus.msgs[1]->subject, "web.patch");
        assert_int_equal(es_request(f, "put", "DELETE /a?why=x", "", ""), 200);
        assert_non_null(strstr(es_last_event(f), "\"body\":{\"why\":[\"x\"]}"));
        assert_int_equal(es_request(f, "put", "GET /a?q=1&q=2", "", ""), 200);
        assert_non_null(strstr(es_last_event(f), "\"body\":{\"q\":[\"1\",\"2\"]}"));
        assert_int_equal(es_request(f, "put", "POST /a", JSON, "{}"), 405);
}

static void bodies_over_the_limit_are_413(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web",
               "{'webhook':{'ev':{'endpoint':'/x','port':'1','method':'POST','maxPayloadSize':9},"
               "'default':{'endpoint':'/d','port':'1','method':'POST'}}}");
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{\"a\":123}"), 200);
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{\"a\":1234}"), 413);
        AUTO_BUF struct buf big = BUF_INIT(2 << 20);
        buf_addc(&big, '"');
        while (big.len < (1 << 20) - 1)
                buf_addc(&big, 'x');
        buf_addc(&big, '"');
        assert_int_equal(es_request(f, "ev", "POST /d", JSON, buf_str(&big)), 200);
        buf_addc(&big, ' ');
        assert_int_equal(es_request(f, "ev", "POST /d", JSON, buf_str(&big)), 413);
        assert_int_equal(f->bus.n, 2);
}

/* ---- authorization ---- */

#define GUARDED HOOK(",'authSecret':{'name':'tok','key':'t'}")

static void asks_for_the_secret_before_anything_else(void **state)
{
        struct es_fixture *f = *state;
        f->store.secrets[0] = (struct fake_secret){"tok/t", "s3cret"};
        es_set(f, "web", GUARDED);
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"), 401);
        assert_string_equal(es_answer_body(f), "Invalid Authorization Header");
        assert_int_equal(
                es_request(f, "ev", "POST /x", JSON "Authorization: Bearer s3crets\r\n", "{}"),
                401);
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "Authorization: Bearer \r\n", "{}"),
                         401);
        assert_int_equal(es_request(f, "ev", "GET /x", "", ""), 401);
        assert_int_equal(f->bus.n, 0);
        assert_int_equal(
                es_request(f, "ev", "POST /x", JSON "Authorization: Bearer s3cret\r\n", "{}"), 200);
        assert_null(strstr(es_last_event(f), "s3cret"));
        assert_non_null(
                strstr(es_last_event(f), "\"Authorization\":[\"*** Masked Auth Secret ***\"]"));
}

static void a_missing_secret_closes_the_endpoint_until_it_appears(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", GUARDED);
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "Authorization: Bearer \r\n", "{}"),
                         503);
        assert_non_null(es_answer_header(f, "Retry-After"));
        f->store.secrets[0] = (struct fake_secret){"tok/t", "s3cret"};
        es_advance_ms(f, 31000);
        assert_int_equal(
                es_request(f, "ev", "POST /x", JSON "Authorization: Bearer s3cret\r\n", "{}"), 200);
        f->store.secrets[0].value = "rotated";
        es_advance_ms(f, 31000);
        assert_int_equal(
                es_request(f, "ev", "POST /x", JSON "Authorization: Bearer s3cret\r\n", "{}"), 401);
        assert_int_equal(
                es_request(f, "ev", "POST /x", JSON "Authorization: Bearer rotated\r\n", "{}"),
                200);
}

/* ---- identity ---- */

static void a_binary_cloudevent_keeps_its_id_and_attributes(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        const char *headers =
                JSON "ce-specversion: 1.0\r\nCE-Id: A1\r\nce-source: /shop\r\nce-type: order\r\n"
                     "ce-subject: n%20%C3%A9\r\nce-traceparent: 00-1\r\n";
        assert_int_equal(es_request(f, "ev", "POST /x", headers, "{\"n\":1}"), 200);
        const struct bus_msg *m = f->bus.msgs[0];
        assert_string_equal(m->id, "ev:/shop:A1");
        assert_true(m->dedup);
        assert_non_null(strstr(m->data, "\"body\":{\"n\":1}}"));
        assert_non_null(strstr(m->data, ",\"ceid\":\"A1\",\"cesource\":\"/shop\",\"cesubject\":\"n "
                                        "é\",\"cetype\":\"order\","
                                        "\"traceparent\":\"00-1\"}"));
        uint64_t first = m->fingerprint;
        assert_true(first != 0);
        assert_int_equal(es_request(f, "ev", "POST /x",
                                    JSON "X-Retry: 2\r\nce-id: A1\r\nce-source: /shop\r\n",
                                    "{\"n\":1}"),
                         200);
        assert_true(f->bus.msgs[1]->fingerprint == first); /* other headers, the same body */
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "ce-id: A1\r\nce-source: /shop\r\n",
                                    "{\"n\":2}"),
                         200);
        assert_true(f->bus.msgs[2]->fingerprint != first);
}

static void a_structured_cloudevent_keeps_its_id_and_argos_shape(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        const char *body = "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"s\",\"type\":\"t\","
                           "\"time\":\"2026-01-01T00:00:00Z\","
                           "\"ext1\":5,\"data\":{\"a\":1}}";
        assert_int_equal(es_request(f, "ev", "POST /x",
                                    "Content-Type: application/cloudevents+json; charset=utf-8\r\n",
                                    body),
                         200);
        const struct bus_msg *m = f->bus.msgs[0];
        assert_string_equal(m->id, "ev:s:7");
        assert_non_null(strstr(m->data, "\"body\":{\"specversion\":\"1.0\",\"id\":\"7\""));
        assert_non_null(strstr(m->data, ",\"ceid\":\"7\",\"cesource\":\"s\",\"cetime\":\"2026-01-"
                                        "01T00:00:00Z\",\"cetype\":\"t\","
                                        "\"ext1\":\"5\"}"));
        assert_int_equal(es_request(f, "ev", "POST /x",
                                    "Content-Type: application/cloudevents+json\r\n",
                                    "{\"id\":\"7\"}"),
                         200);
        assert_false(f->bus.msgs[1]->dedup); /* not a complete CloudEvent: plain JSON */
}

static void delivery_headers_name_redeliveries(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        static const char *const headers[] = {"Webhook-Id: d1\r\n", "idempotency-key: d1\r\n",
                                              "X-GitHub-Delivery: d1\r\n"};
        for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
                AUTO(mem_free) char *h = mem_printf(JSON "%s", headers[i]);
                assert_int_equal(es_request(f, "ev", "POST /x", h, "{}"), 200);
                assert_string_equal(f->bus.msgs[i]->id, "ev:d1");
                assert_true(f->bus.msgs[i]->dedup);
        }
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "Idempotency-Key: a b\r\n", "{}"),
                         200);
        assert_int_equal(strlen(es_answer_header(f, "X-Tiphys-Event-Id")), 3 + 64); /* hashed */
        f->bus.conflict = true;
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "Idempotency-Key: d1\r\n", "{}"), 409);
        f->bus.conflict = false;
        f->bus.duplicate = true;
        assert_int_equal(es_request(f, "ev", "POST /x", JSON "Idempotency-Key: d1\r\n", "{}"), 200);
        assert_string_equal(es_answer_header(f, "X-Tiphys-Event-Id"), "ev:d1");
}

/* ---- a bus that is full or gone ---- */

static void answers_only_when_the_event_is_durable(void **state)
{
        struct es_fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(4096);
        es_set(f, "web", HOOK(""));
        f->bus.hold = true;
        int fd = wire_connect(es_port(f, "ev"));
        wire_sends(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
        while (f->bus.appended == 0)
                loop_run_ready(f->loop);
        char c;
        loop_run_ready(f->loop);
        assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
        fake_bus_answer(&f->bus);
        assert_true(wire_read(f->loop, fd, &got, "success"));
        close(fd);
}

static void a_full_disk_is_503_and_recovers_by_itself(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        f->bus.fail = ERR_LIMIT;
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"), 503);
        assert_string_equal(es_answer_header(f, "Retry-After"), "1");
        size_t tries = f->bus.appended;
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"),
                         503); /* paused: the bus is left alone */
        assert_int_equal(f->bus.appended, tries);
        for (int i = 0; i < 10; i++) {
                es_advance_ms(f, 1000);
                assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"), 503);
        }
        f->bus.fail = ERR_NONE;
        es_advance_ms(f, 1000);
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"), 200);
}

/* ---- listeners ---- */

static void health_answers_unless_it_is_an_endpoint(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        assert_int_equal(es_request(f, "ev", "GET /health", "", ""), 200);
        assert_string_equal(es_answer_body(f), "OK");
        es_set(f, "other",
               "{'webhook':{'h':{'endpoint':'/health','port':'12000','method':'POST'}}}");
        assert_int_equal(es_request(f, "ev", "GET /health", "", ""), 405);
        assert_int_equal(es_request(f, "ev", "POST /health", JSON, "{}"), 200);
        eventsources_remove(f->es, "default", "other");
        assert_int_equal(es_request(f, "ev", "GET /health", "", ""), 200);
}

static void sources_on_one_port_share_a_listener(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "a", HOOK(""));
        es_set(f, "b", "{'webhook':{'other':{'endpoint':'/y','port':'12000','method':'POST'}}}");
        assert_int_equal(es_port(f, "ev"), es_port(f, "other"));
        es_set(f, "c", "{'webhook':{'third':{'endpoint':'/x','port':'12001','method':'POST'}}}");
        assert_true(es_port(f, "ev") != es_port(f, "third"));
}

static void an_endpoint_belongs_to_the_first_until_it_goes(void **state)
{
        struct es_fixture *f = *state;
        const char *error;
        es_set(f, "a", HOOK(""));
        es_set(f, "b", "{'webhook':{'late':{'endpoint':'/x','port':'12000','method':'POST'}}}");
        assert_string_equal(es_state(f, "late", &error), "failed");
        assert_non_null(strstr(
                error,
                "POST /x on port 12000 is served already, by EventSource default/a event ev"));
        assert_int_equal(es_request(f, "ev", "POST /x", JSON, "{}"), 200);
        eventsources_remove(f->es, "default", "a");
        loop_run_ready(f->loop);
        assert_int_equal(es_request(f, "late", "POST /x", JSON, "{}"), 200);
        assert_string_equal(f->bus.msgs[1]->subject, "b.late");
}

static void a_changed_event_refuses_no_request(void **state)
{
        struct es_fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(4096);
        es_set(f, "web", HOOK(""));
        uint16_t port = es_port(f, "ev");
        f->bus.hold = true;
        int waiting = wire_connect(port), half = wire_connect(port);
        wire_sends(waiting, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n{} ");
        wire_sends(half, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{");
        while (f->bus.appended == 0)
                loop_run_ready(f->loop);
        es_set(f, "web", HOOK(",'metadata':{'new':'1'}"));
        assert_int_equal(es_port(f, "ev"), port);
        f->bus.hold = false;
        fake_bus_answer(&f->bus);
        assert_true(wire_read(f->loop, waiting, &got, "success"));
        assert_null(strstr(f->bus.msgs[0]->data, "metadata"));
        wire_sends(half, "}");
        buf_reset(&got);
        assert_true(wire_read(f->loop, half, &got, "success"));
        assert_non_null(strstr(f->bus.msgs[1]->data, "\"metadata\":{\"new\":\"1\"}"));
        wire_sends(half,
                   "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"); /* the same
                                                                                     connection */
        buf_reset(&got);
        assert_true(wire_read(f->loop, half, &got, "success"));
        close(waiting);
        close(half);
}

static void set_true(void *arg)
{
        *(bool *)arg = true;
}

static void drain_answers_what_was_taken(void **state)
{
        struct es_fixture *f = *state;
        AUTO_BUF struct buf got = BUF_INIT(4096);
        bool done = false;
        es_set(f, "web", HOOK(""));
        f->bus.hold = true;
        int fd = wire_connect(es_port(f, "ev"));
        wire_sends(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
        while (f->bus.appended == 0)
                loop_run_ready(f->loop);
        eventsources_drain(f->es, 5000, set_true, &done);
        loop_run_ready(f->loop);
        assert_false(done);
        fake_bus_answer(&f->bus);
        assert_true(wire_read(f->loop, fd, &got, NULL));
        assert_non_null(strstr(buf_str(&got), "success"));
        loop_run_ready(f->loop);
        assert_true(done);
        close(fd);
}

static void freeing_the_runtime_with_events_on_the_way_is_harmless(void **state)
{
        struct es_fixture *f = *state;
        es_set(f, "web", HOOK(""));
        f->bus.hold = true;
        int fd = wire_connect(es_port(f, "ev"));
        wire_sends(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
        while (f->bus.appended == 0)
                loop_run_ready(f->loop);
        f->es = eventsources_free(f->es);
        fake_bus_answer(&f->bus);
        close(fd);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, es_setup, es_teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                T(stores_the_event_and_answers_with_its_id),
                T(answers_as_the_table_says),
                T(takes_every_method),
                T(bodies_over_the_limit_are_413),
                T(asks_for_the_secret_before_anything_else),
                T(a_missing_secret_closes_the_endpoint_until_it_appears),
                T(a_binary_cloudevent_keeps_its_id_and_attributes),
                T(a_structured_cloudevent_keeps_its_id_and_argos_shape),
                T(delivery_headers_name_redeliveries),
                T(answers_only_when_the_event_is_durable),
                T(a_full_disk_is_503_and_recovers_by_itself),
                T(health_answers_unless_it_is_an_endpoint),
                T(sources_on_one_port_share_a_listener),
                T(an_endpoint_belongs_to_the_first_until_it_goes),
                T(a_changed_event_refuses_no_request),
                T(drain_answers_what_was_taken),
                T(freeing_the_runtime_with_events_on_the_way_is_harmless),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
