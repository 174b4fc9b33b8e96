/* workflow/engine/locks.c: see locks.h. A lock exists while somebody holds it or waits for it. Who
 * has been freed is woken, not granted: the engine asks again in the order of its tree, so that
 * limits like `parallelism` are minded at the moment of the grant. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/locks.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/lock_name.h"
#include <uthash.h>

struct waiter {
        char *holder, *workflow;
        int64_t priority, created_ns;
        UT_hash_handle hh;
};
struct lock {
        char *name;
        char **holders;
        size_t n_holders, cap_holders;
        struct waiter **queue, *by_holder; /* in order; the same as a uthash */
        size_t n_queue, cap_queue;
        bool open; /* somebody waits, and there is room */
        UT_hash_handle hh;
};
struct woken {
        UT_hash_handle hh;
        char workflow[];
};
struct locks {
        struct wf_lookup lookup;
        struct lock *locks;  /* uthash by name */
        struct woken *woken; /* uthash in order */
        size_t n_open;       /* locks that are */
        bool closed;
};

/* ---- one lock ---- */

static struct lock *lock_find(const struct locks *l, const char *name)
{
        struct lock *k;
        HASH_FIND_STR(l->locks, name, k);
        return k;
}

static struct lock *lock_get(struct locks *l, const char *name)
{
        struct lock *k = lock_find(l, name);
        if (k)
                return k;
        k = NEW(struct lock);
        k->name = mem_strdup(name);
        HASH_ADD_KEYPTR(hh, l->locks, k->name, strlen(k->name), k);
        return k;
}

static void leave_at(struct lock *k, size_t at)
{
        struct waiter *w = k->queue[at];
        memmove(k->queue + at, k->queue + at + 1, (--k->n_queue - at) * sizeof(*k->queue));
        HASH_DEL(k->by_holder, w);
        mem_free(w->holder);
        mem_free(w->workflow);
        mem_free(w);
}

/* After every change of its holders, its queue or its limit. */
static void settle(struct locks *l, struct lock *k)
{
        bool open = k->n_queue && lock_limit(&l->lookup, k->name) > (int64_t)k->n_holders;
        l->n_open += open - (size_t)k->open;
        k->open = open;
}

static void lock_free(struct locks *l, struct lock *k)
{
        HASH_DEL(l->locks, k);
        l->n_open -= k->open;
        for (size_t i = 0; i < k->n_holders; i++)
                mem_free(k->holders[i]);
        while (k->n_queue)
                leave_at(k, k->n_queue - 1);
        mem_free(k->holders);
        mem_free(k->queue);
        mem_free(k->name);
        mem_free(k);
}

static void lock_drop_unused(struct locks *l, struct lock *k)
{
        if (!k->n_holders && !k->n_queue)
                lock_free(l, k);
        else
                settle(l, k);
}

static bool holds(const struct lock *k, const char *holder)
{
        for (size_t i = 0; i < k->n_holders; i++)
                if (streq(k->holders[i], holder))
                        return true;
        return false;
}

static void add_holder(struct lock *k, const char *holder)
{
        if (holds(k, holder))
                return;
        mem_grow(k->holders, k->cap_holders, k->n_holders + 1);
        k->holders[k->n_holders++] = mem_strdup(holder);
}

static bool remove_holder(struct lock *k, const char *holder)
{
        for (size_t i = 0; i < k->n_holders; i++) {
                if (!streq(k->holders[i], holder))
                        continue;
                mem_free(k->holders[i]);
                k->holders[i] = k->holders[--k->n_holders];
                return true;
        }
        return false;
}

static struct waiter *waiter_of(const struct lock *k, const char *holder)
{
        struct waiter *w;
        HASH_FIND_STR(k->by_holder, holder, w);
        return w;
}

static bool leave_queue(struct lock *k, const char *holder)
{
        const struct waiter *w = waiter_of(k, holder);
        for (size_t i = 0; w && i < k->n_queue; i++)
                if (k->queue[i] == w) {
                        leave_at(k, i);
                        return true;
                }
        return false;
}

static bool goes_before(const struct lock_question *q, const struct waiter *w)
{
        if (q->priority != w->priority)
                return q->priority > w->priority;
        return q->created_ns < w->created_ns;
}

