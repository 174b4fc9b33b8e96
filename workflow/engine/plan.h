/* workflow/engine/plan.h: what is compiled once: templates, their task tables, dependencies.
 *
 * A template scope is the resource that a template name is looked up in: the workflow itself
 * ("local/<workflow>", with the templates of its workflowTemplateRef merged in), a WorkflowTemplate
 * ("namespaced/<name>") or a ClusterWorkflowTemplate ("cluster/<name>"). Templates are compiled on
 * first use and then read-only. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "workflow/engine/depends.h"
#include "workflow/engine/engine.h"
#include <jansson.h>
#include <uthash.h>

#define NONE UINT32_MAX

enum tmpl_type {
        TMPL_NONE,
        TMPL_CONTAINER,
        TMPL_SCRIPT,
        TMPL_STEPS,
        TMPL_DAG,
        TMPL_SUSPEND,
        TMPL_RESOURCE,
        TMPL_CONTAINER_SET,
        TMPL_DATA,
        TMPL_HTTP,
        TMPL_PLUGIN,
};

struct task_name;
struct task { /* a step of a group, or a task of a DAG */
        const char *name;
        json_t *body;     /* owned; as written, without hooks */
        const char *when; /* "" when absent */
        uint32_t group;   /* steps: the group it is in */
        bool tagged;      /* body holds tags */
        bool name_tagged;
        bool loops; /* withItems (not empty), withParam or withSequence */
        bool continue_failed, continue_error;
        bool result_used; /* something says steps.<name>.outputs.result: the pod captures it */
        json_t *hooks;    /* owned: those that are not "exit", NULL: none */
        bool hooks_see_workflow; /* an expression of theirs says workflow.* */
        json_t *exit_hook;       /* {"template"|"templateRef", "arguments", "expression"} or NULL */
        struct depends *depends; /* dag; NULL: none */
        uint32_t *dependents, n_dependents; /* dag: tasks that name this one */
        bool leaf;                          /* dag: nobody depends on it */
};
struct tmpl {
        const char *name; /* "" for inline ones */
        enum tmpl_type type;
        json_t *body;      /* owned; template defaults merged in */
        json_t *leaf_body; /* owned; body without inputs: what is rendered for a pod. NULL for steps
                              and dag */
        json_t *inputs;    /* borrowed from body, may be NULL */
        json_t *outputs;   /* borrowed from body, may be NULL */
        json_t *retry;     /* borrowed from body or spec, may be NULL */
        struct tmpl_scope *scope;
        struct task *tasks;
        uint32_t n_tasks;
        struct task_name *names, *name_pool; /* uthash: task name to index */
        uint32_t *group_start;               /* steps: n_groups + 1 indexes into tasks */
        uint32_t n_groups;
        const char *target; /* dag; "" when absent */
        bool dag_fail_fast;
        bool fail_fast;      /* templates[].failFast */
        int64_t parallelism; /* 0: none */
        bool daemon;
        UT_hash_handle hh;
};
struct tmpl_scope {
        char *full;            /* "local/wf" */
        const char *name;      /* "wf" */
        json_t *templates;     /* owned list of template bodies */
        json_t *defaults;      /* templateDefaults to merge under each; owned, may be NULL */
        json_t *retry;         /* spec.retryStrategy; owned, may be NULL */
        struct tmpl *compiled; /* uthash by name */
        bool missing;          /* the resource does not exist */
        UT_hash_handle hh;
};

/* True for what ends as one pod. */
bool tmpl_is_pod(const struct tmpl *t);
bool tmpl_is_leaf(const struct tmpl *t);
enum tmpl_type tmpl_type_of(const json_t *body);

struct tmpl_scope *tmpl_scope_new(const char *kind, const char *name, const json_t *templates,
                                  const json_t *defaults, const json_t *retry);
struct tmpl_scope *tmpl_scope_free(struct tmpl_scope *s);
/* NOT_FOUND "template 'x' undefined". */
int tmpl_find(struct tmpl **out, struct tmpl_scope *s, const char *name, struct err *e) MUST_CHECK;
/* Compile one body (inline templates); the caller owns it. */
int tmpl_compile(struct tmpl **out, struct tmpl_scope *s, json_t *body, struct err *e) MUST_CHECK;
struct tmpl *tmpl_free(struct tmpl *t);
/* hooks.c: is there an expression among these hooks that says workflow.*? */
bool hooks_speak_of_workflow(const json_t *hooks);
uint32_t tmpl_task_index(const struct tmpl *t, const char *name, size_t n);

/* templateDefaults under a template: only what fits its own type. New reference. */
json_t *tmpl_with_defaults(const json_t *body, const json_t *defaults);
