/* tests/unit/workflow_engine/test_loops.c: workflow/engine/loop.c. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/unit/unit.h"
#include "workflow/engine/engine_priv.h"

static char *items_text(const char *body_text, struct err *e)
{
        AUTO_JSON json_t *body = json_loads(body_text, 0, NULL);
        AUTO_JSON json_t *items = NULL;
        assert_non_null(body);
        if (loop_items(&items, body, e) < 0)
                return NULL;
        return items ? json_text(items, JSON_STYLE_COMPACT) : mem_strdup("none");
}

static void lists_the_items_of_every_kind_of_loop(void **state)
{
        static const struct {
                const char *body, *items;
        } rows[] = {
                {"{}", "none"},
                {"{\"withItems\":[]}", "none"},
                {"{\"withItems\":[1,\"b\",{\"k\":2}]}", "[1,\"b\",{\"k\":2}]"},
                {"{\"withParam\":\"[]\"}", "[]"},
                {"{\"withParam\":\" [1, \\\"x\\\" ,{\\\"a\\\":[1]}] \"}",
                 "[\"1\",\"x\",{\"a\":[1]}]"},
                {"{\"withParam\":\"[2.50,3e2,12345678901234567890]\"}",
                 "[\"2.50\",\"3e2\",\"12345678901234567890\"]"},
                {"{\"withSequence\":{\"count\":3}}", "[\"0\",\"1\",\"2\"]"},
                {"{\"withSequence\":{\"count\":\"2\",\"start\":\"5\"}}", "[\"5\",\"6\"]"},
                {"{\"withSequence\":{\"count\":0}}", "[]"},
                {"{\"withSequence\":{\"start\":3,\"end\":1}}", "[\"3\",\"2\",\"1\"]"},
                {"{\"withSequence\":{\"end\":2,\"format\":\"host%02d.x\"}}",
                 "[\"host00.x\",\"host01.x\",\"host02.x\"]"},
                {"{\"withSequence\":{\"start\":10,\"end\":11,\"format\":\"%02X|%-3d\"}}",
                 "[\"0A|%!d(MISSING)\",\"0B|%!d(MISSING)\"]"},
                {"{\"withSequence\":{\"end\":0,\"format\":\"%+d%%\"}}", "[\"+0%\"]"},
                {"{\"withSequence\":{\"end\":0,\"format\":\"%5d\"}}", "[\"    0\"]"},
                {"{\"withSequence\":{\"end\":0,\"format\":\"%s\"}}", "[\"%!s(int=0)\"]"},
                {"{\"withSequence\":{\"end\":0,\"format\":\"x\"}}", "[\"x%!(EXTRA int=0)\"]"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                char *text = items_text(rows[i].body, &e);
                assert_non_null(text);
                assert_string_equal(text, rows[i].items);
                mem_free(text);
        }
}

static void refuses_bombs_and_nonsense(void **state)
{
        static const char *const bodies[] = {
                "{\"withParam\":\"hello\"}",
                "{\"withParam\":\"{\\\"a\\\":1}\"}",
                "{\"withParam\":\"[1,]\"}",
                "{\"withParam\":\"[1\"}",
                "{\"withSequence\":{\"count\":\"many\"}}",
                "{\"withSequence\":{}}",
                "{\"withSequence\":{\"count\":1,\"end\":2}}",
                "{\"withSequence\":{\"count\":1000000000}}",
                "{\"withSequence\":{\"start\":\"-9223372036854775808\",\"end\":"
                "\"9223372036854775807\"}}",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
                struct err e = {0};
                char *text = items_text(bodies[i], &e);
                if (text)
                        fail_msg("accepted: %s", bodies[i]);
                assert_true(e.code != ERR_NONE);
                err_clear(&e);
        }
}

static void names_children_as_argo_does(void **state)
{
        static const struct {
                const char *item, *name;
        } rows[] = {
                {"\"plain\"", "x(0:plain)"},
                {"\"a(b)c\"", "x(0:abc)"},
                {"\"say \\\"hi\\\"\"", "x(0:say \\\"hi\\\")"},
                {"7", "x(0:7)"},
                {"true", "x(0:true)"},
                {"{\"b\":2,\"a\":\"y\"}", "x(0:a:y,b:2)"},
                {"[1,2]", "x(0:[1 2])"},
                {"\"<&>\"", "x(0:\\u003c\\u0026\\u003e)"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *item = json_loads(rows[i].item, JSON_DECODE_ANY, NULL);
                char *name = loop_child_name("x", 0, item);
                assert_string_equal(name, rows[i].name);
                mem_free(name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lists_the_items_of_every_kind_of_loop),
                cmocka_unit_test(refuses_bombs_and_nonsense),
                cmocka_unit_test(names_children_as_argo_does),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
