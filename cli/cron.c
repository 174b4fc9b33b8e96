/* cli/cron.c: CronWorkflows: what `argo cron` has, and the times of the next runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/output.h"
#include "workflow/cron/cronwf.h"

enum { MAX_RUNS = 1000 };

struct cron_opts {
        const char *output, *selector, *schedule, *name;
        int64_t count;
        bool no_headers, strict;
};

/* ---- times ---- */

/* "3m", before or after now. */
static void when_words(char out[48], int64_t ns, int64_t now)
{
        char age[24];
        if (!ns || ns == INT64_MAX) {
                snprintf(out, 48, "N/A");
                return;
        }
        human_age(age, ns > now ? ns - now : now - ns);
        snprintf(out, 48, "%s", age);
}

static int64_t last_run(const json_t *cron)
{
        return json_time_at(cron, "status", "lastScheduledTime");
}

static bool is_idle(const json_t *cron)
{
        return json_is_true(json_at(cron, "spec", "suspend")) ||
               streq(json_str(cron, "status", "phase"), "Stopped");
}

static int64_t next_run(const json_t *cron, int64_t now)
{
        AUTO(cronwf_spec_free) struct cronwf_spec *s = NULL;
        struct err e = {0};
        int64_t next = INT64_MAX;
        if (!is_idle(cron) && cronwf_spec_new(&s, cron, &e) == 0)
                next = cronwf_next(s, now);
        err_clear(&e);
        return next;
}

static void put_schedules(struct buf *b, const json_t *cron)
{
        size_t i;
        json_t *s;
        json_array_foreach (json_at(cron, "spec", "schedules"), i, s)
                buf_addf(b, "%s%s", i ? "," : "", json_string_value(s) ? json_string_value(s) : "");
}

/* ---- list ---- */

static void put_row(struct table *t, const json_t *cron, bool ns, int64_t now)
{
        char text[48], age[24];
        AUTO_BUF struct buf schedules = BUF_INIT(4096);
        put_schedules(&schedules, cron);
        if (ns)
                table_cell(t, obj_ns(cron));
        table_cell(t, obj_name(cron));
        human_age(age, now - json_time_at(cron, "metadata", "creationTimestamp"));
        table_cell(t, age);
        when_words(text, last_run(cron), now);
        table_cell(t, text);
        when_words(text, next_run(cron, now), now);
        table_cell(t, text);
        table_cell(t, buf_str(&schedules));
        table_cell(t, json_str(cron, "spec", "timezone"));
        table_cell(t, json_is_true(json_at(cron, "spec", "suspend")) ? "true" : "false");
}

static int list_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        static const char *const head[] = {"NAME",      "AGE",      "LAST RUN",  "NEXT RUN",
                                           "SCHEDULES", "TIMEZONE", "SUSPENDED", NULL};
        const struct cron_opts *o = opts;
        if (cli_open(c, CLI_READ, e) < 0)
                return -1;
        AUTO_JSON json_t *answer = NULL;
        const struct store_list_opts lo = {.label_selector = o->selector};
        if (store_list_now(c->app.store, &STORE_CRON_WORKFLOW, cli_list_ns(c), &lo, &answer, e) < 0)
                return -1;
        const json_t *items = json_object_get(answer, "items");
        if (output_objects(o->output, items, false))
                return EXIT_OK;
        if (!json_array_size(items)) {
                cli_say(c, "no CronWorkflows%s%s", c->g.all_namespaces ? "" : " in namespace ",
                        c->g.all_namespaces ? "" : cli_ns(c));
                return EXIT_OK;
        }
        bool ns = c->g.all_namespaces;
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        table_init(&t, 7u + ns);
        if (ns && !o->no_headers)
                table_cell(&t, "NAMESPACE");
        if (!o->no_headers)
                table_row(&t, head);
        size_t i;
        json_t *cron;
        json_array_foreach (items, i, cron)
                put_row(&t, cron, ns, loop_wall(c->app.loop).ns);
        table_put(&b, &t, &c->term, 0);
        cli_write(&b);
        return EXIT_OK;
}

/* ---- get ---- */

static void put_time(struct buf *b, const char *what, int64_t ns, int64_t now)
{
        char at[40], words[64];
        if (!ns || ns == INT64_MAX) {
                buf_addf(b, "%-25s N/A\n", what);
                return;
        }
        time_rfc3339(ns, at);
        human_duration(words, ns > now ? ns - now : now - ns);
        if (ns > now)
                buf_addf(b, "%-25s %s (in %s)\n", what, at, words);
        else
                buf_addf(b, "%-25s %s (%s ago)\n", what, at, words);
}

static void put_field(struct buf *b, const char *what, const json_t *value)
{
        AUTO(mem_free) char *text = value ? json_scalar_text(value) : NULL;
        if (text)
                buf_addf(b, "%-25s %s\n", what, text);
}

