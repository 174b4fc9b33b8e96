/* workflow/spec/check_values.c: parameters and artifacts: where they may come from, what they need.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"
#include <ctype.h>

static bool given(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);
        return v && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v));
}

/* A value may be the empty string. */
static bool has_value(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);
        return v && !json_is_null(v);
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

/* ---- enum ---- */

/* Argo looks at spec values only; elsewhere it is a warning. */
static void check_enum(struct check *c, const json_t *p, enum check_place place,
                       const struct jpath *at)
{
        const json_t *list = json_object_get(p, "enum"), *value = json_object_get(p, "value");
        struct jpath here = jpath_key(at, "enum");
        size_t i;
        json_t *item;
        if (!list || json_is_null(list))
                return;
        bool strict = place == PLACE_SPEC;
        if (!json_array_size(list)) {
                diag_at(c->d, strict ? SEV_ERROR : SEV_WARNING, &here, strict ? "E311" : "W303",
                        "enum should contain at least one value");
                return;
        }
        if (!has_value(p, "value"))
                return;
        char *text = json_scalar_text(value);
        bool found = false;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                char *other = json_scalar_text(item);
                found = found || strcmp(text, other) == 0;
                mem_free(other);
        }
        here = jpath_key(at, "value");
        if (!found && !strstr(text, "{{"))
                diag_at(c->d, strict ? SEV_ERROR : SEV_WARNING, &here, strict ? "E311" : "W303",
                        "value '%s' should be present in the enum list", text);
        mem_free(text);
}

/* ---- arguments ---- */

static void check_value_from(struct check *c, const json_t *p, const struct jpath *at)
{
        static const char *const allowed[] = {"default", "configMapKeyRef", "supplied"};
        struct jpath up = jpath_key(at, "valueFrom");
        const char *key;
        json_t *v;
        json_object_foreach (json_object_get(p, "valueFrom"), key, v) {
                struct jpath here = jpath_key(&up, key);
                bool fine = false;
                for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
                        fine = fine || strcmp(key, allowed[i]) == 0;
                if (!fine && !json_is_null(v))
                        FAIL(c, &here, "E312", NULL,
                             "valueFrom only allows default, configMapKeyRef and supplied here");
        }
}

static bool value_needed(const struct check *c, const json_t *p, enum check_place place)
{
        if (place == PLACE_CALL)
                return true;
        if (c->lint)
                return false;
        return json_object_get(p, "enum") || (!c->lenient && !has_value(p, "default"));
}

static void check_parameters(struct check *c, const json_t *list, enum check_place place,
                             const struct jpath *at)
{
        struct check_name *seen = NULL;
        size_t i;
        json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)list, i, p) {
                struct jpath here = jpath_index(at, i);
                check_name(c, p, "parameter", NAME_VALUE, &seen, &here);
                check_enum(c, p, place, &here);
                if (place == PLACE_INPUTS)
                        continue;
                check_value_from(c, p, &here);
                if (!has_value(p, "value") && !has_value(p, "valueFrom") &&
                    value_needed(c, p, place))
                        FAIL(c, &here, "E306", NULL, "value or valueFrom is required");
        }
        check_set_free(&seen);
}

static void check_artifact(struct check *c, const json_t *a, const struct jpath *at)
{
        struct jpath here = jpath_key(at, "git");
        if (json_is_object(json_object_get(a, "git")) && !given(json_object_get(a, "git"), "repo"))
                FAIL(c, &here, "E313", NULL, "git.repo is required");
        here = jpath_key(at, "http");
        if (json_is_object(json_object_get(a, "http")) && !given(json_object_get(a, "http"), "url"))
                FAIL(c, &here, "E313", NULL, "http.url is required");
        if (given(a, "from") && given(a, "fromExpression"))
                FAIL(c, at, "E313", NULL, "only one of from and fromExpression may be given");
}

