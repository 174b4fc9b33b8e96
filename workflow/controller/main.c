/* workflow/controller/main.c: tiphys-controller: runs Workflows on a data folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/daemon.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "workflow/archive/archive.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller.h"
#include "workflow/runner/runner.h"

struct parts {
        struct controller_config *config;
        struct archive *archive;
        struct controller *controller;
        struct runner *runner;
        json_t *host_paths;
};
struct more_flags {
        const char *isolation, *network, *config;
        struct opt_list host_paths;
        int64_t max_running;
};
static const char *const isolations[] = {"auto", "sandbox", "none", NULL};
static const char *const networks[] = {"host", "private", NULL};
static const struct opt more[] = {
        OPT(struct more_flags, isolation, OPT_CHOICE, .arg = "HOW", .def = "auto",
            .choices = isolations, .help = "how steps are kept apart"),
        OPT(struct more_flags, network, OPT_CHOICE, .arg = "HOW", .def = "host",
            .choices = networks,
            .help = "of steps that do not say it: this machine's, or one for each pod"),
        OPT(struct more_flags, host_paths, OPT_LIST, .name = "host-path", .arg = "PATH",
            .help = "hostPath volumes only beneath PATH; may be repeated; none: nowhere"),
        OPT(struct more_flags, config, OPT_STR, .arg = "FILE",
            .help = "retention, archive, workflow defaults: as Argo's "
                    "workflow-controller-configmap"),
        OPT(struct more_flags, max_running, OPT_INT, .name = "max-running", .arg = "N", .def = "0",
            .min = 0, .max = 100000, .help = "steps at once; 0: 4 for each core"),
        OPT_END};
enum { DRAIN_MS = 10000 };

static int start_runner(struct daemon *d, struct err *e)
{
        struct parts *p = d->self;
        const struct more_flags *m = d->more_values;
        for (size_t i = 0; i < m->host_paths.n; i++) {
                p->host_paths = p->host_paths ? p->host_paths : json_array();
                json_array_append_new(p->host_paths, json_string(m->host_paths.items[i]));
        }
        struct runner_local_options o = {.private_network = streq(m->network, "private"),
                                         .host_paths = p->host_paths,
                                         .images = p->config->images,
                                         .loop = d->app.loop,
                                         .pool = d->app.pool,
                                         .store = d->app.store,
                                         .data_dir = d->app.data_dir,
                                         .guard_addresses = p->config->guard_addresses,
                                         .max_running = (int)m->max_running};
        for (int i = 0; isolations[i]; i++) /* in the order of the enum */
                if (m->isolation == isolations[i])
                        o.isolation = i;
        if (runner_local(&p->runner, &o, controller_on_pod, p->controller, e) < 0)
                return -1;
        log_info(log_root(), "Steps run here.", F_STR("isolation", runner_describe(p->runner)));
        return 0;
}

/* It takes the rows of the embedded store. */
static int open_archive(struct daemon *d, struct err *e)
{
        struct parts *p = d->self;
        if (!p->config->persistence.archive)
                return 0;
        if (d->app.cluster)
                return err_set(
                        e, ERR_UNSUPPORTED,
                        "not supported yet: persistence.archive with workflows in a cluster");
        return archive_sqlite(&p->archive, d->app.db, e);
}

static int start(struct daemon *d, struct err *e)
{
        struct parts *p = d->self;
        const struct more_flags *m = d->more_values;
        if (controller_config_load(&p->config, m->config, e) < 0 || open_archive(d, e) < 0)
                return -1;
        struct controller_options o = {.config = p->config,
                                       .archive = p->archive,
                                       .loop = d->app.loop,
                                       .store = d->app.store,
                                       .data_dir = d->app.data_dir,
                                       .ns = d->flags.ns,
                                       .label_selector = d->flags.selector};
        if (d->flags.name)
                return err_set(e, ERR_INVALID,
                               "--name: a controller runs every workflow; use --selector");
        if (controller_new(&p->controller, &o, e) < 0 || start_runner(d, e) < 0)
                return -1;
        return controller_start(p->controller, p->runner, e);
}

static bool ready(struct daemon *d)
{
        struct parts *p = d->self;
        return p->controller && controller_ready(p->controller);
}

static void drain(struct daemon *d, loop_fn *done, void *arg)
{
        struct parts *p = d->self;
        controller_drain(p->controller, DRAIN_MS, done, arg);
}

static void stop(struct daemon *d)
{
        struct parts *p = d->self;
        p->controller = controller_free(p->controller);
        p->runner = runner_free(p->runner);
        p->archive = archive_close(p->archive);
        p->config = controller_config_free(p->config);
        json_decref(p->host_paths);
}

int main(int argc, char **argv)
{
        struct parts p = {0};
        struct more_flags values = {0};
        struct daemon d = {.program = "tiphys-controller",
                           .role = "controller",
                           .summary = "runs workflows",
                           .metrics_port = 9090,
                           .health_port = 6060,
                           .more = more,
                           .more_values = &values,
                           .start = start,
                           .ready = ready,
                           .drain = drain,
                           .stop = stop,
                           .self = &p};
        return daemon_main(&d, argc, argv);
}
