/* tests/unit/yaml/test_yaml_problem.c: what a person reads when a file is wrong.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"

static void check(const char *yaml, size_t n, const char *problems, const char *docs_json)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        int r = yaml_load(&docs, "f", yaml, n, &d);
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED), j = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < d.n; i++) {
                diag_put_line(&b, &d.items[i]);
                buf_addc(&b, '\n');
        }
        for (size_t i = 0; i < docs.n; i++)
                json_put(&j, docs.items[i].root, JSON_STYLE_COMPACT);
        assert_string_equal(buf_str(&b), problems);
        if (docs_json)
                assert_string_equal(buf_str(&j), docs_json);
        assert_int_equal(r, d.errors ? -1 : 0);
        yaml_docs_deinit(&docs);
}

static void syntax_problems_have_place_and_hint(void **state UNUSED)
{
        static const struct {
                const char *yaml, *problems;
        } rows[] = {
                {"a:\n\tb: 1\n",
                 "f:2:1: error: a tab cannot indent (hint: indent with spaces) [E001]\n"},
                {"a:\n  b: 1\n \tc: 2\n",
                 "f:3:2: error: a tab cannot indent (hint: indent with spaces) [E001]\n"},
                {"a: 1\n  b: 2\n", "f:2:4: error: mapping values are not allowed here (hint: this "
                                   "line is indented deeper than the one above, "
                                   "which already has a value; keys of one map must start in the "
                                   "same column) [E001]\n"},
                {"msg: error: broken\n",
                 "f:1:11: error: mapping values are not allowed here (hint: put quotes around a "
                 "value that holds \": \") [E001]\n"},
                {"a:\n  b: 1\n c: 2\n", "f:3:2: error: expected a key of the map (hint: keys of "
                                        "one map must start in the same column, and deeper "
                                        "than the key above them) [E001]\n"},
                {"a: \"open\nb: 1\n",
                 "f:1:4: error: the quote that opens here is never closed [E001]\n"},
                {"a: 'open\n---\nb: 1\n",
                 "f:1:4: error: the quote that opens here is never closed [E001]\n"},
                {"a: [1, 2\nb: 3\n", "f:2:2: error: expected ',' or ']' (hint: a ',' is missing, "
                                     "or a bracket is not closed) [E001]\n"},
                {"a: @x\n", "f:1:4: error: a value cannot begin with this character (hint: put the "
                            "value in quotes) [E001]\n"},
                {"a: {{inputs.x}} tail\n", "f:1:5: error: a key must be a plain text (hint: put "
                                           "quotes around \"{{...}}\") [E010]\n"
                                           "f:1:17: error: expected a key of the map (hint: put "
                                           "quotes around \"{{...}}\") [E001]\n"},
                {"a: \"\\q\"\n", "f:1:5: error: no such escape in double quotes (hint: use single "
                                 "quotes, or write the backslash twice) [E001]\n"},
                {"a: - b\n", "f:1:4: error: a list item is not allowed here (hint: begin the list "
                             "on the next line, or put the value in "
                             "quotes) [E001]\n"},
                {"a: 1\nb\nc: 2\n", "f:3:1: error: expected ':' behind the key (hint: a key needs "
                                    "\": \" and a value; or a quote or a '|' is "
                                    "missing above) [E001]\n"},
                {"a: !e!x 1\n", "f:1:4: error: unknown tag (hint: values that begin with '!' need "
                                "quotes) [E001]\n"},
                {"- a\nb: 1\n", "f:2:1: error: expected \"- \", the next item of the list (hint: "
                                "items of one list must start "
                                "in the same column) [E001]\n"},
                {"a: \"\x07\"\n", "f:1:5: error: the control character U+0007 is not allowed "
                                  "(hint: write it as an escape in double quotes) [E001]\n"},
                {"x: 1\n\xC3\xA9: a: b\n",
                 "f:2:5: error: mapping values are not allowed here (hint: put quotes around a "
                 "value that holds \": \") [E001]\n"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].yaml, strlen(rows[i].yaml), rows[i].problems, NULL);
}

static void problems_of_meaning_are_all_reported(void **state UNUSED)
{
        static const char text[] =
                "a: 1\nb: !x 1\na: 2\nc: *nope\nd: .inf\ne: {{x}}\nf: &l [*l]\n<<: 3\non: 1\n";
        check(text, sizeof(text) - 1,
              "f:2:4: error: the tag \"!x\" is not supported (hint: values that begin with '!' "
              "need quotes) [E010]\n"
              "f:3:1: error: the key \"a\" stands twice in this map, first in line 1 [E002]\n"
              "f:4:4: error: no anchor &nope stands above [E010]\n"
              "f:5:4: error: .inf: JSON has no infinity and no NaN [E010]\n"
              "f:6:5: error: a key must be a plain text (hint: put quotes around \"{{...}}\") "
              "[E010]\n"
              "f:7:8: error: the anchor &l contains itself [E010]\n"
              "f:8:5: error: \"<<\" merges a map or a list of maps, not a number [E010]\n"
              "f:9:1: warning: this key is the boolean true (hint: put the key in quotes) [W004]\n",
              NULL);
}

static void a_duplicate_key_is_found_however_it_is_spelled(void **state UNUSED)
{
        static const char *const rows[] = {"a: 1\na: 2\n",     "\"a\": 1\na: 2\n",
                                           "1: x\n\"1\": y\n", "0x10: x\n16: y\n",
                                           "{a: 1, 'a': 2}",   "x: &k a\na: 1\n*k : 2\n"};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_DIAGS struct diags d;
                diags_init(&d);
                struct yaml_docs docs;
                assert_int_equal(yaml_load(&docs, "f", rows[i], strlen(rows[i]), &d), -1);
                assert_string_equal(d.items[0].code, "E002");
                yaml_docs_deinit(&docs);
        }
}

static void a_broken_document_hides_neither_the_ones_before_nor_behind(void **state UNUSED)
{
        static const char text[] = "a: 1\n---\nb: [1\n---\nc: 3\n---\nd: x: y\n---\ne: 5\n";
        check(text, sizeof(text) - 1,
              "f:4:1: error: expected ',' or ']' (hint: a ',' is missing, or a bracket is not "
              "closed) [E001]\n"
              "f:7:5: error: mapping values are not allowed here (hint: put quotes around a value "
              "that holds \": \") [E001]\n",
              "{\"a\":1}{\"c\":3}{\"e\":5}");
}

static void bytes_that_are_not_utf8_are_named(void **state UNUSED)
{
        check("a: 1\nb: \xC3\xA9\xFF\n", 12,
              "f:2:5: error: byte 0xff is not UTF-8 (hint: save the file as UTF-8) [E008]\n", "");
        check("\xFF\xFE"
              "a\0:\0",
              6, "f:1:1: error: the text is UTF-16 (hint: save the file as UTF-8) [E008]\n", "");
        check("a: \xED\xA0\x80\n", 7,
              "f:1:4: error: byte 0xed is not UTF-8 (hint: save the file as UTF-8) [E008]\n", "");
}

static void thousands_of_problems_end_soon(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (int i = 0; i < 50000; i++)
                buf_adds(&b, "--- [\n");
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        assert_int_equal(yaml_load(&docs, "f", buf_str(&b), b.len, &d), -1);
        assert_int_equal(d.errors, 64);
        yaml_docs_deinit(&docs);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(syntax_problems_have_place_and_hint),
                cmocka_unit_test(problems_of_meaning_are_all_reported),
                cmocka_unit_test(a_duplicate_key_is_found_however_it_is_spelled),
                cmocka_unit_test(a_broken_document_hides_neither_the_ones_before_nor_behind),
                cmocka_unit_test(bytes_that_are_not_utf8_are_named),
                cmocka_unit_test(thousands_of_problems_end_soon),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
