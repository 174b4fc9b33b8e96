/* workflow/artifact/tree.c: see tree.h. A tree is copied by recursion over pairs of descriptors
 * with a depth limit, so no path string ever grows and no component is looked up twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int tree_open(int root, const char *path, int flags, mode_t mode, enum tree_resolve how)
{
        struct open_how h = {.flags = (unsigned)flags | O_CLOEXEC,
                             .mode = flags & O_CREAT ? mode : 0};
        h.resolve = RESOLVE_NO_MAGICLINKS;
        h.resolve |= how == TREE_IN_ROOT ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        h.resolve |= how == TREE_ONE_MOUNT ? RESOLVE_NO_XDEV : 0;
        int fd;
        do
                fd = (int)syscall(SYS_openat2, root, path, &h, sizeof(h));
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        return fd;
}

static int make_one(int root, const char *path, mode_t mode, enum tree_resolve how, int like)
{
        /* mkdirat knows no RESOLVE flags: open the parent safely, then make the last component in
         * it. */
        char parent[PATH_MAX];
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : 0;
        memcpy(parent, path, n);
        parent[n] = '\0';
        int dir = tree_open(root, n ? parent : ".", O_PATH | O_DIRECTORY, 0, how);
        if (dir < 0)
                return -1;
        int rc = mkdirat(dir, slash ? slash + 1 : path, mode);
        struct stat st;
        if (rc == 0 && like >= 0) {
                int model = tree_open(like, path, O_PATH | O_DIRECTORY, 0, TREE_IN_ROOT);
                if (model >= 0 && fstat(model, &st) == 0) {
                        const char *name = slash ? slash + 1 : path;
                        if (fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
                            fchmodat(dir, name, st.st_mode & 07777, 0) < 0)
                                rc = errno == EPERM ? 0 : -1; /* not root: the owner stays ours */
                }
                if (model >= 0)
                        close(model);
        }
        int err = rc < 0 && errno != EEXIST ? errno : 0;
        close(dir);
        errno = err;
        return err ? -1 : 0;
}

int tree_mkdirs(int root, const char *path, mode_t mode, enum tree_resolve how, int like)
{
        char part[PATH_MAX];
        size_t n = strlen(path);
        if (n >= sizeof(part)) {
                errno = ENAMETOOLONG;
                return -1;
        }
        while (n && path[n - 1] == '/')
                n--;
        memcpy(part, path, n);
        part[n] = '\0';
        const char *rel = part;
        while (*rel == '/')
                rel++;
        if (!*rel)
                return tree_open(root, ".", O_PATH | O_DIRECTORY, 0, how);
        int fd = tree_open(root, rel, O_PATH | O_DIRECTORY, 0, how);
        if (fd >= 0 || errno != ENOENT)
                return fd;
        for (char *p = part + (rel - part) + 1; *p; p++) {
                if (p[0] != '/' || p[-1] == '/')
                        continue;
                *p = '\0';
                if (make_one(root, rel, mode, how, like) < 0)
                        return -1;
                *p = '/';
        }
        if (make_one(root, rel, mode, how, like) < 0)
                return -1;
        return tree_open(root, rel, O_PATH | O_DIRECTORY, 0, how);
}

int tree_parent(int root, const char *path, const char **name, enum tree_resolve how, int like)
{
        char dir[PATH_MAX];
        const char *slash = strrchr(path, '/');
        *name = slash ? slash + 1 : path;
        if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
                errno = EINVAL;
                return -1;
        }
        size_t n = slash ? (size_t)(slash - path) : 0;
        if (n >= sizeof(dir)) {
                errno = ENAMETOOLONG;
                return -1;
        }
        memcpy(dir, path, n);
        dir[n] = '\0';
        return tree_mkdirs(root, dir, 0755, how, like);
}

