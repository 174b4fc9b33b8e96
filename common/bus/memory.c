/* common/bus/memory.c: the bus in memory: for tests, and for trying things out. It keeps what the
 * embedded driver keeps, answers as late (at the end of the turn), and forgets all of it when
 * closed. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/table.h"
#include "common/bus/bus_driver.h"
#include <stdlib.h>
#include <string.h>

enum { TRIM_EVERY_MS = 60000 };

struct entry { /* state, in order of (space, key) */
        char *space, *key, *value;
        size_t len;
};
struct known { /* a durable consumer */
        char *name;
        uint64_t position;
        UT_hash_handle hh;
};
struct seen { /* for de-duplication */
        char *key;
        uint64_t pos, content;
        int64_t at_ns;
        UT_hash_handle hh;
};
struct job { /* answered at the end of the turn */
        struct job *next;
        struct bus_msg *m;
        bus_done_fn *done;
        void *arg;
        struct bus_commit *commit;
};
struct memory {
        struct bus bus;
        struct bus_msg **msgs; /* positions first .. first + n - 1 */
        size_t n, cap;
        uint64_t first, bytes;
        struct entry *entries;
        size_t n_entries, cap_entries;
        struct known *consumers;
        struct seen *seen;
        struct job *jobs, **jobs_end;
        struct loop_task run;
        struct loop_timer trim;
};

static struct memory *memory_of(struct bus *b)
{
        return container_of(b, struct memory, bus);
}

/* ---- state ---- */

static int compare_entry(const struct entry *x, const char *space, const char *key)
{
        int c = strcmp(x->space, space);
        return c ? c : strcmp(x->key, key);
}

static size_t lower_bound(const struct memory *m, const char *space, const char *key)
{
        size_t from = 0, to = m->n_entries;
        while (from < to) {
                size_t mid = (from + to) / 2;
                if (compare_entry(&m->entries[mid], space, key) < 0)
                        from = mid + 1;
                else
                        to = mid;
        }
        return from;
}

static void entry_deinit(struct entry *x)
{
        mem_free(x->space);
        mem_free(x->key);
        mem_free(x->value);
}

static void put(struct memory *m, const struct bus_put *p)
{
        size_t i = lower_bound(m, p->space, p->key);
        bool there = i < m->n_entries && compare_entry(&m->entries[i], p->space, p->key) == 0;
        if (there)
                entry_deinit(&m->entries[i]);
        if (!p->value) {
                if (there)
                        memmove(&m->entries[i], &m->entries[i + 1],
                                (--m->n_entries - i) * sizeof(*m->entries));
                return;
        }
        if (!there) {
                mem_grow(m->entries, m->cap_entries, m->n_entries + 1);
                memmove(&m->entries[i + 1], &m->entries[i],
                        (m->n_entries++ - i) * sizeof(*m->entries));
        }
        m->entries[i] = (struct entry){mem_strdup(p->space), mem_strdup(p->key),
                                       mem_realloc(NULL, 1, p->len + 1), p->len};
        memcpy(m->entries[i].value, p->value, p->len);
        m->entries[i].value[p->len] = '\0';
}

static void drop_space(struct memory *m, const char *space)
{
        size_t i;
        while ((i = lower_bound(m, space, "")) < m->n_entries && streq(m->entries[i].space, space))
                put(m, &(struct bus_put){space, m->entries[i].key, NULL, 0});
}

static int memory_state_each(struct bus *b, const char *space, const char *prefix,
                             bus_state_fn *each, void *arg, struct err *e UNUSED)
{
        struct memory *m = memory_of(b);
        for (size_t i = lower_bound(m, space, prefix); i < m->n_entries; i++) {
                const struct entry *x = &m->entries[i];
                if (!streq(x->space, space) || !str_starts(x->key, prefix) ||
                    !each(arg, x->key, x->value, x->len))
                        break;
        }
        return 0;
}

static int memory_spaces_each(struct bus *b, const char *prefix, bus_space_fn *each, void *arg,
                              struct err *e UNUSED)
{
        struct memory *m = memory_of(b);
        const char *last = NULL;
        for (size_t i = lower_bound(m, prefix, "");
             i < m->n_entries && str_starts(m->entries[i].space, prefix); i++) {
                if (!streq(last, m->entries[i].space) && !each(arg, m->entries[i].space))
                        break;
                last = m->entries[i].space;
        }
        return 0;
}

/* ---- consumers and retention ---- */

static struct known *known(struct memory *m, const char *name, bool make)
{
        struct known *k;
        HASH_FIND_STR(m->consumers, name, k);
        if (!k && make) {
                k = NEW(struct known);
                k->name = mem_strdup(name);
                HASH_ADD_KEYPTR(hh, m->consumers, k->name, strlen(k->name), k);
        }
        return k;
}

static void known_free(struct memory *m, struct known *k)
{
        HASH_DEL(m->consumers, k);
        mem_free(k->name);
        mem_free(k);
}

