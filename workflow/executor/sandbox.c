/* workflow/executor/sandbox.c: one sandbox. We are already in new mount, pid, ipc and uts
 * namespaces, as pid 1.
 *
 * By root: one overlay: what main writes (upper, in the pod's scratch folder), the skeleton of
 * host.c, the host's root or an image. Then /proc, read-only pieces of it, /sys, the template's
 * volumes, and pivot_root. In a user namespace the kernel refuses "/" as a lower layer (its
 * submounts are locked), but takes its folders one by one: a tmpfs with one overlay for each.
 * "volatile" spares a flush of the whole disk at each end. The working folder is base (host.c) as
 * our namespace has it: descriptors from before the clone belong to the zygote's mounts, good for
 * files but not for mounting. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/executor/host.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAX = 4096 };

static int refused(struct err *e, const char *call, const char *what)
{
        return err_errno(e, errno, "sandbox: %s %s", call, what);
}

/* overlayfs reads "\:" and "\," in a path as plain characters. */
static void add_lower(struct buf *b, const char *path)
{
        for (; *path; path++) {
                if (strchr(":,\\", *path))
                        buf_addc(b, '\\');
                buf_addc(b, *path);
        }
}

/* Of an image, topmost first. */
static void add_layers(struct buf *b, struct wire own)
{
        for (int i = 0; wire_find(&own, S_LOWER); i++) {
                if (i)
                        buf_addc(b, ':');
                add_lower(b, own.data);
        }
}

struct overlay {
        const char *lower;        /* relative to base, or absolute; NULL: the layers of the image */
        const char *skel;         /* above it, or NULL */
        const char *upper, *work; /* in the scratch folder */
        const char *at;           /* mount point, relative to base */
};

static int mount_overlay(const struct pod *p, const struct overlay *o)
{
        const struct host *h = &p->x->host;
        AUTO_BUF struct buf b = BUF_INIT(OPTIONS_MAX - 1);
        buf_addf(&b, "%slowerdir=%s%s", h->user ? "userxattr," : "", o->skel ? o->skel : "",
                 o->skel ? ":" : "");
        if (o->lower)
                add_lower(&b, o->lower);
        else
                add_layers(&b, p->spec.own);
        buf_addf(&b, ",upperdir=%s/%s,workdir=%s/%s", p->layers_at, o->upper, p->layers_at,
                 o->work);
        size_t plain = b.len;
        buf_adds(&b, ",volatile");
        if (b.overflow) {
                errno = ENAMETOOLONG;
                return -1;
        }
        if (mount("overlay", o->at, "overlay", 0, b.data) == 0)
                return 0;
        if (errno != EINVAL)
                return -1;
        buf_truncate(&b, plain); /* a kernel before 5.10 */
        return mount("overlay", o->at, "overlay", 0, b.data);
}

int sandbox_overlay(const struct pod *p, const char *folder, const char *name, const char *at)
{
        char lower[64], upper[32], work[32];
        snprintf(lower, sizeof(lower), "%s/%s", folder, name);
        snprintf(upper, sizeof(upper), "u-%s", name);
        snprintf(work, sizeof(work), "w-%s", name);
        const struct overlay o = {lower, NULL, upper, work, at};
        if (mkdirat(p->layers, upper, 0755) < 0 || mkdirat(p->layers, work, 0755) < 0)
                return -1;
        return mount_overlay(p, &o);
}

/* In memory, or in the slot where memory cannot hold an upper layer; of one container of several in
 * a folder beneath. */
static int make_layers(struct pod *p, struct err *e)
{
        const struct host *h = &p->x->host;
        char own[16] = "";
        if (p->member >= 0)
                snprintf(own, sizeof(own), "/%d", p->member);
        if (h->in_memory)
                snprintf(p->layers_at, sizeof(p->layers_at), "layers/%llu%s",
                         (unsigned long long)p->worker, own);
        else
                snprintf(p->layers_at, sizeof(p->layers_at), "%s%s%s", p->slot_at, *own ? "/m" : "",
                         *own ? own + 1 : "");
        if ((h->in_memory || *own) && mkdir(p->layers_at, 0700) < 0)
                return refused(e, "mkdir", p->layers_at);
        p->layers = open(p->layers_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p->layers < 0 || mkdirat(p->layers, "u", 0755) < 0 || mkdirat(p->layers, "w", 0755) < 0)
                return refused(e, "mkdir", "upper and work folders");
        return 0;
}

