/* workflow/spec/validate.c: every rule over one object (argo-workflows.md 4.1): workflow, template,
 * cron. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/validate.h"
#include "workflow/spec/check.h"
#include "workflow/spec/merge.h"

enum { NAME_LIMIT = 63, CRON_NAME_LIMIT = 52 };

/* ---- workflowTemplateRef ---- */

static bool find_referenced(struct check *c, const struct jpath *at)
{
        const json_t *ref = json_object_get(c->spec, "workflowTemplateRef");
        const char *name = json_str(ref, "name");
        struct jpath here = jpath_key(at, "workflowTemplateRef"),
                     templates = jpath_key(at, "templates");
        if (!json_is_object(ref))
                return true;
        if (json_array_size(json_object_get(c->spec, "templates")))
                FAIL(c, &templates, "E318", NULL,
                     "templates is an invalid field in spec if the workflow refers to a "
                     "WorkflowTemplate");
        c->referenced = check_home_find(c, ref);
        if (c->referenced)
                return true;
        if (c->options.ignore_missing)
                WARN(c, &here, "W308", NULL, "WorkflowTemplate \"%s\" is not in these files",
                     name ? name : "");
        else
                FAIL(c, &here, "E317", NULL, "%s \"%s\" not found",
                     json_is_true(json_object_get(ref, "clusterScope")) ? "ClusterWorkflowTemplate"
                                                                        : "WorkflowTemplate",
                     name ? name : "");
        return false;
}

/* The workflow's own, then what only the referenced template has. */
static json_t *merged_arguments(const json_t *own, const json_t *referenced)
{
        static const char *const kinds[] = {"parameters", "artifacts"};
        json_t *out = json_object(), *item;
        size_t i;
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                const json_t *mine = json_object_get(own, kinds[k]),
                             *theirs = json_object_get(referenced, kinds[k]);
                json_t *list =
                        json_is_array(mine) ? json_copy((json_t *)(uintptr_t)mine) : json_array();
                json_array_foreach ((json_t *)(uintptr_t)theirs, i, item) {
                        if (!check_named(mine, json_str(item, "name")))
                                json_array_append(list, item);
                }
                json_object_set_new(out, kinds[k], list);
        }
        return out;
}

/* ---- templates ---- */

static bool callee_of(const struct check *c, const char *name, struct check_callee *out)
{
        struct check_home *home =
                c->referenced ? c->referenced : (struct check_home *)(uintptr_t)&c->local;
        struct check_name *entry = check_set_find(home->templates, name, strlen(name));
        *out = (struct check_callee){.home = home, .entry = entry, .name = name};
        out->body = entry ? entry->body : NULL;
        return entry != NULL;
}

static void check_template_names(struct check *c, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "templates");
        struct check_name *seen = NULL;
        size_t i;
        json_t *body;
        json_array_foreach (json_object_get(c->spec, "templates"), i, body) {
                struct jpath here = jpath_index(&up, i);
                check_name(c, body, "template", NAME_TEMPLATE, &seen, &here);
        }
        check_set_free(&seen);
}

/* `arguments` is what it really gets; NULL: whatever it needs. The reference is where problems of
 * another resource are shown. */
static void visit(struct check *c, const char *name, const json_t *arguments, const char *field,
                  const struct jpath *at)
{
        struct check_callee callee;
        struct jpath here = jpath_key(at, field);
        if (callee_of(c, name, &callee)) {
                if (arguments)
                        check_supplied(c, callee.body, name, arguments, &here);
                check_visit(c, &callee, arguments, NULL, &here);
                return;
        }
        AUTO(mem_free)
        char *hint = check_hint(callee.home->templates, name, "define it under spec.templates");
        FAIL(c, &here, "E301", hint, "template name '%s' undefined", name);
}

static void check_entrypoint(struct check *c, const struct jpath *at)
{
        const json_t *spec = c->spec;
        const char *entry = json_str(spec, "entrypoint");
        if (str_empty(entry) && c->referenced)
                entry = json_str(c->referenced->spec, "entrypoint");
        if (!str_empty(entry))
                visit(c, entry, c->lenient ? NULL : c->arguments, "entrypoint",
                      at); /* a submit will bring them */
        else if (!c->lenient)
                FAIL(c, at, "E300", NULL, "spec.entrypoint is required");
}

