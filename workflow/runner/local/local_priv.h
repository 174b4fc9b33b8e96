/* workflow/runner/local/local_priv.h: shared inside workflow/runner/local.
 *
 *   local.c     the runner: its pods, their queue, updates
 *   open.c      opened and closed
 *   forget.c    what a finished workflow leaves behind
 *   link.c      tiphys-executor: started, spoken to, restarted
 *   workers.c   its processes: who has which pod, who is idle
 *   request.c   template -> request (build_priv.h)
 *   artifacts.c template -> request: inputs and outputs
 *   transfer.c  artifacts fetched before a pod, saved after it
 *   env.c       template -> request: environment, with values from the store
 *   state.c     state files: what became of a pod
 *   adopted.c   news of pods that an earlier runner started
 *   dial.c      connections into pods
 *   report.c    status records -> struct pod_status
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/proc.h"
#include "workflow/artifact/place.h"
#include "workflow/executor/wire.h"
#include "workflow/runner/runner.h"
#include <uthash.h>

struct env;
struct build;
struct images;
struct spares;
struct worker;
enum pod_stage { POD_PREPARING, POD_QUEUED, POD_SENT, POD_ADOPTED, POD_SAVING, POD_ENDED };
struct runner_pod {
        char *key; /* uid/node id */
        char *uid, *node;
        uint64_t serial;
        enum pod_stage stage;
        bool told_running, tell_pending, tell_running; /* updates that are due */
        bool beside;                                   /* it takes no place of max_running */
        bool listed; /* on the list of pods with something to tell */
        bool held;   /* runner_release() has not been called: nothing starts, nothing is told */
        bool built;  /* held: what it needs from elsewhere waits with it */
        struct worker *worker; /* SENT: who carries it out; NULL once that process has gone */
        int64_t started_ns;
        struct buf running;        /* what was told of it last: R_ records */
        int kill_grace_ms;         /* asked for and not delivered yet; -1: no */
        struct build *build;       /* while values are fetched */
        struct transfer *transfer; /* while artifacts travel */
        json_t *fetches;           /* until they are */
        bool fetched;              /* inputs lie under a staging key */
        char *ns;
        int64_t deadline_s;
        struct buf request; /* until it is sent; wiped then */
        struct buf final;   /* status records */
        struct proc *watch; /* adopted */
        struct event *news; /* adopted: of its state file */
        int pidfd;          /* adopted: for signals, -1 without */
        struct runner *runner;
        struct runner_pod *next_told, *next_queued;
        UT_hash_handle by_key, by_serial;
};
struct runner {
        struct runner_local_options o;
        struct pool *transfers; /* their threads; made by the first one */
        char *data_dir, *executor, *words;
        struct images *images;
        bool sandbox;
        runner_update_fn *update;
        void *arg;
        struct runner_pod *by_key, *by_serial;
        struct runner_pod *queue, **queue_end;
        struct runner_pod *told, **told_end;
        struct loop_task tell;
        uint64_t last_serial;
        int running;
        /* workers.c */
        struct worker *workers, *idle_workers, *idle_sandboxes;
        struct loop_timer idle;
        bool worked; /* somebody was given a pod since the timer was set */
        uint64_t last_worker;
        struct spares *spares; /* forget.c */
        /* link.c */
        int sock;
        struct event *readable, *writable;
        struct proc *proc;
        struct loop_timer restart;
        struct mono opened;
        int64_t pause_ms; /* before the next restart */
        char host[256];
};

/* link.c */
int link_open(struct runner *r,
              struct err *e) MUST_CHECK; /* starts the executor and waits until it is ready */
void link_close(struct runner *r);
/* False: not now (the socket is full, the executor is gone); link_writable() comes when it can be
 * tried again. */
bool link_start(struct runner_pod *p); /* p->worker is set then */
bool link_kill(const struct runner_pod *p, int grace_ms);
bool link_worker(struct runner *r, uint64_t id, bool sandbox, int sock);
void link_go(struct runner_pod *p); /* of a pod that was started as held */

/* workers.c */
void workers_init(struct runner *r);
void workers_close(struct runner *r);   /* those that are busy finish what they have */
void workers_ready(struct runner *r);   /* a sandbox more, if few stand ready */
bool worker_take(struct runner_pod *p); /* sets p->worker; false: not now */
void worker_done(struct runner_pod *p); /* it has had its pod */
void worker_drop(struct runner_pod *p); /* it goes, with a pod that is held or with nothing */
/* It has ended: the pod it was given last, or NULL. */
struct runner_pod *worker_gone(struct runner *r, uint64_t id);
uint64_t worker_id(const struct worker *w);
int worker_sock(const struct worker *w);
bool worker_sandbox(const struct worker *w);

/* local.c, called by link.c */
void on_link_running(struct runner *r, uint64_t serial, int64_t started_ns, const void *body,
                     size_t n);
