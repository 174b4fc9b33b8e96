/* workflow/runner/local/artifacts.c: inputs and outputs of a template -> records for the executor.
 *
 * The folder store keeps what a step wrote as plain files under <prefix>/<artifact>/<file name>,
 * and the output says so
 * ("archive": {"none": {}}), so that whoever consumes it does not look for a tarball. A tarball is
 * made only when `archive.tar` or a key that ends in .tgz asks for one (docs/decisions/0020). A
 * location of another store that gives only a key (as files written for a default repository do) is
 * a key of ours. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/tree.h"
#include "workflow/runner/local/local_priv.h"

static const char *const locations[] = {"folder", "s3",   "gcs",         "azure", "oss",
                                        "hdfs",   "http", "artifactory", "git",   "plugin"};
static const char *const beyond_key[] = {"bucket", "endpoint", "container",    "addresses",
                                         "url",    "repo",     "configuration"};

/* The key in our store; NULL without error: the artifact has no location. */
static int artifact_key(const json_t *artifact, const char **key, struct err *e)
{
        *key = NULL;
        for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
                const json_t *at = json_object_get(artifact, locations[i]);
                if (!at)
                        continue;
                for (size_t k = 0; k < ARRAY_LEN(beyond_key); k++)
                        if (json_object_get(at, beyond_key[k]))
                                return err_set(e, ERR_UNSUPPORTED,
                                               "not supported yet: %s.%s (local runner)",
                                               locations[i], beyond_key[k]);
                const char *blob = json_str(at, "blob");
                *key = blob ? blob : json_str(at, "key");
                while (*key && **key == '/')
                        ++*key;
                if (str_empty(*key) || !tree_key_valid(*key))
                        return err_set(e, ERR_INVALID,
                                       "%s.key: must be a relative path without \".\" and \"..\"",
                                       locations[i]);
                return 0;
        }
        return 0;
}

static int refuse_zip(const json_t *artifact, struct err *e)
{
        if (json_at(artifact, "archive", "zip"))
                return err_set(e, ERR_UNSUPPORTED, "not supported yet: archive.zip (local runner)");
        return 0;
}

/* ---- inputs ---- */

