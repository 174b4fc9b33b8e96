/* tests/unit/yaml/test_yaml_random.c: whatever tree is written is read back equal, and so are its
 * JSON forms. The seed is fixed; TIPHYS_SEED gives another. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"

static uint64_t seed = 20261124;

static uint64_t next_random(uint64_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed % below;
}

/* Words and letters that mean something to YAML come often. */
static void add_piece(struct buf *b)
{
        static const char *const words[] = {"yes",
                                            "n",
                                            "null",
                                            "~",
                                            "true",
                                            "1",
                                            "0x1f",
                                            "0o7",
                                            "1_0",
                                            "1e5",
                                            ".5",
                                            ".inf",
                                            "<<",
                                            "---",
                                            "...",
                                            "- ",
                                            ": ",
                                            " #",
                                            "{{",
                                            "}}",
                                            "|",
                                            ">",
                                            "&a",
                                            "*a",
                                            "!t",
                                            "%",
                                            "@",
                                            "\"",
                                            "'",
                                            "\\",
                                            "\n",
                                            "\n\n",
                                            " ",
                                            "  ",
                                            "\t",
                                            "\r",
                                            "\r\n",
                                            ",",
                                            "[",
                                            "]",
                                            "?",
                                            "=",
                                            "\xC2\x85",
                                            "\xE2\x80\xA8",
                                            "\xEF\xBB\xBF",
                                            "\xC3\xA9",
                                            "\xF0\x9F\x98\x80",
                                            "\x7f",
                                            "\x01",
                                            "text",
                                            "2024-01-01",
                                            "12:30"};
        if (next_random(3)) {
                buf_adds(b, words[next_random(ARRAY_LEN(words))]);
        } else {
                char utf8[4];
                uint32_t cp = (uint32_t)(1 + next_random(next_random(4) ? 0x7f : 0x10FFFF));
                buf_add(b, utf8, utf8_encode(cp, utf8));
        }
}

static void random_text(struct buf *b, size_t pieces)
{
        for (uint64_t n = next_random(pieces + 1); n; n--)
                add_piece(b);
        if (next_random(200) == 0)
                buf_addf(b, "%0*d", (int)next_random(3000), 0);
}

static json_t *random_scalar(void)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        switch (next_random(8)) {
        case 0: return json_null();
        case 1: return json_boolean(next_random(2));
        case 2: return json_integer((json_int_t)(next_random(UINT64_MAX)));
        case 3: return json_integer((json_int_t)next_random(100));
        case 4: return json_real(0.5 + (double)next_random(1000000)); /* whole ones are integers */
        default: random_text(&b, 6); return json_stringn(buf_str(&b), b.len);
        }
}

static json_t *random_tree(int depth)
{
        uint64_t kind = depth ? next_random(4) : 0;
        if (kind <= 1)
                return random_scalar();
        json_t *j = kind == 2 ? json_array() : json_object();
        for (uint64_t n = next_random(5); n; n--) {
                json_t *v = random_tree(depth - 1);
                AUTO_BUF struct buf key = BUF_INIT(BUF_UNBOUNDED);
                random_text(&key, 3);
                if (kind == 2)
                        json_array_append_new(j, v);
                else
                        json_object_set_new(j, buf_str(&key), v);
        }
        return j;
}

static void check_text(const json_t *j, const struct buf *text)
{
        json_t *again = NULL;
        struct err e = {0};
        if (yaml_parse_one(&again, buf_str(text), text->len, &e) < 0)
                fail_msg("%s\n%s", err_msg(&e), buf_str(text));
        bool same = json_equal(j, again);
        json_decref(again);
        if (!same)
                fail_msg("not the same:\n%s", buf_str(text));
}

static void what_is_written_reads_back_equal(void **state UNUSED)
{
        for (int round = 0; round < 20000; round++) {
                AUTO_JSON json_t *j = random_tree(5);
                AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
                yaml_put(&b, j);
                check_text(j, &b);
        }
}

static void json_texts_are_read_as_yaml(void **state UNUSED)
{
        for (int round = 0; round < 5000; round++) {
                AUTO_JSON json_t *j = json_pack("[o]", random_tree(4));
                AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
                json_put(&b, j, next_random(2) ? JSON_STYLE_INDENT : JSON_STYLE_GO_HTML);
                check_text(j, &b);
        }
}

int main(void)
{
        const char *other = getenv("TIPHYS_SEED");
        if (other)
                seed = strtoull(other, NULL, 10) | 1;
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_reads_back_equal),
                cmocka_unit_test(json_texts_are_read_as_yaml),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
