/* cli/tree.c: the tree of `get` and `watch`.
 *
 * status.nodes is a flat map. What a reader wants to see hangs together by two rules: a step group
 * or a retry shows its children; everything else stands below the steps or dag it belongs to
 * (boundaryID). Step groups, loops' task groups and retries with one attempt are left out, their
 * children take their place. Siblings stand in the order in which they started.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/tree.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <uthash.h>

enum { MAX_DEPTH = 200, MAX_POD_PREFIX = 242 };
#define UNRANKED UINT32_MAX

struct tnode {
        const char *id;
        const json_t *json;
        int64_t started;
        unsigned rank; /* steps from the beginning, along `children` */
        long index;    /* N of "name(N:item)", -1 */
        struct tnode **children;
        size_t n, cap;
        bool attached;
        UT_hash_handle hh;
};
struct tree {
        const json_t *wf;
        const struct tree_view *v;
        struct tnode *nodes; /* by id */
        struct tnode **roots;
        size_t n, cap;
        struct table rows;
        size_t n_rows, hidden;
};

static const char *type_of(const struct tnode *t)
{
        const char *type = json_str(t->json, "type");
        return type ? type : "";
}

static const char *display_of(const struct tnode *t)
{
        const char *name = json_str(t->json, "displayName");
        return name ? name : t->id;
}

/* ---- building ---- */

static long loop_index(const char *name)
{
        const char *open = strrchr(name, '(');
        char *end = NULL;
        long n = open ? strtol(open + 1, &end, 10) : -1;
        return open && end > open + 1 && (*end == ':' || *end == ')') ? n : -1;
}

static int by_start(const void *a, const void *b)
{
        const struct tnode *x = *(struct tnode *const *)a, *y = *(struct tnode *const *)b;
        if (x->started != y->started)
                return x->started < y->started ? -1 : 1;
        if (x->rank != y->rank)
                return x->rank < y->rank ? -1 : 1;
        if (x->index >= 0 && y->index >= 0 && x->index != y->index)
                return x->index < y->index ? -1 : 1;
        return strcmp(display_of(x), display_of(y));
}

static void attach(struct tnode *parent, struct tnode *child)
{
        mem_grow(parent->children, parent->cap, parent->n + 1);
        parent->children[parent->n++] = child;
        child->attached = true;
}

static struct tnode *find(const struct tree *t, const char *id)
{
        struct tnode *n = NULL;
        if (id)
                HASH_FIND_STR(t->nodes, id, n);
        return n;
}

static bool shows_children(const struct tnode *n)
{
        return streq(type_of(n), "StepGroup") || streq(type_of(n), "Retry");
}

static void add_nodes(struct tree *t)
{
        const char *id;
        json_t *node;
        json_object_foreach (json_at(t->wf, "status", "nodes"), id, node) {
                struct tnode *n = NEW(struct tnode);
                n->id = id;
                n->json = node;
                n->started = json_time_at(node, "startedAt");
                n->index = loop_index(json_str(node, "displayName") ? json_str(node, "displayName")
                                                                    : "");
                HASH_ADD_KEYPTR(hh, t->nodes, n->id, strlen(n->id), n);
        }
}

static void attach_children(struct tree *t, struct tnode *n)
{
        json_t *id;
        size_t i;
        json_array_foreach (json_object_get(n->json, "children"), i, id) {
                struct tnode *child = find(t, json_string_value(id));
                if (child && !child->attached && child != n)
                        attach(n, child);
        }
}

/* Times have whole seconds: what began within one stands in the order of its dependencies. A
 * breadth-first walk from the nodes that are nobody's child. */
