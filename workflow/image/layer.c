/* workflow/image/layer.c: one layer of an image: its tarball becomes a folder that overlayfs takes
 * as a lower layer.
 *
 * The tarball may be compressed; what is hashed is what comes out, because that names the layer
 * whoever packed it. Deleted files of the layers below (".wh.NAME") become overlayfs' own mark, a
 * character device 0/0; ".wh..wh..opq" makes its folder opaque. Everything is made beneath the
 * folder's descriptor: no "..", no link leads outside. Device nodes are left out in /dev, which a
 * step never sees, and refused elsewhere; extended attributes are not taken over.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/artifact/unpack.h"
#include "workflow/image/image_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, ENTRIES_MAX = 4 * 1000 * 1000 };
#define LAYER_BYTES_MAX (UINT64_C(64) << 30)
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

struct unpacking {
        int root;   /* the layer's folder */
        bool owner; /* files keep their owners: we are root */
        uint64_t bytes, entries;
        struct archive *raw; /* the bytes, decompressed */
        struct sha256 hash;
        char chunk[CHUNK];
};

/* ---- the stream ---- */

static la_ssize_t read_raw(struct archive *a, void *arg, const void **data)
{
        struct unpacking *u = arg;
        la_ssize_t n = archive_read_data(u->raw, u->chunk, sizeof(u->chunk));
        if (n < 0) {
                archive_set_error(a, EIO, "%s", archive_error_string(u->raw));
                return ARCHIVE_FATAL;
        }
        sha256_add(&u->hash, u->chunk, (size_t)n);
        *data = u->chunk;
        return n;
}

static int open_raw(struct unpacking *u, int fd, struct err *e)
{
        struct archive_entry *entry;
        u->raw = archive_read_new();
        archive_read_support_filter_all(u->raw);
        archive_read_support_format_raw(u->raw);
        archive_read_support_format_empty(u->raw);
        if (archive_read_open_fd(u->raw, fd, CHUNK) != ARCHIVE_OK ||
            archive_read_next_header(u->raw, &entry) < ARCHIVE_WARN)
                return err_set(e, ERR_INVALID, "layer: %s", archive_error_string(u->raw));
        return 0;
}

/* ---- entries ---- */

/* "./usr//bin/" -> "usr/bin"; false when a component is "..". */
static bool clean_path(const char *in, char out[PATH_MAX])
{
        size_t n = 0;
        for (;;) {
                in += strspn(in, "/");
                size_t part = strcspn(in, "/");
                if (!part)
                        break;
                if (part == 2 && strncmp(in, "..", 2) == 0)
                        return false;
                if (!(part == 1 && *in == '.')) {
                        if (n + part + 2 > PATH_MAX)
                                return false;
                        if (n)
                                out[n++] = '/';
                        memcpy(out + n, in, part);
                        n += part;
                }
                in += part;
        }
        out[n] = '\0';
        return true;
}

static int make_opaque(int dir)
{
        int trusted = fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0);
        int user = fsetxattr(dir, "user.overlay.opaque", "y", 1, 0);
        return trusted < 0 && user < 0 ? -1 : 0;
}

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* What the layers below have under this name is not there. */
static int hide(int dir, const char *name)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return mknodat(dir, name, S_IFCHR | 0600, makedev(0, 0));
        if (!S_ISDIR(st.st_mode))
                return 0; /* this layer has its own */
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int rc = fd < 0 ? -1 : make_opaque(fd);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int set_times(int fd, const struct archive_entry *entry)
{
        const struct timespec t[2] = {
                {.tv_nsec = UTIME_OMIT},
                {archive_entry_mtime((struct archive_entry *)(uintptr_t)entry),
                 archive_entry_mtime_nsec((struct archive_entry *)(uintptr_t)entry)}};
        return futimens(fd, t);
}

/* Owner, mode (without root no set-user-id, and folders that we can fill), times. */
static int dress(const struct unpacking *u, int fd, struct archive_entry *entry)
{
        mode_t mode = archive_entry_perm(entry);
        if (u->owner &&
            fchown(fd, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry)) < 0)
                return -1;
        if (!u->owner)
                mode = (mode & 0777) | (archive_entry_filetype(entry) == AE_IFDIR ? 0700 : 0600);
        return fchmod(fd, mode & 07777) < 0 ? -1 : set_times(fd, entry);
}

