/* cli/logs.c: what the steps of a workflow said. The runner keeps one file per pod, "<time>
 * stdout|stderr <text>" a line, in the data folder. History is merged by time; with --follow
 * inotify wakes us when a file grows, and the store when a pod starts or the workflow ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/logstored.h"
#include "cli/logtail.h"
#include "cli/tree.h"
#include "workflow/archive/archive.h"
#include "workflow/effect/sidecar.h"
#include "workflow/runner/runner.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

struct logs_opts {
        const char *container, *grep;
        bool follow, timestamps, no_prefix;
        int64_t tail, since;
};
static const struct opt logs_opts[] = {
        OPT(struct logs_opts, follow, OPT_FLAG, .letter = 'f',
            .help = "go on until the workflow ends"),
        OPT(struct logs_opts, container, OPT_STR, .letter = 'c', .arg = "NAME", .def = "main",
            .help = "of this container"),
        OPT(struct logs_opts, tail, OPT_INT, .arg = "N", .def = "-1", .min = -1, .max = 1000000000,
            .help = "only the last N lines; -1: all"),
        OPT(struct logs_opts, since, OPT_DURATION, .arg = "DURATION",
            .help = "only the last so long"),
        OPT(struct logs_opts, grep, OPT_STR, .arg = "TEXT",
            .help = "only lines that hold this text"),
        OPT(struct logs_opts, timestamps, OPT_FLAG, .help = "with the time of each line"),
        OPT(struct logs_opts, no_prefix, OPT_FLAG, .name = "no-prefix",
            .help = "without the name of the pod"),
        OPT_END};

struct logs {
        struct cli *c;
        const struct logs_opts *o;
        const char *pod; /* NULL: every pod */
        char *uid;
        int64_t from_ns; /* lines before are left out */
        struct log_tails tails;
        struct store_follow *follow;
        struct app_signals *signals;
        bool found, ended;
        int code;
};

/* ---- which pods ---- */

static bool is_wanted(const struct logs *l, const json_t *wf, const json_t *node)
{
        if (!streq(json_str(node, "type"), "Pod"))
                return false;
        if (!l->pod)
                return true;
        AUTO(mem_free) char *pod = tree_pod_name(wf, node);
        return streq(l->pod, pod) || streq(l->pod, json_str(node, "id")) ||
               streq(l->pod, json_str(node, "displayName"));
}

static void add_pods(struct logs *l, const json_t *wf)
{
        const char *id;
        json_t *node;
        json_object_foreach (json_at(wf, "status", "nodes"), id, node) {
                if (!is_wanted(l, wf, node))
                        continue;
                l->found = true;
                AUTO(mem_free) char *pod = tree_pod_name(wf, node);
                log_tails_add(&l->tails, l->c->data_dir, l->uid, id, l->o->container, pod);
        }
}

/* ---- plugins that the workflow brought along, by their names ---- */

static bool is_plugin(const struct logs *l, const json_t *plugin)
{
        return l->pod && streq(l->pod, json_str(plugin, "metadata", "name"));
}

/* "plugin_0_1.main.log": of one start of a plugin. */
static void add_start(struct logs *l, const json_t *plugins, const char *file)
{
        AUTO(mem_free) char *end = mem_printf(".%s.log", l->o->container);
        size_t index;
        unsigned start;
        if (!str_ends(file, end))
                return;
        AUTO(mem_free) char *id = mem_strndup(file, strlen(file) - strlen(end));
        if (sidecar_node_of(id, &index, &start) && is_plugin(l, json_array_get(plugins, index)))
                log_tails_add(&l->tails, l->c->data_dir, l->uid, id, l->o->container, l->pod);
}

/* Each start is a pod that is no node; one that said nothing has no file. */
static void add_plugins(struct logs *l, const json_t *wf)
{
        const json_t *stored = json_at(wf, "status", "storedWorkflowTemplateSpec"),
                     *spec = stored ? stored : json_object_get(wf, "spec"),
                     *plugins = json_object_get(spec, "executorPlugins");
        size_t i;
        json_t *plugin;
        json_array_foreach (plugins, i, plugin)
                l->found = l->found || is_plugin(l, plugin);
        AUTO(mem_free) char *path = mem_printf("%s/logs/%s", l->c->data_dir, l->uid);
        DIR *dir = l->pod && json_array_size(plugins) ? opendir(path) : NULL;
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                add_start(l, plugins, entry->d_name);
        if (dir)
                closedir(dir);
}

static void add_all(struct logs *l, const json_t *wf)
{
        add_pods(l, wf);
        add_plugins(l, wf);
}

/* ---- printing ---- */

static void print_line(void *arg, const struct log_line *line)
{
        static const enum term_style colours[] = {TERM_CYAN, TERM_YELLOW, TERM_GREEN, TERM_MAGENTA,
                                                  TERM_BLUE};
        const struct logs *l = arg;
        if (line->time_ns < l->from_ns || (l->o->grep && !strstr(line->text, l->o->grep)))
                return;
        if (!l->o->no_prefix) {
                enum term_style s = colours[line->tail_index % ARRAY_LEN(colours)];
                printf("%s%s: %s", term_on(&l->c->term, s), line->pod,
                       term_on(&l->c->term, TERM_OFF));
        }
        if (l->o->timestamps)
                printf("%s ", line->time);
        printf("%s\n", line->text);
}

