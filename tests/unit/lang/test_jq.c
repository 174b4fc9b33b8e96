/* tests/unit/lang/test_jq.c: programs' answers, their places of errors, and that all of them end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/lang/jq.h"
#include "common/lang/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct answers {
        struct buf b;
        size_t n, most;
        bool finite;
};

static bool keep(void *arg, struct str json, bool finite)
{
        struct answers *a = arg;
        buf_addf(&a->b, "%s%.*s", a->n ? " " : "", (int)json.n, json.p);
        a->finite = finite;
        return ++a->n < a->most;
}

/* The outputs with spaces between; behind them " !" and the error. */
static char *run(const char *text, const char *input, size_t most)
{
        AUTO(jq_free) struct jq *q = NULL;
        struct err e = {0};
        struct answers a = {.b = BUF_INIT(LANG_OUTPUT), .most = most};
        if (jq_new(&q, str_of(text), NULL, &e) < 0 ||
            jq_run(q, str_of(input), clock_system(), keep, &a, &e) < 0)
                buf_addf(&a.b, " !%s", err_msg(&e));
        err_clear(&e);
        return buf_take(&a.b);
}

static void programs_answer(void **state)
{
        (void)state;
        static const struct {
                const char *text, *input, *want;
        } rows[] = {
                {".", "{\"b\":1,\"a\":[2,\"x\"]}", "{\"a\":[2,\"x\"],\"b\":1}"},
                {".[] as [$a, {k: $b}] | $a + $b", "[[1,{\"k\":2}],[3,{\"k\":4}]]", "3 7"},
                {".a[1:] |= map(. * 2)", "{\"a\":[1,2,3]}", "{\"a\":[1,4,6]}"},
                {"reduce range(1; 26) as $i (1; . * $i)", "null", "15511210043330985984000000"},
                {"100000000000000000000 + 1, .", "100000000000000000001",
                 "100000000000000000001 100000000000000000000"},
                {"def f(g): g * 2; f(.a, .b)", "{\"a\":1,\"b\":2}", "2 4"},
                {"[.[] | try error catch \"caught \\(.)\"]", "[1,null]",
                 "[\"caught 1\",\"caught null\"]"},
                {"label $out | 1, break $out, 2", "null", "1"},
                {"[limit(3; repeat(1))]", "null", "[1,1,1]"},
                {"del(.a, .c[0])", "{\"a\":1,\"b\":2,\"c\":[1,2]}", "{\"b\":2,\"c\":[2]}"},
                {"[paths]", "{\"a\":[1]}", "[[\"a\"],[\"a\",0]]"},
                {"gsub(\"(?<w>[a-z]+)\"; \"<\\(.w)>\")", "\"ab 1 c\"", "\"<ab> 1 <c>\""},
                {"@base64 \"x\\(.)\", @uri, @sh", "\"a b\"", "\"xYSBi\" \"a%20b\" \"'a b'\""},
                {"strptime(\"%Y-%m-%d\") | mktime | todate", "\"2024-02-29\"",
                 "\"2024-02-29T00:00:00Z\""},
                {"$ENV, env", "null", "{} {}"},
                {". as $x | ($x | length) == 2 and .[0] < .[1]", "[1,2]", "true"},
                {"1, error(\"no\"), 2", "null", "1 !error: no"},
                {".a.b", "{\"a\":[1]}", " !expected an object but got: array ([1])"},
                {"empty", "null", ""},
                {"[log10, log2]", "1000", "[3,9.965784284662087]"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char *got = run(rows[i].text, rows[i].input, SIZE_MAX);
                if (strcmp(got, rows[i].want) != 0)
                        fail_msg("%s: %s", rows[i].text, got);
                free(got);
        }
}

static void the_caller_may_stop_after_the_first(void **state)
{
        (void)state;
        char *got = run("range(10), error", "null", 1);
        assert_string_equal(got, "0");
        free(got);
}

static void what_is_no_program_names_its_place(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                size_t at;
        } rows[] = {
                {".a |", 4},     {".a | nope", 5},     {"$x", 0},
                {".[", 2},       {"\"a\\(1", 5},       {"break $x", 5},
                {"{a:}", 3},     {"input", 0},         {"if . then", 9},
                {". as [$a", 8}, {"import \"a\";", 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct jq *q = NULL;
                struct err e = {0};
                size_t at = 99;
                if (jq_new(&q, str_of(rows[i].text), &at, &e) == 0)
                        fail_msg("%s is a program", rows[i].text);
                if (at != rows[i].at)
                        fail_msg("%s: %zu %s", rows[i].text, at, err_msg(&e));
                err_clear(&e);
        }
}

static void endless_programs_end_at_the_budget(void **state)
{
        (void)state;
        static const char *const programs[] = {
                "def f: f; f",
                "def f: 1 + f; f",
                "def f: f | f; f",
                "def f(g): f(g | g); f(1)",
                "repeat(.)|empty",
                "range(infinite)|empty",
                "[range(1e9)]",
                "last(range(1e12))",
                "until(false; . + 1)",
                "while(true; .)|empty",
                "[recurse(. + 1)]",
                "try repeat(error) catch repeat(1) | empty",
                "reduce range(1e9) as $i (\"\"; . + \"xxxxxxxxxx\")",
                "reduce range(1e9) as $i ([]; . + [.])",
                "reduce range(1e9) as $i (1; . * 123456789123456789123456789)",
                "\"x\" * 1e9",
                "[limit(1e9; repeat(1))]|length",
                ".[1e9] = 1",
                "[range(3000)] | combinations(8) | empty",
                "(\"a\" * 100000) as $a | $a | test(\"(a*)*b\")|repeat(.)|empty",
                "(\"a\" * 50000) | [gsub(\"\"; \"bbbbbbbbbb\"; \"g\")] | repeat(.)",
                "[range(100000)] | until(false; map(. + 1))",
                "[range(100000)] | until(false; sort_by(-.))",
                "reduce range(1e6) as $i (0; [.])",
                "def f: label $x | f; f",
                "def f: . as $x | f; f",
                "def f: try f catch .; f",
                "reduce range(100000) as $i (.; .a.b |= {a: .}) | tojson | repeat(.) | empty",
                "[.[]?, repeat(1)] | fromjson",
                "infinite | tostring | repeat(.) | tojson",
        };
        for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
                AUTO(jq_free) struct jq *q = NULL;
                struct err e = {0};
                struct answers a = {.b = BUF_INIT(LANG_OUTPUT), .most = SIZE_MAX};
                if (jq_new(&q, str_of(programs[i]), NULL, &e) < 0)
                        fail_msg("%s: %s", programs[i], err_msg(&e));
                if (jq_run(q, STR("{}"), clock_system(), keep, &a, &e) == 0)
                        fail_msg("%s ended", programs[i]);
                err_clear(&e);
                buf_deinit(&a.b);
        }
}

