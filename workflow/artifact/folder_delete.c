/* workflow/artifact/folder_delete.c: removing from the folder store; see folder.h. Apart from
 * folder.c, so that the controller, which only deletes, is not linked to libarchive and what that
 * needs. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/artifact/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int folder_delete(int store, const char *key, struct err *e)
{
        if (!tree_key_valid(key))
                return err_set(e, ERR_INVALID, "artifact key \"%s\"", key);
        AUTO(mem_free) char *path = mem_strdup(key);
        for (bool first = true;; first = false) {
                char *slash = strrchr(path, '/');
                if (slash)
                        *slash = '\0';
                const char *name = slash ? slash + 1 : path;
                int dir = slash ? tree_open(store, path, O_PATH | O_DIRECTORY, 0, TREE_NO_LINKS)
                                : store;
                if (dir < 0)
                        return errno == ENOENT ? 0 : err_errno(e, errno, "artifact %s", key);
                int rc = first ? tree_remove(dir, name) : unlinkat(dir, name, AT_REMOVEDIR);
                int err = errno;
                if (dir != store)
                        close(dir);
                if (rc < 0 && first)
                        return err_errno(e, err, "artifact %s", key);
                if (rc < 0 || !slash)
                        return 0; /* the first folder that is not empty */
        }
}
