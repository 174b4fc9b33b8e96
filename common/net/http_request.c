/* common/net/http_request.c: what stands in the input becomes requests: head, limits, route, body,
 * handler. The order of checks is that of SEC-13: limits, then the route, then the body's limit,
 * then whatever the handler does. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http_priv.h"
#include "common/net/url.h"

static const char *head_text(const struct http_req *c, struct http_span s)
{
        return c->in.data + s.at;
}

void http_request_end(struct http_req *c)
{
        if (c->route)
                http_route_unref(c->route);
        c->route = NULL;
        c->on_close = c->on_writable = NULL;
        c->chunked_out = c->head_only = false;
        c->scanned = c->body_len = 0;
        c->chunks = (struct http_chunks){0};
        c->args_ready = false;
        if (c->params.len)
                buf_reset(&c->params);
        if (c->args.len)
                buf_reset(&c->args);
}

static void keep_params(struct http_req *c, const struct http_match *m)
{
        for (size_t i = 0; i < m->n; i++) {
                buf_adds(&c->params, m->params[i].name);
                buf_addc(&c->params, '\0');
                buf_add(&c->params, m->params[i].value.p, m->params[i].value.n);
                buf_addc(&c->params, '\0');
        }
}

static bool body_is_here(const struct http_req *c)
{
        return c->head.framing == HTTP_NO_BODY ||
               (c->head.framing == HTTP_LENGTH &&
                c->in.len - c->head.size >= c->head.content_length);
}

/* An answer by the server itself. When the body is not here yet it will not be read: answer and
 * close. */
static int refuse(struct http_req *c, int status, const char *text)
{
        if (!body_is_here(c)) {
                http_conn_reject(c, status, text);
                return -1;
        }
        c->body_len = c->head.framing == HTTP_LENGTH ? (size_t)c->head.content_length : 0;
        http_conn_deadline(c, 0);
        if (!c->open)
                c->server->n_open++;
        c->state = CONN_HANDLER;
        c->open = true;
        http_reply_text(c, status, text);
        return -1;
}

static void redirect_text(struct http_req *c, const char *clean)
{
        AUTO_BUF struct buf to = BUF_INIT(2 * HTTP_MAX_HEAD);
        url_encode_path(&to, clean);
        if (c->head.query.len)
                buf_addf(&to, "?%s", head_text(c, c->head.query));
        http_reply_header(c, "Location", buf_str(&to));
}

static int lookup_route(struct http_req *c)
{
        struct http_match m;
        const char *path = head_text(c, c->head.path);
        if (!http_routes_find(&c->server->routes, path, &m))
                return refuse(c, 404, "404 page not found\n");
        struct http_route *r = http_path_pick(m.path, head_text(c, c->head.method));
        if (!r) {
                AUTO_BUF struct buf allow = BUF_INIT(1024);
                http_path_allow(m.path, &allow);
                http_reply_header(c, "Allow", buf_str(&allow));
                return refuse(c, 405, "405 method not allowed\n");
        }
        c->route = r;
        r->refs++;
        if (m.n)
                keep_params(c, &m);
        c->max_body = r->max_body ? r->max_body : c->server->opt.max_body_bytes;
        return 0;
}

static int find_route(struct http_req *c)
{
        char *path = c->in.data + c->head.path.at;
        if (!url_decode_in_place(path, false))
                return refuse(c, 400, "malformed escape in the path");
        AUTO_BUF struct buf clean = BUF_INIT(HTTP_MAX_HEAD);
        if (http_path_clean(&clean, path) && path[0] == '/') {
                redirect_text(c, buf_str(&clean));
                return refuse(c, 301, "moved permanently\n");
        }
        return lookup_route(c);
}

/* Limits first, then the route, then the body's limit. -1: answered. */
static int begin_request(struct http_req *c)
{
        struct http_problem p;
        if (http_head_parse(&c->head, c->in.data, c->head.size, HTTP_MAX_HEADER_LINE, &p) < 0) {
                http_conn_reject(c, p.status, p.text);
                return -1;
        }
        c->keep_alive = c->head.keep_alive && !c->server->draining;
        c->head_only = streq(head_text(c, c->head.method), "HEAD");
        if (find_route(c) < 0)
                return -1;
        if (c->head.encoded)
                return refuse(c, 415, "Content-Encoding is not supported");
        if (c->head.framing == HTTP_LENGTH && c->head.content_length > c->max_body)
                return refuse(c, 413, "request body too large");
        c->state = CONN_BODY;
        if (!body_is_here(c)) {
                c->began = loop_now(c->server->loop);
                http_conn_body_deadline(c);
                if (c->head.expect_continue && c->in.len == c->head.size)
                        buf_adds(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        return 0;
}

/* 1: a head is complete and its request begun, 0: more is needed, -1: answered already. */
static int read_head(struct http_req *c)
{
        while (c->in.len >= 2 && c->scanned == 0 && memcmp(c->in.data, "\r\n", 2) == 0)
                buf_consume(&c->in, 2); /* some clients send an empty line behind a body */
        if (c->in.len == 0)
                return 0;
        struct http_problem p;
        int size = http_head_find(c->in.data, c->in.len, &c->scanned, &p);
        size_t max = c->server->opt.max_header_bytes;
        if (size < 0)
                http_conn_reject(c, p.status, p.text);
        else if ((size_t)size > max || (size == 0 && c->in.len > max))
                http_conn_reject(c, 431, "request header too large");
        else if (size > 0) {
                c->head.size = (size_t)size;
                return begin_request(c) < 0 ? -1 : 1;
        } else {
                return 0;
        }
        return -1;
}

/* 1: the body is complete, 0: more is needed, -1: answered already. */
static int read_body(struct http_req *c)
{
        struct http_problem p;
        size_t have = c->in.len - c->head.size;
        if (c->head.framing != HTTP_CHUNKED) {
                size_t want = (size_t)c->head.content_length;
                c->body_len = have < want ? have : want;
                return c->body_len == want;
        }
        int r = http_chunks_decode(&c->chunks, &c->in, c->head.size, &c->body_len, c->max_body, &p);
        if (r < 0)
                http_conn_reject(c, p.status, p.text);
        return r;
}

/* The route was taken away while the body arrived; whoever serves the path now gets the request. */
static int find_again(struct http_req *c)
{
        http_route_unref(c->route);
        c->route = NULL;
        buf_reset(&c->params);
        if (lookup_route(c) < 0)
                return -1;
        return c->body_len > c->max_body ? refuse(c, 413, "request body too large") : 0;
}

static void hand_over(struct http_req *c)
{
        c->state = CONN_HANDLER;
        c->open = true;
        c->server->n_open++;
        http_conn_deadline(c, 0);
        if (!c->route->path && find_again(c) < 0)
                return;
        c->route->fn(c, c->route->arg);
}

void http_conn_process(struct http_req *c)
{
        if (c->processing)
                return;
        c->processing = true;
        for (bool more = true; more;) {
                more = false;
                if (c->state == CONN_HEAD) {
                        bool idle = c->in.len == 0;
                        more = read_head(c) != 0;
                        if (!more && !idle && c->began.ns == 0) {
                                c->began = loop_now(c->server->loop);
                                http_conn_deadline(c, c->server->opt.header_timeout_ms);
                        }
                } else if (c->state == CONN_BODY) {
                        int r = read_body(c);
                        if (r > 0)
                                hand_over(c);
                        more = r > 0;
                }
        }
        c->processing = false;
        if (c->state == CONN_BODY && c->out.len > c->out_at)
                http_conn_flush(c); /* 100 Continue */
}
