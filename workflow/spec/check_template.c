/* workflow/spec/check_template.c: the rules of one template. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"
#include "workflow/spec/merge.h"

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

static void check_types(struct check *c, const json_t *body, const struct jpath *at)
{
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                const json_t *v = json_object_get(body, types[i].key);
                n += v && !json_is_null(v) && !(types[i].type == TMPL_STEPS && !json_array_size(v));
        }
        if (n > 1)
                FAIL(c, at, "E308", NULL,
                     "multiple template types specified: choose one of container, script, steps, "
                     "dag, suspend, ...");
        else if (!n && !json_object_get(body, "steps"))
                FAIL(c, at, "E308", "add one of container, script, steps, dag, suspend",
                     "template type unspecified");
}

static bool is_tag(const json_t *v)
{
        return json_is_string(v) && strstr(json_string_value(v), "{{");
}

/* ---- leaves ---- */

static void check_image(struct check *c, const json_t *body, enum tmpl_type type,
                        const struct jpath *at)
{
        const char *key = type == TMPL_CONTAINER ? "container" : "script";
        struct jpath up = jpath_key(at, key), here = jpath_key(&up, "image");
        if (str_empty(json_str(body, key, "image")))
                FAIL(c, &here, "E309", NULL, "%s.image may not be empty", key);
}

static void check_deadline(struct check *c, const json_t *body, bool leaf, const struct jpath *at)
{
        const json_t *v = json_object_get(body, "activeDeadlineSeconds");
        struct jpath here = jpath_key(at, "activeDeadlineSeconds");
        int64_t n = json_integer_value(v);
        if (!v || json_is_null(v))
                return;
        if (!leaf)
                FAIL(c, &here, "E310", NULL,
                     "activeDeadlineSeconds is only valid for leaf templates");
        else if (json_is_string(v) && is_tag(v))
                return;
        else if ((json_is_string(v) && !str_to_i64(json_string_value(v), &n)) || n <= 0)
                FAIL(c, &here, "E006", NULL,
                     "activeDeadlineSeconds must be a positive integer > 0 or an argo variable");
}

static void check_timeout(struct check *c, const json_t *body, bool leaf, const char *key,
                          const struct jpath *at)
{
        const json_t *v = json_object_get(body, key);
        struct jpath here = jpath_key(at, key);
        int64_t ns;
        if (!json_is_string(v) || !json_string_length(v) || is_tag(v))
                return;
        if (!leaf)
                FAIL(c, &here, "E310", NULL, "%s templates do not support the %s field",
                     check_type_name(tmpl_type_of(body)), key);
        else if (!duration_parse(json_string_value(v), &ns))
                FAIL(c, &here, "E011", NULL,
                     "invalid duration format in %s: '%s' (a unit is needed, as in \"30s\")", key,
                     json_string_value(v));
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

static void check_reserved(struct check *c, const json_t *body, const char *list,
                           const struct jpath *at)
{
        struct jpath up = jpath_key(at, list);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(body, list), i, item) {
                struct jpath here = jpath_index(&up, i);
                const char *name = json_str(item, "name");
                if (str_empty(name))
                        FAIL(c, &here, "E303", NULL, "%s must all have a container name", list);
                else if (streq(name, "wait") || streq(name, "supervisor") ||
                         str_starts(name, "artifact-plugin-"))
                        FAIL(c, &here, "E303", NULL, "\"%s\" is a reserved Argo container name",
                             name);
        }
}

/* ---- fields of a type that is not this one's ---- */

static void check_placement(struct check *c, const json_t *body, enum tmpl_type type,
                            const struct jpath *at)
{
        bool composite = type == TMPL_STEPS || type == TMPL_DAG;
        struct jpath here = jpath_key(at, "parallelism");
        check_deadline(c, body, !composite, at);
        check_timeout(c, body, !composite, "timeout", at);
        check_timeout(c, body, !composite, "pendingTimeout", at);
        if (json_object_get(body, "parallelism") && !composite)
                FAIL(c, &here, "E310", NULL,
                     "parallelism is only valid for steps and dag templates");
        check_retry(c, body, at);
        check_reserved(c, body, "sidecars", at);
        check_reserved(c, body, "initContainers", at);
}

static bool is_pod_body(enum tmpl_type type)
{
        return type != TMPL_STEPS && type != TMPL_DAG && type != TMPL_SUSPEND &&
               type != TMPL_HTTP && type != TMPL_PLUGIN;
}

static void check_pod_fields(struct check *c, const json_t *body, enum tmpl_type type,
                             const struct jpath *at)
{
        static const char *const fields[] = {"podResources", "resourceClaims"};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                struct jpath here = jpath_key(at, fields[i]);
                if (json_object_get(body, fields[i]) && !is_pod_body(type))
                        FAIL(c, &here, "E310", NULL,
                             "%s is not supported for %s templates, which do not create a pod",
                             fields[i], check_type_name(type));
        }
}

/* ---- tags of what is not a step ---- */

static void check_own_tags(struct check *c, const json_t *body, enum tmpl_type type, bool from_exit,
                           const struct jpath *at)
{
        bool leaf = type != TMPL_STEPS && type != TMPL_DAG;
        struct check_scope s = {.template = body, .leaf = leaf, .from_exit = from_exit};
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)body, key, v) {
                struct jpath here = jpath_key(at, key);
                bool elsewhere =
                        !leaf && (strcmp(key, "steps") == 0 || strcmp(key, "outputs") == 0);
                if (!elsewhere && strcmp(key, "dag") != 0)
                        check_tags(c, v, &s, &here);
        }
}

void check_template(struct check *c, const json_t *body, bool from_exit, const struct jpath *at)
{
        AUTO_JSON json_t *whole =
                tmpl_with_defaults(body, json_object_get(c->spec, "templateDefaults"));
        enum tmpl_type type = tmpl_type_of(body);
        check_types(c, body, at);
        check_inputs(c, whole, type, at);
        check_outputs(c, whole, type, at);
        check_placement(c, body, type, at);
        check_pod_fields(c, body, type, at);
        if (type == TMPL_CONTAINER || type == TMPL_SCRIPT)
                check_image(c, whole, type, at);
        check_own_tags(c, body, type, from_exit, at);
        if (type == TMPL_STEPS)
                check_steps(c, body, from_exit, at);
        else if (type == TMPL_DAG)
                check_dag(c, body, from_exit, at);
}
