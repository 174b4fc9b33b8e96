/* workflow/engine/sync.c: locks of workflows and nodes, seen from the engine (argo-workflows.md
 * 2.14). The engine asks and is answered (locks.h): a node that needs locks is made Pending and
 * asks; it goes on when they are granted and gives them back when it is fulfilled. What it holds
 * and waits for stands in the status, so that a restored workflow holds the same. SPDX-License-
 * Identifier: Apache-2.0 */
#include "workflow/engine/sync.h"
#include "workflow/engine/lock_name.h"

/* ---- which locks ---- */

typedef int lock_name_fn(char **out, const struct wf *wf, const json_t *item, struct err *e);

static const char *namespace_of(const struct wf *wf, const json_t *item)
{
        const char *ns = json_str(item, "namespace");
        return str_empty(ns) ? wf->ns : ns;
}

static int semaphore_name(char **out, const struct wf *wf, const json_t *s, struct err *e)
{
        const char *ns = namespace_of(wf, s), *key = json_str(s, "configMapKeyRef", "key"),
                   *map = json_str(s, "configMapKeyRef", "name"),
                   *row = json_str(s, "database", "key");
        bool in_map = json_is_object(json_object_get(s, "configMapKeyRef")),
             in_database = json_is_object(json_object_get(s, "database"));
        if (in_map && in_database)
                return err_set(e, ERR_INVALID,
                               "requested configuration is invalid: invalid semaphore with both "
                               "configMapKeyRef and database");
        if (!in_map && !in_database)
                return err_set(e, ERR_INVALID,
                               "requested configuration is invalid: a semaphore needs "
                               "configMapKeyRef or database");
        *out = in_database ? mem_printf("%s/Database/%s", ns, row ? row : "")
                           : mem_printf("%s/ConfigMap/%s/%s", ns, map ? map : "", key ? key : "");
        return 0;
}

static int mutex_name(char **out, const struct wf *wf, const json_t *m, struct err *e UNUSED)
{
        const char *name = json_str(m, "name");
        bool row = json_is_true(json_object_get(m, "database"));
        *out = mem_printf("%s/%s/%s", namespace_of(wf, m), row ? "DatabaseMutex" : "Mutex",
                          name ? name : "");
        return 0;
}

static bool listed_before(const json_t *list, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (json_equal(json_array_get(list, k), json_array_get(list, i)))
                        return true;
        return false;
}

static int add_names(json_t *names, struct wf *wf, const json_t *list, lock_name_fn *name_of,
                     struct err *e)
{
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                if (listed_before(list, i))
                        return err_set(e, ERR_INVALID,
                                       "requested configuration is invalid: Duplicate "
                                       "synchronization item found");
                AUTO(mem_free) char *name = NULL;
                if (name_of(&name, wf, item, e) < 0 || lock_name_check(&wf->lookup, name, e) < 0)
                        return -1;
                json_array_append_new(names, json_string_nocheck(name));
        }
        return 0;
}

static int names_of(json_t **out, struct wf *wf, const json_t *sync, struct err *e)
{
        AUTO_JSON json_t *names = json_array();
        if (add_names(names, wf, json_object_get(sync, "semaphores"), semaphore_name, e) < 0 ||
            add_names(names, wf, json_object_get(sync, "mutexes"), mutex_name, e) < 0)
                return -1;
        *out = json_array_size(names) ? TAKE(names) : NULL;
        return 0;
}

int sync_names(json_t **out, struct wf *wf, const struct tmpl *t, struct scope *s, struct err *e)
{
        AUTO_JSON json_t *sync = NULL;
        json_t *body = json_object_get(t->body, "synchronization");
        *out = NULL;
        if (!body)
                return 0;
        return scope_tree(&sync, body, s, e) < 0 ? -1 : names_of(out, wf, sync, e);
}

/* ---- state ---- */

struct node_sync *node_sync_free(struct node_sync *s)
{
        if (s)
                json_decref(s->names);
        mem_free(s);
        return NULL;
}

bool sync_waits(const struct node *n)
{
        return n->sync && n->sync->state != SYNC_HOLDS;
}

static void forget(struct ids *list, uint32_t node)
{
        for (uint32_t i = 0; i < list->n; i++)
                if (list->v[i] == node) {
                        memmove(list->v + i, list->v + i + 1, (--list->n - i) * sizeof(node));
                        return;
                }
}

static bool is_active(const struct node *n)
{
        return n->phase == PHASE_PENDING || n->phase == PHASE_RUNNING;
}