static void put_cron(struct buf *b, const json_t *cron, int64_t now)
{
        const json_t *spec = json_object_get(cron, "spec"),
                     *status = json_object_get(cron, "status");
        size_t i;
        json_t *item;
        put_field(b, "Name:", json_at(cron, "metadata", "name"));
        put_field(b, "Namespace:", json_at(cron, "metadata", "namespace"));
        put_time(b, "Created:", json_time_at(cron, "metadata", "creationTimestamp"), now);
        buf_addf(b, "%-25s ", "Schedules:");
        put_schedules(b, cron);
        buf_addf(b, "\n%-25s %s\n",
                 "Suspended:", json_is_true(json_object_get(spec, "suspend")) ? "true" : "false");
        put_field(b, "Timezone:", json_object_get(spec, "timezone"));
        put_field(b, "When:", json_object_get(spec, "when"));
        put_field(b, "StartingDeadlineSeconds:", json_object_get(spec, "startingDeadlineSeconds"));
        put_field(b, "ConcurrencyPolicy:", json_object_get(spec, "concurrencyPolicy"));
        put_field(b, "Phase:", json_object_get(status, "phase"));
        put_field(b, "Succeeded:", json_object_get(status, "succeeded"));
        put_field(b, "Failed:", json_object_get(status, "failed"));
        put_time(b, "LastScheduledTime:", last_run(cron), now);
        put_time(b, "NextScheduledTime:", next_run(cron, now), now);
        json_array_foreach (json_object_get(status, "active"), i, item)
                buf_addf(b, "%-25s %s\n", i ? "" : "Active Workflows:",
                         json_str(item, "name") ? json_str(item, "name") : "");
        json_array_foreach (json_object_get(status, "conditions"), i, item)
                buf_addf(b, "%-25s %s: %s\n", i ? "" : "Conditions:",
                         json_str(item, "type") ? json_str(item, "type") : "",
                         json_str(item, "message") ? json_str(item, "message") : "");
}

static int get_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        const struct cron_opts *o = opts;
        AUTO_JSON json_t *cron = NULL;
        if (cli_open(c, CLI_READ, e) < 0 ||
            cli_find(c, &STORE_CRON_WORKFLOW, args[0], &cron, e) < 0)
                return -1;
        AUTO_JSON json_t *list = json_pack("[O]", cron);
        if (output_objects(o->output, list, true))
                return EXIT_OK;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        put_cron(&b, cron, loop_wall(c->app.loop).ns);
        cli_write(&b);
        return EXIT_OK;
}

/* ---- next ---- */

static int next_cmd(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        const struct cron_opts *o = opts;
        AUTO_JSON json_t *cron = NULL;
        AUTO(cronwf_spec_free) struct cronwf_spec *s = NULL;
        if (cli_open(c, CLI_READ, e) < 0 ||
            cli_find(c, &STORE_CRON_WORKFLOW, args[0], &cron, e) < 0 ||
            cronwf_spec_new(&s, cron, e) < 0)
                return -1;
        if (is_idle(cron))
                cli_say(c, "%s is %s: these times will not run", obj_name(cron),
                        s->suspend ? "suspended" : "stopped");
        int64_t at = loop_wall(c->app.loop).ns;
        for (int64_t i = 0; i < o->count; i++) {
                char text[40];
                at = cronwf_next(s, at);
                if (at == INT64_MAX)
                        break;
                time_rfc3339(at, text);
                printf("%s\n", text);
        }
        return EXIT_OK;
}

/* ---- create, update ---- */

static int only_crons(struct files *f, const struct cron_opts *o, struct err *e)
{
        for (size_t i = 0; i < f->n; i++) {
                json_t *obj = f->items[i].obj;
                if (!streq(f->items[i].kind.kind, "CronWorkflow"))
                        return err_set(e, ERR_INVALID, "expected CronWorkflows, found %s %s",
                                       f->items[i].kind.kind, obj_name(obj) ? obj_name(obj) : "");
                if (o->schedule)
                        json_put_at(obj, json_pack("[s]", o->schedule), "spec", "schedules");
                if (o->name)
                        json_put_at(obj, json_string(o->name), "metadata", "name");
        }
        return f->n ? 0 : err_set(e, ERR_INVALID, "there is no CronWorkflow in these files");
}

static int put_files(struct cli *c, const struct cron_opts *o, char **args, size_t n,
                     bool create_only, struct err *e)
{
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        bool good = files_load(&f, (const char *const *)args, n, &d) == 0;
        if (good && only_crons(&f, o, e) < 0)
                return -1;
        good = files_check(&f, c->app.store, cli_ns(c), o->strict, &d) == 0 && good;
        files_print_problems(c, &f, &d, true);
        if (!good)
                return EXIT_USAGE;
        struct apply_one *list = NULL;
        int r = apply_files(&list, c->app.store, &f, cli_ns(c), create_only, e);
        for (size_t i = 0; r == 0 && i < f.n; i++)
                printf("cronworkflow %s %s\n", obj_name(list[i].stored),
                       applied_word(list[i].what));
        apply_free(list, f.n);
        return r;
}

