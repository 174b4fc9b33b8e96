/* workflow/engine/args.c: arguments become inputs (argo-workflows.md 1.5).
 *
 * Arguments arrive with their tags substituted; what the template itself says (defaults, paths,
 * locations) is substituted here, with the inputs bound so far visible. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/engine_priv.h"

const json_t *named_item(const json_t *list, const char *name, size_t n)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                const json_t *own = json_object_get(item, "name");
                if (json_string_length(own) == n && n &&
                    memcmp(json_string_value(own), name, n) == 0)
                        return item;
        }
        return NULL;
}

int args_config_map(char **out, const struct wf *wf, const json_t *from, struct err *e)
{
        const json_t *ref = json_object_get(from, "configMapKeyRef"),
                     *fallback = json_object_get(from, "default");
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        name = name ? name : "";
        key = key ? key : "";
        const json_t *cm =
                wf->lookup.fn ? wf->lookup.fn(wf->lookup.arg, "ConfigMap", wf->ns, name) : NULL;
        const char *type =
                json_str(cm, "metadata", "labels", "workflows.argoproj.io/configmap-type");
        const char *value = type && strcmp(type, "Parameter") == 0
                                    ? json_str(json_object_get(cm, "data"), key)
                                    : NULL;
        if (value || fallback) {
                *out = value ? mem_strdup(value) : json_scalar_text(fallback);
                return 0;
        }
        if (!cm || !type)
                return err_set(e, ERR_NOT_FOUND,
                               "ConfigMap '%s' does not exist. Please make sure it has the label "
                               "workflows.argoproj.io/configmap-type: Parameter to be detectable "
                               "by the controller",
                               name);
        if (strcmp(type, "Parameter") != 0)
                return err_set(e, ERR_INVALID,
                               "ConfigMap '%s' needs to have the label "
                               "workflows.argoproj.io/configmap-type: Parameter to "
                               "load parameters",
                               name);
        return err_set(e, ERR_NOT_FOUND, "ConfigMap '%s' does not have the key '%s'", name, key);
}

static int text_of(char **out, const json_t *v, struct scope *s, struct err *e)
{
        char *raw = json_scalar_text(v);
        struct tag_opts o = scope_tags(s);
        int r = tag_string(out, raw, &o, e);
        mem_free(raw);
        return r;
}

static int bind_parameter(json_t *decl, const json_t *arg, struct scope *s, struct err *e)
{
        const char *name = json_str(decl, "name");
        const json_t *value = json_object_get(decl, "value"),
                     *from = json_object_get(decl, "valueFrom");
        char *text = NULL;
        value = value ? value : json_object_get(decl, "default");
        if (arg && json_object_get(arg, "value"))
                text = json_scalar_text(json_object_get(arg, "value"));
        else if (arg && json_object_get(arg, "valueFrom"))
                from = json_object_get(arg, "valueFrom");
        if (!text && json_object_get(from, "configMapKeyRef")) {
                json_t *rendered;
                if (scope_tree(&rendered, (json_t *)(uintptr_t)from, s, e) < 0)
                        return -1;
                int r = args_config_map(&text, s->wf, rendered, e);
                json_decref(rendered);
                if (r < 0)
                        return err_wrap(e, "unable to retrieve inputs.parameters.%s from ConfigMap",
                                        name);
        }
        if (!text && value && text_of(&text, value, s, e) < 0)
                return -1;
        if (!text && json_object_get(from, "supplied"))
                return 0;
        if (!text)
                return err_set(e, ERR_INVALID, "inputs.parameters.%s was not supplied",
                               name ? name : "");
        json_object_set_new_nocheck(decl, "value", json_string_nocheck(text));
        mem_free(text);
        return 0;
}

static bool has_location(const json_t *artifact)
{
        static const char *const kinds[] = {"folder", "raw", "s3",   "http",        "gcs",   "git",
                                            "azure",  "oss", "hdfs", "artifactory", "plugin"};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (json_is_object(json_object_get(artifact, kinds[i])))
                        return true;
        return false;
}

static int bind_artifact(json_t **out, json_t *decl, const json_t *arg, struct scope *s,
                         struct err *e)
{
        static const char *const kept[] = {"name", "path", "mode", "recurseMode", "optional"};
        const char *name = json_str(decl, "name");
        AUTO_JSON json_t *own = NULL;
        if (scope_tree(&own, decl, s, e) < 0)
                return -1;
        if (has_location(own)) {
                *out = TAKE(own);
                return 0;
        }
        if (!json_is_true(json_object_get(decl, "optional"))) {
                if (!arg)
                        return err_set(e, ERR_INVALID, "inputs.artifacts.%s was not supplied",
                                       name ? name : "");
                if (!has_location(arg))
                        return err_set(e, ERR_INVALID,
                                       "inputs.artifacts.%s missing location information",
                                       name ? name : "");
        }
        if (!arg) {
                *out = TAKE(own);
                return 0;
        }
        json_t *bound = json_copy((json_t *)(uintptr_t)arg);
        for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
                json_t *v = json_object_get(own, kept[i]);
                if (v)
                        json_object_set_nocheck(bound, kept[i], v);
                else
                        json_object_del(bound, kept[i]);
        }
        *out = bound;
        return 0;
}

int args_bind(json_t **out, const struct tmpl *t, const json_t *arguments, struct scope *s,
              struct err *e)
{
        const json_t *params = json_object_get(t->inputs, "parameters"),
                     *artifacts = json_object_get(t->inputs, "artifacts");
        size_t i;
        json_t *decl;
        *out = NULL;
        if (!json_array_size(params) && !json_array_size(artifacts))
                return 0;
        AUTO_JSON json_t *inputs = json_object();
        s->inputs = inputs;
        if (json_array_size(params))
                json_object_set_new_nocheck(inputs, "parameters", json_array());
        json_array_foreach ((json_t *)(uintptr_t)params, i, decl) {
                const json_t *name = json_object_get(decl, "name");
                const json_t *arg = named_item(json_object_get(arguments, "parameters"),
                                               json_string_value(name), json_string_length(name));
                json_t *bound = json_copy(decl);
                json_array_append_new(json_object_get(inputs, "parameters"), bound);
                if (bind_parameter(bound, arg, s, e) < 0)
                        return -1;
        }
        if (json_array_size(artifacts))
                json_object_set_new_nocheck(inputs, "artifacts", json_array());
        json_array_foreach ((json_t *)(uintptr_t)artifacts, i, decl) {
                const json_t *name = json_object_get(decl, "name");
                const json_t *arg = named_item(json_object_get(arguments, "artifacts"),
                                               json_string_value(name), json_string_length(name));
                json_t *bound = NULL;
                if (bind_artifact(&bound, decl, arg, s, e) < 0)
                        return -1;
                json_array_append_new(json_object_get(inputs, "artifacts"), bound);
        }
        *out = TAKE(inputs);
        s->inputs = *out;
        return 0;
}

/* ---- what a step passes on ---- */

