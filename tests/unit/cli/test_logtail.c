/* tests/unit/cli/test_logtail.c: log files of pods, read in pieces and merged.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/logtail.h"
#include "common/base/buf.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include "workflow/runner/runner.h"
#include <unistd.h>

struct fixture {
        char dir[40];
        struct log_tails tails;
        struct buf seen;
};

static void setup(struct fixture *f)
{
        *f = (struct fixture){.dir = "/tmp/tiphys-logtail-XXXXXX", .seen = BUF_INIT(BUF_UNBOUNDED)};
        assert_non_null(mkdtemp(f->dir));
}

static void teardown(struct fixture *f)
{
        struct err e = {0};
        log_tails_deinit(&f->tails);
        buf_deinit(&f->seen);
        assert_int_equal(fs_remove_tree(f->dir, &e), 0);
}

static void append(struct fixture *f, const char *node, const char *text)
{
        struct err e = {0};
        AUTO(mem_free) char *path = runner_log_path(f->dir, "uid", node, "main");
        AUTO(mem_free) char *folder = mem_strdup(path);
        *strrchr(folder, '/') = '\0';
        assert_int_equal(fs_mkdirs(folder, 0700, &e), 0);
        FILE *out = fopen(path, "a");
        fputs(text, out);
        fclose(out);
}

static void note(void *arg, const struct log_line *line)
{
        struct fixture *f = arg;
        buf_addf(&f->seen, "%s%s|%s\n", line->pod, line->is_stderr ? "!" : "", line->text);
}

static void expect(struct fixture *f, const char *text)
{
        assert_string_equal(buf_str(&f->seen), text);
        buf_reset(&f->seen);
}

static void lines_come_once_and_only_when_they_are_whole(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        log_tails_add(&f.tails, f.dir, "uid", "a", "main", "pod-a");
        log_tails_add(&f.tails, f.dir, "uid", "a", "main", "pod-a");
        assert_int_equal(f.tails.n, 1);
        log_tails_read(&f.tails, note, &f);
        expect(&f, "");
        append(&f, "a",
               "2026-01-01T00:00:00.5Z stdout one\n2026-01-01T00:00:01Z stderr two  "
               "words\n2026-01-0");
        log_tails_read(&f.tails, note, &f);
        expect(&f, "pod-a|one\npod-a!|two  words\n");
        append(&f, "a", "1T00:00:02Z stdout \nnonsense\nno time here\n");
        log_tails_read(&f.tails, note, &f);
        expect(&f, "pod-a|\npod-a|nonsense\npod-a|no time here\n");
        teardown(&f);
}

static void history_is_merged_by_time(void **state UNUSED)
{
        struct fixture f;
        setup(&f);
        append(&f, "a", "2026-01-01T00:00:01Z stdout a1\n2026-01-01T00:00:03Z stdout a3\n");
        append(&f, "b", "2026-01-01T00:00:02Z stdout b2\n2026-01-01T00:00:03Z stdout b3\n");
        log_tails_add(&f.tails, f.dir, "uid", "b", "main", "b");
        log_tails_add(&f.tails, f.dir, "uid", "a", "main", "a");
        log_tails_read_merged(&f.tails, -1, note, &f);
        expect(&f, "a|a1\nb|b2\nb|b3\na|a3\n");
        append(&f, "a", "2026-01-01T00:00:04Z stdout a4\n2026-01-01T00:00:05Z stdout a5\n");
        log_tails_read_merged(&f.tails, 1, note, &f);
        expect(&f, "a|a5\n");
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_come_once_and_only_when_they_are_whole),
                cmocka_unit_test(history_is_merged_by_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
