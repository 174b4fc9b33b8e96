/* tests/unit/workflow_runner/test_volumes.c: volumes of every kind, users, limits, networks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_runner/harness.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT(test) cmocka_unit_test_setup_teardown(test, harness_setup_sandbox, harness_teardown)
#define USER(test)                                                                 \
        {                                                                          \
#test "_as_user", test, harness_setup_user, harness_teardown, NULL \
        }
#define BOTH(test) ROOT(test), USER(test)
#define SH(text) "'command': ['sh', '-ec', '" text "']"

static void assert_good(const struct told *t, const char *want)
{
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), want);
}

static void with_store(struct harness *h)
{
        harness_close(h);
        h->store = stub_store(h->loop);
        harness_open(h);
}

/* A container that mounts volume "v" at /v. */
static struct told *mounted(struct harness *h, const char *volume, const char *script)
{
        AUTO(mem_free)
        char *t = mem_printf("{'container': {'command': ['sh', '-ec', '%s'], 'volumeMounts': "
                             "[{'name': 'v', 'mountPath': '/v'}]}, 'volumes': [{'name': 'v', %s}], "
                             "'metadata': {'labels': {'app': 'x', 'b': 'q\\\"t'}}}",
                             script, volume);
        return run_capture(h, t);
}

static void config_maps_secrets_and_what_a_pod_knows_of_itself_are_files(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        with_store(h);
        static const struct {
                const char *volume, *script, *want;
        } rows[] = {
                {"'configMap': {'name': 'settings'}", "cd /v; ls; cat colour",
                 "colour\nsize\ngreen"},
                {"'configMap': {'name': 'settings', 'items': [{'key': 'size', 'path': 'a/b', "
                 "'mode': "
                 "256}]}",
                 "cd /v; find . -type f; cat a/b; stat -c :%a a/b", "./a/b\n7:400"},
                {"'secret': {'secretName': 'keys', 'defaultMode': 288}",
                 "cat /v/token; stat -c :%a /v/token", "s3cret:440"},
                {"'secret': {'secretName': 'nobody', 'optional': true}", "ls /v | wc -l", "0"},
                {"'projected': {'sources': [{'secret': {'name': 'keys'}}, {'configMap': {'name': "
                 "'settings', 'items': [{'key': 'size', 'path': 'size'}]}}, {'downwardAPI': "
                 "{'items': [{'path': 'name', 'fieldRef': {'fieldPath': 'metadata.name'}}]}}]}",
                 "cd /v; ls; cut -c1-4 name", "name\nsize\ntoken\npod-"},
                {"'downwardAPI': {'items': [{'path': 'labels', 'fieldRef': {'fieldPath': "
                 "'metadata.labels'}}]}",
                 "cat /v/labels", "app=\"x\"\nb=\"q\\\"t\""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_good(mounted(h, rows[i].volume, rows[i].script), rows[i].want);
}

static void volumes_of_files_cannot_be_written(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        with_store(h);
        assert_good(mounted(h, "'configMap': {'name': 'settings'}",
                            "if touch /v/x 2>/dev/null; then echo written; else echo refused; fi"),
                    "refused");
}

static void a_missing_key_or_object_is_named(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        with_store(h);
        struct told *t = mounted(h,
                                 "'configMap': {'name': 'settings', 'items': [{'key': 'no', "
                                 "'path': 'x'}]}",
                                 "true");
        assert_string_equal(t->message,
                            "volume \"v\": ConfigMap default/settings: key no: not found");
        t = mounted(h, "'secret': {'secretName': 'nobody'}", "true");
        assert_string_equal(t->message,
                            "volume \"v\": Secret default/nobody: not found, and not optional");
        t = mounted(h,
                    "'configMap': {'name': 'settings', 'items': [{'key': 'size', 'path': "
                    "'../../x'}]}",
                    "true");
        assert_string_equal(t->message, "volume \"v\": \"../../x\" must be a relative "
                                        "path without \"..\"");
}

static void a_claim_is_a_folder_that_stays(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *claim = "'persistentVolumeClaim': {'claimName': 'data'}";
        assert_good(mounted(h, claim, "echo one > /v/f; mkdir /v/sub; echo two > /v/sub/g"), "");
        assert_good(mounted(h, claim, "cat /v/f /v/sub/g"), "one\ntwo");
        AUTO(mem_free)
        char *path = mem_printf("%s/volumes/default/data/f", h->dir), *text = file_text(path);
        assert_string_equal(text, "one\n");
        assert_good(run_capture(h, "{'container': {" SH(
                                           "cat /s/g; touch /s/x 2>/dev/null || echo "
                                           "read-only") ", 'volumeMounts': [{'name': "
                                                        "'v', 'mountPath': '/s', 'subPath': 'sub', "
                                                        "'readOnly': true}]}, "
                                                        "'volumes': [{'name': 'v', "
                                                        "'persistentVolumeClaim': {'claimName': "
                                                        "'data'}}]}"),
                    "two\nread-only");
}

static void a_subpath_may_name_variables(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *claim = "'persistentVolumeClaim': {'claimName': 'data'}";
        AUTO(mem_free)
        char *t = mem_printf(
                     "{'container': {" SH("echo mine > /s/f") ", 'env': [{'name': 'WHO', 'value': "
                                                              "'ann'}], 'volumeMounts': [{'name': "
                                                              "'v', 'mountPath': '/s', "
                                                              "'subPathExpr': 'of/$(WHO)'}]}, "
                                                              "'volumes': [{'name': 'v', %s}]}",
                     claim),
             *bad = mem_printf(
                     "{'container': {'command': ['true'], 'volumeMounts': [{'name': 'v', "
                     "'mountPath': '/s', 'subPathExpr': '$(NOBODY)'}]}, 'volumes': [{'name': "
                     "'v', %s}]}",
                     claim);
        assert_good(run_capture(h, t), "");
        assert_good(mounted(h, claim, "cat /v/of/ann/f"), "mine");
        assert_string_equal(run(h, bad)->message,
                            "volume \"v\": subPathExpr: there is no variable NOBODY");
}

static void memory_has_its_size_limit(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(mounted(h, "'emptyDir': {'medium': 'Memory', 'sizeLimit': '1Mi'}",
                            "head -c 900000 /dev/zero > /v/a; if head -c 900000 /dev/zero > /v/b "
                            "2>/dev/null; then echo fits; else echo full; fi"),
                    "full");
}

static void a_claim_may_be_refused_by_a_link(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(mounted(h, "'persistentVolumeClaim': {'claimName': 'evil'}",
                            "ln -s / /v/out; echo"),
                    "");
        struct told *t =
                run(h, "{'container': {'command': ['true'], 'volumeMounts': [{'name': 'v', "
                       "'mountPath': '/s', 'subPath': 'out/etc'}]}, 'volumes': [{'name': 'v', "
                       "'persistentVolumeClaim': {'claimName': 'evil'}}]}");
        assert_int_equal(t->phase, POD_ERROR);
        assert_non_null(strstr(t->message, "subPath out/etc"));
}

static void users_and_groups_are_as_asked(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(
                run_capture(
                        h,
                        "{'container': {" SH(
                                "id -u; id -g; id -G; stat -c %g /v; touch "
                                "/v/mine; stat -c %g /v/mine") ", 'securityContext': {'runAsUser': "
                                                               "1234, 'runAsGroup': 99}, "
                                                               "'volumeMounts': [{'name': 'v', "
                                                               "'mountPath': '/v'}]}, "
                                                               "'securityContext': {'fsGroup': 77, "
                                                               "'supplementalGroups': [55]}, "
                                                               "'volumes': [{'name': 'v', "
                                                               "'emptyDir': {}}]}"),
                "1234\n99\n99 55 77\n77\n77");
        assert_good(run_capture(h, "{'container': {" SH(
                                           "touch /x 2>/dev/null || echo read-only; touch "
                                           "/tmp/y; id -u") ", 'securityContext': "
                                                            "{'readOnlyRootFilesystem': true}}}"),
                    "read-only\n0");
}

static void hosts_paths_may_be_limited(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        harness_close(h);
        h->host_paths = json_pack("[s]", "/usr/share");
        harness_open(h);
        assert_good(mounted(h, "'hostPath': {'path': '/usr/share/doc'}", "echo"), "");
        static const char *const bad[] = {"/etc", "/usr/shared", "/usr/share/../../etc", "/"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                AUTO(mem_free)
                char *volume = mem_printf("'hostPath': {'path': '%s'}", bad[i]),
                     *want = mem_printf(
                             "volume \"v\": hostPath %s is not allowed here (--host-path)", bad[i]);
                assert_string_equal(mounted(h, volume, "true")->message, want);
        }
}

static void the_environment_knows_the_pod_and_its_limits(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(
                run_capture(
                        h,
                        "{'metadata': {'labels': {'a': 'lab'}}, 'container': {" SH(
                                "echo $CPU $MEM $REQ $NAME $IP $L; echo $IN") ", 'resources': "
                                                                              "{'limits': {'cpu': "
                                                                              "'1500m', 'memory': "
                                                                              "'64Mi'}, "
                                                                              "'requests': {'cpu': "
                                                                              "'250m'}}, 'env': ["
                                                                              "{'name': 'CPU', "
                                                                              "'valueFrom': "
                                                                              "{'resourceFieldRef':"
                                                                              " {'resource': "
                                                                              "'limits.cpu'}}},"
                                                                              "{'name': 'MEM', "
                                                                              "'valueFrom': "
                                                                              "{'resourceFieldRef':"
                                                                              " {'resource': "
                                                                              "'limits.memory', "
                                                                              "'divisor': '1Mi'}}},"
                                                                              "{'name': 'REQ', "
                                                                              "'valueFrom': "
                                                                              "{'resourceFieldRef':"
                                                                              " {'resource': "
                                                                              "'requests.cpu', "
                                                                              "'divisor': '1m'}}},"
                                                                              "{'name': 'NAME', "
                                                                              "'valueFrom': "
                                                                              "{'fieldRef': "
                                                                              "{'fieldPath': "
                                                                              "'metadata.namespace'"
                                                                              "}}},"
                                                                              "{'name': 'IP', "
                                                                              "'valueFrom': "
                                                                              "{'fieldRef': "
                                                                              "{'fieldPath': "
                                                                              "'status.podIP'}}},"
                                                                              "{'name': 'L', "
                                                                              "'valueFrom': "
                                                                              "{'fieldRef': "
                                                                              "{'fieldPath': "
                                                                              "'metadata.labels[`a`"
                                                                              "]'}}},"
                                                                              "{'name': 'IN', "
                                                                              "'value': 'at "
                                                                              "$(IP)'}]}}"),
                "2 64 250 default 127.0.0.1 lab\nat 127.0.0.1");
}

static void memory_is_limited_where_there_are_cgroups(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (strstr(runner_describe(h->runner), "no resource limits"))
                skip();
        struct told *t = run(h, "{'container': {'command': ['python3', '-c', 'x = "
                                "bytearray(300000000)'], 'resources': {'limits': {'memory': "
                                "'50Mi'}}}}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: OOMKilled (exit code 137)");
        assert_good(run_capture(h, "{'container': {" SH(
                                           "echo small") ", 'resources': {'limits': "
                                                         "{'memory': '50Mi', 'cpu': '100m'}}}}"),
                    "small");
}

static void host_aliases_are_in_etc_hosts(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(run_capture(h,
                                "{'container': {" SH(
                                        "tail -n 1 /etc/hosts; grep -c localhost "
                                        "/etc/hosts >/dev/null") "}, 'hostAliases': [{'ip': "
                                                                 "'10.1.2.3', 'hostnames': ['db', "
                                                                 "'db.local']}]}"),
                    "10.1.2.3\tdb\tdb.local");
}

#define SERVER                                                                                    \
        "'command': ['python3', '-uc', 'import http.server\\nclass "                              \
        "H(http.server.BaseHTTPRequestHandler):\\n def do_GET(s):\\n  s.send_response(200); "     \
        "s.end_headers(); "                                                                       \
        "s.wfile.write(open(\\\"/etc/hostname-of-it\\\").read().encode())\\nopen("                \
        "\\\"/etc/hostname-of-it\\\", \\\"w\\\").write(__import__(\\\"socket\\\").gethostname())" \
        "\\nhttp.server.HTTPServer((\\\"\\\", 80), H).serve_forever()'], 'readinessProbe': "      \
        "{'tcpSocket': {'port': 80}, 'periodSeconds': 1}"

static void two_daemons_with_private_networks_share_a_port(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *server = "{'daemon': true, 'metadata': {'annotations': {'tiphys.io/network': "
                             "'private'}}, 'container': {" SERVER "}}";
        start_with(h, "one", server, false, 0);
        start_with(h, "two", server, false, 0);
        wait_ready(h, "one");
        wait_ready(h, "two");
        assert_string_not_equal(told(h, "one")->ip, told(h, "two")->ip);
        AUTO(mem_free)
        char *from_host = mem_printf(
                     "{'container': {'command': ['sh', '-c', 'curl -s http://%s http://%s']}}",
                     told(h, "one")->ip, told(h, "two")->ip),
             *from_pod =
                     mem_printf("{'metadata': {'annotations': {'tiphys.io/network': 'private'}}, "
                                "'container': {'command': ['sh', '-c', 'curl -s http://%s; echo; "
                                "ip -o -4 addr show dev eth0 | grep -c $IP'], 'env': [{'name': "
                                "'IP', 'valueFrom': {'fieldRef': {'fieldPath': "
                                "'status.podIP'}}}]}}",
                                told(h, "two")->ip);
        assert_good(run_capture(h, from_host), "pod-onepod-two");
        assert_good(run_capture(h, from_pod), "pod-two\n1");
        runner_kill(h->runner, UID, "one", 1);
        runner_kill(h->runner, UID, "two", 1);
        wait_done(h, "one");
        wait_done(h, "two");
}

struct dialed {
        bool done;
        int fd;
        char words[256];
};

static void on_dialed(void *arg, int fd, const struct err *e)
{
        struct dialed *d = arg;
        d->done = true;
        d->fd = fd;
        snprintf(d->words, sizeof(d->words), "%s", e ? err_msg(e) : "");
}

static struct dialed dial(struct harness *h, const char *node, uint16_t port)
{
        struct dialed d = {.fd = -1};
        runner_dial(h->runner, UID, node, port, on_dialed, &d);
        assert_false(d.done);
        assert_true(loop_run_until(h->loop, &d.done, 20000));
        return d;
}

/* What a server that greets says to who has come in by dialling. */
static void assert_greets(struct harness *h, const char *node, uint16_t port, const char *want)
{
        struct dialed d = dial(h, node, port);
        char text[64];
        if (*d.words)
                fail_msg("%s: %s", node, d.words);
        struct pollfd p = {.fd = d.fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        ssize_t n = read(d.fd, text, sizeof(text) - 1);
        close(d.fd);
        text[n > 0 ? n : 0] = '\0';
        assert_string_equal(text, want);
}

/* ` stands for ' in these templates. */
#define GREETER(family, host)                                                              \
        "{'metadata': {'annotations': {'tiphys.io/network': 'private'}}, 'container': "    \
        "{'command': ['python3', '-uc', 'import socket\\ns = socket.socket(socket." family \
        ")\\ns.bind((`" host "`, 4711))\\ns.listen()\\nprint(`ready`)\\nwhile True: "      \
        "s.accept()[0].send(socket.gethostname().encode())']}}"

static void a_port_of_a_pod_is_reached_whatever_its_network(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const char *const nodes[] = {"one", "two"};
        h->beside = true;
        const char *private = GREETER("AF_INET", "127.0.0.1");
        for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
                start_with(h, nodes[i], private, false, 0);
                wait_running(h, nodes[i]);
                wait_log(h, nodes[i], "ready");
        }
        assert_greets(h, "one", 4711, "pod-one");
        assert_greets(h, "two", 4711, "pod-two");
        struct dialed d = dial(h, "one", 4712);
        assert_int_equal(d.fd, -1);
        assert_string_equal(d.words, "port 4712: Connection refused");
        runner_dial_cancel(runner_dial(h->runner, UID, "one", 4711, on_dialed, &d));
        harness_close(h); /* also of a pod that an earlier runner has started */
        harness_open(h);
        assert_true(runner_adopt(h->runner, UID, "one") && runner_adopt(h->runner, UID, "two"));
        assert_greets(h, "two", 4711, "pod-two");
        for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
                runner_kill(h->runner, UID, nodes[i], 1);
                wait_done(h, nodes[i]);
        }
        assert_string_equal(dial(h, "one", 4711).words, "it does not run");
        start_with(h, "six", GREETER("AF_INET6", "::1"), false, 0);
        wait_log(h, "six", "ready");
        assert_greets(h, "six", 4711, "pod-six");
        runner_kill(h->runner, UID, "six", 1);
        wait_done(h, "six");
}

static void without_root_a_private_network_is_the_pod_s_alone(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_good(run_capture(h,
                                "{'metadata': {'annotations': {'tiphys.io/network': 'private'}}, "
                                "'container': {" SH("ip -o link | wc -l") "}}"),
                    "1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                BOTH(config_maps_secrets_and_what_a_pod_knows_of_itself_are_files),
                BOTH(volumes_of_files_cannot_be_written),
                BOTH(a_missing_key_or_object_is_named),
                BOTH(a_claim_is_a_folder_that_stays),
                BOTH(a_claim_may_be_refused_by_a_link),
                BOTH(a_subpath_may_name_variables),
                BOTH(memory_has_its_size_limit),
                ROOT(users_and_groups_are_as_asked),
                BOTH(hosts_paths_may_be_limited),
                BOTH(host_aliases_are_in_etc_hosts),
                ROOT(the_environment_knows_the_pod_and_its_limits),
                ROOT(memory_is_limited_where_there_are_cgroups),
                ROOT(two_daemons_with_private_networks_share_a_port),
                BOTH(a_port_of_a_pod_is_reached_whatever_its_network),
                USER(without_root_a_private_network_is_the_pod_s_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