/* ---- logs that were kept as artifacts ---- */

static int print_stored(struct logs *l, const json_t *wf, struct err *e)
{
        const char *id;
        json_t *node;
        bool found;
        json_object_foreach (json_at(wf, "status", "nodes"), id, node) {
                if (!is_wanted(l, wf, node))
                        continue;
                AUTO(mem_free)
                char *file = runner_log_path(l->c->data_dir, l->uid, id, l->o->container);
                AUTO(mem_free) char *pod = tree_pod_name(wf, node);
                if (access(file, F_OK) == 0)
                        continue;
                if (logs_stored(&l->c->app, wf, node, l->o->container, pod, print_line, l, &found,
                                e) < 0)
                        return -1;
        }
        return 0;
}

/* In the store, or in the archive. */
static int find_workflow(struct cli *c, const char *word, json_t **wf, struct err *e)
{
        AUTO(archive_close) struct archive *archive = NULL;
        struct err other = {0};
        const struct archive_key key = {.ns = cli_ns(c), .name = word};
        if (cli_find_workflow(c, word, wf, e) == 0)
                return 0;
        if (e->code != ERR_NOT_FOUND)
                return -1;
        if (archive_sqlite(&archive, c->app.db, &other) < 0 ||
            archive_get_now(archive, &key, wf, &other) < 0) {
                err_clear(&other);
                return -1;
        }
        err_clear(e);
        return 0;
}

/* ---- following ---- */

static void end(struct logs *l, int code)
{
        l->code = code;
        l->ended = true;
        loop_stop(l->c->app.loop);
}

static void on_set(void *arg, json_t *wf)
{
        struct logs *l = arg;
        const char *phase = json_str(wf, "status", "phase");
        add_all(l, wf);
        log_tails_read(&l->tails, print_line, l);
        fflush(stdout);
        if (streq(phase, "Succeeded") || streq(phase, "Failed") || streq(phase, "Error"))
                end(l, EXIT_OK);
}

static void on_gone(void *arg, json_t *wf UNUSED)
{
        end(arg, EXIT_OK);
}

static void on_grown(void *arg)
{
        struct logs *l = arg;
        log_tails_read(&l->tails, print_line, l);
        fflush(stdout);
}

static void on_signal(void *arg, int sig UNUSED)
{
        end(arg, EXIT_INTERRUPTED);
}

static int follow(struct logs *l, const json_t *wf, struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, NULL};
        AUTO(mem_free) char *selector = mem_printf("metadata.name=%s", obj_name(wf));
        const struct store_list_opts o = {.field_selector = selector};
        if (log_tails_watch(&l->tails, l->c->app.loop, l->c->data_dir, l->uid, on_grown, l, e) < 0)
                return -1;
        l->signals = app_signals_new(l->c->app.loop, on_signal, l);
        int r = store_follow(&l->follow, l->c->app.store, &STORE_WORKFLOW, obj_ns(wf), &o,
                             &handlers, l, e);
        if (r == 0)
                loop_run(l->c->app.loop);
        l->follow = store_follow_stop(l->follow);
        l->signals = app_signals_free(l->signals);
        return r < 0 ? -1 : l->code;
}

static int logs_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct logs_opts *o = opts;
        struct logs l = {.c = c, .o = o, .pod = n > 1 ? args[1] : NULL};
        AUTO_JSON json_t *wf = NULL;
        if (cli_no_cluster(c, "not supported yet for logs; use kubectl logs", e) < 0 ||
            cli_open(c, CLI_READ, e) < 0 || find_workflow(c, args[0], &wf, e) < 0)
                return -1;
        l.uid = mem_strdup(obj_uid(wf));
        if (o->since)
                l.from_ns = loop_wall(c->app.loop).ns - o->since;
        add_all(&l, wf);
        int code = EXIT_OK;
        if (l.pod && !l.found)
                code = err_set(e, ERR_NOT_FOUND,
                               "workflow %s has no pod %s (`tiphys get %s` shows them)",
                               obj_name(wf), l.pod, obj_name(wf));
        if (code == EXIT_OK)
                log_tails_read_merged(&l.tails, o->tail, print_line, &l);
        if (code == EXIT_OK && print_stored(&l, wf, e) < 0)
                code = -1;
        fflush(stdout);
        if (code == EXIT_OK && o->follow)
                code = follow(&l, wf, e);
        log_tails_deinit(&l.tails);
        mem_free(l.uid);
        return code;
}

const struct command command_logs = {
        .name = "logs",
        .operands = "WORKFLOW [POD]",
        .summary = "Print what the steps of a workflow said",
        .details =
                "POD is a pod's name, a node's id or a step's name as `tiphys get` shows them, or "
                "the name of a plugin that the workflow brought along (spec.executorPlugins). "
                "Logs that are gone here are read from where archiveLogs kept them, without times; "
                "so "
                "are those of workflows in the archive.",
        .examples = "  tiphys logs @latest -f\n  tiphys logs @latest extract --tail 20\n",
        .opts = logs_opts,
        .opts_size = sizeof(struct logs_opts),
        .kind = OPERANDS_WORKFLOWS,
        .min_args = 1,
        .max_args = 2,
        .run = logs_run};
