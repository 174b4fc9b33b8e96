/* cli/lint.c: every problem of every file in one run. The exit code is the verdict Argo would give;
 * what this version cannot run is said, and refused at submit. SPDX-License-Identifier: Apache-2.0
 */
#include "cli/lintout.h"
#include "cli/term.h"

struct lint_opts {
        bool strict, offline, ignore_missing, runnable;
        const char *output, *explain;
};
static const char *const outputs[] = {"pretty", "simple", "json", "sarif", "github", NULL};
static const struct opt lint_opts[] = {
        OPT(struct lint_opts, strict, OPT_FLAG, .help = "unknown fields are errors"),
        OPT(struct lint_opts, offline, OPT_FLAG,
            .help = "look for templates only in the files, not in the data folder"),
        OPT(struct lint_opts, ignore_missing, OPT_FLAG, .name = "ignore-missing",
            .help = "templates that are referred to and not found are warnings"),
        OPT(struct lint_opts, runnable, OPT_FLAG,
            .help = "what this version cannot run yet is an error too"),
        OPT(struct lint_opts, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT", .def = "pretty",
            .choices = outputs, .help = "how to print problems"),
        OPT(struct lint_opts, explain, OPT_STR, .arg = "CODE",
            .help = "explain a code such as E003"),
        OPT_END};

static int explain(const char *code, struct err *e)
{
        const struct diag_code *d = diag_code_find(code);
        if (!d)
                return err_set(e, ERR_NOT_FOUND, "there is no code %s", code);
        printf("%s (%s): %s\n\n%s\n", d->code, severity_name(d->severity), d->title,
               d->explanation);
        return EXIT_OK;
}

/* Templates that are installed may be referred to: look into the data folder when there is one. */
static struct store *installed(struct cli *c, const struct lint_opts *o)
{
        struct err e = {0};
        AUTO(mem_free) char *data = app_data_dir(c->g.data);
        if (o->offline || !app_data_exists(data))
                return NULL;
        if (cli_open(c, CLI_READ, &e) == 0)
                return c->app.store;
        cli_say(c, "tiphys: looking only at the files: %s", err_msg(&e));
        err_clear(&e);
        return NULL;
}

static void put_count(struct buf *b, size_t n, const char *word)
{
        if (n)
                buf_addf(b, "%s%zu %s%s", b->len ? ", " : "", n, word, n == 1 ? "" : "s");
}

static void summary(const struct files *f, const struct diags *d)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        if (!d->errors)
                buf_addf(&b, "%zu resource%s fine", f->n, f->n == 1 ? " is" : "s are");
        put_count(&b, d->errors, "error");
        put_count(&b, d->warnings, "warning");
        put_count(&b, d->unsupported, "field");
        if (d->unsupported)
                buf_adds(&b, " this version cannot run yet");
        buf_addc(&b, '\n');
        cli_write(&b);
}

static void print(struct cli *c, const struct lint_opts *o, const struct files *f,
                  const struct diags *d)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (streq(o->output, "json"))
                lint_put_json(&b, f, d);
        else if (streq(o->output, "sarif"))
                lint_put_sarif(&b, d);
        else if (streq(o->output, "github"))
                lint_put_github(&b, d);
        cli_write(&b);
        if (streq(o->output, "pretty") || streq(o->output, "simple")) {
                files_print_problems(c, f, d, streq(o->output, "pretty"));
                summary(f, d);
        }
}

/* Field tables of events call it an error; here it is a question of its own. */
static void tell_apart(struct diags *d)
{
        for (size_t i = 0; i < d->n; i++)
                if (d->items[i].severity == SEV_ERROR && streq(d->items[i].code, "E007")) {
                        d->items[i].severity = SEV_UNSUPPORTED;
                        d->errors--;
                        d->unsupported++;
                }
}

static int lint_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct lint_opts *o = opts;
        if (o->explain)
                return explain(o->explain, e);
        if (n == 0)
                return err_set(e, ERR_INVALID, "lint: name files, folders or -");
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        const struct files_how how = {
                .strict = o->strict, .ignore_missing = o->ignore_missing, .lint = true};
        diags_init(&d);
        d.max = LINT_MAX_PROBLEMS;
        bool good = files_load(&f, (const char *const *)args, n, &d) == 0;
        good = files_check_how(&f, installed(c, o), cli_ns(c), &how, &d) == 0 && good;
        tell_apart(&d);
        print(c, o, &f, &d);
        return d.errors || (o->runnable && !good) ? EXIT_FAILED : EXIT_OK;
}

const struct command command_lint = {
        .name = "lint",
        .operands = "PATH...",
        .summary = "Check files without running them",
        .details = "Every kind: Workflows and their templates, CronWorkflows, "
                   "WorkflowEventBindings, EventSources, Sensors. Templates are looked "
                   "up in all files that are named, then in the data folder. Exit code 0: Argo "
                   "would take the files (what this version cannot "
                   "run yet is named, and refused at submit; --runnable makes it an error). 1: "
                   "there are errors. 2: bad usage. "
                   "`tiphys lint --explain E003` explains a code.",
        .examples = "  tiphys lint config/docproc/\n  tiphys lint --strict workflow.yaml\n  cat "
                    "sensor.yaml | tiphys lint -\n  tiphys lint -o "
                    "github workflows/\n",
        .opts = lint_opts,
        .opts_size = sizeof(struct lint_opts),
        .kind = OPERANDS_FILES,
        .run = lint_run};
