/* workflow/controller/sweep.c: logs and pods of workflows that are gone.
 *
 * The follow of controller.c sees only workflows that are not completed. Here everything that is
 * deleted is watched, and what was deleted while no controller ran is found once at start: uids
 * that have files and no object. The files are listed before the objects, so a new workflow cannot
 * look like an orphan. Objects are listed page by page, without nodes, and only when there are
 * files of workflows that do not run now. A controller of a part of the workflows cannot tell
 * orphans and leaves them alone. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"
#include <stdlib.h>

enum { PAGE = 500, AGAIN_MS = 30000 };

struct stored {
        char *uid, **nodes;
        size_t n, cap;
        UT_hash_handle hh;
};
struct sweep {
        struct controller *c;
        struct stored *stored; /* not seen in the store yet */
        struct store_watch *watch;
        struct loop_timer again;
        char *cont;
        bool listing, stopped; /* a list cannot be taken back: freed by its answer */
};

/* ---- what is there ---- */

static void add_stored(void *arg, const char *uid, const char *node_id)
{
        struct sweep *s = arg;
        struct stored *one;
        if (run_find(s->c, uid))
                return;
        HASH_FIND_STR(s->stored, uid, one);
        if (!one) {
                one = NEW(struct stored);
                one->uid = mem_strdup(uid);
                HASH_ADD_KEYPTR(hh, s->stored, one->uid, strlen(one->uid), one);
        }
        if (!node_id)
                return;
        mem_grow(one->nodes, one->cap, one->n + 1);
        one->nodes[one->n++] = mem_strdup(node_id);
}

static void drop_stored(struct sweep *s, struct stored *one)
{
        HASH_DEL(s->stored, one);
        for (size_t i = 0; i < one->n; i++)
                free(one->nodes[i]);
        free(one->nodes);
        free(one->uid);
        free(one);
}

static void forget_orphans(struct sweep *s)
{
        struct stored *one, *next;
        if (s->stored)
                log_info(s->c->log, "Workflows were deleted while no controller ran.",
                         F_UINT("workflows", HASH_COUNT(s->stored)));
        HASH_ITER (hh, s->stored, one, next) {
                if (!run_find(s->c, one->uid)) {
                        struct run *r = run_orphan(s->c, one->uid);
                        for (size_t i = 0; i < one->n; i++)
                                pods_adopt(r, one->nodes[i]);
                        run_orphan_end(r);
                }
                drop_stored(s, one);
        }
}

/* ---- what is deleted from now on ---- */

static void list(struct sweep *s);

static void on_again(void *arg)
{
        list(arg);
}

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e UNUSED)
{
        struct sweep *s = arg;
        if (type == STORE_GONE || type == STORE_ENDED)
                timer_after_ms(s->c->o.loop, &s->again, AGAIN_MS);
        else if (type == STORE_DELETED && !run_find(s->c, obj_uid(obj))) {
                claims_forget(s->c, obj_ns(obj), json_at(obj, "status", "persistentVolumeClaims"));
                runner_forget(s->c->runner, obj_uid(obj), FORGET_LOGS);
        }
}

static void finish_list(struct sweep *s, const json_t *answer)
{
        const struct store_list_opts o = {.no_nodes = true};
        if (!s->c->ns && !s->c->o.label_selector)
                forget_orphans(s);
        s->watch = store_watch_stop(s->watch);
        store_watch(&s->watch, s->c->o.store, &STORE_WORKFLOW, s->c->ns, &o,
                    json_str(answer, "metadata", "resourceVersion"), on_event, s);
}

static void sweep_now_free(struct sweep *s)
{
        struct stored *one, *next;
        HASH_ITER (hh, s->stored, one, next)
                drop_stored(s, one);
        free(s->cont);
        free(s);
}

static void on_list(void *arg, json_t *answer, const struct err *e)
{
        struct sweep *s = arg;
        s->listing = false;
        if (s->stopped) {
                sweep_now_free(s);
                return;
        }
        free(TAKE(s->cont));
        if (e) {
                timer_after_ms(s->c->o.loop, &s->again, AGAIN_MS);
                return;
        }
        json_t *item;
        size_t i;
        json_array_foreach (json_object_get(answer, "items"), i, item) {
                struct stored *one;
                HASH_FIND_STR(s->stored, obj_uid(item), one);
                if (one)
                        drop_stored(s, one);
        }
        s->cont = mem_strdup(json_str(answer, "metadata", "continue"));
        if (str_empty(s->cont) || !s->stored) /* every file has its object: no need to read on */
                finish_list(s, answer);
        else
                list(s);
}

static void list(struct sweep *s)
{
        if (str_empty(s->cont))
                runner_each_stored(s->c->runner, add_stored, s);
        const struct store_list_opts o = {
                .limit = s->stored ? PAGE : 1, .cont = s->cont, .no_nodes = true};
        s->listing = true;
        store_list(s->c->o.store, &STORE_WORKFLOW, s->c->ns, &o, on_list, s);
}

struct sweep *sweep_start(struct controller *c)
{
        struct sweep *s = NEW(struct sweep);
        s->c = c;
        timer_init(&s->again, on_again, s);
        list(s);
        return s;
}

struct sweep *sweep_free(struct sweep *s)
{
        if (!s)
                return NULL;
        timer_cancel(s->c->o.loop, &s->again);
        s->watch = store_watch_stop(s->watch);
        s->stopped = true;
        if (!s->listing)
                sweep_now_free(s);
        return NULL;
}
