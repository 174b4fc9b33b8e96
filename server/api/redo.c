/* server/api/redo.c: PUT /api/v1/archived-workflows/{uid}/resubmit and /retry: what was finished is
 * run again, by the rules of workflow/engine/redo.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/redo.h"
#include "common/base/rand.h"
#include "server/api/api_priv.h"
#include "workflow/archive/archive.h"
#include <stdlib.h>

struct again {
        struct api *api;
        struct http_req *req;
        json_t *wish; /* the body; an object */
        bool retry;
};

static void end(struct again *x, json_t *obj, const struct err *e)
{
        if (e)
                api_reply_err(x->req, e);
        else
                api_reply_json(x->req, 200, obj);
        json_decref(x->wish);
        free(x);
}

static void on_created(void *arg, json_t *obj, const struct err *e)
{
        end(arg, obj, e);
}

static size_t read_parameters(const json_t *wish, const char **out, size_t max)
{
        size_t i, n = 0;
        json_t *p;
        json_array_foreach (json_object_get(wish, "parameters"), i, p)
                if (json_is_string(p) && n < max)
                        out[n++] = json_string_value(p);
        return n;
}

/* A memoized one has its name in the names of its nodes. */
static char *name_for(const json_t *old)
{
        char suffix[6];
        rand_suffix(suffix, sizeof(suffix) - 1);
        return mem_printf("%s-%s", obj_name(old), suffix);
}

static int make(struct again *x, const json_t *old, json_t **out, struct err *e)
{
        const char *parameters[64];
        struct redo r = {
                .parameters = parameters,
                .n_parameters = read_parameters(x->wish, parameters, ARRAY_LEN(parameters)),
                .now = loop_wall(store_loop(x->api->store)),
                .restart_successful = json_is_true(json_object_get(x->wish, "restartSuccessful")),
                .node_field_selector = json_str(x->wish, "nodeFieldSelector"),
                .memoized = json_is_true(json_object_get(x->wish, "memoized"))};
        if (json_array_size(json_object_get(x->wish, "parameters")) > ARRAY_LEN(parameters))
                return err_set(e, ERR_LIMIT, "more than %zu parameters", ARRAY_LEN(parameters));
        AUTO(mem_free) char *name = r.memoized ? name_for(old) : NULL;
        r.new_name = name;
        if (str_empty(r.node_field_selector))
                r.node_field_selector = NULL;
        if (!x->retry)
                return redo_resubmit(out, old, &r, e);
        if (redo_retry(out, old, &r, e) < 0)
                return -1;
        redo_detach(*out);
        return 0;
}

static void on_archived(void *arg, json_t *old, const struct err *e)
{
        struct again *x = arg;
        struct err why = {0};
        AUTO_JSON json_t *wf = NULL;
        if (e)
                end(x, NULL, e);
        else if (make(x, old, &wf, &why) < 0)
                end(x, NULL, &why);
        else
                store_create(x->api->store, &STORE_WORKFLOW, obj_ns(old), wf, on_created, x);
        err_clear(&why);
}

static void begin(struct api *a, struct http_req *r, bool retry)
{
        struct err e = {0};
        struct str body = http_req_body(r);
        const struct archive_key key = {.uid = http_req_param(r, "uid")};
        AUTO_JSON json_t *wish = NULL;
        if (!api_has_archive(a, r))
                return;
        if (body.n && json_parse(&wish, body.p, body.n, &e) == 0 && !json_is_object(wish))
                err_set(&e, ERR_INVALID, "expected an object");
        if (err_is_set(&e)) {
                api_reply_err(r, &e);
                err_clear(&e);
                return;
        }
        struct again *x = NEW(struct again);
        *x = (struct again){a, r, wish ? TAKE(wish) : json_object(), retry};
        archive_get(a->archive, &key, on_archived, x);
}

void api_resubmit_archived(struct http_req *r, void *arg)
{
        begin(arg, r, false);
}

void api_retry_archived(struct http_req *r, void *arg)
{
        begin(arg, r, true);
}
