/* eventsource/webhook_context.h: what every push source shares (WebhookContext of argo-events.md
 * 2): listeners by port, endpoints, authentication, methods, limits, /health.
 *
 * All push sources of the process that name one port share one listener, whatever their types (Argo
 * cannot). The order of answers is 413 over the limit, 404, then: secret unresolved 503,
 * authorization 401, paused 503, method 405. With the annotation tiphys.io/compat: argo they are
 * Argo's: 500, 401, 400, 400, and the limit is left to the driver (docs/compatibility.md,
 * "Webhook"). A listener is closed at the end of the turn in which its last endpoint went, so a
 * source that restarts keeps it and its connections. Threads: the loop's. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/field.h"
#include "common/net/http_server.h"
#include "eventsource/source_driver.h"

struct webhook_config {
        char *endpoint, *method, *port, *url;
        struct key_ref *server_cert, *server_key, *auth_secret;
        struct field_map metadata;
        int64_t max_payload;
};
extern const struct field webhook_context_fields[]; /* for drivers that hold it under "webhook" */
/* The same for drivers whose config struct `type` has it inline as member `m`. */
#define WEBHOOK_CONTEXT_FIELDS(type, m)                                                           \
        FIELD(type, m.endpoint, FIELD_STR, .name = "endpoint",                                    \
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY,                                           \
              .help = "path that is served; {name} stands for one segment, {name:regex} for a "   \
                      "match"),                                                                   \
                FIELD(type, m.method, FIELD_STR, .name = "method",                                \
                      .help = "HTTP method that is accepted"),                                    \
                FIELD(type, m.port, FIELD_STR, .name = "port",                                    \
                      .flags = FIELD_REQUIRED | FIELD_NONEMPTY,                                   \
                      .help = "port to listen on, as a string"),                                  \
                FIELD(type, m.url, FIELD_STR, .name = "url",                                      \
                      .help = "address under which others reach this endpoint"),                  \
                FIELD(type, m.server_cert, FIELD_OBJ_PTR, .name = "serverCertSecret",             \
                      .sub = key_ref_fields, .sub_size = sizeof(struct key_ref),                  \
                      .help = "PEM certificate chain; with serverKeySecret: HTTPS"),              \
                FIELD(type, m.server_key, FIELD_OBJ_PTR, .name = "serverKeySecret",               \
                      .sub = key_ref_fields, .sub_size = sizeof(struct key_ref),                  \
                      .help = "PEM private key"),                                                 \
                FIELD(type, m.auth_secret, FIELD_OBJ_PTR, .name = "authSecret",                   \
                      .sub = key_ref_fields, .sub_size = sizeof(struct key_ref),                  \
                      .help = "requests must carry it: Authorization: Bearer ..."),               \
                FIELD(type, m.metadata, FIELD_MAP, .name = "metadata",                            \
                      .help = "copied into the payload"),                                         \
                FIELD(type, m.max_payload, FIELD_INT, .name = "maxPayloadSize", .def = "1048576", \
                      .help = "largest body in bytes, at most 16 MiB")

/* Extra checks of a loaded context, for source_check_fn. */
void webhook_config_check(const struct webhook_config *c, const struct jpath *at, struct diags *d);

struct webhooks; /* the listeners of one runtime */
struct webhooks *webhooks_new(struct loop *l, const char *address, int port_override);
struct webhooks *webhooks_free(struct webhooks *w);
void webhooks_drain(struct webhooks *w, int grace_ms, loop_fn *done, void *arg);

/* A request that passed the checks: authenticated when `trusted` (or no authSecret is configured).
 * Answer it with http_reply*(). */
typedef void webhook_request_fn(struct http_req *r, void *arg);
struct webhook_hook;
/* Serve the endpoint for source `s`: opens the listener when it is the first on its port. CONFLICT
 * names who has the endpoint already. */
int webhook_open(struct webhook_hook **out, struct source *s, const struct webhook_config *c,
                 webhook_request_fn *fn, void *arg, struct err *e) MUST_CHECK;
struct webhook_hook *webhook_close(struct webhook_hook *h); /* NULL is fine */
void webhook_pause(struct webhook_hook *h, bool paused);
/* Largest body this endpoint takes; the context has enforced it already unless Argo's answers are
 * asked for. */
size_t webhook_max_payload(const struct webhook_hook *h);
/* 503 with Retry-After (500 for compat). `text` is the body. */
void webhook_reply_unavailable(struct http_req *r, bool compat_argo, const char *text);
