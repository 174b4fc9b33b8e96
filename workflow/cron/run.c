/* workflow/cron/run.c: one CronWorkflow: its slots become workflows. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/metrics.h"
#include "workflow/cron/crons_priv.h"
#include <stdlib.h>

enum { TRIES = 6, FIRST_RETRY_MS = 500 };

static int64_t now_of(const struct cronrun *r)
{
        return loop_wall(r->c->o.loop).ns;
}

/* ---- creating ---- */

static void on_created(void *arg, json_t *obj, const struct err *e);

static void create(struct fire *f)
{
        struct cronrun *r = f->run;
        AUTO(mem_free) char *name = cronwf_child_name(r->object, f->slot_ns);
        AUTO_JSON json_t *child = cronwf_child(r->object, name, f->slot_ns);
        f->tries++;
        store_create(r->c->o.store, &STORE_WORKFLOW, r->ns, child, on_created, f);
}

static void on_again(void *arg)
{
        create(arg);
}

static void fire_free(struct fire *f)
{
        if (f->run) {
                timer_cancel(f->run->c->o.loop, &f->again);
                *f->prev = f->next;
                if (f->next)
                        f->next->prev = f->prev;
        }
        free(f);
}

static void report(struct cronrun *r, const char *type, const char *what, const struct err *e)
{
        AUTO(mem_free) char *text = mem_printf("%s%s", what, err_msg(e));
        status_condition(r, type, text);
        if (streq(type, "SubmissionError"))
                status_count(r, "failed");
        metric_add(metric_series(METRIC_WF_ERRORS,
                                 streq(type, "SpecError") ? "CronWorkflowSpecError"
                                                          : "CronWorkflowSubmissionError",
                                 NULL, NULL),
                   1);
        log_warn(r->log, "A CronWorkflow cannot run.", F_STR("condition", type), F_ERR(e));
}

static void on_created(void *arg, json_t *obj, const struct err *e)
{
        struct fire *f = arg;
        struct cronrun *r = f->run;
        if (!r) {
                fire_free(f);
                return;
        }
        if (e && err_retryable(e->code) && f->tries < TRIES) {
                timer_after_ms(r->c->o.loop, &f->again, (int64_t)FIRST_RETRY_MS << f->tries);
                return;
        }
        if (!e) {
                log_info(r->log, "A scheduled workflow was created.",
                         F_STR("workflow", obj_name(obj)));
                json_object_set_new(r->fresh, obj_uid(obj), json_true());
                status_add_active(r, cronwf_reference(obj));
                if (!status_stopped(r))
                        json_object_set_new(r->status, "phase", json_string("Active"));
        } else if (e->code != ERR_CONFLICT) { /* the slot has its workflow already */
                report(r, "SubmissionError", "Failed to submit Workflow: ", e);
        }
        if (!e || e->code == ERR_CONFLICT) {
                status_scheduled(r, f->slot_ns);
                status_condition(r, "SubmissionError", NULL);
        }
        fire_free(f);
        status_store(r);
        children_judge(r); /* it may have been seen, and have ended, before this answer */
}

static void start_fire(struct cronrun *r, int64_t slot_ns)
{
        struct fire *f = NEW(struct fire);
        *f = (struct fire){.run = r, .slot_ns = slot_ns, .next = r->fires, .prev = &r->fires};
        if (f->next)
                f->next->prev = &f->next;
        r->fires = f;
        timer_init(&f->again, on_again, f);
        metric_add(metric_series(METRIC_CRON_TRIGGERED, r->name, r->ns, NULL), 1);
        create(f);
}

/* ---- may it run? ---- */

static int check_spec(struct cronrun *r, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        if (wf_validate(r->object, r->c->o.lookup, false, &d) < 0)
                return diags_err(&d, e);
        return 0;
}

static void on_terminated(void *arg UNUSED, json_t *obj UNUSED, const struct err *e UNUSED)
{
        /* the follow tells */
}

static void terminate_active(struct cronrun *r)
{
        AUTO_JSON json_t *patch = json_pack("{s:{s:s}}", "spec", "shutdown", "Terminate");
        size_t i;
        json_t *ref;
        json_array_foreach (json_object_get(r->status, "active"), i, ref) {
                const char *name = json_str(ref, "name");
                if (name)
                        store_patch(r->c->o.store, (struct store_ref){&STORE_WORKFLOW, r->ns, name},
                                    STORE_PATCH_MERGE, patch, on_terminated, NULL);
        }
}

static bool policy_allows(struct cronrun *r)
{
        static const char *const words[] = {"Allow", "Forbid", "Replace"};
        if (r->spec->policy == CRONWF_ALLOW || (!status_active(r) && !r->fires))
                return true;
        metric_add(metric_series(METRIC_CRON_POLICY, r->name, r->ns, words[r->spec->policy]), 1);
        log_info(r->log, "A workflow of before still runs.",
                 F_STR("concurrencyPolicy", words[r->spec->policy]));
        if (r->spec->policy == CRONWF_FORBID)
                return false;
        terminate_active(r);
        return true;
}

/* Words in the status when it cannot even be asked. */
static bool may_run(struct cronrun *r)
{
        ERR_SLOT(e);
        bool stop = false, go = false;
        struct clock *clock = loop_clock(r->c->o.loop);
        AUTO_JSON json_t *view = status_view(r);
        if (check_spec(r, &e) < 0 || cronwf_stop(r->spec, view, clock, &stop, &e) < 0) {
                report(r, "SpecError", "", &e);
                err_clear(&e);
                return false;
        }
        status_condition(r, "SpecError", NULL);
        if (stop) {
                json_object_set_new(r->status, "phase", json_string("Stopped"));
                json_put_at(r->patch_meta, json_string("true"), "labels", CRONWF_COMPLETED_LABEL);
        }
        if (r->spec->suspend || status_stopped(r))
                return false;
        if (cronwf_when(r->spec, view, clock, &go, &e) < 0) {
                report(r, "SubmissionError", "run policy error: ", &e);
                err_clear(&e);
                return false;
        }
        return go && policy_allows(r);
}

