/* tests/unit/db/test_db.c: operations, group commit, failure, migrations. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/metrics.h"
#include "tests/unit/db/fixture.h"
#include <sys/stat.h>
#include <unistd.h>

static int64_t commits(void)
{
        return metric_value(metric_series(METRIC_DB_COMMITS, NULL, NULL, NULL));
}

static void test_operations_of_a_turn_share_one_commit_in_order(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        static const unsigned weights[] = {0, 100}; /* done on the loop, and by the committer */
        for (size_t k = 0; k < ARRAY_LEN(weights); k++) {
                struct put p[5] = {0};
                char order[8] = "";
                int64_t before = commits();
                for (int i = 0; i < 5; i++) {
                        p[i].order = order;
                        put_submit(&f, &p[i], (int64_t)k * 5 + i);
                        p[i].op.weight = weights[k];
                }
                assert_int_equal(db_queue_length(f.db), 5);
                wait_for_it(&f, &p[4].done);
                assert_int_equal(commits() - before, 1);
                assert_string_equal(order, k ? "fghij" : "abcde");
                assert_int_equal(db_queue_length(f.db), 0);
        }
        assert_int_equal(count_rows(&f), 10);
        fixture_close(&f);
}

static void test_what_was_answered_is_there_after_reopening(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        assert_int_equal(put_now(&f, 1, 10), ERR_NONE);
        fixture_reopen(&f);
        assert_int_equal(count_rows(&f), 1);
        fixture_close(&f);
}

static void test_a_failed_operation_does_not_fail_its_neighbours(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct put p[4] = {0};
        char order[8] = "";
        static const int64_t n[] = {0, 1, 1, 2};
        for (int i = 0; i < 4; i++) {
                p[i].order = order;
                put_submit(&f, &p[i], n[i]);
        }
        wait_for_it(&f, &p[3].done);
        assert_int_equal(p[0].code, ERR_NONE);
        assert_int_equal(p[1].code, ERR_NONE);
        assert_int_equal(p[2].code, ERR_CONFLICT);
        assert_int_equal(p[3].code, ERR_NONE);
        assert_string_equal(order, "abbc");
        assert_int_equal(count_rows(&f), 3);
        assert_int_equal(put_now(&f, 2, 1), ERR_CONFLICT); /* alone */
        assert_int_equal(put_now(&f, 3, 1), ERR_NONE);
        fixture_close(&f);
}

static void test_an_operation_is_open_until_the_next_or_the_end_of_the_turn(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct put a = {0}, b = {0};
        put_submit(&f, &a, 1);
        assert_true(db_op_open(f.db, &a.op));
        put_submit(&f, &b, 2);
        assert_false(db_op_open(f.db, &a.op));
        assert_true(db_op_open(f.db, &b.op));
        loop_run_ready(f.loop);
        assert_false(db_op_open(f.db, &b.op));
        assert_false(db_op_open(f.db, NULL));
        wait_for_it(&f, &b.done);
        fixture_close(&f);
}

static void test_settled_operations_are_seen_by_readers_before_they_are_answered(
        void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct put a = {0};
        put_submit(&f, &a, 1);
        db_settle(f.db);
        assert_int_equal(count_rows(&f), 1);
        assert_false(a.done);
        wait_for_it(&f, &a.done);
        fixture_close(&f);
}

struct chain { /* every answer submits the next */
        struct put put;
        struct fixture *f;
        int64_t left;
};

static void chain_done(struct db_op *op, const struct err *e)
{
        struct chain *c = container_of(op, struct chain, put.op);
        assert_null(e);
        if (--c->left == 0)
                return;
        put_submit(c->f, &c->put, c->left);
        c->put.op.done = chain_done;
}

static void test_closing_answers_everything_even_what_answers_submit(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct chain c = {.f = &f, .left = 20};
        put_submit(&f, &c.put, 100);
        c.put.op.done = chain_done;
        f.db = db_close(f.db);
        assert_int_equal(c.left, 0);
        fixture_reopen(&f);
        assert_int_equal(count_rows(&f), 20);
        fixture_close(&f);
}

static void on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *left)
{
        assert_true(*(int64_t *)left > 1900); /* served before the chain is through */
        *(int64_t *)left = -1;
}

static void test_a_chain_of_operations_does_not_keep_the_loop_from_its_sockets(void **state UNUSED)
{
        struct fixture f;
        int fds[2];
        fixture_open(&f);
        assert_int_equal(pipe(fds), 0);
        struct chain c = {.f = &f, .left = 2000};
        struct event *ev = event_new(loop_base(f.loop), fds[0], EV_READ, on_readable, &c.left);
        event_add(ev, NULL);
        put_submit(&f, &c.put, 5000);
        c.put.op.done = chain_done;
        assert_int_equal(write(fds[1], "x", 1), 1);
        bool never = false;
        loop_run_until(f.loop, &never, 50);
        assert_true(c.left < 0);
        event_free(ev);
        close(fds[0]);
        close(fds[1]);
        c.left = 2;
        fixture_close(&f);
}

