/* cli/simulate.c: a workflow in virtual time, its pods played by a script: the unit test of
 * people's workflows. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/simulate.h"
#include "cli/simcase.h"
#include "cli/tree.h"
#include "workflow/engine/redo.h"

struct simulate_opts {
        struct opt_list parameters, pods;
        const char *output, *entrypoint;
        bool assert_;
        int64_t max_nodes;
};
static const char *const formats[] = {"tree", "json", "none", NULL};
static const struct opt simulate_opts[] = {
        OPT(struct simulate_opts, pods, OPT_LIST, .arg = "SCRIPT",
            .help = "a file that says what pods do; may be repeated, and any FILE may be one"),
        OPT(struct simulate_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "argument of the workflow; may be repeated"),
        OPT(struct simulate_opts, entrypoint, OPT_STR, .arg = "TEMPLATE",
            .help = "the template to begin with, instead of the workflow's"),
        OPT(struct simulate_opts, assert_, OPT_FLAG, .name = "assert",
            .help = "compare with what the scripts expect; exit code 1 when it differs"),
        OPT(struct simulate_opts, max_nodes, OPT_INT, .name = "max-nodes", .arg = "N",
            .def = "50000", .min = 1, .max = 1500000,
            .help = "a workflow with more ends in Error: loops in loops, endless recursion"),
        OPT(struct simulate_opts, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT", .def = "tree",
            .choices = formats, .help = "how to print the outcome; json: all nodes"),
        OPT_END};

static void print_run(struct cli *c, const struct simulate_opts *o, const json_t *result,
                      const json_t *workflow)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (streq(o->output, "json")) {
                json_put(&b, result, JSON_STYLE_INDENT);
                buf_addc(&b, '\n');
        } else if (streq(o->output, "tree")) {
                int64_t at = json_time_at(workflow, "status", "finishedAt");
                struct tree_view view = {
                        .term = &c->term,
                        .now = {at ? at : json_time_at(workflow, "status", "startedAt")}};
                tree_put_header(&b, workflow, &view);
                tree_put_nodes(&b, workflow, &view);
                buf_adds(&b, "\nTimeline (virtual seconds)\n");
                simview_put_timeline(&b, workflow, &c->term);
                if (json_is_true(json_object_get(result, "stalled")))
                        buf_adds(&b, "\nNothing more can happen: something waits for a user, or "
                                     "for ever.\n");
        }
        cli_write(&b);
}

/* "ok NAME", or "FAILED NAME" and its differences. */
static bool judge(const json_t *script, size_t i, const json_t *result, const json_t *workflow)
{
        AUTO_BUF struct buf differences = BUF_INIT(BUF_UNBOUNDED);
        const json_t *expect = json_object_get(script, "expect");
        const char *name = json_str(script, "name");
        AUTO(mem_free) char *number = mem_printf("script %zu", i + 1);
        size_t n = expect ? simexpect_compare(&differences, expect, result, workflow) : 0;
        if (!expect) {
                fprintf(stderr, "FAILED %s\n  it expects nothing: add an `expect` block\n",
                        name ? name : number);
                return false;
        }
        fprintf(stderr, n ? "FAILED %s\n" : "ok %s\n", name ? name : number);
        const char *line = buf_str(&differences);
        for (size_t k = 0; k < n && *line; k++) {
                size_t len = strcspn(line, "\n");
                fprintf(stderr, "  %.*s\n", (int)len, line);
                line += len + (line[len] == '\n');
        }
        return n == 0;
}

static int run_script(struct cli *c, const struct simulate_opts *o, const struct simcase *s,
                      size_t i, bool *good, struct err *e)
{
        const json_t *script = json_array_get(s->scripts, i);
        AUTO_JSON json_t *input = simcase_input(s, script);
        AUTO_JSON json_t *result = NULL, *workflow = NULL;
        const struct simulate_options options = {.workflow = &workflow,
                                                 .max_nodes = (uint32_t)o->max_nodes};
        if (simcase_set_parameters(json_object_get(input, "workflow"), &o->parameters, e) < 0 ||
            simulate_run(&result, input, &options, e) < 0)
                return -1;
        if (!o->assert_ || !streq(o->output, "tree") || json_array_size(s->scripts) < 2)
                print_run(c, o, result, workflow);
        if (o->assert_)
                *good = judge(script, i, result, workflow) && *good;
        return 0;
}

static int simulate(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct simulate_opts *o = opts;
        AUTO_SIMCASE struct simcase s;
        AUTO_DIAGS struct diags d;
        const char **paths = mem_calloc(n + o->pods.n + 1, sizeof(*paths));
        size_t n_paths = 0;
        bool good = true;
        for (size_t i = 0; i < n; i++)
                paths[n_paths++] = args[i];
        for (size_t i = 0; i < o->pods.n; i++)
                paths[n_paths++] = o->pods.items[i];
        diags_init(&d);
        int r = simcase_load(&s, paths, n_paths, o->entrypoint, &d);
        mem_free(paths);
        if (r == 0 && simcase_set_parameters(s.workflow, &o->parameters, e) < 0)
                return -1;
        r = r == 0 ? simcase_check(&s, &d) : r;
        if (r < 0) {
                files_print_problems(c, &s.files, &d, true);
                return EXIT_USAGE;
        }
        if (o->assert_ && !json_array_size(s.scripts))
                return err_set(e, ERR_INVALID, "--assert: no script says what is expected");
        size_t runs = json_array_size(s.scripts) ? json_array_size(s.scripts) : 1;
        for (size_t i = 0; i < runs && r == 0; i++)
                r = run_script(c, o, &s, i, &good, e);
        return r < 0 ? -1 : good ? EXIT_OK : EXIT_FAILED;
}

const struct command command_simulate = {
        .name = "simulate",
        .operands = "FILE...",
        .summary = "Run a workflow in virtual time with scripted pods",
        .details = "Nothing is started: the engine runs as it would, scripts say how each pod "
                   "ends. FILEs hold the workflow, what it "
                   "refers to, and scripts, told apart by what they hold. Exit code 0 when the "
                   "simulation ran (with --assert: and "
                   "gave what is expected), 1 when it gave something else, 2 for problems in the "
                   "files. See "
                   "docs/reference/simulate.md.",
        .examples = "  tiphys simulate workflow.yaml\n  tiphys simulate workflow.yaml --pods "
                    "test.yaml --assert\n  tiphys simulate "
                    "case.json -o json\n",
        .opts = simulate_opts,
        .opts_size = sizeof(struct simulate_opts),
        .kind = OPERANDS_FILES,
        .min_args = 1,
        .run = simulate};
