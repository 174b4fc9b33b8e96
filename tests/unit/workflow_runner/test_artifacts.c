/* tests/unit/workflow_runner/test_artifacts.c: artifacts from step to step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "tests/unit/workflow_runner/harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static const char *key(const struct told *t, const char *name)
{
        const char *k = json_str(artifact(t, name), "folder", "key");
        if (!k)
                fail_msg("no artifact %s: %s", name, t->message);
        return k;
}

static char *stored(struct harness *h, const char *k)
{
        return mem_printf("%s/artifacts/%s", h->dir, k);
}

static char *stored_text(struct harness *h, const char *k)
{
        AUTO(mem_free) char *path = stored(h, k);
        return file_text(path);
}

/* A step that gets the artifact (as the engine hands it over: the producer's record, with the
 * consumer's path) and runs a script. */
static struct told *consume(struct harness *h, const struct told *from, const char *name,
                            const char *path, const char *extra, const char *script)
{
        AUTO_JSON json_t *in = json_deep_copy(artifact(from, name));
        AUTO_JSON json_t *more = json_loads(extra, 0, NULL);
        json_object_set_new(in, "name", json_string("in"));
        json_object_set_new(in, "path", json_string(path));
        json_object_update(in, more);
        AUTO(mem_free) char *text = json_text(in, JSON_STYLE_COMPACT);
        AUTO(mem_free)
        char *t = mem_printf("{'inputs': {'artifacts': [%s]}, 'script': {'command': ['sh', '-e'], "
                             "'source': '%s'}}",
                             text, script);
        return run_capture(h, t);
}

static void assert_result(struct told *t, const char *want)
{
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), want);
}

static void a_file_goes_from_step_to_step(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *a = run(h, "{'script': {'command': ['sh', '-e'], 'source': 'echo one > "
                                "/tmp/doc.txt; mkdir -p /deep/er; echo two > /deep/er/x'},"
                                " 'outputs': {'artifacts': [{'name': 'doc', 'path': "
                                "'/tmp/doc.txt'}, {'name': 'x', 'path': '/deep/er/x'}]}}");
        assert_string_equal(a->message, "");
        AUTO(mem_free)
        char *want = mem_printf("default/wf/pod-%s/doc/doc.txt", a->node),
             *text = stored_text(h, key(a, "doc"));
        assert_string_equal(key(a, "doc"), want);
        assert_string_equal(text, "one\n");
        assert_non_null(json_at(artifact(a, "doc"), "archive", "none"));
        assert_string_equal(json_str(artifact(a, "doc"), "path"), "/tmp/doc.txt");
        assert_result(consume(h, a, "doc", "/tmp/in.txt", "{}",
                              "cat /tmp/in.txt; echo changed > /tmp/in.txt; cat /tmp/in.txt"),
                      "one\nchanged");
        assert_result(consume(h, a, "x", "/etc/some/where", "{}", "cat /etc/some/where"), "two");
        AUTO(mem_free) char *after = stored_text(h, key(a, "doc"));
        assert_string_equal(after, "one\n");
}

