/* workflow/runner/local/env_priv.h: the environment under construction: env.c, and env_fetch.c for
 * values from elsewhere. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/runner/local/local_priv.h"

/* Stands for the pod's address, which only the executor knows. */
#define POD_IP_PLACE WIRE_POD_IP

struct variable {
        char *name, *value;
        UT_hash_handle hh; /* keeps the order in which names came first */
};
struct env {
        struct runner *runner;
        struct variable *vars;
        json_t *sources; /* envFrom entries as {"from": ...}, then env entries */
        size_t next;     /* source to look at */
        json_t *args, *metadata, *container;
        json_t *template; /* for limits of other containers */
        char *ns, *pod_name, *service_account;
        char uid[37];
        const json_t *asked; /* the source whose answer is awaited */
        bool asking, abandoned, private_network;
        env_done_fn *done;
        void *done_arg;
};
void env_continue(struct env *env);
void env_fail(struct env *env, struct err *e); /* ends it; clears e */
void env_fetch(struct env *env, const json_t *source);
void env_destroy_abandoned(struct env *env);
