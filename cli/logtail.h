/* cli/logtail.h: reading the log files of pods: all at once merged by time, or what was added.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include <stddef.h>

struct log_line {
        const char *pod, *time, *text; /* text without the line end */
        bool is_stderr;
        int64_t time_ns;
        size_t tail_index;
};
typedef void log_line_fn(void *arg, const struct log_line *line);

struct log_tail;
struct log_tails {
        struct log_tail **items;
        size_t n, cap;
        int inotify; /* with log_tails_watch; else 0 */
        struct event *event;
        loop_fn *grown;
        void *arg;
};
/* Known ones are left alone. */
void log_tails_add(struct log_tails *t, const char *data_dir, const char *uid, const char *node_id,
                   const char *container, const char *pod);
/* Whole lines that were not read yet, file by file. */
void log_tails_read(struct log_tails *t, log_line_fn *fn, void *arg);
/* The same, merged by time; `last` lines only unless negative. */
void log_tails_read_merged(struct log_tails *t, int64_t last, log_line_fn *fn, void *arg);
/* `grown` is called when a file of this workflow may have grown. */
int log_tails_watch(struct log_tails *t, struct loop *l, const char *data_dir, const char *uid,
                    loop_fn *grown, void *arg, struct err *e) MUST_CHECK;
void log_tails_deinit(struct log_tails *t);
