/* common/bus/consumer.c: durable consumers: windows, subjects, pausing, over any driver that can
 * read by position.
 *
 * A consumer is a place up to which it has looked (`seen`), the positions it delivered and its
 * owner has not committed
 * (`out`), and a deferred task that delivers what fits. It runs when the tail moved, a commit made
 * room, or it was resumed; reading goes on in the next turn when there is more, so that a long
 * backlog never keeps the loop from its sockets. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/bus/bus_driver.h"
#include <stdlib.h>
#include <string.h>

enum {
        DEFAULT_WINDOW = 256,
        DEFAULT_WINDOW_BYTES = 32 << 20,
        TURN_MAX = 256,
        SCAN = 1024,
        NOTE_DISTANCE = 8192,
        RETRY_MS = 1000,
        LAG_EXACT = 10000
};

struct subject {
        uint32_t hash;
        char *name;
};
struct out { /* delivered, not committed */
        uint64_t pos, len;
};
struct bus_consumer {
        struct bus *bus;
        char *name;
        struct subject *subjects; /* sorted by hash; NULL: all */
        size_t n_subjects, window;
        bus_deliver_fn *deliver;
        void (*revoked)(void *arg);
        void *arg;
        uint64_t position; /* committed by the owner */
        uint64_t noted;    /* stored: the position, or further when nothing in between was ours */
        uint64_t seen;     /* looked at up to here */
        struct out *out;   /* ring of `window` */
        size_t out_first, n_out;
        uint64_t out_bytes, window_bytes;
        bool paused, delivering, closed;
        struct loop_task pump;
        struct loop_timer again;
        struct bus_consumer *next, **prev;
};

/* ---- subjects ---- */

static int by_hash(const void *a, const void *b)
{
        uint32_t x = ((const struct subject *)a)->hash, y = ((const struct subject *)b)->hash;
        return (x > y) - (x < y);
}

static void set_subjects(struct bus_consumer *c, const char *const *names)
{
        if (!names)
                return;
        while (names[c->n_subjects])
                c->n_subjects++;
        c->subjects = mem_calloc(c->n_subjects + 1, sizeof(*c->subjects));
        for (size_t i = 0; i < c->n_subjects; i++)
                c->subjects[i] =
                        (struct subject){fnv1a32(names[i], strlen(names[i])), mem_strdup(names[i])};
        qsort(c->subjects, c->n_subjects, sizeof(*c->subjects), by_hash);
}

static bool wants(const struct bus_consumer *c, const struct bus_msg *m)
{
        if (!c->subjects)
                return true;
        size_t from = 0, to = c->n_subjects;
        while (from < to) {
                size_t mid = (from + to) / 2;
                if (c->subjects[mid].hash < m->subject_hash)
                        from = mid + 1;
                else
                        to = mid;
        }
        for (; from < c->n_subjects && c->subjects[from].hash == m->subject_hash; from++)
                if (streq(c->subjects[from].name, m->subject))
                        return true;
        return false;
}

/* ---- delivering ---- */

struct load { /* what one turn delivers */
        struct bus_consumer *c;
        struct bus_msg *msgs[TURN_MAX];
        size_t n, room;
        uint64_t bytes;
};

/* One message always fits: a large one must not stop its consumer for ever. */
static bool has_room(const struct load *l)
{
        if (l->n >= l->room)
                return false;
        return l->c->out_bytes + l->bytes < l->c->window_bytes;
}

static void add(struct load *l, struct bus_msg *m)
{
        l->msgs[l->n++] = m;
        l->bytes += m->len;
}

static bool take(void *arg, struct bus_msg *m)
{
        struct load *l = arg;
        if (!wants(l->c, m)) {
                bus_msg_unref(m);
                return true;
        }
        add(l, m);
        return has_room(l);
}

