/* tests/conformance/events/events_cases.c: runs recorded cases of Argo Events against the sensor's
 * code:
 *
 *      events_cases DIR     (format: conformance/events/README.md)
 *
 * filters.jsonl, transform.jsonl, parameters.jsonl and dependencies.jsonl. Prints failures with
 * expected and actual, a line per file, and "N passed, N failed, N listed" last. A case is "listed"
 * when it needs what is refused as "not supported yet" today, or when its name stands in listed.txt
 * beside this file with the reason. Exit code 1 when a case failed. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/lang/limits.h"
#include "sensor/core.h"
#include "triggers/parameters.h"
#include <stdio.h>
#include <stdlib.h>

enum result { PASS, FAIL, LISTED };
struct file_total {
        unsigned passed, failed, listed;
};
static char *listed_text;

static struct str raw_member(struct str line, const char *key)
{
        return json_member(line.p, line.n, key);
}

static bool is_listed(const char *file, const char *name)
{
        AUTO(mem_free) char *line = mem_printf("\n%s: %s\n", file, name);
        return listed_text && strstr(listed_text, line);
}

static void show(const char *name, const char *expected, const char *actual)
{
        printf("FAIL %s\n  expected %s\n  actual   %s\n", name, expected, actual);
}

/* The payload bytes of an event: its data as it stands on the line, or dataText. */
static struct str payload_of(struct str event, struct buf *scratch)
{
        struct str text = raw_member(event, "dataText");
        if (text.p) {
                json_unquote(scratch, text);
                return (struct str){buf_str(scratch), scratch->len};
        }
        return raw_member(event, "data");
}

static int64_t time_of(const json_t *context)
{
        int64_t ns = 0;
        const char *time = json_str(context, "time");
        if (time)
                time_parse_rfc3339(time, &ns);
        return ns;
}

/* ---- filters.jsonl ---- */

static enum result run_filter(struct str line, const json_t *rec, const char *name)
{
        const json_t *context = json_at(rec, "event", "context");
        AUTO_BUF struct buf scratch = BUF_INIT(BUF_UNBOUNDED), why = BUF_INIT(4096);
        struct cloudevent ev = {.id = json_str(context, "id"),
                                .source = json_str(context, "source"),
                                .type = json_str(context, "type"),
                                .subject = json_str(context, "subject"),
                                .datacontenttype = json_str(context, "datacontenttype"),
                                .time = {time_of(context)}};
        ev.data = payload_of(raw_member(line, "event"), &scratch);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        bool or_mode = streq(json_str(rec, "filtersLogicalOperator"), "or");
        AUTO(filter_free) struct filter *f = NULL;
        bool pass = false, error = true;
        (void)!filter_new(&f, json_object_get(rec, "filter"), or_mode, NULL, false, &d);
        for (size_t i = 0; i < d.n; i++)
                if (strstr(d.items[i].msg, "not supported yet"))
                        return LISTED;
        bool broken = ev.data.n && json_scan(ev.data.p, ev.data.n, NULL) <
                                           0; /* never gets past the source here */
        if (f && !broken) {
                struct arena a;
                arena_init(&a, 4u << 20);
                enum filter_verdict v = filter_check(f, &ev, &a, &why);
                pass = v == FILTER_PASS;
                error = v == FILTER_ERROR;
                arena_deinit(&a);
        } else if (!f && d.errors == 0) {
                pass = true;
                error = false;
        }
        bool want_pass = json_is_true(json_object_get(rec, "pass")),
             want_error = json_object_get(rec, "error") != NULL;
        if (pass == want_pass && error == want_error)
                return PASS;
        AUTO(mem_free)
        char *expected = mem_printf("pass=%d error=%s", want_pass,
                                    want_error ? json_str(rec, "error") : "no");
        AUTO(mem_free)
        char *actual = mem_printf("pass=%d error=%d (%s%s)", pass, error, buf_str(&why),
                                  d.n ? d.items[0].msg : "");
        show(name, expected, actual);
        return FAIL;
}

/* ---- parameters.jsonl ---- */

struct events {
        struct trigger_event items[16];
        struct buf texts[16];
        size_t n;
};

