/* workflow/executor/files.c: a volume of files that came with the request (ConfigMap, Secret,
 * projected, downwardAPI): on a tmpfs, so that secrets never reach a disk. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_whole(int fd, const char *at, size_t left)
{
        while (left) {
                ssize_t n = write(fd, at, left);
                if (n < 0 && errno != EINTR)
                        return -1;
                at += n > 0 ? n : 0;
                left -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int make_one(const struct pod *p, int dir, struct wire file, mode_t mode, struct err *e)
{
        const char *path = wire_find_str(file, F_PATH), *name;
        struct wire data = file;
        bool has_data = wire_find(&data, F_DATA);
        mode = (mode_t)wire_find_u64(file, F_MODE, mode) & 0777;
        if (!path || !tree_key_valid(path))
                return err_set(e, ERR_INVALID, "\"%s\" must be a relative path without \"..\"",
                               path ? path : "");
        int parent = tree_parent(dir, path, &name, TREE_NO_LINKS, -1);
        int fd = parent < 0 ? -1
                            : openat(parent, name,
                                     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        bool good = fd >= 0 && (!has_data || write_whole(fd, data.data, data.n) == 0);
        if (good && p->spec.fs_group != UINT64_MAX)
                good = fchown(fd, (uid_t)-1, (gid_t)p->spec.fs_group) == 0;
        good = good && fchmod(fd, p->spec.fs_group == UINT64_MAX ? mode : mode | 0440) == 0;
        int rc = good ? 0 : err_errno(e, errno, "file %s", path);
        if (fd >= 0)
                close(fd);
        if (parent >= 0)
                close(parent);
        return rc;
}

int files_make(struct pod *p, int dir, struct wire volume, struct err *e)
{
        mode_t mode = (mode_t)wire_find_u64(volume, V_MODE, 0644);
        for (struct wire w = volume; wire_find(&w, V_FILE);)
                if (make_one(p, dir, wire_group(&w), mode, e) < 0)
                        return -1;
        return 0;
}
