/* workflow/executor/outputs.c: what main leaves behind: parameters, artifacts, the result, the
 * archived log.
 *
 * All processes of the pod are dead by now. Paths are resolved inside the pod's root (openat2, no
 * magic links: /proc/1/fd would be ours). A file that main wrote lies in the overlay's upper folder
 * and is hard-linked into the store from there. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/artifact/folder.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int read_all(int fd, struct buf *out, const char *path, struct err *e)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return err_errno(e, errno, "%s", path);
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_INVALID, "%s is %s, not a file", path, tree_kind(st.st_mode));
        for (;;) {
                char *to = buf_reserve(out, 4096);
                ssize_t n = to ? read(fd, to, 4096) : -1;
                if (!to || out->len > PARAM_MAX)
                        return err_set(e, ERR_LIMIT, "%s is larger than %d bytes", path, PARAM_MAX);
                if (n < 0 && errno != EINTR)
                        return err_errno(e, errno, "%s", path);
                if (n == 0)
                        return 0;
                out->len += n > 0 ? (size_t)n : 0;
        }
}

static void put_param(struct pod *p, const char *name, const char *value, size_t n)
{
        size_t group = wire_begin(&p->status, R_PARAM);
        wire_put_str(&p->status, R_NAME, name);
        wire_put(&p->status, R_VALUE, value, n);
        wire_end(&p->status, group);
}

/* Nothing of /proc is an output: there we are pid 1. */
int output_open(const char *path, int flags)
{
        struct statfs fs;
        int fd = tree_open(AT_FDCWD, path, flags & O_PATH ? flags : flags | O_NONBLOCK, 0,
                           TREE_IN_ROOT);
        if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
                return fd;
        close(fd);
        errno = EACCES;
        return -1;
}

/* Missing, or there and out of reach? */
static int tell_missing(const char *what, const char *name, const char *path, const char *hint,
                        struct err *e)
{
        int why = errno;
        return err_set(e, why == ENOENT ? ERR_NOT_FOUND : ERR_DENIED, "output %s \"%s\": %s: %s%s",
                       what, name, path, strerror(why), why == ENOENT ? hint : "");
}

static int collect_param(struct pod *p, struct wire out, bool required, struct err *e)
{
        const char *name = wire_find_str(out, OUT_NAME), *path = wire_find_str(out, OUT_PATH);
        struct wire fallback = out;
        int fd = output_open(path, O_RDONLY);
        if (fd >= 0) {
                AUTO_BUF struct buf text = BUF_INIT(PARAM_MAX + 8192);
                int rc = read_all(fd, &text, path, e);
                close(fd);
                if (rc < 0)
                        return err_wrap(e, "output parameter \"%s\"", name);
                size_t n = text.len && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
                put_param(p, name, buf_str(&text), n);
        } else if (wire_find(&fallback, OUT_DEFAULT)) {
                put_param(p, name, fallback.data, fallback.n);
        } else if (required) {
                return tell_missing("parameter", name, path,
                                    " (the step ended without writing it, and valueFrom has no "
                                    "default)",
                                    e);
        }
        return 0;
}

static void put_artifact(struct pod *p, const char *key, const char *json)
{
        /* The list that "forget all of this workflow" goes through. */
        char line[PATH_MAX + 1];
        int n = snprintf(line, sizeof(line), "%s\n", key);
        int fd = create_in(p->x->logs, p->spec.uid, "artifacts", O_WRONLY | O_APPEND, 0600);
        if (fd < 0 || write(fd, line, (size_t)n) != n)
                p->log_failed = true;
        if (fd >= 0)
                close(fd);
        size_t group = wire_begin(&p->status, R_ARTIFACT);
        wire_put_str(&p->status, R_JSON, json);
        wire_end(&p->status, group);
}

/* The path of an open file as our root sees it; follows a link that an output path may be. */
static int true_path(const char *path, char out[PATH_MAX])
{
        char link[64];
        int fd = output_open(path, O_PATH);
        if (fd < 0)
                return -1;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, out, PATH_MAX - 1);
        close(fd);
        if (n <= 0)
                return -1;
        out[n] = '\0';
        return 0;
}

static int save(struct pod *p, struct wire out, int dir, int disk, const char *name, struct err *e)
{
        const char *key = wire_find_str(out, OUT_KEY);
        uint64_t tar = wire_find_u64(out, OUT_TAR, 0);
        struct tree_copy how = {.link_dir = disk};
        if (tar)
                return folder_put_tar(p->x->store, key, (int)tar - 2, dir, name, e);
        return folder_put(p->x->store, key, &how, dir, name, e);
}

