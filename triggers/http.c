/* triggers/http.c: calls an HTTP endpoint with a payload built from the events (argo-events.md 7).
 *
 * Order of headers: static, dynamic, secure, basic auth; no Content-Type unless given. Without
 * policy.status Argo calls any answer a success and loses the event; here 2xx and 3xx succeed, 408,
 * 425, 429 and 5xx are tried again, the rest is rejected (docs/compatibility.md). With
 * policy.status.allow the listed codes succeed and all others are tried again. Every attempt of a
 * firing carries the same Idempotency-Key. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/base/str.h"
#include "common/net/http_client.h"
#include "common/store/store.h"
#include "triggers/parameters.h"
#include <stdlib.h>

enum { HEADERS_MAX = 64, PAYLOAD_MAX = 1 << 20, SECRETS_MAX = 24 };
static const char *const methods[] = {"POST", "GET", "PUT", "PATCH", "DELETE", NULL};

struct http_trigger { /* checked by the table; the driver reads the json_t */
        char *url, *host;
        json_t *payload, *parameters, *tls, *basic_auth, *secure_headers, *dynamic_headers;
        struct field_map headers;
        int method;
        int64_t timeout_s;
};

static const struct field http_fields[] = {
        FIELD(struct http_trigger, url, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "http or https address"),
        FIELD(struct http_trigger, payload, FIELD_JSON,
              .help = "parameters that build the JSON body"),
        FIELD(struct http_trigger, tls, FIELD_JSON,
              .help = "caCertSecret, clientCertSecret, clientKeySecret, insecureSkipVerify"),
        FIELD(struct http_trigger, method, FIELD_ENUM, .choices = methods, .def = "POST",
              .help = "request method"),
        FIELD(struct http_trigger, parameters, FIELD_JSON,
              .help = "applied to this trigger's own fields"),
        FIELD(struct http_trigger, timeout_s, FIELD_INT, .name = "timeout", .def = "60", .min = 0,
              .max = 86400, .help = "seconds for the whole call"),
        FIELD(struct http_trigger, basic_auth, FIELD_JSON, .name = "basicAuth",
              .help = "username and password from Secrets"),
        FIELD(struct http_trigger, headers, FIELD_MAP, .help = "static headers"),
        FIELD(struct http_trigger, secure_headers, FIELD_JSON, .name = "secureHeaders",
              .help = "headers from Secrets and ConfigMaps"),
        FIELD(struct http_trigger, dynamic_headers, FIELD_JSON, .name = "dynamicHeaders",
              .help = "headers from events"),
        FIELD(struct http_trigger, host, FIELD_STR, .help = "overrides the Host header"),
        FIELD_END};

/* One value to fetch before the call. */
struct wanted {
        struct trigger_action *action;
        const char *header; /* a header of this name; NULL: see use */
        enum { USE_HEADER, USE_USER, USE_PASSWORD, USE_CA, USE_CERT, USE_KEY } use;
        struct secret *value;
};

struct http_firing {
        json_t *spec; /* after resource parameters */
        struct buf body;
        struct http_header headers[HEADERS_MAX];
        char *owned[HEADERS_MAX * 2]; /* names and values of dynamic headers */
        size_t n_headers, n_owned, pending, n_wanted;
        struct wanted wanted[SECRETS_MAX];
        struct http_call *call;
        bool cancelled;
        struct err err;
};

static struct http_firing *state(struct trigger_action *a)
{
        return a->state;
}

static void cleanup(struct http_firing *f)
{
        json_decref(f->spec);
        f->spec = NULL;
        buf_deinit(&f->body);
        for (size_t i = 0; i < f->n_owned; i++)
                free(f->owned[i]);
        for (size_t i = 0; i < f->n_wanted; i++)
                secret_free(f->wanted[i].value);
        f->n_owned = f->n_wanted = 0;
        err_clear(&f->err);
}

static void fail(struct trigger_action *a, const struct err *e)
{
        ERR_SLOT(words);
        err_copy(&words, e);
        const char *url = json_str(state(a)->spec ? state(a)->spec : a->spec, "url");
        err_wrap(&words, "%s", url ? url : "http");
        cleanup(state(a));
        trigger_finish(a, trigger_outcome_of(&words), NULL, &words);
        err_clear(&words);
}

/* ---- the answer ---- */

static bool allowed_by_policy(const json_t *policy, int status, bool *has_policy)
{
        json_t *allow = json_at(policy, "status", "allow"), *item;
        *has_policy = json_is_array(allow);
        size_t i;
        json_array_foreach (allow, i, item)
                if (json_integer_value(item) == status)
                        return true;
        return false;
}

