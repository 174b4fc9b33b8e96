/* tests/conformance/bus/bench.h: a bus of the driver under test on a clock that tests turn, and
 * small helpers. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include "tests/unit/unit.h"

struct bench {
        const char *driver;
        struct fake_clock clock;
        struct loop *loop;
        struct db *db;
        char *dir;
        struct bus *bus;
};
#define BENCH_START (INT64_C(1767225600) * NS_PER_S) /* 2026-01-01 */

void bench_open(struct bench *b,
                const struct bus_options *o); /* driver from the state of the group */
void bench_reopen(struct bench *b,
                  const struct bus_options *o); /* the bus object only; memory forgets */
void bench_close(struct bench *b);
void bench_advance_ms(struct bench *b, int64_t ms); /* and run what became due */
void bench_until(struct bench *b, const bool *done);
/* Runs the loop until everything that was submitted is answered and nothing more is delivered. */
void bench_quiet(struct bench *b);

struct stored {
        bool done;
        enum bus_outcome outcome;
        uint64_t pos;
        enum err_code code;
};
void on_stored(void *arg, enum bus_outcome outcome, uint64_t pos, const struct err *e);
struct bus_msg *message(struct bench *b, const char *subject, const char *id, const char *data);
struct stored append(struct bench *b, const char *subject, const char *id,
                     const char *data); /* waits */
struct stored append_dedup(struct bench *b, const char *subject, const char *id, const char *data);
void append_many(struct bench *b, const char *subject, size_t n,
                 size_t bytes); /* ids "<subject>-<i>" */

struct reader { /* a consumer that writes down what it gets: "1:id 2:id" */
        struct bus_consumer *c;
        struct buf log;
        uint64_t last;
        size_t n;
        bool commit;        /* as it comes */
        size_t largest;     /* batch */
        size_t close_after; /* close from inside the delivery once so many came; 0 never */
};
void reader_open(struct reader *r, struct bench *b, const struct bus_consumer_options *o);
void reader_close(struct reader *r);
struct done {
        bool done;
        enum err_code code;
};
void on_done(void *arg, const struct err *e);
void commit(struct bench *b, struct bus_consumer *c, uint64_t position); /* waits */
/* "key=value key=value" of a space. */
char *state_text(struct bench *b, const char *space, const char *prefix);
