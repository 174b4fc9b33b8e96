/* workflow/spec/check.h: what the files of the validation share (argo-workflows.md 4.1).
 *
 * The verdict is Argo's: templates are looked at in the order Argo visits them, because what a tag
 * may name depends on what has been seen before (workflow.outputs.*, workflow.failures). Argo stops
 * at the first problem, we go on and report all. Rules that Argo has not are warnings.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/engine.h"
#include "workflow/engine/plan.h"
#include "workflow/spec/shape.h"
#include <uthash.h>

struct check_name { /* an entry of a set of names */
        char *name;
        const json_t *body; /* templates: the template */
        uint32_t index;     /* templates, steps, tasks: which */
        bool done;          /* templates: looked at */
        UT_hash_handle hh;
};
struct check_home { /* where names of templates are looked up: the workflow, or a resource it refers
                       to */
        char *id;   /* "", "WorkflowTemplate x", "ClusterWorkflowTemplate x" */
        json_t *spec; /* owned, in normal form */
        bool cluster, checked_inline;
        struct check_name *templates;
        UT_hash_handle hh;
};
struct check {
        const json_t *object; /* with metadata */
        const json_t *spec;   /* its own */
        const struct jpath *spec_at;
        json_t *arguments; /* owned: those of the workflow over those of what it refers to */
        const struct wf_lookup *lookup;
        struct shape_options options;
        struct diags *d;
        bool lenient; /* a template resource: arguments may lack values, parameters may be added */
        struct check_home local, *remotes, *home; /* home: of the template under work */
        struct check_home *referenced;            /* by workflowTemplateRef, or NULL */
        struct check_name *globals;               /* outputs.parameters.x, outputs.artifacts.x */
        bool failures_known, any_artifact;
        int depth, demoted; /* demoted: Argo does not look here, problems are warnings */
};
#define FAIL(c, at, code, hint, ...)                                         \
        ((c)->demoted ? diag_warn((c)->d, (at), (code), (hint), __VA_ARGS__) \
                      : diag_error((c)->d, (at), (code), (hint), __VA_ARGS__))
#define WARN(c, at, code, hint, ...) diag_warn((c)->d, (at), (code), (hint), __VA_ARGS__)

/* ---- names.c ---- */
enum check_kind_of_name { NAME_TEMPLATE, NAME_VALUE };
/* Required, well-formed, at most 128 characters; duplicates within *seen. `what` names the thing
 * ("step"). */
void check_name(struct check *c, const json_t *item, const char *what, enum check_kind_of_name kind,
                struct check_name **seen, const struct jpath *at);
bool check_value_name_ok(const char *name);
struct check_name *check_set_add(struct check_name **set, const char *name, size_t n,
                                 bool *was_there);
struct check_name *check_set_find(struct check_name *set, const char *name, size_t n);
void check_set_free(struct check_name **set);
/* "did you mean 'x'?" with the nearest of the set, or `otherwise`. Heap or NULL. */
char *check_hint(struct check_name *set, const char *name, const char *otherwise);
/* Argo's isParameter: a simple tag somewhere in it. */
bool check_has_tag(const char *text);

/* ---- check_values.c, check_outputs.c: parameters and artifacts ---- */
bool check_given(const json_t *o, const char *key);     /* there, not null, not "" */
bool check_has_value(const json_t *o, const char *key); /* there, not null */
const json_t *check_named(const json_t *list, const char *name);
void check_arguments(struct check *c, const json_t *arguments, bool may_be_empty,
                     const struct jpath *at);
void check_inputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at);
void check_artifact_location(struct check *c, const json_t *location, const struct jpath *at);
void check_artifact_path(struct check *c, const json_t *artifact, const struct jpath *at);
void check_outputs(struct check *c, const json_t *body, enum tmpl_type type,
                   const struct jpath *at);
/* Does a call supply what the template needs? */
void check_supplied(struct check *c, const json_t *callee, const char *callee_name,
                    const json_t *arguments, const struct jpath *at);

