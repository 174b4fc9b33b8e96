/* tests/unit/workflow_engine/test_wf_engine.c: the contract of workflow/engine/engine.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include "workflow/engine/engine.h"

#define T0 INT64_C(946684800) /* 2000-01-01T00:00:00Z */

static json_t *workflow(const char *spec)
{
        json_t *s = json_loads(spec, 0, NULL);
        assert_non_null(s);
        return json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:o}", "kind", "Workflow", "metadata", "name",
                         "wf", "namespace", "default", "uid", "u1", "creationTimestamp",
                         "2000-01-01T00:00:00Z", "spec", s);
}

static const char two_steps[] =
        "{\"entrypoint\":\"main\",\"templates\":[{\"name\":\"main\",\"steps\":[[{\"name\":\"a\","
        "\"template\":\"p\"},"
        "{\"name\":\"b\",\"template\":\"p\"}],[{\"name\":\"c\",\"template\":\"p\"}]]},"
        "{\"name\":\"p\",\"container\":{\"image\":\"i\",\"command\":[\"true\"]}}]}";

struct run {
        json_t *object;
        struct wf *wf;
        struct wf_commands out;
        int64_t now_s;
};

static void begin(struct run *r, const char *spec)
{
        struct err e = {0};
        *r = (struct run){.object = workflow(spec), .now_s = T0};
        assert_int_equal(wf_new(&r->wf, r->object, NULL, NULL, &e), 0);
}

static void step(struct run *r, const struct wf_input *in, size_t n)
{
        wf_commands_deinit(&r->out);
        engine_step(r->wf, in, n, (struct wall){r->now_s * NS_PER_S}, &r->out);
}

static void start(struct run *r)
{
        struct wf_input in = {.kind = WF_START};
        step(r, &in, 1);
}

static void end(struct run *r)
{
        wf_commands_deinit(&r->out);
        wf_free(r->wf);
        json_decref(r->object);
}

static size_t count(const struct run *r, enum wf_command_kind kind)
{
        size_t n = 0;
        for (size_t i = 0; i < r->out.n; i++)
                n += r->out.items[i].kind == kind;
        return n;
}

static char *id_of(const struct run *r, const char *node_name)
{
        AUTO_JSON json_t *nodes = wf_nodes_json(r->wf);
        const char *id;
        json_t *n;
        json_object_foreach (nodes, id, n) {
                if (strcmp(json_str(n, "name"), node_name) == 0)
                        return mem_strdup(id);
        }
        fail_msg("no node %s", node_name);
        return NULL;
}

static void pod(struct run *r, const char *node_name, int phase)
{
        char *id = id_of(r, node_name);
        struct wf_input in = {.kind = WF_POD,
                              .node_id = id,
                              .pod_phase = phase,
                              .message = phase == POD_FAILED ? "boom" : "",
                              .exit_code = -1};
        step(r, &in, 1);
        mem_free(id);
}

static void runs_steps_to_the_end(void **state)
{
        struct run r;
        (void)state;
        begin(&r, two_steps);
        start(&r);
        assert_int_equal(count(&r, WF_START_POD), 2);
        assert_string_equal(wf_phase(r.wf), "Running");
        pod(&r, "wf[0].a", POD_SUCCEEDED);
        assert_int_equal(count(&r, WF_START_POD), 0);
        pod(&r, "wf[0].b", POD_SUCCEEDED);
        assert_int_equal(count(&r, WF_START_POD), 1);
        pod(&r, "wf[1].c", POD_SUCCEEDED);
        assert_int_equal(count(&r, WF_FINISHED), 1);
        assert_true(wf_completed(r.wf));
        assert_string_equal(wf_phase(r.wf), "Succeeded");
        end(&r);
}

static void names_each_changed_node_at_most_once_per_step(void **state)
{
        struct run r;
        (void)state;
        begin(&r, two_steps);
        start(&r);
        for (size_t i = 0; i < r.out.n; i++)
                for (size_t k = i + 1; k < r.out.n; k++)
                        if (r.out.items[i].kind == WF_NODE_CHANGED &&
                            r.out.items[k].kind == WF_NODE_CHANGED)
                                assert_string_not_equal(r.out.items[i].node_id,
                                                        r.out.items[k].node_id);
        end(&r);
}

