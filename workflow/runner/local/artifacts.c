/* workflow/runner/local/artifacts.c: inputs and outputs of a template -> records for the executor,
 * and what has to travel before and after it (transfer.c).
 *
 * The executor knows only the folder store. What lies elsewhere (s3, http, ...) is fetched to a
 * staging key of it, ".transfer/<uid>/<node>/in/<name>", and saved from ".../out/<name>"; so are
 * zip archives, which the executor does not read. The store keeps what a step wrote as plain files
 * under <prefix>/<artifact>/<file name>, and the output says so ("archive": {"none": {}}), so that
 * whoever consumes it does not look for a tarball; a tarball is made only when `archive.tar` or a
 * key that ends in .tgz asks for one (docs/decisions/0020). Elsewhere Argo's rule holds: a tarball,
 * unless archive says none or zip. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/artifact.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/tree.h"
#include "workflow/runner/local/local_priv.h"

static const char *name_of(const json_t *artifact)
{
        const char *name = json_str(artifact, "name");
        return name ? name : "";
}

/* A key of the folder store: one that means a folder may end in "/". Heap. */
static char *own_key(const char *key)
{
        size_t n = strlen(key);
        while (n > 1 && key[n - 1] == '/')
                n--;
        return mem_strndup(key, n);
}

static int check_key(const char *type, const char *key, struct err *e)
{
        AUTO(mem_free) char *own = own_key(key ? key : "");
        if (!*own || !tree_key_valid(own) || str_starts(own, STAGING "/"))
                return err_set(e, ERR_INVALID,
                               "%s.key: \"%s\" must be a relative path without \".\" and \"..\"",
                               type, key);
        return 0;
}

static char *staging_key(const struct pod_request *req, const char *way, const char *name)
{
        return mem_printf(STAGING "/%s/%s/%s/%s", req->workflow_uid, req->node_id, way, name);
}

/* ---- inputs ---- */

/* To be fetched before the pod starts. */
static void add_fetch(json_t *fetches, const json_t *whole, const char *to)
{
        json_array_append_new(fetches, json_pack("{s:O, s:s, s:b}", "artifact", whole, "to", to,
                                                 "zip", json_at(whole, "archive", "zip") != NULL));
}

/* The key in the folder store from which the executor takes it; NULL: there is none. Heap. */
static int input_key(char **key, bool *fetched, const struct pod_request *req, const json_t *in,
                     json_t *fetches, struct err *e)
{
        const char *type = NULL;
        AUTO_JSON json_t *whole =
                location_complete(in, json_object_get(req->template, "archiveLocation"));
        const json_t *at = location_of(whole, &type);
        if (!at)
                return 0;
        *fetched = location_is_remote(type) || json_at(in, "archive", "zip");
        if (!*fetched) {
                *key = own_key(location_key(at));
                return check_key(type, *key, e);
        }
        if (artifact_check(whole, ARTIFACT_FETCH, e) < 0)
                return -1;
        *key = staging_key(req, "in", name_of(in));
        add_fetch(fetches, whole, *key);
        return 0;
}

static void put_unpack(struct buf *b, const json_t *in)
{
        wire_put_u64(b, IN_UNPACK,
                     json_at(in, "archive", "none") || json_at(in, "archive", "zip") ? UNPACK_NONE
                     : json_at(in, "archive", "tar")                                 ? UNPACK_TAR
                                                     : UNPACK_DETECT);
}

static int put_input(struct buf *b, const struct pod_request *req, const json_t *in,
                     json_t *fetches, struct err *e)
{
        const char *path = json_str(in, "path");
        const json_t *raw = json_at(in, "raw", "data"), *mode = json_object_get(in, "mode");
        bool optional = json_is_true(json_object_get(in, "optional")), fetched = false;
        AUTO(mem_free) char *key = NULL;
        if (!raw && input_key(&key, &fetched, req, in, fetches, e) < 0)
                return -1;
        if (!raw && !key)
                return optional ? 0
                                : err_set(e, ERR_INVALID, "it has no location and is not optional");
        if (str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "path must be absolute: %s", path ? path : "");
        size_t group = wire_begin(b, S_INPUT);
        wire_put_str(b, IN_NAME, json_str(in, "name"));
        wire_put_str(b, IN_PATH, path);
        if (raw)
                wire_put(b, IN_DATA, json_string_value(raw), json_string_length(raw));
        else
                wire_put_str(b, IN_KEY, key);
        if (!fetched)
                wire_put_str(b, IN_SUBPATH, json_str(in, "subPath"));
        put_unpack(b, in);
        if (json_is_integer(mode))
                wire_put_u64(b, IN_MODE, (uint64_t)json_integer_value(mode) & 0777);
        wire_put_u64(b, IN_RECURSE, json_is_true(json_object_get(in, "recurseMode")));
        wire_put_u64(b, IN_OPTIONAL, optional);
        wire_end(b, group);
        return 0;
}

