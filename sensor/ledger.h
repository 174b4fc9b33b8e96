/* sensor/ledger.h: what a sensor writes down, as puts of a bus commit. Spaces, each followed by
 * "<namespace>/<sensor>/<uid>": hold/   key "<trigger>/<dependency>"  events that wait for the rest
 * of their condition expr/   key "<trigger>"               the condition they wait for: another one
 * drops them intent/ key firing id                 decided and not yet carried out, with the events
 *   done/   key firing id                 carried out: what was done, event ids (expires with the
 * bus's retention) dead/   key firing id                 given up: events, attempts, reason trace/
 * key event id                  the decision trace (expires with the bus's retention) Values are
 * JSON. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/bus/bus.h"
#include "sensor/core.h"

enum ledger_space {
        LEDGER_HOLD,
        LEDGER_EXPR,
        LEDGER_INTENT,
        LEDGER_DONE,
        LEDGER_DEAD,
        LEDGER_TRACE,
        LEDGER_SPACES
};
/* "hold/default/docproc-sensor/<uid>"; heap. */
char *ledger_space_name(enum ledger_space space, const struct sensor_spec *spec) MUST_CHECK;

/* A growing list of puts that owns its texts. */
struct ledger_puts {
        struct bus_put *items;
        size_t n, cap;
};
void ledger_put_take(struct ledger_puts *p, const char *space, const char *key,
                     char *value_taken); /* NULL deletes */
void ledger_puts_move(struct ledger_puts *to,
                      struct ledger_puts *from); /* append; `from` is empty afterwards */
void ledger_puts_deinit(struct ledger_puts *p);

enum { FIRING_ID_LEN = 50 };
/* hash("v1", sensor uid (namespace/name without one), trigger, sorted (dependency, event id)). */
void firing_id_of(char out[FIRING_ID_LEN + 1], const struct sensor_spec *spec, const char *trigger,
                  const struct core_held *held, size_t n);

struct ledger_outcome {
        int attempts;
        struct wall created, finished;
        const char *what;        /* OK: "created Workflow default/x" */
        const struct err *error; /* dead */
};
char *ledger_event_text(const struct sensor_event *ev) MUST_CHECK;
/* `outcome` NULL: an intent. With `full` the events themselves are kept, else their ids. */
char *ledger_firing_text(const struct sensor_spec *spec, const char *trigger, struct wall created,
                         const struct core_held *held, size_t n, bool full,
                         const struct ledger_outcome *outcome) MUST_CHECK;
char *ledger_trace_text(const struct sensor_core *core, const struct sensor_event *ev,
                        const struct core_output *out, const char *const *firing_ids) MUST_CHECK;
/* Read back. The event of one hold value. */
int ledger_read_event(struct sensor_event **out, const char *text, size_t n,
                      struct err *e) MUST_CHECK;
struct ledger_firing {
        char *trigger;
        struct wall created;
        struct ledger_firing_event {
                char *dependency;
                struct sensor_event *event;
        } * events;
        size_t n;
};
int ledger_read_firing(struct ledger_firing *out, const char *text, size_t n,
                       struct err *e) MUST_CHECK;
void ledger_firing_deinit(struct ledger_firing *f);
