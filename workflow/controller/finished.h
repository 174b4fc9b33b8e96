/* workflow/controller/finished.h: workflows that have completed: who lives how long.
 *
 * finished.c   sees them: page by page at start, then by a watch; tells those below.
 * gc.c         deletes what is too old (ttlStrategy) or too many (retentionPolicy).
 * artifact_gc.c deletes artifacts (artifactGC), before the workflow may go.
 * archiving.c  copies them into the archive, before gc may take them.
 * Objects come without their nodes. Memory is used for workflows that will be deleted, not for
 * history. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/controller/controller_priv.h"

struct finished;
struct finished *finished_start(struct controller *c);
struct finished *finished_free(struct finished *f);

/* May others delete this completed workflow: is what the archive wants of it there? */
bool finished_may_go(void *finished, const json_t *obj);

/* ---- gc.c ---- */

struct gc;
struct gc *gc_new(struct controller *c);
struct gc *gc_free(struct gc *gc);
void gc_look(struct gc *gc, const json_t *obj); /* new or changed; completed and archived */
void gc_gone(struct gc *gc, const char *uid);   /* deleted, or running again */
/* When a completed workflow is to be deleted; false: not by time. `defaults`: workflowDefaults or
 * NULL. Pure. */
bool gc_expiry(const json_t *obj, const json_t *defaults, struct wall *at);

/* ---- archiving.c ---- */

struct archiving;
struct archiving *archiving_new(struct controller *c); /* NULL: there is no archive */
struct archiving *archiving_free(struct archiving *a);
/* True: it is in the archive, or does not belong there; else the copy is begun, and the label that
 * says it is done makes it seen again. */
bool archiving_look(struct archiving *a, const json_t *obj);
size_t archiving_busy(const struct archiving *a); /* copies on their way */

/* ---- artifact_gc.c ---- */

struct artifact_gc;
struct artifact_gc *artifact_gc_new(struct controller *c);
struct artifact_gc *artifact_gc_free(struct artifact_gc *gc);
/* A completed workflow, perhaps being deleted. False: its artifacts are being collected. */
bool artifact_gc_look(struct artifact_gc *gc, const json_t *obj);