static void test_patient_operations_share_the_commit_of_the_next_urgent_one(void **state UNUSED)
{
        struct fixture f;
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){NS_PER_S});
        fixture_open_on(&f, &clock.clock);
        struct put p[3] = {0};
        char order[8] = "";
        int64_t before = commits();
        for (int i = 0; i < 3; i++) {
                p[i].order = order;
                db_patient(f.db, i < 2);
                put_submit(&f, &p[i], i);
                if (i == 0)
                        loop_run_ready(f.loop);
        }
        assert_false(p[0].done);
        wait_for_it(&f, &p[2].done);
        assert_string_equal(order, "abc");
        assert_int_equal(commits() - before, 1);
        db_patient(f.db, true);
        put_submit(&f, &p[0], 5);
        loop_run_ready(f.loop);
        assert_false(p[0].done);
        fake_clock_advance(&clock, DB_LINGER_MS * NS_PER_MS); /* not for ever */
        wait_for_it(&f, &p[0].done);
        put_submit(&f, &p[0], 6);
        fixture_reopen(&f);
        assert_true(p[0].done); /* nor over the end */
        fixture_close(&f);
}

static void test_what_depends_on_nothing_overtakes_what_is_patient(void **state UNUSED)
{
        struct fixture f;
        struct fake_clock clock;
        fake_clock_init(&clock, (struct wall){NS_PER_S});
        fixture_open_on(&f, &clock.clock);
        struct put p[4] = {0};
        char order[8] = "";
        for (int i = 0; i < 4; i++)
                p[i].order = order;
        db_patient(f.db, true);
        put_submit(&f, &p[0], 0);
        db_patient(f.db, false);
        put_submit(&f, &p[1], 1);
        wait_for_it(&f, &p[1].done);
        assert_string_equal(order, "ab");
        db_patient(f.db, true);
        put_submit(&f, &p[2], 2);
        db_patient(f.db, false);
        put_submit_overtaking(&f, &p[3], 3);
        wait_for_it(&f, &p[3].done);
        assert_string_equal(order, "abd");
        assert_int_equal(db_queue_length(f.db), 1);
        fake_clock_advance(&clock, DB_LINGER_MS * NS_PER_MS);
        wait_for_it(&f, &p[2].done);
        assert_string_equal(order, "abdc");
        fixture_close(&f);
}

/* ---- listeners ---- */

struct counter {
        struct db_listener listener;
        struct db *db;
        int calls;
        bool once;
};

static void on_change(void *arg)
{
        struct counter *c = arg;
        c->calls++;
        if (c->once)
                db_off_change(c->db, &c->listener);
}

static void test_listeners_hear_of_commits_and_of_nothing_else(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct counter a = {.db = f.db, .once = true}, b = {.db = f.db};
        db_on_change(f.db, &b.listener, on_change, &b);
        db_on_change(f.db, &a.listener, on_change, &a);
        put_now(&f, 1, 1);
        loop_run_ready(f.loop);
        assert_int_equal(a.calls, 1);
        assert_int_equal(b.calls, 1);
        assert_int_equal(put_now(&f, 1, 1), ERR_CONFLICT);
        assert_int_equal(sql_now(&f, "SELECT 1"), ERR_NONE);
        loop_run_ready(f.loop);
        assert_int_equal(b.calls, 1);
        put_now(&f, 2, 1);
        loop_run_ready(f.loop);
        assert_int_equal(a.calls, 1);
        assert_int_equal(b.calls, 2);
        db_off_change(f.db, &b.listener);
        db_off_change(f.db, &b.listener); /* harmless */
        fixture_close(&f);
}

/* ---- the files ---- */

static int half_read(struct db_tx *tx, struct db_op *op UNUSED, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "SELECT n FROM row", e) < 0)
                return -1;
        return db_step(tx, s, e) < 0 ? -1 : 0; /* and no reset */
}

static void test_the_log_is_recycled_although_a_statement_was_left_half_read(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        for (int i = 0; i < 3500; i++) {
                struct put p[2] = {{.len = 3000}, {.len = 3000}};
                put_submit(&f, &p[0], 2 * i);
                put_submit(&f, &p[1], 2 * i + 1);
                if (i == 100)
                        p[1].op.work = half_read;
                wait_for_it(&f, &p[1].done);
        }
        assert_true(file_size(f.path, "") > 20 << 20);
        assert_true(file_size(f.path, "-wal") < 6 << 20);
        fixture_close(&f);
}

