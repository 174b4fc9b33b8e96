/* cli/cli.h: the frame of the program `tiphys`: commands from commands.def, options every command
 * knows, the terminal.
 *
 * House rules: data goes to standard output, talk to standard error; colour only on a terminal
 * (NO_COLOR, --no-color, CLICOLOR_FORCE); never a prompt; "did you mean"; the next command to type.
 * Exit codes: 0 ok, 1 failed (also: the workflow waited for did not succeed, lint found something),
 * 2 usage or invalid input, 3 not found, 4 denied, 5 conflict, 6 unavailable, 124 timeout, 130
 * interrupted. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/app/app.h"
#include "common/app/opt.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TIMEOUT = 124, EXIT_INTERRUPTED = 130 };

struct cli_globals {
        const char *data, *ns, *kubeconfig, *context;
        bool all_namespaces, no_color, no_utf8, help;
};
struct term { /* of standard output */
        bool tty, colour, utf8;
        int width, height;
};
struct cli {
        const struct command *command;
        struct cli_globals g;
        struct term term;
        char *data_dir;
        struct app app; /* after cli_open() */
        bool interrupted;
};

enum operand_kind {
        OPERANDS_NONE,
        OPERANDS_FILES,
        OPERANDS_WORKFLOWS,
        OPERANDS_EVENTS,
        OPERANDS_WORDS,
        OPERANDS_RESOURCE
};

/* The exit code, or -1 with *e set (the frame prints it and derives the code). */
typedef int command_fn(struct cli *c, const void *opts, char **args, size_t n, struct err *e);
struct command {
        const char *name;       /* "submit", "events list" */
        const char *operands;   /* "FILE...", for the usage line */
        const char *summary;    /* one line */
        const char *details;    /* more for --help and the reference, NULL */
        const char *examples;   /* lines, printed first */
        const struct opt *opts; /* NULL: none */
        size_t opts_size;
        enum operand_kind kind;    /* for completion */
        size_t min_args, max_args; /* max 0: no bound when kind says there are any */
        command_fn *run;
        bool hidden;
};
#define COMMAND(name) extern const struct command command_##name;
#include "cli/commands.def"
#undef COMMAND
const struct command *const *cli_commands(void); /* NULL-terminated, in the order of commands.def */
const struct command *cli_command_find(const char *name);
extern const struct opt cli_global_opts[];

int cli_main(int argc, char **argv);
void cli_put_help(struct buf *b, const struct command *cmd); /* NULL: the overview */
void cli_put_reference(struct buf *b);                       /* docs/reference/cli.md */

/* ---- the data folder ---- */

enum cli_open { CLI_READ, CLI_WRITE, CLI_EVENTS /* read, with the bus */, CLI_EVENTS_WRITE };
/* Opens store (and bus) of the data folder. CLI_READ on a folder where nothing ever ran: NOT_FOUND
 * with the next command. */
int cli_open(struct cli *c, enum cli_open how, struct err *e) MUST_CHECK;
/* UNSUPPORTED when a cluster was asked for. */
int cli_no_cluster(const struct cli *c, const char *why, struct err *e) MUST_CHECK;
const char *cli_ns(const struct cli *c);      /* -n, else "default" */
const char *cli_list_ns(const struct cli *c); /* NULL with -A */
bool cli_controller_runs(struct cli *c);
/* A resource by name, unique prefix, or "@latest" (the newest); "did you mean" when there is none.
 * New reference, whole. */
int cli_find(struct cli *c, const struct store_kind *kind, const char *word, json_t **out,
             struct err *e) MUST_CHECK;
int cli_find_workflow(struct cli *c, const char *word, json_t **out, struct err *e) MUST_CHECK;

/* ---- words for people ---- */

/* To stderr: "tiphys: ..." */
void cli_say(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void cli_write(const struct buf *b); /* to standard output */
