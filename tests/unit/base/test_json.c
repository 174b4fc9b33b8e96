/* tests/unit/base/test_json.c: the writer, patches, paths. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include <math.h>

static json_t *parsed(const char *text)
{
        json_t *j = NULL;
        struct err e = {0};
        if (json_parse(&j, text, strlen(text), &e) < 0)
                fail_msg("%s: %s", text, err_msg(&e));
        return j;
}

static void doubles_are_the_shortest_that_read_back(void **state UNUSED)
{
        static const struct {
                double d;
                const char *text;
        } rows[] = {
                {0.1, "0.1"},
                {1, "1"},
                {-2.5, "-2.5"},
                {1e20, "100000000000000000000"},
                {1e21, "1e+21"},
                {1e-6, "0.000001"},
                {1e-7, "1e-07"},
                {1.0 / 3, "0.3333333333333333"},
                {5e-324, "5e-324"},
                {1.7976931348623157e308, "1.7976931348623157e+308"},
                {123456789.125, "123456789.125"},
                {NAN, "null"},
                {INFINITY, "null"},
                {0.0, "0"},
                {100, "100"},
                {9007199254740993.0, "9007199254740992"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf b = BUF_INIT(400);
                json_put_double(&b, rows[i].d);
                assert_string_equal(buf_str(&b), rows[i].text);
        }
}

static void random_doubles_read_back_the_same(void **state UNUSED)
{
        uint64_t x = 88172645463325252u;
        for (int i = 0; i < 20000; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                double d;
                memcpy(&d, &x, sizeof(d));
                if (!isfinite(d))
                        continue;
                AUTO_BUF struct buf b = BUF_INIT(400);
                json_put_double(&b, d);
                if (strtod(buf_str(&b), NULL) != d)
                        fail_msg("%.17g was written as %s", d, buf_str(&b));
        }
}

static void strings_are_escaped(void **state UNUSED)
{
        static const struct {
                const char *text, *plain, *html;
        } rows[] = {
                {"a\"b\\c/", "\"a\\\"b\\\\c/\"", "\"a\\\"b\\\\c/\""},
                {"\n\r\t\b\f\x01", "\"\\n\\r\\t\\b\\f\\u0001\"", "\"\\n\\r\\t\\b\\f\\u0001\""},
                {"<a&b>", "\"<a&b>\"", "\"\\u003ca\\u0026b\\u003e\""},
                {"\xE2\x80\xA8|\xC3\xA9", "\"\xE2\x80\xA8|\xC3\xA9\"", "\"\\u2028|\xC3\xA9\""},
                {"\xFFx", "\"\xEF\xBF\xBDx\"", "\"\xEF\xBF\xBDx\""},
                {"\x7f", "\"\x7f\"", "\"\x7f\""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf plain = BUF_INIT(100), html = BUF_INIT(100);
                json_put_string(&plain, rows[i].text, strlen(rows[i].text));
                json_put_string_html(&html, rows[i].text, strlen(rows[i].text));
                assert_string_equal(buf_str(&plain), rows[i].plain);
                assert_string_equal(buf_str(&html), rows[i].html);
        }
}

static void styles_indent_and_sort(void **state UNUSED)
{
        AUTO_JSON json_t *j = parsed("{\"b\":[1,{}],\"a\":{\"x\":null,\"e\":[]}}");
        static const struct {
                unsigned style;
                const char *text;
        } rows[] = {
                {JSON_STYLE_COMPACT, "{\"b\":[1,{}],\"a\":{\"x\":null,\"e\":[]}}"},
                {JSON_STYLE_SORTED, "{\"a\":{\"e\":[],\"x\":null},\"b\":[1,{}]}"},
                {JSON_STYLE_INDENT | JSON_STYLE_SORTED,
                 "{\n  \"a\": {\n    \"e\": [],\n    \"x\": null\n  },\n  \"b\": [\n    1,\n    "
                 "{}\n  ]\n}"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free) char *text = json_text(j, rows[i].style);
                assert_string_equal(text, rows[i].text);
        }
}

static void parse_refuses_what_is_dangerous(void **state UNUSED)
{
        char deep[132];
        memset(deep, '[', 65);
        memset(deep + 65, ']', 65);
        deep[130] = '\0';
        const struct {
                const char *text;
                enum err_code code;
        } rows[] = {{"{\"a\":1,\"a\":2}", ERR_INVALID},
                    {"{} x", ERR_INVALID},
                    {"", ERR_INVALID},
                    {"[1,]", ERR_INVALID},
                    {"\"\xFF\"", ERR_INVALID},
                    {deep, ERR_LIMIT}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *j = NULL;
                struct err e = {0};
                assert_int_equal(json_parse(&j, rows[i].text, strlen(rows[i].text), &e), -1);
                assert_int_equal(e.code, rows[i].code);
                assert_null(j);
                err_clear(&e);
        }
}

static void paths_reach_and_create(void **state UNUSED)
{
        AUTO_JSON json_t *j = parsed("{\"metadata\":{\"name\":\"x\"},\"n\":1}");
        assert_string_equal(json_str(j, "metadata", "name"), "x");
        assert_null(json_str(j, "metadata", "nope", "deeper"));
        assert_null(json_str(j, "n"));
        assert_null(json_at(NULL, "a"));
        json_put_at(j, json_string("Running"), "status", "phase");
        json_put_at(j, json_integer(2), "n", "inside"); /* replaces what is no object */
        AUTO(mem_free) char *text = json_text(j, JSON_STYLE_SORTED);
        assert_string_equal(text, "{\"metadata\":{\"name\":\"x\"},\"n\":{\"inside\":2},\"status\":{"
                                  "\"phase\":\"Running\"}}");
}

