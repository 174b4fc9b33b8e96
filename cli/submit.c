/* cli/submit.c: workflows from files, standard input or an installed template.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/tree.h"
#include "common/base/fs.h"
#include "workflow/cron/cronwf.h"
#include "workflow/engine/redo.h"
#include <stdlib.h>

enum { MAX_PARAMETER_FILE = 1 << 20 };

struct submit_opts {
        struct opt_list parameters, labels;
        const char *parameter_file, *from, *name, *generate_name, *entrypoint, *service_account,
                *scheduled_time, *output;
        bool watch, wait, detach, dry_run, strict;
        int64_t timeout;
};
static const struct opt submit_opts[] = {
        OPT(struct submit_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "argument of the workflow; may be repeated"),
        OPT(struct submit_opts, parameter_file, OPT_STR, .name = "parameter-file", .letter = 'f',
            .arg = "FILE", .help = "YAML or JSON map of arguments"),
        OPT(struct submit_opts, from, OPT_STR, .arg = "KIND/NAME",
            .help = "run an installed template: workflowtemplate/x, clusterworkflowtemplate/x, "
                    "cronworkflow/x"),
        OPT(struct submit_opts, watch, OPT_FLAG, .help = "follow it until it ends"),
        OPT(struct submit_opts, wait, OPT_FLAG, .letter = 'w', .help = "wait until it ends"),
        OPT(struct submit_opts, timeout, OPT_DURATION, .arg = "DURATION",
            .help = "with --watch and --wait: give up after so long (exit code 124)"),
        OPT(struct submit_opts, detach, OPT_FLAG,
            .help = "it is fine when nothing runs on the data folder now"),
        OPT(struct submit_opts, name, OPT_STR, .arg = "NAME", .help = "instead of metadata.name"),
        OPT(struct submit_opts, generate_name, OPT_STR, .name = "generate-name", .arg = "PREFIX",
            .help = "instead of metadata.generateName"),
        OPT(struct submit_opts, entrypoint, OPT_STR, .arg = "TEMPLATE",
            .help = "instead of spec.entrypoint"),
        OPT(struct submit_opts, service_account, OPT_STR, .name = "serviceaccount", .arg = "NAME",
            .help = "instead of spec.serviceAccountName"),
        OPT(struct submit_opts, scheduled_time, OPT_STR, .name = "scheduled-time", .arg = "TIME",
            .help = "what workflow.scheduledTime says (RFC 3339)"),
        OPT(struct submit_opts, labels, OPT_LIST, .name = "labels", .letter = 'l',
            .arg = "KEY=VALUE,...", .help = "labels to add; may be repeated"),
        OPT(struct submit_opts, dry_run, OPT_FLAG, .name = "dry-run",
            .help = "check and print it, create nothing"),
        OPT(struct submit_opts, strict, OPT_FLAG, .help = "unknown fields are errors"),
        OPT_OUTPUT(struct submit_opts),
        OPT_END};

/* ---- what the options say ---- */

static int set_pairs(json_t *wf, const struct opt_list *list, struct err *e)
{
        for (size_t i = 0; i < list->n; i++) {
                const char *eq = strchr(list->items[i], '=');
                if (!eq || eq == list->items[i])
                        return err_set(e, ERR_INVALID,
                                       "--parameter: expected NAME=VALUE, found \"%s\"",
                                       list->items[i]);
                AUTO(mem_free)
                char *name = mem_strndup(list->items[i], (size_t)(eq - list->items[i]));
                if (!utf8_valid(eq + 1, strlen(eq + 1)))
                        return err_set(e, ERR_INVALID, "--parameter %s: the value is not UTF-8",
                                       name);
                workflow_set_parameter(wf, name, json_string(eq + 1));
        }
        return 0;
}

static int set_from_file(json_t *wf, const char *path, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(MAX_PARAMETER_FILE);
        AUTO_JSON json_t *map = NULL;
        if (fs_read(&b, path, MAX_PARAMETER_FILE, e) < 0 ||
            yaml_parse_one(&map, buf_str(&b), b.len, e) < 0)
                return err_wrap(e, "--parameter-file %s", path);
        if (!json_is_object(map))
                return err_set(e, ERR_INVALID,
                               "--parameter-file %s: expected a map of names and values", path);
        const char *name;
        json_t *value;
        json_object_foreach (map, name, value) {
                AUTO(mem_free) char *text = json_scalar_text(value);
                workflow_set_parameter(wf, name, json_string(text));
        }
        return 0;
}

