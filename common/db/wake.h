/* common/db/wake.h: several processes on one database file: they take turns to write, and wake each
 * other.
 *
 * All of it stands on `<file>-wake` and its open-file-description locks, which the kernel drops
 * when a process dies: byte 0    presence: everyone holds a read lock; a writer that finds nobody
 * else skips the waking byte 1, 2 the turnstile: wait holding 1 for 2, then let go of 1: whoever
 * just wrote queues behind those who wait byte 8+i  slot i is taken; at offset 8*i stands its
 * owner's count of commits A commit bumps the own slot; the write makes inotify fire in the others,
 * who compare the slots of others. Threads: wake_turn_* and wake_tell on the committer, the rest on
 * the loop. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"

struct wake;
/* on_foreign: some other process committed. read_only: takes no slot, may look at a folder it
 * cannot write. A writer holds the turn when this returns, so that it can look after the file
 * before anybody else writes; it ends it with wake_turn_end(). */
int wake_open(struct wake **out, struct loop *l, const char *db_path, bool read_only,
              loop_fn *on_foreign, void *arg, struct err *e) MUST_CHECK;
bool wake_first_writer(struct wake *w); /* no other writer has the file open at this moment */
struct wake *wake_close(struct wake *w);
AUTO_DEFINE(wake_close, struct wake *);
bool wake_alone(struct wake *w); /* no other opener at this moment */
int wake_turn_begin(struct wake *w,
                    struct err *e) MUST_CHECK; /* blocks until it is our turn to write */
void wake_turn_end(struct wake *w);
void wake_tell(struct wake *w); /* after a commit */
