/* workflow/engine/container_set.c: the containers of a containerSet as nodes of their own, children
 * of its pod (argo-workflows.md 1.2, 3.4). They run inside of one pod: the engine only draws the
 * graph and writes down what the pod says of each. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static const json_t *containers_of(const struct node *pod)
{
        if (!pod->tmpl || pod->tmpl->type != TMPL_CONTAINER_SET)
                return NULL;
        return json_at(pod->tmpl->body, "containerSet", "containers");
}

static uint32_t find(const struct wf *wf, uint32_t pod, const char *container)
{
        char *name = mem_printf("%s.%s", node_at(wf, pod)->name, container ? container : "");
        uint32_t found = node_find(wf, name);
        mem_free(name);
        return found;
}

/* False: they are there (the pod is started again). */
static bool add(struct wf *wf, uint32_t pod, const char *container)
{
        char *name = mem_printf("%s.%s", node_at(wf, pod)->name, container ? container : "");
        bool is_new = node_find(wf, name) == NONE;
        if (is_new) {
                struct node_new how = {.name = name,
                                       .type = NODE_CONTAINER,
                                       .phase = PHASE_PENDING,
                                       .boundary = pod,
                                       .owner = NONE,
                                       .role = ROLE_CONTAINER};
                uint32_t index = node_add(wf, &how);
                struct node *n = node_at(wf, index);
                const struct node *p = node_at(wf, pod);
                n->template_name = p->template_name;
                n->template_ref = json_incref(p->template_ref);
                n->scope = p->scope;
                n->exit_tree = p->exit_tree;
                n->hooked = p->hooked;
                n->retried = p->retried;
                n->depth = p->depth;
        }
        mem_free(name);
        return is_new;
}

void container_set_open(struct wf *wf, uint32_t pod)
{
        const json_t *list = containers_of(node_at(wf, pod));
        size_t i, k;
        json_t *c, *dep;
        json_array_foreach ((json_t *)(uintptr_t)list, i, c)
                if (!add(wf, pod, json_str(c, "name")))
                        return;
        json_array_foreach ((json_t *)(uintptr_t)list, i, c) {
                uint32_t node = find(wf, pod, json_str(c, "name"));
                if (!json_array_size(json_object_get(c, "dependencies")))
                        node_link(wf, pod, node);
                json_array_foreach (json_object_get(c, "dependencies"), k, dep) {
                        uint32_t before = find(wf, pod, json_string_value(dep));
                        if (before != NONE)
                                node_link(wf, before, node);
                }
        }
}

static void take_end(struct wf *wf, uint32_t node, const json_t *state)
{
        const char *words = json_str(state, "message"), *name = json_str(state, "name");
        json_int_t code = json_integer_value(json_object_get(state, "exitCode"));
        char *message =
                mem_printf("%s: %s (exit code %lld): %s", name, code ? "Error" : "Completed",
                           (long long)code, words ? words : "");
        if (code == 0)
                node_set(wf, node, PHASE_SUCCEEDED, NULL);
        else
                node_set(wf, node, code == 64 ? PHASE_ERROR : PHASE_FAILED, message);
        mem_free(message);
}

void container_set_update(struct wf *wf, uint32_t pod, const json_t *states)
{
        size_t i;
        json_t *state;
        if (!containers_of(node_at(wf, pod)))
                return;
        json_array_foreach ((json_t *)(uintptr_t)states, i, state) {
                uint32_t node = find(wf, pod, json_str(state, "name"));
                if (node == NONE || node_at(wf, node)->phase >= PHASE_SUCCEEDED)
                        continue;
                if (json_object_get(state, "exitCode"))
                        take_end(wf, node, state);
                else
                        node_set(wf, node, PHASE_RUNNING, NULL);
        }
}

void container_set_fail(struct wf *wf, uint32_t pod, enum node_phase phase, const char *message)
{
        const json_t *list = containers_of(node_at(wf, pod));
        size_t i;
        json_t *c;
        json_array_foreach ((json_t *)(uintptr_t)list, i, c) {
                uint32_t node = find(wf, pod, json_str(c, "name"));
                if (node != NONE && node_at(wf, node)->phase < PHASE_SUCCEEDED)
                        node_set(wf, node, phase, message);
        }
}
