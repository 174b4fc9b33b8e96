/* tests/unit/workflow_runner/test_image.c: steps on images that were loaded, by root and in a user
 * namespace. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_runner/harness.h"
#include "workflow/image/image.h"
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
#define BOTH(test) ROOT(test), USER(test)

static void shell(const char *fmt, const char *dir)
{
        AUTO(mem_free) char *line = mem_printf("set -e; cd %s; %s", dir, fmt);
        assert_int_equal(system(line), 0);
}

static void load(struct harness *h, const char *file, const char *name)
{
        AUTO(images_close) struct images *i = NULL;
        AUTO_JSON json_t *loaded = NULL;
        AUTO(mem_free) char *path = mem_printf("%s/%s", h->dir, file);
        struct err e = {0};
        if (images_open(&i, h->dir, NULL, &e) < 0 || images_load(i, path, name, &loaded, &e) < 0)
                fail_msg("%s", err_msg(&e));
        if (h->user &&
            geteuid() == 0) /* the executor is nobody: it would have loaded them itself */
                shell("chown -R 65534:65534 images", h->dir);
}

/* Two layers of one static program; the second one deletes a file and hides a folder. */
static bool make_image(struct harness *h)
{
        if (access("/bin/busybox", X_OK) < 0) {
                fprintf(stderr, "SKIPPED: needs busybox-static\n");
                return false;
        }
        shell("mkdir -p i/one/bin i/one/etc i/one/old i/two/etc i/two/old; cp /bin/busybox "
              "i/one/bin/; "
              "for a in sh ls cat echo touch; do ln -s busybox i/one/bin/$a; done; "
              "echo first > i/one/etc/name; touch i/one/etc/gone i/one/old/x; "
              "echo second > i/two/etc/name; touch i/two/etc/.wh.gone i/two/old/.wh..wh..opq "
              "i/two/old/y; tar cf i/one.tar -C i/one .; tar cf i/two.tar -C i/two .; "
              "printf '{\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\",\"-c\",\"cat /etc/name; ls "
              "/etc "
              "/old\"],\"Env\":[\"PATH=/bin\",\"A=b\"]},\"rootfs\":{\"diff_ids\":[\"sha256:%s\","
              "\"sha256:%s\"]}}' $(sha256sum i/one.tar | cut -d\" \" -f1) $(sha256sum i/two.tar | "
              "cut "
              "-d\" \" -f1) > i/config.json; "
              "echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"x/y:1\"],\"Layers\":[\"one.tar\","
              "\"two.tar\"]}]' > i/manifest.json",
              h->dir);
        load(h, "i", NULL);
        return true;
}

static void layers_are_one_root_with_what_they_delete(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (!make_image(h))
                skip();
        struct told *t = run_capture(h, "{'container': {'image': 'docker.io/x/y:1'}}");
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), "second\n/etc:\nname\n\n/old:\ny");
}

static void a_step_does_not_change_its_image(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        if (!make_image(h))
                skip();
        const char *t = "{'container': {'image': 'x/y:1', 'command': ['sh', '-c', 'echo $A $(cat "
                        "/etc/name); echo third > /etc/name; echo x > /bin/new; cat /etc/name']}}";
        for (int i = 0; i < 2; i++) {
                struct told *got = run_capture(h, t);
                assert_string_equal(got->message, "");
                assert_string_equal(result(got), "b second\nthird");
        }
}

static void an_image_without_a_command_says_what_to_do(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        shell("mkdir -p r/bin; touch r/bin/x; tar cf r.tar -C r .", h->dir);
        load(h, "r.tar", "plain");
        struct told *t = run(h, "{'container': {'image': 'plain'}}");
        assert_int_equal(t->phase, POD_ERROR);
        assert_non_null(strstr(t->message, "image \"plain\": no command"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                BOTH(layers_are_one_root_with_what_they_delete),
                BOTH(a_step_does_not_change_its_image),
                ROOT(an_image_without_a_command_says_what_to_do),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
