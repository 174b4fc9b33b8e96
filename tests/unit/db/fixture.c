/* tests/unit/db/fixture.c: see fixture.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/db/fixture.h"
#include "common/base/fs.h"
#include <sys/stat.h>

static const struct db_migration steps[] = {
        {"test", 1, "CREATE TABLE row(n INTEGER PRIMARY KEY, data BLOB)"},
};

static void must(int r, struct err *e)
{
        if (r < 0)
                fail_msg("%s", err_msg(e));
}

static void open_db(struct fixture *f)
{
        struct db_options o = {.any_disk_is_fast = true};
        struct err e = {0};
        must(db_open(&f->db, f->loop, f->path, &o, &e), &e);
        must(db_migrate(f->db, steps, ARRAY_LEN(steps), &e), &e);
}

void fixture_open(struct fixture *f)
{
        fixture_open_on(f, clock_system());
}

void fixture_open_on(struct fixture *f, struct clock *clock)
{
        struct err e = {0};
        char dir[] = "/tmp/test_db.XXXXXX";
        assert_non_null(mkdtemp(dir));
        *f = (struct fixture){.dir = mem_strdup(dir), .path = fs_join(dir, "db")};
        must(loop_new(&f->loop, clock, &e), &e);
        open_db(f);
}

void fixture_reopen(struct fixture *f)
{
        f->db = db_close(f->db);
        open_db(f);
}

void fixture_close(struct fixture *f)
{
        struct err e = {0};
        db_close(f->db);
        loop_free(f->loop);
        must(fs_remove_tree(f->dir, &e), &e);
        mem_free(f->dir);
        mem_free(f->path);
}

void wait_for_it(struct fixture *f, const bool *done)
{
        if (!loop_run_until(f->loop, done, 20000))
                fail_msg("it did not happen");
}

static int put_work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        struct put *p = container_of(op, struct put, op);
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "INSERT INTO row(n, data) VALUES(?, ?)", e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, p->n);
        if (p->data)
                sqlite3_bind_blob64(s, 2, p->data, p->len, SQLITE_STATIC);
        else
                sqlite3_bind_zeroblob64(s, 2, p->len);
        return db_exec(tx, s, e);
}

static void put_done(struct db_op *op, const struct err *e)
{
        struct put *p = container_of(op, struct put, op);
        assert_false(p->done);
        p->done = true;
        p->code = e ? e->code : ERR_NONE;
        if (p->order)
                p->order[strlen(p->order)] = (char)('a' + p->n);
}

static void submit(struct fixture *f, struct put *p, int64_t n, bool overtakes)
{
        p->op = (struct db_op){.work = put_work, .done = put_done, .overtakes = overtakes};
        p->n = n;
        p->done = false;
        db_submit(f->db, &p->op);
        assert_false(p->done); /* never from inside the call */
}

void put_submit(struct fixture *f, struct put *p, int64_t n)
{
        submit(f, p, n, false);
}

void put_submit_overtaking(struct fixture *f, struct put *p, int64_t n)
{
        submit(f, p, n, true);
}

enum err_code put_now(struct fixture *f, int64_t n, size_t len)
{
        struct put p = {.len = len};
        put_submit(f, &p, n);
        wait_for_it(f, &p.done);
        return p.code;
}

int64_t count_rows(struct fixture *f)
{
        struct err e = {0};
        sqlite3_stmt *s;
        must(db_stmt(&s, db_read(f->db), "SELECT count(*) FROM row", &e), &e);
        assert_int_equal(db_step(db_read(f->db), s, &e), 1);
        int64_t n = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return n;
}

struct sql {
        struct db_op op;
        const char *text;
        bool done;
        enum err_code code;
};

static int sql_work(struct db_tx *tx, struct db_op *op, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, container_of(op, struct sql, op)->text, e) < 0)
                return -1;
        return db_exec(tx, s, e);
}

static void sql_done(struct db_op *op, const struct err *e)
{
        struct sql *q = container_of(op, struct sql, op);
        q->done = true;
        q->code = e ? e->code : ERR_NONE;
}

enum err_code sql_now(struct fixture *f, const char *literal)
{
        struct sql q = {.op = {.work = sql_work, .done = sql_done}, .text = literal};
        db_submit(f->db, &q.op);
        wait_for_it(f, &q.done);
        return q.code;
}

int64_t file_size(const char *path, const char *suffix)
{
        AUTO(mem_free) char *name = mem_printf("%s%s", path, suffix);
        struct stat st;
        return stat(name, &st) < 0 ? -1 : (int64_t)st.st_size;
}
