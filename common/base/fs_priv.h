/* common/base/fs_priv.h: what the files of fs share, and what its tests reach.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <sys/types.h>

/* fs_open_beneath() without openat2, for sandboxes that forbid it; links are never followed. */
int fs_walk_beneath(int *fd_out, int root_fd, const char *path, int flags, mode_t mode,
                    struct err *e) MUST_CHECK;
