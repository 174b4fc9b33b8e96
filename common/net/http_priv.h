/* common/net/http_priv.h: what the files of the HTTP server share. One connection carries one
 * request at a time, so a connection *is* the struct http_req handlers see.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/net/http_parse.h"
#include "common/net/http_route.h"
#include "common/net/http_server.h"
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <uthash.h>

enum {
        HTTP_READ_STEP = 4095,         /* room made for one read of a head */
        HTTP_BODY_STEP = 65536,        /* and of a body */
        HTTP_KEEP_BUFFER = 16384,      /* a larger buffer is given back after the request */
        HTTP_SLOW_STREAM = 1 << 20,    /* more waiting than this: the reader is slow */
        HTTP_STREAM_CAP = 16 << 20,    /* and more than this: it is cut off */
        HTTP_WRITE_TIMEOUT_MS = 30000, /* no byte taken for so long */
        HTTP_HANDSHAKE_TIMEOUT_MS = 10000,
        HTTP_LINGER_MS = 2000,
        HTTP_LINGER_BYTES = 1 << 20,
        HTTP_RATE_WINDOW_MS =
                10000,        /* a body slower than HTTP_RATE_MIN over this long is cut off */
        HTTP_RATE_MIN = 1024, /* bytes per second */
        HTTP_MAX_HANDSHAKING = 128,
        HTTP_MAX_PER_ADDRESS = 64,
};

enum http_state {
        CONN_HANDSHAKE,
        CONN_HEAD, /* idle, or a head is arriving */
        CONN_BODY,
        CONN_HANDLER, /* the handler has it */
        CONN_STREAM,
        CONN_FLUSH,  /* answered; bytes wait for the socket */
        CONN_LINGER, /* answered before the request was read: let the client see the answer */
        CONN_CLOSED, /* the socket is gone, the handler still holds the request */
};

struct http_addr { /* connections per client address */
        struct in6_addr key;
        unsigned n;
        UT_hash_handle hh;
};

struct http_req {
        struct http_server *server; /* NULL once the server is freed */
        struct http_req *next, **prev;
        enum http_state state;
        bool open;       /* a handler owes an answer */
        bool processing; /* inside http_conn_process(): do not free, do not recurse */
        bool keep_alive, head_only, chunked_out, early, close_after, want_write;
        int fd;
        SSL *ssl;
        struct event rd, wr;
        struct loop_timer timer;
        struct mono deadline, began;
        struct http_addr *addr; /* NULL for loopback */
        struct sockaddr_storage peer;
        char peer_text[INET6_ADDRSTRLEN];

        struct buf in, out;
        size_t out_at;            /* of out, sent already */
        size_t scanned, body_len; /* of in; see http_head_find, body */
        size_t max_body;
        struct http_head head;
        struct http_chunks chunks;
        struct http_route *route;
        struct buf params; /* name NUL value NUL ... */
        struct buf args;   /* decoded query, the same way; made on demand */
        struct buf extra;  /* header lines of the answer */
        bool args_ready;
        http_handler_fn *on_close, *on_writable;
        void *on_close_arg, *on_writable_arg;
        uint64_t lingered;
};

struct http_server {
        struct loop *loop;
        struct log *log;
        char *name;
        struct http_server_options opt;
        int fd;
        uint16_t port;
        struct event *accept;
        struct loop_timer accept_again; /* after EMFILE */
        struct http_routes routes;
        struct http_req *conns, *dead;
        struct loop_task bury;
        size_t n_conns, n_open, n_handshaking;
        struct http_addr *addrs;
        bool draining;
        struct loop_timer drain_timer;
        struct loop_task drained_task;
        loop_fn *drained;
        void *drained_arg;
        int64_t date_s;
        char date[64]; /* "Date: ...\r\n" of that second */
        struct metric_series *codes[500];
};

/* http_io.c: bytes over a socket or TLS. recv/send: > 0 bytes, 0 end of stream (recv), IO_AGAIN,
 * IO_ERROR. */
enum { IO_AGAIN = -1, IO_ERROR = -2 };
ssize_t http_io_recv(struct http_req *c, void *to, size_t n);
ssize_t http_io_send(struct http_req *c, const void *from, size_t n);
int http_io_peek(struct http_req *c);      /* 1 data, 0 end of stream, IO_AGAIN, IO_ERROR */
int http_io_handshake(struct http_req *c); /* 1 done, IO_AGAIN, IO_ERROR */

/* http_conn.c */
void http_conn_start(struct http_server *s, int fd, const struct sockaddr_storage *peer,
                     struct http_addr *addr);
void http_conn_close(struct http_req *c); /* the socket; frees it unless a handler holds it */
void http_conn_free(struct http_req *c);  /* at the end of the turn */
void http_conn_bury(struct http_req *c);  /* now */
void http_conn_deadline(struct http_req *c, int64_t ms); /* 0: none */
/* Sends what is queued; when all is out, goes on to the next request or closes. */
void http_conn_flush(struct http_req *c);
void http_conn_reject(struct http_req *c, int status, const char *text); /* answer and close */
/* The answer is queued completely. */
void http_conn_answered(struct http_req *c);

void http_conn_body_deadline(struct http_req *c);

/* http_request.c */
void http_conn_process(struct http_req *c); /* whatever stands in the input */
void http_request_end(struct http_req *c);  /* forget the request that was answered */

/* http_server.c */
void http_server_forget(struct http_req *c); /* a connection ended */
void http_server_check_drained(struct http_server *s);
void http_server_count(struct http_server *s, int status);
const char *http_server_date(struct http_server *s);
