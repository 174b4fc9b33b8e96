/* sensor/filter.h: does one event pass one dependency's filters? Pure: no I/O, no clock. Safe on
 * any thread once built. Semantics: argo-events.md 6.5 (data, context, exprs, time, script;
 * `and`/`or` at three levels; an error rejects even under `or`). SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/field.h"
#include "common/base/mem.h"
#include "common/net/cloudevent.h"
#include <jansson.h>

struct filter;
enum filter_verdict { FILTER_PASS, FILTER_REJECT, FILTER_ERROR };

/* `filters` is the `filters` object of a dependency (NULL: passes everything, *out = NULL).
 * Problems go to `d`; *out is there all the same: what cannot be read is an error for every event.
 */
int filter_new(struct filter **out, const json_t *filters, bool operator_or, const struct jpath *at,
               bool strict, struct diags *d) MUST_CHECK;
struct filter *filter_free(struct filter *f);
AUTO_DEFINE(filter_free, struct filter *);
/* `why` gets a few words when it does not pass ("data body.n: 5 is not > 10"); with FILTER_ERROR
 * the error's words. */
enum filter_verdict filter_check(const struct filter *f, const struct cloudevent *ev,
                                 struct arena *scratch, struct buf *why);
bool filter_is_slow(const struct filter *f); /* it runs a script: keep it off the loop */
extern const struct field filter_fields[];   /* base/field.h */