static int bind(const char *from, const char *to)
{
        return mount(from, to, NULL, MS_BIND, NULL);
}

/* A tree of the host, submounts and all, read-only. */
static int bind_read_only(const char *from, const char *to)
{
        struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
        int fd = (int)syscall(SYS_open_tree, AT_FDCWD, from,
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        int rc = fd < 0 ? -1
                        : (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro,
                                       sizeof(ro));
        if (rc == 0)
                rc = (int)syscall(SYS_move_mount, fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
        if (fd >= 0)
                close(fd);
        return rc;
}

/* /tmp lies on the disk of the data directory: a step may write much there, and its outputs are
 * linked into the store. */
static int mount_tmp(const struct pod *p, struct err *e)
{
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", p->slot_at, p->tmp_name);
        return bind(path, "root/tmp") < 0 ? refused(e, "bind", "/tmp") : 0;
}

/* ---- by root ---- */

static int mount_proc_and_sys(const struct host *h, struct err *e)
{
        char from[64], to[64];
        struct stat st;
        if (mount("proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return refused(e, "mount", "/proc");
        for (const char *const *k = host_keep; *k; k++) {
                snprintf(from, sizeof(from), "keep/%s", *k);
                snprintf(to, sizeof(to), "root/proc/%s", *k);
                if (fstatat(h->base, from, &st, 0) == 0 && bind(from, to) < 0)
                        return refused(e, "bind", to);
        }
        return bind("keep/sysfs", "root/sys") < 0 ? refused(e, "bind", "/sys") : 0;
}

/* Another file system of the host: an overlay of its own; read-only where the kernel does not take
 * it as a lower layer. */
static int mount_extra(const struct pod *p, const char *path, int i, struct err *e)
{
        char upper[16], work[16], at[PATH_MAX + 8];
        snprintf(upper, sizeof(upper), "u%d", i);
        snprintf(work, sizeof(work), "w%d", i);
        snprintf(at, sizeof(at), "root%s", path);
        if (mkdirat(p->layers, upper, 0755) < 0 || mkdirat(p->layers, work, 0755) < 0)
                return refused(e, "mkdir", upper);
        const struct overlay o = {.lower = path, .upper = upper, .work = work, .at = at};
        if (mount_overlay(p, &o) < 0 && bind_read_only(path, at) < 0)
                return refused(e, "mount overlay of", path);
        return 0;
}

static int build_as_root(struct pod *p, struct err *e)
{
        const struct host *h = &p->x->host;
        bool host_root = !p->spec.layered && streq(p->spec.root, "/");
        const struct overlay o = {p->spec.layered ? NULL : p->spec.root,
                                  host_root ? "skel" : "iskel", "u", "w", "root"};
        if (make_layers(p, e) < 0)
                return -1;
        if (!h->in_memory)
                p->upper = openat(p->layers, "u", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (mount_overlay(p, &o) < 0)
                return refused(e, "mount overlay over",
                               p->spec.layered ? "the image" : p->spec.root);
        for (int i = 0; host_root && i < h->n_extra; i++)
                if (mount_extra(p, h->extra[i], i, e) < 0)
                        return -1;
        return mount_tmp(p, e) < 0 ? -1 : mount_proc_and_sys(h, e);
}

/* ---- in a user namespace ---- */

static bool left_out(const char *name)
{
        static const char *const names[] = {".",   "..",  "dev", "proc",
                                            "sys", "run", "tmp", "lost+found"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (streq(names[i], name))
                        return true;
        return false;
}

static int make_two(int dir, const char *name)
{
        char path[NAME_MAX + 4];
        snprintf(path, sizeof(path), "u/%s", name);
        int rc = mkdirat(dir, path, 0755);
        path[0] = 'w';
        return rc < 0 ? rc : mkdirat(dir, path, 0755);
}

/* A folder of the lower root: an overlay; where that is refused (something is mounted inside, or it
 * is not ours to read) the tree itself read-only; else it stays empty. */
static int take_folder(const struct pod *p, const char *name, const struct stat *st, struct err *e)
{
        char lower[2 * PATH_MAX], upper[NAME_MAX + 4], work[NAME_MAX + 4], at[NAME_MAX + 8];
        snprintf(lower, sizeof(lower), "%s/%s", streq(p->spec.root, "/") ? "" : p->spec.root, name);
        snprintf(upper, sizeof(upper), "u/%s", name);
        snprintf(work, sizeof(work), "w/%s", name);
        snprintf(at, sizeof(at), "root/%s", name);
        if (mkdir(at, st->st_mode & 0777) < 0 || make_two(p->layers, name) < 0)
                return refused(e, "mkdir", at);
        const struct overlay o = {.lower = lower, .upper = upper, .work = work, .at = at};
        if (mount_overlay(p, &o) < 0)
                (void)!bind_read_only(lower, at);
        return 0;
}

static int take_entry(const struct pod *p, int root, const char *name, struct err *e)
{
        char target[PATH_MAX], at[NAME_MAX + 8];
        struct stat st;
        if (left_out(name) || fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISDIR(st.st_mode))
                return take_folder(p, name, &st, e);
        ssize_t n = S_ISLNK(st.st_mode) ? readlinkat(root, name, target, sizeof(target) - 1) : -1;
        if (n <= 0)
                return 0;
        target[n] = '\0';
        snprintf(at, sizeof(at), "root/%s", name);
        return symlink(target, at) < 0 ? refused(e, "symlink", at) : 0;
}

static int take_root(const struct pod *p, struct err *e)
{
        int fd = open(p->spec.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return refused(e, "open", p->spec.root);
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));)
                rc = take_entry(p, fd, ent->d_name, e);
        closedir(d);
        return rc;
}

static int bind_devices(struct err *e)
{
        char from[64], to[64];
        for (const char *const *d = host_devices; *d; d++) {
                snprintf(from, sizeof(from), "/dev/%s", *d);
                snprintf(to, sizeof(to), "root/dev/%s", *d);
                int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
                if (fd >= 0)
                        close(fd);
                if (bind(from, to) < 0 && errno != ENOENT)
                        return refused(e, "bind", from);
        }
        int dev = open("root/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int rc = dev < 0 ? -1 : host_dev_links(dev);
        if (dev >= 0)
                close(dev);
        return rc < 0 ? refused(e, "make", "/dev") : 0;
}

/* The host's root, or an unpacked one: folder by folder. */
static int take_folders(struct pod *p, struct err *e)
{
        static const char *const folders[] = {"root/dev", "root/proc", "root/sys", "root/run",
                                              "root/tmp"};
        if (mount("tiphys", "root", "tmpfs", MS_NOSUID, "mode=0755") < 0)
                return refused(e, "mount", "tmpfs as root");
        for (size_t i = 0; i < ARRAY_LEN(folders); i++)
                if (mkdir(folders[i], 0755) < 0)
                        return refused(e, "mkdir", folders[i]);
        return take_root(p, e);
}

static int take_layers(struct pod *p, struct err *e)
{
        const struct overlay o = {NULL, "iskel", "u", "w", "root"};
        return mount_overlay(p, &o) < 0 ? refused(e, "mount overlay over", "the image") : 0;
}

static int build_as_user(struct pod *p, struct err *e)
{
        if (make_layers(p, e) < 0 ||
            (p->spec.layered ? take_layers(p, e) : take_folders(p, e)) < 0 || bind_devices(e) < 0 ||
            mount_tmp(p, e) < 0)
                return -1;
        if (mount("proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return refused(e, "mount",
                               "/proc (a container that hides parts of /proc refuses it)");
        return bind_read_only("/sys", "root/sys") < 0 ? refused(e, "bind", "/sys") : 0;
}

/* ---- both ---- */

static int enter_root(const struct pod *p, struct err *e)
{
        if (chdir("root") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return refused(e, "pivot_root", "into the new root");
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return refused(e, "umount", "of the host's root");
        if (p->spec.hostname && sethostname(p->spec.hostname, strnlen(p->spec.hostname, 63)) < 0)
                return refused(e, "sethostname", p->spec.hostname);
        return 0;
}

/* securityContext.readOnlyRootFilesystem: but /tmp and volumes, which are mounts of their own. */
static int make_read_only(const struct pod *p, struct err *e)
{
        struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
        if (!p->spec.read_only ||
            syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &ro, sizeof(ro)) == 0)
                return 0;
        return refused(e, "mount_setattr", "of a read-only root");
}

static int make_places(const struct pod *p, struct err *e)
{
        const struct spec *s = &p->spec;
        const char *name;
        int fd = s->cwd ? tree_mkdirs(AT_FDCWD, s->cwd, 0755, TREE_IN_ROOT, -1) : -1;
        if (s->cwd && fd < 0)
                return err_errno(e, errno, "workingDir %s", s->cwd);
        if (fd >= 0)
                close(fd);
        if (!s->termination_log || streq(s->termination_log, "/dev/termination-log"))
                return 0;
        int dir = tree_parent(AT_FDCWD, s->termination_log, &name, TREE_IN_ROOT, -1);
        fd = dir < 0 ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        int rc = fd < 0 ? err_errno(e, errno, "terminationMessagePath %s", s->termination_log)
                        : fchmod(fd, 0666);
        if (fd >= 0)
                close(fd);
        if (dir >= 0)
                close(dir);
        return rc;
}

int sandbox_enter(struct pod *p, struct err *e)
{
        prctl(PR_SET_DUMPABLE, 0); /* /proc/1 has our descriptors: not for main */
        if ((p->x->host.user ? build_as_user(p, e) : build_as_root(p, e)) < 0 ||
            volumes_mount(p, e) < 0 || hosts_mount(p, e) < 0 || inputs_mount(p, e) < 0)
                return -1;
        if (enter_root(p, e) < 0 || make_places(p, e) < 0 || inputs_place(p, e) < 0)
                return -1;
        return make_read_only(p, e);
}

/* ---- trial ---- */

static int try_here(const struct executor *x, struct pod *p, struct err *e)
{
        static char *no_args[] = {NULL};
        p->spec = (struct spec){.isolate = true,
                                .root = "/",
                                .hostname = "probe",
                                .argv = no_args,
                                .envp = no_args};
        p->dir = slot_take(x, &p->slot);
        snprintf(p->slot_at, sizeof(p->slot_at), "../scratch/%u", p->slot);
        p->tmp = p->dir < 0 ? -1 : slot_open_tmp(p->dir, p->tmp_name);
        if (p->tmp < 0 || slot_clean(p->dir, p->tmp) < 0)
                return refused(e, "open", "scratch folder");
        return sandbox_enter(p, e);
}

static NORETURN void try_and_tell(const struct executor *x, int to)
{
        struct err e = {0};
        struct pod *p = pod_new(x, 0);
        int rc = try_here(x, p, &e);
        if (rc < 0 && write(to, err_msg(&e), strlen(err_msg(&e))) < 0)
                rc = -2;
        if (setns(x->host.mounts, CLONE_NEWNS) == 0 && x->host.in_memory)
                tree_remove(x->host.base, p->layers_at);
        slot_clean(p->dir, p->tmp);
        _exit(rc < 0);
}

int sandbox_try(const struct executor *x, struct err *e)
{
        int ends[2], status = -1;
        char words[1024];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, errno, "pipe");
        unsigned long ns = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
        pid_t pid = (pid_t)syscall(SYS_clone, ns | SIGCHLD, 0, 0, 0, 0);
        int err = errno;
        if (pid == 0)
                try_and_tell(x, ends[1]);
        close(ends[1]);
        ssize_t n = pid < 0 ? 0 : read(ends[0], words, sizeof(words) - 1);
        close(ends[0]);
        words[n > 0 ? n : 0] = '\0';
        if (pid < 0)
                return err_errno(e, err, "clone with new namespaces");
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status == 0 ? 0
                           : err_set(e, ERR_UNSUPPORTED, "%s",
                                     *words ? words : "sandbox: the trial process was killed");
}