static int create_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        return put_files(c, opts, args, n, true, e);
}

static int update_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        return put_files(c, opts, args, n, false, e);
}

/* ---- suspend, resume, delete ---- */

static int set_suspend(struct cli *c, char **args, size_t n, bool suspend, struct err *e)
{
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *cron = NULL, *stored = NULL;
                AUTO_JSON json_t *patch = json_pack("{s:{s:b}}", "spec", "suspend", (int)suspend);
                if (cli_find(c, &STORE_CRON_WORKFLOW, args[i], &cron, e) < 0)
                        return -1;
                const struct store_ref ref = {&STORE_CRON_WORKFLOW, obj_ns(cron), obj_name(cron)};
                if (store_patch_now(c->app.store, ref, STORE_PATCH_MERGE, patch, &stored, e) < 0)
                        return -1;
                printf("CronWorkflow '%s' %s\n", obj_name(cron), suspend ? "suspended" : "resumed");
        }
        return EXIT_OK;
}

static int suspend_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        return set_suspend(c, args, n, true, e);
}

static int resume_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        return set_suspend(c, args, n, false, e);
}

static int delete_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                const struct store_ref ref = {&STORE_CRON_WORKFLOW, cli_ns(c), args[i]};
                if (store_delete_now(c->app.store, ref, NULL, e) < 0)
                        return -1;
                printf("CronWorkflow '%s' deleted\n", args[i]);
        }
        return EXIT_OK;
}

/* ---- tables ---- */

static const struct opt list_opts[] = {OPT(struct cron_opts, selector, OPT_STR, .letter = 'l',
                                           .arg = "LABELS", .help = "only with these labels"),
                                       OPT(struct cron_opts, no_headers, OPT_FLAG,
                                           .name = "no-headers", .help = "without the first line"),
                                       OPT_OUTPUT(struct cron_opts), OPT_END};
static const struct opt get_opts[] = {OPT_OUTPUT(struct cron_opts), OPT_END};
static const struct opt next_opts[] = {OPT(struct cron_opts, count, OPT_INT, .letter = 'c',
                                           .arg = "N", .def = "5", .min = 1, .max = MAX_RUNS,
                                           .help = "how many"),
                                       OPT_END};
static const struct opt put_opts[] = {
        OPT(struct cron_opts, schedule, OPT_STR, .arg = "CRON",
            .help = "instead of spec.schedules"),
        OPT(struct cron_opts, name, OPT_STR, .arg = "NAME", .help = "instead of metadata.name"),
        OPT(struct cron_opts, strict, OPT_FLAG, .help = "unknown fields are errors"), OPT_END};

#define CRON(...) .opts_size = sizeof(struct cron_opts), __VA_ARGS__
const struct command command_cron_list = {
        CRON(.name = "cron list", .summary = "List CronWorkflows with their last and next runs",
             .opts = list_opts, .kind = OPERANDS_NONE, .run = list_run)};
const struct command command_cron_get = {CRON(.name = "cron get", .operands = "NAME",
                                              .summary = "Show a CronWorkflow", .opts = get_opts,
                                              .kind = OPERANDS_WORDS, .min_args = 1, .max_args = 1,
                                              .run = get_run)};
const struct command command_cron_next = {CRON(.name = "cron next", .operands = "NAME",
                                               .summary = "Print the times of the next runs",
                                               .opts = next_opts, .kind = OPERANDS_WORDS,
                                               .min_args = 1, .max_args = 1, .run = next_cmd)};
const struct command command_cron_create = {
        CRON(.name = "cron create", .operands = "FILE...", .summary = "Create CronWorkflows",
             .examples = "  tiphys cron create nightly.yaml\n  tiphys cron create nightly.yaml "
                         "--schedule '0 3 * * *'\n",
             .opts = put_opts, .kind = OPERANDS_FILES, .min_args = 1, .run = create_run)};
const struct command command_cron_update = {CRON(.name = "cron update", .operands = "FILE...",
                                                 .summary = "Create or change CronWorkflows",
                                                 .opts = put_opts, .kind = OPERANDS_FILES,
                                                 .min_args = 1, .run = update_run)};
const struct command command_cron_suspend = {CRON(.name = "cron suspend", .operands = "NAME...",
                                                  .summary = "Start nothing more until resumed",
                                                  .kind = OPERANDS_WORDS, .min_args = 1,
                                                  .run = suspend_run)};
const struct command command_cron_resume = {
        CRON(.name = "cron resume", .operands = "NAME...", .summary = "Go on with a schedule",
             .kind = OPERANDS_WORDS, .min_args = 1, .run = resume_run)};
const struct command command_cron_delete = {
        CRON(.name = "cron delete", .operands = "NAME...",
             .summary = "Delete CronWorkflows and their workflows", .kind = OPERANDS_WORDS,
             .min_args = 1, .run = delete_run)};
