/* tests/unit/lang/test_gjson.c: paths into raw JSON. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/lang/gjson.h"
#include "common/lang/gonum.h"
#include <math.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char doc[] =
        "{\"name\":{\"first\":\"Tom\",\"last\":\"Anderson\"},\"age\":37,\"children\":[\"Sara\","
        "\"Alex\"],"
        "\"fav.movie\":\"Deer "
        "\\u0048unter\",\"friends\":[{\"first\":\"Dale\",\"age\":44,\"nets\":[\"ig\",\"fb\"]},"
        "{\"first\":\"Roger\",\"age\":68,\"nets\":[\"fb\"]},{\"first\":\"Jane\",\"age\":47,"
        "\"nets\":[]}],"
        "\"big\":12345678901234567890}";

static struct gjson get(struct arena *a, const char *json, const char *path)
{
        struct gjson r;
        struct err e = {0};
        assert_int_equal(gjson_get(str_of(json), str_of(path), a, &r, &e), 0);
        return r;
}

static void finds_what_each_operator_names(void **state)
{
        (void)state;
        static const struct {
                const char *path, *string;
        } rows[] = {
                {"name.last", "Anderson"},
                {"children.1", "Alex"},
                {"children.#", "2"},
                {"child*.0", "Sara"},
                {"fav\\.movie", "Deer Hunter"},
                {"friends.#.first", "[\"Dale\",\"Roger\",\"Jane\"]"},
                {"friends.#(first==\"Roger\").age", "68"},
                {"friends.#(age>45)#.first", "[\"Roger\",\"Jane\"]"},
                {"friends.#(nets.#(==\"fb\"))#.first", "[\"Dale\",\"Roger\"]"},
                {"friends.#(first%\"J*\").age", "47"},
                {"children|@reverse", "[\"Alex\",\"Sara\"]"},
                {"[name.first,age]", "[\"Tom\",37]"},
                {"{n:name.first,age}", "{\"n\":\"Tom\",\"age\":37}"},
                {"big", "12345678901234567890"},
                {"name.nothing", ""},
        };
        struct arena a;
        arena_init(&a, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct gjson r = get(&a, doc, rows[i].path);
                struct str s = gjson_string(&r, &a);
                assert_int_equal(s.n, strlen(rows[i].string));
                assert_memory_equal(s.p, rows[i].string, s.n);
                assert_int_equal(r.exists, *rows[i].string != '\0');
                arena_reset(&a);
        }
        arena_deinit(&a);
}

static void reads_json_lines(void **state)
{
        (void)state;
        struct arena a;
        arena_init(&a, 1 << 20);
        struct gjson r = get(&a, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "..#.n");
        assert_true(r.exists);
        assert_memory_equal(r.raw.p, "[1,2,3]", 7);
        arena_deinit(&a);
}

/* Every shape of text round a 64-byte block, with quotes, escapes and brackets at each offset. */
static void skips_containers_of_any_length(void **state)
{
        (void)state;
        static const char *const fillers[] = {"x", "\\\"", "\\\\", "]", "{", "\\u0022"};
        struct arena a;
        arena_init(&a, 1 << 20);
        for (size_t f = 0; f < ARRAY_LEN(fillers); f++) {
                for (size_t n = 0; n < 150; n++) {
                        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
                        buf_adds(&b, "{\"a\":[{\"s\":\"");
                        for (size_t i = 0; i < n; i++)
                                buf_adds(&b, fillers[f]);
                        buf_adds(&b, "\"},[1,[2]],\"]\"],\"z\":7}");
                        struct gjson r = get(&a, buf_str(&b), "z");
                        assert_int_equal(gjson_int(&r), 7);
                        arena_reset(&a);
                }
        }
        arena_deinit(&a);
}

