/* tests/unit/kube/test_kube_stream.c: a watch's bytes, cut anywhere. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/json.h"
#include "common/kube/kube_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char three[] =
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n"
        "\r\n"
        "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"b\\u000a\"}}}\r\n"
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}\n";

/* Feed in pieces of `piece` bytes, take events after each; the types as letters. */
static char *types(const char *text, size_t n, size_t piece)
{
        static const char letters[] = "AMDBE";
        struct kube_stream s;
        struct buf out = BUF_INIT(1000);
        kube_stream_init(&s, 100);
        for (size_t at = 0; at < n; at += piece) {
                struct err e = {0};
                struct kube_event ev = {0};
                int r;
                assert_true(kube_stream_add(&s, text + at, piece < n - at ? piece : n - at));
                while ((r = kube_stream_next(&s, &ev, &e)) == 1) {
                        buf_addc(&out, letters[ev.type]);
                        kube_event_deinit(&ev);
                }
                if (r < 0) {
                        buf_addf(&out, "!%s", err_code_name(e.code));
                        err_clear(&e);
                        break;
                }
        }
        kube_stream_deinit(&s);
        return out.data ? buf_take(&out) : strdup("");
}

static void events_are_the_same_however_the_bytes_are_cut(void **state UNUSED)
{
        for (size_t piece = 1; piece <= sizeof(three); piece++) {
                char *got = types(three, sizeof(three) - 1, piece);
                assert_string_equal(got, "ADB");
                free(got);
        }
}

static void a_line_without_its_end_is_no_event_yet(void **state UNUSED)
{
        char *got = types(three, sizeof(three) - 2, 10);
        assert_string_equal(got, "AD");
        free(got);
}

static void what_is_no_event_ends_the_stream(void **state UNUSED)
{
        static const struct {
                const char *text, *events;
        } cases[] = {
                {"{\"type\":\"ADDED\",\"object\":{}}\nnot json\n", "A!PROTOCOL"},
                {"{\"type\":\"ADDED\"}\n", "!PROTOCOL"},
                {"{\"type\":\"ADDED\",\"object\":[]}\n", "!PROTOCOL"},
                {"{\"type\":\"RENAMED\",\"object\":{}}\n", "!PROTOCOL"},
                {"[]\n", "!PROTOCOL"},
                {"{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n", "E"},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *got = types(cases[i].text, strlen(cases[i].text), 7);
                assert_string_equal(got, cases[i].events);
                free(got);
        }
}

static void a_line_is_bounded_with_and_without_its_end(void **state UNUSED)
{
        char text[200];
        memset(text, ' ', sizeof(text));
        for (size_t piece = 1; piece <= sizeof(text); piece += 33) {
                char *got = types(text, 101, piece);
                assert_string_equal(got, "!LIMIT");
                free(got);
        }
        text[150] = '\n';
        char *got = types(text, 160, 160);
        assert_string_equal(got, "!LIMIT");
        free(got);
        text[100] = '\n';
        got = types(text, 101, 101);
        assert_string_equal(got, "");
        free(got);
}

static void more_than_fits_is_refused(void **state UNUSED)
{
        struct kube_stream s;
        kube_stream_init(&s, 100);
        char *big = calloc(1, KUBE_STREAM_SLACK + 101);
        assert_false(kube_stream_add(&s, big, KUBE_STREAM_SLACK + 101));
        free(big);
        kube_stream_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_are_the_same_however_the_bytes_are_cut),
                cmocka_unit_test(a_line_without_its_end_is_no_event_yet),
                cmocka_unit_test(what_is_no_event_ends_the_stream),
                cmocka_unit_test(a_line_is_bounded_with_and_without_its_end),
                cmocka_unit_test(more_than_fits_is_refused),
        };
        return cmocka_run_group_tests_name("kube_stream", tests, NULL, NULL);
}
