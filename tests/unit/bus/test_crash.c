/* tests/unit/bus/test_crash.c: what was acknowledged survives kill -9 (INV-1, INV-2): a child
 * appends and says what was acknowledged, dies at a random moment, and everything it said must be
 * there, byte for byte; many times over the same file. CRASH_ROUNDS=n makes it longer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/table.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 12, LONGEST_MS = 60 };
extern char **environ;

struct acked {
        uint64_t pos;
        char id[64];
        bool found;
        UT_hash_handle hh;
};
struct child {
        pid_t pid;
        int fd;
        char line[4096];
        size_t n;
};

static void start(struct child *c, const char *db)
{
        static const char *const widths[] = {"1", "8", "64"};
        static const char *const sizes[] = {"10", "260", "9000"};
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
        char *argv[] = {(char *)(uintptr_t)BUS_WRITER, (char *)(uintptr_t)db,
                        (char *)(uintptr_t)widths[rand_u64() % 3],
                        (char *)(uintptr_t)sizes[rand_u64() % 3], NULL};
        assert_int_equal(posix_spawn(&c->pid, BUS_WRITER, &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(fds[1]);
        c->fd = fds[0];
        c->n = 0;
}

static void take_line(struct acked **all, const char *line)
{
        struct acked a = {0};
        unsigned long long pos;
        if (sscanf(line, "ack %llu %63s", &pos, a.id) != 2)
                fail_msg("the writer said: %s", line);
        struct acked *known = mem_alloc(sizeof(a));
        a.pos = pos;
        *known = a;
        HASH_ADD(hh, *all, pos, sizeof(known->pos), known);
}

/* Read what there is; false at the end. */
static bool take_output(struct child *c, struct acked **all)
{
        ssize_t n = read(c->fd, c->line + c->n, sizeof(c->line) - c->n - 1);
        if (n <= 0)
                return false;
        c->n += (size_t)n;
        c->line[c->n] = '\0';
        char *from = c->line, *end;
        while ((end = strchr(from, '\n'))) {
                *end = '\0';
                take_line(all, from);
                from = end + 1;
        }
        c->n -= (size_t)(from - c->line);
        memmove(c->line, from, c->n);
        return true;
}

static void run_and_kill(const char *db, struct acked **all)
{
        struct child c;
        int status;
        start(&c, db);
        assert_true(take_output(&c, all)); /* it works */
        int64_t end =
                clock_mono(clock_system()).ns + (int64_t)(rand_u64() % (LONGEST_MS * NS_PER_MS));
        while (clock_mono(clock_system()).ns < end) {
                struct pollfd p = {.fd = c.fd, .events = POLLIN};
                if (poll(&p, 1, 1) > 0)
                        assert_true(take_output(&c, all));
        }
        kill(c.pid, SIGKILL);
        while (take_output(&c, all))
                ;
        close(c.fd);
        assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
        assert_true(WIFSIGNALED(status));
}

struct check {
        struct acked **all;
        uint64_t lowest; /* what earlier rounds wrote was compared then */
};

static bool compare(void *arg, const struct bus_msg *m)
{
        struct check *c = arg;
        struct acked *a, **all = c->all;
        HASH_FIND(hh, *all, &m->pos, sizeof(m->pos), a);
        size_t n = strlen(m->id);
        for (size_t k = 0; k < m->len; k++)
                assert_int_equal(m->data[k], m->id[k % n]);
        if (a) { /* what was stored and not acknowledged any more may be there */
                assert_string_equal(a->id, m->id);
                a->found = true;
        }
        return m->pos > c->lowest;
}

static void check(struct loop *loop, const char *path, struct acked **all)
{
        struct err e = {0};
        struct db *db;
        struct bus *bus = NULL;
        struct acked *a, *next;
        struct check c = {all, UINT64_MAX};
        HASH_ITER (hh, *all, a, next)
                c.lowest = a->pos < c.lowest ? a->pos : c.lowest;
        if (db_open(&db, loop, path, NULL, &e) < 0 || bus_embedded(&bus, db, NULL, &e) < 0 ||
            bus_messages(bus, &(struct bus_query){.limit = SIZE_MAX >> 1}, compare, &c, &e) < 0)
                fail_msg("%s", err_msg(&e));
        bus_close(bus);
        db_close(db);
        HASH_ITER (hh, *all, a, next) {
                if (!a->found)
                        fail_msg("event %s at %llu was acknowledged and is lost", a->id,
                                 (unsigned long long)a->pos);
                HASH_DEL(*all, a);
                mem_free(a);
        }
}

static void test_what_was_acknowledged_survives_a_kill_at_any_moment(void **state UNUSED)
{
        struct err e = {0};
        char dir[] = "/tmp/test_crash.XXXXXX";
        assert_non_null(mkdtemp(dir));
        AUTO(mem_free) char *path = fs_join(dir, "db");
        struct loop *loop;
        assert_int_equal(loop_new(&loop, clock_system(), &e), 0);
        const char *more = getenv("CRASH_ROUNDS");
        int rounds = more ? atoi(more) : ROUNDS;
        for (int i = 0; i < rounds; i++) {
                struct acked *all = NULL;
                run_and_kill(path, &all);
                if (i % 3 == 0) /* else the next writer opens what was left */
                        run_and_kill(path, &all);
                assert_true(HASH_COUNT(all) > 0);
                check(loop, path, &all);
        }
        loop_free(loop);
        assert_int_equal(fs_remove_tree(dir, &e), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_acknowledged_survives_a_kill_at_any_moment),
        };
        return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