static bool any_dynamic_artifact(const json_t *spec)
{
        size_t i, k;
        json_t *body, *a;
        json_array_foreach (json_object_get(spec, "templates"), i, body) {
                json_array_foreach (json_at(body, "outputs", "artifacts"), k, a) {
                        if (check_has_tag(json_str(a, "globalName")))
                                return true;
                }
        }
        return false;
}

static void check_exit(struct check *c, const struct jpath *at)
{
        const char *name = json_str(c->spec, "onExit");
        if (str_empty(name) && c->referenced)
                name = json_str(c->referenced->spec, "onExit");
        if (str_empty(name))
                return;
        c->failures_known = true;
        c->any_artifact = any_dynamic_artifact(c->spec) ||
                          (c->referenced && any_dynamic_artifact(c->referenced->spec));
        const json_t *own = json_object_get(c->spec, "arguments");
        AUTO_JSON json_t *nothing = json_object();
        visit(c, name, own ? own : nothing, "onExit", at);
}

static void check_templates(struct check *c, const struct jpath *at)
{
        const struct check_home *home = c->referenced ? c->referenced : &c->local;
        for (struct check_name *t = home->templates; t; t = t->hh.next)
                visit(c, t->name, NULL, "workflowTemplateRef", at);
}

/* ---- the spec ---- */

static void check_spec(struct check *c, const struct jpath *at)
{
        struct jpath arguments = jpath_key(at, "arguments"), shape = jpath_key(NULL, "spec");
        if (c->referenced) { /* what is not supported there is not supported here */
                struct jpath here = jpath_key(at, "workflowTemplateRef");
                AUTO_DIAGS struct diags theirs;
                diags_init(&theirs);
                shape_check(c->referenced->spec, workflow_spec_shape, &shape, &c->options, &theirs);
                for (size_t i = 0; i < theirs.n; i++)
                        if (theirs.items[i].severity == SEV_UNSUPPORTED)
                                diag_unsupported(c->d, &here, "%s: %s", c->referenced->id,
                                                 theirs.items[i].msg);
        }
        c->arguments = merged_arguments(
                json_object_get(c->spec, "arguments"),
                c->referenced ? json_object_get(c->referenced->spec, "arguments") : NULL);
        check_template_names(c, at);
        check_arguments(c, c->arguments, c->options.lint || c->lenient, &arguments);
        check_entrypoint(c, at);
        check_exit(c, at);
        check_spec_fields(c, at);
        check_templates(c, at);
        if (c->options.advice)
                check_advice(c);
}

static void free_homes(struct check *c)
{
        struct check_home *h, *next;
        HASH_ITER (hh, c->remotes, h, next) {
                HASH_DEL(c->remotes, h);
                check_home_deinit(h);
                mem_free(h);
        }
        check_home_deinit(&c->local);
        check_set_free(&c->globals);
        json_decref(c->arguments);
}

void check_workflow(struct check *c, const json_t *spec, const struct jpath *at)
{
        if (!json_is_object(spec)) {
                FAIL(c, at, "E003", NULL, "expected a map, found %s",
                     spec ? json_kind_name(spec) : "nothing");
                return;
        }
        shape_check(spec, workflow_spec_shape, at, &c->options, c->d);
        check_home_init(&c->local, mem_strdup(""), spec_normal(spec));
        c->spec = c->local.spec;
        c->spec_at = at;
        c->home = &c->local;
        if (find_referenced(c, at))
                check_spec(c, at);
        free_homes(c);
}

/* ---- objects ---- */

static void check_object(struct check *c, size_t limit)
{
        const char *name = json_str(c->object, "metadata", "name");
        const json_t *own = json_object_get(c->object, "metadata");
        struct jpath metadata = jpath_key(c->options.at, "metadata");
        struct jpath here = jpath_key(&metadata, "name");
        if (own)
                shape_check(own, object_meta_shape, &metadata, &c->options, c->d);
        if (name && strlen(name) > limit)
                FAIL(c, &here, "E303", NULL,
                     "the name must not be more than %zu characters long (currently %zu)", limit,
                     strlen(name));
}

