/* cli/graph.c: the plan of a workflow: which template calls which, and what waits for what. Text
 * unfolds templates where they are called; dot and mermaid draw each template once, with a dashed
 * arrow from the steps that call it, so the picture stays as large as the file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/simcase.h"
#include "workflow/engine/depends.h"
#include "workflow/engine/plan.h"

enum { TEXT_DEPTH = 32, ALL_TO_ALL = 64 };

struct graph_opts {
        const char *output, *template;
};
static const char *const formats[] = {"text", "dot", "mermaid", NULL};
static const struct opt graph_opts[] = {OPT(struct graph_opts, output, OPT_CHOICE, .letter = 'o',
                                            .arg = "FORMAT", .def = "text", .choices = formats,
                                            .help = "how to draw it"),
                                        OPT(struct graph_opts, template, OPT_STR, .arg = "NAME",
                                            .help = "begin there instead of at the entrypoint"),
                                        OPT_END};

struct graph {
        const struct simcase *s;
        const struct term *term;
        struct buf *out;
        bool mermaid;
        json_t *drawn; /* "scope/template": number of its cluster */
        json_t *queue; /* clusters to draw: {"body", "scope", "name"} */
        size_t points;
};

/* ---- finding templates ---- */

struct place { /* a template, and the resource in which it looks up others */
        const json_t *spec, *body;
        char *name; /* heap: "x", "Kind/resource.x" */
};

static const json_t *named(const json_t *list, const char *name)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                if (name && streq(json_str(item, "name"), name))
                        return item;
        }
        return NULL;
}

static const json_t *resource(const struct simcase *s, const json_t *ref)
{
        const char *kind = json_is_true(json_object_get(ref, "clusterScope"))
                                   ? "ClusterWorkflowTemplate"
                                   : "WorkflowTemplate";
        size_t i;
        json_t *o;
        json_array_foreach (s->objects, i, o) {
                if (streq(json_str(o, "kind"), kind) && streq(obj_name(o), json_str(ref, "name")))
                        return json_object_get(o, "spec");
        }
        return NULL;
}

static struct place called(const struct graph *g, const json_t *spec, const json_t *call)
{
        const json_t *ref = json_object_get(call, "templateRef");
        const char *template = json_str(call, "template");
        if (json_object_get(call, "inline"))
                return (struct place){spec, json_object_get(call, "inline"), mem_strdup("inline")};
        if (!ref)
                return (struct place){spec, named(json_object_get(spec, "templates"), template),
                                      mem_strdup(template ? template : "?")};
        const json_t *other = resource(g->s, ref);
        const char *name = json_str(ref, "name"), *inner = json_str(ref, "template");
        return (struct place){other, named(json_object_get(other, "templates"), inner),
                              mem_printf("%s.%s", name ? name : "?", inner ? inner : "?")};
}

static const char *type_word(const json_t *body)
{
        static const char *const words[] = {"?",    "container", "script",   "steps",
                                            "dag",  "suspend",   "resource", "container set",
                                            "data", "http",      "plugin"};
        return body ? words[tmpl_type_of(body)] : "not in these files";
}

static bool is_composite(const json_t *body)
{
        enum tmpl_type t = tmpl_type_of(body);
        return t == TMPL_STEPS || t == TMPL_DAG;
}

/* ---- what a task waits for ---- */

struct waits {
        const json_t *tasks;
        json_t *names; /* list without duplicates */
};

static uint32_t on_task(void *arg, const char *name, size_t n, unsigned *bare)
{
        struct waits *w = arg;
        size_t i;
        json_t *t;
        (void)bare;
        json_array_foreach ((json_t *)(uintptr_t)w->tasks, i, t) {
                const char *own = json_str(t, "name");
                if (own && strlen(own) == n && memcmp(own, name, n) == 0) {
                        json_array_append(w->names, json_object_get(t, "name"));
                        return (uint32_t)i;
                }
        }
        return NONE;
}

static json_t *waits_for(const json_t *tasks, const json_t *task)
{
        const json_t *list = json_object_get(task, "dependencies");
        struct waits w = {tasks, json_array()};
        struct depends *d = NULL;
        struct err why = {0};
        if (json_array_size(list)) {
                json_decref(w.names);
                return json_copy((json_t *)(uintptr_t)list);
        }
        const char *text = json_str(task, "depends");
        if (!str_empty(text) && depends_parse(&d, text, on_task, &w, &why) < 0)
                err_clear(&why); /* lint says it */
        depends_free(d);
        return w.names;
}