static int set_labels(json_t *wf, const struct opt_list *list, struct err *e)
{
        for (size_t i = 0; i < list->n; i++) {
                AUTO(mem_free) char *copy = mem_strdup(list->items[i]);
                char *rest = copy, *pair;
                while ((pair = strsep(&rest, ","))) {
                        char *eq = strchr(pair, '=');
                        if (!eq || eq == pair)
                                return err_set(e, ERR_INVALID,
                                               "--labels: expected KEY=VALUE, found \"%s\"", pair);
                        *eq = '\0';
                        json_put_at(wf, json_string(eq + 1), "metadata", "labels", pair);
                }
        }
        return 0;
}

static int set_options(json_t *wf, const struct submit_opts *o, struct err *e)
{
        if (o->name) {
                json_put_at(wf, json_string(o->name), "metadata", "name");
                json_object_del(json_object_get(wf, "metadata"), "generateName");
        }
        if (o->generate_name) {
                json_put_at(wf, json_string(o->generate_name), "metadata", "generateName");
                json_object_del(json_object_get(wf, "metadata"), "name");
        }
        if (o->entrypoint)
                json_put_at(wf, json_string(o->entrypoint), "spec", "entrypoint");
        if (o->service_account)
                json_put_at(wf, json_string(o->service_account), "spec", "serviceAccountName");
        int64_t ns;
        if (o->scheduled_time && !time_parse_rfc3339(o->scheduled_time, &ns))
                return err_set(e, ERR_INVALID, "--scheduled-time: \"%s\" is no RFC 3339 time",
                               o->scheduled_time);
        if (o->scheduled_time)
                json_put_at(wf, json_string(o->scheduled_time), "metadata", "annotations",
                            CRONWF_TIME_ANNOTATION);
        if (o->parameter_file && set_from_file(wf, o->parameter_file, e) < 0)
                return -1;
        if (set_pairs(wf, &o->parameters, e) < 0)
                return -1;
        return set_labels(wf, &o->labels, e);
}

/* ---- from a template ---- */

static json_t *from_template(struct cli *c, const char *from, struct err *e)
{
        const char *slash = strchr(from, '/');
        if (!slash) {
                err_set(e, ERR_INVALID,
                        "--from: expected KIND/NAME (workflowtemplate/x), found \"%s\"", from);
                return NULL;
        }
        AUTO(mem_free) char *word = mem_strndup(from, (size_t)(slash - from));
        const struct store_kind *kind = store_kind_by_word(word);
        if (kind != &STORE_WORKFLOW_TEMPLATE && kind != &STORE_CLUSTER_WORKFLOW_TEMPLATE &&
            kind != &STORE_CRON_WORKFLOW) {
                err_set(e, ERR_INVALID,
                        "--from %s: expected workflowtemplate, clusterworkflowtemplate or "
                        "cronworkflow",
                        word);
                return NULL;
        }
        AUTO_JSON json_t *tmpl = NULL;
        if (cli_find(c, kind, slash + 1, &tmpl, e) < 0)
                return NULL;
        if (kind == &STORE_CRON_WORKFLOW)
                return cronwf_child(tmpl, NULL, clock_wall(clock_system()).ns);
        AUTO(mem_free) char *prefix = mem_printf("%s-", obj_name(tmpl));
        json_t *wf =
                json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:s}}}", "apiVersion", "argoproj.io/v1alpha1",
                          "kind", "Workflow", "metadata", "generateName", prefix, "spec",
                          "workflowTemplateRef", "name", obj_name(tmpl));
        if (kind->cluster_scoped)
                json_put_at(wf, json_true(), "spec", "workflowTemplateRef", "clusterScope");
        json_put_at(wf, json_string(obj_name(tmpl)), "metadata", "labels",
                    kind->cluster_scoped ? "workflows.argoproj.io/cluster-workflow-template"
                                         : "workflows.argoproj.io/workflow-template");
        return wf;
}

/* ---- creating and following ---- */

static void show(struct cli *c, const struct submit_opts *o, const json_t *wf)
{
        AUTO_JSON json_t *list = json_pack("[O]", wf);
        if (output_objects(o->output, list, true) || (o->watch && c->term.tty))
                return;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        struct tree_view v = {.term = &c->term,
                              .now = {json_time_at(wf, "metadata", "creationTimestamp")}};
        struct wall now = clock_wall(clock_system());
        v.now = now.ns > v.now.ns ? now : v.now;
        tree_put_header(&b, wf, &v);
        cli_write(&b);
}

