/* tests/unit/base/test_secret.c: secrets and where they come from. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/err.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "tests/unit/unit.h"
#include <unistd.h>

static char root[] = "/tmp/tiphys-secret-XXXXXX";

static int make_mounts(void **state UNUSED)
{
        if (!mkdtemp(root))
                return -1;
        setenv("TIPHYS_MOUNTS", root, 1);
        AUTO(mem_free) char *secrets = fs_join(root, "secrets/db");
        AUTO(mem_free) char *config = fs_join(root, "config/cm");
        AUTO(mem_free) char *password = fs_join(secrets, "password");
        AUTO(mem_free) char *lines = fs_join(secrets, "lines");
        AUTO(mem_free) char *text = fs_join(config, "text");
        if (fs_mkdirs(secrets, 0700, NULL) < 0 || fs_mkdirs(config, 0700, NULL) < 0)
                return -1;
        if (fs_write_atomic(password, "hunter2\n", 8, 0600, NULL) < 0)
                return -1;
        if (fs_write_atomic(lines, "a\nb\n\n", 5, 0600, NULL) < 0)
                return -1;
        return fs_write_atomic(text, "words", 5, 0600, NULL);
}

static int remove_mounts(void **state UNUSED)
{
        return fs_remove_tree(root, NULL);
}

static void only_the_same_bytes_match(void **state UNUSED)
{
        AUTO(secret_free) struct secret *s = secret_new("a\0b", 3);
        assert_true(secret_matches(s, "a\0b", 3));
        assert_false(secret_matches(s, "a\0c", 3));
        assert_false(secret_matches(s, "a", 1));
        assert_false(secret_matches(NULL, "", 0));
        assert_int_equal(secret_len(s), 3);
        assert_memory_equal(secret_reveal(s), "a\0b", 4); /* terminated */
}

static void exactly_one_trailing_newline_is_trimmed(void **state UNUSED)
{
        struct secret *s = NULL;
        assert_int_equal(secret_from_mounts(&s, "db", "password", NULL), 0);
        assert_string_equal(secret_reveal(s), "hunter2");
        s = secret_free(s);
        assert_int_equal(secret_from_mounts(&s, "db", "lines", NULL), 0);
        assert_string_equal(secret_reveal(s), "a\nb\n");
        secret_free(s);
}

static void config_maps_are_read_from_their_folder(void **state UNUSED)
{
        AUTO(mem_free) char *text = NULL;
        assert_int_equal(config_from_mounts(&text, "cm", "text", NULL), 0);
        assert_string_equal(text, "words");
}

static void the_environment_is_asked_last(void **state UNUSED)
{
        struct secret *s = NULL;
        struct err e = {0};
        assert_int_equal(secret_from_mounts(&s, "my-db", "pass.word", &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_non_null(strstr(err_msg(&e), "TIPHYS_SECRET_MY_DB_PASS_WORD"));
        assert_non_null(strstr(err_msg(&e), "secrets/my-db/pass.word"));
        err_clear(&e);
        setenv("TIPHYS_SECRET_MY_DB_PASS_WORD", "from env\n", 1);
        assert_int_equal(secret_from_mounts(&s, "my-db", "pass.word", &e), 0);
        assert_string_equal(secret_reveal(s), "from env");
        secret_free(s);
        unsetenv("TIPHYS_SECRET_MY_DB_PASS_WORD");
}

static void names_cannot_leave_the_folder(void **state UNUSED)
{
        static const struct {
                const char *name, *key;
        } rows[] = {{"..", "x"},
                    {"../config/cm", "text"},
                    {"db", "../../config/cm/text"},
                    {"", "x"},
                    {"db", "."},
                    {"db", ""},
                    {NULL, "x"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct secret *s = NULL;
                struct err e = {0};
                assert_int_equal(secret_from_mounts(&s, rows[i].name, rows[i].key, &e), -1);
                assert_int_equal(e.code, ERR_INVALID);
                assert_null(s);
                err_clear(&e);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_the_same_bytes_match),
                cmocka_unit_test(exactly_one_trailing_newline_is_trimmed),
                cmocka_unit_test(config_maps_are_read_from_their_folder),
                cmocka_unit_test(the_environment_is_asked_last),
                cmocka_unit_test(names_cannot_leave_the_folder),
        };
        return cmocka_run_group_tests(tests, make_mounts, remove_mounts);
}
