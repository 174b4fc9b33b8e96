/* cli/redo.c: retry and resubmit: a workflow that has ended is run again. What runs again is
 * decided in workflow/engine/redo.h; here the object is read, changed, and stored if nobody has
 * changed it meanwhile. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/redo.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "common/base/rand.h"

enum { TRIES = 5 };

struct redo_opts {
        struct opt_list parameters;
        const char *selector, *field_selector, *node_field_selector, *output;
        bool restart_successful, memoized, wait, watch;
        int64_t priority;
};

static struct redo redo_of(const struct cli *c, const struct redo_opts *o)
{
        return (struct redo){.parameters = o->parameters.items,
                             .n_parameters = o->parameters.n,
                             .now = loop_wall(c->app.loop),
                             .restart_successful = o->restart_successful,
                             .node_field_selector = o->node_field_selector,
                             .memoized = o->memoized};
}

/* ---- retry ---- */

/* The difference, to be stored only where nobody has changed the object. */
static int store_again(struct cli *c, const json_t *wf, const json_t *again, json_t **stored,
                       struct err *e)
{
        AUTO_JSON json_t *difference = json_merge_diff(wf, again);
        AUTO_JSON json_t *patch = json_deep_copy(difference);
        json_put_at(patch, json_incref(json_at(wf, "metadata", "resourceVersion")), "metadata",
                    "resourceVersion");
        const struct store_ref ref = {&STORE_WORKFLOW, obj_ns(wf), obj_name(wf)};
        return store_patch_now(c->app.store, ref, STORE_PATCH_MERGE, patch, stored, e);
}

static int retry_one(struct cli *c, const struct redo_opts *o, const char *word, json_t **stored,
                     struct err *e)
{
        struct redo r = redo_of(c, o);
        for (int i = 0;; i++) {
                AUTO_JSON json_t *wf = NULL, *again = NULL;
                if (cli_find_workflow(c, word, &wf, e) < 0 || redo_retry(&again, wf, &r, e) < 0)
                        return -1;
                if (store_again(c, wf, again, stored, e) == 0)
                        return 0;
                if (e->code != ERR_CONFLICT || i + 1 == TRIES)
                        return -1;
                err_clear(e);
        }
}

/* ---- resubmit ---- */

/* Nodes have the name of their workflow in theirs: a memoized one cannot leave it to the store. */
static char *name_for(const json_t *wf)
{
        const char *prefix = json_str(wf, "metadata", "generateName");
        char suffix[6];
        rand_suffix(suffix, sizeof(suffix) - 1);
        return str_empty(prefix) ? mem_printf("%s-%s", obj_name(wf), suffix)
                                 : mem_printf("%s%s", prefix, suffix);
}

static int resubmit_one(struct cli *c, const struct redo_opts *o, const char *word, json_t **stored,
                        struct err *e)
{
        struct redo r = redo_of(c, o);
        AUTO_JSON json_t *wf = NULL, *made = NULL;
        if (cli_find_workflow(c, word, &wf, e) < 0)
                return -1;
        AUTO(mem_free) char *name = o->memoized ? name_for(wf) : NULL;
        r.new_name = name;
        if (redo_resubmit(&made, wf, &r, e) < 0)
                return -1;
        if (o->priority != INT32_MIN)
                json_put_at(made, json_integer(o->priority), "spec", "priority");
        return store_create_now(c->app.store, &STORE_WORKFLOW, obj_ns(wf), made, stored, e);
}

/* ---- one or many ---- */

typedef int redo_fn(struct cli *c, const struct redo_opts *o, const char *word, json_t **stored,
                    struct err *e);

static int add_selected(struct cli *c, const struct redo_opts *o, struct opt_list *words,
                        json_t **keep, struct err *e)
{
        const struct store_list_opts list = {.label_selector = o->selector,
                                             .field_selector = o->field_selector,
                                             .no_nodes = true};
        size_t i;
        json_t *wf;
        if (!o->selector && !o->field_selector)
                return 0;
        if (store_list_now(c->app.store, &STORE_WORKFLOW, cli_list_ns(c), &list, keep, e) < 0)
                return -1;
        json_array_foreach (json_object_get(*keep, "items"), i, wf)
                opt_list_add(words, obj_name(wf));
        return 0;
}

static int follow(struct cli *c, const struct redo_opts *o, const json_t *done, struct err *e)
{
        const struct follow_options f = {.quiet = !o->watch};
        int code = EXIT_OK;
        size_t i;
        json_t *wf;
        json_array_foreach (done, i, wf) {
                int one = follow_workflow(c, obj_ns(wf), obj_name(wf), &f, e);
                if (one < 0 || one == EXIT_INTERRUPTED)
                        return one;
                code = one ? one : code;
        }
        return code;
}

