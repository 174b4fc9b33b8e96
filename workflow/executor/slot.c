/* workflow/executor/slot.c: scratch folders on the disk, kept from step to step: <data>/scratch/0,
 * 1, ...
 *
 * A folder per step would be simpler, but ext4 avoids the numbers of inodes that were deleted in
 * the last minutes: a few thousand steps later each mkdir searches for a millisecond. So a slot
 * stays, with its tmp/ (the /tmp of a step), and only what a step put there is removed. A slot is
 * taken by a lock on its folder, which the supervisor inherits and which goes with it; whoever
 * takes a slot makes sure that it is empty, should its last user have been killed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/tree.h"
#include "workflow/executor/executor.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool wanted(const char *name, const char *keep)
{
        return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, keep) != 0;
}

/* Nothing in `dir` but `keep`? One call when it is so, which it nearly always is. */
static bool has_only(int dir, const char *keep)
{
        char entries[1024];
        ssize_t n = lseek(dir, 0, SEEK_SET) < 0 ? -1 : getdents64(dir, entries, sizeof(entries));
        if (n < 0 || n > (ssize_t)(sizeof(entries) - sizeof(struct dirent64)))
                return false; /* perhaps more than fits */
        for (ssize_t at = 0; at < n;) {
                const struct dirent64 *ent = (const struct dirent64 *)(const void *)(entries + at);
                if (wanted(ent->d_name, keep))
                        return false;
                at += ent->d_reclen;
        }
        return true;
}

/* Everything in `dir` but the entry `keep`. */
static int remove_content(int dir, const char *keep)
{
        if (has_only(dir, keep))
                return 0;
        int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return -1;
        for (struct dirent *ent; (ent = readdir(d));)
                if (wanted(ent->d_name, keep) && tree_remove(dir, ent->d_name) < 0)
                        rc = -1;
        int err = errno;
        closedir(d);
        errno = err;
        return rc;
}

int slot_take(const struct executor *x, unsigned *number)
{
        char name[16];
        for (unsigned i = 0; i < SLOTS_MAX; i++) {
                snprintf(name, sizeof(name), "%u", i);
                int fd = openat(x->scratch, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT && mkdirat(x->scratch, name, 0755) == 0)
                        fd = openat(x->scratch, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return -1;
                if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
                        *number = i;
                        return fd;
                }
                close(fd);
        }
        errno = ENFILE;
        return -1;
}

int slot_open_tmp(int slot, const char *name)
{
        int fd = openat(slot, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) && unlinkat(slot, name, 0) == 0)
                errno = ENOENT; /* a step has put something else there */
        if (fd < 0 && errno == ENOENT && mkdirat(slot, name, 0777) == 0)
                fd = openat(slot, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -1;
        if (st.st_uid != geteuid() && fchown(fd, geteuid(), getegid()) < 0)
                return -1;
        if ((st.st_mode & 07777) != 01777 && fchmod(fd, 01777) < 0)
                return -1; /* a step may have changed it */
        return fd;
}

int slot_clean(int slot, int tmp)
{
        int rc = tmp < 0 ? 0 : remove_content(tmp, "");
        return remove_content(slot, "tmp") < 0 ? -1 : rc;
}

/* A step without a sandbox may have changed its own folder, moved it or removed it. */
static bool is_as_made(int slot, int tmp)
{
        struct stat here, there;
        return fstat(tmp, &here) == 0 && fstatat(slot, "tmp", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               here.st_ino == there.st_ino && here.st_dev == there.st_dev &&
               (here.st_mode & 07777) == 01777 && here.st_uid == geteuid();
}

int slot_renew(int slot, int *tmp)
{
        if (!is_as_made(slot, *tmp)) {
                close(*tmp);
                *tmp = slot_open_tmp(slot, "tmp");
        }
        return *tmp < 0 ? -1 : slot_clean(slot, *tmp);
}
