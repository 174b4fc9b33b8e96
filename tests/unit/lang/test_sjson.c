/* tests/unit/lang/test_sjson.c: setting and deleting in raw JSON. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum op { SET, RAW, DEL };

static void edits_keep_every_other_byte(void **state)
{
        (void)state;
        static const struct {
                enum op op;
                const char *json, *path, *value, *result; /* result NULL: an error */
        } rows[] = {
                {SET, "{ \"a\" : 1.50 }", "b", "x", "{ \"a\" : 1.50 ,\"b\":\"x\"}"},
                {SET, "{\"z\":1,\"a\":{\"b\":[1, 2]}}", "a.b.1", "<",
                 "{\"z\":1,\"a\":{\"b\":[1, \"<\"]}}"},
                {SET, "{}", "a", "\"<", "{\"a\":\"\\\"\\u003c\"}"},
                {RAW, "{\"a\":[1]}", "a.-1", "{\"k\":1e2}", "{\"a\":[1,{\"k\":1e2}]}"},
                {RAW, "{\"a\":[]}", "a.2", "true", "{\"a\":[null,null,true]}"},
                {RAW, "", "a.0.b", "1", "{\"a\":[{\"b\":1}]}"},
                {RAW, "{}", "a.:0.b\\.c", "1", "{\"a\":{\"0\":{\"b.c\":1}}}"},
                {DEL, "{\"a\":1,\"b\":2}", "a", NULL, "{\"b\":2}"},
                {DEL, "{\"a\":[1,2,3]}", "a.-1", NULL, "{\"a\":[1,2]}"},
                {DEL, "{\"a\":1}", "b", NULL, "{\"a\":1}"},
                {RAW, "{\"a\":[{\"x\":1},{\"x\":2}]}", "a.#.x", "0",
                 "{\"a\":[{\"x\":0},{\"x\":0}]}"},
                {RAW, "[1]", "name", "1", NULL},
                {RAW, "{}", "", "1", NULL},
                {DEL, "{}", "a.#", NULL, NULL},
                {RAW, "[]", "1000000000", "1", NULL},
        };
        struct arena a;
        arena_init(&a, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf out = BUF_INIT(1 << 20);
                struct str json = str_of(rows[i].json), path = str_of(rows[i].path),
                           value = str_of(rows[i].value);
                struct err e = {0};
                buf_adds(&out, "[{,:\"");
                int rc = rows[i].op == SET   ? sjson_set_string(&out, json, path, value, &a, &e)
                         : rows[i].op == RAW ? sjson_set_raw(&out, json, path, value, &a, &e)
                                             : sjson_delete(&out, json, path, &a, &e);
                assert_int_equal(rc, rows[i].result ? 0 : -1);
                assert_string_equal(buf_str(&out) + 5, rows[i].result ? rows[i].result : "");
                err_clear(&e);
        }
        arena_deinit(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(edits_keep_every_other_byte)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