bool tree_key_valid(const char *key)
{
        for (const char *p = key;;) {
                size_t n = strcspn(p, "/");
                if (!n || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                if (!p[n])
                        return strlen(key) < PATH_MAX;
                p += n + 1;
        }
}

static bool is_dot(const char *name)
{
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int remove_content(int dir, unsigned depth);

static int remove_at(int dir, const char *name, unsigned depth)
{
        if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -1;
        if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
                return 0;
        if ((errno != ENOTEMPTY && errno != EEXIST) || depth > TREE_DEPTH_MAX * 10)
                return -1;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
                fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || remove_content(fd, depth + 1) < 0)
                return -1;
        return unlinkat(dir, name, AT_REMOVEDIR);
}

/* Owns `fd`. */
static int remove_content(int fd, unsigned depth)
{
        DIR *d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -1;
        }
        int rc = 0;
        for (struct dirent *ent; (ent = readdir(d));)
                if (!is_dot(ent->d_name) && remove_at(fd, ent->d_name, depth) < 0)
                        rc = -1;
        int err = errno;
        closedir(d);
        errno = err;
        return rc;
}

int tree_remove(int dir, const char *name)
{
        return remove_at(dir, name, 0);
}

static int copy_bytes(int in, int out, uint64_t size)
{
        if (ioctl(out, FICLONE, in) == 0)
                return 0;
        bool range = true;
        char chunk[64 * 1024];
        for (uint64_t done = 0;;) {
                ssize_t n = range ? copy_file_range(in, NULL, out, NULL, 1 << 30, 0)
                                  : read(in, chunk, sizeof(chunk));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && range && done == 0) { /* another file system, or a kernel without it */
                        range = false;
                        continue;
                }
                if (n == 0 && range && done == 0 && size) { /* /proc and friends answer 0 */
                        range = false;
                        continue;
                }
                if (n <= 0)
                        return (int)n;
                for (ssize_t at = 0; !range && at < n;) {
                        ssize_t w = write(out, chunk + at, (size_t)(n - at));
                        if (w < 0 && errno != EINTR)
                                return -1;
                        at += w > 0 ? w : 0;
                }
                done += (uint64_t)n;
        }
}

static bool may_link(const struct tree_copy *c, const struct stat *st)
{
        return !c->fresh && !(st->st_mode & 07000);
}

static int copy_file(struct tree_copy *c, int from, const char *name, int link_dir, int to,
                     const char *to_name)
{
        struct stat st, other;
        int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (in < 0 || fstat(in, &st) < 0)
                goto fail;
        c->bytes += (uint64_t)st.st_size;
        if (c->max_bytes && c->bytes > c->max_bytes) {
                errno = EFBIG;
                goto fail;
        }
        if (link_dir >= 0 && may_link(c, &st) &&
            fstatat(link_dir, name, &other, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(other.st_mode) &&
            linkat(link_dir, name, to, to_name, 0) == 0) {
                close(in);
                return 0;
        }
        int out = openat(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (out < 0)
                goto fail;
        const struct timespec times[2] = {st.st_mtim, st.st_mtim};
        int rc = copy_bytes(in, out, (uint64_t)st.st_size);
        if (rc == 0 && fchmod(out, st.st_mode & 0777) == 0)
                rc = futimens(out, times);
        int err = errno;
        close(out);
        errno = err;
        if (rc == 0) {
                close(in);
                return 0;
        }
fail:;
        int keep = errno;
        if (in >= 0)
                close(in);
        errno = keep;
        return -1;
}

static int copy_link(int from, const char *name, int to, const char *to_name)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
        if (n < 0)
                return -1;
        target[n] = '\0';
        return symlinkat(target, to, to_name);
}

struct place { /* for the words of an error */
        const struct place *up;
        const char *name;
};

static int failed(const struct place *p, struct err *e)
{
        char path[PATH_MAX];
        size_t at = sizeof(path) - 1;
        int num = errno;
        path[at] = '\0';
        for (; p; p = p->up) {
                size_t n = strlen(p->name);
                if (n + 1 > at)
                        break;
                if (path[at])
                        path[--at] = '/';
                memcpy(path + (at -= n), p->name, n);
        }
        if (num == EFBIG)
                return err_set(e, ERR_LIMIT, "%s: too many bytes", path + at);
        if (num == E2BIG)
                return err_set(e, ERR_LIMIT, "%s: too many files", path + at);
        if (num == ELOOP)
                return err_set(e, ERR_LIMIT, "%s: folders are nested too deeply", path + at);
        return err_errno(e, num, "%s", path + at);
}

static int copy_any(struct tree_copy *c, int from, int link_dir, int to, const char *to_name,
                    unsigned depth, const struct place *here, struct err *e);

static int copy_folder(struct tree_copy *c, int from, int link_dir, int to, const struct stat *st,
                       unsigned depth, const struct place *here, struct err *e)
{
        DIR *d = fdopendir(from);
        if (!d) {
                failed(here, e);
                close(from);
                return -1;
        }
        int rc = 0;
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
                struct place below = {here, ent->d_name};
                if (!is_dot(ent->d_name))
                        rc = copy_any(c, from, link_dir, to, ent->d_name, depth + 1, &below, e);
        }
        closedir(d);
        if (rc == 0 && fchmod(to, st->st_mode & 0777) < 0)
                rc = failed(here, e);
        return rc;
}

