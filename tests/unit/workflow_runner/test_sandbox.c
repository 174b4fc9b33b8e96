/* tests/unit/workflow_runner/test_sandbox.c: steps in sandboxes, made by root and in a user
 * namespace. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "tests/unit/workflow_runner/harness.h"
#include <signal.h>
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
#define SCRIPT(text) "{'script': {'command': ['sh', '-e'], 'source': '" text "'}}"

static void assert_result(struct told *t, const char *want)
{
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), want);
}

static void nothing_a_step_writes_survives_it(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *path = h->user ? "/tmp/tiphys-test-x /run/tiphys-test-x /tiphys-test-x"
                                   : "/etc/tiphys-test-x /usr/tiphys-test-x /tmp/tiphys-test-x "
                                     "/run/tiphys-test-x /tiphys-test-x";
        AUTO(mem_free)
        char *t = mem_printf("{'script': {'command': ['sh', '-e'], 'source': 'for f in %s; do if "
                             "test -e $f; then "
                             "echo $f is there; fi; echo x > $f; done; echo end'}}",
                             path);
        assert_result(run_capture(h, t), "end");
        assert_result(run_capture(h, t), "end");
        assert_false(fs_exists("/etc/tiphys-test-x") || fs_exists("/usr/tiphys-test-x") ||
                     fs_exists("/tmp/tiphys-test-x") || fs_exists("/run/tiphys-test-x") ||
                     fs_exists("/tiphys-test-x"));
}

static void a_step_may_change_the_host_s_files_for_itself(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (h->user)
                skip(); /* they belong to somebody else there */
        struct stat before, after;
        assert_int_equal(stat("/etc/passwd", &before), 0);
        assert_result(run_capture(h, SCRIPT("rm /etc/hostname; echo me > /etc/passwd; cat "
                                            "/etc/passwd; ! test -e /etc/hostname")),
                      "me");
        assert_int_equal(stat("/etc/passwd", &after), 0);
        assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
        assert_true(fs_exists("/etc/hostname"));
}

static void a_step_sees_neither_tmp_nor_the_data_directory_of_the_host(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h, SCRIPT("ls -A /tmp; ls -A /run; ls -d %DIR%/* 2> /dev/null || "
                                            "echo nothing")),
                      "nothing");
        assert_result(run_capture(h, SCRIPT("stat -c %a /tmp /dev/shm")), "1777\n1777");
}

static void it_has_its_own_processes_hostname_and_ipc(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run_capture(
                h, SCRIPT("hostname; ls /proc | grep -c `^[0-9]`; readlink /proc/self/ns/ipc"));
        char host[64], ipc[64], mine[64] = "";
        int processes;
        assert_string_equal(t->message, "");
        assert_int_equal(sscanf(result(t), "%63s %d %63s", host, &processes, ipc), 3);
        AUTO(mem_free) char *pod = mem_printf("pod-%s", t->node);
        assert_string_equal(host, pod);
        assert_in_range(processes, 3, 4); /* pid 1, sh, ls, grep */
        assert_true(readlink("/proc/self/ns/ipc", mine, sizeof(mine) - 1) > 0);
        assert_string_not_equal(ipc, mine);
}

static void the_devices_that_programs_need_are_there(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h, SCRIPT("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head "
                                            "-c 5 /dev/urandom | wc -c; "
                                            "echo out > /dev/stdout; echo e > /dev/stderr; cat < "
                                            "/dev/stdin; ls /dev")),
                      "3\n5\nout\nfd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\ntermination-"
                      "log\ntty\nurandom\nzero");
}

