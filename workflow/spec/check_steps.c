/* workflow/spec/check_steps.c: groups of steps. What a step may name: what came before it, also in
 * its own group (found missing only when it runs). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"

static void count_steps(struct check_scope *s)
{
        size_t i, k, n = 0;
        json_t *group, *step;
        bool was_there;
        json_array_foreach (json_object_get(s->template, "steps"), i, group)
                n += json_array_size(group);
        s->known = mem_calloc(n + 1, sizeof(*s->known));
        n = 0;
        json_array_foreach (json_object_get(s->template, "steps"), i, group) {
                json_array_foreach (group, k, step) {
                        const char *name = json_str(step, "name");
                        s->known[n].name = name ? name : "";
                        struct check_name *entry = check_set_add(
                                &s->names, s->known[n].name, strlen(s->known[n].name), &was_there);
                        if (!was_there)
                                entry->index = (uint32_t)n;
                        n++;
                }
        }
}

static void check_step(struct check *c, struct check_scope *s, const json_t *step,
                       struct check_known *own, const struct jpath *at)
{
        struct jpath arguments = jpath_key(at, "arguments"), inlined = jpath_key(at, "inline");
        struct check_callee callee;
        own->status = true;
        s->dynamic_names = s->dynamic_names || strstr(own->name, "{{");
        check_items(c, step, s, at);
        check_arguments(c, json_object_get(step, "arguments"), false, &arguments);
        bool found = check_resolve(c, step, s, at, &callee);
        callee.inline_at = &inlined;
        if (found)
                check_visit(c, &callee, NULL, s, at);
        own->callee = callee.body;
        if (check_exit_hook(step)) {
                own->outputs = true;
                check_add_outputs(c, callee.body, s);
        }
        check_hooks(c, step, at);
        check_when(c, step, at);
        s->inlined = json_object_get(step, "inline");
        s->calling = own->before = true;
        check_tags(c, step, s, at);
        s->calling = own->before = false;
        s->inlined = NULL;
        own->outputs = true;
        own->loops = check_aggregates(step);
        check_add_outputs(c, callee.body, s);
        if (found)
                check_supplied(c, callee.body, callee.name, json_object_get(step, "arguments"), at);
}

void check_steps(struct check *c, struct check_scope *s, const struct jpath *at)
{
        struct check_name *seen = NULL;
        struct jpath up = jpath_key(at, "steps"), outputs = jpath_key(at, "outputs");
        size_t i, k, n = 0;
        json_t *group, *step;
        s->prefix = "steps";
        count_steps(s);
        json_array_foreach (json_object_get(s->template, "steps"), i, group) {
                struct jpath outer = jpath_index(&up, i);
                json_array_foreach (group, k, step) {
                        struct jpath here = jpath_index(&outer, k);
                        check_name(c, step, "step", NAME_TEMPLATE, &seen, &here);
                        check_step(c, s, step, &s->known[n++], &here);
                }
                for (k = 0; k < n; k++)
                        s->known[k].before = true;
        }
        check_tags(c, json_object_get(s->template, "outputs"), s, &outputs);
        check_set_free(&seen);
}
