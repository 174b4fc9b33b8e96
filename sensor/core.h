/* sensor/core.h: the decision core of one sensor: event in, verdicts, firings and state changes
 * out.
 *
 * Pure: no I/O, no clock, no randomness, so a recorded input gives the same decision again.
 * Semantics of the JetStream bus (argo-events.md 5.2, 6.3; conformance/events/dependencies.jsonl):
 * a condition without && fires per event with just that dependency and stores nothing; with && the
 * latest event per dependency is held until the condition is true, then all held events go into the
 * firing and are cleared; one event may satisfy several dependencies, one after another. Held
 * events survive restarts: they are puts of the same commit that moves the consumer's position.
 * Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/bus/bus.h"
#include "common/net/cloudevent.h"
#include "sensor/filter.h"
#include "sensor/spec.h"

/* A decoded event, refcounted; keeps its bus message alive. */
struct sensor_event {
        int refs;
        struct bus_msg *msg;
        struct arena arena; /* strings of ce */
        struct cloudevent ce;
};
int sensor_event_new(struct sensor_event **out, struct bus_msg *msg, struct err *e) MUST_CHECK;
/* The same event with another payload (JSON text). */
int sensor_event_with(struct sensor_event **out, const struct sensor_event *ev, const char *data,
                      struct err *e) MUST_CHECK;
struct sensor_event *sensor_event_ref(struct sensor_event *ev);
struct sensor_event *sensor_event_unref(struct sensor_event *ev);
AUTO_DEFINE(sensor_event_unref, struct sensor_event *);

struct sensor_core;
struct sensor_core *sensor_core_new(struct sensor_spec *spec); /* takes a reference */
struct sensor_core *sensor_core_free(struct sensor_core *c);
AUTO_DEFINE(sensor_core_free, struct sensor_core *);

enum dep_verdict { DEP_UNRELATED, DEP_PASS, DEP_REJECT, DEP_ERROR };
struct core_firing {
        size_t trigger;
        size_t n;
        struct core_held {
                size_t dep;
                struct sensor_event *event; /* a reference of the output */
        } * held;
};
struct core_hold { /* state change: this (trigger, dependency) now holds `event`; NULL = forgotten
                    */
        size_t trigger, dep;
        struct sensor_event *event;
};
struct core_output {
        bool duplicate;             /* seen already: nothing else is set */
        enum dep_verdict *verdicts; /* one per dependency */
        char **why;                 /* words for REJECT and ERROR, else NULL */
        struct core_firing *firings;
        size_t n_firings, firings_cap;
        struct core_hold *holds;
        size_t n_holds, holds_cap;
};
void core_output_init(struct core_output *o, const struct sensor_core *c);
void core_output_reset(struct core_output *o, const struct sensor_core *c); /* for the next event */
void core_output_deinit(struct core_output *o, const struct sensor_core *c);

/* What one dependency makes of an event: transform, then filters. `data`: the new payload. */
struct judgement {
        enum dep_verdict verdict;
        char *why;  /* heap; words for REJECT and ERROR, else NULL */
        char *data; /* heap, terminated; NULL: as it came */
};
/* One per dependency into `out`. Needs nothing but the spec and the event: any thread. */
void sensor_judge(const struct sensor_spec *spec, const struct sensor_event *ev,
                  struct arena *scratch, struct judgement *out);
void judgements_free(struct judgement *j, size_t n); /* also the array */
/* Some transform or filter runs a script: judge off the loop (eval.h). */
bool sensor_judge_is_slow(const struct sensor_spec *spec);

/* Judges and decides. */
void sensor_core_event(struct sensor_core *c, struct sensor_event *ev, struct core_output *out);
/* Decides on judgements that were made before (their texts are taken). */
void sensor_core_decide(struct sensor_core *c, struct sensor_event *ev, struct judgement *judged,
                        struct core_output *out);
/* Start-up: a held event read back from the state; ignored when the spec no longer has this pair.
 */
void sensor_core_restore(struct sensor_core *c, const char *trigger, const char *dep,
                         struct sensor_event *ev);
/* Conditions reset: forget what this trigger holds; or only what the bus got before a time. */
void sensor_core_forget(struct sensor_core *c, size_t trigger, struct core_output *out);
void sensor_core_forget_before(struct sensor_core *c, size_t trigger, struct wall before,
                               struct core_output *out);
const struct sensor_event *sensor_core_held(const struct sensor_core *c, size_t trigger,
                                            size_t dep);
struct sensor_spec *sensor_core_spec(const struct sensor_core *c);
/* Bit set of dependencies of which the trigger holds an event. */
uint64_t sensor_core_satisfied(const struct sensor_core *c, size_t trigger);
