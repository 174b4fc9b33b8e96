/* tests/unit/base/test_fs.c: files, folders, and paths that try to leave their root.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/fs_priv.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int make_root(void **state UNUSED)
{
        strcpy(root, "/tmp/tiphys-fs-XXXXXX");
        return mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int remove_root(void **state UNUSED)
{
        return chdir("/") < 0 || fs_remove_tree(root, NULL) < 0 ? -1 : 0;
}

static void put(const char *path, const char *text)
{
        struct err e = {0};
        if (fs_write_atomic(path, text, strlen(text), 0644, &e) < 0)
                fail_msg("%s", err_msg(&e));
}

static void a_written_file_reads_back_with_its_mode(void **state UNUSED)
{
        umask(077);
        put("f", "old");
        assert_int_equal(fs_write_atomic("f", "new text", 8, 0640, NULL), 0);
        umask(022);
        AUTO_BUF struct buf b = BUF_INIT(100);
        assert_int_equal(fs_read(&b, "f", 100, NULL), 0);
        assert_string_equal(buf_str(&b), "new text");
        struct stat st;
        assert_int_equal(stat("f", &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_failed_write_leaves_nothing_behind(void **state UNUSED)
{
        assert_int_equal(mkdir("folder", 0755), 0);
        struct err e = {0};
        assert_int_equal(fs_write_atomic("folder", "x", 1, 0644, &e),
                         -1); /* a folder stands there */
        err_clear(&e);
        assert_int_equal(fs_write_atomic("absent/f", "x", 1, 0644, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
        DIR *d = opendir(".");
        int n = 0;
        while (readdir(d))
                n++;
        closedir(d);
        assert_int_equal(n, 3); /* . .. folder */
}

static void reading_stops_at_the_limit(void **state UNUSED)
{
        put("f", "12345");
        static const struct {
                size_t limit, buffer;
                int result;
        } rows[] = {{5, 100, 0}, {4, 100, -1}, {100, 5, 0}, {100, 4, -1}, {0, 100, -1}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_BUF struct buf b = BUF_INIT(rows[i].buffer);
                struct err e = {0};
                assert_int_equal(fs_read(&b, "f", rows[i].limit, &e), rows[i].result);
                assert_int_equal(e.code, rows[i].result ? ERR_LIMIT : ERR_NONE);
                err_clear(&e);
        }
}

static void reading_appends_and_knows_files_without_size(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(100000);
        buf_adds(&b, "before:");
        assert_int_equal(fs_read(&b, "/proc/self/status", 100000, NULL), 0);
        assert_memory_equal(b.data, "before:Name:", 12);
        assert_int_equal(strlen(b.data), b.len);
        put("empty", "");
        size_t len = b.len;
        assert_int_equal(fs_read(&b, "empty", 10, NULL), 0);
        assert_int_equal(b.len, len);
}

static void errors_name_the_file(void **state UNUSED)
{
        struct err e = {0};
        AUTO_BUF struct buf b = BUF_INIT(10);
        assert_int_equal(fs_read(&b, "nope", 10, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_string_equal(err_msg(&e), "nope: No such file or directory");
        err_clear(&e);
        assert_int_equal(fs_read(&b, ".", 10, &e), -1);
        assert_non_null(strstr(err_msg(&e), ".: read: Is a directory"));
        err_clear(&e);
}

static void mkdirs_makes_what_is_missing(void **state UNUSED)
{
        assert_int_equal(fs_mkdirs("a/b/c/", 0755, NULL), 0);
        assert_int_equal(fs_mkdirs("a/b/c", 0755, NULL), 0);
        AUTO(mem_free) char *absolute = fs_join(root, "x//y");
        assert_int_equal(fs_mkdirs(absolute, 0755, NULL), 0);
        assert_true(fs_exists("a/b/c") && fs_exists("x/y"));
        put("a/file", "");
        struct err e = {0};
        assert_int_equal(fs_mkdirs("a/file", 0755, &e), -1);
        assert_int_equal(e.code, ERR_CONFLICT);
        err_clear(&e);
        assert_int_equal(fs_mkdirs("a/file/b", 0755, &e), -1);
        err_clear(&e);
}

static void remove_takes_the_tree_but_not_what_links_point_at(void **state UNUSED)
{
        assert_int_equal(fs_mkdirs("t/a/b", 0755, NULL), 0);
        assert_int_equal(fs_mkdirs("keep", 0755, NULL), 0);
        put("keep/file", "x");
        put("t/a/b/f", "x");
        assert_int_equal(symlink("../../keep", "t/a/link"), 0);
        assert_int_equal(symlink("nowhere", "t/dangling"), 0);
        assert_int_equal(mkfifo("t/fifo", 0600), 0);
        assert_int_equal(chmod("t/a/b", 0), 0);
        struct err e = {0};
        if (fs_remove_tree("t", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_false(fs_exists("t"));
        assert_true(fs_exists("keep/file"));
        assert_int_equal(fs_remove_tree("t", NULL), 0); /* absent is fine */
        assert_int_equal(symlink("keep", "link"), 0);
        assert_int_equal(fs_remove_tree("link", NULL), 0);
        assert_true(fs_exists("keep/file"));
        assert_int_equal(fs_remove_tree("keep/file", NULL), 0);
}

static void remove_takes_trees_deeper_than_any_path(void **state UNUSED)
{
        enum { DEPTH = 3000 };
        assert_int_equal(mkdir("deep", 0755), 0);
        int at = open("deep", O_RDONLY | O_DIRECTORY);
        for (int i = 0; i < DEPTH; i++) {
                assert_int_equal(mkdirat(at, "a-folder", 0755), 0);
                int next = openat(at, "a-folder", O_RDONLY | O_DIRECTORY);
                assert_int_equal(mkdirat(at, "sibling", 0755), 0);
                close(at);
                at = next;
        }
        close(at);
        struct err e = {0};
        if (fs_remove_tree("deep", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_false(fs_exists("deep"));
}

/* ---- beneath a root ---- */

static void build_escapes(void)
{
        assert_int_equal(fs_mkdirs("in/sub", 0755, NULL), 0);
        put("in/file", "inside");
        put("in/sub/file", "inside");
        put("secret", "outside");
        assert_int_equal(symlink("/", "in/absolute"), 0);
        assert_int_equal(symlink("..", "in/up"), 0);
        assert_int_equal(symlink("../secret", "in/out"), 0);
        assert_int_equal(symlink("sub/file", "in/good"), 0);
        assert_int_equal(symlink("sub", "in/folder"), 0);
        assert_int_equal(symlink("one", "in/two"), 0); /* two hops */
        assert_int_equal(symlink("../secret", "in/one"), 0);
        assert_int_equal(symlink("loop", "in/loop"), 0);
}

static void no_path_leaves_its_root(void **state UNUSED)
{
        build_escapes();
        static const struct {
                const char *path;
                bool plain, followed; /* may be opened? */
        } rows[] = {
                {"file", true, true},          {"sub/file", true, true},
                {"sub/../file", true, true},   {"./sub//file", true, true},
                {"../secret", false, false},   {"sub/../../secret", false, false},
                {"/etc/passwd", false, false}, {"absolute/etc/passwd", false, false},
                {"up/secret", false, false},   {"out", false, false},
                {"good", false, true},         {"folder/file", false, true},
                {"two", false, false},         {"loop", false, false},
                {"nope", false, false},        {"", false, false},
                {"file/x", false, false},      {"..", false, false},
                {"up/in/file", false, false},
        };
        int dir = open("in", O_RDONLY | O_DIRECTORY);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                for (int follow = 0; follow < 2; follow++) {
                        struct err e = {0};
                        int fd = -1;
                        bool ok = fs_open_beneath(&fd, dir, rows[i].path, O_RDONLY, 0, follow,
                                                  &e) == 0;
                        if (ok != (follow ? rows[i].followed : rows[i].plain))
                                fail_msg("%s (follow %d): %s", rows[i].path, follow,
                                         ok ? "opened" : err_msg(&e));
                        assert_int_equal(ok, fd >= 0);
                        if (ok)
                                close(fd);
                        err_clear(&e);
                }
        close(dir);
}

static void the_walk_without_openat2_is_as_strict(void **state UNUSED)
{
        build_escapes();
        static const struct {
                const char *path;
                bool opens;
        } rows[] = {
                {"file", true},
                {"sub/file", true},
                {"./sub//file", true},
                {"sub/../file", false},
                {"../secret", false},
                {"/etc/passwd", false},
                {"absolute/etc/passwd", false},
                {"up/secret", false},
                {"out", false},
                {"good", false},
                {"folder/file", false},
                {"two", false},
                {"file/", false},
                {"sub/", true},
                {"nope", false},
        };
        int dir = open("in", O_RDONLY | O_DIRECTORY);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                int fd = -1;
                bool ok = fs_walk_beneath(&fd, dir, rows[i].path, O_RDONLY, 0, &e) == 0;
                if (ok != rows[i].opens)
                        fail_msg("%s: %s", rows[i].path, ok ? "opened" : err_msg(&e));
                if (ok)
                        close(fd);
                err_clear(&e);
        }
        close(dir);
}

static void files_are_created_beneath_with_their_mode(void **state UNUSED)
{
        assert_int_equal(mkdir("in", 0755), 0);
        int fd, dir = open("in", O_RDONLY | O_DIRECTORY);
        assert_int_equal(
                fs_open_beneath(&fd, dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0600, false, NULL),
                0);
        assert_int_equal(fs_write_all(fd, "x", 1, NULL), 0);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        close(fd);
        assert_int_equal(fs_walk_beneath(&fd, dir, "other", O_WRONLY | O_CREAT, 0600, NULL), 0);
        close(fd);
        struct err e = {0};
        assert_int_equal(
                fs_open_beneath(&fd, dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0600, false, &e), -1);
        assert_int_equal(e.code, ERR_CONFLICT);
        err_clear(&e);
        close(dir);
}

static void copies_are_whole_or_refused(void **state UNUSED)
{
        char *big = mem_alloc(300000);
        memset(big, 'b', 299999);
        put("big", big);
        static const struct {
                const char *from;
                uint64_t max;
                int result;
        } rows[] = {{"big", UINT64_MAX, 0},
                    {"big", 299999, 0},
                    {"big", 299998, -1},
                    {"/proc/self/status", 100000, 0},
                    {"/proc/self/status", 10, -1}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int from = open(rows[i].from, O_RDONLY),
                    to = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
                uint64_t copied = 0;
                struct err e = {0};
                assert_int_equal(fs_copy_fd(from, to, rows[i].max, &copied, &e), rows[i].result);
                assert_int_equal(e.code, rows[i].result ? ERR_LIMIT : ERR_NONE);
                if (rows[i].result == 0)
                        assert_int_equal(lseek(to, 0, SEEK_END), copied);
                if (rows[i].result == 0 && rows[i].max != 100000)
                        assert_int_equal(copied, 299999);
                err_clear(&e);
                close(from);
                close(to);
        }
        mem_free(big);
}

static void copies_from_a_pipe_work_too(void **state UNUSED)
{
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], "through", 7), 7);
        close(fds[1]);
        int to = open("copy", O_RDWR | O_CREAT, 0600);
        uint64_t copied;
        assert_int_equal(fs_copy_fd(fds[0], to, 100, &copied, NULL), 0);
        assert_int_equal(copied, 7);
        close(fds[0]);
        close(to);
}

static void join_puts_one_slash(void **state UNUSED)
{
        AUTO(mem_free) char *a = fs_join("a", "b"), *b = fs_join("a/", "b"), *c = fs_join("/", "b");
        assert_string_equal(a, "a/b");
        assert_string_equal(b, "a/b");
        assert_string_equal(c, "/b");
        mem_free(TAKE(b));
        mem_free(TAKE(c));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_written_file_reads_back_with_its_mode),
                TEST(a_failed_write_leaves_nothing_behind),
                TEST(reading_stops_at_the_limit),
                TEST(reading_appends_and_knows_files_without_size),
                TEST(errors_name_the_file),
                TEST(mkdirs_makes_what_is_missing),
                TEST(remove_takes_the_tree_but_not_what_links_point_at),
                TEST(remove_takes_trees_deeper_than_any_path),
                TEST(no_path_leaves_its_root),
                TEST(the_walk_without_openat2_is_as_strict),
                TEST(files_are_created_beneath_with_their_mode),
                TEST(copies_are_whole_or_refused),
                TEST(copies_from_a_pipe_work_too),
                TEST(join_puts_one_slash),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
