/* workflow/cron/crons_priv.h: what the files of the shell share. SPDX-License-Identifier:
 * Apache-2.0
 */
#pragma once
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/base/table.h"
#include "workflow/cron/crons.h"
#include "workflow/cron/cronwf.h"

struct child {                    /* a Workflow with our label */
        char *name, *uid, *owner; /* owner: uid of its CronWorkflow, NULL: none said */
        int64_t slot_ns, finished_ns;
        bool done, succeeded, may_go, deleting, judged; /* judged: looked at with the status */
        UT_hash_handle hh;
};
struct fire {                /* a slot whose workflow is being created; outlives its cron */
        struct cronrun *run; /* NULL: nobody waits any more */
        int64_t slot_ns;
        int tries;
        struct loop_timer again;
        struct fire *next, **prev;
};
struct cronrun { /* a CronWorkflow, or the name of one that children carry */
        struct crons *c;
        char *key, *ns, *name;
        struct log *log;
        json_t *object;           /* as stored; NULL: there is none */
        struct cronwf_spec *spec; /* NULL: it cannot be read */
        json_t *status;           /* as it will be stored */
        json_int_t generation;
        int64_t looked_ns, next_ns;
        struct child *children; /* by uid */
        struct fire *fires;
        json_t *fresh;       /* uids that were created here and not seen by the follow yet */
        json_t *patch_meta;  /* labels and annotations to store */
        struct patch_op *op; /* a patch in flight */
        bool dirty;
        struct loop_timer retry;
        UT_hash_handle hh;
};
struct crons {
        struct crons_options o;
        struct log *log;
        struct store_follow *objects, *workflows;
        bool objects_synced, workflows_synced;
        struct cronrun *runs;
        struct loop_timer timer; /* the earliest slot of all */
};
bool crons_live(const struct crons *c); /* both follows are complete */
void crons_arm(struct crons *c);

/* ---- run.c ---- */
struct cronrun *cronrun_new(struct crons *c, const char *ns, const char *name);
struct cronrun *cronrun_free(struct cronrun *r);
void cronrun_set(struct cronrun *r, json_t *object);
void cronrun_gone(struct cronrun *r);
void cronrun_begin(struct cronrun *r); /* everything was seen: what was missed, what is active */
void cronrun_tick(struct cronrun *r, int64_t now_ns);

/* ---- children.c ---- */
void children_set(struct cronrun *r, const json_t *workflow);
void children_gone(struct cronrun *r, const char *uid);
void children_judge(struct cronrun *r); /* status.active, counters, history */
void children_free(struct cronrun *r);

/* ---- status.c ---- */
void status_load(struct cronrun *r, const json_t *object);
void status_store(struct cronrun *r); /* a patch now, or after the one in flight */
void status_stop(struct cronrun *r);
size_t status_active(const struct cronrun *r);
bool status_is_active(const struct cronrun *r, const char *uid);
void status_add_active(struct cronrun *r, json_t *reference_taken);
void status_count(struct cronrun *r, const char *key); /* "succeeded", "failed" */
void status_scheduled(struct cronrun *r, int64_t slot_ns);
int64_t status_last_ns(const struct cronrun *r); /* 0: never */
bool status_stopped(const struct cronrun *r);
void status_condition(struct cronrun *r, const char *type, const char *message); /* NULL: none */
json_t *status_view(const struct cronrun *r); /* the object with it; new reference */
