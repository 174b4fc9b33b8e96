/* triggers/source.c: see source.h. Files are read on the pool, everything else by callbacks of the
 * loop. SPDX-License-Identifier: Apache-2.0 */
#include "triggers/source.h"
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/net/http_client.h"
#include "common/store/store.h"
#include "common/yaml/yaml.h"
#include <stdlib.h>

enum { SOURCE_MAX_BYTES = 512 * 1024 };

struct source_location {
        json_t *resource;
        char *inline_text;
        struct file_location {
                char *path;
        } * file;
        struct url_location {
                char *path;
                bool verify_cert;
        } * url;
        struct key_ref *configmap;
};

static const struct field file_fields[] = {FIELD(struct file_location, path, FIELD_STR,
                                                 .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
                                                 .help = "file on this machine"),
                                           FIELD_END};
static const struct field url_fields[] = {
        FIELD(struct url_location, path, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "http or https address"),
        FIELD(struct url_location, verify_cert, FIELD_BOOL, .name = "verifyCert", .def = "true",
              .help = "check the certificate; Argo's default is false"),
        FIELD_END};
const struct field source_fields[] = {
        {.name = "s3", .kind = FIELD_LATER, .help = "object in a bucket"},
        FIELD(struct source_location, inline_text, FIELD_STR, .name = "inline",
              .help = "YAML or JSON text"),
        FIELD(struct source_location, file, FIELD_OBJ_PTR, .sub = file_fields,
              .sub_size = sizeof(struct file_location), .help = "a file"),
        FIELD(struct source_location, url, FIELD_OBJ_PTR, .sub = url_fields,
              .sub_size = sizeof(struct url_location), .help = "fetched on every firing"),
        {.name = "git", .kind = FIELD_LATER, .help = "file in a repository"},
        FIELD(struct source_location, configmap, FIELD_OBJ_PTR, .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref),
              .help = "key of a ConfigMap in the sensor's namespace"),
        FIELD(struct source_location, resource, FIELD_JSON, .help = "the object itself"),
        FIELD_END};
const size_t source_size = sizeof(struct source_location);

struct source_fetch {
        const struct trigger_env *env;
        source_fetched_fn *done;
        void *arg;
        struct http_call *call;
        bool cancelled;
        char *path;
        struct buf text;
        struct err err;
};

static void fetch_free(struct source_fetch *f)
{
        buf_deinit(&f->text);
        err_clear(&f->err);
        free(f->path);
        free(f);
}

static int parse_object(json_t **out, const char *what, const char *text, size_t n, struct err *e)
{
        AUTO_JSON json_t *j = NULL;
        if (yaml_parse_one(&j, text, n, e) < 0)
                return err_wrap(e, "%s", what);
        if (!json_is_object(j))
                return err_set(e, ERR_INVALID, "%s: expected one object, found %s", what,
                               json_kind_name(j));
        *out = TAKE(j);
        return 0;
}

static void finish_text(struct source_fetch *f, const char *what, const char *text, size_t n)
{
        ERR_SLOT(e);
        json_t *object = NULL;
        if (!f->cancelled) {
                if (parse_object(&object, what, text, n, &e) < 0)
                        f->done(f->arg, NULL, &e);
                else
                        f->done(f->arg, object, NULL);
        }
        err_clear(&e);
        fetch_free(f);
}

static void finish_err(struct source_fetch *f, const struct err *e)
{
        if (!f->cancelled)
                f->done(f->arg, NULL, e);
        fetch_free(f);
}

static void on_url(void *arg, const struct http_response *r, const struct err *e)
{
        struct source_fetch *f = arg;
        f->call = NULL;
        if (e) {
                finish_err(f, e);
        } else if (r->status != 200) {
                ERR_SLOT(status);
                http_status_err(r, &status);
                if (!err_is_set(&status))
                        err_set(&status, ERR_PROTOCOL, "HTTP %d", r->status);
                err_wrap(&status, "source url %s", f->path);
                finish_err(f, &status);
                err_clear(&status);
        } else {
                finish_text(f, "source url", buf_str(&r->body), r->body.len);
        }
}

