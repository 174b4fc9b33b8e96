/* tests/unit/workflow_runner/test_none.c: steps without isolation: exit codes, logs, results,
 * parameters, environment. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_runner/harness.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T(test) cmocka_unit_test_setup_teardown(test, harness_setup_none, harness_teardown)

static void exit_codes_become_phases_and_messages(void **state)
{
        static const struct {
                const char *script;
                enum pod_phase phase;
                int code;
                const char *message;
        } rows[] = {
                {"exit 0", POD_SUCCEEDED, 0, ""},
                {"exit 1", POD_FAILED, 1, "main: Error (exit code 1)"},
                {"exit 77", POD_FAILED, 77, "main: Error (exit code 77)"},
                {"kill -SEGV $$", POD_FAILED, 139, "main: Error (exit code 139)"},
                {"kill -KILL $$", POD_FAILED, 137, "main: Error (exit code 137)"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free)
                char *t = mem_printf("{'script': {'command': ['sh'], 'source': '%s'}}",
                                     rows[i].script);
                AUTO(mem_free) char *code = mem_printf("%d", rows[i].code);
                struct told *got = run(*state, t);
                assert_string_equal(got->message, rows[i].message);
                assert_int_equal(got->phase, rows[i].phase);
                assert_int_equal(got->exit_code, rows[i].code);
                assert_true(got->started.ns > 0 && got->finished.ns >= got->started.ns);
                assert_string_equal(json_str(got->outputs, "exitCode"), code);
        }
}

/* So short a life is told with its end; a longer one is told twice. */
static void a_step_that_goes_on_is_told_running(void **state)
{
        struct harness *h = *state;
        start_with(h, "long", "{'container': {'command': ['sleep', '1000']}}", false, 0);
        wait_running(h, "long");
        runner_kill(h->runner, UID, "long", 0);
        struct told *t = wait_done(h, "long");
        assert_int_equal(t->phases[t->n - 2], POD_RUNNING);
        assert_int_equal(t->phases[t->n - 1], POD_FAILED);
}

static void what_cannot_start_says_why(void **state)
{
        static const struct {
                const char *template, *message;
                enum pod_phase phase;
                int code;
        } rows[] = {
                {"{'container': {'command': ['no-such-program']}}",
                 "main: Error (exit code 127): cannot start \"no-such-program\": not found in PATH",
                 POD_FAILED, 127},
                {"{'container': {'command': ['/no/such']}}",
                 "main: Error (exit code 127): cannot start \"/no/such\": no such file", POD_FAILED,
                 127},
                {"{'container': {'command': ['/etc/passwd']}}",
                 "main: Error (exit code 126): cannot start \"/etc/passwd\": Permission denied",
                 POD_FAILED, 126},
                {"{'container': {'command': ['true'], 'workingDir': '/no/where'}}",
                 "main: Error (exit code 126): cannot start \"true\": enter workingDir: /no/where: "
                 "No such file or directory",
                 POD_FAILED, 126},
                {"{'container': {'image': 'alpine'}}",
                 "image \"alpine\": no command: the local runner does not pull images: load it "
                 "(tiphys image load FILE), or add `command` to the template or to this image in "
                 "the `images` configuration",
                 POD_ERROR, -1},
                {"{'container': {'command': ['true']}, 'sidecars': [{'name': 'main', 'command': "
                 "['true']}, {'name': 'main'}]}",
                 "sidecars: two containers are called \"main\"", POD_ERROR, -1},
                {"{'suspend': {}}", "the template has neither container nor script", POD_ERROR, -1},
                {"{'container': {'command': ['true'], 'volumeMounts': [{'name': 'x', 'mountPath': "
                 "'/x'}]}, 'volumes': "
                 "[{'name': 'x', 'emptyDir': {}}]}",
                 "container.volumeMounts need a sandbox: run without --isolation=none, or use "
                 "paths of the host",
                 POD_ERROR, -1},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct told *got = run(*state, rows[i].template);
                assert_string_equal(got->message, rows[i].message);
                assert_int_equal(got->phase, rows[i].phase);
                assert_int_equal(got->exit_code, rows[i].code);
        }
}

