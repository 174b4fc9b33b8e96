/* tests/support/sensor_on_kube.c: one Sensor over a real cluster: CloudEvents in, what the ledger
 * says about its firings out. The bus is embedded in DIR, so a run that was killed is continued by
 * the next.
 *
 *      sensor_on_kube --data DIR (--kubeconfig FILE | --in-cluster) --sensor FILE [--event FILE]...
 *      < {"outcome": "done", "firing": "...", "record": {...}}
 *
 * Appends the events (recognising those it has had), waits until each was decided upon and every
 * firing has ended, prints done and dead firings, and exits with 0. Waits as long as it takes: its
 * caller has a time limit. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include "common/kube/kube_client.h"
#include "common/net/cloudevent.h"
#include "common/net/http_client.h"
#include "common/store/store.h"
#include "common/yaml/yaml.h"
#include "sensor/sensor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 10, EVENT_MAX = 1 << 20, IDS_MAX = 64 };

struct run {
        const char *data, *kubeconfig, *sensor, *events[IDS_MAX];
        bool in_cluster;
        size_t n_events;

        struct loop *loop;
        struct db *db;
        struct bus *bus;
        struct store *store;
        struct http_client *http;
        struct pool *pool;
        struct sensors *sensors;
        struct loop_timer look;
        char *ids[IDS_MAX];
        size_t appended, traced, intents;
        struct err failure;
};

/* ---- what the ledger says ---- */

static bool count_trace(void *arg, const char *key, const char *value UNUSED, size_t len UNUSED)
{
        struct run *r = arg;
        for (size_t i = 0; i < r->n_events; i++)
                r->traced += streq(r->ids[i], key);
        return true;
}

static bool count_traces(void *arg, const char *space)
{
        struct run *r = arg;
        return bus_state_each(r->bus, space, "", count_trace, r, &r->failure) == 0;
}

static bool count_intent(void *arg, const char *key UNUSED, const char *value UNUSED,
                         size_t len UNUSED)
{
        ((struct run *)arg)->intents++;
        return true;
}

static bool count_intents(void *arg, const char *space)
{
        struct run *r = arg;
        return bus_state_each(r->bus, space, "", count_intent, r, &r->failure) == 0;
}

struct printing {
        struct run *run;
        const char *outcome;
};

static bool print_firing(void *arg, const char *key, const char *value, size_t len)
{
        const struct printing *p = arg;
        printf("{\"outcome\":\"%s\",\"firing\":\"%s\",\"record\":%.*s}\n", p->outcome, key,
               (int)len, value);
        fflush(stdout); /* the log goes to the same file: no line in the middle of another */
        return true;
}

static bool print_space(void *arg, const char *space)
{
        struct printing *p = arg;
        return bus_state_each(p->run->bus, space, "", print_firing, p, &p->run->failure) == 0;
}

static void print_outcomes(struct run *r)
{
        static const char *const outcomes[] = {"done", "dead"};
        for (size_t i = 0; i < ARRAY_LEN(outcomes) && !err_is_set(&r->failure); i++) {
                AUTO(mem_free) char *prefix = mem_printf("%s/", outcomes[i]);
                struct printing p = {r, outcomes[i]};
                if (bus_spaces_each(r->bus, prefix, print_space, &p, &r->failure) < 0)
                        return;
        }
}

/* ---- waiting ---- */

static void on_info(void *arg, const struct sensor_info *i)
{
        struct run *r = arg;
        if (i->error && !err_is_set(&r->failure))
                err_set(&r->failure, ERR_INVALID, "%s", i->error);
}

/* Every event has been decided upon and every intent has its outcome. The last outcome is written
 * down in the turn that takes its intent away. */
static bool is_over(struct run *r)
{
        r->traced = r->intents = 0;
        if (bus_spaces_each(r->bus, "trace/", count_traces, r, &r->failure) < 0 ||
            bus_spaces_each(r->bus, "intent/", count_intents, r, &r->failure) < 0)
                return false;
        return r->appended == r->n_events && r->traced >= r->n_events && !r->intents;
}

static void on_look(void *arg)
{
        struct run *r = arg;
        sensors_each(r->sensors, on_info, r);
        bool over = !err_is_set(&r->failure) && is_over(r);
        if (over)
                print_outcomes(r);
        if (over || err_is_set(&r->failure))
                loop_stop(r->loop);
        else
                timer_after_ms(r->loop, &r->look, LOOK_MS);
}

static void on_appended(void *arg, enum bus_outcome outcome UNUSED, uint64_t pos UNUSED,
                        const struct err *e)
{
        struct run *r = arg;
        r->appended++;
        if (e && !err_is_set(&r->failure))
                err_copy(&r->failure, e);
}

/* ---- begin and end ---- */