void check_arguments(struct check *c, const json_t *arguments, enum check_place place,
                     const struct jpath *at)
{
        struct jpath up = jpath_key(at, "parameters");
        struct check_name *seen = NULL;
        size_t i;
        json_t *a;
        check_parameters(c, json_object_get(arguments, "parameters"), place, &up);
        up = jpath_key(at, "artifacts");
        json_array_foreach (json_object_get(arguments, "artifacts"), i, a) {
                struct jpath here = jpath_index(&up, i);
                bool optional = json_is_true(json_object_get(a, "optional")) ||
                                (c->lenient && place == PLACE_SPEC);
                check_name(c, a, "artifact", NAME_VALUE, &seen, &here);
                check_artifact(c, a, &here);
                if (!given(a, "from") && !given(a, "fromExpression") && !has_location(a) &&
                    !optional)
                        FAIL(c, &here, "E313", NULL, "from, artifact location, or key is required");
        }
        check_set_free(&seen);
}

/* ---- inputs ---- */

static bool is_pod_type(enum tmpl_type type)
{
        return type == TMPL_CONTAINER || type == TMPL_SCRIPT || type == TMPL_RESOURCE ||
               type == TMPL_CONTAINER_SET || type == TMPL_DATA;
}

static bool has_files(enum tmpl_type type)
{
        return type == TMPL_CONTAINER || type == TMPL_SCRIPT || type == TMPL_CONTAINER_SET;
}

static const char *mounted_at(const json_t *body, const char *path)
{
        static const char *const kinds[] = {"container", "script"};
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                size_t i;
                json_t *m;
                json_array_foreach (json_at(body, kinds[k], "volumeMounts"), i, m) {
                        const char *where = json_str(m, "mountPath");
                        if (where && strcmp(where, path) == 0)
                                return json_str(m, "name");
                }
        }
        return NULL;
}

static void check_input_path(struct check *c, const json_t *body, const json_t *a,
                             enum tmpl_type type, struct check_name **paths, const struct jpath *at)
{
        const char *path = json_str(a, "path");
        struct jpath here = jpath_key(at, "path");
        bool was_there;
        if (str_empty(path)) {
                if (has_files(type))
                        FAIL(c, at, "E313", NULL, "artifact '%s' did not specify a path",
                             json_str(a, "name"));
                return;
        }
        const char *volume = mounted_at(body, path);
        if (volume && has_files(type))
                FAIL(c, &here, "E313", NULL, "path '%s' already mounted in volumeMounts.%s", path,
                     volume);
        struct check_name *other = check_set_add(paths, path, strlen(path), &was_there);
        if (was_there && has_files(type))
                FAIL(c, &here, "E313", NULL, "path '%s' already mounted in inputs.artifacts.%s",
                     path, json_str(other->body, "name"));
        else
                other->body = a;
}

void check_inputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at)
{
        const json_t *inputs = json_object_get(body, "inputs");
        struct jpath top = jpath_key(at, "inputs"), up = jpath_key(&top, "parameters");
        struct check_name *seen = NULL, *paths = NULL;
        size_t i;
        json_t *a;
        check_parameters(c, json_object_get(inputs, "parameters"), PLACE_INPUTS, &up);
        up = jpath_key(&top, "artifacts");
        json_array_foreach (json_object_get(inputs, "artifacts"), i, a) {
                struct jpath here = jpath_index(&up, i);
                check_name(c, a, "artifact", NAME_VALUE, &seen, &here);
                check_artifact(c, a, &here);
                check_input_path(c, body, a, type, &paths, &here);
                if (given(a, "from"))
                        FAIL(c, &here, "E313", NULL, "from is not valid in inputs");
        }
        check_set_free(&seen);
        check_set_free(&paths);
}

/* ---- outputs ---- */

