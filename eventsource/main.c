/* eventsource/main.c: tiphys-eventsource: runs EventSources on a data folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/daemon.h"
#include "eventsource/eventsource.h"

struct more_flags {
        int64_t port;
};
static const struct opt more[] = {
        OPT(struct more_flags, port, OPT_INT, .arg = "PORT", .def = "-1", .min = -1, .max = 65535,
            .help = "of webhooks, whatever the resources say; 0: any free one; -1: as they say"),
        OPT_END};
enum { DRAIN_MS = 10000 };

static int start(struct daemon *d, struct err *e)
{
        const struct more_flags *m = d->more_values;
        struct eventsources_options o = {.loop = d->app.loop,
                                         .bus = d->app.bus,
                                         .store = d->app.store,
                                         .ns = d->flags.ns,
                                         .label_selector = d->flags.selector,
                                         .name = d->flags.name,
                                         .listen_address = d->flags.listen,
                                         .port_override = (int)m->port};
        struct eventsources **es = d->self;
        return eventsources_new(es, &o, e) < 0 ? -1 : eventsources_follow(*es, e);
}

static bool ready(struct daemon *d)
{
        struct eventsources **es = d->self;
        return *es && eventsources_ready(*es);
}

static void drain(struct daemon *d, loop_fn *done, void *arg)
{
        struct eventsources **es = d->self;
        eventsources_drain(*es, DRAIN_MS, done, arg);
}

static void stop(struct daemon *d)
{
        struct eventsources **es = d->self;
        *es = eventsources_free(*es);
}

int main(int argc, char **argv)
{
        struct eventsources *es = NULL;
        struct more_flags values = {0};
        struct daemon d = {.program = "tiphys-eventsource",
                           .role = "eventsource",
                           .summary = "receives events and puts them on the bus",
                           .metrics_port = 7777,
                           .more = more,
                           .more_values = &values,
                           .start = start,
                           .ready = ready,
                           .drain = drain,
                           .stop = stop,
                           .self = &es};
        return daemon_main(&d, argc, argv);
}