static void load_events(struct events *out, struct str line, const json_t *rec)
{
        struct str raw = raw_member(line, "events");
        const char *dep;
        json_t *ev;
        json_object_foreach (json_object_get(rec, "events"), dep, ev) {
                json_t *c = json_object_get(ev, "context");
                size_t i = out->n++;
                out->texts[i] = BUF_INIT(BUF_UNBOUNDED);
                out->items[i] = (struct trigger_event){
                        .dependency = dep,
                        .id = json_str(c, "id"),
                        .source = json_str(c, "source"),
                        .subject = json_str(c, "subject"),
                        .type = json_str(c, "type"),
                        .datacontenttype = json_str(c, "datacontenttype"),
                        .time = json_str(c, "time"),
                        .specversion = json_str(c, "specversion"),
                        .data = payload_of(raw_member(raw, dep), &out->texts[i])};
        }
}

static bool same_json(struct str a, struct str b)
{
        AUTO_BUF struct buf x = BUF_INIT(BUF_UNBOUNDED), y = BUF_INIT(BUF_UNBOUNDED);
        if (json_compact(&x, a.p, a.n, false, NULL) < 0 ||
            json_compact(&y, b.p, b.n, false, NULL) < 0)
                return false;
        if (x.len == y.len && memcmp(buf_str(&x), buf_str(&y), x.len) == 0)
                return true;
        AUTO_JSON json_t *p = json_loadb(a.p, a.n, JSON_DECODE_ANY, NULL),
                         *q = json_loadb(b.p, b.n, JSON_DECODE_ANY, NULL);
        return p && q && json_equal(p, q);
}

static bool zero_value(const json_t *j)
{
        return json_is_null(j) || json_is_false(j) ||
               (json_is_string(j) && !*json_string_value(j)) ||
               (json_is_number(j) && json_number_value(j) == 0) ||
               (json_is_object(j) && json_object_size(j) == 0) ||
               (json_is_array(j) && json_array_size(j) == 0);
}

/* Members with zero values that exist on one side only do not matter (Go structs went through
 * JSON). */
static void drop_zeros(json_t *j)
{
        const char *key;
        json_t *v;
        void *tmp;
        size_t i;
        json_array_foreach (j, i, v)
                drop_zeros(v);
        json_object_foreach_safe(j, tmp, key, v)
        {
                drop_zeros(v);
                if (zero_value(v))
                        json_object_del(j, key);
        }
}

static enum result check_text(const char *name, const json_t *rec, struct str line, int failed,
                              struct str got, const struct err *e)
{
        bool want_error = json_object_get(rec, "error") || json_object_get(rec, "panic");
        struct str want = raw_member(line, "result");
        const char *words = json_str(rec, "error");
        bool panic = json_object_get(rec, "panic") || (words && str_starts(words, "panic:"));
        if ((want_error && failed) ||
            panic) /* where the original crashes any orderly answer is right */
                return PASS;
        bool ok = !want_error && !failed;
        if (ok && want.p)
                ok = same_json(want, got);
        else if (ok && json_object_get(rec, "resultText"))
                ok = str_eq(got, json_str(rec, "resultText"));
        if (ok)
                return PASS;
        AUTO(mem_free)
        char *expected = want_error ? mem_printf("error: %s", json_str(rec, "error"))
                         : want.p   ? mem_strndup(want.p, want.n)
                                    : mem_strdup(json_str(rec, "resultText"));
        AUTO(mem_free)
        char *actual = failed ? mem_printf("error: %s", err_msg(e)) : mem_strndup(got.p, got.n);
        show(name, expected, actual);
        return FAIL;
}

static enum result run_resolve(const json_t *rec, const char *name, const struct events *ev)
{
        ERR_SLOT(e);
        struct param_value v = {0};
        int r = param_resolve(&v, json_object_get(rec, "src"), ev->items, ev->n, &e);
        bool want_error = json_object_get(rec, "error") || json_object_get(rec, "panic");
        json_t *value = json_object_get(rec, "value");
        bool ok =
                want_error ? r < 0
                : r < 0    ? false
                : !json_is_string(value)
                        ? v.state == PARAM_ABSENT
                        : v.state == PARAM_VALUE &&
                                  str_eq((struct str){buf_str(&v.text), v.text.len},
                                         json_string_value(value)) &&
                                  (!json_str(rec, "type") || streq(v.type, json_str(rec, "type")));
        if (!ok) {
                AUTO(mem_free)
                char *expected = want_error ? mem_printf("error %s", json_str(rec, "error"))
                                            : mem_printf("%s %s", json_str(rec, "type"),
                                                         json_str(rec, "value"));
                AUTO(mem_free)
                char *actual =
                        r < 0 ? mem_printf("error %s", err_msg(&e))
                              : mem_printf("%s %s", v.type,
                                           v.state == PARAM_VALUE ? buf_str(&v.text) : "(absent)");
                show(name, expected, actual);
        }
        err_clear(&e);
        param_value_deinit(&v);
        return ok ? PASS : FAIL;
}

