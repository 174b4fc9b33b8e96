/* tests/unit/base/test_diag.c: paths, marks, and how problems are shown. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/diag.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"

static void paths_name_keys_and_indices(void **state UNUSED)
{
        struct jpath a = jpath_key(NULL, "spec"), b = jpath_key(&a, "triggers"),
                     c = jpath_index(&b, 2), d = jpath_key(&c, "app.kubernetes.io/name"),
                     e = jpath_key(&d, "x\"y"), f = jpath_key(&e, ""), g = jpath_key(&f, "n-a_m/e");
        const struct {
                const struct jpath *path;
                const char *text;
        } rows[] = {{NULL, ""},
                    {&a, "spec"},
                    {&c, "spec.triggers[2]"},
                    {&g, "spec.triggers[2][\"app.kubernetes.io/name\"][\"x\\\"y\"][\"\"].n-a_m/e"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf buf = BUF_INIT(1000);
                jpath_put(&buf, rows[i].path);
                assert_string_equal(buf_str(&buf), rows[i].text);
        }
}

static void a_path_reached_by_text_and_by_steps_is_the_same(void **state UNUSED)
{
        AUTO(marks_free) struct marks *m = marks_new("f");
        marks_set(m, "a.b[2][\"x.y\"].c", (struct mark){7, 3, 7, 1});
        size_t id = marks_child(m, MARKS_ROOT, "a", 0);
        id = marks_child(m, id, "b", 0);
        id = marks_child(m, id, NULL, 2);
        id = marks_child(m, id, "x.y", 0);
        id = marks_child(m, id, "c", 0);
        assert_int_equal(marks_at(m, id).line, 7);
}

static void the_nearest_parent_answers_for_what_is_missing(void **state UNUSED)
{
        AUTO(marks_free) struct marks *m = marks_new("f");
        struct mark at;
        bool exact;
        assert_false(marks_find(m, "a", &at, &exact));
        marks_set(m, "", (struct mark){1, 1, 0, 0});
        marks_set(m, "a[1].b", (struct mark){5, 5, 5, 2});
        static const struct {
                const char *path;
                unsigned line;
                bool exact;
        } rows[] = {{"", 1, true},           {"a[1].b", 5, true},     {"a[1].b.c.d", 5, false},
                    {"a[1]", 1, false},      {"a[2].b", 1, false},    {"z", 1, false},
                    {"a[1].b[0]", 5, false}, {"a[\"1\"].b", 1, false}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_true(marks_find(m, rows[i].path, &at, &exact));
                if (at.line != rows[i].line || exact != rows[i].exact)
                        fail_msg("%s: line %u exact %d", rows[i].path, at.line, exact);
        }
}

static void thousands_of_marks_are_found_again(void **state UNUSED)
{
        AUTO(marks_free) struct marks *m = marks_new("f");
        char path[64];
        for (unsigned i = 1; i <= 5000; i++) {
                snprintf(path, sizeof(path), "list[%u].key%u", i, i % 10);
                marks_set(m, path, (struct mark){i, i % 80, 0, 0});
        }
        for (unsigned i = 1; i <= 5000; i++) {
                struct mark at;
                bool exact;
                snprintf(path, sizeof(path), "list[%u].key%u", i, i % 10);
                assert_true(marks_find(m, path, &at, &exact));
                assert_true(exact && at.line == i && at.col == i % 80);
        }
}

static void a_line_has_place_severity_words_hint_and_code(void **state UNUSED)
{
        AUTO(marks_free) struct marks *m = marks_new("sensor.yaml");
        marks_set(m, "spec.url", (struct mark){14, 12, 14, 7});
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        d.marks = m;
        struct jpath spec = jpath_key(NULL, "spec"), url = jpath_key(&spec, "url"),
                     gone = jpath_key(&url, "x");
        diag_error(&d, &url, "E003", "use quotes", "expected %s", "a string");
        diag_at_key(&d, SEV_WARNING, &url, "W001", NULL, "unknown field");
        diag_warn(&d, &gone, "E004", NULL, "missing");
        diag_at_place(&d, SEV_ERROR, "other.yaml", 3, 4, "E001", NULL, "syntax");
        static const char *const want[] = {
                "sensor.yaml:14:12: error: spec.url: expected a string (hint: use quotes) [E003]",
                "sensor.yaml:14:7: warning: spec.url: unknown field [W001]",
                "sensor.yaml:14:7: warning: spec.url.x: missing [E004]",
                "other.yaml:3:4: error: syntax [E001]",
        };
        assert_int_equal(d.n, ARRAY_LEN(want));
        for (size_t i = 0; i < d.n; i++) {
                AUTO_BUF struct buf b = BUF_INIT(1000);
                diag_put_line(&b, &d.items[i]);
                assert_string_equal(buf_str(&b), want[i]);
        }
        assert_int_equal(d.errors, 2);
        assert_int_equal(d.warnings, 2);
}

static void without_a_file_the_prefix_names_the_object(void **state UNUSED)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        d.prefix = "Sensor default/x";
        struct jpath spec = jpath_key(NULL, "spec");
        diag_error(&d, &spec, "E004", NULL, "required field is missing");
        d.prefix = NULL;
        diag_error(&d, NULL, "E003", NULL, "expected a map");
        AUTO_BUF struct buf b = BUF_INIT(1000);
        diag_put_line(&b, &d.items[0]);
        buf_addc(&b, '\n');
        diag_put_line(&b, &d.items[1]);
        assert_string_equal(buf_str(&b),
                            "Sensor default/x: error: spec: required field is missing [E004]\n"
                            "error: expected a map [E003]");
}

static void the_pretty_form_points_at_the_character(void **state UNUSED)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        diag_at_place(&d, SEV_ERROR, "f.yaml", 2, 5, "E001", "quote it", "a value cannot begin so");
        static const char source[] = "first: 1\r\n\xC3\xA9:\t@x\r\nlast: 2\r\n";
        AUTO_BUF struct buf b = BUF_INIT(1000);
        diag_put_pretty(&b, &d.items[0], source, false);
        assert_string_equal(buf_str(&b), "error[E001]: a value cannot begin so\n"
                                         "  --> f.yaml:2:5\n"
                                         "  |\n"
                                         "2 | \xC3\xA9:\t@x\n"
                                         "  |   \t ^\n"
                                         "  = hint: quote it\n");
        buf_reset(&b);
        diag_put_pretty(&b, &d.items[0], NULL, true);
        assert_non_null(strstr(buf_str(&b), "\x1b[1;31merror[E001]"));
        buf_reset(&b);
        d.items[0].at.line = 99; /* the source is shorter */
        diag_put_pretty(&b, &d.items[0], source, false);
        assert_null(strchr(buf_str(&b), '^'));
}

