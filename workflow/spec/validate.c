/* workflow/spec/validate.c: every rule over one object (argo-workflows.md 4.1): workflow, template,
 * cron. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/validate.h"
#include "workflow/spec/check.h"
#include "workflow/spec/merge.h"

enum { NAME_LIMIT = 63, CRON_NAME_LIMIT = 52 };

/* ---- what the whole spec knows ---- */

static void note_global(struct check *c, const char *kind, const json_t *item)
{
        const char *name = json_str(item, "globalName");
        bool was_there;
        if (str_empty(name))
                return;
        if (strstr(name, "{{"))
                c->global_unknown = true;
        char *key = mem_printf("%s.%s", kind, name);
        check_set_add(&c->globals, key, strlen(key), &was_there);
        mem_free(key);
}

static void note_globals(struct check *c, const json_t *body)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_at(body, "outputs", "parameters"), i, item)
                note_global(c, "parameters", item);
        json_array_foreach (json_at(body, "outputs", "artifacts"), i, item)
                note_global(c, "artifacts", item);
}

/* Marks what an exit handler reaches: there {{workflow.failures}} is known. */
static void mark_exit(struct check *c, const char *name, int depth);

static void mark_callee(struct check *c, const json_t *call, int depth)
{
        const char *name = json_str(call, "template");
        if (name)
                mark_exit(c, name, depth);
}

static void mark_exit(struct check *c, const char *name, int depth)
{
        struct check_name *t = check_set_find(c->templates, name, strlen(name));
        size_t i, k;
        json_t *group, *step;
        if (!t || t->from_exit || depth > 200)
                return;
        t->from_exit = true;
        json_array_foreach (json_object_get(t->body, "steps"), i, group) {
                json_array_foreach (group, k, step)
                        mark_callee(c, step, depth + 1);
        }
        json_array_foreach (json_at(t->body, "dag", "tasks"), i, step)
                mark_callee(c, step, depth + 1);
}

static void mark_exits(struct check *c)
{
        const char *on_exit = json_str(c->spec, "onExit"), *key;
        json_t *hook;
        if (on_exit)
                mark_exit(c, on_exit, 0);
        json_object_foreach (json_object_get(c->spec, "hooks"), key, hook)
                mark_callee(c, hook, 0);
}

/* ---- templates ---- */

static void collect_templates(struct check *c, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "templates");
        struct check_name *seen = NULL;
        size_t i;
        json_t *body;
        json_array_foreach (json_object_get(c->spec, "templates"), i, body) {
                struct jpath here = jpath_index(&up, i);
                const char *name = json_str(body, "name");
                bool was_there;
                check_name(c, body, "template", NAME_TEMPLATE, &seen, &here);
                note_globals(c, body);
                if (str_empty(name))
                        continue;
                struct check_name *t = check_set_add(&c->templates, name, strlen(name), &was_there);
                if (!was_there)
                        t->body = body;
        }
        check_set_free(&seen);
}

static void check_templates(struct check *c, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "templates");
        size_t i;
        json_t *body;
        json_array_foreach (json_object_get(c->spec, "templates"), i, body) {
                struct jpath here = jpath_index(&up, i);
                const char *name = json_str(body, "name");
                struct check_name *t =
                        name ? check_set_find(c->templates, name, strlen(name)) : NULL;
                check_template(c, body, t && t->from_exit, &here);
        }
}

/* ---- the spec ---- */

static void check_entrypoint(struct check *c, const struct jpath *at)
{
        const char *entry = json_str(c->spec, "entrypoint");
        struct jpath here = jpath_key(at, "entrypoint");
        if (str_empty(entry)) {
                if (!c->lenient)
                        FAIL(c, at, "E300", NULL, "spec.entrypoint is required");
                return;
        }
        struct check_name *t = check_set_find(c->templates, entry, strlen(entry));
        if (t && !c->lenient)
                check_supplied(c, t->body, entry, json_object_get(c->spec, "arguments"), &here);
        if (t || strstr(entry, "{{"))
                return;
        const char *names[200];
        size_t n = 0;
        char hint[160] = "";
        for (struct check_name *k = c->templates; k && n < ARRAY_LEN(names); k = k->hh.next)
                names[n++] = k->name;
        const char *near = str_nearest(entry, names, n);
        if (near)
                snprintf(hint, sizeof(hint), "did you mean '%.100s'?", near);
        FAIL(c, &here, "E301", near ? hint : "define it under spec.templates",
             "template name '%s' undefined", entry);
}

static void check_pod_gc(struct check *c, const struct jpath *at)
{
        static const char *const strategies[] = {"OnPodCompletion", "OnPodSuccess",
                                                 "OnWorkflowCompletion", "OnWorkflowSuccess"};
        static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
        const char *strategy = json_str(c->spec, "podGC", "strategy");
        struct jpath up = jpath_key(at, "podGC"), here = jpath_key(&up, "strategy");
        bool known = str_empty(strategy);
        size_t i;
        json_t *e;
        for (i = 0; i < ARRAY_LEN(strategies); i++)
                known = known || strcmp(strategy, strategies[i]) == 0;
        if (!known)
                FAIL(c, &here, "E005", NULL, "podGC.strategy unknown strategy '%s'", strategy);
        json_array_foreach (json_at(c->spec, "podGC", "labelSelector", "matchExpressions"), i, e) {
                const char *op = json_str(e, "operator");
                known = false;
                for (size_t k = 0; op && k < ARRAY_LEN(operators); k++)
                        known = known || strcmp(op, operators[k]) == 0;
                if (!known)
                        FAIL(c, &up, "E005", NULL,
                             "podGC.labelSelector: \"%s\" is not a valid label selector operator",
                             op ? op : "");
        }
}

