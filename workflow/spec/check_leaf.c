/* workflow/spec/check_leaf.c: templates that do something themselves. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/spec/check.h"
#include <ctype.h>

/* ---- tags ---- */

/* An input whose value the caller gives: its own value is never seen. */
static void check_input_tags(struct check *c, const struct check_scope *s, const struct jpath *at)
{
        const json_t *inputs = json_object_get(s->template, "inputs");
        struct jpath up = jpath_key(at, "inputs"), list = jpath_key(&up, "parameters");
        const char *key;
        json_t *p, *v;
        size_t i;
        json_array_foreach (json_object_get(inputs, "parameters"), i, p) {
                struct jpath one = jpath_index(&list, i);
                bool replaced =
                        !s->arguments || check_named(json_object_get(s->arguments, "parameters"),
                                                     json_str(p, "name"));
                json_object_foreach (p, key, v) {
                        struct jpath here = jpath_key(&one, key);
                        if (!replaced || strcmp(key, "value") != 0)
                                check_tags(c, v, s, &here);
                }
        }
        list = jpath_key(&up, "artifacts");
        check_tags(c, json_object_get(inputs, "artifacts"), s, &list);
}

static void check_all_tags(struct check *c, const struct check_scope *s, const struct jpath *at)
{
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)s->template, key, v) {
                struct jpath here = jpath_key(at, key);
                if (strcmp(key, "inputs") == 0)
                        check_input_tags(c, s, at);
                else
                        check_tags(c, v, s, &here);
        }
}

/* ---- container, script ---- */

static void check_image(struct check *c, const json_t *body, const char *key,
                        const struct jpath *at)
{
        struct jpath up = jpath_key(at, key), here = jpath_key(&up, "image");
        bool by_default = !c->home->cluster &&
                          check_given(json_at(c->home->spec, "templateDefaults", key), "image");
        if (json_is_object(json_object_get(body, key)) &&
            !check_given(json_object_get(body, key), "image") && !by_default)
                FAIL(c, &here, "E309", NULL, "%s.image may not be empty", key);
}

/* Every mount point is used once, by a volume or by an artifact. */
static void check_mounts(struct check *c, const json_t *body, const char *key,
                         const struct jpath *at)
{
        struct jpath up = jpath_key(at, key), mounts = jpath_key(&up, "volumeMounts"),
                     inputs = jpath_key(at, "inputs"), artifacts = jpath_key(&inputs, "artifacts");
        struct check_name *paths = NULL;
        bool was_there;
        size_t i;
        json_t *m;
        json_array_foreach (json_at(body, key, "volumeMounts"), i, m) {
                struct jpath one = jpath_index(&mounts, i), here = jpath_key(&one, "mountPath");
                const char *path = json_str(m, "mountPath");
                struct check_name *p = check_set_add(&paths, path ? path : "",
                                                     path ? strlen(path) : 0, &was_there);
                if (was_there)
                        FAIL(c, &here, "E313", NULL,
                             "mountPath '%s' already mounted in volumeMounts.%s", path ? path : "",
                             json_str(p->body, "name"));
                p->body = m;
        }
        json_array_foreach (
                strcmp(key, "container") == 0 ? json_at(body, "inputs", "artifacts") : NULL, i, m) {
                struct jpath one = jpath_index(&artifacts, i), here = jpath_key(&one, "path");
                const char *path = json_str(m, "path");
                struct check_name *p = check_set_add(&paths, path ? path : "",
                                                     path ? strlen(path) : 0, &was_there);
                if (was_there && path)
                        FAIL(c, &here, "E313", NULL, "path '%s' already mounted in %s%s", path,
                             json_object_get(p->body, "mountPath") ? "volumeMounts."
                                                                   : "inputs.artifacts.",
                             json_str(p->body, "name"));
                p->body = m;
        }
        check_set_free(&paths);
}

/* ---- container set ---- */

/* Takes away containers that wait for nothing until none is left; what is left waits for itself. */
static void check_set_cycles(struct check *c, const json_t *containers, const struct jpath *at)
{
        AUTO_JSON json_t *ended = json_object();
        size_t n = json_array_size(containers), left = n, i, k;
        json_t *ctr, *dep;
        for (size_t before = n + 1; left && left < before;) {
                before = left;
                json_array_foreach ((json_t *)(uintptr_t)containers, i, ctr) {
                        const char *name = json_str(ctr, "name");
                        bool ready = name && !json_object_get(ended, name);
                        json_array_foreach (json_object_get(ctr, "dependencies"), k, dep)
                                ready = ready &&
                                        (!check_named(containers, json_string_value(dep)) ||
                                         json_object_get(ended, json_string_value(dep)));
                        if (ready) {
                                json_object_set_new(ended, name, json_true());
                                left--;
                        }
                }
        }
        json_array_foreach ((json_t *)(uintptr_t)containers, i, ctr) {
                const char *name = json_str(ctr, "name");
                struct jpath here = jpath_index(at, i);
                if (name && !json_object_get(ended, name)) {
                        FAIL(c, &here, "E324", NULL,
                             "containers depend on each other in a cycle (%s is part of it)", name);
                        return;
                }
        }
}

