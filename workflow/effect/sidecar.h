/* workflow/effect/sidecar.h: the executor plugins of a workflow (spec.executorPlugins): each is a
 * pod beside it.
 *
 * A sidecar is started when a template wants it first, and goes with its workflow. It outlives this
 * process as every pod does and is found again by its name. One that has died is started again, a
 * few times in a row. Where plugins share the machine's network, a port is one plugin's at a time:
 * one that nobody uses just then makes room for one that waits, and is started again when it is
 * wanted. Nothing calls back from inside a call. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/secret.h"
#include "workflow/runner/runner.h"

struct sidecars;
struct sidecars *sidecars_new(struct loop *l, const char *data_dir);
struct sidecars *sidecars_free(struct sidecars *all); /* nobody uses one; what runs goes on */
/* Borrowed; before anything else. NULL: everything ends, nothing is started or ended any more. */
void sidecars_use(struct sidecars *all, struct runner *r);

struct sidecar_of { /* borrowed for the call */
        const char *ns, *workflow, *uid;
        const json_t *spec; /* of the workflow, effective */
};
/* A connection (the caller's), or why there is none. */
typedef void sidecar_ready_fn(void *arg, int fd, const struct err *e);
typedef void sidecar_waits_fn(void *arg, const char *why);
struct sidecar_user;
/* Wants spec.executorPlugins[index] from now on, until it leaves. */
struct sidecar_user *sidecar_join(struct sidecars *all, const struct sidecar_of *of, size_t index,
                                  sidecar_ready_fn *ready, sidecar_waits_fn *waits, void *arg);
void sidecar_leave(struct sidecar_user *u); /* NULL is fine */
/* `ready` comes later, once, when it listens. One at a time. */
void sidecar_connect(struct sidecar_user *u);
void sidecar_answered(struct sidecar_user *u); /* it does work: earlier deaths are forgiven */
/* "" or "it has ended 2 times: <why>; see `tiphys logs ...`"; heap. */
char *sidecar_user_story(const struct sidecar_user *u) MUST_CHECK;
const struct secret *sidecar_token(const struct sidecar_user *u);
uint16_t sidecar_port(const struct sidecar_user *u);

/* Under this id the runner has the pod of a start of a plugin, the first being 0; heap. */
char *sidecar_node_id(size_t index, unsigned attempt) MUST_CHECK;
bool sidecar_node_of(const char *node_id, size_t *index, unsigned *attempt); /* false: it is none */
/* After a restart: what runs of this workflow is known again. */
void sidecars_adopt(struct sidecars *all, const struct sidecar_of *of);
void sidecars_end(struct sidecars *all, const char *uid);        /* the workflow is over */
void sidecars_kill(struct sidecars *all);                        /* SIGKILL for all of them */
bool sidecars_busy(const struct sidecars *all, const char *uid); /* does one of it still run? */
size_t sidecars_running(const struct sidecars *all);
/* False: it is none of ours. */
bool sidecars_on_pod(struct sidecars *all, const char *uid, const char *node_id,
                     const struct pod_status *st);
