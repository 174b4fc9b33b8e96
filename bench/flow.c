/* bench/flow.c: rows S4 and S5: whole workflows on our controller, store and runner, with durable
 * state at each step, beside the same processes started by the bare system calls.
 *
 *   S4, S4.sandbox   a diamond of four steps : raw spawns 1, 2, 1 (or bare sandboxes)
 *   S5, S5.sandbox   a chain of 40 steps : 40 raw spawns in sequence (or bare sandboxes)
 *
 * The body is /bin/true on both sides. Time runs from the submission of the Workflow until its
 * success stands in the store. Rounds A B B A; the figure is the median of the ratios.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/bare.h"
#include "bench/rows.h"
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "common/store/store.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 11, CHAIN = 40, WAIT_MS = 60000 };
#define BODY "/bin/true"

struct house {
        char *dir;
        struct loop *loop;
        struct pool *pool;
        struct db *db;
        struct store *store;
        struct controller_config *config;
        struct controller *controller;
        struct runner *runner;
        struct store_follow *follow;
        const char *waiting; /* name of the workflow under way */
        bool done, synced;
};

static NORETURN void die(const char *what, const struct err *e)
{
        bench_die("flow", what, e);
}

static void on_set(void *arg, json_t *obj)
{
        struct house *h = arg;
        const char *phase = json_str(obj, "status", "phase");
        if (!h->waiting || !streq(obj_name(obj), h->waiting) || !phase)
                return;
        if (streq(phase, "Failed") || streq(phase, "Error"))
                die(json_str(obj, "status", "message"), NULL);
        h->done |= streq(phase, "Succeeded");
}

static void on_gone(void *arg UNUSED, json_t *obj UNUSED)
{
}

static void on_synced(void *arg)
{
        ((struct house *)arg)->synced = true;
}

static void house_open(struct house *h, const char *parent, int isolation)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        const struct store_list_opts opts = {.no_nodes = true}; /* its phase is looked at */
        struct err e = {0};
        const struct db_options daemon = {.many_commits = true};
        *h = (struct house){.dir = mem_printf("%s/tiphys-flow-XXXXXX", parent)};
        if (!mkdtemp(h->dir))
                die(h->dir, NULL);
        AUTO(mem_free) char *path = fs_join(h->dir, "tiphys.db");
        log_configure(LOG_ERROR, LOG_LOGFMT);
        if (controller_config_load(&h->config, NULL, &e) < 0 ||
            loop_new(&h->loop, clock_system(), &e) < 0 || pool_new(&h->pool, h->loop, 1, &e) < 0 ||
            db_open(&h->db, h->loop, path, &daemon, &e) < 0 ||
            store_embedded(&h->store, h->db, &e) < 0)
                die("opening", &e);
        struct controller_options co = {.loop = h->loop, .store = h->store, .config = h->config};
        struct runner_local_options ro = {.loop = h->loop,
                                          .pool = h->pool,
                                          .store = h->store,
                                          .data_dir = h->dir,
                                          .isolation = isolation};
        if (controller_new(&h->controller, &co, &e) < 0 ||
            runner_local(&h->runner, &ro, controller_on_pod, h->controller, &e) < 0 ||
            controller_start(h->controller, h->runner, &e) < 0 ||
            store_follow(&h->follow, h->store, &STORE_WORKFLOW, NULL, &opts, &handlers, h, &e) < 0)
                die("starting", &e);
        if (!loop_run_until(h->loop, &h->synced, WAIT_MS))
                die("it does not start", NULL);
}

static void house_close(struct house *h)
{
        struct err e = {0};
        store_follow_stop(h->follow);
        controller_free(h->controller);
        runner_free(h->runner);
        store_close(h->store);
        db_close(h->db);
        pool_free(h->pool);
        loop_free(h->loop);
        controller_config_free(h->config);
        if (fs_remove_tree(h->dir, &e) < 0)
                fprintf(stderr, "flow: %s\n", err_msg(&e));
        mem_free(h->dir);
}

/* ---- workflows ---- */

static json_t *workflow_of(const char *name, json_t *template_taken)
{
        json_object_set_new(template_taken, "name", json_string("main"));
        return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:[o, {s:s, s:{s:s, s:[s]}}]}}",
                         "apiVersion", "argoproj.io/v1alpha1", "kind", "Workflow", "metadata",
                         "name", name, "namespace", "default", "spec", "entrypoint", "main",
                         "templates", template_taken, "name", "body", "container", "image", "host",
                         "command", BODY);
}