static void on_config(void *arg, const char *value, const struct err *e)
{
        struct source_fetch *f = arg;
        if (e)
                finish_err(f, e);
        else
                finish_text(f, "source configmap", value, strlen(value));
}

static void read_file(void *arg)
{
        struct source_fetch *f = arg;
        if (fs_read(&f->text, f->path, SOURCE_MAX_BYTES, &f->err) < 0)
                err_wrap(&f->err, "source file");
}

static void on_file(void *arg)
{
        struct source_fetch *f = arg;
        if (err_is_set(&f->err))
                finish_err(f, &f->err);
        else
                finish_text(f, f->path, buf_str(&f->text), f->text.len);
}

static struct source_fetch *fetch_new(const struct trigger_env *env, source_fetched_fn *done,
                                      void *arg)
{
        struct source_fetch *f = NEW(struct source_fetch);
        *f = (struct source_fetch){
                .env = env, .done = done, .arg = arg, .text = BUF_INIT(SOURCE_MAX_BYTES)};
        return f;
}

struct source_fetch *source_fetch(const struct trigger_env *env, const json_t *location,
                                  source_fetched_fn *done, void *arg)
{
        json_t *inline_text = json_object_get(location, "inline"),
               *resource = json_object_get(location, "resource");
        const char *file = json_str(location, "file", "path"),
                   *url = json_str(location, "url", "path");
        const char *cm = json_str(location, "configmap", "name"),
                   *key = json_str(location, "configmap", "key");
        if (json_is_string(inline_text)) {
                finish_text(fetch_new(env, done, arg), "source inline",
                            json_string_value(inline_text), json_string_length(inline_text));
                return NULL;
        }
        if (file) {
                struct source_fetch *f = fetch_new(env, done, arg);
                f->path = mem_strdup(file);
                pool_run(env->pool, read_file, on_file, f);
                return f;
        }
        if (url) {
                struct source_fetch *f = fetch_new(env, done, arg);
                f->path = mem_strdup(url);
                bool insecure = json_is_false(json_at(location, "url", "verifyCert"));
                f->call = http_call(env->http,
                                    &(struct http_call_spec){.method = "GET",
                                                             .url = url,
                                                             .max_response_bytes = SOURCE_MAX_BYTES,
                                                             .max_redirects = 5,
                                                             .tls.insecure_skip_verify = insecure},
                                    on_url, f);
                return f;
        }
        if (cm && key) {
                struct source_fetch *f = fetch_new(env, done, arg);
                store_config(env->store, env->ns, cm, key, on_config, f);
                return f;
        }
        if (json_is_object(resource)) {
                done(arg, json_deep_copy(resource), NULL);
                return NULL;
        }
        ERR_SLOT(e);
        err_set(&e, ERR_INVALID, "source: none of inline, file, url, configmap, resource is given");
        done(arg, NULL, &e);
        err_clear(&e);
        return NULL;
}

void source_fetch_cancel(struct source_fetch *f)
{
        f->cancelled = true; /* freed by the answer that still comes ... */
        if (f->call) {       /* ... which a cancelled call does not give */
                http_call_cancel(f->call);
                fetch_free(f);
        }
}

void source_check(const json_t *location, const struct jpath *at, struct diags *d)
{
        static const char *const kinds[] = {"inline", "file", "url", "configmap", "resource"};
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                n += json_object_get(location, kinds[i]) != NULL;
        if (n == 0 && json_is_object(location))
                diag_error(d, at, "E030", "for example resource:",
                           "a source needs one of inline, file, url, configmap, resource");
        if (n > 1)
                diag_warn(d, at, "W030", NULL,
                          "a source has %zu kinds of location; only the first of inline, file, "
                          "url, configmap, resource is used",
                          n);
        const json_t *resource = json_object_get(location, "resource");
        if (resource && n == 1) {
                struct jpath here = jpath_key(at, "resource");
                if (!json_str(resource, "apiVersion") || !json_str(resource, "kind"))
                        diag_error(d, &here, "E004", NULL, "a resource needs apiVersion and kind");
        }
}
