/* tests/unit/workflow_runner/test_worker.c: workers that wait for pods: what is held until it is
 * released, and what one pod may leave to the next. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "tests/unit/workflow_runner/harness.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define TOUCH(file) "{'container': {'command': ['sh', '-c', 'echo x >> %DIR%/" file "']}}"
#define NOTHING "{'container': {'command': ['true']}}"

static void hold(struct harness *h, const char *node, const char *template)
{
        start_held(h, node, template);
        run(h, NOTHING); /* so much later */
        assert_int_equal(told(h, node)->n, 0);
}

static bool there(struct harness *h, const char *name)
{
        AUTO(mem_free) char *path = fs_join(h->dir, name);
        return fs_exists(path);
}

/* ---- held pods ---- */

static void a_held_step_starts_when_it_is_released(void **state)
{
        struct harness *h = *state;
        hold(h, "held", TOUCH("ran"));
        assert_false(there(h, "ran") || there(h, "pods/" UID "/held"));
        runner_release(h->runner, UID, "held");
        assert_int_equal(wait_done(h, "held")->phase, POD_SUCCEEDED);
        assert_true(there(h, "ran") && there(h, "pods/" UID "/held"));
}

static void a_held_step_in_a_sandbox_starts_when_it_is_released(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        hold(h, "held", "{'container': {'command': ['echo', 'it runs']}}");
        assert_false(there(h, "pods/" UID "/held"));
        runner_release(h->runner, UID, "held");
        assert_int_equal(wait_done(h, "held")->phase, POD_SUCCEEDED);
        AUTO(mem_free) char *text = log_text(h, "held");
        assert_non_null(strstr(text, "it runs"));
}

static void what_is_wrong_with_a_held_step_is_told_when_it_is_released(void **state)
{
        struct harness *h = *state;
        hold(h, "bad",
             "{'container': {'command': ['true'], 'env': [{'name': 'X', 'valueFrom': "
             "{'secretKeyRef': {'name': 'keys', 'key': 'x'}}}]}}");
        runner_release(h->runner, UID, "bad");
        assert_int_equal(wait_done(h, "bad")->phase, POD_ERROR);
}

static void a_held_step_that_is_dropped_leaves_no_trace(void **state)
{
        struct harness *h = *state;
        hold(h, "held", TOUCH("ran"));
        runner_drop(h->runner, UID, "held");
        run(h, NOTHING);
        assert_false(there(h, "ran") || runner_adopt(h->runner, UID, "held"));
        start_with(h, "held", TOUCH("ran"), false, 0);
        assert_int_equal(wait_done(h, "held")->phase, POD_SUCCEEDED);
}

static void what_was_held_when_the_runner_ended_leaves_no_trace(void **state)
{
        struct harness *h = *state;
        hold(h, "held", TOUCH("ran"));
        harness_close(h);
        harness_open(h);
        assert_false(runner_adopt(h->runner, UID, "held"));
        start_with(h, "held", TOUCH("ran"), false, 0);
        assert_int_equal(wait_done(h, "held")->phase, POD_SUCCEEDED);
        AUTO(mem_free) char *path = fs_join(h->dir, "ran"), *text = file_text(path);
        assert_string_equal(text, "x\n");
}

static void a_held_step_outlives_the_executor(void **state)
{
        struct harness *h = *state;
        hold(h, "held", TOUCH("ran"));
        kill_executor(h);
        run(h, NOTHING);
        assert_false(there(h, "ran"));
        runner_release(h->runner, UID, "held");
        assert_int_equal(wait_done(h, "held")->phase, POD_SUCCEEDED);
        AUTO(mem_free) char *path = fs_join(h->dir, "ran"), *text = file_text(path);
        assert_string_equal(text, "x\n");
}

static void more_are_held_than_may_run(void **state)
{
        struct harness *h = *state;
        harness_close(h);
        h->max_running = 1;
        harness_open(h);
        start_held(h, "first", TOUCH("ran"));
        start_held(h, "second", TOUCH("ran"));
        runner_release(h->runner, UID, "second"); /* it waits for the place of the first */
        assert_int_equal(told(h, "second")->n, 0);
        runner_release(h->runner, UID, "first");
        assert_int_equal(wait_done(h, "first")->phase, POD_SUCCEEDED);
        assert_int_equal(wait_done(h, "second")->phase, POD_SUCCEEDED);
}

/* ---- one after the other ---- */

static const char *parent_of(struct harness *h)
{
        return result(run_capture(h, "{'container': {'command': ['sh', '-c', 'echo $PPID']}}"));
}

