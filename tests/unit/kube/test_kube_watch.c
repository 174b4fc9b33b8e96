/* tests/unit/kube/test_kube_watch.c: events, and the ways a watch ends. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/kube/kube_stream.h"
#include "tests/unit/kube/kube_bench.h"

#define EVENT(type, version)                                                                      \
        "{\"type\":\"" type "\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}" \
        "\n"
#define ERROR_EVENT(reason, code)                                                  \
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"" reason \
        "\",\"message\":\"m\",\"code\":" code "}}\n"

struct viewer {
        struct bench b;
        struct kube_watch *watch;
        struct buf seen; /* "A1 M2 B3 " and "end" or "end CODE" */
        size_t cancel_after;
        bool cancel_at_end;
};

static void on_event(void *arg, int type, json_t *obj)
{
        struct viewer *v = arg;
        buf_addf(&v->seen, "%c%s ", "AMDBE"[type], json_str(obj, "metadata", "resourceVersion"));
        if (v->cancel_after && v->seen.len >= v->cancel_after)
                kube_watch_cancel(TAKE(v->watch));
}

static void on_end(void *arg, const struct err *e)
{
        struct viewer *v = arg;
        buf_addf(&v->seen, "end%s%s", e ? " " : "", e ? err_code_name(e->code) : "");
        if (v->cancel_at_end)
                kube_watch_cancel(v->watch);
        v->watch = NULL;
}

static void view(struct viewer *v, const struct fake_reply *replies, size_t n)
{
        static const struct kube_watch_handlers handlers = {on_event, on_end};
        buf_init(&v->seen, 1000);
        bench_start_with(&v->b, NULL, replies, n);
        v->watch = kube_watch(v->b.client, &bench_workflows,
                              &(struct kube_list_opts){.label_selector = "a=b"}, "5", &handlers, v);
        assert_int_equal(v->seen.len, 0);
        loop_run_ready(v->b.loop);
}

static void leave(struct viewer *v)
{
        kube_watch_cancel(v->watch);
        bench_stop(&v->b);
        buf_deinit(&v->seen);
}

static void asks_from_the_version_with_bookmarks_and_a_time(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 0}};
        struct viewer v = {0};
        view(&v, replies, 1);
        const char *url = fake_http.requests[0].url, *seconds = strstr(url, "timeoutSeconds=");
        assert_non_null(strstr(
                url,
                "/namespaces/t/workflows?watch=1&allowWatchBookmarks=true&resourceVersion=5&"));
        assert_non_null(strstr(url, "&labelSelector=a%3Db"));
        assert_in_range(atoi(seconds + strlen("timeoutSeconds=")), 240, 360);
        leave(&v);
}

static const struct {
        const char *what;
        struct fake_reply reply;
        const char *seen;
} endings[] = {
        {"the server's time is over",
         {.status = 200, .body = EVENT("ADDED", "6") EVENT("BOOKMARK", "7"), .piece = 7},
         "A6 B7 end"},
        {"gone, in the stream",
         {.status = 200,
          .body = EVENT("ADDED", "6") ERROR_EVENT("Expired", "410") EVENT("ADDED", "8")},
         "A6 end GONE"},
        {"gone, by number only", {.status = 200, .body = ERROR_EVENT("", "410")}, "end GONE"},
        {"gone, as an answer",
         {.status = 410, .body = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}"},
         "end GONE"},
        {"a fault in the stream",
         {.status = 200, .body = ERROR_EVENT("InternalError", "500")},
         "end UNAVAILABLE"},
        {"nonsense", {.status = 200, .body = EVENT("ADDED", "6") "<html>\n"}, "A6 end PROTOCOL"},
        {"forbidden",
         {.status = 403,
          .body = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\"}",
          .piece = 5},
         "end DENIED"},
        {"the connection broke", {.fail = ERR_UNAVAILABLE}, "end UNAVAILABLE"},
        {"silence", {.fail = ERR_TIMEOUT}, "end TIMEOUT"},
};

static void a_watch_ends_once_and_says_how(void **state UNUSED)
{
        for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
                struct viewer v = {.cancel_at_end = i % 2}; /* a cancel at the end is harmless */
                view(&v, &endings[i].reply, 1);
                if (!streq(buf_str(&v.seen), endings[i].seen))
                        fail_msg("%s: \"%s\", wanted \"%s\"", endings[i].what, buf_str(&v.seen),
                                 endings[i].seen);
                leave(&v);
        }
}

static void the_first_429_of_a_new_kind_is_waited_out(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 429, .body = "storage is (re)initializing", .retry_after_ms = 1000},
                {.status = 200, .body = EVENT("ADDED", "6")}};
        struct viewer v = {0};
        view(&v, replies, 2);
        assert_string_equal(buf_str(&v.seen), "");
        bench_pass(&v.b, 1300);
        assert_string_equal(buf_str(&v.seen), "A6 end");
        leave(&v);
}

static void a_handler_may_cancel(void **state UNUSED)
{
        static const struct fake_reply replies[] = {
                {.status = 200,
                 .body = EVENT("ADDED", "6") EVENT("ADDED", "7") EVENT("ADDED", "8")}};
        struct viewer v = {.cancel_after = 4};
        view(&v, replies, 1);
        assert_string_equal(buf_str(&v.seen), "A6 A7 ");
        leave(&v);
}

static void closing_the_client_ends_its_watches(void **state UNUSED)
{
        static const struct fake_reply replies[] = {{.status = 0}};
        struct viewer v = {0};
        view(&v, replies, 1);
        v.b.client = kube_client_free(v.b.client);
        assert_string_equal(buf_str(&v.seen), "");
        loop_run_ready(v.b.loop);
        assert_string_equal(buf_str(&v.seen), "end UNAVAILABLE");
        leave(&v);
}

static void an_endless_line_ends_the_watch(void **state UNUSED)
{
        char *body = malloc(KUBE_LINE_MAX + 2);
        memset(body, ' ', KUBE_LINE_MAX + 1);
        body[KUBE_LINE_MAX + 1] = '\0';
        struct fake_reply replies[] = {{.status = 200, .body = body}};
        struct viewer v = {0};
        view(&v, replies, 1);
        assert_string_equal(buf_str(&v.seen), "end LIMIT");
        leave(&v);
        free(body);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(asks_from_the_version_with_bookmarks_and_a_time),
                cmocka_unit_test(a_watch_ends_once_and_says_how),
                cmocka_unit_test(the_first_429_of_a_new_kind_is_waited_out),
                cmocka_unit_test(a_handler_may_cancel),
                cmocka_unit_test(closing_the_client_ends_its_watches),
                cmocka_unit_test(an_endless_line_ends_the_watch),
        };
        return cmocka_run_group_tests_name("kube_watch", tests, NULL, NULL);
}
