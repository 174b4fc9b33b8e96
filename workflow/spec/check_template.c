/* workflow/spec/check_template.c: one template, whatever its type; each is looked at once, when
 * Argo would first come to it. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"

/* Deeper ones are left for the walk over all templates. */
enum { VISIT_MAX_DEPTH = 200 };

static const struct {
        const char *key, *name;
        enum tmpl_type type;
} types[] = {
        {"container", "Container", TMPL_CONTAINER},
        {"containerSet", "ContainerSet", TMPL_CONTAINER_SET},
        {"steps", "Steps", TMPL_STEPS},
        {"script", "Script", TMPL_SCRIPT},
        {"resource", "Resource", TMPL_RESOURCE},
        {"dag", "DAG", TMPL_DAG},
        {"suspend", "Suspend", TMPL_SUSPEND},
        {"http", "HTTP", TMPL_HTTP},
        {"data", "Data", TMPL_DATA},
        {"plugin", "Plugin", TMPL_PLUGIN},
};

const char *check_type_name(enum tmpl_type type)
{
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (types[i].type == type)
                        return types[i].name;
        return "unknown";
}

bool check_is_pod(enum tmpl_type type)
{
        return type == TMPL_CONTAINER || type == TMPL_CONTAINER_SET || type == TMPL_SCRIPT ||
               type == TMPL_RESOURCE || type == TMPL_DATA;
}

bool check_is_leaf(enum tmpl_type type)
{
        return check_is_pod(type) || type == TMPL_HTTP || type == TMPL_PLUGIN;
}

static void check_types(struct check *c, const json_t *body, const struct jpath *at)
{
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                n += check_has_value(body, types[i].key);
        if (n > 1)
                FAIL(c, at, "E308", NULL,
                     "multiple template types specified: choose one of container, script, steps, "
                     "dag, suspend, ...");
        else if (!n)
                FAIL(c, at, "E308", "add one of container, script, steps, dag, suspend",
                     "template type unspecified");
}

static void check_timeout(struct check *c, const struct check_scope *s, const char *key,
                          const struct jpath *at)
{
        const char *raw = json_str(s->template, key);
        struct jpath here = jpath_key(at, key);
        int64_t n, ns;
        if (str_empty(raw))
                return;
        AUTO(mem_free) char *text = check_subst(c, s, raw);
        if (!check_is_leaf(s->type))
                FAIL(c, &here, "E310", NULL, "%s templates do not support the %s field",
                     check_type_name(s->type), key);
        else if (str_to_i64(text, &n))
                FAIL(c, &here, "E011", NULL,
                     "invalid duration format in %s: '%s' (a unit is needed, as in \"30s\")", key,
                     text);
        else if (!strchr(text, CHECK_PLACEHOLDER) && !strstr(text, "{{") &&
                 !duration_parse(text, &ns))
                WARN(c, &here, "W309", NULL, "%s '%s' is no duration: found only when it runs", key,
                     text);
}

static void check_retry(struct check *c, const json_t *holder, const struct jpath *at)
{
        static const char *const policies[] = {"Always", "OnFailure", "OnError",
                                               "OnTransientError"};
        const char *policy = json_str(holder, "retryStrategy", "retryPolicy");
        struct jpath up = jpath_key(at, "retryStrategy"), here = jpath_key(&up, "retryPolicy");
        for (size_t i = 0; i < ARRAY_LEN(policies); i++)
                if (str_empty(policy) || strcmp(policy, policies[i]) == 0)
                        return;
        FAIL(c, &here, "E005", NULL,
             "%s is not a valid RetryPolicy (Always, OnFailure, OnError, OnTransientError)",
             policy);
}

bool check_reserved(const char *name)
{
        return streq(name, "wait") || streq(name, "supervisor") ||
               str_starts(name, "artifact-plugin-");
}

static void check_helpers(struct check *c, const json_t *body, const char *list, bool need_names,
                          const struct jpath *at)
{
        struct jpath up = jpath_key(at, list);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(body, list), i, item) {
                struct jpath here = jpath_index(&up, i);
                const char *name = json_str(item, "name");
                if (str_empty(name) && need_names)
                        FAIL(c, &here, "E303", NULL, "%s must all have a container name", list);
                else if (!str_empty(name) && check_reserved(name))
                        FAIL(c, &here, "E303", NULL, "\"%s\" is a reserved Argo container name",
                             name);
        }
}

static void check_pod_fields(struct check *c, const json_t *body, enum tmpl_type type,
                             const struct jpath *at)
{
        static const char *const fields[] = {"podResources", "resourceClaims"};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                struct jpath here = jpath_key(at, fields[i]);
                if (check_has_value(body, fields[i]) && !check_is_pod(type))
                        FAIL(c, &here, "E310", NULL,
                             "%s is not supported for %s templates, which do not create a pod",
                             fields[i], check_type_name(type));
        }
        check_pod_resources(c, body, at);
}

