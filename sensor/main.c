/* sensor/main.c: tiphys-sensor: runs Sensors on a data folder. SPDX-License-Identifier: Apache-2.0
 */
#include "common/app/daemon.h"
#include "sensor/redrive.h"
#include "sensor/sensor.h"

struct parts {
        struct sensors *sensors;
        struct redrive *redrive;
};
enum { DRAIN_MS = 10000 };

static int start(struct daemon *d, struct err *e)
{
        struct parts *p = d->self;
        struct sensors_options o = {.loop = d->app.loop,
                                    .bus = d->app.bus,
                                    .store = d->app.store,
                                    .http = d->app.http,
                                    .pool = d->app.pool,
                                    .ns = d->flags.ns,
                                    .label_selector = d->flags.selector,
                                    .name = d->flags.name,
                                    .shared_database = !d->app.cluster};
        if (sensors_new(&p->sensors, &o, e) < 0 || sensors_follow(p->sensors, e) < 0)
                return -1;
        return redrive_follow(&p->redrive, p->sensors, &o, e);
}

static bool ready(struct daemon *d)
{
        struct parts *p = d->self;
        return p->sensors && sensors_ready(p->sensors);
}

static void drain(struct daemon *d, loop_fn *done, void *arg)
{
        struct parts *p = d->self;
        sensors_drain(p->sensors, DRAIN_MS, done, arg);
}

static void stop(struct daemon *d)
{
        struct parts *p = d->self;
        p->redrive = redrive_free(p->redrive);
        p->sensors = sensors_free(p->sensors);
}

int main(int argc, char **argv)
{
        struct parts p = {0};
        struct daemon d = {.program = "tiphys-sensor",
                           .role = "sensor",
                           .summary = "decides what events trigger",
                           .metrics_port = 7777,
                           .start = start,
                           .ready = ready,
                           .drain = drain,
                           .stop = stop,
                           .self = &p};
        return daemon_main(&d, argc, argv);
}