static int report(struct cli *c, const struct redo_opts *o, const json_t *done, const char *verb,
                  struct err *e)
{
        size_t i;
        json_t *wf;
        bool runs = cli_controller_runs(c);
        if (!output_objects(o->output, done, json_array_size(done) == 1))
                json_array_foreach (done, i, wf)
                        printf("workflow %s %s\n", obj_name(wf), verb);
        if (!runs)
                cli_say(c, "nothing runs on the data folder %s now: start `tiphys dev` to run it",
                        c->data_dir);
        return runs && (o->wait || o->watch) ? follow(c, o, done, e) : EXIT_OK;
}

static int redo_all(struct cli *c, const struct redo_opts *o, struct opt_list *words, redo_fn *redo,
                    const char *verb, struct err *e)
{
        AUTO_JSON json_t *done = json_array(), *keep = NULL;
        int code = EXIT_OK;
        if (add_selected(c, o, words, &keep, e) < 0)
                return -1;
        for (size_t i = 0; i < words->n; i++) {
                json_t *stored = NULL;
                if (redo(c, o, words->items[i], &stored, e) == 0) {
                        json_array_append_new(done, stored);
                        continue;
                }
                if (words->n == 1)
                        return -1;
                cli_say(c, "tiphys: workflow %s: %s", words->items[i], err_msg(e));
                code = err_exit_code(e->code);
                err_clear(e);
        }
        int reported = report(c, o, done, verb, e);
        return reported ? reported : code;
}

static int redo_run(struct cli *c, const struct redo_opts *o, char **args, size_t n, redo_fn *redo,
                    const char *verb, struct err *e)
{
        struct opt_list words = {0};
        if (n == 0 && !o->selector && !o->field_selector)
                return err_set(e, ERR_INVALID, "name a workflow, or select some with --selector");
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                opt_list_add(&words, args[i]);
        int code = redo_all(c, o, &words, redo, verb, e);
        mem_free(words.items);
        return code;
}

static int retry_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        if (cli_no_cluster(c, "a retry deletes pods: use `argo retry` in a cluster", e) < 0)
                return -1;
        return redo_run(c, opts, args, n, retry_one, "retried", e);
}

static int resubmit_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        return redo_run(c, opts, args, n, resubmit_one, "created", e);
}

/* ---- tables ---- */

#define PARAMETERS                                                                      \
        OPT(struct redo_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p', \
            .arg = "NAME=VALUE", .help = "another argument than before; may be repeated")
#define SELECTORS                                                                        \
        OPT(struct redo_opts, selector, OPT_STR, .letter = 'l', .arg = "LABELS",         \
            .help = "all workflows with these labels"),                                  \
                OPT(struct redo_opts, field_selector, OPT_STR, .name = "field-selector", \
                    .arg = "FIELDS",                                                     \
                    .help = "all workflows with these fields: status.phase=Failed")
#define FOLLOWING                                                                           \
        OPT(struct redo_opts, wait, OPT_FLAG, .letter = 'w', .help = "wait until it ends"), \
                OPT(struct redo_opts, watch, OPT_FLAG, .help = "follow it until it ends")
static const struct opt retry_opts[] = {
        PARAMETERS,
        OPT(struct redo_opts, restart_successful, OPT_FLAG, .name = "restart-successful",
            .help = "run nodes again that succeeded: those of --node-field-selector"),
        OPT(struct redo_opts, node_field_selector, OPT_STR, .name = "node-field-selector",
            .arg = "FIELDS", .help = "these nodes: displayName=a,phase!=Failed"),
        SELECTORS,
        FOLLOWING,
        OPT_OUTPUT(struct redo_opts),
        OPT_END};
static const struct opt resubmit_opts[] = {
        PARAMETERS,
        OPT(struct redo_opts, memoized, OPT_FLAG,
            .help = "keep what succeeded; the workflow must have failed"),
        OPT(struct redo_opts, priority, OPT_INT, .arg = "N", .def = "-2147483648", .min = INT32_MIN,
            .max = INT32_MAX, .help = "priority of the new workflow"),
        SELECTORS,
        FOLLOWING,
        OPT_OUTPUT(struct redo_opts),
        OPT_END};

const struct command command_retry = {
        .name = "retry",
        .operands = "[WORKFLOW...]",
        .summary = "Run what failed of workflows again",
        .details = "Steps that succeeded are kept; those that failed, everything behind them and "
                   "the exit handler run again. A step that failed while one below it succeeded "
                   "(a task that handles the failure) is kept. With --restart-successful, the "
                   "nodes of --node-field-selector run again too.",
        .examples = "  tiphys retry @latest\n"
                    "  tiphys retry pages --restart-successful --node-field-selector "
                    "displayName=render --watch\n",
        .opts = retry_opts,
        .opts_size = sizeof(struct redo_opts),
        .kind = OPERANDS_WORKFLOWS,
        .run = retry_run};
const struct command command_resubmit = {
        .name = "resubmit",
        .operands = "[WORKFLOW...]",
        .summary = "Run workflows again as new ones",
        .examples = "  tiphys resubmit @latest -p message=hello --watch\n"
                    "  tiphys resubmit pages --memoized\n",
        .opts = resubmit_opts,
        .opts_size = sizeof(struct redo_opts),
        .kind = OPERANDS_WORKFLOWS,
        .run = resubmit_run};
