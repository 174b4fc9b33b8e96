/* workflow/engine/redo.c: what retry and resubmit share. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/redo.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

void workflow_set_parameter(json_t *wf, const char *name, json_t *value_taken)
{
        json_t *list = json_at(wf, "spec", "arguments", "parameters"), *p;
        size_t i;
        if (!json_is_array(list)) {
                json_put_at(wf, json_array(), "spec", "arguments", "parameters");
                list = json_at(wf, "spec", "arguments", "parameters");
        }
        json_array_foreach (list, i, p) {
                if (streq(json_str(p, "name"), name)) {
                        json_object_set_new(p, "value", value_taken);
                        json_object_del(p, "valueFrom");
                        return;
                }
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "value", value_taken));
}

static bool is_named(const json_t *list, const char *name)
{
        size_t i;
        json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)list, i, p) {
                if (streq(json_str(p, "name"), name))
                        return true;
        }
        return false;
}

int redo_override(json_t *spec, const struct redo *r, struct err *e)
{
        AUTO_JSON json_t *given = json_array();
        size_t i;
        json_t *p;
        if (!r->n_parameters)
                return 0;
        for (i = 0; i < r->n_parameters; i++) {
                const char *pair = r->parameters[i], *eq = strchr(pair, '=');
                if (!eq || eq == pair || !utf8_valid(pair, strlen(pair)))
                        return err_set(e, ERR_INVALID,
                                       "expected parameter of the form: NAME=VALUE. Received: %s",
                                       pair);
                json_array_append_new(given, json_pack("{s:s%, s:s}", "name", pair,
                                                       (size_t)(eq - pair), "value", eq + 1));
        }
        json_array_foreach (json_at(spec, "arguments", "parameters"), i, p) {
                const char *name = json_str(p, "name");
                if (name && !is_named(given, name))
                        json_array_append(given, p);
        }
        json_put_at(spec, TAKE(given), "arguments", "parameters");
        return 0;
}

/* ---- is there something below that has succeeded? ---- */

struct frame {
        const json_t *node;
        const char *id;
        size_t next;
};

static const json_t *child_at(const json_t *nodes, const json_t *node, size_t i, const char **id)
{
        *id = json_string_value(json_array_get(json_object_get(node, "children"), i));
        return *id ? json_object_get(nodes, *id) : NULL;
}

/* Depth first, every node once: its answer stands when its children's do. */
static void answer(json_t *above, json_t *seen, const json_t *nodes, const json_t *but,
                   struct frame *stack)
{
        size_t depth = 1;
        while (depth) {
                struct frame *f = &stack[depth - 1];
                const char *id;
                if (f->next == json_array_size(json_object_get(f->node, "children"))) {
                        depth--;
                        continue;
                }
                const json_t *child = child_at(nodes, f->node, f->next, &id);
                if (child && !json_object_get(seen, id)) {
                        json_object_set_new(seen, id, json_true());
                        stack[depth++] = (struct frame){child, id, 0};
                        continue; /* this child is looked at again when it is done */
                }
                f->next++;
                if (child &&
                    ((streq(json_str(child, "phase"), "Succeeded") && !json_object_get(but, id)) ||
                     json_object_get(above, id)))
                        json_object_set_new(above, f->id, json_true());
        }
}

json_t *redo_above_success(const json_t *nodes, const json_t *but)
{
        json_t *above = json_object(), *node;
        AUTO_JSON json_t *seen = json_object();
        const char *id;
        struct frame *stack = mem_calloc(json_object_size(nodes) + 1, sizeof(*stack));
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, node) {
                if (json_object_get(seen, id))
                        continue;
                json_object_set_new(seen, id, json_true());
                stack[0] = (struct frame){node, id, 0};
                answer(above, seen, nodes, but, stack);
        }
        mem_free(stack);
        return above;
}

void redo_detach(json_t *workflow)
{
        static const char *const of_the_object[] = {"uid", "resourceVersion", "creationTimestamp",
                                                    "generation", "deletionTimestamp"};
        for (size_t i = 0; i < ARRAY_LEN(of_the_object); i++)
                json_object_del(json_object_get(workflow, "metadata"), of_the_object[i]);
}
