/* workflow/image/images.c: the index of images and what a name means. The index is one small file,
 * replaced whole; a daemon looks at its time before it believes what it knows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/image/image_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX_MAX = 64 * 1024 * 1024 };

/* ---- the index ---- */

static void read_config_names(struct images *i)
{
        const char *name;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)i->config, name, value) {
                struct err e = {0};
                AUTO(mem_free) char *normal = reference_normal(name, &e);
                if (normal)
                        json_object_set_new(i->names, normal, json_string(name));
                err_clear(&e); /* such a name is found as it is written */
        }
}

int images_open(struct images **out, const char *data_dir, const json_t *config, struct err *e)
{
        AUTO(images_close) struct images *i = NEW(struct images);
        i->dir = mem_printf("%s/images", data_dir);
        i->config = config;
        i->names = json_object();
        i->index = json_object();
        read_config_names(i);
        if (images_read(i, e) < 0)
                return -1;
        *out = TAKE(i);
        return 0;
}

struct images *images_close(struct images *i)
{
        if (!i)
                return NULL;
        json_decref(i->names);
        json_decref(i->index);
        mem_free(i->dir);
        mem_free(i);
        return NULL;
}

int images_lock(struct images *i, int *fd, struct err *e)
{
        AUTO(mem_free) char *layers = fs_join(i->dir, "layers"), *path = fs_join(i->dir, "lock");
        if (fs_mkdirs(layers, 0700, e) < 0)
                return -1;
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (*fd < 0)
                return err_errno(e, errno, "%s", path);
        if (flock(*fd, LOCK_EX) == 0)
                return 0;
        close(*fd);
        return err_errno(e, errno, "%s", path);
}

int images_read(struct images *i, struct err *e)
{
        AUTO(mem_free) char *path = fs_join(i->dir, "index.json");
        AUTO_BUF struct buf text = BUF_INIT(INDEX_MAX);
        struct stat st;
        json_t *index = NULL;
        if (stat(path, &st) < 0) {
                json_object_clear(i->index);
                i->index_inode = 0;
                return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path);
        }
        if (i->index_inode == st.st_ino && i->index_size == st.st_size &&
            i->index_time.tv_sec == st.st_mtim.tv_sec &&
            i->index_time.tv_nsec == st.st_mtim.tv_nsec)
                return 0;
        if (fs_read(&text, path, INDEX_MAX, e) < 0 ||
            json_parse(&index, text.data, text.len, e) < 0)
                return err_wrap(e, "%s", path);
        json_decref(i->index);
        i->index = index;
        i->index_inode = st.st_ino;
        i->index_size = st.st_size;
        i->index_time = st.st_mtim;
        return 0;
}

int images_write(struct images *i, struct err *e)
{
        AUTO(mem_free)
        char *path = fs_join(i->dir, "index.json"), *text = json_text(i->index, JSON_STYLE_INDENT);
        i->index_inode = 0;
        return fs_write_atomic(path, text, strlen(text), 0600, e);
}

void images_put(struct images *i, const char *normal, json_t *entry_taken)
{
        json_put_at(i->index, entry_taken, "images", normal);
}

/* ---- what a name means ---- */

static char *text_of(const json_t *entry, const char *field)
{
        const char *text = json_str(entry, field);
        return str_empty(text) ? NULL : mem_strdup(text);
}

/* Ours, or as Argo's configuration calls it. */
static json_t *list_of(const json_t *entry, const char *field, const char *other)
{
        json_t *list = json_object_get(entry, field);
        if (!list && other)
                list = json_object_get(entry, other);
        return json_array_size(list) ? json_incref(list) : NULL;
}

static void take_config(struct image *out, const json_t *config)
{
        out->command = list_of(config, "command", "entrypoint");
        out->args = list_of(config, "args", "cmd");
        out->env = list_of(config, "env", NULL);
        out->user = text_of(config, "user");
        out->workdir = text_of(config, "workingDir");
}

static void take_entry(struct image *out, const json_t *entry)
{
        const json_t *ids = json_object_get(entry, "layers");
        out->known = true;
        out->root = text_of(entry, "root");
        take_config(out, json_object_get(entry, "config"));
        if (!json_array_size(ids))
                return;
        out->layers = json_array();
        for (size_t n = json_array_size(ids); n-- > 0;) {
                AUTO(mem_free)
                char *path = mem_printf("../images/layers/%s",
                                        json_string_value(json_array_get(ids, n)));
                json_array_append_new(out->layers, json_string(path));
        }
}