static void on_answer(void *arg, const struct http_response *r, const struct err *e)
{
        struct trigger_action *a = arg;
        state(a)->call = NULL;
        if (e) {
                fail(a, e);
                return;
        }
        bool has_policy, allowed = allowed_by_policy(a->policy, r->status, &has_policy);
        if (has_policy ? allowed : r->status < 400) {
                AUTO(mem_free)
                char *what = mem_printf("%s %s answered %d",
                                        json_str(state(a)->spec, "method")
                                                ? json_str(state(a)->spec, "method")
                                                : "POST",
                                        json_str(state(a)->spec, "url"), r->status);
                cleanup(state(a));
                trigger_finish(a, TRIGGER_OK, what, NULL);
                return;
        }
        bool again = has_policy || r->status >= 500 || r->status == 408 || r->status == 425 ||
                     r->status == 429;
        ERR_SLOT(words);
        err_set(&words, again ? ERR_UNAVAILABLE : ERR_INVALID, "answered %d%s", r->status,
                has_policy ? ", which policy.status.allow does not list" : "");
        words.retry_after_ms = r->retry_after_ms;
        fail(a, &words);
        err_clear(&words);
}

static void add_header(struct http_firing *f, const char *name, const char *value)
{
        if (f->n_headers < HEADERS_MAX - 1)
                f->headers[f->n_headers++] = (struct http_header){name, value};
}

static const struct secret *use_of(const struct http_firing *f, int use)
{
        for (size_t i = 0; i < f->n_wanted; i++)
                if (!f->wanted[i].header && (int)f->wanted[i].use == use)
                        return f->wanted[i].value;
        return NULL;
}

static void call(struct trigger_action *a)
{
        struct http_firing *f = state(a);
        if (err_is_set(&f->err)) {
                struct err e = {0};
                err_move(&e, &f->err);
                fail(a, &e);
                err_clear(&e);
                return;
        }
        for (size_t i = 0; i < f->n_wanted; i++)
                if (f->wanted[i].header && f->wanted[i].value)
                        add_header(f, f->wanted[i].header, secret_reveal(f->wanted[i].value));
        add_header(f, "Idempotency-Key", a->firing_id);
        const char *method = json_str(f->spec, "method");
        json_t *timeout = json_object_get(f->spec, "timeout");
        const struct secret *user = use_of(f, USE_USER);
        struct http_call_spec spec = {
                .method = str_empty(method) ? "POST" : method,
                .url = json_str(f->spec, "url"),
                .headers = f->headers,
                .body = f->body.len ? f->body.data : NULL,
                .body_len = f->body.len,
                .host = json_str(f->spec, "host"),
                .user = user ? secret_reveal(user) : NULL,
                .password = use_of(f, USE_PASSWORD),
                .max_redirects = 10,
                .timeout_ms = json_integer_value(timeout) > 0
                                      ? (int)json_integer_value(timeout) * 1000
                                      : 0,
                .tls = {.insecure_skip_verify =
                                json_is_true(json_at(f->spec, "tls", "insecureSkipVerify"))},
                .no_default_headers = true};
        if (use_of(f, USE_CA))
                spec.tls.ca_pem = secret_reveal(use_of(f, USE_CA));
        if (use_of(f, USE_CERT))
                spec.tls.cert_pem = secret_reveal(use_of(f, USE_CERT));
        if (use_of(f, USE_KEY))
                spec.tls.key_pem = secret_reveal(use_of(f, USE_KEY));
        f->call = http_call(a->env->http, &spec, on_answer, a);
}

/* ---- values from Secrets and ConfigMaps ---- */

static void arrived(struct trigger_action *a)
{
        struct http_firing *f = state(a);
        if (--f->pending > 0)
                return;
        if (f->cancelled) {
                cleanup(f);
                trigger_action_free(a);
                return;
        }
        call(a);
}

static void on_secret(void *arg, struct secret *value, const struct err *e)
{
        struct wanted *w = arg;
        struct http_firing *f = state(w->action);
        w->value = value;
        if (e && !err_is_set(&f->err))
                err_copy(&f->err, e);
        arrived(w->action);
}

static void on_config(void *arg, const char *value, const struct err *e)
{
        struct wanted *w = arg;
        struct http_firing *f = state(w->action);
        w->value = value ? secret_new(value, strlen(value)) : NULL;
        if (e && !err_is_set(&f->err))
                err_copy(&f->err, e);
        arrived(w->action);
}

static struct wanted *want(struct trigger_action *a, const char *header, int use)
{
        struct http_firing *f = state(a);
        if (f->n_wanted == SECRETS_MAX)
                return NULL;
        struct wanted *w = &f->wanted[f->n_wanted++];
        *w = (struct wanted){.action = a, .header = header};
        w->use = use;
        f->pending++;
        return w;
}

static void want_secret(struct trigger_action *a, const json_t *ref, const char *header, int use)
{
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        struct wanted *w = name && key ? want(a, header, use) : NULL;
        if (w)
                store_secret(a->env->store, a->env->ns, name, key, on_secret, w);
}

