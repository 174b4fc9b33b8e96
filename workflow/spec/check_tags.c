/* workflow/spec/check_tags.c: rule 27: simple tags that nothing will ever resolve.
 *
 * Only names with Argo's prefixes are looked at (anything else between braces belongs to the user's
 * own text), and only those are errors that cannot be there at that place: outputs of later steps,
 * of tasks that are no ancestors, undeclared parameters. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/tag.h"
#include "workflow/spec/check.h"

enum { TAGS_MAX_DEPTH = 64 };

struct tag_walk {
        struct check *c;
        const struct check_scope *s;
        const struct jpath *at;
        char hint[240]; /* why the tag under work is not known */
};

static bool cut(struct str *s, const char *prefix)
{
        size_t n = strlen(prefix);
        if (s->n < n || memcmp(s->p, prefix, n) != 0)
                return false;
        *s = (struct str){s->p + n, s->n - n};
        return true;
}

static const json_t *named(const json_t *list, struct str name)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                const char *own = json_str(item, "name");
                if (own && str_eq(name, own))
                        return item;
        }
        return NULL;
}

static bool ends_with(struct str *s, const char *suffix)
{
        size_t n = strlen(suffix);
        if (s->n <= n || memcmp(s->p + s->n - n, suffix, n) != 0)
                return false;
        s->n -= n;
        return true;
}

/* ---- workflow. ---- */

static bool known_global_output(const struct check *c, struct str kind_and_name)
{
        return c->global_unknown || check_set_find(c->globals, kind_and_name.p, kind_and_name.n);
}

static bool known_map(const struct check *c, const char *map, struct str name)
{
        char *key = mem_strndup(name.p, name.n);
        bool found = json_at(c->object, "metadata", map, key) ||
                     json_at(c->spec, "workflowMetadata", map, key) ||
                     json_at(c->spec, "workflowMetadata", "labelsFrom", key);
        mem_free(key);
        return found || c->lenient;
}

static bool known_workflow(const struct tag_walk *w, struct str name)
{
        static const char *const fixed[] = {
                "name",     "namespace",     "uid",         "mainEntrypoint",  "serviceAccountName",
                "duration", "scheduledTime", "status",      "parameters",      "parameters.json",
                "labels",   "labels.json",   "annotations", "annotations.json"};
        const struct check *c = w->c;
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                if (str_eq(name, fixed[i]))
                        return true;
        if (str_eq(name, "priority"))
                return json_is_integer(json_object_get(c->spec, "priority"));
        if (str_eq(name, "failures"))
                return w->s->from_exit;
        if (cut(&name, "creationTimestamp"))
                return true;
        if (cut(&name, "parameters."))
                return c->lenient || named(json_at(c->spec, "arguments", "parameters"), name);
        if (cut(&name, "artifacts."))
                return c->lenient || named(json_at(c->spec, "arguments", "artifacts"), name);
        if (cut(&name, "labels."))
                return known_map(c, "labels", name);
        if (cut(&name, "annotations."))
                return known_map(c, "annotations", name);
        if (cut(&name, "outputs."))
                return known_global_output(c, name);
        return false;
}

/* ---- inputs., outputs. ---- */

static bool known_input(struct tag_walk *w, struct str name)
{
        const json_t *inputs = json_object_get(w->s->template, "inputs");
        if (str_eq(name, "parameters"))
                return true;
        snprintf(w->hint, sizeof(w->hint), "declare it under inputs of this template");
        if (cut(&name, "parameters."))
                return named(json_object_get(inputs, "parameters"), name);
        if (!cut(&name, "artifacts."))
                return false;
        if (named(json_object_get(inputs, "artifacts"), name))
                return true;
        return ends_with(&name, ".path") && named(json_object_get(inputs, "artifacts"), name);
}

/* ---- steps., tasks. ---- */

static bool has_output(enum tmpl_type type)
{
        return type != TMPL_STEPS && type != TMPL_DAG && type != TMPL_SUSPEND &&
               type != TMPL_RESOURCE;
}

static bool known_step_output(const struct check_known *k, struct str name)
{
        const json_t *outputs = json_object_get(k->callee, "outputs");
        enum tmpl_type type = tmpl_type_of(k->callee);
        if (str_eq(name, "result"))
                return has_output(type) || json_str(outputs, "result");
        if (str_eq(name, "parameters"))
                return k->loops;
        if (cut(&name, "parameters."))
                return named(json_object_get(outputs, "parameters"), name);
        if (cut(&name, "artifacts."))
                return named(json_object_get(outputs, "artifacts"), name) ||
                       (!json_object_get(outputs, "artifacts") && name.n > 5 &&
                        memcmp(name.p + name.n - 5, "-logs", 5) == 0);
        return false;
}

