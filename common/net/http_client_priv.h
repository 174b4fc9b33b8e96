/* common/net/http_client_priv.h: what the two files of the HTTP client share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/net/curl_lazy.h"
#include "common/net/http_client.h"

enum { HTTP_CONNECT_MS = 5000, HTTP_TOTAL_MS = 60000, HTTP_RESPONSE_BYTES = 1 << 20 };

struct http_call {
        struct http_client *client;
        struct http_call *next, **prev, *next_done;
        CURL *easy;
        struct curl_slist *headers, *connect_to;
        char *what; /* "GET http://host/path" for messages */
        http_done_fn *done;
        void *arg;
        bool (*on_data)(void *arg, const void *data, size_t n);
        void (*on_status)(void *arg, int status);
        struct http_response response;
        size_t received, max_bytes; /* 0: unlimited */
        int max_redirects;
        struct http_file file;
        uint64_t file_sent;
        int connected; /* a socket that curl has not taken yet; -1 */
        bool keep_headers;
        size_t n_headers, cap_headers;
        const char *refused; /* the guard's word */
        bool status_told, has_location, over_limit, aborted, cancelled, running, finished;
        CURLcode result;
        struct err early; /* what was wrong before curl saw it */
};
/* http_client_body.c: bytes of a file as the body; headers of the answer kept. */
void http_call_send_file(struct http_call *call, const struct http_call_spec *spec);
void http_call_keep_header(struct http_call *call, const char *line, size_t n);
void http_call_drop_headers(struct http_call *call);
/* Everything of the spec into call->easy. */
int http_call_setup(struct http_call *call, const struct http_call_spec *spec,
                    struct err *e) MUST_CHECK;
