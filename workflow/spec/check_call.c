/* workflow/spec/check_call.c: what steps, tasks and hooks share: which template, loops, conditions,
 * hooks. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/when.h"
#include "workflow/spec/check.h"

bool check_aggregates(const json_t *task)
{
        return json_array_size(json_object_get(task, "withItems")) ||
               !str_empty(json_str(task, "withParam"));
}

bool check_loops(const json_t *task)
{
        return check_aggregates(task) || json_is_object(json_object_get(task, "withSequence"));
}

bool check_exit_hook(const json_t *task)
{
        return json_is_object(json_at(task, "hooks", "exit")) || check_given(task, "onExit");
}

/* ---- which template ---- */

static bool resolve_remote(struct check *c, const json_t *ref, const struct check_scope *s,
                           const struct jpath *at, struct check_callee *out)
{
        struct jpath here = jpath_key(at, "templateRef");
        const char *raw_name = json_str(ref, "name"), *raw_template = json_str(ref, "template");
        if (str_empty(raw_name) || str_empty(raw_template)) {
                FAIL(c, &here, "E301", NULL,
                     str_empty(raw_name) ? "resource name is required"
                                         : "template name is required");
                return false;
        }
        AUTO(mem_free) char *name = check_subst(c, s, raw_name);
        AUTO(mem_free) char *template = check_subst(c, s, raw_template);
        if (strstr(name, "{{") || strstr(template, "{{"))
                return false; /* known when it runs */
        AUTO_JSON json_t *resolved = json_copy((json_t *)(uintptr_t)ref);
        json_object_set_new(resolved, "name", json_string(name));
        struct check_home *home =
                strchr(name, CHECK_PLACEHOLDER) ? NULL : check_home_find(c, resolved);
        out->entry = home ? check_set_find(home->templates, template, strlen(template)) : NULL;
        if (out->entry) {
                out->home = home;
                out->body = out->entry->body;
                out->name = out->entry->name;
                return true;
        }
        if (strchr(template, CHECK_PLACEHOLDER) && !strstr(raw_template, "{{="))
                return false;
        bool elsewhere = c->home != &c->local; /* the recorded cases have such references */
        if (!home && (c->options.ignore_missing || elsewhere))
                WARN(c, &here, "W308", NULL, "template reference %s.%s not found%s", raw_name,
                     raw_template, elsewhere ? "" : " in these files");
        else
                FAIL(c, &here, "E301",
                     home ? "the resource exists and has no such template"
                          : "there is no such resource",
                     "template reference %s.%s not found", raw_name, raw_template);
        return false;
}

static bool resolve_local(struct check *c, const json_t *ref, const struct check_scope *s,
                          const struct jpath *at, struct check_callee *out)
{
        struct jpath here = jpath_key(at, "template");
        const char *raw = json_str(ref, "template") ? json_str(ref, "template") : "";
        AUTO(mem_free) char *name = check_subst(c, s, raw);
        out->entry = check_set_find(c->home->templates, name, strlen(name));
        if (out->entry) {
                out->home = c->home;
                out->body = out->entry->body;
                out->name = out->entry->name;
                return true;
        }
        AUTO(mem_free)
        char *hint = check_hint(c->home->templates, raw, "define it under spec.templates");
        if (strchr(name, CHECK_PLACEHOLDER))
                FAIL(c, &here, "E301", "use templateRef for templates that are chosen when it runs",
                     "template name '%s' undefined: a name cannot come from an input", raw);
        else
                FAIL(c, &here, "E301", hint, "template name '%s' undefined", raw);
        return false;
}

bool check_resolve(struct check *c, const json_t *ref, const struct check_scope *s,
                   const struct jpath *at, struct check_callee *out)
{
        const json_t *remote = json_object_get(ref, "templateRef"),
                     *inlined = json_object_get(ref, "inline");
        bool named = check_given(ref, "template");
        *out = (struct check_callee){0};
        if (json_is_object(remote) && named) {
                FAIL(c, at, "E301", NULL, "only one of template and templateRef may be given");
                return false;
        }
        if (json_is_object(inlined)) {
                if (json_is_object(remote) || named)
                        WARN(c, at, "W305", NULL,
                             "the inline template wins over template and templateRef");
                if (named && !resolve_local(c, ref, s, at, out))
                        return false;
                *out = (struct check_callee){.body = inlined, .name = "inline", .home = c->home};
                return true;
        }
        if (json_is_object(remote))
                return resolve_remote(c, remote, s, at, out);
        if (named)
                return resolve_local(c, ref, s, at, out);
        FAIL(c, at, "E301", NULL,
             "failed to get a template: one of template, templateRef and inline is needed");
        return false;
}

/* ---- loops and conditions ---- */

static void check_param_list(struct check *c, const char *param, const struct jpath *at)
{
        struct jpath here = jpath_key(at, "withParam");
        struct err why = {0};
        json_t *list = NULL;
        if (strstr(param, "{{"))
                return;
        if (json_parse(&list, param, strlen(param), &why) < 0 || !json_is_array(list))
                WARN(c, &here, "W304", NULL, "withParam is no JSON list");
        json_decref(list);
        err_clear(&why);
}

