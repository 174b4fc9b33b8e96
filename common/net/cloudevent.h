/* common/net/cloudevent.h: the CloudEvents 1.0 envelope around every event on the bus.
 *
 * Written in structured JSON with the key order
 * specversion,id,source,type,subject,datacontenttype,time,data, extensions after it sorted
 * (reference/argo-events.md 4). `data` is inline; a reader also accepts `data_base64` (Argo's own
 * bus). An incoming CloudEvent over HTTP (binary ce-* headers, or structured
 * application/cloudevents+json) keeps its id for de-duplication and its attributes as extensions
 * (ceid, cesource, cetype, cesubject, cetime and its own extension attributes), while `data` keeps
 * Argo's shape. Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct cloudevent { /* strings borrowed */
        const char *id, *source, *type, *subject,
                *datacontenttype; /* datacontenttype NULL: application/json */
        struct wall time;
        struct str data; /* raw JSON text of `data`; .p NULL: none */
        struct ce_extension {
                const char *name, *value;
        } ext[24];
        size_t n_ext;
};
void cloudevent_put(struct buf *out, const struct cloudevent *ce);
/* Parse a structured event. Strings are placed in `scratch` (reset by the caller); `data` points
 * into `text`, or into scratch when it came as data_base64. Unknown attributes become extensions.
 */
struct arena;
int cloudevent_parse(struct cloudevent *ce, const char *text, size_t n, struct arena *scratch,
                     struct err *e) MUST_CHECK;
