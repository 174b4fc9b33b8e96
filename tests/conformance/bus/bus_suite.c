/* tests/conformance/bus/bus_suite.c: the contract of common/bus/bus.h, over every driver.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/bus/bench.h"
#include "tests/conformance/bus/tests.h"

static int run(const char *name, const char *driver, const struct CMUnitTest *tests, size_t n)
{
        struct CMUnitTest *of_driver = mem_calloc(n, sizeof(*of_driver));
        for (size_t i = 0; i < n; i++) {
                of_driver[i] = tests[i];
                of_driver[i].initial_state = (void *)(uintptr_t)driver;
        }
        AUTO(mem_free) char *title = mem_printf("%s on %s", name, driver);
        int failed = _cmocka_run_group_tests(title, of_driver, n, NULL, NULL);
        mem_free(of_driver);
        return failed;
}

int main(int argc, char **argv)
{
        static const char *const drivers[] = {"memory", "embedded"};
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        int failed = 0;
        for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
                failed += run("log", drivers[i], log_tests, n_log_tests);
                failed += run("consumers", drivers[i], consumer_tests, n_consumer_tests);
                failed += run("retention", drivers[i], retention_tests, n_retention_tests);
        }
        return failed != 0;
}
