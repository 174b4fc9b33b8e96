/* cli/delete.c: removes resources; the controller ends what runs of a deleted workflow.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/term.h"

struct delete_opts {
        struct opt_list files;
        const char *selector, *prefix;
        bool all, completed, dry_run;
        int64_t older;
};
static const struct opt delete_opts[] = {
        OPT(struct delete_opts, files, OPT_LIST, .name = "filename", .letter = 'f', .arg = "PATH",
            .help = "the resources that these files describe"),
        OPT(struct delete_opts, all, OPT_FLAG, .help = "every workflow"),
        OPT(struct delete_opts, completed, OPT_FLAG, .help = "workflows that have ended"),
        OPT(struct delete_opts, older, OPT_DURATION, .arg = "DURATION",
            .help = "workflows that ended longer ago"),
        OPT(struct delete_opts, prefix, OPT_STR, .arg = "TEXT",
            .help = "workflows with names that begin so"),
        OPT(struct delete_opts, selector, OPT_STR, .letter = 'l', .arg = "LABELS",
            .help = "workflows with these labels"),
        OPT(struct delete_opts, dry_run, OPT_FLAG, .name = "dry-run",
            .help = "only say what would be deleted"),
        OPT_END};

static int delete_one(struct cli *c, const struct delete_opts *o, const struct store_kind *kind,
                      const json_t *obj, struct err *e)
{
        const struct store_ref ref = {kind, json_str(obj, "metadata", "namespace"), obj_name(obj)};
        const struct store_delete_opts with = {.uid = obj_uid(obj)};
        if (!o->dry_run && store_delete_now(c->app.store, ref, &with, e) < 0)
                return -1;
        printf("%s %s %s\n", kind->kind, obj_name(obj),
               o->dry_run ? "would be deleted" : "deleted");
        return 0;
}

static int delete_word(struct cli *c, const struct delete_opts *o, const char *word, struct err *e)
{
        const struct store_kind *kind = &STORE_WORKFLOW;
        const char *slash = strchr(word, '/'), *name = slash ? slash + 1 : word;
        if (slash) {
                AUTO(mem_free) char *kind_word = mem_strndup(word, (size_t)(slash - word));
                kind = store_kind_by_word(kind_word);
                if (!kind)
                        return err_set(e, ERR_INVALID, "delete: unknown kind \"%s\"", kind_word);
        }
        AUTO_JSON json_t *obj = NULL;
        if (cli_find(c, kind, name, &obj, e) < 0)
                return -1;
        /* A prefix is fine to look at something, not to remove it. */
        if (!streq(name, "@latest") && !streq(name, obj_name(obj)))
                return err_set(e, ERR_NOT_FOUND, "there is no %s %s; did you mean %s?", kind->kind,
                               name, obj_name(obj));
        return delete_one(c, o, kind, obj, e);
}

static bool is_wanted(const struct delete_opts *o, const json_t *wf, int64_t now)
{
        int64_t end = json_time_at(wf, "status", "finishedAt");
        if ((o->completed || o->older) && !end)
                return false;
        if (o->older && end > now - o->older)
                return false;
        return !o->prefix || str_starts(obj_name(wf), o->prefix);
}

static int delete_matching(struct cli *c, const struct delete_opts *o, struct err *e)
{
        AUTO_JSON json_t *list = NULL;
        const struct store_list_opts lo = {.label_selector = o->selector, .no_nodes = true};
        if (store_list_now(c->app.store, &STORE_WORKFLOW, cli_list_ns(c), &lo, &list, e) < 0)
                return -1;
        json_t *wf;
        size_t i;
        json_array_foreach (json_object_get(list, "items"), i, wf)
                if (is_wanted(o, wf, loop_wall(c->app.loop).ns) &&
                    delete_one(c, o, &STORE_WORKFLOW, wf, e) < 0)
                        return -1;
        return 0;
}

static int delete_files(struct cli *c, const struct delete_opts *o, struct err *e)
{
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        if (files_load(&f, o->files.items, o->files.n, &d) < 0) {
                files_print_problems(c, &f, &d, true);
                return err_set(e, ERR_INVALID, "delete: the files cannot be read");
        }
        for (size_t i = f.n; i-- > 0;) {
                const json_t *obj = f.items[i].obj;
                const char *ns = json_str(obj, "metadata", "namespace");
                const struct store_ref ref = {&f.items[i].kind, ns ? ns : cli_ns(c), obj_name(obj)};
                if (!obj_name(obj))
                        continue; /* generateName: no file knows its name */
                if (!o->dry_run && store_delete_now(c->app.store, ref, NULL, e) < 0) {
                        if (e->code != ERR_NOT_FOUND)
                                return -1;
                        err_clear(e);
                        continue;
                }
                printf("%s %s %s\n", ref.kind->kind, ref.name,
                       o->dry_run ? "would be deleted" : "deleted");
        }
        return 0;
}

static int delete_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct delete_opts *o = opts;
        bool matching = o->all || o->completed || o->older || o->prefix || o->selector;
        if (n == 0 && !matching && o->files.n == 0)
                return err_set(e, ERR_INVALID,
                               "delete: name a workflow or KIND/NAME, or say which: --completed, "
                               "--older, --prefix, -l, --all, -f");
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                if (delete_word(c, o, args[i], e) < 0)
                        return -1;
        if (o->files.n && delete_files(c, o, e) < 0)
                return -1;
        if (matching && delete_matching(c, o, e) < 0)
                return -1;
        return EXIT_OK;
}

const struct command command_delete = {
        .name = "delete",
        .operands = "[NAME | KIND/NAME]...",
        .summary = "Delete workflows and other resources",
        .examples = "  tiphys delete hello-world-x7k2p\n  tiphys delete sensor/docproc-sensor\n  "
                    "tiphys delete --older 7d -A\n",
        .opts = delete_opts,
        .opts_size = sizeof(struct delete_opts),
        .kind = OPERANDS_WORKFLOWS,
        .run = delete_run};
