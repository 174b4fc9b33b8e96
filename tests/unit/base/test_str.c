/* tests/unit/base/test_str.c: text helpers, durations, RFC 3339. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/str.h"
#include "tests/unit/unit.h"

static void utf8_is_recognised(void **state UNUSED)
{
        static const struct {
                const char *text;
                bool valid;
        } rows[] = {
                {"", true},
                {"plain", true},
                {"\xC3\xA9", true},
                {"\xE2\x82\xAC", true},
                {"\xF0\x9F\x98\x80", true},
                {"\xF4\x8F\xBF\xBF", true},
                {"\x80", false},             /* a lone continuation */
                {"\xC3", false},             /* cut */
                {"\xC0\x80", false},         /* overlong NUL */
                {"\xE0\x80\xAF", false},     /* overlong slash */
                {"\xED\xA0\x80", false},     /* surrogate */
                {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
                {"\xFF", false},
                {"a\xE2\x82", false},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(utf8_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
}

static void utf8_encode_and_decode_agree_on_every_code_point(void **state UNUSED)
{
        for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
                char text[4];
                uint32_t back;
                size_t n = utf8_encode(cp, text);
                bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
                assert_int_equal(utf8_decode(text, n, &back), n);
                if (back != (surrogate ? 0xFFFD : cp))
                        fail_msg("U+%04X reads back as U+%04X", cp, back);
        }
}

static void near_matches_are_found(void **state UNUSED)
{
        static const char *const names[] = {"endpoint", "method", "port", "metadata", "authSecret"};
        static const struct {
                const char *word, *near;
        } rows[] = {{"endpont", "endpoint"},
                    {"Port", "port"},
                    {"mehtod", "method"},
                    {"authsecret", "authSecret"},
                    {"zzzzzz", NULL},
                    {"x", NULL},
                    {"", NULL}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const char *got = str_nearest(rows[i].word, names, ARRAY_LEN(names));
                if (!streq(got, rows[i].near))
                        fail_msg("%s: %s instead of %s", rows[i].word, got, rows[i].near);
        }
}

static void numbers_must_fill_the_whole_text(void **state UNUSED)
{
        int64_t i;
        uint64_t u;
        double d;
        assert_true(str_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
        assert_true(str_to_u64("18446744073709551615", &u) && u == UINT64_MAX);
        assert_true(str_to_double("-1.5e3", &d) && d == -1500);
        static const char *const bad[] = {"", " 1", "1 ", "1x", "9223372036854775808", "--1"};
        for (size_t k = 0; k < ARRAY_LEN(bad); k++)
                assert_false(str_to_i64(bad[k], &i));
        assert_false(str_to_u64("-1", &u));
        assert_false(str_to_u64("18446744073709551616", &u));
        static const char *const not_double[] = {"",     "nan",   "inf", "-Infinity",
                                                 "0x10", "1e999", "1.5x"};
        for (size_t k = 0; k < ARRAY_LEN(not_double); k++)
                assert_false(str_to_double(not_double[k], &d));
        assert_false(str_to_i64(NULL, &i) || str_to_u64(NULL, &u) || str_to_double(NULL, &d));
}

static void trim_takes_white_space_from_both_sides(void **state UNUSED)
{
        struct str s = str_trim(str_of(" \t a b \r\n"));
        assert_true(str_eq(s, "a b"));
        assert_int_equal(str_trim(str_of(" \n ")).n, 0);
}

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)
static void durations_are_read_as_go_reads_them(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t ns;
        } rows[] = {
                {"0", 0},
                {"1ns", 1},
                {"300ms", 300 * MS},
                {"1.5h", 5400 * S},
                {"1h2m3.5s", 3723 * S + 500 * MS},
                {"-10s", -10 * S},
                {"+5m", 300 * S},
                {".5s", 500 * MS},
                {"1.s", S},
                {"1us", 1000},
                {"1\xC2\xB5s", 1000},
                {"0.1s", 100 * MS},
                {"2562047h", INT64_C(2562047) * 3600 * S},
                {"1m1m", 120 * S},
                {"9223372036854775807ns", INT64_MAX},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int64_t ns;
                if (!duration_parse(rows[i].text, &ns) || ns != rows[i].ns)
                        fail_msg("%s", rows[i].text);
        }
        static const char *const bad[] = {"",
                                          "1",
                                          "s",
                                          "1 s",
                                          "1x",
                                          "-",
                                          ".s",
                                          "1h-1m",
                                          "1S",
                                          "1e3s",
                                          "9223372036854775808ns",
                                          "10000000h",
                                          "1d",
                                          "++1s"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                int64_t ns = 42;
                if (duration_parse(bad[i], &ns) || ns != 42)
                        fail_msg("\"%s\" was taken", bad[i]);
        }
}

