/* tests/unit/workflow_artifact/test_artifact.c: artifacts by their JSON. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/json.h"
#include "tests/unit/workflow_artifact/scratch.h"
#include "workflow/artifact/artifact.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

static json_t *parse(const char *text)
{
        json_t *j = json_loads(text, 0, NULL);
        assert_non_null(j);
        return j;
}

static void a_stored_folder_is_listed_read_packed_and_deleted(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        AUTO(artifacts_close) struct artifacts *a = NULL;
        AUTO_JSON json_t *art = parse("{\"name\": \"x\", \"folder\": {\"key\": \"wf/pod/x\"}}"),
                         *list = NULL;
        struct artifact_info info;
        int fd;
        char text[16] = "";
        scratch_make(s, "artifacts/\nartifacts/wf/\nartifacts/wf/pod/\nartifacts/wf/pod/x/"
                        "\nartifacts/wf/pod/x/b=22\nartifacts/wf/pod/x/a/\n"
                        "artifacts/wf/pod/x/evil->/etc/passwd\n");
        assert_ok(artifacts_open(&a, s->path, &e), &e);
        assert_ok(artifact_stat(a, art, NULL, &info, &e), &e);
        assert_true(info.folder && info.modified.ns > 0);
        assert_ok(artifact_stat(a, art, "b", &info, &e), &e);
        assert_true(!info.folder && info.bytes == 2);
        assert_ok(artifact_list(a, art, "", &list, &e), &e);
        AUTO(mem_free) char *listed = json_text(list, JSON_STYLE_COMPACT);
        assert_string_equal(listed, "[{\"name\":\"a\",\"folder\":true,\"bytes\":0},{\"name\":\"b\","
                                    "\"folder\":false,\"bytes\":2},"
                                    "{\"name\":\"evil\",\"folder\":false,\"bytes\":0}]");
        assert_ok(artifact_open(a, art, "b", &fd, &e), &e);
        assert_int_equal(read(fd, text, sizeof(text)), 2);
        close(fd);
        assert_refused(artifact_open(a, art, NULL, &fd, &e), &e, ERR_INVALID, "it is a folder");
        assert_refused(artifact_open(a, art, "evil", &fd, &e), &e, ERR_INVALID, "evil");
        assert_refused(artifact_open(a, art, "../../../x", &fd, &e), &e, ERR_INVALID,
                       "must be a relative path");
        int tar = memfd_create("tar", 0);
        assert_ok(artifact_pack(a, art, NULL, tar, &e), &e);
        assert_true(lseek(tar, 0, SEEK_END) > 100);
        close(tar);
        assert_ok(artifact_delete(a, art, &e), &e);
        assert_tree(s, "artifacts", "");
        assert_refused(artifact_stat(a, art, NULL, &info, &e), &e, ERR_NOT_FOUND,
                       "artifact \"x\": wf/pod/x");
}

static void raw_text_is_an_artifact_and_other_locations_say_so(void **state)
{
        struct scratch *s = *state;
        struct err e = {0};
        AUTO(artifacts_close) struct artifacts *a = NULL;
        AUTO_JSON json_t *raw = parse("{\"name\": \"r\", \"raw\": {\"data\": \"hello\"}}"),
                         *s3 = parse("{\"name\": \"q\", \"s3\": {\"key\": \"k\"}}");
        AUTO_JSON json_t *none = parse("{\"name\": \"n\"}");
        struct artifact_info info;
        int fd;
        char text[16] = "";
        assert_ok(artifacts_open(&a, s->path, &e), &e);
        assert_ok(artifact_stat(a, raw, NULL, &info, &e), &e);
        assert_int_equal(info.bytes, 5);
        assert_ok(artifact_open(a, raw, NULL, &fd, &e), &e);
        assert_int_equal(read(fd, text, sizeof(text)), 5);
        assert_string_equal(text, "hello");
        close(fd);
        assert_refused(artifact_stat(a, s3, NULL, &info, &e), &e, ERR_UNAVAILABLE,
                       "artifact \"q\": no way to s3 from here");
        assert_refused(artifact_stat(a, none, NULL, &info, &e), &e, ERR_NOT_FOUND, "no location");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_stored_folder_is_listed_read_packed_and_deleted),
                T(raw_text_is_an_artifact_and_other_locations_say_so),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