static int memory_consumers_each(struct bus *b, bus_consumer_fn *each, void *arg,
                                 struct err *e UNUSED)
{
        for (struct known *k = memory_of(b)->consumers; k; k = k->hh.next)
                if (!each(arg, k->name, k->position))
                        break;
        return 0;
}

static int memory_open_consumer(struct bus *b, const struct bus_consumer_options *o,
                                uint64_t *position, struct err *e UNUSED)
{
        struct memory *m = memory_of(b);
        struct known *k = known(m, o->name, false);
        if (!k) {
                k = known(m, o->name, true);
                size_t i = 0;
                while (i < m->n && m->msgs[i]->time.ns < o->start_at.ns)
                        i++;
                k->position = m->first + i - 1;
        }
        *position = k->position;
        return 0;
}

static void expire(struct memory *m, struct known *k, uint64_t pos)
{
        AUTO(mem_free) char *space = mem_printf("expired/%s", k->name);
        AUTO(mem_free) char *key = mem_printf("%020llu", (unsigned long long)pos);
        put(m, &(struct bus_put){space, key, "{}", 2});
        k->position = pos;
}

/* The oldest message may go; false: somebody needs it and there is room. */
static bool may_drop(struct memory *m, const struct bus_msg *oldest)
{
        bool needed = false;
        for (struct known *k = m->consumers; k; k = k->hh.next)
                needed |= k->position < oldest->pos;
        if (needed)
                return m->bytes > 4 * m->bus.o.retain_bytes;
        int64_t age_ns = loop_wall(m->bus.loop).ns - oldest->time.ns;
        return m->bytes > m->bus.o.retain_bytes || age_ns > m->bus.o.retain_ms * NS_PER_MS;
}

static void trim(void *arg)
{
        struct memory *m = arg;
        size_t n = 0;
        for (; n + 1 < m->n && may_drop(m, m->msgs[n]); n++) {
                for (struct known *k = m->consumers; k; k = k->hh.next)
                        if (k->position < m->msgs[n]->pos)
                                expire(m, k, m->msgs[n]->pos);
                m->bytes -= m->msgs[n]->len;
                bus_msg_unref(m->msgs[n]);
        }
        m->first += n;
        m->n -= n;
        memmove(m->msgs, m->msgs + n, m->n * sizeof(struct bus_msg *));
        timer_after_ms(m->bus.loop, &m->trim, TRIM_EVERY_MS);
}

/* ---- appending ---- */

static struct seen *recognise(struct memory *m, const struct bus_msg *msg, uint64_t content)
{
        AUTO(mem_free) char *key = mem_printf("%s\n%s", msg->subject, msg->id);
        struct seen *s;
        HASH_FIND_STR(m->seen, key, s);
        if (s && msg->time.ns - s->at_ns <= m->bus.o.dedup_window_ms * NS_PER_MS)
                return s;
        if (!s) {
                s = NEW(struct seen);
                s->key = TAKE(key);
                HASH_ADD_KEYPTR(hh, m->seen, s->key, strlen(s->key), s);
        }
        *s = (struct seen){s->key, m->first + m->n, content, msg->time.ns, s->hh};
        return NULL;
}

static void record_conflict(struct memory *m, const struct bus_msg *msg)
{
        AUTO(mem_free) char *space = mem_printf("conflict/%s", msg->subject);
        put(m, &(struct bus_put){space, msg->id, msg->data, msg->len});
}

static enum bus_outcome store(struct memory *m, struct bus_msg *msg, uint64_t *pos)
{
        uint64_t content = msg->fingerprint ? msg->fingerprint : fnv1a64(msg->data, msg->len);
        struct seen *s = msg->dedup ? recognise(m, msg, content) : NULL;
        if (s) {
                *pos = s->pos;
                if (s->content == content)
                        return BUS_DUPLICATE;
                record_conflict(m, msg);
                return BUS_CONFLICT;
        }
        mem_grow(m->msgs, m->cap, m->n + 1);
        *pos = msg->pos = m->first + m->n;
        m->msgs[m->n++] = bus_msg_ref(msg);
        m->bytes += msg->len;
        bus_stored(&m->bus, msg);
        return BUS_STORED;
}

static void run_commit(struct memory *m, struct bus_commit *c)
{
        struct known *k = c->name ? known(m, c->name, !c->forget) : NULL;
        if (c->forget && k) {
                AUTO(mem_free) char *space = mem_printf("expired/%s", c->name);
                drop_space(m, space);
                known_free(m, k);
        } else if (k && k->position < c->position) {
                k->position = c->position;
        }
        for (size_t i = 0; i < c->n; i++)
                put(m, &c->puts[i]);
}

static void run_job(struct memory *m, struct job *j)
{
        if (j->commit) {
                run_commit(m, j->commit);
                bus_commit_answer(j->commit, NULL);
        } else {
                uint64_t pos;
                enum bus_outcome outcome = store(m, j->m, &pos);
                bus_append_answer(&m->bus, j->m, j->done, j->arg, outcome, pos, NULL);
                bus_msg_unref(j->m);
        }
        mem_free(j);
}

