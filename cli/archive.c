/* cli/archive.c: the archive of finished workflows: what `argo archive` has.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/archive/archive.h"
#include "cli/archive.h"
#include "cli/output.h"
#include "cli/tree.h"
#include "common/app/app.h"
#include "workflow/engine/redo.h"

struct archive_opts {
        const char *selector, *prefix, *output, *label_key;
        const char *node_field_selector;
        struct opt_list parameters;
        int64_t limit;
        bool no_headers, restart_successful;
};

static int open_archive(struct cli *c, enum cli_open how, struct archive **out, struct err *e)
{
        if (cli_no_cluster(c, "the archive is in the data folder, not in a cluster", e) < 0 ||
            cli_open(c, how, e) < 0)
                return -1;
        return archive_sqlite(out, c->app.db, e);
}

static bool looks_like_uid(const char *word)
{
        return strlen(word) == 36 && word[8] == '-' && word[13] == '-' && word[23] == '-';
}

/* By uid, or by name. */
static int find(struct cli *c, struct archive *a, const char *word, json_t **out, struct err *e)
{
        bool uid = looks_like_uid(word);
        const struct archive_key key = {.uid = uid ? word : NULL, .ns = cli_ns(c), .name = word};
        return archive_get_now(a, &key, out, e);
}

int archive_find(struct cli *c, const char *word, json_t **out, struct err *e)
{
        AUTO(archive_close) struct archive *a = NULL;
        return archive_sqlite(&a, c->app.db, e) < 0 ? -1 : find(c, a, word, out, e);
}

/* ---- list ---- */

static void put_row(struct table *t, const json_t *wf, bool ns, int64_t now)
{
        char age[24], duration[24] = "0s";
        int64_t start = json_time_at(wf, "status", "startedAt"),
                end = json_time_at(wf, "status", "finishedAt");
        human_age(age, now - json_time_at(wf, "metadata", "creationTimestamp"));
        if (start && end)
                human_age(duration, end - start);
        if (ns)
                table_cell(t, obj_ns(wf));
        table_cell(t, obj_name(wf));
        table_cell(t, tree_status_word(wf));
        table_style(t, term_phase_style(json_str(wf, "status", "phase")));
        table_cell(t, age);
        table_cell(t, duration);
        table_cell(t, obj_uid(wf));
        table_cell(t, json_str(wf, "status", "message"));
}

static void print_table(struct cli *c, const struct archive_opts *o, const json_t *items)
{
        static const char *const head[] = {"NAME", "STATUS",  "AGE", "DURATION",
                                           "UID",  "MESSAGE", NULL};
        bool ns = c->g.all_namespaces;
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        table_init(&t, 6u + ns);
        if (ns && !o->no_headers)
                table_cell(&t, "NAMESPACE");
        if (!o->no_headers)
                table_row(&t, head);
        json_t *wf;
        size_t i;
        json_array_foreach (items, i, wf)
                put_row(&t, wf, ns, loop_wall(c->app.loop).ns);
        table_put(&b, &t, &c->term, 0);
        cli_write(&b);
}

static int list_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        const struct archive_opts *o = opts;
        AUTO(archive_close) struct archive *a = NULL;
        AUTO_JSON json_t *answer = NULL;
        if (open_archive(c, CLI_READ, &a, e) < 0)
                return -1;
        const struct archive_query q = {.ns = cli_list_ns(c),
                                        .prefix = o->prefix,
                                        .label_selector = o->selector,
                                        .limit = (size_t)o->limit};
        if (archive_list_now(a, &q, &answer, e) < 0)
                return -1;
        const json_t *items = json_object_get(answer, "items");
        if (output_objects(o->output, items, false))
                return EXIT_OK;
        if (json_array_size(items))
                print_table(c, o, items);
        else
                cli_say(c, "there is no workflow in the archive%s",
                        q.ns ? " of this namespace" : "");
        return EXIT_OK;
}

