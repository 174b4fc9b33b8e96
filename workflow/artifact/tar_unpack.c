/* workflow/artifact/tar_unpack.c: is it a gzip tarball, and then a tree; see tar.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/tar.h"
#include "workflow/artifact/unpack.h"
#include <errno.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static struct archive *open_reader(int fd)
{
        struct archive *a = archive_read_new();
        archive_read_support_filter_gzip(a);
        archive_read_support_format_tar(a);
        if (archive_read_open_fd(a, fd, CHUNK) == ARCHIVE_OK)
                return a;
        archive_read_free(a);
        return NULL;
}

int tar_unpack(int fd, int to_dir, const char *to, struct tree_copy *limits, bool *was_tar,
               struct err *e)
{
        unsigned char magic[2];
        struct archive_entry *first;
        *was_tar = false;
        if (pread(fd, magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b)
                return 0;
        struct archive *reader = open_reader(fd);
        int got = reader ? archive_read_next_header(reader, &first) : ARCHIVE_FATAL;
        if (got != ARCHIVE_OK &&
            got != ARCHIVE_WARN) { /* gzip, but no tarball inside (or an empty one) */
                archive_read_free(reader);
                return lseek(fd, 0, SEEK_SET) < 0 ? err_errno(e, errno, "%s", to) : 0;
        }
        *was_tar = true;
        int rc = unpack_archive(reader, "tarball", first, to_dir, to, limits, e);
        archive_read_free(reader);
        return rc;
}
