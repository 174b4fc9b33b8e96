/* server/api/api_priv.h: what the files of the API share. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_server.h"
#include "common/store/store.h"
#include "server/api/api.h"

struct archive;
struct stream;
struct api {
        struct store *store;
        struct archive *archive; /* NULL: none */
        struct stream *streams;
};
void api_reply_json(struct http_req *r, int status, const json_t *j);
void api_reply_err(struct http_req *r, const struct err *e); /* {"code": <grpc>, "message"} */
/* {ns} of the route; NULL: all. */
const char *api_ns(const struct http_req *r);
void api_list_opts(struct http_req *r, struct store_list_opts *o);

http_handler_fn api_list_workflows, api_get_workflow, api_watch_workflows, api_receive_event,
        api_list_archived, api_get_archived, api_delete_archived, api_archived_keys,
        api_archived_values, api_resubmit_archived, api_retry_archived;
bool api_has_archive(const struct api *a, struct http_req *r); /* false: that was answered */
void api_streams_end(struct api *a);
