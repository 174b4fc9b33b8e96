/* tests/unit/workflow_image/test_reference.c: SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include "workflow/image/image.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void names_are_read_as_docker_reads_them(void **state UNUSED)
{
        static const struct {
                const char *name, *normal;
        } rows[] = {
                {"busybox", "docker.io/library/busybox:latest"},
                {"alpine:3.23", "docker.io/library/alpine:3.23"},
                {"argoproj/argosay:v2", "docker.io/argoproj/argosay:v2"},
                {"docker.io/busybox", "docker.io/library/busybox:latest"},
                {"index.docker.io/library/busybox", "docker.io/library/busybox:latest"},
                {"quay.io/a/b/c", "quay.io/a/b/c:latest"},
                {"localhost/x", "localhost/x:latest"},
                {"localhost:5000/x:1", "localhost:5000/x:1"},
                {"registry:5000/x", "registry:5000/x:latest"},
                {"busybox@" DIGEST, "docker.io/library/busybox@" DIGEST},
                {"a/b:1@" DIGEST, "docker.io/a/b:1@" DIGEST},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                AUTO(mem_free) char *got = reference_normal(rows[i].name, &e);
                if (!got)
                        fail_msg("%s: %s", rows[i].name, err_msg(&e));
                assert_string_equal(got, rows[i].normal);
        }
}

static void what_is_no_name_is_refused(void **state UNUSED)
{
        static const char *const names[] = {"",           "UPPER",      "a//b",      "a/../b",
                                            "a:",         "a:b c",      "-a",        "a-",
                                            "a@sha256:1", "a@md5:1234", "http://a/b"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct err e = {0};
                AUTO(mem_free) char *got = reference_normal(names[i], &e);
                if (got)
                        fail_msg("%s became %s", names[i], got);
                assert_int_equal(e.code, ERR_INVALID);
                err_clear(&e);
        }
        struct err e = {0};
        assert_null(reference_normal(NULL, &e));
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_read_as_docker_reads_them),
                cmocka_unit_test(what_is_no_name_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