static json_t *diamond(void)
{
        return json_pack("{s:{s:[{s:s,s:s},{s:s,s:s,s:[s]},{s:s,s:s,s:[s]},{s:s,s:s,s:[s,s]}]}}",
                         "dag", "tasks", "name", "a", "template", "body", "name", "b", "template",
                         "body", "dependencies", "a", "name", "c", "template", "body",
                         "dependencies", "a", "name", "d", "template", "body", "dependencies", "b",
                         "c");
}

static json_t *chain(void)
{
        json_t *groups = json_array();
        for (int i = 0; i < CHAIN; i++) {
                AUTO(mem_free) char *name = mem_printf("s%d", i);
                json_array_append_new(groups,
                                      json_pack("[{s:s, s:s}]", "name", name, "template", "body"));
        }
        return json_pack("{s:o}", "steps", groups);
}

static double ours(struct house *h, json_t *(*make)(void))
{
        static int number;
        AUTO(mem_free) char *name = mem_printf("flow-%d", number++);
        AUTO_JSON json_t *workflow = workflow_of(name, make()), *stored = NULL;
        struct err e = {0};
        h->waiting = name;
        h->done = false;
        double from = bench_now_us();
        if (store_create_now(h->store, &STORE_WORKFLOW, "default", workflow, &stored, &e) < 0)
                die("submit", &e);
        if (!loop_run_until(h->loop, &h->done, WAIT_MS))
                die("it does not end", NULL);
        double us = bench_now_us() - from;
        h->waiting = NULL;
        return us;
}

/* ---- rows ---- */

struct row {
        const char *name;
        json_t *(*make)(void);
        struct bare_batch batches[3];
        size_t n;
        double goal; /* ours / theirs at most */
};
static const struct row rows[] = {
        {"S4", diamond, {{1, 1}, {2, 2}, {1, 1}}, 3, 1.6},
        {"S5", chain, {{CHAIN, 1}}, 1, 2},
};

static bool run_row(struct house *h, const struct row *row, enum bare_kind kind)
{
        double ratios[ROUNDS], mine[ROUNDS], other[ROUNDS];
        ours(h, row->make);
        for (int i = 0; i < ROUNDS; i++) {
                if (i % 2)
                        other[i] = bare_run(kind, BODY, h->dir, row->batches, row->n);
                mine[i] = ours(h, row->make);
                if (i % 2 == 0)
                        other[i] = bare_run(kind, BODY, h->dir, row->batches, row->n);
                ratios[i] = mine[i] / other[i];
        }
        AUTO(mem_free)
        char *name = mem_printf("%s%s", row->name, kind == BARE_SANDBOX ? ".sandbox" : "");
        double ratio = bench_median(ratios, ROUNDS);
        printf("   %s: ours %.2f ms, bare %.2f ms; ratios %.2f..%.2f (quartiles)\n", name,
               bench_median(mine, ROUNDS) / 1e3, bench_median(other, ROUNDS) / 1e3,
               bench_quartile(ratios, ROUNDS, 1), bench_quartile(ratios, ROUNDS, 3));
        return bench_report(name, ratio, BENCH_AT_MOST, row->goal, "x");
}

int main(int argc, char **argv)
{
        const char *only = argc > 1 ? argv[1] : NULL, *parent = getenv("TMPDIR");
        char here[PATH_MAX], self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        bool good = true;
        self[n > 0 ? n : 0] = '\0';
        *strrchr(self, '/') = '\0';
        AUTO(mem_free) char *path = mem_printf("%s/../bin:%s", self, getenv("PATH"));
        setenv("PATH", path, 1);
        if (!parent)
                parent = getcwd(here, sizeof(here));
        for (int kind = BARE_SPAWN; kind <= BARE_SANDBOX; kind++) {
                struct house h;
                if (kind == BARE_SANDBOX && geteuid() != 0) {
                        printf("S4.sandbox, S5.sandbox skipped: the reference needs root\n");
                        break;
                }
                house_open(&h, parent, kind == BARE_SPAWN ? ISOLATION_NONE : ISOLATION_SANDBOX);
                for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                        if (!only || streq(only, rows[i].name))
                                good &= run_row(&h, &rows[i], (enum bare_kind)kind);
                house_close(&h);
        }
        return good ? 0 : 1;
}
