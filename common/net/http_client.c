/* common/net/http_client.c: curl's multi-socket API on the loop: curl says which sockets and which
 * timer it waits for, we tell it when they are due. Finished calls are handed out from a deferred
 * task, so a callback may start, cancel and free what it likes. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_client_priv.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SPARE_HANDLES = 16 };

struct http_client {
        struct loop *loop;
        CURLM *multi;
        struct loop_timer timer;
        struct loop_task deliver;
        struct http_call *calls, *done;
        CURL *spare[SPARE_HANDLES];
        size_t n_spare;
        bool in_curl; /* no call may be taken out of the multi handle now */
};

/* ---- calls ---- */

static void unlink_call(struct http_call *call)
{
        *call->prev = call->next;
        if (call->next)
                call->next->prev = call->prev;
}

static void free_easy(struct http_client *c, struct http_call *call)
{
        curl_easy_reset(call->easy);
        if (c->n_spare < SPARE_HANDLES)
                c->spare[c->n_spare++] = call->easy;
        else
                curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        curl_slist_free_all(call->connect_to);
}

static void free_call(struct http_call *call)
{
        struct http_client *c = call->client;
        unlink_call(call);
        if (call->running)
                curl_multi_remove_handle(c->multi, call->easy);
        if (call->easy)
                free_easy(c, call);
        if (call->connected >= 0)
                close(call->connected);
        buf_deinit(&call->response.body);
        http_call_drop_headers(call);
        mem_free(call->response.headers);
        err_clear(&call->early);
        free(call->what);
        free(call);
}

static void finish(struct http_call *call, CURLcode result)
{
        call->result = result;
        if (call->finished)
                return;
        call->finished = true;
        struct http_call **end = &call->client->done;
        while (*end)
                end = &(*end)->next_done;
        *end = call;
        loop_defer(call->client->loop, &call->client->deliver);
}

/* ---- outcomes ---- */

static enum err_code code_of(const struct http_call *call)
{
        switch (call->result) {
        case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE: return ERR_INVALID;
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING: return ERR_PROTOCOL;
        case CURLE_OUT_OF_MEMORY:
        case CURLE_FAILED_INIT: return ERR_INTERNAL;
        default: return ERR_UNAVAILABLE;
        }
}

static void describe_failure(const struct http_call *call, struct err *e)
{
        if (call->early.code)
                err_copy(e, &call->early);
        else if (call->refused)
                err_set(e, ERR_DENIED, "%s: connections to %s addresses are not allowed here",
                        call->what, call->refused);
        else if (call->over_limit)
                err_set(e, ERR_LIMIT, "%s: the answer is larger than %zu bytes", call->what,
                        call->max_bytes);
        else if (call->aborted)
                err_set(e, ERR_UNAVAILABLE, "%s: the reader gave up", call->what);
        else
                err_set(e, code_of(call), "%s: %s", call->what, curl_easy_strerror(call->result));
}

static void read_facts(struct http_call *call)
{
        long status = 0;
        curl_off_t retry_after = 0;
        char *type = NULL;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
        curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        call->response.status = (int)status;
        call->response.retry_after_ms = (int64_t)retry_after * 1000;
        call->response.content_type = type;
}

static void tell_outcome(struct http_call *call)
{
        ERR_SLOT(e);
        bool ok = !call->early.code && call->result == CURLE_OK;
        if (!call->early.code)
                read_facts(call);
        if (!ok)
                describe_failure(call, &e);
        call->cancelled = true; /* so that cancelling it from inside is harmless */
        call->done(call->arg, &call->response, ok ? NULL : &e);
        err_clear(&e);
        free_call(call);
}

static void deliver(void *arg)
{
        struct http_client *c = arg;
        struct http_call *call = c->done;
        if (!call)
                return;
        c->done = call->next_done;
        if (c->done) /* one per task: the client may be freed in this one */
                loop_defer(c->loop, &c->deliver);
        if (call->cancelled)
                free_call(call);
        else
                tell_outcome(call);
}

