/* cli/check.c: every rule for every object of some files, and what they say of each other.
 * References are looked up among the files first, then in the store, so `lint` of one file knows
 * the templates that are installed. SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "eventsource/eventsource.h"
#include "sensor/sensor.h"
#include "workflow/spec/validate.h"

struct lookup {
        const struct files *files;
        struct store *store;
        const char *ns;
        json_t *fetched; /* what came from the store; keeps the references */
};

static const char *ns_of(const json_t *obj, const char *ns)
{
        const char *own = json_str(obj, "metadata", "namespace");
        return own ? own : ns;
}

static const json_t *in_files(const struct lookup *l, const char *kind, const char *ns,
                              const char *name)
{
        for (size_t i = 0; i < l->files->n; i++) {
                const struct file_object *o = &l->files->items[i];
                if (streq(o->kind.kind, kind) &&
                    streq(json_str(o->obj, "metadata", "name"), name) &&
                    (o->kind.cluster_scoped || streq(ns_of(o->obj, l->ns), ns)))
                        return o->obj;
        }
        return NULL;
}

static const struct store_kind *kind_by_name(const char *kind)
{
        if (streq(kind, "WorkflowTemplate"))
                return &STORE_WORKFLOW_TEMPLATE;
        if (streq(kind, "ClusterWorkflowTemplate"))
                return &STORE_CLUSTER_WORKFLOW_TEMPLATE;
        return streq(kind, "EventSource") ? &STORE_EVENT_SOURCE : &STORE_CONFIG_MAP;
}

static const json_t *look_up(void *arg, const char *kind, const char *ns, const char *name)
{
        struct lookup *l = arg;
        const json_t *found = in_files(l, kind, ns, name);
        if (found || !l->store)
                return found;
        json_t *obj = NULL;
        struct err e = {0};
        if (store_get_now(l->store, (struct store_ref){kind_by_name(kind), ns, name}, &obj, &e) <
            0) {
                err_clear(&e);
                return NULL;
        }
        json_array_append_new(l->fetched, obj);
        return obj;
}

/* A sensor that waits for an event which no EventSource sends never fires: say so. */
static void check_dependencies(struct lookup *l, const struct file_object *o, struct diags *d)
{
        struct jpath spec = jpath_key(NULL, "spec"), deps = jpath_key(&spec, "dependencies");
        json_t *dep;
        size_t i;
        json_array_foreach (json_at(o->obj, "spec", "dependencies"), i, dep) {
                const char *source = json_str(dep, "eventSourceName"),
                           *event = json_str(dep, "eventName");
                struct jpath item = jpath_index(&deps, i), at = jpath_key(&item, "eventSourceName"),
                             event_at = jpath_key(&item, "eventName");
                if (str_empty(source) || str_empty(event))
                        continue;
                const json_t *es = look_up(l, "EventSource", ns_of(o->obj, l->ns), source),
                             *of_type;
                if (!es) {
                        diag_warn(d, &at, "W500", NULL, "there is no EventSource %s", source);
                        continue;
                }
                bool found = false;
                const char *type;
                json_object_foreach (json_object_get(es, "spec"), type, of_type)
                        found |= json_object_get(of_type, event) != NULL;
                if (!found)
                        diag_warn(d, &event_at, "W500", NULL, "EventSource %s has no event %s",
                                  source, event);
        }
}

/* Arguments without a value get theirs from the event. */
static json_t *with_values(const json_t *created)
{
        json_t *whole = json_deep_copy(created), *p;
        size_t i;
        json_array_foreach (json_at(whole, "spec", "arguments", "parameters"), i, p)
                if (json_is_object(p) && !json_object_get(p, "value") &&
                    !json_object_get(p, "valueFrom"))
                        json_object_set_new(p, "value", json_string(""));
        return whole;
}

/* A Workflow that a trigger creates. The event may still change it, and Argo Events takes any:
 * problems are warnings. */