static int put_input(struct buf *b, const json_t *in, struct err *e)
{
        const char *path = json_str(in, "path"), *key;
        const json_t *raw = json_at(in, "raw", "data"), *mode = json_object_get(in, "mode");
        bool optional = json_is_true(json_object_get(in, "optional"));
        if (artifact_key(in, &key, e) < 0 || refuse_zip(in, e) < 0)
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
        wire_put_str(b, IN_SUBPATH, json_str(in, "subPath"));
        wire_put_u64(b, IN_UNPACK,
                     json_at(in, "archive", "none")  ? UNPACK_NONE
                     : json_at(in, "archive", "tar") ? UNPACK_TAR
                                                     : UNPACK_DETECT);
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

static char *default_prefix(const struct pod_request *req)
{
        const char *prefix = json_str(req->template, "archiveLocation", "folder", "key");
        while (prefix && *prefix == '/')
                prefix++;
        if (!str_empty(prefix))
                return mem_strdup(prefix);
        return mem_printf("%s/%s/%s", req->ns ? req->ns : "default", req->workflow, req->pod_name);
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

struct output_key {
        char *key;
        bool tar;
        int level;
};

static int choose_key(struct output_key *k, const json_t *out, const char *prefix, struct err *e)
{
        const char *given, *name = json_str(out, "name");
        const json_t *tar = json_at(out, "archive", "tar"),
                     *level = json_object_get(tar, "compressionLevel");
        bool none = json_at(out, "archive", "none");
        if (artifact_key(out, &given, e) < 0 || refuse_zip(out, e) < 0)
                return -1;
        AUTO(mem_free) char *base = base_name(json_str(out, "path"));
        k->level = json_is_integer(level) ? (int)json_integer_value(level) : -1;
        k->tar = tar || (given && !none && (str_ends(given, ".tgz") || str_ends(given, ".tar.gz")));
        if (given)
                k->key = mem_strdup(given);
        else if (k->tar)
                k->key = mem_printf("%s/%s.tgz", prefix, name);
        else if (none)
                k->key = mem_printf("%s/%s", prefix, base);
        else
                k->key = mem_printf("%s/%s/%s", prefix, name, base);
        if (!tree_key_valid(k->key))
                return err_set(e, ERR_INVALID, "\"%s\" cannot be a key", k->key);
        return 0;
}

/* The record that becomes part of the node's outputs. */
static json_t *artifact_record(const json_t *out, const struct output_key *k)
{
        json_t *j = json_copy((json_t *)(uintptr_t)out);
        for (size_t i = 0; i < ARRAY_LEN(locations); i++)
                json_object_del(j, locations[i]);
        json_object_set_new(j, "folder", json_pack("{s:s}", "key", k->key));
        if (!k->tar)
                json_object_set_new(j, "archive", json_pack("{s:{}}", "none"));
        return j;
}

static int put_artifact(struct buf *b, const json_t *out, const char *prefix, struct err *e)
{
        const char *name = json_str(out, "name"), *path = json_str(out, "path");
        struct output_key k = {0};
        if (str_empty(name) || str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "needs a name and an absolute path");
        int rc = choose_key(&k, out, prefix, e);
        AUTO(mem_free) char *key = k.key;
        if (rc < 0)
                return -1;
        AUTO_JSON json_t *record = artifact_record(out, &k);
        AUTO(mem_free) char *text = json_text(record, JSON_STYLE_COMPACT);
        size_t group = wire_begin(b, S_OUT_ARTIFACT);
        wire_put_str(b, OUT_NAME, name);
        wire_put_str(b, OUT_PATH, path);
        wire_put_str(b, OUT_KEY, key);
        wire_put_u64(b, OUT_OPTIONAL, json_is_true(json_object_get(out, "optional")));
        if (k.tar)
                wire_put_u64(b, OUT_TAR, (uint64_t)(k.level + 2));
        wire_put_str(b, OUT_JSON, text);
        wire_end(b, group);
        return 0;
}

static void put_log(struct buf *b, const json_t *template, const char *prefix)
{
        if (!json_is_true(json_at(template, "archiveLocation", "archiveLogs")))
                return;
        AUTO(mem_free) char *key = mem_printf("%s/main.log", prefix);
        AUTO_JSON json_t *record = json_pack("{s:s, s:{s:s}, s:{s:{}}}", "name", "main-logs",
                                             "folder", "key", key, "archive", "none");
        AUTO(mem_free) char *text = json_text(record, JSON_STYLE_COMPACT);
        wire_put_str(b, S_LOG_KEY, key);
        wire_put_str(b, S_LOG_JSON, text);
}

int request_io(struct buf *b, const struct pod_request *req, struct err *e)
{
        AUTO(mem_free) char *prefix = default_prefix(req);
        size_t i;
        json_t *j;
        if (!tree_key_valid(prefix))
                return err_set(e, ERR_INVALID,
                               "archiveLocation.folder.key: \"%s\" must be a relative path without "
                               "\".\" and \"..\"",
                               prefix);
        put_log(b, req->template, prefix);
        json_array_foreach (json_at(req->template, "inputs", "artifacts"), i, j) {
                if (put_input(b, j, e) < 0)
                        return err_wrap(e, "input artifact \"%s\"",
                                        json_str(j, "name") ? json_str(j, "name") : "");
        }
        json_array_foreach (json_at(req->template, "outputs", "parameters"), i, j) {
                if (put_param(b, j, e) < 0)
                        return -1;
        }
        json_array_foreach (json_at(req->template, "outputs", "artifacts"), i, j) {
                if (put_artifact(b, j, prefix, e) < 0)
                        return err_wrap(e, "output artifact \"%s\"",
                                        json_str(j, "name") ? json_str(j, "name") : "");
        }
        return 0;
}
