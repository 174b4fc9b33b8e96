/* workflow/engine/engine_priv.h: what the files of the engine share: nodes, frames, the step in
 * progress.
 *
 * How a step runs. Inputs change leaf nodes; a node that becomes fulfilled goes into a queue;
 * taking it out tells its owner (the composite above it), which counts down and starts what has
 * become ready, finishes, or both. Composite nodes keep their counters in a frame that lives as
 * long as they run. Everything is idempotent against existing nodes: opening a composite whose
 * children exist already (recovery) adopts them, so there is one code path for the first run and
 * for the resumed one. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/lang/tag.h"
#include "common/lang/value.h"
#include "workflow/engine/engine.h"
#include "workflow/engine/plan.h"

enum { WF_MAX_DEPTH = 100 };

enum node_type {
        NODE_POD,
        NODE_CONTAINER,
        NODE_STEPS,
        NODE_STEP_GROUP,
        NODE_DAG,
        NODE_TASK_GROUP,
        NODE_RETRY,
        NODE_SKIPPED,
        NODE_SUSPEND,
        NODE_HTTP,
        NODE_PLUGIN,
        NODE_TYPE_COUNT
};
enum node_phase {
        PHASE_NONE,
        PHASE_PENDING,
        PHASE_RUNNING,
        PHASE_SUCCEEDED,
        PHASE_SKIPPED,
        PHASE_FAILED,
        PHASE_ERROR,
        PHASE_OMITTED,
        PHASE_COUNT
};
/* Whom a fulfilled node is reported to, and as what. */
enum node_role {
        ROLE_ENTRY,     /* the workflow */
        ROLE_EXIT,      /* the workflow: its exit handler */
        ROLE_GROUP,     /* owner: the Steps node */
        ROLE_STEP,      /* owner: the StepGroup node; slot: index into the template's tasks */
        ROLE_TASK,      /* owner: the DAG node; slot: task */
        ROLE_ITEM,      /* owner: the TaskGroup node; slot: task */
        ROLE_ATTEMPT,   /* owner: the Retry node; slot: number of the attempt */
        ROLE_HOOK,      /* owner: as that of the node it hangs on (NONE: the workflow); slot too */
        ROLE_CONTAINER, /* nobody: it tells of its pod */
};

struct ids {
        uint32_t *v;
        uint32_t n, cap;
};
struct frame;

enum { SYNC_ASKS, SYNC_WAITS, SYNC_HOLDS };
struct node_sync {           /* locks of a node, or of the workflow */
        json_t *names;       /* owned */
        const char *waiting; /* interned: the lock it was told to wait for */
        uint8_t state;
        bool uncounted; /* it takes no room while it waits */
};

struct node {
        const char *name;          /* full name, in wf->names */
        const char *display;       /* in wf->names, mostly a tail of name */
        const char *template_name; /* as referenced, in wf->names; "" */
        const char *scope;         /* templateScope, interned */
        json_t *template_ref;      /* {name, template, clusterScope}, NULL */
        const struct tmpl *tmpl;   /* NULL: Skipped, StepGroup, not resolved */
        struct frame *frame;       /* running composites */
        char *message;             /* heap, NULL = "" */
        json_t *inputs, *outputs;
        json_t *memo;           /* memoizationStatus, NULL */
        struct node_sync *sync; /* NULL: it needs no lock */
        struct ids children, outbound;
        int64_t started_s, finished_s; /* unix seconds, 0 = unset */
        const char *pod_ip, *host;     /* interned, NULL */
        uint32_t id; /* FNV-1a 32 of name (or the next free number if that is taken) */
        uint32_t boundary, owner, slot, item; /* NONE when there is none; item: index in a loop */
        uint32_t hook_of;                     /* ROLE_HOOK: the node it hangs on */
        uint32_t active_children,
                bad_children; /* nodes with this boundary that limits count: Pod, Steps, DAG */
        uint32_t active_work; /* those of them that are pods or requests */
        uint16_t depth;       /* nesting of templates */
        uint16_t progress_done, progress_all;
        uint8_t type, phase, role;
        uint8_t seen; /* scratch of a walk */
        bool hooked, retried, daemoned;
        bool exit_tree;   /* part of an exit handler: runs on when the workflow was stopped */
        bool pod_started; /* a START_POD went out */
        bool raised; /* Error because starting or finishing it failed: errors the group above at
                        once */
        bool dirty, queued;
        bool told;       /* its owner has counted it as done; a daemon that dies: not any more */
        bool linked;     /* it hangs on its parent */
        bool memo_saved; /* its entry is in the cache already */
        bool watched;    /* it has hooks: changes are looked at (wf->look) */
};

