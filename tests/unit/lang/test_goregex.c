/* tests/unit/lang/test_goregex.c: Go's regular expressions on PCRE2. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/goregex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void replaces_as_go_does(void **state)
{
        (void)state;
        static const struct {
                const char *pattern, *text, *template, *result;
        } rows[] = {
                {"(a)(b)?", "ab a", "<$2$1>", "<ba> <a>"},
                {"(?P<year>\\d+)", "in 2026", "${year}!", "in 2026!"},
                {"x*", "axb", "-", "-a-b-"},
                {"(?i)k", "K\xE2\x84\xAA", "k", "kk"},
                {"a$", "a\n", "b", "a\n"},
                {"(?m)a$", "a\na", "b", "b\nb"},
                {"\\s", "\v \t", "_", "\v__"},
                {"a.c",
                 "a\xFF"
                 "c",
                 "ok", "ok"},
                {"$1", "$1", "x", "$1"},
                {"a", "a", "$$ $x ${1", "$  ${1"},
        };
        struct arena a;
        arena_init(&a, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(goregex_free) struct goregex *re = NULL;
                AUTO_BUF struct buf out = BUF_INIT(1 << 16);
                assert_int_equal(goregex_new(&re, str_of(rows[i].pattern), NULL, NULL), 0);
                assert_int_equal(goregex_replace(re, str_of(rows[i].text), str_of(rows[i].template),
                                                 false, &a, &out, NULL),
                                 0);
                assert_string_equal(buf_str(&out), rows[i].result);
        }
        arena_deinit(&a);
}

static void refuses_what_re2_refuses_with_an_offset(void **state)
{
        (void)state;
        static const struct {
                const char *pattern;
                size_t at;
        } rows[] = {
                {"ab(?=c)", 2}, {"(a)\\1", 3}, {"a++", 2},      {"x{1001}", 1}, {"(x{100}){11}", 8},
                {"a**", 2},     {"(?<!a)", 0}, {"\\Z", 0},      {"[b-a]", 1},   {"(a", 2},
                {"a)", 1},      {"[a", 0},     {"\\p{Foo}", 0}, {"(?P<>x)", 4}, {"*a", 0},
                {"\\C", 0},     {"(?z)", 0},   {"a\\", 1},      {"\xFF", 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct goregex *re;
                struct err e = {0};
                size_t at = 99;
                assert_int_equal(goregex_new(&re, str_of(rows[i].pattern), &at, &e), -1);
                assert_int_equal(at, rows[i].at);
                assert_int_equal(e.code, ERR_INVALID);
                err_clear(&e);
        }
}

static void a_catastrophic_match_is_a_limit(void **state)
{
        (void)state;
        struct arena a;
        struct goregex *re;
        struct err e = {0};
        bool matched;
        arena_init(&a, 32 << 20);
        assert_int_equal(goregex_new(&re, STR("(a+)+$"), NULL, NULL), 0);
        AUTO_BUF struct buf text = BUF_INIT(1 << 16);
        for (int i = 0; i < 40; i++)
                buf_addc(&text, 'a');
        buf_addc(&text, 'b');
        assert_int_equal(goregex_match(re, (struct str){text.data, text.len}, &a, &matched, &e),
                         -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
        goregex_free(re);
        arena_deinit(&a);
}

static void the_cache_keeps_what_is_used(void **state)
{
        (void)state;
        AUTO(goregex_cache_free) struct goregex_cache *c = goregex_cache_new(2);
        const struct goregex *a, *b, *again;
        assert_int_equal(goregex_cached(c, STR("a"), &a, NULL), 0);
        assert_int_equal(goregex_cached(c, STR("b"), &b, NULL), 0);
        assert_int_equal(goregex_cached(c, STR("a"), &again, NULL), 0);
        assert_ptr_equal(a, again);
        assert_int_equal(goregex_cached(c, STR("c"), &b, NULL), 0);
        assert_int_equal(goregex_cached(c, STR("a"), &again, NULL), 0);
        assert_ptr_equal(a, again);
        assert_int_equal(goregex_cached(c, STR("("), &b, NULL), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replaces_as_go_does),
                cmocka_unit_test(refuses_what_re2_refuses_with_an_offset),
                cmocka_unit_test(a_catastrophic_match_is_a_limit),
                cmocka_unit_test(the_cache_keeps_what_is_used),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
