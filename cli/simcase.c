/* cli/simcase.c: see simcase.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/simcase.h"
#include "workflow/engine/redo.h"
#include "workflow/spec/shapes.h"
#include "workflow/spec/validate.h"

/* ---- the format of scripts ---- */

static const struct shape match_shape[] = {
        HAS("template", STR, NULL, "The name of the template."),
        HAS("node", STR, NULL, "The display name of the node; * stands for any characters."),
        HAS("name", STR, NULL, "The full name of the node; * stands for any characters."),
        HAS("attempt", INT, NULL, "The n-th try of a retried step, from 0."),
        HAS("run", INT, NULL,
            "How many times the workflow was retried or resubmitted before, from 0."),
        HAS("inputs", MAP, NULL, "Input parameters with exactly these values."),
        END};
#define OUTCOME                                                                                   \
        HAS("phase", STR, NULL, "Succeeded (without it), Failed, Error, or Deleted."),            \
                HAS("exitCode", INT, NULL, "Exit code of main; 1 when it fails."),                \
                HAS("message", STR, NULL, "Last words of the container that failed."),            \
                HAS("podMessage", STR, NULL, "Message of the pod itself."),                       \
                HAS("podReason", STR, NULL, "Reason of the pod itself."),                         \
                HAS("duration", ANY, NULL,                                                        \
                    "Virtual seconds it takes; 1 without it, negative for ever."),                \
                HAS("pending", BOOL, NULL, "It never starts."),                                   \
                HAS("result", STR, NULL, "What it prints; becomes outputs.result."),              \
                HAS("parameters", MAP, NULL, "Output parameters by name."),                       \
                HAS("artifacts", ANY, NULL, "Keys of output artifacts by name; null: not made."), \
                HAS("containers", ANY, NULL, "Exit codes of the containers of a set by name."),   \
                HAS("ip", STR, NULL, "Its address."),                                             \
                HAS("progress", STR, NULL, "Progress it reports: \"1/2\".")

static const struct shape outcome_shape[] = {OUTCOME, END};
static const struct shape rule_shape[] = {
        HAS("match", OBJ, match_shape, "Which pods; all keys must fit."), OUTCOME, END};
static const struct shape pods_shape[] = {
        HAS("rules", LIST, rule_shape, "The first that fits is used alone."),
        HAS("default", OBJ, outcome_shape, "For pods that no rule fits."), END};
static const struct shape action_shape[] = {
        HAS("do", STR, NULL, "resume, suspend, stop, terminate, set, retry or resubmit."),
        HAS("when", STR, NULL, "idle (nothing else will happen) or completed."),
        HAS("at", ANY, NULL, "At this virtual second."),
        HAS("afterPods", INT, NULL, "Once so many pods have ended."),
        HAS("parameters", MAP, NULL, "Outputs of suspended steps, for set."),
        HAS("message", STR, NULL, "The message that goes with it."),
        HAS("phase", STR, NULL, "The phase of suspended steps, for set."),
        HAS("nodeFieldSelector", STR, NULL, "Which nodes: displayName=approve."),
        HAS("restartSuccessful", BOOL, NULL, "For retry: also what succeeded."),
        HAS("override", VALUES, NULL, "For retry and resubmit: other arguments, NAME=VALUE."),
        HAS("memoized", BOOL, NULL, "For resubmit: keep what succeeded."),
        HAS("newName", STR, NULL, "For resubmit: the name of the new workflow."),
        HAS("error", STR, NULL, "The action is expected to be refused."),
        END};
const struct shape simulate_script_shape[] = {
        HAS("name", STR, NULL, "What this test is called."),
        HAS("note", STR, NULL, "For people."),
        HAS("source", STR, NULL, "For people: where it comes from."),
        HAS("features", VALUES, NULL, "For people: what it is about."),
        HAS("entrypoint", STR, NULL,
            "The template to begin with, instead of the workflow's: tests one template of a file."),
        HAS("arguments", MAP, NULL, "Parameters of the workflow."),
        HAS("pods", OBJ, pods_shape, "What pods do."),
        HAS("actions", LIST, action_shape, "What a user does, in this order."),
        HAS("expect", ANY, NULL, "What must come out."),
        HAS("workflow", ANY, NULL, "The workflow, when it stands in the same document."),
        HAS("objects", VALUES, NULL, "Templates and ConfigMaps it refers to."),
        HAS("syncLimits", MAP, NULL,
            "Limits of semaphores in the database, as `tiphys sync` sets them: key to number."),
        HAS("compact", BOOL, NULL, "Recorded cases: only counts are compared."),
        END};

/* ---- sorting documents ---- */

