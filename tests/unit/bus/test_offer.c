/* tests/unit/bus/test_offer.c: messages that are delivered inside the transaction that stores them:
 * one sync for event and decision, and nothing of it stays when that comes to nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/str.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include "tests/unit/unit.h"

struct fixture {
        struct loop *loop;
        struct db *db;
        struct bus *bus;
        char *dir;
};
struct guest { /* an operation of the consumer's that always fails */
        struct db_op op;
        bool used, failed;
};
struct reader {
        struct fixture *f;
        struct bus_consumer *c;
        struct guest guest;
        char order[64]; /* d: delivered, c: committed, f: commit failed, r: revoked */
        bool revoked, committed, failed;
        bool spoil; /* the next delivery brings an operation that fails */
};
struct answer {
        struct reader *r;
        bool done;
        enum err_code code;
        uint64_t pos;
};

static void must(int r, struct err *e)
{
        if (r < 0)
                fail_msg("%s", err_msg(e));
}

static void open_it(struct fixture *f)
{
        struct err e = {0};
        struct db_options o = {.any_disk_is_fast = true};
        char dir[] = "/tmp/test_offer.XXXXXX";
        assert_non_null(mkdtemp(dir));
        *f = (struct fixture){.dir = mem_strdup(dir)};
        AUTO(mem_free) char *path = fs_join(dir, "db");
        must(loop_new(&f->loop, clock_system(), &e), &e);
        must(db_open(&f->db, f->loop, path, &o, &e), &e);
        must(bus_embedded(&f->bus, f->db, NULL, &e), &e);
}

static void close_it(struct fixture *f)
{
        struct err e = {0};
        bus_close(f->bus);
        db_close(f->db);
        loop_free(f->loop);
        must(fs_remove_tree(f->dir, &e), &e);
        mem_free(f->dir);
}

static void note(struct reader *r, char what)
{
        r->order[strlen(r->order)] = what;
}

static void on_committed(void *arg, const struct err *e)
{
        struct reader *r = arg;
        note(r, e ? 'f' : 'c');
        r->committed |= !e;
        r->failed |= e != NULL;
}

static int always_fails(struct db_tx *tx UNUSED, struct db_op *op UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "on purpose");
}

static void guest_done(struct db_op *op, const struct err *e)
{
        container_of(op, struct guest, op)->failed = e != NULL;
}

static void on_messages(void *arg, struct bus_msg *const *msgs, size_t n)
{
        struct reader *r = arg;
        note(r, 'd');
        struct bus_put put = {"space", msgs[n - 1]->id, "1", 1};
        bus_commit(r->c, msgs[n - 1]->pos, &put, 1, on_committed, r);
        if (r->spoil) {
                r->spoil = false;
                r->guest = (struct guest){{.work = always_fails, .done = guest_done}, .used = true};
                db_submit(r->f->db, &r->guest.op);
        }
}

static void on_revoked(void *arg)
{
        struct reader *r = arg;
        note(r, 'r');
        r->revoked = true;
}

static void read_from(struct reader *r, struct fixture *f, bool can_take_back)
{
        struct err e = {0};
        struct bus_consumer_options o = {.name = "reader",
                                         .revoked = can_take_back ? on_revoked : NULL};
        r->f = f;
        must(bus_consume(&r->c, f->bus, &o, on_messages, r, &e), &e);
        db_settle(f->db);
        loop_run_ready(f->loop); /* its first look at the bus is over */
}

static void on_stored(void *arg, enum bus_outcome outcome UNUSED, uint64_t pos, const struct err *e)
{
        struct answer *a = arg;
        note(a->r, 'a');
        a->done = true;
        a->code = e ? e->code : ERR_NONE;
        a->pos = pos;
}

static struct answer append(struct fixture *f, struct reader *r, const char *id)
{
        struct answer a = {.r = r};
        struct bus_msg *m = bus_msg_new("source.event", id, "{}", 2, loop_wall(f->loop), false);
        bus_append(f->bus, m, on_stored, &a);
        bus_msg_unref(m);
        assert_true(loop_run_until(f->loop, &a.done, 20000));
        return a;
}

static int64_t commits(void)
{
        return metric_value(metric_series(METRIC_DB_COMMITS, NULL, NULL, NULL));
}

static void test_event_and_decision_share_one_commit(void **state UNUSED)
{
        struct fixture f;
        struct reader r = {0};
        open_it(&f);
        read_from(&r, &f, true);
        int64_t before = commits();
        struct answer a = append(&f, &r, "first");
        assert_true(loop_run_until(f.loop, &r.committed, 20000));
        assert_int_equal(a.code, ERR_NONE);
        assert_string_equal(r.order, "dac");
        assert_int_equal(commits() - before, 1);
        assert_int_equal(bus_consumer_position(r.c), a.pos);
        close_it(&f);
}

static void test_who_cannot_take_back_is_told_after_the_commit(void **state UNUSED)
{
        struct fixture f;
        struct reader r = {0};
        open_it(&f);
        read_from(&r, &f, false);
        append(&f, &r, "first");
        assert_true(loop_run_until(f.loop, &r.committed, 20000));
        assert_string_equal(r.order, "adc");
        close_it(&f);
}

/* The decision fails: the event is stored all the same, the consumer is revoked, and opened again
 * it gets the event. */
static void test_a_decision_that_fails_is_revoked_and_the_event_stays(void **state UNUSED)
{
        struct fixture f;
        struct reader r = {.spoil = true}, again = {0};
        open_it(&f);
        read_from(&r, &f, true);
        struct answer a = append(&f, &r, "first");
        assert_true(loop_run_until(f.loop, &r.failed, 20000));
        assert_int_equal(a.code, ERR_NONE);
        assert_string_equal(r.order, "draf");
        assert_true(r.guest.failed);
        assert_int_equal(bus_consumer_position(r.c), 0);
        r.c = bus_consumer_close(r.c);
        read_from(&again, &f, true);
        assert_true(loop_run_until(f.loop, &again.committed, 20000));
        assert_string_equal(again.order, "dc");
        assert_int_equal(bus_consumer_position(again.c), a.pos);
        db_settle(f.db); /* the committer has nothing to do: the next one runs on the loop */
        append(&f, &again, "second");
        assert_string_equal(again.order, "dcdac");
        close_it(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_event_and_decision_share_one_commit),
                cmocka_unit_test(test_who_cannot_take_back_is_told_after_the_commit),
                cmocka_unit_test(test_a_decision_that_fails_is_revoked_and_the_event_stays),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
