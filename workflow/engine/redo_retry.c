/* workflow/engine/redo_retry.c: the same workflow again, without what failed.
 *
 * Argo's walk: every failed node (and every node that the selector names) is deleted with all that
 * hangs below it; from it upwards the groups it is in, and failed Retry nodes, are set Running
 * again. A failed node with a succeeded one below (its exit handler, a task that handles the
 * failure) stays. Nodes are taken from the top of the tree, so that what is deleted with one above
 * resets nothing on its own. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/fieldsel.h"
#include "workflow/engine/redo.h"
#include <stdlib.h>

#define NO_NODE UINT32_MAX

struct item {
        const char *id, *name, *type;
        json_t *node;      /* borrowed from the old object */
        uint32_t parent;   /* the last one, in the order of ids, that names it as its child */
        uint32_t boundary; /* NO_NODE: none */
        bool failed, wanted, reset, deleted, seen;
};
struct tree {
        struct item *items; /* sorted by id */
        uint32_t n;
        uint32_t *queue; /* scratch: n entries */
        json_t *index;   /* id -> number */
};

/* ---- the tree ---- */

static uint32_t find(const struct tree *t, const char *id)
{
        const json_t *at = id ? json_object_get(t->index, id) : NULL;
        return at ? (uint32_t)json_integer_value(at) : NO_NODE;
}

static uint32_t child_at(const struct tree *t, uint32_t i, size_t k)
{
        const json_t *children = json_object_get(t->items[i].node, "children");
        return find(t, json_string_value(json_array_get(children, k)));
}

static size_t n_children(const struct tree *t, uint32_t i)
{
        return json_array_size(json_object_get(t->items[i].node, "children"));
}

static int by_id(const void *a, const void *b)
{
        return strcmp(((const struct item *)a)->id, ((const struct item *)b)->id);
}

static bool is_bad(const json_t *node)
{
        const char *phase = json_str(node, "phase");
        return streq(phase, "Failed") || streq(phase, "Error");
}

static void tree_init(struct tree *t, const json_t *nodes)
{
        const char *id;
        json_t *node;
        *t = (struct tree){.items = mem_calloc(json_object_size(nodes) + 1, sizeof(*t->items)),
                           .queue = mem_calloc(json_object_size(nodes) + 1, sizeof(*t->queue)),
                           .index = json_object()};
        json_object_foreach ((json_t *)(uintptr_t)nodes, id, node) {
                const char *name = json_str(node, "name"), *type = json_str(node, "type");
                t->items[t->n++] = (struct item){.id = id,
                                                 .name = name ? name : "",
                                                 .type = type ? type : "",
                                                 .node = node,
                                                 .parent = NO_NODE,
                                                 .failed = is_bad(node)};
        }
        qsort(t->items, t->n, sizeof(*t->items), by_id);
        for (uint32_t i = 0; i < t->n; i++)
                json_object_set_new_nocheck(t->index, t->items[i].id, json_integer(i));
        for (uint32_t i = 0; i < t->n; i++) {
                t->items[i].boundary = find(t, json_str(t->items[i].node, "boundaryID"));
                for (size_t k = 0; k < n_children(t, i); k++) {
                        uint32_t child = child_at(t, i, k);
                        if (child != NO_NODE)
                                t->items[child].parent = i;
                }
        }
}

static void tree_deinit(struct tree *t)
{
        mem_free(t->items);
        mem_free(t->queue);
        json_decref(t->index);
}

/* ---- which nodes run again ---- */

static bool is_execution(const char *type)
{
        return streq(type, "Container") || streq(type, "Pod") || streq(type, "HTTP") ||
               streq(type, "Plugin");
}

static bool is_group(const char *type)
{
        return streq(type, "DAG") || streq(type, "TaskGroup") || streq(type, "StepGroup") ||
               streq(type, "Steps");
}

/* Of an attempt its Retry node is looked at: what hangs behind the step hangs there. */
static const char *judged_by(const struct tree *t, const struct item *n)
{
        bool attempt = json_is_true(json_at(n->node, "nodeFlag", "retried"));
        bool below = attempt && n->parent != NO_NODE && streq(t->items[n->parent].type, "Retry");
        return below ? t->items[n->parent].id : n->id;
}

static void mark_wanted(struct tree *t, const json_t *nodes, const struct redo *r)
{
        AUTO_JSON json_t *selected = json_object();
        bool selects = r->restart_successful && !str_empty(r->node_field_selector);
        for (uint32_t i = 0; selects && i < t->n; i++)
                if (fieldsel_matches(r->node_field_selector, t->items[i].node)) {
                        t->items[i].wanted = true;
                        json_object_set_new_nocheck(selected, t->items[i].id, json_true());
                }
        AUTO_JSON json_t *above = redo_above_success(nodes, selected);
        for (uint32_t i = 0; i < t->n; i++) {
                struct item *n = &t->items[i];
                if (n->failed && is_execution(n->type) && !json_object_get(above, judged_by(t, n)))
                        n->wanted = true;
        }
}