static void root_in_a_sandbox_is_not_root_of_the_machine(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const char *const forbidden[] = {
                "echo 1 > /proc/sys/kernel/core_uses_pid",
                "echo h > /proc/sysrq-trigger",
                "mknod /tmp/disk b 8 0",
                "mount -t tmpfs x /mnt -o remount",
                "readlink /proc/1/fd/3 /proc/1/fd/5",
                "cat /proc/1/environ",
                "ls /proc/1/root/",
                "hostname other && test -e /nope",
                "echo x > /sys/kernel/mm/transparent_hugepage/enabled"};
        for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
                AUTO(mem_free)
                char *t =
                        mem_printf("{'script': {'command': ['sh'], 'source': '%s'}}", forbidden[i]);
                struct told *got = run(h, t);
                if (got->phase != POD_FAILED)
                        fail_msg("allowed: %s", forbidden[i]);
        }
        if (!h->user)
                assert_result(run_capture(h, SCRIPT("grep CapEff /proc/self/status")),
                              "CapEff:\t00000000a00405fb");
}

static void run_as_user_is_honoured_when_we_are_root(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *t = "{'script': {'command': ['sh', '-e'], 'securityContext': {'runAsUser': "
                        "1234, 'runAsGroup': 4321}, 'source': 'id -u; "
                        "id -g; id -G; echo $HOME; echo x > /dev/stdout; echo x > /tmp/x; grep "
                        "CapEff /proc/self/status'}}";
        assert_result(run_capture(h, t),
                      h->user ? "0\n0\n0\n/\nx\nCapEff:\t000001ffffffffff"
                              : "1234\n4321\n4321\n/\nx\nCapEff:\t0000000000000000");
        struct told *got = run(
                h, "{'container': {'command': ['id'], 'securityContext': {'runAsNonRoot': true}}}");
        if (geteuid() == 0) {
                assert_int_equal(got->phase, POD_ERROR);
                assert_string_equal(got->message, "container has runAsNonRoot and would run as "
                                                  "root: set securityContext.runAsUser");
        }
}

static void capabilities_can_be_dropped_and_added(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (h->user)
                skip(); /* they reach nothing of the host there */
        const char *t = "{'script': {'command': ['sh', '-e'], 'source': 'grep -E "
                        "`CapEff|NoNewPrivs` /proc/self/status', 'securityContext': "
                        "{'allowPrivilegeEscalation': false, 'capabilities': {'drop': ['ALL'], "
                        "'add': ['NET_RAW', 'CAP_CHOWN']}}}}";
        assert_result(run_capture(h, t), "CapEff:\t0000000000002001\nNoNewPrivs:\t1");
        t = "{'script': {'command': ['sh', '-e'], 'source': 'id -u; id -g; grep -E "
            "`Cap(Eff|Bnd)` /proc/self/status', 'securityContext': {'runAsUser': 1234, "
            "'runAsGroup': 4321, 'capabilities': {'drop': ['ALL']}}}}";
        assert_result(run_capture(h, t), "1234\n4321\nCapEff:\t0000000000000000\n"
                                         "CapBnd:\t0000000000000000");
}

static void a_host_path_is_mounted_read_only_or_writable(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        AUTO(mem_free)
        char *vol = fs_join(h->dir, "vol"), *made = mem_printf("%s/vol/made/deep", h->dir),
             *file = fs_join(vol, "in.txt");
        assert_int_equal(mkdir(vol, 0777), 0);
        assert_int_equal(chmod(vol, 0777), 0);
        assert_int_equal(fs_write_atomic(file, "hello", 5, 0644, NULL), 0);
        assert_int_equal(chmod(file, 0644), 0);
        struct told *t = run_capture(
                h, "{'script': {'command': ['sh', '-e'], 'source': 'cat /uploads/in.txt /one; "
                   "echo; echo new > /uploads/x 2>/dev/null || echo ro; "
                   "echo out > /graph/out.txt; echo s > /deep/er/s.txt; grep -c /uploads "
                   "/proc/mounts',"
                   " 'volumeMounts': [{'name': 'v', 'mountPath': '/uploads', 'readOnly': true}, "
                   "{'name': 'v', 'mountPath': '/graph'},"
                   "  {'name': 'd', 'mountPath': '/deep/er'}, {'name': 'f', 'mountPath': '/one'}]},"
                   " 'volumes': [{'name': 'v', 'hostPath': {'path': '%DIR%/vol'}}, {'name': "
                   "'unused', 'nfs': {}},"
                   "  {'name': 'd', 'hostPath': {'path': '%DIR%/vol/made/deep', 'type': "
                   "'DirectoryOrCreate'}},"
                   "  {'name': 'f', 'hostPath': {'path': '%DIR%/vol/in.txt', 'type': 'File'}}]}");
        assert_result(t, "hellohello\nro\n1");
        AUTO(mem_free)
        char *out = fs_join(vol, "out.txt"), *text = file_text(out), *s = fs_join(made, "s.txt"),
             *deep = file_text(s);
        assert_string_equal(text, "out\n");
        assert_string_equal(deep, "s\n");
}