static void run_slot(struct cronrun *r, int64_t slot_ns)
{
        if (!streq(obj_annotation(r->object, CRONWF_SCHEDULE_ANNOTATION), r->spec->text))
                json_put_at(r->patch_meta, json_string(r->spec->text), "annotations",
                            CRONWF_SCHEDULE_ANNOTATION);
        AUTO_JSON json_t *before = json_deep_copy(r->status);
        bool go = may_run(r);
        if (!json_equal(before, r->status) || json_object_size(r->patch_meta))
                status_store(r);
        if (go)
                start_fire(r, slot_ns);
}

/* ---- time ---- */

void cronrun_tick(struct cronrun *r, int64_t now_ns)
{
        int64_t slot;
        while (r->spec && r->object && cronwf_due(r->spec, r->looked_ns, now_ns, &slot)) {
                r->looked_ns = slot;
                run_slot(r, slot);
        }
        if (r->spec)
                r->next_ns = cronwf_next(r->spec, r->looked_ns);
        if (r->next_ns <= now_ns) { /* those were slept through */
                r->looked_ns = now_ns;
                r->next_ns = r->spec ? cronwf_next(r->spec, now_ns) : INT64_MAX;
        }
}

/* ---- life ---- */

static void on_retry(void *arg)
{
        status_store(arg);
}

struct cronrun *cronrun_new(struct crons *c, const char *ns, const char *name)
{
        struct cronrun *r = NEW(struct cronrun);
        r->c = c;
        r->ns = mem_strdup(ns);
        r->name = mem_strdup(name);
        r->key = mem_printf("%s/%s", ns, name);
        r->log = log_with(c->log, F_STR("cronworkflow", name), F_STR("namespace", ns));
        r->status = json_object();
        r->fresh = json_object();
        r->patch_meta = json_object();
        r->next_ns = INT64_MAX;
        timer_init(&r->retry, on_retry, r);
        return r;
}

static void drop_object(struct cronrun *r)
{
        status_stop(r);
        for (struct fire *f = r->fires, *next; f; f = next) {
                next = f->next;
                bool waiting = timer_armed(&f->again);
                timer_cancel(r->c->o.loop, &f->again);
                f->run = NULL;
                if (waiting)
                        free(f);
        }
        r->fires = NULL;
        json_decref(TAKE(r->object));
        r->spec = cronwf_spec_free(r->spec);
        json_object_clear(r->status);
        json_object_clear(r->fresh);
        json_object_clear(r->patch_meta);
        r->next_ns = INT64_MAX;
}

struct cronrun *cronrun_free(struct cronrun *r)
{
        drop_object(r);
        children_free(r);
        json_decref(r->status);
        json_decref(r->fresh);
        json_decref(r->patch_meta);
        log_free(r->log);
        free(r->key);
        free(r->ns);
        free(r->name);
        free(r);
        return NULL;
}

/* The spec as it is now; true: its schedules differ from before. */
static bool load_spec(struct cronrun *r)
{
        ERR_SLOT(e);
        AUTO(cronwf_spec_free) struct cronwf_spec *old = TAKE(r->spec);
        if (cronwf_spec_new(&r->spec, r->object, &e) < 0) {
                report(r, "SpecError", "", &e);
                err_clear(&e);
                status_store(r);
        }
        return !old || !r->spec || !streq(old->text, r->spec->text);
}

void cronrun_begin(struct cronrun *r)
{
        int64_t now = now_of(r), slot, last;
        if (!r->object)
                return;
        children_judge(r); /* may know a later slot than the status */
        r->looked_ns = now;
        last = status_last_ns(r);
        const char *used = obj_annotation(r->object, CRONWF_SCHEDULE_ANNOTATION),
                   *created = json_str(r->object, "metadata", "creationTimestamp");
        if (!last && created && time_parse_rfc3339(created, &last))
                used = r->spec ? r->spec->text : NULL; /* never ran: what was missed since then */
        if (r->spec && last && streq(used, r->spec->text) &&
            cronwf_missed(r->spec, last, now, &slot)) {
                log_info(r->log, "A slot was missed while nobody looked.");
                run_slot(r, slot);
        }
        cronrun_tick(r, now);
}

void cronrun_set(struct cronrun *r, json_t *object)
{
        json_int_t generation = json_integer_value(json_at(object, "metadata", "generation"));
        if (r->object && !streq(obj_uid(r->object), obj_uid(object)))
                cronrun_gone(r); /* deleted and made again */
        bool first = !r->object;
        json_decref(r->object);
        r->object = json_incref(object);
        status_load(r, object);
        if (!first && generation == r->generation)
                return;
        r->generation = generation;
        bool moved = load_spec(r);
        if (!crons_live(r->c))
                return;
        if (first) {
                cronrun_begin(r);
        } else {
                if (moved)
                        r->looked_ns = now_of(r);
                cronrun_tick(r, now_of(r));
                children_judge(r); /* limits may have changed */
        }
        crons_arm(r->c);
}

void cronrun_gone(struct cronrun *r)
{
        drop_object(r);
        if (crons_live(r->c))
                children_judge(r);
}
