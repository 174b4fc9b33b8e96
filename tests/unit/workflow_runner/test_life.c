/* tests/unit/workflow_runner/test_life.c: kills, deadlines, and what a runner that was restarted
 * finds. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/log.h"
#include "tests/unit/workflow_runner/harness.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NONE(test) cmocka_unit_test_setup_teardown(test, harness_setup_none, harness_teardown)
#define ROOT(test)                                                                         \
        {                                                                                  \
#test "_in_a_sandbox", test, harness_setup_sandbox, harness_teardown, NULL \
        }
#define BOTH(test) NONE(test), ROOT(test)

/* Says on its log when it is ready; then waits. */
#define WAITING(prepare)                                     \
        "{'script': {'command': ['sh'], 'source': '" prepare \
        " echo ready; while :; do sleep 1000 & wait; done'}}"

static void wait_until_ready(struct harness *h, const char *node)
{
        wait_running(h, node);
        wait_log(h, node, "ready");
}

static void a_killed_step_ends_with_143_or_as_it_chooses(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const struct {
                const char *name, *template;
                int grace_s;
                enum pod_phase phase;
                int code;
                const char *message;
        } rows[] = {
                {"plain", WAITING(""), 10, POD_FAILED, 143, "main: Error (exit code 143)"},
                {"polite", WAITING("trap `exit 0` TERM;"), 10, POD_SUCCEEDED, 0, ""},
                {"own-code", WAITING("trap `exit 7` TERM;"), 10, POD_FAILED, 7,
                 "main: Error (exit code 7)"},
                {"at-once", WAITING("trap `` TERM;"), 0, POD_FAILED, 137,
                 "main: Error (exit code 137)"},
                {"stubborn", WAITING("trap `` TERM;"), 1, POD_FAILED, 137,
                 "main: Error (exit code 137)"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                start_with(h, rows[i].name, rows[i].template, false, 0);
                wait_until_ready(h, rows[i].name);
                runner_kill(h->runner, UID, rows[i].name, rows[i].grace_s);
                struct told *t = wait_done(h, rows[i].name);
                assert_string_equal(t->message, rows[i].message);
                assert_int_equal(t->phase, rows[i].phase);
                assert_int_equal(t->exit_code, rows[i].code);
        }
        runner_kill(h->runner, UID, "no-such-node", 1);
}

static void a_kill_takes_the_whole_process_group(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "group",
                   "{'script': {'command': ['sh'], 'source': 'trap : TERM; sh -c `trap \\\"echo "
                   "child got "
                   "it; exit\\\" TERM; echo ready; sleep 1000 & wait` & wait; wait; exit 9'}}",
                   false, 0);
        wait_until_ready(h, "group");
        runner_kill(h->runner, UID, "group", 10);
        assert_int_equal(wait_done(h, "group")->exit_code, 9);
        AUTO(mem_free) char *text = log_text(h, "group");
        assert_non_null(strstr(text, "child got it"));
}

static void a_deadline_ends_the_step_with_argo_s_words(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "late", WAITING(""), false, 1);
        struct told *t = wait_done(h, "late");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message,
                            "Pod was active on the node longer than the specified deadline");
        assert_int_equal(t->exit_code, 143);
        assert_in_range(t->finished.ns - t->started.ns, 900 * NS_PER_MS, 10 * NS_PER_S);
        start_with(h, "in-time", "{'container': {'command': ['true']}}", false, 1);
        assert_int_equal(wait_done(h, "in-time")->phase, POD_SUCCEEDED);
}

static void a_step_that_waits_its_turn_can_be_killed(void **state)
{
        struct harness *h = *state;
        harness_close(h);
        h->max_running = 1;
        harness_open(h);
        start_with(h, "runs", WAITING(""), false, 0);
        start_with(h, "waits", "{'container': {'command': ['touch', '%DIR%/ran']}}", false, 0);
        wait_until_ready(h, "runs");
        runner_kill(h->runner, UID, "waits", 1);
        struct told *t = wait_done(h, "waits");
        assert_string_equal(t->message,
                            "main: Error (exit code 143): killed before it was started");
        runner_kill(h->runner, UID, "runs", 1);
        wait_done(h, "runs");
        AUTO(mem_free) char *ran = fs_join(h->dir, "ran");
        assert_false(fs_exists(ran));
}

/* ---- restarts ---- */

#define SLOW_WORK                                                                                  \
        "{'script': {'command': ['sh'], 'source': 'echo ready; while ! test -e /go/go; do read x " \
        "< /proc/uptime; done; echo 42 > "                                                         \
        "/tmp/out; exit 0', 'volumeMounts': [{'name': 'v', 'mountPath': '/go'}]}, 'volumes': "     \
        "[{'name': 'v', 'hostPath': {'path': "                                                     \
        "'%DIR%/go'}}], 'outputs': {'parameters': [{'name': 'o', 'valueFrom': {'path': "           \
        "'/tmp/out'}}]}}"

