/* workflow/executor/volumes.c: volumes of the template, mounted into the new root before it becomes
 * ours.
 *
 * A volume is cloned as a detached tree (open_tree), made read-only if asked, and moved to its
 * place, which is resolved inside the new root: no path of the template can lead elsewhere.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/host.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool fits(const char *check, mode_t mode)
{
        if (str_starts(check, "Directory"))
                return S_ISDIR(mode);
        if (str_starts(check, "File"))
                return S_ISREG(mode);
        if (streq(check, "Socket"))
                return S_ISSOCK(mode);
        if (streq(check, "CharDevice"))
                return S_ISCHR(mode);
        return streq(check, "BlockDevice") ? S_ISBLK(mode) : !*check;
}

static int create_host_path(const char *path, const char *check)
{
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        const char *name;
        if (root < 0)
                return -1;
        if (streq(check, "FileOrCreate")) {
                int dir = tree_parent(root, path, &name, TREE_IN_ROOT, -1);
                fd = dir < 0 ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                if (dir >= 0)
                        close(dir);
        } else {
                fd = tree_mkdirs(root, path, 0755, TREE_IN_ROOT, -1);
        }
        int err = errno;
        close(root);
        if (fd >= 0)
                close(fd);
        errno = err;
        return fd < 0 ? -1 : 0;
}

/* Kubernetes' types: without one the folder is made when it is absent, as container engines do. */
static int open_host_path(const char *path, const char *check, struct err *e)
{
        struct stat st;
        check = check ? check : "";
        bool create = !*check || str_ends(check, "OrCreate");
        if (create && access(path, F_OK) < 0 && errno == ENOENT &&
            create_host_path(path, check) < 0)
                return err_errno(e, errno, "hostPath %s cannot be made", path);
        int fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(e, errno, "hostPath %s", path);
        if (fits(check, st.st_mode))
                return fd;
        close(fd);
        return err_set(e, ERR_INVALID, "hostPath %s is not of type %s", path, check);
}

static int open_empty(const struct pod *p, uint64_t index, bool memory, struct err *e)
{
        char name[32], path[NAME_MAX + 64];
        snprintf(name, sizeof(name), "v%llu", (unsigned long long)index);
        snprintf(path, sizeof(path), "%s/%s", p->slot_at, name);
        int made = mkdirat(p->dir, name, 0777);
        if ((made < 0 && errno != EEXIST) || fchmodat(p->dir, name, 0777, 0) < 0)
                return err_errno(e, errno, "emptyDir");
        if (made == 0 && memory &&
            mount("tiphys", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0777") < 0)
                return err_errno(e, errno, "emptyDir in memory");
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? err_errno(e, errno, "emptyDir") : fd;
}

static int open_volume(const struct pod *p, uint64_t index, const char **name, struct err *e)
{
        uint64_t i = 0;
        for (struct wire w = p->spec.all; wire_find(&w, S_VOLUME); i++) {
                if (i != index)
                        continue;
                struct wire v = wire_group(&w);
                uint64_t kind = wire_find_u64(v, V_KIND, VOLUME_EMPTY);
                *name = wire_find_str(v, V_NAME);
                if (kind == VOLUME_HOST_PATH)
                        return open_host_path(wire_find_str(v, V_PATH), wire_find_str(v, V_CHECK),
                                              e);
                return open_empty(p, index, kind == VOLUME_MEMORY, e);
        }
        return err_set(e, ERR_INTERNAL, "no volume %llu", (unsigned long long)index);
}

/* The part of a volume that subPath names; a folder that is not there yet is made. Links must not
 * lead there. */
static int enter_subpath(int volume, const char *sub, struct err *e)
{
        if (!sub || !*sub)
                return volume;
        int fd = tree_open(volume, sub, O_PATH, 0, TREE_NO_LINKS);
        if (fd < 0 && errno == ENOENT)
                fd = tree_mkdirs(volume, sub, 0755, TREE_NO_LINKS, -1);
        int err = errno;
        close(volume);
        return fd < 0 ? err_errno(e, err, "subPath %s", sub) : fd;
}

int mount_target(int root, const char *path, bool folder, struct err *e)
{
        const char *name;
        int fd;
        if (folder) {
                fd = tree_mkdirs(root, path, 0755, TREE_IN_ROOT, -1);
        } else {
                int dir = tree_parent(root, path, &name, TREE_IN_ROOT, -1);
                int made = dir < 0 ? -1
                                   : openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                                            0644);
                if (made >= 0)
                        close(made);
                if (dir >= 0)
                        close(dir);
                fd = tree_open(root, path, O_PATH, 0, TREE_IN_ROOT);
        }
        return fd < 0 ? err_errno(e, errno, "mountPath %s", path) : fd;
}

int mount_attach(int source, int target, bool read_only)
{
        struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
        int tree = (int)syscall(SYS_open_tree, source, "",
                                AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        int rc = tree < 0 ? -1 : 0;
        if (rc == 0 && read_only)
                rc = (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro,
                                  sizeof(ro));
        if (rc == 0)
                rc = (int)syscall(SYS_move_mount, tree, "", target, "",
                                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        int err = errno;
        if (tree >= 0)
                close(tree);
        errno = err;
        return rc;
}

static int mount_one(const struct pod *p, int root, struct wire m, struct err *e)
{
        const char *path = wire_find_str(m, M_PATH), *name = "";
        struct stat st;
        int target = -1, source = open_volume(p, wire_find_u64(m, M_VOLUME, 0), &name, e);
        if (source >= 0)
                source = enter_subpath(source, wire_find_str(m, M_SUBPATH), e);
        if (source >= 0 && fstat(source, &st) == 0)
                target = mount_target(root, path, S_ISDIR(st.st_mode), e);
        int rc = target < 0 ? -1 : mount_attach(source, target, wire_find_u64(m, M_READ_ONLY, 0));
        if (rc < 0 && !err_is_set(e))
                err_errno(e, errno, "mount at %s", path);
        if (source >= 0)
                close(source);
        if (target >= 0)
                close(target);
        return rc < 0 ? err_wrap(e, "volume \"%s\"", name) : 0;
}

int volumes_mount(struct pod *p, struct err *e)
{
        int root = -1, rc = 0;
        for (struct wire w = p->spec.all; rc == 0 && wire_find(&w, S_MOUNT);) {
                if (root < 0)
                        root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
                rc = mount_one(p, root, wire_group(&w), e);
        }
        if (root >= 0)
                close(root);
        return rc;
}
