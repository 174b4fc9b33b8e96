/* workflow/spec/check_spec.c: fields of the workflow itself. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"

static bool one_of(const char *word, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (streq(word, list[i]))
                        return true;
        return false;
}

static void check_selector(struct check *c, const json_t *e, const struct jpath *at)
{
        static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
        const char *op = json_str(e, "operator");
        size_t values = json_array_size(json_object_get(e, "values"));
        if (!one_of(op, operators, ARRAY_LEN(operators)))
                FAIL(c, at, "E005", NULL,
                     "podGC.labelSelector: \"%s\" is not a valid label selector operator",
                     op ? op : "");
        else if (streq(op, "In") || streq(op, "NotIn") ? !values : values > 0)
                FAIL(c, at, "E005", NULL, "podGC.labelSelector: operator %s %s values", op,
                     values ? "takes no" : "needs");
}

static void check_pod_gc(struct check *c, const struct jpath *at)
{
        static const char *const strategies[] = {"OnPodCompletion", "OnPodSuccess",
                                                 "OnWorkflowCompletion", "OnWorkflowSuccess"};
        const char *strategy = json_str(c->spec, "podGC", "strategy");
        struct jpath up = jpath_key(at, "podGC"), here = jpath_key(&up, "strategy"),
                     selector = jpath_key(&up, "labelSelector"),
                     list = jpath_key(&selector, "matchExpressions");
        size_t i;
        json_t *e;
        if (!str_empty(strategy) && !one_of(strategy, strategies, ARRAY_LEN(strategies)))
                FAIL(c, &here, "E005", NULL, "podGC.strategy unknown strategy '%s'", strategy);
        json_array_foreach (json_at(c->spec, "podGC", "labelSelector", "matchExpressions"), i, e) {
                struct jpath one = jpath_index(&list, i);
                check_selector(c, e, &one);
        }
}

void check_pod_resources(struct check *c, const json_t *holder, const struct jpath *at)
{
        static const char *const kinds[] = {"requests", "limits"};
        struct jpath here = jpath_key(at, "podResources");
        const char *key;
        json_t *v;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                json_object_foreach (json_at(holder, "podResources", kinds[i]), key, v) {
                        if (strcmp(key, "cpu") != 0 && strcmp(key, "memory") != 0 &&
                            !str_starts(key, "hugepages-"))
                                FAIL(c, &here, "E005", NULL,
                                     "\"%s\" is not a valid pod-level resource, only cpu, memory "
                                     "and hugepages-* are supported",
                                     key);
                }
        if (json_array_size(json_at(holder, "podResources", "claims")))
                FAIL(c, &here, "E005", NULL, "claims are not supported in pod-level resources");
}

static void check_plugins(struct check *c, const struct jpath *at)
{
        struct jpath list = jpath_key(at, "executorPlugins");
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(c->spec, "executorPlugins"), i, p) {
                const json_t *container = json_at(p, "spec", "sidecar", "container");
                struct jpath here = jpath_index(&list, i);
                if (str_empty(json_str(p, "metadata", "name")))
                        FAIL(c, &here, "E325", NULL,
                             "the metadata name of an executor plugin is mandatory");
                if (!json_array_size(json_object_get(container, "ports")))
                        FAIL(c, &here, "E325", NULL, "at least one port is mandatory");
                if (!json_is_object(json_at(container, "resources", "requests")))
                        FAIL(c, &here, "E325", NULL, "resources requests are mandatory");
                if (!json_is_object(json_at(container, "resources", "limits")))
                        FAIL(c, &here, "E325", NULL, "resources limits are mandatory");
                if (!json_is_object(json_object_get(container, "securityContext")))
                        FAIL(c, &here, "E325", NULL, "a security context is mandatory");
        }
}

void check_spec_fields(struct check *c, const struct jpath *at)
{
        check_hooks(c, c->spec, at);
        check_pod_gc(c, at);
        check_pod_resources(c, c->spec, at);
        check_plugins(c, at);
}