/* A loop being expanded. */
struct fanout {
        json_t *items;    /* owned list */
        json_t *body;     /* owned: the task with everything but item substituted */
        json_t *late;     /* owned: its expressions that wait for the item, NULL: none */
        uint32_t *nodes;  /* per item, NONE: not started */
        uint32_t n, next; /* items below next have been started */
};
enum slot_state { SLOT_WAITING, SLOT_PREPARED, SLOT_STARTED, SLOT_DONE };
struct slot {
        uint32_t node;      /* the step's or task's node; NONE: not there, or a loop of a step */
        uint32_t waiting;   /* dag: dependencies that are not fulfilled */
        uint32_t exit_item; /* dag: the item of the loop that has the exit hook; NONE: not known */
        uint8_t state;      /* enum slot_state */
        bool wanted;        /* dag: an ancestor of a target */
        json_t *body;       /* owned: the rendered task, while it has to be started */
        struct fanout *loop;
};
struct frame {
        const struct tmpl *tmpl;
        struct slot *slots; /* one per task; NULL for StepGroup, TaskGroup, Retry */
        uint32_t n_slots;
        uint32_t group, group_node; /* Steps: the group that runs */
        uint32_t pending;           /* children that exist and are not fulfilled, hooks included */
        struct ids ready; /* slots a limit keeps from being started, in the order of the plan */
        bool raise;       /* Steps: a hook that cannot be started makes the whole an error */
        bool starting;    /* children are being started: do not judge yet */
        uint32_t undone;  /* Steps: daemons of earlier groups that have died and are not settled */
        uint32_t bad;     /* dag: tasks that ended Failed or Error */
        uint32_t *targets, n_targets; /* dag */
        uint32_t *order;              /* dag: place of each task in the order of Argo's walk */
        uint32_t attempts;            /* Retry */
        int64_t wait_until_ns;
};

struct global { /* workflow.* variables */
        char *name;
        char *value;
        UT_hash_handle hh;
};
struct interned {
        UT_hash_handle hh;
        char text[];
};
struct timer { /* binary heap by at_ns */
        int64_t at_ns;
        uint32_t node; /* NONE: the workflow's deadline */
};
enum shutdown { SHUTDOWN_NONE, SHUTDOWN_STOP, SHUTDOWN_TERMINATE };

struct id_slot {
        uint32_t id, node; /* index + 1; 0: free */
};
struct wf {
        char *name, *ns, *uid;
        int64_t created_ns;
        json_t *object;           /* owned copy of metadata and spec as given */
        json_t *spec;             /* effective, globals substituted; NULL until the first step */
        json_t *stored_spec;      /* status.storedWorkflowTemplateSpec, NULL */
        json_t *stored_templates; /* status.storedTemplates, NULL */
        struct wf_lookup lookup;
        json_t *workflow_defaults, *artifact_repository; /* owned */
        json_t *repository_ref;                          /* status.artifactRepositoryRef */
        json_t *repository; /* what it resolved to: {"archiveLogs", "folder": {"keyFormat"}}, NULL
                             */

        struct tmpl_scope *scopes; /* uthash by full */
        struct tmpl_scope *local;
        struct tmpl **inlined; /* compiled inline templates */
        json_t **inlined_from; /* the body each was compiled from, owned */
        size_t n_inlined, cap_inlined, cap_inlined_from;

        struct node *nodes;
        uint32_t n_nodes, cap_nodes;
        struct id_slot *by_id;     /* open addressing */
        uint32_t cap_by_id, moved; /* moved: at most so much more than its hash is an id */
        struct arena names;
        struct interned *strings;
        struct global *globals;