static void an_image_may_have_its_command_in_the_configuration(void **state)
{
        struct harness *h = *state;
        harness_close(h);
        h->images = json_pack("{s:{s:[s,s],s:[s]}}", "argosay:v2", "command", "echo", "hello",
                              "args", "default");
        harness_open(h);
        assert_string_equal(result(run_capture(h, "{'container': {'image': 'argosay:v2'}}")),
                            "hello default");
        assert_string_equal(
                result(run_capture(h, "{'container': {'image': 'argosay:v2', 'args': ['you']}}")),
                "hello you");
        assert_string_equal(
                result(run_capture(
                        h, "{'container': {'image': 'argosay:v2', 'command': ['echo', 'own']}}")),
                "own");
}

static void every_line_of_both_streams_is_in_the_log_with_a_time(void **state)
{
        struct harness *h = *state;
        struct told *t = run(
                h,
                "{'container': {'command': ['sh', '-c', 'echo one; echo two >&2; printf three']}}");
        AUTO(mem_free) char *text = log_text(h, t->node);
        int seen = 0;
        char *save;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char when[64], stream[16], rest[64];
                int64_t ns;
                assert_int_equal(sscanf(line, "%63s %15s %63s", when, stream, rest), 3);
                assert_true(time_parse_rfc3339(when, &ns));
                assert_true(ns >= t->started.ns && ns <= t->finished.ns);
                assert_string_equal(stream, streq(rest, "two") ? "stderr" : "stdout");
                seen++;
        }
        assert_int_equal(seen, 3);
}

static void long_lines_and_much_output_arrive_whole(void **state)
{
        struct harness *h = *state;
        struct told *t = run(
                h, "{'script': {'command': ['/usr/bin/python3'], 'source': 'for i in range(20000): "
                   "print(`line %d` % i)\\nprint(`y` * 200000)'}}");
        assert_string_equal(t->message, "");
        AUTO(mem_free) char *text = log_text(h, t->node);
        int lines = 0, ys = 0;
        char *save;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *rest = strstr(line, " stdout ") + 8;
                int n;
                if (rest[0] == 'y') {
                        assert_true(strlen(rest) <= 64 * 1024);
                        ys += (int)strlen(rest);
                } else {
                        assert_int_equal(sscanf(rest, "line %d", &n), 1);
                        assert_int_equal(n, lines++);
                }
        }
        assert_int_equal(lines, 20000);
        assert_int_equal(ys, 200000);
}

static void the_result_is_the_end_of_stdout_without_one_newline(void **state)
{
        struct harness *h = *state;
        struct told *t = run_capture(
                h, "{'container': {'command': ['sh', '-c', 'echo a; echo; echo no >&2']}}");
        assert_string_equal(result(t), "a\n");
        assert_null(
                json_str(run(h, "{'container': {'command': ['echo', 'a']}}")->outputs, "result"));
        t = run_capture(h, "{'script': {'command': ['/usr/bin/python3'], 'source': 'print(`x` * "
                           "300000 + `end`)'}}");
        assert_int_equal(strlen(result(t)),
                         256 * 1024 - 1); /* the newline was among the last 256 KiB */
        assert_true(str_ends(result(t), "xend"));
        t = run_capture(h, "{'container': {'command': ['printf', '\\\\377ok']}}");
        assert_string_equal(result(t), "\xef\xbf\xbdok"); /* no UTF-8: replaced, not lost */
}

static void a_script_is_staged_and_its_path_appended(void **state)
{
        struct told *t = run_capture(
                *state, "{'script': {'command': ['sh'], 'source': 'echo $0; echo $#'}}");
        assert_string_equal(t->message, "");
        assert_true(str_ends(result(t), "/script\n0"));
}