static void let_go(struct harness *h)
{
        AUTO(mem_free) char *go = mem_printf("%s/go/go", h->dir);
        assert_int_equal(fs_write_atomic(go, "", 0, 0644, NULL), 0);
}

static void a_new_runner_adopts_what_still_runs(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "slow", SLOW_WORK, false, 0);
        wait_until_ready(h, "slow");
        int64_t started = told(h, "slow")->started.ns;
        harness_close(h);
        told_forget(told(h, "slow"));
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "slow"));
        wait_running(h, "slow");
        assert_int_equal(told(h, "slow")->started.ns, started);
        let_go(h);
        struct told *t = wait_done(h, "slow");
        assert_int_equal(t->phase, POD_SUCCEEDED);
        assert_string_equal(param(t, "o"), "42");
        assert_int_equal(t->n, 2);
}

/* Who holds the lock of the state file; 0: nobody. */
static pid_t supervisor(struct harness *h, const char *node)
{
        AUTO(mem_free) char *path = mem_printf("%s/pods/" UID "/%s", h->dir, node);
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETLK, &l), 0);
        close(fd);
        return l.l_type == F_UNLCK ? 0 : l.l_pid;
}

static void a_new_runner_hears_of_an_end_while_nobody_listened(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "slow", SLOW_WORK, false, 0);
        wait_until_ready(h, "slow");
        harness_close(h);
        told_forget(told(h, "slow"));
        let_go(h);
        const bool never = false;
        for (int i = 0; i < 4000 && supervisor(h, "slow"); i++)
                loop_run_until(h->loop, &never, 5);
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "slow"));
        struct told *t = wait_done(h, "slow");
        assert_int_equal(t->phase, POD_SUCCEEDED);
        assert_string_equal(param(t, "o"), "42");
}

static void an_adopted_step_can_be_killed(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "slow", WAITING("trap `` TERM;"), false, 0);
        wait_until_ready(h, "slow");
        harness_close(h);
        told_forget(told(h, "slow"));
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "slow"));
        runner_kill(h->runner, UID, "slow", 1);
        assert_int_equal(wait_done(h, "slow")->exit_code, 137);
}

/* A controller that is killed with SIGKILL, in a process of its own. */
static void a_step_survives_the_death_of_its_controller(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        harness_close(h);
        pid_t controller = fork();
        if (controller == 0) {
                struct err e = {0};
                h->pool = NULL;
                if (loop_new(&h->loop, clock_system(), &e) < 0)
                        _exit(1);
                harness_open(h);
                start_with(h, "slow", SLOW_WORK, false, 0);
                loop_run(h->loop);
                _exit(0);
        }
        AUTO(mem_free) char *log = mem_printf("logs/" UID "/slow.main.log");
        assert_true(wait_file(h, log));
        const bool never = false;
        for (int i = 0; i < 4000; i++) {
                AUTO(mem_free) char *text = log_text(h, "slow");
                if (strstr(text, "ready"))
                        break;
                loop_run_until(h->loop, &never, 5);
        }
        kill(controller, SIGKILL);
        waitpid(controller, NULL, 0);
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "slow"));
        let_go(h);
        struct told *t = wait_done(h, "slow");
        assert_string_equal(t->message, "");
        assert_string_equal(param(t, "o"), "42");
}

/* "<time> stdout <pid> ready" */
static bool main_is_gone(struct harness *h, const char *node)
{
        AUTO(mem_free) char *text = log_text(h, node);
        const bool never = false;
        pid_t pid = (pid_t)atoi(strstr(text, "stdout ") + 7);
        assert_true(pid > 1);
        for (int i = 0; i < 4000 && kill(pid, 0) == 0;
             i++) /* it goes with its parent; somebody has to reap it */
                loop_run_until(h->loop, &never, 5);
        return kill(pid, 0) < 0;
}

static void a_pod_whose_supervisor_was_killed_is_deleted(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        for (int adopted = 0; adopted < 2; adopted++) {
                const char *node = adopted ? "adopted" : "live";
                start_with(h, node,
                           "{'script': {'command': ['sh'], 'source': 'echo $$ ready; exec sleep "
                           "1000'}}",
                           false, 0);
                wait_until_ready(h, node);
                if (adopted) {
                        harness_close(h);
                        told_forget(told(h, node));
                        harness_open(h);
                        assert_true(runner_adopt(h->runner, UID, node));
                        wait_running(h, node);
                }
                pid_t pid = supervisor(h, node);
                assert_true(pid > 1);
                kill(pid, SIGKILL);
                struct told *t = wait_done(h, node);
                assert_int_equal(t->phase, POD_ERROR);
                assert_string_equal(t->message, "pod deleted");
                assert_int_equal(t->exit_code, -1);
                if (h->isolation == ISOLATION_NONE)
                        assert_true(main_is_gone(h, node));
                /* and it stays so */
                harness_close(h);
                told_forget(t);
                harness_open(h);
                assert_true(runner_adopt(h->runner, UID, node));
                assert_string_equal(wait_done(h, node)->message, "pod deleted");
        }
        /* nobody was left to tidy up: the next one does */
        assert_int_equal(run(h, "{'container': {'command': ['true']}}")->phase, POD_SUCCEEDED);
}

