/* workflow/artifact/unpack.c: an archive as a tree; see unpack.h.
 *
 * libarchive only reads; every file is made here, beneath a temporary folder, through openat2
 * without links on the way. So neither a path nor a link planted by an earlier entry can lead
 * outside. Links wait until the end of the archive. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/unpack.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATIO_MAX = 500, RATIO_FREE_BYTES = 256 << 20, CHUNK = 64 * 1024 };

struct late_link {
        char *path, *target;
        bool hard;
};
struct unpacker {
        struct archive *a;
        const char *what; /* "tarball", "zip archive" */
        int top;          /* folder that becomes the result */
        struct tree_copy *limits;
        struct late_link *links;
        size_t n_links, cap_links;
};

const char *unpack_path(struct archive_entry *entry)
{
        const char *path = archive_entry_pathname(entry);
        return path ? path : archive_entry_pathname_utf8(entry);
}

const char *unpack_link(struct archive_entry *entry)
{
        const char *target = archive_entry_symlink(entry);
        return target ? target : archive_entry_symlink_utf8(entry);
}

const char *unpack_hard_link(struct archive_entry *entry)
{
        const char *target = archive_entry_hardlink(entry);
        return target ? target : archive_entry_hardlink_utf8(entry);
}

/* "./a//b/" -> "a/b"; NULL for what must not be. "" is the top itself. */
static char *clean_path(const char *path)
{
        if (!path || path[0] == '/')
                return NULL;
        char *out = mem_alloc(strlen(path) + 1);
        size_t at = 0;
        while (*path) {
                size_t n = strcspn(path, "/");
                if (n == 2 && path[0] == '.' && path[1] == '.') {
                        mem_free(out);
                        return NULL;
                }
                if (n && !(n == 1 && path[0] == '.')) {
                        if (at)
                                out[at++] = '/';
                        memcpy(out + at, path, n);
                        at += n;
                }
                path += n + (path[n] == '/');
        }
        return out;
}

/* Does a link at `path` with `target` stay inside the tree? */
static bool link_stays(const char *path, const char *target)
{
        if (target[0] == '/' || !target[0])
                return false;
        int depth = 0;
        for (const char *p = path; *p; p++)
                depth += *p == '/';
        for (const char *p = target; *p;) {
                size_t n = strcspn(p, "/");
                if (n == 2 && p[0] == '.' && p[1] == '.')
                        depth--;
                else if (n && !(n == 1 && p[0] == '.'))
                        depth++;
                if (depth < 0)
                        return false;
                p += n + (p[n] == '/');
        }
        return true;
}

static int over_limit(struct unpacker *u, const char *path, struct err *e)
{
        struct tree_copy *l = u->limits;
        if (l->max_bytes && l->bytes > l->max_bytes)
                return err_set(e, ERR_LIMIT, "%s: more than %llu bytes", u->what,
                               (unsigned long long)l->max_bytes);
        if (l->max_entries && l->entries > l->max_entries)
                return err_set(e, ERR_LIMIT, "%s: more than %u entries", u->what, l->max_entries);
        int64_t packed = archive_filter_bytes(u->a, -1);
        if (l->bytes > RATIO_FREE_BYTES && packed > 0 && l->bytes / (uint64_t)packed > RATIO_MAX)
                return err_set(e, ERR_LIMIT, "%s: %s: suspicious compression ratio", u->what, path);
        return 0;
}

static int write_data(struct unpacker *u, int fd, const char *path, struct err *e)
{
        char chunk[CHUNK];
        for (;;) {
                ssize_t n = archive_read_data(u->a, chunk, sizeof(chunk));
                if (n < 0)
                        return err_set(e, ERR_INVALID, "%s: %s: %s", u->what, path,
                                       archive_error_string(u->a));
                if (n == 0)
                        return 0;
                u->limits->bytes += (uint64_t)n;
                if (over_limit(u, path, e) < 0)
                        return -1;
                for (ssize_t at = 0, w; at < n; at += w) {
                        w = write(fd, chunk + at, (size_t)(n - at));
                        if (w < 0)
                                return err_errno(e, errno, "%s: write %s", u->what, path);
                }
        }
}

static int make_file(struct unpacker *u, struct archive_entry *entry, const char *path,
                     struct err *e)
{
        const char *name;
        int dir = tree_parent(u->top, path, &name, TREE_NO_LINKS, -1);
        if (dir < 0)
                return err_errno(e, errno, "%s: %s", u->what, path);
        unlinkat(dir, name, 0); /* a later entry of the same name wins, as in tar */
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        close(dir);
        if (fd < 0)
                return err_errno(e, errno, "%s: %s", u->what, path);
        int rc = write_data(u, fd, path, e);
        const struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
                                          {.tv_sec = archive_entry_mtime(entry)}};
        if (rc == 0 &&
            (fchmod(fd, archive_entry_perm(entry) & 0777) < 0 || futimens(fd, times) < 0))
                rc = err_errno(e, errno, "%s: %s", u->what, path);
        close(fd);
        return rc;
}

