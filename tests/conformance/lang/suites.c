/* tests/conformance/lang/suites.c: which file is run by which suite. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/conformance/lang/cases.h"

const struct suite suites[] = {
        {"gjson.jsonl", case_gjson, JSON_DECODE_INT_AS_REAL},
        {"sjson.jsonl", case_sjson, JSON_DECODE_INT_AS_REAL},
        {"gotemplate.jsonl", case_gotemplate, JSON_DECODE_INT_AS_REAL},
        {"govaluate.jsonl", case_govaluate, JSON_DECODE_INT_AS_REAL},
        {"when.jsonl", case_when, 0},
        {"goregex.jsonl", case_goregex, 0},
        {"expr.jsonl", case_expr, 0},
        {"template.jsonl", case_tags, 0},
        {"labels.jsonl", case_labels, 0},
        {"units.jsonl", case_units, 0},
        {"cron.jsonl", case_cron, 0},
        {"jsonpath.jsonl", case_jsonpath, 0},
        {"lua.jsonl", case_lua, 0},
        {"jq.jsonl", case_jq, JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY},
};
const size_t suites_count = ARRAY_LEN(suites);