/* ---- check_tags.c: unresolved {{tags}} ---- */
struct check_known { /* a step or task, and what of it may be named */
        const char *name;
        const json_t *callee; /* NULL: not known */
        bool outputs, loops, status;
        bool before; /* it has ended when the step under work begins */
};
struct check_scope {
        const json_t *template; /* its inputs may be named */
        enum tmpl_type type;
        const json_t *arguments;         /* of the entrypoint: its inputs have these values */
        const struct check_scope *outer; /* of an inline template: what is around it */
        const json_t *inlined;           /* in a step with one: its input parameters */
        const char *prefix;              /* "steps" or "tasks"; NULL in leaves */
        struct check_known *known;
        struct check_name *names; /* to indexes of known */
        struct check_name *items; /* item.x */
        bool calling;             /* a step or task is under work */
        bool any_item, any_parameter, any_artifact, dynamic_names;
};
void check_tags(struct check *c, const json_t *tree, const struct check_scope *s,
                const struct jpath *at);
/* The text with what is known of its tags put in: values of workflow parameters (and of the
 * entrypoint's inputs); CHECK_PLACEHOLDER for what will have a value; the rest stays. Heap. */
#define CHECK_PLACEHOLDER '\1'
char *check_subst(const struct check *c, const struct check_scope *s, const char *text);

/* ---- check_template.c, check_leaf.c ---- */
struct check_callee {
        const json_t *body; /* NULL: not known */
        const char *name;
        struct check_home *home;
        struct check_name *entry; /* NULL: inline */
        const struct jpath *inline_at;
};
/* Looks at the template unless that was done. `arguments`: what it really gets (the entrypoint), or
 * NULL. `call_at` is where a problem in another resource is reported. */
void check_visit(struct check *c, const struct check_callee *callee, const json_t *arguments,
                 const struct check_scope *outer, const struct jpath *call_at);
void check_leaf(struct check *c, const json_t *body, const struct check_scope *s,
                const struct jpath *at);
void check_metrics(struct check *c, const json_t *body, const struct jpath *at);
void check_resource(struct check *c, const json_t *body, const struct check_scope *s,
                    const struct jpath *at);
void check_container_set(struct check *c, const json_t *body, const struct jpath *at);
bool check_reserved(const char *container_name);
const char *check_type_name(enum tmpl_type type);
bool check_is_leaf(enum tmpl_type type); /* Argo's: suspend is none */
bool check_is_pod(enum tmpl_type type);

/* ---- check_call.c: rules that steps, tasks and hooks share ---- */
bool check_loops(const json_t *task);      /* withItems (not empty), withParam, withSequence */
bool check_aggregates(const json_t *task); /* withItems (not empty), withParam */
bool check_exit_hook(const json_t *task);
/* The template that is named; problems are reported. False: none, or not known before it runs. */
bool check_resolve(struct check *c, const json_t *ref, const struct check_scope *s,
                   const struct jpath *at, struct check_callee *out);
void check_items(struct check *c, const json_t *task, struct check_scope *s,
                 const struct jpath *at);
void check_when(struct check *c, const json_t *task, const struct jpath *at);
void check_hooks(struct check *c, const json_t *holder, const struct jpath *at);
/* What the step gives is known from here on: its global names too. */
void check_add_outputs(struct check *c, const json_t *callee, struct check_scope *s);

/* ---- check_steps.c, check_dag.c ---- */
void check_steps(struct check *c, struct check_scope *s, const struct jpath *at);
void check_dag(struct check *c, struct check_scope *s, const struct jpath *at);

/* ---- check_home.c ---- */
struct check_home *check_home_find(struct check *c, const json_t *ref); /* NULL: no such resource */
void check_home_init(struct check_home *h, char *id_taken, json_t *spec_taken);
void check_home_deinit(struct check_home *h);

/* ---- advice.c, advice_expr.c, advice_values.c: warnings for lint ---- */
void check_advice(struct check *c);
void check_expressions(struct check *c, const json_t *tree, const struct jpath *at);
/* One that stands without braces. */
void check_expression(struct check *c, const json_t *text, const struct jpath *at);
/* Of a template; of the spec. */
void check_late_values(struct check *c, const json_t *body, const struct jpath *at);
void check_late_labels(struct check *c);

/* ---- validate.c, check_spec.c, check_cron.c ---- */
void check_workflow(struct check *c, const json_t *spec, const struct jpath *at);
void check_spec_fields(struct check *c, const struct jpath *at);
void check_pod_resources(struct check *c, const json_t *holder, const struct jpath *at);
void check_cron(struct check *c, const json_t *spec, const struct jpath *at);
