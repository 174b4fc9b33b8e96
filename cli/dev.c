/* cli/dev.c: `tiphys dev`: read and check the files, open the data folder, start every part, say
 * where everything is, run until a signal, drain. A second start on the same folder goes on where
 * the first one stopped. SPDX-License-Identifier: Apache-2.0 */
#include "cli/dev.h"
#include "common/base/fs.h"
#include "common/base/log.h"
#include "workflow/controller/controller.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { READY_LOOK_MS = 2, READY_GIVE_UP_MS = 3000, KILL_PATIENCE_MS = 3000 };

static const char *const roles[] = {"dev", "controller", "sensor", "eventsource"};

static int take_locks(struct dev *d, const char *data, struct err *e)
{
        for (size_t i = 0; i < ARRAY_LEN(roles); i++)
                if (app_lock_take(&d->locks[i], data, roles[i], e) < 0)
                        return -1;
        return 0;
}

static void free_locks(struct dev *d)
{
        for (size_t i = 0; i < ARRAY_LEN(roles); i++)
                d->locks[i] = app_lock_free(d->locks[i]);
}

static int choose_folder(struct cli *c, const struct dev_opts *o, struct err *e)
{
        if (!o->rm || c->g.data) {
                c->data_dir = app_data_dir(c->g.data);
                return 0;
        }
        const char *tmp = getenv("TMPDIR");
        c->data_dir = mem_printf("%s/tiphys-XXXXXX", str_empty(tmp) ? "/tmp" : tmp);
        return mkdtemp(c->data_dir) ? 0 : err_errno(e, errno, "%s", c->data_dir);
}

/* ---- files ---- */

static void say_applied(struct cli *c, const struct files *f, const struct apply_one *list)
{
        for (size_t i = 0; i < f->n; i++)
                if (list[i].what == APPLIED_FAILED)
                        cli_say(c, "%s %s: %s", f->items[i].kind.kind, obj_name(f->items[i].obj),
                                err_msg(&list[i].error));
}

/* EXIT_OK when everything in them is in the store now. */
static int apply_given(struct dev *d, struct err *e)
{
        struct cli *c = d->cli;
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags diags;
        diags_init(&diags);
        bool good = files_load(&f, d->o->files.items, d->o->files.n, &diags) == 0;
        good = files_check(&f, c->app.store, cli_ns(c), d->o->strict, &diags) == 0 && good;
        files_print_problems(c, &f, &diags, true);
        if (!good)
                return EXIT_USAGE;
        struct apply_one *list = NULL;
        int code = EXIT_OK;
        if (apply_files(&list, c->app.store, &f, cli_ns(c), false, e) < 0) {
                say_applied(c, &f, list);
                code = err_exit_code(e->code);
                err_clear(e);
        }
        apply_free(list, f.n);
        return code;
}

/* ---- running ---- */

static void announce(struct dev *d)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        dev_put_banner(&b, d);
        cli_write(&b);
        d->announced = true;
        app_trim_memory();
}

static void look_ready(void *arg)
{
        struct dev *d = arg;
        struct loop *l = d->cli->app.loop;
        int64_t waited_ms = (loop_now(l).ns - d->started.ns) / NS_PER_MS;
        if (dev_ready(d) || waited_ms > READY_GIVE_UP_MS)
                announce(d);
        else
                timer_after_ms(l, &d->ready_timer, READY_LOOK_MS);
}

/* --rm: steps must not outlive the folder they run in. */
static void wait_for_pods(void *arg)
{
        struct dev *d = arg;
        struct loop *l = d->cli->app.loop;
        if (controller_info(d->controller).pods == 0 || loop_now(l).ns > d->pods_deadline.ns)
                loop_stop(l);
        else
                timer_after_ms(l, &d->ready_timer, READY_LOOK_MS);
}

static void on_drained(void *arg)
{
        struct dev *d = arg;
        struct loop *l = d->cli->app.loop;
        if (d->o->rm) {
                controller_kill_pods(d->controller);
                d->pods_deadline = mono_add_ms(loop_now(l), KILL_PATIENCE_MS);
        }
        timer_init(&d->ready_timer, wait_for_pods, d);
        if (d->o->rm)
                wait_for_pods(d);
        else
                loop_stop(l);
}

static void on_signal(void *arg, int sig)
{
        struct dev *d = arg;
        log_info(log_root(), "Stopping.", F_INT("signal", sig));
        timer_cancel(d->cli->app.loop, &d->ready_timer);
        dev_drain(d, on_drained, d);
}

