/* common/bus/bus.h: durable events: bytes, a subject and an id, in one order.
 *
 * The bus knows nothing of sensors: joins, conditions and resets belong to them. A named durable
 * consumer reads in order, in windows, and commits (position, state puts) in one transaction: state
 * puts carry condition state, firing intents, traces, dead letters, whatever its owner wants to
 * move together with its position. Full or slow is back-pressure, never a silent drop. Retention
 * never passes the slowest consumer without a record in the state space "expired/<consumer>" and a
 * metric. De-duplication: a message with `dedup` set is recognised within the window (default 24 h)
 * per subject by its id; the same id with different content is recorded in the state space
 * "conflict/<subject>" and not stored (the stored one stands). Drivers: memory (tests), embedded
 * (db.h). redis, kafka, jetstream follow. Threads: the loop's. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/loop.h"
#include "common/base/str.h"

struct bus;
struct db;

struct bus_msg {             /* immutable, refcounted from ingest to ack */
        uint64_t pos;        /* place in the bus, from 1; 0 before it is stored */
        struct wall time;    /* when it was accepted */
        const char *subject; /* "<eventSource>.<eventName>" */
        const char *id;      /* event id, unique per subject */
        const char *data;    /* a CloudEvent in structured JSON, as it goes over every bus;
                                NUL-terminated */
        size_t len;
        bool dedup;           /* id comes from upstream: recognise redeliveries */
        uint64_t fingerprint; /* what "the same content" means when an id comes twice: the producer
                                 sets a hash of the payload as upstream sent it (the envelope
                                 differs by its time, a webhook by its headers); 0: hash of data */
        int refs;             /* private from here */
        uint32_t subject_hash;
};
/* One allocation; strings are copied. */
struct bus_msg *bus_msg_new(const char *subject, const char *id, const void *data, size_t len,
                            struct wall time, bool dedup);
struct bus_msg *bus_msg_ref(struct bus_msg *m);
struct bus_msg *bus_msg_unref(struct bus_msg *m);
AUTO_DEFINE(bus_msg_unref, struct bus_msg *);

struct bus_options {              /* zeros mean the defaults */
        uint64_t max_queue;       /* appends not yet durable (default 8192) ... */
        uint64_t max_queue_bytes; /* ... and their data (default 64 MiB); more are refused with
                                     UNAVAILABLE, but never a lone one */
        int64_t dedup_window_ms;  /* default 24 h */
        int64_t retain_ms;        /* consumed events kept for `events list` (default 168 h) */
        uint64_t retain_bytes; /* and at most this much (default 1 GiB); not consumed: at most four
                                  times this */
};
int bus_memory(struct bus **out, struct loop *l, const struct bus_options *o,
               struct err *e) MUST_CHECK;
/* The db must outlive the bus. */
int bus_embedded(struct bus **out, struct db *db, const struct bus_options *o,
                 struct err *e) MUST_CHECK;
/* Closes its consumers. What is not answered yet is answered with TIMEOUT: the outcome is unknown
 * to us. */
struct bus *bus_close(struct bus *b);
AUTO_DEFINE(bus_close, struct bus *);
struct loop *bus_loop(struct bus *b);

enum bus_outcome { BUS_STORED, BUS_DUPLICATE, BUS_CONFLICT };
/* `e` NULL: durable (or recognised; see outcome; pos is the stored one's). Otherwise nothing was
 * stored. */
typedef void bus_done_fn(void *arg, enum bus_outcome outcome, uint64_t pos, const struct err *e);
/* Takes its own reference. `done` comes later, never from inside the call. */
void bus_append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg);
/* Appends not answered yet: a source pauses before it is refused. */
size_t bus_queue_length(const struct bus *b);

struct bus_consumer;
struct bus_consumer_options {
        const char *name;            /* durable: "sensor/<namespace>/<name>/<uid>" */
        const char *const *subjects; /* exact subjects, NULL-terminated; NULL = all */
        struct wall start_at; /* where a NEW consumer begins: the first message accepted at or
                                 after; 0 = the oldest */
        /* NULL, or: the consumer can take back. Then a message may be delivered inside the
         * transaction that stores it, so that what the consumer commits at once shares its sync.
         * Called when that transaction failed: what was made of messages since the last committed
         * position must be forgotten; the consumer delivers nothing any more and is to be closed.
         */
        void (*revoked)(void *arg);
        size_t window;         /* messages delivered and not yet committed (default 256) ... */
        uint64_t window_bytes; /* ... and their data, beyond the first (default 32 MiB) */
};
/* In order; the callee refs what it keeps. Called from the loop, not from inside bus_consume. */
typedef void bus_deliver_fn(void *arg, struct bus_msg *const *msgs, size_t n);
/* Continues behind its last commit, or is made durable. CONFLICT when the name is in use on this
 * bus object. May block a moment for commits that are on their way. */
