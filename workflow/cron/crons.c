/* workflow/cron/crons.c: see crons.h. One timer for the earliest slot of all; it fires at least
 * every half minute, since the clock may be set. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/cron/crons.h"
#include "workflow/cron/crons_priv.h"
#include <stdlib.h>

enum { LONGEST_WAIT_MS = 30000 };

bool crons_live(const struct crons *c)
{
        return c->objects_synced && c->workflows_synced;
}

bool crons_ready(const struct crons *c)
{
        return crons_live(c);
}

static struct cronrun *get(struct crons *c, const char *ns, const char *name)
{
        AUTO(mem_free) char *key = mem_printf("%s/%s", ns, name);
        struct cronrun *r;
        HASH_FIND_STR(c->runs, key, r);
        if (!r) {
                r = cronrun_new(c, ns, name);
                HASH_ADD_KEYPTR(hh, c->runs, r->key, strlen(r->key), r);
        }
        return r;
}

/* ---- time ---- */

void crons_arm(struct crons *c)
{
        int64_t first = INT64_MAX, now = loop_wall(c->o.loop).ns;
        struct cronrun *r, *next;
        HASH_ITER (hh, c->runs, r, next)
                if (r->object && r->next_ns < first)
                        first = r->next_ns;
        if (first == INT64_MAX) {
                timer_cancel(c->o.loop, &c->timer);
                return;
        }
        int64_t wait = first > now ? first - now : 0, most = LONGEST_WAIT_MS * (int64_t)NS_PER_MS;
        timer_set(c->o.loop, &c->timer,
                  (struct mono){loop_now(c->o.loop).ns + (wait < most ? wait : most)});
}

static void on_time(void *arg)
{
        struct crons *c = arg;
        int64_t now = loop_wall(c->o.loop).ns;
        struct cronrun *r, *next;
        HASH_ITER (hh, c->runs, r, next)
                if (r->object && r->next_ns <= now)
                        cronrun_tick(r, now);
        crons_arm(c);
}

/* ---- following ---- */

static void look_live(struct crons *c)
{
        struct cronrun *r, *next;
        if (!crons_live(c))
                return;
        HASH_ITER (hh, c->runs, r, next) {
                if (r->object)
                        cronrun_begin(r);
                else
                        children_judge(r); /* orphans */
        }
        crons_arm(c);
        log_info(c->log, "CronWorkflows are followed.", F_UINT("names", HASH_COUNT(c->runs)));
}

static void on_object(void *arg, json_t *obj)
{
        cronrun_set(get(arg, obj_ns(obj), obj_name(obj)), obj);
}

static void on_object_gone(void *arg, json_t *obj)
{
        struct crons *c = arg;
        struct cronrun *r = get(c, obj_ns(obj), obj_name(obj));
        if (r->object && !streq(obj_uid(r->object), obj_uid(obj)))
                return; /* made again already */
        cronrun_gone(r);
        if (!r->children) {
                HASH_DEL(c->runs, r);
                cronrun_free(r);
        }
}

static void on_objects_synced(void *arg)
{
        struct crons *c = arg;
        c->objects_synced = true;
        look_live(c);
}

static void on_workflow(void *arg, json_t *obj)
{
        children_set(get(arg, obj_ns(obj), obj_label(obj, CRONWF_LABEL)), obj);
}

static bool forget_child(struct crons *c, struct cronrun *r, const char *uid)
{
        struct child *x = NULL;
        if (r)
                HASH_FIND_STR(r->children, uid, x);
        if (!x)
                return false;
        children_gone(r, uid);
        if (!r->children && !r->object) {
                HASH_DEL(c->runs, r);
                cronrun_free(r);
        }
        return true;
}

/* What is gone has no labels any more: its name usually tells whose it was, its uid always. */
static void on_workflow_gone(void *arg, json_t *obj)
{
        struct crons *c = arg;
        const char *name = obj_name(obj), *dash = strrchr(name, '-');
        AUTO(mem_free)
        char *key = mem_printf("%s/%.*s", obj_ns(obj), dash ? (int)(dash - name) : 0, name);
        struct cronrun *r, *next;
        HASH_FIND_STR(c->runs, key, r);
        if (forget_child(c, r, obj_uid(obj)))
                return;
        HASH_ITER (hh, c->runs, r, next)
                if (forget_child(c, r, obj_uid(obj)))
                        return;
}

static void on_workflows_synced(void *arg)
{
        struct crons *c = arg;
        c->workflows_synced = true;
        look_live(c);
}

int crons_start(struct crons **out, const struct crons_options *o, struct err *e)
{
        static const struct store_follow_handlers objects = {on_object, on_object_gone,
                                                             on_objects_synced},
                                                  workflows = {on_workflow, on_workflow_gone,
                                                               on_workflows_synced};
        static const struct store_list_opts ours = {.label_selector = CRONWF_LABEL,
                                                    .no_nodes = true};
        AUTO(crons_free) struct crons *c = NEW(struct crons);
        c->o = *o;
        c->log = log_with(log_root(), F_STR("component", "cron"));
        timer_init(&c->timer, on_time, c);
        if (store_follow(&c->objects, o->store, &STORE_CRON_WORKFLOW, o->ns, NULL, &objects, c, e) <
                    0 ||
            store_follow(&c->workflows, o->store, &STORE_WORKFLOW, o->ns, &ours, &workflows, c, e) <
                    0)
                return err_wrap(e, "CronWorkflows");
        *out = TAKE(c);
        return 0;
}

struct crons *crons_free(struct crons *c)
{
        struct cronrun *r, *next;
        if (!c)
                return NULL;
        timer_cancel(c->o.loop, &c->timer);
        c->objects = store_follow_stop(c->objects);
        c->workflows = store_follow_stop(c->workflows);
        c->objects_synced = false;
        HASH_ITER (hh, c->runs, r, next) {
                HASH_DEL(c->runs, r);
                cronrun_free(r);
        }
        log_free(c->log);
        free(c);
        return NULL;
}