static enum result run_template(const json_t *rec, const char *name, const struct events *ev)
{
        ERR_SLOT(e);
        json_t *trigger = json_object_get(rec, "trigger");
        AUTO_JSON json_t *got = NULL, *want = json_deep_copy(json_object_get(rec, "result"));
        int r = params_apply_json(&got, json_object_get(trigger, "template"),
                                  json_object_get(trigger, "parameters"), ev->items, ev->n, &e);
        if (json_object_get(rec, "error") && r < 0) {
                err_clear(&e);
                return PASS;
        }
        drop_zeros(got);
        drop_zeros(want);
        AUTO(mem_free)
        char *got_text = json_text(got, JSON_STYLE_SORTED),
             *want_text = json_text(want, JSON_STYLE_SORTED);
        bool ok = r == 0 && want &&
                  streq(got_text, want_text); /* as text: integers may have been read as reals */
        if (!ok) {
                AUTO(mem_free)
                char *expected = json_text(want, JSON_STYLE_SORTED),
                     *actual = r < 0 ? mem_strdup(err_msg(&e)) : json_text(got, JSON_STYLE_SORTED);
                show(name, expected, actual);
        }
        err_clear(&e);
        return ok ? PASS : FAIL;
}

static enum result run_parameters(struct str line, const json_t *rec, const char *name)
{
        struct events ev = {0};
        load_events(&ev, line, rec);
        const char *op = json_str(rec, "op");
        enum result result = FAIL;
        ERR_SLOT(e);
        AUTO_BUF struct buf doc = BUF_INIT(16u << 20);
        if (streq(op, "resolve")) {
                result = run_resolve(rec, name, &ev);
        } else if (streq(op, "apply")) {
                struct str object = raw_member(line, "object");
                if (object.p)
                        buf_add(&doc, object.p, object.n);
                else
                        buf_adds(&doc,
                                 json_str(rec, "objectText") ? json_str(rec, "objectText") : "");
                int r = params_apply(&doc, json_object_get(rec, "params"), ev.items, ev.n, &e);
                result = check_text(name, rec, line, r < 0, (struct str){buf_str(&doc), doc.len},
                                    &e);
        } else if (streq(op, "payload")) {
                int r = params_payload(&doc, json_object_get(rec, "params"), ev.items, ev.n, &e);
                result = check_text(name, rec, line, r < 0, (struct str){buf_str(&doc), doc.len},
                                    &e);
        } else if (streq(op, "template")) {
                result = run_template(rec, name, &ev);
        } else {
                show(name, "a known op", op ? op : "none");
        }
        err_clear(&e);
        for (size_t i = 0; i < ev.n; i++)
                buf_deinit(&ev.texts[i]);
        return result;
}

/* ---- dependencies.jsonl ---- */

struct replay {
        struct sensor_core *core;
        struct core_output out;
        json_t *fires;
        uint64_t pos;
};

static void feed(struct replay *r, size_t index, const json_t *item, struct str data)
{
        AUTO_BUF struct buf ce = BUF_INIT(BUF_UNBOUNDED);
        struct cloudevent event = {.id = json_str(item, "id"),
                                   .source = json_str(item, "source"),
                                   .subject = json_str(item, "event"),
                                   .type = "webhook",
                                   .time = {INT64_C(1700000000) * NS_PER_S},
                                   .data = data};
        cloudevent_put(&ce, &event);
        AUTO(mem_free) char *subject = mem_printf("%s.%s", event.source, event.subject);
        struct wall received = {INT64_C(1700000000) * NS_PER_S};
        if (json_str(item, "received"))
                time_parse_rfc3339(json_str(item, "received"), &received.ns);
        struct bus_msg *msg = bus_msg_new(subject, event.id, buf_str(&ce), ce.len, received, false);
        msg->pos = ++r->pos;
        struct sensor_event *ev = NULL;
        ERR_SLOT(e);
        if (sensor_event_new(&ev, msg, &e) == 0) {
                core_output_reset(&r->out, r->core);
                sensor_core_event(r->core, ev, &r->out);
                for (size_t i = 0; i < r->out.n_firings; i++) {
                        json_t *events = json_object();
                        for (size_t k = 0; k < r->out.firings[i].n; k++)
                                json_object_set_new(
                                        events,
                                        sensor_dep(sensor_core_spec(r->core),
                                                   r->out.firings[i].held[k].dep)
                                                ->name,
                                        json_string(r->out.firings[i].held[k].event->ce.id));
                        json_array_append_new(r->fires, json_pack("{s:i,s:o}", "after", (int)index,
                                                                  "events", events));
                }
        }
        err_clear(&e);
        sensor_event_unref(ev);
        bus_msg_unref(msg);
}