/* ---- deleting downwards, resetting upwards ---- */

static void delete_below(struct tree *t, uint32_t from)
{
        uint32_t head = 0, tail = 0;
        for (uint32_t i = 0; i < t->n; i++)
                t->items[i].seen = false;
        t->queue[tail++] = from;
        t->items[from].seen = true;
        while (head < tail) {
                uint32_t at = t->queue[head++];
                for (size_t k = 0; k < n_children(t, at); k++) {
                        uint32_t child = child_at(t, at, k);
                        if (child == NO_NODE || t->items[child].seen)
                                continue;
                        t->items[child].seen = t->items[child].deleted = true;
                        t->queue[tail++] = child;
                }
        }
}

/* Up to the node `to`, which is reset. */
static uint32_t reset_up_to(struct tree *t, uint32_t at, uint32_t to)
{
        for (uint32_t steps = 0; at != NO_NODE && steps <= t->n; steps++) {
                if (at == to) {
                        t->items[at].reset = true;
                        return at;
                }
                at = t->items[at].parent;
        }
        return NO_NODE;
}

/* A group was reset: so are the groups it is in, boundary by boundary. Returns where the walk goes
 * on. */
static uint32_t reset_boundaries(struct tree *t, uint32_t at)
{
        while (at != NO_NODE) {
                uint32_t parent = t->items[at].parent;
                if (parent != NO_NODE && streq(t->items[parent].type, "Retry")) {
                        t->items[parent].reset = true;
                        at = parent;
                        parent = t->items[at].parent;
                }
                if (parent != NO_NODE && (streq(t->items[parent].type, "StepGroup") ||
                                          streq(t->items[parent].type, "TaskGroup")))
                        t->items[parent].reset = true;
                if (t->items[at].boundary == NO_NODE)
                        return parent;
                at = reset_up_to(t, at, t->items[at].boundary);
        }
        return NO_NODE;
}

/* The containers of a set go with their pod. */
static uint32_t delete_pod_of(struct tree *t, uint32_t at)
{
        for (uint32_t steps = 0; at != NO_NODE && steps <= t->n; steps++) {
                if (streq(t->items[at].type, "Pod")) {
                        t->items[at].deleted = true;
                        delete_below(t, at);
                        return at;
                }
                at = t->items[at].parent;
        }
        return NO_NODE;
}

static void redo_node(struct tree *t, uint32_t start)
{
        uint32_t at = start;
        t->items[start].deleted = true;
        delete_below(t, start);
        if (t->items[start].parent == NO_NODE)
                return;
        for (uint32_t steps = 0; at != NO_NODE && steps <= 2 * t->n; steps++) {
                const struct item *n = &t->items[at];
                if (is_group(n->type)) {
                        t->items[at].reset = true;
                        at = reset_boundaries(t, at);
                } else if (streq(n->type, "Container")) {
                        at = delete_pod_of(t, at);
                        at = at == NO_NODE ? at : t->items[at].parent;
                } else {
                        if (streq(n->type, "Retry") && n->failed)
                                t->items[at].reset = true;
                        at = n->parent;
                }
        }
}

/* Breadth first from the root: the nodes at the top first. */
static uint32_t *top_down(const struct tree *t, const char *root_name, uint32_t *n)
{
        uint32_t *order = mem_calloc(t->n + 1, sizeof(*order)), head = 0;
        bool *seen = mem_calloc(t->n + 1, sizeof(*seen));
        *n = 0;
        for (uint32_t i = 0; i < t->n && !*n; i++)
                if (streq(t->items[i].name, root_name)) {
                        order[(*n)++] = i;
                        seen[i] = true;
                }
        while (head < *n) {
                uint32_t at = order[head++];
                for (size_t k = 0; k < n_children(t, at); k++) {
                        uint32_t child = child_at(t, at, k);
                        if (child == NO_NODE || seen[child])
                                continue;
                        seen[child] = true;
                        order[(*n)++] = child;
                }
        }
        mem_free(seen);
        return order;
}

/* New arguments may give other items: the loops that run again are expanded anew. */
static void delete_items_of_reset_groups(struct tree *t)
{
        for (uint32_t i = 0; i < t->n; i++) {
                const struct item *n = &t->items[i];
                if (n->reset && !n->deleted &&
                    (streq(n->type, "TaskGroup") || streq(n->type, "StepGroup")))
                        delete_below(t, i);
        }
}

/* ---- the new nodes ---- */

static json_t *time_text(struct wall now)
{
        char text[40];
        time_rfc3339(now.ns / NS_PER_S * NS_PER_S, text);
        return json_string(text);
}

/* What somebody supplied is asked for again. */
static void forget_supplied(json_t *node)
{
        json_t *p;
        size_t i;
        json_array_foreach (json_at(node, "outputs", "parameters"), i, p) {
                json_object_del(p, "value");
                json_object_set_new(p, "valueFrom", json_pack("{s:{}}", "supplied"));
        }
}

