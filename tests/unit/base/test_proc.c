/* tests/unit/base/test_proc.c: child processes. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/fs.h"
#include "common/base/proc.h"
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
        struct loop *loop;
        struct proc *proc;
        struct proc_exit how;
        int calls;
        bool ended;
};

static int set_up(void **state)
{
        static struct fixture f;
        f = (struct fixture){0};
        *state = &f;
        return loop_new(&f.loop, clock_system(), NULL);
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        proc_free(f->proc);
        loop_free(f->loop);
        return 0;
}

static void on_exit_note(void *arg, const struct proc_exit *how)
{
        struct fixture *f = arg;
        f->how = *how;
        f->ended = true;
        f->calls++;
}

static void run(struct fixture *f, struct proc_spec spec)
{
        struct err e = {0};
        if (proc_spawn(&f->proc, f->loop, &spec, on_exit_note, f, &e) < 0)
                fail_msg("%s", err_msg(&e));
}

static struct proc_spec shell(const char *const argv[])
{
        return (struct proc_spec){.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
}
#define SHELL(script) shell((const char *const[]){"sh", "-c", (script), NULL})

static void the_exit_code_arrives_once(void **state)
{
        struct fixture *f = *state;
        run(f, SHELL("exit 7"));
        assert_false(f->ended); /* later, from the loop */
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        loop_run_ready(f->loop);
        assert_int_equal(f->how.code, 7);
        assert_int_equal(f->how.signal, 0);
        assert_int_equal(f->calls, 1);
        proc_signal(f->proc, SIGKILL, false); /* harmless */
        proc_signal(f->proc, SIGKILL, true);
}

static void a_signal_reads_as_128_and_its_number(void **state)
{
        struct fixture *f = *state;
        run(f, SHELL("kill -TERM $$"));
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        assert_int_equal(f->how.code, 128 + SIGTERM);
        assert_int_equal(f->how.signal, SIGTERM);
}

static void the_whole_group_is_signalled(void **state)
{
        struct fixture *f = *state;
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        struct proc_spec spec = SHELL("tail -f /dev/null & echo up; wait");
        int never[2];
        assert_int_equal(pipe2(never, O_CLOEXEC), 0);
        spec.stdout_fd = fds[1];
        spec.stdin_fd = never[0];
        run(f, spec);
        close(fds[1]);
        char up[4] = "";
        assert_int_equal(read(fds[0], up, 3), 3);
        proc_signal(f->proc, SIGKILL, true);
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        assert_int_equal(f->how.signal, SIGKILL);
        assert_int_equal(read(fds[0], up, 1), 0); /* tail is gone as well: nobody holds the pipe */
        close(fds[0]);
        close(never[0]);
        close(never[1]);
}

