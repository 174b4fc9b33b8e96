/* common/lang/sprig/gojson.h: a value as Go's encoding/json writes it: sorted keys, 1e+21, \u003c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/value.h"

struct gojson {
        struct abuf *b;
        const char *indent; /* NULL: compact */
        bool html;          /* < > & as \u003c ... */
};
/* False: the value (or a part) has no JSON form, or the arena is full (b->failed). */
bool gojson_put(struct gojson *j, struct val v);