/* Who waits for a lock takes no room under the workflow's parallelism. */
static void count(struct wf *wf, uint32_t index, bool counted)
{
        struct node *n = node_at(wf, index);
        if (!node_is_work(n) || !is_active(n) || n->sync->uncounted == !counted)
                return;
        n->sync->uncounted = !counted;
        wf->active_pods += counted ? 1 : UINT32_MAX;
        wf->freed = wf->freed || !counted;
}

void sync_loaded(struct wf *wf, uint32_t index)
{
        if (sync_waits(node_at(wf, index)))
                count(wf, index, false);
}

static void put_release(struct wf *wf, const char *node_id, json_t *names)
{
        wf_put_command(wf, (struct wf_command){.kind = WF_RELEASE,
                                               .node_id = node_id,
                                               .data = json_incref(names)});
        wf->changed = true;
}

void sync_fulfilled(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        if (!n->sync)
                return;
        forget(&wf->lock_waiters, index);
        forget(&wf->lock_holders, index);
        if (n->sync->names)
                put_release(wf, node_id_text(wf, n, &wf->step), n->sync->names);
        n->sync = node_sync_free(n->sync);
        node_touch(wf, index);
}

void sync_before_phase(struct wf *wf, uint32_t index, enum node_phase to)
{
        if (node_at(wf, index)->sync && to >= PHASE_SUCCEEDED)
                count(wf, index, true); /* what is counted down has to be counted */
}

void sync_end(struct wf *wf)
{
        for (uint32_t i = 0; i < wf->n_nodes; i++)
                if (node_at(wf, i)->sync) {
                        sync_before_phase(wf, i, PHASE_SUCCEEDED);
                        sync_fulfilled(wf, i);
                }
        if (wf->lock && wf->lock->names)
                put_release(wf, NULL, wf->lock->names);
        wf->lock = node_sync_free(wf->lock);
}

/* ---- asking ---- */

/* The time of a template's timeout runs while it waits, too (timer.c ends it). */
static void set_timeout(struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        struct scope s = {.wf = wf,
                          .frame = NONE,
                          .inputs = n->inputs,
                          .node_name = n->name,
                          .attempt = -1,
                          .last_attempt = NONE};
        const char *raw = json_str(n->tmpl->body, "timeout");
        AUTO(mem_free) char *text = NULL;
        struct tag_opts o = scope_tags(&s);
        struct err why = {0};
        int64_t ns;
        if (raw && node_is_work(n) && tag_string(&text, raw, &o, &why) == 0 &&
            duration_parse(text, &ns) && ns > 0)
                control_timer(wf, n->started_s * NS_PER_S + ns, index);
        err_clear(&why);
}

void sync_ask(struct wf *wf, uint32_t index, json_t *names)
{
        struct node *n = node_at(wf, index);
        if (!n->sync)
                n->sync = NEW(struct node_sync);
        json_decref(n->sync->names);
        n->sync->names = names;
        n->sync->state = SYNC_ASKS; /* after a restart it joins the queue again */
        task_wait(wf, &wf->lock_waiters, index);
        wf->lock_wanted = true;
        set_timeout(wf, index);
}

bool sync_resume(struct wf *wf, uint32_t index, struct scope *s)
{
        struct node *n = node_at(wf, index);
        struct err why = {0};
        json_t *names = NULL;
        if (!json_object_get(n->tmpl->body, "synchronization") || n->role == ROLE_ATTEMPT)
                return false;
        if (n->sync && n->sync->state == SYNC_HOLDS)
                return false;
        s->inputs = n->inputs;
        if (sync_names(&names, wf, n->tmpl, s, &why) < 0) {
                exec_raise(wf, index, &why);
                return true;
        }
        if (names)
                sync_ask(wf, index, names);
        return names != NULL;
}

int sync_begin(struct wf *wf, struct err *e)
{
        json_t *names = NULL;
        bool held = wf->lock != NULL; /* the status says so */
        if (names_of(&names, wf, json_object_get(wf->spec, "synchronization"), e) < 0) {
                if (!held)
                        return -1;
                err_clear(e); /* the ConfigMap may be gone meanwhile; what is held is held */
                return 0;
        }
        if (!names)
                return 0;
        if (!held)
                wf->lock = NEW(struct node_sync);
        json_decref(wf->lock->names);
        wf->lock->names = names;
        wf->lock_wanted = wf->lock_wanted || !held;
        return 0;
}