/* ---- curl's callbacks about bytes ---- */

static void tell_status(struct http_call *call)
{
        long status = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        call->response.status = (int)status;
        if (call->status_told || call->cancelled)
                return;
        call->status_told = true;
        if (call->on_status)
                call->on_status(call->arg, (int)status);
}

/* The status is told at the end of the head, but not that of a redirect that is going to be
 * followed. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
        struct http_call *call = arg;
        n *= size;
        if (call->keep_headers)
                http_call_keep_header(call, data, n);
        if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
                call->has_location = false;
        else if (n >= 9 && strncasecmp(data, "Location:", 9) == 0)
                call->has_location = true;
        if (n > 2 || data[0] != '\r')
                return n;
        long status = 0, redirects = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_COUNT, &redirects);
        bool goes_on = status / 100 == 3 && call->has_location && redirects < call->max_redirects;
        if (status >= 200 && !goes_on)
                tell_status(call);
        return n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
        struct http_call *call = arg;
        n *= size;
        tell_status(call);
        call->received += n;
        if (call->max_bytes && call->received > call->max_bytes)
                call->over_limit = true;
        else if (call->cancelled)
                call->aborted = true;
        else if (call->on_data && call->response.status / 100 == 2)
                call->aborted = !call->on_data(call->arg, data, n);
        else
                buf_add(&call->response.body, data, n);
        return call->over_limit || call->aborted || call->cancelled ? 0 : n;
}

/* ---- curl and the loop ---- */

