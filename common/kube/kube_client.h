/* common/kube/kube_client.h: the Kubernetes API over HTTP: one cluster, one identity.
 *
 * Calls answer on the loop, exactly once, later. Every request goes to the server the credentials
 * belong to, and redirects are not followed (SEC-18). The token and the CA are read again when
 * their files change; an answer of 401 makes it look at once. 429 is answered by waiting as long as
 * Retry-After asks and trying again, up to KUBE_ATTEMPTS: the server says it did not begin (the
 * first list of a new kind is refused this way for a second, kubernetes.md 5). All other failures
 * are the caller's: it alone knows whether a write may be repeated. TIMEOUT means: the outcome is
 * unknown, and so does UNAVAILABLE when the connection broke after the request went out. At most 64
 * calls are under way at once (watches not counted), the others wait in order. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/loop.h"
#include "common/kube/kube_status.h"
#include "common/kube/kubeconfig.h"

enum { KUBE_ATTEMPTS = 5 };
struct kube_client;
int kube_client_new(struct kube_client **out, struct loop *l, struct kube_config *config_taken,
                    struct err *e) MUST_CHECK;
struct kube_client *kube_client_free(
        struct kube_client *c); /* calls that run end with UNAVAILABLE first */
AUTO_DEFINE(kube_client_free, struct kube_client *);
const struct kube_config *kube_client_config(const struct kube_client *c);
struct loop *kube_client_loop(const struct kube_client *c);

struct kube_param { /* of the query; a NULL value is left out */
        const char *name, *value;
};
struct kube_request { /* borrowed; copied before kube_call returns */
        enum kube_verb verb;
        struct kube_target target;
        const char *path;               /* instead of a target: "/version" */
        const struct kube_param *query; /* ends with {NULL}; may be NULL */
        const json_t *body;
        const char *content_type; /* NULL: application/json */
        size_t max_bytes;         /* of the answer; 0: 16 MiB */
};
/* `answer` NULL when `e` is not; borrowed. Plain text comes as a JSON string. */
typedef void kube_done_fn(void *arg, json_t *answer, const struct err *e);
struct kube_call;
struct kube_call *kube_call(struct kube_client *c, const struct kube_request *r, kube_done_fn *done,
                            void *arg);
void kube_call_cancel(struct kube_call *call); /* done does not come any more */

/* Every page of a collection as one list object {apiVersion, kind, metadata, items}. Items always
 * carry apiVersion and kind. A continue token that expired starts the list again. The call's `done`
 * as above. */
struct kube_list_opts {
        const char *label_selector, *field_selector;
        size_t limit;     /* 0: all; else one page, with metadata.continue when there is more */
        const char *cont; /* of the page before; GONE when it expired */
};
struct kube_list;
struct kube_list *kube_list(struct kube_client *c, const struct kube_target *t,
                            const struct kube_list_opts *o, kube_done_fn *done, void *arg);
void kube_list_cancel(struct kube_list *l);

/* A watch from a version, with bookmarks. It ends by itself: the server closes it after some
 * minutes, or it broke. Events come one by one; `end` comes once, last, and may not come before
 * kube_watch returned. */
struct kube_watch_handlers {
        void (*event)(void *arg, int type,
                      json_t *obj); /* enum kube_event_type but never ERROR; borrowed */
        /* `e` NULL: the server's time was over, watch again from the last version. GONE: list
         * again. LIMIT, PROTOCOL: the stream made no sense; list again too. */
        void (*end)(void *arg, const struct err *e);
};
struct kube_watch;
struct kube_watch *kube_watch(struct kube_client *c, const struct kube_target *t,
                              const struct kube_list_opts *o, const char *resource_version,
                              const struct kube_watch_handlers *h, void *arg);
void kube_watch_cancel(struct kube_watch *w); /* also from its own handlers */
