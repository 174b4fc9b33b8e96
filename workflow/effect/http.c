/* workflow/effect/http.c: {"http": {...}}: one request, its redirects, and whether the answer is a
 * success.
 *
 * Redirects are followed here and not by curl, with the rules of Argo's client: 301, 302 and 303
 * turn into a GET without a body, 307 and 308 repeat the request, at most ten in a row, and a
 * request that goes to another host leaves credentials behind (SEC-18). SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/hash.h"
#include "common/lang/expr.h"
#include "workflow/effect/effect_priv.h"
#include <ctype.h>
#include <strings.h>

enum {
        HEADERS_MAX = 100,
        REDIRECTS_MAX = 10,
        TIMEOUT_S = 30,
        BODY_MAX = 1024 * 1024,
        EXPR_BYTES = 16 * 1024 * 1024,
        AT_ONCE = 64 /* a loop over a thousand items is no attack */
};

struct http_state {
        const json_t *spec;
        char *method, *url;
        struct http_header headers[HEADERS_MAX + 2];
        size_t n, asked; /* headers; the next one whose value is looked up */
        struct buf body;
        bool own_key;   /* the user sends an Idempotency-Key */
        bool drop_body; /* after a redirect */
        int redirects;
        struct http_call *call;
};

static void on_answer(void *arg, const struct http_response *r, const struct err *e);

static void add_header(struct http_state *s, const char *name, const char *value)
{
        s->own_key |= strcasecmp(name, "Idempotency-Key") == 0;
        s->headers[s->n++] = (struct http_header){mem_strdup(name), mem_strdup(value)};
}

static const char *header(const struct http_state *s, const char *name)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcasecmp(s->headers[i].name, name) == 0)
                        return s->headers[i].value;
        return NULL;
}

static int64_t timeout_ms(const json_t *spec)
{
        json_int_t s = json_integer_value(json_object_get(spec, "timeoutSeconds"));
        return (s > 0 && s < 1000000 ? s : TIMEOUT_S) * 1000;
}

static void send_request(struct effect *f)
{
        struct http_state *s = f->state;
        struct http_call_spec spec = {.method = s->method,
                                      .url = s->url,
                                      .headers = s->headers,
                                      .host = header(s, "Host"),
                                      .body = s->drop_body ? NULL : s->body.data,
                                      .body_len = s->drop_body ? 0 : s->body.len,
                                      .timeout_ms = (int)timeout_ms(s->spec),
                                      .max_response_bytes = BODY_MAX,
                                      .keep_headers = true,
                                      .guard = f->all->o.guard_addresses,
                                      .tls = {.insecure_skip_verify = json_is_true(json_object_get(
                                                      s->spec, "insecureSkipVerify"))}};
        s->call = http_call(f->all->http, &spec, on_answer, f);
}

/* ---- redirects ---- */

static void drop_credentials(struct http_state *s)
{
        static const char *const secret[] = {"Authorization", "Cookie", "Www-Authenticate"};
        size_t kept = 0;
        for (size_t i = 0; i < s->n; i++) {
                bool drop = false;
                for (size_t k = 0; k < ARRAY_LEN(secret); k++)
                        drop |= strcasecmp(s->headers[i].name, secret[k]) == 0;
                if (!drop) {
                        s->headers[kept++] = s->headers[i];
                        continue;
                }
                mem_free((char *)(uintptr_t)s->headers[i].name);
                mem_free((char *)(uintptr_t)s->headers[i].value);
        }
        s->n = kept;
        s->headers[kept] = (struct http_header){0};
}

static int follow(struct effect *f, const struct http_response *r, const char *to, struct err *e)
{
        struct http_state *s = f->state;
        char *next;
        bool same_host;
        if (s->redirects++ == REDIRECTS_MAX)
                return err_set(e, ERR_PROTOCOL, "%s %s: stopped after %d redirects", s->method,
                               s->url, REDIRECTS_MAX);
        if (http_url_follow(&next, &same_host, s->url, to, e) < 0)
                return -1;
        mem_free(s->url);
        s->url = next;
        if (r->status < 307 && !streq(s->method, "HEAD") && !streq(s->method, "GET")) {
                mem_free(s->method);
                s->method = mem_strdup("GET");
                s->drop_body = true;
        }
        if (!same_host)
                drop_credentials(s);
        send_request(f);
        return 0;
}

