/* workflow/engine/globals.c: the workflow.* variables, and the spec with them substituted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include <time.h>

void global_set(struct wf *wf, const char *name, const char *value)
{
        struct global *g;
        HASH_FIND_STR(wf->globals, name, g);
        if (!g) {
                g = NEW(struct global);
                g->name = mem_strdup(name);
                HASH_ADD_KEYPTR(hh, wf->globals, g->name, strlen(g->name), g);
        }
        mem_free(g->value);
        g->value = mem_strdup(value);
}

static void global_setf(struct wf *wf, const char *prefix, const char *name, const char *value)
{
        char *full = mem_printf("%s%s", prefix, name);
        global_set(wf, full, value);
        mem_free(full);
}

const char *global_get(const struct wf *wf, const char *name, size_t n)
{
        struct global *g;
        HASH_FIND(hh, wf->globals, name, n, g);
        return g ? g->value : NULL;
}

void globals_free(struct wf *wf)
{
        struct global *g, *next;
        HASH_ITER (hh, wf->globals, g, next) {
                HASH_DEL(wf->globals, g);
                mem_free(g->name);
                mem_free(g->value);
                mem_free(g);
        }
}

static void put_strftime(char *out, size_t n, char c, const struct tm *tm)
{
        switch (c) {
        case 'B': strftime(out, n, "%B", tm); break;
        case 'b': strftime(out, n, "%b", tm); break;
        case 'm': strftime(out, n, "%m", tm); break;
        case 'A': strftime(out, n, "%A", tm); break;
        case 'a': strftime(out, n, "%a", tm); break;
        case 'd': strftime(out, n, "%d", tm); break;
        case 'H': strftime(out, n, "%H", tm); break;
        case 'I': strftime(out, n, "%I", tm); break;
        case 'M': strftime(out, n, "%M", tm); break;
        case 'S': strftime(out, n, "%S", tm); break;
        case 'Y': strftime(out, n, "%Y", tm); break;
        case 'y': snprintf(out, n, "%02d", tm->tm_year % 100); break;
        case 'p': strftime(out, n, "%p", tm); break;
        case 'z': snprintf(out, n, "+0000"); break;
        default: snprintf(out, n, "UTC"); break;
        }
}

static void set_creation_time(struct wf *wf)
{
        static const char base[] = "workflow.creationTimestamp";
        time_t s = (time_t)(wf->created_ns / NS_PER_S);
        struct tm tm;
        char text[64];
        gmtime_r(&s, &tm);
        time_rfc3339(wf->created_ns, text);
        global_set(wf, base, text);
        global_setf(wf, base, ".RFC3339", text);
        snprintf(text, sizeof(text), "%lld", (long long)s);
        global_setf(wf, base, ".s", text);
        snprintf(text, sizeof(text), ".%03lld", (long long)(wf->created_ns / NS_PER_MS % 1000));
        global_setf(wf, base, ".L", text);
        for (const char *c = "BbmAadHIMSYypZz"; *c; c++) {
                char name[3] = {'.', *c, 0};
                put_strftime(text, sizeof(text), *c, &tm);
                global_setf(wf, base, name, text);
        }
}

static void set_map(struct wf *wf, const char *name, const json_t *map)
{
        char *prefix = mem_printf("workflow.%s.", name);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
                if (json_is_string(value))
                        global_setf(wf, prefix, key, json_string_value(value));
        }
        AUTO_JSON json_t *empty = json_object();
        char *text = json_text(map ? map : empty, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
        mem_free(prefix);
        prefix = mem_printf("workflow.%s", name);
        global_set(wf, prefix, text);
        global_setf(wf, prefix, ".json", text);
        mem_free(prefix);
        mem_free(text);
}

static void set_known(struct wf *wf)
{
        const char *account = json_str(wf->spec, "serviceAccountName");
        const char *entry = json_str(wf->spec, "entrypoint");
        const json_t *priority = json_object_get(wf->spec, "priority");
        const char *scheduled = json_str(wf->object, "metadata", "annotations",
                                         "workflows.argoproj.io/scheduled-time");
        global_set(wf, "workflow.name", wf->name);
        global_set(wf, "workflow.namespace", wf->ns);
        global_set(wf, "workflow.uid", wf->uid);
        global_set(wf, "workflow.mainEntrypoint", entry ? entry : "");
        global_set(wf, "workflow.serviceAccountName", account ? account : "");
        if (json_is_integer(priority)) {
                char *text = json_scalar_text(priority);
                global_set(wf, "workflow.priority", text);
                mem_free(text);
        }
        if (!str_empty(scheduled))
                global_set(wf, "workflow.scheduledTime", scheduled);
        set_creation_time(wf);
        set_map(wf, "labels", json_at(wf->object, "metadata", "labels"));
        set_map(wf, "annotations", json_at(wf->object, "metadata", "annotations"));
}

/* The members of a parameter in the order of Argo's struct, for {{workflow.parameters}} and
 * {{inputs.parameters}}. */
