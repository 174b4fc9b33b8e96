/* tests/conformance/events/test_webhook_conformance.c: the recorded webhook cases of Argo Events
 * (webhook.jsonl, source "webhook"), each sent as raw HTTP to an EventSource that asks for Argo's
 * answers (tiphys.io/compat: argo). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "eventsource/source_priv.h"
#include "tests/unit/eventsource/fake_bus.h"
#include "tests/unit/net/http_wire.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>

struct run {
        struct loop *loop;
        struct fake_bus bus;
        struct eventsources *es;
        struct fake_store store;
        uint16_t port;
        struct buf answer;
};

static void find_port(void *arg, const struct source_info *i)
{
        struct run *run = arg;
        if (!i->url)
                fail_msg("source is %s: %s", i->state, i->error);
        run->port = (uint16_t)atoi(strstr(i->url, ".1:") + 3);
}

static void load_secrets(struct run *run, const json_t *files)
{
        const char *ref;
        json_t *value;
        size_t n = 0;
        json_object_foreach ((json_t *)(uintptr_t)files, ref, value)
                run->store.secrets[n++] = (struct fake_secret){ref, json_string_value(value)};
}

static void begin(struct run *run, const json_t *rec)
{
        struct err e = {0};
        *run = (struct run){.answer = BUF_INIT(1 << 20)};
        assert_int_equal(loop_new(&run->loop, clock_system(), &e), 0);
        fake_bus_init(&run->bus, run->loop);
        fake_store_init(&run->store, run->loop);
        load_secrets(run, json_object_get(rec, "secretFiles"));
        struct eventsources_options o = {.loop = run->loop,
                                         .bus = &run->bus.bus,
                                         .store = &run->store.store,
                                         .port_override = 0};
        assert_int_equal(eventsources_new(&run->es, &o, &e), 0);
        AUTO_JSON json_t *object = json_pack("{s:{s:s,s:{s:s}},s:{s:{s:O}}}", "metadata", "name",
                                             "es", "annotations", "tiphys.io/compat", "argo",
                                             "spec", "webhook", "ev", json_object_get(rec, "spec"));
        eventsources_set(run->es, object);
        loop_run_ready(run->loop);
        eventsources_each(run->es, find_port, run);
        if (json_is_true(json_object_get(rec, "inactive")))
                source_pause(run->es->objects->slots->running, true);
        if (streq(json_str(rec, "publish"), "fail"))
                run->bus.fail = ERR_UNAVAILABLE;
}

static void end(struct run *run)
{
        eventsources_free(run->es);
        fake_bus_deinit(&run->bus);
        fake_store_deinit(&run->store);
        loop_free(run->loop);
        buf_deinit(&run->answer);
}

static void send_request(struct run *run, const json_t *req)
{
        AUTO_BUF struct buf b = BUF_INIT(4 << 20);
        const char *method = json_str(req, "method"), *body = json_str(req, "body");
        buf_addf(&b, "%s %s HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n", method,
                 json_str(req, "path"));
        size_t i;
        json_t *h;
        json_array_foreach (json_object_get(req, "headers"), i, h)
                buf_addf(&b, "%s: %s\r\n", json_string_value(json_array_get(h, 0)),
                         json_string_value(json_array_get(h, 1)));
        if (*body || streq(method, "POST") || streq(method, "PUT"))
                buf_addf(&b, "Content-Length: %zu\r\n", strlen(body));
        buf_addf(&b, "\r\n%s", body);
        wire_exchange(run->loop, run->port, buf_str(&b), &run->answer);
}

/* Raw text of item i of a JSON list. */
static struct str item_text(struct str list, size_t i)
{
        size_t at = json_skip_space(list.p, list.n, 1);
        for (; i > 0; i--)
                at = json_skip_space(
                        list.p, list.n,
                        json_skip_space(list.p, list.n, json_skip(list.p, list.n, at)) + 1);
        return (struct str){list.p + at, json_skip(list.p, list.n, at) - at};
}

static char *compacted(struct str s)
{
        struct buf b = BUF_INIT(4 << 20);
        struct err e = {0};
        assert_int_equal(json_compact(&b, s.p, s.n, true, &e), 0);
        return buf_take(&b);
}

