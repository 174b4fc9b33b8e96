/* bench/db_append.c: how fast 260-byte rows become durable, against a raw append + fdatasync in the
 * same run.
 *
 * db_append [DIR]: for 1 and 128 operations per turn, ours and the raw limit take turns for nine
 * rounds; prints rates, median latencies and the median ratio. No goal is asserted here: the
 * machine is shared. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/db/db.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROW = 260, ROUNDS = 9, ROUND_MS = 400, MAX_TURNS = 200000, MAX_WIDTH = 128 };

struct round {
        size_t rows, turns;
        int64_t ns, *latency;
};
struct ours {
        struct loop *loop;
        struct db *db;
        struct db_op ops[MAX_WIDTH];
        size_t width, left;
        bool turn_done;
};

static int64_t now_ns(void)
{
        return clock_mono(clock_system()).ns;
}

static int insert(struct db_tx *tx, struct db_op *op UNUSED, struct err *e)
{
        static const char data[ROW];
        sqlite3_stmt *s;
        if (db_stmt(&s, tx, "INSERT INTO row(data) VALUES(?)", e) < 0)
                return -1;
        sqlite3_bind_blob(s, 1, data, ROW, SQLITE_STATIC);
        return db_exec(tx, s, e);
}

static struct ours *the_ours;
static void inserted(struct db_op *op UNUSED, const struct err *e)
{
        if (e) {
                fprintf(stderr, "db_append: %s\n", err_msg(e));
                exit(1);
        }
        if (--the_ours->left == 0)
                the_ours->turn_done = true;
}

static void ours_turn(struct ours *o)
{
        o->left = o->width;
        o->turn_done = false;
        for (size_t i = 0; i < o->width; i++) {
                o->ops[i] = (struct db_op){.work = insert, .done = inserted};
                db_submit(o->db, &o->ops[i]);
        }
        loop_run_until(o->loop, &o->turn_done, 10000);
}

static void raw_turn(int fd, size_t width, off_t *at)
{
        static char data[ROW * MAX_WIDTH];
        if (pwrite(fd, data, ROW * width, *at) < 0 || fdatasync(fd) < 0)
                abort();
        *at = (*at + (off_t)(ROW * width)) % (4 << 20);
}

static int by_value(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return (x > y) - (x < y);
}

static double median_us(struct round *r)
{
        qsort(r->latency, r->turns, sizeof(*r->latency), by_value);
        return (double)r->latency[r->turns / 2] / 1000;
}

static void run_round(struct round *r, struct ours *o, int fd, off_t *at, size_t width)
{
        int64_t begin = now_ns(), t = begin;
        r->rows = r->turns = 0;
        while (t - begin < ROUND_MS * (int64_t)NS_PER_MS && r->turns < MAX_TURNS) {
                if (o)
                        ours_turn(o);
                else
                        raw_turn(fd, width, at);
                int64_t end = now_ns();
                r->latency[r->turns++] = end - t;
                t = end;
                r->rows += width;
        }
        r->ns = t - begin;
}

static int by_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static void compare(struct ours *o, int fd, size_t width)
{
        struct round ours = {.latency = mem_calloc(MAX_TURNS, sizeof(int64_t))};
        struct round raw = {.latency = mem_calloc(MAX_TURNS, sizeof(int64_t))};
        double rate[ROUNDS], p50[ROUNDS], rate_ratio[ROUNDS], p50_ratio[ROUNDS];
        off_t at = 0;
        o->width = width;
        for (int i = 0; i < ROUNDS; i++) {
                run_round(&raw, NULL, fd, &at, width);
                run_round(&ours, o, -1, NULL, width);
                rate[i] = (double)ours.rows * 1e9 / (double)ours.ns;
                rate_ratio[i] = rate[i] / ((double)raw.rows * 1e9 / (double)raw.ns);
                p50[i] = median_us(&ours);
                p50_ratio[i] = p50[i] / median_us(&raw);
        }
        qsort(rate, ROUNDS, sizeof(double), by_double);
        qsort(p50, ROUNDS, sizeof(double), by_double);
        qsort(rate_ratio, ROUNDS, sizeof(double), by_double);
        qsort(p50_ratio, ROUNDS, sizeof(double), by_double);
        printf("%3zu per turn: %8.0f rows/s (%.2f of raw), turn p50 %6.1f us (%.2fx raw)\n", width,
               rate[ROUNDS / 2], rate_ratio[ROUNDS / 2], p50[ROUNDS / 2], p50_ratio[ROUNDS / 2]);
        mem_free(ours.latency);
        mem_free(raw.latency);
}

int main(int argc, char **argv)
{
        ERR_SLOT(e);
        static const struct db_migration steps[] = {
                {"bench", 1, "CREATE TABLE row(id INTEGER PRIMARY KEY, data BLOB)"}};
        AUTO(mem_free) char *dir = mem_printf("%s/db_append.XXXXXX", argc > 1 ? argv[1] : "/tmp");
        if (!mkdtemp(dir))
                return 1;
        AUTO(mem_free) char *db_path = mem_printf("%s/db", dir);
        AUTO(mem_free) char *raw_path = mem_printf("%s/raw", dir);
        struct ours o = {0};
        the_ours = &o;
        if (loop_new(&o.loop, clock_system(), &e) < 0 ||
            db_open(&o.db, o.loop, db_path, NULL, &e) < 0 || db_migrate(o.db, steps, 1, &e) < 0)
                return 1;
        int fd = open(raw_path, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || posix_fallocate(fd, 0, 4 << 20) != 0)
                return 1;
        off_t at = 0;
        for (int i = 0; i < 256;
             i++) /* write the raw file once, so that only data is synced later */
                raw_turn(fd, 64, &at);
        compare(&o, fd, 1);
        compare(&o, fd, 128);
        db_close(o.db);
        loop_free(o.loop);
        close(fd);
        AUTO(mem_free) char *clean = mem_printf("rm -rf '%s'", dir);
        return system(clean) != 0;
}