static int run_parts(struct dev *d, struct err *e)
{
        struct loop *l = d->cli->app.loop;
        d->started = loop_now(l);
        int code = apply_given(d, e);
        if (code != EXIT_OK)
                return code;
        if (dev_parts_start(d, e) < 0)
                return -1;
        d->signals = app_signals_new(l, on_signal, d);
        timer_init(&d->ready_timer, look_ready, d);
        timer_after_ms(l, &d->ready_timer, 0);
        loop_run(l);
        return EXIT_OK;
}

static int dev_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                   struct err *e)
{
        struct dev d = {.cli = c, .o = opts};
        int code = -1;
        if (cli_no_cluster(c, "tiphys dev works on its data folder", e) < 0 ||
            app_configure_log(d.o->log_level, d.o->log_format, e) < 0 ||
            choose_folder(c, d.o, e) < 0)
                return -1;
        const struct app_options o = {.data_dir = c->data_dir, .work = true};
        if (take_locks(&d, c->data_dir, e) == 0 && app_open(&c->app, &o, e) == 0)
                code = run_parts(&d, e);
        dev_parts_free(&d);
        d.signals = app_signals_free(d.signals);
        app_close(&c->app);
        struct err removing = {0};
        bool ours = d.locks[0] != NULL;
        free_locks(&d);
        if (d.o->rm && ours && fs_remove_tree(c->data_dir, &removing) < 0) {
                cli_say(c, "tiphys: %s", err_msg(&removing));
                err_clear(&removing);
        }
        return code;
}

static const char *const isolations[] = {"auto", "sandbox", "none", NULL};
static const char *const networks[] = {"host", "private", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};
static const struct opt dev_opts[] = {
        OPT(struct dev_opts, files, OPT_LIST, .name = "filename", .letter = 'f', .arg = "PATH",
            .help = "check and apply this file or folder first; may be repeated"),
        OPT(struct dev_opts, port, OPT_INT, .arg = "PORT", .def = "2746", .min = 0, .max = 65535,
            .help = "of the API; 0: any free one"),
        OPT(struct dev_opts, webhook_port, OPT_INT, .name = "webhook-port", .arg = "PORT",
            .def = "-1", .min = -1, .max = 65535,
            .help = "of webhooks, whatever the files say; 0: any free one; -1: as the files say"),
        OPT(struct dev_opts, listen, OPT_STR, .arg = "ADDRESS", .def = "127.0.0.1",
            .help = "address of webhooks; the API stays on 127.0.0.1"),
        OPT(struct dev_opts, isolation, OPT_CHOICE, .arg = "HOW", .def = "auto",
            .choices = isolations, .help = "how steps are kept apart"),
        OPT(struct dev_opts, max_running, OPT_INT, .name = "max-running", .arg = "N", .def = "0",
            .min = 0, .max = 100000, .help = "steps at once; 0: 4 for each core"),
        OPT(struct dev_opts, network, OPT_CHOICE, .arg = "HOW", .def = "host", .choices = networks,
            .help = "of steps that do not say it: this machine's, or one for each pod"),
        OPT(struct dev_opts, host_paths, OPT_LIST, .name = "host-path", .arg = "PATH",
            .help = "hostPath volumes only beneath PATH; may be repeated; none: nowhere"),
        OPT(struct dev_opts, images, OPT_STR, .arg = "FILE",
            .help = "what images mean here: image name to {root, command, args}"),
        OPT(struct dev_opts, config, OPT_STR, .arg = "FILE",
            .help = "of the controller, as Argo's workflow-controller-configmap: retention, "
                    "archive, workflow defaults"),
        OPT(struct dev_opts, rm, OPT_FLAG,
            .help = "remove the data folder at the end; a temporary one without --data"),
        OPT(struct dev_opts, strict, OPT_FLAG, .help = "unknown fields in files are errors"),
        OPT(struct dev_opts, log_level, OPT_CHOICE, .name = "log-level", .arg = "LEVEL",
            .def = "warn", .choices = levels, .help = "how much to log to standard error"),
        OPT(struct dev_opts, log_format, OPT_CHOICE, .name = "log-format", .arg = "FORMAT",
            .def = "text", .choices = formats, .help = "how to log"),
        OPT_END};

const struct command command_dev = {
        .name = "dev",
        .summary = "Run event sources, sensors, workflows and the API in one process",
        .details = "Everything lives in the data folder: a second start goes on where the first "
                   "one stopped. Other commands "
                   "find it there. SIGTERM and Ctrl-C drain and exit with 0; running steps go on "
                   "and are found again by the next start.",
        .examples = "  tiphys dev -f config/docproc/\n  tiphys dev --rm --port 0\n",
        .opts = dev_opts,
        .opts_size = sizeof(struct dev_opts),
        .kind = OPERANDS_NONE,
        .run = dev_run};
