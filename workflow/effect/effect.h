/* workflow/effect/effect.h: templates whose work is a call and no process: http, resource, plugin,
 * data.
 *
 * They are carried out by the controller itself, on its loop, and told like pods (runner.h): phases
 * only move forward, the final one comes exactly once per start, later than the call that caused
 * it. Nothing of them is kept on disk: after a restart the controller starts what had not ended
 * once more. So each is at least once; what makes repeating harmless is the identity that is sent
 * along, "<workflow uid>/<node id>" (docs/decisions/0022). Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/runner/runner.h"

struct effects;
struct effects_options {
        struct loop *loop;
        struct store *store;
        const char *data_dir;  /* of the folder store; copied */
        const json_t *plugins; /* [{"name", "address", "tokenSecret": {"name", "key"}}], may be
                                  NULL; borrowed for life */
        bool guard_addresses;  /* refuse private, loopback and link-local addresses */
};
int effects_new(struct effects **out, const struct effects_options *o, runner_update_fn *update,
                void *arg, struct err *e) MUST_CHECK;
struct effects *effects_free(struct effects *all); /* what is under way is given up, untold */
AUTO_DEFINE(effects_free, struct effects *);

/* The executor plugins that workflows bring along (sidecar.h). */
struct sidecars;
struct sidecars *effects_sidecars(struct effects *all);

bool effects_carry(const json_t *template); /* is it one of these? */
/* Problems arrive as updates. Starting what is under way tells its state again. */
void effects_start(struct effects *all, const struct pod_request *req);
/* It ends at once (POD_FAILED). False: there is no such effect. */
bool effects_kill(struct effects *all, const char *workflow_uid, const char *node_id);
