/* cli/dev_parts.c: the parts of `tiphys dev`: made from the inside out (runner, controller,
 * sensors, sources), drained from the outside in (no new events, then no new firings, then no new
 * steps), so that nothing is handed to a part that has stopped. SPDX-License-Identifier: Apache-2.0
 */
#include "cli/dev.h"
#include "common/base/fs.h"
#include "common/net/http_server.h"
#include "eventsource/eventsource.h"
#include "sensor/redrive.h"
#include "sensor/sensor.h"
#include "server/api/api.h"
#include "workflow/archive/archive.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller.h"
#include "workflow/runner/runner.h"

enum { DRAIN_MS = 5000, MAX_IMAGES_BYTES = 1 << 20 };

static int start_api(struct dev *d, struct err *e)
{
        struct http_server_options o = {.name = "api", .port = (uint16_t)d->o->port};
        if (http_server_new(&d->http, d->cli->app.loop, &o, e) < 0)
                return d->o->port
                               ? err_wrap(e, "API (another port: --port N, any free one: --port 0)")
                               : -1;
        d->status = (struct app_status){dev_ready, d};
        if (app_serve_status(d->http, &d->status, e) < 0)
                return -1;
        if (archive_sqlite(&d->archive, d->cli->app.db, e) < 0)
                return -1;
        return api_new(&d->api, d->http, d->cli->app.store, d->archive, e);
}

static int load_images(struct dev *d, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(MAX_IMAGES_BYTES);
        AUTO_JSON json_t *given = NULL;
        if (d->o->images && (fs_read(&b, d->o->images, MAX_IMAGES_BYTES, e) < 0 ||
                             yaml_parse_one(&given, buf_str(&b), b.len, e) < 0))
                return err_wrap(e, "--images %s", d->o->images);
        if (given && !json_is_object(given))
                return err_set(e, ERR_INVALID, "--images %s: a map is expected", d->o->images);
        d->images = d->config->images ? json_copy(d->config->images) : json_object();
        json_object_update(d->images, given);
        return 0;
}

static int start_runner(struct dev *d, struct err *e)
{
        if (load_images(d, e) < 0)
                return -1;
        const struct app *app = &d->cli->app;
        for (size_t i = 0; i < d->o->host_paths.n; i++) {
                d->host_paths = d->host_paths ? d->host_paths : json_array();
                json_array_append_new(d->host_paths, json_string(d->o->host_paths.items[i]));
        }
        struct runner_local_options o = {
                .loop = app->loop,
                .pool = app->pool,
                .store = app->store,
                .data_dir = app->data_dir,
                .guard_addresses = d->config->guard_addresses,
                .isolation = streq(d->o->isolation, "none")      ? ISOLATION_NONE
                             : streq(d->o->isolation, "sandbox") ? ISOLATION_SANDBOX
                                                                 : ISOLATION_AUTO,
                .max_running = (int)d->o->max_running,
                .private_network = streq(d->o->network, "private"),
                .host_paths = d->host_paths,
                .images = d->images};
        return runner_local(&d->runner, &o, controller_on_pod, d->controller, e);
}

static int start_workflows(struct dev *d, struct err *e)
{
        if (controller_config_load(&d->config, d->o->config, e) < 0)
                return -1;
        struct controller_options o = {.loop = d->cli->app.loop,
                                       .store = d->cli->app.store,
                                       .data_dir = d->cli->app.data_dir,
                                       .config = d->config,
                                       .archive = d->archive};
        if (controller_new(&d->controller, &o, e) < 0 || start_runner(d, e) < 0)
                return -1;
        return controller_start(d->controller, d->runner, e);
}

static int start_sensors(struct dev *d, struct err *e)
{
        const struct app *app = &d->cli->app;
        struct sensors_options o = {.loop = app->loop,
                                    .bus = app->bus,
                                    .store = app->store,
                                    .http = app->http,
                                    .pool = app->pool,
                                    .shared_database = true};
        if (sensors_new(&d->sensors, &o, e) < 0 || sensors_follow(d->sensors, e) < 0)
                return -1;
        return redrive_follow(&d->redrive, d->sensors, &o, e);
}

static int start_sources(struct dev *d, struct err *e)
{
        const struct app *app = &d->cli->app;
        struct eventsources_options o = {.loop = app->loop,
                                         .bus = app->bus,
                                         .store = app->store,
                                         .listen_address = d->o->listen,
                                         .port_override = (int)d->o->webhook_port};
        return eventsources_new(&d->sources, &o, e) < 0 ? -1 : eventsources_follow(d->sources, e);
}

int dev_parts_start(struct dev *d, struct err *e)
{
        if (start_api(d, e) < 0 || start_workflows(d, e) < 0 || start_sensors(d, e) < 0)
                return -1;
        return start_sources(d, e);
}

bool dev_ready(void *arg)
{
        struct dev *d = arg;
        return !d->draining && d->sources && eventsources_ready(d->sources) &&
               sensors_ready(d->sensors) && controller_ready(d->controller);
}

/* ---- end ---- */

struct drain {
        struct dev *d;
        loop_fn *done;
        void *arg;
};

static void on_controller_drained(void *arg)
{
        struct drain *x = arg;
        loop_fn *done = x->done;
        void *done_arg = x->arg;
        mem_free(x);
        done(done_arg);
}

static void on_sensors_drained(void *arg)
{
        struct drain *x = arg;
        controller_drain(x->d->controller, DRAIN_MS, on_controller_drained, x);
}

static void on_sources_drained(void *arg)
{
        struct drain *x = arg;
        sensors_drain(x->d->sensors, DRAIN_MS, on_sensors_drained, x);
}

void dev_drain(struct dev *d, loop_fn *done, void *arg)
{
        struct drain *x = NEW(struct drain);
        *x = (struct drain){d, done, arg};
        d->draining = true;
        eventsources_drain(d->sources, DRAIN_MS, on_sources_drained, x);
}

void dev_parts_free(struct dev *d)
{
        d->sources = eventsources_free(d->sources);
        d->redrive = redrive_free(d->redrive);
        d->sensors = sensors_free(d->sensors);
        d->controller = controller_free(d->controller);
        d->config = controller_config_free(d->config);
        d->runner = runner_free(d->runner);
        d->api = api_free(d->api);
        d->http = http_server_free(d->http);
        d->archive = archive_close(d->archive);
        json_decref(TAKE(d->images));
        json_decref(TAKE(d->host_paths));
}
