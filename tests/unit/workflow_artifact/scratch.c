/* tests/unit/workflow_artifact/scratch.c: see scratch.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_artifact/scratch.h"
#include "common/base/buf.h"
#include "common/base/fs.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_setup(void **state)
{
        char path[] = "/tmp/tiphys-artifact-XXXXXX";
        struct scratch *s = NEW(struct scratch);
        assert_non_null(mkdtemp(path));
        s->path = mem_strdup(path);
        s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = s;
        return 0;
}

int scratch_teardown(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        assert_int_equal(fs_remove_tree(s->path, &e), 0);
        close(s->dir);
        mem_free(s->path);
        mem_free(s);
        return 0;
}

static void make_one(struct scratch *s, char *line)
{
        char *arrow = strstr(line, "->"), *equal = strchr(line, '=');
        if (arrow) {
                *arrow = '\0';
                assert_int_equal(symlinkat(arrow + 2, s->dir, line), 0);
        } else if (str_ends(line, "/")) {
                assert_int_equal(mkdirat(s->dir, line, 0755), 0);
        } else {
                const char *text = equal ? equal + 1 : "";
                if (equal)
                        *equal = '\0';
                int fd = openat(s->dir, line, O_WRONLY | O_CREAT | O_TRUNC, 0644);
                assert_true(fd >= 0);
                assert_int_equal(write(fd, text, strlen(text)), strlen(text));
                close(fd);
        }
}

void scratch_make(struct scratch *s, const char *lines)
{
        AUTO(mem_free) char *copy = mem_strdup(lines);
        char *save;
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                make_one(s, line);
}

static void put(struct buf *b, int dir, const char *name, const char *shown);

static void put_folder(struct buf *b, int dir, const char *name, const char *shown)
{
        struct dirent **names;
        AUTO(mem_free) char *from = mem_printf("/proc/self/fd/%d/%s", dir, name);
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            n = scandir(from, &names, NULL, alphasort);
        assert_true(fd >= 0 && n >= 0);
        for (int i = 0; i < n; i++) {
                const char *entry = names[i]->d_name;
                AUTO(mem_free) char *below = mem_printf("%s%s%s", shown, *shown ? "/" : "", entry);
                if (!streq(entry, ".") && !streq(entry, ".."))
                        put(b, fd, entry, below);
                free(names[i]);
        }
        free(names);
        close(fd);
}

static void put(struct buf *b, int dir, const char *name, const char *shown)
{
        struct stat st;
        char text[4096];
        assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (S_ISDIR(st.st_mode)) {
                buf_addf(b, "%s/\n", shown);
                put_folder(b, dir, name, shown);
        } else if (S_ISLNK(st.st_mode)) {
                ssize_t n = readlinkat(dir, name, text, sizeof(text));
                buf_addf(b, "%s->%.*s\n", shown, (int)n, text);
        } else {
                int fd = openat(dir, name, O_RDONLY);
                ssize_t n = read(fd, text, sizeof(text));
                close(fd);
                buf_addf(b, "%s%s%.*s\n", shown, n > 0 ? "=" : "", n > 0 ? (int)n : 0, text);
        }
}

char *scratch_list(struct scratch *s, const char *name)
{
        struct buf b = BUF_INIT(1 << 20);
        struct stat st;
        if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return mem_strdup("(nothing)");
        if (S_ISDIR(st.st_mode))
                put_folder(&b, s->dir, name, "");
        else
                put(&b, s->dir, name, name);
        return b.data ? buf_take(&b) : mem_strdup("");
}

void assert_tree(struct scratch *s, const char *name, const char *want)
{
        AUTO(mem_free) char *got = scratch_list(s, name);
        assert_string_equal(got, want);
}

void assert_ok(int rc, struct err *e)
{
        if (rc < 0)
                fail_msg("%s", err_msg(e));
}

void assert_refused(int rc, struct err *e, enum err_code code, const char *words)
{
        assert_int_equal(rc, -1);
        if (!strstr(err_msg(e), words))
                fail_msg("\"%s\" is not in \"%s\"", words, err_msg(e));
        assert_int_equal(e->code, code);
        err_clear(e);
}
