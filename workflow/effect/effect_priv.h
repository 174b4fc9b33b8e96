/* workflow/effect/effect_priv.h: shared inside workflow/effect.
 *
 *   effect.c     starting, telling, ending: what all kinds share
 *   http.c       http: requests, redirects, the success condition
 *   resource.c   resource: the action; resource_wait.c its conditions; resource_flags.c kubectl's
 *                words; resource_out.c its output parameters
 *   plugin.c     plugin: the executor plugin protocol; sidecar*.c: plugins of a workflow
 *   data.c       data: lists of artifacts, transformed; data_out.c its artifacts
 *   condition.c  successCondition and failureCondition of resources
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_client.h"
#include "common/store/store.h"
#include "workflow/effect/effect.h"
#include <uthash.h>

struct effect;
struct effect_kind {        /* a driver */
        const char *member; /* of the template */
        size_t state_size;  /* zeroed before start */
        unsigned at_once;   /* so many are under way, the others wait as Pending; 0: no limit */
        /* Later, or at once: effect_end(). */
        void (*start)(struct effect *f, const json_t *spec);
        /* Nothing may call back afterwards; also after an end and after half a start. */
        void (*stop)(struct effect *f);
};
#define EFFECT(member) extern const struct effect_kind effect_##member;
#include "workflow/effect/effects.def"
#undef EFFECT

struct effects {
        struct effects_options o;
        char *data_dir;
        runner_update_fn *update;
        void *arg;
        struct http_client *http;
        struct pool *pool; /* for listings; made by the first one */
        struct sidecars *sidecars;
        struct effect *by_key;
        struct effect *queue, **queue_end; /* those that wait for their turn */
        unsigned under_way[4];             /* of each kind, in the order of effects.def */
};
struct effect_call {       /* an answer of the store on its way */
        struct effect *of; /* NULL: nobody waits any more */
};
struct effect {
        struct effects *all;
        const struct effect_kind *kind;
        char *key, *uid, *node, *ns, *workflow;
        json_t *template, *spec; /* spec: of the workflow, effective; NULL */
        char *note;              /* why it is not done yet, NULL */
        char *progress;          /* "1/3", NULL */
        bool capture, told_running, ended, begun;
        struct effect *next_queued;
        struct wall started;
        struct loop_timer deadline;
        struct loop_task tell;
        struct effect_call *call;
        /* how it ended */
        enum pod_phase phase;
        char *message;
        int exit_code;
        json_t *outputs;
        void *state;
        UT_hash_handle hh;
};

/* `outputs_taken` may be NULL. The first end counts. */
void effect_end(struct effect *f, enum pod_phase phase, int exit_code, json_t *outputs_taken,
                const char *fmt, ...) PRINTF_LIKE(5, 6);
/* While it goes on: words for its node; NULL or "": none. */
void effect_note(struct effect *f, const char *words);
void effect_progress(struct effect *f, const char *progress); /* "1/3"; NULL: as before */
/* As an executor that failed: "main: Error (exit code 64): <words>"; clears e. */
void effect_fail_64(struct effect *f, struct err *e);
/* For a callback of the store that names the effect; effect_answered() gives it back, NULL when
 * nobody waits. One call at a time. */
struct effect_call *effect_asks(struct effect *f);
struct effect *effect_answered(struct effect_call *call);

/* condition.c: "status.phase in (A, B), metadata.name == x" over the JSON text of an object. */
enum condition { CONDITION_WAIT, CONDITION_MET, CONDITION_FAILED };
struct conditions;
int conditions_new(struct conditions **out, const char *success, const char *failure,
                   struct err *e) MUST_CHECK;
struct conditions *conditions_free(struct conditions *c);
AUTO_DEFINE(conditions_free, struct conditions *);
/* FAILED: e says which failure condition holds. */
enum condition conditions_check(const struct conditions *c, const json_t *object, struct err *e);

/* resource_flags.c: what kubectl's flags mean here. */
struct resource_flags {
        char *kind, *name, *ns; /* NULL: not given */
};
int resource_flags_read(struct resource_flags *out, const json_t *flags, struct err *e) MUST_CHECK;
void resource_flags_deinit(struct resource_flags *f);

/* resource_out.c: {"exitCode": "0", "parameters": [...]} of the object (NULL: none). */
int resource_outputs(json_t **out, const json_t *template, const json_t *object,
                     struct err *e) MUST_CHECK;