static void large_files_and_folders_are_shared_and_still_private(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *a = run(
                h, "{'script': {'command': ['sh', '-e'], 'source': 'head -c 3000000 /dev/zero > "
                   "/tmp/big; mkdir /tmp/d; echo 1 > /tmp/d/a; "
                   "mkdir /tmp/d/s; echo 2 > /tmp/d/s/b; chmod 700 /tmp/d/s/b; ln -s a /tmp/d/l'},"
                   " 'outputs': {'artifacts': [{'name': 'big', 'path': '/tmp/big'}, {'name': 'd', "
                   "'path': '/tmp/d/'}]}}");
        assert_string_equal(a->message, "");
        assert_result(consume(h, a, "big", "/work/big", "{}",
                              "grep -c ` /work/big ` /proc/mounts; stat -c %s /work/big; echo more "
                              ">> /work/big; stat -c %s /work/big"),
                      "1\n3000000\n3000005");
        assert_result(consume(h, a, "d", "/data", "{}",
                              "cd /data; cat a l s/b; stat -c %a s/b; echo 3 > a; rm l; echo n > "
                              "new; mkdir s/n; find . | sort | tr `\\\\n` ` `; cat a"),
                      "1\n1\n2\n700\n. ./a ./new ./s ./s/b ./s/n 3");
        assert_result(consume(h, a, "d", "/data", "{\"subPath\": \"s\"}", "cat /data/b"), "2");
        assert_result(consume(h, a, "d", "/one", "{\"subPath\": \"a\", \"mode\": 448}",
                              "stat -c %a /one; cat /one"),
                      "700\n1");
        assert_result(consume(h, a, "d", "/data", "{\"mode\": 493, \"recurseMode\": true}",
                              "stat -c %a /data/a /data/s"),
                      "755\n755");
        AUTO(mem_free)
        char *big = stored(h, key(a, "big")), *dir = stored(h, key(a, "d")),
             *file = fs_join(dir, "a"), *text = file_text(file);
        struct stat st;
        assert_int_equal(stat(big, &st), 0);
        assert_int_equal(st.st_size, 3000000);
        assert_string_equal(text, "1\n");
        AUTO(mem_free) char *made = fs_join(dir, "new");
        assert_false(fs_exists(made));
}

static void archives_are_made_and_opened_when_asked_for(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *a = run(
                h,
                "{'script': {'command': ['sh', '-e'], 'source': 'mkdir /tmp/d; echo 1 > /tmp/d/a; "
                "cd /tmp; tar -czf own.tgz d'},"
                " 'outputs': {'artifacts': ["
                "  {'name': 'tar', 'path': '/tmp/d', 'archive': {'tar': {'compressionLevel': 9}}},"
                "  {'name': 'none', 'path': '/tmp/d', 'archive': {'none': {}}},"
                "  {'name': 'keyed', 'path': '/tmp/d', 'folder': {'key': 'my/own.tgz'}},"
                "  {'name': 'foreign', 'path': '/tmp/d/a', 's3': {'key': 'a/b/c.txt'}},"
                "  {'name': 'own', 'path': '/tmp/own.tgz'}]}}");
        assert_string_equal(a->message, "");
        AUTO(mem_free)
        char *tar = mem_printf("default/wf/pod-%s/tar.tgz", a->node),
             *none = mem_printf("default/wf/pod-%s/d", a->node);
        assert_string_equal(key(a, "tar"), tar);
        assert_string_equal(key(a, "none"), none);
        assert_string_equal(key(a, "keyed"), "my/own.tgz");
        assert_string_equal(key(a, "foreign"), "a/b/c.txt");
        AUTO(mem_free)
        char *packed = stored(h, tar),
             *command = mem_printf("tar -tzf %s | tr '\\n' ' ' | grep -q '^d/ d/a $'", packed);
        assert_int_equal(system(command), 0);
        assert_result(consume(h, a, "tar", "/in", "{}", "cat /in/a"), "1");
        assert_result(consume(h, a, "keyed", "/in", "{}", "cat /in/a"), "1");
        assert_result(consume(h, a, "none", "/in", "{}", "cat /in/a"), "1");
        /* what a step packed itself comes back as it was, unless a consumer asks for it */
        assert_result(consume(h, a, "own", "/in.tgz", "{}", "tar -tzf /in.tgz"), "d/\nd/a");
        assert_result(consume(h, a, "own", "/in", "{\"archive\": {\"tar\": {}}}", "cat /in/a"),
                      "1");
        struct told *t = consume(h, a, "foreign", "/in", "{\"archive\": {\"tar\": {}}}", "true");
        AUTO(mem_free)
        char *words = mem_printf("input artifact \"in\" at /in: artifact a/b/c.txt: it is no gzip "
                                 "tarball, and archive.tar asks for one");
        assert_int_equal(t->phase, POD_ERROR);
        assert_string_equal(t->message, words);
}

