/* workflow/engine/scope_expr.c: the variables of {{=...}}: Argo gives an expression every variable
 * that a tag at the same place could name, as text. Here only those are gathered whose root the
 * expression mentions (and of steps and tasks only those it names), by asking the lookup of tags.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "common/lang/limits.h"
#include "common/lang/tagexpr.h"
#include "workflow/engine/engine_priv.h"

struct gather {
        struct scope *s;
        struct arena *arena;
        struct val flat;
};

/* A variable of this name, if there is one: its text; nil when it is known to be absent. */
static void add(struct gather *g, const char *name)
{
        AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
        enum tag_found found = scope_lookup(g->s, str_of(name), &b);
        if (found != TAG_VALUE && found != TAG_ABSENT)
                return;
        struct val v = val_nil();
        if (found == TAG_VALUE)
                v = val_str((struct str){arena_strndup(g->arena, buf_str(&b), b.len), b.len});
        val_map_set(g->arena, g->flat, val_text(arena_strndup(g->arena, name, strlen(name))), v);
}

static void addf(struct gather *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void addf(struct gather *g, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        AUTO(mem_free) char *name = mem_vprintf(fmt, ap);
        va_end(ap);
        add(g, name);
}

/* Artifacts are values of their own kind, for fields that are expressions: no tag shows them. The
 * scope keeps what the value borrows. */
static void add_artifacts(struct gather *g, const char *prefix, const json_t *list)
{
        size_t i;
        json_t *a;
        if (!g->s->kept)
                return;
        json_array_foreach ((json_t *)(uintptr_t)list, i, a) {
                const char *name = json_str(a, "name");
                AUTO(mem_free)
                char *full = mem_printf("%s%s", prefix, name ? name : ""),
                     *tag = mem_printf("{{%s}}", full);
                json_t *found = NULL;
                if (scope_artifact(&found, tag, g->s, NULL) < 0)
                        continue;
                json_array_append_new(g->s->kept, found);
                val_map_set(g->arena, g->flat,
                            val_text(arena_strndup(g->arena, full, strlen(full))),
                            val_from_tree(g->arena, found, VAL_INTS_AND_FLOATS));
        }
}

static void add_workflow(struct gather *g)
{
        struct global *v, *next;
        HASH_ITER (hh, g->s->wf->globals, v, next)
                add(g, v->name);
        add(g, "workflow.duration");
        add_artifacts(g, "workflow.outputs.artifacts.",
                      json_object_get(g->s->wf->outputs, "artifacts"));
}

static void add_inputs(struct gather *g)
{
        const json_t *list = json_object_get(g->s->inputs, "parameters"), *p;
        size_t i;
        add(g, "inputs.parameters");
        json_array_foreach ((json_t *)(uintptr_t)list, i, p)
                addf(g, "inputs.parameters.%s", json_str(p, "name") ? json_str(p, "name") : "");
        list = json_object_get(g->s->inputs, "artifacts");
        json_array_foreach ((json_t *)(uintptr_t)list, i, p)
                addf(g, "inputs.artifacts.%s.path", json_str(p, "name") ? json_str(p, "name") : "");
        add_artifacts(g, "inputs.artifacts.", list);
}

static void add_parameters(struct gather *g, const char *root, const char *task,
                           const json_t *outputs)
{
        const json_t *p;
        size_t i;
        json_array_foreach (json_object_get(outputs, "parameters"), i, p)
                addf(g, "%s.%s.outputs.parameters.%s", root, task,
                     json_str(p, "name") ? json_str(p, "name") : "");
}

static void add_task(struct gather *g, const char *root, uint32_t i)
{
        static const char *const parts[] = {
                "id",         "ip",           "status",         "startedAt",         "exitCode",
                "finishedAt", "hostNodeName", "outputs.result", "outputs.parameters"};
        const struct wf *wf = g->s->wf;
        const struct frame *f = node_at(wf, g->s->frame)->frame;
        const char *name = f->tmpl->tasks[i].name;
        const struct slot *slot = &f->slots[i];
        for (size_t k = 0; k < ARRAY_LEN(parts); k++)
                addf(g, "%s.%s.%s", root, name, parts[k]);
        uint32_t node = slot->loop && slot->loop->n ? slot->loop->nodes[0] : slot->node;
        if (node == NONE)
                return;
        const struct node *n = node_at(wf, node);
        AUTO(mem_free) char *artifacts = mem_printf("%s.%s.outputs.artifacts.", root, name);
        add_parameters(g, root, name, n->outputs);
        if (n->tmpl) {
                add_parameters(g, root, name, n->tmpl->outputs);
                add_artifacts(g, artifacts, json_object_get(n->tmpl->outputs, "artifacts"));
        } else
                add_artifacts(g, artifacts, json_object_get(n->outputs, "artifacts"));
}

/* "steps.a.outputs" adds all of a; "steps" alone adds every step. */
static void add_tasks(struct gather *g, struct str dotted)
{
        const struct node *around = g->s->frame == NONE ? NULL : node_at(g->s->wf, g->s->frame);
        char root[] = "steps";
        struct str name = {NULL, 0};
        memcpy(root, dotted.p, 5);
        addf(g, "%s.name", root);
        if (!around || !around->frame || !around->frame->slots)
                return;
        if (dotted.n > 6) {
                const char *dot = memchr(dotted.p + 6, '.', dotted.n - 6);
                name = (struct str){dotted.p + 6,
                                    dot ? (size_t)(dot - dotted.p - 6) : dotted.n - 6};
                uint32_t i = tmpl_task_index(around->frame->tmpl, name.p, name.n);
                if (i != NONE)
                        add_task(g, root, i);
                return;
        }
        for (uint32_t i = 0; i < around->frame->n_slots; i++)
                add_task(g, root, i);
}

static void add_item(struct gather *g)
{
        const char *key;
        json_t *v;
        add(g, "item");
        json_object_foreach ((json_t *)(uintptr_t)g->s->item, key, v)
                addf(g, "item.%s", key);
}

static bool rooted(struct str name, const char *root)
{
        size_t n = strlen(root);
        return name.n >= n && memcmp(name.p, root, n) == 0 && (name.n == n || name.p[n] == '.');
}

static void on_name(void *arg, struct str dotted)
{
        static const char *const retry[] = {"lastRetry.exitCode", "lastRetry.status",
                                            "lastRetry.duration", "lastRetry.message"};
        struct gather *g = arg;
        if (rooted(dotted, "steps") || rooted(dotted, "tasks")) {
                add_tasks(g, dotted);
        } else if (rooted(dotted, "workflow")) {
                add_workflow(g);
        } else if (rooted(dotted, "inputs")) {
                add_inputs(g);
        } else if (rooted(dotted, "item")) {
                add_item(g);
        } else if (rooted(dotted, "lastRetry")) {
                for (size_t i = 0; i < ARRAY_LEN(retry); i++)
                        add(g, retry[i]);
        } else {
                AUTO(mem_free) char *name = mem_strndup(dotted.p, dotted.n);
                add(g, name);
        }
}

struct val scope_env(struct scope *s, const struct expr *x, struct arena *a)
{
        struct gather g = {.s = s, .arena = a, .flat = val_map_new(a, 16)};
        expr_each_name(x, on_name, &g);
        return expr_expand(a, g.flat, false);
}

/* ---- the expression of a tag ---- */

struct step_clock {
        struct clock clock;
        int64_t now_ns;
};

static struct wall step_wall(struct clock *c)
{
        return (struct wall){((struct step_clock *)c)->now_ns};
}

/* As for simple tags: outputs of steps and tasks must be there. */
static bool must_exist(void *arg, struct str name)
{
        const struct scope *s = arg;
        return !s->absent_ok && s->frame != NONE &&
               (rooted(name, "steps") || rooted(name, "tasks"));
}

static int put(struct scope *s, const struct expr *x, struct str text, struct buf *out, bool *keep,
               struct err *e)
{
        struct step_clock clock = {.clock = {.wall = step_wall}, .now_ns = s->wf->now_ns};
        struct arena a;
        arena_init(&a, LANG_MEMORY);
        struct tag_expr t = {.env = scope_env(s, x, &a),
                             .clock = &clock.clock,
                             .arena = &a,
                             .may_stay = s->frame == NONE || s->absent_ok,
                             .must = must_exist,
                             .arg = s};
        int r = tag_expr_put(&t, text, out, keep, e);
        arena_deinit(&a);
        return r;
}

/* ---- expressions that wait for the item of a loop ---- */

/* They are put aside and leave a mark with their number, so that what a pod has said is not taken
 * for one of them when the items come. */
enum { LATE_MARK = 1 };

static void note_item(void *arg, struct str name)
{
        bool *found = arg;
        *found = *found || rooted(name, "item");
}

static void put_aside(struct scope *s, struct str text, struct buf *out)
{
        buf_addf(out, "{{=%c%zu}}", LATE_MARK, json_array_size(s->late));
        json_array_append_new(s->late, json_stringn(text.p, text.n));
}

static const char *set_aside(const struct scope *s, struct str text)
{
        uint64_t number;
        char digits[24];
        if (text.n < 2 || text.n > sizeof(digits) || text.p[0] != LATE_MARK)
                return NULL;
        memcpy(digits, text.p + 1, text.n - 1);
        digits[text.n - 1] = 0;
        return str_to_u64(digits, &number) ? json_string_value(json_array_get(s->late, number))
                                           : NULL;
}

static int evaluate(struct scope *s, struct str text, struct buf *out, bool *keep, struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        bool waits = false;
        if (expr_new(&x, text, EXPR_WORKFLOWS, NULL, e) < 0)
                return err_wrap(e, "failed to evaluate expression \"%.*s\"",
                                (int)(text.n > 200 ? 200 : text.n), text.p);
        if (s->late)
                expr_each_name(x, note_item, &waits);
        if (!waits)
                return put(s, x, text, out, keep, e);
        put_aside(s, text, out);
        return 0;
}

int scope_expression(void *arg, struct str text, struct buf *out, bool *keep, struct err *e)
{
        struct scope *s = arg;
        if (!s->item_only)
                return evaluate(s, text, out, keep, e);
        const char *aside = set_aside(s, text);
        if (!aside) {
                *keep = true;
                return 0;
        }
        struct scope all = *s;
        all.item_only = false;
        all.late = NULL;
        bool stays = false;
        if (evaluate(&all, str_of(aside), out, &stays, e) < 0)
                return -1;
        if (stays)
                buf_addf(out, "{{=%s}}", aside);
        return 0;
}
