/* workflow/controller/gc.c: finished workflows that go: each has at most one entry here, with a
 * timer of its own when its ttlStrategy gives it a time; with a retentionPolicy also a place among
 * those of its phase, oldest first. Such a list is never longer than what may stay, so inserting in
 * order is cheap. Deletion names the uid: a workflow that was made anew under the name stays.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/config.h"
#include "workflow/controller/finished.h"
#include <stdlib.h>

enum { RETRY_MS = 5000, LONGEST_WAIT_MS = 3600 * 1000 /* the clock may be set meanwhile */ };
enum kept_phase { KEPT_SUCCEEDED, KEPT_FAILED, KEPT_ERROR, KEPT_COUNT };
static const char *const phase_words[KEPT_COUNT] = {"Succeeded", "Failed", "Error"};

struct gone_op {          /* a deletion on its way */
        struct entry *of; /* NULL: nobody waits any more */
};
struct entry {
        struct gc *gc;
        char *ns, *name, *uid;
        struct wall expires, finished;
        enum kept_phase phase;
        bool timed, listed, due;
        struct loop_timer timer;
        struct gone_op *op;
        UT_hash_handle hh;
};
struct kept { /* oldest first */
        struct entry **items;
        size_t n, cap;
};
struct gc {
        struct controller *c;
        const struct config_retention *retention; /* NULL: none */
        struct entry *entries;
        struct kept kept[KEPT_COUNT];
};

/* ---- when ---- */

static const json_t *strategy_of(const json_t *obj, const json_t *defaults)
{
        const json_t *own = json_at(obj, "spec", "ttlStrategy");
        if (!own)
                own = json_at(obj, "status", "storedWorkflowTemplateSpec", "ttlStrategy");
        return own ? own : json_at(defaults, "spec", "ttlStrategy");
}

bool gc_expiry(const json_t *obj, const json_t *defaults, struct wall *at)
{
        const json_t *ttl = strategy_of(obj, defaults), *s = NULL;
        const char *phase = json_str(obj, "status", "phase"),
                   *end = json_str(obj, "status", "finishedAt");
        int64_t finished;
        if (!ttl || str_empty(end) || !time_parse_rfc3339(end, &finished))
                return false;
        if (streq(phase, "Failed")) /* not Error: as Argo */
                s = json_object_get(ttl, "secondsAfterFailure");
        else if (streq(phase, "Succeeded"))
                s = json_object_get(ttl, "secondsAfterSuccess");
        if (!s)
                s = json_object_get(ttl, "secondsAfterCompletion");
        json_int_t seconds = json_integer_value(s);
        if (!json_is_integer(s) || seconds > (INT64_MAX - finished) / NS_PER_S)
                return false;
        *at = (struct wall){finished + (seconds > 0 ? seconds : 0) * NS_PER_S};
        return true;
}

/* ---- deleting ---- */

static void remove_workflow(struct entry *x);

static void wait_more(struct entry *x)
{
        struct loop *l = x->gc->c->o.loop;
        int64_t ms = x->due ? RETRY_MS : (x->expires.ns - loop_wall(l).ns) / NS_PER_MS + 1;
        timer_after_ms(l, &x->timer, ms < 0 ? 0 : ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : ms);
}

static void on_time(void *arg)
{
        struct entry *x = arg;
        if (x->due || loop_wall(x->gc->c->o.loop).ns >= x->expires.ns)
                remove_workflow(x);
        else
                wait_more(x);
}

static void forget(struct entry *x);

static void on_removed(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct gone_op *op = arg;
        struct entry *x = op->of;
        free(op);
        if (!x)
                return;
        x->op = NULL;
        if (e && e->code != ERR_NOT_FOUND && e->code != ERR_CONFLICT) {
                log_warn(x->gc->c->log, "A finished workflow cannot be deleted, trying again.",
                         F_STR("workflow", x->name), F_STR("namespace", x->ns), F_ERR(e));
                wait_more(x);
                return;
        }
        forget(x);
}

static void remove_workflow(struct entry *x)
{
        x->due = true;
        timer_cancel(x->gc->c->o.loop, &x->timer);
        if (x->op || x->gc->c->draining)
                return;
        const struct store_delete_opts o = {.uid = x->uid};
        x->op = NEW(struct gone_op);
        x->op->of = x;
        log_info(x->gc->c->log, "A finished workflow is deleted.", F_STR("workflow", x->name),
                 F_STR("namespace", x->ns));
        store_delete(x->gc->c->o.store, (struct store_ref){&STORE_WORKFLOW, x->ns, x->name}, &o,
                     on_removed, x->op);
}

/* ---- how many ---- */

static bool is_older(const struct entry *a, const struct entry *b)
{
        return a->finished.ns != b->finished.ns ? a->finished.ns < b->finished.ns
                                                : strcmp(a->uid, b->uid) < 0;
}

