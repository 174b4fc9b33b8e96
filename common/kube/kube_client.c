/* common/kube/kube_client.c: one call from request to answer.
 *
 * A call owns a copy of its request and is sent again from it: after 429 when the server's pause is
 * over, after 401 when the token file holds another token. It always answers from the loop, also
 * when it could not even be sent. SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/kube_client.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "common/kube/kube_priv.h"
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
        CALL_TIMEOUT_MS = 60 * 1000, /* the API server's own --request-timeout */
        RUNNING_MAX = 64, /* each is a connection and a handshake at first; streams not counted */
        ANSWER_MAX = 16 << 20,
        URL_MAX_BYTES = 16 << 10,
        PAUSE_DEFAULT_MS = 1000,
        PAUSE_MAX_MS = 10 * 1000,
        TOO_MANY_REQUESTS = 429,
        UNAUTHORIZED = 401,
};

struct kube_client {
        struct loop *loop;
        struct http_client *http;
        struct kube_config *config;
        struct kube_auth auth;
        struct kube_call *calls;
        TAILQ_HEAD(, kube_call) waiting; /* for their turn, oldest first */
        struct loop_task next_turn;
        size_t running;
        bool closing;
};

struct kube_call {
        struct kube_client *client;
        struct kube_call *next, **prev;
        kube_done_fn *done;
        void *arg;
        kube_data_fn *on_data;
        int idle_timeout_ms;

        struct arena arena; /* all texts of the request */
        struct kube_target target;
        enum kube_verb verb;
        bool has_target;
        char *url;
        const char *content_type;
        struct buf body;
        size_t max_bytes;

        struct http_call *http;
        struct loop_timer again;
        struct loop_task failed;
        struct err failure;
        int attempt;
        bool token_renewed, running, waiting;
        TAILQ_ENTRY(kube_call) turn;
};

/* ---- a client ---- */

static loop_fn on_next_turn;

int kube_client_new(struct kube_client **out, struct loop *l, struct kube_config *config_taken,
                    struct err *e)
{
        struct kube_client *c = NEW(struct kube_client);
        c->loop = l;
        c->config = config_taken;
        TAILQ_INIT(&c->waiting);
        task_init(&c->next_turn, on_next_turn, c);
        kube_auth_init(&c->auth, c->config);
        if (http_client_new(&c->http, l, e) < 0) {
                kube_client_free(c);
                return -1;
        }
        *out = c;
        return 0;
}

const struct kube_config *kube_client_config(const struct kube_client *c)
{
        return c->config;
}

struct loop *kube_client_loop(const struct kube_client *c)
{
        return c->loop;
}

/* ---- the end of a call ---- */

/* Its place is free for another one, from the end of this turn on. */
static void leave_place(struct kube_call *call)
{
        struct kube_client *c = call->client;
        if (call->waiting)
                TAILQ_REMOVE(&c->waiting, call, turn);
        if (call->running) {
                c->running--;
                loop_defer(c->loop, &c->next_turn);
        }
        call->waiting = call->running = false;
}

static void call_free(struct kube_call *call)
{
        leave_place(call);
        *call->prev = call->next;
        if (call->next)
                call->next->prev = call->prev;
        timer_cancel(call->client->loop, &call->again);
        loop_undefer(call->client->loop, &call->failed);
        buf_deinit(&call->body);
        err_clear(&call->failure);
        arena_deinit(&call->arena);
        free(call);
}

/* `e` is emptied: it may stand in the call itself. */
static void finish(struct kube_call *call, json_t *answer, struct err *e)
{
        kube_done_fn *done = call->done;
        void *arg = call->arg;
        struct err words = {0};
        if (err_is_set(e))
                err_move(&words, e);
        call_free(call);
        done(arg, err_is_set(&words) ? NULL : answer, err_is_set(&words) ? &words : NULL);
        err_clear(&words);
}

void kube_call_cancel(struct kube_call *call)
{
        if (!call)
                return;
        if (call->http)
                http_call_cancel(call->http);
        call_free(call);
}