static int enter_folder(struct tree_copy *c, int from, int link_dir, int to, const char *to_name,
                        const struct stat *st, unsigned depth, const struct place *here,
                        struct err *e)
{
        errno = ELOOP;
        if (depth > TREE_DEPTH_MAX || mkdirat(to, to_name, 0700) < 0)
                return failed(here, e);
        int in = openat(from, here->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int out = openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (in < 0 || out < 0) {
                failed(here, e);
                if (in >= 0)
                        close(in);
                if (out >= 0)
                        close(out);
                return -1;
        }
        int link = link_dir < 0 ? -1
                                : openat(link_dir, here->name,
                                         O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int rc = copy_folder(c, in, link, out, st, depth, here, e);
        close(out);
        if (link >= 0)
                close(link);
        return rc;
}

static int copy_any(struct tree_copy *c, int from, int link_dir, int to, const char *to_name,
                    unsigned depth, const struct place *here, struct err *e)
{
        struct stat st;
        if (fstatat(from, here->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return failed(here, e);
        c->entries++;
        errno = E2BIG;
        if (c->max_entries && c->entries > c->max_entries)
                return failed(here, e);
        int rc = 0;
        if (S_ISDIR(st.st_mode))
                return enter_folder(c, from, link_dir, to, to_name, &st, depth, here, e);
        if (S_ISREG(st.st_mode))
                rc = copy_file(c, from, here->name, link_dir, to, to_name);
        else if (S_ISLNK(st.st_mode))
                rc = copy_link(from, here->name, to, to_name);
        return rc < 0 ? failed(here, e) : 0;
}

int tree_copy(struct tree_copy *c, int from_dir, const char *from, int to_dir, const char *to,
              struct err *e)
{
        struct place top = {NULL, from};
        return copy_any(c, from_dir, c->link_dir, to_dir, to, 0, &top, e);
}

static int sync_any(int dir, const char *name)
{
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ELOOP ? 0 : -1;
        struct stat st;
        int rc = fstat(fd, &st) < 0 ? -1 : fsync(fd);
        if (rc < 0 || !S_ISDIR(st.st_mode)) {
                close(fd);
                return rc;
        }
        DIR *d = fdopendir(fd);
        for (struct dirent *ent; d && rc == 0 && (ent = readdir(d));)
                if (!is_dot(ent->d_name))
                        rc = sync_any(fd, ent->d_name);
        if (d)
                closedir(d);
        return rc;
}

int tree_sync(int dir, const char *name, uint32_t entries, struct err *e)
{
        enum { FEW = 32 };
        int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* `dir` may be O_PATH */
        int rc = fd < 0 ? -1 : entries > FEW ? syncfs(fd) : sync_any(fd, name);
        if (rc == 0 && entries <= FEW)
                rc = fsync(fd);
        int err = errno;
        if (fd >= 0)
                close(fd);
        return rc < 0 ? err_errno(e, err, "flush %s", name) : 0;
}

/* ---- kinds ---- */

const char *tree_kind(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG: return "a file";
        case S_IFDIR: return "a folder";
        case S_IFLNK: return "a link";
        case S_IFIFO: return "a fifo";
        case S_IFSOCK: return "a socket";
        default: return "a device";
        }
}

int tree_check_data(int dir, const char *name, struct err *e)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(e, errno, "%s", name);
        if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
                return 0;
        return err_set(e, ERR_DENIED, "%s is %s: only files and folders are artifacts", name,
                       tree_kind(st.st_mode));
}
