/* sensor/ledger.c: see ledger.h. Events are embedded as the raw CloudEvent text they had on the
 * bus. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/ledger.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/str.h"
#include <stdlib.h>

static const char *const space_names[LEDGER_SPACES] = {"hold", "expr", "intent",
                                                       "done", "dead", "trace"};

char *ledger_space_name(enum ledger_space space, const struct sensor_spec *spec)
{
        return mem_printf("%s/%s/%s/%s", space_names[space], spec->ns, spec->name, spec->uid);
}

void ledger_put_take(struct ledger_puts *p, const char *space, const char *key, char *value)
{
        mem_grow(p->items, p->cap, p->n + 1);
        p->items[p->n++] = (struct bus_put){mem_strdup(space), mem_strdup(key), value,
                                            value ? strlen(value) : 0};
}

void ledger_puts_move(struct ledger_puts *to, struct ledger_puts *from)
{
        if (from->n == 0)
                return;
        mem_grow(to->items, to->cap, to->n + from->n);
        memcpy(to->items + to->n, from->items, from->n * sizeof(*from->items));
        to->n += from->n;
        from->n = 0;
}

void ledger_puts_deinit(struct ledger_puts *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free((void *)(uintptr_t)p->items[i].space);
                free((void *)(uintptr_t)p->items[i].key);
                free((void *)(uintptr_t)p->items[i].value);
        }
        free(p->items);
        *p = (struct ledger_puts){0};
}

struct id_pair {
        const char *dep, *id;
};

static int by_pair(const void *a, const void *b)
{
        const struct id_pair *x = a, *y = b;
        int c = strcmp(x->dep, y->dep);
        return c ? c : strcmp(x->id, y->id);
}

void firing_id_of(char out[FIRING_ID_LEN + 1], const struct sensor_spec *spec, const char *trigger,
                  const struct core_held *held, size_t n)
{
        struct id_pair pairs[CONDITION_DEPS_MAX];
        for (size_t i = 0; i < n; i++)
                pairs[i] =
                        (struct id_pair){sensor_dep(spec, held[i].dep)->name, held[i].event->ce.id};
        qsort(pairs, n, sizeof(*pairs), by_pair);
        struct sha256 h;
        sha256_init(&h);
        sha256_adds(&h, "v1");
        if (*spec->uid) {
                sha256_adds(&h, spec->uid);
        } else {
                sha256_adds(&h, spec->ns);
                sha256_adds(&h, spec->name);
        }
        sha256_adds(&h, trigger);
        for (size_t i = 0; i < n; i++) {
                sha256_adds(&h, pairs[i].dep);
                sha256_adds(&h, pairs[i].id);
        }
        unsigned char digest[32];
        sha256_end(&h, digest);
        base32_name(out, FIRING_ID_LEN, digest);
}

static void put_event(struct buf *b, const struct sensor_event *ev)
{
        buf_addf(b, "{\"pos\":%llu,\"time\":%lld,\"subject\":", (unsigned long long)ev->msg->pos,
                 (long long)ev->msg->time.ns);
        json_put_string(b, ev->msg->subject, strlen(ev->msg->subject));
        buf_adds(b, ",\"event\":");
        buf_add(b, ev->msg->data, ev->msg->len);
        buf_addc(b, '}');
}

char *ledger_event_text(const struct sensor_event *ev)
{
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        put_event(&b, ev);
        return buf_take(&b);
}

static void put_text_member(struct buf *b, const char *key, const char *value)
{
        buf_addf(b, ",\"%s\":", key);
        json_put_string(b, value, strlen(value));
}

static void put_time_member(struct buf *b, const char *key, struct wall t)
{
        char text[40];
        time_rfc3339_nano(t.ns, text);
        put_text_member(b, key, text);
}

char *ledger_firing_text(const struct sensor_spec *spec, const char *trigger, struct wall created,
                         const struct core_held *held, size_t n, bool full,
                         const struct ledger_outcome *outcome)
{
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_adds(&b, "{\"trigger\":");
        json_put_string(&b, trigger, strlen(trigger));
        put_time_member(&b, "created", created);
        if (outcome) {
                put_time_member(&b, "finished", outcome->finished);
                buf_addf(&b, ",\"attempts\":%d", outcome->attempts);
                put_text_member(&b, "outcome", outcome->error ? "dead-letter" : "done");
                if (outcome->what)
                        put_text_member(&b, "what", outcome->what);
                if (outcome->error) {
                        put_text_member(&b, "code", err_code_name(outcome->error->code));
                        put_text_member(&b, "error", err_msg(outcome->error));
                }
        }
        buf_adds(&b, ",\"events\":[");
        for (size_t i = 0; i < n; i++) {
                const char *dep = sensor_dep(spec, held[i].dep)->name;
                buf_adds(&b, i ? ",{\"dependency\":" : "{\"dependency\":");
                json_put_string(&b, dep, strlen(dep));
                put_text_member(&b, "id", held[i].event->ce.id);
                if (full) {
                        buf_adds(&b, ",\"stored\":");
                        put_event(&b, held[i].event);
                }
                buf_addc(&b, '}');
        }
        buf_adds(&b, "]}");
        return buf_take(&b);
}

static void put_trace_dependencies(struct buf *b, const struct sensor_core *core,
                                   const struct core_output *out)
{
        static const char *const words[] = {"unrelated", "pass", "reject", "error"};
        const struct sensor_spec *spec = sensor_core_spec(core);
        bool first = true;
        for (size_t i = 0; i < spec->dependencies.n; i++) {
                if (out->verdicts[i] == DEP_UNRELATED)
                        continue;
                const char *name = sensor_dep(spec, i)->name;
                buf_adds(b, first ? "{\"name\":" : ",{\"name\":");
                json_put_string(b, name, strlen(name));
                put_text_member(b, "filter", words[out->verdicts[i]]);
                if (out->why[i])
                        put_text_member(b, "why", out->why[i]);
                buf_addc(b, '}');
                first = false;
        }
}

static bool concerns(const struct sensor_spec *spec, size_t trigger, const struct core_output *out)
{
        uint64_t uses = condition_uses(sensor_trigger(spec, trigger)->conditions);
        for (size_t i = 0; i < spec->dependencies.n; i++)
                if ((uses >> i & 1) && out->verdicts[i] != DEP_UNRELATED)
                        return true;
        return false;
}

static void put_trace_trigger(struct buf *b, const struct sensor_core *core, size_t t,
                              const struct core_output *out, const char *const *firing_ids)
{
        const struct sensor_spec *spec = sensor_core_spec(core);
        const struct trigger_spec *trigger = sensor_trigger(spec, t);
        bool fired = false;
        for (size_t i = 0; i < out->n_firings; i++) {
                if (out->firings[i].trigger != t)
                        continue;
                put_text_member(b, fired ? "also_fired" : "fired", firing_ids[i]);
                fired = true;
        }
        if (fired)
                return;
        AUTO(mem_free)
        char *missing = condition_missing(trigger->conditions, sensor_core_satisfied(core, t),
                                          spec->dep_names);
        put_text_member(b, "waits_for", missing);
}

char *ledger_trace_text(const struct sensor_core *core, const struct sensor_event *ev,
                        const struct core_output *out, const char *const *firing_ids)
{
        const struct sensor_spec *spec = sensor_core_spec(core);
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_addf(&b, "{\"pos\":%llu", (unsigned long long)ev->msg->pos);
        if (out->duplicate)
                buf_adds(&b, ",\"duplicate\":true");
        buf_adds(&b, ",\"dependencies\":[");
        put_trace_dependencies(&b, core, out);
        buf_adds(&b, "],\"triggers\":[");
        bool first = true;
        for (size_t t = 0; !out->duplicate && t < spec->triggers.n; t++) {
                if (!concerns(spec, t, out))
                        continue;
                const char *name = sensor_trigger(spec, t)->name;
                buf_adds(&b, first ? "{\"name\":" : ",{\"name\":");
                json_put_string(&b, name, strlen(name));
                put_text_member(&b, "conditions",
                                condition_text(sensor_trigger(spec, t)->conditions));
                put_trace_trigger(&b, core, t, out, firing_ids);
                buf_addc(&b, '}');
                first = false;
        }
        buf_adds(&b, "]}");
        return buf_take(&b);
}

static int64_t raw_int(struct str raw)
{
        char text[32] = "";
        int64_t v = 0;
        if (raw.p && raw.n < sizeof(text))
                memcpy(text, raw.p, raw.n);
        (void)!str_to_i64(text, &v);
        return v;
}

int ledger_read_event(struct sensor_event **out, const char *text, size_t n, struct err *e)
{
        if (json_scan(text, n, e) < 0)
                return err_wrap(e, "stored event");
        struct str event = json_member(text, n, "event");
        AUTO_BUF struct buf subject = BUF_INIT(4096), id = BUF_INIT(4096);
        if (!event.p || !json_unquote(&subject, json_member(text, n, "subject")) ||
            !json_unquote(&id, json_member(event.p, event.n, "id")))
                return err_set(e, ERR_INTERNAL, "stored event: a member is missing");
        struct wall time = {raw_int(json_member(text, n, "time"))};
        struct bus_msg *msg =
                bus_msg_new(buf_str(&subject), buf_str(&id), event.p, event.n, time, false);
        msg->pos = (uint64_t)raw_int(json_member(text, n, "pos"));
        int r = sensor_event_new(out, msg, e);
        bus_msg_unref(msg);
        return r;
}

/* The events inside are cut out of the raw text, so that numbers in payloads keep their digits. */
int ledger_read_firing(struct ledger_firing *out, const char *text, size_t n, struct err *e)
{
        if (json_scan(text, n, e) < 0)
                return err_wrap(e, "stored firing");
        *out = (struct ledger_firing){0};
        AUTO_BUF struct buf b = BUF_INIT(4096);
        if (!json_unquote(&b, json_member(text, n, "trigger")))
                return err_set(e, ERR_INTERNAL, "stored firing: trigger is missing");
        out->trigger = mem_strdup(buf_str(&b));
        buf_reset(&b);
        if (json_unquote(&b, json_member(text, n, "created")))
                time_parse_rfc3339(buf_str(&b), &out->created.ns);
        struct str list = json_member(text, n, "events");
        size_t cap = 0;
        for (size_t i = 1; list.p && i < list.n;) {
                i = json_skip_space(list.p, list.n, i);
                if (i >= list.n || list.p[i] != '{')
                        break;
                size_t end = json_skip(list.p, list.n, i);
                struct str item = {list.p + i, end - i},
                           stored = json_member(item.p, item.n, "stored");
                mem_grow(out->events, cap, out->n + 1);
                struct ledger_firing_event *fe = &out->events[out->n];
                *fe = (struct ledger_firing_event){0};
                buf_reset(&b);
                if (!stored.p || !json_unquote(&b, json_member(item.p, item.n, "dependency")) ||
                    ledger_read_event(&fe->event, stored.p, stored.n, e) < 0) {
                        ledger_firing_deinit(out);
                        return err_is_set(e) ? -1
                                             : err_set(e, ERR_INTERNAL,
                                                       "stored firing: an event is missing");
                }
                fe->dependency = mem_strdup(buf_str(&b));
                out->n++;
                i = json_skip_space(list.p, list.n, end);
                if (i < list.n && list.p[i] == ',')
                        i++;
        }
        return 0;
}

void ledger_firing_deinit(struct ledger_firing *f)
{
        for (size_t i = 0; i < f->n; i++) {
                free(f->events[i].dependency);
                sensor_event_unref(f->events[i].event);
        }
        free(f->events);
        free(f->trigger);
        *f = (struct ledger_firing){0};
}
