/* cli/control.c: suspend, resume, stop, terminate, node set: edits of the object that the
 * controller obeys (workflow/controller/action.h). They work also when no controller runs: the next
 * one obeys them. SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "workflow/controller/action.h"

struct control_opts {
        const char *message, *node_field_selector, *phase;
        struct opt_list parameters;
};

static bool has_ended(const json_t *wf)
{
        const char *phase = json_str(wf, "status", "phase");
        return streq(phase, "Succeeded") || streq(phase, "Failed") || streq(phase, "Error");
}

static int act(struct cli *c, const char *word, const struct action *a, struct err *e)
{
        AUTO_JSON json_t *wf = NULL;
        if (cli_find_workflow(c, word, &wf, e) < 0)
                return -1;
        if (has_ended(wf))
                return err_set(e, ERR_CONFLICT, "workflow %s has ended (%s)", obj_name(wf),
                               json_str(wf, "status", "phase"));
        if (action_check(a, wf, e) < 0)
                return err_wrap(e, "workflow %s", obj_name(wf));
        AUTO_JSON json_t *patch = action_patch(a, loop_wall(c->app.loop)), *stored = NULL;
        const struct store_ref ref = {&STORE_WORKFLOW, obj_ns(wf), obj_name(wf)};
        return store_patch_now(c->app.store, ref, STORE_PATCH_MERGE, patch, &stored, e);
}

static int act_on_all(struct cli *c, const struct action *a, const char *done, char **args,
                      size_t n, struct err *e)
{
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        int code = EXIT_OK;
        for (size_t i = 0; i < n; i++) {
                if (act(c, args[i], a, e) < 0) {
                        if (n == 1)
                                return -1;
                        cli_say(c, "tiphys: %s", err_msg(e));
                        code = err_exit_code(e->code);
                        err_clear(e);
                        continue;
                }
                printf("workflow %s %s\n", args[i], done);
        }
        if (!cli_controller_runs(c))
                cli_say(c,
                        "nothing runs on the data folder %s now: it takes effect with `tiphys dev`",
                        c->data_dir);
        return code;
}

static struct action action_of(enum action_kind kind, const struct control_opts *o)
{
        return (struct action){.kind = kind,
                               .node_field_selector = o->node_field_selector,
                               .message = o->message,
                               .phase = o->phase};
}

static int suspend_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        const struct action a = {.kind = ACTION_SUSPEND};
        return act_on_all(c, &a, "suspended", args, n, e);
}

static int resume_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct action a = action_of(ACTION_RESUME, opts);
        return act_on_all(c, &a, "resumed", args, n, e);
}

static int stop_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct control_opts *o = opts;
        if (o->message && !o->node_field_selector)
                return err_set(e, ERR_INVALID,
                               "stop: --message says why a node is stopped; it needs "
                               "--node-field-selector");
        const struct action a = action_of(ACTION_STOP, opts);
        return act_on_all(c, &a, "stopped", args, n, e);
}

static int terminate_run(struct cli *c, const void *opts UNUSED, char **args, size_t n,
                         struct err *e)
{
        const struct action a = {.kind = ACTION_TERMINATE};
        return act_on_all(c, &a, "terminated", args, n, e);
}

static int set_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct control_opts *o = opts;
        AUTO_JSON json_t *outputs = json_pack("{s:[]}", "parameters");
        for (size_t i = 0; i < o->parameters.n; i++) {
                const char *pair = o->parameters.items[i], *eq = strchr(pair, '=');
                if (!eq || eq == pair || !utf8_valid(pair, strlen(pair)))
                        return err_set(e, ERR_INVALID,
                                       "--output-parameter: expected NAME=VALUE, found \"%s\"",
                                       pair);
                json_array_append_new(json_object_get(outputs, "parameters"),
                                      json_pack("{s:s%, s:s}", "name", pair, (size_t)(eq - pair),
                                                "value", eq + 1));
        }
        if (!o->parameters.n && !o->phase && !o->message)
                return err_set(
                        e, ERR_INVALID,
                        "node set: say what to set: --output-parameter, --phase or --message");
        struct action a = action_of(ACTION_SET, opts);
        if (o->parameters.n)
                a.outputs = outputs;
        return act_on_all(c, &a, "changed", args, n, e);
}

/* ---- tables ---- */

#define SELECTOR                                                                              \
        OPT(struct control_opts, node_field_selector, OPT_STR, .name = "node-field-selector", \
            .arg = "FIELDS", .help = "only these suspended nodes: displayName=approve")
#define MESSAGE                                                                  \
        OPT(struct control_opts, message, OPT_STR, .letter = 'm', .arg = "TEXT", \
            .help = "message of the nodes")
static const char *const phases[] = {"Succeeded", "Failed", "Error", "Skipped", NULL};
static const struct opt select_opts[] = {SELECTOR, OPT_END};
static const struct opt stop_opts[] = {SELECTOR, MESSAGE, OPT_END};
static const struct opt set_opts[] = {
        SELECTOR, MESSAGE,
        OPT(struct control_opts, parameters, OPT_LIST, .name = "output-parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "output parameter to supply; may be repeated"),
        OPT(struct control_opts, phase, OPT_CHOICE, .arg = "PHASE", .choices = phases,
            .help = "phase to set"),
        OPT_END};

const struct command command_suspend = {.name = "suspend",
                                        .operands = "WORKFLOW...",
                                        .summary = "Start no new steps until resumed",
                                        .kind = OPERANDS_WORKFLOWS,
                                        .min_args = 1,
                                        .run = suspend_run};
const struct command command_resume = {.name = "resume",
                                       .operands = "WORKFLOW...",
                                       .summary = "Go on with a suspended workflow or suspend node",
                                       .opts = select_opts,
                                       .opts_size = sizeof(struct control_opts),
                                       .kind = OPERANDS_WORKFLOWS,
                                       .min_args = 1,
                                       .run = resume_run};
const struct command command_stop = {.name = "stop",
                                     .operands = "WORKFLOW...",
                                     .summary = "End a workflow, running its exit handlers",
                                     .opts = stop_opts,
                                     .opts_size = sizeof(struct control_opts),
                                     .kind = OPERANDS_WORKFLOWS,
                                     .min_args = 1,
                                     .run = stop_run};
const struct command command_terminate = {.name = "terminate",
                                          .operands = "WORKFLOW...",
                                          .summary =
                                                  "End a workflow at once, without exit handlers",
                                          .kind = OPERANDS_WORKFLOWS,
                                          .min_args = 1,
                                          .run = terminate_run};
const struct command command_node_set = {.name = "node set",
                                         .operands = "WORKFLOW",
                                         .summary =
                                                 "Set outputs, message or phase of suspended nodes",
                                         .examples = "  tiphys node set @latest -p approve=YES "
                                                     "--node-field-selector displayName=approve\n",
                                         .opts = set_opts,
                                         .opts_size = sizeof(struct control_opts),
                                         .kind = OPERANDS_WORKFLOWS,
                                         .min_args = 1,
                                         .max_args = 1,
                                         .run = set_run};
