/* eventsource/webhook_listener.c: the listeners of webhook_context.h: one HTTP server per port,
 * TLS, /health, drain. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/net/tls.h"
#include "eventsource/webhook_priv.h"
#include <stdlib.h>

enum { ANY_FREE_PORT = 0 };

bool webhook_parse_port(const char *text, uint16_t *out)
{
        int64_t n;
        if (!str_to_i64(text, &n) || n < 1 || n > 65535)
                return false;
        *out = (uint16_t)n;
        return true;
}

static void on_health(struct http_req *r, void *arg UNUSED)
{
        http_reply_text(r, 200, "OK");
}

void webhook_health_gives_way(struct webhook_listener *l, const char *path)
{
        if (!l->health || !streq(path, "/health"))
                return;
        http_route_remove(l->server, l->health);
        l->health = NULL;
}

void webhook_health_returns(struct webhook_listener *l, const char *path)
{
        ERR_SLOT(e);
        if (streq(path, "/health"))
                l->health = http_route_add(l->server, NULL, "/health", on_health, l, &e);
}

/* ---- opening and closing ---- */

static void close_unused(void *arg)
{
        struct webhook_listener *l = arg;
        if (l->endpoints)
                return;
        struct webhook_listener **at = &l->all->listeners;
        while (*at != l)
                at = &(*at)->next;
        *at = l->next;
        if (l->overridden)
                l->all->override_used = false;
        http_server_free(l->server);
        tls_server_free(l->tls);
        free(l->tls_owner);
        free(l);
}

struct pems {
        const char *cert, *key; /* NULL: plain HTTP */
};

static int find_pems(struct pems *p, struct source *s, const struct webhook_config *c,
                     struct err *e)
{
        *p = (struct pems){0};
        if (!c->server_cert && !c->server_key)
                return 0;
        if (!c->server_cert || !c->server_key)
                return err_set(e, ERR_INVALID,
                               "serverCertSecret and serverKeySecret belong together");
        const struct secret *cert = source_secret(s, c->server_cert),
                            *key = source_secret(s, c->server_key);
        if (!cert || !key)
                return err_set(e, ERR_UNAVAILABLE, "Secret %s, key %s (%s): not found",
                               cert ? c->server_key->name : c->server_cert->name,
                               cert ? c->server_key->key : c->server_cert->key,
                               cert ? "serverKeySecret" : "serverCertSecret");
        *p = (struct pems){secret_reveal(cert), secret_reveal(key)};
        return 0;
}

/* --port: every listener on any free port, or the first one on the port that was given. */
static uint16_t port_to_open(const struct webhooks *w, uint16_t wanted, bool *overridden)
{
        *overridden = w->port_override > ANY_FREE_PORT && !w->override_used;
        if (w->port_override == ANY_FREE_PORT)
                return 0;
        return *overridden ? (uint16_t)w->port_override : wanted;
}

static int open_listener(struct webhook_listener **out, struct webhooks *w, uint16_t wanted,
                         const struct pems *p, const char *owner, struct err *e)
{
        AUTO(tls_server_free) struct tls_server *tls = NULL;
        if (p->cert && tls_server_new(&tls, p->cert, p->key, NULL, e) < 0)
                return -1;
        char name[32];
        snprintf(name, sizeof(name), "webhook:%u", wanted);
        bool overridden;
        struct http_server_options o = {.name = name,
                                        .address = w->address,
                                        .port = port_to_open(w, wanted, &overridden),
                                        .max_body_bytes = WEBHOOK_BODY_CAP,
                                        .tls = tls};
        struct http_server *server;
        if (http_server_new(&server, w->loop, &o, e) < 0)
                return -1;
        struct webhook_listener *l = NEW(struct webhook_listener);
        *l = (struct webhook_listener){.next = w->listeners,
                                       .all = w,
                                       .wanted = wanted,
                                       .overridden = overridden,
                                       .server = server,
                                       .tls = TAKE(tls),
                                       .tls_owner = mem_strdup(owner)};
        task_init(&l->unused, close_unused, l);
        l->health = http_route_add(server, NULL, "/health", on_health, l, e);
        w->listeners = l;
        w->override_used |= overridden;
        *out = l;
        return 0;
}

/* An open listener decides about TLS. A plain one is never used for what asked for TLS; the owner
 * of the certificate may renew it. */
static int join_listener(struct webhook_listener *l, struct source *s, const struct pems *p,
                         const char *owner, struct err *e)
{
        if (p->cert && !l->tls)
                return err_set(e, ERR_CONFLICT, "port %u is served without TLS already, by %s",
                               l->wanted, l->tls_owner);
        if (p->cert && streq(l->tls_owner, owner))
                return tls_server_reload(l->tls, p->cert, p->key, NULL, e);
        if (l->tls && !streq(l->tls_owner, owner))
                log_warn(source_log(s),
                         "the port is shared: the certificate of another event is used",
                         F_STR("owner", l->tls_owner));
        return 0;
}

int webhook_listener_get(struct webhook_listener **out, struct source *s,
                         const struct webhook_config *c, const char *owner, struct err *e)
{
        struct webhooks *w = source_webhooks(s);
        uint16_t port;
        struct pems p;
        if (!webhook_parse_port(c->port, &port))
                return err_set(e, ERR_INVALID, "port %s: not a port number", c->port);
        if (w->draining)
                return err_set(e, ERR_UNAVAILABLE, "shutting down");
        if (find_pems(&p, s, c, e) < 0)
                return -1;
        for (struct webhook_listener *l = w->listeners; l; l = l->next)
                if (l->wanted == port) {
                        *out = l;
                        return join_listener(l, s, &p, owner, e);
                }
        return open_listener(out, w, port, &p, owner, e);
}

void webhook_listener_unused(struct webhook_listener *l)
{
        loop_defer(l->all->loop, &l->unused);
}

/* ---- all of them ---- */

struct webhooks *webhooks_new(struct loop *l, const char *address, int port_override)
{
        struct webhooks *w = NEW(struct webhooks);
        w->loop = l;
        w->address = mem_strdup(address ? address : "127.0.0.1");
        w->port_override = port_override;
        return w;
}

struct webhooks *webhooks_free(struct webhooks *w)
{
        if (!w)
                return NULL;
        for (struct webhook_listener *l = w->listeners, *next; l; l = next) {
                next = l->next;
                loop_undefer(w->loop, &l->unused);
                close_unused(l); /* every source has been stopped */
        }
        free(w->address);
        free(w);
        return NULL;
}

static void on_drained(void *arg)
{
        struct webhooks *w = arg;
        if (--w->to_drain == 0 && w->drained)
                w->drained(w->drained_arg);
}

void webhooks_drain(struct webhooks *w, int grace_ms, loop_fn *done, void *arg)
{
        w->draining = true;
        w->drained = done;
        w->drained_arg = arg;
        w->to_drain = 1; /* so that a listener that is drained at once does not end it early */
        for (struct webhook_listener *l = w->listeners; l; l = l->next) {
                w->to_drain++;
                http_server_drain(l->server, grace_ms, on_drained, w);
        }
        on_drained(w);
}