static void a_part_of_a_text_is_shown_where_it_stands(void **state UNUSED)
{
        static const char source[] = "a: |\n"
                                     "  one X\n"
                                     "    two \xC3\xA9 X and X\n"
                                     "b: X X\n"
                                     "c: \"es\\x43aped\"\n"
                                     "d: X\n";
        static const struct {
                const char *path, *value, *part;
                unsigned nth, from_line, from_col, line, col;
        } rows[] = {
                {"a", "one X\n  two \xC3\xA9 X and X\n", "X", 0, 1, 4, 2, 7},
                {"a", "one X\n  two \xC3\xA9 X and X\n", "X", 1, 1, 4, 3, 11},
                {"a", "one X\n  two \xC3\xA9 X and X\n", "X", 2, 1, 4, 3, 17},
                {"b", "X X", "X", 1, 4, 4, 4, 6},
                {"c", "esCaped", "Caped", 0, 5, 4, 5,
                 4}, /* written otherwise: the text's own place */
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_DIAGS struct diags d;
                AUTO(marks_free) struct marks *m = marks_new("f.yaml");
                struct jpath at = jpath_key(NULL, rows[i].path);
                const char *part = strstr(rows[i].value, rows[i].part);
                for (unsigned k = 0; k < rows[i].nth; k++)
                        part = strstr(part + 1, rows[i].part);
                marks_set(m, rows[i].path,
                          (struct mark){rows[i].from_line, rows[i].from_col, 1, 1});
                diags_init(&d);
                d.marks = m;
                d.source = source;
                diag_in_text(&d, SEV_ERROR, &at, rows[i].value,
                             (struct str){part, strlen(rows[i].part)}, "E305", NULL, "x");
                assert_int_equal(d.items[0].at.line, rows[i].line);
                assert_int_equal(d.items[0].at.col, rows[i].col);
        }
}

