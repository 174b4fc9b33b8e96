/* tests/unit/workflow_runner/test_group.c: pods of several containers, probes and hooks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_runner/harness.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT(test) cmocka_unit_test_setup_teardown(test, harness_setup_sandbox, harness_teardown)
#define USER(test)                                                                 \
        {                                                                          \
#test "_as_user", test, harness_setup_user, harness_teardown, NULL \
        }
#define NONE(test)                                                                           \
        {                                                                                    \
#test "_without_isolation", test, harness_setup_none, harness_teardown, NULL \
        }
#define ALL(test) ROOT(test), USER(test), NONE(test)
#define SH(text) "'command': ['sh', '-ec', '" text "']"
#define SHARED "'volumes': [{'name': 'w', 'emptyDir': {}}]"
#define MOUNT "'volumeMounts': [{'name': 'w', 'mountPath': '/w'}]"

static const json_t *container(const struct told *t, const char *name)
{
        size_t i;
        json_t *c;
        json_array_foreach (t->containers, i, c) {
                if (streq(json_str(c, "name"), name))
                        return c;
        }
        return NULL;
}

static int code(const struct told *t, const char *name)
{
        const json_t *j = json_object_get(container(t, name), "exitCode");
        return j ? (int)json_integer_value(j) : -1;
}

static char *log_of(struct harness *h, const struct told *t, const char *name)
{
        AUTO(mem_free) char *path = runner_log_path(h->dir, UID, t->node, name);
        return file_text(path);
}

static void init_containers_run_one_after_the_other_before_main(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run_capture(
                h,
                "{" SHARED ", 'container': {" SH(
                        "cat /w/order") ", " MOUNT "},"
                                        " 'initContainers': ["
                                        "  {'name': 'one', 'mirrorVolumeMounts': true, " SH(
                                                "echo one >> /w/order") "},"
                                                                        "  {'name': 'two', "
                                                                        "'mirrorVolumeMounts': "
                                                                        "true, " SH(
                                                                                "echo two >> "
                                                                                "/w/order") "}]}");
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), "one\ntwo");
}

static void a_failed_init_container_is_an_error_and_main_never_runs(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h, "{'container': {" SH(
                           "touch %DIR%/main-ran") "}, 'initContainers': ["
                                                   "{'name': 'bad', " SH(
                                                           "exit 3") "},"
                                                                     "{'name': 'late', " SH(
                                                                             "touch "
                                                                             "%DIR%/late-ran") "}]"
                                                                                               "}");
        assert_int_equal(t->phase, POD_ERROR);
        assert_string_equal(t->message, "bad: Error (exit code 3)");
        AUTO(mem_free) char *path = mem_printf("%s/main-ran", h->dir);
        assert_int_not_equal(access(path, F_OK), 0);
}

static void a_sidecar_serves_main_and_goes_with_it(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run_capture(
                h, "{" SHARED ", 'container': {" SH(
                           "until test -e /w/up; do sleep 0.01; done; "
                           "cat /w/up") ", " MOUNT "},"
                                        " 'sidecars': [{'name': 'helper', 'mirrorVolumeMounts': "
                                        "true, " SH("echo here > /w/up; echo serving; while :; do "
                                                    "sleep 1; done") "}]}");
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), "here");
        AUTO(mem_free) char *text = log_of(h, t, "helper");
        assert_non_null(strstr(text, "stdout serving\n"));
}

static void a_sidecar_is_asked_to_go_and_its_own_failure_counts(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const struct {
                const char *sidecar, *message;
                enum pod_phase phase;
        } rows[] = {
                {"trap `exit 0` TERM; echo up; while :; do sleep 0.05; done", "", POD_SUCCEEDED},
                {"trap `exit 5` TERM; echo up; while :; do sleep 0.05; done",
                 "helper: Error (exit code 5)", POD_FAILED},
                {"exit 4", "helper: Error (exit code 4)", POD_FAILED},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free)
                char *template = mem_printf(
                        "{'container': {" SH(
                                "sleep 0.3") "}, 'sidecars': "
                                             "[{'name': 'helper', 'command': ['sh', '-c', '%s']}]}",
                        rows[i].sidecar);
                struct told *t = run(h, template);
                assert_string_equal(t->message, rows[i].message);
                assert_int_equal(t->phase, rows[i].phase);
        }
}

static void main_waits_for_a_sidecar_with_a_readiness_probe(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t =
                run_capture(h, "{" SHARED ", 'container': {" SH(
                                       "cat /w/up") ", " MOUNT "},"
                                                    " 'sidecars': [{'name': 'slow', "
                                                    "'mirrorVolumeMounts': true, " SH(
                                                            "sleep 0.3; echo ready > /w/up; sleep "
                                                            "100") ","
                                                                   " 'readinessProbe': {'exec': "
                                                                   "{'command': ['test', '-e', "
                                                                   "'/w/up']}, "
                                                                   "'periodSeconds': 1}}]}");
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), "ready");
}

static void main_s_failure_is_told_before_a_sidecar_s(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h, "{'container': {" SH(
                           "sleep 0.1; exit 2") "}, 'sidecars': [{'name': "
                                                "'helper', 'command': ['sh', '-c', 'exit 9']}]}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 2)");
        assert_int_equal(t->exit_code, 2);
}

static void a_container_set_runs_as_its_graph_says(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h,
                "{" SHARED ", 'containerSet': {" MOUNT ", 'containers': ["
                "{'name': 'a', " SH(
                        "echo a >> /w/order") "},"
                                              "{'name': 'b', 'dependencies': "
                                              "['a'], " SH(
                                                      "sleep 0.1; echo b >> "
                                                      "/w/order") "},"
                                                                  "{'name': "
                                                                  "'main', "
                                                                  "'dependencies"
                                                                  "': "
                                                                  "['b'], " SH(
                                                                          "echo "
                                                                          "m >> "
                                                                          "/w/"
                                                                          "orde"
                                                                          "r") "}]},"
                                                                               " 'outputs': "
                                                                               "{'parameters': "
                                                                               "[{'name': 'order', "
                                                                               "'valueFrom': "
                                                                               "{'path': "
                                                                               "'/w/order'}}]}}");
        assert_string_equal(t->message, "");
        assert_string_equal(param(t, "order"), "a\nb\nm");
        assert_int_equal(code(t, "a"), 0);
        assert_int_equal(code(t, "main"), 0);
        assert_int_equal(t->exit_code, 0);
}

static void what_depends_on_a_failed_container_is_not_run(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h,
                "{'containerSet': {'containers': ["
                "{'name': 'main', 'dependencies': ['b'], " SH(
                        "exit 0") "},"
                                  "{'name': 'b', 'dependencies': ['a'], " SH(
                                          "exit 0") "},"
                                                    "{'name': 'a', " SH(
                                                            "exit 3") "},"
                                                                      "{'name': 'free', " SH(
                                                                              "echo free") "}]}}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 64): dependency \"b\" exited with "
                                        "non-zero code: 64");
        assert_int_equal(code(t, "a"), 3);
        assert_int_equal(code(t, "b"), 64);
        assert_int_equal(code(t, "main"), 64);
        assert_int_equal(code(t, "free"), 0);
        assert_string_equal(json_str(container(t, "a"), "message"), "a: Error (exit code 3)");
}

static void a_container_of_a_set_is_tried_again(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *t =
                "{'containerSet': {'retryStrategy': {'retries': '2', 'duration': '10ms'}, "
                "'containers': [{'name': 'main', " SH("echo x >> /tmp/n; echo tries $(wc -l "
                                                      "< /tmp/n); test $(wc -l < /tmp/n) -ge "
                                                      "3") "}]}}";
        struct told *got = run_capture(h, t);
        assert_string_equal(got->message, "");
        assert_string_equal(result(got), "tries 1\ntries 2\ntries 3");
        assert_int_equal(code(got, "main"), 0);
}

static void a_kill_and_a_deadline_reach_every_container(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *template = "{'container': {" SH(
                "sleep 1000") "}, 'sidecars': [{'name': 's', " SH("sleep 1000") "}]}";
        start_with(h, "killed", template, false, 0);
        wait_running(h, "killed");
        runner_kill(h->runner, UID, "killed", 5);
        struct told *t = wait_done(h, "killed");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 143)");
        start_with(h, "late", template, false, 1);
        t = wait_done(h, "late");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message,
                            "Pod was active on the node longer than the specified deadline");
}

static void a_kill_while_an_init_container_runs_ends_the_pod(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "init",
                   "{'container': {" SH("true") "}, 'initContainers': [{'name': 'i', " SH(
                           "echo it runs; sleep 1000") "}]}",
                   false, 0);
        AUTO(mem_free) char *log = runner_log_path(h->dir, UID, "init", "i");
        assert_true(wait_file(h, log + strlen(h->dir) + 1));
        runner_kill(h->runner, UID, "init", 5);
        assert_true(wait_done(h, "init")->phase >= POD_FAILED);
}

static void a_daemon_is_ready_when_its_probe_says_so(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const struct {
                const char *name, *probe;
        } rows[] = {
                {"exec", "'exec': {'command': ['test', '-e', '/tmp/up']}"},
                {"tcp", "'tcpSocket': {'port': 'web'}"},
                {"http",
                 "'httpGet': {'path': '/ok', 'port': 'web', 'httpHeaders': [{'name': 'X-A', "
                 "'value': 'b'}]}"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int port = 41300 + (int)(getpid() % 2000) * 3 + (int)i;
                AUTO(mem_free)
                char *template = mem_printf(
                        "{'daemon': true, 'container': {'command': ['python3', '-uc', 'import "
                        "http.server, pathlib\\npathlib.Path(\\\"/tmp/up\\\").touch()\\nclass "
                        "H(http.server.BaseHTTPRequestHandler):\\n def do_GET(s):\\n  "
                        "s.send_response(200 if s.path == \\\"/ok\\\" else 500); "
                        "s.end_headers()\\nhttp.server.HTTPServer((\\\"127.0.0.1\\\", %d), "
                        "H).serve_forever()'], 'ports': [{'name': 'web', 'containerPort': %d}], "
                        "'readinessProbe': {%s, 'periodSeconds': 1}}}",
                        port, port, rows[i].probe);
                start_with(h, rows[i].name, template, false, 0);
                wait_ready(h, rows[i].name);
                runner_kill(h->runner, UID, rows[i].name, 5);
                assert_string_equal(wait_done(h, rows[i].name)->message,
                                    "main: Error (exit code 143)");
        }
}

static void a_liveness_probe_that_fails_ends_the_container(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h, "{'container': {" SH("sleep 1000") ", 'livenessProbe': {'exec': "
                                                      "{'command': ['false']}, 'periodSeconds': 1, "
                                                      "'failureThreshold': 1}}}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 143): its livenessProbe failed");
}

static void hooks_run_after_the_start_and_before_the_end(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(
                h, "hooks",
                "{'container': {" SH("until test -e /tmp/started; do sleep 0.01; done; echo "
                                     "started; trap `cat /tmp/bye; exit 0` TERM; while :; do sleep "
                                     "0.05; done") ", 'lifecycle': {"
                                                   "'postStart': {'exec': {'command': ['touch', "
                                                   "'/tmp/started']}}, "
                                                   "'preStop': {'exec': {'command': ['sh', '-c', "
                                                   "'echo bye > /tmp/bye']}}}}}",
                true, 0);
        wait_log(h, "hooks", "started");
        runner_kill(h->runner, UID, "hooks", 10);
        struct told *t = wait_done(h, "hooks");
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), "started\nbye");
}

static void every_container_has_its_own_root_and_all_share_the_name(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run_capture(
                h, "{" SHARED ", 'container': {" SH(
                           "until test -e /w/host; do sleep 0.01; done; test ! "
                           "-e /only-there; test $(cat /w/host) = $(hostname); "
                           "ls /proc | grep -c `^[0-9]`") ", " MOUNT "}, "
                                                          "'sidecars': [{'name': 's', "
                                                          "'mirrorVolumeMounts': true, " SH(
                                                                  "touch /only-there; hostname > "
                                                                  "/w/.h; mv /w/.h /w/host; sleep "
                                                                  "1000") "}]}");
        assert_string_equal(t->message, "");
        assert_true(atoi(result(t)) < 6); /* its own processes only */
}

