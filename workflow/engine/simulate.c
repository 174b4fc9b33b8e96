/* workflow/engine/simulate.c: see simulate.h. Events at one instant come in this order: pods that
 * end, actions with a time, timers; actions that wait for idleness come when nothing else will
 * happen. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/replay.h"
#include "workflow/engine/simulate_priv.h"
#include "workflow/spec/validate.h"

enum { SIM_MAX_STEPS = 1000000 };

/* ---- objects ---- */

static const json_t *find_object(void *arg, const char *kind, const char *ns, const char *name)
{
        (void)ns;
        return sim_object(arg, kind, name);
}

/* ---- pods ---- */

static struct sim_pod *pod_find(struct simulation *s, const char *id)
{
        struct sim_pod *p;
        HASH_FIND_STR(s->pods, id, p);
        return p;
}

static void pod_free(struct sim_pod *p)
{
        mem_free(p->id);
        mem_free(p->name);
        mem_free(p->pod_name);
        json_decref(p->template);
        mem_free(p);
}

static void pod_add(struct simulation *s, const struct wf_command *c, json_t *wave)
{
        struct sim_pod *p = NEW(struct sim_pod);
        p->id = mem_strdup(c->node_id);
        p->name = mem_strdup(c->node_name);
        p->pod_name = mem_strdup(c->pod_name);
        p->template = json_incref(c->template);
        p->work = c->work;
        p->capture = c->capture_result;
        p->exit_tree = c->exit_tree;
        p->deadline_s = c->deadline_s;
        HASH_ADD_KEYPTR(hh, s->pods, p->id, strlen(p->id), p);
        sim_pod_plan(s, p);
        json_array_append_new(wave, json_string(p->name));
}

static void add_wave(struct simulation *s, json_t *names)
{
        json_int_t t = (json_int_t)((s->now_ns - s->start_ns) / NS_PER_S);
        json_t *last = json_array_get(s->waves, json_array_size(s->waves) - 1);
        if (last && json_integer_value(json_object_get(last, "t")) == t &&
            json_integer_value(json_object_get(last, "step")) == (json_int_t)s->steps)
                json_array_extend(json_object_get(last, "nodes"), names);
        else
                json_array_append_new(s->waves, json_pack("{s:I,s:I,s:O}", "t", t, "step",
                                                          (json_int_t)s->steps, "nodes", names));
}

/* ---- a step of the engine ---- */

/* What a controller writes back to the stored object. */
static void write_back(struct simulation *s)
{
        AUTO_JSON json_t *ours = wf_metadata_json(s->wf);
        json_t *status = wf_status_json(s->wf),
               *metadata = json_deep_copy(json_object_get(s->workflow, "metadata"));
        const char *kind;
        json_t *map;
        json_object_foreach (ours, kind, map) {
                json_t *there = json_object_get(metadata, kind);
                if (there)
                        json_object_update(there, map);
                else
                        json_object_set(metadata, kind, map);
        }
        json_object_set_new(status, "nodes", wf_nodes_json(s->wf));
        json_object_set_new(s->workflow, "status", status);
        json_object_set_new(s->workflow, "metadata", metadata);
}

json_t *sim_stored(struct simulation *s)
{
        write_back(s);
        return s->workflow;
}

int sim_load(struct simulation *s, struct err *e)
{
        wf_free(s->wf);
        s->wf = NULL;
        struct wf_defaults defaults = {.any_storage = true, .max_nodes = s->options->max_nodes};
        if (wf_new(&s->wf, s->workflow, &s->lookup, &defaults, e) < 0)
                return -1;
        locks_free(s->locks); /* the table restarts with the engine */
        s->locks = locks_new(&s->lookup);
        locks_restore_all(s->locks, s->wf);
        return 0;
}

static void carry_out(void *arg, const struct wf_input *in, size_t n, struct wf_commands *commands)
{
        struct simulation *s = arg;
        AUTO_JSON json_t *wave = json_array();
        if (s->recording)
                replay_record(s->recording, in, n, (struct wall){s->now_ns});
        for (size_t i = 0; i < commands->n; i++) {
                const struct wf_command *c = &commands->items[i];
                struct sim_pod *p;
                switch (c->kind) {
                case WF_START_POD:
                        if (!pod_find(s, c->node_id))
                                pod_add(s, c, wave);
                        break;
                case WF_KILL_POD:
                        p = pod_find(s, c->node_id);
                        if (p)
                                p->ended = true;
                        break;
                case WF_SET_TIMER: s->timer_ns = c->at.ns; break;
                case WF_CACHE: sim_store_entry(s, c->data); break;
                case WF_RELEASE:
                        locks_release_command(s->locks, wf_key(s->wf), c->node_id, c->data);
                        break;
                case WF_LOCKS:
                case WF_NODE_CHANGED:
                case WF_CHANGED:
                case WF_FINISHED: break;
                }
        }
        if (json_array_size(wave))
                add_wave(s, wave);
        s->progressed = s->progressed || commands->n > 0;
}

