/* workflow/engine/engine.h: the workflow engine: a plan and a pure step function.
 *
 *   plan    wf_plan_new() compiles a workflow (with its WorkflowTemplates) once: templates, task
 * tables, parsed conditions, tags. Errors found here are the lint errors. state   an array of
 * nodes. engine_step(wf, input, now, out) is pure: no I/O, no clock, no randomness. Inputs are pod
 * updates, timers and user actions; outputs are commands. Replaying the recorded inputs gives the
 * same state byte for byte. cost    completion-driven: a finished node decrements its children's
 * counters; nothing walks the whole graph per event. Node names, ids, display names, types, phases,
 * messages, children and outbound nodes are Argo's exactly (argo-workflows.md 2.1–2.13). Threads: a
 * wf belongs to one thread; plans are immutable once built. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/diag.h"
#include "common/base/err.h"
#include "workflow/engine/pod_phase.h"
#include <jansson.h>

struct wf; /* one workflow in progress */

/* Finds referenced objects: (kind, name) -> borrowed json_t or NULL. Must be answerable without I/O
 * (a cache). Kinds: "WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap". */
typedef const json_t *wf_lookup_fn(void *arg, const char *kind, const char *ns, const char *name);
struct wf_lookup {
        wf_lookup_fn *fn;
        void *arg;
};
#define WF_MAX_NODES 1500000u
#define WF_MAX_OUTPUT_BYTES (UINT64_C(512) << 20)
struct wf_defaults {                       /* of the controller */
        const json_t *workflow_defaults;   /* NULL */
        const json_t *artifact_repository; /* {"archiveLogs", "folder": {"keyFormat"}}; used when no
                                              artifact-repositories ConfigMap applies */
        bool any_storage;                  /* simulation: repositories of every kind are fine */
        uint32_t max_nodes; /* of one workflow; 0: WF_MAX_NODES. Also of the items of its loops
                               together */
        uint64_t max_output_bytes; /* what its pods report together; 0: WF_MAX_OUTPUT_BYTES */
};
/* Validation of a Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow object: every
 * rule, every template. Returns 0 when no error. */
int wf_validate(const json_t *object, const struct wf_lookup *lookup, bool strict,
                struct diags *d) MUST_CHECK;

/* The object is a stored Workflow (uid, name, creationTimestamp, spec; status when it has run
 * before). Restores the state from status.nodes, so this is also recovery. Fails (INVALID) only on
 * an object without metadata.name: an invalid spec, a missing WorkflowTemplate and the like become
 * the state Failed or Error at the first step, with the words in the message. The lookup is used
 * until wf_free. */
int wf_new(struct wf **out, const json_t *workflow, const struct wf_lookup *lookup,
           const struct wf_defaults *defaults, struct err *e) MUST_CHECK;
struct wf *wf_free(struct wf *wf);
AUTO_DEFINE(wf_free, struct wf *);