/* ---- one ---- */

static int get_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        const struct archive_opts *o = opts;
        AUTO(archive_close) struct archive *a = NULL;
        AUTO_JSON json_t *wf = NULL;
        if (open_archive(c, CLI_READ, &a, e) < 0 || find(c, a, args[0], &wf, e) < 0)
                return -1;
        AUTO_JSON json_t *list = json_pack("[O]", wf);
        if (!output_objects(o->output, list, true))
                tree_print(c, wf, streq(o->output, "wide"), NULL);
        return EXIT_OK;
}

static int delete_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        AUTO(archive_close) struct archive *a = NULL;
        if (open_archive(c, CLI_WRITE, &a, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *wf = NULL;
                if (find(c, a, args[i], &wf, e) < 0 || archive_delete_now(a, obj_uid(wf), e) < 0)
                        return -1;
                printf("Archived workflow '%s' deleted\n", args[i]);
        }
        return EXIT_OK;
}

static int resubmit_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct archive_opts *o = opts;
        AUTO(archive_close) struct archive *a = NULL;
        AUTO_JSON json_t *made = json_array();
        if (open_archive(c, CLI_WRITE, &a, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *old = NULL, *wf = NULL;
                json_t *stored = NULL;
                if (find(c, a, args[i], &old, e) < 0)
                        return -1;
                struct redo again = {.parameters = o->parameters.items,
                                     .n_parameters = o->parameters.n,
                                     .now = loop_wall(c->app.loop)};
                if (redo_resubmit(&wf, old, &again, e) < 0 ||
                    store_create_now(c->app.store, &STORE_WORKFLOW, obj_ns(old), wf, &stored, e) <
                            0)
                        return -1;
                json_array_append_new(made, stored);
        }
        json_t *wf;
        size_t i;
        if (output_objects(o->output, made, n == 1))
                return EXIT_OK;
        json_array_foreach (made, i, wf)
                printf("workflow %s created\n", obj_name(wf));
        return EXIT_OK;
}

/* The same workflow once more, as Argo does it: under its old name, with a new uid. */
static int retry_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct archive_opts *o = opts;
        AUTO(archive_close) struct archive *a = NULL;
        if (open_archive(c, CLI_WRITE, &a, e) < 0)
                return -1;
        struct redo again = {.parameters = o->parameters.items,
                             .n_parameters = o->parameters.n,
                             .now = loop_wall(c->app.loop),
                             .restart_successful = o->restart_successful,
                             .node_field_selector = o->node_field_selector};
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *old = NULL, *wf = NULL, *stored = NULL;
                if (find(c, a, args[i], &old, e) < 0 || redo_retry(&wf, old, &again, e) < 0)
                        return -1;
                redo_detach(wf);
                if (store_create_now(c->app.store, &STORE_WORKFLOW, obj_ns(old), wf, &stored, e) <
                    0)
                        return -1;
                printf("workflow %s retried\n", obj_name(stored));
        }
        return EXIT_OK;
}

/* ---- labels ---- */

static int print_labels(struct cli *c, const char *key, struct err *e)
{
        AUTO(archive_close) struct archive *a = NULL;
        AUTO_JSON json_t *answer = NULL;
        if (open_archive(c, CLI_READ, &a, e) < 0 ||
            archive_labels_now(a, cli_list_ns(c), key, &answer, e) < 0)
                return -1;
        json_t *item;
        size_t i;
        json_array_foreach (json_object_get(answer, "items"), i, item)
                printf("%s\n", json_string_value(item));
        return EXIT_OK;
}

static int keys_run(struct cli *c, const void *opts UNUSED, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        return print_labels(c, NULL, e);
}

static int values_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                      struct err *e)
{
        const struct archive_opts *o = opts;
        if (!o->label_key)
                return err_set(e, ERR_INVALID, "archive list-label-values: name a key with -l KEY");
        return print_labels(c, o->label_key, e);
}