/* What callbacks submit waits for the next call, as it would with a committer. */
static void run_jobs(void *arg)
{
        struct memory *m = arg;
        struct job *j = m->jobs, *next;
        m->jobs = NULL;
        m->jobs_end = &m->jobs;
        for (; j; j = next) {
                next = j->next;
                run_job(m, j);
        }
        if (!m->bus.closed)
                bus_tail_moved(&m->bus, m->first + m->n - 1);
}

static void add_job(struct memory *m, struct job job)
{
        struct job *j = NEW(struct job);
        *j = job;
        *m->jobs_end = j;
        m->jobs_end = &j->next;
        loop_defer(m->bus.loop, &m->run);
}

static void memory_append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg)
{
        add_job(memory_of(b), (struct job){.m = m, .done = done, .arg = arg});
}

static void memory_commit(struct bus *b, struct bus_commit *c)
{
        add_job(memory_of(b), (struct job){.commit = c});
}

/* ---- reading ---- */

static int memory_read(struct bus *b, uint64_t after, size_t scan, bus_read_fn *each, void *arg,
                       uint64_t *to, struct err *e UNUSED)
{
        struct memory *m = memory_of(b);
        *to = after;
        uint64_t pos = after + 1 < m->first ? m->first : after + 1;
        for (; scan && pos < m->first + m->n; scan--, pos++) {
                *to = pos;
                if (!each(arg, bus_msg_ref(m->msgs[pos - m->first])))
                        break;
        }
        return 0;
}

static int memory_messages(struct bus *b, const struct bus_query *q, bus_msg_fn *each, void *arg,
                           struct err *e UNUSED)
{
        struct memory *m = memory_of(b);
        size_t left = q->limit;
        for (size_t i = m->n; i > 0 && left; i--) {
                const struct bus_msg *msg = m->msgs[i - 1];
                if ((q->before_pos && msg->pos >= q->before_pos) ||
                    (q->subject_prefix && !str_starts(msg->subject, q->subject_prefix)))
                        continue;
                left--;
                if (!each(arg, msg))
                        break;
        }
        return 0;
}

static int memory_by_id(struct bus *b, const char *id, struct bus_msg **out, struct err *e)
{
        struct memory *m = memory_of(b);
        struct bus_msg *found = NULL;
        size_t n = 0;
        for (size_t i = m->n; i > 0; i--) {
                struct bus_msg *msg = m->msgs[i - 1];
                if (streq(msg->id, id)) {
                        found = msg;
                        n = 1;
                        break;
                }
                if (str_starts(msg->id, id)) {
                        found = msg;
                        n++;
                }
        }
        if (!found)
                return err_set(e, ERR_NOT_FOUND, "no event %s", id);
        if (n > 1)
                return err_set(e, ERR_INVALID, "%zu events begin with %s", n, id);
        *out = bus_msg_ref(found);
        return 0;
}

/* ---- opening and closing ---- */

static void memory_close(struct bus *b)
{
        struct memory *m = memory_of(b);
        loop_undefer(b->loop, &m->run);
        timer_cancel(b->loop, &m->trim);
        while (m->jobs)
                run_jobs(m);
        loop_undefer(b->loop, &m->run);
        bus_deinit(b);
        for (size_t i = 0; i < m->n; i++)
                bus_msg_unref(m->msgs[i]);
        for (size_t i = 0; i < m->n_entries; i++)
                entry_deinit(&m->entries[i]);
        struct known *k, *next_known;
        HASH_ITER (hh, m->consumers, k, next_known)
                known_free(m, k);
        struct seen *s, *next_seen;
        HASH_ITER (hh, m->seen, s, next_seen) {
                HASH_DEL(m->seen, s);
                mem_free(s->key);
                mem_free(s);
        }
        mem_free(m->msgs);
        mem_free(m->entries);
        mem_free(m);
}

int bus_memory(struct bus **out, struct loop *l, const struct bus_options *o, struct err *e UNUSED)
{
        static const struct bus_driver driver = {
                .name = "memory",
                .close = memory_close,
                .append = memory_append,
                .commit = memory_commit,
                .open_consumer = memory_open_consumer,
                .read = memory_read,
                .state_each = memory_state_each,
                .spaces_each = memory_spaces_each,
                .consumers_each = memory_consumers_each,
                .messages = memory_messages,
                .by_id = memory_by_id,
        };
        struct memory *m = NEW(struct memory);
        bus_init(&m->bus, &driver, l, o);
        m->first = 1;
        m->jobs_end = &m->jobs;
        task_init(&m->run, run_jobs, m);
        timer_init(&m->trim, trim, m);
        timer_after_ms(l, &m->trim, TRIM_EVERY_MS);
        *out = &m->bus;
        return 0;
}