static void steps_go_on_when_the_executor_dies_and_new_ones_start(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "slow", SLOW_WORK, false, 0);
        wait_until_ready(h, "slow");
        kill_executor(h);
        start_with(h, "later", "{'container': {'command': ['true']}}", false, 0);
        assert_int_equal(wait_done(h, "later")->phase, POD_SUCCEEDED);
        let_go(h);
        assert_string_equal(param(wait_done(h, "slow"), "o"), "42");
}

static void what_never_started_leaves_no_trace(void **state)
{
        struct harness *h = *state;
        AUTO(mem_free)
        char *dir = mem_printf("%s/pods/" UID, h->dir), *empty = fs_join(dir, "empty"),
             *torn = fs_join(dir, "torn");
        assert_false(runner_adopt(h->runner, UID, "unknown"));
        assert_int_equal(fs_mkdirs(dir, 0700, NULL), 0);
        assert_int_equal(fs_write_atomic(empty, "", 0, 0600, NULL), 0);
        assert_false(runner_adopt(h->runner, UID, "empty"));
        assert_false(fs_exists(empty));
        start_with(h, "empty", "{'container': {'command': ['true']}}", false, 0);
        assert_int_equal(wait_done(h, "empty")->phase, POD_SUCCEEDED);
        assert_int_equal(fs_write_atomic(torn, "half a fra", 10, 0600, NULL), 0);
        assert_true(runner_adopt(h->runner, UID, "torn"));
        assert_string_equal(wait_done(h, "torn")->message, "pod deleted");
}

static void names_that_are_no_file_names_are_refused(void **state)
{
        struct harness *h = *state;
        static const char *const names[] = {"../x", "a/b", "", ".hidden"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                start_with(h, names[i], "{'container': {'command': ['true']}}", false, 0);
                struct told *t = wait_done(h, names[i]);
                assert_int_equal(t->phase, POD_ERROR);
                assert_non_null(strstr(t->message, "cannot be a file name"));
                assert_false(runner_adopt(h->runner, UID, names[i]));
        }
}

static void forgetting_removes_the_pods_and_all_of_it_if_asked(void **state)
{
        struct harness *h = *state;
        struct told *t = run(h, "{'script': {'command': ['sh'], 'source': 'echo x | tee %DIR%/f'}, "
                                "'outputs': {'artifacts': [{'name': 'f', "
                                "'path': '%DIR%/f'}]}}");
        assert_string_equal(t->message, "");
        AUTO(mem_free)
        char *pods = mem_printf("%s/pods/" UID, h->dir),
             *log = runner_log_path(h->dir, UID, t->node, "main");
        AUTO(mem_free)
        char *stored =
                mem_printf("%s/artifacts/%s", h->dir, json_str(artifact(t, "f"), "folder", "key"));
        AUTO(mem_free) char *top = mem_printf("%s/artifacts/default", h->dir);
        const bool never = false;
        assert_true(fs_exists(pods) && fs_exists(log) && fs_exists(stored));
        runner_forget(h->runner, UID, FORGET_PODS);
        assert_false(fs_exists(pods)); /* at once: the workflow may be retried */
        for (int i = 0; i < 4000 && fs_exists(pods); i++)
                loop_run_until(h->loop, &never, 5);
        assert_true(!fs_exists(pods) && fs_exists(log) && fs_exists(stored));
        runner_forget(h->runner, UID, FORGET_ARTIFACTS);
        for (int i = 0; i < 4000 && fs_exists(log); i++)
                loop_run_until(h->loop, &never, 5);
        assert_true(!fs_exists(log) && !fs_exists(stored) && !fs_exists(top));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                BOTH(a_killed_step_ends_with_143_or_as_it_chooses),
                BOTH(a_kill_takes_the_whole_process_group),
                BOTH(a_deadline_ends_the_step_with_argo_s_words),
                NONE(a_step_that_waits_its_turn_can_be_killed),
                ROOT(a_new_runner_adopts_what_still_runs),
                ROOT(a_new_runner_hears_of_an_end_while_nobody_listened),
                BOTH(an_adopted_step_can_be_killed),
                ROOT(a_step_survives_the_death_of_its_controller),
                BOTH(a_pod_whose_supervisor_was_killed_is_deleted),
                ROOT(steps_go_on_when_the_executor_dies_and_new_ones_start),
                NONE(what_never_started_leaves_no_trace),
                NONE(names_that_are_no_file_names_are_refused),
                NONE(forgetting_removes_the_pods_and_all_of_it_if_asked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
