/* workflow/spec/check_dag.c: tasks: dependencies that exist, no cycles, arguments from ancestors
 * only. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/depends.h"
#include "workflow/spec/check.h"
#include "workflow/spec/strings.h"
#include <ctype.h>

struct dag_task {
        const json_t *body;
        const char *name;
        struct depends *depends;
        struct check_callee callee;
        bool found;
        uint32_t waiting; /* scratch: dependencies not yet sorted */
};
struct dag_check {
        struct check *c;
        struct check_scope *s;
        const json_t *template;
        struct dag_task *tasks;
        uint32_t n;
        struct check_name *names; /* to indexes */
        uint32_t *order;          /* every task after those it waits for */
        uint8_t *ancestor;        /* of the task under work: by index */
        bool uses_depends;
        const json_t *list; /* dependencies parsed last, and what they became */
        struct depends *list_depends;
};

static uint32_t index_of(const struct dag_check *g, const char *name, size_t n)
{
        const struct check_name *found = check_set_find(g->names, name, n);
        return found ? found->index : NONE;
}

static uint32_t depends_task(void *arg, const char *name, size_t n, unsigned *bare)
{
        (void)bare;
        return index_of(arg, name, n);
}

/* ---- dependencies ---- */

static void parse_dependencies(struct dag_check *g, struct dag_task *t, const json_t *list,
                               const struct jpath *at)
{
        if (depends_same_names(list, g->list)) {
                t->depends = depends_ref(g->list_depends);
                return;
        }
        size_t i, n = 0;
        json_t *item;
        uint32_t *tasks = mem_calloc(json_array_size(list) + 1, sizeof(*tasks));
        unsigned *bare = mem_calloc(json_array_size(list) + 1, sizeof(*bare));
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                struct jpath here = jpath_index(at, i);
                const char *name = json_string_value(item);
                uint32_t index = name ? index_of(g, name, strlen(name)) : NONE;
                if (index == NONE) {
                        AUTO(mem_free) char *hint = check_hint(g->names, name ? name : "", NULL);
                        FAIL(g->c, &here, "E316", hint, "dependency '%s' not defined",
                             name ? name : "");
                } else
                        tasks[n++] = index;
        }
        if (n)
                t->depends = depends_all(tasks, bare, n);
        if (n == json_array_size(list)) { /* a list with mistakes is told of each time */
                g->list = list;
                g->list_depends = t->depends;
        }
        mem_free(tasks);
        mem_free(bare);
}

/* The names in a depends text: tasks, each with the name of a result or without. What is between
 * them is judged when it runs (and warned about). */
static bool check_depends_names(struct dag_check *g, const char *text, const struct jpath *at)
{
        static const char *const known[] = {"Succeeded", "Failed",   "Errored",      "Skipped",
                                            "Omitted",   "Daemoned", "AnySucceeded", "AllFailed"};
        bool fine = true;
        for (const char *p = text; *p;) {
                if (!isalnum((unsigned char)*p)) {
                        p++;
                        continue;
                }
                size_t n = 0, r = 0;
                while (isalnum((unsigned char)p[n]) || p[n] == '-')
                        n++;
                if (p[n] == '.' && isupper((unsigned char)p[n + 1]))
                        while (isalpha((unsigned char)p[n + 1 + r]))
                                r++;
                bool result_known = !r;
                for (size_t i = 0; i < ARRAY_LEN(known); i++)
                        result_known = result_known || str_eq((struct str){p + n + 1, r}, known[i]);
                if (index_of(g, p, n) == NONE) {
                        FAIL(g->c, at, "E316", NULL, "dependency '%.*s' not defined", (int)n, p);
                        fine = false;
                } else if (!result_known) {
                        FAIL(g->c, at, "E316",
                             "Succeeded, Failed, Errored, Skipped, Omitted, Daemoned, "
                             "AnySucceeded, AllFailed",
                             "task result '%.*s' for task '%.*s' is invalid", (int)r, p + n + 1,
                             (int)n, p);
                        fine = false;
                }
                p += n + (r ? r + 1 : 0);
        }
        return fine;
}