        char *phase, *message;
        int64_t started_ns, finished_ns;
        json_t *outputs; /* global outputs, NULL */
        uint32_t max_nodes;
        uint64_t loop_items, output_bytes, max_output_bytes; /* limits.c */
        char *too_big;                                       /* which limit it met; NULL: none */
        json_t *metadata; /* {"labels", "annotations"} of workflowMetadata, NULL */
        enum shutdown shutdown;
        bool suspended, begun, completed, changed, any_storage;
        bool timers_fire;       /* the moment itself has passed */
        bool late;              /* the deadline has passed */
        bool restored_late;     /* past its deadline at the start: as restored_shutdown */
        bool restored_shutdown; /* the object said so at the start: applied once the tree is open */
        int64_t deadline_ns;    /* started + spec.activeDeadlineSeconds, INT64_MAX: none */
        int64_t parallelism;    /* 0: none */
        uint32_t active_pods;
        uint32_t failed_nodes; /* Failed or Error: tells a DAG whether its branches need a look */
        uint32_t progress_done, progress_all;
        uint32_t entry, exit_node;

        uint32_t *queue; /* fulfilled nodes whose owner does not know yet */
        size_t q_head, q_tail, cap_queue;
        struct ids blocked;       /* composites with something ready that a limit held back */
        bool opening;             /* the tree is being opened again: nothing new starts yet */
        bool unblocking;          /* they are being tried, in their order */
        bool freed;               /* a limit may have room again */
        struct ids hooks_waiting; /* children whose exit hook had no room */
        struct ids daemons;       /* nodes that are daemoned */
        struct ids look;          /* watched nodes that have changed */
        struct ids left;          /* steps that failed while they had something to run */
        struct ids watchers;      /* watched nodes whose hooks speak of the workflow */
        struct ids dirty;
        struct timer *timers;
        size_t n_timers, cap_timers;
        int64_t timer_set_ns; /* what the controller was told last */

        struct node_sync *lock;                /* of the whole workflow, NULL */
        struct ids lock_waiters, lock_holders; /* nodes; those that wait in the order of the tree */
        json_t *lock_told;                     /* {lock: [holders]} as told last, NULL */
        bool lock_wanted, lock_again;          /* a WF_LOCKS is due; for all that wait */
        uint32_t pods_before;                  /* active when the step began */
        char *key;                             /* "ns/name" */
        json_t *cache; /* {configMap: {key: entry}} that this workflow has stored, NULL */

        int64_t now_ns; /* of the step */
        struct wf_commands *out;
        struct arena step; /* strings of the commands of the last step */
};

/* ---- node.c ---- */
bool phase_completed(enum node_phase p); /* Succeeded, Failed, Error */
bool phase_bad(enum node_phase p);       /* Failed, Error */
bool node_fulfilled(const struct node *n);
/* Pod, HTTP, Plugin: work is carried out for it, limits count it. */
static inline bool node_is_work(const struct node *n)
{
        return n->type == NODE_POD || n->type == NODE_HTTP || n->type == NODE_PLUGIN;
}
const char *node_phase_name(enum node_phase p);
const char *node_type_name(enum node_type t);
enum node_phase node_phase_parse(const char *s);
enum node_type node_type_parse(const char *s);
static inline struct node *node_at(const struct wf *wf, uint32_t i)
{
        return &wf->nodes[i];
}
uint32_t node_find(const struct wf *wf, const char *name);
/* Before (< 0), the same (0) or behind (> 0) in the order in which Argo walks the tree (order.c).
 */
int node_order(const struct wf *wf, uint32_t a, uint32_t b);
uint32_t node_by_id_text(const struct wf *wf, const char *id);
struct node_new {
        const char *name; /* copied */
        enum node_type type;
        enum node_phase phase;
        uint32_t boundary, owner, slot;
        enum node_role role;
        const char *message; /* NULL */
};
/* Creates it; the caller fills in the rest and links it. An existing name is a fault of the caller.
 */
uint32_t node_add(struct wf *wf, const struct node_new *how);
void node_link(struct wf *wf, uint32_t parent, uint32_t child);
/* For what has one parent: not again when the state was restored. */
void node_link_once(struct wf *wf, uint32_t parent, uint32_t child);
/* To every outbound node of `before`. */
void node_link_behind(struct wf *wf, uint32_t before, uint32_t child);
void node_touch(struct wf *wf, uint32_t i);
/* A phase change with message (NULL keeps it): timestamps, counters, the queue. */
void node_set(struct wf *wf, uint32_t i, enum node_phase phase, const char *message);
void node_set_outputs(struct wf *wf, uint32_t i, json_t *outputs_taken);
/* Appends the outbound nodes of a node. */
void node_outbound(const struct wf *wf, uint32_t i, struct ids *out);
void ids_add(struct ids *v, uint32_t id);
void node_requeue(struct wf *wf,
                  uint32_t i); /* tell the owner of a node that was fulfilled before (recovery) */
