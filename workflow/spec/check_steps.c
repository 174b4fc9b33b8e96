/* workflow/spec/check_steps.c: steps, and the rules that steps and tasks share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/when.h"
#include "workflow/spec/check.h"

bool check_loops(const json_t *task)
{
        return json_array_size(json_object_get(task, "withItems")) ||
               !str_empty(json_str(task, "withParam")) ||
               json_is_object(json_object_get(task, "withSequence"));
}

/* ---- which template ---- */

static const json_t *find_remote(struct check *c, const json_t *ref, bool *found_resource)
{
        const char *name = json_str(ref, "name"), *template = json_str(ref, "template"),
                   *ns = json_str(c->object, "metadata", "namespace");
        const char *kind = json_is_true(json_object_get(ref, "clusterScope"))
                                   ? "ClusterWorkflowTemplate"
                                   : "WorkflowTemplate";
        const json_t *o = c->lookup && c->lookup->fn
                                  ? c->lookup->fn(c->lookup->arg, kind, ns ? ns : "default", name)
                                  : NULL;
        size_t i;
        json_t *t;
        *found_resource = o != NULL;
        json_array_foreach (json_at(o, "spec", "templates"), i, t) {
                if (streq(json_str(t, "name"), template))
                        return t;
        }
        return NULL;
}

static bool is_dynamic(const char *name)
{
        return name && strstr(name, "{{");
}

static const json_t *check_remote(struct check *c, const json_t *ref, const char **callee_name,
                                  const struct jpath *at)
{
        const char *name = json_str(ref, "name"), *template = json_str(ref, "template");
        struct jpath here = jpath_key(at, "templateRef");
        bool found;
        *callee_name = template;
        if (str_empty(name) || str_empty(template)) {
                FAIL(c, &here, "E301", NULL,
                     str_empty(name) ? "resource name is required" : "template name is required");
                return NULL;
        }
        if (is_dynamic(name) || is_dynamic(template))
                return NULL;
        const json_t *body = find_remote(c, ref, &found);
        if (!body)
                FAIL(c, &here, "E301",
                     found ? "the resource exists and has no such template"
                           : "there is no such resource",
                     "template reference %s.%s not found", name, template);
        return body;
}

/* Names that are near, for "did you mean". */
static void undefined(struct check *c, const char *name, bool only_warn, const struct jpath *at)
{
        const char *names[200];
        size_t n = 0;
        char hint[160] = "";
        for (struct check_name *t = c->templates; t && n < ARRAY_LEN(names); t = t->hh.next)
                names[n++] = t->name;
        const char *near = str_nearest(name, names, n);
        if (near)
                snprintf(hint, sizeof(hint), "did you mean '%.100s'?", near);
        const char *advice = near ? hint : "define it under spec.templates";
        if (only_warn)
                diag_warn(c->d, at, "W307", advice,
                          "template name '%s' undefined: found only when it runs", name);
        else
                FAIL(c, at, "E301", advice, "template name '%s' undefined", name);
}

static const json_t *find_callee(struct check *c, const json_t *ref, const char **name,
                                 const struct jpath *at)
{
        const json_t *remote = json_object_get(ref, "templateRef"),
                     *inlined = json_object_get(ref, "inline");
        struct jpath here = jpath_key(at, "template");
        size_t n = !str_empty(json_str(ref, "template"));
        n += json_is_object(remote);
        n += json_is_object(inlined);
        if (!n)
                FAIL(c, at, "E301", NULL,
                     "failed to get a template: one of template, templateRef and inline is needed");
        else if (n > 1 && !json_is_object(inlined))
                FAIL(c, at, "E301", NULL, "only one of template and templateRef may be given");
        else if (n > 1)
                diag_warn(c->d, at, "W305", NULL,
                          "the inline template wins over template and templateRef");
        if (!n || (n > 1 && !json_is_object(inlined)))
                return NULL;
        if (json_is_object(inlined)) {
                *name = "inline";
                return inlined;
        }
        if (json_is_object(remote))
                return check_remote(c, remote, name, at);
        *name = json_str(ref, "template");
        if (is_dynamic(*name))
                return NULL;
        struct check_name *t = check_set_find(c->templates, *name, strlen(*name));
        if (!t)
                undefined(c, *name, false, &here);
        return t ? t->body : NULL;
}

/* ---- loops and conditions ---- */

static void check_sequence(struct check *c, const json_t *s, const struct jpath *at)
{
        bool count = json_object_get(s, "count") != NULL, end = json_object_get(s, "end") != NULL;
        struct jpath here = jpath_key(at, "withSequence");
        if (count && end)
                FAIL(c, &here, "E315", NULL,
                     "only one of count or end can be defined in withSequence");
        if (!count && !end)
                diag_warn(c->d, &here, "W304", NULL, "must have count or end in withSequence");
}

static void check_loop(struct check *c, const json_t *task, const struct jpath *at)
{
        const char *param = json_str(task, "withParam");
        size_t n = (json_array_size(json_object_get(task, "withItems")) > 0) + !str_empty(param) +
                   json_is_object(json_object_get(task, "withSequence"));
        struct jpath here = jpath_key(at, "withParam");
        if (n > 1)
                FAIL(c, at, "E315", NULL,
                     "only one of withItems, withParam, withSequence can be specified");
        if (json_is_object(json_object_get(task, "withSequence")))
                check_sequence(c, json_object_get(task, "withSequence"), at);
        if (!str_empty(param) && !strstr(param, "{{")) {
                json_t *list = NULL;
                struct err why = {0};
                if (json_parse(&list, param, strlen(param), &why) < 0 || !json_is_array(list))
                        diag_warn(c->d, &here, "W304", NULL, "withParam is no JSON list");
                json_decref(list);
                err_clear(&why);
        }
}