static void take_workflow(struct simcase *s, json_t *wf, const struct marks *marks, struct diags *d)
{
        if (s->workflow) {
                diag_error(d, NULL, "E505", "simulate one workflow at a time",
                           "a second workflow: %s", obj_name(wf));
                return;
        }
        s->workflow = json_deep_copy(wf);
        s->marks = marks;
}

static void take_script(struct simcase *s, const json_t *root, const struct marks *marks,
                        struct diags *d)
{
        static const struct shape_options strict = {.strict = true};
        size_t i;
        json_t *o;
        shape_check(root, simulate_script_shape, NULL, &strict, d);
        AUTO_JSON json_t *script = shape_normal(root, simulate_script_shape);
        if (json_is_object(json_object_get(script, "workflow"))) {
                take_workflow(s, json_object_get(script, "workflow"), NULL, d);
                s->embedded = true;
        }
        json_array_foreach (json_object_get(script, "objects"), i, o)
                json_array_append(s->objects, o);
        (void)marks;
        json_array_append(s->scripts, script);
}

bool simcase_is_script(const json_t *root)
{
        for (const struct shape *f = simulate_script_shape; f->name; f++)
                if (strcmp(f->name, "name") != 0 && json_object_get(root, f->name))
                        return !json_object_get(root, "kind");
        return false;
}

static void take(struct simcase *s, const struct yaml_doc *doc, struct diags *d)
{
        const char *kind = json_str(doc->root, "kind");
        d->marks = doc->marks;
        if (simcase_is_script(doc->root))
                take_script(s, doc->root, doc->marks, d);
        else if (streq(kind, "Workflow"))
                take_workflow(s, doc->root, doc->marks, d);
        else if (kind)
                json_array_append(s->objects, doc->root);
        else
                diag_error(d, NULL, "E501",
                           "a resource has a kind; a script has pods, actions or expect",
                           "neither a resource nor a script");
        d->marks = NULL;
}

/* ---- what stands for a workflow ---- */

static bool has_entrypoint(const struct simcase *s, const json_t *o)
{
        return s->entrypoint || !str_empty(json_str(o, "spec", "entrypoint")) ||
               streq(json_str(o, "kind"), "CronWorkflow");
}

static json_t *of_kind(const struct simcase *s, const char *kind)
{
        size_t i;
        json_t *o;
        json_array_foreach (s->objects, i, o) {
                if (streq(json_str(o, "kind"), kind) && has_entrypoint(s, o))
                        return o;
        }
        return NULL;
}

static json_t *from_cron(const json_t *cron)
{
        return json_pack("{s:s, s:s, s:{s:s, s:O*, s:O*}, s:O?}", "apiVersion",
                         "argoproj.io/v1alpha1", "kind", "Workflow", "metadata", "name",
                         obj_name(cron), "labels",
                         json_at(cron, "spec", "workflowMetadata", "labels"), "annotations",
                         json_at(cron, "spec", "workflowMetadata", "annotations"), "spec",
                         json_at(cron, "spec", "workflowSpec"));
}

static json_t *from_template(const json_t *t, bool cluster)
{
        return json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:s, s:b}}}", "apiVersion",
                         "argoproj.io/v1alpha1", "kind", "Workflow", "metadata", "name",
                         obj_name(t), "spec", "workflowTemplateRef", "name", obj_name(t),
                         "clusterScope", cluster);
}

static void find_workflow(struct simcase *s, struct diags *d)
{
        json_t *o, *script;
        size_t i;
        json_array_foreach (s->scripts, i, script)
                if (!s->entrypoint)
                        s->entrypoint = json_str(script, "entrypoint");
        if (!s->workflow && (o = of_kind(s, "CronWorkflow")))
                s->workflow = from_cron(o);
        if (!s->workflow && (o = of_kind(s, "WorkflowTemplate")))
                s->workflow = from_template(o, false);
        if (!s->workflow && (o = of_kind(s, "ClusterWorkflowTemplate")))
                s->workflow = from_template(o, true);
        if (!s->workflow && !d->errors)
                diag_error(d, NULL, "E505",
                           "name the file of a Workflow, a CronWorkflow or a WorkflowTemplate with "
                           "an entrypoint, or say which one with --entrypoint",
                           "there is no workflow in these files");
}

static void set_missing(json_t *o, const char *key, const char *value)
{
        if (!json_object_get(o, key))
                json_object_set_new(o, key, json_string(value));
}

/* What a server fills in. */
static void complete(json_t *wf)
{
        json_t *metadata = json_object_get(wf, "metadata");
        const char *prefix = json_str(metadata, "generateName");
        if (!json_is_object(metadata)) {
                metadata = json_object();
                json_object_set_new(wf, "metadata", metadata);
        }
        AUTO(mem_free) char *name = mem_printf("%ssim", prefix ? prefix : "workflow-");
        set_missing(metadata, "name", name);
        set_missing(metadata, "namespace", "default");
        set_missing(metadata, "uid", "00000000-0000-0000-0000-000000000001");
        set_missing(metadata, "creationTimestamp", "2000-01-01T00:00:00Z");
}

