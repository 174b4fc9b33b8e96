/* common/base/fs_remove.c: removing a tree somebody else may have built: no link is followed, and
 * the depth of recursion is bounded: what lies too deep is moved up to the top of the tree, which
 * is then gone through again. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 32 };

struct removal {
        int top_fd;
        bool moved; /* something was moved to the top: go through it again */
        const char *path;
        struct err *e;
};

static int open_folder(int at, const char *name)
{
        int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != EACCES)
                return fd;
        /* a folder its owner closed (module caches do): open it up without following anything */
        int handle = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (handle < 0)
                return -1;
        char link[40];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", handle);
        fd = chmod(link, 0700) == 0 ? openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        int why = errno;
        close(handle);
        errno = why;
        return fd;
}

static int move_up(struct removal *r, int at, const char *name)
{
        char fresh[32] = "tiphys-removed-";
        rand_suffix(fresh + strlen(fresh), 12);
        r->moved = true;
        return renameat(at, name, r->top_fd, fresh);
}

static int empty_folder(struct removal *r, int fd, int depth);

static int remove_entry(struct removal *r, int at, const char *name, int depth)
{
        if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
                return 0;
        int why = errno;
        if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno == ENOTDIR)
                return err_errno(r->e, why, "remove %s/.../%s", r->path, name);
        if (depth == DEPTH_MAX) {
                if (move_up(r, at, name) == 0)
                        return 0;
                return err_errno(r->e, errno, "remove %s/.../%s", r->path, name);
        }
        int fd = open_folder(at, name);
        if (fd < 0)
                return err_errno(r->e, errno, "remove %s/.../%s", r->path, name);
        if (empty_folder(r, fd, depth + 1) < 0) /* closes fd */
                return -1;
        if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return err_errno(r->e, errno, "remove %s/.../%s", r->path, name);
}

/* Owns fd. */
static int empty_folder(struct removal *r, int fd, int depth)
{
        DIR *dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return err_errno(r->e, errno, "read a folder of %s", r->path);
        }
        if (fchmod(fd, 0700) < 0 && errno != EPERM && errno != EROFS) {
                closedir(dir);
                return err_errno(r->e, errno, "open up a folder of %s", r->path);
        }
        int result = 0;
        const struct dirent *entry;
        while (result == 0 && (entry = readdir(dir)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        result = remove_entry(r, fd, entry->d_name, depth);
        closedir(dir);
        return result;
}

static int empty_top(struct removal *r)
{
        do {
                r->moved = false;
                int fd = openat(r->top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return err_errno(r->e, errno, "remove %s", r->path);
                if (empty_folder(r, fd, 0) < 0)
                        return -1;
        } while (r->moved);
        return 0;
}

int fs_remove_tree(const char *path, struct err *e)
{
        if (unlink(path) == 0 || errno == ENOENT)
                return 0;
        int why = errno;
        if (rmdir(path) == 0)
                return 0;
        if (errno == ENOTDIR)
                return err_errno(e, why, "remove %s", path);
        struct removal r = {.path = path, .e = e, .top_fd = open_folder(AT_FDCWD, path)};
        if (r.top_fd < 0)
                return err_errno(e, errno, "remove %s", path);
        int result = empty_top(&r);
        close(r.top_fd);
        if (result == 0 && rmdir(path) < 0 && errno != ENOENT)
                return err_errno(e, errno, "remove %s", path);
        return result;
}
