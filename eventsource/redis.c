/* eventsource/redis.c: Redis pub/sub (argo-events.md 3.1).
 *
 * libevent carries the bytes (plain or through OpenSSL), hiredis 0.14 formats commands and parses
 * replies: that version has no TLS of its own. Pub/sub has no redelivery, so a message that was
 * received is kept here until the bus has it: a refused emit is repeated, and a connection that
 * breaks meanwhile is reported only when nothing is kept any more. What was published while nobody
 * listened is gone; that is what Redis promises (docs/compatibility.md). A silent connection is
 * probed with PING every 30 s. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/net/tls.h"
#include "eventsource/broker.h"
#include "eventsource/source_filter.h"
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <stdlib.h>

enum {
        HANDSHAKE_MS = 10000,
        PING_EVERY_MS = 30000,
        PONG_WITHIN_MS = 10000,
        REPEAT_MS = 500,
        KEPT_MAX = 1024,
        MESSAGE_MAX = 16 << 20
};

struct redis_config {
        char *host_address, *ns, *username;
        struct key_ref *password;
        int64_t db;
        struct field_strs channels;
        struct source_filter *filter;
        struct tls_config *tls;
        struct field_map metadata;
        bool json_body;
};

static const struct field redis_fields[] = {
        FIELD(struct redis_config, host_address, FIELD_STR, .name = "hostAddress",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .help = "host:port"),
        FIELD(struct redis_config, password, FIELD_OBJ_PTR, .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref), .help = "password"),
        FIELD(struct redis_config, ns, FIELD_STR, .name = "namespace",
              .help = "unused, upstream either"),
        FIELD(struct redis_config, db, FIELD_INT, .min = 0, .max = 100000,
              .help = "database number (channels are shared by all)"),
        FIELD(struct redis_config, channels, FIELD_STRS, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "channels, literally"),
        FIELD(struct redis_config, tls, FIELD_OBJ_PTR, .sub = tls_config_fields,
              .sub_size = sizeof(struct tls_config), .help = "TLS"),
        FIELD(struct redis_config, metadata, FIELD_MAP, .help = "copied into the payload"),
        FILTER_FIELD(struct redis_config, filter),
        FIELD(struct redis_config, json_body, FIELD_BOOL, .name = "jsonBody",
              .help = "the message is JSON and becomes part of the payload"),
        FIELD(struct redis_config, username, FIELD_STR, .help = "ACL user"),
        FIELD_END};

static void redis_check(const void *config, const struct jpath *at, struct diags *d)
{
        const struct redis_config *c = config;
        struct jpath tls = jpath_key(at, "tls"), address = jpath_key(at, "hostAddress");
        tls_config_check(c->tls, &tls, d);
        const char *colon = c->host_address ? strrchr(c->host_address, ':') : NULL;
        uint64_t port;
        if (c->host_address &&
            (!colon || !str_to_u64(colon + 1, &port) || port == 0 || port > 65535))
                diag_error(d, &address, "E052", "for example redis:6379",
                           "expected host:port, found \"%s\"", c->host_address);
}

/* A message that the bus does not have yet. */
struct kept {
        struct redis_state *state;
        struct kept *next, **prev;
        struct loop_timer again;
        size_t len;
        char data[];
};

struct redis_state {
        struct source *source;
        struct bufferevent *bev;
        struct evdns_base *dns;
        SSL_CTX *tls;
        redisReader *reader;
        struct loop_timer handshake, ping, pong;
        size_t confirmations; /* replies still due before it is up */
        bool up, paused, broken;
        struct err why; /* when broken */
        struct kept *kept;
        size_t n_kept;
};

static const struct redis_config *config(struct redis_state *s)
{
        return source_config(s->source);
}

static void report_down(struct redis_state *s)
{
        struct err e = {0};
        err_move(&e, &s->why);
        source_down(s->source, &e);
        err_clear(&e);
}

static void close_connection(struct redis_state *s)
{
        struct loop *l = source_loop(s->source);
        timer_cancel(l, &s->handshake);
        timer_cancel(l, &s->ping);
        timer_cancel(l, &s->pong);
        if (s->bev)
                bufferevent_free(s->bev);
        s->bev = NULL;
}

/* Takes the words of `e`. The runtime is told when nothing received is still on its way to the bus.
 */
static void breaks(struct redis_state *s, struct err *e)
{
        if (s->broken) {
                err_clear(e);
                return;
        }
        s->broken = true;
        err_wrap(e, "redis %s", config(s)->host_address);
        err_move(&s->why, e);
        close_connection(s);
        if (s->n_kept == 0)
                report_down(s);
}

/* ---- messages ---- */

static void mind_reading(struct redis_state *s)
{
        if (!s->bev)
                return;
        if (s->paused || s->n_kept >= KEPT_MAX)
                bufferevent_disable(s->bev, EV_READ);
        else
                bufferevent_enable(s->bev, EV_READ);
}

static void drop(struct kept *k)
{
        struct redis_state *s = k->state;
        timer_cancel(source_loop(s->source), &k->again);
        *k->prev = k->next;
        if (k->next)
                k->next->prev = k->prev;
        s->n_kept--;
        free(k);
}

