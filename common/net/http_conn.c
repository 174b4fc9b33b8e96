/* common/net/http_conn.c: the life of one connection: bytes in, requests (http_request.c), answers
 * out, time-outs, the end. Bytes behind a request (pipelining) wait in the input buffer until it is
 * answered.
 *
 * While a handler holds the request nothing is read; a peek tells whether the client has gone. A
 * client that only shut down its sending side still gets its answer; a stream's reader that does so
 * has gone. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/net/http_priv.h"
#include "common/net/tls.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static loop_fn on_timer;

/* ---- beginning and end ---- */

static struct http_req *conn_new(struct http_server *s, int fd)
{
        struct http_req *c = NEW(struct http_req);
        c->server = s;
        c->fd = fd;
        c->state = CONN_HEAD;
        buf_init(&c->in, s->opt.max_header_bytes + s->opt.max_body_bytes + 2 * HTTP_BODY_STEP);
        buf_init(&c->out, BUF_UNBOUNDED);
        buf_init(&c->params, HTTP_MAX_HEAD);
        buf_init(&c->args, HTTP_MAX_HEAD);
        buf_init(&c->extra, HTTP_MAX_HEAD);
        timer_init(&c->timer, on_timer, c);
        event_assign(&c->rd, loop_base(s->loop), fd, EV_READ | EV_PERSIST, on_readable, c);
        event_assign(&c->wr, loop_base(s->loop), fd, EV_WRITE, on_writable, c);
        c->next = s->conns;
        c->prev = &s->conns;
        if (c->next)
                c->next->prev = &c->next;
        s->conns = c;
        s->n_conns++;
        return c;
}

void http_conn_start(struct http_server *s, int fd, const struct sockaddr_storage *peer,
                     struct http_addr *addr)
{
        struct http_req *c = conn_new(s, fd);
        c->peer = *peer;
        c->addr = addr;
        event_add(&c->rd, NULL);
        if (!s->opt.tls) {
                http_conn_deadline(c, s->opt.header_timeout_ms);
                return;
        }
        c->state = CONN_HANDSHAKE;
        s->n_handshaking++;
        c->ssl = SSL_new(tls_server_ctx(s->opt.tls));
        if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
                http_conn_close(c);
                return;
        }
        http_conn_deadline(c, HTTP_HANDSHAKE_TIMEOUT_MS);
}

/* Frames further up may still look at the connection, so its memory goes at the end of the turn. */
void http_conn_free(struct http_req *c)
{
        if (c->server) {
                c->next = c->server->dead;
                c->server->dead = c;
                loop_defer(c->server->loop, &c->server->bury);
        } else {
                http_conn_bury(c);
        }
}

void http_conn_bury(struct http_req *c)
{
        if (c->route)
                http_route_unref(c->route);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        buf_deinit(&c->params);
        buf_deinit(&c->args);
        buf_deinit(&c->extra);
        free(c);
}

static void end_tls(struct http_req *c)
{
        if (c->ssl && SSL_is_init_finished(c->ssl)) {
                SSL_shutdown(c->ssl);
                ERR_clear_error();
        }
        SSL_free(c->ssl);
        c->ssl = NULL;
}

void http_conn_close(struct http_req *c)
{
        if (c->state == CONN_CLOSED)
                return;
        struct http_server *s = c->server;
        if (c->state == CONN_HANDSHAKE)
                s->n_handshaking--;
        c->state = CONN_CLOSED;
        event_del(&c->rd);
        event_del(&c->wr);
        timer_cancel(s->loop, &c->timer);
        end_tls(c);
        close(c->fd);
        c->fd = -1;
        http_server_forget(c);
        if (c->open) { /* the handler frees it by answering, perhaps from inside on_close */
                http_handler_fn *fn = c->on_close;
                c->on_close = NULL;
                if (fn)
                        fn(c, c->on_close_arg);
        } else {
                http_conn_free(c);
        }
}

