/* eventsource/source_filter.h: `filter: {expression: ...}` of an event: which payloads reach the
 * bus.
 *
 * As in Argo Events: the variables are the members of the payload's object, '-' in their names is
 * '_', dotted names are nested; what is false, no boolean, or fails drops the event. Threads: any;
 * an expression is compiled once per source.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/field.h"
#include "common/lang/expr.h"

/* A field of a driver's table; the runtime finds it there by .sub. */
struct source_filter {
        char *expression;
};
extern const struct field source_filter_fields[];
#define FILTER_FIELD(S, member)                                                        \
        FIELD(S, member, FIELD_OBJ_PTR, .name = "filter", .sub = source_filter_fields, \
              .sub_size = sizeof(struct source_filter),                                \
              .help = "other events are dropped before they reach the bus")

/* What the table found in a loaded configuration; NULL: no filter. */
const struct source_filter *source_filter_of(const struct field *fields, const void *config);
/* Syntax errors, where they stand in the file. `at` is the event's path. */
void source_filter_check(const struct source_filter *c, const struct jpath *at, struct diags *d);
/* False: dropped; then `why` says what failed, if something did. */
bool source_filter_passes(const struct expr *x, struct str payload, struct clock *clock,
                          struct arena *a, struct err *why);