static const char *redirect_of(const struct http_response *r)
{
        bool is = r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 ||
                  r->status == 308;
        return is ? http_response_header(r, "Location") : NULL;
}

/* ---- the answer ---- */

/* As Go writes them: "content-type" -> "Content-Type". */
static void canonical(char *name)
{
        bool first = true;
        for (; *name; name++) {
                *name = (char)(first ? toupper((unsigned char)*name)
                                     : tolower((unsigned char)*name));
                first = *name == '-';
        }
}

static json_t *headers_json(const struct http_header *h)
{
        json_t *all = json_object();
        for (; h && h->name; h++) {
                AUTO(mem_free) char *name = mem_strdup(h->name);
                canonical(name);
                json_t *list = json_object_get(all, name);
                if (!list) {
                        list = json_array();
                        json_object_set_new(all, name, list);
                }
                json_array_append_new(list, json_string_of_bytes(h->value, strlen(h->value)));
        }
        return all;
}

/* The headers as the template writes them: values of secrets are not for expressions. */
static json_t *written_headers(const json_t *spec)
{
        json_t *all = json_object(), *h;
        size_t i;
        json_array_foreach (json_object_get(spec, "headers"), i, h) {
                const char *name = json_str(h, "name"), *value = json_str(h, "value");
                json_object_set_new(all, name ? name : "", json_pack("[s]", value ? value : ""));
        }
        return all;
}

static json_t *env_of(const struct http_state *s, const struct http_response *r)
{
        const char *method = json_str(s->spec, "method"), *url = json_str(s->spec, "url");
        json_t *body = json_string_of_bytes(s->body.data, s->body.len);
        return json_pack("{s:{s:s, s:s, s:O, s:o, s:o}, s:{s:i, s:o, s:o}}", "request", "method",
                         method ? method : "", "url", url ? url : "", "body", body, "bodyBytes",
                         body, "headers", written_headers(s->spec), "response", "statusCode",
                         r->status, "body", json_string_of_bytes(r->body.data, r->body.len),
                         "headers", headers_json(r->headers));
}

static int holds(struct effect *f, const char *text, const struct http_response *r, bool *out,
                 struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        AUTO_JSON json_t *env = env_of(f->state, r);
        struct arena a;
        arena_init(&a, EXPR_BYTES);
        int rc = expr_new(&x, str_of(text), EXPR_WORKFLOWS, NULL, e);
        if (rc == 0)
                rc = expr_test(x, val_from_tree(&a, env, VAL_INTS_AND_FLOATS),
                               loop_clock(f->all->o.loop), &a, out, e);
        arena_deinit(&a);
        return rc < 0 ? err_wrap(e, "successCondition '%s'", text) : 0;
}

static void judge(struct effect *f, const struct http_response *r, struct err *e)
{
        struct http_state *s = f->state;
        const char *condition = json_str(s->spec, "successCondition");
        bool good = r->status / 100 == 2;
        if (!str_empty(condition) && holds(f, condition, r, &good, e) < 0)
                return;
        if (good)
                effect_end(f, POD_SUCCEEDED, -1,
                           json_pack("{s:o}", "result",
                                     json_string_of_bytes(r->body.data, r->body.len)),
                           "%s", "");
        else if (str_empty(condition))
                effect_end(f, POD_FAILED, -1, NULL, "received non-2xx response code: %d",
                           r->status);
        else
                effect_end(f, POD_FAILED, -1, NULL, "successCondition '%s' evaluated false",
                           condition);
}

static void on_answer(void *arg, const struct http_response *r, const struct err *failed)
{
        struct effect *f = arg;
        struct http_state *s = f->state;
        struct err e = {0};
        s->call = NULL;
        const char *to = failed ? NULL : redirect_of(r);
        if (failed)
                err_copy(&e, failed);
        else if (to)
                (void)follow(f, r, to, &e);
        else
                judge(f, r, &e);
        if (err_is_set(&e))
                effect_end(f, POD_ERROR, -1, NULL, "%s", err_msg(&e));
        err_clear(&e);
}

