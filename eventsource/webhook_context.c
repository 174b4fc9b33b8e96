/* eventsource/webhook_context.c: see webhook_context.h. A listener holds endpoints (paths), an
 * endpoint holds hooks (one per method); the HTTP server sees one route per endpoint for any
 * method, because authorization is checked before the method. SPDX-License-Identifier: Apache-2.0
 */
#include "eventsource/webhook_context.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/net/tls.h"
#include <stdlib.h>
#include <string.h>

enum { BODY_CAP = 16 << 20, ANY_FREE_PORT = 0 };

struct webhook_hook {
        struct webhook_hook *next;
        struct webhook_endpoint *endpoint;
        char *method;
        char *owner;                /* "default/web, event a" */
        const struct secret *token; /* borrowed from the source, which stops before it changes */
        bool needs_token, compat_argo, paused;
        size_t max_body;
        webhook_request_fn *fn;
        void *arg;
};
struct webhook_endpoint {
        struct webhook_endpoint *next;
        struct webhook_listener *listener;
        char *path;
        struct http_route *route;
        struct webhook_hook *hooks;
};
struct webhook_listener {
        struct webhook_listener *next;
        struct webhooks *all;
        uint16_t wanted; /* the port of the configuration; the key */
        struct http_server *server;
        struct tls_server *tls;
        char *tls_owner;
        struct http_route *health;
        struct webhook_endpoint *endpoints;
        struct loop_task unused; /* closes it when nobody came back in this turn */
};
struct webhooks {
        struct loop *loop;
        char *address;
        int port_override;
        bool override_used, draining;
        struct webhook_listener *listeners;
        size_t to_drain;
        loop_fn *drained;
        void *drained_arg;
};

struct standalone {
        struct webhook_config context;
};
const struct field webhook_context_fields[] = {WEBHOOK_CONTEXT_FIELDS(struct standalone, context),
                                               FIELD_END};

/* ---- checks of the configuration ---- */

static bool parse_port(const char *text, uint16_t *out)
{
        int64_t n;
        if (!str_to_i64(text, &n) || n < 1 || n > 65535)
                return false;
        *out = (uint16_t)n;
        return true;
}

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