/* Files, and standard input once; every text is kept for carets. */
static void load_file(struct simcase *s, const char *path, struct diags *d)
{
        struct file_text *t = files_read_text(&s->files, path, d);
        if (!t)
                return;
        if (yaml_load(&t->docs, t->name, t->text, t->n, d) < 0 && !t->docs.n)
                return;
        for (size_t i = 0; i < t->docs.n; i++)
                take(s, &t->docs.items[i], d);
}

int simcase_load(struct simcase *s, const char *const *paths, size_t n, const char *entrypoint,
                 struct diags *d)
{
        size_t errors = d->errors;
        *s = (struct simcase){.entrypoint = entrypoint,
                              .forced = entrypoint,
                              .objects = json_array(),
                              .scripts = json_array()};
        for (size_t i = 0; i < n; i++)
                load_file(s, paths[i], d);
        find_workflow(s, d);
        if (s->workflow)
                complete(s->workflow);
        if (s->workflow && entrypoint)
                json_object_set_new(json_object_get(s->workflow, "spec"), "entrypoint",
                                    json_string(entrypoint));
        return d->errors > errors ? -1 : 0;
}

void simcase_deinit(struct simcase *s)
{
        json_decref(s->workflow);
        json_decref(s->objects);
        json_decref(s->scripts);
        files_deinit(&s->files);
}

/* ---- running ---- */

/* The workflow's own when the script names none, and neither did the command line. */
static void set_entrypoint(json_t *wf, const struct simcase *s, const json_t *script)
{
        const char *name = s->forced ? s->forced : json_str(script, "entrypoint");
        json_t *spec = json_object_get(wf, "spec");
        if (name && json_is_object(spec))
                json_object_set_new(spec, "entrypoint", json_string(name));
}

json_t *simcase_input(const struct simcase *s, const json_t *script)
{
        json_t *input = json_pack("{s:o, s:O}", "workflow", json_deep_copy(s->workflow), "objects",
                                  s->objects);
        const char *key;
        json_t *v, *pods = json_object_get(script, "pods"),
                   *actions = json_object_get(script, "actions"),
                   *limits = json_object_get(script, "syncLimits");
        json_object_foreach (json_object_get(script, "arguments"), key, v)
                workflow_set_parameter(json_object_get(input, "workflow"), key, json_incref(v));
        if (s->entrypoint)
                set_entrypoint(json_object_get(input, "workflow"), s, script);
        if (pods)
                json_object_set(input, "pods", pods);
        if (actions)
                json_object_set(input, "actions", actions);
        if (limits)
                json_object_set(input, "syncLimits", limits);
        return input;
}

int simcase_set_parameters(json_t *wf, const struct opt_list *list, struct err *e)
{
        for (size_t i = 0; i < list->n; i++) {
                const char *eq = strchr(list->items[i], '=');
                if (!eq || eq == list->items[i])
                        return err_set(e, ERR_INVALID,
                                       "--parameter: expected NAME=VALUE, found \"%s\"",
                                       list->items[i]);
                AUTO(mem_free)
                char *name = mem_strndup(list->items[i], (size_t)(eq - list->items[i]));
                workflow_set_parameter(wf, name, json_string(eq + 1));
        }
        return 0;
}

static const json_t *look_up(void *arg, const char *kind, const char *ns, const char *name)
{
        const struct simcase *s = arg;
        size_t i;
        json_t *o;
        (void)ns;
        json_array_foreach (s->objects, i, o) {
                if (streq(json_str(o, "kind"), kind) && streq(obj_name(o), name))
                        return o;
        }
        return NULL;
}

static int check_one(const struct simcase *s, const json_t *wf, struct diags *d)
{
        const struct wf_lookup lookup = {look_up, (void *)(uintptr_t)s};
        const struct shape_options options = {.simulation = true, .lint = true};
        d->marks = s->marks;
        int r = wf_validate_with(wf, &lookup, &options, d);
        d->marks = NULL;
        return r;
}

int simcase_check(const struct simcase *s, struct diags *d)
{
        int r = 0;
        if (s->embedded)
                return 0; /* a recorded case: what the engine makes of it is what is asked */
        if (!s->entrypoint || !json_array_size(s->scripts))
                return check_one(s, s->workflow, d);
        for (size_t i = 0; i < json_array_size(s->scripts) && r == 0; i++) {
                AUTO_JSON json_t *input = simcase_input(s, json_array_get(s->scripts, i));
                r = check_one(s, json_object_get(input, "workflow"), d);
        }
        return r;
}
