/* tests/unit/lang/test_jsonpath.c: kubectl's JSONPath. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jsonpath.h"
#include "common/lang/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const DATA =
        "{\"items\":[{\"name\":\"a\",\"n\":1,\"tags\":[\"x\",\"y\"]},{\"name\":\"b\",\"n\":2.5}],"
        "\"nothing\":null,\"a.b\":\"dot\",\"html\":{\"t\":\"<&>\"}}";

/* 0 and the text, or -1 and the words. */
static int print(const char *path, enum val_numbers numbers, enum jsonpath_missing missing,
                 struct buf *out, struct err *e)
{
        AUTO(jsonpath_free) struct jsonpath *p = NULL;
        struct arena a;
        arena_init(&a, LANG_MEMORY);
        int rc = jsonpath_new(&p, str_of(path), NULL, e);
        if (rc == 0)
                rc = jsonpath_put(p, val_from_json(&a, str_of(DATA), numbers), missing, &a, out, e);
        arena_deinit(&a);
        return rc;
}

static void paths_print_what_they_find(void **state)
{
        (void)state;
        static const struct {
                const char *path, *want;
        } rows[] = {
                {"{.items[*].name}", "a b"},
                {"{.items[-1:].name}", "b"},
                {"{.items[0,1].n}", "1 2.5"},
                {"{.items[0]['name','n']}", "a 1"},
                {"{.a\\.b} {['a\\.b']}", "dot dot"},
                {"{.nothing}", "null"},
                {"{.html}", "{\"t\":\"\\u003c\\u0026\\u003e\"}"},
                {"{..t}", "<&>"},
                {"{.items[?(@.name==\"b\")].n}", "2.5"},
                {"{.items[?(@.tags)].name}", "a"},
                {"{.items[?(@.tags[5])].name}", "a"}, /* a failing index exists, as there */
                {"{range .items[*]}{.name}={.n};{end}", "a=1;b=2.5;"},
                {"{range .items[*]}{range .tags[*]}{@} {end}{.name}\n{end}done", NULL},
                {"plain", "plain"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf out = BUF_INIT(1000);
                struct err e = {0};
                int rc = print(rows[i].path, VAL_FLOATS, JSONPATH_MISSING_FAILS, &out, &e);
                if (rc != (rows[i].want ? 0 : -1))
                        fail_msg("%s: %s", rows[i].path, err_msg(&e));
                if (rows[i].want)
                        assert_string_equal(buf_str(&out), rows[i].want);
                err_clear(&e);
        }
}

static void whole_numbers_stay_whole_when_asked(void **state)
{
        (void)state;
        AUTO_BUF struct buf out = BUF_INIT(1000);
        assert_int_equal(print("{.items[?(@.name=='a')].n}{.items[?(@.n==1)].name}",
                               VAL_INTS_AND_FLOATS, JSONPATH_MISSING_FAILS, &out, NULL),
                         -1); /* 2.5 is a float: the types differ */
        buf_reset(&out);
        assert_int_equal(
                print("{.items[0:1].n}", VAL_INTS_AND_FLOATS, JSONPATH_MISSING_FAILS, &out, NULL),
                0);
        assert_string_equal(buf_str(&out), "1");
}

static void missing_fields_fail_or_are_empty(void **state)
{
        (void)state;
        AUTO_BUF struct buf out = BUF_INIT(1000);
        struct err e = {0};
        assert_int_equal(print("<{.zz.y}>", VAL_FLOATS, JSONPATH_MISSING_IS_EMPTY, &out, &e), 0);
        assert_string_equal(buf_str(&out), "<>");
        assert_int_equal(print("{.zz}", VAL_FLOATS, JSONPATH_MISSING_FAILS, &out, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
}

static void a_bad_path_is_refused_with_its_place(void **state)
{
        (void)state;
        static const struct {
                const char *path;
                size_t at;
        } rows[] = {
                {"{.a", 3},        {"{.a[0}", 3},           {"{.a[x]}", 4},
                {"{.a[?(@.b}", 6}, {"{.a[?(@.b=~1)]}", 10}, {"ab{%}", 3},
                {"{1.2.3}", 1},    {"{'a\\q'}", 1},         {"{....a}", 3},
                {"{.a[0,y]}", 6},  {"{{.a}}", 1},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct jsonpath *p = NULL;
                struct err e = {0};
                size_t at = 999;
                assert_int_equal(jsonpath_new(&p, str_of(rows[i].path), &at, &e), -1);
                if (at != rows[i].at)
                        fail_msg("%s: at %zu: %s", rows[i].path, at, err_msg(&e));
                err_clear(&e);
        }
}

static void nested_loops_end_at_the_budget(void **state)
{
        (void)state;
        AUTO_BUF struct buf out = BUF_INIT(1 << 20), path = BUF_INIT(10000);
        struct err e = {0};
        for (int i = 0; i < 40; i++)
                buf_adds(&path, "{range 'ab'.*}"); /* each twice: 2^40 times the innermost */
        assert_int_equal(print(buf_str(&path), VAL_FLOATS, JSONPATH_MISSING_FAILS, &out, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_print_what_they_find),
                cmocka_unit_test(whole_numbers_stay_whole_when_asked),
                cmocka_unit_test(missing_fields_fail_or_are_empty),
                cmocka_unit_test(a_bad_path_is_refused_with_its_place),
                cmocka_unit_test(nested_loops_end_at_the_budget),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