static void ignores_duplicates_strangers_and_late_news(void **state)
{
        struct run r;
        (void)state;
        begin(&r, two_steps);
        start(&r);
        pod(&r, "wf[0].a", POD_FAILED);
        pod(&r, "wf[0].a", POD_SUCCEEDED);
        assert_int_equal(r.out.n, 0);
        pod(&r, "wf[0].a", POD_RUNNING);
        assert_int_equal(r.out.n, 0);
        struct wf_input in[] = {{.kind = WF_POD, .node_id = "wf-1", .pod_phase = POD_SUCCEEDED},
                                {.kind = WF_POD, .node_id = "other", .pod_phase = POD_SUCCEEDED},
                                {.kind = WF_POD, .node_id = "", .pod_phase = POD_SUCCEEDED},
                                {.kind = WF_POD, .node_id = "wf", .pod_phase = POD_SUCCEEDED}};
        step(&r, in, ARRAY_LEN(in));
        assert_int_equal(r.out.n, 0);
        pod(&r, "wf[0].b", POD_SUCCEEDED);
        assert_string_equal(wf_phase(r.wf), "Failed");
        start(&r);
        assert_int_equal(r.out.n, 0);
        end(&r);
}

static void takes_pods_of_one_turn_together(void **state)
{
        static const char spec[] = "{\"entrypoint\":\"main\",\"templates\":[{\"name\":\"main\","
                                   "\"parallelism\":2,\"failFast\":true,\"steps\":[[{"
                                   "\"name\":\"l\",\"template\":\"p\",\"withSequence\":{\"count\":"
                                   "4}}]]},{\"name\":\"p\",\"container\":{"
                                   "\"image\":\"i\"}}]}";
        struct run r;
        (void)state;
        begin(&r, spec);
        start(&r);
        char *a = id_of(&r, "wf[0].l(0:0)"), *b = id_of(&r, "wf[0].l(1:1)");
        struct wf_input in[] = {{.kind = WF_POD, .node_id = a, .pod_phase = POD_SUCCEEDED},
                                {.kind = WF_POD, .node_id = b, .pod_phase = POD_FAILED}};
        step(&r, in, 2);
        assert_int_equal(count(&r, WF_START_POD),
                         0); /* had the success come alone, one more would run */
        assert_string_equal(wf_phase(r.wf), "Failed");
        mem_free(a);
        mem_free(b);
        end(&r);
}

static void asks_for_one_timer_the_earliest(void **state)
{
        static const char spec[] =
                "{\"entrypoint\":\"main\",\"activeDeadlineSeconds\":100,\"templates\":[{\"name\":"
                "\"main\",\"dag\":{\"tasks\":[{"
                "\"name\":\"a\",\"template\":\"s\"},{\"name\":\"b\",\"template\":\"l\"}]}},{"
                "\"name\":\"s\",\"suspend\":{"
                "\"duration\":\"10\"}},{\"name\":\"l\",\"suspend\":{\"duration\":\"20s\"}}]}";
        static const int64_t moments[] = {10, 20};
        struct run r;
        struct wf_input timer = {.kind = WF_TIMER};
        (void)state;
        begin(&r, spec);
        start(&r);
        for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
                assert_int_equal(count(&r, WF_SET_TIMER), 1);
                for (size_t k = 0; k < r.out.n; k++)
                        if (r.out.items[k].kind == WF_SET_TIMER)
                                assert_int_equal(r.out.items[k].at.ns / NS_PER_S, T0 + moments[i]);
                r.now_s = T0 + moments[i];
                step(&r, &timer, 1);
        }
        assert_string_equal(wf_phase(r.wf), "Succeeded");
        end(&r);
}

static void a_timer_fires_just_after_its_moment(void **state)
{
        static const char spec[] = "{\"entrypoint\":\"s\",\"templates\":[{\"name\":\"s\","
                                   "\"suspend\":{\"duration\":\"10\"}}]}";
        struct run r;
        struct wf_input timer = {.kind = WF_TIMER};
        (void)state;
        begin(&r, spec);
        start(&r);
        r.now_s = T0 + 10;
        start(&r); /* another input at that moment comes first */
        assert_string_equal(wf_phase(r.wf), "Running");
        step(&r, &timer, 1);
        assert_string_equal(wf_phase(r.wf), "Succeeded");
        end(&r);
}

