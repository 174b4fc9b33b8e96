/* workflow/executor/volumes.c: volumes of the template, mounted into the new root before it becomes
 * ours.
 *
 * A volume is cloned as a detached tree (open_tree), made read-only if asked, and moved to its
 * place, which is resolved inside the new root: no path of the template can lead elsewhere.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
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

/* ---- made once for a pod ---- */

static void volume_name(uint64_t index, char out[32])
{
        snprintf(out, 32, "v%llu", (unsigned long long)index);
}

/* A group of its own that may write: fsGroup. */
static int share(const struct pod *p, int fd)
{
        if (p->spec.fs_group == UINT64_MAX || p->x->host.user || geteuid() != 0)
                return 0;
        struct stat st;
        if (fstat(fd, &st) < 0 || fchown(fd, (uid_t)-1, (gid_t)p->spec.fs_group) < 0)
                return -1;
        return fchmod(fd, (st.st_mode & 0777) | 02070);
}

static int mount_memory(const char *path, uint64_t size, mode_t mode)
{
        char options[64];
        int n = snprintf(options, sizeof(options), "mode=%04o", mode);
        if (size)
                snprintf(options + n, sizeof(options) - (size_t)n, ",size=%llu",
                         (unsigned long long)size);
        return mount("tiphys", path, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

/* emptyDir, in memory or not, and volumes of files: a folder of the slot. */
static int make_in_slot(struct pod *p, uint64_t index, struct wire v, struct err *e)
{
        char name[32], path[96];
        uint64_t kind = wire_find_u64(v, V_KIND, VOLUME_EMPTY);
        bool memory = kind != VOLUME_EMPTY;
        mode_t mode = kind == VOLUME_FILES ? 0755 : 0777;
        volume_name(index, name);
        snprintf(path, sizeof(path), "%s/%s", p->slot_at, name);
        if ((mkdirat(p->dir, name, mode) < 0 && errno != EEXIST) ||
            fchmodat(p->dir, name, mode, 0) < 0 ||
            (memory && mount_memory(path, wire_find_u64(v, V_SIZE, 0), mode) < 0))
                return err_errno(e, errno, "%s", memory ? "tmpfs" : "emptyDir");
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int rc = fd < 0 || share(p, fd) < 0 ? err_errno(e, errno, "%s", name) : 0;
        if (rc == 0 && kind == VOLUME_FILES)
                rc = files_make(p, fd, v, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

/* A claim is a folder of the data directory that stays: <data>/volumes/<namespace>/<claim>. */
static int open_claim(const struct pod *p, struct wire v, struct err *e)
{
        const char *key = wire_find_str(v, V_PATH);
        int data = open("..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = data < 0 || !key ? -1 : tree_mkdirs(data, key, 0777, TREE_NO_LINKS, -1);
        if (fd >= 0)
                close(fd);
        fd = fd < 0 ? -1 : tree_open(data, key, O_RDONLY | O_DIRECTORY, 0, TREE_NO_LINKS);
        struct stat st;
        bool good = fd >= 0 && fstat(fd, &st) == 0 &&
                    (st.st_mode & 0002 || fchmod(fd, 0777) == 0) && share(p, fd) == 0;
        int err = errno;
        if (data >= 0)
                close(data);
        if (good)
                return fd;
        if (fd >= 0)
                close(fd);
        return err_errno(e, err, "the folder of the claim");
}

int volumes_make(struct pod *p, struct err *e)
{
        uint64_t i = 0;
        for (struct wire w = p->spec.all; wire_find(&w, S_VOLUME); i++) {
                struct wire v = wire_group(&w);
                uint64_t kind = wire_find_u64(v, V_KIND, VOLUME_EMPTY);
                bool in_slot = kind != VOLUME_HOST_PATH && kind != VOLUME_CLAIM;
                if (in_slot && make_in_slot(p, i, v, e) < 0)
                        return err_wrap(e, "volume \"%s\"", wire_find_str(v, V_NAME));
        }
        return 0;
}

/* ---- mounted into each container ---- */

static int open_volume(const struct pod *p, uint64_t index, struct wire *v, struct err *e)
{
        uint64_t i = 0;
        char name[32], path[96];
        for (struct wire w = p->spec.all; wire_find(&w, S_VOLUME); i++) {
                if (i != index)
                        continue;
                *v = wire_group(&w);
                uint64_t kind = wire_find_u64(*v, V_KIND, VOLUME_EMPTY);
                if (kind == VOLUME_HOST_PATH)
                        return open_host_path(wire_find_str(*v, V_PATH), wire_find_str(*v, V_CHECK),
                                              e);
                if (kind == VOLUME_CLAIM)
                        return open_claim(p, *v, e);
                volume_name(index, name);
                snprintf(path, sizeof(path), "%s/%s", p->slot_at, name);
                int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                return fd < 0 ? err_errno(e, errno, "%s", path) : fd;
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

/* subPathExpr: $(NAME) is a variable of the container, and must be one. Heap, or NULL. */
static char *expand_subpath(const struct spec *s, const char *text, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(PATH_MAX);
        while (*text) {
                const char *open = strstr(text, "$("), *close = open ? strchr(open, ')') : NULL;
                if (!close) {
                        buf_adds(&b, text);
                        break;
                }
                AUTO(mem_free) char *name = mem_strndup(open + 2, (size_t)(close - open - 2));
                const char *value = spec_env(s, name);
                if (!value) {
                        err_set(e, ERR_INVALID, "subPathExpr: there is no variable %s", name);
                        return NULL;
                }
                buf_add(&b, text, (size_t)(open - text));
                buf_adds(&b, value);
                text = close + 1;
        }
        if (!b.overflow)
                return mem_strdup(buf_str(&b));
        err_set(e, ERR_LIMIT, "subPathExpr: too long");
        return NULL;
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
        const char *path = wire_find_str(m, M_PATH);
        struct wire v = {0};
        struct stat st;
        int target = -1, source = open_volume(p, wire_find_u64(m, M_VOLUME, 0), &v, e);
        bool read_only = wire_find_u64(m, M_READ_ONLY, 0) ||
                         wire_find_u64(v, V_KIND, VOLUME_EMPTY) == VOLUME_FILES;
        const char *name = wire_find_str(v, V_NAME);
        const char *sub = wire_find_str(m, M_SUBPATH), *expr = wire_find_str(m, M_SUBPATH_EXPR);
        AUTO(mem_free) char *expanded = expr ? expand_subpath(&p->spec, expr, e) : NULL;
        if (source >= 0 && expr && !expanded) {
                close(source);
                source = -1;
        }
        if (source >= 0)
                source = enter_subpath(source, expr ? expanded : sub, e);
        if (source >= 0 && fstat(source, &st) == 0)
                target = mount_target(root, path, S_ISDIR(st.st_mode), e);
        int rc = target < 0 ? -1 : mount_attach(source, target, read_only);
        if (rc < 0 && !err_is_set(e))
                err_errno(e, errno, "mount at %s", path);
        if (source >= 0)
                close(source);
        if (target >= 0)
                close(target);
        return rc < 0 ? err_wrap(e, "volume \"%s\"", name ? name : "") : 0;
}

int volumes_mount(struct pod *p, struct err *e)
{
        int root = -1, rc = 0;
        for (struct wire w = p->spec.own; rc == 0 && wire_find(&w, S_MOUNT);) {
                if (root < 0)
                        root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
                rc = mount_one(p, root, wire_group(&w), e);
        }
        if (root >= 0)
                close(root);
        return rc;
}
