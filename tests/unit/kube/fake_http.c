/* tests/unit/kube/fake_http.c: see fake_http.h. Answers come in the same turn, by a deferred task.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fake_http.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdlib.h>
#include <string.h>

struct fake_http fake_http;

struct http_client {
        struct loop *loop;
};
struct http_call {
        struct loop *loop;
        struct loop_task answer;
        const struct fake_reply *reply;
        struct http_call_spec spec;
        http_done_fn *done;
        void *arg;
};

void fake_http_forget(void)
{
        for (size_t i = 0; i < fake_http.n_requests; i++) {
                struct fake_request *r = &fake_http.requests[i];
                char *const texts[] = {r->method,       r->url,    r->body,
                                       r->content_type, r->bearer, r->ca_pem};
                for (size_t k = 0; k < ARRAY_LEN(texts); k++)
                        free(texts[k]);
        }
        fake_http = (struct fake_http){0};
}

void fake_http_script(const struct fake_reply *replies, size_t n)
{
        fake_http_forget();
        fake_http.replies = replies;
        fake_http.n_replies = n;
}

int http_client_new(struct http_client **out, struct loop *l, struct err *e UNUSED)
{
        *out = NEW(struct http_client);
        (*out)->loop = l;
        return 0;
}

struct http_client *http_client_free(struct http_client *c)
{
        free(c);
        return NULL;
}

static void record(const struct http_call_spec *spec)
{
        if (fake_http.n_requests == FAKE_MAX)
                abort();
        struct fake_request *r = &fake_http.requests[fake_http.n_requests++];
        *r = (struct fake_request){
                .method = mem_strdup(spec->method),
                .url = mem_strdup(spec->url),
                .body = spec->body ? mem_strndup(spec->body, spec->body_len) : NULL,
                .bearer = spec->bearer ? mem_strdup(secret_reveal(spec->bearer)) : NULL,
                .ca_pem = mem_strdup(spec->tls.ca_pem),
                .stream = spec->on_data != NULL};
        for (const struct http_header *h = spec->headers; h->name; h++)
                if (streq(h->name, "Content-Type"))
                        r->content_type = mem_strdup(h->value);
}

static bool stream(struct http_call *call, const char *body, size_t n)
{
        size_t piece = call->reply->piece ? call->reply->piece : n;
        for (size_t at = 0; at < n; at += piece)
                if (!call->spec.on_data(call->arg, body + at, piece < n - at ? piece : n - at))
                        return false;
        return true;
}

static void on_answer(void *arg)
{
        struct http_call *call = arg;
        const struct fake_reply *reply = call->reply;
        const char *body = reply->body ? reply->body : "{}";
        struct http_response r = {.status = reply->status,
                                  .retry_after_ms = reply->retry_after_ms,
                                  .content_type = reply->type ? reply->type : "application/json",
                                  .body = BUF_INIT(BUF_UNBOUNDED)};
        struct err e = {0};
        if (reply->fail)
                err_set(&e, reply->fail, "the network is down");
        else if (!call->spec.on_data || reply->status / 100 != 2)
                buf_adds(&r.body, body);
        else if (!stream(call, body, strlen(body)))
                err_set(&e, ERR_UNAVAILABLE, "aborted");
        http_done_fn *done = call->done;
        void *done_arg = call->arg;
        free(call);
        fake_http.running--;
        done(done_arg, err_is_set(&e) ? NULL : &r, err_is_set(&e) ? &e : NULL);
        buf_deinit(&r.body);
        err_clear(&e);
}

struct http_call *http_call(struct http_client *c, const struct http_call_spec *spec,
                            http_done_fn *done, void *arg)
{
        size_t last = fake_http.n_replies - 1;
        size_t at = fake_http.used++;
        record(spec);
        struct http_call *call = NEW(struct http_call);
        *call = (struct http_call){.loop = c->loop,
                                   .reply = &fake_http.replies[at < last ? at : last],
                                   .spec = *spec,
                                   .done = done,
                                   .arg = arg};
        task_init(&call->answer, on_answer, call);
        fake_http.running++;
        if (call->reply->status || call->reply->fail)
                loop_defer(c->loop, &call->answer);
        return call;
}

void http_call_cancel(struct http_call *call)
{
        loop_undefer(call->loop, &call->answer);
        fake_http.running--;
        free(call);
}
