/* workflow/runner/local/part.c: one container -> records: its command, its place, its limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/build_priv.h"

/* Kubernetes' rule: a command replaces the image's entrypoint and its arguments; args alone replace
 * its arguments. */
static int put_command(struct part *part, struct err *e)
{
        const json_t *command = json_object_get(part->container, "command"),
                     *args = json_object_get(part->container, "args");
        const char *name = json_str(part->container, "image");
        bool own = json_array_size(command);
        if (!own)
                command = part->image.command;
        if (!own && !json_array_size(args))
                args = part->image.args;
        if (!json_array_size(command)) { /* an image may have arguments only */
                command = args;
                args = NULL;
        }
        if (!json_array_size(command) || (!own && !part->image.known))
                return err_set(e, ERR_INVALID,
                               "image \"%s\": no command: the local runner does not pull images: "
                               "load it (tiphys image load FILE), or add `command` to the template "
                               "or to this image in the `images` configuration",
                               name ? name : "");
        env_args(part->env, command);
        env_args(part->env, args);
        return 0;
}

static int put_script(struct part *part, struct err *e)
{
        const json_t *source = json_object_get(part->container, "source");
        if (!json_is_string(source))
                return err_set(e, ERR_INVALID, "script.source: expected a string, found %s",
                               source ? "something else" : "nothing");
        wire_put(&part->records, S_SCRIPT, json_string_value(source), json_string_length(source));
        return 0;
}

static void put_place(struct part *part)
{
        struct buf *b = &part->records;
        const char *cwd = json_str(part->container, "workingDir"),
                   *log = json_str(part->container, "terminationMessagePath");
        size_t i;
        json_t *layer;
        cwd = str_empty(cwd) ? part->image.workdir : cwd;
        if (part->build->grouped) {
                wire_put_str(b, S_NAME, part->name);
                wire_put_u64(b, S_ROLE, part->role);
        }
        wire_put_str(b, S_ROOT, part->image.root ? part->image.root : "/");
        json_array_foreach (part->image.layers, i, layer)
                wire_put_str(b, S_LOWER, json_string_value(layer));
        wire_put_str(b, S_CWD, str_empty(cwd) ? NULL : cwd);
        wire_put_str(b, S_TERMINATION_LOG, log ? log : "/dev/termination-log");
}

static int put_limit(struct part *part, const char *what, enum wire_tag tag, bool milli,
                     struct err *e)
{
        const json_t *own = json_at(part->container, "resources", "limits", what),
                     *pod = json_at(part->build->template, "podResources", "limits", what);
        int64_t n;
        own = own ? own : pod;
        if (!own)
                return 0;
        if (!quantity_of(own, milli, &n) || n < 0)
                return err_set(e, ERR_INVALID, "resources.limits.%s: not a quantity", what);
        if (n)
                wire_put_u64(&part->records, tag, (uint64_t)n);
        return 0;
}

/* containerSet: its graph and its retries. */
static int put_graph(struct part *part, struct err *e)
{
        const json_t *set = json_object_get(part->build->template, "containerSet"),
                     *retry = json_object_get(set, "retryStrategy");
        size_t i;
        json_t *name;
        int64_t retries = 0, pause_ns = 0;
        if (!set || part->role != ROLE_MAIN)
                return 0;
        json_array_foreach (json_object_get(part->container, "dependencies"), i, name)
                wire_put_str(&part->records, S_AFTER, json_string_value(name));
        if (!retry)
                return 0;
        AUTO(mem_free)
        char *text = json_object_get(retry, "retries")
                             ? json_scalar_text(json_object_get(retry, "retries"))
                             : mem_strdup("0");
        const char *pause = json_str(retry, "duration");
        if (!str_to_i64(text, &retries) || retries < 0)
                return err_set(e, ERR_INVALID,
                               "containerSet.retryStrategy.retries: expected a "
                               "number, found \"%s\"",
                               text);
        if (!str_empty(pause) && (!duration_parse(pause, &pause_ns) || pause_ns < 0))
                return err_set(e, ERR_INVALID,
                               "containerSet.retryStrategy.duration: expected a "
                               "duration such as 2s, found \"%s\"",
                               pause);
        wire_put_u64(&part->records, S_RETRIES, (uint64_t)retries);
        wire_put_u64(&part->records, S_RETRY_MS, (uint64_t)(pause_ns / NS_PER_MS));
        return 0;
}

static void put_image_env(struct part *part)
{
        size_t i;
        json_t *pair;
        json_array_foreach (part->image.env, i, pair) {
                const char *text = json_string_value(pair), *eq = text ? strchr(text, '=') : NULL;
                AUTO(mem_free) char *name = eq ? mem_strndup(text, (size_t)(eq - text)) : NULL;
                if (name && *name)
                        env_set(part->env, name, eq + 1);
        }
}

int part_put(struct part *part, const struct pod_request *req, struct err *e)
{
        struct build *build = part->build;
        const char *image = json_str(part->container, "image");
        bool main = part->role == ROLE_MAIN;
        part->env = env_new(build->r, req, part->container, part->name);
        if (image_find(&part->image, build->r->images, image, e) < 0)
                return -1;
        part->env->private_network = build->private_network;
        put_image_env(part);
        put_place(part);
        wire_put_u64(&part->records, S_CAPTURE,
                     main && streq(part->name, "main") && req->capture_result);
        if (put_command(part, e) < 0 || (part->is_script && put_script(part, e) < 0) ||
            put_security(part, e) < 0 || put_mounts(part, e) < 0 || put_actions(part, e) < 0 ||
            put_graph(part, e) < 0 || put_limit(part, "memory", S_MEMORY, false, e) < 0 ||
            put_limit(part, "cpu", S_CPU_MILLI, true, e) < 0)
                return -1;
        if (main && request_log(&part->records, req, part->name, e) < 0)
                return -1;
        return env_add_container(part->env, part->container, e);
}
