/* common/kube/kube_stream.h: a watch's bytes become events: one JSON object per line, cut anywhere
 * by the network.
 *
 * Pure: bytes in, events out, whatever the pieces. A line is bounded; a line that is no event is an
 * error, after which the stream is of no use. Fuzzed by tests/fuzz/watch_stream.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include <jansson.h>

enum kube_event_type { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK, KUBE_ERROR };
struct kube_event {
        enum kube_event_type type;
        json_t *object; /* owned; of KUBE_ERROR a Status */
};
enum {
        KUBE_LINE_MAX = 8 << 20,     /* etcd's own limit for an object is 1.5 MiB */
        KUBE_STREAM_SLACK = 8 << 20, /* what may come in one turn on top of it */
};
struct kube_stream { /* embed it */
        struct buf in;
        size_t line_max, taken, seen; /* taken: bytes of events handed out; seen: bytes known to
                                         hold no end of line */
};
void kube_stream_init(struct kube_stream *s, size_t line_max);
void kube_stream_deinit(struct kube_stream *s);
/* False when the bytes do not fit: take events first, or give up. */
bool kube_stream_add(struct kube_stream *s, const void *data, size_t n) MUST_CHECK;
/* 1 an event, 0 no whole line left, -1 broken: PROTOCOL, or LIMIT for a line past line_max. */
int kube_stream_next(struct kube_stream *s, struct kube_event *out, struct err *e) MUST_CHECK;
void kube_event_deinit(struct kube_event *ev);
