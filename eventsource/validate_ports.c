/* eventsource/validate_ports.c: push sources of one EventSource that get in each other's way on a
 * port. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "eventsource/sources.h"
#include <stdlib.h>
#include <strings.h>

enum { MAX_ENDPOINTS = 1000 };

struct endpoint {
        const char *type, *event, *port, *path, *method;
        bool tls, inlined; /* the context stands in the event itself, not under "webhook" */
};

/* The WebhookContext of an event: inline for webhook, under "webhook" for the other HTTP types. */
static bool read_endpoint(struct endpoint *ep, const char *type, const char *event,
                          const json_t *config)
{
        ep->inlined = streq(type, "webhook");
        const json_t *c = ep->inlined ? config : json_object_get(config, "webhook");
        ep->type = type;
        ep->event = event;
        ep->port = json_str(c, "port");
        ep->path = json_str(c, "endpoint");
        ep->method = json_str(c, "method");
        ep->method = str_empty(ep->method) ? "POST" : ep->method;
        ep->tls = json_object_get(c, "serverCertSecret") && json_object_get(c, "serverKeySecret");
        return ep->port && ep->path;
}

static void compare(const struct endpoint *a, const struct endpoint *b, const struct jpath *at,
                    struct diags *d)
{
        if (!streq(a->port, b->port))
                return;
        if (a->tls != b->tls)
                diag_warn(d, at, "W105", "give one of them another port",
                          "port %s is used with and without TLS, also by event %s", b->port,
                          a->event);
        if (streq(a->path, b->path) && strcasecmp(a->method, b->method) == 0)
                diag_warn(d, at, "W104", "change endpoint, method or port",
                          "%s %s on port %s is served already, by event %s", b->method, b->path,
                          b->port, a->event);
}

static void add_type(struct endpoint *all, size_t *n, const char *type, const json_t *events,
                     const struct jpath *spec, struct diags *d)
{
        const char *event;
        json_t *config;
        struct jpath of_type = jpath_key(spec, type);
        json_object_foreach ((json_t *)(uintptr_t)events, event, config) {
                struct jpath of_event = jpath_key(&of_type, event),
                             nested = jpath_key(&of_event, "webhook");
                struct endpoint *ep = &all[*n];
                if (!read_endpoint(ep, type, event, config))
                        continue;
                for (size_t i = 0; i < *n; i++)
                        compare(&all[i], ep, ep->inlined ? &of_event : &nested, d);
                if (*n + 1 < MAX_ENDPOINTS)
                        (*n)++;
        }
}

void eventsource_check_ports(const json_t *spec, const struct jpath *at, struct diags *d)
{
        struct endpoint *all = mem_calloc(MAX_ENDPOINTS, sizeof(*all));
        size_t n = 0;
        for (const struct source_type *t = source_types(); t->name; t++)
                add_type(all, &n, t->name, json_object_get(spec, t->name), at, d);
        free(all);
}