static void rank_nodes(struct tree *t)
{
        size_t count = HASH_COUNT(t->nodes), head = 0, tail = 0;
        AUTO(mem_free) struct tnode **queue = mem_calloc(count + 1, sizeof(*queue));
        struct tnode *n, *tmp;
        HASH_ITER (hh, t->nodes, n, tmp)
                n->rank = UNRANKED;
        HASH_ITER (hh, t->nodes, n, tmp) {
                if (streq(json_str(n->json, "name"), obj_name(t->wf))) {
                        n->rank = 0;
                        queue[tail++] = n;
                }
        }
        while (head < tail) {
                n = queue[head++];
                json_t *id;
                size_t i;
                json_array_foreach (json_object_get(n->json, "children"), i, id) {
                        struct tnode *child = find(t, json_string_value(id));
                        if (!child || child->rank != UNRANKED)
                                continue;
                        child->rank = n->rank + 1;
                        queue[tail++] = child;
                }
        }
}

static void build(struct tree *t)
{
        struct tnode *n, *tmp;
        add_nodes(t);
        rank_nodes(t);
        HASH_ITER (hh, t->nodes, n, tmp)
                if (shows_children(n))
                        attach_children(t, n);
        HASH_ITER (hh, t->nodes, n, tmp) {
                struct tnode *boundary = find(t, json_str(n->json, "boundaryID"));
                if (n->attached || streq(type_of(n), "TaskGroup"))
                        continue;
                if (boundary && boundary != n) {
                        attach(boundary, n);
                        continue;
                }
                mem_grow(t->roots, t->cap, t->n + 1);
                t->roots[t->n++] = n;
        }
        HASH_ITER (hh, t->nodes, n, tmp)
                if (n->n)
                        qsort(n->children, n->n, sizeof(*n->children), by_start);
        if (t->n)
                qsort(t->roots, t->n, sizeof(*t->roots), by_start);
}

static void tree_deinit(struct tree *t)
{
        struct tnode *n, *tmp;
        HASH_ITER (hh, t->nodes, n, tmp) {
                HASH_DEL(t->nodes, n);
                free(n->children);
                free(n);
        }
        free(t->roots);
        table_deinit(&t->rows);
}

/* ---- one row ---- */

const char *tree_icon(const struct term *t, const char *phase)
{
        static const struct {
                const char *phase, *utf8, *ascii;
        } icons[] = {{"Pending", "◷", "Pending"},     {"Running", "●", "Running"},
                     {"Succeeded", "✔", "Succeeded"}, {"Skipped", "○", "Skipped"},
                     {"Failed", "✖", "Failed"},       {"Error", "⚠", "Error"},
                     {"Omitted", "○", "Omitted"}};
        for (size_t i = 0; i < ARRAY_LEN(icons); i++)
                if (streq(icons[i].phase, phase))
                        return t->utf8 ? icons[i].utf8 : icons[i].ascii;
        return t->utf8 ? "◷" : "Pending";
}

char *tree_pod_name(const json_t *wf, const json_t *node)
{
        const char *name = json_str(node, "name"), *wf_name = obj_name(wf);
        const char *version = obj_annotation(wf, "workflows.argoproj.io/pod-name-format");
        if (streq(version, "v1"))
                return mem_strdup(json_str(node, "id"));
        if (streq(name, wf_name))
                return mem_strdup(wf_name);
        const char *tmpl = json_str(node, "templateRef", "template");
        tmpl = tmpl ? tmpl : json_str(node, "templateName");
        AUTO(mem_free)
        char *prefix = str_empty(tmpl) ? mem_strdup(wf_name) : mem_printf("%s-%s", wf_name, tmpl);
        return mem_printf("%.*s-%u", MAX_POD_PREFIX, prefix,
                          fnv1a32(name ? name : "", strlen(name ? name : "")));
}

static void put_template(struct table *t, const json_t *node)
{
        const char *ref = json_str(node, "templateRef", "name");
        if (ref)
                table_cellf(t, "%s/%s", ref, json_str(node, "templateRef", "template"));
        else
                table_cell(t, json_str(node, "templateName"));
}

static void put_artifacts(struct table *t, const json_t *node)
{
        struct buf b = BUF_INIT(4096);
        json_t *a;
        size_t i;
        json_array_foreach (json_at(node, "outputs", "artifacts"), i, a)
                buf_addf(&b, "%s%s", i ? "," : "", json_str(a, "name") ? json_str(a, "name") : "");
        table_cell(t, buf_str(&b));
        buf_deinit(&b);
}