static bool same_text(struct str want, struct str got)
{
        AUTO(mem_free) char *a = compacted(want);
        AUTO(mem_free) char *b = compacted(got);
        return streq(a, b);
}

/* Headers and metadata as values; the body byte for byte once compacted (digits, duplicate
 * members). */
static const char *compare_event(struct str want, const struct bus_msg *m)
{
        struct str got = json_member(m->data, m->len, "data");
        static const char *const values[] = {"header", "metadata"};
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                struct str a = json_member(want.p, want.n, values[i]),
                           b = json_member(got.p, got.n, values[i]);
                AUTO_JSON json_t *x = a.p ? json_loadb(a.p, a.n, 0, NULL) : NULL;
                AUTO_JSON json_t *y = b.p ? json_loadb(b.p, b.n, 0, NULL) : NULL;
                if ((a.p || b.p) && !json_equal(x, y))
                        return values[i];
        }
        struct str a = json_member(want.p, want.n, "body"), b = json_member(got.p, got.n, "body");
        return same_text(a, b) ? NULL : "body";
}

static int check(struct run *run, const json_t *rec, const char *line)
{
        char status[32];
        int want = (int)json_integer_value(json_object_get(rec, "status"));
        snprintf(status, sizeof(status), "HTTP/1.1 %d ", want);
        const char *answer = buf_str(&run->answer), *body = strstr(answer, "\r\n\r\n");
        const char *want_body = json_str(rec, "responseBody");
        if (!str_starts(answer, status) || !body) {
                print_error("%s: expected %d, got %.40s\n", json_str(rec, "name"), want, answer);
                return 1;
        }
        bool free_text =
                want == 404 || want == 301 || !want_body || strstr(want_body, "json: error");
        if (!free_text && !streq(body + 4, want_body)) {
                print_error("%s: expected body \"%s\", got \"%s\"\n", json_str(rec, "name"),
                            want_body, body + 4);
                return 1;
        }
        struct str data = json_member(line, strlen(line), "data");
        size_t n = json_array_size(json_object_get(rec, "data"));
        if (n != run->bus.n) {
                print_error("%s: expected %zu events, got %zu\n", json_str(rec, "name"), n,
                            run->bus.n);
                return 1;
        }
        for (size_t i = 0; i < n; i++) {
                const char *what = compare_event(item_text(data, i), run->bus.msgs[i]);
                if (!what)
                        continue;
                print_error("%s: %s differs:\n%s\n", json_str(rec, "name"), what,
                            run->bus.msgs[i]->data);
                return 1;
        }
        return 0;
}

static void answers_and_stores_what_argo_does(void **state UNUSED)
{
        const char *shared = getenv("TIPHYS_SHARED");
        char path[4096];
        snprintf(path, sizeof(path), "%s/conformance/events/webhook.jsonl",
                 shared ? shared : "../shared");
        FILE *f = fopen(path, "r");
        if (!f) {
                print_message("NOT RUN: no recorded cases at %s (set TIPHYS_SHARED)\n", path);
                skip();
        }
        char *line = NULL;
        size_t cap = 0, ran = 0, bad = 0;
        while (getline(&line, &cap, f) > 0) {
                if (!strstr(line, "\"source\":\"webhook\""))
                        continue;
                json_error_t why;
                AUTO_JSON json_t *rec = json_loads(line, 0, &why);
                if (!rec)
                        fail_msg("%s in %.80s", why.text, line);
                struct run run;
                begin(&run, rec);
                send_request(&run, json_object_get(rec, "request"));
                bad += (size_t)check(&run, rec, line);
                end(&run);
                ran++;
        }
        free(line);
        fclose(f);
        print_message("%zu records, %zu differ\n", ran, bad);
        assert_true(ran > 50);
        assert_int_equal(bad, 0);
}

int main(void)
{
        log_configure(LOG_ERROR, LOG_LOGFMT);
        const struct CMUnitTest tests[] = {cmocka_unit_test(answers_and_stores_what_argo_does)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
