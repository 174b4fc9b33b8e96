/* tests/conformance/store/tests.h: the lists of tests, for store_suite.c. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "tests/unit/unit.h"

extern const struct CMUnitTest object_tests[], list_tests[], watch_tests[];
extern const size_t n_object_tests, n_list_tests, n_watch_tests;
