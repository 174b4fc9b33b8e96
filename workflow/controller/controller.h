/* workflow/controller/controller.h: the shell around the pure engine.
 *
 * It follows Workflows (and caches of WorkflowTemplates, ClusterWorkflowTemplates and ConfigMaps,
 * so that the engine's lookups need no I/O), feeds each workflow's inputs of one turn to
 * engine_step() and carries the commands out: pods     are handed to the runner only after the
 * patch that records their node is durable: a pod never exists without its node. Node ids are
 * deterministic and the runner recognises them, so a crash in between repeats nothing. status
 * changed nodes, workflow status and labels of a turn are ONE merge patch; at most one patch per
 * workflow is in flight, what changes meanwhile gathers for the next. A patch that fails is
 * repeated with back-off. users    act by editing the object: spec.suspend, spec.shutdown, and
 * actions (action.h) as annotations that the controller takes away in the same patch that records
 * their effect: applied exactly once. Recovery is start-up: every workflow that is not completed is
 * read back, its live pods are adopted by the runner, or started again when there is no trace of
 * them. A workflow that cannot even be read becomes Error by itself; it never stops others.
 * Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include "workflow/runner/runner.h"

struct archive;
struct controller;
struct controller_config;
struct store;

struct controller_options {
        struct loop *loop;
        struct store *store;
        const char *data_dir;       /* of the folder store; NULL: the working folder; copied */
        const char *ns;             /* namespace to follow, NULL = all; copied */
        const char *label_selector; /* of Workflows, NULL = all; copied */
        struct archive *archive;    /* NULL: none, whatever the configuration says; borrowed */
        const struct controller_config
                *config; /* config.h; NULL: the defaults; borrowed for life */
};
int controller_new(struct controller **out, const struct controller_options *o,
                   struct err *e) MUST_CHECK;
/* What the runner calls; its arg is the controller. */
runner_update_fn controller_on_pod;
/* `r` is borrowed and must have been made with controller_on_pod. */
int controller_start(struct controller *c, struct runner *r, struct err *e) MUST_CHECK;
bool controller_ready(
        struct controller *c); /* caches are filled and unfinished workflows were read back */
/* No new steps; patches in flight finish, then `done` (or after grace_ms). Running pods go on: the
 * next start adopts them. */
void controller_drain(struct controller *c, int grace_ms, loop_fn *done, void *arg);
/* SIGKILL for every running pod: the data folder is about to be removed. controller_info() says
 * when they are gone. */
void controller_kill_pods(struct controller *c);
struct controller *controller_free(struct controller *c);
AUTO_DEFINE(controller_free, struct controller *);

struct controller_info {
        size_t workflows; /* not completed */
        size_t pods;      /* handed to the runner and not ended */
};
struct controller_info controller_info(const struct controller *c);
