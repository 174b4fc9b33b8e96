/* eventsource/webhook_context.c: see webhook_context.h: checks of the configuration, requests,
 * endpoints and hooks. The HTTP server sees one route per endpoint for any method, because
 * authorization is checked before the method. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "eventsource/webhook_priv.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct standalone {
        struct webhook_config context;
};
const struct field webhook_context_fields[] = {WEBHOOK_CONTEXT_FIELDS(struct standalone, context),
                                               FIELD_END};

/* ---- checks of the configuration ---- */

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
        else if (!webhook_parse_port(c->port, &port))
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
        if (c->max_payload < 0 || c->max_payload > WEBHOOK_BODY_CAP) {
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

/* ---- endpoints and hooks ---- */

static int get_endpoint(struct webhook_endpoint **out, struct webhook_listener *l, const char *path,
                        struct err *e)
{
        for (*out = l->endpoints; *out; *out = (*out)->next)
                if (streq((*out)->path, path))
                        return 0;
        struct webhook_endpoint *ep = NEW(struct webhook_endpoint);
        *ep = (struct webhook_endpoint){
                .listener = l, .path = mem_strdup(path), .next = l->endpoints};
        webhook_health_gives_way(l, path);
        ep->route = http_route_add(l->server, NULL, path, on_request, ep, e);
        if (!ep->route) {
                webhook_health_returns(l, path);
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
                size_t own = h->compat_argo ? WEBHOOK_BODY_CAP : h->max_body;
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
        webhook_health_returns(l, ep->path);
        free(ep->path);
        free(ep);
        if (!l->endpoints)
                webhook_listener_unused(l);
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
        return c->max_payload < 0                  ? 0
               : c->max_payload > WEBHOOK_BODY_CAP ? WEBHOOK_BODY_CAP
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

/* Listening beyond loopback was somebody's decision; that nobody has to show a secret may not have
 * been. */
static void warn_if_open(struct source *s, const struct webhooks *w, const struct webhook_config *c)
{
        bool loopback = str_starts(w->address, "127.") || streq(w->address, "::1") ||
                        streq(w->address, "localhost");
        if (!loopback && !c->auth_secret)
                log_warn(source_log(s),
                         "no authSecret: whoever reaches this address may send events",
                         F_STR("address", w->address), F_STR("endpoint", c->endpoint));
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
        if (webhook_listener_get(&l, s, c, owner, e) < 0)
                return -1;
        if (get_endpoint(&ep, l, path, e) < 0) {
                if (!l->endpoints)
                        webhook_listener_unused(l);
                return -1;
        }
        if (add_hook(out, ep, s, c, owner, e) < 0)
                return -1; /* the endpoint is somebody else's */
        (*out)->fn = fn;
        (*out)->arg = arg;
        tell_url(s, l, path);
        warn_if_open(s, l->all, c);
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
