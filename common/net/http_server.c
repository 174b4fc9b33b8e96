/* common/net/http_server.c: the listener: accept, caps, routes, drain. See http_server.h.
 *
 * Not on evhttp: that parser takes bare LF, folded lines and Transfer-Encoding beside
 * Content-Length, which SEC-13 forbids, and it halves the ingest rate (docs/decisions: http
 * server). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/net/http_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- caps per address ---- */

static bool address_key(const struct sockaddr_storage *peer, struct in6_addr *key)
{
        *key = (struct in6_addr){0};
        if (peer->ss_family == AF_INET) {
                const struct sockaddr_in *in = (const void *)peer;
                key->s6_addr[10] = key->s6_addr[11] = 0xff;
                memcpy(key->s6_addr + 12, &in->sin_addr, 4);
                return key->s6_addr[12] != 127;
        }
        if (peer->ss_family != AF_INET6)
                return false;
        *key = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(key))
                return key->s6_addr[12] != 127;
        if (IN6_IS_ADDR_LOOPBACK(key))
                return false;
        memset(key->s6_addr + 8, 0, 8); /* a client owns its /64 */
        return true;
}

/* False when the address has its share already. *out NULL for loopback. */
static bool claim_address(struct http_server *s, const struct sockaddr_storage *peer,
                          struct http_addr **out)
{
        struct in6_addr key;
        *out = NULL;
        if (!address_key(peer, &key))
                return true;
        struct http_addr *a;
        HASH_FIND(hh, s->addrs, &key, sizeof(key), a);
        if (!a) {
                a = NEW(struct http_addr);
                a->key = key;
                HASH_ADD(hh, s->addrs, key, sizeof(a->key), a);
        }
        if (a->n >= HTTP_MAX_PER_ADDRESS)
                return false;
        a->n++;
        *out = a;
        return true;
}

static void release_address(struct http_server *s, struct http_addr *a)
{
        if (!a || --a->n)
                return;
        HASH_DEL(s->addrs, a);
        free(a);
}

/* ---- accepting ---- */

static void turn_away(struct http_server *s, int fd)
{
        static const char answer[] =
                "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\n\r\n"
                "too many connections";
        if (!s->opt.tls && send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
                http_server_count(s, 503);
        close(fd);
}

static void welcome(struct http_server *s, int fd, const struct sockaddr_storage *peer)
{
        struct http_addr *addr;
        if (s->n_conns >= (size_t)s->opt.max_connections ||
            s->n_handshaking >= HTTP_MAX_HANDSHAKING || !claim_address(s, peer, &addr)) {
                turn_away(s, fd);
                return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        http_conn_start(s, fd, peer, addr);
}

static void on_accept(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct http_server *s = arg;
        for (int i = 0; i < 64; i++) {
                struct sockaddr_storage peer = {0};
                int client = accept4(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof(peer)},
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (client >= 0) {
                        welcome(s, client, &peer);
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                           errno == ENOMEM) {
                        log_warn(s->log, "cannot accept connections for a moment",
                                 F_INT("errno", errno));
                        event_del(s->accept);
                        timer_after_ms(s->loop, &s->accept_again, 100);
                        return;
                } else if (errno == EAGAIN) {
                        return;
                }
        }
}

static void accept_again(void *arg)
{
        struct http_server *s = arg;
        if (!s->draining)
                event_add(s->accept, NULL);
}

/* ---- new and free ---- */

static int open_socket(const struct addrinfo *ai)
{
        int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 1024) == 0)
                return fd;
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
}

static int listen_on(struct http_server *s, struct err *e)
{
        const char *address = s->opt.address ? s->opt.address : "127.0.0.1";
        char port[8];
        snprintf(port, sizeof(port), "%u", s->opt.port);
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                        *ai;
        int r = getaddrinfo(address, port, &hints, &ai);
        if (r)
                return err_set(e, ERR_INVALID, "listen address %s: %s", address, gai_strerror(r));
        s->fd = open_socket(ai);
        int num = errno;
        freeaddrinfo(ai);
        if (s->fd < 0)
                return err_errno(e, num, "cannot listen on %s:%u", address, s->opt.port);
        struct sockaddr_storage self;
        getsockname(s->fd, (struct sockaddr *)&self, &(socklen_t){sizeof(self)});
        s->port =
                ntohs(self.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&self)->sin6_port
                                                 : ((struct sockaddr_in *)(void *)&self)->sin_port);
        return 0;
}

static void set_defaults(struct http_server_options *o)
{
#define DEFAULT(field, value) o->field = o->field ? o->field : (value)
        DEFAULT(max_body_bytes, 1 << 20);
        DEFAULT(max_header_bytes, 16384);
        DEFAULT(header_timeout_ms, 10000);
        DEFAULT(body_timeout_ms, 30000);
        DEFAULT(idle_timeout_ms, 60000);
        DEFAULT(max_connections, 4096);
#undef DEFAULT
        if (o->max_header_bytes > HTTP_MAX_HEAD)
                o->max_header_bytes = HTTP_MAX_HEAD;
}

