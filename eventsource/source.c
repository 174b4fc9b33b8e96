/* eventsource/source.c: one source under supervision: start, up, down, back-off, start again, for
 * ever. Drivers only report; what follows from a report is decided here. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "eventsource/source_priv.h"
#include <stdlib.h>

enum { BACKOFF_MAX_MS = 30000, BACKOFF_MS = 1000 };

static loop_fn on_retry, on_fall;

const struct field backoff_fields[] = {
        FIELD(struct backoff_config, duration_ns, FIELD_DURATION, .name = "duration", .def = "1s",
              .help = "first pause; Go duration, or nanoseconds"),
        FIELD(struct backoff_config, factor, FIELD_DOUBLE, .def = "2",
              .help = "each pause is so much longer than the one before, up to 30 s"),
        FIELD(struct backoff_config, jitter, FIELD_DOUBLE, .def = "0.5",
              .help = "share of the pause that is random, at most 1"),
        FIELD(struct backoff_config, steps, FIELD_INT, .help = "accepted; reconnecting never ends"),
        FIELD_END};

/* ---- new and free ---- */

static void open_metrics(struct source *s)
{
        s->metric.sent = metric_series(METRIC_ES_SENT, s->name, s->event, NULL);
        s->metric.failed = metric_series(METRIC_ES_SENT_FAILED, s->name, s->event, NULL);
        s->metric.bad = metric_series(METRIC_ES_PROCESSING_FAILED, s->name, s->event, NULL);
        s->metric.duplicate = metric_series(METRIC_ES_DUPLICATE, s->name, s->event, NULL);
        s->metric.filtered = metric_series(METRIC_ES_FILTERED, s->name, s->event, NULL);
        s->metric.duration = metric_series(METRIC_ES_DURATION, s->name, s->event, NULL);
        s->metric.reconnects = metric_series(METRIC_ES_RECONNECTS, s->name, s->event, NULL);
}

static void compile_filter(struct source *s)
{
        const struct source_filter *c = source_filter_of(s->driver->fields, s->config);
        ERR_SLOT(e);
        if (c && expr_new(&s->filter, str_of(c->expression), EXPR_EVENTS, NULL, &e) < 0)
                log_error(s->log, "a filter passed validation and does not compile", F_ERR(&e));
        err_clear(&e);
}

struct source *source_new(struct es_object *o, struct eventsources *es,
                          const struct source_driver *d, const char *event, json_t *spec)
{
        struct source *s = NEW(struct source);
        s->es = es;
        s->object = o;
        s->driver = d;
        s->ns = mem_strdup(o->ns);
        s->name = mem_strdup(o->name);
        s->event = mem_strdup(event);
        s->subject = mem_printf("%s.%s", o->name, event);
        s->spec = json_incref(spec);
        s->compat_argo = o->compat_argo;
        s->log = log_with(log_root(), F_STR("component", "eventsource"),
                          F_STR("eventSource", s->name), F_STR("event", event),
                          F_STR("type", d->type));
        timer_init(&s->retry, on_retry, s);
        task_init(&s->fall, on_fall, s);
        open_metrics(s);
        AUTO_DIAGS struct diags diags;
        diags_init(&diags);
        s->config = mem_alloc(d->config_size);
        if (fields_load(s->config, d->fields, spec, NULL, NULL, &diags) < 0)
                log_error(s->log,
                          "a configuration passed validation and does not load"); /* cannot be */
        compile_filter(s);
        return s;
}

static void source_free(struct source *s)
{
        source_refs_free(s);
        fields_free(s->config, s->driver->fields);
        expr_free(s->filter);
        log_free(s->log);
        json_decref(s->spec);
        free(s->config);
        free(s->state);
        free(s->ns);
        free(s->name);
        free(s->event);
        free(s->subject);
        free(s->url);
        free(s->error);
        free(s);
}

void source_halt(struct source *s)
{
        if (!s->started)
                return;
        s->started = false;
        s->run++;
        s->driver->stop(s);
        free(s->state);
        s->state = NULL;
}

static void set_phase(struct source *s, enum source_phase phase)
{
        s->phase = phase;
        if (s->object)
                eventsources_count_running(s->object);
}

void source_retire(struct source *s)
{
        if (!s)
                return;
        timer_cancel(s->es->opt.loop, &s->retry);
        loop_undefer(s->es->opt.loop, &s->fall);
        source_halt(s);
        s->phase = SOURCE_STOPPED;
        s->object = NULL;
        source_refs_free(s);
        if (s->n_emits == 0) {
                source_free(s);
                return;
        }
        s->retired = true;
        s->next_retired = s->es->retired;
        s->es->retired = s;
}

void source_emission_ended(struct source *s)
{
        if (--s->n_emits > 0 || !s->retired)
                return;
        struct source **at = s->es ? &s->es->retired : NULL;
        while (at && *at != s)
                at = &(*at)->next_retired;
        if (at)
                *at = s->next_retired;
        source_free(s);
}

/* ---- the state machine ---- */

static void set_error(struct source *s, const struct err *e)
{
        free(s->error);
        s->error = e ? mem_strdup(err_msg(e)) : NULL;
}