static int follow_all(struct cli *c, const struct submit_opts *o, const struct apply_one *list,
                      size_t n, struct err *e)
{
        int code = EXIT_OK;
        const struct follow_options f = {.quiet = !o->watch, .timeout_ns = o->timeout};
        for (size_t i = 0; i < n; i++) {
                int one =
                        follow_workflow(c, obj_ns(list[i].stored), obj_name(list[i].stored), &f, e);
                if (one < 0 || one == EXIT_INTERRUPTED)
                        return one;
                code = one ? one : code;
        }
        return code;
}

static int create(struct cli *c, const struct submit_opts *o, const struct files *f, struct err *e)
{
        bool follow = o->watch || o->wait, runs = cli_controller_runs(c);
        if (follow && !runs && !o->detach)
                return err_set(e, ERR_UNAVAILABLE,
                               "nothing runs on the data folder %s: start `tiphys dev`, or submit "
                               "with --detach",
                               c->data_dir);
        struct apply_one *list = NULL;
        int code = apply_files(&list, c->app.store, f, cli_ns(c), true, e);
        for (size_t i = 0; code == 0 && i < f->n; i++)
                show(c, o, list[i].stored);
        if (code == 0 && !runs && !o->detach)
                cli_say(c, "nothing runs on the data folder %s now: start `tiphys dev` to run it",
                        c->data_dir);
        if (code == 0 && follow && runs)
                code = follow_all(c, o, list, f->n, e);
        apply_free(list, f->n);
        return code;
}

static void only_workflows(const struct files *f, struct diags *d)
{
        struct jpath at = jpath_key(NULL, "kind");
        for (size_t i = 0; i < f->n; i++) {
                d->marks = f->items[i].marks;
                if (!streq(f->items[i].kind.kind, "Workflow"))
                        diag_error(d, &at, "E504", "use `tiphys apply` for other kinds",
                                   "submit takes Workflows, found %s", f->items[i].kind.kind);
        }
        d->marks = NULL;
}

static int submit_files(struct cli *c, const struct submit_opts *o, struct files *f,
                        struct diags *d, struct err *e)
{
        only_workflows(f, d);
        for (size_t i = 0; i < f->n; i++)
                if (set_options(f->items[i].obj, o, e) < 0)
                        return -1;
        bool good = files_check(f, c->app.store, cli_ns(c), o->strict, d) == 0 && d->errors == 0;
        files_print_problems(c, f, d, true);
        if (!good)
                return EXIT_USAGE;
        if (f->n == 0)
                return err_set(e, ERR_INVALID, "submit: there is no Workflow in these files");
        if (!o->dry_run)
                return create(c, o, f, e);
        AUTO_JSON json_t *list = json_array();
        for (size_t i = 0; i < f->n; i++)
                json_array_append(list, f->items[i].obj);
        if (!output_objects(o->output ? o->output : "yaml", list, f->n == 1))
                output_objects("yaml", list, f->n == 1);
        return EXIT_OK;
}

static int submit_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct submit_opts *o = opts;
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        if (!o->from && n == 0)
                return err_set(e, ERR_INVALID, "submit: name a file, or a template with --from");
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        int r = files_load(&f, (const char *const *)args, n, &d);
        AUTO_JSON json_t *made = NULL;
        if (o->from) {
                made = from_template(c, o->from, e);
                if (!made)
                        return -1;
                mem_grow(f.items, f.cap, f.n + 1);
                f.items[f.n++] = (struct file_object){.obj = made, .kind = STORE_WORKFLOW};
        }
        if (r < 0 && f.n == 0) {
                files_print_problems(c, &f, &d, true);
                return EXIT_USAGE;
        }
        return submit_files(c, o, &f, &d, e);
}

const struct command command_submit = {
        .name = "submit",
        .operands = "[FILE...]",
        .summary = "Run workflows",
        .details = "FILE may be - for standard input. With --watch and --wait the exit code is 0 "
                   "when the workflow succeeded and 1 "
                   "when it did not.",
        .examples = "  tiphys submit --watch hello-world.yaml\n"
                    "  tiphys submit --wait -p message=hello hello-world.yaml\n"
                    "  tiphys submit --from workflowtemplate/docproc-pipeline -p document-id=42\n",
        .opts = submit_opts,
        .opts_size = sizeof(struct submit_opts),
        .kind = OPERANDS_FILES,
        .run = submit_run};
