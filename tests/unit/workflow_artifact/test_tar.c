/* tests/unit/workflow_artifact/test_tar.c: tarballs, friendly and hostile (SEC-9: CVE-2025-62156,
 * CVE-2025-66626). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "tests/unit/workflow_artifact/scratch.h"
#include "workflow/artifact/tar.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

struct entry {
        char type; /* '0' file, '1' hard link, '2' link, '3' device, '5' folder, '6' fifo */
        const char *name, *text; /* content or target */
};

/* A tarball in memory, said entry by entry, however evil. */
static int tarball(const struct entry *entries, size_t n)
{
        int fd = memfd_create("tar", 0);
        gzFile gz = gzdopen(dup(fd), "wb");
        for (size_t i = 0; i < n; i++) {
                const struct entry *t = &entries[i];
                char block[512] = {0};
                size_t size = t->type == '0' ? strlen(t->text) : 0;
                snprintf(block, 100, "%s", t->name);
                memcpy(block + 100, "0000755\0000000000\0000000000", 23);
                snprintf(block + 124, 12, "%011o", (unsigned)size & 0777);
                memcpy(block + 136, "00000000000", 12);
                block[156] = t->type;
                if (!size && t->text)
                        snprintf(block + 157, 100, "%s", t->text);
                memcpy(block + 257, "ustar\00000", 8);
                memset(block + 148, ' ', 8);
                unsigned sum = 0;
                for (size_t k = 0; k < sizeof(block); k++)
                        sum += (unsigned char)block[k];
                snprintf(block + 148, 8, "%06o", sum);
                assert_int_equal(gzwrite(gz, block, sizeof(block)), sizeof(block));
                char content[512] = {0};
                memcpy(content, t->text ? t->text : "", size);
                if (size)
                        gzwrite(gz, content, sizeof(content));
        }
        char end[1024] = {0};
        gzwrite(gz, end, sizeof(end));
        assert_int_equal(gzclose(gz), Z_OK);
        lseek(fd, 0, SEEK_SET);
        return fd;
}

static int unpack(struct scratch *s, int fd, const char *to, struct err *e)
{
        struct tree_copy limits = {.max_bytes = 1 << 20, .max_entries = 20};
        bool was_tar;
        int rc = tar_unpack(fd, s->dir, to, &limits, &was_tar, e);
        close(fd);
        return rc == 0 && !was_tar ? err_set(e, ERR_INVALID, "not taken for a tarball") : rc;
}

static void what_is_packed_comes_back(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        static const char tree[] = "a=1\nempty\nlink->a\nsub/\nsub/b=22\nsub/deep/\nsub/up->../a\n";
        scratch_make(s, "d/\nd/a=1\nd/empty\nd/sub/\nd/sub/b=22\nd/sub/deep/\nd/link->a\nd/sub/"
                        "up->../a\nfile=content\n");
        AUTO(mem_free) char *long_name = mem_printf("d/%0150d", 7);
        static const char *const names[] = {"d", "file"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                int fd = memfd_create("tar", 0);
                assert_ok(tar_pack(s->dir, names[i], fd, i ? 1 : -1, &e), &e);
                lseek(fd, 0, SEEK_SET);
                assert_ok(unpack(s, fd, "back", &e), &e);
                assert_tree(s, "back",
                            i ? "back=content\n"
                              : tree); /* the one entry at the top became "back" */
                assert_int_equal(unlinkat(s->dir, i ? "back" : "nothing", 0), i ? 0 : -1);
                if (!i)
                        assert_int_equal(tree_remove(s->dir, "back"), 0);
        }
        scratch_make(s, long_name);
        int fd = memfd_create("tar", 0);
        assert_ok(tar_pack(s->dir, "d", fd, -1, &e), &e);
        lseek(fd, 0, SEEK_SET);
        assert_ok(unpack(s, fd, "back", &e), &e);
        AUTO(mem_free) char *there = mem_printf("back/%s", long_name + 2);
        assert_int_equal(faccessat(s->dir, there, F_OK, 0), 0);
}

static void other_programs_read_our_tarballs(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        scratch_make(s, "d/\nd/a=1\nd/sub/\nd/sub/b=22\nd/link->a\n");
        AUTO(mem_free)
        char *name = mem_printf("d/sub/%0160d=x", 7),
             *command = mem_printf("cd %s && tar -xzf t.tgz -C out", s->path);
        scratch_make(s, name);
        scratch_make(s, "out/\n");
        int fd = openat(s->dir, "t.tgz", O_RDWR | O_CREAT, 0600);
        assert_ok(tar_pack(s->dir, "d", fd, -1, &e), &e);
        close(fd);
        assert_int_equal(system(command), 0);
        AUTO(mem_free) char *want = scratch_list(s, "d");
        assert_tree(s, "out/d", want);
}

static void several_entries_at_the_top_become_a_folder(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        static const struct entry two[] = {
                {'0', "./a", "1"}, {'5', "b/", NULL}, {'0', "b//c", "2"}, {'0', "a", "later wins"}};
        assert_ok(unpack(s, tarball(two, ARRAY_LEN(two)), "to", &e), &e);
        assert_tree(s, "to", "a=later wins\nb/\nb/c=2\n");
}

static void links_inside_are_kept_and_links_to_files_are_shared(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        static const struct entry entries[] = {
                {'2', "x/l", "../y/f"}, {'1', "x/h", "y/f"}, {'0', "y/f", "text"}};
        assert_ok(unpack(s, tarball(entries, ARRAY_LEN(entries)), "to", &e), &e);
        assert_tree(s, "to", "x/\nx/h=text\nx/l->../y/f\ny/\ny/f=text\n");
}

