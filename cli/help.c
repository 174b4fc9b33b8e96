/* cli/help.c: help, the generated reference, version. SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

static void put_overview(struct buf *b)
{
        buf_adds(b, "tiphys: events and workflows, with or without Kubernetes\n\n"
                    "  tiphys dev -f FOLDER                  run everything in this process\n"
                    "  tiphys submit --watch workflow.yaml   run a workflow and follow it\n\n"
                    "Commands:\n");
        for (const struct command *const *cmd = cli_commands(); *cmd; cmd++)
                if (!(*cmd)->hidden)
                        buf_addf(b, "  %-16s  %s\n", (*cmd)->name, (*cmd)->summary);
        buf_adds(b, "\nOptions of every command:\n");
        opts_put_help(b, cli_global_opts);
        buf_adds(b, "\n`tiphys COMMAND --help` explains a command.\n");
}

void cli_put_help(struct buf *b, const struct command *cmd)
{
        if (!cmd) {
                put_overview(b);
                return;
        }
        buf_addf(b, "%s\n\n", cmd->summary);
        if (cmd->examples)
                buf_addf(b, "Examples:\n%s\n", cmd->examples);
        buf_addf(b, "usage: tiphys %s%s%s%s\n", cmd->name, cmd->opts ? " [OPTION...]" : "",
                 cmd->operands ? " " : "", cmd->operands ? cmd->operands : "");
        if (cmd->details)
                buf_addf(b, "\n%s\n", cmd->details);
        if (cmd->opts) {
                buf_adds(b, "\nOptions:\n");
                opts_put_help(b, cmd->opts);
        }
        buf_adds(b, "\nOptions of every command:\n");
        opts_put_help(b, cli_global_opts);
}

static void put_table(struct buf *b, const struct opt *opts)
{
        buf_adds(b, "\n| option | what | default |\n|---|---|---|\n");
        opts_put_doc(b, opts);
}

void cli_put_reference(struct buf *b)
{
        buf_adds(b, "# tiphys: commands\n\nGenerated from the tables in cli/ by `./dev "
                    "docs`.\n\n"
                    "Exit codes: 0 ok, 1 failed (also: a workflow that was waited for did not "
                    "succeed, lint found "
                    "something), 2 usage or invalid input, 3 not found, 4 denied, 5 conflict, 6 "
                    "unavailable, "
                    "124 timeout, 130 interrupted.\n\n## Options of every command\n");
        put_table(b, cli_global_opts);
        for (const struct command *const *cmd = cli_commands(); *cmd; cmd++) {
                if ((*cmd)->hidden)
                        continue;
                buf_addf(b, "\n## tiphys %s\n\n%s.\n\n```\ntiphys %s%s%s%s\n```\n", (*cmd)->name,
                         (*cmd)->summary, (*cmd)->name, (*cmd)->opts ? " [OPTION...]" : "",
                         (*cmd)->operands ? " " : "", (*cmd)->operands ? (*cmd)->operands : "");
                if ((*cmd)->details)
                        buf_addf(b, "\n%s\n", (*cmd)->details);
                if ((*cmd)->examples)
                        buf_addf(b, "\n```\n%s```\n", (*cmd)->examples);
                if ((*cmd)->opts)
                        put_table(b, (*cmd)->opts);
        }
}

struct help_opts {
        bool reference;
        const char *pages;
};
static const struct opt help_opts[] = {
        OPT(struct help_opts, reference, OPT_FLAG, .help = "print the whole reference as Markdown"),
        OPT(struct help_opts, pages, OPT_STR, .arg = "DIR", .hidden = true,
            .help = "write every generated page of docs/reference"),
        OPT_END};

static int help_run(struct cli *c UNUSED, const void *opts, char **args, size_t n, struct err *e)
{
        const struct help_opts *o = opts;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        AUTO(mem_free)
        char *name = n == 2 ? mem_printf("%s %s", args[0], args[1]) : mem_strdup(n ? args[0] : "");
        const struct command *cmd = n ? cli_command_find(name) : NULL;
        if (n && !cmd)
                return err_set(e, ERR_INVALID, "there is no command \"%s\"", name);
        if (o->pages)
                return docs_write(o->pages, e) < 0 ? -1 : EXIT_OK;
        if (o->reference)
                cli_put_reference(&b);
        else
                cli_put_help(&b, cmd);
        cli_write(&b);
        return EXIT_OK;
}

const struct command command_help = {.name = "help",
                                     .operands = "[COMMAND]",
                                     .summary = "Explain a command",
                                     .opts = help_opts,
                                     .opts_size = sizeof(struct help_opts),
                                     .kind = OPERANDS_WORDS,
                                     .max_args = 2,
                                     .run = help_run};

static int version_run(struct cli *c UNUSED, const void *opts UNUSED, char **args UNUSED,
                       size_t n UNUSED, struct err *e UNUSED)
{
        printf("tiphys %s\n", TIPHYS_VERSION);
        return EXIT_OK;
}

const struct command command_version = {
        .name = "version", .summary = "Print the version", .run = version_run};
