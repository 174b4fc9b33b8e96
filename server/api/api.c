/* server/api/api.c: routes, answers and the calls that wait for the store; see api.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_priv.h"
#include "workflow/archive/archive.h"
#include <stdlib.h>

void api_reply_json(struct http_req *r, int status, const json_t *j)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        json_put(&b, j, JSON_STYLE_COMPACT);
        http_reply(r, status, "application/json", buf_str(&b), b.len);
}

/* The numbers of google.golang.org/grpc/codes, which Argo's clients see. */
static int grpc_code(enum err_code c)
{
        switch (c) {
        case ERR_INVALID: return 3;
        case ERR_TIMEOUT: return 4;
        case ERR_NOT_FOUND: return 5;
        case ERR_CONFLICT: return 6;
        case ERR_DENIED: return 7;
        case ERR_LIMIT: return 8;
        case ERR_UNSUPPORTED: return 12;
        case ERR_UNAVAILABLE: return 14;
        default: return 13;
        }
}

void api_reply_err(struct http_req *r, const struct err *e)
{
        AUTO_JSON json_t *j =
                json_pack("{s:i, s:s}", "code", grpc_code(e->code), "message", err_msg(e));
        api_reply_json(r, err_http_status(e->code), j);
}

const char *api_ns(const struct http_req *r)
{
        const char *ns = http_req_param(r, "ns");
        return str_empty(ns) ? NULL : ns;
}

void api_list_opts(struct http_req *r, struct store_list_opts *o)
{
        const char *limit = http_req_arg(r, "listOptions.limit");
        int64_t n = 0;
        *o = (struct store_list_opts){
                .label_selector = http_req_arg(r, "listOptions.labelSelector"),
                .field_selector = http_req_arg(r, "listOptions.fieldSelector"),
                .cont = http_req_arg(r, "listOptions.continue")};
        if (limit && str_to_i64(limit, &n) && n > 0)
                o->limit = (size_t)n;
}

/* ---- calls ---- */

/* A request waits for the store; when its client has gone meanwhile the reply goes nowhere and
 * frees it. */
static void on_answer(void *arg, json_t *obj, const struct err *e)
{
        struct http_req *r = arg;
        if (e)
                api_reply_err(r, e);
        else
                api_reply_json(r, 200, obj);
}

void api_list_workflows(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct store_list_opts o;
        api_list_opts(r, &o);
        store_list(a->store, &STORE_WORKFLOW, api_ns(r), &o, on_answer, r);
}

struct get_workflow {
        struct api *api;
        struct http_req *req;
};

/* What is not there any more may be in the archive. */
static void on_workflow(void *arg, json_t *obj, const struct err *e)
{
        struct get_workflow g = *(struct get_workflow *)arg;
        const char *ns = api_ns(g.req);
        const struct archive_key key = {.ns = ns ? ns : "default",
                                        .name = http_req_param(g.req, "name")};
        mem_free(arg);
        if (e && e->code == ERR_NOT_FOUND && g.api->archive)
                archive_get(g.api->archive, &key, on_answer, g.req);
        else
                on_answer(g.req, obj, e);
}

void api_get_workflow(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct store_ref ref = {&STORE_WORKFLOW, api_ns(r), http_req_param(r, "name")};
        struct get_workflow *g = NEW(struct get_workflow);
        *g = (struct get_workflow){a, r};
        store_get(a->store, ref, on_workflow, g);
}

static void on_version(struct http_req *r, void *arg UNUSED)
{
        AUTO_JSON json_t *j =
                json_pack("{s:s, s:s}", "version", "tiphys-" TIPHYS_VERSION, "platform", "linux");
        api_reply_json(r, 200, j);
}

static void on_info(struct http_req *r, void *arg UNUSED)
{
        AUTO_JSON json_t *j =
                json_pack("{s:s, s:[], s:{}}", "managedNamespace", "", "links", "modals");
        api_reply_json(r, 200, j);
}

/* ---- life ---- */

int api_new(struct api **out, struct http_server *http, struct store *s, struct archive *archive,
            struct err *e)
{
        static const struct {
                const char *path;
                http_handler_fn *fn;
                const char *method; /* NULL: GET */
        } routes[] = {{"/api/v1/events/{ns}/{discriminator}", api_receive_event, "POST"},
                      {"/api/v1/events/{ns}/", api_receive_event, "POST"},
                      {"/api/v1/archived-workflows", api_list_archived},
                      {"/api/v1/archived-workflows/{uid}", api_get_archived},
                      {"/api/v1/archived-workflows/{uid}", api_delete_archived, "DELETE"},
                      {"/api/v1/archived-workflows/{uid}/resubmit", api_resubmit_archived, "PUT"},
                      {"/api/v1/archived-workflows/{uid}/retry", api_retry_archived, "PUT"},
                      {"/api/v1/archived-workflows-label-keys", api_archived_keys},
                      {"/api/v1/archived-workflows-label-values", api_archived_values},
                      {"/api/v1/workflows/", api_list_workflows},
                      {"/api/v1/workflows/{ns}", api_list_workflows},
                      {"/api/v1/workflows/{ns}/{name}", api_get_workflow},
                      {"/api/v1/workflow-events/", api_watch_workflows},
                      {"/api/v1/workflow-events/{ns}", api_watch_workflows},
                      {"/api/v1/version", on_version},
                      {"/api/v1/info", on_info}};
        struct api *a = NEW(struct api);
        a->store = s;
        a->archive = archive;
        for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
                if (!http_route_add(http, routes[i].method ? routes[i].method : "GET",
                                    routes[i].path, routes[i].fn, a, e)) {
                        api_free(a);
                        return -1;
                }
        }
        *out = a;
        return 0;
}

struct api *api_free(struct api *a)
{
        if (!a)
                return NULL;
        api_streams_end(a);
        free(a);
        return NULL;
}
