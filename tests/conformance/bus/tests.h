/* tests/conformance/bus/tests.h: the lists of tests, for bus_suite.c. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "tests/unit/unit.h"

extern const struct CMUnitTest log_tests[], consumer_tests[], retention_tests[];
extern const size_t n_log_tests, n_consumer_tests, n_retention_tests;