/* Selector, arguments and metadata of a binding are expressions over the event. */
static void check_binding_expressions(struct check *c, const json_t *spec, const struct jpath *at)
{
        static const char *const plain[] = {"name", "generateName"}, *const maps[] = {
                                                                             "labels",
                                                                             "annotations"};
        const json_t *metadata = json_at(spec, "submit", "metadata");
        struct jpath event = jpath_key(at, "event"), selector = jpath_key(&event, "selector"),
                     submit = jpath_key(at, "submit"), arguments = jpath_key(&submit, "arguments"),
                     list = jpath_key(&arguments, "parameters"),
                     meta = jpath_key(&submit, "metadata");
        size_t i;
        const char *key;
        json_t *v;
        check_expression(c, json_at(spec, "event", "selector"), &selector);
        json_array_foreach (json_at(spec, "submit", "arguments", "parameters"), i, v) {
                struct jpath one = jpath_index(&list, i), from = jpath_key(&one, "valueFrom"),
                             here = jpath_key(&from, "event");
                check_expression(c, json_at(v, "valueFrom", "event"), &here);
        }
        for (i = 0; i < ARRAY_LEN(plain); i++) {
                struct jpath here = jpath_key(&meta, plain[i]);
                check_expression(c, json_object_get(metadata, plain[i]), &here);
        }
        for (i = 0; i < ARRAY_LEN(maps); i++) {
                struct jpath up = jpath_key(&meta, maps[i]);
                json_object_foreach (json_object_get(metadata, maps[i]), key, v) {
                        struct jpath here = jpath_key(&up, key);
                        check_expression(c, v, &here);
                }
        }
}

static void check_binding(struct check *c, const json_t *spec, const struct jpath *at)
{
        struct jpath event = jpath_key(at, "event"), submit = jpath_key(at, "submit"),
                     ref = jpath_key(&submit, "workflowTemplateRef");
        shape_check(spec, binding_spec_shape, at, &c->options, c->d);
        if (!check_given(json_object_get(spec, "event"), "selector"))
                FAIL(c, &event, "E004", NULL, "event.selector is required");
        check_binding_expressions(c, spec, at);
        if (!json_is_object(json_object_get(spec, "submit")))
                return;
        if (!check_given(json_at(spec, "submit", "workflowTemplateRef"), "name"))
                FAIL(c, &ref, "E004", NULL, "submit.workflowTemplateRef.name is required");
        else if (!check_home_find(c, json_at(spec, "submit", "workflowTemplateRef")))
                WARN(c, &ref, "W308", NULL, "WorkflowTemplate \"%s\" is not known here",
                     json_str(spec, "submit", "workflowTemplateRef", "name"));
        free_homes(c);
}

int wf_validate_with(const json_t *object, const struct wf_lookup *lookup,
                     const struct shape_options *options, struct diags *d)
{
        const char *kind = json_str(object, "kind");
        const json_t *own = json_object_get(object, "spec");
        struct check c = {.object = object, .lookup = lookup, .options = *options, .d = d};
        struct jpath spec = jpath_key(options->at, "spec");
        size_t before = diags_refused(d);
        check_object(&c, streq(kind, "CronWorkflow") ? CRON_NAME_LIMIT : NAME_LIMIT);
        if (streq(kind, "CronWorkflow"))
                check_cron(&c, own, &spec);
        else if (streq(kind, "WorkflowEventBinding"))
                check_binding(&c, own, &spec);
        else {
                c.lenient =
                        streq(kind, "WorkflowTemplate") || streq(kind, "ClusterWorkflowTemplate");
                check_workflow(&c, own, &spec);
        }
        return diags_refused(d) > before ? -1 : 0;
}

int wf_validate(const json_t *object, const struct wf_lookup *lookup, bool strict, struct diags *d)
{
        struct shape_options options = {.strict = strict};
        return wf_validate_with(object, lookup, &options, d);
}
