/* cli/follow.c: one workflow until it ends. On a terminal the tree is redrawn in place; into a pipe
 * go lines, one per node that changed, and the whole tree at the end. SPDX-License-Identifier:
 * Apache-2.0 */
#include "cli/follow.h"
#include "cli/tree.h"

enum { REDRAW_MS = 1000, LOOK_FOR_CONTROLLER_MS = 2000 };

struct follower {
        struct cli *c;
        const struct follow_options *o;
        char *name;
        json_t *wf;     /* newest */
        json_t *phases; /* node id -> phase that was printed */
        struct store_follow *follow;
        struct app_signals *signals;
        struct loop_timer timeout, redraw, look;
        size_t lines; /* on the screen, of the last drawing */
        bool alone_said;
        int code;
};

static void end(struct follower *f, int code)
{
        f->code = code;
        loop_stop(f->c->app.loop);
}

static bool is_terminal_drawing(const struct follower *f)
{
        return f->c->term.tty && !f->o->quiet;
}

/* ---- drawing ---- */

/* `whole`: the last drawing, which may be longer than the screen; the others must fit, or they
 * could not be taken back. */
static void draw(struct follower *f, bool whole)
{
        const struct term *t = &f->c->term;
        struct tree_view v = {.term = t, .now = loop_wall(f->c->app.loop)};
        AUTO_BUF struct buf head = BUF_INIT(BUF_UNBOUNDED), b = BUF_INIT(BUF_UNBOUNDED);
        tree_put_header(&head, f->wf, &v);
        if (f->lines)
                buf_addf(&b, "\033[%zuF\033[J", f->lines);
        size_t from = b.len, rows = (size_t)t->height;
        if (whole) {
                buf_add(&b, buf_str(&head), head.len);
        } else {
                size_t used = term_put_lines(&b, buf_str(&head), rows / 2, (size_t)t->width);
                v.max_width = (size_t)t->width;
                v.max_rows = rows > used + 5 ? rows - used - 5 : 1;
        }
        buf_addc(&b, '\n');
        tree_put_nodes(&b, f->wf, &v);
        f->lines = 0;
        for (size_t i = from; i < b.len; i++)
                f->lines += b.data[i] == '\n';
        cli_write(&b);
}

static void print_change(struct follower *f, const char *id, const json_t *node)
{
        const char *phase = json_str(node, "phase"), *type = json_str(node, "type");
        const char *name = json_str(node, "displayName"), *message = json_str(node, "message");
        if (!phase || streq(json_str(f->phases, id), phase))
                return;
        json_object_set_new(f->phases, id, json_string(phase));
        if (streq(type, "StepGroup") || streq(type, "TaskGroup"))
                return;
        const struct term *t = &f->c->term;
        printf("%s%s %s%s %s%s%s\n", term_on(t, term_phase_style(phase)), tree_icon(t, phase),
               name ? name : id, term_on(t, TERM_OFF), phase, str_empty(message) ? "" : ": ",
               str_empty(message) ? "" : message);
        fflush(stdout);
}

static void print_changes(struct follower *f)
{
        const char *id;
        json_t *node;
        json_object_foreach (json_at(f->wf, "status", "nodes"), id, node)
                print_change(f, id, node);
}

static void on_redraw(void *arg)
{
        struct follower *f = arg;
        if (f->wf)
                draw(f, false);
        timer_after_ms(f->c->app.loop, &f->redraw, REDRAW_MS);
}

/* ---- news ---- */

static bool is_over(const json_t *wf)
{
        const char *phase = json_str(wf, "status", "phase");
        return streq(phase, "Succeeded") || streq(phase, "Failed") || streq(phase, "Error");
}

static void on_set(void *arg, json_t *obj)
{
        struct follower *f = arg;
        json_decref(f->wf);
        f->wf = json_incref(obj);
        if (is_terminal_drawing(f))
                draw(f, is_over(obj));
        else if (!f->o->quiet)
                print_changes(f);
        if (!is_over(obj))
                return;
        if (!f->o->quiet && !f->c->term.tty)
                draw(f, true);
        end(f, streq(json_str(obj, "status", "phase"), "Succeeded") ? EXIT_OK : EXIT_FAILED);
}

static void on_gone(void *arg, json_t *obj UNUSED)
{
        struct follower *f = arg;
        cli_say(f->c, "tiphys: workflow %s was deleted", f->name);
        end(f, EXIT_FAILED);
}

static void on_synced(void *arg)
{
        struct follower *f = arg;
        if (f->wf)
                return;
        cli_say(f->c, "tiphys: workflow %s is not there any more", f->name);
        end(f, EXIT_FAILED);
}

