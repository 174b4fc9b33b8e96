/* workflow/controller/throttle.c: see throttle.h. Those that wait stand in one list in their order;
 * one whose namespace is full is passed over. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/throttle.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <uthash.h>

struct entry {
        char *ns, *key;
        bool runs;
        int64_t priority, created_ns;
        struct entry *next; /* waiting: in order */
        UT_hash_handle hh;
};
struct throttle {
        int64_t total, per_namespace, running;
        struct entry *entries; /* uthash by key */
        struct entry *waiting;
};

struct throttle *throttle_new(int64_t total, int64_t per_namespace)
{
        struct throttle *t = NEW(struct throttle);
        t->total = total;
        t->per_namespace = per_namespace;
        return t;
}

static struct entry *find(const struct throttle *t, const char *key)
{
        struct entry *e;
        HASH_FIND_STR(t->entries, key, e);
        return e;
}

static void enqueue(struct throttle *t, struct entry *e)
{
        struct entry **at = &t->waiting;
        while (*at && ((*at)->priority > e->priority ||
                       ((*at)->priority == e->priority && (*at)->created_ns <= e->created_ns)))
                at = &(*at)->next;
        e->next = *at;
        *at = e;
}

static void dequeue(struct throttle *t, const struct entry *e)
{
        struct entry **at = &t->waiting;
        while (*at && *at != e)
                at = &(*at)->next;
        if (*at)
                *at = e->next;
}

void throttle_add(struct throttle *t, const char *ns, const char *key, bool runs, int64_t priority,
                  int64_t created_ns)
{
        if (find(t, key))
                return;
        struct entry *e = NEW(struct entry);
        *e = (struct entry){.ns = mem_strdup(ns),
                            .key = mem_strdup(key),
                            .runs = runs,
                            .priority = priority,
                            .created_ns = created_ns};
        HASH_ADD_KEYPTR(hh, t->entries, e->key, strlen(e->key), e);
        t->running += runs;
        if (!runs)
                enqueue(t, e);
}

bool throttle_admits(const struct throttle *t, const char *key)
{
        const struct entry *e = find(t, key);
        return e && e->runs;
}

static bool namespace_is_full(const struct throttle *t, const char *ns)
{
        int64_t n = 0;
        for (const struct entry *e = t->per_namespace ? t->entries : NULL; e; e = e->hh.next)
                n += e->runs && streq(e->ns, ns);
        return t->per_namespace && n >= t->per_namespace;
}

const char *throttle_next(struct throttle *t)
{
        if (t->total && t->running >= t->total)
                return NULL;
        for (struct entry *e = t->waiting; e; e = e->next) {
                if (namespace_is_full(t, e->ns))
                        continue;
                dequeue(t, e);
                e->runs = true;
                t->running++;
                return e->key;
        }
        return NULL;
}

void throttle_remove(struct throttle *t, const char *key)
{
        struct entry *e = find(t, key);
        if (!e)
                return;
        if (e->runs)
                t->running--;
        else
                dequeue(t, e);
        HASH_DEL(t->entries, e);
        mem_free(e->ns);
        mem_free(e->key);
        mem_free(e);
}

struct throttle *throttle_free(struct throttle *t)
{
        struct entry *e, *next;
        if (!t)
                return NULL;
        HASH_ITER (hh, t->entries, e, next)
                throttle_remove(t, e->key);
        mem_free(t);
        return NULL;
}
