/* workflow/cron/cronwf.h: what a CronWorkflow says, as pure functions: its spec compiled, which
 * slot is due, the workflow of a slot, the conditions, what of its history may go. The shell is
 * crons.h.
 *
 * A slot is a moment a schedule names. Its workflow is called <name>-<unix seconds>, so that a slot
 * that is fired twice makes one workflow. Source: Argo v4.1 workflow/cron/operator.go. Threads:
 * any. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/lang/value.h"

#define CRONWF_LABEL "workflows.argoproj.io/cron-workflow"
#define CRONWF_COMPLETED_LABEL "cronworkflows.argoproj.io/completed"
#define CRONWF_TIME_ANNOTATION "workflows.argoproj.io/scheduled-time"
#define CRONWF_SCHEDULE_ANNOTATION "cronworkflows.argoproj.io/last-used-schedule"

struct cron;
enum cronwf_policy { CRONWF_ALLOW, CRONWF_FORBID, CRONWF_REPLACE };
struct cronwf_spec {
        struct cron **schedules;
        size_t n;
        char *text; /* all schedules with the time zone: what the annotation remembers */
        enum cronwf_policy policy;
        int64_t deadline_ns; /* startingDeadlineSeconds; -1: none */
        int64_t keep_succeeded, keep_failed;
        bool suspend;
        char *when, *stop; /* NULL: none */
};
int cronwf_spec_new(struct cronwf_spec **out, const json_t *object, struct err *e) MUST_CHECK;
struct cronwf_spec *cronwf_spec_free(struct cronwf_spec *s);
AUTO_DEFINE(cronwf_spec_free, struct cronwf_spec *);

/* ---- due.c: all times in nanoseconds since 1970 ---- */

/* The next slot after; INT64_MAX: none. */
int64_t cronwf_next(const struct cronwf_spec *s, int64_t after_ns);
/* The slot to run now. `looked_ns`: slots up to there were dealt with. A slot is run when it is
 * less than CRONWF_LATE_S late; of those that are later (the machine slept) only the newest, and
 * only within the starting deadline. Ask again with the slot as looked_ns. */
enum { CRONWF_LATE_S = 10 };
bool cronwf_due(const struct cronwf_spec *s, int64_t looked_ns, int64_t now_ns, int64_t *slot_ns);
/* After a downtime: the newest slot that was missed since `last_ns`, when the deadline is set and
 * still open; of several schedules the first that missed one. */
bool cronwf_missed(const struct cronwf_spec *s, int64_t last_ns, int64_t now_ns, int64_t *slot_ns);

/* ---- child.c ---- */

/* The Workflow of a slot; `name` NULL: generateName "<cron>-" (run by hand). New reference. */
json_t *cronwf_child(const json_t *cron, const char *name, int64_t slot_ns);
char *cronwf_child_name(const json_t *cron, int64_t slot_ns); /* heap */
/* An entry of status.active. */
json_t *cronwf_reference(const json_t *workflow);

/* ---- condition.c ---- */

/* spec.when and spec.stopStrategy.expression over the variables cronworkflow.*; `cron` carries the
 * status that they see. */
int cronwf_when(const struct cronwf_spec *s, const json_t *cron, struct clock *clock, bool *out,
                struct err *e) MUST_CHECK;
int cronwf_stop(const struct cronwf_spec *s, const json_t *cron, struct clock *clock, bool *out,
                struct err *e) MUST_CHECK;