static void raw_data_is_written_as_it_is(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h, "{'inputs': {'artifacts': [{'name': 'r', 'path': "
                                     "'/tmp/x.json', 'raw': {'data': '[1,\\n2]'}, 'mode': 438},"
                                     " {'name': 'o', 'path': '/nope', 'optional': true}]},"
                                     " 'container': {'command': ['sh', '-c', 'cat /tmp/x.json; "
                                     "stat -c %a /tmp/x.json; ls /nope || true']}}"),
                      "[1,\n2]666");
}

static void what_is_missing_is_named(void **state)
{
        struct harness *h = *state;
        static const struct {
                const char *template, *message;
                enum pod_phase phase;
        } rows[] = {
                {"{'container': {'command': ['true']}, 'outputs': {'artifacts': [{'name': 'a', "
                 "'path': '/tiphys-nope'}]}}",
                 "output artifact \"a\": /tiphys-nope: No such file or directory (the step ended "
                 "without writing it, and it is not optional)",
                 POD_ERROR},
                {"{'container': {'command': ['true']}, 'outputs': {'artifacts': [{'name': 'a', "
                 "'path': '/tiphys-nope', 'optional': true}]}}",
                 "", POD_SUCCEEDED},
                {"{'container': {'command': ['false']}, 'outputs': {'artifacts': [{'name': 'a', "
                 "'path': '/tiphys-nope'}]}}",
                 "main: Error (exit code 1)", POD_FAILED},
                {"{'container': {'command': ['true']}, 'inputs': {'artifacts': [{'name': 'a', "
                 "'path': '/tmp/tiphys-x', 'folder': {'key': 'k/l'}}]}}",
                 "input artifact \"a\" at /tmp/tiphys-x: artifact k/l: No such file or directory",
                 POD_ERROR},
                {"{'container': {'command': ['true']}, 'inputs': {'artifacts': [{'name': 'a', "
                 "'path': '/tmp/tiphys-x', 'folder': {'key': 'k/l'}, "
                 "'optional': true}]}}",
                 "", POD_SUCCEEDED},
                {"{'container': {'command': ['true']}, 'inputs': {'artifacts': [{'name': 'a', "
                 "'path': '/x'}]}}",
                 "input artifact \"a\": it has no location and is not optional", POD_ERROR},
                {"{'container': {'command': ['true']}, 'inputs': {'artifacts': [{'name': 'a', "
                 "'path': '/x', 'folder': {'key': '../../etc'}}]}}",
                 "input artifact \"a\": folder.key: \"../../etc\" must be a relative path without "
                 "\".\" and \"..\"",
                 POD_ERROR},
                {"{'container': {'command': ['true']}, 'inputs': {'artifacts': [{'name': 'a', "
                 "'path': '/x', 'gcs': {'bucket': 'b', 'key': 'k'}}]}}",
                 "input artifact \"a\": not supported yet: artifact location gcs", POD_ERROR},
                {"{'container': {'command': ['true']}, 'archiveLocation': {'folder': {'key': "
                 "'a/../..'}}}",
                 "archiveLocation.key: \"a/../..\" must be a relative path without \".\" "
                 "and \"..\"",
                 POD_ERROR},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct told *t = run(h, rows[i].template);
                assert_string_equal(t->message, rows[i].message);
                assert_int_equal(t->phase, rows[i].phase);
        }
}