static void step_engine(struct simulation *s, const struct wf_input *in, size_t n)
{
        locks_step(s->locks, &(struct locks_step){.wf = s->wf,
                                                  .in = in,
                                                  .n = n,
                                                  .now = {s->now_ns},
                                                  .carry_out = carry_out,
                                                  .arg = s});
}

static int step(struct simulation *s, const struct wf_input *in, size_t n, struct err *e)
{
        bool timer = n == 1 && in->kind == WF_TIMER; /* restored, the same timer would fire again */
        unsigned max = s->options->max_steps ? s->options->max_steps : SIM_MAX_STEPS;
        if (++s->steps > max)
                return err_set(e, ERR_LIMIT, "the simulation does not end after %u steps", max);
        step_engine(s, in, n);
        if (!s->options->restore_each_step || timer)
                return 0;
        write_back(s);
        if (sim_load(s, e) < 0)
                return -1;
        struct wf_input start = {.kind = WF_START};
        s->timer_ns = 0;
        step_engine(s, &start, 1);
        return 0;
}

/* New pods run at once. */
static int announce(struct simulation *s, struct err *e)
{
        for (;;) {
                struct wf_input *in = NULL;
                json_t **containers = NULL;
                size_t n = 0, cap = 0, cap_c = 0;
                for (struct sim_pod *p = s->pods; p; p = p->hh.next) {
                        if (p->running || p->ended || p->pending_forever || sim_is_request(p))
                                continue;
                        const char *ip = json_str(p->rule, "ip");
                        p->running = true;
                        mem_grow(in, cap, n + 1);
                        mem_grow(containers, cap_c, n + 1);
                        containers[n] = sim_pod_containers(p, false);
                        in[n] = (struct wf_input){.kind = WF_POD,
                                                  .node_id = p->id,
                                                  .pod_phase = POD_RUNNING,
                                                  .ready = true,
                                                  .containers = containers[n],
                                                  .message = "",
                                                  .exit_code = -1,
                                                  .ip = ip ? ip : "10.0.0.1",
                                                  .host = "node-1",
                                                  .started = {s->now_ns}};
                        n++;
                }
                int r = n ? step(s, in, n, e) : 0;
                for (size_t i = 0; i < n; i++)
                        json_decref(containers[i]);
                mem_free(containers);
                mem_free(in);
                if (r < 0 || !n)
                        return r;
        }
}

static int step_and_announce(struct simulation *s, const struct wf_input *in, size_t n,
                             struct err *e)
{
        return step(s, in, n, e) < 0 ? -1 : announce(s, e);
}

int sim_start(struct simulation *s, struct err *e)
{
        struct wf_input start = {.kind = WF_START};
        s->timer_ns = 0;
        return step_and_announce(s, &start, 1, e);
}

void sim_forget_pod(struct simulation *s, struct sim_pod *p)
{
        HASH_DEL(s->pods, p);
        pod_free(p);
}

static int end_pods(struct simulation *s, struct err *e)
{
        size_t n = 0, cap = 0, cap_m = 0, cap_o = 0, cap_c = 0;
        struct wf_input *in = NULL;
        char **messages = NULL;
        json_t **outputs = NULL, **containers = NULL;
        for (struct sim_pod *p = s->pods; p; p = p->hh.next) {
                if (p->ended || p->ends_ns > s->now_ns)
                        continue;
                p->ended = true;
                s->ended++;
                mem_grow(in, cap, n + 1);
                mem_grow(messages, cap_m, n + 1);
                mem_grow(outputs, cap_o, n + 1);
                mem_grow(containers, cap_c, n + 1);
                int phase = sim_pod_outcome(s, p, &messages[n], &outputs[n]);
                containers[n] = sim_pod_containers(p, true);
                in[n] = (struct wf_input){.kind = WF_POD,
                                          .node_id = p->id,
                                          .pod_phase = phase,
                                          .message = messages[n],
                                          .exit_code = -1,
                                          .outputs = outputs[n],
                                          .containers = containers[n],
                                          .started = {p->started_ns},
                                          .finished = {s->now_ns},
                                          .progress = json_str(p->rule, "progress")};
                n++;
        }
        int r = n ? step_and_announce(s, in, n, e) : 0;
        for (size_t i = 0; i < n; i++) {
                mem_free(messages[i]);
                json_decref(outputs[i]);
                json_decref(containers[i]);
        }
        mem_free(containers);
        mem_free(in);
        mem_free(messages);
        mem_free(outputs);
        return r;
}

