/* workflow/artifact/s3_transfer.c: files and folders to and from an S3 store. Keys are paths here:
 * an object whose key would lead outside its folder is refused. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/s3_driver.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- fetch ---- */

static int get_file(struct s3 *s3, const char *key, int dir, const char *name, uint64_t max,
                    uint64_t *bytes, struct err *e)
{
        struct stat st;
        int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return err_errno(e, errno, "%s", name);
        int rc = s3_get(s3, key, fd, max, e);
        if (rc == 0 && fstat(fd, &st) == 0)
                *bytes += (uint64_t)st.st_size;
        close(fd);
        if (rc < 0)
                unlinkat(dir, name, 0);
        return rc;
}

static int get_below(struct s3 *s3, const char *key, const char *rest, int top, uint64_t *bytes,
                     struct err *e)
{
        const char *name;
        AUTO(mem_free) char *path = mem_strndup(rest, strlen(rest) - (size_t)str_ends(rest, "/"));
        if (!*path) /* the folder's own marker */
                return 0;
        if (!tree_key_valid(path))
                return err_set(e, ERR_DENIED, "the key %s leads outside of its folder", key);
        if (str_ends(rest, "/")) {
                int fd = tree_mkdirs(top, path, 0755, TREE_NO_LINKS, -1);
                if (fd >= 0)
                        close(fd);
                return fd < 0 ? err_errno(e, errno, "%s", path) : 0;
        }
        int dir = tree_parent(top, path, &name, TREE_NO_LINKS, -1);
        if (dir < 0)
                return err_errno(e, errno, "%s", path);
        int rc = get_file(s3, key, dir, name, ARTIFACT_BYTES_MAX - *bytes, bytes, e);
        close(dir);
        return rc;
}

static int get_folder(struct s3 *s3, const char *key, int to_dir, const char *to, struct err *e)
{
        AUTO(mem_free) char *prefix = s3_folder_prefix(key);
        struct s3_keys keys = {0};
        uint64_t bytes = 0;
        int rc = s3_list(s3, prefix, false, s3_add_key, &keys, e), top = -1;
        if (rc == 0 && keys.n == 0)
                rc = err_set(e, ERR_NOT_FOUND, "there is no object %s, and none below it", key);
        if (rc == 0 && keys.n > ARTIFACT_ENTRIES_MAX)
                rc = err_set(e, ERR_LIMIT, "more than %d objects below %s", ARTIFACT_ENTRIES_MAX,
                             prefix);
        if (rc == 0 && (mkdirat(to_dir, to, 0755) < 0 ||
                        (top = openat(to_dir, to, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0))
                rc = err_errno(e, errno, "%s", to);
        for (size_t i = 0; i < keys.n; i++) {
                if (rc == 0)
                        rc = get_below(s3, keys.items[i], keys.items[i] + strlen(prefix), top,
                                       &bytes, e);
                mem_free(keys.items[i]);
        }
        mem_free(keys.items);
        if (top >= 0)
                close(top);
        return rc;
}

int s3_fetch(struct artifacts *a, const json_t *at, const char *sub, int to_dir, const char *to,
             struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        uint64_t bytes = 0;
        if (s3_place_and_key(&s3, &key, a, at, sub, e) < 0)
                return -1;
        if (!str_ends(key, "/")) {
                if (get_file(s3, key, to_dir, to, ARTIFACT_BYTES_MAX, &bytes, e) == 0)
                        return 0;
                if (e->code != ERR_NOT_FOUND || strstr(err_msg(e), "NoSuchBucket"))
                        return -1;
                err_clear(e);
        }
        return get_folder(s3, key, to_dir, to, e);
}

/* ---- save ---- */

struct saving {
        struct s3 *s3;
        const json_t *at;
        int top; /* of a folder: links are followed inside it only */
        uint32_t entries;
        bool bucket_made;
};

static int put_once(struct saving *s, const char *key, int fd, uint64_t bytes, struct err *e)
{
        const json_t *make = json_object_get(s->at, "createBucketIfNotPresent");
        int rc = s3_put(s->s3, key, fd, bytes, e);
        if (rc == 0 || !make || json_is_false(make) || s->bucket_made ||
            !strstr(err_msg(e), "NoSuchBucket"))
                return rc;
        err_clear(e);
        s->bucket_made = true;
        if (s3_make_bucket(s->s3, json_is_true(json_object_get(make, "objectLocking")), e) < 0)
                return err_wrap(e, "make the bucket");
        return s3_put(s->s3, key, fd, bytes, e);
}

static int put_file(struct saving *s, const char *key, int fd, struct err *e)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return err_errno(e, errno, "stat");
        if (!S_ISREG(st.st_mode)) /* a link to a folder, a device: no object */
                return 0;
        return put_once(s, key, fd, (uint64_t)st.st_size, e);
}

static int put_folder(struct saving *s, const char *key, const char *path, unsigned depth,
                      struct err *e);

static int put_entry(struct saving *s, const char *key, const char *path, unsigned depth,
                     struct err *e)
{
        struct stat st;
        if (++s->entries > ARTIFACT_ENTRIES_MAX)
                return err_set(e, ERR_LIMIT, "more than %d files", ARTIFACT_ENTRIES_MAX);
        if (fstatat(s->top, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(e, errno, "%s", path);
        if (S_ISDIR(st.st_mode))
                return put_folder(s, key, path, depth + 1, e);
        if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return 0;
        int fd = tree_open(s->top, path, O_RDONLY | O_NONBLOCK, 0, TREE_IN_ROOT);
        if (fd < 0 && S_ISLNK(st.st_mode)) /* it leads nowhere */
                return 0;
        int rc = fd < 0 ? err_errno(e, errno, "%s", path) : put_file(s, key, fd, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int put_marker(struct saving *s, const char *key, struct err *e)
{
        AUTO(mem_free) char *marker = s3_folder_prefix(key);
        int fd = memfd_create("empty", MFD_CLOEXEC);
        int rc = fd < 0 ? err_errno(e, errno, "memfd") : put_once(s, marker, fd, 0, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int put_folder(struct saving *s, const char *key, const char *path, unsigned depth,
                      struct err *e)
{
        if (depth > TREE_DEPTH_MAX)
                return err_set(e, ERR_LIMIT, "%s: folders are nested too deeply", path);
        int fd = openat(s->top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        size_t n = 0;
        if (!d)
                return err_errno(e, errno, "%s", path);
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
                if (streq(ent->d_name, ".") || streq(ent->d_name, ".."))
                        continue;
                AUTO(mem_free) char *below = mem_printf("%s/%s", path, ent->d_name);
                AUTO(mem_free)
                char *name = mem_printf("%s%s%s", key, str_ends(key, "/") ? "" : "/", ent->d_name);
                n++;
                rc = put_entry(s, name, below, depth, e);
        }
        closedir(d);
        return rc == 0 && n == 0 ? put_marker(s, key, e) : rc; /* an empty folder is one, too */
}

int s3_save(struct artifacts *a, const json_t *at, int from_dir, const char *from, struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        if (s3_place_and_key(&s3, &key, a, at, NULL, e) < 0)
                return -1;
        struct saving s = {.s3 = s3, .at = at};
        s.top = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        int rc = s.top < 0 || fstat(s.top, &st) < 0 ? err_errno(e, errno, "%s", from)
                 : S_ISDIR(st.st_mode)              ? put_folder(&s, key, ".", 0, e)
                                                    : put_file(&s, key, s.top, e);
        if (s.top >= 0)
                close(s.top);
        return rc;
}
