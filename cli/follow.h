/* cli/follow.h: following one workflow until it ends: wait, watch, submit --watch.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"

struct follow_options {
        bool quiet;         /* only wait */
        int64_t timeout_ns; /* 0: none */
};
/* EXIT_OK when it succeeded, EXIT_FAILED when not or deleted, EXIT_TIMEOUT, EXIT_INTERRUPTED; -1
 * and *e when it cannot be read. */
int follow_workflow(struct cli *c, const char *ns, const char *name, const struct follow_options *o,
                    struct err *e);
