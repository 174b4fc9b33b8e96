/* bench/bare.h: processes started by the bare system calls: what our steps are measured against.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

enum bare_kind {
        BARE_SPAWN,   /* posix_spawn + waitpid */
        BARE_SANDBOX, /* clone with new mount, pid, ipc and uts namespaces, overlay on /,
                         pivot_root, exec; needs root */
};
struct bare_batch { /* `steps` processes, `at_once` of them at a time; the next batch follows */
        int steps, at_once;
};
/* Microseconds for all batches. Upper layers of sandboxes are in memory below dir/bare, as our
 * executor has them. Exits with words when something fails. */
double bare_run(enum bare_kind kind, const char *program, const char *dir,
                const struct bare_batch *batches, size_t n);
