/* workflow/spec/check_tags.c: rule 27: simple tags that nothing will ever resolve.
 *
 * Only names with Argo's prefixes are looked at (anything else between braces belongs to the user's
 * own text), and only those are errors that cannot be there at that place. Argo checks a template
 * whose inputs and workflow parameters are put in already: so the tags inside such a value count,
 * and a tag in a tag is looked up once it is put together. Of expressions only the grammar is
 * looked at. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/tag.h"
#include "common/lang/tagexpr.h"
#include "workflow/spec/check.h"

enum { TAGS_MAX_DEPTH = 64, TAGS_MAX_VALUE_DEPTH = 8 };

struct tag_walk {
        struct check *c;
        const struct check_scope *s;
        const struct jpath *at;
        const char *text; /* the string under work */
        int depth;        /* values of parameters inside values of parameters */
        char hint[240];   /* why the tag under work is not known */
};

static bool cut(struct str *s, const char *prefix)
{
        size_t n = strlen(prefix);
        if (s->n < n || memcmp(s->p, prefix, n) != 0)
                return false;
        *s = (struct str){s->p + n, s->n - n};
        return true;
}

static bool begins(struct str s, const char *prefix)
{
        return cut(&s, prefix);
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

static bool known_map(const struct check *c, const char *map, struct str name)
{
        const json_t *home = c->referenced ? c->referenced->spec : NULL;
        AUTO(mem_free) char *key = mem_strndup(name.p, name.n);
        bool labels = strcmp(map, "labels") == 0;
        return json_at(c->object, "metadata", map, key) ||
               json_at(c->object, "spec", "workflowMetadata", map, key) ||
               json_at(c->spec, "workflowMetadata", map, key) ||
               json_at(home, "workflowMetadata", map, key) ||
               (labels && (json_at(c->spec, "workflowMetadata", "labelsFrom", key) ||
                           json_at(home, "workflowMetadata", "labelsFrom", key)));
}

static bool known_workflow(const struct tag_walk *w, struct str name)
{
        static const char *const fixed[] = {
                "name",   "namespace", "uid",         "mainEntrypoint", "serviceAccountName",
                "status", "labels",    "labels.json", "annotations",    "annotations.json"};
        const struct check *c = w->c;
        const json_t *parameters = json_object_get(c->arguments, "parameters");
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                if (str_eq(name, fixed[i]))
                        return true;
        if (begins(name, "creationTimestamp") || begins(name, "scheduledTime") ||
            begins(name, "duration"))
                return true;
        if (str_eq(name, "priority"))
                return json_is_integer(json_object_get(c->spec, "priority"));
        if (str_eq(name, "failures"))
                return c->failures_known;
        if (begins(name, "parameters") && c->lenient)
                return true;
        if (str_eq(name, "parameters") || str_eq(name, "parameters.json"))
                return json_array_size(parameters) > 0;
        if (cut(&name, "parameters."))
                return named(parameters, name);
        if (cut(&name, "labels."))
                return known_map(c, "labels", name);
        if (cut(&name, "annotations."))
                return known_map(c, "annotations", name);
        if (!cut(&name, "outputs."))
                return false;
        return check_set_find(c->globals, name.p, name.n) ||
               (begins(name, "parameters.") && w->s->any_parameter) ||
               (begins(name, "artifacts.") && w->s->any_artifact);
}

/* ---- inputs. ---- */

static bool known_input(struct tag_walk *w, const struct check_scope *s, struct str name)
{
        const json_t *inputs = json_object_get(s->template, "inputs");
        if (str_eq(name, "parameters"))
                return json_array_size(json_object_get(inputs, "parameters")) > 0;
        snprintf(w->hint, sizeof(w->hint), "declare it under inputs of this template");
        if (cut(&name, "parameters."))
                return named(json_object_get(inputs, "parameters"), name) ||
                       named(json_at(s->inlined, "inputs", "parameters"), name) ||
                       (s->outer &&
                        known_input(w, s->outer, (struct str){name.p - 11, name.n + 11}));
        if (!cut(&name, "artifacts."))
                return false;
        if (named(json_object_get(inputs, "artifacts"), name))
                return true;
        return check_is_leaf(s->type) && ends_with(&name, ".path") &&
               named(json_object_get(inputs, "artifacts"), name);
}

/* ---- steps., tasks. ---- */

static bool has_result(const json_t *callee)
{
        enum tmpl_type type = tmpl_type_of(callee);
        if (type == TMPL_CONTAINER_SET)
                return check_named(json_at(callee, "containerSet", "containers"), "main");
        return type == TMPL_CONTAINER || type == TMPL_SCRIPT || type == TMPL_DATA ||
               type == TMPL_HTTP || type == TMPL_PLUGIN;
}

static bool known_step_output(const struct check_known *k, struct str name)
{
        const json_t *outputs = json_object_get(k->callee, "outputs");
        if (str_eq(name, "result"))
                return has_result(k->callee) ||
                       (k->loops && tmpl_type_of(k->callee) == TMPL_CONTAINER_SET);
        if (str_eq(name, "parameters"))
                return k->loops;
        if (cut(&name, "parameters."))
                return named(json_object_get(outputs, "parameters"), name);
        return cut(&name, "artifacts.") && named(json_object_get(outputs, "artifacts"), name);
}

static bool known_of(const struct check_known *k, struct str rest)
{
        static const char *const fixed[] = {"id", "startedAt", "finishedAt", "hostNodeName"};
        if (str_eq(rest, "status"))
                return k->status;
        if (!k->outputs)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                if (str_eq(rest, fixed[i]))
                        return true;
        if (!k->callee)
                return false;
        if (str_eq(rest, "ip"))
                return json_is_true(json_object_get(k->callee, "daemon"));
        if (str_eq(rest, "exitCode"))
                return has_result(k->callee);
        return cut(&rest, "outputs.") && known_step_output(k, rest);
}

static bool known_step(struct tag_walk *w, struct str name)
{
        const char *dot = memchr(name.p, '.', name.n);
        if (!dot)
                return false;
        struct str step = {name.p, (size_t)(dot - name.p)},
                   rest = {dot + 1, name.n - (size_t)(dot + 1 - name.p)};
        if (w->s->dynamic_names)
                return true;
        const struct check_name *entry = check_set_find(w->s->names, step.p, step.n);
        const struct check_known *k = entry ? &w->s->known[entry->index] : NULL;
        if (k && known_of(k, rest)) {
                if (w->c->options.advice && w->s->calling && !k->before)
                        WARN(w->c, w->at, "W315", NULL, "%s may not have ended when this begins",
                             k->name);
                return true;
        }
        const char *callee = k ? json_str(k->callee, "name") : NULL;
        if (!k || !(k->outputs || k->status))
                snprintf(
                        w->hint, sizeof(w->hint), "%s",
                        strcmp(w->s->prefix, "steps") == 0
                                ? "only steps that come before it in the same template can be named"
                                : "only tasks of the same template can be named");
        else if (str_eq(rest, "status"))
                snprintf(w->hint, sizeof(w->hint),
                         "the status is only known of tasks this one depends on");
        else
                snprintf(w->hint, sizeof(w->hint), "the template of %s%s%.60s%s declares no %.*s",
                         k->name, callee ? " (" : "", callee ? callee : "", callee ? ")" : "",
                         (int)(rest.n > 80 ? 80 : rest.n), rest.p);
        return false;
}

/* ---- one tag ---- */

static bool is_known(struct tag_walk *w, struct str tag)
{
        const struct check_scope *s = w->s;
        struct str rest = tag;
        if (begins(tag, "steps.name") || begins(tag, "tasks.name") || begins(tag, "outputs."))
                return true;
        if (cut(&rest, "item."))
                return s->any_item || check_set_find(s->items, rest.p, rest.n);
        if (cut(&rest, "workflow."))
                return known_workflow(w, rest);
        if (cut(&rest, "inputs."))
                return known_input(w, s, rest);
        if (cut(&rest, "pod."))
                return str_eq(rest, "name") && check_is_pod(s->type);
        if (cut(&rest, "steps."))
                return s->prefix && strcmp(s->prefix, "steps") == 0 && known_step(w, rest);
        if (cut(&rest, "tasks."))
                return s->prefix && strcmp(s->prefix, "tasks") == 0 && known_step(w, rest);
        return true;
}

static bool is_ours(struct str tag)
{
        static const char *const prefixes[] = {"item.",    "steps.", "tasks.",   "inputs.",
                                               "outputs.", "pod.",   "workflow."};
        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
                if (begins(tag, prefixes[i]))
                        return true;
        return false;
}

/* ---- values that are put in before Argo looks ---- */

/* The value a tag stands for. False: it stays a tag. An empty *value: it will have one. */
static bool put_in(const struct check *c, const struct check_scope *s, struct str tag, char **value)
{
        struct tag_walk w = {.c = (struct check *)(uintptr_t)c, .s = s};
        struct str name = tag;
        const json_t *v = NULL;
        *value = NULL;
        if (!begins(tag, "workflow.") && !begins(tag, "inputs.") && !str_eq(tag, "pod.name"))
                return false;
        if (!is_known(&w, tag) || (c->lenient && begins(tag, "workflow.parameters") &&
                                   !named(json_object_get(c->arguments, "parameters"),
                                          (struct str){tag.p + 20, tag.n > 20 ? tag.n - 20 : 0})))
                return false;
        if (cut(&name, "workflow.parameters."))
                v = json_object_get(named(json_object_get(c->arguments, "parameters"), name),
                                    "value");
        else if (cut(&name, "inputs.parameters.") && s->arguments) {
                const json_t *own = named(json_at(s->template, "inputs", "parameters"), name);
                v = json_object_get(named(json_object_get(s->arguments, "parameters"), name),
                                    "value");
                v = v ? v : json_object_get(own, "value");
                v = v ? v : json_object_get(own, "default");
        }
        if (v && !json_is_null(v))
                *value = json_scalar_text(v);
        return true;
}

struct subst {
        const struct check *c;
        const struct check_scope *s;
        struct buf *out;
        const char *from; /* what has been copied so far */
};

static void on_subst(void *arg, struct str tag, struct str inner, bool is_expr)
{
        struct subst *u = arg;
        const char *open = tag.p, *close = strstr(tag.p + tag.n, "}}");
        AUTO(mem_free) char *value = NULL;
        (void)inner;
        while (open > u->from && !(open[0] == '{' && open[-1] == '{'))
                open--;
        if (is_expr || !close || !put_in(u->c, u->s, tag, &value))
                return;
        buf_add(u->out, u->from, (size_t)(open - 1 - u->from));
        if (value)
                buf_adds(u->out, value);
        else
                buf_addc(u->out, CHECK_PLACEHOLDER);
        u->from = close + 2;
}

char *check_subst(const struct check *c, const struct check_scope *s, const char *text)
{
        AUTO_BUF struct buf out = BUF_INIT(1 << 24);
        struct subst u = {c, s, &out, text};
        if (!text || !strstr(text, "{{"))
                return mem_strdup(text ? text : "");
        tag_each(text, strlen(text), on_subst, &u);
        buf_adds(&out, u.from);
        return out.len ? buf_take(&out) : mem_strdup("");
}

/* ---- walking ---- */

static void check_text(struct tag_walk *w, const char *text, size_t n);

/* The value of a workflow parameter is put in first, so its own tags count. */
static void check_value(struct tag_walk *w, struct str tag)
{
        AUTO(mem_free) char *value = NULL;
        if (w->depth >= TAGS_MAX_VALUE_DEPTH || !put_in(w->c, w->s, tag, &value) || !value ||
            !strstr(value, "{{"))
                return;
        const char *text = w->text;
        w->depth++;
        check_text(w, value, strlen(value));
        w->depth--;
        w->text = text;
}

/* "{{steps.run-{{inputs.parameters.x}}.status}}": put together, then looked up. */
static bool known_composed(struct tag_walk *w, struct str tag, struct str inner)
{
        AUTO(mem_free) char *value = NULL;
        const char *close = strstr(tag.p + tag.n, "}}");
        if (!put_in(w->c, w->s, inner, &value))
                return !is_ours(tag);
        const char *rest = close ? close + 2 : "", *end = strstr(rest, "}}");
        AUTO(mem_free)
        char *name = mem_printf("%.*s%s%.*s", (int)(inner.p - tag.p), tag.p, value ? value : "\1",
                                end ? (int)(end - rest) : 0, rest);
        char *brace = strstr(name, "{{"); /* the inner tag's own braces */
        if (brace)
                memmove(brace, brace + 2, strlen(brace + 2) + 1);
        struct str composed = str_trim(str_of(name));
        return !is_ours(composed) || is_known(w, composed);
}

/* The tag with its braces, as it stands in the text. */
static struct str whole(const struct tag_walk *w, struct str tag)
{
        const char *open = tag.p, *close = strstr(tag.p + tag.n, "}}");
        while (open > w->text + 1 && !(open[-1] == '{' && open[-2] == '{'))
                open--;
        open = open > w->text + 1 ? open - 2 : w->text;
        return (struct str){open, close ? (size_t)(close + 2 - open) : tag.n};
}

/* Argo finds a broken expression when the template runs: a warning says it before. */
static void check_tag_expression(struct tag_walk *w, struct str text)
{
        struct err why = {0};
        size_t at = 0;
        if (tag_expr_check(text, &at, &why) < 0) {
                struct str from = {text.p + (at < text.n ? at : 0), 1};
                diag_in_text(w->c->d, SEV_WARNING, w->at, w->text,
                             w->depth ? (struct str){0} : from, "W309", NULL,
                             "{{=%.*s}} will fail: %s", (int)(text.n > 200 ? 200 : text.n), text.p,
                             err_msg(&why));
        }
        err_clear(&why);
}

static void on_tag(void *arg, struct str tag, struct str inner, bool is_expr)
{
        struct tag_walk *w = arg;
        bool nested = inner.p != tag.p || inner.n != tag.n;
        if (is_expr) {
                check_tag_expression(w, (struct str){tag.p + 1, tag.n - 1});
                return;
        }
        w->hint[0] = 0;
        if (nested ? known_composed(w, tag, inner) : !is_ours(tag) || is_known(w, tag)) {
                if (!nested)
                        check_value(w, tag);
                return;
        }
        struct str none = {0};
        diag_in_text(w->c->d, w->c->demoted ? SEV_WARNING : SEV_ERROR, w->at, w->text,
                     w->depth ? none : whole(w, tag), "E305", w->hint[0] ? w->hint : NULL,
                     "failed to resolve {{%.*s}}", (int)tag.n, tag.p);
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

static void check_text(struct tag_walk *w, const char *text, size_t n)
{
        w->text = text;
        if (!memmem(text, n, "{{", 2))
                return;
        tag_each(text, n, on_tag, w);
        check_unclosed(w, text);
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
                check_text(w, json_string_value(j), json_string_length(j));
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
