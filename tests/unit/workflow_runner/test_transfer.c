/* tests/unit/workflow_runner/test_transfer.c: artifacts that lie on an HTTP server, and zip
 * archives. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/net/http_server.h"
#include "tests/unit/workflow_runner/harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct web { /* PUT keeps, GET gives */
        struct http_server *server;
        struct buf kept;
        char path[64], auth[64];
        int asked, failures; /* so many answers 503 first */
        struct http_req *held;
};

static void on_kept(struct http_req *r, void *arg)
{
        struct web *w = arg;
        struct str body = http_req_body(r);
        const char *auth = http_req_header(r, "Authorization");
        w->asked++;
        snprintf(w->auth, sizeof(w->auth), "%s", auth ? auth : "");
        if (w->failures && w->failures--) {
                http_reply_text(r, 503, "busy");
        } else if (streq(http_req_method(r), "PUT")) {
                buf_reset(&w->kept);
                buf_add(&w->kept, body.p, body.n);
                http_reply_text(r, 201, "kept");
        } else {
                http_reply(r, 200, "application/octet-stream", w->kept.data, w->kept.len);
        }
}

static void on_moved(struct http_req *r, void *arg UNUSED)
{
        http_reply_header(r, "Location", "/kept");
        http_reply_text(r, streq(http_req_method(r), "PUT") ? 307 : 302, "there");
}

static void let_go(struct web *w)
{
        if (w->held)
                http_reply_text(TAKE(w->held), 503, "");
}

static void on_held(struct http_req *r, void *arg)
{
        let_go(arg);
        ((struct web *)arg)->held = r;
}

static struct web *web_new(struct harness *h)
{
        struct web *w = NEW(struct web);
        struct err e = {0};
        w->kept = BUF_INIT(16 << 20);
        const struct http_server_options o = {.name = "web", .max_body_bytes = 16 << 20};
        assert_int_equal(http_server_new(&w->server, h->loop, &o, &e), 0);
        assert_non_null(http_route_add(w->server, NULL, "/kept", on_kept, w, &e));
        assert_non_null(http_route_add(w->server, NULL, "/moved", on_moved, w, &e));
        assert_non_null(http_route_add(w->server, NULL, "/held", on_held, w, &e));
        return w;
}

static void web_free(struct web *w)
{
        let_go(w);
        http_server_free(w->server);
        buf_deinit(&w->kept);
        mem_free(w);
}

/* The template with %u replaced by the server's port. */
static char *at_port(const struct web *w, const char *template)
{
        const char *mark = strstr(template, "%u");
        assert_non_null(mark);
        return mem_printf("%.*s%u%s", (int)(mark - template), template, http_server_port(w->server),
                          mark + 2);
}

static struct told *run_at(struct harness *h, const struct web *w, const char *template)
{
        AUTO(mem_free) char *text = at_port(w, template);
        return run_capture(h, text);
}

static void assert_result(struct told *t, const char *want)
{
        assert_string_equal(t->message, "");
        assert_string_equal(result(t), want);
}

#define GET(path, more)                                                                      \
        "{'inputs': {'artifacts': [{'name': 'a', 'path': '/tmp/tiphys-in', 'http': {'url': " \
        "'http://127.0.0.1:%u" path "'}" more                                                \
        "}]}, 'container': {'command': ['cat', '/tmp/tiphys-in']}}"
#define PUT(path, more)                                                                \
        "{'container': {'command': ['sh', '-c', 'echo made > /tmp/out']}, 'outputs': " \
        "{'artifacts': [{'name': 'a', 'path': '/tmp/out', 'http': {'url': "            \
        "'http://127.0.0.1:%u" path "'}" more "}]}}"

static void what_a_url_answers_is_an_input_also_behind_a_redirect(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct web *w = web_new(h);
        buf_adds(&w->kept, "from afar");
        w->failures = 2;
        assert_result(run_at(h, w, GET("/kept", "")), "from afar");
        assert_int_equal(w->asked, 3);
        AUTO(mem_free)
        char *fetched = mem_printf("%s/artifacts/.transfer/" UID "/%s/in", h->dir, "n-0");
        for (int i = 0; i < 1000 && fs_exists(fetched); i++) /* removed on the pool */
                loop_run_until(h->loop, &(bool){false}, 5);
        assert_false(fs_exists(fetched));
        assert_result(run_at(h, w, GET("/moved", "")), "from afar");
        struct told *t = run_at(h, w, GET("/nothing", ""));
        assert_int_equal(t->phase, POD_ERROR);
        assert_string_equal(t->message, "failed to load input: artifact \"a\": HTTP 404: 404 page "
                                        "not found");
        t = run_at(h, w, GET("/nothing", ", 'optional': true"));
        assert_int_equal(t->phase, POD_FAILED); /* cat found nothing */
        web_free(w);
}