/* The examples of RFC 7396, appendix A. */
static void merge_patches_follow_rfc_7396(void **state UNUSED)
{
        static const struct {
                const char *target, *patch, *result;
        } rows[] = {
                {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
                {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
                {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
                {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
                {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
                {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
                {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
                 "{\"a\":{\"b\":\"d\"}}"},
                {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
                {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
                {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
                {"{\"a\":\"foo\"}", "null", "null"},
                {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
                {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
                {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *target = parsed(rows[i].target), *patch = parsed(rows[i].patch),
                                 *want = parsed(rows[i].result);
                AUTO_JSON json_t *before = json_deep_copy(patch), *old = json_deep_copy(target);
                AUTO_JSON json_t *made = json_merge_patched(target, patch);
                assert_true(json_equal(made, want) && json_equal(target, old));
                json_merge_patch(&target, patch);
                if (!json_equal(target, want))
                        fail_msg("%s + %s", rows[i].target, rows[i].patch);
                assert_true(json_equal(patch, before));
        }
}

static void diff_is_the_patch_that_leads_from_one_to_the_other(void **state UNUSED)
{
        static const struct {
                const char *from, *to, *diff;
        } rows[] = {
                {"{\"a\":1}", "{\"a\":1}", "{}"},
                {"{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"b\":null}"},
                {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1,\"y\":3}}", "{\"a\":{\"y\":3}}"},
                {"{\"a\":[1,2]}", "{\"a\":[1]}", "{\"a\":[1]}"},
                {"{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
                {"{}", "{\"a\":{}}", "{\"a\":{}}"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *from = parsed(rows[i].from), *to = parsed(rows[i].to),
                                 *want = parsed(rows[i].diff);
                AUTO_JSON json_t *diff = json_merge_diff(from, to);
                assert_true(json_equal(diff, want));
                json_merge_patch(&from, diff);
                assert_true(json_equal(from, to));
        }
}

static void json_patches_follow_rfc_6902(void **state UNUSED)
{
        static const struct {
                const char *target, *patch, *result; /* NULL: refused */
        } rows[] = {
                {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
                 "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
                {"{\"foo\":[\"bar\",\"baz\"]}",
                 "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
                 "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
                {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[2]}]",
                 "{\"foo\":[1,[2]]}"},
                {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/2\",\"value\":3}]", NULL},
                {"{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", "{\"a\":1}"},
                {"{\"a\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/a/1\"}]", "{\"a\":[1,3]}"},
                {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/x\"}]", NULL},
                {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]",
                 "{\"a\":null}"},
                {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", NULL},
                {"{\"a\":{\"b\":1},\"c\":{}}",
                 "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]",
                 "{\"a\":{},\"c\":{\"d\":1}}"},
                {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]",
                 NULL},
                {"{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
                 "{\"a\":[1],\"b\":[1]}"},
                {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]", "{\"a\":1}"},
                {"{\"a\":1}",
                 "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2},{\"op\":\"test\",\"path\":\"/"
                 "a\",\"value\":1}]",
                 NULL},
                {"{\"a/b\":1,\"m~n\":2}",
                 "[{\"op\":\"remove\",\"path\":\"/a~1b\"},{\"op\":\"remove\",\"path\":\"/m~0n\"}]",
                 "{}"},
                {"{\"~1\":1}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":1}]", "{\"~1\":1}"},
                {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[1]}]", "[1]"},
                {"{\"\":1}", "[{\"op\":\"replace\",\"path\":\"/\",\"value\":2}]", "{\"\":2}"},
                {"{\"a\":[1,2]}", "[{\"op\":\"test\",\"path\":\"/a/01\",\"value\":2}]", NULL},
                {"{\"a\":1}", "[{\"op\":\"frob\",\"path\":\"/a\"}]", NULL},
                {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", NULL},
                {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\"}]", NULL},
                {"{\"a\":1}", "{}", NULL},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *target = parsed(rows[i].target), *patch = parsed(rows[i].patch);
                AUTO_JSON json_t *want = parsed(rows[i].result ? rows[i].result : rows[i].target);
                struct err e = {0};
                int r = json_apply_patch(&target, patch, &e);
                if (r != (rows[i].result ? 0 : -1) || !json_equal(target, want))
                        fail_msg("%s + %s: %s", rows[i].target, rows[i].patch, err_msg(&e));
                err_clear(&e);
        }
}

static void scalars_print_as_argo_prints_any_string(void **state UNUSED)
{
        static const struct {
                const char *json, *text;
        } rows[] = {{"\"a\"", "a"},
                    {"1", "1"},
                    {"1.5", "1.5"},
                    {"1e21", "1000000000000000000000"},
                    {"true", "true"},
                    {"null", "null"},
                    {"[1, \"x\"]", "[1,\"x\"]"},
                    {"1e-7", "0.0000001"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *j = parsed(rows[i].json);
                AUTO(mem_free) char *text = json_scalar_text(j);
                assert_string_equal(text, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(doubles_are_the_shortest_that_read_back),
                cmocka_unit_test(random_doubles_read_back_the_same),
                cmocka_unit_test(strings_are_escaped),
                cmocka_unit_test(styles_indent_and_sort),
                cmocka_unit_test(parse_refuses_what_is_dangerous),
                cmocka_unit_test(paths_reach_and_create),
                cmocka_unit_test(merge_patches_follow_rfc_7396),
                cmocka_unit_test(diff_is_the_patch_that_leads_from_one_to_the_other),
                cmocka_unit_test(json_patches_follow_rfc_6902),
                cmocka_unit_test(scalars_print_as_argo_prints_any_string),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
