/* sensor/sensor_priv.h: one running sensor, shared by sensor.c (life cycle), intake.c (events,
 * commits) and firing.c (attempts, outcomes). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/lang/limits.h"
#include "common/store/store.h"
#include "sensor/core.h"
#include "sensor/ledger.h"
#include "sensor/sensor.h"
#include "triggers/trigger_driver.h"

struct sensor;

/* Per trigger: who waits, who runs, when the next may start. Survives a change of the spec by name.
 */
struct trigger_queue {
        struct sensor *sensor;
        size_t index;
        struct firing *waiting, **waiting_end;
        size_t running;
        struct mono next_start; /* rate limit */
        struct loop_timer timer;
        struct metric_series *m_ok, *m_failed, *m_gave_up, *m_duration;
};

struct firing {
        struct sensor *sensor;
        struct sensor_spec *spec; /* the one it was decided under */
        size_t trigger;
        char id[FIRING_ID_LEN + 1];
        struct core_held *held;
        size_t n_held;
        struct wall created;
        struct mono started;
        int attempts;
        bool running, finished;  /* finished: the driver has answered this attempt */
        struct loop_timer timer; /* pause before the next attempt */
        struct trigger_event *events;
        struct trigger_action *action; /* of this attempt; the sensor's own as long as it is here */
        struct firing *next;           /* in the waiting queue */
        struct firing *all_next, **all_prev; /* in sensor->firings */
};

/* Serial commits: one is under way, the next gathers behind it. */
struct lane {
        struct sensor *sensor;
        struct ledger_puts gather, flight;
        uint64_t gather_pos, flight_pos;
        struct firing **born, **flight_born; /* firings whose intent is in gather / flight */
        size_t n_born, born_cap, n_flight_born, flight_born_cap;
        bool committing;
        struct loop_timer retry; /* of a failed commit */
        int64_t retry_ms;
};

/* Events that are judged off the loop, in order. */
struct eval_batch;
struct eval_queue {
        struct eval_batch *first, **end, *under_way;
        size_t waiting; /* events, those under way too */
};

/* One conditionsReset. */
struct reset_timer {
        struct sensor *sensor;
        size_t trigger, index;
        int64_t due_ns; /* wall clock */
        struct loop_timer timer;
};

struct sensor {
        struct sensors *owner;
        struct sensor_spec *spec;
        struct sensor_core *core;
        struct core_output output;
        struct bus_consumer *consumer;
        struct log *log;
        char *spaces[LEDGER_SPACES];
        struct trigger_env env;
        struct trigger_queue *queues; /* one per trigger of spec */
        struct firing *firings;       /* all not yet done or dead */
        size_t n_firings;
        size_t dead;
        char *error;    /* why it does not run */
        json_t *object; /* as last set: an unchanged one is not restarted */

        struct lane decisions, outcomes;
        bool slow; /* has scripts: events go through `eval` */
        struct eval_queue eval;
        struct reset_timer *resets;
        size_t n_resets;
        bool paused, closing;
        struct loop_task start_again; /* the bus took an event back: on from the durable state */
        struct metric_series *m_fired, *m_rejected, *m_errors, *m_unrelated, *m_lag, *m_dead;
        struct sensor *next;
};

struct sensors {
        struct sensors_options o;
        char *ns, *label_selector, *name;
        struct log *log;
        struct sensor *list;
        struct store_follow *follow;
        bool synced;
        loop_fn *drained;
        void *drained_arg;
        struct loop_timer drain_timer;
        struct loop_task drain_check;
        bool draining;
};

/* intake.c */
void sensor_on_messages(void *arg, struct bus_msg *const *msgs, size_t n);
int sensor_revive(struct sensor *s, const char *firing_id, const char *text,
                  struct err *e) MUST_CHECK;    /* a dead letter runs again */
void sensor_relieve_pressure(struct sensor *s); /* a firing ended */
int sensor_load_state(struct sensor *s, struct err *e) MUST_CHECK;

/* The event was read from `msg`, or is NULL when it cannot be; `judged` NULL: judge it now. */
void sensor_decide(struct sensor *s, struct bus_msg *msg, struct sensor_event *ev,
                   struct judgement *judged);
void sensor_decided(struct sensor *s, uint64_t pos); /* commits what was decided up to pos */
/* The trigger forgets what the bus got before a time; goes with the next commit of decisions. */
void sensor_forget_before(struct sensor *s, size_t trigger, struct wall before);

/* eval.c */
void eval_init(struct eval_queue *q);
void eval_stop(struct eval_queue *q);
void eval_messages(struct sensor *s, struct bus_msg *const *msgs, size_t n);

/* reset.c */
void resets_start(struct sensor *s);
void resets_stop(struct sensor *s);

/* lane.c */
void lane_init(struct lane *l, struct sensor *s);
void lane_commit(struct lane *l); /* what was gathered goes as soon as the lane is free */
void lane_add_firing(struct lane *l, struct firing *f); /* starts with the commit of its intent */
bool lane_idle(const struct lane *l);
void lane_stop(struct lane *l); /* no more retries */
void lane_deinit(struct lane *l);

/* firing.c */
struct firing *firing_new(struct sensor *s, size_t trigger, const char *id, struct wall created,
                          struct core_held *held_taken, size_t n);
void firing_free(struct firing *f);
bool firing_early(const struct firing *f); /* may run right behind the submitted intent */
void firing_enqueue(struct firing *f);
void queue_init(struct trigger_queue *q, struct sensor *s, size_t index);
void queue_deinit(struct trigger_queue *q);