/* ---- actions ---- */

/* From the object as it is now. */
static void start_recording(struct simulation *s)
{
        if (!s->options->check_replay || s->options->restore_each_step)
                return;
        json_decref(s->recording);
        json_decref(s->recorded);
        json_decref(s->recorded_objects);
        s->recording = json_object();
        s->recorded = json_deep_copy(s->workflow);
        s->recorded_objects = json_deep_copy(s->objects);
}

/* The first action that went otherwise than the script says is told of. */
static void blame(struct simulation *s, char *words_taken)
{
        if (s->failed_action)
                mem_free(words_taken);
        else
                s->failed_action = words_taken;
}

static int redo(struct simulation *s, const json_t *action, struct err *e)
{
        const char *expected = json_str(action, "error"), *name = json_str(action, "do");
        AUTO(mem_free) char *refused = NULL;
        if (sim_redo(s, action, &refused, e) < 0)
                return -1;
        s->progressed = true;
        if (refused && !expected)
                blame(s, mem_printf("%s was refused: %s", name, refused));
        if (!refused && expected)
                blame(s, mem_printf("%s was expected to be refused: %s", name, expected));
        if (!refused)
                start_recording(s);
        return refused ? 0 : sim_start(s, e);
}

static int act(struct simulation *s, const json_t *action, struct err *e)
{
        struct wf_input in = {.node_field_selector = json_str(action, "nodeFieldSelector"),
                              .message = json_str(action, "message"),
                              .exit_code = -1};
        const char *expected = json_str(action, "error"), *name = json_str(action, "do");
        if (streq(name, "retry") || streq(name, "resubmit"))
                return redo(s, action, e);
        if (!sim_action_kind(name, &in.kind))
                return err_set(e, ERR_UNSUPPORTED, "not supported yet: action %s",
                               name ? name : "");
        AUTO_JSON json_t *outputs = json_object();
        json_t *list = json_array(), *value;
        const char *key;
        json_object_foreach (json_object_get(action, "parameters"), key, value)
                json_array_append_new(list, json_pack("{s:s,s:O}", "name", key, "value", value));
        json_object_set_new(outputs, "parameters", list);
        in.outputs = outputs;
        struct err why = {0};
        if (wf_check_action(s->wf, &in, &why) < 0) {
                if (!expected)
                        blame(s, mem_printf("%s was refused: %s", name, err_msg(&why)));
                err_clear(&why);
                s->progressed = true;
                return 0;
        }
        sim_edit_spec(s, &in);
        if (expected)
                blame(s, mem_printf("%s was expected to be refused: %s", name, expected));
        return step_and_announce(s, &in, 1, e);
}

/* ---- time ---- */

static int64_t next_moment(const struct simulation *s)
{
        int64_t at = INT64_MAX;
        const json_t *a = sim_next_action(s);
        for (const struct sim_pod *p = s->pods; p; p = p->hh.next)
                if (!p->ended && p->ends_ns < at)
                        at = p->ends_ns;
        if (s->timer_ns && s->timer_ns < at)
                at = s->timer_ns;
        if (json_object_get(a, "at")) {
                int64_t t =
                        s->start_ns + (int64_t)(json_number_value(json_object_get(a, "at")) * 1e9);
                at = t < at ? t : at;
        }
        return at;
}

/* Everything that happens at s->now_ns. */
static int instant(struct simulation *s, struct err *e)
{
        const json_t *a = sim_next_action(s);
        if (json_object_get(a, "at") && sim_action_due(s, a, false)) {
                s->next_action++;
                if (act(s, a, e) < 0)
                        return -1;
        }
        if (end_pods(s, e) < 0)
                return -1;
        if (s->timer_ns && s->timer_ns <= s->now_ns && !wf_completed(s->wf)) {
                struct wf_input timer = {.kind = WF_TIMER};
                s->timer_ns = 0;
                return step_and_announce(s, &timer, 1, e);
        }
        return 0;
}