static void add_item_keys(struct check_scope *s, const json_t *items)
{
        const char *key;
        json_t *item, *v;
        size_t i;
        bool was_there;
        json_array_foreach ((json_t *)(uintptr_t)items, i, item) {
                json_object_foreach (item, key, v)
                        check_set_add(&s->items, key, strlen(key), &was_there);
                for (size_t k = 0; k < json_array_size(item); k++) {
                        char name[32];
                        int n = snprintf(name, sizeof(name), "[%zu]", k);
                        check_set_add(&s->items, name, (size_t)n, &was_there);
                }
        }
}

void check_items(struct check *c, const json_t *task, struct check_scope *s, const struct jpath *at)
{
        const json_t *items = json_object_get(task, "withItems"),
                     *sequence = json_object_get(task, "withSequence");
        const char *param = json_str(task, "withParam");
        struct jpath here = jpath_key(at, "withSequence");
        if ((json_array_size(items) > 0) + !str_empty(param) + json_is_object(sequence) > 1) {
                FAIL(c, at, "E315", NULL,
                     "only one of withItems, withParam, withSequence can be specified");
                return;
        }
        add_item_keys(s, items);
        if (!str_empty(param)) {
                s->any_item = true;
                check_param_list(c, param, at);
        }
        if (!json_is_object(sequence))
                return;
        bool count = check_has_value(sequence, "count"), end = check_has_value(sequence, "end");
        if (count && end)
                FAIL(c, &here, "E315", NULL,
                     "only one of count or end can be defined in withSequence");
        if (!count && !end)
                WARN(c, &here, "W304", NULL, "must have count or end in withSequence");
}

void check_when(struct check *c, const json_t *task, const struct jpath *at)
{
        const char *when = json_str(task, "when");
        struct jpath here = jpath_key(at, "when");
        struct err why = {0};
        bool yes;
        if (str_empty(when) || strstr(when, "{{="))
                return;
        bool dynamic = strstr(when, "{{") != NULL;
        if ((dynamic ? when_check(when, &why)
                     : when_eval(&yes, when, WHEN_WORDS_ARE_STRINGS, &why)) == 0)
                return;
        WARN(c, &here, "W301", "put values with other characters than letters and digits in quotes",
             "%s", err_msg(&why));
        err_clear(&why);
}

/* ---- hooks: Argo only wants the expression; the rest is found when it runs ---- */

static void check_hook_template(struct check *c, const json_t *hook, const struct jpath *at)
{
        static const struct check_scope nothing;
        struct check_callee callee;
        c->demoted++;
        const char *name = json_str(hook, "template");
        if (!name || !strstr(name, "{{"))
                check_resolve(c, hook, &nothing, at, &callee);
        if (json_is_object(json_object_get(hook, "arguments"))) {
                struct jpath here = jpath_key(at, "arguments");
                check_arguments(c, json_object_get(hook, "arguments"), false, &here);
        }
        c->demoted--;
}

void check_hooks(struct check *c, const json_t *holder, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "hooks"), old = jpath_key(at, "onExit");
        const char *key, *on_exit = json_str(holder, "onExit");
        json_t *hook;
        json_object_foreach (json_object_get(holder, "hooks"), key, hook) {
                struct jpath here = jpath_key(&up, key);
                if (strcmp(key, "exit") != 0) {
                        if (!check_given(hook, "expression"))
                                FAIL(c, &here, "E314", NULL,
                                     "Expression required: a hook that is not 'exit' needs an "
                                     "expression");
                }
                check_hook_template(c, hook, &here);
        }
        if (holder == c->spec || str_empty(on_exit) || strstr(on_exit, "{{") ||
            check_set_find(c->home->templates, on_exit, strlen(on_exit)))
                return;
        AUTO(mem_free)
        char *hint = check_hint(c->home->templates, on_exit, "define it under spec.templates");
        WARN(c, &old, "W307", hint, "template name '%s' undefined: found only when it runs",
             on_exit);
}

/* ---- what a step gives ---- */

static void note_global(struct check *c, struct check_scope *s, const json_t *item, bool parameter)
{
        const char *name = json_str(item, "globalName");
        bool was_there;
        if (str_empty(name))
                return;
        if (check_has_tag(name)) {
                *(parameter ? &s->any_parameter : &s->any_artifact) = true;
                return;
        }
        char *key = mem_printf("%s.%s", parameter ? "parameters" : "artifacts", name);
        check_set_add(&c->globals, key, strlen(key), &was_there);
        mem_free(key);
}

void check_add_outputs(struct check *c, const json_t *callee, struct check_scope *s)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_at(callee, "outputs", "parameters"), i, item)
                note_global(c, s, item, true);
        json_array_foreach (json_at(callee, "outputs", "artifacts"), i, item)
                note_global(c, s, item, false);
}