static void on_stored(void *arg, const char *event_id UNUSED, const struct err *e)
{
        struct kept *k = arg;
        struct redis_state *s = k->state;
        if (e && err_retryable(e->code)) { /* busy or full: again, for as long as it takes */
                timer_after_ms(source_loop(s->source), &k->again, REPEAT_MS);
                return;
        }
        if (e)
                source_bad_event(s->source, e);
        drop(k);
        mind_reading(s);
        if (s->broken && s->n_kept == 0)
                report_down(s);
}

static void emit(void *arg)
{
        struct kept *k = arg;
        source_emit(k->state->source, &(struct source_event){.data = {k->data, k->len}}, on_stored,
                    k);
}

static struct str reply_str(const redisReply *r)
{
        return (struct str){r->str, (size_t)r->len};
}

static void on_message(struct redis_state *s, const redisReply *r)
{
        ERR_SLOT(e);
        AUTO_BUF struct buf b = BUF_INIT(MESSAGE_MAX + 4096);
        const struct redis_config *c = config(s);
        if (redis_payload(&b, reply_str(r->element[1]), STR(""), reply_str(r->element[2]),
                          c->json_body, &c->metadata, &e) < 0) {
                source_bad_event(s->source, &e);
                err_clear(&e);
                return;
        }
        struct kept *k = mem_alloc(sizeof(*k) + b.len);
        k->state = s;
        k->len = b.len;
        memcpy(k->data, b.data, b.len);
        timer_init(&k->again, emit, k);
        k->next = s->kept;
        k->prev = &s->kept;
        if (s->kept)
                s->kept->prev = &k->next;
        s->kept = k;
        s->n_kept++;
        emit(k);
}

/* ---- protocol ---- */

static void send_command(struct redis_state *s, int argc, const char **argv)
{
        char *text = NULL;
        int n = redisFormatCommandArgv(&text, argc, argv, NULL);
        if (n > 0)
                bufferevent_write(s->bev, text, (size_t)n);
        redisFreeCommand(text);
}

static void greet(struct redis_state *s)
{
        const struct redis_config *c = config(s);
        const struct secret *password = c->password ? source_secret(s->source, c->password) : NULL;
        if (password && c->username && *c->username)
                send_command(s, 3, (const char *[]){"AUTH", c->username, secret_reveal(password)});
        else if (password)
                send_command(s, 2, (const char *[]){"AUTH", secret_reveal(password)});
        s->confirmations = (password != NULL) + (c->db != 0) + c->channels.n;
        if (c->db) {
                char db[24];
                snprintf(db, sizeof(db), "%lld", (long long)c->db);
                send_command(s, 2, (const char *[]){"SELECT", db});
        }
        const char **argv = mem_calloc(c->channels.n + 1, sizeof(*argv));
        argv[0] = "SUBSCRIBE";
        for (size_t i = 0; i < c->channels.n; i++)
                argv[i + 1] = c->channels.items[i];
        send_command(s, (int)c->channels.n + 1, argv);
        free(argv);
}

static void confirmed(struct redis_state *s)
{
        if (s->up || --s->confirmations > 0)
                return;
        s->up = true;
        timer_cancel(source_loop(s->source), &s->handshake);
        timer_after_ms(source_loop(s->source), &s->ping, PING_EVERY_MS);
        source_up(s->source);
}

static void on_reply(struct redis_state *s, const redisReply *r)
{
        if (r->type == REDIS_REPLY_ERROR) {
                struct err e = {0};
                bool denied = str_starts(r->str, "NOAUTH") || str_starts(r->str, "WRONGPASS") ||
                              str_starts(r->str, "NOPERM") || strstr(r->str, "invalid password");
                err_set(&e, denied ? ERR_DENIED : ERR_PROTOCOL, "%.200s", r->str);
                breaks(s, &e);
                return;
        }
        bool list = r->type == REDIS_REPLY_ARRAY && r->elements >= 1 &&
                    r->element[0]->type == REDIS_REPLY_STRING;
        if (list && r->elements == 3 && strcmp(r->element[0]->str, "message") == 0 &&
            r->element[1]->str && r->element[2]->str)
                on_message(s, r);
        else if (list && strcmp(r->element[0]->str, "pong") == 0)
                timer_cancel(source_loop(s->source), &s->pong);
        else
                confirmed(s);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
        struct redis_state *s = arg;
        struct evbuffer *in = bufferevent_get_input(bev);
        timer_after_ms(source_loop(s->source), &s->ping, PING_EVERY_MS);
        while (!s->broken && evbuffer_get_length(in) > 0) {
                size_t n = evbuffer_get_contiguous_space(in);
                redisReaderFeed(s->reader, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n);
                evbuffer_drain(in, n);
                void *reply = NULL;
                while (!s->broken && redisReaderGetReply(s->reader, &reply) == REDIS_OK && reply) {
                        on_reply(s, reply);
                        freeReplyObject(reply);
                        reply = NULL;
                }
                if (s->reader->err && !s->broken) {
                        struct err e = {0};
                        err_set(&e, ERR_PROTOCOL, "%s", s->reader->errstr);
                        breaks(s, &e);
                }
        }
        mind_reading(s);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
        struct redis_state *s = arg;
        if (what & BEV_EVENT_CONNECTED) {
                greet(s);
                return;
        }
        struct err e = {0};
        unsigned long tls = s->tls ? bufferevent_get_openssl_error(bev) : 0;
        int dns = bufferevent_socket_get_dns_error(bev);
        if (tls)
                err_set(&e, ERR_UNAVAILABLE, "TLS: %s",
                        ERR_reason_error_string(tls) ? ERR_reason_error_string(tls) : "failed");
        else if (dns)
                err_set(&e, ERR_UNAVAILABLE, "%s", evutil_gai_strerror(dns));
        else if (what & BEV_EVENT_EOF)
                err_set(&e, ERR_UNAVAILABLE, "the server closed the connection");
        else
                err_errno(&e, EVUTIL_SOCKET_ERROR() ? EVUTIL_SOCKET_ERROR() : ECONNRESET,
                          "connection");
        breaks(s, &e);
}

