/* workflow/artifact/folder.h: the local artifact store: a folder whose keys are paths; what is
 * stored is plain files.
 *
 * No tarball and no gzip unless the workflow asks for one: a step that consumes what another step
 * of this machine made gets the same blocks (hard link or clone), docs/decisions/0020. A key
 * appears whole or not at all: written under a temporary name, flushed, renamed. Threads: any;
 * everything blocks. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/artifact/tree.h"

enum { ARTIFACT_ENTRIES_MAX = 1000000 };
#define ARTIFACT_BYTES_MAX (UINT64_C(64) << 30)

/* `how` as for tree_copy: what may be linked. An older content of the key is replaced. */
int folder_put(int store, const char *key, struct tree_copy *how, int from_dir, const char *from,
               struct err *e) MUST_CHECK;
/* As a gzip tarball: archive.tar. */
int folder_put_tar(int store, const char *key, int level, int from_dir, const char *from,
                   struct err *e) MUST_CHECK;
enum folder_unpack {
        FOLDER_DETECT,
        FOLDER_PLAIN,
        FOLDER_TAR
}; /* no `archive`: gzip tarballs are unpacked; none; tar */
/* Place what is at key (and `sub` inside it, may be NULL) as to_dir/to, which is replaced. `share`:
 * files may be hard links to the store, because they cannot be written through (lower layer of an
 * overlay). NOT_FOUND when there is no such key. */
int folder_get(int store, const char *key, const char *sub, enum folder_unpack unpack, bool share,
               int to_dir, const char *to, struct err *e) MUST_CHECK;
/* Removes the key and the folders that are empty then. Absent is fine. */
int folder_delete(int store, const char *key, struct err *e) MUST_CHECK;
