/* workflow/controller/finished.c: see finished.h. The list goes page by page, so that a long
 * history never holds up the loop, and the watch begins where the first page stood: what changed
 * meanwhile is seen twice, which does no harm. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/finished.h"
#include <stdlib.h>

#define COMPLETED "workflows.argoproj.io/completed=true"
enum { PAGE = 200, AGAIN_MS = 10000, BREATH_MS = 20, BUSY = 500 };

struct finished {
        struct controller *c;
        struct gc *gc;
        struct archiving *archiving;
        struct artifact_gc *artifacts;
        char *selector, *cont, *version;
        struct store_watch *watch;
        struct loop_timer again;
        bool listing, stopped; /* a list cannot be taken back: freed by its answer */
};

static void see(struct finished *f, const json_t *obj)
{
        bool collected = artifact_gc_look(f->artifacts, obj);
        if (str_empty(json_str(obj, "metadata", "deletionTimestamp")) &&
            archiving_look(f->archiving, obj) && collected)
                gc_look(f->gc, obj);
}

bool finished_may_go(void *finished, const json_t *obj)
{
        struct finished *f = finished;
        return archiving_look(f->archiving, obj);
}

static void list(struct finished *f);

static void on_again(void *arg)
{
        list(arg);
}

static void start_over(struct finished *f)
{
        free(TAKE(f->cont));
        free(TAKE(f->version));
        f->gc = gc_free(f->gc); /* what is gone meanwhile must not count */
        f->gc = gc_new(f->c);
        timer_after_ms(f->c->o.loop, &f->again, AGAIN_MS);
}

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e UNUSED)
{
        struct finished *f = arg;
        if (type == STORE_ADDED || type == STORE_MODIFIED)
                see(f, obj);
        else if (type == STORE_DELETED)
                gc_gone(f->gc, obj_uid(obj));
        else if (type == STORE_GONE || type == STORE_ENDED)
                start_over(f);
}

static void watch(struct finished *f)
{
        const struct store_list_opts o = {.label_selector = f->selector, .no_nodes = true};
        f->watch = store_watch_stop(f->watch);
        store_watch(&f->watch, f->c->o.store, &STORE_WORKFLOW, f->c->ns, &o, f->version, on_event,
                    f);
}

static void free_now(struct finished *f)
{
        free(f->selector);
        free(f->cont);
        free(f->version);
        free(f);
}

static void on_list(void *arg, json_t *answer, const struct err *e)
{
        struct finished *f = arg;
        f->listing = false;
        if (f->stopped) {
                free_now(f);
                return;
        }
        if (e) {
                start_over(f);
                return;
        }
        json_t *item;
        size_t i;
        json_array_foreach (json_object_get(answer, "items"), i, item)
                see(f, item);
        if (!f->version)
                f->version = mem_strdup(json_str(answer, "metadata", "resourceVersion"));
        free(f->cont);
        f->cont = mem_strdup(json_str(answer, "metadata", "continue"));
        if (str_empty(f->cont))
                watch(f);
        else if (archiving_busy(f->archiving) > BUSY)
                timer_after_ms(f->c->o.loop, &f->again, BREATH_MS);
        else
                list(f);
}

static void list(struct finished *f)
{
        const struct store_list_opts o = {
                .label_selector = f->selector, .limit = PAGE, .cont = f->cont, .no_nodes = true};
        f->listing = true;
        store_list(f->c->o.store, &STORE_WORKFLOW, f->c->ns, &o, on_list, f);
}

struct finished *finished_start(struct controller *c)
{
        struct finished *f = NEW(struct finished);
        f->c = c;
        f->gc = gc_new(c);
        f->archiving = archiving_new(c);
        f->artifacts = artifact_gc_new(c);
        f->selector = c->o.label_selector ? mem_printf("%s,%s", COMPLETED, c->o.label_selector)
                                          : mem_strdup(COMPLETED);
        timer_init(&f->again, on_again, f);
        list(f);
        return f;
}

struct finished *finished_free(struct finished *f)
{
        if (!f)
                return NULL;
        timer_cancel(f->c->o.loop, &f->again);
        f->watch = store_watch_stop(f->watch);
        f->gc = gc_free(f->gc);
        f->archiving = archiving_free(f->archiving);
        f->artifacts = artifact_gc_free(f->artifacts);
        f->stopped = true;
        if (!f->listing)
                free_now(f);
        return NULL;
}