static void a_group_and_its_news_outlive_their_runner(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        start_with(h, "daemon",
                   "{'daemon': true, 'container': {" SH(
                           "sleep 1000") ", 'readinessProbe': {'exec': {'command': ['test', '-e', "
                                         "'/v/go']}, "
                                         "'periodSeconds': 1}, 'volumeMounts': [{'name': 'v', "
                                         "'mountPath': '/v'}]}, "
                                         "'sidecars': [{'name': 's', " SH(
                                                 "sleep 1000") "}], "
                                                               "'volumes': [{'name': 'v', "
                                                               "'hostPath': {'path': '%DIR%'}}]}",
                   false, 0);
        wait_running(h, "daemon");
        harness_close(h);
        told_forget(told(h, "daemon"));
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "daemon"));
        wait_running(h, "daemon");
        assert_false(told(h, "daemon")->ready);
        AUTO(mem_free) char *go = mem_printf("%s/go", h->dir);
        fclose(fopen(go, "w"));
        wait_ready(h, "daemon");
        runner_kill(h->runner, UID, "daemon", 5);
        struct told *t = wait_done(h, "daemon");
        assert_string_equal(t->message, "main: Error (exit code 143)");
        assert_int_equal(code(t, "main"), 143);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROOT(init_containers_run_one_after_the_other_before_main),
                USER(init_containers_run_one_after_the_other_before_main),
                ALL(a_failed_init_container_is_an_error_and_main_never_runs),
                ROOT(a_sidecar_serves_main_and_goes_with_it),
                USER(a_sidecar_serves_main_and_goes_with_it),
                ALL(a_sidecar_is_asked_to_go_and_its_own_failure_counts),
                ROOT(main_waits_for_a_sidecar_with_a_readiness_probe),
                ALL(main_s_failure_is_told_before_a_sidecar_s),
                ROOT(a_container_set_runs_as_its_graph_says),
                USER(a_container_set_runs_as_its_graph_says),
                ALL(what_depends_on_a_failed_container_is_not_run),
                ROOT(a_container_of_a_set_is_tried_again),
                USER(a_container_of_a_set_is_tried_again),
                ALL(a_kill_and_a_deadline_reach_every_container),
                ALL(a_kill_while_an_init_container_runs_ends_the_pod),
                ROOT(a_daemon_is_ready_when_its_probe_says_so),
                ALL(a_liveness_probe_that_fails_ends_the_container),
                ROOT(hooks_run_after_the_start_and_before_the_end),
                ROOT(every_container_has_its_own_root_and_all_share_the_name),
                USER(every_container_has_its_own_root_and_all_share_the_name),
                ROOT(a_group_and_its_news_outlive_their_runner),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
