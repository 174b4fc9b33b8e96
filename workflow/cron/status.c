/* workflow/cron/status.c: the status of a CronWorkflow: held here, stored by merge patches, one at
 * a time; what changes meanwhile goes with the next. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/cron/crons_priv.h"
#include <stdlib.h>

enum { RETRY_MS = 1000 };

struct patch_op {
        struct cronrun *run; /* NULL: nobody waits any more */
};

void status_load(struct cronrun *r, const json_t *object)
{
        json_t *stored = json_object_get(object, "status");
        if (r->op || r->dirty) /* ours is newer */
                return;
        json_decref(r->status);
        r->status = stored ? json_deep_copy(stored) : json_object();
}

/* ---- storing ---- */

static void on_stored(void *arg, json_t *obj, const struct err *e)
{
        struct patch_op *op = arg;
        struct cronrun *r = op->run;
        free(op);
        if (!r)
                return;
        r->op = NULL;
        if (e && e->code != ERR_NOT_FOUND) {
                log_warn(r->log, "The status of a CronWorkflow cannot be stored, trying again.",
                         F_ERR(e));
                r->dirty = true;
                timer_after_ms(r->c->o.loop, &r->retry, RETRY_MS);
        } else if (!e && r->object && streq(obj_uid(obj), obj_uid(r->object))) {
                json_decref(r->object);
                r->object = json_incref(obj);
        }
        if (r->dirty && !timer_armed(&r->retry))
                status_store(r);
}

/* A merge patch leaves what it does not name. */
static json_t *patch_of(struct cronrun *r)
{
        static const char *const members[] = {"active", "lastScheduledTime", "succeeded", "failed",
                                              "phase",  "conditions"};
        json_t *status = json_object(), *meta = TAKE(r->patch_meta);
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                json_t *v = json_object_get(r->status, members[i]);
                json_object_set_new(status, members[i], v ? json_deep_copy(v) : json_null());
        }
        json_object_set_new(meta, "uid", json_string(obj_uid(r->object)));
        r->patch_meta = json_object();
        return json_pack("{s:o, s:o}", "status", status, "metadata", meta);
}

void status_store(struct cronrun *r)
{
        r->dirty = true;
        if (r->op || timer_armed(&r->retry) || !r->object)
                return;
        r->dirty = false;
        AUTO_JSON json_t *patch = patch_of(r);
        r->op = NEW(struct patch_op);
        r->op->run = r;
        store_patch(r->c->o.store, (struct store_ref){&STORE_CRON_WORKFLOW, r->ns, r->name},
                    STORE_PATCH_MERGE, patch, on_stored, r->op);
}

void status_stop(struct cronrun *r)
{
        timer_cancel(r->c->o.loop, &r->retry);
        if (r->op)
                TAKE(r->op)->run = NULL;
        r->dirty = false;
}

/* ---- what it says ---- */

static json_t *active(const struct cronrun *r)
{
        return json_object_get(r->status, "active");
}

size_t status_active(const struct cronrun *r)
{
        return json_array_size(active(r));
}

bool status_is_active(const struct cronrun *r, const char *uid)
{
        size_t i;
        json_t *ref;
        json_array_foreach (active(r), i, ref)
                if (streq(json_str(ref, "uid"), uid))
                        return true;
        return false;
}

void status_add_active(struct cronrun *r, json_t *reference_taken)
{
        if (!json_is_array(active(r)))
                json_object_set_new(r->status, "active", json_array());
        if (status_is_active(r, json_str(reference_taken, "uid")))
                json_decref(reference_taken);
        else
                json_array_append_new(active(r), reference_taken);
}

void status_count(struct cronrun *r, const char *key)
{
        json_int_t n = json_integer_value(json_object_get(r->status, key));
        json_object_set_new(r->status, key, json_integer(n + 1));
}

int64_t status_last_ns(const struct cronrun *r)
{
        const char *text = json_str(r->status, "lastScheduledTime");
        int64_t ns = 0;
        return text && time_parse_rfc3339(text, &ns) ? ns : 0;
}

void status_scheduled(struct cronrun *r, int64_t slot_ns)
{
        char text[40];
        if (slot_ns <= status_last_ns(r))
                return;
        time_rfc3339(slot_ns, text);
        json_object_set_new(r->status, "lastScheduledTime", json_string(text));
}

bool status_stopped(const struct cronrun *r)
{
        return streq(json_str(r->status, "phase"), "Stopped");
}

void status_condition(struct cronrun *r, const char *type, const char *message)
{
        json_t *list = json_object_get(r->status, "conditions"), *c;
        size_t i;
        json_array_foreach (list, i, c) {
                if (!streq(json_str(c, "type"), type))
                        continue;
                json_array_remove(list, i);
                break;
        }
        if (!message)
                return;
        if (!json_is_array(list)) {
                list = json_array();
                json_object_set_new(r->status, "conditions", list);
        }
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "type", type, "status", "True",
                                              "message", message));
}

json_t *status_view(const struct cronrun *r)
{
        json_t *view = json_copy(r->object);
        json_object_set(view, "status", r->status);
        return view;
}