enum wf_input_kind {
        WF_START, /* first step, or after recovery: decide what to do */
        WF_POD,   /* a pod changed */
        WF_TIMER, /* the timer the engine asked for is due (one per workflow: the earliest) */
        WF_SUSPEND,
        WF_RESUME,
        WF_STOP,
        WF_TERMINATE, /* user actions; selector/message below */
        WF_SET,       /* user action: output parameters, message, phase of suspend nodes */
        WF_SPEC, /* spec.suspend / spec.shutdown / spec.activeDeadlineSeconds were edited on the
                    object */
        WF_LOCK, /* the lock table's answer (locks.h): node (NULL: the workflow's own lock),
                    granted, or message and lock */
};
struct wf_input {
        enum wf_input_kind kind;
        const char *node_id;   /* WF_POD */
        int pod_phase;         /* enum pod_phase */
        const char *message;   /* pod message; user's message */
        int exit_code;         /* -1 none */
        const json_t *outputs; /* as in pod_status; WF_SET: {"parameters": [{name, value}]} */
        const char *set_phase; /* WF_SET: "" or NULL leaves it */
        const char *progress;  /* WF_POD: "n/m" reported by the pod, or NULL */
        bool ready;            /* WF_POD, POD_RUNNING: every container is ready. A daemon counts as
                                  done from here on (its node is Daemoned); others ignore it */
        const json_t *containers; /* WF_POD of a containerSet, any phase, or NULL: [{"name",
                                     "exitCode": n, absent while it runs; "message"}]; containers
                                     not named there wait */
        const char *ip, *host;
        struct wall started, finished;
        const char *node_field_selector; /* WF_RESUME, WF_STOP, WF_SET; NULL: every suspend node */
        const json_t *spec;              /* WF_SPEC */
        bool granted;                    /* WF_LOCK */
        const char *lock;                /* WF_LOCK: the first one it waits for */
        const json_t *holders;           /* WF_LOCK: {lock: [holders]} */
};
enum wf_command_kind {
        WF_START_POD,    /* node, work, template, capture_result, deadline: one piece of work */
        WF_KILL_POD,     /* node: of every kind of work */
        WF_SET_TIMER,    /* at; replaces the workflow's timer; at.ns 0 clears it */
        WF_NODE_CHANGED, /* node: persist it (each node at most once per step) */
        WF_CHANGED, /* workflow-level status changed: phase, message, progress, outputs, conditions,
                       finishedAt */
        WF_FINISHED, /* after WF_CHANGED: the workflow has completed */
        WF_LOCKS,    /* somebody asks for locks, see wf_each_lock_request(); `all` as there */
        WF_RELEASE,  /* node (NULL: the workflow's own): gives back the locks `data` names */
        WF_CACHE, /* `data` {configMap, key, entry}: an entry of a memoization cache. To be stored
                     before the nodes of this step are */
};
/* What a WF_START_POD asks for. Whatever it is, it is answered by WF_POD inputs for its node: any
 * number of POD_PENDING/POD_RUNNING, then exactly one of POD_SUCCEEDED, POD_FAILED, POD_ERROR with
 * the words of what went wrong; it ends early on WF_KILL_POD and on deadline_s, and is started
 * again by its idempotent name after recovery (wf_each_live_pod names it, wf_restart_pod repeats
 * the command). Everything in `template` is substituted: nothing holds a tag that could still be
 * known. Retries are the engine's: whoever carries work out never repeats it.
 *
 * WORK_POD       template.container | script | containerSet with inputs, outputs, sidecars,
 *                initContainers, volumes, daemon, metadata ...: a pod sandbox. podSpecPatch is
 *                applied already. containerSet: `containers` of the input tells each container.
 * WORK_RESOURCE  template.resource {action, manifest | manifestFrom, mergeStrategy, flags,
 *                setOwnerReference, successCondition, failureCondition}. Outputs: exitCode "0", the
 *                declared parameters from jsonPath/jqFilter of the object. A refused call is
 *                POD_FAILED "main: Error (exit code 64): <words>", outputs {"exitCode": "64"}; a
 *                failureCondition that holds, too.
 * WORK_DATA      template.data {source: {artifactPaths}, transformation}. Outputs: exitCode "0",
 *                result (JSON text) when capture_result, declared parameters and artifacts.
 *                Trouble is POD_FAILED "main: Error (exit code 64): <words>".
 * WORK_HTTP      template.http {url, method, headers, timeoutSeconds, body, bodyFrom,
 *                insecureSkipVerify, successCondition}. Outputs: {"result": body} on success, none
 *                otherwise, no exitCode. "received non-2xx response code: 500" is POD_FAILED; a
 *                request that got no answer is POD_ERROR.
 * WORK_PLUGIN    template.plugin {<name>: {...}}: POST /api/v1/template.execute. Its node.phase,
 *                node.message and node.outputs are the answer; a plugin that cannot be reached is
 *                POD_ERROR. */
enum wf_work { WORK_POD, WORK_RESOURCE, WORK_DATA, WORK_HTTP, WORK_PLUGIN };
struct wf_command {
        enum wf_command_kind kind;
        enum wf_work work;                          /* WF_START_POD */
        const char *node_id, *node_name, *pod_name; /* borrowed from the wf until the next step */
        json_t *template; /* WF_START_POD: resolved template, owned by the command list */
        bool capture_result;
        bool exit_tree;            /* WF_START_POD: part of an exit handler */
        int64_t deadline_s;        /* WF_START_POD: the pod ends Failed after this; 0: none */
        int64_t execution_limit_s; /* the same, by a retry's maxDuration: the smaller of both
                                      counts; 0: none */
        struct wall at;            /* WF_SET_TIMER */
        bool all;                  /* WF_LOCKS */
        json_t *data;              /* WF_RELEASE, WF_CACHE: owned by the command list */
};
struct wf_commands {
        struct wf_command *items;
        size_t n, cap;
};
void wf_commands_deinit(struct wf_commands *c);
/* Takes `n` inputs that became known together (one turn of the loop: fewer commits, and Argo's rule
 * that pods which end at one instant are seen by one pass) and appends to `out`. Never fails: what
 * goes wrong becomes node and workflow phases. Inputs for unknown or finished nodes are ignored, so
 * duplicates and reordering do no harm. `now` must not go back between steps. */
