/* workflow/spec/check_dag.c: tasks: dependencies that exist, no cycles, references to ancestors
 * only. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/depends.h"
#include "workflow/spec/check.h"
#include "workflow/spec/strings.h"
#include <ctype.h>

struct dag_task {
        const json_t *body;
        const char *name;
        struct depends *depends;
        struct check_known known;
        uint32_t waiting; /* scratch: dependencies not yet sorted */
};
struct dag_check {
        struct check *c;
        const json_t *template;
        struct dag_task *tasks;
        uint32_t n;
        struct check_name *names; /* to indexes */
        bool uses_depends, uses_dependencies;
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
        size_t i, n = 0;
        json_t *item;
        uint32_t *tasks = mem_calloc(json_array_size(list) + 1, sizeof(*tasks));
        unsigned *bare = mem_calloc(json_array_size(list) + 1, sizeof(*bare));
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                struct jpath here = jpath_index(at, i);
                const char *name = json_string_value(item);
                uint32_t index = name ? index_of(g, name, strlen(name)) : NONE;
                if (index == NONE) {
                        const char *names[200];
                        size_t k = 0;
                        char hint[160] = "";
                        for (uint32_t m = 0; m < g->n && k < ARRAY_LEN(names); m++)
                                names[k++] = g->tasks[m].name;
                        const char *near = name ? str_nearest(name, names, k) : NULL;
                        if (near)
                                snprintf(hint, sizeof(hint), "did you mean '%.100s'?", near);
                        FAIL(g->c, &here, "E316", near ? hint : NULL, "dependency '%s' not defined",
                             name ? name : "");
                } else
                        tasks[n++] = index;
        }
        if (n)
                t->depends = depends_all(tasks, bare, n);
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
        if (json_array_size(list)) {
                g->uses_dependencies = true;
                parse_dependencies(g, t, list, &here);
        }
        if (str_empty(text))
                return;
        g->uses_depends = true;
        here = jpath_key(at, "depends");
        depends_free(t->depends);
        t->depends = NULL;
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

/* Takes away tasks without unsorted dependencies until none is left; what is left is a cycle. */
static void check_cycles(struct dag_check *g, const struct jpath *at)
{
        uint32_t *count = mem_calloc(g->n + 1, sizeof(*count)),
                 *queue = mem_calloc(g->n + 1, sizeof(*queue)), head = 0, tail = 0;
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
                        in_cycle = g->tasks[i].waiting ? g->tasks[i].name : in_cycle;
                FAIL(g->c, at, "E316", NULL,
                     "the tasks depend on each other in a cycle (%s is part of it)", in_cycle);
        }
        for (uint32_t i = 0; i < g->n; i++)
                mem_free(to[i]);
        mem_free(to);
        mem_free(count);
        mem_free(queue);
}

/* ---- references ---- */

static bool mentions_tasks(void *arg, const char *text, size_t n)
{
        (void)arg;
        return n >= 6 && strstr(text, "tasks.") != NULL;
}

static size_t ancestors(const struct dag_check *g, uint32_t task, struct check_known *out)
{
        uint8_t *seen = mem_calloc(g->n + 1, 1);
        uint32_t *stack = mem_calloc(g->n + 1, sizeof(*stack)), depth = 0;
        size_t found = 0;
        stack[depth++] = task;
        seen[task] = 1;
        while (depth) {
                uint32_t at = stack[--depth];
                size_t n = 0;
                const uint32_t *deps =
                        g->tasks[at].depends ? depends_tasks(g->tasks[at].depends, &n) : NULL;
                for (size_t k = 0; k < n; k++)
                        if (!seen[deps[k]]) {
                                seen[deps[k]] = 1;
                                out[found++] = g->tasks[deps[k]].known;
                                stack[depth++] = deps[k];
                        }
        }
        mem_free(seen);
        mem_free(stack);
        return found;
}

static void check_task_tags(struct dag_check *g, uint32_t i, bool from_exit,
                            struct check_known *room, const struct jpath *at)
{
        struct check_scope s = {
                .template = g->template, .prefix = "tasks", .from_exit = from_exit, .known = room};
        if (strings_any(g->tasks[i].body, mentions_tasks, NULL))
                s.n_known = ancestors(g, i, room);
        room[s.n_known] = g->tasks[i].known;
        check_call_tags(g->c, g->tasks[i].body, &s, at);
}

/* ---- the whole ---- */

