/* eventsource/main.c: tiphys-eventsource: runs EventSources of the store, or of files.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/daemon.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "eventsource/eventsource.h"
#include <stdio.h>
#include <stdlib.h>

enum { DRAIN_MS = 10000 };

struct own_flags {
        struct opt_list files;
        int64_t port;
};
static const struct opt more[] = {
        OPT(struct own_flags, files, OPT_LIST, .name = "file", .letter = 'f', .arg = "FILE",
            .help = "run the EventSources of this YAML file (- for standard input) instead of the "
                    "store's"),
        OPT(struct own_flags, port, OPT_INT, .arg = "PORT", .def = "-1", .min = -1, .max = 65535,
            .help = "port of the first webhook listener instead of its spec's; 0: any free ports"),
        OPT_END};

/* ---- files ---- */

static void print_problems(const struct diags *d)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < d->n; i++) {
                if (d->items[i].severity == SEV_INFO)
                        continue;
                diag_put_line(&b, &d->items[i]);
                buf_addc(&b, '\n');
        }
        fputs(buf_str(&b), stderr);
}

/* The EventSources of one file; the problems of all of them are collected. */
static void set_documents(struct eventsources *es, const struct yaml_docs *docs, struct diags *d)
{
        for (size_t i = 0; i < docs->n; i++) {
                const json_t *o = docs->items[i].root;
                const char *kind = json_str(o, "kind");
                if (!streq(kind, "EventSource")) {
                        log_info(log_root(), "Not an EventSource, passed over.",
                                 F_STR("kind", kind ? kind : ""));
                        continue;
                }
                d->marks = docs->items[i].marks;
                if (eventsource_validate(o, false, d) == 0)
                        eventsources_set(es, o);
        }
        d->marks = NULL;
}

static int load_file(struct eventsources *es, const char *path, struct err *e)
{
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs = {0};
        diags_init(&d);
        if (yaml_load_file(&docs, path, &d) == 0)
                set_documents(es, &docs, &d);
        print_problems(&d);
        yaml_docs_deinit(&docs);
        return d.errors ? err_set(e, ERR_INVALID, "%s: %zu problems", path, d.errors) : 0;
}

/* ---- the daemon ---- */

static int start(struct daemon *d, struct err *e)
{
        const struct own_flags *f = d->more_values;
        struct eventsources_options o = {.loop = d->app.loop,
                                         .bus = d->app.bus,
                                         .store = d->app.store,
                                         .ns = d->flags.ns,
                                         .label_selector = d->flags.selector,
                                         .name = d->flags.name,
                                         .listen_address = d->flags.listen,
                                         .port_override = (int)f->port};
        struct eventsources *es = NULL;
        if (eventsources_new(&es, &o, e) < 0)
                return -1;
        d->self = es;
        if (f->files.n == 0)
                return eventsources_follow(es, e);
        for (size_t i = 0; i < f->files.n; i++)
                if (load_file(es, f->files.items[i], e) < 0)
                        return -1;
        return 0;
}

static bool ready(struct daemon *d)
{
        return eventsources_ready(d->self);
}

static void drain(struct daemon *d, loop_fn *done, void *arg)
{
        eventsources_drain(d->self, DRAIN_MS, done, arg);
}

static void stop(struct daemon *d)
{
        d->self = eventsources_free(d->self);
}

int main(int argc, char **argv)
{
        struct own_flags own = {0};
        struct daemon d = {.program = "tiphys-eventsource",
                           .role = "eventsource",
                           .summary =
                                   "runs EventSources: takes events in and stores them on the bus",
                           .metrics_port = 7777,
                           .more = more,
                           .more_values = &own,
                           .start = start,
                           .ready = ready,
                           .drain = drain,
                           .stop = stop};
        return daemon_main(&d, argc, argv);
}
