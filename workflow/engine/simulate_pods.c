/* workflow/engine/simulate_pods.c: what a scripted pod does. The first rule that fits is used
 * alone, else the default, else {}. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/simulate_priv.h"

bool sim_glob(const char *pattern, const char *text)
{
        const char *star = NULL, *retry = NULL;
        while (*text) {
                if (*pattern == '*') {
                        star = pattern++;
                        retry = text;
                } else if (*pattern == *text) {
                        pattern++;
                        text++;
                } else if (star) {
                        pattern = star + 1;
                        text = ++retry;
                } else
                        return false;
        }
        while (*pattern == '*')
                pattern++;
        return !*pattern;
}

static int64_t attempt_of(const json_t *node)
{
        const char *name = json_str(node, "name");
        int64_t n;
        if (!json_is_true(json_at(node, "nodeFlag", "retried")) || !str_ends(name, ")"))
                return 0;
        const char *open = strrchr(name, '(');
        char *digits = mem_strndup(open + 1, strlen(open) - 2);
        bool ok = str_to_i64(digits, &n);
        mem_free(digits);
        return ok ? n : 0;
}

static bool inputs_match(const json_t *node, const json_t *wanted)
{
        const char *key;
        json_t *value, *p;
        size_t i;
        json_object_foreach ((json_t *)(uintptr_t)wanted, key, value) {
                bool found = false;
                json_array_foreach (json_at(node, "inputs", "parameters"), i, p)
                        found = found || (streq(json_str(p, "name"), key) &&
                                          json_equal(json_object_get(p, "value"), value));
                if (!found)
                        return false;
        }
        return true;
}

static bool matches(const struct simulation *s, const struct sim_pod *p, const json_t *match)
{
        AUTO_JSON json_t *node = wf_node_json(s->wf, p->id);
        const char *template = json_str(match, "template"), *display = json_str(match, "node"),
                   *name = json_str(match, "name");
        const json_t *attempt = json_object_get(match, "attempt"),
                     *run = json_object_get(match, "run");
        if (template && !streq(template, json_str(p->template, "name")))
                return false;
        if (display && !sim_glob(display, json_str(node, "displayName")))
                return false;
        if (name && !sim_glob(name, p->name))
                return false;
        if (attempt && json_integer_value(attempt) != attempt_of(node))
                return false;
        if (run && json_integer_value(run) != (json_int_t)s->run)
                return false;
        return inputs_match(node, json_object_get(match, "inputs"));
}

const json_t *sim_rule(const struct simulation *s, const struct sim_pod *p)
{
        const json_t *pods = json_object_get(s->test_case, "pods");
        size_t i;
        json_t *rule;
        json_array_foreach (json_object_get(pods, "rules"), i, rule) {
                if (matches(s, p, json_object_get(rule, "match")))
                        return rule;
        }
        return json_object_get(pods, "default");
}

void sim_pod_plan(struct simulation *s, struct sim_pod *p)
{
        p->rule = sim_rule(s, p);
        const json_t *duration = json_object_get(p->rule, "duration");
        double seconds = duration ? json_number_value(duration)
                         : json_is_true(json_object_get(p->template, "daemon")) ? -1
                                                                                : 1;
        p->pending_forever = json_is_true(json_object_get(p->rule, "pending"));
        p->started_ns = s->now_ns;
        p->ends_ns = seconds < 0 ? INT64_MAX : s->now_ns + (int64_t)(seconds * 1e9);
        int64_t deadline = p->deadline_s && !sim_is_request(p)
                                   ? s->now_ns + p->deadline_s * NS_PER_S
                                   : INT64_MAX;
        p->deadline_hit = p->ends_ns > deadline;
        if (p->deadline_hit)
                p->ends_ns = deadline;
        if (p->pending_forever)
                p->ends_ns = INT64_MAX;
}

static void add_parameters(const struct sim_pod *p, json_t *outputs, bool only_scripted)
{
        const json_t *scripted = json_object_get(p->rule, "parameters");
        json_t *list = json_array(), *decl;
        size_t i;
        json_array_foreach (json_at(p->template, "outputs", "parameters"), i, decl) {
                const char *name = json_str(decl, "name"),
                           *given = name ? json_str(scripted, name) : NULL;
                const char *fallback = json_str(decl, "valueFrom", "default");
                if (!given && only_scripted)
                        continue;
                json_t *out = json_copy(decl);
                json_object_set_new(out, "value",
                                    json_string(given      ? given
                                                : fallback ? fallback
                                                           : ""));
                json_array_append_new(list, out);
        }
        if (json_array_size(list))
                json_object_set(outputs, "parameters", list);
        json_decref(list);
}

/* Its own location counts when it is a whole one; a key alone is completed by the repository. */
static char *artifact_key(const struct simulation *s, const struct sim_pod *p, const json_t *decl)
{
        static const char *const kinds[][3] = {{"s3", "bucket", "key"},
                                               {"gcs", "bucket", "key"},
                                               {"oss", "bucket", "key"},
                                               {"azure", "container", "blob"},
                                               {"hdfs", "addresses", "path"}};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                const char *key = json_str(decl, kinds[i][0], kinds[i][2]);
                if (key && json_at(decl, kinds[i][0], kinds[i][1]))
                        return mem_strdup(key);
        }
        bool none = json_object_get(json_object_get(decl, "archive"), "none");
        return mem_printf("%s/%s/%s%s", json_str(s->workflow, "metadata", "name"), p->pod_name,
                          json_str(decl, "name"), none ? "" : ".tgz");
}

