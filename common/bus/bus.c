/* common/bus/bus.c: what all drivers share: messages, limits, commits on their way, the ring of
 * newest messages. SPDX-License-Identifier: Apache-2.0 */
#include "common/bus/bus.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/bus/bus_driver.h"
#include <assert.h>
#include <string.h>

/* ---- messages ---- */

static const char *place(char **at, const void *data, size_t n)
{
        char *p = *at;
        if (n)
                memcpy(p, data, n);
        p[n] = '\0';
        *at += n + 1;
        return p;
}

struct bus_msg *bus_msg_new(const char *subject, const char *id, const void *data, size_t len,
                            struct wall time, bool dedup)
{
        size_t subject_len = strlen(subject), id_len = strlen(id);
        struct bus_msg *m = mem_realloc(NULL, 1, sizeof(*m) + subject_len + id_len + len + 3);
        *m = (struct bus_msg){.time = time, .len = len, .dedup = dedup, .refs = 1};
        m->subject_hash = fnv1a32(subject, subject_len);
        char *at = (char *)(m + 1);
        m->subject = place(&at, subject, subject_len);
        m->id = place(&at, id, id_len);
        m->data = place(&at, data, len);
        return m;
}

struct bus_msg *bus_msg_ref(struct bus_msg *m)
{
        m->refs++;
        return m;
}

struct bus_msg *bus_msg_unref(struct bus_msg *m)
{
        if (m && --m->refs == 0)
                mem_free(m);
        return NULL;
}

/* ---- appending ---- */

struct bus_refusal {
        struct bus_refusal *next;
        bus_done_fn *done;
        void *arg;
};

static void run_refusals(void *arg)
{
        struct bus *b = arg;
        struct bus_refusal *r = b->refusals, *next;
        b->refusals = NULL;
        b->refusals_end = &b->refusals;
        struct err e = {0};
        err_set(&e, ERR_UNAVAILABLE, "the bus has %zu events (%llu bytes) that are not stored yet",
                b->queued, (unsigned long long)b->queued_bytes);
        for (; r; r = next) {
                next = r->next;
                r->done(r->arg, BUS_STORED, 0, &e);
                mem_free(r);
        }
        err_clear(&e);
}

static bool has_room(const struct bus *b, const struct bus_msg *m)
{
        if (!b->queued)
                return true;
        return b->queued < b->o.max_queue && b->queued_bytes + m->len <= b->o.max_queue_bytes;
}

void bus_append_answer(struct bus *b, const struct bus_msg *m, bus_done_fn *done, void *arg,
                       enum bus_outcome outcome, uint64_t pos, const struct err *e)
{
        b->queued--;
        b->queued_bytes -= m->len;
        done(arg, outcome, pos, e);
}

void bus_append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg)
{
        if (has_room(b, m)) {
                b->queued++;
                b->queued_bytes += m->len;
                b->drv->append(b, bus_msg_ref(m), done, arg);
                return;
        }
        struct bus_refusal *r = NEW(struct bus_refusal);
        *r = (struct bus_refusal){NULL, done, arg};
        *b->refusals_end = r;
        b->refusals_end = &r->next;
        loop_defer(b->loop, &b->refuse);
}

size_t bus_queue_length(const struct bus *b)
{
        return b->queued;
}

/* ---- the ring ---- */

static void ring_drop(struct bus *b)
{
        struct bus_msg **slot = &b->ring[b->ring_first++ % BUS_RING];
        b->ring_bytes -= (*slot)->len;
        *slot = bus_msg_unref(*slot);
}

static void ring_clear(struct bus *b)
{
        while (b->ring_first < b->ring_next)
                ring_drop(b);
}

void bus_stored(struct bus *b, struct bus_msg *m)
{
        if (!b->consumers)
                return ring_clear(b);
        if (m->pos != b->ring_next) { /* another process stored something in between */
                ring_clear(b);
                b->ring_first = b->ring_next = m->pos;
        }
        while (b->ring_next - b->ring_first >= BUS_RING ||
               (b->ring_first < b->ring_next && b->ring_bytes + m->len > BUS_RING_BYTES))
                ring_drop(b);
        b->ring[b->ring_next++ % BUS_RING] = bus_msg_ref(m);
        b->ring_bytes += m->len;
}

