/* cli/get.c: one workflow as a tree, or any resource as YAML. SPDX-License-Identifier: Apache-2.0
 */
#include "cli/archive.h"
#include "cli/output.h"
#include "cli/tree.h"

struct get_opts {
        const char *output, *status;
};
static const struct opt get_opts[] = {OPT_OUTPUT(struct get_opts),
                                      OPT(struct get_opts, status, OPT_STR, .arg = "PHASE",
                                          .help = "show only nodes in this phase"),
                                      OPT_END};

/* "NAME", "KIND/NAME" or "KIND NAME". */
static int split_words(char **args, size_t n, const struct store_kind **kind, const char **name,
                       struct err *e)
{
        *kind = &STORE_WORKFLOW;
        *name = args[0];
        const char *slash = strchr(args[0], '/');
        if (n == 1 && !slash)
                return 0;
        AUTO(mem_free)
        char *word = n == 2 ? mem_strdup(args[0]) : mem_strndup(args[0], (size_t)(slash - args[0]));
        *kind = store_kind_by_word(word);
        *name = n == 2 ? args[1] : slash + 1;
        return *kind ? 0 : err_set(e, ERR_INVALID, "get: unknown kind \"%s\"", word);
}

/* A workflow that is not there any more may be in the archive. */
static bool find_archived(struct cli *c, const char *name, json_t **out, struct err *e)
{
        struct err other = {0};
        if (e->code != ERR_NOT_FOUND || !c->app.db || archive_find(c, name, out, &other) < 0) {
                err_clear(&other);
                return false; /* the first words stay */
        }
        err_clear(e);
        cli_say(c, "%s is in the archive", name);
        return true;
}

static int get_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct get_opts *o = opts;
        const struct store_kind *kind;
        const char *name;
        if (split_words(args, n, &kind, &name, e) < 0 || cli_open(c, CLI_READ, e) < 0)
                return -1;
        AUTO_JSON json_t *obj = NULL;
        if (cli_find(c, kind, name, &obj, e) < 0 &&
            (kind != &STORE_WORKFLOW || !find_archived(c, name, &obj, e)))
                return -1;
        AUTO_JSON json_t *list = json_pack("[O]", obj);
        if (output_objects(o->output, list, true))
                return EXIT_OK;
        if (kind == &STORE_WORKFLOW)
                tree_print(c, obj, streq(o->output, "wide"), o->status);
        else
                output_objects("yaml", list, true);
        return EXIT_OK;
}

const struct command command_get = {.name = "get",
                                    .operands = "NAME | KIND/NAME",
                                    .summary = "Show a workflow as a tree, or a resource",
                                    .details = "NAME may be the beginning of a name, or @latest.",
                                    .examples =
                                            "  tiphys get @latest\n  tiphys get hello-world-x7k2p "
                                            "-o yaml\n  tiphys get sensor/docproc-sensor\n",
                                    .opts = get_opts,
                                    .opts_size = sizeof(struct get_opts),
                                    .kind = OPERANDS_WORKFLOWS,
                                    .min_args = 1,
                                    .max_args = 2,
                                    .run = get_run};