static void check_pod_resources(struct check *c, const struct jpath *at)
{
        static const char *const kinds[] = {"requests", "limits"};
        struct jpath here = jpath_key(at, "podResources");
        const char *key;
        json_t *v;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                json_object_foreach (json_at(c->spec, "podResources", kinds[i]), key, v) {
                        if (strcmp(key, "cpu") != 0 && strcmp(key, "memory") != 0 &&
                            !str_starts(key, "hugepages-"))
                                FAIL(c, &here, "E005", NULL,
                                     "\"%s\" is not a valid pod-level resource, only cpu, memory "
                                     "and hugepages-* are supported",
                                     key);
                }
}

static void check_spec_tags(struct check *c, const struct jpath *at)
{
        struct check_scope s = {0};
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)c->spec, key, v) {
                struct jpath here = jpath_key(at, key);
                if (strcmp(key, "templates") != 0 && strcmp(key, "templateDefaults") != 0 &&
                    strcmp(key, "hooks") != 0)
                        check_tags(c, v, &s, &here);
        }
}

static void check_spec(struct check *c, const struct jpath *at)
{
        struct jpath arguments = jpath_key(at, "arguments");
        collect_templates(c, at);
        mark_exits(c);
        check_arguments(c, json_object_get(c->spec, "arguments"), PLACE_SPEC, &arguments);
        check_entrypoint(c, at);
        check_hooks(c, c->spec, at);
        check_pod_gc(c, at);
        check_pod_resources(c, at);
        check_spec_tags(c, at);
        check_templates(c, at);
        check_set_free(&c->templates);
        check_set_free(&c->globals);
}

/* ---- workflowTemplateRef ---- */

static const json_t *referenced_spec(struct check *c, const json_t *own, const struct jpath *at)
{
        const json_t *ref = json_object_get(own, "workflowTemplateRef");
        const char *name = json_str(ref, "name"),
                   *ns = json_str(c->object, "metadata", "namespace");
        const char *kind = json_is_true(json_object_get(ref, "clusterScope"))
                                   ? "ClusterWorkflowTemplate"
                                   : "WorkflowTemplate";
        struct jpath here = jpath_key(at, "workflowTemplateRef"),
                     templates = jpath_key(at, "templates");
        if (!json_is_object(ref))
                return NULL;
        if (json_array_size(json_object_get(own, "templates")))
                FAIL(c, &templates, "E318", NULL,
                     "templates is an invalid field in spec if the workflow refers to a "
                     "WorkflowTemplate");
        const json_t *found =
                c->lookup && c->lookup->fn
                        ? c->lookup->fn(c->lookup->arg, kind, ns ? ns : "default", name ? name : "")
                        : NULL;
        if (!found)
                FAIL(c, &here, "E317", NULL, "%s \"%s\" not found", kind, name ? name : "");
        return json_object_get(found, "spec");
}

void check_workflow(struct check *c, const json_t *spec, const struct jpath *at)
{
        size_t errors = c->d->errors;
        const json_t *referenced = referenced_spec(c, spec, at);
        if (json_is_object(json_object_get(spec, "workflowTemplateRef")) &&
            (!referenced || c->d->errors > errors))
                return;
        AUTO_JSON json_t *effective = spec_effective(spec, referenced, NULL);
        if (json_is_object(effective))
                shape_check(effective, workflow_spec_shape, at, &c->options, c->d);
        AUTO_JSON json_t *normal = spec_normal(effective);
        c->spec = normal;
        if (json_is_object(effective))
                check_spec(c, at);
        else
                FAIL(c, at, "E003", NULL, "expected a map, found %s",
                     spec ? json_kind_name(spec) : "nothing");
}

/* ---- objects ---- */

static void check_object_name(struct check *c, size_t limit)
{
        const char *name = json_str(c->object, "metadata", "name");
        struct jpath metadata = jpath_key(NULL, "metadata");
        struct jpath here = jpath_key(&metadata, "name");
        if (name && strlen(name) > limit)
                FAIL(c, &here, "E303", NULL,
                     "the name must not be more than %zu characters long (currently %zu)", limit,
                     strlen(name));
}

int wf_validate_with(const json_t *object, const struct wf_lookup *lookup,
                     const struct shape_options *options, struct diags *d)
{
        const char *kind = json_str(object, "kind");
        struct check c = {.object = object,
                          .lookup = lookup,
                          .options = *options,
                          .d = d,
                          .lint = options->lint};
        struct jpath spec = jpath_key(NULL, "spec");
        size_t before = d->errors;
        if (streq(kind, "CronWorkflow")) {
                check_object_name(&c, CRON_NAME_LIMIT);
                check_cron(&c, json_object_get(object, "spec"), &spec);
        } else {
                c.lenient =
                        streq(kind, "WorkflowTemplate") || streq(kind, "ClusterWorkflowTemplate");
                check_object_name(&c, NAME_LIMIT);
                check_workflow(&c, json_object_get(object, "spec"), &spec);
        }
        return d->errors > before ? -1 : 0;
}

int wf_validate(const json_t *object, const struct wf_lookup *lookup, bool strict, struct diags *d)
{
        struct shape_options options = {.strict = strict};
        return wf_validate_with(object, lookup, &options, d);
}