/* Folders as the step saw them, and the same ones on the disk, if main wrote there and nothing is
 * mounted on the way: files in there may be hard-linked. */
struct source {
        int dir, disk;
};

static struct source open_source(const struct pod *p, const char *parent)
{
        struct source s = {-1, -1};
        int from = AT_FDCWD, disk = p->upper, top = -1;
        const char *rest = parent;
        if (p->spec.isolate && (strcmp(parent, "tmp") == 0 || strncmp(parent, "tmp/", 4) == 0)) {
                from = top = tree_open(AT_FDCWD, "tmp", O_PATH | O_DIRECTORY, 0, TREE_NO_LINKS);
                disk = p->tmp;
                rest = parent[3] ? parent + 4 : ".";
        }
        if (disk >= 0)
                s.dir = tree_open(from, rest, O_PATH | O_DIRECTORY, 0, TREE_ONE_MOUNT);
        if (s.dir >= 0)
                s.disk = tree_open(disk, rest, O_PATH | O_DIRECTORY, 0, TREE_NO_LINKS);
        else
                s.dir = tree_open(AT_FDCWD, parent, O_PATH | O_DIRECTORY, 0, TREE_IN_ROOT);
        int err = errno;
        if (top >= 0)
                close(top);
        errno = err;
        return s;
}

static int save_path(struct pod *p, struct wire out, char path[PATH_MAX], struct err *e)
{
        char *name = strrchr(path, '/');
        if (!name || !name[1])
                return err_set(e, ERR_INVALID, "the whole root is no artifact");
        *name++ = '\0';
        struct source s = open_source(p, *path ? path + 1 : ".");
        int rc = s.dir < 0 ? err_errno(e, errno, "%s", path) : save(p, out, s.dir, s.disk, name, e);
        if (s.disk >= 0)
                close(s.disk);
        if (s.dir >= 0)
                close(s.dir);
        return rc;
}

static int collect_artifact(struct pod *p, struct wire out, bool required, struct err *e)
{
        char path[PATH_MAX];
        const char *name = wire_find_str(out, OUT_NAME), *asked = wire_find_str(out, OUT_PATH);
        if (true_path(asked, path) < 0) {
                if (!required || wire_find_u64(out, OUT_OPTIONAL, 0))
                        return 0;
                return tell_missing("artifact", name, asked,
                                    " (the step ended without writing it, and it is not optional)",
                                    e);
        }
        if (save_path(p, out, path, e) < 0)
                return err_wrap(e, "output artifact \"%s\"", name);
        put_artifact(p, wire_find_str(out, OUT_KEY), wire_find_str(out, OUT_JSON));
        return 0;
}

static void put_result(struct pod *p)
{
        const struct tail *t = &p->tail;
        size_t n = t->total < RESULT_MAX ? t->total : RESULT_MAX;
        AUTO(mem_free) char *text = mem_alloc(n + 1);
        size_t from = (t->at + RESULT_MAX - n) % RESULT_MAX;
        size_t first = RESULT_MAX - from < n ? RESULT_MAX - from : n;
        memcpy(text, t->ring + from, first);
        memcpy(text + first, t->ring, n - first);
        wire_put(&p->status, R_RESULT, text, n && text[n - 1] == '\n' ? n - 1 : n);
}

static int save_log(struct pod *p, struct err *e)
{
        if (p->plain < 0)
                return 0;
        close(p->plain);
        p->plain = -1;
        struct tree_copy how = {.link_dir = p->dir};
        if (folder_put(p->x->store, p->spec.log_key, &how, p->dir, p->plain_name, e) < 0)
                return err_wrap(e, "archive the log");
        put_artifact(p, p->spec.log_key, p->spec.log_json);
        return 0;
}

int outputs_collect(struct pod *p, bool required, struct err *e)
{
        int rc = 0;
        for (struct wire w = p->spec.own; rc == 0 && wire_next(&w);) {
                if (w.tag == S_OUT_PARAM)
                        rc = collect_param(p, wire_group(&w), required, e);
                else if (w.tag == S_OUT_ARTIFACT)
                        rc = collect_artifact(p, wire_group(&w), required, e);
        }
        if (p->spec.capture)
                put_result(p);
        struct err log_err = {0};
        if (save_log(p, rc < 0 ? &log_err : e) < 0)
                rc = -1;
        err_clear(&log_err); /* the first problem is told */
        if (rc == 0 && p->status.overflow)
                rc = err_set(e, ERR_LIMIT, "the outputs together are larger than %d bytes",
                             STATUS_MAX);
        return rc;
}