static void want_all(struct trigger_action *a)
{
        struct http_firing *f = state(a);
        f->pending = 1; /* ours, given back at the end: answers may come at once */
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(f->spec, "secureHeaders"), i, item) {
                const char *header = json_str(item, "name");
                json_t *config = json_at(item, "valueFrom", "configMapKeyRef");
                want_secret(a, json_at(item, "valueFrom", "secretKeyRef"), header, USE_HEADER);
                struct wanted *w = config ? want(a, header, USE_HEADER) : NULL;
                if (w)
                        store_config(a->env->store, a->env->ns, json_str(config, "name"),
                                     json_str(config, "key"), on_config, w);
        }
        want_secret(a, json_at(f->spec, "basicAuth", "username"), NULL, USE_USER);
        want_secret(a, json_at(f->spec, "basicAuth", "password"), NULL, USE_PASSWORD);
        want_secret(a, json_at(f->spec, "tls", "caCertSecret"), NULL, USE_CA);
        want_secret(a, json_at(f->spec, "tls", "clientCertSecret"), NULL, USE_CERT);
        want_secret(a, json_at(f->spec, "tls", "clientKeySecret"), NULL, USE_KEY);
        arrived(a);
}

/* ---- the request ---- */

static int dynamic_headers(struct trigger_action *a, struct err *e)
{
        struct http_firing *f = state(a);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(f->spec, "dynamicHeaders"), i, item) {
                struct param_value v = {0};
                const char *dest = json_str(item, "dest");
                if (param_resolve(&v, json_object_get(item, "src"), a->events, a->n_events, e) < 0)
                        return err_wrap(e, "dynamic header %s", dest ? dest : "");
                if (v.state == PARAM_VALUE && dest && f->n_owned + 1 < ARRAY_LEN(f->owned)) {
                        f->owned[f->n_owned++] = buf_take(&v.text);
                        add_header(f, dest, f->owned[f->n_owned - 1]);
                }
                param_value_deinit(&v);
        }
        return 0;
}

static int prepare(struct trigger_action *a, struct err *e)
{
        struct http_firing *f = state(a);
        f->body = BUF_INIT(PAYLOAD_MAX);
        if (params_apply_json(&f->spec, a->spec, json_object_get(a->spec, "parameters"), a->events,
                              a->n_events, e) < 0)
                return err_wrap(e, "parameters");
        if (params_payload(&f->body, json_object_get(f->spec, "payload"), a->events, a->n_events,
                           e) < 0)
                return err_wrap(e, "payload");
        const char *url = json_str(f->spec, "url");
        if (str_empty(url))
                return err_set(e, ERR_INVALID, "url is empty");
        const char *name;
        json_t *value;
        json_object_foreach (json_object_get(f->spec, "headers"), name, value)
                add_header(f, name, json_string_value(value) ? json_string_value(value) : "");
        return dynamic_headers(a, e);
}

static void http_execute(struct trigger_action *a)
{
        ERR_SLOT(e);
        if (prepare(a, &e) < 0)
                fail(a, &e);
        else
                want_all(a);
        err_clear(&e);
}

static void http_cancel(struct trigger_action *a)
{
        struct http_firing *f = state(a);
        f->cancelled = true;
        if (f->call)
                http_call_cancel(f->call);
        if (f->pending > 0)
                return; /* freed by the last answer */
        cleanup(f);
        trigger_action_free(a);
}

static void check_value_from(const json_t *item, const struct jpath *at, struct diags *d)
{
        if (!json_at(item, "valueFrom", "secretKeyRef") &&
            !json_at(item, "valueFrom", "configMapKeyRef"))
                diag_error(d, at, "E031", NULL,
                           "a secure header needs valueFrom.secretKeyRef or "
                           "valueFrom.configMapKeyRef");
}

static void http_check(const json_t *spec, const json_t *trigger UNUSED, const struct jpath *at,
                       struct diags *d)
{
        struct jpath payload = jpath_key(at, "payload"), params = jpath_key(at, "parameters"),
                     dynamic = jpath_key(at, "dynamicHeaders"),
                     secure = jpath_key(at, "secureHeaders"), url = jpath_key(at, "url");
        params_check(json_object_get(spec, "payload"), true, &payload, d);
        params_check(json_object_get(spec, "parameters"), false, &params, d);
        params_check(json_object_get(spec, "dynamicHeaders"), false, &dynamic, d);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(spec, "secureHeaders"), i, item) {
                struct jpath here = jpath_index(&secure, i);
                check_value_from(item, &here, d);
        }
        const char *address = json_str(spec, "url");
        if (!str_empty(address) && !str_starts(address, "http://") &&
            !str_starts(address, "https://"))
                diag_warn(d, &url, "W031", "http://host/path",
                          "expected an http or https address, found \"%s\"", address);
}

const struct trigger_driver trigger_http = {.type = "http",
                                            .fields = http_fields,
                                            .config_size = sizeof(struct http_trigger),
                                            .state_size = sizeof(struct http_firing),
                                            .check = http_check,
                                            .execute = http_execute,
                                            .cancel = http_cancel};
