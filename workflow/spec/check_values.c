/* workflow/spec/check_values.c: parameters and artifacts: where they may come from, what a call
 * must supply. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"

bool check_given(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);
        return v && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v));
}

bool check_has_value(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);
        return v && !json_is_null(v);
}

const json_t *check_named(const json_t *list, const char *name)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                if (name && streq(json_str(item, "name"), name))
                        return item;
        }
        return NULL;
}

/* ---- where an artifact is ---- */

/* In Argo's order: the first that is there decides. `full` are the fields a whole location has,
 * `key` alone is enough with a default repository. */
static const struct {
        const char *kind, *full[3], *key;
} locations[] = {
        {"artifactory", {"url"}, NULL},
        {"azure", {"container", "blob"}, "blob"},
        {"git", {"repo"}, NULL},
        {"gcs", {"bucket", "key"}, "key"},
        {"hdfs", {"addresses"}, "path"},
        {"http", {"url"}, NULL},
        {"oss", {"bucket", "endpoint", "key"}, "key"},
        {"raw", {NULL}, NULL},
        {"s3", {"endpoint", "bucket", "key"}, "key"},
        {"plugin", {"name", "key"}, "key"},
        {"folder", {"key"}, "key"},
};

static bool has_location(const json_t *artifact)
{
        for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
                const json_t *at = json_object_get(artifact, locations[i].kind);
                bool full = true;
                if (!json_is_object(at))
                        continue;
                for (size_t k = 0; k < 3 && locations[i].full[k]; k++)
                        full = full && check_given(at, locations[i].full[k]);
                return full || (locations[i].key && check_given(at, locations[i].key));
        }
        return false;
}

static void check_hdfs(struct check *c, const json_t *hdfs, const struct jpath *at)
{
        bool cache = check_has_value(hdfs, "krbCCacheSecret"),
             keytab = check_has_value(hdfs, "krbKeytabSecret");
        bool service = check_given(hdfs, "krbServicePrincipalName") &&
                       check_has_value(hdfs, "krbConfigConfigMap");
        const char *path = json_str(hdfs, "path");
        if (!json_array_size(json_object_get(hdfs, "addresses")))
                FAIL(c, at, "E313", NULL, "hdfs.addresses is required");
        if (str_empty(path))
                FAIL(c, at, "E313", NULL, "hdfs.path is required");
        else if (*path != '/')
                FAIL(c, at, "E313", NULL, "hdfs.path must be an absolute path");
        if (!cache && !keytab && !check_given(hdfs, "hdfsUser"))
                FAIL(c, at, "E313", NULL,
                     "one of hdfs.hdfsUser, hdfs.krbCCacheSecret and hdfs.krbKeytabSecret is "
                     "required");
        if ((cache || keytab) && !service)
                FAIL(c, at, "E313", NULL,
                     "Kerberos needs hdfs.krbServicePrincipalName and hdfs.krbConfigConfigMap");
        if (keytab && (!check_given(hdfs, "krbUsername") || !check_given(hdfs, "krbRealm")))
                FAIL(c, at, "E313", NULL,
                     "hdfs.krbUsername and hdfs.krbRealm are required with a keytab");
}

void check_artifact_location(struct check *c, const json_t *location, const struct jpath *at)
{
        struct jpath here = jpath_key(at, "git");
        if (json_is_object(json_object_get(location, "git")) &&
            !check_given(json_object_get(location, "git"), "repo"))
                FAIL(c, &here, "E313", NULL, "git.repo is required");
        here = jpath_key(at, "hdfs");
        if (json_is_object(json_object_get(location, "hdfs")))
                check_hdfs(c, json_object_get(location, "hdfs"), &here);
}