static json_t *reset_node(const json_t *old, struct wall now)
{
        json_t *node = json_deep_copy(old);
        if (streq(json_str(node, "type"), "Suspend"))
                forget_supplied(node);
        if (!streq(json_str(node, "phase"), "Skipped"))
                json_object_set_new(node, "phase", json_string("Running"));
        json_object_del(node, "message");
        json_object_set_new(node, "startedAt", time_text(now));
        json_object_set_new(node, "finishedAt", json_null());
        return node;
}

static void drop_deleted(const struct tree *t, json_t *node, const char *key)
{
        json_t *ids = json_object_get(node, key), *kept = json_array(), *id;
        size_t i;
        json_array_foreach (ids, i, id) {
                uint32_t at = find(t, json_string_value(id));
                if (at == NO_NODE || !t->items[at].deleted)
                        json_array_append(kept, id);
        }
        if (ids)
                json_object_set(node, key, kept);
        json_decref(kept);
}

static json_t *new_nodes(const struct tree *t, const char *wf_name, struct wall now)
{
        json_t *nodes = json_object();
        AUTO(mem_free) char *exit = mem_printf("%s.onExit", wf_name);
        for (uint32_t i = 0; i < t->n; i++) {
                const struct item *n = &t->items[i];
                if (n->deleted || str_starts(n->name, exit))
                        continue;
                json_t *node = n->reset ? reset_node(n->node, now) : json_deep_copy(n->node);
                drop_deleted(t, node, "children");
                drop_deleted(t, node, "outboundNodes");
                json_object_set_new(nodes, n->id, node);
        }
        return nodes;
}

/* ---- the object ---- */

static int check(const json_t *workflow, const struct redo *r, struct err *e)
{
        const char *phase = json_str(workflow, "status", "phase");
        if (streq(phase, "Failed") || streq(phase, "Error"))
                return r->restart_successful ? fieldsel_check(r->node_field_selector, e) : 0;
        if (!streq(phase, "Succeeded"))
                return err_set(e, ERR_INVALID, "Cannot retry a workflow in phase %s",
                               phase ? phase : "");
        if (!r->restart_successful || str_empty(r->node_field_selector))
                return err_set(e, ERR_INVALID,
                               "To retry a succeeded workflow, set the options restartSuccessful "
                               "and nodeFieldSelector");
        return fieldsel_check(r->node_field_selector, e);
}

static void open_again(json_t *workflow, struct wall now)
{
        static const char *const over[] = {"finishedAt", "persistentVolumeClaims", "progress",
                                           "synchronization", "message"};
        json_t *labels = json_at(workflow, "metadata", "labels"),
               *status = json_object_get(workflow, "status"),
               *stored = json_object_get(status, "storedWorkflowTemplateSpec"),
               *spec = json_object_get(workflow, "spec");
        json_object_del(labels, "workflows.argoproj.io/completed");
        json_object_del(labels, "workflows.argoproj.io/workflow-archiving-status");
        json_object_del(labels, "workflows.argoproj.io/phase");
        for (size_t i = 0; i < ARRAY_LEN(over); i++)
                json_object_del(status, over[i]);
        json_object_set_new(status, "phase", json_string(""));
        json_object_set_new(status, "startedAt", time_text(now));
        json_object_set_new(status, "conditions",
                            json_pack("[{s:s,s:s}]", "type", "Completed", "status", "False"));
        json_object_del(stored, "shutdown");
        json_object_del(spec, "shutdown");
        const json_t *deadline = json_object_get(spec, "activeDeadlineSeconds");
        if (json_is_integer(deadline) && json_integer_value(deadline) == 0)
                json_object_del(spec, "activeDeadlineSeconds"); /* that is how it was ended */
}

int redo_retry(json_t **out, const json_t *workflow, const struct redo *r, struct err *e)
{
        const json_t *nodes = json_at(workflow, "status", "nodes");
        const char *name = json_str(workflow, "metadata", "name");
        struct tree t;
        uint32_t n;
        if (check(workflow, r, e) < 0)
                return -1;
        AUTO_JSON json_t *again = json_deep_copy(workflow);
        open_again(again, r->now);
        json_t *stored = json_at(again, "status", "storedWorkflowTemplateSpec");
        if (redo_override(json_object_get(again, "spec"), r, e) < 0 ||
            (stored && redo_override(stored, r, e) < 0))
                return -1;
        tree_init(&t, nodes);
        mark_wanted(&t, nodes, r);
        uint32_t *order = top_down(&t, name, &n);
        for (uint32_t i = 0; i < n; i++)
                if (t.items[order[i]].wanted && !t.items[order[i]].deleted)
                        redo_node(&t, order[i]);
        if (r->n_parameters)
                delete_items_of_reset_groups(&t);
        json_object_set_new(json_object_get(again, "status"), "nodes", new_nodes(&t, name, r->now));
        mem_free(order);
        tree_deinit(&t);
        *out = TAKE(again);
        return 0;
}
