/* tests/unit/app/test_folder.c: the data folder and its locks. SPDX-License-Identifier: Apache-2.0
 */
#include "common/app/app.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"
#include <sys/wait.h>
#include <unistd.h>

static void flag_beats_environment_beats_default(void **state UNUSED)
{
        setenv("TIPHYS_DATA", "/env", 1);
        AUTO(mem_free)
        char *flag = app_data_dir("/flag"), *env = app_data_dir(NULL),
             *relative = app_data_dir("here");
        unsetenv("TIPHYS_DATA");
        AUTO(mem_free) char *usual = app_data_dir("");
        assert_string_equal(flag, "/flag");
        assert_string_equal(env, "/env");
        assert_true(relative[0] == '/' && str_ends(relative, "/here"));
        assert_true(str_ends(usual, "/tiphys"));
}

static void role_is_taken_once_and_says_by_whom(void **state UNUSED)
{
        char dir[] = "/tmp/tiphys-lock-XXXXXX";
        struct app_lock *one = NULL, *two = NULL, *other = NULL;
        struct app_holder who;
        struct err e = {0};
        assert_non_null(mkdtemp(dir));
        assert_false(app_lock_holder(dir, "dev", &who));
        assert_int_equal(app_lock_take(&one, dir, "dev", &e), 0);
        app_lock_note(one, "http://127.0.0.1:2746");
        assert_true(app_lock_holder(dir, "dev", &who));
        assert_int_equal(who.pid, getpid());
        assert_string_equal(who.program, "test_folder");
        assert_string_equal(who.note, "http://127.0.0.1:2746");
        assert_int_equal(app_lock_take(&two, dir, "dev", &e), -1);
        assert_int_equal(e.code, ERR_CONFLICT);
        assert_non_null(strstr(err_msg(&e), "test_folder (process "));
        err_clear(&e);
        assert_int_equal(app_lock_take(&other, dir, "sensor", &e), 0);
        app_lock_free(one);
        assert_false(app_lock_holder(dir, "dev", &who));
        assert_int_equal(app_lock_take(&two, dir, "dev", &e), 0);
        app_lock_free(two);
        app_lock_free(other);
        assert_int_equal(fs_remove_tree(dir, &e), 0);
}

static void lock_of_a_dead_process_is_free(void **state UNUSED)
{
        char dir[] = "/tmp/tiphys-lock-XXXXXX";
        struct app_lock *lock = NULL;
        struct app_holder who;
        struct err e = {0};
        assert_non_null(mkdtemp(dir));
        pid_t child = fork();
        if (child == 0)
                _exit(app_lock_take(&lock, dir, "dev", &e) == 0 ? 0 : 1);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_false(app_lock_holder(dir, "dev", &who));
        assert_int_equal(app_lock_take(&lock, dir, "dev", &e), 0);
        app_lock_free(lock);
        assert_int_equal(fs_remove_tree(dir, &e), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(flag_beats_environment_beats_default),
                cmocka_unit_test(role_is_taken_once_and_says_by_whom),
                cmocka_unit_test(lock_of_a_dead_process_is_free),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
