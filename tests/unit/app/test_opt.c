/* tests/unit/app/test_opt.c: command lines. SPDX-License-Identifier: Apache-2.0 */
#include "common/app/opt.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"

struct values {
        bool watch, force;
        const char *name, *format;
        int64_t port, wait;
        struct opt_list files;
};
struct globals {
        bool help;
        const char *data;
};
static const char *const formats[] = {"json", "yaml", NULL};
static const struct opt table[] = {
        OPT(struct values, watch, OPT_FLAG, .letter = 'w', .help = "follow it"),
        OPT(struct values, force, OPT_FLAG, .letter = 'x', .def = "true", .help = "by force"),
        OPT(struct values, name, OPT_STR, .letter = 'n', .arg = "NAME", .help = "a name"),
        OPT(struct values, format, OPT_CHOICE, .letter = 'o', .choices = formats, .help = "how"),
        OPT(struct values, port, OPT_INT, .def = "2746", .min = 0, .max = 65535, .help = "a port"),
        OPT(struct values, wait, OPT_DURATION, .help = "how long"),
        OPT(struct values, files, OPT_LIST, .name = "filename", .letter = 'f', .help = "files"),
        OPT_END};
static const struct opt global_table[] = {
        OPT(struct globals, help, OPT_FLAG, .letter = 'h', .help = "help"),
        OPT(struct globals, data, OPT_STR, .help = "folder"), OPT_END};

enum { MAX_WORDS = 16 };
struct parsed {
        struct values v;
        struct globals g;
        char copy[512], *words[MAX_WORDS];
        size_t n, operands;
        struct err e;
        int r;
        struct opt_set sets[2];
};

static void parse(struct parsed *p, const char *line)
{
        *p = (struct parsed){0};
        snprintf(p->copy, sizeof(p->copy), "%s", line);
        char *save = NULL;
        for (char *w = strtok_r(p->copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
                p->words[p->n++] = streq(w, "''") ? w + 2 : w;
        p->sets[0] = (struct opt_set){table, &p->v};
        p->sets[1] = (struct opt_set){global_table, &p->g};
        p->r = opts_read(p->sets, 2, p->words, p->n, &p->operands, &p->e);
}

static void done(struct parsed *p)
{
        opts_free(p->sets, 2);
        err_clear(&p->e);
}

static void options_stand_anywhere_in_every_spelling(void **state UNUSED)
{
        static const char *const rows[] = {
                "one --watch --name x two -f a -f b --data d",
                "-w -nx one -f=a -fb two --data=d",
                "one two -wn x --filename a --filename=b --data d",
                "--wat one --nam=x --file a --file b --dat d -- two",
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct parsed p;
                parse(&p, rows[i]);
                if (p.r < 0)
                        fail_msg("%s: %s", rows[i], err_msg(&p.e));
                assert_true(p.v.watch);
                assert_string_equal(p.v.name, "x");
                assert_string_equal(p.g.data, "d");
                assert_int_equal(p.v.files.n, 2);
                assert_string_equal(p.v.files.items[0], "a");
                assert_string_equal(p.v.files.items[1], "b");
                assert_int_equal(p.operands, 2);
                assert_string_equal(p.words[0], "one");
                assert_string_equal(p.words[1], "two");
                done(&p);
        }
}

static void defaults_flags_and_values(void **state UNUSED)
{
        struct parsed p;
        parse(&p, "--no-force --wait 90 -o yaml - -- --watch");
        assert_int_equal(p.r, 0);
        assert_false(p.v.force);
        assert_false(p.v.watch);
        assert_int_equal(p.v.port, 2746);
        assert_int_equal(p.v.wait, 90 * INT64_C(1000000000));
        assert_string_equal(p.v.format, "yaml");
        assert_int_equal(p.operands, 2);
        assert_string_equal(p.words[0], "-");
        assert_string_equal(p.words[1], "--watch");
        done(&p);
        parse(&p, "--wait 1m30s --watch=false --force=true --port 0");
        assert_int_equal(p.r, 0);
        assert_int_equal(p.v.wait, 90 * INT64_C(1000000000));
        assert_true(p.v.force);
        assert_false(p.v.watch);
        assert_int_equal(p.v.port, 0);
        done(&p);
}

static void mistakes_are_answered_with_words(void **state UNUSED)
{
        static const struct {
                const char *line, *words;
        } rows[] = {
                {"--wach", "unknown option --wach; did you mean --watch?"},
                {"--zzz", "unknown option --zzz"},
                {"-z", "unknown option -z"},
                {"-wz", "unknown option -z"},
                {"--name", "--name needs a value: --name NAME"},
                {"-n", "--name needs a value: --name NAME"},
                {"--f a", "option --f is ambiguous"},
                {"--port x", "--port: expected a number, found \"x\""},
                {"--port 65536", "--port: 65536 is outside of 0 to 65535"},
                {"--format xml", "--format: xml is not one of json, yaml"},
                {"--wait soon", "--wait: expected a duration such as 90s or 1h30m, found \"soon\""},
                {"--wait -5s", "--wait: expected a duration such as 90s or 1h30m, found \"-5s\""},
                {"--watch=maybe", "--watch takes no value (or =true, =false)"},
                {"--no-name", "unknown option --no-name"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct parsed p;
                parse(&p, rows[i].line);
                assert_int_equal(p.r, -1);
                assert_int_equal(p.e.code, ERR_INVALID);
                assert_string_equal(err_msg(&p.e), rows[i].words);
                done(&p);
        }
}

static void completion_offers_names_and_choices(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(1000);
        opts_put_words(&b, table, NULL, "--w");
        assert_string_equal(buf_str(&b), "--watch\n--wait\n");
        buf_reset(&b);
        opts_put_words(&b, table, "-o", "");
        assert_string_equal(buf_str(&b), "json\nyaml\n");
        buf_reset(&b);
        opts_put_words(&b, table, "--format", "y");
        assert_string_equal(buf_str(&b), "yaml\n");
        assert_true(opts_takes_value(table, "--name"));
        assert_true(opts_takes_value(table, "-f"));
        assert_false(opts_takes_value(table, "-w"));
        assert_false(opts_takes_value(table, "--nothing"));
}

static void help_and_reference_name_every_option(void **state UNUSED)
{
        AUTO_BUF struct buf help = BUF_INIT(10000), doc = BUF_INIT(10000);
        opts_put_help(&help, table);
        opts_put_doc(&doc, table);
        for (const struct opt *o = table; o->name; o++) {
                assert_non_null(strstr(buf_str(&help), o->help));
                assert_non_null(strstr(buf_str(&doc), o->help));
        }
        assert_non_null(strstr(buf_str(&help), "  -n, --name NAME             a name\n"));
        assert_non_null(strstr(buf_str(&doc), "| `--port VALUE` | a port | `2746` |\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_stand_anywhere_in_every_spelling),
                cmocka_unit_test(defaults_flags_and_values),
                cmocka_unit_test(mistakes_are_answered_with_words),
                cmocka_unit_test(completion_offers_names_and_choices),
                cmocka_unit_test(help_and_reference_name_every_option),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
