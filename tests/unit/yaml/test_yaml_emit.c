/* tests/unit/yaml/test_yaml_emit.c: the YAML we write. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"

static void check(const char *json, const char *yaml)
{
        json_t *parsed = NULL;
        struct err e = {0};
        if (json_parse(&parsed, json, strlen(json), &e) < 0)
                fail_msg("%s: %s", json, err_msg(&e));
        AUTO_JSON json_t *j = parsed, *again = NULL;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        yaml_put(&b, j);
        assert_string_equal(buf_str(&b), yaml);
        json_t *read = NULL;
        if (yaml_parse_one(&read, buf_str(&b), b.len, &e) < 0)
                fail_msg("%s: %s", yaml, err_msg(&e));
        again = read;
        assert_true(json_equal(j, again));
}

static void trees_look_as_kubectl_prints_them(void **state UNUSED)
{
        check("{\"kind\":\"Sensor\",\"spec\":{\"list\":[{\"a\":1,\"b\":[]},[\"x\",[2]],{}],\"n\":"
              "null,\"t\":true},\"e\":{}}",
              "kind: Sensor\n"
              "spec:\n"
              "  list:\n"
              "  - a: 1\n"
              "    b: []\n"
              "  - - x\n"
              "    - - 2\n"
              "  - {}\n"
              "  \"n\": null\n"
              "  t: true\n"
              "e: {}\n");
        check("[]", "[]\n");
        check("[1,-2.5,1e+30]", "- 1\n- -2.5\n- 1e+30\n");
        check("\"text\"", "text\n");
}

static void strings_that_read_as_something_else_are_quoted(void **state UNUSED)
{
        static const struct {
                const char *json, *yaml;
        } rows[] = {
                {"\"\"", "\"\"\n"},
                {"\"yes\"", "\"yes\"\n"},
                {"\"n\"", "\"n\"\n"},
                {"\"12000\"", "\"12000\"\n"},
                {"\"0x1F\"", "\"0x1F\"\n"},
                {"\"1_000\"", "\"1_000\"\n"},
                {"\"1e3\"", "\"1e3\"\n"},
                {"\"1e999\"", "\"1e999\"\n"},
                {"\"null\"", "\"null\"\n"},
                {"\"~\"", "\"~\"\n"},
                {"\".inf\"", "\".inf\"\n"},
                {"\"2024-01-01\"", "\"2024-01-01\"\n"},
                {"\"12:30\"", "\"12:30\"\n"},
                {"\"10s\"", "10s\n"},
                {"\"v1.2.3\"", "v1.2.3\n"},
                {"\"a: b\"", "'a: b'\n"},
                {"\"a:b\"", "a:b\n"},
                {"\"a #b\"", "'a #b'\n"},
                {"\"a#b\"", "a#b\n"},
                {"\"- x\"", "'- x'\n"},
                {"\"-x\"", "-x\n"},
                {"\"-\"", "'-'\n"},
                {"\"? x\"", "'? x'\n"},
                {"\"*a\"", "'*a'\n"},
                {"\"&a\"", "'&a'\n"},
                {"\"!a\"", "'!a'\n"},
                {"\"%a\"", "'%a'\n"},
                {"\"@a\"", "'@a'\n"},
                {"\"[a\"", "'[a'\n"},
                {"\"{{x}}\"", "'{{x}}'\n"},
                {"\"it's\"", "it's\n"},
                {"\"'q'\"", "'''q'''\n"},
                {"\"a \"", "'a '\n"},
                {"\" a\"", "' a'\n"},
                {"\"a:\"", "'a:'\n"},
                {"\"---\"", "'---'\n"},
                {"\"=\"", "'='\n"},
                {"\"a\\tb\"", "\"a\\tb\"\n"},
                {"\"\\u0000\"", "\"\\u0000\"\n"},
                {"\"\\u2028\"", "\"\\u2028\"\n"},
                {"\"\\u0085\"", "\"\\u0085\"\n"},
                {"\"\\ufeff\"", "\"\\uFEFF\"\n"},
                {"\"\\u00e9\\ud83d\\ude00\"", "\xC3\xA9\xF0\x9F\x98\x80\n"},
                {"\"a\\rb\"", "\"a\\rb\"\n"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].json, rows[i].yaml);
}

static void texts_of_several_lines_are_blocks(void **state UNUSED)
{
        static const struct {
                const char *json, *yaml;
        } rows[] = {
                {"{\"a\":\"x\\ny\"}", "a: |-\n  x\n  y\n"},
                {"{\"a\":\"x\\ny\\n\",\"b\":1}", "a: |\n  x\n  y\nb: 1\n"},
                {"{\"a\":\"x\\n\\n\",\"b\":1}", "a: |+\n  x\n\nb: 1\n"},
                {"{\"a\":\"x\\n\\n  y\\n\"}", "a: |\n  x\n\n    y\n"},
                {"{\"a\":[\"x\\ny\"]}", "a:\n- |-\n  x\n  y\n"},
                {"\"x\\ny\"", "|-\n  x\n  y\n"},
                {"{\"a\":\"# no comment\\n--- no start\\n\"}",
                 "a: |\n  # no comment\n  --- no start\n"},
                {"{\"a\":\"\\n\"}", "a: \"\\n\"\n"},
                {"{\"a\":\" x\\ny\"}", "a: \" x\\ny\"\n"},
                {"{\"a\":\"x \\ny\"}", "a: \"x \\ny\"\n"},
                {"{\"a\":\"\\nx\"}", "a: \"\\nx\"\n"},
                {"{\"a\":\"x\\ny\\u0001\"}", "a: \"x\\ny\\u0001\"\n"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].json, rows[i].yaml);
}

static void keys_are_quoted_by_the_same_rules(void **state UNUSED)
{
        check("{\"on\":1,\"1\":2,\"a b\":3,\"a: "
              "b\":4,\"\":5,\"<<\":6,\"x\\ny\":7,\"app.kubernetes.io/name\":8}",
              "\"on\": 1\n\"1\": 2\na b: 3\n'a: b': 4\n\"\": 5\n\"<<\": 6\n\"x\\ny\": "
              "7\napp.kubernetes.io/name: 8\n");
}

static void very_long_keys_are_explicit(void **state UNUSED)
{
        AUTO_BUF struct buf json = BUF_INIT(BUF_UNBOUNDED), yaml = BUF_INIT(BUF_UNBOUNDED);
        buf_addf(&json, "{\"k%01500d\":{\"a\":1},\"m%01500d\":\"x\"}", 0, 0);
        buf_addf(&yaml, "? k%01500d\n:\n  a: 1\n? m%01500d\n: x\n", 0, 0);
        check(buf_str(&json), buf_str(&yaml));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(trees_look_as_kubectl_prints_them),
                cmocka_unit_test(strings_that_read_as_something_else_are_quoted),
                cmocka_unit_test(texts_of_several_lines_are_blocks),
                cmocka_unit_test(keys_are_quoted_by_the_same_rules),
                cmocka_unit_test(very_long_keys_are_explicit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
