/* workflow/engine/metrics.c: see metrics.h. Everything but the value is substituted first; `when`
 * then decides; a real-time value names one variable, any other is substituted and must be a
 * number. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/metrics.h"
#include "common/lang/expr.h"
#include "common/lang/limits.h"
#include "common/lang/tagexpr.h"
#include "common/lang/when.h"
#include "workflow/engine/engine_priv.h"

struct subject { /* a node, or the workflow */
        struct wf *wf;
        const struct node *node; /* NULL: the workflow */
        int64_t started_ns, finished_ns;
        const char *status;
        const json_t *inputs, *outputs;
        struct scope globals;
};

static double seconds_of(const struct subject *s)
{
        int64_t end = s->finished_ns ? s->finished_ns : s->wf->now_ns;
        return s->started_ns ? (double)(end - s->started_ns) / (double)NS_PER_S : 0;
}

/* ---- variables ---- */

static enum tag_found put_parameter(const json_t *from, struct str name, struct buf *out)
{
        const json_t *p = named_item(json_object_get(from, "parameters"), name.p, name.n);
        const json_t *value = json_object_get(p, "value");
        if (!value)
                return TAG_UNKNOWN;
        AUTO(mem_free) char *text = json_scalar_text(value);
        buf_adds(out, text);
        return TAG_VALUE;
}

static bool is_below(struct str *name, const char *prefix)
{
        size_t n = strlen(prefix);
        if (name->n <= n || memcmp(name->p, prefix, n) != 0)
                return false;
        *name = (struct str){name->p + n, name->n - n};
        return true;
}

static enum tag_found put_or_unknown(const char *text, struct buf *out)
{
        if (!text)
                return TAG_UNKNOWN;
        buf_adds(out, text);
        return TAG_VALUE;
}

static enum tag_found look_up(void *arg, struct str name, struct buf *out)
{
        struct subject *s = arg;
        struct str rest = name;
        if (str_eq(name, "duration")) {
                buf_addf(out, "%f", seconds_of(s));
                return TAG_VALUE;
        }
        if (str_eq(name, "status"))
                return put_or_unknown(s->status, out);
        if (str_eq(name, "workflow.status") && !s->node)
                return put_or_unknown(s->status, out);
        if (str_eq(name, "exitCode"))
                return put_or_unknown(json_str(s->outputs, "exitCode"), out);
        if (str_eq(name, "outputs.result"))
                return put_or_unknown(json_str(s->outputs, "result"), out);
        if (str_eq(name, "retries") && s->node && s->node->type == NODE_RETRY) {
                buf_addf(out, "%u", s->node->children.n ? s->node->children.n - 1 : 0);
                return TAG_VALUE;
        }
        if (is_below(&rest, "inputs.parameters."))
                return put_parameter(s->inputs, rest, out);
        if (is_below(&rest, "outputs.parameters."))
                return put_parameter(s->outputs, rest, out);
        return scope_lookup(&s->globals, name, out);
}

struct gather {
        struct subject *s;
        struct arena *arena;
        struct val flat;
};

static void add(struct gather *g, const char *name)
{
        AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
        if (look_up(g->s, str_of(name), &b) != TAG_VALUE)
                return;
        struct str text = {arena_strndup(g->arena, buf_str(&b), b.len), b.len};
        val_map_set(g->arena, g->flat, val_text(arena_strndup(g->arena, name, strlen(name))),
                    val_str(text));
}

static void add_parameters(struct gather *g, const char *prefix, const json_t *from)
{
        size_t i;
        json_t *p;
        json_array_foreach (json_object_get(from, "parameters"), i, p) {
                AUTO(mem_free)
                char *name =
                        mem_printf("%s%s", prefix, json_str(p, "name") ? json_str(p, "name") : "");
                add(g, name);
        }
}

static struct val variables(struct subject *s, struct arena *a)
{
        static const char *const own[] = {"duration", "status",         "exitCode",
                                          "retries",  "outputs.result", "workflow.duration"};
        struct gather g = {s, a, val_map_new(a, 32)};
        struct global *v, *next;
        HASH_ITER (hh, s->wf->globals, v, next)
                add(&g, v->name);
        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                add(&g, own[i]);
        add_parameters(&g, "inputs.parameters.", s->inputs);
        add_parameters(&g, "outputs.parameters.", s->outputs);
        return expr_expand(a, g.flat, false);
}

