/* tests/faults/power_loss.c: LD_PRELOAD: keeps beside each file what a disk without power would
 * hold.
 *
 * A file counts as durable as it was at its last fsync or fdatasync: that moment is copied to
 * $POWER_LOSS_SHADOW/<name>. Everything written later is what a power failure may drop, tear or
 * reorder; the test decides which. SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(const char *path, const char *shadow, off_t size)
{
        char temp[4200];
        snprintf(temp, sizeof(temp), "%s.new", shadow);
        int to = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int from = open(path, O_RDONLY | O_CLOEXEC);
        off_t at = 0;
        while (at < size && sendfile(to, from, &at, (size_t)(size - at)) > 0)
                ;
        close(to);
        close(from);
        rename(temp, shadow);
}

static void forget_removed(const char *path, const char *folder)
{
        char live[4200], shadow[4600];
        DIR *d = opendir(folder);
        for (struct dirent *e; d && (e = readdir(d));) {
                snprintf(live, sizeof(live), "%s/%s", path, e->d_name);
                snprintf(shadow, sizeof(shadow), "%s/%s", folder, e->d_name);
                if (e->d_type == DT_REG && access(live, F_OK) < 0)
                        unlink(shadow);
        }
        if (d)
                closedir(d);
}

static void keep(int fd)
{
        char link[64], path[4096], shadow[4200];
        const char *folder = getenv("POWER_LOSS_SHADOW");
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        struct stat st;
        if (!folder || n < 0 || fstat(fd, &st) < 0)
                return;
        path[n] = '\0';
        snprintf(shadow, sizeof(shadow), "%s/%s", folder, strrchr(path, '/') + 1);
        if (S_ISREG(st.st_mode))
                copy(path, shadow, st.st_size);
        else if (S_ISDIR(st.st_mode))
                forget_removed(path, folder);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
        keep(fd);
        return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
        keep(fd);
        return 0;
}
