/* tests/unit/base/test_hash.c: known answers. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "tests/unit/unit.h"

static void fnv_gives_the_published_values(void **state UNUSED)
{
        assert_int_equal(fnv1a32("", 0), 2166136261u);
        assert_int_equal(fnv1a32("a", 1), 0xe40c292cu);
        assert_int_equal(fnv1a32("foobar", 6), 0xbf9cf968u);
        assert_true(fnv1a64("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void sha256_gives_the_published_value(void **state UNUSED)
{
        unsigned char digest[32];
        char hex[65];
        sha256_of("abc", 3, digest);
        hex_put(hex, digest, 32);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void strings_added_one_by_one_cannot_run_into_each_other(void **state UNUSED)
{
        unsigned char one[32], two[32];
        struct sha256 h;
        sha256_init(&h);
        sha256_adds(&h, "ab");
        sha256_adds(&h, "c");
        sha256_end(&h, one);
        sha256_init(&h);
        sha256_adds(&h, "a");
        sha256_adds(&h, "bc");
        sha256_end(&h, two);
        assert_memory_not_equal(one, two, 32);
}

static void base64_goes_both_ways(void **state UNUSED)
{
        static const struct {
                const char *plain, *coded;
        } rows[] = {
                {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xff\xfe\xfd", "//79"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf coded = BUF_INIT(100), plain = BUF_INIT(100);
                base64_put(&coded, rows[i].plain, strlen(rows[i].plain));
                assert_string_equal(buf_str(&coded), rows[i].coded);
                assert_true(base64_get(&plain, buf_str(&coded), coded.len));
                assert_string_equal(buf_str(&plain), rows[i].plain);
        }
}

static void base64_reads_without_padding_and_with_white_space(void **state UNUSED)
{
        static const struct {
                const char *text;
                const char *plain; /* NULL: refused */
        } rows[] = {{"Zm8", "fo"},  {"Zm\n9v\n", "foo"}, {"Zg", "f"},    {"Z", NULL},
                    {"Zg=", NULL},  {"Zg===", NULL},     {"Z*g=", NULL}, {"Zg==Zg==", NULL},
                    {"====", NULL}, {"_-==", NULL}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf b = BUF_INIT(100);
                bool ok = base64_get(&b, rows[i].text, strlen(rows[i].text));
                if (ok != (rows[i].plain != NULL))
                        fail_msg("\"%s\" %s", rows[i].text, ok ? "was taken" : "was refused");
                if (ok)
                        assert_string_equal(buf_str(&b), rows[i].plain);
        }
}

static void names_use_only_their_alphabet(void **state UNUSED)
{
        unsigned char bytes[32];
        for (int i = 0; i < 32; i++)
                bytes[i] = (unsigned char)(i * 37);
        char name[52];
        base32_name(name, 51, bytes);
        assert_int_equal(strlen(name), 51);
        assert_int_equal(strspn(name, "bcdfghjklmnpqrstvwxz0123456789aeu"), 51);
}

static void secrets_compare_by_content_and_length(void **state UNUSED)
{
        assert_true(secret_equal("abc", 3, "abc", 3));
        assert_false(secret_equal("abc", 3, "abd", 3));
        assert_false(secret_equal("abc", 3, "ab", 2));
        assert_true(secret_equal("", 0, "", 0));
}

static void sums_notice_every_changed_byte(void **state UNUSED)
{
        unsigned char data[37];
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (unsigned char)(i * 7);
        uint64_t whole = sum64(data, sizeof(data));
        for (size_t i = 0; i < sizeof(data); i++) {
                data[i] ^= 1;
                assert_true(sum64(data, sizeof(data)) != whole);
                data[i] ^= 1;
        }
        assert_true(sum64(data, sizeof(data)) == whole);
        assert_true(sum64(data, 8) != sum64(data, 9));
        assert_true(sum64("a", 1) != sum64("a\0", 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sums_notice_every_changed_byte),
                cmocka_unit_test(fnv_gives_the_published_values),
                cmocka_unit_test(sha256_gives_the_published_value),
                cmocka_unit_test(strings_added_one_by_one_cannot_run_into_each_other),
                cmocka_unit_test(base64_goes_both_ways),
                cmocka_unit_test(base64_reads_without_padding_and_with_white_space),
                cmocka_unit_test(names_use_only_their_alphabet),
                cmocka_unit_test(secrets_compare_by_content_and_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
