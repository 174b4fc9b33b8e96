/* workflow/engine/simulate_priv.h: the state of one simulation. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/engine.h"
#include "workflow/engine/locks.h"
#include "workflow/engine/simulate.h"
#include <uthash.h>

struct sim_pod {
        char *id;   /* node id: the key */
        char *name; /* full node name */
        char *pod_name;
        json_t *template;   /* as it was sent out */
        const json_t *rule; /* borrowed from the case */
        enum wf_work work;
        bool capture, exit_tree;
        int64_t deadline_s, started_ns, ends_ns; /* INT64_MAX: never */
        bool running, ended, pending_forever, deadline_hit;
        UT_hash_handle hh;
};
struct sim_action {
        const json_t *spec;
        bool done;
};
struct simulation {
        const json_t *test_case;
        const struct simulate_options *options;
        struct wf *wf;
        json_t *workflow; /* as stored: metadata, spec, and the status of the last step when
                             restoring */
        struct wf_lookup lookup;
        json_t *objects; /* of the case; memoization adds to it */
        struct locks *locks;
        struct sim_pod *pods; /* uthash in order of creation */
        json_t *waves;
        json_t *recording;                   /* of what the engine was fed, NULL: not wanted */
        json_t *recorded, *recorded_objects; /* what there was when it began */
        int64_t start_ns, now_ns, timer_ns;
        size_t ended, steps, next_action;
        unsigned run; /* retries and resubmits so far */
        bool progressed;
        char *failed_action; /* what went wrong with an action */
};
/* ---- simulate_pods.c ---- */
const json_t *sim_rule(const struct simulation *s, const struct sim_pod *p);
void sim_pod_plan(struct simulation *s, struct sim_pod *p); /* when and how it ends */
/* The final update of a pod; `outputs` and `message` are owned by the caller. */
int sim_pod_outcome(const struct simulation *s, const struct sim_pod *p, char **message,
                    json_t **outputs);
/* What a containerSet's pod says of its containers; NULL for other pods. New reference. */
json_t *sim_pod_containers(const struct sim_pod *p, bool ended);
/* http and plugin: Argo's agent tells of their end only, and no pod deadline ends them. */
static inline bool sim_is_request(const struct sim_pod *p)
{
        return p->work == WORK_HTTP || p->work == WORK_PLUGIN;
}
bool sim_glob(const char *pattern, const char *text);
/* ---- simulate_redo.c: retry and resubmit ---- */
/* *refused (heap): the words; nothing has changed. */
int sim_redo(struct simulation *s, const json_t *action, char **refused, struct err *e);
/* ---- simulate.c ---- */
json_t *sim_stored(struct simulation *s); /* the object as a controller would have stored it */
int sim_load(struct simulation *s, struct err *e); /* s->workflow into a new engine */
void sim_forget_pod(struct simulation *s, struct sim_pod *p);
int sim_start(struct simulation *s, struct err *e); /* its first step */
/* ---- simulate_objects.c ---- */
json_t *sim_object(const struct simulation *s, const char *kind, const char *name);
void sim_put_limits(struct simulation *s); /* `syncLimits` of the case become their ConfigMap */
void sim_store_entry(struct simulation *s, const json_t *data); /* of a WF_CACHE command */
/* {cache: {key: {nodeID, outputs}}} of all memoization caches, NULL: there are none. */
json_t *sim_caches(const struct simulation *s);
/* ---- simulate_result.c ---- */
json_t *sim_data(const json_t *io); /* inputs or outputs in the form of the cases, NULL */
json_t *sim_result(const struct simulation *s, bool stalled);
/* ---- simulate_actions.c ---- */
bool sim_action_kind(const char *name, enum wf_input_kind *kind);
void sim_edit_spec(struct simulation *s, const struct wf_input *in); /* into the stored object */
const json_t *sim_next_action(const struct simulation *s);           /* NULL: none is left */
bool sim_action_due(const struct simulation *s, const json_t *action, bool idle);
