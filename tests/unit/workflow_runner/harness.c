/* tests/unit/workflow_runner/harness.c: see harness.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_runner/harness.h"
#include "common/base/fs.h"
#include "common/base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, STEP_MS = 5 };

struct told *told(struct harness *h, const char *node)
{
        for (int i = 0; i < h->n_told; i++)
                if (streq(h->told[i].node, node))
                        return &h->told[i];
        assert_true(h->n_told < (int)ARRAY_LEN(h->told));
        struct told *t = &h->told[h->n_told++];
        *t = (struct told){.exit_code = -99};
        snprintf(t->node, sizeof(t->node), "%s", node);
        return t;
}

void told_forget(struct told *t)
{
        mem_free(t->message);
        json_decref(t->outputs);
        json_decref(t->containers);
        t->message = NULL;
        t->outputs = t->containers = NULL;
        t->ready = false;
        t->done = false;
        t->n = 0;
        t->phase = POD_PENDING;
}

static void on_update(void *arg, const char *uid, const char *node, const struct pod_status *st)
{
        struct told *t = told(arg, node);
        assert_string_equal(uid, UID);
        assert_false(t->done);
        assert_true(t->n < (int)ARRAY_LEN(t->phases));
        assert_true(t->n == 0 || st->phase >= t->phase);
        t->phases[t->n++] = st->phase;
        t->phase = st->phase;
        t->started = st->started;
        t->finished = st->finished;
        t->ready = t->ready || st->ready;
        snprintf(t->ip, sizeof(t->ip), "%s", st->ip);
        json_decref(t->containers);
        t->containers = json_deep_copy(st->containers);
        if (st->phase < POD_SUCCEEDED)
                return;
        t->done = true;
        t->exit_code = st->exit_code;
        t->message = mem_strdup(st->message);
        t->outputs = json_deep_copy(st->outputs);
}

static int open_runner(struct harness *h, struct err *e)
{
        struct runner_local_options o = {.loop = h->loop,
                                         .pool = h->pool,
                                         .store = h->store,
                                         .data_dir = h->dir,
                                         .isolation = h->isolation,
                                         .max_running = h->max_running,
                                         .images = h->images,
                                         .host_paths = h->host_paths,
                                         .executor = h->executor ? h->executor : TIPHYS_EXECUTOR};
        return runner_local(&h->runner, &o, on_update, h, e);
}

void harness_open(struct harness *h)
{
        struct err e = {0};
        if (open_runner(h, &e) < 0)
                fail_msg("%s", err_msg(&e));
}

void harness_close(struct harness *h)
{
        h->runner = runner_free(h->runner);
}

static struct harness *harness_new(int isolation)
{
        struct harness *h = NEW(struct harness);
        char dir[] = "/tmp/tiphys-runner-XXXXXX";
        struct err e = {0};
        assert_non_null(mkdtemp(dir));
        h->dir = mem_strdup(dir);
        h->isolation = isolation;
        assert_int_equal(loop_new(&h->loop, clock_system(), &e), 0);
        assert_int_equal(pool_new(&h->pool, h->loop, 1, &e), 0);
        return h;
}

int harness_setup_none(void **state)
{
        *state = harness_new(ISOLATION_NONE);
        harness_open(*state);
        return 0;
}

static int open_or_say(struct harness *h)
{
        struct err e = {0};
        if (open_runner(h, &e) < 0) {
                fprintf(stderr, "SKIPPED: no sandbox here: %s\n", err_msg(&e));
                err_clear(&e);
        }
        return 0;
}

int harness_setup_sandbox(void **state)
{
        struct harness *h = *state = harness_new(ISOLATION_SANDBOX);
        h->user = geteuid() != 0;
        return open_or_say(h);
}

int harness_setup_user(void **state)
{
        struct harness *h = *state = harness_new(ISOLATION_SANDBOX);
        struct err e = {0};
        h->user = true;
        if (geteuid() == 0) { /* the executor alone becomes nobody */
                static const char text[] = "#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 "
                                           "--clear-groups " TIPHYS_EXECUTOR " \"$@\"\n";
                h->executor = fs_join(h->dir, "executor.sh");
                if (fs_write_atomic(h->executor, text, sizeof(text) - 1, 0755, &e) < 0 ||
                    chown(h->dir, 65534, 65534) < 0 || chmod(h->executor, 0755) < 0)
                        fail_msg("%s", err_msg(&e));
        }
        return open_or_say(h);
}