/* Go's filepath.Clean for absolute and relative slash paths. Heap. */
static char *clean_path(const char *path)
{
        char *out = mem_alloc(strlen(path) + 2);
        size_t n = 0, depth = 0;
        bool rooted = *path == '/';
        if (rooted)
                out[n++] = '/';
        for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
                size_t len = strcspn(p, "/");
                bool up = len == 2 && memcmp(p, "..", 2) == 0;
                if (up && depth) {
                        depth--;
                        while (n > rooted && out[n - 1] != '/')
                                n--;
                        n -= n > rooted;
                } else if (!(up && rooted) && !(len == 1 && *p == '.')) {
                        depth += !up;
                        if (n > rooted)
                                out[n++] = '/';
                        memcpy(out + n, p, len);
                        n += len;
                }
                p += len;
        }
        out[n] = 0;
        return out;
}

/* Artifacts of leaves need a path, and ".." may not lead out of the folder it stands in. */
void check_artifact_path(struct check *c, const json_t *artifact, const struct jpath *at)
{
        const char *path = json_str(artifact, "path");
        struct jpath here = jpath_key(at, "path");
        if (str_empty(path)) {
                FAIL(c, at, "E313", NULL, "artifact '%s' did not specify a path",
                     json_str(artifact, "name"));
                return;
        }
        const char *up = strstr(path, "/../");
        size_t safe = up ? (size_t)(up - path) : str_ends(path, "/..") ? strlen(path) - 3 : 0;
        AUTO(mem_free) char *clean = clean_path(path);
        if (safe && !(strncmp(clean, path, safe) == 0 && clean[safe] == '/' && clean[safe + 1]))
                FAIL(c, &here, "E313", NULL,
                     "artifact '%s' attempted to use a path containing '..': directory traversal "
                     "is not permitted",
                     json_str(artifact, "name"));
}

/* ---- arguments ---- */

/* False: Argo stops looking at the arguments here. */
static bool check_enum(struct check *c, const json_t *p, bool may_be_empty, const struct jpath *at)
{
        const json_t *list = json_object_get(p, "enum");
        struct jpath here = jpath_key(at, "enum");
        size_t i;
        json_t *item;
        if (!list || json_is_null(list))
                return true;
        if (!json_array_size(list)) {
                FAIL(c, &here, "E311", NULL, "enum should contain at least one value");
                return true;
        }
        if (!check_has_value(p, "value")) {
                if (!may_be_empty)
                        FAIL(c, at, "E306", NULL, "value is required beside enum");
                return !may_be_empty;
        }
        AUTO(mem_free) char *text = json_scalar_text(json_object_get(p, "value"));
        bool found = false;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                AUTO(mem_free) char *other = json_scalar_text(item);
                found = found || strcmp(text, other) == 0;
        }
        here = jpath_key(at, "value");
        if (!found)
                FAIL(c, &here, "E311", NULL, "value '%s' should be present in the enum list", text);
        return true;
}

static void check_value_from(struct check *c, const json_t *p, const struct jpath *at)
{
        static const char *const refused[] = {"path", "jsonPath", "parameter", "expression"};
        const json_t *from = json_object_get(p, "valueFrom");
        struct jpath here = jpath_key(at, "valueFrom");
        bool fine = check_has_value(from, "configMapKeyRef") || check_given(from, "event") ||
                    check_has_value(from, "supplied");
        if (!json_is_object(from))
                return;
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
                fine = fine && !check_given(from, refused[i]);
        if (!fine)
                FAIL(c, &here, "E312", NULL,
                     "valueFrom only allows default, configMapKeyRef and supplied here");
}

static bool check_parameters(struct check *c, const json_t *list, bool may_be_empty,
                             const struct jpath *at)
{
        size_t i;
        json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)list, i, p) {
                struct jpath here = jpath_index(at, i);
                if (!check_has_value(p, "value") && !check_has_value(p, "valueFrom") &&
                    !may_be_empty)
                        FAIL(c, &here, "E306", NULL, "value or valueFrom is required");
                check_value_from(c, p, &here);
                if (!check_enum(c, p, may_be_empty, &here))
                        return false;
        }
        return true;
}

