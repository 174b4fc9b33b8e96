/* workflow/executor/host.c: what the zygote prepares once, in a mount namespace of its own, so that
 * a sandbox costs few calls.
 *
 *   <data>/sandbox   a tmpfs that only we see (it goes with the last of our processes):
 *     root/          where each sandbox mounts its overlay, in its own namespace
 *     skel/          lower layer over the host's root: a minimal /dev, an empty /tmp and /run
 * (opaque: what the host has there is not seen), and nothing in place of the data directory
 *     iskel/         the same over an image
 *     keep/          read-only pieces of /proc and /sys, bound into each sandbox with one call each
 *
 * Without root everything happens in a user namespace in which we are root; there device nodes
 * cannot be made and "/" is no lower layer, see sandbox.c. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/executor/host.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HINT_NONE "or use --isolation=none (steps then see and change the host's files)"

const char *const host_devices[] = {"null", "zero", "full", "random", "urandom", "tty", NULL};
/* Writable by uid 0 whatever its capabilities, and not private to a sandbox: seen read-only. */
const char *const host_keep[] = {"sys", "sysrq-trigger", "irq", "bus", "fs", NULL};

static int write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
        int err = errno;
        if (fd >= 0)
                close(fd);
        errno = err;
        return n < 0 ? -1 : 0;
}

static int enter_user_namespace(struct err *e)
{
        char uid[64], gid[64];
        snprintf(uid, sizeof(uid), "0 %u 1", geteuid());
        snprintf(gid, sizeof(gid), "0 %u 1", getegid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return err_errno(e, errno,
                                 "no sandboxes: unshare(CLONE_NEWUSER) was refused. Run as root, "
                                 "or allow user namespaces (sysctl "
                                 "kernel.unprivileged_userns_clone=1 on Debian, "
                                 "kernel.apparmor_restrict_unprivileged_userns=0 "
                                 "on Ubuntu, user.max_user_namespaces above 0; in a container: a "
                                 "seccomp profile that lets unshare pass), " HINT_NONE);
        if (write_text("/proc/self/setgroups", "deny") < 0 ||
            write_text("/proc/self/uid_map", uid) < 0 || write_text("/proc/self/gid_map", gid) < 0)
                return err_errno(e, errno,
                                 "no sandboxes: /proc/self/uid_map cannot be written. Run as "
                                 "root, " HINT_NONE);
        return 0;
}

static int enter_namespaces(struct host *h, struct err *e)
{
        h->user = geteuid() != 0 ||
                  unshare(CLONE_NEWNS) <
                          0; /* root without CAP_SYS_ADMIN, as in containers, is no root */
        if (h->user && enter_user_namespace(e) < 0)
                return -1;
        /* Mounts of the host still reach us, ours never reach the host. */
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return err_errno(e, errno,
                                 "no sandboxes: mount(MS_SLAVE, \"/\") was refused; allow mounts "
                                 "(CAP_SYS_ADMIN), " HINT_NONE);
        return 0;
}

static int make_base(struct host *h, const char *data_dir, struct err *e)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/sandbox", data_dir);
        if ((mkdir(path, 0700) < 0 && errno != EEXIST) ||
            mount("tiphys", path, "tmpfs", MS_NOSUID, "mode=0755") < 0)
                return err_errno(e, errno,
                                 "no sandboxes: mount(tmpfs, %s) was refused; allow mounts "
                                 "(CAP_SYS_ADMIN), " HINT_NONE,
                                 path);
        h->base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (h->base < 0 || fchdir(h->base) < 0 || mkdirat(h->base, "root", 0755) < 0 ||
            mkdirat(h->base, "skel", 0755) < 0 || mkdirat(h->base, "iskel", 0755) < 0 ||
            mkdirat(h->base, "keep", 0755) < 0 || mkdirat(h->base, "inputs", 0755) < 0 ||
            mkdirat(h->base, "layers", 0700) < 0)
                return err_errno(e, errno, "%s", path);
        return 0;
}

/* ---- the layer over the host's root ---- */