static int count_entries(const char *dir, const char *but)
{
        DIR *d = opendir(dir);
        int n = 0;
        for (struct dirent *ent; d && (ent = readdir(d));)
                n += !streq(ent->d_name, ".") && !streq(ent->d_name, "..") &&
                     !streq(ent->d_name, but);
        if (d)
                closedir(d);
        return n;
}

/* Slots stay, but empty; a step tidies up right after its last update. */
bool scratch_is_empty(struct harness *h)
{
        int left = 0;
        for (int slot = 0; slot < 64; slot++) {
                AUTO(mem_free)
                char *dir = mem_printf("%s/scratch/%d", h->dir, slot), *tmp = fs_join(dir, "tmp");
                left += count_entries(dir, "tmp") + count_entries(tmp, "");
        }
        return left == 0;
}

static bool scratch_goes(struct harness *h)
{
        for (int i = 0; i < PATIENCE_MS / STEP_MS && !scratch_is_empty(h); i++)
                poll(NULL, 0, STEP_MS);
        return scratch_is_empty(h);
}

static bool no_mounts(const char *dir)
{
        AUTO(mem_free) char *mounts = file_text("/proc/self/mounts");
        return !strstr(mounts, dir);
}

int harness_teardown(void **state)
{
        struct harness *h = *state;
        struct err e = {0};
        harness_close(h);
        bool clean = scratch_goes(h);
        for (int i = 0; i < h->n_told; i++)
                told_forget(&h->told[i]);
        json_decref(h->images);
        json_decref(h->host_paths);
        h->pool = pool_free(h->pool);
        h->loop = loop_free(h->loop);
        if (fs_remove_tree(h->dir, &e) < 0) {
                fprintf(stderr, "cannot clean up: %s\n", err_msg(&e));
                err_clear(&e);
                clean = false;
        }
        clean = clean && no_mounts(h->dir);
        if (!clean)
                fprintf(stderr, "something of a pod stayed behind in %s\n", h->dir);
        mem_free(h->store);
        mem_free(h->executor);
        mem_free(h->dir);
        mem_free(h);
        return clean ? 0 : -1;
}

static json_t *template_json(const struct harness *h, const char *text)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        for (const char *p = text; *p; p++) {
                if (str_starts(p, "%DIR%")) {
                        buf_adds(&b, h->dir);
                        p += 4;
                } else {
                        buf_addc(&b, *p == '\'' ? '"' : *p == '`' ? '\'' : *p);
                }
        }
        json_t *j = NULL;
        struct err e = {0};
        if (json_parse(&j, b.data, b.len, &e) < 0)
                fail_msg("template: %s: %s", err_msg(&e), b.data);
        return j;
}

static void start(struct harness *h, const char *node, const char *template, struct pod_request req)
{
        AUTO_JSON json_t *t = template_json(h, template);
        AUTO(mem_free) char *pod = mem_printf("pod-%s", node);
        req.ns = "default";
        req.workflow = "wf";
        req.workflow_uid = UID;
        req.node_id = req.node_name = node;
        req.pod_name = pod;
        req.template = t;
        req.grace_s = 5;
        req.beside = h->beside;
        runner_start(h->runner, &req);
}

void start_with(struct harness *h, const char *node, const char *template, bool capture,
                int64_t deadline_s)
{
        start(h, node, template,
              (struct pod_request){.capture_result = capture, .deadline_s = deadline_s});
}

void start_held(struct harness *h, const char *node, const char *template)
{
        start(h, node, template, (struct pod_request){.held = true});
}

struct told *wait_done(struct harness *h, const char *node)
{
        struct told *t = told(h, node);
        if (!loop_run_until(h->loop, &t->done, PATIENCE_MS))
                fail_msg("node %s did not end", node);
        return t;
}

