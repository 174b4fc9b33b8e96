/* workflow/engine/node.c: the node array: names, ids, phases, links.
 *
 * Ids are visible to users (pod names, artifact keys, API paths), so they are Argo's FNV-1a 32 of
 * the full name; inside, nodes are indexes. Two names with one hash are fatal in Argo: here the
 * later one takes the next free number. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/memo.h"
#include "workflow/engine/sync.h"

static const char *const phase_names[PHASE_COUNT] = {"",        "Pending", "Running", "Succeeded",
                                                     "Skipped", "Failed",  "Error",   "Omitted"};
static const char *const type_names[NODE_TYPE_COUNT] = {
        "Pod",   "Container", "Steps",   "StepGroup", "DAG",   "TaskGroup",
        "Retry", "Skipped",   "Suspend", "HTTP",      "Plugin"};

bool phase_completed(enum node_phase p)
{
        return p == PHASE_SUCCEEDED || p == PHASE_FAILED || p == PHASE_ERROR;
}

bool phase_bad(enum node_phase p)
{
        return p == PHASE_FAILED || p == PHASE_ERROR;
}

bool node_fulfilled(const struct node *n)
{
        return n->phase >= PHASE_SUCCEEDED || n->daemoned;
}

const char *node_phase_name(enum node_phase p)
{
        return phase_names[p];
}

const char *node_type_name(enum node_type t)
{
        return type_names[t];
}

enum node_phase node_phase_parse(const char *s)
{
        for (int i = 1; s && i < PHASE_COUNT; i++)
                if (strcmp(s, phase_names[i]) == 0)
                        return (enum node_phase)i;
        return PHASE_NONE;
}

enum node_type node_type_parse(const char *s)
{
        for (int i = 0; s && i < NODE_TYPE_COUNT; i++)
                if (strcmp(s, type_names[i]) == 0)
                        return (enum node_type)i;
        return NODE_TYPE_COUNT;
}

void ids_add(struct ids *v, uint32_t id)
{
        mem_grow(v->v, v->cap, v->n + 1);
        v->v[v->n++] = id;
}

const char *wf_intern(struct wf *wf, const char *text)
{
        struct interned *found;
        HASH_FIND_STR(wf->strings, text, found);
        if (!found) {
                size_t n = strlen(text);
                found = mem_alloc(sizeof(*found) + n + 1);
                memcpy(found->text, text, n);
                HASH_ADD_STR(wf->strings, text, found);
        }
        return found->text;
}

const char *wf_name_printf(struct wf *wf, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        char *text = mem_vprintf(fmt, ap);
        va_end(ap);
        const char *kept = arena_strndup(&wf->names, text, strlen(text));
        mem_free(text);
        return kept;
}

/* ---- index by id ---- */

static void index_put(struct wf *wf, uint32_t node)
{
        uint32_t id = wf->nodes[node].id, mask = wf->cap_by_id - 1, i = id & mask;
        while (wf->by_id[i].node)
                i = (i + 1) & mask;
        wf->by_id[i] = (struct id_slot){id, node + 1};
}

static void index_grow(struct wf *wf)
{
        if (wf->cap_by_id && wf->n_nodes * 2 < wf->cap_by_id)
                return;
        wf->cap_by_id = wf->cap_by_id ? wf->cap_by_id * 2 : 64;
        mem_free(wf->by_id);
        wf->by_id = mem_calloc(wf->cap_by_id, sizeof(*wf->by_id));
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                index_put(wf, i);
}

/* The node of that id; with a name the one of that name, whose hash `id` is: its id may be a little
 * more, where others had it before. */
static uint32_t find_id(const struct wf *wf, uint32_t id, const char *name)
{
        if (!wf->cap_by_id)
                return NONE;
        uint32_t mask = wf->cap_by_id - 1;
        for (uint32_t i = id & mask; wf->by_id[i].node; i = (i + 1) & mask) {
                const struct id_slot *s = &wf->by_id[i];
                if (name ? s->id - id <= wf->moved && strcmp(wf->nodes[s->node - 1].name, name) == 0
                         : s->id == id)
                        return s->node - 1;
        }
        return NONE;
}

uint32_t node_find(const struct wf *wf, const char *name)
{
        return find_id(wf, fnv1a32(name, strlen(name)), name);
}

uint32_t node_by_id_text(const struct wf *wf, const char *id)
{
        size_t n = strlen(wf->name);
        if (strcmp(id, wf->name) == 0)
                return node_find(wf, wf->name);
        uint64_t number;
        if (strncmp(id, wf->name, n) != 0 || id[n] != '-' || !str_to_u64(id + n + 1, &number) ||
            number > UINT32_MAX)
                return NONE;
        return find_id(wf, (uint32_t)number, NULL);
}

