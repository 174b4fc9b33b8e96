/* eventsource/webhook_priv.h: listeners hold endpoints (paths), endpoints hold hooks (one per
 * method). Shared by the two files of webhook_context.h. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "eventsource/webhook_context.h"

enum { WEBHOOK_BODY_CAP = 16 << 20 };

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
        bool overridden; /* has the port of --port */
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

bool webhook_parse_port(const char *text, uint16_t *out);
/* The listener of the configuration's port, opened when there is none. `owner` names the source in
 * messages. */
int webhook_listener_get(struct webhook_listener **out, struct source *s,
                         const struct webhook_config *c, const char *owner,
                         struct err *e) MUST_CHECK;
void webhook_listener_unused(
        struct webhook_listener *l); /* closed at the end of the turn, unless somebody comes back */
/* /health is answered by the listener while no endpoint has that path. */
void webhook_health_gives_way(struct webhook_listener *l, const char *path);
void webhook_health_returns(struct webhook_listener *l, const char *path);
