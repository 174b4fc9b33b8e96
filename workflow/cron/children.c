/* workflow/cron/children.c: the workflows of a CronWorkflow: who is active, who is counted, who may
 * go. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/cron/crons_priv.h"
#include <stdlib.h>

/* ---- what the store shows ---- */

static int64_t time_of(const char *text)
{
        int64_t ns = 0;
        return text && time_parse_rfc3339(text, &ns) ? ns : 0;
}

static bool is_done(const json_t *workflow)
{
        const char *phase = json_str(workflow, "status", "phase");
        return streq(obj_label(workflow, "workflows.argoproj.io/completed"), "true") &&
               (streq(phase, "Succeeded") || streq(phase, "Failed") || streq(phase, "Error"));
}

static const char *owner_of(const json_t *workflow)
{
        size_t i;
        json_t *ref;
        json_array_foreach (json_at(workflow, "metadata", "ownerReferences"), i, ref)
                if (streq(json_str(ref, "kind"), "CronWorkflow"))
                        return json_str(ref, "uid");
        return NULL;
}

static struct child *find(struct cronrun *r, const char *uid)
{
        struct child *x;
        HASH_FIND_STR(r->children, uid, x);
        return x;
}

void children_set(struct cronrun *r, const json_t *workflow)
{
        const struct crons_options *o = &r->c->o;
        struct child *x = find(r, obj_uid(workflow));
        if (!x) {
                x = NEW(struct child);
                x->name = mem_strdup(obj_name(workflow));
                x->uid = mem_strdup(obj_uid(workflow));
                x->owner = mem_strdup(owner_of(workflow));
                x->slot_ns = time_of(obj_annotation(workflow, CRONWF_TIME_ANNOTATION));
                HASH_ADD_KEYPTR(hh, r->children, x->uid, strlen(x->uid), x);
        }
        x->done = is_done(workflow);
        x->succeeded = streq(json_str(workflow, "status", "phase"), "Succeeded");
        x->finished_ns = time_of(json_str(workflow, "status", "finishedAt"));
        x->may_go = !x->done || !o->may_go || o->may_go(o->arg, workflow);
        json_object_del(r->fresh, x->uid);
        if (crons_live(r->c))
                children_judge(r);
}

static void child_free(struct cronrun *r, struct child *x)
{
        HASH_DEL(r->children, x);
        free(x->name);
        free(x->uid);
        free(x->owner);
        free(x);
}

void children_gone(struct cronrun *r, const char *uid)
{
        struct child *x = find(r, uid);
        if (x)
                child_free(r, x);
        json_object_del(r->fresh, uid);
        if (crons_live(r->c))
                children_judge(r);
}

void children_free(struct cronrun *r)
{
        struct child *x, *next;
        HASH_ITER (hh, r->children, x, next)
                child_free(r, x);
}

/* ---- deleting ---- */

static void on_deleted(void *arg UNUSED, json_t *obj UNUSED, const struct err *e UNUSED)
{
        /* the follow tells; what failed is tried again when the workflow or its neighbours change
         */
}

static void remove_child(struct cronrun *r, struct child *x, const char *why)
{
        if (x->deleting || !x->may_go)
                return;
        x->deleting = true;
        log_info(r->log, "A workflow of a CronWorkflow is deleted.", F_STR("workflow", x->name),
                 F_STR("because", why));
        const struct store_delete_opts o = {.uid = x->uid};
        store_delete(r->c->o.store, (struct store_ref){&STORE_WORKFLOW, r->ns, x->name}, &o,
                     on_deleted, NULL);
}

static int newest_first(const void *a, const void *b)
{
        const struct child *x = *(struct child *const *)a, *y = *(struct child *const *)b;
        if (x->finished_ns != y->finished_ns)
                return x->finished_ns > y->finished_ns ? -1 : 1;
        return x->slot_ns > y->slot_ns ? -1 : x->slot_ns < y->slot_ns;
}

static void trim(struct cronrun *r, bool succeeded, int64_t keep)
{
        struct child *x, *next, **list = mem_calloc(HASH_COUNT(r->children) + 1, sizeof(*list));
        size_t n = 0;
        HASH_ITER (hh, r->children, x, next)
                if (x->done && x->succeeded == succeeded)
                        list[n++] = x;
        if (n)
                qsort(list, n, sizeof(*list), newest_first);
        for (size_t i = (size_t)keep; i < n; i++)
                remove_child(r, list[i], "history limit");
        free(list);
}

/* As the garbage collector of Kubernetes: whose owner is gone goes too. */
static void remove_orphans(struct cronrun *r)
{
        struct child *x, *next;
        HASH_ITER (hh, r->children, x, next)
                if (x->owner && (!r->object || !streq(x->owner, obj_uid(r->object))))
                        remove_child(r, x, "its CronWorkflow is gone");
}

/* ---- the status ---- */

/* *changed: the status differs now. */
static void take_active(struct cronrun *r, bool *changed)
{
        int64_t last = status_last_ns(r), newest = 0;
        struct child *x, *next;
        HASH_ITER (hh, r->children, x, next) {
                /* a slot that the status does not know: the process died after creating it */
                bool unknown =
                        !x->judged && x->slot_ns > last && streq(x->owner, obj_uid(r->object));
                x->judged = true;
                if ((x->done && !unknown) || x->deleting || status_is_active(r, x->uid))
                        continue;
                AUTO_JSON json_t *like = json_pack("{s:{s:s, s:s, s:s}}", "metadata", "name",
                                                   x->name, "namespace", r->ns, "uid", x->uid);
                status_add_active(r, cronwf_reference(like));
                if (unknown && x->slot_ns > newest)
                        newest = x->slot_ns;
                *changed = true;
        }
        if (newest)
                status_scheduled(r, newest);
}

static void stop_when_asked(struct cronrun *r)
{
        ERR_SLOT(e);
        AUTO_JSON json_t *view = status_view(r);
        bool stop;
        if (cronwf_stop(r->spec, view, loop_clock(r->c->o.loop), &stop, &e) < 0) {
                status_condition(r, "SpecError", err_msg(&e));
                log_warn(r->log, "The stop strategy of a CronWorkflow cannot be evaluated.",
                         F_ERR(&e));
                err_clear(&e);
        } else if (stop) {
                json_object_set_new(r->status, "phase", json_string("Stopped"));
                json_put_at(r->patch_meta, json_string("true"), "labels", CRONWF_COMPLETED_LABEL);
        }
}

static void drop_finished(struct cronrun *r, bool *changed)
{
        json_t *list = json_object_get(r->status, "active");
        for (size_t i = json_array_size(list); i-- > 0;) {
                const char *uid = json_str(json_array_get(list, i), "uid");
                struct child *x = uid ? find(r, uid) : NULL;
                if (x ? !x->done : json_object_get(r->fresh, uid ? uid : "") != NULL)
                        continue;
                json_array_remove(list, i);
                *changed = true;
                if (!x)
                        continue;
                status_count(r, x->succeeded ? "succeeded" : "failed");
                if (r->spec)
                        stop_when_asked(r);
        }
}

void children_judge(struct cronrun *r)
{
        bool changed = false;
        remove_orphans(r);
        if (!r->object)
                return;
        take_active(r, &changed);
        drop_finished(r, &changed);
        if (r->spec) {
                trim(r, true, r->spec->keep_succeeded);
                trim(r, false, r->spec->keep_failed);
        }
        if (changed)
                status_store(r);
}