static void stops_and_kills_what_runs(void **state)
{
        struct run r;
        struct wf_input stop = {.kind = WF_STOP};
        (void)state;
        begin(&r, two_steps);
        start(&r);
        pod(&r, "wf[0].a", POD_RUNNING);
        step(&r, &stop, 1);
        assert_int_equal(count(&r, WF_KILL_POD), 2);
        assert_int_equal(count(&r, WF_FINISHED), 1);
        AUTO_JSON json_t *status = wf_status_json(r.wf);
        assert_string_equal(json_str(status, "message"), "Stopped with strategy 'Stop'");
        end(&r);
}

static void suspended_starts_nothing_and_takes_note_of_pods(void **state)
{
        struct run r;
        struct wf_input suspend = {.kind = WF_SUSPEND}, resume = {.kind = WF_RESUME};
        (void)state;
        begin(&r, two_steps);
        start(&r);
        step(&r, &suspend, 1);
        pod(&r, "wf[0].a", POD_SUCCEEDED);
        pod(&r, "wf[0].b", POD_SUCCEEDED);
        assert_int_equal(count(&r, WF_START_POD), 0);
        step(&r, &resume, 1);
        assert_int_equal(count(&r, WF_START_POD), 1);
        end(&r);
}

static void an_invalid_spec_is_a_failed_workflow_with_words(void **state)
{
        struct run r;
        (void)state;
        begin(&r, "{\"entrypoint\":\"nope\",\"templates\":[]}");
        start(&r);
        AUTO_JSON json_t *status = wf_status_json(r.wf);
        assert_string_equal(json_str(status, "phase"), "Failed");
        assert_non_null(strstr(json_str(status, "message"),
                               "invalid spec: spec.entrypoint: template name 'nope' undefined"));
        assert_int_equal(count(&r, WF_FINISHED), 1);
        end(&r);
}

static void says_the_same_words_for_refused_actions(void **state)
{
        static const char spec[] = "{\"entrypoint\":\"s\",\"templates\":[{\"name\":\"s\","
                                   "\"suspend\":{},\"outputs\":{\"parameters\":[{\"name\":"
                                   "\"m\",\"valueFrom\":{\"supplied\":{}}}]}}]}";
        struct run r;
        struct err e = {0};
        struct wf_input resume = {.kind = WF_RESUME},
                        set = {.kind = WF_SET, .node_field_selector = "displayName=wf"};
        (void)state;
        begin(&r, spec);
        start(&r);
        assert_int_equal(wf_check_action(r.wf, &resume, &e), -1);
        assert_string_equal(
                err_msg(&e),
                "raw output parameter 'm' has not been set and does not have a default value");
        err_clear(&e);
        AUTO_JSON json_t *wrong =
                json_loads("{\"parameters\":[{\"name\":\"x\",\"value\":\"1\"}]}", 0, NULL);
        AUTO_JSON json_t *right =
                json_loads("{\"parameters\":[{\"name\":\"m\",\"value\":\"1\"}]}", 0, NULL);
        set.outputs = wrong;
        assert_int_equal(wf_check_action(r.wf, &set, &e), -1);
        err_clear(&e);
        set.outputs = right;
        assert_int_equal(wf_check_action(r.wf, &set, &e), 0);
        step(&r, &set, 1);
        assert_int_equal(wf_check_action(r.wf, &resume, &e), 0);
        step(&r, &resume, 1);
        assert_string_equal(wf_phase(r.wf), "Succeeded");
        struct wf_input suspend = {.kind = WF_SUSPEND}, stop = {.kind = WF_STOP};
        assert_int_equal(wf_check_action(r.wf, &resume, &e),
                         0); /* Argo lets it pass, to no effect */
        assert_int_equal(wf_check_action(r.wf, &suspend, &e), -1);
        err_clear(&e);
        assert_int_equal(wf_check_action(r.wf, &stop, &e), -1);
        assert_non_null(strstr(err_msg(&e), "cannot shutdown a completed workflow"));
        err_clear(&e);
        set.node_field_selector = NULL;
        assert_int_equal(wf_check_action(r.wf, &set, &e), -1);
        err_clear(&e);
        end(&r);
}

/* ---- recovery ---- */

struct seen {
        size_t n;
        char last[64];
};
static void note(void *arg, const char *node_id, const char *pod_name)
{
        struct seen *s = arg;
        (void)pod_name;
        s->n++;
        snprintf(s->last, sizeof(s->last), "%s", node_id);
}

