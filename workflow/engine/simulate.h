/* workflow/engine/simulate.h: a workflow in virtual time, its pods played by a script: the unit
 * test of people's workflows, and the way the conformance cases run.
 *
 * The case: {"workflow", "objects", "pods": {"rules", "default"}, "actions"} as in
 * conformance/workflow/README.md, and "syncLimits": {key: n} for semaphores in the database. The
 * clock starts at the workflow's creationTimestamp and jumps from event to event; the engine takes
 * no time. Pure: no I/O, no clock, no randomness. The result has the form of that README's
 * "expect": phase, message, progress, outputs, nodes, waves, ... so that a recorded result can be
 * compared with simulate_compare(). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include <jansson.h>

struct simulate_options {
        bool restore_each_step; /* after every step the workflow is dropped and restored from its
                                   status: recovery must not show */
        bool check_replay;  /* at the end the recorded inputs are told to a fresh workflow: INTERNAL
                               when its state differs by one byte (not while restoring) */
        unsigned max_steps; /* 0: a million; past it the run is an error */
        uint32_t max_nodes; /* as limits.nodes of the controller; 0: its default */
        json_t **workflow; /* NULL, or gets the workflow as a store would hold it at the end: status
                              with nodes and times; new reference */
        json_t **templates; /* NULL, or gets what each pod was asked to do: node name to template
                               with every tag resolved; new reference */
};
/* INVALID: the case makes no sense. UNSUPPORTED: the workflow needs a field that is not supported
 * yet (the words name it). */
int simulate_run(json_t **result, const json_t *test_case, const struct simulate_options *o,
                 struct err *e) MUST_CHECK;

/* Appends one line per difference ("wf[0].a: phase: expected Succeeded, found Failed"); returns how
 * many there are. */
size_t simulate_compare(struct buf *differences, const json_t *expected, const json_t *actual);
