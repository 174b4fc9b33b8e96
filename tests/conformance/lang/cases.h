/* tests/conformance/lang/cases.h: one recorded case and the suites that know how to run it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

struct record {
        const json_t *j;     /* the whole line */
        struct str line;     /* its text, where numbers matter as written */
        struct arena *arena; /* fresh for each case */
        struct buf want, got;
};
/* True: the case passes; else want and got say what differs. */
typedef bool case_fn(struct record *r);

struct suite {
        const char *file;
        case_fn *run;
        size_t flags; /* of jansson */
};
extern const struct suite suites[];
extern const size_t suites_count;

case_fn case_gjson, case_sjson, case_goregex, case_gotemplate, case_govaluate, case_when;
case_fn case_labels, case_units, case_cron, case_jsonpath, case_lua, case_expr, case_tags, case_jq;

/* ---- for suites ---- */
struct str rec_str(const struct record *r, const char *member); /* "" when absent */
struct str rec_raw(const struct record *r,
                   const char *member); /* JSON text as it stands; .p NULL */
bool rec_fails(const struct record *r); /* it has an "error" */
/* Ends a case: failed tells whether we failed (with e, which is cleared); else text is compared
 * with `result`. */
bool rec_check_text(struct record *r, bool failed, struct err *e, struct str text);
bool rec_check_failed(struct record *r, bool failed, struct err *e); /* only failing or not */
/* The same with a value: compared as JSON, numbers as doubles. */
bool rec_check_json(struct record *r, bool failed, struct err *e, const json_t *value);
bool same_json(const json_t *a, const json_t *b);
void put_utf8(struct buf *b, struct str s); /* broken bytes as U+FFFD, as the records have them */
