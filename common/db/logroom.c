/* common/db/logroom.c: the write-ahead log gets its length at once.
 *
 * While a file grows, each sync also writes its new length into the file system's own journal,
 * which costs twice as much as the data. A log that has been copied back once is overwritten from
 * its start and has that behind it; a new one is filled with zeros, which no reader takes for
 * frames: neither SQLite (checksum) nor walcheck.c (generation). Nothing depends on it: where there
 * is no room, commits are slower. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/db/db_priv.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZEROS = 256 * 1024, FRAME = 4096 + 24, ROOM = (CHECKPOINT_FRAMES + 64) * FRAME };

static void fill(int fd)
{
        static const char zeros[ZEROS];
        struct stat st;
        if (fstat(fd, &st) < 0)
                return;
        for (off_t at = st.st_size; at < ROOM;) {
                ssize_t n = pwrite(fd, zeros, sizeof(zeros), at);
                if (n <= 0)
                        return;
                at += n;
        }
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* begin: the first commit waits */
}

int log_room(struct db_tx *tx, const char *db_path, struct err *e)
{
        AUTO(mem_free) char *path = mem_printf("%s-wal", db_path);
        if (conn_run(tx, "BEGIN IMMEDIATE", e) < 0) /* nobody else appends meanwhile */
                return -1;
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                fill(fd);
                close(fd);
        }
        return conn_run(tx, "ROLLBACK", e);
}
