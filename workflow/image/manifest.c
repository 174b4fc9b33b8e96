/* workflow/image/manifest.c: an OCI layout (oci-layout, index.json, blobs/) or an unpacked docker
 * archive (manifest.json) -> images. Every blob is read against its digest before it is believed;
 * of an image for several platforms this machine's is taken. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/image/image_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { JSON_MAX = 16 * 1024 * 1024, INDEX_DEPTH = 4, IMAGES_MAX = 1000 };

struct layout {
        struct images *images;
        int root;
        const char *name, *fallback; /* given; for images that do not name themselves */
        json_t *loaded;
};

/* ---- files and blobs ---- */

static int open_file(const struct layout *l, const char *path, struct err *e)
{
        struct stat st;
        int fd = tree_open(l->root, path, O_RDONLY | O_NONBLOCK, 0, TREE_IN_ROOT);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                return fd;
        close(fd);
        return err_set(e, ERR_INVALID, "%s: not a file", path);
}

static int hash_file(int fd, char hex[65], const char *path, struct err *e)
{
        unsigned char digest[32];
        char chunk[64 * 1024];
        struct sha256 h;
        ssize_t n;
        sha256_init(&h);
        while ((n = read(fd, chunk, sizeof(chunk))) > 0)
                sha256_add(&h, chunk, (size_t)n);
        int err = errno;
        sha256_end(&h, digest);
        hex_put(hex, digest, sizeof(digest));
        if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return err_errno(e, n < 0 ? err : errno, "%s", path);
        return 0;
}

static int open_blob(const struct layout *l, const char *digest, struct err *e)
{
        char hex[65];
        if (!digest || !str_starts(digest, "sha256:") || strlen(digest) != 7 + 64 ||
            digest[7 + strspn(digest + 7, "0123456789abcdef")])
                return err_set(e, ERR_INVALID, "\"%s\" is no sha256 digest", digest ? digest : "");
        AUTO(mem_free) char *path = mem_printf("blobs/sha256/%s", digest + 7);
        int fd = open_file(l, path, e);
        if (fd < 0)
                return -1;
        if (hash_file(fd, hex, path, e) == 0 && streq(hex, digest + 7))
                return fd;
        close(fd);
        return err_is_set(e) ? -1
                             : err_set(e, ERR_INVALID, "%s: its content has the digest sha256:%s",
                                       path, hex);
}

static int read_json(json_t **out, int fd, const char *what, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(JSON_MAX);
        for (;;) {
                char *to = buf_reserve(&b, 65536);
                ssize_t n = to ? read(fd, to, 65536) : -1;
                if (!to)
                        return err_set(e, ERR_LIMIT, "%s: larger than %d bytes", what, JSON_MAX);
                if (n < 0)
                        return err_errno(e, errno, "%s", what);
                if (n == 0)
                        break;
                b.len += (size_t)n;
        }
        return json_parse(out, buf_str(&b), b.len, e) < 0 ? err_wrap(e, "%s", what) : 0;
}