bool bus_offer(struct bus *b, struct bus_msg *const *m, size_t n)
{
        size_t bytes = 0;
        for (size_t i = 0; i < n; i++)
                bytes += m[i]->len;
        if (!n || n >= BUS_RING || bytes >= BUS_RING_BYTES || m[0]->pos != b->tail + 1 ||
            !bus_consumer_any_at(b, b->tail))
                return false;
        uint64_t before = b->tail;
        for (size_t i = 0; i < n; i++)
                bus_stored(b, m[i]);
        b->tail = m[n - 1]->pos;
        bus_consumer_pump_at(b, before);
        return true;
}

void bus_offer_holds(struct bus *b)
{
        bus_consumer_pump_all(b); /* those who were not at the end then */
}

void bus_take_back(struct bus *b, uint64_t from)
{
        while (b->ring_next > b->ring_first && b->ring_next > from) {
                struct bus_msg **slot = &b->ring[--b->ring_next % BUS_RING];
                b->ring_bytes -= (*slot)->len;
                *slot = bus_msg_unref(*slot);
        }
        if (b->tail >= from)
                b->tail = from - 1;
        bus_consumer_revoke_from(b, from);
}

struct bus_msg *bus_ring_get(struct bus *b, uint64_t pos)
{
        return pos >= b->ring_first && pos < b->ring_next ? b->ring[pos % BUS_RING] : NULL;
}

void bus_tail_moved(struct bus *b, uint64_t tail)
{
        if (tail <= b->tail)
                return;
        b->tail = tail;
        bus_consumer_pump_all(b);
}

/* ---- commits ---- */

static size_t put_size(const struct bus_put *p)
{
        return strlen(p->space) + strlen(p->key) + p->len + 3;
}

static struct bus_commit *commit_new(const char *name, const struct bus_put *puts, size_t n)
{
        size_t name_len = name ? strlen(name) : 0;
        size_t size = sizeof(struct bus_commit) + n * sizeof(*puts) + name_len + 1;
        for (size_t i = 0; i < n; i++)
                size += put_size(&puts[i]);
        struct bus_commit *c = mem_alloc(size);
        c->puts = (struct bus_put *)(c + 1);
        c->n = n;
        char *at = (char *)(c->puts + n);
        c->name = name ? place(&at, name, name_len) : NULL;
        for (size_t i = 0; i < n; i++) {
                c->puts[i].space = place(&at, puts[i].space, strlen(puts[i].space));
                c->puts[i].key = place(&at, puts[i].key, strlen(puts[i].key));
                c->puts[i].len = puts[i].value ? puts[i].len : 0;
                c->puts[i].value = puts[i].value ? place(&at, puts[i].value, puts[i].len) : NULL;
        }
        return c;
}

void bus_commit_submit(struct bus *b, struct bus_consumer *consumer, const char *name,
                       uint64_t position, bool forget, const struct bus_put *puts, size_t n,
                       bus_commit_fn *done, void *arg)
{
        struct bus_commit *c = commit_new(name, puts, n);
        c->bus = b;
        c->consumer = consumer;
        c->position = position;
        c->forget = forget;
        c->done = done;
        c->arg = arg;
        c->next = b->commits;
        c->prev = &b->commits;
        if (c->next)
                c->next->prev = &c->next;
        b->commits = c;
        b->drv->commit(b, c);
}

/* The owner of the commit is told; the commit itself may still be on its way. */
static void tell(struct bus_commit *c, const struct err *e)
{
        bus_commit_fn *done = TAKE(c->done);
        if (done)
                done(c->arg, e);
}

