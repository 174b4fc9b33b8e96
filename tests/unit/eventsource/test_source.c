/* tests/unit/eventsource/test_source.c: supervision of one source, with a driver that does what the
 * test says. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "tests/unit/eventsource/es_fixture.h"
#include "tests/unit/unit.h"
#include <stdlib.h>

/* ---- a driver under the test's thumb ---- */

struct puppet_config {
        struct backoff_config *backoff;
        struct key_ref *password;
        struct source_filter *filter;
};
struct puppet {
        int starts, stops, pauses, resumes;
        enum err_code fail; /* of the next start */
        bool up;            /* report up in start */
        char secret[32];
        int dones;
        enum err_code done_code;
} puppet;

static const struct field puppet_fields[] = {
        FIELD(struct puppet_config, backoff, FIELD_OBJ_PTR, .name = "connectionBackoff",
              .sub = backoff_fields, .sub_size = sizeof(struct backoff_config)),
        FIELD(struct puppet_config, password, FIELD_OBJ_PTR, .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref)),
        FILTER_FIELD(struct puppet_config, filter), FIELD_END};

static int puppet_start(struct source *s, struct err *e)
{
        const struct puppet_config *c = source_config(s);
        const struct secret *p = source_secret(s, c->password);
        puppet.starts++;
        snprintf(puppet.secret, sizeof(puppet.secret), "%s", p ? secret_reveal(p) : "");
        if (puppet.fail)
                return err_set(e, puppet.fail, "told to fail");
        if (puppet.up)
                source_up(s);
        return 0;
}

static void puppet_stop(struct source *s UNUSED)
{
        puppet.stops++;
}

static void puppet_pause(struct source *s UNUSED, bool paused)
{
        puppet.pauses += paused;
        puppet.resumes += !paused;
}

static const struct source_driver driver = {.type = "puppet",
                                            .fields = puppet_fields,
                                            .config_size = sizeof(struct puppet_config),
                                            .state_size = 1,
                                            .start = puppet_start,
                                            .stop = puppet_stop,
                                            .pause = puppet_pause};

/* ---- helpers ---- */

static int setup(void **state)
{
        puppet = (struct puppet){.up = true};
        return es_setup(state);
}

static struct source *begin(struct es_fixture *f, const char *config)
{
        es_set(f, "es", "{}");
        struct es_object *o = f->es->objects;
        struct es_slot *slot = NEW(struct es_slot);
        AUTO_JSON json_t *spec = json_loads(config, 0, NULL);
        assert_non_null(spec);
        *slot = (struct es_slot){
                .object = o, .type = mem_strdup("puppet"), .event = mem_strdup("ev")};
        o->slots = slot;
        slot->running = source_new(o, f->es, &driver, "ev", spec);
        source_resolve(slot->running, source_run);
        loop_run_ready(f->loop);
        return slot->running;
}

static void fall(struct source *s)
{
        struct err e = {0};
        err_set(&e, ERR_UNAVAILABLE, "connection lost");
        source_down(s, &e);
        err_clear(&e);
}

/* Milliseconds until the next start, found by turning the clock. */
static int64_t ms_until_start(struct es_fixture *f)
{
        int before = puppet.starts;
        for (int64_t ms = 0; ms < 120000; ms += 10) {
                if (puppet.starts > before)
                        return ms;
                es_advance_ms(f, 10);
        }
        return -1;
}

static void on_done(void *arg UNUSED, const char *id UNUSED, const struct err *e)
{
        puppet.dones++;
        puppet.done_code = e ? e->code : ERR_NONE;
}

static void emit_data(struct source *s, const char *data)
{
        source_emit(s, &(struct source_event){.data = str_of(data)}, on_done, NULL);
}

static void emit(struct source *s)
{
        emit_data(s, "{}");
}

/* ---- tests ---- */

static void comes_back_for_ever_with_a_growing_pause(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{}");
        assert_string_equal(es_state(f, "ev", NULL), "up");
        puppet.up = false;
        int64_t bases[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
        for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
                fall(s);
                assert_int_equal(puppet.stops, (int)i); /* not from inside the driver's callback */
                loop_run_ready(f->loop);
                assert_int_equal(puppet.stops, (int)i + 1);
                assert_string_equal(es_state(f, "ev", NULL), "down");
                int64_t ms = ms_until_start(f);
                if (ms < bases[i] * 3 / 4 || ms > bases[i] * 5 / 4 + 20)
                        fail_msg("pause %zu was %lld ms", i, (long long)ms);
        }
        source_up(s);
        fall(s);
        loop_run_ready(f->loop);
        assert_in_range(ms_until_start(f), 740, 1280);
}

static void obeys_connection_backoff(void **state)
{
        struct es_fixture *f = *state;
        puppet.fail = ERR_UNAVAILABLE;
        begin(f, "{\"connectionBackoff\":{\"duration\":\"100ms\",\"factor\":3,\"jitter\":0}}");
        const char *error;
        assert_string_equal(es_state(f, "ev", &error), "down");
        assert_string_equal(error, "told to fail");
        assert_int_equal(puppet.stops, 1); /* also after a start that failed */
        assert_int_equal(ms_until_start(f), 100);
        assert_int_equal(ms_until_start(f), 300);
        assert_int_equal(ms_until_start(f), 900);
}

static void a_configuration_that_cannot_work_is_not_retried(void **state)
{
        struct es_fixture *f = *state;
        puppet.fail = ERR_INVALID;
        begin(f, "{}");
        assert_string_equal(es_state(f, "ev", NULL), "failed");
        assert_int_equal(ms_until_start(f), -1);
        assert_true(eventsources_ready(f->es));
        assert_int_equal(puppet.stops, 1);
}

