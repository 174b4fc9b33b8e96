/* workflow/engine/suspend.c: suspend nodes: they wait for their duration, for somebody, or for
 * values (argo-workflows.md 2.13). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/suspend.h"
#include "workflow/engine/engine_priv.h"

/* Output parameters that somebody is to supply. */
static json_t *expected_outputs(const struct node *n)
{
        json_t *list = json_array(), *decl;
        size_t i;
        json_array_foreach (json_object_get(n->tmpl->outputs, "parameters"), i, decl) {
                if (json_is_object(json_at(decl, "valueFrom", "supplied")))
                        json_array_append_new(list, json_deep_copy(decl));
        }
        if (json_array_size(list))
                return json_pack("{s:o}", "parameters", list);
        json_decref(list);
        return NULL;
}

void suspend_open(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        struct scope s = {
                .wf = wf, .frame = NONE, .inputs = n->inputs, .attempt = -1, .last_attempt = NONE};
        struct err why = {0};
        if (wf_is_over(wf, n->exit_tree)) {
                node_set(wf, index, PHASE_FAILED, wf_over_message(wf));
                return;
        }
        if (!n->outputs) {
                json_t *outputs = expected_outputs(n);
                if (outputs)
                        node_set_outputs(wf, index, outputs);
        }
        const json_t *v = json_at(n->tmpl->body, "suspend", "duration");
        if (!v)
                return;
        char *raw = json_scalar_text(v), *text = NULL;
        struct tag_opts o = scope_tags(&s);
        int64_t ns;
        if (tag_string(&text, raw, &o, &why) < 0)
                exec_raise(wf, index, &why);
        else if (*text) {
                AUTO_JSON json_t *j = json_string(text);
                if (retry_duration(j, &ns))
                        control_timer(wf, n->started_s * NS_PER_S + ns, index);
                else {
                        err_set(&why, ERR_INVALID, "suspend.duration: '%s' is not a duration",
                                text);
                        exec_raise(wf, index, &why);
                }
        }
        mem_free(raw);
        mem_free(text);
}

/* The value an expected output falls back to: its default, else the input of the same name. */
static const char *fallback(const struct node *n, const json_t *p)
{
        const char *own = json_str(p, "valueFrom", "default"), *name = json_str(p, "name");
        if (own || !name)
                return own;
        return json_str(named_item(json_object_get(n->inputs, "parameters"), name, strlen(name)),
                        "value");
}

int suspend_check_resume(const struct node *n, struct err *e)
{
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(n->outputs, "parameters"), i, p) {
                if (!json_object_get(p, "value") && !fallback(n, p))
                        return err_set(e, ERR_INVALID,
                                       "raw output parameter '%s' has not been set and does not "
                                       "have a default value",
                                       json_str(p, "name"));
        }
        return 0;
}

int suspend_check_set(const struct node *n, const json_t *outputs, struct err *e)
{
        const json_t *expected = json_object_get(n->outputs, "parameters");
        size_t i;
        json_t *given;
        json_array_foreach (json_object_get(outputs, "parameters"), i, given) {
                const char *name = json_str(given, "name");
                const json_t *p = named_item(expected, name ? name : "", name ? strlen(name) : 0);
                if (!n->outputs)
                        return err_set(e, ERR_INVALID,
                                       "cannot set output parameters because node is not expecting "
                                       "any raw parameters");
                if (!p)
                        return err_set(e, ERR_INVALID,
                                       "node is not expecting output parameter '%s'",
                                       name ? name : "");
                if (!json_at(p, "valueFrom", "supplied"))
                        return err_set(e, ERR_INVALID,
                                       "cannot set output parameter '%s' because it does not use "
                                       "valueFrom.raw or it was already set",
                                       name);
        }
        return 0;
}

bool suspend_is_active(const struct node *n)
{
        return n->type == NODE_SUSPEND && n->phase == PHASE_RUNNING;
}

void suspend_resume(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(n->outputs, "parameters"), i, p) {
                const char *value = json_object_get(p, "value") ? NULL : fallback(n, p);
                if (value)
                        json_object_set_new_nocheck(p, "value", json_string_nocheck(value));
        }
        node_set(wf, index, PHASE_SUCCEEDED, NULL);
        globals_take_outputs(wf, index);
}

static void supply(struct node *n, const json_t *outputs)
{
        size_t i;
        json_t *given;
        json_array_foreach (json_object_get(outputs, "parameters"), i, given) {
                const char *name = json_str(given, "name");
                json_t *p =
                        (json_t *)(uintptr_t)named_item(json_object_get(n->outputs, "parameters"),
                                                        name ? name : "", name ? strlen(name) : 0);
                if (!p)
                        continue;
                json_object_set_nocheck(p, "value", json_object_get(given, "value"));
                json_object_del(p, "valueFrom");
        }
}

void suspend_set(struct wf *wf, uint32_t index, const struct wf_input *in)
{
        enum node_phase phase = node_phase_parse(in->set_phase);
        const char *message = str_empty(in->message) ? NULL : in->message;
        struct node *n = node_at(wf, index);
        supply(n, in->outputs);
        node_touch(wf, index);
        node_set(wf, index, phase == PHASE_NONE ? n->phase : phase, message);
        globals_take_outputs(wf, index);
}

void suspend_due(struct wf *wf, uint32_t index)
{
        struct err why = {0};
        if (!suspend_is_active(node_at(wf, index)))
                return;
        if (suspend_check_resume(node_at(wf, index), &why) < 0)
                exec_raise(wf, index, &why);
        else
                suspend_resume(wf, index);
}