void bus_commit_answer(struct bus_commit *c, const struct err *e)
{
        *c->prev = c->next;
        if (c->next)
                c->next->prev = c->prev;
        if (c->consumer && !e)
                bus_consumer_committed(c->consumer, c->position);
        if (e && !c->done && c->name && !c->bus->closed)
                log_warn(log_root(), "a consumer's place on the bus was not stored",
                         F_STR("consumer", c->name), F_ERR(e));
        tell(c, e);
        mem_free(c);
}

void bus_commit_forsake(struct bus *b, struct bus_consumer *consumer)
{
        struct err e = {0};
        err_set(&e, ERR_TIMEOUT, "closing; whether this was committed is unknown");
        for (struct bus_commit *c = b->commits; c; c = c->next)
                if (!consumer || c->consumer == consumer) {
                        c->consumer = NULL;
                        tell(c, &e);
                }
        err_clear(&e);
}

void bus_put_state(struct bus *b, const struct bus_put *puts, size_t n, bus_commit_fn *done,
                   void *arg)
{
        bus_commit_submit(b, NULL, NULL, 0, false, puts, n, done, arg);
}

void bus_consumer_forget(struct bus *b, const char *name)
{
        bus_commit_submit(b, NULL, name, 0, true, NULL, 0, NULL, NULL);
}

/* ---- opening, closing, reading ---- */

void bus_init(struct bus *b, const struct bus_driver *drv, struct loop *l,
              const struct bus_options *o)
{
        b->drv = drv;
        b->loop = l;
        if (o)
                b->o = *o;
        if (!b->o.max_queue)
                b->o.max_queue = 8192;
        if (!b->o.max_queue_bytes)
                b->o.max_queue_bytes = UINT64_C(64) << 20;
        if (!b->o.dedup_window_ms)
                b->o.dedup_window_ms = INT64_C(24) * 3600 * 1000;
        if (!b->o.retain_ms)
                b->o.retain_ms = INT64_C(168) * 3600 * 1000;
        if (!b->o.retain_bytes)
                b->o.retain_bytes = UINT64_C(1) << 30;
        b->refusals_end = &b->refusals;
        task_init(&b->refuse, run_refusals, b);
}

void bus_deinit(struct bus *b)
{
        assert(!b->commits && !b->refusals);
        ring_clear(b);
}

struct bus *bus_close(struct bus *b)
{
        if (!b)
                return NULL;
        while (b->consumers)
                bus_consumer_close(b->consumers);
        if (b->refusals)
                run_refusals(b);
        loop_undefer(b->loop, &b->refuse);
        bus_commit_forsake(b, NULL);
        b->closed = true;
        b->drv->close(b);
        return NULL;
}

struct loop *bus_loop(struct bus *b)
{
        return b->loop;
}

int bus_state_each(struct bus *b, const char *space, const char *key_prefix, bus_state_fn *each,
                   void *arg, struct err *e)
{
        return b->drv->state_each(b, space, key_prefix ? key_prefix : "", each, arg, e);
}

int bus_spaces_each(struct bus *b, const char *prefix, bus_space_fn *each, void *arg, struct err *e)
{
        return b->drv->spaces_each(b, prefix ? prefix : "", each, arg, e);
}

int bus_consumers_each(struct bus *b, bus_consumer_fn *each, void *arg, struct err *e)
{
        return b->drv->consumers_each(b, each, arg, e);
}

int bus_messages(struct bus *b, const struct bus_query *q, bus_msg_fn *each, void *arg,
                 struct err *e)
{
        struct bus_query all = q ? *q : (struct bus_query){0};
        if (!all.limit)
                all.limit = 100;
        return b->drv->messages(b, &all, each, arg, e);
}

int bus_message_by_id(struct bus *b, const char *id, struct bus_msg **out, struct err *e)
{
        if (strlen(id) < 6)
                return err_set(e, ERR_INVALID, "event id %s: give at least 6 characters", id);
        return b->drv->by_id(b, id, out, e);
}

void bus_patient(struct bus *b, bool patient)
{
        if (b->drv->patient)
                b->drv->patient(b, patient);
}