static void load_from_ring(struct load *l)
{
        struct bus_consumer *c = l->c;
        struct bus_msg *m;
        while (has_room(l) && c->seen < c->bus->tail && (m = bus_ring_get(c->bus, c->seen + 1))) {
                c->seen++;
                if (wants(c, m))
                        add(l, bus_msg_ref(m));
        }
}

/* -1: the driver could not read; tried again later. */
static int load_from_driver(struct load *l)
{
        struct bus_consumer *c = l->c;
        struct err e = {0};
        uint64_t to = c->seen;
        if (c->bus->drv->read(c->bus, c->seen, SCAN, take, l, &to, &e) < 0) {
                log_error(log_root(), "the bus cannot be read; trying again",
                          F_STR("consumer", c->name), F_ERR(&e));
                err_clear(&e);
                timer_after_ms(c->bus->loop, &c->again, RETRY_MS);
                return -1;
        }
        c->seen = to;
        return 0;
}

static void remember_out(struct bus_consumer *c, const struct load *l)
{
        for (size_t i = 0; i < l->n; i++)
                c->out[(c->out_first + c->n_out++) % c->window] =
                        (struct out){l->msgs[i]->pos, l->msgs[i]->len};
        c->out_bytes += l->bytes;
}

static struct bus_consumer *consumer_free(struct bus_consumer *c)
{
        for (size_t i = 0; i < c->n_subjects; i++)
                mem_free(c->subjects[i].name);
        mem_free(c->subjects);
        mem_free(c->out);
        mem_free(c->name);
        mem_free(c);
        return NULL;
}

static void hand_out(struct bus_consumer *c, struct load *l)
{
        if (!l->n)
                return;
        remember_out(c, l);
        c->delivering = true;
        c->deliver(c->arg, l->msgs, l->n);
        c->delivering = false;
        for (size_t i = 0; i < l->n; i++)
                bus_msg_unref(l->msgs[i]);
}

/* A consumer of rare subjects would look as if it were far behind, to retention and after a
 * restart. */
static void note_progress(struct bus_consumer *c)
{
        if (c->n_out || c->seen < c->noted + NOTE_DISTANCE)
                return;
        c->noted = c->seen;
        bus_commit_submit(c->bus, NULL, c->name, c->seen, false, NULL, 0, NULL, NULL);
}

static void pump(void *arg)
{
        struct bus_consumer *c = arg;
        if (c->paused || c->n_out >= c->window || c->out_bytes >= c->window_bytes ||
            c->seen >= c->bus->tail || timer_armed(&c->again))
                return;
        struct load l = {.c = c, .room = c->window - c->n_out};
        if (l.room > TURN_MAX)
                l.room = TURN_MAX;
        load_from_ring(&l);
        int r = 0;
        if (has_room(&l) && c->seen < c->bus->tail)
                r = load_from_driver(&l);
        hand_out(c, &l);
        if (c->closed) {
                consumer_free(c);
                return;
        }
        if (r < 0)
                return;
        note_progress(c);
        if (c->seen < c->bus->tail)
                timer_after_ms(c->bus->loop, &c->again, 0);
}

void bus_consumer_pump_all(struct bus *b)
{
        for (struct bus_consumer *c = b->consumers; c; c = c->next)
                loop_defer(b->loop, &c->pump);
}

/* ---- delivering inside the transaction that stores ---- */

static bool is_at(const struct bus_consumer *c, uint64_t pos)
{
        return c->revoked && c->seen == pos && !c->paused && !timer_armed(&c->again);
}

bool bus_consumer_any_at(struct bus *b, uint64_t pos)
{
        for (struct bus_consumer *c = b->consumers; c; c = c->next)
                if (is_at(c, pos))
                        return true;
        return false;
}

void bus_consumer_pump_at(struct bus *b, uint64_t pos)
{
        struct bus_consumer *next;
        for (struct bus_consumer *c = b->consumers; c; c = next) {
                next = c->next;
                if (is_at(c, pos))
                        pump(c);
        }
}

