/* tests/unit/workflow_engine/invariants.h: what must hold of every state of a workflow that was
 * stored. Each answers NULL, or what is wrong (heap). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>

/* INV-8: no phase goes backwards from one stored status to the next; an end is an end. */
char *invariant_forward(const json_t *before, const json_t *after);
/* INV-9: may the pod of this node start now? Its workflow is not over, the attempt before it has
 * ended, and every task around it stands behind tasks that are done and satisfy its `depends`. */
char *invariant_start(const json_t *object, const char *node_id);
/* A workflow that is over has Succeeded only when nothing of it is unfinished. */
char *invariant_end(const json_t *object);
/* The words, and behind them what is not done yet. */
char *invariant_undone(const json_t *object, const char *words);
