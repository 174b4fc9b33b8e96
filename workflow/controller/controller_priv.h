/* workflow/controller/controller_priv.h: what the files of the controller share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/controller/controller.h"
#include "workflow/controller/throttle.h"
#include "workflow/effect/effect.h"
#include "workflow/effect/sidecar.h"
#include "workflow/engine/engine.h"
#include "workflow/engine/locks.h"
#include <uthash.h>

/* ---- cache.c: objects of one kind by namespace/name, as the engine looks them up ---- */

struct cache;
typedef void cache_changed_fn(struct controller *c, const char *ns, const char *name);
int cache_follow(struct cache **out, struct controller *c, const struct store_kind *kind,
                 const char *ns, cache_changed_fn *changed, struct err *e) MUST_CHECK;
struct cache *cache_free(struct cache *cache);
const json_t *cache_get(const struct cache *cache, const char *ns, const char *name);
/* Shows this object until the store shows a newer state. */
void cache_put(struct cache *cache, json_t *obj);
bool cache_synced(const struct cache *cache);

/* ---- run.c: one workflow in progress ---- */

struct run_input { /* owns what `in` borrows */
        struct wf_input in;
        char *texts[6];
        json_t *json[3];
};
struct pod_start { /* a pod that waits until its node is durable */
        enum wf_work work;
        char *node_id, *node_name, *pod_name;
        json_t *template;
        bool capture_result, killed, held;
        int64_t deadline_s;
};
struct pod_starts {
        struct pod_start *items;
        size_t n, cap;
};
struct run_pod { /* handed to the runner and not ended */
        char *node_id;
        int phase;
        UT_hash_handle hh;
};
enum run_state {
        RUN_READING, /* its nodes are being read from the store */
        RUN_LIVE,
        RUN_BROKEN,  /* it cannot be read: left alone until it changes */
        RUN_DELETED, /* the object is gone; waiting for its pods to end */
};
struct run_op {          /* a call to the store that outlives the run it was made for */
        struct run *run; /* NULL: nobody waits any more */
};
struct run {
        struct controller *c;
        enum run_state state;
        char *key, *ns, *name, *uid; /* key: namespace/name */
        struct log *log;
        struct wf *wf;
        struct wall last;      /* of the latest step: `now` never goes back */
        json_int_t generation; /* of the spec that the engine knows */
        json_t *newest;        /* RUN_READING: what the store showed meanwhile */
        struct run_op *op;     /* a read or a patch in flight */

        struct run_input *inputs; /* of this turn */
        size_t n_inputs, cap_inputs;
        struct loop_task turn;
        struct loop_timer timer; /* the engine's */

        /* persist.c */
        json_t *dirty; /* set of node ids */
        bool dirty_status, finished;
        json_t *view;     /* {metadata: {labels}, status} without nodes, as last stored */
        json_t *patching; /* node ids of the patch in flight */
        json_t *patching_view;
        bool patient;    /* it may wait for company */
        json_t *applied; /* action annotations that were applied and may still be on the object */
        struct pod_starts next, flight;
        json_t *next_releases, *flight_releases; /* locks.c: [{node, names}], NULL */
        bool ending;                             /* it was stopped: it need not wait its turn */
        bool waits_for_pods;                     /* RUN_READING: of the run before */
        bool woken;                              /* it asks for its locks again in this turn */
        struct loop_timer retry;
        struct loop_timer settle; /* what changed waits a moment for more */
        bool settled;
        int failures; /* of patches, in a row */

        json_t *measured; /* measure.c: node id to what was told of it; NULL: nothing */
        bool restored, measuring, measured_end;

        struct run_pod *pods;
        json_t *finalizers; /* of the object, as last seen; NULL: none */
        bool collects;      /* the finalizer of artifact_gc.c is there, or in the patch in flight */
        json_t *lost;       /* set of node ids: seen running, and without a trace when this began */
        UT_hash_handle hh, by_key;
};

void run_set(struct controller *c, json_t *obj); /* the store showed this object */
void run_gone(struct controller *c, const json_t *obj);
void run_free(struct run *r);
/* A workflow that was deleted while nobody looked has pods: end them and forget it. */
struct run *run_orphan(struct controller *c, const char *uid);
void run_orphan_end(struct run *r);
void run_read(struct run *r); /* RUN_READING: ask the store for the whole object */
void run_input(struct run *r,
               const struct wf_input *in); /* copies; stepped at the end of this turn */
void run_carry_out(struct run *r, struct wf_commands *cmds);
struct run *run_find(struct controller *c, const char *uid);
struct run_op *run_op_new(struct run *r);
struct run *run_op_end(struct run_op *op); /* the run, or NULL when nobody waits */

/* ---- pods.c: pods between engine and runner ---- */

