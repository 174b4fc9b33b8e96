/* workflow/artifact/tar_pack.c: a tree as a gzip tarball; see tar.h.
 *
 * Written by hand (POSIX ustar, with a pax record where a name or size does not fit) over zlib:
 * libarchive's writer drags every archive format and its libraries into the static executor. Owners
 * are left out: a tarball of an artifact says the same whoever made it. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "workflow/artifact/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 512 };
#define OCTAL_SIZE_MAX INT64_C(077777777777)

struct header { /* POSIX.1-1988 ustar */
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100],
                magic[6], version[2];
        char uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static int put(gzFile gz, const void *data, size_t n, struct err *e)
{
        int code;
        if (!n || gzwrite(gz, data, (unsigned)n) == (int)n)
                return 0;
        const char *why = gzerror(gz, &code);
        return code == Z_ERRNO ? err_errno(e, errno, "write")
                               : err_set(e, ERR_INTERNAL, "gzip: %s", why);
}

static int put_padding(gzFile gz, int64_t size, struct err *e)
{
        static const char zeros[BLOCK];
        return put(gz, zeros, (size_t)(-size & (BLOCK - 1)), e);
}

static void octal(char *field, size_t n, uint64_t v)
{
        field[n - 1] = '\0';
        for (size_t i = n - 1; i-- > 0; v >>= 3)
                field[i] = (char)('0' + (v & 7));
}

static int put_block(gzFile gz, char type, const char *name, const struct stat *st, int64_t size,
                     const char *target, struct err *e)
{
        struct header h = {.type = type, .magic = "ustar", .version = {'0', '0'}};
        strncpy(h.name, name, sizeof(h.name) - 1);
        strncpy(h.link, target, sizeof(h.link) - 1);
        octal(h.mode, sizeof(h.mode), st->st_mode & 0777);
        octal(h.uid, sizeof(h.uid), 0);
        octal(h.gid, sizeof(h.gid), 0);
        octal(h.size, sizeof(h.size), size > OCTAL_SIZE_MAX ? 0 : (uint64_t)size);
        octal(h.mtime, sizeof(h.mtime), st->st_mtim.tv_sec > 0 ? (uint64_t)st->st_mtim.tv_sec : 0);
        memset(h.sum, ' ', sizeof(h.sum));
        unsigned sum = 0;
        for (size_t i = 0; i < sizeof(h); i++)
                sum += ((const unsigned char *)&h)[i];
        octal(h.sum, 7, sum);
        return put(gz, &h, sizeof(h), e);
}

/* "27 path=some/long/name\n": the length counts itself. */
static void pax_record(struct buf *b, const char *key, const char *value)
{
        size_t body = strlen(key) + strlen(value) + 3, n = body + 1;
        char digits[24];
        while (n != body + (size_t)snprintf(digits, sizeof(digits), "%zu", n))
                n = body + strlen(digits);
        buf_addf(b, "%zu %s=%s\n", n, key, value);
}

static int put_header(gzFile gz, char type, const char *path, const struct stat *st,
                      const char *target, struct err *e)
{
        int64_t size = type == '0' ? st->st_size : 0;
        AUTO_BUF struct buf pax = BUF_INIT(4 * PATH_MAX);
        if (strlen(path) >= sizeof(((struct header *)0)->name))
                pax_record(&pax, "path", path);
        if (strlen(target) >= sizeof(((struct header *)0)->link))
                pax_record(&pax, "linkpath", target);
        if (size > OCTAL_SIZE_MAX) {
                char text[24];
                snprintf(text, sizeof(text), "%lld", (long long)size);
                pax_record(&pax, "size", text);
        }
        struct stat plain = {.st_mode = 0644};
        if (pax.overflow)
                return err_set(e, ERR_LIMIT, "%s: the name is too long", path);
        if (pax.len &&
            (put_block(gz, 'x', "pax", &plain, (int64_t)pax.len, "", e) < 0 ||
             put(gz, pax.data, pax.len, e) < 0 || put_padding(gz, (int64_t)pax.len, e) < 0))
                return -1;
        return put_block(gz, type, path, st, size, target, e);
}

static int put_content(gzFile gz, int fd, int64_t size, struct err *e)
{
        char chunk[64 * 1024];
        for (int64_t left = size; left > 0;) {
                ssize_t n = read(fd, chunk,
                                 left < (int64_t)sizeof(chunk) ? (size_t)left : sizeof(chunk));
                if (n <= 0)
                        return n ? err_errno(e, errno, "read")
                                 : err_set(e, ERR_CONFLICT, "it shrank while it was read");
                if (put(gz, chunk, (size_t)n, e) < 0)
                        return -1;
                left -= n;
        }
        return put_padding(gz, size, e);
}

static int put_file(gzFile gz, int dir, const char *name, const char *path, struct err *e)
{
        struct stat st;
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        int rc = fstat(fd, &st) < 0 ? err_errno(e, errno, "stat")
                                    : put_header(gz, '0', path, &st, "", e);
        if (rc == 0)
                rc = put_content(gz, fd, st.st_size, e);
        close(fd);
        return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

static int put_link(gzFile gz, int dir, const char *name, const char *path, const struct stat *st,
                    struct err *e)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
        if (n < 0)
                return err_errno(e, errno, "%s", path);
        target[n] = '\0';
        return put_header(gz, '2', path, st, target, e);
}

static int put_any(gzFile gz, int dir, const char *name, const char *path, unsigned depth,
                   struct err *e);

static int put_folder(gzFile gz, int dir, const char *name, const char *path, const struct stat *st,
                      unsigned depth, struct err *e)
{
        if (depth > TREE_DEPTH_MAX)
                return err_set(e, ERR_LIMIT, "%s: folders are nested too deeply", path);
        AUTO(mem_free) char *slashed = mem_printf("%s/", path);
        if (put_header(gz, '5', slashed, st, "", e) < 0)
                return -1;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return err_errno(e, errno, "%s", path);
        int rc = 0;
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
                if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
                        continue;
                AUTO(mem_free) char *below = mem_printf("%s/%s", path, ent->d_name);
                rc = put_any(gz, fd, ent->d_name, below, depth + 1, e);
        }
        closedir(d);
        return rc;
}

static int put_any(gzFile gz, int dir, const char *name, const char *path, unsigned depth,
                   struct err *e)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(e, errno, "%s", path);
        if (S_ISDIR(st.st_mode))
                return put_folder(gz, dir, name, path, &st, depth, e);
        if (S_ISREG(st.st_mode))
                return put_file(gz, dir, name, path, e);
        return S_ISLNK(st.st_mode) ? put_link(gz, dir, name, path, &st, e) : 0;
}

int tar_pack(int from_dir, const char *from, int to_fd, int level, struct err *e)
{
        static const char end[2 * BLOCK];
        char mode[4] = "wb";
        if (level >= 0 && level <= 9)
                mode[2] = (char)('0' + level);
        int own = dup(to_fd);
        gzFile gz = own < 0 ? NULL : gzdopen(own, mode);
        if (!gz)
                return err_errno(e, errno, "gzip");
        int rc = put_any(gz, from_dir, from, from, 0, e);
        if (rc == 0)
                rc = put(gz, end, sizeof(end), e);
        if (gzclose(gz) != Z_OK && rc == 0)
                rc = err_errno(e, errno, "write");
        return rc;
}
