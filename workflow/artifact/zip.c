/* workflow/artifact/zip.c: zip archives by libarchive, with the rules of tar.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tar.h"
#include "workflow/artifact/unpack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

/* ---- pack ---- */

static int failed(struct archive *a, const char *path, struct err *e)
{
        return err_set(e, ERR_INTERNAL, "zip archive: %s: %s", path, archive_error_string(a));
}

static int put_header(struct archive *a, const char *path, const struct stat *st,
                      const char *target, struct err *e)
{
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, path);
        archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
        archive_entry_set_perm(entry, st->st_mode & 0777);
        archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
        if (S_ISREG(st->st_mode))
                archive_entry_set_size(entry, st->st_size);
        if (target)
                archive_entry_set_symlink(entry, target);
        int rc = archive_write_header(a, entry) < ARCHIVE_WARN ? failed(a, path, e) : 0;
        archive_entry_free(entry);
        return rc;
}

static int put_content(struct archive *a, int fd, const char *path, int64_t size, struct err *e)
{
        char chunk[CHUNK];
        for (int64_t left = size; left > 0;) {
                ssize_t n = read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);
                if (n <= 0)
                        return n ? err_errno(e, errno, "read %s", path)
                                 : err_set(e, ERR_CONFLICT, "%s shrank while it was read", path);
                if (archive_write_data(a, chunk, (size_t)n) != n)
                        return failed(a, path, e);
                left -= n;
        }
        return 0;
}

static int put_file(struct archive *a, int dir, const char *name, const char *path, struct err *e)
{
        struct stat st;
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        int rc = fstat(fd, &st) < 0 ? err_errno(e, errno, "%s", path)
                                    : put_header(a, path, &st, NULL, e);
        if (rc == 0)
                rc = put_content(a, fd, path, st.st_size, e);
        close(fd);
        return rc;
}

static int put_link(struct archive *a, int dir, const char *name, const char *path,
                    const struct stat *st, struct err *e)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
        if (n < 0)
                return err_errno(e, errno, "%s", path);
        target[n] = '\0';
        return put_header(a, path, st, target, e);
}

static int put_any(struct archive *a, int dir, const char *name, const char *path, unsigned depth,
                   struct err *e);

static int put_folder(struct archive *a, int dir, const char *name, const char *path,
                      const struct stat *st, unsigned depth, struct err *e)
{
        if (depth > TREE_DEPTH_MAX)
                return err_set(e, ERR_LIMIT, "%s: folders are nested too deeply", path);
        AUTO(mem_free) char *slashed = mem_printf("%s/", path);
        if (put_header(a, slashed, st, NULL, e) < 0)
                return -1;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return err_errno(e, errno, "%s", path);
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
                if (streq(ent->d_name, ".") || streq(ent->d_name, ".."))
                        continue;
                AUTO(mem_free) char *below = mem_printf("%s/%s", path, ent->d_name);
                rc = put_any(a, fd, ent->d_name, below, depth + 1, e);
        }
        closedir(d);
        return rc;
}

static int put_any(struct archive *a, int dir, const char *name, const char *path, unsigned depth,
                   struct err *e)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(e, errno, "%s", path);
        if (S_ISDIR(st.st_mode))
                return put_folder(a, dir, name, path, &st, depth, e);
        if (S_ISREG(st.st_mode))
                return put_file(a, dir, name, path, e);
        return S_ISLNK(st.st_mode) ? put_link(a, dir, name, path, &st, e) : 0;
}

int zip_pack(int from_dir, const char *from, int to_fd, int level, struct err *e)
{
        char digit[2] = {(char)('0' + level), 0};
        struct archive *a = archive_write_new();
        archive_write_set_format_zip(a);
        archive_write_set_bytes_in_last_block(a, 1);
        if (level >= 0 && level <= 9)
                archive_write_set_format_option(a, "zip", "compression-level", digit);
        int rc = archive_write_open_fd(a, to_fd) != ARCHIVE_OK
                         ? failed(a, from, e)
                         : put_any(a, from_dir, from, from, 0, e);
        if (archive_write_close(a) != ARCHIVE_OK && rc == 0)
                rc = failed(a, from, e);
        archive_write_free(a);
        return rc;
}

/* ---- unpack ---- */

int zip_unpack(int fd, int to_dir, const char *to, struct tree_copy *limits, struct err *e)
{
        struct archive_entry *first;
        struct archive *reader = archive_read_new();
        archive_read_support_format_zip(reader);
        int rc = -1, got = archive_read_open_fd(reader, fd, CHUNK);
        if (got == ARCHIVE_OK)
                got = archive_read_next_header(reader, &first);
        if (got == ARCHIVE_OK || got == ARCHIVE_WARN)
                rc = unpack_archive(reader, "zip archive", first, to_dir, to, limits, e);
        else if (got == ARCHIVE_EOF)
                rc = mkdirat(to_dir, to, 0755) < 0 ? err_errno(e, errno, "%s", to) : 0;
        else
                rc = err_set(e, ERR_INVALID, "it is no zip archive, and archive.zip asks for one");
        archive_read_free(reader);
        return rc;
}
