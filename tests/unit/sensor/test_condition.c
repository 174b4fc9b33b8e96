/* tests/unit/sensor/test_condition.c SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "sensor/condition.h"
#include "tests/unit/unit.h"

static const char *const names[] = {"a", "b", "c", "my-dep", "my_dep", "and", "1st", "x.y", "true"};
enum { A = 1, B = 2, C = 4 };

static void accepts_and_normalises(void **state UNUSED)
{
        static const struct {
                const char *text, *normal;
                bool simple;
        } rows[] = {
                {"a", "a", true},
                {" a && b ", "a&&b", false},
                {"a||b", "a||b", true},
                {"(a && b) || c", "(a&&b)||c", false},
                {"((a))", "((a))", true},
                {"my-dep || my_dep", "my-dep||my_dep", true},
                {"and && 1st && x.y && true", "and&&1st&&x.y&&true", false},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(condition_free) struct condition *c = NULL;
                ERR_SLOT(e);
                assert_int_equal(condition_new(&c, rows[i].text, names, ARRAY_LEN(names), &e), 0);
                assert_string_equal(condition_text(c), rows[i].normal);
                assert_int_equal(condition_simple(c), rows[i].simple);
        }
}

static void says_where_it_is_wrong(void **state UNUSED)
{
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"a &&", "column 5: expected a dependency name or '(', found the end"},
                {"(a", "column 3: expected ')', && or ||, found the end"},
                {"a b", "column 3: expected && or ||, found \"b\""},
                {"a & b", "column 3: expected && or ||, found \"&\""},
                {"!a", "column 1: conditions know no negation: only &&, || and parentheses"},
                {"a && my-depp",
                 "column 6: no dependency is named \"my-depp\" (did you mean \"my-dep\"?)"},
                {"()", "column 2: expected a dependency name or '(', found \")\""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct condition *c = NULL;
                ERR_SLOT(e);
                assert_int_equal(condition_new(&c, rows[i].text, names, ARRAY_LEN(names), &e), -1);
                assert_string_equal(err_msg(&e), rows[i].words);
                err_clear(&e);
        }
}

static void absent_means_all_dependencies(void **state UNUSED)
{
        AUTO(condition_free) struct condition *c = NULL;
        ERR_SLOT(e);
        assert_int_equal(condition_new(&c, NULL, names, 3, &e), 0);
        assert_string_equal(condition_text(c), "a&&b&&c");
        assert_false(condition_holds(c, A | B));
        assert_true(condition_holds(c, A | B | C));
}

static void holds_follows_precedence(void **state UNUSED)
{
        AUTO(condition_free) struct condition *c = NULL;
        ERR_SLOT(e);
        assert_int_equal(condition_new(&c, "a && b || c", names, 3, &e), 0);
        static const struct {
                uint64_t satisfied;
                bool holds;
        } rows[] = {{0, false}, {A, false}, {A | B, true}, {C, true}, {B, false}, {A | C, true}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(condition_holds(c, rows[i].satisfied), rows[i].holds);
}

static void names_what_is_missing(void **state UNUSED)
{
        AUTO(condition_free) struct condition *c = NULL;
        ERR_SLOT(e);
        assert_int_equal(condition_new(&c, "a && b && c", names, 3, &e), 0);
        AUTO(mem_free)
        char *two = condition_missing(c, B, names), *all = condition_missing(c, 0, names);
        assert_string_equal(two, "a and c");
        assert_string_equal(all, "a, b and c");
}

static void deep_nesting_is_refused(void **state UNUSED)
{
        char text[4000];
        memset(text, '(', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        struct condition *c = NULL;
        ERR_SLOT(e);
        assert_int_equal(condition_new(&c, text, names, 3, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_and_normalises),
                cmocka_unit_test(says_where_it_is_wrong),
                cmocka_unit_test(absent_means_all_dependencies),
                cmocka_unit_test(holds_follows_precedence),
                cmocka_unit_test(names_what_is_missing),
                cmocka_unit_test(deep_nesting_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
