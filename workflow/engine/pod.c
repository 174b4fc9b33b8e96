/* workflow/engine/pod.c: leaf nodes: the resolved template goes out, what the pod did comes back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/pod_phase.h"
#include "workflow/engine/repository.h"
#include "workflow/spec/merge.h"

/* ---- going out ---- */

/* Workflow volumes behind the template's own; pod metadata below the template's. */
static void add_workflow_level(const struct wf *wf, json_t *tmpl)
{
        const json_t *meta = json_object_get(wf->spec, "podMetadata");
        static const char *const inherited[] = {
                "nodeSelector",  "tolerations",     "affinity",
                "schedulerName", "securityContext", "serviceAccountName",
                "hostAliases",   "podResources",    "hostNetwork"};
        AUTO_JSON json_t *volumes = claims_volumes(wf);
        json_array_extend(volumes, json_object_get(wf->spec, "volumes"));
        if (json_array_size(volumes)) {
                AUTO_JSON json_t *under = json_pack("{s:O}", "volumes", volumes);
                AUTO_JSON json_t *over = json_object();
                if (json_object_get(tmpl, "volumes"))
                        json_object_set_nocheck(over, "volumes", json_object_get(tmpl, "volumes"));
                AUTO_JSON json_t *both = spec_merge(under, over);
                json_object_set_nocheck(tmpl, "volumes", json_object_get(both, "volumes"));
        }
        if (json_is_object(meta)) {
                const json_t *own = json_object_get(tmpl, "metadata");
                json_object_set_new_nocheck(tmpl, "metadata",
                                            own ? spec_merge(meta, own)
                                                : json_incref((json_t *)(uintptr_t)meta));
        }
        for (size_t i = 0; i < ARRAY_LEN(inherited); i++)
                if (!json_object_get(tmpl, inherited[i]) && json_object_get(wf->spec, inherited[i]))
                        json_object_set_nocheck(tmpl, inherited[i],
                                                json_object_get(wf->spec, inherited[i]));
}

static struct scope pod_scope(struct wf *wf, uint32_t index, struct arena *a)
{
        const struct node *n = node_at(wf, index);
        struct scope s = {.wf = wf,
                          .frame = NONE,
                          .inputs = n->inputs,
                          .outputs = n->tmpl->outputs,
                          .pod_name = node_pod_name(wf, n, a),
                          .attempt = -1,
                          .last_attempt = NONE};
        scope_name_of(&s, index);
        if (n->role == ROLE_ATTEMPT) {
                s.attempt = (int)n->slot;
                s.last_attempt = retry_attempt(wf, n->owner, (int64_t)n->slot - 1);
        }
        return s;
}

static int render(struct wf *wf, uint32_t index, json_t **out, struct err *e)
{
        const struct node *n = node_at(wf, index);
        const struct tmpl *t = n->tmpl;
        struct arena a;
        arena_init(&a, 0);
        struct scope s = pod_scope(wf, index, &a);
        json_t *rendered = NULL;
        int r = scope_tree(&rendered, t->leaf_body, &s, e);
        if (r == 0) {
                *out = json_copy(rendered);
                json_decref(rendered);
                if (n->inputs)
                        json_object_set_nocheck(*out, "inputs", n->inputs);
                add_workflow_level(wf, *out);
                r = repository_location(wf, *out, &s, e);
                if (r == 0 && n->type == NODE_POD)
                        r = podspec_patch(wf, *out, &s, e);
                if (r == 0)
                        r = resource_own(wf, *out, e);
                if (r < 0) {
                        json_decref(*out);
                        *out = NULL;
                }
        }
        arena_deinit(&a);
        return r;
}

static bool seconds_of(const json_t *v, int64_t *out)
{
        if (!v || json_is_null(v))
                return false;
        char *text = json_scalar_text(v);
        bool ok = str_to_i64(text, out);
        mem_free(text);
        return ok;
}

static void shorten(int64_t *deadline_s, int64_t left_s)
{
        left_s = left_s < 1 ? 1 : left_s;
        if (!*deadline_s || left_s < *deadline_s)
                *deadline_s = left_s;
}

/* The smallest of the template's own deadline, its timeout, and what is left of the workflow and of
 * a retry's maxDuration. */
static int64_t deadline_of(const struct wf *wf, const struct node *n, const json_t *tmpl)
{
        int64_t deadline = 0, s, ns;
        if (seconds_of(json_object_get(tmpl, "activeDeadlineSeconds"), &s) && s > 0)
                deadline = s;
        if (retry_duration(json_object_get(tmpl, "timeout"), &ns) && ns > 0)
                shorten(&deadline, (n->started_s * NS_PER_S + ns - wf->now_ns) / NS_PER_S);
        if (wf->deadline_ns != INT64_MAX && !n->exit_tree)
                shorten(&deadline, (wf->deadline_ns - wf->now_ns) / NS_PER_S);
        return deadline;
}

