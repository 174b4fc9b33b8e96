/* tests/unit/kube/test_kube_status.c: refusals become codes and words. The bodies are the real API
 * server's (1.37). SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/kube_status.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct kube_target workflow = {.group = "argoproj.io",
                                            .version = "v1alpha1",
                                            .kind = "Workflow",
                                            .plural = "workflows",
                                            .ns = "t",
                                            .name = "hello"};
static const struct kube_target workflows = {.group = "argoproj.io",
                                             .version = "v1alpha1",
                                             .kind = "Workflow",
                                             .plural = "workflows",
                                             .ns = "t"};
static const struct kube_target nodes = {
        .group = "", .version = "v1", .kind = "Node", .plural = "nodes"};

#define STATUS(code, reason, message)                                                        \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
        "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}"

static const struct {
        const char *what;
        enum kube_verb verb;
        const struct kube_target *target;
        int http;
        const char *body;
        enum err_code code;
        const char *words;
} cases[] = {
        {"the name is taken", KUBE_CREATE, &workflows, 409,
         STATUS(409, "AlreadyExists", "workflows.argoproj.io \\\"hello\\\" already exists"),
         ERR_CONFLICT, "workflows.argoproj.io \"hello\" already exists"},
        {"a stale version", KUBE_UPDATE, &workflow, 409,
         STATUS(409, "Conflict", "Operation cannot be fulfilled: the object has been modified"),
         ERR_CONFLICT, "the object has been modified"},
        {"absent", KUBE_GET, &workflow, 404,
         STATUS(404, "NotFound", "workflows.argoproj.io \\\"hello\\\" not found"), ERR_NOT_FOUND,
         "workflows.argoproj.io \"hello\" not found"},
        {"no CRD", KUBE_LIST, &workflows, 404, "404 page not found\n", ERR_NOT_FOUND,
         "this cluster has no workflows.argoproj.io/v1alpha1: are the CRDs installed?"},
        {"no CRD, as a Status", KUBE_LIST, &workflows, 404,
         STATUS(404, "NotFound", "the server could not find the requested resource"), ERR_NOT_FOUND,
         "are the CRDs installed?"},
        {"RBAC, namespaced", KUBE_CREATE, &workflows, 403,
         STATUS(403, "Forbidden",
                "workflows.argoproj.io is forbidden: User \\\"nobody\\\" cannot create resource "
                "\\\"workflows\\\" in API group \\\"argoproj.io\\\" in the namespace \\\"t\\\""),
         ERR_DENIED,
         "not allowed to create workflows.argoproj.io in namespace t; needs a Role with apiGroups "
         "[\"argoproj.io\"], resources [\"workflows\"], verbs [\"create\"]: workflows.argoproj.io "
         "is forbidden: User \"nobody\""},
        {"RBAC, cluster scope", KUBE_LIST, &nodes, 403,
         STATUS(403, "Forbidden",
                "nodes is forbidden: User \\\"nobody\\\" cannot list resource \\\"nodes\\\" in API "
                "group \\\"\\\" at the cluster scope"),
         ERR_DENIED,
         "not allowed to list nodes; needs a ClusterRole with apiGroups [\"\"], resources "
         "[\"nodes\"], verbs [\"list\"]"},
        {"a quota is no matter of roles", KUBE_CREATE, &workflows, 403,
         STATUS(403, "Forbidden", "exceeded quota: compute"), ERR_DENIED,
         "not allowed to create workflows.argoproj.io in namespace t: exceeded quota: compute"},
        {"bad token", KUBE_GET, &workflow, 401, STATUS(401, "Unauthorized", "Unauthorized"),
         ERR_DENIED,
         "the credentials of context \"dev\" are not accepted (expired?): Unauthorized"},
        {"invalid", KUBE_CREATE, &workflows, 422, STATUS(422, "Invalid", "spec: Required value"),
         ERR_INVALID, "spec: Required value"},
        {"strategic merge on a custom resource", KUBE_PATCH, &workflow, 415,
         STATUS(415, "UnsupportedMediaType", "the body of the request was in an unknown format"),
         ERR_INVALID, "this kind takes merge and JSON patches only"},
        {"expired continue token", KUBE_LIST, &workflows, 410,
         STATUS(410, "Expired", "The provided continue parameter is too old"), ERR_GONE,
         "list workflows.argoproj.io in namespace t: The provided continue"},
        {"gone by another name", KUBE_WATCH, &workflows, 410,
         STATUS(410, "Gone", "too old resource version"), ERR_GONE, "too old"},
        {"too large", KUBE_CREATE, &workflows, 413,
         STATUS(413, "RequestEntityTooLarge", "limit is 3145728"), ERR_LIMIT, "limit is"},
        {"overload in plain text", KUBE_LIST, &workflows, 429,
         "Too many requests, please try again later.\n", ERR_UNAVAILABLE,
         "list workflows.argoproj.io in namespace t: HTTP status 429: Too many requests, please "
         "try again later."},
        {"etcd is away", KUBE_GET, &workflow, 500,
         STATUS(500, "InternalError", "etcdserver: request timed out"), ERR_UNAVAILABLE,
         "etcdserver"},
        {"gateway time-out", KUBE_GET, &workflow, 504,
         STATUS(504, "Timeout", "request did not complete"), ERR_TIMEOUT, "did not complete"},
        {"a proxy's page", KUBE_GET, &workflow, 502, "<html>\nbad gateway</html>", ERR_UNAVAILABLE,
         "HTTP status 502: <html> bad gateway</html>"},
        {"a reason we do not know", KUBE_GET, &workflow, 418,
         STATUS(418, "Teapot", "short and stout"), ERR_INVALID, "short and stout"},
        {"a redirect is not followed", KUBE_GET, &workflow, 302, "", ERR_PROTOCOL,
         "HTTP status 302"},
};

static void refusals_have_a_code_and_words(void **state UNUSED)
{
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct kube_question q = {cases[i].verb, cases[i].target, "context \"dev\""};
                struct err e = {0};
                assert_int_equal(kube_status_err(&q, cases[i].http, str_of(cases[i].body), 0, &e),
                                 -1);
                if (e.code != cases[i].code || !strstr(e.msg, cases[i].words))
                        fail_msg("%s: %s: %s\nwanted %s: %s", cases[i].what, err_code_name(e.code),
                                 e.msg, err_code_name(cases[i].code), cases[i].words);
                err_clear(&e);
        }
}

static int64_t retry_after(const char *body, int64_t header_ms)
{
        struct kube_question q = {KUBE_LIST, &workflows, NULL};
        struct err e = {0};
        kube_status_err(&q, 429, str_of(body), header_ms, &e);
        int64_t ms = e.retry_after_ms;
        err_clear(&e);
        return ms;
}

static void the_pause_comes_from_the_header_else_from_the_status(void **state UNUSED)
{
        const char *status = "{\"kind\":\"Status\",\"message\":\"storage is "
                             "(re)initializing\",\"reason\":\"TooManyRequests\","
                             "\"details\":{\"retryAfterSeconds\":3},\"code\":429}";
        assert_int_equal(retry_after(status, 1000), 1000);
        assert_int_equal(retry_after(status, 0), 3000);
        assert_int_equal(retry_after("Too many requests", 2000), 2000);
        assert_int_equal(
                retry_after("{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":-9}}", 0), 0);
}

static void an_error_event_that_is_no_status_still_has_a_code(void **state UNUSED)
{
        struct kube_question q = {KUBE_WATCH, &workflows, NULL};
        json_t *gone = json_pack("{s:s,s:s,s:i}", "reason", "Expired", "message",
                                 "too old resource version: 1 (5)", "code", 410);
        json_t *empty = json_object();
        struct err e = {0};
        kube_event_err(&q, gone, &e);
        assert_int_equal(e.code, ERR_GONE);
        err_clear(&e);
        kube_event_err(&q, empty, &e);
        assert_int_equal(e.code, ERR_PROTOCOL);
        err_clear(&e);
        json_decref(gone);
        json_decref(empty);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refusals_have_a_code_and_words),
                cmocka_unit_test(the_pause_comes_from_the_header_else_from_the_status),
                cmocka_unit_test(an_error_event_that_is_no_status_still_has_a_code),
        };
        return cmocka_run_group_tests_name("kube_status", tests, NULL, NULL);
}
