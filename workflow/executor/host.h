/* workflow/executor/host.h: between host.c (once) and sandbox.c (per step).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/executor/executor.h"

extern const char *const host_devices[]; /* names in /dev, NULL at the end */
extern const char *const host_keep[];    /* names in /proc that are kept read-only */
int host_dev_links(int dev);             /* fd, stdin, ..., shm, termination-log */
/* One sandbox for trial, in a process of its own. */
int sandbox_try(const struct executor *x, struct err *e) MUST_CHECK;

/* sandbox.c: an overlay with the lower layer <folder>/<name> and upper and work folders named after
 * it. -1 and errno. */
int sandbox_overlay(const struct pod *p, const char *folder, const char *name, const char *at);
/* volumes.c: where something is mounted in the new root, made if absent: a folder for a folder, a
 * file for anything else. */
int mount_target(int root, const char *path, bool folder, struct err *e);
/* Clone what `source` (O_PATH) is, with all that is mounted in it, to `target`. -1 and errno. */
int mount_attach(int source, int target, bool read_only);
