/* common/base/fs.c: see fs.h. Paths that come from outside are resolved by the kernel beneath a
 * root (openat2); lexical checks of such paths fail one after the other
 * (reference/reliability.md 2.1). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/fs_priv.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

bool fs_exists(const char *path)
{
        return access(path, F_OK) == 0;
}

char *fs_join(const char *dir, const char *name)
{
        return mem_printf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

/* ---- whole files ---- */

static ssize_t read_some(int fd, void *to, size_t n)
{
        ssize_t r;
        do
                r = read(fd, to, n);
        while (r < 0 && errno == EINTR);
        return r;
}

int fs_read_fd(struct buf *out, int fd, size_t max_bytes, struct err *e)
{
        struct stat st;
        size_t want = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : CHUNK;
        for (size_t total = 0;;) {
                size_t left = max_bytes - total;
                if (out->max - out->len < left)
                        left = out->max - out->len;
                char probe, *to = left ? buf_reserve(out, want < left ? want : left) : &probe;
                ssize_t r = read_some(fd, to, left ? (want < left ? want : left) : 1);
                if (r < 0)
                        return err_errno(e, errno, "read");
                if (r == 0)
                        return 0;
                if (!left)
                        return err_set(e, ERR_LIMIT, "larger than %zu bytes", total);
                out->len += (size_t)r;
                out->data[out->len] = '\0';
                total += (size_t)r;
                want = CHUNK;
        }
}

int fs_read(struct buf *out, const char *path, size_t max_bytes, struct err *e)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        int r = fs_read_fd(out, fd, max_bytes, e);
        close(fd);
        return r < 0 ? err_wrap(e, "%s", path) : 0;
}

int fs_write_all(int fd, const void *data, size_t n, struct err *e)
{
        for (const char *p = data; n > 0;) {
                ssize_t w = write(fd, p, n);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w < 0)
                        return err_errno(e, errno, "write");
                p += w;
                n -= (size_t)w;
        }
        return 0;
}

static int sync_folder_of(const char *path, struct err *e)
{
        AUTO(mem_free) char *copy = mem_strdup(path);
        int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "open the folder of %s", path);
        int r = fsync(fd) < 0 ? err_errno(e, errno, "sync the folder of %s", path) : 0;
        close(fd);
        return r;
}

static int fill_new_file(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
        if (fd < 0)
                return err_errno(e, errno, "create %s", path);
        int r = fs_write_all(fd, data, n, e);
        if (r == 0 && fchmod(fd, mode) < 0) /* whatever the umask took away */
                r = err_errno(e, errno, "chmod");
        if (r == 0 && fdatasync(fd) < 0)
                r = err_errno(e, errno, "sync");
        close(fd);
        return r < 0 ? err_wrap(e, "%s", path) : 0;
}

int fs_write_atomic(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
        char suffix[9];
        rand_suffix(suffix, sizeof(suffix) - 1);
        AUTO(mem_free) char *temporary = mem_printf("%s.%s.tmp", path, suffix);
        if (fill_new_file(temporary, data, n, mode, e) < 0) {
                unlink(temporary);
                return -1;
        }
        if (rename(temporary, path) < 0) {
                int why = errno;
                unlink(temporary);
                return err_errno(e, why, "rename %s to %s", temporary, path);
        }
        return sync_folder_of(path, e);
}

/* Kernels and file systems answer these where copy_file_range cannot serve the pair of files. */
static bool must_copy_by_hand(int why)
{
        return why == EXDEV || why == EINVAL || why == ENOSYS || why == EOPNOTSUPP ||
               why == EBADF || why == EPERM;
}

static int copy_by_hand(int from, int to, uint64_t max_bytes, uint64_t *done, struct err *e)
{
        AUTO(mem_free) char *chunk = mem_calloc(1, CHUNK);
        for (;;) {
                uint64_t left = max_bytes - *done;
                ssize_t r = read_some(from, chunk,
                                      left == 0      ? 1
                                      : left < CHUNK ? (size_t)left
                                                     : CHUNK);
                if (r < 0)
                        return err_errno(e, errno, "read");
                if (r == 0)
                        return 0;
                if (left == 0)
                        return err_set(e, ERR_LIMIT, "larger than %llu bytes",
                                       (unsigned long long)max_bytes);
                if (fs_write_all(to, chunk, (size_t)r, e) < 0)
                        return -1;
                *done += (uint64_t)r;
        }
}