static void output_parameters_come_from_files(void **state)
{
        struct told *t =
                run(*state, "{'container': {'command': ['sh', '-c', 'printf `1\\\\n\\\\n` > "
                            "%DIR%/a; : > %DIR%/empty']},"
                            " 'outputs': {'parameters': ["
                            "  {'name': 'a', 'valueFrom': {'path': '%DIR%/a'}},"
                            "  {'name': 'empty', 'valueFrom': {'path': '%DIR%/empty'}},"
                            "  {'name': 'b', 'valueFrom': {'path': '%DIR%/b', 'default': 42}}]}}");
        assert_string_equal(t->message, "");
        assert_string_equal(param(t, "a"), "1\n");
        assert_string_equal(param(t, "empty"), "");
        assert_string_equal(param(t, "b"), "42");
}

static void a_missing_output_parameter_is_an_error_only_when_main_succeeded(void **state)
{
        struct told *t = run(*state, "{'container': {'command': ['true']},"
                                     " 'outputs': {'parameters': [{'name': 'a', 'valueFrom': "
                                     "{'path': '/no-such-file'}}]}}");
        assert_string_equal(
                t->message,
                "output parameter \"a\": /no-such-file: No such file or directory (the step ended "
                "without writing it, and valueFrom has no default)");
        assert_int_equal(t->phase, POD_ERROR);
        assert_int_equal(t->exit_code, 0);
        t = run(*state, "{'container': {'command': ['false']},"
                        " 'outputs': {'parameters': [{'name': 'a', 'valueFrom': {'path': "
                        "'/no-such-file'}}]}}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 1)");
}

static void assert_env(const struct told *t, const char *line, bool there)
{
        AUTO(mem_free)
        char *all = mem_printf("\n%s\n", result(t)), *want = mem_printf("\n%s", line);
        if (!strstr(all, want) == there)
                fail_msg("%s is %s in%s", line, there ? "not" : "", all);
}

static void the_environment_is_what_the_template_says_and_nothing_of_the_host(void **state)
{
        struct harness *h = *state;
        harness_close(h);
        h->store = stub_store(h->loop);
        setenv("TIPHYS_TEST_LEAK", "1", 1);
        harness_open(h);
        struct told *t = run_capture(
                h,
                "{'container': {'command': ['/usr/bin/env'],"
                " 'envFrom': [{'configMapRef': {'name': 'settings'}, 'prefix': 'S_'},"
                "  {'secretRef': {'name': 'nope', 'optional': true}}],"
                " 'env': [{'name': 'A', 'value': '1'}, {'name': 'B', 'value': '$(A)$(NOPE)$$(A)'},"
                "  {'name': 'S_size', 'value': '8'},"
                "  {'name': 'TOKEN', 'valueFrom': {'secretKeyRef': {'name': 'keys', 'key': "
                "'token'}}},"
                "  {'name': 'COLOUR', 'valueFrom': {'configMapKeyRef': {'name': 'settings', 'key': "
                "'colour'}}},"
                "  {'name': 'GONE', 'valueFrom': {'secretKeyRef': {'name': 'keys', 'key': 'x', "
                "'optional': true}}},"
                "  {'name': 'ME', 'valueFrom': {'fieldRef': {'fieldPath': 'metadata.name'}}},"
                "  {'name': 'L', 'valueFrom': {'fieldRef': {'fieldPath': "
                "'metadata.labels[`app`]'}}}]},"
                " 'metadata': {'labels': {'app': 'x1'}}}");
        assert_string_equal(t->message, "");
        static const char *const want[] = {"A=1\n",
                                           "B=1$(NOPE)$(A)\n",
                                           "S_colour=green\n",
                                           "S_size=8\n",
                                           "TOKEN=s3cret\n",
                                           "COLOUR=green\n",
                                           "L=x1\n",
                                           "ARGO_CONTAINER_NAME=main\n",
                                           "ARGO_WORKFLOW_NAME=wf\n",
                                           "ARGO_INCLUDE_SCRIPT_OUTPUT=true\n",
                                           "ARGO_WORKFLOW_UID=" UID "\n"};
        for (size_t i = 0; i < ARRAY_LEN(want); i++)
                assert_env(t, want[i], true);
        AUTO(mem_free) char *me = mem_printf("ME=pod-%s\n", t->node);
        assert_env(t, me, true);
        assert_env(t, "GONE=", false);
        assert_env(t, "TIPHYS_TEST_LEAK", false);
        t = run_capture(h, "{'container': {'command': ['echo', '$(A)', '$(B)'], 'args': ['$$(A)'], "
                           "'env': [{'name': 'A', "
                           "'value': 'x'}]}}");
        assert_string_equal(result(t), "x $(B) $(A)");
        t = run(h, "{'container': {'command': ['true'], 'env': [{'name': 'X', 'valueFrom': "
                   "{'secretKeyRef': {'name': 'keys', "
                   "'key': 'x'}}}]}}");
        assert_int_equal(t->phase, POD_ERROR);
        assert_string_equal(t->message,
                            "env X: Secret default/keys key x: not found, and not optional");
}

