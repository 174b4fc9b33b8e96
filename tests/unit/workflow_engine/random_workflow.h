/* tests/unit/workflow_engine/random_workflow.h: cases for the simulator from a seed: nested steps
 * and DAGs, loops, conditions, retries, daemons, hooks, exit handlers, locks, limits, memoized
 * results, recursion, suspension, pods that fail. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* resumed: it may wait for somebody who resumes it, whenever nothing else happens. */
json_t *random_workflow(uint64_t seed, bool resumed);
