/* server/api/archived.c: the archive of finished workflows as Argo Server shows it: list, get,
 * delete, and the keys and values of labels. `continue` is an offset, as there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_priv.h"
#include "workflow/archive/archive.h"

bool api_has_archive(const struct api *a, struct http_req *r)
{
        struct err e = {0};
        if (a->archive)
                return true;
        err_set(&e, ERR_UNSUPPORTED, "there is no archive here");
        api_reply_err(r, &e);
        err_clear(&e);
        return false;
}

static void on_answer(void *arg, json_t *obj, const struct err *e)
{
        AUTO_JSON json_t *nothing = json_object();
        if (e)
                api_reply_err(arg, e);
        else
                api_reply_json(arg, 200, obj ? obj : nothing);
}

static void on_deleted(void *arg, json_t *obj UNUSED, const struct err *e)
{
        on_answer(arg, NULL, e);
}

/* ---- list ---- */

/* "metadata.namespace=x,spec.startedAt>2026-...Z,spec.startedAt<...": what Argo's clients send. */
static int read_fields(char *text, struct archive_query *q, struct err *e)
{
        static const char after[] = "spec.startedAt>", before[] = "spec.startedAt<",
                          ns[] = "metadata.namespace=", name[] = "metadata.name=";
        char *rest = text, *part;
        while (rest && (part = strsep(&rest, ","))) {
                if (str_starts(part, after)) {
                        if (!time_parse_rfc3339(part + sizeof(after) - 1, &q->started_after))
                                return err_set(e, ERR_INVALID, "%s: no RFC 3339 time", part);
                } else if (str_starts(part, before)) {
                        if (!time_parse_rfc3339(part + sizeof(before) - 1, &q->started_before))
                                return err_set(e, ERR_INVALID, "%s: no RFC 3339 time", part);
                } else if (str_starts(part, ns)) {
                        q->ns = part + sizeof(ns) - 1;
                } else if (str_starts(part, name)) {
                        q->name = part + sizeof(name) - 1;
                } else if (*part) {
                        return err_set(e, ERR_INVALID, "unsupported requirement %s", part);
                }
        }
        return 0;
}

static int read_query(struct http_req *r, char *fields, struct archive_query *q, struct err *e)
{
        const char *limit = http_req_arg(r, "listOptions.limit"),
                   *offset = http_req_arg(r, "listOptions.continue");
        int64_t n = 0, from = 0;
        if (read_fields(fields, q, e) < 0)
                return -1;
        if ((!str_empty(limit) && (!str_to_i64(limit, &n) || n < 0)) ||
            (!str_empty(offset) && (!str_to_i64(offset, &from) || from < 0)))
                return err_set(e, ERR_INVALID,
                               "listOptions.limit and listOptions.continue must be numbers");
        const char *ns = http_req_arg(r, "namespace"), *prefix = http_req_arg(r, "namePrefix");
        q->ns = str_empty(ns) ? q->ns : ns;
        q->prefix = str_empty(prefix) ? NULL : prefix;
        q->label_selector = http_req_arg(r, "listOptions.labelSelector");
        q->limit = (size_t)n;
        q->offset = (size_t)from;
        if (str_empty(q->ns))
                q->ns = NULL;
        return 0;
}

void api_list_archived(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct err e = {0};
        struct archive_query q = {0};
        AUTO(mem_free) char *fields = mem_strdup(http_req_arg(r, "listOptions.fieldSelector"));
        if (!api_has_archive(a, r))
                return;
        if (read_query(r, fields, &q, &e) < 0) {
                api_reply_err(r, &e);
                err_clear(&e);
                return;
        }
        archive_list(a->archive, &q, on_answer, r);
}

/* ---- one ---- */

void api_get_archived(struct http_req *r, void *arg)
{
        struct api *a = arg;
        const struct archive_key key = {.uid = http_req_param(r, "uid")};
        if (api_has_archive(a, r))
                archive_get(a->archive, &key, on_answer, r);
}

void api_delete_archived(struct http_req *r, void *arg)
{
        struct api *a = arg;
        if (api_has_archive(a, r))
                archive_delete(a->archive, http_req_param(r, "uid"), on_deleted, r);
}

/* ---- labels ---- */

void api_archived_keys(struct http_req *r, void *arg)
{
        struct api *a = arg;
        const char *ns = http_req_arg(r, "namespace");
        if (api_has_archive(a, r))
                archive_labels(a->archive, str_empty(ns) ? NULL : ns, NULL, on_answer, r);
}

void api_archived_values(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct err e = {0};
        const char *ns = http_req_arg(r, "namespace"),
                   *key = http_req_arg(r, "listOptions.labelSelector");
        if (!api_has_archive(a, r))
                return;
        if (str_empty(key)) {
                err_set(&e, ERR_INVALID, "listOptions.labelSelector must name a key");
                api_reply_err(r, &e);
                err_clear(&e);
                return;
        }
        archive_labels(a->archive, str_empty(ns) ? NULL : ns, key, on_answer, r);
}
