/* tests/unit/yaml/test_yaml_load.c: documents, anchors, merges, marks, limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include <unistd.h>

/* The documents as JSON, one a line; errors end the test. */
static void check_json(const char *yaml, size_t n, const char *want)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        if (yaml_load(&docs, "f", yaml, n, &d) < 0) {
                struct err e = {0};
                diags_err(&d, &e);
                fail_msg("%s: %s", yaml, err_msg(&e));
        }
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < docs.n; i++) {
                json_put(&b, docs.items[i].root, JSON_STYLE_COMPACT);
                buf_addc(&b, '\n');
        }
        assert_string_equal(buf_str(&b), want);
        yaml_docs_deinit(&docs);
}

struct row {
        const char *yaml, *json;
};

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                check_json(rows[i].yaml, strlen(rows[i].yaml), rows[i].json);
}

static void documents_are_separated_and_empty_ones_left_out(void **state UNUSED)
{
        static const struct row rows[] = {
                {"", ""},
                {"# only a comment\n", ""},
                {"---\n---\n--- \n", ""},
                {"a: 1\n---\nb: 2\n", "{\"a\":1}\n{\"b\":2}\n"},
                {"--- {a: 1}\n--- [b]\n...\n---\nc\n...\n", "{\"a\":1}\n[\"b\"]\n\"c\"\n"},
                {"%YAML 1.2\n---\na: 1\n", "{\"a\":1}\n"},
                {"a: |\n  text\n  --- no start\n---\nb: 1\n",
                 "{\"a\":\"text\\n--- no start\\n\"}\n{\"b\":1}\n"},
                {"null\n---\n~\n---\nx\n", "\"x\"\n"},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void line_ends_and_byte_order_marks_do_not_matter(void **state UNUSED)
{
        static const struct row rows[] = {
                {"\xEF\xBB\xBF"
                 "a: 1\n",
                 "{\"a\":1}\n"},
                {"a: 1\r\nb:\r\n- x\r\nc: |\r\n  l1\r\n  l2\r\n",
                 "{\"a\":1,\"b\":[\"x\"],\"c\":\"l1\\nl2\\n\"}\n"},
                {"a: 1\rb: 2\r", "{\"a\":1,\"b\":2}\n"},
                {"\xEF\xBB\xBF{\"a\": 1}", "{\"a\":1}\n"},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

static void json_is_yaml(void **state UNUSED)
{
        static const struct row rows[] = {
                {"{\"a\":\t[1,\n\t2.5, true, null]}", "{\"a\":[1,2.5,true,null]}\n"},
                {"{\"s\":\"\\ud83d\\ude00\\/\\u00e9\",\"n\":2.0}",
                 "{\"s\":\"\xF0\x9F\x98\x80/\xC3\xA9\",\"n\":2}\n"},
                {"  [\"\\ud83d\\ude00\"] ", "[\"\xF0\x9F\x98\x80\"]\n"},
        };
        check_rows(rows, ARRAY_LEN(rows));
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED); /* a key longer than libyaml takes */
        buf_addf(&b, "{\"%02000d\":1}", 0);
        AUTO(mem_free) char *want = mem_printf("%s\n", buf_str(&b));
        check_json(buf_str(&b), b.len, want);
}

static void aliases_are_copies(void **state UNUSED)
{
        static const struct row rows[] = {
                {"a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n",
                 "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":[{\"k\":[1]},{\"k\":[1]}]}\n"},
                {"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}\n"},
                {"a: &x {b: &x 1, c: *x}\nd: *x\n", "{\"a\":{\"b\":1,\"c\":1},\"d\":1}\n"},
                {"&k key: 1\nother: *k\n", "{\"key\":1,\"other\":\"key\"}\n"},
                {"a: &k text\n*k : 1\n", "{\"a\":\"text\",\"text\":1}\n"},
        };
        check_rows(rows, ARRAY_LEN(rows));
        json_t *j = NULL;
        assert_int_equal(yaml_parse_one(&j, "a: &x {k: 1}\nb: *x", 18, NULL), 0);
        json_object_set_new(json_object_get(j, "b"), "k", json_integer(2));
        assert_int_equal(json_integer_value(json_at(j, "a", "k")), 1);
        json_decref(j);
}

static void merged_keys_never_replace_the_maps_own(void **state UNUSED)
{
        static const struct row rows[] = {
                {"a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  x: 9\n",
                 "{\"a\":{\"x\":1,\"z\":2},\"b\":{\"x\":9,\"z\":2}}\n"},
                {"b: {x: 9, <<: {x: 1, z: 2}}\n", "{\"b\":{\"x\":9,\"z\":2}}\n"},
                {"b: {<<: [{x: 1}, {x: 2, z: 3}]}\n", "{\"b\":{\"x\":1,\"z\":3}}\n"},
                {"b: {\"<<\": 1}\n", "{\"b\":{\"<<\":1}}\n"},
                {"b: {!!str <<: 1}\n", "{\"b\":{\"<<\":1}}\n"},
                {"a: &a {<<: {x: 1}, z: 2}\nb: {<<: *a}\n",
                 "{\"a\":{\"z\":2,\"x\":1},\"b\":{\"z\":2,\"x\":1}}\n"},
        };
        check_rows(rows, ARRAY_LEN(rows));
}

/* ---- marks ---- */

static const char marked[] = "# comment\n"
                             "spec:\n"
                             "  caf\xC3\xA9: {a: x, \xC3\xBC: y}\n"
                             "  list:\n"
                             "  - one\n"
                             "  - k: v\n"
                             "    w: |\n"
                             "      text\n"
                             "base: &b\n"
                             "  in: 1\n"
                             "copy: *b\n"
                             "merged:\n"
                             "  <<: *b\n"
                             "\"odd.key\": 1\n";

static void every_node_has_its_place_in_characters(void **state UNUSED)
{
        static const struct {
                const char *path;
                struct mark at;
                bool exact;
        } rows[] = {
                {"", {2, 1, 0, 0}, true},
                {"spec", {3, 3, 2, 1}, true},
                {"spec.caf\xC3\xA9", {3, 9, 3, 3}, true},
                {"spec.caf\xC3\xA9.a", {3, 13, 3, 10}, true},
                {"spec.caf\xC3\xA9.\xC3\xBC", {3, 19, 3, 16}, true},
                {"spec.list", {5, 3, 4, 3}, true},
                {"spec.list[0]", {5, 5, 0, 0}, true},
                {"spec.list[1]", {6, 5, 0, 0}, true},
                {"spec.list[1].k", {6, 8, 6, 5}, true},
                {"spec.list[1].w", {7, 8, 7, 5}, true},
                {"spec.list[1].nope", {6, 5, 0, 0}, false},
                {"copy", {11, 7, 11, 1}, true},
                {"copy.in", {11, 7, 11, 1}, false}, /* where it was brought in */
                {"merged.in", {13, 7, 0, 0}, true},
                {"[\"odd.key\"]", {14, 12, 14, 1}, true},
        };
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        assert_int_equal(yaml_load(&docs, "f.yaml", marked, sizeof(marked) - 1, &d), 0);
        assert_string_equal(marks_file(docs.items[0].marks), "f.yaml");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct mark at = {0};
                bool exact;
                assert_true(marks_find(docs.items[0].marks, rows[i].path, &at, &exact));
                if (memcmp(&at, &rows[i].at, sizeof(at)) != 0 || exact != rows[i].exact)
                        fail_msg("%s: %u:%u key %u:%u exact %d", rows[i].path, at.line, at.col,
                                 at.key_line, at.key_col, exact);
        }
        yaml_docs_deinit(&docs);
}

static void lines_count_through_all_documents(void **state UNUSED)
{
        static const char text[] = "a: 1\n---\n  \n---\nb:\n  c: 1\n";
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        struct mark at;
        assert_int_equal(yaml_load(&docs, "f", text, sizeof(text) - 1, &d), 0);
        assert_int_equal(docs.n, 2);
        assert_true(marks_find(docs.items[1].marks, "b.c", &at, NULL));
        assert_int_equal(at.line, 6);
        yaml_docs_deinit(&docs);
}

/* ---- limits ---- */

static void check_limit(const char *text, size_t n, const char *msg)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        int r = yaml_load(&docs, "f", text, n, &d);
        if (!msg) {
                assert_int_equal(r, 0);
        } else {
                assert_int_equal(r, -1);
                assert_string_equal(d.items[0].code, "E009");
                if (!strstr(d.items[0].msg, msg))
                        fail_msg("%s instead of %s", d.items[0].msg, msg);
        }
        yaml_docs_deinit(&docs);
}

static void depth_is_limited(void **state UNUSED)
{
        char text[200];
        for (int depth = 63; depth <= 66; depth++) {
                memset(text, '[', (size_t)depth);
                text[depth] = '1';
                memset(text + depth + 1, ']', (size_t)depth);
                check_limit(text, (size_t)depth * 2 + 1, depth <= 64 ? NULL : "64 levels");
        }
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED); /* by aliases: each holds the one before */
        buf_adds(&b, "a0: &a0 [1]\n");
        for (int i = 1; i < 70; i++)
                buf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
        check_limit(buf_str(&b), b.len, "64 levels");
}

static void alias_bombs_cost_nothing(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_adds(&b, "a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (char c = 'b'; c <= 'i'; c++)
                buf_addf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1,
                         c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        check_limit(buf_str(&b), b.len, "100,000 nodes");
        buf_reset(&b); /* few nodes, long texts */
        buf_addf(&b, "a: &a \"%0100000d\"\nb:\n", 0);
        for (int i = 0; i < 1000; i++)
                buf_adds(&b, "- *a\n");
        check_limit(buf_str(&b), b.len, "64 MiB");
}

static void nodes_documents_and_bytes_are_counted(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (int i = 0; i < 99999; i++)
                buf_adds(&b, "- 1\n");
        check_limit(buf_str(&b), b.len, NULL);
        buf_adds(&b, "- 1\n");
        check_limit(buf_str(&b), b.len, "100,000 nodes");
        buf_reset(&b);
        for (int i = 0; i < 64; i++)
                buf_adds(&b, "--- x\n");
        check_limit(buf_str(&b), b.len, NULL);
        buf_adds(&b, "--- x\n");
        check_limit(buf_str(&b), b.len, "64 documents");
        char *huge = mem_alloc((16 << 20) + 1);
        memset(huge, '#', (16 << 20) + 1);
        check_limit(huge, 16 << 20, NULL);
        check_limit(huge, (16 << 20) + 1, "16 MiB");
        mem_free(huge);
}

/* ---- files ---- */

static void files_are_named_in_their_problems(void **state UNUSED)
{
        char path[] = "/tmp/tiphys-yaml-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, "a: 1\na: 2\n", 10), 10);
        close(fd);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        assert_int_equal(yaml_load_file(&docs, path, &d), -1);
        assert_int_equal(docs.n, 1); /* problems of meaning keep the document for further checks */
        assert_string_equal(d.items[0].file, path);
        yaml_docs_deinit(&docs);
        unlink(path);
        assert_int_equal(yaml_load_file(&docs, path, &d), -1);
        assert_string_equal(d.items[1].code, "E012");
        assert_non_null(strstr(d.items[1].msg, "No such file"));
        yaml_docs_deinit(&docs);
}

static void one_document_can_be_parsed_without_a_file(void **state UNUSED)
{
        json_t *j = NULL;
        struct err e = {0};
        assert_int_equal(yaml_parse_one(&j, "a: 1\n---\nb: 2\n", 14, &e), -1);
        assert_non_null(strstr(err_msg(&e), "2 YAML documents"));
        err_clear(&e);
        assert_int_equal(yaml_parse_one(&j, "# nothing", 9, &e), 0);
        assert_true(json_is_null(j));
        assert_int_equal(yaml_parse_one(&j, "a: [", 4, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents_are_separated_and_empty_ones_left_out),
                cmocka_unit_test(line_ends_and_byte_order_marks_do_not_matter),
                cmocka_unit_test(json_is_yaml),
                cmocka_unit_test(aliases_are_copies),
                cmocka_unit_test(merged_keys_never_replace_the_maps_own),
                cmocka_unit_test(every_node_has_its_place_in_characters),
                cmocka_unit_test(lines_count_through_all_documents),
                cmocka_unit_test(depth_is_limited),
                cmocka_unit_test(alias_bombs_cost_nothing),
                cmocka_unit_test(nodes_documents_and_bytes_are_counted),
                cmocka_unit_test(files_are_named_in_their_problems),
                cmocka_unit_test(one_document_can_be_parsed_without_a_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