void pods_queue(struct run *r, struct wf_command *cmd); /* takes cmd->template */
void pods_hold(struct run *r); /* those in flight are made ready, and start when it is stored */
void pods_start(struct run *r, struct pod_starts *starts); /* hand over; empties the list */
void pods_requeue(struct run *r); /* the patch failed: flight goes back to next */
void pods_kill(struct run *r, const char *node_id);
void pods_recover(struct run *r);
void pods_kill_all(struct run *r, int grace_s);      /* negative: the usual 30 s */
void pods_adopt(struct run *r, const char *node_id); /* of an orphan */
void pods_on_update(struct run *r, const char *node_id, const struct pod_status *st);
void pods_sidecar_ended(struct run *r); /* a plugin's, which is no node */
bool pods_busy(const struct run *r);    /* something of it still runs */
void pods_forget_claims(struct run *r); /* of its volumeClaimTemplates */
void claims_forget(struct controller *c, const char *ns, const json_t *volumes);
void pods_deinit(struct run *r);

/* ---- persist.c: one patch at a time ---- */

void persist_init(struct run *r);
void persist_restored(struct run *r, const json_t *obj); /* what the store has already */
void persist_reopened(struct run *r, const json_t *obj); /* the same, of one that is retried */
void persist_flush(struct run *r);
void persist_stop(struct run *r); /* whatever is in flight is not waited for */
void persist_deinit(struct run *r);

/* ---- annotations.c: user actions ---- */

void annotations_look(struct run *r, const json_t *obj);
void annotations_put_done(const struct run *r, json_t *patch); /* null for each that was applied */

/* ---- turns.c: how many workflows run at once ---- */

void run_join(struct run *r, const json_t *obj);
void run_leave(struct run *r);
bool run_must_wait(struct run *r);
void controller_admit(struct controller *c); /* as many as there is room for */

/* ---- locks.c: a lock is given back when what frees it is durable ---- */

void run_locks_release(struct run *r, const struct wf_command *cmd);
void run_locks_durable(struct run *r); /* the patch is stored */
void run_locks_requeue(struct run *r); /* the patch failed */
void run_locks_gone(struct run *r);    /* the workflow was deleted */
void run_locks_deinit(struct run *r);
/* Everybody who holds something is known: from here on locks are granted. */
void controller_locks_open(struct controller *c);
void controller_locks_wake(struct controller *c); /* who may have become able to go on asks again */
void controller_locks_map_changed(struct controller *c, const char *ns, const char *name);

/* ---- memos.c: entries of memoization caches, to the store ---- */

struct memos;
struct memos *memos_new(struct controller *c);
struct memos *memos_free(struct memos *m);
void memos_put(struct memos *m, const char *ns, const json_t *data); /* of a WF_CACHE command */

/* ---- podgc.c: what pods leave, under spec.podGC ---- */

struct podgc *podgc_new(struct controller *c);
struct podgc *podgc_free(struct podgc *g);
void podgc_pod_ended(struct run *r, const char *node_id, bool succeeded);
void podgc_workflow_ended(struct run *r); /* and its end is durable */

/* ---- measure.c: metrics that workflows define ---- */

struct user_metrics *measure_new(struct controller *c); /* NULL: switched off */
void measure_node(struct run *r, const char *node_id);  /* it changed */
void measure_turn(struct run *r);                       /* after its nodes */
void measure_end(struct run *r);

/* ---- sweep.c: what deleted workflows have left behind ---- */

struct sweep;
struct sweep *sweep_start(struct controller *c);
struct sweep *sweep_free(struct sweep *s);

/* ---- controller.c ---- */

#define ARTIFACT_GC_FINALIZER "workflows.argoproj.io/artifact-gc"

struct controller {
        struct controller_options o;
        char *ns, *selector, *data_dir;
        struct log *log;
        struct runner *runner;
        struct effects *effects; /* work that is no process */
        struct cache *templates, *cluster_templates, *config_maps;
        struct store_follow *workflows;
        struct sweep *sweep;
        struct locks *locks;
        struct memos *memos;
        struct throttle *throttle; /* NULL: no limit is configured */
        struct finished *finished;
        struct crons *crons;
        struct podgc *podgc;
        struct user_metrics *metrics; /* NULL: switched off */
        struct wf_lookup lookup;
        struct wf_defaults defaults;
        json_t *artifact_repository;
        struct run *runs, *runs_by_key; /* by uid; by namespace/name */
        size_t reading, patching, n_pods;
        bool started, synced, draining;
        loop_fn *drained;
        void *drained_arg;
        struct loop_timer drain_timer;
        struct loop_task drain_check;
};
void controller_cache_synced(struct controller *c);
void controller_look_drained(struct controller *c); /* after each patch */
void controller_count_phase(const char *ns, const char *from, const char *to);