static void check_output_kind(struct check *c, const json_t *from, enum tmpl_type type,
                              const struct jpath *at)
{
        static const char *const kinds[] = {"path", "jqFilter", "jsonPath", "parameter",
                                            "expression"};
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                n += given(from, kinds[i]);
        bool supplied = json_is_object(json_object_get(from, "supplied"));
        if (n > 1) {
                FAIL(c, at, "E312", NULL,
                     "multiple valueFrom types specified: choose one of path, jqFilter, jsonPath, "
                     "parameter, expression");
                return;
        }
        if (!n && !supplied) {
                FAIL(c, at, "E312", NULL,
                     "valueFrom type unspecified: choose one of path, jqFilter, jsonPath, "
                     "parameter, expression");
                return;
        }
        if (has_files(type) && !given(from, "path"))
                FAIL(c, at, "E312", NULL, "valueFrom.path must be specified for %s templates",
                     check_type_name(type));
        else if (type == TMPL_RESOURCE && !given(from, "jqFilter") && !given(from, "jsonPath"))
                FAIL(c, at, "E312", NULL,
                     "valueFrom.jqFilter or jsonPath must be specified for Resource templates");
        else if ((type == TMPL_STEPS || type == TMPL_DAG) && !given(from, "parameter") &&
                 !given(from, "expression"))
                FAIL(c, at, "E312", NULL,
                     "valueFrom.parameter or expression must be specified for %s templates",
                     check_type_name(type));
}

static void check_global_name(struct check *c, const json_t *item, const struct jpath *at)
{
        const char *name = json_str(item, "globalName");
        struct jpath here = jpath_key(at, "globalName");
        if (str_empty(name) || strstr(name, "{{"))
                return;
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_') {
                        FAIL(c, &here, "E303", NULL,
                             "globalName '%s' is invalid: letters, digits, '-' and '_'", name);
                        return;
                }
}

void check_outputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at)
{
        const json_t *outputs = json_object_get(body, "outputs");
        struct jpath top = jpath_key(at, "outputs"), up = jpath_key(&top, "parameters");
        struct check_name *seen = NULL;
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(outputs, "parameters"), i, item) {
                struct jpath here = jpath_index(&up, i), from = jpath_key(&here, "valueFrom");
                check_name(c, item, "parameter", NAME_VALUE, &seen, &here);
                check_global_name(c, item, &here);
                if (json_is_object(json_object_get(item, "valueFrom")))
                        check_output_kind(c, json_object_get(item, "valueFrom"), type, &from);
                else if (!has_value(item, "value"))
                        FAIL(c, &here, "E306", NULL, "the output has neither valueFrom nor value");
        }
        check_set_free(&seen);
        up = jpath_key(&top, "artifacts");
        json_array_foreach (json_object_get(outputs, "artifacts"), i, item) {
                struct jpath here = jpath_index(&up, i);
                check_name(c, item, "artifact", NAME_VALUE, &seen, &here);
                check_global_name(c, item, &here);
                if (is_pod_type(type) && !given(item, "path") && has_files(type))
                        FAIL(c, &here, "E313", NULL, "artifact '%s' did not specify a path",
                             json_str(item, "name"));
                if (!is_pod_type(type) && given(item, "path"))
                        FAIL(c, &here, "E313", NULL,
                             "path is only valid in container and script templates");
        }
        check_set_free(&seen);
}

/* ---- calls ---- */

static const json_t *named(const json_t *list, const char *name)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                if (name && streq(json_str(item, "name"), name))
                        return item;
        }
        return NULL;
}

void check_supplied(struct check *c, const json_t *callee, const char *callee_name,
                    const json_t *arguments, const struct jpath *at)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_at(callee, "inputs", "parameters"), i, item) {
                const char *name = json_str(item, "name");
                const json_t *arg = named(json_object_get(arguments, "parameters"), name);
                bool own = has_value(item, "value") || has_value(item, "default") ||
                           has_value(item, "valueFrom");
                if (!own && !arg)
                        FAIL(c, at, "E307", NULL,
                             "template '%s' needs inputs.parameters.%s, which is not supplied",
                             callee_name, name);
        }
        json_array_foreach (json_at(callee, "inputs", "artifacts"), i, item) {
                const char *name = json_str(item, "name");
                bool own = has_location(item) || json_is_true(json_object_get(item, "optional"));
                if (!own && !named(json_object_get(arguments, "artifacts"), name))
                        FAIL(c, at, "E307", NULL,
                             "template '%s' needs inputs.artifacts.%s, which is not supplied",
                             callee_name, name);
        }
}