/* Held events survive a restart; the window of ids does not. */
static void restart(struct replay *r, int64_t forget_before_ns)
{
        struct sensor_spec *spec = sensor_core_spec(r->core);
        struct sensor_core *fresh = sensor_core_new(spec);
        for (size_t i = 0; i < spec->dependencies.n; i++) {
                const struct sensor_event *held = sensor_core_held(r->core, 0, i);
                if (held)
                        sensor_core_restore(fresh, sensor_trigger(spec, 0)->name,
                                            sensor_dep(spec, i)->name,
                                            (struct sensor_event *)(uintptr_t)held);
        }
        sensor_core_forget_before(fresh, 0, (struct wall){forget_before_ns}, NULL);
        core_output_deinit(&r->out, r->core);
        sensor_core_free(r->core);
        r->core = fresh;
        core_output_init(&r->out, fresh);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *pending(const struct replay *r)
{
        const struct sensor_spec *spec = sensor_core_spec(r->core);
        const char *names[CONDITION_DEPS_MAX];
        size_t n = 0;
        for (size_t i = 0; i < spec->dependencies.n; i++)
                if (sensor_core_held(r->core, 0, i))
                        names[n++] = sensor_dep(spec, i)->name;
        qsort(names, n, sizeof(*names), by_name);
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_string(names[i]));
        return list;
}

static void play(struct replay *r, const json_t *rec, struct str line)
{
        struct str list = raw_member(line, "sequence");
        size_t at = 1, index;
        json_t *item;
        json_array_foreach (json_object_get(rec, "sequence"), index, item) {
                at = json_skip_space(list.p, list.n, at);
                size_t end = json_skip(list.p, list.n, at);
                struct str raw = {list.p + at, end - at};
                at = json_skip_space(list.p, list.n, end);
                at += at < list.n && list.p[at] == ',';
                if (json_is_true(json_object_get(item, "reset"))) {
                        core_output_reset(&r->out, r->core);
                        sensor_core_forget(r->core, 0, &r->out);
                } else if (json_object_get(item, "resetBefore")) {
                        int64_t t = 0;
                        time_parse_rfc3339(json_str(item, "resetBefore"), &t);
                        restart(r, t);
                } else if (json_is_true(json_object_get(item, "restart"))) {
                        restart(r, INT64_MIN);
                } else {
                        feed(r, index, item, raw_member(raw, "data"));
                }
        }
}

static enum result run_dependencies(struct str line, const json_t *rec, const char *name)
{
        json_t *template = json_pack("{s:s,s:{}}", "name", "t", "log");
        if (json_str(rec, "conditions"))
                json_object_set(template, "conditions", json_object_get(rec, "conditions"));
        AUTO_JSON json_t *object = json_pack(
                "{s:{s:s},s:{s:O,s:[{s:o}]}}", "metadata", "name", "s", "spec", "dependencies",
                json_object_get(rec, "dependencies"), "triggers", "template", template);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        AUTO(sensor_spec_unref) struct sensor_spec *spec = NULL;
        bool want_error = json_object_get(rec, "error") != NULL;
        if (sensor_spec_new(&spec, object, false, &d) < 0) {
                for (size_t i = 0; i < d.n; i++)
                        if (strstr(d.items[i].msg, "not supported yet"))
                                return LISTED;
                if (want_error)
                        return PASS;
                show(name, "a valid sensor", d.n ? d.items[0].msg : "?");
                return FAIL;
        }
        if (want_error) {
                show(name, json_str(rec, "error"), "accepted");
                return FAIL;
        }
        struct replay r = {.core = sensor_core_new(spec), .fires = json_array()};
        core_output_init(&r.out, r.core);
        play(&r, rec, line);
        AUTO_JSON json_t *left = pending(&r), *fires = r.fires;
        bool ok = json_equal(fires, json_object_get(rec, "fires")) &&
                  json_equal(left, json_object_get(rec, "pending"));
        if (!ok) {
                AUTO(mem_free)
                char *a = json_text(json_object_get(rec, "fires"), 0),
                     *b = json_text(json_object_get(rec, "pending"), 0), *c = json_text(fires, 0),
                     *e = json_text(left, 0);
                AUTO(mem_free)
                char *expected = mem_printf("%s pending %s", a, b),
                     *actual = mem_printf("%s pending %s", c, e);
                show(name, expected, actual);
        }
        core_output_deinit(&r.out, r.core);
        sensor_core_free(r.core);
        return ok ? PASS : FAIL;
}

