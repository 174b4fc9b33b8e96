/* common/app/app.c: opens what runs on a data folder, in the order of its needs; see app.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/app.h"
#include "common/base/fs.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include "common/kube/kube_client.h"
#include "common/net/http_client.h"
#include "common/store/store.h"
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { POOL_THREADS = 2 };

static int open_database(struct app *app, const struct app_options *o, struct err *e)
{
        if (o->read_only && !app_data_exists(app->data_dir))
                return err_set(e, ERR_NOT_FOUND, "there is nothing in the data folder %s yet",
                               app->data_dir);
        if (!o->read_only && fs_mkdirs(app->data_dir, 0700, e) < 0)
                return -1;
        AUTO(mem_free) char *path = fs_join(app->data_dir, "tiphys.db");
        struct db_options opts = {.read_only = o->read_only, .many_commits = o->work};
        return db_open(&app->db, app->loop, path, &opts, e);
}

static int open_cluster(struct app *app, const struct app_options *o, struct err *e)
{
        struct kube_config *config = NULL;
        struct kube_client *client = NULL;
        struct kube_config_opts which = {o->kubeconfig, o->context};
        int r = o->in_cluster ? kube_config_in_cluster(&config, e)
                              : kube_config_load(&config, &which, e);
        if (r < 0)
                return -1;
        log_info(log_root(), "Resources are in a cluster.", F_STR("server", config->server),
                 F_STR("as", config->origin));
        app->ns = mem_strdup(config->ns);
        if (kube_client_new(&client, app->loop, config, e) < 0)
                return -1;
        return store_kube(&app->store, client, e);
}

static int open_store(struct app *app, const struct app_options *o, struct err *e)
{
        return app->cluster ? open_cluster(app, o, e) : store_embedded(&app->store, app->db, e);
}

int app_open(struct app *app, const struct app_options *o, struct err *e)
{
        app->data_dir = mem_strdup(o->data_dir);
        app->cluster = o->kubeconfig || o->context || o->in_cluster;
        bool no_database = app->cluster && o->no_bus;
        if (loop_new(&app->loop, clock_system(), e) < 0 ||
            (!no_database && open_database(app, o, e) < 0) || open_store(app, o, e) < 0)
                return -1;
        if (!o->no_bus && bus_embedded(&app->bus, app->db, NULL, e) < 0)
                return -1;
        if (!o->work)
                return 0;
        if (pool_new(&app->pool, app->loop, POOL_THREADS, e) < 0 ||
            http_client_new(&app->http, app->loop, e) < 0)
                return -1;
        return 0;
}

void app_close(struct app *app)
{
        app->http = http_client_free(app->http);
        app->pool = pool_free(app->pool);
        app->bus = bus_close(app->bus);
        app->store = store_close(app->store);
        app->db = db_close(app->db);
        app->loop = loop_free(app->loop);
        mem_free(TAKE(app->data_dir));
        mem_free(TAKE(app->ns));
}

/* ---- signals ---- */

struct app_signals {
        struct event *events[2];
        void (*fn)(void *arg, int sig);
        void *arg;
        bool seen;
};

static void on_signal(evutil_socket_t sig, short what UNUSED, void *arg)
{
        struct app_signals *s = arg;
        if (s->seen)
                _exit(128 + sig);
        s->seen = true;
        s->fn(s->arg, sig);
}

struct app_signals *app_signals_new(struct loop *l, void (*fn)(void *arg, int sig), void *arg)
{
        static const int numbers[] = {SIGTERM, SIGINT};
        struct app_signals *s = NEW(struct app_signals);
        s->fn = fn;
        s->arg = arg;
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                s->events[i] = evsignal_new(loop_base(l), numbers[i], on_signal, s);
                evsignal_add(s->events[i], NULL);
        }
        return s;
}

struct app_signals *app_signals_free(struct app_signals *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(s->events); i++)
                event_free(s->events[i]);
        mem_free(s);
        return NULL;
}

void app_trim_memory(void)
{
        malloc_trim(0);
}