struct still_clock {
        struct clock clock;
        int64_t now_ns;
};

static struct wall still_wall(struct clock *c)
{
        return (struct wall){((struct still_clock *)c)->now_ns};
}

static int evaluate(void *arg, struct str text, struct buf *out, bool *keep, struct err *e)
{
        struct subject *s = arg;
        struct still_clock clock = {.clock = {.wall = still_wall}, .now_ns = s->wf->now_ns};
        struct arena a;
        arena_init(&a, LANG_MEMORY);
        struct tag_expr t = {
                .env = variables(s, &a), .clock = &clock.clock, .arena = &a, .must = tag_must_all};
        int r = tag_expr_put(&t, text, out, keep, e);
        arena_deinit(&a);
        return r;
}

static struct tag_opts tags_of(struct subject *s)
{
        return (struct tag_opts){.lookup = look_up, .expr = evaluate, .arg = s, .strict = true};
}

/* ---- one metric ---- */

static int read_kind(const json_t *m, struct wf_metric *out, const char **value, bool *realtime,
                     struct err *e)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};
        static const char *const operations[] = {"Set", "Add", "Sub"};
        const json_t *body = NULL;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (!json_is_object(json_object_get(m, kinds[i])))
                        continue;
                if (body)
                        return err_set(e, ERR_INVALID, "it must have exactly one type");
                body = json_object_get(m, kinds[i]);
                out->kind = (enum wf_metric_kind)i;
        }
        if (!body)
                return err_set(e, ERR_INVALID, "it is neither a gauge, a counter nor a histogram");
        const char *operation = json_str(body, "operation");
        for (size_t i = 0; operation && i < ARRAY_LEN(operations); i++)
                if (streq(operation, operations[i]))
                        out->operation = (enum wf_metric_operation)i;
        *value = json_str(body, "value");
        *realtime = out->kind == WF_GAUGE && json_is_true(json_object_get(body, "realtime"));
        out->buckets = json_object_get(body, "buckets");
        return 0;
}

/* A real-time value: one variable, by name. */
static int begin_counting(struct subject *s, const char *value, struct wf_metric *m, struct err *e)
{
        size_t n = value ? strlen(value) : 0;
        if (n < 4 || !str_starts(value, "{{") || !str_ends(value, "}}"))
                return err_set(e, ERR_INVALID,
                               "real time metrics can only be used with metric variables");
        struct str name = str_trim((struct str){value + 2, n - 4});
        bool workflow = str_eq(name, "workflow.duration"), own = str_eq(name, "duration");
        if (!workflow && !(own && s->node))
                return err_set(e, ERR_INVALID, "'%.*s' is not available as a real time metric",
                               (int)name.n, name.p);
        int64_t since = workflow ? s->wf->started_ns : s->started_ns,
                end = workflow ? s->wf->finished_ns : s->finished_ns;
        m->counting = end == 0;
        m->since = (struct wall){since};
        m->value = (double)((end ? end : s->wf->now_ns) - since) / (double)NS_PER_S;
        return 0;
}

static int read_value(struct subject *s, const char *value, struct wf_metric *m, struct err *e)
{
        struct tag_opts tags = tags_of(s);
        AUTO(mem_free) char *text = NULL;
        if (tag_string(&text, value ? value : "", &tags, e) < 0)
                return -1;
        struct str trimmed = str_trim(str_of(text));
        AUTO(mem_free) char *number = mem_strndup(trimmed.p, trimmed.n);
        if (!str_to_double(number, &m->value))
                return err_set(e, ERR_INVALID, "\"%s\" is no number", text);
        if (m->kind == WF_COUNTER && m->value < 0)
                return err_set(e, ERR_INVALID, "a counter cannot go down by %s", text);
        return 0;
}

struct emission {
        struct subject *s;
        enum wf_metric_moment moment;
        wf_metric_fn *each;
        void *arg;
};