static int make_folder(const struct unpacking *u, int dir, const char *name,
                       struct archive_entry *entry)
{
        struct stat st;
        bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, hidden = false;
        if (there && !S_ISDIR(st.st_mode)) {
                hidden = is_whiteout(&st);
                if (unlinkat(dir, name, 0) < 0)
                        return -1;
                there = false;
        }
        if (!there && mkdirat(dir, name, 0700) < 0)
                return -1;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int rc = fd < 0 || (hidden && make_opaque(fd) < 0) || dress(u, fd, entry) < 0 ? -1 : 0;
        if (fd >= 0)
                close(fd);
        return rc;
}

static int copy_data(struct unpacking *u, struct archive *tar, int fd, struct err *e)
{
        const void *block;
        size_t n;
        la_int64_t at;
        int got;
        while ((got = archive_read_data_block(tar, &block, &n, &at)) == ARCHIVE_OK) {
                u->bytes += n;
                if (u->bytes > LAYER_BYTES_MAX || (uint64_t)at > LAYER_BYTES_MAX)
                        return err_set(e, ERR_LIMIT, "larger than %llu bytes",
                                       (unsigned long long)LAYER_BYTES_MAX);
                if (pwrite(fd, block, n, at) != (ssize_t)n)
                        return err_errno(e, errno ? errno : ENOSPC, "write");
        }
        return got == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "%s", archive_error_string(tar));
}

static int make_file(struct unpacking *u, struct archive *tar, int dir, const char *name,
                     struct archive_entry *entry, struct err *e)
{
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, errno, "create");
        int rc = copy_data(u, tar, fd, e);
        if (rc == 0 && (ftruncate(fd, archive_entry_size(entry)) < 0 || dress(u, fd, entry) < 0))
                rc = err_errno(e, errno, "mode, owner and time");
        close(fd);
        return rc;
}