static void volumes_that_cannot_be_had_are_named(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const struct {
                const char *volume, *message;
        } rows[] = {
                {"{'name': 'v', 'nfs': {'server': 'x'}}",
                 "volume \"v\": not supported yet: nfs (local runner)"},
                {"{'name': 'v', 'persistentVolumeClaim': {'claimName': '../x'}}",
                 "volume \"v\": persistentVolumeClaim.claimName: \"../x\" cannot be the name of a "
                 "folder"},
                {"{'name': 'v', 'secret': {'secretName': 'none'}}",
                 "volume \"v\": Secret default/none: not found, and not optional"},
                {"{'name': 'v', 'hostPath': {'path': '/etc/passwd', 'type': 'Directory'}}",
                 "volume \"v\": hostPath /etc/passwd is not of type Directory"},
                {"{'name': 'v', 'hostPath': {'path': '/no/such/file', 'type': 'File'}}",
                 "volume \"v\": hostPath /no/such/file: No such file or directory"},
                {"{'name': 'v', 'hostPath': {'path': 'relative'}}",
                 "volume \"v\": hostPath.path must be absolute: relative"},
                {"{'name': 'other', 'emptyDir': {}}", "volumeMounts: there is no volume \"v\""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free)
                char *t = mem_printf("{'container': {'command': ['true'], 'volumeMounts': "
                                     "[{'name': 'v', 'mountPath': '/v'}]}, "
                                     "'volumes': [%s]}",
                                     rows[i].volume);
                struct told *got = run(h, t);
                assert_string_equal(got->message, rows[i].message);
                assert_int_equal(got->phase, POD_ERROR);
        }
}

static void empty_dirs_are_fresh_shared_inside_a_pod_and_may_be_memory(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        const char *t = "{'script': {'command': ['sh', '-e'], 'source': 'ls -A /a /m; echo x > "
                        "/a/sub/f; cat /b/f; echo y > /m/y; "
                        "grep `/m ` /proc/mounts | cut -d` ` -f3',"
                        " 'volumeMounts': [{'name': 'e', 'mountPath': '/a'}, {'name': 'e', "
                        "'mountPath': '/b', 'subPath': 'sub'},"
                        "  {'name': 'm', 'mountPath': '/m'}]},"
                        " 'volumes': [{'name': 'e', 'emptyDir': {}}, {'name': 'm', 'emptyDir': "
                        "{'medium': 'Memory'}}]}";
        assert_result(run_capture(h, t), "/a:\nsub\n\n/m:\nx\ntmpfs");
        assert_result(run_capture(h, t), "/a:\nsub\n\n/m:\nx\ntmpfs");
}

static void script_working_folder_and_mounts_beneath_each_other(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h, "{'script': {'command': ['sh'], 'workingDir': '/work/space', "
                                     "'source': 'pwd; echo $0; stat -c %a $0'}}"),
                      "/work/space\n/argo/staging/script\n755");
        assert_result(run_capture(h, "{'container': {'command': ['pwd']}}"), "/");
        const char *t =
                "{'container': {'command': ['sh', '-c', 'echo x > /v/in/f; ls /v'], "
                "'volumeMounts': "
                "[{'name': 'i', 'mountPath': '/v/in'}, {'name': 'o', 'mountPath': '/v'}]},"
                " 'volumes': [{'name': 'i', 'emptyDir': {}}, {'name': 'o', 'emptyDir': {}}]}";
        assert_result(run_capture(h, t), "in");
}

