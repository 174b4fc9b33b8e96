/* tests/unit/base/test_jsonscan.c: the payload scanner. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"

static void well_formed_texts_are_taken(void **state UNUSED)
{
        static const char *const rows[] = {
                "0",
                "-0",
                "1.5e+10",
                "1E-2",
                "\"\"",
                "true",
                "false",
                "null",
                "[]",
                "{}",
                " [ 1 , 2 ] ",
                "{\"a\":{\"b\":[{},[],null]}}",
                "\t\r\n 1 \t\r\n",
                "\"\\u0041\\n\\\"\\\\\\/\\b\\f\\r\\t\"",
                "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
                "{\"a\":1,\"a\":2}",
                "\"\x7f\"",
                "\"longer than eight bytes, with \xC3\xA9 and \\\" an escape\"",
                "\"\\ud800\"",
                "123456789012345678901234567890123456789012345678901234567890",
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                if (json_scan(rows[i], strlen(rows[i]), &e) < 0)
                        fail_msg("%s: %s", rows[i], err_msg(&e));
        }
}

static void strings_hold_exactly_what_is_utf8(void **state UNUSED)
{
        for (uint32_t lead = 0x80; lead <= 0xFF; lead++)
                for (uint32_t second = 0x7F; second <= 0xC1; second++)
                        for (size_t n = 1; n <= 4; n++) {
                                char text[6] = {'"',        (char)lead, (char)second,
                                                (char)0x80, (char)0xBF, 0};
                                text[n + 1] = '"';
                                bool valid = utf8_valid(text + 1, n);
                                if ((json_scan(text, n + 2, NULL) == 0) != valid)
                                        fail_msg("%02x %02x of %zu", lead, second, n);
                        }
}

static void malformed_texts_are_refused_with_their_place(void **state UNUSED)
{
        static const struct {
                const char *text, *msg;
        } rows[] = {
                {"", "line 1 column 1: expected a value, found the end of the text"},
                {"{\"key that is long\" x}",
                 "line 1 column 21: expected ':' after the key, found 'x'"},
                {"[1,\n 2,]", "line 2 column 4: expected a value, found ']'"},
                {"[1 2]", "line 1 column 4: expected ',' or ']' after the item, found '2'"},
                {"{\"a\":1,}", "line 1 column 8: expected a key in quotes, found '}'"},
                {"{a:1}", "line 1 column 2: expected a key in quotes or '}', found 'a'"},
                {"{\"a\":1", "line 1 column 7: expected ',' or '}' after the member, found the end "
                             "of the text"},
                {"1 2", "line 1 column 3: expected the end after the value, found '2'"},
                {"]", "line 1 column 1: expected a value, found ']'"},
                {"[}", "line 1 column 2: expected a value or ']', found '}'"},
                {"tru", "line 1 column 1: expected a value, found 't'"},
                {"nul1", "line 1 column 1: expected a value, found 'n'"},
                {"\"abc", "line 1 column 5: expected '\"' at the end of the string, found the end "
                          "of the text"},
                {"\"a\nb\"",
                 "line 1 column 3: control characters in strings must be escaped, found byte 0x0a"},
                {"\"\\x\"", "line 1 column 3: not an escape of JSON strings, found 'x'"},
                {"\"\\u12G4\"", "line 1 column 6: expected four hex digits after \\u, found 'G'"},
                {"\"\xC3\xA9\xFF\"", "line 1 column 3: not UTF-8, found byte 0xff"},
                {"\"12345678\xC0\x80\"", "line 1 column 10: not UTF-8, found byte 0xc0"},
                {"01", "line 1 column 2: expected the end after the value, found '1'"},
                {"-", "line 1 column 2: expected a digit, found the end of the text"},
                {"1.", "line 1 column 3: expected a digit after '.', found the end of the text"},
                {"1e+",
                 "line 1 column 4: expected a digit in the exponent, found the end of the text"},
                {"+1", "line 1 column 1: expected a value, found '+'"},
                {".5", "line 1 column 1: expected a value, found '.'"},
                {"NaN", "line 1 column 1: expected a value, found 'N'"},
                {"\xEF\xBB\xBF{}", "line 1 column 1: expected a value, found byte 0xef"},
                {"{\"a\" 1}", "line 1 column 6: expected ':' after the key, found '1'"},
                {"['a']", "line 1 column 2: expected a value or ']', found '''"},
                {"[1,/*x*/2]", "line 1 column 4: expected a value, found '/'"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                assert_int_equal(json_scan(rows[i].text, strlen(rows[i].text), &e), -1);
                assert_string_equal(err_msg(&e), rows[i].msg);
                assert_int_equal(e.code, ERR_INVALID);
                err_clear(&e);
        }
}

static void a_nul_byte_is_no_white_space(void **state UNUSED)
{
        assert_int_equal(json_scan("1\0", 2, NULL), -1);
        assert_int_equal(json_scan("\"a\0b\"", 5, NULL), -1);
}

static void every_prefix_of_a_text_is_refused(void **state UNUSED)
{
        static const char text[] =
                "{\"a\":[1.5e3,true,\"x\\u0041\xC3\xA9 and more text\"],\"b\":{}}";
        for (size_t n = 0; n < sizeof(text) - 1; n++) {
                char *exact =
                        mem_strndup(text, n); /* its own memory: reading past it is seen by ASan */
                assert_int_equal(json_scan(exact, n, NULL), -1);
                mem_free(exact);
        }
        assert_int_equal(json_scan(text, sizeof(text) - 1, NULL), 0);
}