/* ---- time ---- */

/* The timer is set again only for an earlier time; when it goes off too early it goes back to
 * sleep. So a busy connection pays one timer operation a minute, not four per request. */
void http_conn_deadline(struct http_req *c, int64_t ms)
{
        struct loop *l = c->server->loop;
        c->deadline = ms ? mono_add_ms(loop_now(l), ms) : (struct mono){INT64_MAX};
        if (ms && (!timer_armed(&c->timer) || c->timer.at.ns > c->deadline.ns))
                timer_set(l, &c->timer, c->deadline);
}

/* A body must come at HTTP_RATE_MIN at least, and be complete before the body timeout. */
void http_conn_body_deadline(struct http_req *c)
{
        int64_t total = c->server->opt.body_timeout_ms;
        int64_t gone = (loop_now(c->server->loop).ns - c->began.ns) / NS_PER_MS;
        int64_t next = gone + HTTP_RATE_WINDOW_MS < total ? HTTP_RATE_WINDOW_MS : total - gone;
        http_conn_deadline(c, next > 0 ? next : 1);
}

static bool body_too_slow(struct http_req *c)
{
        int64_t gone = (loop_now(c->server->loop).ns - c->began.ns) / NS_PER_MS;
        return gone >= c->server->opt.body_timeout_ms ||
               (int64_t)c->body_len * 1000 < gone * HTTP_RATE_MIN;
}

static void on_timer(void *arg)
{
        struct http_req *c = arg;
        if (c->deadline.ns == INT64_MAX)
                return;
        if (loop_now(c->server->loop).ns < c->deadline.ns)
                timer_set(c->server->loop, &c->timer, c->deadline);
        else if (c->state == CONN_HEAD && c->in.len > 0)
                http_conn_reject(c, 408, "the request header took too long");
        else if (c->state == CONN_BODY && body_too_slow(c))
                http_conn_reject(c, 408, "the request body took too long");
        else if (c->state == CONN_BODY)
                http_conn_body_deadline(c);
        else
                http_conn_close(c);
}

/* ---- answers ---- */

void http_conn_reject(struct http_req *c, int status, const char *text)
{
        http_conn_deadline(c, 0);
        c->keep_alive = false;
        c->early = true;
        if (!c->open)
                c->server->n_open++;
        c->state = CONN_HANDLER;
        c->open = true;
        http_reply_text(c, status, text);
}

static void linger(struct http_req *c)
{
        c->state = CONN_LINGER;
        end_tls(c); /* what still comes is dropped as it is */
        shutdown(c->fd, SHUT_WR);
        http_conn_deadline(c, HTTP_LINGER_MS);
        event_add(&c->rd, NULL);
}

static void next_request(struct http_req *c)
{
        bool unread = c->early || c->in.len > c->head.size + c->body_len;
        if (!c->keep_alive || c->server->draining) {
                if (unread)
                        linger(c);
                else
                        http_conn_close(c);
                return;
        }
        buf_consume(&c->in, c->head.size + c->body_len);
        if (c->in.cap > HTTP_KEEP_BUFFER && c->in.len == 0)
                buf_deinit(&c->in);
        if (c->out.cap > HTTP_KEEP_BUFFER)
                buf_deinit(&c->out);
        http_request_end(c);
        c->state = CONN_HEAD;
        c->began.ns = 0;
        http_conn_deadline(c, c->server->opt.idle_timeout_ms);
        if (!event_pending(&c->rd, EV_READ, NULL))
                event_add(&c->rd, NULL);
        if (c->processing)
                return;
        if (c->in.len)
                http_conn_process(c);
        else if (c->ssl &&
                 SSL_pending(c->ssl)) /* no event will tell of bytes OpenSSL has read already */
                on_readable(c->fd, EV_READ, c);
}

