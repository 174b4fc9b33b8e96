/* cli/lint.c: every problem of every file in one run. SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/term.h"

struct lint_opts {
        bool strict, offline;
        const char *output, *explain;
};
static const char *const outputs[] = {"pretty", "simple", "json", NULL};
static const struct opt lint_opts[] = {
        OPT(struct lint_opts, strict, OPT_FLAG, .help = "unknown fields are errors"),
        OPT(struct lint_opts, offline, OPT_FLAG,
            .help = "look for templates only in the files, not in the data folder"),
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

static void print_json(const struct diags *d)
{
        AUTO_JSON json_t *list = json_array();
        for (size_t i = 0; i < d->n; i++) {
                const struct diag *p = &d->items[i];
                json_t *one =
                        json_pack("{s:s, s:s, s:s*, s:i, s:i, s:s, s:s, s:s*}", "severity",
                                  severity_name(p->severity), "code", p->code, "file", p->file,
                                  "line", (int)(p->at_key ? p->at.key_line : p->at.line), "column",
                                  (int)(p->at_key ? p->at.key_col : p->at.col), "path", p->path,
                                  "message", p->msg, "hint", p->hint);
                json_array_append_new(list, one);
        }
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        json_put(&b, list, JSON_STYLE_INDENT);
        buf_addc(&b, '\n');
        cli_write(&b);
}

static void print_problems(struct cli *c, const struct lint_opts *o, const struct files *f,
                           const struct diags *d)
{
        if (streq(o->output, "json"))
                print_json(d);
        else
                files_print_problems(c, f, d, streq(o->output, "pretty"));
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

static int lint_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct lint_opts *o = opts;
        if (o->explain)
                return explain(o->explain, e);
        if (n == 0)
                return err_set(e, ERR_INVALID, "lint: name files, folders or -");
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        bool good = files_load(&f, (const char *const *)args, n, &d) == 0;
        good = files_check(&f, installed(c, o), cli_ns(c), o->strict, &d) == 0 && good;
        print_problems(c, o, &f, &d);
        if (streq(o->output, "json"))
                return good ? EXIT_OK : EXIT_FAILED;
        if (good)
                printf("%zu resource%s fine", f.n, f.n == 1 ? " is" : "s are");
        else
                printf("%zu error%s", d.errors, d.errors == 1 ? "" : "s");
        if (d.warnings)
                printf(", %zu warning%s", d.warnings, d.warnings == 1 ? "" : "s");
        putchar('\n');
        return good ? EXIT_OK : EXIT_FAILED;
}

const struct command command_lint = {
        .name = "lint",
        .operands = "PATH...",
        .summary = "Check files without running them",
        .details =
                "Exit code 1 when there are errors. `tiphys lint --explain E003` explains a code.",
        .examples = "  tiphys lint config/docproc/\n  tiphys lint --strict workflow.yaml\n  cat "
                    "sensor.yaml | tiphys lint -\n",
        .opts = lint_opts,
        .opts_size = sizeof(struct lint_opts),
        .kind = OPERANDS_FILES,
        .run = lint_run};
