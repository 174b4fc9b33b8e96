/* workflow/cron/crons.h: CronWorkflows at work.
 *
 * Follows CronWorkflows and the Workflows that carry their label; creates a workflow per slot,
 * keeps status (active, lastScheduledTime, succeeded, failed, phase, conditions), deletes history
 * past its limits, and the workflows of CronWorkflows that are gone. Exactly once: a slot's
 * workflow has a name made of its time, so firing it again changes nothing; a workflow that is
 * there and not in the status (the process died between the two) is taken into it.
 * Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include "common/store/store.h"
#include "workflow/engine/engine.h"

struct crons;
struct crons_options {
        struct loop *loop;
        struct store *store;
        const char *ns;                 /* NULL: all; borrowed for life */
        const struct wf_lookup *lookup; /* templates, for validation; borrowed for life */
        /* May this finished workflow go (is it archived)? It is asked again when it changes. */
        bool (*may_go)(void *arg, const json_t *workflow);
        void *arg;
};
int crons_start(struct crons **out, const struct crons_options *o, struct err *e) MUST_CHECK;
bool crons_ready(const struct crons *c); /* everything was seen once */
struct crons *crons_free(struct crons *c);
AUTO_DEFINE(crons_free, struct crons *);