static void deep_texts_and_deep_data_are_refused(void **state)
{
        (void)state;
        static const char *const pieces[][2] = {
                {"[", "]"},       {"(", ")"},  {"{a:", "}"}, {"-", ""},   {"try ", ""},
                {"\"\\(", ")\""}, {"if ", ""}, {".|", "."},  {"1+", "1"}, {"def f:", ""}};
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                struct buf text = BUF_INIT(LANG_OUTPUT);
                for (int k = 0; k < 100000; k++)
                        buf_adds(&text, pieces[i][0]);
                buf_adds(&text, "1");
                for (int k = 0; k < 100000; k++)
                        buf_adds(&text, pieces[i][1]);
                struct jq *q = NULL;
                if (jq_new(&q, str_of(buf_str(&text)), NULL, NULL) == 0)
                        fail_msg("%s is a program", pieces[i][0]);
                buf_deinit(&text);
        }
        struct buf input = BUF_INIT(LANG_OUTPUT);
        for (int k = 0; k < 100000; k++)
                buf_addc(&input, '[');
        AUTO(jq_free) struct jq *q = NULL;
        assert_int_equal(jq_new(&q, STR("."), NULL, NULL), 0);
        struct answers a = {.b = BUF_INIT(LANG_OUTPUT), .most = 1};
        assert_int_equal(jq_run(q, str_of(buf_str(&input)), clock_system(), keep, &a, NULL), -1);
        buf_deinit(&input);
}

static void numbers_without_json_form_are_told(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                bool finite;
        } rows[] = {{"[nan]", false}, {"{a: infinite}", false}, {"1e308", true}, {"null", true}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(jq_free) struct jq *q = NULL;
                struct answers a = {.b = BUF_INIT(LANG_OUTPUT), .most = 1};
                assert_int_equal(jq_new(&q, str_of(rows[i].text), NULL, NULL), 0);
                assert_int_equal(jq_run(q, STR("null"), clock_system(), keep, &a, NULL), 0);
                assert_int_equal(a.finite, rows[i].finite);
                buf_deinit(&a.b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(programs_answer),
                cmocka_unit_test(the_caller_may_stop_after_the_first),
                cmocka_unit_test(what_is_no_program_names_its_place),
                cmocka_unit_test(endless_programs_end_at_the_budget),
                cmocka_unit_test(deep_texts_and_deep_data_are_refused),
                cmocka_unit_test(numbers_without_json_form_are_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
