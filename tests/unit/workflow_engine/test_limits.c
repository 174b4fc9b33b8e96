/* tests/unit/workflow_engine/test_limits.c: bombs end in Error with words, long before they cost
 * memory. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/unit/unit.h"
#include "workflow/engine/engine.h"

#define HEAD "metadata: {name: wf}\nspec:\n  entrypoint: main\n  templates:\n"
#define HOLD "    - {name: hold, suspend: {}}\n"
#define POD                                                              \
        "    - name: pod\n      container: {image: x, command: [run]}\n" \
        "      outputs: {parameters: [{name: p1, valueFrom: {path: /x, default: d}}]}\n"

struct fixture {
        struct wf *wf;
        int64_t now;
        char pods[64][64];
        size_t n_pods;
};

static void step(struct fixture *f, const struct wf_input *in)
{
        struct wf_commands out = {0};
        f->now += NS_PER_S;
        engine_step(f->wf, in, 1, (struct wall){f->now}, &out);
        for (size_t i = 0; i < out.n; i++)
                if (out.items[i].kind == WF_START_POD && f->n_pods < ARRAY_LEN(f->pods))
                        snprintf(f->pods[f->n_pods++], sizeof(f->pods[0]), "%s",
                                 out.items[i].node_id);
        wf_commands_deinit(&out);
}

static void start(struct fixture *f, const char *text, const struct wf_defaults *d)
{
        struct err e = {0};
        AUTO_JSON json_t *object = NULL;
        static const struct wf_lookup nothing;
        if (yaml_parse_one(&object, text, strlen(text), &e) < 0 ||
            wf_new(&f->wf, object, &nothing, d, &e) < 0)
                fail_msg("%s", err_msg(&e));
        step(f, &(struct wf_input){.kind = WF_START, .exit_code = -1});
}

static void assert_ended(struct fixture *f, const char *words)
{
        AUTO_JSON json_t *status = wf_status_json(f->wf);
        assert_string_equal(wf_phase(f->wf), "Error");
        if (!strstr(json_str(status, "message"), words))
                fail_msg("%s", json_str(status, "message"));
        wf_free(f->wf);
}

static void loops_in_loops_meet_the_limit_of_items(void **state UNUSED)
{
        static const char text[] =
                HEAD "    - name: main\n"
                     "      steps: [[{name: a, template: inner, withSequence: {count: \"100\"}}]]\n"
                     "    - name: inner\n"
                     "      steps: [[{name: b, template: hold, withSequence: {count: "
                     "\"1000000\"}}]]\n" HOLD;
        const struct wf_defaults d = {.max_nodes = 50000};
        struct fixture f = {0};
        start(&f, text, &d);
        assert_true(wf_node_count(f.wf) < 51000);
        assert_ended(&f, "loops of the workflow have more than 50000 items");
}

static void recursion_that_fans_out_meets_the_limit_of_nodes(void **state UNUSED)
{
        static const char text[] = HEAD "    - name: main\n"
                                        "      steps:\n"
                                        "        - - {name: a, template: main}\n"
                                        "          - {name: b, template: main}\n";
        const struct wf_defaults d = {.max_nodes = 5000};
        struct fixture f = {0};
        start(&f, text, &d);
        assert_true(wf_node_count(f.wf) < 5100);
        assert_ended(&f, "more than 5000 nodes (limits.nodes");
}

static void plain_recursion_meets_the_limit_of_depth(void **state UNUSED)
{
        static const char text[] = HEAD "    - name: main\n"
                                        "      steps: [[{name: a, template: main}]]\n";
        struct fixture f = {0};
        start(&f, text, NULL);
        AUTO_JSON json_t *nodes = wf_nodes_json(f.wf);
        AUTO(mem_free) char *all = json_text(nodes, JSON_STYLE_COMPACT);
        assert_non_null(strstr(all, "Maximum recursion depth exceeded"));
        assert_true(wf_completed(f.wf));
        wf_free(f.wf);
}

static void endless_retries_meet_the_limit_of_nodes(void **state UNUSED)
{
        static const char text[] = HEAD "    - name: main\n"
                                        "      retryStrategy: {}\n"
                                        "      container: {image: x, command: [run]}\n";
        const struct wf_defaults d = {.max_nodes = 8};
        struct fixture f = {0};
        start(&f, text, &d);
        for (size_t i = 0; i < f.n_pods && !wf_completed(f.wf); i++)
                step(&f, &(struct wf_input){.kind = WF_POD,
                                            .node_id = f.pods[i],
                                            .pod_phase = POD_FAILED,
                                            .message = "no",
                                            .exit_code = 1,
                                            .started = {f.now},
                                            .finished = {f.now}});
        assert_ended(&f, "more than 8 nodes");
}

static void giant_outputs_meet_the_limit_of_bytes(void **state UNUSED)
{
        static const char text[] = HEAD
                "    - name: main\n"
                "      steps: [[{name: a, template: pod, withSequence: {count: \"10\"}}]]\n" POD;
        const struct wf_defaults d = {.max_output_bytes = 5000};
        struct fixture f = {0};
        char big[1001];
        memset(big, 'x', 1000);
        big[1000] = '\0';
        AUTO_JSON json_t *outputs =
                json_pack("{s:[{s:s, s:s}]}", "parameters", "name", "p1", "value", big);
        start(&f, text, &d);
        assert_int_equal(f.n_pods, 10);
        for (size_t i = 0; i < f.n_pods && !wf_completed(f.wf); i++)
                step(&f, &(struct wf_input){.kind = WF_POD,
                                            .node_id = f.pods[i],
                                            .pod_phase = POD_SUCCEEDED,
                                            .outputs = outputs,
                                            .exit_code = 0,
                                            .started = {f.now},
                                            .finished = {f.now}});
        assert_ended(&f, "more than 5000 bytes together");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(loops_in_loops_meet_the_limit_of_items),
                cmocka_unit_test(recursion_that_fans_out_meets_the_limit_of_nodes),
                cmocka_unit_test(plain_recursion_meets_the_limit_of_depth),
                cmocka_unit_test(endless_retries_meet_the_limit_of_nodes),
                cmocka_unit_test(giant_outputs_meet_the_limit_of_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
