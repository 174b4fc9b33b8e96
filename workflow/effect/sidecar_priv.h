/* workflow/effect/sidecar_priv.h: shared by sidecar.c (when they run), sidecar_user.c (who uses
 * them) and sidecar_pod.c (what they are). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/effect/sidecar.h"
#include <uthash.h>

struct sidecars {
        struct loop *loop;
        struct runner *runner;
        char *data_dir;
        struct sidecar *by_key;
        uint64_t turn;
};
enum sidecar_state {
        SIDECAR_IDLE,   /* it has no pod */
        SIDECAR_WAITS,  /* for its port */
        SIDECAR_PAUSES, /* it has died and is started again soon */
        SIDECAR_STARTED,
        SIDECAR_RUNS,
        SIDECAR_ENDS, /* it was told to */
};
struct sidecar {
        struct sidecars *all;
        enum sidecar_state state;
        char *key; /* uid/index */
        char *ns, *workflow, *uid, *name;
        size_t index;
        unsigned attempt; /* of the pod that is, or will be */
        uint16_t port;
        bool own_network, over; /* over: its workflow is */
        json_t *template;
        struct secret *token;
        struct err wrong; /* it cannot be run at all */
        struct sidecar_user *users;
        uint64_t turn; /* WAITS: who came first */
        int failures;  /* in a row */
        char *death;   /* words of the last one */
        int64_t launched_ns, running_ns;
        struct loop_timer pause;
        UT_hash_handle hh;
};
struct sidecar_user {
        struct sidecar *of;
        struct sidecar_user *next;
        sidecar_ready_fn *ready;
        sidecar_waits_fn *waits;
        void *arg;
        bool waiting; /* for a connection */
        struct runner_dial *dial;
        struct loop_timer again;
        struct loop_task tell; /* why there is no connection */
        struct err failed;
        int64_t pause_ms;
};

/* ---- sidecar.c ---- */
struct sidecar *sidecar_get(struct sidecars *all, const struct sidecar_of *of, size_t index);
void sidecar_want(struct sidecar *s);   /* somebody waits for it */
void sidecar_unused(struct sidecar *s); /* somebody left */
/* ---- sidecar_user.c ---- */
void sidecar_users_dial(struct sidecar *s); /* it runs */
void sidecar_users_fail(struct sidecar *s, const struct err *e);
void sidecar_users_note(struct sidecar *s, const char *why);
bool sidecar_is_awaited(const struct sidecar *s);
char *sidecar_story(const struct sidecar *s);
/* ---- sidecar_pod.c ---- */
/* Template, port, network, token. */
int sidecar_describe(struct sidecar *s, const struct sidecar_of *of, struct err *e) MUST_CHECK;
/* Does a program that is none of ours listen there? */
bool sidecar_port_taken(uint16_t port);
