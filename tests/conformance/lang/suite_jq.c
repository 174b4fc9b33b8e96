/* tests/conformance/lang/suite_jq.c: jq.jsonl. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq.h"
#include "tests/conformance/lang/cases.h"

static bool collect(void *arg, struct str text, bool finite)
{
        json_t *list = arg;
        (void)finite;
        json_t *v = json_loadb(text.p, text.n,
                               JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
        json_array_append_new(list, v ? v : json_string("(not JSON)"));
        return json_array_size(list) < 10000;
}

bool case_jq(struct record *r)
{
        struct err e = {0};
        AUTO(jq_free) struct jq *q = NULL;
        AUTO_JSON json_t *got = json_array();
        const json_t *want = json_object_get(r->j, "results");
        int rc = jq_new(&q, rec_str(r, "filter"), NULL, &e);
        if (rc == 0)
                rc = jq_run(q, rec_raw(r, "input"), clock_system(), collect, got, &e);
        if (rc < 0)
                buf_addf(&r->got, "(%s) ", err_msg(&e));
        json_put(&r->want, want, JSON_STYLE_SORTED);
        json_put(&r->got, got, JSON_STYLE_SORTED);
        bool same = want && same_json(want, got);
        return rec_check_failed(r, rc < 0, &e) && same;
}