static void the_first_error_becomes_an_err_with_the_count_of_the_rest(void **state UNUSED)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct err e = {0};
        diag_warn(&d, NULL, "W001", NULL, "only a warning");
        assert_int_equal(diags_err(&d, &e), 0);
        diag_error(&d, NULL, "E004", "write it", "one");
        assert_int_equal(diags_err(&d, &e), -1);
        assert_string_equal(err_msg(&e), "one (hint: write it)");
        err_clear(&e);
        diag_error(&d, NULL, "E004", NULL, "two");
        assert_int_equal(diags_err(&d, &e), -1);
        assert_string_equal(err_msg(&e), "one (hint: write it) (and 1 more)");
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
}

static void past_the_maximum_problems_are_counted_only(void **state UNUSED)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        d.max = 3;
        for (int i = 0; i < 10; i++)
                diag_error(&d, NULL, "E001", NULL, "%d", i);
        assert_int_equal(d.n, 3);
        assert_int_equal(d.errors, 10);
        struct err e = {0};
        assert_int_equal(diags_err(&d, &e), -1);
        assert_string_equal(err_msg(&e), "0 (and 9 more)");
        err_clear(&e);
}

static void moved_problems_are_appended(void **state UNUSED)
{
        AUTO_DIAGS struct diags a, b;
        diags_init(&a);
        diags_init(&b);
        diags_move(&a, &b); /* nothing */
        a.max = 3;
        diag_error(&a, NULL, "E001", NULL, "1");
        for (int i = 0; i < 4; i++)
                diag_warn(&b, NULL, "W001", NULL, "more");
        diags_move(&a, &b);
        assert_int_equal(a.n, 3);
        assert_int_equal(a.errors, 1);
        assert_int_equal(a.warnings, 4);
        assert_int_equal(b.n, 0);
        diags_deinit(&b);
}

static void codes_are_explained_and_sorted_by_their_letter(void **state UNUSED)
{
        size_t n;
        const struct diag_code *codes = diag_codes(&n);
        assert_true(n > 10);
        for (size_t i = 0; i < n; i++) {
                assert_true(strlen(codes[i].title) > 3 && strlen(codes[i].explanation) > 20);
                assert_ptr_equal(diag_code_find(codes[i].code), &codes[i]); /* no code twice */
                bool refuses =
                        codes[i].severity == SEV_ERROR || codes[i].severity == SEV_UNSUPPORTED;
                assert_true(codes[i].code[0] == (refuses ? 'E' : 'W'));
        }
        assert_null(diag_code_find("E999x"));
}

static void kinds_have_names_for_people(void **state UNUSED)
{
        json_t *list = json_pack("[{}, [], s, i, f, b, n]", "s", 1, 1.5, 1);
        static const char *const want[] = {"a map",    "a list",    "a string", "a number",
                                           "a number", "a boolean", "null"};
        for (size_t i = 0; i < ARRAY_LEN(want); i++)
                assert_string_equal(json_kind_name(json_array_get(list, i)), want[i]);
        assert_string_equal(json_kind_name(NULL), "null");
        json_decref(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_name_keys_and_indices),
                cmocka_unit_test(a_path_reached_by_text_and_by_steps_is_the_same),
                cmocka_unit_test(the_nearest_parent_answers_for_what_is_missing),
                cmocka_unit_test(thousands_of_marks_are_found_again),
                cmocka_unit_test(a_line_has_place_severity_words_hint_and_code),
                cmocka_unit_test(without_a_file_the_prefix_names_the_object),
                cmocka_unit_test(the_pretty_form_points_at_the_character),
                cmocka_unit_test(a_part_of_a_text_is_shown_where_it_stands),
                cmocka_unit_test(the_first_error_becomes_an_err_with_the_count_of_the_rest),
                cmocka_unit_test(past_the_maximum_problems_are_counted_only),
                cmocka_unit_test(moved_problems_are_appended),
                cmocka_unit_test(codes_are_explained_and_sorted_by_their_letter),
                cmocka_unit_test(kinds_have_names_for_people),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