static void an_output_is_put_to_its_url_with_its_credentials(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        harness_close(h);
        h->store = stub_store(h->loop);
        harness_open(h);
        struct web *w = web_new(h);
        struct told *t = run_at(h, w, PUT("/moved", ", 'archive': {'none': {}}"));
        assert_string_equal(t->message, "");
        assert_string_equal(buf_str(&w->kept), "made\n");
        assert_non_null(json_at(artifact(t, "a"), "http", "url"));
        assert_null(json_object_get(artifact(t, "a"), "tiphys.io/save"));
        t = run_at(
                h, w,
                "{'container': {'command': ['sh', '-c', 'echo x > /tmp/out']}, 'outputs': "
                "{'artifacts': [{'name': 'a', 'path': '/tmp/out', 'artifactory': {'url': "
                "'http://127.0.0.1:%u/kept', 'usernameSecret': {'name': 'keys', 'key': 'token'}, "
                "'passwordSecret': {'name': 'keys', 'key': 'token'}}}]}}");
        assert_string_equal(t->message, "");
        assert_true(str_starts(w->auth, "Basic "));
        assert_memory_equal(w->kept.data, "\x1f\x8b", 2); /* elsewhere a tarball is the rule */
        t = run_at(h, w,
                   "{'container': {'command': ['sh', '-c', 'echo x > /tmp/out']}, 'outputs': "
                   "{'artifacts': [{'name': 'a', 'path': '/tmp/out', 'http': {'url': "
                   "'http://127.0.0.1:%u/kept', 'auth': {'basicAuth': {'usernameSecret': "
                   "{'name': 'no', 'key': 'such'}}}}}]}}");
        assert_int_equal(t->phase, POD_ERROR);
        assert_string_equal(t->message, "failed to save output: artifact \"a\": usernameSecret: "
                                        "there is no Secret no with the key such");
        web_free(w);
}

static void a_failed_step_stays_failed_when_its_outputs_cannot_be_saved(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct web *w = web_new(h);
        struct told *t = run_at(
                h, w,
                "{'container': {'command': ['sh', '-c', 'echo x > /tmp/out; exit 3']}, 'outputs': "
                "{'artifacts': [{'name': 'a', 'path': '/tmp/out', 'http': {'url': "
                "'http://127.0.0.1:%u/nothing'}}]}}");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message, "main: Error (exit code 3)");
        web_free(w);
}

static void a_server_that_says_nothing_ends_with_the_deadline_or_a_kill(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct web *w = web_new(h);
        AUTO(mem_free) char *text = at_port(w, GET("/held", ""));
        start_with(h, "late", text, false, 1);
        struct told *t = wait_done(h, "late");
        assert_int_equal(t->phase, POD_FAILED);
        assert_string_equal(t->message,
                            "Pod was active on the node longer than the specified deadline");
        let_go(w);
        start_with(h, "killed", text, false, 0);
        while (!w->held)
                loop_run_until(h->loop, &(bool){false}, 5);
        runner_kill(h->runner, UID, "killed", 0);
        t = wait_done(h, "killed");
        assert_int_equal(t->phase, POD_FAILED);
        web_free(w);
}

static void what_was_not_saved_when_the_runner_ended_is_saved_by_the_next(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct web *w = web_new(h);
        AUTO(mem_free) char *text = at_port(w, PUT("/held", ", 'archive': {'none': {}}"));
        start_with(h, "n", text, false, 0);
        while (!w->held)
                loop_run_until(h->loop, &(bool){false}, 5);
        assert_false(told(h, "n")->done);
        harness_close(h);
        struct err e = {0};
        uint16_t port = http_server_port(w->server);
        let_go(w);
        http_server_free(w->server);
        const struct http_server_options o = {.name = "web", .port = port};
        assert_int_equal(http_server_new(&w->server, h->loop, &o, &e), 0);
        assert_non_null(http_route_add(w->server, NULL, "/held", on_kept, w, &e));
        harness_open(h);
        told_forget(told(h, "n"));
        assert_true(runner_adopt(h->runner, UID, "n"));
        struct told *t = wait_done(h, "n");
        assert_string_equal(t->message, "");
        assert_string_equal(buf_str(&w->kept), "made\n");
        assert_string_equal(json_str(artifact(t, "a"), "name"), "a");
        web_free(w);
}