static void depth_and_number_length_are_limited(void **state UNUSED)
{
        char text[600];
        for (int depth = 63; depth <= 65; depth++) {
                memset(text, '[', (size_t)depth);
                memset(text + depth, ']', (size_t)depth);
                struct err e = {0};
                int r = json_scan(text, (size_t)depth * 2, &e);
                assert_int_equal(r, depth <= JSON_SCAN_DEPTH ? 0 : -1);
                assert_int_equal(e.code, r ? ERR_LIMIT : ERR_NONE);
                err_clear(&e);
        }
        memset(text, '1', sizeof(text));
        assert_int_equal(json_scan(text, 512, NULL), 0);
        assert_int_equal(json_scan(text, 513, NULL), -1);
}

static void objects_and_lists_nest_in_any_order(void **state UNUSED)
{
        static const struct {
                const char *text;
                int result;
        } rows[] = {{"[{\"a\":[{\"b\":[[],{}]}]}]", 0},
                    {"[{\"a\":[}]]", -1},
                    {"{\"a\":[1}", -1},
                    {"[[1]}", -1}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(json_scan(rows[i].text, strlen(rows[i].text), NULL),
                                 rows[i].result);
}

static void compaction_drops_white_space_outside_strings_only(void **state UNUSED)
{
        static const struct {
                const char *text, *compact, *html;
        } rows[] = {
                {" { \"a b\" : [ 1 , 2.50 ] }\n", "{\"a b\":[1,2.50]}", "{\"a b\":[1,2.50]}"},
                {"\"<&> \xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC\"",
                 "\"<&> \xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC\"",
                 "\"\\u003c\\u0026\\u003e \\u2028\\u2029\xE2\x82\xAC\""},
                {"\"\\\" \\\\\"  ", "\"\\\" \\\\\"", "\"\\\" \\\\\""},
                {"[ ]", "[]", "[]"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf plain = BUF_INIT(1000), html = BUF_INIT(1000);
                assert_int_equal(
                        json_compact(&plain, rows[i].text, strlen(rows[i].text), false, NULL), 0);
                assert_int_equal(
                        json_compact(&html, rows[i].text, strlen(rows[i].text), true, NULL), 0);
                assert_string_equal(buf_str(&plain), rows[i].compact);
                assert_string_equal(buf_str(&html), rows[i].html);
        }
        AUTO_BUF struct buf small = BUF_INIT(3);
        struct err e = {0};
        assert_int_equal(json_compact(&small, "[1,2]", 5, false, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        err_clear(&e);
}

static void members_are_found_by_unescaped_key(void **state UNUSED)
{
        static const char text[] = " { \"a\" : 1 , \"b\\u0063\" : {\"x\":[\"]}\\\"\"]} , \"\" : "
                                   "\"e\",\"a\":2, \"z\":  null } ";
        static const struct {
                const char *key, *value; /* NULL: absent */
        } rows[] = {{"a", "1"},        {"bc", "{\"x\":[\"]}\\\"\"]}"},
                    {"", "\"e\""},     {"z", "null"},
                    {"x", NULL},       {"b", NULL},
                    {"b\\u0063", NULL}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct str v = json_member(text, sizeof(text) - 1, rows[i].key);
                if (!rows[i].value)
                        assert_null(v.p);
                else
                        assert_true(v.p && str_eq(v, rows[i].value));
        }
        assert_null(json_member("[1]", 3, "a").p);
        assert_null(json_member("{}", 2, "a").p);
        assert_null(json_member("", 0, "a").p);
}

static void strings_are_unescaped(void **state UNUSED)
{
        static const struct {
                const char *raw, *text; /* NULL: no string */
        } rows[] = {
                {"\"plain\"", "plain"},
                {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
                {"\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
                {"\"\\ud83d\"", "\xEF\xBF\xBD"},
                {"\"\\ude00x\"", "\xEF\xBF\xBDx"},
                {"\"\\ud83d\\u0041\"", "\xEF\xBF\xBD"
                                       "A"},
                {"\"\\ud83d\\n\"", "\xEF\xBF\xBD\n"},
                {"1", NULL},
                {"\"open", NULL},
                {"\"", NULL},
                {"", NULL},
                {"\"a\"b", NULL},
                {"\"\\q\"", NULL},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf b = BUF_INIT(100);
                assert_int_equal(json_unquote(&b, str_of(rows[i].raw)), rows[i].text != NULL);
                if (rows[i].text)
                        assert_string_equal(buf_str(&b), rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(well_formed_texts_are_taken),
                cmocka_unit_test(strings_hold_exactly_what_is_utf8),
                cmocka_unit_test(malformed_texts_are_refused_with_their_place),
                cmocka_unit_test(a_nul_byte_is_no_white_space),
                cmocka_unit_test(every_prefix_of_a_text_is_refused),
                cmocka_unit_test(depth_and_number_length_are_limited),
                cmocka_unit_test(objects_and_lists_nest_in_any_order),
                cmocka_unit_test(compaction_drops_white_space_outside_strings_only),
                cmocka_unit_test(members_are_found_by_unescaped_key),
                cmocka_unit_test(strings_are_unescaped),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
