/* tests/unit/workflow_engine/cases.h: small cases for the simulator, judged by the phases of their
 * nodes. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/unit/unit.h"

/* A workflow "w"; its templates follow, "main" among them, then "actions" and "pods". */
#define CASE_HEAD                                           \
        "workflow:\n"                                       \
        "  kind: Workflow\n"                                \
        "  metadata: {name: w, namespace: default, uid: u," \
        " creationTimestamp: \"2000-01-01T00:00:00Z\"}\n"   \
        "  spec:\n    entrypoint: main\n    templates:\n"

/* "Phase (message, unless it names a child) node:Phase node:Phase ...", nodes by name; the same
 * with a restart after every step. */
void assert_case(const char *yaml, const char *wanted);