static bool known_step(struct tag_walk *w, struct str name)
{
        static const char *const fixed[] = {"id",           "startedAt", "finishedAt",
                                            "hostNodeName", "status",    "exitCode"};
        const char *dot = memchr(name.p, '.', name.n);
        const struct check_known *k = NULL;
        if (!dot)
                return false;
        struct str step = {name.p, (size_t)(dot - name.p)},
                   rest = {dot + 1, name.n - (size_t)(dot + 1 - name.p)};
        for (size_t i = 0; i < w->s->n_known; i++)
                if (str_eq(step, w->s->known[i].name) || strstr(w->s->known[i].name, "{{"))
                        k = &w->s->known[i];
        if (!k) {
                snprintf(w->hint, sizeof(w->hint), "%s",
                         strcmp(w->s->prefix, "steps") == 0
                                 ? "only steps of earlier groups of the same template can be named"
                                 : "only tasks that this one depends on can be named");
                return false;
        }
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                if (str_eq(rest, fixed[i]))
                        return true;
        if (!k->callee)
                return true;
        if (str_eq(rest, "ip"))
                return json_is_true(json_object_get(k->callee, "daemon"));
        struct str output = rest;
        if (cut(&output, "outputs.") && known_step_output(k, output))
                return true;
        const char *callee = json_str(k->callee, "name");
        snprintf(w->hint, sizeof(w->hint), "the template of %s%s%s%s declares no %.*s", k->name,
                 callee ? " (" : "", callee ? callee : "", callee ? ")" : "", (int)rest.n, rest.p);
        return false;
}

/* ---- item ---- */

static bool known_item(const struct tag_walk *w, struct str name)
{
        const json_t *items = json_object_get(w->s->looping, "withItems");
        size_t i;
        json_t *item;
        if (!w->s->looping)
                return false;
        if (w->s->any_item || !name.n || !json_array_size(items))
                return true;
        json_array_foreach ((json_t *)(uintptr_t)items, i, item) {
                if (json_is_object(item) && json_object_getn(item, name.p, name.n))
                        return true;
                if (json_is_string(item) && strstr(json_string_value(item), "{{"))
                        return true;
        }
        return false;
}

/* ---- one tag ---- */

static bool is_known(struct tag_walk *w, struct str tag)
{
        const struct check_scope *s = w->s;
        struct str rest = tag;
        if (str_eq(tag, "steps.name") || str_eq(tag, "tasks.name") || str_eq(tag, "node.name"))
                return true;
        if (cut(&rest, "item."))
                return known_item(w, rest);
        if (cut(&rest, "workflow."))
                return known_workflow(w, rest);
        if (cut(&rest, "inputs."))
                return known_input(w, rest);
        if (cut(&rest, "outputs."))
                return true;
        if (cut(&rest, "pod."))
                return s->leaf && str_eq(rest, "name");
        if (cut(&rest, "steps."))
                return s->prefix && strcmp(s->prefix, "steps") == 0 && known_step(w, rest);
        if (cut(&rest, "tasks."))
                return s->prefix && strcmp(s->prefix, "tasks") == 0 && known_step(w, rest);
        return true; /* not a name of ours */
}

static bool is_ours(struct str tag)
{
        static const char *const prefixes[] = {"item.",    "steps.", "tasks.",   "inputs.",
                                               "outputs.", "pod.",   "workflow."};
        struct str rest = tag;
        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
                if (cut(&rest, prefixes[i]))
                        return true;
        return false;
}

static void on_tag(void *arg, struct str tag, struct str inner, bool is_expr)
{
        struct tag_walk *w = arg;
        if (is_expr) {
                FAIL(w->c, w->at, "E007", NULL, "not supported yet: expression tag {{%.*s}}",
                     (int)tag.n, tag.p);
                return;
        }
        bool nested = inner.p != tag.p || inner.n != tag.n;
        if (nested && is_ours(inner) && is_known(w, inner))
                return;
        w->hint[0] = 0;
        if (is_ours(tag) ? nested || !is_known(w, tag) : !is_known(w, inner))
                FAIL(w->c, w->at, "E305", w->hint[0] ? w->hint : NULL, "failed to resolve {{%.*s}}",
                     (int)tag.n, tag.p);
}

/* "{{workflow.name" without an end. */
static void check_unclosed(struct tag_walk *w, const char *text)
{
        const char *open = NULL;
        for (const char *p = text; (p = strstr(p, "{{")); p += 2)
                open = p;
        if (open && !strstr(open, "}}") && is_ours(str_trim(str_of(open + 2))))
                FAIL(w->c, w->at, "E305", NULL, "a tag is not closed: %.60s", open);
}

static void walk(struct tag_walk *w, const json_t *j, const struct jpath *at, int depth)
{
        const char *key;
        json_t *v;
        size_t i;
        if (depth > TAGS_MAX_DEPTH)
                return;
        if (json_is_string(j)) {
                w->at = at;
                tag_each(json_string_value(j), json_string_length(j), on_tag, w);
                check_unclosed(w, json_string_value(j));
        } else if (json_is_array(j)) {
                json_array_foreach ((json_t *)(uintptr_t)j, i, v) {
                        struct jpath here = jpath_index(at, i);
                        walk(w, v, &here, depth + 1);
                }
        } else if (json_is_object(j)) {
                json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                        struct jpath here = jpath_key(at, key);
                        walk(w, v, &here, depth + 1);
                }
        }
}

void check_tags(struct check *c, const json_t *tree, const struct check_scope *s,
                const struct jpath *at)
{
        struct tag_walk w = {.c = c, .s = s};
        if (tree)
                walk(&w, tree, at, 0);
}