static void test_files_are_for_their_owner_only(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        put_now(&f, 1, 1);
        static const char *const suffixes[] = {"", "-wal", "-shm", "-wake"};
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                AUTO(mem_free) char *name = mem_printf("%s%s", f.path, suffixes[i]);
                struct stat st;
                assert_int_equal(stat(name, &st), 0);
                assert_int_equal(st.st_mode & 0777, 0600);
        }
        fixture_close(&f);
}

static void test_a_foreign_file_is_refused(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct err e = {0};
        AUTO(mem_free) char *other = fs_join(f.dir, "other");
        assert_int_equal(
                fs_write_atomic(
                        other,
                        "this is not a database, it is a text of some length......................"
                        "........................................................................",
                        144, 0600, &e),
                0);
        struct db *db = NULL;
        assert_int_equal(db_open(&db, f.loop, other, NULL, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
        AUTO(mem_free) char *nowhere = fs_join(f.dir, "no/such/folder/db");
        assert_int_equal(db_open(&db, f.loop, nowhere, NULL, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
        fixture_close(&f);
}

/* ---- joining a transaction under way ---- */

struct host { /* an operation that another one joins */
        struct put put, guest;
        struct fixture *f;
        size_t offers;
        int64_t guest_n;
};

static void invite(struct db_op *op)
{
        struct host *h = container_of(op, struct host, put.op);
        assert_false(h->put.done);
        if (h->offers++ == 0)
                put_submit(h->f, &h->guest, h->guest_n);
}

static void host_submit(struct host *h, struct fixture *f, int64_t n, int64_t guest)
{
        *h = (struct host){.f = f, .guest_n = guest, .guest.len = h->guest.len};
        put_submit(f, &h->put, n);
        h->put.op.executed = invite;
}

static void test_who_acts_on_an_operation_joins_its_commit(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        char order[8] = "";
        struct host h = {0};
        int64_t before = commits();
        host_submit(&h, &f, 1, 2);
        h.put.order = h.guest.order = order;
        wait_for_it(&f, &h.guest.done);
        assert_string_equal(order, "bc");
        assert_int_equal(h.offers, 1);
        assert_int_equal(commits() - before, 1);
        assert_int_equal(count_rows(&f), 2);
        fixture_close(&f);
}

static void test_a_guest_that_fails_does_not_fail_its_host(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        assert_int_equal(put_now(&f, 2, 1), ERR_NONE);
        struct host h = {0};
        host_submit(&h, &f, 1, 2);
        wait_for_it(&f, &h.guest.done);
        assert_int_equal(h.put.code, ERR_NONE);
        assert_true(h.put.op.parted);
        assert_int_equal(h.guest.code, ERR_CONFLICT);
        assert_int_equal(count_rows(&f), 2);
        fixture_close(&f);
}

static void test_host_and_guest_fail_together_when_the_disk_is_full(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        assert_int_equal(sql_now(&f, "PRAGMA max_page_count = 20"), ERR_NONE);
        struct host h = {.guest.len = 1 << 20};
        host_submit(&h, &f, 1, 2);
        h.put.len = 1 << 20;
        wait_for_it(&f, &h.put.done);
        assert_int_equal(h.put.code, ERR_FULL);
        assert_int_equal(h.offers, 0); /* it was never executed */
        host_submit(&h, &f, 3, 4);
        h.guest.len = 1 << 20;
        wait_for_it(&f, &h.guest.done);
        assert_int_equal(h.put.code, ERR_NONE);
        assert_true(h.put.op.parted);
        assert_int_equal(h.guest.code, ERR_FULL);
        assert_int_equal(count_rows(&f), 1);
        fixture_close(&f);
}

/* A full disk, as SQLite sees it. */
static void test_a_full_database_refuses_and_recovers(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        for (int k = 0; k < 2; k++) {
                assert_int_equal(sql_now(&f, "PRAGMA max_page_count = 20"), ERR_NONE);
                struct put p[3] = {{.len = 100}, {.len = 1 << 20}, {.len = 100}};
                for (int i = 0; i < 3; i++) {
                        put_submit(&f, &p[i], k * 10 + i);
                        p[i].op.weight = k ? 100 : 0;
                }
                wait_for_it(&f, &p[2].done);
                for (int i = 0; i < 3; i++)
                        assert_int_equal(p[i].code, ERR_FULL);
                assert_int_equal(sql_now(&f, "PRAGMA max_page_count = 100000"), ERR_NONE);
                assert_int_equal(put_now(&f, k * 10 + 5, 1 << 20), ERR_NONE);
                assert_int_equal(count_rows(&f), k + 1);
        }
        fixture_close(&f);
}

/* ---- migrations and read-only ---- */

static const struct db_migration more[] = {
        {"other", 1, "CREATE TABLE other(x)"},
        {"other", 2, "INSERT INTO other VALUES(1)"},
};

static void test_migrations_run_once_and_a_newer_file_is_refused(void **state UNUSED)
{
        struct fixture f;
        fixture_open(&f);
        struct err e = {0};
        assert_int_equal(db_migrate(f.db, more, 1, &e), 0);
        assert_int_equal(db_migrate(f.db, more, 2, &e), 0);
        assert_int_equal(db_migrate(f.db, more, 2, &e), 0);
        assert_int_equal(sql_now(&f, "CREATE UNIQUE INDEX once ON other(x)"), ERR_NONE);
        assert_int_equal(db_migrate(f.db, more, 1, &e), -1);
        assert_int_equal(e.code, ERR_UNSUPPORTED);
        err_clear(&e);
        fixture_close(&f);
}

static void test_a_failed_migration_changes_nothing(void **state UNUSED)
{
        static const struct db_migration bad[] = {{"bad", 1, "CREATE TABLE good(x)"},
                                                  {"bad", 2, "CREATE TABLE row(x)"}};
        struct fixture f;
        fixture_open(&f);
        struct err e = {0};
        assert_int_equal(db_migrate(f.db, bad, 2, &e), -1);
        assert_non_null(strstr(err_msg(&e), "bad"));
        err_clear(&e);
        assert_int_equal(sql_now(&f, "CREATE TABLE good(x)"), ERR_NONE);
        fixture_close(&f);
}

static void test_a_read_only_database_reads_and_refuses_to_write(void **state UNUSED)
{
        struct fixture f, reader;
        fixture_open(&f);
        put_now(&f, 1, 1);
        struct err e = {0};
        reader = f;
        assert_int_equal(
                db_open(&reader.db, f.loop, f.path, &(struct db_options){.read_only = true}, &e),
                0);
        assert_int_equal(count_rows(&reader), 1);
        assert_int_equal(put_now(&reader, 2, 1), ERR_DENIED);
        assert_int_equal(db_migrate(reader.db, more, 2, &e), -1);
        assert_int_equal(e.code, ERR_UNSUPPORTED);
        err_clear(&e);
        struct counter c = {.db = reader.db};
        db_on_change(reader.db, &c.listener, on_change, &c);
        put_now(&f, 3, 1);
        struct mono end = mono_add_ms(clock_mono(clock_system()), 5000);
        while (!c.calls && clock_mono(clock_system()).ns < end.ns)
                loop_run_ready(f.loop);
        assert_true(c.calls > 0);
        assert_int_equal(count_rows(&reader), 2);
        db_close(reader.db);
        fixture_close(&f);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_operations_of_a_turn_share_one_commit_in_order),
                cmocka_unit_test(test_what_was_answered_is_there_after_reopening),
                cmocka_unit_test(test_a_failed_operation_does_not_fail_its_neighbours),
                cmocka_unit_test(test_an_operation_is_open_until_the_next_or_the_end_of_the_turn),
                cmocka_unit_test(
                        test_settled_operations_are_seen_by_readers_before_they_are_answered),
                cmocka_unit_test(test_closing_answers_everything_even_what_answers_submit),
                cmocka_unit_test(
                        test_a_chain_of_operations_does_not_keep_the_loop_from_its_sockets),
                cmocka_unit_test(test_patient_operations_share_the_commit_of_the_next_urgent_one),
                cmocka_unit_test(test_what_depends_on_nothing_overtakes_what_is_patient),
                cmocka_unit_test(test_listeners_hear_of_commits_and_of_nothing_else),
                cmocka_unit_test(test_the_log_is_recycled_although_a_statement_was_left_half_read),
                cmocka_unit_test(test_files_are_for_their_owner_only),
                cmocka_unit_test(test_a_foreign_file_is_refused),
                cmocka_unit_test(test_who_acts_on_an_operation_joins_its_commit),
                cmocka_unit_test(test_a_guest_that_fails_does_not_fail_its_host),
                cmocka_unit_test(test_host_and_guest_fail_together_when_the_disk_is_full),
                cmocka_unit_test(test_a_full_database_refuses_and_recovers),
                cmocka_unit_test(test_migrations_run_once_and_a_newer_file_is_refused),
                cmocka_unit_test(test_a_failed_migration_changes_nothing),
                cmocka_unit_test(test_a_read_only_database_reads_and_refuses_to_write),
        };
        return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