static int emit(const struct emission *x, const json_t *written, struct err *e)
{
        struct wf_metric m = {0};
        const char *value = NULL;
        bool realtime = false, go = true;
        struct tag_opts tags = tags_of(x->s);
        if (read_kind(written, &m, &value, &realtime, e) < 0)
                return -1;
        if (x->moment == WF_METRIC_BEGUN && !realtime)
                return 0;
        AUTO_JSON json_t *rest = json_copy((json_t *)(uintptr_t)written), *done = NULL;
        json_object_del(rest, "gauge");
        json_object_del(rest, "counter");
        json_object_del(rest, "histogram");
        if (tag_tree(&done, rest, &tags, e) < 0)
                return err_wrap(e, "unable to substitute parameters");
        const char *when = json_str(done, "when");
        if (!str_empty(when) && when_eval(&go, when, WHEN_WORDS_ARE_STRINGS, e) < 0)
                return err_wrap(e, "unable to compute 'when' clause");
        if (!go)
                return 0;
        m.name = json_str(done, "name");
        m.help = json_str(done, "help");
        m.labels = json_object_get(done, "labels");
        if (str_empty(m.name) || str_empty(m.help))
                return err_set(e, ERR_INVALID, "name and help are required");
        if ((realtime ? begin_counting(x->s, value, &m, e) : read_value(x->s, value, &m, e)) < 0)
                return -1;
        x->each(x->arg, &m, NULL);
        return 0;
}

static void emit_all(const struct emission *x, const json_t *metrics)
{
        size_t i;
        json_t *m;
        json_array_foreach (json_object_get(metrics, "prometheus"), i, m) {
                struct err e = {0};
                if (emit(x, m, &e) == 0)
                        continue;
                err_wrap(&e, "metric '%s'", json_str(m, "name") ? json_str(m, "name") : "");
                x->each(x->arg, NULL, &e);
                err_clear(&e);
        }
}

/* ---- nodes and workflows ---- */

static const json_t *metrics_of(const struct node *n)
{
        if (!n->tmpl || (n->retried && n->type != NODE_RETRY) || n->phase == PHASE_SKIPPED ||
            n->phase == PHASE_OMITTED || n->type == NODE_STEP_GROUP || n->type == NODE_TASK_GROUP ||
            n->type == NODE_CONTAINER)
                return NULL;
        return json_object_get(n->tmpl->body, "metrics");
}

bool wf_node_measured(const struct wf *wf, const char *node_id, bool *ended)
{
        uint32_t i = node_by_id_text(wf, node_id);
        if (i == NONE || !metrics_of(node_at(wf, i)))
                return false;
        *ended = node_fulfilled(node_at(wf, i));
        return true;
}

void wf_node_metrics(struct wf *wf, const char *node_id, enum wf_metric_moment moment,
                     wf_metric_fn *each, void *arg)
{
        uint32_t i = node_by_id_text(wf, node_id);
        const struct node *n = i == NONE ? NULL : node_at(wf, i);
        if (!n || !metrics_of(n))
                return;
        struct subject s = {
                .wf = wf,
                .node = n,
                .started_ns = n->started_s * NS_PER_S,
                .finished_ns = n->finished_s * NS_PER_S,
                .status = node_phase_name(n->phase),
                .inputs = n->inputs,
                .outputs = n->outputs,
                .globals = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE}};
        emit_all(&(struct emission){&s, moment, each, arg}, metrics_of(n));
}

void wf_spec_metrics(struct wf *wf, enum wf_metric_moment moment, wf_metric_fn *each, void *arg)
{
        const json_t *metrics = json_object_get(wf->spec, "metrics");
        struct subject s = {
                .wf = wf,
                .started_ns = wf->started_ns,
                .finished_ns = wf->finished_ns,
                .status = wf->phase,
                .outputs = wf->outputs,
                .globals = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE}};
        if (metrics)
                emit_all(&(struct emission){&s, moment, each, arg}, metrics);
}

void wf_each_measured(const struct wf *wf, void (*each)(void *arg, const char *node_id, bool ended),
                      void *arg)
{
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                if (metrics_of(node_at(wf, i)))
                        each(arg, node_id_text(wf, node_at(wf, i), &a),
                             node_fulfilled(node_at(wf, i)));
        arena_deinit(&a);
}