static void check_when(struct check *c, const json_t *task, const struct jpath *at)
{
        const char *when = json_str(task, "when");
        struct jpath here = jpath_key(at, "when");
        struct err why = {0};
        if (str_empty(when) || strstr(when, "{{=") || when_check(when, &why) == 0)
                return;
        diag_warn(c->d, &here, "W301",
                  "put values with other characters than letters and digits in quotes", "%s",
                  err_msg(&why));
        err_clear(&why);
}

/* ---- hooks ---- */

static void check_hook(struct check *c, const json_t *hook, const struct jpath *at)
{
        const char *name = NULL;
        struct jpath here = jpath_key(at, "arguments");
        const json_t *callee = find_callee(c, hook, &name, at);
        check_arguments(c, json_object_get(hook, "arguments"), PLACE_CALL, &here);
        if (callee && json_object_get(hook, "arguments"))
                check_supplied(c, callee, name, json_object_get(hook, "arguments"), at);
}

void check_hooks(struct check *c, const json_t *holder, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "hooks"), old = jpath_key(at, "onExit");
        const char *key, *on_exit = json_str(holder, "onExit");
        json_t *hook;
        json_object_foreach (json_object_get(holder, "hooks"), key, hook) {
                struct jpath here = jpath_key(&up, key);
                if (strcmp(key, "exit") != 0) {
                        if (str_empty(json_str(hook, "expression")))
                                FAIL(c, &here, "E314", NULL,
                                     "Expression required: a hook that is not 'exit' needs an "
                                     "expression");
                        FAIL(c, &here, "E007", NULL,
                             "not supported yet: field hooks.%s (only hooks.exit is)", key);
                }
                check_hook(c, hook, &here);
        }
        if (!str_empty(on_exit) && !is_dynamic(on_exit) &&
            !check_set_find(c->templates, on_exit, strlen(on_exit)))
                undefined(c, on_exit, holder != c->spec, &old);
}

/* ---- a call ---- */

const json_t *check_call(struct check *c, const json_t *task, bool from_exit,
                         const struct jpath *at)
{
        const char *name = NULL;
        struct jpath here = jpath_key(at, "arguments"), inlined = jpath_key(at, "inline");
        const json_t *callee = find_callee(c, task, &name, at);
        check_arguments(c, json_object_get(task, "arguments"), PLACE_CALL, &here);
        if (callee)
                check_supplied(c, callee, name, json_object_get(task, "arguments"), at);
        if (json_is_object(json_object_get(task, "inline")) && c->inline_depth < 16) {
                c->inline_depth++;
                check_template(c, json_object_get(task, "inline"), from_exit, &inlined);
                c->inline_depth--;
        }
        check_loop(c, task, at);
        check_when(c, task, at);
        check_hooks(c, task, at);
        return callee;
}

/* The tags of a step or task; inside its hooks its own outputs are known too (s->known[s->n_known]
 * is itself). */
void check_call_tags(struct check *c, const json_t *task, struct check_scope *s,
                     const struct jpath *at)
{
        const char *key;
        json_t *v;
        size_t n = s->n_known;
        s->looping = check_loops(task) ? task : NULL;
        s->any_item = !str_empty(json_str(task, "withParam"));
        json_object_foreach ((json_t *)(uintptr_t)task, key, v) {
                struct jpath here = jpath_key(at, key);
                if (strcmp(key, "inline") == 0)
                        continue;
                s->n_known = n + (strcmp(key, "hooks") == 0);
                check_tags(c, v, s, &here);
        }
        s->n_known = n;
        s->looping = NULL;
        s->any_item = false;
}

void check_steps(struct check *c, const json_t *body, bool from_exit, const struct jpath *at)
{
        const json_t *groups = json_object_get(body, "steps");
        struct check_name *seen = NULL;
        struct check_known *known = NULL;
        size_t n = 0, cap = 0, i, k;
        json_t *group, *step;
        struct jpath up = jpath_key(at, "steps");
        struct check_scope s = {.template = body, .prefix = "steps", .from_exit = from_exit};
        json_array_foreach (groups, i, group) {
                struct jpath outer = jpath_index(&up, i);
                size_t before = n;
                json_array_foreach (group, k, step) {
                        struct jpath here = jpath_index(&outer, k);
                        const char *name = json_str(step, "name");
                        check_name(c, step, "step", NAME_TEMPLATE, &seen, &here);
                        mem_grow(known, cap, n + 2);
                        known[n++] = (struct check_known){name ? name : "",
                                                          check_call(c, step, from_exit, &here),
                                                          check_loops(step)};
                }
                size_t first = before;
                json_array_foreach (group, k, step) {
                        struct jpath here = jpath_index(&outer, k);
                        struct check_known self = known[first + k], other = known[before];
                        known[before] =
                                self; /* what a hook may name: earlier groups and its own step */
                        s.known = known;
                        s.n_known = before;
                        check_call_tags(c, step, &s, &here);
                        known[before] = other;
                }
        }
        s.known = known;
        s.n_known = n;
        up = jpath_key(at, "outputs");
        check_tags(c, json_object_get(body, "outputs"), &s, &up);
        mem_free(known);
        check_set_free(&seen);
}
