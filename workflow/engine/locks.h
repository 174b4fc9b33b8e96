/* workflow/engine/locks.h: who holds which lock, and who waits for it: mutexes and semaphores of
 * all workflows of one controller, or of one simulation (argo-workflows.md 2.14).
 *
 *   names    "ns/Mutex/name", "ns/ConfigMap/name/key" (the limit is the value of that key, read
 *            anew at every question, so a change counts at once), "ns/Database/key" (not supported)
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

/* Is a lock of this name fine, and has its semaphore a limit? INVALID with Argo's words. */
int locks_check(const struct wf_lookup *lookup, const char *name, struct err *e) MUST_CHECK;

struct lock_question {
        const char *workflow;  /* "ns/name" */
        const char *holder;    /* the workflow's key, or it and a node id */
        const json_t *names;   /* of locks */
        int64_t priority, created_ns;
};
struct lock_answer {
        bool granted;
        char *message;       /* heap; why it has to wait */
        const char *lock;    /* the first one it waits for; of the question's names */
        json_t *holders;     /* {name: [holders]} of all it asked for, new reference */
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
bool locks_unwake(struct locks *l, const char *workflow); /* was it woken? no longer */

/* ---- one workflow at the table ---- */

/* What to feed into the workflow next; owns what it points to. */
struct lock_answers {
        struct wf_input *in;
        size_t n, cap;
        json_t *keep;
        struct arena texts;
};
void lock_answers_deinit(struct lock_answers *a);
/* After a step: carries out the WF_RELEASE of its commands, lets the workflow ask when it wants to
 * (WF_LOCKS) or was woken. Feed the answers into the next step and come back until there are none.
 * `commands` may be NULL: only see whether it was woken. */
void locks_turn(struct locks *l, const struct wf *wf, const struct wf_commands *commands,
                struct lock_answers *out);
/* Takes what a restored workflow holds; before anybody asks. */
void locks_restore_all(struct locks *l, const struct wf *wf);