char *node_id_text(const struct wf *wf, const struct node *n, struct arena *a)
{
        if (strcmp(n->name, wf->name) == 0)
                return arena_printf(a, "%s", wf->name);
        return arena_printf(a, "%s-%u", wf->name, n->id);
}

char *node_pod_name(const struct wf *wf, const struct node *n, struct arena *a)
{
        if (strcmp(n->name, wf->name) == 0)
                return arena_printf(a, "%s", wf->name);
        const char *tmpl = n->tmpl && *n->tmpl->name ? n->tmpl->name : n->template_name;
        bool inlined = !*tmpl || strstr(n->name, ".inline") != NULL;
        char *prefix = mem_printf(inlined ? "%s" : "%s-%s", wf->name, tmpl);
        char *out = arena_printf(a, "%.242s-%u", prefix, n->id);
        mem_free(prefix);
        return out;
}

static bool has_progress(const struct node *n)
{
        return node_is_work(n) || n->type == NODE_SUSPEND || n->type == NODE_CONTAINER;
}

/* ---- creation ---- */

/* The name behind its boundary's, without "[i]." or "." in front. */
static const char *display_of(const struct wf *wf, const char *name, uint32_t boundary)
{
        if (boundary == NONE)
                return name;
        const char *prefix = wf->nodes[boundary].name;
        size_t n = strlen(prefix);
        if (strncmp(name, prefix, n) != 0)
                return name;
        const char *rest = name + n, *p = rest;
        if (*p == '[') {
                p++;
                size_t digits = strspn(p, "0123456789");
                p = digits && p[digits] == ']' ? p + digits + 1 : rest;
        }
        return *p == '.' ? p + 1 : rest;
}

uint32_t node_add(struct wf *wf, const struct node_new *how)
{
        mem_grow(wf->nodes, wf->cap_nodes, wf->n_nodes + 1);
        index_grow(wf);
        uint32_t index = wf->n_nodes;
        struct node *n = &wf->nodes[index];
        size_t len = strlen(how->name);
        *n = (struct node){.name = arena_strndup(&wf->names, how->name, len),
                           .template_name = "",
                           .scope = ""};
        n->id = fnv1a32(how->name, len);
        for (uint32_t moved = 1; find_id(wf, n->id, NULL) != NONE; moved++) {
                n->id++;
                wf->moved = moved > wf->moved ? moved : wf->moved;
        }
        wf->n_nodes++;
        index_put(wf, index);
        n->display = display_of(wf, n->name, how->boundary);
        n->type = (uint8_t)how->type;
        n->role = (uint8_t)how->role;
        n->boundary = how->boundary;
        n->owner = how->owner;
        n->slot = how->slot;
        n->item = n->hook_of = NONE;
        n->started_s = wf->now_ns / NS_PER_S;
        if (has_progress(n)) {
                n->progress_all = 1;
                wf->progress_all++;
                wf->changed = true;
        }
        node_set(wf, index, how->phase, how->message);
        return index;
}

void node_touch(struct wf *wf, uint32_t i)
{
        if (wf->nodes[i].dirty)
                return;
        wf->nodes[i].dirty = true;
        ids_add(&wf->dirty, i);
}

static void push_queue(struct wf *wf, uint32_t i)
{
        if (wf->q_tail == wf->cap_queue && wf->q_head > 0) {
                memmove(wf->queue, wf->queue + wf->q_head,
                        (wf->q_tail - wf->q_head) * sizeof(*wf->queue));
                wf->q_tail -= wf->q_head;
                wf->q_head = 0;
        }
        mem_grow(wf->queue, wf->cap_queue, wf->q_tail + 1);
        wf->queue[wf->q_tail++] = i;
}

void node_requeue(struct wf *wf, uint32_t i)
{
        if (!wf->nodes[i].queued) {
                wf->nodes[i].queued = true;
                push_queue(wf, i);
        }
}

static bool is_active(enum node_phase p)
{
        return p == PHASE_PENDING || p == PHASE_RUNNING;
}

/* What the limits look at. */
static void count_change(struct wf *wf, const struct node *n, enum node_phase from,
                         enum node_phase to)
{
        uint32_t was_active = is_active(from), active = is_active(to);
        uint32_t was_bad = phase_bad(from), bad = phase_bad(to);
        wf->failed_nodes += bad - was_bad;
        wf->freed = wf->freed || active < was_active;
        if (node_is_work(n))
                wf->active_pods += active - was_active;
        if (n->boundary == NONE ||
            (!node_is_work(n) && n->type != NODE_STEPS && n->type != NODE_DAG))
                return;
        wf->nodes[n->boundary].active_work += node_is_work(n) ? active - was_active : 0;
        wf->nodes[n->boundary].active_children += active - was_active;
        wf->nodes[n->boundary].bad_children += bad - was_bad;
}