static void check_names(struct check *c, const json_t *list, const char *what,
                        const struct jpath *at)
{
        struct check_name *seen = NULL;
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                struct jpath here = jpath_index(at, i);
                check_name(c, item, what, NAME_VALUE, &seen, &here);
        }
        check_set_free(&seen);
}

void check_arguments(struct check *c, const json_t *arguments, bool may_be_empty,
                     const struct jpath *at)
{
        const json_t *parameters = json_object_get(arguments, "parameters"),
                     *artifacts = json_object_get(arguments, "artifacts");
        struct jpath up = jpath_key(at, "parameters"), list = jpath_key(at, "artifacts");
        size_t i;
        json_t *a;
        check_names(c, parameters, "parameter", &up);
        check_names(c, artifacts, "artifact", &list);
        if (!check_parameters(c, parameters, may_be_empty, &up))
                return;
        json_array_foreach ((json_t *)(uintptr_t)artifacts, i, a) {
                struct jpath here = jpath_index(&list, i);
                bool from = check_given(a, "from"), expression = check_given(a, "fromExpression");
                if (!from && !expression && !has_location(a))
                        FAIL(c, &here, "E313", NULL, "from, artifact location, or key is required");
                if (from && expression)
                        FAIL(c, &here, "E313", NULL,
                             "only one of from and fromExpression may be given");
        }
}

/* ---- inputs ---- */

void check_inputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at)
{
        const json_t *inputs = json_object_get(body, "inputs");
        struct jpath top = jpath_key(at, "inputs"), up = jpath_key(&top, "parameters");
        size_t i;
        json_t *a;
        check_names(c, json_object_get(inputs, "parameters"), "parameter", &up);
        up = jpath_key(&top, "artifacts");
        check_names(c, json_object_get(inputs, "artifacts"), "artifact", &up);
        json_array_foreach (json_object_get(inputs, "artifacts"), i, a) {
                struct jpath here = jpath_index(&up, i), path = jpath_key(&here, "path"),
                             from = jpath_key(&here, "from");
                if (check_is_leaf(type))
                        check_artifact_path(c, a, &here);
                else if (check_given(a, "path"))
                        FAIL(c, &path, "E313", NULL,
                             "path is only valid in container and script templates");
                if (check_given(a, "from"))
                        FAIL(c, &from, "E313", NULL, "from is not valid in inputs");
                check_artifact_location(c, a, &here);
        }
}

/* ---- calls ---- */

/* Argo's ProcessArgs: an argument's value, else the input's own value or default; else a ConfigMap.
 */
static bool parameter_supplied(const json_t *input, const json_t *arg)
{
        bool value = check_has_value(input, "value") || check_has_value(input, "default");
        const json_t *from = json_object_get(input, "valueFrom");
        if (arg && check_has_value(arg, "value"))
                value = true;
        else if (arg)
                from = json_object_get(arg, "valueFrom");
        return value || check_has_value(from, "configMapKeyRef");
}

void check_supplied(struct check *c, const json_t *callee, const char *callee_name,
                    const json_t *arguments, const struct jpath *at)
{
        size_t i;
        json_t *item;
        json_array_foreach (json_at(callee, "inputs", "parameters"), i, item) {
                const char *name = json_str(item, "name");
                if (!parameter_supplied(
                            item, check_named(json_object_get(arguments, "parameters"), name)))
                        FAIL(c, at, "E307", NULL,
                             "template '%s' needs inputs.parameters.%s, which is not supplied",
                             callee_name, name);
        }
        json_array_foreach (json_at(callee, "inputs", "artifacts"), i, item) {
                const char *name = json_str(item, "name");
                if (!has_location(item) && !json_is_true(json_object_get(item, "optional")) &&
                    !check_named(json_object_get(arguments, "artifacts"), name))
                        FAIL(c, at, "E307", NULL,
                             "template '%s' needs inputs.artifacts.%s, which is not supplied",
                             callee_name, name);
        }
}
