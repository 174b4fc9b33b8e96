/* tests/unit/base/test_buf.c: the bounded buffer. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "tests/unit/unit.h"

static void an_empty_buffer_reads_as_an_empty_string(void **state UNUSED)
{
        struct buf b = BUF_INIT(10);
        assert_string_equal(buf_str(&b), "");
        assert_null(b.data);
        buf_deinit(&b);
}

static void content_is_always_terminated(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (int i = 0; i < 1000; i++) {
                buf_addc(&b, 'x');
                assert_int_equal(strlen(b.data), b.len);
        }
        assert_int_equal(b.len, 1000);
}

static void a_write_past_the_maximum_changes_nothing_and_is_marked(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(5);
        buf_adds(&b, "12345");
        assert_false(b.overflow);
        buf_addc(&b, '6');
        assert_true(b.overflow);
        assert_string_equal(buf_str(&b), "12345");
        buf_truncate(&b, 0);
        buf_addc(&b, '7'); /* once overflowed it stays so until reset */
        assert_string_equal(buf_str(&b), "");
        buf_reset(&b);
        buf_adds(&b, "ok");
        assert_false(b.overflow);
        assert_string_equal(buf_str(&b), "ok");
}

static void formatted_text_may_be_longer_than_the_small_buffer(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        char want[2001];
        memset(want, 'y', 2000);
        want[2000] = '\0';
        buf_addf(&b, "%s", want);
        buf_addf(&b, "|%d", 7);
        assert_int_equal(b.len, 2002);
        assert_memory_equal(b.data, want, 2000);
        assert_string_equal(b.data + 2000, "|7");
}

static void formatted_text_respects_the_maximum(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(300);
        buf_addf(&b, "%0400d", 1);
        assert_true(b.overflow);
        assert_int_equal(b.len, 0);
}

static void consume_drops_from_the_front(void **state UNUSED)
{
        static const struct {
                size_t n;
                const char *left;
        } rows[] = {{0, "abcdef"}, {2, "cdef"}, {6, ""}, {99, ""}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf b = BUF_INIT(10);
                buf_adds(&b, "abcdef");
                buf_consume(&b, rows[i].n);
                assert_string_equal(buf_str(&b), rows[i].left);
                assert_int_equal(b.len, strlen(rows[i].left));
        }
}

static void take_hands_the_text_over(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(10);
        buf_adds(&b, "mine");
        char *s = buf_take(&b);
        assert_string_equal(s, "mine");
        assert_int_equal(b.len, 0);
        assert_int_equal(b.max, 10);
        free(s);
        s = buf_take(&b); /* of an empty one */
        assert_string_equal(s, "");
        free(s);
}

static void reserve_gives_room_without_changing_the_length(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(100);
        char *at = buf_reserve(&b, 100);
        assert_non_null(at);
        assert_int_equal(b.len, 0);
        assert_null(buf_reserve(&b, 101));
        assert_true(b.overflow);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_buffer_reads_as_an_empty_string),
                cmocka_unit_test(content_is_always_terminated),
                cmocka_unit_test(a_write_past_the_maximum_changes_nothing_and_is_marked),
                cmocka_unit_test(formatted_text_may_be_longer_than_the_small_buffer),
                cmocka_unit_test(formatted_text_respects_the_maximum),
                cmocka_unit_test(consume_drops_from_the_front),
                cmocka_unit_test(take_hands_the_text_over),
                cmocka_unit_test(reserve_gives_room_without_changing_the_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
