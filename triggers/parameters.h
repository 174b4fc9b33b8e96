/* triggers/parameters.h: Argo Events' trigger parameters: values out of events, set into documents
 * by path.
 *
 * Source of the rules: argo-events.md 6.6, conformance/events/parameters.jsonl. Values are read
 * from the raw payload (lang/gjson), set by typed path (lang/sjson), never by text substitution;
 * without useRawData every value becomes a JSON string; event data is never evaluated again. A
 * parameter whose dependency has no event is skipped unless it has a `value`. Pure; any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/diag.h"
#include "triggers/trigger_driver.h"

enum param_state { PARAM_VALUE, PARAM_ABSENT /* skip it */ };
struct param_value {
        enum param_state state;
        const char *type; /* gjson's name: "String", "Number", "JSON", "True", "False", "Null" */
        struct buf text;  /* the value as text; owned */
        struct buf raw;   /* its raw JSON, for useRawData; owned; empty when type is String */
};
void param_value_deinit(struct param_value *v);
/* One source {dependencyName, contextKey, contextTemplate, dataKey, dataTemplate, value,
 * useRawData}. */
int param_resolve(struct param_value *out, const json_t *src, const struct trigger_event *events,
                  size_t n, struct err *e) MUST_CHECK;
/* Apply a list of parameters to a JSON text, in place. */
int params_apply(struct buf *doc, const json_t *params, const struct trigger_event *events,
                 size_t n, struct err *e) MUST_CHECK;
/* The same on trees: *out is a new reference; `object` is borrowed. Without parameters it is the
 * object itself. */
int params_apply_json(json_t **out, const json_t *object, const json_t *params,
                      const struct trigger_event *events, size_t n, struct err *e) MUST_CHECK;
/* A document from nothing (http.payload and friends). Empty when there are no parameters. */
int params_payload(struct buf *out, const json_t *params, const struct trigger_event *events,
                   size_t n, struct err *e) MUST_CHECK;
/* Lint: shapes of a parameter list; sources must name a dependency, dest must not be empty (unless
 * allowed). */
void params_check(const json_t *params, bool empty_dest_allowed, const struct jpath *at,
                  struct diags *d);
/* The event as the templates see it: {"context": {...}, "data": "<base64>"}; compact JSON. */
void trigger_event_put(struct buf *b, const struct trigger_event *ev);
void trigger_context_put(struct buf *b, const struct trigger_event *ev);
extern const struct field parameter_fields[]; /* for docs and checks */
