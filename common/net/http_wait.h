/* common/net/http_wait.h: the HTTP client for worker threads: one call after the other, each waited
 * for.
 *
 * What transfers artifacts works step by step (sign, send a part, read its ETag, send the next);
 * on a thread of its own that is a plain function instead of a chain of callbacks. Inside is a loop
 * with an http_client, so limits, TLS, the address guard, keep-alive and the words of errors are
 * the same. Threads: one at a time, but http_wait_cancel() from any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/net/http_client.h"

struct http_wait;
int http_wait_new(struct http_wait **out, struct err *e) MUST_CHECK;
struct http_wait *http_wait_free(struct http_wait *w);
AUTO_DEFINE(http_wait_free, struct http_wait *);

/* 0: an answer came, whatever its status. It is valid until the next call of `w`. `arg` goes to
 * the spec's on_data and on_status. */
int http_wait_call(struct http_wait *w, const struct http_call_spec *spec, void *arg,
                   const struct http_response **out, struct err *e) MUST_CHECK;
/* After a failure: what there was of the answer (status, headers; status 0: nothing). */
const struct http_response *http_wait_partial(const struct http_wait *w);
/* Sleep; ends early with UNAVAILABLE when cancelled. */
int http_wait_pause(struct http_wait *w, int64_t ms, struct err *e) MUST_CHECK;
/* The call that runs and all later ones end with UNAVAILABLE. */
void http_wait_cancel(struct http_wait *w);
/* Readable from then on: for work on this thread that is no HTTP call. */
int http_wait_wake_fd(const struct http_wait *w);
