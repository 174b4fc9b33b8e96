/* workflow/engine/metrics.h: the metrics that workflows define (spec.metrics, template metrics),
 * with their variables substituted. Reading only: nothing of the state changes, so a replay is the
 * same with and without. Names stay as written (without "argo_workflows_"). Source: Argo v4.1
 * operator.go computeMetrics. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/engine/engine.h"

enum wf_metric_kind { WF_COUNTER, WF_GAUGE, WF_HISTOGRAM };
enum wf_metric_operation { WF_GAUGE_SET, WF_GAUGE_ADD, WF_GAUGE_SUB };
enum wf_metric_moment {
        WF_METRIC_BEGUN, /* real-time gauges begin to count */
        WF_METRIC_ENDED, /* everything else is emitted; real-time gauges get their last value */
};
struct wf_metric { /* borrowed for the callback */
        const char *name, *help;
        enum wf_metric_kind kind;
        enum wf_metric_operation operation; /* WF_GAUGE */
        const json_t *labels;               /* [{key, value}] */
        const json_t *buckets;              /* WF_HISTOGRAM: numbers */
        double value;
        bool counting; /* real-time: the seconds since... */
        struct wall since;
};
/* `m` NULL: *e says what is wrong with one of them; the others are emitted all the same. */
typedef void wf_metric_fn(void *arg, const struct wf_metric *m, const struct err *e);

/* Does the template of this node define metrics, and does the node count (no attempt, no group,
 * nothing that was skipped)? *ended: it is fulfilled. */
bool wf_node_measured(const struct wf *wf, const char *node_id, bool *ended);
void wf_node_metrics(struct wf *wf, const char *node_id, enum wf_metric_moment moment,
                     wf_metric_fn *each, void *arg);
void wf_spec_metrics(struct wf *wf, enum wf_metric_moment moment, wf_metric_fn *each, void *arg);
/* Every node that counts: after a recovery. */
void wf_each_measured(const struct wf *wf, void (*each)(void *arg, const char *node_id, bool ended),
                      void *arg);