static bool is_waiting(const struct tnode *n)
{
        return streq(type_of(n), "Suspend") && streq(json_str(n->json, "phase"), "Running");
}

static void put_row(struct tree *t, const struct tnode *n, const char *prefix)
{
        const char *phase = json_str(n->json, "phase");
        const char *icon = is_waiting(n) && t->v->term->utf8 ? "ǁ" : tree_icon(t->v->term, phase);
        bool pod = streq(type_of(n), "Pod");
        table_cellf(&t->rows, "%s%s %s", prefix, icon, display_of(n));
        table_style(&t->rows, term_phase_style(phase));
        put_template(&t->rows, n->json);
        AUTO(mem_free) char *name = pod ? tree_pod_name(t->wf, n->json) : NULL;
        table_cell(&t->rows, name);
        char age[24] = "";
        int64_t end = json_time_at(n->json, "finishedAt");
        if (pod && n->started)
                human_age(age, (end ? end : t->v->now.ns) - n->started);
        table_cell(&t->rows, age);
        if (t->v->wide)
                put_artifacts(&t->rows, n->json);
        table_cell(&t->rows, json_str(n->json, "message"));
}

static bool is_left_out(const struct tnode *n)
{
        const char *type = type_of(n);
        return streq(type, "StepGroup") || (streq(type, "Retry") && n->n == 1);
}

/* ---- drawing ---- */

struct glyphs {
        const char *only, *first, *middle, *last, *line, *none;
};
static const struct glyphs utf8_glyphs = {"──", "┬─", "├─", "└─", "│ ", "  "};
static const struct glyphs ascii_glyphs = {"--", "+-", "|-", "`-", "| ", "  "};

static bool row_wanted(struct tree *t, const struct tnode *n)
{
        if (t->v->status && !streq(json_str(n->json, "phase"), t->v->status))
                return false;
        if (!t->v->max_rows || t->n_rows < t->v->max_rows) {
                t->n_rows++;
                return true;
        }
        t->hidden++;
        return false;
}

static void draw(struct tree *t, const struct tnode *n, const char *prefix, const char *below,
                 int depth)
{
        const struct glyphs *g = t->v->term->utf8 ? &utf8_glyphs : &ascii_glyphs;
        bool left_out = is_left_out(n);
        if (depth > MAX_DEPTH)
                return;
        if (!left_out && row_wanted(t, n))
                put_row(t, n, prefix);
        for (size_t i = 0; i < n->n; i++) {
                bool inherits = left_out && i == 0, last = i + 1 == n->n;
                const char *part = inherits ? (n->n == 1 ? g->only : g->first)
                                   : last   ? g->last
                                            : g->middle;
                AUTO(mem_free) char *own = mem_printf("%s%s", inherits ? prefix : below, part);
                AUTO(mem_free) char *next = mem_printf("%s%s", below, last ? g->none : g->line);
                draw(t, n->children[i], own, next, depth + 1);
        }
}

void tree_put_nodes(struct buf *b, const json_t *wf, const struct tree_view *v)
{
        static const char *const heads[] = {"STEP",     "TEMPLATE", "PODNAME",
                                            "DURATION", "MESSAGE",  NULL};
        static const char *const wide_heads[] = {"STEP",      "TEMPLATE", "PODNAME", "DURATION",
                                                 "ARTIFACTS", "MESSAGE",  NULL};
        struct tree t = {.wf = wf, .v = v};
        if (json_object_size(json_at(wf, "status", "nodes")) == 0)
                return;
        build(&t);
        table_init(&t.rows, v->wide ? 6 : 5);
        table_row(&t.rows, v->wide ? wide_heads : heads);
        for (size_t i = 0; i < t.n; i++)
                draw(&t, t.roots[i], " ", " ", 0);
        table_put(b, &t.rows, v->term, v->max_width);
        if (t.hidden)
                buf_addf(b, " ... and %zu more (`tiphys get %s` shows all)\n", t.hidden,
                         obj_name(wf));
        tree_deinit(&t);
}

/* ---- the header ---- */

