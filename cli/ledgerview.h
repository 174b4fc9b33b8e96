/* cli/ledgerview.h: what sensors wrote down about events, read from the bus.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

struct bus;
/* One record: space "trace/<ns>/<sensor>/<uid>", key, value as JSON. */
struct ledger_record {
        const char *ns, *sensor, *uid, *key;
        json_t *value; /* borrowed */
};
/* `each` returning false stops. */
typedef bool ledger_each_fn(void *arg, const struct ledger_record *r);
/* Every record of every sensor in spaces "<kind>/..." ("trace", "done", "dead", "intent") whose key
 * begins with `key` ("" all). */
int ledger_each(struct bus *b, const char *kind, const char *key, ledger_each_fn *each, void *arg,
                struct err *e) MUST_CHECK;