static struct kube_question question(const struct kube_call *call)
{
        return (struct kube_question){call->verb, call->has_target ? &call->target : NULL,
                                      call->client->config->origin};
}

static void on_failed(void *arg)
{
        struct kube_call *call = arg;
        finish(call, NULL, &call->failure);
}

struct kube_client *kube_client_free(struct kube_client *c)
{
        if (!c)
                return NULL;
        c->closing = true;
        while (c->calls) {
                struct kube_call *call = c->calls;
                if (call->http)
                        http_call_cancel(call->http);
                call->http = NULL;
                ERR_SLOT(e);
                err_set(&e, ERR_UNAVAILABLE, "the connection to the cluster is being closed");
                finish(call, NULL, &e);
        }
        loop_undefer(c->loop, &c->next_turn);
        http_client_free(c->http);
        kube_auth_deinit(&c->auth);
        kube_config_free(c->config);
        free(c);
        return NULL;
}

/* ---- answers ---- */

static http_done_fn on_response;

static bool on_data(void *arg, const void *data, size_t n)
{
        struct kube_call *call = arg;
        return call->on_data(call->arg, data, n);
}

static void send_now(struct kube_call *call)
{
        static const char *const methods[] = {"GET", "GET",   "GET",   "POST",
                                              "PUT", "PATCH", "DELETE"};
        struct kube_client *c = call->client;
        const struct http_header headers[] = {
                {"Accept", "application/json"},
                {"User-Agent", "tiphys/" TIPHYS_VERSION},
                {call->body.len ? "Content-Type" : NULL, call->content_type},
                {NULL, NULL}};
        bool stream = call->on_data;
        struct http_call_spec spec = {.method = methods[call->verb],
                                      .url = call->url,
                                      .headers = headers,
                                      .body = call->body.data,
                                      .body_len = call->body.len,
                                      .timeout_ms = stream ? -1 : CALL_TIMEOUT_MS,
                                      .idle_timeout_ms = call->idle_timeout_ms,
                                      .max_response_bytes = stream ? 0 : call->max_bytes,
                                      .on_data = stream ? on_data : NULL};
        call->attempt++;
        call->running = !stream;
        c->running += call->running;
        if (c->closing)
                err_set(&call->failure, ERR_UNAVAILABLE,
                        "the connection to the cluster is being closed");
        else if (kube_auth_apply(&c->auth, &spec, &call->failure) == 0)
                call->http = http_call(c->http, &spec, on_response, call);
        if (err_is_set(&call->failure))
                loop_defer(c->loop, &call->failed);
}

static void send_request(struct kube_call *call)
{
        struct kube_client *c = call->client;
        if (call->on_data || (c->running < RUNNING_MAX && TAILQ_EMPTY(&c->waiting))) {
                send_now(call);
                return;
        }
        call->waiting = true;
        TAILQ_INSERT_TAIL(&c->waiting, call, turn);
}

static void on_next_turn(void *arg)
{
        struct kube_client *c = arg;
        for (struct kube_call *call;
             c->running < RUNNING_MAX && (call = TAILQ_FIRST(&c->waiting));) {
                TAILQ_REMOVE(&c->waiting, call, turn);
                call->waiting = false;
                send_now(call);
        }
}

static void on_again(void *arg)
{
        send_request(arg);
}

/* Retry-After, a little more so that many do not come back at once, never unreasonably long. */
static int64_t pause_of(const struct http_response *r)
{
        int64_t ms = r->retry_after_ms > 0 ? r->retry_after_ms : PAUSE_DEFAULT_MS;
        if (ms > PAUSE_MAX_MS)
                ms = PAUSE_MAX_MS;
        return ms + (int64_t)(rand_u64() % (uint64_t)(ms / 4 + 1));
}

static bool sent_again(struct kube_call *call, const struct http_response *r)
{
        if (r->status == TOO_MANY_REQUESTS && call->attempt < KUBE_ATTEMPTS) {
                timer_after_ms(call->client->loop, &call->again, pause_of(r));
                return true;
        }
        if (r->status == UNAUTHORIZED && !call->token_renewed &&
            kube_auth_renewed(&call->client->auth)) {
                call->token_renewed = true;
                send_request(call);
                return true;
        }
        return false;
}

