/* tests/unit/workflow_artifact/test_tree.c: trees between descriptors. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/buf.h"
#include "tests/unit/workflow_artifact/scratch.h"
#include "workflow/artifact/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

static void keys_are_plain_relative_paths(void **state UNUSED)
{
        static const char *const good[] = {"a", "a/b", "a.b/c d", "..a/b..", "ünï"},
                                 *const bad[] = {"",  "/a", "a/",     "a//b",
                                                 ".", "..", "a/../b", "a/."};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(tree_key_valid(good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(tree_key_valid(bad[i]));
}

static void nothing_leads_outside(void **state)
{
        struct scratch *s = *state;
        scratch_make(
                s,
                "root/\nroot/in=x\nroot/abs->/etc\nroot/up->../secret\nroot/here->in\nsecret=no\n");
        int root = openat(s->dir, "root", O_PATH | O_DIRECTORY);
        static const struct {
                const char *path;
                int no_links, in_root; /* errno */
        } rows[] = {
                {"in", 0, 0},
                {"../secret", EXDEV, ENOENT},
                {"/etc/passwd", EXDEV, ENOENT},
                {"abs/passwd", ELOOP, ENOENT},
                {"up", ELOOP, ENOENT},
                {"here", ELOOP, 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int fd = tree_open(root, rows[i].path, O_RDONLY, 0, TREE_NO_LINKS);
                assert_int_equal(fd < 0 ? errno : 0, rows[i].no_links);
                close(fd);
                fd = tree_open(root, rows[i].path, O_RDONLY, 0, TREE_IN_ROOT);
                assert_int_equal(fd < 0 ? errno : 0, rows[i].in_root);
                close(fd);
        }
        assert_int_equal(tree_mkdirs(root, "abs/new", 0755, TREE_NO_LINKS, -1), -1);
        assert_int_equal(tree_mkdirs(root, "../new", 0755, TREE_NO_LINKS, -1), -1);
        int fd = tree_mkdirs(root, "/a//b/c/", 0755, TREE_NO_LINKS, -1);
        assert_true(fd >= 0);
        close(fd);
        close(root);
        assert_tree(s, "root", "a/\na/b/\na/b/c/\nabs->/etc\nhere->in\nin=x\nup->../secret\n");
}