static void load_tasks(struct dag_check *g, const json_t *tasks)
{
        size_t i;
        json_t *body;
        bool was_there;
        g->n = (uint32_t)json_array_size(tasks);
        g->tasks = mem_calloc(g->n + 1, sizeof(*g->tasks));
        json_array_foreach ((json_t *)(uintptr_t)tasks, i, body) {
                const char *name = json_str(body, "name");
                g->tasks[i].body = body;
                g->tasks[i].name = name ? name : "";
                struct check_name *known = check_set_add(&g->names, g->tasks[i].name,
                                                         strlen(g->tasks[i].name), &was_there);
                if (!was_there)
                        known->index = (uint32_t)i;
        }
}

static void check_style(struct dag_check *g, const struct jpath *at)
{
        if (g->uses_depends && g->uses_dependencies)
                FAIL(g->c, at, "E316", NULL,
                     "cannot use both 'depends' and 'dependencies' in the same DAG template");
        for (uint32_t i = 0; i < g->n; i++) {
                struct jpath here = jpath_index(at, i);
                const struct dag_task *t = &g->tasks[i];
                if (g->uses_depends && json_is_object(json_object_get(t->body, "continueOn")))
                        FAIL(g->c, &here, "E316",
                             "say 'dep-task.Failed' or 'dep-task.Errored' in depends instead",
                             "cannot use 'continueOn' when using 'depends'");
                if ((g->uses_depends || g->uses_dependencies) && t->name[0] >= '0' &&
                    t->name[0] <= '9')
                        FAIL(g->c, &here, "E303", NULL,
                             "task name '%s' cannot begin with a digit when using either 'depends' "
                             "or 'dependencies'",
                             t->name);
        }
}

static void check_target(struct dag_check *g, const struct jpath *at)
{
        const char *target = json_str(g->template, "dag", "target");
        struct jpath here = jpath_key(at, "target");
        if (str_empty(target))
                return;
        if (strstr(target, "{{")) {
                struct check_scope s = {.template = g->template};
                AUTO_JSON json_t *text = json_string(target);
                check_tags(g->c, text, &s, &here);
                return;
        }
        char *copy = mem_strdup(target);
        for (char *save, *name = strtok_r(copy, " ", &save); name;
             name = strtok_r(NULL, " ", &save))
                if (index_of(g, name, strlen(name)) == NONE)
                        FAIL(g->c, &here, "E316", NULL, "target '%s' is not defined", name);
        mem_free(copy);
}

void check_dag(struct check *c, const json_t *body, bool from_exit, const struct jpath *at)
{
        struct dag_check g = {.c = c, .template = body};
        struct check_name *seen = NULL;
        struct jpath up = jpath_key(at, "dag"), list = jpath_key(&up, "tasks"),
                     outputs = jpath_key(at, "outputs");
        load_tasks(&g, json_at(body, "dag", "tasks"));
        if (!g.n)
                FAIL(c, &up, "E316", NULL, "a DAG must have at least one task");
        for (uint32_t i = 0; i < g.n; i++) {
                struct jpath here = jpath_index(&list, i);
                struct dag_task *t = &g.tasks[i];
                check_name(c, t->body, "task", NAME_TEMPLATE, &seen, &here);
                t->known = (struct check_known){t->name, check_call(c, t->body, from_exit, &here),
                                                check_loops(t->body)};
                parse_depends(&g, t, &here);
        }
        struct check_known *room = mem_calloc(g.n + 2, sizeof(*room));
        check_style(&g, &list);
        check_cycles(&g, &list);
        check_target(&g, &up);
        for (uint32_t i = 0; i < g.n; i++) {
                struct jpath here = jpath_index(&list, i);
                check_loop_results(&g, &g.tasks[i], &here);
                check_task_tags(&g, i, from_exit, room, &here);
        }
        for (uint32_t i = 0; i < g.n; i++)
                room[i] = g.tasks[i].known;
        struct check_scope s = {.template = body,
                                .prefix = "tasks",
                                .from_exit = from_exit,
                                .known = room,
                                .n_known = g.n};
        check_tags(c, json_object_get(body, "outputs"), &s, &outputs);
        for (uint32_t i = 0; i < g.n; i++)
                depends_free(g.tasks[i].depends);
        mem_free(room);
        mem_free(g.tasks);
        check_set_free(&g.names);
        check_set_free(&seen);
}
