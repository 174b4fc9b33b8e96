/* common/bus/bus_driver.h: for people who write bus drivers whose events stand in one numbered
 * order.
 *
 * The core (bus.c, consumer.c) does limits, windows, pausing, subjects, delivery; a driver stores,
 * reads and commits. A driver makes a struct that begins with struct bus, calls bus_init(), and
 * tells of progress by bus_stored() and bus_tail_moved(). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/bus/bus.h"

enum { BUS_RING = 1024, BUS_RING_BYTES = 1 << 20 };

struct bus_refusal;
struct bus {
        const struct bus_driver *drv;
        struct loop *loop;
        struct bus_options o;
        uint64_t tail;              /* newest position that may be read */
        size_t queued;              /* appends not answered ... */
        uint64_t queued_bytes;      /* ... and their data */
        struct bus_commit *commits; /* not answered */
        struct bus_consumer *consumers;
        struct bus_refusal *refusals, **refusals_end;
        struct loop_task refuse;
        /* The newest messages, so that consumers who keep up never read what this process has just
         * written. */
        struct bus_msg *ring[BUS_RING];
        uint64_t ring_first, ring_next; /* positions [first, next) */
        size_t ring_bytes;
        bool closed;
};

struct bus_commit { /* one allocation, strings included */
        struct bus *bus;
        struct bus_consumer *consumer; /* NULL: none, or closed meanwhile */
        const char *name;              /* of the consumer; NULL: puts only */
        uint64_t position;
        bool forget; /* remove the consumer instead */
        struct bus_put *puts;
        size_t n;
        bus_commit_fn *done;
        void *arg;
        struct bus_commit *next, **prev;
};

typedef bool bus_read_fn(void *arg,
                         struct bus_msg *m); /* m is referenced for the callee; false stops */
struct bus_driver {
        const char *name;
        void (*close)(struct bus *b); /* everything was answered; frees b when no operation is on
                                         its way any more */
        /* Owns the reference; answers with bus_append_answer(). */
        void (*append)(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg);
        void (*commit)(struct bus *b, struct bus_commit *c); /* answers with bus_commit_answer() */
        /* Find the position of a durable consumer, or make one. */
        int (*open_consumer)(struct bus *b, const struct bus_consumer_options *o,
                             uint64_t *position, struct err *e);
        /* Messages after `after`, at most `scan` positions. *to: the last position that was looked
         * at. */
        int (*read)(struct bus *b, uint64_t after, size_t scan, bus_read_fn *each, void *arg,
                    uint64_t *to, struct err *e);
        int (*state_each)(struct bus *b, const char *space, const char *prefix, bus_state_fn *each,
                          void *arg, struct err *e);
        int (*spaces_each)(struct bus *b, const char *prefix, bus_space_fn *each, void *arg,
                           struct err *e);
        int (*consumers_each)(struct bus *b, bus_consumer_fn *each, void *arg, struct err *e);
        int (*messages)(struct bus *b, const struct bus_query *q, bus_msg_fn *each, void *arg,
                        struct err *e);
        void (*patient)(struct bus *b, bool patient); /* NULL: no difference */
        int (*by_id)(struct bus *b, const char *id, struct bus_msg **out, struct err *e);
};

void bus_init(struct bus *b, const struct bus_driver *drv, struct loop *l,
              const struct bus_options *o);
void bus_deinit(struct bus *b);
/* `m` was stored at m->pos: remembered for consumers who keep up. */
void bus_stored(struct bus *b, struct bus_msg *m);
void bus_tail_moved(struct bus *b, uint64_t tail);
/* From inside the transaction that stores them: n messages, with positions, offered to consumers
 * who keep up and can take back. False: nobody took them; they are told of by bus_stored() after
 * the commit. Else the outcome is told by bus_offer_holds() or bus_take_back(). */
bool bus_offer(struct bus *b, struct bus_msg *const *m, size_t n);
void bus_offer_holds(struct bus *b);
void bus_take_back(struct bus *b, uint64_t from); /* positions from here on are not stored */
void bus_append_answer(struct bus *b, const struct bus_msg *m, bus_done_fn *done, void *arg,
                       enum bus_outcome outcome, uint64_t pos, const struct err *e);
void bus_commit_answer(struct bus_commit *c, const struct err *e); /* frees it */

/* between bus.c and consumer.c */
void bus_consumer_pump_all(struct bus *b);
/* Those who have seen everything before `pos`, and can take back: is there one; deliver to them. */
bool bus_consumer_any_at(struct bus *b, uint64_t pos);
void bus_consumer_pump_at(struct bus *b, uint64_t pos);
void bus_consumer_revoke_from(struct bus *b, uint64_t pos);
void bus_consumer_committed(struct bus_consumer *c, uint64_t position);
void bus_commit_submit(struct bus *b, struct bus_consumer *c, const char *name, uint64_t position,
                       bool forget, const struct bus_put *puts, size_t n, bus_commit_fn *done,
                       void *arg);
void bus_commit_forsake(struct bus *b,
                        struct bus_consumer *c); /* answer its commits (NULL: all) with TIMEOUT */
struct bus_msg *bus_ring_get(struct bus *b, uint64_t pos); /* borrowed, or NULL */