static int make_folder(int dir, const char *name, mode_t mode, bool opaque)
{
        if (mkdirat(dir, name, 0700) < 0 || fchmodat(dir, name, mode, 0) < 0)
                return -1;
        if (!opaque)
                return 0;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int rc = fd < 0 ? -1 : fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int make_devices(int dev)
{
        static const struct {
                const char *name;
                unsigned major, minor;
        } nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
        for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
                if (mknodat(dev, nodes[i].name, S_IFCHR | 0666,
                            makedev(nodes[i].major, nodes[i].minor)) < 0 ||
                    fchmodat(dev, nodes[i].name, 0666, 0) < 0)
                        return -1;
        return 0;
}

int host_dev_links(int dev)
{
        int log = openat(dev, "termination-log", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (log < 0 || fchmod(log, 0666) < 0)
                return -1;
        close(log);
        if (make_folder(dev, "shm", 01777, false) < 0)
                return -1;
        return symlinkat("/proc/self/fd", dev, "fd") < 0 ||
                               symlinkat("/proc/self/fd/0", dev, "stdin") < 0 ||
                               symlinkat("/proc/self/fd/1", dev, "stdout") < 0 ||
                               symlinkat("/proc/self/fd/2", dev, "stderr") < 0
                       ? -1
                       : 0;
}

/* The data directory holds secrets and everybody's artifacts: in its place stands an empty folder.
 */
static int hide_data_dir(int skel, const char *data_dir)
{
        static const char *const hidden[] = {"/tmp/", "/run/", "/dev/", NULL};
        for (const char *const *h = hidden; *h; h++)
                if (str_starts(data_dir, *h))
                        return 0;
        const char *name;
        int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int parent = host < 0 ? -1 : tree_parent(skel, data_dir, &name, TREE_NO_LINKS, host);
        int rc = parent < 0 ? -1 : make_folder(parent, name, 0555, true);
        if (parent >= 0)
                close(parent);
        if (host >= 0)
                close(host);
        return rc;
}

/* Over an image there is less to hide: what it has in /run is its own. In a user namespace devices
 * are bound later. */
static int make_image_skeleton(const struct host *h, struct err *e)
{
        int skel = openat(h->base, "iskel", O_RDONLY | O_DIRECTORY | O_CLOEXEC), dev = -1;
        int rc = skel < 0 || make_folder(skel, "dev", 0755, !h->user) < 0 ||
                 make_folder(skel, "tmp", 01777, !h->user) < 0 ||
                 make_folder(skel, "proc", 0555, !h->user) < 0 ||
                 make_folder(skel, "sys", 0555, !h->user) < 0;
        if (!rc && !h->user) {
                dev = openat(skel, "dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                rc = dev < 0 || make_devices(dev) < 0 || host_dev_links(dev) < 0;
        }
        if (rc)
                err_errno(e, errno, "no sandboxes: the folders of an image cannot be prepared");
        if (dev >= 0)
                close(dev);
        if (skel >= 0)
                close(skel);
        return rc ? -1 : 0;
}

static int make_skeleton(struct host *h, const char *data_dir, struct err *e)
{
        int skel = openat(h->base, "skel", O_RDONLY | O_DIRECTORY | O_CLOEXEC), dev = -1;
        int rc = skel < 0 || make_folder(skel, "dev", 0755, true) < 0 ||
                 make_folder(skel, "tmp", 01777, true) < 0 ||
                 make_folder(skel, "run", 0755, true) < 0 ||
                 make_folder(skel, "proc", 0555, true) < 0 ||
                 make_folder(skel, "sys", 0555, true) < 0;
        if (!rc)
                dev = openat(skel, "dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = rc || dev < 0 || make_devices(dev) < 0 || host_dev_links(dev) < 0 ||
             hide_data_dir(skel, data_dir) < 0;
        if (rc)
                err_errno(e, errno,
                          "no sandboxes: the folders of a sandbox cannot be prepared (mknod, "
                          "trusted.* attributes on tmpfs); "
                          "allow CAP_MKNOD and CAP_SYS_ADMIN, " HINT_NONE);
        if (dev >= 0)
                close(dev);
        if (skel >= 0)
                close(skel);
        return rc ? -1 : 0;
}

/* ---- pieces of /proc and /sys ---- */

static int keep_read_only(int base, const char *source, const char *name)
{
        char target[64];
        struct stat st;
        snprintf(target, sizeof(target), "keep/%s", name);
        if (stat(source, &st) < 0)
                return 0; /* this kernel has none */
        if (S_ISDIR(st.st_mode) ? mkdirat(base, target, 0755) < 0
                                : mknodat(base, target, S_IFREG | 0644, 0) < 0)
                return -1;
        if (mount(source, target, NULL, MS_BIND, NULL) < 0)
                return -1;
        return mount(NULL, target, NULL,
                     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int keep_pieces(struct host *h, struct err *e)
{
        char source[64];
        for (const char *const *k = host_keep; *k; k++) {
                snprintf(source, sizeof(source), "/proc/%s", *k);
                if (keep_read_only(h->base, source, *k) < 0)
                        return err_errno(e, errno,
                                         "no sandboxes: a read-only view of %s was refused; allow "
                                         "mounts, " HINT_NONE,
                                         source);
        }
        if (keep_read_only(h->base, "/sys", "sysfs") < 0)
                return err_errno(e, errno,
                                 "no sandboxes: a read-only view of /sys was refused; allow "
                                 "mounts, " HINT_NONE);
        return 0;
}

/* ---- other file systems of the host ---- */

static bool holds_data(const char *type)
{
        static const char *const kinds[] = {
                "ext2",     "ext3", "ext4",    "xfs",  "btrfs",    "zfs",   "f2fs",
                "bcachefs", "nfs",  "nfs4",    "jfs",  "reiserfs", "erofs", "squashfs",
                "virtiofs", "9p",   "fuseblk", "ceph", "vfat",     "exfat", "overlay"};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (streq(kinds[i], type))
                        return true;
        return false;
}

static bool covered(const char *path)
{
        static const char *const ours[] = {"/dev", "/proc", "/sys", "/run", "/tmp"};
        for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
                size_t n = strlen(ours[i]);
                if (strncmp(path, ours[i], n) == 0 && (path[n] == '/' || !path[n]))
                        return true;
        }
        return false;
}

static void unescape(char *s)
{
        char *to = s;
        for (; *s; s++) {
                unsigned c;
                if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
                        *to++ = (char)c;
                        s += 3;
                } else {
                        *to++ = *s;
                }
        }
        *to = '\0';
}

/* An overlay over "/" shows that file system only, not what is mounted in it: /home, /usr and the
 * like get overlays of their own. */
static void find_extra(struct host *h, const char *data_dir)
{
        FILE *f = fopen("/proc/self/mountinfo", "re");
        char line[4 * PATH_MAX], path[PATH_MAX], type[64];
        while (f && fgets(line, sizeof(line), f) && h->n_extra < (int)ARRAY_LEN(h->extra)) {
                const char *dash = strstr(line, " - ");
                struct stat st;
                if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1 ||
                    sscanf(dash, " - %63s", type) != 1)
                        continue;
                unescape(path);
                if (!path[1] || !holds_data(type) || covered(path) || str_starts(path, data_dir) ||
                    stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                bool known = false;
                for (int i = 0; i < h->n_extra; i++)
                        known = known || streq(h->extra[i], path);
                if (!known)
                        snprintf(h->extra[h->n_extra++], PATH_MAX, "%s", path);
        }
        if (f)
                fclose(f);
}

int host_prepare(struct executor *x, struct err *e)
{
        struct host *h = &x->host;
        if (enter_namespaces(h, e) < 0 || make_base(h, x->data_dir, e) < 0)
                return -1;
        if (make_image_skeleton(h, e) < 0)
                return -1;
        if (!h->user && (make_skeleton(h, x->data_dir, e) < 0 || keep_pieces(h, e) < 0))
                return -1;
        if (!h->user)
                find_extra(h, x->data_dir);
        bool limits = h->cgroups[LIMIT_MEMORY] >= 0 && h->cgroups[LIMIT_CPU] >= 0;
        snprintf(h->words, sizeof(h->words), "sandbox (%smount, pid, ipc, uts; overlay%s)",
                 h->user ? "user, " : "", limits ? "" : "; no resource limits: no cgroups here");
        h->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (h->mounts < 0)
                return err_errno(e, errno, "/proc/self/ns/mnt");
        /* Before Linux 6.6 a tmpfs has no user.* attributes, which an overlay in a user namespace
         * marks removed folders with. */
        h->in_memory = !h->user || fsetxattr(h->base, "user.tiphys", "1", 1, 0) == 0;
        return sandbox_try(x, e) < 0
                       ? err_wrap(e, "no sandboxes (use --isolation=none to do without)")
                       : 0;
}
