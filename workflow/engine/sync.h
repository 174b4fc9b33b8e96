/* workflow/engine/sync.h: locks of workflows and nodes inside the engine; see sync.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/engine/engine_priv.h"

/* The names of the locks that a template asks for, its tags substituted; NULL: none. */
int sync_names(json_t **out, struct wf *wf, const struct tmpl *t, struct scope *s,
               struct err *e) MUST_CHECK;
/* The node asks for these; exec_unlocked() follows when it has them. */
void sync_ask(struct wf *wf, uint32_t node, json_t *names_taken);
/* A restored node: true when it has to wait for its locks before it goes on (or was an error). */
bool sync_resume(struct wf *wf, uint32_t node, struct scope *s);
void sync_answer(struct wf *wf, const struct wf_input *in);
void sync_fulfilled(struct wf *wf, uint32_t node); /* gives back what it has */
void sync_end(struct wf *wf);                      /* the workflow is complete */
/* The lock of the whole workflow. */
int sync_begin(struct wf *wf, struct err *e) MUST_CHECK;
bool sync_workflow_may_run(const struct wf *wf);
bool sync_waits(const struct node *n);
void sync_before_phase(struct wf *wf, uint32_t node, enum node_phase to);
void sync_put_wanted(struct wf *wf);      /* the WF_LOCKS command */
json_t *sync_status(const struct wf *wf); /* status.synchronization, NULL: nothing to say */
void sync_load(struct wf *wf, const json_t *status);
void sync_loaded(struct wf *wf, uint32_t node); /* its counters */
struct node_sync *node_sync_free(struct node_sync *s);