static int append_event(struct run *r, const char *path, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(EVENT_MAX);
        struct arena scratch;
        struct cloudevent ce;
        arena_init(&scratch, 0);
        int rc = fs_read(&text, path, EVENT_MAX, e);
        if (rc == 0)
                rc = cloudevent_parse(&ce, buf_str(&text), text.len, &scratch, e);
        if (rc == 0) {
                AUTO(mem_free) char *subject = mem_printf("%s.%s", ce.source, ce.subject);
                AUTO(bus_msg_unref)
                struct bus_msg *m = bus_msg_new(subject, ce.id, buf_str(&text), text.len,
                                                loop_wall(r->loop), true);
                bus_append(r->bus, m, on_appended, r);
                r->ids[r->n_events++] = mem_strdup(ce.id);
        }
        arena_deinit(&scratch);
        return rc;
}

static int open_store(struct run *r, struct err *e)
{
        struct kube_config *config = NULL;
        struct kube_client *client = NULL;
        struct kube_config_opts o = {.path = r->kubeconfig};
        int rc = r->in_cluster ? kube_config_in_cluster(&config, e)
                               : kube_config_load(&config, &o, e);
        if (rc < 0 || kube_client_new(&client, r->loop, config, e) < 0)
                return -1;
        return store_kube(&r->store, client, e);
}

static int load_sensor(struct run *r, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs = {0};
        int rc = yaml_load_file(&docs, r->sensor, &d);
        if (rc == 0 && docs.n == 1)
                sensors_set(r->sensors, docs.items[0].root);
        else
                rc = rc < 0 ? diags_err(&d, e) : err_set(e, ERR_INVALID, "want one document");
        yaml_docs_deinit(&docs);
        return rc;
}

static int open_all(struct run *r, struct err *e)
{
        AUTO(mem_free) char *db = fs_join(r->data, "tiphys.db");
        struct db_options o = {0};
        if (loop_new(&r->loop, clock_system(), e) < 0 || fs_mkdirs(r->data, 0700, e) < 0 ||
            db_open(&r->db, r->loop, db, &o, e) < 0 || bus_embedded(&r->bus, r->db, NULL, e) < 0 ||
            open_store(r, e) < 0 || pool_new(&r->pool, r->loop, 1, e) < 0 ||
            http_client_new(&r->http, r->loop, e) < 0)
                return -1;
        struct sensors_options s = {.loop = r->loop,
                                    .bus = r->bus,
                                    .store = r->store,
                                    .http = r->http,
                                    .pool = r->pool};
        return sensors_new(&r->sensors, &s, e);
}

static void close_all(struct run *r)
{
        if (r->loop)
                timer_cancel(r->loop, &r->look);
        sensors_free(r->sensors);
        http_client_free(r->http);
        pool_free(r->pool);
        store_close(r->store);
        bus_close(r->bus);
        db_close(r->db);
        loop_free(r->loop);
        for (size_t i = 0; i < ARRAY_LEN(r->ids); i++)
                free(r->ids[i]);
}

static int read_arguments(struct run *r, const char **events, size_t *n, int argc, char **argv,
                          struct err *e)
{
        for (int i = 1; i < argc; i++) {
                const char *word = argv[i];
                if (streq(word, "--in-cluster")) {
                        r->in_cluster = true;
                        continue;
                }
                const char *value = i + 1 < argc ? argv[++i] : NULL;
                const char **to = streq(word, "--data")                    ? &r->data
                                  : streq(word, "--kubeconfig")            ? &r->kubeconfig
                                  : streq(word, "--sensor")                ? &r->sensor
                                  : streq(word, "--event") && *n < IDS_MAX ? &events[(*n)++]
                                                                           : NULL;
                if (!to || !value)
                        return err_set(e, ERR_INVALID, "%s: unknown, or its value is missing",
                                       word);
                *to = value;
        }
        return r->data && r->sensor ? 0 : err_set(e, ERR_INVALID, "--data and --sensor are needed");
}

static int run(struct run *r, int argc, char **argv, struct err *e)
{
        const char *events[IDS_MAX];
        size_t n = 0;
        if (read_arguments(r, events, &n, argc, argv, e) < 0 || open_all(r, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                if (append_event(r, events[i], e) < 0)
                        return -1;
        if (load_sensor(r, e) < 0)
                return -1;
        timer_init(&r->look, on_look, r);
        timer_after_ms(r->loop, &r->look, LOOK_MS);
        loop_run(r->loop);
        if (!err_is_set(&r->failure))
                return 0;
        err_move(e, &r->failure);
        return -1;
}

int main(int argc, char **argv)
{
        struct run r = {0};
        ERR_SLOT(e);
        int rc = run(&r, argc, argv, &e);
        close_all(&r);
        if (rc < 0)
                fprintf(stderr, "sensor_on_kube: %s\n", err_msg(&e));
        err_clear(&e);
        return rc < 0;
}
