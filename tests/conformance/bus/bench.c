/* tests/conformance/bus/bench.c: see bench.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/bus/bench.h"
#include "common/base/fs.h"

static void must(int r, struct err *e)
{
        if (r < 0)
                fail_msg("%s", err_msg(e));
}

static void open_bus(struct bench *b, const struct bus_options *o)
{
        struct err e = {0};
        if (b->db)
                must(bus_embedded(&b->bus, b->db, o, &e), &e);
        else
                must(bus_memory(&b->bus, b->loop, o, &e), &e);
}

void bench_open(struct bench *b, const struct bus_options *o)
{
        struct err e = {0};
        fake_clock_init(&b->clock, (struct wall){BENCH_START});
        must(loop_new(&b->loop, &b->clock.clock, &e), &e);
        if (streq(b->driver, "embedded")) {
                char dir[] = "/tmp/bus_suite.XXXXXX";
                assert_non_null(mkdtemp(dir));
                b->dir = mem_strdup(dir);
                AUTO(mem_free) char *path = fs_join(dir, "db");
                must(db_open(&b->db, b->loop, path, &(struct db_options){.unsafe_no_sync = true},
                             &e),
                     &e);
        }
        open_bus(b, o);
}

void bench_reopen(struct bench *b, const struct bus_options *o)
{
        b->bus = bus_close(b->bus);
        open_bus(b, o);
}

void bench_close(struct bench *b)
{
        struct err e = {0};
        b->bus = bus_close(b->bus);
        b->db = db_close(b->db);
        b->loop = loop_free(b->loop);
        if (b->dir)
                must(fs_remove_tree(b->dir, &e), &e);
        mem_free(b->dir);
        b->dir = NULL;
}

void bench_until(struct bench *b, const bool *done)
{
        if (!loop_run_until(b->loop, done, 20000))
                fail_msg("it did not happen");
}

static void flag(void *arg, const struct err *e UNUSED)
{
        *(bool *)arg = true;
}

void bench_quiet(struct bench *b)
{
        for (int i = 0; i < 3;
             i++) { /* a delivery may cause a commit, which makes room for a delivery */
                bool done = false;
                bus_put_state(b->bus, NULL, 0, flag, &done);
                bench_until(b, &done);
                loop_run_ready(b->loop);
        }
}

void bench_advance_ms(struct bench *b, int64_t ms)
{
        fake_clock_advance(&b->clock, ms * NS_PER_MS);
        loop_run_ready(b->loop);
        bench_quiet(b);
}

/* ---- appending ---- */

void on_stored(void *arg, enum bus_outcome outcome, uint64_t pos, const struct err *e)
{
        struct stored *s = arg;
        assert_false(s->done);
        *s = (struct stored){true, outcome, pos, e ? e->code : ERR_NONE};
}

struct bus_msg *message(struct bench *b, const char *subject, const char *id, const char *data)
{
        return bus_msg_new(subject, id, data, strlen(data), loop_wall(b->loop), false);
}

static struct stored append_taken(struct bench *b, struct bus_msg *m)
{
        struct stored s = {0};
        bus_append(b->bus, m, on_stored, &s);
        assert_false(s.done); /* never from inside the call */
        bus_msg_unref(m);
        bench_until(b, &s.done);
        return s;
}

struct stored append(struct bench *b, const char *subject, const char *id, const char *data)
{
        return append_taken(b, message(b, subject, id, data));
}

struct stored append_dedup(struct bench *b, const char *subject, const char *id, const char *data)
{
        struct bus_msg *m = message(b, subject, id, data);
        m->dedup = true;
        return append_taken(b, m);
}

void append_many(struct bench *b, const char *subject, size_t n, size_t bytes)
{
        struct stored *all = mem_calloc(n, sizeof(*all));
        char *data = mem_alloc(bytes + 1);
        memset(data, 'x', bytes);
        for (size_t i = 0; i < n; i++) {
                AUTO(mem_free) char *id = mem_printf("%s-%zu", subject, i);
                struct bus_msg *m = message(b, subject, id, data);
                bus_append(b->bus, m, on_stored, &all[i]);
                bus_msg_unref(m);
        }
        for (size_t i = 0; i < n; i++) {
                bench_until(b, &all[i].done);
                assert_int_equal(all[i].code, ERR_NONE);
        }
        mem_free(all);
        mem_free(data);
}

/* ---- reading ---- */

static void on_messages(void *arg, struct bus_msg *const *msgs, size_t n)
{
        struct reader *r = arg;
        assert_true(n > 0);
        if (n > r->largest)
                r->largest = n;
        for (size_t i = 0; i < n; i++) {
                assert_true(msgs[i]->pos > r->last);
                assert_int_equal(strlen(msgs[i]->data), msgs[i]->len);
                r->last = msgs[i]->pos;
                if (++r->n <= 100)
                        buf_addf(&r->log, "%s%s", r->log.len ? " " : "", msgs[i]->id);
        }
        if (r->close_after && r->n >= r->close_after)
                r->c = bus_consumer_close(r->c);
        else if (r->commit)
                bus_commit(r->c, r->last, NULL, 0, NULL, NULL);
}

void reader_open(struct reader *r, struct bench *b, const struct bus_consumer_options *o)
{
        struct err e = {0};
        r->log = BUF_INIT(1 << 20);
        must(bus_consume(&r->c, b->bus, o, on_messages, r, &e), &e);
        assert_int_equal(r->n, 0); /* not from inside the call */
}

void reader_close(struct reader *r)
{
        r->c = bus_consumer_close(r->c);
        buf_deinit(&r->log);
}

void on_done(void *arg, const struct err *e)
{
        struct done *d = arg;
        assert_false(d->done);
        *d = (struct done){true, e ? e->code : ERR_NONE};
}

void commit(struct bench *b, struct bus_consumer *c, uint64_t position)
{
        struct done d = {0};
        bus_commit(c, position, NULL, 0, on_done, &d);
        assert_false(d.done);
        bench_until(b, &d.done);
        assert_int_equal(d.code, ERR_NONE);
}

static bool add_state(void *arg, const char *key, const char *value, size_t len)
{
        struct buf *b = arg;
        assert_int_equal(strlen(value), len);
        buf_addf(b, "%s%s=%s", b->len ? " " : "", key, value);
        return true;
}

char *state_text(struct bench *b, const char *space, const char *prefix)
{
        struct buf text = BUF_INIT(1 << 20);
        struct err e = {0};
        buf_adds(&text, "");
        must(bus_state_each(b->bus, space, prefix, add_state, &text, &e), &e);
        return text.data ? buf_take(&text) : mem_strdup("");
}
