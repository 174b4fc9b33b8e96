/* cli/backfill.c: the runs that a CronWorkflow would have had between two moments. Each is named by
 * its time, so that a backfill that was interrupted is typed again and goes on. They do not count
 * as runs of the CronWorkflow (its history and its policies do not know them).
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"
#include "common/lang/gotime.h"
#include "workflow/cron/cronwf.h"
#include "workflow/engine/redo.h"

#define BACKFILL_LABEL "workflows.argoproj.io/cron-workflow-backfill"

struct backfill_opts {
        const char *start, *end, *name, *argname, *format;
        int64_t max;
        bool parallel;
};
static const struct opt backfill_opts[] = {
        OPT(struct backfill_opts, start, OPT_STR, .arg = "TIME",
            .help = "from this moment on (RFC 3339)"),
        OPT(struct backfill_opts, end, OPT_STR, .arg = "TIME",
            .help = "up to this moment; now without it"),
        OPT(struct backfill_opts, name, OPT_STR, .arg = "PREFIX",
            .help = "of the workflows; NAME-backfill without it"),
        OPT(struct backfill_opts, argname, OPT_STR, .arg = "NAME", .def = "cronScheduleTime",
            .help = "argument of the workflow that gets the time"),
        OPT(struct backfill_opts, format, OPT_STR, .arg = "LAYOUT",
            .def = "Mon, 02 Jan 2006 15:04:05 MST", .help = "of that time, as Go writes layouts"),
        OPT(struct backfill_opts, parallel, OPT_FLAG,
            .help = "all at once; else each waits for the one before it"),
        OPT(struct backfill_opts, max, OPT_INT, .name = "maxworkflowcount", .arg = "N",
            .def = "1000", .min = 1, .max = 100000, .help = "not more than so many"),
        OPT_END};

static int read_time(int64_t *ns, const char *text, const char *option, struct err *e)
{
        return time_parse_rfc3339(text, ns)
                       ? 0
                       : err_set(e, ERR_INVALID, "%s: \"%s\" is no RFC 3339 time", option, text);
}

static json_t *make(const struct backfill_opts *o, const json_t *cron, int64_t slot)
{
        AUTO(mem_free)
        char *prefix = o->name ? mem_strdup(o->name) : mem_printf("%s-backfill", obj_name(cron));
        AUTO(mem_free) char *name = mem_printf("%s-%lld", prefix, (long long)(slot / NS_PER_S));
        json_t *wf = cronwf_child(cron, name, slot), *meta = json_object_get(wf, "metadata");
        struct arena a;
        arena_init(&a, 0);
        struct abuf text = abuf_in(&a);
        gotime_format(&text, str_of(o->format), (struct val_time){.sec = slot / NS_PER_S});
        json_object_del(meta, "ownerReferences");
        json_object_del(json_object_get(meta, "labels"), CRONWF_LABEL);
        json_put_at(meta, json_string(obj_name(cron)), "labels", BACKFILL_LABEL);
        workflow_set_parameter(wf, o->argname, json_stringn(text.p ? text.p : "", text.n));
        arena_deinit(&a);
        return wf;
}

static int run_slot(struct cli *c, const struct backfill_opts *o, const json_t *cron, int64_t slot,
                    struct err *e)
{
        AUTO_JSON json_t *wf = make(o, cron, slot), *stored = NULL;
        const struct follow_options f = {.quiet = true};
        bool there = false;
        if (store_create_now(c->app.store, &STORE_WORKFLOW, obj_ns(cron), wf, &stored, e) < 0) {
                there = e->code == ERR_CONFLICT;
                if (!there)
                        return -1;
                err_clear(e);
        }
        printf("workflow %s %s\n", obj_name(wf), there ? "is there already" : "created");
        return o->parallel ? EXIT_OK : follow_workflow(c, obj_ns(cron), obj_name(wf), &f, e);
}

static int backfill_run(struct cli *c, const void *opts, char **args, size_t n UNUSED,
                        struct err *e)
{
        const struct backfill_opts *o = opts;
        AUTO_JSON json_t *cron = NULL;
        AUTO(cronwf_spec_free) struct cronwf_spec *s = NULL;
        int64_t at, end = clock_wall(clock_system()).ns;
        if (!o->start)
                return err_set(e, ERR_INVALID, "cron backfill: say from when: --start TIME");
        if (read_time(&at, o->start, "--start", e) < 0 ||
            (o->end && read_time(&end, o->end, "--end", e) < 0) || cli_open(c, CLI_WRITE, e) < 0 ||
            cli_find(c, &STORE_CRON_WORKFLOW, args[0], &cron, e) < 0 ||
            cronwf_spec_new(&s, cron, e) < 0)
                return -1;
        if (!o->parallel && !cli_controller_runs(c))
                return err_set(e, ERR_UNAVAILABLE,
                               "nothing runs on the data folder %s: start `tiphys dev`, or create "
                               "all of them with --parallel",
                               c->data_dir);
        at -= NS_PER_S; /* a slot at the very start belongs to it */
        for (int64_t i = 0; (at = cronwf_next(s, at)) <= end; i++) {
                if (i == o->max)
                        return err_set(e, ERR_LIMIT,
                                       "more than %lld runs; --maxworkflowcount allows more",
                                       (long long)o->max);
                int code = run_slot(c, o, cron, at, e);
                if (code != EXIT_OK)
                        return code;
        }
        return EXIT_OK;
}

const struct command command_cron_backfill = {
        .name = "cron backfill",
        .operands = "NAME",
        .summary = "Make up for the runs between two moments",
        .details = "Typed again after an interruption it goes on where it was. It ends with the "
                   "first run that does not succeed.",
        .examples = "  tiphys cron backfill nightly --start 2026-01-01T00:00:00Z --end "
                    "2026-01-08T00:00:00Z --argname day --format 2006-01-02\n",
        .opts = backfill_opts,
        .opts_size = sizeof(struct backfill_opts),
        .kind = OPERANDS_WORDS,
        .min_args = 1,
        .max_args = 1,
        .run = backfill_run};
