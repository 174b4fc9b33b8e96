/* tests/unit/base/test_err.c: errors keep their words. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include <errno.h>
#include <unistd.h>

static void set_records_code_words_and_origin(void **state UNUSED)
{
        struct err e = {0};
        int line = __LINE__ + 1;
        assert_int_equal(err_set(&e, ERR_TIMEOUT, "POST %s", "http://x"), -1);
        assert_int_equal(e.code, ERR_TIMEOUT);
        assert_string_equal(err_msg(&e), "POST http://x");
        assert_int_equal(e.line, line);
        assert_string_equal(e.func, __func__);
        assert_non_null(strstr(e.file, "test_err.c"));
        err_clear(&e);
        assert_false(err_is_set(&e));
        assert_string_equal(err_msg(&e), "no error");
}

static void context_grows_at_the_front(void **state UNUSED)
{
        struct err e = {0};
        (void)err_set(&e, ERR_INVALID, "timeout");
        assert_int_equal(err_wrap(&e, "trigger %d", 7), -1);
        (void)err_wrap(&e, "sensor a");
        assert_string_equal(err_msg(&e), "sensor a: trigger 7: timeout");
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
}

static void a_null_slot_is_allowed_everywhere(void **state UNUSED)
{
        struct err from = {0};
        assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), -1);
        assert_int_equal(err_errno(NULL, ENOENT, "x"), -1);
        assert_int_equal(err_wrap(NULL, "x"), -1);
        (void)err_set(&from, ERR_LIMIT, "x");
        err_copy(NULL, &from);
        err_move(NULL, &from); /* releases the words */
        assert_false(err_is_set(&from));
        assert_string_equal(err_msg(NULL), "no error");
        err_clear(NULL);
}

static void errno_decides_the_code(void **state UNUSED)
{
        static const struct {
                int num;
                enum err_code code;
        } rows[] = {{ENOENT, ERR_NOT_FOUND},  {EACCES, ERR_DENIED},
                    {EEXIST, ERR_CONFLICT},   {ECONNREFUSED, ERR_UNAVAILABLE},
                    {ETIMEDOUT, ERR_TIMEOUT}, {EINVAL, ERR_INVALID},
                    {EBADF, ERR_INTERNAL}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                assert_int_equal(err_errno(&e, rows[i].num, "open %s", "f"), -1);
                assert_int_equal(e.code, rows[i].code);
                assert_memory_equal(err_msg(&e), "open f: ", 8);
                assert_true(strlen(err_msg(&e)) > 8);
                err_clear(&e);
        }
}

static void copy_is_independent_and_move_empties(void **state UNUSED)
{
        struct err a = {0}, b = {0}, c = {0};
        (void)err_set(&a, ERR_GONE, "words");
        err_copy(&b, &a);
        assert_ptr_not_equal(a.msg, b.msg);
        err_move(&c, &a);
        assert_false(err_is_set(&a));
        assert_string_equal(err_msg(&b), err_msg(&c));
        err_clear(&b);
        err_clear(&c);
}

static void every_code_has_a_name_and_answers(void **state UNUSED)
{
        for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT; code++) {
                assert_non_null(err_code_name((enum err_code)code));
                assert_in_range(err_http_status((enum err_code)code), 400, 599);
                assert_int_not_equal(err_exit_code((enum err_code)code), 0);
        }
        assert_true(err_retryable(ERR_UNAVAILABLE));
        assert_false(err_retryable(ERR_INVALID));
        assert_false(err_retryable(ERR_NONE));
        assert_int_equal(err_exit_code(ERR_NONE), 0);
}

static void fail_and_forget(void)
{
        ERR_SLOT(e);
        (void)err_set(&e, ERR_LIMIT, "nobody reads this");
}

static void a_forgotten_slot_is_logged(void **state UNUSED)
{
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        log_set_fd(fds[1]);
        fail_and_forget();
        log_set_fd(2);
        close(fds[1]);
        char line[512] = "";
        assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
        close(fds[0]);
        assert_non_null(strstr(line, "unreported error"));
        assert_non_null(strstr(line, "nobody reads this"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(set_records_code_words_and_origin),
                cmocka_unit_test(context_grows_at_the_front),
                cmocka_unit_test(a_null_slot_is_allowed_everywhere),
                cmocka_unit_test(errno_decides_the_code),
                cmocka_unit_test(copy_is_independent_and_move_empties),
                cmocka_unit_test(every_code_has_a_name_and_answers),
                cmocka_unit_test(a_forgotten_slot_is_logged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