static void bury_dead(void *arg)
{
        struct http_server *s = arg;
        while (s->dead) {
                struct http_req *c = s->dead;
                s->dead = c->next;
                http_conn_bury(c);
        }
}

static void call_drained(void *arg)
{
        struct http_server *s = arg;
        timer_cancel(s->loop, &s->drain_timer);
        loop_undefer(s->loop, &s->drained_task);
        loop_fn *fn = s->drained;
        s->drained = NULL;
        if (fn)
                fn(s->drained_arg);
}

int http_server_new(struct http_server **out, struct loop *l, const struct http_server_options *o,
                    struct err *e)
{
        struct http_server *s = NEW(struct http_server);
        s->loop = l;
        s->opt = *o;
        s->fd = -1;
        s->name = mem_strdup(o->name ? o->name : "http");
        set_defaults(&s->opt);
        if (listen_on(s, e) < 0) {
                free(s->name);
                free(s);
                return -1;
        }
        s->opt.address = s->opt.name = NULL; /* borrowed for the call only */
        s->log = log_with(log_root(), F_STR("component", "http"), F_STR("listener", s->name));
        s->accept = event_new(loop_base(l), s->fd, EV_READ | EV_PERSIST, on_accept, s);
        event_add(s->accept, NULL);
        timer_init(&s->accept_again, accept_again, s);
        timer_init(&s->drain_timer, call_drained, s);
        task_init(&s->drained_task, call_drained, s);
        task_init(&s->bury, bury_dead, s);
        *out = s;
        return 0;
}

static void stop_accepting(struct http_server *s)
{
        timer_cancel(s->loop, &s->accept_again);
        if (s->accept)
                event_free(s->accept);
        s->accept = NULL;
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

struct http_server *http_server_free(struct http_server *s)
{
        if (!s)
                return NULL;
        stop_accepting(s);
        s->drained = NULL;
        timer_cancel(s->loop, &s->drain_timer);
        while (s->conns) {
                struct http_req *c = s->conns;
                http_conn_close(c);
                if (c->open)
                        c->server = NULL; /* its handler still answers, into the void */
        }
        loop_undefer(s->loop, &s->drained_task);
        loop_undefer(s->loop, &s->bury);
        bury_dead(s);
        http_routes_deinit(&s->routes);
        log_free(s->log);
        free(s->name);
        free(s);
        return NULL;
}

uint16_t http_server_port(const struct http_server *s)
{
        return s->port;
}

/* ---- drain ---- */

void http_server_check_drained(struct http_server *s)
{
        if (s->draining && s->drained && s->n_conns == 0 && s->n_open == 0)
                loop_defer(s->loop, &s->drained_task);
}

void http_server_forget(struct http_req *c)
{
        struct http_server *s = c->server;
        *c->prev = c->next;
        if (c->next)
                c->next->prev = c->prev;
        s->n_conns--;
        release_address(s, c->addr);
        c->addr = NULL;
        http_server_check_drained(s);
}

void http_server_drain(struct http_server *s, int grace_ms, loop_fn *drained, void *arg)
{
        s->draining = true;
        s->drained = drained;
        s->drained_arg = arg;
        stop_accepting(s);
        for (struct http_req *c = s->conns, *next; c; c = next) {
                next = c->next;
                /* a request that has arrived already is still served */
                if (c->state == CONN_HEAD && c->in.len == 0 && http_io_peek(c) != 1)
                        http_conn_close(c);
        }
        timer_after_ms(s->loop, &s->drain_timer, grace_ms);
        http_server_check_drained(s);
}

/* ---- routes ---- */

struct http_route *http_route_add(struct http_server *s, const char *method, const char *path,
                                  http_handler_fn *fn, void *arg, struct err *e)
{
        return http_routes_add(&s->routes, method, path, fn, arg, e);
}

void http_route_remove(struct http_server *s, struct http_route *r)
{
        http_routes_remove(&s->routes, r);
}

void http_route_set_max_body(struct http_route *r, size_t bytes)
{
        r->max_body = bytes;
}

/* ---- small services ---- */

void http_server_count(struct http_server *s, int status)
{
        if (status < 100 || status >= 600)
                return;
        struct metric_series **m = &s->codes[status - 100];
        if (!*m) {
                char code[8];
                snprintf(code, sizeof(code), "%d", status);
                *m = metric_series(METRIC_HTTP_REQUESTS, s->name, code, NULL);
        }
        metric_add(*m, 1);
}

const char *http_server_date(struct http_server *s)
{
        int64_t now = loop_wall(s->loop).ns / NS_PER_S;
        if (now != s->date_s || !s->date[0]) {
                struct tm tm;
                time_t t = (time_t)now;
                gmtime_r(&t, &tm);
                strftime(s->date, sizeof(s->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
                s->date_s = now;
        }
        return s->date;
}
