/* cli/events_show.c: one event with its decision trace: which dependencies it met, which filter
 * said what, what fired, what came of it, and why not. SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledgerview.h"
#include "cli/output.h"
#include "common/bus/bus.h"

struct show_opts {
        const char *output;
};
static const char *const outputs[] = {"json", NULL};
static const struct opt show_opts[] = {OPT(struct show_opts, output, OPT_CHOICE, .letter = 'o',
                                           .arg = "FORMAT", .choices = outputs,
                                           .help = "how to print it"),
                                       OPT_END};

/* ---- what became of a firing ---- */

struct firing {
        const char *kind;
        json_t *value; /* owned */
};

static bool on_firing(void *arg, const struct ledger_record *r)
{
        struct firing *f = arg;
        f->value = json_incref(r->value);
        return false;
}

static void find_firing(struct bus *b, const char *id, struct firing *out)
{
        static const char *const kinds[] = {"done", "dead", "intent"};
        struct err e = {0};
        *out = (struct firing){0};
        for (size_t i = 0; i < ARRAY_LEN(kinds) && !out->value; i++) {
                out->kind = kinds[i];
                if (ledger_each(b, kinds[i], id, on_firing, out, &e) < 0)
                        err_clear(&e);
        }
}

/* ---- text ---- */

struct showing {
        struct cli *c;
        struct buf *b;
        json_t *traces; /* for -o json */
};

static void put_styled(struct showing *s, enum term_style style, const char *text)
{
        buf_addf(s->b, "%s%s%s", term_on(&s->c->term, style), text, term_on(&s->c->term, TERM_OFF));
}

static void put_dependency(struct showing *s, const json_t *dep)
{
        const char *filter = json_str(dep, "filter"), *why = json_str(dep, "why");
        bool passed = streq(filter, "pass");
        buf_addf(s->b, "    dependency %s: ", json_str(dep, "name"));
        put_styled(s, passed ? TERM_GREEN : TERM_RED,
                   passed                    ? "passed"
                   : streq(filter, "reject") ? "rejected"
                                             : "error");
        buf_addf(s->b, "%s%s\n", why ? ": " : "", why ? why : "");
}

static void put_firing(struct showing *s, const char *id)
{
        struct firing f;
        find_firing(s->c->app.bus, id, &f);
        buf_addf(s->b, "fired %s\n", id);
        const char *what = json_str(f.value, "what"), *error = json_str(f.value, "error");
        long long attempts = json_integer_value(json_object_get(f.value, "attempts"));
        buf_adds(s->b, "      ");
        if (!f.value)
                buf_adds(s->b, "no record of it any more");
        else if (streq(f.kind, "intent"))
                buf_adds(s->b, "not carried out yet");
        else if (streq(f.kind, "dead"))
                buf_addf(s->b, "dead letter after %lld attempt%s: %s", attempts,
                         attempts == 1 ? "" : "s", error ? error : "");
        else
                buf_addf(s->b, "done: %s", what ? what : "");
        buf_addc(s->b, '\n');
        json_decref(f.value);
}

static void put_trigger(struct showing *s, const json_t *t)
{
        const char *fired = json_str(t, "fired"), *waits = json_str(t, "waits_for"),
                   *conditions = json_str(t, "conditions");
        buf_addf(s->b, "    trigger %s%s%s%s: ", json_str(t, "name"),
                 str_empty(conditions) ? "" : " (", str_empty(conditions) ? "" : conditions,
                 str_empty(conditions) ? "" : ")");
        if (fired)
                put_firing(s, fired);
        else
                buf_addf(s->b, "did not fire%s%s\n", str_empty(waits) ? "" : ": waits for ",
                         str_empty(waits) ? "" : waits);
}

static bool on_trace(void *arg, const struct ledger_record *r)
{
        struct showing *s = arg;
        json_t *item;
        size_t i;
        buf_addf(s->b, "  sensor %s/%s%s\n", r->ns, r->sensor,
                 json_is_true(json_object_get(r->value, "duplicate"))
                         ? ": seen before, nothing to do"
                         : "");
        json_array_foreach (json_object_get(r->value, "dependencies"), i, item)
                put_dependency(s, item);
        json_array_foreach (json_object_get(r->value, "triggers"), i, item)
                put_trigger(s, item);
        json_t *copy = json_deep_copy(r->value);
        json_object_set_new(copy, "sensor", json_sprintf("%s/%s", r->ns, r->sensor));
        json_array_append_new(s->traces, copy);
        return true;
}

static void put_event(struct buf *b, const struct bus_msg *m, const json_t *ce)
{
        char time[40];
        time_rfc3339_nano(m->time.ns, time);
        buf_addf(b, "%-20s %s\n%-20s %s\n%-20s %s\n%-20s %llu\n", "Id:", m->id,
                 "Subject:", m->subject, "Accepted:", time,
                 "Position:", (unsigned long long)m->pos);
        const char *type = json_str(ce, "type"), *source = json_str(ce, "source");
        buf_addf(b, "%-20s %s\n%-20s %s\n", "Type:", type ? type : "",
                 "Source:", source ? source : "");
        buf_adds(b, "Data:\n");
        json_put(b, json_object_get(ce, "data"), JSON_STYLE_INDENT);
        buf_adds(b, "\n\nDecisions:\n");
}

static int show(struct cli *c, const struct show_opts *o, const struct bus_msg *m, struct err *e)
{
        AUTO_JSON json_t *ce = NULL, *traces = json_array();
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (json_parse(&ce, m->data, m->len, e) < 0)
                return err_wrap(e, "event %s", m->id);
        struct showing s = {c, &b, traces};
        put_event(&b, m, ce);
        if (ledger_each(c->app.bus, "trace", m->id, on_trace, &s, e) < 0)
                return -1;
        if (json_array_size(traces) == 0)
                buf_adds(&b, "  no sensor has read it (`tiphys list sensors` shows who could)\n");
        if (o->output) {
                AUTO_JSON json_t *all = json_pack("{s:O, s:O}", "event", ce, "traces", traces);
                buf_reset(&b);
                json_put(&b, all, JSON_STYLE_INDENT);
                buf_addc(&b, '\n');
        }
        cli_write(&b);
        return EXIT_OK;
}

static int show_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        struct bus_msg *m = NULL;
        if (cli_open(c, CLI_EVENTS, e) < 0 || bus_message_by_id(c->app.bus, args[0], &m, e) < 0)
                return -1;
        int code = show(c, opts, m, e);
        bus_msg_unref(m);
        return code;
}

const struct command command_events_show = {
        .name = "events show",
        .operands = "EVENT",
        .summary = "Show an event and every decision about it",
        .details = "EVENT may be the beginning of an id, at least 6 characters.",
        .opts = show_opts,
        .opts_size = sizeof(struct show_opts),
        .kind = OPERANDS_EVENTS,
        .min_args = 1,
        .max_args = 1,
        .run = show_run};
