/* common/net/http_client.h: outbound HTTP on the loop: curl's multi-socket API, keep-alive, TLS,
 * limits. Defaults: connect 5 s, whole request 60 s, response body 1 MiB, no redirects, http and
 * https only. `guard` refuses loopback, link-local and private addresses at connect time on the
 * resolved address (SEC-17), for URLs that come from event data when the operator asks for it.
 * HTTP/1.1; the proxy variables of the environment are obeyed except under `guard`, which must see
 * the address itself. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/loop.h"
#include "common/base/secret.h"
#include <stdint.h>

struct http_client;
int http_client_new(struct http_client **out, struct loop *l, struct err *e) MUST_CHECK;
struct http_client *http_client_free(
        struct http_client *c); /* running calls end with UNAVAILABLE */
AUTO_DEFINE(http_client_free, struct http_client *);

struct http_header {
        const char *name, *value;
};
struct http_tls { /* all optional; PEM texts or file names */
        const char *ca_file, *cert_file, *key_file;
        const char *ca_pem, *cert_pem, *key_pem;
        bool insecure_skip_verify;
        const char *server_name;
};
struct http_file { /* n bytes of an open file from `at`; read while they are sent, not copied */
        int fd;
        uint64_t at, n;
};
struct http_call_spec { /* borrowed; copied before http_call returns */
        const char *method, *url;
        const struct http_header *headers; /* end with {NULL} */
        const void *body;
        size_t body_len;
        const struct http_file *file; /* in place of `body`; the descriptor stays open until done */
        const struct secret *bearer;  /* Authorization: Bearer */
        const char *user;             /* basic auth */
        const struct secret *password;
        struct http_tls tls;
        int connect_timeout_ms, timeout_ms; /* 0: defaults; timeout_ms -1: none (watches) */
        int idle_timeout_ms;                /* no byte for so long: TIMEOUT; 0: none */
        size_t max_response_bytes;
        int max_redirects;
        bool guard;
        /* A connected socket, NULL: none. The call owns it from here on; the URL's host must be an
         * address, which is not looked at; no proxy is asked, and the connection is closed with
         * the call. Of curl 7.88, which connects in spite of being told, connect() must still say
         * 0: see runner_dial(). */
        const int *connected;
        const char *host;        /* overrides the Host header */
        bool keep_headers;       /* response.headers is filled */
        bool no_default_headers; /* send exactly `headers` (plus Host, Content-Length) */
        /* When set, the bytes of a 2xx answer are handed over as they come, without a limit unless
         * max_response_bytes is set; other answers are collected as ever, for http_status_err().
         * Returning false aborts. http_call_cancel() is allowed inside. */
        bool (*on_data)(void *arg, const void *data, size_t n);
        /* When set, called once with the status before the first byte. */
        void (*on_status)(void *arg, int status);
};
struct http_response {
        int status;
        struct buf body;
        int64_t retry_after_ms; /* from Retry-After, 0 = none */
        const char *content_type;
        struct http_header *headers; /* with keep_headers, of the last answer; end with {NULL} */
};
/* Of a response with keep_headers: the first header of that name, any case; NULL: none. */
const char *http_response_header(const struct http_response *r, const char *name);
/* Where `location` (perhaps relative) leads from `url`; heap. */
int http_url_follow(char **out, bool *same_host, const char *url, const char *location,
                    struct err *e) MUST_CHECK;
/* `e` NULL: an HTTP answer came, whatever its status. Borrowed. */
typedef void http_done_fn(void *arg, const struct http_response *r, const struct err *e);
struct http_call;
/* done comes later, exactly once, unless cancelled; it may start and cancel calls. Errors:
 * UNAVAILABLE (not reached, cut off), TIMEOUT, DENIED (guard), LIMIT (answer too large), PROTOCOL,
 * INVALID (URL, header); their words name method, host and path, never the query or a credential.
 */
struct http_call *http_call(struct http_client *c, const struct http_call_spec *spec,
                            http_done_fn *done, void *arg);
void http_call_cancel(struct http_call *call);
/* {"code","message"} or a status line as an error: 404 NOT_FOUND, 409 CONFLICT, 401/403 DENIED,
 * 429/5xx UNAVAILABLE (retry_after kept)... */
int http_status_err(const struct http_response *r, struct err *e);
