/* workflow/controller/measure.c: the metrics that workflows define, emitted as their nodes begin
 * and end. `run.measured` says of which nodes that was done: those of before a restart count as
 * done (their numbers went with the old process), except that what still runs begins to count
 * again. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/user_metrics.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller_priv.h"
#include "workflow/engine/metrics.h"

enum { BEGUN = 1, ENDED };

struct user_metrics *measure_new(struct controller *c)
{
        const struct controller_config *config = c->o.config;
        if (config && !config->metrics.enabled)
                return NULL;
        return user_metrics_new("argo_workflows_", loop_clock(c->o.loop),
                                config ? config->metrics_ttl_ns : 0);
}

static size_t read_labels(const json_t *list, struct user_label *out)
{
        size_t i, n = 0;
        json_t *l;
        json_array_foreach ((json_t *)(uintptr_t)list, i, l)
                if (n <= USER_LABELS_MAX) /* one too many is refused by name */
                        out[n++] = (struct user_label){json_str(l, "key"), json_str(l, "value")};
        return n;
}

static double *read_buckets(const json_t *list)
{
        double *out = mem_calloc(json_array_size(list) + 1, sizeof(*out));
        size_t i;
        json_t *v;
        json_array_foreach ((json_t *)(uintptr_t)list, i, v)
                if (json_is_number(v))
                        out[i] = json_number_value(v);
                else if (!json_is_string(v) || !str_to_double(json_string_value(v), &out[i]))
                        out[i] = 0;
        return out;
}

static int emit(struct run *r, const struct wf_metric *m, struct err *e)
{
        struct user_metrics *u = r->c->metrics;
        struct user_label labels[USER_LABELS_MAX + 1];
        AUTO(mem_free) double *buckets = read_buckets(m->buckets);
        const struct user_metric d = {.name = m->name,
                                      .help = m->help,
                                      .kind = m->kind == WF_COUNTER ? USER_COUNTER
                                              : m->kind == WF_GAUGE ? USER_GAUGE
                                                                    : USER_HISTOGRAM,
                                      .labels = labels,
                                      .n_labels = read_labels(m->labels, labels),
                                      .buckets = buckets,
                                      .n_buckets = json_array_size(m->buckets)};
        if (m->counting)
                return user_metric_count_since(u, &d, m->since, r->uid, e);
        if (m->kind == WF_HISTOGRAM)
                return user_metric_observe(u, &d, m->value, e);
        if (m->kind == WF_COUNTER || m->operation == WF_GAUGE_ADD)
                return user_metric_add(u, &d, m->value, e);
        if (m->operation == WF_GAUGE_SUB)
                return user_metric_add(u, &d, -m->value, e);
        return user_metric_set(u, &d, m->value, e);
}

static void on_metric(void *arg, const struct wf_metric *m, const struct err *problem)
{
        struct run *r = arg;
        struct err e = {0};
        if (m && emit(r, m, &e) == 0)
                return;
        if (m)
                err_wrap(&e, "metric '%s'", m->name);
        log_warn(r->log, "A metric of a workflow cannot be emitted.", F_ERR(m ? &e : problem));
        metric_add(metric_series(METRIC_WF_ERRORS, "MetricsError", NULL, NULL), 1);
        err_clear(&e);
}

static json_int_t state_of(const struct run *r, const char *node_id)
{
        return json_integer_value(json_object_get(r->measured, node_id));
}

static void note(struct run *r, const char *node_id, json_int_t state)
{
        if (!r->measured)
                r->measured = json_object();
        json_object_set_new(r->measured, node_id, json_integer(state));
}

void measure_node(struct run *r, const char *node_id)
{
        bool ended;
        if (!r->c->metrics || !wf_node_measured(r->wf, node_id, &ended))
                return;
        json_int_t was = state_of(r, node_id), now = ended ? ENDED : BEGUN;
        if (was >= now)
                return;
        if (!was && !r->restored)
                wf_node_metrics(r->wf, node_id, WF_METRIC_BEGUN, on_metric, r);
        if (ended)
                wf_node_metrics(r->wf, node_id, WF_METRIC_ENDED, on_metric, r);
        note(r, node_id, now);
}

static void on_restored(void *arg, const char *node_id, bool ended)
{
        struct run *r = arg;
        if (!state_of(r, node_id))
                note(r, node_id, ended ? ENDED : BEGUN);
        if (!ended)
                wf_node_metrics(r->wf, node_id, WF_METRIC_BEGUN, on_metric, r);
}

void measure_turn(struct run *r)
{
        if (!r->c->metrics)
                return;
        if (!r->measuring) {
                r->measuring = true;
                if (r->restored)
                        wf_each_measured(r->wf, on_restored, r);
                r->restored = false;
                wf_spec_metrics(r->wf, WF_METRIC_BEGUN, on_metric, r);
        }
        if (!r->finished || r->measured_end)
                return;
        r->measured_end = true;
        wf_spec_metrics(r->wf, WF_METRIC_ENDED, on_metric, r);
}

void measure_end(struct run *r)
{
        if (r->c->metrics && r->measuring)
                user_metrics_forget(r->c->metrics, r->uid);
        json_decref(r->measured);
}