bool sync_workflow_may_run(const struct wf *wf)
{
        return !wf->lock || wf->lock->state == SYNC_HOLDS || wf->shutdown != SHUTDOWN_NONE;
}

static bool has_room(const struct wf *wf, const struct node *n)
{
        bool free = !wf->parallelism || !node_is_work(n) || !n->sync->uncounted ||
                    wf->active_pods < wf->parallelism;
        return free;
}

void wf_each_lock_request(const struct wf *wf, bool all, wf_lock_fn *each, void *arg)
{
        struct arena a;
        struct wf_lock_request r = {.names = wf->lock ? wf->lock->names : NULL,
                                    .message = wf->message};
        if (wf->completed)
                return;
        if (!sync_workflow_may_run(wf)) {
                r.lock = wf->lock->waiting;
                r.fresh = wf->lock->state == SYNC_ASKS;
                if (all || wf->lock->state == SYNC_ASKS)
                        each(arg, &r);
                return;
        }
        if (wf_is_held(wf))
                return;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < wf->lock_waiters.n; i++) {
                const struct node *n = node_at(wf, wf->lock_waiters.v[i]);
                if (!has_room(wf, n) || (!all && n->sync->state != SYNC_ASKS))
                        continue;
                r = (struct wf_lock_request){.node_id = node_id_text(wf, n, &a),
                                             .names = n->sync->names,
                                             .lock = n->sync->waiting,
                                             .fresh = n->sync->state == SYNC_ASKS,
                                             .message = n->message ? n->message : ""};
                all = each(arg, &r) && all;
        }
        arena_deinit(&a);
}

struct wall wf_created(const struct wf *wf)
{
        return (struct wall){wf->created_ns};
}

const char *wf_key(const struct wf *wf)
{
        return wf->key;
}

int64_t wf_lock_priority(const struct wf *wf)
{
        return json_integer_value(json_object_get(wf->spec, "priority"));
}

/* ---- answers ---- */

static void remember_holders(struct wf *wf, const json_t *holders)
{
        if (!wf->lock_told)
                wf->lock_told = json_object();
        if (holders)
                json_object_update(wf->lock_told, (json_t *)(uintptr_t)holders);
        wf->changed = true;
}

const json_t *wf_lock_told(const struct wf *wf, const char *lock)
{
        return json_object_get(wf->lock_told, lock);
}

static void answer_workflow(struct wf *wf, const struct wf_input *in)
{
        struct node_sync *s = wf->lock;
        if (!s || s->state == SYNC_HOLDS)
                return;
        s->state = in->granted ? SYNC_HOLDS : SYNC_WAITS;
        s->waiting = in->granted ? NULL : wf_intern(wf, in->lock);
        if (in->granted)
                wf_start_clock(wf);
        else
                wf_set_phase(wf, wf->started_ns ? wf->phase : "Pending", in->message);
}

static void granted(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        if (!has_room(wf, n)) { /* the room went to others: it asks again when there is some */
                put_release(wf, node_id_text(wf, n, &wf->step), n->sync->names);
                return;
        }
        count(wf, index, true);
        forget(&wf->lock_waiters, index);
        ids_add(&wf->lock_holders, index);
        n->sync->state = SYNC_HOLDS;
        n->sync->waiting = NULL;
        node_touch(wf, index);
        node_set(wf, index, n->phase, "");
        exec_unlocked(wf, index);
}

void sync_answer(struct wf *wf, const struct wf_input *in)
{
        uint32_t index = in->node_id ? node_by_id_text(wf, in->node_id) : NONE;
        remember_holders(wf, in->holders);
        if (!in->node_id) {
                answer_workflow(wf, in);
                return;
        }
        if (index == NONE || !sync_waits(node_at(wf, index)) || node_fulfilled(node_at(wf, index)))
                return;
        if (in->granted) {
                granted(wf, index);
                return;
        }
        struct node *n = node_at(wf, index);
        n->sync->state = SYNC_WAITS;
        n->sync->waiting = wf_intern(wf, in->lock);
        count(wf, index, false);
        node_touch(wf, index);
        node_set(wf, index, n->phase, in->message);
}

void sync_put_wanted(struct wf *wf)
{
        bool room = wf->parallelism && wf->active_pods < wf->pods_before && wf->lock_waiters.n;
        bool again = room || wf->lock_again;
        if ((again || wf->lock_wanted) && !wf->completed)
                wf_put_command(wf, (struct wf_command){.kind = WF_LOCKS, .all = again});
        wf->lock_wanted = wf->lock_again = false;
}
