/* cli/complete.c: shell completion. The scripts only hand the words over to `tiphys __complete`,
 * which reads the same tables as parsing and help do. SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static void put_commands(struct buf *b, const char *group, const char *word)
{
        size_t n = strlen(group);
        for (const struct command *const *cmd = cli_commands(); *cmd; cmd++) {
                const char *name = (*cmd)->name;
                if ((*cmd)->hidden || strncmp(name, group, n) != 0)
                        continue;
                const char *rest = name + n, *blank = strchr(rest, ' ');
                size_t len = blank ? (size_t)(blank - rest) : strlen(rest);
                AUTO(mem_free) char *first = mem_printf("%.*s\n", (int)len, rest);
                if (str_starts(rest, word) && !strstr(buf_str(b), first))
                        buf_adds(b, first);
        }
}

static void put_names(struct cli *c, struct buf *b, const char *word)
{
        struct err e = {0};
        AUTO_JSON json_t *list = NULL;
        const struct store_list_opts o = {.no_nodes = true};
        if (cli_open(c, CLI_READ, &e) == 0 &&
            store_list_now(c->app.store, &STORE_WORKFLOW, cli_ns(c), &o, &list, &e) == 0) {
                json_t *item;
                size_t i;
                json_array_foreach (json_object_get(list, "items"), i, item)
                        if (str_starts(obj_name(item), word))
                                buf_addf(b, "%s\n", obj_name(item));
                if (str_starts("@latest", word))
                        buf_adds(b, "@latest\n");
        }
        err_clear(&e);
}

/* Words after `tiphys`; the last one is being typed. */
static int complete_run(struct cli *c, const void *opts UNUSED, char **args, size_t n,
                        struct err *e UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        const char *word = n ? args[n - 1] : "", *before = n > 1 ? args[n - 2] : NULL;
        const struct command *cmd = n > 1 ? cli_command_find(args[0]) : NULL;
        AUTO(mem_free) char *two = n > 2 ? mem_printf("%s %s", args[0], args[1]) : NULL;
        if (!cmd && two)
                cmd = cli_command_find(two);
        AUTO(mem_free) char *group = n == 2 && !cmd ? mem_printf("%s ", args[0]) : mem_strdup("");
        if (!cmd) {
                put_commands(&b, group, word);
        } else {
                if (cmd->opts)
                        opts_put_words(&b, cmd->opts, before, word);
                opts_put_words(&b, cli_global_opts, before, word);
                if (word[0] != '-' && cmd->kind == OPERANDS_WORKFLOWS && !b.len)
                        put_names(c, &b, word);
        }
        cli_write(&b);
        return EXIT_OK;
}

const struct command command_complete = {.name = "__complete",
                                         .operands = "WORD...",
                                         .summary = "Words for completion",
                                         .kind = OPERANDS_WORDS,
                                         .run = complete_run,
                                         .hidden = true};

static const char bash_script[] =
        "_tiphys() {\n"
        "    local IFS=$'\\n'\n"
        "    COMPREPLY=($(tiphys __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
        "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "
        "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
        "}\n"
        "complete -o filenames -F _tiphys tiphys\n";
static const char zsh_script[] =
        "#compdef tiphys\n"
        "_tiphys() {\n"
        "    local -a found\n"
        "    found=(\"${(@f)$(tiphys __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
        "    if [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi\n"
        "}\n"
        "compdef _tiphys tiphys\n";
static const char fish_script[] = "function __tiphys_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    tiphys __complete -- $words[2..-1] 2>/dev/null\n"
                                  "end\n"
                                  "complete -c tiphys -a '(__tiphys_complete)'\n";

static int completion_run(struct cli *c UNUSED, const void *opts UNUSED, char **args,
                          size_t n UNUSED, struct err *e)
{
        static const struct {
                const char *shell, *script;
        } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
        for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
                if (streq(scripts[i].shell, args[0])) {
                        fputs(scripts[i].script, stdout);
                        return EXIT_OK;
                }
        }
        return err_set(e, ERR_INVALID, "completion: expected bash, zsh or fish, found \"%s\"",
                       args[0]);
}

const struct command command_completion = {.name = "completion",
                                           .operands = "bash|zsh|fish",
                                           .summary = "Print the completion script of a shell",
                                           .examples = "  source <(tiphys completion bash)\n",
                                           .kind = OPERANDS_WORDS,
                                           .min_args = 1,
                                           .max_args = 1,
                                           .run = completion_run};
