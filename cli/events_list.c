/* cli/events_list.c: events on the bus with what became of them, and the dead letters.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledgerview.h"
#include "cli/output.h"
#include "common/bus/bus.h"

struct list_opts {
        const char *subject, *output;
        int64_t limit;
        bool dead, no_headers;
};
static const char *const outputs[] = {"json", "name", NULL};
static const struct opt list_opts[] = {
        OPT(struct list_opts, dead, OPT_FLAG,
            .help = "firings that were given up, with the reason"),
        OPT(struct list_opts, subject, OPT_STR, .arg = "TEXT",
            .help = "only subjects (eventsource.event) that begin so"),
        OPT(struct list_opts, limit, OPT_INT, .arg = "N", .def = "50", .min = 1, .max = 100000,
            .help = "newest N events"),
        OPT(struct list_opts, no_headers, OPT_FLAG, .name = "no-headers",
            .help = "without the first line"),
        OPT(struct list_opts, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT",
            .choices = outputs, .help = "how to print it"),
        OPT_END};

struct event { /* what the bus said of one; gathered before the ledgers are read */
        char *id, *subject;
        json_int_t pos;
        size_t len;
        int64_t time_ns;
};
struct listing {
        struct cli *c;
        const struct list_opts *o;
        struct table table;
        json_t *out;
        struct event *events;
        size_t n, cap;
        int64_t now;
};

static void print(struct listing *l)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (l->o->output) {
                json_t *item;
                size_t i;
                if (streq(l->o->output, "json")) {
                        json_put(&b, l->out, JSON_STYLE_INDENT);
                        buf_addc(&b, '\n');
                } else {
                        json_array_foreach (l->out, i, item)
                                buf_addf(&b, "%s\n", json_str(item, "id"));
                }
        } else {
                table_put(&b, &l->table, &l->c->term, 0);
        }
        cli_write(&b);
}

/* ---- events ---- */

struct fate {
        size_t fired, waits, rejected, errors;
        json_t *traces;
};

static void look_at_trace(struct fate *f, const json_t *trace)
{
        json_t *t;
        size_t i;
        json_array_foreach (json_object_get(trace, "triggers"), i, t) {
                f->fired += json_object_get(t, "fired") != NULL;
                f->waits += json_object_get(t, "waits_for") != NULL;
        }
        json_array_foreach (json_object_get(trace, "dependencies"), i, t) {
                f->rejected += streq(json_str(t, "filter"), "reject");
                f->errors += streq(json_str(t, "filter"), "error");
        }
}

static bool on_trace(void *arg, const struct ledger_record *r)
{
        struct fate *f = arg;
        look_at_trace(f, r->value);
        json_t *copy = json_deep_copy(r->value);
        json_object_set_new(copy, "sensor", json_sprintf("%s/%s", r->ns, r->sensor));
        json_array_append_new(f->traces, copy);
        return true;
}

static const char *fate_word(const struct fate *f)
{
        if (f->fired)
                return "fired";
        if (f->errors)
                return "error";
        if (f->rejected)
                return "rejected";
        return f->waits ? "waits" : json_array_size(f->traces) ? "no trigger" : "-";
}

static bool on_message(void *arg, const struct bus_msg *m)
{
        struct listing *l = arg;
        mem_grow(l->events, l->cap, l->n + 1);
        l->events[l->n++] = (struct event){mem_strdup(m->id), mem_strdup(m->subject),
                                           (json_int_t)m->pos, m->len, m->time.ns};
        return true;
}

static int put_event(struct listing *l, const struct event *m, struct err *e)
{
        AUTO_JSON json_t *traces = json_array();
        struct fate f = {.traces = traces};
        char age[24], time[40];
        if (ledger_each(l->c->app.bus, "trace", m->id, on_trace, &f, e) < 0)
                return -1;
        human_age(age, l->now - m->time_ns);
        time_rfc3339_nano(m->time_ns, time);
        table_cell(&l->table, m->id);
        table_cell(&l->table, m->subject);
        table_cell(&l->table, age);
        table_cellf(&l->table, "%zu", m->len);
        table_cell(&l->table, fate_word(&f));
        table_style(&l->table, f.fired ? TERM_GREEN : f.errors ? TERM_RED : TERM_OFF);
        json_array_append_new(l->out, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:O}", "id", m->id,
                                                "subject", m->subject, "time", time, "position",
                                                m->pos, "bytes", (json_int_t)m->len, "decision",
                                                fate_word(&f), "traces", traces));
        return 0;
}

static int list_events(struct listing *l, struct err *e)
{
        static const char *const heads[] = {"ID", "SUBJECT", "AGE", "BYTES", "DECISION", NULL};
        const struct bus_query q = {.subject_prefix = l->o->subject, .limit = (size_t)l->o->limit};
        table_init(&l->table, 5);
        if (!l->o->no_headers)
                table_row(&l->table, heads);
        int r = bus_messages(l->c->app.bus, &q, on_message, l, e);
        for (size_t i = 0; i < l->n; i++) {
                if (r == 0)
                        r = put_event(l, &l->events[i], e);
                mem_free(l->events[i].id);
                mem_free(l->events[i].subject);
        }
        mem_free(l->events);
        if (r < 0)
                return -1;
        if (l->n == 0 && !l->o->output)
                cli_say(l->c, "no events yet");
        else
                print(l);
        return EXIT_OK;
}

/* ---- dead letters ---- */

static bool on_dead(void *arg, const struct ledger_record *r)
{
        struct listing *l = arg;
        char age[24];
        int64_t finished = json_time_at(r->value, "finished");
        human_age(age, l->now - finished);
        table_cell(&l->table, r->key);
        table_cellf(&l->table, "%s/%s", r->ns, r->sensor);
        table_cell(&l->table, json_str(r->value, "trigger"));
        table_cellf(&l->table, "%lld",
                    (long long)json_integer_value(json_object_get(r->value, "attempts")));
        table_cell(&l->table, age);
        table_cell(&l->table, json_str(r->value, "error"));
        json_t *copy = json_deep_copy(r->value);
        json_object_set_new(copy, "id", json_string(r->key));
        json_object_set_new(copy, "sensor", json_sprintf("%s/%s", r->ns, r->sensor));
        json_array_append_new(l->out, copy);
        return true;
}

static int list_dead(struct listing *l, struct err *e)
{
        static const char *const heads[] = {"FIRING", "SENSOR", "TRIGGER", "ATTEMPTS",
                                            "AGE",    "REASON", NULL};
        table_init(&l->table, 6);
        if (!l->o->no_headers)
                table_row(&l->table, heads);
        if (ledger_each(l->c->app.bus, "dead", "", on_dead, l, e) < 0)
                return -1;
        if (json_array_size(l->out) == 0 && !l->o->output) {
                cli_say(l->c, "no dead letters");
                return EXIT_OK;
        }
        print(l);
        if (!l->o->output)
                cli_say(l->c, "`tiphys events retry FIRING` tries one again");
        return EXIT_OK;
}

static int list_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        AUTO_JSON json_t *out = json_array();
        struct listing l = {.c = c, .o = opts, .out = out};
        if (cli_open(c, CLI_EVENTS, e) < 0)
                return -1;
        l.now = loop_wall(c->app.loop).ns;
        int code = l.o->dead ? list_dead(&l, e) : list_events(&l, e);
        table_deinit(&l.table);
        return code;
}

const struct command command_events_list = {
        .name = "events list",
        .summary = "List events and what became of them",
        .examples = "  tiphys events list\n  tiphys events list --dead\n",
        .opts = list_opts,
        .opts_size = sizeof(struct list_opts),
        .run = list_run};