static int make_link(const struct unpacking *u, int dir, const char *name,
                     struct archive_entry *entry)
{
        const char *target = unpack_link(entry);
        if (symlinkat(target ? target : "", dir, name) < 0)
                return -1;
        return u->owner ? fchownat(dir, name, (uid_t)archive_entry_uid(entry),
                                   (gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW)
                        : 0;
}

static int make_hard_link(const struct unpacking *u, int dir, const char *name, const char *target,
                          struct err *e)
{
        char path[PATH_MAX];
        const char *last;
        if (!clean_path(target, path) || !*path)
                return err_set(e, ERR_INVALID, "links to %s, which is outside of the layer",
                               target);
        int from = tree_parent(u->root, path, &last, TREE_IN_ROOT, -1);
        int rc = from < 0 || linkat(from, last, dir, name, 0) < 0
                         ? err_errno(e, errno, "links to %s", target)
                         : 0;
        if (from >= 0)
                close(from);
        return rc;
}

static int make_entry(struct unpacking *u, struct archive *tar, const char *path, int dir,
                      const char *name, struct archive_entry *entry, struct err *e)
{
        const char *hard = unpack_hard_link(entry);
        mode_t type = archive_entry_filetype(entry);
        if (streq(name, OPAQUE))
                return make_opaque(dir) < 0 ? err_errno(e, errno, "opaque folder") : 0;
        if (str_starts(name, WHITEOUT WHITEOUT))
                return 0; /* of another file system than ours */
        if (str_starts(name, WHITEOUT))
                return hide(dir, name + strlen(WHITEOUT)) < 0 ? err_errno(e, errno, "whiteout") : 0;
        if (type == AE_IFDIR && !hard)
                return make_folder(u, dir, name, entry) < 0 ? err_errno(e, errno, "folder") : 0;
        if (tree_remove(dir, name) < 0)
                return err_errno(e, errno, "replace");
        if (hard)
                return make_hard_link(u, dir, name, hard, e);
        switch (type) {
        case AE_IFREG: return make_file(u, tar, dir, name, entry, e);
        case AE_IFLNK: return make_link(u, dir, name, entry) < 0 ? err_errno(e, errno, "link") : 0;
        case AE_IFSOCK:
        case AE_IFIFO: return 0; /* nobody is at the other end */
        default:
                if (str_starts(path, "dev/"))
                        return 0;
                return err_set(e, ERR_INVALID, "a device node: refused");
        }
}

static int take_entry(struct unpacking *u, struct archive *tar, struct archive_entry *entry,
                      struct err *e)
{
        char path[PATH_MAX];
        const char *given = unpack_path(entry), *name;
        if (!given || !clean_path(given, path))
                return err_set(e, ERR_INVALID, "%s: leads out of the image",
                               given ? given : "an entry without a name");
        if (++u->entries > ENTRIES_MAX)
                return err_set(e, ERR_LIMIT, "more than %d files", ENTRIES_MAX);
        if (!*path)
                return dress(u, u->root, entry) < 0 ? err_errno(e, errno, "/") : 0;
        int dir = tree_parent(u->root, path, &name, TREE_IN_ROOT, -1);
        int rc = -1;
        if (dir < 0) {
                err_errno(e, errno, "%s", given);
        } else {
                int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                rc = own < 0 ? err_errno(e, errno, "open")
                             : make_entry(u, tar, path, own, name, entry, e);
                if (own >= 0)
                        close(own);
                close(dir);
        }
        return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

static int take_all(struct unpacking *u, struct err *e)
{
        struct archive *tar = archive_read_new();
        struct archive_entry *entry;
        int got = ARCHIVE_OK, rc = 0;
        archive_read_support_format_tar(tar);
        archive_read_support_format_empty(tar);
        if (archive_read_open(tar, u, NULL, read_raw, NULL) != ARCHIVE_OK)
                rc = err_set(e, ERR_INVALID, "%s", archive_error_string(tar));
        while (rc == 0 &&
               ((got = archive_read_next_header(tar, &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN))
                rc = take_entry(u, tar, entry, e);
        if (rc == 0 && got != ARCHIVE_EOF)
                rc = err_set(e, ERR_INVALID, "%s", archive_error_string(tar));
        const void *rest;
        la_ssize_t n = 1;
        while (rc == 0 && n > 0) /* padding counts for the hash */
                n = read_raw(tar, u, &rest);
        if (rc == 0 && n < 0)
                rc = err_set(e, ERR_INVALID, "%s", archive_error_string(tar));
        archive_read_free(tar);
        return rc;
}

/* ---- the layer ---- */

static int commit(struct images *i, const char *tmp, const char *id, struct err *e)
{
        AUTO(mem_free) char *to = mem_printf("%s/layers/%s", i->dir, id);
        if (fs_exists(to))
                return fs_remove_tree(tmp, e);
        return rename(tmp, to) < 0 ? err_errno(e, errno, "%s", to) : 0;
}

static int unpack(struct images *i, struct unpacking *u, int fd, const char *diff_id,
                  char id[LAYER_ID + 1], struct err *e)
{
        AUTO(mem_free) char *tmp = mem_printf("%s/layers/.new-XXXXXX", i->dir);
        unsigned char digest[32];
        char hex[65] = "";
        struct err ignored = {0};
        if (!mkdtemp(tmp) || chmod(tmp, 0755) < 0)
                return err_errno(e, errno, "%s", tmp);
        u->root = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int rc = u->root < 0 ? err_errno(e, errno, "%s", tmp) : open_raw(u, fd, e);
        if (rc == 0)
                rc = take_all(u, e);
        sha256_end(&u->hash, digest);
        hex_put(hex, digest, sizeof(digest));
        if (rc == 0 && diff_id && !streq(diff_id + strlen("sha256:"), hex))
                rc = err_set(e, ERR_INVALID, "its digest is sha256:%s, expected %s", hex, diff_id);
        snprintf(id, LAYER_ID + 1, "%.*s", LAYER_ID, hex);
        if (rc == 0)
                rc = commit(i, tmp, id, e);
        if (rc < 0 && fs_remove_tree(tmp, &ignored) < 0)
                err_clear(&ignored);
        if (u->root >= 0)
                close(u->root);
        archive_read_free(u->raw);
        return rc;
}

int layer_load(struct images *i, int fd, const char *diff_id, char id[LAYER_ID + 1], struct err *e)
{
        if (diff_id && (!str_starts(diff_id, "sha256:") || strlen(diff_id) != 7 + 64))
                return err_set(e, ERR_INVALID, "layer: %s is no sha256 digest", diff_id);
        if (diff_id) {
                snprintf(id, LAYER_ID + 1, "%.*s", LAYER_ID, diff_id + 7);
                AUTO(mem_free) char *there = mem_printf("%s/layers/%s", i->dir, id);
                if (fs_exists(there))
                        return 0;
        }
        struct unpacking *u = NEW(struct unpacking);
        u->owner = geteuid() == 0;
        sha256_init(&u->hash);
        int rc = unpack(i, u, fd, diff_id, id, e);
        mem_free(u);
        return rc < 0 ? err_wrap(e, "layer") : 0;
}
