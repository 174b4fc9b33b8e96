/* sensor/spec.h: a Sensor resource as a checked, immutable struct. Fields and rules:
 * argo-events.md 6.1 and 9.4. One spec is loaded whole and replaced whole; firings under way keep a
 * reference to the one they began with. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/field.h"
#include "common/lang/cron.h"
#include "sensor/condition.h"
#include "sensor/filter.h"
#include "sensor/transform.h"
#include <jansson.h>

struct trigger_driver;

struct dependency_spec {
        char *name, *event_source, *event;
        json_t *filters_json;
        int filters_operator;        /* 0 and, 1 or */
        struct filter *filter;       /* compiled; NULL passes everything */
        struct transform *transform; /* NULL: the payload as it is */
};
struct retry_spec {          /* Argo's Backoff */
        int64_t duration_ns; /* first pause */
        double factor, jitter;
        int64_t steps;  /* attempts in all */
        int64_t cap_ns; /* 0 = none */
};
struct rate_limit_spec {
        int unit; /* Second, Minute, Hour */
        int64_t requests_per_unit;
};
struct trigger_spec {
        char *name; /* template.name */
        char *conditions_text;
        struct condition *conditions;
        json_t *template, *parameters,
                *policy; /* template: the whole object; parameters: NULL or a list */
        const struct trigger_driver *driver;
        struct retry_spec *retry; /* NULL: the default of firing.h */
        struct rate_limit_spec *rate_limit;
        bool at_least_once;        /* accepted; we always are */
        struct trigger_spec *dlq;  /* dlqTrigger, NULL */
        struct reset_spec *resets; /* template.conditionsReset */
        size_t n_resets;
        char *key;        /* what the ledger calls it: the name; "<name>/dlq" of a dlqTrigger */
        size_t dlq_index; /* of dlq among all triggers, 0: none */
};
struct reset_spec { /* byTime */
        struct cron *cron;
        const struct val_zone *zone; /* in the spec's arena */
};
struct sensor_spec {
        int refs;
        char *ns, *name, *uid;
        struct wall created;
        struct field_list dependencies; /* struct dependency_spec */
        struct field_list triggers;     /* struct trigger_spec */
        const char **dep_names;         /* as condition_new wants them */
        struct trigger_spec **all;      /* triggers, then the dlqTriggers of them */
        size_t n_all;
        struct arena arena; /* time zones */
};
/* 0 and *out when there is no error in `d`. `object` is the whole Sensor. */
int sensor_spec_new(struct sensor_spec **out, const json_t *object, bool strict,
                    struct diags *d) MUST_CHECK;
struct sensor_spec *sensor_spec_ref(struct sensor_spec *s);
struct sensor_spec *sensor_spec_unref(struct sensor_spec *s);
AUTO_DEFINE(sensor_spec_unref, struct sensor_spec *);
const struct dependency_spec *sensor_dep(const struct sensor_spec *s, size_t i);
const struct trigger_spec *sensor_trigger(const struct sensor_spec *s, size_t i); /* of n_all */
extern const struct field sensor_fields[]; /* of .spec, for the generated docs */
