/* workflow/runner/local/volumes.c: volumes -> records. Those that no container mounts are left out,
 * so their content is not asked for either. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/runner/local/build_priv.h"

enum { DEFAULT_MODE = 0644 };

/* ---- who mounts what ---- */

/* Shorter mount paths first, so that a volume inside another is mounted after it. */
static json_t *sorted_mounts(const json_t *mounts)
{
        json_t *sorted = json_array();
        size_t i;
        json_t *mount;
        json_array_foreach (mounts, i, mount) {
                const char *path = json_str(mount, "mountPath"), *other;
                size_t at = json_array_size(sorted);
                while (at > 0 && path &&
                       (other = json_str(json_array_get(sorted, at - 1), "mountPath")) &&
                       strlen(other) > strlen(path))
                        at--;
                json_array_insert(sorted, at, mount);
        }
        return sorted;
}

static const json_t *find_volume(const json_t *template, const char *name)
{
        size_t i;
        json_t *v;
        json_array_foreach (json_object_get(template, "volumes"), i, v) {
                if (streq(json_str(v, "name"), name))
                        return v;
        }
        return NULL;
}

static void want_object(struct build *build, const json_t *volume)
{
        const json_t *sources = json_at(volume, "projected", "sources");
        size_t i;
        json_t *source;
        content_want(build, true, json_str(volume, "secret", "secretName"));
        content_want(build, false, json_str(volume, "configMap", "name"));
        json_array_foreach (sources, i, source) {
                content_want(build, true, json_str(source, "secret", "name"));
                content_want(build, false, json_str(source, "configMap", "name"));
        }
}

/* Its index among the volumes of the request. */
static int use_volume(struct build *build, const char *name, uint64_t *at, struct err *e)
{
        json_t *volume = (json_t *)(uintptr_t)find_volume(build->template, name);
        size_t i;
        json_t *known;
        if (!volume)
                return err_set(e, ERR_INVALID, "volumeMounts: there is no volume \"%s\"",
                               name ? name : "");
        json_array_foreach (build->volumes, i, known) {
                if (known != volume)
                        continue;
                *at = i;
                return 0;
        }
        *at = json_array_size(build->volumes);
        json_array_append(build->volumes, volume);
        want_object(build, volume);
        return 0;
}

static int put_mount(struct part *part, const json_t *mount, struct err *e)
{
        struct buf *b = &part->records;
        const char *path = json_str(mount, "mountPath"), *expr = json_str(mount, "subPathExpr");
        uint64_t volume = 0;
        if (use_volume(part->build, json_str(mount, "name"), &volume, e) < 0)
                return -1;
        if (str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "volumeMounts: mountPath must be absolute: %s",
                               path ? path : "");
        size_t group = wire_begin(b, S_MOUNT);
        wire_put_u64(b, M_VOLUME, volume);
        wire_put_str(b, M_PATH, path);
        wire_put_str(b, M_SUBPATH, json_str(mount, "subPath"));
        wire_put_str(b, M_SUBPATH_EXPR, str_empty(expr) ? NULL : expr);
        wire_put_u64(b, M_READ_ONLY, json_is_true(json_object_get(mount, "readOnly")));
        wire_end(b, group);
        return 0;
}

/* Its own; those of the containerSet; main's, where it mirrors them. */
static json_t *all_mounts(const struct part *part)
{
        const json_t *t = part->build->template, *script = json_object_get(t, "script");
        json_t *all = json_array();
        json_array_extend(all, json_object_get(part->container, "volumeMounts"));
        if (part->role == ROLE_MAIN)
                json_array_extend(all, json_at(t, "containerSet", "volumeMounts"));
        else if (json_is_true(json_object_get(part->container, "mirrorVolumeMounts")))
                json_array_extend(all,
                                  json_object_get(script ? script : json_object_get(t, "container"),
                                                  "volumeMounts"));
        return all;
}

int put_mounts(struct part *part, struct err *e)
{
        AUTO_JSON json_t *all = all_mounts(part);
        AUTO_JSON json_t *mounts = sorted_mounts(all);
        size_t i;
        json_t *mount;
        if (json_array_size(mounts) && !part->build->r->sandbox)
                return err_set(e, ERR_UNSUPPORTED,
                               "container.volumeMounts need a sandbox: run without "
                               "--isolation=none, or use paths of the host");
        json_array_foreach (mounts, i, mount) {
                if (put_mount(part, mount, e) < 0)
                        return -1;
        }
        return 0;
}

/* ---- volumes of files ---- */

static void put_file(struct buf *b, const char *path, const void *data, size_t n,
                     const json_t *mode)
{
        size_t group = wire_begin(b, V_FILE);
        wire_put_str(b, F_PATH, path);
        wire_put(b, F_DATA, data, n);
        if (json_is_integer(mode))
                wire_put_u64(b, F_MODE, (uint64_t)json_integer_value(mode));
        wire_end(b, group);
}

