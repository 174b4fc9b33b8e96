/* tests/unit/db/fixture.h: a database in a folder of its own, and operations that write down what
 * happens to them. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "tests/unit/unit.h"

struct fixture {
        struct loop *loop;
        struct db *db;
        char *dir, *path;
};
void fixture_open(struct fixture *f); /* with table row(n INTEGER PRIMARY KEY, data BLOB) */
void fixture_open_on(struct fixture *f, struct clock *clock);
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);

struct put { /* inserts row n; fails when n is taken */
        struct db_op op;
        int64_t n;
        const void *data;
        size_t len;
        bool done;
        enum err_code code;
        char *order; /* appended to when done: its n as a letter; NULL: not */
};
void put_submit(struct fixture *f, struct put *p, int64_t n);
void put_submit_overtaking(struct fixture *f, struct put *p, int64_t n);
enum err_code put_now(struct fixture *f, int64_t n, size_t len); /* waits */
void wait_for_it(struct fixture *f, const bool *done);
int64_t count_rows(struct fixture *f);
/* Run any SQL as an operation of its own and wait. */
enum err_code sql_now(struct fixture *f, const char *literal);
int64_t file_size(const char *path, const char *suffix);