static void parse_depends(struct dag_check *g, struct dag_task *t, const struct jpath *at)
{
        const char *text = json_str(t->body, "depends");
        const json_t *list = json_object_get(t->body, "dependencies");
        struct jpath here = jpath_key(at, "dependencies");
        struct err why = {0};
        if (json_array_size(list))
                parse_dependencies(g, t, list, &here);
        if (str_empty(text))
                return;
        g->uses_depends = true;
        here = jpath_key(at, "depends");
        t->depends = depends_free(t->depends);
        g->list = NULL; /* it may have gone with that */
        if (check_depends_names(g, text, &here) &&
            depends_parse(&t->depends, text, depends_task, g, &why) < 0)
                diag_warn(g->c->d, &here, "W306", NULL, "%s", err_msg(&why));
        err_clear(&why);
}

static void check_loop_results(struct dag_check *g, const struct dag_task *t,
                               const struct jpath *at)
{
        size_t n = 0;
        const uint32_t *deps = t->depends ? depends_tasks(t->depends, &n) : NULL;
        struct jpath here = jpath_key(at, "depends");
        for (size_t i = 0; i < n; i++)
                if (depends_uses_loop_results(t->depends, deps[i]) &&
                    !check_loops(g->tasks[deps[i]].body))
                        FAIL(g->c, &here, "E316", NULL,
                             "dependency '%s' uses an items-based condition such as .AnySucceeded "
                             "or .AllFailed but does not contain "
                             "any items",
                             g->tasks[deps[i]].name);
}

/* Takes away tasks without unsorted dependencies until none is left; what is left is a cycle. The
 * order in which they go is the one in which Argo looks at them. */
static void check_cycles(struct dag_check *g, const struct jpath *at)
{
        uint32_t *count = mem_calloc(g->n + 1, sizeof(*count)), *queue = g->order, head = 0,
                 tail = 0;
        uint32_t **to = mem_calloc(g->n + 1, sizeof(*to));
        for (int pass = 0; pass < 2; pass++)
                for (uint32_t i = 0; i < g->n; i++) {
                        size_t n = 0;
                        const uint32_t *deps =
                                g->tasks[i].depends ? depends_tasks(g->tasks[i].depends, &n) : NULL;
                        g->tasks[i].waiting = (uint32_t)n;
                        for (size_t k = 0; k < n; k++) {
                                if (pass && !to[deps[k]]) {
                                        to[deps[k]] = mem_calloc(count[deps[k]] + 1, sizeof(**to));
                                        count[deps[k]] = 0;
                                }
                                if (pass)
                                        to[deps[k]][count[deps[k]]] = i;
                                count[deps[k]]++;
                        }
                }
        for (uint32_t i = 0; i < g->n; i++)
                if (!g->tasks[i].waiting)
                        queue[tail++] = i;
        for (; head < tail; head++)
                for (uint32_t k = 0; k < (to[queue[head]] ? count[queue[head]] : 0); k++)
                        if (--g->tasks[to[queue[head]][k]].waiting == 0)
                                queue[tail++] = to[queue[head]][k];
        if (tail < g->n) {
                const char *in_cycle = "";
                for (uint32_t i = 0; i < g->n; i++)
                        if (g->tasks[i].waiting) {
                                in_cycle = g->tasks[i].name;
                                queue[tail++] = i;
                        }
                FAIL(g->c, at, "E316", NULL,
                     "the tasks depend on each other in a cycle (%s is part of it)", in_cycle);
        }
        for (uint32_t i = 0; i < g->n; i++)
                mem_free(to[i]);
        mem_free(to);
        mem_free(count);
}

/* ---- references ---- */

/* Marks every task that this one waits for, directly or not. */
static void mark_ancestors(struct dag_check *g, uint32_t task)
{
        uint32_t *stack = mem_calloc(g->n + 1, sizeof(*stack)), depth = 0;
        memset(g->ancestor, 0, g->n);
        stack[depth++] = task;
        while (depth) {
                size_t n = 0;
                const struct depends *d = g->tasks[stack[--depth]].depends;
                const uint32_t *deps = d ? depends_tasks(d, &n) : NULL;
                for (size_t k = 0; k < n; k++)
                        if (!g->ancestor[deps[k]]) {
                                g->ancestor[deps[k]] = 1;
                                stack[depth++] = deps[k];
                        }
        }
        mem_free(stack);
}

