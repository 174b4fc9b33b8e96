/* common/base/metrics.h: counters, gauges and summaries, declared in metrics.def with unit and one
 * sentence; the Prometheus text and the docs come from the same list. A series is looked up once by
 * its label values and then bumped without a lock. Threads: any. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_SUMMARY /* _sum and _count */ };
enum metric {
#define METRIC(id, name, kind, labels, help) METRIC_##id,
#include "common/base/metrics.def"
#undef METRIC
        METRIC_COUNT
};
struct metric_series; /* lives as long as the process */
/* Values in the order of the label names in metrics.def ("a,b"); missing ones are "". */
struct metric_series *metric_series(enum metric m, const char *v1, const char *v2, const char *v3);
void metric_add(struct metric_series *s, int64_t n);    /* counter, gauge */
void metric_set(struct metric_series *s, int64_t v);    /* gauge */
void metric_observe(struct metric_series *s, double v); /* summary */
int64_t metric_value(const struct metric_series *s);
void metrics_put(struct buf *b);     /* Prometheus text exposition 0.0.4, sorted */
void metrics_put_doc(struct buf *b); /* Markdown */
void metrics_set_const_label(const char *name,
                             const char *value); /* "namespace"; before the first lookup */
bool metrics_has(const char *name);              /* is one declared under this (whole) name? */
void metrics_put_escaped(struct buf *b, const char *s, bool quotes);

/* What else belongs to the exposition, behind the declared metrics. Called by whoever calls
 * metrics_put(): on the same thread as adding and removing. */
struct metrics_part { /* embed it */
        void (*put)(void *arg, struct buf *b);
        void *arg;
        struct metrics_part *next; /* private */
};
void metrics_part_add(struct metrics_part *p);
void metrics_part_remove(struct metrics_part *p);
