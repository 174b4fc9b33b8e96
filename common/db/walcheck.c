/* common/db/walcheck.c: is the write-ahead log damaged before its end? (INV-15)
 *
 * SQLite ends its recovery silently at the first frame that does not fit. That is right for the
 * last transaction, which a crash may have torn; it would be a silent loss if it happened earlier.
 * The two can be told apart: every transaction was synced before the next one wrote a frame. So
 * when a commit frame stands at or behind the first bad frame, and yet another frame of the same
 * generation behind that, the bad frame was durable once. Frames that a failed transaction left
 * behind have no commit mark, and opening begins a new generation. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/db/db_priv.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WAL_HEADER = 32, FRAME_HEADER = 24 };
#define WAL_MAGIC 0x377f0682u /* the lowest bit: checksums are big-endian */

struct wal {
        int fd;
        bool big_endian;
        uint32_t page_size, salt[2], sum[2];
        unsigned char *frame;
};

static uint32_t word(const unsigned char *p, bool big_endian)
{
        uint32_t w;
        memcpy(&w, p, sizeof(w));
        return big_endian ? be32toh(w) : le32toh(w);
}

static void add_sum(struct wal *w, const unsigned char *p, size_t n)
{
        for (; n >= 8; n -= 8, p += 8) {
                w->sum[0] += word(p, w->big_endian) + w->sum[1];
                w->sum[1] += word(p + 4, w->big_endian) + w->sum[0];
        }
}

/* 1: a log to look at; 0: empty, or its header never became durable, and with it nothing else. */
static int read_header(struct wal *w)
{
        unsigned char h[WAL_HEADER];
        if (pread(w->fd, h, sizeof(h), 0) != sizeof(h) || (word(h, true) & ~1u) != WAL_MAGIC)
                return 0;
        w->big_endian = word(h, true) & 1;
        w->page_size = word(h + 8, true);
        w->salt[0] = word(h + 16, true);
        w->salt[1] = word(h + 20, true);
        add_sum(w, h, 24);
        if (w->sum[0] != word(h + 24, true) || w->sum[1] != word(h + 28, true))
                return 0;
        return w->page_size >= 512 && w->page_size <= 65536;
}

static bool read_frame(struct wal *w, int64_t i)
{
        size_t n = FRAME_HEADER + w->page_size;
        return pread(w->fd, w->frame, n, WAL_HEADER + i * (off_t)n) == (ssize_t)n;
}

static bool of_this_generation(const struct wal *w)
{
        return word(w->frame + 8, true) == w->salt[0] && word(w->frame + 12, true) == w->salt[1] &&
               word(w->frame, true) != 0;
}

static bool is_commit(const struct wal *w)
{
        return word(w->frame + 4, true) != 0;
}

static bool fits(struct wal *w)
{
        if (!of_this_generation(w))
                return false;
        add_sum(w, w->frame, 8);
        add_sum(w, w->frame + FRAME_HEADER, w->page_size);
        return w->sum[0] == word(w->frame + 16, true) && w->sum[1] == word(w->frame + 20, true);
}

/* The first bad frame when transactions behind it were durable, else -1. */
static int64_t find_damage(struct wal *w)
{
        int64_t bad = 0;
        while (read_frame(w, bad) && fits(w))
                bad++;
        bool committed = false;
        for (int64_t i = bad; read_frame(w, i); i++) {
                if (!of_this_generation(w))
                        continue;
                if (committed)
                        return bad;
                committed = is_commit(w);
        }
        return -1;
}

int wal_check(const char *db_path, struct err *e)
{
        AUTO(mem_free) char *path = mem_printf("%s-wal", db_path);
        struct wal w = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
        if (w.fd < 0)
                return errno == ENOENT ? 0 : err_errno(e, errno, "open %s", path);
        int64_t bad = -1;
        if (read_header(&w)) {
                w.frame = mem_alloc(FRAME_HEADER + w.page_size);
                bad = find_damage(&w);
                mem_free(w.frame);
        }
        close(w.fd);
        if (bad < 0)
                return 0;
        return err_set(e, ERR_INVALID,
                       "%s is damaged at byte %lld, before its end: acknowledged changes behind it "
                       "would be lost. Keep a copy"
                       " of the folder and restore it from a backup, or accept the loss explicitly",
                       path, (long long)(WAL_HEADER + bad * (int64_t)(FRAME_HEADER + w.page_size)));
}