static void only_so_many_run_at_once(void **state)
{
        struct harness *h = *state;
        harness_close(h);
        h->max_running = 1;
        harness_open(h);
        start_with(h, "first", "{'container': {'command': ['sleep', '1000']}}", false, 0);
        start_with(h, "second", "{'container': {'command': ['true']}}", false, 0);
        wait_running(h, "first");
        assert_int_equal(told(h, "second")->n, 1);
        assert_int_equal(told(h, "second")->phases[0], POD_PENDING);
        runner_kill(h->runner, UID, "first", 5);
        wait_done(h, "first");
        struct told *t = wait_done(h, "second");
        assert_int_equal(t->phase, POD_SUCCEEDED);
        assert_int_equal(t->phases[0], POD_PENDING);
        assert_true(t->started.ns >= told(h, "first")->finished.ns);
}

static void starting_again_reports_instead_of_running_twice(void **state)
{
        struct harness *h = *state;
        const char *t = "{'container': {'command': ['sh', '-c', 'echo x >> %DIR%/ran; exit 3']}}";
        for (int i = 0; i < 3; i++) {
                start_with(h, "once", t, false, 0);
                struct told *got = wait_done(h, "once");
                assert_string_equal(got->message, "main: Error (exit code 3)");
                assert_int_equal(got->exit_code, 3);
                if (i < 2)
                        told_forget(got);
                harness_close(h);
                harness_open(h);
        }
        AUTO(mem_free) char *path = mem_printf("%s/ran", h->dir), *ran = file_text(path);
        assert_string_equal(ran, "x\n");
}

static void what_main_leaves_running_ends_with_it(void **state)
{
        struct harness *h = *state;
        struct told *t = run_capture(
                h,
                "{'script': {'command': ['sh'], 'source': "
                "'setsid sh -c `echo $$ > %DIR%/pid; exec sleep 1000` & setsid setsid sleep 1000 & "
                "while ! test -s %DIR%/pid; do :; done; cat %DIR%/pid'}}");
        assert_string_equal(t->message, "");
        assert_true(atoi(result(t)) > 1);
        assert_int_equal(kill((pid_t)atoi(result(t)), 0), -1);
        assert_true(t->finished.ns - t->started.ns < 15 * NS_PER_S);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(exit_codes_become_phases_and_messages),
                T(a_step_that_goes_on_is_told_running),
                T(what_cannot_start_says_why),
                T(an_image_may_have_its_command_in_the_configuration),
                T(every_line_of_both_streams_is_in_the_log_with_a_time),
                T(long_lines_and_much_output_arrive_whole),
                T(the_result_is_the_end_of_stdout_without_one_newline),
                T(a_script_is_staged_and_its_path_appended),
                T(output_parameters_come_from_files),
                T(a_missing_output_parameter_is_an_error_only_when_main_succeeded),
                T(the_environment_is_what_the_template_says_and_nothing_of_the_host),
                T(only_so_many_run_at_once),
                T(starting_again_reports_instead_of_running_twice),
                T(what_main_leaves_running_ends_with_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