/* What is left of a retry's maxDuration: not the pod's deadline, but its executor's. */
static int64_t execution_limit(const struct wf *wf, const struct node *n)
{
        int64_t ns;
        if (n->role != ROLE_ATTEMPT || n->slot == 0 ||
            !retry_duration(json_at(n->tmpl->retry, "backoff", "maxDuration"), &ns) || ns <= 0)
                return 0;
        uint32_t first = retry_attempt(wf, n->owner, 0);
        int64_t left = 0;
        if (first != NONE)
                shorten(&left,
                        (node_at(wf, first)->started_s * NS_PER_S + ns - wf->now_ns) / NS_PER_S);
        return left;
}

/* Is its stdout wanted by a sibling? */
static bool captures(const struct wf *wf, const struct node *n)
{
        if (n->boundary == NONE || n->role == ROLE_HOOK)
                return false;
        const struct node *at = n;
        if (at->role == ROLE_ATTEMPT)
                at = node_at(wf, at->owner);
        if (at->role == ROLE_HOOK)
                return false;
        const struct tmpl *around = node_at(wf, n->boundary)->tmpl;
        return around && at->slot < around->n_tasks && around->tasks[at->slot].result_used;
}

static const char *shutdown_name(const struct wf *wf)
{
        return wf->shutdown == SHUTDOWN_STOP ? "Stop" : "Terminate";
}

static enum wf_work work_of(const struct tmpl *t)
{
        switch (t->type) {
        case TMPL_RESOURCE: return WORK_RESOURCE;
        case TMPL_DATA: return WORK_DATA;
        case TMPL_HTTP: return WORK_HTTP;
        case TMPL_PLUGIN: return WORK_PLUGIN;
        default: return WORK_POD;
        }
}

void pod_start(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        struct err why = {0};
        json_t *tmpl = NULL;
        if (n->pod_started)
                return;
        if (wf->shutdown == SHUTDOWN_TERMINATE ||
            (wf->shutdown == SHUTDOWN_STOP && !n->exit_tree)) {
                char *message =
                        mem_printf("workflow shutdown with strategy: %s", shutdown_name(wf));
                node_set(wf, index, PHASE_FAILED, message);
                mem_free(message);
                return;
        }
        if (wf->now_ns >= wf->deadline_ns && !n->exit_tree) {
                node_set(wf, index, PHASE_FAILED, "Step exceeded its deadline");
                return;
        }
        if (render(wf, index, &tmpl, &why) < 0) {
                exec_raise(wf, index, &why);
                return;
        }
        n->pod_started = true;
        int64_t deadline = deadline_of(wf, n, tmpl), ns;
        static const char *const waits[] = {"timeout", "pendingTimeout"};
        for (size_t i = 0; i < ARRAY_LEN(waits); i++)
                if (retry_duration(json_object_get(tmpl, waits[i]), &ns) && ns > 0)
                        control_timer(wf, n->started_s * NS_PER_S + ns, index);
        wf_put_command(wf, (struct wf_command){.kind = WF_START_POD,
                                               .work = work_of(n->tmpl),
                                               .node_id = node_id_text(wf, n, &wf->step),
                                               .node_name = n->name,
                                               .pod_name = node_pod_name(wf, n, &wf->step),
                                               .template = tmpl,
                                               .capture_result = captures(wf, n),
                                               .exit_tree = n->exit_tree,
                                               .deadline_s = deadline,
                                               .execution_limit_s = execution_limit(wf, n)});
        container_set_open(wf, index);
}

void pod_kill(struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        wf_put_command(wf, (struct wf_command){.kind = WF_KILL_POD,
                                               .node_id = node_id_text(wf, n, &wf->step),
                                               .node_name = n->name,
                                               .pod_name = node_pod_name(wf, n, &wf->step)});
}

/* ---- coming back ---- */

static void take_progress(struct wf *wf, struct node *n, const char *text)
{
        unsigned done, all;
        if (str_empty(text) || sscanf(text, "%u/%u", &done, &all) != 2 || done > all ||
            all > UINT16_MAX)
                return;
        wf->progress_done += done - n->progress_done;
        wf->progress_all += all - n->progress_all;
        n->progress_done = (uint16_t)done;
        n->progress_all = (uint16_t)all;
        wf->changed = true;
}