/* ---- text ---- */

static void put_how(struct buf *b, const json_t *call)
{
        const char *when = json_str(call, "when");
        if (json_array_size(json_object_get(call, "withItems")))
                buf_addf(b, "  × %zu items", json_array_size(json_object_get(call, "withItems")));
        if (json_object_get(call, "withParam"))
                buf_addf(b, "  × %s", json_str(call, "withParam"));
        if (json_object_get(call, "withSequence"))
                buf_adds(b, "  × sequence");
        if (!str_empty(when))
                buf_addf(b, "  when %s", when);
}

static void put_template(struct graph *g, const json_t *spec, const json_t *body,
                         const char *indent, int depth);

static void put_call(struct graph *g, const json_t *spec, const json_t *call, const char *indent,
                     bool last, int depth)
{
        struct place p = called(g, spec, call);
        bool seen = json_object_get(g->drawn, p.name) && strcmp(p.name, "inline") != 0;
        const char *name = json_str(call, "name");
        buf_addf(g->out, "%s%s %s", indent,
                 g->term->utf8 ? (last ? "└─" : "├─") : (last ? "`-" : "|-"), name ? name : "");
        buf_addf(g->out, "  %s (%s)", p.name, type_word(p.body));
        put_how(g->out, call);
        if (is_composite(p.body) && seen)
                buf_adds(g->out, "  as above");
        buf_addc(g->out, '\n');
        if (is_composite(p.body) && !seen && depth < TEXT_DEPTH) {
                AUTO(mem_free)
                char *deeper = mem_printf("%s%s", indent,
                                          last            ? "   "
                                          : g->term->utf8 ? "│  "
                                                          : "|  ");
                json_object_set_new(g->drawn, p.name, json_true());
                put_template(g, p.spec, p.body, deeper, depth + 1);
        }
        mem_free(p.name);
}

static void put_task(struct graph *g, const json_t *spec, const json_t *tasks, size_t i,
                     const char *indent, int depth)
{
        json_t *task = json_array_get(tasks, i), *shown = json_copy(task);
        AUTO_JSON json_t *waits = waits_for(tasks, task);
        AUTO_BUF struct buf name = BUF_INIT(1 << 16);
        size_t k;
        json_t *w;
        buf_addf(&name, "%s", json_str(task, "name") ? json_str(task, "name") : "");
        json_array_foreach (waits, k, w)
                buf_addf(&name, "%s%s",
                         k               ? ", "
                         : g->term->utf8 ? " ← "
                                         : " <- ",
                         json_string_value(w));
        json_object_set_new(shown, "name", json_string(buf_str(&name)));
        put_call(g, spec, shown, indent, i + 1 == json_array_size(tasks), depth);
        json_decref(shown);
}

static void put_template(struct graph *g, const json_t *spec, const json_t *body,
                         const char *indent, int depth)
{
        const json_t *groups = json_object_get(body, "steps"),
                     *tasks = json_at(body, "dag", "tasks");
        size_t i, k;
        json_t *group, *step;
        json_array_foreach ((json_t *)(uintptr_t)groups, i, group) {
                bool last_group = i + 1 == json_array_size(groups);
                json_array_foreach (group, k, step)
                        put_call(g, spec, step, indent,
                                 last_group && k + 1 == json_array_size(group), depth);
                if (!last_group)
                        buf_addf(g->out, "%s%s\n", indent, g->term->utf8 ? "│  then" : "|  then");
        }
        for (i = 0; i < json_array_size(tasks); i++)
                put_task(g, spec, tasks, i, indent, depth);
}

/* ---- dot, mermaid ---- */

static void put_label(struct graph *g, const char *text)
{
        for (; *text; text++)
                if (*text == '"')
                        buf_adds(g->out, g->mermaid ? "#quot;" : "\\\"");
                else if (*text == '\\' && !g->mermaid)
                        buf_adds(g->out, "\\\\");
                else
                        buf_addc(g->out, *text);
}

static size_t cluster_of(struct graph *g, const struct place *p)
{
        const json_t *known = json_object_get(g->drawn, p->name);
        if (known && strcmp(p->name, "inline") != 0)
                return (size_t)json_integer_value(known);
        size_t n = json_array_size(g->queue);
        json_object_set_new(g->drawn, p->name, json_integer((json_int_t)n));
        json_array_append_new(g->queue, json_pack("{s:s, s:O, s:O}", "name", p->name, "body",
                                                  p->body, "spec", p->spec));
        return n;
}