/* By its digest, whatever its name. */
static const json_t *find_digest(const struct images *i, const char *digest)
{
        const char *name;
        json_t *entry;
        json_object_foreach (json_object_get(i->index, "images"), name, entry) {
                if (streq(json_str(entry, "digest"), digest) ||
                    streq(json_str(entry, "id"), digest))
                        return entry;
        }
        return NULL;
}

static const json_t *find_entry(const struct images *i, const char *normal)
{
        const char *digest = strchr(normal, '@');
        return digest ? find_digest(i, digest + 1)
                      : json_object_get(json_object_get(i->index, "images"), normal);
}

int image_find(struct image *out, struct images *i, const char *name, struct err *e)
{
        struct err ignored = {0};
        *out = (struct image){0};
        if (str_empty(name))
                return 0;
        AUTO(mem_free) char *normal = reference_normal(name, &ignored);
        err_clear(&ignored); /* the host's root knows any name */
        const json_t *given = json_object_get(i->config, name);
        if (!given && normal)
                given = json_object_get(i->config,
                                        json_string_value(json_object_get(i->names, normal)));
        if (given) {
                out->known = true;
                out->root = text_of(given, "root");
                take_config(out, given);
                return 0;
        }
        if (images_read(i, e) < 0)
                return -1;
        const json_t *entry = normal ? find_entry(i, normal) : NULL;
        if (entry)
                take_entry(out, entry);
        return 0;
}

void image_deinit(struct image *image)
{
        json_decref(image->layers);
        json_decref(image->command);
        json_decref(image->args);
        json_decref(image->env);
        mem_free(image->root);
        mem_free(image->user);
        mem_free(image->workdir);
        *image = (struct image){0};
}

/* ---- list and remove ---- */

int images_list(struct images *i, json_t **out, struct err *e)
{
        if (images_read(i, e) < 0)
                return -1;
        json_t *list = json_array(), *entry;
        const char *name;
        json_object_foreach (json_object_get(i->index, "images"), name, entry) {
                json_t *row = json_pack("{s:s}", "name", name);
                json_object_update(row, entry);
                size_t at = json_array_size(list);
                while (at > 0 && strcmp(json_str(json_array_get(list, at - 1), "name"), name) > 0)
                        at--;
                json_array_insert_new(list, at, row);
        }
        *out = list;
        return 0;
}

static bool layer_used(const struct images *i, const char *id)
{
        const char *name;
        json_t *entry, *layer;
        size_t n;
        json_object_foreach (json_object_get(i->index, "images"), name, entry) {
                json_array_foreach (json_object_get(entry, "layers"), n, layer) {
                        if (streq(json_string_value(layer), id))
                                return true;
                }
        }
        return false;
}

static void layer_remove(const struct images *i, const char *id)
{
        struct err e = {0};
        AUTO(mem_free) char *path = mem_printf("%s/layers/%s", i->dir, id);
        if (fs_remove_tree(path, &e) < 0)
                err_clear(&e); /* the next load of that layer replaces it */
}

static int remove_locked(struct images *i, const char *name, struct err *e)
{
        AUTO(mem_free) char *normal = reference_normal(name, e);
        json_t *all;
        size_t n;
        json_t *layer;
        if (!normal || images_read(i, e) < 0)
                return -1;
        all = json_object_get(i->index, "images");
        AUTO_JSON json_t *entry = json_incref(json_object_get(all, normal));
        if (!entry)
                return err_set(e, ERR_NOT_FOUND, "image %s: not found (tiphys image list)", normal);
        json_object_del(all, normal);
        if (images_write(i, e) < 0)
                return -1;
        json_array_foreach (json_object_get(entry, "layers"), n, layer) {
                if (!layer_used(i, json_string_value(layer)))
                        layer_remove(i, json_string_value(layer));
        }
        return 0;
}

int images_remove(struct images *i, const char *name, struct err *e)
{
        int lock;
        if (images_lock(i, &lock, e) < 0)
                return -1;
        int rc = remove_locked(i, name, e);
        close(lock);
        return rc;
}