static void add_artifacts(const struct simulation *s, const struct sim_pod *p, json_t *outputs,
                          bool only_scripted)
{
        static const char *const other_kinds[] = {"s3", "gcs", "oss", "azure", "hdfs"};
        const json_t *scripted = json_object_get(p->rule, "artifacts");
        json_t *list = json_array(), *decl;
        size_t i;
        json_array_foreach (json_at(p->template, "outputs", "artifacts"), i, decl) {
                const json_t *given = json_object_get(scripted, json_str(decl, "name"));
                if ((!given && only_scripted) || json_is_null(given))
                        continue;
                char *key = given ? mem_strdup(json_string_value(given)) : artifact_key(s, p, decl);
                json_t *out = json_copy(decl);
                for (size_t k = 0; k < ARRAY_LEN(other_kinds); k++)
                        json_object_del(out, other_kinds[k]);
                json_object_set_new(out, "folder", json_pack("{s:s}", "key", key));
                json_array_append_new(list, out);
                mem_free(key);
        }
        if (json_array_size(list))
                json_object_set(outputs, "artifacts", list);
        json_decref(list);
}

static int64_t exit_code(const struct sim_pod *p, int64_t otherwise)
{
        const json_t *code = json_object_get(p->rule, "exitCode");
        return code ? json_integer_value(code) : otherwise;
}

static void set_exit_code(json_t *outputs, int64_t code)
{
        char text[24];
        snprintf(text, sizeof(text), "%lld", (long long)code);
        json_object_set_new(outputs, "exitCode", json_string(text));
}

static char *with_reason(const char *what, const char *reason)
{
        return reason ? mem_printf("%s: %s", what, reason) : mem_strdup(what);
}

/* ---- container sets ---- */

static const json_t *set_of(const struct sim_pod *p)
{
        return json_at(p->template, "containerSet", "containers");
}

static int64_t container_code(const struct sim_pod *p, const char *name)
{
        const json_t *codes = json_object_get(p->rule, "containers");
        if (codes)
                return json_integer_value(json_object_get(codes, name));
        return exit_code(p, streq(json_str(p->rule, "phase"), "Failed") ? 1 : 0);
}

json_t *sim_pod_containers(const struct sim_pod *p, bool ended)
{
        json_t *out, *c;
        size_t i;
        if (!set_of(p) || streq(json_str(p->rule, "phase"), "Deleted"))
                return NULL;
        out = json_array();
        json_array_foreach ((json_t *)(uintptr_t)set_of(p), i, c) {
                const char *name = json_str(c, "name");
                json_t *state = json_pack("{s:s}", "name", name);
                if (ended)
                        json_object_set_new(
                                state, "exitCode",
                                json_integer(p->deadline_hit ? 143 : container_code(p, name)));
                json_array_append_new(out, state);
        }
        return out;
}

