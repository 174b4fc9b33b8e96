/* workflow/engine/dag_targets.c: which tasks of a DAG take part, and in which order: the targets
 * and all that they need. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static void add_target(struct frame *f, uint32_t task)
{
        for (uint32_t i = 0; i < f->n_targets; i++)
                if (f->targets[i] == task)
                        return;
        f->targets[f->n_targets++] = task;
}

int dag_find_targets(struct wf *wf, uint32_t dag, struct err *e)
{
        struct frame *f = node_at(wf, dag)->frame;
        const struct tmpl *t = f->tmpl;
        f->targets = mem_calloc(t->n_tasks + 1, sizeof(*f->targets));
        for (uint32_t i = 0; i < t->n_tasks && !*t->target; i++)
                if (t->tasks[i].leaf)
                        f->targets[f->n_targets++] = i;
        if (!*t->target)
                return 0;
        struct scope s = scope_of(wf, dag);
        struct tag_opts o = scope_tags(&s);
        char *text;
        if (tag_string(&text, t->target, &o, e) < 0)
                return -1;
        int r = 0;
        for (char *save, *name = strtok_r(text, " ", &save); name && r == 0;
             name = strtok_r(NULL, " ", &save)) {
                uint32_t task = tmpl_task_index(t, name, strlen(name));
                if (task == NONE)
                        r = err_set(e, ERR_INVALID, "target '%s' is not defined", name);
                else
                        add_target(f, task);
        }
        mem_free(text);
        return r;
}

/* Marks what the targets need, and numbers it in the order of a depth-first walk: dependencies
 * first. */
void dag_walk_targets(struct frame *f)
{
        const struct tmpl *t = f->tmpl;
        uint32_t *stack = mem_calloc(t->n_tasks + 1, sizeof(*stack)), place_no = 0;
        size_t *at = mem_calloc(t->n_tasks + 1, sizeof(*at));
        f->order = mem_calloc(t->n_tasks + 1, sizeof(*f->order));
        for (uint32_t k = 0; k < f->n_targets; k++) {
                uint32_t depth = 0;
                if (f->slots[f->targets[k]].wanted)
                        continue;
                f->slots[f->targets[k]].wanted = true;
                stack[depth++] = f->targets[k];
                while (depth) {
                        uint32_t task = stack[depth - 1];
                        size_t n = 0;
                        const uint32_t *deps = t->tasks[task].depends
                                                       ? depends_tasks(t->tasks[task].depends, &n)
                                                       : NULL;
                        if (at[task] == n) {
                                f->order[task] = place_no++;
                                depth--;
                                continue;
                        }
                        uint32_t next = deps[at[task]++];
                        if (!f->slots[next].wanted) {
                                f->slots[next].wanted = true;
                                stack[depth++] = next;
                        }
                }
        }
        mem_free(stack);
        mem_free(at);
}

void dag_count_dependencies(struct frame *f)
{
        for (uint32_t i = 0; i < f->n_slots; i++) {
                size_t n = 0;
                if (f->tmpl->tasks[i].depends)
                        depends_tasks(f->tmpl->tasks[i].depends, &n);
                f->slots[i].node = f->slots[i].exit_item = NONE;
                f->slots[i].waiting = (uint32_t)n;
        }
}
