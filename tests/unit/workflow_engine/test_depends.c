/* tests/unit/workflow_engine/test_depends.c: workflow/engine/depends.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "tests/unit/unit.h"
#include "workflow/engine/depends.h"

static const char *const names[] = {"a", "b", "c-1"};
struct outcome {
        unsigned results[3];
};

static uint32_t find(void *arg, const char *name, size_t n, unsigned *bare)
{
        (void)arg;
        for (uint32_t i = 0; i < 3; i++)
                if (str_eq((struct str){name, n}, names[i])) {
                        *bare = DEP_SUCCEEDED | DEP_SKIPPED | DEP_DAEMONED;
                        return i;
                }
        return UINT32_MAX;
}

static unsigned results(void *arg, uint32_t task)
{
        return ((const struct outcome *)arg)->results[task];
}

static void evaluates_the_whole_grammar(void **state)
{
        static const struct {
                const char *text;
                unsigned a, b, c;
                bool expected;
        } rows[] = {
                {"a", DEP_SUCCEEDED, 0, 0, true},
                {"a", DEP_SKIPPED, 0, 0, true},
                {"a", DEP_OMITTED, 0, 0, false},
                {"a", DEP_FAILED, 0, 0, false},
                {"a.Failed", DEP_FAILED, 0, 0, true},
                {"!a", DEP_FAILED, 0, 0, true},
                {"!a.Failed", DEP_FAILED, 0, 0, false},
                {"a && b", DEP_SUCCEEDED, DEP_FAILED, 0, false},
                {"a || b", DEP_SUCCEEDED, DEP_FAILED, 0, true},
                {"a || b && c-1", DEP_SUCCEEDED, DEP_FAILED, DEP_FAILED, true},
                {"(a || b) && c-1", DEP_SUCCEEDED, DEP_FAILED, DEP_FAILED, false},
                {"  ( a.Succeeded||b.Errored )&&c-1.Omitted ", DEP_SUCCEEDED, 0, DEP_OMITTED, true},
                {"!(a && b)", DEP_SUCCEEDED, DEP_SUCCEEDED, 0, false},
                {"a.AnySucceeded", DEP_FAILED | DEP_ANY_SUCCEEDED, 0, 0, true},
                {"a.AllFailed || a.Succeeded", DEP_FAILED, 0, 0, false},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct depends *d = NULL;
                struct err e = {0};
                struct outcome o = {{rows[i].a, rows[i].b, rows[i].c}};
                assert_int_equal(depends_parse(&d, rows[i].text, find, NULL, &e), 0);
                if (depends_eval(d, results, &o) != rows[i].expected)
                        fail_msg("%s", rows[i].text);
                depends_free(d);
        }
}

static void refuses_what_makes_no_sense(void **state)
{
        static const char *const texts[] = {"",
                                            "a &&",
                                            "&& a",
                                            "a b",
                                            "(a",
                                            "a)",
                                            "zz",
                                            "a.Nope",
                                            "a.failed",
                                            "a or b",
                                            "a.Failed.Failed",
                                            "a + b",
                                            "a == b",
                                            "()",
                                            "a.",
                                            "!"};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct depends *d = NULL;
                struct err e = {0};
                if (depends_parse(&d, texts[i], find, NULL, &e) == 0)
                        fail_msg("accepted: %s", texts[i]);
                assert_non_null(strstr(err_msg(&e), "depends"));
                err_clear(&e);
        }
}

static void refuses_deep_nesting_without_crashing(void **state)
{
        char text[20001];
        struct depends *d = NULL;
        struct err e = {0};
        (void)state;
        memset(text, '(', 20000);
        text[20000] = 0;
        assert_int_equal(depends_parse(&d, text, find, NULL, &e), -1);
        err_clear(&e);
        memset(text, '!', 20000);
        assert_int_equal(depends_parse(&d, text, find, NULL, &e), -1);
        err_clear(&e);
}

static void names_each_task_once(void **state)
{
        struct depends *d = NULL;
        size_t n;
        (void)state;
        assert_int_equal(depends_parse(&d, "a.Failed || b || a.Errored", find, NULL, NULL), 0);
        depends_tasks(d, &n);
        assert_int_equal(n, 2);
        assert_false(depends_uses_loop_results(d, 0));
        depends_free(d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evaluates_the_whole_grammar),
                cmocka_unit_test(refuses_what_makes_no_sense),
                cmocka_unit_test(refuses_deep_nesting_without_crashing),
                cmocka_unit_test(names_each_task_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