void node_set(struct wf *wf, uint32_t i, enum node_phase phase, const char *message)
{
        struct node *n = &wf->nodes[i];
        bool was_fulfilled = node_fulfilled(n);
        bool same_message = !message || strcmp(message, n->message ? n->message : "") == 0;
        if (n->phase == phase && same_message)
                return;
        sync_before_phase(wf, i, phase);
        count_change(wf, n, n->phase, phase);
        n->phase = (uint8_t)phase;
        if (!same_message) {
                mem_free(n->message);
                n->message = *message ? mem_strdup(message) : NULL;
        }
        if (phase >= PHASE_SUCCEEDED && !n->finished_s)
                n->finished_s = wf->now_ns / NS_PER_S;
        if (has_progress(n) && phase == PHASE_SUCCEEDED && n->progress_done < n->progress_all) {
                wf->progress_done += (uint32_t)(n->progress_all - n->progress_done);
                n->progress_done = n->progress_all;
                wf->changed = true;
        }
        node_touch(wf, i);
        if (n->watched)
                ids_add(&wf->look, i);
        if ((n->type == NODE_STEPS || n->type == NODE_DAG) && phase >= PHASE_SUCCEEDED)
                daemons_end(wf, i);
        if (!was_fulfilled && node_fulfilled(n)) { /* in the same step, also when it is suspended */
                memo_fulfilled(wf, i);
                sync_fulfilled(wf, i);
        }
        if (!was_fulfilled && node_fulfilled(n) && !n->queued) {
                n->queued = true;
                push_queue(wf, i);
        }
}

void node_set_outputs(struct wf *wf, uint32_t i, json_t *outputs)
{
        json_decref(wf->nodes[i].outputs);
        wf->nodes[i].outputs = outputs;
        node_touch(wf, i);
}

/* ---- links ---- */

void node_link(struct wf *wf, uint32_t parent, uint32_t child)
{
        struct ids *c = &wf->nodes[parent].children;
        if (c->n && c->v[c->n - 1] == child)
                return;
        ids_add(c, child);
        node_touch(wf, parent);
}

void node_link_once(struct wf *wf, uint32_t parent, uint32_t child)
{
        if (!wf->nodes[child].linked)
                node_link(wf, parent, child);
        wf->nodes[child].linked = true;
}

void node_link_behind(struct wf *wf, uint32_t before, uint32_t child)
{
        struct ids out = {0};
        node_outbound(wf, before, &out);
        for (uint32_t i = 0; i < out.n; i++)
                node_link(wf, out.v[i], child);
        mem_free(out.v);
}

static bool is_container_set(const struct wf *wf, const struct node *n)
{
        return n->children.n && wf->nodes[n->children.v[0]].type == NODE_CONTAINER;
}

static void outbound(const struct wf *wf, uint32_t i, struct ids *out, int depth)
{
        const struct node *n = &wf->nodes[i];
        if (depth > WF_MAX_DEPTH + 2) {
                ids_add(out, i);
                return;
        }
        switch ((enum node_type)n->type) {
        case NODE_RETRY:                       /* its last child, be it the exit hook */
                if (n->children.n || !n->memo) /* a remembered result has no attempts */
                        ids_add(out, n->children.n ? n->children.v[n->children.n - 1] : i);
                return;
        case NODE_TASK_GROUP: {
                uint32_t before = out->n;
                for (uint32_t k = 0; k < n->children.n; k++)
                        outbound(wf, n->children.v[k], out, depth + 1); /* its exit hook, too */
                if (out->n == before)
                        ids_add(out, i);
                return;
        }
        case NODE_STEPS:
        case NODE_DAG:
                for (uint32_t k = 0; k < n->outbound.n; k++)
                        ids_add(out, n->outbound.v[k]); /* resolved when the node finished */
                if (json_is_true(json_object_get(n->memo, "hit")))
                        ids_add(out, i); /* nothing is inside of it */
                return;
        case NODE_POD: /* of a containerSet: its last containers, and what hangs on them */
        case NODE_CONTAINER:
                if (n->type == NODE_POD && !is_container_set(wf, n))
                        break;
                for (uint32_t k = 0; k < n->children.n; k++)
                        outbound(wf, n->children.v[k], out, depth + 1);
                if (n->children.n)
                        return;
                break;
        default: break;
        }
        ids_add(out, i);
}

void node_outbound(const struct wf *wf, uint32_t i, struct ids *out)
{
        outbound(wf, i, out, 0);
}

/* ---- frames ---- */

void frame_free(struct frame *f)
{
        if (!f)
                return;
        for (uint32_t i = 0; i < f->n_slots && f->slots; i++) {
                json_decref(f->slots[i].body);
                fanout_free(f->slots[i].loop);
        }
        mem_free(f->slots);
        mem_free(f->targets);
        mem_free(f->order);
        mem_free(f->ready.v);
        mem_free(f);
}

void node_close(struct wf *wf, uint32_t i)
{
        frame_free(wf->nodes[i].frame);
        wf->nodes[i].frame = NULL;
}
