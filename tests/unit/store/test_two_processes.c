/* tests/unit/store/test_two_processes.c: what one process writes to the embedded store, the watches
 * of another see, woken by the commit and not by looking again and again. The test runs itself a
 * second time as the writer. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "common/store/store.h"
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void must(int r, struct err *e)
{
        if (r == 0)
                return;
        fprintf(stderr, "%s\n", err_msg(e));
        exit(1);
}

struct side {
        struct loop *loop;
        struct db *db;
        struct store *store;
};

static void side_open(struct side *s, const char *path)
{
        struct err e = {0};
        must(loop_new(&s->loop, clock_system(), &e), &e);
        must(db_open(&s->db, s->loop, path, NULL, &e), &e);
        must(store_embedded(&s->store, s->db, &e), &e);
}

static void side_close(struct side *s)
{
        store_close(s->store);
        db_close(s->db);
        loop_free(s->loop);
}

static json_t *workflow(const char *name)
{
        return json_pack("{s:s, s:s, s:{s:s}, s:{}}", "apiVersion", "argoproj.io/v1alpha1", "kind",
                         "Workflow", "metadata", "name", name, "spec");
}

/* ---- the writer: one command per line, "ok" after each ---- */

static void obey(struct side *s, const char *verb, const char *name)
{
        struct err e = {0};
        struct store_ref ref = {&STORE_WORKFLOW, "default", name};
        AUTO_JSON json_t *obj = workflow(name);
        AUTO_JSON json_t *patch = json_pack("{s:{s:s}}", "status", "phase", "Running");
        if (streq(verb, "create"))
                must(store_create_now(s->store, &STORE_WORKFLOW, "default", obj, NULL, &e), &e);
        else if (streq(verb, "patch"))
                must(store_patch_now(s->store, ref, STORE_PATCH_MERGE, patch, NULL, &e), &e);
        else
                must(store_delete_now(s->store, ref, NULL, &e), &e);
        puts("ok");
        fflush(stdout);
}

static int be_the_writer(const char *path)
{
        struct side s;
        char verb[16], name[64];
        side_open(&s, path);
        while (scanf("%15s %63s", verb, name) == 2)
                obey(&s, verb, name);
        side_close(&s);
        return 0;
}

/* ---- the test ---- */

struct writer {
        pid_t pid;
        FILE *in, *out;
};

static void writer_start(struct writer *w, const char *path)
{
        int in[2], out[2];
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        char name[] = "test_two_processes";
        char *argv[] = {name, (char *)(uintptr_t)path, NULL};
        assert_int_equal(posix_spawn(&w->pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(in[0]);
        close(out[1]);
        w->in = fdopen(in[1], "w");
        w->out = fdopen(out[0], "r");
}

static void tell(struct writer *w, const char *command)
{
        char line[16];
        fprintf(w->in, "%s\n", command);
        fflush(w->in);
        assert_non_null(fgets(line, sizeof(line), w->out));
        assert_string_equal(line, "ok\n");
}

static void writer_stop(struct writer *w)
{
        int status;
        fclose(w->in);
        fclose(w->out);
        assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
        assert_int_equal(status, 0);
}

struct seen {
        struct buf log;
        const char *wanted;
        bool found;
        size_t changes;
};

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e UNUSED)
{
        struct seen *s = arg;
        buf_addf(&s->log, "%c%s ", "amd"[type], obj_name(obj));
        s->found = strstr(buf_str(&s->log), s->wanted);
}

static void on_change(void *arg)
{
        ((struct seen *)arg)->changes++;
}

static void wait_for_it(struct side *side, struct seen *s, const char *wanted)
{
        s->wanted = wanted;
        s->found = strstr(buf_str(&s->log), wanted);
        if (!loop_run_until(side->loop, &s->found, 10000))
                fail_msg("\"%s\" never came, only \"%s\"", wanted, buf_str(&s->log));
}

static void test_a_watch_sees_what_another_process_writes(void **state UNUSED)
{
        struct err e = {0};
        char dir[] = "/tmp/test_two.XXXXXX";
        assert_non_null(mkdtemp(dir));
        AUTO(mem_free) char *path = fs_join(dir, "db");
        struct side s;
        struct writer w;
        struct seen seen = {.log = BUF_INIT(4096), .wanted = "?"};
        struct db_listener listener;
        struct store_watch *watch;
        side_open(&s, path);
        db_on_change(s.db, &listener, on_change, &seen);
        store_watch(&watch, s.store, &STORE_WORKFLOW, "default", NULL, NULL, on_event, &seen);
        writer_start(&w, path);
        tell(&w, "create a");
        wait_for_it(&s, &seen, "aa ");
        tell(&w, "patch a");
        wait_for_it(&s, &seen, "ma ");
        tell(&w, "delete a");
        wait_for_it(&s, &seen, "da ");
        bool never = false;
        loop_run_until(s.loop, &never, 100); /* the last wake-up may come behind what it tells of */
        size_t changes = seen.changes;
        loop_run_until(s.loop, &never, 100);
        assert_int_equal(seen.changes, changes); /* nobody looks when nothing happens */
        AUTO_JSON json_t *mine = workflow("mine");
        must(store_create_now(s.store, &STORE_WORKFLOW, "default", mine, NULL, &e), &e);
        tell(&w, "patch mine"); /* the other way round */
        wait_for_it(&s, &seen, "mmine ");
        assert_string_equal(buf_str(&seen.log), "aa ma da amine mmine ");
        writer_stop(&w);
        store_watch_stop(watch);
        db_off_change(s.db, &listener);
        side_close(&s);
        buf_deinit(&seen.log);
        assert_int_equal(fs_remove_tree(dir, &e), 0);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_watch_sees_what_another_process_writes),
        };
        if (argc > 1)
                return be_the_writer(argv[1]);
        return cmocka_run_group_tests_name("two processes", tests, NULL, NULL);
}