static void the_termination_log_becomes_part_of_the_message(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(h, "{'script': {'command': ['sh'], 'source': 'echo it broke > "
                                "/dev/termination-log; exit 3'}}");
        assert_string_equal(t->message, "main: Error (exit code 3): it broke");
        t = run(h, "{'script': {'command': ['sh'], 'terminationMessagePath': '/x/log', 'source': "
                   "'echo so > /x/log; exit 4'}}");
        assert_string_equal(t->message, "main: Error (exit code 4): so");
        t = run(h, "{'script': {'command': ['sh'], 'source': 'rm /dev/termination-log; ln -s "
                   "/proc/1/environ /dev/termination-log; exit 5'}}");
        assert_string_equal(t->message, "main: Error (exit code 5)");
}

static void output_parameters_cannot_be_read_from_outside(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run(
                h,
                "{'script': {'command': ['sh'], 'source': 'echo good > /tmp/a; ln -s /tmp/a /b'},"
                " 'outputs': {'parameters': [{'name': 'p', 'valueFrom': {'path': '/b'}}]}}");
        assert_string_equal(param(t, "p"), "good");
        t = run(h, "{'script': {'command': ['sh'], 'source': 'for i in 3 4 5 6 7 8 9 10 11 12; do "
                   "ln -s /proc/1/fd/$i/passwd /tmp/$i; done; "
                   "ln -s /proc/self/root/etc/passwd /tmp/r; ln -s ../../../../../../../../nope "
                   "/tmp/up'},"
                   " 'outputs': {'parameters': [{'name': 'p5', 'valueFrom': {'path': '/tmp/5', "
                   "'default': 'none'}},"
                   "  {'name': 'p8', 'valueFrom': {'path': '/tmp/8', 'default': 'none'}}, {'name': "
                   "'r', 'valueFrom': {'path': '/tmp/r', "
                   "'default': 'none'}}, {'name': 'up', 'valueFrom': {'path': '/tmp/up', "
                   "'default': 'none'}}]}}");
        assert_string_equal(t->message, "");
        assert_string_equal(param(t, "p5"), "none");
        assert_string_equal(param(t, "p8"), "none");
        assert_string_equal(param(t, "r"), "none");
        assert_string_equal(param(t, "up"), "none");
}

static void what_main_leaves_running_ends_with_it(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *t = run_capture(
                h, SCRIPT("setsid sleep 1000 & setsid sh -c `trap : TERM; sleep 1000` & echo end"));
        assert_result(t, "end");
        assert_true(t->finished.ns - t->started.ns < 15 * NS_PER_S);
}

static void an_image_may_have_its_own_root(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        AUTO(mem_free)
        char *root = fs_join(h->dir, "im:age, one"), *bin = mem_printf("%s/bin", root),
             *busy = fs_join(bin, "program");
        AUTO_BUF struct buf program = BUF_INIT(64 << 20);
        harness_close(h);
        assert_int_equal(fs_mkdirs(bin, 0755, NULL), 0);
        assert_int_equal(chmod(root, 0755) | chmod(bin, 0755), 0);
        assert_int_equal(fs_read(&program, STATIC_PROGRAM, 64 << 20, NULL), 0);
        assert_int_equal(fs_write_atomic(busy, program.data, program.len, 0755, NULL), 0);
        assert_int_equal(chmod(busy, 0755), 0);
        h->images =
                json_pack("{s:{s:s, s:[s]}}", "tiny:1", "root", root, "command", "/bin/program");
        harness_open(h);
        struct told *t = run(h, "{'container': {'image': 'tiny:1'}}");
        assert_string_equal(t->message, "main: Error (exit code 2)");
        t = run(h, "{'container': {'image': 'tiny:1', 'command': ['sh']}}");
        assert_string_equal(t->message,
                            "main: Error (exit code 127): cannot start \"sh\": not found in PATH");
}

static void python_with_processes_semaphores_and_temporary_files_works(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        assert_result(run_capture(h, "{'script': {'command': ['/usr/bin/python3'], 'source': "
                                     "'import multiprocessing as m, tempfile, os\\n"
                                     "def f(q):\\n    q.put(os.getpid() != 1)\\nq = m.Queue()\\np "
                                     "= m.Process(target=f, args=(q,))\\n"
                                     "p.start()\\nprint(q.get())\\np.join()\\nwith "
                                     "tempfile.NamedTemporaryFile() as t:\\n    "
                                     "print(t.name.startswith(`/tmp/`))\\n'}}"),
                      "True\nTrue");
}