/* The first container that failed gives the pod its message; main gives it its exit code. */
static char *set_failure(const struct sim_pod *p)
{
        size_t i;
        json_t *c;
        json_array_foreach ((json_t *)(uintptr_t)set_of(p), i, c) {
                int64_t code = container_code(p, json_str(c, "name"));
                if (code)
                        return mem_printf("%s: Error (exit code %lld)", json_str(c, "name"),
                                          (long long)code);
        }
        return mem_strdup("main: Error (exit code 1)");
}

static bool has_main(const struct sim_pod *p)
{
        size_t i;
        json_t *c;
        json_array_foreach ((json_t *)(uintptr_t)set_of(p), i, c)
                if (streq(json_str(c, "name"), "main"))
                        return true;
        return !set_of(p);
}

/* Did the program itself fail? It goes before an executor that dies after it. */
static bool main_failed(const struct sim_pod *p)
{
        size_t i;
        json_t *c;
        json_array_foreach ((json_t *)(uintptr_t)set_of(p), i, c)
                if (container_code(p, json_str(c, "name")))
                        return true;
        return !set_of(p) && exit_code(p, 0) != 0;
}

static char *failure_of_main(const struct sim_pod *p)
{
        return set_of(p) ? set_failure(p)
                         : mem_printf("main: Error (exit code %lld)", (long long)exit_code(p, 1));
}

/* ---- the end ---- */

/* http and plugin nodes say what the script says. */
static int request_outcome(const struct sim_pod *p, char **message, json_t **outputs)
{
        const char *phase = json_str(p->rule, "phase"), *words = json_str(p->rule, "message");
        bool failed = streq(phase, "Failed"), error = streq(phase, "Error");
        json_t *out = json_object();
        *message = mem_strdup(words ? words : "");
        if (streq(phase, "Deleted"))
                error = true;
        if (json_str(p->rule, "result"))
                json_object_set(out, "result", json_object_get(p->rule, "result"));
        if (json_object_size(json_object_get(p->rule, "parameters"))) {
                json_t *list = json_array(), *v;
                const char *key;
                json_object_foreach (json_object_get(p->rule, "parameters"), key, v)
                        json_array_append_new(list,
                                              json_pack("{s:s,s:O}", "name", key, "value", v));
                json_object_set_new(out, "parameters", list);
        }
        *outputs = json_object_size(out) ? out : NULL;
        if (!*outputs)
                json_decref(out);
        return error ? POD_ERROR : failed ? POD_FAILED : POD_SUCCEEDED;
}

int sim_pod_outcome(const struct simulation *s, const struct sim_pod *p, char **message,
                    json_t **outputs)
{
        const char *phase = json_str(p->rule, "phase"), *words = json_str(p->rule, "message");
        const char *pod_words = json_str(p->rule, "podMessage"),
                   *result = json_str(p->rule, "result");
        bool failed = streq(phase, "Failed"), error = streq(phase, "Error");
        if (sim_is_request(p))
                return request_outcome(p, message, outputs);
        *message = mem_strdup("");
        *outputs = NULL;
        if (p->deadline_hit) {
                mem_free(*message);
                *message =
                        mem_strdup("Pod was active on the node longer than the specified deadline");
                *outputs = json_object();
                set_exit_code(*outputs, 143);
                return POD_FAILED;
        }
        if (streq(phase, "Deleted")) {
                mem_free(*message);
                *message = mem_strdup("pod deleted");
                return POD_ERROR;
        }
        *outputs = json_object();
        if (has_main(p))
                set_exit_code(*outputs,
                              set_of(p) ? container_code(p, "main") : exit_code(p, failed ? 1 : 0));
        if (failed || error) {
                char *what = failed || main_failed(p) ? failure_of_main(p)
                                                      : mem_strdup("wait: Error (exit code 64)");
                mem_free(*message);
                *message = pod_words ? mem_strdup(pod_words) : with_reason(what, words);
                mem_free(what);
        }
        if (error)
                return pod_words || main_failed(p) ? POD_FAILED : POD_ERROR;
        if (p->capture)
                json_object_set_new(*outputs, "result", json_string(result ? result : ""));
        add_parameters(p, *outputs, failed);
        add_artifacts(s, p, *outputs, failed);
        return failed ? POD_FAILED : POD_SUCCEEDED;
}