/* ---- tables ---- */

static const struct opt list_opts[] = {OPT(struct archive_opts, selector, OPT_STR, .letter = 'l',
                                           .arg = "LABELS", .help = "only with these labels"),
                                       OPT(struct archive_opts, prefix, OPT_STR, .arg = "TEXT",
                                           .help = "only names that begin so"),
                                       OPT(struct archive_opts, limit, OPT_INT,
                                           .name = "chunk-size", .arg = "N", .def = "0", .min = 0,
                                           .max = INT32_MAX, .help = "only the newest N; 0: all"),
                                       OPT(struct archive_opts, no_headers, OPT_FLAG,
                                           .name = "no-headers", .help = "without the first line"),
                                       OPT_OUTPUT(struct archive_opts),
                                       OPT_END};
static const struct opt get_opts[] = {OPT_OUTPUT(struct archive_opts), OPT_END};
static const struct opt resubmit_opts[] = {
        OPT(struct archive_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "another argument than before; may be repeated"),
        OPT_OUTPUT(struct archive_opts), OPT_END};
static const struct opt retry_opts[] = {
        OPT(struct archive_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "another argument than before; may be repeated"),
        OPT(struct archive_opts, restart_successful, OPT_FLAG, .name = "restart-successful",
            .help = "run nodes again that succeeded: those of --node-field-selector"),
        OPT(struct archive_opts, node_field_selector, OPT_STR, .name = "node-field-selector",
            .arg = "FIELDS", .help = "these nodes: displayName=a,phase!=Failed"),
        OPT_END};
static const struct opt values_opts[] = {OPT(struct archive_opts, label_key, OPT_STR,
                                             .name = "selector", .letter = 'l', .arg = "KEY",
                                             .help = "of which label"),
                                         OPT_END};

#define ARCHIVE(...) .opts_size = sizeof(struct archive_opts), __VA_ARGS__
const struct command command_archive_list = {
        ARCHIVE(.name = "archive list", .summary = "List workflows in the archive, newest first",
                .examples = "  tiphys archive list\n  tiphys archive list -l team=red -o name\n",
                .details = "Finished workflows are archived when the controller's configuration "
                           "says persistence.archive: true.",
                .opts = list_opts, .kind = OPERANDS_NONE, .run = list_run)};
const struct command command_archive_get = {
        ARCHIVE(.name = "archive get", .operands = "UID | NAME",
                .summary = "Show an archived workflow as a tree", .opts = get_opts,
                .kind = OPERANDS_WORDS, .min_args = 1, .max_args = 1, .run = get_run)};
const struct command command_archive_delete = {
        ARCHIVE(.name = "archive delete", .operands = "UID | NAME...",
                .summary = "Delete workflows from the archive", .kind = OPERANDS_WORDS,
                .min_args = 1, .run = delete_run)};
const struct command command_archive_resubmit = {
        ARCHIVE(.name = "archive resubmit", .operands = "UID | NAME...",
                .summary = "Run archived workflows again as new ones", .opts = resubmit_opts,
                .kind = OPERANDS_WORDS, .min_args = 1, .run = resubmit_run)};
const struct command command_archive_retry = {
        ARCHIVE(.name = "archive retry", .operands = "UID | NAME...",
                .summary = "Run what failed of archived workflows again, under their old names",
                .opts = retry_opts, .kind = OPERANDS_WORDS, .min_args = 1, .run = retry_run)};
const struct command command_archive_list_label_keys = {
        ARCHIVE(.name = "archive list-label-keys", .summary = "List label keys in the archive",
                .kind = OPERANDS_NONE, .run = keys_run)};
const struct command command_archive_list_label_values = {
        ARCHIVE(.name = "archive list-label-values",
                .summary = "List the values of a label in the archive", .opts = values_opts,
                .kind = OPERANDS_NONE, .run = values_run)};