char *node_id_text(const struct wf *wf, const struct node *n, struct arena *a);
char *node_pod_name(const struct wf *wf, const struct node *n, struct arena *a);
const char *wf_intern(struct wf *wf, const char *text);
const char *wf_name_printf(struct wf *wf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void frame_free(struct frame *f);
void node_close(struct wf *wf, uint32_t i); /* frees the frame */

/* ---- scope.c: names that tags can say ---- */
struct scope {
        struct wf *wf;
        uint32_t frame;        /* Steps or DAG whose steps./tasks. are visible; NONE */
        uint32_t self;         /* a child of frame that its task's name stands for; 0: none */
        const json_t *inputs;  /* of the template under work, with values */
        const json_t *outputs; /* declared: paths */
        const json_t *item;    /* NULL: no loop */
        const char *node_name, *task_name, *pod_name; /* NULL */
        bool task_is_step;
        bool absent_ok;        /* absent outputs are not errors: the tag stays */
        bool item_only;        /* the pass over the items: simple tags say item or stay */
        json_t *late;          /* expressions that wait for the item, NULL: there is none to come */
        json_t *kept;          /* what the values of an expression under evaluation borrow */
        int attempt;           /* >= 0: retries and lastRetry.* are known */
        uint32_t last_attempt; /* node, NONE on the first */
        bool judges_retry;     /* a retry's expression: no exit code is -1 */
};
enum tag_found scope_lookup(void *scope, struct str name, struct buf *out);
struct tag_opts scope_tags(struct scope *s);
/* scope_expr.c: what {{=...}} can name: the variables that an expression mentions; the expression
 * of a tag (tag_expr_fn). */
struct expr;
struct val scope_env(struct scope *s, const struct expr *x, struct arena *a);
tag_expr_fn scope_expression;
int scope_tree(json_t **out, json_t *tree, struct scope *s, struct err *e) MUST_CHECK;
/* What {{node.name}}, {{steps.name}} and {{tasks.name}} say inside of the template of a node. */
void scope_name_node(struct scope *s, const char *name, enum node_role role, uint32_t boundary);
/* The same for a node that is there; an attempt has the names of its Retry node. */
void scope_name_of(struct scope *s, uint32_t node);
/* The scope inside of a composite (its inputs, its children). */
struct scope scope_of(struct wf *wf, uint32_t composite);
/* "{{steps.a.outputs.artifacts.x}}", "{{inputs.artifacts.x}}", "{{workflow.outputs.artifacts.x}}":
 * the artifact (new reference). NOT_FOUND when there is none. */
int scope_artifact(json_t **out, const char *from, struct scope *s, struct err *e) MUST_CHECK;
/* The value of one output parameter or the whole text of a `{{...}}` reference. *absent: known
 * without value. */
int scope_reference(char **out, const char *text, struct scope *s, bool *absent,
                    struct err *e) MUST_CHECK;

/* ---- scope_eval.c: fields that are expressions ---- */
/* The expression must be a boolean. */
int scope_test(bool *out, const char *text, struct scope *s, struct err *e) MUST_CHECK;
/* As a tree: new reference. As text (Go's %v): heap, NULL for nil. */
int scope_eval_tree(json_t **out, const char *text, struct scope *s, struct err *e) MUST_CHECK;
int scope_eval_text(char **out, const char *text, struct scope *s, struct err *e) MUST_CHECK;
/* fromExpression: its value must be an artifact. New reference. */
int scope_artifact_of(json_t **out, const char *expression, struct scope *s,
                      struct err *e) MUST_CHECK;

/* ---- limits.c ---- */
void limits_init(struct wf *wf, const struct wf_defaults *d);
bool limits_node(struct wf *wf); /* may there be one more? */
int limits_items(struct wf *wf, size_t n, struct err *e) MUST_CHECK;
void limits_outputs(struct wf *wf, const json_t *outputs);
void limits_end(struct wf *wf); /* a workflow that met a limit ends in Error */

/* ---- globals.c ---- */
void global_set(struct wf *wf, const char *name, const char *value);
const char *global_get(const struct wf *wf, const char *name, size_t n);
int globals_begin(struct wf *wf, struct err *e) MUST_CHECK; /* from metadata and spec */
void globals_take_outputs(struct wf *wf, uint32_t node);    /* globalName */
void globals_free(struct wf *wf);

/* ---- metadata.c: spec.workflowMetadata ---- */
int metadata_begin(struct wf *wf, struct err *e) MUST_CHECK;

/* ---- args.c: arguments to inputs ---- */
/* The inputs of a template with values, or NULL when it has none. INVALID "inputs.parameters.x was
 * not supplied". */
int args_bind(json_t **out, const struct tmpl *t, const json_t *arguments, struct scope *caller,
              struct err *e) MUST_CHECK;
/* Resolve `from` of the artifacts of rendered arguments; the result replaces them. */
int args_resolve_artifacts(json_t **arguments, struct scope *s, struct err *e) MUST_CHECK;
/* Drop parameters that consist of one reference to an absent output. */
void args_drop_absent(json_t **body, struct scope *s);
const json_t *named_item(const json_t *list, const char *name, size_t n);
/* ConfigMap value for valueFrom.configMapKeyRef. */
int args_config_map(char **out, const struct wf *wf, const json_t *value_from,
                    struct err *e) MUST_CHECK;

/* ---- exec.c: start a template ---- */
enum exec_result {
        EXEC_OK,
        EXEC_BLOCKED,
        EXEC_RAISED /* task_start of a step: its group is an error */
};
struct exec {
        const char *name; /* full node name */
        uint32_t boundary, owner, slot, item;
        enum node_role role;
        json_t *ref; /* the step, task or hook with its tags substituted: template | templateRef |
                        inline, arguments */
        struct tmpl_scope *scope;
        bool hooked, exit_tree;
        uint16_t depth;
        const char *skip; /* instead of running: Skipped with this message */
};
/* Creates the node, or takes the existing one over (recovery), and sets it going. What fails
 * becomes a node of phase Error with `raised` set. EXEC_BLOCKED: a limit has no room, nothing was
 * created. The caller links the node. */
enum exec_result exec_template(struct wf *wf, const struct exec *x, uint32_t *node);
/* The node may go on: it has its locks. Its memoized result, or the work itself. */
void exec_unlocked(struct wf *wf, uint32_t node);
/* One attempt of a Retry node. */
enum exec_result exec_attempt(struct wf *wf, uint32_t retry, uint32_t number, uint32_t *node);
/* A node that never runs: Skipped, Omitted, or Error with a message. */
uint32_t exec_idle_node(struct wf *wf, const struct exec *x, enum node_phase phase,
                        const char *message);
struct tmpl_scope *exec_scope(struct wf *wf, const char *full);
int exec_resolve(struct wf *wf, struct tmpl_scope *scope, const json_t *ref, struct tmpl **out,
                 struct err *e) MUST_CHECK;
/* Room under the limits for one more child of this boundary? */
bool exec_room(struct wf *wf, uint32_t boundary, bool exit_tree);
/* The same without regard to who else waits. */
bool exec_has_room(const struct wf *wf, uint32_t boundary);
void exec_raise(struct wf *wf, uint32_t node, struct err *e); /* Error with these words; clears e */
struct exec exec_child(struct wf *wf, uint32_t composite, uint32_t owner, enum node_role role,
                       uint32_t slot);

/* ---- fail_fast.c ---- */
/* failFast of the boundary's template holds its children back. */
bool fail_fast_holds(const struct wf *wf, uint32_t composite);
/* It has failed for good: nothing of it is to be told any more. */
bool fail_fast_end(struct wf *wf, uint32_t composite);

/* ---- task.c: what steps and tasks share: the rendered body, its condition, its loop ---- */
/* Renders body and loop of a slot. INVALID with words. */
int task_prepare(struct wf *wf, uint32_t composite, uint32_t slot, struct err *e) MUST_CHECK;
/* Starts it below `owner`, whose child or children it becomes. EXEC_BLOCKED: limits hold (some of)
 * it back; `all` looks at every item of a loop all the same, for some need no room: those whose
 * condition is false, and those that are errors. */
enum exec_result task_start(struct wf *wf, uint32_t composite, uint32_t slot, uint32_t owner,
                            enum node_role role, const char *base, bool all);
/* When may a blocked composite try again: registers it. */
void task_block(struct wf *wf, uint32_t composite);
/* Puts a node into a list that is kept in the order of the tree. */
void task_wait(struct wf *wf, struct ids *list, uint32_t node);

/* ---- per kind: open (build or rebuild the frame, start what can be), told of a fulfilled child,
 * try again ---- */
void steps_open(struct wf *wf, uint32_t n);
void steps_child_done(struct wf *wf, uint32_t group, uint32_t child);
/* A daemon that counted as done has died: it is waited for again, and told of once more. */
void steps_child_undone(struct wf *wf, uint32_t group, uint32_t child);
void steps_group_done(struct wf *wf, uint32_t steps, uint32_t group);
/* Starts the first thing that was held back; registers the rest. False: it still is held back. */
bool steps_unblock(struct wf *wf, uint32_t steps);
void dag_open(struct wf *wf, uint32_t n);
void dag_child_done(struct wf *wf, uint32_t dag, uint32_t child);
void dag_item_done(struct wf *wf, uint32_t group, uint32_t child);
void dag_child_undone(struct wf *wf, uint32_t dag, uint32_t child);
void dag_item_undone(struct wf *wf, uint32_t group, uint32_t child);
/* dag_targets.c: into the frame: the targets, who takes part in which order, who waits for whom. */
int dag_find_targets(struct wf *wf, uint32_t dag, struct err *e) MUST_CHECK;
void dag_walk_targets(struct frame *f);
void dag_count_dependencies(struct frame *f);
/* Running while a target has no phase yet (dag_phase.c). */
enum node_phase dag_phase(struct wf *wf, uint32_t dag);
void dag_judge_blocked(struct wf *wf, uint32_t dag); /* nothing of it runs and nothing can start */
bool dag_unblock(struct wf *wf, uint32_t dag);
void retry_open(struct wf *wf, uint32_t n);
void retry_child_done(struct wf *wf, uint32_t retry, uint32_t child);
void retry_due(struct wf *wf, uint32_t retry);
bool retry_unblock(struct wf *wf, uint32_t retry);
bool retry_duration(const json_t *v, int64_t *ns); /* seconds or a Go duration */
uint32_t retry_attempt(const struct wf *wf, uint32_t retry, int64_t number); /* its node, NONE */
void suspend_open(struct wf *wf, uint32_t n);
void suspend_due(struct wf *wf, uint32_t n);

/* ---- loop.c ---- */
/* The items of a rendered task; NULL *items: it does not loop. */
int loop_items(json_t **items, const json_t *body, struct err *e) MUST_CHECK;
/* "x(3:name:a,size:b)": heap. */
char *loop_child_name(const char *base, uint32_t index, const json_t *item);
struct fanout *fanout_new(json_t *items_taken, json_t *body, json_t *late);
struct fanout *fanout_free(struct fanout *l);
/* The task of one item; `s` is the scope of the composite around. */
int loop_body(json_t **out, const struct fanout *l, uint32_t index, struct scope *s,
              struct err *e) MUST_CHECK;

/* ---- outputs.c ---- */
/* Outputs of a steps or dag template from its children; *out NULL when it declares none. */
int outputs_of_composite(json_t **out, struct wf *wf, uint32_t n, struct err *e) MUST_CHECK;
/* Aggregated value of a loop's children: "result", "parameters", or one parameter. False: nothing
 * to say. INVALID: a result is not JSON. */
int outputs_aggregate_check(const struct wf *wf, const struct fanout *l, struct err *e) MUST_CHECK;
bool outputs_aggregate(const struct wf *wf, const struct fanout *l, struct str what,
                       struct buf *out);
/* Value of parameter `name` of node n, NULL when there is none. */
const char *outputs_parameter(const struct node *n, const char *name, size_t len);
/* The value a Skipped node's output stands for: valueFrom.default of its template. NULL: absent. */
const char *outputs_default(struct wf *wf, const struct node *n, const char *name, size_t len);

/* ---- hooks.c ---- */
enum hook_result {
        HOOK_NONE,   /* the child is done, and so is everything that hangs on it */
        HOOK_WAIT,   /* not yet */
        HOOK_BAD,    /* a hook with a condition could not be judged or started; words in `e` */
        HOOK_FAILED, /* the same of an exit hook */
};
/* Starts the hooks of a child whose time has come, its exit hook when it is completed. */
enum hook_result hooks_settle(struct wf *wf, uint32_t composite, uint32_t child, struct err *e);
enum hook_result hooks_of_workflow(struct wf *wf, struct err *e); /* all but the exit handler */
/* The condition of the workflow's exit handler; trouble is in `e`. */
bool hooks_exit_wanted(struct wf *wf, const json_t *hook, struct err *e);
/* A new child: its hooks are looked at when it changes. */
void hooks_watch(struct wf *wf, uint32_t child, const struct task *task);

/* ---- container_set.c: the nodes of a containerSet's containers ---- */
void container_set_open(struct wf *wf, uint32_t pod); /* nothing for other pods */
void container_set_update(struct wf *wf, uint32_t pod,
                          const json_t *states); /* wf_input.containers */
/* Those that have not ended. */
void container_set_fail(struct wf *wf, uint32_t pod, enum node_phase phase, const char *message);

/* ---- daemon.c ---- */
bool daemon_is(const struct node *n); /* a pod whose template says daemon */
void daemon_ready(struct wf *wf, uint32_t pod);
void daemon_mark_retry(struct wf *wf, uint32_t retry); /* its attempt is ready */
void daemon_unmark(struct wf *wf, uint32_t node);
bool daemon_is_forgotten(const struct wf *wf, uint32_t node);
void daemon_died(struct wf *wf, uint32_t pod, enum node_phase phase, const char *message);
/* The composite is done (NONE: the workflow): its daemons have Succeeded. */
void daemons_end(struct wf *wf, uint32_t boundary);

/* ---- podspec.c, resource.c: the last changes to a resolved template ---- */
int podspec_patch(struct wf *wf, json_t *tmpl, struct scope *s, struct err *e) MUST_CHECK;
int resource_own(struct wf *wf, json_t *tmpl, struct err *e) MUST_CHECK;

/* ---- claims.c: new references ---- */
json_t *claims_volumes(const struct wf *wf);
json_t *claims_status(const struct wf *wf); /* NULL: there are none, or they are to go */

/* ---- pod.c ---- */
void pod_start(struct wf *wf, uint32_t n);
void pod_update(struct wf *wf, const struct wf_input *in);
void pod_kill(struct wf *wf, uint32_t n);
void pod_start_left(struct wf *wf, uint32_t n); /* what is around it has ended: nobody opened it */

/* Suspended, and nobody has stopped it. */
static inline bool wf_is_held(const struct wf *wf)
{
        return wf->suspended && wf->shutdown == SHUTDOWN_NONE;
}

/* Stopped, terminated or past its deadline: what is begun now fails at once. */
static inline bool wf_is_over(const struct wf *wf, bool exit_tree)
{
        if (wf->shutdown == SHUTDOWN_TERMINATE)
                return true;
        return !exit_tree &&
               (wf->shutdown == SHUTDOWN_STOP || wf->late || wf->now_ns >= wf->deadline_ns);
}
const char *wf_over_message(const struct wf *wf); /* control.c: of what is suspended or waits */

/* ---- timer.c ---- */
void control_timer(struct wf *wf, int64_t at_ns,
                   uint32_t node); /* node NONE: the workflow's deadline */
void control_due(struct wf *wf, bool timer_input);
void control_put_timer(struct wf *wf); /* the SET_TIMER command when the earliest changed */

/* ---- control.c: deadlines, stop, terminate, suspend, resume ---- */
void control_input(struct wf *wf, const struct wf_input *in);
void control_shut_down(struct wf *wf); /* fails what a shutdown or the deadline ends */
void control_deadline(struct wf *wf);
bool node_selected(const struct wf *wf, const struct node *n, const char *selector);

/* ---- begin.c: the first step ---- */
bool wf_begin(struct wf *wf); /* false: it failed and is complete */

/* ---- finish.c ---- */
void wf_set_phase(struct wf *wf, const char *phase, const char *message);
void finish_entry(struct wf *wf); /* the entry, its exit handler or a hook is done: what now? */
void finish_put_status(struct wf *wf); /* workflow.status: of the entry once it is done */
void wf_fail(struct wf *wf, const char *phase, const char *fmt, ...) PRINTF_LIKE(3, 4);
void wf_put_command(struct wf *wf, struct wf_command c);
void wf_start_entry(struct wf *wf);
void wf_start_clock(struct wf *wf); /* begin.c: it is Running from now on */

/* ---- load.c ---- */
void wf_load_nodes(struct wf *wf, const json_t *nodes);