static void keep(struct gc *gc, struct entry *x)
{
        struct kept *k = &gc->kept[x->phase];
        mem_grow(k->items, k->cap, k->n + 1);
        size_t i = k->n++;
        for (; i > 0 && is_older(x, k->items[i - 1]); i--)
                k->items[i] = k->items[i - 1];
        k->items[i] = x;
        x->listed = true;
}

static void unkeep(struct gc *gc, struct entry *x)
{
        struct kept *k = &gc->kept[x->phase];
        for (size_t i = 0; x->listed && i < k->n; i++) {
                if (k->items[i] != x)
                        continue;
                memmove(k->items + i, k->items + i + 1, (--k->n - i) * sizeof(*k->items));
                x->listed = false;
        }
}

static void take_oldest(struct gc *gc, enum kept_phase phase)
{
        struct entry *x = gc->kept[phase].items[0];
        unkeep(gc, x);
        remove_workflow(x);
}

static void enforce(struct gc *gc)
{
        const struct config_retention *r = gc->retention;
        const int64_t most[KEPT_COUNT] = {r->succeeded, r->failed, r->errored};
        int64_t all = 0;
        for (int p = 0; p < KEPT_COUNT; p++) {
                while (most[p] >= 0 && (int64_t)gc->kept[p].n > most[p])
                        take_oldest(gc, (enum kept_phase)p);
                all += (int64_t)gc->kept[p].n;
        }
        for (; r->completed >= 0 && all > r->completed; all--) {
                int oldest = -1;
                for (int p = 0; p < KEPT_COUNT; p++)
                        if (gc->kept[p].n && (oldest < 0 || is_older(gc->kept[p].items[0],
                                                                     gc->kept[oldest].items[0])))
                                oldest = p;
                take_oldest(gc, (enum kept_phase)oldest);
        }
}

/* ---- entries ---- */

static struct entry *find(struct gc *gc, const char *uid)
{
        struct entry *x;
        HASH_FIND_STR(gc->entries, uid, x);
        return x;
}

static struct entry *entry_new(struct gc *gc, const json_t *obj)
{
        struct entry *x = NEW(struct entry);
        x->gc = gc;
        x->ns = mem_strdup(obj_ns(obj));
        x->name = mem_strdup(obj_name(obj));
        x->uid = mem_strdup(obj_uid(obj));
        timer_init(&x->timer, on_time, x);
        HASH_ADD_KEYPTR(hh, gc->entries, x->uid, strlen(x->uid), x);
        return x;
}

static void forget(struct entry *x)
{
        struct gc *gc = x->gc;
        if (x->op)
                x->op->of = NULL;
        timer_cancel(gc->c->o.loop, &x->timer);
        unkeep(gc, x);
        HASH_DEL(gc->entries, x);
        free(x->ns);
        free(x->name);
        free(x->uid);
        free(x);
}

static bool read_phase(const json_t *obj, enum kept_phase *out)
{
        for (int p = 0; p < KEPT_COUNT; p++) {
                if (!streq(json_str(obj, "status", "phase"), phase_words[p]))
                        continue;
                *out = (enum kept_phase)p;
                return true;
        }
        return false;
}

void gc_look(struct gc *gc, const json_t *obj)
{
        struct wall at = {0};
        enum kept_phase phase = KEPT_ERROR;
        int64_t finished = 0;
        const char *end = json_str(obj, "status", "finishedAt");
        bool timed = gc_expiry(obj, gc->c->defaults.workflow_defaults, &at);
        if (find(gc, obj_uid(obj)))
                gc_gone(gc, obj_uid(obj)); /* its strategy may have been edited */
        if (!read_phase(obj, &phase) || (!timed && !gc->retention))
                return;
        struct entry *x = entry_new(gc, obj);
        x->phase = phase;
        x->timed = timed;
        x->expires = at;
        if (end && time_parse_rfc3339(end, &finished))
                x->finished.ns = finished;
        if (timed)
                wait_more(x);
        if (!gc->retention)
                return;
        keep(gc, x);
        enforce(gc);
}

void gc_gone(struct gc *gc, const char *uid)
{
        struct entry *x = find(gc, uid);
        if (x)
                forget(x);
}

struct gc *gc_new(struct controller *c)
{
        struct gc *gc = NEW(struct gc);
        gc->c = c;
        gc->retention = c->o.config ? c->o.config->retention : NULL;
        return gc;
}

struct gc *gc_free(struct gc *gc)
{
        struct entry *x, *next;
        HASH_ITER (hh, gc->entries, x, next)
                forget(x);
        for (int p = 0; p < KEPT_COUNT; p++)
                free(gc->kept[p].items);
        free(gc);
        return NULL;
}