/* ---- transform.jsonl ---- */

static enum result run_transform(struct str line, const json_t *rec, const char *name)
{
        AUTO_BUF struct buf scratch = BUF_INIT(BUF_UNBOUNDED);
        const json_t *j = json_object_get(rec, "transform");
        struct transform t = {.jq = (char *)(uintptr_t)json_str(j, "jq"),
                              .script = (char *)(uintptr_t)json_str(j, "script")};
        struct cloudevent ev = {.id = "1", .data = payload_of(raw_member(line, "event"), &scratch)};
        struct arena a;
        struct str got;
        ERR_SLOT(e);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        arena_init(&a, LANG_MEMORY);
        struct jpath at = {0};
        transform_compile(&t, &at, &d);
        int r = d.errors ? err_set(&e, ERR_INVALID, "%s", d.items[0].msg)
                         : transform_apply(&t, &ev, &a, &got, &e);
        if (r == 0 && !got.p)
                got = STR("null");
        enum result result = check_text(name, rec, line, r, got, &e);
        err_clear(&e);
        transform_clear(&t);
        arena_deinit(&a);
        return result;
}

/* ---- files ---- */

static const struct {
        const char *name;
        enum result (*run)(struct str line, const json_t *rec, const char *name);
} files[] = {{"filters.jsonl", run_filter},
             {"transform.jsonl", run_transform},
             {"parameters.jsonl", run_parameters},
             {"dependencies.jsonl", run_dependencies}};

static int run_file(const char *dir, size_t which, struct file_total *sum)
{
        AUTO(mem_free) char *path = fs_join(dir, files[which].name);
        if (!fs_exists(path))
                return 0;
        AUTO_BUF struct buf text = BUF_INIT(256u << 20);
        ERR_SLOT(e);
        if (fs_read(&text, path, 256u << 20, &e) < 0) {
                fprintf(stderr, "events_cases: %s\n", err_msg(&e));
                err_clear(&e);
                return -1;
        }
        struct file_total t = {0};
        for (const char *p = buf_str(&text), *end; *p; p = *end ? end + 1 : end) {
                end = strchrnul(p, '\n');
                struct str line = {p, (size_t)(end - p)};
                if (line.n == 0)
                        continue;
                AUTO_JSON json_t *rec = json_loadb(line.p, line.n, 0, NULL);
                if (!rec) /* integers beyond 64 bits */
                        rec = json_loadb(line.p, line.n, JSON_DECODE_INT_AS_REAL, NULL);
                const char *name = rec ? json_str(rec, "name") : NULL;
                if (!rec) { /* 1e400 and the like: no tree holds them */
                        t.listed++;
                        continue;
                }
                enum result r = is_listed(files[which].name, name)
                                        ? LISTED
                                        : files[which].run(line, rec, name);
                t.passed += r == PASS;
                t.failed += r == FAIL;
                t.listed += r == LISTED;
        }
        printf("%s: %u passed, %u failed, %u listed\n", files[which].name, t.passed, t.failed,
               t.listed);
        sum->passed += t.passed;
        sum->failed += t.failed;
        sum->listed += t.listed;
        return 0;
}

int main(int argc, char **argv)
{
        const char *shared = getenv("TIPHYS_SHARED");
        AUTO(mem_free)
        char *standard = mem_printf("%s/conformance/events", shared ? shared : "../shared");
        const char *dir = argc > 1 ? argv[1] : standard;
        if (!fs_exists(dir)) {
                printf("NOT RUN: no recorded cases at %s (set TIPHYS_SHARED)\n", dir);
                return 77;
        }
        AUTO_BUF struct buf listed = BUF_INIT(1u << 20);
        ERR_SLOT(e);
        buf_adds(&listed, "\n");
        if (fs_read(&listed, "tests/conformance/events/listed.txt", 1u << 20, &e) < 0)
                err_clear(&e);
        listed_text = listed.data;
        struct file_total sum = {0};
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                if (run_file(dir, i, &sum) < 0)
                        return 2;
        printf("%u passed, %u failed, %u listed\n", sum.passed, sum.failed, sum.listed);
        return sum.failed ? 1 : 0;
}
