/* workflow/artifact/tree.h: files and folders moved between folder descriptors.
 *
 * Everything is opened beneath a descriptor by openat2, so neither "..", nor an absolute path, nor
 * a link planted by a step leads outside (SEC-9). Links inside a tree are data: copied as links,
 * never followed. Sockets, fifos and devices are left out, set-user-id bits are cleared. Trees are
 * walked with a depth limit, bounded by entries and bytes. Threads: any; everything blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TREE_DEPTH_MAX = 100 };

/* openat2: TREE_NO_LINKS refuses symbolic links on the way, TREE_ONE_MOUNT mount points too,
 * TREE_IN_ROOT lets links lead anywhere inside root (absolute ones and absolute paths start at
 * root). All refuse /proc's magic links. Answers a descriptor, or -1 and errno. */
enum tree_resolve { TREE_NO_LINKS, TREE_ONE_MOUNT, TREE_IN_ROOT };
int tree_open(int root, const char *path, int flags, mode_t mode, enum tree_resolve how);
/* Make the folder and its parents beneath root; answers an O_PATH descriptor of it, or -1 and
 * errno. `like` >= 0: a new folder gets owner and mode of the folder of the same path beneath
 * `like`, where there is one. */
int tree_mkdirs(int root, const char *path, mode_t mode, enum tree_resolve how, int like);
/* Parent folder (made if absent) and last component of `path`; -1 and errno. *name points into
 * path. */
int tree_parent(int root, const char *path, const char **name, enum tree_resolve how, int like);
int tree_remove(int dir, const char *name); /* file or whole tree; absent is fine; -1 and errno */
/* "a/b/c" without empty, "." and ".." components and without a leading slash? */
bool tree_key_valid(const char *key);
/* "a folder", "a device", ... of a st_mode. */
const char *tree_kind(mode_t mode);
/* DENIED, by name, unless it is a file, a folder or a link: the rest is no data. */
int tree_check_data(int dir, const char *name, struct err *e) MUST_CHECK;

struct tree_copy {
        int link_dir; /* >= 0: a folder with the same tree, whose regular files may be hard-linked
                         instead of copied: source itself, or an overlay's upper */
        bool fresh;   /* new inodes: never link (the copy will be changed) */
        uint64_t max_bytes; /* 0: no limit */
        uint32_t max_entries;
        uint64_t bytes; /* counted up */
        uint32_t entries;
};
/* Copy from_dir/from (file, link or tree) to to_dir/to, which must not exist. The content is shared
 * where the file system can: hard link (see above), clone (FICLONE), copy_file_range; else it is
 * read and written. */
int tree_copy(struct tree_copy *c, int from_dir, const char *from, int to_dir, const char *to,
              struct err *e) MUST_CHECK;
/* Flush a copied tree to disk: file by file when there are few, else the whole file system. */
int tree_sync(int dir, const char *name, uint32_t entries, struct err *e) MUST_CHECK;