/* A value that begins with {{tasks.x. needs x among the tasks this one waits for. */
static void check_reference(struct dag_check *g, const char *text, const char *kind,
                            const char *name, const struct jpath *at)
{
        if (!text || !str_starts(text, "{{tasks."))
                return;
        text += strlen("{{tasks.");
        size_t n = strcspn(text, ".");
        uint32_t i = index_of(g, text, n);
        if (i == NONE || !g->ancestor[i])
                FAIL(g->c, at, "E316", "add it to depends or dependencies",
                     "missing dependency '%.*s' for %s '%s'", (int)n, text, kind, name ? name : "");
}

static void check_references(struct dag_check *g, const struct dag_task *t, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "arguments"), list = jpath_key(&up, "parameters");
        size_t i;
        json_t *item;
        json_array_foreach (json_at(t->body, "arguments", "parameters"), i, item) {
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "value");
                check_reference(g, json_str(item, "value"), "parameter", json_str(item, "name"),
                                &here);
        }
        list = jpath_key(&up, "artifacts");
        json_array_foreach (json_at(t->body, "arguments", "artifacts"), i, item) {
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "from");
                check_reference(g, json_str(item, "from"), "artifact", json_str(item, "name"),
                                &here);
        }
}

static bool mentions_tasks(void *arg, const char *text, size_t n)
{
        (void)arg;
        return n >= 6 && strstr(text, "tasks.") != NULL;
}

/* Everything of every task may be named everywhere in the DAG, but for the status: of ancestors,
 * and of a task with hooks. */
static void check_task(struct dag_check *g, uint32_t i, const struct jpath *at)
{
        struct dag_task *t = &g->tasks[i];
        struct check_scope s = *g->s;
        struct jpath arguments = jpath_key(at, "arguments");
        AUTO_JSON json_t *body = json_copy((json_t *)(uintptr_t)t->body);
        json_object_del(body, "dependencies"); /* names, checked already */
        bool mentions = strings_any(body, mentions_tasks, NULL);
        bool own = json_is_object(json_object_get(t->body, "hooks"));
        if (mentions)
                mark_ancestors(g, i);
        for (uint32_t k = 0; mentions && k < g->n; k++) {
                s.known[k].status = s.known[k].status || g->ancestor[k];
                s.known[k].before = g->ancestor[k] || k == i;
        }
        s.known[i].status = s.known[i].status || own;
        s.calling = mentions;
        s.inlined = json_object_get(t->body, "inline");
        s.items = NULL;
        check_items(g->c, t->body, &s, at);
        check_tags(g->c, body, &s, at);
        check_set_free(&s.items);
        for (uint32_t k = 0; mentions && k < g->n; k++)
                s.known[k].status = s.known[k].status && !g->ancestor[k];
        s.known[i].status = own;
        check_arguments(g->c, json_object_get(t->body, "arguments"), false, &arguments);
        if (mentions)
                check_references(g, t, at);
        if (t->found)
                check_supplied(g->c, t->callee.body, t->callee.name,
                               json_object_get(t->body, "arguments"), at);
}

/* ---- the whole ---- */

static void load_tasks(struct dag_check *g, const json_t *tasks)
{
        size_t i;
        json_t *body;
        bool was_there;
        g->n = (uint32_t)json_array_size(tasks);
        g->tasks = mem_calloc(g->n + 1, sizeof(*g->tasks));
        g->ancestor = mem_calloc(g->n + 1, 1);
        g->order = mem_calloc(g->n + 1, sizeof(*g->order));
        g->s->known = mem_calloc(g->n + 1, sizeof(*g->s->known));
        json_array_foreach ((json_t *)(uintptr_t)tasks, i, body) {
                const char *name = json_str(body, "name");
                g->tasks[i].body = body;
                g->tasks[i].name = name ? name : "";
                g->s->known[i].name = g->tasks[i].name;
                struct check_name *known = check_set_add(&g->names, g->tasks[i].name,
                                                         strlen(g->tasks[i].name), &was_there);
                if (!was_there)
                        known->index = (uint32_t)i;
        }
        g->s->names = g->names; /* owned by the scope */
}