const char *tree_status_word(const json_t *wf)
{
        const char *phase = json_str(wf, "status", "phase");
        if (json_is_true(json_at(wf, "spec", "suspend")) &&
            (str_empty(phase) || streq(phase, "Running")))
                return "Running (Suspended)";
        return str_empty(phase) ? "Pending" : phase;
}

static void put_line(struct buf *b, const char *key, const char *value)
{
        if (!str_empty(value))
                buf_addf(b, "%-20s %s\n", key, value);
}

static void put_time(struct buf *b, const char *key, const json_t *j, struct wall now)
{
        int64_t ns = json_time(j);
        if (!ns)
                return;
        char when[64], ago[64];
        time_t s = (time_t)(ns / 1000000000);
        struct tm tm;
        strftime(when, sizeof(when), "%a %b %d %H:%M:%S %z", localtime_r(&s, &tm));
        human_duration(ago, now.ns - ns);
        buf_addf(b, "%-20s %s (%s ago)\n", key, when, ago);
}

static void put_conditions(struct buf *b, const json_t *wf)
{
        json_t *condition;
        size_t i;
        json_array_foreach (json_at(wf, "status", "conditions"), i, condition) {
                const char *type = json_str(condition, "type"),
                           *status = json_str(condition, "status");
                const char *message = json_str(condition, "message");
                if (i == 0)
                        buf_adds(b, "Conditions:          \n");
                buf_addf(b, " %-19s %s\n", type ? type : "",
                         message  ? message
                         : status ? status
                                  : "");
        }
}

static void put_parameters(struct buf *b, const char *head, const json_t *list)
{
        json_t *p;
        size_t i;
        json_array_foreach (list, i, p) {
                json_t *value = json_object_get(p, "value");
                AUTO(mem_free) char *text = value ? json_scalar_text(value) : mem_strdup("");
                AUTO(mem_free)
                char *key = mem_printf("  %s:", json_str(p, "name") ? json_str(p, "name") : "");
                if (i == 0)
                        buf_addf(b, "%s\n", head);
                buf_addf(b, "%-20s %s\n", key, text);
        }
}

void tree_put_header(struct buf *b, const json_t *wf, const struct tree_view *v)
{
        const char *status = tree_status_word(wf);
        int64_t start = json_time_at(wf, "status", "startedAt"),
                end = json_time_at(wf, "status", "finishedAt");
        put_line(b, "Name:", obj_name(wf));
        put_line(b, "Namespace:", obj_ns(wf));
        put_line(b, "ServiceAccount:", json_str(wf, "spec", "serviceAccountName"));
        buf_addf(b, "%-20s %s%s%s\n",
                 "Status:", term_on(v->term, term_phase_style(json_str(wf, "status", "phase"))),
                 status, term_on(v->term, TERM_OFF));
        put_line(b, "Message:", json_str(wf, "status", "message"));
        put_conditions(b, wf);
        put_time(b, "Created:", json_at(wf, "metadata", "creationTimestamp"), v->now);
        put_time(b, "Started:", json_at(wf, "status", "startedAt"), v->now);
        put_time(b, "Finished:", json_at(wf, "status", "finishedAt"), v->now);
        if (start) {
                char text[64];
                human_duration(text, (end ? end : v->now.ns) - start);
                put_line(b, "Duration:", text);
        }
        put_line(b, "Progress:", json_str(wf, "status", "progress"));
        put_parameters(b, "Parameters:", json_at(wf, "spec", "arguments", "parameters"));
        put_parameters(b, "Output Parameters:", json_at(wf, "status", "outputs", "parameters"));
}

void tree_print(struct cli *c, const json_t *wf, bool wide, const char *status)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED), nodes = BUF_INIT(BUF_UNBOUNDED);
        const struct tree_view v = {
                .term = &c->term, .now = loop_wall(c->app.loop), .wide = wide, .status = status};
        tree_put_header(&b, wf, &v);
        tree_put_nodes(&nodes, wf, &v);
        if (nodes.len)
                buf_addc(&b, '\n');
        buf_add(&b, buf_str(&nodes), nodes.len);
        cli_write(&b);
}