/* ---- the request ---- */

static int read_body(struct http_state *s, struct err *e)
{
        const char *text = json_str(s->spec, "body"),
                   *bytes = json_str(s->spec, "bodyFrom", "bytes");
        s->body = BUF_INIT(BUF_UNBOUNDED);
        if (!str_empty(bytes) && !base64_get(&s->body, bytes, strlen(bytes)))
                return err_set(e, ERR_INVALID, "http.bodyFrom.bytes: not base64");
        if (str_empty(bytes) && text)
                buf_adds(&s->body, text);
        return 0;
}

static void ask_next(struct effect *f);

static void on_secret(void *arg, struct secret *value_taken, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        AUTO(secret_free) struct secret *value = value_taken;
        if (!f)
                return;
        struct http_state *s = f->state;
        const json_t *h = json_array_get(json_object_get(s->spec, "headers"), s->asked++);
        const json_t *ref = json_at(h, "valueFrom", "secretKeyRef");
        if (value)
                add_header(s, json_str(h, "name"), secret_reveal(value));
        else if (!e || (e->code == ERR_NOT_FOUND && json_is_true(json_object_get(ref, "optional"))))
                add_header(s, json_str(h, "name"), "");
        else
                effect_end(f, POD_ERROR, -1, NULL, "http.headers: %s: %s", json_str(h, "name"),
                           err_msg(e));
        if (!f->ended)
                ask_next(f);
}

/* Headers one after the other; then the request. */
static void ask_next(struct effect *f)
{
        struct http_state *s = f->state;
        const json_t *h = json_array_get(json_object_get(s->spec, "headers"), s->asked);
        const json_t *ref = json_at(h, "valueFrom", "secretKeyRef");
        const char *name = json_str(h, "name"), *value = json_str(h, "value");
        if (!h) {
                if (!s->own_key)
                        add_header(s, "Idempotency-Key", f->key);
                send_request(f);
        } else if (str_empty(name) || s->n == HEADERS_MAX) {
                effect_end(f, POD_ERROR, -1, NULL,
                           s->n == HEADERS_MAX ? "http.headers: there are more than 100"
                                               : "http.headers: one has no name");
        } else if (!ref) {
                s->asked++;
                add_header(s, name, value ? value : "");
                ask_next(f);
        } else {
                store_secret(f->all->o.store, f->ns, json_str(ref, "name"), json_str(ref, "key"),
                             on_secret, effect_asks(f));
        }
}

static void http_start(struct effect *f, const json_t *spec)
{
        struct http_state *s = f->state;
        struct err e = {0};
        const char *method = json_str(spec, "method"), *url = json_str(spec, "url");
        s->spec = spec;
        s->method = mem_strdup(str_empty(method) ? "GET" : method);
        s->url = mem_strdup(url ? url : "");
        if (read_body(s, &e) == 0)
                ask_next(f);
        else
                effect_end(f, POD_ERROR, -1, NULL, "%s", err_msg(&e));
        err_clear(&e);
}

static void http_stop(struct effect *f)
{
        struct http_state *s = f->state;
        if (s->call)
                http_call_cancel(s->call);
        s->call = NULL;
        for (size_t i = 0; i < s->n; i++) {
                mem_free((char *)(uintptr_t)s->headers[i].name);
                explicit_bzero((char *)(uintptr_t)s->headers[i].value, strlen(s->headers[i].value));
                mem_free((char *)(uintptr_t)s->headers[i].value);
        }
        s->n = 0;
        mem_free(TAKE(s->method));
        mem_free(TAKE(s->url));
        buf_deinit(&s->body);
}

const struct effect_kind effect_http = {.member = "http",
                                        .state_size = sizeof(struct http_state),
                                        .at_once = AT_ONCE,
                                        .start = http_start,
                                        .stop = http_stop};