static void a_step_finds_its_folder_as_if_it_were_the_first(void **state)
{
        struct harness *h = *state;
        static const char *const before[] = {
                "echo x > left; mkdir -p a/b; chmod 0 a . ",
                "mv $PWD $PWD.away; mkdir $PWD; echo x > $PWD/left ",
                "rmdir $PWD ",
                "rmdir $PWD; ln -s / $PWD ",
        };
        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
                AUTO(mem_free)
                char *t = mem_printf("{'script': {'command': ['sh'], 'source': '%s'}}", before[i]);
                AUTO(mem_free) char *worker = mem_strdup(parent_of(h));
                assert_int_equal(run(h, t)->phase, POD_SUCCEEDED);
                struct told *after = run_capture(h, "{'container': {'command': ['sh', '-c', "
                                                    "'ls -A; stat -c %a .; echo $PPID']}}");
                AUTO(mem_free) char *wanted = mem_printf("1777\n%s", worker);
                assert_string_equal(result(after), wanted); /* and it was the same worker */
        }
}

static void a_worker_that_has_died_is_replaced(void **state)
{
        struct harness *h = *state;
        pid_t worker = (pid_t)atoi(parent_of(h));
        assert_true(worker > 1);
        kill(worker, SIGKILL);
        while (kill(worker, 0) == 0) /* until the executor has seen it */
                usleep(1000);
        assert_int_equal(run(h, NOTHING)->phase, POD_SUCCEEDED);
        assert_int_not_equal(atoi(parent_of(h)), worker);
}

/* The word to end the first comes late: its worker has another pod by then. */
static void a_kill_meets_the_pod_it_was_meant_for(void **state)
{
        struct harness *h = *state;
        for (int i = 0; i < 25; i++) {
                char node[32];
                snprintf(node, sizeof(node), "first-%d", i);
                start_with(h, node, NOTHING, false, 0);
                if (i % 2)
                        runner_kill(h->runner, UID, node, 0);
                wait_done(h, node);
                runner_kill(h->runner, UID, node, 0);
                assert_int_equal(run(h, NOTHING)->phase, POD_SUCCEEDED);
        }
}

static size_t entries(struct harness *h, const char *folder)
{
        AUTO(mem_free) char *path = fs_join(h->dir, folder);
        DIR *d = opendir(path);
        size_t n = 0;
        for (const struct dirent *e; d && (e = readdir(d));)
                n += e->d_name[0] != '.';
        if (d)
                closedir(d);
        return n;
}

static void state_files_are_used_again(void **state)
{
        struct harness *h = *state;
        const bool never = false;
        for (int i = 0; i < 3; i++)
                run(h, NOTHING);
        assert_int_equal(entries(h, "spare"), 0);
        runner_forget(h->runner, UID, FORGET_PODS);
        for (int i = 0; i < 4000 && entries(h, "spare") < 3; i++)
                loop_run_until(h->loop, &never, 5);
        loop_run_until(h->loop, &never, 5);
        run(h, NOTHING);
        run(h, NOTHING);
        assert_int_equal(entries(h, "spare"), 1);
        assert_int_equal(entries(h, "pods/" UID), 2);
        harness_close(h);
        harness_open(h);
        assert_int_equal(entries(h, "spare"), 0);
}

#define NONE(t) cmocka_unit_test_setup_teardown(t, harness_setup_none, harness_teardown)
#define ROOT(t) cmocka_unit_test_setup_teardown(t, harness_setup_sandbox, harness_teardown)
#define USER(t)                                                              \
        {                                                                    \
#t "_as_user", t, harness_setup_user, harness_teardown, NULL \
        }

int main(void)
{
        const struct CMUnitTest tests[] = {
                NONE(a_held_step_starts_when_it_is_released),
                ROOT(a_held_step_in_a_sandbox_starts_when_it_is_released),
                USER(a_held_step_in_a_sandbox_starts_when_it_is_released),
                NONE(what_is_wrong_with_a_held_step_is_told_when_it_is_released),
                NONE(a_held_step_that_is_dropped_leaves_no_trace),
                NONE(what_was_held_when_the_runner_ended_leaves_no_trace),
                NONE(a_held_step_outlives_the_executor),
                NONE(more_are_held_than_may_run),
                NONE(a_step_finds_its_folder_as_if_it_were_the_first),
                NONE(a_worker_that_has_died_is_replaced),
                NONE(a_kill_meets_the_pod_it_was_meant_for),
                NONE(state_files_are_used_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
