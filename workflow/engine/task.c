/* workflow/engine/task.c: what steps and tasks have in common: references resolved, loops expanded,
 * conditions judged, started.
 *
 * Preparing (everything that can fail) comes before starting, as in Argo: a step that cannot be
 * resolved errors its group before any of its items runs. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/when.h"
#include "workflow/engine/engine_priv.h"
#include "workflow/spec/strings.h"

static bool says_item(struct str tag)
{
        return tag.n >= 4 && memcmp(tag.p, "item", 4) == 0 && (tag.n == 4 || tag.p[4] == '.');
}

static void note_item(void *arg, struct str whole, struct str tag, bool is_expr)
{
        bool *found = arg;
        (void)whole;
        *found = *found || (is_expr ? memmem(tag.p, tag.n, "item", 4) != NULL : says_item(tag));
}

static bool mentions_item(const char *text)
{
        bool found = false;
        tag_each(text, strlen(text), note_item, &found);
        return found;
}

/* The condition alone, with what is absent left as text: is it certainly false? */
static bool surely_skipped(const struct task *task, struct scope *s, char **text)
{
        struct err why = {0};
        bool proceed = true;
        if (!*task->when || mentions_item(task->when))
                return false;
        s->absent_ok = true;
        struct tag_opts o = scope_tags(s);
        if (tag_string(text, task->when, &o, &why) < 0 ||
            when_eval(&proceed, *text, WHEN_WORDS_ARE_STRINGS, &why) < 0)
                proceed = true;
        s->absent_ok = false;
        err_clear(&why);
        return !proceed;
}

/* A task whose condition is false needs none of its references. */
static json_t *skipped_body(const struct task *task, const char *when)
{
        json_t *body = json_copy(task->body);
        json_object_del(body, "arguments");
        json_object_set_new_nocheck(body, "when", json_string_nocheck(when));
        return body;
}

static int render(json_t **out, const struct task *task, struct scope *s, struct err *e)
{
        AUTO_JSON json_t *body = json_incref(task->body);
        if (!task->tagged) {
                *out = TAKE(body);
                return 0;
        }
        char *when = NULL;
        if (surely_skipped(task, s, &when)) { /* what else it says is not looked at */
                *out = skipped_body(task, when);
                mem_free(when);
                return 0;
        }
        mem_free(when);
        args_drop_absent(&body, s);
        return scope_tree(out, body, s, e);
}

static int resolve_artifacts(json_t **body, struct scope *s, struct err *e)
{
        json_t *args = json_object_get(*body, "arguments");
        if (!json_array_size(json_object_get(args, "artifacts")))
                return 0;
        json_t *resolved = json_incref(args);
        if (args_resolve_artifacts(&resolved, s, e) < 0) {
                json_decref(resolved);
                return -1;
        }
        json_t *copy = json_copy(*body);
        json_object_set_new_nocheck(copy, "arguments", resolved);
        json_decref(*body);
        *body = copy;
        return 0;
}

