/* cli/list.c: workflows (or resources of any kind) as a table. SPDX-License-Identifier: Apache-2.0
 */
#include "cli/output.h"
#include "cli/tree.h"
#include <stdlib.h>

struct list_opts {
        struct opt_list status;
        const char *selector, *field_selector, *prefix, *output;
        bool running, completed, no_headers;
        int64_t since, older;
};
static const struct opt list_opts[] = {
        OPT(struct list_opts, running, OPT_FLAG, .help = "only those that have not ended"),
        OPT(struct list_opts, completed, OPT_FLAG, .help = "only those that have ended"),
        OPT(struct list_opts, status, OPT_LIST, .arg = "PHASE",
            .help = "only these phases: Pending, Running, Succeeded, Failed, Error; may be "
                    "repeated"),
        OPT(struct list_opts, prefix, OPT_STR, .arg = "TEXT", .help = "only names that begin so"),
        OPT(struct list_opts, selector, OPT_STR, .letter = 'l', .arg = "LABELS",
            .help = "only with these labels"),
        OPT(struct list_opts, field_selector, OPT_STR, .name = "field-selector", .arg = "FIELDS",
            .help = "only with these fields: metadata.name=, status.phase="),
        OPT(struct list_opts, since, OPT_DURATION, .arg = "DURATION",
            .help = "only those that ended in the last so long, or run"),
        OPT(struct list_opts, older, OPT_DURATION, .arg = "DURATION",
            .help = "only those that ended longer ago"),
        OPT(struct list_opts, no_headers, OPT_FLAG, .name = "no-headers",
            .help = "without the first line"),
        OPT_OUTPUT(struct list_opts),
        OPT_END};

/* ---- which ---- */

static bool is_done(const json_t *wf)
{
        return streq(obj_label(wf, "workflows.argoproj.io/completed"), "true") ||
               json_time_at(wf, "status", "finishedAt") != 0;
}

static bool phase_wanted(const struct list_opts *o, const json_t *wf)
{
        const char *phase = json_str(wf, "status", "phase");
        for (size_t i = 0; i < o->status.n; i++)
                if (strcasecmp(str_empty(phase) ? "Pending" : phase, o->status.items[i]) == 0)
                        return true;
        return o->status.n == 0;
}

static bool is_wanted(const struct list_opts *o, const json_t *wf, int64_t now)
{
        int64_t end = json_time_at(wf, "status", "finishedAt");
        if ((o->running && is_done(wf)) || (o->completed && !is_done(wf)) || !phase_wanted(o, wf))
                return false;
        if (o->prefix && !str_starts(obj_name(wf), o->prefix))
                return false;
        if (o->since && end && end < now - o->since)
                return false;
        return !o->older || (end && end < now - o->older);
}

/* Those that run first, then the newest. */
static int by_interest(const void *a, const void *b)
{
        const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
        if (is_done(x) != is_done(y))
                return is_done(x) ? 1 : -1;
        const char *key = is_done(x) ? "finishedAt" : "startedAt";
        int64_t s = json_time_at(x, "status", key), t = json_time_at(y, "status", key);
        if (s != t)
                return s > t ? -1 : 1;
        return strcmp(obj_name(x), obj_name(y));
}

static json_t *choose(const struct list_opts *o, const json_t *items, bool workflows, int64_t now)
{
        size_t n = json_array_size(items), kept = 0;
        AUTO(mem_free) json_t **list = mem_calloc(n + 1, sizeof(*list));
        for (size_t i = 0; i < n; i++) {
                json_t *item = json_array_get(items, i);
                if (!workflows || is_wanted(o, item, now))
                        list[kept++] = item;
        }
        if (workflows && kept)
                qsort(list, kept, sizeof(*list), by_interest);
        json_t *out = json_array();
        for (size_t i = 0; i < kept; i++)
                json_array_append(out, list[i]);
        return out;
}

/* ---- tables ---- */

static void put_counts(struct table *t, const json_t *wf)
{
        int pending = 0, running = 0, completed = 0;
        const char *id;
        json_t *node;
        json_object_foreach (json_at(wf, "status", "nodes"), id, node) {
                const char *phase = json_str(node, "phase");
                if (!streq(json_str(node, "type"), "Pod"))
                        continue;
                if (streq(phase, "Pending"))
                        pending++;
                else if (streq(phase, "Running"))
                        running++;
                else
                        completed++;
        }
        table_cellf(t, "%d/%d/%d", pending, running, completed);
}

static void put_arguments(struct table *t, const json_t *wf)
{
        struct buf b = BUF_INIT(2048);
        json_t *p;
        size_t i;
        json_array_foreach (json_at(wf, "spec", "arguments", "parameters"), i, p) {
                json_t *value = json_object_get(p, "value");
                AUTO(mem_free) char *text = value ? json_scalar_text(value) : mem_strdup("");
                buf_addf(&b, "%s%s=%s", i ? "," : "",
                         json_str(p, "name") ? json_str(p, "name") : "", text);
        }
        table_cell(t, buf_str(&b));
        buf_deinit(&b);
}

