/* workflow/executor/hosts.c: hostAliases: the /etc/hosts of the root with more lines, as a file of
 * the slot bound over it: the one of the root may not be ours to write. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/artifact/tree.h"
#include "workflow/executor/host.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy_over(int from, int to)
{
        char chunk[4096];
        ssize_t n;
        while ((n = read(from, chunk, sizeof(chunk))) > 0)
                if (write(to, chunk, (size_t)n) != n)
                        return -1;
        return n < 0 ? -1 : 0;
}

static int make_file(const struct pod *p, int root, const char *name, const char *lines)
{
        int to = openat(p->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        int from = tree_open(root, "etc/hosts", O_RDONLY | O_NONBLOCK, 0, TREE_IN_ROOT);
        bool good = to >= 0 && (from < 0 || copy_over(from, to) == 0) &&
                    write(to, lines, strlen(lines)) == (ssize_t)strlen(lines);
        if (from >= 0)
                close(from);
        if (good)
                return to;
        if (to >= 0)
                close(to);
        return -1;
}

static int bind_file(const struct pod *p, int root, const char *name, struct err *e)
{
        char path[96];
        snprintf(path, sizeof(path), "%s/%s", p->slot_at, name);
        int source = open(path, O_PATH | O_CLOEXEC);
        int target = mount_target(root, "/etc/hosts", false, e);
        int rc = source < 0 || target < 0 ? -1 : mount_attach(source, target, false);
        if (rc < 0 && !err_is_set(e))
                err_errno(e, errno, "mount");
        if (source >= 0)
                close(source);
        if (target >= 0)
                close(target);
        return rc;
}

int hosts_mount(struct pod *p, struct err *e)
{
        const char *lines = wire_find_str(p->spec.all, S_HOSTS);
        char name[24];
        if (!lines)
                return 0;
        snprintf(name, sizeof(name), "hosts%d", p->member);
        int root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fd = root < 0 ? -1 : make_file(p, root, name, lines);
        int rc = fd < 0 ? err_errno(e, errno, "/etc/hosts") : bind_file(p, root, name, e);
        if (fd >= 0)
                close(fd);
        if (root >= 0)
                close(root);
        return rc < 0 ? err_wrap(e, "hostAliases") : 0;
}
