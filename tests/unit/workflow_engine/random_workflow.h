/* tests/unit/workflow_engine/random_workflow.h: cases for the simulator from a seed: nested steps
 * and DAGs, loops, conditions, retries, exit handlers, locks, memoized
 * results, pods that fail. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdint.h>

json_t *random_workflow(uint64_t seed);