static void put_workflow(struct table *t, const json_t *wf, bool ns, bool wide, int64_t now)
{
        char age[24], duration[24] = "0s";
        int64_t start = json_time_at(wf, "status", "startedAt"),
                end = json_time_at(wf, "status", "finishedAt");
        human_age(age, now - json_time_at(wf, "metadata", "creationTimestamp"));
        if (start)
                human_age(duration, (end ? end : now) - start);
        if (ns)
                table_cell(t, obj_ns(wf));
        table_cell(t, obj_name(wf));
        table_cell(t, tree_status_word(wf));
        table_style(t, term_phase_style(json_str(wf, "status", "phase")));
        table_cell(t, age);
        table_cell(t, duration);
        table_cellf(t, "%lld", (long long)json_integer_value(json_at(wf, "spec", "priority")));
        if (wide) {
                put_counts(t, wf);
                put_arguments(t, wf);
        }
        table_cell(t, json_str(wf, "status", "message"));
}

static void put_object(struct table *t, const json_t *obj, bool ns, int64_t now)
{
        char age[24];
        human_age(age, now - json_time_at(obj, "metadata", "creationTimestamp"));
        if (ns)
                table_cell(t, obj_ns(obj));
        table_cell(t, obj_name(obj));
        table_cell(t, age);
}

static void put_head(struct table *t, bool workflows, bool ns, bool wide)
{
        if (ns)
                table_cell(t, "NAMESPACE");
        table_cell(t, "NAME");
        if (workflows)
                table_cell(t, "STATUS");
        table_cell(t, "AGE");
        if (!workflows)
                return;
        table_cell(t, "DURATION");
        table_cell(t, "PRIORITY");
        if (wide) {
                table_cell(t, "P/R/C");
                table_cell(t, "PARAMETERS");
        }
        table_cell(t, "MESSAGE");
}

static void print_table(struct cli *c, const struct list_opts *o, const json_t *list,
                        bool workflows)
{
        bool ns = c->g.all_namespaces, wide = streq(o->output, "wide");
        int64_t now = loop_wall(c->app.loop).ns;
        AUTO_TABLE struct table t;
        table_init(&t, (workflows ? 6u : 2u) + ns + (workflows && wide ? 2u : 0u));
        if (!o->no_headers)
                put_head(&t, workflows, ns, wide);
        json_t *item;
        size_t i;
        json_array_foreach (list, i, item) {
                if (workflows)
                        put_workflow(&t, item, ns, wide, now);
                else
                        put_object(&t, item, ns, now);
        }
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        table_put(&b, &t, &c->term, 0);
        cli_write(&b);
}

static int list_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct list_opts *o = opts;
        const struct store_kind *kind = n ? store_kind_by_word(args[0]) : &STORE_WORKFLOW;
        if (!kind)
                return err_set(e, ERR_INVALID,
                               "list: unknown kind \"%s\" (workflows, workflowtemplates, sensors, "
                               "eventsources, ...)",
                               args[0]);
        if (cli_open(c, CLI_READ, e) < 0)
                return -1;
        bool whole =
                streq(o->output, "json") || streq(o->output, "yaml") || streq(o->output, "wide");
        const struct store_list_opts lo = {.label_selector = o->selector,
                                           .field_selector = o->field_selector,
                                           .no_nodes = !whole};
        AUTO_JSON json_t *answer = NULL;
        if (store_list_now(c->app.store, kind, cli_list_ns(c), &lo, &answer, e) < 0)
                return -1;
        bool workflows = kind == &STORE_WORKFLOW;
        AUTO_JSON json_t *list =
                choose(o, json_object_get(answer, "items"), workflows, loop_wall(c->app.loop).ns);
        if (output_objects(o->output, list, false))
                return EXIT_OK;
        if (json_array_size(list))
                print_table(c, o, list, workflows);
        else
                cli_say(c, "no %s in %s%s", kind->plural,
                        c->g.all_namespaces ? "any namespace" : "namespace ",
                        c->g.all_namespaces ? "" : cli_ns(c));
        return EXIT_OK;
}

const struct command command_list = {.name = "list",
                                     .operands = "[KIND]",
                                     .summary = "List workflows, or resources of another kind",
                                     .examples = "  tiphys list --running\n  tiphys list sensors "
                                                 "-A\n  tiphys list -o name --status Failed\n",
                                     .opts = list_opts,
                                     .opts_size = sizeof(struct list_opts),
                                     .kind = OPERANDS_RESOURCE,
                                     .max_args = 1,
                                     .run = list_run};