static void check_method(const struct webhook_config *c, const struct jpath *at, struct diags *d)
{
        struct jpath here = jpath_key(at, "method");
        if (str_empty(c->method)) {
                diag_warn(d, at, "W100", "add method: POST",
                          "no method: POST is assumed; Argo refuses every request");
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                if (streq(methods[i], c->method))
                        return;
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                known |= strcasecmp(methods[i], c->method) == 0;
        diag_warn(d, &here, "W100", known ? "write it in capitals" : NULL,
                  known ? "\"%s\" matches no request in Argo; capitals are assumed here"
                        : "\"%s\" is an unusual HTTP method",
                  c->method);
}

static void check_port(const struct webhook_config *c, const struct jpath *at, struct diags *d)
{
        if (str_empty(c->port))
                return; /* reported by the table */
        struct jpath here = jpath_key(at, "port");
        int64_t n;
        uint16_t port;
        if (!str_to_i64(c->port, &n))
                diag_error(d, &here, "E101", "a number in quotes, such as \"12000\"",
                           "\"%s\" is not a port number", c->port);
        else if (!parse_port(c->port, &port))
                diag_warn(d, &here, "W101", "1 to 65535", "nothing can listen on port %s", c->port);
}

void webhook_config_check(const struct webhook_config *c, const struct jpath *at, struct diags *d)
{
        check_method(c, at, d);
        check_port(c, at, d);
        if (!str_empty(c->endpoint) && c->endpoint[0] != '/') {
                struct jpath here = jpath_key(at, "endpoint");
                diag_warn(d, &here, "W102", "begin it with \"/\"",
                          "\"%s\" is served as \"/%s\"; Argo never matches it", c->endpoint,
                          c->endpoint);
        }
        if (!c->server_cert != !c->server_key)
                diag_error(d, at, "E102", "set both, or none for plain HTTP",
                           "serverCertSecret and serverKeySecret belong together");
        if (c->max_payload < 0 || c->max_payload > BODY_CAP) {
                struct jpath here = jpath_key(at, "maxPayloadSize");
                diag_warn(d, &here, "W103", NULL,
                          "%lld is outside of 0 to 16777216 and is cut to it",
                          (long long)c->max_payload);
        }
}

/* ---- a request ---- */

void webhook_reply_unavailable(struct http_req *r, bool compat_argo, const char *text)
{
        if (!compat_argo)
                http_reply_header(r, "Retry-After", "1");
        http_reply_text(r, compat_argo ? 500 : 503, text);
}

static struct webhook_hook *hook_for(struct webhook_endpoint *ep, const char *method)
{
        for (struct webhook_hook *h = ep->hooks; h; h = h->next)
                if (streq(h->method, method))
                        return h;
        return NULL;
}

/* True when the request may go on. */
static bool authorized(struct http_req *r, const struct webhook_hook *h)
{
        static const char prefix[] = "Bearer ";
        if (!h->needs_token)
                return true;
        if (!h->token) {
                webhook_reply_unavailable(r, h->compat_argo, "Error loading auth token");
                return false;
        }
        const char *header = http_req_header(r, "Authorization");
        if (!header || !str_starts(header, prefix)) {
                if (!h->compat_argo)
                        http_reply_header(r, "WWW-Authenticate", "Bearer");
                http_reply_text(r, 401, "Invalid Authorization Header");
                return false;
        }
        const char *token = header + sizeof(prefix) - 1;
        if (secret_matches(h->token, token, strlen(token)))
                return true;
        http_reply_text(r, 401, "Invalid Auth token");
        return false;
}

static void refuse_method(struct http_req *r, const struct webhook_endpoint *ep, bool compat_argo)
{
        AUTO_BUF struct buf allow = BUF_INIT(1024);
        for (const struct webhook_hook *h = ep->hooks; h; h = h->next)
                buf_addf(&allow, "%s%s", allow.len ? ", " : "", h->method);
        if (!compat_argo)
                http_reply_header(r, "Allow", buf_str(&allow));
        http_reply_text(r, compat_argo ? 400 : 405, "http method does not match");
}

static void on_request(struct http_req *r, void *arg)
{
        struct webhook_endpoint *ep = arg;
        struct webhook_hook *h = hook_for(ep, http_req_method(r));
        const struct webhook_hook *asked = h ? h : ep->hooks; /* whose secret is asked for */
        if (!authorized(r, asked))
                return;
        if (asked->paused && asked->compat_argo)
                http_reply_text(r, 400, "endpoint is inactive");
        else if (asked->paused)
                webhook_reply_unavailable(r, false, "events cannot be stored now");
        else if (!h)
                refuse_method(r, ep, asked->compat_argo);
        else if (http_req_body(r).n > h->max_body && !h->compat_argo)
                http_reply_text(r, 413, "request body too large");
        else
                h->fn(r, h->arg);
}

static void on_health(struct http_req *r, void *arg UNUSED)
{
        http_reply_text(r, 200, "OK");
}

/* ---- listeners ---- */

static void close_unused(void *arg)
{
        struct webhook_listener *l = arg;
        if (l->endpoints)
                return;
        struct webhook_listener **at = &l->all->listeners;
        while (*at != l)
                at = &(*at)->next;
        *at = l->next;
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

static uint16_t port_to_open(struct webhooks *w, uint16_t wanted)
{
        if (w->port_override < 0)
                return wanted;
        if (w->port_override == ANY_FREE_PORT)
                return 0;
        if (w->override_used)
                return wanted;
        w->override_used = true;
        return (uint16_t)w->port_override;
}

static int open_listener(struct webhook_listener **out, struct webhooks *w, uint16_t wanted,
                         const struct pems *p, const char *owner, struct err *e)
{
        AUTO(tls_server_free) struct tls_server *tls = NULL;
        if (p->cert && tls_server_new(&tls, p->cert, p->key, NULL, e) < 0)
                return -1;
        char name[32];
        snprintf(name, sizeof(name), "webhook:%u", wanted);
        struct http_server_options o = {.name = name,
                                        .address = w->address,
                                        .port = port_to_open(w, wanted),
                                        .max_body_bytes = BODY_CAP,
                                        .tls = tls};
        struct http_server *server;
        if (http_server_new(&server, w->loop, &o, e) < 0)
                return -1;
        struct webhook_listener *l = NEW(struct webhook_listener);
        *l = (struct webhook_listener){.next = w->listeners,
                                       .all = w,
                                       .wanted = wanted,
                                       .server = server,
                                       .tls = TAKE(tls),
                                       .tls_owner = mem_strdup(owner)};
        task_init(&l->unused, close_unused, l);
        l->health = http_route_add(server, NULL, "/health", on_health, l, e);
        w->listeners = l;
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

static int get_listener(struct webhook_listener **out, struct source *s,
                        const struct webhook_config *c, const char *owner, struct err *e)
{
        struct webhooks *w = source_webhooks(s);
        uint16_t port;
        struct pems p;
        if (!parse_port(c->port, &port))
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

/* ---- endpoints and hooks ---- */

static void health_gives_way(struct webhook_listener *l, const char *path)
{
        if (!l->health || !streq(path, "/health"))
                return;
        http_route_remove(l->server, l->health);
        l->health = NULL;
}

static void health_returns(struct webhook_listener *l, const char *path)
{
        ERR_SLOT(e);
        if (streq(path, "/health"))
                l->health = http_route_add(l->server, NULL, "/health", on_health, l, &e);
}

static int get_endpoint(struct webhook_endpoint **out, struct webhook_listener *l, const char *path,
                        struct err *e)
{
        for (*out = l->endpoints; *out; *out = (*out)->next)
                if (streq((*out)->path, path))
                        return 0;
        struct webhook_endpoint *ep = NEW(struct webhook_endpoint);
        *ep = (struct webhook_endpoint){
                .listener = l, .path = mem_strdup(path), .next = l->endpoints};
        health_gives_way(l, path);
        ep->route = http_route_add(l->server, NULL, path, on_request, ep, e);
        if (!ep->route) {
                health_returns(l, path);
                free(ep->path);
                free(ep);
                return -1;
        }
        l->endpoints = ep;
        *out = ep;
        return 0;
}

/* The HTTP server refuses by length, before the body is read, what no hook of the endpoint would
 * take. */
static void set_route_limit(struct webhook_endpoint *ep)
{
        size_t max = 1;
        for (const struct webhook_hook *h = ep->hooks; h; h = h->next) {
                size_t own = h->compat_argo ? BODY_CAP : h->max_body;
                max = own > max ? own : max;
        }
        http_route_set_max_body(ep->route, max);
}

static void drop_endpoint_if_unused(struct webhook_endpoint *ep)
{
        struct webhook_listener *l = ep->listener;
        if (ep->hooks) {
                set_route_limit(ep);
                return;
        }
        struct webhook_endpoint **at = &l->endpoints;
        while (*at != ep)
                at = &(*at)->next;
        *at = ep->next;
        http_route_remove(l->server, ep->route);
        health_returns(l, ep->path);
        free(ep->path);
        free(ep);
        if (!l->endpoints)
                loop_defer(l->all->loop, &l->unused);
}

static char *method_of(struct source *s, const struct webhook_config *c)
{
        if (source_compat_argo(s)) /* compared as it stands, so "" and "post" never match */
                return mem_strdup(c->method ? c->method : "");
        char *m = mem_strdup(str_empty(c->method) ? "POST" : c->method);
        for (char *p = m; *p; p++)
                *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        return m;
}

static size_t payload_limit(const struct webhook_config *c)
{
        return c->max_payload < 0          ? 0
               : c->max_payload > BODY_CAP ? BODY_CAP
                                           : (size_t)c->max_payload;
}

static int add_hook(struct webhook_hook **out, struct webhook_endpoint *ep, struct source *s,
                    const struct webhook_config *c, const char *owner, struct err *e)
{
        AUTO(mem_free) char *method = method_of(s, c);
        const struct webhook_hook *other = hook_for(ep, method);
        if (other)
                return err_set(e, ERR_CONFLICT, "%s %s on port %s is served already, by %s", method,
                               ep->path, c->port, other->owner);
        struct webhook_hook *h = NEW(struct webhook_hook), **end = &ep->hooks;
        *h = (struct webhook_hook){.endpoint = ep,
                                   .method = TAKE(method),
                                   .owner = mem_strdup(owner),
                                   .token = source_secret(s, c->auth_secret),
                                   .needs_token = c->auth_secret != NULL,
                                   .compat_argo = source_compat_argo(s),
                                   .max_body = payload_limit(c)};
        while (*end)
                end = &(*end)->next;
        *end = h;
        set_route_limit(ep);
        *out = h;
        return 0;
}

static void tell_url(struct source *s, const struct webhook_listener *l, const char *path)
{
        const char *host = l->all->address;
        bool v6 = strchr(host, ':') != NULL;
        AUTO(mem_free)
        char *url = mem_printf("%s://%s%s%s:%u%s", l->tls ? "https" : "http", v6 ? "[" : "", host,
                               v6 ? "]" : "", http_server_port(l->server), path);
        source_set_url(s, url);
}

int webhook_open(struct webhook_hook **out, struct source *s, const struct webhook_config *c,
                 webhook_request_fn *fn, void *arg, struct err *e)
{
        AUTO(mem_free)
        char *owner = mem_printf("EventSource %s/%s event %s", source_ns(s), source_name(s),
                                 source_event_name(s));
        AUTO(mem_free)
        char *path = mem_printf("%s%s", c->endpoint[0] == '/' ? "" : "/", c->endpoint);
        struct webhook_listener *l = NULL;
        struct webhook_endpoint *ep;
        if (get_listener(&l, s, c, owner, e) < 0)
                return -1;
        if (get_endpoint(&ep, l, path, e) < 0) {
                if (!l->endpoints)
                        loop_defer(l->all->loop, &l->unused);
                return -1;
        }
        if (add_hook(out, ep, s, c, owner, e) < 0)
                return -1; /* the endpoint is somebody else's */
        (*out)->fn = fn;
        (*out)->arg = arg;
        tell_url(s, l, path);
        return 0;
}

struct webhook_hook *webhook_close(struct webhook_hook *h)
{
        if (!h)
                return NULL;
        struct webhook_hook **at = &h->endpoint->hooks;
        while (*at != h)
                at = &(*at)->next;
        *at = h->next;
        drop_endpoint_if_unused(h->endpoint);
        free(h->method);
        free(h->owner);
        free(h);
        return NULL;
}

void webhook_pause(struct webhook_hook *h, bool paused)
{
        h->paused = paused;
}

size_t webhook_max_payload(const struct webhook_hook *h)
{
        return h->max_body;
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
