/* workflow/runner/runner.h: where steps run. local/ (sandboxed processes of this machine); kube/
 * (pods) follows.
 *
 * The controller hands over a resolved template (every tag substituted) and is told of each change
 * of the pod. A pod outlives its controller, even a killed one: after a restart runner_adopt()
 * finds what still runs or has ended meanwhile. Updates come later, from the loop, never from
 * inside a call of this header; every other function may be called from an update except
 * runner_free(). Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include "workflow/engine/pod_phase.h"
#include <jansson.h>

struct runner;
struct pool;
struct store;

struct pod_request {                              /* borrowed for the call */
        const char *ns, *workflow, *workflow_uid; /* uid and node id become file names: letters,
                                                     digits, "-", "_", "." */
        const char *node_id, *node_name, *pod_name;
        const json_t *template; /* resolved: container | script | containerSet, sidecars,
                                   initContainers, inputs (parameters with values, artifacts with a
                                   location or raw), outputs, volumes (the workflow's too), env ...,
                                   metadata; "archiveLocation" completed:
                                   {"archiveLogs": bool, "folder": {"key": prefix}}, default
                                   <ns>/<workflow>/<pod name> */
        bool capture_result;    /* stdout becomes outputs.result */
        int64_t deadline_s;     /* activeDeadlineSeconds of the pod, 0 = none */
        int grace_s;            /* between SIGTERM and SIGKILL; 0 = 30 */
        bool beside;        /* it serves steps: it can be dialled, max_running does not count it */
        const json_t *spec; /* of the workflow, effective; not for the runner */
        bool held; /* make it ready, but start nothing and tell nothing until runner_release() */
};
struct pod_status { /* borrowed for the call */
        enum pod_phase phase;
        const char *message; /* "main: Error (exit code 1)", "Pod was active on the node longer than
                                the specified deadline", ... "" */
        int exit_code;       /* of main; -1 when there is none */
        bool ready; /* RUNNING: every container is ready (readiness probes; without one as soon as
                       it runs). A pod may be told RUNNING several times: as this and `containers`
                       change */
        const json_t *containers; /* of several: [{"name", "exitCode", "message"}]: those that were
                                     started; exitCode when it has ended; NULL of one */
        const json_t *outputs;    /* {"parameters":[{name,value}], "artifacts":[{name, path,
                                     folder:{key}, ...}], "result", "exitCode"}; NULL until the end,
                                     and when the end has none */
        const char *progress;     /* "1/3" of work that tells it; NULL */
        const char *ip, *host;
        struct wall started, finished; /* of main; 0: not yet, or never */
};
/* Phases only move forward; the final one (SUCCEEDED, FAILED, ERROR) comes exactly once per pod. */
typedef void runner_update_fn(void *arg, const char *workflow_uid, const char *node_id,
                              const struct pod_status *st);

struct runner_local_options {
        struct loop *loop;
        struct pool *pool;
        struct store *store;  /* env valueFrom secretKeyRef/configMapKeyRef; may be NULL: the mounts
                                 of base/secret.h only */
        const char *data_dir; /* <data>/pods, scratch, logs, artifacts; made when absent */
        enum {
                ISOLATION_AUTO,
                ISOLATION_SANDBOX,
                ISOLATION_NONE
        } isolation;              /* AUTO: sandbox when the kernel allows, else refuse with words */
        bool guard_addresses;     /* artifacts: refuse private, loopback and link-local addresses */
        int max_running;          /* steps at once, 0: 4 x cores; more wait as Pending */
        const json_t *images;     /* image -> {"root": dir, "command": [...], "args": [...]}, before
                                     those that were loaded (workflow/image/image.h); unknown images run
                                     on the host's root; borrowed for life */
        bool private_network;     /* pods have a network of their own, unless they say otherwise
                                     (annotation tiphys.io/network, hostNetwork) */
        const json_t *host_paths; /* hostPath volumes may lie beneath these; NULL: anywhere;
                                     borrowed for life */
        const char
                *executor; /* path of tiphys-executor; NULL: beside this program, else from PATH */
};
/* Blocks for the milliseconds the executor needs to start. Fails under SANDBOX and AUTO where
 * namespaces are refused; the words say which call was refused and how to allow it. */