static void restart(struct run *r)
{
        struct err e = {0};
        json_t *status = wf_status_json(r->wf);
        json_object_set_new(status, "nodes", wf_nodes_json(r->wf));
        json_object_set_new(r->object, "status", status);
        wf_free(r->wf);
        assert_int_equal(wf_new(&r->wf, r->object, NULL, NULL, &e), 0);
}

static void recovers_live_pods_and_starts_lost_ones_again(void **state)
{
        struct run r;
        struct seen seen = {0};
        (void)state;
        begin(&r, two_steps);
        start(&r);
        pod(&r, "wf[0].a", POD_RUNNING);
        restart(&r);
        wf_each_live_pod(r.wf, note, &seen);
        assert_int_equal(seen.n, 2);
        start(&r);
        assert_int_equal(count(&r, WF_START_POD),
                         0); /* they are there already, as far as the engine knows */
        wf_commands_deinit(&r.out);
        wf_restart_pod(r.wf, seen.last, (struct wall){r.now_s * NS_PER_S}, &r.out);
        assert_int_equal(count(&r, WF_START_POD), 1);
        pod(&r, "wf[0].a", POD_SUCCEEDED);
        pod(&r, "wf[0].b", POD_SUCCEEDED);
        assert_int_equal(count(&r, WF_START_POD), 1);
        restart(&r);
        start(&r);
        pod(&r, "wf[1].c", POD_SUCCEEDED);
        assert_string_equal(wf_phase(r.wf), "Succeeded");
        restart(&r);
        start(&r);
        assert_int_equal(r.out.n, 0);
        end(&r);
}

/* The steps around it have failed meanwhile, so that nothing opens it. */
static void a_lost_pod_below_what_is_done_is_started_again(void **state)
{
        static const char spec[] =
                "{\"entrypoint\":\"main\",\"templates\":[{\"name\":\"main\",\"dag\":{\"tasks\":["
                "{\"name\":\"c\",\"template\":\"p\"},{\"name\":\"d\",\"template\":\"raised\"}]}},"
                "{\"name\":\"raised\",\"steps\":[[{\"name\":\"a\",\"template\":\"p\"},{\"name\":"
                "\"b\",\"template\":\"p\",\"withItems\":[1],\"when\":\"{{item}} ==\"}]]},"
                "{\"name\":\"p\",\"container\":{\"image\":\"i\",\"command\":[\"true\"]}}]}";
        (void)state;
        for (int suspended = 0; suspended < 2; suspended++) {
                struct run r;
                begin(&r, spec);
                start(&r);
                char *id = id_of(&r, "wf.d[0].a");
                restart(&r);
                if (suspended)
                        step(&r, &(struct wf_input){.kind = WF_SUSPEND}, 1);
                else
                        start(&r);
                wf_commands_deinit(&r.out);
                wf_restart_pod(r.wf, id, (struct wall){r.now_s * NS_PER_S}, &r.out);
                assert_int_equal(count(&r, WF_START_POD), !suspended);
                if (suspended) {
                        step(&r, &(struct wf_input){.kind = WF_RESUME}, 1);
                        assert_int_equal(count(&r, WF_START_POD), 1);
                }
                pod(&r, "wf.d[0].a", POD_SUCCEEDED);
                pod(&r, "wf.c", POD_SUCCEEDED);
                assert_string_equal(wf_phase(r.wf), "Failed");
                mem_free(id);
                end(&r);
        }
}

static void a_template_reference_is_frozen_at_its_first_use(void **state)
{
        struct run r;
        (void)state;
        begin(&r, two_steps);
        start(&r);
        AUTO_JSON json_t *status = wf_status_json(r.wf);
        assert_null(json_object_get(status, "storedTemplates"));
        end(&r);
}

