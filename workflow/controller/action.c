/* workflow/controller/action.c: see action.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/action.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"

static const char *const names[ACTION_COUNT] = {"suspend", "resume", "stop", "terminate", "set"};

const char *action_name(enum action_kind k)
{
        return names[k];
}

static void put_string(json_t *o, const char *key, const char *value)
{
        if (!str_empty(value))
                json_object_set_new(o, key, json_string(value));
}

static void put_annotation(json_t *patch, const struct action *a, struct wall now)
{
        AUTO_JSON json_t *wish = json_object();
        put_string(wish, "action", names[a->kind]);
        put_string(wish, "nodeFieldSelector", a->node_field_selector);
        put_string(wish, "message", a->message);
        put_string(wish, "phase", a->phase);
        if (a->outputs)
                json_object_set(wish, "outputs", (json_t *)(uintptr_t)a->outputs);
        char id[33];
        event_id_new(now, id);
        AUTO(mem_free) char *key = mem_printf(ACTION_ANNOTATION "%s", id);
        AUTO(mem_free) char *text = json_text(wish, JSON_STYLE_COMPACT);
        json_put_at(patch, json_string(text), "metadata", "annotations", key);
}

json_t *action_patch(const struct action *a, struct wall now)
{
        json_t *patch = json_object();
        bool all_nodes = str_empty(a->node_field_selector);
        switch (a->kind) {
        case ACTION_SUSPEND: json_put_at(patch, json_true(), "spec", "suspend"); break;
        case ACTION_TERMINATE:
                json_put_at(patch, json_string("Terminate"), "spec", "shutdown");
                break;
        case ACTION_STOP:
                if (all_nodes)
                        json_put_at(patch, json_string("Stop"), "spec", "shutdown");
                else
                        put_annotation(patch, a, now);
                break;
        case ACTION_RESUME:
                if (all_nodes)
                        json_put_at(patch, json_null(), "spec", "suspend");
                put_annotation(patch, a, now);
                break;
        case ACTION_SET: put_annotation(patch, a, now); break;
        case ACTION_COUNT: break;
        }
        return patch;
}

struct wf_input action_input(const struct action *a)
{
        static const enum wf_input_kind kinds[ACTION_COUNT] = {WF_SUSPEND, WF_RESUME, WF_STOP,
                                                               WF_TERMINATE, WF_SET};
        return (struct wf_input){.kind = kinds[a->kind],
                                 .node_field_selector = str_empty(a->node_field_selector)
                                                                ? NULL
                                                                : a->node_field_selector,
                                 .message = a->message ? a->message : "",
                                 .set_phase = a->phase,
                                 .outputs = a->outputs,
                                 .exit_code = -1};
}

int action_read(struct action *out, json_t **keep, const char *text, struct err *e)
{
        AUTO_JSON json_t *wish = NULL;
        if (json_parse(&wish, text, strlen(text), e) < 0)
                return err_wrap(e, "action");
        const char *name = json_str(wish, "action");
        for (int k = 0; k < ACTION_COUNT; k++) {
                if (!streq(name, names[k]))
                        continue;
                *out = (struct action){.kind = (enum action_kind)k,
                                       .node_field_selector = json_str(wish, "nodeFieldSelector"),
                                       .message = json_str(wish, "message"),
                                       .phase = json_str(wish, "phase"),
                                       .outputs = json_object_get(wish, "outputs")};
                *keep = TAKE(wish);
                return 0;
        }
        return err_set(e, ERR_INVALID, "action: unknown action \"%s\"", name ? name : "");
}

static const json_t *find_nothing(void *arg UNUSED, const char *kind UNUSED, const char *ns UNUSED,
                                  const char *name UNUSED)
{
        return NULL;
}

int action_check(const struct action *a, const json_t *workflow, struct err *e)
{
        static const struct wf_lookup nothing = {find_nothing, NULL};
        static const struct wf_defaults defaults = {NULL, NULL};
        AUTO(wf_free) struct wf *wf = NULL;
        if (wf_new(&wf, workflow, &nothing, &defaults, e) < 0)
                return -1;
        struct wf_input in = action_input(a);
        return wf_check_action(wf, &in, e);
}