static void join_queue(struct lock *k, const struct lock_question *q)
{
        if (holds(k, q->holder))
                return;
        const struct waiter *known = waiter_of(k, q->holder);
        if (known && known->priority == q->priority)
                return;
        leave_queue(k, q->holder); /* its priority was changed */
        size_t at = k->n_queue;
        while (at > 0 && goes_before(q, k->queue[at - 1]))
                at--;
        mem_grow(k->queue, k->cap_queue, k->n_queue + 1);
        memmove(k->queue + at + 1, k->queue + at, (k->n_queue++ - at) * sizeof(*k->queue));
        struct waiter *w = k->queue[at] = NEW(struct waiter);
        *w = (struct waiter){.holder = mem_strdup(q->holder),
                             .workflow = mem_strdup(q->workflow),
                             .priority = q->priority,
                             .created_ns = q->created_ns};
        HASH_ADD_KEYPTR(hh, k->by_holder, w->holder, strlen(w->holder), w);
}

/* ---- waking ---- */

void locks_wake(struct locks *l, const char *workflow)
{
        struct woken *w;
        HASH_FIND_STR(l->woken, workflow, w);
        if (w)
                return;
        size_t n = strlen(workflow);
        w = mem_alloc(sizeof(*w) + n + 1);
        memcpy(w->workflow, workflow, n);
        HASH_ADD_STR(l->woken, workflow, w);
}

/* As many of the first as there is room for. */
static void wake_first(struct locks *l, const struct lock *k)
{
        int64_t room = lock_limit(&l->lookup, k->name) - (int64_t)k->n_holders;
        for (size_t i = 0; i < k->n_queue && (int64_t)i < room; i++)
                locks_wake(l, k->queue[i]->workflow);
}

char *locks_take_woken(struct locks *l)
{
        struct woken *w = l->closed ? NULL : l->woken;
        if (!w)
                return NULL;
        char *workflow = mem_strdup(w->workflow);
        HASH_DEL(l->woken, w);
        mem_free(w);
        return workflow;
}

bool locks_unwake(struct locks *l, const char *workflow)
{
        struct woken *w;
        HASH_FIND_STR(l->woken, workflow, w);
        if (!w)
                return false;
        HASH_DEL(l->woken, w);
        mem_free(w);
        return true;
}

void locks_config_map(struct locks *l, const char *ns, const char *name)
{
        AUTO(mem_free)
        char *prefix = streq(name, SYNC_LIMITS) ? mem_printf("%s/Database/", ns) : NULL;
        AUTO(mem_free) char *own = mem_printf("%s/ConfigMap/%s/", ns, name);
        struct lock *k, *next;
        HASH_ITER (hh, l->locks, k, next)
                if (str_starts(k->name, own) || (prefix && str_starts(k->name, prefix))) {
                        settle(l, k);
                        wake_first(l, k);
                }
}

/* ---- asking ---- */

/* Nodes of one workflow may overtake each other; the lock of a whole workflow is not a node's. */
static bool same_side(const struct lock_question *q, const struct waiter *front)
{
        bool node = !streq(q->holder, q->workflow),
             front_node = !streq(front->holder, front->workflow);
        return node == front_node && streq(q->workflow, front->workflow);
}

/* As Argo says it: of a lock in the database how many hold it, of others how many may still. */
static char *waiting_words(const struct lock *k, int64_t limit)
{
        struct lock_name n;
        bool mutex = false, row = lock_name_parse(&n, k->name) && lock_name_in_database(&n, &mutex);
        char *words =
                row ? mem_printf("Waiting for %s/Database/%s lock (%s/%s/%s). Lock status: "
                                 "%zu/%lld",
                                 n.ns, n.name, mutex ? "mtx" : "sem", n.ns, n.name, k->n_holders,
                                 (long long)limit)
                    : mem_printf("Waiting for %s lock. Lock status: %lld/%lld", k->name,
                                 (long long)(limit - (int64_t)k->n_holders), (long long)limit);
        lock_name_deinit(&n);
        return words;
}

/* NULL: it can be taken, or is held already; else why not, heap. */
static char *refusal(struct locks *l, const struct lock *k, const struct lock_question *q)
{
        int64_t limit = lock_limit(&l->lookup, k->name), room = limit - (int64_t)k->n_holders;
        if (holds(k, q->holder))
                return NULL;
        if (limit == 0)
                return mem_printf("Failed to get semaphore limit for %s", k->name);
        bool first = !k->n_queue || same_side(q, k->queue[0]);
        if (!first && room > 0)
                locks_wake(l, k->queue[0]->workflow);
        return first && room > 0 ? NULL : waiting_words(k, limit);
}

