/* tests/unit/workflow_engine/faults.h: a random workflow in a world where events of pods are lost,
 * repeated and reordered and the controller is killed at any moment, and what must hold all the
 * same (reliability.md INV-8, INV-9, INV-10, INV-16). Everything follows from the seed.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

struct faults_report { /* sums */
        uint64_t steps, crashes, pods, nodes, lost;
};
/* NULL: everything held; else what did not. Heap. */
char *faults_run(uint64_t seed, struct faults_report *sum);