void bus_consumer_revoke_from(struct bus *b, uint64_t pos)
{
        for (struct bus_consumer *c = b->consumers; c; c = c->next)
                if (c->seen >= pos) {
                        c->paused = true;
                        c->revoked(c->arg);
                }
}

/* ---- committing ---- */

void bus_commit(struct bus_consumer *c, uint64_t position, const struct bus_put *puts, size_t n,
                bus_commit_fn *done, void *arg)
{
        bus_commit_submit(c->bus, c, c->name, position, false, puts, n, done, arg);
}

void bus_consumer_committed(struct bus_consumer *c, uint64_t position)
{
        if (position <= c->position)
                return;
        c->position = position;
        if (c->noted < position)
                c->noted = position;
        while (c->n_out && c->out[c->out_first].pos <= position) {
                c->out_bytes -= c->out[c->out_first].len;
                c->out_first = (c->out_first + 1) % c->window;
                c->n_out--;
        }
        loop_defer(c->bus->loop, &c->pump);
}

/* ---- opening and closing ---- */

int bus_consume(struct bus_consumer **out, struct bus *b, const struct bus_consumer_options *o,
                bus_deliver_fn *deliver, void *arg, struct err *e)
{
        for (struct bus_consumer *c = b->consumers; c; c = c->next)
                if (streq(c->name, o->name))
                        return err_set(e, ERR_CONFLICT, "bus consumer %s is open already", o->name);
        uint64_t position;
        if (b->drv->open_consumer(b, o, &position, e) < 0)
                return err_wrap(e, "bus consumer %s", o->name);
        struct bus_consumer *c = NEW(struct bus_consumer);
        c->bus = b;
        c->name = mem_strdup(o->name);
        c->deliver = deliver;
        c->revoked = o->revoked;
        c->arg = arg;
        c->window = o->window ? o->window : DEFAULT_WINDOW;
        c->window_bytes = o->window_bytes ? o->window_bytes : DEFAULT_WINDOW_BYTES;
        c->position = c->noted = c->seen = position;
        c->out = mem_calloc(c->window, sizeof(*c->out));
        set_subjects(c, o->subjects);
        task_init(&c->pump, pump, c);
        timer_init(&c->again, pump, c);
        c->next = b->consumers;
        c->prev = &b->consumers;
        if (c->next)
                c->next->prev = &c->next;
        b->consumers = c;
        loop_defer(b->loop, &c->pump);
        *out = c;
        return 0;
}

struct bus_consumer *bus_consumer_close(struct bus_consumer *c)
{
        if (!c)
                return NULL;
        loop_undefer(c->bus->loop, &c->pump);
        timer_cancel(c->bus->loop, &c->again);
        *c->prev = c->next;
        if (c->next)
                c->next->prev = c->prev;
        bus_commit_forsake(c->bus, c);
        c->closed = true;
        return c->delivering ? NULL : consumer_free(c);
}

void bus_consumer_pause(struct bus_consumer *c)
{
        c->paused = true;
}

void bus_consumer_resume(struct bus_consumer *c)
{
        c->paused = false;
        loop_defer(c->bus->loop, &c->pump);
}

uint64_t bus_consumer_position(const struct bus_consumer *c)
{
        return c->position;
}

struct counting {
        struct bus_consumer *c;
        uint64_t n;
};

static bool count(void *arg, struct bus_msg *m)
{
        struct counting *k = arg;
        k->n += wants(k->c, m);
        bus_msg_unref(m);
        return true;
}

uint64_t bus_consumer_lag(struct bus_consumer *c)
{
        if (c->seen >= c->bus->tail)
                return 0;
        uint64_t distance = c->bus->tail - c->seen, to;
        struct counting k = {c, 0};
        if (distance > LAG_EXACT || !c->subjects)
                return distance;
        struct err e = {0};
        if (c->bus->drv->read(c->bus, c->seen, distance, count, &k, &to, &e) < 0) {
                err_clear(&e);
                return distance;
        }
        return k.n;
}
