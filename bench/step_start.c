/* bench/step_start.c: rows S1 and S3: what a step costs with us, beside the bare system calls, in
 * the same run.
 *
 *   S1  without isolation: our runner (with log, state file, updates) : posix_spawn + waitpid
 *   S3  in a sandbox (overlay root, /proc, /dev, /tmp) : clone with the same namespaces + overlay +
 * pivot_root + exec and, one at a time, `runc run` of the same program
 *
 * Both sides run the same static no-op program, four at a time, in rounds A B B A; the figure is
 * the median of the ratios of the rounds. State files and logs are on the disk of --dir (default
 * /tmp). SPDX-License-Identifier: Apache-2.0 */
#include "bench/bare.h"
#include "bench/rows.h"
#include "common/base/buf.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/runner.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 11, AT_ONCE = 4, STEPS = 400, RUNC_STEPS = 5, SERIAL_STEPS = 50 };

struct bench {
        char *dir, *noop;
        struct loop *loop;
        struct pool *pool;
        struct runner *runner;
        int round, ended, failed, steps;
        bool done;
        double asked_us, until_main, in_main,
                until_told; /* of steps one at a time, wall clock, sums */
};

static double wall_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static NORETURN void die(const char *what)
{
        fprintf(stderr, "step_start: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* ---- ours ---- */

static void on_update(void *arg, const char *uid UNUSED, const char *node UNUSED,
                      const struct pod_status *st)
{
        struct bench *b = arg;
        if (st->phase < POD_SUCCEEDED)
                return;
        if (st->phase != POD_SUCCEEDED && !b->failed++)
                fprintf(stderr, "step_start: %s\n", st->message);
        double told_us = wall_us();
        b->until_main += (double)st->started.ns / 1e3 - b->asked_us;
        b->in_main += (double)(st->finished.ns - st->started.ns) / 1e3;
        b->until_told += told_us - (double)st->finished.ns / 1e3;
        b->done = ++b->ended == b->steps;
}

static void open_runner(struct bench *b, int isolation)
{
        struct err e = {0};
        struct runner_local_options o = {.loop = b->loop,
                                         .pool = b->pool,
                                         .data_dir = b->dir,
                                         .isolation = isolation,
                                         .max_running = AT_ONCE};
        if (runner_local(&b->runner, &o, on_update, b, &e) < 0) {
                fprintf(stderr, "step_start: %s\n", err_msg(&e));
                exit(1);
        }
}

static void nothing(void *arg UNUSED)
{
}

static void on_forgotten(void *arg)
{
        ((struct bench *)arg)->done = true;
}

/* As the controller does when a workflow has ended. Not part of a step; the pool has one thread. */
static void forget(struct bench *b, const char *uid)
{
        b->done = false;
        runner_forget(b->runner, uid, FORGET_PODS);
        pool_run(b->pool, nothing, on_forgotten, b);
        if (!loop_run_until(b->loop, &b->done, 60000))
                die("forgetting does not end");
}

/* Microseconds for one step. */
static double ours(struct bench *b, int steps, bool one_by_one)
{
        AUTO(mem_free) char *uid = mem_printf("round-%d", b->round++);
        json_t *template =
                json_pack("{s:{s:s, s:[s]}}", "container", "image", "none", "command", b->noop);
        double from = bench_now_us();
        b->ended = 0;
        b->steps = one_by_one ? 1 : steps;
        for (int i = 0; i < steps; i++) {
                char node[32];
                snprintf(node, sizeof(node), "bench-%d", i);
                struct pod_request req = {.ns = "default",
                                          .workflow = "bench",
                                          .workflow_uid = uid,
                                          .node_id = node,
                                          .node_name = node,
                                          .pod_name = node,
                                          .template = template};
                b->asked_us = wall_us();
                runner_start(b->runner, &req);
                if (!one_by_one)
                        continue;
                b->ended = 0;
                b->done = false;
                loop_run_until(b->loop, &b->done, 60000);
        }
        b->done = one_by_one || b->ended == steps;
        if (!loop_run_until(b->loop, &b->done, 60000) || b->failed)
                die("steps did not end well");
        double us = (bench_now_us() - from) / steps;
        json_decref(template);
        forget(b, uid);
        return us;
}

/* ---- runc ---- */

static const char config_json[] =
        "{\"ociVersion\":\"1.0.2\",\"hostname\":\"c\",\"root\":{\"path\":\"rootfs\",\"readonly\":"
        "true},\"process\":{\"terminal\":false,"
        "\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/noop\"],\"env\":[\"PATH=/bin\"],\"cwd\":\"/"
        "\"},\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\","
        "\"source\":\"proc\"},{\"destination\":\"/"
        "dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},{\"destination\":\"/"
        "tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}],"
        "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{"
        "\"type\":\"uts\"}]}}";

static void make_bundle(struct bench *b, const char *bundle)
{
        static const char *const folders[] = {"proc", "dev", "tmp"};
        AUTO(mem_free) char *config = fs_join(bundle, "config.json");
        AUTO(mem_free) char *program = mem_printf("%s/rootfs/noop", bundle);
        AUTO_BUF struct buf text = BUF_INIT(64 << 20);
        for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
                AUTO(mem_free) char *path = mem_printf("%s/rootfs/%s", bundle, folders[i]);
                if (fs_mkdirs(path, 0755, NULL) < 0)
                        die("bundle");
        }
        if (fs_write_atomic(config, config_json, sizeof(config_json) - 1, 0644, NULL) < 0 ||
            fs_read(&text, b->noop, 64 << 20, NULL) < 0 ||
            fs_write_atomic(program, text.data, text.len, 0755, NULL) < 0)
                die("bundle");
        chmod(program, 0755);
}

/* Microseconds of one `runc run`; negative: there is no runc, or it does not work here. */
static double runc(struct bench *b, int round)
{
        static char *const envp[] = {(char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                     NULL};
        AUTO(mem_free) char *bundle = fs_join(b->dir, "bundle"), *state = fs_join(b->dir, "runc");
        if (round == 0)
                make_bundle(b, bundle);
        double from = bench_now_us();
        for (int i = 0; i < RUNC_STEPS; i++) {
                char id[32];
                int status;
                pid_t pid;
                snprintf(id, sizeof(id), "bench-%d-%d-%d", (int)getpid(), round, i);
                const char *const argv[] = {"runc", "--root", state, "run", "-b", bundle, id, NULL};
                if (posix_spawnp(&pid, "runc", NULL, NULL, (char *const *)(uintptr_t)argv, envp) ||
                    waitpid(pid, &status, 0) < 0 || status)
                        return -1;
        }
        return (bench_now_us() - from) / RUNC_STEPS;
}

/* ---- rows ---- */

/* Microseconds for one step of the reference. */
static double theirs(struct bench *b, enum bare_kind kind)
{
        const struct bare_batch all = {STEPS, AT_ONCE};
        return bare_run(kind, b->noop, b->dir, &all, 1) / STEPS;
}

static bool ratio_row(struct bench *b, const char *row, const char *what, enum bare_kind kind,
                      double goal)
{
        double ratios[ROUNDS], mine[ROUNDS], other[ROUNDS];
        ours(b, STEPS, false);
        theirs(b, kind);
        for (int i = 0; i < ROUNDS; i++) {
                if (i % 2)
                        other[i] = theirs(b, kind);
                mine[i] = ours(b, STEPS, false);
                if (i % 2 == 0)
                        other[i] = theirs(b, kind);
                ratios[i] = other[i] / mine[i];
        }
        bench_median(ratios, ROUNDS);
        bench_median(mine, ROUNDS);
        bench_median(other, ROUNDS);
        printf("   %s: ours %.0f us a step, %s %.0f us; ratios %.2f..%.2f (quartiles), %d at "
               "once\n",
               row, mine[ROUNDS / 2], what, other[ROUNDS / 2], ratios[ROUNDS / 4],
               ratios[ROUNDS - 1 - ROUNDS / 4], AT_ONCE);
        return bench_report(row, ratios[ROUNDS / 2], BENCH_AT_LEAST, goal, "");
}

static bool row_s1(struct bench *b)
{
        open_runner(b, ISOLATION_NONE);
        bool ok = ratio_row(b, "S1", "posix_spawn + waitpid", BARE_SPAWN, 0.70);
        b->runner = runner_free(b->runner);
        return ok;
}

/* One at a time, interleaved. */
static bool runc_row(struct bench *b)
{
        double ratios[ROUNDS], mine[ROUNDS], other[ROUNDS];
        b->until_main = b->in_main = b->until_told = 0;
        for (int i = 0; i < ROUNDS; i++) {
                mine[i] = ours(b, SERIAL_STEPS, true);
                other[i] = runc(b, i);
                ratios[i] = other[i] / mine[i];
                if (other[i] < 0) {
                        printf("S3-runc skipped: no runc that works here\n");
                        return true;
                }
        }
        bench_median(ratios, ROUNDS);
        bench_median(mine, ROUNDS);
        bench_median(other, ROUNDS);
        double n = ROUNDS * SERIAL_STEPS;
        printf("   S3-runc: one at a time: ours %.0f us (until main starts %.0f, main and outputs "
               "%.0f, until told %.0f), runc run %.0f us; ratios "
               "%.1f..%.1f (quartiles)\n",
               mine[ROUNDS / 2], b->until_main / n, b->in_main / n, b->until_told / n,
               other[ROUNDS / 2], ratios[ROUNDS / 4], ratios[ROUNDS - 1 - ROUNDS / 4]);
        return bench_report("S3-runc", ratios[ROUNDS / 2], BENCH_AT_LEAST, 10, "");
}

static bool row_s3(struct bench *b)
{
        if (geteuid() != 0) {
                printf("S3 skipped: the reference needs root\n");
                return true;
        }
        open_runner(b, ISOLATION_SANDBOX);
        bool ok = ratio_row(b, "S3", "clone + overlay + pivot_root + exec", BARE_SANDBOX, 0.70);
        ok = runc_row(b) && ok;
        b->runner = runner_free(b->runner);
        return ok;
}

static char *beside_me(const char *name)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        self[n > 0 ? n : 0] = '\0';
        *strrchr(self, '/') = '\0';
        return mem_printf("%s/%s", self, name);
}

int main(int argc, char **argv)
{
        struct bench b = {.noop = beside_me("static_noop")};
        struct err e = {0};
        const char *parent = "/tmp", *row = NULL;
        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--dir") && i + 1 < argc)
                        parent = argv[++i];
                else
                        row = argv[i];
        }
        b.dir = mem_printf("%s/tiphys-step-XXXXXX", parent);
        AUTO(mem_free)
        char *bin = beside_me("../bin"), *path = mem_printf("%s:%s", bin, getenv("PATH"));
        setenv("PATH", path, 1);
        if (!mkdtemp(b.dir) || loop_new(&b.loop, clock_system(), &e) < 0 ||
            pool_new(&b.pool, b.loop, 1, &e) < 0)
                die("start");
        bool ok = true;
        if (!row || streq(row, "S1"))
                ok = row_s1(&b) && ok;
        if (!row || streq(row, "S3"))
                ok = row_s3(&b) && ok;
        b.pool = pool_free(b.pool);
        b.loop = loop_free(b.loop);
        if (fs_remove_tree(b.dir, &e) < 0)
                fprintf(stderr, "step_start: %s\n", err_msg(&e));
        mem_free(b.dir);
        mem_free(b.noop);
        return ok ? 0 : 1;
}
