/* common/lang/cron.h: cron schedules: "30 2 * * MON-FRI", "@daily", "@every 1h30m".
 *
 * Five fields: minute hour day-of-month month day-of-week; each a list of *, ?, n, a-b, each with
 * an optional /step; names JAN-DEC and SUN-SAT in any case; Sunday is 0 only. When both days are
 * given, either will do. "CRON_TZ=Zone " or "TZ=Zone " in front: the fields are read in that zone,
 * else in the zone of the time that is asked about. A time that a spring gap leaves out does not
 * happen; one that an autumn overlap has twice happens twice. Source: robfig/cron v3.0.1, and Argo
 * Events' search backwards. Limits: CRON_TEXT bytes. Threads: a compiled schedule is immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/lang/gotime.h"

enum { CRON_TEXT = 4096 };
enum cron_dialect {
        CRON_FIELDS,   /* five fields only: calendar sources, conditionsReset */
        CRON_STANDARD, /* also @yearly @annually @monthly @weekly @daily @midnight @hourly and
                          @every DURATION (whole seconds, at least one): CronWorkflows */
};
struct cron;
/* INVALID, "offset N: ..." and N in *at (may be NULL). */
int cron_new(struct cron **out, struct str text, enum cron_dialect d, size_t *at,
             struct err *e) MUST_CHECK;
struct cron *cron_free(struct cron *c);
AUTO_DEFINE(cron_free, struct cron *);

/* The next activation after `t`, the last one before it; in the zone of `t`. False: none within
 * five years. @every has no past: always false. */
bool cron_next(const struct cron *c, struct val_time t, struct val_time *out);
bool cron_prev(const struct cron *c, struct val_time t, struct val_time *out);
/* The same in nanoseconds since 1970; zone NULL is UTC. */
bool cron_next_ns(const struct cron *c, int64_t after_ns, const struct val_zone *zone,
                  int64_t *out);
bool cron_prev_ns(const struct cron *c, int64_t before_ns, const struct val_zone *zone,
                  int64_t *out);