/* ---- outputs ---- */

static int put_param(struct buf *b, const json_t *param, struct err *e)
{
        const char *name = json_str(param, "name"), *path = json_str(param, "valueFrom", "path");
        const json_t *fallback = json_at(param, "valueFrom", "default");
        if (!name || str_empty(path))
                return err_set(e, ERR_UNSUPPORTED,
                               "outputs.parameters: \"%s\": a container's output parameter needs "
                               "valueFrom.path",
                               name ? name : "");
        size_t group = wire_begin(b, S_OUT_PARAM);
        wire_put_str(b, OUT_NAME, name);
        wire_put_str(b, OUT_PATH, path);
        if (fallback) {
                AUTO(mem_free) char *text = json_scalar_text(fallback);
                wire_put_str(b, OUT_DEFAULT, text);
        }
        wire_end(b, group);
        return 0;
}

/* Where artifacts of this pod go that do not say it: the prefix of their keys and the repository's
 * kind. */
struct home {
        char *prefix;
        const char *type;         /* "folder", "s3", ... */
        const json_t *repository; /* archiveLocation */
};

static int find_home(struct home *h, const struct pod_request *req, struct err *e)
{
        h->repository = json_object_get(req->template, "archiveLocation");
        const json_t *at = location_of(h->repository, &h->type);
        const char *key = at ? location_key(at) : "";
        h->type = at ? h->type : "folder";
        h->prefix = *key ? mem_strdup(key)
                         : mem_printf("%s/%s/%s", req->ns ? req->ns : "default", req->workflow,
                                      req->pod_name);
        return check_key("archiveLocation", h->prefix, e);
}

static char *base_name(const char *path)
{
        size_t n = strlen(path);
        while (n && path[n - 1] == '/')
                n--;
        size_t from = n;
        while (from && path[from - 1] != '/')
                from--;
        return mem_strndup(path + from, n - from);
}

enum packing { AS_IT_IS, PACK_TAR, PACK_ZIP };
struct output { /* one artifact, decided */
        enum packing packing;
        int level; /* of compression, -1: the default */
        bool staged;
        char *key;      /* of the folder store, for the executor */
        json_t *whole;  /* the artifact with its final location, made whole */
        json_t *record; /* what becomes part of the node's outputs */
};

static void output_deinit(struct output *o)
{
        mem_free(o->key);
        json_decref(o->whole);
        json_decref(o->record);
}

static enum packing packing_of(const json_t *out, bool here, const char *given)
{
        if (json_at(out, "archive", "none"))
                return AS_IT_IS;
        if (json_at(out, "archive", "zip"))
                return PACK_ZIP;
        if (json_at(out, "archive", "tar") || !here)
                return PACK_TAR;
        return given && (str_ends(given, ".tgz") || str_ends(given, ".tar.gz")) ? PACK_TAR
                                                                                : AS_IT_IS;
}

static char *default_key(const struct output *o, const json_t *out, const char *prefix, bool here)
{
        AUTO(mem_free) char *base = base_name(json_str(out, "path"));
        const char *name = name_of(out);
        if (o->packing == PACK_TAR)
                return mem_printf("%s/%s.tgz", prefix, name);
        if (o->packing == PACK_ZIP)
                return mem_printf("%s/%s.zip", prefix, name);
        return here && !json_at(out, "archive", "none") ? mem_printf("%s/%s/%s", prefix, name, base)
                                                        : mem_printf("%s/%s", prefix, base);
}

/* The final location: the artifact's own, made whole, or one of the repository. */
static int choose_location(struct output *o, const json_t *out, const struct home *h, struct err *e)
{
        const char *type = NULL;
        o->whole = location_complete(out, h->repository);
        const json_t *at = location_of(o->whole, &type);
        bool here = !location_is_remote(at ? type : h->type);
        o->packing = packing_of(out, here, at ? location_key(at) : NULL);
        o->staged = !here || o->packing == PACK_ZIP;
        if (at)
                return streq(type, "http") || streq(type, "artifactory")
                               ? 0
                               : check_key(type, location_key(at), e);
        AUTO(mem_free) char *key = default_key(o, out, h->prefix, here);
        json_object_set_new(o->whole, h->type, json_pack("{s:s}", "key", key));
        json_t *whole = location_complete(o->whole, h->repository);
        json_decref(o->whole);
        o->whole = whole;
        return check_key(h->type, key, e);
}

/* The location as Argo records it: one that was given stays, one of the repository is its key. */
static void make_record(struct output *o, const json_t *out)
{
        const char *type = NULL, *given = NULL;
        const json_t *at = location_of(o->whole, &type), *own = location_of(out, &given);
        o->record = json_copy((json_t *)(uintptr_t)out);
        if (!own || !streq(type, given) || streq(type, "folder")) {
                if (given)
                        json_object_del(o->record, given);
                json_object_set_new(o->record, type, json_pack("{s:s}", "key", location_key(at)));
        }
        if (o->packing == AS_IT_IS)
                json_object_set_new(o->record, "archive", json_pack("{s:{}}", "none"));
}

