/* eventsource/webhook_payload.h: an HTTP request as the JSON payload of a push source
 * (argo-events.md 2.2), and what it says about its identity. Bytes go from the request straight
 * into the payload; nothing is built in between. Threads: any; pure. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/net/http_server.h"
#include "eventsource/source_driver.h"

/* What was learnt while the headers were written. */
struct webhook_facts {
        struct source_ext ext[25]; /* of an incoming CloudEvent; NULL-terminated */
        size_t n_ext;
        const char *id;           /* names a redelivery, NULL: none; in scratch */
        struct arena *scratch;    /* strings; dropped by the caller after the emit */
        const char *content_type; /* as received, NULL */
        bool structured;          /* application/cloudevents+json */
};

/* {"Accept":["a"],...}: canonical names, sorted, values in order of arrival, Authorization masked,
 * without Host. */
void webhook_put_headers(struct buf *out, struct http_req *r, struct webhook_facts *f);

/* The body: 0, or the HTTP status of the refusal with words in *e. `argo`: only what Argo takes. */
int webhook_put_body(struct buf *out, struct http_req *r, const struct webhook_facts *f, bool argo,
                     size_t max_body, struct err *e) MUST_CHECK;

/* {"k":["v",...],...} of "k=v&...", keys sorted, as Go's url.Values. Malformed pairs are left out
 * when `lenient`, else an error. */
int webhook_put_form(struct buf *out, struct str form, bool lenient, struct err *e) MUST_CHECK;

/* The id and the extension attributes of a CloudEvent in structured mode (binary mode is found in
 * the headers). Anything that is not a complete CloudEvent is left alone. */
void webhook_read_cloudevent(struct webhook_facts *f, struct str body);
/* The id events of this source are known by when the request names one: "<event>:<what names it>",
 * NULL for none. */
const char *webhook_dedup_id(struct webhook_facts *f, const char *event);
