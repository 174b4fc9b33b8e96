/* tests/fuzz/fuzz_archive.c: bytes that say they are a tarball or a zip archive: whatever they
 * hold, nothing appears outside of the target, and a failure leaves nothing behind.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "tests/fuzz/fuzz.h"
#include "workflow/artifact/tar.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 20, ENTRIES_MAX = 200 };

/* How many names there are in the folder, and whether "out" is one of them. */
static int count(int dir, bool *out)
{
        int n = 0, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
        DIR *d = fdopendir(fd);
        for (const struct dirent *ent; (ent = readdir(d));) {
                n += ent->d_name[0] != '.' || strncmp(ent->d_name, ".unpack", 7) == 0;
                *out |= strcmp(ent->d_name, "out") == 0;
        }
        closedir(d);
        return n;
}

static void unpack(int fd, int dir, bool zip)
{
        struct tree_copy limits = {.max_bytes = BYTES_MAX, .max_entries = ENTRIES_MAX};
        struct err e = {0};
        bool was = zip, there = false;
        FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
        int r = zip ? zip_unpack(fd, dir, "out", &limits, &e)
                    : tar_unpack(fd, dir, "out", &limits, &was, &e);
        int n = count(dir, &there);
        FUZZ_CHECK((r < 0) == err_is_set(&e));
        FUZZ_CHECK(r == 0 && was ? n == 1 && there : n == 0);
        FUZZ_CHECK(tree_remove(dir, "out") == 0);
        err_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char path[] = "/tmp/fuzz_archive.XXXXXX";
        FUZZ_CHECK(mkdtemp(path));
        int dir = open(path, O_RDONLY | O_DIRECTORY), fd = memfd_create("archive", 0);
        FUZZ_CHECK(dir >= 0 && fd >= 0 && write(fd, data, size) == (ssize_t)size);
        unpack(fd, dir, false);
        unpack(fd, dir, true);
        close(fd);
        close(dir);
        FUZZ_CHECK(rmdir(path) == 0);
        return 0;
}
