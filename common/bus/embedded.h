/* common/bus/embedded.h: what the files of the embedded driver share. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/hash.h"
#include "common/bus/bus_driver.h"
#include "common/db/db.h"

struct append_item {
        struct bus_msg *m;
        bus_done_fn *done;
        void *arg;
        enum bus_outcome outcome;
        uint64_t pos;
};
struct append_op { /* the appends of one turn */
        struct db_op op;
        struct embedded *b;
        struct append_item *items;
        size_t n, cap;
        uint64_t
                offered; /* first position that consumers were offered before the commit; 0: none */
        struct append_op *next, **prev; /* those on their way */
};
struct embedded {
        struct bus bus;
        struct db *db;
        struct db_listener changed;
        struct append_op *gathering; /* may still take more, if db_op_open() */
        struct append_op *appends;   /* not answered */
        struct append_op *spare;     /* one is kept for reuse */
        size_t on_their_way; /* operations of all kinds: the memory stays until they are back */
        struct loop_timer trim;
        bool trimming;
};
static inline struct embedded *embedded_of(struct bus *b)
{
        return container_of(b, struct embedded, bus);
}
void embedded_op_begins(struct embedded *b);
void embedded_op_ends(struct embedded *b); /* may free b */

/* embedded_append.c */
void embedded_append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg);
void embedded_append_forsake(struct embedded *b);
/* Where a message is looked for by its id. */
int64_t embedded_dedup_key(const char *id);
/* What guards the bytes of a row; negative. */
static inline int64_t embedded_sum(const void *data, size_t n)
{
        return (int64_t)(sum64(data, n) | UINT64_C(1) << 63);
}
void embedded_append_op_free(struct append_op *a);

/* embedded_state.c: consumers, commits, state */
int embedded_put(struct db_tx *tx, const struct bus_put *p, struct err *e) MUST_CHECK;
int embedded_move_position(struct db_tx *tx, const char *name, uint64_t position,
                           struct err *e) MUST_CHECK;
void embedded_commit(struct bus *b, struct bus_commit *c);
int embedded_open_consumer(struct bus *b, const struct bus_consumer_options *o, uint64_t *position,
                           struct err *e);
int embedded_state_each(struct bus *b, const char *space, const char *prefix, bus_state_fn *each,
                        void *arg, struct err *e);
int embedded_spaces_each(struct bus *b, const char *prefix, bus_space_fn *each, void *arg,
                         struct err *e);
int embedded_consumers_each(struct bus *b, bus_consumer_fn *each, void *arg, struct err *e);

/* embedded_read.c */
int embedded_tail(struct db_tx *tx, uint64_t *pos, struct err *e) MUST_CHECK;
/* The first position whose `column` (time or cum: they grow with it) is at least `value`; tail + 1
 * when none is. */
int embedded_seek_time(struct db_tx *tx, int64_t time_ns, uint64_t *pos, struct err *e) MUST_CHECK;
int embedded_seek_cum(struct db_tx *tx, int64_t cum, uint64_t *pos, struct err *e) MUST_CHECK;
int embedded_read(struct bus *b, uint64_t after, size_t scan, bus_read_fn *each, void *arg,
                  uint64_t *to, struct err *e);
int embedded_messages(struct bus *b, const struct bus_query *q, bus_msg_fn *each, void *arg,
                      struct err *e);
int embedded_by_id(struct bus *b, const char *id, struct bus_msg **out, struct err *e);

/* embedded_trim.c */
void embedded_trim_start(struct embedded *b);
