/* workflow/runner/local/artifacts.c: inputs and outputs of a template -> records for the executor,
 * and what has to travel before and after it (transfer.c).
 *
 * The executor knows only the folder store. What lies elsewhere (s3, http, ...) is fetched to a
 * staging key of it, ".transfer/<uid>/<node>/in/<name>", and saved from ".../out/<name>"; so are
 * zip archives, which the executor does not read. Where outputs go: artifact/place.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/artifact.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/place.h"
#include "workflow/runner/local/local_priv.h"

static const char *name_of(const json_t *artifact)
{
        const char *name = json_str(artifact, "name");
        return name ? name : "";
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
                *key = place_own_key(location_key(at));
                return place_check_key(type, *key, e);
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

static int find_home(struct place_home *h, const struct pod_request *req, struct err *e)
{
        AUTO(mem_free)
        char *fallback =
                mem_printf("%s/%s/%s", req->ns ? req->ns : "default", req->workflow, req->pod_name);
        return place_home(h, json_object_get(req->template, "archiveLocation"), fallback, e);
}

struct output { /* one artifact, decided */
        struct place place;
        char *key; /* of the folder store, for the executor */
};

static void output_deinit(struct output *o)
{
        mem_free(o->key);
        place_deinit(&o->place);
}

static int decide_output(struct output *o, const struct pod_request *req, const json_t *out,
                         const struct place_home *h, struct err *e)
{
        struct place *p = &o->place;
        const char *type = NULL;
        if (place_output(p, out, h, e) < 0)
                return -1;
        bool staged = !p->here || p->packing == PACK_ZIP;
        if (staged && artifact_check(p->whole, ARTIFACT_SAVE, e) < 0)
                return -1;
        o->key = staged ? staging_key(req, "out", name_of(out))
                        : place_own_key(location_key(location_of(p->whole, &type)));
        if (staged)
                json_object_set_new(p->record, SAVE_MEMBER,
                                    json_pack("{s:s, s:s, s:b, s:O}", "from", o->key, "namespace",
                                              req->ns ? req->ns : "default", "zip",
                                              p->packing == PACK_ZIP, "artifact", p->whole));
        return 0;
}

static int put_artifact(struct buf *b, const struct pod_request *req, const json_t *out,
                        const struct place_home *h, struct err *e)
{
        const char *name = name_of(out), *path = json_str(out, "path");
        struct output o = {0};
        if (str_empty(name) || str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "needs a name and an absolute path");
        int rc = decide_output(&o, req, out, h, e);
        if (rc == 0) {
                AUTO(mem_free) char *text = json_text(o.place.record, JSON_STYLE_COMPACT);
                size_t group = wire_begin(b, S_OUT_ARTIFACT);
                wire_put_str(b, OUT_NAME, name);
                wire_put_str(b, OUT_PATH, path);
                wire_put_str(b, OUT_KEY, o.key);
                wire_put_u64(b, OUT_OPTIONAL, json_is_true(json_object_get(out, "optional")));
                if (o.place.packing == PACK_TAR)
                        wire_put_u64(b, OUT_TAR, (uint64_t)(o.place.level + 2));
                wire_put_str(b, OUT_JSON, text);
                wire_end(b, group);
        }
        output_deinit(&o);
        return rc;
}

/* The log of a container is an artifact whose file the executor knows. */
static int put_log(struct buf *b, const struct pod_request *req, const struct place_home *h,
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
                AUTO(mem_free) char *text = json_text(o.place.record, JSON_STYLE_COMPACT);
                wire_put_str(b, S_LOG_KEY, o.key);
                wire_put_str(b, S_LOG_JSON, text);
        }
        output_deinit(&o);
        return rc;
}

int request_log(struct buf *b, const struct pod_request *req, const char *container, struct err *e)
{
        struct place_home h = {0};
        if (!json_is_true(json_at(req->template, "archiveLocation", "archiveLogs")))
                return 0;
        int rc = find_home(&h, req, e) < 0 ? -1 : put_log(b, req, &h, container, e);
        place_home_deinit(&h);
        return rc < 0 ? err_wrap(e, "archiveLogs") : 0;
}

/* ---- all of it ---- */

static int put_outputs(struct buf *b, const struct pod_request *req, const struct place_home *h,
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
        struct place_home h = {0};
        size_t i;
        json_t *j;
        json_array_foreach (json_at(req->template, "inputs", "artifacts"), i, j) {
                if (put_input(b, req, j, fetches, e) < 0)
                        return err_wrap(e, "input artifact \"%s\"", name_of(j));
        }
        int rc = find_home(&h, req, e) < 0 ? -1 : put_outputs(b, req, &h, e);
        place_home_deinit(&h);
        return rc;
}
