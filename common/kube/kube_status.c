/* common/kube/kube_status.c: see kube_status.h. The server's own message is kept; what a person
 * needs besides (which verb on which resource, what would allow it) is put in front.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/kube_status.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include <string.h>

enum { PLAIN_TEXT_MAX = 200 };

const char *kube_verb_name(enum kube_verb v)
{
        static const char *const names[] = {"get",    "list",  "watch", "create",
                                            "update", "patch", "delete"};
        return names[v];
}

/* ---- codes ---- */

static const struct {
        const char *reason;
        int status;
        enum err_code code;
} reasons[] = {
        {"AlreadyExists", 0, ERR_CONFLICT},
        {"Conflict", 409, ERR_CONFLICT},
        {"NotFound", 404, ERR_NOT_FOUND},
        {"Unauthorized", 401, ERR_DENIED},
        {"Forbidden", 403, ERR_DENIED},
        {"Expired", 410, ERR_GONE},
        {"Gone", 410, ERR_GONE},
        {"BadRequest", 400, ERR_INVALID},
        {"MethodNotAllowed", 405, ERR_INVALID},
        {"NotAcceptable", 406, ERR_INVALID},
        {"UnsupportedMediaType", 415, ERR_INVALID},
        {"Invalid", 422, ERR_INVALID},
        {"RequestEntityTooLarge", 413, ERR_LIMIT},
        {"TooManyRequests", 429, ERR_UNAVAILABLE},
        {"InternalError", 500,
         ERR_UNAVAILABLE}, /* of theirs: etcd has no leader, a webhook is down */
        {"ServerTimeout", 0, ERR_UNAVAILABLE}, /* "not finished, come back": it says when */
        {"ServiceUnavailable", 503, ERR_UNAVAILABLE},
        {"Timeout", 504, ERR_TIMEOUT},
};

static enum err_code code_of(const char *reason, int status)
{
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (streq(reasons[i].reason, reason))
                        return reasons[i].code;
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (status && reasons[i].status == status)
                        return reasons[i].code;
        return status >= 500 ? ERR_UNAVAILABLE : status >= 400 ? ERR_INVALID : ERR_PROTOCOL;
}

/* ---- words ---- */

static void put_resource(struct buf *b, const struct kube_target *t)
{
        buf_adds(b, t->plural);
        if (!str_empty(t->group))
                buf_addf(b, ".%s", t->group);
        if (!str_empty(t->subresource))
                buf_addf(b, "/%s", t->subresource);
}

char *kube_question_words(const struct kube_question *q)
{
        if (!q->target)
                return mem_strdup("ask the cluster");
        struct buf b = BUF_INIT(1024);
        buf_addf(&b, "%s ", kube_verb_name(q->verb));
        put_resource(&b, q->target);
        if (q->target->name)
                buf_addf(&b, " \"%s\"", q->target->name);
        if (q->target->ns)
                buf_addf(&b, " in namespace %s", q->target->ns);
        return buf_take(&b);
}

/* RBAC's refusal and no other 403 (quota, admission, a namespace that ends): say what would allow
 * it. */
static char *rule_hint(const struct kube_question *q, const char *message)
{
        if (!strstr(message, "cannot ") || !strstr(message, " resource "))
                return mem_strdup("");
        const struct kube_target *t = q->target;
        return mem_printf(
                "; needs a %s with apiGroups [\"%s\"], resources [\"%s%s%s\"], verbs [\"%s\"]",
                t->ns ? "Role" : "ClusterRole", t->group ? t->group : "", t->plural,
                t->subresource ? "/" : "", t->subresource ? t->subresource : "",
                kube_verb_name(q->verb));
}

static void explain(const struct kube_question *q, int status, const char *message, bool is_status,
                    struct err *e)
{
        if (status == 401) {
                err_wrap(e, "the credentials of %s are not accepted (expired?)",
                         q->origin ? q->origin : "this client");
                return;
        }
        if (!q->target)
                return;
        AUTO(mem_free) char *what = kube_question_words(q), *hint = NULL;
        if (e->code == ERR_DENIED) {
                hint = rule_hint(q, message);
                err_wrap(e, "not allowed to %s%s", what, hint);
        } else if (e->code == ERR_NOT_FOUND &&
                   (!is_status || strstr(message, "could not find the requested resource"))) {
                err_wrap(e, "this cluster has no %s.%s/%s: are the CRDs installed?",
                         q->target->plural, str_empty(q->target->group) ? "core" : q->target->group,
                         q->target->version);
        } else if (status == 415 && q->verb == KUBE_PATCH) {
                err_wrap(e, "%s: this kind takes merge and JSON patches only", what);
        } else if (e->code == ERR_GONE || !is_status) {
                err_wrap(e, "%s", what);
        }
}

/* ---- from the answer ---- */

static int from_status(const struct kube_question *q, const json_t *status, int http_status,
                       int64_t retry_after_ms, struct err *e)
{
        const char *reason = json_str(status, "reason"), *message = json_str(status, "message");
        json_int_t seconds = json_integer_value(json_at(status, "details", "retryAfterSeconds"));
        json_int_t number = json_integer_value(json_at(status, "code"));
        int code = http_status >= 400 ? http_status : number > 0 && number < 1000 ? (int)number : 0;
        err_set(e, code_of(reason, code), "%s", str_empty(message) ? "no message" : message);
        if (!retry_after_ms && seconds > 0 && seconds < 3600)
                retry_after_ms = seconds * 1000;
        if (e->code == ERR_UNAVAILABLE)
                e->retry_after_ms = retry_after_ms;
        explain(q, code, str_empty(message) ? "" : message, true, e);
        return -1;
}

static void clean_text(char *s) /* one line, as error messages are */
{
        for (char *p = s; *p; p++)
                if ((unsigned char)*p < ' ')
                        *p = ' ';
}

int kube_status_err(const struct kube_question *q, int http_status, struct str body,
                    int64_t retry_after_ms, struct err *e)
{
        struct err ignored = {0};
        AUTO_JSON json_t *status = NULL;
        bool json = body.n && json_parse(&status, body.p, body.n, &ignored) == 0;
        err_clear(&ignored);
        if (json && streq(json_str(status, "kind"), "Status"))
                return from_status(q, status, http_status, retry_after_ms, e);
        struct str text = str_trim(body);
        AUTO(mem_free)
        char *words = mem_strndup(text.n ? text.p : "",
                                  text.n < PLAIN_TEXT_MAX ? text.n : PLAIN_TEXT_MAX);
        clean_text(words);
        err_set(e, code_of(NULL, http_status), "HTTP status %d%s%s", http_status,
                *words ? ": " : "", words);
        if (e->code == ERR_UNAVAILABLE)
                e->retry_after_ms = retry_after_ms;
        explain(q, http_status, words, false, e);
        return -1;
}

int kube_event_err(const struct kube_question *q, const json_t *status, struct err *e)
{
        return from_status(q, status, 0, 0, e);
}
