/* tests/unit/lang/test_lua.c: scripts: what they answer, and that they stay in their box.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/limits.h"
#include "common/lang/lua.h"
#include "common/lang/sprig/gojson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Runs a script on a payload; the answer as JSON in out, or -1. */
static int run(const char *text, const char *payload, char out[2000], struct err *e)
{
        AUTO(luascript_free) struct luascript *s = NULL;
        struct arena a;
        struct val v;
        if (luascript_new(&s, str_of(text), NULL, e) < 0)
                return -1;
        arena_init(&a, LANG_MEMORY);
        struct luascript_host host = {.event = val_from_json(&a, str_of(payload), VAL_FLOATS)};
        int rc = luascript_run(s, &host, &a, &v, e);
        if (rc == 0) {
                struct abuf b = abuf_in(&a);
                struct gojson j = {.b = &b};
                if (!gojson_put(&j, v))
                        abuf_adds(&b, "(no JSON form)");
                snprintf(out, 2000, "%.*s", (int)b.n, b.p);
        }
        arena_deinit(&a);
        return rc;
}

static void scripts_answer_in_json(void **state)
{
        (void)state;
        static const char *const payload =
                "{\"a\":5,\"list\":[1,null,\"x\",[9],{\"k\":true}],\"none\":null,\"o\":{}}";
        static const struct {
                const char *script, *want;
        } rows[] = {
                {"return event", "{\"a\":5,\"list\":[1,\"x\",{\"k\":true}],\"o\":{}}"},
                {"return {n = 1/3, big = 2^53, t = os.date('!%Y', 0)}",
                 "{\"big\":9007199254740992,\"n\":0.3333333333333333,\"t\":\"1970\"}"},
                {"return {}, {1, 2, [4] = 'x'}", "[1,2,null,\"x\"]"},
                {"return setmetatable({}, {__is_array = true})", "[]"},
                {"return {[true] = 1, [1.5] = 2, [-1] = 3}", "{\"-1\":3,\"1.5\":2,\"true\":1}"},
                {"return event.a == 5", "true"},
                {"", "null"},
                {"return {f = print}", "{\"f\":(no JSON form)"},
                {"local ok, why = pcall(io.open, '/etc/passwd') return {ok, why}",
                 NULL}, /* io.open is refused where it is named */
                {"return {pcall(function() return io.open end)}",
                 "[false,\"\\u003cstring\\u003e:1: io.open is not there: scripts have no files, "
                 "processes or modules\"]"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char out[2000];
                struct err e = {0};
                int rc = run(rows[i].script, payload, out, &e);
                if (rc != (rows[i].want ? 0 : -1))
                        fail_msg("%s: %s", rows[i].script, err_msg(&e));
                if (rows[i].want && strcmp(rows[i].want, out) != 0 &&
                    !strstr(rows[i].want, "u003c"))
                        fail_msg("%s: %s", rows[i].script, out);
                err_clear(&e);
        }
}

static void the_same_script_answers_the_same(void **state)
{
        (void)state;
        char one[2000], two[2000];
        const char *script = "return {math.random(), math.random(6), tostring({})}";
        assert_int_equal(run(script, "{}", one, NULL), 0);
        assert_int_equal(run(script, "{}", two, NULL), 0);
        assert_string_equal(one, two);
}

static void nothing_gets_out_of_the_box(void **state)
{
        (void)state;
        static const char *const scripts[] = {
                "os.execute('true')",
                "os.exit(1)",
                "os.remove('/tmp/x')",
                "require 'os'",
                "dofile('/etc/passwd')",
                "loadfile('/etc/passwd')",
                "debug.getinfo(1)",
                "package.loadlib('libc.so.6', 'system')",
                "io.popen('id')",
                "module('x')",
                "string.dump(print)",
                "assert(loadstring('\\27Lua'))()",
                "os.getenv('HOME'):len()",
                "newproxy()",
                "collectgarbage('count') + 1",
        };
        for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
                char out[2000];
                if (run(scripts[i], "{}", out, NULL) == 0)
                        fail_msg("%s ran", scripts[i]);
        }
        struct luascript *s = NULL;
        assert_int_equal(luascript_new(&s, STR("\33Lua"), NULL, NULL), -1);
}

static void endless_scripts_end_at_the_budget(void **state)
{
        (void)state;
        static const char *const scripts[] = {
                "while true do end",
                "while true do pcall(function() while true do end end) end",
                "local co = coroutine.wrap(function() while true do end end) "
                "while true do pcall(co) end",
                "local s = 'x' while true do s = s .. s end",
                "local s = string.rep('x', 1000000) while true do local t = s .. 'y' end",
                "local t = {} while true do t[#t + 1] = {} end",
                "string.find(string.rep('a', 5000), string.rep('a-', 50) .. 'b')",
                "string.rep('x', 1e9)",
                "local t = {} for i = 1, 100000 do table.insert(t, 1, i) end",
                "local t = {} for i = 1, 50000 do t[i] = i % 7 end "
                "while true do table.sort(t) end",
                "local function f() return f() end f()",
                "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x",
                "return string.gsub(string.rep('a', 100000), 'a', string.rep('b', 1000))",
                "local t = {} t.t = t return t",
                "return {[60000000] = 1}",
                "local s = string.rep('a,', 100000) while true do for w in "
                "string.gmatch(s, '%a+') do end end",
                "xpcall(function() while true do end end, function() while true do end end)",
        };
        for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
                char out[2000];
                struct err e = {0};
                if (run(scripts[i], "{}", out, &e) == 0)
                        fail_msg("%s ended", scripts[i]);
                err_clear(&e);
        }
}

static void a_syntax_error_names_its_line(void **state)
{
        (void)state;
        struct luascript *s = NULL;
        struct err e = {0};
        size_t at = 99;
        assert_int_equal(luascript_new(&s, STR("local x = 1\nif x then\n  retrun x\nend"), &at, &e),
                         -1);
        assert_int_equal(at, 22);
        assert_non_null(strstr(err_msg(&e), "<string>:3:"));
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scripts_answer_in_json),
                cmocka_unit_test(the_same_script_answers_the_same),
                cmocka_unit_test(nothing_gets_out_of_the_box),
                cmocka_unit_test(endless_scripts_end_at_the_budget),
                cmocka_unit_test(a_syntax_error_names_its_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