static json_t *with_sub_path(json_t *artifact, const char *sub_path)
{
        static const char *const keyed[] = {"folder", "s3", "gcs", "oss", "azure", "hdfs"};
        json_t *out = json_copy(artifact);
        for (size_t i = 0; i < ARRAY_LEN(keyed) && !str_empty(sub_path); i++) {
                const char *field = strcmp(keyed[i], "azure") == 0  ? "blob"
                                    : strcmp(keyed[i], "hdfs") == 0 ? "path"
                                                                    : "key";
                const char *key = json_str(artifact, keyed[i], field);
                if (!key)
                        continue;
                char *longer = mem_printf("%s%s%s", key, str_ends(key, "/") ? "" : "/", sub_path);
                json_t *location = json_copy(json_object_get(out, keyed[i]));
                json_object_set_new_nocheck(location, field, json_string_nocheck(longer));
                json_object_set_new_nocheck(out, keyed[i], location);
                mem_free(longer);
        }
        return out;
}

static int resolve_one(json_t **out, json_t *artifact, struct scope *s, struct err *e)
{
        const char *from = json_str(artifact, "from"),
                   *expression = json_str(artifact, "fromExpression");
        AUTO_JSON json_t *found = NULL;
        if ((str_empty(expression) ? scope_artifact(&found, from, s, e)
                                   : scope_artifact_of(&found, expression, s, e)) < 0)
                return -1;
        json_t *r = with_sub_path(found, json_str(artifact, "subPath"));
        json_object_set_nocheck(r, "name", json_object_get(artifact, "name"));
        json_object_del(r, "globalName");
        if (json_is_true(json_object_get(artifact, "optional")))
                json_object_set_new_nocheck(r, "optional", json_true());
        *out = r;
        return 0;
}

int args_resolve_artifacts(json_t **arguments, struct scope *s, struct err *e)
{
        const json_t *list = json_object_get(*arguments, "artifacts");
        size_t i;
        json_t *artifact;
        if (!json_array_size(list))
                return 0;
        AUTO_JSON json_t *resolved = json_array();
        json_array_foreach ((json_t *)(uintptr_t)list, i, artifact) {
                json_t *r = NULL;
                struct err why = {0};
                if (str_empty(json_str(artifact, "from")) &&
                    str_empty(json_str(artifact, "fromExpression")))
                        r = json_incref(artifact);
                else if (resolve_one(&r, artifact, s, &why) < 0) {
                        bool optional = json_is_true(json_object_get(artifact, "optional"));
                        if (!optional) {
                                err_move(e, &why);
                                return err_wrap(e, "unable to resolve references");
                        }
                        err_clear(&why);
                        continue;
                }
                json_array_append_new(resolved, r);
        }
        json_t *copy = json_copy(*arguments);
        json_object_set_new_nocheck(copy, "artifacts", TAKE(resolved));
        json_decref(*arguments);
        *arguments = copy;
        return 0;
}

static bool is_absent(const json_t *parameter, struct scope *s)
{
        const char *value = json_str(parameter, "value");
        bool absent = false;
        if (!value || value[0] != '{')
                return false;
        struct str v = str_trim(str_of(value));
        if (v.n < 4 || memcmp(v.p + v.n - 2, "}}", 2) != 0 || memchr(v.p + 2, '{', v.n - 2))
                return false;
        char *text = NULL;
        struct err why = {0};
        if (scope_reference(&text, value, s, &absent, &why) < 0)
                err_clear(&why);
        mem_free(text);
        return absent;
}

void args_drop_absent(json_t **body, struct scope *s)
{
        const json_t *params = json_at(*body, "arguments", "parameters");
        AUTO_JSON json_t *left = NULL;
        for (size_t i = json_array_size(params); i > 0; i--) {
                if (!is_absent(json_array_get(params, i - 1), s))
                        continue;
                if (!left)
                        left = json_copy((json_t *)(uintptr_t)params);
                json_array_remove(left, i - 1);
        }
        if (!left)
                return;
        json_t *args = json_copy(json_object_get(*body, "arguments")), *copy = json_copy(*body);
        json_object_set_nocheck(args, "parameters", left);
        json_object_set_new_nocheck(copy, "arguments", args);
        json_decref(*body);
        *body = copy;
}
