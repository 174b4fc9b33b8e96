/* tests/unit/kube/kube_bench.h: a client on a fake network and a fake clock.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kube_client.h"
#include "tests/unit/kube/fake_http.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
        struct fake_clock clock;
        struct loop *loop;
        struct kube_client *client;
        int done;         /* answers so far */
        char *answer;     /* the last one, as JSON */
        struct err error; /* the last one */
};
static const struct kube_target bench_workflows = {.group = "argoproj.io",
                                                   .version = "v1alpha1",
                                                   .kind = "Workflow",
                                                   .plural = "workflows",
                                                   .ns = "t"};

static UNUSED void bench_start_with(struct bench *b, struct kube_config *config,
                                    const struct fake_reply *replies, size_t n)
{
        *b = (struct bench){0};
        fake_http_script(replies, n);
        fake_clock_init(&b->clock, (struct wall){NS_PER_S});
        assert_int_equal(loop_new(&b->loop, &b->clock.clock, &b->error), 0);
        if (!config) {
                config = NEW(struct kube_config);
                config->origin = mem_strdup("context \"x\" of f");
                config->server = mem_strdup("https://api:6443");
                config->ns = mem_strdup("default");
                config->token = secret_new("tok", 3);
        }
        assert_int_equal(kube_client_new(&b->client, b->loop, config, &b->error), 0);
}
#define bench_start(b, replies) bench_start_with((b), NULL, (replies), ARRAY_LEN(replies))

static UNUSED void bench_stop(struct bench *b)
{
        b->client = kube_client_free(b->client);
        loop_run_ready(b->loop); /* watches say their last word on the loop */
        assert_int_equal(fake_http.running, 0);
        loop_free(b->loop);
        free(b->answer);
        err_clear(&b->error);
        fake_http_forget();
}

static UNUSED void bench_done(void *arg, json_t *answer, const struct err *e)
{
        struct bench *b = arg;
        b->done++;
        free(b->answer);
        err_clear(&b->error);
        b->answer = answer ? json_text(answer, JSON_STYLE_COMPACT) : NULL;
        if (e)
                err_copy(&b->error, e);
        assert_true(!answer || !e);
}

static UNUSED void bench_pass(struct bench *b, int64_t ms)
{
        fake_clock_advance(&b->clock, ms * NS_PER_MS);
        loop_run_ready(b->loop);
}
