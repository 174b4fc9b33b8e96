/* common/app/daemon.h: the one main() of the separate daemons: flags, role lock, listeners for
 * metrics and health, readiness, drain.
 *
 * A daemon is a struct daemon and three functions. SIGTERM and SIGINT drain and exit with 0; a
 * fault while running with 1; wrong flags with 2. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/app/app.h"

struct http_server;

struct daemon_flags {
        const char *data, *ns, *name, *selector, *listen, *log_level, *log_format, *kubeconfig,
                *context;
        int64_t metrics_port, health_port;
        bool help, version, in_cluster;
};
struct daemon {
        const char *program; /* "tiphys-sensor" */
        const char *role;    /* of the lock, with the name behind it when --name is given */
        const char *summary; /* one line for --help */
        int metrics_port, health_port; /* defaults; 0: none */
        const struct opt *more;        /* options of this daemon alone, NULL */
        void *more_values;
        /* After everything below was opened. */
        int (*start)(struct daemon *d, struct err *e);
        bool (*ready)(struct daemon *d);
        void (*drain)(struct daemon *d, loop_fn *done, void *arg); /* `done` may come at once */
        void (*stop)(struct daemon *d); /* free what start made; also after a failed start */

        /* filled in before start */
        struct daemon_flags flags;
        struct app app;
        void *self; /* of the daemon */

        /* private */
        struct app_lock *lock;
        struct app_signals *signals;
        struct http_server *metrics, *health;
        bool draining;
};
int daemon_main(struct daemon *d, int argc, char **argv);

/* The same listeners for `tiphys dev`: /metrics, /healthz, /readyz. */
typedef bool app_ready_fn(void *arg);
struct app_status {
        app_ready_fn *ready;
        void *arg;
};
/* `st` lives as long as the server. */
int app_serve_status(struct http_server *s, struct app_status *st, struct err *e) MUST_CHECK;
/* Level and format by name ("" keeps info, logfmt). */
int app_configure_log(const char *level, const char *format, struct err *e) MUST_CHECK;