int fs_copy_fd(int from, int to, uint64_t max_bytes, uint64_t *copied, struct err *e)
{
        uint64_t done = 0;
        while (done < max_bytes) {
                uint64_t left = max_bytes - done;
                ssize_t r =
                        copy_file_range(from, NULL, to, NULL, left < 1 << 30 ? left : 1 << 30, 0);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && !must_copy_by_hand(errno))
                        return err_errno(e, errno, "copy");
                if (r <= 0)
                        break;
                done += (uint64_t)r;
        }
        /* The rest, and the proof that nothing is left: /proc files answer copy_file_range with 0.
         */
        if (copy_by_hand(from, to, max_bytes, &done, e) < 0)
                return -1;
        if (copied)
                *copied = done;
        return 0;
}

/* ---- folders ---- */

int fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
        AUTO(mem_free) char *work = mem_strdup(path);
        for (char *p = work + 1; *work; p++) {
                if (*p != '/' && *p != '\0')
                        continue;
                char was = *p;
                *p = '\0';
                if (mkdir(work, mode) < 0 && errno != EEXIST && errno != EROFS)
                        return err_errno(e, errno, "create the folder %s", work);
                *p = was;
                if (!was)
                        break;
        }
        struct stat st;
        if (stat(path, &st) < 0)
                return err_errno(e, errno, "create the folder %s", path);
        return S_ISDIR(st.st_mode) ? 0 : err_set(e, ERR_CONFLICT, "%s is not a folder", path);
}

/* ---- beneath a root ---- */

static int check_flags(const char *path, int flags, struct err *e)
{
        if ((flags & O_ACCMODE) == O_ACCMODE)
                return err_set(e, ERR_INVALID, "%s: no such access mode", path);
        return 0;
}

/* Where openat2 is forbidden (old seccomp profiles): one component after the other, no link
 * followed. */
int fs_walk_beneath(int *fd_out, int root_fd, const char *path, int flags, mode_t mode,
                    struct err *e)
{
        if (path[0] == '/')
                return err_set(e, ERR_INVALID, "%s: leaves its root", path);
        AUTO(mem_free) char *work = mem_strdup(path);
        int at = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
        char *rest = work;
        while (at >= 0) {
                char *name = rest, *slash = strchr(rest, '/');
                if (slash) {
                        *slash = '\0';
                        for (rest = slash + 1; *rest == '/'; rest++)
                                ;
                }
                if (streq(name, "..")) {
                        close(at);
                        return err_set(e, ERR_INVALID, "%s: leaves its root", path);
                }
                bool last = !slash || !*rest;
                int how = last ? flags | O_CLOEXEC | O_NOFOLLOW | (slash ? O_DIRECTORY : 0)
                               : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
                int next = openat(at, *name ? name : ".", how, mode);
                int why = errno;
                close(at);
                errno = why;
                at = next;
                if (last)
                        break;
        }
        if (at < 0)
                return err_errno(e, errno, "%s", path);
        *fd_out = at;
        return 0;
}

int fs_open_beneath(int *fd_out, int root_fd, const char *path, int flags, mode_t mode, bool follow,
                    struct err *e)
{
        if (check_flags(path, flags, e) < 0)
                return -1;
        struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .mode = flags & O_CREAT ? mode & 07777 : 0,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                           (follow ? 0 : RESOLVE_NO_SYMLINKS),
        };
        int fd, tries = 0;
        do /* EAGAIN: a rename raced with the walk */
                fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 100)));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                return fs_walk_beneath(fd_out, root_fd, path, flags, mode, e);
        if (fd < 0 && errno == EXDEV)
                return err_set(e, ERR_INVALID, "%s: leaves its root", path);
        if (fd < 0 && errno == ELOOP)
                return err_set(e, ERR_INVALID, "%s: a link stands in the way", path);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        *fd_out = fd;
        return 0;
}