void on_link_final(struct runner *r, uint64_t serial, const void *status, size_t n);
void on_link_exists(struct runner *r, uint64_t serial);
void on_link_gone(struct runner *r, uint64_t worker, int64_t wait_status);
void on_link_writable(struct runner *r);
void on_link_lost(struct runner *r); /* the executor ended: look at every pod's state file */
void pod_free(struct runner_pod *p);
/* R_ records of a pod that runs: told later. */
void pod_note_running(struct runner_pod *p, int64_t started_ns, const void *records, size_t n);
/* adopted.c */
void adopted_watch(struct runner_pod *p);
void adopted_unwatch(struct runner_pod *p);
void on_tell(void *runner);     /* a task: tells what is to be told, starts what may start */
bool name_valid(const char *s); /* as a file name of ours */
void pod_fail(struct runner_pod *p, const char *fmt, ...) PRINTF_LIKE(2, 3); /* ERROR, told later */

/* forget.c: at start, before anything is moved aside again */
void forget_left_aside(const char *data_dir);
/* State files that ended pods have left, by number. */
struct spares *spares_new(void);
uint64_t spare_take(struct spares *s); /* 0: none */
void spares_unref(struct spares *s);

/* request.c */
typedef void build_done_fn(void *arg, const struct err *e);
/* *out is the caller's, also after a failure. */
int build_start(struct build **out, struct runner *r, const struct pod_request *req,
                json_t *fetches, struct err *e) MUST_CHECK;
/* Fetch what is elsewhere; `done` comes later or at once, never after build_free. */
void build_resolve(struct build *build, build_done_fn *done, void *arg);
int build_put(struct build *build, struct buf *b, struct err *e) MUST_CHECK;
struct build *build_free(struct build *build);
/* artifacts.c: inputs and outputs of main. What has to be fetched before the pod starts is appended
 * to `fetches`: [{"artifact": whole, "to": key, "zip"}]. */
int request_io(struct buf *b, const struct pod_request *req, json_t *fetches,
               struct err *e) MUST_CHECK;
int request_log(struct buf *b, const struct pod_request *req, const char *container,
                struct err *e) MUST_CHECK;

void forget_fetched(struct runner *r, const char *uid, const char *node); /* forget.c */

/* transfer.c: artifacts between the folder store and elsewhere. */
#define SAVE_MEMBER "tiphys.io/save" /* of an output's record, until it is saved */
struct transfer;
typedef void transfer_done_fn(struct runner_pod *p, const struct err *e);
/* Fetch what `fetches` names; `done` comes later. deadline_s 0: none; past it e is TIMEOUT. */
void transfer_fetch(struct runner_pod *p, json_t *fetches_taken, int64_t deadline_s,
                    transfer_done_fn *done);
/* Save what the artifacts of these status records ask for. False: nothing to save. */
bool transfer_save(struct runner_pod *p, struct wire status, transfer_done_fn *done);
void transfer_cancel(struct transfer *t);  /* it ends soon, with UNAVAILABLE */
void transfer_abandon(struct transfer *t); /* the pod goes: nobody is told */

/* env.c */
typedef void env_done_fn(void *arg, const struct err *e);
struct env *env_new(struct runner *r, const struct pod_request *req, const json_t *container,
                    const char *name);
struct env *env_free(struct env *env);
int env_add_container(struct env *env, const json_t *container, struct err *e) MUST_CHECK;
void env_set(struct env *env, const char *name, const char *value);
void env_args(struct env *env, const json_t *args); /* command and args, expanded like values */
/* Fetch what is elsewhere; `done` comes later or at once. */
void env_resolve(struct env *env, env_done_fn *done, void *arg);
void env_put(const struct env *env, struct buf *b); /* S_ENV, S_ARG records */
/* The value of an item with fieldRef or resourceFieldRef; heap. */
int env_downward(const struct env *env, const json_t *item, char **value, struct err *e) MUST_CHECK;

/* state.c */
enum pod_trace { TRACE_NONE, TRACE_RUNNING, TRACE_FINAL, TRACE_LOST };
struct trace {
        enum pod_trace kind;
        uint64_t owner;     /* of the frames */
        pid_t pid;          /* RUNNING */
        int pidfd;          /* RUNNING; owned by the caller */
        int64_t started_ns; /* RUNNING, LOST */
        struct buf running; /* RUNNING: R_ records; owned by the caller */
        struct buf final;   /* FINAL: status records; owned by the caller */
};
int trace_pod(struct trace *t, const char *data_dir, const char *uid, const char *node,
              struct err *e) MUST_CHECK;

void trace_deinit(struct trace *t);

/* report.c */
void report_final(struct runner *r, const char *uid, const char *node, struct wire status);
void report_phase(struct runner *r, const char *uid, const char *node, enum pod_phase phase,
                  int64_t started_ns, struct wire running);
