/* workflow/engine/replay.c: see replay.h. One table names the fields of an input, so that writing
 * and reading cannot drift apart. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/replay.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stddef.h>

enum field_kind { FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_TREE, FIELD_WALL };
static const struct field {
        const char *name;
        enum field_kind kind;
        size_t at;
} fields[] = {
        {"node", FIELD_TEXT, offsetof(struct wf_input, node_id)},
        {"podPhase", FIELD_INT, offsetof(struct wf_input, pod_phase)},
        {"message", FIELD_TEXT, offsetof(struct wf_input, message)},
        {"exitCode", FIELD_INT, offsetof(struct wf_input, exit_code)},
        {"outputs", FIELD_TREE, offsetof(struct wf_input, outputs)},
        {"phase", FIELD_TEXT, offsetof(struct wf_input, set_phase)},
        {"progress", FIELD_TEXT, offsetof(struct wf_input, progress)},
        {"ready", FIELD_BOOL, offsetof(struct wf_input, ready)},
        {"containers", FIELD_TREE, offsetof(struct wf_input, containers)},
        {"ip", FIELD_TEXT, offsetof(struct wf_input, ip)},
        {"host", FIELD_TEXT, offsetof(struct wf_input, host)},
        {"started", FIELD_WALL, offsetof(struct wf_input, started)},
        {"finished", FIELD_WALL, offsetof(struct wf_input, finished)},
        {"nodeFieldSelector", FIELD_TEXT, offsetof(struct wf_input, node_field_selector)},
        {"spec", FIELD_TREE, offsetof(struct wf_input, spec)},
        {"granted", FIELD_BOOL, offsetof(struct wf_input, granted)},
        {"lock", FIELD_TEXT, offsetof(struct wf_input, lock)},
        {"holders", FIELD_TREE, offsetof(struct wf_input, holders)},
};

/* Numbers stay away from the names: an enum may grow in the middle. */
static const char *const kinds[] = {[WF_START] = "start",         [WF_POD] = "pod",
                                    [WF_TIMER] = "timer",         [WF_SUSPEND] = "suspend",
                                    [WF_RESUME] = "resume",       [WF_STOP] = "stop",
                                    [WF_TERMINATE] = "terminate", [WF_SET] = "set",
                                    [WF_SPEC] = "spec",           [WF_LOCK] = "lock"};

static json_t *field_json(const struct field *f, const struct wf_input *in)
{
        const void *at = (const char *)in + f->at;
        switch (f->kind) {
        case FIELD_TEXT: {
                const char *text = *(const char *const *)at;
                return text ? json_string(text) : NULL;
        }
        case FIELD_INT: return json_integer(*(const int *)at);
        case FIELD_BOOL: return *(const bool *)at ? json_true() : NULL;
        case FIELD_TREE: return json_deep_copy(*(const json_t *const *)at);
        case FIELD_WALL: return json_integer(((const struct wall *)at)->ns);
        }
        return NULL;
}

static void field_read(const struct field *f, const json_t *j, struct wf_input *in)
{
        void *at = (char *)in + f->at;
        switch (f->kind) {
        case FIELD_TEXT: *(const char **)at = json_string_value(j); break;
        case FIELD_INT: *(int *)at = (int)json_integer_value(j); break;
        case FIELD_BOOL: *(bool *)at = json_is_true(j); break;
        case FIELD_TREE: *(const json_t **)at = j; break;
        case FIELD_WALL: ((struct wall *)at)->ns = json_integer_value(j); break;
        }
}

static json_t *input_json(const struct wf_input *in)
{
        json_t *o = json_pack("{s:s}", "kind", kinds[in->kind]);
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                json_t *v = field_json(&fields[i], in);
                if (v)
                        json_object_set_new(o, fields[i].name, v);
        }
        return o;
}