int runner_local(struct runner **out, const struct runner_local_options *o,
                 runner_update_fn *update, void *arg, struct err *e) MUST_CHECK;
/* Stops watching; running pods go on (recovered by runner_adopt). Pods still waiting for their turn
 * never start. */
struct runner *runner_free(struct runner *r);
AUTO_DEFINE(runner_free, struct runner *);

/* Never fails at once: problems arrive as an ERROR update. Starting a node id that already runs or
 * ran is recognised: its status is reported, nothing runs twice. */
void runner_start(struct runner *r, const struct pod_request *req);
/* A pod that was started as held goes on: its node is durable. What is held when the runner ends
 * has left no trace. Unknown ids are ignored, here and below. */
void runner_release(struct runner *r, const char *workflow_uid, const char *node_id);
/* A pod that is held will not be started (now); nothing is told of it. */
void runner_drop(struct runner *r, const char *workflow_uid, const char *node_id);
/* SIGTERM to main's process group, then SIGKILL after grace (0: at once, negative: the pod's own);
 * the final update says so (exit code 143/137, unless main ends by itself meanwhile). */
void runner_kill(struct runner *r, const char *workflow_uid, const char *node_id, int grace_s);
/* After a restart: re-attach to the pod of this node. True: updates will come (perhaps soon).
 * False: no trace of it: main was never started, so starting the pod is right. */
bool runner_adopt(struct runner *r, const char *workflow_uid, const char *node_id);
/* A connection to 127.0.0.1:port (else ::1) as main of a running pod (one that is `beside`)
 * would make it, whatever the pod's network. `done` comes later, once, unless cancelled: with a
 * connected socket that does not block, the caller's now (connect() on it says 0 once more, which
 * libraries need that insist on connecting by themselves), or -1 and why: NOT_FOUND: it does not
 * run, UNAVAILABLE: nobody listens there (yet). */
struct runner_dial;
typedef void runner_dialed_fn(void *arg, int fd, const struct err *e);
struct runner_dial *runner_dial(struct runner *r, const char *workflow_uid, const char *node_id,
                                uint16_t port, runner_dialed_fn *done, void *arg);
void runner_dial_cancel(struct runner_dial *d); /* NULL is fine */
/* Would a pod of this template have a network of its own? And files of its own? */
bool runner_own_network(const struct runner *r, const json_t *template);
bool runner_sandboxes(const struct runner *r);
/* Does something of this workflow still run or travel, killed or not? */
bool runner_busy(const struct runner *r, const char *workflow_uid);
/* Delete what a workflow has left: its pod folders when it has finished; its logs too when it was
 * deleted; its artifacts too when their collection was asked for. Works on the pool, in the
 * background. */
enum runner_forget { FORGET_PODS, FORGET_LOGS, FORGET_ARTIFACTS };
void runner_forget(struct runner *r, const char *workflow_uid, enum runner_forget what);
/* The folder and the logs of one pod that has ended (podGC); node_id NULL: of all pods. What is
 * known of artifacts stays. In the background. */
void runner_forget_pod(struct runner *r, const char *workflow_uid, const char *node_id);
/* Remove the folder of a claim (volumeClaimTemplates) with all that is in it; in the background. */
void runner_forget_claim(struct runner *r, const char *ns, const char *claim);
/* What is there of workflows, of whenever: each uid once with node_id NULL, then each of its pods.
 * Reads folders, blocking. */
typedef void runner_stored_fn(void *arg, const char *workflow_uid, const char *node_id);
void runner_each_stored(struct runner *r, runner_stored_fn *each, void *arg);

/* Logs of a pod: "<RFC3339Nano> stdout|stderr <text>" lines; path of the file (heap), for cli and
 * server. Never NULL. */
char *runner_log_path(const char *data_dir, const char *workflow_uid, const char *node_id,
                      const char *container) MUST_CHECK;
/* For banners: "sandbox (mount, pid, ipc, uts; overlay)", or why not. */
const char *runner_describe(struct runner *r);