static void the_template_goes_out_with_its_tags_substituted(void **state)
{
        static const char spec[] = "{\"entrypoint\":\"p\",\"arguments\":{\"parameters\":[{\"name\":"
                                   "\"x\",\"value\":\"a \\\"b\\\"\\n{{workflow.name}}\"}]},"
                                   "\"podMetadata\":{\"labels\":{\"l\":\"{{workflow.parameters.x}}"
                                   "\"}},\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],"
                                   "\"templates\":[{\"name\":\"p\",\"inputs\":{\"parameters\":[{"
                                   "\"name\":\"x\"}]},\"container\":{\"image\":\"i\",\"args\":["
                                   "\"{{inputs.parameters.x}}\",\"{{pod.name}}\",\"{{ .Values.y "
                                   "}}\",\"{{workflow.uid}}\"]}}]}";
        struct run r;
        (void)state;
        begin(&r, spec);
        start(&r);
        assert_int_equal(count(&r, WF_START_POD), 1);
        const json_t *t = NULL;
        for (size_t i = 0; i < r.out.n; i++)
                t = r.out.items[i].kind == WF_START_POD ? r.out.items[i].template : t;
        const json_t *args = json_at(t, "container", "args");
        assert_string_equal(json_string_value(json_array_get(args, 0)), "a \"b\"\nwf");
        assert_string_equal(json_string_value(json_array_get(args, 1)), "wf");
        assert_string_equal(json_string_value(json_array_get(args, 2)), "{{ .Values.y }}");
        assert_string_equal(json_string_value(json_array_get(args, 3)), "u1");
        assert_string_equal(json_str(t, "metadata", "labels", "l"), "a \"b\"\nwf");
        assert_int_equal(json_array_size(json_object_get(t, "volumes")), 1);
        end(&r);
}

static void what_a_pod_prints_is_never_evaluated(void **state)
{
        static const char spec[] =
                "{\"entrypoint\":\"main\",\"templates\":[{\"name\":\"main\",\"steps\":[[{\"name\":"
                "\"a\",\"template\":\"s\"}],[{\"name\":\"b\","
                "\"template\":\"p\",\"arguments\":{\"parameters\":[{\"name\":\"x\",\"value\":\"{{"
                "steps.a.outputs.result}}\"}]}}]]},{\"name\":"
                "\"s\",\"script\":{\"image\":\"i\",\"source\":\"x\"}},{\"name\":\"p\",\"inputs\":{"
                "\"parameters\":[{\"name\":\"x\"}]},\"container\":"
                "{\"image\":\"i\",\"args\":[\"{{inputs.parameters.x}}\"]}}]}";
        struct run r;
        (void)state;
        begin(&r, spec);
        start(&r);
        assert_true(r.out.items[0].kind == WF_START_POD && r.out.items[0].capture_result);
        char *id = id_of(&r, "wf[0].a");
        AUTO_JSON json_t *outputs =
                json_pack("{s:s}", "result", "{{workflow.uid}} {{inputs.parameters.x}} {{item}}");
        struct wf_input in = {.kind = WF_POD,
                              .node_id = id,
                              .pod_phase = POD_SUCCEEDED,
                              .message = "",
                              .outputs = outputs};
        step(&r, &in, 1);
        mem_free(id);
        assert_int_equal(count(&r, WF_START_POD), 1);
        assert_string_equal(json_string_value(json_array_get(
                                    json_at(r.out.items[0].template, "container", "args"), 0)),
                            "{{workflow.uid}} {{inputs.parameters.x}} {{item}}");
        end(&r);
}

static void a_workflow_without_a_name_is_refused(void **state)
{
        AUTO_JSON json_t *o = json_pack("{s:{}}", "metadata");
        struct wf *wf = NULL;
        struct err e = {0};
        (void)state;
        assert_int_equal(wf_new(&wf, o, NULL, NULL, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
        err_clear(&e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(runs_steps_to_the_end),
                cmocka_unit_test(names_each_changed_node_at_most_once_per_step),
                cmocka_unit_test(ignores_duplicates_strangers_and_late_news),
                cmocka_unit_test(takes_pods_of_one_turn_together),
                cmocka_unit_test(asks_for_one_timer_the_earliest),
                cmocka_unit_test(a_timer_fires_just_after_its_moment),
                cmocka_unit_test(stops_and_kills_what_runs),
                cmocka_unit_test(suspended_starts_nothing_and_takes_note_of_pods),
                cmocka_unit_test(an_invalid_spec_is_a_failed_workflow_with_words),
                cmocka_unit_test(says_the_same_words_for_refused_actions),
                cmocka_unit_test(recovers_live_pods_and_starts_lost_ones_again),
                cmocka_unit_test(a_lost_pod_below_what_is_done_is_started_again),
                cmocka_unit_test(a_template_reference_is_frozen_at_its_first_use),
                cmocka_unit_test(the_template_goes_out_with_its_tags_substituted),
                cmocka_unit_test(what_a_pod_prints_is_never_evaluated),
                cmocka_unit_test(a_workflow_without_a_name_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
