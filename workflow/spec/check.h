/* workflow/spec/check.h: what the files of the validation share (argo-workflows.md 4.1).
 *
 * Every rule looks at every template, reachable or not; all problems are collected in one run.
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

struct check_name { /* a set of names, or names of templates */
        char *name;
        const json_t *body;
        bool from_exit; /* templates: an exit handler reaches it */
        uint32_t index; /* tasks: which */
        UT_hash_handle hh;
};
struct check {
        const json_t *object; /* with metadata */
        const json_t *spec;   /* effective: merged with what workflowTemplateRef names */
        const struct wf_lookup *lookup;
        struct shape_options options;
        struct diags *d;
        bool lint;    /* arguments may lack values */
        bool lenient; /* a template resource: arguments may lack values, a submit may add parameters
                       */
        struct check_name *templates;
        struct check_name
                *globals; /* workflow.outputs.parameters.x, workflow.outputs.artifacts.x */
        int inline_depth;
        bool global_unknown; /* some globalName holds a tag: any name may come to be */
};
/* A problem of either severity. */
#define diag_at(d, severity, at, code, ...)                                         \
        ((severity) == SEV_ERROR ? diag_error((d), (at), (code), NULL, __VA_ARGS__) \
                                 : diag_warn((d), (at), (code), NULL, __VA_ARGS__))
#define FAIL(c, at, code, hint, ...) diag_error((c)->d, (at), (code), (hint), __VA_ARGS__)

/* ---- names.c ---- */
enum check_kind_of_name { NAME_TEMPLATE, NAME_VALUE };
/* Required, well-formed, at most 128 characters; duplicates within *seen. `what` names the thing
 * ("step"). */
void check_name(struct check *c, const json_t *item, const char *what, enum check_kind_of_name kind,
                struct check_name **seen, const struct jpath *at);
struct check_name *check_set_add(struct check_name **set, const char *name, size_t n,
                                 bool *was_there);
struct check_name *check_set_find(struct check_name *set, const char *name, size_t n);
void check_set_free(struct check_name **set);

/* ---- check_values.c: parameters and artifacts ---- */
enum check_place { PLACE_SPEC, PLACE_CALL, PLACE_INPUTS };
void check_arguments(struct check *c, const json_t *arguments, enum check_place place,
                     const struct jpath *at);
void check_inputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at);
void check_outputs(struct check *c, const json_t *body, enum tmpl_type type,
                   const struct jpath *at);
/* Does a call supply what the template `callee` needs? */
void check_supplied(struct check *c, const json_t *callee, const char *callee_name,
                    const json_t *arguments, const struct jpath *at);

/* ---- check_tags.c: unresolved {{tags}} ---- */
struct check_known { /* a step or task whose outputs may be named */
        const char *name;
        const json_t *callee; /* NULL: not known (dynamic) */
        bool loops;
};
struct check_scope {
        const json_t *template; /* inputs and outputs; NULL at workflow level */
        bool leaf, from_exit, in_hook;
        const char *prefix; /* "steps" or "tasks"; NULL in leaves */
        const struct check_known *known;
        size_t n_known;
        const json_t *looping; /* the step or task if it loops */
        bool any_item;         /* withParam: any item.x */
};
/* Expression tags are not supported yet: every one is named. */
void check_tags(struct check *c, const json_t *tree, const struct check_scope *s,
                const struct jpath *at);

/* ---- check_template.c ---- */
void check_template(struct check *c, const json_t *body, bool from_exit, const struct jpath *at);
const char *check_type_name(enum tmpl_type type);

/* ---- check_steps.c, check_dag.c ---- */
void check_steps(struct check *c, const json_t *body, bool from_exit, const struct jpath *at);
void check_dag(struct check *c, const json_t *body, bool from_exit, const struct jpath *at);
/* Rules of one step or task; the template it calls (NULL: unknown or dynamic). */
const json_t *check_call(struct check *c, const json_t *task, bool from_exit,
                         const struct jpath *at);
/* s->known has one more entry behind n_known: the step itself, which its hooks may name. */
void check_call_tags(struct check *c, const json_t *task, struct check_scope *s,
                     const struct jpath *at);
void check_hooks(struct check *c, const json_t *holder, const struct jpath *at);
bool check_loops(const json_t *task);

/* ---- validate.c, check_cron.c ---- */
void check_workflow(struct check *c, const json_t *spec, const struct jpath *at);
void check_cron(struct check *c, const json_t *spec, const struct jpath *at);
