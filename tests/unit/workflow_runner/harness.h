/* tests/unit/workflow_runner/harness.h: a runner on a data directory of its own, templates as JSON
 * text, and what was told. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/runner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define UID "11111111-2222-3333-4444-555555555555"

struct told { /* the updates of one node */
        char node[64];
        int n; /* updates so far */
        enum pod_phase phases[32];
        bool done;
        enum pod_phase phase;
        int exit_code;
        bool ready;
        char *message;
        json_t *outputs, *containers;
        char ip[32];
        struct wall started, finished;
};
struct harness {
        struct loop *loop;
        struct pool *pool;
        struct runner *runner;
        char *dir;      /* data directory */
        char *executor; /* NULL: the one that was built */
        bool beside;    /* pods that are started from now on can be dialled */
        bool user;      /* sandboxes in a user namespace */
        int isolation, max_running;
        json_t *images, *host_paths;
        struct store *store;
        struct told told[64];
        int n_told;
};
int harness_setup_none(void **state);
/* Sandboxes made by root, and by an unprivileged user in a user namespace. Where there are none
 * h->runner is NULL, and it is said loudly: begin tests with NEED_SANDBOX(h). */
int harness_setup_sandbox(void **state);
int harness_setup_user(void **state);
#define NEED_SANDBOX(h)           \
        do {                      \
                if (!(h)->runner) \
                        skip();   \
        } while (0)
int harness_teardown(void **state);   /* fails when something of a pod stays behind */
void harness_open(struct harness *h); /* a (new) runner on the same data directory */
void harness_close(struct harness *h);
bool scratch_is_empty(struct harness *h);
void kill_executor(struct harness *h); /* a new one is there when this returns */
struct store *stub_store(struct loop *l);

/* `template`: JSON, with ' for ", ` for ' and %DIR% for the data directory. */
void start_with(struct harness *h, const char *node, const char *template, bool capture,
                int64_t deadline_s);
void start_held(struct harness *h, const char *node, const char *template);
struct told *told(struct harness *h, const char *node);
void told_forget(struct told *t); /* the next end of that node is expected */
struct told *wait_done(struct harness *h, const char *node);
void wait_running(struct harness *h, const char *node);
void wait_ready(struct harness *h, const char *node);
void wait_log(struct harness *h, const char *node, const char *text);
struct told *run(struct harness *h,
                 const char *template); /* start under a fresh node id and wait */
struct told *run_capture(struct harness *h, const char *template);
char *log_text(struct harness *h, const char *node);
char *file_text(const char *path);
const char *param(const struct told *t, const char *name);
const char *result(const struct told *t);
const json_t *artifact(const struct told *t, const char *name);
bool wait_file(struct harness *h, const char *name); /* beneath the data directory; within 20 s */
