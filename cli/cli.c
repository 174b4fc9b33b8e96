/* cli/cli.c: finds the command, reads its options, runs it, reports its error; see cli.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/term.h"
#include "common/base/log.h"
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

const struct opt cli_global_opts[] = {
        OPT(struct cli_globals, ns, OPT_STR, .name = "namespace", .letter = 'n', .arg = "NAME",
            .help = "namespace (default: default)"),
        OPT(struct cli_globals, all_namespaces, OPT_FLAG, .name = "all-namespaces", .letter = 'A',
            .help = "every namespace"),
        OPT(struct cli_globals, data, OPT_STR, .arg = "DIR",
            .help = "data folder ($TIPHYS_DATA, else /var/lib/tiphys for root, else "
                    "~/.local/share/tiphys)"),
        OPT(struct cli_globals, kubeconfig, OPT_STR, .arg = "FILE",
            .help = "resources are in the cluster of this kubeconfig, not in the data folder"),
        OPT(struct cli_globals, context, OPT_STR, .arg = "NAME",
            .help = "resources are in the cluster of this context of the kubeconfig"),
        OPT(struct cli_globals, no_color, OPT_FLAG, .name = "no-color",
            .help = "no colour, as with NO_COLOR in the environment"),
        OPT(struct cli_globals, no_utf8, OPT_FLAG, .name = "no-utf8",
            .help = "only ASCII characters"),
        OPT(struct cli_globals, help, OPT_FLAG, .letter = 'h', .help = "print help"),
        OPT_END};

static const struct opt no_opts[] = {OPT_END};

static const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "cli/commands.def"
#undef COMMAND
        NULL};

const struct command *const *cli_commands(void)
{
        return commands;
}

const struct command *cli_command_find(const char *name)
{
        for (size_t i = 0; commands[i]; i++)
                if (streq(commands[i]->name, name))
                        return commands[i];
        return NULL;
}

void cli_say(const struct cli *c UNUSED, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        AUTO(mem_free) char *text = mem_vprintf(fmt, ap);
        va_end(ap);
        fprintf(stderr, "%s\n", text);
}

void cli_write(const struct buf *b)
{
        fwrite(buf_str(b), 1, b->len, stdout);
        fflush(stdout);
}

/* ---- which command ---- */

/* "events list" takes two words; options may stand before the command (`tiphys -n x list`). */
static const struct command *take_command(char **argv, size_t *n, const char **unknown)
{
        size_t at = 0;
        while (at < *n && argv[at][0] == '-' && argv[at][1]) {
                bool value = opts_takes_value(cli_global_opts, argv[at]);
                at += value ? 2 : 1;
        }
        if (at >= *n)
                return NULL;
        *unknown = argv[at];
        AUTO(mem_free) char *two = at + 1 < *n ? mem_printf("%s %s", argv[at], argv[at + 1]) : NULL;
        const struct command *cmd = two ? cli_command_find(two) : NULL;
        size_t words = cmd ? 2 : 1;
        if (!cmd)
                cmd = cli_command_find(argv[at]);
        if (!cmd)
                return NULL;
        memmove(argv + at, argv + at + words, (*n - at - words) * sizeof(*argv));
        *n -= words;
        return cmd;
}

static bool is_group(const char *word)
{
        for (size_t i = 0; commands[i]; i++)
                if (str_starts(commands[i]->name, word) && commands[i]->name[strlen(word)] == ' ')
                        return true;
        return false;
}

static int fail_command(const char *word)
{
        const char *names[64];
        size_t n = 0;
        for (size_t i = 0; commands[i] && n < ARRAY_LEN(names); i++)
                if (!commands[i]->hidden)
                        names[n++] = commands[i]->name;
        if (is_group(word)) {
                fprintf(stderr, "tiphys: %s needs one of its commands:\n", word);
                for (size_t i = 0; commands[i]; i++)
                        if (str_starts(commands[i]->name, word) && !commands[i]->hidden)
                                fprintf(stderr, "  tiphys %-16s %s\n", commands[i]->name,
                                        commands[i]->summary);
                return EXIT_USAGE;
        }
        const char *near = str_nearest(word, names, n);
        fprintf(stderr, "tiphys: unknown command \"%s\"", word);
        fprintf(stderr, near ? "; did you mean \"%s\"?\n" : "%s\n", near ? near : "");
        fputs("`tiphys help` lists the commands.\n", stderr);
        return EXIT_USAGE;
}

/* ---- running it ---- */

static int check_args(const struct command *cmd, char **args, size_t n, struct err *e)
{
        if (n < cmd->min_args)
                return err_set(e, ERR_INVALID, "%s: missing %s", cmd->name, cmd->operands);
        bool any = cmd->kind != OPERANDS_NONE && cmd->max_args == 0;
        if (!any && n > cmd->max_args)
                return err_set(e, ERR_INVALID, "%s: unexpected word \"%s\"", cmd->name,
                               args[cmd->max_args]);
        return 0;
}

static int report(struct cli *c, struct err *e)
{
        fprintf(stderr, "%stiphys: %s%s\n", term_on(&c->term, TERM_ERR_RED), err_msg(e),
                term_on(&c->term, TERM_ERR_OFF));
        int code = err_exit_code(e->code);
        err_clear(e);
        return code;
}

static int run(struct cli *c, char **argv, size_t n)
{
        const struct command *cmd = c->command;
        AUTO(mem_free) void *values = mem_alloc(cmd->opts_size ? cmd->opts_size : 1);
        const struct opt_set sets[] = {{cmd->opts ? cmd->opts : no_opts, values},
                                       {cli_global_opts, &c->g}};
        ERR_SLOT(e);
        size_t args = 0;
        int code;
        int r = opts_read(sets, ARRAY_LEN(sets), argv, n, &args, &e);
        term_init(&c->term, c->g.no_color, c->g.no_utf8);
        if (r == 0 && c->g.help) {
                AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
                cli_put_help(&b, cmd);
                cli_write(&b);
                code = EXIT_OK;
        } else if (r < 0 || check_args(cmd, argv, args, &e) < 0) {
                code = report(c, &e);
                fprintf(stderr, "`tiphys %s --help` explains its use.\n", cmd->name);
        } else {
                code = cmd->run(c, values, argv, args, &e);
                if (code < 0)
                        code = report(c, &e);
        }
        opts_free(sets, ARRAY_LEN(sets));
        return code;
}

static int overview(FILE *to, int code)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        cli_put_help(&b, NULL);
        fwrite(b.data, 1, b.len, to);
        return code;
}

int cli_main(int argc, char **argv)
{
        log_configure(LOG_WARN, LOG_LOGFMT); /* commands talk in words; dev turns it up */
        size_t n = (size_t)argc - 1;
        const char *unknown = NULL;
        struct cli c = {.command = take_command(argv + 1, &n, &unknown)};
        if (!c.command) {
                if (unknown)
                        return fail_command(unknown);
                if (argc > 1 && streq(argv[1], "--version")) {
                        puts(TIPHYS_VERSION);
                        return EXIT_OK;
                }
                bool asked = argc > 1 && (streq(argv[1], "-h") || streq(argv[1], "--help"));
                return overview(asked ? stdout : stderr, asked ? EXIT_OK : EXIT_USAGE);
        }
        int code = run(&c, argv + 1, n);
        app_close(&c.app);
        free(c.data_dir);
        return code;
}