static void hostile_tarballs_are_refused_and_leave_nothing(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        static const struct {
                struct entry entries[3];
                size_t n;
                const char *words;
        } rows[] = {
                {{{'0', "../evil", "x"}}, 1, "leads outside"},
                {{{'0', "a/../../evil", "x"}}, 1, "leads outside"},
                {{{'0', "/tmp/tiphys-evil", "x"}}, 1, "leads outside"},
                {{{'2', "l", "/etc"}}, 1, "the link leads outside"},
                {{{'2', "l", ".."}, {'0', "l/evil", "x"}}, 2, "the link leads outside"},
                {{{'2', "a/l", "../../x"}}, 1, "the link leads outside"},
                {{{'2', "a", "b"}, {'2', "a/l", "../.."}}, 2, "link"}, /* two hops */
                {{{'1', "h", "../../etc/passwd"}}, 1, "the link leads outside"},
                {{{'1', "h", "/etc/passwd"}}, 1, "the link leads outside"},
                {{{'3', "dev", NULL}}, 1, "is a device, fifo or socket"},
                {{{'6', "pipe", NULL}}, 1, "is a device, fifo or socket"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int rc = unpack(s, tarball(rows[i].entries, rows[i].n), "to", &e);
                if (rc == 0)
                        fail_msg("row %zu was unpacked", i);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("row %zu: %s", i, err_msg(&e));
                err_clear(&e);
                assert_tree(s, ".", "");
        }
        assert_int_equal(access("/tmp/tiphys-evil", F_OK), -1);
}

/* A link is made last: an entry that goes through it finds no folder there, makes one, and the link
 * then fails. */
static void nothing_is_written_through_a_link(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        static const struct entry entries[] = {
                {'5', "real/", NULL}, {'2', "l", "real"}, {'0', "l/f", "x"}};
        assert_refused(unpack(s, tarball(entries, ARRAY_LEN(entries)), "to", &e), &e, ERR_CONFLICT,
                       "tarball: link l");
        assert_tree(s, ".", "");
}

static void limits_hold(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        struct entry many[30];
        char names[30][8];
        for (size_t i = 0; i < ARRAY_LEN(many); i++) {
                snprintf(names[i], sizeof(names[i]), "f%zu", i);
                many[i] = (struct entry){'0', names[i], "x"};
        }
        assert_refused(unpack(s, tarball(many, ARRAY_LEN(many)), "to", &e), &e, ERR_LIMIT,
                       "more than 20 entries");
        AUTO(mem_free) char *zeros = mem_alloc(2 << 20);
        AUTO(mem_free) char *path = mem_printf("%s/big", s->path);
        FILE *f = fopen(path, "we");
        assert_int_equal(fwrite(zeros, 2 << 20, 1, f), 1);
        fclose(f);
        int fd = memfd_create("tar", 0);
        assert_ok(tar_pack(s->dir, "big", fd, -1, &e), &e);
        lseek(fd, 0, SEEK_SET);
        assert_refused(unpack(s, fd, "to", &e), &e, ERR_LIMIT, "more than 1048576 bytes");
        assert_tree(s, "to", "(nothing)");
}

static void other_files_are_not_taken_for_tarballs(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        scratch_make(s, "text=hello\nempty\n");
        int plain_gz = memfd_create("gz", 0);
        gzFile gz = gzdopen(dup(plain_gz), "wb");
        gzwrite(gz, "just text, compressed", 21);
        gzclose(gz);
        lseek(plain_gz, 0, SEEK_SET);
        int fds[] = {openat(s->dir, "text", O_RDONLY), openat(s->dir, "empty", O_RDONLY), plain_gz};
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                struct tree_copy limits = {0};
                bool was_tar = true;
                assert_ok(tar_unpack(fds[i], s->dir, "to", &limits, &was_tar, &e), &e);
                assert_false(was_tar);
                assert_int_equal(lseek(fds[i], 0, SEEK_CUR), 0); /* it can be copied as it is */
                close(fds[i]);
        }
        static const struct entry one[] = {{'0', "a", "1"}};
        int fd = tarball(one, 1);
        assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) / 2), 0);
        lseek(fd, 0, SEEK_SET);
        int rc = unpack(s, fd, "to", &e);
        assert_int_equal(rc, -1); /* cut off: an error or no tarball, never half a tree */
        err_clear(&e);
        assert_tree(s, "to", "(nothing)");
}

/* As Go writes them, so also Argo: in pax headers, whatever our locale is. */
static void names_in_pax_headers_are_utf8(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        scratch_make(s, "t/\nt/f\xc5\x91=1\nt/l\xc3\xa9->f\xc5\x91\n");
        AUTO(mem_free)
        char *line = mem_printf("tar --format=pax -czf %s/u.tgz -C %s/t .", s->path, s->path);
        assert_int_equal(system(line), 0);
        int fd = openat(s->dir, "u.tgz", O_RDONLY);
        assert_ok(unpack(s, fd, "to", &e), &e);
        assert_tree(s, "to", "f\xc5\x91=1\nl\xc3\xa9->f\xc5\x91\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(what_is_packed_comes_back),
                T(other_programs_read_our_tarballs),
                T(several_entries_at_the_top_become_a_folder),
                T(links_inside_are_kept_and_links_to_files_are_shared),
                T(hostile_tarballs_are_refused_and_leave_nothing),
                T(names_in_pax_headers_are_utf8),
                T(nothing_is_written_through_a_link),
                T(limits_hold),
                T(other_files_are_not_taken_for_tarballs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