/* What Argo looks at on every call, and we once. */
static void check_head(struct check *c, const struct check_scope *s, const struct jpath *at)
{
        check_types(c, s->template, at);
        check_retry(c, s->template, at);
        check_inputs(c, s->template, s->type, at);
        check_helpers(c, s->template, "initContainers", true, at);
        check_timeout(c, s, "timeout", at);
        check_timeout(c, s, "pendingTimeout", at);
}

static void check_body(struct check *c, struct check_scope *s, const struct jpath *at)
{
        struct jpath here = jpath_key(at, "activeDeadlineSeconds"),
                     archive = jpath_key(at, "archiveLocation");
        bool composite = s->type == TMPL_STEPS || s->type == TMPL_DAG;
        check_helpers(c, s->template, "sidecars", false, at);
        check_pod_fields(c, s->template, s->type, at);
        if (composite && check_has_value(s->template, "activeDeadlineSeconds"))
                FAIL(c, &here, "E310", NULL,
                     "activeDeadlineSeconds is only valid for leaf templates");
        if (s->type == TMPL_STEPS)
                check_steps(c, s, at);
        else if (s->type == TMPL_DAG)
                check_dag(c, s, at);
        else
                check_leaf(c, s->template, s, at);
        check_outputs(c, s->template, s->type, at);
        check_artifact_location(c, json_object_get(s->template, "archiveLocation"), &archive);
        check_metrics(c, s->template, at);
}

static void check_template(struct check *c, const struct check_callee *callee,
                           const json_t *arguments, const struct check_scope *outer,
                           const struct jpath *at)
{
        struct check_scope s = {.template = callee->body,
                                .type = tmpl_type_of(callee->body),
                                .arguments = arguments,
                                .outer = callee->entry ? NULL : outer,
                                .any_artifact = c->any_artifact};
        /* Argo knows templates by name, and inline ones have none: it looks at the first of them
         * only */
        bool unseen = !callee->entry && callee->home->checked_inline;
        check_head(c, &s, at);
        if (!callee->entry)
                callee->home->checked_inline = true;
        c->demoted += unseen;
        check_body(c, &s, at);
        c->demoted -= unseen;
        mem_free(s.known);
        check_set_free(&s.names);
        check_set_free(&s.items);
}

/* A problem elsewhere is shown at the reference that leads there. */
static void report_elsewhere(struct check *c, const struct check_callee *callee,
                             struct diags *found, const struct jpath *call_at)
{
        struct jpath here = jpath_key(call_at, "templateRef");
        const struct diag *error = NULL, *unsupported = NULL;
        for (size_t i = 0; i < found->n; i++) {
                const struct diag *d = &found->items[i];
                error = !error && d->severity == SEV_ERROR ? d : error;
                unsupported = !unsupported && d->severity == SEV_UNSUPPORTED ? d : unsupported;
                if (streq(d->code, "W308"))
                        WARN(c, &here, "W308", NULL, "%s: %s", callee->home->id, d->msg);
        }
        if (error)
                FAIL(c, &here, "E320", error->hint, "%s: %s: %s", callee->home->id, error->path,
                     error->msg);
        if (unsupported)
                diag_unsupported(c->d, &here, "%s: %s", callee->home->id, unsupported->msg);
}

void check_visit(struct check *c, const struct check_callee *callee, const json_t *arguments,
                 const struct check_scope *outer, const struct jpath *call_at)
{
        struct check_home *before = c->home;
        struct diags *shown = c->d;
        AUTO_DIAGS struct diags elsewhere;
        diags_init(&elsewhere);
        struct jpath spec = jpath_key(NULL, "spec");
        struct jpath up = jpath_key(callee->home == &c->local ? c->spec_at : &spec, "templates");
        struct jpath here = jpath_index(&up, callee->entry ? callee->entry->index : 0);
        if ((callee->entry && callee->entry->done) || c->depth > VISIT_MAX_DEPTH)
                return;
        if (callee->entry)
                callee->entry->done = true;
        bool remote = callee->home != before && callee->home != &c->local;
        if (remote)
                c->d = &elsewhere;
        if (callee->home != &c->local)
                shape_check(callee->body, template_shape, &here, &c->options, c->d);
        c->home = callee->home;
        c->depth++;
        check_template(c, callee, arguments, outer, callee->entry ? &here : callee->inline_at);
        c->depth--;
        c->home = before;
        c->d = shown;
        if (remote)
                report_elsewhere(c, callee, &elsewhere, call_at);
}
