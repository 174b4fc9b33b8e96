/* common/base/user_metrics.h: metrics that come into being at run time: those that workflows
 * define. Names, labels and help are users' words: limits keep them bounded, a second definition
 * that contradicts the first is refused. A set is exposed together with the built-in metrics
 * (metrics.h) as long as it lives. Threads: one loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum { USER_METRICS_MAX = 1000, USER_SERIES_MAX = 5000 /* of one metric */, USER_LABELS_MAX = 20 };
enum user_metric_kind { USER_COUNTER, USER_GAUGE, USER_HISTOGRAM };
struct user_label {
        const char *key, *value;
};
struct user_metric {      /* borrowed */
        const char *name; /* exposed with the set's prefix */
        const char *help;
        enum user_metric_kind kind;
        const struct user_label *labels;
        size_t n_labels;
        const double *buckets; /* histogram: upper bounds, ascending */
        size_t n_buckets;
};
struct user_metrics;
/* `ttl_ns`: series that were not touched for so long go; 0: never. */
struct user_metrics *user_metrics_new(const char *prefix, struct clock *clock, int64_t ttl_ns);
struct user_metrics *user_metrics_free(struct user_metrics *u);

/* counter, gauge: add; gauge: set; histogram: one observation. */
int user_metric_add(struct user_metrics *u, const struct user_metric *m, double v,
                    struct err *e) MUST_CHECK;
int user_metric_set(struct user_metrics *u, const struct user_metric *m, double v,
                    struct err *e) MUST_CHECK;
int user_metric_observe(struct user_metrics *u, const struct user_metric *m, double v,
                        struct err *e) MUST_CHECK;
/* A gauge that shows the seconds since, whenever it is looked at, until it is set, or its owner is
 * forgotten: then it goes. */
int user_metric_count_since(struct user_metrics *u, const struct user_metric *m, struct wall since,
                            const char *owner, struct err *e) MUST_CHECK;
void user_metrics_forget(struct user_metrics *u, const char *owner);
