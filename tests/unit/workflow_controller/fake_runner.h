/* tests/unit/workflow_controller/fake_runner.h: a runner whose pods live in a table that outlives
 * it: what the world looks like to a controller that is killed and started again.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/runner/runner.h"

enum { WORLD_PODS = 256 };
struct world_pod {
        char uid[64], node[128];
        enum pod_phase phase;
        int starts;            /* how often main was started: never more than once */
        bool killed, recorded; /* recorded: its node was durable when it was started */
        bool told_final;       /* to the controller of now */
        bool forgotten;        /* of a run before */
};
struct world {
        struct world_pod pods[WORLD_PODS];
        size_t n;
        int forgotten;
        char pods_forgotten[WORLD_PODS][128]; /* by runner_forget_pod(); "*": all of a workflow */
        size_t n_pods_forgotten;
        const char *db;   /* path, to look whether nodes are durable */
        const char *fail; /* id of a node whose first pod fails, NULL */
};
struct world_pod *world_find(struct world *w, const char *uid, const char *node);

struct runner *fake_runner_new(struct world *w, struct loop *l, runner_update_fn *update,
                               void *arg);
/* Pods go one phase on: Pending, Running, Succeeded; at most `n` of them, beginning at a place that
 * `at` says. */
size_t fake_runner_advance(struct runner *r, size_t n, size_t at);