static void check_created(struct lookup *l, const json_t *created, const struct jpath *at,
                          struct diags *d)
{
        const struct wf_lookup wf = {look_up, l};
        const struct shape_options options = {.lint = true, .ignore_missing = true, .at = at};
        const char *kind = json_str(created, "kind");
        AUTO_DIAGS struct diags found;
        diags_init(&found);
        found.marks = d->marks;
        found.source = d->source;
        found.prefix = d->prefix;
        AUTO_JSON json_t *whole = with_values(created);
        bool workflow = streq(kind, "Workflow") || streq(kind, "CronWorkflow");
        if (workflow && json_is_object(json_object_get(created, "spec")) &&
            wf_validate_with(whole, &wf, &options, &found) < 0)
                for (size_t i = 0; i < found.n; i++)
                        if (found.items[i].severity == SEV_ERROR ||
                            found.items[i].severity == SEV_UNSUPPORTED)
                                found.items[i].severity = SEV_WARNING;
        found.warnings += diags_refused(&found);
        found.errors = found.unsupported = 0;
        diags_move(d, &found);
}

static void check_triggers(struct lookup *l, const struct file_object *o, struct diags *d)
{
        static const char *const types[] = {"k8s", "argoWorkflow"};
        struct jpath spec = jpath_key(NULL, "spec"), list = jpath_key(&spec, "triggers");
        json_t *t;
        size_t i;
        json_array_foreach (json_at(o->obj, "spec", "triggers"), i, t) {
                struct jpath one = jpath_index(&list, i), template = jpath_key(&one, "template");
                for (size_t k = 0; k < ARRAY_LEN(types); k++) {
                        struct jpath type = jpath_key(&template, types[k]),
                                     source = jpath_key(&type, "source"),
                                     at = jpath_key(&source, "resource");
                        const json_t *created =
                                json_at(t, "template", types[k], "source", "resource");
                        if (json_is_object(created))
                                check_created(l, created, &at, d);
                }
        }
}

static void check_one(struct lookup *l, const struct file_object *o, const struct files_how *how,
                      struct diags *d)
{
        const struct wf_lookup wf = {look_up, l};
        const char *kind = o->kind.kind;
        int r = 0;
        const struct shape_options options = {.strict = how->strict,
                                              .lint = how->lint,
                                              .advice = how->lint,
                                              .ignore_missing = how->ignore_missing};
        d->marks = o->marks;
        d->source = o->source;
        if (!streq(o->kind.group, "argoproj.io"))
                return;
        if (streq(kind, "EventSource")) {
                r = eventsource_validate(o->obj, how->strict, d);
        } else if (streq(kind, "Sensor")) {
                r = sensor_validate(o->obj, how->strict, d);
                check_dependencies(l, o, d);
                if (how->lint)
                        check_triggers(l, o, d);
        } else if (streq(kind, "Workflow") || streq(kind, "WorkflowTemplate") ||
                   streq(kind, "ClusterWorkflowTemplate") || streq(kind, "CronWorkflow") ||
                   streq(kind, "WorkflowEventBinding")) {
                r = wf_validate_with(o->obj, &wf, &options, d);
        } else if (streq(kind, "EventBus")) {
                struct jpath at = jpath_key(NULL, "kind");
                diag_at_key(d, SEV_INFO, &at, "W002", NULL,
                            "an EventBus has no effect here: events go through the data folder");
        }
        (void)r; /* the problems are in `d` */
}

int files_check(const struct files *f, struct store *store, const char *ns, bool strict,
                struct diags *d)
{
        return files_check_how(f, store, ns, &(struct files_how){.strict = strict}, d);
}

int files_check_how(const struct files *f, struct store *store, const char *ns,
                    const struct files_how *how, struct diags *d)
{
        size_t refused = diags_refused(d);
        AUTO_JSON json_t *fetched = json_array();
        struct lookup l = {f, store, ns, fetched};
        for (size_t i = 0; i < f->n; i++) {
                AUTO(mem_free)
                char *prefix =
                        mem_printf("%s %s", f->items[i].kind.kind, obj_name(f->items[i].obj));
                d->prefix = prefix;
                check_one(&l, &f->items[i], how, d);
                d->prefix = NULL;
        }
        d->marks = NULL;
        d->source = NULL;
        return diags_refused(d) > refused ? -1 : 0;
}