static int decide_output(struct output *o, const struct pod_request *req, const json_t *out,
                         const struct home *h, struct err *e)
{
        const char *type = NULL;
        const json_t *level = json_at(out, "archive", "tar", "compressionLevel");
        o->level = json_is_integer(level) ? (int)json_integer_value(level) : -1;
        if (choose_location(o, out, h, e) < 0 ||
            (o->staged && artifact_check(o->whole, ARTIFACT_SAVE, e) < 0))
                return -1;
        make_record(o, out);
        o->key = o->staged ? staging_key(req, "out", name_of(out))
                           : own_key(location_key(location_of(o->whole, &type)));
        if (o->staged)
                json_object_set_new(o->record, SAVE_MEMBER,
                                    json_pack("{s:s, s:s, s:b, s:O}", "from", o->key, "namespace",
                                              req->ns ? req->ns : "default", "zip",
                                              o->packing == PACK_ZIP, "artifact", o->whole));
        return 0;
}

static int put_artifact(struct buf *b, const struct pod_request *req, const json_t *out,
                        const struct home *h, struct err *e)
{
        const char *name = name_of(out), *path = json_str(out, "path");
        struct output o = {0};
        if (str_empty(name) || str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "needs a name and an absolute path");
        int rc = decide_output(&o, req, out, h, e);
        if (rc == 0) {
                AUTO(mem_free) char *text = json_text(o.record, JSON_STYLE_COMPACT);
                size_t group = wire_begin(b, S_OUT_ARTIFACT);
                wire_put_str(b, OUT_NAME, name);
                wire_put_str(b, OUT_PATH, path);
                wire_put_str(b, OUT_KEY, o.key);
                wire_put_u64(b, OUT_OPTIONAL, json_is_true(json_object_get(out, "optional")));
                if (o.packing == PACK_TAR)
                        wire_put_u64(b, OUT_TAR, (uint64_t)(o.level + 2));
                wire_put_str(b, OUT_JSON, text);
                wire_end(b, group);
        }
        output_deinit(&o);
        return rc;
}

/* The log of a container is an artifact whose file the executor knows. */
static int put_log(struct buf *b, const struct pod_request *req, const struct home *h,
                   const char *container, struct err *e)
{
        AUTO(mem_free)
        char *key = mem_printf("%s/%s.log", h->prefix, container),
             *name = mem_printf("%s-logs", container);
        AUTO_JSON json_t *out = json_pack("{s:s, s:{s:s}, s:{s:{}}}", "name", name, h->type, "key",
                                          key, "archive", "none");
        struct output o = {0};
        int rc = decide_output(&o, req, out, h, e);
        if (rc == 0) {
                AUTO(mem_free) char *text = json_text(o.record, JSON_STYLE_COMPACT);
                wire_put_str(b, S_LOG_KEY, o.key);
                wire_put_str(b, S_LOG_JSON, text);
        }
        output_deinit(&o);
        return rc;
}

int request_log(struct buf *b, const struct pod_request *req, const char *container, struct err *e)
{
        struct home h = {0};
        if (!json_is_true(json_at(req->template, "archiveLocation", "archiveLogs")))
                return 0;
        int rc = find_home(&h, req, e) < 0 ? -1 : put_log(b, req, &h, container, e);
        mem_free(h.prefix);
        return rc < 0 ? err_wrap(e, "archiveLogs") : 0;
}

/* ---- all of it ---- */

static int put_outputs(struct buf *b, const struct pod_request *req, const struct home *h,
                       struct err *e)
{
        size_t i;
        json_t *j;
        json_array_foreach (json_at(req->template, "outputs", "parameters"), i, j) {
                if (put_param(b, j, e) < 0)
                        return -1;
        }
        json_array_foreach (json_at(req->template, "outputs", "artifacts"), i, j) {
                if (put_artifact(b, req, j, h, e) < 0)
                        return err_wrap(e, "output artifact \"%s\"", name_of(j));
        }
        return 0;
}

int request_io(struct buf *b, const struct pod_request *req, json_t *fetches, struct err *e)
{
        struct home h = {0};
        size_t i;
        json_t *j;
        json_array_foreach (json_at(req->template, "inputs", "artifacts"), i, j) {
                if (put_input(b, req, j, fetches, e) < 0)
                        return err_wrap(e, "input artifact \"%s\"", name_of(j));
        }
        int rc = find_home(&h, req, e) < 0 ? -1 : put_outputs(b, req, &h, e);
        mem_free(h.prefix);
        return rc;
}