static void check_set_container(struct check *c, const json_t *containers, const json_t *ctr,
                                const struct jpath *at)
{
        const char *name = json_str(ctr, "name");
        struct jpath up = jpath_key(at, "dependencies");
        size_t i;
        json_t *dep;
        json_array_foreach (json_object_get(ctr, "dependencies"), i, dep) {
                struct jpath here = jpath_index(&up, i);
                if (!check_named(containers, json_string_value(dep)))
                        FAIL(c, &here, "E324", NULL, "dependency '%s' not defined",
                             json_string_value(dep));
        }
        if (name && check_reserved(name))
                FAIL(c, at, "E303", NULL, "\"%s\" is a reserved Argo container name", name);
}

void check_container_set(struct check *c, const json_t *body, const struct jpath *at)
{
        const json_t *containers = json_at(body, "containerSet", "containers");
        struct jpath up = jpath_key(at, "containerSet"), list = jpath_key(&up, "containers");
        struct check_name *seen = NULL;
        size_t i;
        json_t *ctr;
        bool data = json_array_size(json_at(body, "inputs", "artifacts")) ||
                    json_array_size(json_at(body, "outputs", "parameters")) ||
                    json_array_size(json_at(body, "outputs", "artifacts"));
        if (!json_array_size(containers))
                FAIL(c, &up, "E324", NULL, "a container set must have at least one container");
        json_array_foreach ((json_t *)(uintptr_t)containers, i, ctr) {
                struct jpath here = jpath_index(&list, i);
                check_name(c, ctr, "container", NAME_TEMPLATE, &seen, &here);
                check_set_container(c, containers, ctr, &here);
        }
        check_set_free(&seen);
        check_set_cycles(c, containers, &list);
        check_mounts(c, body, "containerSet", at);
        if (data && !check_named(containers, "main"))
                FAIL(c, &list, "E324", NULL, "inputs and outputs need a container named \"main\"");
}

/* ---- metrics ---- */

static bool metric_name_ok(const char *name, bool colon)
{
        if (str_empty(name) || isdigit((unsigned char)*name))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && *name != '_' && !(colon && *name == ':'))
                        return false;
        return true;
}

static void check_metric(struct check *c, const json_t *m, const struct jpath *at)
{
        static const char *const kinds[] = {"gauge", "counter", "histogram"};
        const char *name = json_str(m, "name"), *gauge = json_str(m, "gauge", "value");
        size_t i;
        json_t *label;
        if (!metric_name_ok(name, true))
                FAIL(c, at, "E322", NULL,
                     "metric name '%s' is invalid: letters, digits, '_' and ':'", name ? name : "");
        json_array_foreach (json_object_get(m, "labels"), i, label) {
                const char *key = json_str(label, "key");
                if (!metric_name_ok(key, false))
                        FAIL(c, at, "E322", NULL,
                             "metric label '%s' is invalid: letters, digits and '_'",
                             key ? key : "");
        }
        if (!check_given(m, "help"))
                FAIL(c, at, "E322", NULL, "metric '%s' must contain a help string",
                     name ? name : "");
        for (i = 0; i < ARRAY_LEN(kinds); i++)
                if (json_is_object(json_object_get(m, kinds[i])) &&
                    !check_given(json_object_get(m, kinds[i]), "value"))
                        FAIL(c, at, "E322", NULL, "metric '%s': missing %s.value", name ? name : "",
                             kinds[i]);
        if (gauge && json_is_true(json_at(m, "gauge", "realtime")) &&
            strstr(gauge, "resourcesDuration."))
                FAIL(c, at, "E322", NULL,
                     "resourcesDuration.* cannot be used in real-time metrics");
}

void check_metrics(struct check *c, const json_t *body, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "metrics"), list = jpath_key(&up, "prometheus");
        size_t i;
        json_t *m;
        json_array_foreach (json_at(body, "metrics", "prometheus"), i, m) {
                struct jpath here = jpath_index(&list, i);
                check_metric(c, m, &here);
        }
}

/* ---- the whole ---- */

static void check_deadline(struct check *c, const struct check_scope *s, const struct jpath *at)
{
        const json_t *v = json_object_get(s->template, "activeDeadlineSeconds");
        struct jpath here = jpath_key(at, "activeDeadlineSeconds");
        int64_t n = json_integer_value(v);
        if (!check_has_value(s->template, "activeDeadlineSeconds"))
                return;
        AUTO(mem_free)
        char *text = check_subst(c, s, json_is_string(v) ? json_string_value(v) : "0");
        bool dynamic =
                text[0] == CHECK_PLACEHOLDER || (str_starts(text, "{{") && str_ends(text, "}}"));
        if ((json_is_string(v) && !dynamic && !str_to_i64(text, &n)) || n < 0)
                FAIL(c, &here, "E006", NULL,
                     "activeDeadlineSeconds must be a positive integer > 0 or an argo variable");
}

void check_leaf(struct check *c, const json_t *body, const struct check_scope *s,
                const struct jpath *at)
{
        struct jpath here = jpath_key(at, "parallelism");
        check_all_tags(c, s, at);
        check_deadline(c, s, at);
        check_image(c, body, "container", at);
        check_image(c, body, "script", at);
        if (s->type == TMPL_CONTAINER)
                check_mounts(c, body, "container", at);
        if (json_is_object(json_object_get(body, "containerSet")))
                check_container_set(c, body, at);
        if (json_is_object(json_object_get(body, "resource")))
                check_resource(c, body, s, at);
        if (check_has_value(body, "parallelism"))
                FAIL(c, &here, "E310", NULL,
                     "parallelism is only valid for steps and dag templates");
}