static void waits_for_a_required_secret_and_follows_its_changes(void **state)
{
        struct es_fixture *f = *state;
        const char *error;
        begin(f, "{\"password\":{\"name\":\"s\",\"key\":\"p\"}}");
        assert_string_equal(es_state(f, "ev", &error), "down");
        assert_string_equal(error, "Secret default/s: not found");
        assert_int_equal(puppet.starts, 0);
        f->store.secrets[0] = (struct fake_secret){"s/p", "one"};
        assert_true(ms_until_start(f) >= 0);
        assert_string_equal(puppet.secret, "one");
        es_advance_ms(f, 31000);
        assert_int_equal(puppet.starts, 1); /* nothing changed */
        f->store.secrets[0].value = "two";
        es_advance_ms(f, 31000);
        assert_int_equal(puppet.starts, 2);
        assert_int_equal(puppet.stops, 1);
        assert_string_equal(puppet.secret, "two");
}

static void an_optional_secret_may_be_missing(void **state)
{
        struct es_fixture *f = *state;
        begin(f, "{\"password\":{\"name\":\"s\",\"key\":\"p\",\"optional\":true}}");
        assert_string_equal(es_state(f, "ev", NULL), "up");
}

static void pauses_while_the_bus_refuses(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{}");
        f->bus.fail = ERR_UNAVAILABLE;
        emit(s);
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(puppet.done_code, ERR_UNAVAILABLE);
        assert_int_equal(puppet.pauses, 1);
        es_advance_ms(f, 60);
        assert_int_equal(puppet.resumes, 1);
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(puppet.pauses, 2);
        es_advance_ms(f, 60);
        assert_int_equal(puppet.resumes, 1); /* longer each time */
        es_advance_ms(f, 60);
        assert_int_equal(puppet.resumes, 2);
        f->bus.fail = ERR_NONE;
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(puppet.done_code, ERR_NONE);
        assert_int_equal(puppet.pauses, 2);
}

static void answers_of_an_earlier_run_go_into_the_void(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{}");
        f->bus.hold = true;
        emit(s);
        fall(s);
        loop_run_ready(f->loop);
        assert_true(ms_until_start(f) >= 0);
        fake_bus_answer(&f->bus);
        assert_int_equal(puppet.dones, 0);
        assert_int_equal(f->bus.n, 1);
        emit(s);
        fake_bus_answer(&f->bus);
        assert_int_equal(puppet.dones, 1);
}

static void a_source_goes_when_its_event_goes(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{}");
        f->bus.hold = true;
        emit(s);
        eventsources_remove(f->es, "default", "es");
        assert_int_equal(puppet.stops, 1);
        fake_bus_answer(&f->bus);
        assert_int_equal(puppet.dones, 0);
}

static void counts_as_argo_does(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{}");
        int64_t sent = metric_value(s->metric.sent), failed = metric_value(s->metric.failed);
        int64_t duplicate = metric_value(s->metric.duplicate),
                reconnects = metric_value(s->metric.reconnects);
        assert_int_equal(metric_value(f->es->objects->running), 1);
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(metric_value(s->metric.sent), sent + 1);
        f->bus.duplicate = true;
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(metric_value(s->metric.duplicate), duplicate + 1);
        f->bus.fail = ERR_UNAVAILABLE;
        emit(s);
        loop_run_ready(f->loop);
        assert_int_equal(metric_value(s->metric.failed), failed + 1);
        fall(s);
        loop_run_ready(f->loop);
        assert_int_equal(metric_value(s->metric.reconnects), reconnects + 1);
        assert_int_equal(metric_value(f->es->objects->running), 0);
}

static void what_a_filter_drops_is_answered_and_never_stored(void **state)
{
        struct es_fixture *f = *state;
        struct source *s = begin(f, "{\"filter\":{\"expression\":\"body.n_1 > 2\"}}");
        int64_t filtered = metric_value(s->metric.filtered), sent = metric_value(s->metric.sent);
        static const char *const drops[] = {"{\"body\":{\"n_1\":2}}", "{\"body\":{}}",
                                            "{\"body\":{\"n_1\":\"x\"}}", "{}", "[]"};
        for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
                emit_data(s, drops[i]);
                assert_int_equal(puppet.dones, (int)i); /* later, on the loop */
                loop_run_ready(f->loop);
                assert_int_equal(puppet.dones, (int)i + 1);
                assert_int_equal(puppet.done_code, ERR_NONE);
        }
        assert_int_equal(metric_value(s->metric.filtered), filtered + 5);
        assert_int_equal(metric_value(s->metric.sent), sent);
        emit_data(s, "{\"body\":{\"n_1\":3}}");
        loop_run_ready(f->loop);
        assert_int_equal(metric_value(s->metric.sent), sent + 1);
        emit_data(s, "{}"); /* the source goes before its answer */
        es_set(f, "es", "{}");
        loop_run_ready(f->loop);
        assert_int_equal(puppet.dones, 6);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, es_teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                T(comes_back_for_ever_with_a_growing_pause),
                T(obeys_connection_backoff),
                T(a_configuration_that_cannot_work_is_not_retried),
                T(waits_for_a_required_secret_and_follows_its_changes),
                T(an_optional_secret_may_be_missing),
                T(pauses_while_the_bus_refuses),
                T(answers_of_an_earlier_run_go_into_the_void),
                T(a_source_goes_when_its_event_goes),
                T(counts_as_argo_does),
                T(what_a_filter_drops_is_answered_and_never_stored),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