static void collect_finished(struct http_client *c)
{
        CURLMsg *m;
        int left;
        while ((m = curl_multi_info_read(c->multi, &left))) {
                struct http_call *call = NULL;
                if (m->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
                finish(call, m->data.result);
        }
}

static void drive(struct http_client *c, curl_socket_t fd, int what)
{
        int running;
        c->in_curl = true;
        curl_multi_socket_action(c->multi, fd, what, &running);
        c->in_curl = false;
        collect_finished(c);
}

static void on_timer(void *arg)
{
        drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
        drive(arg, fd,
              (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static int watch_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
        struct http_client *c = arg;
        struct event *ev = socket_arg;
        if (ev)
                event_free(ev);
        if (what == CURL_POLL_REMOVE) {
                curl_multi_assign(c->multi, fd, NULL);
                return 0;
        }
        short flags = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
                              (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
        ev = event_new(loop_base(c->loop), fd, flags, on_socket_event, c);
        event_add(ev, NULL);
        curl_multi_assign(c->multi, fd, ev);
        return 0;
}

static int set_timer(CURLM *multi UNUSED, long timeout_ms, void *arg)
{
        struct http_client *c = arg;
        if (timeout_ms < 0)
                timer_cancel(c->loop, &c->timer);
        else
                timer_after_ms(c->loop, &c->timer, timeout_ms);
        return 0;
}

/* ---- new and free ---- */

int http_client_new(struct http_client **out, struct loop *l, struct err *e UNUSED)
{
        struct http_client *c = NEW(struct http_client);
        c->loop = l;
        timer_init(&c->timer, on_timer, c);
        task_init(&c->deliver, deliver, c);
        *out = c;
        return 0;
}

/* Many programs that could make a call never do. */
static int first_call(struct http_client *c, struct err *e)
{
        if (c->multi)
                return 0;
        if (curl_load(e) < 0)
                return -1;
        c->multi = curl_multi_init();
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        return 0;
}

struct http_client *http_client_free(struct http_client *c)
{
        if (!c)
                return NULL;
        while (c->calls) {
                struct http_call *call = c->calls;
                if (call->cancelled) {
                        free_call(call);
                        continue;
                }
                if (!call->finished)
                        err_set(&call->early, ERR_UNAVAILABLE, "%s: shutting down",
                                call->what ? call->what : "HTTP call");
                tell_outcome(call);
        }
        for (size_t i = 0; i < c->n_spare; i++)
                curl_easy_cleanup(c->spare[i]);
        if (c->multi)
                curl_multi_cleanup(c->multi);
        timer_cancel(c->loop, &c->timer);
        loop_undefer(c->loop, &c->deliver);
        free(c);
        return NULL;
}

/* ---- a call ---- */

static struct http_call *new_call(struct http_client *c, const struct http_call_spec *spec,
                                  http_done_fn *done, void *arg)
{
        struct http_call *call = NEW(struct http_call);
        call->client = c;
        call->connected = spec->connected ? *spec->connected : -1;
        if (first_call(c, &call->early) == 0)
                call->easy = c->n_spare ? c->spare[--c->n_spare] : curl_easy_init();
        call->done = done;
        call->arg = arg;
        call->on_data = spec->on_data;
        call->on_status = spec->on_status;
        call->max_redirects = spec->max_redirects;
        call->keep_headers = spec->keep_headers;
        call->max_bytes = spec->max_response_bytes;
        if (!call->max_bytes && !spec->on_data)
                call->max_bytes = HTTP_RESPONSE_BYTES;
        buf_init(&call->response.body, call->max_bytes ? call->max_bytes : HTTP_RESPONSE_BYTES);
        call->next = c->calls;
        call->prev = &c->calls;
        if (call->next)
                call->next->prev = &call->next;
        c->calls = call;
        return call;
}

struct http_call *http_call(struct http_client *c, const struct http_call_spec *spec,
                            http_done_fn *done, void *arg)
{
        struct http_call *call = new_call(c, spec, done, arg);
        if (!call->easy || http_call_setup(call, spec, &call->early) < 0) {
                finish(call, CURLE_OK);
                return call;
        }
        curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
        curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
        curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
        CURLMcode r = curl_multi_add_handle(c->multi, call->easy);
        if (r != CURLM_OK) {
                err_set(&call->early, ERR_INTERNAL, "%s: %s", call->what, curl_multi_strerror(r));
                finish(call, CURLE_OK);
        } else {
                call->running = true;
        }
        return call;
}

void http_call_cancel(struct http_call *call)
{
        if (!call || call->cancelled)
                return;
        if (!call->client->in_curl && !call->finished) {
                free_call(call);
                return;
        }
        call->cancelled = true; /* curl is on the stack, or it waits to be handed out: freed at the
                                   end of the turn */
        finish(call, CURLE_ABORTED_BY_CALLBACK);
}

/* ---- answers as errors ---- */

static enum err_code code_of_status(int status)
{
        switch (status) {
        case 400:
        case 405:
        case 415:
        case 422: return ERR_INVALID;
        case 401:
        case 403: return ERR_DENIED;
        case 404: return ERR_NOT_FOUND;
        case 409:
        case 412: return ERR_CONFLICT;
        case 410: return ERR_GONE;
        case 413: return ERR_LIMIT;
        case 408:
        case 504: return ERR_TIMEOUT;
        case 429: return ERR_UNAVAILABLE;
        default:
                return status >= 500 ? ERR_UNAVAILABLE : status >= 400 ? ERR_INVALID : ERR_PROTOCOL;
        }
}

int http_status_err(const struct http_response *r, struct err *e)
{
        AUTO_JSON json_t *body = NULL;
        ERR_SLOT(ignored);
        const char *text = buf_str(&r->body);
        if (r->body.len && json_parse(&body, text, r->body.len, &ignored) < 0)
                err_clear(&ignored);
        const char *message = json_str(body, "message");
        int n = (int)strcspn(text, "\r\n");
        if (message)
                err_set(e, code_of_status(r->status), "HTTP %d: %s", r->status, message);
        else if (n > 0 && n < 200 && utf8_valid(text, (size_t)n))
                err_set(e, code_of_status(r->status), "HTTP %d: %.*s", r->status, n, text);
        else
                err_set(e, code_of_status(r->status), "HTTP %d", r->status);
        e->retry_after_ms = r->retry_after_ms;
        return -1;
}