static void a_tree_is_copied_as_it_is_but_for_what_is_no_data(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        struct stat st;
        scratch_make(s, "from/\nfrom/a=1\nfrom/sub/\nfrom/sub/b=22\nfrom/link->../../outside\nfrom/"
                        "empty\n");
        assert_int_equal(fchmodat(s->dir, "from/a", 04751, 0), 0);
        assert_int_equal(mkfifoat(s->dir, "from/fifo", 0600), 0);
        struct tree_copy c = {.link_dir = -1};
        assert_ok(tree_copy(&c, s->dir, "from", s->dir, "to", &e), &e);
        assert_tree(s, "to", "a=1\nempty\nlink->../../outside\nsub/\nsub/b=22\n");
        assert_int_equal(fstatat(s->dir, "to/a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0751);
        assert_int_equal(c.bytes, 3);
        struct tree_copy few = {.link_dir = -1, .max_entries = 3},
                         small = {.link_dir = -1, .max_bytes = 2};
        assert_refused(tree_copy(&few, s->dir, "from", s->dir, "few", &e), &e, ERR_LIMIT,
                       "too many files");
        assert_refused(tree_copy(&small, s->dir, "from", s->dir, "small", &e), &e, ERR_LIMIT,
                       "too many bytes");
        assert_int_equal(tree_remove(s->dir, "to"), 0);
        assert_int_equal(tree_remove(s->dir, "to"), 0);
        assert_tree(s, "to", "(nothing)");
        assert_tree(s, "from/sub", "b=22\n");
}

static void files_are_hard_links_where_that_is_allowed(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        struct stat a, b;
        scratch_make(s, "from/\nfrom/a=1\nfrom/setuid=2\nlinks/\nlinks/a=1\n");
        assert_int_equal(fchmodat(s->dir, "from/setuid", 04755, 0), 0);
        struct tree_copy c = {.link_dir = s->dir};
        assert_ok(tree_copy(&c, s->dir, "from", s->dir, "to", &e), &e);
        fstatat(s->dir, "from/a", &a, 0);
        fstatat(s->dir, "to/a", &b, 0);
        assert_true(a.st_ino == b.st_ino);
        fstatat(s->dir, "from/setuid", &a, 0);
        fstatat(s->dir, "to/setuid", &b, 0);
        assert_true(a.st_ino != b.st_ino && !(b.st_mode & 07000));
        struct tree_copy fresh = {.link_dir = s->dir, .fresh = true};
        assert_ok(tree_copy(&fresh, s->dir, "from", s->dir, "fresh", &e), &e);
        fstatat(s->dir, "from/a", &a, 0);
        fstatat(s->dir, "fresh/a", &b, 0);
        assert_true(a.st_ino != b.st_ino);
}

static void folders_that_are_nested_too_deeply_are_refused(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        char path[1024] = "deep";
        for (int i = 0; i < 150; i++)
                snprintf(path + 4 + 2 * i, 3, "/d");
        int fd = tree_mkdirs(s->dir, path, 0755, TREE_NO_LINKS, -1);
        assert_true(fd >= 0);
        close(fd);
        struct tree_copy c = {.link_dir = -1};
        assert_refused(tree_copy(&c, s->dir, "deep", s->dir, "to", &e), &e, ERR_LIMIT,
                       "nested too deeply");
}

static void a_key_appears_whole_and_replaces_what_was_there(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        scratch_make(s, "store/\ndir/\ndir/x=1\nfile=2\nfrom->file\n");
        int store = openat(s->dir, "store", O_RDONLY | O_DIRECTORY);
        static const char *const order[] = {"file", "dir", "dir", "file", "from"};
        static const char *const want[] = {"a/\na/k=2\n", "a/\na/k/\na/k/x=1\n",
                                           "a/\na/k/\na/k/x=1\n", "a/\na/k=2\n", "a/\na/k->file\n"};
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
                struct tree_copy how = {.link_dir = -1};
                assert_ok(folder_put(store, "a/k", &how, s->dir, order[i], &e), &e);
                assert_tree(s, "store", want[i]);
        }
        struct tree_copy how = {.link_dir = -1};
        assert_refused(folder_put(store, "a/../k", &how, s->dir, "file", &e), &e, ERR_INVALID,
                       "must be a relative path");
        assert_refused(folder_put(store, "a/k2", &how, s->dir, "nope", &e), &e, ERR_NOT_FOUND,
                       "artifact a/k2: nope");
        assert_tree(s, "store", "a/\na/k->file\n");
        assert_ok(folder_delete(store, "a/k", &e), &e);
        assert_ok(folder_delete(store, "a/k", &e), &e);
        assert_tree(s, "store", "");
        close(store);
}

static void a_folder_of_many_files_is_stored_too(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        AUTO_BUF struct buf lines = BUF_INIT(4096);
        struct tree_copy how = {.link_dir = -1};
        buf_adds(&lines, "store/\ndir/\n");
        for (int i = 10; i < 60; i++) /* more than are flushed one by one */
                buf_addf(&lines, "dir/%d=x\n", i);
        scratch_make(s, buf_str(&lines));
        int store = openat(s->dir, "store", O_RDONLY | O_DIRECTORY);
        assert_ok(folder_put(store, "a/many", &how, s->dir, "dir", &e), &e);
        AUTO(mem_free) char *listed = scratch_list(s, "store/a/many");
        assert_non_null(strstr(listed, "59=x"));
        close(store);
}

static void getting_makes_a_copy_or_shares(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        struct stat a, b;
        scratch_make(s, "store/\nstore/d/\nstore/d/x=1\nstore/d/y=2\nout/\nout/old=3\n");
        int store = openat(s->dir, "store", O_RDONLY | O_DIRECTORY),
            out = openat(s->dir, "out", O_RDONLY | O_DIRECTORY);
        assert_ok(folder_get(store, "d", NULL, FOLDER_DETECT, false, out, "old", &e), &e);
        assert_ok(folder_get(store, "d", "y", FOLDER_DETECT, true, out, "y", &e), &e);
        assert_tree(s, "out", "old/\nold/x=1\nold/y=2\ny=2\n");
        fstatat(s->dir, "store/d/y", &a, 0);
        fstatat(s->dir, "out/y", &b, 0);
        assert_true(a.st_ino == b.st_ino);
        fstatat(s->dir, "out/old/y", &b, 0);
        assert_true(a.st_ino != b.st_ino);
        assert_refused(folder_get(store, "gone", NULL, FOLDER_DETECT, false, out, "z", &e), &e,
                       ERR_NOT_FOUND, "artifact gone");
        assert_refused(folder_get(store, "d", "../..", FOLDER_DETECT, false, out, "z", &e), &e,
                       ERR_INVALID, "must be");
        close(store);
        close(out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_are_plain_relative_paths),
                T(nothing_leads_outside),
                T(a_tree_is_copied_as_it_is_but_for_what_is_no_data),
                T(files_are_hard_links_where_that_is_allowed),
                T(folders_that_are_nested_too_deeply_are_refused),
                T(a_key_appears_whole_and_replaces_what_was_there),
                T(a_folder_of_many_files_is_stored_too),
                T(getting_makes_a_copy_or_shares),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