static void outputs_may_be_of_the_image_in_a_volume_or_behind_a_link(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *a =
                run(h, "{'script': {'command': ['sh', '-e'], 'source': 'echo v > /vol/sub/f; echo "
                       "t > /tmp/t; ln -s /tmp/t /tmp/l', 'volumeMounts': "
                       "[{'name': 'v', 'mountPath': '/vol/sub'}]}, 'volumes': [{'name': 'v', "
                       "'emptyDir': {}}],"
                       " 'outputs': {'artifacts': [{'name': 'host', 'path': "
                       "'/etc/debian_version'}, {'name': 'f', 'path': '/vol/sub/f'},"
                       "  {'name': 'vol', 'path': '/vol'}, {'name': 'l', 'path': '/tmp/l'}]}}");
        assert_string_equal(a->message, "");
        AUTO(mem_free)
        char *host = stored_text(h, key(a, "host")), *real = file_text("/etc/debian_version");
        AUTO(mem_free) char *f = stored_text(h, key(a, "f")), *l = stored_text(h, key(a, "l"));
        AUTO(mem_free)
        char *vol = mem_printf("%s/sub/f", key(a, "vol")), *in_vol = stored_text(h, vol);
        assert_string_equal(host, real);
        assert_string_equal(f, "v\n");
        assert_string_equal(l, "t\n");
        assert_string_equal(in_vol, "v\n");
}

static void an_input_inside_a_volume_is_written_to_it(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h,
                                  "{'inputs': {'artifacts': [{'name': 'r', 'path': '/vol/in', "
                                  "'raw': {'data': 'x'}}]},"
                                  " 'script': {'command': ['sh', '-e'], 'source': 'cat /vol/in "
                                  "/same/in', 'volumeMounts': [{'name': 'v', 'mountPath': '/vol'}, "
                                  "{'name': 'v', 'mountPath': '/same'}]}, 'volumes': [{'name': "
                                  "'v', 'emptyDir': {}}]}"),
                      "xx");
}

static void the_log_is_archived_byte_by_byte(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t =
                run(h, "{'script': {'command': ['sh'], 'source': 'echo out; sleep 0; echo err >&2; "
                       "printf end; exit 2'},"
                       " 'archiveLocation': {'archiveLogs': true, 'folder': {'key': 'logs/here'}},"
                       " 'outputs': {'artifacts': [{'name': 'a', 'path': '/tmp/tiphys-nope'}]}}");
        assert_string_equal(t->message, "main: Error (exit code 2)");
        AUTO(mem_free) char *text = stored_text(h, key(t, "main-logs"));
        assert_string_equal(key(t, "main-logs"), "logs/here/main.log");
        assert_int_equal(strlen(text), strlen("out\nerr\nend"));
        assert_non_null(strstr(text, "out\n"));
        assert_non_null(strstr(text, "err\n"));
}

static void without_isolation_paths_are_the_host_s(void **state)
{
        struct harness *h = *state;
        struct told *a = run(h, "{'script': {'command': ['sh', '-e'], 'source': 'mkdir %DIR%/d; "
                                "echo 1 > %DIR%/d/a; echo 2 > %DIR%/f; echo $PWD > %DIR%/pwd'},"
                                " 'outputs': {'artifacts': [{'name': 'd', 'path': '%DIR%/d'}, "
                                "{'name': 'f', 'path': '%DIR%/f'}]}}");
        assert_string_equal(a->message, "");
        AUTO(mem_free)
        char *in = mem_printf("%s/in/deep", h->dir),
             *script = mem_printf("cat %s/a; echo 9 > %s/a", in, in);
        assert_result(consume(h, a, "d", in, "{}", script), "1");
        AUTO(mem_free) char *path = mem_printf("%s/a", key(a, "d")), *text = stored_text(h, path);
        assert_string_equal(text, "1\n"); /* the store kept its own */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define BOTH(test) ROOT(test), USER(test)
                BOTH(a_file_goes_from_step_to_step),
                BOTH(large_files_and_folders_are_shared_and_still_private),
                BOTH(archives_are_made_and_opened_when_asked_for),
                BOTH(raw_data_is_written_as_it_is),
                NONE(what_is_missing_is_named),
                BOTH(outputs_may_be_of_the_image_in_a_volume_or_behind_a_link),
                BOTH(an_input_inside_a_volume_is_written_to_it),
                BOTH(the_log_is_archived_byte_by_byte),
                NONE(the_log_is_archived_byte_by_byte),
                NONE(without_isolation_paths_are_the_host_s),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
