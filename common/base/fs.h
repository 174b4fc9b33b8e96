/* common/base/fs.h: files: whole reads with a limit, atomic writes, folders, kernel-enforced paths
 * beneath a root. Threads: any; everything blocks, so large files belong on a pool.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int fs_read(struct buf *out, const char *path, size_t max_bytes,
            struct err *e) MUST_CHECK; /* LIMIT past max */
int fs_read_fd(struct buf *out, int fd, size_t max_bytes, struct err *e) MUST_CHECK;
/* Write to a temporary file beside it, fdatasync, rename, sync the folder. */
int fs_write_atomic(const char *path, const void *data, size_t n, mode_t mode,
                    struct err *e) MUST_CHECK;
int fs_mkdirs(const char *path, mode_t mode, struct err *e) MUST_CHECK;
int fs_remove_tree(const char *path,
                   struct err *e) MUST_CHECK; /* never follows links; absent is fine */
/* openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS unless `follow`): `path`
 * cannot leave root. */
int fs_open_beneath(int *fd_out, int root_fd, const char *path, int flags, mode_t mode, bool follow,
                    struct err *e) MUST_CHECK;
int fs_write_all(int fd, const void *data, size_t n, struct err *e) MUST_CHECK;
bool fs_exists(const char *path);
char *fs_join(const char *dir, const char *name) MUST_CHECK; /* heap */
int fs_copy_fd(int from, int to, uint64_t max_bytes, uint64_t *copied,
               struct err *e) MUST_CHECK; /* copy_file_range, falls back */