static void durations_are_printed_as_go_prints_them(void **state UNUSED)
{
        static const struct {
                int64_t ns;
                const char *text;
        } rows[] = {
                {0, "0s"},
                {1, "1ns"},
                {1100, "1.1\xC2\xB5s"},
                {2200 * 1000, "2.2ms"},
                {3300 * MS, "3.3s"},
                {65 * S, "1m5s"},
                {3600 * S, "1h0m0s"},
                {-90 * S, "-1m30s"},
                {S + 1, "1.000000001s"},
                {INT64_MAX, "2562047h47m16.854775807s"},
                {INT64_MIN, "-2562047h47m16.854775808s"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char text[40];
                duration_format(rows[i].ns, text);
                assert_string_equal(text, rows[i].text);
                int64_t back;
                if (rows[i].ns != INT64_MIN) {
                        assert_true(duration_parse(text, &back));
                        assert_true(back == rows[i].ns);
                }
        }
}

static void times_are_read_and_written(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t ns;
                const char *nano;
        } rows[] = {
                {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
                {"2026-01-02T03:04:05Z", 1767323045 * S, "2026-01-02T03:04:05Z"},
                {"2026-01-02T03:04:05.25Z", 1767323045 * S + 250 * MS, "2026-01-02T03:04:05.25Z"},
                {"2026-01-02T05:04:05+02:00", 1767323045 * S, "2026-01-02T03:04:05Z"},
                {"2026-01-01t21:34:05-05:30", 1767323045 * S, "2026-01-02T03:04:05Z"},
                {"1969-12-31T23:59:59.999999999Z", -1, "1969-12-31T23:59:59.999999999Z"},
                {"2024-02-29T00:00:00Z", 1709164800 * S, "2024-02-29T00:00:00Z"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int64_t ns;
                char text[40];
                if (!time_parse_rfc3339(rows[i].text, &ns) || ns != rows[i].ns)
                        fail_msg("%s", rows[i].text);
                time_rfc3339_nano(ns, text);
                assert_string_equal(text, rows[i].nano);
        }
        char text[40];
        time_rfc3339(1767323045 * S + 999, text);
        assert_string_equal(text, "2026-01-02T03:04:05Z");
}

static void impossible_times_are_refused(void **state UNUSED)
{
        static const char *const bad[] = {
                "",
                "2026-01-02",
                "2026-01-02T03:04:05",
                "2026-13-02T03:04:05Z",
                "2026-02-29T03:04:05Z",
                "2026-04-31T03:04:05Z",
                "2026-01-02T24:04:05Z",
                "2026-01-02T03:60:05Z",
                "2026-01-02T03:04:60Z",
                "2026-01-02T03:04:05.Z",
                "2026-01-02T03:04:05Zx",
                "2026-01-02T03:04:05+0200",
                "2026-01-02T03:04:05+24:00",
                "9999-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "26-01-02T03:04:05Z",
                "2026-01-02X03:04:05Z",
        };
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                int64_t ns;
                if (time_parse_rfc3339(bad[i], &ns))
                        fail_msg("\"%s\" was taken", bad[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(utf8_is_recognised),
                cmocka_unit_test(utf8_encode_and_decode_agree_on_every_code_point),
                cmocka_unit_test(near_matches_are_found),
                cmocka_unit_test(numbers_must_fill_the_whole_text),
                cmocka_unit_test(trim_takes_white_space_from_both_sides),
                cmocka_unit_test(durations_are_read_as_go_reads_them),
                cmocka_unit_test(durations_are_printed_as_go_prints_them),
                cmocka_unit_test(times_are_read_and_written),
                cmocka_unit_test(impossible_times_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