int bus_consume(struct bus_consumer **out, struct bus *b, const struct bus_consumer_options *o,
                bus_deliver_fn *deliver, void *arg, struct err *e) MUST_CHECK;
/* The position stays. Outstanding commits are answered with TIMEOUT from inside the call; they
 * still happen, before anything submitted later. */
struct bus_consumer *bus_consumer_close(struct bus_consumer *c);
AUTO_DEFINE(bus_consumer_close, struct bus_consumer *);
/* A consumer that was closed for ever must not hold back retention. Forgets its position and its
 * "expired/" records; other state is its owner's. */
typedef void bus_commit_fn(void *arg, const struct err *e);
void bus_consumer_forget(struct bus *b, const char *name);
void bus_consumer_pause(struct bus_consumer *c); /* no more deliveries until resumed */
void bus_consumer_resume(struct bus_consumer *c);
uint64_t bus_consumer_position(const struct bus_consumer *c); /* last committed */
/* Messages not yet delivered: counted exactly up to 10,000 positions, beyond that the distance to
 * the end. */
uint64_t bus_consumer_lag(struct bus_consumer *c);

struct bus_put { /* state: (space, key) -> value; value NULL deletes. Borrowed for the call. */
        const char *space, *key, *value;
        size_t len;
};
typedef void bus_commit_fn(void *arg, const struct err *e);
/* Position (0 = unchanged; cumulative: everything up to it is done) and puts, in one transaction.
 * On the embedded bus this obeys the ORDER promise of db.h, so an idempotent effect on the same
 * database may be submitted right behind it. `done` may be NULL. */
void bus_commit(struct bus_consumer *c, uint64_t position, const struct bus_put *puts, size_t n,
                bus_commit_fn *done, void *arg);
/* What is committed or put while this is set is bookkeeping in no hurry: it may share a later
 * commit (db.h: db_patient). */
void bus_patient(struct bus *b, bool patient);
/* Puts without a consumer (a trigger's outcome): same transaction rules. */
void bus_put_state(struct bus *b, const struct bus_put *puts, size_t n, bus_commit_fn *done,
                   void *arg);

/* Blocking reads of state, for start-up and the CLI, in order of keys; they see every put submitted
 * before. `each` returning false stops; it must not call the bus. */
typedef bool bus_state_fn(void *arg, const char *key, const char *value, size_t len);
int bus_state_each(struct bus *b, const char *space, const char *key_prefix, bus_state_fn *each,
                   void *arg, struct err *e) MUST_CHECK;
/* Spaces that begin with the prefix, for the CLI. */
typedef bool bus_space_fn(void *arg, const char *space);
int bus_spaces_each(struct bus *b, const char *prefix, bus_space_fn *each, void *arg,
                    struct err *e) MUST_CHECK;
/* Durable consumers, open or not, with their committed positions, for the CLI. */
typedef bool bus_consumer_fn(void *arg, const char *name, uint64_t position);
int bus_consumers_each(struct bus *b, bus_consumer_fn *each, void *arg, struct err *e) MUST_CHECK;

/* Look at stored messages (events list, events show), newest first. Borrowed for the call. */
typedef bool bus_msg_fn(void *arg, const struct bus_msg *m);
struct bus_query {
        const char *subject_prefix; /* NULL: all */
        uint64_t before_pos;        /* 0: from the end; else older than this */
        size_t limit;               /* 0: 100 */
};
int bus_messages(struct bus *b, const struct bus_query *q, bus_msg_fn *each, void *arg,
                 struct err *e) MUST_CHECK;
/* By full id, or by a unique prefix of at least 6 characters; a reference. NOT_FOUND, or INVALID
 * when ambiguous. */
int bus_message_by_id(struct bus *b, const char *id, struct bus_msg **out,
                      struct err *e) MUST_CHECK;
