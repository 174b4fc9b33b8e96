/* tests/conformance/store/store_suite.c: the contract of common/store/store.h, over any driver:
 *
 *      store_suite [--driver embedded | --driver kube [--kubeconfig FILE]] [--test PATTERN]
 *
 * On kube the custom resource definitions of config/crds must be installed; each test makes a
 * namespace of its own. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/db/db.h"
#include "tests/conformance/store/suite.h"
#include "tests/conformance/store/tests.h"

static int run(const char *name, const struct CMUnitTest *tests, size_t n)
{
        return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

static void clean_up(void)
{
        struct err e = {0};
        store_close(suite.store);
        db_close(suite.db);
        loop_free(suite.loop);
        if (suite.dir && fs_remove_tree(suite.dir, &e) < 0)
                fprintf(stderr, "store_suite: %s\n", err_msg(&e));
        err_clear(&e);
        mem_free(suite.dir);
}

int main(int argc, char **argv)
{
        suite.driver = "embedded";
        for (int i = 1; i + 1 < argc; i += 2) {
                if (streq(argv[i], "--driver"))
                        suite.driver = argv[i + 1];
                else if (streq(argv[i], "--kubeconfig"))
                        suite.kubeconfig = argv[i + 1];
                else if (streq(argv[i], "--test"))
                        cmocka_set_test_filter(argv[i + 1]);
        }
        int failed = run("objects", object_tests, n_object_tests);
        failed += run("lists", list_tests, n_list_tests);
        failed += run("watches", watch_tests, n_watch_tests);
        clean_up();
        return failed != 0;
}
