/* workflow/engine/locks.h: who holds which lock, and who waits for it: mutexes and semaphores of
 * all workflows of one controller, or of one simulation (argo-workflows.md 2.14).
 *
 *   names    lock_name.h
 *   holders  "ns/workflow" for the lock of a whole workflow, "ns/workflow/node-id" for a node's
 * Several locks are taken together or not at all. The queue of a lock is ordered by priority, then
 * by the creation of the workflow, then by arrival; who is not in front waits even when there is
 * room, except that nodes of the workflow in front may overtake each other, as in Argo.
 * Pure: no I/O, no clock. Threads: one. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "workflow/engine/engine.h"

struct locks;
struct locks *locks_new(const struct wf_lookup *lookup); /* finds ConfigMaps */
struct locks *locks_free(struct locks *l);
AUTO_DEFINE(locks_free, struct locks *);

struct lock_question {
        const char *workflow; /* "ns/name" */
        const char *holder;   /* the workflow's key, or it and a node id */
        const json_t *names;  /* of locks */
        int64_t priority, created_ns;
};
struct lock_answer {
        bool granted;
        char *message;    /* heap; why it has to wait */
        const char *lock; /* the first one it waits for; of the question's names */
        json_t *holders;  /* {name: [holders]} of all it asked for, new reference */
};
void lock_answer_deinit(struct lock_answer *a);
/* Takes all or joins the queues. Asking again is the way to be granted later. */
void locks_ask(struct locks *l, const struct lock_question *q, struct lock_answer *out);
/* It held this when the controller ended: taken whatever the limit is. */
void locks_restore(struct locks *l, const char *holder, const char *name);
/* Gives back what the holder holds of these, and leaves their queues. */
void locks_release(struct locks *l, const char *holder, const json_t *names);
/* A ConfigMap has changed: who waits for one of its semaphores should ask again. */
void locks_config_map(struct locks *l, const char *ns, const char *name);
/* The next workflow ("ns/name", heap) that should ask again; NULL: none. */
char *locks_take_woken(struct locks *l);
void locks_wake(struct locks *l, const char *workflow);
bool locks_unwake(struct locks *l, const char *workflow); /* was it woken? no longer */
bool locks_are_open(const struct locks *l);
bool locks_any_free(const struct locks *l); /* somebody waits for one that has room */

/* Nobody is granted anything until the table knows what is held: who asks while it is closed is
 * woken when it opens. */
void locks_open(struct locks *l, bool open);
/* A workflow is gone: whatever it holds or waits for. */
void locks_forget(struct locks *l, const char *workflow);

/* ---- one workflow at the table ---- */

/* One step of the engine and all that the table answers to it: the answers are the inputs of the
 * next step, until there are none. `carry_out` gets inputs and commands of each; it decides when a
 * WF_RELEASE is carried out (locks_release_command): at once, or when it is durable. */
typedef void locks_carry_fn(void *arg, const struct wf_input *in, size_t n,
                            struct wf_commands *commands);
struct locks_step {
        struct wf *wf;
        const struct wf_input *in;
        size_t n;
        struct wall now;
        bool woken; /* locks_take_woken() named it: all that wait ask again; n may be 0 */
        locks_carry_fn *carry_out;
        void *arg;
};
void locks_step(struct locks *l, const struct locks_step *s);
void locks_release_command(struct locks *l, const char *workflow, const char *node_id,
                           const json_t *names);
/* Takes what a restored workflow holds; before anybody asks. */
void locks_restore_all(struct locks *l, const struct wf *wf);
