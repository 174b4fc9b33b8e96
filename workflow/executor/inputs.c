/* workflow/executor/inputs.c: what stands in front of main: the script, raw data, artifacts of
 * earlier steps.
 *
 * Small inputs are copied to their place in the finished root. Large ones and folders are hard
 * links to the store behind an overlay of their own, each bound to its place: no byte is copied,
 * and a step that changes its input changes a copy (the overlay makes it). They cannot be a layer
 * of the root's overlay: the kernel refuses layers that lie inside each other, and the host's root
 * contains us. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/executor/host.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_SCRIPT "/argo/staging/script"
enum { WORTH_LINKING = 512 * 1024 };

static size_t trimmed(const char *path)
{
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
                n--;
        return n;
}

static bool path_in_volume(const struct spec *s, const char *path)
{
        for (struct wire w = s->own; wire_find(&w, S_MOUNT);) {
                const char *at = wire_find_str(wire_group(&w), M_PATH);
                size_t n = at ? trimmed(at) : 0;
                if (n && strncmp(path, at, n) == 0 && (path[n] == '/' || !path[n] || n == 1))
                        return true;
        }
        return false;
}

static int set_mode(int dir, const char *name, mode_t mode, bool recurse, unsigned depth)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -1;
        if (S_ISLNK(st.st_mode))
                return 0;
        if (recurse && S_ISDIR(st.st_mode) && depth < TREE_DEPTH_MAX) {
                int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                DIR *d = fd < 0 ? NULL : fdopendir(fd);
                for (struct dirent *ent; d && (ent = readdir(d));)
                        if (!streq(ent->d_name, ".") && !streq(ent->d_name, "..") &&
                            set_mode(fd, ent->d_name, mode, true, depth + 1) < 0)
                                return -1;
                if (d)
                        closedir(d);
        }
        return fchmodat(dir, name, mode & 0777, 0);
}

static int write_file(int dir, const char *name, const void *data, size_t n, mode_t mode,
                      struct err *e)
{
        unlinkat(dir, name, 0);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return err_errno(e, errno, "%s", name);
        int rc = 0;
        for (const char *at = data; n && rc == 0;) {
                ssize_t w = write(fd, at, n);
                if (w < 0 && errno != EINTR)
                        rc = err_errno(e, errno, "write %s", name);
                at += w > 0 ? w : 0;
                n -= w > 0 ? (size_t)w : 0;
        }
        if (rc == 0 && fchmod(fd, mode) < 0)
                rc = err_errno(e, errno, "%s", name);
        close(fd);
        return rc;
}

/* A large file or a folder of the store, to be used as it is? */
static bool worth_linking(const struct pod *p, struct wire in)
{
        const char *key = wire_find_str(in, IN_KEY), *sub = wire_find_str(in, IN_SUBPATH);
        uint64_t unpack = wire_find_u64(in, IN_UNPACK, UNPACK_DETECT);
        unsigned char magic[2] = {0};
        struct stat st;
        if (!p->spec.isolate || !key || wire_find_u64(in, IN_MODE, UINT64_MAX) != UINT64_MAX ||
            path_in_volume(&p->spec, wire_find_str(in, IN_PATH)))
                return false;
        AUTO(mem_free) char *path = sub && *sub ? mem_printf("%s/%s", key, sub) : mem_strdup(key);
        int fd = tree_open(p->x->store, path, O_RDONLY | O_NONBLOCK, 0, TREE_NO_LINKS);
        if (fd < 0)
                return false;
        bool packed = pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
        bool good = fstat(fd, &st) == 0 &&
                    (S_ISDIR(st.st_mode) ||
                     (S_ISREG(st.st_mode) && st.st_size >= WORTH_LINKING &&
                      (unpack == UNPACK_NONE || (unpack == UNPACK_DETECT && !packed))));
        close(fd);
        return good;
}

static int place_content(const struct pod *p, struct wire in, int dir, const char *name,
                         struct err *e)
{
        struct wire raw = in;
        uint64_t mode = wire_find_u64(in, IN_MODE, UINT64_MAX);
        int rc;
        if (wire_find(&raw, IN_DATA)) {
                rc = write_file(dir, name, raw.data, raw.n, 0644, e);
        } else {
                rc = folder_get(
                        p->x->store, wire_find_str(in, IN_KEY), wire_find_str(in, IN_SUBPATH),
                        (enum folder_unpack)wire_find_u64(in, IN_UNPACK, 0), false, dir, name, e);
                if (rc < 0 && e->code == ERR_NOT_FOUND && wire_find_u64(in, IN_OPTIONAL, 0)) {
                        err_clear(e);
                        return 0;
                }
        }
        if (rc == 0 && mode != UINT64_MAX &&
            set_mode(dir, name, (mode_t)mode, wire_find_u64(in, IN_RECURSE, 0), 0) < 0)
                rc = err_errno(e, errno, "set its mode");
        return rc;
}