static void a_request_may_be_large(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        AUTO(mem_free) char *big = mem_alloc(500001);
        memset(big, 'x', 500000);
        AUTO(mem_free)
        char *t = mem_printf("{'inputs': {'artifacts': [{'name': 'r', 'path': '/in', 'raw': "
                             "{'data': '%s'}}]}, 'container': "
                             "{'command': ['wc', '-c', '/in']}}",
                             big);
        assert_result(run_capture(h, t), "500000 /in");
}

static bool write_line(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");
        bool good = f && fputs(text, f) >= 0;
        return f && fclose(f) == 0 && good;
}

/* Needs a memory cgroup to be put into: version 1, as root. */
static void a_step_that_was_killed_for_memory_says_so(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        AUTO(mem_free)
        char *group = mem_printf("/sys/fs/cgroup/memory/tiphys-test-%d", (int)getpid()),
             *limit = fs_join(group, "memory.limit_in_bytes");
        if (mkdir(group, 0755) < 0 || !write_line(limit, "48M")) {
                fprintf(stderr, "SKIPPED: no memory cgroup can be made here\n");
                return;
        }
        AUTO(mem_free) char *sh = fs_join(h->dir, "executor.sh");
        AUTO(mem_free)
        char *text = mem_printf(
                "#!/bin/sh\necho $$ > %s/cgroup.procs\nexec " TIPHYS_EXECUTOR " \"$@\"\n", group);
        harness_close(h);
        h->executor = mem_strdup(sh);
        assert_int_equal(fs_write_atomic(sh, text, strlen(text), 0755, NULL), 0);
        assert_int_equal(chmod(sh, 0755), 0);
        harness_open(h);
        struct told *t = run(h, "{'script': {'command': ['/usr/bin/python3'], 'source': 'x = "
                                "bytearray(400 << 20)'}}");
        struct told *other = run(h, "{'script': {'command': ['sh'], 'source': 'kill -KILL $$'}}");
        harness_close(h);
        const bool never = false;
        for (int i = 0; i < 4000 && rmdir(group) < 0; i++) /* the last supervisor is about to end */
                loop_run_until(h->loop, &never, 5);
        assert_string_equal(t->message, "main: OOMKilled (exit code 137)");
        assert_true(streq(other->message, "main: Error (exit code 137)") ||
                    streq(other->message, "main: OOMKilled (exit code 137)"));
}

/* "/" as a lower layer shows no file system mounted in it: those get overlays of their own. */
static void other_file_systems_of_the_host_are_seen_and_protected(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (h->user)
                skip();
        AUTO(mem_free)
        char *other = fs_join(h->dir, "other"), *file = fs_join(other, "file"),
             *sh = fs_join(h->dir, "executor.sh");
        AUTO(mem_free)
        char *text = mem_printf(
                "#!/bin/sh\nexec unshare -m sh -c 'mount --bind %s /srv && exec " TIPHYS_EXECUTOR
                " \"$@\"' sh \"$@\"\n",
                other);
        harness_close(h);
        h->executor = mem_strdup(sh);
        assert_int_equal(mkdir(other, 0755), 0);
        assert_int_equal(fs_write_atomic(file, "data\n", 5, 0644, NULL), 0);
        assert_int_equal(fs_write_atomic(sh, text, strlen(text), 0755, NULL), 0);
        assert_int_equal(chmod(sh, 0755), 0);
        harness_open(h);
        assert_result(
                run_capture(h, SCRIPT("cat /srv/file; echo changed > /srv/file; cat /srv/file")),
                "data\nchanged");
        AUTO(mem_free) char *after = file_text(file);
        assert_string_equal(after, "data\n");
}

