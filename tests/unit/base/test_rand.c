/* tests/unit/base/test_rand.c: identifiers. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "common/base/rand.h"
#include "tests/unit/unit.h"

static void suffixes_use_the_alphabet_of_kubernetes(void **state UNUSED)
{
        for (int i = 0; i < 200; i++) {
                char s[6];
                rand_suffix(s, 5);
                assert_int_equal(strlen(s), 5);
                assert_int_equal(strspn(s, "bcdfghjklmnpqrstvwxz2456789"), 5);
        }
}

static void uuids_have_version_four_and_variant(void **state UNUSED)
{
        char a[37], b[37];
        uuid_v4(a);
        uuid_v4(b);
        assert_int_equal(strlen(a), 36);
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
        assert_string_not_equal(a, b);
}

static void event_ids_sort_by_time(void **state UNUSED)
{
        char before[33] = "", id[33];
        for (int64_t ms = 1700000000000; ms < 1700000001000; ms += 7) {
                event_id_new((struct wall){ms * 1000000}, id);
                assert_int_equal(strspn(id, "0123456789abcdef"), 32);
                assert_true(strcmp(before, id) < 0);
                memcpy(before, id, sizeof(id));
        }
}

static void bytes_of_any_count_are_filled(void **state UNUSED)
{
        unsigned char many[1000];
        memset(many, 0, sizeof(many));
        rand_bytes(many, sizeof(many));
        size_t zeros = 0;
        for (size_t i = 0; i < sizeof(many); i++)
                zeros += many[i] == 0;
        assert_true(zeros < 50);
        assert_true(rand_u64() != rand_u64());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(suffixes_use_the_alphabet_of_kubernetes),
                cmocka_unit_test(uuids_have_version_four_and_variant),
                cmocka_unit_test(event_ids_sort_by_time),
                cmocka_unit_test(bytes_of_any_count_are_filled),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