static int note_link(struct unpacker *u, struct archive_entry *entry, char *path_taken, bool hard,
                     struct err *e)
{
        const char *target = hard ? unpack_hard_link(entry) : unpack_link(entry);
        char *to = hard || !target ? clean_path(target) : mem_strdup(target);
        if (!to || (hard ? !*to : !link_stays(path_taken, to))) {
                err_set(e, ERR_DENIED, "%s: %s: the link leads outside of it (%s)", u->what,
                        path_taken, target ? target : "");
                mem_free(to);
                mem_free(path_taken);
                return -1;
        }
        mem_grow(u->links, u->cap_links, u->n_links + 1);
        u->links[u->n_links++] = (struct late_link){path_taken, to, hard};
        return 0;
}

static int take_entry(struct unpacker *u, struct archive_entry *entry, struct err *e)
{
        AUTO(mem_free) char *path = clean_path(unpack_path(entry));
        if (!path)
                return err_set(e, ERR_DENIED, "%s: the path %s leads outside", u->what,
                               unpack_path(entry) ? unpack_path(entry) : "of an entry");
        u->limits->entries++;
        if (over_limit(u, path, e) < 0)
                return -1;
        if (unpack_hard_link(entry))
                return note_link(u, entry, TAKE(path), true, e);
        switch (archive_entry_filetype(entry)) {
        case AE_IFREG: return make_file(u, entry, path, e);
        case AE_IFLNK: return note_link(u, entry, TAKE(path), false, e);
        case AE_IFDIR: {
                int fd = tree_mkdirs(u->top, path, 0755, TREE_NO_LINKS, -1);
                if (fd < 0)
                        return err_errno(e, errno, "%s: %s", u->what, path);
                close(fd);
                return 0;
        }
        default: return err_set(e, ERR_DENIED, "%s: %s is a device, fifo or socket", u->what, path);
        }
}

static int make_links(struct unpacker *u, struct err *e)
{
        for (size_t i = 0; i < u->n_links; i++) {
                const struct late_link *l = &u->links[i];
                const char *name, *other;
                int dir = tree_parent(u->top, l->path, &name, TREE_NO_LINKS, -1), rc = -1;
                if (dir >= 0 && l->hard) {
                        int from = tree_parent(u->top, l->target, &other, TREE_NO_LINKS, -1);
                        rc = from < 0 ? -1 : linkat(from, other, dir, name, 0);
                        if (from >= 0)
                                close(from);
                } else if (dir >= 0) {
                        rc = symlinkat(l->target, dir, name);
                }
                int err = errno;
                if (dir >= 0)
                        close(dir);
                if (rc < 0)
                        return err_errno(e, err, "%s: link %s", u->what, l->path);
        }
        return 0;
}

/* The only name at the top of the tree, or "" when there are none or several. */
static void only_name(int top, char out[256])
{
        out[0] = '\0';
        int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        size_t n = 0;
        for (struct dirent *ent; d && (ent = readdir(d));)
                if (!streq(ent->d_name, ".") && !streq(ent->d_name, "..") && ++n)
                        memcpy(out, ent->d_name, strlen(ent->d_name) + 1);
        if (n != 1)
                out[0] = '\0';
        if (d)
                closedir(d);
}

static int unpack_all(struct unpacker *u, struct archive_entry *first, struct err *e)
{
        struct archive_entry *entry = first;
        int got = ARCHIVE_OK;
        while (got == ARCHIVE_OK || got == ARCHIVE_WARN) {
                if (take_entry(u, entry, e) < 0)
                        return -1;
                got = archive_read_next_header(u->a, &entry);
        }
        if (got != ARCHIVE_EOF)
                return err_set(e, ERR_INVALID, "%s: %s", u->what, archive_error_string(u->a));
        return make_links(u, e);
}

static int place_result(int to_dir, const char *temp, int top, const char *to, struct err *e)
{
        char only[256];
        only_name(top, only);
        if (!*only)
                return renameat(to_dir, temp, to_dir, to) < 0 ? err_errno(e, errno, "%s", to) : 0;
        if (renameat(top, only, to_dir, to) < 0 || unlinkat(to_dir, temp, AT_REMOVEDIR) < 0)
                return err_errno(e, errno, "%s", to);
        return 0;
}

int unpack_archive(struct archive *reader, const char *what, struct archive_entry *first,
                   int to_dir, const char *to, struct tree_copy *limits, struct err *e)
{
        struct unpacker u = {.a = reader, .what = what, .limits = limits, .top = -1};
        AUTO(mem_free) char *temp = mem_printf(".unpack.%s", to);
        int rc = -1;
        if (tree_remove(to_dir, temp) < 0 || mkdirat(to_dir, temp, 0755) < 0 ||
            (u.top = openat(to_dir, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
                err_errno(e, errno, "%s", temp);
        else
                rc = unpack_all(&u, first, e);
        if (rc == 0)
                rc = place_result(to_dir, temp, u.top, to, e);
        for (size_t i = 0; i < u.n_links; i++) {
                mem_free(u.links[i].path);
                mem_free(u.links[i].target);
        }
        mem_free(u.links);
        if (u.top >= 0)
                close(u.top);
        if (rc < 0 && tree_remove(to_dir, temp) < 0)
                err_wrap(e, "(and %s is left behind)", temp);
        return rc;
}
