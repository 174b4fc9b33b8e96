/* tests/unit/base/test_json_reread.c: what was written is read back the same; damage is told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"

static uint64_t seed = 88172645463325252u;

static unsigned any(unsigned n)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (unsigned)(seed % n);
}

static json_t *random_string(void)
{
        static const char *const pieces[] = {"a",    "task-1", "\"", "\\", "\n",
                                             "\x01", "ä",      "😀",  "",   "0123456789"};
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (unsigned n = any(9); n; n--)
                buf_adds(&b, pieces[any(ARRAY_LEN(pieces))]);
        return json_stringn(buf_str(&b), b.len);
}

static json_t *random_tree(int depth)
{
        switch (any(depth ? 8 : 6)) {
        case 0: return json_null();
        case 1: return json_boolean(any(2));
        case 2:
                return json_integer((json_int_t)((uint64_t)any(1u << 31) << any(33)) *
                                    (any(2) ? 1 : -1));
        case 3: return json_real((double)any(1000000) / 7 - 70000);
        case 4:
        case 5: return random_string();
        case 6: {
                json_t *list = json_array();
                for (unsigned n = any(6); n; n--)
                        json_array_append_new(list, random_tree(depth - 1));
                return list;
        }
        default: {
                json_t *object = json_object();
                for (unsigned n = any(6); n; n--) {
                        AUTO_JSON json_t *key = random_string();
                        json_object_set_new(object, json_string_value(key), random_tree(depth - 1));
                }
                return object;
        }
        }
}

static void random_trees_read_back_the_same(void **state UNUSED)
{
        for (int i = 0; i < 3000; i++) {
                AUTO_JSON json_t *tree = random_tree(5), *back = NULL;
                AUTO(mem_free) char *text = json_text(tree, any(4));
                struct err e = {0};
                if (json_reread(&back, text, strlen(text), &e) < 0)
                        fail_msg("%s: %s", text, err_msg(&e));
                AUTO(mem_free) char *again = json_text(back, JSON_STYLE_SORTED);
                AUTO(mem_free) char *sorted = json_text(tree, JSON_STYLE_SORTED);
                assert_string_equal(again, sorted);
        }
}

static void numbers_keep_their_value(void **state UNUSED)
{
        static const struct {
                const char *text;
                json_type type;
                double value;
        } rows[] = {{"0", JSON_INTEGER, 0},
                    {"-9223372036854775808", JSON_INTEGER, -9223372036854775808.0},
                    {"100000000000000000000", JSON_REAL, 1e20}, /* as the writer prints 1e20 */
                    {"1.5", JSON_REAL, 1.5},
                    {"1e+21", JSON_REAL, 1e21}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *j = NULL;
                struct err e = {0};
                assert_int_equal(json_reread(&j, rows[i].text, strlen(rows[i].text), &e), 0);
                assert_int_equal(json_typeof(j), rows[i].type);
                assert_true(json_number_value(j) == rows[i].value);
        }
}

static void equal_short_strings_are_one_node(void **state UNUSED)
{
        static const char text[] = "[\"task-1\",{\"x\":\"task-1\"},\"task-2\"]";
        AUTO_JSON json_t *j = NULL;
        struct err e = {0};
        assert_int_equal(json_reread(&j, text, strlen(text), &e), 0);
        assert_ptr_equal(json_array_get(j, 0), json_object_get(json_array_get(j, 1), "x"));
        assert_ptr_not_equal(json_array_get(j, 0), json_array_get(j, 2));
}

static void damage_is_told_and_never_crashes(void **state UNUSED)
{
        static const char *const broken[] = {"",         "{",   "[1,",   "[1 2]",     "{\"a\"}",
                                             "{\"a\":}", "\"a", "\"\\",  "\"\\u12\"", "tru",
                                             "1.2.3",    "[]]", "{1:2}", "-"};
        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                json_t *j = NULL;
                struct err e = {0};
                if (json_reread(&j, broken[i], strlen(broken[i]), &e) == 0)
                        fail_msg("%s was read", broken[i]);
                assert_int_equal(e.code, ERR_INVALID);
                err_clear(&e);
        }
        for (int i = 0; i < 3000; i++) {
                AUTO_JSON json_t *tree = random_tree(4), *back = NULL;
                AUTO(mem_free) char *text = json_text(tree, JSON_STYLE_COMPACT);
                size_t n = strlen(text);
                struct err e = {0};
                text[any((unsigned)n)] ^= (char)(1u << any(7));
                if (json_reread(&back, text, n - any((unsigned)n), &e) < 0)
                        err_clear(&e);
        }
        AUTO(mem_free) char *deep = mem_alloc(100001);
        memset(deep, '[', 100000);
        json_t *j = NULL;
        struct err e = {0};
        assert_int_equal(json_reread(&j, deep, 100000, &e), -1);
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_trees_read_back_the_same),
                cmocka_unit_test(numbers_keep_their_value),
                cmocka_unit_test(equal_short_strings_are_one_node),
                cmocka_unit_test(damage_is_told_and_never_crashes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