/* A key's bytes; false when the object does not have it. */
static bool value_of(const json_t *object, const char *key, struct buf *out)
{
        bool secret = streq(json_str(object, "kind"), "Secret");
        const char *text = json_string_value(json_at(object, "data", key)),
                   *binary = json_string_value(json_at(object, "binaryData", key)),
                   *plain = json_string_value(json_at(object, "stringData", key));
        if (plain) {
                buf_adds(out, plain);
                return true;
        }
        if (binary || (secret && text))
                return base64_get(out, binary ? binary : text, strlen(binary ? binary : text));
        if (text)
                buf_adds(out, text);
        return text;
}

static int put_key(struct buf *b, const json_t *object, const char *key, const char *path,
                   const json_t *mode, struct err *e)
{
        AUTO_BUF struct buf value = BUF_INIT(8 * 1024 * 1024);
        if (!value_of(object, key, &value))
                return err_set(e, ERR_NOT_FOUND, "key %s: not found", key);
        put_file(b, path, buf_str(&value), value.len, mode);
        if (value.data)
                explicit_bzero(value.data, value.cap);
        return 0;
}

static int put_keys(struct buf *b, const json_t *object, const json_t *from, struct err *e)
{
        static const char *const maps[] = {"data", "binaryData", "stringData"};
        const json_t *items = json_object_get(from, "items");
        bool optional = json_is_true(json_object_get(from, "optional"));
        size_t i;
        json_t *item;
        const char *key;
        json_array_foreach (items, i, item) {
                const char *name = json_str(item, "key"), *path = json_str(item, "path");
                struct err missing = {0};
                if (!name || !path)
                        return err_set(e, ERR_INVALID, "items[%zu]: needs key and path", i);
                if (put_key(b, object, name, path, json_object_get(item, "mode"), &missing) < 0 &&
                    !optional) {
                        err_move(e, &missing);
                        return -1;
                }
                err_clear(&missing);
        }
        for (size_t m = 0; !items && m < ARRAY_LEN(maps); m++) {
                json_object_foreach (json_object_get(object, maps[m]), key, item) {
                        if (put_key(b, object, key, key, NULL, e) < 0)
                                return -1;
                }
        }
        return 0;
}

static int put_object(const struct build *build, struct buf *b, const json_t *from, bool secret,
                      struct err *e)
{
        const char *name = json_str(from, "name"), *kind = secret ? "Secret" : "ConfigMap";
        name = name ? name : json_str(from, "secretName");
        if (!name)
                return err_set(e, ERR_INVALID, "%s: needs a name", kind);
        const json_t *object = content_of(build, secret, name);
        if (object)
                return put_keys(b, object, from, e) < 0
                               ? err_wrap(e, "%s %s/%s", kind, build->ns, name)
                               : 0;
        if (json_is_true(json_object_get(from, "optional")))
                return 0;
        return err_set(e, ERR_NOT_FOUND, "%s %s/%s: not found, and not optional", kind, build->ns,
                       name);
}

static int put_downward(const struct build *build, struct buf *b, const json_t *from, struct err *e)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(from, "items"), i, item) {
                const char *path = json_str(item, "path");
                AUTO(mem_free) char *value = NULL;
                if (!path)
                        return err_set(e, ERR_INVALID, "downwardAPI.items[%zu]: needs a path", i);
                if (env_downward(build->parts[build->n - 1].env, item, &value, e) < 0)
                        return err_wrap(e, "downwardAPI %s", path);
                put_file(b, path, value, strlen(value), json_object_get(item, "mode"));
        }
        return 0;
}

static int put_projected(const struct build *build, struct buf *b, const json_t *from,
                         struct err *e)
{
        static const char *const later[] = {"serviceAccountToken", "clusterTrustBundle",
                                            "podCertificate", NULL};
        size_t i;
        json_t *source;
        json_array_foreach (json_object_get(from, "sources"), i, source) {
                const json_t *secret = json_object_get(source, "secret"),
                             *config = json_object_get(source, "configMap"),
                             *downward = json_object_get(source, "downwardAPI");
                if (refuse_fields(source, later, "projected.sources[].", e) < 0 ||
                    (secret && put_object(build, b, secret, true, e) < 0) ||
                    (config && put_object(build, b, config, false, e) < 0) ||
                    (downward && put_downward(build, b, downward, e) < 0))
                        return -1;
        }
        return 0;
}