static void deep_paths_and_endless_results_are_limits(void **state)
{
        (void)state;
        struct arena a;
        struct gjson r;
        struct err e = {0};
        arena_init(&a, 64 << 10);
        AUTO_BUF struct buf path = BUF_INIT(1 << 20), json = BUF_INIT(4 << 20);
        for (int i = 0; i < 5000; i++) {
                buf_adds(&path, "a.");
                buf_adds(&json, "{\"a\":");
        }
        assert_int_equal(gjson_get((struct str){json.data, json.len},
                                   (struct str){path.data, path.len}, &a, &r, &e),
                         -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
        buf_reset(&json);
        buf_addc(&json, '[');
        for (int i = 0; i < 100000; i++)
                buf_adds(&json, "{\"key\":1},");
        assert_int_equal(gjson_get((struct str){json.data, json.len}, STR("#.key"), &a, &r, &e),
                         -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
        arena_deinit(&a);
}

static void numbers_read_and_print_as_in_go(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                enum gonum_status status;
                double value;
                const char *shortest, *json;
        } rows[] = {
                {"1", GONUM_OK, 1, "1", "1"},
                {"1e400", GONUM_RANGE, INFINITY, "+Inf", "+Inf"},
                {"1_000", GONUM_OK, 1000, "1000", "1000"},
                {"1__0", GONUM_SYNTAX, 0, "0", "0"},
                {"0x1p4", GONUM_OK, 16, "16", "16"},
                {"0x10", GONUM_SYNTAX, 0, "0", "0"},
                {".5", GONUM_OK, 0.5, "0.5", "0.5"},
                {"1e21", GONUM_OK, 1e21, "1e+21", "1e+21"},
                {"1000000", GONUM_OK, 1e6, "1e+06", "1000000"},
                {"0.00001", GONUM_OK, 1e-5, "1e-05", "0.00001"},
                {"0.0000001", GONUM_OK, 1e-7, "1e-07", "1e-7"},
                {"-0", GONUM_OK, -0.0, "-0", "-0"},
                {"0.30000000000000004", GONUM_OK, 0.1 + 0.2, "0.30000000000000004",
                 "0.30000000000000004"},
                {"123456789012345678", GONUM_OK, 123456789012345678.0, "1.2345678901234568e+17",
                 "123456789012345680"},
        };
        char text[GONUM_TEXT];
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                double d;
                assert_int_equal(gonum_float(str_of(rows[i].text), &d), rows[i].status);
                assert_true(d == rows[i].value);
                gonum_format(text, d, 'g');
                assert_string_equal(text, rows[i].shortest);
                gonum_format_json(text, d);
                assert_string_equal(text, rows[i].json);
        }
}

static void integers_read_as_in_go(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                unsigned base;
                enum gonum_status status;
                int64_t value;
        } rows[] = {
                {"0", 0, GONUM_OK, 0},
                {"017", 0, GONUM_OK, 15},
                {"0x1F", 0, GONUM_OK, 31},
                {"-0b11", 0, GONUM_OK, -3},
                {"1_000", 0, GONUM_OK, 1000},
                {"1_000", 10, GONUM_SYNTAX, 0},
                {"08", 0, GONUM_SYNTAX, 0},
                {"", 10, GONUM_SYNTAX, 0},
                {"+5", 10, GONUM_OK, 5},
                {"9223372036854775808", 10, GONUM_RANGE, INT64_MAX},
                {"-9223372036854775808", 10, GONUM_OK, INT64_MIN},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int64_t v;
                assert_int_equal(gonum_int(str_of(rows[i].text), rows[i].base, 64, &v),
                                 rows[i].status);
                if (rows[i].status != GONUM_SYNTAX)
                        assert_true(v == rows[i].value);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_what_each_operator_names),
                cmocka_unit_test(reads_json_lines),
                cmocka_unit_test(skips_containers_of_any_length),
                cmocka_unit_test(deep_paths_and_endless_results_are_limits),
                cmocka_unit_test(numbers_read_and_print_as_in_go),
                cmocka_unit_test(integers_read_as_in_go),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