static int run(struct simulation *s, bool *stalled, struct err *e)
{
        if (sim_start(s, e) < 0)
                return -1;
        for (;;) {
                const json_t *a = sim_next_action(s);
                int64_t at = next_moment(s);
                bool idle = at == INT64_MAX;
                if (sim_action_due(s, a, idle)) {
                        s->next_action++;
                        if (act(s, a, e) < 0)
                                return -1;
                        continue;
                }
                if (wf_completed(s->wf))
                        return 0;
                if (idle) {
                        *stalled = true;
                        return 0;
                }
                s->now_ns = at > s->now_ns ? at : s->now_ns;
                if (instant(s, e) < 0)
                        return -1;
        }
}

static int check_supported(const struct simulation *s, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct shape_options options = {.simulation = true};
        if (wf_validate_with(s->workflow, &s->lookup, &options, &d) == 0)
                return 0;
        for (size_t i = 0; i < d.n; i++)
                if (d.items[i].severity == SEV_UNSUPPORTED)
                        return err_set(e, ERR_UNSUPPORTED, "%s: %s", d.items[i].path,
                                       d.items[i].msg);
        return 0;
}

/* The inputs of this run, told again to a fresh workflow, give the same state. */
static int check_replay(const struct simulation *s, const struct wf_defaults *defaults,
                        struct err *e)
{
        struct simulation before = {.objects = s->recorded_objects};
        const struct wf_lookup lookup = {find_object, &before};
        return s->recording ? replay_check(s->wf, s->recorded, s->recording, &lookup, defaults, e)
                            : 0;
}

static void hand_out(struct simulation *s)
{
        if (s->options->templates) {
                json_t *all = json_object();
                for (struct sim_pod *p = s->pods; p; p = p->hh.next)
                        json_object_set(all, p->name, p->template);
                *s->options->templates = all;
        }
        if (!s->options->workflow)
                return;
        write_back(s);
        json_t *status = wf_status_json(s->wf);
        json_object_set_new(status, "nodes", wf_nodes_json(s->wf));
        json_object_set_new(s->workflow, "status", status);
        *s->options->workflow = json_incref(s->workflow);
}

int simulate_run(json_t **result, const json_t *test_case, const struct simulate_options *o,
                 struct err *e)
{
        static const struct simulate_options defaults;
        struct simulation s = {.test_case = test_case, .options = o ? o : &defaults};
        const json_t *workflow = json_object_get(test_case, "workflow");
        const char *created = json_str(workflow, "metadata", "creationTimestamp");
        struct wf_defaults engine_defaults = {.any_storage = true,
                                              .max_nodes = s.options->max_nodes};
        bool stalled = false;
        if (!json_is_object(workflow) || !created || !time_parse_rfc3339(created, &s.start_ns))
                return err_set(e, ERR_INVALID,
                               "the case needs a workflow with metadata.creationTimestamp");
        s.now_ns = s.start_ns;
        s.lookup = (struct wf_lookup){find_object, &s};
        s.objects = json_deep_copy(json_object_get(test_case, "objects"));
        s.objects = s.objects ? s.objects : json_array();
        sim_put_limits(&s);
        s.locks = locks_new(&s.lookup);
        s.workflow = json_copy((json_t *)(uintptr_t)workflow);
        s.waves = json_array();
        start_recording(&s);
        int r = check_supported(&s, e);
        if (r == 0)
                r = wf_new(&s.wf, s.workflow, &s.lookup, &engine_defaults, e);
        if (r == 0)
                r = run(&s, &stalled, e);
        if (r == 0)
                r = check_replay(&s, &engine_defaults, e);
        if (r == 0)
                *result = sim_result(&s, stalled);
        if (r == 0)
                hand_out(&s);
        struct sim_pod *p, *next;
        HASH_ITER (hh, s.pods, p, next) {
                HASH_DEL(s.pods, p);
                pod_free(p);
        }
        wf_free(s.wf);
        json_decref(s.workflow);
        json_decref(s.waves);
        json_decref(s.recording);
        json_decref(s.recorded);
        json_decref(s.recorded_objects);
        json_decref(s.objects);
        locks_free(s.locks);
        mem_free(s.failed_action);
        return r;
}
