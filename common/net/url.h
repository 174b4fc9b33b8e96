/* common/net/url.h: percent-encoding and query strings, with Go's rules (net/url), because payload
 * shapes follow it. Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/str.h"

/* Undo %XX (and '+' when `plus`) in place. False when an escape is malformed or yields a NUL byte.
 */
bool url_decode_in_place(char *s, bool plus);
/* The same into a buffer; NUL bytes are allowed. */
bool url_decode(struct buf *out, struct str s, bool plus);
void url_encode_path(struct buf *out, const char *path); /* keeps '/' and what Go keeps in a path */
void url_encode_component(struct buf *out,
                          const char *text); /* everything but unreserved characters */

/* One pair after the other of "a=1&b=2"; both parts still encoded. False at the end. Pairs that
 * hold ';' are reported with *bad set, as Go refuses them; empty pairs are skipped. */
struct url_query {
        struct str rest;
};
bool url_query_next(struct url_query *q, struct str *key, struct str *value, bool *bad);