void http_conn_flush(struct http_req *c)
{
        bool progress = c->deadline.ns == INT64_MAX;
        while (c->out_at < c->out.len) {
                ssize_t n = http_io_send(c, c->out.data + c->out_at, c->out.len - c->out_at);
                if (n == IO_ERROR) {
                        http_conn_close(c);
                        return;
                }
                if (n < 0) {
                        event_add(&c->wr, NULL);
                        if (c->state != CONN_BODY && progress)
                                http_conn_deadline(c, HTTP_WRITE_TIMEOUT_MS);
                        return;
                }
                c->out_at += (size_t)n;
                progress = true;
        }
        buf_reset(&c->out);
        c->out_at = 0;
        if (c->state == CONN_FLUSH)
                next_request(c);
        else if (c->state == CONN_STREAM)
                http_conn_deadline(c, 0);
}

void http_conn_answered(struct http_req *c)
{
        c->open = false;
        c->server->n_open--;
        c->state = CONN_FLUSH;
        http_conn_flush(c);
}

/* ---- events ---- */

static void take_input(struct http_req *c)
{
        size_t room = HTTP_READ_STEP;
        if (c->state == CONN_BODY)
                room = HTTP_BODY_STEP;
        size_t before = c->in.len;
        do {
                char *to = buf_reserve(&c->in, room);
                if (!to) {
                        http_conn_reject(c, 413, "request too large");
                        return;
                }
                ssize_t n = http_io_recv(c, to, room);
                if (n > 0)
                        c->in.len += (size_t)n;
                c->in.data[c->in.len] = '\0';
                if (n > 0)
                        continue;
                if (c->in.len > before)
                        break;
                if (n != IO_AGAIN)
                        http_conn_close(c);
                return;
        } while (c->ssl && SSL_pending(c->ssl));
        http_conn_process(c);
}

static void look_for_end(struct http_req *c)
{
        int r = http_io_peek(c);
        if (r == IO_ERROR || (r == 0 && c->state == CONN_STREAM))
                http_conn_close(c);
        else if (r != IO_AGAIN)
                event_del(&c->rd); /* a pipelined request, or a client that sends no more: the
                                      answer is still due */
}

static void discard_input(struct http_req *c)
{
        char waste[4096];
        ssize_t n = http_io_recv(c, waste, sizeof(waste));
        if (n > 0)
                c->lingered += (uint64_t)n;
        if (n == 0 || n == IO_ERROR || c->lingered > HTTP_LINGER_BYTES)
                http_conn_close(c);
}

static void handshake(struct http_req *c)
{
        int r = http_io_handshake(c);
        if (r == IO_ERROR) {
                http_conn_close(c);
        } else if (r == 1) {
                c->server->n_handshaking--;
                c->state = CONN_HEAD;
                http_conn_deadline(c, c->server->opt.header_timeout_ms);
                take_input(c);
        } else if (c->want_write) {
                event_add(&c->wr, NULL);
        }
}

static void on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct http_req *c = arg;
        switch (c->state) {
        case CONN_HANDSHAKE: handshake(c); break;
        case CONN_HEAD:
        case CONN_BODY: take_input(c); break;
        case CONN_HANDLER:
        case CONN_STREAM: look_for_end(c); break;
        case CONN_FLUSH: event_del(&c->rd); break;
        case CONN_LINGER: discard_input(c); break;
        case CONN_CLOSED: break;
        }
}

static void on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct http_req *c = arg;
        if (c->want_write) { /* OpenSSL wanted to write in order to read */
                c->want_write = false;
                if (c->state == CONN_HANDSHAKE || c->out_at == c->out.len) {
                        on_readable(c->fd, EV_READ, c);
                        return;
                }
        }
        http_conn_flush(c);
        if (c->state == CONN_STREAM && c->on_writable &&
            c->out.len - c->out_at < HTTP_SLOW_STREAM / 4) {
                http_handler_fn *fn = c->on_writable;
                c->on_writable = NULL;
                fn(c, c->on_writable_arg);
        }
}
