/* common/net/http_server.h: HTTP/1.1 server on the loop: limits, time-outs, TLS, keep-alive, drain.
 *
 * One listener, many routes. Order of checks: limits (SEC-13), then routing, then whatever the
 * handler does. A request is answered once, now or later, with http_reply(); the handler may keep
 * the request meanwhile. If the client goes away first, on_close (if set) is told and http_reply
 * becomes a no-op that frees the request. A client that only ends its sending side (FIN) has not
 * gone, unless it reads a stream. Paths that are not clean ("//x", "/a/../x") are answered 301 to
 * the clean one, as Go does. HEAD is served by GET routes. Defaults (reliability.md 3.3): body 1
 * MiB (413), headers 16 KiB (431), URI 8 KiB (414), header phase 10 s, body 30 s, idle 60 s, 4096
 * connections, 64 per address unless loopback. Content-Encoding is refused with 415. TE together
 * with CL, bare LF, obs-fold: 400. A body slower than 1 KiB/s is cut off (408). Pipelined requests
 * are answered in order. Listening beyond loopback is the caller's decision (SEC-1). Threads: the
 * loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include "common/base/str.h"

struct http_server;
struct http_req;
struct tls_server; /* tls.h */

struct http_server_options {
        const char *name;      /* for metrics and logs: "webhook:12000" */
        const char *address;   /* "127.0.0.1" when NULL */
        uint16_t port;         /* 0: any free one, see http_server_port() */
        size_t max_body_bytes; /* of the listener; a route may be stricter. Default 1 MiB */
        size_t max_header_bytes;
        int header_timeout_ms, body_timeout_ms, idle_timeout_ms;
        int max_connections;
        struct tls_server *tls; /* borrowed; NULL: plain */
};
int http_server_new(struct http_server **out, struct loop *l, const struct http_server_options *o,
                    struct err *e) MUST_CHECK;
struct http_server *http_server_free(struct http_server *s); /* closes everything at once */
AUTO_DEFINE(http_server_free, struct http_server *);
uint16_t http_server_port(const struct http_server *s);
/* Stop accepting, answer `Connection: close`, call `drained` when no request is open (or after
 * grace_ms). */
void http_server_drain(struct http_server *s, int grace_ms, loop_fn *drained, void *arg);

typedef void http_handler_fn(struct http_req *r, void *arg);
struct http_route;
/* Exact path, or with {name} segments (also {name:regex}) and a final "*" for the rest. NULL and *e
 * (CONFLICT) when the path is taken. method NULL = any; a known path with another method answers
 * 405 with Allow by itself when routes name methods. */
struct http_route *http_route_add(struct http_server *s, const char *method, const char *path,
                                  http_handler_fn *fn, void *arg, struct err *e) MUST_CHECK;
void http_route_remove(struct http_server *s, struct http_route *r);
void http_route_set_max_body(struct http_route *r, size_t bytes);

/* The request. Everything borrowed until the reply. */
const char *http_req_method(const struct http_req *r);
const char *http_req_path(const struct http_req *r);  /* decoded */
const char *http_req_query(const struct http_req *r); /* raw, "" when none */
const char *http_req_param(const struct http_req *r,
                           const char *name);                   /* {name} of the route, NULL */
const char *http_req_arg(struct http_req *r, const char *name); /* decoded query argument, NULL */
const char *http_req_header(const struct http_req *r, const char *name);
/* All headers in order of arrival; names as received. `each` returning false stops. */
void http_req_headers(const struct http_req *r,
                      bool (*each)(void *arg, const char *name, const char *value), void *arg);
struct str http_req_body(const struct http_req *r); /* contiguous */
const char *http_req_peer(struct http_req *r);      /* address */
void http_req_on_close(struct http_req *r, http_handler_fn *fn, void *arg);

void http_reply(struct http_req *r, int status, const char *content_type, const void *body,
                size_t n);
void http_reply_text(struct http_req *r, int status,
                     const char *text); /* text/plain; charset=utf-8 */
void http_reply_err(struct http_req *r,
                    const struct err *e); /* status from the code; {"code","message"}; Retry-After
                                             when retryable */
void http_reply_header(struct http_req *r, const char *name,
                       const char *value); /* before http_reply */
/* Streams (watch, logs, SSE): start, chunks, end. `writable` false = the reader is slow: more than
 * 1 MiB waits. */
void http_stream_start(struct http_req *r, int status, const char *content_type);
bool http_stream_chunk(struct http_req *r, const void *data, size_t n);
/* Told once when the reader of a stream has caught up after a chunk was answered with false. */
void http_stream_on_writable(struct http_req *r, http_handler_fn *fn, void *arg);
void http_stream_end(struct http_req *r);
