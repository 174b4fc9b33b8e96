/* workflow/engine/simulate_actions.c: what a user does in a simulation: in the order of the script,
 * each when its time has come. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/simulate_priv.h"

bool sim_action_kind(const char *name, enum wf_input_kind *kind)
{
        static const struct {
                const char *name;
                enum wf_input_kind kind;
        } known[] = {{"resume", WF_RESUME},
                     {"suspend", WF_SUSPEND},
                     {"stop", WF_STOP},
                     {"terminate", WF_TERMINATE},
                     {"set", WF_SET}};
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (streq(known[i].name, name)) {
                        *kind = known[i].kind;
                        return true;
                }
        return false;
}

/* What the action writes into the stored object. */
void sim_edit_spec(struct simulation *s, const struct wf_input *in)
{
        json_t *spec = json_copy(json_object_get(s->workflow, "spec"));
        json_object_set_new(s->workflow, "spec", spec);
        if (!str_empty(in->node_field_selector))
                return;
        if (in->kind == WF_STOP || in->kind == WF_TERMINATE)
                json_object_set_new(spec, "shutdown",
                                    json_string(in->kind == WF_STOP ? "Stop" : "Terminate"));
        if (in->kind == WF_SUSPEND || in->kind == WF_RESUME)
                json_object_set_new(spec, "suspend", json_boolean(in->kind == WF_SUSPEND));
}

const json_t *sim_next_action(const struct simulation *s)
{
        return json_array_get(json_object_get(s->test_case, "actions"), s->next_action);
}

bool sim_action_due(const struct simulation *s, const json_t *a, bool idle)
{
        const char *when = json_str(a, "when");
        if (!a)
                return false;
        if (json_object_get(a, "at"))
                return s->now_ns >=
                       s->start_ns + (int64_t)(json_number_value(json_object_get(a, "at")) * 1e9);
        if (json_object_get(a, "afterPods"))
                return (json_int_t)s->ended >= json_integer_value(json_object_get(a, "afterPods"));
        if (streq(when, "completed"))
                return wf_completed(s->wf);
        return idle && !wf_completed(s->wf);
}