static int read_answer(json_t **out, const struct http_response *r, struct err *e)
{
        const char *type = r->content_type ? r->content_type : "";
        if (str_starts(type, "application/json"))
                return json_parse(out, buf_str(&r->body), r->body.len, e);
        *out = json_stringn(buf_str(&r->body), r->body.len);
        return *out ? 0 : err_set(e, ERR_PROTOCOL, "the answer is neither JSON nor text");
}

static void on_response(void *arg, const struct http_response *r, const struct err *e)
{
        struct kube_call *call = arg;
        struct kube_question q = question(call);
        ERR_SLOT(words);
        AUTO_JSON json_t *answer = NULL;
        call->http = NULL;
        leave_place(call);
        if (!e && sent_again(call, r))
                return;
        if (e) {
                AUTO(mem_free) char *what = kube_question_words(&q);
                err_copy(&words, e);
                err_wrap(&words, "%s", what);
        } else if (r->status < 200 || r->status > 299) {
                kube_status_err(&q, r->status, (struct str){buf_str(&r->body), r->body.len},
                                r->retry_after_ms, &words);
        } else if (!call->on_data && read_answer(&answer, r, &words) < 0) {
                words.code = ERR_PROTOCOL;
        }
        finish(call, answer, &words);
}

/* ---- the begin of a call ---- */

static char *keep(struct arena *a, const char *s)
{
        return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

static void copy_target(struct kube_call *call, const struct kube_target *t)
{
        struct arena *a = &call->arena;
        call->target = (struct kube_target){.group = keep(a, t->group),
                                            .version = keep(a, t->version),
                                            .kind = keep(a, t->kind),
                                            .plural = keep(a, t->plural),
                                            .ns = keep(a, t->ns),
                                            .name = keep(a, t->name),
                                            .subresource = keep(a, t->subresource)};
}

static struct kube_call *call_new(struct kube_client *c, const struct kube_request *r,
                                  kube_done_fn *done, void *arg)
{
        struct kube_call *call = NEW(struct kube_call);
        call->client = c;
        call->done = done;
        call->arg = arg;
        call->verb = r->verb;
        call->has_target = !r->path;
        call->max_bytes = r->max_bytes ? r->max_bytes : ANSWER_MAX;
        arena_init(&call->arena, 0);
        copy_target(call, &r->target);
        call->content_type =
                keep(&call->arena, r->content_type ? r->content_type : "application/json");
        buf_init(&call->body, BUF_UNBOUNDED);
        if (r->body)
                json_put(&call->body, r->body, JSON_STYLE_COMPACT);
        timer_init(&call->again, on_again, call);
        task_init(&call->failed, on_failed, call);
        call->next = c->calls;
        call->prev = &c->calls;
        if (call->next)
                call->next->prev = &call->next;
        c->calls = call;
        return call;
}

static struct kube_call *start(struct kube_call *call, const struct kube_request *r)
{
        AUTO_BUF struct buf url = BUF_INIT(URL_MAX_BYTES);
        if (kube_url(&url, call->client->config->server, r, &call->failure) < 0) {
                loop_defer(call->client->loop, &call->failed);
                return call;
        }
        call->url = keep(&call->arena, buf_str(&url));
        send_request(call);
        return call;
}

struct kube_call *kube_call(struct kube_client *c, const struct kube_request *r, kube_done_fn *done,
                            void *arg)
{
        return start(call_new(c, r, done, arg), r);
}

struct kube_call *kube_call_stream(struct kube_client *c, const struct kube_request *r,
                                   kube_data_fn *data, int idle_timeout_ms, kube_done_fn *done,
                                   void *arg)
{
        struct kube_call *call = call_new(c, r, done, arg);
        call->on_data = data;
        call->idle_timeout_ms = idle_timeout_ms;
        return start(call, r);
}