static void put_edge(struct graph *g, const char *from, const char *to, bool call)
{
        if (g->mermaid)
                buf_addf(g->out, "  %s %s %s\n", from, call ? "-.->" : "-->", to);
        else
                buf_addf(g->out, "  %s -> %s%s;\n", from, to, call ? " [style=dashed]" : "");
}

/* One step or task as a node; an arrow to the template it calls when that has steps of its own. */
static void put_node(struct graph *g, const json_t *spec, const json_t *call, const char *id,
                     struct buf *calls)
{
        struct place p = called(g, spec, call);
        const char *name = json_str(call, "name");
        buf_addf(g->out, g->mermaid ? "    %s[\"" : "    %s [label=\"", id);
        put_label(g, name ? name : "");
        buf_adds(g->out, g->mermaid ? "<br/>" : "\\n");
        put_label(g, p.name);
        buf_addf(g->out, " (%s)", type_word(p.body));
        buf_adds(g->out, g->mermaid ? "\"]\n" : "\"];\n");
        if (is_composite(p.body))
                buf_addf(calls, "%s %zu\n", id, cluster_of(g, &p));
        mem_free(p.name);
}

static void put_steps(struct graph *g, const json_t *entry, size_t cluster, struct buf *calls,
                      struct buf *edges)
{
        const json_t *groups = json_at(entry, "body", "steps");
        size_t i, k, before = 0;
        json_t *group, *step;
        json_array_foreach ((json_t *)(uintptr_t)groups, i, group) {
                size_t n = json_array_size(group);
                bool joint =
                        before * n > ALL_TO_ALL; /* a point between them instead of n × m arrows */
                if (joint)
                        buf_addf(g->out,
                                 g->mermaid ? "    c%zu_j%zu((\" \"))\n"
                                            : "    c%zu_j%zu [shape=point];\n",
                                 cluster, i);
                for (k = 0; joint && k < before; k++)
                        buf_addf(edges, "c%zu_%zu_%zu c%zu_j%zu\n", cluster, i - 1, k, cluster, i);
                json_array_foreach (group, k, step) {
                        AUTO(mem_free) char *id = mem_printf("c%zu_%zu_%zu", cluster, i, k);
                        put_node(g, json_object_get(entry, "spec"), step, id, calls);
                        if (joint)
                                buf_addf(edges, "c%zu_j%zu %s\n", cluster, i, id);
                        for (size_t m = 0; !joint && m < before; m++)
                                buf_addf(edges, "c%zu_%zu_%zu %s\n", cluster, i - 1, m, id);
                }
                before = n;
        }
}

static void put_tasks(struct graph *g, const json_t *entry, size_t cluster, struct buf *calls,
                      struct buf *edges)
{
        const json_t *tasks = json_at(entry, "body", "dag", "tasks");
        AUTO_JSON json_t *index = json_object();
        size_t i, k;
        json_t *task, *w;
        json_array_foreach ((json_t *)(uintptr_t)tasks, i, task)
                if (json_str(task, "name"))
                        json_object_set_new(index, json_str(task, "name"),
                                            json_integer((json_int_t)i));
        json_array_foreach ((json_t *)(uintptr_t)tasks, i, task) {
                AUTO_JSON json_t *waits = waits_for(tasks, task);
                AUTO(mem_free) char *id = mem_printf("c%zu_0_%zu", cluster, i);
                put_node(g, json_object_get(entry, "spec"), task, id, calls);
                json_array_foreach (waits, k, w) {
                        const json_t *at = json_object_get(index, json_string_value(w));
                        if (at)
                                buf_addf(edges, "c%zu_0_%lld %s\n", cluster,
                                         (long long)json_integer_value(at), id);
                }
        }
}

static void put_pairs(struct graph *g, const struct buf *pairs, bool calls)
{
        const char *line = pairs->len ? pairs->data : "";
        while (*line) {
                size_t n = strcspn(line, " "), m = strcspn(line + n + 1, "\n");
                AUTO(mem_free) char *from = mem_strndup(line, n);
                AUTO(mem_free)
                char *to = calls ? mem_printf("c%.*s_0_0", (int)m, line + n + 1)
                                 : mem_strndup(line + n + 1, m);
                put_edge(g, from, to, calls);
                line += n + 1 + m + 1;
        }
}

