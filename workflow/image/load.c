/* workflow/image/load.c: what is given becomes an image: a folder with a root file system is only
 * noted, layouts and archives are unpacked layer by layer, a tarball of a root file system is one
 * layer. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/artifact/unpack.h"
#include "workflow/image/image_priv.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, ARCHIVE_ENTRIES_MAX = 100000 };
#define ARCHIVE_BYTES_MAX (UINT64_C(128) << 30)

/* A name made of the file's: "My_App.tar.gz" -> "my_app". */
static char *fallback_name(const char *path)
{
        static const char *const ends[] = {".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar"};
        char full[PATH_MAX];
        const char *real = realpath(path, full) ? full : path, *slash = strrchr(real, '/');
        char *name = mem_strdup(slash ? slash + 1 : real);
        size_t n = strlen(name);
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                if (n <= strlen(ends[i]) || !str_ends(name, ends[i]))
                        continue;
                name[n - strlen(ends[i])] = '\0';
                break;
        }
        for (char *c = name; *c; c++)
                *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-';
        return name;
}

static int need_name(const char *name, const char *what, struct err *e)
{
        return name ? 0
                    : err_set(e, ERR_INVALID, "%s does not say its name: give one with --name NAME",
                              what);
}

static int add_plain(struct images *i, const char *name, json_t *entry_taken, json_t *loaded,
                     struct err *e)
{
        AUTO(mem_free) char *normal = reference_normal(name, e);
        if (!normal) {
                json_decref(entry_taken);
                return -1;
        }
        images_put(i, normal, entry_taken);
        json_array_append_new(loaded, json_string(normal));
        return 0;
}

/* ---- folders ---- */

static int load_root(struct images *i, const char *path, const char *name, json_t *loaded,
                     struct err *e)
{
        char full[PATH_MAX];
        if (need_name(name, "a folder with a root file system", e) < 0)
                return -1;
        if (!realpath(path, full))
                return err_errno(e, errno, "%s", path);
        return add_plain(i, name, json_pack("{s:s}", "root", full), loaded, e);
}

static int load_folder(struct images *i, const char *path, const char *name, json_t *loaded,
                       struct err *e)
{
        AUTO(mem_free) char *fallback = fallback_name(path);
        int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return err_errno(e, errno, "%s", path);
        int rc = is_layout(root) ? layout_load(i, root, name, fallback, loaded, e)
                                 : load_root(i, path, name, loaded, e);
        close(root);
        return rc;
}

/* ---- tarballs ---- */

static struct archive *open_tar(int fd, struct archive_entry **first)
{
        struct archive *a = archive_read_new();
        archive_read_support_filter_all(a);
        archive_read_support_format_tar(a);
        if (lseek(fd, 0, SEEK_SET) == 0 && archive_read_open_fd(a, fd, CHUNK) == ARCHIVE_OK &&
            archive_read_next_header(a, first) >= ARCHIVE_WARN)
                return a;
        archive_read_free(a);
        return NULL;
}

static bool tells_images(const char *path)
{
        while (path && str_starts(path, "./"))
                path += 2;
        const char *slash = path ? strchr(path, '/') : NULL; /* perhaps a folder was packed whole */
        return streq(path, "manifest.json") || streq(slash ? slash + 1 : path, "oci-layout");
}

/* 1: images; 0: a root file system; -1: no tarball. */
static int look(int fd)
{
        struct archive_entry *entry;
        struct archive *a = open_tar(fd, &entry);
        int kind = a ? 0 : -1, got = ARCHIVE_OK;
        for (int n = 0; kind == 0 && got >= ARCHIVE_WARN && n < ARCHIVE_ENTRIES_MAX; n++) {
                kind = tells_images(unpack_path(entry));
                got = archive_read_next_header(a, &entry);
                if (got == ARCHIVE_EOF)
                        break;
        }
        archive_read_free(a);
        return kind;
}

static int unpack_all(int fd, int to, struct err *e)
{
        struct archive_entry *first;
        struct tree_copy limits = {.max_bytes = ARCHIVE_BYTES_MAX,
                                   .max_entries = ARCHIVE_ENTRIES_MAX};
        struct archive *a = open_tar(fd, &first);
        if (!a)
                return err_set(e, ERR_INVALID, "not a tarball");
        int rc = unpack_archive(a, "image archive", first, to, "all", &limits, e);
        archive_read_free(a);
        return rc;
}

static int load_unpacked(struct images *i, int fd, const char *tmp, const char *name,
                         const char *fallback, json_t *loaded, struct err *e)
{
        int to = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC), root = -1;
        int rc = to < 0 ? err_errno(e, errno, "%s", tmp) : unpack_all(fd, to, e);
        if (rc == 0 && (root = openat(to, "all", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                rc = err_errno(e, errno, "%s", tmp);
        if (rc == 0)
                rc = layout_load(i, root, name, fallback, loaded, e);
        if (root >= 0)
                close(root);
        if (to >= 0)
                close(to);
        return rc;
}

static int load_archive(struct images *i, int fd, const char *path, const char *name,
                        json_t *loaded, struct err *e)
{
        AUTO(mem_free)
        char *tmp = mem_printf("%s/.load-XXXXXX", i->dir), *fallback = fallback_name(path);
        struct err ignored = {0};
        if (!mkdtemp(tmp))
                return err_errno(e, errno, "%s", tmp);
        int rc = load_unpacked(i, fd, tmp, name, fallback, loaded, e);
        if (fs_remove_tree(tmp, &ignored) < 0)
                err_clear(&ignored);
        return rc;
}

static int load_root_tar(struct images *i, int fd, const char *name, json_t *loaded, struct err *e)
{
        char id[LAYER_ID + 1];
        if (need_name(name, "a tarball of a root file system", e) < 0)
                return -1;
        if (lseek(fd, 0, SEEK_SET) < 0 || layer_load(i, fd, NULL, id, e) < 0)
                return -1;
        return add_plain(i, name, json_pack("{s:s, s:[s]}", "id", id, "layers", id), loaded, e);
}

static int load_file(struct images *i, const char *path, const char *name, json_t *loaded,
                     struct err *e)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        int kind = look(fd), rc;
        if (kind < 0)
                rc = err_set(e, ERR_INVALID,
                             "neither a folder nor a tarball (docker-archive, oci-archive, or a "
                             "root file system)");
        else
                rc = kind ? load_archive(i, fd, path, name, loaded, e)
                          : load_root_tar(i, fd, name, loaded, e);
        close(fd);
        return rc;
}

/* ---- both ---- */

int images_load(struct images *i, const char *path, const char *name, json_t **loaded,
                struct err *e)
{
        AUTO_JSON json_t *names = json_array();
        struct stat st;
        int lock, rc;
        if (stat(path, &st) < 0)
                return err_errno(e, errno, "%s", path);
        if (images_lock(i, &lock, e) < 0)
                return -1;
        rc = images_read(i, e);
        if (rc == 0)
                rc = S_ISDIR(st.st_mode) ? load_folder(i, path, name, names, e)
                                         : load_file(i, path, name, names, e);
        if (rc == 0)
                rc = images_write(i, e);
        close(lock);
        if (rc < 0)
                return err_wrap(e, "%s", path);
        *loaded = json_incref(names);
        return 0;
}
