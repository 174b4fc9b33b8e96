/* common/db/wake.c: see wake.h. A lone process pays one fcntl per commit for all this and never
 * touches inotify. SPDX-License-Identifier: Apache-2.0 */
#include "common/db/wake.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { BYTE_PRESENCE = 0, BYTE_QUEUE = 1, BYTE_WRITE = 2, BYTE_SLOT = 8, SLOTS = 256 };

struct wake {
        int fd, inotify_fd;
        int slot; /* -1: read-only */
        uint64_t count;
        uint64_t seen[SLOTS];
        struct event *ready;
        loop_fn *on_foreign;
        void *arg;
};

static int lock_byte(int fd, int cmd, short type, off_t byte)
{
        struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
        int r;
        do
                r = fcntl(fd, cmd, &lock);
        while (r < 0 && errno == EINTR && cmd == F_OFD_SETLKW);
        return r;
}

static void read_slots(struct wake *w, uint64_t now[SLOTS])
{
        memset(now, 0, SLOTS * sizeof(*now));
        ssize_t ignored = pread(w->fd, now, SLOTS * sizeof(*now), 0);
        (void)ignored; /* a short or empty file: nobody committed yet */
}

static void on_inotify(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct wake *w = arg;
        char events[4096];
        while (read(fd, events, sizeof(events)) > 0)
                ;
        uint64_t now[SLOTS];
        read_slots(w, now);
        bool foreign = false;
        for (int i = 0; i < SLOTS; i++)
                if (i != w->slot && now[i] != w->seen[i])
                        foreign = true;
        memcpy(w->seen, now, sizeof(now));
        if (foreign)
                w->on_foreign(w->arg);
}

static int take_slot(struct wake *w, const char *path, struct err *e)
{
        for (w->slot = 0; w->slot < SLOTS; w->slot++)
                if (lock_byte(w->fd, F_OFD_SETLK, F_WRLCK, BYTE_SLOT + w->slot) == 0)
                        return 0;
        return err_set(e, ERR_LIMIT, "%s: %d processes use this database already", path, SLOTS);
}

static int watch(struct wake *w, struct loop *l, const char *path, struct err *e)
{
        w->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->inotify_fd < 0 || inotify_add_watch(w->inotify_fd, path, IN_MODIFY) < 0)
                return err_errno(e, errno, "inotify on %s", path);
        w->ready = event_new(loop_base(l), w->inotify_fd, EV_READ | EV_PERSIST, on_inotify, w);
        event_add(w->ready, NULL);
        return 0;
}

static int join_writers(struct wake *w, const char *path, struct err *e)
{
        if (wake_turn_begin(w, e) < 0 || take_slot(w, path, e) < 0)
                return -1;
        /* so that a full disk cannot stop a later wake-up; if it is full already, one may come late
         */
        int ignored = posix_fallocate(w->fd, 0, sizeof(w->seen));
        (void)ignored;
        return 0;
}

static int join_others(struct wake *w, struct loop *l, const char *path, bool read_only,
                       struct err *e)
{
        if (!read_only && join_writers(w, path, e) < 0)
                return -1;
        if (lock_byte(w->fd, F_OFD_SETLK, F_RDLCK, BYTE_PRESENCE) < 0)
                return err_errno(e, errno, "lock %s", path);
        if (watch(w, l, path, e) < 0)
                return -1;
        read_slots(w, w->seen);
        if (w->slot >= 0) /* count on where the last owner of the slot stopped */
                w->count = w->seen[w->slot];
        return 0;
}

int wake_open(struct wake **out, struct loop *l, const char *db_path, bool read_only,
              loop_fn *on_foreign, void *arg, struct err *e)
{
        AUTO(mem_free) char *path = mem_printf("%s-wake", db_path);
        AUTO(wake_close) struct wake *w = NEW(struct wake);
        w->inotify_fd = w->slot = -1;
        w->on_foreign = on_foreign;
        w->arg = arg;
        w->fd = open(path, (read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0600);
        if (w->fd < 0 && !(read_only && errno == ENOENT))
                return err_errno(e, errno, "open %s", path);
        if (w->fd >= 0 && join_others(w, l, path, read_only, e) < 0)
                return -1;
        *out = TAKE(w);
        return 0;
}

struct wake *wake_close(struct wake *w)
{
        if (!w)
                return NULL;
        if (w->ready)
                event_free(w->ready);
        if (w->inotify_fd >= 0)
                close(w->inotify_fd);
        if (w->fd >= 0)
                close(w->fd);
        mem_free(w);
        return NULL;
}

static bool locked_by_others(struct wake *w, off_t from, off_t n)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = n};
        return fcntl(w->fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool wake_alone(struct wake *w)
{
        return !locked_by_others(w, BYTE_PRESENCE, 1);
}

bool wake_first_writer(struct wake *w)
{
        return !locked_by_others(w, BYTE_SLOT, SLOTS);
}

int wake_turn_begin(struct wake *w, struct err *e)
{
        if (lock_byte(w->fd, F_OFD_SETLKW, F_WRLCK, BYTE_QUEUE) < 0)
                return err_errno(e, errno, "queueing to write");
        int r = lock_byte(w->fd, F_OFD_SETLKW, F_WRLCK, BYTE_WRITE);
        int why = errno;
        lock_byte(w->fd, F_OFD_SETLK, F_UNLCK, BYTE_QUEUE);
        return r < 0 ? err_errno(e, why, "waiting for our turn to write") : 0;
}

void wake_turn_end(struct wake *w)
{
        lock_byte(w->fd, F_OFD_SETLK, F_UNLCK, BYTE_WRITE);
}

void wake_tell(struct wake *w)
{
        if (wake_alone(w))
                return;
        w->count++;
        ssize_t ignored =
                pwrite(w->fd, &w->count, sizeof(w->count), w->slot * (off_t)sizeof(w->count));
        (void)ignored;
}
