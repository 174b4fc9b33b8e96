/* workflow/artifact/job.h: work on artifacts that lie elsewhere, from a loop: first the secrets
 * that locations name are looked up in the store, then `work` runs on a thread with the stores
 * open, then `done` is told on the loop. A slow server holds up nobody but its own job. Threads:
 * the loop's, but `work`. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/loop.h"
#include "workflow/artifact/artifact.h"

struct store;
struct artifact_job;
struct artifact_job_spec {
        struct loop *loop;
        struct pool **pool;  /* made by the first job; whoever owns it frees it */
        struct store *store; /* NULL: the mounts of base/secret.h */
        const char *ns, *data_dir;
        bool guard;
        const json_t *locations; /* every secret in this tree is looked up; borrowed for the call */
        int (*work)(struct artifacts *a, void *arg, struct err *e);
        void (*done)(void *arg, const struct err *e); /* e NULL: it worked. Not when abandoned */
        void (*free_arg)(void *arg);                  /* the last thing; on the loop */
        void *arg;
};
/* `done` may come before this returns only as a failure. Answers NULL when it has ended already. */
struct artifact_job *artifact_job_start(const struct artifact_job_spec *spec);
void artifact_job_cancel(struct artifact_job *j);  /* it ends soon, with UNAVAILABLE */
void artifact_job_abandon(struct artifact_job *j); /* cancelled, and nobody is told; NULL is fine */
