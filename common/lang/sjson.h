/* common/lang/sjson.h: set and delete in raw JSON bytes by path, as Argo Events' parameter `dest`
 * uses it.
 *
 * The language is tidwall/sjson v1.2.5: a.b.0, \ escapes, -1 appends to an array, :123 is the
 * object key "123", missing steps are created, an index past the end pads with null. Bytes outside
 * the place are kept exactly: order, digits, spaces. Paths with wildcards or queries may set what
 * they find; deleting by them is an error. An empty path is an error. The result is appended to
 * `out` (whose max is the cap); `json` must not lie in `out`. The arena is scratch. Limits: padding
 * and path length as the caps of out and 64 KiB. Threads: any; pure. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

/* `raw` is spliced in as it stands (it should be JSON). */
int sjson_set_raw(struct buf *out, struct str json, struct str path, struct str raw,
                  struct arena *a, struct err *e) MUST_CHECK;
/* `text` becomes a JSON string, escaped as Go's encoder does (< > & as \u003c ...) when it must be
 * escaped at all. */
int sjson_set_string(struct buf *out, struct str json, struct str path, struct str text,
                     struct arena *a, struct err *e) MUST_CHECK;
/* Deleting what is not there gives the document unchanged. */
int sjson_delete(struct buf *out, struct str json, struct str path, struct arena *a,
                 struct err *e) MUST_CHECK;
