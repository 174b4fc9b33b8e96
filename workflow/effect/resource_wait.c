/* workflow/effect/resource_wait.c: waiting until a condition of the object holds: a watch on the
 * one object, begun anew when it breaks. Nothing polls. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/resource.h"

enum { AGAIN_MS = 1000, DENIED_S = 30 };

bool resource_decides(struct effect *f, const json_t *object, struct err *e)
{
        struct resource *r = f->state;
        switch (conditions_check(r->conditions, object, e)) {
        case CONDITION_MET: resource_finish(f, object); return true;
        case CONDITION_FAILED: resource_failed(f, e); return true;
        default: return false;
        }
}

static void on_again(void *arg)
{
        resource_wait(arg);
}

static void break_off(struct effect *f)
{
        struct resource *r = f->state;
        r->watch = store_watch_stop(r->watch);
        timer_after_ms(f->all->o.loop, &r->again, AGAIN_MS);
}

/* An API server that has just started does not know its roles yet. */
static bool may_be_allowed_soon(struct effect *f)
{
        struct resource *r = f->state;
        int64_t now = loop_now(f->all->o.loop).ns;
        if (!r->denied_ns)
                r->denied_ns = now;
        return now - r->denied_ns < (int64_t)DENIED_S * NS_PER_S;
}

static void on_watch(void *arg, enum store_event type, json_t *object, const struct err *why)
{
        struct effect *f = arg;
        struct resource *r = f->state;
        struct err e = {0};
        if (f->ended)
                return;
        bool ends = type == STORE_GONE || type == STORE_ENDED,
             denied = ends && why && why->code == ERR_DENIED;
        if (!denied)
                r->denied_ns = 0;
        if (ends && (!denied || may_be_allowed_soon(f))) {
                break_off(f);
        } else if (type == STORE_ENDED) {
                resource_failed(f, why);
        } else if (type == STORE_DELETED && streq(obj_name(object), r->name)) {
                err_set(&e, ERR_NOT_FOUND, "it was deleted before a condition held");
                resource_failed(f, &e);
        } else if (type != STORE_BOOKMARK && streq(obj_name(object), r->name)) {
                (void)resource_decides(f, object, &e);
        }
        err_clear(&e);
}

/* The name is known now, also of what was created under a generated one. */
void resource_wait(struct effect *f)
{
        struct resource *r = f->state;
        AUTO(mem_free) char *selector = mem_printf("metadata.name=%s", r->name);
        const struct store_list_opts o = {.field_selector = selector};
        if (!r->waiting)
                timer_init(&r->again, on_again, f);
        r->waiting = true;
        store_watch(&r->watch, f->all->o.store, &r->kind, r->kind.cluster_scoped ? NULL : r->ns, &o,
                    NULL, on_watch, f);
}

void resource_wait_stop(struct effect *f)
{
        struct resource *r = f->state;
        if (r->waiting)
                timer_cancel(f->all->o.loop, &r->again);
        r->watch = r->watch ? store_watch_stop(r->watch) : NULL;
}