static void put_holders(json_t *out, const struct lock *k)
{
        json_t *list = json_array();
        for (size_t i = 0; i < k->n_holders; i++)
                json_array_append_new(list, json_string_nocheck(k->holders[i]));
        json_object_set_new_nocheck(out, k->name, list);
}

static void take_all(struct locks *l, const struct lock_question *q)
{
        size_t i;
        json_t *name;
        json_array_foreach ((json_t *)(uintptr_t)q->names, i, name) {
                struct lock *k = lock_get(l, json_string_value(name));
                leave_queue(k, q->holder);
                add_holder(k, q->holder);
                settle(l, k);
                wake_first(l, k);
        }
}

void locks_ask(struct locks *l, const struct lock_question *q, struct lock_answer *out)
{
        size_t i;
        json_t *name;
        *out = (struct lock_answer){.granted = true, .holders = json_object()};
        json_array_foreach ((json_t *)(uintptr_t)q->names, i, name) {
                struct lock *k = lock_get(l, json_string_value(name));
                join_queue(k, q);
                settle(l, k);
        }
        json_array_foreach ((json_t *)(uintptr_t)q->names, i, name) {
                char *why = refusal(l, lock_get(l, json_string_value(name)), q);
                if (why && out->granted) {
                        out->granted = false;
                        out->message = why;
                        out->lock = json_string_value(name);
                } else
                        mem_free(why);
        }
        if (out->granted)
                take_all(l, q);
        json_array_foreach ((json_t *)(uintptr_t)q->names, i, name)
                put_holders(out->holders, lock_get(l, json_string_value(name)));
}

void lock_answer_deinit(struct lock_answer *a)
{
        mem_free(a->message);
        json_decref(a->holders);
}

void locks_restore(struct locks *l, const char *holder, const char *name)
{
        struct lock *k = lock_get(l, name);
        add_holder(k, holder);
        leave_queue(k, holder);
        settle(l, k);
}

void locks_release(struct locks *l, const char *holder, const json_t *names)
{
        size_t i;
        json_t *name;
        json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
                struct lock *k = lock_find(l, json_string_value(name));
                if (!k)
                        continue;
                bool had = remove_holder(k, holder), waited = leave_queue(k, holder);
                if (had || waited) /* who was in front may have kept others waiting */
                        wake_first(l, k);
                lock_drop_unused(l, k);
        }
}

void locks_forget(struct locks *l, const char *workflow)
{
        AUTO(mem_free) char *prefix = mem_printf("%s/", workflow);
        struct lock *k, *next;
        HASH_ITER (hh, l->locks, k, next) {
                bool left = false;
                for (size_t i = k->n_holders; i-- > 0;)
                        if (streq(k->holders[i], workflow) || str_starts(k->holders[i], prefix)) {
                                mem_free(k->holders[i]);
                                k->holders[i] = k->holders[--k->n_holders];
                                left = true;
                        }
                for (size_t i = k->n_queue; i-- > 0;)
                        if (streq(k->queue[i]->workflow, workflow)) {
                                leave_at(k, i);
                                left = true;
                        }
                if (left)
                        wake_first(l, k);
                lock_drop_unused(l, k);
        }
        locks_unwake(l, workflow);
}

/* ---- life ---- */

void locks_open(struct locks *l, bool open)
{
        l->closed = !open;
}

bool locks_any_free(const struct locks *l)
{
        return l->n_open > 0;
}

bool locks_are_open(const struct locks *l)
{
        return !l->closed;
}

struct locks *locks_new(const struct wf_lookup *lookup)
{
        struct locks *l = NEW(struct locks);
        l->lookup = *lookup;
        return l;
}

struct locks *locks_free(struct locks *l)
{
        if (!l)
                return NULL;
        struct lock *k, *next;
        HASH_ITER (hh, l->locks, k, next)
                lock_free(l, k);
        l->closed = false;
        for (char *w; (w = locks_take_woken(l));)
                mem_free(w);
        mem_free(l);
        return NULL;
}