/* connectionBackoff of the configuration, wherever the driver's table has it. */
static struct backoff_config backoff_of(const struct source *s)
{
        for (const struct field *f = s->driver->fields; f->name; f++) {
                if (f->sub != backoff_fields || f->kind != FIELD_OBJ_PTR)
                        continue;
                const struct backoff_config *b =
                        *(struct backoff_config *const *)((const char *)s->config + f->offset);
                if (b && b->duration_ns > 0)
                        return *b;
        }
        return (struct backoff_config){
                .duration_ns = (int64_t)BACKOFF_MS * NS_PER_MS, .factor = 2, .jitter = 0.5};
}

static int64_t next_pause_ms(struct source *s)
{
        struct backoff_config b = backoff_of(s);
        double ms = (double)b.duration_ns / NS_PER_MS;
        double cap = ms > BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
        for (int i = 0; i < s->failures && ms < cap; i++)
                ms *= b.factor > 1 ? b.factor : 1;
        ms = ms < cap ? ms : cap;
        double jitter = b.jitter < 0 ? 0 : b.jitter > 1 ? 1 : b.jitter;
        double share = (double)(rand_u64() >> 11) / (double)(UINT64_C(1) << 53);
        ms = ms * (1 - jitter / 2 + jitter * share);
        return ms < 1 ? 1 : (int64_t)ms;
}

static void schedule_retry(struct source *s, const struct err *e)
{
        int64_t pause_ms = next_pause_ms(s);
        set_error(s, e);
        log_warn(s->log, s->failures ? "source is still down" : "source is down", F_ERR(e),
                 F_INT("retryInMs", pause_ms));
        s->failures++;
        set_phase(s, SOURCE_DOWN);
        timer_after_ms(s->es->opt.loop, &s->retry, pause_ms);
}

static void fail(struct source *s, const struct err *e)
{
        set_error(s, e);
        s->failed_code = e->code;
        set_phase(s, SOURCE_FAILED);
        log_error(s->log, "source cannot start", F_ERR(e));
}

void source_run(struct source *s)
{
        ERR_SLOT(e);
        timer_cancel(s->es->opt.loop, &s->retry);
        loop_undefer(s->es->opt.loop, &s->fall);
        source_halt(s);
        if (!s->driver->starts_without_secrets && source_refs_missing(s, &e) < 0) {
                schedule_retry(s, &e);
                err_clear(&e);
                return;
        }
        s->state = mem_alloc(s->driver->state_size ? s->driver->state_size : 1);
        s->started = true;
        s->run++;
        set_phase(s, SOURCE_STARTING);
        s->in_start = true;
        int r = s->driver->start(s, &e);
        s->in_start = false;
        if (r < 0) {
                source_halt(s);
                if (err_retryable(e.code))
                        schedule_retry(s, &e);
                else
                        fail(s, &e);
                err_clear(&e);
        } else if (s->es->paused && s->driver->pause) {
                s->driver->pause(s, true);
        }
}

static void on_retry(void *arg)
{
        source_resolve(arg, source_run); /* a secret may have appeared meanwhile */
}

void source_retry_failed(struct source *s)
{
        if (s && s->phase == SOURCE_FAILED && s->failed_code == ERR_CONFLICT)
                source_run(s);
}

void source_up(struct source *s)
{
        if (!s->started || s->phase == SOURCE_UP)
                return;
        bool recovered = s->failures > 0;
        s->failures = 0;
        set_error(s, NULL);
        set_phase(s, SOURCE_UP);
        log_info(s->log, recovered ? "source is up again" : "source is up",
                 F_STR("url", s->url ? s->url : ""));
}

/* The driver is still on the stack, so it is stopped at the end of the turn. */
void source_down(struct source *s, const struct err *e)
{
        if (!s->started || s->fall.queued || s->in_start)
                return;
        if (s->phase == SOURCE_UP)
                metric_add(s->metric.reconnects, 1);
        set_error(s, e);
        s->failed_code = e->code;
        loop_defer(s->es->opt.loop, &s->fall);
}

static void on_fall(void *arg)
{
        struct source *s = arg;
        ERR_SLOT(e);
        err_set(&e, s->failed_code, "%s", s->error ? s->error : "unknown");
        source_halt(s);
        schedule_retry(s, &e);
        err_clear(&e);
}

void source_pause(struct source *s, bool paused)
{
        if (s && s->started && s->driver->pause)
                s->driver->pause(s, paused);
}

const char *source_phase_name(const struct source *s)
{
        switch (s->phase) {
        case SOURCE_UP: return "up";
        case SOURCE_DOWN: return "down";
        case SOURCE_FAILED: return "failed";
        default: return "starting";
        }
}

/* ---- what drivers ask ---- */

void source_bad_event(struct source *s, const struct err *e)
{
        metric_add(s->metric.bad, 1);
        log_warn(s->log, "a message from upstream could not be read", F_ERR(e));
}

void source_set_url(struct source *s, const char *url)
{
        free(s->url);
        s->url = mem_strdup(url);
}

void *source_state(struct source *s)
{
        return s->state;
}

const void *source_config(struct source *s)
{
        return s->config;
}

struct loop *source_loop(struct source *s)
{
        return s->es->opt.loop;
}

struct log *source_log(struct source *s)
{
        return s->log;
}

const char *source_name(struct source *s)
{
        return s->name;
}

const char *source_event_name(struct source *s)
{
        return s->event;
}

const char *source_ns(struct source *s)
{
        return s->ns;
}

bool source_compat_argo(struct source *s)
{
        return s->compat_argo;
}

struct webhooks *source_webhooks(struct source *s)
{
        return s->es->webhooks;
}
