/* tests/unit/base/test_mem.c: allocation helpers and the arena. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/mem.h"
#include "tests/unit/unit.h"

static void strings_are_copied_and_null_stays_null(void **state UNUSED)
{
        assert_null(mem_strdup(NULL));
        AUTO(mem_free) char *s = mem_strndup("abcdef", 3);
        assert_string_equal(s, "abc");
        AUTO(mem_free) char *f = mem_printf("%d-%s", 7, "x");
        assert_string_equal(f, "7-x");
}

static void take_leaves_null_behind(void **state UNUSED)
{
        AUTO(mem_free) char *a = mem_strdup("a");
        char *b = TAKE(a);
        assert_null(a);
        mem_free(b);
}

static void grow_makes_room_and_keeps_content(void **state UNUSED)
{
        int *items = NULL;
        size_t cap = 0;
        for (int i = 0; i < 1000; i++) {
                mem_grow(items, cap, (size_t)i + 1);
                items[i] = i;
        }
        for (int i = 0; i < 1000; i++)
                assert_int_equal(items[i], i);
        assert_true(cap >= 1000 && cap < 4000);
        mem_free(items);
}

static void arena_memory_is_aligned_and_separate(void **state UNUSED)
{
        struct arena a;
        arena_init(&a, 0);
        char *last = NULL;
        for (size_t n = 1; n < 200; n++) {
                char *p = arena_zalloc(&a, n);
                assert_int_equal((uintptr_t)p % 16, 0);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(p[i], 0);
                memset(p, 'x', n);
                assert_ptr_not_equal(p, last);
                last = p;
        }
        assert_non_null(arena_alloc(&a, 100000)); /* larger than a block */
        assert_string_equal(arena_printf(&a, "%s!", "hi"), "hi!");
        assert_string_equal(arena_strndup(&a, "hello", 2), "he");
        arena_deinit(&a);
}

static void arena_answers_null_past_its_maximum(void **state UNUSED)
{
        struct arena a;
        arena_init(&a, 1000);
        size_t n = 0;
        while (arena_try_alloc(&a, 10))
                n++;
        assert_int_equal(n, 62); /* 16 bytes each */
        assert_null(arena_try_alloc(&a, SIZE_MAX));
        arena_reset(&a);
        assert_int_equal(a.total, 0);
        assert_non_null(arena_try_alloc(&a, 992));
        arena_deinit(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(strings_are_copied_and_null_stays_null),
                cmocka_unit_test(take_leaves_null_behind),
                cmocka_unit_test(grow_makes_room_and_keeps_content),
                cmocka_unit_test(arena_memory_is_aligned_and_separate),
                cmocka_unit_test(arena_answers_null_past_its_maximum),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
