/* common/app/daemon.c: see daemon.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/app/daemon.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_server.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

static const struct opt flags_table[] = {
        OPT(struct daemon_flags, data, OPT_STR, .arg = "DIR",
            .help = "data folder ($TIPHYS_DATA, else /var/lib/tiphys or ~/.local/share/tiphys)"),
        OPT(struct daemon_flags, ns, OPT_STR, .name = "namespace", .letter = 'n', .arg = "NAME",
            .help = "follow only this namespace"),
        OPT(struct daemon_flags, name, OPT_STR, .arg = "NAME",
            .help = "follow only the resource with this name"),
        OPT(struct daemon_flags, selector, OPT_STR, .letter = 'l', .arg = "LABELS",
            .help = "follow only resources with these labels"),
        OPT(struct daemon_flags, listen, OPT_STR, .arg = "ADDRESS", .def = "127.0.0.1",
            .help = "address of this daemon's listeners"),
        OPT(struct daemon_flags, metrics_port, OPT_INT, .name = "metrics-port", .arg = "PORT",
            .def = "-1", .min = -1, .max = 65535,
            .help = "/metrics; 0: any free port; -1: the usual one"),
        OPT(struct daemon_flags, health_port, OPT_INT, .name = "health-port", .arg = "PORT",
            .def = "-1", .min = -1, .max = 65535,
            .help = "/healthz and /readyz; 0: any free port; -1: the usual one"),
        OPT(struct daemon_flags, log_level, OPT_CHOICE, .name = "log-level", .arg = "LEVEL",
            .def = "info", .choices = log_levels, .help = "how much to log"),
        OPT(struct daemon_flags, log_format, OPT_CHOICE, .name = "log-format", .arg = "FORMAT",
            .def = "text", .choices = log_formats, .help = "how to log"),
        OPT(struct daemon_flags, version, OPT_FLAG, .help = "print the version"),
        OPT(struct daemon_flags, help, OPT_FLAG, .letter = 'h', .help = "print this text"),
        OPT_END};

static const struct opt cluster_table[] = {
        OPT(struct daemon_flags, kubeconfig, OPT_STR, .arg = "FILE",
            .help = "resources are in the cluster of this kubeconfig; the data folder keeps "
                    "what is not a resource"),
        OPT(struct daemon_flags, context, OPT_STR, .arg = "NAME",
            .help = "resources are in the cluster of this context of the kubeconfig"),
        OPT(struct daemon_flags, in_cluster, OPT_FLAG, .name = "in-cluster",
            .help = "resources are in the cluster that this pod runs in"),
        OPT_END};
static const struct opt no_more[] = {OPT_END};

static void print_help(const struct daemon *d)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_addf(&b, "%s: %s\n\nusage: %s [OPTION...]\n\n", d->program, d->summary, d->program);
        if (d->more)
                opts_put_help(&b, d->more);
        opts_put_help(&b, flags_table);
        opts_put_help(&b, cluster_table);
        fwrite(b.data, 1, b.len, stdout);
}

/* ---- listeners ---- */

static bool is_ready(void *arg)
{
        struct daemon *d = arg;
        return !d->draining && d->ready(d);
}

static int listen_on(struct daemon *d, struct http_server **out, const char *what, int64_t flag,
                     int usual, struct app_status *st, struct err *e)
{
        if (flag < 0 && usual == 0)
                return 0;
        AUTO(mem_free) char *name = mem_printf("%s %s", d->program, what);
        struct http_server_options o = {.name = name,
                                        .address = d->flags.listen,
                                        .port = (uint16_t)(flag < 0 ? usual : flag)};
        int r = http_server_new(out, d->app.loop, &o, e);
        if (r < 0 &&
            flag < 0) { /* the usual port is taken, probably by a neighbour: take another one */
                log_warn(log_root(), "The usual port is not free, taking another one.",
                         F_STR("listener", what), F_ERR(e));
                err_clear(e);
                o.port = 0;
                r = http_server_new(out, d->app.loop, &o, e);
        }
        if (r < 0)
                return -1;
        log_info(log_root(), "Listening.", F_STR("listener", what),
                 F_STR("address", d->flags.listen), F_INT("port", http_server_port(*out)));
        return app_serve_status(*out, st, e);
}

/* ---- life ---- */

static void on_drained(void *arg)
{
        struct daemon *d = arg;
        loop_stop(d->app.loop);
}

static void on_signal(void *arg, int sig)
{
        struct daemon *d = arg;
        log_info(log_root(), "Stopping.", F_STR("program", d->program), F_INT("signal", sig));
        d->draining = true;
        d->drain(d, on_drained, d);
}

static int take_lock(struct daemon *d, const char *data, struct err *e)
{
        AUTO(mem_free)
        char *role =
                d->flags.name ? mem_printf("%s-%s", d->role, d->flags.name) : mem_strdup(d->role);
        return app_lock_take(&d->lock, data, role, e);
}

static int run(struct daemon *d, struct err *e)
{
        AUTO(mem_free) char *data = app_data_dir(d->flags.data);
        struct app_status st = {is_ready, d};
        struct app_options o = {.data_dir = data,
                                .work = true,
                                .kubeconfig = d->flags.kubeconfig,
                                .context = d->flags.context,
                                .in_cluster = d->flags.in_cluster};
        int r = -1;
        if (take_lock(d, data, e) == 0 && app_open(&d->app, &o, e) == 0 &&
            listen_on(d, &d->health, "health", d->flags.health_port, d->health_port, &st, e) == 0 &&
            listen_on(d, &d->metrics, "metrics", d->flags.metrics_port, d->metrics_port, &st, e) ==
                    0 &&
            d->start(d, e) == 0) {
                d->signals = app_signals_new(d->app.loop, on_signal, d);
                log_info(log_root(), "Started.", F_STR("program", d->program), F_STR("data", data));
                app_trim_memory();
                loop_run(d->app.loop);
                r = 0;
        }
        d->stop(d);
        d->signals = app_signals_free(d->signals);
        d->metrics = http_server_free(d->metrics);
        d->health = http_server_free(d->health);
        app_close(&d->app);
        d->lock = app_lock_free(d->lock);
        return r;
}

int daemon_main(struct daemon *d, int argc, char **argv)
{
        struct opt_set sets[] = {{flags_table, &d->flags},
                                 {cluster_table, &d->flags},
                                 {d->more ? d->more : no_more, d->more_values}};
        ERR_SLOT(e);
        size_t operands = 0;
        int code = 0;
        int r = opts_read(sets, ARRAY_LEN(sets), argv + 1, (size_t)argc - 1, &operands, &e);
        if (r == 0 && operands)
                r = err_set(&e, ERR_INVALID, "unexpected word \"%s\"", argv[1]);
        if (r < 0 || app_configure_log(d->flags.log_level, d->flags.log_format, &e) < 0) {
                fprintf(stderr, "%s: %s\n", d->program, err_msg(&e));
                code = 2;
        } else if (d->flags.help) {
                print_help(d);
        } else if (d->flags.version) {
                puts(TIPHYS_VERSION);
        } else if (run(d, &e) < 0) {
                log_error(log_root(), "Cannot start.", F_STR("program", d->program), F_ERR(&e));
                code = err_exit_code(e.code);
        }
        err_clear(&e);
        opts_free(sets, ARRAY_LEN(sets));
        return code;
}