static bool is_static(const char *program)
{
        AUTO_BUF struct buf elf = BUF_INIT(64 << 20);
        assert_int_equal(fs_read(&elf, program, 64 << 20, NULL), 0);
        return !memmem(elf.data, elf.len, "/lib64/ld-linux", 15);
}

/* The kernel gives no user namespace to a process in a chroot: as good as a container that forbids
 * them. */
static void where_namespaces_are_refused_the_words_say_which_call_and_what_helps(void **state)
{
        struct harness *h = *state;
        if (geteuid() != 0 || !is_static(TIPHYS_EXECUTOR))
                skip();
        AUTO(mem_free)
        char *jail = fs_join(h->dir, "jail"), *inside = mem_printf("%s%s", jail, h->dir),
             *program = fs_join(jail, "executor");
        AUTO(mem_free)
        char *sh = fs_join(h->dir, "executor.sh");
        AUTO(mem_free)
        char *text = mem_printf(
                "#!/bin/sh\nexec chroot --userspec=65534:65534 %s /executor \"$@\"\n", jail);
        AUTO_BUF struct buf copy = BUF_INIT(64 << 20);
        struct err e = {0};
        harness_close(h);
        assert_int_equal(fs_mkdirs(inside, 0755, NULL), 0);
        assert_int_equal(fs_read(&copy, TIPHYS_EXECUTOR, 64 << 20, NULL), 0);
        assert_int_equal(fs_write_atomic(program, copy.data, copy.len, 0755, NULL), 0);
        assert_int_equal(fs_write_atomic(sh, text, strlen(text), 0755, NULL), 0);
        assert_int_equal(chmod(h->dir, 0755) | chmod(jail, 0755) | chmod(program, 0755) |
                                 chmod(sh, 0755) | chown(inside, 65534, 65534),
                         0);
        struct runner_local_options o = {
                .loop = h->loop, .data_dir = h->dir, .isolation = ISOLATION_AUTO, .executor = sh};
        assert_int_equal(runner_local(&h->runner, &o, NULL, NULL, &e), -1);
        assert_int_equal(e.code, ERR_UNSUPPORTED);
        static const char *const words[] = {
                "local runner: no sandboxes: unshare(CLONE_NEWUSER) was refused",
                "kernel.unprivileged_userns_clone=1", "or use --isolation=none",
                "Operation not permitted"};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (!strstr(err_msg(&e), words[i]))
                        fail_msg("\"%s\" is not in \"%s\"", words[i], err_msg(&e));
        err_clear(&e);
        o.isolation = ISOLATION_NONE; /* works all the same */
        assert_int_equal(runner_local(&h->runner, &o, NULL, NULL, &e), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define BOTH(test) ROOT(test), USER(test)
                BOTH(nothing_a_step_writes_survives_it),
                BOTH(a_step_may_change_the_host_s_files_for_itself),
                BOTH(a_step_sees_neither_tmp_nor_the_data_directory_of_the_host),
                BOTH(it_has_its_own_processes_hostname_and_ipc),
                BOTH(the_devices_that_programs_need_are_there),
                BOTH(root_in_a_sandbox_is_not_root_of_the_machine),
                BOTH(run_as_user_is_honoured_when_we_are_root),
                BOTH(capabilities_can_be_dropped_and_added),
                BOTH(a_host_path_is_mounted_read_only_or_writable),
                BOTH(volumes_that_cannot_be_had_are_named),
                BOTH(empty_dirs_are_fresh_shared_inside_a_pod_and_may_be_memory),
                BOTH(script_working_folder_and_mounts_beneath_each_other),
                BOTH(the_termination_log_becomes_part_of_the_message),
                BOTH(output_parameters_cannot_be_read_from_outside),
                BOTH(what_main_leaves_running_ends_with_it),
                BOTH(an_image_may_have_its_own_root),
                BOTH(python_with_processes_semaphores_and_temporary_files_works),
                ROOT(a_request_may_be_large),
                ROOT(a_step_that_was_killed_for_memory_says_so),
                ROOT(where_namespaces_are_refused_the_words_say_which_call_and_what_helps),
                ROOT(other_file_systems_of_the_host_are_seen_and_protected),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
