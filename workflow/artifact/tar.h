/* workflow/artifact/tar.h: gzip tarballs, streamed through libarchive, written and read beneath
 * folder descriptors (SEC-9).
 *
 * Packing follows Argo: a file becomes one entry under its own name, a folder becomes entries below
 * its name. Unpacking follows Argo too: a tarball with exactly one entry at its top becomes `to`
 * itself, else the folder becomes `to`. Refused: absolute paths, "..", devices, fifos, links that
 * lead outside the tree (links are made last), set-user-id bits (cleared), more entries or bytes
 * than the limits, absurd compression ratios. Threads: any; everything blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/artifact/tree.h"

/* level: gzip's, 0..9, -1 its default. */
int tar_pack(int from_dir, const char *from, int to_fd, int level, struct err *e) MUST_CHECK;
/* *was_tar false and nothing made: the file is no gzip tarball. limits: max_bytes and max_entries
 * apply. */
int tar_unpack(int fd, int to_dir, const char *to, struct tree_copy *limits, bool *was_tar,
               struct err *e) MUST_CHECK;

/* ---- zip.c: not for the static executor: libarchive's zip brings other libraries along ---- */
int zip_pack(int from_dir, const char *from, int to_fd, int level, struct err *e) MUST_CHECK;
/* INVALID when it is no zip archive. */
int zip_unpack(int fd, int to_dir, const char *to, struct tree_copy *limits,
               struct err *e) MUST_CHECK;