static int put_files(const struct build *build, struct buf *b, const json_t *volume, struct err *e)
{
        static const char *const kinds[] = {"secret", "configMap", "projected", "downwardAPI"};
        const json_t *from = NULL, *mode;
        size_t kind = 0;
        for (; kind < ARRAY_LEN(kinds) && !(from = json_object_get(volume, kinds[kind])); kind++)
                ;
        mode = json_object_get(from, "defaultMode");
        wire_put_u64(b, V_KIND, VOLUME_FILES);
        wire_put_u64(b, V_MODE,
                     json_is_integer(mode) ? (uint64_t)json_integer_value(mode) : DEFAULT_MODE);
        switch (kind) {
        case 0: return put_object(build, b, from, true, e);
        case 1: return put_object(build, b, from, false, e);
        case 2: return put_projected(build, b, from, e);
        default: return put_downward(build, b, from, e);
        }
}

/* ---- the others ---- */

static bool path_allowed(const struct runner *r, const char *path)
{
        size_t i;
        json_t *prefix;
        if (!r->o.host_paths)
                return true;
        json_array_foreach (r->o.host_paths, i, prefix) {
                const char *p = json_string_value(prefix);
                size_t n = p ? strlen(p) : 0;
                while (n > 1 && p[n - 1] == '/')
                        n--;
                if (n && strncmp(path, p, n) == 0 && (n == 1 || path[n] == '/' || !path[n]) &&
                    !strstr(path, "/../") && !str_ends(path, "/.."))
                        return true;
        }
        return false;
}

static int put_host_path(const struct build *build, struct buf *b, const json_t *from,
                         struct err *e)
{
        const char *path = json_str(from, "path");
        if (str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "hostPath.path must be absolute: %s",
                               path ? path : "");
        if (!path_allowed(build->r, path))
                return err_set(e, ERR_DENIED, "hostPath %s is not allowed here (--host-path)",
                               path);
        wire_put_u64(b, V_KIND, VOLUME_HOST_PATH);
        wire_put_str(b, V_PATH, path);
        wire_put_str(b, V_CHECK, json_str(from, "type"));
        return 0;
}

static int put_claim(const struct build *build, struct buf *b, const json_t *from, struct err *e)
{
        const char *claim = json_str(from, "claimName");
        if (!name_valid(claim) || !name_valid(build->ns))
                return err_set(e, ERR_INVALID,
                               "persistentVolumeClaim.claimName: \"%s\" cannot be "
                               "the name of a folder",
                               claim ? claim : "");
        AUTO(mem_free) char *key = mem_printf("volumes/%s/%s", build->ns, claim);
        wire_put_u64(b, V_KIND, VOLUME_CLAIM);
        wire_put_str(b, V_PATH, key);
        return 0;
}

static int put_empty(struct buf *b, const json_t *empty, struct err *e)
{
        const char *medium = json_str(empty, "medium");
        const json_t *limit = json_object_get(empty, "sizeLimit");
        int64_t size = 0;
        if (limit && !quantity_of(limit, false, &size))
                return err_set(e, ERR_INVALID, "emptyDir.sizeLimit: not a quantity");
        wire_put_u64(b, V_KIND, streq(medium, "Memory") ? VOLUME_MEMORY : VOLUME_EMPTY);
        wire_put_u64(b, V_SIZE, size > 0 ? (uint64_t)size : 0);
        return 0;
}

static int refuse_kind(const json_t *volume, struct err *e)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)volume, key, value) {
                if (!streq(key, "name"))
                        return err_set(e, ERR_UNSUPPORTED, "not supported yet: %s (local runner)",
                                       key);
        }
        return err_set(e, ERR_INVALID, "no volume type");
}

static int put_volume(const struct build *build, struct buf *b, const json_t *volume, struct err *e)
{
        const json_t *host = json_object_get(volume, "hostPath"),
                     *claim = json_object_get(volume, "persistentVolumeClaim"),
                     *empty = json_object_get(volume, "emptyDir");
        if (host)
                return put_host_path(build, b, host, e);
        if (claim)
                return put_claim(build, b, claim, e);
        if (empty || json_object_get(volume, "ephemeral"))
                return put_empty(b, empty, e);
        if (json_object_get(volume, "secret") || json_object_get(volume, "configMap") ||
            json_object_get(volume, "projected") || json_object_get(volume, "downwardAPI"))
                return put_files(build, b, volume, e);
        return refuse_kind(volume, e);
}

int put_volumes(struct build *build, struct buf *b, struct err *e)
{
        size_t i;
        json_t *volume;
        json_array_foreach (build->volumes, i, volume) {
                size_t group = wire_begin(b, S_VOLUME);
                wire_put_str(b, V_NAME, json_str(volume, "name"));
                if (put_volume(build, b, volume, e) < 0)
                        return err_wrap(e, "volume \"%s\"", json_str(volume, "name"));
                wire_end(b, group);
        }
        return 0;
}