static int read_file(json_t **out, const struct layout *l, const char *path, struct err *e)
{
        int fd = open_file(l, path, e);
        int rc = fd < 0 ? -1 : read_json(out, fd, path, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int read_blob(json_t **out, const struct layout *l, const char *digest, struct err *e)
{
        int fd = open_blob(l, digest, e);
        int rc = fd < 0 ? -1 : read_json(out, fd, digest, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

/* ---- an image ---- */

static void take_list(json_t *to, const char *as, const json_t *list)
{
        if (json_array_size(list))
                json_object_set(to, as, (json_t *)(uintptr_t)list);
}

json_t *config_of_image(const json_t *image_config)
{
        const json_t *c = json_object_get(image_config, "config");
        json_t *ours = json_object();
        take_list(ours, "command", json_object_get(c, "Entrypoint"));
        take_list(ours, "args", json_object_get(c, "Cmd"));
        take_list(ours, "env", json_object_get(c, "Env"));
        if (!str_empty(json_str(c, "User")))
                json_object_set(ours, "user", json_object_get(c, "User"));
        if (!str_empty(json_str(c, "WorkingDir")))
                json_object_set(ours, "workingDir", json_object_get(c, "WorkingDir"));
        return ours;
}

static char *now_text(void)
{
        char text[40];
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        time_rfc3339_nano((int64_t)t.tv_sec * 1000000000, text);
        return mem_strdup(text);
}

struct parts { /* of one image, however it was described */
        const json_t *config;
        const char *id, *digest;
        json_t *layers; /* paths or digests, bottom first */
        bool are_digests;
};

static int open_layer(const struct layout *l, const struct parts *p, const char *layer,
                      struct err *e)
{
        return p->are_digests ? open_blob(l, layer, e) : open_file(l, layer, e);
}

static int load_layers(struct layout *l, const struct parts *p, json_t *ids, struct err *e)
{
        const json_t *diffs = json_at(p->config, "rootfs", "diff_ids");
        size_t i, n = json_array_size(p->layers);
        json_t *layer;
        if (json_array_size(diffs) != n || n > LAYERS_MAX)
                return err_set(e, ERR_INVALID, "%zu layers, %zu diff_ids; at most %d", n,
                               json_array_size(diffs), LAYERS_MAX);
        json_array_foreach (p->layers, i, layer) {
                const char *diff = json_string_value(json_array_get(diffs, i));
                char id[LAYER_ID + 1];
                int fd = open_layer(l, p, json_string_value(layer), e);
                int rc = fd < 0  ? -1
                         : !diff ? err_set(e, ERR_INVALID, "rootfs.diff_ids[%zu]: not a string", i)
                                 : layer_load(l->images, fd, diff, id, e);
                if (fd >= 0)
                        close(fd);
                if (rc < 0)
                        return -1;
                json_array_append_new(ids, json_string(id));
        }
        return 0;
}

static int add_image(struct layout *l, const struct parts *p, const char *name, struct err *e)
{
        AUTO(mem_free) char *normal = reference_normal(name, e), *now = now_text();
        AUTO_JSON json_t *ids = json_array();
        const char *os = json_str(p->config, "os");
        if (!normal)
                return -1;
        if (!str_empty(os) && !streq(os, "linux"))
                return err_set(e, ERR_UNSUPPORTED, "image %s: is for %s", normal, os);
        if (json_array_size(l->loaded) >= IMAGES_MAX)
                return err_set(e, ERR_LIMIT, "more than %d images", IMAGES_MAX);
        if (load_layers(l, p, ids, e) < 0)
                return err_wrap(e, "image %s", normal);
        json_t *entry = json_pack("{s:s, s:O, s:s, s:o}", "id", p->id, "layers", ids, "loaded", now,
                                  "config", config_of_image(p->config));
        if (p->digest)
                json_object_set_new(entry, "digest", json_string(p->digest));
        images_put(l->images, normal, entry);
        json_array_append_new(l->loaded, json_string(normal));
        return 0;
}

/* ---- OCI ---- */

static const char *machine(void)
{
#if defined(__x86_64__)
        return "amd64";
#elif defined(__aarch64__)
        return "arm64";
#else
        return "";
#endif
}

/* ref.name may be a tag only: then the layout's own name stands before it. Heap. */
static char *name_of(const struct layout *l, const json_t *descriptor)
{
        const char *whole = json_str(descriptor, "annotations", "io.containerd.image.name"),
                   *ref = json_str(descriptor, "annotations", "org.opencontainers.image.ref.name");
        if (l->name)
                return mem_strdup(l->name);
        if (!str_empty(whole))
                return mem_strdup(whole);
        if (str_empty(ref))
                return mem_strdup(l->fallback);
        return strpbrk(ref, "/:") ? mem_strdup(ref) : mem_printf("%s:%s", l->fallback, ref);
}

static bool is_index(const json_t *j)
{
        const char *type = json_str(j, "mediaType");
        return json_object_get(j, "manifests") ||
               (type && (strstr(type, "image.index") || strstr(type, "manifest.list")));
}

static int load_manifest(struct layout *l, const json_t *manifest, const char *digest,
                         const char *name, struct err *e)
{
        const char *config_digest = json_str(manifest, "config", "digest");
        json_t *config = NULL, *layer;
        AUTO_JSON json_t *layers = json_array();
        size_t i;
        if (read_blob(&config, l, config_digest, e) < 0)
                return err_wrap(e, "image configuration");
        json_array_foreach (json_object_get(manifest, "layers"), i, layer)
                json_array_append_new(
                        layers,
                        json_string(json_str(layer, "digest") ? json_str(layer, "digest") : ""));
        const struct parts p = {config, config_digest, digest, layers, true};
        int rc = add_image(l, &p, name, e);
        json_decref(config);
        return rc;
}

static const json_t *choose_platform(const json_t *index)
{
        const json_t *first = NULL;
        size_t i;
        json_t *m;
        json_array_foreach (json_object_get(index, "manifests"), i, m) {
                first = first ? first : m;
                if (streq(json_str(m, "platform", "architecture"), machine()) &&
                    streq(json_str(m, "platform", "os"), "linux"))
                        return m;
        }
        return first;
}

static int load_descriptor(struct layout *l, const json_t *descriptor, const char *name, int depth,
                           struct err *e)
{
        const char *digest = json_str(descriptor, "digest");
        json_t *j = NULL;
        if (read_blob(&j, l, digest, e) < 0)
                return -1;
        int rc;
        if (!is_index(j))
                rc = load_manifest(l, j, digest, name, e);
        else if (depth == INDEX_DEPTH || !choose_platform(j))
                rc = err_set(e, ERR_INVALID, "%s: an index without an image", digest);
        else
                rc = load_descriptor(l, choose_platform(j), name, depth + 1, e);
        json_decref(j);
        return rc;
}

static int load_oci(struct layout *l, struct err *e)
{
        json_t *index = NULL, *descriptor;
        size_t i;
        int rc = read_file(&index, l, "index.json", e);
        size_t n = json_array_size(json_object_get(index, "manifests"));
        if (rc == 0 && !n)
                rc = err_set(e, ERR_INVALID, "index.json: no manifests");
        if (rc == 0 && l->name && n > 1)
                rc = err_set(e, ERR_INVALID, "it holds %zu images: they keep their own names", n);
        json_array_foreach (json_object_get(index, "manifests"), i, descriptor) {
                AUTO(mem_free) char *name = name_of(l, descriptor);
                if (rc == 0)
                        rc = load_descriptor(l, descriptor, name, 0, e);
        }
        json_decref(index);
        return rc;
}

/* ---- docker ---- */

/* "<sha256>.json" or "blobs/sha256/<sha256>". */
static int check_config(const struct layout *l, const char *path, char id[7 + 64 + 1],
                        struct err *e)
{
        char hex[65];
        const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
        int fd = open_file(l, path, e);
        int rc = fd < 0 ? -1 : hash_file(fd, hex, path, e);
        if (fd >= 0)
                close(fd);
        if (rc < 0)
                return -1;
        if (strspn(last, "0123456789abcdef") == 64 && strncmp(last, hex, 64) != 0)
                return err_set(e, ERR_INVALID, "%s: its content has the digest sha256:%s", path,
                               hex);
        snprintf(id, 7 + 64 + 1, "sha256:%s", hex);
        return 0;
}

static int load_one(struct layout *l, const json_t *one, struct err *e)
{
        const char *path = json_str(one, "Config");
        const json_t *tags = json_object_get(one, "RepoTags");
        char id[7 + 64 + 1];
        json_t *config = NULL, *tag;
        size_t i;
        if (!path)
                return err_set(e, ERR_INVALID, "manifest.json: an image without Config");
        if (check_config(l, path, id, e) < 0 || read_file(&config, l, path, e) < 0)
                return -1;
        const struct parts p = {config, id, NULL, json_object_get(one, "Layers"), false};
        int rc = 0;
        if (l->name || !json_array_size(tags))
                rc = add_image(l, &p, l->name ? l->name : l->fallback, e);
        else
                json_array_foreach (tags, i, tag) {
                        if (rc == 0)
                                rc = add_image(l, &p, json_string_value(tag), e);
                }
        json_decref(config);
        return rc;
}

static int load_docker(struct layout *l, struct err *e)
{
        json_t *list = NULL, *one;
        size_t i;
        int rc = read_file(&list, l, "manifest.json", e);
        if (rc == 0 && !json_array_size(list))
                rc = err_set(e, ERR_INVALID, "manifest.json: no images");
        if (rc == 0 && l->name && json_array_size(list) > 1)
                rc = err_set(e, ERR_INVALID, "it holds %zu images: they keep their own names",
                             json_array_size(list));
        json_array_foreach (list, i, one) {
                if (rc == 0)
                        rc = load_one(l, one, e);
        }
        json_decref(list);
        return rc;
}

static bool has(int root, const char *name)
{
        struct stat st;
        return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

bool is_layout(int root)
{
        return (has(root, "oci-layout") && has(root, "index.json")) || has(root, "manifest.json");
}

int layout_load(struct images *i, int root, const char *name, const char *fallback, json_t *loaded,
                struct err *e)
{
        struct layout l = {i, root, name, fallback, loaded};
        /* `docker save` writes both since version 25; its tags are in manifest.json. */
        return has(root, "manifest.json") ? load_docker(&l, e) : load_oci(&l, e);
}
