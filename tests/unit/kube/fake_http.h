/* tests/unit/kube/fake_http.h: an HTTP client that answers by a script, for the tests of the
 * Kubernetes client. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/net/http_client.h"

struct fake_reply {
        int status;       /* 0 and no `fail`: no answer ever comes */
        const char *body; /* NULL: "{}" */
        const char *type; /* NULL: application/json */
        int64_t retry_after_ms;
        enum err_code fail; /* the connection failed */
        size_t piece;       /* streams: bytes per on_data, 0 = all at once */
};
struct fake_request {
        char *method, *url, *body, *content_type, *bearer, *ca_pem;
        bool stream;
};
enum { FAKE_MAX = 80 };
struct fake_http {
        const struct fake_reply *replies; /* the last one is repeated */
        size_t n_replies, used;
        struct fake_request requests[FAKE_MAX];
        size_t n_requests, running;
};
extern struct fake_http fake_http;                                 /* one script per test */
void fake_http_script(const struct fake_reply *replies, size_t n); /* and forget what was */
void fake_http_forget(void);