static int name_input(struct wire in, struct err *e)
{
        return err_wrap(e, "input artifact \"%s\" at %s", wire_find_str(in, IN_NAME),
                        wire_find_str(in, IN_PATH));
}

static int place_input(const struct pod *p, struct wire in, struct err *e)
{
        const char *path = wire_find_str(in, IN_PATH), *name;
        AUTO(mem_free) char *clean = mem_strndup(path, trimmed(path));
        int dir = tree_parent(AT_FDCWD, clean, &name, TREE_IN_ROOT, -1);
        int rc = dir < 0 ? err_errno(e, errno, "%s", path) : place_content(p, in, dir, name, e);
        if (dir >= 0)
                close(dir);
        return rc < 0 ? name_input(in, e) : 0;
}

static int place_script(struct pod *p, struct err *e)
{
        struct spec *s = &p->spec;
        const char *name;
        if (!s->isolate) { /* the host's /argo is not ours: beside the pod's working folder */
                s->argv[s->argc] = mem_printf("%s/scratch/%u/script", p->x->data_dir, p->slot);
                return write_file(p->dir, "script", s->script.data, s->script.n, 0755, e);
        }
        s->argv[s->argc] = mem_strdup(STAGED_SCRIPT);
        int dir = tree_parent(AT_FDCWD, STAGED_SCRIPT, &name, TREE_IN_ROOT, -1);
        if (dir < 0)
                return err_errno(e, errno, STAGED_SCRIPT);
        int rc = write_file(dir, name, s->script.data, s->script.n, 0755, e);
        close(dir);
        return rc;
}

int inputs_place(struct pod *p, struct err *e)
{
        if (p->spec.script.data && place_script(p, e) < 0)
                return -1;
        for (struct wire w = p->spec.own; wire_find(&w, S_INPUT);) {
                struct wire in = wire_group(&w);
                if (!worth_linking(p, in) && place_input(p, in, e) < 0)
                        return -1;
        }
        return 0;
}

/* ---- linked ---- */

/* Hard links as in/0, in/1, ... Answers how many. */
static int link_inputs(struct pod *p, struct err *e)
{
        int n = 0, dir = -1;
        for (struct wire w = p->spec.own; wire_find(&w, S_INPUT);) {
                struct wire in = wire_group(&w);
                char name[16];
                if (!worth_linking(p, in))
                        continue;
                if (dir < 0 &&
                    (mkdirat(p->dir, "in", 0755) < 0 ||
                     (dir = openat(p->dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
                        return err_errno(e, errno, "scratch folder in");
                snprintf(name, sizeof(name), "%d", n++);
                if (folder_get(p->x->store, wire_find_str(in, IN_KEY),
                               wire_find_str(in, IN_SUBPATH), FOLDER_PLAIN, true, dir, name, e) < 0)
                        return name_input(in, e);
        }
        if (dir >= 0)
                close(dir);
        return n;
}

static int bind_input(int n, int root, struct wire in, struct err *e)
{
        char from[32];
        struct stat st;
        snprintf(from, sizeof(from), "inputs/%d", n);
        int source = open(from, O_PATH | O_NOFOLLOW | O_CLOEXEC), target = -1;
        if (source >= 0 && fstat(source, &st) == 0)
                target = mount_target(root, wire_find_str(in, IN_PATH), S_ISDIR(st.st_mode), e);
        int rc = target < 0 ? -1 : mount_attach(source, target, false);
        if (rc < 0 && !err_is_set(e))
                err_errno(e, errno, "mount");
        if (source >= 0)
                close(source);
        if (target >= 0)
                close(target);
        return rc < 0 ? name_input(in, e) : 0;
}

int inputs_mount(struct pod *p, struct err *e)
{
        int linked = link_inputs(p, e), n = 0, rc = 0;
        if (linked <= 0)
                return linked;
        if (sandbox_overlay(p, p->slot_at, "in", "inputs") < 0)
                return err_errno(e, errno, "sandbox: mount overlay of the inputs");
        int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (struct wire w = p->spec.own; rc == 0 && wire_find(&w, S_INPUT);)
                if (worth_linking(p, wire_group(&w)))
                        rc = bind_input(n++, root, wire_group(&w), e);
        close(root);
        return rc;
}