void engine_step(struct wf *wf, const struct wf_input *in, size_t n, struct wall now,
                 struct wf_commands *out);
/* It has to wait before its first step: Pending, with these words. */
void wf_postpone(struct wf *wf, const char *message);
/* Would this user action be refused? The words for the user (Argo's where it has them); a refused
 * action changes nothing. */
int wf_check_action(const struct wf *wf, const struct wf_input *in, struct err *e) MUST_CHECK;

/* Who asks for locks now, in the order of the tree; `all`: also who was told to wait before, until
 * `each` answers false. */
struct wf_lock_request {
        const char *node_id;        /* NULL: the workflow */
        const json_t *names;        /* list of lock names */
        const char *lock, *message; /* what it was told before; lock NULL: nothing */
        bool fresh;                 /* it has not been answered yet */
};
typedef bool wf_lock_fn(void *arg, const struct wf_lock_request *r);
void wf_each_lock_request(const struct wf *wf, bool all, wf_lock_fn *each, void *arg);
/* What a restored workflow holds: holder "ns/workflow" or "ns/workflow/node-id". */
typedef void wf_held_fn(void *arg, const char *holder, const json_t *names);
void wf_each_lock_held(const struct wf *wf, wf_held_fn *each, void *arg);
const json_t *wf_lock_told(const struct wf *wf, const char *lock); /* its holders, as told last */
int64_t wf_lock_priority(const struct wf *wf);
struct wall wf_created(const struct wf *wf);
const char *wf_key(const struct wf *wf); /* "ns/name" */

/* Status as JSON, new references. */
json_t *wf_node_json(const struct wf *wf, const char *node_id); /* one entry of status.nodes */
json_t *wf_nodes_json(const struct wf *wf);                     /* all of status.nodes */
json_t *wf_status_json(const struct wf *wf);                    /* status without nodes */
/* The volumes of volumeClaimTemplates, as a pod would mount them; those that are not to be removed
 * are in status.persistentVolumeClaims. */
json_t *wf_claims_json(const struct wf *wf);
/* {"labels", "annotations"}: workflows.argoproj.io/phase and /completed, and what workflowMetadata
 * says. */
json_t *wf_metadata_json(const struct wf *wf);
const char *wf_phase(const struct wf *wf); /* "", Pending, Running, Succeeded, Failed, Error */
bool wf_completed(const struct wf *wf);
size_t wf_node_count(const struct wf *wf);
bool wf_collects_artifacts(const struct wf *wf); /* does an artifactGC of it delete anything? */
/* The effective spec with its tags substituted (not those of templates); NULL before the first
 * step. Borrowed. */
const json_t *wf_spec_json(const struct wf *wf);
/* Labels that a pod would have by podMetadata and its template; a new reference. */
json_t *wf_pod_labels(const struct wf *wf, const char *node_id);
void wf_each_pod(const struct wf *wf, void (*each)(void *arg, const char *node_id), void *arg);
/* Nodes whose work (of every kind: enum wf_work) was Pending or Running when the state was stored,
 * daemons included: the controller adopts or restarts them. */
void wf_each_live_pod(const struct wf *wf,
                      void (*each)(void *arg, const char *node_id, const char *pod_name),
                      void *arg);
/* Nodes that were ended while their pods ran (stop, deadline, a daemon that is not needed any
 * more): the WF_KILL_POD may have been lost with the process that was to carry it out. */
void wf_each_cut_pod(const struct wf *wf,
                     void (*each)(void *arg, const char *node_id, const char *pod_name), void *arg);
/* The pod of a node is gone for good and never ran (recovery found no trace): start it again. */
void wf_restart_pod(struct wf *wf, const char *node_id, struct wall now, struct wf_commands *out);