static bool str_prefix(struct str s, const char *prefix)
{
        size_t n = strlen(prefix);
        return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* After the references only {{item}} tags may be left, and every {{item.key}} must be in every
 * item. */
struct item_check {
        const json_t *items;
        char *missing;
};
static void check_item_key(void *arg, struct str whole, struct str tag, bool is_expr)
{
        (void)whole;
        struct item_check *c = arg;
        size_t i;
        json_t *item;
        if (is_expr || c->missing || (says_item(tag) && tag.n <= 5))
                return;
        if (!says_item(tag) && (str_prefix(tag, "steps.") || str_prefix(tag, "tasks.")))
                return; /* left by a condition that is false */
        if (!says_item(tag)) {
                c->missing = mem_strndup(tag.p, tag.n);
                return;
        }
        json_array_foreach ((json_t *)(uintptr_t)c->items, i, item) {
                if (!json_is_object(item) || !json_object_getn(item, tag.p + 5, tag.n - 5)) {
                        c->missing = mem_strndup(tag.p, tag.n);
                        return;
                }
        }
}

static bool check_item_keys(void *arg, const char *text, size_t n)
{
        struct item_check *c = arg;
        tag_each(text, n, check_item_key, c);
        return c->missing != NULL;
}

static int check_items(const json_t *body, const json_t *items, struct err *e)
{
        struct item_check c = {.items = items};
        strings_any(body, check_item_keys, &c);
        if (!c.missing)
                return 0;
        err_set(e, ERR_INVALID, "failed to resolve {{%s}}", c.missing);
        mem_free(c.missing);
        return -1;
}

int task_prepare(struct wf *wf, uint32_t composite, uint32_t index, struct err *e)
{
        struct frame *f = node_at(wf, composite)->frame;
        const struct task *task = &f->tmpl->tasks[index];
        struct slot *slot = &f->slots[index];
        struct scope s = scope_of(wf, composite);
        AUTO_JSON json_t *body = NULL, *late = task->loops ? json_array() : NULL;
        json_t *items = NULL;
        s.late = late;
        if (render(&body, task, &s, e) < 0)
                return -1;
        const char *when = json_str(body, "when");
        bool proceed = true;
        struct err why = {0};
        if (!str_empty(when) && when_eval(&proceed, when, WHEN_WORDS_ARE_STRINGS, &why) < 0) {
                if (!task->loops) {
                        err_move(e, &why);
                        return -1;
                }
                err_clear(&why); /* it may speak of the item: judged per item */
                proceed = true;
        }
        if (proceed && resolve_artifacts(&body, &s, e) < 0)
                return -1;
        if (task->loops && loop_items(&items, body, proceed ? e : &why) < 0) {
                if (proceed)
                        return -1;
                err_clear(&why);
                items = json_array(); /* a list that nobody can read, and nobody asks for */
        }
        if (items &&
            (check_items(body, items, e) < 0 || limits_items(wf, json_array_size(items), e) < 0)) {
                json_decref(items);
                return -1;
        }
        if (items)
                slot->loop = fanout_new(items, body, late);
        slot->body = TAKE(body);
        slot->state = SLOT_PREPARED;
        return 0;
}

static enum exec_result start_one(struct wf *wf, struct exec *x, uint32_t parent, uint32_t *node)
{
        const char *when = json_str(x->ref, "when");
        bool proceed = true;
        struct err why = {0};
        char *skip = NULL;
        enum exec_result r = EXEC_OK;
        if (!str_empty(when) && when_eval(&proceed, when, WHEN_WORDS_ARE_STRINGS, &why) < 0) {
                *node = node_find(wf, x->name);
                if (*node == NONE)
                        *node = exec_idle_node(wf, x, PHASE_ERROR, err_msg(&why));
                node_at(wf, *node)->raised = true;
                err_clear(&why);
        } else {
                if (!proceed)
                        x->skip = skip = mem_printf("when '%s' evaluated false", when);
                r = exec_template(wf, x, node);
                mem_free(skip);
        }
        if (r == EXEC_OK && parent != NONE)
                node_link_once(wf, parent, *node);
        if (r == EXEC_OK && x->role != ROLE_ITEM)
                hooks_watch(wf, *node, &node_at(wf, x->boundary)->frame->tmpl->tasks[x->slot]);
        if (r == EXEC_OK && x->role == ROLE_STEP && node_at(wf, *node)->raised)
                return EXEC_RAISED;
        return r;
}

static void count_child(struct wf *wf, uint32_t owner)
{
        struct node *n = node_at(wf, owner);
        struct frame *f = n->type == NODE_STEP_GROUP ? node_at(wf, n->owner)->frame : n->frame;
        f->pending++;
}

static enum exec_result start_item(struct wf *wf, struct exec *x, struct fanout *l, uint32_t k)
{
        struct err why = {0};
        AUTO_JSON json_t *body = NULL;
        struct scope s = scope_of(wf, x->boundary);
        x->item = k;
        if (loop_body(&body, l, k, &s, &why) == 0) {
                x->ref = body;
                return start_one(wf, x, x->owner, &l->nodes[k]);
        }
        x->ref = l->body;
        l->nodes[k] = exec_idle_node(wf, x, PHASE_ERROR, err_msg(&why));
        node_at(wf, l->nodes[k])->raised = true;
        node_link_once(wf, x->owner, l->nodes[k]);
        err_clear(&why);
        return x->role == ROLE_STEP ? EXEC_RAISED : EXEC_OK;
}

static enum exec_result start_items(struct wf *wf, uint32_t composite, uint32_t index,
                                    uint32_t owner, enum node_role role, const char *base, bool all)
{
        struct fanout *l = node_at(wf, composite)->frame->slots[index].loop;
        enum exec_result result = EXEC_OK;
        for (uint32_t k = l->next; k < l->n && (all || result == EXEC_OK) && result != EXEC_RAISED;
             k++) {
                if (l->nodes[k] != NONE)
                        continue;
                struct exec x = exec_child(wf, composite, owner, role, index);
                char *name = loop_child_name(base, k, json_array_get(l->items, k));
                x.name = name;
                enum exec_result r = start_item(wf, &x, l, k);
                mem_free(name);
                if (r == EXEC_BLOCKED)
                        l->nodes[k] = NONE;
                else
                        count_child(wf, owner);
                result = r == EXEC_OK ? result : r;
        }
        while (l->next < l->n && l->nodes[l->next] != NONE)
                l->next++;
        return result;
}

enum exec_result task_start(struct wf *wf, uint32_t composite, uint32_t index, uint32_t owner,
                            enum node_role role, const char *base, bool all)
{
        struct slot *slot = &node_at(wf, composite)->frame->slots[index];
        enum exec_result r;
        uint32_t node = NONE;
        if (slot->loop && slot->loop->n) {
                r = start_items(wf, composite, index, owner, role, base, all);
                slot = &node_at(wf, composite)->frame->slots[index];
        } else {
                struct exec x = exec_child(wf, composite, owner, role, index);
                x.name = base;
                x.ref = slot->body;
                uint32_t parent = role == ROLE_STEP ? owner : NONE;
                if (slot->loop) {
                        x.skip = "Skipped, empty params";
                        r = exec_template(wf, &x, &node);
                        if (parent != NONE)
                                node_link_once(wf, parent, node);
                } else
                        r = start_one(wf, &x, parent, &node);
                slot = &node_at(wf, composite)->frame->slots[index];
                if (r != EXEC_BLOCKED) {
                        slot->node = node;
                        slot->loop = fanout_free(slot->loop);
                        count_child(wf, owner);
                }
        }
        if (r == EXEC_OK) {
                slot->state = SLOT_STARTED;
                if (!slot->loop) {
                        json_decref(slot->body);
                        slot->body = NULL;
                }
        }
        return r;
}

void task_wait(struct wf *wf, struct ids *list, uint32_t node)
{
        uint32_t low = 0, high;
        for (uint32_t i = 0; i < list->n; i++)
                if (list->v[i] == node) { /* what it waits with may come earlier now */
                        memmove(list->v + i, list->v + i + 1, (--list->n - i) * sizeof(node));
                        break;
                }
        for (high = list->n; low < high;) {
                uint32_t mid = (low + high) / 2;
                if (node_order(wf, list->v[mid], node) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        ids_add(list, node);
        memmove(list->v + low + 1, list->v + low, (list->n - 1 - low) * sizeof(node));
        list->v[low] = node;
}

void task_block(struct wf *wf, uint32_t composite)
{
        task_wait(wf, &wf->blocked, composite);
}