static void on_timeout(void *arg)
{
        struct follower *f = arg;
        cli_say(f->c, "tiphys: workflow %s has not ended in time", f->name);
        end(f, EXIT_TIMEOUT);
}

static void on_signal(void *arg, int sig UNUSED)
{
        end(arg, EXIT_INTERRUPTED);
}

/* A controller may stop and come back: say once that nothing happens now. */
static void on_look(void *arg)
{
        struct follower *f = arg;
        if (!cli_controller_runs(f->c) && !f->alone_said) {
                f->alone_said = true;
                cli_say(f->c, "nothing runs on the data folder %s now; waiting for `tiphys dev`",
                        f->c->data_dir);
        }
        timer_after_ms(f->c->app.loop, &f->look, LOOK_FOR_CONTROLLER_MS);
}

static void start_timers(struct follower *f)
{
        struct loop *l = f->c->app.loop;
        timer_init(&f->timeout, on_timeout, f);
        timer_init(&f->redraw, on_redraw, f);
        timer_init(&f->look, on_look, f);
        if (f->o->timeout_ns)
                timer_after_ms(l, &f->timeout, f->o->timeout_ns / NS_PER_MS);
        if (is_terminal_drawing(f))
                timer_after_ms(l, &f->redraw, REDRAW_MS);
        timer_after_ms(l, &f->look, 0);
}

int follow_workflow(struct cli *c, const char *ns, const char *name, const struct follow_options *o,
                    struct err *e)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        struct follower f = {.c = c, .o = o, .code = EXIT_FAILED};
        f.name = mem_strdup(name);
        f.phases = json_object();
        AUTO(mem_free) char *selector = mem_printf("metadata.name=%s", name);
        const struct store_list_opts opts = {.field_selector = selector, .no_nodes = o->quiet};
        start_timers(&f);
        f.signals = app_signals_new(c->app.loop, on_signal, &f);
        int r = store_follow(&f.follow, c->app.store, &STORE_WORKFLOW, ns, &opts, &handlers, &f, e);
        if (r == 0)
                loop_run(c->app.loop);
        f.follow = store_follow_stop(f.follow);
        f.signals = app_signals_free(f.signals);
        timer_cancel(c->app.loop, &f.timeout);
        timer_cancel(c->app.loop, &f.redraw);
        timer_cancel(c->app.loop, &f.look);
        json_decref(f.wf);
        json_decref(f.phases);
        mem_free(f.name);
        return r < 0 ? -1 : f.code;
}

/* ---- the commands ---- */

struct watch_opts {
        int64_t timeout;
        bool ignore_not_found;
};
static const struct opt watch_opts[] = {
        OPT(struct watch_opts, timeout, OPT_DURATION, .arg = "DURATION",
            .help = "give up after so long (exit code 124)"),
        OPT(struct watch_opts, ignore_not_found, OPT_FLAG, .name = "ignore-not-found",
            .help = "a workflow that is not there is no failure"),
        OPT_END};

static int follow_args(struct cli *c, const struct watch_opts *o, char **args, size_t n, bool quiet,
                       struct err *e)
{
        int code = EXIT_OK;
        if (cli_open(c, CLI_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *wf = NULL;
                if (cli_find_workflow(c, args[i], &wf, e) < 0) {
                        if (!o->ignore_not_found || e->code != ERR_NOT_FOUND)
                                return -1;
                        err_clear(e);
                        continue;
                }
                const struct follow_options f = {.quiet = quiet, .timeout_ns = o->timeout};
                int one = follow_workflow(c, obj_ns(wf), obj_name(wf), &f, e);
                if (one < 0 || one == EXIT_INTERRUPTED)
                        return one;
                if (one != EXIT_OK)
                        code = one;
        }
        return code;
}

static int watch_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        return follow_args(c, opts, args, n, false, e);
}

static int wait_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        return follow_args(c, opts, args, n, true, e);
}

const struct command command_watch = {.name = "watch",
                                      .operands = "WORKFLOW",
                                      .summary = "Follow a workflow until it ends",
                                      .details =
                                              "Exit code 0 when it succeeded, 1 when it did not.",
                                      .examples = "  tiphys watch @latest\n",
                                      .opts = watch_opts,
                                      .opts_size = sizeof(struct watch_opts),
                                      .kind = OPERANDS_WORKFLOWS,
                                      .min_args = 1,
                                      .max_args = 1,
                                      .run = watch_run};

const struct command command_wait = {
        .name = "wait",
        .operands = "WORKFLOW...",
        .summary = "Wait until workflows have ended",
        .details = "Exit code 0 when all of them succeeded, 1 when one did not.",
        .opts = watch_opts,
        .opts_size = sizeof(struct watch_opts),
        .kind = OPERANDS_WORKFLOWS,
        .min_args = 1,
        .run = wait_run};