static const char *output_of(struct fixture *f, struct proc_spec spec)
{
        static char text[4096];
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        spec.stdout_fd = fds[1];
        run(f, spec);
        close(fds[1]);
        size_t n = 0;
        ssize_t r;
        while ((r = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
                n += (size_t)r;
        text[n] = '\0';
        close(fds[0]);
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        return text;
}

static void environment_and_folder_are_what_was_asked_for(void **state)
{
        struct proc_spec spec = SHELL("echo \"$A|$HOME|$(pwd)\"");
        spec.envp = (const char *const[]){"A=b c", NULL};
        spec.cwd = "/";
        assert_string_equal(output_of(*state, spec), "b c||/\n");
}

static void no_descriptor_leaks_into_the_child(void **state)
{
        int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
        assert_string_equal(output_of(*state, SHELL("ls /proc/self/fd | tr '\\n' ' '")),
                            "0 1 2 3 ");
        close(leak); /* 3 is the folder that ls reads */
}

static void signals_are_as_new_in_the_child(void **state)
{
        sigset_t set, old;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, &old);
        void (*before)(int) = signal(SIGPIPE, SIG_IGN);
        /* dead by the first, or the exit code tells */
        const char *const scripts[] = {"kill -PIPE $$; exit 3", "kill -TERM $$; exit 3"};
        const int signals[] = {SIGPIPE, SIGTERM};
        struct fixture *f = *state;
        for (int i = 0; i < 2; i++) {
                f->ended = false;
                run(f, SHELL(scripts[i]));
                assert_true(loop_run_until(f->loop, &f->ended, 60000));
                assert_int_equal(f->how.signal, signals[i]);
                f->proc = proc_free(f->proc);
        }
        signal(SIGPIPE, before);
        sigprocmask(SIG_SETMASK, &old, NULL);
}

static void the_streams_of_the_parent_may_be_swapped(void **state)
{
        /* the child's stdout is the parent's stdin and the other way round: order of dup2 must not
         * matter */
        int fds[2], saved = dup(0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(dup2(fds[1], 0), 0);
        struct fixture *f = *state;
        struct proc_spec spec = SHELL("echo out");
        spec.stdin_fd = 1;
        spec.stdout_fd = 0;
        run(f, spec);
        dup2(saved, 0);
        close(saved);
        close(fds[1]);
        char text[5] = "";
        assert_int_equal(read(fds[0], text, 4), 4);
        assert_string_equal(text, "out\n");
        close(fds[0]);
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        assert_int_equal(f->how.code, 0);
}

static void what_cannot_run_is_an_error_at_once(void **state)
{
        struct fixture *f = *state;
        struct err e = {0};
        struct proc_spec spec = shell((const char *const[]){"/no/such/program", NULL});
        assert_int_equal(proc_spawn(&f->proc, f->loop, &spec, on_exit_note, f, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_non_null(strstr(err_msg(&e), "/no/such/program"));
        assert_null(f->proc);
        err_clear(&e);
        spec = SHELL("true");
        spec.cwd = "/no/such/folder";
        assert_int_equal(proc_spawn(&f->proc, f->loop, &spec, on_exit_note, f, &e), -1);
        assert_non_null(strstr(err_msg(&e), "/no/such/folder"));
        err_clear(&e);
}

static void free_in_callback(void *arg, const struct proc_exit *how)
{
        struct fixture *f = arg;
        on_exit_note(arg, how);
        f->proc = proc_free(f->proc);
}

static void the_callback_may_free_its_process(void **state)
{
        struct fixture *f = *state;
        struct proc_spec spec = SHELL("true");
        assert_int_equal(proc_spawn(&f->proc, f->loop, &spec, free_in_callback, f, NULL), 0);
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        assert_int_equal(f->how.code, 0);
}

static void a_process_that_already_runs_can_be_watched(void **state)
{
        struct fixture *f = *state;
        pid_t pid = fork();
        if (pid == 0)
                _exit(5);
        struct err e = {0};
        assert_int_equal(
                proc_watch(&f->proc, f->loop, pid, pidfd_open_pid(pid), on_exit_note, f, &e), 0);
        assert_int_equal(proc_pid(f->proc), pid);
        assert_true(loop_run_until(f->loop, &f->ended, 60000));
        assert_int_equal(f->how.code, 5);
        proc_free(TAKE(f->proc));
        assert_int_equal(proc_watch(&f->proc, f->loop, pid, -1, on_exit_note, f, &e),
                         -1); /* gone */
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
}

static void start_ticks_tell_processes_apart(void **state UNUSED)
{
        assert_true(proc_start_ticks(getpid()) > 0);
        assert_true(proc_start_ticks(getpid()) == proc_start_ticks(getpid()));
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        waitpid(pid, NULL, 0);
        assert_true(proc_start_ticks(pid) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_exit_code_arrives_once),
                TEST(a_signal_reads_as_128_and_its_number),
                TEST(the_whole_group_is_signalled),
                TEST(environment_and_folder_are_what_was_asked_for),
                TEST(no_descriptor_leaks_into_the_child),
                TEST(signals_are_as_new_in_the_child),
                TEST(the_streams_of_the_parent_may_be_swapped),
                TEST(what_cannot_run_is_an_error_at_once),
                TEST(the_callback_may_free_its_process),
                TEST(a_process_that_already_runs_can_be_watched),
                TEST(start_ticks_tell_processes_apart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
