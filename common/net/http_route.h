/* common/net/http_route.h: which handler serves a path; private to net.
 *
 * Exact paths stand in a hash table, so a listener with a thousand endpoints costs what one costs.
 * Patterns are tried in the order they were added, after the exact paths: {name} for a whole
 * segment, a final "*" for the rest, and gorilla/mux' {name:regex} and {name} inside a segment
 * (argo-events.md 2.1), which become one anchored PCRE2 expression. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/net/http_server.h"

enum { HTTP_MAX_PARAMS = 8 };
struct http_path;
struct http_routes {
        struct http_path *exact; /* uthash by path */
        struct http_path *patterns;
};
struct http_route {
        struct http_route *next;
        struct http_path *path; /* NULL once removed */
        char *method;           /* NULL: any */
        http_handler_fn *fn;
        void *arg;
        size_t max_body; /* 0: the listener's */
        int refs;        /* the table and open requests */
};
struct http_match {
        struct http_path *path;
        size_t n;
        struct {
                const char *name; /* "*" for the rest */
                struct str value;
        } params[HTTP_MAX_PARAMS];
};
struct http_route *http_routes_add(struct http_routes *t, const char *method, const char *pattern,
                                   http_handler_fn *fn, void *arg, struct err *e) MUST_CHECK;
void http_routes_remove(struct http_routes *t, struct http_route *r);
void http_routes_deinit(struct http_routes *t);
void http_route_unref(struct http_route *r);
/* `path` is decoded. Values point into it. */
bool http_routes_find(const struct http_routes *t, const char *path, struct http_match *m);
/* The route of the path for this method: exact name, else GET for HEAD, else the one for any
 * method; NULL = 405. */
struct http_route *http_path_pick(const struct http_path *p, const char *method);
void http_path_allow(const struct http_path *p, struct buf *out); /* "GET, HEAD, POST" */

/* "/a//b/../c/" -> "/a/c/" as Go's path.Clean with the final slash kept. Returns false when `path`
 * is clean already. */
bool http_path_clean(struct buf *out, const char *path);