void wait_running(struct harness *h, const char *node)
{
        struct told *t = told(h, node);
        const bool never = false;
        for (int i = 0; i < PATIENCE_MS / STEP_MS && t->phase != POD_RUNNING && !t->done; i++)
                loop_run_until(h->loop, &never, STEP_MS);
        if (t->done)
                fail_msg("node %s ended before it was seen running: %s", node, t->message);
        assert_int_equal(t->phase, POD_RUNNING);
}

static void wait_true(struct harness *h, const char *node,
                      bool (*is)(struct harness *, struct told *, const char *), const char *what)
{
        struct told *t = told(h, node);
        const bool never = false;
        for (int i = 0; i < PATIENCE_MS / STEP_MS && !is(h, t, what) && !t->done; i++)
                loop_run_until(h->loop, &never, STEP_MS);
        if (!is(h, t, what))
                fail_msg("node %s: waited for %s: %s", node, what, t->message ? t->message : "");
}

static bool is_ready(struct harness *h UNUSED, struct told *t, const char *what UNUSED)
{
        return t->ready;
}

void wait_ready(struct harness *h, const char *node)
{
        wait_true(h, node, is_ready, "ready");
}

static bool has_logged(struct harness *h, struct told *t, const char *what)
{
        AUTO(mem_free) char *path = runner_log_path(h->dir, UID, t->node, "main");
        AUTO(mem_free) char *text = access(path, F_OK) == 0 ? file_text(path) : mem_strdup("");
        return strstr(text, what);
}

void wait_log(struct harness *h, const char *node, const char *text)
{
        wait_true(h, node, has_logged, text);
}

static struct told *run_any(struct harness *h, const char *template, bool capture)
{
        char node[32];
        snprintf(node, sizeof(node), "n-%d", h->n_told);
        start_with(h, node, template, capture, 0);
        return wait_done(h, node);
}

struct told *run(struct harness *h, const char *template)
{
        return run_any(h, template, false);
}

struct told *run_capture(struct harness *h, const char *template)
{
        return run_any(h, template, true);
}

char *file_text(const char *path)
{
        struct buf b = BUF_INIT(64 << 20);
        struct err e = {0};
        if (fs_read(&b, path, 64 << 20, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return b.data ? buf_take(&b) : mem_strdup("");
}

char *log_text(struct harness *h, const char *node)
{
        AUTO(mem_free) char *path = runner_log_path(h->dir, UID, node, "main");
        return file_text(path);
}

void kill_executor(struct harness *h)
{
        AUTO(mem_free) char *path = mem_printf("/proc/self/task/%d/children", (int)getpid());
        AUTO(mem_free) char *text = file_text(path);
        pid_t executor = (pid_t)atoi(text);
        assert_true(executor > 1);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        log_set_fd(null);
        kill(executor, SIGKILL);
        /* the one that is under way meanwhile may be lost with it */
        struct told *t = run(h, "{'container': {'command': ['true']}}");
        assert_true(t->phase == POD_SUCCEEDED || streq(t->message, "pod deleted"));
        log_set_fd(2);
        close(null);
}

static const json_t *by_name(const struct told *t, const char *list, const char *name)
{
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(t->outputs, list), i, p) {
                if (streq(json_str(p, "name"), name))
                        return p;
        }
        return NULL;
}

const char *param(const struct told *t, const char *name)
{
        return json_str(by_name(t, "parameters", name), "value");
}

const json_t *artifact(const struct told *t, const char *name)
{
        return by_name(t, "artifacts", name);
}

const char *result(const struct told *t)
{
        const char *text = json_str(t->outputs, "result");
        if (!text)
                print_message("no result: %s\n", t->message);
        return text ? text : "(no result)";
}

bool wait_file(struct harness *h, const char *name)
{
        AUTO(mem_free) char *path = mem_printf("%s/%s", h->dir, name);
        const bool never = false;
        for (int i = 0; i < PATIENCE_MS / STEP_MS && access(path, F_OK) < 0; i++)
                loop_run_until(h->loop, &never, STEP_MS);
        return access(path, F_OK) == 0;
}