static void put_clusters(struct graph *g)
{
        AUTO_BUF struct buf calls = BUF_INIT(BUF_UNBOUNDED);
        AUTO_BUF struct buf edges = BUF_INIT(BUF_UNBOUNDED);
        buf_adds(g->out,
                 g->mermaid ? "flowchart TD\n" : "digraph workflow {\n  node [shape=box];\n");
        for (size_t i = 0; i < json_array_size(g->queue); i++) {
                AUTO_JSON json_t *entry = json_incref(json_array_get(g->queue, i));
                buf_addf(g->out,
                         g->mermaid ? "  subgraph t%zu [\""
                                    : "  subgraph cluster_%zu {\n    label=\"",
                         i);
                put_label(g, json_str(entry, "name"));
                buf_adds(g->out, g->mermaid ? "\"]\n" : "\";\n");
                if (json_at(entry, "body", "steps"))
                        put_steps(g, entry, i, &calls, &edges);
                else if (json_at(entry, "body", "dag"))
                        put_tasks(g, entry, i, &calls, &edges);
                else
                        buf_addf(g->out,
                                 g->mermaid ? "    c%zu_0_0[\"%s\"]\n"
                                            : "    c%zu_0_0 [label=\"%s\"];\n",
                                 i, type_word(json_object_get(entry, "body")));
                buf_adds(g->out, g->mermaid ? "  end\n" : "  }\n");
        }
        put_pairs(g, &edges, false);
        put_pairs(g, &calls, true);
        if (!g->mermaid)
                buf_adds(g->out, "}\n");
}

/* ---- the whole ---- */

static int draw(struct graph *g, const struct graph_opts *o, struct err *e)
{
        const json_t *own = json_object_get(g->s->workflow, "spec"),
                     *ref = json_object_get(own, "workflowTemplateRef"),
                     *spec = ref ? resource(g->s, ref) : own;
        const char *entry = o->template ? o->template : json_str(own, "entrypoint");
        entry = entry ? entry : json_str(spec, "entrypoint");
        if (!spec)
                return err_set(e, ERR_NOT_FOUND,
                               "the WorkflowTemplate it refers to is not in these files");
        const json_t *body = named(json_object_get(spec, "templates"), entry);
        if (!body)
                return err_set(e, ERR_NOT_FOUND, "there is no template %s",
                               entry ? entry : "(no entrypoint)");
        struct place start = {spec, body, (char *)(uintptr_t)entry};
        if (streq(o->output, "text")) {
                buf_addf(g->out, "%s (%s)\n", entry, type_word(body));
                json_object_set_new(g->drawn, entry, json_true());
                put_template(g, spec, body, "", 0);
                const char *on_exit = json_str(own, "onExit");
                on_exit = on_exit ? on_exit : json_str(spec, "onExit");
                if (on_exit)
                        buf_addf(g->out, "at the end: %s\n", on_exit);
                return 0;
        }
        cluster_of(g, &start);
        put_clusters(g);
        return 0;
}

static int graph(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct graph_opts *o = opts;
        AUTO_SIMCASE struct simcase s;
        AUTO_DIAGS struct diags d;
        AUTO_BUF struct buf out = BUF_INIT(BUF_UNBOUNDED);
        AUTO_JSON json_t *drawn = json_object(), *queue = json_array();
        diags_init(&d);
        if (simcase_load(&s, (const char *const *)args, n, o->template, &d) < 0) {
                files_print_problems(c, &s.files, &d, true);
                return EXIT_USAGE;
        }
        struct graph g = {.s = &s,
                          .term = &c->term,
                          .out = &out,
                          .mermaid = streq(o->output, "mermaid"),
                          .drawn = drawn,
                          .queue = queue};
        if (draw(&g, o, e) < 0)
                return -1;
        cli_write(&out);
        return EXIT_OK;
}

const struct command command_graph = {
        .name = "graph",
        .operands = "FILE...",
        .summary = "Draw the plan of a workflow",
        .details = "Which template calls which, and what waits for what. dot is for Graphviz, "
                   "mermaid for Markdown.",
        .examples = "  tiphys graph workflow.yaml\n  tiphys graph workflow.yaml templates.yaml -o "
                    "dot | dot -Tsvg > plan.svg\n",
        .opts = graph_opts,
        .opts_size = sizeof(struct graph_opts),
        .kind = OPERANDS_FILES,
        .min_args = 1,
        .run = graph};
