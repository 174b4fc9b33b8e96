/* workflow/engine/begin.c: the first step of a workflow: which spec it runs with, is it valid, its
 * variables, its repository (argo-workflows.md 2.4). The spec that was merged from a
 * WorkflowTemplate is frozen in status.storedWorkflowTemplateSpec. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/repository.h"
#include "workflow/engine/sync.h"
#include "workflow/spec/merge.h"
#include "workflow/spec/validate.h"

static const json_t *referenced_spec(struct wf *wf, const json_t *ref, struct err *e)
{
        const char *name = json_str(ref, "name");
        bool cluster = json_is_true(json_object_get(ref, "clusterScope"));
        const char *kind = cluster ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
        const json_t *found =
                wf->lookup.fn ? wf->lookup.fn(wf->lookup.arg, kind, wf->ns, name ? name : "")
                              : NULL;
        if (!found) {
                err_set(e, ERR_NOT_FOUND, "%s.argoproj.io \"%s\" not found",
                        cluster ? "clusterworkflowtemplates" : "workflowtemplates",
                        name ? name : "");
                return NULL;
        }
        return json_object_get(found, "spec");
}

static int choose_spec(struct wf *wf, struct err *e)
{
        const json_t *own = json_object_get(wf->object, "spec"),
                     *ref = json_object_get(own, "workflowTemplateRef");
        const json_t *referenced = NULL;
        if (wf->stored_spec) {
                wf->spec = json_copy(wf->stored_spec);
                return 0;
        }
        if (json_is_object(ref)) {
                referenced = referenced_spec(wf, ref, e);
                if (!referenced)
                        return -1;
        }
        AUTO_JSON json_t *effective =
                spec_effective(own, referenced, json_object_get(wf->workflow_defaults, "spec"));
        AUTO_JSON json_t *normal = spec_normal(effective);
        wf->spec = json_copy(normal); /* its arguments are replaced by their values */
        if (referenced || wf->workflow_defaults)
                wf->stored_spec = json_incref(normal);
        return 0;
}

static int check(struct wf *wf, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct shape_options options = {.simulation = wf->any_storage};
        if (wf_validate_with(wf->object, &wf->lookup, &options, &d) == 0)
                return 0;
        return diags_err(&d, e);
}

static bool int_at(const json_t *spec, const char *key, int64_t *out)
{
        const json_t *v = json_object_get(spec, key);
        *out = json_integer_value(v);
        return json_is_integer(v);
}

static void read_deadline(struct wf *wf)
{
        int64_t n;
        wf->deadline_ns = INT64_MAX;
        if (int_at(wf->spec, "activeDeadlineSeconds", &n)) {
                wf->deadline_ns = wf->started_ns + n * NS_PER_S;
                wf->restored_late = wf->now_ns > wf->deadline_ns;
                if (!wf->restored_late)
                        control_timer(wf, wf->deadline_ns, NONE);
        }
}

static void read_limits(struct wf *wf)
{
        int64_t n;
        const char *shutdown = json_str(wf->object, "spec", "shutdown");
        if (int_at(wf->spec, "parallelism", &n) && n > 0)
                wf->parallelism = n;
        wf->suspended = json_is_true(json_at(wf->object, "spec", "suspend"));
        if (streq(shutdown, "Terminate"))
                wf->shutdown = SHUTDOWN_TERMINATE;
        else if (streq(shutdown, "Stop"))
                wf->shutdown = SHUTDOWN_STOP;
}

static void open_local_scope(struct wf *wf)
{
        wf->local = tmpl_scope_new("local", wf->name, json_object_get(wf->spec, "templates"),
                                   json_object_get(wf->spec, "templateDefaults"),
                                   json_object_get(wf->spec, "retryStrategy"));
        HASH_ADD_KEYPTR(hh, wf->scopes, wf->local->full, strlen(wf->local->full), wf->local);
}

void wf_postpone(struct wf *wf, const char *message)
{
        if (!wf->begun && !*wf->phase)
                wf_set_phase(wf, "Pending", message);
}

void wf_start_clock(struct wf *wf)
{
        if (!wf->started_ns) {
                wf->started_ns = wf->now_ns;
                wf_set_phase(wf, "Running", "");
        } else if (*wf->message)
                wf_set_phase(wf, wf->phase, "");
        read_deadline(wf);
}

/* It waits for the lock of the workflow, or it runs. */
static bool begin_clock(struct wf *wf, bool fresh)
{
        struct err why = {0};
        if (fresh)
                wf->started_ns = 0; /* not before it has its lock */
        if (sync_begin(wf, &why) < 0) {
                wf_fail(wf, "Failed", "Failed to acquire the synchronization lock. %s",
                        err_msg(&why));
                err_clear(&why);
                return false;
        }
        if (sync_workflow_may_run(wf))
                wf_start_clock(wf);
        return true;
}

bool wf_begin(struct wf *wf)
{
        struct err why = {0};
        bool fresh = !*wf->phase || streq(wf->phase, "Pending"); /* or it had to wait */
        wf->begun = true;
        if (choose_spec(wf, &why) < 0) {
                wf_fail(wf, "Error", "%s", err_msg(&why));
                err_clear(&why);
                return false;
        }
        if (fresh)
                wf->started_ns = wf->now_ns;
        if (fresh && check(wf, &why) < 0) {
                wf_fail(wf, "Failed", "invalid spec: %s", err_msg(&why));
                err_clear(&why);
                return false;
        }
        if (globals_begin(wf, &why) < 0 || metadata_begin(wf, &why) < 0 ||
            repository_choose(wf, &why) < 0) {
                wf_fail(wf, "Error", "%s", err_msg(&why));
                err_clear(&why);
                return false;
        }
        open_local_scope(wf);
        read_limits(wf);
        wf->restored_shutdown = wf->shutdown != SHUTDOWN_NONE;
        return begin_clock(wf, fresh);
}