static int set_parameter(struct wf *wf, json_t *p, struct scope *s, struct err *e)
{
        const char *name = json_str(p, "name");
        const json_t *from = json_object_get(p, "valueFrom");
        char *text = NULL;
        if (json_object_get(p, "value")) {
                char *raw = json_scalar_text(json_object_get(p, "value"));
                struct tag_opts o = scope_tags(s);
                int r = tag_string(&text, raw, &o, e);
                mem_free(raw);
                if (r < 0)
                        return -1;
        } else if (json_object_get(from, "configMapKeyRef")) {
                if (args_config_map(&text, wf, from, e) < 0)
                        return err_wrap(e,
                                        "unable to retrieve workflow.parameters.%s from ConfigMap",
                                        name);
        } else if (json_object_get(from, "default"))
                text = json_scalar_text(json_object_get(from, "default"));
        else if (json_object_get(p, "default"))
                text = json_scalar_text(json_object_get(p, "default"));
        else if (!json_object_get(from, "supplied"))
                return err_set(e, ERR_INVALID,
                               "either value or valueFrom must be specified in order to set global "
                               "parameter %s",
                               name ? name : "");
        if (text) {
                global_setf(wf, "workflow.parameters.", name ? name : "", text);
                json_object_set_new_nocheck(p, "value", json_string_nocheck(text));
                mem_free(text);
        }
        return 0;
}

static int set_parameters(struct wf *wf, struct err *e)
{
        AUTO_JSON json_t *list = json_array();
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        size_t i;
        json_t *p;
        json_array_foreach (json_at(wf->spec, "arguments", "parameters"), i, p) {
                json_t *copy = json_copy(p);
                json_array_append_new(list, copy);
                if (set_parameter(wf, copy, &s, e) < 0)
                        return -1;
        }
        char *text = json_text(list, JSON_STYLE_GO_HTML);
        global_set(wf, "workflow.parameters", text);
        global_set(wf, "workflow.parameters.json", text);
        mem_free(text);
        if (json_array_size(list)) {
                json_t *args = json_copy(json_object_get(wf->spec, "arguments"));
                json_object_set_nocheck(args, "parameters", list);
                json_object_set_new_nocheck(wf->spec, "arguments", args);
        }
        return 0;
}

/* The whole spec but its templates and metrics: those are substituted when they run, or have
 * something to tell. */
static int substitute_spec(struct wf *wf, struct err *e)
{
        AUTO_JSON json_t *rest = json_copy(wf->spec);
        AUTO_JSON json_t *templates = json_incref(json_object_get(rest, "templates"));
        AUTO_JSON json_t *metrics = json_incref(json_object_get(rest, "metrics"));
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        json_t *out;
        json_object_del(rest, "templates");
        json_object_del(rest, "metrics");
        if (scope_tree(&out, rest, &s, e) < 0)
                return -1;
        if (out == rest) { /* shared: the set below must not change what others hold */
                json_decref(out);
                out = json_copy(rest);
        }
        if (templates)
                json_object_set_nocheck(out, "templates", templates);
        if (metrics)
                json_object_set_nocheck(out, "metrics", metrics);
        json_decref(wf->spec);
        wf->spec = out;
        return 0;
}

/* Outputs that were there before (recovery). */
static void set_old_outputs(struct wf *wf)
{
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(wf->outputs, "parameters"), i, p) {
                const char *name = json_str(p, "name"), *value = json_str(p, "value");
                if (name && value)
                        global_setf(wf, "workflow.outputs.parameters.", name, value);
        }
}

int globals_begin(struct wf *wf, struct err *e)
{
        set_known(wf);
        set_old_outputs(wf);
        if (set_parameters(wf, e) < 0)
                return -1;
        if (substitute_spec(wf, e) < 0)
                return -1;
        global_set(wf, "workflow.status", wf->phase); /* in the spec it is said later: in hooks */
        return 0;
}

static void put_global_output(struct wf *wf, const char *list, const char *name, json_t *item_taken)
{
        if (!wf->outputs)
                wf->outputs = json_object();
        json_t *items = json_object_get(wf->outputs, list);
        if (!items) {
                items = json_array();
                json_object_set_new_nocheck(wf->outputs, list, items);
        }
        json_object_set_new_nocheck(item_taken, "name", json_string_nocheck(name));
        json_object_del(item_taken, "globalName");
        wf->changed = true;
        for (size_t i = 0; i < json_array_size(items); i++)
                if (streq(json_str(json_array_get(items, i), "name"), name)) {
                        json_array_set_new(items, i, item_taken);
                        return;
                }
        json_array_append_new(items, item_taken);
}

/* Where the node's own output does not carry the name, its template's declaration does. */
static const char *global_name(const struct node *n, const char *list, const json_t *item)
{
        const char *own = json_str(item, "globalName"), *name = json_str(item, "name");
        if (own || !name || !n->tmpl)
                return own;
        return json_str(named_item(json_object_get(n->tmpl->outputs, list), name, strlen(name)),
                        "globalName");
}

void globals_take_outputs(struct wf *wf, uint32_t node)
{
        const struct node *n = node_at(wf, node);
        size_t i;
        json_t *item;
        if (!n->outputs || !n->tmpl || !n->tmpl->outputs)
                return;
        struct scope s = {
                .wf = wf, .frame = NONE, .inputs = n->inputs, .attempt = -1, .last_attempt = NONE};
        struct tag_opts o = scope_tags(&s);
        for (int k = 0; k < 2; k++) {
                const char *list = k ? "artifacts" : "parameters";
                json_array_foreach (json_object_get(n->outputs, list), i, item) {
                        const char *name = global_name(n, list, item);
                        char *resolved;
                        if (str_empty(name) || tag_string(&resolved, name, &o, NULL) < 0)
                                continue;
                        if (!k && json_object_get(item, "value")) {
                                char *text = json_scalar_text(json_object_get(item, "value"));
                                global_setf(wf, "workflow.outputs.parameters.", resolved, text);
                                mem_free(text);
                        }
                        put_global_output(wf, list, resolved, json_copy(item));
                        mem_free(resolved);
                }
        }
}
