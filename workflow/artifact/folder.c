/* workflow/artifact/folder.c: see folder.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/folder.h"
#include "common/base/mem.h"
#include "workflow/artifact/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct slot { /* a key being written */
        int dir;
        const char *name;
        char *temp;
};

static int slot_open(struct slot *s, int store, const char *key, struct err *e)
{
        if (!tree_key_valid(key))
                return err_set(
                        e, ERR_INVALID,
                        "artifact key \"%s\": must be a relative path without \".\" and \"..\"",
                        key);
        s->dir = tree_parent(store, key, &s->name, TREE_NO_LINKS, -1);
        if (s->dir < 0)
                return err_errno(e, errno, "artifact %s", key);
        s->temp = mem_printf(".new.%s", s->name);
        if (tree_remove(s->dir, s->temp) < 0)
                return err_errno(e, errno, "artifact %s: remove an unfinished one", key);
        return 0;
}

static void slot_close(struct slot *s)
{
        if (s->dir >= 0)
                close(s->dir);
        mem_free(s->temp);
}

/* Flush, then let the name point to it. */
static int slot_commit(struct slot *s, uint32_t entries, struct err *e)
{
        if (tree_sync(s->dir, s->temp, entries, e) < 0)
                return -1;
        if (renameat(s->dir, s->temp, s->dir, s->name) < 0) {
                if (errno != ENOTEMPTY && errno != EEXIST && errno != EISDIR && errno != ENOTDIR)
                        return err_errno(e, errno, "rename");
                if (tree_remove(s->dir, s->name) < 0 ||
                    renameat(s->dir, s->temp, s->dir, s->name) < 0)
                        return err_errno(e, errno, "replace");
        }
        int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int rc = fd < 0 ? -1 : fsync(fd);
        if (fd >= 0)
                close(fd);
        return rc < 0 ? err_errno(e, errno, "flush the folder") : 0;
}

int folder_put(int store, const char *key, struct tree_copy *how, int from_dir, const char *from,
               struct err *e)
{
        struct slot s = {.dir = -1};
        if (tree_check_data(from_dir, from, e) < 0)
                return err_wrap(e, "artifact %s", key);
        how->max_bytes = ARTIFACT_BYTES_MAX;
        how->max_entries = ARTIFACT_ENTRIES_MAX;
        int rc = slot_open(&s, store, key, e);
        if (rc == 0 && (tree_copy(how, from_dir, from, s.dir, s.temp, e) < 0 ||
                        slot_commit(&s, how->entries, e) < 0)) {
                if (tree_remove(s.dir, s.temp) < 0)
                        err_wrap(e, "(an unfinished copy is left)");
                rc = err_wrap(e, "artifact %s", key);
        }
        slot_close(&s);
        return rc;
}

int folder_put_tar(int store, const char *key, int level, int from_dir, const char *from,
                   struct err *e)
{
        struct slot s = {.dir = -1};
        if (tree_check_data(from_dir, from, e) < 0)
                return err_wrap(e, "artifact %s", key);
        if (slot_open(&s, store, key, e) < 0) {
                slot_close(&s);
                return -1;
        }
        int fd = openat(s.dir, s.temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        int rc = fd < 0 ? err_errno(e, errno, "create") : tar_pack(from_dir, from, fd, level, e);
        if (fd >= 0)
                close(fd);
        if (rc == 0)
                rc = slot_commit(&s, 1, e);
        if (rc < 0) {
                unlinkat(s.dir, s.temp, 0);
                err_wrap(e, "artifact %s", key);
        }
        slot_close(&s);
        return rc;
}

static int get_file(int dir, const char *name, enum folder_unpack unpack, bool *done, int to_dir,
                    const char *to, struct err *e)
{
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "open");
        struct tree_copy limits = {.max_bytes = ARTIFACT_BYTES_MAX,
                                   .max_entries = ARTIFACT_ENTRIES_MAX};
        int rc = tar_unpack(fd, to_dir, to, &limits, done, e);
        close(fd);
        if (rc == 0 && !*done && unpack == FOLDER_TAR)
                rc = err_set(e, ERR_INVALID, "it is no gzip tarball, and archive.tar asks for one");
        return rc;
}

int folder_get(int store, const char *key, const char *sub, enum folder_unpack unpack, bool share,
               int to_dir, const char *to, struct err *e)
{
        AUTO(mem_free) char *path = sub && *sub ? mem_printf("%s/%s", key, sub) : mem_strdup(key);
        if (!tree_key_valid(path))
                return err_set(
                        e, ERR_INVALID,
                        "artifact key \"%s\": must be a relative path without \".\" and \"..\"",
                        path);
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        AUTO(mem_free)
        char *parent = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
        int dir = tree_open(store, parent, O_PATH | O_DIRECTORY, 0, TREE_NO_LINKS);
        struct stat st;
        if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                err_errno(e, errno, "artifact %s", path);
                if (dir >= 0)
                        close(dir);
                return -1;
        }
        bool done = false;
        int rc = tree_remove(to_dir, to) < 0 ? err_errno(e, errno, "replace %s", to) : 0;
        if (rc == 0 && S_ISREG(st.st_mode) && unpack != FOLDER_PLAIN)
                rc = get_file(dir, name, unpack, &done, to_dir, to, e);
        struct tree_copy how = {.link_dir = share ? dir : -1,
                                .max_bytes = ARTIFACT_BYTES_MAX,
                                .max_entries = ARTIFACT_ENTRIES_MAX};
        if (rc == 0 && !done)
                rc = tree_copy(&how, dir, name, to_dir, to, e);
        close(dir);
        return rc < 0 ? err_wrap(e, "artifact %s", path) : 0;
}