static enum node_phase phase_of(int pod_phase)
{
        switch (pod_phase) {
        case POD_RUNNING: return PHASE_RUNNING;
        case POD_SUCCEEDED: return PHASE_SUCCEEDED;
        case POD_FAILED: return PHASE_FAILED;
        case POD_ERROR: return PHASE_ERROR;
        default: return PHASE_PENDING;
        }
}

static void set_fixed_value(struct wf *wf, uint32_t index, json_t *parameter)
{
        struct arena a;
        arena_init(&a, 0);
        struct scope s = pod_scope(wf, index, &a);
        struct tag_opts o = scope_tags(&s);
        char *raw = json_scalar_text(json_object_get(parameter, "value")), *text = NULL;
        struct err why = {0};
        if (tag_string(&text, raw, &o, &why) == 0)
                json_object_set_new_nocheck(parameter, "value", json_string_nocheck(text));
        err_clear(&why);
        mem_free(raw);
        mem_free(text);
        arena_deinit(&a);
}

/* Output parameters that the pod does not report: a fixed value is the engine's to say; those
 * of a failed pod are there without a value. */
static void add_declared(struct wf *wf, uint32_t index, json_t *outputs, bool failed)
{
        const struct node *n = node_at(wf, index);
        const json_t *decls = n->tmpl ? json_object_get(n->tmpl->outputs, "parameters") : NULL;
        json_t *list = json_object_get(outputs, "parameters"), *decl;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)decls, i, decl) {
                const char *name = json_str(decl, "name");
                bool known = name && named_item(list, name, strlen(name));
                bool fixed = json_object_get(decl, "value") != NULL;
                if (!name || (!fixed && (known || !failed)))
                        continue;
                json_t *out = json_copy(decl);
                if (fixed)
                        set_fixed_value(wf, index, out);
                if (!list) {
                        list = json_array();
                        json_object_set_new_nocheck(outputs, "parameters", list);
                }
                for (size_t k = 0; known && k < json_array_size(list); k++)
                        if (streq(json_str(json_array_get(list, k), "name"), name))
                                json_array_remove(list, k);
                json_array_append_new(list, out);
        }
}

/* Containers of a set that nobody has told of share the fate of their pod. */
static void end_containers(struct wf *wf, uint32_t index, enum node_phase phase,
                           const char *message)
{
        container_set_fail(wf, index, phase,
                           phase == PHASE_SUCCEEDED ? ""
                           : phase == PHASE_ERROR   ? "container deleted"
                                                    : message);
}

/* The tree of a suspended workflow that was restored is not open yet: its nodes know only by name
 * what they run. */
static void find_template(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        AUTO_JSON json_t *ref = json_object();
        struct tmpl *t = NULL;
        struct err why = {0};
        if (n->template_ref)
                json_object_set(ref, "templateRef", n->template_ref);
        else
                json_object_set_new(ref, "template", json_string(n->template_name));
        if (exec_resolve(wf, exec_scope(wf, n->scope), ref, &t, &why) == 0)
                n->tmpl = t;
        err_clear(&why);
}

void pod_start_left(struct wf *wf, uint32_t index)
{
        find_template(wf, index);
        if (node_at(wf, index)->tmpl)
                pod_start(wf, index);
        else
                node_set(wf, index, PHASE_ERROR, "its template is gone");
}

void pod_update(struct wf *wf, const struct wf_input *in)
{
        uint32_t index = node_by_id_text(wf, in->node_id);
        if (index == NONE)
                return;
        struct node *n = node_at(wf, index);
        enum node_phase phase = phase_of(in->pod_phase);
        if (!node_is_work(n) || n->phase >= PHASE_SUCCEEDED || phase < n->phase)
                return;
        if (!n->tmpl)
                find_template(wf, index);
        if (in->ip)
                n->pod_ip = wf_intern(wf, in->ip);
        if (in->host)
                n->host = wf_intern(wf, in->host);
        take_progress(wf, n, in->progress);
        if (in->outputs && phase_completed(phase)) {
                json_t *outputs = json_deep_copy(in->outputs);
                add_declared(wf, index, outputs, phase == PHASE_FAILED);
                node_set_outputs(wf, index, outputs);
        }
        if (in->finished.ns && phase_completed(phase))
                n->finished_s = in->finished.ns / NS_PER_S;
        node_touch(wf, index);
        container_set_update(wf, index, in->containers);
        if (phase_completed(phase))
                end_containers(wf, index, phase, in->message);
        if (daemon_is(n) && phase_completed(phase))
                daemon_died(wf, index, phase, in->message);
        else
                node_set(wf, index, phase, in->message);
        if (daemon_is(n) && phase == PHASE_RUNNING && in->ready)
                daemon_ready(wf, index);
        if (phase_completed(phase))
                globals_take_outputs(wf, index);
}