static int input_read(struct wf_input *in, const json_t *j, struct err *e)
{
        const char *kind = json_str(j, "kind");
        size_t k = 0;
        while (k < ARRAY_LEN(kinds) && !streq(kinds[k], kind))
                k++;
        if (k == ARRAY_LEN(kinds))
                return err_set(e, ERR_INVALID, "a recorded input of kind \"%s\": there is none",
                               kind ? kind : "");
        *in = (struct wf_input){.kind = (enum wf_input_kind)k};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
                field_read(&fields[i], json_object_get(j, fields[i].name), in);
        return 0;
}

void replay_record(json_t *recording, const struct wf_input *in, size_t n, struct wall now)
{
        json_t *steps = json_object_get(recording, "steps"), *inputs = json_array();
        if (!steps) {
                steps = json_array();
                json_object_set_new(recording, "steps", steps);
        }
        for (size_t i = 0; i < n; i++)
                json_array_append_new(inputs, input_json(&in[i]));
        json_array_append_new(steps,
                              json_pack("{s:I,s:o}", "now", (json_int_t)now.ns, "inputs", inputs));
}

void replay_record_restart(json_t *recording, const char *node_id, struct wall now)
{
        replay_record(recording, NULL, 0, now);
        json_t *steps = json_object_get(recording, "steps");
        json_object_set_new(json_array_get(steps, json_array_size(steps) - 1), "restart",
                            json_string(node_id));
}

static int take_step(struct wf *wf, const json_t *step, struct err *e)
{
        const json_t *list = json_object_get(step, "inputs");
        const char *restarted = json_str(step, "restart");
        struct wall now = {json_integer_value(json_object_get(step, "now"))};
        size_t n = json_array_size(list);
        struct wf_input *in = mem_calloc(n + 1, sizeof(*in));
        struct wf_commands commands = {0};
        int r = 0;
        for (size_t i = 0; i < n && r == 0; i++)
                r = input_read(&in[i], json_array_get(list, i), e);
        if (restarted)
                wf_restart_pod(wf, restarted, now, &commands);
        else if (r == 0)
                engine_step(wf, in, n, now, &commands);
        wf_commands_deinit(&commands);
        mem_free(in);
        return r;
}

int replay_run(struct wf **out, const json_t *workflow, const json_t *recording,
               const struct wf_lookup *lookup, const struct wf_defaults *defaults, struct err *e)
{
        AUTO(wf_free) struct wf *wf = NULL;
        size_t i;
        json_t *step;
        if (wf_new(&wf, workflow, lookup, defaults, e) < 0)
                return -1;
        json_array_foreach (json_object_get(recording, "steps"), i, step) {
                if (take_step(wf, step, e) < 0)
                        return err_wrap(e, "step %zu", i);
        }
        *out = TAKE(wf);
        return 0;
}

char *replay_state(const struct wf *wf)
{
        AUTO_JSON json_t *all = json_pack("{s:o,s:o,s:o}", "metadata", wf_metadata_json(wf),
                                          "status", wf_status_json(wf), "nodes", wf_nodes_json(wf));
        return json_text(all, 0);
}

static size_t first_difference(const char *a, const char *b)
{
        size_t at = 0;
        while (a[at] && a[at] == b[at])
                at++;
        return at;
}

int replay_check(const struct wf *wf, const json_t *workflow, const json_t *recording,
                 const struct wf_lookup *lookup, const struct wf_defaults *defaults, struct err *e)
{
        AUTO(wf_free) struct wf *again = NULL;
        if (replay_run(&again, workflow, recording, lookup, defaults, e) < 0)
                return err_wrap(e, "replay");
        AUTO(mem_free) char *was = replay_state(wf), *is = replay_state(again);
        size_t at = first_difference(was, is), from = at > 20 ? at - 20 : 0;
        if (!was[at] && !is[at])
                return 0;
        return err_set(e, ERR_INTERNAL, "replay: the state is \"%.60s\" and was \"%.60s\"",
                       is + from, was + from);
}
