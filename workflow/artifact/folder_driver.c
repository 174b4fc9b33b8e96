/* workflow/artifact/folder_driver.c: {"folder": {"key"}}: the local store as an artifact driver.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "workflow/artifact/artifact_driver.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_at(struct artifacts *a, const json_t *at, const char *sub, int flags, struct err *e)
{
        const char *key = json_str(at, "key");
        AUTO(mem_free)
        char *path = key ? mem_printf("%s%s%s", key, sub && *sub ? "/" : "", sub ? sub : "") : NULL;
        if (!path || !tree_key_valid(path))
                return err_set(e, ERR_INVALID,
                               "key \"%s\": must be a relative path without \".\" and \"..\"",
                               path ? path : "");
        int fd = tree_open(a->store, path, flags, 0, TREE_NO_LINKS);
        return fd < 0 ? err_errno(e, errno, "%s", path) : fd;
}

static artifact_stat_fn folder_stat;
static artifact_open_fn folder_open;
static artifact_list_fn folder_list;
static artifact_pack_fn folder_pack;
static artifact_delete_fn folder_remove;
static artifact_fetch_fn folder_fetch;
static artifact_save_fn folder_save;

static int folder_stat(struct artifacts *a, const json_t *at, const char *sub,
                       struct artifact_info *out, struct err *e)
{
        struct stat st;
        int fd = open_at(a, at, sub, O_PATH, e);
        if (fd < 0)
                return -1;
        int rc = fstat(fd, &st) < 0 ? err_errno(e, errno, "stat") : 0;
        close(fd);
        if (rc == 0)
                *out = (struct artifact_info){
                        S_ISDIR(st.st_mode),
                        S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size,
                        {(int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec}};
        return rc;
}

static int folder_open(struct artifacts *a, const json_t *at, const char *sub, int *fd,
                       struct err *e)
{
        struct stat st;
        int got = open_at(a, at, sub, O_RDONLY | O_NONBLOCK, e);
        if (got < 0)
                return -1;
        if (fstat(got, &st) < 0 || !S_ISREG(st.st_mode)) {
                close(got);
                return err_set(e, ERR_INVALID, "it is a folder");
        }
        *fd = got;
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(json_str(*(json_t *const *)a, "name"), json_str(*(json_t *const *)b, "name"));
}

static void add_sorted(json_t *to, const json_t *found, int (*order)(const void *, const void *))
{
        size_t n = json_array_size(found);
        json_t **items = mem_calloc(n + 1, sizeof(*items));
        for (size_t i = 0; i < n; i++)
                items[i] = json_array_get(found, i);
        qsort(items, n, sizeof(*items), order);
        for (size_t i = 0; i < n; i++)
                json_array_append(to, items[i]);
        mem_free(items);
}

static void add_entry(json_t *list, int dir, const char *name)
{
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        json_t *text = json_string(name);
        if (text) /* else it is no UTF-8: only a tarball can hold it */
                json_array_append_new(
                        list,
                        json_pack("{s:o, s:b, s:I}", "name", text, "folder", S_ISDIR(st.st_mode),
                                  "bytes", (json_int_t)(S_ISREG(st.st_mode) ? st.st_size : 0)));
}

static int folder_list(struct artifacts *a, const json_t *at, const char *sub, json_t **out,
                       struct err *e)
{
        int fd = open_at(a, at, sub, O_RDONLY | O_DIRECTORY, e);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return -1;
        AUTO_JSON json_t *found = json_array();
        for (struct dirent *ent; (ent = readdir(d));)
                add_entry(found, fd, ent->d_name);
        closedir(d);
        *out = json_array();
        add_sorted(*out, found, by_name);
        return 0;
}

static int folder_pack(struct artifacts *a, const json_t *at, const char *sub, int fd,
                       struct err *e)
{
        int found = open_at(a, at, sub, O_PATH, e); /* is it there at all? */
        if (found < 0)
                return -1;
        close(found);
        AUTO(mem_free)
        char *path =
                mem_printf("%s%s%s", json_str(at, "key"), sub && *sub ? "/" : "", sub ? sub : "");
        char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        if (slash)
                *slash = '\0';
        int dir = slash ? tree_open(a->store, path, O_PATH | O_DIRECTORY, 0, TREE_NO_LINKS)
                        : dup(a->store);
        int rc = dir < 0 ? err_errno(e, errno, "%s", path) : tar_pack(dir, name, fd, -1, e);
        if (dir >= 0)
                close(dir);
        return rc;
}

static int folder_remove(struct artifacts *a, const json_t *at, struct err *e)
{
        const char *key = json_str(at, "key");
        return folder_delete(a->store, key ? key : "", e);
}

static int folder_fetch(struct artifacts *a, const json_t *at, const char *sub, int to_dir,
                        const char *to, struct err *e)
{
        const char *key = json_str(at, "key");
        return folder_get(a->store, key ? key : "", sub, FOLDER_PLAIN, false, to_dir, to, e);
}

static int folder_save(struct artifacts *a, const json_t *at, int from_dir, const char *from,
                       struct err *e)
{
        const char *key = json_str(at, "key");
        struct tree_copy how = {.link_dir = -1};
        return folder_put(a->store, key ? key : "", &how, from_dir, from, e);
}

static int add_keys(int dir, const char *key, json_t *out, unsigned depth, struct err *e)
{
        DIR *d = fdopendir(dir);
        int rc = 0;
        if (!d) {
                close(dir);
                return err_errno(e, errno, "%s", key);
        }
        for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
                struct stat st;
                if (ent->d_name[0] == '.' ||
                    fstatat(dir, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue; /* ".", "..", what is unfinished or on its way */
                AUTO(mem_free)
                char *below = mem_printf("%s%s%s", key, *key ? "/" : "", ent->d_name);
                json_t *text = S_ISREG(st.st_mode) ? json_string(below) : NULL;
                if (text)
                        json_array_append_new(out, text);
                if (json_array_size(out) > ARTIFACT_ENTRIES_MAX || depth > TREE_DEPTH_MAX)
                        rc = err_set(e, ERR_LIMIT, "%s: too many files, or nested too deeply", key);
                int fd = rc == 0 && S_ISDIR(st.st_mode)
                                 ? openat(dir, ent->d_name,
                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                 : -1;
                if (fd >= 0)
                        rc = add_keys(fd, below, out, depth + 1, e);
        }
        closedir(d);
        return rc;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(json_string_value(*(json_t *const *)a),
                      json_string_value(*(json_t *const *)b));
}

static int folder_keys(struct artifacts *a, const json_t *at, json_t *out, struct err *e)
{
        const char *key = json_str(at, "key");
        AUTO_JSON json_t *found = json_array();
        size_t len = key ? strlen(key) : 0;
        AUTO(mem_free)
        char *clean = mem_strndup(key ? key : "", len && key[len - 1] == '/' ? len - 1 : len);
        AUTO_JSON json_t *where = json_pack("{s:s}", "key", clean);
        int fd = *clean ? open_at(a, where, NULL, O_RDONLY | O_DIRECTORY, e)
                        : openat(a->store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || add_keys(fd, clean, found, 0, e) < 0)
                return -1;
        add_sorted(out, found, by_text);
        return 0;
}

const struct artifact_driver artifact_driver_folder = {
        .type = "folder",
        .stat = folder_stat,
        .open = folder_open,
        .list = folder_list,
        .pack = folder_pack,
        .delete = folder_remove,
        .fetch = folder_fetch,
        .save = folder_save,
        .keys = folder_keys,
};