static void zip_archives_are_made_and_opened(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        struct told *a = run(
                h, "{'script': {'command': ['sh', '-e'], 'source': 'mkdir -p /tmp/d/s; echo 1 > "
                   "/tmp/d/a; echo 2 > /tmp/d/s/b; echo 3 > /tmp/f'}, 'outputs': {'artifacts': ["
                   "{'name': 'd', 'path': '/tmp/d', 'archive': {'zip': {}}},"
                   "{'name': 'f', 'path': '/tmp/f', 'archive': {'zip': {}}}]}}");
        assert_string_equal(a->message, "");
        AUTO(mem_free) char *want = mem_printf("default/wf/pod-%s/d.zip", a->node);
        assert_string_equal(json_str(artifact(a, "d"), "folder", "key"), want);
        AUTO(mem_free)
        char *list = mem_printf("python3 -c 'import sys, zipfile; "
                                "sys.exit(sorted(zipfile.ZipFile(\"%s/artifacts/%s\").namelist()) "
                                "!= [\"d/\", \"d/a\", \"d/s/\", \"d/s/b\"])'",
                                h->dir, want);
        assert_int_equal(system(list), 0);
        AUTO_JSON json_t *d = json_deep_copy(artifact(a, "d"));
        json_object_set_new(d, "path", json_string("/in"));
        AUTO_JSON json_t *f = json_deep_copy(artifact(a, "f"));
        json_object_set_new(f, "path", json_string("/file"));
        AUTO(mem_free) char *dt = json_text(d, JSON_STYLE_COMPACT);
        AUTO(mem_free) char *ft = json_text(f, JSON_STYLE_COMPACT);
        AUTO(mem_free)
        char *t = mem_printf("{'inputs': {'artifacts': [%s, %s]}, 'container': {'command': ['sh', "
                             "'-c', 'cat /in/a /in/s/b /file']}}",
                             dt, ft);
        assert_result(run_capture(h, t), "1\n2\n3");
}

static void archives_that_lead_outside_or_are_none_are_refused(void **state)
{
        struct harness *h = *state;
        NEED_SANDBOX(h);
        static const char make[] =
                "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1] + \"/artifacts/evil.zip\", "
                "\"w\"); z.writestr(\"../../evil\", \"x\"); z.close(); "
                "open(sys.argv[1] + \"/artifacts/none.zip\", \"w\").write(\"no zip\")";
        AUTO(mem_free) char *command = mem_printf("python3 -c '%s' %s", make, h->dir);
        assert_int_equal(system(command), 0);
        struct told *t =
                run(h, "{'inputs': {'artifacts': [{'name': 'a', 'path': '/in', 'folder': {'key': "
                       "'evil.zip'}, 'archive': {'zip': {}}}]}, 'container': {'command': "
                       "['true']}}");
        assert_string_equal(t->message, "failed to load input: artifact \"a\": zip archive: the "
                                        "path ../../evil leads outside");
        t = run(h, "{'inputs': {'artifacts': [{'name': 'a', 'path': '/in', 'folder': {'key': "
                   "'none.zip'}, 'archive': {'zip': {}}}]}, 'container': {'command': ['true']}}");
        assert_string_equal(t->message, "failed to load input: artifact \"a\": it is no zip "
                                        "archive, and archive.zip asks for one");
}

#define ROOT(test) cmocka_unit_test_setup_teardown(test, harness_setup_sandbox, harness_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROOT(what_a_url_answers_is_an_input_also_behind_a_redirect),
                ROOT(an_output_is_put_to_its_url_with_its_credentials),
                ROOT(a_failed_step_stays_failed_when_its_outputs_cannot_be_saved),
                ROOT(a_server_that_says_nothing_ends_with_the_deadline_or_a_kill),
                ROOT(what_was_not_saved_when_the_runner_ended_is_saved_by_the_next),
                ROOT(zip_archives_are_made_and_opened),
                ROOT(archives_that_lead_outside_or_are_none_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
