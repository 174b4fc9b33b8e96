/* tests/fuzz/fuzz_image.c: any bytes may be given to `tiphys image load`: an image comes of them or
 * words, and nothing is made outside of the data folder. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "workflow/image/image.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Names in a folder. */
static unsigned count(const char *path)
{
        DIR *d = opendir(path);
        unsigned n = 0;
        for (struct dirent *ent; d && (ent = readdir(d));)
                n += ent->d_name[0] != '.' || strlen(ent->d_name) > 2;
        if (d)
                closedir(d);
        return n;
}

static void load(const char *data_dir, const char *path)
{
        AUTO(images_close) struct images *i = NULL;
        json_t *loaded = NULL;
        struct err e = {0};
        FUZZ_CHECK(images_open(&i, data_dir, NULL, &e) == 0);
        if (images_load(i, path, "fuzz", &loaded, &e) < 0)
                FUZZ_CHECK(*err_msg(&e));
        else
                FUZZ_CHECK(json_array_size(loaded) > 0);
        json_decref(loaded);
        err_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char outside[] = "/tmp/fuzz-image-XXXXXX", path[64], data_dir[64];
        struct err e = {0};
        int fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0 && mkdtemp(outside));
        FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        snprintf(data_dir, sizeof(data_dir), "%s/data", outside);
        load(data_dir, path);
        FUZZ_CHECK(count(outside) <= 1);
        close(fd);
        FUZZ_CHECK(fs_remove_tree(outside, &e) == 0);
        return 0;
}
