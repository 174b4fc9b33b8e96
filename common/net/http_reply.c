/* common/net/http_reply.c: what handlers call: the request's parts, answers, streams.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/net/http_priv.h"
#include "common/net/url.h"
#include <arpa/inet.h>
#include <strings.h>

/* ---- the request ---- */

static const char *text_at(const struct http_req *r, struct http_span s)
{
        return r->in.data + s.at;
}

const char *http_req_method(const struct http_req *r)
{
        return text_at(r, r->head.method);
}

const char *http_req_path(const struct http_req *r)
{
        return text_at(r, r->head.path);
}

const char *http_req_query(const struct http_req *r)
{
        return text_at(r, r->head.query);
}

static const char *find_pair(const struct buf *pairs, const char *name)
{
        const char *s = pairs->data, *end = s + pairs->len;
        while (s && s < end) {
                const char *value = s + strlen(s) + 1;
                if (streq(s, name))
                        return value;
                s = value + strlen(value) + 1;
        }
        return NULL;
}

const char *http_req_param(const struct http_req *r, const char *name)
{
        return find_pair(&r->params, name);
}

static void decode_args(struct http_req *r)
{
        struct url_query q = {str_of(http_req_query(r))};
        struct str key, value;
        bool bad;
        while (url_query_next(&q, &key, &value, &bad)) {
                AUTO_BUF struct buf k = BUF_INIT(HTTP_MAX_HEAD), v = BUF_INIT(HTTP_MAX_HEAD);
                if (bad || !url_decode(&k, key, true) || !url_decode(&v, value, true))
                        continue;
                if (memchr(buf_str(&k), 0, k.len) || memchr(buf_str(&v), 0, v.len))
                        continue;
                buf_add(&r->args, buf_str(&k), k.len + 1);
                buf_add(&r->args, buf_str(&v), v.len + 1);
        }
}

const char *http_req_arg(struct http_req *r, const char *name)
{
        if (!r->args_ready)
                decode_args(r);
        r->args_ready = true;
        return find_pair(&r->args, name);
}

const char *http_req_header(const struct http_req *r, const char *name)
{
        size_t n = strlen(name);
        for (size_t i = 0; i < r->head.n_headers; i++) {
                const struct http_header_span *h = &r->head.headers[i];
                if (h->name.len == n && strncasecmp(text_at(r, h->name), name, n) == 0)
                        return text_at(r, h->value);
        }
        return NULL;
}

void http_req_headers(const struct http_req *r,
                      bool (*each)(void *arg, const char *name, const char *value), void *arg)
{
        for (size_t i = 0; i < r->head.n_headers; i++)
                if (!each(arg, text_at(r, r->head.headers[i].name),
                          text_at(r, r->head.headers[i].value)))
                        return;
}

struct str http_req_body(const struct http_req *r)
{
        return (struct str){r->in.data + r->head.size, r->body_len};
}

const char *http_req_peer(struct http_req *r)
{
        const void *at =
                r->peer.ss_family == AF_INET6
                        ? (const void *)&((const struct sockaddr_in6 *)(const void *)&r->peer)
                                  ->sin6_addr
                        : (const void *)&((const struct sockaddr_in *)(const void *)&r->peer)
                                  ->sin_addr;
        if (!r->peer_text[0])
                inet_ntop(r->peer.ss_family, at, r->peer_text, sizeof(r->peer_text));
        return r->peer_text;
}

void http_req_on_close(struct http_req *r, http_handler_fn *fn, void *arg)
{
        r->on_close = fn;
        r->on_close_arg = arg;
}

/* ---- heads ---- */

static const struct {
        int status;
        const char *reason;
} reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
};

static const char *reason_of(int status)
{
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Status";
}

static void put_number(struct buf *b, uint64_t n)
{
        char digits[20];
        size_t i = sizeof(digits);
        do {
                digits[--i] = (char)('0' + n % 10);
                n /= 10;
        } while (n);
        buf_add(b, digits + i, sizeof(digits) - i);
}

