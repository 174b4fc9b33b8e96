/* workflow/executor/inputs.c: what stands in front of main: the script, raw data, artifacts of
 * earlier steps.
 *
 * In a sandbox made by root most inputs go into a lower layer of the overlay, as hard links to the
 * store: no byte is copied, and a step that changes its input changes a copy (the overlay makes
 * it). What cannot be layered (a path inside a volume, behind a symbolic link, no overlay of ours)
 * is copied to its place in the finished root. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/executor/executor.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_SCRIPT "/argo/staging/script"

static size_t trimmed(const char *path)
{
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
                n--;
        return n;
}

bool path_in_volume(const struct spec *s, const char *path)
{
        for (struct wire w = s->all; wire_find(&w, S_MOUNT);) {
                const char *at = wire_find_str(wire_group(&w), M_PATH);
                size_t n = at ? trimmed(at) : 0;
                if (n && strncmp(path, at, n) == 0 && (path[n] == '/' || !path[n] || n == 1))
                        return true;
        }
        return false;
}

static bool layered(const struct pod *p, const char *path)
{
        if (!p->spec.isolate || p->x->host.user || path_in_volume(&p->spec, path) || path[0] != '/')
                return false;
        AUTO(mem_free) char *parent = mem_strndup(path + 1, (size_t)(strrchr(path, '/') - path));
        int root = open(p->spec.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = root < 0 ? -1
                          : tree_open(root, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0,
                                      TREE_NO_LINKS);
        bool plain = fd >= 0 || (root >= 0 && errno == ENOENT);
        if (fd >= 0)
                close(fd);
        if (root >= 0)
                close(root);
        return plain;
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

/* How parents are made: in a layer without links (and with the owners of the folders they will
 * cover), in a root anywhere in it. */
struct target {
        int root, like;
        enum tree_resolve how;
        bool layer;
};

static int place_content(const struct pod *p, const struct target *t, struct wire in, int dir,
                         const char *name, struct err *e)
{
        struct wire raw = in;
        const char *key = wire_find_str(in, IN_KEY);
        uint64_t mode = wire_find_u64(in, IN_MODE, UINT64_MAX);
        int rc;
        if (wire_find(&raw, IN_DATA)) {
                rc = write_file(dir, name, raw.data, raw.n, 0644, e);
        } else {
                rc = folder_get(p->x->store, key, wire_find_str(in, IN_SUBPATH),
                                (enum folder_unpack)wire_find_u64(in, IN_UNPACK, 0),
                                t->layer && mode == UINT64_MAX, dir, name, e);
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

static int place_input(const struct pod *p, const struct target *t, struct wire in, struct err *e)
{
        const char *path = wire_find_str(in, IN_PATH), *name;
        AUTO(mem_free) char *clean = mem_strndup(path, trimmed(path));
        int dir = tree_parent(t->root, clean, &name, t->how, t->like);
        int rc = dir < 0 ? err_errno(e, errno, "%s", path) : place_content(p, t, in, dir, name, e);
        if (dir >= 0)
                close(dir);
        return rc < 0 ? err_wrap(e, "input artifact \"%s\" at %s", wire_find_str(in, IN_NAME), path)
                      : 0;
}

static int place_script(struct pod *p, const struct target *t, struct err *e)
{
        struct spec *s = &p->spec;
        const char *name;
        if (!s->isolate) { /* the host's /argo is not ours: beside the pod's working folder */
                s->argv[s->argc] = mem_printf("%s/scratch/%s/.script", p->x->data_dir, p->dir_name);
                return write_file(p->dir, ".script", s->script.data, s->script.n, 0755, e);
        }
        s->argv[s->argc] = mem_strdup(STAGED_SCRIPT);
        int dir = tree_parent(t->root, STAGED_SCRIPT, &name, t->how, t->like);
        if (dir < 0)
                return err_errno(e, errno, STAGED_SCRIPT);
        int rc = write_file(dir, name, s->script.data, s->script.n, 0755, e);
        close(dir);
        return rc;
}

static int place_some(struct pod *p, const struct target *t, bool *used, struct err *e)
{
        if (p->spec.script.data && layered(p, STAGED_SCRIPT) == t->layer) {
                *used = true;
                if (place_script(p, t, e) < 0)
                        return -1;
        }
        for (struct wire w = p->spec.all; wire_find(&w, S_INPUT);) {
                struct wire in = wire_group(&w);
                if (layered(p, wire_find_str(in, IN_PATH)) != t->layer)
                        continue;
                *used = true;
                if (place_input(p, t, in, e) < 0)
                        return -1;
        }
        return 0;
}

int inputs_place(struct pod *p, struct err *e)
{
        const struct target t = {AT_FDCWD, -1, TREE_IN_ROOT, false};
        bool used;
        return place_some(p, &t, &used, e);
}

static int wants_layer(const struct pod *p, bool *tmp)
{
        int n = p->spec.script.data && layered(p, STAGED_SCRIPT);
        for (struct wire w = p->spec.all; wire_find(&w, S_INPUT);) {
                const char *path = wire_find_str(wire_group(&w), IN_PATH);
                n += layered(p, path);
                *tmp = *tmp || str_starts(path, "/tmp/");
        }
        return n;
}

int inputs_layer(struct pod *p, bool *used, struct err *e)
{
        bool tmp = false;
        *used = false;
        if (!wants_layer(p, &tmp))
                return 0;
        if (mkdirat(p->dir, "in", 0755) < 0)
                return err_errno(e, errno, "scratch folder in");
        struct target t = {openat(p->dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                           open(p->spec.root, O_PATH | O_DIRECTORY | O_CLOEXEC), TREE_NO_LINKS,
                           true};
        if (tmp && (mkdirat(t.root, "tmp", 0777) < 0 || fchmodat(t.root, "tmp", 01777, 0) < 0))
                return err_errno(e, errno, "scratch folder in/tmp");
        return place_some(p, &t, used, e);
}