static void check_style(struct dag_check *g, const struct jpath *at)
{
        for (uint32_t i = 0; i < g->n; i++) {
                struct jpath here = jpath_index(at, i);
                const struct dag_task *t = &g->tasks[i];
                bool list = json_array_size(json_object_get(t->body, "dependencies")) > 0;
                if (g->uses_depends && list)
                        FAIL(g->c, &here, "E316", NULL,
                             "cannot use both 'depends' and 'dependencies' in the same DAG "
                             "template");
                if (g->uses_depends && json_is_object(json_object_get(t->body, "continueOn")))
                        FAIL(g->c, &here, "E316",
                             "say 'dep-task.Failed' or 'dep-task.Errored' in depends instead",
                             "cannot use 'continueOn' when using 'depends'");
                if ((g->uses_depends || list) && t->name[0] >= '0' && t->name[0] <= '9')
                        FAIL(g->c, &here, "E303", NULL,
                             "task name '%s' cannot begin with a digit when using either 'depends' "
                             "or 'dependencies'",
                             t->name);
        }
}

static void check_target(struct dag_check *g, const struct jpath *at)
{
        const char *raw = json_str(g->template, "dag", "target");
        struct jpath here = jpath_key(at, "target");
        if (str_empty(raw))
                return;
        AUTO_JSON json_t *text = json_string(raw);
        AUTO(mem_free) char *target = check_subst(g->c, g->s, raw);
        check_tags(g->c, text, g->s, &here);
        for (char *p = target;;) {
                size_t n = strcspn(p, " ");
                char *name = mem_strndup(p, n);
                if (strchr(name, CHECK_PLACEHOLDER))
                        FAIL(g->c, &here, "E316", "a workflow parameter with a value can be used",
                             "target '%s' is not defined: it cannot come from an input", raw);
                else if (!check_has_tag(name) && index_of(g, name, n) == NONE)
                        FAIL(g->c, &here, "E316", NULL, "target '%s' is not defined", name);
                mem_free(name);
                if (!p[n])
                        return;
                p += n + 1;
        }
}

static void check_names(struct dag_check *g, const struct jpath *list)
{
        struct check_name *seen = NULL;
        for (uint32_t i = 0; i < g->n; i++) {
                struct jpath here = jpath_index(list, i);
                check_name(g->c, g->tasks[i].body, "task", NAME_TEMPLATE, &seen, &here);
                parse_depends(g, &g->tasks[i], &here);
        }
        check_set_free(&seen);
}

/* What must be known before tags are looked at. */
static void check_callee(struct dag_check *g, uint32_t i, const struct jpath *at)
{
        struct dag_task *t = &g->tasks[i];
        struct jpath inlined = jpath_key(at, "inline");
        t->found = check_resolve(g->c, t->body, g->s, at, &t->callee);
        t->callee.inline_at = &inlined;
        if (t->found)
                check_visit(g->c, &t->callee, NULL, g->s, at);
        t->callee.inline_at = NULL;
        g->s->known[i].callee = t->callee.body;
        g->s->known[i].outputs = true;
        g->s->known[i].loops = check_aggregates(t->body);
        check_add_outputs(g->c, t->callee.body, g->s);
        check_hooks(g->c, t->body, at);
        check_when(g->c, t->body, at);
}

void check_dag(struct check *c, struct check_scope *s, const struct jpath *at)
{
        struct dag_check g = {.c = c, .s = s, .template = s->template};
        struct jpath up = jpath_key(at, "dag"), list = jpath_key(&up, "tasks"),
                     outputs = jpath_key(at, "outputs");
        s->prefix = "tasks";
        load_tasks(&g, json_at(s->template, "dag", "tasks"));
        if (!g.n)
                FAIL(c, &up, "E316", NULL, "a DAG must have at least one task");
        check_names(&g, &list);
        check_style(&g, &list);
        check_cycles(&g, &list);
        for (uint32_t i = 0; i < g.n; i++) {
                struct jpath here = jpath_index(&list, g.order[i]);
                check_callee(&g, g.order[i], &here);
        }
        check_target(&g, &up);
        for (uint32_t i = 0; i < g.n; i++) {
                struct jpath here = jpath_index(&list, g.order[i]);
                check_loop_results(&g, &g.tasks[g.order[i]], &here);
                check_task(&g, g.order[i], &here);
        }
        check_tags(c, json_object_get(s->template, "outputs"), s, &outputs);
        for (uint32_t i = 0; i < g.n; i++)
                depends_free(g.tasks[i].depends);
        mem_free(g.ancestor);
        mem_free(g.order);
        mem_free(g.tasks);
}