/* Status line and headers up to the framing. */
static void put_head(struct http_req *r, int status, const char *content_type)
{
        struct buf *b = &r->out;
        if (status == 200) {
                buf_add(b, "HTTP/1.1 200 OK\r\n", 17);
        } else {
                buf_adds(b, "HTTP/1.1 ");
                put_number(b, (uint64_t)status);
                buf_addc(b, ' ');
                buf_adds(b, reason_of(status));
                buf_adds(b, "\r\n");
        }
        buf_adds(b, http_server_date(r->server));
        if (content_type) {
                buf_adds(b, "Content-Type: ");
                buf_adds(b, content_type);
                buf_adds(b, "\r\n");
        }
        buf_add(b, buf_str(&r->extra), r->extra.len);
        buf_reset(&r->extra);
        if (!r->keep_alive || r->server->draining)
                buf_adds(b, "Connection: close\r\n");
        else if (r->head.http_1_0)
                buf_adds(b, "Connection: keep-alive\r\n");
        http_server_count(r->server, status);
}

/* True when the client has gone: the request is freed. */
static bool answer_into_the_void(struct http_req *r)
{
        if (r->state != CONN_CLOSED)
                return false;
        r->open = false;
        if (r->server) {
                r->server->n_open--;
                http_server_check_drained(r->server);
        }
        http_conn_free(r);
        return true;
}

/* ---- answers ---- */

void http_reply(struct http_req *r, int status, const char *content_type, const void *body,
                size_t n)
{
        if (answer_into_the_void(r))
                return;
        bool no_body = status == 204 || status == 304;
        put_head(r, status, no_body ? NULL : content_type);
        if (!no_body) {
                buf_adds(&r->out, "Content-Length: ");
                put_number(&r->out, n);
                buf_adds(&r->out, "\r\n");
        }
        buf_add(&r->out, "\r\n", 2);
        if (!r->head_only && !no_body)
                buf_add(&r->out, body, n);
        http_conn_answered(r);
}

void http_reply_text(struct http_req *r, int status, const char *text)
{
        http_reply(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_reply_err(struct http_req *r, const struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(65536);
        const char *msg = err_msg(e);
        buf_adds(&b, "{\"code\":");
        json_put_string(&b, err_code_name(e->code), strlen(err_code_name(e->code)));
        buf_adds(&b, ",\"message\":");
        json_put_string(&b, msg, strlen(msg));
        buf_adds(&b, "}\n");
        if (err_retryable(e->code) && err_http_status(e->code) == 503) {
                char seconds[24];
                int64_t ms = e->retry_after_ms > 1000 ? e->retry_after_ms : 1000;
                snprintf(seconds, sizeof(seconds), "%lld", (long long)((ms + 999) / 1000));
                http_reply_header(r, "Retry-After", seconds);
        }
        http_reply(r, err_http_status(e->code), "application/json", buf_str(&b), b.len);
}

void http_reply_header(struct http_req *r, const char *name, const char *value)
{
        if (r->state == CONN_CLOSED)
                return;
        buf_adds(&r->extra, name);
        buf_add(&r->extra, ": ", 2);
        for (const char *s = value; *s; s++) /* no header is born from data */
                buf_addc(&r->extra, (unsigned char)*s < ' ' ? ' ' : *s);
        buf_add(&r->extra, "\r\n", 2);
}

/* ---- streams ---- */

void http_stream_start(struct http_req *r, int status, const char *content_type)
{
        if (r->state == CONN_CLOSED)
                return;
        r->chunked_out = !r->head.http_1_0;
        if (!r->chunked_out)
                r->keep_alive = false;
        put_head(r, status, content_type);
        buf_adds(&r->out, r->chunked_out ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
        r->state = CONN_STREAM;
        http_conn_flush(r);
}

bool http_stream_chunk(struct http_req *r, const void *data, size_t n)
{
        if (r->state != CONN_STREAM)
                return false;
        if (n == 0 || r->head_only)
                return true;
        if (r->chunked_out)
                buf_addf(&r->out, "%zx\r\n", n);
        buf_add(&r->out, data, n);
        if (r->chunked_out)
                buf_add(&r->out, "\r\n", 2);
        http_conn_flush(r);
        if (r->state != CONN_STREAM)
                return false;
        if (r->out.len - r->out_at > HTTP_STREAM_CAP)
                http_conn_close(r);
        return r->state == CONN_STREAM && r->out.len - r->out_at <= HTTP_SLOW_STREAM;
}

void http_stream_on_writable(struct http_req *r, http_handler_fn *fn, void *arg)
{
        r->on_writable = fn;
        r->on_writable_arg = arg;
}

void http_stream_end(struct http_req *r)
{
        if (answer_into_the_void(r))
                return;
        if (r->chunked_out && !r->head_only)
                buf_adds(&r->out, "0\r\n\r\n");
        http_conn_answered(r);
}
