/* tests/unit/eventsource/es_fixture.c: see es_fixture.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventsource/es_fixture.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/net/http_wire.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <unistd.h>

int es_setup(void **state)
{
        struct es_fixture *f = NEW(struct es_fixture);
        struct err e = {0};
        log_configure(LOG_ERROR + 1, LOG_LOGFMT);
        fake_clock_init(&f->clock, (struct wall){1767323045678901234});
        assert_int_equal(loop_new(&f->loop, &f->clock.clock, &e), 0);
        fake_bus_init(&f->bus, f->loop);
        fake_store_init(&f->store, f->loop);
        buf_init(&f->answer, 32 << 20);
        struct eventsources_options o = {
                .loop = f->loop, .bus = &f->bus.bus, .store = &f->store.store, .port_override = 0};
        assert_int_equal(eventsources_new(&f->es, &o, &e), 0);
        *state = f;
        return 0;
}

int es_teardown(void **state)
{
        struct es_fixture *f = *state;
        eventsources_free(f->es);
        fake_bus_deinit(&f->bus);
        fake_store_deinit(&f->store);
        loop_run_ready(f->loop);
        loop_free(f->loop);
        buf_deinit(&f->answer);
        free(f);
        return 0;
}

static json_t *relaxed_json(const char *text)
{
        AUTO(mem_free) char *copy = mem_strdup(text);
        for (char *c = copy; *c; c++)
                *c = *c == '\'' ? '"' : *c;
        json_error_t why;
        json_t *j = json_loads(copy, 0, &why);
        if (!j)
                fail_msg("%s in %s", why.text, copy);
        return j;
}

void es_set(struct es_fixture *f, const char *name, const char *spec)
{
        AUTO_JSON json_t *o =
                json_pack("{s:{s:s},s:o}", "metadata", "name", name, "spec", relaxed_json(spec));
        eventsources_set(f->es, o);
        loop_run_ready(f->loop);
}

struct lookup {
        const char *event;
        const char *state, *error, *url;
};

static void look(void *arg, const struct source_info *i)
{
        struct lookup *l = arg;
        if (strcmp(i->event, l->event) == 0) {
                l->state = i->state;
                l->error = i->error;
                l->url = i->url;
        }
}

const char *es_state(struct es_fixture *f, const char *event, const char **error)
{
        struct lookup l = {.event = event, .state = "absent"};
        eventsources_each(f->es, look, &l);
        if (error)
                *error = l.error;
        return l.state;
}

uint16_t es_port(struct es_fixture *f, const char *event)
{
        struct lookup l = {.event = event, .state = "absent"};
        eventsources_each(f->es, look, &l);
        if (strcmp(l.state, "up") != 0 || !l.url)
                fail_msg("event %s is %s: %s", event, l.state, l.error ? l.error : "");
        return (uint16_t)atoi(strstr(l.url, ".1:") + 3);
}

int es_request(struct es_fixture *f, const char *event, const char *line, const char *headers,
               const char *body)
{
        AUTO_BUF struct buf b = BUF_INIT(32 << 20);
        buf_addf(&b, "%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s", line, headers);
        if (*body || str_starts(line, "POST"))
                buf_addf(&b, "Content-Length: %zu\r\n", strlen(body));
        buf_adds(&b, "\r\n");
        buf_adds(&b, body);
        buf_reset(&f->answer);
        wire_exchange(f->loop, es_port(f, event), buf_str(&b), &f->answer);
        return f->answer.len > 12 ? atoi(f->answer.data + 9) : 0;
}

const char *es_answer_header(struct es_fixture *f, const char *name)
{
        static _Thread_local char value[512];
        AUTO(mem_free) char *key = mem_printf("\r\n%s: ", name);
        const char *at = strstr(buf_str(&f->answer), key);
        if (!at)
                return NULL;
        at += strlen(key);
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
        return value;
}

const char *es_answer_body(struct es_fixture *f)
{
        const char *at = strstr(buf_str(&f->answer), "\r\n\r\n");
        return at ? at + 4 : "";
}

const char *es_last_event(struct es_fixture *f)
{
        return f->bus.n ? f->bus.msgs[f->bus.n - 1]->data : "";
}

void es_advance_ms(struct es_fixture *f, int64_t ms)
{
        loop_run_ready(f->loop);
        fake_clock_advance(&f->clock, ms * NS_PER_MS);
        loop_run_ready(f->loop);
}
