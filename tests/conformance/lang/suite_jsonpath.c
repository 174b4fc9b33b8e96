/* tests/conformance/lang/suite_jsonpath.c: jsonpath.jsonl. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jsonpath.h"
#include "common/lang/limits.h"
#include "tests/conformance/lang/cases.h"

bool case_jsonpath(struct record *r)
{
        struct err e = {0};
        AUTO(jsonpath_free) struct jsonpath *p = NULL;
        AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT);
        bool allow = json_is_true(json_object_get(r->j, "allowMissingKeys"));
        struct val data = val_from_json(r->arena, rec_raw(r, "data"), VAL_FLOATS);
        int rc = jsonpath_new(&p, rec_str(r, "path"), NULL, &e);
        if (rc == 0)
                rc = jsonpath_put(p, data,
                                  allow ? JSONPATH_MISSING_IS_EMPTY : JSONPATH_MISSING_FAILS,
                                  r->arena, &out, &e);
        return rec_check_text(r, rc < 0, &e, (struct str){buf_str(&out), out.len});
}