static void on_handshake_timeout(void *arg)
{
        struct err e = {0};
        err_set(&e, ERR_TIMEOUT, "not subscribed within %d s", HANDSHAKE_MS / 1000);
        breaks(arg, &e);
}

static void on_ping(void *arg)
{
        struct redis_state *s = arg;
        send_command(s, 1, (const char *[]){"PING"});
        timer_after_ms(source_loop(s->source), &s->pong, PONG_WITHIN_MS);
}

static void on_pong_timeout(void *arg)
{
        struct err e = {0};
        err_set(&e, ERR_TIMEOUT, "no answer to PING within %d s", PONG_WITHIN_MS / 1000);
        breaks(arg, &e);
}

/* ---- life ---- */

static const char *pem(struct redis_state *s, const struct key_ref *ref)
{
        const struct secret *secret = ref ? source_secret(s->source, ref) : NULL;
        return secret ? secret_reveal(secret) : NULL;
}

static int open_stream(struct redis_state *s, const char *host, struct err *e)
{
        const struct tls_config *tls = config(s)->tls;
        struct event_base *base = loop_base(source_loop(s->source));
        if (!tls) {
                s->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
                return 0;
        }
        if (tls_client_ctx(&s->tls, pem(s, tls->ca), pem(s, tls->cert), pem(s, tls->key),
                           tls->insecure_skip_verify, e) < 0)
                return -1;
        SSL *ssl = tls_client_new(s->tls, host);
        s->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                BEV_OPT_CLOSE_ON_FREE);
        bufferevent_openssl_set_allow_dirty_shutdown(s->bev, 1);
        return 0;
}

static int redis_start(struct source *source, struct err *e)
{
        struct redis_state *s = source_state(source);
        s->source = source;
        struct loop *l = source_loop(source);
        timer_init(&s->handshake, on_handshake_timeout, s);
        timer_init(&s->ping, on_ping, s);
        timer_init(&s->pong, on_pong_timeout, s);
        const char *address = config(s)->host_address, *colon = strrchr(address, ':');
        bool bracketed = address[0] == '[' && colon > address && colon[-1] == ']';
        AUTO(mem_free)
        char *host = bracketed ? mem_strndup(address + 1, (size_t)(colon - address - 2))
                               : mem_strndup(address, (size_t)(colon - address));
        if (open_stream(s, host, e) < 0)
                return err_wrap(e, "redis %s", address);
        s->reader = redisReaderCreate();
        s->reader->maxbuf = 64 * 1024;
        s->dns = evdns_base_new(loop_base(l), EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                      EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        bufferevent_setcb(s->bev, on_readable, NULL, on_event, s);
        bufferevent_setwatermark(s->bev, EV_READ, 0, 1 << 20);
        bufferevent_enable(s->bev, EV_READ | EV_WRITE);
        timer_after_ms(l, &s->handshake, HANDSHAKE_MS);
        if (bufferevent_socket_connect_hostname(s->bev, s->dns, AF_UNSPEC, host, atoi(colon + 1)) <
            0)
                return err_set(e, ERR_UNAVAILABLE, "redis %s: cannot connect", address);
        return 0;
}

static void redis_stop(struct source *source)
{
        struct redis_state *s = source_state(source);
        if (!s->source)
                return;
        close_connection(s);
        while (s->kept)
                drop(s->kept);
        if (s->reader)
                redisReaderFree(s->reader);
        if (s->dns)
                evdns_base_free(s->dns, 0);
        SSL_CTX_free(s->tls);
        err_clear(&s->why);
}

static void redis_pause(struct source *source, bool paused)
{
        struct redis_state *s = source_state(source);
        s->paused = paused;
        mind_reading(s);
}

const struct source_driver source_redis = {.type = "redis",
                                           .fields = redis_fields,
                                           .config_size = sizeof(struct redis_config),
                                           .state_size = sizeof(struct redis_state),
                                           .check = redis_check,
                                           .start = redis_start,
                                           .stop = redis_stop,
                                           .pause = redis_pause};
