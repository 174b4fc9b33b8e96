/* tests/unit/yaml/test_yaml_scalar.c: which value a scalar denotes: what sigs.k8s.io/yaml 1.4
 * answers, row by row. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"

struct row {
        const char *yaml, *json; /* NULL: refused */
};

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *j = NULL;
                struct err e = {0};
                json_t *got = NULL;
                int r = yaml_parse_one(&got, rows[i].yaml, strlen(rows[i].yaml), &e);
                j = got;
                AUTO(mem_free) char *text = r == 0 ? json_text(j, JSON_STYLE_COMPACT) : NULL;
                if ((r < 0) != !rows[i].json || (text && strcmp(text, rows[i].json) != 0))
                        fail_msg("%s: %s instead of %s", rows[i].yaml, text ? text : err_msg(&e),
                                 rows[i].json ? rows[i].json : "an error");
                err_clear(&e);
        }
}

static void words_of_yaml_1_1_are_booleans_and_nulls(void **state UNUSED)
{
        static const struct row rows[] = {
                {"[y, Y, yes, Yes, YES, on, On, ON, true, True, TRUE]",
                 "[true,true,true,true,true,true,true,true,true,true,true]"},
                {"[n, N, no, No, NO, off, Off, OFF, false, False, FALSE]",
                 "[false,false,false,false,false,false,false,false,false,false,false]"},
                {"[yEs, oN, tRUE, nO, yess, o, t, f, T]",
                 "[\"yEs\",\"oN\",\"tRUE\",\"nO\",\"yess\",\"o\",\"t\",\"f\",\"T\"]"},
                {"[~, null, Null, NULL, nULL, nil, none, ]",
                 "[null,null,null,null,\"nULL\",\"nil\",\"none\"]"},
                {"a:", "{\"a\":null}"},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void numbers_have_every_go_spelling(void **state UNUSED)
{
        static const struct row rows[] = {
                {"[0, -0, +1, 12, 1_000, 1__0, 1_, 0_]", "[0,0,1,12,1000,10,1,0]"},
                {"[014, 0o14, 0O14, 0x1F, 0X1f, 0b101, -0x10, +0b1, -014]",
                 "[12,12,12,31,31,5,-16,1,-12]"},
                {"[08, 09, 019]", "[8,9,19]"},
                {"[0x, 0o, 0b, 0b2, 0o8, 0xg, -, +, --1, 1-1]",
                 "[\"0x\",\"0o\",\"0b\",\"0b2\",\"0o8\",\"0xg\",\"-\",\"+\",\"--1\",\"1-1\"]"},
                {"[1.5, .5, 1., -.5, +1.5e3, 1e3, 1E-2, 1_0.5, .5_0]",
                 "[1.5,0.5,1,-0.5,1500,1000,0.01,10.5,0.5]"},
                {"[., .., 1e, 1e+, e3, .e3, 1.2.3, .5_, ._5, 0x1p3]",
                 "[\".\",\"..\",\"1e\",\"1e+\",\"e3\",\".e3\",\"1.2.3\",\".5_\",\"._5\","
                 "\"0x1p3\"]"},
                {"[9223372036854775807, -9223372036854775808]",
                 "[9223372036854775807,-9223372036854775808]"},
                {"[9223372036854775808, 18446744073709551615, 1e400, 0xFFFFFFFFFFFFFFFFFF, "
                 "0xFFFFFFFFFFFFFFFF, -0xFFFFFFFFFFFFFFFF]",
                 "[9223372036854776000,18446744073709552000,\"1e400\",\"0xFFFFFFFFFFFFFFFFFF\","
                 "18446744073709552000,\"-0xFFFFFFFFFFFFFFFF\"]"},
                {"[1.0, 1e3, 100.0]",
                 "[1,1000,100]"}, /* as the JSON on the way to the API server */
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void everything_else_is_text(void **state UNUSED)
{
        static const struct row rows[] = {
                {"[2024-01-01, 2024-01-01T00:00:00Z, 12:30:45, 1:2]",
                 "[\"2024-01-01\",\"2024-01-01T00:00:00Z\",\"12:30:45\",\"1:2\"]"},
                {"[\"yes\", '1', \"\", \"~\", '']", "[\"yes\",\"1\",\"\",\"~\",\"\"]"},
                {"a: |\n  12\nb: >\n  yes\n", "{\"a\":\"12\\n\",\"b\":\"yes\\n\"}"},
                {"[1 2, 10s, v1, 1.2.3-rc, =, <<]",
                 "[\"1 2\",\"10s\",\"v1\",\"1.2.3-rc\",\"=\",\"<<\"]"},
                {"\"\\x41\\u00e9\\U0001F600\\0\"", "\"A\xC3\xA9\xF0\x9F\x98\x80\\u0000\""},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void tags_of_the_core_decide(void **state UNUSED)
{
        static const struct row rows[] = {
                {"[!!str yes, !!str 1, ! 1, !!int \"12\", !!float 1, !!bool 'yes', !!null '', "
                 "!!timestamp 2024-01-01]",
                 "[\"yes\",\"1\",\"1\",12,1,true,null,\"2024-01-01\"]"},
                {"[!!binary aGVsbG8=, !!seq [1], !!map {a: 1}]", "[\"hello\",[1],{\"a\":1}]"},
                {"!!int abc", NULL},
                {"!!bool 1", NULL},
                {"!!binary /w==", NULL}, /* not UTF-8 */
                {"!!binary a*b", NULL},
                {"!custom x", NULL},
                {"!!set {a}", NULL},
                {"!!omap [a: 1]", NULL},
                {"!e!x 1", NULL},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void what_json_cannot_hold_is_refused(void **state UNUSED)
{
        static const struct row rows[] = {{".inf", NULL},
                                          {"-.Inf", NULL},
                                          {"+.INF", NULL},
                                          {".nan", NULL},
                                          {"a: .NaN", NULL}};
        check_rows(rows, ARRAY_LEN(rows));
}

static void keys_become_text(void **state UNUSED)
{
        static const struct row rows[] = {
                {"{1: a, 0x10: b, true: c, 1.5: d, \"2\": e, 2024-01-01: f}",
                 "{\"1\":\"a\",\"16\":\"b\",\"true\":\"c\",\"1.5\":\"d\",\"2\":\"e\",\"2024-01-"
                 "01\":\"f\"}"},
                {"on: push", "{\"true\":\"push\"}"}, /* as Kubernetes reads it; a warning says so */
                {"~: a", NULL},
                {"[a]: b", NULL},
                {"{{x}}: b", NULL},
                {"\"a\\0b\": c", NULL},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_of_yaml_1_1_are_booleans_and_nulls),
                cmocka_unit_test(numbers_have_every_go_spelling),
                cmocka_unit_test(everything_else_is_text),
                cmocka_unit_test(tags_of_the_core_decide),
                cmocka_unit_test(what_json_cannot_hold_is_refused),
                cmocka_unit_test(keys_become_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
