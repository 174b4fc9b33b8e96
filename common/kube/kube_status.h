/* common/kube/kube_status.h: the API server's "no" as an error with words.
 * Pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/str.h"
#include <jansson.h>

enum kube_verb {
        KUBE_GET,
        KUBE_LIST,
        KUBE_WATCH,
        KUBE_CREATE,
        KUBE_UPDATE,
        KUBE_PATCH,
        KUBE_DELETE
};
const char *kube_verb_name(enum kube_verb v); /* as RBAC spells it: "get", ... */

struct kube_target { /* borrowed */
        const char *group, *version, *kind, *plural;
        const char *ns;          /* NULL: all namespaces, or a cluster-scoped kind */
        const char *name;        /* NULL: the collection */
        const char *subresource; /* "status", "log", "token", NULL */
};
/* What was asked, for the words. */
struct kube_question {
        enum kube_verb verb;
        const struct kube_target *target; /* NULL: an address without a kind */
        const char *origin;               /* whose credentials, may be NULL */
};
/* "create workflows.argoproj.io in namespace x"; heap. */
char *kube_question_words(const struct kube_question *q) MUST_CHECK;
/* An answer of 400 and more. `body` is a Status object or plain text (429, 404 of an unknown kind).
 * Codes by the Status' reason, else by the HTTP status: AlreadyExists, Conflict CONFLICT; NotFound
 * NOT_FOUND; Forbidden, Unauthorized DENIED; Invalid, BadRequest, ... INVALID; Expired, Gone GONE;
 * TooManyRequests, ServiceUnavailable, ServerTimeout and 5xx UNAVAILABLE (with retry_after_ms);
 * Timeout TIMEOUT; RequestEntityTooLarge LIMIT. Returns -1. */
int kube_status_err(const struct kube_question *q, int http_status, struct str body,
                    int64_t retry_after_ms, struct err *e);
/* The same for the Status object of an ERROR event. */
int kube_event_err(const struct kube_question *q, const json_t *status, struct err *e);
